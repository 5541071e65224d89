package search_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"yunshi/internal/base/db"
	"yunshi/internal/base/text"
	"yunshi/internal/market/catalog"
	"yunshi/internal/market/search"
	"yunshi/internal/market/vendor"
	"yunshi/internal/testkit"
	"yunshi/internal/testkit/seed"
)

func TestBothEnginesGiveTheSameHitsInTheSameOrder(t *testing.T) {
	items := corpus(700, 3)
	queries := []search.Query{
		{}, {Sort: search.Price}, {Sort: search.Name}, {Sort: search.Name, Lang: text.EN}, {Sort: search.Newest}, {Free: true}, {Category: "saas"},
		{Category: "saas_hr", Sort: search.Price}, {Category: "saas", Sort: search.Name, DeliveryType: "image"}, {Kind: "cloud_app", Limit: 7},
		{Text: "数据库"}, {Text: "备份"}, {Text: "数据"}, {Text: "数据库备份安全"}, {Text: "云"}, {Text: "签名", Sort: search.Price}, {Text: "MySQL数据库"},
		{Text: "mysql 备份 "}, {Text: "database"}, {Text: "DATABASE Backup", Sort: search.Name, Lang: text.EN}, {Text: "data"}, {Text: "node.js"},
		{Text: "安全", Category: "security", Free: true}, {Text: "grafana kubernetes", DeliveryType: "image"}, {Text: "数据库", Vendor: "ven_none"},
		{Text: "office & !cloud"}, {Text: "office:*"}, {Text: `"office" OR cloud`}, {Text: "office) OR (1=1"}, {Text: "'; DROP TABLE search_doc; --"},
		{Text: "a\x00b"}, {Text: "%_*?"}, {Text: "›office"}, {Text: "·c·saas"}, {Text: "𠮷野家"}, {Text: strings.Repeat("数据库", 200)}, {Text: "ＭｙＳＱＬ　数据库"},
	}
	answers := map[string][]string{}
	for _, engine := range []db.Engine{db.SQLite, db.Postgres} {
		t.Run(string(engine), func(t *testing.T) {
			d := testkit.Open(t, engine)
			m := seed.Open(t, d)
			v, _ := m.Vendor(t, "深圳甲有限公司")
			load(t, d, m, v.ID, items)
			for i, q := range queries {
				p := find(t, d, q)
				key := fmt.Sprintf("%d %q sort=%s", i, q.Text, q.Sort)
				got := append(slugs(t, d, q, 300), fmt.Sprint(p.Total, p.Capped))
				if engine == db.SQLite {
					answers[key] = got
				} else if !slices.Equal(answers[key], got) {
					n := 0
					for n < min(len(got), len(answers[key])) && got[n] == answers[key][n] {
						n++
					}
					t.Errorf("%.80s: sqlite %d hits, postgres %d, the first difference at %d", key, len(answers[key])-1, len(got)-1, n)
				}
			}
		})
	}
	for key, got := range answers {
		hits := len(got) - 1
		if strings.Contains(key, `"数据库"`) && strings.Contains(key, "sort= ") && hits == 0 {
			t.Errorf("%s found nothing", key)
		}
	}
}

// market opens a database with three products.
func market(t *testing.T, d *db.DB) (*seed.Market, vendor.Vendor) {
	t.Helper()
	m := seed.Open(t, d)
	v, _ := m.Vendor(t, "深圳甲有限公司")
	items := []catalog.ImportItem{
		{Slug: "mysql", Content: seed.Content("MySQL 云数据库", "MySQL Cloud Database")},
		{Slug: "backup", Content: seed.Content("备份大师", "Backup Master")},
		{Slug: "redis", Content: seed.Content("Redis 缓存", "Redis Cache")},
	}
	items[1].Content.Summary = catalog.Both{ZH: "为数据库做备份", EN: "Backups for any database"}
	items[2].Content.Category, items[2].Content.DeliveryType = "image_database", "image"
	items[2].Content.Plans = items[2].Content.Plans[:1]
	items[2].Content.Plans[0].Price.Minor = 0
	load(t, d, m, v.ID, items)
	return m, v
}

