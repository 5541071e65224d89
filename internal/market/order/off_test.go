package order_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/base/money"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/catalog"
	"yunshi/internal/market/delivery"
	"yunshi/internal/market/order"
	"yunshi/internal/market/payment"
	"yunshi/internal/market/promotion"
	"yunshi/internal/market/vendor"
	"yunshi/internal/testkit/world"
)

// discounted announces a discount of the world's vendor.
func discounted(t *testing.T, w *world.Trade, n promotion.NewDiscount) (d promotion.Discount) {
	t.Helper()
	if n.Until.IsZero() {
		n.Until = w.Clock.Now().Add(24 * time.Hour)
	}
	w.Write(func(tx *db.Tx) (err error) {
		d, err = promotion.Announce(t.Context(), tx, w.Seller, n)
		return err
	})
	return d
}

// issued makes vouchers of the world's vendor.
func issued(t *testing.T, w *world.Trade, offer catalog.Offer, terms promotion.BatchTerms, n int64) (b promotion.Batch, codes []string) {
	t.Helper()
	terms.Product, terms.Uses = offer.Product.ID, max(terms.Uses, 1)
	if terms.Until.IsZero() {
		terms.Until = w.Clock.Now().Add(24 * time.Hour)
	}
	w.Write(func(tx *db.Tx) (err error) {
		b, codes, err = promotion.Issue(t.Context(), tx, w.Seller, promotion.NewBatch{BatchTerms: terms, Codes: n})
		return err
	})
	return b, codes
}

// floored states the lowest price of the offer's plan.
func floored(t *testing.T, w *world.Trade, offer catalog.Offer, minor int64) {
	t.Helper()
	w.Write(func(tx *db.Tx) error {
		_, err := promotion.StateFloor(t.Context(), tx, w.Seller, offer.PlanID, cny(minor))
		return err
	})
}

// with is the purchase as a page would send it that has shown the code's total.
func with(t *testing.T, w *world.Trade, by audit.Actor, offer catalog.Offer, code string) order.Purchase {
	t.Helper()
	p := w.Purchase(by, offer)
	p.Voucher = code
	w.Read(func(r db.Reader) error {
		q, err := order.QuoteWith(t.Context(), r, by, p.Plan, p.Quantity, code)
		p.ExpectedTotal = q.Fee.Paid
		return err
	})
	return p
}

func used(t *testing.T, w *world.Trade, offer catalog.Offer) (n int64) {
	t.Helper()
	w.Read(func(r db.Reader) error {
		all, err := promotion.Batches(t.Context(), r, offer.Product.ID)
		for _, b := range all {
			n += b.Used
		}
		return err
	})
	return n
}

