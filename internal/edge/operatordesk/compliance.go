package operatordesk

import (
	"context"
	"encoding/json"
	"time"

	"github.com/a-h/templ"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/db"
	"yunshi/internal/base/text"
	"yunshi/internal/edge/page"
	"yunshi/internal/edge/serve"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/report"
)

// complianceView is every duty of the operator, with its last proof.
type complianceView struct {
	frame
	now     time.Time
	duties  []report.Standing
	overdue int
}

func (d desk) compliance(c *serve.Call) error {
	ctx := c.R.Context()
	view := complianceView{now: c.Now()}
	if err := c.Read(func(r db.Reader) (err error) {
		view.duties, err = report.Duties(ctx, r)
		return err
	}); err != nil {
		return err
	}
	for _, s := range view.duties {
		if s.State == "overdue" {
			view.overdue++
		}
	}
	view.frame = d.frame(c, "/operator/compliance", text.T(ctx, "duty.title"))
	return show(c, nil, compliancePage(view))
}

func dutyTone(state string) page.Tone {
	return map[string]page.Tone{"overdue": page.Danger, "due": page.Warning, "open": page.Info, "done": page.Success}[state]
}

func dutyRows(ctx context.Context, v complianceView) (rows [][]templ.Component) {
	for _, s := range v.duties {
		due := page.Muted(text.T(ctx, "duty.nothing"))
		if !s.Due.IsZero() {
			due = page.Clock(v.now, s.Due)
		}
		rows = append(rows, []templ.Component{
			dutyName(s), page.Chip(dutyTone(s.State), text.T(ctx, "duty.state."+s.State)), page.Str(text.T(ctx, "duty.role."+s.Owner)), dutyProof(s), due,
			page.Str(text.Number(ctx, s.Open)),
		})
	}
	return rows
}

type identitiesView struct {
	frame
	report.Identities
	by  audit.Actor
	key string
}

// filingAsked is the filing of the address, or the one that has begun last.
func filingAsked(c *serve.Call) calendar.Date {
	if at, err := time.ParseInLocation("2006-01", c.R.FormValue("filing"), calendar.Shanghai); err == nil {
		return report.FilingOf(at)
	}
	return report.FilingOf(c.Now())
}

func (d desk) vendorIdentities(c *serve.Call) error {
	ctx := c.R.Context()
	view := identitiesView{by: c.Actor, key: freshKey()}
	if err := c.Read(func(r db.Reader) (err error) {
		view.Identities, err = report.IdentitiesOf(ctx, r, d.m.Info.Operator, filingAsked(c))
		return err
	}); err != nil {
		return err
	}
	view.frame = d.frame(c, "/operator/compliance", text.T(ctx, "duty.identities"))
	return show(c, nil, identitiesReportPage(view))
}

func identityReportRows(v report.Identities) (rows [][]templ.Component) {
	for _, one := range v.Vendors {
		rows = append(rows, []templ.Component{page.Anchor("/operator/vendors/"+one.Vendor, one.Name), page.ID(one.USCC), page.Str(one.Address), page.Str(one.VerifiedAt)})
	}
	return rows
}

// makeIdentities is the report as a file. Who took it, and its hash, is the proof
// of the duty.
func (d desk) makeIdentities(c *serve.Call) error {
	form := c.R.PostFormValue("as")
	var out report.Identities
	if err := c.Read(func(r db.Reader) (err error) {
		out, err = report.IdentitiesOf(c.R.Context(), r, d.m.Info.Operator, filingAsked(c))
		return err
	}); err != nil {
		return err
	}
	err := command(c, "report.identities", []string{"ECL 28"}, nil, []string{out.Filing, form, out.SHA256}, func(ctx context.Context, tx *db.Tx) error {
		return audit.Record(ctx, tx, c.Actor, audit.Entry{
			Act: "report.identities.made", Subjects: []string{report.DutyIdentities}, Clauses: []string{"ECL 28"},
			Data: map[string]any{"filing": out.Filing, "vendors": len(out.Vendors), "csv_sha256": out.SHA256},
		})
	})
	if err != nil {
		return err
	}
	body, kind, name := []byte(out.CSV()), "text/csv; charset=utf-8", out.Filing+".csv"
	if form == "json" {
		if body, err = json.MarshalIndent(out, "", "  "); err != nil {
			return err
		}
		kind, name = "application/json", out.Filing+".json"
	}
	return handOut(c, kind, "ecl28-identities-"+name, body)
}

func (v identitiesView) files() bool { return v.by.Has(account.Compliance) }
