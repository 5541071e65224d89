package invoice

import (
	"context"
	"slices"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/base/money"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/job"
	"yunshi/internal/market/vendor"
)

// Form is a confirmation form that one side has entered at the tax
// administration.
type Form struct {
	Reason       Reason
	Amount       money.Amount // zero: all that is left of the invoice
	Confirmation string       // the form's number
	NoneNeeded   bool         // entered by the seller, and the administration asks for no confirmation
}

// EnterRed records a form that would take an invoice back. Whoever enters it,
// buyer or vendor, the other side has 72 hours to confirm, unless the
// administration asks for none. A red letter that a refund asked for is filled
// in; it keeps its amount. It refuses a second one at a time (RED_LETTER_OPEN)
// and more than is left of the invoice (RED_LETTER_OVER_AMOUNT).
func EnterRed(ctx context.Context, tx *db.Tx, by audit.Actor, id ID, f Form) (_ RedLetter, err error) {
	defer fault.Wrap(&err, "invoice.EnterRed(%s)", id)
	q, selling, err := party(ctx, tx, by, id)
	if err != nil {
		return RedLetter{}, err
	}
	l, err := entered(ctx, tx, q, selling, f)
	if err != nil {
		return RedLetter{}, err
	}
	asked := l.AskedAt.Before(tx.Now()) || l.State == Asked
	l.EnteredBy, l.EnteredAt = "buyer", tx.Now()
	if selling {
		l.EnteredBy = "seller"
	}
	l.State = enters(selling, f.NoneNeeded)
	if l.State.Waiting() {
		rule, err := agreement.Setting[struct{ Hours int }](ctx, tx, "red_confirmation")
		if err != nil {
			return RedLetter{}, err
		}
		l.ExpiresAt = tx.Now().Add(time.Duration(rule.Hours) * time.Hour)
	}
	if err := putRed(ctx, tx, q, &l, asked); err != nil {
		return RedLetter{}, err
	}
	if err := recordRed(ctx, tx, by, "invoice.red_entered", l); err != nil {
		return RedLetter{}, err
	}
	if l.State.Agreed() {
		return l, agreed(ctx, tx, by, l)
	}
	if err := job.Enqueue(ctx, tx, job.Spec{Kind: lapseJob, Object: string(l.ID), At: l.ExpiresAt, Unique: true}); err != nil {
		return RedLetter{}, err
	}
	v, err := vendor.Get(ctx, tx, q.Vendor)
	if err != nil {
		return RedLetter{}, err
	}
	to, link := v.Account, "/vendor/invoices/"+string(q.ID)
	if selling {
		to, link = q.Account, orderLink(q)
	}
	return l, letter(ctx, tx, "I-01", to, link, l, map[string]string{"ExpiresAt": l.ExpiresAt.UTC().Format(time.RFC3339)})
}

// party returns a request with its account to one of its two sides, and says
// whether it is the seller. A buyer who sells to himself does not exist.
func party(ctx context.Context, r db.Reader, by audit.Actor, id ID) (Request, bool, error) {
	_, who, err := look(ctx, r, by, id)
	if err != nil {
		return Request{}, false, err
	}
	if who == asWatcher {
		return Request{}, false, ErrForbidden
	}
	q, err := read(ctx, r, id)
	return q, who == asSeller, err
}

// entered returns the red letter that a form fills in or begins.
func entered(ctx context.Context, tx *db.Tx, q Request, selling bool, f Form) (RedLetter, error) {
	if !q.State.HasInvoice() || q.State == RedIssued {
		return RedLetter{}, ErrState
	}
	if !slices.Contains(reasons, f.Reason) {
		return RedLetter{}, ErrInvalid.In("reason")
	}
	if f.NoneNeeded && !selling {
		return RedLetter{}, ErrInvalid.In("none_needed")
	}
	number, err := confirmation(f.Confirmation)
	if err != nil {
		return RedLetter{}, err
	}
	used, err := db.Value[int64](ctx, tx, usedForm, number)
	if err != nil {
		return RedLetter{}, err
	}
	blue, err := blueOf(ctx, tx, q.ID)
	if err != nil {
		return RedLetter{}, err
	}
	if used > 0 || number == blue.Number {
		return RedLetter{}, ErrNumberUsed.In("confirmation")
	}
	open, known, err := openRed(ctx, tx, q.ID)
	if err != nil {
		return RedLetter{}, err
	}
	switch {
	case known && open.State != Asked:
		return RedLetter{}, ErrRedOpen
	case known:
		open.Reason, open.Confirmation = f.Reason, number
		return open, nil
	}
	l := RedLetter{ID: RedID(tx.ID("red")), Request: q.ID, Blue: blue.ID, Order: q.Order, Reason: f.Reason, Confirmation: number, AskedAt: tx.Now()}
	l.Amount, err = remaining(blue, f.Amount)
	return l, err
}

