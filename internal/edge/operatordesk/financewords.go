package operatordesk

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"yunshi/internal/base/money"
	"yunshi/internal/base/text"
	"yunshi/internal/edge/page"
	"yunshi/internal/market/account"
	"yunshi/internal/market/ledger"
	"yunshi/internal/market/payment"
	"yunshi/internal/market/reconciliation"
	"yunshi/internal/market/report"
	"yunshi/internal/market/settlement"
)

func withdrawalTone(s settlement.WithdrawalState) page.Tone {
	return toneOf(s, map[settlement.WithdrawalState]page.Tone{
		settlement.Paid: page.Success, settlement.Paying: page.Info, settlement.Returned: page.Danger, settlement.Unpaid: page.Danger, settlement.Rejected: page.Warning,
	})
}

func disputeTone(s payment.DisputeState) page.Tone {
	return toneOf(s, map[payment.DisputeState]page.Tone{
		payment.DisputeInquiry: page.Warning, payment.DisputeOpen: page.Danger, payment.DisputeSubmitted: page.Info, payment.DisputeWon: page.Success,
	})
}

func exceptionTone(s reconciliation.ExceptionState) page.Tone {
	return toneOf(s, map[reconciliation.ExceptionState]page.Tone{
		reconciliation.Open: page.Danger, reconciliation.Explained: page.Info, reconciliation.Resolved: page.Success,
	})
}

func decisionTone(s reconciliation.DecisionState) page.Tone {
	return toneOf(s, map[reconciliation.DecisionState]page.Tone{
		reconciliation.Proposed: page.Warning, reconciliation.Done: page.Success, reconciliation.Refused: page.Neutral,
	})
}

// approvals counts the people who have agreed to a withdrawal.
func approvals(w settlement.Withdrawal) (n int) {
	if w.FirstBy != "" {
		n++
	}
	if w.SecondBy != "" {
		n++
	}
	return n
}

// approvedBy reports whether the reader has agreed already, or asked for it.
func approvedBy(v withdrawalView) bool {
	return v.by.User == string(v.FirstBy) || v.by.User == string(v.RequestedBy)
}

// exceptionTitle says in a sentence what is wrong.
func exceptionTitle(ctx context.Context, e reconciliation.Exception) string {
	switch e.Source {
	case reconciliation.FromAge:
		return text.T(ctx, "operatordesk.exception.aged", "Account", text.T(ctx, "desk.book."+e.Kind))
	case reconciliation.FromCheck:
		return text.T(ctx, "operatordesk.exception.check", "Invariant", e.Kind)
	case reconciliation.FromPosition:
		return text.T(ctx, "operatordesk.exception.position."+e.Kind)
	case reconciliation.FromMatch:
	}
	return text.T(ctx, "operatordesk.exception.match."+e.Kind)
}

func decisionTitle(ctx context.Context, d reconciliation.Decision) string {
	title := text.T(ctx, "operatordesk.decision.act."+string(d.Act))
	switch d.Act {
	case reconciliation.Attribute:
		title += ": " + text.T(ctx, "operatordesk.purpose."+string(d.Input.Purpose))
	case reconciliation.Close:
		title = text.T(ctx, "operatordesk.fin.close", "Month", d.Subject)
	case reconciliation.Deduct, reconciliation.WriteOff:
	}
	return title
}

func exceptionRows(ctx context.Context, all []reconciliation.Exception) (out rows) {
	for _, e := range all {
		out = append(out, []templ.Component{
			page.Anchor("/operator/finance/exceptions/"+string(e.ID), exceptionTitle(ctx, e)), mono(e.Object), exceptionChip(e.State), page.Str(e.Day.String()),
			page.Money(e.Ours), page.Money(e.Theirs),
		})
	}
	return out
}

func dayRows(ctx context.Context, all []reconciliation.Day) (out rows) {
	for _, d := range all {
		out = append(out, []templ.Component{page.Str(d.Day.String()), page.Str(d.Gateway), itemChip(ctx, d.State), page.Str(strconv.FormatInt(d.Count, 10))})
	}
	return out
}

