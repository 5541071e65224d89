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
	"yunshi/internal/base/screen"
	"yunshi/internal/market/audit"
)

// Work lets files in and out. The zero Scanner is the built-in check.
type Work struct {
	Scanner  Scanner
	Pictures PictureScreener
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

// PictureScreener looks for what a picture must not show. The zero value is none:
// a person looks at every picture.
type PictureScreener struct {
	Name string // tells screeners and their versions apart in records
	// Look reads all of the picture and names what it found; nothing: it passes. An
	// error means that it does not answer, and a person looks instead.
	Look func(ctx context.Context, picture io.Reader) (found []string, err error)
}

// largestPicture is the most bytes of a picture that is taken.
const largestPicture = 16 << 20

// Look has a picture that came into the store wait for a person of the operator,
// unless a screener passed it. Until then only who sent it and the staff see it.
// A picture that was blocked is refused for good. Other files, and what the staff
// itself puts in, are none of its business.
func (w Work) Look(ctx context.Context, d *db.DB, by audit.Actor, mediaType string, ref blob.Ref) error {
	if !strings.HasPrefix(mediaType, "image/") || officer(by) {
		return nil
	}
	if ref.Size > largestPicture {
		return ErrPictureSize.In("file")
	}
	old, known, err := pictureOf(ctx, d, ref.SHA256)
	switch {
	case err != nil:
		return err
	case known && old.State == Blocked:
		return ErrBlocked.In("file")
	case known:
		return nil
	}
	content, _, err := w.Files.Open(ctx, ref.Key)
	if err != nil {
		return err
	}
	all, err := io.ReadAll(io.LimitReader(content, largestPicture+1))
	if closed := content.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return err
	}
	if hashOf(string(all)) != ref.SHA256 {
		return ErrAltered
	}
	hits := []Hit{}
	if w.Pictures.Look != nil {
		found, err := w.Pictures.Look(ctx, bytes.NewReader(all))
		if err == nil && len(found) == 0 {
			return d.Write(ctx, func(tx *db.Tx) error {
				return audit.Record(ctx, tx, by, audit.Entry{
					Act: "content.picture.passed", Subjects: []string{ref.SHA256}, Clauses: []string{"UA 4.7.1"}, Data: map[string]any{"screener": w.Pictures.Name},
				})
			})
		}
		for _, one := range found {
			hits = append(hits, Hit{Kind: screen.Listed, Term: one})
		}
	}
	err = d.Write(ctx, func(tx *db.Tx) error {
		_, err := keep(ctx, tx, by, Item{Kind: Picture, Ref: ref.SHA256, Field: "file", State: Held, SHA256: ref.SHA256, Hits: hits, Clause: "UA 4.7.1"}, string(all))
		return err
	})
	if errors.Is(err, ErrState) { // somebody has sent the same picture meanwhile
		return nil
	}
	return err
}

// pictureOf is the newest original of a picture.
func pictureOf(ctx context.Context, d *db.DB, sha string) (i Item, known bool, err error) {
	err = d.Read(ctx, func(r db.Reader) error {
		i, err = db.One(ctx, r, scanListed, selectPicture, sha)
		return err
	})
	if errors.Is(err, db.ErrNoRow) {
		return Item{}, false, nil
	}
	return i, err == nil, err
}

// shown refuses a picture on its way out that waits or was blocked.
func (w Work) shown(ctx context.Context, d *db.DB, by audit.Actor, sha string) error {
	i, known, err := pictureOf(ctx, d, sha)
	if err != nil || !known {
		return err
	}
	return showable(i, by)
}

// Pictures is how this package gives up a picture and takes it back: by the state
// of its original, which is asked whenever the file leaves.
func Pictures() Owner {
	return Owner{
		Read: func(ctx context.Context, r db.Reader, sha string) (Original, error) {
			i, err := found(db.One(ctx, r, scanItem, selectPictureWhole, sha))
			if err != nil {
				return Original{}, err
			}
			picture, err := open(r, i)
			return Original{Text: picture, Account: i.Account, User: i.User}, err
		},
		Take:    func(context.Context, *db.Tx, string, Why) error { return nil },
		Restore: func(context.Context, *db.Tx, string, string) error { return nil },
	}
}
