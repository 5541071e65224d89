package agreement

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/base/screen"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
)

// DraftState is where a change of the rules stands before it is published.
type DraftState string

// The states of a draft.
const (
	Drafting   DraftState = "draft"
	Consulting DraftState = "consultation"
	Proposed   DraftState = "proposed" // waits for its second approver
	Published  DraftState = "published"
	Withdrawn  DraftState = "withdrawn"
)

// Draft is a change of one document under way. Every change of it gives it the
// next revision, which the following act must name.
type Draft struct {
	ID         string
	Code       string
	Number     int64
	State      DraftState
	Revision   int64
	Source     []byte // the document as it stands
	Consulted  []byte // the document that people were asked about; nil: nobody was
	Why        Both
	Outcome    Both // what came of the comments
	Major      bool
	DraftedBy  account.UserID
	ProposedBy account.UserID
	ApprovedBy account.UserID

	DraftedAt   time.Time
	OpenedAt    time.Time // for comments
	ClosesAt    time.Time
	EffectiveAt time.Time // asked for; zero: as early as the notice allows
	EndedAt     time.Time
	Version     string // id of what was published
}

// Text is the draft as a version that nobody has published: without id and times.
func (d Draft) Text() (Version, error) { return unpublished(d.Source) }

// Asked is the text that people were asked about.
func (d Draft) Asked() (Version, error) { return unpublished(d.Consulted) }

// Commentable reports whether the draft takes comments at a moment.
func (d Draft) Commentable(at time.Time) bool { return d.State == Consulting && at.Before(d.ClosesAt) }

// Editable reports whether the text may be changed at a moment: while it is
// drafted, and after the comments are in.
func (d Draft) Editable(at time.Time) bool {
	return d.State == Drafting || d.State == Consulting && !at.Before(d.ClosesAt)
}

func unpublished(source []byte) (Version, error) {
	d, err := parse(source)
	return Version{
		Kind: d.kind(), Code: d.Code, Number: d.Number, Title: d.Title, PlaceOfSigning: d.PlaceOfSigning, GoverningLaw: d.GoverningLaw,
		Jurisdiction: d.Jurisdiction, SHA256: hexSum(source), Chapters: d.Chapters, Clauses: d.parts(), Source: source,
	}, err
}

// Begin starts a change of a document with a copy of its newest version, or with
// the source of one that is new to the market. It refuses anybody but compliance,
// DRAFT_OPEN while another change of the document is under way, and a document
// with a gap.
func Begin(ctx context.Context, tx *db.Tx, by audit.Actor, code string, source []byte, why Both) (_ Draft, err error) {
	defer fault.Wrap(&err, "agreement.Begin(%s)", code)
	if err := mayDraft(by); err != nil {
		return Draft{}, err
	}
	if why, err = reasons(why, "why"); err != nil {
		return Draft{}, err
	}
	if len(source) > 0 {
		d, err := parse(source)
		if err != nil {
			return Draft{}, err
		}
		code = d.Code
	}
	last, err := db.One(ctx, tx, scanVersion, sqlNewest, code)
	if err != nil && !errors.Is(err, db.ErrNoRow) {
		return Draft{}, err
	}
	if len(source) == 0 {
		if last, err = ReadDocument(ctx, tx, code, max(last.Number, 1)); err != nil {
			return Draft{}, err
		}
		source = last.Source
	}
	text, err := revised(ctx, tx, source, code, last.Number+1)
	if err != nil {
		return Draft{}, err
	}
	d := Draft{
		ID: tx.ID("drf"), Code: code, Number: last.Number + 1, State: Drafting, Revision: 1, Source: text, Why: why,
		DraftedBy: account.UserID(by.User), DraftedAt: tx.Now(),
	}
	n, err := tx.Exec(ctx, sqlInsertDraft, d.ID, d.Code, d.Number, string(d.State), string(d.Source), "", d.Why.ZH, d.Why.EN, "", "", false, 1,
		string(d.DraftedBy), "", "", db.Micros(d.DraftedAt), 0, 0, 0, 0, "")
	if err == nil && n == 0 {
		err = ErrDraftOpen.With("Code", code)
	}
	if err != nil {
		return Draft{}, err
	}
	return d, d.record(ctx, tx, by, "agreement.drafted", nil)
}