func itemChip(ctx context.Context, s reconciliation.ItemState) templ.Component {
	tone := page.Danger
	switch s {
	case reconciliation.Matched:
		tone = page.Success
	case reconciliation.Waiting:
		tone = page.Info
	default:
	}
	return page.Chip(tone, text.T(ctx, "operatordesk.item.state."+string(s)))
}

func legRows(ctx context.Context, i reconciliation.Item) (out rows) {
	for _, l := range []struct {
		name string
		leg  reconciliation.Leg
	}{{"ours", i.Ours}, {"booked", i.Booked}, {"reported", i.Reported}} {
		says := page.Muted(text.T(ctx, "operatordesk.leg.none"))
		if l.leg.There {
			says = page.Money(money.Amount{Minor: l.leg.Minor, Currency: i.Currency})
		}
		out = append(out, []templ.Component{page.Str(text.T(ctx, "operatordesk.leg."+l.name)), says})
	}
	return out
}

func exceptionTerms(ctx context.Context, v exceptionView) []page.Term {
	e := v.Exception
	terms := []page.Term{
		{Label: text.T(ctx, "operatordesk.exception.object"), Value: mono(e.Object)},
		{Label: text.T(ctx, "operatordesk.exception.day"), Text: e.Day.String()},
		{Label: text.T(ctx, "operatordesk.exception.first"), Value: page.Time(e.FirstSeen)},
		{Label: text.T(ctx, "operatordesk.exception.last"), Value: page.Time(e.LastSeen)},
	}
	if e.Source != reconciliation.FromCheck && v.item.Object == "" {
		terms = append(terms, page.Term{Label: text.T(ctx, "operatordesk.exception.ours"), Value: page.Money(e.Ours)}, page.Term{Label: text.T(ctx, "operatordesk.exception.theirs"), Value: page.Money(e.Theirs)})
	}
	if e.Detail != "" {
		detail := mono(e.Detail)
		if e.Source != reconciliation.FromCheck {
			detail = page.Anchor(homeOf(e.Detail), e.Detail)
		}
		terms = append(terms, page.Term{Label: text.T(ctx, "operatordesk.exception.detail"), Value: detail})
	}
	if e.Reason != "" {
		terms = append(terms, page.Term{Label: text.T(ctx, "operatordesk.exception.explained"), Text: e.Reason}, page.Term{Label: text.T(ctx, "operatordesk.decision.by"), Value: mono(string(e.By))})
	}
	return terms
}

func decisionTerms(ctx context.Context, d reconciliation.Decision, people staff) []page.Term {
	terms := []page.Term{{Label: text.T(ctx, "operatordesk.decision.subject"), Value: page.Anchor(subjectHome(d), d.Subject)}}
	add := func(key, value string) {
		if value != "" {
			terms = append(terms, page.Term{Label: text.T(ctx, key), Text: value})
		}
	}
	if d.Act != reconciliation.Close {
		terms = append(terms, page.Term{Label: text.T(ctx, "base.amount"), Value: page.Money(d.Amount)})
	}
	add("operatordesk.line.party", d.Input.Party)
	add("operatordesk.standing.case", d.Input.Case)
	add("operatordesk.standing.rule", d.Input.Rule)
	add("base.reason", d.Reason)
	add("operatordesk.line.evidence", d.Evidence)
	terms = append(terms, page.Term{Label: text.T(ctx, "operatordesk.decision.proposed_by"), Text: people.who(string(d.ProposedBy))}, page.Term{Label: text.T(ctx, "operatordesk.decision.proposed_at"), Value: page.Time(d.ProposedAt)})
	if d.DecidedBy != "" {
		terms = append(terms, page.Term{Label: text.T(ctx, "operatordesk.decision.decided_by"), Text: people.who(string(d.DecidedBy))}, page.Term{Label: text.T(ctx, "operatordesk.decided_at"), Value: page.Time(d.DecidedAt)})
	}
	add("operatordesk.decision.refusal", d.Refusal)
	return terms
}