func TestClause_2_5_ListLessDiscountLessVoucherIsWhatTheProviderConfirms(t *testing.T) {
	trades(t, func(t *testing.T, w *world.Trade) {
		offer := w.Listed(world.Content(delivery.LicenceKey, 9_999))
		d := discounted(t, w, promotion.NewDiscount{Plan: offer.PlanID, Points: 1_250})
		batch, codes := issued(t, w, offer, promotion.BatchTerms{Amount: cny(1_001)}, 2)
		// 1,250 bp of 9,999 are 1,249.875: 1,249 off each, and 1,001 off the whole.
		const n, list, discount, voucher = 3, 29_997, 3_747, 1_001
		const paid = list - discount - voucher
		buyer := w.Customer(account.Individual)
		p := w.Purchase(buyer, offer)
		p.Quantity, p.ExpectedTotal, p.Voucher = n, cny(paid), codes[0]
		t.Run("allowed_all_parts_to_the_fen", func(t *testing.T) {
			placed, err := w.Place(buyer, p)
			if err != nil {
				t.Fatal(err)
			}
			w.Drain()
			w.Pay(placed.Attempt, cny(paid))
			w.Drain()
			o := w.Order(placed.ID)
			f := o.Fee
			if f.List != cny(list) || f.Discount != cny(discount) || f.Voucher != cny(voucher) || f.Paid != cny(paid) || f.Net.Minor+f.Tax.Minor != paid {
				t.Errorf("fee: %+v", f)
			}
			if want := int64(paid) * 600 / 10_600; f.Tax.Minor != want {
				t.Errorf("tax %d, want %d of what is paid", f.Tax.Minor, want)
			}
			if o.Commission.Amount.Minor != paid*o.Commission.Points/10_000 {
				t.Errorf("commission %+v of %d", o.Commission, paid)
			}
			if s := o.Snapshot.Off; s.Discount == nil || s.Discount.SHA256 != d.SHA256 || s.Voucher == nil || s.Voucher.SHA256 != batch.SHA256 || s.Voucher.Tail != codes[0][len(codes[0])-4:] {
				t.Errorf("frozen: %+v", s)
			}
			state(t, w, o.ID, order.Delivered)
			w.Read(func(r db.Reader) error {
				a, err := payment.Get(t.Context(), r, o.Attempt)
				if a.Captured != f.Paid {
					t.Errorf("captured %s, paid %s", a.Captured, f.Paid)
				}
				return err
			})
		})
		t.Run("refused_another_amount_than_the_parts_make", func(t *testing.T) {
			other := w.Customer(account.Individual)
			p := p
			p.For, p.Voucher = account.ID(other.Account), codes[1]
			placed, err := w.Place(other, p)
			if err != nil {
				t.Fatal(err)
			}
			w.Drain()
			w.Pay(placed.Attempt, cny(list)) // the list price instead
			w.Drain()
			state(t, w, placed.ID, order.AwaitingPayment)
			if all := w.Refunds(placed.ID); len(all) != 1 || all[0].Amount != cny(list) {
				t.Errorf("refunds: %+v", all)
			}
		})
		t.Run("refused_parts_that_do_not_add_up_by_the_database", func(t *testing.T) {
			for _, part := range []string{"list", "discount", "voucher", "paid", "net", "tax"} {
				err := w.DB.Write(t.Context(), func(tx *db.Tx) error {
					_, err := tx.Exec(t.Context(), fmt.Sprintf(`UPDATE order_order SET %s = %s + 1`, part, part))
					return err
				})
				if err == nil {
					t.Errorf("a fen more of %s was stored", part)
				}
			}
		})
		t.Run("allowed_everything_off_is_free", func(t *testing.T) {
			_, codes := issued(t, w, offer, promotion.BatchTerms{Points: 10_000}, 1)
			o, err := w.Place(buyer, with(t, w, buyer, offer, codes[0]))
			if err != nil {
				t.Fatal(err)
			}
			w.Drain()
			if o = w.Order(o.ID); o.State != order.Delivered || !o.Fee.Paid.IsZero() || o.Attempt != "" || o.Gateway != "none" {
				t.Errorf("free: %+v", o)
			}
		})
	})
}

