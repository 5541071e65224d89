package complaint

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/base/money"
	"yunshi/internal/market/account"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/catalog"
	"yunshi/internal/market/content"
	"yunshi/internal/market/job"
	"yunshi/internal/market/ledger"
	"yunshi/internal/market/order"
	"yunshi/internal/market/payment"
	"yunshi/internal/market/vendor"
)

// ClaimID names a claim: "clm_…".
type ClaimID string

// Ground is what a claim says of the vendor.
type Ground string

// The grounds. For those after Mismatch the law may allow more than the ceiling.
const (
	Mismatch        Ground = "mismatch"
	Fraud           Ground = "fraud"
	GrossNegligence Ground = "gross_negligence"
	Injury          Ground = "injury"
)

// Grounds lists them in the order in which a form offers them.
var Grounds = []Ground{Mismatch, Fraud, GrossNegligence, Injury}

// Claim is a claim for breach: the price back, and damages.
type Claim struct {
	ID                ClaimID
	Complaint         ID // that led to it; may be empty
	Order             order.ID
	Line              order.LineID
	Account           account.ID
	Vendor            vendor.ID
	Product           catalog.ProductID
	OpenedBy          account.UserID
	Item              string // of the frozen terms that does not match
	Ground            Ground
	Loss              string `json:"-"`
	AskedRefund       money.Amount
	AskedDamages      money.Amount
	Cap               money.Amount // of damages: what was paid on the purchases in dispute
	CapIncludesRefund bool
	Statutory         money.Amount // the least that law gives a deceived consumer; zero: nothing fixed
	Rulebook          string
	State             ClaimState
	Exception         Exception // under which it was settled
	Basis             string    // article or document
	SettledRefund     money.Amount
	SettledDamages    money.Amount
	SettledAt         time.Time
	Payment           payment.RefundID // of the price that went back
	Court             string
	CourtCase         string
	Version           int64
	ReplyDue          time.Time
	OpenedAt          time.Time
	ClosedAt          time.Time
}

// AuditSubject names the claim in records.
func (c Claim) AuditSubject() string { return string(c.ID) }

// OfferState is where an offer stands.
type OfferState string

// The states of an offer.
const (
	OfferOpen     OfferState = "open"
	OfferReplaced OfferState = "replaced"
	OfferAccepted OfferState = "accepted"
)

// Offer is what one side would settle for. The operator's binds nobody until both
// parties have agreed.
type Offer struct {
	ID           string
	Side         Side
	State        OfferState
	Refund       money.Amount
	Damages      money.Amount
	Exception    Exception
	Basis        string
	UserAgrees   bool
	VendorAgrees bool
	By           string
	At           time.Time
}

// waitsFor reports whether a side has not agreed to an open offer.
func (o Offer) waitsFor(side Side) bool {
	return o.State == OfferOpen && (side == User && !o.UserAgrees || side == Vendor && !o.VendorAgrees)
}

// ClaimRecord is a claim with all that happened to it.
type ClaimRecord struct {
	Claim    Claim
	Promise  catalog.Both // what does not match, as it was frozen; empty: a promise made elsewhere
	Orders   []order.ID
	Steps    []Step
	Offers   []Offer
	Contacts []Contact
	Evidence []Evidence
}

// Standing is the open offer, if there is one.
func (r ClaimRecord) Standing() (Offer, bool) {
	i := slices.IndexFunc(r.Offers, func(o Offer) bool { return o.State == OfferOpen })
	if i < 0 {
		return Offer{}, false
	}
	return r.Offers[i], true
}

// Awaits reports whether a side can agree to the open offer.
func (r ClaimRecord) Awaits(side Side) bool {
	o, ok := r.Standing()
	return ok && o.waitsFor(side)
}

// Plea is what a claim asks for.
type Plea struct {
	Order     order.ID
	Renewals  []order.ID // further purchases of the product that are in dispute
	Complaint ID
	Item      string
	Ground    Ground
	Loss      string
	Refund    money.Amount
	Damages   money.Amount
}

