package client

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strconv"
)

// List says which part of a list is wanted. The zero value is the first page in
// the market's own size.
type List struct {
	Cursor string // Next of the page before
	Limit  int    // 1 to 100
}

func (l List) query(cursor string) url.Values {
	q := url.Values{}
	set(q, cursor, l.Cursor)
	if l.Limit > 0 {
		q.Set("limit", strconv.Itoa(l.Limit))
	}
	return q
}

func set(q url.Values, name, value string) {
	if value != "" {
		q.Set(name, value)
	}
}

// Register opens an account. It refuses PROFILE_INVALID and FIELD_REQUIRED per
// field, and EMAIL_TAKEN.
func (c *Client) Register(ctx context.Context, in Registration) (Registered, error) {
	return once[Registered](ctx, c, "/register", in)
}

// CreateKey makes an API key with e-mail and password; the answer is the only
// place of its secret. It refuses SIGN_IN_FAILED, and RATE_LIMITED after five
// wrong passwords in a quarter of an hour.
func (c *Client) CreateKey(ctx context.Context, in KeyRequest) (Key, error) {
	return once[Key](ctx, c, "/keys", in)
}

// SignIn makes a key that may read and write and returns a client that uses it.
func (c *Client) SignIn(ctx context.Context, email, password, name string) (*Client, error) {
	k, err := c.CreateKey(ctx, KeyRequest{Email: email, Password: password, Name: name, Scopes: []string{ScopeRead, ScopeWrite}})
	if err != nil {
		return nil, err
	}
	with := *c
	with.Key = k.Secret
	return &with, nil
}

// Me says who the key acts as.
func (c *Client) Me(ctx context.Context) (Me, error) { return get[Me](ctx, c, "/me", nil) }

// Agreement returns the documents in force with all clauses.
func (c *Client) Agreement(ctx context.Context) (Agreement, error) {
	return get[Agreement](ctx, c, "/agreement", nil)
}

// DisplayAgreement records that the whole bundle was shown to the person behind
// the key, bold clauses in bold. It refuses STALE for a bundle not in force.
func (c *Client) DisplayAgreement(ctx context.Context, in Displayed) error {
	_, err := post[Done](ctx, c, "/agreement/displays", in)
	return err
}

// AcceptAgreement accepts the bundle for the account. It refuses
// NOT_AUTHORISED_TO_ACCEPT for anybody but the owner.
func (c *Client) AcceptAgreement(ctx context.Context, in Displayed) (Acceptance, error) {
	return post[Acceptance](ctx, c, "/agreement/acceptances", in)
}

// ApplyIdentity opens a real-name verification of the account.
func (c *Client) ApplyIdentity(ctx context.Context, in IdentityApplication) (IdentityCase, error) {
	return post[IdentityCase](ctx, c, "/identity", in)
}

// Identity returns the latest verification of the account, or NOT_FOUND.
func (c *Client) Identity(ctx context.Context) (IdentityCase, error) {
	return get[IdentityCase](ctx, c, "/identity", nil)
}

// Categories returns the catalogue's tree, parents before children.
func (c *Client) Categories(ctx context.Context) (Page[Category], error) {
	return get[Page[Category]](ctx, c, "/categories", nil)
}

// Search finds products on the market.
func (c *Client) Search(ctx context.Context, s Search) (Hits, error) {
	q := List{Cursor: s.After, Limit: s.Limit}.query("after")
	set(q, "q", s.Text)
	set(q, "category", s.Category)
	set(q, "kind", s.Kind)
	set(q, "delivery_type", s.DeliveryType)
	set(q, "vendor", s.Vendor)
	set(q, "sort", s.Sort)
	set(q, "lang", s.Lang)
	if s.Free {
		q.Set("free", "true")
	}
	return get[Hits](ctx, c, "/products", q)
}

// Listing returns a product with its seller, terms and plans, or NOT_FOUND.
func (c *Client) Listing(ctx context.Context, slug string) (Listing, error) {
	return get[Listing](ctx, c, of("/products/%s", slug), nil)
}

// Quote says what a purchase would cost and what stands in the caller's way.
func (c *Client) Quote(ctx context.Context, plan string, quantity int64) (Quote, error) {
	return get[Quote](ctx, c, "/quotes", url.Values{"plan": {plan}, "quantity": {strconv.FormatInt(quantity, 10)}})
}

// QuoteWith is [Client.Quote] with the code of a voucher, which stays out of the
// address and so out of logs.
func (c *Client) QuoteWith(ctx context.Context, plan string, quantity int64, voucher string) (Quote, error) {
	var out Quote
	_, err := c.do(ctx, call{
		method: http.MethodGet, path: "/quotes", query: url.Values{"plan": {plan}, "quantity": {strconv.FormatInt(quantity, 10)}}, voucher: voucher,
	}, &out)
	return out, err
}

// PlaceOrder places an order under an idempotency key; "" is a fresh one. The
// same key and purchase again is the same order, and replayed is true; the same
// key with another purchase is refused with IDEMPOTENCY_CONFLICT.
func (c *Client) PlaceOrder(ctx context.Context, key string, in Purchase) (o Order, replayed bool, err error) {
	return keyed[Order](ctx, c, "/orders", key, in)
}

