package privacy

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/base/screen"
	"yunshi/internal/base/seal"
	"yunshi/internal/market/account"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/content"
	"yunshi/internal/market/delivery"
	"yunshi/internal/market/order"
	"yunshi/internal/market/vendor"
)

// ConsentKey is the name under which the id of the consent travels with the fields
// of a delivery.
const ConsentKey = "consent_id"

// Pass is what a delivery call may carry of the customer beside order, pseudonym
// and specification: the fields that the customer's consent to this vendor lets
// out now, with the consent's id, or nothing. It is asked again at each call, so a
// withdrawal stops the next one. It is the Fields of [delivery.Work].
func Pass(ctx context.Context, tx *db.Tx, d delivery.Delivery) (_ map[string]string, err error) {
	defer fault.Wrap(&err, "privacy.Pass(%s)", d.ID)
	if d.Action != delivery.Create && d.Action != delivery.Renew {
		return nil, nil // to isolate and to remove nobody has to be reached
	}
	c, err := GivenTo(ctx, tx, d.Account, d.Vendor)
	if err != nil || c == nil || agreed(c, d.Vendor, c.Fields, tx.Now()) != nil {
		return nil, err
	}
	if err := MayReceive(ctx, tx, d.Vendor); err != nil {
		if f, refused := fault.Of(err); refused && f.Kind == fault.Forbidden {
			return nil, nil // the product is delivered, the data stays here
		}
		return nil, err
	}
	out, err := consented(ctx, tx, *c, "delivery_call", string(d.ID), d.Order)
	if err != nil || len(out) == 0 {
		return nil, err
	}
	fields := map[string]string{ConsentKey: string(c.ID)}
	for f, value := range out {
		fields[string(f)] = value
	}
	return fields, nil
}

// consented gathers what a consent lets out and writes the disclosure down, once
// for each thing it goes out with.
func consented(ctx context.Context, tx *db.Tx, c Consent, channel, source, orderID string) (map[Field]string, error) {
	packet, err := gather(ctx, tx, c.Account, c.Fields, orderID)
	if err != nil || len(packet) == 0 {
		return nil, err
	}
	d := Disclosure{
		Account: c.Account, Basis: ByConsent, Recipient: c.Recipient, Purpose: c.Purpose, Consent: c.ID, Order: orderID, Source: source,
		Fields: fieldsOf(packet), Channel: channel, State: Made, ProposedBy: string(c.GivenBy), MadeAt: tx.Now(), Told: true,
	}
	by := audit.Job("privacy.pass")
	fresh, err := insert(ctx, tx, &d, packet)
	if err != nil || !fresh {
		return packet, err
	}
	return packet, made(ctx, tx, by, d, "UA 5.4.1")
}

// Reach is how a vendor reaches the customer of an order. Without a basis it is the
// relay number alone.
type Reach struct {
	Relay  string
	Basis  string
	Name   string `json:"-"`
	Email  string `json:"-"`
	Mobile string `json:"-"`
}

// Relay is the number under which a vendor reaches an account: its alone, and the
// same for all orders of the two.
func Relay(v vendor.ID, a account.ID, keys *seal.Keys) string {
	return relayNumber(keys.Index("privacy.relay/"+string(v), string(a)))
}

// Reveal gives a vendor the plain contact of its customer on a basis that it names:
// a consent to it or a disclosure to it. Anything else is DISCLOSURE_NO_BASIS.
// Each look is a record, and the first of a day a disclosure that the customer is
// told of.
func Reveal(ctx context.Context, tx *db.Tx, by audit.Actor, v vendor.ID, id order.ID, basis string) (_ Reach, err error) {
	defer fault.Wrap(&err, "privacy.Reveal(%s)", id)
	o, err := order.OfVendor(ctx, tx, v, id)
	if err != nil {
		return Reach{}, err
	}
	out := Reach{Relay: Relay(v, o.Account, tx.Keys()), Basis: basis}
	c, d, err := basisOf(ctx, tx, basis)
	if err != nil {
		return Reach{}, err
	}
	if err := mayRead(v, o.Account, c, d, tx.Now()); err != nil {
		return Reach{}, err
	}
	if err := MayReceive(ctx, tx, v); err != nil {
		return Reach{}, err
	}
	var packet map[Field]string
	if c != nil {
		if packet, err = consented(ctx, tx, *c, "order_page", string(o.ID)+"/"+tx.Now().Format(time.DateOnly), string(o.ID)); err != nil {
			return Reach{}, err
		}
	} else if packet, err = packetOf(ctx, tx, d.ID); err != nil {
		return Reach{}, err
	}
	out.Name, out.Email, out.Mobile = packet[Name], packet[Email], packet[Mobile]
	return out, audit.Record(ctx, tx, by, audit.Entry{
		Act: "privacy.revealed", Subjects: []string{string(o.ID), string(o.Account), basis}, Clauses: []string{"UA 5.4", "UA 6.3"},
		Data: map[string]any{"fields": fieldsOf(packet)},
	})
}

