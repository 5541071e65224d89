// Command debcatalog writes a Debian package index as a file for `yunshi import`:
// tens of thousands of real products with English descriptions and, where
// volunteers have translated them, Chinese ones. It shows what the listing format
// (docs/listing-format.md) asks for, and needs nothing of the marketplace's code.
//
//	debcatalog -fetch /tmp/debian > listings.jsonl
//	yunshi import listings.jsonl --vendor ven_… --approver officer@example.com
//
// With -fetch DIR, apt downloads the indices of the machine's own sources into DIR,
// with the Chinese translations, and leaves the machine's package state as it is:
//
//	apt-get -o Dir::State=DIR -o Dir::State::lists=DIR/lists -o Dir::Cache=DIR/cache -o Acquire::Languages=zh_CN,en update
//
// Without it the files are looked for in -lists, by default /var/lib/apt/lists;
// there Chinese descriptions exist only if the machine's apt is set to keep them.
//
// Every package becomes a product with a free plan whose delivery is a licence key;
// every twentieth has a paid month of support besides. The descriptions belong to
// the Debian project and its translators; they are read when the command runs and
// are no part of this repository.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

func main() {
	lists := flag.String("lists", "/var/lib/apt/lists", "directory of apt's index files")
	fetch := flag.String("fetch", "", "download the indices with apt into this directory first, and read them there")
	most := flag.Int("most", 0, "stop after so many products; 0 is all")
	release := flag.String("release", "Debian 12 (bookworm)", "name of the release in the texts")
	flag.Parse()
	if err := run(os.Stdout, os.Stderr, *lists, *fetch, *release, *most); err != nil {
		fmt.Fprintln(os.Stderr, "debcatalog:", err)
		os.Exit(1)
	}
}

func run(out, log io.Writer, lists, fetch, release string, most int) error {
	if fetch != "" {
		lists = filepath.Join(fetch, "lists")
		if err := download(fetch, log); err != nil {
			return err
		}
	}
	indices, err := find(lists, "_Packages")
	if err != nil {
		return err
	}
	translations, err := find(lists, "_Translation-en", "_Translation-zh_CN")
	if err != nil {
		return err
	}
	if len(indices) == 0 {
		return fmt.Errorf("no package index in %s; try -fetch", lists)
	}
	texts := described{}
	for _, name := range translations {
		if err := read(name, texts.add); err != nil {
			return err
		}
	}
	w := bufio.NewWriterSize(out, 1<<20)
	lines := json.NewEncoder(w)
	lines.SetEscapeHTML(false)
	products, translated, slugs := 0, 0, map[string]bool{}
	for _, name := range indices {
		err := read(name, func(p paragraph) error {
			l, ok := listingOf(p, texts, release, slugs)
			if !ok || most > 0 && products >= most {
				return nil
			}
			products++
			if l.Summary.ZH != "" {
				translated++
			}
			return lines.Encode(l)
		})
		if err != nil {
			return err
		}
	}
	fmt.Fprintf(log, "debcatalog: %d products, %d of them with a Chinese description\n", products, translated)
	return w.Flush()
}

// download has apt fetch the indices into a state of their own below dir.
func download(dir string, log io.Writer) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	for _, sub := range []string{"lists/partial", "cache/archives/partial"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			return err
		}
	}
	apt := exec.Command("apt-get", "-o", "Dir::State="+dir, "-o", "Dir::State::lists="+dir+"/lists", "-o", "Dir::Cache="+dir+"/cache",
		"-o", "Acquire::Languages=zh_CN,en", "update")
	apt.Stdout, apt.Stderr = log, log
	return apt.Run()
}

// find returns apt's files whose name, without the ending of a compression, ends
// in one of the suffixes. The release proper comes before its updates.
func find(dir string, suffixes ...string) ([]string, error) {
	all, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var found []string
	for _, f := range all {
		plain := strings.ReplaceAll(f.Name(), "%5f", "_") // apt escapes the underscore of zh_CN
		for _, ending := range []string{".gz", ".xz", ".lz4", ".bz2", ".zst"} {
			plain = strings.TrimSuffix(plain, ending)
		}
		if slices.ContainsFunc(suffixes, func(s string) bool { return strings.HasSuffix(plain, s) }) {
			found = append(found, filepath.Join(dir, f.Name()))
		}
	}
	slices.SortStableFunc(found, func(a, b string) int { return rank(a) - rank(b) })
	return found, nil
}

func rank(name string) int {
	if strings.Contains(name, "-security_") || strings.Contains(name, "-updates_") {
		return 1
	}
	return 0
}

// aptHelper reads every compression apt uses.
const aptHelper = "/usr/lib/apt/apt-helper"

// read calls fn for every paragraph of an index file.
func read(name string, fn func(paragraph) error) (err error) {
	var in io.Reader
	if strings.Contains(filepath.Base(name), ".lz4") || strings.HasSuffix(name, ".xz") || strings.HasSuffix(name, ".gz") ||
		strings.HasSuffix(name, ".bz2") || strings.HasSuffix(name, ".zst") {
		cat := exec.Command(aptHelper, "cat-file", name)
		pipe, err := cat.StdoutPipe()
		if err != nil {
			return err
		}
		if err := cat.Start(); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		in = pipe
		if err := paragraphs(in, fn); err != nil {
			return errors.Join(fmt.Errorf("%s: %w", name, err), cat.Process.Kill(), cat.Wait())
		}
		return cat.Wait()
	}
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	return paragraphs(f, fn)
}
