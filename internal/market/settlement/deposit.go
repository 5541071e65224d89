package settlement

import (
	"context"
	"maps"
	"slices"
	"strings"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/base/money"
	"yunshi/internal/market/account"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/job"
	"yunshi/internal/market/ledger"
	"yunshi/internal/market/vendor"
)

// Deduction takes from a vendor's deposit by a final decision.
type Deduction struct {
	Case   string // of the decision
	Rule   string // the rulebook section or clause it rests on
	Vendor vendor.ID
	Amount money.Amount
	Buyers map[string]money.Amount // account to what it gets out of it, first
	First  account.UserID          // who proposed it; the actor is the second person
}

// Deduct takes from a deposit, buyers first, and gives the vendor the rulebook's
// days to top it up; until then it may not sell. It refuses a deduction without a
// case and a rule, and one by a single person.
func Deduct(ctx context.Context, tx *db.Tx, by audit.Actor, d Deduction) (err error) {
	defer fault.Wrap(&err, "settlement.Deduct(%s, %s)", d.Vendor, d.Case)
	if strings.TrimSpace(d.Case) == "" || strings.TrimSpace(d.Rule) == "" {
		return ErrNoCase
	}
	if !by.Has(account.Finance) && !by.Has(account.Compliance) {
		return ErrForbidden
	}
	if d.First == "" || by.User == string(d.First) {
		return ErrSecond
	}
	posted, err := ledger.Forfeit(ctx, tx, ledger.Forfeited{
		Case: d.Case, Vendor: string(d.Vendor), Amount: d.Amount, Buyers: d.Buyers, At: tx.Now(),
	})
	if err != nil || !posted {
		return err
	}
	for _, to := range slices.Sorted(maps.Keys(d.Buyers)) {
		if _, err := ledger.Compensated(ctx, tx, d.Case, to, to, d.Buyers[to], tx.Now()); err != nil {
			return err
		}
	}
	if err := vendor.DepositTaken(ctx, tx, d.Vendor, d.Amount, d.Case); err != nil {
		return err
	}
	due, err := workingDays(ctx, tx, "deposit_topup")
	if err != nil {
		return err
	}
	if err := job.Enqueue(ctx, tx, job.Spec{Kind: TopUpJob, Object: string(d.Vendor), At: due.Start(), Unique: true}); err != nil {
		return err
	}
	if err := audit.Record(ctx, tx, by, audit.Entry{
		Act: "settlement.deposit.deducted", Subjects: []string{string(d.Vendor), d.Case}, Clauses: []string{d.Rule, "ECL 58"},
		Data: map[string]any{"amount": d.Amount, "first": d.First, "due": due.String()},
	}); err != nil {
		return err
	}
	return tell(ctx, tx, d.Vendor, "S-03", map[string]string{"Amount": d.Amount.Format("zh"), "Case": d.Case, "Rule": d.Rule, "Due": due.String()}, "/vendor/income")
}

// workingDays is the first day after a setting's working days from today. Nothing
// is taken from anybody when it comes: a person is told.
func workingDays(ctx context.Context, r db.Reader, setting string) (calendar.Date, error) {
	s, err := agreement.Setting[struct{ Days int }](ctx, r, setting)
	if err != nil {
		return calendar.Date{}, err
	}
	due, _ := calendar.Official().Expected(r.Now(), s.Days)
	return calendar.On(due).AddDays(1), nil
}

