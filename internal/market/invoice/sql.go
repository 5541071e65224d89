package invoice

import (
	"context"
	"encoding/json"
	"errors"

	"yunshi/internal/base/db"
	"yunshi/internal/base/money"
)

const (
	insertTitle  = `INSERT INTO invoice_title (id, account, kind, buyer_sealed, created_at, removed_at) VALUES ($1, $2, $3, $4, $5, 0)`
	selectTitle  = `SELECT id, account, buyer_sealed, created_at FROM invoice_title WHERE id = $1 AND removed_at = 0`
	selectTitles = `SELECT id, account, buyer_sealed, created_at FROM invoice_title WHERE account = $1 AND removed_at = 0 ORDER BY id`
	removeTitle  = `UPDATE invoice_title SET removed_at = $1, buyer_sealed = $2 WHERE id = $3 AND removed_at = 0`

	insertBudget = `INSERT INTO invoice_budget (order_id, currency, paid, refunded, claimed, released, awaited) VALUES ($1, $2, $3, $4, 0, 0, 0)
		ON CONFLICT (order_id) DO NOTHING`
	selectBudget = `SELECT currency, paid, refunded, claimed, released, awaited FROM invoice_budget WHERE order_id = $1`
	// A request looks at what is claimed, a refund at what is not yet agreed to be taken back.
	claim     = `UPDATE invoice_budget SET claimed = claimed + $1, refunded = $2 WHERE order_id = $3 AND claimed + $1 + $2 <= paid`
	unclaim   = `UPDATE invoice_budget SET claimed = claimed - $1 WHERE order_id = $2 AND claimed - $1 >= released`
	release   = `UPDATE invoice_budget SET released = released + $1 WHERE order_id = $2 AND released + $1 <= claimed`
	unrelease = `UPDATE invoice_budget SET released = released - $1 WHERE order_id = $2 AND released >= $1 AND claimed - released + $1 + refunded <= paid`
	settleRed = `UPDATE invoice_budget SET released = released - $1, claimed = claimed - $1 WHERE order_id = $2 AND released >= $1`
	await     = `UPDATE invoice_budget SET awaited = $1 WHERE order_id = $2`
	giveBack  = `UPDATE invoice_budget SET refunded = $1, awaited = 0 WHERE order_id = $2 AND claimed - released + $1 <= paid`

	requestCols = `id, order_id, line, account, vendor, kind, buyer_sealed, amount, currency, state, reason_sealed, clock, due_at, overdue_at,
		requested_at, confirmed_at, issued_at, delivered_at, ended_at`
	insertRequest = `INSERT INTO invoice_request (id, order_id, line, account, vendor, kind, title_kind, buyer_sealed, amount, currency, state, reason_sealed,
			clock, due_at, overdue_at, requested_at, confirmed_at, issued_at, delivered_at, ended_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'requested', $11, $12, $13, 0, $14, 0, 0, 0, 0)`
	selectRequest = `SELECT ` + requestCols + ` FROM invoice_request WHERE id = $1`
	selectOfOrder = `SELECT ` + requestCols + ` FROM invoice_request WHERE order_id = $1 ORDER BY id`
	selectMine    = `SELECT ` + requestCols + ` FROM invoice_request WHERE account = $1 AND id < $2 ORDER BY id DESC LIMIT $3`
	selectOpen    = `SELECT ` + requestCols + ` FROM invoice_request WHERE vendor = $1 AND state IN ('requested', 'vendor_confirmed', 'issuing')
		ORDER BY due_at, id LIMIT $2`
	selectOfVendor = `SELECT ` + requestCols + ` FROM invoice_request WHERE vendor = $1 AND id < $2 ORDER BY id DESC LIMIT $3`
	selectOverdue  = `SELECT ` + requestCols + ` FROM invoice_request WHERE overdue_at > 0 AND state IN ('requested', 'vendor_confirmed', 'issuing')
		AND id > $1 ORDER BY id LIMIT $2`
	selectAll = `SELECT ` + requestCols + ` FROM invoice_request WHERE id < $1 ORDER BY id DESC LIMIT $2`

	moveRequest    = `UPDATE invoice_request SET state = $1 WHERE id = $2 AND state = $3`
	confirmRequest = `UPDATE invoice_request SET state = 'vendor_confirmed', confirmed_at = $1 WHERE id = $2 AND state = 'requested'`
	endRequest     = `UPDATE invoice_request SET state = $1, reason_sealed = $2, ended_at = $3 WHERE id = $4 AND state = 'requested'`
	issueRequest   = `UPDATE invoice_request SET state = 'issued', issued_at = $1, confirmed_at = CASE WHEN confirmed_at = 0 THEN $1 ELSE confirmed_at END
		WHERE id = $2 AND state IN ('requested', 'vendor_confirmed', 'issuing')`
	deliverRequest = `UPDATE invoice_request SET state = 'delivered', delivered_at = $1 WHERE id = $2 AND state = 'issued'`
	takenRequest   = `UPDATE invoice_request SET delivered_at = $1 WHERE id = $2 AND delivered_at = 0 AND issued_at > 0`
	reddenRequest  = `UPDATE invoice_request SET state = 'red_issued', ended_at = $1 WHERE id = $2 AND state = 'red_pending'`
	flagOverdue    = `UPDATE invoice_request SET overdue_at = $1 WHERE id = $2 AND overdue_at = 0 AND state IN ('requested', 'vendor_confirmed', 'issuing')`

	invoiceCols   = `id, request, colour, number, kind, net, tax, total, reddened, currency, document_sealed, issued_at, recorded_at, retain_until`
	insertInvoice = `INSERT INTO invoice_invoice (id, request, colour, number, kind, net, tax, total, reddened, currency, document_sealed, issued_at,
			recorded_at, recorded_by, retain_until)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, $9, $10, $11, $12, $13, $14) ON CONFLICT (number) DO NOTHING`
	selectInvoices = `SELECT ` + invoiceCols + ` FROM invoice_invoice WHERE request = $1 ORDER BY colour, id`
	redden         = `UPDATE invoice_invoice SET reddened = reddened + $1 WHERE id = $2 AND colour = 'blue' AND reddened + $1 <= total`

	insertFile  = `INSERT INTO invoice_file (request, kind, number, sha256, size, blob, added_at, added_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`
	countFiles  = `SELECT COUNT(*) FROM invoice_file WHERE request = $1 AND kind = $2`
	selectFiles = `SELECT request, kind, number, sha256, size, blob, added_at FROM invoice_file WHERE request = $1 ORDER BY kind, number`

	redCols   = `id, request, blue, order_id, reason, amount, state, entered_by, confirmation, expires_at, asked_at, entered_at, ended_at, invoice`
	insertRed = `INSERT INTO invoice_red (id, request, blue, order_id, reason, amount, state, entered_by, confirmation, expires_at, asked_at, entered_at, ended_at, invoice)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 0, '') ON CONFLICT DO NOTHING`
	selectRed      = `SELECT ` + redCols + ` FROM invoice_red WHERE id = $1`
	selectReds     = `SELECT ` + redCols + ` FROM invoice_red WHERE request = $1 ORDER BY id`
	selectOpenReds = `SELECT ` + redCols + ` FROM invoice_red WHERE order_id = $1 AND ended_at = 0 ORDER BY id`
	selectRedQueue = `SELECT r.id, r.request, r.blue, r.order_id, r.reason, r.amount, r.state, r.entered_by, r.confirmation, r.expires_at, r.asked_at,
			r.entered_at, r.ended_at, r.invoice
		FROM invoice_red r JOIN invoice_request q ON q.id = r.request WHERE q.vendor = $1 AND r.ended_at = 0 ORDER BY r.id LIMIT $2`
	enterRed = `UPDATE invoice_red SET state = $1, entered_by = $2, confirmation = $3, expires_at = $4, entered_at = $5 WHERE id = $6 AND state = 'asked'`
	usedForm = `SELECT COUNT(*) FROM invoice_red WHERE confirmation = $1`
	agreeRed = `UPDATE invoice_red SET state = $1 WHERE id = $2 AND state = $3 AND ended_at = 0`
	endRed   = `UPDATE invoice_red SET state = $1, ended_at = $2 WHERE id = $3 AND state = $4 AND ended_at = 0`
	closeRed = `UPDATE invoice_red SET invoice = $1, ended_at = $2 WHERE id = $3 AND state IN ('01', '04') AND ended_at = 0`

	figures = `SELECT COUNT(*),
			COUNT(CASE WHEN issued_at > 0 AND overdue_at = 0 AND issued_at <= due_at THEN 1 END),
			COUNT(CASE WHEN issued_at > 0 AND (overdue_at > 0 OR issued_at > due_at) THEN 1 END),
			COUNT(CASE WHEN state IN ('requested', 'vendor_confirmed', 'issuing') THEN 1 END),
			COUNT(CASE WHEN state IN ('requested', 'vendor_confirmed', 'issuing') AND (overdue_at > 0 OR due_at < $1) THEN 1 END),
			COUNT(CASE WHEN state = 'rejected' THEN 1 END),
			COUNT(CASE WHEN state = 'withdrawn' THEN 1 END)
		FROM invoice_request WHERE vendor = $2`

	operatorCols   = `id, vendor, period, year, number, currency, net, tax, total, lines, source, seller, issued_at, numbered_at`
	insertOperator = `INSERT INTO invoice_operator (id, vendor, period, year, number, currency, net, tax, total, lines, source, seller, issued_at, numbered_at)
		VALUES ($1, $2, $3, $4, 0, $5, $6, $7, $8, $9, $10, $11, $12, 0) ON CONFLICT (vendor, source) DO NOTHING`
	selectOperator       = `SELECT ` + operatorCols + ` FROM invoice_operator WHERE id = $1`
	selectOperatorSource = `SELECT ` + operatorCols + ` FROM invoice_operator WHERE vendor = $1 AND source = $2`
	selectOperatorOf     = `SELECT ` + operatorCols + ` FROM invoice_operator WHERE vendor = $1 AND id < $2 ORDER BY id DESC LIMIT $3`
	selectOperatorAll    = `SELECT ` + operatorCols + ` FROM invoice_operator WHERE id < $1 ORDER BY id DESC LIMIT $2`
	selectUnnumbered     = `SELECT id FROM invoice_operator WHERE year = $1 AND number = 0 ORDER BY id LIMIT $2`
	numberOperator       = `UPDATE invoice_operator SET number = $1, numbered_at = $2 WHERE id = $3 AND number = 0`
	insertSequence       = `INSERT INTO invoice_sequence (year, last) VALUES ($1, 0) ON CONFLICT (year) DO NOTHING`
	selectSequence       = `SELECT last FROM invoice_sequence WHERE year = $1`
	advanceSequence      = `UPDATE invoice_sequence SET last = $1 WHERE year = $2 AND last = $3`
)

