package privacy

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/market/account"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/identity"
	"yunshi/internal/market/order"
	"yunshi/internal/market/vendor"
)

// Channels are the ways in which an officer sends a packet, in the order of the
// form.
var Channels = []string{"secure_mail", "authority_portal", "paper", "vendor_desk"}

// RecipientKinds lists the recipients in the order of the form.
var RecipientKinds = []RecipientKind{ToAuthority, ToCourt, ToVendor, ToVictim, ToOther}

// Proposal is a disclosure that an officer wants.
type Proposal struct {
	Account   account.ID
	Basis     DisclosureBasis // of [Propose]: 5.4.2 or 5.4.3
	Recipient Recipient
	Provision string
	Version   int64
	Matter    string
	Order     order.ID
	Fields    []Field
	Purpose   string
	Channel   string
	Untold    string // why the person is not told; only where a law bars it
}

// Propose asks for a disclosure without consent. Nothing leaves before another
// officer has approved it. It refuses anybody but compliance, a basis that is none
// (DISCLOSURE_NO_BASIS), a rule that is not in force (RULE_NOT_IN_FORCE), and fields
// that the recipient does not need (DISCLOSURE_FIELDS).
func Propose(ctx context.Context, tx *db.Tx, by audit.Actor, in Proposal) (_ Disclosure, err error) {
	defer fault.Wrap(&err, "privacy.Propose(%s)", in.Account)
	d, err := drafted(ctx, tx, by, in)
	if err != nil {
		return Disclosure{}, err
	}
	switch in.Basis {
	case ByProvision:
		inForce, err := versionOf(ctx, tx, in.Provision)
		if err != nil {
			return Disclosure{}, err
		}
		if err := provided(in.Provision, in.Version, inForce); err != nil {
			return Disclosure{}, err
		}
		if err := fieldsFor(in.Recipient.Kind, in.Fields); err != nil {
			return Disclosure{}, err
		}
	case ByMatter:
		if err := needed(in.Recipient.Kind, in.Matter, in.Fields); err != nil {
			return Disclosure{}, err
		}
	default:
		return Disclosure{}, ErrNoBasis.In("basis")
	}
	d.State = Proposed
	if _, err := insert(ctx, tx, &d, nil); err != nil {
		return Disclosure{}, err
	}
	return d, audit.Record(ctx, tx, by, audit.Entry{
		Act: "privacy.disclosure_proposed", Subjects: []string{string(d.ID), string(d.Account), d.Matter}, Clauses: []string{"UA " + string(d.Basis)},
		Data: map[string]any{"fields": d.Fields, "recipient": d.Recipient.Kind, "provision": d.Provision, "version": d.Version},
	})
}

// drafted checks what all disclosures of officers share.
func drafted(ctx context.Context, tx *db.Tx, by audit.Actor, in Proposal) (Disclosure, error) {
	if err := officer(by, in.Account); err != nil {
		return Disclosure{}, err
	}
	if _, err := account.Get(ctx, tx, in.Account); err != nil {
		return Disclosure{}, ErrInvalid.In("account")
	}
	if in.Order != "" {
		if o, err := order.Any(ctx, tx, in.Order); err != nil || o.Account != in.Account {
			return Disclosure{}, ErrInvalid.In("order")
		}
	}
	if !slices.Contains(RecipientKinds, in.Recipient.Kind) {
		return Disclosure{}, ErrInvalid.In("recipient_kind")
	}
	if !slices.Contains(Channels, in.Channel) {
		return Disclosure{}, ErrInvalid.In("channel")
	}
	if in.Recipient.Kind == ToVendor {
		card, err := vendor.Card(ctx, tx, in.Recipient.Vendor)
		if err != nil {
			return Disclosure{}, ErrInvalid.In("recipient_name")
		}
		in.Recipient.Name, in.Recipient.Contact = card.RegisteredName, card.Contact.Phone+" · "+card.Contact.Email
	} else {
		in.Recipient.Vendor = ""
	}
	var err error
	if in.Recipient.Name, err = words(in.Recipient.Name, "recipient_name", true); err != nil {
		return Disclosure{}, err
	}
	if in.Recipient.Contact, err = words(in.Recipient.Contact, "recipient_contact", true); err != nil {
		return Disclosure{}, err
	}
	if in.Purpose, err = words(in.Purpose, "purpose", true); err != nil {
		return Disclosure{}, err
	}
	if in.Untold, err = words(in.Untold, "untold", false); err != nil {
		return Disclosure{}, err
	}
	if err := silent(in.Recipient.Kind, in.Untold); err != nil {
		return Disclosure{}, err
	}
	return Disclosure{
		Account: in.Account, Basis: in.Basis, Recipient: in.Recipient, Purpose: in.Purpose, Provision: strings.TrimSpace(in.Provision), Version: in.Version,
		Matter: strings.TrimSpace(in.Matter), Order: string(in.Order), Fields: sorted(in.Fields), Channel: in.Channel, ProposedBy: by.User, Untold: in.Untold,
	}, nil
}

