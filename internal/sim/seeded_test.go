//go:build simbug

package sim

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"yunshi/internal/sim/bug"
)

// mostSeeds is how many seeds a defect may need.
const mostSeeds = 200

// TestEveryDefectIsCaught switches each planted defect on and counts the seeds
// until the simulation notices. It is built over the planted copies: make simbugs.
func TestEveryDefectIsCaught(t *testing.T) {
	stop, err := strconv.Atoi(os.Getenv("YUNSHI_SEEDS"))
	if err != nil {
		stop = mostSeeds
	}
	seen := map[string]bool{}
	for _, d := range defects {
		if only := os.Getenv("YUNSHI_DEFECT"); seen[d.name] || only != "" && !strings.Contains(d.name, only) {
			continue
		}
		seen[d.name] = true
		bug.Plant(d.name)
		seed, found := firstCaught(t, stop)
		if found == nil {
			t.Errorf("%-40s not caught in %d seeds", d.name, stop)
			continue
		}
		t.Logf("%-40s %3d seeds: %v", d.name, seed, found)
		if dir := os.Getenv("YUNSHI_SAVE"); dir != "" { // as a script to be played for ever
			s, err := Shrink(t.Context(), Options{Seed: uint64(seed)}, found, nil)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Save(filepath.Join(dir, strings.ReplaceAll(d.name, " ", "-")+".json")); err != nil {
				t.Fatal(err)
			}
		}
	}
	bug.Plant("")
}

// firstCaught runs seeds on two cores until one of them finds something.
func firstCaught(t *testing.T, stop int) (seeds int, found *Violation) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var next atomic.Int64
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for {
				n := int(next.Add(1))
				if n > stop || ctx.Err() != nil {
					return
				}
				r, err := Run(ctx, Options{Seed: uint64(n)})
				if ctx.Err() != nil {
					return
				}
				if err != nil {
					t.Error(err)
					cancel()
					return
				}
				if r.Violation != nil {
					mu.Lock()
					if found == nil || n < seeds {
						seeds, found = n, r.Violation
					}
					mu.Unlock()
					cancel()
					return
				}
			}
		})
	}
	wg.Wait()
	return seeds, found
}
