package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
	"time"

	"yunshi/client"
	"yunshi/internal/app"
	"yunshi/internal/base/text"
	"yunshi/internal/base/tlog"
)

// story is one telling: what it has met so far.
type story struct {
	ctx  context.Context
	o    Options
	d    *Demo
	step int

	buyer, staff, super, stranger *client.Client
	account                       string
	slug                          string
	quote                         client.Quote
	order                         client.Order
	right                         client.Entitlement
}

// ErrStory means that the market did something else than it promises.
var ErrStory = errors.New("demo: the story went wrong")

// Story walks through a whole purchase over HTTP, the refusals on the way and
// the attacks that must not work, prints each step with its ids, and ends with
// everything verified.
func Story(ctx context.Context, o Options) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	d, err := Start(ctx, o)
	if err != nil {
		return err
	}
	s := &story{ctx: ctx, o: o, d: d}
	err = s.tell()
	return errors.Join(err, d.Stop())
}

func (s *story) tell() error {
	for _, chapter := range []func() error{
		s.registers, s.agrees, s.provesWhoTheyAre, s.finds, s.buys, s.pays, s.uses, s.isProtected, s.isProved, s.isVerified,
	} {
		if err := chapter(); err != nil {
			return err
		}
	}
	return nil
}

// say prints one step.
func (s *story) say(key string, kv ...any) {
	s.step++
	fmt.Fprintf(s.o.Out, "%2d. %s\n", s.step, text.In(s.o.Lang, "demo.story."+key, kv...))
}

// refused checks that a call was refused with a code, and says so.
func (s *story) refused(err error, code, key string) error {
	var p *client.Problem
	if !errors.As(err, &p) || p.Code != code {
		return fmt.Errorf("%w: wanted the refusal %s, got %v", ErrStory, code, err)
	}
	s.say(key, "Code", p.Code, "Clause", p.Clause)
	return nil
}

func (s *story) registers() error {
	visitor := client.New(s.d.App.URL(), "")
	const email, password = "story@example.com", "an umbrella for two 88"
	in, err := visitor.Register(s.ctx, client.Registration{
		Name: "Story Buyer", UserName: "Story Buyer", Email: email, Password: password, SubjectType: "individual", Locale: string(s.o.Lang),
	})
	if err != nil {
		return err
	}
	s.account = in.Account
	s.say("registered", "Account", in.Account, "User", in.User)
	if s.buyer, err = visitor.SignIn(s.ctx, email, password, "story"); err != nil {
		return err
	}
	_, people, err := read()
	if err != nil {
		return err
	}
	for _, u := range people.Operator.Users {
		to := map[string]**client.Client{"compliance": &s.staff, "superadmin": &s.super}[u.Roles[0]]
		if to == nil || *to != nil {
			continue
		}
		if *to, err = visitor.SignIn(s.ctx, u.Email, u.Password, "story"); err != nil {
			return err
		}
	}
	other := people.Customers[0].Users[0]
	s.stranger, err = visitor.SignIn(s.ctx, other.Email, other.Password, "story")
	return err
}

// purchase is what the buyer asks for.
func (s *story) purchase() client.Purchase {
	return client.Purchase{
		Plan: s.quote.Plan, Quantity: 1, For: s.account, TermsSHA256: s.quote.TermsSHA256, Total: s.quote.Fee.Paid,
		Gateway: "sandbox", AcceptTerms: true,
	}
}

func (s *story) look(slug string) error {
	listing, err := s.buyer.Listing(s.ctx, slug)
	if err != nil {
		return err
	}
	plan := slices.IndexFunc(listing.Plans, func(o client.Offer) bool { return o.Price.Minor > 0 })
	if plan < 0 {
		return fmt.Errorf("%w: %s has no paid plan", ErrStory, slug)
	}
	s.slug = slug
	s.quote, err = s.buyer.Quote(s.ctx, listing.Plans[plan].Plan, 1)
	return err
}

// storyProduct is delivered by the sample vendor within seconds.
const storyProduct = "qingchuan-collab"

func (s *story) agrees() error {
	if err := s.look(storyProduct); err != nil {
		return err
	}
	_, _, err := s.buyer.PlaceOrder(s.ctx, client.NewKey(), s.purchase())
	if err := s.refused(err, "AGREEMENT_NOT_ACCEPTED", "refused_agreement"); err != nil {
		return err
	}
	bundle, err := s.buyer.Agreement(s.ctx)
	if err != nil {
		return err
	}
	shown := client.Displayed{Bundle: bundle.Bundle, Locale: string(s.o.Lang)}
	if err := s.buyer.DisplayAgreement(s.ctx, shown); err != nil {
		return err
	}
	accepted, err := s.buyer.AcceptAgreement(s.ctx, shown)
	if err != nil {
		return err
	}
	s.say("accepted", "ID", accepted.ID, "Bundle", bundle.Number)
	return nil
}

