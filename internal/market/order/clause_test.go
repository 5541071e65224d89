package order_test

import (
	"slices"
	"testing"

	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/base/money"
	"yunshi/internal/market/account"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/catalog"
	"yunshi/internal/market/command"
	"yunshi/internal/market/delivery"
	"yunshi/internal/market/entitlement"
	"yunshi/internal/market/ledger"
	"yunshi/internal/market/order"
	"yunshi/internal/market/payment"
	"yunshi/internal/market/vendor"
	"yunshi/internal/testkit/world"
)

// placeRefused wants a purchase refused, here and on the page before it.
func placeRefused(t *testing.T, w *world.Trade, by audit.Actor, p order.Purchase, code, clause string) {
	t.Helper()
	_, err := w.Place(by, p)
	refused(t, err, code, clause)
	refused(t, quoted(t, w, by, p).Refusal, code, clause)
}

func TestClause_P_3_NobodyOrdersBeforeTheAgreementIsAccepted(t *testing.T) {
	trades(t, func(t *testing.T, w *world.Trade) {
		offer := w.Listed(world.Content(delivery.LicenceKey, price))
		by := w.Registered(account.Individual)
		p := w.Purchase(by, offer)
		t.Run("allowed_browsing", func(t *testing.T) {
			if q := quoted(t, w, audit.Actor{}, p); q.Fee.Paid != cny(price) || q.Refusal != nil {
				t.Errorf("a visitor's quote: %+v", q)
			}
			if q := quoted(t, w, by, p); q.Fee.Paid != cny(price) {
				t.Errorf("the quote before acceptance: %+v", q)
			}
		})
		t.Run("refused_order", func(t *testing.T) {
			placeRefused(t, w, by, p, "AGREEMENT_NOT_ACCEPTED", "UA P-3")
			w.Verify(by)
			placeRefused(t, w, by, p, "AGREEMENT_NOT_ACCEPTED", "UA P-3")
		})
		t.Run("refused_for_an_account_that_has_not_accepted", func(t *testing.T) {
			buyer := w.Customer(account.Individual)
			w.Write(func(tx *db.Tx) error {
				return account.AddMember(t.Context(), tx, by, account.ID(by.Account), account.UserID(buyer.User))
			})
			p := w.Purchase(buyer, offer)
			p.For = account.ID(by.Account)
			_, err := w.Place(buyer, p)
			refused(t, err, "AGREEMENT_NOT_ACCEPTED", "UA P-3")
		})
		t.Run("allowed_order_after_acceptance", func(t *testing.T) {
			w.Accept(by)
			if _, err := w.Place(by, p); err != nil {
				t.Error(err)
			}
		})
	})
}

func TestClause_6_1_NobodyOrdersWithoutARealName(t *testing.T) {
	trades(t, func(t *testing.T, w *world.Trade) {
		by := w.Registered(account.Individual)
		w.Accept(by)
		p := w.Purchase(by, w.Listed(world.Content(delivery.LicenceKey, price)))
		t.Run("refused_before_verification", func(t *testing.T) { placeRefused(t, w, by, p, "REALNAME_REQUIRED", "UA 6.1") })
		w.Verify(by)
		t.Run("allowed_after_verification", func(t *testing.T) {
			if _, err := w.Place(by, p); err != nil {
				t.Error(err)
			}
		})
	})
}

func TestClause_8_2_3_ARestrictedAccountBuysNothing(t *testing.T) {
	trades(t, func(t *testing.T, w *world.Trade) {
		buyer, friend := w.Customer(account.Individual), w.Customer(account.Individual)
		offer := w.Listed(world.Content(delivery.LicenceKey, price))
		p := w.Purchase(buyer, offer)
		placed := w.Placed(buyer, offer)
		w.Write(func(tx *db.Tx) error {
			if err := account.AddMember(t.Context(), tx, buyer, account.ID(buyer.Account), account.UserID(friend.User)); err != nil {
				return err
			}
			return account.Restrict(t.Context(), tx, w.Compliance, account.Restriction{Account: account.ID(buyer.Account), Capability: account.Buy, Case: "case-1"})
		})
		t.Run("refused_new_order", func(t *testing.T) { placeRefused(t, w, buyer, p, "ACCOUNT_RESTRICTED", "UA 8.2.3") })
		t.Run("refused_through_a_friend", func(t *testing.T) {
			_, err := w.Place(friend, p)
			refused(t, err, "ACCOUNT_RESTRICTED", "UA 8.2.3")
		})
		t.Run("allowed_money_on_its_way", func(t *testing.T) {
			w.Pay(placed.Attempt, placed.Fee.Paid)
			w.Drain()
			state(t, w, placed.ID, order.Delivered)
		})
		t.Run("allowed_own_purchase_of_the_friend", func(t *testing.T) {
			if _, err := w.Place(friend, w.Purchase(friend, offer)); err != nil {
				t.Error(err)
			}
		})
	})
}

