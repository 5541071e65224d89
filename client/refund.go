package client

import (
	"context"
	"net/url"
	"time"
)

// Assessment is what an order gives back for a reason, and why. Kind is full,
// pro_rata, vendor_decides or none; Refusal is set for none.
type Assessment struct {
	Kind       string     `json:"kind" doc:"full, pro_rata, vendor_decides or none."`
	Amount     Amount     `json:"amount" doc:"What comes back; for vendor_decides the most."`
	Paid       Amount     `json:"paid"`
	Left       Amount     `json:"left" doc:"Of what was paid, not given back yet."`
	Until      *time.Time `json:"until,omitempty" doc:"Last moment of a full refund."`
	UsedDays   int64      `json:"used_days,omitempty"`
	TermDays   int64      `json:"term_days,omitempty"`
	Because    string     `json:"because" doc:"Code of the explanation."`
	Clause     string     `json:"clause"`
	Section    string     `json:"section,omitempty" doc:"Section of the rulebook."`
	Rulebook   string     `json:"rulebook,omitempty" doc:"The version that applied."`
	EndsAccess bool       `json:"ends_access"`
	ByTransfer bool       `json:"by_transfer" doc:"The provider takes no refund of the payment any more."`
	Refusal    *Problem   `json:"refusal,omitempty"`
}

// RefundAsk asks for money back. Amount is what the assessment showed, or for
// vendor_decides what is wanted.
type RefundAsk struct {
	Reason string `json:"reason" enum:"no_reason,not_as_described,late,quality,cannot_perform,vendor_gone,other"`
	Text   string `json:"text,omitempty" maxLength:"2000"`
	Amount Amount `json:"amount"`
	Keep   bool   `json:"keep,omitempty" doc:"A part back, and the product stays."`
}

// Refund is a request under the market's rules.
type Refund struct {
	ID          string       `json:"id"`
	Order       string       `json:"order"`
	Account     string       `json:"account,omitempty" doc:"Not told to the vendor."`
	Vendor      string       `json:"vendor"`
	Kind        string       `json:"kind"`
	Reason      string       `json:"reason"`
	Text        string       `json:"text,omitempty"`
	Asked       Amount       `json:"asked"`
	Amount      Amount       `json:"amount" doc:"On the table now: asked, offered or decided."`
	Keep        bool         `json:"keep"`
	State       string       `json:"state"`
	Code        string       `json:"code,omitempty" doc:"Refusal code, when a rule refused it."`
	Case        string       `json:"case,omitempty"`
	Basis       string       `json:"basis"`
	Rulebook    string       `json:"rulebook"`
	Version     int64        `json:"version" doc:"Send it with the next act; a stale one is refused."`
	AnswerDue   *time.Time   `json:"answer_due,omitempty"`
	AnswerClock string       `json:"answer_clock,omitempty" doc:"working_days or natural_days."`
	EscalateBy  *time.Time   `json:"escalate_by,omitempty"`
	AlertedAt   *time.Time   `json:"alerted_at,omitempty"`
	BreachedAt  *time.Time   `json:"breached_at,omitempty"`
	RequestedAt time.Time    `json:"requested_at"`
	EndedAt     *time.Time   `json:"ended_at,omitempty"`
	Steps       []RefundStep `json:"steps,omitempty" doc:"In answers about one request."`
}

// RefundStep is one move of a request.
type RefundStep struct {
	Seq    int64     `json:"seq"`
	From   string    `json:"from"`
	Event  string    `json:"event"`
	To     string    `json:"to"`
	Side   string    `json:"side"`
	Amount Amount    `json:"amount"`
	Basis  string    `json:"basis"`
	Note   string    `json:"note,omitempty"`
	At     time.Time `json:"at"`
}

// Seen names the version of a request that an act is about.
type Seen struct {
	Version int64 `json:"version" minimum:"1"`
}

// SeenNote is [Seen] with words.
type SeenNote struct {
	Version int64  `json:"version" minimum:"1"`
	Note    string `json:"note" maxLength:"2000"`
}

// Note is words alone.
type Note struct {
	Note string `json:"note" maxLength:"2000"`
}

// RefundAnswer is the vendor's word: agree, counter (with an amount) or refuse.
type RefundAnswer struct {
	Version int64  `json:"version" minimum:"1"`
	Answer  string `json:"answer" enum:"agree,counter,refuse"`
	Amount  Amount `json:"amount,omitempty"`
	Keep    bool   `json:"keep,omitempty"`
	Note    string `json:"note,omitempty" maxLength:"2000"`
}

// RefundDecision is the operator's, with what it rests on.
type RefundDecision struct {
	Version int64  `json:"version" minimum:"1"`
	Approve bool   `json:"approve"`
	Amount  Amount `json:"amount,omitempty"`
	Keep    bool   `json:"keep,omitempty"`
	Note    string `json:"note" maxLength:"2000"`
	Basis   string `json:"basis" maxLength:"64" doc:"RB refund-5, for example."`
}

// RefundConfirmation is the second person's word on a proposal.
type RefundConfirmation struct {
	Version int64  `json:"version" minimum:"1"`
	Confirm bool   `json:"confirm"`
	Note    string `json:"note,omitempty" maxLength:"2000"`
}

// RefundTransfer names the bank statement's line that paid a customer.
type RefundTransfer struct {
	Version int64  `json:"version" minimum:"1"`
	Line    string `json:"line" maxLength:"64"`
}

// RefundMatter is a refund that the parties settle between themselves.
type RefundMatter struct {
	ID         string            `json:"id"`
	Order      string            `json:"order"`
	Vendor     string            `json:"vendor"`
	Seller     Seller            `json:"seller" doc:"How to reach the vendor."`
	State      string            `json:"state"`
	Version    int64             `json:"version"`
	OpenedAt   time.Time         `json:"opened_at"`
	ClosedAt   *time.Time        `json:"closed_at,omitempty"`
	Statements []RefundStatement `json:"statements"`
	Proofs     []RefundProof     `json:"proofs"`
}