// versionOf is the document that a provision stands in, as it binds now; nil when
// the provision is an article of law or there is no such document.
func versionOf(ctx context.Context, r db.Reader, provision string) (*agreement.Version, error) {
	code := bookOf(provision)
	if code == "" {
		return nil, nil //nolint:nilnil // none is an answer
	}
	v, err := agreement.ReadDocument(ctx, r, code, 0)
	if errors.Is(err, agreement.ErrNotFound) {
		return nil, nil //nolint:nilnil // none is an answer
	}
	return &v, err
}

// Approve is the second officer's signature: the packet is gathered, hashed and
// kept, and the person is told (N-71) unless a law bars it. A rule that was replaced
// since the proposal is no basis any more.
func Approve(ctx context.Context, tx *db.Tx, by audit.Actor, id DisclosureID) (_ Disclosure, err error) {
	defer fault.Wrap(&err, "privacy.Approve(%s)", id)
	d, err := readDisclosure(ctx, tx, id)
	if err != nil {
		return Disclosure{}, err
	}
	if err := officer(by, d.Account); err != nil {
		return Disclosure{}, err
	}
	if err := another(d.ProposedBy, by); err != nil {
		return Disclosure{}, err
	}
	if d.Basis == ByProvision {
		inForce, err := versionOf(ctx, tx, d.Provision)
		if err != nil {
			return Disclosure{}, err
		}
		if err := provided(d.Provision, d.Version, inForce); err != nil {
			return Disclosure{}, err
		}
	}
	packet, err := gather(ctx, tx, d.Account, d.Fields, d.Order)
	if err != nil {
		return Disclosure{}, err
	}
	text, err := encoded(packet)
	if err != nil {
		return Disclosure{}, err
	}
	stored, err := tx.Keys().Seal(text, packetAt(d.ID))
	if err != nil {
		return Disclosure{}, err
	}
	d.State, d.ApprovedBy, d.MadeAt, d.SHA256, d.Told = Made, by.User, tx.Now(), digest(text), d.Untold == ""
	if err := moved(tx.Exec(ctx, approveDisclosure, by.User, db.Micros(d.MadeAt), stored, d.SHA256, d.Told, string(d.ID))); err != nil {
		return Disclosure{}, err
	}
	return d, made(ctx, tx, by, d, "UA "+string(d.Basis))
}

// Reject ends a proposal; who made it may take it back.
func Reject(ctx context.Context, tx *db.Tx, by audit.Actor, id DisclosureID, why string) (err error) {
	defer fault.Wrap(&err, "privacy.Reject(%s)", id)
	d, err := readDisclosure(ctx, tx, id)
	if err != nil {
		return err
	}
	if err := officer(by, d.Account); err != nil {
		return err
	}
	if why, err = words(why, "reason", true); err != nil {
		return err
	}
	stored, err := tx.Keys().Seal(why, untoldAt(d.ID))
	if err != nil {
		return err
	}
	if err := moved(tx.Exec(ctx, rejectDisclosure, by.User, stored, string(d.ID))); err != nil {
		return err
	}
	return audit.Record(ctx, tx, by, audit.Entry{
		Act: "privacy.disclosure_rejected", Subjects: []string{string(d.ID), string(d.Account)}, Clauses: []string{"UA " + string(d.Basis)},
	})
}

