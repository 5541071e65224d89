package api

import (
	"io"
	"mime"
	"strconv"

	"yunshi/client"
	"yunshi/internal/base/db"
	"yunshi/internal/edge/serve"
	"yunshi/internal/market/account"
	"yunshi/internal/market/delivery"
	"yunshi/internal/market/entitlement"
	"yunshi/internal/market/message"
	"yunshi/internal/market/settlement"
)

func rightShape(e entitlement.Entitlement) client.Entitlement {
	return client.Entitlement{
		ID: string(e.ID), Order: e.Order, Account: string(e.Account), Product: string(e.Product), Plan: e.Plan, Vendor: string(e.Vendor),
		Name: e.Name, Quantity: e.Quantity, State: string(e.State), GrantedAt: e.GrantedAt, StartsAt: optional(e.StartsAt), EndsAt: optional(e.EndsAt),
	}
}

func listEntitlements(c *serve.Call, _ *none) (client.Page[client.Entitlement], error) {
	return read(c, func(r db.Reader) (client.Page[client.Entitlement], error) {
		rights, err := entitlement.Mine(c.R.Context(), r, c.Account())
		return whole(rights, rightShape), err
	})
}

func readEntitlement(c *serve.Call, in *byID) (client.Entitlement, error) {
	return read(c, func(r db.Reader) (client.Entitlement, error) {
		e, err := entitlement.Get(c.R.Context(), r, c.Actor, entitlement.ID(in.ID))
		return rightShape(e), err
	})
}

func moveEntitlement(c *serve.Call, in *onID[client.Move]) (client.Done, error) {
	return done(c, serve.Intent{Name: "entitlement.move", Input: in, Subjects: []string{in.ID, in.Body.To}, Clauses: []string{"UA 4.3"}}, func(tx *db.Tx) error {
		return entitlement.Move(c.R.Context(), tx, c.Actor, entitlement.ID(in.ID), account.ID(in.Body.To))
	})
}

func deliveryShape(d delivery.Delivery) client.Delivery {
	return client.Delivery{
		ID: string(d.ID), Order: d.Order, Entitlement: string(d.Entitlement), Vendor: string(d.Vendor), Product: string(d.Product), Name: d.Name,
		Action: string(d.Action), Dialect: d.Dialect, State: string(d.State), Reason: d.Reason, Attempts: d.Attempts, Website: d.Website,
		AdminURL: d.AdminURL, Notes: d.Notes, CreatedAt: d.CreatedAt, DeliveredAt: optional(d.DeliveredAt), ReceivedAt: optional(d.ReceivedAt),
	}
}

func attemptShape(a delivery.Attempt) client.DeliveryAttempt {
	return client.DeliveryAttempt{
		Number: a.Number, At: a.At, Millis: a.Duration.Milliseconds(), Status: a.Status, Outcome: a.Outcome, Error: a.Error,
		Request: a.Request, Response: a.Response,
	}
}

func readDelivery(c *serve.Call, in *byID) (client.DeliveryLog, error) {
	ctx := c.R.Context()
	return read(c, func(r db.Reader) (client.DeliveryLog, error) {
		d, err := delivery.Get(ctx, r, c.Actor, delivery.ID(in.ID))
		if err != nil {
			return client.DeliveryLog{}, err
		}
		log, err := delivery.Log(ctx, r, c.Actor, d.ID)
		return client.DeliveryLog{Delivery: deliveryShape(d), Attempts: each(log, attemptShape)}, err
	})
}

func revealDelivery(c *serve.Call, in *byID) (client.Page[client.Credential], error) {
	return secretly(c, c.Actor, serve.Intent{Name: "delivery.reveal", Input: in, Subjects: []string{in.ID}, Clauses: []string{"UA 4.9.2"}}, func(tx *db.Tx) (client.Page[client.Credential], error) {
		if _, err := delivery.Get(c.R.Context(), tx, c.Actor, delivery.ID(in.ID)); err != nil {
			return client.Page[client.Credential]{}, err
		}
		all, err := delivery.Reveal(c.R.Context(), tx, c.Actor, delivery.ID(in.ID))
		return whole(all, func(k delivery.Credential) client.Credential {
			return client.Credential{Name: k.Name, Value: k.Value, Secret: k.Secret}
		}), err
	})
}

func confirmDelivery(c *serve.Call, in *byID) (client.Delivery, error) {
	return deliver(c, "delivery.confirm", in.ID, in, func(tx *db.Tx, id delivery.ID) (delivery.Delivery, error) {
		return settlement.Accept(c.R.Context(), tx, c.Actor, id)
	})
}

func replayDelivery(c *serve.Call, in *byID) (client.Delivery, error) {
	return deliver(c, "delivery.replay", in.ID, in, func(tx *db.Tx, id delivery.ID) (delivery.Delivery, error) {
		return delivery.Replay(c.R.Context(), tx, c.Actor, id)
	})
}