// Item is one promise of the frozen terms of an order.
type Item struct {
	Key  string
	Text catalog.Both
}

// Items lists what an order promised, as it was frozen; the last is a promise that
// the vendor made elsewhere.
func Items(o order.Order) ([]Item, error) {
	c, err := o.Content()
	if err != nil {
		return nil, err
	}
	var all []Item
	add := func(key string, text catalog.Both) {
		if !text.Empty() {
			all = append(all, Item{key, text})
		}
	}
	for i, f := range c.Functions {
		add("functions."+strconv.Itoa(i), f)
	}
	for _, p := range c.Plans {
		if p.Code == o.Snapshot.PlanCode {
			for i, f := range p.Included {
				add("included."+strconv.Itoa(i), f)
			}
		}
	}
	for i, f := range c.Requirements {
		add("requirements."+strconv.Itoa(i), f)
	}
	add("description", c.Description)
	add("support", c.Support.Hours)
	add("delivery", c.Delivery.Instructions)
	add("licence", c.Licence)
	return append(all, Item{Key: "promise"}), nil
}

// Chain lists the paid purchases of the product of an order by its account: those
// that a claim can be about.
func Chain(ctx context.Context, r db.Reader, o order.Order) (all []order.Order, err error) {
	by := audit.Actor{Account: string(o.Account)}
	for before := order.ID(""); ; {
		page, err := order.Mine(ctx, r, by, before, 100)
		if err != nil {
			return nil, err
		}
		for _, one := range page {
			if one.Product == o.Product && one.Account == o.Account && one.State.Paid() && one.Fee.Paid.Minor > 0 {
				all = append(all, one)
			}
		}
		if len(page) < 100 {
			return all, nil
		}
		before = page[len(page)-1].ID
	}
}

// Open makes a claim about an order that was paid. The vendor is asked to reply.
func (u Rules) Open(ctx context.Context, tx *db.Tx, by audit.Actor, in Plea) (_ Claim, err error) {
	defer fault.Wrap(&err, "complaint.Open(%s)", in.Order)
	o, err := order.Get(ctx, tx, by, in.Order)
	if err != nil {
		return Claim{}, err
	}
	if !o.State.Paid() || o.Fee.Paid.Minor <= 0 {
		return Claim{}, ErrState.With("State", o.State)
	}
	c := Claim{
		ID: ClaimID(tx.ID("clm")), Complaint: in.Complaint, Order: o.ID, Line: o.Line, Account: o.Account, Vendor: o.Vendor, Product: o.Product,
		OpenedBy: account.UserID(by.User), Item: in.Item, Ground: in.Ground, AskedRefund: in.Refund, AskedDamages: in.Damages,
		State: ClaimOpened, Exception: NoException, Version: 1, OpenedAt: tx.Now(),
	}
	if c, err = checked(c, o, in); err != nil {
		return Claim{}, err
	}
	if c.Complaint != "" {
		if from, err := mineToo(ctx, tx, by, c.Complaint); err != nil || from.Order != o.ID {
			return Claim{}, ErrInvalid.In("complaint")
		}
	}
	orders := []order.Order{o}
	for _, id := range in.Renewals {
		if id == o.ID || slices.ContainsFunc(orders, func(known order.Order) bool { return known.ID == id }) {
			continue
		}
		one, err := order.Get(ctx, tx, by, id)
		if err != nil {
			return Claim{}, err
		}
		orders = append(orders, one)
	}
	if c.Cap, err = chain(o, orders); err != nil {
		return Claim{}, err
	}
	if c, err = lawful(ctx, tx, c, o); err != nil {
		return Claim{}, err
	}
	if c.ReplyDue, _, err = dueAfter(ctx, tx, "claim_vendor_reply"); err != nil {
		return Claim{}, err
	}
	if err := screened(ctx, tx, by, User, string(c.ID), content.Text{Field: "loss", Text: c.Loss}); err != nil {
		return Claim{}, err
	}
	loss, err := tx.Keys().Seal(c.Loss, sealedAt("claim.loss", string(c.ID)))
	if err != nil {
		return Claim{}, err
	}
	n, err := tx.Exec(ctx, insertClaim, string(c.ID), string(c.Complaint), string(c.Order), string(c.Line), string(c.Account), string(c.Vendor),
		string(c.Product), string(c.OpenedBy), c.Item, string(c.Ground), loss, string(c.Cap.Currency), c.AskedRefund.Minor, c.AskedDamages.Minor,
		c.Cap.Minor, c.CapIncludesRefund, c.Statutory.Minor, c.Rulebook, db.Micros(c.ReplyDue), db.Micros(c.OpenedAt))
	if err != nil {
		return Claim{}, err
	}
	if n == 0 {
		return Claim{}, ErrClaimed
	}
	for _, one := range orders {
		if _, err := tx.Exec(ctx, insertClaimOrder, string(c.ID), string(one.ID)); err != nil {
			return Claim{}, err
		}
	}
	if err := noteClaim(ctx, tx, by, c, "", evOpen, User, saidClaim{refund: c.AskedRefund, damages: c.AskedDamages}); err != nil {
		return Claim{}, err
	}
	if err := job.Enqueue(ctx, tx, job.Spec{Kind: silentJob, Object: string(c.ID), At: c.ReplyDue.Add(time.Second), Unique: true}); err != nil {
		return Claim{}, err
	}
	return c, tellClaim(ctx, tx, c, evOpen, c.AskedRefund, c.AskedDamages, NoException, "")
}

