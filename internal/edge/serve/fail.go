package serve

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/base/text"
	"yunshi/internal/edge/page"
	"yunshi/internal/market/account"
)

// errInternal is all that is said of an error without a fault inside.
var errInternal = fault.New(fault.Internal, "INTERNAL", "")

// statuses map kinds of fault to HTTP, in this one place.
var statuses = map[fault.Kind]int{
	fault.Internal:        http.StatusInternalServerError,
	fault.Invalid:         http.StatusUnprocessableEntity,
	fault.Unauthenticated: http.StatusUnauthorized,
	fault.Forbidden:       http.StatusForbidden,
	fault.NotFound:        http.StatusNotFound,
	fault.Conflict:        http.StatusConflict,
	fault.Limited:         http.StatusTooManyRequests,
	fault.Unavailable:     http.StatusServiceUnavailable,
}

// Status is the HTTP status of an error.
func Status(err error) int {
	f, ok := fault.Of(err)
	if !ok {
		return http.StatusInternalServerError
	}
	return statuses[f.Kind]
}

// Problem is the JSON form of a refusal (RFC 9457) with the market's own
// members: stable code, clause, and what to do next.
type Problem struct {
	Type      string         `json:"type"`
	Title     string         `json:"title"`
	Status    int            `json:"status"`
	Code      string         `json:"code"`
	Clause    string         `json:"clause,omitempty"`
	Next      string         `json:"next,omitempty"`
	Reference string         `json:"reference"`
	Errors    []ProblemField `json:"errors,omitempty"`
}

// ProblemField is what is wrong with one field.
type ProblemField struct {
	Field  string `json:"field"`
	Code   string `json:"code"`
	Title  string `json:"title"`
	Clause string `json:"clause,omitempty"`
}

// ProblemOf renders an error for programs. The value that was refused is never
// part of it.
func ProblemOf(ctx context.Context, base string, err error, reference string) Problem {
	f, ok := fault.Of(err)
	if !ok {
		f = errInternal
	}
	p := Problem{
		Type: base + "/rules/refusals#" + f.Code, Title: text.T(ctx, "fault."+f.Code, f.Args...), Status: statuses[f.Kind],
		Code: f.Code, Clause: f.Clause, Next: text.T(ctx, "fault."+f.Code+".next", f.Args...), Reference: reference,
	}
	for _, one := range fault.All(err) {
		if one.Field != "" {
			p.Errors = append(p.Errors, ProblemField{one.Field, one.Code, text.T(ctx, "fault."+one.Code, one.Args...), one.Clause})
		}
	}
	return p
}

// clean turns what the database and the standard library say into faults.
func clean(err error) error {
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return ErrTooLarge
	case errors.Is(err, db.ErrNoRow):
		return ErrNotFound
	}
	return err
}

// fail answers with an error. It is the only place that does.
func (c *Call) fail(w *statusWriter, err error) {
	err = clean(err)
	if f, ok := fault.Of(err); ok && f.Clause == account.ErrForeign.Clause && f.Kind == fault.NotFound {
		c.denied()
		err = ErrNotFound // the answer must not tell a foreign object from none
	}
	if Status(err) == http.StatusNotFound {
		c.missed()
	}
	f, known := fault.Of(err)
	if !known && errors.Is(err, db.ErrUnavailable) {
		c.Market.Log.Error("database not available", "method", c.R.Method, "path", c.R.URL.Path, "reference", c.reference, "error", err)
		c.W.Header().Set("Retry-After", "1")
		err = ErrUnavailable
		f, known = ErrUnavailable, true
	}
	if !known || f.Kind == fault.Internal {
		c.Market.Log.Error("request failed", "method", c.R.Method, "path", c.R.URL.Path, "reference", c.reference, "error", err)
	}
	if w.status != 0 {
		return // the answer has begun; the connection tells the rest
	}
	if c.Lang == "" {
		c.language()
	}
	if c.api {
		c.problem(err)
		return
	}
	if known && f.Kind == fault.Unauthenticated && c.R.Method == http.MethodGet {
		c.Redirect(page.SignInPath + "?next=" + url.QueryEscape(c.R.URL.RequestURI())) //nolint:errcheck // always nil
		return
	}
	view := page.RefusalOf(c.R.Context(), err)
	view.Request = c.reference
	if known && f.Code == "AGREEMENT_NOT_ACCEPTED" {
		view.Action = page.Action{Label: text.T(c.R.Context(), "serve.read_agreement"), Href: AgreementPath + "?next=" + url.QueryEscape(c.back()), Weight: page.Primary}
	}
	if known && f.Code == "REALNAME_REQUIRED" {
		view.Action = page.Action{Label: text.T(c.R.Context(), "serve.verify_identity"), Href: page.AccountPath + "/identity", Weight: page.Primary}
	}
	if view.Action.Label == "" {
		view.Action = c.wayOut()
	}
	chrome := c.Chrome(text.T(c.R.Context(), "serve.refused"))
	if err := page.Render(c.W, c.R, Status(err), refused(chrome, view)); err != nil {
		c.Market.Log.Warn("error page not sent", "reference", c.reference, "error", err)
	}
}

// wayOut leads from a page that cannot be shown to the start of where it belongs.
func (c *Call) wayOut() page.Action {
	for _, desk := range []string{"/operator", "/vendor"} {
		if strings.HasPrefix(c.R.URL.Path, desk+"/") {
			return page.Action{Label: text.T(c.R.Context(), "serve.to_desk"), Href: desk}
		}
	}
	return page.Action{Label: text.T(c.R.Context(), "serve.to_home"), Href: page.HomePath}
}

// denied counts that somebody asked for another account's object.
func (c *Call) denied() {
	ctx := context.WithoutCancel(c.R.Context())
	err := c.Market.DB.Write(ctx, func(tx *db.Tx) error { return account.Denied(ctx, tx, c.Actor, c.R.URL.Path) })
	if err != nil {
		c.Market.Log.Error("denied access not counted", "reference", c.reference, "error", err)
	}
}

// back is the page to return to after the way out of a refusal.
func (c *Call) back() string {
	if c.R.Method == http.MethodGet {
		return c.R.URL.RequestURI()
	}
	if from, err := url.Parse(c.R.Referer()); err == nil && from.Path != "" {
		return from.RequestURI()
	}
	return page.HomePath
}

func (c *Call) problem(err error) {
	p := ProblemOf(c.R.Context(), c.Market.Info.BaseURL, err, c.reference)
	if p.Status == http.StatusUnauthorized {
		c.W.Header().Set("WWW-Authenticate", "Bearer")
	}
	c.W.Header().Set("Content-Type", "application/problem+json")
	c.W.WriteHeader(p.Status)
	json.NewEncoder(c.W).Encode(p) //nolint:errcheck // the caller has gone
}
