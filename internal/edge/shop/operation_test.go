package shop_test

import (
	"encoding/xml"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/db"
	"yunshi/internal/base/text"
	"yunshi/internal/market/account"
	"yunshi/internal/market/catalog"
	"yunshi/internal/market/operation"
	"yunshi/internal/market/report"
)

// operate has the jobs of package operation run as the program runs them.
func (s *site) operate() {
	rules := operation.Rules{Affected: report.Affected, Concerns: report.Concerns, Left: report.RunOff}
	s.market.Operation = rules
	s.With(operation.Work{Rules: rules}.Handlers())
	s.With(catalog.Work{}.Handlers())
}

func both(lang text.Lang, zh, en string) string {
	if lang == text.EN {
		return en
	}
	return zh
}

func TestClause_7_3_TheStatusPageTellsAndAUserContests(t *testing.T) {
	for _, lang := range []text.Lang{text.ZH, text.EN} {
		t.Run(string(lang), func(t *testing.T) {
			s := open(t)
			s.operate()
			buyer, stranger := s.Customer(account.Individual), s.Customer(account.Individual)
			s.Bought(buyer, s.offer)
			visitor := s.browser(t, lang)
			visitor.get("/status").is(http.StatusOK).says(text.In(lang, "operation.status.good"), "100.00%", text.In(lang, "operation.status.none"))

			support, officer := s.signedIn(t, lang, s.email(t, s.Support)), s.signedIn(t, lang, s.email(t, s.Compliance))
			form := support.get("/operator/interruptions").is(http.StatusOK)
			support.submit(form, "/operator/interruptions", url.Values{"component": {"delivery"}, "impact": {"outage"}}).is(http.StatusUnprocessableEntity)
			opened := support.submit(form, "/operator/interruptions", url.Values{
				"title_zh": {"许可证无法交付"}, "title_en": {"Licences are not delivered"}, "component": {"delivery"}, "impact": {"outage"}, "products": {string(s.offer.Product.ID)},
			}).is(http.StatusOK)
			id := strings.TrimPrefix(opened.path, "/operator/interruptions/")
			at := "/operator/interruptions/" + id
			s.Clock.Advance(time.Hour)
			visitor.get("/status").says(both(lang, "许可证无法交付", "Licences are not delivered"), text.In(lang, "operation.part_state.outage"))
			for _, to := range []string{"acknowledged", "mitigated", "resolved"} {
				support.submit(support.get(at), at+"/say", url.Values{"do": {to}, "words_zh": {"正在修复"}, "words_en": {"Being mended"}}).is(http.StatusOK)
			}
			// The proof of a cause at the user's is asked for, and stays inside.
			support.submit(support.get(at), at+"/cause", url.Values{"cause": {"7.3.4"}, "kind": {"client_error"}}).is(http.StatusUnprocessableEntity).says(text.In(lang, "fault.CAUSE_NOT_PROVED"))
			support.submit(support.get(at), at+"/cause", url.Values{"cause": {"7.3.4"}, "kind": {"client_error"}, "proof": {"日志:证书链校验失败 secret-7788"}}).is(http.StatusOK).says(text.In(lang, "operation.exempts"))
			page := visitor.get("/status/"+id).says(text.In(lang, "operation.cause.7.3.4"), text.In(lang, "operation.exemption", "Clause", "7.3.4"), text.In(lang, "operation.contest.sign_in"))
			page.saysNot("secret-7788", s.Support.User)

			other := s.signedIn(t, lang, s.email(t, stranger))
			other.get("/status/" + id).saysNot("/status/" + id + "/contest")
			other.post("/status/"+id+"/contest", url.Values{"text": {"不是我"}}).is(http.StatusForbidden)
			b := s.signedIn(t, lang, s.email(t, buyer))
			b.submit(b.get("/status/"+id), "/status/"+id+"/contest", nil).is(http.StatusUnprocessableEntity)
			b.submit(b.get("/status/"+id), "/status/"+id+"/contest", url.Values{"text": {"当时没有使用客户端"}}).is(http.StatusOK).
				says(text.In(lang, "operation.contest.mine"), "当时没有使用客户端", text.In(lang, "operation.contested"))
			visitor.get("/status/"+id).says(text.In(lang, "operation.contested")).saysNot("当时没有使用客户端", text.In(lang, "operation.exemption", "Clause", "7.3.4"))

			if !officer.get("/operator").links(at) {
				t.Error("the desk is not told what waits")
			}
			contest := formOf(t, support.get(at), at+"/contests/")
			support.post(contest, url.Values{"do": {"uphold"}, "words": {"更正"}, "cause": {"operator_fault"}}).is(http.StatusForbidden).says(text.In(lang, "fault.SECOND_APPROVER_REQUIRED"))
			officer.post(contest, url.Values{"do": {"uphold"}, "words": {"核对后确认是我们的错误"}, "cause": {"operator_fault"}}).is(http.StatusOK)
			b.get("/status/"+id).says(text.In(lang, "operation.cause.operator_fault"), text.In(lang, "operation.contest.upheld"), "核对后确认是我们的错误")
			support.submit(support.get(at), at+"/close", url.Values{"lesson_zh": {"增加了监控"}, "lesson_en": {"Monitoring was added"}}).is(http.StatusOK)
			visitor.get("/status/" + id).says(both(lang, "增加了监控", "Monitoring was added"))
			s.Clock.Advance(time.Hour)
			visitor.get("/status").says(text.In(lang, "operation.status.good"), "99.9", both(lang, "许可证无法交付", "Licences are not delivered"))

			feed := visitor.get("/status.atom?lang=" + string(lang)).is(http.StatusOK)
			entries(t, feed, 1, both(lang, "许可证无法交付", "Licences are not delivered"))
		})
	}
}

