package demo

import (
	"fmt"
	"strings"

	"yunshi/internal/base/db"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/content"
	"yunshi/internal/market/order"
)

// write puts words into a field, also of a form that is folded away.
func (w *walk) write(selector, value string) {
	w.t.Helper()
	ask[string](w, fmt.Sprintf(`document.querySelector(%q).value = %q`, selector, value))
}

// words: a buyer writes to the vendor and is warned, reviews what it bought, and the
// officer looks at what was held and reported.
func (w *walk) words() {
	_, people, err := read()
	w.Must(err)
	customer := people.Customers[0].Users[0]
	w.enter(customer)
	if !w.again {
		w.buy(pass)
	}
	id := w.newest()
	var o order.Order
	w.Must(w.d.App.DB.Write(w.t.Context(), func(tx *db.Tx) (err error) {
		if o, err = order.Any(w.t.Context(), tx, order.ID(id)); err != nil {
			return err
		}
		if o.State == order.Delivered {
			err = order.Complete(w.t.Context(), tx, audit.Job("test"), o.ID)
		}
		return err
	}))

	w.open("/orders/" + id)
	w.choose(`#review [name="stars"][value="4"]`)
	w.write(`#review [name="text"]`, "安装顺利，响应很快。 Easy to set up.")
	w.send(`#review [name="stars"]`)
	w.look("order-review")
	w.open("/p/" + storyProduct)
	w.look("product-reviews")

	w.open("/conversations/new?order=" + id)
	if !w.again {
		w.look("conversation-new")
	}
	const secret = "卡号 4111 1111 1111 1111 密码: hunter22"
	w.write(`main form[enctype] [name="text"]`, secret)
	w.send(`main form[enctype] [name="text"]`)
	w.look("conversation-stopped")
	w.choose(`[name="confirmed"]`)
	w.send(`main form[enctype] [name="text"]`)
	w.at("/conversations/thr_")
	thread := ask[string](w, `location.pathname.split("/").pop()`)
	w.write(`main form[enctype] [name="text"]`, "这里也代开发票吗？")
	w.send(`main form[enctype] [name="text"]`)
	w.look("conversation-held")
	w.open("/conversations")
	w.look("conversations")
	w.open("/conversations/new")
	w.look("conversation-support")
	w.open("/messages")
	w.look("messages")

	w.enterVendor(o.Vendor)
	w.open("/vendor/conversations")
	w.look("vendor-conversations")
	w.open("/vendor/conversations/" + thread)
	w.write(`main form[enctype] [name="text"]`, "我们私下交易，转账给我个人账户。")
	w.send(`main form[enctype] [name="text"]`)
	w.look("vendor-conversation")
	w.open("/vendor/reviews")
	w.write(`main form[action$="/answer"] [name="text"]`, "感谢您的评价。 Thank you.")
	w.send(`main form[action$="/answer"] [name="text"]`)
	w.look("vendor-reviews")

	w.enter(customer)
	w.open("/conversations/" + thread)
	ask[bool](w, `[...document.querySelectorAll("main details")].forEach(d => d.open = true), true`)
	w.look("conversation-report")
	w.send(`main li:last-child form[action$="/report"] [name="reason"]`)
	if !w.again {
		w.look("conversation-reported")
	}

	for _, u := range people.Operator.Users {
		if !strings.Contains(strings.Join(u.Roles, " "), "compliance") {
			continue
		}
		w.enter(u)
		var held []content.Item
		var reports []content.Report
		w.Must(w.d.App.DB.Read(w.t.Context(), func(r db.Reader) (err error) {
			if held, err = content.Desk(w.t.Context(), r, 1); err != nil {
				return err
			}
			reports, err = content.Reports(w.t.Context(), r, 1)
			return err
		}))
		for _, page := range [][2]string{
			{"desk", "/operator"}, {"content", "/operator/content"}, {"lexicon", "/operator/content/lexicon"}, {"flag", "/operator/flags/" + string(reports[0].ID)},
			{"talks", "/operator/conversations"}, {"reviews", "/operator/reviews"}, {"held", "/operator/content/" + string(held[0].ID)},
		} {
			w.open(page[1])
			w.look(page[0])
		}
		w.write(`main form[action$="/open"] [name="reason"]`, "first look")
		w.send(`main form[action$="/open"] [name="reason"]`)
		w.look("held-open")
		w.Must(w.d.App.DB.Write(w.t.Context(), func(tx *db.Tx) error {
			officer := audit.Actor{Kind: audit.Person, User: "usr_officer", Roles: []string{"compliance"}}
			_, err := w.d.App.Market.Content.BlockHeld(w.t.Context(), tx, officer, held[0].ID, held[0].Version, content.Why{
				Clause: "UA 4.7.1", Reason: "代开发票是违法的。 Invoices for sale are illegal.",
			})
			return err
		}))
		w.open("/operator/content/" + string(held[0].ID))
		w.look("removed")
		w.open("/operator/compliance")
		w.look("duties")
		w.open("/operator/content/" + string(held[0].ID))
		w.write(`main form[action$="/told"] [name="authority"]`, "深圳市网信办")
		w.write(`main form[action$="/told"] [name="reference"]`, "SZ-2026-0001")
		w.write(`main form[action$="/told"] [name="on"]`, ask[string](w, `new Date().toLocaleDateString("sv", {timeZone: "Asia/Shanghai"})`))
		w.send(`main form[action$="/told"] [name="authority"]`)
		w.look("reported-to-authority")
		return
	}
	w.t.Error("the demonstration has no compliance officer")
}