func mineToo(ctx context.Context, r db.Reader, by audit.Actor, id ID) (Complaint, error) {
	c, err := read(ctx, r, id)
	if err != nil {
		return Complaint{}, err
	}
	side, err := sideIn(ctx, r, by, c)
	if err == nil && side != User {
		err = ErrForbidden
	}
	return c, err
}

func checked(c Claim, o order.Order, in Plea) (_ Claim, err error) {
	items, err := Items(o)
	if err != nil {
		return c, err
	}
	currency := o.Fee.Paid.Currency
	var faults fault.List
	switch {
	case !slices.ContainsFunc(items, func(i Item) bool { return i.Key == c.Item }):
		faults = append(faults, ErrInvalid.In("item"))
	case !slices.Contains(Grounds, c.Ground):
		faults = append(faults, ErrInvalid.In("ground"))
	}
	if in.Refund.Minor < 0 || in.Refund.Minor > o.Fee.Paid.Minor || in.Refund.Currency != currency {
		faults = append(faults, ErrInvalid.In("refund"))
	}
	if in.Damages.Minor < 0 || in.Damages.Currency != currency || in.Damages.Minor == 0 && in.Refund.Minor == 0 {
		faults = append(faults, ErrInvalid.In("damages"))
	}
	if c.Loss, err = words(in.Loss, "loss", true); err != nil {
		faults = append(faults, fault.All(err)...)
	}
	return c, faults.Err()
}

// lawful adds what the law in force and the rulebook say of a claim.
func lawful(ctx context.Context, r db.Reader, c Claim, o order.Order) (Claim, error) {
	law, err := agreement.LawInForce(ctx, r)
	if err != nil {
		return c, err
	}
	multiple, err := agreement.Setting[multipleRule](ctx, r, "claim_fraud_multiple")
	if err != nil {
		return c, err
	}
	inside, book, err := agreement.Cited[struct {
		Enabled bool `json:"enabled"`
	}](ctx, r, "cap_includes_refund")
	if err != nil {
		return c, err
	}
	buyer, err := account.Get(ctx, r, o.Account)
	c.CapIncludesRefund, c.Rulebook = inside.Enabled, book
	c.Statutory = statutory(o.Fee.Paid, buyer.Consumer && !o.Business, c.Ground, law, multiple)
	return c, err
}

// saidClaim is what an actor adds to a step of a claim.
type saidClaim struct {
	note, clause    string
	refund, damages money.Amount
}

