package cli_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"yunshi/internal/edge/cli"
)

func simulate(t *testing.T, args ...string) (code int, out, errOut string) {
	t.Helper()
	var o, e bytes.Buffer
	code = cli.Main(append([]string{"simulate", "--lang", "en"}, args...), &o, &e)
	return code, o.String(), e.String()
}

func TestSimulateReportsAndRepeats(t *testing.T) {
	code, first, errOut := simulate(t, "--seed", "5", "--steps", "200")
	if code != 0 {
		t.Fatalf("exit %d: %s%s", code, first, errOut)
	}
	for _, want := range []string{"1 markets", "orders", "Faults", "Journals by kind", "Changes of state", "No promise was broken."} {
		if !strings.Contains(first, want) {
			t.Errorf("%q is not in the report:\n%s", want, first)
		}
	}
	trace := func(out string) string { _, after, _ := strings.Cut(out, "Trace: "); return after[:64] }
	if _, second, _ := simulate(t, "--seed", "5", "--steps", "200"); trace(first) != trace(second) {
		t.Error("one seed made two runs")
	}
	if _, other, _ := simulate(t, "--seed", "6", "--steps", "200"); trace(first) == trace(other) {
		t.Error("two seeds made one run")
	}
}

func TestSimulatePlaysAScript(t *testing.T) {
	name := filepath.Join(t.TempDir(), "script.json")
	if err := os.WriteFile(name, []byte(`{"seed":5,"steps":200,"span":31536000000000000,"only":[0,1,2],"invariant":"I8","found":"a test"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out, errOut := simulate(t, "--script", name, "--story"); code != 0 || !strings.Contains(out, "breaks nothing any more") || strings.Count(out, " 2026-") < 3 {
		t.Errorf("exit %d: %s%s", code, out, errOut)
	}
}

// TestMain lets the program of the tests be the one that simulate starts again.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "simulate" {
		os.Exit(cli.Main(os.Args[1:], os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

func TestSimulateRunsMarketsInProcessesOfTheirOwn(t *testing.T) {
	_, alone, _ := simulate(t, "--seed", "5", "--seeds", "3", "--steps", "60", "--workers", "1")
	code, together, errOut := simulate(t, "--seed", "5", "--seeds", "3", "--steps", "60", "--workers", "2")
	after := func(out string) string { _, rest, _ := strings.Cut(out, "a second)"); return rest }
	if code != 0 || !strings.Contains(together, "3 markets") || after(alone) != after(together) {
		t.Errorf("exit %d: %s\n%s\nalone:\n%s", code, errOut, together, alone)
	}
}
