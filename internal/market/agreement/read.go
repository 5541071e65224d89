package agreement

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/market/account"
)

// Current returns the bundle in force, without texts. It is an error, not a
// refusal, when nothing was published yet: Seed runs before anything else.
func Current(ctx context.Context, r db.Reader) (Bundle, error) {
	versions, err := bundle(ctx, r, scanVersion, sqlBundle)
	if err != nil {
		return Bundle{}, err
	}
	return Bundle{Hash: bundleHash(versions), Agreement: versions[0], Rulebooks: versions[1:]}, nil
}

// bundle reads the documents in force together, the agreement first.
func bundle(ctx context.Context, r db.Reader, scan func(db.Scanner) (Version, error), q string) ([]Version, error) {
	versions, err := db.All(ctx, r, scan, q, db.Micros(r.Now()))
	if err == nil && (len(versions) == 0 || versions[0].Kind != KindAgreement) {
		err = errors.New("agreement: no user agreement is in force")
	}
	return versions, err
}

// Read returns a version of the user agreement with its clauses; number 0 is the
// one in force.
func Read(ctx context.Context, r db.Reader, number int64) (Version, error) {
	return ReadDocument(ctx, r, UserAgreement, number)
}

// ReadDocument returns a version of any document with its clauses; number 0 is
// the one in force. NOT_FOUND when there is none.
func ReadDocument(ctx context.Context, r db.Reader, code string, number int64) (Version, error) {
	var v Version
	var err error
	if number == 0 {
		v, err = db.One(ctx, r, scanSource, sqlGetInForce, code, db.Micros(r.Now()))
	} else {
		v, err = db.One(ctx, r, scanSource, sqlGet, code, number)
	}
	if errors.Is(err, db.ErrNoRow) {
		return Version{}, ErrNotFound
	}
	if err != nil {
		return Version{}, err
	}
	replaced, err := db.Value[int64](ctx, r, sqlReplaced, v.Code, v.Number)
	if err != nil {
		return Version{}, err
	}
	v.SupersededAt = db.Time(replaced)
	disabled, err := DisabledOf(ctx, r, code)
	for _, d := range disabled {
		if d.stands(r.Now()) {
			v.disabled = append(v.disabled, d)
		}
	}
	return v, err
}

// Versions lists all versions of a document, newest first, without texts.
func Versions(ctx context.Context, r db.Reader, code string) ([]Version, error) {
	all, err := db.All(ctx, r, scanVersion, sqlVersions, code)
	for i := range all[:max(0, len(all)-1)] { // a later version never takes effect before an earlier one
		all[i+1].SupersededAt = all[i].EffectiveAt
	}
	return all, err
}

// Codes lists the codes of all documents that were ever published.
func Codes(ctx context.Context, r db.Reader) ([]string, error) {
	return db.All(ctx, r, db.Column[string], sqlAllCodes)
}

// Upcoming lists what is published and takes effect later, soonest first.
func Upcoming(ctx context.Context, r db.Reader) ([]Version, error) {
	return db.All(ctx, r, scanVersion, sqlAnnounced, db.Micros(r.Now()))
}

// Cite returns a version for a decision made at a moment, and refuses
// RULE_NOT_IN_FORCE for one that is unknown or bound only later.
// It refuses a version that another has replaced by then, too.
func Cite(ctx context.Context, r db.Reader, code string, number int64, at time.Time) (Version, error) {
	v, err := ReadDocument(ctx, r, code, max(number, 1))
	if err != nil && !errors.Is(err, ErrNotFound) {
		return Version{}, err
	}
	return v, citable(v, at)
}

// MustAccepted refuses ACCOUNT_TERMINATED for an account whose agreement is dissolved,
// and AGREEMENT_NOT_ACCEPTED for one without a record of
// the bundle in force.
func MustAccepted(ctx context.Context, r db.Reader, id account.ID) error {
	s, _, err := Status(ctx, r, id)
	if err != nil {
		return err
	}
	return mustStand(s)
}