// stepClaim is the only change of a claim's state.
func stepClaim(ctx context.Context, tx *db.Tx, by audit.Actor, c *Claim, e Event, side Side, s saidClaim) error {
	from := c.State
	to, err := next(claimMachine, from, e, side)
	if err != nil {
		return err
	}
	c.State = to
	if to == ClaimClosed {
		c.ClosedAt = tx.Now()
	}
	n, err := tx.Exec(ctx, moveClaim, string(c.State), string(c.Exception), c.Basis, c.SettledRefund.Minor, c.SettledDamages.Minor, db.Micros(c.SettledAt),
		string(c.Payment), c.Court, c.CourtCase, db.Micros(c.ClosedAt), string(c.ID), c.Version, string(from))
	if err != nil {
		return err
	}
	if n == 0 {
		return ErrStale
	}
	c.Version++
	return noteClaim(ctx, tx, by, *c, from, e, side, s)
}

func noteClaim(ctx context.Context, tx *db.Tx, by audit.Actor, c Claim, from ClaimState, e Event, side Side, s saidClaim) error {
	if s.clause == "" {
		s.clause = "UA 4.10"
	}
	if err := screened(ctx, tx, by, side, string(c.ID), content.Text{Field: "text", Text: s.note}); err != nil {
		return err
	}
	sealed, err := tx.Keys().Seal(s.note, sealedAt("claim_step.note", string(c.ID)))
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, insertClaimStep, string(c.ID), c.Version, string(from), string(e), string(c.State), string(side), by.User,
		s.refund.Minor, s.damages.Minor, s.clause, sealed, db.Micros(tx.Now())); err != nil {
		return err
	}
	return audit.Record(ctx, tx, by, audit.Entry{
		Act: "claim." + string(e), Subjects: []string{string(c.ID), string(c.Order), string(c.Vendor), string(c.Complaint)}, Clauses: []string{s.clause},
		Data: map[string]any{
			"from": from, "to": c.State, "side": side, "refund": s.refund, "damages": s.damages, "cap": c.Cap, "exception": c.Exception, "basis": c.Basis,
			"item": c.Item, "rulebook": c.Rulebook,
		},
	})
}

// tellClaim tells both sides where a claim stands, with amounts, ceiling and
// exception.
func tellClaim(ctx context.Context, tx *db.Tx, c Claim, e Event, refund, damages money.Amount, x Exception, basis string) error {
	params := map[string]string{
		"Claim": string(c.ID), "Order": string(c.Order), "Happened": string(e), "Refund": refund.Format("zh"), "Damages": damages.Format("zh"),
		"Cap": c.Cap.Format("zh"), "Exception": string(x), "Basis": basis,
	}
	if err := tell(ctx, tx, "N-46", c.Account, "/claims/"+string(c.ID), params); err != nil {
		return err
	}
	return tellVendor(ctx, tx, c.Vendor, "N-46", "/vendor/claims/"+string(c.ID), params)
}

// claimParty is a claim and the side on which the actor stands, if it is still the
// one that was shown.
func claimParty(ctx context.Context, r db.Reader, by audit.Actor, id ClaimID, seen int64) (Claim, Side, error) {
	c, err := readClaim(ctx, r, id)
	if err != nil {
		return Claim{}, "", err
	}
	side, err := sideOf(ctx, r, by, c.Account, c.Vendor)
	if err != nil {
		return Claim{}, "", err
	}
	return c, side, current(c.Version, seen)
}

// Reply is the vendor's statement on a claim.
func (u Rules) Reply(ctx context.Context, tx *db.Tx, by audit.Actor, id ClaimID, seen int64, text string) (_ Claim, err error) {
	defer fault.Wrap(&err, "complaint.Reply(%s)", id)
	c, side, err := claimParty(ctx, tx, by, id, seen)
	if err != nil {
		return Claim{}, err
	}
	if text, err = words(text, "text", true); err != nil {
		return Claim{}, err
	}
	if err := stepClaim(ctx, tx, by, &c, evReply, side, saidClaim{note: text}); err != nil {
		return Claim{}, err
	}
	return c, tellClaim(ctx, tx, c, evReply, c.AskedRefund, c.AskedDamages, NoException, "")
}