// The places that sealed fields are stored at.
func titleAt(id TitleID) string  { return "invoice_title.buyer/" + string(id) }
func buyerAt(id ID) string       { return "invoice_request.buyer/" + string(id) }
func reasonAt(id ID) string      { return "invoice_request.reason/" + string(id) }
func documentAt(id DocID) string { return "invoice_invoice.document/" + string(id) }
func fileAt(sha256 string) string {
	return "invoice_file.content/" + sha256
}

func scanTitle(r db.Reader) func(db.Scanner) (Title, error) {
	return func(s db.Scanner) (Title, error) {
		var t Title
		var buyer []byte
		var created int64
		if err := s.Scan(&t.ID, &t.Account, &buyer, &created); err != nil {
			return t, err
		}
		t.CreatedAt = db.Time(created)
		return t, r.Keys().OpenJSON(buyer, titleAt(t.ID), &t.Buyer)
	}
}

// budget is what may still be invoiced of an order.
type budget struct {
	currency                                   money.Currency
	paid, refunded, claimed, released, awaited int64
}

func scanBudget(s db.Scanner) (budget, error) {
	var b budget
	return b, s.Scan(&b.currency, &b.paid, &b.refunded, &b.claimed, &b.released, &b.awaited)
}

func scanRequest(r db.Reader) func(db.Scanner) (Request, error) {
	return func(s db.Scanner) (Request, error) {
		var q Request
		var buyer, reason []byte
		var due, overdue, requested, confirmed, issued, delivered, ended int64
		if err := s.Scan(&q.ID, &q.Order, &q.Line, &q.Account, &q.Vendor, &q.Kind, &buyer, &q.Amount.Minor, &q.Amount.Currency, &q.State, &reason,
			&q.Clock, &due, &overdue, &requested, &confirmed, &issued, &delivered, &ended); err != nil {
			return q, err
		}
		q.DueAt, q.OverdueAt, q.RequestedAt, q.ConfirmedAt = db.Time(due), db.Time(overdue), db.Time(requested), db.Time(confirmed)
		q.IssuedAt, q.DeliveredAt, q.EndedAt = db.Time(issued), db.Time(delivered), db.Time(ended)
		var err error
		if q.Reason, err = r.Keys().Open(reason, reasonAt(q.ID)); err != nil {
			return q, err
		}
		return q, r.Keys().OpenJSON(buyer, buyerAt(q.ID), &q.Buyer)
	}
}

