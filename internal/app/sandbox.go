package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"yunshi/internal/plug/sandboxpay"
)

// SandboxConfig is how the sandbox payment provider runs as a process.
type SandboxConfig struct {
	Data      string `default:"sandboxpay-data" help:"Folder of the provider's own journal."`
	Listen    string `default:"127.0.0.1:8081" help:"Address to serve on."`
	PublicURL string `help:"Where payers reach it (default: the address it listens on)."`
	Notify    string `help:"Where notices go: the market's address with /gateway/sandbox."`
	Key       string `help:"API key of the market." env:"YUNSHI_SANDBOX_KEY" required:""`
	Secret    string `help:"Secret that signs notices." env:"YUNSHI_SANDBOX_SECRET" required:""`
	FeePoints int64  `default:"60" help:"Fee of each capture in basis points."`
	RealMoney bool   `help:"As configured for the market; the sandbox refuses to serve real money." env:"YUNSHI_REAL_MONEY"`
}

// ServeSandbox runs the provider until ctx ends. ready hears once where it is, and
// where a person plays the payer's and the vendor's bank.
func ServeSandbox(ctx context.Context, cfg SandboxConfig, log *slog.Logger, ready func(url, control string)) error {
	listener, err := net.Listen("tcp", cfg.Listen)
	if err != nil {
		return fmt.Errorf("sandboxpay: %w; choose another address with --pay-listen", err)
	}
	defer listener.Close()
	if cfg.PublicURL == "" {
		cfg.PublicURL = "http://" + listener.Addr().String()
	}
	var notify []string
	if cfg.Notify != "" {
		notify = []string{cfg.Notify}
	}
	provider, err := sandboxpay.NewProvider(sandboxpay.ProviderConfig{
		Dir: cfg.Data, Key: cfg.Key, WebhookSecret: cfg.Secret, NotifyURLs: notify, PublicURL: cfg.PublicURL,
		AnyPayee: true, FeeBasisPoints: cfg.FeePoints, RealMoney: cfg.RealMoney, Log: log,
	})
	if err != nil {
		return err
	}
	defer provider.Close()
	ready(cfg.PublicURL, sandboxpay.ControlURL(cfg.PublicURL, cfg.Secret))
	server := &http.Server{Handler: provider.Handler(), ReadHeaderTimeout: 10 * time.Second}
	go provider.Run(ctx)
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		return fmt.Errorf("sandboxpay: %w", err)
	case <-ctx.Done():
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := server.Shutdown(stop); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return nil
}
