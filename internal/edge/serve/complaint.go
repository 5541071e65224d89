package serve

import (
	"context"
	"crypto/rand"
	"strconv"
	"strings"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/db"
	"yunshi/internal/base/money"
	"yunshi/internal/base/text"
	"yunshi/internal/edge/page"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/command"
	"yunshi/internal/market/complaint"
)

// Complained shows a complaint's record on a page at a path.
func (c *Call) Complained(r complaint.Record, path string, failed error) page.Dispute {
	ctx := c.R.Context()
	d := c.dispute(r.Contacts, r.Evidence, path, failed)
	for _, s := range r.Steps {
		d.Events = append(d.Events, page.DisputeEvent(ctx, string(s.Event), string(s.Side), s.To, s.At, s.Due, s.Clause, s.Note))
	}
	d.Version = strconv.FormatInt(r.Complaint.Version, 10)
	d.Speaks, d.Attaches = r.Complaint.Contactable(), r.Complaint.Open()
	return d
}

// Claimed shows a claim's record on a page at a path.
func (c *Call) Claimed(r complaint.ClaimRecord, path string, failed error) page.Dispute {
	ctx := c.R.Context()
	d := c.dispute(r.Contacts, r.Evidence, path, failed)
	for _, s := range r.Steps {
		d.Events = append(d.Events, page.DisputeEvent(ctx, string(s.Event), string(s.Side), s.To, s.At, s.Due, s.Clause, strings.Join(amounts(ctx, s), " · ")))
	}
	d.Version = strconv.FormatInt(r.Claim.Version, 10)
	d.Speaks = r.Claim.State != complaint.ClaimClosed
	d.Attaches = d.Speaks
	return d
}

// amounts are what a step of a claim is about, with what was said.
func amounts(ctx context.Context, s complaint.Step) (out []string) {
	if s.Refund.Minor > 0 {
		out = append(out, text.T(ctx, "claim.offer.refund")+" "+page.MoneyText(ctx, s.Refund))
	}
	if s.Damages.Minor > 0 {
		out = append(out, text.T(ctx, "claim.offer.damages")+" "+page.MoneyText(ctx, s.Damages))
	}
	if s.Note != "" {
		out = append(out, s.Note)
	}
	return out
}

func (c *Call) dispute(contacts []complaint.Contact, files []complaint.Evidence, path string, failed error) page.Dispute {
	ctx := c.R.Context()
	d := page.Dispute{Path: path, Key: c.FormKey(), Today: calendar.On(c.Now()).String(), Errors: page.FieldErrors(ctx, failed), Typed: c.R.PostFormValue}
	for _, one := range contacts {
		d.Contacts = append(d.Contacts, page.Event{
			What: dayOf(ctx, one.HeldOn) + " · " + text.T(ctx, "complaint.channel."+string(one.Channel)), Who: text.T(ctx, "complaint.side."+string(one.Side)), At: one.At,
			Note: one.Text, Tone: page.Info,
		})
	}
	for _, one := range files {
		d.Files = append(d.Files, page.Proof{
			Name: one.Name, Href: path + "/evidence/" + one.ID, Side: text.T(ctx, "complaint.side."+string(one.Side)) + " · " + one.ID, SHA256: one.SHA256,
		})
	}
	return d
}

// dayOf writes a day as the reader's language does.
func dayOf(ctx context.Context, day string) string {
	d, err := calendar.ParseDate(day)
	if err != nil {
		return day
	}
	return text.Date(text.WithZone(ctx, calendar.Shanghai), d.Start())
}

// OfferRows shows the offers of a claim.
func OfferRows(ctx context.Context, all []complaint.Offer) []page.OfferRow {
	out := make([]page.OfferRow, len(all))
	for i, o := range all {
		out[i] = page.OfferRow{Side: string(o.Side), State: string(o.State), At: o.At, Terms: []page.Term{
			{Label: text.T(ctx, "claim.offer.refund"), Value: page.Money(o.Refund)},
			{Label: text.T(ctx, "claim.offer.damages"), Value: page.Money(o.Damages)},
			{Label: text.T(ctx, "claim.offer.exception"), Text: ExceptionText(ctx, o.Exception, o.Basis)},
		}}
		if o.UserAgrees || o.VendorAgrees {
			out[i].Terms = append(out[i].Terms, page.Term{Label: text.T(ctx, "complaint.state"), Text: agreedText(ctx, o)})
		}
	}
	return out
}

