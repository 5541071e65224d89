package evidence

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"yunshi/internal/base/blob"
	"yunshi/internal/base/db"
	"yunshi/internal/base/proof"
	"yunshi/internal/base/text"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/job"
	"yunshi/internal/market/order"
	"yunshi/internal/market/vendor"
)

// The jobs of this package.
const (
	BuildJob  = "evidence.build"
	expireJob = "evidence.expire"
)

// Work is what making packs needs.
type Work struct {
	Parts []Part
	Blob  blob.Store
	// Integrate gives waiting records their place in the log now; it returns how
	// many it placed. Nil: the market's worker does, and the job is tried again.
	Integrate func(ctx context.Context) (int, error)
}

// Handlers are the jobs by kind.
func (w Work) Handlers() map[string]job.Handler {
	return map[string]job.Handler{
		BuildJob: {
			Run: func(ctx context.Context, d *db.DB, j job.Job) error {
				_, err := w.build(ctx, d, ID(j.Object), nil)
				if errors.Is(err, audit.ErrNotYet) {
					return job.Later(err, time.Second)
				}
				return err
			},
			GiveUp: func(ctx context.Context, tx *db.Tx, j job.Job, _ error) error {
				_, err := tx.Exec(ctx, failPack, db.Micros(tx.Now()), j.Object)
				return err
			},
		},
		expireJob: {Run: w.expire},
	}
}

