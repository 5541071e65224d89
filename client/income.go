package client

import (
	"context"
	"net/url"
	"strconv"
	"time"
)

// Standing is what stands between the market and a vendor now.
type Standing struct {
	Payable        Amount   `json:"payable" doc:"Released to the vendor and not paid out."`
	Waiting        Amount   `json:"waiting" doc:"Of payable: asked for and not decided yet."`
	Withdrawable   Amount   `json:"withdrawable" doc:"What a withdrawal may ask for now."`
	Escrow         Amount   `json:"escrow" doc:"Held for open orders, before commission."`
	Frozen         Amount   `json:"frozen"`
	Deposit        Amount   `json:"deposit"`
	DepositMissing Amount   `json:"deposit_missing"`
	Debt           Amount   `json:"debt" doc:"The next releases pay it first."`
	Holds          []Hold   `json:"holds" doc:"Why money is frozen."`
	Stops          []string `json:"stops" doc:"Causes that stop withdrawals."`
}

// Hold is money that is frozen for a cause: an order line, a dispute or a case.
type Hold struct {
	Cause  string `json:"cause"`
	Amount Amount `json:"amount"`
}

// Collection is the money of one order on its way to the vendor.
type Collection struct {
	Line        string     `json:"line"`
	Order       string     `json:"order"`
	State       string     `json:"state" doc:"held, released, splitting, finished, failed or ended."`
	Reason      string     `json:"reason,omitempty" doc:"Why it waits or failed, as a code."`
	Gateway     string     `json:"gateway"`
	Gross       Amount     `json:"gross"`
	Commission  Amount     `json:"commission" doc:"On the whole price, fixed when the order was placed."`
	Expected    Amount     `json:"expected" doc:"What the vendor still gets of what is held."`
	Got         Amount     `json:"got" doc:"What the vendor has got, after commission and refunds."`
	Part        int64      `json:"part" doc:"How many of the parts were released."`
	Parts       int64      `json:"parts"`
	CollectedAt time.Time  `json:"collected_at"`
	ReleaseAt   *time.Time `json:"release_at,omitempty" doc:"When more of it is due; absent until delivered, and after the last part."`
	ReleasedAt  *time.Time `json:"released_at,omitempty"`
	FinishedAt  *time.Time `json:"finished_at,omitempty"`
}

// WithdrawalRequest asks to be paid to the vendor's own account at a provider.
type WithdrawalRequest struct {
	Gateway string `json:"gateway" maxLength:"32"`
	Amount  Amount `json:"amount"`
}

// Withdrawal is a wish to be paid and what became of it. Paid is not final: a bank
// may send money back.
type Withdrawal struct {
	ID          string     `json:"id"`
	State       string     `json:"state" doc:"requested, paying, paid, returned, failed, rejected or cancelled."`
	Purpose     string     `json:"purpose" doc:"sales or deposit."`
	Gateway     string     `json:"gateway"`
	Payee       string     `json:"payee"`
	Amount      Amount     `json:"amount"`
	Approvals   int64      `json:"approvals" doc:"How many people of the market's finance must agree."`
	Reason      string     `json:"reason,omitempty"`
	RequestedAt time.Time  `json:"requested_at"`
	EndedAt     *time.Time `json:"ended_at,omitempty"`
}

// StatementState is a vendor's month and how it was answered.
type StatementState struct {
	Month     string     `json:"month"`
	Closing   Amount     `json:"closing"`
	SHA256    string     `json:"sha256" doc:"Of the postings behind the lines."`
	StatedAt  *time.Time `json:"stated_at,omitempty" doc:"Absent while the month runs."`
	AgreedAt  *time.Time `json:"agreed_at,omitempty"`
	AgreedBy  string     `json:"agreed_by,omitempty" doc:"vendor, or time when nobody objected."`
	Objection string     `json:"objection,omitempty"`
}

// MonthStatement is a vendor's month with one line an order.
type MonthStatement struct {
	StatementState
	Vendor     string      `json:"vendor"`
	VendorName string      `json:"vendor_name"`
	Collector  string      `json:"collector" doc:"The operator, who collected on the vendor's behalf."`
	Opening    Amount      `json:"opening"`
	Lines      []MonthLine `json:"lines"`
}

