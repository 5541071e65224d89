package client

import (
	"context"
	"net/url"
)

// IdentityQueue lists verifications that wait for an officer.
func (c *Client) IdentityQueue(ctx context.Context) (Page[IdentityCase], error) {
	return get[Page[IdentityCase]](ctx, c, "/operator/identities", nil)
}

// DecideIdentity decides a verification; a refusal needs a reason.
func (c *Client) DecideIdentity(ctx context.Context, id string, in Decision) (IdentityCase, error) {
	return post[IdentityCase](ctx, c, of("/operator/identities/%s/decision", id), in)
}

// VendorQueue lists vendors whose profile waits for a decision.
func (c *Client) VendorQueue(ctx context.Context) (Page[Vendor], error) {
	return get[Page[Vendor]](ctx, c, "/operator/vendors", nil)
}

// TakeVendor takes up an application, so that the applicant sees it.
func (c *Client) TakeVendor(ctx context.Context, id string) error {
	_, err := post[Done](ctx, c, of("/operator/vendors/%s/take", id), nil)
	return err
}

// DecideVendor verifies or refuses a vendor's profile.
func (c *Client) DecideVendor(ctx context.Context, id string, in Decision) (Vendor, error) {
	return post[Vendor](ctx, c, of("/operator/vendors/%s/decision", id), in)
}

// VersionQueue lists versions that wait for review, oldest first.
func (c *Client) VersionQueue(ctx context.Context) (Page[Version], error) {
	return get[Page[Version]](ctx, c, "/operator/versions", nil)
}

// TakeVersion takes up a review, so that the vendor sees it.
func (c *Client) TakeVersion(ctx context.Context, id string) error {
	_, err := post[Done](ctx, c, of("/operator/versions/%s/take", id), nil)
	return err
}

// DecideVersion gives the verdict; an approved version is listed at once.
func (c *Client) DecideVersion(ctx context.Context, id string, in Verdict) (Version, error) {
	return post[Version](ctx, c, of("/operator/versions/%s/decision", id), in)
}

// UnhideProduct brings back a product that an officer hid before a case was needed
// for it.
func (c *Client) UnhideProduct(ctx context.Context, id, reason string) (Product, error) {
	return post[Product](ctx, c, of("/operator/products/%s/unhide", id), Reason{reason})
}

// DelistProduct takes any product off the market; every holder is told.
func (c *Client) DelistProduct(ctx context.Context, id string, in Delisting) (Product, error) {
	return post[Product](ctx, c, of("/operator/products/%s/delist", id), in)
}

// AllOrders lists every order, newest first.
func (c *Client) AllOrders(ctx context.Context, l List) (Page[Order], error) {
	return get[Page[Order]](ctx, c, "/operator/orders", l.query("before"))
}

// AnyOrder returns any order, for staff.
func (c *Client) AnyOrder(ctx context.Context, id string) (Order, error) {
	return get[Order](ctx, c, of("/operator/orders/%s", id), nil)
}

// MarkOrderPaid is always refused with OFF_PLATFORM_PAYMENT, and the attempt is
// recorded.
func (c *Client) MarkOrderPaid(ctx context.Context, order string) error {
	_, err := post[Done](ctx, c, of("/operator/orders/%s/mark-paid", order), nil)
	return err
}

// ReplayAnyDelivery calls a vendor again now, for support.
func (c *Client) ReplayAnyDelivery(ctx context.Context, id string) (Delivery, error) {
	return post[Delivery](ctx, c, of("/operator/deliveries/%s/replay", id), nil)
}

// Book lists the journals of the ledger, newest first.
func (c *Client) Book(ctx context.Context, l List) (Page[Journal], error) {
	return get[Page[Journal]](ctx, c, "/operator/book", l.query("before"))
}

// Exceptions lists what does not agree, newest first: "open", "explained" or
// "resolved".
func (c *Client) Exceptions(ctx context.Context, state string, l List) (Page[Exception], error) {
	q := l.query("before")
	q.Set("state", state)
	return get[Page[Exception]](ctx, c, "/operator/exceptions", q)
}

// ImportStatement imports lines of a bank statement, each once. A known line
// with another amount or day refuses the whole import.
func (c *Client) ImportStatement(ctx context.Context, key string, in Statement) (did Imported, replayed bool, err error) {
	return keyed[Imported](ctx, c, "/operator/statements", key, in)
}

// Audit lists who did what to a subject, oldest first.
func (c *Client) Audit(ctx context.Context, subject string) (Page[Act], error) {
	return get[Page[Act]](ctx, c, "/operator/audit", url.Values{"subject": {subject}})
}
