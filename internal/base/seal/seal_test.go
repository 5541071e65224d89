package seal_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"yunshi/internal/base/seal"
)

const place = "identity_case.resident_id/acc_1"

func TestWhatIsSealedOpensOnlyInItsPlace(t *testing.T) {
	k, stranger := seal.Generate(), seal.Generate()
	rapid.Check(t, func(t *rapid.T) {
		plain := rapid.String().Draw(t, "plain")
		sealed, err := k.Seal(plain, place)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := k.Open(sealed, place); err != nil || got != plain {
			t.Fatalf("Open = %q, %v", got, err)
		}
		if len(plain) > 4 && bytes.Contains(sealed, []byte(plain)) {
			t.Fatal("the plain value is in the ciphertext")
		}
		if _, err := k.Open(sealed, "identity_case.resident_id/acc_2"); !errors.Is(err, seal.ErrOpen) {
			t.Fatalf("opens in another row: %v", err)
		}
		if _, err := stranger.Open(sealed, place); !errors.Is(err, seal.ErrOpen) {
			t.Fatalf("opens with other keys: %v", err)
		}
		i := rapid.IntRange(0, len(sealed)-1).Draw(t, "byte")
		sealed[i] ^= 1
		if _, err := k.Open(sealed, place); !errors.Is(err, seal.ErrOpen) {
			t.Fatalf("opens with byte %d changed: %v", i, err)
		}
	})
}

func TestASealedValueComesBackWholeAndOnlyInItsPlace(t *testing.T) {
	type person struct {
		Name string `json:"name"`
		Born int    `json:"born"`
	}
	k := seal.Generate()
	sealed, err := k.SealJSON(person{"张 \"三\"", 1990}, place)
	if err != nil {
		t.Fatal(err)
	}
	var got person
	if err := k.OpenJSON(sealed, place, &got); err != nil || got != (person{"张 \"三\"", 1990}) {
		t.Errorf("%+v, %v", got, err)
	}
	if err := k.OpenJSON(sealed, "identity_case.resident_id/acc_2", &got); !errors.Is(err, seal.ErrOpen) {
		t.Errorf("opens in another row: %v", err)
	}
	if _, err := k.SealJSON(func() {}, place); err == nil {
		t.Error("what is no JSON was sealed")
	}
}

func TestSealingTwiceGivesDifferentBytes(t *testing.T) {
	k := seal.Generate()
	a, err := k.Seal("same", place)
	b, err2 := k.Seal("same", place)
	if err != nil || err2 != nil || bytes.Equal(a, b) {
		t.Errorf("equal ciphertexts tell that values are equal (%v, %v)", err, err2)
	}
}

func TestAFieldNeedsAContext(t *testing.T) {
	k := seal.Generate()
	if _, err := k.Seal("x", ""); err == nil {
		t.Error("sealed without a context")
	}
	if _, err := k.Open(nil, place); !errors.Is(err, seal.ErrOpen) {
		t.Errorf("nothing opens: %v", err)
	}
}

func TestOldFieldsOpenAfterRotationAndNewOnesNeedTheNewKey(t *testing.T) {
	k := seal.Generate()
	before, err := k.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	old, err := k.Seal("old", place)
	if err != nil {
		t.Fatal(err)
	}
	index := k.Index("mobile", "13800000000")
	for range 3 {
		if err := k.Rotate(); err != nil {
			t.Fatal(err)
		}
	}
	fresh, err := k.Seal("new", place)
	if err != nil {
		t.Fatal(err)
	}
	for sealed, want := range map[string]string{string(old): "old", string(fresh): "new"} {
		if got, err := k.Open([]byte(sealed), place); err != nil || got != want {
			t.Errorf("Open = %q, %v, want %q", got, err, want)
		}
	}
	if k.Index("mobile", "13800000000") != index {
		t.Error("rotation changed the blind index")
	}
	unrotated, err := seal.Parse(before)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := unrotated.Open(fresh, place); !errors.Is(err, seal.ErrOpen) {
		t.Errorf("rotation did not change the sealing key: %v", err)
	}
}

