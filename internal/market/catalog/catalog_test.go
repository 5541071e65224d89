package catalog_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/base/money"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/catalog"
	"yunshi/internal/market/message"
	"yunshi/internal/market/vendor"
	"yunshi/internal/testkit"
	"yunshi/internal/testkit/seed"
)

// refused fails the test unless err carries the code and the clause.
func refused(t *testing.T, err error, code, clause string) {
	t.Helper()
	f, ok := fault.Of(err)
	if !ok || f.Code != code || f.Clause != clause {
		t.Errorf("got %v, want %s (%s)", err, code, clause)
	}
}

// offerOf is the first plan of a product as sold now.
func offerOf(t *testing.T, d *db.DB, p catalog.ProductID) (o catalog.Offer) {
	t.Helper()
	seed.Read(t, d, func(r db.Reader) error {
		all, err := catalog.Offers(t.Context(), r, p)
		if err != nil {
			return err
		}
		if len(all) == 0 {
			return errors.New("no offers")
		}
		o, err = catalog.OfferOf(t.Context(), r, all[0].PlanID)
		return err
	})
	return o
}

func mustSell(t *testing.T, d *db.DB, o catalog.Offer) (err error) {
	t.Helper()
	seed.Read(t, d, func(r db.Reader) error { err = catalog.MustSell(t.Context(), r, o); return nil })
	return err
}

func codesIn(t *testing.T, d *db.DB, of audit.Actor, code string) (n int) {
	t.Helper()
	seed.Read(t, d, func(r db.Reader) error {
		inbox, err := message.Inbox(t.Context(), r, account.ID(of.Account), "")
		for _, item := range inbox {
			if item.Code == code {
				n++
			}
		}
		return err
	})
	return n
}

func submit(t *testing.T, d *db.DB, who audit.Actor, v vendor.ID, slug string, c catalog.Content) error {
	t.Helper()
	return d.Write(t.Context(), func(tx *db.Tx) error {
		_, version, err := catalog.Draft(t.Context(), tx, who, v, slug, c)
		if err != nil {
			return err
		}
		_, err = catalog.Submit(t.Context(), tx, who, version.ID)
		return err
	})
}

func TestClause_2_1_NoProductWithoutAVendor(t *testing.T) {
	testkit.Engines(t, func(t *testing.T, d *db.DB) {
		m := seed.Open(t, d)
		v, who := m.Vendor(t, "深圳甲有限公司")
		refused(t, submit(t, d, who, "ven_none", "x-1", seed.Content("甲", "A")), "NOT_FOUND", "")
		// The table itself refuses it, whatever the code does.
		for _, vendorID := range []any{nil, "", "ven_none"} {
			if err := d.Write(t.Context(), func(tx *db.Tx) error {
				_, err := tx.Exec(t.Context(), `INSERT INTO catalog_product (id, vendor_id, slug, state, scope, hidden_cause, hidden_reason, listed_version, category, rights_until, created_at, listed_at)
					VALUES ('prd_1', $1, 's', 'draft', '', '', '', '', '', '', 0, 0)`, vendorID)
				return err
			}); err == nil {
				t.Errorf("a product with vendor %v was stored", vendorID)
			}
		}
		p := m.Product(t, who, v.ID, "office", seed.Content("甲办公", "A Office"))
		t.Run("allowed_with_its_vendor_named", func(t *testing.T) {
			if o := offerOf(t, d, p.ID); o.Vendor.RegisteredName != "深圳甲有限公司" {
				t.Errorf("the offer names %q as its seller", o.Vendor.RegisteredName)
			}
		})
		seed.Write(t, d, func(tx *db.Tx) error {
			_, err := vendor.Move(t.Context(), tx, m.Compliance, v.ID, vendor.Suspended, vendor.Basis{Case: "enf_1", Clause: "UA 4.7.1"})
			return err
		})
		t.Run("refused_while_the_vendor_is_suspended", func(t *testing.T) {
			refused(t, submit(t, d, who, v.ID, "office-2", seed.Content("乙", "B")), "VENDOR_NOT_ELIGIBLE", "UA 2.1")
			refused(t, mustSell(t, d, offerOf(t, d, p.ID)), "VENDOR_NOT_ELIGIBLE", "UA 2.1")
		})
	})
}

