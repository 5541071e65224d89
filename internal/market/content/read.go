package content

import (
	"context"

	"yunshi/internal/base/db"
)

// Get returns an original without what it says.
func Get(ctx context.Context, r db.Reader, id ID) (Item, error) { return read(ctx, r, id) }

// Desk lists what waits for an officer, oldest first.
func Desk(ctx context.Context, r db.Reader, n int) ([]Item, error) {
	return db.All(ctx, r, scanListed, selectDesk, n)
}

// All lists every original and every refusal, newest first, before the cursor.
func All(ctx context.Context, r db.Reader, before ID, n int) ([]Item, error) {
	if before == "" {
		before = "~"
	}
	return db.All(ctx, r, scanListed, selectAll, string(before), n)
}

// KeptOf is the original that is kept from the readers of a thing, or NOT_FOUND.
func KeptOf(ctx context.Context, r db.Reader, kind Kind, ref string) (Item, error) {
	return kept(ctx, r, kind, ref)
}
