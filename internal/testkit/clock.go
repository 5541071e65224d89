package testkit

import (
	"crypto/sha256"
	"io"
	"math/rand/v2"
	"sync"
	"time"
)

// Start is where every test clock stands at first: a Monday morning in Shanghai, outside every holiday.
var Start = time.Date(2026, time.March, 2, 2, 0, 0, 0, time.UTC)

// Clock is a clock that moves only when told. It is safe for use by several goroutines.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// NewClock returns a clock that stands at Start.
func NewClock() *Clock { return &Clock{now: Start} }

// Now returns the time the clock shows, in UTC.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Set moves the clock to a moment, also backwards.
func (c *Clock) Set(to time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = to.UTC()
}

// Advance moves the clock by a duration and returns the new time.
func (c *Clock) Advance(by time.Duration) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(by)
	return c.now
}

// Rand returns an endless stream of bytes that depends only on the seed, so a test that failed fails again. It is
// safe for use by several goroutines.
func Rand(seed string) io.Reader {
	return &chance{source: rand.NewChaCha8(sha256.Sum256([]byte(seed)))}
}

type chance struct {
	mu     sync.Mutex
	source *rand.ChaCha8
}

func (c *chance) Read(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.source.Read(p)
}
