package catalog

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"runtime"
	"sync"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/operation"
	"yunshi/internal/market/vendor"
)

// ImportItem is one product of a vendor's file.
type ImportItem struct {
	Slug    string
	Content Content
}

// ImportResult is what became of one item, in the order of the items. Refused is
// empty for an item that is on the market now; Unchanged says that it already was
// with exactly this content.
type ImportResult struct {
	Slug      string
	Product   ProductID
	Version   VersionID
	Unchanged bool
	Refused   fault.List
}

// Import lists products from a file of the vendor. Every sheet passes the same
// checklist as a submission; those that fail are refused one by one and the rest
// is listed under one approval of the officer who runs the import, which carries
// the hash over all hashes. The content is taken as the vendor wrote it.
//
// A slug the vendor already uses gets a new version. The caller indexes the
// products in the same transaction and keeps a transaction to some 500 items.
func Import(ctx context.Context, tx *db.Tx, by audit.Actor, v vendor.ID, items []ImportItem) (_ []ImportResult, err error) {
	defer fault.Wrap(&err, "catalog.Import(%s, %d items)", v, len(items))
	if !officer(by) {
		return nil, ErrForbidden
	}
	seller, err := vendor.Get(ctx, tx, v)
	if err != nil {
		return nil, err
	}
	if by.Account != "" && by.Account == string(seller.Account) {
		return nil, ErrOwnCase
	}
	if err := vendor.MustPublish(ctx, tx, v); err != nil {
		return nil, err
	}
	known, err := bySlugs(ctx, tx, items)
	if err != nil {
		return nil, err
	}
	sheets, err := prepare(ctx, tx, items, known)
	if err != nil {
		return nil, err
	}
	err = operation.MustTakeNew(ctx, tx) // 8.1: what is listed already may go on
	ending, refusesNew := fault.Of(err)
	if err != nil && !refusesNew {
		return nil, err
	}
	approval := Decision{
		ID: tx.ID("rev"), Method: "import", Vendor: v, Approved: true, Reviewer: by.User, DecidedAt: tx.Now(),
		Reasons: []Item{{Field: "import", Reason: "checklist passed"}},
	}
	results := make([]ImportResult, len(items))
	var fresh, again []int
	seen := map[string]bool{}
	digest := sha256.New()
	for i, s := range sheets {
		results[i] = ImportResult{Slug: items[i].Slug, Refused: s.faults}
		p, exists := known[items[i].Slug]
		switch {
		case seen[items[i].Slug], exists && p.Vendor != v:
			results[i].Refused = append(results[i].Refused, ErrSlugTaken.In("slug"))
		case refusesNew && p.ListedVersion == "":
			results[i].Refused = append(results[i].Refused, ending)
		case exists && p.Scope != "":
			results[i].Refused = append(results[i].Refused, ErrDelisted.With("State", string(p.State)))
		}
		seen[items[i].Slug] = true
		if len(results[i].Refused) > 0 {
			continue
		}
		if exists {
			again = append(again, i)
		} else {
			fresh = append(fresh, i)
		}
		approval.Items++
		io.WriteString(digest, s.hash) //nolint:errcheck // a hash takes everything
	}
	if approval.Items == 0 {
		return results, nil
	}
	approval.SHA256 = hex.EncodeToString(digest.Sum(nil))
	if err := storeReview(ctx, tx, approval); err != nil {
		return nil, err
	}
	if err := listFresh(ctx, tx, seller, approval, items, sheets, fresh, results); err != nil {
		return nil, err
	}
	for _, i := range again {
		if err := listAgain(ctx, tx, seller, approval, known[items[i].Slug], items[i], sheets[i], &results[i]); err != nil {
			return nil, err
		}
	}
	return results, audit.Record(ctx, tx, by, audit.Entry{
		Act: "listing.imported", Subjects: []string{string(v), approval.ID}, Clauses: []string{"UA 2.3", "UA 3.2"},
		Data: map[string]any{"items": approval.Items, "sha256": approval.SHA256},
	})
}

// sheet is an item made ready: encoded, hashed and checked.
type sheet struct {
	encoded []byte
	hash    string
	faults  fault.List
}

