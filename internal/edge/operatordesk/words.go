package operatordesk

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/a-h/templ"

	"yunshi/internal/base/money"
	"yunshi/internal/base/text"
	"yunshi/internal/edge/page"
	"yunshi/internal/market/account"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/catalog"
	"yunshi/internal/market/delivery"
	"yunshi/internal/market/enforcement"
	"yunshi/internal/market/entitlement"
	"yunshi/internal/market/identity"
	"yunshi/internal/market/job"
	"yunshi/internal/market/ledger"
	"yunshi/internal/market/order"
	"yunshi/internal/market/payment"
	"yunshi/internal/market/vendor"
)

// tones say what a state means to an officer; states that are not listed are
// neither good nor bad.
func toneOf[S ~string](s S, tones map[S]page.Tone) page.Tone {
	if t, ok := tones[s]; ok {
		return t
	}
	return page.Neutral
}

func productTone(s catalog.ProductState) page.Tone {
	return toneOf(s, map[catalog.ProductState]page.Tone{
		catalog.ProductListed: page.Success, catalog.ProductSubmitted: page.Info, catalog.ProductHidden: page.Warning, catalog.ProductDelisted: page.Warning,
		catalog.ProductUseProhibited: page.Danger,
	})
}

func versionTone(s catalog.VersionState) page.Tone {
	return toneOf(s, map[catalog.VersionState]page.Tone{
		catalog.VersionListed: page.Success, catalog.VersionApproved: page.Success, catalog.VersionSubmitted: page.Info, catalog.VersionFirstReview: page.Info,
		catalog.VersionRejected: page.Danger,
	})
}

func vendorTone(s vendor.State) page.Tone {
	return toneOf(s, map[vendor.State]page.Tone{
		vendor.Onboarded: page.Success, vendor.Applied: page.Info, vendor.Reviewing: page.Info, vendor.Rejected: page.Danger, vendor.Suspended: page.Danger,
		vendor.Expelled: page.Danger, vendor.PublishLimited: page.Warning, vendor.ShopHidden: page.Warning, vendor.Exiting: page.Warning,
	})
}

func orderTone(s order.State) page.Tone {
	return toneOf(s, map[order.State]page.Tone{
		order.Delivered: page.Success, order.Completed: page.Success, order.Provisioning: page.Info, order.AwaitingPayment: page.Warning, order.Refunding: page.Warning,
	})
}

func deliveryTone(s delivery.State) page.Tone {
	return toneOf(s, map[delivery.State]page.Tone{
		delivery.Delivered: page.Success, delivery.Failed: page.Danger, delivery.Manual: page.Warning, delivery.Running: page.Info,
	})
}

func paymentTone(s payment.State) page.Tone {
	return toneOf(s, map[payment.State]page.Tone{
		payment.Captured: page.Success, payment.Settled: page.Success, payment.Unknown: page.Danger, payment.RequiresAction: page.Warning, payment.Processing: page.Info,
	})
}

func lineTone(s payment.LineState) page.Tone {
	return toneOf(s, map[payment.LineState]page.Tone{
		payment.LineMatched: page.Success, payment.LineMatching: page.Info, payment.LineUnmatched: page.Warning, payment.LineSuspense: page.Danger,
	})
}

func accountTone(s account.State) page.Tone {
	return toneOf(s, map[account.State]page.Tone{
		account.Verified: page.Success, account.Restricted: page.Warning, account.Suspended: page.Danger, account.Terminated: page.Danger,
	})
}

func identityChip(s identity.State) templ.Component {
	return wordChip(toneOf(s, map[identity.State]page.Tone{identity.Verified: page.Success, identity.Pending: page.Info, identity.Failed: page.Danger, identity.Expired: page.Warning}), "operatordesk.identity.state."+string(s))
}

// absolute is the size of an amount, whatever its sign.
func absolute(a money.Amount) money.Amount {
	if !a.IsNegative() {
		return a
	}
	size, err := a.Neg()
	if err != nil {
		return a // the smallest number has no counterpart; the sign then tells
	}
	return size
}

func first(items []page.QueueItem, n int) []page.QueueItem { return items[:min(n, len(items))] }

