package operatordesk_test

import (
	"strings"
	"testing"

	"yunshi/internal/base/db"
	"yunshi/internal/market/settlement"
	"yunshi/internal/testkit"
	"yunshi/internal/testkit/tab"
)

// Finance looks at one of everything, with something to decide on each.
func TestTheDeskOfFinanceInARealBrowser(t *testing.T) {
	b := tab.Open(t)
	clock := testkit.NewClock()
	d := open(t, testkit.OpenAt(t, db.SQLite, clock), clock)
	busy(d)
	one := d.enter(d.Finance, "en")
	lines := map[string]string{}
	for _, m := range link.FindAllStringSubmatch(one.see("/operator/statements?state=unmatched"), -1) {
		for _, ref := range []string{"B1", "B2"} {
			if strings.Contains(m[1], "/lines/") && strings.Contains(one.see(m[1]), ">"+ref+"<") {
				lines[ref] = m[1]
			}
		}
	}
	one.post(lines["B1"], 303, "purpose", "deposit", "party", string(d.Vendor), "reason", "the vendor's letter", "evidence", "letter of 3 March")
	home := one.see("/operator/finance")
	withdrawal, exception := first(t, home, "withdrawals"), first(t, one.see("/operator/finance/exceptions"), "exceptions")
	standing := "/operator/finance/vendors/" + string(d.Vendor)
	decision := first(t, one.see("/operator/finance"), "decisions")

	two := tab.Serve(t, d.handler, d.enter(d.Staff("finance"), "en").token)
	var released settlement.Collection
	d.Read(func(r db.Reader) error {
		all, err := settlement.LastReleased(t.Context(), r, d.Vendor, 1)
		released = all[0]
		return err
	})
	b.Languages(func(lang string) {
		for _, page := range [][2]string{
			{"withdrawal", withdrawal}, {"exception", exception}, {"decision", decision}, {"line", lines["B2"]}, {"standing", standing},
			{"order", "/operator/orders/" + string(released.Order)}, {"statements", "/operator/statements"},
		} {
			b.Open(two, page[1], lang)
			b.Look("finance-"+page[0], lang)
		}
	})
}
