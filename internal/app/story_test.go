package app

import (
	"context"
	"encoding/json"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"yunshi/internal/base/blob"
	"yunshi/internal/base/calendar"
	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/base/text"
	"yunshi/internal/market/account"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/catalog"
	"yunshi/internal/market/complaint"
	"yunshi/internal/market/delivery"
	"yunshi/internal/market/enforcement"
	"yunshi/internal/market/entitlement"
	"yunshi/internal/market/identity"
	"yunshi/internal/market/infringement"
	"yunshi/internal/market/message"
	"yunshi/internal/market/operation"
	"yunshi/internal/market/order"
	"yunshi/internal/market/refund"
	"yunshi/internal/market/search"
	"yunshi/internal/market/vendor"
	"yunshi/internal/plug/idreview"
	"yunshi/internal/testkit"
	"yunshi/internal/testkit/world"
)

// story is one market whose days pass: the rules and jobs are those that the
// program wires, the provider of payments and the vendor's system are a test's.
type story struct {
	*world.Trade
	t     *testing.T
	ctx   context.Context // of the whole story
	app   *App
	buyer audit.Actor
	offer catalog.Offer // for a month, of the world's vendor
}

// TestFourHundredDaysOfAMarket tells the life of a market from its first purchase
// to its archive. Run it with -v to read it: each line has its day.
func TestFourHundredDaysOfAMarket(t *testing.T) {
	testkit.EnginesAt(t, func(t *testing.T, d *db.DB, clock *testkit.Clock) {
		s := open(t, d, clock)
		for _, chapter := range []struct {
			title string
			tell  func(s *story)
		}{
			{"1 an account buys", (*story).anAccountBuys},
			{"2 the rules change", (*story).theRulesChange},
			{"3 a listing is taken down and comes back", (*story).aListingIsTakenDown},
			{"4 a case is decided, confirmed and appealed", (*story).aCaseIsAppealed},
			{"5 a termination bans the person", (*story).aPersonIsBanned},
			{"6 a complaint goes to the vendor and beyond", (*story).aComplaintEscalates},
			{"7 the market ends", (*story).theMarketEnds},
			{"8 everything is read again", (*story).everythingIsReadAgain},
		} {
			if !t.Run(chapter.title, func(t *testing.T) {
				s.t = t
				chapter.tell(s)
			}) {
				return // what follows stands on what came before
			}
		}
	})
}

func open(t *testing.T, d *db.DB, clock *testkit.Clock) *story {
	t.Helper()
	s := &story{Trade: world.NewTrade(t, d, clock), t: t, ctx: t.Context()}
	cfg := Config{Data: t.TempDir(), BaseURL: "https://market.example", Operator: world.Operator}.Filled()
	s.app = &App{Config: cfg, DB: d, Log: slog.New(slog.DiscardHandler)}
	var err error
	s.app.Blob, err = Files(cfg)
	s.must(err)
	s.app.signing, s.app.Verifying, err = LogKeys(cfg)
	s.must(err)
	_, err = s.app.wire(nil)
	s.must(err)
	m, mails := s.app.Market, s.app.Mail
	handlers, err := handlersOf(
		identity.Work{Checker: idreview.Checker{}}.Handlers(),
		agreement.Work{Sender: mails, BaseURL: cfg.BaseURL}.Handlers(),
		message.Work{Sender: mails, BaseURL: cfg.BaseURL}.Handlers(),
		operation.Work{Rules: m.Operation}.Handlers(),
		vendor.Work{Left: left}.Handlers(),
		catalog.Work{}.Handlers(),
		search.Work{}.Handlers(),
		entitlement.Work{Expired: delivery.Expired}.Handlers(),
		refund.Work{Rules: m.Refund}.Handlers(),
		enforcement.Work{Rules: m.Enforcing}.Handlers(),
		complaint.Work{Rules: m.Complaint, Sender: mails, BaseURL: cfg.BaseURL}.Handlers(),
		infringement.Work{Rules: m.Notices, Sender: mails, BaseURL: cfg.BaseURL}.Handlers(),
		EvidenceWork(d, blob.Store(s.app.Blob), s.app.signing).Handlers(),
	)
	s.must(err)
	s.With(handlers)
	s.must(s.app.pull(s.ctx)) // the work that never ends, as the program begins it
	return s
}

