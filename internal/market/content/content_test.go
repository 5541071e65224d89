package content_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"yunshi/internal/base/blob"
	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/base/screen"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/catalog"
	"yunshi/internal/market/command"
	"yunshi/internal/market/content"
	"yunshi/internal/testkit"
	"yunshi/internal/testkit/world"
)

// card is a number that passes the Luhn check and belongs to nobody.
const card = "6222020200112233445"

// luhn makes the card above right in its last digit.
func luhn(body string) string {
	sum := 0
	for i := range body {
		n := int(body[len(body)-1-i] - '0')
		if i%2 == 0 {
			if n *= 2; n > 9 {
				n -= 9
			}
		}
		sum += n
	}
	return body + string(rune('0'+(10-sum%10)%10))
}

var secret = "卡号 " + luhn(card[:18]) + " 密码:hunter22"

func refused(t *testing.T, err error, code, clause string) {
	t.Helper()
	f, ok := fault.Of(err)
	if !ok || f.Code != code || f.Clause != clause {
		t.Errorf("%v, want %s (%s)", err, code, clause)
	}
}

// act runs a screen as every intent does: what a refusal leaves is kept.
func act(t *testing.T, w *world.World, by audit.Actor, p content.Piece) (r content.Ruling, err error) {
	t.Helper()
	_, err = command.Run(t.Context(), w.DB, command.Intent{By: by, Name: "test.say"}, func(tx *db.Tx) (bool, error) {
		r, err = content.Screen(t.Context(), tx, by, p)
		return true, err
	})
	return r, err
}

func acts(t *testing.T, w *world.World, subject string) (names []string) {
	t.Helper()
	w.Read(func(r db.Reader) error {
		all, err := audit.Of(t.Context(), r, subject)
		for _, a := range all {
			names = append(names, a.Act)
			if strings.Contains(string(a.Data), "hunter22") || strings.Contains(string(a.Data), luhn(card[:18])) {
				t.Errorf("the record %s holds the secret: %s", a.Act, a.Data)
			}
		}
		return err
	})
	return names
}

func TestClause_4_6_ASecretIsStoppedUntilItsWriterHasSeenTheWarning(t *testing.T) {
	testkit.Engines(t, func(t *testing.T, d *db.DB) {
		w := world.New(t, d)
		by := w.Customer(account.Individual)
		private := content.Piece{Kind: content.Message, Ref: "pst_1", Field: "text", Place: screen.Private, Text: secret, Holdable: true}
		t.Run("refused a card number with a password, and the log keeps that the warning was shown", func(t *testing.T) {
			_, err := act(t, w, by, private)
			refused(t, err, "SENSITIVE_CONTENT_CONFIRM", "UA 4.6")
			if got := acts(t, w, "pst_1"); len(got) != 1 || got[0] != "content.warned" {
				t.Errorf("records %v", got)
			}
		})
		t.Run("refused a confirmation of another text than the one that was warned of", func(t *testing.T) {
			other := private
			other.Text, other.Confirmed = secret+"!", true
			_, err := act(t, w, by, other)
			refused(t, err, "SENSITIVE_CONTENT_CONFIRM", "UA 4.6")
		})
		t.Run("allowed once confirmed, with the warning beside it, and only once", func(t *testing.T) {
			again := private
			again.Confirmed = true
			r, err := act(t, w, by, again)
			if err != nil || !r.Sensitive {
				t.Fatalf("%+v, %v", r, err)
			}
			if got := acts(t, w, "pst_1"); !slices.Contains(got, "content.overridden") {
				t.Errorf("records %v", got)
			}
			_, err = act(t, w, by, again)
			refused(t, err, "SENSITIVE_CONTENT_CONFIRM", "UA 4.6")
		})
		t.Run("allowed a card number alone, with the warning", func(t *testing.T) {
			p := private
			p.Text = "卡号 " + luhn(card[:18])
			if r, err := act(t, w, by, p); err != nil || !r.Sensitive {
				t.Errorf("%+v, %v", r, err)
			}
		})
		for name, text := range map[string]string{"a card number": "卡号 " + luhn(card[:18]), "a password": "密码: hunter22"} {
			t.Run("refused in public "+name, func(t *testing.T) {
				_, err := act(t, w, by, content.Piece{Kind: content.Review, Ref: "rvw_1", Field: "text", Place: screen.Public, Text: text})
				refused(t, err, "CONTENT_BLOCKED", "UA 4.6")
			})
		}
		t.Run("no race lets one confirmation send twice", func(t *testing.T) {
			p := private
			p.Text = secret + " again"
			_, err := act(t, w, by, p)
			refused(t, err, "SENSITIVE_CONTENT_CONFIRM", "UA 4.6")
			p.Confirmed = true
			var sent atomic.Int64
			world.Together(8, func(int) {
				if _, err := act(t, w, by, p); err == nil {
					sent.Add(1)
				} else if !errors.Is(err, content.ErrConfirm) {
					t.Error(err)
				}
			})
			// Each loser was shown the warning again, so its confirmation may have been used by another.
			if n := sent.Load(); n < 1 {
				t.Errorf("%d were sent", n)
			}
		})
		t.Run("nothing in the database is the secret", func(t *testing.T) {
			w.Read(func(r db.Reader) error {
				all, err := content.All(t.Context(), r, "", 100)
				for _, i := range all {
					if i.Clause == "UA 4.6" {
						t.Errorf("an original was kept of %s", i.Kind)
					}
				}
				return err
			})
		})
	})
}

