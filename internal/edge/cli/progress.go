package cli

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"yunshi/internal/base/text"
)

// progress shows how far a long command is: a bar with rate and remaining time on
// a terminal, a plain line every few seconds elsewhere.
type progress struct {
	out         io.Writer
	lang        text.Lang
	what        string                   // of the texts: "import"
	bar         *progressbar.ProgressBar // nil elsewhere
	done, total int
	started     time.Time
	said        time.Time
}

// between is how long plain output stays silent.
const between = 5 * time.Second

func newProgress(out io.Writer, lang text.Lang, what string, total int) *progress {
	now := time.Now()
	p := &progress{out: out, lang: lang, what: what, total: total, started: now, said: now}
	if terminal(out) {
		p.bar = progressbar.NewOptions(total,
			progressbar.OptionSetWriter(out), progressbar.OptionSetDescription(text.In(lang, what+".title")),
			progressbar.OptionShowCount(), progressbar.OptionShowIts(), progressbar.OptionSetPredictTime(true),
			progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionSetWidth(30))
	}
	return p
}

func terminal(out io.Writer) bool {
	f, ok := out.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// add says that n more are done.
func (p *progress) add(n int) {
	p.done += n
	if p.bar != nil {
		p.bar.Add(n) //nolint:errcheck // a terminal that is gone does not stop the work
		return
	}
	if now := time.Now(); now.Sub(p.said) >= between || p.done >= p.total {
		p.said = now
		fmt.Fprintln(p.out, p.line(now))
	}
}

// line is the plain form.
func (p *progress) line(now time.Time) string {
	rate := float64(p.done) / max(now.Sub(p.started).Seconds(), 0.001)
	return text.In(p.lang, p.what+".eta", "Percent", p.done*100/max(p.total, 1), "Done", p.done, "Total", p.total,
		"Rate", int(rate), "Left", int(float64(p.total-p.done)/max(rate, 0.001)))
}

// finish ends the line of the bar.
func (p *progress) finish() {
	if p.bar != nil {
		fmt.Fprintln(p.out)
	}
}
