package refund

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"path"
	"slices"
	"strings"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/base/money"
	"yunshi/internal/base/screen"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/content"
	"yunshi/internal/market/message"
	"yunshi/internal/market/order"
	"yunshi/internal/market/vendor"
)

// MatterID names a matter: "rfm_…".
type MatterID string

// MatterState is where a matter stands.
type MatterState string

// The states of a matter.
const (
	Opened          MatterState = "offline_opened"
	UserStated      MatterState = "user_stated"
	VendorStated    MatterState = "vendor_stated"
	BothStated      MatterState = "both_stated"
	ClosedAgreed    MatterState = "closed_agreed"
	ClosedDisagreed MatterState = "closed_disagreed"
)

// Matter is a refund that customer and vendor settle between themselves. The
// market moves no money and decides nothing; it keeps what both say.
type Matter struct {
	ID       MatterID
	Order    order.ID
	Account  account.ID
	Vendor   vendor.ID
	State    MatterState
	Version  int64
	OpenedBy string
	OpenedAt time.Time
	ClosedAt time.Time
}

// AuditSubject names the matter in records.
func (m Matter) AuditSubject() string { return string(m.ID) }

// Closed reports whether nothing can be added any more.
func (m Matter) Closed() bool { return !m.ClosedAt.IsZero() }

// Outcome is how one side says the matter ended.
type Outcome string

// The outcomes. The zero value: no outcome yet.
const (
	OutcomeAgreed    Outcome = "agreed"
	OutcomeDisagreed Outcome = "disagreed"
)

// Statement is what one side says; both sides see it. It never changes.
type Statement struct {
	ID      string
	Side    Side
	Outcome Outcome
	Amount  money.Amount // that went back, as this side says; may be zero
	Text    string       `json:"-"`
	SHA256  string       // of the text
	By      string
	At      time.Time
}

// Proof is a file that one side attached; both sides may open it.
type Proof struct {
	ID        string
	Side      Side
	Name      string `json:"-"`
	MediaType string
	Size      int64
	SHA256    string
	Blob      string `json:"-"`
	By        string
	At        time.Time
}

// Record is a matter with all that was said.
type Record struct {
	Matter     Matter
	Statements []Statement
	Proofs     []Proof
}

// proofTypes are the kinds of file that may be attached, which no browser runs.
var proofTypes = []string{"image/png", "image/jpeg", "application/pdf"}

// OpenMatter opens the matter of an order whose vendor has its own refund terms.
// Both sides are told how to reach each other and what the operator does not do.
// One that is open already is returned.
//
// Clause: UA 4.5 (refunds that the parties agreed in their own way they settle offline between themselves; the market records it).
func OpenMatter(ctx context.Context, tx *db.Tx, by audit.Actor, id order.ID, text string) (_ Matter, err error) {
	defer fault.Wrap(&err, "refund.OpenMatter(%s)", id)
	o, err := order.Get(ctx, tx, by, id)
	if err != nil {
		return Matter{}, err
	}
	if !offline(o) {
		return Matter{}, ErrState.With("State", o.Snapshot.Refund.Kind)
	}
	if !o.State.Paid() || o.Fee.Paid.IsZero() {
		return Matter{}, ErrNothing
	}
	if text, err = words(text, "text", true); err != nil {
		return Matter{}, err
	}
	m := Matter{
		ID: MatterID(tx.ID("rfm")), Order: o.ID, Account: o.Account, Vendor: o.Vendor, State: Opened, Version: 1, OpenedBy: by.User, OpenedAt: tx.Now(),
	}
	n, err := tx.Exec(ctx, insertMatter, string(m.ID), string(m.Order), string(m.Account), string(m.Vendor), string(m.State), m.OpenedBy, db.Micros(m.OpenedAt))
	if err != nil {
		return Matter{}, err
	}
	if n == 0 {
		return openMatter(ctx, tx, o.ID)
	}
	if m, err = state(ctx, tx, by, m, Buyer, Statement{Text: text, Amount: money.Zero(o.Fee.Paid.Currency)}); err != nil {
		return Matter{}, err
	}
	return m, introduce(ctx, tx, o, m)
}

