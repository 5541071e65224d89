package vendordesk

import (
	"context"
	"strconv"
	"strings"

	"github.com/a-h/templ"

	"yunshi/internal/base/money"
	"yunshi/internal/base/text"
	"yunshi/internal/edge/page"
	"yunshi/internal/market/catalog"
)

func productTone(s catalog.ProductState) page.Tone {
	switch s {
	case catalog.ProductListed:
		return page.Success
	case catalog.ProductSubmitted:
		return page.Info
	case catalog.ProductHidden, catalog.ProductDelisted:
		return page.Warning
	case catalog.ProductUseProhibited:
		return page.Danger
	}
	return page.Neutral
}

func versionTone(s catalog.VersionState) page.Tone {
	switch s {
	case catalog.VersionListed, catalog.VersionApproved:
		return page.Success
	case catalog.VersionSubmitted, catalog.VersionFirstReview:
		return page.Info
	case catalog.VersionRejected:
		return page.Danger
	}
	return page.Neutral
}

// sheetName is the name on a sheet in the reader's language, or a stand-in.
func sheetName(ctx context.Context, c catalog.Content, instead string) string {
	if c.Name.Empty() {
		return instead
	}
	return c.Name.In(text.From(ctx))
}

func openLabel(s catalog.VersionState) string {
	if s == catalog.VersionDraft {
		return "vendordesk.product.continue"
	}
	return "vendordesk.product.waiting"
}

func productRows(ctx context.Context, all []listed) [][]templ.Component {
	rows := make([][]templ.Component, 0, len(all))
	for _, p := range all {
		rows = append(rows, []templ.Component{
			productCell(p), productChip(p.State), versionCell(p.Newest), page.Str(strconv.Itoa(len(p.Newest.Content.Plans))), page.Date(p.ListedAt),
		})
	}
	return rows
}

func versionRows(ctx context.Context, all []catalog.Version) [][]templ.Component {
	rows := make([][]templ.Component, 0, len(all))
	for _, v := range all {
		rows = append(rows, []templ.Component{
			page.Anchor("/vendor/versions/"+string(v.ID), text.T(ctx, "desk.version.number", "Number", v.Number)),
			versionChip(v.State), page.Time(v.SubmittedAt), page.Time(v.ListedAt), page.ID(v.SHA256[:16]),
		})
	}
	return rows
}

func delistingEvents(ctx context.Context, all []catalog.DelistingEvent) []page.Event {
	events := make([]page.Event, 0, len(all))
	for _, e := range all {
		events = append(events, page.Event{
			What: text.T(ctx, "desk.scope."+string(e.Scope)), Who: text.T(ctx, "desk.cause."+string(e.Cause)), At: e.At, Note: e.Reason,
			Tone: page.Warning, Ahead: e.AppliedAt.IsZero(),
		})
	}
	return events
}

// term says how long a plan runs.
func term(ctx context.Context, t catalog.Term) string {
	if t.Unit == catalog.Once || t.Unit == "" {
		return text.T(ctx, "desk.unit.once")
	}
	return text.T(ctx, "base.unit."+t.Unit+"s", "Count", t.Count)
}

