package banktransfer

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/base/money"
	"yunshi/internal/base/text"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/job"
	"yunshi/internal/market/ledger"
	"yunshi/internal/market/payment"
	"yunshi/internal/testkit"
)

func cny(minor int64) money.Amount { return money.Amount{Minor: minor, Currency: "CNY"} }

var finance = audit.Actor{Kind: audit.Person, User: "usr_f", Roles: []string{"finance"}}

// bench is a market whose only way to pay is bank transfer.
type bench struct {
	t        *testing.T
	d        *db.DB
	clock    *testkit.Clock
	work     payment.Work
	gateway  Gateway
	captures []payment.Capture
	ended    []payment.Refund
	deposits []payment.StatementLine
	payouts  []payment.Payout
}

func benches(t *testing.T, fn func(t *testing.T, b *bench)) {
	t.Helper()
	testkit.EnginesAt(t, func(t *testing.T, d *db.DB, clock *testkit.Clock) {
		b := &bench{t: t, d: d, clock: clock}
		b.gateway = Gateway{Bank: "Settlement Bank", Lines: func(ctx context.Context, code string) (lines []payment.StatementLine, err error) {
			err = d.Read(ctx, func(r db.Reader) error { lines, err = payment.LinesOf(ctx, r, code); return err })
			return lines, err
		}}
		b.work = payment.Work{
			Gateways: map[string]payment.Gateway{Name: b.gateway}, Bank: Name,
			Captured: func(ctx context.Context, tx *db.Tx, c payment.Capture) error {
				b.captures = append(b.captures, c)
				_, err := ledger.Capture(ctx, tx, ledger.Captured{Provider: c.Provider, CaptureID: c.CaptureID, Line: c.Order, Vendor: "ven_1", Account: "acc_1", Net: c.Amount, Tax: cny(0), Fee: cny(0), At: c.At})
				return err
			},
			RefundEnded: func(ctx context.Context, tx *db.Tx, r payment.Refund) error {
				b.ended = append(b.ended, r)
				if r.State != payment.RefundSucceeded {
					return nil
				}
				_, err := ledger.RefundConfirmed(ctx, tx, r.Gateway, string(r.ID), r.Amount, tx.Now())
				return err
			},
			PayoutMoved: func(_ context.Context, _ *db.Tx, p payment.Payout) error {
				b.payouts = append(b.payouts, p)
				return nil
			},
			Deposit: func(ctx context.Context, tx *db.Tx, l payment.StatementLine) error {
				b.deposits = append(b.deposits, l)
				_, err := ledger.DepositIn(ctx, tx, l.BankRef, l.Vendor, l.Amount, l.At)
				return err
			},
		}
		fn(t, b)
	})
}

func (b *bench) write(fn func(tx *db.Tx) error) {
	b.t.Helper()
	if err := b.d.Write(b.t.Context(), fn); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) read(fn func(r db.Reader) error) {
	b.t.Helper()
	if err := b.d.Read(b.t.Context(), fn); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) drain() {
	b.t.Helper()
	if err := job.NewWorker(b.d, b.work.Handlers(), slog.New(slog.DiscardHandler)).Drain(b.t.Context()); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) opened() (a payment.Attempt) {
	b.t.Helper()
	ctx := b.t.Context()
	b.write(func(tx *db.Tx) (err error) {
		a, err = payment.Begin(ctx, tx, audit.Actor{}, payment.Start{
			Order: "ord_1", Amount: cny(198000), Gateway: Name, PayeeAccount: "6222 0001", PayeeName: "Vendor Ltd", ExpiresAt: tx.Now().Add(PayWithin),
		})
		return err
	})
	b.drain()
	b.read(func(r db.Reader) (err error) { a, err = payment.Get(ctx, r, a.ID); return err })
	return a
}

// statement parses and imports a file of lines below the usual header.
func (b *bench) statement(lines ...string) (done payment.Imported) {
	b.t.Helper()
	parsed, err := ParseStatement(strings.NewReader("date,bank_ref,amount,reference,counterparty,counterparty_account\n" + strings.Join(lines, "\n")))
	if err != nil {
		b.t.Fatal(err)
	}
	b.write(func(tx *db.Tx) (err error) {
		done, err = payment.ImportStatement(b.t.Context(), tx, finance, parsed)
		return err
	})
	b.drain()
	return done
}

