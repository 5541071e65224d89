package api

import (
	"slices"

	"yunshi/client"
	"yunshi/internal/base/db"
	"yunshi/internal/base/money"
	"yunshi/internal/edge/serve"
	"yunshi/internal/market/account"
	"yunshi/internal/market/catalog"
	"yunshi/internal/market/ledger"
	"yunshi/internal/market/order"
	"yunshi/internal/market/settlement"
	"yunshi/internal/market/vendor"
)

func readStanding(c *serve.Call, _ *none) (client.Standing, error) {
	ctx := c.R.Context()
	return read(c, func(r db.Reader) (client.Standing, error) {
		v, err := own(c, r)
		if err != nil {
			return client.Standing{}, err
		}
		in, err := settlement.IncomeOf(ctx, r, v.ID, money.CNY)
		if err != nil {
			return client.Standing{}, err
		}
		missing, err := vendor.DepositMissing(ctx, r, v.ID)
		return client.Standing{
			Payable: amountShape(in.Payable), Waiting: amountShape(in.Waiting), Withdrawable: amountShape(in.Withdrawable), Escrow: amountShape(in.Escrow),
			Frozen: amountShape(in.Held), Deposit: amountShape(in.Deposit), DepositMissing: amountShape(missing), Debt: amountShape(in.Receivable),
			Holds: each(in.Holds, func(h ledger.Holding) client.Hold { return client.Hold{Cause: h.Party, Amount: amountShape(h.Amount)} }),
			Stops: append([]string{}, in.Stopped...),
		}, err
	})
}

func listCollections(c *serve.Call, in *paged) (client.Page[client.Collection], error) {
	ctx := c.R.Context()
	return read(c, func(r db.Reader) (client.Page[client.Collection], error) {
		v, err := own(c, r)
		if err != nil {
			return client.Page[client.Collection]{}, err
		}
		found, err := settlement.OfVendor(ctx, r, v.ID, in.Before, in.Limit+1)
		if err != nil {
			return client.Page[client.Collection]{}, err
		}
		shapes := make([]client.Collection, len(found))
		for i, x := range found {
			l, err := ledger.LineOf(ctx, r, x.Line)
			if err != nil {
				return client.Page[client.Collection]{}, err
			}
			shapes[i] = client.Collection{
				Line: x.Line, Order: string(x.Order), State: string(x.State), Reason: x.Reason, Gateway: x.Gateway, Gross: amountShape(x.Gross), Commission: amountShape(l.Fee),
				Expected: amountShape(l.Expected()), Got: amountShape(l.Payable()), Part: x.Part, Parts: x.Parts, CollectedAt: x.CollectedAt,
				ReleaseAt: optional(x.Next()), ReleasedAt: optional(x.ReleasedAt), FinishedAt: optional(x.FinishedAt),
			}
			if x.Part >= x.Parts || x.State == settlement.Ended {
				shapes[i].ReleaseAt = nil
			}
		}
		return page(shapes, in.Limit, func(x client.Collection) string { return x.Line }), nil
	})
}

func withdrawalShape(w settlement.Withdrawal) client.Withdrawal {
	return client.Withdrawal{
		ID: string(w.ID), State: string(w.State), Purpose: string(w.Purpose), Gateway: w.Gateway, Payee: w.Payee, Amount: amountShape(w.Amount), Approvals: w.Approvals,
		Reason: w.Reason, RequestedAt: w.RequestedAt, EndedAt: optional(w.EndedAt),
	}
}

func listWithdrawals(c *serve.Call, in *paged) (client.Page[client.Withdrawal], error) {
	return read(c, func(r db.Reader) (client.Page[client.Withdrawal], error) {
		v, err := own(c, r)
		if err != nil {
			return client.Page[client.Withdrawal]{}, err
		}
		found, err := settlement.Withdrawals(c.R.Context(), r, v.ID, settlement.WithdrawalID(in.Before), in.Limit+1)
		return page(each(found, withdrawalShape), in.Limit, func(w client.Withdrawal) string { return w.ID }), err
	})
}

// ownWithdrawal is a withdrawal of the caller's vendor; others' do not exist.
func ownWithdrawal(c *serve.Call, r db.Reader, id string) (settlement.Withdrawal, error) {
	v, err := own(c, r)
	if err != nil {
		return settlement.Withdrawal{}, err
	}
	w, err := settlement.GetWithdrawal(c.R.Context(), r, settlement.WithdrawalID(id))
	if err == nil && w.Vendor != v.ID {
		err = account.ErrForeign
	}
	return w, err
}

func readWithdrawal(c *serve.Call, in *byID) (client.Withdrawal, error) {
	return read(c, func(r db.Reader) (client.Withdrawal, error) {
		w, err := ownWithdrawal(c, r, in.ID)
		return withdrawalShape(w), err
	})
}

func requestWithdrawal(c *serve.Call, in *bodyOf[client.WithdrawalRequest]) (client.Withdrawal, error) {
	b := in.Body
	return act(c, serve.Intent{Name: "settlement.withdraw", Input: b, Subjects: []string{c.Actor.Account}, Clauses: []string{"UA 3.1"}}, func(tx *db.Tx) (string, client.Withdrawal, error) {
		v, err := own(c, tx)
		if err != nil {
			return "", client.Withdrawal{}, err
		}
		w, err := settlement.Request(c.R.Context(), tx, c.Actor, v.ID, b.Gateway, amountOf(b.Amount))
		return string(w.ID), withdrawalShape(w), err
	})
}

