package app

import (
	"context"
	"fmt"
	"io"

	"yunshi/internal/base/db"
	"yunshi/internal/base/text"
	"yunshi/internal/market/report"
)

// Verify re-reads the whole database, prints one line a promise with what breaks
// it, and reports whether all hold. logKey verifies the transparency log.
func Verify(ctx context.Context, d *db.DB, logKey string, l text.Lang, w io.Writer) (clean bool, err error) {
	var found report.Report
	err = d.Read(ctx, func(r db.Reader) (err error) {
		found, err = report.Verify(ctx, r, report.Options{LogKey: logKey})
		return err
	})
	if err != nil {
		return false, err
	}
	broken := 0
	for _, check := range found.Checks {
		mark := "✓"
		if len(check.Wrong) > 0 {
			mark = "✗"
			broken += len(check.Wrong)
		}
		fmt.Fprintf(w, "%s %s (%d)\n", mark, text.In(l, check.Name), check.Count)
		for _, wrong := range check.Wrong {
			fmt.Fprintf(w, "    %s\n", wrong)
		}
	}
	if broken > 0 {
		fmt.Fprintln(w, text.In(l, "cli.verify.wrong", "Count", broken))
		return false, nil
	}
	fmt.Fprintln(w, text.In(l, "cli.verify.clean"))
	return true, nil
}
