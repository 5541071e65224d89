package serve

import (
	"yunshi/internal/base/db"
	"yunshi/internal/market/command"
)

// Intent is a command of the caller, without what serve already knows.
type Intent struct {
	Name     string   // "order.place"
	Input    any      // what an idempotency key stands for
	Subjects []string // ids the intent names
	Clauses  []string // clauses the act rests on
}

// Do runs one intent of the caller in one transaction, under the idempotency key
// that the form ("idempotency_key") or the program (Idempotency-Key) sent.
func Do[T any](c *Call, in Intent, do func(tx *db.Tx) (T, error)) (T, error) {
	answer, err := command.Run(c.R.Context(), c.Market.DB, command.Intent{
		By: c.Actor, Name: in.Name, Key: c.Key(), Input: in.Input, Subjects: in.Subjects, Clauses: in.Clauses,
	}, do)
	if answer.Replayed {
		c.W.Header().Set("Idempotency-Replayed", "true")
	}
	return answer.Value, err
}

// Act is [Do] for intents without a result.
func Act(c *Call, in Intent, do func(tx *db.Tx) error) error {
	_, err := Do(c, in, func(tx *db.Tx) (bool, error) { return true, do(tx) })
	return err
}

// Key is the caller's idempotency key, "" when there is none.
func (c *Call) Key() string {
	if c.api {
		return c.R.Header.Get("Idempotency-Key")
	}
	return c.R.PostFormValue("idempotency_key")
}

// Replayed reports whether the last intent of the call was known under its key,
// so that its answer is the first one's and what came along is not used.
func (c *Call) Replayed() bool { return c.W.Header().Get("Idempotency-Replayed") == "true" }
