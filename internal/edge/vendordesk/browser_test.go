package vendordesk_test

import (
	"testing"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/base/money"
	"yunshi/internal/market/account"
	"yunshi/internal/market/delivery"
	"yunshi/internal/market/ledger"
	"yunshi/internal/market/settlement"
	"yunshi/internal/testkit"
	"yunshi/internal/testkit/tab"
	"yunshi/internal/testkit/world"
)

// TestTheMoneyPagesInARealBrowser opens each page about money on a phone and on a
// desk in both languages, and types a price into the editor.
func TestTheMoneyPagesInARealBrowser(t *testing.T) {
	b := tab.Open(t)
	clock := testkit.NewClock()
	w := trade(t, testkit.OpenAt(t, db.SQLite, clock), clock)
	buyer := w.Customer(account.LegalPerson)
	var done string
	for i, price := range []int64{200000, 480000, 360000} {
		offer := w.Listed(world.Content(delivery.LicenceKey, price))
		for range i + 1 {
			done = string(w.Bought(buyer, offer).ID)
		}
		w.Clock.Advance(9 * 24 * time.Hour)
		w.Drain()
		w.monthOver(ledger.MonthOf(w.Clock.Now()))
	}
	service := world.Content(delivery.LicenceKey, 980000)
	service.Category, service.DeliveryType = "custom_software", "manual_service"
	open := w.Bought(buyer, w.Listed(world.Content(delivery.LicenceKey, 128000)))
	w.Bought(buyer, w.Listed(service))
	w.Write(func(tx *db.Tx) error {
		_, err := settlement.Request(t.Context(), tx, w.Seller, w.Vendor, world.Gateway, money.Amount{Minor: 500000, Currency: money.CNY})
		return err
	})
	w.Drain()
	var disputed settlement.Collection
	w.Read(func(r db.Reader) error {
		all, err := settlement.LastReleased(t.Context(), r, w.Vendor, 1)
		disputed = all[0]
		return err
	})
	d := w.Provider.OpenDispute(disputed.Attempt, disputed.Gross, money.Zero(money.CNY))
	w.DisputeNotice(d.ProviderID)
	w.Write(func(tx *db.Tx) error {
		if _, err := tx.Exec(t.Context(), `UPDATE vendor_merchant SET added_at = $1`, db.Micros(tx.Now())); err != nil {
			return err
		}
		_, err := settlement.Request(t.Context(), tx, w.Seller, w.Vendor, world.Gateway, money.Amount{Minor: 100000, Currency: money.CNY})
		return err
	})
	w.Drain()
	month := ledger.MonthOf(w.Clock.Now().AddDate(0, 0, -2))

	server := tab.Serve(t, w.m.handler, w.seller.token)
	pages := [][2]string{
		{"income", "/vendor/income"}, {"statements", "/vendor/income/statements"}, {"statement", "/vendor/income/statements/" + string(month)},
		{"running", "/vendor/income/statements/" + string(ledger.MonthOf(w.Clock.Now()))}, {"order-open", "/vendor/orders/" + string(open.ID)},
		{"order-done", "/vendor/orders/" + done}, {"order-disputed", "/vendor/orders/" + string(disputed.Order)}, {"money", "/vendor/money"},
		{"new", "/vendor/products/new"},
	}
	b.Languages(func(lang string) {
		for _, page := range pages {
			b.Open(server, page[1], lang)
			if page[0] == "new" {
				typePrice(b)
			}
			b.Look(page[0], lang)
		}
		// From the form to the question, by its button alone.
		b.Open(server, "/vendor/income", lang)
		b.Send(`form[action="/vendor/income/withdrawals"] button`)
		b.Until(`!!document.querySelector('input[name=confirmed]')`)
		b.Look("withdraw", lang)
	})
}

// typePrice types a price and waits for what it brings, without sending the form.
func typePrice(b *tab.Tab) {
	tab.Ask[bool](b, `{ const p = document.querySelector('[name="plans.0.price"]'); p.value = "1980"; p.dispatchEvent(new InputEvent("input", {bubbles: true})); true }`)
	b.Until(`document.querySelector("#commission-0").innerText.includes("1,782.00")`)
}