// Terms are what an offer settles a claim for.
type Terms struct {
	Refund    money.Amount
	Damages   money.Amount
	Exception Exception
	Basis     string // article of law, or id of a document in the claim
	Note      string
}

// Offer puts terms before the other side, and the operator's before both. It
// replaces the offer that stood. Damages above the ceiling are refused unless law
// or an agreement is named.
func (u Rules) Offer(ctx context.Context, tx *db.Tx, by audit.Actor, id ClaimID, seen int64, in Terms) (_ Claim, err error) {
	defer fault.Wrap(&err, "complaint.Offer(%s)", id)
	c, side, err := claimParty(ctx, tx, by, id, seen)
	if err != nil {
		return Claim{}, err
	}
	e := evOffer
	if side == Operator {
		e = evPropose
		if err := NoWarranty(in.Note); err != nil {
			return Claim{}, err
		}
	}
	if in.Note, err = words(in.Note, "note", side == Operator); err != nil {
		return Claim{}, err
	}
	in.Basis = strings.TrimSpace(in.Basis)
	if _, err := payable(ctx, tx, c, in); err != nil {
		return Claim{}, err
	}
	if _, err := tx.Exec(ctx, replaceOffer, string(c.ID)); err != nil {
		return Claim{}, err
	}
	if _, err := tx.Exec(ctx, insertOffer, string(c.ID), tx.ID("cof"), string(side), in.Refund.Minor, in.Damages.Minor, string(in.Exception), in.Basis,
		side == User, side == Vendor, by.User, db.Micros(tx.Now())); err != nil {
		return Claim{}, err
	}
	if err := stepClaim(ctx, tx, by, &c, e, side, saidClaim{note: in.Note, refund: in.Refund, damages: in.Damages}); err != nil {
		return Claim{}, err
	}
	return c, tellClaim(ctx, tx, c, e, in.Refund, in.Damages, in.Exception, in.Basis)
}

// payable refuses terms that the money rules do not allow: more back than is left of
// the price, damages above the ceiling without an exception. It returns what the
// book keeps of the exception.
func payable(ctx context.Context, r db.Reader, c Claim, in Terms) (string, error) {
	line, err := ledger.LineOf(ctx, r, string(c.Line))
	if err != nil {
		return "", err
	}
	switch {
	case in.Refund.Currency != c.Cap.Currency || in.Refund.Minor < 0 || in.Refund.Minor > line.Refundable().Minor:
		return "", ErrInvalid.In("refund")
	case in.Damages.Currency != c.Cap.Currency || in.Damages.Minor < 0 || in.Damages.Minor == 0 && in.Refund.Minor == 0:
		return "", ErrInvalid.In("damages")
	}
	law, err := agreement.LawInForce(ctx, r)
	if err != nil {
		return "", err
	}
	documents, err := db.All(ctx, r, scanEvidence(r, string(c.ID)), selectEvidence, string(c.ID))
	if err != nil {
		return "", err
	}
	ids := make([]string, len(documents))
	for i, d := range documents {
		ids[i] = d.ID
	}
	exception, err := excepted(in.Exception, in.Basis, law, ids)
	if err != nil || exception != "" {
		return exception, err
	}
	line.Cap.Minor = max(line.Cap.Minor, c.Cap.Minor)
	line.Returned.Minor += in.Refund.Minor // counts only where the rulebook says so
	return "", ledger.MayCompensate(line, in.Damages, c.CapIncludesRefund)
}

