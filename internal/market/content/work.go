package content

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"yunshi/internal/base/blob"
	"yunshi/internal/base/db"
	"yunshi/internal/market/audit"
)

// Work lets files in and out. The zero Scanner is the built-in check.
type Work struct {
	Scanner  Scanner
	Pictures PictureScreener // nil: a person looks at every new picture
	Files    blob.Store
}

func (w Work) scanner() Scanner {
	if w.Scanner == nil {
		return builtIn{}
	}
	return w.Scanner
}

// Configured reports whether a real scanner looks at files.
func (w Work) Configured() bool { return w.scanner().Name() != BuiltIn }

// Check passes a file of the store, or refuses it with FILE_INFECTED after its
// bytes went into quarantine. What this scanner has passed before is not scanned
// again. Name is what its sender called it; "" on the way out, where a picture
// that waits or was blocked stays.
func (w Work) Check(ctx context.Context, d *db.DB, by audit.Actor, name string, ref blob.Ref) error {
	if name == "" {
		if err := w.shown(ctx, d, by, ref.SHA256); err != nil {
			return err
		}
	}
	f, known, err := w.known(ctx, d, ref.SHA256)
	if err != nil {
		return err
	}
	if !known {
		content, _, err := w.Files.Open(ctx, ref.Key)
		if err != nil {
			return err
		}
		signature, err := w.scanner().Scan(ctx, content)
		if closed := content.Close(); err == nil {
			err = closed
		}
		if err != nil {
			return err
		}
		f = File{SHA256: ref.SHA256, Size: ref.Size, Signature: signature, Infected: signature != "", Scanner: w.scanner().Name()}
	}
	return w.settle(ctx, d, by, name, f, known, ref.Key, nil)
}

// CheckBytes is [Work.Check] for a content that is stored in another form.
func (w Work) CheckBytes(ctx context.Context, d *db.DB, by audit.Actor, name string, content []byte) error {
	sha := hashOf(string(content))
	f, known, err := w.known(ctx, d, sha)
	if err != nil {
		return err
	}
	if !known {
		signature, err := w.scanner().Scan(ctx, bytes.NewReader(content))
		if err != nil {
			return err
		}
		f = File{SHA256: sha, Size: int64(len(content)), Signature: signature, Infected: signature != "", Scanner: w.scanner().Name()}
	}
	return w.settle(ctx, d, by, name, f, known, "", content)
}

// known is an answer that still counts: an infection always, a pass when this
// scanner gave it.
func (w Work) known(ctx context.Context, d *db.DB, sha string) (f File, known bool, err error) {
	err = d.Read(ctx, func(r db.Reader) error {
		f, known, err = FileOf(ctx, r, sha)
		return err
	})
	return f, known && (f.Infected || f.Scanner == w.scanner().Name()), err
}

// settle writes down what the scanner said before the bytes move, so that a crash
// in between leaves nothing that can be downloaded.
func (w Work) settle(ctx context.Context, d *db.DB, by audit.Actor, name string, f File, known bool, key string, content []byte) error {
	if err := d.Write(ctx, func(tx *db.Tx) error {
		if !known {
			if err := Scanned(ctx, tx, by, f); err != nil {
				return err
			}
		}
		if f.Infected && name != "" {
			return Rejected(ctx, tx, by, f.SHA256, name)
		}
		return nil
	}); err != nil {
		return err
	}
	if !f.Infected {
		return nil
	}
	return errors.Join(passed(true, f), w.quarantine(ctx, d, f, key, content))
}

// quarantine seals the bytes away, so that neither a person nor another scanner on
// the machine meets them, and takes them out of reach.
func (w Work) quarantine(ctx context.Context, d *db.DB, f File, key string, content []byte) error {
	if content == nil {
		in, _, err := w.Files.Open(ctx, key)
		if errors.Is(err, blob.ErrNotFound) {
			return nil // it is there already
		}
		if err != nil {
			return err
		}
		if content, err = io.ReadAll(in); err != nil {
			return errors.Join(err, in.Close())
		}
		if err := in.Close(); err != nil {
			return err
		}
	}
	sealed, err := d.Keys().Seal(string(content), "content_file.quarantine/"+f.SHA256)
	if err != nil {
		return err
	}
	stored, err := w.Files.Put(ctx, "quarantine/"+f.SHA256, bytes.NewReader(sealed))
	if err != nil {
		return fmt.Errorf("content: quarantine: %w", err)
	}
	if key != "" && !strings.HasPrefix(key, "quarantine/") {
		if err := w.Files.Delete(ctx, key); err != nil {
			return fmt.Errorf("content: quarantine: %w", err)
		}
	}
	return d.Write(ctx, func(tx *db.Tx) error {
		_, err := tx.Exec(ctx, markQuarantine, stored.Key, f.SHA256)
		return err
	})
}
