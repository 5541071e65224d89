// Package proof is evidence that stands without the market: bundles of records
// with their place in the transparency log, and packs, which are ZIP files whose
// every byte such a record vouches for. docs/evidence.md is the format for others
// to read; examples/verifier is a second reader of it.
//
// Owns: the format, writing and checking it. Does not own: the log (tlog), and
// what is worth proving.
//
// Always true:
//   - A check needs the file and the log's public key, nothing else: no database,
//     no network, no clock.
//   - A bundle and a pack have one form. What does not write back as the same
//     bytes is refused, so no byte is without meaning and none can be changed.
package proof

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"yunshi/internal/base/tlog"
)

// BundleFormat names the form of a bundle.
const BundleFormat = "yunshi-proof/1"

// ErrBroken is in every error about a file that does not hold.
var ErrBroken = errors.New("proof: does not hold")

func broken(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrBroken, fmt.Sprintf(format, args...))
}

// Bundle shows that records are in the log of one checkpoint, and that this log
// continues earlier ones.
type Bundle struct {
	Format     string    `json:"format"`
	Checkpoint string    `json:"checkpoint"` // a signed note, C2SP tlog-checkpoint
	Earlier    []Earlier `json:"earlier"`
	Records    []Record  `json:"records"`
}

// Earlier is a checkpoint from the log's past with the proof that nothing it
// covered was changed since.
type Earlier struct {
	Checkpoint  string     `json:"checkpoint"`
	Consistency tlog.Proof `json:"consistency"`
}

// Record is one leaf of the log. The text is left out where the reader may not
// see it; its hash then proves that the record exists and was not changed.
type Record struct {
	Index     int64      `json:"index"`
	Leaf      string     `json:"leaf,omitempty"`
	LeafHash  tlog.Hash  `json:"leaf_hash"`
	Inclusion tlog.Proof `json:"inclusion"`
}

// NewRecord is a record with its text, or without it.
func NewRecord(index int64, leaf string, inclusion tlog.Proof, shown bool) Record {
	r := Record{Index: index, Leaf: leaf, LeafHash: tlog.RecordHash([]byte(leaf)), Inclusion: inclusion}
	if !shown {
		r.Leaf = ""
	}
	return r
}

// Encode writes the bundle's one form.
func (b Bundle) Encode() ([]byte, error) {
	b.Format = BundleFormat
	// Empty lists are written as lists.
	b.Earlier, b.Records = append([]Earlier{}, b.Earlier...), append([]Record{}, b.Records...)
	for i := range b.Earlier {
		b.Earlier[i].Consistency = append(tlog.Proof{}, b.Earlier[i].Consistency...)
	}
	for i := range b.Records {
		b.Records[i].Inclusion = append(tlog.Proof{}, b.Records[i].Inclusion...)
	}
	return Canonical(b)
}

// ParseBundle reads a bundle that is in its one form.
func ParseBundle(text []byte) (Bundle, error) {
	var b Bundle
	if err := json.Unmarshal(text, &b); err != nil {
		return Bundle{}, broken("not a bundle: %v", err)
	}
	if b.Format != BundleFormat {
		return Bundle{}, broken("the format is %q, not %q", b.Format, BundleFormat)
	}
	again, err := b.Encode()
	if err != nil || !bytes.Equal(again, text) {
		return Bundle{}, broken("the bundle is not in its one form")
	}
	return b, nil
}

// Checked is what a bundle turned out to prove.
type Checked struct {
	Checkpoint tlog.Checkpoint
	Earlier    []tlog.Checkpoint
	Records    int
	Hidden     int // of the records, those whose text is left out
}

// Check proves every record and every earlier checkpoint with the log's public
// key.
func (b Bundle) Check(key string) (Checked, error) {
	now, err := OpenCheckpoint(b.Checkpoint, key)
	if err != nil {
		return Checked{}, err
	}
	c := Checked{Checkpoint: now, Records: len(b.Records)}
	for _, e := range b.Earlier {
		was, err := OpenCheckpoint(e.Checkpoint, key)
		if err != nil {
			return Checked{}, err
		}
		if err := tlog.CheckConsistency(e.Consistency, now.Size, now.Root, was.Size, was.Root); err != nil {
			return Checked{}, broken("the log of %d records does not continue the one of %d", now.Size, was.Size)
		}
		c.Earlier = append(c.Earlier, was)
	}
	for _, r := range b.Records {
		if r.Leaf == "" {
			c.Hidden++
		} else if tlog.RecordHash([]byte(r.Leaf)) != r.LeafHash {
			return Checked{}, broken("the text of record %d does not have its hash", r.Index)
		}
		if err := tlog.CheckInclusionOf(r.Inclusion, now.Size, now.Root, r.Index, r.LeafHash); err != nil {
			return Checked{}, broken("record %d is not in the log of %d records", r.Index, now.Size)
		}
	}
	return c, nil
}

// Covers reports whether the bundle's log was shown to continue a checkpoint, or
// is that one.
func (b Bundle) Covers(checkpoint string) bool {
	return b.Checkpoint == checkpoint || slices.ContainsFunc(b.Earlier, func(e Earlier) bool { return e.Checkpoint == checkpoint })
}

// OpenCheckpoint is [tlog.Open] for a note that stands in one form: it carries
// the log's signature and no other, in base64 that has no spare bits.
func OpenCheckpoint(signed, key string) (tlog.Checkpoint, error) {
	c, err := tlog.Open([]byte(signed), key)
	if err != nil {
		return tlog.Checkpoint{}, broken("a checkpoint is not signed by this log")
	}
	signature, ok := strings.CutPrefix(signed, c.String()+"\n— "+c.Origin+" ")
	signature, end := strings.CutSuffix(signature, "\n")
	raw, err := base64.StdEncoding.Strict().DecodeString(signature)
	if !ok || !end || err != nil || base64.StdEncoding.EncodeToString(raw) != signature {
		return tlog.Checkpoint{}, broken("a checkpoint is not in its one form")
	}
	return c, nil
}