// sheetTerms is a terms sheet to read, in the order of the form.
func sheetTerms(ctx context.Context, c catalog.Content) []page.Term {
	var terms []page.Term
	add := func(field string, value templ.Component) {
		terms = append(terms, page.Term{Label: label(ctx, field), Value: value})
	}
	word := func(field, value string) { add(field, page.Str(value)) }
	add("name", texts(c.Name))
	add("summary", texts(c.Summary))
	add("description", texts(c.Description))
	word("kind", option(ctx, "kind", c.Kind))
	word("category", c.Category)
	add("functions", list(c.Functions))
	add("requirements", list(c.Requirements))
	for i, p := range c.Plans {
		add("plans."+strconv.Itoa(i), planTerm(p))
	}
	word("refund_policy", option(ctx, "refund_policy", c.RefundPolicy.Kind))
	add("refund_policy.text", texts(c.RefundPolicy.Text))
	add("licence", texts(c.Licence))
	word("rights_basis", strings.Join([]string{option(ctx, "rights_basis", c.RightsBasis.Kind), c.RightsBasis.Document}, " "))
	word("delivery_type", option(ctx, "delivery_type", c.DeliveryType))
	word("delivery.dialect", option(ctx, "delivery.dialect", c.Delivery.Dialect))
	add("delivery.instructions", texts(c.Delivery.Instructions))
	add("support.hours", texts(c.Support.Hours))
	word("support.contact", c.Support.Contact)
	if p := c.Privacy; p != nil {
		word("privacy.controller", p.Controller)
		word("privacy.contact", p.Contact)
		add("privacy.kinds", list(p.Kinds))
		add("privacy.purposes", list(p.Purposes))
		add("privacy.retention", texts(p.Retention))
		word("privacy.export_abroad", yesNo(ctx, p.ExportAbroad))
		word("privacy.sub_processors", strings.Join(p.SubProcessors, "; "))
		word("privacy.rights_channel", p.RightsChannel)
	}
	return terms
}

func yesNo(ctx context.Context, yes bool) string {
	if yes {
		return text.T(ctx, "base.yes")
	}
	return text.T(ctx, "base.no")
}

// option is a value of a fixed list in words.
func option(ctx context.Context, field, value string) string {
	if value == "" {
		return text.T(ctx, "base.none")
	}
	return text.T(ctx, "desk."+field+"."+value)
}

// The fields of the editor.

func (e editor) send() page.Send {
	if e.version.ID == "" {
		return page.Send{Post: "/vendor/products", Key: e.key}
	}
	return page.Send{Post: "/vendor/versions/" + string(e.version.ID)}
}

// weight gives the one primary button to what comes next: saving while something
// is missing, handing in once nothing is.
func (e editor) weight(submit bool) page.Weight {
	if submit == (len(e.verdicts) == 0) {
		return page.Primary
	}
	return page.Secondary
}

// why names the refused fields as the form does.
func (e editor) why(ctx context.Context) page.Refusal {
	why := page.RefusalOf(ctx, e.refusal)
	for i, f := range why.Fields {
		why.Fields[i].Label = label(ctx, f.Name)
	}
	return why
}

func (e editor) field(ctx context.Context, name string, required bool) page.Field {
	f := page.Field{Name: name, Label: label(ctx, name), Value: e.values.Get(name), Error: e.errors[name], Required: required}
	switch {
	case strings.HasSuffix(name, ".zh"):
		f.Label = text.T(ctx, "desk.in_zh", "Field", f.Label)
	case strings.HasSuffix(name, ".en"):
		f.Label, f.Required, f.Quiet = text.T(ctx, "desk.in_en", "Field", f.Label), false, true
	}
	// Inside a plan the heading says which plan it is.
	if parts := strings.Split(name, "."); parts[0] == "plans" {
		_, f.Label, _ = strings.Cut(f.Label, " · ")
		f.Quiet = parts[2] != "tax_points"
	}
	return f
}

func (e editor) hinted(ctx context.Context, name string, required bool) page.Field {
	f := e.field(ctx, name, required)
	f.Hint = text.T(ctx, "vendordesk.hint."+name)
	return f
}

func (e editor) number(ctx context.Context, name string) page.Field {
	f := e.field(ctx, name, false)
	f.InputMode = "decimal"
	return f
}

func (e editor) date(ctx context.Context, name string) page.Field {
	f := e.field(ctx, name, false)
	f.Kind = "date"
	return f
}

func (e editor) box(ctx context.Context, name string) page.Field {
	f := e.field(ctx, name, false)
	f.Checked, f.Value, f.Quiet = e.values.Has(name), "yes", true
	return f
}

func (e editor) choice(ctx context.Context, name string, options []string) page.Field {
	f := e.field(ctx, name, true)
	for _, o := range options {
		f.Options = append(f.Options, page.Option{Value: o, Label: option(ctx, name, o)})
	}
	if f.Value == "" && name != "refund_policy" && name != "rights_basis" {
		f.Options = append([]page.Option{{Label: text.T(ctx, "desk.choose")}}, f.Options...)
	}
	return f
}

