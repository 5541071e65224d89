package client

import (
	"context"
	"time"
)

// Title is whom an invoice is made out to. A company needs its unified social
// credit code; a person has none.
type Title struct {
	ID          string `json:"id,omitempty" readOnly:"true"`
	Kind        string `json:"kind" enum:"individual,company"`
	Name        string `json:"name" maxLength:"100"`
	TaxID       string `json:"tax_id,omitempty" maxLength:"20"`
	Address     string `json:"address,omitempty" maxLength:"100"`
	Phone       string `json:"phone,omitempty" maxLength:"100"`
	Bank        string `json:"bank,omitempty" maxLength:"100"`
	BankAccount string `json:"bank_account,omitempty" maxLength:"100"`
	Email       string `json:"email,omitempty" maxLength:"254"`
}

// InvoiceRequest asks the vendor of an order for an invoice.
type InvoiceRequest struct {
	Kind    string `json:"kind" enum:"ordinary,special"`
	Amount  Amount `json:"amount"`
	TitleID string `json:"title_id,omitempty" maxLength:"64" doc:"A saved title; else title."`
	Title   *Title `json:"title,omitempty"`
	From    string `json:"from,omitempty" maxLength:"64" doc:"Who shall invoice; anything but \"vendor\" is refused."`
}

// Invoice is a request for an invoice with what has become of it. Vendors see it
// without its account, the operator's people without its title.
type Invoice struct {
	ID          string            `json:"id"`
	Order       string            `json:"order"`
	Vendor      string            `json:"vendor"`
	Kind        string            `json:"kind"`
	Title       *Title            `json:"title,omitempty"`
	Amount      Amount            `json:"amount"`
	State       string            `json:"state" doc:"requested, vendor_confirmed, issuing, issued, delivered, withdrawn, rejected, red_pending or red_issued."`
	Reason      string            `json:"reason,omitempty" doc:"Of a rejection."`
	Clock       string            `json:"clock" doc:"working_days, or natural_days where the calendar of a year on the way is not published."`
	DueAt       time.Time         `json:"due_at"`
	OverdueAt   *time.Time        `json:"overdue_at,omitempty"`
	RequestedAt time.Time         `json:"requested_at"`
	IssuedAt    *time.Time        `json:"issued_at,omitempty"`
	DeliveredAt *time.Time        `json:"delivered_at,omitempty"`
	EndedAt     *time.Time        `json:"ended_at,omitempty"`
	Documents   []InvoiceDocument `json:"documents,omitempty" doc:"In answers about one invoice: the blue one, then red ones."`
	Files       []InvoiceFile     `json:"files,omitempty"`
	RedLetters  []RedLetter       `json:"red_letters,omitempty"`
}

// InvoiceDocument is an e-invoice as its file says; a red one has negative
// amounts.
type InvoiceDocument struct {
	ID       string    `json:"id"`
	Colour   string    `json:"colour" doc:"blue or red."`
	Number   string    `json:"number"`
	Net      Amount    `json:"net"`
	Tax      Amount    `json:"tax"`
	Total    Amount    `json:"total"`
	IssuedAt time.Time `json:"issued_at"`
}

// InvoiceFile is a stored form of an invoice.
type InvoiceFile struct {
	Colour string `json:"colour"`
	Kind   string `json:"kind" doc:"xml, ofd or pdf."`
	SHA256 string `json:"sha256"`
	Size   int64  `json:"size"`
}

// InvoiceUpload is a form of an invoice: XML issues it, OFD and PDF are views.
type InvoiceUpload struct {
	Content []byte `json:"content" doc:"The file, in base64."`
	Colour  string `json:"colour,omitempty" enum:"blue,red" doc:"Of a view; an XML says it itself."`
}

// RedLetter takes an invoice back. State is the tax administration's code, or
// asked until there is a form.
type RedLetter struct {
	ID           string     `json:"id"`
	Invoice      string     `json:"invoice"`
	Reason       string     `json:"reason" doc:"01 issued wrongly, 02 returned, 03 service stopped, 04 allowance."`
	Amount       Amount     `json:"amount"`
	State        string     `json:"state"`
	EnteredBy    string     `json:"entered_by,omitempty"`
	Confirmation string     `json:"confirmation,omitempty"`
	ExpiresAt    *time.Time `json:"expires_at,omitempty"`
	EndedAt      *time.Time `json:"ended_at,omitempty"`
}

// RedForm records a confirmation form that one side entered at the tax
// administration.
type RedForm struct {
	Reason       string  `json:"reason" enum:"01,02,03,04"`
	Amount       *Amount `json:"amount,omitempty" doc:"Missing: all that is left."`
	Confirmation string  `json:"confirmation" minLength:"20" maxLength:"20"`
	NoneNeeded   bool    `json:"none_needed,omitempty"`
}

// RedAnswer moves a red letter to a state of the tax administration.
type RedAnswer struct {
	To string `json:"to" enum:"04,05,06,08,09,10,11,12,13"`
}

// Rejection refuses a request, with a reason for the buyer.
type Rejection struct {
	Reason string `json:"reason" maxLength:"500"`
}

// InvoiceFigures are how a vendor answers requests for invoices.
type InvoiceFigures struct {
	Requests     int64 `json:"requests"`
	IssuedInTime int64 `json:"issued_in_time"`
	IssuedLate   int64 `json:"issued_late"`
	Open         int64 `json:"open"`
	OverdueOpen  int64 `json:"overdue_open"`
	Rejected     int64 `json:"rejected"`
	Withdrawn    int64 `json:"withdrawn"`
}

