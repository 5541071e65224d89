package vendorapp

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"time"
)

// The states of an instance.
const (
	stateActive    = "active"
	stateExpired   = "expired"
	stateDestroyed = "destroyed"
)

// Instance is one delivered notepad.
type Instance struct {
	ID        string    `json:"id"`
	Dialect   string    `json:"dialect"`
	Order     string    `json:"order"`
	Customer  string    `json:"customer"` // a pseudonym
	Product   string    `json:"product"`
	Plan      string    `json:"plan"`
	Quantity  int64     `json:"quantity"`
	Test      bool      `json:"test"`
	State     string    `json:"state"`
	Key       string    `json:"key"`
	ReadyAt   time.Time `json:"ready_at"`
	ExpiresAt time.Time `json:"expires_at,omitzero"`
	Note      string    `json:"note"`
	NoteSeq   int64     `json:"note_seq"` // grows by each save, so that none is lost unseen
	NoteAt    time.Time `json:"note_at,omitzero"`
}

// store is all instances and the file they are kept in.
type store struct {
	path      string
	Instances map[string]Instance `json:"instances"`
}

func openStore(path string) (store, error) {
	s := store{path: path, Instances: make(map[string]Instance)}
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return store{}, fmt.Errorf("vendorapp: data file: %w", err)
	}
	if err := json.Unmarshal(raw, &s); err != nil {
		return store{}, fmt.Errorf("vendorapp: data file %s: %w", path, err)
	}
	return s, nil
}

// put makes a change durable and then visible: the file is written beside the
// old one, synced, and renamed over it.
func (s *store) put(n Instance) error {
	next := store{path: s.path, Instances: maps.Clone(s.Instances)}
	next.Instances[n.ID] = n
	raw, err := json.MarshalIndent(next, "", "  ")
	if err != nil {
		return fmt.Errorf("vendorapp: data file: %w", err)
	}
	if err := replaceFile(s.path, raw); err != nil {
		return fmt.Errorf("vendorapp: data file: %w", err)
	}
	*s = next
	return nil
}

func replaceFile(path string, content []byte) (err error) {
	file, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(file.Name())
		}
	}()
	if _, err = file.Write(content); err == nil {
		err = file.Sync()
	}
	if closed := file.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}