// Status says how an account stands to the bundle in force and since when it is
// bound; the zero time when it is not. A dissolved agreement stands to nothing, and
// says since when.
func Status(ctx context.Context, r db.Reader, id account.ID) (Standing, time.Time, error) {
	if d, dissolved, err := DissolutionOf(ctx, r, id); dissolved || err != nil {
		return Dissolved, d.At, err
	}
	documents, err := bundle(ctx, r, scanListed, sqlBundleList)
	if err != nil {
		return None, time.Time{}, err
	}
	refused, err := refusedSince(ctx, r, id)
	if err != nil || !refused.IsZero() {
		return Refused, time.Time{}, err
	}
	records, err := recordsOf(ctx, r, id, bundleHash(documents))
	if err != nil || len(records) == 0 {
		return None, time.Time{}, err
	}
	methods := make([]Method, len(records))
	for i, v := range records {
		methods[i] = v.Method
	}
	return standing(methods), records[0].EffectiveAt, nil
}

// Setting returns a setting of the rulebooks in force, decoded from its JSON:
//
//	window, err := agreement.Setting[struct{ Days int }](ctx, r, "refund_window_saas")
//
// A setting that no rulebook in force has is an error of the installation, never a
// silent zero.
func Setting[T any](ctx context.Context, r db.Reader, key string) (T, error) {
	v, _, err := Cited[T](ctx, r, key)
	return v, err
}

// Cited is [Setting] with the rulebook version that it comes from, as
// "settlement#1", for decisions that must name it.
func Cited[T any](ctx context.Context, r db.Reader, key string) (v T, rulebook string, err error) {
	return CitedAt[T](ctx, r, key, r.Now())
}

// CitedFor is [Cited] by the rules that bind an account: those before a change
// that it refused, where law lets it leave under them.
func CitedFor[T any](ctx context.Context, r db.Reader, id account.ID, key string) (v T, rulebook string, err error) {
	at, err := Bound(ctx, r, id)
	if err != nil {
		return v, "", err
	}
	return CitedAt[T](ctx, r, key, at)
}

// CitedAt is [Cited] by the rulebooks that were in force at a moment.
func CitedAt[T any](ctx context.Context, r db.Reader, key string, at time.Time) (v T, rulebook string, err error) {
	s, err := db.One(ctx, r, scanSetting, sqlSetting, key, db.Micros(at))
	if errors.Is(err, db.ErrNoRow) {
		return v, "", fmt.Errorf("agreement: no rulebook in force has the setting %q", key)
	}
	if err != nil {
		return v, "", err
	}
	if err := json.Unmarshal([]byte(s.value), &v); err != nil {
		return v, "", fmt.Errorf("agreement: setting %q: %w", key, err)
	}
	return v, fmt.Sprintf("%s#%d", s.code, s.number), nil
}

// Floor says which set of mandatory law stands under the agreement in force:
// "CN", "EU" or "OTHER".
func Floor(ctx context.Context, r db.Reader) (string, error) {
	b, err := Current(ctx, r)
	return lawFloor(b.Agreement), err
}

// Evidence returns the proof of every acceptance of an account, oldest first:
// the record, the exact documents, and what was displayed before.
func Evidence(ctx context.Context, r db.Reader, id account.ID) ([]Proof, error) {
	records, err := db.All(ctx, r, scanRecord, sqlAllRecords, id)
	if err != nil {
		return nil, err
	}
	bind(records)
	proofs := make([]Proof, len(records))
	for i, record := range records {
		documents, err := db.All(ctx, r, scanSource, sqlBundleSources, record.Bundle)
		if err != nil {
			return nil, err
		}
		displays, err := db.All(ctx, r, scanShown, sqlDisplays, id, record.Bundle)
		if err != nil {
			return nil, err
		}
		proofs[i] = Proof{Record: record, Documents: documents, Displays: displays, PlaceOfSigning: signedAt(documents)}
	}
	return proofs, nil
}

// Verify computes the hashes of the evidence again from its documents.
func (p Proof) Verify() error {
	for _, v := range p.Documents {
		if hexSum(v.Source) != v.SHA256 {
			return fmt.Errorf("agreement: the text of %s %d is not the published one", v.Code, v.Number)
		}
	}
	if bundleHash(p.Documents) != p.Record.Bundle {
		return errors.New("agreement: the documents are not the accepted bundle")
	}
	if textHash(p.Documents) != p.Record.TextSHA256 {
		return errors.New("agreement: the texts are not the accepted ones")
	}
	return nil
}