func TestClause_2_5_TheFeeIsWhatTheProviderConfirmsToTheFen(t *testing.T) {
	trades(t, func(t *testing.T, w *world.Trade) {
		buyer := w.Customer(account.Individual)
		t.Run("allowed_exact", func(t *testing.T) {
			for _, minor := range []int64{1, 7, 9999, 19900, 1234567} {
				offer := w.Listed(world.Content(delivery.LicenceKey, minor))
				p := w.Purchase(buyer, offer)
				p.Quantity, p.ExpectedTotal = 3, cny(3*minor)
				placed, err := w.Place(buyer, p)
				if err != nil {
					t.Fatal(err)
				}
				w.Drain()
				w.Pay(placed.Attempt, cny(3*minor))
				w.Drain()
				o := w.Order(placed.ID)
				f := o.Fee
				if o.State != order.Delivered || f.List.Minor-f.Discount.Minor-f.Voucher.Minor != 3*minor || f.Net.Minor+f.Tax.Minor != 3*minor {
					t.Errorf("%d: %s %+v", minor, o.State, f)
				}
				w.Read(func(r db.Reader) error {
					a, err := payment.Get(t.Context(), r, o.Attempt)
					if a.Captured != f.Paid {
						t.Errorf("captured %s, paid %s", a.Captured, f.Paid)
					}
					return err
				})
			}
		})
		offer := w.Listed(world.Content(delivery.LicenceKey, price))
		for name, wrong := range map[string]money.Amount{
			"refused_a_fen_less": cny(price - 1), "refused_a_fen_more": cny(price + 1), "refused_another_currency": {Minor: price, Currency: money.USD},
		} {
			t.Run(name, func(t *testing.T) {
				o := w.Placed(buyer, offer)
				w.Pay(o.Attempt, wrong)
				w.Drain()
				state(t, w, o.ID, order.AwaitingPayment)
				if len(rights(t, w, o.ID)) != 0 {
					t.Error("a right was granted")
				}
				all := w.Refunds(o.ID)
				if len(all) != 1 || all[0].Amount != wrong || all[0].State != payment.RefundSucceeded {
					t.Errorf("refunds: %+v", all)
				}
				// The customer may still pay what is due.
				var again order.Order
				w.Write(func(tx *db.Tx) (err error) {
					again, err = order.PayAgain(t.Context(), tx, buyer, o.ID, world.Gateway)
					return err
				})
				w.Drain()
				w.Pay(again.Attempt, again.Fee.Paid)
				w.Drain()
				state(t, w, o.ID, order.Delivered)
			})
		}
		t.Run("refused_money_does_not_keep_the_order_open", func(t *testing.T) {
			o := w.Placed(buyer, offer)
			w.Pay(o.Attempt, cny(1))
			w.Drain()
			w.Clock.Set(o.ExpiresAt)
			w.Drain()
			state(t, w, o.ID, order.Expired)
		})
	})
}

