// Package seal keeps personal data unreadable at rest: field encryption with
// rotating keys, and a blind index to find a value without storing it.
//
// A field is sealed with AES-256-GCM under a context, the name of the place it
// is stored at, such as "identity_case.resident_id/acc_01…". The context is
// authenticated, so a ciphertext copied to another row or column does not open.
// The blind index is HMAC-SHA256 under a key of its own; it does not rotate,
// because stored indexes could not be made again without opening every field.
//
// Owns: the keys and their file. Does not own: what counts as personal data.
//
// Always true: what any earlier key sealed still opens after Rotate; the key file
// is readable by its owner only; neither keys nor plain values appear in errors,
// logs or printed values.
package seal

import (
	"bytes"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// ErrOpen is returned when a ciphertext does not open: wrong context, wrong
// keys, or changed bytes. It does not say which.
var ErrOpen = errors.New("seal: the field does not open")

const indexKeySize = 32

// Keys seals, opens and indexes. It is safe for concurrent use.
type Keys struct {
	index []byte

	mu     sync.RWMutex
	handle *keyset.Handle
	cipher tink.AEAD
}

// Generate returns fresh keys. It panics when the system has no randomness.
func Generate() *Keys {
	index := make([]byte, indexKeySize)
	rand.Read(index) // never fails; it ends the program instead
	handle, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		panic(fmt.Sprintf("seal: generate: %v", err))
	}
	k, err := newKeys(handle, index)
	if err != nil {
		panic(fmt.Sprintf("seal: generate: %v", err))
	}
	return k
}

func newKeys(handle *keyset.Handle, index []byte) (*Keys, error) {
	if len(index) != indexKeySize {
		return nil, errors.New("seal: malformed index key")
	}
	cipher, err := aead.New(handle)
	if err != nil {
		return nil, fmt.Errorf("seal: keyset: %w", err)
	}
	return &Keys{index: index, handle: handle, cipher: cipher}, nil
}

// Rotate adds a key that seals from now on; the old ones keep opening. Save the
// keys before anything sealed with the new one is stored.
func (k *Keys) Rotate() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	manager := keyset.NewManagerFromHandle(k.handle)
	id, err := manager.Add(aead.AES256GCMKeyTemplate())
	if err == nil {
		err = manager.SetPrimary(id)
	}
	if err != nil {
		return fmt.Errorf("seal: rotate: %w", err)
	}
	handle, err := manager.Handle()
	if err != nil {
		return fmt.Errorf("seal: rotate: %w", err)
	}
	cipher, err := aead.New(handle)
	if err != nil {
		return fmt.Errorf("seal: rotate: %w", err)
	}
	k.handle, k.cipher = handle, cipher
	return nil
}

// Seal encrypts a value for the place named by context, which must not be empty.
// Sealing the same value twice gives different bytes.
func (k *Keys) Seal(plain, context string) ([]byte, error) {
	if context == "" {
		return nil, errors.New("seal: no context")
	}
	k.mu.RLock()
	defer k.mu.RUnlock()
	sealed, err := k.cipher.Encrypt([]byte(plain), []byte(context))
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	return sealed, nil
}

// Open returns what was sealed for the same context, or ErrOpen.
func (k *Keys) Open(sealed []byte, context string) (string, error) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	plain, err := k.cipher.Decrypt(sealed, []byte(context))
	if err != nil || context == "" {
		return "", ErrOpen
	}
	return string(plain), nil
}

// SealJSON is [Keys.Seal] for the JSON of a value.
func (k *Keys) SealJSON(v any, context string) ([]byte, error) {
	plain, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	return k.Seal(string(plain), context)
}

// OpenJSON reads what SealJSON sealed for the same context into a value.
func (k *Keys) OpenJSON(sealed []byte, context string, into any) error {
	plain, err := k.Open(sealed, context)
	if err != nil {
		return err
	}
	return json.Unmarshal([]byte(plain), into)
}

