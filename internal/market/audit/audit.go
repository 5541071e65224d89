// Package audit keeps who did what, on which clause, and what was refused.
//
// A record is written in the transaction of the act, so it exists exactly if
// the act does. A worker afterwards gives each record its place in a Merkle log
// and signs a checkpoint: assigning the place is not part of the act, or every
// command in the market would wait for the head of the log.
//
// Owns: the Actor, records, their log, proofs over it.
// Does not own: the meaning of an act (the package that acts) and personal data:
// a record carries ids, hashes, states and clause ids, never a name, a number
// or a text somebody wrote.
//
// Always true: records are append-only; every record is either waiting for the
// log or in it at exactly one position; the latest checkpoint's root is the root
// of all positions below its size.
package audit

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"yunshi/internal/base/db"
)

// Kind says what sort of actor acted.
type Kind string

// The kinds of actor.
const (
	Person     Kind = "person"
	JobKind    Kind = "job"
	ProviderOf Kind = "provider"
	CLIKind    Kind = "cli"
)

// Actor is who acts: a person in a session, a job, an outside provider, or
// somebody with a shell on the server.
type Actor struct {
	Kind    Kind
	User    string   // "usr_…" of a person; the name of a job, provider or command
	Account string   // "acc_…" the person acts for; empty for others
	Session string   // "ses_…" or "key_…"; empty for others
	Method  string   // how the session was proved: "password", "api_key"
	Roles   []string // what the person may do, as package account defines it
	Locale  string   // "zh" or "en"
}

// Job is the actor of background work.
func Job(name string) Actor { return Actor{Kind: JobKind, User: name} }

// Provider is the actor of a verified notice from outside.
func Provider(name string) Actor { return Actor{Kind: ProviderOf, User: name} }

// CLI is the actor of a command on the server's own shell.
func CLI(name string) Actor { return Actor{Kind: CLIKind, User: name} }

// Has reports whether the actor holds a role.
func (a Actor) Has(role string) bool { return slices.Contains(a.Roles, role) }

// Entry is what a package says about an act of its own.
type Entry struct {
	Act      string   // "order.placed"
	Subjects []string // ids of the things touched
	Clauses  []string // "UA 4.2"
	Refusal  string   // the refusal code, when the act was refused
	Data     any      // facts that explain the act; no personal data
}

// Act is a stored record. Its JSON form is the leaf of the log, so a field
// may be added only with "omitempty", and none may change its meaning.
type Act struct {
	ID       string          `json:"id"`
	At       int64           `json:"at"` // microseconds since 1970 UTC
	Kind     Kind            `json:"actor_kind"`
	Actor    string          `json:"actor"`
	Account  string          `json:"account"`
	Session  string          `json:"session"`
	Method   string          `json:"method"`
	Act      string          `json:"act"`
	Subjects []string        `json:"subjects"`
	Clauses  []string        `json:"clauses"`
	Refusal  string          `json:"refusal"`
	Data     json.RawMessage `json:"data"`
	DataHash string          `json:"data_sha256"`
}

// Time is when the act happened.
func (a Act) Time() time.Time { return db.Time(a.At) }

// leaf is the exact text the log commits to.
func (a Act) leaf() ([]byte, error) {
	text, err := json.Marshal(a)
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	return text, nil
}

// Record stores what was done, or refused, and queues it for the log.
func Record(_ context.Context, tx *db.Tx, by Actor, e Entry) error {
	data, err := json.Marshal(e.Data)
	if err != nil {
		return fmt.Errorf("audit: data of %s: %w", e.Act, err)
	}
	sum := sha256.Sum256(data)
	r := Act{
		ID: tx.ID("rec"), At: db.Micros(tx.Now()),
		Kind: by.Kind, Actor: by.User, Account: by.Account, Session: by.Session, Method: by.Method,
		Act: e.Act, Subjects: distinct(e.Subjects), Clauses: distinct(e.Clauses), Refusal: e.Refusal,
		Data: data, DataHash: hex.EncodeToString(sum[:]),
	}
	subjects, err := json.Marshal(r.Subjects)
	if err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	clauses, err := json.Marshal(r.Clauses)
	if err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	tx.Queue(insertRecord, r.ID, r.At, string(r.Kind), r.Actor, r.Account, r.Session, r.Method, r.Act,
		string(subjects), string(clauses), r.Refusal, string(r.Data), r.DataHash)
	for _, subject := range r.Subjects {
		tx.Queue(insertSubject, subject, r.ID)
	}
	tx.Queue(insertPending, r.ID, r.At)
	return nil
}

// distinct drops empty and repeated values and never returns nil, so that the
// leaf has "[]" and not "null".
func distinct(values []string) []string {
	out := make([]string, 0, len(values))
	for _, v := range values {
		if v != "" && !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	return out
}

// Of returns the records that touch a subject, oldest first, at most 500.
func Of(ctx context.Context, r db.Reader, subject string) ([]Act, error) {
	return db.All(ctx, r, scanAct, selectOfSubject, subject)
}

// Get returns one record.
func Get(ctx context.Context, r db.Reader, id string) (Act, error) {
	return db.One(ctx, r, scanAct, selectRecord, id)
}
