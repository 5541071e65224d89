package catalog

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/db"
)

const (
	productCols = `p.id, p.vendor_id, p.slug, p.state, p.scope, p.hidden_cause, p.hidden_reason, p.listed_version, p.category, p.rights_until, p.created_at, p.listed_at`

	selectProduct         = `SELECT ` + productCols + ` FROM catalog_product p WHERE p.id = $1`
	selectProductBySlug   = `SELECT ` + productCols + ` FROM catalog_product p WHERE p.slug = $1`
	selectProductsOf      = `SELECT ` + productCols + ` FROM catalog_product p WHERE p.vendor_id = $1 AND p.id > $2 ORDER BY p.id LIMIT $3`
	selectProductsBySlugs = `SELECT ` + productCols + ` FROM catalog_product p WHERE p.slug IN `
	selectProducts        = `SELECT ` + productCols + ` FROM catalog_product p WHERE p.id > $1 ORDER BY p.id LIMIT $2`

	insertProducts = `INSERT INTO catalog_product (id, vendor_id, slug, state, scope, hidden_cause, hidden_reason, listed_version, category, rights_until, created_at, listed_at) VALUES `
	moveProduct    = `UPDATE catalog_product SET state = $1, scope = $2, hidden_cause = $3, hidden_reason = $4 WHERE id = $5 AND state = $6`
	listProduct    = `UPDATE catalog_product SET state = $1, hidden_cause = $2, hidden_reason = $3, listed_version = $4, category = $5, rights_until = $6, listed_at = $7
		WHERE id = $8 AND state = $9 AND listed_version = $10`
)

const productWidth = 12

func productRow(p Product) []any {
	return []any{string(p.ID), string(p.Vendor), p.Slug, string(p.State), string(p.Scope), p.HiddenCause, p.HiddenReason, string(p.ListedVersion),
		p.Category, day(p.RightsUntil), db.Micros(p.CreatedAt), db.Micros(p.ListedAt)}
}

// productDest is where the columns of a product go; done finishes the fields
// that are stored in another form.
func productDest(p *Product) (dest []any, done func() error) {
	var until string
	var created, listed int64
	dest = []any{&p.ID, &p.Vendor, &p.Slug, &p.State, &p.Scope, &p.HiddenCause, &p.HiddenReason, &p.ListedVersion, &p.Category, &until, &created, &listed}
	return dest, func() (err error) {
		p.CreatedAt, p.ListedAt = db.Time(created), db.Time(listed)
		if until != "" {
			p.RightsUntil, err = calendar.ParseDate(until)
		}
		return err
	}
}

func scanProduct(s db.Scanner) (Product, error) {
	var p Product
	dest, done := productDest(&p)
	if err := s.Scan(dest...); err != nil {
		return p, err
	}
	return p, done()
}

const (
	hidingCols    = `product_id, cause, ref, reason, hidden_by, hidden_at`
	insertHiding  = `INSERT INTO catalog_hiding (` + hidingCols + `) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING`
	deleteHiding  = `DELETE FROM catalog_hiding WHERE product_id = $1 AND cause = $2 AND ref = $3`
	selectHidings = `SELECT ` + hidingCols + ` FROM catalog_hiding WHERE product_id = $1
		ORDER BY CASE cause WHEN 'case' THEN 1 WHEN 'notice' THEN 2 WHEN 'operator' THEN 3 WHEN 'rights' THEN 4 ELSE 5 END, hidden_at, ref`
)

func scanHiding(s db.Scanner) (Hiding, error) {
	var h Hiding
	var at int64
	err := s.Scan(&h.Product, &h.Cause, &h.Ref, &h.Reason, &h.By, &at)
	h.At = db.Time(at)
	return h, err
}

// move changes the state of a product that was just read; every change of state
// but a listing goes through it.
func move(ctx context.Context, tx *db.Tx, from Product, to Product) error {
	n, err := tx.Exec(ctx, moveProduct, string(to.State), string(to.Scope), to.HiddenCause, to.HiddenReason, string(from.ID), string(from.State))
	return guarded(n, err)
}

func guarded(rows int64, err error) error {
	if err == nil && rows == 0 {
		return ErrStale
	}
	return err
}

// day is the stored form of a date: empty for none.
func day(d calendar.Date) string {
	if d.IsZero() {
		return ""
	}
	return d.String()
}

