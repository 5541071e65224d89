package shop_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/base/text"
	"yunshi/internal/market/account"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/catalog"
	"yunshi/internal/market/complaint"
	"yunshi/internal/market/delivery"
	"yunshi/internal/market/refund"
	"yunshi/internal/testkit/tab"
	"yunshi/internal/testkit/world"
)

// bare puts the agreement of the market under no law but itself.
func (s *site) bare() {
	s.Write(func(tx *db.Tx) error {
		_, err := tx.Exec(s.t.Context(), `UPDATE agreement_version SET jurisdiction = 'OTHER'`)
		return err
	})
}

// complain sends the form of a new complaint and is on its page.
func (b *browser) complain(query, topic, order string) *answer {
	b.t.Helper()
	form := b.get("/complaints/new" + query).is(http.StatusOK)
	b.submit(form, "/complaints/new", url.Values{"topic": {topic}, "order": {order}, "text": {""}, "demand": {"请处理"}}).is(http.StatusUnprocessableEntity)
	return b.submit(form, "/complaints/new", url.Values{"topic": {topic}, "order": {order}, "text": {"实例无法启动"}, "demand": {"请处理"}}).is(http.StatusOK)
}

func TestClause_5_1_OneListForBothTracks(t *testing.T) {
	for _, lang := range []text.Lang{text.ZH, text.EN} {
		t.Run(string(lang), func(t *testing.T) {
			s := open(t)
			customer := s.Customer(account.Individual)
			o := s.Bought(customer, s.offer)
			b, seller, officer := s.signedIn(t, lang, s.email(t, customer)), s.signedIn(t, lang, s.email(t, s.Seller)), s.signedIn(t, lang, s.email(t, s.Support))
			if !b.get("/orders/" + string(o.ID)).links("/complaints/new?order=" + string(o.ID)) {
				t.Error("the order does not lead to a complaint")
			}
			mine := b.complain("?order="+string(o.ID), "not_working", string(o.ID))
			mine.says(text.In(lang, "complaint.state.assigned"), text.In(lang, "complaint.handler.product"), text.In(lang, "complaint.event.assigned"), "12315")
			product := mine.path
			form := b.get("/complaints/new")
			charge := b.submit(form, "/complaints/new", url.Values{"topic": {"double_charge"}, "order": {""}, "text": {"付了两笔"}, "demand": {"退回"}}).
				is(http.StatusOK).says(text.In(lang, "complaint.handler.platform")).path
			list := b.get("/complaints").is(http.StatusOK)
			if !list.links(product) || !list.links(charge) {
				t.Error("the list does not hold both")
			}
			if !seller.get("/vendor").links("/vendor"+product) || seller.get("/vendor/complaints").links("/vendor"+charge) {
				t.Error("the vendor's queue")
			}
			seller.get("/vendor" + charge).is(http.StatusNotFound)
			if !officer.get("/operator").links("/operator" + charge) {
				t.Error("the operator's queue")
			}
			board := officer.get("/operator/complaints").is(http.StatusOK).says(text.In(lang, "complaint.desk.vendors"))
			if !board.links("/operator"+product) || !board.links("/operator"+charge) {
				t.Error("the board does not hold both queues")
			}

			// The vendor answers, the customer escalates, the operator mediates and decides.
			desk := seller.get("/vendor"+product).is(http.StatusOK).says("实例无法启动", "请处理").saysNot(customer.Account)
			seller.submit(desk, "/vendor"+product+"/answer", url.Values{"text": {""}}).is(http.StatusUnprocessableEntity)
			seller.submit(desk, "/vendor"+product+"/answer", url.Values{"text": {"已修复"}}).is(http.StatusOK)
			answered := b.get(product).says(text.In(lang, "complaint.state.answered"), "已修复", text.In(lang, "complaint.packet"))
			today := map[text.Lang]string{text.ZH: "2026年3月2日", text.EN: "2 Mar 2026"}[lang]
			talked := b.submit(answered, product+"/contact", url.Values{"channel": {"phone"}, "text": {"没有谈拢"}}).is(http.StatusOK).says("没有谈拢", today)
			b.upload(product+"/evidence", nil, file{"file", "截图.pdf", "%PDF-1.7\nproof"}).is(http.StatusOK).says("截图.pdf")
			b.submit(talked, product+"/escalate", url.Values{"text": {"又坏了"}}).is(http.StatusOK).says(text.In(lang, "complaint.state.escalated"))
			page := officer.get("/operator" + product).is(http.StatusOK).says("又坏了")
			for _, n := range page.all("a") {
				if href := attr(n, "href"); strings.Contains(href, "/evidence/") {
					officer.get(href).is(http.StatusOK)
				}
			}
			page = officer.submit(page, "/operator"+product+"/mediate", url.Values{"text": {"建议周五前修复"}}).is(http.StatusOK)
			officer.submit(page, "/operator"+product+"/decide", url.Values{"finding": {"upheld"}, "clause": {"because"}, "note": {"属实"}}).is(http.StatusUnprocessableEntity)
			officer.submit(page, "/operator"+product+"/decide", url.Values{"finding": {"upheld"}, "clause": {"UA 4.10"}, "note": {"日志属实"}}).is(http.StatusOK)
			decided := b.get(product).says(text.In(lang, "complaint.finding.upheld"), "建议周五前修复", "日志属实")
			closed := b.submit(decided, product+"/close", url.Values{"how": {"yes"}, "stars": {"4"}}).is(http.StatusOK).says(text.In(lang, "complaint.outcome.satisfied"))
			b.submit(closed, product+"/reopen", url.Values{"text": {"又坏了"}}).is(http.StatusOK).says(text.In(lang, "complaint.state.reopened"))
			seller.get("/vendor/complaints").says(text.In(lang, "complaint.vendor.score"))

			stranger := s.signedIn(t, lang, s.email(t, s.Customer(account.Individual)))
			stranger.get(product).is(http.StatusNotFound)
		})
	}
}