// Index returns the blind index of a value in its canonical form: equal values
// of one purpose have equal indexes, and nothing else can be learnt from them
// without the key. 64 hexadecimal characters.
func (k *Keys) Index(purpose, canonical string) string {
	mac := hmac.New(sha256.New, k.index)
	// The length keeps ("ab", "c") and ("a", "bc") apart.
	mac.Write(binary.BigEndian.AppendUint64(nil, uint64(len(purpose))))
	mac.Write([]byte(purpose))
	mac.Write([]byte(canonical))
	return hex.EncodeToString(mac.Sum(nil))
}

// Derive returns a 32-byte key for another use, such as signing cookies, so that
// an installation has one key file. The same purpose gives the same key for ever.
func (k *Keys) Derive(purpose string) []byte {
	key, err := hkdf.Key(sha256.New, k.index, nil, "yunshi derive "+purpose, 32)
	if err != nil { // only for a length HKDF cannot give
		panic(fmt.Sprintf("seal: derive: %v", err))
	}
	return key
}

// Format hides the keys from every fmt verb.
func (k *Keys) Format(s fmt.State, _ rune) { fmt.Fprint(s, "seal.Keys(hidden)") }

// LogValue hides the keys from slog.
func (k *Keys) LogValue() slog.Value { return slog.StringValue("seal.Keys(hidden)") }

// file is the key file. Version lets a later form be told apart.
type file struct {
	Version int             `json:"version"`
	AEAD    json.RawMessage `json:"aead"`
	Index   []byte          `json:"index"`
}

// Marshal returns the content of the key file. It is the secret itself.
func (k *Keys) Marshal() ([]byte, error) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	var set bytes.Buffer
	if err := insecurecleartextkeyset.Write(k.handle, keyset.NewJSONWriter(&set)); err != nil {
		return nil, fmt.Errorf("seal: write keyset: %w", err)
	}
	return json.Marshal(file{Version: 1, AEAD: set.Bytes(), Index: k.index})
}

// Parse reads what Marshal wrote.
func Parse(content []byte) (*Keys, error) {
	var f file
	// The parsers' messages may quote their input, so they are not passed on.
	if err := json.Unmarshal(content, &f); err != nil {
		return nil, errors.New("seal: the key file is not readable")
	}
	if f.Version != 1 {
		return nil, fmt.Errorf("seal: key file version %d is not known", f.Version)
	}
	handle, err := insecurecleartextkeyset.Read(keyset.NewJSONReader(bytes.NewReader(f.AEAD)))
	if err != nil {
		return nil, errors.New("seal: the key file holds no usable keyset")
	}
	return newKeys(handle, f.Index)
}

// Load reads a key file. It refuses a file that others than its owner may read.
func Load(path string) (*Keys, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return nil, fmt.Errorf("seal: %s has mode %#o; only its owner may read it: chmod 600", path, mode)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	k, err := Parse(content)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return k, nil
}

// Save writes the key file with mode 0600, replacing an older one in one step.
func (k *Keys) Save(path string) error {
	temp, err := k.writeTemp(path)
	if err != nil {
		return err
	}
	if err := os.Rename(temp, path); err != nil {
		os.Remove(temp)
		return fmt.Errorf("seal: %w", err)
	}
	return syncDir(filepath.Dir(path))
}

// LoadOrCreate loads the key file, or makes it with fresh keys when there is
// none. Of several programs that start at once, one makes it and all use it.
func LoadOrCreate(path string) (*Keys, error) {
	k, err := Load(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return k, err
	}
	k = Generate()
	temp, err := k.writeTemp(path)
	if err != nil {
		return nil, err
	}
	defer os.Remove(temp)
	// A link, unlike a rename, never replaces the file another program just made.
	if err := os.Link(temp, path); errors.Is(err, fs.ErrExist) {
		return Load(path)
	} else if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	return k, syncDir(filepath.Dir(path))
}

// writeTemp writes the keys durably to a new file beside path and names it.
func (k *Keys) writeTemp(path string) (string, error) {
	content, err := k.Marshal()
	if err != nil {
		return "", err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".keys-*") // made with mode 0600
	if err != nil {
		return "", fmt.Errorf("seal: %w", err)
	}
	_, err = f.Write(content)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		os.Remove(f.Name())
		return "", fmt.Errorf("seal: %w", err)
	}
	return f.Name(), nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("seal: %w", err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil {
		return fmt.Errorf("seal: %w", err)
	}
	return nil
}