// ExceptionText says under which exception damages may pass the ceiling.
func ExceptionText(ctx context.Context, e complaint.Exception, basis string) string {
	said := text.T(ctx, "claim.exception."+string(e))
	if basis == "" {
		return said
	}
	return said + " · " + basis
}

func agreedText(ctx context.Context, o complaint.Offer) string {
	var said []string
	if o.UserAgrees {
		said = append(said, text.T(ctx, "claim.agreed.user"))
	}
	if o.VendorAgrees {
		said = append(said, text.T(ctx, "claim.agreed.vendor"))
	}
	return strings.Join(said, " · ")
}

// OfferOf reads the terms of an offer from its form.
func (c *Call) OfferOf(currency money.Currency) (complaint.Terms, error) {
	form := c.R.PostFormValue
	in := complaint.Terms{Exception: complaint.Exception(form("exception")), Basis: form("basis"), Note: form("note")}
	var err error
	if in.Refund, err = amountOf(form("refund"), currency); err != nil {
		return in, complaint.ErrInvalid.In("refund")
	}
	if in.Damages, err = amountOf(form("damages"), currency); err != nil {
		return in, complaint.ErrInvalid.In("damages")
	}
	return in, nil
}

func amountOf(s string, currency money.Currency) (money.Amount, error) {
	if s = strings.TrimSpace(s); s == "" {
		return money.Zero(currency), nil
	}
	return money.Parse(s, currency)
}

// ClaimTerms is a claim in short.
func ClaimTerms(ctx context.Context, r complaint.ClaimRecord) []page.Term {
	c := r.Claim
	item, _, _ := strings.Cut(c.Item, ".")
	promised := text.T(ctx, "claim.item."+item)
	if !r.Promise.Empty() {
		promised += " · " + r.Promise.In(text.From(ctx))
	}
	out := []page.Term{
		{Label: text.T(ctx, "claim.item"), Text: promised},
		{Label: text.T(ctx, "claim.ground"), Text: text.T(ctx, "claim.ground."+string(c.Ground))},
		{Label: text.T(ctx, "claim.loss"), Text: c.Loss},
		{Label: text.T(ctx, "claim.refund"), Value: page.Money(c.AskedRefund)},
		{Label: text.T(ctx, "claim.damages"), Value: page.Money(c.AskedDamages)},
		{Label: text.T(ctx, "claim.cap"), Value: page.Money(c.Cap)},
	}
	if c.State == complaint.ClaimOpened {
		out = append(out, page.Term{Label: text.T(ctx, "claim.reply_due"), Value: page.Time(c.ReplyDue)})
	}
	if !c.SettledAt.IsZero() {
		out = append(out,
			page.Term{Label: text.T(ctx, "claim.settled") + " · " + text.T(ctx, "claim.offer.refund"), Value: page.Money(c.SettledRefund)},
			page.Term{Label: text.T(ctx, "claim.settled") + " · " + text.T(ctx, "claim.offer.damages"), Value: page.Money(c.SettledDamages)},
			page.Term{Label: text.T(ctx, "claim.offer.exception"), Text: ExceptionText(ctx, c.Exception, c.Basis)})
	}
	if c.Court != "" {
		out = append(out, page.Term{Label: text.T(ctx, "claim.court.name"), Text: c.Court}, page.Term{Label: text.T(ctx, "claim.court.number"), Text: c.CourtCase})
	}
	return out
}

// Forum is where disputes go by the agreement and the law in force.
func (c *Call) Forum(r db.Reader) (page.Forum, error) {
	b, err := agreement.Current(c.R.Context(), r)
	if err != nil {
		return page.Forum{}, err
	}
	law, err := agreement.LawInForce(c.R.Context(), r)
	return page.Forum{Place: b.Agreement.PlaceOfSigning.In(c.Lang), Others: law.OtherForums}, err
}

// FormKey is the key of a form that comes back, or a fresh one: a refused intent
// left no answer under its key, so the same key may be used again.
func (c *Call) FormKey() string {
	if key := c.Key(); key != "" {
		return key
	}
	return rand.Text()
}