func TestClause_2_3_ALicensedProductWhoseLicenceEndedYesterdayIsUnlistedToday(t *testing.T) {
	testkit.EnginesAt(t, func(t *testing.T, d *db.DB, clock *testkit.Clock) {
		m := seed.Open(t, d)
		v, who := m.Vendor(t, "深圳甲有限公司")
		licensed := seed.Content("甲办公", "A Office")
		licensed.RightsBasis = catalog.RightsBasis{Kind: catalog.Licensed}
		t.Run("refused_without_document_or_with_an_ended_licence", func(t *testing.T) {
			refused(t, submit(t, d, who, v.ID, "no-document", licensed), "RIGHTS_BASIS_MISSING", "UA 2.3")
			licensed.RightsBasis.Document = "contract 7"
			licensed.RightsBasis.Expires = calendar.On(clock.Now()).AddDays(-1)
			refused(t, submit(t, d, who, v.ID, "ended", licensed), "RIGHTS_BASIS_MISSING", "UA 2.3")
		})

		last := calendar.On(clock.Now()).AddDays(40)
		licensed.RightsBasis.Expires = last
		p := m.Product(t, who, v.ID, "office", licensed)
		run := func() { seed.Drain(t, d, catalog.Work{}.Handlers()) }
		clock.Set(last.Last())
		run()
		if got := codesIn(t, d, who, "N-21"); got != 3 {
			t.Errorf("%d reminders before the end, want 3 (30, 7 and 1 days)", got)
		}
		o := offerOf(t, d, p.ID)
		t.Run("allowed_on_the_last_day", func(t *testing.T) {
			if err := mustSell(t, d, o); err != nil {
				t.Error(err)
			}
		})
		clock.Set(last.AddDays(1).Start())
		refused(t, mustSell(t, d, o), "RIGHTS_BASIS_MISSING", "UA 2.3") // also before the job has run
		run()
		product := func() (p2 catalog.Product) {
			seed.Read(t, d, func(r db.Reader) (err error) { p2, err = catalog.Get(t.Context(), r, p.ID); return err })
			return p2
		}
		if got := product(); got.State != catalog.ProductHidden || got.HiddenCause != "rights" {
			t.Errorf("the day after: %s, %s", got.State, got.HiddenCause)
		}
		if got := codesIn(t, d, who, "N-21"); got != 4 {
			t.Errorf("%d notices, want a fourth that says why", got)
		}
		refused(t, d.Write(t.Context(), func(tx *db.Tx) error {
			return catalog.Unhide(t.Context(), tx, m.Compliance, p.ID, "please")
		}), "RIGHTS_BASIS_MISSING", "UA 2.3")

		licensed.RightsBasis.Expires = last.AddDays(365)
		seed.Write(t, d, func(tx *db.Tx) error {
			next, err := catalog.Revise(t.Context(), tx, who, p.ID, licensed)
			if err != nil {
				return err
			}
			if _, err = catalog.Submit(t.Context(), tx, who, next.ID); err != nil {
				return err
			}
			_, err = catalog.Review(t.Context(), tx, m.Compliance, next.ID, catalog.Verdict{Approve: true})
			return err
		})
		if got := product(); got.State != catalog.ProductListed {
			t.Errorf("with a new licence: %s", got.State)
		}
	})
}

func TestClause_3_1_WithoutMerchantAccountNothingIsSold(t *testing.T) {
	testkit.Engines(t, func(t *testing.T, d *db.DB) {
		m := seed.Open(t, d)
		who := m.Person(t, account.LegalPerson, "深圳甲有限公司")
		var v vendor.Vendor
		seed.Write(t, d, func(tx *db.Tx) (err error) {
			if v, err = vendor.Apply(t.Context(), tx, who, seed.Application("深圳甲有限公司")); err != nil {
				return err
			}
			v, err = vendor.Decide(t.Context(), tx, m.Compliance, v.ID, vendor.Decision{Approve: true})
			return err
		})
		p := m.Product(t, who, v.ID, "office", seed.Content("甲办公", "A Office"))
		o := offerOf(t, d, p.ID)
		refused(t, mustSell(t, d, o), "VENDOR_NO_MERCHANT_ACCOUNT", "UA 3.1")
		seed.Write(t, d, func(tx *db.Tx) error {
			if _, err := vendor.AddMerchantAccount(t.Context(), tx, who, v.ID, "sandboxpay", "m-1"); err != nil {
				return err
			}
			_, err := vendor.DepositReceived(t.Context(), tx, m.Finance, v.ID, money.Amount{Minor: 500_000, Currency: money.CNY}, "line-1")
			return err
		})
		if err := mustSell(t, d, o); err != nil {
			t.Errorf("allowed: %v", err)
		}
	})
}

