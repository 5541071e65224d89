// Package tlog is a transparency log: an append-only Merkle tree whose operator
// can prove that a record is in it and that it never rewrote its past.
//
// The caller stores the hashes, in its own transaction, at consecutive indexes
// that start at HashCount(n) for a log of n records, and offers them back as a
// HashReader. Trees and proofs are those of RFC 6962 as golang.org/x/mod computes
// them. A checkpoint is a signed note of three lines: origin, size, root.
//
// Owns: appending, roots, proofs, checkpoints. Does not own: storing hashes and
// records, or when checkpoints are made.
//
// Always true: hashes once stored never change; a proof is checked with nothing
// but the checkpoint, the record and the proof.
package tlog

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Hash is a SHA-256 tree hash. It is written in base64, also in JSON.
type Hash = tlog.Hash

// HashReader gives stored hashes back by index, all or an error.
type HashReader = tlog.HashReader

// HashReaderFunc makes a function a HashReader.
type HashReaderFunc = tlog.HashReaderFunc

// Proof is the list of hashes a checker needs.
type Proof []Hash

// ErrProof is returned when a proof does not prove what it is asked to.
var ErrProof = errors.New("tlog: the proof does not hold")

// ErrCheckpoint is returned for a checkpoint that is malformed, of another log,
// or not signed by the given key.
var ErrCheckpoint = errors.New("tlog: not a valid checkpoint of this log")

// HashCount returns how many hashes a log of n records stores; it is the index
// of the first hash of record n.
func HashCount(n int64) int64 {
	if n == 0 {
		return 0
	}
	return tlog.StoredHashCount(n)
}

// Append returns the hashes to store for the records that follow the first n:
// the first belongs at index HashCount(n), the rest after it. It reads the old
// hashes once, at most 63 of them.
func Append(n int64, records [][]byte, r HashReader) ([]Hash, error) {
	if n < 0 {
		return nil, fmt.Errorf("tlog: append after %d records", n)
	}
	if len(records) == 0 {
		return nil, nil
	}
	known, err := edge(n, r)
	if err != nil {
		return nil, err
	}
	first := HashCount(n)
	var fresh []Hash
	// A new record needs only the right edge of the old tree and hashes made here.
	overlay := HashReaderFunc(func(indexes []int64) ([]Hash, error) {
		hashes := make([]Hash, len(indexes))
		for i, index := range indexes {
			if index >= first && index-first < int64(len(fresh)) {
				hashes[i] = fresh[index-first]
			} else if h, ok := known[index]; ok {
				hashes[i] = h
			} else {
				return nil, fmt.Errorf("tlog: hash %d is not on the edge of %d records", index, n)
			}
		}
		return hashes, nil
	})
	for i, record := range records {
		hashes, err := tlog.StoredHashes(n+int64(i), record, overlay)
		if err != nil {
			return nil, err
		}
		fresh = append(fresh, hashes...)
	}
	return fresh, nil
}

// edge reads the roots of the complete subtrees that make up a log of n records.
func edge(n int64, r HashReader) (map[int64]Hash, error) {
	var indexes []int64
	for level, start := 62, int64(0); level >= 0; level-- {
		if size := int64(1) << level; n&size != 0 {
			indexes = append(indexes, tlog.StoredHashIndex(level, start>>level))
			start += size
		}
	}
	known := make(map[int64]Hash, len(indexes))
	if len(indexes) == 0 {
		return known, nil
	}
	hashes, err := r.ReadHashes(indexes)
	if err != nil {
		return nil, fmt.Errorf("tlog: read the edge of %d records: %w", n, err)
	}
	if len(hashes) != len(indexes) {
		return nil, fmt.Errorf("tlog: asked for %d hashes, got %d", len(indexes), len(hashes))
	}
	for i, index := range indexes {
		known[index] = hashes[i]
	}
	return known, nil
}

// Root returns the tree hash of the first n records.
func Root(n int64, r HashReader) (Hash, error) {
	return tlog.TreeHash(n, r)
}

// RecordHash returns the leaf hash of a record.
func RecordHash(record []byte) Hash { return tlog.RecordHash(record) }

// ProveInclusion proves that record n (counted from 0) is in the log of the given size.
func ProveInclusion(size, n int64, r HashReader) (Proof, error) {
	p, err := tlog.ProveRecord(size, n, r)
	return Proof(p), err
}

// CheckInclusion returns nil if the proof shows that the log with this size and
// root holds the record at position n, else an error that wraps ErrProof.
func CheckInclusion(p Proof, size int64, root Hash, n int64, record []byte) error {
	return CheckInclusionOf(p, size, root, n, tlog.RecordHash(record))
}

