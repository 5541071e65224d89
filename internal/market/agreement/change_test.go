package agreement

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"yunshi/internal/base/blob"
	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/base/mail"
	"yunshi/internal/base/text"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/job"
	"yunshi/internal/testkit"
)

func officer(id string) audit.Actor {
	return audit.Actor{Kind: audit.Person, User: id, Account: "acc_operator", Session: "ses_" + id, Method: "password", Roles: []string{account.Compliance}}
}

var drafter, approver = officer("usr_drafter"), officer("usr_approver")

var why = Both{"法律变化", "The law changed"}

func write(t testing.TB, d *db.DB, fn func(tx *db.Tx) error) {
	t.Helper()
	must(t, d.Write(t.Context(), fn))
}

// changed takes a change of a document through its whole life up to publication:
// drafted, edited, open for comments, proposed by one and approved by another.
func changed(t testing.TB, d *db.DB, clock *testkit.Clock, source []byte, edit func(tx *db.Tx, one, other audit.Actor, f Draft) (Draft, error)) (v Version) {
	t.Helper()
	var f Draft
	write(t, d, func(tx *db.Tx) (err error) {
		if f, err = Begin(t.Context(), tx, drafter, UserAgreement, source, why); err != nil {
			return err
		}
		if edit != nil {
			f, err = edit(tx, drafter, approver, f)
		}
		return err
	})
	write(t, d, func(tx *db.Tx) (err error) {
		f, err = Consult(t.Context(), tx, drafter, f.ID, f.Revision, clock.Now().AddDate(0, 0, 8))
		return err
	})
	clock.Set(f.ClosesAt)
	write(t, d, func(tx *db.Tx) (err error) {
		f, err = Propose(t.Context(), tx, drafter, f.ID, f.Revision, time.Time{}, Both{"无意见", "No comments"})
		return err
	})
	write(t, d, func(tx *db.Tx) (err error) {
		v, err = Approve(t.Context(), tx, approver, f.ID, f.Revision)
		return err
	})
	return v
}

// refundDays is a source of the refund rulebook with one other number.
func refundDays(t testing.TB, days int) []byte {
	return source(t, "rulebook.refund.v1.json", func(doc map[string]any) {
		doc["settings"].(map[string]any)["refund_window_saas"] = map[string]any{"days": days}
	})
}

func window(t testing.TB, d *db.DB) (v struct{ Days int }) {
	t.Helper()
	must(t, d.Read(t.Context(), func(r db.Reader) (err error) {
		v, err = Setting[struct{ Days int }](t.Context(), r, "refund_window_saas")
		return err
	}))
	return v
}