// says logs a line of the story with its day.
func (s *story) says(format string, args ...any) {
	s.t.Helper()
	now := s.Clock.Now()
	s.t.Logf("day %3d, %s: "+format, append([]any{s.day(), calendar.On(now)}, args...)...)
}

func (s *story) day() int { return 1 + int(s.Clock.Now().Sub(testkit.Start)/(24*time.Hour)) }

// stride is how long the market's worker sleeps while nothing is told: the story
// has four hundred days and a test a minute.
const stride = 6 * 24 * time.Hour

// until lets the days pass, with their work and their entries in the log.
func (s *story) until(moment time.Time) {
	s.t.Helper()
	for now := s.Clock.Now(); now.Before(moment); now = s.Clock.Now() {
		next := now.Add(stride)
		if next.After(moment) {
			next = moment
		}
		s.Clock.Set(next)
		s.work()
	}
}

func (s *story) untilDay(n int) {
	s.t.Helper()
	s.until(testkit.Start.AddDate(0, 0, n-1))
}

// work does what is due now.
func (s *story) work() {
	s.t.Helper()
	s.Drain()
	for {
		placed, err := audit.Integrate(s.ctx, s.DB, LogOrigin, s.app.signing)
		s.must(err)
		if placed == 0 {
			return
		}
	}
}

func (s *story) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *story) check(holds bool, format string, args ...any) {
	s.t.Helper()
	if !holds {
		s.t.Fatalf("day %d: "+format, append([]any{s.day()}, args...)...)
	}
}

func (s *story) refused(err error, code, clause string) {
	s.t.Helper()
	f, ok := fault.Of(err)
	s.check(ok && f.Code == code && f.Clause == clause, "got %v, want %s (%s)", err, code, clause)
}

// try runs one command; do is its result beyond the transaction.
func try[T any](s *story, do func(ctx context.Context, tx *db.Tx) (T, error)) (v T, err error) {
	err = s.DB.Write(s.ctx, func(tx *db.Tx) (err error) {
		v, err = do(s.ctx, tx)
		return err
	})
	return v, err
}

// done is a command that is not refused.
func done[T any](s *story, do func(ctx context.Context, tx *db.Tx) (T, error)) T {
	s.t.Helper()
	v, err := try(s, do)
	s.must(err)
	return v
}

// seen is what a reader sees.
func seen[T any](s *story, look func(ctx context.Context, r db.Reader) (T, error)) (v T) {
	s.t.Helper()
	s.must(s.DB.Read(s.ctx, func(r db.Reader) (err error) {
		v, err = look(s.ctx, r)
		return err
	}))
	return v
}

// told counts the notices of a code in an account's inbox.
func (s *story) told(who audit.Actor, code string) (n int) {
	s.t.Helper()
	for _, item := range seen(s, func(ctx context.Context, r db.Reader) ([]message.Item, error) {
		return message.Inbox(ctx, r, account.ID(who.Account), "")
	}) {
		if item.Code == code {
			n++
		}
	}
	return n
}

func (s *story) can(who audit.Actor, capability string) error {
	return s.DB.Read(s.ctx, func(r db.Reader) error { return account.MustCan(s.ctx, r, who, capability) })
}

func (s *story) anAccountBuys() {
	s.buyer = s.Customer(account.Individual)
	s.says("an individual registers, accepts the agreement by click and is verified")
	s.offer = s.Listed(world.Content(delivery.HookNative, 30000))
	o := s.Bought(s.buyer, s.offer)
	s.check(o.State == order.Delivered, "the order is %s", o.State)
	s.says("order %s over %s is paid and delivered", o.ID, o.Fee.Paid.Plain())
	s.work()
}