// Emergency is a disclosure on one signature, to prevent serious illegality or a
// crime. It leaves at once, and a second officer reviews it within the rulebook's
// time. Until then its officer makes no other one (DISCLOSURE_REVIEW_DUE).
func Emergency(ctx context.Context, tx *db.Tx, by audit.Actor, in Proposal) (_ Disclosure, err error) {
	defer fault.Wrap(&err, "privacy.Emergency(%s)", in.Account)
	in.Basis = ByEmergency
	d, err := drafted(ctx, tx, by, in)
	if err != nil {
		return Disclosure{}, err
	}
	open, err := db.Value[int64](ctx, tx, countUnreviewed, by.User)
	if err != nil {
		return Disclosure{}, err
	}
	if err := urgent(d.Recipient, d.Purpose, open > 0); err != nil {
		return Disclosure{}, err
	}
	if err := fieldsFor(d.Recipient.Kind, d.Fields); err != nil {
		return Disclosure{}, err
	}
	rule, err := agreement.Setting[struct {
		Days int `json:"days"`
	}](ctx, tx, "disclosure_post_review")
	if err != nil {
		return Disclosure{}, err
	}
	packet, err := gather(ctx, tx, d.Account, d.Fields, d.Order)
	if err != nil {
		return Disclosure{}, err
	}
	d.State, d.MadeAt, d.Told = Made, tx.Now(), d.Untold == ""
	d.ReviewDue, _ = calendar.Official().Expected(tx.Now(), rule.Days)
	fresh, err := insert(ctx, tx, &d, packet)
	if err != nil {
		return Disclosure{}, err
	}
	if !fresh { // the database saw another one of this officer first
		return Disclosure{}, ErrReviewDue
	}
	return d, made(ctx, tx, by, d, "UA 5.4.4")
}

// Review is the second officer's judgment of an emergency.
func Review(ctx context.Context, tx *db.Tx, by audit.Actor, id DisclosureID, judgment, note string) (err error) {
	defer fault.Wrap(&err, "privacy.Review(%s)", id)
	d, err := readDisclosure(ctx, tx, id)
	if err != nil {
		return err
	}
	if err := officer(by, d.Account); err != nil {
		return err
	}
	if err := another(d.ProposedBy, by); err != nil {
		return err
	}
	if judgment != Justified && judgment != Unjustified {
		return ErrInvalid.In("review")
	}
	if note, err = words(note, "note", true); err != nil {
		return err
	}
	stored, err := tx.Keys().Seal(note, reviewAt(d.ID))
	if err != nil {
		return err
	}
	if err := moved(tx.Exec(ctx, reviewDisclosure, judgment, by.User, db.Micros(tx.Now()), stored, string(d.ID))); err != nil {
		return err
	}
	return audit.Record(ctx, tx, by, audit.Entry{
		Act: "privacy.disclosure_reviewed", Subjects: []string{string(d.ID), string(d.Account)}, Clauses: []string{"UA 5.4.4"},
		Data: map[string]any{"review": judgment, "late": tx.Now().After(d.ReviewDue)},
	})
}

// Forwarding is a complaint that goes to the vendor it is about. Package complaint
// makes and keeps the packet; the register keeps its fields and hash.
type Forwarding struct {
	Account account.ID // who complains, and agreed to these fields when filing
	Vendor  vendor.ID
	Matter  string
	Fields  []string
	SHA256  string
}

// RecordDisclosure writes the forwarding of a complaint into the register. The
// complainant, who filed it to be forwarded, and the handler who forwards it are
// its two persons. It refuses fields that no complaint needs (DISCLOSURE_FIELDS).
func RecordDisclosure(ctx context.Context, tx *db.Tx, by audit.Actor, f Forwarding) (_ Disclosure, err error) {
	defer fault.Wrap(&err, "privacy.RecordDisclosure(%s)", f.Matter)
	fields := make([]Field, len(f.Fields))
	for i, one := range f.Fields {
		fields[i] = Field(one)
	}
	if err := needed(ToVendor, f.Matter, fields); err != nil {
		return Disclosure{}, err
	}
	if len(f.SHA256) != 2*sha256.Size {
		return Disclosure{}, ErrInvalid.In("sha256")
	}
	card, err := vendor.Card(ctx, tx, f.Vendor)
	if err != nil {
		return Disclosure{}, err
	}
	d := Disclosure{
		Account: f.Account, Basis: ByMatter, Matter: f.Matter, Source: f.Matter, Fields: sorted(fields), SHA256: f.SHA256, Channel: "vendor_desk", State: Made,
		Recipient: Recipient{Kind: ToVendor, Vendor: f.Vendor, Name: card.RegisteredName, Contact: card.Contact.Phone + " · " + card.Contact.Email},
		Purpose:   "complaint", ProposedBy: string(f.Account), ApprovedBy: by.User, MadeAt: tx.Now(), Told: true,
	}
	fresh, err := insert(ctx, tx, &d, nil)
	if err != nil || !fresh {
		return d, err
	}
	// The complainant is told by the complaint itself (N-72).
	return d, recorded(ctx, tx, by, d, "UA 5.4.3")
}

