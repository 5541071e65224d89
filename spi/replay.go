package spi

import (
	"sync"
	"time"
)

// Replay remembers the messages of the recent past, so that a recorded one
// cannot be played again while its timestamp is still tolerated. It is safe for
// concurrent use and holds only what the window needs.
//
// It guards one process. A vendor with several nodes needs a shared store, or
// relies on acting once per order, which this protocol asks for anyway.
type Replay struct {
	window time.Duration
	mu     sync.Mutex
	seen   map[string]time.Time
	swept  time.Time
}

// NewReplay remembers each message for window; it must be at least twice the
// tolerated age, because a timestamp may lie in the future as well.
func NewReplay(window time.Duration) *Replay {
	return &Replay{window: window, seen: make(map[string]time.Time)}
}

// Admit reports whether key is new and remembers it.
func (r *Replay) Admit(key string, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sweep(now)
	if at, known := r.seen[key]; known && now.Sub(at) < r.window {
		return false
	}
	r.seen[key] = now
	return true
}

// sweep forgets what is older than the window, at most once per window, so that
// its cost is spread over the messages in between.
func (r *Replay) sweep(now time.Time) {
	if r.swept.IsZero() {
		r.swept = now
		return
	}
	if now.Sub(r.swept) < r.window {
		return
	}
	r.swept = now
	for key, at := range r.seen {
		if now.Sub(at) >= r.window {
			delete(r.seen, key)
		}
	}
}
