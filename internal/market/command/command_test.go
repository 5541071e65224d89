package command_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/command"
	"yunshi/internal/testkit"
)

var buyer = audit.Actor{Kind: audit.Person, User: "usr_1", Account: "acc_1"}

type made struct{ ID string }

func (m made) AuditSubject() string { return m.ID }

func intent(key string, input any) command.Intent {
	return command.Intent{By: buyer, Name: "thing.make", Key: key, Input: input, Subjects: []string{"prd_1"}, Clauses: []string{"UA 4.2"}}
}

func TestSixteenTwinsOfOneKeyHaveOneEffectAndOneAnswer(t *testing.T) {
	testkit.Engines(t, func(t *testing.T, d *db.DB) {
		var effects, replays atomic.Int64
		var answers sync.Map
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() {
				answer, err := command.Run(t.Context(), d, intent("k1", "same"), func(tx *db.Tx) (made, error) {
					tx.AfterCommit(func() { effects.Add(1) })
					return made{tx.ID("thg")}, nil
				})
				if err != nil {
					t.Error(err)
					return
				}
				answers.Store(answer.Value.ID, true)
				if answer.Replayed {
					replays.Add(1)
				}
			})
		}
		wg.Wait()
		distinct := 0
		answers.Range(func(any, any) bool { distinct++; return true })
		if effects.Load() != 1 || replays.Load() != 15 || distinct != 1 {
			t.Fatalf("%d effects, %d replays, %d answers", effects.Load(), replays.Load(), distinct)
		}
	})
}

// brought is a refusal of which a record is kept.
type brought struct{ fault *fault.Fault }

func (b brought) Error() string { return b.fault.Error() }

func (b brought) Unwrap() error { return b.fault }

func (brought) KeepEvidence(ctx context.Context, tx *db.Tx) error {
	return audit.Record(ctx, tx, buyer, audit.Entry{Act: "thing.kept", Subjects: []string{"prd_1"}})
}

func TestWhatARefusalBringsIsKeptAlthoughNothingElseIs(t *testing.T) {
	testkit.Engines(t, func(t *testing.T, d *db.DB) {
		_, err := command.Run(t.Context(), d, intent("", "x"), func(tx *db.Tx) (bool, error) {
			if err := audit.Record(t.Context(), tx, buyer, audit.Entry{Act: "thing.lost", Subjects: []string{"prd_1"}}); err != nil {
				return false, err
			}
			return false, fmt.Errorf("wrapped: %w", brought{fault.New(fault.Invalid, "REFUSED", "UA 4.2")})
		})
		if _, ok := fault.Of(err); !ok {
			t.Fatal(err)
		}
		var acts []string
		if err := d.Read(t.Context(), func(r db.Reader) error {
			all, err := audit.Of(t.Context(), r, "prd_1")
			for _, a := range all {
				acts = append(acts, a.Act+a.Refusal)
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
		slices.Sort(acts)
		if !slices.Equal(acts, []string{"thing.kept", "thing.makeREFUSED"}) {
			t.Errorf("records %v", acts)
		}
	})
}

func TestAKeyWithOtherInputIsRefused(t *testing.T) {
	testkit.Engines(t, func(t *testing.T, d *db.DB) {
		do := func(input string, by audit.Actor) error {
			in := intent("k1", input)
			in.By = by
			_, err := command.Run(t.Context(), d, in, func(tx *db.Tx) (int, error) { return 1, nil })
			return err
		}
		if err := do("one", buyer); err != nil {
			t.Fatal(err)
		}
		if err := do("two", buyer); !errors.Is(err, command.ErrConflict) {
			t.Errorf("other input: %v", err)
		}
		if err := do("two", audit.Actor{Kind: audit.Person, User: "usr_2", Account: "acc_2"}); err != nil {
			t.Errorf("another account's key: %v", err)
		}
	})
}

func TestARefusalLeavesNothingButItsEvidence(t *testing.T) {
	testkit.Engines(t, func(t *testing.T, d *db.DB) {
		no := fault.New(fault.Conflict, "PRODUCT_DELISTED", "UA 4.8")
		for range 2 { // the key stays free
			_, err := command.Run(t.Context(), d, intent("k1", 1), func(tx *db.Tx) (made, error) {
				if err := audit.Record(t.Context(), tx, buyer, audit.Entry{Act: "half.done", Subjects: []string{"prd_1"}}); err != nil {
					return made{}, err
				}
				return made{}, no.With("Product", "x")
			})
			if !errors.Is(err, no) {
				t.Fatal(err)
			}
		}
		err := d.Read(t.Context(), func(r db.Reader) error {
			acts, err := audit.Of(t.Context(), r, "prd_1")
			if len(acts) != 2 || acts[0].Refusal != "PRODUCT_DELISTED" || acts[0].Clauses[0] != "UA 4.8" || acts[0].Act != "thing.make" {
				t.Errorf("evidence: %+v", acts)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

func TestTheActIsRecordedWithWhatItMade(t *testing.T) {
	testkit.Engines(t, func(t *testing.T, d *db.DB) {
		answer, err := command.Run(t.Context(), d, intent("", 1), func(tx *db.Tx) (made, error) { return made{tx.ID("thg")}, nil })
		if err != nil {
			t.Fatal(err)
		}
		err = d.Read(t.Context(), func(r db.Reader) error {
			acts, err := audit.Of(t.Context(), r, answer.Value.ID)
			if len(acts) != 1 || acts[0].Act != "thing.make" || acts[0].Account != "acc_1" {
				t.Errorf("%+v", acts)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}
