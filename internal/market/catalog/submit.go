package catalog

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/base/screen"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/content"
	"yunshi/internal/market/operation"
	"yunshi/internal/market/vendor"
)

// Submit hands a draft to the reviewers. It refuses a sheet that breaks a rule of
// the checklist, with every fault and its field, and a vendor that may not
// publish. From here on the content cannot be changed; its hash is what will be
// approved and shown.
func Submit(ctx context.Context, tx *db.Tx, by audit.Actor, id VersionID) (_ Version, err error) {
	defer fault.Wrap(&err, "catalog.Submit(%s)", id)
	v, p, seller, err := writable(ctx, tx, by, id)
	if err != nil {
		return Version{}, err
	}
	if v.State != VersionDraft {
		return Version{}, ErrStale
	}
	if p.Scope != "" {
		return Version{}, ErrDelisted.With("State", string(p.State))
	}
	if err := vendor.MustPublish(ctx, tx, seller.ID); err != nil {
		return Version{}, err
	}
	if p.ListedVersion == "" {
		if err := operation.MustTakeNew(ctx, tx); err != nil { // 8.1
			return Version{}, err
		}
	}
	if err := lawful(ctx, tx, by, p, v.Content); err != nil {
		return Version{}, err
	}
	faults, err := CheckOf(ctx, tx, seller.ID, p.Category, v.Content)
	if err != nil {
		return Version{}, err
	}
	if err := faults.Err(); err != nil {
		return Version{}, err
	}
	n, err := tx.Exec(ctx, submitVersion, db.Micros(tx.Now()), string(id), v.SHA256)
	if err := guarded(n, err); err != nil {
		return Version{}, err
	}
	if p.State == ProductDraft {
		submitted := p
		submitted.State = ProductSubmitted
		if err := move(ctx, tx, p, submitted); err != nil {
			return Version{}, err
		}
	}
	v.State, v.SubmittedSHA256, v.SubmittedAt = VersionSubmitted, v.SHA256, tx.Now()
	return v, audit.Record(ctx, tx, by, audit.Entry{
		Act: "listing.submitted", Subjects: []string{string(p.ID), string(id)}, Clauses: []string{"UA 3.2"},
		Data: map[string]any{"sha256": v.SHA256},
	})
}

// lawful refuses a sheet with a term of the lexicon, and leaves the sealed text.
func lawful(ctx context.Context, tx *db.Tx, by audit.Actor, p Product, c Content) error {
	words, err := content.LexiconOf(ctx, tx)
	if err != nil {
		return err
	}
	for _, t := range slices.Concat(texts(c), further(c), []fieldText{{"slug", strings.ReplaceAll(p.Slug, "-", " ")}}) {
		if !words.Listed(t.text) {
			continue
		}
		if err := content.Must(ctx, tx, by, content.Piece{Kind: content.Listing, Ref: string(p.ID), Field: t.field, Place: screen.Public, Text: t.text}); err != nil {
			return err
		}
	}
	return nil
}

// Check is the whole checklist for a sheet of a vendor today: [Checklist], the
// rulebook's bounds, the category, the licence's end and the file that is handed
// over. A vendor sees the same list as a reviewer.
func Check(ctx context.Context, r db.Reader, v vendor.ID, c Content) (fault.List, error) {
	return CheckOf(ctx, r, v, "", c)
}

// CheckOf is [Check] for a product that stands in a category already, where it may
// stay although the category takes no new ones.
func CheckOf(ctx context.Context, r db.Reader, v vendor.ID, in string, c Content) (fault.List, error) {
	g, err := groundsOf(ctx, r)
	if err != nil {
		return nil, err
	}
	faults := g.check(c, in)
	if c.Delivery.File != "" {
		file, err := FileOf(ctx, r, c.Delivery.File)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return nil, err
		}
		if err != nil || file.Vendor != v {
			faults = append(faults, ErrInvalid.In("delivery.file"))
		}
	}
	return faults, nil
}

// grounds are the facts outside a sheet that it is checked against.
type grounds struct {
	limits     limits
	categories map[string]CategoryState
	today      calendar.Date
	words      content.Lexicon
	scanned    *sync.Map // text to findings: sheets of one vendor repeat most of their texts
}

func (g grounds) scan(text string) []screen.Finding {
	if found, ok := g.scanned.Load(text); ok {
		return found.([]screen.Finding)
	}
	found := g.words.Scan(text)
	g.scanned.Store(text, found)
	return found
}

func groundsOf(ctx context.Context, r db.Reader) (g grounds, err error) {
	name, err := agreement.Setting[struct {
		ZH int `json:"zh_chars"`
		EN int `json:"en_chars"`
	}](ctx, r, "product_name_max")
	if err != nil {
		return g, err
	}
	term, err := agreement.Setting[struct{ Years int }](ctx, r, "product_term_max")
	if err != nil {
		return g, err
	}
	g = grounds{limits: limits{nameZH: name.ZH, nameEN: name.EN, years: term.Years}, categories: map[string]CategoryState{}, today: calendar.On(r.Now()), scanned: &sync.Map{}}
	if g.words, err = content.LexiconOf(ctx, r); err != nil {
		return g, err
	}
	all, err := WholeTree(ctx, r)
	for _, c := range all {
		g.categories[c.Code] = c.State
	}
	return g, err
}

// check is pure, so an import may run it for many sheets at once.
func (g grounds) check(c Content, in string) fault.List {
	faults := append(checklist(c, g.scan), within(c, g.limits)...)
	for _, t := range further(c) {
		if g.words.Listed(t.text) {
			faults = append(faults, content.ErrBlocked.In(t.field))
		}
	}
	if c.Category != "" {
		if f, refused := fault.Of(takesProduct(g.categories[c.Category], c.Category, in)); refused {
			faults = append(faults, f)
		}
	}
	if c.RightsBasis.Kind == Licensed {
		if f, ended := fault.Of(inForce(c.RightsBasis.Expires, g.today)); ended {
			faults = append(faults, f)
		}
	}
	return faults
}
