package vendor_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/base/money"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/content"
	"yunshi/internal/market/message"
	"yunshi/internal/market/vendor"
	"yunshi/internal/testkit"
	"yunshi/internal/testkit/seed"
	"yunshi/internal/testkit/world"
)

// refused fails the test unless err carries the code.
func refused(t *testing.T, err error, code, clause string) {
	t.Helper()
	f, ok := fault.Of(err)
	if !ok || f.Code != code || f.Clause != clause {
		t.Errorf("got %v, want %s (%s)", err, code, clause)
	}
}

func TestClause_2_2_AnIndividualIsRefusedByTheDefaultRulebook(t *testing.T) {
	testkit.Engines(t, func(t *testing.T, d *db.DB) {
		m := seed.Open(t, d)
		company := m.Person(t, account.LegalPerson, "深圳甲有限公司")
		person := m.Person(t, account.Individual, "王五")
		application := seed.Application("王五")
		application.SubjectType = account.Individual
		t.Run("refused_an_individual", func(t *testing.T) {
			refused(t, d.Write(t.Context(), func(tx *db.Tx) error {
				_, err := vendor.Apply(t.Context(), tx, person, application)
				return err
			}), "VENDOR_NOT_ELIGIBLE", "UA 2.2")
		})
		t.Run("allowed_a_company", func(t *testing.T) {
			seed.Write(t, d, func(tx *db.Tx) error {
				v, err := vendor.Apply(t.Context(), tx, company, seed.Application("深圳甲有限公司"))
				if err == nil && v.State != vendor.Applied {
					t.Errorf("state %s", v.State)
				}
				return err
			})
		})
	})
}

func TestClause_2_1_TheOperatorIsNeverAVendor(t *testing.T) {
	testkit.Engines(t, func(t *testing.T, d *db.DB) {
		m := seed.Open(t, d)
		operator := m.Superadmin
		operator.Roles = append([]string{account.Owner}, operator.Roles...)
		refused(t, d.Write(t.Context(), func(tx *db.Tx) error {
			_, err := vendor.Apply(t.Context(), tx, operator, seed.Application("云试科技有限公司"))
			return err
		}), "VENDOR_NOT_ELIGIBLE", "UA 2.1")
	})
}

func TestClause_3_1_AVendorWithoutMerchantAccountOrDepositSellsNothing(t *testing.T) {
	testkit.Engines(t, func(t *testing.T, d *db.DB) {
		m := seed.Open(t, d)
		who := m.Person(t, account.LegalPerson, "深圳甲有限公司")
		var id vendor.ID
		seed.Write(t, d, func(tx *db.Tx) error {
			v, err := vendor.Apply(t.Context(), tx, who, seed.Application("深圳甲有限公司"))
			id = v.ID
			return err
		})
		maySell := func() (err error) {
			seed.Read(t, d, func(r db.Reader) error { err = vendor.MustSell(t.Context(), r, id); return nil })
			return err
		}
		refused(t, maySell(), "VENDOR_NOT_ELIGIBLE", "UA 2.1")
		seed.Write(t, d, func(tx *db.Tx) error {
			_, err := vendor.Decide(t.Context(), tx, m.Compliance, id, vendor.Decision{Approve: true})
			return err
		})
		refused(t, maySell(), "VENDOR_NO_MERCHANT_ACCOUNT", "UA 3.1")
		seed.Write(t, d, func(tx *db.Tx) error {
			_, err := vendor.AddMerchantAccount(t.Context(), tx, who, id, "sandboxpay", "m-1")
			return err
		})
		refused(t, maySell(), "DEPOSIT_SHORT", "ECL 58")
		pay := func(minor int64, source string) error {
			return d.Write(t.Context(), func(tx *db.Tx) error {
				_, err := vendor.DepositReceived(t.Context(), tx, m.Finance, id, money.Amount{Minor: minor, Currency: money.CNY}, source)
				return err
			})
		}
		if err := pay(499_999, "line-1"); err != nil {
			t.Fatal(err)
		}
		refused(t, maySell(), "DEPOSIT_SHORT", "ECL 58")
		refused(t, pay(499_999, "line-1"), "DEPOSIT_ALREADY_COUNTED", "ECL 58")
		if err := pay(1, "line-2"); err != nil {
			t.Fatal(err)
		}
		if err := maySell(); err != nil {
			t.Errorf("allowed: %v", err)
		}
		seed.Read(t, d, func(r db.Reader) error {
			if err := vendor.MustSell(t.Context(), r, "ven_none"); !errors.Is(err, vendor.ErrNotEligible) {
				t.Errorf("an unknown vendor: %v", err)
			}
			return nil
		})
	})
}

