package invoice

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"

	"yunshi/internal/base/db"
	"yunshi/internal/market/audit"
)

// SealFile judges an uploaded form of an invoice by its size and its first bytes
// and seals it for the store, because a file names people. The answer has no
// Blob yet: that is where the caller puts the sealed bytes.
func SealFile(r db.Reader, kind FileKind, content []byte) (Upload, []byte, error) {
	limit := MaxView
	if kind == XML {
		limit = MaxXML
	}
	if len(content) == 0 || len(content) > limit {
		return Upload{}, nil, unreadable("size")
	}
	if !looksLike(kind, content) {
		return Upload{}, nil, unreadable("kind")
	}
	sum := sha256.Sum256(content)
	u := Upload{Kind: kind, SHA256: hex.EncodeToString(sum[:]), Size: int64(len(content))}
	stored, err := r.Keys().Seal(string(content), fileAt(u.SHA256))
	return u, stored, err
}

// OpenFile returns the file itself from the sealed bytes of the store. Bytes that
// were changed, or belong to another file, do not open.
func OpenFile(r db.Reader, f File, stored []byte) ([]byte, error) {
	content, err := r.Keys().Open(stored, fileAt(f.SHA256))
	return []byte(content), err
}

// looksLike keeps a page or a program from being stored as a view: an OFD is a
// zip archive, a PDF says what it is. What an XML is, [Parse] judges.
func looksLike(kind FileKind, content []byte) bool {
	switch kind {
	case XML:
		return true
	case OFD:
		return bytes.HasPrefix(content, []byte("PK\x03\x04"))
	case PDF:
		return bytes.HasPrefix(content, []byte("%PDF-"))
	}
	return false
}

// KindOf tells the form of an upload from its first bytes.
func KindOf(content []byte) FileKind {
	for _, kind := range []FileKind{OFD, PDF} {
		if looksLike(kind, content) {
			return kind
		}
	}
	return XML
}

// FileOf returns one stored form of an invoice to those who may read it: the
// buyer's accounts and the vendor. The operator's people may not.
func FileOf(ctx context.Context, r db.Reader, by audit.Actor, id ID, sha256 string) (File, error) {
	_, who, err := look(ctx, r, by, id)
	if err != nil {
		return File{}, err
	}
	if who == asWatcher {
		return File{}, ErrForbidden
	}
	all, err := db.All(ctx, r, scanFile, selectFiles, string(id))
	if err != nil {
		return File{}, err
	}
	for _, f := range all {
		if f.SHA256 == sha256 {
			return f, nil
		}
	}
	return File{}, ErrNotFound
}
