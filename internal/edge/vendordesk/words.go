package vendordesk

import (
	"context"
	"slices"
	"strconv"

	"github.com/a-h/templ"

	"yunshi/internal/base/money"
	"yunshi/internal/base/text"
	"yunshi/internal/edge/page"
	"yunshi/internal/edge/serve"
	"yunshi/internal/market/account"
	"yunshi/internal/market/catalog"
	"yunshi/internal/market/delivery"
	"yunshi/internal/market/order"
	"yunshi/internal/market/vendor"
)

func vendorTone(s vendor.State) page.Tone {
	switch s {
	case vendor.Onboarded:
		return page.Success
	case vendor.Applied, vendor.Reviewing:
		return page.Info
	case vendor.Rejected, vendor.Suspended, vendor.Expelled:
		return page.Danger
	case vendor.PublishLimited, vendor.ShopHidden, vendor.Exiting:
		return page.Warning
	}
	return page.Neutral
}

func orderTone(s order.State) page.Tone {
	switch s {
	case order.Delivered, order.Completed:
		return page.Success
	case order.Provisioning:
		return page.Info
	case order.AwaitingPayment, order.Refunding:
		return page.Warning
	}
	return page.Neutral
}

func deliveryTone(s delivery.State) page.Tone {
	switch s {
	case delivery.Delivered:
		return page.Success
	case delivery.Failed:
		return page.Danger
	case delivery.Manual:
		return page.Warning
	case delivery.Running:
		return page.Info
	}
	return page.Neutral
}

func outcomeTone(outcome string) page.Tone {
	switch outcome {
	case "delivered":
		return page.Success
	case "pending":
		return page.Info
	case "refused":
		return page.Danger
	}
	return page.Warning
}

// reasonText is why a delivery failed, in words where the market gave the code.
func reasonText(ctx context.Context, code string) string {
	if key := "desk.delivery.reason." + code; text.Has(text.ZH, key) {
		return text.T(ctx, key)
	}
	return code
}

func saleRows(ctx context.Context, all []saleRow) [][]templ.Component {
	rows := make([][]templ.Component, 0, len(all))
	for _, s := range all {
		rows = append(rows, []templ.Component{saleCell(s), orderChip(s.State), pseudonym(s.openID), page.Time(s.PlacedAt), page.Money(s.Fee.Paid), page.Money(s.held)})
	}
	return rows
}

func deliveryRows(ctx context.Context, all []delivery.Delivery) [][]templ.Component {
	rows := make([][]templ.Component, 0, len(all))
	for _, d := range all {
		rows = append(rows, []templ.Component{
			deliveryCell(d), deliveryChip(d.State), page.Str(text.T(ctx, "desk.action."+string(d.Action))), page.Str(option(ctx, "delivery.dialect", d.Dialect)),
			page.Str(strconv.FormatInt(d.Attempts, 10)), page.Time(d.CreatedAt),
		})
	}
	return rows
}

func deliveryTerms(ctx context.Context, d delivery.Delivery) []page.Term {
	terms := []page.Term{
		{Label: text.T(ctx, "desk.order"), Value: page.Anchor("/vendor/orders/"+d.Order, d.Order)},
		{Label: text.T(ctx, "desk.action"), Text: text.T(ctx, "desk.action."+string(d.Action))},
		{Label: text.T(ctx, "desk.sheet.delivery.dialect"), Text: option(ctx, "delivery.dialect", d.Dialect)},
		{Label: text.T(ctx, "base.created_at"), Value: page.Time(d.CreatedAt)},
		{Label: text.T(ctx, "desk.order.delivered"), Value: page.Time(d.DeliveredAt)},
		{Label: text.T(ctx, "desk.received_at"), Value: page.Time(d.ReceivedAt)},
		{Label: text.T(ctx, "vendordesk.delivery.instance"), Text: d.Instance},
	}
	return slices.DeleteFunc(terms, func(t page.Term) bool { return t.Value == nil && t.Text == "" })
}

func receiptEvents(ctx context.Context, all []delivery.Receipt) []page.Event {
	events := make([]page.Event, 0, len(all))
	for _, r := range all {
		e := page.Event{What: text.T(ctx, "desk.receipt."+r.Event), At: r.At, Tone: page.Success}
		if r.SHA256 != "" {
			e.Note = "SHA-256 " + r.SHA256
		}
		events = append(events, e)
	}
	return events
}

func fileRows(ctx context.Context, all []catalog.File) [][]templ.Component {
	rows := make([][]templ.Component, 0, len(all))
	for _, f := range slices.Backward(all) {
		rows = append(rows, []templ.Component{page.Str(f.Name), page.Str(size(f.Size)), page.ID(f.SHA256), page.Time(f.AddedAt)})
	}
	return rows
}

func merchantRows(ctx context.Context, all []vendor.Merchant) [][]templ.Component {
	rows := make([][]templ.Component, 0, len(all))
	for _, m := range all {
		rows = append(rows, []templ.Component{page.Str(m.Provider), page.ID(m.Number), page.Time(m.AddedAt)})
	}
	return rows
}

func depositRows(ctx context.Context, all []vendor.Deposit) [][]templ.Component {
	rows := make([][]templ.Component, 0, len(all))
	for _, d := range all {
		rows = append(rows, []templ.Component{page.Str(d.Source), page.Time(d.ReceivedAt), page.Money(d.Amount)})
	}
	return rows
}