func TestClause_5_1_AWrongDeskHandsOn(t *testing.T) {
	s := open(t)
	customer := s.Customer(account.Individual)
	o := s.Bought(customer, s.offer)
	b, seller, officer := s.signedIn(t, text.ZH, s.email(t, customer)), s.signedIn(t, text.ZH, s.email(t, s.Seller)), s.signedIn(t, text.ZH, s.email(t, s.Support))
	at := b.complain("", "not_working", string(o.ID)).path
	desk := seller.get("/vendor" + at)
	seller.submit(desk, "/vendor"+at+"/forward", url.Values{"note": {""}}).is(http.StatusUnprocessableEntity).says(text.In(text.ZH, "fault.COMPLAINT_REASON_MISSING"))
	seller.submit(desk, "/vendor"+at+"/forward", url.Values{"note": {"是支付页面的问题"}}).is(http.StatusOK)
	b.get(at).says(text.In(text.ZH, "complaint.handler.platform"), "是支付页面的问题", text.In(text.ZH, "complaint.event.forwarded"))
	page := officer.get("/operator" + at).is(http.StatusOK)
	officer.submit(page, "/operator"+at+"/sort", url.Values{"matter": {"mixed"}, "note": {"两边都有"}}).is(http.StatusOK)
	b.get(at).says(text.In(text.ZH, "complaint.handler.mixed"))
	s.signedIn(t, text.ZH, s.email(t, s.Finance)).get("/operator/complaints").is(http.StatusForbidden)
}

