package demo

import (
	"yunshi/internal/base/db"
	"yunshi/internal/market/ledger"
	"yunshi/internal/market/order"
	"yunshi/internal/market/refund"
)

// money: a buyer asks for its money back, the vendor sees what it loses, and finance
// walks through its desk.
func (w *walk) money() {
	_, people, err := read()
	w.Must(err)
	w.enter(people.Customers[0].Users[0])
	w.buy(w.look) // as a company sees it
	id := w.newest()
	var o order.Order
	w.Must(w.d.App.DB.Read(w.t.Context(), func(r db.Reader) (err error) {
		o, err = order.Any(w.t.Context(), r, order.ID(id))
		return err
	}))
	for _, page := range [][2]string{
		{"order-paid", "/orders/" + id}, {"receipt", "/orders/" + id + "/receipt"}, {"refund-ask", "/orders/" + id + "/refund"}, {"refunds", "/refunds"},
	} {
		w.open(page[1])
		w.look(page[0])
	}
	w.open("/orders/" + id + "/refund?reason=not_as_described")
	w.look("refund-would")
	w.fill("text", "The export of the roster is missing.")
	w.send(`main form[method="post"] [name="text"]`)
	w.look("refund-asked")
	var request string
	w.Must(w.d.App.DB.Read(w.t.Context(), func(r db.Reader) error {
		all, err := refund.OfOrder(w.t.Context(), r, o.ID)
		request = string(all[0].ID)
		return err
	}))
	w.enterVendor(o.Vendor)
	for _, page := range [][2]string{{"vendor-refunds", "/vendor/refunds"}, {"vendor-refund", "/vendor/refunds/" + request}, {"vendor-income", "/vendor/income"}} {
		w.open(page[1])
		w.look(page[0])
	}
	for _, u := range people.Operator.Users {
		for _, role := range u.Roles {
			if role != "finance" {
				continue
			}
			w.enter(u)
			for _, page := range [][2]string{{"all-refunds", "/operator/refunds"}, {"any-refund", "/operator/refunds/" + request}} {
				w.open(page[1])
				w.look(page[0])
			}
			month := string(ledger.MonthOf(o.PaidAt))
			for _, page := range [][2]string{
				{"finance", ""}, {"exceptions", "/exceptions"}, {"splits", "/splits"}, {"disputes", "/disputes"}, {"months", "/months"},
				{"month", "/months/" + month}, {"standing", "/vendors/" + string(o.Vendor)}, {"clearing", "/clearing"}, {"tax", "/tax"},
			} {
				w.open("/operator/finance" + page[1])
				w.look(page[0])
			}
			return
		}
	}
	w.t.Fatal("the demonstration has nobody of finance")
}
