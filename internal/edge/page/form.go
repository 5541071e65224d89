package page

import (
	"context"

	"yunshi/internal/base/text"
)

// Weight is how much a button asks for attention. One primary button a page.
type Weight string

// The weights. The zero value is a secondary button.
const (
	Secondary   Weight = ""
	Primary     Weight = "primary"
	Destructive Weight = "danger"
)

// Action is a button. With Href it is a link, without it submits its form.
type Action struct {
	Label  string
	Href   string
	Weight Weight
	Icon   string
	Name   string // name and value sent with the form
	Value  string
	Off    bool // shown but not usable; say why beside it
	Wide   bool // as wide as its box
}

// Hidden is a value that travels with a form.
type Hidden struct{ Name, Value string }

// Send is a form: where it goes and what travels with it.
type Send struct {
	Post   string // address; the method is POST
	Get    string // instead of Post: a form that only asks, such as a filter
	Key    string // idempotency key, sent as "idempotency_key"; "" for none
	Files  bool   // the form carries files
	Inline bool   // full width, for filters and one-line forms
	Hidden []Hidden
}

// Field is one question of a form. Name is required; the id is derived from it.
// A refused field shows Error above the input, keeps Value, and is marked.
type Field struct {
	Name         string
	Label        string
	Hint         string
	Error        string
	Value        string
	Kind         string // input type: "" is text; email, tel, url, number, date, search …
	Autocomplete string // HTML autocomplete token: "email", "organization" …
	InputMode    string // "numeric", "decimal" …
	Width        string // "", "short" or "medium"
	Required     bool   // a field that is not required says "optional"
	Quiet        bool   // do not say "optional"
	Disabled     bool
	Checked      bool // checkbox; consents start unticked
	MaxLength    int
	Rows         int // of a text area; 0 means 4
	Options      []Option
	Accept       string // of a file: ".pdf,image/*"
	Many         bool   // more than one file
	Currency     string // of a money field: "CNY"
	Of           string // tells fields of one name apart when several forms of a page ask the same
}

// Option is one answer of a choice.
type Option struct {
	Value  string
	Label  string
	Hint   string
	Aside  string // right-aligned: a price, a balance
	Chosen bool
	Off    bool
}

// ID is the id of the field's input; error summaries link to it when Of is empty.
func (f Field) ID() string {
	if f.Of != "" {
		return FieldID(f.Name) + "-" + f.Of
	}
	return FieldID(f.Name)
}

// FieldID is the id of the input with the name.
func FieldID(name string) string { return "f-" + name }

func (f Field) kind() string {
	if f.Kind == "" {
		return "text"
	}
	return f.Kind
}

func (f Field) rows() int {
	if f.Rows == 0 {
		return 4
	}
	return f.Rows
}

// describedBy lists the ids of hint and error that exist.
func (f Field) describedBy() string {
	switch {
	case f.Hint != "" && f.Error != "":
		return f.ID() + "-hint " + f.ID() + "-error"
	case f.Hint != "":
		return f.ID() + "-hint"
	case f.Error != "":
		return f.ID() + "-error"
	}
	return ""
}

func (f Field) chosen(o Option) bool { return o.Chosen || (f.Value != "" && f.Value == o.Value) }

// Choose is the first option of a select in which nothing is chosen for anybody.
func Choose(ctx context.Context) Option { return Option{Label: text.T(ctx, "page.choose")} }
