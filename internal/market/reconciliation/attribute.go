package reconciliation

import (
	"context"
	"strings"

	"yunshi/internal/base/db"
	"yunshi/internal/base/money"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/ledger"
	"yunshi/internal/market/payment"
	"yunshi/internal/market/vendor"
)

// attribute books a statement line as what finance says it is. Money that had been
// booked as nobody's is first taken back by its exact mirror.
func (w Work) attribute(ctx context.Context, tx *db.Tx, by audit.Actor, d Decision) error {
	id := strings.TrimSuffix(d.Subject, "/code")
	l, err := payment.GetLine(ctx, tx, payment.LineID(id))
	if err != nil {
		return err
	}
	size := money.Amount{Minor: max(l.Amount.Minor, -l.Amount.Minor), Currency: l.Amount.Currency}
	if d.Input.Purpose == ForCode {
		return payment.NameLine(ctx, tx, by, l.ID, d.Input.Party)
	}
	late, parked, err := ledger.Posted(ctx, tx, "capture:"+w.Bank+":"+l.BankRef)
	if err != nil {
		return err
	}
	if parked && d.Input.Purpose != ForNobody {
		if _, err := ledger.Reverse(ctx, tx, late.ID, id); err != nil {
			return err
		}
	}
	to := payment.LineMatched
	switch d.Input.Purpose {
	case ForDeposit:
		if _, err = ledger.DepositIn(ctx, tx, id, d.Input.Party, size, l.At); err == nil {
			_, err = vendor.DepositReceived(ctx, tx, by, vendor.ID(d.Input.Party), size, id)
		}
	case ForDebt:
		_, err = ledger.Recovered(ctx, tx, id, d.Input.Party, size, l.At)
	case ForNobody:
		to = payment.LineSuspense
		if !parked {
			_, err = ledger.LateMoney(ctx, tx, w.Bank, l.BankRef, id, size, l.At)
		}
	case ForReturned:
		err = w.returned(ctx, tx, id, size, l)
	case ForOwed:
		_, err = ledger.OwedPaid(ctx, tx, id, d.Input.Party, size, l.At)
	case ForTax:
		_, err = ledger.TaxPaid(ctx, tx, id, size, l.At)
	case ForOwn:
		if l.Amount.Minor > 0 {
			_, err = ledger.Cover(ctx, tx, id, size, l.At)
		} else {
			_, err = ledger.Sweep(ctx, tx, id, size, l.At)
		}
	case ForCode:
	}
	if err != nil {
		return err
	}
	if l.State == to { // nobody's already
		return nil
	}
	return payment.EndLine(ctx, tx, l.ID, to)
}

// returned books that nobody's money went back. It refuses more than stands there:
// the account may hold less than nothing for no time at all.
func (w Work) returned(ctx context.Context, tx *db.Tx, id string, size money.Amount, l payment.StatementLine) error {
	held, err := ledger.Balance(ctx, tx, ledger.Suspense, w.Bank, size.Currency)
	if err != nil {
		return err
	}
	if size.Minor > -held.Minor {
		return ledger.ErrFloor.With("Effect", "laterefund:"+id)
	}
	_, err = ledger.LateRefund(ctx, tx, w.Bank, id, size, l.At)
	return err
}