// completeDelivery and declineDelivery end with what an order does about it, in
// the same transaction: delivered, or refunded in full.
func completeDelivery(c *serve.Call, in *onID[client.Slip]) (client.Delivery, error) {
	return deliver(c, "delivery.mark_delivered", in.ID, in, func(tx *db.Tx, id delivery.ID) (delivery.Delivery, error) {
		return delivery.MarkDelivered(c.R.Context(), tx, c.Actor, id, delivery.Slip{Text: in.Body.Text})
	})
}

func declineDelivery(c *serve.Call, in *byID) (client.Delivery, error) {
	return deliver(c, "delivery.decline", in.ID, in, func(tx *db.Tx, id delivery.ID) (delivery.Delivery, error) {
		return delivery.Decline(c.R.Context(), tx, c.Actor, id)
	})
}

// deliver changes a delivery that the caller may see; for others it does not
// exist. The answer is read afterwards: stored under an idempotency key it would
// lie open what a vendor noted and package delivery seals.
func deliver(c *serve.Call, name, id string, input any, do func(*db.Tx, delivery.ID) (delivery.Delivery, error)) (client.Delivery, error) {
	ctx := c.R.Context()
	secret, err := keyed(c, input) // a slip is sealed too
	if err != nil {
		return client.Delivery{}, err
	}
	err = serve.Act(c, serve.Intent{Name: name, Input: secret, Subjects: []string{id}}, func(tx *db.Tx) error {
		if _, err := delivery.Get(ctx, tx, c.Actor, delivery.ID(id)); err != nil {
			return err
		}
		_, err := do(tx, delivery.ID(id))
		return err
	})
	if err != nil {
		return client.Delivery{}, err
	}
	return read(c, func(r db.Reader) (client.Delivery, error) {
		d, err := delivery.Get(ctx, r, c.Actor, delivery.ID(id))
		return deliveryShape(d), err
	})
}

func linkDelivery(c *serve.Call, in *byID) (client.Link, error) {
	return read(c, func(r db.Reader) (client.Link, error) {
		if _, err := delivery.Get(c.R.Context(), r, c.Actor, delivery.ID(in.ID)); err != nil {
			return client.Link{}, err
		}
		l, err := delivery.NewLink(c.R.Context(), r, c.Actor, delivery.ID(in.ID))
		return client.Link{Token: l.Token, ExpiresAt: l.ExpiresAt}, err
	})
}

func download(c *serve.Call) (err error) {
	ctx := c.R.Context()
	opened, err := read(c, func(r db.Reader) (delivery.Opened, error) {
		return delivery.Open(ctx, r, c.R.PathValue("token"), c.Actor)
	})
	if err != nil {
		return err
	}
	if err := c.MayLeave(opened.File.Blob, opened.File.SHA256, opened.File.Size); err != nil {
		return err
	}
	content, err := opened.Content(ctx, c.Market.Blob)
	if err != nil {
		return err
	}
	defer func() {
		if cerr := content.Close(); err == nil {
			err = cerr
		}
	}()
	if err := serve.Act(c, serve.Intent{Name: "delivery.download", Subjects: []string{string(opened.Delivery)}, Clauses: []string{"UA 4.9.3"}}, func(tx *db.Tx) error {
		return delivery.Taking(ctx, tx, c.Actor, opened)
	}); err != nil {
		return err
	}
	h := c.W.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": opened.File.Name}))
	h.Set("Content-Length", strconv.FormatInt(opened.File.Size, 10))
	_, err = io.Copy(c.W, content)
	return err
}

type deliveriesIn struct {
	State string `query:"state" enum:"pending,running,manual,delivered,failed" default:"running"`
	After string `query:"after" maxLength:"128" doc:"Next of the page before."`
	Limit int    `query:"limit" minimum:"1" maximum:"100" default:"50"`
}

func vendorDeliveries(c *serve.Call, in *deliveriesIn) (client.Page[client.Delivery], error) {
	return read(c, func(r db.Reader) (client.Page[client.Delivery], error) {
		seller, err := own(c, r)
		if err != nil {
			return client.Page[client.Delivery]{}, err
		}
		found, err := delivery.OfVendor(c.R.Context(), r, seller.ID, delivery.State(in.State), delivery.ID(in.After), in.Limit+1)
		return page(each(found, deliveryShape), in.Limit, func(d client.Delivery) string { return d.ID }), err
	})
}

type messagesIn struct {
	Before string `query:"before" maxLength:"64" doc:"Next of the page before."`
}

// inboxPage is how many messages package message gives at once.
const inboxPage = 50

func listMessages(c *serve.Call, in *messagesIn) (client.Page[client.Message], error) {
	return read(c, func(r db.Reader) (client.Page[client.Message], error) {
		items, err := message.Inbox(c.R.Context(), r, c.Account(), message.ID(in.Before))
		p := whole(items, messageShape)
		if len(items) == inboxPage {
			p.Next = p.Items[len(p.Items)-1].ID
		}
		return p, err
	})
}

func readMessage(c *serve.Call, in *byID) (client.Done, error) {
	return done(c, serve.Intent{Name: "message.read", Input: in, Subjects: []string{in.ID}}, func(tx *db.Tx) error {
		return message.MarkRead(c.R.Context(), tx, c.Actor, message.ID(in.ID))
	})
}
