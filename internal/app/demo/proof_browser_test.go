package demo

import (
	"io"

	"github.com/chromedp/chromedp"

	"yunshi/internal/base/db"
	"yunshi/internal/base/proof"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/evidence"
	"yunshi/internal/market/order"
)

// proof: a buyer, the vendor and an officer have the evidence of an order made,
// anybody checks the receipt, and the officer looks at the duties.
func (w *walk) proof() {
	_, people, err := read()
	w.Must(err)
	w.enter(people.Customers[0].Users[0])
	if !w.again {
		w.buy(pass)
	}
	id := w.newest()
	var o order.Order
	record := ""
	w.Must(w.d.App.DB.Read(w.t.Context(), func(r db.Reader) (err error) {
		if o, err = order.Any(w.t.Context(), r, order.ID(id)); err != nil {
			return err
		}
		acts, err := audit.Of(w.t.Context(), r, id)
		for _, a := range acts {
			if a.Act == "order.paid" {
				record = a.ID
			}
		}
		return err
	}))
	w.open("/orders/" + id + "/evidence")
	w.look("evidence-before")
	w.choose(`[name="reason"][value="court"]`)
	w.send(`[name="reason"]`)
	w.Until(`document.querySelector("progress") === null && document.querySelector('a[href*="/evidence/pck_"]') !== null`)
	w.look("evidence-ready")
	w.pack(order.ID(id))

	w.open("/orders/" + id + "/receipt")
	w.look("receipt")
	w.Do(chromedp.WaitVisible(css(`figure svg`)))
	w.open("/verify/receipt/" + record)
	w.look("receipt-proof")

	w.enterVendor(o.Vendor)
	w.open("/vendor/orders/" + id + "/evidence")
	w.look("vendor-evidence")
	for _, u := range people.Operator.Users {
		for _, role := range u.Roles {
			if role != "compliance" {
				continue
			}
			w.enter(u)
			for _, page := range [][2]string{
				{"any-evidence", "/operator/orders/" + id + "/evidence"}, {"duties", "/operator/compliance"}, {"identities", "/operator/compliance/identities"},
			} {
				w.open(page[1])
				w.look(page[0])
			}
			return
		}
	}
	w.t.Fatal("the demonstration has nobody of compliance")
}

// pack checks the newest pack of the order with nothing but the log's key.
func (w *walk) pack(id order.ID) {
	w.t.Helper()
	var p evidence.Pack
	w.Must(w.d.App.DB.Read(w.t.Context(), func(r db.Reader) error {
		all, err := evidence.Of(w.t.Context(), r, audit.CLI("test"), id)
		p = all[0]
		return err
	}))
	f, _, err := w.d.App.Blob.Open(w.t.Context(), p.Blob)
	w.Must(err)
	stored, err := io.ReadAll(f)
	w.Must(err)
	w.Must(f.Close())
	w.Must(w.d.App.DB.Read(w.t.Context(), func(r db.Reader) error {
		whole, err := evidence.File(r, p, stored)
		if err != nil {
			return err
		}
		_, err = proof.CheckPack(whole, w.d.App.Verifying)
		return err
	}))
}
