package vendordesk

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/a-h/templ"

	"yunshi/internal/base/money"
	"yunshi/internal/base/text"
	"yunshi/internal/edge/page"
	"yunshi/internal/market/commission"
	"yunshi/internal/market/ledger"
	"yunshi/internal/market/order"
	"yunshi/internal/market/settlement"
)

func payableNote(ctx context.Context, v incomeView) string {
	switch {
	case len(v.Stopped) > 0:
		return text.T(ctx, "vendordesk.income.payable.stopped")
	case !v.Waiting.IsZero():
		return text.T(ctx, "vendordesk.income.payable.waiting", "Amount", page.MoneyText(ctx, v.Waiting))
	}
	return text.T(ctx, "vendordesk.income.payable.note")
}

func frozenNote(ctx context.Context, v incomeView) string {
	if v.Held.IsZero() {
		return text.T(ctx, "vendordesk.income.frozen.none")
	}
	return text.T(ctx, "vendordesk.income.frozen.note", "Count", len(v.holds))
}

func frozenTone(v incomeView) page.Tone {
	if v.Held.IsZero() {
		return page.Neutral
	}
	return page.Warning
}

func debtNote(ctx context.Context, v incomeView) string {
	if v.Receivable.IsZero() {
		return text.T(ctx, "vendordesk.income.debt.none")
	}
	return text.T(ctx, "vendordesk.income.debt.note")
}

func debtTone(v incomeView) page.Tone {
	if v.Receivable.IsZero() {
		return page.Neutral
	}
	return page.Danger
}

// nothingToWithdraw says why, and when there will be something.
func nothingToWithdraw(ctx context.Context, v incomeView) string {
	switch {
	case len(v.Stopped) > 0:
		return text.T(ctx, "vendordesk.income.stopped.text")
	case !v.Waiting.IsZero():
		return text.T(ctx, "vendordesk.withdraw.none.waiting", "Amount", page.MoneyText(ctx, v.Waiting))
	case len(v.upcoming) > 0 && !v.upcoming[0].Next().IsZero():
		return text.T(ctx, "vendordesk.withdraw.none.next", "Amount", page.MoneyText(ctx, v.upcoming[0].amount), "When", text.Time(ctx, v.upcoming[0].Next()))
	}
	return text.T(ctx, "vendordesk.withdraw.none.text")
}

// accountField asks to which own account, and says of each what would happen.
func accountField(ctx context.Context, v incomeView) page.Field {
	f := page.Field{Name: "gateway", Label: text.T(ctx, "vendordesk.withdraw.to"), Value: v.gateway, Error: v.errors["gateway"], Required: true}
	if f.Value == "" && len(v.accounts) == 1 {
		f.Value = v.accounts[0].Provider
	}
	for _, a := range v.accounts {
		hint := text.T(ctx, "vendordesk.withdraw.known", "Limit", page.MoneyText(ctx, a.Limit))
		if !a.NewUntil.IsZero() {
			hint = text.T(ctx, "vendordesk.withdraw.new", "Until", text.Time(ctx, a.NewUntil))
		}
		f.Options = append(f.Options, page.Option{Value: a.Provider, Label: providerName(ctx, a.Provider) + " · " + a.Number, Hint: hint})
	}
	return f
}

// providerName is a provider as customers know it, or as it is configured.
func providerName(ctx context.Context, gateway string) string {
	if key := "shop.method." + gateway; text.Has(text.From(ctx), key) {
		return text.T(ctx, key)
	}
	return gateway
}