func TestClause_4_10_AClaimOnItsPages(t *testing.T) {
	for _, lang := range []text.Lang{text.ZH, text.EN} {
		t.Run(string(lang), func(t *testing.T) {
			s := open(t)
			customer := s.Customer(account.Individual)
			o := s.Bought(customer, s.list(world.Content(delivery.LicenceKey, 200000)))
			b, seller, officer := s.signedIn(t, lang, s.email(t, customer)), s.signedIn(t, lang, s.email(t, s.Seller)), s.signedIn(t, lang, s.email(t, s.Support))
			form := b.get("/orders/" + string(o.ID) + "/claim").is(http.StatusOK)
			given := url.Values{"item": {"functions.0"}, "ground": {"fraud"}, "loss": {""}, "damages": {"3000"}}
			b.submit(form, "/orders/"+string(o.ID)+"/claim", given).is(http.StatusUnprocessableEntity)
			given.Set("loss", "两天无法排班")
			mine := b.submit(form, "/orders/"+string(o.ID)+"/claim", given).is(http.StatusOK).says(text.In(lang, "claim.state.opened"), "2,000.00", "6,000.00")
			at := mine.path
			if !seller.get("/vendor").links("/vendor"+at) || !officer.get("/operator/complaints").links("/operator"+at) {
				t.Error("the claim is not on the desks")
			}
			desk := seller.get("/vendor" + at).is(http.StatusOK).saysNot(customer.Account)
			desk = seller.submit(desk, "/vendor"+at+"/reply", url.Values{"text": {"愿意协商"}}).is(http.StatusOK)
			seller.submit(desk, "/vendor"+at+"/offer", url.Values{"damages": {"2000.01"}, "exception": {"none"}}).is(http.StatusConflict).says(text.In(lang, "fault.CLAIM_OVER_CAP")[:12])
			seller.submit(desk, "/vendor"+at+"/offer", url.Values{"damages": {"2000.01"}, "exception": {"law"}, "basis": {"消法55"}}).is(http.StatusOK).says("消法55")
			officer.get("/operator"+at).is(http.StatusOK).says("愿意协商", "消法55")
			offered := b.get(at).says("消法55", text.In(lang, "claim.agree"))
			b.submit(offered, at+"/agree", nil).is(http.StatusOK).says(text.In(lang, "claim.state.settled"), "消法55", "2,000.01")
			if !b.get("/complaints").links(at) {
				t.Error("the list does not lead to the claim")
			}
		})
	}
}

func TestClause_7_1_NoWarrantyIsSaidOnProductAndCheckout(t *testing.T) {
	for _, lang := range []text.Lang{text.ZH, text.EN} {
		t.Run(string(lang), func(t *testing.T) {
			s := open(t)
			buyer := s.signedIn(t, lang, s.email(t, s.Customer(account.Individual)))
			seller := ""
			s.Read(func(r db.Reader) error {
				offer, err := catalog.OfferOf(t.Context(), r, s.offer.PlanID)
				seller = offer.Vendor.RegisteredName
				return err
			})
			sentence := text.In(lang, "shop.product.no_warranty", "Operator", world.Operator, "Vendor", seller)
			buyer.get("/p/" + s.offer.Product.Slug).says(sentence)
			buyer.get("/checkout?plan=" + string(s.offer.PlanID)).says(sentence)
		})
	}
}

func TestClause_9_5_NegotiationCourtAndOtherWaysAreShown(t *testing.T) {
	for _, lang := range []text.Lang{text.ZH, text.EN} {
		t.Run(string(lang), func(t *testing.T) {
			s := open(t)
			help := s.browser(t, lang).get("/rules/complaints").is(http.StatusOK)
			help.says(text.In(lang, "complaint.ways.negotiate"), text.In(lang, "complaint.ways.text"))
			if !help.links("/complaints/new") || !help.links("/report") {
				t.Error("help does not lead to the forms")
			}
		})
	}
}

func TestConflict_17_OtherWaysBesideTheCourt(t *testing.T) {
	t.Run("CN", func(t *testing.T) {
		s := open(t)
		s.browser(t, text.ZH).get("/rules/complaints").says(text.In(text.ZH, "complaint.ways.text"))
		s.Read(func(r db.Reader) error {
			v, err := agreement.Read(t.Context(), r, 0)
			i := slices.IndexFunc(v.Clauses, func(c agreement.Clause) bool { return c.ID == "9.5" })
			if i < 0 || v.Clauses[i].Emphasis != agreement.Bold {
				t.Error("the clause on the court is not emphasised")
			}
			return err
		})
	})
	t.Run("OTHER", func(t *testing.T) {
		s := open(t)
		s.bare()
		s.browser(t, text.ZH).get("/rules/complaints").says("有管辖权的人民法院").saysNot(text.In(text.ZH, "complaint.ways.text"))
	})
}

