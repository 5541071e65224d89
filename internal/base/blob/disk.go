package blob

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strconv"
	"strings"
)

// A file on disk starts with a header of fixed length, so that content, size and
// hash appear together by one rename:
//
//	yunshi-blob 1 <sha256 in hexadecimal> <size in 20 digits>\n
const (
	headerStart = "yunshi-blob 1 "
	headerLen   = len(headerStart) + 64 + 1 + 20 + 1
	tempDir     = ".temp" // no key starts with a dot
)

type disk struct{ root *os.Root }

// Disk returns a store in a directory, which is made when it does not exist.
func Disk(dir string) (Store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("blob: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("blob: %w", err)
	}
	if err := root.MkdirAll(tempDir, 0o700); err != nil {
		return nil, fmt.Errorf("blob: %w", err)
	}
	return &disk{root}, nil
}

func (d *disk) Put(ctx context.Context, key string, r io.Reader) (Ref, error) {
	if err := checkPutKey(key); err != nil {
		return Ref{}, err
	}
	temp := path.Join(tempDir, rand.Text())
	f, err := d.root.OpenFile(temp, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return Ref{}, fmt.Errorf("blob: put %s: %w", key, err)
	}
	defer d.root.Remove(temp) // finds nothing once the file has its name
	ref, err := fill(ctx, f, key, r)
	if err = errors.Join(err, f.Close()); err != nil {
		return Ref{}, fmt.Errorf("blob: put %s: %w", key, err)
	}
	if err := d.name(temp, ref.Key); err != nil {
		return Ref{}, fmt.Errorf("blob: put %s: %w", key, err)
	}
	return ref, nil
}

// fill writes content and then its header, durably.
func fill(ctx context.Context, f *os.File, key string, r io.Reader) (Ref, error) {
	if _, err := f.Seek(int64(headerLen), io.SeekStart); err != nil {
		return Ref{}, err
	}
	size, sum, err := spool(ctx, f, r)
	if err != nil {
		return Ref{}, err
	}
	key, err = finalKey(key, sum)
	if err != nil {
		return Ref{}, err
	}
	if _, err := f.WriteAt(fmt.Appendf(nil, "%s%s %020d\n", headerStart, sum, size), 0); err != nil {
		return Ref{}, err
	}
	return Ref{Key: key, Size: size, SHA256: sum}, f.Sync()
}

// name gives the finished file its key and makes the name durable.
func (d *disk) name(temp, key string) error {
	dir := path.Dir(key)
	if err := d.root.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if err := d.root.Rename(temp, key); err != nil {
		return err
	}
	// Directories made just now need their own entries on disk, up to the top.
	for ; ; dir = path.Dir(dir) {
		f, err := d.root.Open(dir)
		if err != nil {
			return err
		}
		if err := errors.Join(f.Sync(), f.Close()); err != nil || dir == "." {
			return err
		}
	}
}

func (d *disk) Open(_ context.Context, key string) (io.ReadCloser, Ref, error) {
	f, ref, err := d.open(key)
	if err != nil {
		return nil, Ref{}, err
	}
	return check(f, ref), ref, nil
}

func (d *disk) OpenRange(_ context.Context, key string, offset, length int64) (io.ReadCloser, Ref, error) {
	f, ref, err := d.open(key)
	if err != nil {
		return nil, Ref{}, err
	}
	if err := checkRange(ref, offset, length); err != nil {
		f.Close()
		return nil, Ref{}, err
	}
	return part{io.NewSectionReader(f, int64(headerLen)+offset, length), f}, ref, nil
}

// open returns the file, positioned at its content.
func (d *disk) open(key string) (*os.File, Ref, error) {
	if err := checkKey(key); err != nil {
		return nil, Ref{}, err
	}
	f, err := d.root.Open(key)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, Ref{}, fmt.Errorf("%w: %s", ErrNotFound, key)
	}
	if err != nil {
		return nil, Ref{}, fmt.Errorf("blob: open %s: %w", key, err)
	}
	ref, err := readHeader(f, key)
	if err != nil {
		f.Close()
		return nil, Ref{}, err
	}
	return f, ref, nil
}

func readHeader(f *os.File, key string) (Ref, error) {
	info, err := f.Stat()
	if err != nil {
		return Ref{}, fmt.Errorf("blob: open %s: %w", key, err)
	}
	if info.IsDir() {
		return Ref{}, fmt.Errorf("%w: %s", ErrNotFound, key)
	}
	damaged := fmt.Errorf("%w: %s", ErrDamaged, key)
	var header [headerLen]byte
	if _, err := io.ReadFull(f, header[:]); err != nil {
		return Ref{}, damaged
	}
	rest, ok := strings.CutPrefix(string(header[:]), headerStart)
	if !ok || rest[64] != ' ' || rest[len(rest)-1] != '\n' {
		return Ref{}, damaged
	}
	ref := Ref{Key: key, SHA256: rest[:64]}
	if _, err := hex.DecodeString(ref.SHA256); err != nil {
		return Ref{}, damaged
	}
	ref.Size, err = strconv.ParseInt(rest[65:len(rest)-1], 10, 64)
	if err != nil || ref.Size != info.Size()-int64(headerLen) {
		return Ref{}, damaged
	}
	return ref, nil
}

func (d *disk) Delete(_ context.Context, key string) error {
	if err := checkKey(key); err != nil {
		return err
	}
	if err := d.root.Remove(key); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("blob: delete %s: %w", key, err)
	}
	return nil
}