// Bill is an invoice of the operator to a vendor.
type Bill struct {
	ID       string    `json:"id"`
	Vendor   string    `json:"vendor"`
	Period   string    `json:"period"`
	Number   string    `json:"number,omitempty" doc:"Empty until it was given; without gap within a year."`
	Net      Amount    `json:"net"`
	Tax      Amount    `json:"tax"`
	Total    Amount    `json:"total"`
	IssuedAt time.Time `json:"issued_at"`
}

// RequestInvoice asks the vendor of an order for an invoice.
func (c *Client) RequestInvoice(ctx context.Context, order string, in InvoiceRequest) (Invoice, error) {
	return post[Invoice](ctx, c, of("/orders/%s/invoices", order), in)
}

// OrderInvoices lists the requests of an order.
func (c *Client) OrderInvoices(ctx context.Context, order string) (Page[Invoice], error) {
	return get[Page[Invoice]](ctx, c, of("/orders/%s/invoices", order), nil)
}

// Invoices lists the requests of the account, newest first.
func (c *Client) Invoices(ctx context.Context, l List) (Page[Invoice], error) {
	return get[Page[Invoice]](ctx, c, "/invoices", l.query("before"))
}

// Invoice returns a request with its documents, files and red letters.
func (c *Client) Invoice(ctx context.Context, id string) (Invoice, error) {
	return get[Invoice](ctx, c, of("/invoices/%s", id), nil)
}

// WithdrawInvoice takes a request back before the vendor has confirmed it.
func (c *Client) WithdrawInvoice(ctx context.Context, id string) (Invoice, error) {
	return post[Invoice](ctx, c, of("/invoices/%s/withdraw", id), nil)
}

// Titles lists the saved titles of the account.
func (c *Client) Titles(ctx context.Context) (Page[Title], error) {
	return get[Page[Title]](ctx, c, "/invoice-titles", nil)
}

// SaveTitle keeps a title.
func (c *Client) SaveTitle(ctx context.Context, in Title) (Done, error) {
	return post[Done](ctx, c, "/invoice-titles", in)
}

// RemoveTitle forgets a title.
func (c *Client) RemoveTitle(ctx context.Context, id string) (Done, error) {
	return post[Done](ctx, c, of("/invoice-titles/%s/remove", id), nil)
}

// EnterRedLetter records a form that takes an invoice back.
func (c *Client) EnterRedLetter(ctx context.Context, invoice string, in RedForm) (RedLetter, error) {
	return post[RedLetter](ctx, c, of("/invoices/%s/red-letters", invoice), in)
}

// AnswerRedLetter moves a red letter.
func (c *Client) AnswerRedLetter(ctx context.Context, id, to string) (RedLetter, error) {
	return post[RedLetter](ctx, c, of("/red-letters/%s/answer", id), RedAnswer{To: to})
}

// DueInvoices lists what the vendor has still to issue, the most urgent first.
func (c *Client) DueInvoices(ctx context.Context) (Page[Invoice], error) {
	return get[Page[Invoice]](ctx, c, "/vendor/invoices", nil)
}

// ConfirmInvoice says that the vendor will issue.
func (c *Client) ConfirmInvoice(ctx context.Context, id string) (Invoice, error) {
	return post[Invoice](ctx, c, of("/vendor/invoices/%s/confirm", id), nil)
}

// RejectInvoice refuses a request with a reason.
func (c *Client) RejectInvoice(ctx context.Context, id, reason string) (Invoice, error) {
	return post[Invoice](ctx, c, of("/vendor/invoices/%s/reject", id), Rejection{Reason: reason})
}

// UploadInvoice issues an invoice by its file, or adds a view of it.
func (c *Client) UploadInvoice(ctx context.Context, id string, in InvoiceUpload) (Invoice, error) {
	return post[Invoice](ctx, c, of("/vendor/invoices/%s/files", id), in)
}

// InvoiceFigures returns how the vendor answers requests.
func (c *Client) InvoiceFigures(ctx context.Context) (InvoiceFigures, error) {
	return get[InvoiceFigures](ctx, c, "/vendor/invoice-figures", nil)
}

// Bills lists what the operator has billed the vendor.
func (c *Client) Bills(ctx context.Context, l List) (Page[Bill], error) {
	return get[Page[Bill]](ctx, c, "/vendor/bills", l.query("before"))
}

// OverdueInvoices lists the requests of all vendors past their time, for the
// operator.
func (c *Client) OverdueInvoices(ctx context.Context) (Page[Invoice], error) {
	return get[Page[Invoice]](ctx, c, "/operator/invoices", nil)
}

// AllBills lists what the operator has billed its vendors.
func (c *Client) AllBills(ctx context.Context, l List) (Page[Bill], error) {
	return get[Page[Bill]](ctx, c, "/operator/bills", l.query("before"))
}

// MarkInvoiceIssued is always refused with INVOICE_FROM_VENDOR_ONLY: only the
// vendor issues.
func (c *Client) MarkInvoiceIssued(ctx context.Context, id string) error {
	_, err := post[Done](ctx, c, of("/operator/invoices/%s/issue", id), nil)
	return err
}