func TestClause_5_3_AChangeGoesFromDraftToSuperseded(t *testing.T) {
	testkit.EnginesAt(t, func(t *testing.T, d *db.DB, clock *testkit.Clock) {
		owner, old := market(t, d)
		_, err := click(t, d, owner, Acceptance{Bundle: old.Hash})
		must(t, err)
		ctx := t.Context()
		act := func(fn func(tx *db.Tx) (Draft, error)) (f Draft, err error) {
			err = d.Write(ctx, func(tx *db.Tx) (err error) {
				f, err = fn(tx)
				return err
			})
			return f, err
		}
		f, err := act(func(tx *db.Tx) (Draft, error) { return Begin(ctx, tx, drafter, "", refundDays(t, 7), why) })
		must(t, err)
		if f.Code != "refund" || f.Number != 2 || f.State != Drafting {
			t.Fatalf("allowed_draft: %+v", f)
		}
		for name, got := range map[string]func(tx *db.Tx) (Draft, error){
			"refused_second_draft": func(tx *db.Tx) (Draft, error) { return Begin(ctx, tx, approver, "refund", nil, why) },
			"refused_customer":     func(tx *db.Tx) (Draft, error) { return Begin(ctx, tx, owner, "timers", nil, why) },
			"refused_no_reason":    func(tx *db.Tx) (Draft, error) { return Begin(ctx, tx, drafter, "timers", nil, Both{}) },
			"refused_six_days_of_comments": func(tx *db.Tx) (Draft, error) {
				return Consult(ctx, tx, drafter, f.ID, 1, clock.Now().AddDate(0, 0, 6))
			},
			"refused_without_comments": func(tx *db.Tx) (Draft, error) {
				return Propose(ctx, tx, drafter, f.ID, 1, time.Time{}, why)
			},
			"refused_stale":   func(tx *db.Tx) (Draft, error) { return Replace(ctx, tx, drafter, f.ID, 9, refundDays(t, 9)) },
			"refused_unknown": func(tx *db.Tx) (Draft, error) { return Replace(ctx, tx, drafter, "drf_no", 1, refundDays(t, 9)) },
			"refused_other_code": func(tx *db.Tx) (Draft, error) {
				return Replace(ctx, tx, drafter, f.ID, 1, source(t, "rulebook.timers.v1.json", number(2)))
			},
			"refused_broken_settings": func(tx *db.Tx) (Draft, error) {
				return EditTerms(ctx, tx, drafter, f.ID, 1, Edit{Title: why, Why: why, Settings: "no JSON"})
			},
			"refused_clause_without_english": func(tx *db.Tx) (Draft, error) {
				return EditClause(ctx, tx, drafter, f.ID, 1, Clause{ID: "refund-1", Title: why, Text: Both{"文", ""}, Emphasis: Plain, Kind: Ordinary}, false)
			},
		} {
			if _, err := act(got); err == nil {
				t.Errorf("%s: done", name)
			} else if _, ok := fault.Of(err); !ok {
				t.Errorf("%s: %v", name, err)
			}
		}
		// A draft is not a rule: it cannot be cited and changes nothing.
		if window(t, d).Days != 5 {
			t.Error("a draft counts")
		}
		must(t, d.Read(ctx, func(r db.Reader) error {
			if _, err := Cite(ctx, r, "refund", 2, clock.Now()); !errors.Is(err, ErrNotInForce) {
				t.Errorf("refused_citing_a_draft: %v", err)
			}
			return nil
		}))

		f, err = act(func(tx *db.Tx) (Draft, error) {
			return Consult(ctx, tx, drafter, f.ID, f.Revision, clock.Now().AddDate(0, 0, 8))
		})
		must(t, err)
		var c Comment
		write(t, d, func(tx *db.Tx) (err error) {
			c, err = Say(ctx, tx, owner, f.ID, "refund-2", "七天很好，我的卡号 6222 0212 3456 7890 128", nil)
			return err
		})
		if strings.Contains(c.Body, "6222 0212") {
			t.Errorf("a card number is public: %s", c.Body)
		}
		if err := d.Write(ctx, func(tx *db.Tx) error {
			_, err := Say(ctx, tx, owner, f.ID, "refund-99", "text", nil)
			return err
		}); !errors.Is(err, ErrInvalid) {
			t.Errorf("refused_comment_on_no_clause: %v", err)
		}
		if _, err := act(func(tx *db.Tx) (Draft, error) { return Replace(ctx, tx, drafter, f.ID, f.Revision, refundDays(t, 10)) }); !errors.Is(err, ErrClosed) {
			t.Errorf("refused_edit_under_comment: %v", err)
		}
		if _, err := act(func(tx *db.Tx) (Draft, error) { return Propose(ctx, tx, drafter, f.ID, f.Revision, time.Time{}, why) }); !errors.Is(err, ErrConsultation) {
			t.Errorf("refused_while_open: %v", err)
		}
		clock.Set(f.ClosesAt)
		if err := d.Write(ctx, func(tx *db.Tx) error {
			_, err := Say(ctx, tx, owner, f.ID, "", "too late", nil)
			return err
		}); !errors.Is(err, ErrClosed) {
			t.Errorf("refused_late_comment: %v", err)
		}
		write(t, d, func(tx *db.Tx) error { return AnswerComment(ctx, tx, approver, c.ID, "采纳") })
		if err := d.Write(ctx, func(tx *db.Tx) error { return AnswerComment(ctx, tx, drafter, c.ID, "again") }); !errors.Is(err, ErrStale) {
			t.Errorf("refused_second_answer: %v", err)
		}
		f, err = act(func(tx *db.Tx) (Draft, error) { return Replace(ctx, tx, drafter, f.ID, f.Revision, refundDays(t, 8)) })
		must(t, err)
		if _, err := act(func(tx *db.Tx) (Draft, error) {
			return Propose(ctx, tx, drafter, f.ID, f.Revision, time.Time{}, Both{})
		}); !errors.Is(err, ErrRequired) {
			t.Errorf("refused_without_an_outcome: %v", err)
		}
		_, err = act(func(tx *db.Tx) (Draft, error) {
			return Propose(ctx, tx, drafter, f.ID, f.Revision, clock.Now().AddDate(0, 0, 6), why)
		})
		if got, _ := fault.Of(err); got == nil || got.Code != "PUBLISH_TOO_EARLY" || got.Clause != "UA 5.3" {
			t.Errorf("refused_six_days_ahead: %v", err)
		}
		f, err = act(func(tx *db.Tx) (Draft, error) { return Propose(ctx, tx, drafter, f.ID, f.Revision, time.Time{}, why) })
		must(t, err)
		same := drafter
		same.Roles = []string{account.Compliance, account.Superadmin}
		err = d.Write(ctx, func(tx *db.Tx) error {
			_, err := Approve(ctx, tx, same, f.ID, f.Revision)
			return err
		})
		if got, _ := fault.Of(err); got == nil || got.Code != "SECOND_APPROVER_REQUIRED" {
			t.Errorf("refused_same_person_with_two_roles: %v", err)
		}
		f, err = act(func(tx *db.Tx) (Draft, error) { return SendBack(ctx, tx, approver, f.ID, f.Revision, "措辞") })
		must(t, err)
		f, err = act(func(tx *db.Tx) (Draft, error) { return Propose(ctx, tx, approver, f.ID, f.Revision, time.Time{}, why) })
		must(t, err)

		// Two people approve at once: one version.
		var wg sync.WaitGroup
		won := make([]error, 8)
		for i := range won {
			wg.Go(func() {
				won[i] = d.Write(context.Background(), func(tx *db.Tx) error {
					_, err := Approve(context.Background(), tx, officer(fmt.Sprintf("usr_%d", i)), f.ID, f.Revision)
					return err
				})
			})
		}
		wg.Wait()
		if n := len(slices.DeleteFunc(slices.Clone(won), func(err error) bool { return err != nil })); n != 1 {
			t.Errorf("%d approvals: %v", n, won)
		}
		var v Version
		must(t, d.Read(ctx, func(r db.Reader) (err error) {
			v, err = ReadDocument(ctx, r, "refund", 2)
			return err
		}))
		if v.State(clock.Now()) != Announced || window(t, d).Days != 5 || mustAccepted(t, d, owner) != nil {
			t.Errorf("allowed_old_rules_until_then: %s", v.State(clock.Now()))
		}
		clock.Set(v.EffectiveAt)
		if v.State(clock.Now()) != Effective || window(t, d).Days != 8 {
			t.Error("allowed_switch: the clock did not switch")
		}
		must(t, d.Read(ctx, func(r db.Reader) error {
			if _, err := Cite(ctx, r, "refund", 1, clock.Now()); !errors.Is(err, ErrNotInForce) {
				t.Errorf("refused_citing_superseded: %v", err)
			}
			if _, err := Cite(ctx, r, "refund", 1, v.EffectiveAt.Add(-1)); err != nil {
				t.Errorf("allowed_citing_it_for_its_time: %v", err)
			}
			if _, err := Cite(ctx, r, "refund", 2, clock.Now()); err != nil {
				t.Errorf("allowed_citing_the_new: %v", err)
			}
			all, err := Versions(ctx, r, "refund")
			if err != nil || all[1].State(clock.Now()) != Superseded || all[0].State(clock.Now()) != Effective {
				t.Errorf("archive: %+v, %v", all, err)
			}
			kept, err := KeptUntil(ctx, r, all[1])
			if err != nil || kept.Year() != v.EffectiveAt.Year()+3 {
				t.Errorf("kept until %s, %v", kept, err)
			}
			one, err := ReadDocument(ctx, r, "refund", 1)
			must(t, err)
			changes, err := Compare(one, v)
			if err != nil || len(changes) != 1 || changes[0].What != SettingChanged || changes[0].ID != "refund_window_saas" || changes[0].Is != `{"days":8}` {
				t.Errorf("diff %+v, %v", changes, err)
			}
			return err
		}))
	})
}

