package main

import (
	"bufio"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"yunshi/client"
	"yunshi/internal/app/demo"
	"yunshi/internal/app/rig"
)

// command is the program under measurement on this engine's database.
func (m *measured) command(ctx context.Context, args ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, m.yunshi, append(args, "--data", m.data, "--lang", "en")...)
	c.Env = os.Environ()
	if m.database != "" {
		c.Env = append(c.Env, "YUNSHI_DATABASE="+m.database)
	}
	c.Stderr = os.Stderr
	return c
}

// listings makes a file of products from a Debian package index.
func listings(ctx context.Context, o options) (string, error) {
	args := []string{"-most", fmt.Sprint(o.most)}
	if o.lists != "" {
		progress("catalogue from %s", o.lists)
		args = append(args, "-lists", o.lists)
	} else {
		progress("apt downloads its indices, with Chinese descriptions")
		args = append(args, "-fetch", filepath.Join(o.dir, "debian"))
	}
	path := filepath.Join(o.dir, "listings.jsonl")
	f, err := os.Create(path)
	if err != nil {
		return "", err
	}
	c := exec.CommandContext(ctx, o.debcatalog, args...)
	c.Stdout = f
	var said strings.Builder
	c.Stderr = &said
	err = errors.Join(c.Run(), f.Close())
	lines := strings.Split(strings.TrimSpace(said.String()), "\n")
	progress("%s", lines[len(lines)-1])
	if err != nil {
		err = fmt.Errorf("%w: %s", err, said.String())
	}
	return path, err
}

// mostSlugs is how many different product pages are asked for.
const mostSlugs = 2000

// load imports the file and returns addresses of products from all over it.
func (m *measured) load(ctx context.Context, path string) ([]string, error) {
	vendor, err := demo.Seller()
	if err != nil {
		return nil, err
	}
	officer, _, err := demo.Officer()
	if err != nil {
		return nil, err
	}
	all, err := slugsOf(path)
	if err != nil {
		return nil, err
	}
	m.say("import of %d products", len(all))
	start := time.Now()
	c := m.command(ctx, "import", path, "--vendor", vendor, "--approver", officer)
	c.Stderr = nil // its progress goes to nobody
	out, failed := c.Output()
	took := time.Since(start).Seconds()
	m.say("%s", out)
	refused, err := slugsOf(path + ".errors.jsonl")
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	listed := slices.DeleteFunc(slices.Clone(all), func(slug string) bool { return slices.Contains(refused, slug) })
	// The market's words refuse a few packages, and the program says so by its exit.
	if failed != nil && (len(refused) == 0 || len(listed) < len(all)*99/100) {
		return nil, fmt.Errorf("%w: %s", failed, out)
	}
	m.set("import: listed", "products", float64(len(listed)))
	m.set("import: refused by the rules", "products", float64(len(all)-len(listed)))
	m.set("import: whole time", "s", took)
	m.set("import: rate", "products/s", float64(len(all))/took)
	step := max(1, len(listed)/mostSlugs)
	var slugs []string
	for i := 0; i < len(listed); i += step {
		slugs = append(slugs, listed[i])
	}
	return slugs, nil
}

// slugsOf reads the slug of each line of a file of listings, or of refusals.
func slugsOf(path string) (all []string, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	in := bufio.NewScanner(f)
	in.Buffer(nil, 4<<20)
	for in.Scan() {
		var l struct {
			Slug string `json:"slug"`
		}
		if err := json.Unmarshal(in.Bytes(), &l); err != nil {
			return nil, err
		}
		all = append(all, l.Slug)
	}
	return all, in.Err()
}

//go:embed queries.json
var queriesFile []byte

