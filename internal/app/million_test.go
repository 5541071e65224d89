package app

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/base/proof"
	"yunshi/internal/base/tlog"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/evidence"
	"yunshi/internal/testkit"
)

// fill puts made-up records into the log, directly, each with its subject, its
// place and its hashes, and signs the end.
func (m *market) fill(n int) {
	m.t.Helper()
	const chunk = 20_000
	for done := 0; done < n; done += chunk {
		err := m.DB.Write(m.t.Context(), func(tx *db.Tx) error {
			ctx := m.t.Context()
			size, err := db.Value[int64](ctx, tx, `SELECT COALESCE(MAX(position) + 1, 0) FROM audit_leaf`)
			if err != nil {
				return err
			}
			stored := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
				out := make([]tlog.Hash, len(indexes))
				for i, index := range indexes {
					raw, err := db.Value[[]byte](ctx, tx, `SELECT hash FROM audit_hash WHERE position = $1`, index)
					if err != nil {
						return nil, err
					}
					copy(out[i][:], raw)
				}
				return out, nil
			})
			b := tx.Batch()
			texts := make([][]byte, 0, chunk)
			data := []byte(`{"input_sha256":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}`)
			sum := sha256.Sum256(data)
			for i := range min(chunk, n-done) {
				a := audit.Act{
					ID: fmt.Sprintf("rec_fill%012d", done+i), At: db.Micros(tx.Now()), Kind: audit.JobKind, Actor: "fill", Act: "thing.done",
					Subjects: []string{fmt.Sprintf("ord_fill%012d", (done+i)/20)}, Clauses: []string{"UA 4.2"}, Data: data, DataHash: hex.EncodeToString(sum[:]),
				}
				text, err := json.Marshal(a)
				if err != nil {
					return err
				}
				texts = append(texts, text)
				b.Add(`INSERT INTO audit_record (id, at, actor_kind, actor, account, session, method, act, subjects, clauses, refusal, data, data_sha256)
					VALUES ($1, $2, 'job', 'fill', '', '', '', 'thing.done', $3, '["UA 4.2"]', '', $4, $5)`, a.ID, a.At, `["`+a.Subjects[0]+`"]`, string(data), a.DataHash)
				b.Add(`INSERT INTO audit_subject (subject, record) VALUES ($1, $2)`, a.Subjects[0], a.ID)
				b.Add(`INSERT INTO audit_leaf (position, record) VALUES ($1, $2)`, size+int64(i), a.ID)
			}
			fresh, err := tlog.Append(size, texts, stored)
			if err != nil {
				return err
			}
			for i, h := range fresh {
				b.Add(`INSERT INTO audit_hash (position, hash) VALUES ($1, $2)`, tlog.HashCount(size)+int64(i), h[:])
			}
			_, err = b.Send(ctx)
			return err
		})
		if err != nil {
			m.t.Fatal(err)
		}
	}
}

// BenchmarkPackOfAMillionRecords makes the pack of an order with a refund, a complaint,
// a measure and a review in a log of 1,000,000 records (YUNSHI_BENCH_RECORDS changes
// the number), checks it, and finds single flipped bytes in it. YUNSHI_BENCH_PACK
// names a file for the pack, for a verifier in another language; its key stands
// beside it.
//
//	go test ./internal/app -run '^$' -bench Million -benchtime 1x
func BenchmarkPackOfAMillionRecords(b *testing.B) {
	n := 1_000_000
	if text := os.Getenv("YUNSHI_BENCH_RECORDS"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil {
			b.Fatal(err)
		}
	}
	clock := testkit.NewClock()
	m := trading(b, testkit.OpenAt(b, db.SQLite, clock), clock)
	work, key := m.disputed()
	for placed := 1; placed > 0; { // what has happened is in the log before the others
		var err error
		if placed, err = work.Integrate(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	began := time.Now()
	m.fill(n)
	b.Logf("%d records filled in %s", n, time.Since(began).Round(time.Second))
	b.ResetTimer()
	for range b.N {
		whole, err := work.Make(b.Context(), m.DB, audit.CLI("evidence"), m.order.ID, evidence.Operator, evidence.Court, nil)
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		checked := time.Now()
		o, err := proof.CheckPack(whole, key)
		if err != nil || o.Seal.Checkpoint.Size < int64(n) {
			b.Fatal(o.Seal, err)
		}
		b.ReportMetric(time.Since(checked).Seconds()*1000, "ms/check")
		b.ReportMetric(float64(len(whole))/1024, "KiB")
		for at := 0; at < len(whole); at += len(whole)/200 + 1 {
			broken := slices.Clone(whole)
			broken[at] ^= 1
			if _, err := proof.CheckPack(broken, key); err == nil {
				b.Errorf("byte %d of %d is not the one that was sealed, and nobody notices", at, len(whole))
			}
		}
		if name := os.Getenv("YUNSHI_BENCH_PACK"); name != "" {
			if err := errors.Join(os.WriteFile(name, whole, 0o600), os.WriteFile(name+".key", []byte(key), 0o600)); err != nil {
				b.Fatal(err)
			}
		}
		b.StartTimer()
	}
	b.ReportMetric(float64(n), "records")
}