func withdrawConfirmation(ctx context.Context, v withdrawView) page.Confirmation {
	what := []string{text.T(ctx, "vendordesk.withdraw.does", "Amount", page.MoneyText(ctx, v.amount), "Provider", providerName(ctx, v.gateway), "Account", v.Payee)}
	if v.Approvals == 0 {
		what = append(what, text.T(ctx, "vendordesk.withdraw.at_once"))
	} else {
		what = append(what, text.T(ctx, "vendordesk.withdraw.two", "Count", v.Approvals))
	}
	if v.Over {
		what = append(what, text.T(ctx, "vendordesk.withdraw.over", "Limit", page.MoneyText(ctx, v.Limit)))
	}
	if !v.NewUntil.IsZero() {
		what = append(what, text.T(ctx, "vendordesk.withdraw.new", "Until", text.Time(ctx, v.NewUntil)))
	}
	undo := "vendordesk.withdraw.undo.none"
	if v.Approvals > 0 {
		undo = "vendordesk.withdraw.undo"
	}
	return page.Confirmation{
		Title: text.T(ctx, "vendordesk.withdraw.title"), Text: text.T(ctx, "vendordesk.withdraw.left", "Amount", page.MoneyText(ctx, v.left)),
		Consequences: append(what, text.T(ctx, "vendordesk.withdraw.back")), Undo: text.T(ctx, undo), Clause: "UA 3.1",
		Post: "/vendor/income/withdrawals", Key: v.key, Label: text.T(ctx, "vendordesk.withdraw.do", "Amount", page.MoneyText(ctx, v.amount)), Cancel: "/vendor/income",
		Hidden: []page.Hidden{{Name: "amount", Value: v.amount.Plain()}, {Name: "gateway", Value: v.gateway}, {Name: "confirmed", Value: "yes"}},
	}
}

func withdrawalTone(s settlement.WithdrawalState) page.Tone {
	switch s {
	case settlement.Requested:
		return page.Warning
	case settlement.Paying:
		return page.Info
	case settlement.Paid:
		return page.Success
	case settlement.Rejected, settlement.Returned, settlement.Unpaid:
		return page.Danger
	}
	return page.Neutral
}

func agreedSoFar(w settlement.Withdrawal) int {
	if w.FirstBy == "" {
		return 0
	}
	return 1
}

// withdrawalReason is what finance wrote, or the provider's code in words.
func withdrawalReason(ctx context.Context, w settlement.Withdrawal) string {
	if key := "vendordesk.withdrawal.reason." + w.Reason; text.Has(text.From(ctx), key) {
		return text.T(ctx, key)
	}
	return w.Reason
}

func withdrawalRows(_ context.Context, all []settlement.Withdrawal) [][]templ.Component {
	rows := make([][]templ.Component, 0, len(all))
	for _, w := range all {
		at := page.Time(w.RequestedAt)
		if !w.EndedAt.IsZero() {
			at = moments(page.Time(w.RequestedAt), page.Time(w.EndedAt))
		}
		rows = append(rows, []templ.Component{withdrawalCell(w), withdrawalState(w), payee(w.Gateway, w.Payee), at, page.Money(w.Amount)})
	}
	return rows
}

func collectionTone(s settlement.State) page.Tone {
	switch s {
	case settlement.Finished:
		return page.Success
	case settlement.Released, settlement.Splitting:
		return page.Info
	case settlement.Failed:
		return page.Danger
	}
	return page.Neutral
}

// collectionReason is why a collection waits or failed, in words where the market
// gave the code.
func collectionReason(ctx context.Context, code string) string {
	if key := "vendordesk.collection.reason." + code; text.Has(text.From(ctx), key) {
		return text.T(ctx, key)
	}
	return code
}

func upcomingRows(ctx context.Context, now time.Time, all []collected) [][]templ.Component {
	rows := make([][]templ.Component, 0, len(all))
	for _, c := range all {
		when := page.Muted(text.T(ctx, "vendordesk.income.not_delivered"))
		if next := c.Next(); !next.IsZero() {
			when = moments(page.Time(next), page.Clock(now, next))
		}
		rows = append(rows, []templ.Component{collectedCell(c), when, collectionChip(c.Collection), page.Money(c.amount)})
	}
	return rows
}

func releasedRows(_ context.Context, all []collected) [][]templ.Component {
	rows := make([][]templ.Component, 0, len(all))
	for _, c := range all {
		rows = append(rows, []templ.Component{collectedCell(c), page.Time(c.ReleasedAt), collectionChip(c.Collection), page.Money(c.amount)})
	}
	return rows
}

