package vendor

import (
	"context"
	"strings"

	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/base/money"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/audit"
)

// AddMerchantAccount notes the vendor's own account at a licensed provider, from
// then on sales can be paid to it, unless they rest because one was lost. A number belongs to one vendor, and a vendor
// has one number a provider. The vendor itself or an officer adds it.
func AddMerchantAccount(ctx context.Context, tx *db.Tx, by audit.Actor, id ID, provider, number string) (_ Merchant, err error) {
	defer fault.Wrap(&err, "vendor.AddMerchantAccount(%s, %s)", id, provider)
	provider, number = strings.TrimSpace(provider), strings.TrimSpace(number)
	if provider == "" {
		return Merchant{}, ErrRequired.In("provider")
	}
	if number == "" {
		return Merchant{}, ErrRequired.In("number")
	}
	if !officer(by) && !by.Has("finance") {
		if _, err := own(ctx, tx, by, id); err != nil {
			return Merchant{}, err
		}
	} else if _, err := Get(ctx, tx, id); err != nil {
		return Merchant{}, err
	}
	m := Merchant{ID: tx.ID("mer"), Vendor: id, Provider: provider, Number: number, AddedAt: tx.Now()}
	n, err := tx.Exec(ctx, insertMerchant, m.ID, string(id), provider, number, db.Micros(m.AddedAt), by.User)
	if err != nil {
		return Merchant{}, err
	}
	if n == 0 {
		return Merchant{}, ErrMerchantUsed.In("number")
	}
	return m, refreshMerchant(ctx, tx, id)
}

// DepositReceived counts a payment towards the deposit; source is what proves it
// and counts once. The flag is set when the sum reaches the rulebook's amount.
// The caller posts the money in the ledger.
func DepositReceived(ctx context.Context, tx *db.Tx, by audit.Actor, id ID, amount money.Amount, source string) (_ Deposit, err error) {
	defer fault.Wrap(&err, "vendor.DepositReceived(%s)", id)
	if !officer(by) && !by.Has("finance") {
		return Deposit{}, ErrForbidden
	}
	if amount.Minor <= 0 {
		return Deposit{}, ErrInvalid.In("amount")
	}
	if source = strings.TrimSpace(source); source == "" {
		return Deposit{}, ErrRequired.In("source")
	}
	if _, err := Get(ctx, tx, id); err != nil {
		return Deposit{}, err
	}
	d := Deposit{ID: tx.ID("dep"), Vendor: id, Amount: amount, Source: source, ReceivedAt: tx.Now()}
	n, err := tx.Exec(ctx, insertDeposit, d.ID, string(id), amount.Minor, string(amount.Currency), source, db.Micros(d.ReceivedAt))
	if err != nil {
		return Deposit{}, err
	}
	if n == 0 {
		return Deposit{}, ErrDepositKnown.In("source")
	}
	short, err := DepositMissing(ctx, tx, id)
	if err != nil {
		return Deposit{}, err
	}
	n, err = tx.Exec(ctx, setDepositOK, short.IsZero(), string(id))
	return d, guarded(n, err)
}

// DepositTaken counts a deduction from the deposit, by the case that decided it,
// once. The flag falls when the rulebook's amount is not reached any more; from
// then on the vendor may not sell. The caller posts the money in the ledger.
func DepositTaken(ctx context.Context, tx *db.Tx, id ID, amount money.Amount, source string) (err error) {
	defer fault.Wrap(&err, "vendor.DepositTaken(%s)", id)
	if amount.Minor <= 0 {
		return ErrInvalid.In("amount")
	}
	n, err := tx.Exec(ctx, insertDeduction, tx.ID("ded"), string(id), amount.Minor, string(amount.Currency), source, db.Micros(tx.Now()))
	if err != nil || n == 0 {
		return err
	}
	short, err := DepositMissing(ctx, tx, id)
	if err != nil {
		return err
	}
	n, err = tx.Exec(ctx, setDepositOK, short.IsZero(), string(id))
	return guarded(n, err)
}

// DepositMissing is what the vendor still owes towards the deposit; zero when
// the rulebook's amount is reached.
func DepositMissing(ctx context.Context, r db.Reader, id ID) (money.Amount, error) {
	required, err := requiredDeposit(ctx, r)
	if err != nil {
		return money.Amount{}, err
	}
	received, err := db.Value[int64](ctx, r, depositReceived, string(id), string(required.Currency))
	if err != nil {
		return money.Amount{}, err
	}
	return missing(required, money.Amount{Minor: received, Currency: required.Currency})
}

// requiredDeposit is the deposit of the rulebook in force, in yuan.
func requiredDeposit(ctx context.Context, r db.Reader) (money.Amount, error) {
	s, err := agreement.Setting[struct{ Amount int64 }](ctx, r, "deposit_amount")
	return money.Amount{Minor: s.Amount, Currency: money.CNY}, err
}