// MonthLine is what an order, or something else, did to the vendor's balance:
// released, less commission, with given_back and other, less paid, is change.
type MonthLine struct {
	At         time.Time `json:"at"`
	Order      string    `json:"order,omitempty"`
	Kind       string    `json:"kind" doc:"Kind of posting."`
	Released   Amount    `json:"released"`
	Commission Amount    `json:"commission"`
	GivenBack  Amount    `json:"given_back"`
	Other      Amount    `json:"other"`
	Paid       Amount    `json:"paid"`
	Change     Amount    `json:"change"`
}

// Objection says what is wrong with a statement.
type Objection struct {
	Reason string `json:"reason" maxLength:"2000"`
}

// CommissionPreview is what a sale at a price would cost and bring by the rules in
// force now.
type CommissionPreview struct {
	Commission  Amount `json:"commission"`
	BasisPoints int64  `json:"bp"`
	Basis       string `json:"basis" doc:"promotion, renewal, kind, ladder or flat."`
	Rulebook    string `json:"rulebook"`
	Vendor      Amount `json:"vendor" doc:"What is left for the vendor."`
}

// Standing returns what stands between the market and the vendor.
func (c *Client) Standing(ctx context.Context) (Standing, error) {
	return get[Standing](ctx, c, "/vendor/standing", nil)
}

// Collections lists the money of the vendor's orders, newest first.
func (c *Client) Collections(ctx context.Context, l List) (Page[Collection], error) {
	return get[Page[Collection]](ctx, c, "/vendor/collections", l.query("before"))
}

// Withdrawals lists the vendor's withdrawals, newest first.
func (c *Client) Withdrawals(ctx context.Context, l List) (Page[Withdrawal], error) {
	return get[Page[Withdrawal]](ctx, c, "/vendor/withdrawals", l.query("before"))
}

// Withdrawal returns a withdrawal of the vendor's.
func (c *Client) Withdrawal(ctx context.Context, id string) (Withdrawal, error) {
	return get[Withdrawal](ctx, c, of("/vendor/withdrawals/%s", id), nil)
}

// Withdraw asks to be paid under an idempotency key; "" is a fresh one. It refuses
// WITHDRAW_NOT_DUE, VENDOR_MONEY_FROZEN and VENDOR_NO_MERCHANT_ACCOUNT.
func (c *Client) Withdraw(ctx context.Context, key string, in WithdrawalRequest) (w Withdrawal, replayed bool, err error) {
	return keyed[Withdrawal](ctx, c, "/vendor/withdrawals", key, in)
}

// CancelWithdrawal takes a withdrawal back that nobody has decided.
func (c *Client) CancelWithdrawal(ctx context.Context, id string) (Withdrawal, error) {
	return post[Withdrawal](ctx, c, of("/vendor/withdrawals/%s/cancel", id), nil)
}

// Statements lists the statements sent to the vendor, newest first.
func (c *Client) Statements(ctx context.Context) (Page[StatementState], error) {
	return get[Page[StatementState]](ctx, c, "/vendor/statements", nil)
}

// Statement returns a month of the vendor's, such as "2026-10", also while it runs.
func (c *Client) Statement(ctx context.Context, month string) (MonthStatement, error) {
	return get[MonthStatement](ctx, c, of("/vendor/statements/%s", month), nil)
}

// AgreeStatement agrees to a statement. It refuses STALE for one that is not sent
// yet or agreed to already.
func (c *Client) AgreeStatement(ctx context.Context, month string) error {
	_, err := post[Done](ctx, c, of("/vendor/statements/%s/agree", month), nil)
	return err
}

// ObjectStatement says what is wrong with a statement.
func (c *Client) ObjectStatement(ctx context.Context, month, reason string) error {
	_, err := post[Done](ctx, c, of("/vendor/statements/%s/object", month), Objection{Reason: reason})
	return err
}

// Commission works out what a sale at a price would bring, before it is made.
func (c *Client) Commission(ctx context.Context, price Amount, deliveryType string) (CommissionPreview, error) {
	q := url.Values{"price": {strconv.FormatInt(price.Minor, 10)}}
	set(q, "currency", price.Currency)
	set(q, "delivery_type", deliveryType)
	return get[CommissionPreview](ctx, c, "/vendor/commission", q)
}
