package vendordesk

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/fault"
	"yunshi/internal/base/money"
	"yunshi/internal/base/text"
	"yunshi/internal/edge/page"
	"yunshi/internal/market/catalog"
)

// maxPlans bounds how many plans one form carries.
const maxPlans = 20

// values is a terms sheet as a form holds it: what was typed, by field name. The
// names are those of the catalogue's faults, with ".zh" and ".en" for the two
// languages of a text, so a refusal finds its place.
type values struct{ url.Values }

// fill turns a terms sheet into the values of its form.
func fill(c catalog.Content) values {
	v := values{url.Values{}}
	v.setBoth("name", c.Name)
	v.setBoth("summary", c.Summary)
	v.setBoth("description", c.Description)
	v.Set("kind", c.Kind)
	v.Set("delivery_type", c.DeliveryType)
	v.Set("category", c.Category)
	v.setLines("functions", c.Functions)
	v.setLines("requirements", c.Requirements)
	v.Set("rights_basis", c.RightsBasis.Kind)
	v.Set("rights_basis.document", c.RightsBasis.Document)
	if !c.RightsBasis.Expires.IsZero() {
		v.Set("rights_basis.expires", c.RightsBasis.Expires.String())
	}
	v.Set("refund_policy", c.RefundPolicy.Kind)
	v.setBoth("refund_policy.text", c.RefundPolicy.Text)
	v.setBoth("licence", c.Licence)
	v.setBoth("support.hours", c.Support.Hours)
	v.Set("support.contact", c.Support.Contact)
	v.tick("needs_user_data", c.NeedsUserData)
	if p := c.Privacy; p != nil {
		v.Set("privacy.controller", p.Controller)
		v.Set("privacy.contact", p.Contact)
		v.setLines("privacy.kinds", p.Kinds)
		v.setLines("privacy.purposes", p.Purposes)
		v.setBoth("privacy.retention", p.Retention)
		v.tick("privacy.export_abroad", p.ExportAbroad)
		v.Set("privacy.sub_processors", strings.Join(p.SubProcessors, "\n"))
		v.Set("privacy.rights_channel", p.RightsChannel)
	}
	v.Set("delivery.dialect", c.Delivery.Dialect)
	v.Set("delivery.file", string(c.Delivery.File))
	v.setBoth("delivery.instructions", c.Delivery.Instructions)
	v.setLines("badges", c.Badges)
	for i, p := range c.Plans {
		at := plan(i)
		v.Set(at+"code", p.Code)
		v.setBoth(at+"name", p.Name)
		v.Set(at+"price", p.Price.Plain())
		v.Set(at+"currency", string(p.Price.Currency))
		if p.TaxPoints != nil {
			v.Set(at+"tax_points", percent(*p.TaxPoints))
		}
		v.Set(at+"unit", p.Term.Unit)
		v.Set(at+"term", strconv.Itoa(p.Term.Count))
		v.setLines(at+"included", p.Included)
	}
	return v
}

// read turns the values into a terms sheet. What the form does not ask for is
// taken from base. Faults name values that cannot be read; whether the sheet is
// complete is not asked here.
func (v values) read(base catalog.Content) (catalog.Content, error) {
	var faults fault.List
	c := base
	c.Name, c.Summary, c.Description = v.both("name"), v.both("summary"), v.both("description")
	c.Kind, c.DeliveryType, c.Category = v.one("kind"), v.one("delivery_type"), v.one("category")
	c.Functions, c.Requirements = v.lines("functions"), v.lines("requirements")
	c.RightsBasis = catalog.RightsBasis{Kind: v.one("rights_basis"), Document: v.one("rights_basis.document")}
	if day := v.one("rights_basis.expires"); day != "" {
		var err error
		if c.RightsBasis.Expires, err = calendar.ParseDate(day); err != nil {
			faults = append(faults, catalog.ErrInvalid.In("rights_basis.expires"))
		}
	}
	c.RefundPolicy = catalog.RefundPolicy{Kind: v.one("refund_policy"), Text: v.both("refund_policy.text")}
	c.Licence = v.both("licence")
	c.Support = catalog.Support{Hours: v.both("support.hours"), Contact: v.one("support.contact")}
	c.NeedsUserData = v.Has("needs_user_data")
	c.Privacy = v.privacy()
	c.Delivery = catalog.Delivery{Dialect: v.one("delivery.dialect"), File: catalog.FileID(v.one("delivery.file")), Instructions: v.both("delivery.instructions")}
	c.Badges = v.lines("badges")
	c.Plans = nil
	for i := range maxPlans {
		p, asked, bad := v.plan(i)
		faults = append(faults, bad...)
		if asked {
			c.Plans = append(c.Plans, p)
		}
	}
	return c, faults.Err()
}

