package content_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"yunshi/internal/base/blob"
	"yunshi/internal/base/calendar"
	"yunshi/internal/base/db"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/command"
	"yunshi/internal/market/content"
	"yunshi/internal/market/report"
	"yunshi/internal/testkit"
	"yunshi/internal/testkit/world"
)

// gallery is a market to which people send pictures.
type gallery struct {
	*world.World
	t      *testing.T
	clock  *testkit.Clock
	work   content.Work
	rules  content.Rules
	sender audit.Actor
	other  audit.Actor
}

func galleries(t *testing.T, fn func(t *testing.T, g *gallery)) {
	t.Helper()
	testkit.EnginesAt(t, func(t *testing.T, d *db.DB, clock *testkit.Clock) {
		files, err := blob.Disk(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		w := world.New(t, d)
		fn(t, &gallery{
			World: w, t: t, clock: clock, work: content.Work{Files: files}, rules: content.Rules{Owners: map[content.Kind]content.Owner{content.Picture: content.Pictures()}},
			sender: w.Customer(account.Individual), other: w.Customer(account.Individual),
		})
	})
}

// send puts a picture into the store as the edge does.
func (g *gallery) send(by audit.Actor, body string) (blob.Ref, error) {
	g.t.Helper()
	ref, err := g.work.Files.Put(g.t.Context(), blob.ByContent, strings.NewReader("\x89PNG\r\n\x1a\n"+body))
	if err != nil {
		g.t.Fatal(err)
	}
	if err := g.work.Check(g.t.Context(), g.DB, by, "picture.png", ref); err != nil {
		g.t.Fatal(err)
	}
	return ref, g.work.Look(g.t.Context(), g.DB, by, "image/png", ref)
}

// leave asks whether a file may go to somebody.
func (g *gallery) leave(by audit.Actor, ref blob.Ref) error {
	return g.work.Check(g.t.Context(), g.DB, by, "", ref)
}

func (g *gallery) kept(ref blob.Ref) (i content.Item) {
	g.t.Helper()
	g.Read(func(r db.Reader) (err error) {
		i, err = content.KeptOf(g.t.Context(), r, content.Picture, ref.SHA256)
		return err
	})
	return i
}

func (g *gallery) do(fn func(ctx context.Context, tx *db.Tx) error) error {
	return g.DB.Write(g.t.Context(), func(tx *db.Tx) error { return fn(g.t.Context(), tx) })
}

// blocked is a picture that an officer has removed on a clause.
func (g *gallery) blocked(body, clause string) content.Item {
	g.t.Helper()
	ref, err := g.send(g.sender, body)
	if err != nil {
		g.t.Fatal(err)
	}
	i := g.kept(ref)
	if err := g.do(func(ctx context.Context, tx *db.Tx) error {
		i, err = g.rules.BlockHeld(ctx, tx, g.Compliance, i.ID, i.Version, content.Why{Clause: clause, Reason: "It shows what nobody may show."})
		return err
	}); err != nil {
		g.t.Fatal(err)
	}
	return i
}

// screener finds what its name says in a picture.
type screener struct {
	finds string
	mute  bool
}

func (s screener) look(_ context.Context, picture io.Reader) ([]string, error) {
	if s.mute {
		return nil, errors.New("no answer")
	}
	all, err := io.ReadAll(picture)
	if bytes.Contains(all, []byte(s.finds)) {
		return []string{s.finds}, err
	}
	return nil, err
}

func TestClause_4_7_1_APictureWaitsUntilSomebodyLooked(t *testing.T) {
	galleries(t, func(t *testing.T, g *gallery) {
		ref, err := g.send(g.sender, "a cat")
		if err != nil {
			t.Fatal(err)
		}
		t.Run("refused_to_others_while_it_waits", func(t *testing.T) {
			refused(t, g.leave(g.other, ref), "PICTURE_HELD", "UA 4.7.1")
			refused(t, g.leave(audit.Actor{}, ref), "PICTURE_HELD", "UA 4.7.1")
			if _, err := g.send(g.other, "a cat"); err != nil { // the same again makes no second original
				t.Error(err)
			}
		})
		t.Run("allowed_to_who_sent_it_and_to_the_staff", func(t *testing.T) {
			for _, by := range []audit.Actor{g.sender, g.Compliance, g.Staff(account.Support)} {
				if err := g.leave(by, ref); err != nil {
					t.Error(err)
				}
			}
		})
		t.Run("allowed_to_all_once_an_officer_has_passed_it", func(t *testing.T) {
			i := g.kept(ref)
			if i.State != content.Held || i.SHA256 != ref.SHA256 {
				t.Fatalf("%+v", i)
			}
			if err := g.do(func(ctx context.Context, tx *db.Tx) error {
				seen, err := content.Open(ctx, tx, g.Compliance, i.ID, "to decide")
				if err != nil || !strings.HasSuffix(seen, "a cat") {
					t.Errorf("%q, %v", seen, err)
				}
				_, err = g.rules.Release(ctx, tx, g.Compliance, i.ID, i.Version, "A cat.")
				return err
			}); err != nil {
				t.Fatal(err)
			}
			if err := g.leave(g.other, ref); err != nil {
				t.Error(err)
			}
		})
		t.Run("refused_to_all_once_it_was_blocked", func(t *testing.T) {
			i := g.blocked("a bomb", "UA 4.7.1")
			again, err := g.send(g.other, "a bomb")
			refused(t, err, "CONTENT_BLOCKED", "UA 4.7.1")
			for _, by := range []audit.Actor{g.sender, g.other} {
				refused(t, g.leave(by, again), "CONTENT_BLOCKED", "UA 4.7.1")
			}
			if err := g.leave(g.Compliance, again); err != nil {
				t.Error(err)
			}
			g.Read(func(r db.Reader) error {
				stored, err := db.Value[[]byte](t.Context(), r, `SELECT original_sealed FROM content_item WHERE id = $1`, string(i.ID))
				if bytes.Contains(stored, []byte("a bomb")) {
					t.Error("the original is not sealed")
				}
				return err
			})
		})
		t.Run("refused_without_clause_or_reason", func(t *testing.T) {
			ref, err := g.send(g.sender, "a dog")
			if err != nil {
				t.Fatal(err)
			}
			i := g.kept(ref)
			for _, why := range []content.Why{{Clause: "UA 4.7.1"}, {Reason: "x"}} {
				refused(t, g.do(func(ctx context.Context, tx *db.Tx) error {
					_, err := g.rules.BlockHeld(ctx, tx, g.Compliance, i.ID, i.Version, why)
					return err
				}), "FIELD_REQUIRED", "")
			}
		})
		t.Run("allowed_at_once_by_a_screener", func(t *testing.T) {
			g.work.Pictures = content.PictureScreener{Name: "test-screener", Look: screener{finds: "weapon"}.look}
			clean, err := g.send(g.sender, "a tree")
			if err != nil || g.leave(g.other, clean) != nil {
				t.Errorf("%v, %v", err, g.leave(g.other, clean))
			}
		})
		t.Run("refused_to_others_when_the_screener_finds_something_or_is_mute", func(t *testing.T) {
			found, err := g.send(g.sender, "a weapon")
			if err != nil {
				t.Fatal(err)
			}
			refused(t, g.leave(g.other, found), "PICTURE_HELD", "UA 4.7.1")
			if i := g.kept(found); len(i.Hits) != 1 || i.Hits[0].Term != "weapon" {
				t.Errorf("%+v", i.Hits)
			}
			g.work.Pictures = content.PictureScreener{Name: "test-screener", Look: screener{mute: true}.look}
			mute, err := g.send(g.sender, "a river")
			if err != nil {
				t.Fatal(err)
			}
			refused(t, g.leave(g.other, mute), "PICTURE_HELD", "UA 4.7.1")
		})
	})
}

func TestClause_4_7_1_WhatWasRemovedIsReportedToTheAuthority(t *testing.T) {
	galleries(t, func(t *testing.T, g *gallery) {
		i := g.blocked("a bomb", "UA 4.7.1")
		rude := g.blocked("a rude word", "UA 4.7")
		duty := func() (state string) {
			g.Read(func(r db.Reader) error {
				all, err := report.Duties(t.Context(), r)
				for _, d := range all {
					if d.Code == "illegal" {
						state = d.State
					}
				}
				return err
			})
			return state
		}
		tell := func(by audit.Actor, id content.ID, in content.Told) (out content.Told, err error) {
			err = g.do(func(ctx context.Context, tx *db.Tx) error {
				out, err = content.TellAuthority(ctx, tx, by, id, in)
				return err
			})
			return out, err
		}
		today := calendar.On(g.clock.Now())
		whole := content.Told{Authority: "深圳市网信办", Reference: "SZ-2026-0001", On: today}
		t.Run("refused_to_forget_it", func(t *testing.T) {
			if got := duty(); got != "due" {
				t.Errorf("the duty is %s", got)
			}
			g.clock.Advance(25 * time.Hour)
			if got := duty(); got != "overdue" {
				t.Errorf("after a day the duty is %s", got)
			}
		})
		t.Run("refused_half_a_report", func(t *testing.T) {
			for field, spoil := range map[string]func(*content.Told){
				"authority": func(x *content.Told) { x.Authority = " " }, "reference": func(x *content.Told) { x.Reference = "" },
				"on": func(x *content.Told) { x.On = today.AddDays(9) },
			} {
				in := whole
				spoil(&in)
				if _, err := tell(g.Compliance, i.ID, in); err == nil || !strings.Contains(err.Error(), field) {
					t.Errorf("%s: %v", field, err)
				}
			}
			before := whole
			before.On = today.AddDays(-1)
			if _, err := tell(g.Compliance, i.ID, before); err == nil {
				t.Error("reported before it was removed")
			}
		})
		t.Run("refused_to_others_and_of_what_is_not_illegal", func(t *testing.T) {
			_, err := tell(g.sender, i.ID, whole)
			refused(t, err, "FORBIDDEN", "")
			_, err = tell(g.Compliance, rude.ID, whole)
			refused(t, err, "CONTENT_NOT_REPORTABLE", "UA 4.7.1")
		})
		t.Run("allowed_with_what_was_sent", func(t *testing.T) {
			var sha string
			if err := g.do(func(ctx context.Context, tx *db.Tx) error {
				sent, sum, err := content.Sending(ctx, tx, g.Compliance, i.ID, "to report it")
				sha = sum
				if !bytes.Contains(sent, []byte(i.SHA256)) || !bytes.Contains(sent, []byte("picture_base64")) {
					t.Errorf("%s", sent)
				}
				return err
			}); err != nil {
				t.Fatal(err)
			}
			told, err := tell(g.Compliance, i.ID, whole)
			if err != nil || told.SHA256 != sha {
				t.Fatalf("%+v, %v, sent %s", told, err, sha)
			}
			if got := acts(t, g.World, string(i.ID)); !strings.Contains(strings.Join(got, " "), "content.told") {
				t.Errorf("records %v", got)
			}
			if got := duty(); got != "done" {
				t.Errorf("the duty is %s", got)
			}
			_, err = tell(g.Compliance, i.ID, whole)
			refused(t, err, "STALE", "")
		})
		t.Run("allowed_without_where_no_law_asks_for_it", func(t *testing.T) {
			g.Write(func(tx *db.Tx) error {
				_, err := tx.Exec(t.Context(), `UPDATE agreement_version SET jurisdiction = 'OTHER'`)
				return err
			})
			g.blocked("another bomb", "UA 4.7.1")
			if got := duty(); got != "never" {
				t.Errorf("the duty is %s", got)
			}
		})
	})
}

func TestClause_4_7_1_AnOriginalServesItsTimeAndItsHashStays(t *testing.T) {
	galleries(t, func(t *testing.T, g *gallery) {
		owed, free := g.blocked("a bomb", "UA 4.7.1"), g.blocked("a rude word", "UA 4.7")
		waiting, err := g.send(g.sender, "a cat")
		if err != nil {
			t.Fatal(err)
		}
		expire := func() (n int64) {
			g.Write(func(tx *db.Tx) (err error) {
				n, err = content.Expire(t.Context(), tx, calendar.AddMonths(calendar.On(tx.Now()), -6).Start())
				return err
			})
			return n
		}
		open := func(id content.ID) (seen string, err error) {
			err = g.do(func(ctx context.Context, tx *db.Tx) error {
				seen, err = content.Open(ctx, tx, g.Compliance, id, "a look")
				return err
			})
			return seen, err
		}
		t.Run("allowed_to_look_for_six_months", func(t *testing.T) {
			g.clock.Set(calendar.AddMonths(calendar.On(g.clock.Now()), 6).Start())
			if n := expire(); n != 0 {
				t.Errorf("%d gone after less than six months", n)
			}
			if seen, err := open(free.ID); err != nil || !strings.HasSuffix(seen, "a rude word") {
				t.Errorf("%q, %v", seen, err)
			}
		})
		g.clock.Advance(48 * time.Hour)
		t.Run("refused_after_them", func(t *testing.T) {
			if n := expire(); n != 1 {
				t.Errorf("%d gone", n)
			}
			_, err := open(free.ID)
			refused(t, err, "ORIGINAL_GONE", "CSL 21")
			if i := g.kept(blob.Ref{SHA256: free.Ref}); i.SHA256 != free.SHA256 || i.Clause != "UA 4.7" || i.GoneAt.IsZero() || i.Restorable() {
				t.Errorf("%+v", i)
			}
			refused(t, g.do(func(ctx context.Context, tx *db.Tx) error {
				_, err := g.rules.Release(ctx, tx, g.Compliance, free.ID, free.Version, "x")
				return err
			}), "ORIGINAL_GONE", "CSL 21")
		})
		t.Run("allowed_to_stay_while_it_waits_or_is_owed_to_the_authority", func(t *testing.T) {
			for _, id := range []content.ID{owed.ID, g.kept(waiting).ID} {
				if _, err := open(id); err != nil {
					t.Error(err)
				}
			}
			var told atomic.Int64
			world.Together(16, func(int) { // however many tell it, it is told once
				err := g.do(func(ctx context.Context, tx *db.Tx) error {
					_, err := content.TellAuthority(ctx, tx, g.Compliance, owed.ID, content.Told{Authority: "A", Reference: "B", On: calendar.On(tx.Now())})
					return err
				})
				if err == nil {
					told.Add(1)
				} else if !errors.Is(err, content.ErrState) {
					t.Error(err)
				}
			})
			if told.Load() != 1 {
				t.Errorf("told %d times", told.Load())
			}
			if n := expire(); n != 1 {
				t.Errorf("%d gone after the report", n)
			}
		})
	})
}

func TestClause_4_7_1_NamesPassTheScreen(t *testing.T) {
	galleries(t, func(t *testing.T, g *gallery) {
		hash, err := account.Hash(t.Context(), "correct horse battery staple 7")
		if err != nil {
			t.Fatal(err)
		}
		visitor := audit.Actor{Kind: audit.Person, User: "visitor"}
		register := func(display, user, email string) error {
			_, err := command.Run(t.Context(), g.DB, command.Intent{By: visitor, Name: "account.register"}, func(tx *db.Tx) (bool, error) {
				_, err := account.Register(t.Context(), tx, visitor, account.Registration{
					SubjectType: account.LegalPerson, DisplayName: display, UserName: user, Email: email, Password: hash, Locale: "zh",
					Words: content.Words(content.Person),
				})
				return true, err
			})
			return err
		}
		t.Run("refused_a_listed_term_with_the_sealed_name_as_evidence", func(t *testing.T) {
			refused(t, register("出售枪支有限公司", "王五", "a@example.com"), "CONTENT_BLOCKED", "UA 4.7.1")
			refused(t, register("山海科技有限公司", "代办假证", "b@example.com"), "CONTENT_BLOCKED", "UA 4.7.1")
			g.Read(func(r db.Reader) error {
				all, err := content.All(t.Context(), r, "", 10)
				fields := map[string]bool{}
				for _, i := range all {
					fields[i.Field] = i.Kind == content.Person && i.State == content.Refused
				}
				if len(all) != 2 || !fields["display_name"] || !fields["user_name"] {
					t.Errorf("%+v", all)
				}
				return err
			})
		})
		t.Run("refused_as_a_corrected_name_and_a_sub_users", func(t *testing.T) {
			words := content.Words(content.Person)
			refused(t, g.do(func(ctx context.Context, tx *db.Tx) error {
				return account.Correct(ctx, tx, g.sender, "出售毒品", "", words)
			}), "CONTENT_BLOCKED", "UA 4.7.1")
			refused(t, g.do(func(ctx context.Context, tx *db.Tx) error {
				_, err := account.AddUser(ctx, tx, g.sender, account.NewUser{
					Account: account.ID(g.sender.Account), Name: "洗钱通道", Email: "c@example.com", Password: hash, Roles: []string{account.Buyer}, Locale: "zh", Words: words,
				})
				return err
			}), "CONTENT_BLOCKED", "UA 4.7.1")
		})
		t.Run("allowed_an_ordinary_name", func(t *testing.T) {
			if err := register("山海科技有限公司", "王五", "d@example.com"); err != nil {
				t.Error(err)
			}
		})
	})
}