func TestClause_5_3_TheFirstUseAfterTheSwitchBindsExactlyOnce(t *testing.T) {
	testkit.EnginesAt(t, func(t *testing.T, d *db.DB, clock *testkit.Clock) {
		owner, old := market(t, d)
		must(t, display(t, d, owner, old.Hash))
		_, err := click(t, d, owner, Acceptance{Bundle: old.Hash})
		must(t, err)
		v := changed(t, d, clock, refundDays(t, 7), nil)
		goOn := func(by audit.Actor) (recorded bool, err error) {
			err = d.Write(context.Background(), func(tx *db.Tx) (err error) {
				recorded, err = GoOn(context.Background(), tx, by, Banner, Acceptance{Locale: "zh", IP: "203.0.113.9"})
				return err
			})
			return recorded, err
		}
		if recorded, err := goOn(owner); recorded || err != nil {
			t.Errorf("refused_before_the_switch: %t, %v", recorded, err)
		}
		clock.Set(v.EffectiveAt)
		stranger := owner
		stranger.Account = ""
		if recorded, err := goOn(stranger); recorded || err != nil {
			t.Errorf("refused_nobody: %t, %v", recorded, err)
		}
		const racers = 16
		var recorded [racers]bool
		var errs [racers]error
		var wg sync.WaitGroup
		for i := range racers {
			wg.Go(func() { recorded[i], errs[i] = goOn(owner) })
		}
		wg.Wait()
		must(t, errors.Join(errs[:]...))
		n := 0
		for _, r := range recorded {
			if r {
				n++
			}
		}
		proofs := evidence(t, d, owner)
		last := proofs[len(proofs)-1]
		if n != 1 || len(proofs) != 2 || last.Record.Method != Use || last.Verify() != nil {
			t.Fatalf("allowed_once: %d recorded, %d on record, %+v", n, len(proofs), last.Record)
		}
		if len(last.Displays) != 1 || last.Displays[0].Channel != Banner {
			t.Errorf("the banner is not on record: %+v", last.Displays)
		}
		if s, _ := status(t, d, owner); s != Implied || mustAccepted(t, d, owner) != nil {
			t.Errorf("after use: %s", s)
		}
		must(t, d.Read(t.Context(), func(r db.Reader) error {
			acts, err := audit.Of(t.Context(), r, owner.Account)
			n := 0
			for _, a := range acts {
				if a.Act == "agreement.implied_acceptance" {
					n++
				}
			}
			if n != 1 {
				t.Errorf("%d acts of implied acceptance", n)
			}
			return err
		}))
		// Explicit acceptance is offered too.
		var now Bundle
		must(t, d.Read(t.Context(), func(r db.Reader) (err error) {
			now, err = Current(t.Context(), r)
			return err
		}))
		_, err = click(t, d, owner, Acceptance{Bundle: now.Hash})
		must(t, err)
		if s, at := status(t, d, owner); s != Accepted || !at.Equal(v.EffectiveAt) {
			t.Errorf("allowed_explicit: %s since %s", s, at)
		}
	})
}

