package seed

import (
	"context"
	"log/slog"
	"testing"

	"yunshi/internal/base/db"
	"yunshi/internal/market/job"
)

// others are kinds of jobs that making people, vendors and products leaves behind.
// A test that does not bring their handlers lets them end without effect.
var others = []string{"message.mail", "message.send", "identity.check", "search.index", "search.vendor", "vendor.dossier", "vendor.exit", "catalog.rights", "catalog.delist"}

// Drain runs every job that is due with the handlers given. A job that fails, or
// of an unknown kind without a handler, fails the test.
func Drain(t testing.TB, d *db.DB, handlers ...map[string]job.Handler) {
	t.Helper()
	all := map[string]job.Handler{}
	for _, kind := range others {
		all[kind] = job.Handler{Run: func(ctx context.Context, d *db.DB, j job.Job) error {
			return d.Write(ctx, func(tx *db.Tx) error { return job.Done(ctx, tx, j) })
		}}
	}
	for _, some := range handlers {
		for kind, h := range some {
			all[kind] = h
		}
	}
	log := slog.New(slog.NewTextHandler(failing{t}, &slog.HandlerOptions{Level: slog.LevelWarn}))
	if err := job.NewWorker(d, all, log).Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// failing turns every line of a log into a failure of the test.
type failing struct{ t testing.TB }

func (f failing) Write(line []byte) (int, error) {
	f.t.Errorf("a job failed: %s", line)
	return len(line), nil
}
