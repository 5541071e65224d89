package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"yunshi/internal/app"
	"yunshi/internal/base/blob"
	"yunshi/internal/base/db"
	"yunshi/internal/base/text"
	"yunshi/internal/base/tlog"
	"yunshi/internal/market/account"
	"yunshi/internal/market/delivery"
	"yunshi/internal/testkit"
	"yunshi/internal/testkit/world"
)

// A pack and a proof are written beside a database, and checked without it.
func TestEvidenceIsWrittenAndCheckedOffline(t *testing.T) {
	testkit.EnginesAt(t, func(t *testing.T, d *db.DB, clock *testkit.Clock) {
		w := world.NewTrade(t, d, clock)
		o := w.Bought(w.Customer(account.Individual), w.Listed(world.Content(delivery.HookNative, 1980)))
		signing, key, err := tlog.GenerateKey(testkit.Rand("log"), app.LogOrigin)
		if err != nil {
			t.Fatal(err)
		}
		files, err := blob.Disk(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		in := func(name string) string { return filepath.Join(dir, name) }
		write := func(name, content string) string {
			t.Helper()
			if err := os.WriteFile(in(name), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
			return in(name)
		}
		var out, progress bytes.Buffer
		e := &Env{Ctx: t.Context(), Out: &out, Err: &progress, Lang: text.EN, Config: app.Config{Data: dir}}
		did := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		first := func() string { // the note of a bundle's latest checkpoint
			t.Helper()
			did((&ProveCmd{ID: string(o.ID), Out: in("first.json")}).prove(e, d, signing, key))
			b := string(read(t, in("first.json")))
			note, _, _ := strings.Cut(strings.TrimPrefix(b, `{"checkpoint":"`), `","earlier"`)
			return strings.ReplaceAll(note, `\n`, "\n")
		}()
		kept := write("kept", first)
		did((&EvidenceCmd{Order: string(o.ID), For: "operator", Reason: "court", Out: in("pack.zip")}).make(e, d, files, signing, key))
		did((&ProveCmd{ID: string(o.ID), Since: kept, Out: in("second.json")}).prove(e, d, signing, key))
		if err := (&ProveCmd{ID: "ord_nothing", Out: in("none.json")}).prove(e, d, signing, key); err == nil {
			t.Error("proved nothing")
		}
		if !strings.Contains(progress.String(), "Collecting: Payment") || !strings.Contains(out.String(), key) {
			t.Errorf("%s\n%s", progress.String(), out.String())
		}
		out.Reset()
		keyFile := write("log.key", "secret\n"+key+"\n")
		for name, c := range map[string]struct {
			cmd   CheckCmd
			holds bool
		}{
			"pack":             {CheckCmd{File: in("pack.zip"), Key: key}, true},
			"pack, own key":    {CheckCmd{File: in("pack.zip")}, true},
			"bundle, key file": {CheckCmd{File: in("second.json"), Key: keyFile, Since: kept}, true},
			"unlinked":         {CheckCmd{File: in("second.json"), Key: key, Since: write("other", first[:len(first)-2])}, false},
			"wrong key":        {CheckCmd{File: in("pack.zip"), Key: strings.Replace(key, "+", "+0", 1)}, false},
			"flipped":          {CheckCmd{File: write("flipped.zip", flip(read(t, in("pack.zip")))), Key: key}, false},
		} {
			if err := c.cmd.Run(e); (err == nil) != c.holds {
				t.Errorf("%s: %v", name, err)
			}
		}
		if !strings.Contains(out.String(), "Everything holds.") || !strings.Contains(out.String(), "✓ ") || !strings.Contains(out.String(), "continues the log") {
			t.Errorf("%s", out.String())
		}
	})
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func flip(b []byte) string {
	b[len(b)/2] ^= 4
	return string(b)
}
