package serve_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/base/money"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/catalog"
	"yunshi/internal/market/delivery"
	"yunshi/internal/market/ledger"
	"yunshi/internal/market/payment"
	"yunshi/internal/market/reconciliation"
	"yunshi/internal/market/refund"
	"yunshi/internal/market/settlement"
	"yunshi/internal/market/vendor"
	"yunshi/internal/testkit"
	"yunshi/internal/testkit/world"
)

// twoPeople are the acts that need two people: each does its first part as one and
// the same person, who holds every role, and returns what the second part says.
// A package that refuses SECOND_APPROVER_REQUIRED must have one here.
var twoPeople = map[string][]func(t *testing.T, w *world.Trade, one audit.Actor) error{
	"catalog":        {ownListing},
	"vendor":         {ownVendor},
	"refund":         {refundAbove},
	"settlement":     {deduction, writeOff, withdrawal},
	"reconciliation": {attribution},
}

// ownWalk are the packages whose acts of two people take many steps to reach, and
// the tests of their own in which one person with two roles is refused.
var ownWalk = map[string]string{
	"agreement":   "TestClause_5_3_AChangeGoesFromDraftToSuperseded",
	"complaint":   "SECOND_APPROVER_REQUIRED",
	"enforcement": "TestClause_8_2_4_TerminationByTwoFromService",
	"operation":   "TestClause_7_3_6_TwoPeopleAreNeeded",
	"privacy":     "TestClause_5_4_TwoOfficersStandBehindADisclosure",
}

