// Package blob keeps files under keys, on disk or in an S3-compatible store.
//
// A key is a relative path of plain segments, such as "receipts/2026/ord_….pdf".
// The prefix ByContent asks for a key made from the content itself; putting the
// same content twice then stores it once.
//
// Owns: storing, finding and checking bytes. Does not own: who may read which
// key, file names shown to people, content types.
//
// Always true: a file appears whole or not at all; reading it to the end returns
// exactly what was put, or ErrDamaged; no key reaches outside the store.
package blob

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"strings"
)

// ByContent is the key to put under when the key shall be "sha256/" and the
// hexadecimal SHA-256 of the content. The resulting key is in the Ref.
const ByContent = "sha256/"

var (
	// ErrNotFound is returned when nothing is stored under the key.
	ErrNotFound = errors.New("blob: not found")
	// ErrKey is returned for a key that is not a relative path of plain segments.
	ErrKey = errors.New("blob: not a valid key")
	// ErrDamaged is returned when stored bytes are not what was put, or put bytes
	// do not have the hash their key claims.
	ErrDamaged = errors.New("blob: content does not match its hash")
	// ErrRange is returned for a range that does not lie inside the file.
	ErrRange = errors.New("blob: range outside the file")
)

// Ref describes a stored file.
type Ref struct {
	Key    string
	Size   int64  // bytes
	SHA256 string // of the content, 64 hexadecimal characters
}

// Store keeps files. Every method returns an error that wraps ErrKey for a bad
// key; all are safe for concurrent use.
type Store interface {
	// Put stores all of r under the key, replacing what was there.
	Put(ctx context.Context, key string, r io.Reader) (Ref, error)
	// Open returns the file for reading from its start. Where content and hash
	// differ, the last Read returns ErrDamaged instead of io.EOF. The caller closes
	// the reader. ErrNotFound when there is no such file.
	Open(ctx context.Context, key string) (io.ReadCloser, Ref, error)
	// OpenRange returns length bytes from offset on; the Ref is that of the whole
	// file. A part cannot be checked against the hash. ErrRange when the range is
	// not inside the file.
	OpenRange(ctx context.Context, key string, offset, length int64) (io.ReadCloser, Ref, error)
	// Delete removes the file; it is no error when there is none.
	Delete(ctx context.Context, key string) error
}

// Read returns a whole file, for what is small enough to be held in memory.
func Read(ctx context.Context, s Store, key string) (content []byte, err error) {
	in, _, err := s.Open(ctx, key)
	if err != nil {
		return nil, err
	}
	content, err = io.ReadAll(in)
	if closed := in.Close(); err == nil {
		err = closed
	}
	return content, err
}

const maxKey = 512

// checkKey accepts segments of letters, digits and "._-=" that do not start with
// a dot, joined by single slashes.
func checkKey(key string) error {
	if key == "" || len(key) > maxKey {
		return fmt.Errorf("%w: %d characters", ErrKey, len(key))
	}
	for segment := range strings.SplitSeq(key, "/") {
		if segment == "" || segment[0] == '.' {
			return fmt.Errorf("%w: %q", ErrKey, key)
		}
		for _, c := range []byte(segment) {
			alnum := '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
			if !alnum && strings.IndexByte("._-=", c) < 0 {
				return fmt.Errorf("%w: %q", ErrKey, key)
			}
		}
	}
	return nil
}

// finalKey returns the key the content belongs under: a content key is completed
// or compared, any other is kept.
func finalKey(key, sum string) (string, error) {
	claimed, byContent := strings.CutPrefix(key, ByContent)
	switch {
	case !byContent:
		return key, nil
	case claimed == "" || claimed == sum:
		return ByContent + sum, nil
	default:
		return "", fmt.Errorf("%w: %s", ErrDamaged, key)
	}
}

// checkPutKey is checkKey that also allows the bare ByContent.
func checkPutKey(key string) error {
	if key == ByContent {
		return nil
	}
	return checkKey(key)
}

func checkRange(ref Ref, offset, length int64) error {
	if offset < 0 || length < 0 || offset > ref.Size || length > ref.Size-offset {
		return fmt.Errorf("%w: %d bytes from %d of %d", ErrRange, length, offset, ref.Size)
	}
	return nil
}

// spool copies r into f and returns its size and hash.
func spool(ctx context.Context, f io.Writer, r io.Reader) (int64, string, error) {
	h := sha256.New()
	n, err := io.Copy(io.MultiWriter(f, h), &contextReader{ctx, r})
	return n, hex.EncodeToString(h.Sum(nil)), err
}

// contextReader stops a long copy when its context ends.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c *contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}

// checked hashes what it reads and refuses to end well on other content.
type checked struct {
	io.ReadCloser
	ref  Ref
	hash hash.Hash
	size int64
}

func check(r io.ReadCloser, ref Ref) io.ReadCloser {
	return &checked{ReadCloser: r, ref: ref, hash: sha256.New()}
}

func (c *checked) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	c.hash.Write(p[:n])
	c.size += int64(n)
	ended := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
	if ended && (c.size != c.ref.Size || hex.EncodeToString(c.hash.Sum(nil)) != c.ref.SHA256) {
		return n, fmt.Errorf("%w: %s", ErrDamaged, c.ref.Key)
	}
	return n, err
}

// part is a reader of some bytes of a closer.
type part struct {
	io.Reader
	io.Closer
}

// removeTemp closes and removes a spool file; by then its content has been used
// or is not wanted.
func removeTemp(f *os.File) {
	f.Close()
	os.Remove(f.Name())
}
