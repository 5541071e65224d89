package cli

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/base/text"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/catalog"
	"yunshi/internal/market/command"
	"yunshi/internal/market/search"
	"yunshi/internal/market/vendor"
)

// ImportCmd is `yunshi import FILE`: it puts a vendor's file of products on the
// market, one JSON object a line. Lines that are refused are listed in
// FILE.errors.jsonl; the others are imported. A run that was interrupted goes on
// where it stopped when it is started again with the same file.
type ImportCmd struct {
	File     string `arg:"" help:"File in the listing format (docs/listing-format.md)."`
	Vendor   string `required:"" help:"The vendor: its id (ven_…) or the e-mail address of one of its people."`
	Approver string `required:"" help:"E-mail address of the compliance officer who approves the import."`
	Batch    int    `default:"500" help:"Products to a transaction."`
	Restart  bool   `help:"Look at every line again, also those imported from this file before."`
}

// Run imports the file. It fails with IMPORT_LINES_REFUSED when a line was refused.
func (c *ImportCmd) Run(e *Env) (err error) {
	d, err := e.Open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	return importInto(e.Ctx, d, c, e.Out, e.Err, e.Lang)
}

// importInto is Run on an open database. Progress and refusals go to errOut, the
// result to out.
func importInto(ctx context.Context, d *db.DB, c *ImportCmd, out, errOut io.Writer, lang text.Lang) (err error) {
	in := importing{file: c.File, batch: min(max(c.Batch, 1), 2000), restart: c.Restart}
	if err := d.Read(ctx, func(r db.Reader) (err error) {
		if in.vendor, err = vendorNamed(ctx, r, c.Vendor); err != nil {
			return err
		}
		in.by, err = approver(ctx, r, c.Approver)
		return err
	}); err != nil {
		return err
	}
	started := time.Now()
	report := &errorReport{path: c.File + ".errors.jsonl", lang: lang, errOut: errOut}
	if err := os.Remove(report.path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	var bar *progress
	in.measured = func(lines int) { bar = newProgress(errOut, lang, "import", lines) }
	in.done = func(lines int) { bar.add(lines) }
	in.refused = report.add
	sum, err := in.run(ctx, d)
	if bar != nil {
		bar.finish()
	}
	if err = errors.Join(err, report.close()); err != nil {
		return err
	}
	fmt.Fprintln(out, text.In(lang, "import.result", "Listed", sum.Listed, "Unchanged", sum.Unchanged,
		"Refused", sum.Refused, "Seconds", fmt.Sprintf("%.1f", time.Since(started).Seconds())))
	if sum.Known > 0 {
		fmt.Fprintln(out, text.In(lang, "import.known", "Count", sum.Known))
	}
	if sum.Refused > 0 {
		return errLinesRefused.With("Limit", sum.Refused)
	}
	return nil
}

var errLinesRefused = fault.New(fault.Invalid, "IMPORT_LINES_REFUSED", "")

// vendorNamed finds a vendor by its id or by the e-mail address of one of its people.
func vendorNamed(ctx context.Context, r db.Reader, name string) (vendor.ID, error) {
	if !strings.Contains(name, "@") {
		v, err := vendor.Get(ctx, r, vendor.ID(name))
		return v.ID, err
	}
	who, err := account.Find(ctx, r, name)
	if err != nil {
		return "", err
	}
	v, found, err := vendor.OfAccount(ctx, r, who.Account)
	if err == nil && !found {
		err = catalog.ErrNotFound.In("vendor")
	}
	return v.ID, err
}

// approver is the officer in whose name somebody with a shell on the server
// imports. It refuses FORBIDDEN for everybody who could not approve a listing.
func approver(ctx context.Context, r db.Reader, email string) (audit.Actor, error) {
	who, err := account.Find(ctx, r, email)
	if err != nil {
		return audit.Actor{}, err
	}
	if who.User == "" {
		return audit.Actor{}, catalog.ErrNotFound.In("approver")
	}
	u, err := account.GetUser(ctx, r, who.User)
	if err != nil {
		return audit.Actor{}, err
	}
	by := audit.Actor{Kind: audit.CLIKind, User: string(u.ID), Account: string(u.Account), Roles: u.Roles, Method: "shell"}
	if !by.Has(account.Compliance) && !by.Has(account.Superadmin) {
		return audit.Actor{}, catalog.ErrForbidden.In("approver")
	}
	return by, nil
}

// importing is one run. Its functions are called from one goroutine.
type importing struct {
	file     string
	vendor   vendor.ID
	by       audit.Actor
	batch    int
	restart  bool
	measured func(lines int)       // how many lines the file has
	done     func(lines int)       // so many more are dealt with, durably
	refused  func(r refused) error // a line that is not imported, in the order of the file
}

// tally is what became of a file. Known counts lines that an earlier run of the
// same file has dealt with; they are in the other numbers too.
type tally struct{ Listed, Unchanged, Refused, Known int }

// refused is one reason why a line is not imported.
type refused struct {
	Line       int    `json:"line"` // from 1
	Slug       string `json:"slug,omitempty"`
	ExternalID string `json:"external_id,omitempty"`
	Field      string `json:"field,omitempty"`
	Code       string `json:"code"`
	Clause     string `json:"clause,omitempty"`
	Text       string `json:"text,omitempty"`
	Args       []any  `json:"args,omitempty"`
}

// chunk is some lines of the file on their way through the import.
type chunk struct {
	first, last int // line numbers
	lines       [][]byte
	listings    []listing
	faults      []fault.List
	decoded     chan struct{} // closed when listings and faults are there
}

// run reads the file twice: once for its hash and length, once to import it. One
// goroutine reads, some decode, one writes, in the order of the file.
//
// Every chunk is one command whose idempotency key names the file's hash, the
// vendor and the lines. A run after an interruption gets the stored answers of
// the chunks that were committed, and nothing is written twice.
func (in importing) run(ctx context.Context, d *db.DB) (sum tally, err error) {
	defer fault.Wrap(&err, "import(%s)", in.file)
	f, err := os.Open(in.file)
	if err != nil {
		return sum, err
	}
	defer f.Close()
	hash, lines, err := measure(f)
	if err != nil {
		return sum, err
	}
	in.measured(lines)
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return sum, err
	}
	workers := runtime.GOMAXPROCS(0)
	work, ordered := make(chan *chunk), make(chan *chunk, 2*workers)
	g, running := errgroup.WithContext(ctx)
	g.Go(func() error {
		defer close(work)
		defer close(ordered)
		return split(f, in.batch, func(c *chunk) error {
			for _, to := range []chan *chunk{ordered, work} {
				select {
				case to <- c:
				case <-running.Done():
					return running.Err()
				}
			}
			return nil
		})
	})
	for range workers {
		g.Go(func() error {
			for c := range work {
				c.decode()
				close(c.decoded)
			}
			return nil
		})
	}
	g.Go(func() error {
		seen := map[string]bool{}
		for c := range ordered {
			select {
			case <-c.decoded:
			case <-running.Done():
				return running.Err()
			}
			if err := in.store(running, d, hash, seen, c, &sum); err != nil {
				return err
			}
			in.done(len(c.lines))
		}
		return nil
	})
	err = g.Wait()
	return sum, err
}