// OnClaim does one thing to the claim of the address that was seen at a version.
func (c *Call) OnClaim(name string, in any, do func(ctx context.Context, tx *db.Tx, id complaint.ClaimID, seen int64) error) error {
	ctx, id := c.R.Context(), complaint.ClaimID(c.R.PathValue("id"))
	seen, err := strconv.ParseInt(c.R.PostFormValue("version"), 10, 64)
	if err != nil {
		return ErrBadRequest
	}
	return Act(c, Intent{Name: name, Input: []any{id, seen, in}, Subjects: []string{string(id)}, Clauses: []string{"UA 4.10"}}, func(tx *db.Tx) error {
		return do(ctx, tx, id, seen)
	})
}

// ClaimOffer puts the terms of a form before the other side, or before both.
func (c *Call) ClaimOffer() error {
	in, err := c.OfferOf(money.CNY)
	if err != nil {
		return err
	}
	return c.OnClaim("claim.offer", in, func(ctx context.Context, tx *db.Tx, id complaint.ClaimID, seen int64) error {
		_, err := c.Market.Complaint.Offer(ctx, tx, c.Actor, id, seen, in)
		return err
	})
}

// ClaimAgree accepts the offer that was shown.
func (c *Call) ClaimAgree() error {
	offer := c.R.PostFormValue("offer")
	return c.OnClaim("claim.agree", offer, func(ctx context.Context, tx *db.Tx, id complaint.ClaimID, seen int64) error {
		_, err := c.Market.Complaint.Agree(ctx, tx, c.Actor, id, seen, offer)
		return err
	})
}

// ClaimSue notes that a party went to court.
func (c *Call) ClaimSue() error {
	court, number := c.R.PostFormValue("court"), c.R.PostFormValue("number")
	return c.OnClaim("claim.court", []string{court, number}, func(ctx context.Context, tx *db.Tx, id complaint.ClaimID, seen int64) error {
		_, err := c.Market.Complaint.Sue(ctx, tx, c.Actor, id, seen, court, number)
		return err
	})
}

// ClaimContact notes that the parties spoke about a claim.
func (c *Call) ClaimContact() error {
	form := c.R.PostFormValue
	in := complaint.Contact{Channel: complaint.Channel(form("channel")), HeldOn: form("held_on"), Text: form("text")}
	return c.OnClaim("claim.contact", in, func(ctx context.Context, tx *db.Tx, id complaint.ClaimID, _ int64) error {
		_, err := c.Market.Complaint.Talked(ctx, tx, c.Actor, id, in)
		return err
	})
}

// AttachEvidence adds the file of a form to a complaint or claim.
func (c *Call) AttachEvidence(about string) error {
	u, err := c.Upload("file")
	if err != nil {
		return err
	}
	return Act(c, Intent{Name: "complaint.attach", Input: u.Stored, Subjects: []string{about}, Clauses: []string{"ECL 62"}}, func(tx *db.Tx) error {
		_, err := complaint.Attach(c.R.Context(), tx, c.Actor, about, complaint.Evidence{
			Name: u.Name, MediaType: u.MediaType, Size: u.Stored.Size, SHA256: u.Stored.SHA256, Blob: u.Stored.Key,
		})
		return err
	})
}

// SendEvidence answers with a file of a complaint or claim.
func (c *Call) SendEvidence(about, id string) error {
	var e complaint.Evidence
	if err := c.Read(func(r db.Reader) (err error) {
		e, err = complaint.EvidenceOf(c.R.Context(), r, c.Actor, about, id)
		return err
	}); err != nil {
		return err
	}
	return c.SendFile(e.Blob, e.Name, e.MediaType, e.SHA256, e.Size)
}

// Visitor is the caller, or, of somebody without an account, the nameless one.
func (c *Call) Visitor() audit.Actor {
	if c.SignedIn() {
		return c.Actor
	}
	return audit.Actor{Kind: audit.Person, Locale: string(c.Lang)}
}

// DoAs is [Do] for an actor that the caller stands for, such as a visitor.
func DoAs[T any](c *Call, by audit.Actor, in Intent, do func(tx *db.Tx) (T, error)) (T, error) {
	answer, err := command.Run(c.R.Context(), c.Market.DB, command.Intent{
		By: by, Name: in.Name, Key: c.Key(), Input: in.Input, Subjects: in.Subjects, Clauses: in.Clauses,
	}, do)
	return answer.Value, err
}
