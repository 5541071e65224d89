package privacy

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"time"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/base/text"
	"yunshi/internal/market/account"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/message"
	"yunshi/internal/market/vendor"
)

// Contacting is the purpose of what a customer lets a vendor have at checkout: to
// be reached directly about the product.
const Contacting = "contact"

// The ways to give a consent.
const (
	AtCheckout = "checkout"
	OnDataPage = "data_page"
)

// Giving is a consent that somebody ticked.
type Giving struct {
	Account account.ID // whose data; one that the actor's user acts for
	Vendor  vendor.ID
	Fields  []Field
	Method  string
	Order   string
	Lang    text.Lang // in which the sentence was shown
}

// separators stand between the parts of a list.
var separators = map[text.Lang]string{text.ZH: "、", text.EN: ", "}

// Sentence is what a customer agrees to, in words: the recipient, its contact, the
// purpose, the kinds of data, and for how long.
func Sentence(l text.Lang, to vendor.SellerCard, fields []Field, until time.Time) string {
	names := make([]string, 0, len(fields))
	for _, f := range sorted(fields) {
		names = append(names, text.In(l, "privacy.field."+string(f)))
	}
	return text.In(l, "privacy.consent.sentence", "Vendor", to.RegisteredName, "Contact", to.Contact.Phone+" · "+to.Contact.Email,
		"Fields", strings.Join(names, separators[l]), "Until", calendar.On(until).String())
}

// Until is when a consent that is given now expires.
func Until(ctx context.Context, r db.Reader) (time.Time, error) {
	life, err := agreement.Setting[struct {
		Months int `json:"months"`
	}](ctx, r, "consent_life")
	return calendar.AddMonths(calendar.On(r.Now()), life.Months).Last(), err
}

// Give records a consent of its own: one recipient, its fields and its sentence. An
// earlier one to the same vendor ends with it. It refuses ANNEX_REQUIRED and
// SHARING_STOPPED for a vendor that may not get data.
func Give(ctx context.Context, tx *db.Tx, by audit.Actor, in Giving) (_ Consent, err error) {
	defer fault.Wrap(&err, "privacy.Give(%s)", in.Vendor)
	if err := consentable(in.Fields); err != nil {
		return Consent{}, err
	}
	mine, err := account.Choosable(ctx, tx, by)
	if err != nil {
		return Consent{}, err
	}
	if !slices.ContainsFunc(mine, func(a account.Account) bool { return a.ID == in.Account }) {
		return Consent{}, account.MustOwn(by, in.Account)
	}
	if err := MayReceive(ctx, tx, in.Vendor); err != nil {
		return Consent{}, err
	}
	card, err := vendor.Card(ctx, tx, in.Vendor)
	if err != nil {
		return Consent{}, err
	}
	book, err := agreement.ReadDocument(ctx, tx, Rulebook, 0)
	if err != nil {
		return Consent{}, err
	}
	until, err := Until(ctx, tx)
	if err != nil {
		return Consent{}, err
	}
	earlier, err := GivenTo(ctx, tx, in.Account, in.Vendor)
	if err != nil {
		return Consent{}, err
	}
	if earlier != nil { // replaced, not withdrawn: the vendor keeps what the new one still allows
		if err := moved(tx.Exec(ctx, moveConsent, string(Expired), db.Micros(tx.Now()), string(earlier.ID))); err != nil {
			return Consent{}, err
		}
		if slices.ContainsFunc(earlier.Fields, func(f Field) bool { return !slices.Contains(in.Fields, f) }) {
			if _, err := forward(ctx, tx, by, Request{Account: in.Account, Kind: Stop, Vendor: in.Vendor, Consent: earlier.ID}); err != nil {
				return Consent{}, err
			}
		}
	}
	sum := sha256.Sum256([]byte(Sentence(in.Lang, card, in.Fields, until)))
	c := Consent{
		ID: ConsentID(tx.ID("cns")), Account: in.Account, Vendor: in.Vendor, Purpose: Contacting, Fields: sorted(in.Fields), Method: in.Method,
		Recipient: Recipient{Kind: ToVendor, Vendor: in.Vendor, Name: card.RegisteredName, Contact: card.Contact.Phone + " · " + card.Contact.Email},
		Notice:    book.Number, SHA256: hex.EncodeToString(sum[:]), Order: in.Order, State: Given, GivenBy: account.UserID(by.User), GivenAt: tx.Now(), ExpiresAt: until,
	}
	recipient, err := tx.Keys().SealJSON(c.Recipient, consentAt(c.ID))
	if err != nil {
		return Consent{}, err
	}
	n, err := tx.Exec(ctx, insertConsent, string(c.ID), string(c.Account), string(c.Vendor), c.Purpose, joined(c.Fields), recipient, c.Method, c.Notice, c.SHA256,
		c.Order, string(c.GivenBy), db.Micros(c.GivenAt), db.Micros(c.ExpiresAt))
	if err := moved(n, err); err != nil {
		return Consent{}, err
	}
	return c, audit.Record(ctx, tx, by, audit.Entry{
		Act: "privacy.consent_given", Subjects: []string{string(c.ID), string(c.Account), string(c.Vendor), c.Order}, Clauses: []string{"UA 5.4.1"},
		Data: map[string]any{"fields": c.Fields, "text_sha256": c.SHA256, "notice": c.Notice, "method": c.Method, "expires": db.Micros(c.ExpiresAt)},
	})
}

