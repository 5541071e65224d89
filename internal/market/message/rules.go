package message

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"yunshi/internal/base/text"
)

// mailedCodes are the notices that also leave by mail: they have legal effect, or
// warn about money or access.
var mailedCodes = []string{
	"N-01", "N-02", "N-11", "N-12", "N-13", "N-21", "N-22", "N-31", "N-32", "N-33", "N-41", "N-42", "N-43", "N-44", "N-45", "N-56", "N-61",
	"I-01", "I-02", "I-03",
	"N-03", "N-81", "N-82", "N-91", "OP-01", "OP-02",
	"N-46", "N-47", "N-72", "C-01", "C-02",
	"N-71", "N-73", "P-02", "P-03", "P-04",
	"O-01", "O-02", "O-03", "O-04", "O-05", "S-02", "S-03", "S-04", "S-05", "V-01", "V-02",
	"T-01", "K-01", "K-02",
	"N-51", "N-53", "N-54", "N-55", "M-01", "M-02",
}

func mailed(code string) bool { return slices.Contains(mailedCodes, code) }

// render writes a notice in both languages. An unknown code is a defect of the
// caller.
func render(ctx context.Context, n Notice) (bodies, error) {
	c := bodies{}
	for _, l := range []text.Lang{text.ZH, text.EN} {
		title, body := "notice."+n.Code+".title", "notice."+n.Code+".body"
		if !text.Has(l, title) || !text.Has(l, body) {
			return nil, fmt.Errorf("message: no template for notice %q", n.Code)
		}
		kv := params(text.With(ctx, l), l, n.Params)
		c[l] = rendered{Title: text.In(l, title, kv...), Body: text.In(l, body, kv...)}
	}
	return c, nil
}

// params turns the parameters of a notice into those of its template in one
// language.
func params(ctx context.Context, l text.Lang, in map[string]string) []any {
	suffix := strings.ToUpper(string(l))
	var kv []any
	for name, value := range in {
		switch {
		case strings.HasSuffix(name, suffix):
			name = strings.TrimSuffix(name, suffix)
		case strings.HasSuffix(name, "ZH"), strings.HasSuffix(name, "EN"):
			continue
		case strings.HasSuffix(name, "At"):
			if t, err := time.Parse(time.RFC3339, value); err == nil {
				value = text.Time(ctx, t)
			}
		case name == "Clause" || name == "Rule" || name == "Basis":
			value = text.Clauses(l, strings.Split(value, ", ")...)
		default:
			if key := "notice." + strings.ToLower(name) + "." + value; text.Has(l, key) {
				value = text.In(l, key)
			}
		}
		kv = append(kv, name, value)
	}
	return kv
}
