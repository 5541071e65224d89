package complaint

import (
	"strings"
	"testing"
	"time"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/fault"
	"yunshi/internal/base/money"
	"yunshi/internal/base/text"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/invoice"
	"yunshi/internal/market/order"
)

func cny(minor int64) money.Amount { return money.Amount{Minor: minor, Currency: money.CNY} }

func refused(t *testing.T, err error, code string) {
	t.Helper()
	if f, ok := fault.Of(err); !ok || f.Code != code {
		t.Errorf("got %v, want %s", err, code)
	}
}

func allowed(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Errorf("refused: %v", err)
	}
}

var topics = intake{
	Platform: []string{"double_charge", "account"}, Product: []string{"not_working", "support"},
	Words: map[Matter][]string{Platform: {"重复扣款", "charged twice"}, Product: {"无法启动", "does not start"}},
}

func TestClause_5_1_WhoseMatterAComplaintIs(t *testing.T) {
	t.Run("allowed: found by topic and words", func(t *testing.T) {
		for _, c := range []struct {
			topic, words string
			matter       Matter
			why          string
		}{
			{"not_working", "实例一直转圈", Product, "topic"},
			{"double_charge", "同一订单付了两笔", Platform, "topic"},
			{"double_charge", "重复扣款，而且实例无法启动", Mixed, "both"},
			{"other", "The instance DOES NOT START", Product, "words"},
			{"other", "I was charged twice", Platform, "words"},
			{"other", "charged twice and it does not start", Mixed, "both"},
			{"other", "我想提个建议", "", ""},
		} {
			if m, why := classify(c.topic, c.words, topics); m != c.matter || why != c.why {
				t.Errorf("%s %q: %q by %q, want %q by %q", c.topic, c.words, m, why, c.matter, c.why)
			}
		}
	})
	t.Run("allowed: handed on with a reason", func(t *testing.T) {
		allowed(t, handOn(Vendor, Platform, true, "a matter of the payment"))
		allowed(t, handOn(Operator, Product, true, "the instance is at fault"))
		allowed(t, handOn(Operator, Platform, false, "about the page"))
	})
	t.Run("refused: handed on without a reason, or to nobody", func(t *testing.T) {
		refused(t, handOn(Vendor, Platform, true, " "), "COMPLAINT_REASON_MISSING")
		refused(t, handOn(Vendor, Product, true, "not ours"), "FIELD_INVALID")
		refused(t, handOn(User, Platform, true, "mine"), "FIELD_INVALID")
		refused(t, handOn(Operator, Mixed, false, "both"), "COMPLAINT_NO_VENDOR")
	})
	t.Run("refused: sent back to the complainant", func(t *testing.T) {
		for from, arrows := range machine {
			for _, a := range arrows {
				if a.to == Closed && a.by != User && a.by != Timer || a.to == Submitted && from != "" {
					t.Errorf("%s of %s leads from %s to %s", a.event, a.by, from, a.to)
				}
			}
		}
	})
}

func TestClause_4_2_TheVendorIsAskedFirst(t *testing.T) {
	now := time.Date(2026, 3, 2, 2, 0, 0, 0, time.UTC)
	c := Complaint{Matter: Product, VendorOwes: true, VendorDue: now.Add(time.Hour)}
	t.Run("allowed after the vendor's time or answer", func(t *testing.T) {
		allowed(t, vendorFirst(c, now.Add(2*time.Hour)))
		allowed(t, vendorFirst(Complaint{Matter: Product, VendorDue: now.Add(time.Hour)}, now))
		allowed(t, vendorFirst(Complaint{Matter: Platform, OperatorOwes: true}, now))
	})
	t.Run("refused while it runs", func(t *testing.T) { refused(t, vendorFirst(c, now), "COMPLAINT_VENDOR_FIRST") })
}

func TestConflict_05_TheOperatorHelpsWhereTheLawSaysSo(t *testing.T) {
	t.Run("CN", func(t *testing.T) { allowed(t, helps(Product, agreement.LawOf("CN"))) })
	t.Run("EU", func(t *testing.T) { allowed(t, helps(Product, agreement.LawOf("EU"))) })
	t.Run("OTHER", func(t *testing.T) {
		refused(t, helps(Product, agreement.LawOf("OTHER")), "COMPLAINT_VENDOR_ONLY")
		allowed(t, helps(Mixed, agreement.LawOf("OTHER")))
	})
}