func at(all []string, i int) string {
	if i < len(all) {
		return all[i]
	}
	return ""
}

func identityTerms(ctx context.Context, k identity.Case) []page.Term {
	line := func(key, value string) page.Term {
		return page.Term{Label: text.T(ctx, "operatordesk.identity."+key), Text: value}
	}
	terms := []page.Term{
		{Label: text.T(ctx, "desk.account"), Value: page.Anchor("/operator/accounts/"+string(k.Account), string(k.Account))},
		{Label: text.T(ctx, "desk.profile.subject_type"), Text: text.T(ctx, "desk.subject."+string(k.SubjectType))},
		line("kind", text.T(ctx, "operatordesk.identity.kind."+k.IDKind)), line("name", k.Name), line("number", k.Number), line("mobile", k.Mobile), line("email", k.Email), line("bank", k.BankAccount),
		line("representative", k.LegalRepresentative), line("checker", k.Checker),
		{Label: text.T(ctx, "desk.submitted_at"), Value: page.Time(k.SubmittedAt)},
	}
	if !k.DecidedAt.IsZero() {
		terms = append(terms, page.Term{Label: text.T(ctx, "operatordesk.decided_at"), Value: page.Time(k.DecidedAt)}, line("decided_by", k.DecidedBy), page.Term{Label: text.T(ctx, "base.reason"), Text: k.Reason})
	}
	return slices.DeleteFunc(terms, func(t page.Term) bool { return t.Value == nil && t.Text == "" })
}

func plainTerms(ctx context.Context, f identity.Fields) []page.Term {
	var terms []page.Term
	for _, l := range []struct{ key, value string }{
		{"name", f.Name}, {"number", f.Number}, {"mobile", f.Mobile}, {"email", f.Email}, {"bank", f.BankAccount}, {"representative", f.LegalRepresentative},
	} {
		if l.value != "" {
			terms = append(terms, page.Term{Label: text.T(ctx, "operatordesk.identity."+l.key), Value: mono(l.value)})
		}
	}
	return terms
}

func profileTerms(ctx context.Context, p vendor.Profile) []page.Term {
	line := func(name, value string) page.Term {
		return page.Term{Label: text.T(ctx, "desk.profile."+name), Text: value}
	}
	terms := []page.Term{
		line("registered_name", p.RegisteredName), line("subject_type", text.T(ctx, "desk.subject."+string(p.SubjectType))), line("uscc", p.USCC),
		line("legal_representative", p.LegalRepresentative), line("address", p.Address), line("contact_name", p.Contact.Name), line("contact_phone", p.Contact.Phone),
		line("contact_email", p.Contact.Email), line("support_hours", p.SupportHours),
		{Label: text.T(ctx, "desk.submitted_at"), Value: page.Time(p.SubmittedAt)},
		{Label: text.T(ctx, "operatordesk.certified_at"), Value: page.Time(p.SelfCertifiedAt)},
	}
	if !p.DecidedAt.IsZero() {
		terms = append(terms, page.Term{Label: text.T(ctx, "operatordesk.decided_at"), Value: page.Time(p.DecidedAt)}, page.Term{Label: text.T(ctx, "base.reason"), Text: p.Reason})
	}
	return slices.DeleteFunc(terms, func(t page.Term) bool { return t.Value == nil && t.Text == "" })
}

func (v vendorView) officer() bool { return v.by.Has(account.Compliance) }

// choices is a select of values that are their own words, or have words.
func choices(name, label, value, err string, values []string, word func(string) string) page.Field {
	f := page.Field{Name: name, Label: label, Value: value, Error: err, Required: true}
	for _, v := range values {
		o := page.Option{Value: v, Label: v}
		if word != nil {
			o.Label = word(v)
		}
		f.Options = append(f.Options, o)
	}
	return f
}

// resting reports whether the vendor's selling rests on a ground.
func (v vendorView) resting(g vendor.Ground) bool {
	return slices.ContainsFunc(v.pauses, func(p vendor.Pause) bool { return p.Ground == g && p.ResumedAt.IsZero() })
}

