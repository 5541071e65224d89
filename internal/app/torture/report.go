package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"yunshi/internal/app"
	"yunshi/internal/app/rig"
)

// report is everything a run found out.
type report struct {
	Machine string     `json:"machine"`
	Commit  string     `json:"commit"`
	Seed    uint64     `json:"seed"`
	Clients int        `json:"clients"`
	Started time.Time  `json:"started"`
	Ended   time.Time  `json:"ended"`
	Before  string     `json:"load_before"`
	After   string     `json:"load_after"`
	Rounds  []*outcome `json:"rounds"`
	Totals  totals     `json:"totals"`
	Notes   []string   `json:"notes"`
}

// totals are of the whole run, as of the last check.
type totals struct {
	Sent         int   `json:"sent"`
	Acknowledged int   `json:"acknowledged"`
	Seen         int   `json:"seen"`       // states that were read back, and so promised
	Unanswered   int   `json:"unanswered"` // orders asked for without ever an answer
	Lost         int   `json:"lost"`
	Twice        int   `json:"twice"`
	Orders       int   `json:"orders"`
	Delivered    int   `json:"delivered"`
	Captures     int   `json:"captures"`
	Captured     int64 `json:"captured_minor"`
	Refunds      int   `json:"refunds"`
	Refunded     int64 `json:"refunded_minor"`
	KeyUses      int   `json:"key_uses"`
	Keys         int   `json:"keys"`
	AskedAgain   int   `json:"keys_asked_again"`
}

func newReport(o options) *report {
	return &report{
		Machine: rig.Machine(), Commit: cmp.Or(o.commit, app.Version()), Seed: o.seed, Clients: o.clients,
		Started: time.Now().UTC().Truncate(time.Second), Before: rig.LoadAverage(),
	}
}

func (r *report) add(o *outcome) { r.Rounds = append(r.Rounds, o) }

func (r *report) note(format string, args ...any) {
	r.Notes = append(r.Notes, fmt.Sprintf(format, args...))
}

func (r *report) failed() bool {
	for _, o := range r.Rounds {
		if len(o.Wrong) > 0 {
			return true
		}
	}
	return false
}

// write prints the report for people.
func (r *report) write(w io.Writer) error {
	r.Ended, r.After = time.Now().UTC().Truncate(time.Second), rig.LoadAverage()
	fmt.Fprintf(w, "machine   %s\ncommit    %s\nseed      %d\nstarted   %s, took %s\nload      %s before, %s after\nclients   %d\n\n",
		r.Machine, r.Commit, r.Seed, r.Started.Format(time.RFC3339), r.Ended.Sub(r.Started), r.Before, r.After, r.Clients)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "\tinjected\tacknowledged\twithout answer\tabandoned\tp50 ms\tp99 ms\trecoveries\tp50 ms\tp95 ms\tmax ms\tjob late s\torphan s\tdrain s\t\t")
	for _, o := range r.Rounds {
		lost := 0
		for _, n := range o.Load.Lost {
			lost += n
		}
		verdict := "ok"
		if len(o.Wrong) > 0 {
			verdict = fmt.Sprintf("%d WRONG", len(o.Wrong))
		}
		fmt.Fprintf(t, "%s\t%d\t%d\t%d\t%d\t%.0f\t%.0f\t%d\t%.0f\t%.0f\t%.0f\t%.1f\t%.1f\t%.1f\t%s\t  %s\n", o.ID, o.Hits, o.Load.Yes, lost, o.Load.Abandoned,
			o.Load.AnswerP50, o.Load.AnswerP99, o.Recovery.Count, o.Recovery.P50, o.Recovery.P95, o.Recovery.Max, o.Oldest, o.Expired, o.Drain, verdict, o.Name)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	s := r.Totals
	fmt.Fprintf(w, `
operations      %d sent, %d acknowledged, %d states read back, %d orders asked for and never answered
lost            %d
done twice      %d
orders          %d, of which %d delivered
provider        %d captures of %d minor units, %d refunds of %d: its journal and the market's books are compared object by object
keys            %d uses of %d idempotency keys fit one order of events; %d keys of the past asked again
`, s.Sent, s.Acknowledged, s.Seen, s.Unanswered, s.Lost, s.Twice, s.Orders, s.Delivered, s.Captures, s.Captured, s.Refunds, s.Refunded, s.KeyUses, s.Keys, s.AskedAgain)
	for _, n := range r.Notes {
		fmt.Fprintf(w, "note            %s\n", n)
	}
	for _, o := range r.Rounds {
		for _, n := range o.Notes {
			fmt.Fprintf(w, "%-15s %s\n", o.ID, n)
		}
		if len(o.Load.Lost) > 0 {
			fmt.Fprintf(w, "%-15s tries without an answer: %v\n", o.ID, o.Load.Lost)
		}
	}
	for _, o := range r.Rounds {
		for _, what := range o.Wrong {
			fmt.Fprintf(w, "WRONG %-9s %s\n", o.ID, what)
		}
	}
	verdict := "everything held"
	if r.failed() {
		verdict = "NOT everything held"
	}
	_, err := fmt.Fprintf(w, "\n%s\n", verdict)
	return err
}

func (r *report) writeJSON(path string) error {
	r.Ended, r.After = time.Now().UTC().Truncate(time.Second), rig.LoadAverage()
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o644) //nolint:gosec // a report is for everybody
}

// finite is a figure as JSON can have it.
func finite(f float64) float64 {
	if math.IsNaN(f) {
		return 0
	}
	return f
}

// bar shows how far the run is: a bar on a terminal, lines elsewhere.
type bar struct {
	out     io.Writer
	bar     *progressbar.ProgressBar // nil elsewhere
	started time.Time
}

func newBar(out *os.File, plan []fault) *bar {
	b := &bar{out: out, started: time.Now()}
	if !term.IsTerminal(int(out.Fd())) {
		return b
	}
	total := 0
	for _, f := range plan {
		total += f.steps()
	}
	b.bar = progressbar.NewOptions(total, progressbar.OptionSetWriter(out), progressbar.OptionShowCount(), progressbar.OptionSetWidth(30),
		progressbar.OptionSetPredictTime(true), progressbar.OptionClearOnFinish(), progressbar.OptionThrottle(100*time.Millisecond))
	return b
}

// add says that n more faults were injected.
func (b *bar) add(n int) {
	if b.bar != nil {
		b.bar.Add(n) //nolint:errcheck // a terminal that is gone does not stop the run
	}
}

// say tells what is going on.
func (b *bar) say(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if b.bar != nil {
		b.bar.Describe(text)
		return
	}
	fmt.Fprintf(b.out, "%s %5.0fs %s\n", time.Now().Format(time.TimeOnly), time.Since(b.started).Seconds(), strings.TrimSpace(text))
}

func (b *bar) finish() {
	if b.bar != nil {
		b.bar.Finish() //nolint:errcheck // a terminal that is gone does not stop the run
	}
}
