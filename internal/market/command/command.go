// Package command runs one intent as one transaction: it looks the idempotency
// key up, runs the rule, records the act, and stores the answer, so that no
// domain package mentions any of the four.
//
// Owns: idempotency keys and the record of each intent. Does not own: rules.
//
// Always true:
//   - The answer of a key commits with the effect, or neither does.
//   - The same key with the same input gets the first answer again; with other
//     input it is refused; a failed intent leaves no answer, so it may be tried
//     again with the same key.
//   - A refusal that names a clause is evidence: it is recorded, in a
//     transaction of its own, because the refused one left nothing. What a
//     refusal brings to be kept is kept in the same transaction.
package command

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/market/audit"
)

// ErrConflict refuses a key that was used with other input.
var ErrConflict = fault.New(fault.Conflict, "IDEMPOTENCY_CONFLICT", "")

// Intent is what somebody wants done.
type Intent struct {
	By       audit.Actor
	Name     string   // "order.place"; becomes the act of the audit record
	Key      string   // idempotency key of the caller; empty: every call is a new intent
	Input    any      // what the key stands for; hashed, not stored
	Subjects []string // ids the intent names
	Clauses  []string // clauses the act rests on
}

// Answer is the result of an intent.
type Answer[T any] struct {
	Value    T
	Replayed bool // the key was known: Value is the first answer
}

// Subject lets a result name the thing it made, for the audit record.
type Subject interface{ AuditSubject() string }

// Evidence is a refusal of which more must be kept than its code.
type Evidence interface {
	KeepEvidence(ctx context.Context, tx *db.Tx) error
}

// Run runs do in one transaction. T must survive JSON when a key is given.
func Run[T any](ctx context.Context, d *db.DB, in Intent, do func(tx *db.Tx) (T, error)) (Answer[T], error) {
	input, err := hash(in.Name, in.Input)
	if err != nil {
		return Answer[T]{}, err
	}
	var answer Answer[T]
	err = d.Write(ctx, func(tx *db.Tx) error {
		answer = Answer[T]{}
		if in.Key != "" {
			known, err := claim(ctx, tx, in, input)
			if err != nil {
				return err
			}
			if known != "" {
				answer.Replayed = true
				return json.Unmarshal([]byte(known), &answer.Value)
			}
		}
		if answer.Value, err = do(tx); err != nil {
			return err
		}
		subjects := in.Subjects
		if s, ok := any(answer.Value).(Subject); ok {
			subjects = append(subjects[:len(subjects):len(subjects)], s.AuditSubject())
		}
		err := audit.Record(ctx, tx, in.By, audit.Entry{
			Act: in.Name, Subjects: subjects, Clauses: in.Clauses, Data: map[string]string{"input_sha256": input},
		})
		if err != nil || in.Key == "" {
			return err
		}
		return remember(tx, in, input, answer.Value)
	})
	if err != nil {
		if lost := refused(ctx, d, in, err); lost != nil {
			err = errors.Join(err, lost)
		}
		return Answer[T]{}, err
	}
	return answer, nil
}

// claim takes the key, or returns the answer that is stored under it. Taking it
// first makes a concurrent twin wait for this transaction instead of working.
func claim(ctx context.Context, tx *db.Tx, in Intent, input string) (known string, err error) {
	fresh, err := tx.Exec(ctx, insertKey, principal(in.By), in.Key, in.Name, input, "", db.Micros(tx.Now()))
	if err != nil || fresh == 1 {
		return "", err
	}
	row, err := db.One(ctx, tx, scanDone, selectKey, principal(in.By), in.Key)
	if err != nil {
		return "", err
	}
	if row.name != in.Name || row.input != input {
		return "", ErrConflict
	}
	return row.answer, nil
}

func remember[T any](tx *db.Tx, in Intent, input string, value T) error {
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("command: answer of %s: %w", in.Name, err)
	}
	tx.Queue(upsertAnswer, principal(in.By), in.Key, in.Name, input, string(text), db.Micros(tx.Now()))
	return nil
}

// refused records a refusal that names a clause.
func refused(ctx context.Context, d *db.DB, in Intent, cause error) error {
	f, ok := fault.Of(cause)
	if !ok || f.Clause == "" {
		return nil
	}
	return d.Write(context.WithoutCancel(ctx), func(tx *db.Tx) error {
		var brought Evidence
		if errors.As(cause, &brought) {
			if err := brought.KeepEvidence(ctx, tx); err != nil {
				return err
			}
		}
		return audit.Record(ctx, tx, in.By, audit.Entry{
			Act: in.Name, Subjects: in.Subjects, Clauses: []string{f.Clause}, Refusal: f.Code,
		})
	}, db.Guarded) // it decides nothing
}

// principal is whose keys these are: keys of two accounts never meet.
func principal(by audit.Actor) string {
	return string(by.Kind) + ":" + by.Account + ":" + by.User
}

func hash(name string, input any) (string, error) {
	text, err := json.Marshal(input)
	if err != nil {
		return "", fmt.Errorf("command: input of %s: %w", name, err)
	}
	sum := sha256.Sum256(append([]byte(name+"\n"), text...))
	return hex.EncodeToString(sum[:]), nil
}

const (
	insertAll = `INSERT INTO command_done (principal, key, name, input_sha256, answer, at) VALUES ($1, $2, $3, $4, $5, $6)`
	insertKey = insertAll + ` ON CONFLICT (principal, key) DO NOTHING`
	selectKey = `SELECT name, input_sha256, answer FROM command_done WHERE principal = $1 AND key = $2`
	// An upsert of the row that [claim] made, because on PostgreSQL an UPDATE would
	// look the row up and so depend on its neighbours in the index, into which other
	// intents write.
	upsertAnswer = insertAll + ` ON CONFLICT (principal, key) DO UPDATE SET answer = excluded.answer`
)

type done struct{ name, input, answer string }

func scanDone(s db.Scanner) (done, error) {
	var d done
	err := s.Scan(&d.name, &d.input, &d.answer)
	return d, err
}