func (s *story) theRulesChange() {
	s.untilDay(3)
	one, other := s.Compliance, s.Staff(account.Compliance)
	why := agreement.Both{ZH: "客户希望有更长的时间", EN: "Customers want more time"}
	var doc map[string]any
	was := seen(s, func(ctx context.Context, r db.Reader) (agreement.Version, error) {
		return agreement.ReadDocument(ctx, r, "refund", 0)
	})
	s.must(json.Unmarshal(was.Source, &doc))
	doc["number"] = doc["number"].(float64) + 1
	doc["settings"].(map[string]any)["refund_window_saas"] = map[string]any{"days": 8}
	source, err := json.Marshal(doc)
	s.must(err)
	f := done(s, func(ctx context.Context, tx *db.Tx) (agreement.Draft, error) {
		return agreement.Begin(ctx, tx, one, "refund", source, why)
	})
	s.says("an officer drafts version %d of the refund rules: eight days instead of five to ask for a refund", f.Number)
	f = done(s, func(ctx context.Context, tx *db.Tx) (agreement.Draft, error) {
		return agreement.Consult(ctx, tx, one, f.ID, f.Revision, s.Clock.Now().AddDate(0, 0, 8))
	})
	s.says("the draft is open for comments until %s", calendar.On(f.ClosesAt))

	s.untilDay(6)
	comment := done(s, func(ctx context.Context, tx *db.Tx) (agreement.Comment, error) {
		return agreement.Say(ctx, tx, s.buyer, f.ID, "refund-2", "Eight days are good. Please count from delivery.", nil)
	})
	s.says("the customer comments: %q", comment.Body)
	s.until(f.ClosesAt)
	s.Write(func(tx *db.Tx) error {
		return agreement.AnswerComment(s.ctx, tx, other, comment.ID, "It counts from delivery already.")
	})
	said := seen(s, func(ctx context.Context, r db.Reader) ([]agreement.Comment, error) {
		return agreement.Comments(ctx, r, f.ID, 10)
	})
	s.check(len(said) == 1 && said[0].Answer != "", "comments: %+v", said)
	s.says("the time for comments is over; an officer answers: %q", said[0].Answer)

	outcome := agreement.Both{ZH: "一条意见，已答复", EN: "One comment, answered"}
	propose := func(from time.Time) (agreement.Draft, error) {
		return try(s, func(ctx context.Context, tx *db.Tx) (agreement.Draft, error) {
			return agreement.Propose(ctx, tx, one, f.ID, f.Revision, from, outcome)
		})
	}
	_, err = propose(s.Clock.Now().AddDate(0, 0, 6))
	s.refused(err, "PUBLISH_TOO_EARLY", "UA 5.3")
	s.says("to switch in six days is refused: PUBLISH_TOO_EARLY (UA 5.3)")
	f, err = propose(time.Time{})
	s.must(err)
	approve := func(by audit.Actor) (agreement.Version, error) {
		return try(s, func(ctx context.Context, tx *db.Tx) (agreement.Version, error) {
			return agreement.Approve(ctx, tx, by, f.ID, f.Revision)
		})
	}
	_, err = approve(one)
	s.refused(err, "SECOND_APPROVER_REQUIRED", "UA 1.1")
	v, err := approve(other)
	s.must(err)
	s.says("who proposed may not approve; a second officer does, and it is published to switch on %s", v.EffectiveAt.In(calendar.Shanghai).Format(time.DateTime))
	s.work()
	s.check(s.told(s.buyer, "N-01")+s.told(s.buyer, "N-02") > 0, "the customer was not told of the change")

	window := func() int {
		return seen(s, func(ctx context.Context, r db.Reader) (v struct{ Days int }, err error) {
			return agreement.Setting[struct{ Days int }](ctx, r, "refund_window_saas")
		}).Days
	}
	use := func() bool {
		return done(s, func(ctx context.Context, tx *db.Tx) (bool, error) {
			return agreement.GoOn(ctx, tx, s.buyer, agreement.Banner, agreement.Acceptance{Locale: "en", IP: "203.0.113.9"})
		})
	}
	s.until(v.EffectiveAt.Add(-time.Second))
	s.check(window() == 5 && !use(), "the rules changed before their moment")
	s.says("a second before, five days still count and using the market accepts nothing")
	s.until(v.EffectiveAt)
	s.check(window() == 8, "%d days after the switch", window())
	s.says("the rules switch at their moment: eight days count")
	s.until(v.EffectiveAt.Add(10 * time.Hour))
	s.check(use() && !use(), "not exactly one acceptance by use")
	proofs := seen(s, func(ctx context.Context, r db.Reader) ([]agreement.Proof, error) {
		return agreement.Evidence(ctx, r, account.ID(s.buyer.Account))
	})
	s.check(len(proofs) == 2 && proofs[1].Record.Method == agreement.Use, "%d acceptances", len(proofs))
	s.must(proofs[1].Verify())
	s.says("the customer's first use gives one record of implied acceptance, the second none; its evidence verifies")
}

