package main

import (
	"sync"
	"time"

	"github.com/anishathalye/porcupine"

	"yunshi/client"
)

// history is every try to place an order, with when it began and ended, as a
// checker of linearizability wants it.
type history struct {
	mu    sync.Mutex
	began time.Time
	tries []porcupine.Operation
}

// conflict refuses a key that was used for something else.
const conflict = "IDEMPOTENCY_CONFLICT"

// asked is one use of an idempotency key.
type asked struct{ key, input string }

// told is what came of it; the zero value is that nobody knows.
type told struct {
	answer string // id of the order, or the code of the refusal
	known  bool
}

// add notes a try that has ended now. input tells two uses of one key apart.
func (h *history) add(who int, key, answer, input string, at time.Time, err error) {
	known := err == nil || client.Code(err) == conflict
	if err != nil {
		answer = client.Code(err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	o := porcupine.Operation{
		ClientId: who, Input: asked{key, input}, Call: at.Sub(h.began).Nanoseconds(), Output: told{answer, known}, Return: time.Since(h.began).Nanoseconds(),
	}
	if !known { // it may still happen, whenever
		o.Return = 1 << 62
	}
	h.tries = append(h.tries, o)
}

// keys is a register that can be written once, by key: the first use of a key
// makes an order, every later one with the same input names the same order, and
// one with another input is refused.
func keys() porcupine.Model {
	type state struct{ order, input string }
	return porcupine.Model{
		Partition: func(all []porcupine.Operation) (parts [][]porcupine.Operation) {
			by := map[string]int{}
			for _, o := range all {
				key := o.Input.(asked).key
				i, known := by[key]
				if !known {
					i = len(parts)
					by[key], parts = i, append(parts, nil)
				}
				parts[i] = append(parts[i], o)
			}
			return parts
		},
		Init: func() any { return state{} },
		Step: func(s, in, out any) (bool, any) {
			now, use, got := s.(state), in.(asked), out.(told)
			switch {
			case !got.known:
				return true, now // what it did, if anything, the next answer says
			case got.answer == conflict:
				return now.order != "" && now.input != use.input, now
			case now.order == "":
				return true, state{got.answer, use.input}
			}
			return now.order == got.answer && now.input == use.input, now
		},
	}
}

// linear reports whether the keys behaved like such a register, and how many
// uses of how many keys were looked at.
func (h *history) linear() (ok bool, uses, of int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	model := keys()
	return porcupine.CheckOperationsTimeout(model, h.tries, time.Minute) == porcupine.Ok, len(h.tries), len(model.Partition(h.tries))
}
