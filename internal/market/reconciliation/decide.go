package reconciliation

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/base/money"
	"yunshi/internal/market/account"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/ledger"
	"yunshi/internal/market/payment"
	"yunshi/internal/market/settlement"
	"yunshi/internal/market/vendor"
)

// Proposal asks for an act of finance.
type Proposal struct {
	Act      Act
	Subject  string
	Input    Input
	Amount   money.Amount // of a deduction or a debt given up; a statement line has its own
	Reason   string
	Evidence string
}

// Propose asks for an act. What one person may do is done at once; anything else
// waits for [Work.Confirm] by another.
func (w Work) Propose(ctx context.Context, tx *db.Tx, by audit.Actor, p Proposal) (_ Decision, err error) {
	defer fault.Wrap(&err, "reconciliation.Propose(%s, %s)", p.Act, p.Subject)
	if !by.Has(account.Finance) {
		return Decision{}, ErrForbidden
	}
	d := Decision{
		ID: DecisionID(tx.ID("dcn")), Act: p.Act, Subject: p.Subject, Input: p.Input, Amount: p.Amount, Reason: strings.TrimSpace(p.Reason),
		Evidence: strings.TrimSpace(p.Evidence), State: Proposed, Approvals: 2, ProposedBy: account.UserID(by.User), ProposedAt: tx.Now(),
	}
	if d.Reason == "" {
		return Decision{}, ErrRequired.In("reason")
	}
	switch p.Act {
	case Attribute:
		d, err = w.attributable(ctx, tx, d)
	case Close:
		err = closable(ctx, tx, ledger.Month(d.Subject))
		d.Amount = money.Zero(money.CNY)
	case Deduct, WriteOff:
		err = payableBy(ctx, tx, d)
	default:
		err = ErrInvalid.In("act")
	}
	if err != nil {
		return Decision{}, err
	}
	if err := once(ctx, tx, d); err != nil {
		return Decision{}, err
	}
	input, err := json.Marshal(d.Input)
	if err != nil {
		return Decision{}, fmt.Errorf("reconciliation: input: %w", err)
	}
	n, err := tx.Exec(ctx, insertDecision, string(d.ID), string(d.Act), d.Subject, string(input), string(d.Amount.Currency), d.Amount.Minor, d.Reason,
		d.Evidence, d.Approvals, by.User, db.Micros(tx.Now()))
	if err != nil {
		return Decision{}, err
	}
	if n == 0 {
		return Decision{}, ErrDecided
	}
	if err := audit.Record(ctx, tx, by, d.entry("reconciliation.decision.proposed")); err != nil {
		return Decision{}, err
	}
	if d.Approvals > 1 {
		return d, nil
	}
	return w.do(ctx, tx, by, d)
}

// Confirm does what was proposed. It refuses the person who proposed it, and
// whatever has become impossible meanwhile.
func (w Work) Confirm(ctx context.Context, tx *db.Tx, by audit.Actor, id DecisionID) (_ Decision, err error) {
	defer fault.Wrap(&err, "reconciliation.Confirm(%s)", id)
	d, err := GetDecision(ctx, tx, id)
	if err != nil {
		return Decision{}, err
	}
	if err := mayDecide(d, by); err != nil {
		return Decision{}, err
	}
	return w.do(ctx, tx, by, d)
}

// Refuse ends a proposal with a reason. Who proposed it may take it back.
func (w Work) Refuse(ctx context.Context, tx *db.Tx, by audit.Actor, id DecisionID, reason string) (err error) {
	defer fault.Wrap(&err, "reconciliation.Refuse(%s)", id)
	if !by.Has(account.Finance) {
		return ErrForbidden
	}
	if reason = strings.TrimSpace(reason); reason == "" {
		return ErrRequired.In("reason")
	}
	d, err := GetDecision(ctx, tx, id)
	if err != nil {
		return err
	}
	n, err := tx.Exec(ctx, refuseDecision, by.User, db.Micros(tx.Now()), reason, string(id))
	if err == nil && n == 0 {
		err = ErrState
	}
	if err != nil {
		return err
	}
	return audit.Record(ctx, tx, by, d.entry("reconciliation.decision.refused"))
}

