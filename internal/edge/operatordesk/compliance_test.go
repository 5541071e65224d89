package operatordesk_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/base/mail"
	"yunshi/internal/base/text"
	"yunshi/internal/market/account"
	"yunshi/internal/market/message"
	"yunshi/internal/market/operation"
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

// The hour by which the authority is told stands on the desk, in the list, on the
// incident and among the duties, and turns into an alarm when it is over.
func TestClause_7_2_TheDeskCountsDownToTheAuthority(t *testing.T) {
	testkit.EnginesAt(t, func(t *testing.T, dbase *db.DB, clock *testkit.Clock) {
		d := open(t, dbase, clock)
		d.With(operation.Work{}.Handlers())
		d.With(message.Work{Sender: &mail.Recorder{}}.Handlers())
		for _, law := range []struct {
			code, article string
			hours         time.Duration
		}{{"CN", "PIPL 57", 4 * time.Hour}, {"EU", "GDPR 33", 72 * time.Hour}, {"OTHER", "", 0}} {
			t.Run(law.code, func(t *testing.T) {
				var i operation.Incident
				d.Write(func(tx *db.Tx) (err error) {
					if _, err = tx.Exec(t.Context(), `UPDATE agreement_version SET jurisdiction = $1`, law.code); err != nil {
						return err
					}
					i, err = operation.OpenIncident(t.Context(), tx, d.Compliance, operation.Finding{Kind: "leak", Personal: true, DataKinds: []string{"orders"}, Everyone: true, Summary: "密钥泄露"})
					return err
				})
				at := "/operator/incidents/" + string(i.ID)
				for lang, word := range map[string]string{"zh": "主管部门告知期限", "en": "Authority told by"} {
					officer := d.enter(d.Compliance, lang)
					page := officer.see(at, word)
					if law.hours == 0 {
						officer.see(at, text.In(text.Lang(lang), "operation.due.none"))
						if strings.Contains(page, text.Clause(text.Lang(lang), "PIPL 57")) || strings.Contains(page, text.Clause(text.Lang(lang), "GDPR 33")) {
							t.Error("a law is named that does not stand under the agreement")
						}
						continue
					}
					due := i.DetectedAt.Add(law.hours).UTC().Format(time.RFC3339)
					for _, path := range []string{at, "/operator/incidents", "/operator", "/operator/compliance"} {
						officer.see(path, due)
					}
					officer.see(at, text.Clause(text.Lang(lang), law.article))
					officer.see("/operator/compliance", text.Clause(text.Lang(lang), law.article))
				}
				if law.hours == 0 {
					return
				}
				clock.Advance(law.hours + time.Minute)
				d.Drain()
				officer := d.enter(d.Compliance, "en")
				officer.see("/operator/compliance", text.In(text.EN, "duty.state.overdue"))
				d.Write(func(tx *db.Tx) error {
					_, err := operation.ReportAuthority(t.Context(), tx, d.Compliance, i.ID, i.Version, "网信部门", "WX-1")
					return err
				})
				if page := officer.see("/operator/incidents"); !i.DueAt.Equal(i.AuthorityDue) && strings.Contains(page, i.AuthorityDue.UTC().Format(time.RFC3339)) {
					t.Error("it counts although the authority was told")
				}
			})
		}
	})
}