func TestClause_5_4_3_APacketHoldsWhatTheMatterNeeds(t *testing.T) {
	c := Complaint{
		Order: "ord_1", Product: "prd_1", Topic: "not_working",
		Text: "身份证 110101190001010014 银行卡 6225881234567898，密码: secret99", Demand: "退款到 6225881234567898",
	}
	t.Run("allowed: name, contact, order, demand", func(t *testing.T) {
		f, fields := inPacket("张三", "zhang@example.com", c)
		if f.Name != "张三" || f.Contact != "zhang@example.com" || f.Order != "ord_1" || !strings.HasPrefix(f.Demand, "退款到") {
			t.Errorf("%+v", f)
		}
		if strings.Join(fields, " ") != "contact demand name order product text topic" {
			t.Errorf("fields %v", fields)
		}
	})
	t.Run("refused: identity number, bank account, password", func(t *testing.T) {
		f, _ := inPacket("张三", "zhang@example.com", c)
		for _, secret := range []string{"110101190001010014", "6225881234567898", "secret99"} {
			if strings.Contains(f.Text+f.Demand, secret) {
				t.Errorf("%q is in the packet: %+v", secret, f)
			}
		}
	})
}

func TestClause_4_10_TheCeilingAndWhatLiftsIt(t *testing.T) {
	paid := func(id string, minor int64) order.Order {
		return order.Order{ID: order.ID(id), Account: "acc_1", Product: "prd_1", State: order.Completed, Fee: order.Fee{Paid: cny(minor)}}
	}
	t.Run("allowed: first purchase and renewals add up", func(t *testing.T) {
		first := paid("ord_1", 200000)
		sum, err := chain(first, []order.Order{first, paid("ord_2", 50000)})
		if err != nil || sum != cny(250000) {
			t.Errorf("%v %v", sum, err)
		}
	})
	t.Run("refused: other products, accounts, unpaid orders", func(t *testing.T) {
		first := paid("ord_1", 200000)
		other, unpaid, foreign := paid("ord_2", 1), paid("ord_3", 1), paid("ord_4", 1)
		other.Product, unpaid.State, foreign.Account = "prd_2", order.AwaitingPayment, "acc_2"
		for _, o := range []order.Order{other, unpaid, foreign} {
			_, err := chain(first, []order.Order{first, o})
			refused(t, err, "CLAIM_CHAIN")
		}
	})
	cn := agreement.LawOf("CN")
	t.Run("allowed: law with its article, agreement with its document", func(t *testing.T) {
		for _, c := range []struct {
			e     Exception
			basis string
			want  string
		}{{NoException, "", ""}, {ByLaw, " 消法55 ", "law: 消法55"}, {ByAgreement, "cev_1", "agreement: cev_1"}} {
			got, err := excepted(c.e, c.basis, cn, []string{"cev_1"})
			if err != nil || got != c.want {
				t.Errorf("%s %q: %q, %v", c.e, c.basis, got, err)
			}
		}
	})
	t.Run("refused: without them", func(t *testing.T) {
		for _, c := range []struct {
			e     Exception
			basis string
		}{{ByLaw, " "}, {ByAgreement, "cev_2"}, {NoException, "消法55"}, {"good_will", "x"}} {
			_, err := excepted(c.e, c.basis, cn, []string{"cev_1"})
			refused(t, err, "CLAIM_EXCEPTION_BASIS")
		}
	})
}