func TestClause_3_2_TheOperatorNeverWritesAndWhatWasSubmittedIsServed(t *testing.T) {
	testkit.Engines(t, func(t *testing.T, d *db.DB) {
		m := seed.Open(t, d)
		v, who := m.Vendor(t, "深圳甲有限公司")
		var product catalog.Product
		var version catalog.Version
		content := seed.Content("甲办公 <b>&</b>", "A \"Office\"")
		seed.Write(t, d, func(tx *db.Tx) (err error) {
			product, version, err = catalog.Draft(t.Context(), tx, who, v.ID, "office", seed.Content("草稿", "Draft"))
			if err != nil {
				return err
			}
			version, err = catalog.Save(t.Context(), tx, who, version.ID, content)
			return err
		})
		for name, staff := range map[string]audit.Actor{"superadmin": m.Superadmin, "compliance": m.Compliance, "finance": m.Finance, "shell": seed.CLI} {
			t.Run("refused_to_"+name, func(t *testing.T) {
				for act, do := range map[string]func(tx *db.Tx) error{
					"draft": func(tx *db.Tx) error {
						_, _, err := catalog.Draft(t.Context(), tx, staff, v.ID, "y-1", content)
						return err
					},
					"save":   func(tx *db.Tx) error { _, err := catalog.Save(t.Context(), tx, staff, version.ID, content); return err },
					"submit": func(tx *db.Tx) error { _, err := catalog.Submit(t.Context(), tx, staff, version.ID); return err },
					"revise": func(tx *db.Tx) error {
						_, err := catalog.Revise(t.Context(), tx, staff, product.ID, content)
						return err
					},
				} {
					if err := d.Write(t.Context(), do); !errors.Is(err, catalog.ErrMayNotEdit) {
						t.Errorf("%s: %v", act, err)
					}
				}
			})
		}
		t.Run("allowed_to_the_vendor", func(t *testing.T) {
			seed.Write(t, d, func(tx *db.Tx) (err error) {
				version, err = catalog.Submit(t.Context(), tx, who, version.ID)
				return err
			})
		})
		refused(t, d.Write(t.Context(), func(tx *db.Tx) error {
			_, err := catalog.Save(t.Context(), tx, who, version.ID, seed.Content("后来", "Later"))
			return err
		}), "STALE", "")
		refused(t, d.Write(t.Context(), func(tx *db.Tx) error {
			_, err := catalog.Review(t.Context(), tx, who, version.ID, catalog.Verdict{Approve: true})
			return err
		}), "FORBIDDEN", "")
		seed.Write(t, d, func(tx *db.Tx) error {
			_, err := catalog.Review(t.Context(), tx, m.Compliance, version.ID, catalog.Verdict{Approve: true, Reasons: []catalog.Item{{Field: "name", Reason: "checked"}}})
			return err
		})
		o := offerOf(t, d, product.ID)
		sum := sha256.Sum256(o.TermsSheet)
		served := hex.EncodeToString(sum[:])
		if served != version.SubmittedSHA256 || served != o.Version.PublishedSHA256 || served != o.SHA256 {
			t.Errorf("submitted %s, published %s, served %s", version.SubmittedSHA256, o.Version.PublishedSHA256, served)
		}
		if o.Version.Content.Name != content.Name {
			t.Errorf("served name %+v", o.Version.Content.Name)
		}
		seed.Read(t, d, func(r db.Reader) error {
			decision, err := catalog.GetDecision(t.Context(), r, o.Version.Review)
			if err == nil && (decision.SHA256 != served || decision.Reviewer != m.Compliance.User || len(decision.Reasons) != 1) {
				t.Errorf("evidence %+v", decision)
			}
			return err
		})
		// A row changed behind the product's back is not served.
		seed.Write(t, d, func(tx *db.Tx) error {
			_, err := tx.Exec(t.Context(), `UPDATE catalog_version SET content = replace(content, '按月', '按周') WHERE id = $1`, string(o.Version.ID))
			return err
		})
		if err := d.Read(t.Context(), func(r db.Reader) error { _, err := catalog.OfferOf(t.Context(), r, o.PlanID); return err }); err == nil {
			t.Error("altered content is served")
		}
	})
}

func TestClause_4_2_AnIncompleteSheetIsRefusedAndAFrozenOneStays(t *testing.T) {
	testkit.Engines(t, func(t *testing.T, d *db.DB) {
		m := seed.Open(t, d)
		v, who := m.Vendor(t, "深圳甲有限公司")
		incomplete := seed.Content("甲办公", "A Office")
		incomplete.Functions, incomplete.RefundPolicy = nil, catalog.RefundPolicy{}
		err := submit(t, d, who, v.ID, "incomplete", incomplete)
		refused(t, err, "TERMS_SHEET_INCOMPLETE", "UA 4.2")
		if len(fault.All(err)) < 2 {
			t.Errorf("only %d faults are named", len(fault.All(err)))
		}

		p := m.Product(t, who, v.ID, "office", seed.Content("甲办公", "A Office"))
		before := offerOf(t, d, p.ID)
		frozen := string(before.TermsSheet)
		changed := seed.Content("甲办公", "A Office")
		changed.RefundPolicy = catalog.RefundPolicy{Kind: catalog.RefundNone, Text: catalog.Both{ZH: "概不退款", EN: "No refunds"}}
		seed.Write(t, d, func(tx *db.Tx) error {
			next, err := catalog.Revise(t.Context(), tx, who, p.ID, changed)
			if err != nil {
				return err
			}
			if _, err := catalog.Submit(t.Context(), tx, who, next.ID); err != nil {
				return err
			}
			_, err = catalog.Review(t.Context(), tx, m.Compliance, next.ID, catalog.Verdict{Approve: true})
			return err
		})
		after := offerOf(t, d, p.ID)
		if after.PlanID != before.PlanID || after.SHA256 == before.SHA256 {
			t.Errorf("plan %s to %s, hash %s to %s", before.PlanID, after.PlanID, before.SHA256, after.SHA256)
		}
		refused(t, mustSell(t, d, before), "STALE", "")
		seed.Read(t, d, func(r db.Reader) error {
			old, err := catalog.GetVersion(t.Context(), r, before.Version.ID)
			if err == nil && (string(old.Sheet()) != frozen || old.State != catalog.VersionSuperseded || old.SHA256 != before.SHA256) {
				t.Errorf("the sheet that was bought has changed (%s)", old.State)
			}
			return err
		})
	})
}