// Agree accepts the offer that stands. Once both parties have agreed the claim is
// settled: the damages are booked at the vendor's expense and owed to the customer,
// and the price goes back as soon as its invoice has.
func (u Rules) Agree(ctx context.Context, tx *db.Tx, by audit.Actor, id ClaimID, seen int64, offer string) (_ Claim, err error) {
	defer fault.Wrap(&err, "complaint.Agree(%s)", id)
	c, side, err := claimParty(ctx, tx, by, id, seen)
	if err != nil {
		return Claim{}, err
	}
	offers, err := db.All(ctx, tx, scanOffer(c), selectOffers, string(c.ID))
	if err != nil {
		return Claim{}, err
	}
	i := slices.IndexFunc(offers, func(o Offer) bool { return o.ID == offer })
	if i < 0 || offers[i].State != OfferOpen {
		return Claim{}, ErrStale
	}
	o := offers[i]
	if !o.waitsFor(side) {
		return Claim{}, ErrState.With("State", c.State)
	}
	o.UserAgrees, o.VendorAgrees = o.UserAgrees || side == User, o.VendorAgrees || side == Vendor
	if o.UserAgrees && o.VendorAgrees {
		o.State = OfferAccepted
	}
	n, err := tx.Exec(ctx, agreeOffer, o.UserAgrees, o.VendorAgrees, string(o.State), o.ID)
	if err != nil {
		return Claim{}, err
	}
	if n == 0 {
		return Claim{}, ErrStale
	}
	if o.State != OfferAccepted {
		err := stepClaim(ctx, tx, by, &c, evAgree, side, saidClaim{refund: o.Refund, damages: o.Damages})
		return c, err
	}
	return u.settle(ctx, tx, by, c, side, o)
}

// settle books what both parties agreed to.
func (u Rules) settle(ctx context.Context, tx *db.Tx, by audit.Actor, c Claim, side Side, o Offer) (Claim, error) {
	exception, err := payable(ctx, tx, c, Terms{Refund: o.Refund, Damages: o.Damages, Exception: o.Exception, Basis: o.Basis})
	if err != nil {
		return Claim{}, err
	}
	c.Exception, c.Basis, c.SettledRefund, c.SettledDamages, c.SettledAt = o.Exception, o.Basis, o.Refund, o.Damages, tx.Now()
	if err := stepClaim(ctx, tx, by, &c, evSettle, side, saidClaim{refund: o.Refund, damages: o.Damages}); err != nil {
		return Claim{}, err
	}
	if o.Damages.Minor > 0 {
		if err := ledger.WidenCap(ctx, tx, string(c.Line), c.Cap); err != nil {
			return Claim{}, err
		}
		if _, err := ledger.Compensate(ctx, tx, ledger.Damages{
			Case: string(c.ID), Line: string(c.Line), Amount: o.Damages, Exception: exception, IncludesRefund: c.CapIncludesRefund, At: tx.Now(),
		}); err != nil {
			return Claim{}, err
		}
		if _, err := ledger.Compensated(ctx, tx, string(c.ID), string(c.Line), string(c.Account), o.Damages, tx.Now()); err != nil {
			return Claim{}, err
		}
	}
	if o.Refund.Minor > 0 {
		if err := job.Enqueue(ctx, tx, job.Spec{Kind: paybackJob, Object: string(c.ID), Unique: true}); err != nil {
			return Claim{}, err
		}
	}
	return c, tellClaim(ctx, tx, c, evSettle, o.Refund, o.Damages, o.Exception, o.Basis)
}

// payback sends the price of a settled claim back, once nothing has to come before
// it; clear is false while something has.
func (u Rules) payback(ctx context.Context, tx *db.Tx, by audit.Actor, c Claim) (clear bool, err error) {
	if c.State != ClaimSettled && c.State != ClaimClosed || c.Payment != "" || c.SettledRefund.Minor <= 0 {
		return true, nil
	}
	o, err := order.Any(ctx, tx, c.Order)
	if err != nil {
		return false, err
	}
	line, err := ledger.LineOf(ctx, tx, string(c.Line))
	if err != nil {
		return false, err
	}
	back := c.SettledRefund
	back.Minor = min(back.Minor, line.Refundable().Minor) // what went back by another way meanwhile has gone back
	if back.Minor <= 0 {
		return true, nil
	}
	ends := back == line.Refundable()
	if u.RedLetter != nil {
		total := back
		total.Minor += line.Returned.Minor
		if clear, err = u.RedLetter(ctx, tx, by, o, total, ends); err != nil || !clear {
			return false, err
		}
	}
	refund, err := order.GiveBack(ctx, tx, by, order.Back{
		Order: o, Amount: back, Key: "claim:" + string(c.ID), Reason: "claim_settled", Ends: ends, About: string(c.ID),
	})
	if err != nil {
		return false, err
	}
	c.Payment = refund.ID
	if c.State == ClaimClosed {
		return true, nil
	}
	return true, stepClaim(ctx, tx, by, &c, evPaidBack, System, saidClaim{refund: back, damages: money.Zero(back.Currency)})
}

