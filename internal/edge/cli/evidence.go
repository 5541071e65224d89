package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"yunshi/internal/app"
	"yunshi/internal/base/blob"
	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/base/proof"
	"yunshi/internal/base/text"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/evidence"
	"yunshi/internal/market/order"
)

// EvidenceCmd is `yunshi evidence ORDER`: the pack of an order as a file.
type EvidenceCmd struct {
	Order  string `arg:"" help:"The order: ord_…"`
	For    string `default:"operator" enum:"operator,buyer,vendor" help:"Who will read it: operator (also courts and authorities), buyer or vendor."`
	Reason string `required:"" enum:"own_records,negotiation,mediation,court,authority,review" help:"Why it is made; kept in the log."`
	Out    string `short:"o" help:"File to write (default: evidence-ORDER.zip)." type:"path"`
}

// Run makes the pack.
func (c *EvidenceCmd) Run(e *Env) (err error) {
	d, err := e.Open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	files, err := app.Files(e.Config)
	if err != nil {
		return err
	}
	signing, key, err := app.LogKeys(e.Config)
	if err != nil {
		return err
	}
	return c.make(e, d, files, signing, key)
}

// make is Run with everything open.
func (c *EvidenceCmd) make(e *Env, d *db.DB, files blob.Store, signing, key string) error {
	work := app.EvidenceWork(d, files, signing)
	whole, err := work.Make(e.Ctx, d, audit.CLI("evidence"), order.ID(c.Order), evidence.Addressee(c.For), evidence.Reason(c.Reason),
		func(step string, done, total int) {
			name := text.In(e.Lang, "evidence.part."+step)
			if step == "summary" || step == "seal" {
				name = text.In(e.Lang, "evidence.step."+step)
			}
			fmt.Fprintln(e.Err, text.In(e.Lang, "evidence.page.progress", "Step", name, "Done", done, "Total", total))
		})
	if err != nil {
		return err
	}
	out := c.Out
	if out == "" {
		out = evidence.Pack{Order: order.ID(c.Order)}.Name()
	}
	if _, err := proof.CheckPack(whole, key); err != nil {
		return fmt.Errorf("evidence: the pack does not hold: %w", err)
	}
	if err := os.WriteFile(out, whole, 0o600); err != nil {
		return fmt.Errorf("evidence: %w", err)
	}
	fmt.Fprintln(e.Out, text.In(e.Lang, "cli.evidence.written", "File", out, "Key", key))
	return nil
}

// ProveCmd is `yunshi prove RECORD|ORDER`: the proof that records are in the log.
type ProveCmd struct {
	ID    string `arg:"" help:"A record (rec_…), or an order or other thing whose records are meant."`
	Since string `help:"File with a checkpoint that was kept from earlier; the proof then shows that the log continues it." type:"existingfile"`
	Out   string `short:"o" help:"File to write (default: ID.proof.json)." type:"path"`
}

// Run writes the bundle.
func (c *ProveCmd) Run(e *Env) (err error) {
	d, err := e.Open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	signing, key, err := app.LogKeys(e.Config)
	if err != nil {
		return err
	}
	return c.prove(e, d, signing, key)
}

var errNothingToProve = fault.New(fault.NotFound, "NOT_FOUND", "")

