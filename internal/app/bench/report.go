package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"text/tabwriter"
	"time"

	"yunshi/internal/app"
	"yunshi/internal/app/rig"
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
		Machine: rig.Machine(),
		Commit:  cmp.Or(commit, app.Version()), Started: time.Now().UTC().Truncate(time.Second), LoadBefore: rig.LoadAverage(),
	}
	progress("%s, commit %s, load average %s", r.Machine, r.Commit, r.LoadBefore)
	return r
}

func (r *report) finish() { r.LoadAfter = rig.LoadAverage() }

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
