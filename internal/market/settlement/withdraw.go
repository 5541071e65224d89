package settlement

import (
	"context"
	"errors"

	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/base/money"
	"yunshi/internal/market/account"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/ledger"
	"yunshi/internal/market/payment"
	"yunshi/internal/market/vendor"
)

// Request asks to be paid what is payable. The vendor's own people ask; a small
// withdrawal to a known account is paid at once, any other waits for two people of
// finance. It refuses more than is payable, less than the minimum, and a vendor
// whose money is frozen.
func Request(ctx context.Context, tx *db.Tx, by audit.Actor, v vendor.ID, gateway string, x money.Amount) (_ Withdrawal, err error) {
	defer fault.Wrap(&err, "settlement.Request(%s)", v)
	seller, err := vendor.Get(ctx, tx, v)
	if err != nil {
		return Withdrawal{}, err
	}
	if err := account.MustOwn(by, seller.Account); err != nil {
		return Withdrawal{}, err
	}
	limits, err := agreement.Setting[Limits](ctx, tx, "withdraw")
	if err != nil {
		return Withdrawal{}, err
	}
	if x.Minor < limits.Minimum {
		return Withdrawal{}, ErrInvalid.In("amount").With("Minimum", money.Amount{Minor: limits.Minimum, Currency: x.Currency}.String())
	}
	standing, err := ledger.StandingOf(ctx, tx, string(v), x.Currency)
	if err != nil {
		return Withdrawal{}, err
	}
	waiting, err := db.Value[int64](ctx, tx, sumRequested, string(v), string(x.Currency))
	if err != nil {
		return Withdrawal{}, err
	}
	if x.Minor > standing.Payable.Minor-waiting {
		return Withdrawal{}, ErrNotDue
	}
	frozen, err := ledger.FrozenFor(ctx, tx, string(v))
	if err != nil {
		return Withdrawal{}, err
	}
	if len(frozen) > 0 {
		return Withdrawal{}, ledger.ErrFrozen
	}
	m, err := merchant(ctx, tx, v, gateway)
	if err != nil {
		return Withdrawal{}, err
	}
	w := Withdrawal{
		ID: WithdrawalID(tx.ID("wdr")), Vendor: v, Purpose: Sales, Gateway: gateway, Payee: m.Number, Amount: x, State: Requested,
		Approvals: approvals(x, tx.Now().Sub(m.AddedAt), limits), RequestedBy: account.UserID(by.User), RequestedAt: tx.Now(),
	}
	if err := insert(ctx, tx, w); err != nil {
		return Withdrawal{}, err
	}
	if w.Approvals > 0 {
		return w, nil
	}
	return pay(ctx, tx, by, w)
}

// Approve is one person's consent; the last one needed pays.
func Approve(ctx context.Context, tx *db.Tx, by audit.Actor, id WithdrawalID) (_ Withdrawal, err error) {
	defer fault.Wrap(&err, "settlement.Approve(%s)", id)
	w, err := GetWithdrawal(ctx, tx, id)
	if err != nil {
		return Withdrawal{}, err
	}
	if w.State != Requested {
		return Withdrawal{}, ErrState
	}
	if err := mayApprove(w, by); err != nil {
		return Withdrawal{}, err
	}
	query := approveSecond
	if w.FirstBy == "" {
		query, w.FirstBy = approveFirst, account.UserID(by.User)
	} else {
		w.SecondBy = account.UserID(by.User)
	}
	n, err := tx.Exec(ctx, query, by.User, string(id))
	if err == nil && n == 0 {
		err = ErrState
	}
	if err != nil || w.SecondBy == "" {
		return w, err
	}
	return pay(ctx, tx, by, w)
}

// pay books the payout and asks the provider for it.
func pay(ctx context.Context, tx *db.Tx, by audit.Actor, w Withdrawal) (Withdrawal, error) {
	seller, err := vendor.Get(ctx, tx, w.Vendor)
	if err != nil {
		return Withdrawal{}, err
	}
	p, err := payment.StartPayout(ctx, tx, by, payment.PayoutStart{
		Vendor: string(w.Vendor), Gateway: w.Gateway, Payee: w.Payee, PayeeName: seller.RegisteredName, Amount: w.Amount, Key: string(w.ID), Description: string(w.ID),
	})
	if err != nil {
		return Withdrawal{}, err
	}
	out := ledger.Payout
	if w.Purpose == DepositReturn {
		out = ledger.DepositOut
	}
	if _, err := out(ctx, tx, string(p.ID), string(w.Vendor), w.Amount, tx.Now()); err != nil {
		if errors.Is(err, ledger.ErrFloor) {
			err = ErrNotDue
		}
		return Withdrawal{}, err
	}
	n, err := tx.Exec(ctx, setPaying, string(p.ID), string(w.ID))
	if err == nil && n == 0 {
		err = ErrState
	}
	w.State, w.Payout = Paying, p.ID
	return w, err
}