func (s *story) aListingIsTakenDown() {
	s.untilDay(40)
	holder, rules := s.Customer(account.LegalPerson), s.app.Market.Notices
	act := func(do func(tx *db.Tx) (infringement.Notice, error)) infringement.Notice {
		s.t.Helper()
		return done(s, func(_ context.Context, tx *db.Tx) (infringement.Notice, error) { return do(tx) })
	}
	state := func() catalog.ProductState {
		return seen(s, func(ctx context.Context, r db.Reader) (catalog.Product, error) {
			return catalog.Get(ctx, r, s.offer.Product.ID)
		}).State
	}
	n := act(func(tx *db.Tx) (infringement.Notice, error) {
		return rules.Submit(s.ctx, tx, holder, infringement.Draft{
			Right: infringement.Trademark, Location: s.app.Config.BaseURL + "/p/" + s.offer.Product.Slug, HolderKind: infringement.AnOrganisation,
			Summary: "The listing uses our registered mark.", Truthful: true, Language: "en", Place: "203.0.113.7",
			Words: infringement.Words{
				Holder: "Shanhai Ltd", Name: "Li Hua", Email: "li@example.com", Phone: "010-12345678", Right: "mark no. 1234567",
				Statement: "The name of the listing is our mark.", Proof: "Registration certificate no. 1234567",
			},
		})
	})
	s.says("the holder of a mark gives notice of an infringement: %s", n.State)
	n = act(func(tx *db.Tx) (infringement.Notice, error) {
		return rules.Accept(s.ctx, tx, s.Compliance, n.ID, n.Version, "the mark is registered")
	})
	s.check(state() == catalog.ProductHidden, "the listing is %s", state())
	_, err := s.Place(s.buyer, s.Purchase(s.buyer, s.offer))
	f, ok := fault.Of(err)
	s.check(ok, "bought what was taken down: %v", err)
	s.says("an officer accepts it; the listing is taken down and a purchase is refused: %s", f.Code)

	s.untilDay(43)
	n = act(func(tx *db.Tx) (infringement.Notice, error) {
		return rules.Counter(s.ctx, tx, s.Seller, n.ID, n.Version, infringement.Counter{
			Name: "The vendor", Contact: "vendor@example.com", Statement: "We hold a licence for the mark.",
			Proof: "Licence agreement of 3 May 2025", Summary: "Used under a licence.", Truthful: true,
		})
	})
	s.check(n.State == infringement.Waiting, "the notice is %s", n.State)
	s.says("the vendor's statement that nothing is infringed arrives; the holder has until %s", calendar.On(n.LiftDue))
	s.until(n.LiftDue.Add(-time.Second))
	s.check(state() == catalog.ProductHidden, "back too soon")
	s.until(n.LiftDue)
	s.check(state() == catalog.ProductListed, "the listing is %s", state())
	s.says("fifteen days ran out with no word of a suit: the listing is back")
	_, err = s.Place(s.buyer, s.Purchase(s.buyer, s.offer))
	s.must(err)
	s.says("and can be ordered again")
}

// file is a case as an officer sees it.
func (s *story) file(id enforcement.ID) enforcement.Dossier {
	s.t.Helper()
	return seen(s, func(ctx context.Context, r db.Reader) (enforcement.Dossier, error) {
		return enforcement.Get(ctx, r, s.Compliance, id)
	})
}

