package agreement

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/job"
)

// Publish makes a document public by the installation's own act: the first version
// of a code, which binds at once, or a change while nobody is bound yet, which
// waits for its notice. It refuses anybody but the server's shell,
// SECOND_APPROVER_REQUIRED for a change that somebody is bound by (see [Begin]),
// EMPHASIS_MISSING per clause, PUBLISH_TOO_EARLY, VERSION_PUBLISHED for a number
// that is not the next one, and FIELD_INVALID for a document with a gap.
func Publish(ctx context.Context, tx *db.Tx, by audit.Actor, source []byte, t Terms) (Version, error) {
	d, err := parse(source)
	if err != nil {
		return Version{}, err
	}
	d = t.fill(d)
	_, err = db.One(ctx, tx, scanVersion, sqlNewest, d.Code)
	first := errors.Is(err, db.ErrNoRow)
	if err != nil && !first {
		return Version{}, err
	}
	_, err = db.Value[string](ctx, tx, sqlAnyRecord)
	bound := err == nil
	if err != nil && !errors.Is(err, db.ErrNoRow) {
		return Version{}, err
	}
	if err := mayPublish(by, first, bound); err != nil {
		return Version{}, err
	}
	return publish(ctx, tx, by, d, release{at: t.EffectiveAt, major: t.Major, first: first})
}

// release is how a document becomes public.
type release struct {
	at    time.Time // asked; zero: as early as the market's own notice allows
	major bool
	first bool // nothing is replaced and nobody waits
	draft *Draft
}

// publish makes a checked document public under the next number of its code.
func publish(ctx context.Context, tx *db.Tx, by audit.Actor, d document, how release) (Version, error) {
	if err := wellFormed(d); err != nil {
		return Version{}, err
	}
	if err := emphasised(d.parts()); err != nil {
		return Version{}, err
	}
	last, err := db.One(ctx, tx, scanVersion, sqlNewest, d.Code)
	if err != nil && !errors.Is(err, db.ErrNoRow) {
		return Version{}, err
	}
	if d.Number != last.Number+1 {
		return Version{}, ErrPublished.With("Next", last.Number+1).In("number")
	}
	law, own, err := noticeOf(ctx, tx, d, how)
	if err != nil {
		return Version{}, err
	}
	from, err := effectiveFrom(tx.Now(), how.at, how.first, law, how.major, own)
	if err != nil {
		return Version{}, err
	}
	if from.Before(last.EffectiveAt) {
		return Version{}, ErrTooEarly.With("Earliest", last.EffectiveAt.UTC().Format(time.RFC3339)).In("effective_at")
	}
	text, err := encode(d)
	if err != nil {
		return Version{}, err
	}
	v := Version{
		ID: tx.ID("agr"), Kind: d.kind(), Code: d.Code, Number: d.Number, Title: d.Title,
		PlaceOfSigning: d.PlaceOfSigning, GoverningLaw: d.GoverningLaw, Jurisdiction: d.Jurisdiction,
		SHA256: hexSum(text), PublishedAt: tx.Now(), EffectiveAt: from,
		Chapters: d.Chapters, Clauses: d.parts(), Source: text,
	}
	if err := insertVersion(ctx, tx, v, d.Settings); err != nil {
		return Version{}, err
	}
	act := "rulebook.published"
	if v.Kind != KindRulebook {
		act = v.Code + ".published"
	}
	subjects := []string{v.ID}
	if how.draft != nil {
		subjects = append(subjects, how.draft.ID)
	}
	if err := audit.Record(ctx, tx, by, audit.Entry{
		Act: act, Subjects: subjects, Clauses: []string{"UA 1.1", "UA 5.3", "UA P-2"},
		Data: map[string]any{
			"code": v.Code, "number": v.Number, "sha256": v.SHA256, "effective_at": db.Micros(v.EffectiveAt),
			"law": law.Jurisdiction, "public": fmt.Sprintf("/rules/documents/%s/%d", v.Code, v.Number),
		},
	}); err != nil || how.first {
		return v, err
	}
	return v, job.Enqueue(ctx, tx, job.Spec{Kind: AnnounceJob, Object: v.ID, Payload: announcement{Code: v.Code, Number: v.Number}})
}

// noticeOf is the law that a change stands under, and the notice that the market
// itself promises. A version that brings another law stands under both.
func noticeOf(ctx context.Context, tx *db.Tx, d document, how release) (Law, int, error) {
	if how.first {
		return LawOf(d.Jurisdiction), 0, nil
	}
	law, err := LawInForce(ctx, tx)
	if err != nil {
		return Law{}, 0, err
	}
	if d.kind() == KindAgreement {
		law = stricter(law, LawOf(d.Jurisdiction))
	}
	own, err := Setting[struct {
		Days  int `json:"days"`
		Major int `json:"major_days"`
	}](ctx, tx, "rule_change_notice")
	if how.major {
		own.Days = max(own.Days, own.Major)
	}
	return law, own.Days, err
}

