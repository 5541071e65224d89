package message_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/command"
	"yunshi/internal/market/content"
	"yunshi/internal/market/delivery"
	"yunshi/internal/market/message"
	"yunshi/internal/market/order"
	"yunshi/internal/testkit"
	"yunshi/internal/testkit/world"
)

var talks = message.Talks{Parties: order.Parties}

func refused(t *testing.T, err error, code, clause string) {
	t.Helper()
	f, ok := fault.Of(err)
	if !ok || f.Code != code || f.Clause != clause {
		t.Errorf("%v, want %s (%s)", err, code, clause)
	}
}

func TestConversationsOfCustomerAndVendor(t *testing.T) {
	testkit.EnginesAt(t, func(t *testing.T, d *db.DB, clock *testkit.Clock) {
		w := world.NewTrade(t, d, clock)
		ctx, buyer, other := t.Context(), w.Customer(account.Individual), w.Customer(account.Individual)
		offer := w.Listed(world.Content(delivery.HookNative, 30000))
		o := w.Bought(buyer, offer)
		run := func(by audit.Actor, do func(tx *db.Tx) (message.Post, error)) (message.Post, error) {
			a, err := command.Run(ctx, d, command.Intent{By: by, Name: "message.say"}, do)
			return a.Value, err
		}
		start := func(by audit.Actor, about message.About, text string) (message.Post, error) {
			return run(by, func(tx *db.Tx) (message.Post, error) {
				return talks.Start(ctx, tx, by, about, "help", message.Draft{Text: text})
			})
		}
		say := func(by audit.Actor, id message.ThreadID, draft message.Draft) (message.Post, error) {
			return run(by, func(tx *db.Tx) (message.Post, error) { return message.Say(ctx, tx, by, id, draft) })
		}
		unread := func(by audit.Actor) (n int64) {
			w.Read(func(r db.Reader) (err error) {
				n, err = message.UnreadPosts(ctx, r, account.ID(by.Account))
				return err
			})
			return n
		}
		posts := func(by audit.Actor, id message.ThreadID) (all []message.Post, err error) {
			err = d.Read(ctx, func(r db.Reader) (err error) {
				all, err = message.Posts(ctx, r, by, id)
				return err
			})
			return all, err
		}
		about := message.About{Topic: message.AboutOrder, ID: string(o.ID)}
		first, err := start(buyer, about, "When does it start?")
		if err != nil {
			t.Fatal(err)
		}
		t.Run("both sides write, and each has an unread count", func(t *testing.T) {
			if unread(w.Seller) != 1 || unread(buyer) != 0 {
				t.Errorf("vendor %d, buyer %d", unread(w.Seller), unread(buyer))
			}
			again, err := start(w.Seller, about, "At once.")
			if err != nil || again.Thread != first.Thread || again.Seq != 2 {
				t.Fatalf("%+v, %v", again, err)
			}
			w.Write(func(tx *db.Tx) error { return message.MarkSeen(ctx, tx, w.Seller, first.Thread) })
			if unread(w.Seller) != 0 || unread(buyer) != 1 {
				t.Errorf("after reading: vendor %d, buyer %d", unread(w.Seller), unread(buyer))
			}
		})
		t.Run("nobody else, the operator's people among them", func(t *testing.T) {
			for name, who := range map[string]audit.Actor{"another customer": other, "support": w.Support, "compliance": w.Compliance, "superadmin": w.Superadmin} {
				if _, err := posts(who, first.Thread); !errors.Is(err, account.ErrForeign) {
					t.Errorf("%s: %v", name, err)
				}
				if _, err := say(who, first.Thread, message.Draft{Text: "hello"}); err == nil {
					t.Errorf("%s wrote", name)
				}
			}
			if _, err := start(other, about, "mine?"); err == nil {
				t.Error("another customer spoke about the order")
			}
		})
		t.Run("a product, and support", func(t *testing.T) {
			p, err := start(other, message.About{Topic: message.AboutProduct, ID: string(offer.Product.ID)}, "Does it scale?")
			if err != nil || p.Side != message.CustomerSide {
				t.Fatalf("%+v, %v", p, err)
			}
			if _, err := start(w.Seller, message.About{Topic: message.AboutProduct, ID: string(offer.Product.ID)}, "hello me"); err == nil {
				t.Error("a vendor talks to itself")
			}
			q, err := start(buyer, message.About{Topic: message.AboutSupport}, "I cannot sign in")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := say(w.Support, q.Thread, message.Draft{Text: "We look at it"}); err != nil {
				t.Error(err)
			}
			if _, err := say(w.Finance, q.Thread, message.Draft{Text: "me too"}); err == nil {
				t.Error("finance answered for support")
			}
		})
		t.Run("payment outside is warned of on both sides", func(t *testing.T) {
			p, err := say(w.Seller, first.Thread, message.Draft{Text: "我们私下交易，转账给我个人账户"})
			if err != nil || !p.Outside {
				t.Fatalf("%+v, %v", p, err)
			}
			for _, who := range []audit.Actor{buyer, w.Seller} {
				all, err := posts(who, first.Thread)
				if err != nil || !all[len(all)-1].Outside {
					t.Errorf("%+v, %v", all, err)
				}
			}
		})
		t.Run("a held message is seen by its author only, until it is released unchanged", func(t *testing.T) {
			const words = "代开发票 please"
			p, err := say(buyer, first.Thread, message.Draft{Text: words})
			if err != nil || p.State != message.Held {
				t.Fatalf("%+v, %v", p, err)
			}
			before := unread(w.Seller)
			theirs, err := posts(w.Seller, first.Thread)
			if err != nil || slices.ContainsFunc(theirs, func(o message.Post) bool { return o.ID == p.ID }) {
				t.Errorf("the vendor sees it: %v", err)
			}
			mine, err := posts(buyer, first.Thread)
			if err != nil || mine[len(mine)-1].ID != p.ID || mine[len(mine)-1].Text != "" {
				t.Errorf("%+v, %v", mine, err)
			}
			rules := content.Rules{Owners: map[content.Kind]content.Owner{content.Message: message.Owner()}}
			var kept content.Item
			w.Read(func(r db.Reader) (err error) {
				kept, err = content.KeptOf(ctx, r, content.Message, string(p.ID))
				return err
			})
			w.Write(func(tx *db.Tx) error {
				_, err := rules.Release(ctx, tx, w.Compliance, kept.ID, kept.Version, "fine")
				return err
			})
			theirs, err = posts(w.Seller, first.Thread)
			if last := theirs[len(theirs)-1]; err != nil || last.Text != words || last.SHA256 != kept.SHA256 || unread(w.Seller) != before+1 {
				t.Errorf("%+v, %v", last, err)
			}
			why := content.Why{Clause: "UA 4.7.1", Reason: "unlawful offer", Case: "cas_1"}
			w.Write(func(tx *db.Tx) error {
				_, err := rules.Block(ctx, tx, w.Compliance, content.Message, string(p.ID), why)
				return err
			})
			theirs, _ = posts(w.Seller, first.Thread)
			if last := theirs[len(theirs)-1]; last.State != message.Blocked || last.Text != "" || last.Clause != why.Clause || last.Reason != why.Reason {
				t.Errorf("%+v", last)
			}
			w.Write(func(tx *db.Tx) error {
				_, err := rules.Unblock(ctx, tx, w.Compliance, content.Message, string(p.ID), why)
				return err
			})
			theirs, _ = posts(w.Seller, first.Thread)
			if last := theirs[len(theirs)-1]; last.Text != words {
				t.Errorf("%+v", last)
			}
		})
		t.Run("a list masks what a message should not have held", func(t *testing.T) {
			if _, err := say(buyer, first.Thread, message.Draft{Text: "card 4111111111111111"}); err != nil {
				t.Fatal(err)
			}
			w.Read(func(r db.Reader) error {
				all, err := message.Conversations(ctx, r, account.ID(w.Seller.Account), "", 10)
				i := slices.IndexFunc(all, func(one message.Talk) bool { return one.ID == first.Thread })
				if i < 0 || strings.Contains(all[i].Last, "4111") || !strings.Contains(all[i].Last, "*") {
					t.Errorf("%+v", all)
				}
				return err
			})
		})
		t.Run("files are scanned first", func(t *testing.T) {
			f := message.Attachment{Name: "log.txt", MediaType: "text/plain; charset=utf-8", Size: 3, SHA256: strings.Repeat("ab", 32), Blob: "sha256/x"}
			_, err := say(buyer, first.Thread, message.Draft{Text: "see", Files: []message.Attachment{f}})
			refused(t, err, "FILE_NOT_SCANNED", "UA 4.7.6")
			w.Write(func(tx *db.Tx) error {
				return content.Scanned(ctx, tx, buyer, content.File{SHA256: f.SHA256, Size: 3, Scanner: content.BuiltIn})
			})
			p, err := say(buyer, first.Thread, message.Draft{Text: "see", Files: []message.Attachment{f}})
			if err != nil {
				t.Fatal(err)
			}
			w.Read(func(r db.Reader) error {
				if got, err := message.FileIn(ctx, r, w.Seller, first.Thread, p.Files[0].ID); err != nil || got.Name != "log.txt" {
					t.Errorf("%+v, %v", got, err)
				}
				if _, err := message.FileIn(ctx, r, other, first.Thread, p.Files[0].ID); err == nil {
					t.Error("a stranger has the file")
				}
				return nil
			})
		})
		t.Run("a restricted account cannot write", func(t *testing.T) {
			w.Write(func(tx *db.Tx) error {
				return account.Restrict(ctx, tx, w.Compliance, account.Restriction{Account: account.ID(buyer.Account), Capability: account.Message, Case: "cas_1"})
			})
			_, err := say(buyer, first.Thread, message.Draft{Text: "hello"})
			refused(t, err, "ACCOUNT_RESTRICTED", "UA 8.2.3")
		})
		t.Run("both sides write at once, and the numbers have no gap", func(t *testing.T) {
			p, err := start(other, message.About{Topic: message.AboutSupport}, "race")
			if err != nil {
				t.Fatal(err)
			}
			world.Together(8, func(n int) {
				who := other
				if n%2 == 0 {
					who = w.Support
				}
				if _, err := say(who, p.Thread, message.Draft{Text: "hello"}); err != nil {
					t.Error(err)
				}
			})
			all, err := posts(other, p.Thread)
			for i, one := range all {
				if one.Seq != int64(i+1) {
					t.Errorf("message %d has number %d", i+1, one.Seq)
				}
			}
			if err != nil || len(all) != 9 {
				t.Errorf("%d messages, %v", len(all), err)
			}
		})
	})
}