// privacy reads the privacy sheet; none when nothing in it was filled in.
func (v values) privacy() *catalog.PrivacySheet {
	p := catalog.PrivacySheet{
		Controller: v.one("privacy.controller"), Contact: v.one("privacy.contact"), Kinds: v.lines("privacy.kinds"), Purposes: v.lines("privacy.purposes"),
		Retention: v.both("privacy.retention"), ExportAbroad: v.Has("privacy.export_abroad"), RightsChannel: v.one("privacy.rights_channel"),
	}
	for line := range strings.Lines(v.Get("privacy.sub_processors")) {
		if line = strings.TrimSpace(line); line != "" {
			p.SubProcessors = append(p.SubProcessors, line)
		}
	}
	if p.Controller == "" && p.Contact == "" && p.RightsChannel == "" && len(p.Kinds)+len(p.Purposes)+len(p.SubProcessors) == 0 && p.Retention.Empty() {
		return nil
	}
	return &p
}

// plan reads the plan in slot i. A slot in which nothing was written is not asked
// for; removing the texts of a plan removes it. Faults name the slot.
func (v values) plan(i int) (p catalog.Plan, asked bool, bad fault.List) {
	at := plan(i)
	p = catalog.Plan{Code: v.one(at + "code"), Name: v.both(at + "name"), Included: v.lines(at + "included"), Term: catalog.Term{Unit: v.one(at + "unit")}}
	price, term, tax := v.one(at+"price"), v.one(at+"term"), v.one(at+"tax_points")
	if p.Code == "" && p.Name.Empty() && price == "" && len(p.Included) == 0 {
		return p, false, nil
	}
	currency := money.Currency(v.one(at + "currency"))
	if !currency.Known() {
		currency = money.CNY
	}
	var err error
	if p.Price, err = money.Parse(price, currency); err != nil {
		bad = append(bad, catalog.ErrInvalid.In(at+"price"))
	}
	if term == "" && p.Term.Unit == catalog.Once {
		term = "1"
	}
	if p.Term.Count, err = strconv.Atoi(term); err != nil {
		bad = append(bad, catalog.ErrInvalid.In(at+"term"))
	}
	if tax != "" {
		points, err := money.Parse(tax, money.CNY) // two decimals of a percent are basis points
		if err != nil {
			bad = append(bad, catalog.ErrInvalid.In(at+"tax_points"))
		}
		p.TaxPoints = &points.Minor
	}
	return p, true, bad
}

func plan(i int) string { return fmt.Sprintf("plans.%d.", i) }

func percent(points int64) string { return fmt.Sprintf("%d.%02d", points/100, points%100) }

func (v values) one(name string) string { return strings.TrimSpace(v.Get(name)) }

func (v values) both(name string) catalog.Both {
	clean := func(s string) string { return strings.TrimSpace(strings.ReplaceAll(s, "\r\n", "\n")) }
	return catalog.Both{ZH: clean(v.Get(name + ".zh")), EN: clean(v.Get(name + ".en"))}
}

func (v values) setBoth(name string, b catalog.Both) {
	v.Set(name+".zh", b.ZH)
	v.Set(name+".en", b.EN)
}