func insertVersion(ctx context.Context, tx *db.Tx, v Version, settings map[string]json.RawMessage) error {
	n, err := tx.Exec(ctx, sqlInsertVersion, v.ID, v.Kind, v.Code, v.Number, v.Title.ZH, v.Title.EN,
		v.PlaceOfSigning.ZH, v.PlaceOfSigning.EN, v.GoverningLaw.ZH, v.GoverningLaw.EN, v.Jurisdiction, v.SHA256,
		db.Micros(v.PublishedAt), db.Micros(v.EffectiveAt), string(v.Source))
	if err != nil {
		return err
	}
	if n == 0 {
		return ErrPublished.In("number")
	}
	b := tx.Batch()
	for i, c := range v.Clauses {
		b.Add(sqlInsertClause, v.ID, i, c.ID, string(c.Emphasis), string(c.Kind))
	}
	for key, value := range settings {
		b.Add(sqlInsertSetting, v.ID, key, string(value))
	}
	_, err = b.Send(ctx)
	return err
}

// parse reads a source strictly.
func parse(source []byte) (document, error) {
	var d document
	reader := json.NewDecoder(bytes.NewReader(source))
	reader.DisallowUnknownFields()
	if err := reader.Decode(&d); err != nil {
		return document{}, fmt.Errorf("%w: %w", ErrInvalid.In("source"), err)
	}
	if d.Jurisdiction == "" {
		d.Jurisdiction = "CN"
	}
	for _, list := range [][]Clause{d.Clauses, d.Sections} {
		for i := range list {
			if list[i].Emphasis == "" {
				list[i].Emphasis = Plain
			}
			if list[i].Kind == "" {
				list[i].Kind = Ordinary
			}
		}
	}
	return d, nil
}

// fill puts the installation's terms into the texts of a document.
func (t Terms) fill(d document) document {
	d.Operator = t.Operator
	if t.PlaceOfSigning.full() {
		d.PlaceOfSigning = t.PlaceOfSigning
	}
	if t.GoverningLaw.full() {
		d.GoverningLaw = t.GoverningLaw
	}
	if t.Jurisdiction != "" {
		d.Jurisdiction = t.Jurisdiction
	}
	zh := strings.NewReplacer("{{.Operator}}", d.Operator.ZH, "{{.PlaceOfSigning}}", d.PlaceOfSigning.ZH, "{{.GoverningLaw}}", d.GoverningLaw.ZH)
	en := strings.NewReplacer("{{.Operator}}", d.Operator.EN, "{{.PlaceOfSigning}}", d.PlaceOfSigning.EN, "{{.GoverningLaw}}", d.GoverningLaw.EN)
	fill := func(b *Both) { b.ZH, b.EN = zh.Replace(b.ZH), en.Replace(b.EN) }
	fill(&d.Title)
	for _, list := range [][]Clause{d.Clauses, d.Sections} {
		for i := range list {
			fill(&list[i].Title)
			fill(&list[i].Text)
		}
	}
	return d
}

// encode writes the published form: indented, so that a person can read what was
// hashed.
func encode(d document) ([]byte, error) {
	var b bytes.Buffer
	w := json.NewEncoder(&b)
	w.SetEscapeHTML(false)
	w.SetIndent("", "  ")
	err := w.Encode(d)
	return b.Bytes(), err
}

//go:embed text/*.v1.json
var first embed.FS

// Seed publishes the first version of every document that comes with the program
// and is not published yet. Running it again changes nothing.
func Seed(ctx context.Context, tx *db.Tx, by audit.Actor, t Terms) error {
	names, err := fs.Glob(first, "text/*.json")
	if err != nil {
		return err
	}
	slices.Sort(names)
	for _, name := range names {
		source, err := fs.ReadFile(first, name)
		if err != nil {
			return err
		}
		var d struct {
			Code string `json:"code"`
		}
		if err := json.Unmarshal(source, &d); err != nil {
			return fmt.Errorf("agreement: %s: %w", path.Base(name), err)
		}
		_, err = db.One(ctx, tx, scanVersion, sqlNewest, d.Code)
		if err == nil {
			continue
		}
		if !errors.Is(err, db.ErrNoRow) {
			return err
		}
		if _, err := Publish(ctx, tx, by, source, t); err != nil {
			return fmt.Errorf("agreement: %s: %w", path.Base(name), err)
		}
	}
	return nil
}

// AnnounceJob is the kind of job that tells every account about a new version.
const AnnounceJob = "agreement.announce"

type announcement struct {
	Code   string     `json:"code"`
	Number int64      `json:"number"`
	After  account.ID `json:"after"`
}