func TestAQueryFindsWhatAPersonMeans(t *testing.T) {
	testkit.Engines(t, func(t *testing.T, d *db.DB) {
		_, v := market(t, d)
		for _, tt := range []struct {
			q    search.Query
			want []string
		}{
			{search.Query{Text: "数据"}, []string{"mysql", "redis", "backup"}}, // in the name first; 数据库 is also redis's category
			{search.Query{Text: "数据库 备份"}, []string{"backup"}},
			{search.Query{Text: "mysql"}, []string{"mysql"}},
			{search.Query{Text: "ＭＹＳＱＬ数据库"}, []string{"mysql"}},
			{search.Query{Text: "mysq"}, nil},
			{search.Query{Text: "云"}, []string{"mysql"}},
			{search.Query{Text: "Backups"}, []string{"backup"}},
			{search.Query{Text: "不存在"}, nil},
			{search.Query{Text: "!!!"}, nil},
			{search.Query{Free: true}, []string{"redis"}},
			{search.Query{Category: "image"}, []string{"redis"}},
			{search.Query{Category: "saas_office"}, []string{"backup", "mysql"}},
			{search.Query{DeliveryType: "image", Sort: search.Price}, []string{"redis"}},
			{search.Query{Vendor: string(v.ID), Sort: search.Price}, []string{"redis", "mysql", "backup"}},
			{search.Query{Sort: search.Name, Lang: text.EN}, []string{"backup", "mysql", "redis"}},
			{search.Query{Sort: search.Name, Lang: text.ZH}, []string{"mysql", "redis", "backup"}},
			{search.Query{}, []string{"redis", "backup", "mysql"}},
		} {
			if got := slugs(t, d, tt.q, 100); !slices.Equal(got, tt.want) {
				t.Errorf("%+v: %v, want %v", tt.q, got, tt.want)
			}
		}
		h := find(t, d, search.Query{Text: "redis"}).Hits[0]
		if h.VendorName != "深圳甲有限公司" || !h.PriceFrom.IsZero() || h.Name.EN != "Redis Cache" || h.Product == "" || h.ListedAt.IsZero() {
			t.Errorf("hit %+v", h)
		}
	})
}

func TestPagesFollowEachOtherWithoutGapsOrRepeats(t *testing.T) {
	items := corpus(300, 5)
	testkit.Engines(t, func(t *testing.T, d *db.DB) {
		m := seed.Open(t, d)
		v, _ := m.Vendor(t, "深圳甲有限公司")
		load(t, d, m, v.ID, items)
		for _, q := range []search.Query{
			{Text: "数据库"}, {Text: "数据库", Sort: search.Newest}, {Text: "数据库", Sort: search.Price}, {Text: "数据库", Sort: search.Name}, {},
			{Sort: search.Price}, {Sort: search.Name}, {Category: "saas", Sort: search.Price}, {Category: "saas"},
		} {
			q.Limit = 100
			whole := slugs(t, d, q, 1000)
			q.Limit = 7
			paged := slugs(t, d, q, 1000)
			if !slices.Equal(whole, paged) || len(whole) < 20 || int64(len(whole)) != find(t, d, q).Total {
				t.Errorf("%+v: %d by 100, %d by 7, total %d", q, len(whole), len(paged), find(t, d, q).Total)
			}
		}
		for _, q := range []search.Query{{Sort: "rating"}, {After: "%%"}, {After: "e30"}, {Sort: search.Price, After: find(t, d, search.Query{}).Next}} {
			err := d.Read(t.Context(), func(r db.Reader) error { _, err := search.Find(t.Context(), r, q); return err })
			if err == nil || !strings.Contains(err.Error(), "FIELD_INVALID") {
				t.Errorf("%+v: %v", q, err)
			}
		}
	})
}

func TestAManyTimesFoundWordIsCountedUpToTheCap(t *testing.T) {
	items := corpus(search.Cap+50, 9)
	testkit.Engines(t, func(t *testing.T, d *db.DB) {
		m := seed.Open(t, d)
		v, _ := m.Vendor(t, "深圳甲有限公司")
		load(t, d, m, v.ID, items)
		for _, q := range []search.Query{{}, {Text: "应用"}, {Kind: "cloud_app"}, {Text: "office", Sort: search.Price}} {
			if q.Text == "应用" || q.Text == "office" {
				// Every product is in a place whose name or summary has these only by chance; the vendor is in all.
				q.Text = "深圳甲"
			}
			if p := find(t, d, q); p.Total != search.Cap || !p.Capped {
				t.Errorf("%+v: total %d, capped %v", q, p.Total, p.Capped)
			}
		}
		if got := len(slugs(t, d, search.Query{Text: "深圳甲", Limit: 100}, 5000)); got != len(items) {
			t.Errorf("paging ends after %d of %d", got, len(items))
		}
	})
}