func TestClause_4_11_AVisitorReportsAndFollowsIt(t *testing.T) {
	for _, lang := range []text.Lang{text.ZH, text.EN} {
		t.Run(string(lang), func(t *testing.T) {
			s := open(t)
			b := s.browser(t, lang)
			form := b.get("/report").is(http.StatusOK)
			given := url.Values{"kind": {"UA 4.11"}, "product": {s.offer.Product.Slug}, "text": {"要求私下转账"}, "email": {"nobody"}}
			b.submit(form, "/report", given).is(http.StatusUnprocessableEntity)
			given.Set("email", "visitor@example.com")
			receipt := b.submit(form, "/report", given).is(http.StatusOK).says(text.In(lang, "complaint.report.thanks.confirm"))
			s.Drain()
			mails := s.mails.Messages()
			if len(mails) != 1 {
				t.Fatalf("%d mails", len(mails))
			}
			at := mails[0].Text[strings.Index(mails[0].Text, "/report/confirm"):]
			at = strings.Fields(at)[0]
			confirm := b.get(at).is(http.StatusOK)
			b.submit(confirm, "/report/confirm", nil).is(http.StatusOK).says(text.In(lang, "complaint.report.confirm.done"))
			var codes []string
			for _, n := range receipt.all("code") {
				codes = append(codes, textOf(n))
			}
			number := codes[slices.IndexFunc(codes, func(s string) bool { return strings.HasPrefix(s, "rpt_") })]
			code := codes[slices.IndexFunc(codes, func(s string) bool { return len(s) == 24 })]
			b.post("/report/track", url.Values{"number": {number}, "secret": {"wrong"}}).is(http.StatusNotFound)
			b.post("/report/track", url.Values{"number": {number}, "secret": {code}}).is(http.StatusOK).says(text.In(lang, "complaint.report.state.received"))

			officer := s.signedIn(t, lang, s.email(t, s.Support))
			if !officer.get("/operator").links("/operator/reports/" + number) {
				t.Error("the report is not on the desk")
			}
			page := officer.get("/operator/reports/" + number).is(http.StatusOK).says("要求私下转账").saysNot("visitor@example.com")
			officer.submit(page, "/operator/reports/"+number+"/settle", url.Values{"outcome": {"acted"}, "reply": {"已警告服务商"}}).is(http.StatusOK)
			b.post("/report/track", url.Values{"number": {number}, "secret": {code}}).says(text.In(lang, "complaint.report.outcome.acted"), "已警告服务商")

			member := s.signedIn(t, lang, s.email(t, s.Customer(account.Individual)))
			mine := member.submit(member.get("/report"), "/report", url.Values{"kind": {"UA 4.7.5"}, "place": {"接口"}, "text": {"扫描"}}).is(http.StatusOK)
			mine.says(text.In(lang, "complaint.report.thanks.received"))
			member.get("/complaints").says(text.In(lang, "complaint.reports"))
		})
	}
}

func TestClause_7_1_TheKnowledgeTaskOnTheDesk(t *testing.T) {
	for _, lang := range []text.Lang{text.ZH, text.EN} {
		t.Run(string(lang), func(t *testing.T) {
			s := open(t)
			customer := s.Customer(account.Individual)
			o := s.Bought(customer, s.offer)
			b, officer := s.signedIn(t, lang, s.email(t, customer)), s.signedIn(t, lang, s.email(t, s.Compliance))
			b.complain("", "not_working", string(o.ID))
			b.complain("", "not_working", string(o.ID))
			var at string
			for _, n := range officer.get("/operator/complaints").all("a") {
				if href := attr(n, "href"); strings.HasPrefix(href, "/operator/knowledge/") {
					at = href
				}
			}
			page := officer.get(at).is(http.StatusOK)
			officer.submit(page, at, url.Values{"action": {"hidden"}, "note": {""}}).is(http.StatusUnprocessableEntity).says(text.In(lang, "fault.KNOWLEDGE_ACTION_MISSING"))
			officer.submit(page, at, url.Values{"action": {"vendor_asked"}, "note": {"已要求修复"}}).is(http.StatusOK).says(text.In(lang, "complaint.action.vendor_asked"), "已要求修复")
			officer.get("/operator/complaints").says(text.In(lang, "complaint.desk.task.done"))
		})
	}
}