func TestAMerchantNumberBelongsToOneVendor(t *testing.T) {
	testkit.Engines(t, func(t *testing.T, d *db.DB) {
		m := seed.Open(t, d)
		a, _ := m.Vendor(t, "深圳甲有限公司")
		b := m.Person(t, account.LegalPerson, "深圳乙有限公司")
		var other vendor.ID
		seed.Write(t, d, func(tx *db.Tx) error {
			v, err := vendor.Apply(t.Context(), tx, b, seed.Application("深圳乙有限公司"))
			other = v.ID
			return err
		})
		refused(t, d.Write(t.Context(), func(tx *db.Tx) error {
			_, err := vendor.AddMerchantAccount(t.Context(), tx, b, other, "sandboxpay", "m-"+string(a.ID))
			return err
		}), "MERCHANT_NUMBER_TAKEN", "UA 3.1")
		refused(t, d.Write(t.Context(), func(tx *db.Tx) error {
			_, err := vendor.AddMerchantAccount(t.Context(), tx, b, a.ID, "otherpay", "m-2")
			return err
		}), "NOT_FOUND", "")
	})
}

func TestClause_3_3_TheSellerCardOutlivesTheVendor(t *testing.T) {
	testkit.EnginesAt(t, func(t *testing.T, d *db.DB, clock *testkit.Clock) {
		m := seed.Open(t, d)
		v, who := m.Vendor(t, "深圳甲有限公司")
		renamed := seed.Application("深圳甲科技有限公司")
		renamed.Address = "深圳市福田区新路 2 号"
		card := func() (c vendor.SellerCard) {
			seed.Read(t, d, func(r db.Reader) (err error) { c, err = vendor.Card(t.Context(), r, v.ID); return err })
			return c
		}
		seed.Write(t, d, func(tx *db.Tx) error {
			_, err := vendor.ChangeProfile(t.Context(), tx, who, v.ID, renamed)
			return err
		})
		if c := card(); c.RegisteredName != "深圳甲有限公司" {
			t.Errorf("an unverified name is shown: %s", c.RegisteredName)
		}
		seed.Write(t, d, func(tx *db.Tx) error {
			_, err := vendor.Decide(t.Context(), tx, m.Compliance, v.ID, vendor.Decision{Approve: true})
			return err
		})
		verified := card()
		if verified.RegisteredName != "深圳甲科技有限公司" || verified.Address != renamed.Address || verified.Contact != renamed.Contact || verified.USCC == "" {
			t.Errorf("card %+v", verified)
		}

		end := clock.Now().Add(40 * 24 * time.Hour)
		refused(t, d.Write(t.Context(), func(tx *db.Tx) error {
			_, err := vendor.Exit(t.Context(), tx, who, v.ID, clock.Now().Add(20*24*time.Hour))
			return err
		}), "NOTICE_TOO_SHORT", "ECL 16")
		seed.Write(t, d, func(tx *db.Tx) error {
			_, err := vendor.Exit(t.Context(), tx, who, v.ID, end)
			return err
		})
		left := false
		work := vendor.Work{Left: func(_ context.Context, _ *db.Tx, id vendor.ID) error { left = id == v.ID; return nil }}
		seed.Drain(t, d, work.Handlers())
		if left {
			t.Error("left before the announced end")
		}
		clock.Set(end.Add(time.Minute))
		seed.Drain(t, d, work.Handlers())
		seed.Read(t, d, func(r db.Reader) error {
			gone, err := vendor.Get(t.Context(), r, v.ID)
			if err == nil && (gone.State != vendor.Exited || !left) {
				t.Errorf("state %s, told %v", gone.State, left)
			}
			return err
		})
		t.Run("allowed_after_the_vendor_has_left", func(t *testing.T) {
			if card() != verified {
				t.Error("the card has changed")
			}
		})
	})
}