func TestClause_5_3_WhoRefusesIsNotBoundAndLeavesOnTheOldTerms(t *testing.T) {
	testkit.EnginesAt(t, func(t *testing.T, d *db.DB, clock *testkit.Clock) {
		owner, old := market(t, d)
		_, err := click(t, d, owner, Acceptance{Bundle: old.Hash})
		must(t, err)
		refuse := func(by audit.Actor, code string, n int64) error {
			return d.Write(t.Context(), func(tx *db.Tx) error { return Refuse(t.Context(), tx, by, code, n) })
		}
		v := changed(t, d, clock, refundDays(t, 7), nil)
		buyer := owner
		buyer.Roles = []string{account.Buyer}
		for name, got := range map[string]error{
			"refused_sub_user":       refuse(buyer, "refund", 2),
			"refused_privacy_notice": refuse(owner, PrivacyNotice, 1),
			"refused_unknown":        refuse(owner, "refund", 9),
			"refused_accepted":       refuse(owner, "refund", 1),
		} {
			if _, ok := fault.Of(got); !ok {
				t.Errorf("%s: %v", name, got)
			}
		}
		must(t, refuse(owner, "refund", 2))
		must(t, refuse(owner, "refund", 2)) // again: nothing
		if mustAccepted(t, d, owner) != nil {
			t.Error("allowed_until_the_switch: the refusal counts already")
		}
		clock.Set(v.EffectiveAt.Add(time.Hour))
		write(t, d, func(tx *db.Tx) error {
			if recorded, err := GoOn(t.Context(), tx, owner, Banner, Acceptance{}); recorded || err != nil {
				t.Errorf("refused_use: %t, %v", recorded, err)
			}
			return nil
		})
		if s, _ := status(t, d, owner); s != Refused || !errors.Is(mustAccepted(t, d, owner), ErrNotAccepted) {
			t.Errorf("after the switch: %s", s)
		}
		days := func() (n int, rulebook string) {
			must(t, d.Read(t.Context(), func(r db.Reader) error {
				v, by, err := CitedFor[struct{ Days int }](t.Context(), r, account.ID(owner.Account), "refund_window_saas")
				n, rulebook = v.Days, by
				return err
			}))
			return n, rulebook
		}
		if n, rulebook := days(); n != 5 || rulebook != "refund#1" {
			t.Errorf("allowed_old_terms: %d by %s", n, rulebook)
		}
		var now Bundle
		must(t, d.Read(t.Context(), func(r db.Reader) (err error) {
			now, err = Current(t.Context(), r)
			return err
		}))
		_, err = click(t, d, owner, Acceptance{Bundle: now.Hash})
		must(t, err)
		if s, _ := status(t, d, owner); s != Accepted {
			t.Errorf("allowed_after_all: %s", s)
		}
		if n, _ := days(); n != 7 {
			t.Errorf("allowed_new_terms: %d", n)
		}
		must(t, d.Read(t.Context(), func(r db.Reader) error {
			all, err := Refusals(t.Context(), r, account.ID(owner.Account))
			if len(all) != 1 || all[0].EndedAt.IsZero() {
				t.Errorf("refusals on record: %+v", all)
			}
			return err
		}))
	})
}

func TestConflict_01_NoChangeWithoutNotice(t *testing.T) {
	for law, tt := range map[string]struct {
		days    int // of notice
		comment bool
		old     bool // who refuses leaves under the old terms
	}{"CN": {7, true, true}, "EU": {15, false, true}, "OTHER": {0, false, false}} {
		t.Run(law, func(t *testing.T) {
			testkit.EnginesAt(t, func(t *testing.T, d *db.DB, clock *testkit.Clock) {
				was := terms.Jurisdiction
				terms.Jurisdiction = law
				owner, b := market(t, d)
				terms.Jurisdiction = was
				_, err := click(t, d, owner, Acceptance{Bundle: b.Hash})
				must(t, err)
				ctx := t.Context()
				var f Draft
				propose := func(at time.Time) error {
					return d.Write(ctx, func(tx *db.Tx) (err error) {
						_, err = Propose(ctx, tx, drafter, f.ID, f.Revision, at, why)
						return err
					})
				}
				write(t, d, func(tx *db.Tx) (err error) {
					f, err = Begin(ctx, tx, drafter, "", refundDays(t, 7), why)
					return err
				})
				if tt.comment {
					if err := propose(clock.Now().AddDate(0, 0, 60)); !errors.Is(err, ErrConsultation) {
						t.Errorf("without comments: %v", err)
					}
					write(t, d, func(tx *db.Tx) (err error) {
						f, err = Consult(ctx, tx, drafter, f.ID, f.Revision, clock.Now().AddDate(0, 0, 8))
						return err
					})
					clock.Set(f.ClosesAt)
				}
				at := clock.Now()
				if tt.days > 0 {
					if err := propose(clock.Now().AddDate(0, 0, tt.days-1)); !errors.Is(err, ErrTooEarly) {
						t.Errorf("%d days ahead: %v", tt.days-1, err)
					}
					at = clock.Now().AddDate(0, 0, tt.days+1)
				}
				var v Version
				write(t, d, func(tx *db.Tx) (err error) {
					if f, err = Propose(ctx, tx, drafter, f.ID, f.Revision, at, why); err != nil {
						return err
					}
					v, err = Approve(ctx, tx, approver, f.ID, f.Revision)
					return err
				})
				write(t, d, func(tx *db.Tx) error {
					if v.State(tx.Now()) == Effective {
						return nil // the bare agreement: published is in force
					}
					return Refuse(ctx, tx, owner, "refund", 2)
				})
				if law == "OTHER" {
					if v.State(clock.Now()) != Effective || window(t, d).Days != 7 {
						t.Error("the bare agreement: the change does not bind at once")
					}
					write(t, d, func(tx *db.Tx) error { return Refuse(ctx, tx, owner, "refund", 2) })
				}
				clock.Set(v.EffectiveAt.Add(time.Hour))
				must(t, d.Read(ctx, func(r db.Reader) error {
					got, _, err := CitedFor[struct{ Days int }](ctx, r, account.ID(owner.Account), "refund_window_saas")
					if old := got.Days == 5; old != tt.old {
						t.Errorf("%d days for who refuses", got.Days)
					}
					return err
				}))
			})
		})
	}
}

