package search_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"yunshi/internal/base/db"
	"yunshi/internal/base/money"
	"yunshi/internal/market/account"
	"yunshi/internal/market/catalog"
	"yunshi/internal/market/search"
	"yunshi/internal/market/vendor"
	"yunshi/internal/testkit/seed"
)

var (
	zhWords = strings.Fields("数据库 备份 安全 云端 协作 办公 人力 资源 管理 财务 电商 零售 餐饮 监控 运维 日志 分析 智能 客服 网站 建设 小程序 镜像 容器 加速 存储 迁移 加密 审计 短信 语音 识别 图像 翻译 培训 认证 法务 税务 合同 签名")
	enWords = strings.Fields("database backup security cloud office human resource finance commerce retail monitoring operations log analytics assistant website image container storage migration encryption audit message voice vision translation training legal tax contract MySQL Redis Node.js Kubernetes Grafana")
	places  = []string{"saas_office", "saas_hr", "image_database", "security_data", "ops_managed", "api_vision"}
)

// corpus makes n products that mix Chinese and English words; the same seed makes
// the same products.
func corpus(n int, seedNumber uint64) []catalog.ImportItem {
	random := rand.New(rand.NewPCG(seedNumber, 7))
	pick := func(words []string, n int, sep string) string {
		out := make([]string, n)
		for i := range out {
			// Squared, so that some words are common and some are rare, as in life.
			f := random.Float64()
			out[i] = words[int(f*f*float64(len(words)))]
		}
		return strings.Join(out, sep)
	}
	items := make([]catalog.ImportItem, n)
	for i := range items {
		c := seed.Content(pick(zhWords, 3, ""), pick(enWords, 3, " "))
		if i%5 == 0 {
			c.Name.ZH = pick(enWords, 1, "") + pick(zhWords, 2, "")
		}
		c.Summary = catalog.Both{ZH: pick(zhWords, 8, ""), EN: pick(enWords, 8, " ")}
		c.Description = catalog.Both{ZH: pick(zhWords, 60, ""), EN: pick(enWords, 60, " ")}
		c.Category = places[random.IntN(len(places))]
		c.DeliveryType = []string{"saas", "image", "manual_service"}[random.IntN(3)]
		price := int64(random.IntN(1000)) * 100
		if random.IntN(20) == 0 {
			price = 0
		}
		c.Plans[0].Price = money.Amount{Minor: price, Currency: money.CNY}
		c.Plans[1].Price = money.Amount{Minor: price * 10, Currency: money.CNY}
		items[i] = catalog.ImportItem{Slug: fmt.Sprintf("p-%d", i), Content: c}
	}
	return items
}

// load imports and indexes the items as the command line does: some 500 to a
// transaction, the index in the same one.
func load(t testing.TB, d *db.DB, m *seed.Market, v vendor.ID, items []catalog.ImportItem) {
	t.Helper()
	for len(items) > 0 {
		n := min(500, len(items))
		seed.Write(t, d, func(tx *db.Tx) error {
			results, err := catalog.Import(t.Context(), tx, m.Compliance, v, items[:n])
			if err != nil {
				return err
			}
			ids := make([]catalog.ProductID, 0, n)
			for _, r := range results {
				if len(r.Refused) > 0 {
					return fmt.Errorf("%s: %w", r.Slug, r.Refused)
				}
				ids = append(ids, r.Product)
			}
			return search.IndexMany(t.Context(), tx, ids)
		})
		items = items[n:]
	}
}

func find(t testing.TB, d *db.DB, q search.Query) (p search.Page) {
	t.Helper()
	seed.Read(t, d, func(r db.Reader) (err error) { p, err = search.Find(t.Context(), r, q); return err })
	return p
}

// slugs follows a query to its last page, at most most hits.
func slugs(t testing.TB, d *db.DB, q search.Query, most int) (all []string) {
	t.Helper()
	for {
		p := find(t, d, q)
		for _, h := range p.Hits {
			all = append(all, h.Slug)
		}
		if q.After = p.Next; p.Next == "" || len(all) >= most {
			return all
		}
	}
}

// nobody holds anything.
func nobody(context.Context, db.Reader, catalog.ProductID) ([]account.ID, error) { return nil, nil }
