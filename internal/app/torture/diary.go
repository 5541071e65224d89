package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// The words of a diary.
const (
	sent    = "sent"    // about to be asked for; perhaps never answered
	taken   = "taken"   // the answer was yes
	refused = "refused" // the answer was a definite no
	seen    = "seen"    // read back, and so promised
)

// note is one line of a diary: what a client knows without asking anybody.
type note struct {
	At     time.Time `json:"at"`
	Client int       `json:"client"`
	Word   string    `json:"word"`
	Op     string    `json:"op"`
	Key    string    `json:"key"`              // of the intent; all tries have one
	Object string    `json:"object,omitempty"` // what the answer names
	Detail string    `json:"detail,omitempty"`
}

// diary is what one client sent and had acknowledged, on disk before the client
// goes on.
type diary struct {
	mu     sync.Mutex
	file   *os.File
	client int
	notes  []note
}

func openDiary(dir string, client int) (*diary, error) {
	f, err := os.OpenFile(filepath.Join(dir, fmt.Sprintf("client-%02d.jsonl", client)), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	return &diary{file: f, client: client}, err
}

// write makes the note durable.
func (d *diary) write(word, op, key, object, detail string) error {
	n := note{At: time.Now().UTC(), Client: d.client, Word: word, Op: op, Key: key, Object: object, Detail: detail}
	line, err := json.Marshal(n)
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, err := d.file.Write(append(line, '\n')); err != nil {
		return err
	}
	if err := d.file.Sync(); err != nil {
		return err
	}
	d.notes = append(d.notes, n)
	return nil
}

// all returns the notes so far.
func (d *diary) all() []note {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.notes[:len(d.notes):len(d.notes)]
}