func documentRows(ctx context.Context, all []vendor.Document) [][]templ.Component {
	rows := make([][]templ.Component, 0, len(all))
	for _, d := range all {
		until := text.T(ctx, "desk.unlimited")
		if !d.ValidUntil.IsZero() {
			until = d.ValidUntil.String()
		}
		rows = append(rows, []templ.Component{page.Str(d.Name), page.Str(until), page.ID(d.SHA256)})
	}
	return rows
}

func hookRows(ctx context.Context, all []vendor.Hook) [][]templ.Component {
	rows := make([][]templ.Component, 0, len(all))
	for _, h := range all {
		rows = append(rows, []templ.Component{page.Str(option(ctx, "delivery.dialect", h.Dialect)), breakable(h.URL), page.Time(h.PreviousUntil), hookActions(h)})
	}
	return rows
}

func dialectField(ctx context.Context, v hooksView) page.Field {
	f := page.Field{Name: "dialect", Label: text.T(ctx, "desk.sheet.delivery.dialect"), Value: v.dialect, Error: v.errors["dialect"], Required: true}
	for _, d := range hookDialects {
		f.Options = append(f.Options, page.Option{Value: d, Label: option(ctx, "delivery.dialect", d)})
	}
	return f
}

func providerField(ctx context.Context, v moneyView) page.Field {
	f := page.Field{Name: "provider", Label: text.T(ctx, "desk.provider"), Value: v.provider, Error: v.errors["provider"], Required: true}
	for _, p := range v.providers {
		f.Options = append(f.Options, page.Option{Value: p, Label: p})
	}
	return f
}

func shortNote(ctx context.Context, missing money.Amount) string {
	if missing.IsZero() {
		return text.T(ctx, "vendordesk.money.deposit.ok")
	}
	return text.T(ctx, "vendordesk.money.deposit.short", "Amount", page.MoneyText(ctx, missing))
}

func shortTone(missing money.Amount) page.Tone {
	if missing.IsZero() {
		return page.Success
	}
	return page.Warning
}

// step is how far an application has come.
func (v applyView) step() int {
	switch v.vendor.State {
	case vendor.Applied:
		return 0
	case vendor.Reviewing, vendor.Rejected:
		return 1
	}
	return 2
}

// lackBox is a refusal that an application would meet, with the way out.
func lackBox(ctx context.Context, err error) page.Refusal {
	box := page.RefusalOf(ctx, err)
	switch box.Code {
	case "AGREEMENT_NOT_ACCEPTED":
		box.Action = page.Action{Label: text.T(ctx, "serve.read_agreement"), Href: serve.AgreementPath + "?next=/vendor/apply", Weight: page.Primary}
	case "REALNAME_REQUIRED":
		box.Action = page.Action{Label: text.T(ctx, "serve.verify_identity"), Href: page.AccountPath + "/identity", Weight: page.Primary}
	}
	return box
}

// profileFields are the questions of an application, in order. Their names are
// those of the faults of package vendor.
func profileFields(ctx context.Context, v applyView) []page.Field {
	a := v.form
	field := func(name, value string) page.Field {
		return page.Field{Name: name, Label: text.T(ctx, "desk.profile."+name), Value: value, Error: v.errors[name], Required: true}
	}
	name, subject, uscc := field("registered_name", a.RegisteredName), field("subject_type", string(a.SubjectType)), field("uscc", a.USCC)
	name.Autocomplete, name.Hint = "organization", text.T(ctx, "vendordesk.apply.name.hint")
	for _, s := range []account.SubjectType{account.LegalPerson, account.OtherOrg, account.Individual} {
		subject.Options = append(subject.Options, page.Option{Value: string(s), Label: text.T(ctx, "desk.subject."+string(s))})
	}
	uscc.Required, uscc.Hint, uscc.MaxLength = false, text.T(ctx, "vendordesk.apply.uscc.hint"), 18
	representative, address := field("legal_representative", a.LegalRepresentative), field("address", a.Address)

	address.Rows, address.Autocomplete = 2, "street-address"
	person, phone, email := field("contact_name", a.Contact.Name), field("contact_phone", a.Contact.Phone), field("contact_email", a.Contact.Email)
	person.Hint = text.T(ctx, "vendordesk.apply.contact.hint")
	phone.Kind, phone.Autocomplete, email.Kind, email.Autocomplete = "tel", "tel", "email", "email"
	hours, certified := field("support_hours", a.SupportHours), field("self_certified", "yes")
	hours.Hint = text.T(ctx, "vendordesk.apply.hours.hint")
	certified.Checked = a.SelfCertified
	return []page.Field{name, subject, uscc, representative, address, person, phone, email, hours, certified}
}

// profileTerms is a stated identity to read.
func profileTerms(ctx context.Context, p vendor.Profile) []page.Term {
	line := func(name, value string) page.Term {
		return page.Term{Label: text.T(ctx, "desk.profile."+name), Text: value}
	}
	return []page.Term{
		line("registered_name", p.RegisteredName), line("subject_type", text.T(ctx, "desk.subject."+string(p.SubjectType))), line("uscc", p.USCC),
		line("legal_representative", p.LegalRepresentative), line("address", p.Address), line("contact_name", p.Contact.Name), line("contact_phone", p.Contact.Phone),
		line("contact_email", p.Contact.Email), line("support_hours", p.SupportHours), {Label: text.T(ctx, "desk.submitted_at"), Value: page.Time(p.SubmittedAt)},
	}
}

// sellerOf is the seller card as buyers see it.
func sellerOf(c vendor.SellerCard) page.Seller {
	return page.Seller{Name: c.RegisteredName, Verified: c.VerifiedAt, Code: c.USCC, RegisteredAt: c.Address, Phone: c.Contact.Phone, Email: c.Contact.Email, Hours: c.SupportHours}
}
