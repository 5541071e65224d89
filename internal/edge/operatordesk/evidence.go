package operatordesk

import (
	"net/http"

	"yunshi/internal/base/db"
	"yunshi/internal/base/text"
	"yunshi/internal/edge/page"
	"yunshi/internal/edge/serve"
	"yunshi/internal/market/evidence"
	"yunshi/internal/market/order"
)

func evidencePath(id order.ID) string { return "/operator/orders/" + string(id) + "/evidence" }

type evidenceView struct {
	frame
	page.Evidence
	id order.ID
}

func (d desk) evidence(c *serve.Call) error { return d.evidenceAgain(c, nil) }

func (d desk) evidenceAgain(c *serve.Call, refusal error) error {
	id := order.ID(c.R.PathValue("order"))
	view := evidenceView{id: id}
	if err := c.Read(func(r db.Reader) error {
		_, err := order.Any(c.R.Context(), r, id)
		return err
	}); err != nil {
		return err
	}
	var err error
	if view.Evidence, err = c.Evidence(evidencePath(id), id, evidence.Operator, refusal); err != nil {
		return err
	}
	if c.R.URL.Query().Get("part") == "packs" {
		return page.Render(c.W, c.R, http.StatusOK, page.EvidencePacks(view.Evidence))
	}
	view.frame = d.frame(c, "/operator/orders", text.T(c.R.Context(), "evidence.page.title"), page.Link{Label: string(id), Href: "/operator/orders/" + string(id)})
	if view.Building() && refusal == nil {
		view.Chrome.Refresh = 3
	}
	return show(c, refusal, evidencePage(view))
}

func (d desk) askEvidence(c *serve.Call) error {
	id := order.ID(c.R.PathValue("order"))
	if err := c.AskEvidence(id, evidence.Operator); err != nil {
		return d.evidenceAgain(c, err)
	}
	return c.Redirect(evidencePath(id))
}

func (d desk) takeEvidence(c *serve.Call) error {
	return c.SendPack(order.ID(c.R.PathValue("order")), evidence.ID(c.R.PathValue("pack")))
}
