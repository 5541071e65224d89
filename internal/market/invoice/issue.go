package invoice

import (
	"context"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/base/screen"
	"yunshi/internal/market/account"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/content"
	"yunshi/internal/market/job"
	"yunshi/internal/market/message"
	"yunshi/internal/market/vendor"
)

// own returns a request of the actor's own vendor, with the vendor.
func own(ctx context.Context, r db.Reader, by audit.Actor, id ID) (Request, vendor.Vendor, error) {
	q, err := read(ctx, r, id)
	if err != nil {
		return Request{}, vendor.Vendor{}, err
	}
	v, err := vendor.Get(ctx, r, q.Vendor)
	if err != nil {
		return Request{}, vendor.Vendor{}, err
	}
	return q, v, mayIssue(by, v)
}

// Confirm records that the vendor will issue as asked. From then on the buyer
// cannot withdraw and the vendor cannot reject.
func Confirm(ctx context.Context, tx *db.Tx, by audit.Actor, id ID) (_ Request, err error) {
	defer fault.Wrap(&err, "invoice.Confirm(%s)", id)
	q, _, err := own(ctx, tx, by, id)
	if err != nil {
		return Request{}, err
	}
	n, err := tx.Exec(ctx, confirmRequest, db.Micros(tx.Now()), string(id))
	if err := guarded(n, err, ErrState); err != nil {
		return Request{}, err
	}
	if err := recordOf(ctx, tx, by, "invoice.confirmed", q, nil); err != nil {
		return Request{}, err
	}
	return Get(ctx, tx, by, id)
}

// longestReason bounds the reason of a rejection, in characters.
const longestReason = 500

// Reject refuses a request that has not been confirmed, with a reason that the
// buyer gets to read. The amount may be asked for again.
func Reject(ctx context.Context, tx *db.Tx, by audit.Actor, id ID, reason string) (_ Request, err error) {
	defer fault.Wrap(&err, "invoice.Reject(%s)", id)
	q, _, err := own(ctx, tx, by, id)
	if err != nil {
		return Request{}, err
	}
	if reason, err = fault.Words(reason, "reason", true, longestReason, ErrRequired, ErrInvalid); err != nil {
		return Request{}, err
	}
	if err := content.Must(ctx, tx, by, content.Piece{Kind: content.InvoiceNote, Ref: string(id), Field: "reason", Place: screen.Private, Text: reason}); err != nil {
		return Request{}, err
	}
	to := q.Account
	if q, err = end(ctx, tx, by, q, Rejected, reason); err != nil {
		return Request{}, err
	}
	q.Account = ""
	return q, tell(ctx, tx, "I-03", to, orderLink(q), q, nil)
}

// Upload is a file that the edge has put into the store, sealed by [SealFile].
type Upload struct {
	Kind   FileKind
	SHA256 string // of the file itself
	Size   int64  // of the file itself
	Blob   string
}

// Issue records the invoice of a request by its file. The file is the proof:
// number, kind, parties and amounts must be those of the request and of the
// vendor as last verified, or the fields that differ are named
// (INVOICE_FILE_MISMATCH). Afterwards the buyer has N-33. Only the vendor's people
// may (INVOICE_FROM_VENDOR_ONLY), and a number counts once in the market.
func Issue(ctx context.Context, tx *db.Tx, by audit.Actor, id ID, d Document, f Upload) (_ Invoice, err error) {
	defer fault.Wrap(&err, "invoice.Issue(%s)", id)
	q, _, err := own(ctx, tx, by, id)
	if err != nil {
		return Invoice{}, err
	}
	if f.Kind != XML {
		return Invoice{}, ErrInvalid.In("file")
	}
	if !q.State.Open() {
		return Invoice{}, ErrState
	}
	card, rates, err := against(ctx, tx, q.Vendor)
	if err != nil {
		return Invoice{}, err
	}
	if err := isAskedFor(d, q, card, rates); err != nil {
		return Invoice{}, err
	}
	i, err := store(ctx, tx, by, q, d)
	if err != nil {
		return Invoice{}, err
	}
	n, err := tx.Exec(ctx, issueRequest, db.Micros(tx.Now()), string(id))
	if err := guarded(n, err, ErrState); err != nil {
		return Invoice{}, err
	}
	if err := attach(ctx, tx, by, q.ID, Blue, f); err != nil {
		return Invoice{}, err
	}
	if err := job.Cancel(ctx, tx, overdueJob, string(id), "one"); err != nil {
		return Invoice{}, err
	}
	if err := awaited(ctx, tx, q.Order); err != nil {
		return Invoice{}, err
	}
	if err := recordOf(ctx, tx, by, "invoice.issued", q, map[string]any{
		"number": i.Number, "kind": i.Kind, "total": i.Total, "sha256": f.SHA256, "late": tx.Now().After(q.DueAt),
	}); err != nil {
		return Invoice{}, err
	}
	return i, tell(ctx, tx, "N-33", q.Account, orderLink(q), q, map[string]string{"Number": i.Number})
}