// RefundStatement is what one side of a matter says.
type RefundStatement struct {
	Side    string    `json:"side"`
	Outcome string    `json:"outcome,omitempty"`
	Amount  Amount    `json:"amount"`
	Text    string    `json:"text"`
	SHA256  string    `json:"sha256"`
	At      time.Time `json:"at"`
}

// RefundProof is a file that one side of a matter attached.
type RefundProof struct {
	ID        string    `json:"id"`
	Side      string    `json:"side"`
	Name      string    `json:"name"`
	MediaType string    `json:"media_type"`
	Size      int64     `json:"size"`
	SHA256    string    `json:"sha256"`
	At        time.Time `json:"at"`
}

// RefundSay adds a statement to a matter; an outcome of both sides closes it.
type RefundSay struct {
	Version int64  `json:"version" minimum:"1"`
	Outcome string `json:"outcome,omitempty" enum:"agreed,disagreed"`
	Amount  Amount `json:"amount" doc:"That went back; may be zero."`
	Text    string `json:"text" maxLength:"2000"`
}

// AssessRefund says what an order gives back for a reason; "" is no_reason.
func (c *Client) AssessRefund(ctx context.Context, order, reason string) (Assessment, error) {
	q := url.Values{}
	set(q, "reason", reason)
	return get[Assessment](ctx, c, of("/orders/%s/refund", order), q)
}

// AskRefund asks for money back under an idempotency key. Access to what would
// end with it stops at once.
func (c *Client) AskRefund(ctx context.Context, key, order string, in RefundAsk) (q Refund, replayed bool, err error) {
	return keyed[Refund](ctx, c, of("/orders/%s/refund", order), key, in)
}

// Refunds lists the account's requests, newest first.
func (c *Client) Refunds(ctx context.Context, l List) (Page[Refund], error) {
	return get[Page[Refund]](ctx, c, "/refunds", l.query("before"))
}

// Refund returns a request with its timeline, to its parties and the operator.
func (c *Client) Refund(ctx context.Context, id string) (Refund, error) {
	return get[Refund](ctx, c, of("/refunds/%s", id), nil)
}

// WithdrawRefund takes a request back; access is restored.
func (c *Client) WithdrawRefund(ctx context.Context, id string, version int64) (Refund, error) {
	return post[Refund](ctx, c, of("/refunds/%s/withdraw", id), Seen{version})
}

// AcceptRefund takes the vendor's offer.
func (c *Client) AcceptRefund(ctx context.Context, id string, version int64) (Refund, error) {
	return post[Refund](ctx, c, of("/refunds/%s/accept", id), Seen{version})
}

// EscalateRefund asks the operator to decide.
func (c *Client) EscalateRefund(ctx context.Context, id string, in SeenNote) (Refund, error) {
	return post[Refund](ctx, c, of("/refunds/%s/escalate", id), in)
}

// OpenRefundMatter opens the matter of an order whose vendor has its own terms.
func (c *Client) OpenRefundMatter(ctx context.Context, order, note string) (RefundMatter, error) {
	return post[RefundMatter](ctx, c, of("/orders/%s/refund-matter", order), Note{note})
}

// RefundMatter returns a matter with what both sides said, to both sides.
func (c *Client) RefundMatter(ctx context.Context, id string) (RefundMatter, error) {
	return get[RefundMatter](ctx, c, of("/refunds/matters/%s", id), nil)
}

// SayInRefundMatter adds a statement of the caller's side.
func (c *Client) SayInRefundMatter(ctx context.Context, id string, in RefundSay) (RefundMatter, error) {
	return post[RefundMatter](ctx, c, of("/refunds/matters/%s/statements", id), in)
}

// VendorRefunds lists what was asked of the vendor, newest first.
func (c *Client) VendorRefunds(ctx context.Context, l List) (Page[Refund], error) {
	return get[Page[Refund]](ctx, c, "/vendor/refunds", l.query("before"))
}

// AnswerRefund is the vendor's word on a request.
func (c *Client) AnswerRefund(ctx context.Context, id string, in RefundAnswer) (Refund, error) {
	return post[Refund](ctx, c, of("/vendor/refunds/%s/answer", id), in)
}

// AllRefunds lists every request, newest first, for the operator.
func (c *Client) AllRefunds(ctx context.Context, l List) (Page[Refund], error) {
	return get[Page[Refund]](ctx, c, "/operator/refunds", l.query("before"))
}

// RefundDesk lists what the operator has to decide, sign, transfer or chase.
func (c *Client) RefundDesk(ctx context.Context) (Page[Refund], error) {
	return get[Page[Refund]](ctx, c, "/operator/refund-desk", nil)
}

// DecideRefund decides a request; above the rulebook's limit it only proposes.
func (c *Client) DecideRefund(ctx context.Context, id string, in RefundDecision) (Refund, error) {
	return post[Refund](ctx, c, of("/operator/refunds/%s/decision", id), in)
}

// ConfirmRefund is the second person's word on a proposal.
func (c *Client) ConfirmRefund(ctx context.Context, id string, in RefundConfirmation) (Refund, error) {
	return post[Refund](ctx, c, of("/operator/refunds/%s/confirmation", id), in)
}

// TransferRefund records that what the provider could not refund was transferred.
func (c *Client) TransferRefund(ctx context.Context, id string, in RefundTransfer) (Refund, error) {
	return post[Refund](ctx, c, of("/operator/refunds/%s/transfer", id), in)
}
