package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"yunshi/internal/app"
	"yunshi/internal/base/db"
)

// figure is one row of the table. A figure that an engine does not have is nil.
type figure struct {
	Name     string   `json:"name"`
	Unit     string   `json:"unit"`
	SQLite   *float64 `json:"sqlite,omitempty"`
	Postgres *float64 `json:"postgres,omitempty"`
}

// report is everything a run found out, with what is needed to judge it.
type report struct {
	Machine    string    `json:"machine"`
	Commit     string    `json:"commit"`
	Started    time.Time `json:"started"`
	LoadBefore string    `json:"load_before"`
	LoadAfter  string    `json:"load_after"`
	Figures    []*figure `json:"figures"`
}

func newReport(commit string) *report {
	r := &report{
		Machine: fmt.Sprintf("%d cores, %s, %s %s/%s", runtime.NumCPU(), cpuModel(), runtime.Version(), runtime.GOOS, runtime.GOARCH),
		Commit:  cmp.Or(commit, app.Version()), Started: time.Now().UTC().Truncate(time.Second), LoadBefore: loadAverage(),
	}
	progress("%s, commit %s, load average %s", r.Machine, r.Commit, r.LoadBefore)
	return r
}

func (r *report) finish() { r.LoadAfter = loadAverage() }

// set keeps a figure of one engine.
func (r *report) set(name, unit string, engine db.Engine, value float64) {
	i := slices.IndexFunc(r.Figures, func(f *figure) bool { return f.Name == name && f.Unit == unit })
	if i < 0 {
		i = len(r.Figures)
		r.Figures = append(r.Figures, &figure{Name: name, Unit: unit})
	}
	if engine == db.SQLite {
		r.Figures[i].SQLite = &value
	} else {
		r.Figures[i].Postgres = &value
	}
	progress("%s: %s = %s %s", engine, name, number(&value), unit)
}

// get is a figure kept before.
func (r *report) get(name string, engine db.Engine) float64 {
	for _, f := range r.Figures {
		if value := map[db.Engine]*float64{db.SQLite: f.SQLite, db.Postgres: f.Postgres}[engine]; f.Name == name && value != nil {
			return *value
		}
	}
	return math.NaN()
}

func (r *report) write(w io.Writer) error {
	fmt.Fprintf(w, "machine   %s\ncommit    %s\nstarted   %s\nload      %s before, %s after\n\n",
		r.Machine, r.Commit, r.Started.Format(time.RFC3339), r.LoadBefore, r.LoadAfter)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "SQLite\tPostgreSQL\tunit\t")
	for _, f := range r.Figures {
		fmt.Fprintf(t, "%s\t%s\t%s\t  %s\n", number(f.SQLite), number(f.Postgres), f.Unit, f.Name)
	}
	return t.Flush()
}

func (r *report) writeJSON(path string) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o644)
}

// number shows three digits that matter.
func number(v *float64) string {
	switch {
	case v == nil:
		return "–"
	case *v >= 100:
		return fmt.Sprintf("%.0f", *v)
	case *v >= 10:
		return fmt.Sprintf("%.1f", *v)
	case *v >= 1:
		return fmt.Sprintf("%.2f", *v)
	}
	return fmt.Sprintf("%.3f", *v)
}

// percentile is the smallest time that at least so many percent do not exceed, in
// milliseconds.
func percentile(times []time.Duration, percent int) float64 {
	if len(times) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(times))
	at := (len(sorted)*percent + 99) / 100
	return sorted[max(at, 1)-1].Seconds() * 1000
}

func cpuModel() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "unknown CPU"
	}
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown CPU"
}

// loadAverage is how busy the machine is, by its own count over 1, 5 and 15 minutes.
func loadAverage() string {
	text, err := os.ReadFile("/proc/loadavg")
	fields := strings.Fields(string(text))
	if err != nil || len(fields) < 3 {
		return "unknown"
	}
	return strings.Join(fields[:3], " ")
}
