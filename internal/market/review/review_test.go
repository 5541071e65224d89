package review_test

import (
	"strings"
	"sync/atomic"
	"testing"

	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/catalog"
	"yunshi/internal/market/command"
	"yunshi/internal/market/content"
	"yunshi/internal/market/delivery"
	"yunshi/internal/market/order"
	"yunshi/internal/market/review"
	"yunshi/internal/testkit"
	"yunshi/internal/testkit/world"
)

func refused(t *testing.T, err error, code, clause string) {
	t.Helper()
	f, ok := fault.Of(err)
	if !ok || f.Code != code || f.Clause != clause {
		t.Errorf("%v, want %s (%s)", err, code, clause)
	}
}

// market is a world with a product and a completed order of it.
type market struct {
	*world.Trade
	t     *testing.T
	buyer audit.Actor
	offer catalog.Offer
	order order.Order
}

func markets(t *testing.T, fn func(t *testing.T, m market)) {
	t.Helper()
	testkit.EnginesAt(t, func(t *testing.T, d *db.DB, clock *testkit.Clock) {
		w := world.NewTrade(t, d, clock)
		m := market{Trade: w, t: t, buyer: w.Customer(account.Individual)}
		m.offer = w.Listed(world.Content(delivery.HookNative, 30000))
		m.order = m.completed(m.buyer)
		fn(t, m)
	})
}

func (m market) completed(by audit.Actor) order.Order {
	m.t.Helper()
	o := m.Bought(by, m.offer)
	m.Write(func(tx *db.Tx) error { return order.Complete(m.t.Context(), tx, audit.Job("test"), o.ID) })
	return m.Order(o.ID)
}

func (m market) write(by audit.Actor, id order.ID, stars int64, text string) (review.Review, error) {
	a, err := command.Run(m.t.Context(), m.DB, command.Intent{By: by, Name: "review.write"}, func(tx *db.Tx) (review.Review, error) {
		return review.Write(m.t.Context(), tx, by, id, review.Words{Stars: stars, Text: text})
	})
	return a.Value, err
}

func (m market) shown() (all []review.Review) {
	m.t.Helper()
	m.Read(func(r db.Reader) (err error) {
		all, err = review.Shown(m.t.Context(), r, m.order.Product, "", 50)
		return err
	})
	return all
}

func (m market) rating() (v review.Rating) {
	m.t.Helper()
	m.Read(func(r db.Reader) error {
		all, err := review.Ratings(m.t.Context(), r, []catalog.ProductID{m.order.Product})
		v = all[m.order.Product]
		return err
	})
	return v
}

var rules = content.Rules{Owners: map[content.Kind]content.Owner{content.Review: review.Owner(), content.Reply: review.ReplyOwner()}}

func TestClause_ECL_17_OnlyThoseWhoBoughtReview(t *testing.T) {
	markets(t, func(t *testing.T, m market) {
		t.Run("allowed a completed order, one review of a product and account", func(t *testing.T) {
			v, err := m.write(m.buyer, m.order.ID, 4, "Does what it says")
			if err != nil || v.State != review.Published {
				t.Fatalf("%+v, %v", v, err)
			}
			again, err := m.write(m.buyer, m.completed(m.buyer).ID, 5, "Even better")
			if err != nil || again.ID != v.ID || again.Version != 2 {
				t.Fatalf("%+v, %v", again, err)
			}
			if all := m.shown(); len(all) != 1 || all[0].Words != "Even better" || !all[0].Changed() {
				t.Errorf("%+v", all)
			}
			if r := m.rating(); r.Count != 1 || r.Tenths() != 50 {
				t.Errorf("%+v", r)
			}
		})
		t.Run("refused an order that is not completed", func(t *testing.T) {
			by := m.Customer(account.Individual)
			_, err := m.write(by, m.Bought(by, m.offer).ID, 5, "fast")
			refused(t, err, "REVIEW_NEEDS_ORDER", "ECL 17")
			_, err = m.write(by, m.Placed(by, m.offer).ID, 5, "fast")
			refused(t, err, "REVIEW_NEEDS_ORDER", "ECL 17")
		})
		t.Run("refused another account's order", func(t *testing.T) {
			if _, err := m.write(m.Customer(account.Individual), m.order.ID, 1, "bad"); err == nil {
				t.Error("written")
			}
		})
		t.Run("refused a person of the vendor who bought through another account", func(t *testing.T) {
			by := m.Customer(account.LegalPerson)
			o := m.completed(by)
			m.Write(func(tx *db.Tx) error {
				return account.AddMember(t.Context(), tx, m.Seller, account.ID(m.Seller.Account), account.UserID(by.User))
			})
			_, err := m.write(by, o.ID, 5, "the best")
			refused(t, err, "SELF_PURCHASE", "ECL 17")
		})
		t.Run("no race makes two reviews", func(t *testing.T) {
			by := m.Customer(account.Individual)
			o := m.completed(by)
			var done atomic.Int64
			world.Together(6, func(int) {
				if _, err := m.write(by, o.ID, 3, "so so"); err == nil {
					done.Add(1)
				}
			})
			n := 0
			for _, v := range m.shown() {
				if v.Account == account.ID(by.Account) {
					n++
				}
			}
			if n != 1 || done.Load() < 1 {
				t.Errorf("%d reviews, %d writes", n, done.Load())
			}
		})
	})
}

