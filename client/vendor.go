package client

import (
	"context"
	"net/http"
)

// ApplyVendor asks for the account to become a vendor.
func (c *Client) ApplyVendor(ctx context.Context, in VendorApplication) (Vendor, error) {
	return post[Vendor](ctx, c, "/vendor", in)
}

// Vendor returns the vendor that the account is, or NOT_FOUND.
func (c *Client) Vendor(ctx context.Context) (Vendor, error) {
	return get[Vendor](ctx, c, "/vendor", nil)
}

// AddMerchant notes the vendor's own account at a payment provider.
func (c *Client) AddMerchant(ctx context.Context, in Merchant) (Vendor, error) {
	return post[Vendor](ctx, c, "/vendor/merchants", in)
}

// SetHook sets where the vendor is called in a dialect; the answer is the only
// place of the fresh secret.
func (c *Client) SetHook(ctx context.Context, dialect, url string) (Hook, error) {
	return once[Hook](ctx, c, "/vendor/hooks", HookRequest{Dialect: dialect, URL: url})
}

// Hooks lists where the vendor is called, without secrets.
func (c *Client) Hooks(ctx context.Context) (Page[Hook], error) {
	return get[Page[Hook]](ctx, c, "/vendor/hooks", nil)
}

// DraftProduct starts a product with its first version. It refuses SLUG_TAKEN.
func (c *Client) DraftProduct(ctx context.Context, slug string, content Content) (ProductVersions, error) {
	return post[ProductVersions](ctx, c, "/vendor/products", ProductDraft{Slug: slug, Content: content})
}

// ReviseProduct starts the next version of a product.
func (c *Client) ReviseProduct(ctx context.Context, product string, content Content) (Version, error) {
	return post[Version](ctx, c, of("/vendor/products/%s/versions", product), content)
}

// SaveVersion replaces the content of a draft.
func (c *Client) SaveVersion(ctx context.Context, version string, content Content) (Version, error) {
	var out Version
	_, err := c.do(ctx, call{method: http.MethodPut, path: of("/vendor/versions/%s", version), in: content, key: NewKey()}, &out)
	return out, err
}

// SubmitVersion hands a draft to the reviewers. A sheet that breaks a rule is
// refused with a problem per field.
func (c *Client) SubmitVersion(ctx context.Context, version string) (Version, error) {
	return post[Version](ctx, c, of("/vendor/versions/%s/submit", version), nil)
}

// Version returns a version with its content, to its vendor and to staff.
func (c *Client) Version(ctx context.Context, id string) (Version, error) {
	return get[Version](ctx, c, of("/vendor/versions/%s", id), nil)
}

// VendorProducts lists the vendor's products.
func (c *Client) VendorProducts(ctx context.Context, l List) (Page[Product], error) {
	return get[Page[Product]](ctx, c, "/vendor/products", l.query("after"))
}

// VendorProduct returns a product of the vendor with its versions.
func (c *Client) VendorProduct(ctx context.Context, id string) (ProductVersions, error) {
	return get[ProductVersions](ctx, c, of("/vendor/products/%s", id), nil)
}

// HideOwnProduct takes a product out of the shop.
func (c *Client) HideOwnProduct(ctx context.Context, id, reason string) (Product, error) {
	return post[Product](ctx, c, of("/vendor/products/%s/hide", id), Reason{reason})
}

// UnhideOwnProduct brings a product back that the vendor has hidden.
func (c *Client) UnhideOwnProduct(ctx context.Context, id, reason string) (Product, error) {
	return post[Product](ctx, c, of("/vendor/products/%s/unhide", id), Reason{reason})
}

// DelistOwnProduct takes a product off the market; every holder is told.
func (c *Client) DelistOwnProduct(ctx context.Context, id string, in Delisting) (Product, error) {
	return post[Product](ctx, c, of("/vendor/products/%s/delist", id), in)
}

