package api

import (
	"context"

	"yunshi/client"
	"yunshi/internal/base/db"
	"yunshi/internal/base/money"
	"yunshi/internal/edge/serve"
	"yunshi/internal/market/account"
	"yunshi/internal/market/catalog"
	"yunshi/internal/market/delivery"
	"yunshi/internal/market/order"
	"yunshi/internal/market/payment"
)

func amountShape(a money.Amount) client.Amount {
	return client.Amount{Minor: a.Minor, Currency: string(a.Currency)}
}

func amountOf(a client.Amount) money.Amount {
	return money.Amount{Minor: a.Minor, Currency: money.Currency(a.Currency)}
}

func feeShape(f order.Fee) client.Fee {
	return client.Fee{
		List: amountShape(f.List), Discount: amountShape(f.Discount), Voucher: amountShape(f.Voucher),
		Paid: amountShape(f.Paid), Net: amountShape(f.Net), Tax: amountShape(f.Tax),
	}
}

func refundShape(r order.RefundRule) client.RefundRule {
	return client.RefundRule{
		Kind: r.Kind, Class: r.Class, Days: r.Days, Text: client.Both(r.Text), Clause: r.Clause, Until: optional(r.Until),
	}
}

// orderShape is an order in a list: without its terms and payment.
func orderShape(o order.Order) client.Order {
	return client.Order{
		ID: string(o.ID), Account: string(o.Account), Vendor: string(o.Vendor), Product: string(o.Product), Version: string(o.Version),
		Plan: string(o.Plan), Quantity: o.Quantity, State: string(o.State), Reason: o.Reason, Gateway: o.Gateway, Fee: feeShape(o.Fee),
		Refund: refundShape(o.Refund()), Seller: sellerShape(o.Snapshot.Seller), TermsSHA256: o.Snapshot.SheetSHA256, SnapshotSHA256: o.SHA256,
		PlacedAt: o.PlacedAt, ExpiresAt: optional(o.ExpiresAt), PaidAt: optional(o.PaidAt), DeliveredAt: optional(o.DeliveredAt),
	}
}

// soldShape is an order as its vendor sees it: it knows its customers by their
// pseudonyms only.
func soldShape(o order.Order) client.Order {
	shape := orderShape(o)
	shape.Account = ""
	return shape
}

// full adds the frozen terms and the current payment.
func full(ctx context.Context, r db.Reader, o order.Order) (client.Order, error) {
	shape := orderShape(o)
	shape.Terms = o.Snapshot.Sheet
	if o.Attempt == "" {
		return shape, nil
	}
	a, err := payment.Get(ctx, r, o.Attempt)
	if err != nil {
		return client.Order{}, err
	}
	shape.Attempt = &client.Attempt{
		ID: string(a.ID), Gateway: a.Gateway, State: string(a.State), Amount: amountShape(a.Amount), PayURL: a.PayURL,
		Instructions: a.Instructions, ExpiresAt: optional(a.ExpiresAt),
	}
	return shape, nil
}

func placeOrder(c *serve.Call, in *bodyOf[client.Purchase]) (client.Order, error) {
	ctx, b := c.R.Context(), in.Body
	return act(c, serve.Intent{
		Name: "order.place", Input: b, Subjects: []string{b.Plan, b.For}, Clauses: []string{"UA 4.2", "UA 4.3"},
	}, func(tx *db.Tx) (string, client.Order, error) {
		o, err := order.Place(ctx, tx, c.Actor, order.Purchase{
			Plan: catalog.PlanID(b.Plan), Quantity: b.Quantity, For: account.ID(b.For), TermsSHA256: b.TermsSHA256, ExpectedTotal: amountOf(b.Total), Voucher: b.Voucher,
			Gateway: b.Gateway, Business: b.Business, AcceptTerms: b.AcceptTerms, Collector: c.Market.Info.Operator,
		})
		if err != nil {
			return "", client.Order{}, err
		}
		return string(o.ID), fresh(o), nil
	})
}

// fresh is a new order in full. Its payment is known without a look at it, on
// which a SERIALIZABLE transaction would conflict with whoever else begins one.
func fresh(o order.Order) client.Order {
	shape := orderShape(o)
	shape.Terms = o.Snapshot.Sheet
	if o.Attempt != "" {
		shape.Attempt = &client.Attempt{
			ID: string(o.Attempt), Gateway: o.Gateway, State: string(payment.Created), Amount: shape.Fee.Paid,
			Instructions: map[string]string{}, ExpiresAt: shape.ExpiresAt,
		}
	}
	return shape
}

func listOrders(c *serve.Call, in *paged) (client.Page[client.Order], error) {
	return read(c, func(r db.Reader) (client.Page[client.Order], error) {
		found, err := order.Mine(c.R.Context(), r, c.Actor, order.ID(in.Before), in.Limit+1)
		return page(each(found, orderShape), in.Limit, orderID), err
	})
}