func (b *bench) balance(a ledger.Account, party string) (minor int64) {
	b.t.Helper()
	b.read(func(r db.Reader) error {
		v, err := ledger.Balance(b.t.Context(), r, a, party, "CNY")
		minor = v.Minor
		return err
	})
	return minor
}

func (b *bench) lines(in payment.LineState) (n int) {
	b.t.Helper()
	b.read(func(r db.Reader) error {
		lines, err := payment.Lines(b.t.Context(), r, in, 100)
		n = len(lines)
		return err
	})
	return n
}

func TestACustomerIsToldWhereToTransferAndWhatToWrite(t *testing.T) {
	benches(t, func(t *testing.T, b *bench) {
		a := b.opened()
		want := map[string]string{
			"bank": "Settlement Bank", "account_name": "Vendor Ltd", "account_number": "6222 0001", "code": a.Code,
			"amount": "1980.00", "currency": "CNY", "until": "2026-03-05 10:00",
		}
		if a.State != payment.RequiresAction || a.PayURL != "" || len(a.Code) != 11 {
			t.Fatalf("%+v", a)
		}
		for name, value := range want {
			if a.Instructions[name] != value {
				t.Errorf("%s: %q, want %q", name, a.Instructions[name], value)
			}
			for _, l := range []text.Lang{text.ZH, text.EN} {
				if !text.Has(l, "payment.instruction."+name) {
					t.Errorf("no %s text for %s", l, name)
				}
			}
		}
	})
}

type counts struct{ New, Known, Matched int }

func counted(done payment.Imported) counts { return counts{done.New, done.Known, done.Matched} }

func TestAStatementImportedTwiceHasOneEffect(t *testing.T) {
	benches(t, func(t *testing.T, b *bench) {
		a := b.opened()
		lines := []string{
			"2026-03-02 10:30:00,B001,1980.00,货款 " + strings.ToLower(a.Code[:5]) + " " + a.Code[5:] + ",张三,6225",
			"2026-03-02,B002,5.00,no code,李四,6226",
		}
		if done := counted(b.statement(lines...)); done != (counts{New: 2, Matched: 1}) {
			t.Fatalf("%+v", done)
		}
		// Again, and in a file that overlaps it.
		if done := counted(b.statement(lines...)); done != (counts{Known: 2}) {
			t.Fatalf("%+v", done)
		}
		if done := counted(b.statement(lines[1], "2026-03-03,B003,7.00,other,王五,6227")); done != (counts{New: 1, Known: 1}) {
			t.Fatalf("%+v", done)
		}
		if len(b.captures) != 1 || b.captures[0].CaptureID != "B001" || b.balance(ledger.Escrow, "ord_1") != -198000 {
			t.Fatalf("%+v", b.captures)
		}
		if b.lines(payment.LineMatched) != 1 || b.lines(payment.LineUnmatched) != 2 {
			t.Fatalf("matched %d, unmatched %d", b.lines(payment.LineMatched), b.lines(payment.LineUnmatched))
		}
	})
}

func TestAKnownLineThatChangedRefusesTheImport(t *testing.T) {
	benches(t, func(t *testing.T, b *bench) {
		b.statement("2026-03-02,B001,5.00,x,y,z")
		parsed, err := ParseStatement(strings.NewReader("date,bank_ref,amount,reference\n2026-03-02,B009,1.00,x\n2026-03-02,B001,6.00,x"))
		if err != nil {
			t.Fatal(err)
		}
		err = b.d.Write(t.Context(), func(tx *db.Tx) error { _, err := payment.ImportStatement(t.Context(), tx, finance, parsed); return err })
		f, _ := fault.Of(err)
		if !errors.Is(err, payment.ErrStatement) || f.Field != "lines.2.bank_ref" || b.lines(payment.LineUnmatched) != 1 {
			t.Fatalf("got %v", err)
		}
		clerk := audit.Actor{Kind: audit.Person, Roles: []string{"support"}}
		err = b.d.Write(t.Context(), func(tx *db.Tx) error { _, err := payment.ImportStatement(t.Context(), tx, clerk, parsed); return err })
		if !errors.Is(err, payment.ErrForbidden) {
			t.Fatalf("imported by support: %v", err)
		}
	})
}

