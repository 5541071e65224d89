package agreement

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/base/text"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/job"
	"yunshi/internal/testkit"
)

const hash = account.PasswordHash("$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")

var (
	shell = audit.CLI("test")
	terms = Terms{Operator: Both{"云市运营有限公司", "Yunshi Operations Ltd"}}
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// market is a database with the first versions published and one account.
func market(t testing.TB, d *db.DB) (owner audit.Actor, b Bundle) {
	t.Helper()
	must(t, d.Write(t.Context(), func(tx *db.Tx) error {
		if err := Seed(t.Context(), tx, shell, terms); err != nil {
			return err
		}
		u, err := account.Register(t.Context(), tx, audit.Actor{Kind: audit.Person}, account.Registration{
			SubjectType: account.Individual, DisplayName: "某用户", UserName: "某人", Email: "a@example.com", Password: hash,
		})
		if err != nil {
			return err
		}
		owner = audit.Actor{Kind: audit.Person, User: string(u.ID), Account: string(u.Account), Session: "ses_test", Method: "password", Roles: u.Roles}
		b, err = Current(t.Context(), tx)
		return err
	}))
	return owner, b
}

func display(t testing.TB, d *db.DB, by audit.Actor, bundle string) error {
	t.Helper()
	return d.Write(t.Context(), func(tx *db.Tx) error { return Display(t.Context(), tx, by, "zh-CN", bundle) })
}

func click(t testing.TB, d *db.DB, by audit.Actor, in Acceptance) (record Record, err error) {
	t.Helper()
	in.Method = Click
	err = d.Write(t.Context(), func(tx *db.Tx) error {
		record, err = Accept(t.Context(), tx, by, in)
		return err
	})
	return record, err
}

func firstUse(t testing.TB, d *db.DB, by audit.Actor) (recorded bool) {
	t.Helper()
	must(t, d.Write(t.Context(), func(tx *db.Tx) (err error) {
		recorded, err = FirstUse(t.Context(), tx, by)
		return err
	}))
	return recorded
}

func mustAccepted(t testing.TB, d *db.DB, by audit.Actor) error {
	t.Helper()
	return d.Read(t.Context(), func(r db.Reader) error { return MustAccepted(t.Context(), r, account.ID(by.Account)) })
}

func status(t testing.TB, d *db.DB, by audit.Actor) (s Standing, at time.Time) {
	t.Helper()
	must(t, d.Read(t.Context(), func(r db.Reader) (err error) {
		s, at, err = Status(t.Context(), r, account.ID(by.Account))
		return err
	}))
	return s, at
}

func evidence(t testing.TB, d *db.DB, by audit.Actor) (proofs []Proof) {
	t.Helper()
	must(t, d.Read(t.Context(), func(r db.Reader) (err error) {
		proofs, err = Evidence(t.Context(), r, account.ID(by.Account))
		return err
	}))
	return proofs
}

// source returns a document that ships with the program, changed by edit.
func source(t testing.TB, name string, edit func(map[string]any)) []byte {
	t.Helper()
	raw, err := first.ReadFile("text/" + name)
	must(t, err)
	var d map[string]any
	must(t, json.Unmarshal(raw, &d))
	edit(d)
	out, err := json.Marshal(d)
	must(t, err)
	return out
}

func byShell(t testing.TB, d *db.DB, by audit.Actor, source []byte, in Terms) (v Version, err error) {
	t.Helper()
	err = d.Write(t.Context(), func(tx *db.Tx) error {
		v, err = Publish(t.Context(), tx, by, source, in)
		return err
	})
	return v, err
}

func number(n int) func(map[string]any) {
	return func(d map[string]any) { d["number"] = n }
}

func TestClause_9_1_FirstUseAt10AndClickAt1005BindFrom10(t *testing.T) {
	testkit.EnginesAt(t, func(t *testing.T, d *db.DB, clock *testkit.Clock) {
		owner, b := market(t, d)
		ten := testkit.Start.Add(time.Hour)
		clock.Set(ten.Add(-time.Minute))
		must(t, display(t, d, owner, b.Hash))
		clock.Set(ten)
		if !firstUse(t, d, owner) {
			t.Fatal("the use after the display was not recorded")
		}
		if s, at := status(t, d, owner); s != Implied || !at.Equal(ten) {
			t.Errorf("after use: %s since %s", s, at)
		}
		clock.Set(ten.Add(5 * time.Minute))
		record, err := click(t, d, owner, Acceptance{Bundle: b.Hash, Locale: "zh", IP: "203.0.113.9", UserAgent: "Browser"})
		if err != nil || record.Method != Click || !record.AcceptedAt.Equal(ten.Add(5*time.Minute)) || !record.EffectiveAt.Equal(ten) {
			t.Errorf("allowed_click: %+v, %v", record, err)
		}
		if s, at := status(t, d, owner); s != Accepted || !at.Equal(ten) {
			t.Errorf("after both: %s since %s", s, at)
		}

		proofs := evidence(t, d, owner)
		if len(proofs) != 2 || proofs[0].Record.Method != Use || proofs[1].Record.Method != Click {
			t.Fatalf("%d records, want both", len(proofs))
		}
		for _, p := range proofs {
			if !p.Record.EffectiveAt.Equal(ten) || p.PlaceOfSigning.ZH != "广东省深圳市南山区" {
				t.Errorf("%s: in force from %s, signed at %v", p.Record.Method, p.Record.EffectiveAt, p.PlaceOfSigning)
			}
			if err := p.Verify(); err != nil {
				t.Errorf("%s: %v", p.Record.Method, err)
			}
			var all []byte // what anybody computes from the exported files
			for _, v := range p.Documents {
				all = append(all, v.Source...)
			}
			sum := sha256.Sum256(all)
			if hex.EncodeToString(sum[:]) != p.Record.TextSHA256 {
				t.Errorf("%s: the exported texts have another hash", p.Record.Method)
			}
		}

		// A changed word, a missing document and a swapped hash are all found.
		for name, forge := range map[string]func(*Proof){
			"refused_changed_word": func(p *Proof) {
				p.Documents[0].Source = bytes.Replace(p.Documents[0].Source, []byte("不"), []byte("可"), 1)
			},
			"refused_missing_rulebook": func(p *Proof) { p.Documents = p.Documents[:len(p.Documents)-1] },
			"refused_other_hash":       func(p *Proof) { p.Record.TextSHA256 = strings.Repeat("0", 64) },
			"refused_word_and_its_hash": func(p *Proof) {
				p.Documents[0].Source = []byte("{}")
				p.Documents[0].SHA256 = hexSum([]byte("{}"))
			},
		} {
			p := proofs[0]
			p.Documents = slices.Clone(p.Documents)
			forge(&p)
			if err := p.Verify(); err == nil {
				t.Errorf("%s: verified", name)
			}
		}
	})
}

func TestClause_9_1_AcceptanceByASubUserIsRefused(t *testing.T) {
	testkit.Engines(t, func(t *testing.T, d *db.DB) {
		owner, b := market(t, d)
		buyer := owner
		buyer.Roles = []string{account.Buyer}
		_, err := click(t, d, buyer, Acceptance{Bundle: b.Hash})
		if f, _ := fault.Of(err); f == nil || f.Code != "NOT_AUTHORISED_TO_ACCEPT" || f.Clause != "UA 9.1" {
			t.Errorf("refused_click: %v", err)
		}
		must(t, display(t, d, buyer, b.Hash))
		if firstUse(t, d, buyer) || mustAccepted(t, d, owner) == nil {
			t.Error("refused_use: a sub-user bound the account by using it")
		}
		if _, err := click(t, d, owner, Acceptance{Bundle: "0000"}); !errors.Is(err, ErrStale) {
			t.Errorf("refused_other_bundle: %v", err)
		}
		err = d.Write(t.Context(), func(tx *db.Tx) error {
			_, err := Accept(t.Context(), tx, owner, Acceptance{Method: Use, Bundle: b.Hash})
			return err
		})
		if !errors.Is(err, ErrInvalid) {
			t.Errorf("refused_use_as_a_form_value: %v", err)
		}
		if _, err := click(t, d, owner, Acceptance{Bundle: b.Hash}); err != nil {
			t.Errorf("allowed_owner: %v", err)
		}
	})
}

func TestClause_P_3_NothingBeforeAcceptance(t *testing.T) {
	testkit.Engines(t, func(t *testing.T, d *db.DB) {
		owner, b := market(t, d)
		err := mustAccepted(t, d, owner)
		if f, _ := fault.Of(err); f == nil || f.Code != "AGREEMENT_NOT_ACCEPTED" || f.Clause != "UA P-3" {
			t.Errorf("refused_new_account: %v", err)
		}
		if s, at := status(t, d, owner); s != None || !at.IsZero() {
			t.Errorf("new account: %s since %s", s, at)
		}
		if firstUse(t, d, owner) {
			t.Error("refused_use_of_what_was_never_shown: recorded")
		}
		must(t, d.Read(t.Context(), func(r db.Reader) error { // reading the public texts needs no acceptance
			v, err := Read(t.Context(), r, 0)
			if len(v.Clauses) != 73 {
				t.Errorf("allowed_reading: %d clauses", len(v.Clauses))
			}
			return err
		}))
		must(t, display(t, d, owner, b.Hash))
		if err := mustAccepted(t, d, owner); err == nil {
			t.Error("refused_display_alone: the account counts as accepted")
		}
		if !firstUse(t, d, owner) {
			t.Error("allowed_use_after_display: not recorded")
		}
		if err := mustAccepted(t, d, owner); err != nil {
			t.Errorf("allowed_after_use: %v", err)
		}
		if firstUse(t, d, owner) {
			t.Error("the second use was recorded too")
		}
		must(t, d.Read(t.Context(), func(r db.Reader) error {
			acts, err := audit.Of(t.Context(), r, owner.Account)
			names := []string{}
			for _, act := range acts {
				names = append(names, act.Act)
			}
			if !slices.Contains(names, "agreement.implied_acceptance") || !slices.Contains(names, "agreement.displayed") {
				t.Errorf("evidence: %v", names)
			}
			return err
		}))
	})
}

func TestClause_8_2_4_AfterTheEndNothingAcceptsAnything(t *testing.T) {
	testkit.Engines(t, func(t *testing.T, d *db.DB) {
		owner, b := market(t, d)
		by, id := audit.Job("enforcement.serve"), account.ID(owner.Account)
		must(t, display(t, d, owner, b.Hash))
		var end time.Time
		must(t, d.Write(t.Context(), func(tx *db.Tx) error {
			end = tx.Now()
			if err := Dissolve(t.Context(), tx, by, id, "enf_1", end); err != nil {
				return err
			}
			return Dissolve(t.Context(), tx, by, id, "enf_2", end.Add(time.Hour)) // the first end counts
		}))
		t.Run("refused", func(t *testing.T) {
			if s, at := status(t, d, owner); s != Dissolved || !at.Equal(end) {
				t.Errorf("%s since %s, want dissolved since %s", s, at, end)
			}
			if firstUse(t, d, owner) {
				t.Error("a look at what is left was recorded as an acceptance")
			}
			if _, err := click(t, d, owner, Acceptance{Bundle: b.Hash}); !errors.Is(err, account.ErrTerminated) {
				t.Errorf("click: %v", err)
			}
			if err := mustAccepted(t, d, owner); !errors.Is(err, account.ErrTerminated) {
				t.Errorf("%v", err)
			}
		})
		t.Run("allowed", func(t *testing.T) {
			must(t, d.Write(t.Context(), func(tx *db.Tx) error { return Restore(t.Context(), tx, by, id, "enf_1") }))
			if s, _ := status(t, d, owner); s != None {
				t.Errorf("restored: %s", s)
			}
			if _, err := click(t, d, owner, Acceptance{Bundle: b.Hash}); err != nil {
				t.Errorf("click: %v", err)
			}
		})
	})
}

func TestClause_P_2_EvidenceListsWhatWasShownInBold(t *testing.T) {
	testkit.Engines(t, func(t *testing.T, d *db.DB) {
		owner, b := market(t, d)
		must(t, display(t, d, owner, b.Hash))
		_, err := click(t, d, owner, Acceptance{Bundle: b.Hash, Locale: "en"})
		must(t, err)
		p := evidence(t, d, owner)[0]
		if len(p.Displays) != 1 || p.Displays[0].Locale != "zh" || string(p.Displays[0].User) != owner.User || p.Record.Locale != "en" {
			t.Fatalf("allowed: displays %+v, record %+v", p.Displays, p.Record)
		}
		for _, id := range []string{"4.10", "7.1", "7.2", "7.3", "8.1", "8.4", "8.5"} {
			if !slices.Contains(p.Displays[0].Emphasised, id) {
				t.Errorf("allowed: clause %s is not on record as bold", id)
			}
		}
		if slices.Contains(p.Displays[0].Emphasised, "1.1") {
			t.Error("clause 1.1 is on record as bold and is not")
		}
		if err := display(t, d, owner, "0000"); !errors.Is(err, ErrStale) {
			t.Errorf("display of another bundle: %v", err)
		}

		plain := source(t, "agreement.v1.json", func(doc map[string]any) {
			doc["number"] = 2
			for _, c := range doc["clauses"].([]any) {
				if clause := c.(map[string]any); clause["id"] == "7.2" {
					clause["emphasis"] = "none"
				}
			}
		})
		err = d.Write(t.Context(), func(tx *db.Tx) error {
			draft, err := Begin(t.Context(), tx, drafter, "", plain, why)
			if err != nil {
				return err
			}
			_, err = Consult(t.Context(), tx, drafter, draft.ID, draft.Revision, tx.Now().AddDate(0, 0, 9))
			return err
		})
		f, _ := fault.Of(err)
		if f == nil || f.Code != "EMPHASIS_MISSING" || !slices.Contains(f.Args, any("7.2")) {
			t.Errorf("refused_plain_7.2: %v", err)
		}
		must(t, d.Read(t.Context(), func(r db.Reader) error {
			versions, err := Versions(t.Context(), r, UserAgreement)
			if len(versions) != 1 {
				t.Errorf("a refused version left %d versions", len(versions))
			}
			return err
		}))
	})
}

func TestClause_9_2_AcceptingTheRefundRulesAcceptsTheWholeAndNoPrivacyConsent(t *testing.T) {
	testkit.Engines(t, func(t *testing.T, d *db.DB) {
		owner, b := market(t, d)
		record, err := click(t, d, owner, Acceptance{Bundle: b.Hash, Document: "refund"})
		if err != nil || record.Bundle != b.Hash || record.Document != "refund" {
			t.Errorf("allowed_refund_rules: %+v, %v", record, err)
		}
		if err := mustAccepted(t, d, owner); err != nil {
			t.Errorf("allowed: %v", err)
		}
		if _, err := click(t, d, owner, Acceptance{Bundle: b.Hash, Document: PrivacyNotice}); !errors.Is(err, ErrInvalid) {
			t.Errorf("refused_privacy_notice: %v", err)
		}
		for _, v := range evidence(t, d, owner)[0].Documents {
			if v.Kind == KindPrivacy {
				t.Error("the privacy notice is in the bundle")
			}
		}
	})
}

func TestSixteenClicksAtOnceLeaveOneRecordPerMethod(t *testing.T) {
	testkit.Engines(t, func(t *testing.T, d *db.DB) {
		owner, b := market(t, d)
		must(t, display(t, d, owner, b.Hash))
		const racers = 16
		ids, errs := make([]string, racers), make([]error, racers)
		var used [racers]bool
		var wg sync.WaitGroup
		for i := range racers {
			wg.Go(func() {
				errs[i] = d.Write(context.Background(), func(tx *db.Tx) error {
					var err error
					if used[i], err = FirstUse(context.Background(), tx, owner); err != nil {
						return err
					}
					record, err := Accept(context.Background(), tx, owner, Acceptance{Method: Click, Bundle: b.Hash})
					ids[i] = record.ID
					return err
				})
			})
		}
		wg.Wait()
		must(t, errors.Join(errs...))
		slices.Sort(ids)
		uses := 0
		for _, u := range used {
			if u {
				uses++
			}
		}
		methods := []Method{}
		for _, p := range evidence(t, d, owner) {
			methods = append(methods, p.Record.Method)
		}
		slices.Sort(methods)
		if len(slices.Compact(ids)) != 1 || uses != 1 || !slices.Equal(methods, []Method{Click, Use}) {
			t.Errorf("%d different answers, %d first uses, records %v", len(slices.Compact(ids)), uses, methods)
		}
	})
}

func TestClause_1_1_RulesInForceAreCitedAndSettingsRead(t *testing.T) {
	testkit.EnginesAt(t, func(t *testing.T, d *db.DB, clock *testkit.Clock) {
		_, b := market(t, d)
		if len(b.Rulebooks) < 4 || b.Agreement.Code != UserAgreement {
			t.Fatalf("bundle %+v", b)
		}
		must(t, d.Read(t.Context(), func(r db.Reader) error {
			v, err := Cite(t.Context(), r, "refund", 1, clock.Now())
			if err != nil || v.Code != "refund" {
				t.Errorf("allowed_in_force: %+v, %v", v, err)
			}
			for name, tt := range map[string]struct {
				code   string
				number int64
				at     time.Time
			}{
				"refused_before_it_was_published": {"refund", 1, clock.Now().Add(-time.Hour)},
				"refused_draft":                   {"refund", 2, clock.Now()},
				"refused_unknown":                 {"secret-rules", 1, clock.Now()},
			} {
				if _, err := Cite(t.Context(), r, tt.code, tt.number, tt.at); !errors.Is(err, ErrNotInForce) {
					t.Errorf("%s: %v", name, err)
				}
			}
			pay, err := Setting[struct{ Minutes int }](t.Context(), r, "pay_timer_card")
			if err != nil || pay.Minutes != 15 {
				t.Errorf("setting %+v, %v", pay, err)
			}
			if _, err := Setting[struct{}](t.Context(), r, "no_such_setting"); err == nil {
				t.Error("an unknown setting is a silent zero")
			}
			if _, err := Setting[int](t.Context(), r, "pay_timer_card"); err == nil {
				t.Error("a setting of another shape is a silent zero")
			}
			return nil
		}))
	})
}

func TestClause_9_4_ChangingTheLawIsANewVersion(t *testing.T) {
	testkit.EnginesAt(t, func(t *testing.T, d *db.DB, clock *testkit.Clock) {
		owner, b := market(t, d)
		_, err := click(t, d, owner, Acceptance{Bundle: b.Hash})
		must(t, err)
		floor := func() (s string) {
			must(t, d.Read(t.Context(), func(r db.Reader) (err error) {
				s, err = Floor(t.Context(), r)
				return err
			}))
			return s
		}
		number2 := source(t, "agreement.v1.json", number(2))
		eu := Terms{Operator: terms.Operator, Jurisdiction: "EU"}
		if _, err := byShell(t, d, shell, number2, eu); !errors.Is(err, ErrSecond) {
			t.Errorf("refused_by_the_shell_alone: %v", err)
		}
		v := changed(t, d, clock, nil, func(tx *db.Tx, one, _ audit.Actor, f Draft) (Draft, error) {
			f, err := EditTerms(t.Context(), tx, one, f.ID, f.Revision, Edit{
				Title: Both{"云市用户协议", "User Agreement"}, Jurisdiction: "EU", PlaceOfSigning: Both{"柏林", "Berlin"}, GoverningLaw: Both{"德国法律", "German law"},
				Why: f.Why, Major: true,
			})
			if err != nil {
				return f, err
			}
			return EditClause(t.Context(), tx, one, f.ID, f.Revision, Clause{
				ID: "9.3", Title: Both{"签订地", "Place of signing"}, Text: Both{"本协议签订地为柏林。", "This agreement is signed in Berlin."}, Emphasis: Plain, Kind: Ordinary,
			}, false)
		})
		if floor() != "CN" {
			t.Error("the floor switched before the version binds")
		}
		clock.Set(v.EffectiveAt)
		if floor() != "EU" {
			t.Error("allowed: the floor did not switch")
		}
		must(t, d.Read(t.Context(), func(r db.Reader) error {
			v, err := Read(t.Context(), r, 0)
			i := slices.IndexFunc(v.Clauses, func(c Clause) bool { return c.ID == "9.3" })
			if v.Number != 2 || !strings.Contains(v.Clauses[i].Text.ZH, "柏林") || !strings.Contains(v.Clauses[i].Text.In(text.EN), "Berlin") {
				t.Errorf("version %d, clause 9.3: %+v", v.Number, v.Clauses[i])
			}
			return err
		}))

		// Clause 9.3: the old acceptance stays signed where it was.
		if got := evidence(t, d, owner)[0].PlaceOfSigning.EN; !strings.HasPrefix(got, "Nanshan") {
			t.Errorf("the old acceptance is signed at %s now", got)
		}
	})
}

func TestPublishedTextsAreFilledAndComplete(t *testing.T) {
	testkit.Engines(t, func(t *testing.T, d *db.DB) {
		market(t, d)
		must(t, d.Write(t.Context(), func(tx *db.Tx) error { return Seed(t.Context(), tx, shell, terms) })) // again: nothing
		must(t, d.Read(t.Context(), func(r db.Reader) error {
			for _, code := range []string{UserAgreement, PrivacyNotice, "refund", "settlement", "timers", "listing"} {
				v, err := ReadDocument(t.Context(), r, code, 0)
				if err != nil || v.Number != 1 || len(v.Clauses) == 0 || hexSum(v.Source) != v.SHA256 {
					t.Errorf("%s: %d clauses, %v", code, len(v.Clauses), err)
				}
				if bytes.Contains(v.Source, []byte("{{")) {
					t.Errorf("%s: a placeholder is left", code)
				}
			}
			v, err := Read(t.Context(), r, 1)
			if err != nil || !strings.Contains(v.Clauses[0].Text.ZH, "云市运营有限公司") || !strings.Contains(v.Clauses[0].Text.EN, "Yunshi Operations Ltd") {
				t.Errorf("the operator is not named: %v", err)
			}
			if _, err := Read(t.Context(), r, 9); !errors.Is(err, ErrNotFound) {
				t.Errorf("version 9: %v", err)
			}
			return nil
		}))
	})
}

func TestOnlyComplianceAndTheShellPublish(t *testing.T) {
	testkit.Engines(t, func(t *testing.T, d *db.DB) {
		owner, _ := market(t, d)
		next := source(t, "rulebook.timers.v1.json", number(2))
		if _, err := byShell(t, d, owner, next, Terms{}); !errors.Is(err, ErrForbidden) {
			t.Errorf("customer: %v", err)
		}
		if _, err := byShell(t, d, audit.Actor{Roles: []string{account.Finance}}, next, Terms{}); !errors.Is(err, ErrForbidden) {
			t.Errorf("finance: %v", err)
		}
		for name, broken := range map[string][]byte{
			"no JSON":       []byte("text"),
			"unknown field": source(t, "rulebook.timers.v1.json", func(d map[string]any) { d["number"], d["surprise"] = 2, 1 }),
			"skips one":     source(t, "rulebook.timers.v1.json", number(3)),
		} {
			if _, err := byShell(t, d, shell, broken, Terms{}); err == nil {
				t.Errorf("%s: published", name)
			} else if _, ok := fault.Of(err); !ok {
				t.Errorf("%s: %v is no refusal", name, err)
			}
		}
		officer := audit.Actor{Kind: audit.Person, Account: "acc_o", User: "usr_o", Roles: []string{account.Compliance}}
		if _, err := byShell(t, d, officer, next, Terms{}); !errors.Is(err, ErrSecond) {
			t.Errorf("compliance alone: %v", err)
		}
		if _, err := byShell(t, d, shell, next, Terms{}); err != nil {
			t.Errorf("the shell before anybody accepted: %v", err)
		}
	})
}

func TestEveryAccountIsToldOnceAboutANewVersion(t *testing.T) {
	testkit.Engines(t, func(t *testing.T, d *db.DB) {
		market(t, d)
		const extra = announcePage + 5 // with the first account: more than one page
		must(t, d.Write(t.Context(), func(tx *db.Tx) error {
			for i := range extra {
				_, err := account.Register(t.Context(), tx, audit.Actor{Kind: audit.Person}, account.Registration{
					SubjectType: account.Individual, DisplayName: "某", UserName: "某", Email: fmt.Sprintf("u%d@example.com", i), Password: hash,
				})
				if err != nil {
					return err
				}
			}
			return nil
		}))
		_, err := byShell(t, d, shell, source(t, "agreement.v1.json", number(2)), terms)
		must(t, err)
		must(t, job.NewWorker(d, Work{}.Handlers(), slog.New(slog.DiscardHandler)).Drain(t.Context()))
		must(t, d.Read(t.Context(), func(r db.Reader) error {
			accounts, err := account.List(t.Context(), r, "", 2*announcePage)
			if len(accounts) != extra+1 {
				t.Errorf("%d accounts", len(accounts))
			}
			for _, a := range accounts {
				jobs, err := job.Of(t.Context(), r, string(a.ID))
				if err != nil || len(jobs) != 1 || jobs[0].Kind != account.NoticeJob {
					t.Fatalf("%s was told %d times, %v", a.ID, len(jobs), err)
				}
			}
			return err
		}))
	})
}