// grounds are those on which the vendor's selling can still be let rest.
func (v vendorView) grounds(ctx context.Context) page.Field {
	var left []string
	for _, g := range vendor.Grounds {
		if !v.resting(g) {
			left = append(left, string(g))
		}
	}
	return choices("ground", text.T(ctx, "operatordesk.vendor.rest.ground"), v.form["ground"], v.errors["ground"], left, func(g string) string { return text.T(ctx, "vendor.ground."+g) })
}

// sells reports whether a vendor takes part in the market, so that its selling can
// rest.
func (v vendorView) sells() bool {
	switch v.Vendor.State {
	case vendor.Onboarded, vendor.PublishLimited, vendor.ShopHidden, vendor.Suspended, vendor.Exiting:
		return true
	}
	return false
}

// standing says how the vendor has done so far.
func (v vendorView) standing(ctx context.Context) []page.Term {
	service, protection := text.T(ctx, "complaint.vendor.score.none"), text.T(ctx, "operatordesk.vendor.score.unaudited")
	if v.service.Points >= 0 {
		service = text.T(ctx, "complaint.vendor.score.points.text", "N", v.service.Points)
	}
	if v.audited {
		protection = text.T(ctx, "complaint.vendor.score.points.text", "N", v.privacy)
	}
	return []page.Term{
		{Label: text.T(ctx, "complaint.vendor.score"), Text: service},
		{Label: text.T(ctx, "operatordesk.vendor.score.privacy"), Value: page.Anchor("/operator/privacy/vendors/"+string(v.Vendor.ID), protection)},
	}
}

// newCasePath is the form for a case against an account.
func newCasePath(of account.ID) string { return "/operator/cases/new?subject=" + string(of) }

// productCasePath is the same for one of its products.
func productCasePath(of account.ID, product catalog.ProductID) string {
	return newCasePath(of) + "&kind=" + enforcement.Product + "&content=" + string(product)
}

// restsOn are the cases on which a delisting for a breach can rest.
func restsOn(ctx context.Context, v productView) page.Field {
	f := page.Field{
		Name: "case", Label: text.T(ctx, "operatordesk.delist.case"), Hint: text.T(ctx, "operatordesk.delist.case.hint"), Value: v.form["case"], Error: v.errors["case"],
		Options: []page.Option{{Label: text.T(ctx, "operatordesk.delist.case.none")}},
	}
	for _, c := range v.cases {
		f.Options = append(f.Options, page.Option{Value: string(c.ID), Label: page.BreachWord(ctx, c.Violation) + " · " + text.Date(ctx, c.DecidedAt) + " · " + string(c.ID)})
	}
	return f
}

func causes(ctx context.Context, v productView) page.Field {
	all := []string{string(catalog.VendorBreach), string(catalog.IPBan), string(catalog.Safety), string(catalog.Authority), string(catalog.OtherCause)}
	f := choices("cause", text.T(ctx, "operatordesk.delist.cause"), v.form["cause"], v.errors["cause"], all, func(s string) string { return text.T(ctx, "desk.cause."+s) })
	f.Options = append([]page.Option{{Label: text.T(ctx, "desk.choose")}}, f.Options...)
	return f
}

func scopes(ctx context.Context, v productView) page.Field {
	f := page.Field{Name: "scope", Label: text.T(ctx, "desk.delist.scope"), Value: v.form["scope"], Error: v.errors["scope"], Required: true}
	for _, s := range []catalog.Scope{catalog.NoNewSales, catalog.NoRenewal, catalog.UseProhibited} {
		f.Options = append(f.Options, page.Option{Value: string(s), Label: text.T(ctx, "desk.scope."+string(s)), Hint: text.T(ctx, "desk.scope."+string(s)+".hint")})
	}
	return f
}