// Withdraw ends a consent. What has not been sent is not sent any more, and the
// recipient is asked to stop and to delete, with a day to answer by. Consents to
// others stand.
func Withdraw(ctx context.Context, tx *db.Tx, by audit.Actor, id ConsentID) (_ Consent, err error) {
	defer fault.Wrap(&err, "privacy.Withdraw(%s)", id)
	c, err := readConsent(ctx, tx, id)
	if err != nil {
		return Consent{}, err
	}
	mine, err := account.Choosable(ctx, tx, by)
	if err != nil {
		return Consent{}, err
	}
	if !slices.ContainsFunc(mine, func(a account.Account) bool { return a.ID == c.Account }) {
		return Consent{}, account.ErrForeign
	}
	return c, endConsent(ctx, tx, by, &c, Withdrawn)
}

// endConsent is the one place where a consent ends without another one.
func endConsent(ctx context.Context, tx *db.Tx, by audit.Actor, c *Consent, to ConsentState) error {
	if err := moved(tx.Exec(ctx, moveConsent, string(to), db.Micros(tx.Now()), string(c.ID))); err != nil {
		return err
	}
	c.State, c.EndedAt = to, tx.Now()
	if err := audit.Record(ctx, tx, by, audit.Entry{
		Act: "privacy.consent_" + string(to), Subjects: []string{string(c.ID), string(c.Account), string(c.Vendor)}, Clauses: []string{"UA 5.4.1"},
	}); err != nil {
		return err
	}
	_, err := forward(ctx, tx, by, Request{Account: c.Account, Kind: Stop, Vendor: c.Vendor, Consent: c.ID})
	return err
}

// GivenTo returns the consent of an account to a vendor that was given and has not
// ended; nil when there is none.
func GivenTo(ctx context.Context, r db.Reader, a account.ID, v vendor.ID) (*Consent, error) {
	c, err := db.One(ctx, r, scanConsent(r), selectGiven, string(a), string(v))
	if errors.Is(err, db.ErrNoRow) {
		return nil, nil //nolint:nilnil // none is an answer
	}
	if err != nil {
		return nil, err
	}
	return &c, nil
}

// Consents are those of an account, newest first.
func Consents(ctx context.Context, r db.Reader, a account.ID) ([]Consent, error) {
	return db.All(ctx, r, scanConsent(r), selectConsents, string(a))
}

// Receiver is a vendor that gets data by consent, for the public list.
type Receiver struct {
	Vendor vendor.ID
	Name   string
	Fields []Field
	Count  int64 // of consents that hold
}

// Receivers are all vendors to which anybody has consented, with what they get.
func Receivers(ctx context.Context, r db.Reader) ([]Receiver, error) {
	all, err := db.All(ctx, r, func(s db.Scanner) (Receiver, error) {
		var v Receiver
		var fields string
		err := s.Scan(&v.Vendor, &fields, &v.Count)
		v.Fields = split(fields)
		return v, err
	}, selectReceivers)
	for i := range all {
		v, err := vendor.Get(ctx, r, all[i].Vendor)
		if err != nil {
			return nil, err
		}
		all[i].Name = v.RegisteredName
	}
	return all, err
}

// told sends the same notice to somebody.
func told(ctx context.Context, tx *db.Tx, to account.ID, code, link string, params map[string]string) error {
	return message.Send(ctx, tx, message.Notice{Code: code, To: to, Params: params, Link: link})
}
