package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"yunshi/internal/market/catalog"
)

// The entries are made up in the form of Debian's indices.
const (
	packages = `Package: pocket-backup
Source: pocket (1.2)
Version: 1.2-3+b1
Installed-Size: 2048
Description: small backup program
Description-md5: 11111111111111111111111111111111
Section: utils

Package: libpocket++1
Version: 1.2-3
Description: shared library
 Carried in the index itself.
 .
 Second part.
Description-md5: 22222222222222222222222222222222
Section: contrib/libs

Package: nameless
Version: 1
Section: misc
`
	english = `Package: pocket-backup
Description-md5: 11111111111111111111111111111111
Description-en: small backup program
 Keeps files in a pocket.
 .
 Needs no server.
`
	chinese = `Package: pocket-backup
Description-md5: 11111111111111111111111111111111
Description-zh_CN: 小巧的备份程序
 把文件放进口袋。
`
)

func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func lines(t *testing.T, dir string, most int) []string {
	t.Helper()
	var out, log bytes.Buffer
	if err := run(&out, &log, dir, "", "Debian 12", most); err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(out.String()), "\n")
}

func TestAnIndexBecomesListingsThatTheMarketTakes(t *testing.T) {
	dir := write(t, map[string]string{
		"mirror_dists_stable_main_binary-amd64_Packages":         packages,
		"mirror_dists_stable-updates_main_binary-amd64_Packages": packages, // seen already
		"mirror_dists_stable_main_i18n_Translation-en":           english,
		"mirror_dists_stable_main_i18n_Translation-zh%5fCN":      chinese,
	})
	got := lines(t, dir, 0)
	if len(got) != 2 {
		t.Fatalf("%d listings, want 2:\n%s", len(got), strings.Join(got, "\n"))
	}
	var all []catalog.Content
	for i, slug := range []string{"deb-pocket-backup", "deb-libpocket-plus-plus1"} {
		var l struct {
			Slug       string `json:"slug"`
			ExternalID string `json:"external_id"`
			catalog.Content
		}
		d := json.NewDecoder(strings.NewReader(got[i]))
		d.DisallowUnknownFields()
		if err := d.Decode(&l); err != nil {
			t.Fatal(err)
		}
		if l.Slug != slug {
			t.Errorf("slug %q, want %q", l.Slug, slug)
		}
		if faults := catalog.Checklist(l.Content); len(faults) > 0 {
			t.Errorf("%s: %v", slug, faults)
		}
		if strings.Contains(got[i], "{name}") || strings.Contains(got[i], "{section}") {
			t.Errorf("a text was not filled in: %s", got[i])
		}
		all = append(all, l.Content)
	}
	if want := (catalog.Both{ZH: "pocket-backup 小巧的备份程序", EN: "pocket-backup"}); all[0].Name != want {
		t.Errorf("name %+v, want %+v", all[0].Name, want)
	}
	if want := (catalog.Both{ZH: "把文件放进口袋。", EN: "Keeps files in a pocket.\n\nNeeds no server."}); all[0].Description != want {
		t.Errorf("description %+v, want %+v", all[0].Description, want)
	}
	if want := (catalog.Both{EN: "Carried in the index itself.\n\nSecond part."}); all[1].Description != want {
		t.Errorf("description %+v, want %+v", all[1].Description, want)
	}
	if all[0].Support.Contact != "https://tracker.debian.org/pkg/pocket" {
		t.Errorf("contact %q", all[0].Support.Contact)
	}
	if again := lines(t, dir, 1); len(again) != 1 || again[0] != got[0] {
		t.Errorf("a second run gives %v", again)
	}
}

func TestSomePackagesHavePaidSupport(t *testing.T) {
	paid := 0
	for _, first := range "abcdefghijklmnopqrst" {
		for _, second := range "abcdefghijklmnopqrst" {
			l, _ := listingOf(paragraph{"Package": string(first) + string(second) + "-tool", "Description": "tool"}, described{}, "Debian 12", map[string]bool{})
			if len(l.Plans) == 2 && l.Plans[1].Price.Minor >= 9900 && l.Plans[0].Price.Minor == 0 {
				paid++
			}
		}
	}
	if paid < 5 || paid > 60 {
		t.Errorf("%d of 400 have paid support, expected about 20", paid)
	}
}

func TestEverySectionIsACategoryWithBothNames(t *testing.T) {
	categories, err := os.ReadFile("../../internal/market/catalog/categories.json")
	if err != nil {
		t.Fatal(err)
	}
	if len(words.Sections) < 40 {
		t.Fatalf("only %d sections", len(words.Sections))
	}
	for name, s := range words.Sections {
		if !bytes.Contains(categories, []byte(`"`+s.Category+`"`)) || s.Name.ZH == "" || s.Name.EN == "" {
			t.Errorf("section %s is %+v", name, s)
		}
	}
}

func TestAMissingIndexIsSaid(t *testing.T) {
	var out, log bytes.Buffer
	if err := run(&out, &log, t.TempDir(), "", "Debian 12", 0); err == nil || !strings.Contains(err.Error(), "-fetch") {
		t.Errorf("got %v", err)
	}
}