// PayOrder makes another payment for an order that still waits for one.
func (c *Client) PayOrder(ctx context.Context, key, order, gateway string) (o Order, replayed bool, err error) {
	return keyed[Order](ctx, c, of("/orders/%s/pay", order), key, Payment{Gateway: gateway})
}

// CancelOrder ends an order that nobody has paid.
func (c *Client) CancelOrder(ctx context.Context, order string) (Order, error) {
	return post[Order](ctx, c, of("/orders/%s/cancel", order), nil)
}

// Orders lists the account's orders, newest first.
func (c *Client) Orders(ctx context.Context, l List) (Page[Order], error) {
	return get[Page[Order]](ctx, c, "/orders", l.query("before"))
}

// Order returns an order with its frozen terms and its payment.
func (c *Client) Order(ctx context.Context, id string) (Order, error) {
	return get[Order](ctx, c, of("/orders/%s", id), nil)
}

// Receipt returns the proof of a payment.
func (c *Client) Receipt(ctx context.Context, order string) (Receipt, error) {
	return get[Receipt](ctx, c, of("/orders/%s/receipt", order), nil)
}

// OrderDeliveries says how an order is delivered.
func (c *Client) OrderDeliveries(ctx context.Context, order string) (Page[Delivery], error) {
	return get[Page[Delivery]](ctx, c, of("/orders/%s/deliveries", order), nil)
}

// Entitlements lists the newest rights of the account.
func (c *Client) Entitlements(ctx context.Context) (Page[Entitlement], error) {
	return get[Page[Entitlement]](ctx, c, "/entitlements", nil)
}

// Entitlement returns one right.
func (c *Client) Entitlement(ctx context.Context, id string) (Entitlement, error) {
	return get[Entitlement](ctx, c, of("/entitlements/%s", id), nil)
}

// MoveEntitlement is always refused with ENTITLEMENT_ACCOUNT_BOUND, and the
// attempt is recorded.
func (c *Client) MoveEntitlement(ctx context.Context, id, to string) error {
	_, err := post[Done](ctx, c, of("/entitlements/%s/move", id), Move{To: to})
	return err
}

// Delivery returns a delivery with its attempts.
func (c *Client) Delivery(ctx context.Context, id string) (DeliveryLog, error) {
	return get[DeliveryLog](ctx, c, of("/deliveries/%s", id), nil)
}

// Reveal opens the credentials of a delivery. Each time leaves a record.
func (c *Client) Reveal(ctx context.Context, delivery string) ([]Credential, error) {
	all, err := once[Page[Credential]](ctx, c, of("/deliveries/%s/reveal", delivery), nil)
	return all.Items, err
}

// ConfirmDelivery says that the product was received.
func (c *Client) ConfirmDelivery(ctx context.Context, id string) (Delivery, error) {
	return post[Delivery](ctx, c, of("/deliveries/%s/confirm", id), nil)
}

// DownloadLink makes a link to the file of a delivery, for this key only.
func (c *Client) DownloadLink(ctx context.Context, delivery string) (Link, error) {
	return once[Link](ctx, c, of("/deliveries/%s/link", delivery), nil)
}

// Download opens the file behind a link; the caller closes it. It refuses
// LINK_EXPIRED for a link that is over or of another account or key.
func (c *Client) Download(ctx context.Context, token string) (io.ReadCloser, error) {
	req, err := c.request(ctx, call{method: http.MethodGet, path: of("/downloads/%s", token)}, nil)
	if err != nil {
		return nil, err
	}
	res, err := c.client().Do(req)
	if err != nil {
		return nil, err
	}
	if res.StatusCode == http.StatusOK {
		return res.Body, nil
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, longestAnswer))
	if err != nil {
		return nil, err
	}
	return nil, problem(res.StatusCode, text)
}

// Messages lists the account's messages, newest first.
func (c *Client) Messages(ctx context.Context, before string) (Page[Message], error) {
	return get[Page[Message]](ctx, c, "/messages", List{Cursor: before}.query("before"))
}

// ReadMessage marks a message as read.
func (c *Client) ReadMessage(ctx context.Context, id string) error {
	_, err := post[Done](ctx, c, of("/messages/%s/read", id), nil)
	return err
}

// LogKey returns the key that verifies checkpoints.
func (c *Client) LogKey(ctx context.Context) (string, error) {
	k, err := get[LogKey](ctx, c, "/log/key", nil)
	return k.Key, err
}

// Checkpoint returns the newest checkpoint of the transparency log.
func (c *Client) Checkpoint(ctx context.Context) (Checkpoint, error) {
	return get[Checkpoint](ctx, c, "/log/checkpoint", nil)
}

// Prove returns the proof that a record is in the log, or RECORD_NOT_IN_LOG for
// one that waits for its place.
func (c *Client) Prove(ctx context.Context, record string) (Inclusion, error) {
	return get[Inclusion](ctx, c, of("/log/records/%s/proof", record), nil)
}