func TestClause_3_3_NobodyHasACardBeforeVerification(t *testing.T) {
	testkit.Engines(t, func(t *testing.T, d *db.DB) {
		m := seed.Open(t, d)
		who := m.Person(t, account.LegalPerson, "深圳甲有限公司")
		t.Run("refused_before_verification", func(t *testing.T) {
			refused(t, d.Write(t.Context(), func(tx *db.Tx) error {
				v, err := vendor.Apply(t.Context(), tx, who, seed.Application("深圳甲有限公司"))
				if err != nil {
					return err
				}
				_, err = vendor.Card(t.Context(), tx, v.ID)
				return err
			}), "NOT_FOUND", "")
		})
	})
}

func TestARefusedApplicantIsToldWhyAndMayApplyAgain(t *testing.T) {
	testkit.Engines(t, func(t *testing.T, d *db.DB) {
		m := seed.Open(t, d)
		who := m.Person(t, account.LegalPerson, "深圳甲有限公司")
		var id vendor.ID
		seed.Write(t, d, func(tx *db.Tx) error {
			v, err := vendor.Apply(t.Context(), tx, who, seed.Application("深圳甲有限公司"))
			id = v.ID
			return err
		})
		decide := func(by audit.Actor, decision vendor.Decision) error {
			return d.Write(t.Context(), func(tx *db.Tx) error {
				_, err := vendor.Decide(t.Context(), tx, by, id, decision)
				return err
			})
		}
		refused(t, decide(who, vendor.Decision{Approve: true}), "FORBIDDEN", "")
		refused(t, decide(m.Finance, vendor.Decision{Approve: true}), "FORBIDDEN", "")
		refused(t, decide(m.Compliance, vendor.Decision{}), "FIELD_REQUIRED", "")
		if err := decide(m.Compliance, vendor.Decision{Reason: "执照不清晰"}); err != nil {
			t.Fatal(err)
		}
		refused(t, decide(m.Compliance, vendor.Decision{Approve: true}), "STALE", "")
		seed.Read(t, d, func(r db.Reader) error {
			inbox, err := message.Inbox(t.Context(), r, account.ID(who.Account), "")
			told := false
			for _, item := range inbox {
				told = told || item.Code == "N-22"
			}
			if !told {
				t.Error("no notice N-22")
			}
			return err
		})
		seed.Write(t, d, func(tx *db.Tx) error {
			v, err := vendor.Apply(t.Context(), tx, who, seed.Application("深圳甲有限公司"))
			if err == nil && (v.ID != id || v.State != vendor.Applied) {
				t.Errorf("second application: %+v", v)
			}
			return err
		})
		if err := decide(m.Compliance, vendor.Decision{Approve: true}); err != nil {
			t.Fatal(err)
		}
		refused(t, d.Write(t.Context(), func(tx *db.Tx) error {
			_, err := vendor.Apply(t.Context(), tx, who, seed.Application("深圳甲有限公司"))
			return err
		}), "VENDOR_ALREADY_APPLIED", "")
	})
}

