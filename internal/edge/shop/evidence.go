package shop

import (
	"net/http"

	"yunshi/internal/base/db"
	"yunshi/internal/base/text"
	"yunshi/internal/edge/page"
	"yunshi/internal/edge/serve"
	"yunshi/internal/market/evidence"
	"yunshi/internal/market/order"
)

func evidencePath(id order.ID) string { return orderPath(id) + "/evidence" }

// mine is the order of the address, if it is of the reader's account.
func mine(c *serve.Call) (o order.Order, err error) {
	err = c.Read(func(r db.Reader) error {
		o, err = order.Get(c.R.Context(), r, c.Actor, order.ID(c.R.PathValue("id")))
		return err
	})
	return o, err
}

func showEvidence(c *serve.Call) error { return evidenceAgain(c, nil) }

func evidenceAgain(c *serve.Call, refusal error) error {
	o, err := mine(c)
	if err != nil {
		return err
	}
	v, err := c.Evidence(evidencePath(o.ID), o.ID, evidence.Buyer, refusal)
	if err != nil {
		return err
	}
	if c.R.URL.Query().Get("part") == "packs" {
		return show(c, http.StatusOK, page.EvidencePacks(v))
	}
	frame := chrome(c, text.T(c.R.Context(), "evidence.page.title"), accountCrumb(c),
		page.Link{Label: text.T(c.R.Context(), "shop.orders.title"), Href: page.OrdersPath}, page.Link{Label: nameOf(o, c.Lang), Href: orderPath(o.ID)})
	if v.Building() {
		frame.Refresh = soon
	}
	if refusal != nil {
		frame.Refresh, frame.Path = 0, evidencePath(o.ID)
	}
	return show(c, refusalStatus(refusal), evidencePage(frame, o, v))
}

func askEvidence(c *serve.Call) error {
	o, err := mine(c)
	if err != nil {
		return err
	}
	if err := c.AskEvidence(o.ID, evidence.Buyer); err != nil {
		if correctable(err) {
			return evidenceAgain(c, err)
		}
		return err
	}
	return c.Redirect(evidencePath(o.ID))
}

func takeEvidence(c *serve.Call) error {
	o, err := mine(c)
	if err != nil {
		return err
	}
	return c.SendPack(o.ID, evidence.ID(c.R.PathValue("pack")))
}
