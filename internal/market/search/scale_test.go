package search_test

import (
	"os"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/market/search"
	"yunshi/internal/testkit"
	"yunshi/internal/testkit/seed"
)

// TestAtScale measures import and search at the size given in
// YUNSHI_SEARCH_SCALE (60000 is the promise); with none it checks that a small
// market works the same way.
func TestAtScale(t *testing.T) {
	size, strict := 600, false
	if s := os.Getenv("YUNSHI_SEARCH_SCALE"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatal(err)
		}
		size, strict = n, true
	}
	items := corpus(size, 11)
	testkit.Engines(t, func(t *testing.T, d *db.DB) {
		m := seed.Open(t, d)
		v, _ := m.Vendor(t, "深圳甲有限公司")
		began := time.Now()
		load(t, d, m, v.ID, items)
		took := time.Since(began)
		rate := float64(size) / took.Seconds()
		t.Logf("%d products imported and indexed in %s: %.0f a second on %d processors", size, took.Round(time.Millisecond), rate, runtime.NumCPU())
		if strict && rate < 830 {
			t.Errorf("%.0f products a second; 50,000 would take more than a minute", rate)
		}

		queries := []search.Query{
			{Text: "数据库"}, {Text: "数据库备份"}, {Text: "database backup"}, {Text: "MySQL 数据库"}, {Text: "签名"}, {Text: "contract tax"},
			{Text: "安全", Category: "security"}, {Text: "云端", Sort: search.Newest}, {Category: "saas"}, {Category: "saas", Sort: search.Price},
			{Sort: search.Price}, {Sort: search.Name}, {Sort: search.Newest, Free: true}, {Text: "grafana kubernetes", DeliveryType: "image"},
			{Text: "nothingmatchesthis"},
		}
		for _, q := range queries {
			find(t, d, q) // statements are compiled once in the life of a server
		}
		var lock sync.Mutex
		var all []time.Duration
		slowest := map[string]time.Duration{}
		var wait sync.WaitGroup
		for reader := range 8 {
			wait.Go(func() {
				for i := range 150 {
					q := queries[(i+reader)%len(queries)]
					start := time.Now()
					if err := d.Read(t.Context(), func(r db.Reader) error { _, err := search.Find(t.Context(), r, q); return err }); err != nil {
						t.Error(err)
						return
					}
					took := time.Since(start)
					lock.Lock()
					all = append(all, took)
					name := q.Text + "/" + q.Category + "/" + q.Sort
					slowest[name] = max(slowest[name], took)
					lock.Unlock()
				}
			})
		}
		wait.Wait()
		slices.Sort(all)
		if len(all) == 0 {
			t.Fatal("nothing was measured")
		}
		p50, p99 := all[len(all)/2], all[len(all)*99/100]
		t.Logf("8 readers: p50 %s, p99 %s, slowest %s", p50, p99, all[len(all)-1])
		for name, took := range slowest {
			t.Logf("  %-40s %s", name, took)
		}
		if strict && p99 > 60*time.Millisecond {
			t.Errorf("p99 is %s", p99)
		}
	})
}
