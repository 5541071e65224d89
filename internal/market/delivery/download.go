package delivery

import (
	"context"
	"errors"
	"io"
	"time"

	"yunshi/internal/base/blob"
	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/base/seal"
	"yunshi/internal/market/account"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/catalog"
	"yunshi/internal/market/entitlement"
)

// Link is a way to one file, for one account and session, until a moment.
type Link struct {
	Token     string
	ExpiresAt time.Time
}

// Opened is a link that was accepted: the file may be handed to who came with it.
type Opened struct {
	Delivery ID
	File     catalog.File
}

// Taken is one line of the download log.
type Taken struct {
	File    catalog.FileID
	SHA256  string
	User    string
	Session string
	At      time.Time
}

// NewLink makes a download link for the actor's own account and session.
func NewLink(ctx context.Context, r db.Reader, by audit.Actor, id ID) (_ Link, err error) {
	defer fault.Wrap(&err, "delivery.NewLink(%s)", id)
	d, _, err := usable(ctx, r, by, id)
	if err != nil {
		return Link{}, err
	}
	if d.Dialect != Download {
		return Link{}, ErrNotFound
	}
	if by.Session == "" {
		return Link{}, account.ErrNotSignedIn
	}
	life, err := agreement.Setting[struct {
		Minutes int64 `json:"minutes"`
	}](ctx, r, "download_link")
	if err != nil {
		return Link{}, err
	}
	l := link{delivery: d.ID, file: d.File, expires: r.Now().Add(time.Duration(life.Minutes) * time.Minute).Truncate(time.Second)}
	return Link{Token: l.token(linkKey(r.Keys()), by), ExpiresAt: l.expires}, nil
}

// Open accepts a link, or refuses it with LINK_EXPIRED. A right that has ended
// since the link was made is refused too.
func Open(ctx context.Context, r db.Reader, token string, by audit.Actor) (_ Opened, err error) {
	defer fault.Wrap(&err, "delivery.Open")
	l, err := openLink(linkKey(r.Keys()), token, by, r.Now())
	if err != nil {
		return Opened{}, err
	}
	d, _, err := usable(ctx, r, by, l.delivery)
	if err != nil {
		return Opened{}, err
	}
	f, err := fileOf(ctx, r, d)
	return Opened{Delivery: d.ID, File: f}, err
}

// Taking writes a download down, before the bytes go out.
func Taking(ctx context.Context, tx *db.Tx, by audit.Actor, o Opened) (err error) {
	defer fault.Wrap(&err, "delivery.Taking(%s)", o.Delivery)
	if _, err := tx.Exec(ctx, insertDownload, tx.ID("dld"), string(o.Delivery), string(o.File.ID), o.File.SHA256, by.Account, by.User, by.Session,
		db.Micros(tx.Now())); err != nil {
		return err
	}
	if err := received(ctx, tx, by, o.Delivery, "downloaded", o.File.SHA256); err != nil {
		return err
	}
	return audit.Record(ctx, tx, by, audit.Entry{
		Act: "delivery.downloaded", Subjects: []string{string(o.Delivery), string(o.File.ID)}, Clauses: []string{"UA 4.9.3"},
		Data: map[string]string{"sha256": o.File.SHA256},
	})
}

// Content opens the bytes for sending. What is stored is the vendor's upload, or
// nothing is sent; a change on the disk that is found only while reading ends the
// stream with an error instead of a proper end.
func (o Opened) Content(ctx context.Context, files blob.Store) (io.ReadCloser, error) {
	content, stored, err := files.Open(ctx, o.File.Blob)
	if errors.Is(err, blob.ErrDamaged) {
		return nil, ErrAltered
	}
	if err != nil {
		return nil, err
	}
	if err := unaltered(o.File, stored); err != nil {
		return nil, errors.Join(err, content.Close())
	}
	return content, nil
}

// Downloads returns the newest lines of the download log of a delivery, for its
// account, its vendor and the operator's staff.
func Downloads(ctx context.Context, r db.Reader, by audit.Actor, id ID) ([]Taken, error) {
	if _, err := Get(ctx, r, by, id); err != nil {
		return nil, err
	}
	return db.All(ctx, r, func(s db.Scanner) (t Taken, err error) {
		var at int64
		err = s.Scan(&t.File, &t.SHA256, &t.User, &t.Session, &at)
		t.At = db.Time(at)
		return t, err
	}, selectDownloads, string(id))
}

func linkKey(keys *seal.Keys) []byte { return keys.Derive("delivery.link") }

// fileOf returns the file of a download. A file of another vendor is none.
func fileOf(ctx context.Context, r db.Reader, d Delivery) (catalog.File, error) {
	f, err := catalog.FileOf(ctx, r, d.File)
	if errors.Is(err, catalog.ErrNotFound) || err == nil && f.Vendor != d.Vendor {
		return catalog.File{}, ErrNotFound
	}
	return f, err
}

// usable returns a delivery whose product the actor may use now.
func usable(ctx context.Context, r db.Reader, by audit.Actor, id ID) (Delivery, entitlement.Entitlement, error) {
	d, err := Read(ctx, r, id)
	if err != nil {
		return Delivery{}, entitlement.Entitlement{}, err
	}
	e, err := entitlement.MayUse(ctx, r, by, d.Entitlement)
	if err == nil && d.State != Delivered {
		err = ErrNotReady
	}
	return d, e, err
}