func TestClause_4_11_AConversationThatLeadsOutsideIsWarnedAndAPublicTextRefused(t *testing.T) {
	testkit.Engines(t, func(t *testing.T, d *db.DB) {
		w := world.New(t, d)
		by := w.Customer(account.Individual)
		t.Run("allowed in a conversation, with the hash and the finding on record", func(t *testing.T) {
			r, err := act(t, w, by, content.Piece{Kind: content.Message, Ref: "pst_9", Place: screen.Private, Text: "我们私下交易，转账给我个人账户", Holdable: true})
			if err != nil || !r.Outside || !content.Leads(r.Hits) {
				t.Fatalf("%+v, %v", r, err)
			}
			w.Read(func(rd db.Reader) error {
				all, err := audit.Of(t.Context(), rd, "pst_9")
				if len(all) != 1 || all[0].Act != "content.outside" || !strings.Contains(string(all[0].Data), r.SHA256) || !strings.Contains(string(all[0].Data), "off_platform") {
					t.Errorf("%+v", all)
				}
				return err
			})
		})
		t.Run("allowed harmless words", func(t *testing.T) {
			if r, err := act(t, w, by, content.Piece{Kind: content.Message, Ref: "pst_10", Place: screen.Private, Text: "请问支持发票吗？"}); err != nil || r.Outside || len(r.Hits) != 0 {
				t.Errorf("%+v, %v", r, err)
			}
		})
		t.Run("refused in public", func(t *testing.T) {
			_, err := act(t, w, by, content.Piece{Kind: content.Review, Ref: "rvw_9", Field: "text", Place: screen.Public, Text: "加微信 abc12345 转账优惠"})
			refused(t, err, "OFF_PLATFORM_PAYMENT", "UA 4.11")
		})
	})
}

// shelf is an owner of texts: what is on it is published.
type shelf struct {
	texts map[string]string
	taken map[string]content.Why
	by    audit.Actor
}

func (s *shelf) owner() content.Owner {
	return content.Owner{
		Read: func(_ context.Context, _ db.Reader, ref string) (content.Original, error) {
			return content.Original{Text: s.texts[ref], Account: account.ID(s.by.Account), User: account.UserID(s.by.User), Link: "/messages"}, nil
		},
		Take: func(_ context.Context, _ *db.Tx, ref string, why content.Why) error {
			delete(s.texts, ref)
			s.taken[ref] = why
			return nil
		},
		Restore: func(_ context.Context, _ *db.Tx, ref, text string) error {
			delete(s.taken, ref)
			s.texts[ref] = text
			return nil
		},
	}
}

