package wechatpay

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"yunshi/internal/base/calendar"
	"yunshi/internal/market/payment"
)

// The titles are those of WeChat Pay's documents.
const (
	tradeTitles = "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,应结订单金额,代金券金额," +
		"微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,费率备注"
	tradeTotals = "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额\n`"
	paidLine    = "`2026-11-24 09:15:00,`wx8888888888888888,`1900007291,`1900000109,`,`4200000925202101284997714292,`pay_a,`oUpF8uMuAJO,`NATIVE,`SUCCESS," +
		"`OTHERS,`CNY,`100.00,`0.00,`0,`0,`0.00,`0.00,`,`,`云帆记事本, 专业版,`,`0.60000,`0.60%,`100.00,`0.00,`"
	refundLine = "`2026-11-24 18:00:01,`wx8888888888888888,`1900007291,`1900000109,`,`4200000925202101284997714292,`pay_a,`oUpF8uMuAJO,`NATIVE,`REFUND," +
		"`OTHERS,`CNY,`0.00,`0.00,`50300001,`rfd_a,`40.00,`0.00,`ORIGINAL,`PROCESSING,`云帆记事本, 专业版,`,`-0.24000,`0.60%,`0.00,`40.00,`"
	freeLine = "`2026-11-24 10:00:00,`wx8888888888888888,`1900007291,`1900000109,`,`4200000925202101284997714293,`pay_b,`oUpF8uMuAJO,`NATIVE,`SUCCESS," +
		"`OTHERS,`CNY,`0.01,`0.00,`0,`0,`0.00,`0.00,`,`,`小,`,`0.00000,`0.60%,`0.01,`0.00,`"
	splitTitles = "分账时间,分账发起方,分账方,微信订单号,微信分账/回退单号,分账明细单号,商户分账/回退单号,订单金额,分账接收方,金额,业务类型,处理状态,分账描述,备注"
	fundTitles  = "记账时间,微信支付业务单号,资金流水单号,业务名称,业务类型,收支类型,收支金额(元),账户结余(元),资金变更提交申请人,备注,业务凭证号"
)

var billDay = calendar.Date{Year: 2026, Month: time.November, Day: 24}

func tradeBill(lines ...string) []byte {
	count := string(rune('0' + len(lines)))
	return []byte("\xef\xbb\xbf" + strings.Join(append([]string{tradeTitles}, lines...), "\r\n") + "\r\n" + strings.ReplaceAll(tradeTotals, "\n", "\r\n") +
		count + ",`100.01,`40.00,`0.00,`0.36000,`100.01,`40.00\r\n")
}

func TestTheReportOfADay(t *testing.T) {
	s := startStandIn(t)
	g := s.gateway()
	s.bills["/v3/bill/tradebill"] = tradeBill(refundLine, paidLine, freeLine)
	s.bills["/v3/profitsharing/bills"] = []byte(splitTitles + "\n" +
		"`2026-11-24 12:00:00,`1900007291,`1900000109,`4200000925202101284997714292,`30000001,`36000001,`spl_a,`100.00,`1900007291,`15.00,`分账,`成功,`平台服务费,`\n" +
		"`2026-11-24 12:00:00,`1900007291,`1900000109,`4200000925202101284997714292,`30000001,`36000002,`spl_a,`100.00,`1900000109,`85.00,`分账,`成功,`解冻,`\n" +
		"`2026-11-24 17:59:00,`1900007291,`1900000109,`4200000925202101284997714292,`30080001,`36000003,`ret_a,`100.00,`1900007291,`6.00,`分账回退,`成功,`退款,`\n" +
		"总分账单数,总金额\n`3,`106.00\n")
	funds := fundTitles + "\n" +
		"`2026-11-24 09:15:00,`4200000925202101284997714292,`19000091,`交易,`交易,`收入,`100.00,`100.00,`system,`,`pay_a\n" +
		"`2026-11-24 12:00:00,`30000001,`19000092,`分账,`分账,`支出,`15.00,`85.00,`system,`,`spl_a\n" +
		"`2026-11-24 20:00:00,`12340001,`19000093,`充值/提现,`提现,`支出,`20.00,`25.00,`1900007291API,`货款,`" + payoutNumber(payoutRef) + "\n"
	s.parts = [][]byte{
		[]byte(funds),
		[]byte("`2026-11-24 21:00:00,`77,`19000094,`代金券/立减/折扣,`补贴,`收入,`0.50,`25.50,`system,`,`x\n" +
			"`2026-11-24 22:00:00,`12340001,`19000095,`充值/提现,`提现,`收入,`20.00,`45.50,`system,`退票,`" + payoutNumber(payoutRef) + "\n" +
			"资金流水总笔数,收入笔数,收入金额,支出笔数,支出金额\n`5.0,`3.0,`120.50,`2.0,`35.00\n"),
	}

	got := must(g.Report(t.Context(), billDay))(t)
	at := func(clock string) time.Time {
		moment, err := time.ParseInLocation("2006-01-02 15:04:05", "2026-11-24 "+clock, calendar.Shanghai)
		if err != nil {
			t.Fatal(err)
		}
		return moment
	}
	want := []payment.ReportLine{
		{Kind: payment.ReportCapture, ProviderID: "4200000925202101284997714292", Reference: "pay_a", Amount: yuan(100_00), At: at("09:15:00")},
		{Kind: payment.ReportFee, ProviderID: "4200000925202101284997714292", Reference: "pay_a", Amount: yuan(-60), At: at("09:15:00")},
		{Kind: payment.ReportCapture, ProviderID: "4200000925202101284997714293", Reference: "pay_b", Amount: yuan(1), At: at("10:00:00")},
		{Kind: payment.ReportSplit, ProviderID: "30000001", Reference: "spl_a", Amount: yuan(-15_00), At: at("12:00:00")},
		{Kind: payment.ReportReturn, ProviderID: "30080001", Reference: "ret_a", Amount: yuan(6_00), At: at("17:59:00")},
		{Kind: payment.ReportFee, ProviderID: "50300001", Reference: "rfd_a", Amount: yuan(24), At: at("18:00:01")},
		{Kind: payment.ReportRefund, ProviderID: "50300001", Reference: "rfd_a", Amount: yuan(-40_00), At: at("18:00:01")},
		{Kind: payment.ReportPayout, ProviderID: "12340001", Reference: string(payoutRef), Amount: yuan(-20_00), At: at("20:00:00")},
		{Kind: payment.ReportAdjustment, ProviderID: "19000094", Amount: yuan(50), At: at("21:00:00")},
		{Kind: payment.ReportPayout, ProviderID: "19000095", Reference: string(payoutRef), Amount: yuan(20_00), At: at("22:00:00")},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("report (-want +got):\n%s", diff)
	}
}