func TestClause_ECL_39_NobodyDeletesAReview(t *testing.T) {
	markets(t, func(t *testing.T, m market) {
		ctx := t.Context()
		v, err := m.write(m.buyer, m.order.ID, 1, "It broke twice")
		if err != nil {
			t.Fatal(err)
		}
		t.Run("refused to every role, and to the vendor", func(t *testing.T) {
			for _, who := range []audit.Actor{m.Compliance, m.Finance, m.Support, m.Superadmin, m.Seller, m.buyer} {
				refused(t, m.DB.Write(ctx, func(tx *db.Tx) error { return review.Delete(ctx, tx, who, v.ID) }), "REVIEW_DELETE_FORBIDDEN", "ECL 39")
			}
		})
		t.Run("allowed a block on a clause: what is left says why, and lifting it gives the same words", func(t *testing.T) {
			why := content.Why{Clause: "UA 8.2.2", Reason: "names a person", Case: "cas_1"}
			m.Write(func(tx *db.Tx) error {
				_, err := rules.Block(ctx, tx, m.Compliance, content.Review, string(v.ID), why)
				return err
			})
			if all := m.shown(); len(all) != 1 || all[0].State != review.Blocked || all[0].Words != "" || all[0].Reason != why.Reason || all[0].Clause != why.Clause {
				t.Errorf("%+v", all)
			}
			if r := m.rating(); r.Count != 0 {
				t.Errorf("a blocked review counts: %+v", r)
			}
			_, err := m.write(m.buyer, m.order.ID, 5, "changed my mind")
			refused(t, err, "REVIEW_WAITS", "")
			m.Write(func(tx *db.Tx) error {
				_, err := rules.Unblock(ctx, tx, m.Compliance, content.Review, string(v.ID), why)
				return err
			})
			if all := m.shown(); all[0].Words != "It broke twice" || all[0].SHA256 != v.SHA256 || m.rating().Count != 1 {
				t.Errorf("%+v", all)
			}
		})
		t.Run("allowed the vendor's public reply, refused to others", func(t *testing.T) {
			answer := func(by audit.Actor, words string) error {
				_, err := command.Run(ctx, m.DB, command.Intent{By: by, Name: "review.answer"}, func(tx *db.Tx) (review.Reply, error) {
					return review.Answer(ctx, tx, by, v.ID, words)
				})
				return err
			}
			if err := answer(m.Seller, "Sorry, fixed in 2.1"); err != nil {
				t.Fatal(err)
			}
			if err := answer(m.Seller, "Fixed in 2.2"); err != nil {
				t.Fatal(err)
			}
			if all := m.shown(); all[0].Reply == nil || all[0].Reply.Words != "Fixed in 2.2" {
				t.Errorf("%+v", all[0].Reply)
			}
			if err := answer(m.buyer, "no"); err == nil {
				t.Error("the buyer replied")
			}
			refused(t, answer(m.Seller, "pay us directly: transfer the money to our account"), "OFF_PLATFORM_PAYMENT", "UA 4.11")
		})
		t.Run("allowed its author to withdraw it and to write it again", func(t *testing.T) {
			var now review.Review
			m.Read(func(r db.Reader) (err error) { now, err = review.Get(ctx, r, v.ID); return err })
			withdraw := func(by audit.Actor, seen int64) error {
				return m.DB.Write(ctx, func(tx *db.Tx) error { _, err := review.Withdraw(ctx, tx, by, v.ID, seen); return err })
			}
			if err := withdraw(m.Seller, now.Version); err == nil {
				t.Error("the vendor withdrew it")
			}
			refused(t, withdraw(m.buyer, now.Version-1), "STALE", "")
			if err := withdraw(m.buyer, now.Version); err != nil {
				t.Fatal(err)
			}
			if len(m.shown()) != 0 || m.rating().Count != 0 {
				t.Errorf("%+v", m.shown())
			}
			if _, err := m.write(m.buyer, m.order.ID, 2, "Back again"); err != nil || len(m.shown()) != 1 {
				t.Error(err)
			}
		})
	})
}

