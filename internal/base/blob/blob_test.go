package blob_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"yunshi/internal/base/blob"
)

// engine is a store and a way to damage what it keeps behind its back.
type engine struct {
	blob.Store
	damage func(t *testing.T, key string)
	count  func(t *testing.T) int // stored files, leftovers included
}

func onDisk(t *testing.T) engine {
	dir := t.TempDir()
	store, err := blob.Disk(dir)
	if err != nil {
		t.Fatal(err)
	}
	return engine{
		Store: store,
		damage: func(t *testing.T, key string) {
			p := filepath.Join(dir, key)
			raw, err := os.ReadFile(p)
			if err != nil {
				t.Fatal(err)
			}
			raw[len(raw)-1] ^= 1
			if err := os.WriteFile(p, raw, 0o600); err != nil {
				t.Fatal(err)
			}
		},
		count: func(t *testing.T) (n int) {
			err := filepath.WalkDir(dir, func(_ string, d os.DirEntry, err error) error {
				if err == nil && !d.IsDir() {
					n++
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			return n
		},
	}
}

func onS3(t *testing.T) engine {
	fake := newBucket(t)
	store, err := blob.S3(blob.S3Config{
		Endpoint: fake.addr, Bucket: "files", Prefix: "market/", Region: "test",
		AccessKey: "key", SecretKey: "secret", Insecure: true, PathStyle: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	return engine{
		Store: store,
		damage: func(t *testing.T, key string) {
			fake.mu.Lock()
			defer fake.mu.Unlock()
			content := fake.objects["market/"+key].content
			content[len(content)-1] ^= 1
		},
		count: func(*testing.T) int {
			fake.mu.Lock()
			defer fake.mu.Unlock()
			return len(fake.objects) + len(fake.uploads)
		},
	}
}

// both runs a promise against every engine.
func both(t *testing.T, promise func(t *testing.T, e engine)) {
	t.Run("disk", func(t *testing.T) { promise(t, onDisk(t)) })
	t.Run("s3", func(t *testing.T) { promise(t, onS3(t)) })
}

func put(t *testing.T, s blob.Store, key, content string) blob.Ref {
	t.Helper()
	ref, err := s.Put(context.Background(), key, strings.NewReader(content))
	if err != nil {
		t.Fatalf("put %s: %v", key, err)
	}
	return ref
}

func read(t *testing.T, s blob.Store, key string) (string, blob.Ref, error) {
	t.Helper()
	r, ref, err := s.Open(context.Background(), key)
	if err != nil {
		return "", ref, err
	}
	content, err := io.ReadAll(r)
	if closeErr := r.Close(); closeErr != nil {
		t.Errorf("close %s: %v", key, closeErr)
	}
	return string(content), ref, err
}

func sum(s string) string {
	h := sha256.Sum256([]byte(s))
	return hex.EncodeToString(h[:])
}

func TestWhatIsPutIsRead(t *testing.T) {
	both(t, func(t *testing.T, e engine) {
		for key, content := range map[string]string{
			"a":                        "x",
			"receipts/2026/ord_01.pdf": "收据",
			"empty":                    "",
			"large":                    strings.Repeat("0123456789abcdef", 17<<16), // above one part of an S3 upload
		} {
			ref := put(t, e, key, content)
			if want := (blob.Ref{Key: key, Size: int64(len(content)), SHA256: sum(content)}); ref != want {
				t.Errorf("put %s: %+v", key, ref)
			}
			got, opened, err := read(t, e, key)
			if err != nil || got != content || opened != ref {
				t.Errorf("read %s: %d bytes, %+v, %v", key, len(got), opened, err)
			}
		}
	})
}

func TestPutReplacesAndDeleteRemoves(t *testing.T) {
	both(t, func(t *testing.T, e engine) {
		put(t, e, "a/b", "one")
		put(t, e, "a/b", "two")
		if got, _, err := read(t, e, "a/b"); err != nil || got != "two" {
			t.Errorf("read %q, %v", got, err)
		}
		for range 2 { // the second time there is nothing to remove
			if err := e.Delete(context.Background(), "a/b"); err != nil {
				t.Errorf("delete: %v", err)
			}
		}
		if _, _, err := read(t, e, "a/b"); !errors.Is(err, blob.ErrNotFound) {
			t.Errorf("after delete: %v", err)
		}
		if _, _, err := e.OpenRange(context.Background(), "a/b", 0, 1); !errors.Is(err, blob.ErrNotFound) {
			t.Errorf("range after delete: %v", err)
		}
		if n := e.count(t); n != 0 {
			t.Errorf("%d files left", n)
		}
	})
}

func TestContentNamesItself(t *testing.T) {
	both(t, func(t *testing.T, e engine) {
		ref := put(t, e, blob.ByContent, "x")
		again := put(t, e, blob.ByContent, "x")
		if ref.Key != "sha256/"+sum("x") || again != ref || e.count(t) != 1 {
			t.Errorf("%+v, again %+v, %d files", ref, again, e.count(t))
		}
		if got, _, err := read(t, e, ref.Key); err != nil || got != "x" {
			t.Errorf("read %q, %v", got, err)
		}
		put(t, e, ref.Key, "x")
		if _, err := e.Put(context.Background(), ref.Key, strings.NewReader("y")); !errors.Is(err, blob.ErrDamaged) {
			t.Errorf("other content under a content key: %v", err)
		}
	})
}

func TestDamagedContentDoesNotEndWell(t *testing.T) {
	both(t, func(t *testing.T, e engine) {
		put(t, e, "a", "contract")
		e.damage(t, "a")
		if _, _, err := read(t, e, "a"); !errors.Is(err, blob.ErrDamaged) {
			t.Errorf("read damaged content: %v", err)
		}
	})
}

func TestAFailedPutLeavesNothing(t *testing.T) {
	both(t, func(t *testing.T, e engine) {
		broken := errors.New("upload broke off")
		if _, err := e.Put(context.Background(), "a", io.MultiReader(strings.NewReader("half"), iotest.ErrReader(broken))); !errors.Is(err, broken) {
			t.Errorf("put: %v", err)
		}
		ended, cancel := context.WithCancel(context.Background())
		cancel()
		if _, err := e.Put(ended, "a", strings.NewReader("x")); !errors.Is(err, context.Canceled) {
			t.Errorf("put after the end: %v", err)
		}
		if _, _, err := read(t, e, "a"); !errors.Is(err, blob.ErrNotFound) || e.count(t) != 0 {
			t.Errorf("after failed puts: %v, %d files", err, e.count(t))
		}
	})
}

func TestNoKeyLeavesTheStore(t *testing.T) {
	both(t, func(t *testing.T, e engine) {
		ctx := context.Background()
		for _, key := range []string{
			"", "/", "/etc/passwd", "../a", "a/../../b", "a/..", ".", "..", ".temp/x", "a/.hidden",
			"a//b", "a/", "a\\b", "a\x00b", "a b", "名", strings.Repeat("a", 513),
		} {
			_, err := e.Put(ctx, key, strings.NewReader("x"))
			_, _, err2 := e.Open(ctx, key)
			_, _, err3 := e.OpenRange(ctx, key, 0, 0)
			for _, err := range []error{err, err2, err3, e.Delete(ctx, key)} {
				if !errors.Is(err, blob.ErrKey) {
					t.Errorf("key %q: %v", key, err)
				}
			}
		}
		if _, _, err := e.Open(ctx, blob.ByContent); !errors.Is(err, blob.ErrKey) {
			t.Errorf("the bare content prefix opens: %v", err)
		}
	})
}

func TestRangesLieInsideTheFile(t *testing.T) {
	both(t, func(t *testing.T, e engine) {
		ref := put(t, e, "a", "0123456789")
		for _, tt := range []struct {
			offset, length int64
			want           string
		}{{0, 10, "0123456789"}, {3, 4, "3456"}, {9, 1, "9"}, {10, 0, ""}, {0, 0, ""}} {
			r, got, err := e.OpenRange(context.Background(), "a", tt.offset, tt.length)
			if err != nil {
				t.Errorf("%+v: %v", tt, err)
				continue
			}
			content, err := io.ReadAll(r)
			if err = errors.Join(err, r.Close()); err != nil || string(content) != tt.want || got != ref {
				t.Errorf("%+v: %q, %+v, %v", tt, content, got, err)
			}
		}
		for _, tt := range [][2]int64{{-1, 1}, {0, -1}, {0, 11}, {11, 0}, {5, 6}, {1, 1<<63 - 1}} {
			if _, _, err := e.OpenRange(context.Background(), "a", tt[0], tt[1]); !errors.Is(err, blob.ErrRange) {
				t.Errorf("%v: %v", tt, err)
			}
		}
	})
}

func TestReadersNeverSeeHalfAFile(t *testing.T) {
	both(t, func(t *testing.T, e engine) {
		contents := [2]string{strings.Repeat("a", 100_000), strings.Repeat("b", 70_000)}
		put(t, e, "k", contents[0])
		var wg sync.WaitGroup
		for i := range 4 {
			wg.Go(func() {
				for range 5 {
					if i%2 == 0 {
						put(t, e, "k", contents[i/2])
					} else if got, _, err := read(t, e, "k"); err != nil || got != contents[0] && got != contents[1] {
						t.Errorf("read %d bytes, %v", len(got), err)
					}
				}
			})
		}
		wg.Wait()
		if n := e.count(t); n != 1 {
			t.Errorf("%d files left", n)
		}
	})
}

func TestADiskFileWithoutAWholeHeaderIsDamaged(t *testing.T) {
	dir := t.TempDir()
	store, err := blob.Disk(dir)
	if err != nil {
		t.Fatal(err)
	}
	put(t, store, "good", "content")
	good, err := os.ReadFile(filepath.Join(dir, "good"))
	if err != nil {
		t.Fatal(err)
	}
	for name, raw := range map[string][]byte{
		"empty":     {},
		"foreign":   bytes.Repeat([]byte("x"), 200),
		"truncated": good[:len(good)-1],
		"longer":    append(bytes.Clone(good), 'x'),
		"hash":      bytes.Replace(good, good[14:16], []byte("zz"), 1),
		"size":      bytes.Replace(good, []byte("0007\n"), []byte("000x\n"), 1),
	} {
		if err := os.WriteFile(filepath.Join(dir, "bad"), raw, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, _, err := read(t, store, "bad"); !errors.Is(err, blob.ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
	put(t, store, "dir/file", "x")
	if _, _, err := read(t, store, "dir"); !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("a directory opens: %v", err)
	}
	outside := filepath.Join(t.TempDir(), "outside")
	if err := os.WriteFile(outside, good, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	if _, _, err := read(t, store, "link"); err == nil {
		t.Error("a link leads out of the store")
	}
}

func TestAnS3ObjectPutByOthersIsDamaged(t *testing.T) {
	fake := newBucket(t)
	fake.objects["a"] = object{content: []byte("x")}
	store, err := blob.S3(blob.S3Config{Endpoint: fake.addr, Bucket: "files", Region: "test", AccessKey: "k", SecretKey: "s", Insecure: true, PathStyle: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := read(t, store, "a"); !errors.Is(err, blob.ErrDamaged) {
		t.Errorf("an object without a hash: %v", err)
	}
	if _, err := blob.S3(blob.S3Config{Endpoint: "x"}); err == nil {
		t.Error("no bucket needed")
	}
	if _, err := blob.S3(blob.S3Config{Endpoint: "http://x/y", Bucket: "b"}); err == nil {
		t.Error("an endpoint with a path is accepted")
	}
}