// revised is a source as the next version of a code, filled with the operator and
// terms of the version before it, and without a gap.
func revised(ctx context.Context, tx *db.Tx, source []byte, code string, number int64) ([]byte, error) {
	d, err := parse(source)
	if err != nil {
		return nil, err
	}
	if d.Code != code {
		return nil, ErrInvalid.In("source")
	}
	d.Number = number
	if !d.Operator.full() {
		standing, err := Read(ctx, tx, 0)
		if err != nil {
			return nil, err
		}
		var now document
		if err := json.Unmarshal(standing.Source, &now); err != nil {
			return nil, err
		}
		d = Terms{Operator: now.Operator}.fill(d)
	}
	if err := wellFormed(d); err != nil {
		return nil, err
	}
	return encode(d)
}

// reasons is a text in both languages that must be there.
func reasons(b Both, field string) (Both, error) {
	b = Both{strings.TrimSpace(b.ZH), strings.TrimSpace(b.EN)}
	switch {
	case b.ZH == "":
		return b, ErrRequired.In(field + "_zh")
	case b.EN == "":
		return b, ErrRequired.In(field + "_en")
	case max(utf8.RuneCountInString(b.ZH), utf8.RuneCountInString(b.EN)) > longest:
		return b, ErrInvalid.In(field + "_zh")
	}
	return b, nil
}

// longest is the most that anybody may write in one field, in characters.
const longest = 2000

// Edit is a change of a draft that is not of one clause.
type Edit struct {
	Title          Both
	Jurisdiction   string
	PlaceOfSigning Both
	GoverningLaw   Both
	Settings       string // JSON object; "": as they are
	Major          bool
	Why            Both
}

// EditTerms changes what a draft says outside its clauses.
func EditTerms(ctx context.Context, tx *db.Tx, by audit.Actor, id string, seen int64, in Edit) (Draft, error) {
	return change(ctx, tx, by, id, seen, func(d *Draft, doc *document) (err error) {
		if d.Why, err = reasons(in.Why, "why"); err != nil {
			return err
		}
		d.Major, doc.Title = in.Major, in.Title
		if doc.kind() == KindAgreement {
			doc.PlaceOfSigning, doc.GoverningLaw, doc.Jurisdiction = in.PlaceOfSigning, in.GoverningLaw, in.Jurisdiction
		}
		if strings.TrimSpace(in.Settings) == "" {
			return nil
		}
		doc.Settings = nil
		if json.Unmarshal([]byte(in.Settings), &doc.Settings) != nil {
			return ErrInvalid.In("settings")
		}
		return nil
	})
}

// EditClause writes one clause of a draft: the one with its id, or a new one at
// the end of its chapter. With remove it takes the clause out.
func EditClause(ctx context.Context, tx *db.Tx, by audit.Actor, id string, seen int64, c Clause, remove bool) (Draft, error) {
	return change(ctx, tx, by, id, seen, func(_ *Draft, doc *document) error {
		list := &doc.Clauses
		if doc.kind() != KindAgreement {
			list = &doc.Sections
		}
		i := slices.IndexFunc(*list, func(one Clause) bool { return one.ID == c.ID })
		switch {
		case remove && i < 0:
			return ErrInvalid.In("clause")
		case remove:
			*list = slices.Delete(*list, i, i+1)
		case i >= 0:
			if c.Chapter == "" {
				c.Chapter = (*list)[i].Chapter
			}
			(*list)[i] = c
		default:
			at := len(*list)
			for j, one := range *list {
				if one.Chapter == c.Chapter {
					at = j + 1
				}
			}
			*list = slices.Insert(*list, at, c)
		}
		return nil
	})
}

// Replace puts a whole document in the place of the draft's.
func Replace(ctx context.Context, tx *db.Tx, by audit.Actor, id string, seen int64, source []byte) (Draft, error) {
	return change(ctx, tx, by, id, seen, func(d *Draft, doc *document) error {
		text, err := revised(ctx, tx, source, d.Code, d.Number)
		if err != nil {
			return err
		}
		*doc, err = parse(text)
		return err
	})
}

// change edits the document of a draft and keeps it without a gap.
func change(ctx context.Context, tx *db.Tx, by audit.Actor, id string, seen int64, edit func(*Draft, *document) error) (_ Draft, err error) {
	defer fault.Wrap(&err, "agreement.change(%s)", id)
	d, err := working(ctx, tx, by, id, seen)
	if err != nil {
		return Draft{}, err
	}
	if !d.Editable(tx.Now()) {
		return Draft{}, ErrClosed
	}
	doc, err := parse(d.Source)
	if err != nil {
		return Draft{}, err
	}
	if err := edit(&d, &doc); err != nil {
		return Draft{}, err
	}
	if err := wellFormed(doc); err != nil {
		return Draft{}, err
	}
	if d.Source, err = encode(doc); err != nil {
		return Draft{}, err
	}
	if err := d.move(ctx, tx, d.State); err != nil {
		return Draft{}, err
	}
	return d, d.record(ctx, tx, by, "agreement.draft_edited", nil)
}

