package vendordesk_test

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"yunshi/internal/base/blob"
	"yunshi/internal/base/db"
	"yunshi/internal/base/money"
	"yunshi/internal/base/pdf/pdftest"
	"yunshi/internal/edge/serve"
	"yunshi/internal/edge/vendordesk"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/delivery"
	"yunshi/internal/market/ledger"
	"yunshi/internal/market/message"
	"yunshi/internal/market/payment"
	"yunshi/internal/market/settlement"
	"yunshi/internal/testkit"
	"yunshi/internal/testkit/world"
)

const price = 200000

// trading is the desk of a vendor in a world that sells, pays and settles.
type trading struct {
	*world.Trade
	m      *market
	seller *browser
}

func trade(t *testing.T, d *db.DB, clock *testkit.Clock) *trading {
	t.Helper()
	store, err := blob.Disk(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	w := world.NewTrade(t, d, clock)
	m := &market{t: t, Market: &serve.Market{
		DB: d, Blob: store, Log: slog.New(slog.DiscardHandler), Gateways: map[string]payment.Gateway{world.Gateway: w.Provider},
		Info: serve.Info{Market: "Yunshi", Operator: "示例云市场运营有限公司", BaseURL: "http://market.example"},
	}}
	m.routes = vendordesk.Routes(m.Market)
	if m.handler, err = serve.New(m.Market, serve.Surface{Routes: m.routes, MaxBody: vendordesk.MaxUpload}); err != nil {
		t.Fatal(err)
	}
	return &trading{w, m, m.person(w.Seller)}
}

// person is a browser of somebody of a world.
func (m *market) person(by audit.Actor) *browser {
	m.t.Helper()
	b := &browser{m: m, by: by}
	m.write(func(ctx context.Context, tx *db.Tx) error {
		s, err := account.SignIn(ctx, tx, account.Credential{User: account.UserID(by.User), Account: account.ID(by.Account)}, account.Device{IP: "192.0.2.1", Method: "password"})
		b.token, b.by.Session = s.Token, s.ID
		return err
	})
	return b
}

// sold sells a licence for 2,000.00 and lets its window pass.
func (w *trading) sold() string {
	o := w.Bought(w.Customer(account.LegalPerson), w.Listed(world.Content(delivery.LicenceKey, price)))
	w.Clock.Advance(9 * 24 * time.Hour)
	w.Drain()
	return string(o.ID)
}

// monthOver lets a month end and its statement be sent.
func (w *trading) monthOver(m ledger.Month) {
	_, next, err := m.Bounds()
	if err != nil {
		w.m.t.Fatal(err)
	}
	w.Clock.Advance(next.Sub(w.Clock.Now()) + 2*time.Hour)
	w.Write(func(tx *db.Tx) error { return settlement.Start(w.m.t.Context(), tx) })
	w.Drain()
	w.seller = w.m.person(w.Seller) // the session of before has ended
}

func eachTrade(t *testing.T, fn func(t *testing.T, w *trading)) {
	testkit.EnginesAt(t, func(t *testing.T, d *db.DB, clock *testkit.Clock) { fn(t, trade(t, d, clock)) })
}

func TestClause_3_1_TheIncomePageSaysWhatIsPayableWhenAndWhyNot(t *testing.T) {
	eachTrade(t, func(t *testing.T, w *trading) {
		w.seller.says("/vendor/income", "没有等待结算的订单", "暂无可提现款项", "没有欠款")
		o := w.Bought(w.Customer(account.LegalPerson), w.Listed(world.Content(delivery.LicenceKey, price)))
		w.seller.says("/vendor/income", "即将结算", string(o.ID), "¥1,800.00", "为未完成订单代管", "¥2,000.00", "将于")
		if a := w.seller.post("/vendor/income/withdrawals", url.Values{"amount": {"100"}, "gateway": {world.Gateway}, "confirmed": {"yes"}}); a.status != 409 || !strings.Contains(a.body, "#c3.1") {
			t.Errorf("refused: withdrawn before it is due: %d %s", a.status, said(a.body))
		}
		w.Clock.Advance(9 * 24 * time.Hour)
		w.Drain()
		w.seller.says("/vendor/income", "您可提现 ¥1,800.00", "不超过 ¥50,000.00 的提现立即付款", "是第一个月，收入 ¥1,800.00", "已到账")
		form := url.Values{"amount": {"1,000.00"}, "gateway": {world.Gateway}}
		asked := w.seller.post("/vendor/income/withdrawals?lang=zh", form)
		if asked.status != 200 || !strings.Contains(asked.body, "立即付款") || !strings.Contains(asked.body, "¥800.00") {
			t.Fatalf("nothing says what will happen: %d %s", asked.status, said(asked.body))
		}
		form.Set("confirmed", "yes")
		form.Set("idempotency_key", regexp.MustCompile(`name="idempotency_key" value="([^"]+)"`).FindStringSubmatch(asked.body)[1])
		for range 2 { // sent twice, done once
			w.seller.must("/vendor/income/withdrawals", form)
		}
		w.Drain()
		if left := w.Balance(ledger.Payable, string(w.Vendor)); left != 80000 {
			t.Errorf("payable %d", left)
		}
		w.seller.says("/vendor/income", "已付款", "¥1,000.00")
		for name, bad := range map[string]url.Values{
			"too little": {"amount": {"0.99"}, "gateway": {world.Gateway}}, "no number": {"amount": {"1e3"}, "gateway": {world.Gateway}},
			"no account": {"amount": {"10"}}, "an account of nobody": {"amount": {"10"}, "gateway": {"alipay"}}, "too much": {"amount": {"800.01"}, "gateway": {world.Gateway}},
		} {
			if a := w.seller.post("/vendor/income/withdrawals", bad); a.status != 422 && a.status != 409 {
				t.Errorf("refused: %s: %d %s", name, a.status, said(a.body))
			}
		}
	})
}

func TestANewAccountWaitsForTwoPeopleAndTheVendorMayTakeItBack(t *testing.T) {
	eachTrade(t, func(t *testing.T, w *trading) {
		w.sold()
		w.Write(func(tx *db.Tx) error {
			_, err := tx.Exec(t.Context(), `UPDATE vendor_merchant SET added_at = $1`, db.Micros(tx.Now()))
			return err
		})
		form := url.Values{"amount": {"1800"}, "gateway": {world.Gateway}}
		if a := w.seller.post("/vendor/income/withdrawals?lang=zh", form); !strings.Contains(a.body, "财务的 2 人须分别同意") || !strings.Contains(a.body, "新账户") {
			t.Errorf("nothing says who must agree and why: %s", said(a.body))
		}
		form.Set("confirmed", "yes")
		w.seller.must("/vendor/income/withdrawals", form)
		w.seller.says("/vendor/income", "等待同意", "2 人中已有 0 人同意", "其中 ¥1,800.00 已申请提现")
		page := w.seller.get("/vendor/income")
		cancel := regexp.MustCompile(`/vendor/income/withdrawals/wdr_[0-9a-zA-Z]+/cancel`).FindString(page.body)
		other, _ := w.NewVendor()
		for name, who := range map[string]*browser{"another vendor": w.m.person(other), "a customer": w.m.person(w.Customer(account.Individual))} {
			if a := who.post(cancel, nil); a.status != http.StatusNotFound && a.status != http.StatusForbidden {
				t.Errorf("refused: taken back by %s: %d", name, a.status)
			}
		}
		w.seller.must(cancel, nil)
		w.seller.says("/vendor/income", "已撤回", "您可提现 ¥1,800.00")

		form.Set("idempotency_key", "again")
		w.seller.must("/vendor/income/withdrawals", form)
		w.Write(func(tx *db.Tx) error {
			all, err := settlement.Waiting(t.Context(), tx, 1)
			if err != nil {
				return err
			}
			_, err = settlement.Reject(t.Context(), tx, w.Finance, all[0].ID, "收款账户名称不符")
			return err
		})
		w.seller.says("/vendor/income", "未获同意", "收款账户名称不符")
	})
}

func TestFrozenMoneyNamesItsReason(t *testing.T) {
	eachTrade(t, func(t *testing.T, w *trading) {
		id := w.sold()
		var attempt payment.AttemptID
		w.Read(func(r db.Reader) error {
			all, err := settlement.LastReleased(t.Context(), r, w.Vendor, 1)
			attempt = all[0].Attempt
			return err
		})
		dispute := w.Provider.OpenDispute(attempt, money.Amount{Minor: price, Currency: money.CNY}, money.Zero(money.CNY))
		w.DisputeNotice(dispute.ProviderID)
		w.Drain()
		w.seller.says("/vendor/income", "冻结原因", "付款人的银行提出争议", id, "¥1,800.00")
		w.seller.says("/vendor/orders/"+id, "被付款人的银行撤回", "裁决之前不结算、不退款")
		w.Provider.LoseDispute(dispute.ProviderID)
		w.DisputeNotice(dispute.ProviderID)
		w.Drain()
		w.seller.says("/vendor/orders/"+id, "从您处收回 ¥1,800.00", "市场退回平台服务费 ¥200.00")
	})
}

func TestTheOrderPageFollowsTheMoneyInWords(t *testing.T) {
	eachTrade(t, func(t *testing.T, w *trading) {
		o := w.Bought(w.Customer(account.LegalPerson), w.Listed(world.Content(delivery.LicenceKey, price)))
		path := "/vendor/orders/" + string(o.ID)
		w.seller.says(path, "代管中", "¥1,800.00 为您代管至", "平台服务费", "费率 10%（统一费率），依据规则 settlement#1", "费率在下单时确定", "其中 ¥2,000.00 为您代管")
		w.Clock.Advance(9 * 24 * time.Hour)
		w.Drain()
		w.seller.says(path, "已到账", "¥1,800.00 已在您名下的支付机构账户中", "¥2,000.00 解除代管：平台服务费 ¥200.00，您得 ¥1,800.00")
		if a := w.seller.get(path); strings.Contains(a.body, "escrow") || strings.Contains(a.body, "vendor.payable") {
			t.Error("the page speaks in account codes")
		}
	})
}

func TestAStatementIsReadDownloadedAndAnswered(t *testing.T) {
	eachTrade(t, func(t *testing.T, w *trading) {
		w.seller.says("/vendor/income/statements", "还没有对账单")
		id := w.sold()
		w.Clock.Advance(time.Second)
		w.Write(func(tx *db.Tx) error {
			_, err := settlement.Charge(t.Context(), tx, w.Finance, w.Vendor, "certification")
			return err
		})
		month := ledger.MonthOf(w.Clock.Now())
		path := "/vendor/income/statements/" + string(month)
		w.seller.says(path, "本月尚未结束", id, "¥1,500.00")
		w.monthOver(month)
		w.seller.says("/vendor", "确认 "+string(month)+" 对账单")
		w.seller.says("/vendor/income/statements", string(month), "待确认", "¥1,500.00")
		w.seller.says(path, "期初余额", "¥0.00", "期末余额", "¥1,500.00", "平台费用", "代收方", "示例云市场运营有限公司", "确认无误")

		var s settlement.Statement
		w.Read(func(r db.Reader) (err error) {
			s, err = settlement.StatementOf(t.Context(), r, w.Vendor, month, money.CNY)
			return err
		})
		if got := len(s.Orders()); got != 2 {
			t.Errorf("%d lines for one order and one fee", got)
		}
		t.Run("csv", func(t *testing.T) {
			body, marked := strings.CutPrefix(w.seller.get(path+"/csv?lang=zh").body, "\ufeff")
			rows, err := csv.NewReader(strings.NewReader(body)).ReadAll()
			if err != nil || !marked || len(rows) != 5 {
				t.Fatalf("%v, marked %v, %d rows: %s", err, marked, len(rows), body)
			}
			if got := strings.Join(rows[2], "|"); !strings.Contains(got, id+"|结算|2000.00|200.00|0.00|0.00|0.00|1800.00|") {
				t.Errorf("the line of the order: %s", got)
			}
			if got := rows[4][9]; got != "1500.00" {
				t.Errorf("closing %s", got)
			}
		})
		t.Run("json", func(t *testing.T) {
			var file struct {
				Collector string `json:"collector"`
				Digest    string `json:"sha256"`
				Rows      []any  `json:"rows"`
			}
			if err := json.Unmarshal([]byte(w.seller.get(path+"/json").body), &file); err != nil || file.Digest != s.Digest || file.Collector != w.m.Info.Operator || len(file.Rows) != len(s.Rows) {
				t.Errorf("%+v, %v", file, err)
			}
		})
		t.Run("pdf", func(t *testing.T) {
			for lang, words := range map[string][]string{
				"zh": {string(month) + " 对账单", "代收方", "期末余额", "¥1,500.00", "平台费用", "待确认"},
				"en": {"Statement for " + string(month), "Collector", "Closing balance", "¥1,500.00", "Platform fee", "To be agreed"},
			} {
				said, err := pdftest.Text([]byte(w.seller.get(path + "/pdf?lang=" + lang).body))
				if err != nil {
					t.Fatal(err)
				}
				for _, word := range append(words, "示例云市场运营有限公司", s.Digest, id) {
					if !strings.Contains(said, word) {
						t.Errorf("the file in %s does not say %q:\n%s", lang, word, said)
					}
				}
			}
		})
		t.Run("foreign", func(t *testing.T) {
			other, _ := w.NewVendor()
			rival := w.m.person(other)
			for _, p := range []string{path, path + "/csv", path + "/json", path + "/pdf"} {
				if a := rival.get(p); a.status != http.StatusNotFound {
					t.Errorf("refused: %s of another vendor: %d", p, a.status)
				}
				if a := w.m.person(w.Finance).get(p); a.status != http.StatusForbidden {
					t.Errorf("refused: %s to the operator at the vendor's desk: %d", p, a.status)
				}
			}
			for _, p := range []string{"/vendor/income/statements/2020-01", "/vendor/income/statements/x", path + "/exe"} {
				if a := w.seller.get(p); a.status != http.StatusNotFound {
					t.Errorf("%s: %d", p, a.status)
				}
			}
		})
		if a := w.seller.post(path, url.Values{"do": {"object"}, "reason": {" "}}); a.status != 422 {
			t.Errorf("refused: an objection without a reason: %d", a.status)
		}
		w.seller.must(path, url.Values{"do": {"object"}, "reason": {"平台费用应为 0"}})
		w.seller.says(path, "已提出异议", "平台费用应为 0")
		w.Clock.Advance(10 * 24 * time.Hour)
		w.Drain()
		w.seller = w.m.person(w.Seller)
		w.seller.says(path, "已提出异议")
		w.seller.must(path, url.Values{"do": {"agree"}})
		w.seller.says(path, "已确认")
		if a := w.seller.get("/vendor"); strings.Contains(a.body, "/vendor/income/statements/"+string(month)) {
			t.Error("what was answered is still due")
		}
		if a := w.seller.post(path, url.Values{"do": {"object"}, "reason": {"x"}}); a.status != 409 {
			t.Errorf("refused: an objection after agreeing: %d", a.status)
		}
	})
}

// What a vendor is told of its money leads to a page that is there.
func TestNoticesOfMoneyLeadToPages(t *testing.T) {
	eachTrade(t, func(t *testing.T, w *trading) {
		w.sold()
		month := ledger.MonthOf(w.Clock.Now())
		w.monthOver(month)
		w.seller.must("/vendor/income/withdrawals", url.Values{"amount": {"100"}, "gateway": {world.Gateway}, "confirmed": {"yes"}})
		w.Drain()
		seen := map[string]bool{}
		w.Read(func(r db.Reader) error {
			all, err := message.Inbox(t.Context(), r, account.ID(w.Seller.Account), "")
			for _, m := range all {
				if strings.HasPrefix(m.Code, "S-") {
					seen[m.Code] = true
					w.seller.says(m.Link)
				}
			}
			return err
		})
		for _, code := range []string{"S-01", "S-02", "S-05"} {
			if !seen[code] {
				t.Errorf("no %s", code)
			}
		}
	})
}

func TestTheEditorSaysWhatASaleBrings(t *testing.T) {
	eachTrade(t, func(t *testing.T, w *trading) {
		form := url.Values{"slug": {"x"}, "delivery_type": {"saas"}, "plans.0.code": {"a"}, "plans.0.price": {"1980"}, "plans.0.unit": {"month"}, "plans.0.term": {"1"}, "plans.0.currency": {"CNY"}, "slot": {"0"}}
		part := w.seller.post("/vendor/products/commission?lang=zh", form)
		if part.status != 200 || strings.Contains(part.body, "<html") || !strings.Contains(part.body, "售价 ¥1,980.00，平台服务费 ¥198.00，您得 ¥1,782.00") || !strings.Contains(part.body, "settlement#1") {
			t.Errorf("%d %s", part.status, part.body)
		}
		form.Set("do", "preview")
		whole := w.seller.post("/vendor/products?lang=zh", form)
		if whole.status != 200 || !strings.Contains(whole.body, "您得 ¥1,782.00") || !strings.Contains(whole.body, `value="1980"`) {
			t.Errorf("without scripts: %d %s", whole.status, said(whole.body))
		}
		if a := w.seller.get("/vendor/products?q=x"); strings.Contains(a.body, "/x<") {
			t.Error("asking for a preview made a product")
		}
		form.Set("plans.0.price", "many")
		if part := w.seller.post("/vendor/products/commission?lang=zh", form); part.status != 200 || strings.Contains(part.body, "¥") {
			t.Errorf("a price that is none: %d %s", part.status, part.body)
		}
		if a := w.m.person(w.Customer(account.Individual)).post("/vendor/products/commission", form); a.status != http.StatusForbidden {
			t.Errorf("refused: to a customer: %d", a.status)
		}
	})
}