func TestClause_4_7_1_AReviewWithATermOfTheLexiconIsHeld(t *testing.T) {
	markets(t, func(t *testing.T, m market) {
		ctx := t.Context()
		const words = "They also 代开发票, beware"
		var held content.Item
		t.Run("refused publication", func(t *testing.T) {
			v, err := m.write(m.buyer, m.order.ID, 1, words)
			if err != nil || v.State != review.Held || v.Words != "" {
				t.Fatalf("%+v, %v", v, err)
			}
			if len(m.shown()) != 0 || m.rating().Count != 0 {
				t.Errorf("%+v", m.shown())
			}
			m.Read(func(r db.Reader) (err error) {
				held, err = content.KeptOf(ctx, r, content.Review, string(v.ID))
				return err
			})
			if held.State != content.Held {
				t.Errorf("%+v", held)
			}
		})
		t.Run("refused to open the original without a reason", func(t *testing.T) {
			refused(t, m.DB.Write(ctx, func(tx *db.Tx) error { _, err := content.Open(ctx, tx, m.Compliance, held.ID, ""); return err }), "FIELD_REQUIRED", "UA 4.7.1")
		})
		t.Run("allowed with a reason, and released as it was written", func(t *testing.T) {
			m.Write(func(tx *db.Tx) error {
				got, err := content.Open(ctx, tx, m.Compliance, held.ID, "first look")
				if got != words {
					t.Errorf("%q", got)
				}
				return err
			})
			m.Write(func(tx *db.Tx) error {
				_, err := rules.Release(ctx, tx, m.Compliance, held.ID, held.Version, "a warning, no offer")
				return err
			})
			if all := m.shown(); len(all) != 1 || all[0].Words != words || all[0].SHA256 != held.SHA256 {
				t.Errorf("%+v", all)
			}
		})
		t.Run("refused with a card number", func(t *testing.T) {
			_, err := m.write(m.buyer, m.order.ID, 1, "my card 4111 1111 1111 1111")
			refused(t, err, "CONTENT_BLOCKED", "UA 4.6")
		})
		t.Run("refused when too long or without stars", func(t *testing.T) {
			_, err := m.write(m.buyer, m.order.ID, 0, "x")
			refused(t, err, "FIELD_REQUIRED", "")
			_, err = m.write(m.buyer, m.order.ID, 5, strings.Repeat("字", 2001))
			refused(t, err, "FIELD_INVALID", "")
		})
	})
}

func TestTenths(t *testing.T) {
	for _, c := range []struct {
		count, sum int64
		want       int
	}{{0, 0, 0}, {1, 5, 50}, {2, 9, 45}, {3, 10, 33}, {3, 11, 37}, {7, 30, 43}} {
		if got := (review.Rating{Count: c.count, Sum: c.sum}).Tenths(); got != c.want {
			t.Errorf("%d of %d: %d, want %d", c.sum, c.count, got, c.want)
		}
	}
}