func openMatter(ctx context.Context, r db.Reader, id order.ID) (Matter, error) {
	all, err := db.All(ctx, r, scanMatter, selectMatters, string(id))
	if err != nil {
		return Matter{}, err
	}
	i := slices.IndexFunc(all, func(m Matter) bool { return !m.Closed() })
	if i < 0 {
		return Matter{}, ErrStale
	}
	return all[i], nil
}

// introduce tells both sides how to reach the other.
func introduce(ctx context.Context, tx *db.Tx, o order.Order, m Matter) error {
	v, err := vendor.Get(ctx, tx, o.Vendor)
	if err != nil {
		return err
	}
	if err := message.Send(ctx, tx, message.Notice{
		Code: "N-45", To: o.Account, Link: "/refunds/" + string(m.ID), Params: map[string]string{"Order": string(o.ID), "Contact": contact(o)},
	}); err != nil {
		return err
	}
	return message.Send(ctx, tx, message.Notice{
		Code: "N-45", To: v.Account, Link: "/vendor/refunds/" + string(m.ID), Params: map[string]string{"Order": string(o.ID), "Contact": ""},
	})
}

// Say adds what one side says. An outcome from both sides closes the matter: as
// agreed when both say so with the same amount, else as not agreed.
func Say(ctx context.Context, tx *db.Tx, by audit.Actor, id MatterID, seen int64, s Statement) (_ Matter, err error) {
	defer fault.Wrap(&err, "refund.Say(%s)", id)
	m, side, err := party(ctx, tx, by, id)
	if err != nil {
		return Matter{}, err
	}
	if m.Version != seen {
		return Matter{}, ErrStale
	}
	if s.Text, err = words(s.Text, "text", true); err != nil {
		return Matter{}, err
	}
	return state(ctx, tx, by, m, side, s)
}

func state(ctx context.Context, tx *db.Tx, by audit.Actor, m Matter, side Side, s Statement) (Matter, error) {
	switch {
	case m.Closed():
		return m, ErrState.With("State", m.State)
	case !slices.Contains([]Outcome{"", OutcomeAgreed, OutcomeDisagreed}, s.Outcome):
		return m, ErrInvalid.In("outcome")
	case s.Amount.Minor < 0 || !s.Amount.Currency.Known():
		return m, ErrInvalid.In("amount")
	}
	s.ID, s.Side, s.By, s.At = tx.ID("rfs"), side, by.User, tx.Now()
	if err := screened(ctx, tx, by, string(m.ID), "text", s.Text); err != nil {
		return m, err
	}
	sum := sha256.Sum256([]byte(s.Text))
	s.SHA256 = hex.EncodeToString(sum[:])
	sealed, err := tx.Keys().Seal(s.Text, statementAt(m.ID))
	if err != nil {
		return m, err
	}
	if _, err := tx.Exec(ctx, insertStatement, string(m.ID), s.ID, string(s.Side), string(s.Outcome), string(s.Amount.Currency), s.Amount.Minor,
		sealed, s.SHA256, s.By, db.Micros(s.At)); err != nil {
		return m, err
	}
	all, err := db.All(ctx, tx, scanStatement(tx, m.ID), selectStatements, string(m.ID))
	if err != nil {
		return m, err
	}
	m.State = standing(all)
	if m.State == ClosedAgreed || m.State == ClosedDisagreed {
		m.ClosedAt = tx.Now()
	}
	n, err := tx.Exec(ctx, moveMatter, string(m.State), db.Micros(m.ClosedAt), string(m.ID), m.Version)
	if err != nil {
		return m, err
	}
	if n == 0 {
		return m, ErrStale
	}
	m.Version++
	return m, audit.Record(ctx, tx, by, audit.Entry{
		Act: "refund.matter.stated", Subjects: []string{string(m.ID), string(m.Order)}, Clauses: []string{"UA 4.5"},
		Data: map[string]any{"side": side, "outcome": s.Outcome, "amount": s.Amount, "text_sha256": s.SHA256, "state": m.State},
	})
}