// subjectHome is the page of what a decision is about.
func subjectHome(d reconciliation.Decision) string {
	switch d.Act {
	case reconciliation.Close:
		return "/operator/finance/months/" + d.Subject
	case reconciliation.Attribute:
		return "/operator/finance/lines/" + strings.TrimSuffix(d.Subject, "/code")
	case reconciliation.Deduct, reconciliation.WriteOff:
	}
	return "/operator/finance/vendors/" + d.Subject
}

func decisionRows(ctx context.Context, all []reconciliation.Decision, people staff) (out rows) {
	for _, d := range all {
		amount := page.Money(d.Amount)
		if d.Act == reconciliation.Close {
			amount = nil
		}
		out = append(out, []templ.Component{
			page.Anchor("/operator/finance/decisions/"+string(d.ID), decisionTitle(ctx, d)), decisionChip(d.State), page.Str(people.who(string(d.ProposedBy))), page.Time(d.ProposedAt), amount,
		})
	}
	return out
}

func withdrawalTerms(ctx context.Context, v withdrawalView) []page.Term {
	person := func(key, user string) page.Term {
		return page.Term{Label: text.T(ctx, "operatordesk.withdrawal."+key), Text: v.people.who(user)}
	}
	terms := []page.Term{
		{Label: text.T(ctx, "operatordesk.vendor"), Value: page.Anchor("/operator/finance/vendors/"+string(v.Vendor), v.seller.RegisteredName)},
		{Label: text.T(ctx, "operatordesk.withdrawal.purpose"), Text: text.T(ctx, "operatordesk.withdrawal.purpose."+string(v.Purpose))},
		{Label: text.T(ctx, "base.amount"), Value: page.Money(v.Amount)},
		{Label: text.T(ctx, "operatordesk.standing.payable"), Value: page.Money(v.standing.Payable)},
		{Label: text.T(ctx, "operatordesk.withdrawal.payee"), Text: v.Gateway + " " + v.Payee},
		{Label: text.T(ctx, "operatordesk.withdrawal.added"), Value: page.Time(v.added)},
		{Label: text.T(ctx, "operatordesk.withdrawal.limit"), Value: page.Money(money.Amount{Minor: v.limits.FourEyes, Currency: v.Amount.Currency})},
		{Label: text.T(ctx, "operatordesk.withdrawal.requested_by"), Value: mono(string(v.RequestedBy))}, {Label: text.T(ctx, "operatordesk.decision.proposed_at"), Value: page.Time(v.RequestedAt)},
	}
	if v.FirstBy != "" {
		terms = append(terms, person("first", string(v.FirstBy)))
	}
	if v.SecondBy != "" {
		terms = append(terms, person("second", string(v.SecondBy)))
	}
	if v.Reason != "" {
		terms = append(terms, page.Term{Label: text.T(ctx, "base.reason"), Text: v.Reason})
	}
	return terms
}

func withdrawalRows(all []settlement.Withdrawal) (out rows) {
	for _, w := range all {
		out = append(out, []templ.Component{page.Anchor("/operator/finance/withdrawals/"+string(w.ID), short(string(w.ID))), withdrawalChip(w), page.Time(w.RequestedAt), page.Money(w.Amount)})
	}
	return out
}

func splitRows(v splitsView) (out rows) {
	for _, c := range v.all {
		var again templ.Component
		if v.by.Has(account.Finance) {
			again = retry(c.Line, v.key+c.Line)
		}
		out = append(out, []templ.Component{page.Anchor("/operator/orders/"+string(c.Order), short(string(c.Order))), page.Str(c.Gateway), page.Str(c.Reason), page.Time(c.ActBy), page.Money(c.Gross), again})
	}
	return out
}

func disputeRows(now time.Time, all []payment.Dispute) (out rows) {
	for _, d := range all {
		out = append(out, []templ.Component{page.Anchor("/operator/orders/"+d.Order, short(d.Order)), disputeChip(d.State), page.Str(d.Gateway), page.Str(d.Reason), page.Clock(now, d.EvidenceDue), page.Money(d.Amount)})
	}
	return out
}

