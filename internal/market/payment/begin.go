package payment

import (
	"context"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/base/money"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/job"
)

// Start asks for a payment.
type Start struct {
	Order        string
	Amount       money.Amount // above zero
	Gateway      string       // [Gateway.Name]
	Description  string       // the customer sees it at the provider
	PayeeAccount string       // the vendor's own account at the provider
	PayeeName    string
	ExpiresAt    time.Time
	Locale       string // "zh" or "en"
	First        bool   // the order is made in this transaction, so nothing was paid for it yet
}

// Begin makes an attempt and asks for it to be opened at the provider. It
// refuses while another attempt for the order could still be paid or its outcome
// is not known, and after one has been paid.
func Begin(ctx context.Context, tx *db.Tx, _ audit.Actor, s Start) (_ Attempt, err error) {
	defer fault.Wrap(&err, "payment.Begin(%s, %s)", s.Order, s.Gateway)
	if err := onBehalf(s); err != nil {
		return Attempt{}, err
	}
	switch {
	case s.Order == "":
		return Attempt{}, ErrRequired.In("order")
	case s.Gateway == "":
		return Attempt{}, ErrRequired.In("gateway")
	case s.Amount.Minor <= 0 || !s.Amount.Currency.Known():
		return Attempt{}, ErrInvalid.In("amount")
	case !s.ExpiresAt.After(tx.Now()):
		return Attempt{}, ErrInvalid.In("expires_at")
	}
	if !s.First {
		paid, err := db.Value[int64](ctx, tx, selectPaidAttempts, s.Order)
		if err != nil {
			return Attempt{}, err
		}
		if paid > 0 {
			return Attempt{}, ErrPaid
		}
	}
	id := AttemptID(tx.ID("pay"))
	a := Attempt{
		ID: id, Code: codeOf(attemptLetter, string(id)), Order: s.Order, Gateway: s.Gateway, Amount: s.Amount, Description: s.Description,
		PayeeAccount: s.PayeeAccount, PayeeName: s.PayeeName, Locale: s.Locale, State: Created, Instructions: map[string]string{},
		ExpiresAt: s.ExpiresAt, CreatedAt: tx.Now(), ChangedAt: tx.Now(),
	}
	for _, sum := range []*money.Amount{&a.Captured, &a.Refunded, &a.Fee} {
		sum.Currency = s.Amount.Currency
	}
	fresh, err := tx.Exec(ctx, insertAttempt, string(id), a.Code, a.Order, a.Gateway, a.Amount.Minor, string(a.Amount.Currency),
		a.Description, a.PayeeAccount, a.PayeeName, a.Locale, db.Micros(a.ExpiresAt), db.Micros(a.CreatedAt))
	if err != nil {
		return Attempt{}, err
	}
	if fresh == 0 {
		return Attempt{}, ErrPending
	}
	if err := job.Enqueue(ctx, tx, job.Spec{Kind: OpenJob, Object: string(id), Unique: true}); err != nil {
		return Attempt{}, err
	}
	return a, nil
}

// Void gives an unpaid attempt up, as [Cancelled] or [Expired], and has it
// closed at the provider. Giving it up again changes nothing. It refuses a paid
// attempt, and one whose outcome is not known unless its time is over. Money
// that comes all the same is recorded and goes to the order's hook. An attempt
// whose money was not what was asked for is over already.
func Void(ctx context.Context, tx *db.Tx, _ audit.Actor, id AttemptID, to State) (_ Attempt, err error) {
	defer fault.Wrap(&err, "payment.Void(%s, %s)", id, to)
	a, err := Get(ctx, tx, id)
	if err != nil {
		return Attempt{}, err
	}
	if a.Mismatch {
		return a, nil
	}
	changed, err := voidable(a.State, to)
	if err != nil || !changed {
		return a, err
	}
	if err := move(ctx, tx, a, to); err != nil {
		return Attempt{}, err
	}
	return Get(ctx, tx, id)
}

// move changes an attempt that was read in this transaction. What ends unpaid
// is closed at the provider.
func move(ctx context.Context, tx *db.Tx, a Attempt, to State) error {
	instructions, err := textOf(a.Instructions)
	if err != nil {
		return err
	}
	n, err := tx.Exec(ctx, moveAttempt, string(to), a.ProviderID, a.PayURL, instructions, db.Micros(tx.Now()), string(a.ID), string(a.State))
	if err != nil {
		return err
	}
	if n == 0 {
		return ErrStale
	}
	if to == Cancelled || to == Expired {
		return job.Enqueue(ctx, tx, job.Spec{Kind: CloseJob, Object: string(a.ID), Unique: true})
	}
	return nil
}