func (c *ProveCmd) prove(e *Env, d *db.DB, signing, key string) error {
	for { // what waits is to be proved too
		if placed, err := audit.Integrate(e.Ctx, d, app.LogOrigin, signing); err != nil {
			return err
		} else if placed < audit.Full {
			break
		}
	}
	var since []audit.Checkpoint
	if c.Since != "" {
		note, err := os.ReadFile(c.Since)
		if err != nil {
			return fmt.Errorf("prove: %w", err)
		}
		if _, err := proof.OpenCheckpoint(string(note), key); err != nil {
			return fmt.Errorf("prove: %s: %w", c.Since, err)
		}
		was, err := audit.Named(string(note))
		if err != nil {
			return err
		}
		since = append(since, was)
	}
	var b proof.Bundle
	if err := d.Read(e.Ctx, func(r db.Reader) (err error) {
		records, err := audit.About(e.Ctx, r, c.ID)
		if strings.HasPrefix(c.ID, "rec_") {
			var one audit.Act
			one, err = audit.Get(e.Ctx, r, c.ID)
			records = []audit.Act{one}
		}
		if errors.Is(err, db.ErrNoRow) || err == nil && len(records) == 0 {
			return errNothingToProve
		}
		if err != nil {
			return err
		}
		b, err = audit.Bundle(e.Ctx, r, records, nil, since...)
		return err
	}); err != nil {
		return err
	}
	content, err := b.Encode()
	if err != nil {
		return err
	}
	out := c.Out
	if out == "" {
		out = c.ID + ".proof.json"
	}
	if err := os.WriteFile(out, content, 0o600); err != nil {
		return fmt.Errorf("prove: %w", err)
	}
	fmt.Fprintln(e.Out, text.In(e.Lang, "cli.prove.written", "File", out, "Count", len(b.Records), "Key", key))
	return nil
}

// CheckCmd is `yunshi check FILE`: whether a pack or a proof holds. It opens no
// database and asks nobody.
type CheckCmd struct {
	File  string `arg:"" help:"A pack (.zip) or a proof (.json)." type:"existingfile"`
	Key   string `help:"The log's public key, or a file that holds it (default: this installation's own)."`
	Since string `help:"File with a checkpoint that you kept from earlier; the file has to continue it." type:"existingfile"`
}

// Run prints what was proved, and fails when anything does not hold.
func (c *CheckCmd) Run(e *Env) error {
	key, err := c.key(e)
	if err != nil {
		return err
	}
	content, err := os.ReadFile(c.File)
	if err != nil {
		return fmt.Errorf("check: %w", err)
	}
	var kept string
	if c.Since != "" {
		note, err := os.ReadFile(c.Since)
		if err != nil {
			return fmt.Errorf("check: %w", err)
		}
		kept = string(note)
	}
	say := func(name string, kv ...any) { fmt.Fprintln(e.Out, text.In(e.Lang, "cli.check."+name, kv...)) }
	checked, covers := proof.Checked{}, false
	if proof.IsPack(content) {
		o, err := proof.CheckPack(content, key)
		if err != nil {
			return err
		}
		for _, f := range o.Manifest.Files {
			fmt.Fprintf(e.Out, "✓ %s  %s\n", f.SHA256, f.Name)
		}
		say("pack", "Subject", o.Manifest.Subject, "Files", len(o.Files), "At", o.Manifest.MadeAt)
		say("records", "Count", o.Records.Records, "Hidden", o.Records.Hidden, "Size", o.Records.Checkpoint.Size)
		checked, covers = o.Seal, o.Covers(kept)
	} else {
		b, err := proof.ParseBundle(content)
		if err != nil {
			return err
		}
		if checked, err = b.Check(key); err != nil {
			return err
		}
		say("records", "Count", checked.Records, "Hidden", checked.Hidden, "Size", checked.Checkpoint.Size)
		covers = b.Covers(kept)
	}
	for _, was := range checked.Earlier {
		say("continues", "Old", was.Size, "Size", checked.Checkpoint.Size)
	}
	if kept != "" && !covers {
		return fmt.Errorf("%w: %s", proof.ErrBroken, text.In(e.Lang, "cli.check.unlinked"))
	}
	say("holds")
	return nil
}

// key is the one given, that of the file given, or this installation's own. No
// key is made here.
func (c *CheckCmd) key(e *Env) (string, error) {
	if c.Key != "" {
		if content, err := os.ReadFile(c.Key); err == nil {
			return lastLine(content), nil
		}
		return c.Key, nil
	}
	content, err := os.ReadFile(filepath.Join(e.Config.Data, "log.key"))
	if err != nil {
		return "", errors.New(text.In(e.Lang, "cli.check.key"))
	}
	return lastLine(content), nil
}

func lastLine(content []byte) string {
	lines := strings.Split(strings.TrimSpace(string(content)), "\n")
	return lines[len(lines)-1]
}
