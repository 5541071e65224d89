package serve

import (
	"crypto/rand"
	"mime"
	"net/http"
	"strconv"

	"yunshi/internal/base/blob"
	"yunshi/internal/base/db"
	"yunshi/internal/base/text"
	"yunshi/internal/edge/page"
	"yunshi/internal/market/evidence"
	"yunshi/internal/market/order"
)

// Evidence is the evidence of an order as the caller sees it, on the side of the
// order that the page is of; refusal is of a form that came back.
func (c *Call) Evidence(path string, id order.ID, side evidence.Addressee, refusal error) (page.Evidence, error) {
	ctx := c.R.Context()
	v := page.Evidence{Path: path, Key: rand.Text(), LogKey: c.Market.Info.LogKey}
	if refusal != nil {
		shown := page.RefusalOf(ctx, refusal)
		v.Refusal = &shown
	}
	reasons, addressees := evidence.ReasonsOfParties, []evidence.Addressee{side}
	if side == evidence.Operator {
		reasons, addressees = evidence.Reasons, []evidence.Addressee{evidence.Operator, evidence.Buyer, evidence.Seller}
	}
	v.For = page.Field{Name: "for", Label: text.T(ctx, "evidence.page.for"), Required: true, Value: string(side)}
	for _, a := range addressees {
		v.For.Options = append(v.For.Options, page.Option{Value: string(a), Label: text.T(ctx, "evidence.side."+string(a))})
	}
	v.Reason = page.Field{Name: "reason", Label: text.T(ctx, "evidence.label.reason"), Required: true, Value: c.R.PostFormValue("reason")}
	for _, r := range reasons {
		v.Reason.Options = append(v.Reason.Options, page.Option{Value: string(r), Label: text.T(ctx, "evidence.reason."+string(r))})
	}
	if errors := page.FieldErrors(ctx, refusal); errors != nil {
		v.Reason.Error = errors["reason"]
	}
	err := c.Read(func(r db.Reader) error {
		packs, err := evidence.Of(ctx, r, c.Actor, id)
		for _, p := range packs {
			v.Packs = append(v.Packs, page.EvidencePack{
				ID: string(p.ID), For: string(p.For), Reason: string(p.Reason), State: string(p.State), Step: p.Step, Manifest: p.Manifest,
				Done: int(p.Done), Total: int(p.Total), Size: int(p.Size), AskedAt: p.AskedAt, Until: p.Until(),
			})
		}
		return err
	})
	return v, err
}

// AskEvidence has a pack made for the addressee of the form.
func (c *Call) AskEvidence(id order.ID, side evidence.Addressee) error {
	as := side
	if side == evidence.Operator {
		as = evidence.Addressee(c.R.PostFormValue("for"))
	}
	why := evidence.Reason(c.R.PostFormValue("reason"))
	in := Intent{Name: "evidence.request", Input: []string{string(id), string(as), string(why)}, Subjects: []string{string(id)}, Clauses: []string{"ECL 62"}}
	_, err := Do(c, in, func(tx *db.Tx) (evidence.Pack, error) { return evidence.Ask(c.R.Context(), tx, c.Actor, id, as, why) })
	return err
}

// SendPack answers with a pack of the order, and records that it was taken.
func (c *Call) SendPack(of order.ID, id evidence.ID) error {
	ctx := c.R.Context()
	var p evidence.Pack
	if err := c.Market.DB.Write(ctx, func(tx *db.Tx) (err error) {
		if p, err = evidence.Take(ctx, tx, c.Actor, id); err == nil && p.Order != of {
			err = ErrNotFound
		}
		return err
	}); err != nil {
		return err
	}
	stored, err := blob.Read(ctx, c.Market.Blob, p.Blob)
	if err != nil {
		return err
	}
	var content []byte
	if err := c.Read(func(r db.Reader) (err error) {
		content, err = evidence.File(r, p, stored)
		return err
	}); err != nil {
		return err
	}
	h := c.W.Header()
	h.Set("Content-Type", "application/zip")
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": p.Name()}))
	h.Set("Content-Length", strconv.Itoa(len(content)))
	h.Set("Cache-Control", "no-store")
	c.W.WriteHeader(http.StatusOK)
	_, err = c.W.Write(content)
	return err
}