// decided opens a case, has it decided by one officer and confirmed by another.
func (s *story) decided(in enforcement.Opening, second audit.Actor, plans ...enforcement.Plan) enforcement.ID {
	s.t.Helper()
	rules := s.app.Market.Enforcing
	in.Source = enforcement.SelfFound
	in.Evidence = []enforcement.Item{{Kind: enforcement.Capture, Title: "log", URL: s.app.Config.BaseURL + "/x", Content: []byte("GET /.env 404")}}
	c := done(s, func(ctx context.Context, tx *db.Tx) (enforcement.Case, error) {
		return enforcement.Open(ctx, tx, s.Compliance, in)
	})
	s.says("an officer opens a case for a violation of %s: %s", c.Violation, in.Facts)
	c = done(s, func(ctx context.Context, tx *db.Tx) (enforcement.Case, error) {
		return rules.Decide(ctx, tx, s.Compliance, c.ID, c.Version, enforcement.Decision{Reasons: "The log shows it.", Measures: plans, Points: -1})
	})
	s.check(c.State == enforcement.SecondReview, "one officer decided alone: %s", c.State)
	confirm := func(by audit.Actor) error {
		_, err := try(s, func(ctx context.Context, tx *db.Tx) (enforcement.Case, error) {
			return rules.Confirm(ctx, tx, by, c.ID, c.Version, true, "seen")
		})
		return err
	}
	s.refused(confirm(s.Compliance), "SECOND_APPROVER_REQUIRED", "UA 8.2")
	s.must(confirm(second))
	s.work()
	f := s.file(c.ID)
	s.check(f.State == enforcement.InForce && f.SecondBy == second.User, "the case is %s", f.State)
	s.says("it is decided by one officer, confirmed by another and served, with %d measure(s); an appeal is open until %s", len(f.Measures), calendar.On(f.AppealUntil))
	return c.ID
}

func (s *story) aCaseIsAppealed() {
	s.untilDay(80)
	who, second, third := s.Customer(account.Individual), s.Staff(account.Compliance), s.Staff(account.Compliance)
	id := s.decided(
		enforcement.Opening{Subject: account.ID(who.Account), Violation: "4.7.8", Basis: "Criminal Law 280", Facts: "A forged licence was shown to a vendor."}, second,
		enforcement.Plan{Kind: enforcement.Restrict, Functions: []string{account.Buy}, Days: 30},
		enforcement.Plan{Kind: enforcement.Restrict, Functions: []string{account.Message}, Days: 30})
	s.refused(s.can(who, account.Buy), "ACCOUNT_RESTRICTED", "UA 8.2.3")
	s.refused(s.can(who, account.Message), "ACCOUNT_RESTRICTED", "UA 8.2.3")
	s.says("the account may neither buy nor write")

	s.untilDay(85)
	c := done(s, func(ctx context.Context, tx *db.Tx) (enforcement.Case, error) {
		return enforcement.AppealAgainst(ctx, tx, who, id, s.file(id).Version, "I was given that paper myself.")
	})
	s.says("the account appeals")
	f := s.file(id)
	buying := slices.IndexFunc(f.Measures, func(m enforcement.Measure) bool { return slices.Contains(m.Functions, account.Buy) })
	decide := func(by audit.Actor) (enforcement.Case, error) {
		return try(s, func(ctx context.Context, tx *db.Tx) (enforcement.Case, error) {
			return s.app.Market.Enforcing.DecideAppeal(ctx, tx, by, id, c.Version, enforcement.Verdict{
				Outcome: enforcement.Revised, Reasons: "Buying did no harm.", Lift: []enforcement.MeasureID{f.Measures[buying].ID},
			})
		})
	}
	for _, by := range []audit.Actor{s.Compliance, second} {
		_, err := decide(by)
		s.refused(err, "SECOND_APPROVER_REQUIRED", "UA 8.2")
	}
	c, err := decide(third)
	s.must(err)
	s.check(c.State == enforcement.Revised, "the case is %s", c.State)
	s.must(s.can(who, account.Buy))
	s.refused(s.can(who, account.Message), "ACCOUNT_RESTRICTED", "UA 8.2.3")
	s.says("neither of the two may decide it; a third officer lifts the ban on buying and leaves the other measure")
	s.untilDay(112)
	s.must(s.can(who, account.Message))
	s.check(s.file(id).State == enforcement.Ended, "the case is %s", s.file(id).State)
	s.says("the other measure ends with its thirty days, and the case with it")
}