func (s *story) provesWhoTheyAre() error {
	_, _, err := s.buyer.PlaceOrder(s.ctx, client.NewKey(), s.purchase())
	if err := s.refused(err, "REALNAME_REQUIRED", "refused_identity"); err != nil {
		return err
	}
	applied, err := s.buyer.ApplyIdentity(s.ctx, client.IdentityApplication{
		SubjectType: "individual", Name: "Story Buyer", IDKind: "resident_id", Number: "110101190001010014", Mobile: "13800138000",
		Email: "story@example.com", BankAccount: cardNumber, Consent: true,
	})
	if err != nil {
		return err
	}
	if _, err := s.staff.DecideIdentity(s.ctx, applied.ID, client.Decision{Approve: true, Reason: "documents seen"}); err != nil {
		return err
	}
	s.say("verified", "ID", applied.ID)
	return nil
}

func (s *story) finds() error {
	for _, ask := range []client.Search{{Text: "协同", Lang: "zh"}, {Text: "collaboration", Lang: "en"}} {
		hits, err := s.buyer.Search(s.ctx, ask)
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(hits.Items, func(h client.Hit) bool { return h.Slug == storyProduct }) {
			return fmt.Errorf("%w: %q does not find %s", ErrStory, ask.Text, storyProduct)
		}
		s.say("found", "Text", ask.Text, "Slug", storyProduct, "Total", hits.Total)
	}
	return s.look(storyProduct)
}

func (s *story) buys() error {
	cheap := s.purchase()
	cheap.Total.Minor = 1
	_, _, err := s.buyer.PlaceOrder(s.ctx, client.NewKey(), cheap)
	if err := s.refused(err, "PRICE_INVARIANT", "refused_price"); err != nil {
		return err
	}
	key := client.NewKey()
	var replayed bool
	if s.order, _, err = s.buyer.PlaceOrder(s.ctx, key, s.purchase()); err != nil {
		return err
	}
	s.say("placed", "Order", s.order.ID, "Seller", s.quote.Seller.RegisteredName, "Amount", amount(s.order.Fee.Paid, s.o.Lang), "Terms", s.order.TermsSHA256[:16])
	again, replayed, err := s.buyer.PlaceOrder(s.ctx, key, s.purchase())
	if err != nil || !replayed || again.ID != s.order.ID {
		return fmt.Errorf("%w: the same key made another order: %v", ErrStory, err)
	}
	s.say("replayed", "Order", again.ID)
	return nil
}

// until asks for the order until it is as wished.
func (s *story) until(wish func(client.Order) bool) error {
	for {
		var err error
		if s.order, err = s.buyer.Order(s.ctx, s.order.ID); err != nil {
			return err
		}
		if wish(s.order) {
			return nil
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-s.ctx.Done():
			return fmt.Errorf("%w: order %s stays %s: %w", ErrStory, s.order.ID, s.order.State, s.ctx.Err())
		}
	}
}

func (s *story) pays() error {
	if err := s.until(func(o client.Order) bool { return o.Attempt != nil && o.Attempt.PayURL != "" }); err != nil {
		return err
	}
	s.say("pay_page", "URL", s.order.Attempt.PayURL, "Attempt", s.order.Attempt.ID)
	forged, err := http.NewRequestWithContext(s.ctx, http.MethodPost, s.d.App.URL()+"/gateway/sandbox",
		strings.NewReader(`{"id":"evt_forged","type":"payment.captured","reference":"`+s.order.Attempt.ID+`"}`))
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(forged)
	if err != nil {
		return err
	}
	answer.Body.Close()
	if answer.StatusCode < 400 {
		return fmt.Errorf("%w: a forged notice was taken with %s", ErrStory, answer.Status)
	}
	s.say("refused_notice", "Status", answer.StatusCode)
	if err := submit(s.ctx, http.DefaultClient, s.order.Attempt.PayURL, url.Values{"choice": {"pay"}}, ""); err != nil {
		return err
	}
	if err := s.until(func(o client.Order) bool { return o.State == "delivered" }); err != nil {
		return err
	}
	rights, err := s.buyer.Entitlements(s.ctx)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(rights.Items, func(e client.Entitlement) bool { return e.Order == s.order.ID })
	if i < 0 {
		return fmt.Errorf("%w: order %s was paid and gave no right", ErrStory, s.order.ID)
	}
	s.right = rights.Items[i]
	receipt, err := s.buyer.Receipt(s.ctx, s.order.ID)
	if err != nil {
		return err
	}
	s.say("paid", "Capture", receipt.CaptureID, "Payee", receipt.Payee.RegisteredName, "Collector", receipt.Collector)
	s.say("granted", "Right", s.right.ID, "Account", s.right.Account)
	return nil
}