func TestClause_5_5_AMisleadingBadgeIsNotListed(t *testing.T) {
	testkit.Engines(t, func(t *testing.T, d *db.DB) {
		m := seed.Open(t, d)
		v, who := m.Vendor(t, "深圳甲有限公司")
		with := func(slug string, badge catalog.Both) error {
			c := seed.Content("甲"+slug, "A "+slug)
			c.Badges = []catalog.Both{badge}
			return submit(t, d, who, v.ID, slug, c)
		}
		t.Run("allowed_a_description", func(t *testing.T) {
			if err := with("office", catalog.Both{ZH: "支持私有部署", EN: "On premises"}); err != nil {
				t.Error(err)
			}
		})
		t.Run("refused_an_endorsement", func(t *testing.T) {
			refused(t, with("office-2", catalog.Both{ZH: "官方推荐", EN: "On premises"}), "BADGE_MISLEADING", "UA 5.5")
		})
	})
}

func TestClause_4_8_ADelistingTellsEveryHolderAndStopsSalesAtOnce(t *testing.T) {
	testkit.EnginesAt(t, func(t *testing.T, d *db.DB, clock *testkit.Clock) {
		m := seed.Open(t, d)
		v, who := m.Vendor(t, "深圳甲有限公司")
		p := m.Product(t, who, v.ID, "office", seed.Content("甲办公", "A Office"))
		o := offerOf(t, d, p.ID)
		var holders []audit.Actor
		for i := range 3 {
			holders = append(holders, m.Person(t, account.LegalPerson, fmt.Sprintf("客户%d有限公司", i)))
		}
		held := func(context.Context, db.Reader, catalog.ProductID) ([]account.ID, error) {
			var ids []account.ID
			for _, h := range append(holders, holders[0]) {
				ids = append(ids, account.ID(h.Account))
			}
			return ids, nil
		}
		delist := func(by audit.Actor, in catalog.Delisting) error {
			in.Product = p.ID
			return d.Write(t.Context(), func(tx *db.Tx) error { return catalog.Delist(t.Context(), tx, by, in, held) })
		}
		in := catalog.Delisting{Cause: catalog.VendorPlanning, Scope: catalog.NoRenewal, Reason: "停止维护"}
		refused(t, delist(holders[0], in), "NOT_FOUND", "UA 4.7.3")
		ban := in
		ban.Cause = catalog.IPBan
		refused(t, delist(who, ban), "FORBIDDEN", "")
		refused(t, delist(who, catalog.Delisting{Cause: catalog.VendorPlanning, Scope: catalog.NoRenewal}), "FIELD_REQUIRED", "")
		if err := mustSell(t, d, o); err != nil {
			t.Fatalf("before: %v", err)
		}
		in.Case = "enf_1" // no case of its own: nothing undoes it
		if err := delist(who, in); err != nil {
			t.Fatal(err)
		}
		t.Run("refused_a_sale_and_a_renewal", func(t *testing.T) {
			refused(t, mustSell(t, d, o), "PRODUCT_DELISTED", "UA 4.8")
			seed.Read(t, d, func(r db.Reader) error {
				refused(t, catalog.MustRenew(t.Context(), r, p.ID), "PRODUCT_DELISTED", "UA 4.8")
				return nil
			})
		})
		seed.Read(t, d, func(r db.Reader) error {
			if err := catalog.MustUse(t.Context(), r, p.ID); err != nil {
				t.Errorf("allowed_use_of_a_running_right: %v", err)
			}
			events, err := catalog.Delistings(t.Context(), r, p.ID)
			if err != nil || len(events) != 1 || events[0].Affected != 3 || events[0].Case != "" {
				t.Fatalf("events %+v, %v", events, err)
			}
			affected, err := catalog.AffectedBy(t.Context(), r, events[0].ID)
			if len(affected) != 3 {
				t.Errorf("%d affected accounts kept, want 3", len(affected))
			}
			return err
		})
		for i, h := range holders {
			if got := codesIn(t, d, h, "N-61"); got != 1 {
				t.Errorf("holder %d got %d notices, want 1", i, got)
			}
		}
		seed.Read(t, d, func(r db.Reader) error {
			inbox, err := message.Inbox(t.Context(), r, account.ID(holders[0].Account), "")
			if len(inbox) == 0 || !strings.Contains(fmt.Sprintf("%+v", inbox), "0755-86000000") || strings.Contains(fmt.Sprintf("%+v", inbox), "⟦") {
				t.Errorf("the notice has no vendor contact or a hole: %+v", inbox)
			}
			return err
		})
		ban.Cause, ban.Scope, ban.At = catalog.Safety, catalog.UseProhibited, clock.Now().Add(48*time.Hour)
		if err := delist(m.Compliance, ban); err != nil {
			t.Fatal(err)
		}
		use := func() (err error) {
			seed.Drain(t, d, catalog.Work{}.Handlers())
			seed.Read(t, d, func(r db.Reader) error { err = catalog.MustUse(t.Context(), r, p.ID); return nil })
			return err
		}
		if err := use(); err != nil {
			t.Errorf("use before the announced day: %v", err)
		}
		clock.Advance(49 * time.Hour)
		refused(t, use(), "PRODUCT_USE_PROHIBITED", "UA 4.8")
	})
}