func TestClause_4_7_1_AListedTermIsHeldAndItsOriginalOpensOnlyWithAReason(t *testing.T) {
	testkit.Engines(t, func(t *testing.T, d *db.DB) {
		w := world.New(t, d)
		ctx, by := t.Context(), w.Customer(account.Individual)
		s := &shelf{texts: map[string]string{}, taken: map[string]content.Why{}, by: by}
		rules := content.Rules{Owners: map[content.Kind]content.Owner{content.Message: s.owner()}}
		const words = "这里 代 开 发 票，价格好"
		in := content.Piece{Kind: content.Message, Ref: "pst_1", Field: "text", Place: screen.Private, Text: words, Holdable: true}
		var held content.ID
		t.Run("refused publication: it is held, sealed, with hash and hit", func(t *testing.T) {
			r, err := act(t, w, by, in)
			if err != nil || r.Held == "" {
				t.Fatalf("%+v, %v", r, err)
			}
			held = r.Held
			w.Read(func(rd db.Reader) error {
				i, err := content.Get(ctx, rd, held)
				if i.State != content.Held || i.SHA256 != r.SHA256 || len(i.Hits) == 0 || i.Hits[0].Term != "代开发票" {
					t.Errorf("%+v", i)
				}
				return err
			})
		})
		t.Run("refused where nothing can wait, with the sealed original as evidence", func(t *testing.T) {
			p := in
			p.Kind, p.Ref, p.Holdable = content.Refund, "rrq_1", false
			_, err := act(t, w, by, p)
			refused(t, err, "CONTENT_BLOCKED", "UA 4.7.1")
			w.Read(func(rd db.Reader) error {
				all, err := content.All(ctx, rd, "", 10)
				if !slices.ContainsFunc(all, func(i content.Item) bool { return i.State == content.Refused && i.Ref == "rrq_1" && i.SHA256 != "" }) {
					t.Errorf("%+v", all)
				}
				return err
			})
		})
		open := func(by audit.Actor, reason string) (text string, err error) {
			err = d.Write(ctx, func(tx *db.Tx) error {
				text, err = content.Open(ctx, tx, by, held, reason)
				return err
			})
			return text, err
		}
		t.Run("refused to look without a reason, and to who is no officer", func(t *testing.T) {
			_, err := open(w.Compliance, "  ")
			refused(t, err, "FIELD_REQUIRED", "UA 4.7.1")
			for _, who := range []audit.Actor{w.Support, w.Finance, w.Superadmin, by, w.Seller} {
				_, err := open(who, "curious")
				refused(t, err, "FORBIDDEN", "")
			}
		})
		t.Run("allowed an officer with a reason, on record", func(t *testing.T) {
			if text, err := open(w.Compliance, "report 12"); err != nil || text != words {
				t.Fatalf("%q, %v", text, err)
			}
			if got := acts(t, w, string(held)); !slices.Contains(got, "content.opened") {
				t.Errorf("records %v", got)
			}
		})
		t.Run("refused a block without clause or reason", func(t *testing.T) {
			for _, why := range []content.Why{{Reason: "x"}, {Clause: "UA 4.7.1"}} {
				if err := d.Write(ctx, func(tx *db.Tx) error { _, err := rules.BlockHeld(ctx, tx, w.Compliance, held, 1, why); return err }); err == nil {
					t.Errorf("%+v was taken", why)
				}
			}
		})
		t.Run("allowed the release, to the identical hash", func(t *testing.T) {
			var i content.Item
			w.Write(func(tx *db.Tx) (err error) {
				i, err = rules.Release(ctx, tx, w.Compliance, held, 1, "harmless here")
				return err
			})
			if s.texts["pst_1"] != words || i.State != content.Released {
				t.Errorf("%q, %+v", s.texts["pst_1"], i)
			}
		})
		t.Run("allowed a block of what is published, and its lifting, to the identical hash", func(t *testing.T) {
			why := content.Why{Clause: "UA 4.7.1", Reason: "unlawful offer", Case: "cas_1"}
			var was content.Item
			w.Write(func(tx *db.Tx) (err error) {
				was, err = rules.Block(ctx, tx, w.Compliance, content.Message, "pst_1", why)
				return err
			})
			if _, there := s.texts["pst_1"]; there || s.taken["pst_1"] != why {
				t.Errorf("%+v", s)
			}
			if err := d.Write(ctx, func(tx *db.Tx) error {
				_, err := rules.Block(ctx, tx, w.Compliance, content.Message, "pst_1", why)
				return err
			}); !errors.Is(err, content.ErrState) {
				t.Errorf("blocked twice: %v", err)
			}
			w.Write(func(tx *db.Tx) error {
				now, err := rules.Unblock(ctx, tx, w.Compliance, content.Message, "pst_1", content.Why{Reason: "appeal upheld", Case: "cas_1"})
				if now.SHA256 != was.SHA256 {
					t.Errorf("hash %s, was %s", now.SHA256, was.SHA256)
				}
				return err
			})
			if s.texts["pst_1"] != words {
				t.Errorf("restored to %q", s.texts["pst_1"])
			}
		})
		t.Run("no race decides twice", func(t *testing.T) {
			p := in
			p.Ref = "pst_2"
			r, err := act(t, w, by, p)
			if err != nil {
				t.Fatal(err)
			}
			var done atomic.Int64
			world.Together(8, func(n int) {
				err := d.Write(ctx, func(tx *db.Tx) (err error) {
					if n%2 == 0 {
						_, err = rules.BlockHeld(ctx, tx, w.Compliance, r.Held, 1, content.Why{Clause: "UA 4.7.1", Reason: "x"})
					} else {
						_, err = content.Rules{Owners: map[content.Kind]content.Owner{content.Message: quiet()}}.Release(ctx, tx, w.Compliance, r.Held, 1, "x")
					}
					return err
				})
				if err == nil {
					done.Add(1)
				} else if !errors.Is(err, content.ErrState) {
					t.Error(err)
				}
			})
			if done.Load() != 1 {
				t.Errorf("%d decisions", done.Load())
			}
		})
	})
}