// formOf is the address of the form that begins with a path.
func formOf(t *testing.T, a *answer, path string) string {
	t.Helper()
	for _, f := range a.all("form") {
		if strings.HasPrefix(attr(f, "action"), path) {
			return attr(f, "action")
		}
	}
	t.Fatalf("%s has no form to %s", a.path, path)
	return ""
}

// entries reads an Atom feed.
func entries(t *testing.T, a *answer, want int, title string) {
	t.Helper()
	var feed struct {
		XMLName xml.Name `xml:"http://www.w3.org/2005/Atom feed"`
		ID      string   `xml:"id"`
		Updated string   `xml:"updated"`
		Entries []struct {
			ID      string `xml:"id"`
			Title   string `xml:"title"`
			Updated string `xml:"updated"`
		} `xml:"entry"`
	}
	if err := xml.Unmarshal([]byte(a.body), &feed); err != nil || feed.ID == "" || len(feed.Entries) != want || !strings.HasPrefix(a.header.Get("Content-Type"), "application/atom+xml") {
		t.Fatalf("%v %+v", err, feed)
	}
	if feed.Entries[0].Title != title || feed.Entries[0].ID == "" || feed.Updated < feed.Entries[0].Updated {
		t.Errorf("%+v", feed)
	}
}

func TestClause_5_2_AChangeIsPublicAndARetiredCategoryLeadsOn(t *testing.T) {
	for _, lang := range []text.Lang{text.ZH, text.EN} {
		t.Run(string(lang), func(t *testing.T) {
			s := open(t)
			s.operate()
			visitor, officer, support := s.browser(t, lang), s.signedIn(t, lang, s.email(t, s.Compliance)), s.signedIn(t, lang, s.email(t, s.Support))
			visitor.get("/changes").is(http.StatusOK).says(text.In(lang, "operation.changes.none"))
			words := url.Values{
				"kind": {"feature"}, "title_zh": {"可以订阅状态"}, "title_en": {"Status can be subscribed to"}, "text_zh": {"状态页提供订阅。"}, "text_en": {"Vendor 1 may follow the status page."},
				"migration_zh": {"无需操作。"}, "migration_en": {"Nothing."}, "audience": {"everyone"},
			}
			officer.submit(officer.get("/operator/changes"), "/operator/changes", url.Values{"kind": {"feature"}, "audience": {"everyone"}}).is(http.StatusUnprocessableEntity)
			officer.submit(officer.get("/operator/changes"), "/operator/changes", words).is(http.StatusOK).says(both(lang, "可以订阅状态", "Status can be subscribed to"))
			support.post("/operator/changes", words).is(http.StatusForbidden)

			s.Clock.Advance(time.Minute)
			change := "/operator/categories/saas_business"
			form := officer.get("/operator/categories?change=saas_business").is(http.StatusOK)
			why := url.Values{"text_zh": {"合并"}, "text_en": {"Vendor 1 merges both."}, "migration_zh": {"无需操作"}, "migration_en": {"Vendor 1 does it."}, "state": {"retired"}}
			officer.submit(form, change, why).is(http.StatusConflict).says(text.In(lang, "fault.CATEGORY_IN_USE"))
			why.Set("successor", "saas_office")
			officer.submit(officer.get("/operator/categories?change=saas_business"), change, why).is(http.StatusOK).says(text.In(lang, "operation.category.retired"))
			s.Drain()
			visitor.get("/changes?kind=category").says(text.In(lang, "operation.change.category"))
			visitor.get("/c/saas_business").is(http.StatusOK).says(text.In(lang, "operation.changes"))
			visitor.get("/p/" + s.offer.Product.Slug).is(http.StatusOK)
			entries(t, visitor.get("/changes.atom?lang="+string(lang)).is(http.StatusOK), 2, s.titleOf(t, lang))
			visitor.get("/rules/law").says(text.In(lang, "shop.law.pipl-57"), text.In(lang, "shop.law.csl-21"))
		})
	}
}