func TestClause_4_7_7_NothingIsSoldBelowTheLowestPrice(t *testing.T) {
	trades(t, func(t *testing.T, w *world.Trade) {
		content := world.Content(delivery.LicenceKey, price)
		offer := w.Listed(content)
		floored(t, w, offer, 15_000)
		buyer := w.Customer(account.Individual)
		announce := func(n promotion.NewDiscount) error {
			n.Plan, n.Until = offer.PlanID, w.Clock.Now().Add(time.Hour)
			return w.DB.Write(t.Context(), func(tx *db.Tx) error {
				_, err := promotion.Announce(t.Context(), tx, w.Seller, n)
				return err
			})
		}
		t.Run("refused_discount_below", func(t *testing.T) {
			refused(t, announce(promotion.NewDiscount{Points: 2_500}), "DISCOUNT_TOO_LOW", "UA 4.7.7")
			refused(t, announce(promotion.NewDiscount{Price: cny(14_999)}), "DISCOUNT_TOO_LOW", "UA 4.7.7")
		})
		t.Run("allowed_discount_to_the_fen", func(t *testing.T) {
			if err := announce(promotion.NewDiscount{Price: cny(15_001)}); err != nil {
				t.Error(err)
			}
		})
		t.Run("allowed_voucher_to_the_fen", func(t *testing.T) {
			_, codes := issued(t, w, offer, promotion.BatchTerms{Amount: cny(1)}, 1)
			if o, err := w.Place(buyer, with(t, w, buyer, offer, codes[0])); err != nil || o.Fee.Paid != cny(15_000) {
				t.Errorf("%+v, %v", o.Fee, err)
			}
		})
		t.Run("refused_discount_and_voucher_together", func(t *testing.T) {
			_, codes := issued(t, w, offer, promotion.BatchTerms{Amount: cny(2)}, 1)
			for _, total := range []int64{14_999, 15_000, 15_001} { // whatever the client sends
				p := w.Purchase(buyer, offer)
				p.Voucher, p.ExpectedTotal = codes[0], cny(total)
				_, err := w.Place(buyer, p)
				refused(t, err, "PRICE_INVARIANT", "UA 4.7.7")
				if f, _ := fault.Of(err); f.Field != "voucher" {
					t.Errorf("blames %q", f.Field)
				}
			}
		})
		t.Run("refused_total_of_another_price", func(t *testing.T) {
			p := w.Purchase(buyer, offer) // the list price, which is more than the discount's
			_, err := w.Place(buyer, p)
			refused(t, err, "PRICE_INVARIANT", "UA 4.7.7")
		})
		t.Run("refused_when_a_lower_list_price_meets_an_old_discount", func(t *testing.T) {
			other := w.Listed(content)
			floored(t, w, other, 15_000)
			discounted(t, w, promotion.NewDiscount{Plan: other.PlanID, Points: 2_000})
			content.Plans[0].Price = cny(16_000)
			var next catalog.Version
			w.Write(func(tx *db.Tx) (err error) {
				next, err = catalog.Revise(t.Context(), tx, w.Seller, other.Product.ID, content)
				return err
			})
			w.Write(func(tx *db.Tx) error { _, err := catalog.Submit(t.Context(), tx, w.Seller, next.ID); return err })
			w.Write(func(tx *db.Tx) error {
				_, err := catalog.Review(t.Context(), tx, w.Compliance, next.ID, catalog.Verdict{Approve: true})
				return err
			})
			p := w.Purchase(buyer, other)
			p.TermsSHA256, p.ExpectedTotal = next.SHA256, cny(12_800)
			placeRefused(t, w, buyer, p, "PRICE_INVARIANT", "UA 4.7.7")
		})
		t.Run("allowed_list_price_below_the_lowest_price", func(t *testing.T) {
			cheap := w.Listed(world.Content(delivery.LicenceKey, price))
			floored(t, w, cheap, price)
			if _, err := w.Place(buyer, w.Purchase(buyer, cheap)); err != nil {
				t.Error(err)
			}
		})
	})
}