func TestClause_4_11_ABankAccountInTheTermsBlocksSubmit(t *testing.T) {
	testkit.Engines(t, func(t *testing.T, d *db.DB) {
		m := seed.Open(t, d)
		v, who := m.Vendor(t, "深圳甲有限公司")
		c := seed.Content("甲办公", "A Office")
		c.Licence.ZH = "请汇款至对公账户 6222021234567890128,开户行:某某银行"
		refused(t, submit(t, d, who, v.ID, "office", c), "OFF_PLATFORM_PAYMENT", "UA 4.11")
		if err := submit(t, d, who, v.ID, "office", seed.Content("甲办公", "A Office")); err != nil {
			t.Errorf("allowed: %v", err)
		}
	})
}

func TestClause_6_2_NoListingWithoutPrivacySheetWhenUserDataIsNeeded(t *testing.T) {
	testkit.Engines(t, func(t *testing.T, d *db.DB) {
		m := seed.Open(t, d)
		v, who := m.Vendor(t, "深圳甲有限公司")
		c := seed.Content("甲办公", "A Office")
		c.NeedsUserData = true
		t.Run("refused_without_a_sheet", func(t *testing.T) {
			refused(t, submit(t, d, who, v.ID, "office", c), "PRIVACY_SHEET_MISSING", "UA 6.2")
		})
		both := func(s string) catalog.Both { return catalog.Both{ZH: s, EN: s} }
		c.Privacy = &catalog.PrivacySheet{Controller: "深圳甲有限公司", Contact: "dpo@example.com", Kinds: []catalog.Both{both("邮箱")},
			Purposes: []catalog.Both{both("登录")}, Retention: both("一年"), RightsChannel: "dpo@example.com"}
		if err := submit(t, d, who, v.ID, "office", c); err != nil {
			t.Errorf("allowed: %v", err)
		}
	})
}

func TestARefusedVersionStaysWithItsReasonsAndTheNextOneMayPass(t *testing.T) {
	testkit.Engines(t, func(t *testing.T, d *db.DB) {
		m := seed.Open(t, d)
		v, who := m.Vendor(t, "深圳甲有限公司")
		if err := submit(t, d, who, v.ID, "office", seed.Content("甲办公", "A Office")); err != nil {
			t.Fatal(err)
		}
		var waiting catalog.Version
		seed.Read(t, d, func(r db.Reader) error {
			queue, err := catalog.Queue(t.Context(), r)
			if len(queue) == 1 {
				waiting = queue[0]
			}
			return err
		})
		review := func(verdict catalog.Verdict) error {
			return d.Write(t.Context(), func(tx *db.Tx) error {
				_, err := catalog.Review(t.Context(), tx, m.Compliance, waiting.ID, verdict)
				return err
			})
		}
		refused(t, review(catalog.Verdict{}), "FIELD_REQUIRED", "")
		if err := review(catalog.Verdict{Reasons: []catalog.Item{{Field: "summary", Reason: "与实际不符"}}}); err != nil {
			t.Fatal(err)
		}
		refused(t, review(catalog.Verdict{Approve: true}), "STALE", "")
		if got := codesIn(t, d, who, "N-22"); got != 2 { // one of the onboarding, one of the listing
			t.Errorf("%d notices of results, want 2", got)
		}
		seed.Read(t, d, func(r db.Reader) error {
			p, err := catalog.Get(t.Context(), r, waiting.Product)
			if err == nil && (p.State != catalog.ProductDraft || p.ListedVersion != "") {
				t.Errorf("product %+v", p)
			}
			return err
		})
		seed.Write(t, d, func(tx *db.Tx) error {
			next, err := catalog.Revise(t.Context(), tx, who, waiting.Product, seed.Content("甲办公", "A Office"))
			if err == nil && next.Number != 2 {
				t.Errorf("number %d", next.Number)
			}
			return err
		})
		refused(t, d.Write(t.Context(), func(tx *db.Tx) error {
			_, err := catalog.Revise(t.Context(), tx, who, waiting.Product, seed.Content("甲办公", "A Office"))
			return err
		}), "VERSION_OPEN", "")
	})
}