// ReturnDeposit asks for the deposit of a vendor that has left to be paid back. It
// refuses while an order of the vendor runs, it owes money or a case is open.
func ReturnDeposit(ctx context.Context, tx *db.Tx, by audit.Actor, v vendor.ID, gateway string) (_ Withdrawal, err error) {
	defer fault.Wrap(&err, "settlement.ReturnDeposit(%s)", v)
	if !by.Has(account.Finance) {
		return Withdrawal{}, ErrForbidden
	}
	seller, err := vendor.Get(ctx, tx, v)
	if err != nil {
		return Withdrawal{}, err
	}
	standing, err := ledger.StandingOf(ctx, tx, string(v), money.CNY)
	if err != nil {
		return Withdrawal{}, err
	}
	open, err := db.Value[int64](ctx, tx, countOpen, string(v))
	if err != nil {
		return Withdrawal{}, err
	}
	frozen, err := ledger.FrozenFor(ctx, tx, string(v))
	if err != nil {
		return Withdrawal{}, err
	}
	if seller.State != vendor.Exited || open > 0 || standing.Receivable.Minor > 0 || standing.Escrow.Minor > 0 || len(frozen) > 0 {
		return Withdrawal{}, ErrRunning
	}
	if standing.Deposit.Minor <= 0 {
		return Withdrawal{}, ErrNotDue
	}
	m, err := merchant(ctx, tx, v, gateway)
	if err != nil {
		return Withdrawal{}, err
	}
	w := Withdrawal{
		ID: WithdrawalID(tx.ID("wdr")), Vendor: v, Purpose: DepositReturn, Gateway: gateway, Payee: m.Number, Amount: standing.Deposit,
		State: Requested, Approvals: 2, RequestedBy: account.UserID(by.User), RequestedAt: tx.Now(),
	}
	return w, insert(ctx, tx, w)
}

// PlatformFee is a charge of the operator's to a vendor besides the commission.
type PlatformFee struct {
	ID     string // "fee_…"
	Vendor vendor.ID
	Kind   string // key of the setting platform_fees: "certification"
	Amount money.Amount
	Year   int
	At     string
}

// Charge takes a platform fee of the rulebook from a vendor, once a year and kind:
// from what is payable, and else as its debt.
func Charge(ctx context.Context, tx *db.Tx, by audit.Actor, v vendor.ID, kind string) (_ money.Amount, err error) {
	defer fault.Wrap(&err, "settlement.Charge(%s, %s)", v, kind)
	if !by.Has(account.Finance) {
		return money.Amount{}, ErrForbidden
	}
	rule, rulebook, err := agreement.Cited[map[string]any](ctx, tx, "platform_fees")
	if err != nil {
		return money.Amount{}, err
	}
	minor, ok := rule[kind].(float64) // whole fen, as JSON numbers are read
	if !ok || minor <= 0 {
		return money.Amount{}, ErrInvalid.In("kind")
	}
	fee := money.Amount{Minor: int64(minor), Currency: money.CNY}
	year := calendar.On(tx.Now()).Year
	id := tx.ID("fee")
	n, err := tx.Exec(ctx, insertFee, id, string(v), kind, year, fee.Minor, string(fee.Currency), rulebook, db.Micros(tx.Now()), by.User)
	if err != nil || n == 0 {
		return fee, err
	}
	if _, err := ledger.PlatformFee(ctx, tx, id, string(v), fee, tx.Now()); err != nil {
		return money.Amount{}, err
	}
	return fee, audit.Record(ctx, tx, by, audit.Entry{
		Act: "settlement.fee.charged", Subjects: []string{string(v), id}, Clauses: []string{"UA 3.1"}, Data: map[string]any{"fee": fee, "kind": kind, "rulebook": rulebook},
	})
}

// WriteOff gives a vendor's debt up. Two people decide, with a case.
func WriteOff(ctx context.Context, tx *db.Tx, by audit.Actor, v vendor.ID, matter string, x money.Amount, first account.UserID) (err error) {
	defer fault.Wrap(&err, "settlement.WriteOff(%s)", v)
	if !by.Has(account.Finance) {
		return ErrForbidden
	}
	if strings.TrimSpace(matter) == "" {
		return ErrRequired.In("case")
	}
	if first == "" || by.User == string(first) {
		return ErrSecond
	}
	if _, err := ledger.WrittenOff(ctx, tx, matter, string(v), x, tx.Now()); err != nil {
		return err
	}
	return audit.Record(ctx, tx, by, audit.Entry{
		Act: "settlement.written_off", Subjects: []string{string(v), matter}, Clauses: []string{"UA 3.1"}, Data: map[string]any{"amount": x, "first": first},
	})
}