// Consult opens a draft for comments until a moment. It refuses a time that is
// shorter than the rulebook promises, and a text that could not be published.
func Consult(ctx context.Context, tx *db.Tx, by audit.Actor, id string, seen int64, closes time.Time) (_ Draft, err error) {
	defer fault.Wrap(&err, "agreement.Consult(%s)", id)
	d, err := working(ctx, tx, by, id, seen)
	if err != nil {
		return Draft{}, err
	}
	if d.State != Drafting {
		return Draft{}, ErrStale
	}
	doc, err := parse(d.Source)
	if err != nil {
		return Draft{}, err
	}
	if err := emphasised(doc.parts()); err != nil {
		return Draft{}, err
	}
	rule, err := Setting[struct{ Days int }](ctx, tx, "rule_consultation")
	if err != nil {
		return Draft{}, err
	}
	if err := openUntil(tx.Now(), closes, rule.Days); err != nil {
		return Draft{}, err
	}
	d.State, d.Consulted, d.OpenedAt, d.ClosesAt = Consulting, d.Source, tx.Now(), closes
	if err := d.move(ctx, tx, Drafting); err != nil {
		return Draft{}, err
	}
	return d, d.record(ctx, tx, by, "agreement.consultation_opened", map[string]any{"closes_at": db.Micros(closes)})
}

// Propose asks a second person to publish a draft as of a moment, the zero time as
// early as the notice allows. It refuses CONSULTATION_REQUIRED while comments are
// due or open, and a consultation without an answer to it.
func Propose(ctx context.Context, tx *db.Tx, by audit.Actor, id string, seen int64, effective time.Time, outcome Both) (_ Draft, err error) {
	defer fault.Wrap(&err, "agreement.Propose(%s)", id)
	d, err := working(ctx, tx, by, id, seen)
	if err != nil {
		return Draft{}, err
	}
	was := d.State
	if was != Drafting && was != Consulting {
		return Draft{}, ErrStale
	}
	if err := d.ready(ctx, tx); err != nil {
		return Draft{}, err
	}
	if was == Consulting {
		if outcome, err = reasons(outcome, "outcome"); err != nil {
			return Draft{}, err
		}
		d.Outcome = outcome
	}
	if err := d.inTime(ctx, tx, effective); err != nil {
		return Draft{}, err
	}
	d.State, d.ProposedBy, d.EffectiveAt = Proposed, account.UserID(by.User), effective
	if err := d.move(ctx, tx, was); err != nil {
		return Draft{}, err
	}
	return d, d.record(ctx, tx, by, "agreement.proposed", map[string]any{"effective_at": db.Micros(effective)})
}

// ready refuses a draft that law wants to be open for comments first. A change of
// the law itself needs what either law wants.
func (d Draft) ready(ctx context.Context, tx *db.Tx) error {
	doc, err := parse(d.Source)
	if err != nil {
		return err
	}
	law, _, err := noticeOf(ctx, tx, doc, release{major: d.Major})
	if err != nil {
		return err
	}
	if err := emphasised(doc.parts()); err != nil {
		return err
	}
	return consulted(law, d.OpenedAt, d.ClosesAt, tx.Now())
}

// inTime refuses a moment that is too early already when it is proposed.
func (d Draft) inTime(ctx context.Context, tx *db.Tx, effective time.Time) error {
	doc, err := parse(d.Source)
	if err != nil {
		return err
	}
	law, own, err := noticeOf(ctx, tx, doc, release{major: d.Major})
	if err != nil {
		return err
	}
	_, err = effectiveFrom(tx.Now(), effective, false, law, d.Major, own)
	return err
}

// Approve publishes a proposed draft by a second person: it binds after its
// notice, and every account is told. It refuses SECOND_APPROVER_REQUIRED to who
// proposed it, and PUBLISH_TOO_EARLY when too much time went by since.
func Approve(ctx context.Context, tx *db.Tx, by audit.Actor, id string, seen int64) (_ Version, err error) {
	defer fault.Wrap(&err, "agreement.Approve(%s)", id)
	d, err := working(ctx, tx, by, id, seen)
	if err != nil {
		return Version{}, err
	}
	if d.State != Proposed {
		return Version{}, ErrStale
	}
	if err := another(d.ProposedBy, by); err != nil {
		return Version{}, err
	}
	if err := d.ready(ctx, tx); err != nil {
		return Version{}, err
	}
	doc, err := parse(d.Source)
	if err != nil {
		return Version{}, err
	}
	v, err := publish(ctx, tx, by, doc, release{at: d.EffectiveAt, major: d.Major, draft: &d})
	if err != nil {
		return Version{}, err
	}
	d.State, d.ApprovedBy, d.Version, d.EndedAt = Published, account.UserID(by.User), v.ID, tx.Now()
	if err := d.move(ctx, tx, Proposed); err != nil {
		return Version{}, err
	}
	return v, d.record(ctx, tx, by, "agreement.approved", map[string]any{"version": v.ID, "proposed_by": string(d.ProposedBy)})
}