func holdReason(ctx context.Context, h hold) string {
	switch kind, _, _ := strings.Cut(h.Party, "_"); kind {
	case "lin":
		return text.T(ctx, "vendordesk.hold.reserve")
	case "dsp":
		return text.T(ctx, "vendordesk.hold.dispute")
	}
	return text.T(ctx, "vendordesk.hold.case")
}

func holdRows(ctx context.Context, all []hold) [][]templ.Component {
	rows := make([][]templ.Component, 0, len(all))
	for _, h := range all {
		of := page.Muted(text.T(ctx, "base.none"))
		if h.order != "" {
			of = page.Anchor("/vendor/orders/"+h.order, h.order)
		}
		rows = append(rows, []templ.Component{holdCell(h), of, page.Money(h.Amount)})
	}
	return rows
}

func statementTone(state string) page.Tone {
	switch state {
	case "agreed", "agreed_by_time":
		return page.Success
	case "open":
		return page.Warning
	case "objected":
		return page.Danger
	}
	return page.Info
}

func monthChip(r monthRow) templ.Component {
	switch {
	case r.stated != nil:
		return stateChip(stateOf(r.stated.At, r.stated.Agreed, r.stated.AgreedBy, r.stated.Objection))
	case r.running:
		return stateChip("running")
	}
	return stateChip("none")
}

func monthRows(ctx context.Context, v statementsView) [][]templ.Component {
	rows := make([][]templ.Component, 0, len(v.rows))
	for _, r := range v.rows {
		closing := page.Muted(text.T(ctx, "base.none"))
		if r.stated != nil {
			closing = page.Money(r.stated.Closing)
		}
		rows = append(rows, []templ.Component{page.Anchor("/vendor/income/statements/"+string(r.month), string(r.month)), monthState(v, r), closing})
	}
	return rows
}

func statementRows(_ context.Context, s settlement.Statement) [][]templ.Component {
	var rows [][]templ.Component
	for _, r := range s.Orders() {
		rows = append(rows, append([]templ.Component{statementCell(r), page.Date(r.At)}, moneyCells(r)...))
	}
	return rows
}

func statementFoot(ctx context.Context, s settlement.Statement) []templ.Component {
	return append([]templ.Component{page.Str(text.T(ctx, "vendordesk.statement.total")), nil}, moneyCells(s.Total())...)
}

func moneyCells(r settlement.Row) []templ.Component {
	return []templ.Component{page.Money(r.Released), page.Money(r.Commission), page.Money(r.GivenBack()), page.Money(r.Other), page.Money(r.Paid), page.Money(r.Vendor)}
}

// booked is a posting in words, as its vendor sees it.
func booked(ctx context.Context, k ledger.Kind) string {
	if key := "vendordesk.booked." + string(k); text.Has(text.From(ctx), key) {
		return text.T(ctx, key)
	}
	return text.T(ctx, "vendordesk.booked.other")
}

// told is the story of an order's money in plain words, from its journals.
func told(ctx context.Context, seller string, all []ledger.Journal) []page.Event {
	events := make([]page.Event, 0, len(all))
	for _, j := range all {
		e := page.Event{What: booked(ctx, j.Kind), At: j.Recorded, Tone: page.Neutral}
		sum := sumsOf(j, seller)
		say := func(key string) string {
			return text.T(ctx, "vendordesk.told."+key, "Price", page.MoneyText(ctx, sum.gross), "Vendor", page.MoneyText(ctx, sum.vendor), "Commission", page.MoneyText(ctx, sum.commission), "Held", page.MoneyText(ctx, sum.escrow))
		}
		switch j.Kind {
		case ledger.P1Capture, ledger.P28Collected:
			e.Note, e.Tone = say("held"), page.Success
		case ledger.P6Release:
			e.Note, e.Tone = say("released"), page.Success
		case ledger.P7Refund:
			e.Note, e.Tone = say("refund_held"), page.Warning
		case ledger.P8Refund, ledger.P9Refund:
			e.Note, e.Tone = say("refund"), page.Warning
		case ledger.P7Undone:
			e.Note = say("undone")
		case ledger.P15DisputeOpen:
			e.Note, e.Tone = say("disputed"), page.Danger
		case ledger.P17DisputeWon:
			e.Note, e.Tone = say("won"), page.Success
		case ledger.P18DisputeLost:
			e.Note, e.Tone = say("lost"), page.Danger
		case ledger.P12Compensation:
			e.Note, e.Tone = say("damages"), page.Danger
		}
		events = append(events, e)
	}
	return events
}