func TestClause_P_4_AProductIsHiddenOrDelistedForABreachByACaseOnly(t *testing.T) {
	testkit.Engines(t, func(t *testing.T, d *db.DB) {
		m := seed.Open(t, d)
		v, who := m.Vendor(t, "深圳甲有限公司")
		p := m.Product(t, who, v.ID, "office", seed.Content("甲办公", "A Office"))
		o := offerOf(t, d, p.ID)
		try := func(do func(ctx context.Context, tx *db.Tx) error) error {
			return d.Write(t.Context(), func(tx *db.Tx) error { return do(t.Context(), tx) })
		}
		hide := func(by audit.Actor) error {
			return try(func(ctx context.Context, tx *db.Tx) error { return catalog.Hide(ctx, tx, by, p.ID, "reason") })
		}
		show := func(by audit.Actor) error {
			return try(func(ctx context.Context, tx *db.Tx) error { return catalog.Unhide(ctx, tx, by, p.ID, "reason") })
		}
		delist := func(cause catalog.Cause, on string) error {
			return try(func(ctx context.Context, tx *db.Tx) error {
				return catalog.Delist(ctx, tx, m.Compliance, catalog.Delisting{Product: p.ID, Cause: cause, Scope: catalog.NoNewSales, Reason: "reason", Case: on}, nobody)
			})
		}
		t.Run("refused without a case", func(t *testing.T) {
			refused(t, hide(m.Compliance), "MEASURE_WITHOUT_CASE", "UA P-4")
			for _, cause := range []catalog.Cause{catalog.VendorBreach, catalog.IPBan} {
				for _, on := range []string{"", "ifn_1", "because"} {
					refused(t, delist(cause, on), "MEASURE_WITHOUT_CASE", "UA P-4")
				}
			}
			if err := mustSell(t, d, o); err != nil {
				t.Errorf("it is out of the shop all the same: %v", err)
			}
		})
		t.Run("allowed to its vendor", func(t *testing.T) {
			if err := errors.Join(hide(who), show(who), mustSell(t, d, o)); err != nil {
				t.Error(err)
			}
		})
		t.Run("allowed by a case", func(t *testing.T) {
			if err := try(func(ctx context.Context, tx *db.Tx) error {
				return catalog.Conceal(ctx, tx, m.Compliance, p.ID, catalog.ByCase, "enf_1")
			}); err != nil {
				t.Fatal(err)
			}
			refused(t, mustSell(t, d, o), "PRODUCT_DELISTED", "UA 4.8")
			refused(t, show(m.Compliance), "CONTENT_BLOCKED", "UA 8.2.2")
			if err := delist(catalog.VendorBreach, "enf_1"); err != nil {
				t.Error(err)
			}
		})
	})
}

// What an officer hid when no case was needed stays hidden until an officer shows it.
func TestWhatAnOfficerHidBeforeOnlyAnOfficerShows(t *testing.T) {
	hidings(t, func(t *testing.T, h hiding) {
		if err := h.try(func(ctx context.Context, tx *db.Tx) error {
			_, err := tx.Exec(ctx, `INSERT INTO catalog_hiding (product_id, cause, ref, reason, hidden_by, hidden_at) VALUES ($1, 'operator', '', 'checked', 'usr_1', 0)`, string(h.product))
			return err
		}); err != nil {
			t.Fatal(err)
		}
		h.must(catalog.ByVendor, "", true)
		h.must(catalog.ByVendor, "", false)
		h.stands(catalog.ProductHidden)
		refused(t, h.put(catalog.ByVendor, "", false), "FORBIDDEN", "")
		h.must(catalog.ByOperator, "", false)
		h.stands(catalog.ProductListed)
	})
}

func nobody(context.Context, db.Reader, catalog.ProductID) ([]account.ID, error) { return nil, nil }

// hiding is a product that several causes hide at a time.
type hiding struct {
	t       *testing.T
	d       *db.DB
	m       *seed.Market
	seller  audit.Actor
	product catalog.ProductID
}

func hidings(t *testing.T, fn func(t *testing.T, h hiding)) {
	t.Helper()
	testkit.Engines(t, func(t *testing.T, d *db.DB) {
		m := seed.Open(t, d)
		v, who := m.Vendor(t, "深圳甲有限公司")
		fn(t, hiding{t, d, m, who, m.Product(t, who, v.ID, "office", seed.Content("甲办公", "A Office")).ID})
	})
}

func (h hiding) try(do func(ctx context.Context, tx *db.Tx) error) error {
	return h.d.Write(h.t.Context(), func(tx *db.Tx) error { return do(h.t.Context(), tx) })
}

// put adds a cause, or takes it back.
func (h hiding) put(cause catalog.HidingCause, ref string, hides bool) error {
	return h.try(func(ctx context.Context, tx *db.Tx) error {
		act := catalog.Reveal
		switch {
		case cause == catalog.ByCase || cause == catalog.ByNotice:
			if hides {
				act = catalog.Conceal
			}
			return act(ctx, tx, h.m.Compliance, h.product, cause, ref)
		case hides:
			return catalog.Hide(ctx, tx, h.of(cause), h.product, "reason")
		}
		return catalog.Unhide(ctx, tx, h.of(cause), h.product, "reason")
	})
}

func (h hiding) of(cause catalog.HidingCause) audit.Actor {
	if cause == catalog.ByVendor {
		return h.seller
	}
	return h.m.Compliance
}

func (h hiding) must(cause catalog.HidingCause, ref string, hides bool) {
	h.t.Helper()
	if err := h.put(cause, ref, hides); err != nil {
		h.t.Fatal(err)
	}
}

// stands checks that the product is hidden exactly while something hides it.
func (h hiding) stands(want catalog.ProductState) {
	h.t.Helper()
	seed.Read(h.t, h.d, func(r db.Reader) error {
		p, err := catalog.Get(h.t.Context(), r, h.product)
		all, err2 := catalog.Hidings(h.t.Context(), r, h.product)
		if want != "" && p.State != want || (p.State == catalog.ProductHidden) != (len(all) > 0) {
			h.t.Errorf("%s under %d causes, want %s", p.State, len(all), want)
		}
		return errors.Join(err, err2)
	})
}