func TestClause_3_1_WhatIsCollectedIsHeldForTheVendor(t *testing.T) {
	trades(t, func(t *testing.T, w *world.Trade) {
		buyer := w.Customer(account.Individual)
		good, bad := w.Listed(world.Content(delivery.LicenceKey, price)), w.Listed(world.Content(delivery.HookNative, 3000))
		w.System.Fail(delivery.ErrRefused)
		collected, back := int64(0), int64(0)
		// held is checked at every instant: after every single step.
		held := func(t *testing.T, step string) {
			t.Helper()
			w.Read(func(r db.Reader) error {
				totals, err := ledger.Trial(t.Context(), r)
				sum := map[ledger.Account]int64{}
				for _, total := range totals {
					sum[total.Account] -= total.Amount.Minor
				}
				if got := sum[ledger.Escrow] + sum[ledger.Tax]; got != collected-back {
					t.Errorf("%s: held %d, want collected %d − refunded %d", step, got, collected, back)
				}
				for a := range sum {
					switch a {
					case ledger.Escrow, ledger.Tax, ledger.Clearing, ledger.InFlight, ledger.Suspense:
					default:
						t.Errorf("%s: money in %s, without a fee rule that was agreed", step, a)
					}
				}
				return err
			})
			clean(t, w)
		}
		t.Run("allowed_capture", func(t *testing.T) {
			for range 3 {
				o := w.Placed(buyer, good)
				held(t, "placed")
				w.Pay(o.Attempt, o.Fee.Paid)
				held(t, "noticed")
				w.Drain()
				collected += price
				held(t, "paid")
			}
		})
		t.Run("allowed_refund", func(t *testing.T) {
			o := w.Placed(buyer, bad)
			w.Pay(o.Attempt, o.Fee.Paid)
			w.Drain()
			collected, back = collected+3000, back+3000
			held(t, "refunded")
			state(t, w, o.ID, order.Refunded)
		})
		t.Run("refused_money_nobody_asked_for", func(t *testing.T) {
			o := w.Placed(buyer, good)
			w.Pay(o.Attempt, cny(1))
			w.Drain()
			held(t, "wrong amount")
		})
		t.Run("refused_vendor_that_cannot_be_paid", func(t *testing.T) {
			w.Write(func(tx *db.Tx) error {
				_, err := tx.Exec(t.Context(), `UPDATE vendor_vendor SET merchant_ready = $1 WHERE id = $2`, false, string(w.Vendor))
				return err
			})
			placeRefused(t, w, buyer, w.Purchase(buyer, good), "VENDOR_NO_MERCHANT_ACCOUNT", "UA 3.1")
		})
	})
}

func TestClause_2_1_OnlyAnOnboardedVendorSells(t *testing.T) {
	trades(t, func(t *testing.T, w *world.Trade) {
		buyer := w.Customer(account.Individual)
		offer := w.Listed(world.Content(delivery.LicenceKey, price))
		placed := w.Placed(buyer, offer)
		w.Write(func(tx *db.Tx) error {
			_, err := vendor.Move(t.Context(), tx, w.Compliance, w.Vendor, vendor.Suspended, vendor.Basis{Case: "enf_7", Clause: "UA 4.7.1"})
			return err
		})
		t.Run("refused_new_order", func(t *testing.T) {
			placeRefused(t, w, buyer, w.Purchase(buyer, offer), "VENDOR_NOT_ELIGIBLE", "UA 2.1")
		})
		t.Run("allowed_order_of_before", func(t *testing.T) {
			w.Pay(placed.Attempt, placed.Fee.Paid)
			w.Drain()
			state(t, w, placed.ID, order.Delivered)
		})
	})
}

func TestClause_4_2_WhatWasShownIsWhatWasAgreed(t *testing.T) {
	trades(t, func(t *testing.T, w *world.Trade) {
		buyer := w.Customer(account.Individual)
		content := world.Content(delivery.LicenceKey, price)
		offer := w.Listed(content)
		p := w.Purchase(buyer, offer)
		t.Run("refused_without_agreeing", func(t *testing.T) {
			p := p
			p.AcceptTerms = false
			_, err := w.Place(buyer, p)
			refused(t, err, "TERMS_NOT_AGREED", "UA 4.2")
		})
		t.Run("refused_other_terms", func(t *testing.T) {
			p := p
			p.TermsSHA256 = "0" + p.TermsSHA256[1:]
			if p.TermsSHA256 == offer.SHA256 {
				p.TermsSHA256 = "1" + p.TermsSHA256[1:]
			}
			_, err := w.Place(buyer, p)
			refused(t, err, "STALE", "")
		})
		bought := w.Bought(buyer, offer)
		before, err := bought.Content()
		if err != nil {
			t.Fatal(err)
		}
		rule := bought.Refund()

		content.RefundPolicy = catalog.RefundPolicy{Kind: catalog.RefundNone, Text: catalog.Both{ZH: "概不退款", EN: "No refund"}}
		content.Plans[0].Price = cny(1)
		var second catalog.Version
		w.Write(func(tx *db.Tx) (err error) {
			second, err = catalog.Revise(t.Context(), tx, w.Seller, offer.Product.ID, content)
			return err
		})
		w.Write(func(tx *db.Tx) error { _, err := catalog.Submit(t.Context(), tx, w.Seller, second.ID); return err })
		w.Write(func(tx *db.Tx) error {
			_, err := catalog.Review(t.Context(), tx, w.Compliance, second.ID, catalog.Verdict{Approve: true})
			return err
		})
		t.Run("refused_terms_of_yesterday", func(t *testing.T) {
			_, err := w.Place(buyer, p)
			refused(t, err, "STALE", "")
		})
		t.Run("allowed_old_order_as_it_was", func(t *testing.T) {
			o := w.Order(bought.ID)
			after, err := o.Content()
			if err != nil {
				t.Fatal(err)
			}
			if after.RefundPolicy != before.RefundPolicy || o.Fee != bought.Fee || o.SHA256 != bought.SHA256 || o.Refund() != rule {
				t.Errorf("the order changed with the product: %+v", o)
			}
			if rule.Days != 5 || rule.Until.IsZero() {
				t.Errorf("refund rule: %+v", rule)
			}
		})
		t.Run("allowed_new_order_on_new_terms", func(t *testing.T) {
			q := quoted(t, w, buyer, p)
			if q.Refund.Kind != catalog.RefundNone || q.Refund.Days != 0 || q.Fee.Paid != cny(1) {
				t.Errorf("quote: %+v", q)
			}
			if o, err := w.Place(buyer, w.Purchase(buyer, q.Offer)); err != nil || o.Refund().Kind != catalog.RefundNone {
				t.Errorf("%+v, %v", o, err)
			}
		})
	})
}

