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

	"yunshi/internal/base/db"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/job"
)

// Publish makes a document public. The first version of a code binds at once, a
// change after its notice, and then every account is told (N-01, N-02). It refuses
// anybody but compliance and the server's shell, EMPHASIS_MISSING per clause,
// PUBLISH_TOO_EARLY, VERSION_PUBLISHED for a number that is not the next one, and
// FIELD_INVALID for a document with a gap.
func Publish(ctx context.Context, tx *db.Tx, by audit.Actor, source []byte, t Terms) (Version, error) {
	if err := mayPublish(by); err != nil {
		return Version{}, err
	}
	d, err := decode(source, t)
	if err != nil {
		return Version{}, err
	}
	if err := wellFormed(d); err != nil {
		return Version{}, err
	}
	if err := emphasised(d.parts()); err != nil {
		return Version{}, err
	}
	last, err := db.One(ctx, tx, scanVersion, sqlNewest, d.Code)
	first := errors.Is(err, db.ErrNoRow)
	if err != nil && !first {
		return Version{}, err
	}
	if d.Number != last.Number+1 {
		return Version{}, ErrPublished.With("Next", last.Number+1).In("number")
	}
	from, err := effectiveFrom(tx.Now(), t.EffectiveAt, first, t.Major)
	if err != nil {
		return Version{}, err
	}
	if from.Before(last.EffectiveAt) {
		return Version{}, ErrTooEarly.In("effective_at")
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
	if err := audit.Record(ctx, tx, by, audit.Entry{
		Act: act, Subjects: []string{v.ID}, Clauses: []string{"UA 1.1", "UA P-2"},
		Data: map[string]any{"code": v.Code, "number": v.Number, "sha256": v.SHA256, "effective_at": db.Micros(v.EffectiveAt)},
	}); err != nil || first {
		return v, err
	}
	return v, job.Enqueue(ctx, tx, job.Spec{Kind: AnnounceJob, Object: v.ID, Payload: announcement{Code: v.Code, Number: v.Number}})
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

// decode reads a source and fills the installation's terms into its texts.
func decode(source []byte, t Terms) (document, error) {
	var d document
	reader := json.NewDecoder(bytes.NewReader(source))
	reader.DisallowUnknownFields()
	if err := reader.Decode(&d); err != nil {
		return document{}, fmt.Errorf("%w: %w", ErrInvalid.In("source"), err)
	}
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
	if d.Jurisdiction == "" {
		d.Jurisdiction = "CN"
	}
	zh := strings.NewReplacer("{{.Operator}}", d.Operator.ZH, "{{.PlaceOfSigning}}", d.PlaceOfSigning.ZH, "{{.GoverningLaw}}", d.GoverningLaw.ZH)
	en := strings.NewReplacer("{{.Operator}}", d.Operator.EN, "{{.PlaceOfSigning}}", d.PlaceOfSigning.EN, "{{.GoverningLaw}}", d.GoverningLaw.EN)
	fill := func(b *Both) { b.ZH, b.EN = zh.Replace(b.ZH), en.Replace(b.EN) }
	fill(&d.Title)
	for _, list := range [][]Clause{d.Clauses, d.Sections} {
		for i := range list {
			c := &list[i]
			fill(&c.Title)
			fill(&c.Text)
			if c.Emphasis == "" {
				c.Emphasis = Plain
			}
			if c.Kind == "" {
				c.Kind = Ordinary
			}
		}
	}
	return d, nil
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