func TestTheIndexFollowsTheMarket(t *testing.T) {
	testkit.Engines(t, func(t *testing.T, d *db.DB) {
		m, v := market(t, d)
		work := search.Work{}.Handlers()
		var id catalog.ProductID
		seed.Read(t, d, func(r db.Reader) error {
			p, err := catalog.BySlug(t.Context(), r, "mysql")
			id = p.ID
			return err
		})
		check := func(when string, want ...string) {
			t.Helper()
			seed.Drain(t, d, work)
			if got := slugs(t, d, search.Query{}, 100); !slices.Equal(got, want) {
				t.Errorf("%s: %v, want %v", when, got, want)
			}
		}
		seed.Write(t, d, func(tx *db.Tx) error {
			return catalog.Conceal(t.Context(), tx, m.Compliance, id, catalog.ByCase, "enf_1")
		})
		check("hidden", "redis", "backup")
		if got := find(t, d, search.Query{Text: "mysql"}); got.Total != 0 {
			t.Error("a hidden product is found by its name")
		}
		seed.Write(t, d, func(tx *db.Tx) error {
			return catalog.Reveal(t.Context(), tx, m.Compliance, id, catalog.ByCase, "enf_1")
		})
		check("shown again", "redis", "backup", "mysql")
		move := func(to vendor.State) {
			seed.Write(t, d, func(tx *db.Tx) error {
				_, err := vendor.Move(t.Context(), tx, m.Compliance, v.ID, to, vendor.Basis{Case: "enf_2", Clause: "UA 4.7.1"})
				return err
			})
		}
		move(vendor.ShopHidden)
		check("shop hidden")
		move(vendor.Onboarded)
		check("shop shown", "redis", "backup", "mysql")
		seed.Write(t, d, func(tx *db.Tx) error {
			results, err := catalog.Import(t.Context(), tx, m.Compliance, v.ID, []catalog.ImportItem{{Slug: "backup", Content: seed.Content("归档专家", "Archive Expert")}})
			if err == nil && len(results[0].Refused) > 0 {
				err = results[0].Refused
			}
			return err
		})
		check("a new version", "redis", "backup", "mysql")
		if find(t, d, search.Query{Text: "备份大师"}).Total != 0 || find(t, d, search.Query{Text: "归档"}).Total != 1 {
			t.Error("the words are not those of the listed version")
		}
		seed.Write(t, d, func(tx *db.Tx) error {
			return catalog.Delist(t.Context(), tx, m.Compliance, catalog.Delisting{Product: id, Cause: catalog.Safety, Scope: catalog.UseProhibited, Reason: "case 3"}, nobody)
		})
		check("barred", "redis", "backup")
	})
}

func TestClause_ECL_40_SeveralOrdersAreOffered(t *testing.T) {
	for _, want := range []string{search.Relevance, search.Price, search.Newest} {
		if !slices.Contains(search.Sorts, want) {
			t.Errorf("no sort by %s", want)
		}
	}
	testkit.Engines(t, func(t *testing.T, d *db.DB) {
		market(t, d)
		sorted := func(by string) (p search.Page, err error) {
			err = d.Read(t.Context(), func(r db.Reader) (err error) {
				p, err = search.Find(t.Context(), r, search.Query{Sort: by})
				return err
			})
			return p, err
		}
		t.Run("allowed_every_order_of_the_list", func(t *testing.T) {
			for _, by := range search.Sorts {
				if p, err := sorted(by); err != nil || len(p.Hits) != 3 {
					t.Errorf("%s: %d hits, %v", by, len(p.Hits), err)
				}
			}
		})
		t.Run("refused_an_order_that_is_paid_for", func(t *testing.T) {
			if _, err := sorted("paid"); err == nil || !strings.Contains(err.Error(), "FIELD_INVALID") {
				t.Errorf("got %v", err)
			}
		})
	})
}