const (
	versionCols = `v.id, v.product_id, v.number, v.state, v.content, v.content_sha256, v.submitted_sha256, v.published_sha256, v.author, COALESCE(v.review_id, ''), v.created_at, v.submitted_at, v.listed_at`

	selectVersion      = `SELECT ` + versionCols + ` FROM catalog_version v WHERE v.id = $1`
	selectVersions     = `SELECT ` + versionCols + ` FROM catalog_version v WHERE v.product_id = $1 ORDER BY v.number`
	selectQueue        = `SELECT ` + versionCols + ` FROM catalog_version v WHERE v.state IN ('submitted', 'first_review') ORDER BY v.submitted_at, v.id`
	selectOpenVersions = `SELECT COUNT(*) FROM catalog_version v WHERE v.product_id = $1 AND v.state IN ('draft', 'submitted', 'first_review', 'approved')`
	selectLastNumber   = `SELECT COALESCE(MAX(v.number), 0) FROM catalog_version v WHERE v.product_id = $1`

	insertVersions = `INSERT INTO catalog_version (id, product_id, number, state, content, content_sha256, submitted_sha256, published_sha256, author, review_id, created_at, submitted_at, listed_at) VALUES `
	saveVersion    = `UPDATE catalog_version SET content = $1, content_sha256 = $2, author = $3 WHERE id = $4 AND state = 'draft'`
	submitVersion  = `UPDATE catalog_version SET state = 'submitted', submitted_sha256 = content_sha256, submitted_at = $1 WHERE id = $2 AND state = 'draft' AND content_sha256 = $3`
	takeVersion    = `UPDATE catalog_version SET state = 'first_review' WHERE id = $1 AND state = 'submitted'`
	rejectVersion  = `UPDATE catalog_version SET state = 'rejected', review_id = $1 WHERE id = $2 AND state IN ('submitted', 'first_review')`
	publishVersion = `UPDATE catalog_version SET state = 'listed', review_id = $1, published_sha256 = submitted_sha256, listed_at = $2
		WHERE id = $3 AND state IN ('submitted', 'first_review') AND submitted_sha256 = $4`
	supersedeVersion = `UPDATE catalog_version SET state = 'superseded' WHERE id = $1 AND state = 'listed'`
)

const versionWidth = 13

func versionRow(v Version) []any {
	var review any
	if v.Review != "" {
		review = v.Review
	}
	return []any{string(v.ID), string(v.Product), v.Number, string(v.State), string(v.encoded), v.SHA256, v.SubmittedSHA256, v.PublishedSHA256,
		v.Author, review, db.Micros(v.CreatedAt), db.Micros(v.SubmittedAt), db.Micros(v.ListedAt)}
}

func versionDest(v *Version) (dest []any, done func() error) {
	var content string
	var created, submitted, listed int64
	dest = []any{&v.ID, &v.Product, &v.Number, &v.State, &content, &v.SHA256, &v.SubmittedSHA256, &v.PublishedSHA256, &v.Author, &v.Review, &created, &submitted, &listed}
	return dest, func() error {
		v.CreatedAt, v.SubmittedAt, v.ListedAt = db.Time(created), db.Time(submitted), db.Time(listed)
		v.encoded = []byte(content)
		if got := hashOf(v.encoded); got != v.SHA256 {
			return fmt.Errorf("catalog: content of %s has hash %s, stored is %s", v.ID, got, v.SHA256)
		}
		return json.Unmarshal(v.encoded, &v.Content)
	}
}

func scanVersion(s db.Scanner) (Version, error) {
	var v Version
	dest, done := versionDest(&v)
	if err := s.Scan(dest...); err != nil {
		return v, err
	}
	return v, done()
}

// Encode writes a terms sheet in the one form that is hashed, stored, shown and
// frozen by orders: JSON with the fields in the order of [Content].
func Encode(c Content) ([]byte, error) {
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(c); err != nil {
		return nil, fmt.Errorf("catalog: encode: %w", err)
	}
	return []byte(strings.TrimSuffix(b.String(), "\n")), nil
}

func hashOf(encoded []byte) string {
	sum := sha256.Sum256(encoded)
	return hex.EncodeToString(sum[:])
}