// quiet is an owner that keeps nothing, for a race.
func quiet() content.Owner {
	return content.Owner{
		Read:    func(context.Context, db.Reader, string) (content.Original, error) { return content.Original{}, nil },
		Take:    func(context.Context, *db.Tx, string, content.Why) error { return nil },
		Restore: func(context.Context, *db.Tx, string, string) error { return nil },
	}
}

func TestTheOperatorsOwnTerms(t *testing.T) {
	testkit.Engines(t, func(t *testing.T, d *db.DB) {
		w := world.New(t, d)
		ctx, by := t.Context(), w.Customer(account.Individual)
		say := func() error {
			_, err := act(t, w, by, content.Piece{Kind: content.Message, Ref: "pst_1", Place: screen.Private, Text: "the frobnicator is for sale", Holdable: true})
			return err
		}
		if err := say(); err != nil {
			t.Fatal(err)
		}
		in := content.Term{Term: "frobnicator", Act: content.Refuse, Reason: "test"}
		refused(t, d.Write(ctx, func(tx *db.Tx) error { _, err := content.AddTerm(ctx, tx, w.Support, in); return err }), "FORBIDDEN", "")
		var term content.Term
		w.Write(func(tx *db.Tx) (err error) {
			term, err = content.AddTerm(ctx, tx, w.Compliance, in)
			return err
		})
		refused(t, d.Write(ctx, func(tx *db.Tx) error { _, err := content.AddTerm(ctx, tx, w.Compliance, in); return err }), "TERM_KNOWN", "")
		refused(t, say(), "CONTENT_BLOCKED", "UA 4.7.1")
		w.Write(func(tx *db.Tx) error { return content.RetireTerm(ctx, tx, w.Compliance, term.ID) })
		if err := say(); err != nil {
			t.Error(err)
		}
	})
}

func TestReportsOfAConversation(t *testing.T) {
	testkit.Engines(t, func(t *testing.T, d *db.DB) {
		w := world.New(t, d)
		ctx, by := t.Context(), w.Customer(account.Individual)
		const words = "我们私下交易吧"
		s := &shelf{texts: map[string]string{"pst_1": words}, taken: map[string]content.Why{}, by: w.Seller}
		var accused content.Accused
		rules := content.Rules{Owners: map[content.Kind]content.Owner{content.Message: s.owner()}, OpenCase: func(_ context.Context, _ *db.Tx, _ audit.Actor, about content.Accused) (string, error) {
			accused = about
			return "cas_7", nil
		}}
		var p content.Report
		file := func() error {
			return d.Write(ctx, func(tx *db.Tx) (err error) {
				got, err := rules.File(ctx, tx, by, content.Report{Reason: content.OffPlatform, Kind: content.Message, Ref: "pst_1"})
				if err == nil {
					p = got
				}
				return err
			})
		}
		if err := file(); err != nil {
			t.Fatal(err)
		}
		if len(p.SHA256) != 64 || !content.Leads(p.Hits) || p.Account != account.ID(by.Account) {
			t.Errorf("%+v", p)
		}
		refused(t, file(), "ALREADY_REPORTED", "UA 4.11")
		var done atomic.Int64
		world.Together(6, func(int) {
			err := d.Write(ctx, func(tx *db.Tx) error {
				_, err := rules.Answer(ctx, tx, w.Compliance, p.ID, true, true, "the vendor is asked")
				return err
			})
			if err == nil {
				done.Add(1)
			} else if !errors.Is(err, content.ErrState) {
				t.Error(err)
			}
		})
		if done.Load() != 1 {
			t.Errorf("answered %d times", done.Load())
		}
		if accused.Account != account.ID(w.Seller.Account) || accused.Clause != "UA 4.11" || accused.Source != string(p.ID) {
			t.Errorf("%+v", accused)
		}
	})
}

