package tlog_test

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"yunshi/internal/base/tlog"
)

func draw(t *rapid.T) [][]byte {
	return rapid.SliceOfN(rapid.SliceOf(rapid.Byte()), 1, 40).Draw(t, "records")
}

func mustRoot(t interface{ Fatal(...any) }, n int64, r tlog.HashReader) tlog.Hash {
	root, err := tlog.Root(n, r)
	if err != nil {
		t.Fatal(err)
	}
	return root
}

func TestEveryRecordOfALogProvesAndOneFlippedBitDoesNot(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		records := draw(t)
		var log tlog.Memory
		if err := log.Append(records...); err != nil {
			t.Fatal(err)
		}
		size := int64(len(records))
		root := mustRoot(t, size, &log)
		for n, record := range records {
			n := int64(n)
			proof, err := tlog.ProveInclusion(size, n, &log)
			if err != nil {
				t.Fatal(err)
			}
			if err := tlog.CheckInclusion(proof, size, root, n, record); err != nil {
				t.Fatalf("record %d of %d: %v", n, size, err)
			}
			bit := byte(1) << rapid.IntRange(0, 7).Draw(t, "bit")
			refused := func(what string, err error) {
				if !errors.Is(err, tlog.ErrProof) {
					t.Fatalf("record %d of %d proves with a changed %s: %v", n, size, what, err)
				}
			}
			changed := append(slices.Clone(record), 0)
			if len(record) > 0 {
				changed = slices.Clone(record)
				changed[rapid.IntRange(0, len(record)-1).Draw(t, "byte")] ^= bit
			}
			refused("record", tlog.CheckInclusion(proof, size, root, n, changed))
			badRoot := root
			badRoot[rapid.IntRange(0, 31).Draw(t, "byte")] ^= bit
			refused("root", tlog.CheckInclusion(proof, size, badRoot, n, record))
			if len(proof) > 0 {
				badProof := slices.Clone(proof)
				badProof[rapid.IntRange(0, len(proof)-1).Draw(t, "hash")][rapid.IntRange(0, 31).Draw(t, "byte")] ^= bit
				refused("proof", tlog.CheckInclusion(badProof, size, root, n, record))
			}
			refused("length", tlog.CheckInclusion(append(slices.Clone(proof), tlog.Hash{}), size, root, n, record))
			refused("position", tlog.CheckInclusion(proof, size, root, size, record))
		}
	})
}

func TestEveryPrefixIsConsistentAndARewrittenPastIsNot(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		records := draw(t)
		var log, other tlog.Memory
		forged := slices.Clone(records)
		forged[0] = append(slices.Clone(forged[0]), 1)
		if err := errors.Join(log.Append(records...), other.Append(forged...)); err != nil {
			t.Fatal(err)
		}
		size := int64(len(records))
		root, forgedRoot := mustRoot(t, size, &log), mustRoot(t, size, &other)
		for old := int64(0); old <= size; old++ {
			oldRoot := mustRoot(t, old, &log)
			proof, err := tlog.ProveConsistency(size, old, &log)
			if err != nil {
				t.Fatal(err)
			}
			if err := tlog.CheckConsistency(proof, size, root, old, oldRoot); err != nil {
				t.Fatalf("%d after %d: %v", size, old, err)
			}
			oldRoot[0] ^= 1
			if err := tlog.CheckConsistency(proof, size, root, old, oldRoot); !errors.Is(err, tlog.ErrProof) {
				t.Fatalf("%d continues a changed root of %d: %v", size, old, err)
			}
			if old == 0 {
				continue
			}
			oldRoot[0] ^= 1
			forgery, err := tlog.ProveConsistency(size, old, &other)
			if err != nil {
				t.Fatal(err)
			}
			if err := tlog.CheckConsistency(forgery, size, forgedRoot, old, oldRoot); !errors.Is(err, tlog.ErrProof) {
				t.Fatalf("a rewritten log of %d passes for a continuation of %d: %v", size, old, err)
			}
		}
	})
}

func TestBatchesMakeTheSameLogAsSingleRecords(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		records := draw(t)
		var one, many tlog.Memory
		for _, record := range records {
			if err := one.Append(record); err != nil {
				t.Fatal(err)
			}
		}
		for rest := records; len(rest) > 0; {
			n := rapid.IntRange(1, len(rest)).Draw(t, "batch")
			if err := many.Append(rest[:n]...); err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
		size := int64(len(records))
		if mustRoot(t, size, &one) != mustRoot(t, size, &many) || many.Size() != size {
			t.Fatal("the log depends on its batches")
		}
	})
}