// uses opens the delivered product with the delivered key and writes into it.
func (s *story) uses() error {
	deliveries, err := s.buyer.OrderDeliveries(s.ctx, s.order.ID)
	if err != nil {
		return err
	}
	if len(deliveries.Items) != 1 {
		return fmt.Errorf("%w: %d deliveries", ErrStory, len(deliveries.Items))
	}
	delivered := deliveries.Items[0]
	secrets, err := s.buyer.Reveal(s.ctx, delivered.ID)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(secrets, func(c client.Credential) bool { return c.Name == "access_key" })
	if i < 0 {
		return fmt.Errorf("%w: no access key was delivered", ErrStory)
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		return err
	}
	browser := &http.Client{Jar: jar, Timeout: 10 * time.Second}
	if err := submit(s.ctx, browser, delivered.Website+"/enter", url.Values{"key": {secrets[i].Value}}, ""); err != nil {
		return err
	}
	s.say("used", "Delivery", delivered.ID, "Website", delivered.Website)
	return nil
}

// submit posts a form and wants a page back that holds a text.
func submit(ctx context.Context, browser *http.Client, address string, form url.Values, holds string) error {
	ask, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	ask.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer, err := browser.Do(ask)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, 1<<20))
	if err != nil {
		return err
	}
	if answer.StatusCode >= 400 || !strings.Contains(string(body), holds) {
		return fmt.Errorf("%w: %s answered %s", ErrStory, address, answer.Status)
	}
	return nil
}

// isProtected tries what must not work for anybody.
func (s *story) isProtected() error {
	if err := s.refused(s.super.MarkOrderPaid(s.ctx, s.order.ID), "OFF_PLATFORM_PAYMENT", "refused_mark_paid"); err != nil {
		return err
	}
	for _, who := range []*client.Client{s.super, s.buyer} {
		if err := s.refused(who.MoveEntitlement(s.ctx, s.right.ID, s.account), "ENTITLEMENT_ACCOUNT_BOUND", "refused_move"); err != nil {
			return err
		}
	}
	_, err := s.stranger.Order(s.ctx, s.order.ID)
	return s.refused(err, "NOT_FOUND", "refused_foreign")
}

// isProved checks, with nothing but the published key, that the act is in the
// market's log.
func (s *story) isProved() error {
	acts, err := s.staff.Audit(s.ctx, s.order.ID)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(acts.Items, func(a client.Act) bool { return a.Act == "order.paid" })
	if i < 0 {
		return fmt.Errorf("%w: the payment left no record", ErrStory)
	}
	var proof client.Inclusion
	for range 100 {
		if proof, err = s.staff.Prove(s.ctx, acts.Items[i].ID); err == nil {
			break
		}
		time.Sleep(100 * time.Millisecond) // it has a place within seconds
	}
	if err != nil {
		return err
	}
	key, err := s.buyer.LogKey(s.ctx)
	if err != nil {
		return err
	}
	signed, err := tlog.Open([]byte(proof.Checkpoint), key)
	if err != nil {
		return err
	}
	var path tlog.Proof
	for _, encoded := range proof.Proof {
		hash, err := parseHash(encoded)
		if err != nil {
			return err
		}
		path = append(path, hash)
	}
	if err := tlog.CheckInclusion(path, signed.Size, signed.Root, proof.Position, []byte(proof.Leaf)); err != nil {
		return err
	}
	s.say("proved", "Record", acts.Items[i].ID, "Position", proof.Position, "Size", signed.Size)
	return nil
}

func parseHash(encoded string) (h tlog.Hash, err error) {
	return h, h.UnmarshalJSON([]byte(`"` + encoded + `"`))
}

func (s *story) isVerified() error {
	if err := s.d.App.Settle(s.ctx); err != nil {
		return err
	}
	var lines bytes.Buffer
	clean, err := app.Verify(s.ctx, s.d.App.DB, s.d.App.Verifying, s.o.Lang, &lines)
	if err != nil {
		return err
	}
	s.say("verified_all")
	for line := range strings.Lines(lines.String()) {
		fmt.Fprint(s.o.Out, "      ", line)
	}
	if !clean {
		return fmt.Errorf("%w: the market is not clean", ErrStory)
	}
	return nil
}

func amount(a client.Amount, _ text.Lang) string {
	return fmt.Sprintf("%d.%02d %s", a.Minor/100, a.Minor%100, a.Currency)
}