const (
	upsertPlans = `INSERT INTO catalog_plan (id, product_id, code, position, offered, price_minor, currency) VALUES `
	onPlan      = ` ON CONFLICT (product_id, code) DO UPDATE SET position = excluded.position, offered = excluded.offered,
		price_minor = excluded.price_minor, currency = excluded.currency`
	withdrawPlans = `UPDATE catalog_plan SET offered = $1 WHERE product_id = $2`
	selectPlans   = `SELECT id, code FROM catalog_plan WHERE product_id = $1 AND offered = $2 ORDER BY position`

	selectOffer = `SELECT ` + productCols + `, ` + versionCols + `, n.id, n.code FROM catalog_plan n
		JOIN catalog_product p ON p.id = n.product_id JOIN catalog_version v ON v.id = p.listed_version WHERE n.id = $1 AND n.offered = $2`
	selectListed = `SELECT ` + productCols + `, ` + versionCols + ` FROM catalog_product p
		JOIN catalog_version v ON v.id = p.listed_version WHERE p.id IN `
)

const planWidth = 7

// several renders the VALUES of rows of a width: "($1,$2),($3,$4)".
func several(rows, width int) string {
	var b strings.Builder
	for i := range rows {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(db.In(1+i*width, width))
	}
	return b.String()
}

// chunk is how many rows one INSERT carries.
const chunk = 50

// addRows puts rows into the batch, many to a statement.
func addRows(b *db.Batch, insert, after string, width int, rows [][]any) {
	for len(rows) > 0 {
		n := min(chunk, len(rows))
		args := make([]any, 0, n*width)
		for _, row := range rows[:n] {
			args = append(args, row...)
		}
		b.Add(insert+several(n, width)+after, args...)
		rows = rows[n:]
	}
}

const (
	reviewCols   = `id, method, vendor_id, approved, reasons, reviewer, items, sha256, decided_at`
	insertReview = `INSERT INTO catalog_review (` + reviewCols + `) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`
	selectReview = `SELECT ` + reviewCols + ` FROM catalog_review WHERE id = $1`
)

func storeReview(ctx context.Context, tx *db.Tx, r Decision) error {
	reasons, err := json.Marshal(r.Reasons)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, insertReview, r.ID, r.Method, string(r.Vendor), r.Approved, string(reasons), r.Reviewer, r.Items, r.SHA256, db.Micros(r.DecidedAt))
	return err
}

func scanReview(s db.Scanner) (Decision, error) {
	var r Decision
	var reasons string
	var decided int64
	if err := s.Scan(&r.ID, &r.Method, &r.Vendor, &r.Approved, &reasons, &r.Reviewer, &r.Items, &r.SHA256, &decided); err != nil {
		return r, err
	}
	r.DecidedAt = db.Time(decided)
	return r, json.Unmarshal([]byte(reasons), &r.Reasons)
}

const (
	delistingCols   = `id, product_id, cause, scope, reason, announced_at, effective_at, applied_at, affected, case_id, undone_at`
	insertDelisting = `INSERT INTO catalog_delisting (` + delistingCols + `, decided_by) VALUES ($1, $2, $3, $4, $5, $6, $7, 0, $8, $9, 0, $10)`
	applyDelisting  = `UPDATE catalog_delisting SET applied_at = $1 WHERE id = $2 AND applied_at = 0 AND undone_at = 0`
	undoDelisting   = `UPDATE catalog_delisting SET undone_at = $1 WHERE id = $2 AND undone_at = 0 AND case_id <> ''`
	selectUndoable  = `SELECT ` + delistingCols + ` FROM catalog_delisting WHERE case_id <> '' AND undone_at = 0
		AND product_id IN (SELECT p.id FROM catalog_product p WHERE p.vendor_id = $1) ORDER BY id`
	selectDelisting  = `SELECT ` + delistingCols + ` FROM catalog_delisting WHERE id = $1`
	selectDelistings = `SELECT ` + delistingCols + ` FROM catalog_delisting WHERE product_id = $1 ORDER BY id`
	insertHolder     = `INSERT INTO catalog_delisting_holder (delisting_id, account_id) VALUES ($1, $2) ON CONFLICT DO NOTHING`
	selectHolders    = `SELECT account_id FROM catalog_delisting_holder WHERE delisting_id = $1 ORDER BY account_id`
)