// lines reads two texts with one entry a line: the first line in Chinese goes
// with the first in English.
func (v values) lines(name string) []catalog.Both {
	zh, en := entries(v.Get(name+".zh")), entries(v.Get(name+".en"))
	all := make([]catalog.Both, 0, max(len(zh), len(en)))
	for i := range max(len(zh), len(en)) {
		var b catalog.Both
		if i < len(zh) {
			b.ZH = zh[i]
		}
		if i < len(en) {
			b.EN = en[i]
		}
		all = append(all, b)
	}
	return all
}

func entries(s string) []string {
	all := []string{}
	for line := range strings.Lines(s) {
		if line = strings.TrimSpace(line); line != "" {
			all = append(all, line)
		}
	}
	return all
}

func (v values) setLines(name string, all []catalog.Both) {
	var zh, en []string
	for _, b := range all {
		zh, en = append(zh, b.ZH), append(en, b.EN)
	}
	v.Set(name+".zh", strings.Join(zh, "\n"))
	v.Set(name+".en", strings.Join(en, "\n"))
}

func (v values) tick(name string, on bool) {
	if on {
		v.Set(name, "yes")
	}
}

// slots is how many plans the form shows: those there are and an empty one.
func (v values) slots() int {
	last := 0
	for i := range maxPlans {
		if v.one(plan(i)+"code") != "" || !v.both(plan(i)+"name").Empty() || v.one(plan(i)+"price") != "" {
			last = i + 1
		}
	}
	return min(last+1, maxPlans)
}

// single are the fields of the form that have one input with the name of the
// fault. All other fields of a sheet have one input a language.
var single = []string{
	"slug", "kind", "delivery_type", "category", "rights_basis", "rights_basis.document", "rights_basis.expires", "refund_policy", "support.contact",
	"needs_user_data", "privacy.controller", "privacy.contact", "privacy.export_abroad", "privacy.sub_processors", "privacy.rights_channel",
	"delivery.dialect", "delivery.file",
}

// input is the name of the input that a fault's field is about.
func input(field string) string {
	parts := strings.Split(field, ".")
	switch {
	case slices.Contains(single, field), strings.HasSuffix(field, ".zh"), strings.HasSuffix(field, ".en"):
		return field
	case field == "privacy":
		return "privacy.controller"
	case field == "plans":
		return plan(0) + "code"
	case parts[0] == "plans" && len(parts) == 2:
		return field + ".included.zh"
	case parts[0] == "plans" && slices.Contains([]string{"code", "price", "term", "tax_points"}, parts[2]):
		return field
	case parts[0] == "badges":
		return "badges.zh"
	}
	return field + ".zh"
}

// placed gives the faults of a sheet the names of the form's inputs.
func placed(err error) error {
	var all fault.List
	for _, f := range fault.All(err) {
		if f.Field == "" {
			return err
		}
		all = append(all, f.In(input(f.Field)))
	}
	if len(all) == 0 {
		return err
	}
	return all
}

// label is the name of a field for people, also of one inside a plan.
func label(ctx context.Context, field string) string {
	field = strings.TrimSuffix(strings.TrimSuffix(field, ".zh"), ".en")
	parts := strings.Split(field, ".")
	switch {
	case parts[0] == "plans" && len(parts) > 1:
		n, err := strconv.Atoi(parts[1])
		if err != nil {
			return field
		}
		name := text.T(ctx, "desk.sheet.plan", "Number", n+1)
		if len(parts) > 2 {
			name += " · " + text.T(ctx, "desk.sheet.plan."+parts[2])
		}
		return name
	case parts[0] == "badges":
		return text.T(ctx, "desk.sheet.badges")
	case parts[0] == "add_ons":
		return text.T(ctx, "desk.sheet.add_ons")
	}
	return text.T(ctx, "desk.sheet."+field)
}

// verdict is one finding of the checklist with the way to its input.
type verdict struct {
	label, href string
	why         page.Refusal
}

// verdicts are the findings of the checklist for the vendor to act on.
func verdicts(ctx context.Context, found fault.List) []verdict {
	all := make([]verdict, 0, len(found))
	for _, f := range found {
		all = append(all, verdict{label: label(ctx, f.Field), href: "#" + page.FieldID(input(f.Field)), why: page.RefusalOf(ctx, f.In(""))})
	}
	return all
}