func TestConflict_02_UseIsNoConsent(t *testing.T) {
	consented(t, func(t *testing.T, d *db.DB, owner audit.Actor, b Bundle) {
		must(t, display(t, d, owner, b.Hash))
		if !firstUse(t, d, owner) {
			t.Error("use did not bind to the contract")
		}
	})
}

func TestConflict_03_OneAcceptanceIsNotEveryConsent(t *testing.T) {
	consented(t, func(t *testing.T, d *db.DB, owner audit.Actor, b Bundle) {
		_, err := click(t, d, owner, Acceptance{Bundle: b.Hash, Document: "refund"})
		must(t, err)
		if _, err := click(t, d, owner, Acceptance{Bundle: b.Hash, Document: PrivacyNotice}); !errors.Is(err, ErrInvalid) {
			t.Errorf("the privacy notice in the bundle: %v", err)
		}
	})
}

// consented checks that an act accepts the contract under every law, and stands for
// a consent under none but the bare agreement.
func consented(t *testing.T, act func(t *testing.T, d *db.DB, owner audit.Actor, b Bundle)) {
	for law, want := range map[string]bool{"CN": false, "EU": false, "OTHER": true} {
		t.Run(law, func(t *testing.T) {
			testkit.Engines(t, func(t *testing.T, d *db.DB) {
				was := terms.Jurisdiction
				terms.Jurisdiction = law
				owner, b := market(t, d)
				terms.Jurisdiction = was
				act(t, d, owner, b)
				if err := mustAccepted(t, d, owner); err != nil {
					t.Errorf("the contract: %v", err)
				}
				must(t, d.Read(t.Context(), func(r db.Reader) error {
					got, err := Consented(t.Context(), r, account.ID(owner.Account))
					if got != want {
						t.Errorf("consent by acceptance: %t", got)
					}
					return err
				}))
			})
		})
	}
}

func TestClause_9_2_ARuleAcceptedWhereItIsUsedAcceptsAll(t *testing.T) {
	testkit.Engines(t, func(t *testing.T, d *db.DB) {
		owner, b := market(t, d)
		rule := func(by audit.Actor, code string) (recorded bool, err error) {
			err = d.Write(t.Context(), func(tx *db.Tx) (err error) {
				recorded, err = AcceptRule(t.Context(), tx, by, code, Acceptance{Locale: "zh"})
				return err
			})
			return recorded, err
		}
		must(t, display(t, d, owner, b.Hash))
		firstUse(t, d, owner)
		buyer := owner
		buyer.Roles = []string{account.Buyer}
		if recorded, err := rule(buyer, "refund"); recorded || err != nil {
			t.Errorf("refused_sub_user: %t, %v", recorded, err)
		}
		if _, err := rule(owner, PrivacyNotice); !errors.Is(err, ErrInvalid) {
			t.Errorf("refused_privacy_notice: %v", err)
		}
		if recorded, err := rule(owner, "refund"); !recorded || err != nil {
			t.Errorf("allowed: %t, %v", recorded, err)
		}
		if s, _ := status(t, d, owner); s != Accepted {
			t.Errorf("allowed: %s", s)
		}
		if recorded, err := rule(owner, "refund"); recorded || err != nil {
			t.Errorf("again: %t, %v", recorded, err)
		}
	})
}

