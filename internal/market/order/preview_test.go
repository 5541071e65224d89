package order_test

import (
	"testing"

	"yunshi/internal/base/db"
	"yunshi/internal/market/account"
	"yunshi/internal/market/delivery"
	"yunshi/internal/market/order"
	"yunshi/internal/testkit"
	"yunshi/internal/testkit/world"
)

// What a vendor was shown before it set a price is what its order freezes.
func TestAPreviewIsWhatTheOrderFreezes(t *testing.T) {
	testkit.EnginesAt(t, func(t *testing.T, d *db.DB, clock *testkit.Clock) {
		w := world.NewTrade(t, d, clock)
		buyer := w.Customer(account.LegalPerson)
		for _, price := range []int64{1, 9, 99, 19801, 200000, 1<<31 + 7} {
			content := world.Content(delivery.LicenceKey, price)
			var said order.Preview
			w.Read(func(r db.Reader) (err error) {
				said, err = order.PreviewOf(t.Context(), r, w.Vendor, content, content.Plans[0])
				return err
			})
			o := w.Placed(buyer, w.Listed(content))
			if said.Commission != o.Commission || said.Fee != o.Fee || said.Refund.Class != o.Refund().Class || said.Refund.Days != o.Refund().Days {
				t.Errorf("%d: said %+v, frozen %+v, %+v", price, said, o.Commission, o.Refund())
			}
			if said.Vendor.Minor != price-said.Commission.Amount.Minor {
				t.Errorf("%d: %s for the vendor", price, said.Vendor)
			}
		}
	})
}