// do is the only place where a decision has an effect.
func (w Work) do(ctx context.Context, tx *db.Tx, by audit.Actor, d Decision) (Decision, error) {
	if err := once(ctx, tx, d); err != nil {
		return Decision{}, err
	}
	n, err := tx.Exec(ctx, doDecision, by.User, db.Micros(tx.Now()), string(d.ID))
	if err == nil && n == 0 {
		err = ErrState
	}
	if err != nil {
		return Decision{}, err
	}
	d.State, d.DecidedBy, d.DecidedAt = Done, account.UserID(by.User), tx.Now()
	switch d.Act {
	case Attribute:
		err = w.attribute(ctx, tx, by, d)
	case Close:
		err = closeMonth(ctx, tx, by, d)
	case Deduct:
		err = settlement.Deduct(ctx, tx, by, settlement.Deduction{
			Case: d.Input.Case, Rule: d.Input.Rule, Vendor: vendor.ID(d.Subject), Amount: d.Amount, First: d.ProposedBy,
		})
	case WriteOff:
		err = settlement.WriteOff(ctx, tx, by, vendor.ID(d.Subject), d.Input.Case, d.Amount, d.ProposedBy)
	}
	if err != nil {
		return Decision{}, err
	}
	return d, audit.Record(ctx, tx, by, d.entry("reconciliation.decision.done"))
}

// once refuses what was decided before.
func once(ctx context.Context, tx *db.Tx, d Decision) error {
	if d.Act != Attribute && d.Act != Close {
		return nil
	}
	n, err := db.Value[int64](ctx, tx, countDone, string(d.Act), d.Subject)
	if err == nil && n > 0 {
		err = ErrDecided
	}
	return err
}

// payableBy refuses a deduction or a debt given up that cannot be done as it
// stands, before a second person is asked.
func payableBy(ctx context.Context, tx *db.Tx, d Decision) error {
	if _, err := vendor.Get(ctx, tx, vendor.ID(d.Subject)); err != nil {
		return err
	}
	if d.Amount.Minor <= 0 || d.Amount.Currency != money.CNY {
		return ErrInvalid.In("amount")
	}
	if strings.TrimSpace(d.Input.Case) == "" {
		return ErrRequired.In("case")
	}
	if d.Act == Deduct && strings.TrimSpace(d.Input.Rule) == "" {
		return ErrRequired.In("rule")
	}
	s, err := ledger.StandingOf(ctx, tx, d.Subject, d.Amount.Currency)
	if err != nil {
		return err
	}
	most := s.Deposit
	if d.Act == WriteOff {
		most = s.Receivable
	}
	if d.Amount.Minor > most.Minor {
		return ErrInvalid.In("amount").With("Max", most.String())
	}
	return nil
}

func (d Decision) entry(act string) audit.Entry {
	return audit.Entry{
		Act: act, Subjects: []string{string(d.ID), d.Subject}, Clauses: []string{"UA 3.1"},
		Data: map[string]any{"act": d.Act, "purpose": d.Input.Purpose, "party": d.Input.Party, "case": d.Input.Case, "rule": d.Input.Rule, "amount": d.Amount, "evidence": d.Evidence != ""},
	}
}

// attributable completes the proposal to say what a statement line is, and refuses
// what the line cannot be.
func (w Work) attributable(ctx context.Context, tx *db.Tx, d Decision) (Decision, error) {
	l, err := payment.GetLine(ctx, tx, payment.LineID(d.Subject))
	if err != nil {
		return d, err
	}
	limit, err := agreement.Setting[struct {
		Above int64 `json:"four_eyes_above"`
	}](ctx, tx, "attribution")
	if err != nil {
		return d, err
	}
	d.Amount, d.Approvals = l.Amount, 1
	if max(l.Amount.Minor, -l.Amount.Minor) > limit.Above {
		d.Approvals = 2
	}
	if d.Evidence == "" {
		return d, ErrRequired.In("evidence")
	}
	if l.State != payment.LineUnmatched && l.State != payment.LineSuspense {
		return d, ErrState
	}
	switch p := d.Input.Purpose; p {
	case ForDeposit, ForDebt:
		if _, err := vendor.Get(ctx, tx, vendor.ID(d.Input.Party)); err != nil {
			return d, ErrInvalid.In("party")
		}
	case ForOwed:
		if _, err := account.Get(ctx, tx, account.ID(d.Input.Party)); err != nil {
			return d, ErrInvalid.In("party")
		}
	case ForCode:
		if d.Input.Party == "" {
			return d, ErrRequired.In("party")
		}
		d.Subject += "/code" // what comes of it may still have to be attributed
	case ForNobody, ForReturned, ForTax, ForOwn:
	default:
		return d, ErrInvalid.In("purpose")
	}
	return d, fits(d.Input.Purpose, l.Amount.Minor)
}
