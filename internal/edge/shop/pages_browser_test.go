package shop_test

import (
	"testing"

	"yunshi/internal/market/account"
	"yunshi/internal/market/delivery"
	"yunshi/internal/testkit/tab"
	"yunshi/internal/testkit/world"
)

// A market in which nothing has happened yet, and the answers to what nobody filled
// in: what a place is for, what is missing, and what to do about it.
func TestEmptyAndRefusedPagesInARealBrowser(t *testing.T) {
	b := tab.Open(t)
	s := open(t)
	s.operate()
	customer := s.Customer(account.LegalPerson)
	s.Drain()
	mine, seller, officer, nobody := tab.Serve(t, s.handler, s.token(t, customer)), tab.Serve(t, s.handler, s.token(t, s.Seller)), tab.Serve(t, s.handler, s.token(t, s.Compliance)), tab.Serve(t, s.handler, "")
	b.Languages(func(lang string) {
		for _, page := range [][3]string{
			{"complaints", mine, "/complaints"}, {"conversations", mine, "/conversations"}, {"messages", mine, "/messages"}, {"measures", mine, "/account/measures"},
			{"data", mine, "/account/privacy"}, {"my-notices", mine, "/infringement/mine"}, {"register", nobody, "/infringement"}, {"board", nobody, "/sanctions"},
			{"status", nobody, "/status"}, {"changes", nobody, "/changes"}, {"wind-down", nobody, "/wind-down"}, {"verify", nobody, "/verify"},
			{"rules", nobody, "/rules"}, {"consultations", nobody, "/rules/consultations"}, {"found-nothing", nobody, "/rules/search?q=zebra"},
			{"law", nobody, "/rules/law"}, {"archive", nobody, "/rules/archive"},
			{"vendor-complaints", seller, "/vendor/complaints"}, {"vendor-conversations", seller, "/vendor/conversations"}, {"vendor-reviews", seller, "/vendor/reviews"},
			{"vendor-measures", seller, "/vendor/measures"}, {"vendor-notices", seller, "/vendor/infringements"}, {"vendor-data", seller, "/vendor/data"},
			{"desk", officer, "/operator"}, {"desk-complaints", officer, "/operator/complaints"}, {"desk-cases", officer, "/operator/cases"}, {"desk-content", officer, "/operator/content"},
			{"desk-lexicon", officer, "/operator/content/lexicon"}, {"desk-talks", officer, "/operator/conversations"}, {"desk-reviews", officer, "/operator/reviews"},
			{"desk-notices", officer, "/operator/infringements"}, {"desk-bans", officer, "/operator/bans"}, {"desk-privacy", officer, "/operator/privacy"},
			{"desk-incidents", officer, "/operator/incidents"}, {"desk-interruptions", officer, "/operator/interruptions"}, {"desk-changes", officer, "/operator/changes"},
			{"desk-service", officer, "/operator/service"}, {"desk-duties", officer, "/operator/compliance"}, {"desk-identities", officer, "/operator/compliance/identities"},
			{"gone", mine, "/complaints/cmp_nothing"}, {"desk-gone", officer, "/operator/cases/cas_nothing"},
		} {
			b.Open(page[1], page[2], lang)
			b.Look("empty-"+page[0], lang)
		}
	})

	// One of each so that there is something to refuse.
	o := s.Bought(customer, s.list(world.Content(delivery.LicenceKey, 200000)))
	s.Drain()
	b.Languages(func(lang string) {
		for _, form := range [][4]string{
			{"notice", nobody, "/infringement/new?kind=product&object=" + string(s.offer.Product.ID), `[name="summary"]`},
			{"talk", mine, "/conversations/new", `main [name="text"]`}, {"close", mine, "/account/privacy", `#close-sure, [name="sure"]`}, {"ask", mine, "/account/privacy", `[name="kind"]`},
			{"evidence", mine, "/orders/" + string(o.ID) + "/evidence", `[name="reason"]`},
			{"vendor-report", seller, "/vendor/reports/new", `[name="facts"]`},
			{"case", officer, "/operator/cases/new", `[name="facts"]`}, {"lexicon", officer, "/operator/content/lexicon", `[name="term"]`},
			{"incident", officer, "/operator/incidents", `[name="summary"]`}, {"disclosure", officer, "/operator/privacy/new", `[name="purpose"]`},
			{"end", officer, "/operator/service", `[name="end"]`}, {"change", officer, "/operator/changes", `[name="title_zh"]`},
		} {
			b.Open(form[1], form[2], lang)
			b.Send(form[3])
			b.Look("refused-"+form[0], lang)
		}
	})
}