func scanInvoice(r db.Reader) func(db.Scanner) (Invoice, error) {
	return func(s db.Scanner) (Invoice, error) {
		var i Invoice
		var document []byte
		var issued, recorded, retain int64
		if err := s.Scan(&i.ID, &i.Request, &i.Colour, &i.Number, &i.Kind, &i.Net.Minor, &i.Tax.Minor, &i.Total.Minor, &i.Reddened.Minor, &i.Net.Currency,
			&document, &issued, &recorded, &retain); err != nil {
			return i, err
		}
		i.Tax.Currency, i.Total.Currency, i.Reddened.Currency = i.Net.Currency, i.Net.Currency, i.Net.Currency
		i.IssuedAt, i.RecordedAt, i.RetainUntil = db.Time(issued), db.Time(recorded), db.Time(retain)
		return i, r.Keys().OpenJSON(document, documentAt(i.ID), &i.Document)
	}
}

// A form of a red invoice is stored under its colour and kind.
const redPrefix = "red_"

func scanFile(s db.Scanner) (File, error) {
	var f File
	var kind string
	var added int64
	err := s.Scan(&f.Request, &kind, &f.Number, &f.SHA256, &f.Size, &f.Blob, &added)
	f.Colour, f.Kind, f.AddedAt = Blue, FileKind(kind), db.Time(added)
	if len(kind) > len(redPrefix) && kind[:len(redPrefix)] == redPrefix {
		f.Colour, f.Kind = Red, FileKind(kind[len(redPrefix):])
	}
	return f, err
}

