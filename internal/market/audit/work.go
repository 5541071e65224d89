package audit

import (
	"context"

	"yunshi/internal/base/db"
	"yunshi/internal/base/tlog"
)

// Full is how many records one integration places at most.
const Full = 512

// Integrate gives waiting records their places, oldest first, and signs a
// checkpoint over the grown log. It returns how many it placed; fewer than [Full]
// means that no more were waiting. Two nodes may try at once. A position is given
// once, by the key of the leaves, so one of them gets through and the other begins
// again; nothing else has to be kept apart, and the write may be Guarded.
func Integrate(ctx context.Context, d *db.DB, origin, signingKey string) (placed int, err error) {
	err = d.Write(ctx, func(tx *db.Tx) error {
		placed = 0
		waiting, err := db.All(ctx, tx, scanAct, selectPending, Full)
		if err != nil || len(waiting) == 0 {
			return err
		}
		size, err := db.Value[int64](ctx, tx, selectSize)
		if err != nil {
			return err
		}
		texts := make([][]byte, len(waiting))
		for i, a := range waiting {
			if texts[i], err = a.leaf(); err != nil {
				return err
			}
		}
		stored := hashes(ctx, tx)
		fresh, err := tlog.Append(size, texts, stored)
		if err != nil {
			return err
		}
		b := tx.Batch()
		for i, a := range waiting {
			b.Add(insertLeaf, size+int64(i), a.ID)
			b.Add(deletePending, a.ID)
		}
		for i, h := range fresh {
			b.Add(insertHash, tlog.HashCount(size)+int64(i), h[:])
		}
		if _, err := b.Send(ctx); db.Unique(err) {
			return db.Again(err)
		} else if err != nil {
			return err
		}
		size += int64(len(waiting))
		root, err := tlog.Root(size, stored)
		if err != nil {
			return err
		}
		note, err := tlog.Sign(tlog.Checkpoint{Origin: origin, Size: size, Root: root}, signingKey)
		if err != nil {
			return err
		}
		tx.Queue(insertCheckpoint, size, db.Micros(tx.Now()), string(note))
		placed = len(waiting)
		return nil
	}, db.Guarded)
	return placed, err
}
