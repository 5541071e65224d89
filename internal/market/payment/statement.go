package payment

import (
	"context"
	"errors"
	"fmt"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/base/money"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/job"
)

// LineID is "stl_…".
type LineID string

// LineState is the state of a statement line.
type LineState string

// The states of a statement line.
const (
	LineUnmatched LineState = "unmatched" // names nothing of ours; a person looks
	LineMatching  LineState = "matching"  // names something; the job has not ended
	LineMatched   LineState = "matched"
	LineSuspense  LineState = "suspense" // names something that cannot take it
)

// StatementLine is one movement on the bank account that transfers arrive on.
type StatementLine struct {
	ID           LineID
	BankRef      string       // the bank's own number of the movement, unique
	At           time.Time    // booked
	Amount       money.Amount // positive: came in; negative: went out
	Reference    string       // what the payer wrote
	Counterparty string       // the other side's name
	Account      string       // the other side's account number
	Code         string       // the code of ours in Reference, or empty
	Vendor       string       // whose deposit it is, when Code is a deposit code
	State        LineState
}

// words are the parts of a line that are sealed at rest.
type words struct{ Reference, Counterparty, Account string }

// Imported says what an import did.
type Imported struct {
	New     int // lines not seen before
	Known   int // lines of an earlier import
	Matched int // new lines that name something of ours
	Lines   []ImportedLine
}

// ImportedLine says what an import did with one line.
type ImportedLine struct {
	BankRef string
	Amount  money.Amount
	What    Outcome
}

// Outcome is what became of a line of an import.
type Outcome string

// What becomes of a line.
const (
	LineNew   Outcome = "new"   // kept; names nothing of ours
	LineNamed Outcome = "named" // kept; names something of ours and is looked at
	LineKnown Outcome = "known" // was there already
)

// mostTold bounds the lines that an answer tells of one by one.
const mostTold = 500

// ImportStatement keeps the lines of a bank statement, each once, and has those
// that name an attempt, a refund or a vendor's deposit looked at. Finance staff
// only. A line that is known with another amount, day or currency refuses the
// whole import. Errors name the line, counted from 1: "lines.3.amount".
func ImportStatement(ctx context.Context, tx *db.Tx, by audit.Actor, lines []StatementLine) (done Imported, err error) {
	defer fault.Wrap(&err, "payment.ImportStatement")
	if !by.Has("finance") && by.Kind != audit.CLIKind {
		return Imported{}, ErrForbidden
	}
	for i, l := range lines {
		field := func(name string) string { return fmt.Sprintf("lines.%d.%s", i+1, name) }
		switch {
		case l.BankRef == "":
			return Imported{}, ErrRequired.In(field("bank_ref"))
		case l.At.IsZero():
			return Imported{}, ErrRequired.In(field("at"))
		case l.Amount.IsZero() || !l.Amount.Currency.Known():
			return Imported{}, ErrInvalid.In(field("amount"))
		}
		fresh, matched, err := importLine(ctx, tx, by, l)
		if err != nil {
			if f, ok := fault.Of(err); ok {
				err = f.In(field("bank_ref"))
			}
			return Imported{}, err
		}
		what := LineNew
		switch {
		case !fresh:
			done.Known++
			what = LineKnown
		case matched:
			done.New, done.Matched = done.New+1, done.Matched+1
			what = LineNamed
		default:
			done.New++
		}
		if len(done.Lines) < mostTold {
			done.Lines = append(done.Lines, ImportedLine{l.BankRef, l.Amount, what})
		}
	}
	return done, nil
}

func importLine(ctx context.Context, tx *db.Tx, by audit.Actor, l StatementLine) (fresh, matched bool, err error) {
	l.ID, l.State = LineID(tx.ID("stl")), LineUnmatched
	if l.Code, err = knownCodeIn(ctx, tx, l.Reference); err != nil {
		return false, false, err
	}
	if l.Code != "" {
		l.State = LineMatching
	}
	sealed, err := tx.Keys().SealJSON(words{l.Reference, l.Counterparty, l.Account}, lineContext(l.ID))
	if err != nil {
		return false, false, err
	}
	n, err := tx.Exec(ctx, insertLine, string(l.ID), l.BankRef, db.Micros(l.At), l.Amount.Minor, string(l.Amount.Currency), l.Code,
		sealed, string(l.State), db.Micros(tx.Now()), by.User)
	if err != nil {
		return false, false, err
	}
	if n == 0 {
		known, err := db.One(ctx, tx, scanLine, selectLineRef, l.BankRef)
		if err == nil && (known.Amount != l.Amount || !known.At.Equal(l.At)) {
			err = ErrStatement
		}
		return false, false, err
	}
	if l.Code == "" {
		return true, false, nil
	}
	return true, true, job.Enqueue(ctx, tx, job.Spec{Kind: LineJob, Object: string(l.ID), Unique: true})
}