func scanRed(s db.Scanner) (RedLetter, error) {
	var l RedLetter
	var expires, asked, entered, ended int64
	err := s.Scan(&l.ID, &l.Request, &l.Blue, &l.Order, &l.Reason, &l.Amount.Minor, &l.State, &l.EnteredBy, &l.Confirmation, &expires, &asked, &entered,
		&ended, &l.Invoice)
	l.Amount.Currency = money.CNY // the only currency of e-invoices
	l.ExpiresAt, l.AskedAt, l.EnteredAt, l.EndedAt = db.Time(expires), db.Time(asked), db.Time(entered), db.Time(ended)
	return l, err
}

func scanOperator(s db.Scanner) (OperatorInvoice, error) {
	var o OperatorInvoice
	var lines string
	var issued, numbered int64
	if err := s.Scan(&o.ID, &o.Vendor, &o.Period, &o.Year, &o.Number, &o.Net.Currency, &o.Net.Minor, &o.Tax.Minor, &o.Total.Minor, &lines, &o.Source,
		&o.Seller, &issued, &numbered); err != nil {
		return o, err
	}
	o.Tax.Currency, o.Total.Currency = o.Net.Currency, o.Net.Currency
	o.IssuedAt, o.NumberedAt = db.Time(issued), db.Time(numbered)
	return o, json.Unmarshal([]byte(lines), &o.Lines)
}

func found[T any](v T, err error) (T, error) {
	if errors.Is(err, db.ErrNoRow) {
		return v, ErrNotFound
	}
	return v, err
}

// guarded turns "no row" into a refusal.
func guarded(n int64, err error, refusal error) error {
	if err == nil && n == 0 {
		return refusal
	}
	return err
}

func budgetOf(ctx context.Context, r db.Reader, order string) (budget, error) {
	return found(db.One(ctx, r, scanBudget, selectBudget, order))
}