// Reject refuses a withdrawal with a reason, or takes the vendor's own back.
func Reject(ctx context.Context, tx *db.Tx, by audit.Actor, id WithdrawalID, reason string) (_ Withdrawal, err error) {
	defer fault.Wrap(&err, "settlement.Reject(%s)", id)
	w, err := GetWithdrawal(ctx, tx, id)
	if err != nil {
		return Withdrawal{}, err
	}
	to := Rejected
	if !by.Has(account.Finance) {
		seller, err := vendor.Get(ctx, tx, w.Vendor)
		if err != nil {
			return Withdrawal{}, err
		}
		if err := account.MustOwn(by, seller.Account); err != nil {
			return Withdrawal{}, err
		}
		to = Cancelled
	} else if reason == "" {
		return Withdrawal{}, ErrRequired.In("reason")
	}
	if err := end(ctx, tx, w, Requested, to, reason); err != nil {
		return Withdrawal{}, err
	}
	w.State, w.Reason = to, reason
	if to == Rejected {
		err = tell(ctx, tx, w.Vendor, "S-02", map[string]string{"Amount": w.Amount.Format("zh"), "Rejected": "yes", "Reason": reason}, "/vendor/income")
	}
	return w, err
}

// PayoutMoved books what became of a payout and tells the vendor.
func PayoutMoved(ctx context.Context, tx *db.Tx, p payment.Payout) (err error) {
	defer fault.Wrap(&err, "settlement.PayoutMoved(%s)", p.ID)
	w, err := db.One(ctx, tx, scanWithdrawal, selectOfPayout, string(p.ID))
	if errors.Is(err, db.ErrNoRow) { // nobody here asked for it: a person must look
		return audit.Record(ctx, tx, audit.Provider(p.Gateway), audit.Entry{
			Act: "settlement.payout.unknown", Subjects: []string{string(p.ID), p.Vendor}, Clauses: []string{"UA 3.1"}, Data: map[string]bool{"alarm": true},
		})
	}
	if err != nil {
		return err
	}
	vendorID := string(w.Vendor)
	switch p.State {
	case payment.PayoutPaid:
		if _, err = ledger.PayoutPaid(ctx, tx, string(p.ID), vendorID, p.Amount, tx.Now()); err == nil {
			err = end(ctx, tx, w, Paying, Paid, "")
		}
	case payment.PayoutFailed, payment.PayoutCancelled:
		if _, err = ledger.PayoutFailed(ctx, tx, string(p.ID), vendorID, p.Amount, tx.Now()); err == nil {
			err = end(ctx, tx, w, Paying, Unpaid, p.Reason)
		}
	case payment.PayoutReturned:
		if _, err = ledger.PayoutReturned(ctx, tx, string(p.ID), vendorID, p.Amount, p.Fee, tx.Now()); err == nil {
			err = end(ctx, tx, w, Paid, Returned, p.Reason)
		}
	default:
		return nil
	}
	if err != nil {
		return err
	}
	said := map[string]string{"Amount": p.Amount.Format("zh"), "Reason": p.Reason}
	switch p.State {
	case payment.PayoutPaid:
		said["Paid"] = "yes"
	case payment.PayoutReturned:
		said["Returned"] = "yes"
	}
	return tell(ctx, tx, w.Vendor, "S-02", said, "/vendor/income")
}

func end(ctx context.Context, tx *db.Tx, w Withdrawal, from, to WithdrawalState, reason string) error {
	n, err := tx.Exec(ctx, endWithdrawal, string(to), reason, db.Micros(tx.Now()), string(w.ID), string(from))
	if err == nil && n == 0 {
		err = ErrState
	}
	return err
}

func merchant(ctx context.Context, r db.Reader, v vendor.ID, gateway string) (vendor.Merchant, error) {
	all, err := vendor.Merchants(ctx, r, v)
	if err != nil {
		return vendor.Merchant{}, err
	}
	for _, m := range all {
		if m.Provider == gateway {
			return m, nil
		}
	}
	return vendor.Merchant{}, ErrNoMerchant.In("gateway")
}