func TestClause_4_3_TheProductBelongsToTheAccountChosenWhenPaying(t *testing.T) {
	trades(t, func(t *testing.T, w *world.Trade) {
		offer := w.Listed(world.Content(delivery.LicenceKey, price))
		buyer, second, stranger := w.Customer(account.Individual), w.Customer(account.LegalPerson), w.Customer(account.Individual)
		w.Write(func(tx *db.Tx) error {
			return account.AddMember(t.Context(), tx, second, account.ID(second.Account), account.UserID(buyer.User))
		})
		p := w.Purchase(buyer, offer)
		p.For = account.ID(second.Account)
		first, err := w.Place(buyer, p)
		if err != nil {
			t.Fatal(err)
		}
		w.Drain()
		w.Pay(first.Attempt, first.Fee.Paid)
		w.Drain()
		bound := rights(t, w, first.ID)
		if len(bound) != 1 {
			t.Fatalf("rights: %+v", bound)
		}
		mayUse := func(by audit.Actor) (err error) {
			w.Read(func(r db.Reader) error { _, err = entitlement.MayUse(t.Context(), r, by, bound[0].ID); return nil })
			return err
		}
		t.Run("allowed_chosen_account", func(t *testing.T) {
			if bound[0].Account != account.ID(second.Account) || first.Account != account.ID(second.Account) || first.Buyer != account.UserID(buyer.User) {
				t.Errorf("right %+v of order %+v", bound[0], first)
			}
			if err := mayUse(w.SubUser(second, account.Buyer)); err != nil {
				t.Errorf("a user of the account: %v", err)
			}
		})
		t.Run("refused_other_account", func(t *testing.T) { refused(t, mayUse(buyer), "ENTITLEMENT_ACCOUNT_BOUND", "UA 4.3") })
		t.Run("refused_foreign_account", func(t *testing.T) {
			p := w.Purchase(buyer, offer)
			p.For = account.ID(stranger.Account)
			_, err := w.Place(buyer, p)
			refused(t, err, "ENTITLEMENT_ACCOUNT_BOUND", "UA 4.3")
		})
		t.Run("refused_foreign_account_without_a_word_of_how_it_stands", func(t *testing.T) {
			fresh := w.Registered(account.LegalPerson)
			p := w.Purchase(buyer, offer)
			p.For = account.ID(fresh.Account)
			_, err := w.Place(buyer, p)
			refused(t, err, "ENTITLEMENT_ACCOUNT_BOUND", "UA 4.3")
		})
		t.Run("refused_move_by_anybody", func(t *testing.T) {
			for _, by := range []audit.Actor{second, w.Seller, w.Support, w.Compliance, w.Finance, w.Superadmin} {
				err := w.DB.Write(t.Context(), func(tx *db.Tx) error {
					return entitlement.Move(t.Context(), tx, by, bound[0].ID, account.ID(buyer.Account))
				})
				refused(t, err, "ENTITLEMENT_ACCOUNT_BOUND", "UA 4.3")
			}
		})
		t.Run("allowed_second_account_by_a_second_order", func(t *testing.T) {
			o := w.Bought(buyer, offer)
			if other := rights(t, w, o.ID); len(other) != 1 || other[0].Account != account.ID(buyer.Account) || other[0].ID == bound[0].ID {
				t.Errorf("rights: %+v", other)
			}
		})
	})
}

