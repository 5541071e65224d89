// Package app puts the market together: configuration, wiring by hand, start
// and stop. The program is a value; main, the demonstration and the stories all
// build the same one.
//
// Owns: which adapter stands behind which interface, and the hooks by which an
// earlier package tells a later one what happened. Does not own: any rule.
//
// Always true: what listens has passed the access check of package serve; with
// real money on, no test provider is wired.
package app

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"yunshi/internal/base/blob"
	"yunshi/internal/base/db"
	"yunshi/internal/base/mail"
	"yunshi/internal/base/seal"
	"yunshi/internal/base/tlog"
	"yunshi/internal/edge/serve"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/command"
	"yunshi/internal/market/job"
	"yunshi/internal/market/payment"
	"yunshi/internal/market/privacy"
	"yunshi/internal/market/reconciliation"
	"yunshi/internal/market/settlement"
)

// App is a market that is ready to run.
type App struct {
	Config Config
	DB     *db.DB
	Blob   blob.Store
	Log    *slog.Logger
	Worker *job.Worker
	Market *serve.Market
	pages  http.Handler   // the whole market, for what it keeps of its own pages
	Mail   *mail.Recorder // set when mail is kept in memory

	signing, Verifying string // keys of the transparency log
	paused             atomic.Bool
	listener           net.Listener
	server             *http.Server
}

// OpenDB opens the market's database with its keys. An embedded database is
// migrated on the way; a shared one is only checked, so that starting a node
// never changes it.
func OpenDB(ctx context.Context, cfg Config, log *slog.Logger) (*db.DB, error) {
	keys, err := seal.LoadOrCreate(filepath.Join(cfg.Data, "keys.json"))
	if err != nil {
		return nil, err
	}
	options := db.Options{Keys: keys, Log: log, UnsafeDurability: cfg.UnsafeDurability}
	if cfg.Unhurried {
		options.Patience = db.Forever
	}
	d, err := db.Open(ctx, cfg.DatabaseURL(), options)
	if err != nil {
		return nil, err
	}
	ready := d.Check
	if d.Engine() == db.SQLite {
		ready = d.Migrate
	}
	if err := ready(ctx); err != nil {
		d.Close()
		return nil, err
	}
	return d, nil
}

// New builds a market and begins to listen, without serving yet. The address is
// known from then on. Further gateways are for programs that bring a provider of
// their own, such as the bench.
func New(ctx context.Context, cfg Config, log *slog.Logger, further ...payment.Gateway) (_ *App, err error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	a := &App{Config: cfg, Log: log}
	defer func() {
		if err != nil {
			a.Close()
		}
	}()
	if err := os.MkdirAll(cfg.Data, 0o700); err != nil {
		return nil, fmt.Errorf("app: data folder: %w", err)
	}
	if a.DB, err = OpenDB(ctx, cfg, log); err != nil {
		return nil, err
	}
	if a.Blob, err = Files(cfg); err != nil {
		return nil, err
	}
	if a.signing, a.Verifying, err = LogKeys(cfg); err != nil {
		return nil, err
	}
	if a.listener, err = net.Listen("tcp", cfg.Listen); err != nil {
		return nil, fmt.Errorf("app: %w; choose another address with --listen", err)
	}
	if a.Config.BaseURL == "" {
		a.Config.BaseURL = "http://" + a.listener.Addr().String()
	}
	if err := a.seed(ctx); err != nil {
		return nil, err
	}
	handler, err := a.wire(further)
	if err != nil {
		return nil, err
	}
	if err := a.licensed(ctx); err != nil {
		return nil, err
	}
	a.server = &http.Server{
		Handler: handler, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 60 * time.Second,
		WriteTimeout: 120 * time.Second, IdleTimeout: 120 * time.Second, MaxHeaderBytes: 64 << 10,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	return a, nil
}

// URL is where the market is served.
func (a *App) URL() string { return a.Config.BaseURL }

// Run serves and works until ctx ends, then finishes what has begun.
func (a *App) Run(ctx context.Context) error {
	var work sync.WaitGroup
	work.Go(func() { a.Worker.Run(ctx) })
	work.Go(func() { a.integrate(ctx) })
	if err := a.pull(ctx); err != nil && ctx.Err() == nil {
		return err
	}
	err := a.Serve(ctx)
	if ctx.Err() != nil {
		work.Wait()
	}
	return err
}

// Serve serves until ctx ends, and works on nothing: jobs wait for a node that
// runs.
func (a *App) Serve(ctx context.Context) error {
	failed := make(chan error, 1)
	go func() { failed <- a.server.Serve(a.listener) }()
	select {
	case err := <-failed:
		return fmt.Errorf("app: serve: %w", err)
	case <-ctx.Done():
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 15*time.Second)
	defer cancel()
	return a.server.Shutdown(stop)
}

// pull begins the work that never ends: asking each provider, every hour, for
// what no notice has told, the vendors' statements, and the checks of the book.
func (a *App) pull(ctx context.Context) error {
	return a.DB.Write(ctx, func(tx *db.Tx) error {
		for name := range a.Market.Gateways {
			if err := payment.Pull(ctx, tx, name); err != nil {
				return err
			}
		}
		if err := settlement.Start(ctx, tx); err != nil {
			return err
		}
		if err := privacy.Start(ctx, tx); err != nil {
			return err
		}
		return reconciliation.Start(ctx, tx)
	})
}

// PauseLog lets records wait for the log, or go on. Only a measure of what the log
// costs has a use for it.
func (a *App) PauseLog(wait bool) { a.paused.Store(wait) }

// integrate gives records their place in the transparency log.
func (a *App) integrate(ctx context.Context) {
	for {
		if a.paused.Load() {
			select {
			case <-time.After(100 * time.Millisecond):
				continue
			case <-ctx.Done():
				return
			}
		}
		placed, err := audit.Integrate(ctx, a.DB, LogOrigin, a.signing)
		if err != nil && ctx.Err() == nil {
			a.Log.Error("transparency log", "error", err)
		}
		if placed == audit.Full && err == nil {
			continue
		}
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return
		}
	}
}