func TestClause_P_4_AVendorIsMeasuredByACaseWithItsClauseOnly(t *testing.T) {
	testkit.Engines(t, func(t *testing.T, d *db.DB) {
		m := seed.Open(t, d)
		v, who := m.Vendor(t, "深圳甲有限公司")
		move := func(by audit.Actor, to vendor.State, on vendor.Basis) error {
			return d.Write(t.Context(), func(tx *db.Tx) error {
				_, err := vendor.Move(t.Context(), tx, by, v.ID, to, on)
				return err
			})
		}
		sells := func() (err error) {
			seed.Read(t, d, func(r db.Reader) error { err = vendor.MustSell(t.Context(), r, v.ID); return nil })
			return err
		}
		on := vendor.Basis{Case: "enf_1", Clause: "UA 4.7.1"}
		t.Run("refused", func(t *testing.T) {
			refused(t, move(who, vendor.Suspended, on), "FORBIDDEN", "")
			refused(t, move(m.Compliance, vendor.Exited, on), "STALE", "")
			for _, none := range []vendor.Basis{{}, {Case: "enf_1"}, {Clause: "UA 4.7.1"}, {Case: "because", Clause: "UA 4.7.1"}, {Case: "enf_1", Clause: " "}} {
				for _, to := range []vendor.State{vendor.PublishLimited, vendor.ShopHidden, vendor.Suspended, vendor.Expelled} {
					refused(t, move(m.Compliance, to, none), "MEASURE_WITHOUT_CASE", "UA P-4")
				}
			}
			err := d.Write(t.Context(), func(tx *db.Tx) error {
				_, err := tx.Exec(t.Context(), `INSERT INTO vendor_measure (id, vendor_id, from_state, to_state, reason, clause, decided_by, decided_at)
					VALUES ('vms_x', $1, 'onboarded', 'suspended', 'enf_1', '', 'x', 1)`, string(v.ID))
				return err
			})
			if err == nil {
				t.Error("the database keeps a measure without a clause")
			}
			if err := sells(); err != nil {
				t.Errorf("what was refused has stopped it: %v", err)
			}
		})
		t.Run("allowed", func(t *testing.T) {
			if err := move(m.Compliance, vendor.ShopHidden, on); err != nil {
				t.Fatal(err)
			}
			refused(t, sells(), "VENDOR_NOT_ELIGIBLE", "UA 2.1")
			refused(t, move(m.Compliance, vendor.Onboarded, vendor.Basis{}), "MEASURE_WITHOUT_CASE", "UA P-4")
			if err := move(m.Compliance, vendor.Onboarded, on); err != nil {
				t.Fatal(err)
			}
			if err := sells(); err != nil {
				t.Errorf("restored: %v", err)
			}
			seed.Read(t, d, func(r db.Reader) error {
				n, err := db.Value[int64](t.Context(), r, `SELECT COUNT(*) FROM vendor_measure WHERE vendor_id = $1 AND reason = 'enf_1' AND clause = 'UA 4.7.1'`, string(v.ID))
				if n != 2 {
					t.Errorf("%d measures kept with their clause, want 2", n)
				}
				return err
			})
		})
	})
}

