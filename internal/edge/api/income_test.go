package api_test

import (
	"testing"
	"time"

	"yunshi/client"
	"yunshi/internal/base/db"
	"yunshi/internal/market/account"
	"yunshi/internal/market/delivery"
	"yunshi/internal/market/ledger"
	"yunshi/internal/market/settlement"
	"yunshi/internal/testkit/world"
)

// TestAVendorIsPaidOverHTTP follows the money of one order to the vendor's account
// and into the statement of its month.
func TestAVendorIsPaidOverHTTP(t *testing.T) {
	onBoth(t, func(t *testing.T, b *bench) {
		ctx := t.Context()
		vendor := b.as(b.Seller)
		cny := func(minor int64) client.Amount { return client.Amount{Minor: minor, Currency: "CNY"} }
		preview := must(vendor.Commission(ctx, cny(200000), "saas"))(t)
		if preview.Vendor != cny(180000) || preview.Rulebook != "settlement#1" || preview.Basis != "flat" {
			t.Errorf("preview %+v", preview)
		}
		o := b.Bought(b.Customer(account.LegalPerson), b.Listed(world.Content(delivery.LicenceKey, 200000)))
		if s := must(vendor.Standing(ctx))(t); s.Escrow != cny(200000) || s.Withdrawable.Minor != 0 {
			t.Errorf("before the release: %+v", s)
		}
		held := must(vendor.Collections(ctx, client.List{}))(t).Items
		if len(held) != 1 || held[0].Order != string(o.ID) || held[0].State != "held" || held[0].Expected != cny(180000) || held[0].ReleaseAt == nil {
			t.Fatalf("%+v", held)
		}
		ask := client.WithdrawalRequest{Gateway: world.Gateway, Amount: cny(100000)}
		_, _, err := vendor.Withdraw(ctx, "too early", ask)
		code(t, err, "WITHDRAW_NOT_DUE")

		b.Clock.Advance(9 * 24 * time.Hour)
		b.Drain()
		b.Clock.Advance(time.Second)
		first, _, err := vendor.Withdraw(ctx, "w-1", ask)
		if err != nil || first.State != "paying" {
			t.Fatalf("%+v, %v", first, err)
		}
		again, replayed, err := vendor.Withdraw(ctx, "w-1", ask)
		if err != nil || !replayed || again.ID != first.ID {
			t.Errorf("the same key: %+v, %v, %v", again, replayed, err)
		}
		ask.Amount.Minor++
		_, _, err = vendor.Withdraw(ctx, "w-1", ask)
		code(t, err, "IDEMPOTENCY_CONFLICT")
		for name, bad := range map[string]client.Amount{"negative": cny(-100), "nothing": cny(0), "another currency": {Minor: 1000, Currency: "USD"}} {
			if _, _, err := vendor.Withdraw(ctx, "", client.WithdrawalRequest{Gateway: world.Gateway, Amount: bad}); client.Code(err) == "" {
				t.Errorf("refused: %s: %v", name, err)
			}
		}
		b.Drain()
		if w := must(vendor.Withdrawal(ctx, first.ID))(t); w.State != "paid" {
			t.Errorf("%+v", w)
		}
		if s := must(vendor.Standing(ctx))(t); s.Payable != cny(80000) || s.Escrow.Minor != 0 {
			t.Errorf("after the payout: %+v", s)
		}
		_, err = vendor.CancelWithdrawal(ctx, first.ID)
		code(t, err, "STALE")

		month := ledger.MonthOf(b.Clock.Now())
		if err := vendor.AgreeStatement(ctx, string(month)); client.Code(err) != "STALE" {
			t.Errorf("agreed to a month that runs: %v", err)
		}
		_, next, err := month.Bounds()
		if err != nil {
			t.Fatal(err)
		}
		b.Clock.Advance(next.Sub(b.Clock.Now()) + 2*time.Hour)
		b.Write(func(tx *db.Tx) error { return settlement.Start(ctx, tx) })
		b.Drain()
		vendor = b.as(b.Seller)
		sent := must(vendor.Statements(ctx))(t).Items
		if len(sent) != 1 || sent[0].Month != string(month) || sent[0].Closing != cny(80000) || sent[0].AgreedAt != nil {
			t.Fatalf("%+v", sent)
		}
		s := must(vendor.Statement(ctx, string(month)))(t)
		if len(s.Lines) != 2 || s.Lines[0].Order != string(o.ID) || s.Lines[0].Commission != cny(20000) || s.SHA256 != sent[0].SHA256 || s.Collector != world.Operator {
			t.Errorf("%+v", s)
		}
		err = vendor.ObjectStatement(ctx, string(month), " ")
		code(t, err, "FIELD_REQUIRED")
		if err := vendor.ObjectStatement(ctx, string(month), "one order is missing"); err != nil {
			t.Fatal(err)
		}
		if err := vendor.AgreeStatement(ctx, string(month)); err != nil {
			t.Fatal(err)
		}
		if s := must(vendor.Statement(ctx, string(month)))(t); s.AgreedBy != "vendor" || s.Objection != "one order is missing" {
			t.Errorf("%+v", s)
		}
		other, _ := b.NewVendor()
		rival := b.as(other)
		_, err = rival.Statement(ctx, string(month))
		code(t, err, "NOT_FOUND")
		if err := rival.AgreeStatement(ctx, string(month)); client.Code(err) != "NOT_FOUND" {
			t.Errorf("refused: another vendor's statement agreed to: %v", err)
		}
		_, err = rival.Withdrawal(ctx, first.ID)
		code(t, err, "NOT_FOUND")
		if mine := must(rival.Withdrawals(ctx, client.List{}))(t); len(mine.Items) != 0 {
			t.Errorf("another vendor's withdrawals: %+v", mine.Items)
		}
		b.balanced()
	})
}