// against returns what a file is compared with: the seller as last verified, and
// the tax rates the rulebook knows.
func against(ctx context.Context, r db.Reader, v vendor.ID) (vendor.SellerCard, []int64, error) {
	card, err := vendor.Card(ctx, r, v)
	if err != nil {
		return card, nil, err
	}
	rule, err := agreement.Setting[struct {
		Allowed []int64 `json:"allowed_bp"`
	}](ctx, r, "tax_rate_default")
	return card, rule.Allowed, err
}

// store keeps an invoice as its file says, blue or red.
func store(ctx context.Context, tx *db.Tx, by audit.Actor, q Request, d Document) (Invoice, error) {
	keep, err := agreement.Setting[struct{ Years int }](ctx, tx, "retention_invoice")
	if err != nil {
		return Invoice{}, err
	}
	if d.IssuedAt.After(tx.Now().AddDate(0, 0, 1)) {
		return Invoice{}, ErrMismatch.In("issued_at")
	}
	i := Invoice{
		ID: DocID(tx.ID("fap")), Request: q.ID, Colour: d.Colour, Number: d.Number, Kind: d.Kind, Net: d.Net, Tax: d.Tax, Total: d.Total,
		Document: d, IssuedAt: d.IssuedAt, RecordedAt: tx.Now(), RetainUntil: calendar.MonthsLater(tx.Now(), 12*keep.Years),
	}
	i.Reddened.Currency = i.Total.Currency
	document, err := tx.Keys().SealJSON(d, documentAt(i.ID))
	if err != nil {
		return Invoice{}, err
	}
	n, err := tx.Exec(ctx, insertInvoice, string(i.ID), string(i.Request), string(i.Colour), i.Number, string(i.Kind), i.Net.Minor, i.Tax.Minor,
		i.Total.Minor, string(i.Total.Currency), document, db.Micros(i.IssuedAt), db.Micros(i.RecordedAt), by.User, db.Micros(i.RetainUntil))
	return i, guarded(n, err, ErrNumberUsed.In("file"))
}

// Attach adds a view of an invoice, OFD or PDF. One that comes before the XML
// says that the vendor is issuing; it proves nothing yet.
func Attach(ctx context.Context, tx *db.Tx, by audit.Actor, id ID, colour Colour, f Upload) (_ Request, err error) {
	defer fault.Wrap(&err, "invoice.Attach(%s, %s)", id, f.Kind)
	q, _, err := own(ctx, tx, by, id)
	if err != nil {
		return Request{}, err
	}
	blue := colour == Blue && (q.State.Open() || q.State.HasInvoice())
	red := colour == Red && q.State.HasInvoice()
	switch {
	case f.Kind != OFD && f.Kind != PDF:
		return Request{}, ErrInvalid.In("file")
	case !blue && !red:
		return Request{}, ErrState
	}
	if q.State == Requested {
		n, err := tx.Exec(ctx, confirmRequest, db.Micros(tx.Now()), string(id))
		if err := guarded(n, err, ErrState); err != nil {
			return Request{}, err
		}
		q.State = Confirmed
	}
	if q.State == Confirmed {
		n, err := tx.Exec(ctx, moveRequest, string(Issuing), string(id), string(Confirmed))
		if err := guarded(n, err, ErrState); err != nil {
			return Request{}, err
		}
	}
	if err := attach(ctx, tx, by, id, colour, f); err != nil {
		return Request{}, err
	}
	if err := recordOf(ctx, tx, by, "invoice.file_added", q, map[string]any{"kind": f.Kind, "colour": colour, "sha256": f.SHA256}); err != nil {
		return Request{}, err
	}
	return Get(ctx, tx, by, id)
}