func TestClause_9_6_ADisabledClauseIsNotCited(t *testing.T) {
	testkit.EnginesAt(t, func(t *testing.T, d *db.DB, clock *testkit.Clock) {
		owner, _ := market(t, d)
		ctx := t.Context()
		disable := func(by audit.Actor, x Disabled) (got Disabled, err error) {
			err = d.Write(ctx, func(tx *db.Tx) (err error) {
				got, err = Disable(ctx, tx, by, x)
				return err
			})
			return got, err
		}
		x := Disabled{Code: UserAgreement, Clause: "8.4", Audience: Consumers, Reason: Both{"消费者权益保护法第二十六条", "Consumer Law 26"}}
		for name, bad := range map[string]func() error{
			"refused_customer":   func() error { _, err := disable(owner, x); return err },
			"refused_no_reason":  func() error { y := x; y.Reason.EN = " "; _, err := disable(drafter, y); return err },
			"refused_no_clause":  func() error { y := x; y.Clause = "8.44"; _, err := disable(drafter, y); return err },
			"refused_no_such":    func() error { y := x; y.Code = "none"; _, err := disable(drafter, y); return err },
			"refused_audience":   func() error { y := x; y.Audience = "all"; _, err := disable(drafter, y); return err },
			"refused_other_land": func() error { y := x; y.Jurisdiction = "MARS"; _, err := disable(drafter, y); return err },
		} {
			if _, ok := fault.Of(bad()); !ok {
				t.Errorf("%s: %v", name, bad())
			}
		}
		cite := func(clause string, who Audience, at time.Time) (v Version, err error) {
			must(t, d.Read(ctx, func(r db.Reader) error {
				v, err = CiteClause(ctx, r, clause, who, at)
				return nil
			}))
			return v, err
		}
		if v, err := cite("UA 8.4", Consumers, clock.Now()); err != nil || v.Ref() != "user-agreement#1" {
			t.Errorf("allowed_before: %s, %v", v.Ref(), err)
		}
		got, err := disable(drafter, x)
		must(t, err)
		if _, err := disable(approver, x); !errors.Is(err, ErrStale) {
			t.Errorf("refused_twice: %v", err)
		}
		clock.Set(clock.Now().Add(time.Hour))
		_, err = cite("UA 8.4", Consumers, clock.Now())
		if f, _ := fault.Of(err); f == nil || f.Code != "CLAUSE_DISABLED" || f.Clause != "UA 9.6" {
			t.Errorf("refused_disabled: %v", err)
		}
		for name, tt := range map[string]struct {
			clause string
			who    Audience
			at     time.Time
		}{
			"allowed_for_others":      {"UA 8.4", Businesses, clock.Now()},
			"allowed_others_stand":    {"UA 8.2", Consumers, clock.Now()},
			"allowed_before_it_was":   {"UA 8.4", Consumers, got.Since.Add(-1)},
			"allowed_rulebook":        {"RB refund-2", Consumers, clock.Now()},
			"allowed_article_of_laws": {"ECL 36", Consumers, clock.Now()},
		} {
			if _, err := cite(tt.clause, tt.who, tt.at); err != nil && !strings.HasPrefix(name, "allowed_before") {
				t.Errorf("%s: %v", name, err)
			}
		}
		if _, err := cite("UA 99", Consumers, clock.Now()); !errors.Is(err, ErrNotInForce) {
			t.Errorf("refused_no_such_clause: %v", err)
		}
		write(t, d, func(tx *db.Tx) error { return Enable(ctx, tx, approver, got.ID, "判决改变") })
		if err := d.Write(ctx, func(tx *db.Tx) error { return Enable(ctx, tx, approver, got.ID, "again") }); !errors.Is(err, ErrStale) {
			t.Errorf("refused_enabling_twice: %v", err)
		}
		if _, err := cite("UA 8.4", Consumers, clock.Now()); err != nil {
			t.Errorf("allowed_enabled_again: %v", err)
		}
		must(t, d.Read(ctx, func(r db.Reader) error {
			acts, err := audit.Of(ctx, r, got.ID)
			if len(acts) != 2 || acts[0].Act != "agreement.clause_disabled" || !slices.Contains(acts[0].Clauses, "UA 8.4") {
				t.Errorf("who disabled and why: %+v", acts)
			}
			return err
		}))
	})
}