// again lists a new version of the product.
func (h hiding) again() {
	h.t.Helper()
	if err := h.try(func(ctx context.Context, tx *db.Tx) error {
		next, err := catalog.Revise(ctx, tx, h.seller, h.product, seed.Content("甲办公", "A Office"))
		if err != nil {
			return err
		}
		if _, err = catalog.Submit(ctx, tx, h.seller, next.ID); err != nil {
			return err
		}
		_, err = catalog.Review(ctx, tx, h.m.Compliance, next.ID, catalog.Verdict{Approve: true})
		return err
	}); err != nil {
		h.t.Fatal(err)
	}
}

func TestClause_4_8_AProductComesBackWithItsLastCause(t *testing.T) {
	hidings(t, func(t *testing.T, h hiding) {
		causes := []struct {
			cause catalog.HidingCause
			ref   string
		}{{catalog.ByVendor, ""}, {catalog.ByNotice, "ifn_1"}, {catalog.ByNotice, "ifn_2"}, {catalog.ByCase, "enf_1"}, {catalog.ByCase, "enf_2"}}
		for _, c := range causes {
			h.must(c.cause, c.ref, true)
		}
		h.must(catalog.ByCase, "enf_1", true) // once more is the same
		refused(t, h.put(catalog.ByVendor, "", true), "STALE", "")
		for _, c := range causes {
			h.stands(catalog.ProductHidden)
			h.again()
			h.stands(catalog.ProductHidden)
			h.must(c.cause, c.ref, false)
		}
		h.stands(catalog.ProductListed)
		h.must(catalog.ByCase, "enf_1", false)
		refused(t, h.put(catalog.ByVendor, "", false), "STALE", "")
		h.stands(catalog.ProductListed)
	})
}

func TestClause_8_2_2_NobodyShowsBesideTheMeasure(t *testing.T) {
	hidings(t, func(t *testing.T, h hiding) {
		for _, by := range []catalog.HidingCause{catalog.ByVendor, catalog.ByOperator} {
			h.must(catalog.ByNotice, "ifn_1", true)
			refused(t, h.put(by, "", false), "CONTENT_BLOCKED", "UA 4.7.2")
			h.must(catalog.ByCase, "enf_1", true)
			refused(t, h.put(by, "", false), "CONTENT_BLOCKED", "UA 8.2.2")
			h.must(catalog.ByNotice, "ifn_1", false)
			h.must(catalog.ByCase, "enf_1", false)
			h.stands(catalog.ProductListed)
		}
		refused(t, h.try(func(ctx context.Context, tx *db.Tx) error {
			return catalog.Conceal(ctx, tx, h.seller, h.product, catalog.ByCase, "enf_1")
		}), "FORBIDDEN", "")
		refused(t, h.try(func(ctx context.Context, tx *db.Tx) error {
			return catalog.Conceal(ctx, tx, h.m.Compliance, h.product, catalog.ByVendor, "enf_1")
		}), "FIELD_REQUIRED", "")
	})
}