// measure returns the SHA-256 of a file and the number of its lines.
func measure(r io.Reader) (hash string, lines int, err error) {
	digest := sha256.New()
	buffer := make([]byte, 1<<20)
	last := byte('\n')
	for {
		n, err := r.Read(buffer)
		digest.Write(buffer[:n])
		lines += bytes.Count(buffer[:n], []byte{'\n'})
		if n > 0 {
			last = buffer[n-1]
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return "", 0, err
		}
	}
	if last != '\n' {
		lines++
	}
	return hex.EncodeToString(digest.Sum(nil)), lines, nil
}

// split reads lines and hands them over in chunks of n. A line beyond longestLine
// is handed over cut, one byte too long, so that it is refused and not read whole.
func split(r io.Reader, n int, hand func(*chunk) error) error {
	in := bufio.NewReaderSize(r, 1<<16)
	c := &chunk{first: 1, decoded: make(chan struct{})}
	var line []byte
	flush := func() error {
		if len(c.lines) == 0 {
			return nil
		}
		c.last = c.first + len(c.lines) - 1
		next := &chunk{first: c.last + 1, decoded: make(chan struct{})}
		full := c
		c = next
		return hand(full)
	}
	for {
		part, err := in.ReadSlice('\n')
		if room := longestLine + 1 - len(line); len(part) > room && room >= 0 {
			line = append(line, part[:room]...)
		} else if room > 0 {
			line = append(line, part...)
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if err == nil || len(line) > 0 {
			c.lines = append(c.lines, line)
			line = nil
		}
		if err != nil || len(c.lines) == n {
			if stop := flush(); stop != nil || err != nil {
				return stop
			}
		}
	}
}

func (c *chunk) decode() {
	c.listings, c.faults = make([]listing, len(c.lines)), make([]fault.List, len(c.lines))
	for i, line := range c.lines {
		line = bytes.TrimRight(line, "\r\n")
		if c.first+i == 1 {
			line = bytes.TrimPrefix(line, []byte("\ufeff"))
		}
		c.lines[i] = line
		if len(bytes.TrimSpace(line)) > 0 {
			c.listings[i], c.faults[i] = decodeListing(line)
		}
	}
}

// stored is the answer that is kept for a chunk. Refused are the lines that the
// rules of the catalogue refused; what cannot be decoded is found again each time.
type stored struct {
	Listed    int       `json:"listed"`
	Unchanged int       `json:"unchanged"`
	Refused   []refused `json:"refused,omitempty"`
}

// store imports the listings of a chunk in one transaction, together with their
// place in the search index, and reports its refused lines.
func (in importing) store(ctx context.Context, d *db.DB, hash string, seen map[string]bool, c *chunk, sum *tally) error {
	var items []catalog.ImportItem
	var at []int // line of each item, as an index into the chunk
	for i, l := range c.listings {
		switch {
		case len(bytes.TrimSpace(c.lines[i])) == 0 || len(c.faults[i]) > 0:
		case seen[l.Slug]: // also in another chunk, where the catalogue would take it for a new version
			c.faults[i] = fault.List{catalog.ErrSlugTaken.In("slug")}
		default:
			seen[l.Slug] = true
			items, at = append(items, catalog.ImportItem{Slug: l.Slug, Content: l.Content}), append(at, i)
		}
	}
	var answer command.Answer[stored]
	if len(items) > 0 {
		intent := command.Intent{
			By: in.by, Name: "catalog.import", Subjects: []string{string(in.vendor)}, Clauses: []string{"UA 3.2"},
			Input: map[string]any{"file": hash, "vendor": in.vendor, "first": c.first, "last": c.last},
		}
		if !in.restart {
			intent.Key = fmt.Sprintf("import/%s/%s/%d-%d", in.vendor, hash, c.first, c.last)
		}
		var err error
		answer, err = command.Run(ctx, d, intent, func(tx *db.Tx) (stored, error) {
			results, err := catalog.Import(ctx, tx, in.by, in.vendor, items)
			if err != nil {
				return stored{}, err
			}
			var s stored
			var changed []catalog.ProductID
			for i, r := range results {
				switch {
				case len(r.Refused) > 0:
					s.Refused = append(s.Refused, c.refusals(at[i], r.Refused)...)
				case r.Unchanged:
					s.Unchanged++
				default:
					s.Listed++
					changed = append(changed, r.Product)
				}
			}
			return s, search.IndexMany(ctx, tx, changed)
		})
		if err != nil {
			return err
		}
	}
	sum.Listed += answer.Value.Listed
	sum.Unchanged += answer.Value.Unchanged
	if answer.Replayed {
		sum.Known += len(items)
	}
	return in.report(c, answer.Value.Refused, sum)
}

// report tells the refusals of a chunk in the order of its lines.
func (in importing) report(c *chunk, byCatalogue []refused, sum *tally) error {
	for i, faults := range c.faults {
		lines := c.refusals(i, faults)
		for len(byCatalogue) > 0 && byCatalogue[0].Line == c.first+i {
			lines, byCatalogue = append(lines, byCatalogue[0]), byCatalogue[1:]
		}
		if len(lines) > 0 {
			sum.Refused++
		}
		for _, r := range lines {
			if err := in.refused(r); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *chunk) refusals(i int, faults fault.List) []refused {
	var all []refused
	for _, f := range faults {
		all = append(all, refused{
			Line: c.first + i, Slug: c.listings[i].Slug, ExternalID: c.listings[i].ExternalID,
			Field: f.Field, Code: f.Code, Clause: f.Clause, Args: f.Args,
		})
	}
	return all
}

// errorReport is the file of refused lines, with the first of them on the terminal.
type errorReport struct {
	path   string
	lang   text.Lang
	errOut io.Writer
	shown  int
	file   *os.File
	buffer *bufio.Writer
}

// mostShown is how many refusals are repeated on the terminal.
const mostShown = 20

func (e *errorReport) add(r refused) (err error) {
	if e.file == nil {
		if e.file, err = os.OpenFile(e.path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600); err != nil {
			return err
		}
		e.buffer = bufio.NewWriter(e.file)
	}
	r.Text = text.In(e.lang, "fault."+r.Code, r.Args...)
	line, err := json.Marshal(r)
	if err != nil {
		return err
	}
	if _, err := e.buffer.Write(append(line, '\n')); err != nil {
		return err
	}
	if e.shown++; e.shown > mostShown+1 {
		return nil
	}
	shown := text.In(e.lang, "import.more", "File", e.path)
	if e.shown <= mostShown {
		shown = text.In(e.lang, "import.line", "Line", r.Line, "Field", r.Field, "Code", r.Code, "Text", r.Text)
	}
	if terminal(e.errOut) {
		shown = "\r\x1b[K" + shown // over the progress bar, which is drawn again below
	}
	_, err = fmt.Fprintln(e.errOut, shown)
	return err
}

func (e *errorReport) close() error {
	if e.file == nil {
		return nil
	}
	return errors.Join(e.buffer.Flush(), e.file.Close())
}