func TestClause_2_1_SellingRestsForWhatOnboardingMissesAndIsNoMeasure(t *testing.T) {
	testkit.EnginesAt(t, func(t *testing.T, d *db.DB, clock *testkit.Clock) {
		m := seed.Open(t, d)
		v, who := m.Vendor(t, "深圳甲有限公司")
		do := func(act func(context.Context, *db.Tx, audit.Actor, vendor.ID, vendor.Ground, string) error, by audit.Actor, g vendor.Ground, why string) error {
			return d.Write(t.Context(), func(tx *db.Tx) error { return act(t.Context(), tx, by, v.ID, g, why) })
		}
		sells := func() (err error) {
			seed.Read(t, d, func(r db.Reader) error { err = vendor.MustSell(t.Context(), r, v.ID); return nil })
			return err
		}
		t.Run("refused", func(t *testing.T) {
			refused(t, do(vendor.Rest, who, vendor.OfDossier, "x"), "FORBIDDEN", "")
			refused(t, do(vendor.Rest, m.Compliance, vendor.OfDossier, " "), "FIELD_REQUIRED", "")
			refused(t, do(vendor.Rest, m.Compliance, "breach", "x"), "FIELD_INVALID", "")
			refused(t, do(vendor.Resume, m.Compliance, vendor.OfDossier, "x"), "STALE", "")
		})
		t.Run("allowed", func(t *testing.T) {
			for _, g := range []struct {
				ground       vendor.Ground
				code, clause string
			}{{vendor.OfDossier, "VENDOR_NOT_ELIGIBLE", "UA 2.1"}, {vendor.OfMerchant, "VENDOR_NO_MERCHANT_ACCOUNT", "UA 3.1"}} {
				if err := do(vendor.Rest, m.Compliance, g.ground, "营业执照已过期"); err != nil {
					t.Fatal(err)
				}
				refused(t, do(vendor.Rest, m.Compliance, g.ground, "twice"), "STALE", "")
				refused(t, sells(), g.code, g.clause)
				seed.Read(t, d, func(r db.Reader) error {
					now, err := vendor.Get(t.Context(), r, v.ID)
					if now.State != vendor.Onboarded {
						t.Errorf("a rest has changed the state to %s", now.State)
					}
					return err
				})
				if err := do(vendor.Resume, m.Compliance, g.ground, "已补齐"); err != nil {
					t.Fatal(err)
				}
				if err := sells(); err != nil {
					t.Errorf("%s: %v", g.ground, err)
				}
			}
		})
		t.Run("refused_to_give_back_what_fell_by_itself", func(t *testing.T) {
			until := calendar.On(clock.Now()).AddDays(3)
			seed.Write(t, d, func(tx *db.Tx) error {
				if err := content.Scanned(t.Context(), tx, who, content.File{SHA256: strings.Repeat("a", 64), Scanner: content.BuiltIn}); err != nil {
					return err
				}
				_, err := vendor.AddDocument(t.Context(), tx, who, vendor.Document{Vendor: v.ID, Kind: "qualification", Name: "ICP", Blob: "b", SHA256: strings.Repeat("a", 64), ValidUntil: until})
				return err
			})
			if err := do(vendor.Rest, m.Compliance, vendor.OfDossier, "缺授权书"); err != nil {
				t.Fatal(err)
			}
			clock.Set(until.AddDays(1).Start().Add(time.Minute))
			seed.Drain(t, d, vendor.Work{}.Handlers())
			if err := do(vendor.Resume, m.Compliance, vendor.OfDossier, "已补齐"); err != nil {
				t.Fatal(err)
			}
			refused(t, sells(), "VENDOR_NOT_ELIGIBLE", "UA 2.1")
		})
	})
}

// Whoever acts at one moment, a vendor rests once on a ground, is told once, and
// sells again after one answer.
func TestSixteenOfficersLetAVendorRestOnce(t *testing.T) {
	testkit.Engines(t, func(t *testing.T, d *db.DB) {
		m := seed.Open(t, d)
		v, who := m.Vendor(t, "深圳甲有限公司")
		told := func() (n int) {
			seed.Read(t, d, func(r db.Reader) error {
				all, err := message.Inbox(t.Context(), r, account.ID(who.Account), "")
				for _, m := range all {
					if m.Code == "V-02" {
						n++
					}
				}
				return err
			})
			return n
		}
		for _, act := range []func(context.Context, *db.Tx, audit.Actor, vendor.ID, vendor.Ground, string) error{vendor.Rest, vendor.Resume} {
			before := told()
			var done atomic.Int64
			world.Together(16, func(int) {
				err := d.Write(t.Context(), func(tx *db.Tx) error {
					return act(t.Context(), tx, m.Compliance, v.ID, vendor.OfDossier, "营业执照")
				})
				if err == nil {
					done.Add(1)
				} else if f, ok := fault.Of(err); !ok || f.Code != "STALE" {
					t.Error(err)
				}
			})
			if told := told() - before; done.Load() != 1 || told != 1 {
				t.Errorf("it went through %d times, and the vendor was told %d times", done.Load(), told)
			}
		}
		seed.Read(t, d, func(r db.Reader) error {
			all, err := vendor.Pauses(t.Context(), r, v.ID)
			if len(all) != 1 || all[0].ResumedAt.IsZero() {
				t.Errorf("%+v", all)
			}
			return err
		})
	})
}

