package payment

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/base/money"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/job"
)

// PayoutState is the state of a payout.
type PayoutState string

// The states of a payout.
const (
	PayoutCreated    PayoutState = "created"    // nothing was sent; it may be cancelled
	PayoutSubmitting PayoutState = "submitting" // about to be sent, or sent just now
	PayoutInTransit  PayoutState = "in_transit" // the provider has it
	PayoutPaid       PayoutState = "paid"       // not final: the bank may send it back
	PayoutReturned   PayoutState = "returned"
	PayoutFailed     PayoutState = "failed"
	PayoutCancelled  PayoutState = "cancelled"
	PayoutUnknown    PayoutState = "unknown" // sent without an answer; it is asked for
)

// Payout is a vendor's free money on its way from the provider to the vendor's
// bank. Trying a failed one again is a new payout.
type Payout struct {
	ID          PayoutID
	Code        string // short form of the id for people who write it on a transfer
	Vendor      string
	Gateway     string
	Payee       string // the vendor's account at the provider
	PayeeName   string
	Key         string // of the caller: one payout per vendor and key
	Amount      money.Amount
	Description string
	State       PayoutState
	ProviderID  string
	Reason      string       // why it failed or came back, as a code of the provider
	Fee         money.Amount // the bank's, for sending it back
	CreatedAt   time.Time
	PaidAt      time.Time
	EndedAt     time.Time
}

// PayoutStart asks for a payout.
type PayoutStart struct {
	Vendor      string
	Gateway     string
	Payee       string // the vendor's account at the provider
	PayeeName   string
	Amount      money.Amount // above zero
	Key         string       // of the caller's own; the same key again is the same payout
	Description string
}

// StartPayout asks for money to be sent to a vendor's bank. What may be paid out,
// and booking it (P20), is the caller's, in the same transaction.
func StartPayout(ctx context.Context, tx *db.Tx, _ audit.Actor, s PayoutStart) (_ Payout, err error) {
	defer fault.Wrap(&err, "payment.StartPayout(%s, %s)", s.Vendor, s.Key)
	switch {
	case s.Vendor == "":
		return Payout{}, ErrRequired.In("vendor")
	case s.Gateway == "":
		return Payout{}, ErrRequired.In("gateway")
	case s.Key == "":
		return Payout{}, ErrRequired.In("key")
	case strings.TrimSpace(s.Payee) == "" || strings.TrimSpace(s.PayeeName) == "":
		return Payout{}, ErrNoPayee
	case s.Amount.Minor <= 0 || !s.Amount.Currency.Known():
		return Payout{}, ErrInvalid.In("amount")
	}
	known, err := db.One(ctx, tx, scanPayout, selectPayoutKey, s.Vendor, s.Key)
	if err == nil {
		if known.Amount != s.Amount || known.Gateway != s.Gateway || known.Payee != s.Payee {
			return Payout{}, ErrStale
		}
		return known, nil
	}
	if !errors.Is(err, db.ErrNoRow) {
		return Payout{}, err
	}
	id := PayoutID(tx.ID("pyo"))
	if _, err := tx.Exec(ctx, insertPayout, string(id), codeOf(payoutLetter, string(id)), s.Vendor, s.Gateway, s.Payee, s.PayeeName, s.Key,
		s.Amount.Minor, string(s.Amount.Currency), s.Description, db.Micros(tx.Now())); err != nil {
		return Payout{}, err
	}
	if err := job.Enqueue(ctx, tx, job.Spec{Kind: PayoutJob, Object: string(id), Unique: true}); err != nil {
		return Payout{}, err
	}
	return GetPayout(ctx, tx, id)
}

// CancelPayout gives up a payout that was not sent; the caller books it (P22). It
// refuses one that may have been sent. Cancelling it again changes nothing.
func CancelPayout(ctx context.Context, tx *db.Tx, _ audit.Actor, id PayoutID) (_ Payout, err error) {
	defer fault.Wrap(&err, "payment.CancelPayout(%s)", id)
	p, err := GetPayout(ctx, tx, id)
	if err != nil || p.State == PayoutCancelled {
		return p, err
	}
	if p.State != PayoutCreated {
		return Payout{}, ErrSent
	}
	from := p.State
	p.State, p.EndedAt = PayoutCancelled, tx.Now()
	return p, p.move(ctx, tx, from)
}

// move stores a payout that was read in this transaction.
func (p Payout) move(ctx context.Context, tx *db.Tx, from PayoutState) error {
	n, err := tx.Exec(ctx, movePayout, string(p.State), p.ProviderID, p.Reason, p.Fee.Minor, db.Micros(p.PaidAt), db.Micros(p.EndedAt),
		string(p.ID), string(from))
	if err == nil && n == 0 {
		err = ErrStale
	}
	return err
}