func delistConfirmation(ctx context.Context, v productView) page.Confirmation {
	when := v.form["at"]
	if when == "" {
		when = text.T(ctx, "desk.delist.now")
	}
	address := "/operator/products/" + string(v.ID) + "/delist"
	cause := text.T(ctx, "desk.cause."+v.form["cause"])
	if catalog.ForBreach(catalog.Cause(v.form["cause"])) {
		cause += " · " + v.form["case"]
	}
	return page.Confirmation{
		Title: v.Title, Text: v.name + " · " + v.seller, Clause: "UA 4.8", Danger: true, Key: v.key, Post: address, Cancel: address, Label: text.T(ctx, "desk.delist"),
		Consequences: []string{
			cause, text.T(ctx, "desk.scope."+v.form["scope"]+".hint"), text.T(ctx, "desk.delist.when", "When", when),
			text.T(ctx, "desk.delist.holders", "Count", v.holders),
		},
		Undo: text.T(ctx, "desk.delist.undo"),
		Hidden: []page.Hidden{
			{Name: "cause", Value: v.form["cause"]}, {Name: "case", Value: v.form["case"]}, {Name: "scope", Value: v.form["scope"]}, {Name: "at", Value: v.form["at"]}, {Name: "reason", Value: v.form["reason"]}, {Name: "confirmed", Value: "yes"},
		},
	}
}

func changes(lines []sheetLine) (n int) {
	for _, l := range lines {
		if l.changed {
			n++
		}
	}
	return n
}

// part is the choice of the part of the sheet that a reason of a refusal is about.
func (v listingView) part(ctx context.Context, i int) page.Field {
	f := page.Field{Name: "field", Label: text.T(ctx, "operatordesk.listing.part", "Number", i+1), Value: at(v.fields, i), Quiet: true}
	for _, l := range v.lines {
		f.Options = append(f.Options, page.Option{Value: l.field, Label: l.label})
	}
	return f
}

func roleField(ctx context.Context, v staffView) page.Field {
	f := page.Field{Name: "role", Label: text.T(ctx, "operatordesk.roles"), Error: v.errors["role"], Required: true}
	for _, r := range []string{account.Compliance, account.Finance, account.Support, account.Superadmin} {
		f.Options = append(f.Options, page.Option{Value: r, Label: text.T(ctx, "operatordesk.role."+r), Hint: text.T(ctx, "operatordesk.role."+r+".hint"), Chosen: slices.Contains(v.roles, r)})
	}
	return f
}

type rows = [][]templ.Component

func vendorRows(ctx context.Context, all []vendor.Vendor) (out rows) {
	for _, v := range all {
		out = append(out, []templ.Component{linked("/operator/vendors/"+string(v.ID), v.RegisteredName, string(v.ID)), vendorChip(v.State), flags(v), page.Date(v.AppliedAt)})
	}
	return out
}

func merchantRows(all []vendor.Merchant) (out rows) {
	for _, m := range all {
		out = append(out, []templ.Component{page.Str(m.Provider), page.ID(m.Number), page.Time(m.AddedAt)})
	}
	return out
}

func depositRows(all []vendor.Deposit) (out rows) {
	for _, d := range all {
		out = append(out, []templ.Component{page.Str(d.Source), page.Time(d.ReceivedAt), page.Money(d.Amount)})
	}
	return out
}

func productRows(ctx context.Context, all []productRow) (out rows) {
	for _, p := range all {
		out = append(out, []templ.Component{linked("/operator/products/"+string(p.ID), p.name, p.Slug), page.Anchor("/operator/vendors/"+string(p.Vendor), p.seller), productChip(p.State), page.Date(p.ListedAt)})
	}
	return out
}

func versionRows(ctx context.Context, all []catalog.Version) (out rows) {
	for _, v := range slices.Backward(all) {
		out = append(out, []templ.Component{
			page.Anchor("/operator/listings/"+string(v.ID), text.T(ctx, "desk.version.number", "Number", v.Number)), versionChip(v.State), page.Time(v.SubmittedAt), page.Time(v.ListedAt), page.ID(v.SHA256[:16]),
		})
	}
	return out
}

func delistingEvents(ctx context.Context, all []catalog.DelistingEvent) []page.Event {
	events := make([]page.Event, 0, len(all))
	for _, e := range all {
		events = append(events, page.Event{
			What: text.T(ctx, "desk.scope."+string(e.Scope)), Who: text.T(ctx, "desk.cause."+string(e.Cause)), At: e.At, Note: e.Reason, Tone: page.Warning, Ahead: e.AppliedAt.IsZero(),
		})
	}
	return events
}