func TestAnExpiredDocumentStopsSellingAfterReminders(t *testing.T) {
	testkit.EnginesAt(t, func(t *testing.T, d *db.DB, clock *testkit.Clock) {
		m := seed.Open(t, d)
		v, who := m.Vendor(t, "深圳甲有限公司")
		until := calendar.On(clock.Now()).AddDays(10)
		document := vendor.Document{Vendor: v.ID, Kind: "qualification", Name: "ICP", Blob: "b", SHA256: strings.Repeat("a", 64), ValidUntil: until}
		seed.Write(t, d, func(tx *db.Tx) error {
			if err := content.Scanned(t.Context(), tx, who, content.File{SHA256: document.SHA256, Scanner: content.BuiltIn}); err != nil {
				return err
			}
			_, err := vendor.AddDocument(t.Context(), tx, who, document)
			return err
		})
		notices := func() (n int) {
			seed.Read(t, d, func(r db.Reader) error {
				inbox, err := message.Inbox(t.Context(), r, account.ID(who.Account), "")
				for _, item := range inbox {
					if item.Code == "N-21" {
						n++
					}
				}
				return err
			})
			return n
		}
		sells := func() (err error) {
			seed.Read(t, d, func(r db.Reader) error { err = vendor.MustSell(t.Context(), r, v.ID); return nil })
			return err
		}
		clock.Set(until.Last())
		seed.Drain(t, d, vendor.Work{}.Handlers())
		if err := sells(); err != nil || notices() != 2 {
			t.Errorf("last day: %v, %d reminders, want 2 (7 days and 1 day before)", err, notices())
		}
		clock.Set(until.AddDays(1).Start())
		seed.Drain(t, d, vendor.Work{}.Handlers())
		refused(t, sells(), "VENDOR_NOT_ELIGIBLE", "UA 2.1")
		if notices() != 3 {
			t.Errorf("%d notices, want 3", notices())
		}
		document.ValidUntil = until.AddDays(365)
		seed.Write(t, d, func(tx *db.Tx) error {
			if err := content.Scanned(t.Context(), tx, who, content.File{SHA256: document.SHA256, Scanner: content.BuiltIn}); err != nil {
				return err
			}
			_, err := vendor.AddDocument(t.Context(), tx, who, document)
			return err
		})
		if err := sells(); err != nil {
			t.Errorf("with a new document: %v", err)
		}
	})
}

func TestAHookSecretIsShownOnceAndOverlapsAtRotation(t *testing.T) {
	testkit.EnginesAt(t, func(t *testing.T, d *db.DB, clock *testkit.Clock) {
		m := seed.Open(t, d)
		v, who := m.Vendor(t, "深圳甲有限公司")
		set := func(address string) (h vendor.Hook, err error) {
			err = d.Write(t.Context(), func(tx *db.Tx) (err error) {
				h, err = vendor.SetHook(t.Context(), tx, who, v.ID, "hook_native", address)
				return err
			})
			return h, err
		}
		for _, address := range []string{"", "ftp://a.example", "https://", "https://u:p@a.example/", "https://a.example/?q=1"} {
			if _, err := set(address); err == nil {
				t.Errorf("%q was taken", address)
			}
		}
		first, err := set("https://vendor.example/hook")
		if err != nil {
			t.Fatal(err)
		}
		second, err := set("https://vendor.example/hook")
		if err != nil || second.Secret == first.Secret {
			t.Fatalf("rotation: %v", err)
		}
		read := func() (h vendor.Hook) {
			seed.Read(t, d, func(r db.Reader) (err error) {
				h, err = vendor.HookOf(t.Context(), r, v.ID, "hook_native")
				return err
			})
			return h
		}
		if h := read(); h.Secret != second.Secret || h.Previous != first.Secret {
			t.Error("the secret before the rotation is not valid beside the new one")
		}
		clock.Advance(25 * time.Hour)
		if h := read(); h.Secret != second.Secret || h.Previous != "" {
			t.Error("the secret before the rotation is valid for more than a day")
		}
		seed.Read(t, d, func(r db.Reader) error {
			all, err := vendor.Hooks(t.Context(), r, v.ID)
			if len(all) != 1 || all[0].Secret != "" {
				t.Errorf("list %+v", all)
			}
			return err
		})
	})
}