// Make makes a pack at once, for the command line. Watch is told of each step.
func (w Work) Make(ctx context.Context, d *db.DB, by audit.Actor, id order.ID, as Addressee, why Reason, watch func(step string, done, total int)) ([]byte, error) {
	var p Pack
	if err := d.Write(ctx, func(tx *db.Tx) (err error) {
		p, err = begin(ctx, tx, by, id, as, why)
		return err
	}); err != nil {
		return nil, err
	}
	for attempt := 0; ; attempt++ {
		whole, err := w.build(ctx, d, p.ID, watch)
		if !errors.Is(err, audit.ErrNotYet) || attempt == 10 {
			return whole, err
		}
		select { // a record of the order was on its way into the log
		case <-time.After(time.Second):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// build collects the files, records their manifest, waits until that record lies
// in the log, and stores the pack under the record's proof.
func (w Work) build(ctx context.Context, d *db.DB, id ID, watch func(step string, done, total int)) ([]byte, error) {
	var p Pack
	if err := d.Read(ctx, func(r db.Reader) (err error) {
		p, err = db.One(ctx, r, scan, selectPack, string(id))
		return err
	}); err != nil || p.State != Building {
		return nil, err
	}
	total := len(w.Parts) + 3
	step := func(name string, done int) error {
		if watch != nil {
			watch(name, done, total)
		}
		return d.Write(ctx, func(tx *db.Tx) error {
			_, err := tx.Exec(ctx, stepPack, name, done, total, string(id))
			return err
		}, db.Guarded)
	}
	if err := w.settle(ctx); err != nil { // what was done before is to be proved
		return nil, err
	}
	files, err := w.collect(ctx, d, p, step)
	if err != nil {
		return nil, err
	}
	manifest, sum, err := proof.List(string(p.Order), string(p.For), p.AskedAt, files)
	if err != nil {
		return nil, err
	}
	record, err := w.seal(ctx, d, &p, sum, len(w.Parts)+2, total)
	if err != nil {
		return nil, err
	}
	if err := w.settle(ctx); err != nil {
		return nil, err
	}
	var whole, sealed []byte
	err = d.Read(ctx, func(r db.Reader) error {
		seal, err := sealOf(ctx, r, record, files)
		if err != nil {
			return err
		}
		if whole, err = proof.Pack(manifest, seal, files); err != nil {
			return err
		}
		sealed, err = r.Keys().Seal(string(whole), sealedAt(p.ID))
		return err
	})
	if err != nil {
		return nil, err
	}
	if watch != nil {
		watch("seal", total, total)
	}
	return whole, w.store(ctx, d, p, record, whole, sealed)
}

func (w Work) settle(ctx context.Context) error {
	for w.Integrate != nil {
		if placed, err := w.Integrate(ctx); err != nil || placed < audit.Full {
			return err
		}
	}
	return nil
}

// collect asks every part, and adds the records and the summaries.
func (w Work) collect(ctx context.Context, d *db.DB, p Pack, step func(name string, done int) error) ([]proof.File, error) {
	c := Case{For: p.For, Open: w.open}
	if err := d.Read(ctx, func(r db.Reader) (err error) {
		if c.Order, err = order.Any(ctx, r, p.Order); err != nil {
			return err
		}
		if c.Vendor, err = vendor.Get(ctx, r, c.Order.Vendor); err != nil {
			return err
		}
		c.By, err = reader(ctx, r, p, c)
		return err
	}); err != nil {
		return nil, err
	}
	var files []proof.File
	s := summary{pack: p}
	subjects := []string{string(p.Order)}
	for i, part := range w.Parts {
		if err := step(part.Name, i); err != nil {
			return nil, err
		}
		if err := d.Read(ctx, func(r db.Reader) error {
			content, err := part.Collect(ctx, r, c)
			if err != nil {
				return fmt.Errorf("evidence: %s: %w", part.Name, err)
			}
			if content.Data != nil {
				text, err := readable(content.Data)
				if err != nil {
					return err
				}
				files = append(files, proof.File{Name: part.Name + ".json", Content: text})
			}
			files = append(files, content.Files...)
			subjects = append(subjects, content.Subjects...)
			s.parts = append(s.parts, chapter{part.Name, content.Facts, content.Data == nil && len(content.Files) == 0})
			return nil
		}); err != nil {
			return nil, err
		}
	}
	if err := step("records", len(w.Parts)); err != nil {
		return nil, err
	}
	err := d.Read(ctx, func(r db.Reader) error {
		own := ownerOf(c.Order, c.Vendor, p.For)
		records, err := audit.About(ctx, r, subjects...)
		if err != nil {
			return err
		}
		// What happened after the pack was asked for is not in it.
		records = slices.DeleteFunc(records, func(a audit.Act) bool { return a.Time().After(p.AskedAt) })
		bundle, err := audit.Bundle(ctx, r, records, func(a audit.Act) bool { return shows(c, own, a) })
		if err != nil {
			return err
		}
		text, err := bundle.Encode()
		if err != nil {
			return err
		}
		files = append(files, proof.File{Name: proof.RecordsName, Content: text})
		for i, a := range records {
			s.records = append(s.records, recorded{a, bundle.Records[i].Index})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if err := step("summary", len(w.Parts)+1); err != nil {
		return nil, err
	}
	s.files = slices.Clone(files)
	for _, l := range []text.Lang{text.ZH, text.EN} {
		var b bytes.Buffer
		if err := s.write(&b, l); err != nil {
			return nil, err
		}
		files = append(files, proof.File{Name: "summary." + string(l) + ".pdf", Content: b.Bytes()})
	}
	return append(files, proof.File{Name: "README.txt", Content: []byte(readme)}), nil
}

func (w Work) open(ctx context.Context, key string) ([]byte, error) {
	f, _, err := w.Blob.Open(ctx, key)
	if err != nil {
		return nil, err
	}
	content, err := io.ReadAll(f)
	return content, errors.Join(err, f.Close())
}

// readable is JSON that a person can read too.
func readable(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(v)
	return b.Bytes(), err
}

// seal records the manifest in the place of whoever asked.
func (w Work) seal(ctx context.Context, d *db.DB, p *Pack, sum string, done, total int) (audit.Act, error) {
	var record audit.Act
	err := d.Write(ctx, func(tx *db.Tx) error {
		by := audit.Actor{Kind: audit.JobKind, User: BuildJob}
		err := audit.Record(ctx, tx, by, audit.Entry{
			Act: "evidence.pack", Subjects: []string{string(p.Order), string(p.ID)}, Clauses: []string{"ECL 62"},
			Data: map[string]string{"manifest_sha256": sum, "addressee": string(p.For), "reason": string(p.Reason)},
		})
		if err != nil {
			return err
		}
		all, err := audit.About(ctx, tx, string(p.ID))
		if err != nil {
			return err
		}
		for _, a := range all { // the one with this manifest; a try before had another
			if a.Act == "evidence.pack" && strings.Contains(string(a.Data), sum) {
				record = a
			}
		}
		if _, err := tx.Exec(ctx, stepPack, "seal", done, total, string(p.ID)); err != nil {
			return err
		}
		changed, err := tx.Exec(ctx, sealPack, sum, record.ID, done, string(p.ID))
		if err == nil && changed == 0 {
			err = ErrNotReady
		}
		return err
	})
	p.Record = record.ID
	return record, err
}

// sealOf proves the record over a log that continues the one of the records.
func sealOf(ctx context.Context, r db.Reader, record audit.Act, files []proof.File) (proof.Bundle, error) {
	i := slices.IndexFunc(files, func(f proof.File) bool { return f.Name == proof.RecordsName })
	records, err := proof.ParseBundle(files[i].Content)
	if err != nil {
		return proof.Bundle{}, err
	}
	was, err := audit.Named(records.Checkpoint)
	if err != nil {
		return proof.Bundle{}, err
	}
	return audit.Bundle(ctx, r, []audit.Act{record}, nil, was)
}

// store keeps the file and ends the work. Of two nodes that made one pack, the
// record that was noted last wins.
func (w Work) store(ctx context.Context, d *db.DB, p Pack, record audit.Act, whole, sealed []byte) error {
	key := "evidence/" + string(p.ID) + "-" + record.ID
	if _, err := w.Blob.Put(ctx, key, bytes.NewReader(sealed)); err != nil {
		return err
	}
	sum := sha256.Sum256(whole)
	stored := true
	err := d.Write(ctx, func(tx *db.Tx) error {
		changed, err := tx.Exec(ctx, finishPack, key, hex.EncodeToString(sum[:]), len(whole), db.Micros(tx.Now()), string(p.ID), record.ID)
		if stored = changed == 1; err != nil || !stored {
			return err
		}
		return job.Enqueue(ctx, tx, job.Spec{Kind: expireJob, Object: string(p.ID), At: tx.Now().Add(KeptFor), Unique: true})
	})
	if err == nil && !stored {
		err = w.Blob.Delete(ctx, key)
	}
	return err
}

// expire removes the file of a pack whose time is over.
func (w Work) expire(ctx context.Context, d *db.DB, j job.Job) error {
	var p Pack
	if err := d.Read(ctx, func(r db.Reader) (err error) {
		p, err = db.One(ctx, r, scan, selectPack, j.Object)
		return err
	}); err != nil {
		return err
	}
	if p.Blob != "" {
		if err := w.Blob.Delete(ctx, p.Blob); err != nil {
			return err
		}
	}
	return d.Write(ctx, func(tx *db.Tx) error {
		changed, err := tx.Exec(ctx, expirePack, string(p.ID))
		if err != nil || changed == 0 {
			return err
		}
		return audit.Record(ctx, tx, audit.Job(expireJob), audit.Entry{Act: "evidence.expire", Subjects: []string{string(p.Order), string(p.ID)}})
	})
}