func TestClause_4_5_AMatterThatWasNotAgreedBecomesAComplaint(t *testing.T) {
	s := open(t)
	content := world.Content(delivery.LicenceKey, 5000)
	content.RefundPolicy = catalog.RefundPolicy{Kind: catalog.RefundVendorOwn, Text: catalog.Both{ZH: "按合同办理", EN: "As the contract says"}}
	buyer := s.Customer(account.Individual)
	o := s.Bought(buyer, s.list(content))
	b := s.signedIn(t, text.ZH, s.email(t, buyer))
	path := "/orders/" + string(o.ID) + "/refund"
	b.submit(b.get(path), "/orders/"+string(o.ID)+"/matter", url.Values{"text": {"已电话联系"}}).is(http.StatusOK)
	s.Clock.Advance(16 * 24 * time.Hour)
	b = s.signedIn(t, text.ZH, s.email(t, buyer)) // sessions have ended
	officer := s.signedIn(t, text.ZH, s.email(t, s.Support))
	var m refund.Matter
	s.Read(func(r db.Reader) error {
		all, err := refund.MattersOf(t.Context(), r, o.ID)
		m = all[0]
		return err
	})
	board := officer.get("/operator/complaints").says(text.In(text.ZH, "complaint.desk.offline"))
	if len(board.form("/operator/matters/"+string(m.ID)+"/complain")) == 0 {
		t.Error("the board offers no way to take it up")
	}
	late := b.get(path).says(text.In(text.ZH, "complaint.desk.offline"))
	b.submit(late, "/refunds/"+string(m.ID)+"/complain", url.Values{"text": {"请退款"}}).is(http.StatusOK).says(text.In(text.ZH, "complaint.state.assigned"))
}