func TestClause_8_2_2_ACaseKeepsWhatIsNotListedYetAway(t *testing.T) {
	hidings(t, func(t *testing.T, h hiding) {
		draft := h
		if err := h.try(func(ctx context.Context, tx *db.Tx) error {
			p, err := catalog.Get(ctx, tx, h.product)
			if err != nil {
				return err
			}
			waiting, v, err := catalog.Draft(ctx, tx, h.seller, p.Vendor, "later", seed.Content("乙办公", "B Office"))
			if err != nil {
				return err
			}
			draft.product = waiting.ID
			_, err = catalog.Submit(ctx, tx, h.seller, v.ID)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		draft.must(catalog.ByCase, "enf_1", true)
		if err := h.try(func(ctx context.Context, tx *db.Tx) error {
			all, err := catalog.Versions(ctx, tx, draft.product)
			if err != nil {
				return err
			}
			_, err = catalog.Review(ctx, tx, h.m.Compliance, all[0].ID, catalog.Verdict{Approve: true})
			return err
		}); err != nil {
			t.Fatal(err)
		}
		draft.stands(catalog.ProductHidden)
		draft.must(catalog.ByCase, "enf_1", false)
		draft.stands(catalog.ProductListed)
	})
}

// TestHidingsRace: whoever comes and goes at one moment, the product is hidden
// exactly while a cause is left.
func TestHidingsRace(t *testing.T) {
	hidings(t, func(t *testing.T, h hiding) {
		together := func(acts ...func() error) {
			var wait sync.WaitGroup
			for _, act := range acts {
				wait.Go(func() {
					if err := act(); err != nil {
						t.Error(err)
					}
				})
			}
			wait.Wait()
		}
		does := func(cause catalog.HidingCause, ref string, hides bool) func() error {
			return func() error { return h.put(cause, ref, hides) }
		}
		for range 5 {
			together(does(catalog.ByCase, "enf_1", true), does(catalog.ByNotice, "ifn_1", true), does(catalog.ByVendor, "", true))
			h.stands(catalog.ProductHidden)
			together(does(catalog.ByCase, "enf_1", false), does(catalog.ByNotice, "ifn_1", false), does(catalog.ByCase, "enf_2", true))
			h.stands(catalog.ProductHidden)
			together(does(catalog.ByVendor, "", false), does(catalog.ByCase, "enf_2", false), does(catalog.ByCase, "enf_3", true))
			h.stands(catalog.ProductHidden)
			together(does(catalog.ByCase, "enf_3", false), does(catalog.ByNotice, "ifn_2", true))
			h.stands(catalog.ProductHidden)
			h.must(catalog.ByNotice, "ifn_2", false)
			h.stands(catalog.ProductListed)
		}
	})
}

func TestAVersionIsSeenByItsVendorAndTheStaffOnly(t *testing.T) {
	testkit.Engines(t, func(t *testing.T, d *db.DB) {
		m := seed.Open(t, d)
		v, who := m.Vendor(t, "深圳甲有限公司")
		_, other := m.Vendor(t, "深圳乙有限公司")
		p := m.Product(t, who, v.ID, "office", seed.Content("甲办公", "A Office"))
		for _, tt := range []struct {
			by audit.Actor
			ok bool
		}{{who, true}, {m.Compliance, true}, {other, false}} {
			err := d.Read(t.Context(), func(r db.Reader) error {
				_, _, err := catalog.VersionFor(t.Context(), r, tt.by, p.ListedVersion)
				return err
			})
			if tt.ok && err != nil {
				t.Errorf("allowed: %v", err)
			} else if !tt.ok {
				refused(t, err, "NOT_FOUND", "UA 4.7.3")
			}
		}
	})
}

func TestAnImportListsUnderOneApprovalAndNamesWhatItRefuses(t *testing.T) {
	testkit.Engines(t, func(t *testing.T, d *db.DB) {
		m := seed.Open(t, d)
		v, who := m.Vendor(t, "深圳甲有限公司")
		bad := seed.Content("丙", "C")
		bad.Functions = nil
		licensed := seed.Content("丁", "D")
		licensed.RightsBasis = catalog.RightsBasis{Kind: catalog.Licensed, Document: "contract", Expires: calendar.On(testkit.Start).AddDays(60)}
		items := []catalog.ImportItem{
			{Slug: "imp-a", Content: seed.Content("甲", "A")}, {Slug: "imp-b", Content: seed.Content("乙", "B")}, {Slug: "imp-c", Content: bad},
			{Slug: "imp-a", Content: seed.Content("重", "Again")}, {Slug: "Bad Slug", Content: seed.Content("戊", "E")}, {Slug: "imp-d", Content: licensed},
		}
		run := func(by audit.Actor, items []catalog.ImportItem) (results []catalog.ImportResult, err error) {
			err = d.Write(t.Context(), func(tx *db.Tx) (err error) {
				results, err = catalog.Import(t.Context(), tx, by, v.ID, items)
				return err
			})
			return results, err
		}
		_, err := run(who, items)
		refused(t, err, "FORBIDDEN", "")
		results, err := run(m.Compliance, items)
		if err != nil {
			t.Fatal(err)
		}
		for i, listed := range []bool{true, true, false, false, false, true} {
			if listed != (results[i].Product != "" && len(results[i].Refused) == 0) {
				t.Errorf("item %d: %+v", i, results[i])
			}
		}
		o := offerOf(t, d, results[0].Product)
		if err := mustSell(t, d, o); err != nil {
			t.Errorf("sale of an imported product: %v", err)
		}
		seed.Read(t, d, func(r db.Reader) error {
			decision, err := catalog.GetDecision(t.Context(), r, o.Version.Review)
			if err == nil && (decision.Method != "import" || decision.Items != 3 || decision.Reviewer != m.Compliance.User || len(decision.Reasons) == 0 || o.Version.SubmittedSHA256 != o.SHA256) {
				t.Errorf("evidence %+v", decision)
			}
			return err
		})
		again := []catalog.ImportItem{items[0], {Slug: "imp-b", Content: seed.Content("乙新版", "B2")}}
		results, err = run(seed.CLI, again)
		if err != nil {
			t.Fatal(err)
		}
		if !results[0].Unchanged || results[0].Version != o.Version.ID {
			t.Errorf("the same content again: %+v", results[0])
		}
		if got := offerOf(t, d, results[1].Product); got.Version.Number != 2 || got.Version.Content.Name.ZH != "乙新版" {
			t.Errorf("new content: version %d %q", got.Version.Number, got.Version.Content.Name.ZH)
		}
		other, _ := m.Vendor(t, "深圳乙有限公司")
		seed.Write(t, d, func(tx *db.Tx) error {
			results, err := catalog.Import(t.Context(), tx, m.Compliance, other.ID, items[:1])
			if err == nil && (len(results[0].Refused) != 1 || results[0].Refused[0].Code != "SLUG_TAKEN") {
				t.Errorf("another vendor's slug: %+v", results[0])
			}
			return err
		})
	})
}