// remaining judges an amount to be taken back; zero is all that is left.
func remaining(blue Invoice, amount money.Amount) (money.Amount, error) {
	left, err := blue.Total.Sub(blue.Reddened)
	if err != nil {
		return money.Amount{}, err
	}
	if amount.IsZero() {
		amount = left
	}
	if amount.Currency != left.Currency || amount.Minor <= 0 || amount.Minor > left.Minor {
		return money.Amount{}, ErrRedAmount.With("Max", left.Plain()).In("amount")
	}
	return amount, nil
}

// openRed is the red letter of a request that is not at an end.
func openRed(ctx context.Context, r db.Reader, id ID) (RedLetter, bool, error) {
	all, err := db.All(ctx, r, scanRed, selectReds, string(id))
	i := slices.IndexFunc(all, func(l RedLetter) bool { return l.EndedAt.IsZero() })
	if err != nil || i < 0 {
		return RedLetter{}, false, err
	}
	return all[i], true, nil
}

// putRed stores a red letter, new or asked for before, and moves its request.
func putRed(ctx context.Context, tx *db.Tx, q Request, l *RedLetter, asked bool) error {
	if asked {
		n, err := tx.Exec(ctx, enterRed, string(l.State), l.EnteredBy, l.Confirmation, db.Micros(l.ExpiresAt), db.Micros(l.EnteredAt), string(l.ID))
		if err != nil {
			return err
		}
		if n == 1 {
			return nil
		}
	}
	n, err := tx.Exec(ctx, insertRed, string(l.ID), string(l.Request), string(l.Blue), l.Order, string(l.Reason), l.Amount.Minor, string(l.State), l.EnteredBy,
		l.Confirmation, db.Micros(l.ExpiresAt), db.Micros(l.AskedAt), db.Micros(l.EnteredAt))
	if err := guarded(n, err, ErrRedOpen); err != nil {
		return err
	}
	if q.State == RedPending {
		return nil
	}
	n, err = tx.Exec(ctx, moveRequest, string(RedPending), string(q.ID), string(q.State))
	return guarded(n, err, ErrState)
}

// AnswerRed moves a red letter: the other side confirms or refuses, whoever
// entered it takes it back, the seller reports what the administration made void.
// A form whose 72 hours are over can only lapse (RED_LETTER_EXPIRED). One that
// was agreed and that a refund has relied on stays (RED_LETTER_BOUND).
func AnswerRed(ctx context.Context, tx *db.Tx, by audit.Actor, id RedID, to RedState) (_ RedLetter, err error) {
	defer fault.Wrap(&err, "invoice.AnswerRed(%s, %s)", id, to)
	l, err := found(db.One(ctx, tx, scanRed, selectRed, string(id)))
	if err != nil {
		return RedLetter{}, err
	}
	q, selling, err := party(ctx, tx, by, l.Request)
	if err != nil {
		return RedLetter{}, err
	}
	switch {
	case !l.EndedAt.IsZero():
		return RedLetter{}, ErrState
	case lapsed(l, tx.Now()):
		return RedLetter{}, ErrRedExpired
	case !redMove(l.State, selling, to):
		return RedLetter{}, ErrState
	}
	if to == BothConfirmed {
		n, err := tx.Exec(ctx, agreeRed, string(to), string(id), string(l.State))
		if err := guarded(n, err, ErrState); err != nil {
			return RedLetter{}, err
		}
		l.State = to
		if err := job.Cancel(ctx, tx, lapseJob, string(id), "one"); err != nil {
			return RedLetter{}, err
		}
		if err := recordRed(ctx, tx, by, "invoice.red_confirmed", l); err != nil {
			return RedLetter{}, err
		}
		return l, agreed(ctx, tx, by, l)
	}
	return closed(ctx, tx, by, q, l, to)
}