func TestClause_9_1_AcceptanceByMail(t *testing.T) {
	testkit.EnginesAt(t, func(t *testing.T, d *db.DB, clock *testkit.Clock) {
		owner, b := market(t, d)
		ctx := t.Context()
		ask := func(by audit.Actor) (c Challenge, err error) {
			err = d.Write(ctx, func(tx *db.Tx) (err error) {
				c, err = AskByMail(ctx, tx, by, account.ID(owner.Account))
				return err
			})
			return c, err
		}
		if _, err := ask(audit.Actor{Account: "acc_b", User: "usr_b", Roles: []string{account.Owner}}); !errors.Is(err, ErrForbidden) {
			t.Errorf("refused_stranger: %v", err)
		}
		c, err := ask(drafter)
		must(t, err)
		sent := &mail.Recorder{}
		must(t, job.NewWorker(d, Work{Sender: sent, BaseURL: "https://market.example"}.Handlers(), slog.New(slog.DiscardHandler)).Drain(ctx))
		all := sent.Messages()
		if len(all) != 1 || all[0].To != "a@example.com" || !strings.Contains(all[0].Subject, c.Code) {
			t.Fatalf("sent %+v", all)
		}
		i := strings.Index(all[0].Text, "/agreement/mail/")
		link, _, _ := strings.Cut(all[0].Text[i+len("/agreement/mail/"):], "\n")
		accept := func(link string) (record Record, err error) {
			err = d.Write(ctx, func(tx *db.Tx) (err error) {
				record, err = AcceptByLink(ctx, tx, link, Acceptance{Locale: "en", IP: "203.0.113.9"})
				return err
			})
			return record, err
		}
		for name, bad := range map[string]string{"refused_forged": c.ID + "." + strings.Repeat("0", 64), "refused_unsigned": c.ID, "refused_nothing": ""} {
			if _, err := accept(bad); !errors.Is(err, ErrNotFound) {
				t.Errorf("%s: %v", name, err)
			}
		}
		record, err := accept(link)
		if err != nil || record.Method != Email || record.Proof != c.ID || record.Bundle != b.Hash {
			t.Fatalf("allowed_link: %+v, %v", record, err)
		}
		if _, err := accept(link); !errors.Is(err, ErrChallenge) {
			t.Errorf("refused_twice: %v", err)
		}
		if s, _ := status(t, d, owner); s != Accepted {
			t.Errorf("allowed_link: %s", s)
		}
		proof := evidence(t, d, owner)[0]
		if proof.Verify() != nil || len(proof.Displays) != 1 || proof.Displays[0].Channel != ByMail {
			t.Errorf("evidence %+v", proof.Displays)
		}

		// The same by a reply.
		second, err := ask(owner)
		must(t, err)
		reply := func(by audit.Actor, raw string) error {
			return d.Write(ctx, func(tx *db.Tx) error {
				_, err := AcceptByReply(ctx, tx, by, []byte(raw))
				return err
			})
		}
		letter := func(from, code string) string {
			return "From: " + from + "\r\nTo: market@example.com\r\nSubject: Re: [" + code + "]\r\n\r\nI accept.\r\n"
		}
		for name, got := range map[string]error{
			"refused_other_sender": reply(drafter, letter("evil@example.com", second.Code)),
			"refused_other_code":   reply(drafter, letter("a@example.com", "YS-22222222")),
			"refused_no_mail":      reply(drafter, "accept"),
			"refused_nothing":      reply(drafter, ""),
			"refused_customer":     reply(owner, letter("a@example.com", second.Code)),
		} {
			if _, ok := fault.Of(got); !ok {
				t.Errorf("%s: %v", name, got)
			}
		}
		must(t, reply(drafter, letter(`"Some One" <A@example.com>`, second.Code)))
		if err := reply(drafter, letter("a@example.com", second.Code)); !errors.Is(err, ErrChallenge) {
			t.Errorf("refused_reply_twice: %v", err)
		}
		third, err := ask(drafter)
		must(t, err)
		clock.Set(third.ExpiresAt.Add(time.Second))
		if err := reply(drafter, letter("a@example.com", third.Code)); !errors.Is(err, ErrChallenge) {
			t.Errorf("refused_late: %v", err)
		}
	})
}

func TestClause_9_1_AcceptanceInWriting(t *testing.T) {
	testkit.EnginesAt(t, func(t *testing.T, d *db.DB, clock *testkit.Clock) {
		owner, b := market(t, d)
		ctx := t.Context()
		scan := Scan{
			Account: account.ID(owner.Account), SignedOn: testkit.Start.Format(time.DateOnly), Name: "signed.pdf", MediaType: "application/pdf",
			File: blob.Ref{Key: "sha256/abc", Size: 9, SHA256: strings.Repeat("a", 64)},
		}
		upload := func(by audit.Actor, in Scan) (p Paper, err error) {
			err = d.Write(ctx, func(tx *db.Tx) (err error) {
				p, err = Upload(ctx, tx, by, in)
				return err
			})
			return p, err
		}
		decide := func(by audit.Actor, id string, yes bool, note string) (record Record, err error) {
			err = d.Write(ctx, func(tx *db.Tx) (err error) {
				record, err = DecidePaper(ctx, tx, by, id, yes, note)
				return err
			})
			return record, err
		}
		for name, edit := range map[string]func(*Scan){
			"refused_program":  func(s *Scan) { s.MediaType = "text/html" },
			"refused_tomorrow": func(s *Scan) { s.SignedOn = "2999-01-01" },
			"refused_no_file":  func(s *Scan) { s.File = blob.Ref{} },
			"refused_nobody":   func(s *Scan) { s.Account = "acc_nobody" },
		} {
			bad := scan
			edit(&bad)
			if _, err := upload(drafter, bad); err == nil {
				t.Errorf("%s: taken", name)
			} else if _, ok := fault.Of(err); !ok {
				t.Errorf("%s: %v", name, err)
			}
		}
		p, err := upload(drafter, scan)
		must(t, err)
		arrived := clock.Now()
		if mustAccepted(t, d, owner) == nil {
			t.Error("refused_unconfirmed: the upload alone binds")
		}
		clock.Set(arrived.Add(time.Hour))
		if _, err := decide(drafter, p.ID, true, ""); !errors.Is(err, ErrSecond) {
			t.Errorf("refused_same_person: %v", err)
		}
		var wg sync.WaitGroup
		won := make([]error, 8)
		for i := range won {
			wg.Go(func() {
				won[i] = d.Write(context.Background(), func(tx *db.Tx) error {
					_, err := DecidePaper(context.Background(), tx, officer(fmt.Sprintf("usr_%d", i)), p.ID, true, "")
					return err
				})
			})
		}
		wg.Wait()
		if n := len(slices.DeleteFunc(slices.Clone(won), func(err error) bool { return err != nil })); n != 1 {
			t.Errorf("%d confirmations: %v", n, won)
		}
		records := evidence(t, d, owner)
		if len(records) != 1 || records[0].Record.Method != Written || !records[0].Record.EffectiveAt.Equal(arrived) || records[0].Record.Proof != p.ID || records[0].Record.Bundle != b.Hash {
			t.Errorf("allowed: %+v", records)
		}
		// The earliest act binds: a click before it would have.
		second, err := upload(approver, scan)
		must(t, err)
		if _, err := decide(drafter, second.ID, false, ""); !errors.Is(err, ErrRequired) {
			t.Errorf("refused_without_note: %v", err)
		}
		if _, err := decide(drafter, second.ID, false, "看不清"); err != nil {
			t.Errorf("allowed_rejecting: %v", err)
		}
		must(t, d.Read(ctx, func(r db.Reader) error {
			all, err := Papers(ctx, r, 9)
			if len(all) != 2 || all[0].Name != "signed.pdf" {
				t.Errorf("papers %+v", all)
			}
			return err
		}))
	})
}

