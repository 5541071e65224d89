package audit

import (
	"context"
	"errors"
	"fmt"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/base/tlog"
)

// Checkpoint is a signed statement of the log's size and root.
type Checkpoint struct {
	Size int64
	At   time.Time
	Note string
}

// Latest returns the newest checkpoint; ok is false for an empty log.
func Latest(ctx context.Context, r db.Reader) (c Checkpoint, ok bool, err error) {
	c, err = db.One(ctx, r, scanCheckpoint, selectCheckpoint)
	if errors.Is(err, db.ErrNoRow) {
		return Checkpoint{}, false, nil
	}
	return c, err == nil, err
}

// Waiting is how many records wait for the log, and since when the oldest does.
func Waiting(ctx context.Context, r db.Reader) (n int64, since time.Time, err error) {
	type row struct{ n, at int64 }
	w, err := db.One(ctx, r, func(s db.Scanner) (v row, err error) {
		err = s.Scan(&v.n, &v.at)
		return v, err
	}, selectWaiting)
	return w.n, db.Time(w.at), err
}

// hashes reads the stored hashes of the log.
func hashes(ctx context.Context, r db.Reader) tlog.HashReader {
	return tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(indexes))
		for i, index := range indexes {
			raw, err := db.Value[[]byte](ctx, r, selectHash, index)
			if err != nil {
				return nil, fmt.Errorf("audit: hash %d: %w", index, err)
			}
			if len(raw) != len(out[i]) {
				return nil, fmt.Errorf("audit: hash %d has %d bytes", index, len(raw))
			}
			copy(out[i][:], raw)
		}
		return out, nil
	})
}

// Inclusion proves that a record is in the log of the latest checkpoint.
type Inclusion struct {
	Leaf       string     `json:"leaf"` // the exact text the log commits to
	Position   int64      `json:"position"`
	Size       int64      `json:"size"`
	Proof      tlog.Proof `json:"proof"`
	Checkpoint string     `json:"checkpoint"`
}

// ErrNotYet says that a record waits for its place in the log.
var ErrNotYet = errors.New("audit: the record is not in the log yet")

// Prove returns the proof for a record, or [ErrNotYet].
func Prove(ctx context.Context, r db.Reader, id string) (Inclusion, error) {
	a, err := Get(ctx, r, id)
	if err != nil {
		return Inclusion{}, err
	}
	c, ok, err := Latest(ctx, r)
	if err != nil {
		return Inclusion{}, err
	}
	position, err := db.Value[int64](ctx, r, selectPlace, id)
	if errors.Is(err, db.ErrNoRow) || err == nil && (!ok || position >= c.Size) {
		return Inclusion{}, ErrNotYet
	}
	if err != nil {
		return Inclusion{}, err
	}
	text, err := a.leaf()
	if err != nil {
		return Inclusion{}, err
	}
	proof, err := tlog.ProveInclusion(c.Size, position, hashes(ctx, r))
	if err != nil {
		return Inclusion{}, err
	}
	return Inclusion{Leaf: string(text), Position: position, Size: c.Size, Proof: proof, Checkpoint: c.Note}, nil
}