func attach(ctx context.Context, tx *db.Tx, by audit.Actor, id ID, colour Colour, f Upload) error {
	kind := string(f.Kind)
	if colour == Red {
		kind = redPrefix + kind
	}
	if err := content.MustPass(ctx, tx, f.SHA256); err != nil {
		return err
	}
	known, err := db.Value[int64](ctx, tx, countFiles, string(id), kind)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, insertFile, string(id), kind, known+1, f.SHA256, f.Size, f.Blob, db.Micros(tx.Now()), by.User)
	return err
}

// Taken records that the buyer has taken a file of an invoice; the first time,
// the invoice is delivered.
func Taken(ctx context.Context, tx *db.Tx, by audit.Actor, id ID, sha256 string) (err error) {
	defer fault.Wrap(&err, "invoice.Taken(%s)", id)
	q, who, err := look(ctx, tx, by, id)
	if err != nil || who != asBuyer || !q.DeliveredAt.IsZero() || !q.State.HasInvoice() {
		return err
	}
	n, err := tx.Exec(ctx, deliverRequest, db.Micros(tx.Now()), string(id))
	if err != nil {
		return err
	}
	if n == 0 { // being taken back already; that it arrived is still a fact
		if _, err := tx.Exec(ctx, takenRequest, db.Micros(tx.Now()), string(id)); err != nil {
			return err
		}
	}
	return recordOf(ctx, tx, by, "invoice.delivered", q, map[string]any{"sha256": sha256})
}

func recordOf(ctx context.Context, tx *db.Tx, by audit.Actor, act string, q Request, data map[string]any) error {
	return audit.Record(ctx, tx, by, audit.Entry{
		Act: act, Subjects: []string{string(q.ID), q.Order, string(q.Vendor)}, Clauses: []string{"UA 4.4"}, Data: data,
	})
}

// late flags a request whose time is over, tells both sides, and so counts in
// the vendor's figures. Nothing else happens: the vendor still owes the invoice.
func late(ctx context.Context, tx *db.Tx, id ID) error {
	q, err := read(ctx, tx, id)
	if err != nil || !overdue(q, tx.Now()) {
		return err
	}
	n, err := tx.Exec(ctx, flagOverdue, db.Micros(tx.Now()), string(id))
	if err != nil || n == 0 {
		return err
	}
	v, err := vendor.Get(ctx, tx, q.Vendor)
	if err != nil {
		return err
	}
	if err := recordOf(ctx, tx, audit.Job(overdueJob), "invoice.overdue", q, map[string]any{"due_at": db.Micros(q.DueAt), "clock": q.Clock}); err != nil {
		return err
	}
	if err := tell(ctx, tx, "N-32", q.Account, orderLink(q), q, nil); err != nil {
		return err
	}
	return tell(ctx, tx, "N-32", v.Account, "/vendor/invoices/"+string(q.ID), q, nil)
}

// letter tells an account about a red letter.
func letter(ctx context.Context, tx *db.Tx, code string, to account.ID, link string, l RedLetter, more map[string]string) error {
	params := map[string]string{"Order": l.Order, "Amount": l.Amount.Format("zh")}
	for name, value := range more {
		params[name] = value
	}
	return message.Send(ctx, tx, message.Notice{Code: code, To: to, Link: link, Params: params})
}

// Record takes whatever file a vendor has for a request: the XML of the invoice
// issues it, that of a red one answers the red letter that is agreed, and a view
// is attached. A view is of the colour given, blue when none is.
func Record(ctx context.Context, tx *db.Tx, by audit.Actor, id ID, d Document, view Colour, f Upload) error {
	switch {
	case f.Kind != XML && view == "":
		view = Blue
		fallthrough
	case f.Kind != XML:
		_, err := Attach(ctx, tx, by, id, view, f)
		return err
	case d.Colour != Red:
		_, err := Issue(ctx, tx, by, id, d, f)
		return err
	}
	if _, _, err := own(ctx, tx, by, id); err != nil {
		return err
	}
	l, open, err := openRed(ctx, tx, id)
	if err != nil {
		return err
	}
	if !open {
		return ErrState
	}
	_, err = IssueRed(ctx, tx, by, l.ID, d, f)
	return err
}