// closed ends a red letter that takes nothing back.
func closed(ctx context.Context, tx *db.Tx, by audit.Actor, q Request, l RedLetter, to RedState) (RedLetter, error) {
	was := l.State
	n, err := tx.Exec(ctx, endRed, string(to), db.Micros(tx.Now()), string(l.ID), string(was))
	if err := guarded(n, err, ErrState); err != nil {
		return RedLetter{}, err
	}
	if was.Agreed() {
		n, err := tx.Exec(ctx, unrelease, l.Amount.Minor, l.Order)
		if err := guarded(n, err, ErrRedBound); err != nil {
			return RedLetter{}, err
		}
	}
	l.State, l.EndedAt = to, tx.Now()
	if err := back(ctx, tx, q); err != nil {
		return RedLetter{}, err
	}
	if err := job.Cancel(ctx, tx, lapseJob, string(l.ID), "one"); err != nil {
		return RedLetter{}, err
	}
	if err := awaited(ctx, tx, l.Order); err != nil {
		return RedLetter{}, err
	}
	if err := recordRed(ctx, tx, by, "invoice.red_ended", l); err != nil {
		return RedLetter{}, err
	}
	return l, both(ctx, tx, q, l)
}

// back returns a request to where it was before its red letter.
func back(ctx context.Context, tx *db.Tx, q Request) error {
	to := Issued
	if !q.DeliveredAt.IsZero() {
		to = Delivered
	}
	n, err := tx.Exec(ctx, moveRequest, string(to), string(q.ID), string(RedPending))
	return guarded(n, err, ErrState)
}

// agreed releases the amount for a refund, tells both sides, and wakes the refund
// that waits.
func agreed(ctx context.Context, tx *db.Tx, _ audit.Actor, l RedLetter) error {
	n, err := tx.Exec(ctx, release, l.Amount.Minor, l.Order)
	if err := guarded(n, err, ErrState); err != nil {
		return err
	}
	if err := awaited(ctx, tx, l.Order); err != nil {
		return err
	}
	q, err := read(ctx, tx, l.Request)
	if err != nil {
		return err
	}
	return both(ctx, tx, q, l)
}

// both tells both sides where a red letter stands.
func both(ctx context.Context, tx *db.Tx, q Request, l RedLetter) error {
	v, err := vendor.Get(ctx, tx, q.Vendor)
	if err != nil {
		return err
	}
	more := map[string]string{"Red": string(l.State)}
	if l.Invoice != "" {
		more["Red"] = "issued"
	}
	if err := letter(ctx, tx, "I-02", q.Account, orderLink(q), l, more); err != nil {
		return err
	}
	return letter(ctx, tx, "I-02", v.Account, "/vendor/invoices/"+string(q.ID), l, more)
}