func TestAppendReadsTheEdgeOnce(t *testing.T) {
	var log tlog.Memory
	if err := log.Append(slices.Repeat([][]byte{[]byte("r")}, 1023)...); err != nil {
		t.Fatal(err)
	}
	reads, indexes := 0, 0
	counting := tlog.HashReaderFunc(func(want []int64) ([]tlog.Hash, error) {
		reads++
		indexes += len(want)
		return log.ReadHashes(want)
	})
	hashes, err := tlog.Append(1023, [][]byte{[]byte("a"), []byte("b"), []byte("c")}, counting)
	if err != nil || reads != 1 || indexes != 10 {
		t.Errorf("%d reads of %d hashes, err %v", reads, indexes, err)
	}
	if want := tlog.HashCount(1026) - tlog.HashCount(1023); int64(len(hashes)) != want {
		t.Errorf("%d hashes to store, want %d", len(hashes), want)
	}
}

func TestAReaderThatFailsOrLiesStopsTheAppend(t *testing.T) {
	broken := errors.New("no database")
	for name, r := range map[string]tlog.HashReaderFunc{
		"fails": func([]int64) ([]tlog.Hash, error) { return nil, broken },
		"short": func([]int64) ([]tlog.Hash, error) { return nil, nil },
	} {
		if _, err := tlog.Append(3, [][]byte{[]byte("a")}, r); err == nil {
			t.Errorf("%s: appended", name)
		}
	}
	if _, err := tlog.Append(-1, [][]byte{[]byte("a")}, &tlog.Memory{}); err == nil {
		t.Error("appended after -1 records")
	}
	if _, err := (&tlog.Memory{}).ReadHashes([]int64{0}); err == nil {
		t.Error("the empty log has a hash")
	}
}

// The leaves and roots of the Certificate Transparency test tree, which other
// implementations of RFC 6962 publish too.
func TestRootsAreThoseOfRFC6962(t *testing.T) {
	leaves := []string{"", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"}
	roots := map[int64]string{
		0: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
		8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
	}
	var log tlog.Memory
	for _, leaf := range leaves {
		raw, err := hex.DecodeString(leaf)
		if err != nil {
			t.Fatal(err)
		}
		if err := log.Append(raw); err != nil {
			t.Fatal(err)
		}
	}
	for n, want := range roots {
		if root := mustRoot(t, n, &log); hex.EncodeToString(root[:]) != want {
			t.Errorf("root of %d is %x", n, root[:])
		}
	}
}

func TestACheckpointIsBoundToItsLogAndKey(t *testing.T) {
	signing, verifying, err := tlog.GenerateKey(rand.Reader, "yunshi/test")
	if err != nil {
		t.Fatal(err)
	}
	_, otherKey, err := tlog.GenerateKey(rand.Reader, "yunshi/test")
	if err != nil {
		t.Fatal(err)
	}
	otherSigning, _, err := tlog.GenerateKey(rand.Reader, "yunshi/other")
	if err != nil {
		t.Fatal(err)
	}
	var log tlog.Memory
	if err := log.Append([]byte("a"), []byte("b")); err != nil {
		t.Fatal(err)
	}
	c := tlog.Checkpoint{Origin: "yunshi/test", Size: 2, Root: mustRoot(t, 2, &log)}
	signed, err := tlog.Sign(c, signing)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := tlog.Open(signed, verifying); err != nil || got != c {
		t.Fatalf("Open = %+v, %v", got, err)
	}
	if !strings.HasPrefix(string(signed), "yunshi/test\n2\n") {
		t.Errorf("unexpected note %q", signed)
	}
	if _, err := tlog.Open(signed, otherKey); !errors.Is(err, tlog.ErrCheckpoint) {
		t.Errorf("another key opens it: %v", err)
	}
	if _, err := tlog.Open(bytes.Replace(signed, []byte("\n2\n"), []byte("\n3\n"), 1), verifying); !errors.Is(err, tlog.ErrCheckpoint) {
		t.Errorf("a changed size opens: %v", err)
	}
	if _, err := tlog.Open(signed, "nonsense"); !errors.Is(err, tlog.ErrCheckpoint) {
		t.Errorf("a broken key opens it: %v", err)
	}
	if _, err := tlog.Sign(c, otherSigning); !errors.Is(err, tlog.ErrCheckpoint) {
		t.Errorf("signed with the key of another log: %v", err)
	}
	if _, err := tlog.Sign(c, "PRIVATE+KEY+x+y+secret"); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("a broken signing key: %v", err)
	}
}

func BenchmarkAppend(b *testing.B) {
	var log tlog.Memory
	for i := range b.N {
		if err := log.Append(fmt.Appendf(nil, "record %d", i)); err != nil {
			b.Fatal(err)
		}
	}
}
