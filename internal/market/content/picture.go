package content

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"

	"yunshi/internal/base/blob"
	"yunshi/internal/base/db"
	"yunshi/internal/base/screen"
	"yunshi/internal/market/audit"
)

// PictureScreener looks for what a picture must not show.
type PictureScreener interface {
	// Name tells screeners and their versions apart in records.
	Name() string
	// Look reads all of the picture and names what it found; nothing: it passes. An
	// error means that it does not answer, and a person looks instead.
	Look(ctx context.Context, picture io.Reader) (found []string, err error)
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
	if w.Pictures != nil {
		found, err := w.Pictures.Look(ctx, bytes.NewReader(all))
		if err == nil && len(found) == 0 {
			return d.Write(ctx, func(tx *db.Tx) error {
				return audit.Record(ctx, tx, by, audit.Entry{
					Act: "content.picture.passed", Subjects: []string{ref.SHA256}, Clauses: []string{"UA 4.7.1"}, Data: map[string]any{"screener": w.Pictures.Name()},
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
