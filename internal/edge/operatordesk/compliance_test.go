package operatordesk_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"yunshi/internal/base/db"
	"yunshi/internal/market/account"
	"yunshi/internal/market/report"
	"yunshi/internal/testkit"
)

// The dashboard is computed from records: taking the report is what fulfils the
// duty.
func TestIdentitiesAreFiledInJanuaryAndJuly(t *testing.T) {
	testkit.EnginesAt(t, func(t *testing.T, dbase *db.DB, clock *testkit.Clock) {
		d := open(t, dbase, clock)
		standing := func(code string) (s report.Standing) {
			t.Helper()
			d.Read(func(r db.Reader) error {
				all, err := report.Duties(t.Context(), r)
				for _, one := range all {
					if one.Code == code {
						s = one
					}
				}
				return err
			})
			return s
		}
		before := standing("identities")
		if !before.Last.IsZero() || before.Due.IsZero() {
			t.Errorf("before: %+v", before.Sight)
		}
		officer := d.enter(d.Compliance, "en")
		officer.see("/operator/compliance", "market regulator", "Never")
		d.enter(d.Compliance, "zh").see("/operator/compliance", "合规义务", "市场监管部门")
		officer.see("/operator/compliance/identities", "Example Software")
		t.Run("allowed_compliance", func(t *testing.T) {
			code, body, h := officer.send("POST", "/operator/compliance/identities", url.Values{"as": {"csv"}, "idempotency_key": {"k1"}})
			if code != http.StatusOK || !strings.Contains(body, "Example Software") || !strings.Contains(h.Get("Content-Disposition"), "ecl28-identities-") {
				t.Fatalf("%d %q", code, body)
			}
		})
		t.Run("refused_finance", func(t *testing.T) {
			if code, _, _ := d.enter(d.Finance, "en").send("POST", "/operator/compliance/identities", url.Values{"as": {"csv"}}); code != http.StatusForbidden {
				t.Errorf("%d", code)
			}
		})
		after := standing("identities")
		if after.Last.IsZero() || after.Proof == "" || after.State == "overdue" || after.Due.Before(clock.Now()) {
			t.Errorf("after: %+v %s", after.Sight, after.State)
		}
		officer.see("/operator/compliance", "/operator/records/"+after.Proof)
		// A new application waits without a time of its own.
		d.Registered(account.LegalPerson)
		if s := standing("vendor_identity"); s.Due.IsZero() || s.State != "done" && s.State != "due" {
			t.Errorf("re-verification: %+v %s", s.Sight, s.State)
		}
	})
}
