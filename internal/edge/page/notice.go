package page

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"yunshi/internal/base/fault"
	"yunshi/internal/base/text"
)

// Tone is what a state means to the reader. Each tone has its own icon, and the
// word is always shown.
type Tone string

// The tones.
const (
	Neutral Tone = "neutral"
	Info    Tone = "info"
	Success Tone = "success"
	Warning Tone = "warning"
	Danger  Tone = "danger"
)

func (t Tone) icon() string {
	switch t {
	case Success:
		return "check"
	case Warning:
		return "warning"
	case Danger:
		return "stop"
	case Info:
		return "info"
	default:
		return "dot"
	}
}

// Refusal is a fault as a page shows it: what is refused, why, and what to do
// next.
type Refusal struct {
	Text    string
	Code    string // stable fault code
	Clause  string // "UA 4.3"; "" when no clause is behind it
	Next    string // what to do next
	Action  Action // the way on; zero for none
	Fields  []FieldRefusal
	Request string // reference for support; shown for internal errors
}

// FieldRefusal is what is wrong with one field: its name in the form, its label
// as the person knows it ("" when For was not called), and the text.
type FieldRefusal struct {
	Name  string
	Label string
	Text  string
}

// sentence joins label and text with the colon of the language.
func (f FieldRefusal) sentence(l text.Lang) string {
	switch {
	case f.Label == "":
		return f.Text
	case l == text.ZH:
		return f.Label + "：" + f.Text
	default:
		return f.Label + ": " + f.Text
	}
}

// For gives the refused fields their labels and the order of the form. A field
// that the form does not ask for comes last.
func (f Refusal) For(fields ...Field) Refusal {
	place := func(name string) int {
		if i := slices.IndexFunc(fields, func(f Field) bool { return f.Name == name }); i >= 0 {
			return i
		}
		return len(fields)
	}
	f.Fields = slices.Clone(f.Fields)
	for i, r := range f.Fields {
		if at := place(r.Name); at < len(fields) {
			f.Fields[i].Label = fields[at].Label
		}
	}
	slices.SortStableFunc(f.Fields, func(a, b FieldRefusal) int { return cmp.Compare(place(a.Name), place(b.Name)) })
	return f
}

// Within gives the refused fields the labels that texts have for them: a name is
// looked up after each area, "enforcement." before "facts", and "text=complaint.note"
// says it of one name.
func (f Refusal) Within(ctx context.Context, areas ...string) Refusal {
	f.Fields = slices.Clone(f.Fields)
	for i, r := range f.Fields {
		name := strings.TrimSuffix(strings.TrimSuffix(r.Name, "_zh"), "_en")
		for _, area := range areas {
			key := area + name
			if of, one, found := strings.Cut(area, "="); found {
				if of != name {
					continue
				}
				key = one
			}
			if f.Fields[i].Label == "" && text.Has(text.From(ctx), key) {
				f.Fields[i].Label = text.T(ctx, key)
			}
		}
	}
	return f
}

// RefusalOf translates an error into the language of the context. Faults that
// name a field become the list of fields; the first other fault becomes the
// text. An error that holds no fault is internal and shows nothing of itself.
func RefusalOf(ctx context.Context, err error) Refusal {
	var out Refusal
	faults := fault.All(err)
	for _, f := range faults {
		if f.Field != "" {
			out.Fields = append(out.Fields, FieldRefusal{Name: f.Field, Text: faultText(ctx, f, "")})
		}
		if out.Code == "" || (f.Field == "" && out.Text == "") {
			out.Code, out.Clause = f.Code, f.Clause
			out.Next = faultText(ctx, f, ".next")
		}
		if f.Field == "" && out.Text == "" {
			out.Text = faultText(ctx, f, "")
		}
	}
	switch {
	case len(faults) == 0:
		out.Code, out.Text, out.Next = "INTERNAL", text.T(ctx, "fault.INTERNAL"), text.T(ctx, "fault.INTERNAL.next")
	case out.Text == "":
		out.Text = text.T(ctx, "page.fault.fields", "Count", len(out.Fields))
	}
	return out
}

func faultText(ctx context.Context, f *fault.Fault, suffix string) string {
	return text.T(ctx, "fault."+f.Code+suffix, f.Args...)
}

// FieldErrors maps the fields of an error to what is wrong with each, for
// Field.Error.
func FieldErrors(ctx context.Context, err error) map[string]string {
	out := map[string]string{}
	if err == nil {
		return out
	}
	for _, f := range RefusalOf(ctx, err).Fields {
		if out[f.Name] == "" {
			out[f.Name] = f.Text
		}
	}
	return out
}

// Confirmation is a page that asks before something is done. Consequences are
// read, nothing is typed.
type Confirmation struct {
	Title        string
	Text         string
	Consequences []string
	Undo         string // how it can be taken back, or that it cannot
	Clause       string
	Post         string // address the decision is posted to
	Key          string // idempotency key
	Hidden       []Hidden
	Label        string // verb on the button
	Danger       bool
	Cancel       string // address of "go back"
}