func orderRows(ctx context.Context, all []orderRow) (out rows) {
	for _, o := range all {
		out = append(out, []templ.Component{
			linked("/operator/orders/"+string(o.ID), o.name, string(o.ID)), orderChip(o.State), page.Str(o.Snapshot.Seller.RegisteredName), page.Anchor("/operator/accounts/"+string(o.Account), short(string(o.Account))),
			page.Time(o.PlacedAt), page.Money(o.Fee.Paid),
		})
	}
	return out
}

// short is the recognisable end of an id.
func short(id string) string {
	if len(id) <= 12 {
		return id
	}
	return id[:4] + "…" + id[len(id)-6:]
}

func attemptRows(ctx context.Context, all []payment.Attempt) (out rows) {
	for _, a := range all {
		var captured templ.Component
		if a.Captured.Currency.Known() && !a.Captured.IsZero() {
			captured = page.Money(a.Captured)
		}
		out = append(out, []templ.Component{linked("/operator/orders/"+a.Order, short(string(a.ID)), short(a.Order)), paymentChip(a.State), page.Str(a.Gateway), page.Time(a.CreatedAt), page.Money(a.Amount), captured})
	}
	return out
}

func refundRows(ctx context.Context, all []payment.Refund) (out rows) {
	for _, r := range all {
		out = append(out, []templ.Component{page.ID(string(r.ID)), page.Str(text.T(ctx, "operatordesk.refund."+string(r.State))), page.Time(r.CreatedAt), page.Money(r.Amount)})
	}
	return out
}

func transferRows(all []payment.Transfer) (out rows) {
	for _, t := range all {
		out = append(out, []templ.Component{page.ID(t.ID), page.Str(strings.TrimSpace(t.Name + " " + t.Account)), page.ID(t.Code), page.Money(t.Amount)})
	}
	return out
}

func rightRows(ctx context.Context, all []entitlement.Entitlement) (out rows) {
	for _, e := range all {
		out = append(out, []templ.Component{page.ID(string(e.ID)), page.Str(text.T(ctx, "operatordesk.right."+string(e.State))), page.Anchor("/operator/accounts/"+string(e.Account), short(string(e.Account))), page.Time(e.EndsAt)})
	}
	return out
}

func deliveryRows(ctx context.Context, all []delivery.Delivery) (out rows) {
	for _, d := range all {
		out = append(out, []templ.Component{
			linked("/operator/deliveries/"+string(d.ID), d.Name, string(d.ID)), deliveryChip(d.State), page.Str(text.T(ctx, "desk.delivery.dialect."+d.Dialect)), page.Str(strconv.FormatInt(d.Attempts, 10)), page.Time(d.CreatedAt),
		})
	}
	return out
}

// journalRows lays out journals entry by entry; the first entry names the journal,
// the others repeat its kind, so that a row that stands alone on a narrow screen
// still says what it belongs to.
func journalRows(ctx context.Context, all []ledger.Journal) (out rows) {
	for _, j := range all {
		for i, e := range j.Entries {
			row := []templ.Component{page.Muted(string(j.Kind)), nil, partyCell(e), nil, nil}
			if i == 0 {
				row[0], row[1] = journalCell(j), page.Time(j.Effective)
			}
			put(row[3:], e.Amount.Minor, page.Money(absolute(e.Amount)))
			out = append(out, row)
		}
	}
	return out
}

func trialRows(ctx context.Context, all []ledger.Total) (out rows) {
	for _, t := range all {
		row := []templ.Component{page.Str(text.T(ctx, "desk.book."+string(t.Account))), page.Str(string(t.Amount.Currency)), nil, nil}
		put(row[2:], t.Amount.Minor, page.Money(absolute(t.Amount)))
		out = append(out, row)
	}
	return out
}

// put places an amount in the debit or the credit column.
func put(columns []templ.Component, sign int64, amount templ.Component) {
	if sign < 0 {
		columns[1] = amount
	} else {
		columns[0] = amount
	}
}