func TestADayWithoutBillsHasNoLines(t *testing.T) {
	s := startStandIn(t)
	if got, err := s.gateway().Report(t.Context(), billDay); err != nil || len(got) != 0 {
		t.Errorf("%+v, %v", got, err)
	}
	// Before ten in the morning after, there may be bills to come.
	s.now = time.Date(2026, 11, 25, 9, 59, 59, 0, calendar.Shanghai)
	if got, err := s.gateway().Report(t.Context(), billDay); err == nil {
		t.Errorf("too early: %+v", got)
	}
}

func TestAPartOfAReportIsNone(t *testing.T) {
	for name, change := range map[string]func(s *standIn){
		"the digest is another": func(s *standIn) {
			s.swapped = tradeBill(paidLine, freeLine)
		},
		"a bill is not made yet": func(s *standIn) {
			s.failNext("GET", "/tradebill", standInFault{status: 400, code: "STATEMENT_CREATING", signed: true})
		},
		"no permission for funds": func(s *standIn) {
			s.failNext("GET", "/fundflowbill", standInFault{status: 403, code: "NO_AUTH", signed: true})
		},
		"the splits are cut off": func(s *standIn) { s.bills["/v3/profitsharing/bills"] = []byte(splitTitles + "\n") },
		"a column is missing": func(s *standIn) {
			s.bills["/v3/bill/tradebill"] = []byte("交易时间\n`2026-11-24 09:15:00\n总交易单数\n`1\n")
		},
		"an unknown state": func(s *standIn) {
			s.bills["/v3/bill/tradebill"] = tradeBill(strings.Replace(paidLine, "SUCCESS", "LATER", 1))
		},
		"another currency": func(s *standIn) {
			s.bills["/v3/bill/tradebill"] = tradeBill(strings.Replace(paidLine, "CNY", "USD", 1))
		},
		"half a fen": func(s *standIn) {
			s.bills["/v3/bill/tradebill"] = tradeBill(strings.Replace(paidLine, "0.60000", "0.60500", 1))
		},
		"no id": func(s *standIn) {
			s.bills["/v3/bill/tradebill"] = tradeBill(strings.Replace(refundLine, "50300001", "0", 1))
		},
		"no time": func(s *standIn) {
			s.bills["/v3/bill/tradebill"] = tradeBill(strings.Replace(paidLine, "2026-11-24 ", "24.11.26 ", 1))
		},
		"neither in nor out": func(s *standIn) {
			s.parts = [][]byte{[]byte(fundTitles + "\n`2026-11-24 09:15:00,`1,`2,`交易,`交易,`冻结,`1.00,`1.00,`,`,`\n资金流水总笔数\n`1\n")}
		},
	} {
		s := startStandIn(t)
		s.bills["/v3/bill/tradebill"] = tradeBill(paidLine)
		s.bills["/v3/profitsharing/bills"] = []byte(splitTitles + "\n总分账单数\n`0\n")
		s.parts = [][]byte{[]byte(fundTitles + "\n资金流水总笔数\n`0\n")}
		if got, err := s.gateway().Report(t.Context(), billDay); err != nil || len(got) != 2 {
			t.Fatalf("before: %+v, %v", got, err)
		}
		change(s)
		if got, err := s.gateway().Report(t.Context(), billDay); err == nil || got != nil {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

func TestABillIsReadWholeOrNotAtAll(t *testing.T) {
	good := "a,b\n`1,`x, y\n`2,`\n总交易单数,sum\n`2,`0.01\n"
	b := must(parseBill([]byte(good)))(t)
	if diff := cmp.Diff([][]string{{"1", "x, y"}, {"2", ""}}, b.rows); diff != "" {
		t.Error(diff)
	}
	for name, text := range map[string]string{
		"empty":              "",
		"one line":           "a,b\n",
		"no totals":          "a,b\n`1,`2\n",
		"no values":          "a,b\n`1,`2\n总交易单数,sum\n",
		"a field too few":    "a,b\n`1\n总交易单数,sum\n`1,`0\n",
		"a field too many":   "a,b\n`1,`2,`3\n总交易单数,sum\n`1,`0\n",
		"a line too few":     "a,b\n`1,`2\n总交易单数,sum\n`2,`0\n",
		"a line too many":    "a,b\n`1,`2\n`1,`2\n总交易单数,sum\n`1,`0\n",
		"something after it": good + "`3,`4\n",
		"a title twice":      "a,a\n`1,`2\n总交易单数,sum\n`1,`0\n",
		"a title missing":    "a,\n`1,`2\n总交易单数,sum\n`1,`0\n",
		"no titles":          "`1,`2\n总交易单数,sum\n`1,`0\n",
		"no backtick":        "a,b\n1,2\n总交易单数,sum\n`1,`0\n",
		"not UTF-8":          "a,b\n`1,`\xff\n总交易单数,sum\n`1,`0\n",
		"totals that differ": "a,b\n`1,`2\n总交易单数,sum\n`1\n",
		"a page of errors":   `{"code":"SYSTEM_ERROR"}`,
	} {
		if b, err := parseBill([]byte(text)); !errors.Is(err, errBill) {
			t.Errorf("%s: %+v, %v", name, b.rows, err)
		}
	}
	for text, want := range map[string]int64{
		"0": 0, "0.00": 0, "0.01": 1, "0.04000": 4, "-0.24000": -24, "1980": 198000, "1980.5": 198050, "92233720368547758.07": 9223372036854775807,
	} {
		if got, err := parseYuan(text); err != nil || got != want {
			t.Errorf("%s: %d, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "-", "0.001", "0.00001", "1,000.00", "+1", "--1", "1e2", ".5", "1.", "1.5x000", "92233720368547758.08", "１"} {
		if got, err := parseYuan(text); err == nil {
			t.Errorf("%q is read as %d", text, got)
		}
	}
}

// FuzzBill: what is read has as many fields in each line as titles, and reading a
// line twice says the same.
func FuzzBill(f *testing.F) {
	f.Add(tradeBill(paidLine, refundLine))
	f.Add([]byte(splitTitles + "\n总分账单数\n`0\n"))
	f.Add([]byte(fundTitles + "\n`2026-11-24 09:15:00,`1,`2,`充值/提现,`提现,`支出,`1.00,`1.00,`,`,`\n资金流水总笔数\n`1.0\n"))
	f.Add([]byte("a\n`\n\n`\n"))
	g := startStandIn(f).gateway()
	f.Fuzz(func(t *testing.T, text []byte) {
		b, err := parseBill(text)
		if err != nil {
			if !errors.Is(err, errBill) {
				t.Error(err)
			}
			return
		}
		for i, row := range b.rows {
			if len(row) != len(b.columns) {
				t.Fatalf("line %d has %d fields of %d", i, len(row), len(b.columns))
			}
			for _, read := range []func(*record) []payment.ReportLine{tradeLines, g.splitLines, fundLines} {
				once, twice := b.record(i), b.record(i)
				lines, again := read(once), read(twice)
				if !cmp.Equal(lines, again) || (once.err == nil) != (twice.err == nil) {
					t.Error("read twice, another meaning")
				}
				for _, l := range lines {
					if once.err == nil && (l.ProviderID == "" || l.At.IsZero() || l.Amount.Currency != currency) {
						t.Errorf("a line of nothing: %+v", l)
					}
				}
			}
		}
	})
}