// PacketOf returns what was sent, to an officer who says why; each look is a
// record.
func PacketOf(ctx context.Context, tx *db.Tx, by audit.Actor, id DisclosureID, why string) (_ map[Field]string, err error) {
	defer fault.Wrap(&err, "privacy.PacketOf(%s)", id)
	d, err := readDisclosure(ctx, tx, id)
	if err != nil {
		return nil, err
	}
	if err := officer(by, d.Account); err != nil {
		return nil, err
	}
	if d.State != Made {
		return nil, ErrState
	}
	if why, err = words(why, "reason", true); err != nil {
		return nil, err
	}
	packet, err := packetOf(ctx, tx, id)
	if err != nil {
		return nil, err
	}
	return packet, audit.Record(ctx, tx, by, audit.Entry{
		Act: "privacy.packet_opened", Subjects: []string{string(d.ID), string(d.Account)}, Clauses: []string{"UA 5.4"}, Data: map[string]any{"reason_sha256": digest(why)},
	})
}

func packetOf(ctx context.Context, r db.Reader, id DisclosureID) (map[Field]string, error) {
	stored, err := db.Value[[]byte](ctx, r, selectPacket, string(id))
	if err != nil {
		return nil, err
	}
	var packet map[Field]string
	text, err := r.Keys().Open(stored, packetAt(id))
	if err != nil || text == "" {
		return packet, err
	}
	return packet, json.Unmarshal([]byte(text), &packet)
}

// gather collects the values of fields; one that the market does not have is left
// out. It is the only place where plain personal data is put together to leave.
func gather(ctx context.Context, r db.Reader, a account.ID, fields []Field, orderID string) (map[Field]string, error) {
	person, err := account.PersonalOf(ctx, r, a)
	if err != nil && !errors.Is(err, account.ErrNotFound) {
		return nil, err
	}
	verified, err := identity.PersonalOf(ctx, r, a)
	if err != nil {
		return nil, err
	}
	packet := map[Field]string{}
	for _, f := range fields {
		value := ""
		switch f {
		case Name:
			value = person.Name
		case Email:
			value = person.Email
		case Mobile:
			value = person.Mobile
			if value == "" {
				value = verified.Mobile
			}
		case RealName:
			value = verified.Name
		case IDNumber:
			value = verified.Number
		case BankAccount:
			value = verified.BankAccount
		case Order:
			value = orderID
		case SignIns:
			if value, err = signIns(ctx, r, a); err != nil {
				return nil, err
			}
		}
		if value != "" {
			packet[f] = value
		}
	}
	return packet, nil
}

// signIns are the last hundred sign-ins of an account, one a line.
func signIns(ctx context.Context, r db.Reader, a account.ID) (string, error) {
	all, err := account.SignIns(ctx, r, a)
	if err != nil {
		return "", err
	}
	var lines []string
	for _, one := range all[max(0, len(all)-100):] {
		lines = append(lines, fmt.Sprintf("%s %s %s", one.At.UTC().Format(time.RFC3339), one.IP, one.Result))
	}
	return strings.Join(lines, "\n"), nil
}

