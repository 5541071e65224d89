package catalog

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"

	"yunshi/internal/base/db"
	"yunshi/internal/market/audit"
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
	_, err := batch.Send(ctx)
	return err
}

// Categories returns the tree, every parent before its children.
func Categories(ctx context.Context, r db.Reader) ([]Category, error) {
	return db.All(ctx, r, scanCategory, selectCategories)
}

// CategoryOf returns one category, or NOT_FOUND.
func CategoryOf(ctx context.Context, r db.Reader, code string) (Category, error) {
	return found(db.One(ctx, r, scanCategory, selectCategory, code))
}

// RemoveCategory takes a category out of the tree.
//
// Clause: UA 5.2 (the operator may change the market's contents; a category with products in it stays until they have moved).
func RemoveCategory(ctx context.Context, tx *db.Tx, by audit.Actor, code string) error {
	if !officer(by) {
		return ErrForbidden
	}
	used, err := db.Value[int64](ctx, tx, categoryInUse, code)
	if err != nil {
		return err
	}
	if used > 0 {
		return ErrCategoryInUse
	}
	n, err := tx.Exec(ctx, deleteCategory, code)
	if err == nil && n == 0 {
		return ErrNotFound
	}
	return err
}