func lineRows(all []payment.StatementLine) (out rows) {
	for _, l := range all {
		out = append(out, []templ.Component{page.Anchor("/operator/finance/lines/"+string(l.ID), l.BankRef), page.Time(l.At), page.Str(l.Reference), page.Str(l.Counterparty), page.Money(l.Amount)})
	}
	return out
}

func jobRows(ctx context.Context, all []job.Stuck, by audit.Actor) (out rows) {
	for _, j := range all {
		var again templ.Component
		if mayRun(by, j.Kind) {
			again = runAgain(j.ID)
		}
		out = append(out, []templ.Component{jobCell(j), page.Anchor(homeOf(j.Object), short(j.Object)), mono(j.Error), page.Str(strconv.Itoa(j.Attempt)), again})
	}
	return out
}

func actRows(all []audit.Act) (out rows) {
	for _, a := range all {
		out = append(out, []templ.Component{page.Anchor("/operator/records/"+a.ID, a.Act), page.Time(a.Time()), mono(who(a)), clauses(a.Clauses), page.Str(a.Refusal)})
	}
	return out
}

func ruleRows(ctx context.Context, v rulesView) (out rows) {
	for _, one := range v.versions {
		tone := page.Neutral
		switch one.State(v.now) {
		case agreement.Effective:
			tone = page.Success
		case agreement.Announced:
			tone = page.Info
		}
		state := page.Chip(tone, text.T(ctx, "rule.state."+string(one.State(v.now))))
		out = append(out, []templ.Component{ruleCell(one), page.Str(strconv.FormatInt(one.Number, 10)), state, page.Time(one.PublishedAt), page.Time(one.EffectiveAt)})
	}
	return out
}

func accountRows(ctx context.Context, all []accountRow) (out rows) {
	for _, a := range all {
		out = append(out, []templ.Component{
			linked("/operator/accounts/"+string(a.ID), a.DisplayName, string(a.ID)), page.Str(text.T(ctx, "desk.subject."+string(a.SubjectType))), accountChip(a.State), page.Str(strconv.FormatInt(a.risk.Denials, 10)), page.Date(a.CreatedAt),
		})
	}
	return out
}

func accountTerms(ctx context.Context, v accountView) []page.Term {
	terms := []page.Term{
		{Label: text.T(ctx, "base.type"), Text: text.T(ctx, "desk.subject."+string(v.SubjectType))},
		{Label: text.T(ctx, "base.created_at"), Value: page.Time(v.CreatedAt)},
		{Label: text.T(ctx, "operatordesk.account.agreement"), Text: text.T(ctx, "operatordesk.standing."+string(v.standing))},
		{Label: text.T(ctx, "operatordesk.denials"), Text: strconv.FormatInt(v.risk.Denials, 10)},
		{Label: text.T(ctx, "operatordesk.risky_sessions"), Text: strconv.FormatInt(v.risk.Sessions, 10)},
	}
	if v.checked {
		terms = append(terms, page.Term{Label: text.T(ctx, "operatordesk.nav.identities"), Value: page.Anchor("/operator/identities/"+string(v.identity.ID), text.T(ctx, "operatordesk.identity.state."+string(v.identity.State)))})
	}
	if v.sells {
		terms = append(terms, page.Term{Label: text.T(ctx, "operatordesk.vendor"), Value: page.Anchor("/operator/vendors/"+string(v.vendor.ID), v.vendor.RegisteredName)})
	}
	return terms
}

// userRows lists people; of customers only the id and the masked address, of the
// operator's own people also the name.
func userRows(ctx context.Context, all []account.User, customers bool) (out rows) {
	for _, u := range all {
		name := page.Str(u.Name)
		if customers {
			name = mono(string(u.ID))
		}
		words := make([]string, 0, len(u.Roles))
		for _, r := range u.Roles {
			words = append(words, text.T(ctx, "operatordesk.role."+r))
		}
		out = append(out, []templ.Component{name, page.Str(u.EmailMasked), page.Str(strings.Join(words, " · ")), page.Date(u.CreatedAt)})
	}
	return out
}