// A customer, a vendor and an officer look at complaints, a claim, a report and a
// task in a real browser, on a phone and on a desk, in both languages.
// YUNSHI_SHOTS is a directory for pictures.
func TestDisputesInARealBrowser(t *testing.T) {
	b := tab.Open(t)
	s := open(t)
	customer := s.Customer(account.Individual)
	o := s.Bought(customer, s.list(world.Content(delivery.LicenceKey, 200000)))
	rules := complaint.Rules{}
	var first, second, other complaint.Complaint
	var claim complaint.Claim
	var report complaint.Report
	code := ""
	s.Write(func(tx *db.Tx) (err error) {
		in := complaint.Ask{Topic: "not_working", Order: o.ID, Text: "实例无法启动，重启三次都停在同一处。", Demand: "请修复并说明原因"}
		if first, err = rules.Submit(t.Context(), tx, customer, in); err != nil {
			return err
		}
		if second, err = rules.Submit(t.Context(), tx, customer, in); err != nil {
			return err
		}
		in = complaint.Ask{Topic: "other", Text: "我有一个问题", Demand: "请答复"}
		other, err = rules.Submit(t.Context(), tx, customer, in)
		return err
	})
	s.Write(func(tx *db.Tx) (err error) {
		if first, err = rules.AnswerAsVendor(t.Context(), tx, s.Seller, first.ID, first.Version, "已重装运行环境，请再试一次。"); err != nil {
			return err
		}
		if first, err = rules.Spoke(t.Context(), tx, customer, first.ID, first.Version, complaint.Contact{Channel: "phone", HeldOn: "2026-03-01", Text: "电话约定周五前修复"}); err != nil {
			return err
		}
		if first, err = rules.Escalate(t.Context(), tx, customer, first.ID, first.Version, "还是不能启动"); err != nil {
			return err
		}
		if _, err = complaint.Attach(t.Context(), tx, customer, string(first.ID), complaint.Evidence{
			Name: "截图.pdf", MediaType: "application/pdf", Size: 9, SHA256: strings.Repeat("ab", 32), Blob: "ab/ab",
		}); err != nil {
			return err
		}
		if claim, err = rules.Open(t.Context(), tx, customer, complaint.Plea{
			Order: o.ID, Item: "functions.0", Ground: complaint.Fraud, Loss: "两天无法排班", Refund: o.Fee.Paid, Damages: o.Fee.Paid,
		}); err != nil {
			return err
		}
		if claim, err = rules.Reply(t.Context(), tx, s.Seller, claim.ID, claim.Version, "愿意协商"); err != nil {
			return err
		}
		terms := complaint.Terms{Refund: o.Fee.Paid, Damages: o.Fee.Paid, Exception: complaint.ByLaw, Basis: "消法55"}
		if claim, err = rules.Offer(t.Context(), tx, s.Support, claim.ID, claim.Version, complaint.Terms{Refund: terms.Refund, Damages: terms.Damages, Exception: terms.Exception, Basis: terms.Basis, Note: "建议"}); err != nil {
			return err
		}
		report, code, err = rules.Report(t.Context(), tx, customer, complaint.Notice{Kind: "UA 4.11", Product: s.offer.Product.Slug, Text: "要求私下转账", Locale: "zh", Source: "1"})
		return err
	})
	task := ""
	s.Read(func(r db.Reader) error {
		open, _, err := complaint.Tasks(t.Context(), r, 1)
		task = string(open[0].ID)
		return err
	})
	mine, seller, officer, nobody := tab.Serve(t, s.handler, s.token(t, customer)), tab.Serve(t, s.handler, s.token(t, s.Seller)), tab.Serve(t, s.handler, s.token(t, s.Compliance)), tab.Serve(t, s.handler, "")
	b.Languages(func(lang string) {
		for _, page := range [][3]string{
			{"help", nobody, "/rules/complaints"}, {"report", nobody, "/report"}, {"track", nobody, "/report/track"},
			{"list", mine, "/complaints"}, {"new", mine, "/complaints/new?order=" + string(o.ID)}, {"order", mine, "/orders/" + string(o.ID)},
			{"complaint", mine, "/complaints/" + string(first.ID)}, {"claimform", mine, "/orders/" + string(o.ID) + "/claim"}, {"claim", mine, "/claims/" + string(claim.ID)},
			{"my-report", mine, "/reports/" + string(report.ID)},
			{"vendor-queue", seller, "/vendor/complaints"}, {"vendor-complaint", seller, "/vendor/complaints/" + string(second.ID)}, {"vendor-claim", seller, "/vendor/claims/" + string(claim.ID)},
			{"operator-board", officer, "/operator/complaints"}, {"operator-complaint", officer, "/operator/complaints/" + string(first.ID)}, {"operator-sort", officer, "/operator/complaints/" + string(other.ID)},
			{"operator-claim", officer, "/operator/claims/" + string(claim.ID)}, {"operator-report", officer, "/operator/reports/" + string(report.ID)}, {"operator-task", officer, "/operator/knowledge/" + task},
		} {
			b.Open(page[1], page[2], lang)
			b.Look(page[0], lang)
		}
	})
	b.Languages(func(lang string) {
		for _, form := range [][4]string{
			{"report-refused", nobody, "/report", `main [name="text"]`}, {"new-refused", mine, "/complaints/new", `main [name="text"]`},
			{"claim-refused", mine, "/orders/" + string(o.ID) + "/claim", `main [name="loss"]`}, {"track-refused", nobody, "/report/track", `[name="number"]`},
			{"vendor-refused", seller, "/vendor/complaints/" + string(second.ID), `form[action$="/forward"] [name="note"]`},
			{"decide-refused", officer, "/operator/complaints/" + string(first.ID), `[name="clause"]`},
		} {
			b.Open(form[1], form[2], lang)
			b.Send(form[3])
			b.Look(form[0], lang)
		}
		b.Open(nobody, "/report/track", lang)
		tab.Ask[string](b, `document.querySelector("[name=number]").value = "`+string(report.ID)+`"`)
		tab.Ask[string](b, `document.querySelector("[name=secret]").value = "`+code+`"`)
		b.Send(`[name="number"]`)
		b.Look("track-found", lang)
		b.Open(mine, "/report", lang)
		tab.Ask[string](b, `document.querySelector("main [name=text]").value = "要求加个人微信付款。"`)
		tab.Ask[string](b, `document.querySelector("main [name=place]").value = "聊天窗口"`)
		b.Send(`main [name="text"]`)
		b.Look("report-receipt", lang)
	})
}