func TestClause_3_2_OnlyTheVendorTakesAnythingOffItsPrice(t *testing.T) {
	trades(t, func(t *testing.T, w *world.Trade) {
		offer := w.Listed(world.Content(delivery.LicenceKey, price))
		until := w.Clock.Now().Add(time.Hour)
		d := discounted(t, w, promotion.NewDiscount{Plan: offer.PlanID, Points: 1_000, Until: until})
		b, _ := issued(t, w, offer, promotion.BatchTerms{Amount: cny(1)}, 1)
		other, _ := w.NewVendor()
		acts := map[string]func(tx *db.Tx, by audit.Actor) error{
			"discount": func(tx *db.Tx, by audit.Actor) error {
				_, err := promotion.Announce(t.Context(), tx, by, promotion.NewDiscount{Plan: offer.PlanID, Points: 1, From: until, Until: until.Add(time.Hour)})
				return err
			},
			"end_discount": func(tx *db.Tx, by audit.Actor) error {
				_, err := promotion.EndDiscount(t.Context(), tx, by, d.ID)
				return err
			},
			"voucher": func(tx *db.Tx, by audit.Actor) error {
				_, _, err := promotion.Issue(t.Context(), tx, by, promotion.NewBatch{Codes: 1, BatchTerms: promotion.BatchTerms{
					Product: offer.Product.ID, Amount: cny(1), Uses: 1, Until: until,
				}})
				return err
			},
			"end_voucher": func(tx *db.Tx, by audit.Actor) error {
				_, err := promotion.EndBatch(t.Context(), tx, by, b.ID)
				return err
			},
			"floor": func(tx *db.Tx, by audit.Actor) error {
				_, err := promotion.StateFloor(t.Context(), tx, by, offer.PlanID, cny(1))
				return err
			},
		}
		for name, act := range acts {
			do := func(by audit.Actor) error {
				return w.DB.Write(t.Context(), func(tx *db.Tx) error { return act(tx, by) })
			}
			t.Run("refused_operator_"+name, func(t *testing.T) {
				refused(t, do(w.Compliance), "OPERATOR_MAY_NOT_EDIT", "UA 3.2")
				refused(t, do(w.Staff("superadmin")), "OPERATOR_MAY_NOT_EDIT", "UA 3.2")
				refused(t, do(audit.Job("anything")), "OPERATOR_MAY_NOT_EDIT", "UA 3.2")
			})
			t.Run("refused_another_vendor_"+name, func(t *testing.T) { refused(t, do(other), "NOT_FOUND", "UA 4.7.3") })
			t.Run("allowed_vendor_"+name, func(t *testing.T) {
				if err := do(w.Seller); err != nil {
					t.Error(err)
				}
			})
		}
	})
}

