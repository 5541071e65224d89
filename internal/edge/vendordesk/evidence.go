package vendordesk

import (
	"net/http"

	"yunshi/internal/base/db"
	"yunshi/internal/base/text"
	"yunshi/internal/edge/page"
	"yunshi/internal/edge/serve"
	"yunshi/internal/market/evidence"
	"yunshi/internal/market/order"
)

func evidencePath(id order.ID) string { return "/vendor/orders/" + string(id) + "/evidence" }

type evidenceView struct {
	frame
	page.Evidence
	id order.ID
}

// sold is the order of the address, if the caller's vendor sold it.
func (d desk) sold(c *serve.Call) (o order.Order, err error) {
	err = c.Read(func(r db.Reader) error {
		v, err := d.seller(c, r)
		if err != nil {
			return err
		}
		o, err = order.OfVendor(c.R.Context(), r, v.ID, order.ID(c.R.PathValue("order")))
		return err
	})
	return o, err
}

func (d desk) evidence(c *serve.Call) error { return d.evidenceAgain(c, nil) }

func (d desk) evidenceAgain(c *serve.Call, refusal error) error {
	o, err := d.sold(c)
	if err != nil {
		return err
	}
	view := evidenceView{id: o.ID}
	if view.Evidence, err = c.Evidence(evidencePath(o.ID), o.ID, evidence.Seller, refusal); err != nil {
		return err
	}
	if c.R.URL.Query().Get("part") == "packs" {
		return page.Render(c.W, c.R, http.StatusOK, page.EvidencePacks(view.Evidence))
	}
	view.frame = d.frame(c, "/vendor/orders", text.T(c.R.Context(), "evidence.page.title"))
	if view.Building() && refusal == nil {
		view.Chrome.Refresh = 3
	}
	return d.shown(c, refusal, evidencePage(view))
}

func (d desk) askEvidence(c *serve.Call) error {
	o, err := d.sold(c)
	if err != nil {
		return err
	}
	if err := c.AskEvidence(o.ID, evidence.Seller); err != nil {
		return d.evidenceAgain(c, err)
	}
	return c.Redirect(evidencePath(o.ID))
}

func (d desk) takeEvidence(c *serve.Call) error {
	o, err := d.sold(c)
	if err != nil {
		return err
	}
	return c.SendPack(o.ID, evidence.ID(c.R.PathValue("pack")))
}