func TestAWrongTransferNeverReachesTheOrder(t *testing.T) {
	benches(t, func(t *testing.T, b *bench) {
		a := b.opened()
		b.statement("2026-03-02,B001,1979.99," + a.Code + ",张三,6225")
		if len(b.captures) != 0 || b.balance(ledger.Suspense, Name) != -197999 {
			t.Fatalf("captures %d, suspense %d", len(b.captures), b.balance(ledger.Suspense, Name))
		}
		// Finance sends it back; the bank confirms.
		r := b.transfers()[0]
		if r.Amount != cny(197999) || r.Name != "张三" || r.Account != "6225" || r.BankRef != "B001" {
			t.Fatalf("%+v", r)
		}
		b.statement("2026-03-03,B002,-1979.99," + r.Code + ",张三,6225")
		if b.balance(ledger.Suspense, Name) != 0 || b.balance(ledger.Clearing, Name) != 0 || len(b.transfers()) != 0 || len(b.ended) != 0 {
			t.Fatalf("suspense %d", b.balance(ledger.Suspense, Name))
		}
	})
}

func (b *bench) transfers() (all []payment.Transfer) {
	b.t.Helper()
	b.read(func(r db.Reader) (err error) { all, err = payment.Transfers(b.t.Context(), r, Name); return err })
	return all
}

func TestASecondTransferForOneOrderIsSetAside(t *testing.T) {
	benches(t, func(t *testing.T, b *bench) {
		a := b.opened()
		b.statement("2026-03-03,B002,1980.00," + a.Code + ",张三,6225")
		// The bank reports an earlier transfer with the same code only now.
		b.statement("2026-03-02,B001,1980.00," + a.Code + ",张三,6225")
		b.statement("2026-03-04,B003,1980.00," + a.Code + ",张三,6225")
		if len(b.captures) != 1 || b.captures[0].CaptureID != "B002" || b.balance(ledger.Suspense, Name) != -2*198000 {
			t.Fatalf("captures %+v, suspense %d", b.captures, b.balance(ledger.Suspense, Name))
		}
		if b.lines(payment.LineSuspense) != 2 || b.lines(payment.LineMatched) != 1 {
			t.Fatalf("suspense %d, matched %d", b.lines(payment.LineSuspense), b.lines(payment.LineMatched))
		}
	})
}

func TestARefundIsSentByFinanceAndConfirmedByTheBank(t *testing.T) {
	benches(t, func(t *testing.T, b *bench) {
		ctx := t.Context()
		a := b.opened()
		b.statement("2026-03-02,B001,1980.00," + a.Code + ",=张三,6225")
		b.write(func(tx *db.Tx) error {
			r, err := payment.StartRefund(ctx, tx, audit.Actor{}, payment.RefundStart{Attempt: a.ID, Amount: cny(98000), Cause: payment.CauseOrder, Key: "k"})
			if err != nil {
				return err
			}
			_, _, err = ledger.Refund(ctx, tx, ledger.RefundOf{Refund: string(r.ID), Line: "ord_1", Amount: r.Amount, At: tx.Now()})
			return err
		})
		b.drain()
		orders := b.transfers()
		if len(orders) != 1 || orders[0].Amount != cny(98000) {
			t.Fatalf("%+v", orders)
		}
		var file bytes.Buffer
		if err := WriteTransfers(text.With(ctx, text.EN), &file, orders); err != nil {
			t.Fatal(err)
		}
		want := "\ufeffReference,Amount,Currency,Payee name,Payee account,Number of the original movement\n" + orders[0].Code + ",980.00,CNY,'=张三,6225,B001\n"
		if file.String() != want {
			t.Fatalf("got  %q\nwant %q", file.String(), want)
		}
		// Days pass; asking the bank again and again sends nothing twice and gives nothing up.
		for range 40 {
			b.clock.Advance(6 * time.Hour)
			b.drain()
		}
		if len(b.ended) != 0 || len(b.transfers()) != 1 {
			t.Fatalf("%+v", b.ended)
		}
		b.statement("2026-03-12,B002,-980.00," + orders[0].Code + ",张三,6225")
		if len(b.ended) != 1 || b.ended[0].State != payment.RefundSucceeded || b.balance(ledger.InFlight, string(orders[0].ID)) != 0 {
			t.Fatalf("%+v", b.ended)
		}
		// The customer's bank returns it.
		b.statement("2026-03-14,B003,980.00,退汇 " + orders[0].Code + ",张三,6225")
		if len(b.ended) != 2 || b.ended[1].State != payment.RefundFailed || !b.ended[1].Bounced || b.ended[1].Reason != "returned" {
			t.Fatalf("%+v", b.ended)
		}
	})
}