func TestConflict_06_TheCeilingYieldsToLaw(t *testing.T) {
	rule := multipleRule{Multiple: 3, Minimum: 50000}
	t.Run("CN", func(t *testing.T) {
		_, err := excepted(ByLaw, "消法55", agreement.LawOf("CN"), nil)
		allowed(t, err)
		for paid, want := range map[int64]int64{10000: 50000, 200000: 600000} {
			if got := statutory(cny(paid), true, Fraud, agreement.LawOf("CN"), rule); got != cny(want) {
				t.Errorf("%d: %v", paid, got)
			}
		}
		if got := statutory(cny(10000), false, Fraud, agreement.LawOf("CN"), rule); !got.IsZero() {
			t.Errorf("a business buyer gets %v", got)
		}
	})
	t.Run("OTHER", func(t *testing.T) {
		_, err := excepted(ByLaw, "消法55", agreement.LawOf("OTHER"), nil)
		refused(t, err, "CLAIM_EXCEPTION_BASIS")
		if got := statutory(cny(10000), true, Fraud, agreement.LawOf("OTHER"), rule); !got.IsZero() {
			t.Errorf("the bare agreement gives %v", got)
		}
	})
}

func TestClause_9_5_NegotiationAndCourt(t *testing.T) {
	t.Run("allowed from every open state, with court and number", func(t *testing.T) {
		court, number, err := inCourt(" 深圳市南山区人民法院 ", "(2026)粤0305民初1号")
		if err != nil || court != "深圳市南山区人民法院" || number == "" {
			t.Errorf("%q %q %v", court, number, err)
		}
		for _, s := range []ClaimState{ClaimOpened, ClaimReplied, ClaimNegotiated, ClaimMediated} {
			if !(Claim{State: s}).Suable(User) {
				t.Errorf("nobody is kept from a court, but %s is", s)
			}
		}
	})
	t.Run("refused without either", func(t *testing.T) {
		_, _, err := inCourt("", "1")
		refused(t, err, "CLAIM_COURT_MISSING")
		_, _, err = inCourt("court", " ")
		refused(t, err, "CLAIM_COURT_MISSING")
	})
}

func TestClause_7_1_NoWarrantyAndWhatKnowledgeObligesTo(t *testing.T) {
	rule := knowledgeRule{After: 2, Days: 3, Kinds: []string{"not_working"}}
	t.Run("allowed: plain words, and every text of the market's own pages", func(t *testing.T) {
		allowed(t, NoWarranty("产品由服务商提供，运营方不作担保。"))
		allowed(t, NoWarranty("Every vendor is a verified company."))
		for _, l := range []text.Lang{text.ZH, text.EN} {
			for _, key := range text.Keys(l) {
				if strings.HasPrefix(key, "shop.") || strings.HasPrefix(key, "page.") || strings.HasPrefix(key, "base.") || strings.HasPrefix(key, "catalog.") {
					if err := NoWarranty(text.In(l, key)); err != nil {
						t.Errorf("%s: %v", key, err)
					}
				}
			}
		}
	})
	t.Run("refused: words that warrant", func(t *testing.T) {
		for _, words := range []string{"平台保证质量", "官方认证优质产品", "假一赔十", "Quality guaranteed by us", "The marketplace guarantees that it works", "platform-guaranteed uptime"} {
			refused(t, NoWarranty(words), "WARRANTY_WORDING")
		}
	})
	t.Run("allowed: an action with its reason", func(t *testing.T) { allowed(t, acted("vendor_asked", "asked for a repair by Friday")) })
	t.Run("refused: none", func(t *testing.T) {
		refused(t, acted("", "x"), "KNOWLEDGE_ACTION_MISSING")
		refused(t, acted("hidden", " "), "KNOWLEDGE_ACTION_MISSING")
	})
	if obliges(1, "not_working", rule, agreement.LawOf("CN")) || !obliges(2, "not_working", rule, agreement.LawOf("CN")) || obliges(9, "support", rule, agreement.LawOf("CN")) {
		t.Error("the second of a kind obliges, and only of the kinds of the rulebook")
	}
}

func TestConflict_04_WhatTheOperatorKnowsObligesIt(t *testing.T) {
	rule := knowledgeRule{After: 2, Kinds: []string{"security"}}
	t.Run("CN", func(t *testing.T) {
		if !obliges(2, "security", rule, agreement.LawOf("CN")) {
			t.Error("no task")
		}
	})
	t.Run("OTHER", func(t *testing.T) {
		if obliges(2, "security", rule, agreement.LawOf("OTHER")) {
			t.Error("the bare agreement leaves everything to the vendor")
		}
	})
}