// insert stores a disclosure; false when what it says is there already.
func insert(ctx context.Context, tx *db.Tx, d *Disclosure, packet map[Field]string) (fresh bool, err error) {
	d.ID, d.ProposedAt = DisclosureID(tx.ID("dis")), tx.Now()
	text := ""
	if packet != nil {
		if text, err = encoded(packet); err != nil {
			return false, err
		}
		d.Fields, d.SHA256 = fieldsOf(packet), digest(text)
	}
	recipient, err := tx.Keys().SealJSON(d.Recipient, toAt(d.ID))
	if err != nil {
		return false, err
	}
	var stored [4][]byte
	for i, one := range []struct{ value, at string }{
		{d.Purpose, purposeAt(d.ID)}, {text, packetAt(d.ID)}, {d.Untold, untoldAt(d.ID)}, {"", reviewAt(d.ID)},
	} {
		if stored[i], err = tx.Keys().Seal(one.value, one.at); err != nil {
			return false, err
		}
	}
	n, err := tx.Exec(ctx, insertDisclosure, string(d.ID), string(d.Account), string(d.Basis), string(d.Recipient.Kind), string(d.Recipient.Vendor), recipient, stored[0],
		string(d.Consent), d.Provision, d.Version, d.Matter, d.Order, d.Source, joined(d.Fields), stored[1], d.SHA256, d.Channel, string(d.State), d.Emergency(),
		d.ProposedBy, db.Micros(d.ProposedAt), d.ApprovedBy, db.Micros(d.MadeAt), d.Told, stored[2], db.Micros(d.ReviewDue), stored[3])
	return n == 1, err
}

// made records a disclosure that left and tells the person.
func made(ctx context.Context, tx *db.Tx, by audit.Actor, d Disclosure, clause string) error {
	if err := recorded(ctx, tx, by, d, clause); err != nil || !d.Told {
		return err
	}
	return told(ctx, tx, d.Account, "N-71", "/account/privacy/disclosures/"+string(d.ID), map[string]string{
		"Recipient": d.Recipient.Name, "Basis": "UA " + string(d.Basis), "MadeAt": d.MadeAt.Format(time.RFC3339),
	})
}

func recorded(ctx context.Context, tx *db.Tx, by audit.Actor, d Disclosure, clause string) error {
	return audit.Record(ctx, tx, by, audit.Entry{
		Act: "privacy.disclosed", Subjects: []string{string(d.ID), string(d.Account), string(d.Recipient.Vendor), d.Order, d.Matter}, Clauses: []string{"UA 5.4", clause},
		Data: map[string]any{"fields": d.Fields, "sha256": d.SHA256, "recipient": d.Recipient.Kind, "consent": d.Consent, "told": d.Told, "channel": d.Channel},
	})
}

func fieldsOf(packet map[Field]string) []Field { return slices.Sorted(maps.Keys(packet)) }

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// Disclosures are those of an account that it may see, newest first.
//
// Clause: PIPL 44 (a person has a right to know what happens to the own data).
func Disclosures(ctx context.Context, r db.Reader, a account.ID) ([]Disclosure, error) {
	all, err := db.All(ctx, r, scanDisclosure(r), selectShown, string(a))
	return slices.DeleteFunc(all, func(d Disclosure) bool { return !d.Shown() }), err
}

// DisclosureOf returns a disclosure that the account may see; any other does not
// exist.
func DisclosureOf(ctx context.Context, r db.Reader, a account.ID, id DisclosureID) (Disclosure, error) {
	d, err := readDisclosure(ctx, r, id)
	if err == nil && (d.Account != a || !d.Shown()) {
		err = account.ErrForeign
	}
	if err != nil {
		return Disclosure{}, err
	}
	return d, nil
}

// AnyDisclosure returns a disclosure for the operator's desk.
func AnyDisclosure(ctx context.Context, r db.Reader, id DisclosureID) (Disclosure, error) {
	return readDisclosure(ctx, r, id)
}

// Register lists all disclosures, newest first, before the cursor.
func Register(ctx context.Context, r db.Reader, before DisclosureID, n int) ([]Disclosure, error) {
	return db.All(ctx, r, scanDisclosure(r), selectDisclosures, cursor(string(before)), n)
}

// ProposedNow are the disclosures that wait for a second officer.
func ProposedNow(ctx context.Context, r db.Reader) ([]Disclosure, error) {
	return db.All(ctx, r, scanDisclosure(r), selectProposed)
}

// Unreviewed are the emergencies that wait for their review.
func Unreviewed(ctx context.Context, r db.Reader) ([]Disclosure, error) {
	return db.All(ctx, r, scanDisclosure(r), selectUnreviewed)
}

func cursor(before string) string {
	if before == "" {
		return "~" // after every id
	}
	return before
}