func (s *story) aPersonIsBanned() {
	s.untilDay(120)
	const number = "110101199003070038"
	show := func(by audit.Actor, mobile, bank string) (identity.Case, error) {
		return try(s, func(ctx context.Context, tx *db.Tx) (identity.Case, error) {
			return identity.Submit(ctx, tx, by, identity.Application{
				SubjectType: account.Individual, Name: "张三", IDKind: identity.ResidentID, Number: number, Mobile: mobile,
				Email: "x" + mobile + "@example.com", BankAccount: bank, Consent: true, Screen: s.app.Market.Enforcing.Screen,
			})
		})
	}
	bad := s.Registered(account.Individual)
	s.Accept(bad)
	shown, err := show(bad, "13800138001", "6222020200012345670")
	s.must(err)
	done(s, func(ctx context.Context, tx *db.Tx) (identity.Case, error) {
		return identity.Decide(ctx, tx, s.Compliance, shown.ID, identity.Decision{Approve: true, Reason: "documents seen"})
	})
	s.says("somebody registers and is verified")
	id := s.decided(
		enforcement.Opening{Subject: account.ID(bad.Account), Violation: "UA 4.11", Facts: "The account takes others' sign-ins."}, s.Staff(account.Compliance),
		enforcement.Plan{Kind: enforcement.Terminate})
	ended := seen(s, func(ctx context.Context, r db.Reader) (account.Account, error) {
		return account.Get(ctx, r, account.ID(bad.Account))
	})
	s.check(ended.State == account.Terminated, "the account is %s", ended.State)
	s.says("the agreement with the account has ended")
	s.until(s.file(id).AppealUntil.Add(24 * time.Hour))
	s.check(!s.file(id).FinalAt.IsZero(), "not final: %+v", s.file(id).Case)
	s.says("nobody appealed: the termination is final")

	s.untilDay(150)
	again := s.Registered(account.Individual)
	s.Accept(again)
	_, err = show(again, "13900139001", "6225881234567898")
	s.refused(err, "REREGISTRATION_BANNED", "UA 8.3")
	s.says("a new account with another telephone and bank, but the same identity number, is refused at verification: REREGISTRATION_BANNED (UA 8.3)")
}

func (s *story) aComplaintEscalates() {
	s.untilDay(200)
	rules := s.app.Market.Complaint
	o := s.Bought(s.buyer, s.offer)
	s.says("the customer buys again: order %s", o.ID)
	s.untilDay(202)
	c := done(s, func(ctx context.Context, tx *db.Tx) (complaint.Complaint, error) {
		return rules.Submit(ctx, tx, s.buyer, complaint.Ask{Topic: "not_working", Order: o.ID, Text: "The instance does not start.", Demand: "Please repair it."})
	})
	s.check(c.VendorOwes && !c.OperatorOwes, "who answers? %+v", c)
	s.says("the customer complains; it goes to the vendor, who owes an answer by %s", calendar.On(c.VendorDue))
	_, err := try(s, func(ctx context.Context, tx *db.Tx) (complaint.Complaint, error) {
		return rules.Escalate(ctx, tx, s.buyer, c.ID, c.Version, "now")
	})
	s.refused(err, "COMPLAINT_VENDOR_FIRST", "UA 4.2")
	s.says("asking the operator at once is refused: COMPLAINT_VENDOR_FIRST (UA 4.2)")
	s.until(c.VendorDue.Add(time.Hour))
	now := func() complaint.Complaint {
		return seen(s, func(ctx context.Context, r db.Reader) (complaint.Complaint, error) {
			return complaint.Get(ctx, r, s.Compliance, c.ID)
		})
	}
	c = now()
	s.check(c.State == complaint.Escalated && c.OperatorOwes, "the complaint is %s", c.State)
	s.says("the vendor was silent: it escalates to the operator, who decides by %s", calendar.On(c.OperatorDue))
	c = done(s, func(ctx context.Context, tx *db.Tx) (complaint.Complaint, error) {
		return rules.Decide(ctx, tx, s.Support, c.ID, c.Version, complaint.Ruling{Finding: complaint.Upheld, Clause: "UA 4.10", Note: "the logs show it"})
	})
	s.check(c.State == complaint.Decided, "the complaint is %s", c.State)
	s.says("support decides: %s, by UA 4.10", complaint.Upheld)
	c = done(s, func(ctx context.Context, tx *db.Tx) (complaint.Complaint, error) {
		return rules.Close(ctx, tx, s.buyer, c.ID, c.Version, complaint.Ending{Satisfied: true, Stars: 4})
	})
	s.says("the customer closes it, satisfied: %s", c.State)
}