func TestAVoucherIsRefusedWithItsReasonAndAnOrderNeverLosesItInSilence(t *testing.T) {
	trades(t, func(t *testing.T, w *world.Trade) {
		offer, sibling := w.Listed(world.Content(delivery.LicenceKey, price)), w.Listed(world.Content(delivery.LicenceKey, price))
		buyer, other := w.Customer(account.Individual), w.Customer(account.Individual)
		_, good := issued(t, w, offer, promotion.BatchTerms{Amount: cny(100), Uses: 2}, 1)
		_, dear := issued(t, w, offer, promotion.BatchTerms{Amount: cny(100), Minimum: cny(price + 1)}, 1)
		_, elsewhere := issued(t, w, sibling, promotion.BatchTerms{Amount: cny(100)}, 1)
		_, brief := issued(t, w, offer, promotion.BatchTerms{Amount: cny(100), Until: w.Clock.Now().Add(time.Minute)}, 1)
		_, personal := issued(t, w, offer, promotion.BatchTerms{Points: 5_000, OnlyFor: vendor.OpenID(w.Vendor, account.ID(other.Account), w.DB.Keys())}, 1)
		ended, gone := issued(t, w, offer, promotion.BatchTerms{Amount: cny(100)}, 1)
		w.Write(func(tx *db.Tx) error {
			_, err := promotion.EndBatch(t.Context(), tx, w.Seller, ended.ID)
			return err
		})
		w.Clock.Advance(2 * time.Minute)
		for name, c := range map[string]struct{ code, want string }{
			"unknown": {"0000-0000-0000-0000", "VOUCHER_UNKNOWN"}, "no_code_at_all": {"!?", "VOUCHER_UNKNOWN"}, "minimum": {dear[0], "VOUCHER_MINIMUM"},
			"other_product": {elsewhere[0], "VOUCHER_NOT_FOR_PLAN"}, "expired": {brief[0], "VOUCHER_EXPIRED"}, "ended_early": {gone[0], "VOUCHER_EXPIRED"},
			"of_another_customer": {personal[0], "VOUCHER_NOT_FOR_ACCOUNT"},
		} {
			t.Run("refused_"+name, func(t *testing.T) {
				w.Read(func(r db.Reader) error {
					q, err := order.QuoteWith(t.Context(), r, buyer, offer.PlanID, 1, c.code)
					refused(t, q.Declined, c.want, "")
					if q.Fee.Paid != cny(price) || q.Refusal != nil {
						t.Errorf("the purchase without the code: %+v, %v", q.Fee, q.Refusal)
					}
					return err
				})
				p := w.Purchase(buyer, offer)
				p.Voucher = c.code
				_, err := w.Place(buyer, p)
				refused(t, err, c.want, "")
			})
		}
		t.Run("allowed_for_its_customer", func(t *testing.T) {
			if o, err := w.Place(other, with(t, w, other, offer, personal[0])); err != nil || o.Fee.Voucher != cny(price/2) {
				t.Errorf("%+v, %v", o.Fee, err)
			}
		})
		t.Run("allowed_as_people_type_it", func(t *testing.T) {
			typed := " " + string([]rune(good[0])[:4]) + " " + string([]rune(good[0])[5:])
			if o, err := w.Place(buyer, with(t, w, buyer, offer, typed)); err != nil || o.Fee.Voucher != cny(100) {
				t.Errorf("%+v, %v", o.Fee, err)
			}
		})
		t.Run("refused_second_time", func(t *testing.T) {
			p := w.Purchase(buyer, offer)
			p.Voucher, p.ExpectedTotal = good[0], cny(price-100)
			_, err := w.Place(buyer, p)
			refused(t, err, "VOUCHER_ALREADY_USED", "")
			w.Read(func(r db.Reader) error {
				q, err := order.QuoteWith(t.Context(), r, buyer, offer.PlanID, 1, good[0])
				refused(t, q.Declined, "VOUCHER_ALREADY_USED", "")
				return err
			})
		})
		t.Run("refused_used_up", func(t *testing.T) {
			if _, err := w.Place(other, with(t, w, other, offer, good[0])); err != nil {
				t.Fatal(err)
			}
			third := w.Customer(account.Individual)
			p := w.Purchase(third, offer)
			p.Voucher, p.ExpectedTotal = good[0], cny(price-100)
			_, err := w.Place(third, p)
			refused(t, err, "VOUCHER_USED_UP", "")
			w.Read(func(r db.Reader) error {
				q, err := order.QuoteWith(t.Context(), r, third, offer.PlanID, 1, good[0])
				refused(t, q.Declined, "VOUCHER_USED_UP", "")
				return err
			})
		})
	})
}

func TestAVoucherComesBackWhenNobodyPaysAndStaysUsedAfterARefund(t *testing.T) {
	trades(t, func(t *testing.T, w *world.Trade) {
		offer := w.Listed(world.Content(delivery.HookNative, price))
		_, codes := issued(t, w, offer, promotion.BatchTerms{Amount: cny(900), Until: w.Clock.Now().Add(100 * time.Hour)}, 1)
		buyer, other := w.Customer(account.Individual), w.Customer(account.Individual)
		place := func(by audit.Actor) order.Order {
			t.Helper()
			o, err := w.Place(by, with(t, w, by, offer, codes[0]))
			if err != nil {
				t.Fatal(err)
			}
			w.Drain()
			if n := used(t, w, offer); n != 1 || o.Fee.Voucher != cny(900) {
				t.Errorf("used %d times, %+v", n, o.Fee)
			}
			return w.Order(o.ID)
		}
		free := func(t *testing.T, how string) {
			t.Helper()
			if n := used(t, w, offer); n != 0 {
				t.Errorf("%s: used %d times", how, n)
			}
		}
		o := place(buyer)
		w.Write(func(tx *db.Tx) error { _, err := order.Cancel(t.Context(), tx, buyer, o.ID); return err })
		free(t, "cancelled")
		o = place(buyer) // the same account may use it again
		w.Clock.Set(o.ExpiresAt)
		w.Drain()
		state(t, w, o.ID, order.Expired)
		free(t, "expired")
		w.Pay(o.Attempt, o.Fee.Paid) // late money goes back and takes no voucher
		w.Drain()
		free(t, "late money")

		w.System.Fail(delivery.ErrRefused)
		o = place(other)
		w.Pay(o.Attempt, o.Fee.Paid)
		w.Drain()
		state(t, w, o.ID, order.Refunded)
		if all := w.Refunds(o.ID); len(all) != 1 || all[0].Amount != cny(price-900) {
			t.Errorf("refunds: %+v", all)
		}
		if n := used(t, w, offer); n != 1 {
			t.Errorf("after a refund it is used %d times, want 1", n)
		}
	})
}