func (s *site) titleOf(t *testing.T, lang text.Lang) (title string) {
	t.Helper()
	s.Read(func(r db.Reader) error {
		all, err := operation.Changes(t.Context(), r, operation.CategoryChange, "", 1)
		if len(all) == 1 {
			title = all[0].Title.In(lang)
		}
		return err
	})
	return title
}

func TestClause_8_1_TheEndIsAnnouncedOnEveryPageAndTheMarketBecomesAnArchive(t *testing.T) {
	for _, lang := range []text.Lang{text.ZH, text.EN} {
		t.Run(string(lang), func(t *testing.T) {
			s := open(t)
			s.operate()
			buyer := s.Customer(account.Individual)
			o := s.Bought(buyer, s.offer)
			visitor, b := s.browser(t, lang), s.signedIn(t, lang, s.email(t, buyer))
			first, second := s.signedIn(t, lang, s.email(t, s.Compliance)), s.signedIn(t, lang, s.email(t, s.Superadmin))
			visitor.get("/wind-down").is(http.StatusOK).says(text.In(lang, "operation.end.none"))

			end := calendar.On(s.Clock.Now()).AddDays(61)
			in := url.Values{"end": {end.AddDays(-1).String()}, "text_zh": {"云市场即将结束运营。"}, "text_en": {"Vendor 1 hears that the market ends."}}
			for _, p := range operation.Parts {
				in.Set("plan."+string(p)+"_zh", "照常办理")
				in.Set("plan."+string(p)+"_en", "Vendor 2 deals with it as before")
			}
			first.submit(first.get("/operator/service"), "/operator/service", in).is(http.StatusUnprocessableEntity).says(text.In(lang, "fault.NOTICE_TOO_SHORT.next"))
			in.Set("end", end.String())
			missing := url.Values{}
			for k, v := range in {
				if !strings.HasPrefix(k, "plan.deposits") {
					missing[k] = v
				}
			}
			first.submit(first.get("/operator/service"), "/operator/service", missing).is(http.StatusUnprocessableEntity).says(text.In(lang, "fault.RUN_OFF_PLAN_MISSING"))
			proposed := first.submit(first.get("/operator/service"), "/operator/service", in).is(http.StatusOK)
			at := proposed.path
			first.submit(proposed, at+"/approve", nil).is(http.StatusForbidden).says(text.In(lang, "fault.SECOND_APPROVER_REQUIRED"))
			second.submit(second.get(at), at+"/approve", nil).is(http.StatusOK).says(text.In(lang, "operation.state.announced"))
			s.Drain()

			home := visitor.get("/").is(http.StatusOK)
			if !home.links("/wind-down") || !strings.Contains(home.body, operation.Banner) {
				t.Error("the home page does not announce it")
			}
			visitor.get("/wind-down").says(both(lang, "云市场即将结束运营。", "Vendor 1 hears that the market ends."), text.In(lang, "operation.part.deposits"), both(lang, "照常办理", "Vendor 2 deals with it as before"))
			b.get("/messages").is(http.StatusOK)
			second.get(at).says(text.In(lang, "operation.rounds")).is(http.StatusOK)
			seller := s.signedIn(t, lang, s.email(t, s.Seller))
			seller.get("/vendor").is(http.StatusOK)

			s.Clock.Set(end.Start().Add(time.Minute))
			s.Drain()
			t.Run("refused_changes", func(t *testing.T) {
				b := s.signedIn(t, lang, s.email(t, buyer)) // signing in goes on
				for _, path := range []string{"/checkout", "/orders/" + string(o.ID) + "/refund", "/account/users", "/account/identity"} {
					a := b.post(path, url.Values{})
					a.is(http.StatusForbidden).says(text.In(lang, "fault.SERVICE_ENDED"))
				}
			})
			t.Run("allowed_reading", func(t *testing.T) {
				b := s.signedIn(t, lang, s.email(t, buyer))
				for _, path := range []string{"/", "/orders", "/orders/" + string(o.ID), "/orders/" + string(o.ID) + "/receipt", "/wind-down", "/status", "/changes", "/rules/agreement"} {
					b.get(path).is(http.StatusOK)
				}
				b.get("/wind-down").says(text.In(lang, "operation.end.archive"))
			})
		})
	}
}
