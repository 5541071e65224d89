package serve

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// forget is when a caller who asks no more is forgotten.
const forget = 10 * time.Minute

// limits counts requests per session or address, on this node. One caller may
// ask for four seconds' worth at once. Sign-in has its own, stricter counter in
// package account.
type limits struct {
	rate  rate.Limit
	mu    sync.Mutex
	now   func() time.Time
	swept time.Time
	of    map[string]*caller
}

type caller struct {
	bucket *rate.Limiter
	seen   time.Time
}

func newLimits(now func() time.Time, perSecond int) *limits {
	return &limits{rate: rate.Limit(perSecond), now: now, swept: now(), of: map[string]*caller{}}
}

func (l *limits) allow(key string) bool {
	now := l.now()
	l.mu.Lock()
	defer l.mu.Unlock()
	if now.Sub(l.swept) > forget {
		for k, c := range l.of {
			if now.Sub(c.seen) > forget {
				delete(l.of, k)
			}
		}
		l.swept = now
	}
	c := l.of[key]
	if c == nil {
		c = &caller{bucket: rate.NewLimiter(l.rate, 4*int(l.rate))}
		l.of[key] = c
	}
	c.seen = now
	return c.bucket.AllowN(now, 1)
}

// limitKey is the session where there is one: many people share an address.
func (c *Call) limitKey() string {
	if c.Actor.Session != "" {
		return c.Actor.Session
	}
	return c.IP()
}
