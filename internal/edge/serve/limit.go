package serve

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// One caller may ask for a page with its parts at once and then 30 times a
// second. Sign-in has its own, stricter counter in package account.
const (
	perSecond = 30
	burst     = 120
	forget    = 10 * time.Minute
)

// limits counts requests per session or address, on this node.
type limits struct {
	mu    sync.Mutex
	now   func() time.Time
	swept time.Time
	of    map[string]*caller
}

type caller struct {
	bucket *rate.Limiter
	seen   time.Time
}

func newLimits(now func() time.Time) *limits {
	return &limits{now: now, swept: now(), of: map[string]*caller{}}
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
		c = &caller{bucket: rate.NewLimiter(perSecond, burst)}
		l.of[key] = c
	}
	c.seen = now
	return c.bucket.AllowN(now, 1)
}

// limitKey is the session where there is one: many people share an address. The
// provider's notices are not limited here; their signature is checked first.
func (c *Call) limitKey() string {
	if c.Actor.Session != "" {
		return c.Actor.Session
	}
	return c.IP()
}
