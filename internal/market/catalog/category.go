package catalog

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/base/text"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/job"
	"yunshi/internal/market/operation"
)

// The tree of a new market. An installation may add to it and take from it.
//
//go:embed categories.json
var seedTree []byte

// SeedCategories puts the tree of a new market in place. It may run again: known
// codes get the shipped names, others stay.
func SeedCategories(ctx context.Context, tx *db.Tx, by audit.Actor) error {
	if !officer(by) {
		return ErrForbidden
	}
	var tree []struct {
		Category
		Children [][3]string `json:"children"` // code, zh, en
	}
	if err := json.Unmarshal(seedTree, &tree); err != nil {
		return fmt.Errorf("catalog: categories.json: %w", err)
	}
	batch := tx.Batch()
	for i, top := range tree {
		batch.Add(upsertCategory, top.Code, "", top.Name.ZH, top.Name.EN, top.RefundClass, i*100)
		for j, child := range top.Children {
			batch.Add(upsertCategory, child[0], top.Code, child[1], child[2], top.RefundClass, i*100+j+1)
		}
	}
	if _, err := batch.Send(ctx); err != nil {
		return err
	}
	return keepTree(ctx, tx, by, "")
}

// Categories returns the tree, every parent before its children, without those
// that are retired.
func Categories(ctx context.Context, r db.Reader) ([]Category, error) {
	return db.All(ctx, r, scanCategory, selectCategories)
}

// CategoryOf returns one category, or NOT_FOUND.
func CategoryOf(ctx context.Context, r db.Reader, code string) (Category, error) {
	return found(db.One(ctx, r, scanCategory, selectCategory, code))
}

// WholeTree is [Categories] with those that are retired.
func WholeTree(ctx context.Context, r db.Reader) ([]Category, error) {
	return db.All(ctx, r, scanCategory, selectWholeTree)
}

// Tree is a version of the category tree.
type Tree struct {
	Number int64
	SHA256 string
	Change string // "chg_…" of the public log; empty for the tree of a new market
	MadeBy string
	MadeAt time.Time
	text   string
}

// Categories returns the tree of the version, retired ones too.
func (t Tree) Categories() (all []Category, err error) {
	err = json.Unmarshal([]byte(t.text), &all)
	return all, err
}

// Trees lists the versions of the tree, newest first, at most 100.
func Trees(ctx context.Context, r db.Reader) ([]Tree, error) {
	return db.All(ctx, r, scanTree, selectTrees)
}

// keepTree stores the tree as the next version, if it is not the one before.
func keepTree(ctx context.Context, tx *db.Tx, by audit.Actor, change operation.ID) error {
	all, err := WholeTree(ctx, tx)
	if err != nil {
		return err
	}
	text, err := json.Marshal(all)
	if err != nil {
		return err
	}
	last, err := db.One(ctx, tx, scanTree, selectNewest)
	if err != nil && !errors.Is(err, db.ErrNoRow) {
		return err
	}
	sum := hashOf(text)
	if sum == last.SHA256 {
		return nil
	}
	_, err = tx.Exec(ctx, insertTree, last.Number+1, string(text), sum, string(change), by.User, db.Micros(tx.Now()))
	return err
}

// CategoryMove is a change of one category. Successor takes the products of one
// that is retired. Why and Migration are public.
type CategoryMove struct {
	Code      string
	To        CategoryState
	Successor string
	Why       Both
	Migration Both
}