func TestClause_4_11_ReportsOfPaymentOutside(t *testing.T) {
	t.Run("allowed", func(t *testing.T) {
		allowed(t, takes("UA 4.11", agreement.LawOf("CN")))
		allowed(t, takes("UA 4.7.5", agreement.LawOf("OTHER")))
	})
	t.Run("refused", func(t *testing.T) { refused(t, takes("UA 1.1", agreement.LawOf("CN")), "FIELD_INVALID") })
}

func TestConflict_08_OutsideDealsConcernTheOperatorWhereTheLawSaysSo(t *testing.T) {
	t.Run("CN", func(t *testing.T) { allowed(t, takes("UA 4.11", agreement.LawOf("CN"))) })
	t.Run("OTHER", func(t *testing.T) { refused(t, takes("UA 4.11", agreement.LawOf("OTHER")), "REPORT_OUTSIDE_MARKET") })
}

func TestClause_4_5_WhatIsNotAgreedOfflineBecomesAComplaint(t *testing.T) {
	opened := time.Date(2026, 3, 2, 2, 0, 0, 0, time.UTC)
	t.Run("allowed when not agreed, or overdue", func(t *testing.T) {
		allowed(t, offlineOver(true, opened, opened, 0, User))
		allowed(t, offlineOver(false, opened, opened.AddDate(0, 0, 16), 15, Operator))
	})
	t.Run("refused before", func(t *testing.T) {
		refused(t, offlineOver(false, opened, opened.AddDate(0, 0, 15), 15, User), "COMPLAINT_OFFLINE_RUNNING")
		refused(t, offlineOver(true, opened, opened, 0, Operator), "COMPLAINT_OFFLINE_RUNNING")
	})
}

func TestConflict_07_AnOfflineRefundIsOverdueAfterFifteenDays(t *testing.T) {
	opened := time.Date(2026, 3, 2, 2, 0, 0, 0, time.UTC)
	late := opened.AddDate(0, 0, 16)
	t.Run("CN", func(t *testing.T) {
		if !offlineOverdue(opened, late, agreement.LawOf("CN").OfflineDays) {
			t.Error("not overdue")
		}
	})
	t.Run("OTHER", func(t *testing.T) {
		if offlineOverdue(opened, late.AddDate(1, 0, 0), agreement.LawOf("OTHER").OfflineDays) {
			t.Error("the bare agreement sets no day")
		}
	})
}

func TestSmallRules(t *testing.T) {
	now := time.Date(2026, 3, 2, 2, 0, 0, 0, time.UTC)
	refused(t, another("usr_1", "usr_1"), "SECOND_APPROVER_REQUIRED")
	allowed(t, another("usr_1", "usr_2"))
	allowed(t, reopens(now, now.AddDate(0, 0, 15), 15))
	refused(t, reopens(now, now.AddDate(0, 0, 16), 15), "COMPLAINT_REOPEN_CLOSED")
	allowed(t, within(4, 5))
	refused(t, within(5, 5), "RATE_LIMITED")
	if due, clock := dueBy(calendar.Official(), now, dayRule{Days: 3}); clock != WorkingDays || calendar.On(due) != (calendar.Date{Year: 2026, Month: 3, Day: 5}) {
		t.Errorf("due %s by %s", due, clock)
	}
	if due, clock := dueBy(calendar.Official(), now.AddDate(1, 0, 0), dayRule{Days: 3, NoCalendarDays: 5}); clock != NaturalDays || calendar.On(due) != (calendar.Date{Year: 2027, Month: 3, Day: 7}) {
		t.Errorf("due %s by %s", due, clock)
	}
	if got := points(Tally{}, invoice.Tally{}); got != -1 {
		t.Errorf("nothing to judge: %d", got)
	}
	if got := points(Tally{AnsweredInTime: 1, AnsweredLate: 1, Rated: 2, Stars: 10}, invoice.Tally{IssuedInTime: 3, OverdueOpen: 1}); got != 75 {
		t.Errorf("points: %d", got)
	}
}