// Must show 3: four eyes are two people, whatever roles one of them holds.
func TestOnePersonWithEveryRoleIsNotTwo(t *testing.T) {
	found := map[string]bool{}
	if err := filepath.WalkDir("../../market", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || filepath.Base(path) != "faults.go" {
			return err
		}
		text, err := os.ReadFile(path)
		if strings.Contains(string(text), `"SECOND_APPROVER_REQUIRED"`) {
			found[filepath.Base(filepath.Dir(path))] = true
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	for name := range found {
		if own := ownWalk[name]; own != "" {
			tests, err := filepath.Glob("../../market/" + name + "/*_test.go")
			if err != nil {
				t.Fatal(err)
			}
			if !slices.ContainsFunc(tests, func(path string) bool {
				text, err := os.ReadFile(path)
				return err == nil && strings.Contains(string(text), own)
			}) {
				t.Errorf("package %s has no %s any more", name, own)
			}
			continue
		}
		if len(twoPeople[name]) == 0 {
			t.Errorf("package %s asks for a second person and is not walked here", name)
		}
	}
	testkit.EnginesAt(t, func(t *testing.T, d *db.DB, clock *testkit.Clock) {
		w := world.NewTrade(t, d, clock)
		one := w.Staff(account.Compliance)
		one.Roles = []string{account.Compliance, account.Finance, account.Support, account.Superadmin}
		var names []string
		for name := range twoPeople {
			names = append(names, name)
		}
		slices.Sort(names)
		for _, name := range names {
			for _, act := range twoPeople[name] {
				t.Run("refused_"+name, func(t *testing.T) {
					err := act(t, w, one)
					if f, ok := fault.Of(err); !ok || f.Code != "SECOND_APPROVER_REQUIRED" {
						t.Errorf("the same person is taken for a second: %v", err)
					}
				})
			}
		}
	})
}

func yuan(n int64) money.Amount { return money.Amount{Minor: n * 100, Currency: money.CNY} }

// try is a write whose refusal is the answer.
func try(t *testing.T, w *world.Trade, do func(tx *db.Tx) error) error {
	t.Helper()
	return w.DB.Write(t.Context(), do)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// ownListing: an officer who also has a vendor reviews that vendor's product.
func ownListing(t *testing.T, w *world.Trade, one audit.Actor) error {
	var draft catalog.Version
	must(t, try(t, w, func(tx *db.Tx) (err error) {
		if _, draft, err = catalog.Draft(t.Context(), tx, w.Seller, w.Vendor, "own", world.Content(delivery.HookNative, 100)); err != nil {
			return err
		}
		_, err = catalog.Submit(t.Context(), tx, w.Seller, draft.ID)
		return err
	}))
	one.Account = w.Seller.Account
	return try(t, w, func(tx *db.Tx) error {
		_, err := catalog.Review(t.Context(), tx, one, draft.ID, catalog.Verdict{Approve: true})
		return err
	})
}

// ownVendor: an officer decides about the vendor of the own account.
func ownVendor(t *testing.T, w *world.Trade, one audit.Actor) error {
	one.Account = w.Seller.Account
	return try(t, w, func(tx *db.Tx) error {
		_, err := vendor.Move(t.Context(), tx, one, w.Vendor, vendor.Suspended, vendor.Basis{Case: "enf_1", Clause: "UA 4.7.1"})
		return err
	})
}

// refundAbove: a refund above one person's signature.
func refundAbove(t *testing.T, w *world.Trade, one audit.Actor) error {
	buyer := w.Customer(account.LegalPerson)
	o := w.Bought(buyer, w.Listed(world.Content(delivery.HookNative, 1_000_100)))
	w.Clock.Advance(8 * 24 * time.Hour)
	var q refund.Request
	step := func(do func(tx *db.Tx) (refund.Request, error)) error {
		return try(t, w, func(tx *db.Tx) error {
			next, err := do(tx)
			if err == nil {
				q = next
			}
			return err
		})
	}
	must(t, step(func(tx *db.Tx) (refund.Request, error) {
		return w.Refund.Submit(t.Context(), tx, buyer, refund.Ask{Order: o.ID, Reason: refund.NotAsDescribed, Text: "not as described", Amount: o.Fee.Paid})
	}))
	must(t, step(func(tx *db.Tx) (refund.Request, error) {
		return w.Refund.Refuse(t.Context(), tx, w.Seller, q.ID, q.Version, "no")
	}))
	must(t, step(func(tx *db.Tx) (refund.Request, error) {
		return w.Refund.Escalate(t.Context(), tx, buyer, q.ID, q.Version, "please look")
	}))
	must(t, step(func(tx *db.Tx) (refund.Request, error) {
		return w.Refund.Decide(t.Context(), tx, one, q.ID, q.Version, refund.Decision{Approve: true, Amount: o.Fee.Paid, Note: "it is so", Clause: "RB refund-5"})
	}))
	if q.State != refund.SecondReview {
		t.Fatalf("the request is %s", q.State)
	}
	return step(func(tx *db.Tx) (refund.Request, error) {
		return w.Refund.Confirm(t.Context(), tx, one, q.ID, q.Version, true, "checked")
	})
}

// deduction: from a vendor's deposit.
func deduction(t *testing.T, w *world.Trade, one audit.Actor) error {
	must(t, try(t, w, func(tx *db.Tx) error {
		_, err := ledger.DepositIn(t.Context(), tx, "four-eyes", string(w.Vendor), yuan(5000), tx.Now())
		return err
	}))
	return try(t, w, func(tx *db.Tx) error {
		return settlement.Deduct(t.Context(), tx, one, settlement.Deduction{Case: "cas_1", Rule: "RB settlement-5", Vendor: w.Vendor, Amount: yuan(10), First: account.UserID(one.User)})
	})
}

// writeOff: of a vendor's debt.
func writeOff(t *testing.T, w *world.Trade, one audit.Actor) error {
	return try(t, w, func(tx *db.Tx) error {
		return settlement.WriteOff(t.Context(), tx, one, w.Vendor, "cas_2", yuan(10), account.UserID(one.User))
	})
}

// withdrawal: a large one, approved twice by one person.
func withdrawal(t *testing.T, w *world.Trade, one audit.Actor) error {
	w.Bought(w.Customer(account.LegalPerson), w.Listed(world.Content(delivery.LicenceKey, 200_000)))
	w.Clock.Advance(6 * 24 * time.Hour)
	w.Drain()
	var x settlement.Withdrawal
	must(t, try(t, w, func(tx *db.Tx) (err error) {
		if _, err = tx.Exec(t.Context(), `UPDATE vendor_merchant SET added_at = $1`, db.Micros(tx.Now())); err != nil {
			return err
		}
		x, err = settlement.Request(t.Context(), tx, w.Seller, w.Vendor, world.Gateway, yuan(1000))
		return err
	}))
	approve := func() error {
		return try(t, w, func(tx *db.Tx) error {
			_, err := settlement.Approve(t.Context(), tx, one, x.ID)
			return err
		})
	}
	if x.Approvals != 2 {
		t.Fatalf("%d approvals", x.Approvals)
	}
	must(t, approve())
	return approve()
}

// attribution: of money above the limit, by hand.
func attribution(t *testing.T, w *world.Trade, one audit.Actor) error {
	var id string
	must(t, try(t, w, func(tx *db.Tx) error {
		_, err := payment.ImportStatement(t.Context(), tx, w.Finance, []payment.StatementLine{
			{BankRef: "F1", At: tx.Now(), Amount: yuan(20_000), Reference: "no code", Counterparty: "Somebody Ltd", Account: "6222"},
		})
		if err != nil {
			return err
		}
		id, err = db.Value[string](t.Context(), tx, `SELECT id FROM payment_statement_line WHERE bank_ref = $1`, "F1")
		return err
	}))
	var d reconciliation.Decision
	must(t, try(t, w, func(tx *db.Tx) (err error) {
		d, err = w.Books.Propose(t.Context(), tx, one, reconciliation.Proposal{
			Act: reconciliation.Attribute, Subject: id, Reason: "as the payer wrote", Evidence: "mail of 12 March", Input: reconciliation.Input{Purpose: reconciliation.ForNobody},
		})
		return err
	}))
	if d.State != reconciliation.Proposed {
		return errors.New("one person was enough")
	}
	return try(t, w, func(tx *db.Tx) error {
		_, err := w.Books.Confirm(t.Context(), tx, one, d.ID)
		return err
	})
}