func scanDelisting(s db.Scanner) (DelistingEvent, error) {
	var e DelistingEvent
	var announced, effective, applied, undone int64
	err := s.Scan(&e.ID, &e.Product, &e.Cause, &e.Scope, &e.Reason, &announced, &effective, &applied, &e.Affected, &e.Case, &undone)
	e.AnnouncedAt, e.At, e.AppliedAt, e.UndoneAt = db.Time(announced), db.Time(effective), db.Time(applied), db.Time(undone)
	return e, err
}

const (
	categoryCols     = `code, parent, name_zh, name_en, refund_class, state, successor`
	selectCategories = `SELECT ` + categoryCols + ` FROM catalog_category WHERE state <> 'retired' ORDER BY position, code`
	selectWholeTree  = `SELECT ` + categoryCols + ` FROM catalog_category ORDER BY position, code`
	selectCategory   = `SELECT ` + categoryCols + ` FROM catalog_category WHERE code = $1`
	upsertCategory   = `INSERT INTO catalog_category (code, parent, name_zh, name_en, refund_class, position) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (code) DO UPDATE SET parent = excluded.parent, name_zh = excluded.name_zh, name_en = excluded.name_en,
		refund_class = excluded.refund_class, position = excluded.position`
	insertCategory = `INSERT INTO catalog_category (code, parent, name_zh, name_en, refund_class, position) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING`
	moveCategory   = `UPDATE catalog_category SET state = $1, successor = $2 WHERE code = $3 AND state = $4`
	categoryInUse  = `SELECT (SELECT COUNT(*) FROM catalog_product WHERE category = $1) + (SELECT COUNT(*) FROM catalog_category WHERE parent = $1 AND state <> 'retired')`
	selectChildren = `SELECT COUNT(*) FROM catalog_category WHERE parent = $1 AND state <> 'retired'`

	insertMoves   = `INSERT INTO catalog_move (product, from_category, to_category, moved_at) SELECT id, CAST($1 AS TEXT), CAST($2 AS TEXT), CAST($3 AS BIGINT) FROM catalog_product WHERE category = $1 ON CONFLICT DO NOTHING`
	moveProducts  = `UPDATE catalog_product SET category = $1 WHERE category = $2`
	selectToIndex = `SELECT product FROM catalog_move WHERE from_category = $1 AND product > $2 ORDER BY product LIMIT $3`
	countMoves    = `SELECT COUNT(*) FROM catalog_move WHERE from_category = $1`

	treeCols     = `number, tree, sha256, change, made_by, made_at`
	insertTree   = `INSERT INTO catalog_tree (` + treeCols + `) VALUES ($1, $2, $3, $4, $5, $6)`
	selectNewest = `SELECT ` + treeCols + ` FROM catalog_tree ORDER BY number DESC LIMIT 1`
	selectTrees  = `SELECT ` + treeCols + ` FROM catalog_tree ORDER BY number DESC LIMIT 100`
)

func scanTree(s db.Scanner) (Tree, error) {
	var t Tree
	var at int64
	err := s.Scan(&t.Number, &t.text, &t.SHA256, &t.Change, &t.MadeBy, &at)
	t.MadeAt = db.Time(at)
	return t, err
}

func scanCategory(s db.Scanner) (Category, error) {
	var c Category
	err := s.Scan(&c.Code, &c.Parent, &c.Name.ZH, &c.Name.EN, &c.RefundClass, &c.State, &c.Successor)
	return c, err
}

const (
	fileCols    = `id, vendor_id, name, media_type, size, sha256, blob, added_at`
	insertFile  = `INSERT INTO catalog_file (` + fileCols + `) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`
	selectFile  = `SELECT ` + fileCols + ` FROM catalog_file WHERE id = $1`
	selectFiles = `SELECT ` + fileCols + ` FROM catalog_file WHERE vendor_id = $1 ORDER BY id`
)

func scanFile(s db.Scanner) (File, error) {
	var f File
	var added int64
	err := s.Scan(&f.ID, &f.Vendor, &f.Name, &f.MediaType, &f.Size, &f.SHA256, &f.Blob, &added)
	f.AddedAt = db.Time(added)
	return f, err
}

// found turns "no row" into NOT_FOUND.
func found[T any](v T, err error) (T, error) {
	if errors.Is(err, db.ErrNoRow) {
		return v, ErrNotFound
	}
	return v, err
}