// CheckInclusionOf is [CheckInclusion] of a record that is known by its leaf hash.
func CheckInclusionOf(p Proof, size int64, root Hash, n int64, leaf Hash) error {
	if err := tlog.CheckRecord(tlog.RecordProof(p), size, root, n, leaf); err != nil {
		return fmt.Errorf("%w: record %d of %d: %v", ErrProof, n, size, err)
	}
	return nil
}

// ProveConsistency proves that the first old records of the log of the given
// size are the whole log as it was at size old.
func ProveConsistency(size, old int64, r HashReader) (Proof, error) {
	if old == 0 && size >= 0 {
		return nil, nil // every log continues the empty one
	}
	p, err := tlog.ProveTree(size, old, r)
	return Proof(p), err
}

// CheckConsistency returns nil if the proof shows that the log with size and root
// continues the one with old and oldRoot, else an error that wraps ErrProof.
func CheckConsistency(p Proof, size int64, root Hash, old int64, oldRoot Hash) error {
	var err error
	if old == 0 {
		var empty Hash
		if empty, err = tlog.TreeHash(0, nil); err == nil && (oldRoot != empty || len(p) > 0 || size < 0 || size == 0 && root != empty) {
			err = errors.New("the empty log has one root and needs no proof")
		}
	} else {
		err = tlog.CheckTree(tlog.TreeProof(p), size, root, old, oldRoot)
	}
	if err != nil {
		return fmt.Errorf("%w: %d after %d: %v", ErrProof, size, old, err)
	}
	return nil
}

// Checkpoint is what the operator commits to: the log of this origin has this
// size and this root.
type Checkpoint struct {
	Origin string // "yunshi/<operator>"; also the name of the key
	Size   int64
	Root   Hash
}

// String returns the text that is signed.
func (c Checkpoint) String() string {
	return fmt.Sprintf("%s\n%d\n%s\n", c.Origin, c.Size, c.Root)
}

// GenerateKey makes an Ed25519 key pair for the origin, as note strings. The
// signing key is a secret; the verifying key is published.
func GenerateKey(rand io.Reader, origin string) (signing, verifying string, err error) {
	return note.GenerateKey(rand, origin)
}

// Sign returns the checkpoint as a signed note. The key must be one of its origin.
func Sign(c Checkpoint, signing string) ([]byte, error) {
	signer, err := note.NewSigner(signing)
	if err != nil {
		return nil, errors.New("tlog: malformed signing key") // the cause could quote the key
	}
	if signer.Name() != c.Origin {
		return nil, fmt.Errorf("%w: origin %q, key of %q", ErrCheckpoint, c.Origin, signer.Name())
	}
	return note.Sign(&note.Note{Text: c.String()}, signer)
}

// Open checks the signature of a signed checkpoint and returns it. The error
// wraps ErrCheckpoint.
func Open(signed []byte, verifying string) (Checkpoint, error) {
	verifier, err := note.NewVerifier(verifying)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("%w: %v", ErrCheckpoint, err)
	}
	n, err := note.Open(signed, note.VerifierList(verifier))
	if err != nil {
		return Checkpoint{}, fmt.Errorf("%w: %v", ErrCheckpoint, err)
	}
	c, ok := parseCheckpoint(n.Text)
	if !ok || c.Origin != verifier.Name() {
		return Checkpoint{}, fmt.Errorf("%w: unexpected text", ErrCheckpoint)
	}
	return c, nil
}

func parseCheckpoint(text string) (Checkpoint, bool) {
	lines := strings.Split(text, "\n")
	if len(lines) != 4 || lines[3] != "" {
		return Checkpoint{}, false
	}
	c := Checkpoint{Origin: lines[0]}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	root, err2 := base64.StdEncoding.DecodeString(lines[2])
	if err != nil || err2 != nil || len(root) != len(c.Root) {
		return Checkpoint{}, false
	}
	c.Size, c.Root = size, Hash(root)
	// One checkpoint has one text: what does not write back the same is refused.
	return c, size >= 0 && c.String() == text
}

// Memory keeps the hashes of one log in memory. The zero value is the empty log.
// It is not safe for concurrent use.
type Memory struct {
	size   int64
	hashes []Hash
}

// Append adds records at the end.
func (m *Memory) Append(records ...[]byte) error {
	hashes, err := Append(m.size, records, m)
	if err != nil {
		return err
	}
	m.hashes = append(m.hashes, hashes...)
	m.size += int64(len(records))
	return nil
}

// Size returns the number of records.
func (m *Memory) Size() int64 { return m.size }

// ReadHashes implements HashReader.
func (m *Memory) ReadHashes(indexes []int64) ([]Hash, error) {
	hashes := make([]Hash, len(indexes))
	for i, index := range indexes {
		if index < 0 || index >= int64(len(m.hashes)) {
			return nil, fmt.Errorf("tlog: no hash %d", index)
		}
		hashes[i] = m.hashes[index]
	}
	return hashes, nil
}
