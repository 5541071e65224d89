package serve_test

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"yunshi/internal/base/blob"
	"yunshi/internal/base/calendar"
	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/base/mail"
	"yunshi/internal/base/money"
	"yunshi/internal/market/account"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/catalog"
	"yunshi/internal/market/complaint"
	"yunshi/internal/market/delivery"
	"yunshi/internal/market/enforcement"
	"yunshi/internal/market/job"
	"yunshi/internal/market/ledger"
	"yunshi/internal/market/message"
	"yunshi/internal/market/operation"
	"yunshi/internal/market/payment"
	"yunshi/internal/market/privacy"
	"yunshi/internal/market/reconciliation"
	"yunshi/internal/market/refund"
	"yunshi/internal/market/report"
	"yunshi/internal/market/settlement"
	"yunshi/internal/market/vendor"
	"yunshi/internal/testkit"
	"yunshi/internal/testkit/world"
)

// twoPeople are the acts that need two people: each does its first part as one and
// the same person, who holds every role, and returns the second part. A package that
// refuses SECOND_APPROVER_REQUIRED must have one here.
var twoPeople = map[string][]func(t *testing.T, w *world.Trade, one audit.Actor) (second func(by audit.Actor) error){
	"agreement":      {publication, signedPaper},
	"catalog":        {ownListing},
	"complaint":      {secondRuling},
	"enforcement":    {termination, appeal, banned, adoption},
	"operation":      {unforeseeable, contested, windDown},
	"privacy":        {lawful, inEmergency},
	"reconciliation": {attribution},
	"refund":         {refundAbove},
	"settlement":     {withdrawal, deduction, writeOff},
	"vendor":         {ownVendor},
}