// ChangeCategory opens, closes or retires a category, keeps the tree as a new
// version, writes the public log and has those concerned told. The products of a
// category that is retired move to its successor; their terms sheets and orders
// stay word for word, and the old code goes on to resolve.
func ChangeCategory(ctx context.Context, tx *db.Tx, by audit.Actor, in CategoryMove) (_ operation.Change, err error) {
	defer fault.Wrap(&err, "catalog.ChangeCategory(%s)", in.Code)
	if !officer(by) {
		return operation.Change{}, ErrForbidden
	}
	c, err := CategoryOf(ctx, tx, in.Code)
	if err != nil {
		return operation.Change{}, err
	}
	used, err := db.Value[int64](ctx, tx, categoryInUse, in.Code)
	if err != nil {
		return operation.Change{}, err
	}
	children, err := db.Value[int64](ctx, tx, selectChildren, in.Code)
	if err != nil {
		return operation.Change{}, err
	}
	var successor Category
	if in.Successor != "" {
		if successor, err = CategoryOf(ctx, tx, in.Successor); err != nil {
			return operation.Change{}, ErrInvalid.In("successor")
		}
	}
	if err := mayChangeTo(c, in.To, successor, used, children); err != nil {
		return operation.Change{}, err
	}
	n, err := tx.Exec(ctx, moveCategory, string(in.To), in.Successor, in.Code, string(c.State))
	if err := guarded(n, err); err != nil {
		return operation.Change{}, err
	}
	if in.To == CategoryRetired && in.Successor != "" {
		tx.Queue(insertMoves, in.Code, in.Successor, db.Micros(tx.Now()))
		tx.Queue(moveProducts, in.Successor, in.Code)
		if err := job.Enqueue(ctx, tx, job.Spec{Kind: movedJob, Object: in.Code, Payload: ""}); err != nil {
			return operation.Change{}, err
		}
	}
	title := "catalog.category.change." + string(in.To)
	change, err := operation.Publish(ctx, tx, by, operation.Change{
		Kind: operation.CategoryChange, Subject: in.Code, Text: operation.Both(in.Why), Migration: operation.Both(in.Migration),
		Title: operation.Both{
			ZH: text.In(text.ZH, title, "Name", c.Name.ZH, "Successor", successor.Name.ZH), EN: text.In(text.EN, title, "Name", c.Name.EN, "Successor", successor.Name.EN),
		},
	}, operation.Audience{Category: in.Code})
	if err != nil {
		return operation.Change{}, err
	}
	return change, keepTree(ctx, tx, by, change.ID)
}

// AddCategory opens a new category at the end of its parent.
func AddCategory(ctx context.Context, tx *db.Tx, by audit.Actor, c Category, why Both) (_ operation.Change, err error) {
	defer fault.Wrap(&err, "catalog.AddCategory(%s)", c.Code)
	if !officer(by) {
		return operation.Change{}, ErrForbidden
	}
	if !categoryCode.MatchString(c.Code) {
		return operation.Change{}, ErrInvalid.In("code")
	}
	if c.Name.ZH == "" || c.Name.EN == "" {
		return operation.Change{}, ErrRequired.In("name")
	}
	if c.Parent != "" {
		parent, err := CategoryOf(ctx, tx, c.Parent)
		if err != nil || parent.Parent != "" || parent.State == CategoryRetired {
			return operation.Change{}, ErrInvalid.In("parent")
		}
		c.RefundClass = parent.RefundClass
	}
	n, err := tx.Exec(ctx, insertCategory, c.Code, c.Parent, c.Name.ZH, c.Name.EN, c.RefundClass, 1_000_000)
	if err != nil {
		return operation.Change{}, err
	}
	if n == 0 {
		return operation.Change{}, ErrInvalid.In("code")
	}
	change, err := operation.Publish(ctx, tx, by, operation.Change{
		Kind: operation.CategoryChange, Subject: c.Code, Text: operation.Both(why),
		Title:     operation.Both{ZH: text.In(text.ZH, "catalog.category.change.added", "Name", c.Name.ZH), EN: text.In(text.EN, "catalog.category.change.added", "Name", c.Name.EN)},
		Migration: operation.Both{ZH: text.In(text.ZH, "catalog.category.change.nothing"), EN: text.In(text.EN, "catalog.category.change.nothing")},
	}, operation.Audience{Vendors: true})
	if err != nil {
		return operation.Change{}, err
	}
	return change, keepTree(ctx, tx, by, change.ID)
}

var categoryCode = regexp.MustCompile(`^[a-z][a-z0-9_]{1,39}$`)

// settledIn is the category in which a product of a sheet stands now: the
// successor of one that was retired.
func settledIn(ctx context.Context, r db.Reader, code string) (string, error) {
	for range 20 {
		c, err := CategoryOf(ctx, r, code)
		if errors.Is(err, ErrNotFound) {
			return code, nil
		}
		if err != nil || c.State != CategoryRetired || c.Successor == "" {
			return code, err
		}
		code = c.Successor
	}
	return code, nil
}