func TestClause_4_7_7_NobodyBuysBelowThePrice(t *testing.T) {
	trades(t, func(t *testing.T, w *world.Trade) {
		buyer := w.Customer(account.Individual)
		p := w.Purchase(buyer, w.Listed(world.Content(delivery.LicenceKey, price)))
		p.Quantity = 2
		for name, total := range map[string]money.Amount{
			"refused_lower": cny(price), "refused_nothing": cny(0), "refused_negative": cny(-2 * price), "refused_higher": cny(2*price + 1),
			"refused_other_currency": {Minor: 2 * price, Currency: money.USD}, "refused_no_currency": {Minor: 2 * price},
		} {
			t.Run(name, func(t *testing.T) {
				p := p
				p.ExpectedTotal = total
				_, err := w.Place(buyer, p)
				refused(t, err, "PRICE_INVARIANT", "UA 4.7.7")
			})
		}
		t.Run("allowed_exact", func(t *testing.T) {
			p.ExpectedTotal = cny(2 * price)
			if o, err := w.Place(buyer, p); err != nil || o.Fee.Paid != cny(2*price) {
				t.Errorf("%+v, %v", o.Fee, err)
			}
		})
	})
}

func TestClause_4_8_ADelistedProductIsNotSoldAndPaidOrdersStand(t *testing.T) {
	trades(t, func(t *testing.T, w *world.Trade) {
		buyer := w.Customer(account.Individual)
		offer := w.Listed(world.Content(delivery.LicenceKey, price))
		placed := w.Placed(buyer, offer)
		w.Write(func(tx *db.Tx) error {
			return catalog.Delist(t.Context(), tx, w.Seller, catalog.Delisting{
				Product: offer.Product.ID, Cause: catalog.VendorPlanning, Scope: catalog.NoRenewal, At: tx.Now(), Reason: "replaced",
			}, entitlement.HoldersOf)
		})
		t.Run("refused_new_order", func(t *testing.T) {
			placeRefused(t, w, buyer, w.Purchase(buyer, offer), "PRODUCT_DELISTED", "UA 4.8")
		})
		t.Run("allowed_captured_money_of_an_order_placed_before", func(t *testing.T) {
			w.Pay(placed.Attempt, placed.Fee.Paid)
			w.Drain()
			state(t, w, placed.ID, order.Delivered)
			if all := rights(t, w, placed.ID); len(all) != 1 || all[0].State != entitlement.Active {
				t.Errorf("rights: %+v", all)
			}
		})
	})
}

func TestClause_4_11_OnlyACaptureMakesAnOrderPaid(t *testing.T) {
	trades(t, func(t *testing.T, w *world.Trade) {
		buyer := w.Customer(account.Individual)
		o := w.Placed(buyer, w.Listed(world.Content(delivery.LicenceKey, price)))
		everybody := map[string]audit.Actor{
			"buyer": buyer, "vendor": w.Seller, "vendor_manager": w.SubUser(w.Seller, account.VendorManager), "sub_user": w.SubUser(buyer, account.Buyer),
			"compliance": w.Compliance, "finance": w.Finance, "support": w.Support, "superadmin": w.Superadmin,
			"cli": audit.CLI("test"), "job": audit.Job("test"), "provider": audit.Provider(world.Gateway),
		}
		t.Run("refused_to_everybody", func(t *testing.T) {
			for name, by := range everybody {
				_, err := command.Run(t.Context(), w.DB, command.Intent{By: by, Name: "order.mark_paid", Subjects: []string{string(o.ID)}},
					func(tx *db.Tx) (bool, error) { return false, order.MarkPaid(t.Context(), tx, by, o.ID) })
				if t.Run(name, func(t *testing.T) { refused(t, err, "OFF_PLATFORM_PAYMENT", "UA 4.11") }); w.Order(o.ID).State != order.AwaitingPayment {
					t.Errorf("%s marked the order as paid", name)
				}
			}
			w.Read(func(r db.Reader) error {
				records, err := audit.Of(t.Context(), r, string(o.ID))
				n := 0
				for _, rec := range records {
					if rec.Refusal == "OFF_PLATFORM_PAYMENT" {
						n++
					}
				}
				if n != len(everybody) {
					t.Errorf("%d refusals on record, want %d", n, len(everybody))
				}
				return err
			})
		})
		t.Run("refused_a_notice_without_a_capture", func(t *testing.T) {
			object, err := w.Provider.Find(t.Context(), payment.Ref{Reference: o.Attempt})
			if err != nil {
				t.Fatal(err)
			}
			w.Notice(object)
			w.Drain()
			state(t, w, o.ID, order.AwaitingPayment)
		})
		t.Run("allowed_by_a_capture", func(t *testing.T) {
			w.Pay(o.Attempt, o.Fee.Paid)
			w.Drain()
			state(t, w, o.ID, order.Delivered)
		})
	})
}