// basisOf finds what an id stands for; both nil when for nothing.
func basisOf(ctx context.Context, r db.Reader, id string) (*Consent, *Disclosure, error) {
	c, err := readConsent(ctx, r, ConsentID(id))
	if err == nil {
		return &c, nil, nil
	}
	if !errors.Is(err, ErrNotFound) {
		return nil, nil, err
	}
	d, err := readDisclosure(ctx, r, DisclosureID(id))
	switch {
	case err == nil:
		return nil, &d, nil
	case errors.Is(err, ErrNotFound):
		return nil, nil, nil
	}
	return nil, nil, err
}

// Message carries a vendor's words to the customer of an order, without telling
// either how the other is reached. It refuses numbers and passwords in the words
// (FIELD_INVALID), and more a day than the rulebook allows.
func Message(ctx context.Context, tx *db.Tx, by audit.Actor, v vendor.Vendor, id order.ID, said string) (err error) {
	defer fault.Wrap(&err, "privacy.Message(%s)", id)
	if by.Account != string(v.Account) || !by.Has(account.Owner) && !by.Has(account.VendorManager) {
		return ErrForbidden
	}
	if said, err = words(said, "text", true); err != nil {
		return err
	}
	kinds := []screen.Kind{screen.BankCard, screen.ResidentID, screen.Password, screen.PaymentLink, screen.BankAccount, screen.OffPlatform}
	if len(screen.Only(screen.Scan(said), kinds...)) > 0 {
		return ErrInvalid.In("text")
	}
	if err := content.Must(ctx, tx, by, content.Piece{Kind: content.Message, Ref: string(id), Field: "text", Place: screen.Private, Text: said}); err != nil {
		return err
	}
	o, err := order.OfVendor(ctx, tx, v.ID, id)
	if err != nil {
		return err
	}
	limit, err := agreement.Setting[struct {
		PerDay int64 `json:"per_day"`
	}](ctx, tx, "relay_limit")
	if err != nil {
		return err
	}
	today, err := db.Value[int64](ctx, tx, countRelayed, string(o.Account), string(v.ID), db.Micros(tx.Now().Add(-24*time.Hour)))
	if err != nil {
		return err
	}
	if today >= limit.PerDay {
		return ErrLimited.With("Seconds", int(24*time.Hour/time.Second))
	}
	row := tx.ID("rly")
	sealedText, err := tx.Keys().Seal(said, relayedAt(row))
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, insertRelayed, row, string(o.Account), string(v.ID), string(o.ID), sealedText, digest(said), by.User, db.Micros(tx.Now())); err != nil {
		return err
	}
	if err := told(ctx, tx, o.Account, "P-01", "/orders/"+string(o.ID), map[string]string{"Vendor": v.RegisteredName, "Order": string(o.ID), "Text": said}); err != nil {
		return err
	}
	return audit.Record(ctx, tx, by, audit.Entry{
		Act: "privacy.relayed", Subjects: []string{string(o.ID), string(v.ID), row}, Clauses: []string{"UA 6.3"}, Data: map[string]any{"text_sha256": digest(said)},
	})
}

// encoded is a packet as it is hashed and stored: JSON with sorted keys.
func encoded(packet map[Field]string) (string, error) {
	text, err := json.Marshal(packet)
	return strings.TrimSpace(string(text)), err
}