// IssueRed records the red invoice of a red letter that was agreed, by its file:
// negative amounts, the same parties, and a remark with the number of the blue
// invoice and of the form. Once all of the invoice is taken back its amount may
// be asked for again.
func IssueRed(ctx context.Context, tx *db.Tx, by audit.Actor, id RedID, d Document, f Upload) (_ Invoice, err error) {
	defer fault.Wrap(&err, "invoice.IssueRed(%s)", id)
	l, err := found(db.One(ctx, tx, scanRed, selectRed, string(id)))
	if err != nil {
		return Invoice{}, err
	}
	q, _, err := own(ctx, tx, by, l.Request)
	if err != nil {
		return Invoice{}, err
	}
	if !l.State.Agreed() || !l.EndedAt.IsZero() || f.Kind != XML {
		return Invoice{}, ErrState
	}
	blue, err := blueOf(ctx, tx, q.ID)
	if err != nil {
		return Invoice{}, err
	}
	card, rates, err := against(ctx, tx, q.Vendor)
	if err != nil {
		return Invoice{}, err
	}
	if err := takesBack(d, q, l, blue, card, rates); err != nil {
		return Invoice{}, err
	}
	i, err := store(ctx, tx, by, q, d)
	if err != nil {
		return Invoice{}, err
	}
	for _, step := range []struct {
		sql  string
		args []any
	}{
		{redden, []any{l.Amount.Minor, string(blue.ID)}},
		{closeRed, []any{string(i.ID), db.Micros(tx.Now()), string(id)}},
		{settleRed, []any{l.Amount.Minor, l.Order}},
	} {
		n, err := tx.Exec(ctx, step.sql, step.args...)
		if err := guarded(n, err, ErrState); err != nil {
			return Invoice{}, err
		}
	}
	if blue.Reddened.Minor+l.Amount.Minor < blue.Total.Minor {
		err = back(ctx, tx, q)
	} else {
		var n int64
		n, err = tx.Exec(ctx, reddenRequest, db.Micros(tx.Now()), string(q.ID))
		err = guarded(n, err, ErrState)
	}
	if err != nil {
		return Invoice{}, err
	}
	if err := attach(ctx, tx, by, q.ID, Red, f); err != nil {
		return Invoice{}, err
	}
	l.Invoice, l.EndedAt = i.ID, tx.Now()
	if err := recordOf(ctx, tx, by, "invoice.red_issued", q, map[string]any{"number": i.Number, "blue": blue.Number, "total": i.Total, "sha256": f.SHA256}); err != nil {
		return Invoice{}, err
	}
	return i, both(ctx, tx, q, l)
}

// lapse makes a form void that was not confirmed in time.
func lapse(ctx context.Context, tx *db.Tx, id RedID) error {
	l, err := found(db.One(ctx, tx, scanRed, selectRed, string(id)))
	if err != nil || !l.EndedAt.IsZero() || !lapsed(l, tx.Now()) {
		return err
	}
	q, err := read(ctx, tx, l.Request)
	if err != nil {
		return err
	}
	_, err = closed(ctx, tx, audit.Job(lapseJob), q, l, Lapsed)
	return err
}

// RedLetterFor asks whether an order may be refunded, total being all that will
// have been given back afterwards. True: nothing stands in the way any more, and
// the total is reserved, so that no invoice can come in between. False: the
// refund waits; requests that no vendor had confirmed are withdrawn, red letters
// are asked for, and [Work.RedConfirmed] is called each time the answer may have
// changed. With the rulebook's refund_requires_red_letter off it is always true.
//
// Clause: UA 4.5 (an invoice goes back, or its red letter is agreed, before the money does).
func RedLetterFor(ctx context.Context, tx *db.Tx, by audit.Actor, of Invoiceable, total money.Amount, reason Reason) (clear bool, err error) {
	defer fault.Wrap(&err, "invoice.RedLetterFor(%s)", of.Order)
	rule, err := agreement.Setting[struct{ Enabled bool }](ctx, tx, "refund_requires_red_letter")
	if err != nil || !rule.Enabled {
		return err == nil, err
	}
	if total.Currency != of.Paid.Currency || total.Minor <= 0 || total.Minor > of.Paid.Minor || !slices.Contains(reasons, reason) {
		return false, ErrInvalid.In("amount")
	}
	if _, err := opens(ctx, tx, of); err != nil {
		return false, err
	}
	if clear, err := reserved(ctx, tx, of.Order, total); clear || err != nil {
		return clear, err
	}
	if _, err := tx.Exec(ctx, await, total.Minor, of.Order); err != nil {
		return false, err
	}
	all, err := OfOrder(ctx, tx, of.Order)
	if err != nil {
		return false, err
	}
	for _, q := range slices.Backward(all) {
		if q.State != Requested {
			continue
		}
		if _, err := end(ctx, tx, by, q, Withdrawn, ""); err != nil {
			return false, err
		}
		if clear, err := reserved(ctx, tx, of.Order, total); clear || err != nil {
			return clear, err
		}
	}
	return false, askFor(ctx, tx, by, all, of.Order, total, reason)
}