func lineContext(id LineID) string { return "payment_statement_line.sealed/" + string(id) }

// knownCodeIn is the first code in the payer's words that stands for something.
func knownCodeIn(ctx context.Context, r db.Reader, words string) (string, error) {
	for _, code := range codesIn(words) {
		n, err := db.Value[int64](ctx, r, knownCode, code)
		if err != nil {
			return "", err
		}
		if n > 0 {
			return code, nil
		}
	}
	return "", nil
}

// AttemptCode is the code a customer writes on a transfer for an attempt.
func AttemptCode(id AttemptID) string { return codeOf(attemptLetter, string(id)) }

// RefundCode is the code finance writes on the transfer of a refund.
func RefundCode(id RefundID) string { return codeOf(refundLetter, string(id)) }

// DepositCode is the code a vendor writes on the transfer of its deposit. It is
// remembered, so that a statement line with it finds the vendor.
func DepositCode(ctx context.Context, tx *db.Tx, vendor string) (string, error) {
	if vendor == "" {
		return "", ErrRequired.In("vendor")
	}
	if _, err := tx.Exec(ctx, insertDepositCode, codeOf(depositLetter, vendor), vendor); err != nil {
		return "", err
	}
	return db.Value[string](ctx, tx, selectDepositCode, vendor)
}

// LinesOf returns the statement lines that carry a code, oldest first.
func LinesOf(ctx context.Context, r db.Reader, code string) ([]StatementLine, error) {
	rows, err := db.All(ctx, r, scanLine, selectLinesOfCode, code)
	if err != nil {
		return nil, err
	}
	return opened(r, rows)
}

// Lines returns statement lines in a state, newest first, at most n.
func Lines(ctx context.Context, r db.Reader, in LineState, n int) ([]StatementLine, error) {
	rows, err := db.All(ctx, r, scanLine, selectLinesIn, string(in), n)
	if err != nil {
		return nil, err
	}
	return opened(r, rows)
}

// GetLine returns a statement line.
func GetLine(ctx context.Context, r db.Reader, id LineID) (StatementLine, error) {
	l, err := one(db.One(ctx, r, scanLine, selectLine, string(id)))
	if err != nil {
		return StatementLine{}, err
	}
	lines, err := opened(r, []row{l})
	if err != nil {
		return StatementLine{}, err
	}
	return lines[0], nil
}

// opened reads the sealed parts.
func opened(r db.Reader, rows []row) ([]StatementLine, error) {
	lines := make([]StatementLine, 0, len(rows))
	for _, l := range rows {
		var w words
		if err := r.Keys().OpenJSON(l.sealed, lineContext(l.ID), &w); err != nil {
			return nil, fmt.Errorf("payment: statement line %s: %w", l.ID, err)
		}
		l.Reference, l.Counterparty, l.Account = w.Reference, w.Counterparty, w.Account
		lines = append(lines, l.StatementLine)
	}
	return lines, nil
}

// Transfer is a refund or a payout that finance has to send by bank transfer.
type Transfer struct {
	ID            string // of the refund or the payout
	Code          string // belongs into the remark
	Amount        money.Amount
	Name, Account string // of the customer, as the first transfer gave them, or of the vendor
	BankRef       string // of the customer's transfer; empty for a payout
}

// mostTransfers bounds the payouts of one list; the rest follows when these are
// confirmed.
const mostTransfers = 10000

// Transfers returns the refunds and payouts of a gateway that a person sends by
// hand and the bank has not confirmed, refunds first, each oldest first. What may
// not be sent yet is not among them.
func Transfers(ctx context.Context, r db.Reader, gateway string) ([]Transfer, error) {
	refunds, err := RefundsOut(ctx, r, gateway)
	if err != nil {
		return nil, err
	}
	payouts, err := PayoutsOut(ctx, r, gateway, mostTransfers)
	if err != nil {
		return nil, err
	}
	out := make([]Transfer, 0, len(refunds)+len(payouts))
	for _, refund := range refunds {
		if refund.SentAt.IsZero() {
			continue
		}
		t := Transfer{ID: string(refund.ID), Code: refund.Code, Amount: refund.Amount}
		a, err := Get(ctx, r, refund.Attempt)
		if err != nil {
			return nil, err
		}
		l, err := db.One(ctx, r, scanLine, selectLineRef, a.CaptureID)
		if err == nil {
			lines, err := opened(r, []row{l})
			if err != nil {
				return nil, err
			}
			t.Name, t.Account, t.BankRef = lines[0].Counterparty, lines[0].Account, l.BankRef
		} else if !errors.Is(err, db.ErrNoRow) {
			return nil, err
		}
		out = append(out, t)
	}
	for _, p := range payouts {
		if p.State != PayoutCreated {
			out = append(out, Transfer{ID: string(p.ID), Code: p.Code, Amount: p.Amount, Name: p.PayeeName, Account: p.Payee})
		}
	}
	return out, nil
}
