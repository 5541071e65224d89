package audit

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"yunshi/internal/base/db"
	"yunshi/internal/base/proof"
	"yunshi/internal/base/tlog"
)

// About returns every record that touches one of the subjects, each once, oldest
// first.
func About(ctx context.Context, r db.Reader, subjects ...string) ([]Act, error) {
	known := map[string]Act{}
	for _, subject := range subjects {
		for after := ""; ; {
			page, err := db.All(ctx, r, scanAct, selectMore, subject, after)
			if err != nil {
				return nil, err
			}
			if len(page) == 0 {
				break
			}
			for _, a := range page {
				known[a.ID], after = a, a.ID
			}
		}
	}
	all := make([]Act, 0, len(known))
	for _, a := range known {
		all = append(all, a)
	}
	slices.SortFunc(all, func(x, y Act) int { return cmp.Or(cmp.Compare(x.At, y.At), cmp.Compare(x.ID, y.ID)) })
	return all, nil
}

// Bundle proves that records are in the log of the latest checkpoint, and that
// this log continues the given earlier checkpoints and the one that covered the
// oldest of the records first. A nil shown shows every text. It returns
// [ErrNotYet] while a record waits.
func Bundle(ctx context.Context, r db.Reader, records []Act, shown func(Act) bool, since ...Checkpoint) (proof.Bundle, error) {
	now, ok, err := Latest(ctx, r)
	if err != nil {
		return proof.Bundle{}, err
	}
	if !ok {
		return proof.Bundle{}, ErrNotYet
	}
	b := proof.Bundle{Checkpoint: now.Note}
	stored := cached(hashes(ctx, r))
	first := now.Size
	for _, a := range records {
		position, err := db.Value[int64](ctx, r, selectPlace, a.ID)
		if errors.Is(err, db.ErrNoRow) || err == nil && position >= now.Size {
			return proof.Bundle{}, ErrNotYet
		}
		if err != nil {
			return proof.Bundle{}, err
		}
		text, err := a.leaf()
		if err != nil {
			return proof.Bundle{}, err
		}
		inclusion, err := tlog.ProveInclusion(now.Size, position, stored)
		if err != nil {
			return proof.Bundle{}, err
		}
		first = min(first, position)
		b.Records = append(b.Records, proof.NewRecord(position, string(text), inclusion, shown == nil || shown(a)))
	}
	if first < now.Size {
		covering, err := db.One(ctx, r, scanCheckpoint, selectCovering, first)
		if err != nil {
			return proof.Bundle{}, err
		}
		since = append([]Checkpoint{covering}, since...)
	}
	for _, old := range since {
		if b.Covers(old.Note) {
			continue
		}
		if old.Size > now.Size {
			return proof.Bundle{}, fmt.Errorf("audit: the log has %d records and never had %d", now.Size, old.Size)
		}
		consistency, err := tlog.ProveConsistency(now.Size, old.Size, stored)
		if err != nil {
			return proof.Bundle{}, err
		}
		b.Earlier = append(b.Earlier, proof.Earlier{Checkpoint: old.Note, Consistency: consistency})
	}
	return b, nil
}

// cached asks for each hash once: the proofs of neighbours share most of theirs.
func cached(r tlog.HashReader) tlog.HashReader {
	known := map[int64]tlog.Hash{}
	return tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		var missing []int64
		for _, i := range indexes {
			if _, ok := known[i]; !ok {
				missing = append(missing, i)
			}
		}
		if len(missing) > 0 {
			fresh, err := r.ReadHashes(missing)
			if err != nil {
				return nil, err
			}
			for i, h := range fresh {
				known[missing[i]] = h
			}
		}
		out := make([]tlog.Hash, len(indexes))
		for i, index := range indexes {
			out[i] = known[index]
		}
		return out, nil
	})
}

// Named is the checkpoint that a signed note states. Its signature is the
// checker's matter.
func Named(note string) (Checkpoint, error) {
	lines := strings.SplitN(note, "\n", 3)
	if len(lines) < 3 {
		return Checkpoint{}, fmt.Errorf("audit: %q is no checkpoint", note)
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("audit: a checkpoint states no size: %w", err)
	}
	return Checkpoint{Size: size, Note: note}, nil
}