// purposeField offers what a line in its direction may be.
func purposeField(ctx context.Context, v lineView) page.Field {
	f := page.Field{Name: "purpose", Label: text.T(ctx, "operatordesk.line.purpose"), Value: v.form["purpose"], Error: v.errors["purpose"], Required: true}
	for _, p := range reconciliation.Purposes {
		if v.Amount.Minor > 0 && p.Inward() || v.Amount.Minor < 0 && p.Outward() {
			f.Options = append(f.Options, page.Option{Value: string(p), Label: text.T(ctx, "operatordesk.purpose."+string(p)), Hint: text.T(ctx, "operatordesk.purpose."+string(p)+".hint")})
		}
	}
	return f
}

func periodRows(all []ledger.Period) (out rows) {
	for _, p := range all {
		out = append(out, []templ.Component{page.Anchor("/operator/finance/months/"+string(p.Month), string(p.Month)), page.Time(p.ClosedAt), page.Str(strconv.FormatInt(p.Journals, 10)), mono(p.Digest)})
	}
	return out
}

func stepRows(ctx context.Context, all []reconciliation.Step) (out rows) {
	for _, s := range all {
		chip := page.Chip(page.Success, text.T(ctx, "operatordesk.month.step.done"))
		if !s.Done {
			chip = page.Chip(page.Warning, text.T(ctx, "operatordesk.month.step.missing"))
		}
		note := s.Note
		if s.Left > 0 {
			note = strconv.FormatInt(s.Left, 10) + " " + note
		}
		out = append(out, []templ.Component{page.Str(text.T(ctx, "operatordesk.month.step."+s.Name)), chip, page.Str(note)})
	}
	return out
}

func standingStats(ctx context.Context, s ledger.Standing) []page.Stat {
	var all []page.Stat
	for _, v := range []struct {
		key string
		a   money.Amount
	}{{"payable", s.Payable}, {"held", s.Held}, {"escrow", s.Escrow}, {"deposit", s.Deposit}, {"debt", s.Receivable}} {
		all = append(all, page.Stat{Label: text.T(ctx, "operatordesk.standing."+v.key), Value: page.MoneyText(ctx, v.a)})
	}
	return all
}

func feeWord(ctx context.Context) func(string) string {
	return func(kind string) string {
		if key := "operatordesk.fee." + kind; text.Has(text.From(ctx), key) {
			return text.T(ctx, key)
		}
		return kind
	}
}

func clearingRows(ctx context.Context, now time.Time, all []reconciliation.Standing) (out rows) {
	for _, h := range all {
		out = append(out, []templ.Component{
			page.Anchor(homeOf(h.Party), h.Party), page.Str(text.T(ctx, "desk.book."+string(h.Account))), page.Time(h.Since), page.Clock(now, h.Since.AddDate(0, 0, h.Days)),
			page.Money(absolute(h.Amount)),
		})
	}
	return out
}

func taxRows(q report.Quarter) (out rows) {
	for _, v := range q.Vendors {
		sum := func(minor int64) templ.Component {
			return page.Money(money.Amount{Minor: minor, Currency: money.Currency(q.Currency)})
		}
		name := v.Name
		if name == "" {
			name = v.Vendor
		}
		out = append(out, []templ.Component{page.Anchor("/operator/finance/vendors/"+v.Vendor, name), mono(v.USCC), page.Str(strconv.FormatInt(v.Orders, 10)), sum(v.Gross), sum(v.Refunded), sum(v.Commission)})
	}
	return out
}

func importedRows(ctx context.Context, all []payment.ImportedLine) (out rows) {
	for _, l := range all {
		tone := map[payment.Outcome]page.Tone{payment.LineNew: page.Warning, payment.LineNamed: page.Success, payment.LineKnown: page.Neutral}[l.What]
		out = append(out, []templ.Component{mono(l.BankRef), page.Chip(tone, text.T(ctx, "operatordesk.imported."+string(l.What))), page.Money(l.Amount)})
	}
	return out
}
