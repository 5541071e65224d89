package catalog

import (
	"context"
	"encoding/hex"
	"strings"

	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/base/screen"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/content"
	"yunshi/internal/market/vendor"
)

// AddFile notes a file that a person of the vendor has uploaded. The caller has
// put it into the file store, taken its hash while doing so, and had it scanned.
func AddFile(ctx context.Context, tx *db.Tx, by audit.Actor, f File) (_ File, err error) {
	defer fault.Wrap(&err, "catalog.AddFile(%s)", f.Vendor)
	seller, err := vendor.Get(ctx, tx, f.Vendor)
	if err != nil {
		return File{}, err
	}
	if err := mayWrite(by, seller); err != nil {
		return File{}, err
	}
	if f.Name = strings.TrimSpace(f.Name); f.Name == "" {
		return File{}, ErrRequired.In("name")
	}
	if sum, err := hex.DecodeString(f.SHA256); err != nil || len(sum) != 32 || f.Blob == "" || f.Size < 0 {
		return File{}, ErrInvalid.In("file")
	}
	if err := content.MustPass(ctx, tx, f.SHA256); err != nil {
		return File{}, err
	}
	if err := content.Must(ctx, tx, by, content.Piece{Kind: content.FileName, Field: "file", Place: screen.Public, Text: f.Name}); err != nil {
		return File{}, err
	}
	f.ID, f.AddedAt = FileID(tx.ID("fil")), tx.Now()
	_, err = tx.Exec(ctx, insertFile, string(f.ID), string(f.Vendor), f.Name, f.MediaType, f.Size, f.SHA256, f.Blob, db.Micros(f.AddedAt))
	return f, err
}

// FileOf returns a file, or NOT_FOUND.
func FileOf(ctx context.Context, r db.Reader, id FileID) (File, error) {
	return found(db.One(ctx, r, scanFile, selectFile, string(id)))
}

// Files returns the files of a vendor, oldest first.
func Files(ctx context.Context, r db.Reader, v vendor.ID) ([]File, error) {
	return db.All(ctx, r, scanFile, selectFiles, string(v))
}