// visits asks for pages as browsers do, from many addresses of the loopback: the
// market bounds what one address may ask for.
func (m *measured) visits(ctx context.Context, slugs []string) (err error) {
	var queries struct{ ZH, EN, Categories []string }
	if err := json.Unmarshal(queriesFile, &queries); err != nil {
		return err
	}
	a, err := m.start(ctx, slog.New(slog.DiscardHandler), false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.stop(), a.Close()) }()
	var searches []page
	for lang, words := range map[string][]string{"zh": queries.ZH, "en": queries.EN} {
		for _, word := range words {
			found, err := client.New(a.URL(), "").Search(ctx, client.Search{Text: word, Lang: lang})
			if err != nil {
				return err
			}
			if found.Total == 0 {
				return fmt.Errorf("%q finds nothing", word)
			}
			searches = append(searches, page{"search, " + names[lang], "/search?" + url.Values{"q": {word}, "lang": {lang}}.Encode()})
		}
	}
	for _, code := range queries.Categories {
		searches = append(searches, page{"category page", "/c/" + code + "?lang=zh"})
	}
	var products []page
	for i, slug := range slugs {
		products = append(products, page{"product page", "/p/" + slug + "?lang=" + []string{"zh", "en"}[i%2]})
	}
	for _, pages := range [][]page{searches, products} {
		if err := m.visited(ctx, a.URL(), pages); err != nil {
			return err
		}
	}
	return nil
}

var names = map[string]string{"zh": "two Chinese characters", "en": "English word"}

// page is an address with the row of the table that it counts for.
type page struct{ name, path string }

// visited lets clients ask for the pages in turn for the whole time, after each
// page has been asked for once.
func (m *measured) visited(ctx context.Context, market string, pages []page) error {
	m.say("%d clients ask for %d pages for %s", fewer, len(pages), m.visit)
	crowd := newCrowd()
	for i := range min(len(pages), 100) {
		if err := crowd[i%fewer].get(ctx, market+pages[i].path); err != nil {
			return err
		}
	}
	took, failed := make([]map[string][]time.Duration, fewer), make([]error, fewer)
	start := time.Now()
	var clients sync.WaitGroup
	for i, v := range crowd {
		took[i] = map[string][]time.Duration{}
		clients.Go(func() {
			for n := i * len(pages) / fewer; time.Since(start) < m.visit && failed[i] == nil; n++ {
				p, began := pages[n%len(pages)], time.Now()
				failed[i] = v.get(ctx, market+p.path)
				took[i][p.name] = append(took[i][p.name], time.Since(began))
			}
		})
	}
	clients.Wait()
	elapsed := time.Since(start).Seconds()
	if err := errors.Join(failed...); err != nil {
		return err
	}
	all, total := map[string][]time.Duration{}, 0
	for _, one := range took {
		for name, times := range one {
			all[name] = append(all[name], times...)
			total += len(times)
		}
	}
	done := map[string]bool{}
	for _, p := range pages {
		if !done[p.name] {
			done[p.name] = true
			m.set(p.name+", 8 clients: p50", "ms", rig.Percentile(all[p.name], 50))
			m.set(p.name+", 8 clients: p99", "ms", rig.Percentile(all[p.name], 99))
		}
	}
	what := "search and category pages"
	if len(done) == 1 {
		what = pages[0].name
	}
	m.set(what+", 8 clients", "pages/s", float64(total)/elapsed)
	return nil
}

// addresses is how many addresses each client asks from, in turn.
const addresses = 24

// visitor is one client. It asks from addresses of its own.
type visitor struct {
	browsers []*http.Client
	next     int
}

func newCrowd() (all [fewer]*visitor) {
	for i := range all {
		all[i] = &visitor{}
		for n := range addresses {
			from := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 1, byte(i), byte(n+1))}, Timeout: 10 * time.Second}
			all[i].browsers = append(all[i].browsers, &http.Client{Transport: &http.Transport{DialContext: from.DialContext}, Timeout: time.Minute})
		}
	}
	return all
}

// get reads a whole page.
func (v *visitor) get(ctx context.Context, address string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	v.next++
	res, err := v.browsers[v.next%len(v.browsers)].Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answered %s", address, res.Status)
	}
	return nil
}
