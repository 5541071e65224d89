package audit_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"yunshi/internal/base/db"
	"yunshi/internal/base/tlog"
	"yunshi/internal/market/audit"
	"yunshi/internal/testkit"
)

const origin = "market.example/log"

func act(t *testing.T, d *db.DB, subject string, n int) {
	t.Helper()
	for i := range n {
		err := d.Write(t.Context(), func(tx *db.Tx) error {
			return audit.Record(t.Context(), tx, audit.CLI("test"), audit.Entry{
				Act: "thing.done", Subjects: []string{subject, "", subject}, Clauses: []string{"UA 4.3"}, Data: map[string]int{"n": i},
			})
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func keys(t *testing.T) (signing, verifying string) {
	t.Helper()
	signing, verifying, err := tlog.GenerateKey(testkit.Rand("log"), origin)
	if err != nil {
		t.Fatal(err)
	}
	return signing, verifying
}

func verify(t *testing.T, d *db.DB, key string) (size int64, wrong []string) {
	t.Helper()
	err := d.Read(t.Context(), func(r db.Reader) (err error) {
		size, wrong, err = audit.Verify(t.Context(), r, key)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return size, wrong
}

func TestEveryRecordGetsOnePlaceAndAProof(t *testing.T) {
	testkit.Engines(t, func(t *testing.T, d *db.DB) {
		signing, verifying := keys(t)
		act(t, d, "ord_1", 5)
		var wg sync.WaitGroup
		for range 4 { // two nodes may integrate at once
			wg.Go(func() {
				if _, err := audit.Integrate(t.Context(), d, origin, signing); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if size, wrong := verify(t, d, verifying); size != 5 || len(wrong) > 0 {
			t.Fatalf("%d records in the log, wrong: %v", size, wrong)
		}
		err := d.Read(t.Context(), func(r db.Reader) error {
			acts, err := audit.Of(t.Context(), r, "ord_1")
			if err != nil || len(acts) != 5 {
				t.Fatalf("%d acts, %v", len(acts), err)
			}
			for _, a := range acts {
				p, err := audit.Prove(t.Context(), r, a.ID)
				if err != nil {
					return err
				}
				c, err := tlog.Open([]byte(p.Checkpoint), verifying)
				if err != nil {
					return err
				}
				if err := tlog.CheckInclusion(p.Proof, p.Size, c.Root, p.Position, []byte(p.Leaf)); err != nil {
					return err
				}
				if err := tlog.CheckInclusion(p.Proof, p.Size, c.Root, p.Position, []byte(p.Leaf+" ")); err == nil {
					t.Error("a changed record passed")
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

func TestAWaitingRecordHasNoProofYet(t *testing.T) {
	testkit.Engines(t, func(t *testing.T, d *db.DB) {
		act(t, d, "ord_1", 1)
		err := d.Read(t.Context(), func(r db.Reader) error {
			acts, err := audit.Of(t.Context(), r, "ord_1")
			if err != nil {
				return err
			}
			_, err = audit.Prove(t.Context(), r, acts[0].ID)
			return err
		})
		if !errors.Is(err, audit.ErrNotYet) {
			t.Fatal(err)
		}
	})
}

func TestRecordsCannotBeChangedOrDeleted(t *testing.T) {
	testkit.Engines(t, func(t *testing.T, d *db.DB) {
		act(t, d, "ord_1", 1)
		for _, q := range []string{"UPDATE audit_record SET act = 'x'", "DELETE FROM audit_record"} {
			err := d.Write(t.Context(), func(tx *db.Tx) error { _, err := tx.Exec(t.Context(), q); return err })
			if !db.Refused(err) {
				t.Errorf("%s: %v", q, err)
			}
		}
	})
}

func TestVerifyFindsAForgedLog(t *testing.T) {
	attacks := map[string]string{
		"a place taken away":  "DELETE FROM audit_leaf WHERE position = 2",
		"a record swapped in": "UPDATE audit_leaf SET position = 99 - position WHERE position IN (1, 98)",
		"a checkpoint edited": "UPDATE audit_checkpoint SET note = replace(note, 'a', 'b')",
	}
	for name, attack := range attacks {
		t.Run(name, func(t *testing.T) {
			testkit.Engines(t, func(t *testing.T, d *db.DB) {
				signing, verifying := keys(t)
				act(t, d, "ord_1", 5)
				if _, err := audit.Integrate(t.Context(), d, origin, signing); err != nil {
					t.Fatal(err)
				}
				if err := d.Write(t.Context(), func(tx *db.Tx) error { _, err := tx.Exec(t.Context(), attack); return err }); err != nil {
					t.Fatal(err)
				}
				if _, wrong := verify(t, d, verifying); len(wrong) == 0 {
					t.Fatal("nothing found")
				}
			})
		})
	}
}

func TestTheLogGrowsInBatches(t *testing.T) {
	testkit.Engines(t, func(t *testing.T, d *db.DB) {
		signing, verifying := keys(t)
		total := 0
		for round := range 3 {
			act(t, d, fmt.Sprintf("ord_%d", round), 3)
			n, err := audit.Integrate(t.Context(), d, origin, signing)
			if err != nil {
				t.Fatal(err)
			}
			total += n
		}
		size, wrong := verify(t, d, verifying)
		if int(size) != total || total != 9 || len(wrong) > 0 {
			t.Fatalf("size %d, placed %d: %s", size, total, strings.Join(wrong, "; "))
		}
	})
}

func TestNodesThatIntegrateAtOnceGiveEachPlaceOnce(t *testing.T) {
	testkit.Engines(t, func(t *testing.T, d *db.DB) {
		signing, verifying := keys(t)
		const nodes, records = 4, 40
		var placed atomic.Int64
		var all sync.WaitGroup
		for node := range nodes {
			all.Go(func() {
				for i := range records {
					act(t, d, fmt.Sprintf("ord_%d_%d", node, i), 1)
					n, err := audit.Integrate(t.Context(), d, origin, signing)
					if err != nil {
						t.Error(err)
					}
					placed.Add(int64(n))
				}
			})
		}
		all.Wait()
		size, wrong := verify(t, d, verifying)
		if size != nodes*records || placed.Load() != size || len(wrong) > 0 {
			t.Fatalf("size %d, placed %d, want %d: %s", size, placed.Load(), nodes*records, strings.Join(wrong, "; "))
		}
	})
}