// booking is a journal as its order's vendor sees it: what each account got or
// lost, without sign.
type booking struct{ gross, escrow, commission, vendor money.Amount }

func sumsOf(j ledger.Journal, seller string) booking {
	var s booking
	for _, e := range j.Entries {
		for _, a := range []*money.Amount{&s.gross, &s.escrow, &s.commission, &s.vendor} {
			a.Currency = e.Amount.Currency
		}
		if e.Amount.Minor > 0 {
			s.gross.Minor += e.Amount.Minor // both sides are equal
		}
		switch e.Account {
		case ledger.Escrow:
			s.escrow.Minor += e.Amount.Minor
		case ledger.Commission:
			s.commission.Minor += e.Amount.Minor
		case ledger.Payable, ledger.Hold, ledger.Receivable, ledger.Deposit:
			if e.Party == seller || strings.HasPrefix(e.Party, seller+"/") {
				s.vendor.Minor += e.Amount.Minor
			}
		}
	}
	for _, a := range []*money.Amount{&s.escrow, &s.commission, &s.vendor} {
		a.Minor = max(a.Minor, -a.Minor)
	}
	return s
}

// rate writes basis points as people read them: "10 %" or "7.25 %".
func rate(points int64) string {
	s := strings.TrimRight(strings.TrimRight(percent(points), "0"), ".")
	return fmt.Sprintf("%s%%", s)
}

// collectionSentence says where an order's money stands and what comes next.
func collectionSentence(ctx context.Context, v orderView) string {
	c := v.money
	args := []any{"Amount", page.MoneyText(ctx, c.amount), "Got", page.MoneyText(ctx, v.line.Payable()), "Freed", page.MoneyText(ctx, c.Freed), "Until", text.Time(ctx, c.Next()), "Shared", page.MoneyText(ctx, c.Shared)}
	key := "vendordesk.collection.says." + string(c.State)
	switch {
	case v.line.Disputes > 0:
		return text.T(ctx, "vendordesk.collection.says.disputed", args...)
	case v.line.Refundable().IsZero():
		key = "vendordesk.collection.says.ended"
	case c.State == settlement.Held && c.Next().IsZero():
		return text.T(ctx, "vendordesk.collection.says.undelivered", args...) + " " + v.when
	}
	return text.T(ctx, key, args...)
}

// orderSums is how the vendor's part of an order comes about.
func orderSums(ctx context.Context, v orderView) []page.Sum {
	yours, commission := v.Fee.Paid, v.Commission.Amount
	if v.TaxBy == order.TaxByOperator {
		yours = v.Fee.Net
	}
	yours.Minor -= commission.Minor
	commission.Minor = -commission.Minor
	lines := []page.Sum{{Label: text.T(ctx, "desk.paid"), Amount: v.Fee.Paid}}
	if v.TaxBy == order.TaxByOperator {
		tax := v.Fee.Tax
		tax.Minor = -tax.Minor
		lines = append(lines, page.Sum{Label: text.T(ctx, "desk.tax"), Amount: tax})
	}
	lines = append(lines, page.Sum{Label: text.T(ctx, "vendordesk.statement.commission"), Amount: commission}, page.Sum{Label: text.T(ctx, "vendordesk.income.yours"), Amount: yours, Total: true})
	if back := v.line.Returned; !back.IsZero() {
		lines = append(lines, page.Sum{Label: text.T(ctx, "vendordesk.order.returned"), Amount: back})
	}
	return lines
}

func commissionBasis(ctx context.Context, t commission.Terms) string {
	if t.Basis == "" {
		return text.T(ctx, "base.none")
	}
	return text.T(ctx, "vendordesk.commission."+string(t.Basis))
}