// prepare encodes and checks the items on every processor; that is most of the
// work of an import and none of it needs the database.
func prepare(ctx context.Context, r db.Reader, items []ImportItem, known map[string]Product) ([]sheet, error) {
	g, err := groundsOf(ctx, r)
	if err != nil {
		return nil, err
	}
	sheets := make([]sheet, len(items))
	workers := runtime.GOMAXPROCS(0)
	errs := make([]error, workers)
	var wait sync.WaitGroup
	for w := range workers {
		wait.Go(func() {
			for i := w; i < len(items); i += workers {
				s := &sheets[i]
				if s.encoded, errs[w] = Encode(items[i].Content); errs[w] != nil {
					return
				}
				s.hash = hashOf(s.encoded)
				s.faults = g.check(items[i].Content, known[items[i].Slug].Category)
				if !slugPattern.MatchString(items[i].Slug) {
					s.faults = append(s.faults, ErrInvalid.In("slug"))
				}
				if items[i].Content.Delivery.File != "" {
					s.faults = append(s.faults, ErrInvalid.In("delivery.file")) // files are uploaded by people
				}
			}
		})
	}
	wait.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return sheets, nil
}

func bySlugs(ctx context.Context, r db.Reader, items []ImportItem) (map[string]Product, error) {
	known := map[string]Product{}
	if len(items) == 0 {
		return known, nil
	}
	args := make([]any, len(items))
	for i, item := range items {
		args[i] = item.Slug
	}
	return known, db.Each(ctx, r, scanProduct, func(p Product) error { known[p.Slug] = p; return nil }, selectProductsBySlugs+db.In(1, len(args)), args...)
}

// listFresh puts new products on the market, many rows to a statement.
func listFresh(ctx context.Context, tx *db.Tx, seller vendor.Vendor, approval Decision, items []ImportItem, sheets []sheet, fresh []int, results []ImportResult) error {
	products, versions := make([][]any, 0, len(fresh)), make([][]any, 0, len(fresh))
	var plans [][]any
	for _, i := range fresh {
		c := items[i].Content
		p := Product{
			ID: ProductID(tx.ID("prd")), Vendor: seller.ID, Slug: items[i].Slug, State: ProductListed, ListedVersion: VersionID(tx.ID("ver")),
			Category: c.Category, RightsUntil: rightsUntil(c), CreatedAt: tx.Now(), ListedAt: tx.Now(),
		}
		products = append(products, productRow(p))
		versions = append(versions, versionRow(imported(tx, seller, approval, p, p.ListedVersion, 1, c, sheets[i], VersionListed)))
		plans = append(plans, planRows(tx, p.ID, c)...)
		results[i].Product, results[i].Version = p.ID, p.ListedVersion
	}
	batch := tx.Batch()
	addRows(batch, insertProducts, "", productWidth, products)
	addRows(batch, insertVersions, "", versionWidth, versions)
	addRows(batch, upsertPlans, "", planWidth, plans)
	if _, err := batch.Send(ctx); err != nil {
		return err
	}
	for _, i := range fresh {
		if until := rightsUntil(items[i].Content); !until.IsZero() {
			if err := watchRights(ctx, tx, results[i].Product, calendar.Date{}, until); err != nil {
				return err
			}
		}
	}
	return nil
}

func imported(tx *db.Tx, seller vendor.Vendor, approval Decision, p Product, id VersionID, number int64, c Content, s sheet, state VersionState) Version {
	v := Version{
		ID: id, Product: p.ID, Number: number, State: state, Content: c, SHA256: s.hash, SubmittedSHA256: s.hash,
		Author: string(seller.Account), CreatedAt: tx.Now(), SubmittedAt: tx.Now(), encoded: s.encoded,
	}
	if state == VersionListed {
		v.Review, v.PublishedSHA256, v.ListedAt = approval.ID, s.hash, tx.Now()
	}
	return v
}

// listAgain gives a known product the imported content as its next version.
func listAgain(ctx context.Context, tx *db.Tx, seller vendor.Vendor, approval Decision, p Product, item ImportItem, s sheet, result *ImportResult) error {
	result.Product = p.ID
	if p.ListedVersion != "" {
		listed, err := GetVersion(ctx, tx, p.ListedVersion)
		if err != nil {
			return err
		}
		if listed.SHA256 == s.hash {
			result.Version, result.Unchanged = listed.ID, true
			return nil
		}
	}
	open, err := db.Value[int64](ctx, tx, selectOpenVersions, string(p.ID))
	if err != nil {
		return err
	}
	if open > 0 {
		result.Refused = fault.List{ErrOpenVersion}
		return nil
	}
	last, err := db.Value[int64](ctx, tx, selectLastNumber, string(p.ID))
	if err != nil {
		return err
	}
	v := imported(tx, seller, approval, p, VersionID(tx.ID("ver")), last+1, item.Content, s, VersionSubmitted)
	if _, err := tx.Exec(ctx, insertVersions+several(1, versionWidth), versionRow(v)...); err != nil {
		return err
	}
	v.Review = approval.ID
	if _, err := list(ctx, tx, p, v); err != nil {
		return err
	}
	result.Version = v.ID
	return nil
}
