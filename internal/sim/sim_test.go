package sim

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
)

// number reads a setting of a longer run than CI makes.
func number(name string, otherwise int) int {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil {
		return n
	}
	return otherwise
}

// TestSeedsBreakNothing runs markets until a promise of the money breaks. CI runs
// a few seeds, the night many: YUNSHI_SEEDS, YUNSHI_SEED and YUNSHI_STEPS.
func TestSeedsBreakNothing(t *testing.T) {
	o := Options{Seed: uint64(number("YUNSHI_SEED", 1)), Steps: number("YUNSHI_STEPS", 2000)}
	seeds := 20
	if testing.Short() {
		seeds = 4
	}
	all, err := Many(t.Context(), o, number("YUNSHI_SEEDS", seeds), slices.Repeat([]Runner{Run}, number("YUNSHI_WORKERS", 2)), func(r Result) {
		if r.Violation != nil {
			t.Errorf("seed %d: %v", r.Seed, r.Violation)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d seeds, %d steps, %d orders, %d journals, %d checks in %s", all.Runs, all.Steps, all.Orders, all.Journals, all.Checks, all.Real)
	for _, strange := range all.Strange() {
		t.Errorf("no list knows the move %s", strange)
	}
	if all.Runs >= 200 { // a hundred times in a thousand runs
		t.Logf("rarest: %q", all.Rare(int64(all.Runs)*3/10))
		for _, rare := range all.Rare(int64(all.Runs) / 10) {
			t.Errorf("met fewer than %d times: %s", all.Runs/10, rare)
		}
	}
	if all.Journals < 50*all.Runs {
		t.Errorf("%d journals in %d runs: nothing happens in these markets", all.Journals, all.Runs)
	}
}

// TestOneSeedIsOneRun is the proof that a failure can be played again.
func TestOneSeedIsOneRun(t *testing.T) {
	for seed := range uint64(3) {
		var traces [2]string
		var logs [2]bytes.Buffer
		for i := range traces {
			r, err := Run(t.Context(), Options{Seed: seed + 7, Steps: 600, Log: &logs[i]})
			if err != nil {
				t.Fatal(err)
			}
			traces[i] = r.Trace
		}
		if traces[0] != traces[1] {
			a, b := bytes.Split(logs[0].Bytes(), []byte{'\n'}), bytes.Split(logs[1].Bytes(), []byte{'\n'})
			for i := range a {
				if i >= len(b) || !bytes.Equal(a[i], b[i]) {
					t.Fatalf("seed %d: the runs part at line %d:\n%s\n%s", seed+7, i, a[i], b[min(i, len(b)-1)])
				}
			}
		}
	}
}

// TestMemoryIsAsGoodAsAFile runs markets on a file, with the log, the locks and the
// shared commits of a real one, and in memory: they do the same to the last id.
func TestMemoryIsAsGoodAsAFile(t *testing.T) {
	for seed := range uint64(2) {
		var traces []string
		for _, dir := range []string{"", t.TempDir()} {
			r, err := Run(t.Context(), Options{Seed: seed + 21, Steps: 600, Dir: dir})
			if err != nil {
				t.Fatal(err)
			}
			traces = append(traces, r.Trace)
		}
		if traces[0] != traces[1] {
			t.Errorf("seed %d: %s in memory and %s in a file", seed+21, traces[0], traces[1])
		}
	}
}

// TestWhatWasFoundStaysMended plays the scripts of everything that a seed has found.
func TestWhatWasFoundStaysMended(t *testing.T) {
	names, err := filepath.Glob("testdata/*.json")
	if err != nil || len(names) == 0 {
		t.Fatal("there are no scripts", err)
	}
	for _, name := range names {
		t.Run(filepath.Base(name), func(t *testing.T) {
			s, err := Load(name)
			if err != nil || len(s.Only) == 0 {
				t.Fatal("no steps", err)
			}
			r, err := Run(t.Context(), s.Options())
			if err != nil {
				t.Fatal(err)
			}
			if r.Violation != nil {
				t.Errorf("%v (it once broke %s: %s)", r.Violation, s.Invariant, s.Found)
			}
		})
	}
}