// Sue notes that a party went to court with a claim: which, and under which number.
func (u Rules) Sue(ctx context.Context, tx *db.Tx, by audit.Actor, id ClaimID, seen int64, court, number string) (_ Claim, err error) {
	defer fault.Wrap(&err, "complaint.Sue(%s)", id)
	c, side, err := claimParty(ctx, tx, by, id, seen)
	if err != nil {
		return Claim{}, err
	}
	if c.Court, c.CourtCase, err = inCourt(court, number); err != nil {
		return Claim{}, err
	}
	if _, err := tx.Exec(ctx, replaceOffer, string(c.ID)); err != nil {
		return Claim{}, err
	}
	if err := stepClaim(ctx, tx, by, &c, evCourt, side, saidClaim{note: c.Court + " · " + c.CourtCase, clause: "UA 9.5"}); err != nil {
		return Claim{}, err
	}
	return c, tellClaim(ctx, tx, c, evCourt, c.AskedRefund, c.AskedDamages, NoException, "")
}

// End ends a claim by its claimant: taken back, or all of it received.
func (u Rules) End(ctx context.Context, tx *db.Tx, by audit.Actor, id ClaimID, seen int64, text string) (_ Claim, err error) {
	defer fault.Wrap(&err, "complaint.End(%s)", id)
	c, side, err := claimParty(ctx, tx, by, id, seen)
	if err != nil {
		return Claim{}, err
	}
	if text, err = words(text, "text", false); err != nil {
		return Claim{}, err
	}
	if _, err := tx.Exec(ctx, replaceOffer, string(c.ID)); err != nil {
		return Claim{}, err
	}
	if err := stepClaim(ctx, tx, by, &c, evEnd, side, saidClaim{note: text}); err != nil {
		return Claim{}, err
	}
	return c, tellClaim(ctx, tx, c, evEnd, c.SettledRefund, c.SettledDamages, c.Exception, c.Basis)
}

// Talked notes a dated contact of the parties about a claim.
func (u Rules) Talked(ctx context.Context, tx *db.Tx, by audit.Actor, id ClaimID, in Contact) (_ Contact, err error) {
	defer fault.Wrap(&err, "complaint.Talked(%s)", id)
	c, err := readClaim(ctx, tx, id)
	if err != nil {
		return Contact{}, err
	}
	side, err := sideOf(ctx, tx, by, c.Account, c.Vendor)
	if err != nil {
		return Contact{}, err
	}
	if side == Operator {
		return Contact{}, ErrForbidden
	}
	if c.State == ClaimClosed {
		return Contact{}, ErrState.With("State", c.State)
	}
	if in, err = keepContact(ctx, tx, by, string(c.ID), side, in); err != nil {
		return Contact{}, err
	}
	return in, audit.Record(ctx, tx, by, audit.Entry{
		Act: "claim.contacted", Subjects: []string{string(c.ID), string(c.Order), in.ID}, Clauses: []string{"UA 9.5"},
		Data: map[string]any{"side": side, "channel": in.Channel, "held_on": in.HeldOn},
	})
}

// ClaimOf is a claim with all that happened to it, to its parties and the staff. The
// parties are not told which person of another side acted.
func ClaimOf(ctx context.Context, r db.Reader, by audit.Actor, id ClaimID) (ClaimRecord, error) {
	c, err := readClaim(ctx, r, id)
	if err != nil {
		return ClaimRecord{}, err
	}
	side, err := sideOf(ctx, r, by, c.Account, c.Vendor)
	if err != nil {
		return ClaimRecord{}, err
	}
	out, err := claimRecord(ctx, r, c)
	if err != nil {
		return ClaimRecord{}, err
	}
	if side == Vendor {
		out.Claim.Account, out.Claim.OpenedBy, out.Claim.Loss = "", "", withoutNumbers(c.Loss)
		for i := range out.Steps {
			out.Steps[i].Note = withoutNumbers(out.Steps[i].Note)
		}
	}
	for i := range out.Steps {
		if side != Operator && out.Steps[i].Side != side {
			out.Steps[i].Actor = ""
		}
	}
	return out, nil
}

