package demo

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/chromedp/chromedp"

	"yunshi/internal/base/db"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/invoice"
	"yunshi/internal/market/vendor"
	"yunshi/internal/testkit/world"
)

// leave signs out whoever is signed in.
func (w *walk) leave() {
	w.t.Helper()
	w.open("/")
	if ask[bool](w, `document.querySelector('form[action="/signout"]') !== null`) {
		w.send(`form[action="/signout"] button`)
	}
}

// enter signs a person of the demonstration in.
func (w *walk) enter(u person) {
	w.t.Helper()
	w.leave()
	w.open("/signin?lang=" + string(w.lang))
	w.fill("email", u.Email)
	w.fill("password", u.Password)
	w.send(`main [name="password"]`)
}

// enterSeller signs the owner of the vendor of the newest invoice request in.
func (w *walk) enterSeller() {
	w.t.Helper()
	var of vendor.ID
	w.Must(w.d.App.DB.Read(w.t.Context(), func(r db.Reader) error {
		all, err := invoice.All(w.t.Context(), r, "", 1)
		of = all[0].Vendor
		return err
	}))
	w.enterVendor(of)
}

// enterVendor signs the owner of a vendor in, without a password: the
// demonstration gives most vendors none.
func (w *walk) enterVendor(of vendor.ID) {
	w.t.Helper()
	var session account.Session
	w.Must(w.d.App.DB.Write(w.t.Context(), func(tx *db.Tx) error {
		v, err := vendor.Get(w.t.Context(), tx, of)
		if err != nil {
			return err
		}
		users, err := account.Users(w.t.Context(), tx, v.Account)
		if err != nil {
			return err
		}
		session, err = account.SignIn(w.t.Context(), tx, account.Credential{User: users[0].ID, Account: v.Account}, account.Device{IP: "127.0.0.1", Method: "password"})
		return err
	}))
	w.leave()
	ask[string](w, fmt.Sprintf(`document.cookie = "yunshi_session=%s; path=/"`, session.Token))
}

// answer writes the file that the tax administration would give the vendor for
// the newest request, and says which request that is.
func (w *walk) answer(number string) (id invoice.ID, file string) {
	w.t.Helper()
	err := w.d.App.DB.Read(w.t.Context(), func(r db.Reader) error {
		all, err := invoice.All(w.t.Context(), r, "", 1)
		if err != nil {
			return err
		}
		seller, err := vendor.Get(w.t.Context(), r, all[0].Vendor)
		if err != nil {
			return err
		}
		q, err := invoice.Get(w.t.Context(), r, audit.Actor{Kind: audit.Person, Account: string(seller.Account), Roles: []string{"owner"}}, all[0].ID)
		if err != nil {
			return err
		}
		card, err := vendor.Card(w.t.Context(), r, q.Vendor)
		if err != nil {
			return err
		}
		id, file = q.ID, filepath.Join(w.t.TempDir(), "invoice.xml")
		return os.WriteFile(file, world.EInvoice(world.Answer(q, card, number, r.Now())), 0o600)
	})
	w.Must(err)
	return id, file
}

// invoice: a buyer asks for an invoice, the vendor issues it by its file, the buyer
// takes it and a red letter takes it back; the operator can only watch.
func (w *walk) invoice() {
	number := 1
	if w.again {
		number = 2
	}
	_, people, err := read()
	w.Must(err)
	buyer, officer := people.Customers[0].Users[0], people.Operator.Users[3] // who may look everywhere
	w.enter(buyer)
	w.buy(pass)

	order := "/orders/" + w.newest()
	w.open(order)
	w.look("order-with-invoice")
	w.open(order + "/slip")
	w.look("slip")
	w.open("/account/titles")
	w.look("titles")
	w.open(order + "/invoice")
	w.look("invoice-ask")
	if w.again { // the title was kept the first time
		w.choose(`main [name="title"]`)
	} else {
		w.choose(`[name="title_kind"][value="company"]`)
		w.fill("name", "宁波示例机电设备有限公司")
		w.fill("tax_id", "91330200MA9DEM0B1X")
		w.send(`[name="amount"]`)
		w.look("invoice-refused")
		w.fill("tax_id", "91330200MA9DEM0B1D")
		w.choose(`[name="save"]`)
	}
	w.choose(`[name="kind"][value="special"]`)
	w.send(`[name="amount"]`)
	w.at(order + "/invoice")
	w.look("invoice-asked")
	w.open("/account/invoices")
	w.look("invoice-list")

	id, file := w.answer(fmt.Sprintf("264400000000000%05d", number))
	w.enterSeller()
	w.open("/vendor/invoices")
	w.look("vendor-invoices")
	w.open("/vendor/invoices/" + string(id))
	w.look("vendor-invoice")
	wrong := filepath.Join(w.t.TempDir(), "wrong.xml")
	content, err := os.ReadFile(file)
	w.Must(err)
	w.Must(os.WriteFile(wrong, bytes.ReplaceAll(content, []byte("91330200MA9DEM0B1D"), []byte("91440300MA5DEMQ188")), 0o600))
	w.Do(chromedp.SetUploadFiles(css(`[name="file"]`), []string{wrong}))
	w.send(`[name="file"]`)
	w.look("vendor-invoice-refused")
	w.Do(chromedp.SetUploadFiles(css(`[name="file"]`), []string{file}))
	w.send(`[name="file"]`)
	w.look("vendor-invoice-issued")
	w.fill("confirmation", fmt.Sprintf("440300260300%08d", number))
	w.send(`[name="confirmation"]`)
	w.look("vendor-invoice-red")

	w.enter(buyer)
	w.open(order + "/invoice")
	w.look("invoice-red")
	if said := ask[string](w, `document.querySelector("main").innerText`); !strings.Contains(said, fmt.Sprintf("264400000000000%05d", number)) {
		w.t.Errorf("the page does not show the number:\n%s", said)
	}

	w.enter(officer)
	w.open("/operator/invoices")
	w.look("operator-invoices")
	w.open("/operator/invoices/" + string(id))
	w.look("operator-invoice")
	if ask[int64](w, `document.querySelectorAll('main form[method="post"]').length`) != 0 {
		w.t.Error("the operator can do something about an invoice")
	}
	if said := ask[string](w, `document.querySelector("main").innerText`); strings.Contains(said, "91330200MA9DEM0B1D") {
		w.t.Error("the operator sees the title")
	}
	w.open("/operator/billing")
	w.look("operator-billing")
}

// newest is the id of the newest order of who is signed in.
func (w *walk) newest() string {
	w.t.Helper()
	w.open("/orders")
	return strings.TrimPrefix(ask[string](w, `document.querySelector('main a[href^="/orders/ord_"]').getAttribute("href")`), "/orders/")
}