func cancelWithdrawal(c *serve.Call, in *byID) (client.Withdrawal, error) {
	return act(c, serve.Intent{Name: "settlement.cancel_withdrawal", Input: in.ID, Subjects: []string{in.ID}, Clauses: []string{"UA 3.1"}}, func(tx *db.Tx) (string, client.Withdrawal, error) {
		if _, err := ownWithdrawal(c, tx, in.ID); err != nil {
			return "", client.Withdrawal{}, err
		}
		w, err := settlement.Reject(c.R.Context(), tx, c.Actor, settlement.WithdrawalID(in.ID), "")
		return in.ID, withdrawalShape(w), err
	})
}

func listStatements(c *serve.Call, _ *none) (client.Page[client.StatementState], error) {
	return read(c, func(r db.Reader) (client.Page[client.StatementState], error) {
		v, err := own(c, r)
		if err != nil {
			return client.Page[client.StatementState]{}, err
		}
		sent, err := settlement.Statements(c.R.Context(), r, v.ID, money.CNY)
		return whole(sent, func(s settlement.Stated) client.StatementState {
			return client.StatementState{
				Month: string(s.Month), Closing: amountShape(s.Closing), SHA256: s.Digest, StatedAt: optional(s.At), AgreedAt: optional(s.Agreed), AgreedBy: answeredBy(s.AgreedBy),
				Objection: s.Objection,
			}
		}), err
	})
}

// answeredBy says who agreed without naming the person.
func answeredBy(by string) string {
	if by != "" && by != "time" {
		return "vendor"
	}
	return by
}

type ofMonth struct {
	Month string `path:"month" maxLength:"7" doc:"Such as 2026-10."`
}

type onMonth[B any] struct {
	Month string `path:"month" maxLength:"7"`
	Body  B
}

// statementOf reads a month of the caller's vendor. A month before its first sale,
// or to come, does not exist.
func statementOf(c *serve.Call, r db.Reader, month string) (vendor.Vendor, settlement.Statement, error) {
	v, err := own(c, r)
	if err != nil {
		return vendor.Vendor{}, settlement.Statement{}, err
	}
	months, err := settlement.Months(c.R.Context(), r, v.ID)
	if err == nil && !slices.Contains(months, ledger.Month(month)) {
		err = serve.ErrNotFound
	}
	if err != nil {
		return vendor.Vendor{}, settlement.Statement{}, err
	}
	s, err := settlement.StatementOf(c.R.Context(), r, v.ID, ledger.Month(month), money.CNY)
	return v, s, err
}

func monthShape(c *serve.Call, v vendor.Vendor, s settlement.Statement) client.MonthStatement {
	return client.MonthStatement{
		StatementState: client.StatementState{
			Month: string(s.Month), Closing: amountShape(s.Closing), SHA256: s.Digest, StatedAt: optional(s.Stated), AgreedAt: optional(s.Agreed), AgreedBy: answeredBy(s.AgreedBy),
			Objection: s.Objected,
		},
		Vendor: string(v.ID), VendorName: v.RegisteredName, Collector: c.Market.Info.Operator, Opening: amountShape(s.Opening),
		Lines: each(s.Orders(), func(r settlement.Row) client.MonthLine {
			return client.MonthLine{
				At: r.At, Order: r.Order, Kind: string(r.Kind), Released: amountShape(r.Released), Commission: amountShape(r.Commission), GivenBack: amountShape(r.GivenBack()),
				Other: amountShape(r.Other), Paid: amountShape(r.Paid), Change: amountShape(r.Vendor),
			}
		}),
	}
}

func readStatement(c *serve.Call, in *ofMonth) (client.MonthStatement, error) {
	return read(c, func(r db.Reader) (client.MonthStatement, error) {
		v, s, err := statementOf(c, r, in.Month)
		return monthShape(c, v, s), err
	})
}

func agreeStatement(c *serve.Call, in *ofMonth) (client.Done, error) {
	return done(c, serve.Intent{Name: "settlement.answer_statement", Input: []any{in.Month, "agree"}, Clauses: []string{"UA 3.1"}}, func(tx *db.Tx) error {
		v, s, err := statementOf(c, tx, in.Month)
		if err != nil {
			return err
		}
		return settlement.Agree(c.R.Context(), tx, c.Actor, v.ID, s.Month, s.Currency)
	})
}

func objectStatement(c *serve.Call, in *onMonth[client.Objection]) (client.Done, error) {
	return done(c, serve.Intent{Name: "settlement.answer_statement", Input: []any{in.Month, in.Body}, Clauses: []string{"UA 3.1"}}, func(tx *db.Tx) error {
		v, s, err := statementOf(c, tx, in.Month)
		if err != nil {
			return err
		}
		return settlement.Object(c.R.Context(), tx, c.Actor, v.ID, s.Month, s.Currency, in.Body.Reason)
	})
}

type commissionOf struct {
	Price        int64  `query:"price" minimum:"1" doc:"Minor units, tax included."`
	Currency     string `query:"currency" minLength:"3" maxLength:"3" default:"CNY"`
	DeliveryType string `query:"delivery_type" maxLength:"32"`
}

func readCommission(c *serve.Call, in *commissionOf) (client.CommissionPreview, error) {
	return read(c, func(r db.Reader) (client.CommissionPreview, error) {
		v, err := own(c, r)
		if err != nil {
			return client.CommissionPreview{}, err
		}
		currency, err := money.ParseCurrency(in.Currency)
		if err != nil {
			return client.CommissionPreview{}, errInvalid.In("currency")
		}
		p, err := order.PreviewOf(c.R.Context(), r, v.ID, catalog.Content{DeliveryType: in.DeliveryType}, catalog.Plan{Price: money.Amount{Minor: in.Price, Currency: currency}})
		return client.CommissionPreview{
			Commission: amountShape(p.Commission.Amount), BasisPoints: p.Commission.Points, Basis: string(p.Commission.Basis), Rulebook: p.Commission.Rulebook, Vendor: amountShape(p.Vendor),
		}, err
	})
}