func TestAPayoutIsSentByFinanceAndConfirmedByTheBank(t *testing.T) {
	benches(t, func(t *testing.T, b *bench) {
		ctx := t.Context()
		b.write(func(tx *db.Tx) error {
			_, err := payment.StartPayout(ctx, tx, audit.Actor{}, payment.PayoutStart{
				Vendor: "ven_1", Gateway: Name, Payee: "6222 0001", PayeeName: "Vendor Ltd", Amount: cny(98000), Key: "2026-03",
			})
			return err
		})
		if len(b.transfers()) != 0 {
			t.Fatal("listed before it was sent")
		}
		b.drain()
		orders := b.transfers()
		if len(orders) != 1 || orders[0].Amount != cny(98000) || orders[0].Name != "Vendor Ltd" || orders[0].Account != "6222 0001" || orders[0].Code[0] != 'W' {
			t.Fatalf("%+v", orders)
		}
		b.statement("2026-03-12,B002,-980.00," + strings.ToLower(orders[0].Code) + ",Vendor Ltd,6222 0001")
		if len(b.payouts) != 1 || b.payouts[0].State != payment.PayoutPaid || len(b.transfers()) != 0 || b.lines(payment.LineMatched) != 1 {
			t.Fatalf("%+v", b.payouts)
		}
		// The vendor's bank sends it back and keeps five yuan.
		b.statement("2026-03-14,B003,975.00,退汇 " + orders[0].Code + ",Vendor Ltd,6222 0001")
		if len(b.payouts) != 2 || b.payouts[1].State != payment.PayoutReturned || b.payouts[1].Fee != cny(500) {
			t.Fatalf("%+v", b.payouts)
		}
	})
}

func TestAPayoutOfAnotherAmountIsSetAside(t *testing.T) {
	benches(t, func(t *testing.T, b *bench) {
		b.write(func(tx *db.Tx) error {
			_, err := payment.StartPayout(t.Context(), tx, audit.Actor{}, payment.PayoutStart{
				Vendor: "ven_1", Gateway: Name, Payee: "6222 0001", PayeeName: "Vendor Ltd", Amount: cny(98000), Key: "2026-03",
			})
			return err
		})
		b.drain()
		b.statement("2026-03-12,B002,-970.00," + b.transfers()[0].Code + ",Vendor Ltd,6222 0001")
		if len(b.payouts) != 0 || b.lines(payment.LineSuspense) != 1 || len(b.transfers()) != 1 {
			t.Fatalf("%+v", b.payouts)
		}
	})
}

func TestAVendorsDepositReachesItsHook(t *testing.T) {
	benches(t, func(t *testing.T, b *bench) {
		var code string
		b.write(func(tx *db.Tx) (err error) {
			code, err = payment.DepositCode(t.Context(), tx, "ven_01jd8x3m5vq8k2n7r4t6w9y0ab")
			return err
		})
		for range 2 {
			b.statement("2026-03-02,B001,20000.00,保证金 "+code+",Vendor Ltd,6222", "2026-03-02,B002,-1.00,"+code+",Vendor Ltd,6222")
		}
		if len(b.deposits) != 1 || b.deposits[0].Vendor != "ven_01jd8x3m5vq8k2n7r4t6w9y0ab" || b.deposits[0].Amount != cny(2000000) {
			t.Fatalf("%+v", b.deposits)
		}
		if b.balance(ledger.Deposit, "ven_01jd8x3m5vq8k2n7r4t6w9y0ab") != -2000000 || b.lines(payment.LineSuspense) != 1 {
			t.Fatal("not booked once, or money that went out was taken for a deposit")
		}
	})
}