// standing is where a matter stands by what both sides have said. The last outcome
// of a side counts.
func standing(all []Statement) MatterState {
	spoke := map[Side]bool{}
	last := map[Side]Statement{}
	for _, s := range all {
		spoke[s.Side] = true
		if s.Outcome != "" {
			last[s.Side] = s
		}
	}
	user, vendorSide := last[Buyer], last[Seller]
	switch {
	case user.Outcome != "" && vendorSide.Outcome != "":
		if user.Outcome == OutcomeAgreed && vendorSide.Outcome == OutcomeAgreed && user.Amount == vendorSide.Amount {
			return ClosedAgreed
		}
		return ClosedDisagreed
	case spoke[Buyer] && spoke[Seller]:
		return BothStated
	case spoke[Seller]:
		return VendorStated
	case spoke[Buyer]:
		return UserStated
	}
	return Opened
}

// Attach adds a file as proof. The caller has put it into the file store, taken
// its hash while doing so, and had it scanned.
func Attach(ctx context.Context, tx *db.Tx, by audit.Actor, id MatterID, p Proof) (_ Proof, err error) {
	defer fault.Wrap(&err, "refund.Attach(%s)", id)
	m, side, err := party(ctx, tx, by, id)
	if err != nil {
		return Proof{}, err
	}
	p.Name = path.Base(strings.TrimSpace(p.Name))
	sum, badSum := hex.DecodeString(p.SHA256)
	switch {
	case m.Closed():
		return Proof{}, ErrState.With("State", m.State)
	case p.Name == "." || p.Name == "/" || p.Size <= 0:
		return Proof{}, ErrRequired.In("file")
	case !slices.Contains(proofTypes, p.MediaType) || badSum != nil || len(sum) != sha256.Size || p.Blob == "" || len(p.Name) > 200:
		return Proof{}, ErrInvalid.In("file")
	}
	if err := content.MustPass(ctx, tx, p.SHA256); err != nil {
		return Proof{}, err
	}
	if err := content.Must(ctx, tx, by, content.Piece{Kind: content.FileName, Ref: string(id), Field: "file", Place: screen.Public, Text: p.Name}); err != nil {
		return Proof{}, err
	}
	p.ID, p.Side, p.By, p.At = tx.ID("rfp"), side, by.User, tx.Now()
	sealed, err := tx.Keys().Seal(p.Name, proofAt(m.ID))
	if err != nil {
		return Proof{}, err
	}
	if _, err := tx.Exec(ctx, insertProof, string(m.ID), p.ID, string(side), sealed, p.MediaType, p.Size, p.SHA256, p.Blob, p.By, db.Micros(p.At)); err != nil {
		return Proof{}, err
	}
	return p, audit.Record(ctx, tx, by, audit.Entry{
		Act: "refund.matter.proof", Subjects: []string{string(m.ID), string(m.Order), p.ID}, Clauses: []string{"UA 4.5"},
		Data: map[string]any{"side": side, "sha256": p.SHA256, "size": p.Size},
	})
}

// RecordOf is a matter with all that was said, for its parties and the operator's
// staff. For everybody else it does not exist.
func RecordOf(ctx context.Context, r db.Reader, by audit.Actor, id MatterID) (Record, error) {
	m, side, err := look(ctx, r, by, id)
	if err != nil {
		return Record{}, err
	}
	out := Record{Matter: m}
	if side == Seller {
		out.Matter.Account = ""
	}
	if out.Statements, err = db.All(ctx, r, scanStatement(r, id), selectStatements, string(id)); err != nil {
		return Record{}, err
	}
	out.Proofs, err = db.All(ctx, r, scanProof(r, id), selectProofs, string(id))
	return out, err
}

// ProofOf is one proof of a matter, to those who may see the matter.
func ProofOf(ctx context.Context, r db.Reader, by audit.Actor, id MatterID, proof string) (Proof, error) {
	record, err := RecordOf(ctx, r, by, id)
	if err != nil {
		return Proof{}, err
	}
	i := slices.IndexFunc(record.Proofs, func(p Proof) bool { return p.ID == proof })
	if i < 0 {
		return Proof{}, ErrNotFound
	}
	return record.Proofs[i], nil
}

// MattersOf lists the matters of an order, newest first. The caller has seen to
// it that the actor may see the order.
func MattersOf(ctx context.Context, r db.Reader, id order.ID) ([]Matter, error) {
	return db.All(ctx, r, scanMatter, selectMatters, string(id))
}

