package demo

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"

	"yunshi/internal/base/db"
	"yunshi/internal/base/text"
	"yunshi/internal/market/ledger"
	"yunshi/internal/market/order"
	"yunshi/internal/market/refund"
	"yunshi/internal/testkit/tab"
)

// A buyer asks for its money back, the vendor sees what it loses, and finance
// walks through its desk: each page in both languages, on a phone and on a desk.
func TestTheMoneyInARealBrowser(t *testing.T) {
	var out bytes.Buffer
	d, err := Start(t.Context(), options(t, db.SQLite, text.EN, &out))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Stop(); err != nil {
			t.Error(err)
		}
	})
	for _, lang := range []text.Lang{text.ZH, text.EN} {
		for _, wide := range []int64{390, 1440} {
			t.Run(fmt.Sprintf("%s at %d px", lang, wide), func(t *testing.T) {
				w := &walk{t: t, ctx: tab.Open(t).Ctx, d: d, lang: lang, wide: wide}
				w.do(chromedp.EmulateViewport(wide, 900))
				w.money()
			})
		}
	}
}

func (w *walk) money() {
	_, people, err := read()
	w.must(err)
	w.enter(people.Customers[0].Users[0])
	w.buy()
	id := w.newest()
	var o order.Order
	w.must(w.d.App.DB.Read(w.t.Context(), func(r db.Reader) (err error) {
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
	w.must(w.d.App.DB.Read(w.t.Context(), func(r db.Reader) error {
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