// Must show 3: four eyes are two people, whatever roles one of them holds, and two
// people with the same roles are enough.
func TestOnePersonWithEveryRoleIsNotTwo(t *testing.T) {
	if err := filepath.WalkDir("../../market", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || filepath.Base(path) != "faults.go" {
			return err
		}
		text, err := os.ReadFile(path)
		if name := filepath.Base(filepath.Dir(path)); strings.Contains(string(text), `"SECOND_APPROVER_REQUIRED"`) && len(twoPeople[name]) == 0 {
			t.Errorf("package %s asks for a second person and is not walked here", name)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	testkit.EnginesAt(t, func(t *testing.T, d *db.DB, clock *testkit.Clock) {
		w := world.NewTrade(t, d, clock)
		sender := &mail.Recorder{}
		for _, some := range []map[string]job.Handler{
			enforcement.Work{Rules: enforcing(w)}.Handlers(), operation.Work{Rules: outages}.Handlers(), complaint.Work{Rules: complaint.Rules{}, Sender: sender}.Handlers(),
			agreement.Work{Sender: sender}.Handlers(), message.Work{Sender: sender}.Handlers(), catalog.Work{}.Handlers(),
		} {
			w.With(some)
		}
		one, other := w.Staff(account.Compliance), w.Staff(account.Compliance)
		one.Roles = []string{account.Compliance, account.Finance, account.Support, account.Superadmin}
		other.Roles = one.Roles
		for _, name := range slices.Sorted(maps.Keys(twoPeople)) {
			for i, act := range twoPeople[name] {
				t.Run(name+"_"+strconv.Itoa(i+1), func(t *testing.T) {
					second := act(t, w, one)
					if f, ok := fault.Of(second(one)); !ok || f.Code != "SECOND_APPROVER_REQUIRED" {
						t.Errorf("refused: the same person is taken for a second: %v", f)
					}
					if err := second(other); err != nil {
						t.Errorf("allowed: two people are not enough: %v", err)
					}
				})
			}
		}
	})
}

// enforcing and outages are the rules of a world as the program wires them.
func enforcing(w *world.Trade) enforcement.Rules {
	return enforcement.Rules{
		Content: map[string]enforcement.Blocker{enforcement.Product: enforcement.Products()}, BreachDecided: w.Refund.BreachDecided,
		Terminated: enforcement.Banish, Reinstated: enforcement.Pardon,
	}
}

var outages = operation.Rules{Affected: report.Affected, Concerns: report.Concerns, Left: report.RunOff}

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
func ownListing(t *testing.T, w *world.Trade, one audit.Actor) func(by audit.Actor) error {
	var draft catalog.Version
	must(t, try(t, w, func(tx *db.Tx) (err error) {
		if _, draft, err = catalog.Draft(t.Context(), tx, w.Seller, w.Vendor, "own", world.Content(delivery.HookNative, 100)); err != nil {
			return err
		}
		_, err = catalog.Submit(t.Context(), tx, w.Seller, draft.ID)
		return err
	}))
	return func(by audit.Actor) error {
		if by.User == one.User {
			by.Account = w.Seller.Account
		}
		return try(t, w, func(tx *db.Tx) error {
			_, err := catalog.Review(t.Context(), tx, by, draft.ID, catalog.Verdict{Approve: true})
			return err
		})
	}
}

// ownVendor: an officer decides about the vendor of the own account.
func ownVendor(t *testing.T, w *world.Trade, one audit.Actor) func(by audit.Actor) error {
	return func(by audit.Actor) error {
		if by.User == one.User {
			by.Account = w.Seller.Account
		}
		return try(t, w, func(tx *db.Tx) error {
			_, err := vendor.Move(t.Context(), tx, by, w.Vendor, vendor.Suspended, vendor.Basis{Case: "enf_1", Clause: "UA 4.7.1"})
			return err
		})
	}
}

// refundAbove: a refund above one person's signature.
func refundAbove(t *testing.T, w *world.Trade, one audit.Actor) func(by audit.Actor) error {
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
	return func(by audit.Actor) error {
		return step(func(tx *db.Tx) (refund.Request, error) {
			return w.Refund.Confirm(t.Context(), tx, by, q.ID, q.Version, true, "checked")
		})
	}
}

// deduction: from a vendor's deposit.
func deduction(t *testing.T, w *world.Trade, one audit.Actor) func(by audit.Actor) error {
	must(t, try(t, w, func(tx *db.Tx) error {
		_, err := ledger.DepositIn(t.Context(), tx, "four-eyes", string(w.Vendor), yuan(5000), tx.Now())
		return err
	}))
	return func(by audit.Actor) error {
		return try(t, w, func(tx *db.Tx) error {
			return settlement.Deduct(t.Context(), tx, by, settlement.Deduction{Case: "cas_1", Rule: "RB settlement-5", Vendor: w.Vendor, Amount: yuan(10), First: account.UserID(one.User)})
		})
	}
}

// writeOff: of a vendor's debt, a yearly fee that nothing is there to pay from.
func writeOff(t *testing.T, w *world.Trade, one audit.Actor) func(by audit.Actor) error {
	_, poor := w.NewVendor()
	must(t, try(t, w, func(tx *db.Tx) error {
		_, err := ledger.PlatformFee(t.Context(), tx, "four-eyes", string(poor), yuan(10), tx.Now())
		return err
	}))
	return func(by audit.Actor) error {
		return try(t, w, func(tx *db.Tx) error {
			return settlement.WriteOff(t.Context(), tx, by, poor, "cas_2", yuan(10), account.UserID(one.User))
		})
	}
}

// withdrawal: a large one, approved twice by one person.
func withdrawal(t *testing.T, w *world.Trade, one audit.Actor) func(by audit.Actor) error {
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
	approve := func(by audit.Actor) error {
		return try(t, w, func(tx *db.Tx) error {
			_, err := settlement.Approve(t.Context(), tx, by, x.ID)
			return err
		})
	}
	if x.Approvals != 2 {
		t.Fatalf("%d approvals", x.Approvals)
	}
	must(t, approve(one))
	return approve
}

// attribution: of money above the limit, by hand.
func attribution(t *testing.T, w *world.Trade, one audit.Actor) func(by audit.Actor) error {
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
		t.Fatal("one person was enough")
	}
	return func(by audit.Actor) error {
		return try(t, w, func(tx *db.Tx) error {
			_, err := w.Books.Confirm(t.Context(), tx, by, d.ID)
			return err
		})
	}
}

// done is a write that a test goes on from.
func done[T any](t *testing.T, w *world.Trade, do func(tx *db.Tx) (T, error)) (v T) {
	t.Helper()
	must(t, try(t, w, func(tx *db.Tx) (err error) {
		v, err = do(tx)
		return err
	}))
	return v
}

// publication: of a change of the rules.
func publication(t *testing.T, w *world.Trade, one audit.Actor) func(by audit.Actor) error {
	f := done(t, w, func(tx *db.Tx) (agreement.Draft, error) {
		f, err := redraft(t.Context(), tx, one, "refund")
		if err != nil {
			return f, err
		}
		return agreement.Consult(t.Context(), tx, one, f.ID, f.Revision, tx.Now().AddDate(0, 0, 8))
	})
	w.Clock.Set(f.ClosesAt)
	f = done(t, w, func(tx *db.Tx) (agreement.Draft, error) {
		return agreement.Propose(t.Context(), tx, one, f.ID, f.Revision, time.Time{}, agreement.Both{ZH: "无意见", EN: "No comments"})
	})
	return func(by audit.Actor) error {
		return try(t, w, func(tx *db.Tx) error {
			_, err := agreement.Approve(t.Context(), tx, by, f.ID, f.Revision)
			return err
		})
	}
}

// signedPaper: the scan of an agreement, taken for an acceptance.
func signedPaper(t *testing.T, w *world.Trade, one audit.Actor) func(by audit.Actor) error {
	owner := w.Registered(account.LegalPerson)
	p := done(t, w, func(tx *db.Tx) (agreement.Paper, error) {
		return agreement.Upload(t.Context(), tx, one, agreement.Scan{
			Account: account.ID(owner.Account), SignedOn: "2026-03-01", Name: "signed.pdf", MediaType: "application/pdf",
			File: blob.Ref{Key: "sha256/x", SHA256: strings.Repeat("ab", 32), Size: 3},
		})
	})
	return func(by audit.Actor) error {
		return try(t, w, func(tx *db.Tx) error {
			_, err := agreement.DecidePaper(t.Context(), tx, by, p.ID, true, "")
			return err
		})
	}
}

// secondRuling: on a complaint that was reopened.
func secondRuling(t *testing.T, w *world.Trade, one audit.Actor) func(by audit.Actor) error {
	rules, buyer := complaint.Rules{RedLetter: w.Refund.RedLetter}, w.Customer(account.Individual)
	o := w.Bought(buyer, w.Listed(world.Content(delivery.HookNative, 10_000)))
	var c complaint.Complaint
	step := func(do func(tx *db.Tx) (complaint.Complaint, error)) error {
		return try(t, w, func(tx *db.Tx) error {
			next, err := do(tx)
			if err == nil {
				c = next
			}
			return err
		})
	}
	must(t, step(func(tx *db.Tx) (complaint.Complaint, error) {
		return rules.Submit(t.Context(), tx, buyer, complaint.Ask{Topic: "not_working", Order: o.ID, Text: "it does not start", Demand: "repair it"})
	}))
	must(t, step(func(tx *db.Tx) (complaint.Complaint, error) {
		return rules.AnswerAsVendor(t.Context(), tx, w.Seller, c.ID, c.Version, "restart it")
	}))
	must(t, step(func(tx *db.Tx) (complaint.Complaint, error) {
		return rules.Spoke(t.Context(), tx, buyer, c.ID, c.Version, complaint.Contact{Channel: "phone", HeldOn: calendar.On(w.Clock.Now()).String(), Text: "they said to restart"})
	}))
	must(t, step(func(tx *db.Tx) (complaint.Complaint, error) {
		return rules.Escalate(t.Context(), tx, buyer, c.ID, c.Version, "it still does not start")
	}))
	decide := func(by audit.Actor) error {
		return step(func(tx *db.Tx) (complaint.Complaint, error) {
			return rules.Decide(t.Context(), tx, by, c.ID, c.Version, complaint.Ruling{Finding: complaint.Upheld, Clause: "UA 4.10", Note: "the logs show it"})
		})
	}
	must(t, decide(one))
	must(t, step(func(tx *db.Tx) (complaint.Complaint, error) {
		return rules.Close(t.Context(), tx, buyer, c.ID, c.Version, complaint.Ending{Stars: 2})
	}))
	must(t, step(func(tx *db.Tx) (complaint.Complaint, error) {
		return rules.Reopen(t.Context(), tx, buyer, c.ID, c.Version, "broken again")
	}))
	return decide
}

// decided is a case that one person has decided on.
func decided(t *testing.T, w *world.Trade, one audit.Actor, of audit.Actor, violation string, plan enforcement.Plan) enforcement.Case {
	t.Helper()
	c := done(t, w, func(tx *db.Tx) (enforcement.Case, error) {
		return enforcement.Open(t.Context(), tx, one, enforcement.Opening{
			Subject: account.ID(of.Account), Source: enforcement.SelfFound, Violation: violation, Facts: "The page says so.", Content: plan.Content,
			Evidence: []enforcement.Item{{Kind: enforcement.Capture, Title: "page", URL: "https://market.example/x", Content: []byte("as it was")}},
		})
	})
	return done(t, w, func(tx *db.Tx) (enforcement.Case, error) {
		return enforcing(w).Decide(t.Context(), tx, one, c.ID, c.Version, enforcement.Decision{Reasons: "The page shows it.", Measures: []enforcement.Plan{plan}, Points: -1})
	})
}

// onCase runs one act on the newest state of a case.
func onCase(t *testing.T, w *world.Trade, id enforcement.ID, act func(tx *db.Tx, f enforcement.Dossier) error) error {
	t.Helper()
	return try(t, w, func(tx *db.Tx) error {
		f, err := enforcement.Get(t.Context(), tx, w.Compliance, id)
		if err != nil {
			return err
		}
		return act(tx, f)
	})
}

// confirming is the second signature under a case.
func confirming(t *testing.T, w *world.Trade, id enforcement.ID) func(by audit.Actor) error {
	return func(by audit.Actor) error {
		return onCase(t, w, id, func(tx *db.Tx, f enforcement.Dossier) error {
			_, err := enforcing(w).Confirm(t.Context(), tx, by, id, f.Version, true, "seen")
			return err
		})
	}
}

// termination: of an agreement.
func termination(t *testing.T, w *world.Trade, one audit.Actor) func(by audit.Actor) error {
	c := decided(t, w, one, w.Customer(account.Individual), "UA 4.11", enforcement.Plan{Kind: enforcement.Terminate})
	if c.State != enforcement.SecondReview {
		t.Fatalf("the case is %s", c.State)
	}
	return confirming(t, w, c.ID)
}

// appeal: against a measure.
func appeal(t *testing.T, w *world.Trade, one audit.Actor) func(by audit.Actor) error {
	buyer := w.Customer(account.Individual)
	c := decided(t, w, one, buyer, "UA 4.7.5", enforcement.Plan{Kind: enforcement.Restrict, Functions: []string{account.API}, Days: 7})
	w.Drain()
	must(t, onCase(t, w, c.ID, func(tx *db.Tx, f enforcement.Dossier) error {
		_, err := enforcement.AppealAgainst(t.Context(), tx, buyer, c.ID, f.Version, "It was not me.")
		return err
	}))
	return func(by audit.Actor) error {
		return onCase(t, w, c.ID, func(tx *db.Tx, f enforcement.Dossier) error {
			_, err := enforcing(w).DecideAppeal(t.Context(), tx, by, c.ID, f.Version, enforcement.Verdict{Outcome: enforcement.Upheld, Reasons: "Looked at again."})
			return err
		})
	}
}

// banned: an account that is held to be a banned person's, and appeals.
func banned(t *testing.T, w *world.Trade, one audit.Actor) func(by audit.Actor) error {
	must(t, confirming(t, w, decided(t, w, one, w.Customer(account.Individual), "UA 4.11", enforcement.Plan{Kind: enforcement.Terminate}).ID)(w.Compliance))
	w.Drain()
	again := w.Customer(account.Individual)
	must(t, try(t, w, func(tx *db.Tx) error {
		bans, err := enforcement.Bans(t.Context(), tx, one, "", 1)
		if err != nil {
			return err
		}
		return enforcing(w).Caught(t.Context(), tx, account.ID(again.Account), bans[0].ID, account.ByBankAccount, account.AtRealName)
	}))
	judge := func(by audit.Actor, same bool) error {
		return try(t, w, func(tx *db.Tx) error {
			all, err := enforcement.Links(t.Context(), tx, one, 50)
			if err != nil {
				return err
			}
			l := all[slices.IndexFunc(all, func(l enforcement.Link) bool { return string(l.Account) == again.Account })]
			_, err = enforcing(w).DecideLink(t.Context(), tx, by, l.ID, l.Version, same, "documents compared")
			return err
		})
	}
	must(t, judge(one, true))
	w.Clock.Advance(time.Minute)
	must(t, try(t, w, func(tx *db.Tx) error {
		id, err := db.Value[string](t.Context(), tx, `SELECT id FROM enforcement_link WHERE account = $1`, again.Account)
		if err != nil {
			return err
		}
		_, err = enforcement.AppealLink(t.Context(), tx, again, enforcement.LinkID(id), "I am another.")
		return err
	}))
	return func(by audit.Actor) error { return judge(by, false) }
}

// adoption: of what an order to put something right proposes when its day has passed.
func adoption(t *testing.T, w *world.Trade, one audit.Actor) func(by audit.Actor) error {
	sheet := enforcement.Content{Kind: enforcement.Product, ID: string(w.Listed(world.Content(delivery.HookNative, 10_000)).Product.ID)}
	c := decided(t, w, one, w.Seller, "UA 4.7", enforcement.Plan{Kind: enforcement.Rectify, Content: sheet, Demand: "Take it out.", Days: 3})
	must(t, confirming(t, w, c.ID)(w.Compliance))
	w.Drain()
	w.Clock.Advance(4 * 24 * time.Hour)
	w.Drain()
	adopt := func(by audit.Actor) error {
		return onCase(t, w, c.ID, func(tx *db.Tx, f enforcement.Dossier) error {
			i := slices.IndexFunc(f.Measures, func(m enforcement.Measure) bool { return m.State == enforcement.Proposed })
			if i < 0 {
				return errors.New("nothing is proposed")
			}
			_, err := enforcing(w).Adopt(t.Context(), tx, by, f.Measures[i].ID, f.Version, "Nothing was done.")
			return err
		})
	}
	must(t, adopt(one))
	return adopt
}

// unforeseeable: the cause of an interruption that nobody could foresee.
func unforeseeable(t *testing.T, w *world.Trade, one audit.Actor) func(by audit.Actor) error {
	n := interrupted(t.Context(), w, one, operation.Unforeseeable, operation.Proof{Text: "The sprinklers of the data centre went off; there was no such case before."})
	return func(by audit.Actor) error {
		return try(t, w, func(tx *db.Tx) error {
			_, err := operation.Confirm(t.Context(), tx, by, n.ID, n.Version)
			return err
		})
	}
}

// contested: the cause of an interruption, by who is said to have caused it.
func contested(t *testing.T, w *world.Trade, one audit.Actor) func(by audit.Actor) error {
	n := interrupted(t.Context(), w, one, operation.UserSide, operation.Proof{Kind: "client_error", Text: "the clock of the client is wrong"})
	c := done(t, w, func(tx *db.Tx) (operation.Contest, error) {
		return outages.Contest(t.Context(), tx, w.Seller, n.ID, "nobody was signed in")
	})
	return func(by audit.Actor) error {
		return try(t, w, func(tx *db.Tx) error {
			_, err := operation.AnswerContest(t.Context(), tx, by, c.ID, operation.Answer{Uphold: true, Cause: operation.OperatorsFault, Words: "the logs say so"})
			return err
		})
	}
}

// windDown: the end of the service is announced by two, and called off by two.
func windDown(t *testing.T, w *world.Trade, one audit.Actor) func(by audit.Actor) error {
	v := done(t, w, func(tx *db.Tx) (operation.WindDown, error) {
		return operation.Propose(t.Context(), tx, one, leaving(tx.Now()))
	})
	approve := func(by audit.Actor) error {
		return try(t, w, func(tx *db.Tx) error { _, err := operation.Approve(t.Context(), tx, by, v.ID); return err })
	}
	off := func(by audit.Actor) error {
		return try(t, w, func(tx *db.Tx) error {
			_, err := operation.CallOff(t.Context(), tx, by, v.ID, "somebody takes it over")
			return err
		})
	}
	if f, ok := fault.Of(approve(one)); !ok || f.Code != "SECOND_APPROVER_REQUIRED" {
		t.Errorf("one person ends the service: %v", f)
	}
	must(t, approve(w.Superadmin))
	must(t, off(one))
	return off
}

// lawful: a disclosure that a law asks for.
func lawful(t *testing.T, w *world.Trade, one audit.Actor) func(by audit.Actor) error {
	d := done(t, w, func(tx *db.Tx) (privacy.Disclosure, error) {
		return privacy.Propose(t.Context(), tx, one, disclosure(account.ID(w.Seller.Account)))
	})
	return func(by audit.Actor) error {
		return try(t, w, func(tx *db.Tx) error { _, err := privacy.Approve(t.Context(), tx, by, d.ID); return err })
	}
}

// inEmergency: the review of a disclosure that one person made.
func inEmergency(t *testing.T, w *world.Trade, one audit.Actor) func(by audit.Actor) error {
	d := done(t, w, func(tx *db.Tx) (privacy.Disclosure, error) {
		return privacy.Emergency(t.Context(), tx, one, disclosure(account.ID(w.Seller.Account)))
	})
	return func(by audit.Actor) error {
		return try(t, w, func(tx *db.Tx) error {
			return privacy.Review(t.Context(), tx, by, d.ID, privacy.Justified, "it was needed")
		})
	}
}