// Settle runs everything that is due, once: jobs and the log. Stories and tests
// use it instead of waiting.
func (a *App) Settle(ctx context.Context) error {
	if err := a.Worker.Drain(ctx); err != nil {
		return err
	}
	for {
		if placed, err := audit.Integrate(ctx, a.DB, LogOrigin, a.signing); err != nil || placed == 0 {
			return err
		}
	}
}

// Close frees what New took.
func (a *App) Close() error {
	var errs []error
	if a.listener != nil {
		if err := a.listener.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	if a.DB != nil {
		errs = append(errs, a.DB.Close())
	}
	return errors.Join(errs...)
}

// Files opens the store of files that the configuration names.
func Files(cfg Config) (blob.Store, error) {
	if cfg.S3Endpoint == "" {
		return blob.Disk(filepath.Join(cfg.Data, "files"))
	}
	return blob.S3(blob.S3Config{
		Endpoint: strings.TrimPrefix(strings.TrimPrefix(cfg.S3Endpoint, "https://"), "http://"), Bucket: cfg.S3Bucket,
		AccessKey: cfg.S3Key, SecretKey: cfg.S3Secret, Insecure: strings.HasPrefix(cfg.S3Endpoint, "http://"),
	})
}

// LogOrigin names the transparency log in its checkpoints.
const LogOrigin = "yunshi.market/log"

// LogKeys reads the key pair of the transparency log, or makes it once.
func LogKeys(cfg Config) (signing, verifying string, err error) {
	path := filepath.Join(cfg.Data, "log.key")
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		if signing, verifying, err = tlog.GenerateKey(rand.Reader, LogOrigin); err != nil {
			return "", "", err
		}
		err = writeOnce(path, signing+"\n"+verifying+"\n")
		return signing, verifying, err
	}
	if err != nil {
		return "", "", fmt.Errorf("app: %w", err)
	}
	signing, verifying, ok := strings.Cut(strings.TrimSpace(string(text)), "\n")
	if !ok {
		return "", "", fmt.Errorf("app: %s does not hold two keys", path)
	}
	return signing, verifying, nil
}

func writeOnce(path, text string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("app: %w", err)
	}
	_, err = io.WriteString(f, text)
	return errors.Join(err, f.Sync(), f.Close())
}

// seed installs the agreement and the rulebooks of this edition once.
func (a *App) seed(ctx context.Context) error {
	terms := agreement.Terms{
		Operator:       agreement.Both{ZH: a.Config.Operator, EN: a.Config.Operator},
		PlaceOfSigning: both(a.Config.PlaceOfSigning), GoverningLaw: both(a.Config.GoverningLaw),
	}
	by := audit.CLI("serve")
	_, err := command.Run(ctx, a.DB, command.Intent{By: by, Name: "agreement.seed", Key: "version-1", Clauses: []string{"UA 1.1"}},
		func(tx *db.Tx) (bool, error) { return true, agreement.Seed(ctx, tx, by, terms) })
	return err
}

// both reads "zh|en"; one part serves both languages.
func both(s string) agreement.Both {
	zh, en, ok := strings.Cut(s, "|")
	if !ok {
		en = zh
	}
	return agreement.Both{ZH: zh, EN: en}
}

// handlersOf joins the job handlers of all packages; two for one kind is a
// mistake of the program.
func handlersOf(all ...map[string]job.Handler) (map[string]job.Handler, error) {
	joined := map[string]job.Handler{}
	for _, some := range all {
		for kind := range some {
			if _, twice := joined[kind]; twice {
				return nil, fmt.Errorf("app: two handlers for %s", kind)
			}
		}
		maps.Copy(joined, some)
	}
	return joined, nil
}