func TestADiscountRunsFromItsFirstToItsLastMoment(t *testing.T) {
	trades(t, func(t *testing.T, w *world.Trade) {
		offer := w.Listed(world.Content(delivery.LicenceKey, price))
		from := w.Clock.Now().Add(time.Hour)
		until := from.Add(time.Hour)
		announced := promotion.NewDiscount{Plan: offer.PlanID, Price: cny(100), From: from, Until: until}
		d := discounted(t, w, announced)
		paid := func() money.Amount {
			return quoted(t, w, audit.Actor{}, order.Purchase{Plan: offer.PlanID, Quantity: 1}).Fee.Paid
		}
		for _, c := range []struct {
			at   time.Time
			want int64
		}{{from.Add(-time.Microsecond), price}, {from, 100}, {until.Add(-time.Microsecond), 100}, {until, price}} {
			w.Clock.Set(c.at)
			if got := paid(); got != cny(c.want) {
				t.Errorf("at %s: %s, want %d", c.at, got, c.want)
			}
		}
		w.Clock.Set(from)
		err := w.DB.Write(t.Context(), func(tx *db.Tx) error {
			_, err := promotion.Announce(t.Context(), tx, w.Seller, promotion.NewDiscount{Plan: offer.PlanID, Points: 1, Until: until})
			return err
		})
		refused(t, err, "DISCOUNT_OVERLAP", "")
		w.Write(func(tx *db.Tx) error { _, err := promotion.EndDiscount(t.Context(), tx, w.Seller, d.ID); return err })
		if got := paid(); got != cny(price) {
			t.Errorf("after its early end: %s", got)
		}
		err = w.DB.Write(t.Context(), func(tx *db.Tx) error {
			_, err := promotion.EndDiscount(t.Context(), tx, w.Seller, d.ID)
			return err
		})
		refused(t, err, "PROMOTION_OVER", "")
		next := discounted(t, w, promotion.NewDiscount{Plan: offer.PlanID, Price: cny(200), Until: until})
		if next.Number != 2 || next.SHA256 == d.SHA256 || paid() != cny(200) {
			t.Errorf("the next one: %+v, %s", next, paid())
		}
	})
}

// A voucher with three uses makes three orders, however many want it at once.
func TestSixteenBuyersOfAVoucherWithThreeUsesGetThreeOrders(t *testing.T) {
	const uses = 3
	trades(t, func(t *testing.T, w *world.Trade) {
		offer := w.Listed(world.Content(delivery.LicenceKey, price))
		_, codes := issued(t, w, offer, promotion.BatchTerms{Amount: cny(1_000), Uses: uses}, 1)
		var buyers [racers]audit.Actor
		for i := range buyers {
			buyers[i] = w.Customer(account.Individual)
		}
		var placed, late atomic.Int64
		world.Together(racers, func(i int) {
			p := w.Purchase(buyers[i], offer)
			p.Voucher, p.ExpectedTotal = codes[0], cny(price-1_000)
			_, err := w.Place(buyers[i], p)
			switch f, ok := fault.Of(err); {
			case err == nil:
				placed.Add(1)
			case ok && f.Code == "VOUCHER_USED_UP":
				late.Add(1)
			default:
				t.Error(err)
			}
		})
		if placed.Load() != uses || late.Load() != racers-uses || used(t, w, offer) != uses {
			t.Errorf("%d orders, %d too late, used %d times", placed.Load(), late.Load(), used(t, w, offer))
		}
	})
}