// payoutMoves are the states a fact from the provider leads a payout through, in
// order. Money that came back had arrived first, also when nobody had said so.
func payoutMoves(from PayoutState, m MoveState) []PayoutState {
	out := from == PayoutCreated || from == PayoutSubmitting || from == PayoutUnknown
	open := out || from == PayoutInTransit
	switch {
	case m == MoveProcessing && out:
		return []PayoutState{PayoutInTransit}
	case m == MoveDone && open:
		return []PayoutState{PayoutPaid}
	case m == MoveFailed && open:
		return []PayoutState{PayoutFailed}
	case m == MoveReturned && open:
		return []PayoutState{PayoutPaid, PayoutReturned}
	case (m == MoveReturned || m == MoveFailed) && from == PayoutPaid:
		return []PayoutState{PayoutReturned}
	}
	return nil
}

// payoutErrand is a payout as something to be sent.
func (w Work) payoutErrand(p Payout, g Gateway) errand {
	in := PayoutIntent{Reference: p.ID, Payee: p.Payee, PayeeName: p.PayeeName, Amount: p.Amount, Description: p.Description}
	e := errand{
		object: string(p.ID), gateway: g.Name(), born: p.CreatedAt,
		open: p.State == PayoutCreated || p.State == PayoutSubmitting || p.State == PayoutUnknown, sent: p.State != PayoutCreated,
		refused: movement{ProviderID: p.ProviderID, Reference: string(p.ID), State: MoveFailed, Amount: p.Amount},
		claim: func(ctx context.Context, tx *db.Tx) (bool, error) {
			now, err := GetPayout(ctx, tx, p.ID)
			if err != nil || now.State == PayoutCancelled {
				return false, err
			}
			if from := now.State; from == PayoutCreated {
				now.State = PayoutSubmitting
				return true, now.move(ctx, tx, from)
			}
			return true, nil
		},
		record: func(ctx context.Context, tx *db.Tx, m movement) error { return w.recordPayout(ctx, tx, p.ID, m) },
		lost: func(ctx context.Context, tx *db.Tx) error {
			now, err := GetPayout(ctx, tx, p.ID)
			if err != nil || now.State != PayoutSubmitting {
				return err
			}
			now.State = PayoutUnknown
			return now.move(ctx, tx, PayoutSubmitting)
		},
	}
	if at, ok := g.(Payer); ok {
		e.send = func(ctx context.Context) (movement, error) { return moved(at.Payout(ctx, in)) }
		e.find = func(ctx context.Context) (movement, error) { return moved(at.FindPayout(ctx, in)) }
	}
	return e
}

// recordPayout makes true here what the provider says of a payout. One that was
// given up or had failed, and was paid all the same, is not dropped: somebody has
// to look.
func (w Work) recordPayout(ctx context.Context, tx *db.Tx, id PayoutID, m movement) error {
	p, err := GetPayout(ctx, tx, id)
	if err != nil {
		return err
	}
	unstated := m.State == MoveProcessing && m.Amount == (money.Amount{})
	fee := positive(m.Fee, p.Amount.Currency)
	if m.Reference != string(p.ID) || m.Amount != p.Amount && !unstated || fee > p.Amount.Minor {
		return fmt.Errorf("%w: payout", errForeign)
	}
	gone := p.State == PayoutFailed || p.State == PayoutCancelled
	if gone && (m.State == MoveDone || m.State == MoveReturned) {
		return fmt.Errorf("%w: a payout that is %s was paid", errForeign, p.State)
	}
	p.ProviderID = m.id(p.ProviderID)
	recheck := false
	for _, to := range payoutMoves(p.State, m.State) {
		from := p.State
		p.State = to
		switch to {
		case PayoutPaid:
			p.PaidAt, recheck = tx.Now(), true
		case PayoutFailed:
			p.Reason, p.EndedAt = m.Reason, tx.Now()
		case PayoutReturned:
			p.Reason, p.EndedAt, p.Fee.Minor, recheck = m.Reason, tx.Now(), fee, false
		case PayoutCreated, PayoutSubmitting, PayoutInTransit, PayoutUnknown, PayoutCancelled:
		}
		if err := p.move(ctx, tx, from); err != nil {
			return err
		}
		if to == PayoutInTransit {
			return nil
		}
		if w.PayoutMoved != nil {
			if err := w.PayoutMoved(ctx, tx, p); err != nil {
				return err
			}
		}
	}
	if !recheck {
		return nil
	}
	return job.Enqueue(ctx, tx, job.Spec{Kind: PayoutJob, Object: string(p.ID), Name: "recheck", At: tx.Now().Add(recheckAfter), Unique: true})
}

// GetPayout returns a payout.
func GetPayout(ctx context.Context, r db.Reader, id PayoutID) (Payout, error) {
	return one(db.One(ctx, r, scanPayout, selectPayout, string(id)))
}

// PayoutsOf returns the payouts of a vendor, oldest first.
func PayoutsOf(ctx context.Context, r db.Reader, vendor string) ([]Payout, error) {
	return db.All(ctx, r, scanPayout, selectPayouts, vendor)
}

// PayoutsOut returns the payouts that a provider has not ended yet, oldest first,
// at most n.
func PayoutsOut(ctx context.Context, r db.Reader, gateway string, n int) ([]Payout, error) {
	return db.All(ctx, r, scanPayout, selectPayoutsOut, gateway, n)
}

// PayoutCode is the code finance writes on the transfer of a payout.
func PayoutCode(id PayoutID) string { return codeOf(payoutLetter, string(id)) }