func TestClause_ECL_17_AVendorDoesNotBuyItsOwnProduct(t *testing.T) {
	trades(t, func(t *testing.T, w *world.Trade) {
		offer := w.Listed(world.Content(delivery.LicenceKey, price))
		placeRefused(t, w, w.Seller, w.Purchase(w.Seller, offer), "SELF_PURCHASE", "ECL 17")
		other, _ := w.NewVendor()
		if _, err := w.Place(other, w.Purchase(other, offer)); err != nil {
			t.Errorf("another vendor: %v", err)
		}
	})
}

func TestRulesAreAskedInTheOrderOfTheAgreement(t *testing.T) {
	trades(t, func(t *testing.T, w *world.Trade) {
		offer := w.Listed(world.Content(delivery.LicenceKey, price))
		by := w.Registered(account.Individual)
		p := order.Purchase{Plan: offer.PlanID, Quantity: 1, For: account.ID(by.Account), Gateway: world.Gateway} // everything is wrong
		w.Write(func(tx *db.Tx) error {
			return account.Restrict(t.Context(), tx, w.Compliance, account.Restriction{Account: p.For, Capability: account.Buy, Case: "case-2"})
		})
		w.Write(func(tx *db.Tx) error { return catalog.Hide(t.Context(), tx, w.Seller, offer.Product.ID, "checked") })
		for _, step := range []struct {
			code string
			mend func()
		}{
			{"ACCOUNT_RESTRICTED", func() {
				w.Write(func(tx *db.Tx) error { return account.Lift(t.Context(), tx, w.Compliance, p.For, account.Buy) })
			}},
			{"AGREEMENT_NOT_ACCEPTED", func() { w.Accept(by) }},
			{"REALNAME_REQUIRED", func() { w.Verify(by) }},
			{"PRODUCT_DELISTED", func() {
				w.Write(func(tx *db.Tx) error { return catalog.Unhide(t.Context(), tx, w.Seller, offer.Product.ID, "fine") })
			}},
			{"TERMS_NOT_AGREED", func() { p.AcceptTerms = true }},
			{"STALE", func() { p.TermsSHA256 = offer.SHA256 }},
			{"PRICE_INVARIANT", func() { p.ExpectedTotal = cny(price) }},
		} {
			_, err := w.Place(by, p)
			if !codeIs(err, step.code) {
				t.Errorf("got %v, want %s", err, step.code)
			}
			step.mend()
		}
		if _, err := w.Place(by, p); err != nil {
			t.Error(err)
		}
	})
}

func codeIs(err error, code string) bool {
	f, ok := fault.Of(err)
	return ok && f.Code == code
}

func TestClause_4_9_1_WhatIsAcceptedAtCheckoutForbidsTakingApart(t *testing.T) {
	trades(t, func(t *testing.T, w *world.Trade) {
		by := w.Customer(account.Individual)
		offer := w.Listed(world.Content(delivery.LicenceKey, price))
		t.Run("refused without accepting it", func(t *testing.T) {
			p := w.Purchase(by, offer)
			p.AcceptTerms = false
			_, err := w.Place(by, p)
			refused(t, err, "TERMS_NOT_AGREED", "UA 4.2")
		})
		t.Run("allowed, and the order names the clause and its text", func(t *testing.T) {
			o := w.Bought(by, offer)
			if l := o.Snapshot.Licence; !slices.Contains(l.Clauses, "UA 4.9.1") || l.Agreement != "user-agreement#1" {
				t.Errorf("accepted: %+v", l)
			}
			w.Read(func(r db.Reader) error {
				v, err := agreement.ReadDocument(t.Context(), r, agreement.UserAgreement, 1)
				if v.SHA256 != o.Snapshot.Licence.SHA256 || !slices.ContainsFunc(v.Clauses, func(c agreement.Clause) bool { return c.ID == "4.9.1" && c.Text.EN != "" }) {
					t.Error("the text that was accepted is not found")
				}
				return err
			})
		})
	})
}
