package demo

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"yunshi/examples/samplevendor/vendorapp"
	"yunshi/internal/app"
	"yunshi/internal/base/text"
	"yunshi/internal/plug/sandboxpay"
)

// Options say where a demonstration runs.
type Options struct {
	Data     string // folder that keeps everything
	Database string // address of a migrated database instead of the embedded one
	Listen   string // of the market; the provider and the vendor take other free ports
	Lang     text.Lang
	Out      io.Writer
	Log      *slog.Logger

	unsafe bool // a test's server need not survive a power cut
}

// Demo is a running demonstration.
type Demo struct {
	App       *app.App
	PayURL    string // of the sandbox provider
	PayKey    string
	VendorURL string // of the sample vendor

	cancel func()
	free   func() // what surrounds the market, once it has stopped
	done   chan error
}

// keys are the demonstration's own secrets, made once.
type keys struct{ Key, Secret string }

// Start starts provider, vendor and market and fills the market. The caller
// stops it with [Demo.Stop].
func Start(ctx context.Context, o Options) (_ *Demo, err error) {
	ctx, cancel := context.WithCancel(ctx)
	var cleanup []func()
	d := &Demo{done: make(chan error, 1)}
	d.cancel = cancel
	d.free = sync.OnceFunc(func() {
		for i := len(cleanup) - 1; i >= 0; i-- {
			cleanup[i]()
		}
	})
	defer func() {
		if err != nil {
			cancel()
			d.free()
		}
	}()
	if err := os.MkdirAll(o.Data, 0o700); err != nil {
		return nil, fmt.Errorf("demo: %w", err)
	}
	say := func(format string, args ...any) { fmt.Fprintf(o.Out, "· "+format+"\n", args...) }
	market, err := listenable(o.Listen)
	if err != nil {
		return nil, err
	}
	secret, err := secrets(filepath.Join(o.Data, "demo.json"))
	if err != nil {
		return nil, err
	}
	pay, err := listenable("127.0.0.1:8081")
	if err != nil {
		return nil, err
	}
	d.PayURL, d.PayKey = "http://"+pay, secret.Key
	provider, err := startProvider(ctx, o, pay, "http://"+market+"/gateway/sandbox", secret)
	if err != nil {
		return nil, err
	}
	cleanup = append(cleanup, provider)
	say("sandbox payment provider (own process) at %s", d.PayURL)
	say("play the payer's and the vendor's bank (disputes, returned payouts) at %s", sandboxpay.ControlURL(d.PayURL, secret.Secret))

	operator, err := OperatorName()
	if err != nil {
		return nil, err
	}
	d.App, err = app.New(ctx, app.Config{
		Data: o.Data, Database: o.Database, UnsafeDurability: o.unsafe, Listen: market, Operator: operator, Demo: true, LocalHooks: true,
		SandboxURL: d.PayURL, SandboxKey: secret.Key, SandboxSecret: secret.Secret, BankTransfer: "演示银行 Demo Bank",
	}.Filled(), o.Log)
	if err != nil {
		return nil, err
	}
	cleanup = append(cleanup, func() { d.App.Close() })
	vendorListener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("demo: sample vendor: %w", err)
	}
	d.VendorURL = "http://" + vendorListener.Addr().String()
	cleanup = append(cleanup, func() { vendorListener.Close() })
	hooks, err := Seed(ctx, d.App, d.VendorURL, say)
	if err != nil {
		return nil, err
	}
	vendor, err := vendorapp.New(vendorapp.Config{
		DataFile: filepath.Join(o.Data, "samplevendor.json"), PublicURL: d.VendorURL, Secrets: hooks.Native, TencentTokens: hooks.Tencent,
		Controls: true, Log: o.Log,
	})
	if err != nil {
		return nil, err
	}
	server := &http.Server{Handler: vendor, ReadHeaderTimeout: 5 * time.Second}
	go server.Serve(vendorListener) //nolint:errcheck // ends with its listener
	say("sample vendor at %s", d.VendorURL)
	go func() { d.done <- d.App.Run(ctx) }()
	return d, nil
}

// Wait blocks until the market has stopped.
func (d *Demo) Wait() error {
	err := <-d.done
	d.cancel()
	d.free()
	return err
}

// Stop ends everything that Start began and waits for it.
func (d *Demo) Stop() error {
	d.cancel()
	return d.Wait()
}

// listenable returns the address, or another free one on this machine when it is
// taken.
func listenable(address string) (string, error) {
	l, err := net.Listen("tcp", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		l, err = net.Listen("tcp", "127.0.0.1:0")
	}
	if err != nil {
		return "", fmt.Errorf("demo: %w", err)
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// startProvider runs this very program as the payment provider: what it owes is
// in its own process and its own journal.
func startProvider(ctx context.Context, o Options, listen, notify string, k keys) (stop func(), err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("demo: %w", err)
	}
	child := exec.CommandContext(ctx, self, "sandboxpay", "--pay-data", filepath.Join(o.Data, "sandboxpay"), "--pay-listen", listen, "--pay-notify", notify)
	child.Env = append(os.Environ(), "YUNSHI_SANDBOX_KEY="+k.Key, "YUNSHI_SANDBOX_SECRET="+k.Secret)
	child.Stderr = os.Stderr
	child.Cancel = func() error { return child.Process.Signal(syscall.SIGTERM) }
	child.WaitDelay = 5 * time.Second
	if err := child.Start(); err != nil {
		return nil, fmt.Errorf("demo: payment provider: %w", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- child.Wait() }()
	for range 100 {
		if conn, err := net.DialTimeout("tcp", listen, time.Second); err == nil {
			conn.Close()
			return func() {
				child.Process.Signal(syscall.SIGTERM) //nolint:errcheck // it may have ended
				<-ended
			}, nil
		}
		select {
		case err := <-ended:
			return nil, fmt.Errorf("demo: the payment provider stopped: %w", err)
		case <-time.After(50 * time.Millisecond):
		}
	}
	return nil, errors.New("demo: the payment provider does not answer")
}

// secrets reads the demonstration's secrets, or makes them once.
func secrets(path string) (keys, error) {
	var k keys
	content, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		k = keys{rand.Text(), rand.Text()}
		if content, err = json.Marshal(k); err == nil {
			err = os.WriteFile(path, content, 0o600)
		}
		return k, err
	}
	if err != nil {
		return k, fmt.Errorf("demo: %w", err)
	}
	return k, json.Unmarshal(content, &k)
}