// SendBack returns a proposed draft to where it came from, with a reason.
func SendBack(ctx context.Context, tx *db.Tx, by audit.Actor, id string, seen int64, reason string) (_ Draft, err error) {
	defer fault.Wrap(&err, "agreement.SendBack(%s)", id)
	d, err := working(ctx, tx, by, id, seen)
	if err != nil {
		return Draft{}, err
	}
	if reason = strings.TrimSpace(reason); reason == "" {
		return Draft{}, ErrRequired.In("reason")
	}
	if d.State != Proposed {
		return Draft{}, ErrStale
	}
	d.State, d.ProposedBy = Drafting, ""
	if !d.OpenedAt.IsZero() {
		d.State = Consulting
	}
	if err := d.move(ctx, tx, Proposed); err != nil {
		return Draft{}, err
	}
	return d, d.record(ctx, tx, by, "agreement.sent_back", map[string]any{"reason": reason})
}

// Withdraw ends a draft without publishing it, with a reason that its page shows.
func Withdraw(ctx context.Context, tx *db.Tx, by audit.Actor, id string, seen int64, reason Both) (_ Draft, err error) {
	defer fault.Wrap(&err, "agreement.Withdraw(%s)", id)
	d, err := working(ctx, tx, by, id, seen)
	if err != nil {
		return Draft{}, err
	}
	if d.Outcome, err = reasons(reason, "outcome"); err != nil {
		return Draft{}, err
	}
	was := d.State
	if was == Published || was == Withdrawn {
		return Draft{}, ErrStale
	}
	d.State, d.EndedAt = Withdrawn, tx.Now()
	if err := d.move(ctx, tx, was); err != nil {
		return Draft{}, err
	}
	return d, d.record(ctx, tx, by, "agreement.withdrawn", nil)
}

// working is a draft for an act of compliance, as it was seen.
func working(ctx context.Context, tx *db.Tx, by audit.Actor, id string, seen int64) (Draft, error) {
	if err := mayDraft(by); err != nil {
		return Draft{}, err
	}
	d, err := ReadDraft(ctx, tx, id)
	if err == nil && d.Revision != seen {
		err = ErrStale
	}
	return d, err
}

// move writes a draft that was in a state, and refuses STALE when it is not there
// any more.
func (d *Draft) move(ctx context.Context, tx *db.Tx, was DraftState) error {
	n, err := tx.Exec(ctx, sqlMoveDraft, string(d.State), string(d.Source), string(d.Consulted), d.Why.ZH, d.Why.EN, d.Outcome.ZH, d.Outcome.EN,
		d.Major, string(d.ProposedBy), string(d.ApprovedBy), db.Micros(d.OpenedAt), db.Micros(d.ClosesAt), db.Micros(d.EffectiveAt),
		db.Micros(d.EndedAt), d.Version, d.ID, d.Revision, string(was))
	if err == nil && n == 0 {
		err = ErrStale
	}
	d.Revision++
	return err
}

func (d Draft) record(ctx context.Context, tx *db.Tx, by audit.Actor, act string, more map[string]any) error {
	data := map[string]any{"code": d.Code, "number": d.Number, "state": string(d.State), "revision": d.Revision, "sha256": hexSum(d.Source)}
	for k, v := range more {
		data[k] = v
	}
	return audit.Record(ctx, tx, by, audit.Entry{Act: act, Subjects: []string{d.ID}, Clauses: []string{"UA 1.1", "UA 5.3"}, Data: data})
}

// ReadDraft returns a draft, or NOT_FOUND.
func ReadDraft(ctx context.Context, r db.Reader, id string) (Draft, error) {
	d, err := db.One(ctx, r, scanDraft, sqlGetDraft, id)
	if errors.Is(err, db.ErrNoRow) {
		err = ErrNotFound
	}
	return d, err
}

// Drafts lists drafts, newest first.
func Drafts(ctx context.Context, r db.Reader, limit int) ([]Draft, error) {
	return db.All(ctx, r, scanDraft, sqlDrafts, limit)
}