// eicar is the test file in two parts, so that scanners leave this source alone.
const eicar = `X5O!P%@AP[4\PZX54(P^)7CC)7}$` + `EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*`

func TestClause_4_7_6_AnInfectedFileIsQuarantinedAndNeverLeaves(t *testing.T) {
	testkit.Engines(t, func(t *testing.T, d *db.DB) {
		w := world.New(t, d)
		ctx := t.Context()
		files, err := blob.Disk(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		intake := content.Work{Files: files}
		put := func(s string) blob.Ref {
			ref, err := files.Put(ctx, blob.ByContent, strings.NewReader(s))
			if err != nil {
				t.Fatal(err)
			}
			return ref
		}
		note := func(ref blob.Ref, name string) error {
			return d.Write(ctx, func(tx *db.Tx) error {
				_, err := catalog.AddFile(ctx, tx, w.Seller, catalog.File{Vendor: w.Vendor, Name: name, MediaType: "text/plain", Size: ref.Size, SHA256: ref.SHA256, Blob: ref.Key})
				return err
			})
		}
		clean := put("a manual")
		t.Run("refused a file that nothing has scanned", func(t *testing.T) {
			refused(t, note(clean, "manual.txt"), "FILE_NOT_SCANNED", "UA 4.7.6")
		})
		t.Run("allowed a clean file", func(t *testing.T) {
			if err := intake.Check(ctx, d, w.Seller, "manual.txt", clean); err != nil {
				t.Fatal(err)
			}
			if err := note(clean, "manual.txt"); err != nil {
				t.Error(err)
			}
		})
		for name, body := range map[string]string{"alone": eicar, "across two reads": strings.Repeat("x", 64<<10-30) + eicar + "tail", "in a long file": strings.Repeat("y", 300_000) + eicar} {
			t.Run("refused the test file "+name, func(t *testing.T) {
				ref := put(body)
				refused(t, intake.Check(ctx, d, w.Seller, "delivery.zip", ref), "FILE_INFECTED", "UA 4.7.6")
				if _, _, err := files.Open(ctx, ref.Key); !errors.Is(err, blob.ErrNotFound) {
					t.Errorf("the bytes are still there: %v", err)
				}
				if _, _, err := files.Open(ctx, "quarantine/"+ref.SHA256); err != nil {
					t.Errorf("not in quarantine: %v", err)
				}
				refused(t, note(ref, "delivery.zip"), "FILE_INFECTED", "UA 4.7.6")
				// A second upload of the same content, and one on the way out.
				again := put(body)
				refused(t, intake.Check(ctx, d, w.Seller, "other.zip", again), "FILE_INFECTED", "UA 4.7.6")
				if _, _, err := files.Open(ctx, ref.Key); !errors.Is(err, blob.ErrNotFound) {
					t.Errorf("the second copy stays: %v", err)
				}
				refused(t, intake.Check(ctx, d, w.Seller, "", again), "FILE_INFECTED", "UA 4.7.6")
			})
		}
		t.Run("refused for good, whatever a later scan says", func(t *testing.T) {
			ref := put(eicar + "z")
			refused(t, intake.Check(ctx, d, w.Seller, "z", ref), "FILE_INFECTED", "UA 4.7.6")
			w.Write(func(tx *db.Tx) error {
				return content.Scanned(ctx, tx, w.Seller, content.File{SHA256: ref.SHA256, Scanner: "other"})
			})
			w.Read(func(r db.Reader) error {
				refused(t, content.MustPass(ctx, r, ref.SHA256), "FILE_INFECTED", "UA 4.7.6")
				return nil
			})
		})
		t.Run("refused by its name", func(t *testing.T) {
			refused(t, note(clean, "代开发票.txt"), "CONTENT_BLOCKED", "UA 4.7.1")
		})
	})
}