func (s *story) theMarketEnds() {
	s.untilDay(320)
	yearly := world.Content(delivery.HookNative, 300000)
	yearly.Plans[0].Term = catalog.Term{Unit: catalog.Month, Count: 12}
	year := s.Listed(yearly)
	earliest := seen(s, operation.Earliest)
	propose := func(day calendar.Date) (operation.WindDown, error) {
		words := operation.Both{ZH: "说明", EN: "Words"}
		plan := map[operation.Part]operation.Both{}
		for _, p := range operation.Parts {
			plan[p] = words
		}
		return try(s, func(ctx context.Context, tx *db.Tx) (operation.WindDown, error) {
			return operation.Propose(ctx, tx, s.Compliance, operation.Proposal{Day: day, Text: words, Plan: plan})
		})
	}
	_, err := propose(earliest.AddDays(-1))
	s.refused(err, "NOTICE_TOO_SHORT", "UA 8.1")
	s.says("an officer proposes to end the market on %s: NOTICE_TOO_SHORT (UA 8.1)", earliest.AddDays(-1))
	w, err := propose(earliest)
	s.must(err)
	approve := func(by audit.Actor) error {
		_, err := try(s, func(ctx context.Context, tx *db.Tx) (operation.WindDown, error) {
			return operation.Approve(ctx, tx, by, w.ID)
		})
		return err
	}
	s.refused(approve(s.Compliance), "SECOND_APPROVER_REQUIRED", "UA 8.1")
	s.must(approve(s.Superadmin))
	s.work()
	s.check(s.told(s.buyer, "N-91") == 1 && s.told(s.Seller, "N-91") == 1, "not everybody was told at once")
	s.says("a second officer approves the end on %s, and everybody is told", earliest)

	s.untilDay(322)
	_, err = s.Place(s.buyer, s.Purchase(s.buyer, year))
	s.refused(err, "TERM_PAST_SERVICE_END", "UA 8.1")
	s.says("a purchase for twelve months is refused: TERM_PAST_SERVICE_END (UA 8.1)")
	last := s.Bought(s.buyer, s.offer)
	s.check(last.State == order.Delivered, "the order is %s", last.State)
	s.says("a purchase for a month is delivered")
	for heard := 1; s.Clock.Now().Before(w.EndAt.Add(-24 * time.Hour)); {
		s.until(s.Clock.Now().Add(24 * time.Hour))
		if n := s.told(s.buyer, "N-91"); n > heard {
			heard = n
			s.says("everybody is reminded of the end (%d)", n-1)
		}
	}
	s.until(w.EndAt.Add(time.Hour))
	s.check(s.told(s.buyer, "N-91") == 4, "%d notices, want one at once and three reminders", s.told(s.buyer, "N-91"))
	service := seen(s, operation.ServiceOf)
	s.check(service.State == operation.Ended && service.EndAt.Equal(w.EndAt), "the service is %+v", service)
	shots := seen(s, func(ctx context.Context, r db.Reader) ([]operation.Snapshot, error) {
		return operation.Snapshots(ctx, r, w.ID)
	})
	for _, one := range shots {
		s.check(one.Shown, "the home page of %s did not show the end", one.Day)
	}
	s.says("the market ends; %d pages are kept to show that the home page said so on every day", len(shots))

	s.untilDay(400)
	_, err = s.Place(s.buyer, s.Purchase(s.buyer, s.offer))
	s.refused(err, "SERVICE_ENDED", "UA 8.1")
	s.check(s.Order(last.ID).SHA256 == last.SHA256, "the archive changed an order")
	s.says("the market is an archive: orders can be read, a purchase is refused: SERVICE_ENDED (UA 8.1)")
}

func (s *story) everythingIsReadAgain() {
	s.work()
	var out strings.Builder
	clean, err := Verify(s.ctx, s.DB, s.app.Verifying, text.EN, &out)
	s.must(err)
	s.says("yunshi verify reads the whole database:\n%s", out.String())
	s.check(clean, "something does not hold")
}