func (e editor) category(ctx context.Context) page.Field {
	f := e.field(ctx, "category", true)
	f.Options = append(f.Options, page.Option{Label: text.T(ctx, "desk.choose")})
	above := map[string]string{}
	for _, c := range e.categories {
		name := c.Name.In(text.From(ctx))
		if c.Parent == "" {
			above[c.Code] = name
		} else {
			name = above[c.Parent] + " / " + name
		}
		f.Options = append(f.Options, page.Option{Value: c.Code, Label: name})
	}
	return f
}

func (e editor) file(ctx context.Context) page.Field {
	f := e.hinted(ctx, "delivery.file", false)
	f.Options = append(f.Options, page.Option{Label: text.T(ctx, "base.none")})
	for _, file := range e.files {
		f.Options = append(f.Options, page.Option{Value: string(file.ID), Label: file.Name + " · " + size(file.Size) + " · " + file.SHA256[:8]})
	}
	return f
}

func (e editor) price(ctx context.Context, i int) page.Field {
	f := e.field(ctx, plan(i)+"price", false)
	f.Currency = e.values.currency(i)
	return f
}

func (e editor) unit(ctx context.Context, i int) page.Field {
	f := e.field(ctx, plan(i)+"unit", false)
	for _, u := range []string{catalog.Once, catalog.Day, catalog.Month, catalog.Year} {
		f.Options = append(f.Options, page.Option{Value: u, Label: text.T(ctx, "desk.unit."+u)})
	}
	if f.Value == "" {
		f.Value = catalog.Month
	}
	return f
}

// currency of a plan; all plans of a product have the one of the first.
func (v values) currency(i int) string {
	for _, name := range []string{plan(i) + "currency", plan(0) + "currency"} {
		if c := money.Currency(v.one(name)); c.Known() {
			return string(c)
		}
	}
	return string(money.CNY)
}

func tall(f page.Field, rows int) page.Field {
	f.Rows = rows
	return f
}

// size writes a number of bytes for people.
func size(bytes int64) string {
	const unit = 1024
	switch {
	case bytes < unit:
		return strconv.FormatInt(bytes, 10) + " B"
	case bytes < unit*unit:
		return strconv.FormatInt(bytes/unit, 10) + " KiB"
	}
	return strconv.FormatInt(bytes/unit/unit, 10) + " MiB"
}

var scopes = []catalog.Scope{catalog.NoNewSales, catalog.NoRenewal, catalog.UseProhibited}

func scopeField(ctx context.Context, a ask) page.Field {
	f := page.Field{Name: "scope", Label: text.T(ctx, "desk.delist.scope"), Required: true, Value: a.scope, Error: a.errors["scope"]}
	for _, s := range scopes {
		f.Options = append(f.Options, page.Option{Value: string(s), Label: text.T(ctx, "desk.scope."+string(s)), Hint: text.T(ctx, "desk.scope."+string(s)+".hint")})
	}
	return f
}

func delistConfirmation(ctx context.Context, a ask) page.Confirmation {
	when := a.at
	if when == "" {
		when = text.T(ctx, "desk.delist.now")
	}
	return page.Confirmation{
		Title: a.Title, Text: a.name, Clause: "UA 4.8", Danger: true, Key: a.key,
		Consequences: []string{
			text.T(ctx, "desk.scope."+a.scope+".hint"),
			text.T(ctx, "desk.delist.when", "When", when),
			text.T(ctx, "desk.delist.holders", "Count", a.holders),
			text.T(ctx, "vendordesk.delist.after_sales"),
		},
		Undo: text.T(ctx, "desk.delist.undo"), Post: "/vendor/products/" + string(a.product.ID) + "/delist",
		Hidden: []page.Hidden{{Name: "scope", Value: a.scope}, {Name: "at", Value: a.at}, {Name: "reason", Value: a.reason}, {Name: "confirmed", Value: "yes"}},
		Label:  text.T(ctx, "desk.delist"), Cancel: "/vendor/products/" + string(a.product.ID) + "/delist",
	}
}