// Consultations lists the drafts that are open for comments or whose comments are
// being looked at, newest first.
func Consultations(ctx context.Context, r db.Reader) ([]Draft, error) {
	return db.All(ctx, r, scanDraft, sqlInState, string(Consulting))
}

// DraftOf is the draft that a version was published from; false for a first
// version.
func DraftOf(ctx context.Context, r db.Reader, version string) (Draft, bool, error) {
	d, err := db.One(ctx, r, scanDraft, sqlOfVersion, version)
	if errors.Is(err, db.ErrNoRow) {
		return Draft{}, false, nil
	}
	return d, err == nil, err
}

// Comment is what an account said about a draft. Who said it is known to the
// operator and not shown.
type Comment struct {
	ID         string
	Draft      string
	Account    account.ID
	User       account.UserID
	Clause     string // "": the whole
	Body       string
	At         time.Time
	Answer     string
	AnsweredBy account.UserID
	AnsweredAt time.Time
}

// mostComments is how many comments one account may leave on a draft: enough for
// every clause that matters to it, too few to bury the others'.
const mostComments = 50

// Say leaves a comment on a draft that is open for comments. Numbers of accounts,
// passwords and ways to pay are starred out, because comments are public; what is
// left passes the words.
func Say(ctx context.Context, tx *db.Tx, by audit.Actor, id, clause, body string, words account.Words) (Comment, error) {
	body = strings.TrimSpace(body)
	switch {
	case by.Account == "" || by.User == "":
		return Comment{}, ErrForbidden
	case body == "":
		return Comment{}, ErrRequired.In("body")
	case utf8.RuneCountInString(body) > longest:
		return Comment{}, ErrInvalid.In("body")
	}
	d, err := ReadDraft(ctx, tx, id)
	if err != nil {
		return Comment{}, err
	}
	if !d.Commentable(tx.Now()) {
		return Comment{}, ErrClosed
	}
	text, err := d.Asked()
	if err != nil {
		return Comment{}, err
	}
	if clause != "" && !text.has(clause) {
		return Comment{}, ErrInvalid.In("clause")
	}
	said, err := db.Value[int64](ctx, tx, sqlOwnComments, id, by.Account)
	if err != nil {
		return Comment{}, err
	}
	if said >= mostComments {
		return Comment{}, ErrInvalid.In("body")
	}
	c := Comment{
		ID: tx.ID("cmt"), Draft: id, Account: account.ID(by.Account), User: account.UserID(by.User), Clause: clause,
		Body: screen.Mask(body, screen.Scan(body)), At: tx.Now(),
	}
	if err := words.Pass(ctx, tx, by, "body", c.Body); err != nil {
		return Comment{}, err
	}
	if _, err := tx.Exec(ctx, sqlInsertComment, c.ID, c.Draft, string(c.Account), string(c.User), c.Clause, c.Body, db.Micros(c.At)); err != nil {
		return Comment{}, err
	}
	return c, audit.Record(ctx, tx, by, audit.Entry{
		Act: "agreement.commented", Subjects: []string{id, c.ID}, Clauses: []string{"UA 5.3"},
		Data: map[string]any{"clause": clause, "sha256": hexSum([]byte(c.Body))},
	})
}

// AnswerComment answers a comment in public, once.
func AnswerComment(ctx context.Context, tx *db.Tx, by audit.Actor, id, answer string) error {
	if err := mayDraft(by); err != nil {
		return err
	}
	answer, err := fault.Words(answer, "answer", true, longest, ErrRequired, ErrInvalid)
	if err != nil {
		return err
	}
	c, err := db.One(ctx, tx, scanComment, sqlGetComment, id)
	if errors.Is(err, db.ErrNoRow) {
		return ErrNotFound
	}
	if err != nil {
		return err
	}
	n, err := tx.Exec(ctx, sqlAnswer, answer, by.User, db.Micros(tx.Now()), id)
	if err == nil && n == 0 {
		err = ErrStale
	}
	if err != nil {
		return err
	}
	return audit.Record(ctx, tx, by, audit.Entry{
		Act: "agreement.comment_answered", Subjects: []string{c.Draft, id}, Clauses: []string{"UA 5.3"}, Data: map[string]any{"sha256": hexSum([]byte(answer))},
	})
}

// Comments lists what was said about a draft, oldest first.
func Comments(ctx context.Context, r db.Reader, draft string, limit int) ([]Comment, error) {
	return db.All(ctx, r, scanComment, sqlComments, draft, limit)
}

// CountComments is how many comments a draft has.
func CountComments(ctx context.Context, r db.Reader, draft string) (int64, error) {
	return db.Value[int64](ctx, r, sqlCountComments, draft)
}