func TestTheBlindIndexTellsOnlyEqualValuesOfOnePurpose(t *testing.T) {
	k := seal.Generate()
	base := k.Index("ab", "c")
	if raw, err := hex.DecodeString(base); err != nil || len(raw) != 32 {
		t.Errorf("index %q is not 32 bytes in hexadecimal", base)
	}
	if k.Index("ab", "c") != base {
		t.Error("equal values have different indexes")
	}
	for _, other := range []string{k.Index("a", "bc"), k.Index("ab", "d"), k.Index("abc", ""), seal.Generate().Index("ab", "c")} {
		if other == base {
			t.Error("different values or keys have one index")
		}
	}
}

func TestDerivedKeysAreStableAndSeparate(t *testing.T) {
	k := seal.Generate()
	a, again, b := k.Derive("cookie"), k.Derive("cookie"), k.Derive("link")
	if len(a) != 32 || !bytes.Equal(a, again) || bytes.Equal(a, b) {
		t.Errorf("derived %d bytes, stable %v, separate %v", len(a), bytes.Equal(a, again), !bytes.Equal(a, b))
	}
	if hex.EncodeToString(k.Derive("")) == k.Index("", "") {
		t.Error("a derived key equals an index")
	}
}

func TestTheKeyFileIsPrivateAndSurvivesARestart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.json")
	k, err := seal.LoadOrCreate(path)
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := k.Seal("x", place)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(k.Rotate(), k.Save(path)); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	again, err := seal.LoadOrCreate(path)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := again.Open(sealed, place); err != nil || got != "x" {
		t.Errorf("after a restart: %q, %v", got, err)
	}
	if again.Index("p", "v") != k.Index("p", "v") {
		t.Error("the index key changed over a restart")
	}
	if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) != 1 {
		t.Errorf("%d files left, %v", len(left), err)
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := seal.Load(path); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a file the group may read was loaded: %v", err)
	}
}

func TestProgramsThatStartAtOnceShareOneKeyFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.json")
	indexes := make([]string, 8)
	var wg sync.WaitGroup
	for i := range indexes {
		wg.Go(func() {
			k, err := seal.LoadOrCreate(path)
			if err != nil {
				t.Error(err)
				return
			}
			indexes[i] = k.Index("p", "v")
		})
	}
	wg.Wait()
	for _, index := range indexes {
		if index != indexes[0] {
			t.Fatal("two programs made two key files")
		}
	}
}

func TestABrokenKeyFileIsRefusedWithoutQuotingIt(t *testing.T) {
	good, err := seal.Generate().Marshal()
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{
		"empty":       "",
		"not json":    "s3cret",
		"version":     strings.Replace(string(good), `"version":1`, `"version":2`, 1),
		"no keyset":   `{"version":1,"aead":{"s3cret":1},"index":"` + strings.Repeat("A", 43) + `="}`,
		"short index": `{"version":1,"aead":{},"index":"s3cret=="}`,
		"cut":         string(good[:len(good)-5]),
	} {
		if _, err := seal.Parse([]byte(content)); err == nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := seal.Load(filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	if _, err := seal.LoadOrCreate(filepath.Join(t.TempDir(), "no", "dir")); err == nil {
		t.Error("created in a directory that does not exist")
	}
}

func TestKeysAreNeverPrinted(t *testing.T) {
	k := seal.Generate()
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("start", "keys", k)
	for _, s := range []string{fmt.Sprint(k), fmt.Sprintf("%+v", k), fmt.Sprintf("%#v", k), fmt.Sprintf("%x", k), log.String()} {
		if !strings.Contains(s, "hidden") || len(s) > 200 {
			t.Errorf("printed %q", s)
		}
	}
}
