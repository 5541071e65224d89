package demo

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"testing"

	"github.com/alecthomas/kong"

	"yunshi/internal/app"
	"yunshi/internal/base/db"
	"yunshi/internal/base/text"
	"yunshi/internal/testkit"
)

// TestMain lets the test binary be the payment provider's process, as the
// program itself is in a demonstration.
func TestMain(m *testing.M) {
	if len(os.Args) < 2 || os.Args[1] != "sandboxpay" {
		os.Exit(m.Run())
	}
	var line struct {
		Sandboxpay struct {
			app.SandboxConfig `embed:"" prefix:"pay-"`
		} `cmd:""`
	}
	kong.Parse(&line)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := app.ServeSandbox(ctx, line.Sandboxpay.SandboxConfig, slog.New(slog.DiscardHandler), func(string, string) {})
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func options(t *testing.T, engine db.Engine, lang text.Lang, out *bytes.Buffer) Options {
	t.Helper()
	o := Options{Data: t.TempDir(), Listen: "127.0.0.1:0", Lang: lang, Out: out, Log: slog.New(slog.DiscardHandler)}
	if engine == db.Postgres {
		o.Database, o.unsafe = testkit.URL(t, engine), true
	}
	return o
}

// The whole first purchase, its refusals and its attacks, on both engines: see
// story.go for what each line promises.
func TestTheStoryOfTheFirstPurchaseEndsClean(t *testing.T) {
	for engine, lang := range map[db.Engine]text.Lang{db.SQLite: text.ZH, db.Postgres: text.EN} {
		t.Run(string(engine), func(t *testing.T) {
			var out bytes.Buffer
			if err := Story(t.Context(), options(t, engine, lang, &out)); err != nil {
				t.Fatalf("%v\n%s", err, out.String())
			}
			if strings.Contains(out.String(), "⟦") {
				t.Errorf("a text is missing:\n%s", out.String())
			}
		})
	}
}

func TestASecondStartFindsWhatTheFirstMade(t *testing.T) {
	var out bytes.Buffer
	o := options(t, db.SQLite, text.EN, &out)
	counts := make([]int64, 2)
	for i := range counts {
		d, err := Start(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		if err := d.App.DB.Read(t.Context(), func(r db.Reader) error {
			counts[i], err = db.Value[int64](t.Context(), r, "SELECT (SELECT count(*) FROM account_account) + (SELECT count(*) FROM catalog_version)")
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if err := d.Stop(); err != nil {
			t.Fatal(err)
		}
	}
	if counts[0] != counts[1] || counts[0] == 0 {
		t.Fatalf("%d accounts and versions, then %d", counts[0], counts[1])
	}
}

func TestTheGuideNamesEverybodyInBothLanguages(t *testing.T) {
	var out bytes.Buffer
	if err := Guide(&out, "http://market.example"); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"superadmin@example.com", "compliance.one@example.com", "owner@ningbo-shili.example.com", "lang=zh", "lang=en"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the guide does not say %s", want)
		}
	}
	if strings.Contains(out.String(), "⟦") {
		t.Error(out.String())
	}
}