// Promotions are the lowest prices, discounts and vouchers of a product.
func (c *Client) Promotions(ctx context.Context, product string) (Promotions, error) {
	return get[Promotions](ctx, c, of("/vendor/products/%s/promotions", product), nil)
}

// StateFloor says what the lowest price of a plan is; zero takes it away.
func (c *Client) StateFloor(ctx context.Context, product string, in Floor) (Floor, error) {
	return post[Floor](ctx, c, of("/vendor/products/%s/floors", product), in)
}

// AnnounceDiscount makes a discount on a plan of a product.
func (c *Client) AnnounceDiscount(ctx context.Context, product string, in Discount) (Discount, error) {
	return post[Discount](ctx, c, of("/vendor/products/%s/discounts", product), in)
}

// EndDiscount ends a discount before its time.
func (c *Client) EndDiscount(ctx context.Context, id string) (Discount, error) {
	return post[Discount](ctx, c, of("/vendor/discounts/%s/end", id), struct{}{})
}

// IssueVouchers makes vouchers for a product. The answer has their codes, this once;
// so it is sent once, without a key.
func (c *Client) IssueVouchers(ctx context.Context, product string, in Vouchers) (Vouchers, error) {
	var out Vouchers
	_, err := c.do(ctx, call{method: http.MethodPost, path: of("/vendor/products/%s/vouchers", product), in: in}, &out)
	return out, err
}

// EndVouchers ends vouchers before their time.
func (c *Client) EndVouchers(ctx context.Context, id string) (Vouchers, error) {
	return post[Vouchers](ctx, c, of("/vendor/vouchers/%s/end", id), struct{}{})
}

// VendorOrders lists what the vendor sold, newest first, without the accounts.
func (c *Client) VendorOrders(ctx context.Context, l List) (Page[Order], error) {
	return get[Page[Order]](ctx, c, "/vendor/orders", l.query("before"))
}

// VendorOrder returns an order as its seller sees it.
func (c *Client) VendorOrder(ctx context.Context, id string) (Order, error) {
	return get[Order](ctx, c, of("/vendor/orders/%s", id), nil)
}

// Customer returns how the vendor reaches the customer of an order.
func (c *Client) Customer(ctx context.Context, order string) (Customer, error) {
	return get[Customer](ctx, c, of("/vendor/orders/%s/customer", order), nil)
}

// RevealCustomer returns the plain contact of an order's customer on a basis. It
// refuses DISCLOSURE_NO_BASIS for anything but a consent or a disclosure to this
// vendor that holds now.
func (c *Client) RevealCustomer(ctx context.Context, order, basis string) (CustomerContact, error) {
	return once[CustomerContact](ctx, c, of("/vendor/orders/%s/customer", order), Basis{Basis: basis})
}

// RelayToCustomer passes words on to the customer of an order.
func (c *Client) RelayToCustomer(ctx context.Context, order, text string) (Done, error) {
	return post[Done](ctx, c, of("/vendor/orders/%s/messages", order), Words{Text: text})
}

// VendorDeliveries lists the vendor's deliveries in one state.
func (c *Client) VendorDeliveries(ctx context.Context, state string, l List) (Page[Delivery], error) {
	q := l.query("after")
	set(q, "state", state)
	return get[Page[Delivery]](ctx, c, "/vendor/deliveries", q)
}

// ReplayDelivery calls the vendor again now, under the same request id.
func (c *Client) ReplayDelivery(ctx context.Context, id string) (Delivery, error) {
	return post[Delivery](ctx, c, of("/vendor/deliveries/%s/replay", id), nil)
}

// CompleteDelivery says what people of the vendor have done.
func (c *Client) CompleteDelivery(ctx context.Context, id, slip string) (Delivery, error) {
	return post[Delivery](ctx, c, of("/vendor/deliveries/%s/delivered", id), Slip{slip})
}

// DeclineDelivery says that the work will not be done; the order is refunded.
func (c *Client) DeclineDelivery(ctx context.Context, id string) (Delivery, error) {
	return post[Delivery](ctx, c, of("/vendor/deliveries/%s/decline", id), nil)
}