// MyMatters lists the newest matters of an account.
func MyMatters(ctx context.Context, r db.Reader, a account.ID, n int) ([]Matter, error) {
	return db.All(ctx, r, scanMatter, selectMyMatters, string(a), n)
}

// MattersOfVendor lists the newest matters of a vendor, without the accounts.
func MattersOfVendor(ctx context.Context, r db.Reader, v vendor.ID, n int) ([]Matter, error) {
	all, err := db.All(ctx, r, scanMatter, selectItsMatters, string(v), n)
	for i := range all {
		all[i].Account = ""
	}
	return all, err
}

// OpenMatters lists the matters that were opened before a moment and not agreed,
// oldest first, for whoever follows them up.
func OpenMatters(ctx context.Context, r db.Reader, before time.Time, n int) ([]Matter, error) {
	return db.All(ctx, r, scanMatter, selectOldMatters, db.Micros(before), n)
}

// party is a matter and the side on which the actor may write in it.
func party(ctx context.Context, r db.Reader, by audit.Actor, id MatterID) (Matter, Side, error) {
	m, side, err := look(ctx, r, by, id)
	if err != nil {
		return m, side, err
	}
	if side == Staff {
		return m, side, ErrForbidden // the operator is no party
	}
	if side == Seller {
		v, err := vendor.Get(ctx, r, m.Vendor)
		if err != nil {
			return m, side, err
		}
		if !ofVendor(by, v) {
			return m, side, ErrForbidden
		}
	}
	return m, side, nil
}

func look(ctx context.Context, r db.Reader, by audit.Actor, id MatterID) (Matter, Side, error) {
	m, err := found(db.One(ctx, r, scanMatter, selectMatter, string(id)))
	if err != nil {
		return Matter{}, "", err
	}
	side, err := sideOf(ctx, r, by, m.Account, m.Vendor)
	if err != nil {
		return Matter{}, "", err
	}
	return m, side, nil
}

// sideOf is on which side of a purchase an actor stands. For those who have
// nothing to do with it, it does not exist.
func sideOf(ctx context.Context, r db.Reader, by audit.Actor, buyer account.ID, seller vendor.ID) (Side, error) {
	if decides(by) {
		return Staff, nil
	}
	mine, err := account.Choosable(ctx, r, by)
	if err != nil {
		return "", err
	}
	if slices.ContainsFunc(mine, func(a account.Account) bool { return a.ID == buyer }) {
		return Buyer, nil
	}
	v, err := vendor.Get(ctx, r, seller)
	if err != nil {
		return "", err
	}
	if by.Account != "" && by.Account == string(v.Account) {
		return Seller, nil
	}
	return "", account.ErrForeign
}

func scanMatter(s db.Scanner) (Matter, error) {
	var m Matter
	var opened, closed int64
	err := s.Scan(&m.ID, &m.Order, &m.Account, &m.Vendor, &m.State, &m.Version, &m.OpenedBy, &opened, &closed)
	m.OpenedAt, m.ClosedAt = db.Time(opened), db.Time(closed)
	return m, err
}

func scanStatement(r db.Reader, id MatterID) func(db.Scanner) (Statement, error) {
	return func(s db.Scanner) (p Statement, err error) {
		var sealed []byte
		var at int64
		if err := s.Scan(&p.ID, &p.Side, &p.Outcome, &p.Amount.Currency, &p.Amount.Minor, &sealed, &p.SHA256, &p.By, &at); err != nil {
			return p, err
		}
		p.At = db.Time(at)
		p.Text, err = r.Keys().Open(sealed, statementAt(id))
		return p, err
	}
}

func scanProof(r db.Reader, id MatterID) func(db.Scanner) (Proof, error) {
	return func(s db.Scanner) (p Proof, err error) {
		var sealed []byte
		var at int64
		if err := s.Scan(&p.ID, &p.Side, &sealed, &p.MediaType, &p.Size, &p.SHA256, &p.Blob, &p.By, &at); err != nil {
			return p, err
		}
		p.At = db.Time(at)
		p.Name, err = r.Keys().Open(sealed, proofAt(id))
		return p, err
	}
}
