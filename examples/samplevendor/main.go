// Command samplevendor is a small vendor: it receives deliveries from a Yunshi
// marketplace and gives each customer a shared notepad.
//
//	samplevendor -public http://127.0.0.1:9090 -secret whsec_… -token …
//
// Enter <public>/yunshi/webhook as the delivery address of a product with the
// native dialect, or <public>/tencent/spi for the Tencent one.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"yunshi/examples/samplevendor/vendorapp"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "samplevendor:", err)
		os.Exit(1)
	}
}

func run() error {
	var cfg vendorapp.Config
	address := flag.String("addr", "127.0.0.1:9090", "listen address")
	secret := flag.String("secret", os.Getenv("SAMPLEVENDOR_SECRET"), "signing secret of the native dialect, whsec_…")
	token := flag.String("token", os.Getenv("SAMPLEVENDOR_TOKEN"), "token of the Tencent dialect")
	flag.StringVar(&cfg.DataFile, "data", "samplevendor.json", "file that keeps the instances")
	flag.StringVar(&cfg.PublicURL, "public", "http://127.0.0.1:9090", "address customers open")
	flag.DurationVar(&cfg.ReadyAfter, "ready-after", 0, "how long a new instance takes; until then the answer is pending")
	flag.BoolVar(&cfg.Controls, "controls", false, "serve POST /test/fail")
	flag.Parse()
	if *secret != "" {
		cfg.Secrets = []string{*secret}
	}
	if *token != "" {
		cfg.TencentTokens = []string{*token}
	}
	cfg.Log = slog.Default()

	app, err := vendorapp.New(cfg)
	if err != nil {
		return err
	}
	server := &http.Server{Addr: *address, Handler: app, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 15 * time.Second, WriteTimeout: 15 * time.Second}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	go func() {
		<-ctx.Done()
		closing, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		server.Shutdown(closing)
	}()
	slog.Info("samplevendor: listening", "address", *address)
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