func claimRecord(ctx context.Context, r db.Reader, c Claim) (out ClaimRecord, err error) {
	id := string(c.ID)
	out.Claim = c
	o, err := order.Any(ctx, r, c.Order)
	if err != nil {
		return out, err
	}
	items, err := Items(o)
	if err != nil {
		return out, err
	}
	if i := slices.IndexFunc(items, func(one Item) bool { return one.Key == c.Item }); i >= 0 {
		out.Promise = items[i].Text
	}
	if out.Orders, err = db.All(ctx, r, db.Column[order.ID], selectClaimOrder, id); err != nil {
		return out, err
	}
	if out.Steps, err = db.All(ctx, r, scanClaimStep(r, c), selectClaimSteps, id); err != nil {
		return out, err
	}
	if out.Offers, err = db.All(ctx, r, scanOffer(c), selectOffers, id); err != nil {
		return out, err
	}
	if out.Contacts, err = db.All(ctx, r, scanContact(r, id), selectContacts, id); err != nil {
		return out, err
	}
	out.Evidence, err = db.All(ctx, r, scanEvidence(r, id), selectEvidence, id)
	return out, err
}

// ClaimsOf lists the claims about an order, oldest first. The caller has seen to it
// that the actor may see the order.
func ClaimsOf(ctx context.Context, r db.Reader, id order.ID) ([]Claim, error) {
	return db.All(ctx, r, scanClaim(r), selectClaimsOf, string(id))
}

// MyClaims lists the newest claims of the actor's account.
func MyClaims(ctx context.Context, r db.Reader, by audit.Actor, n int) ([]Claim, error) {
	return db.All(ctx, r, scanClaim(r), selectMyClaims, by.Account, n)
}

// ClaimsOfVendor lists the newest claims against a vendor, without the accounts.
func ClaimsOfVendor(ctx context.Context, r db.Reader, v vendor.ID, n int) ([]Claim, error) {
	all, err := db.All(ctx, r, scanClaim(r), selectVendorClaims, string(v), n)
	for i := range all {
		all[i].Account, all[i].OpenedBy, all[i].Loss = "", "", withoutNumbers(all[i].Loss)
	}
	return all, err
}

// OpenClaims lists the claims that are not settled, oldest first, for the desk.
func OpenClaims(ctx context.Context, r db.Reader, n int) ([]Claim, error) {
	return db.All(ctx, r, scanClaim(r), selectOpenClaims, n)
}

// AllClaims lists every claim, newest first, before the cursor, for the desk.
func AllClaims(ctx context.Context, r db.Reader, before ClaimID, n int) ([]Claim, error) {
	return db.All(ctx, r, scanClaim(r), selectClaims, cursor(string(before)), n)
}

// MayClaim says what a claim would be about: the items, the purchases and the
// ceiling of them all.
type MayClaim struct {
	Items  []Item
	Chain  []order.Order
	Cap    money.Amount // of the order alone
	Refund money.Amount // still there to be given back
}

// MayClaimOf is what a form for a claim shows.
func MayClaimOf(ctx context.Context, r db.Reader, o order.Order) (m MayClaim, err error) {
	if m.Items, err = Items(o); err != nil {
		return m, err
	}
	if m.Chain, err = Chain(ctx, r, o); err != nil {
		return m, err
	}
	line, err := ledger.LineOf(ctx, r, string(o.Line))
	if err != nil {
		return m, fmt.Errorf("complaint: line of %s: %w", o.ID, err)
	}
	m.Cap, m.Refund = o.Fee.Paid, line.Refundable()
	return m, nil
}