func TestTheRuleCentreFindsAndRemembers(t *testing.T) {
	testkit.EnginesAt(t, func(t *testing.T, d *db.DB, clock *testkit.Clock) {
		owner, b := market(t, d)
		_, err := click(t, d, owner, Acceptance{Bundle: b.Hash})
		must(t, err)
		v := changed(t, d, clock, nil, func(tx *db.Tx, one, _ audit.Actor, f Draft) (Draft, error) {
			return EditClause(t.Context(), tx, one, f.ID, f.Revision, Clause{
				ID: "9.3", Title: Both{"签订地", "Place"}, Text: Both{"本协议签订地为上海。", "This agreement is signed in Shanghai."}, Emphasis: Plain, Kind: Ordinary,
			}, false)
		})
		clock.Set(v.EffectiveAt)
		must(t, d.Read(t.Context(), func(r db.Reader) error {
			hits, err := Search(t.Context(), r, "shanghai", text.EN)
			if err != nil || len(hits) == 0 || hits[0].Clause.ID != "9.3" || !strings.Contains(hits[0].Excerpt, "Shanghai") {
				t.Errorf("search: %+v, %v", hits, err)
			}
			if hits, _ := Search(t.Context(), r, "9.3", text.ZH); len(hits) != 1 {
				t.Errorf("search for a number: %d", len(hits))
			}
			if hits, _ := Search(t.Context(), r, "  ", text.ZH); hits != nil {
				t.Errorf("empty search: %d", len(hits))
			}
			stages, err := History(t.Context(), r, UserAgreement, "9.3")
			if err != nil || len(stages) != 2 || stages[0].From.Number != 2 || stages[1].From.Number != 1 || stages[1].Until.IsZero() {
				t.Errorf("history: %+v, %v", stages, err)
			}
			if stages, _ := History(t.Context(), r, UserAgreement, "8.4"); len(stages) != 1 || stages[0].From.Number != 1 {
				t.Errorf("history of what stayed: %+v", stages)
			}
			if _, err := History(t.Context(), r, UserAgreement, "0.0"); !errors.Is(err, ErrNotFound) {
				t.Errorf("history of nothing: %v", err)
			}
			now, err := Read(t.Context(), r, 0)
			if plain := now.Plain(text.ZH); !strings.Contains(plain, "签订地为上海") || !strings.Contains(plain, now.SHA256) {
				t.Error("the plain text has gaps")
			}
			return err
		}))
	})
}

func TestWordsOfTwoTextsAreComparedOneByOne(t *testing.T) {
	for _, tt := range []struct{ before, after string }{
		{"自付款之日起五个自然日内", "自付款之日起七个自然日内"}, {"within five days.", "within seven calendar days."}, {"", "new"}, {"old", ""}, {"same", "same"}, {"a b c", "c b a"},
	} {
		var was, is strings.Builder
		for _, p := range Words(tt.before, tt.after) {
			if p.Op != New {
				was.WriteString(p.Text)
			}
			if p.Op != Gone {
				is.WriteString(p.Text)
			}
		}
		if was.String() != tt.before || is.String() != tt.after {
			t.Errorf("%q -> %q became %q -> %q", tt.before, tt.after, was.String(), is.String())
		}
	}
	if got := Words("五天", "七天"); len(got) != 3 || got[0] != (Piece{Gone, "五"}) || got[1] != (Piece{New, "七"}) || got[2] != (Piece{Same, "天"}) {
		t.Errorf("%+v", got)
	}
}
