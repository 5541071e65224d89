package vendordesk

import (
	"net/http"
	"slices"

	"yunshi/internal/base/db"
	"yunshi/internal/base/text"
	"yunshi/internal/edge/page"
	"yunshi/internal/edge/serve"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/delivery"
	"yunshi/internal/market/vendor"
)

// deliveryStates are the tabs of the list, what waits for the vendor first.
var deliveryStates = []delivery.State{delivery.Manual, delivery.Running, delivery.Pending, delivery.Failed, delivery.Delivered}

func (d desk) deliveries(c *serve.Call) error {
	ctx, q := c.R.Context(), c.R.URL.Query()
	state := delivery.State(q.Get("state"))
	var rows []delivery.Delivery
	next := ""
	tabs := make([]page.Tab, 0, len(deliveryStates))
	if err := c.Read(func(r db.Reader) error {
		v, err := d.seller(c, r)
		if err != nil {
			return err
		}
		for _, s := range deliveryStates {
			some, err := delivery.OfVendor(ctx, r, v.ID, s, "", perPage)
			if err != nil {
				return err
			}
			if !slices.Contains(deliveryStates, state) && (len(some) > 0 || s == delivery.Delivered) {
				state = s
			}
			tab := page.Tab{Label: text.T(ctx, "desk.delivery.state."+string(s)), Href: "/vendor/deliveries?state=" + string(s), Current: s == state}
			if s != delivery.Delivered {
				tab.Count = len(some)
			}
			tabs = append(tabs, tab)
		}
		rows, err = delivery.OfVendor(ctx, r, v.ID, state, delivery.ID(q.Get("after")), perPage+1)
		return err
	}); err != nil {
		return err
	}
	if len(rows) > perPage {
		rows = rows[:perPage]
		next = "/vendor/deliveries?state=" + string(state) + "&after=" + string(rows[perPage-1].ID)
	}
	return d.show(c, http.StatusOK, deliveriesPage(d.frame(c, "/vendor/deliveries", text.T(ctx, "vendordesk.nav.deliveries")), tabs, rows, next))
}

type deliveryView struct {
	frame
	delivery.Delivery
	attempts []delivery.Attempt
	receipts []delivery.Receipt
	trail    []page.AuditEntry
	slip     string
	refusal  error
	errors   map[string]string
	key      string
}

// replayable reports whether calling the vendor's system again makes sense.
func (v deliveryView) replayable() bool {
	byMarket := slices.Contains([]string{delivery.Download, delivery.LicenceKey, delivery.ManualService}, v.Dialect)
	return !byMarket && !(v.State == delivery.Failed && v.Action == delivery.Create)
}

func (d desk) delivery(c *serve.Call) error { return d.deliveryAgain(c, nil) }

func (d desk) deliveryAgain(c *serve.Call, refusal error) error {
	ctx, id := c.R.Context(), delivery.ID(c.R.PathValue("delivery"))
	view := deliveryView{refusal: refusal, errors: page.FieldErrors(ctx, refusal), slip: c.R.PostFormValue("slip"), key: freshKey()}
	if err := c.Read(func(r db.Reader) (err error) {
		v, err := d.seller(c, r)
		if err != nil {
			return err
		}
		if view.Delivery, err = delivery.Get(ctx, r, c.Actor, id); err != nil {
			return err
		}
		if view.Vendor != v.ID {
			return account.ErrForeign
		}
		if view.attempts, err = delivery.Log(ctx, r, c.Actor, id); err != nil {
			return err
		}
		if view.receipts, err = delivery.Receipts(ctx, r, c.Actor, id); err != nil {
			return err
		}
		whole, err := delivery.Read(ctx, r, id)
		if err != nil {
			return err
		}
		acts, err := audit.Of(ctx, r, string(id))
		view.trail = trail(ctx, c, pseudonymous(acts, whole.Account, vendor.OpenID(v.ID, whole.Account, r.Keys())))
		return err
	}); err != nil {
		return err
	}
	view.frame = d.frame(c, "/vendor/deliveries", text.T(ctx, "vendordesk.delivery.title", "Product", view.Name))
	return d.shown(c, refusal, deliveryPage(view))
}

// replay calls the vendor's system again.
func (d desk) replay(c *serve.Call) error {
	id := delivery.ID(c.R.PathValue("delivery"))
	return d.acted(c, "delivery.replay", func(tx *db.Tx) error {
		_, err := delivery.Replay(c.R.Context(), tx, c.Actor, id)
		return err
	})
}

// delivered records that the vendor's people did the work, or will not do it.
func (d desk) delivered(c *serve.Call) error {
	ctx, id := c.R.Context(), delivery.ID(c.R.PathValue("delivery"))
	if c.R.PostFormValue("do") == "decline" {
		return d.acted(c, "delivery.decline", func(tx *db.Tx) error {
			_, err := delivery.Decline(ctx, tx, c.Actor, id)
			return err
		})
	}
	return d.acted(c, "delivery.mark_delivered", func(tx *db.Tx) error {
		_, err := delivery.MarkDelivered(ctx, tx, c.Actor, id, delivery.Slip{Text: c.R.PostFormValue("slip")})
		return err
	})
}

func (d desk) acted(c *serve.Call, name string, do func(tx *db.Tx) error) error {
	id := c.R.PathValue("delivery")
	_, err := command(c, name, []string{id}, do)
	if err != nil && correctable(err) {
		return d.deliveryAgain(c, err)
	}
	if err != nil {
		return err
	}
	return c.Redirect("/vendor/deliveries/" + id)
}