func orderID(o client.Order) string { return o.ID }

func readOrder(c *serve.Call, in *byID) (client.Order, error) {
	return read(c, func(r db.Reader) (client.Order, error) {
		o, err := order.Get(c.R.Context(), r, c.Actor, order.ID(in.ID))
		if err != nil {
			return client.Order{}, err
		}
		return full(c.R.Context(), r, o)
	})
}

func cancelOrder(c *serve.Call, in *byID) (client.Order, error) {
	ctx := c.R.Context()
	return act(c, serve.Intent{Name: "order.cancel", Input: in, Subjects: []string{in.ID}}, func(tx *db.Tx) (string, client.Order, error) {
		o, err := order.Cancel(ctx, tx, c.Actor, order.ID(in.ID))
		if err != nil {
			return "", client.Order{}, err
		}
		shape, err := full(ctx, tx, o)
		return in.ID, shape, err
	})
}

func payOrder(c *serve.Call, in *onID[client.Payment]) (client.Order, error) {
	ctx := c.R.Context()
	return act(c, serve.Intent{Name: "order.pay", Input: in, Subjects: []string{in.ID}, Clauses: []string{"UA 2.5"}}, func(tx *db.Tx) (string, client.Order, error) {
		o, err := order.PayAgain(ctx, tx, c.Actor, order.ID(in.ID), in.Body.Gateway)
		if err != nil {
			return "", client.Order{}, err
		}
		shape, err := full(ctx, tx, o)
		return in.ID, shape, err
	})
}

func readReceipt(c *serve.Call, in *byID) (client.Receipt, error) {
	return read(c, func(r db.Reader) (client.Receipt, error) {
		receipt, err := order.ReceiptOf(c.R.Context(), r, c.Actor, order.ID(in.ID))
		if err != nil {
			return client.Receipt{}, err
		}
		o := receipt.Order
		return client.Receipt{
			Order: string(o.ID), Payee: sellerShape(receipt.Payee), Collector: receipt.Collector, Fee: feeShape(o.Fee), Gateway: o.Gateway,
			CaptureID: receipt.Attempt.CaptureID, PaidAt: o.PaidAt, Account: string(o.Account), Entitlement: string(receipt.Right.ID),
		}, nil
	})
}

func orderDeliveries(c *serve.Call, in *byID) (client.Page[client.Delivery], error) {
	ctx := c.R.Context()
	return read(c, func(r db.Reader) (client.Page[client.Delivery], error) {
		o, err := order.Get(ctx, r, c.Actor, order.ID(in.ID))
		if err != nil {
			return client.Page[client.Delivery]{}, err
		}
		all, err := delivery.OfOrder(ctx, r, string(o.ID))
		return whole(all, deliveryShape), err
	})
}

func vendorOrders(c *serve.Call, in *paged) (client.Page[client.Order], error) {
	return read(c, func(r db.Reader) (client.Page[client.Order], error) {
		seller, err := own(c, r)
		if err != nil {
			return client.Page[client.Order]{}, err
		}
		found, err := order.Sold(c.R.Context(), r, seller.ID, order.ID(in.Before), in.Limit+1)
		return page(each(found, soldShape), in.Limit, orderID), err
	})
}

func vendorOrder(c *serve.Call, in *byID) (client.Order, error) {
	return read(c, func(r db.Reader) (client.Order, error) {
		seller, err := own(c, r)
		if err != nil {
			return client.Order{}, err
		}
		o, err := order.OfVendor(c.R.Context(), r, seller.ID, order.ID(in.ID))
		shape := soldShape(o)
		shape.Terms = o.Snapshot.Sheet
		return shape, err
	})
}

func allOrders(c *serve.Call, in *paged) (client.Page[client.Order], error) {
	return read(c, func(r db.Reader) (client.Page[client.Order], error) {
		found, err := order.All(c.R.Context(), r, order.ID(in.Before), in.Limit+1)
		return page(each(found, orderShape), in.Limit, orderID), err
	})
}

func anyOrder(c *serve.Call, in *byID) (client.Order, error) {
	return read(c, func(r db.Reader) (client.Order, error) {
		o, err := order.Any(c.R.Context(), r, order.ID(in.ID))
		if err != nil {
			return client.Order{}, err
		}
		return full(c.R.Context(), r, o)
	})
}

func markPaid(c *serve.Call, in *byID) (client.Done, error) {
	return done(c, serve.Intent{Name: "order.mark_paid", Input: in, Subjects: []string{in.ID}, Clauses: []string{"UA 4.11"}}, func(tx *db.Tx) error {
		return order.MarkPaid(c.R.Context(), tx, c.Actor, order.ID(in.ID))
	})
}
