package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/base/seal"
	"yunshi/internal/base/text"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/catalog"
	"yunshi/internal/market/search"
	"yunshi/internal/market/vendor"
	"yunshi/internal/testkit"
	"yunshi/internal/testkit/seed"
)

// officerMail is the address of the compliance officer that seed.Open makes first.
const officerMail = "person1@example.com"

// line is product number n of a made-up file.
func line(t testing.TB, n int, change func(*listing)) string {
	t.Helper()
	l := listing{Slug: fmt.Sprintf("tool-%04d", n), ExternalID: fmt.Sprintf("X%d", n), Content: seed.Content(fmt.Sprintf("备份工具 %d 号", n), fmt.Sprintf("Backup tool %d", n))}
	if change != nil {
		change(&l)
	}
	raw, err := json.Marshal(l)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// file writes lines into a file of the test.
func file(t testing.TB, lines []string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "listings.jsonl")
	if err := os.WriteFile(name, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// catalogueOf is 300 products with five lines that are wrong in five ways.
func catalogueOf(t testing.TB) []string {
	var lines []string
	for n := 1; n <= 300; n++ {
		lines = append(lines, line(t, n, func(l *listing) {
			if n == 250 {
				l.Name = catalog.Both{ZH: "量子日历", EN: "Quantum calendar"}
			}
		}))
	}
	lines[9] = `{"slug":"tool-0010"`                                                        // line 10
	lines[41] = strings.Replace(lines[41], `"kind":"cloud_app"`, `"kind":7,"colour":1`, 1)  // line 42
	lines[99] = line(t, 100, func(l *listing) { l.Licence = catalog.Both{} })               // line 100
	lines[199] = line(t, 5, nil)                                                            // line 200: the slug of line 5
	lines[298] = line(t, 299, func(l *listing) { l.Summary.ZH = "请加微信 wxid_buy2026 转账付款" }) // line 299
	return lines
}

var wantRefused = []string{
	"10  LINE_NOT_JSON", "42 colour MEMBER_UNKNOWN", "42 kind FIELD_INVALID", "100 licence TERMS_SHEET_INCOMPLETE",
	"200 slug SLUG_TAKEN", "299 summary OFF_PLATFORM_PAYMENT",
}

func reported(t testing.TB, name string) []string {
	t.Helper()
	raw, err := os.ReadFile(name + ".errors.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for l := range strings.Lines(string(raw)) {
		var r refused
		if err := json.Unmarshal([]byte(l), &r); err != nil {
			t.Fatal(err)
		}
		if r.Text == "" || strings.Contains(r.Text, "⟦") {
			t.Errorf("line %d has the text %q", r.Line, r.Text)
		}
		all = append(all, fmt.Sprintf("%d %s %s", r.Line, r.Field, r.Code))
	}
	return all
}

func find(t testing.TB, d *db.DB, lang text.Lang, words string) []search.Hit {
	t.Helper()
	var page search.Page
	seed.Read(t, d, func(r db.Reader) (err error) {
		page, err = search.Find(t.Context(), r, search.Query{Text: words, Lang: lang})
		return err
	})
	return page.Hits
}

func products(t testing.TB, d *db.DB, v vendor.ID) (n, versions int) {
	t.Helper()
	seed.Read(t, d, func(r db.Reader) error {
		all, err := catalog.OfVendor(t.Context(), r, v, "", 10_000)
		if err != nil {
			return err
		}
		for _, p := range all {
			vs, err := catalog.Versions(t.Context(), r, p.ID)
			if err != nil {
				return err
			}
			n, versions = n+1, versions+len(vs)
		}
		return nil
	})
	return n, versions
}

func TestAnImportListsTheGoodLinesAndNamesTheBadOnes(t *testing.T) {
	testkit.Engines(t, func(t *testing.T, d *db.DB) {
		m := seed.Open(t, d)
		v, _ := m.Vendor(t, "深圳备份科技有限公司")
		name := file(t, catalogueOf(t))
		c := &ImportCmd{File: name, Vendor: string(v.ID), Approver: officerMail, Batch: 40}
		var out, errOut bytes.Buffer
		err := importInto(t.Context(), d, c, &out, &errOut, text.EN)
		if f, ok := fault.Of(err); !ok || f.Code != "IMPORT_LINES_REFUSED" {
			t.Fatalf("the import ended with %v", err)
		}
		if got := reported(t, name); !slices.Equal(got, wantRefused) {
			t.Errorf("refused:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(wantRefused, "\n"))
		}
		if want := "295 products on the market, 0 unchanged, 5 lines refused"; !strings.Contains(out.String(), want) {
			t.Errorf("result %q, want %q", out.String(), want)
		}
		for _, want := range []string{"100 % · 300/300 lines", "line 42, kind: FIELD_INVALID"} {
			if !strings.Contains(errOut.String(), want) {
				t.Errorf("the terminal shows\n%s\nwithout %q", errOut.String(), want)
			}
		}
		for lang, words := range map[text.Lang]string{text.ZH: "量子日历", text.EN: "quantum calendar"} {
			if hits := find(t, d, lang, words); len(hits) != 1 || hits[0].Slug != "tool-0250" {
				t.Errorf("%q finds %v", words, hits)
			}
		}

		out.Reset()
		if err := importInto(t.Context(), d, c, &out, &errOut, text.EN); !errors.Is(err, errLinesRefused) {
			t.Fatalf("the second import ended with %v", err)
		}
		if want := "earlier"; !strings.Contains(out.String(), want) {
			t.Errorf("the second result is %q", out.String())
		}
		if got := reported(t, name); !slices.Equal(got, wantRefused) {
			t.Errorf("the second report is %v", got)
		}
		if n, versions := products(t, d, v.ID); n != 295 || versions != 295 {
			t.Errorf("%d products in %d versions after a repeated import, want 295 in 295", n, versions)
		}

		out.Reset()
		c.Restart = true
		if err := importInto(t.Context(), d, c, &out, &errOut, text.EN); !errors.Is(err, errLinesRefused) {
			t.Fatalf("the import from the start ended with %v", err)
		}
		if want := "0 products on the market, 295 unchanged"; !strings.Contains(out.String(), want) {
			t.Errorf("the result from the start is %q, want %q", out.String(), want)
		}
	})
}

func TestAnInterruptedImportGoesOnWhereItStopped(t *testing.T) {
	testkit.Engines(t, func(t *testing.T, d *db.DB) {
		m := seed.Open(t, d)
		v, _ := m.Vendor(t, "深圳备份科技有限公司")
		in := importing{
			file: file(t, catalogueOf(t)), batch: 40, vendor: v.ID, by: m.Compliance,
			measured: func(int) {}, refused: func(refused) error { return nil },
		}
		ctx, interrupt := context.WithCancel(t.Context())
		done := 0
		in.done = func(n int) {
			if done += n; done == 120 {
				interrupt()
			}
		}
		if _, err := in.run(ctx, d); !errors.Is(err, context.Canceled) {
			t.Fatalf("the interrupted run ended with %v", err)
		}
		before, _ := products(t, d, v.ID)
		if before != 117 { // of 120 lines two cannot be read and one has no licence text
			t.Fatalf("%d products after the interruption", before)
		}
		done = 1000
		var lines []string
		in.refused = func(r refused) error {
			lines = append(lines, fmt.Sprintf("%d %s %s", r.Line, r.Field, r.Code))
			return nil
		}
		sum, err := in.run(t.Context(), d)
		if err != nil {
			t.Fatal(err)
		}
		if sum.Known != before+1 || sum.Listed != 295 || sum.Refused != 5 {
			t.Errorf("the second run counts %+v; %d were there before", sum, before)
		}
		if !slices.Equal(lines, wantRefused) {
			t.Errorf("the second run refuses %v", lines)
		}
		if n, versions := products(t, d, v.ID); n != 295 || versions != 295 {
			t.Errorf("%d products in %d versions, want 295 in 295", n, versions)
		}
	})
}

func TestOnlyAnOfficerApprovesAnImport(t *testing.T) {
	d := testkit.Open(t, db.SQLite)
	m := seed.Open(t, d)
	v, _ := m.Vendor(t, "深圳备份科技有限公司")
	const financeMail, vendorMail = "person2@example.com", "person4@example.com"
	for _, c := range []struct {
		name, vendor, approver string
		want                   error
	}{
		{"allowed_an_officer", string(v.ID), officerMail, nil},
		{"allowed_a_vendor_by_address", vendorMail, officerMail, nil},
		{"refused_finance", string(v.ID), financeMail, catalog.ErrForbidden},
		{"refused_the_vendor", string(v.ID), vendorMail, catalog.ErrForbidden},
		{"refused_nobody", string(v.ID), "nobody@example.com", catalog.ErrNotFound},
		{"refused_an_unknown_vendor", "ven_none", officerMail, catalog.ErrNotFound},
	} {
		t.Run(c.name, func(t *testing.T) {
			cmd := &ImportCmd{File: file(t, []string{line(t, 1, nil)}), Vendor: c.vendor, Approver: c.approver}
			var out bytes.Buffer
			if err := importInto(t.Context(), d, cmd, &out, &out, text.ZH); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
	seed.Read(t, d, func(r db.Reader) error {
		acts, err := audit.Of(t.Context(), r, string(v.ID))
		for _, a := range acts {
			if a.Act == "catalog.import" && (a.Kind != audit.CLIKind || a.Actor != m.Compliance.User || a.Method != "shell") {
				t.Errorf("the record names %s %s by %s", a.Kind, a.Actor, a.Method)
			}
		}
		return err
	})
}

func TestLinesAreReadInAnyForm(t *testing.T) {
	long := strings.Repeat("x", longestLine+10)
	for _, c := range []struct {
		name, text string
		want       []string // beginning of each line as handed over
	}{
		{"nothing", "", nil},
		{"no_end_of_line", "a\nb", []string{"a", "b"}},
		{"windows_and_empty_lines", "\ufeffa\r\n\r\nb\r\n", []string{"a", "", "b"}},
		{"too_long", "a\n" + long + "\nb\n", []string{"a", long[:longestLine+1], "b"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			if err := split(strings.NewReader(c.text), 2, func(c *chunk) error {
				c.decode()
				for _, l := range c.lines {
					got = append(got, string(l))
				}
				if c.last-c.first+1 != len(c.lines) || c.last != len(got) {
					t.Errorf("lines %d to %d are %d lines", c.first, c.last, len(c.lines))
				}
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("%d lines, want %d", len(got), len(c.want))
			}
			if _, n, err := measure(strings.NewReader(c.text)); err != nil || n != len(c.want) {
				t.Errorf("measured %d lines, %v", n, err)
			}
		})
	}
	if _, faults := decodeListing([]byte(long)); len(faults) != 1 || !errors.Is(faults[0], errTooLong) {
		t.Errorf("a long line gives %v", faults)
	}
}

func TestAWrongMemberIsNamed(t *testing.T) {
	whole := line(t, 1, nil)
	if _, faults := decodeListing([]byte(whole)); faults != nil {
		t.Fatalf("a whole line gives %v", faults)
	}
	for _, c := range []struct{ old, new, want string }{
		{`"minor":19900`, `"minor":"199"`, "FIELD_INVALID in plans.0.price"},
		{`"unit":"year"`, `"unit":"year","each":1`, "MEMBER_UNKNOWN in plans.1.term.each"},
		{`"en":"10 users"`, `"en":["10 users"]`, "FIELD_INVALID in plans.0.included.0.en"},
		{`"count":1`, `"count":1.5`, "FIELD_INVALID in plans.0.term.count"},
		{`"slug":"tool-0001"`, `"slug":null,"Slugs":1`, "MEMBER_UNKNOWN in Slugs"},
		{whole, `[1]`, "LINE_NOT_JSON"},
		{whole, whole + whole, "LINE_NOT_JSON"},
		{whole, "\"\xff\"", "LINE_NOT_JSON"},
	} {
		_, faults := decodeListing([]byte(strings.Replace(whole, c.old, c.new, 1)))
		if len(faults) == 0 || faults[0].Error() != c.want {
			t.Errorf("%s gives %v, want %s", c.new, faults, c.want)
		}
	}
}

func TestProgressCountsAndPredicts(t *testing.T) {
	var out bytes.Buffer
	p := newProgress(&out, text.EN, "import", 1000)
	p.done = 250
	if got, want := p.line(p.started.Add(10*time.Second)), "25 % · 250/1000 lines · 25 a second · 30 s left"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	p.add(100)
	if out.Len() != 0 {
		t.Errorf("plain output speaks at once: %q", out.String())
	}
	p.add(650)
	if !strings.Contains(out.String(), "100 %") {
		t.Errorf("plain output does not say the end: %q", out.String())
	}
}

// FuzzListing: no line makes the reader fail, and what it takes it takes as the decoder does.
func FuzzListing(f *testing.F) {
	f.Add([]byte(line(f, 1, nil)))
	f.Add([]byte(`{"slug":1,"plans":[{"price":{"minor":1e3,"currency":"CNY"}}],"privacy":{"kinds":3}}`))
	f.Add([]byte(`{"rights_basis":{"expires":"2026-02-30"}} {}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		l, faults := decodeListing(raw)
		if len(faults) > 0 {
			return
		}
		var plain listing
		if err := json.Unmarshal(raw, &plain); err != nil || plain.Slug != l.Slug {
			t.Errorf("taken, but the decoder says %v", err)
		}
	})
}

// BenchmarkImport imports a whole file with the engines as safe as in production. Give a large one in
// YUNSHI_LISTINGS, such as examples/debcatalog writes:
//
//	YUNSHI_LISTINGS=/tmp/listings.jsonl scripts/with-postgres.sh go test -run '^$' -bench Import -benchtime 1x ./internal/edge/cli
func BenchmarkImport(b *testing.B) {
	name := os.Getenv("YUNSHI_LISTINGS")
	if name == "" {
		var lines []string
		for n := range 5000 {
			lines = append(lines, line(b, n, nil))
		}
		name = file(b, lines)
	}
	for _, engine := range []db.Engine{db.SQLite, db.Postgres} {
		b.Run(string(engine), func(b *testing.B) {
			for b.Loop() {
				d, err := db.Open(b.Context(), testkit.URL(b, engine), db.Options{Keys: seal.Generate(), UnsafeDurability: engine == db.Postgres})
				if err != nil {
					b.Fatal(err)
				}
				m := seed.Open(b, d)
				v, _ := m.Vendor(b, "深圳软件目录有限公司")
				var sum tally
				started := time.Now()
				bar := newProgress(os.Stderr, text.EN, "import", 0)
				in := importing{
					file: name, batch: 500, vendor: v.ID, by: m.Compliance, measured: func(n int) { bar.total = n }, done: bar.add,
					refused: func(r refused) error { b.Logf("%+v", r); return nil },
				}
				if sum, err = in.run(b.Context(), d); err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(float64(sum.Listed)/time.Since(started).Seconds(), "products/s")
				b.Logf("%+v in %s", sum, time.Since(started))
				if err := d.Close(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