func TestStatementFilesOfBothHeadersReadAlike(t *testing.T) {
	english := "\ufeffdate,bank_ref,amount,currency,reference,counterparty,counterparty_account,balance\r\n" +
		"2026-03-02 10:30:00,B1,1980.5,CNY,\"a, \"\"b\"\"\",Zhang,6225,9\r\n2026-03-02,B2,-0.01,CNY,c,Li,6226,9\r\n"
	chinese := "交易时间,流水号,收入金额,支出金额,币种,附言,对方户名,对方账号\n" +
		"2026/03/02 10:30:00,B1,1980.50,0.00,cny,\"a, \"\"b\"\"\",Zhang,6225\n2026/03/02,B2,,0.01,,c,Li,6226\n2026/03/02,B2,,0.01,,c,Li,6226\n"
	first, err := ParseStatement(strings.NewReader(english))
	if err != nil {
		t.Fatal(err)
	}
	second, err := ParseStatement(strings.NewReader(chinese))
	if err != nil {
		t.Fatal(err)
	}
	want := []payment.StatementLine{
		{BankRef: "B1", At: time.Date(2026, 3, 2, 2, 30, 0, 0, time.UTC), Amount: cny(198050), Reference: `a, "b"`, Counterparty: "Zhang", Account: "6225"},
		{BankRef: "B2", At: time.Date(2026, 3, 1, 16, 0, 0, 0, time.UTC), Amount: cny(-1), Reference: "c", Counterparty: "Li", Account: "6226"},
	}
	if !slices.Equal(first, want) || !slices.Equal(second, want) {
		t.Fatalf("english %+v\nchinese %+v", first, second)
	}
}

func TestAMistakeInAStatementNamesItsLineAndColumn(t *testing.T) {
	const header = "date,bank_ref,amount,reference\n"
	for name, c := range map[string]struct {
		file   string
		fields []string
	}{
		"thousands separator":  {header + "2026-03-02,B1,\"1,980.00\",x", []string{"lines.2.amount"}},
		"three decimals":       {header + "2026-03-02,B1,1.005,x", []string{"lines.2.amount"}},
		"exponent":             {header + "2026-03-02,B1,1e3,x", []string{"lines.2.amount"}},
		"nothing":              {header + "2026-03-02,B1,0.00,x", []string{"lines.2.amount"}},
		"more than 64 bits":    {header + "2026-03-02,B1,99999999999999999999,x", []string{"lines.2.amount"}},
		"several":              {header + "2026-03-02,B1,1,x\n02.03.2026,,1,x\n2026-03-02,B3,--1,x", []string{"lines.3.bank_ref", "lines.3.date", "lines.4.amount"}},
		"after a quoted break": {header + "2026-03-02,B1,1,\"x\ny\"\n2026-03-02,B2,?,x", []string{"lines.4.amount"}},
		"same number, other":   {header + "2026-03-02,B1,1,x\n2026-03-02,B1,2,x", []string{"lines.3.bank_ref"}},
		"both sides filled":    {"date,bank_ref,credit,debit,reference\n2026-03-02,B1,1,1,x", []string{"lines.2.debit"}},
		"unknown currency":     {"date,bank_ref,amount,currency,reference\n2026-03-02,B1,1,ZZZ,x", []string{"lines.2.currency"}},
		"missing columns":      {"date,credit\n", []string{"lines.1.bank_ref", "lines.1.reference", "lines.1.amount"}},
		"a column twice":       {"date,日期,交易时间,bank_ref\n", []string{"lines.1.date"}},
		"a bare quote":         {header + "2026-03-02,B1,1,x\"y", []string{"lines.2"}},
		"empty":                {"", []string{"lines.1"}},
		"not UTF-8":            {header + "2026-03-02,B1,1,\xb8\xb6", []string{"file"}},
	} {
		t.Run(name, func(t *testing.T) {
			lines, err := ParseStatement(strings.NewReader(c.file))
			var fields []string
			for _, f := range fault.All(err) {
				fields = append(fields, f.Field)
			}
			if lines != nil || !slices.Equal(fields, c.fields) {
				t.Fatalf("got %v (%v), want %v", fields, err, c.fields)
			}
		})
	}
}

func FuzzParseStatement(f *testing.F) {
	f.Add("date,bank_ref,amount,reference\n2026-03-02,B1,1980.00,x\n")
	f.Add("\ufeff交易时间,流水号,收入金额,支出金额,附言\n2026-03-02,B1,,1,x\n")
	f.Fuzz(func(t *testing.T, file string) {
		lines, err := ParseStatement(strings.NewReader(file))
		if err != nil && lines != nil {
			t.Fatal("lines beside an error")
		}
		seen := map[string]bool{}
		for _, l := range lines {
			if l.BankRef == "" || l.At.IsZero() || l.Amount.IsZero() || !l.Amount.Currency.Known() || seen[l.BankRef] {
				t.Fatalf("a bad line passed: %+v", l)
			}
			seen[l.BankRef] = true
		}
	})
}