// reserved takes a refund's total off what may be invoiced; false when invoices
// stand in its way.
func reserved(ctx context.Context, tx *db.Tx, order string, total money.Amount) (bool, error) {
	n, err := tx.Exec(ctx, giveBack, total.Minor, order)
	return n == 1, err
}

// askFor opens red letters, newest invoice first, until what they take back makes
// room for the refund. Forms on their way count.
func askFor(ctx context.Context, tx *db.Tx, by audit.Actor, all []Request, order string, total money.Amount, reason Reason) error {
	b, err := budgetOf(ctx, tx, order)
	if err != nil {
		return err
	}
	need := b.claimed - b.released + total.Minor - b.paid
	for _, q := range slices.Backward(all) {
		if need <= 0 || !q.State.HasInvoice() || q.State == RedIssued {
			continue
		}
		open, known, err := openRed(ctx, tx, q.ID)
		if err != nil {
			return err
		}
		if known {
			if !open.State.Agreed() {
				need -= open.Amount.Minor
			}
			continue
		}
		blue, err := blueOf(ctx, tx, q.ID)
		if err != nil {
			return err
		}
		l := RedLetter{ID: RedID(tx.ID("red")), Request: q.ID, Blue: blue.ID, Order: order, Reason: reason, State: Asked, AskedAt: tx.Now()}
		left := blue.Total.Minor - blue.Reddened.Minor
		l.Amount = money.Amount{Minor: min(left, need), Currency: blue.Total.Currency}
		if err := putRed(ctx, tx, q, &l, false); err != nil {
			return err
		}
		need -= l.Amount.Minor
		if err := recordRed(ctx, tx, by, "invoice.red_asked", l); err != nil {
			return err
		}
		v, err := vendor.Get(ctx, tx, q.Vendor)
		if err != nil {
			return err
		}
		if err := letter(ctx, tx, "I-02", v.Account, "/vendor/invoices/"+string(q.ID), l, map[string]string{"Red": string(Asked)}); err != nil {
			return err
		}
	}
	return nil
}

// RefundEnded tells how much of an order has been given back when a refund ended
// otherwise than it was reserved: it was withdrawn, refused, or failed for good.
// Red letters nobody has entered yet are dropped.
func RefundEnded(ctx context.Context, tx *db.Tx, by audit.Actor, order string, given money.Amount) (err error) {
	defer fault.Wrap(&err, "invoice.RefundEnded(%s)", order)
	if _, err := budgetOf(ctx, tx, order); err != nil {
		if f, ok := fault.Of(err); ok && f.Code == ErrNotFound.Code {
			return nil // never invoiced, nothing reserved
		}
		return err
	}
	n, err := tx.Exec(ctx, giveBack, given.Minor, order)
	if err := guarded(n, err, ErrOutstanding); err != nil {
		return err
	}
	letters, err := db.All(ctx, tx, scanRed, selectOpenReds, order)
	if err != nil {
		return err
	}
	for _, l := range letters {
		if l.State != Asked {
			continue
		}
		q, err := read(ctx, tx, l.Request)
		if err != nil {
			return err
		}
		if _, err := closed(ctx, tx, by, q, l, TakenBack); err != nil {
			return err
		}
	}
	return nil
}

// awaited wakes the refund that waits for the invoices of an order, if one does.
func awaited(ctx context.Context, tx *db.Tx, order string) error {
	b, err := budgetOf(ctx, tx, order)
	if err != nil || b.awaited == 0 {
		return err
	}
	return job.Enqueue(ctx, tx, job.Spec{Kind: confirmedJob, Object: order})
}

func recordRed(ctx context.Context, tx *db.Tx, by audit.Actor, act string, l RedLetter) error {
	return audit.Record(ctx, tx, by, audit.Entry{
		Act: act, Subjects: []string{string(l.ID), string(l.Request), l.Order}, Clauses: []string{"UA 4.4"},
		Data: map[string]any{"state": l.State, "reason": l.Reason, "amount": l.Amount, "confirmation": l.Confirmation, "entered_by": l.EnteredBy},
	})
}
