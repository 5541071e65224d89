package privacy

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/market/account"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/vendor"
)

// AnnexSection is the section of the rulebook that vendors take on before they get
// data of a customer.
const AnnexSection = "privacy-6"

// AnnexText is the annex in force and the number of its version.
func AnnexText(ctx context.Context, r db.Reader) (agreement.Clause, int64, error) {
	book, err := agreement.ReadDocument(ctx, r, Rulebook, 0)
	if err != nil {
		return agreement.Clause{}, 0, err
	}
	for _, c := range book.Clauses {
		if c.ID == AnnexSection {
			return c, book.Number, nil
		}
	}
	return agreement.Clause{}, 0, fmt.Errorf("privacy: rulebook %d has no section %s", book.Number, AnnexSection)
}

// AcceptAnnex records that a vendor takes on the duties of the annex in force, and
// plans its first audit. Accepting it again changes nothing.
func AcceptAnnex(ctx context.Context, tx *db.Tx, by audit.Actor, v vendor.Vendor) (err error) {
	defer fault.Wrap(&err, "privacy.AcceptAnnex(%s)", v.ID)
	if by.Account != string(v.Account) || !by.Has(account.Owner) {
		return ErrForbidden
	}
	annex, number, err := AnnexText(ctx, tx)
	if err != nil {
		return err
	}
	sum := digest(annex.Text.ZH + "\n" + annex.Text.EN)
	n, err := tx.Exec(ctx, insertAnnex, string(v.ID), number, sum, by.User, db.Micros(tx.Now()))
	if err != nil || n == 0 {
		return err
	}
	if err := audit.Record(ctx, tx, by, audit.Entry{
		Act: "privacy.annex_accepted", Subjects: []string{string(v.ID)}, Clauses: []string{"UA 6.3", "RB " + AnnexSection},
		Data: map[string]any{"version": number, "text_sha256": sum},
	}); err != nil {
		return err
	}
	next, err := nextAudit(ctx, tx)
	if err != nil {
		return err
	}
	return plan(ctx, tx, by, v.ID, Periodic, "", next)
}

// auditRule is how often vendors are looked at, how soon after a complaint, and
// what open matters take off the score.
type auditRule struct {
	Months        int   `json:"months"`
	ComplaintDays int   `json:"complaint_days"`
	FindingPoints int64 `json:"finding_points"`
	OverduePoints int64 `json:"overdue_points"`
}

func nextAudit(ctx context.Context, r db.Reader) (time.Time, error) {
	rule, err := agreement.Setting[auditRule](ctx, r, "vendor_audit")
	return calendar.AddMonths(calendar.On(r.Now()), rule.Months).Last(), err
}

// AnnexesOf are the versions that a vendor has accepted, newest first.
func AnnexesOf(ctx context.Context, r db.Reader, v vendor.ID) ([]Annex, error) {
	return db.All(ctx, r, scanAnnex, selectAnnexe, string(v))
}

// MayReceive refuses to give customers' data to a vendor without the annex in force
// (ANNEX_REQUIRED) or with a misuse that is not remedied (SHARING_STOPPED).
func MayReceive(ctx context.Context, r db.Reader, v vendor.ID) error {
	accepted, err := AnnexesOf(ctx, r, v)
	if err != nil {
		return err
	}
	_, number, err := AnnexText(ctx, r)
	if err != nil {
		return err
	}
	findings, err := FindingsOf(ctx, r, v)
	if err != nil {
		return err
	}
	return shareable(accepted, number, findings)
}

// plan puts an audit on the plan; one that is there already for the same cause
// stays.
func plan(ctx context.Context, tx *db.Tx, by audit.Actor, v vendor.ID, cause, about string, due time.Time) error {
	id := AuditID(tx.ID("pau"))
	note, err := tx.Keys().Seal("", auditNoteAt(id))
	if err != nil {
		return err
	}
	n, err := tx.Exec(ctx, insertAudit, string(id), string(v), cause, about, db.Micros(due), note)
	if err != nil || n == 0 {
		return err
	}
	return audit.Record(ctx, tx, by, audit.Entry{
		Act: "privacy.audit_planned", Subjects: []string{string(id), string(v), about}, Clauses: []string{"UA 6.3"}, Data: map[string]any{"cause": cause, "due": db.Micros(due)},
	})
}

// PlanAudit puts an audit after a complaint on the plan.
func PlanAudit(ctx context.Context, tx *db.Tx, by audit.Actor, v vendor.ID, about string) (err error) {
	defer fault.Wrap(&err, "privacy.PlanAudit(%s)", v)
	if !by.Has(account.Compliance) {
		return ErrForbidden
	}
	if about, err = words(about, "about", true); err != nil {
		return err
	}
	if _, err := vendor.Get(ctx, tx, v); err != nil {
		return ErrInvalid.In("vendor")
	}
	rule, err := agreement.Setting[auditRule](ctx, tx, "vendor_audit")
	if err != nil {
		return err
	}
	return plan(ctx, tx, by, v, OnComplaint, about, calendar.On(tx.Now()).AddDays(rule.ComplaintDays).Last())
}

// EndAudit records what an audit came to, from 0 to 100, and plans the next
// periodic one.
func EndAudit(ctx context.Context, tx *db.Tx, by audit.Actor, id AuditID, score int64, note string) (err error) {
	defer fault.Wrap(&err, "privacy.EndAudit(%s)", id)
	if !by.Has(account.Compliance) {
		return ErrForbidden
	}
	a, err := AuditOf(ctx, tx, id)
	if err != nil {
		return err
	}
	if score < 0 || score > 100 {
		return ErrInvalid.In("score")
	}
	if note, err = words(note, "note", true); err != nil {
		return err
	}
	stored, err := tx.Keys().Seal(note, auditNoteAt(id))
	if err != nil {
		return err
	}
	if err := moved(tx.Exec(ctx, doAudit, score, stored, by.User, db.Micros(tx.Now()), string(id))); err != nil {
		return err
	}
	if err := audit.Record(ctx, tx, by, audit.Entry{
		Act: "privacy.audited", Subjects: []string{string(id), string(a.Vendor)}, Clauses: []string{"UA 6.3"}, Data: map[string]any{"score": score, "cause": a.Cause},
	}); err != nil || a.Cause != Periodic {
		return err
	}
	next, err := nextAudit(ctx, tx)
	if err != nil {
		return err
	}
	return plan(ctx, tx, by, a.Vendor, Periodic, "", next)
}

// Found is something an officer finds wrong.
type Found struct {
	Vendor   vendor.ID
	Audit    AuditID
	About    string // a request, complaint or product
	Severity string
	Text     string
}

// OpenFinding opens a finding against a vendor, with a day to remedy it by, and
// tells the vendor (P-03). Misuse stops sharing at once.
func OpenFinding(ctx context.Context, tx *db.Tx, by audit.Actor, in Found) (_ Finding, err error) {
	defer fault.Wrap(&err, "privacy.OpenFinding(%s)", in.Vendor)
	if !by.Has(account.Compliance) {
		return Finding{}, ErrForbidden
	}
	seller, err := vendor.Get(ctx, tx, in.Vendor)
	if err != nil {
		return Finding{}, ErrInvalid.In("vendor")
	}
	if in.Text, err = words(in.Text, "text", true); err != nil {
		return Finding{}, err
	}
	rule, err := agreement.Setting[map[string]any](ctx, tx, "finding_remedy")
	if err != nil {
		return Finding{}, err
	}
	days, known := rule[in.Severity+"_days"].(float64)
	if !known {
		return Finding{}, ErrInvalid.In("severity")
	}
	f := Finding{
		ID: FindingID(tx.ID("pfd")), Vendor: in.Vendor, Audit: in.Audit, About: strings.TrimSpace(in.About), Severity: in.Severity, State: FindingOpen, Text: in.Text,
		RemedyDue: calendar.On(tx.Now()).AddDays(int(days)).Last(), OpenedBy: by.User, OpenedAt: tx.Now(),
	}
	text, err := tx.Keys().Seal(f.Text, findingAt(f.ID))
	if err != nil {
		return Finding{}, err
	}
	empty, err := tx.Keys().Seal("", outcomeAt(f.ID))
	if err != nil {
		return Finding{}, err
	}
	if _, err := tx.Exec(ctx, insertFinding, string(f.ID), string(f.Vendor), string(f.Audit), f.About, f.Severity, text, db.Micros(f.RemedyDue), f.OpenedBy,
		db.Micros(f.OpenedAt), empty); err != nil {
		return Finding{}, err
	}
	if err := audit.Record(ctx, tx, by, audit.Entry{
		Act: "privacy.finding_opened", Subjects: []string{string(f.ID), string(f.Vendor), string(f.Audit), f.About}, Clauses: []string{"UA 6.3"},
		Data: map[string]any{"severity": f.Severity, "due": db.Micros(f.RemedyDue)},
	}); err != nil {
		return Finding{}, err
	}
	return f, told(ctx, tx, seller.Account, "P-03", "/vendor/data", map[string]string{
		"FindingWeight": f.Severity, "DueAt": f.RemedyDue.Format(time.RFC3339), "Text": f.Text,
	})
}

// CloseFinding ends a finding: remedied, or escalated to a case of enforcement,
// which it names.
func CloseFinding(ctx context.Context, tx *db.Tx, by audit.Actor, id FindingID, to FindingState, outcome, caseID string) (err error) {
	defer fault.Wrap(&err, "privacy.CloseFinding(%s)", id)
	if !by.Has(account.Compliance) {
		return ErrForbidden
	}
	f, err := found(db.One(ctx, tx, scanFinding(tx), selectFinding, string(id)))
	if err != nil {
		return err
	}
	caseID = strings.TrimSpace(caseID)
	switch {
	case to != Remedied && to != Escalated:
		return ErrInvalid.In("state")
	case to == Escalated && caseID == "":
		return ErrRequired.In("case")
	}
	if to == Remedied {
		caseID = ""
	}
	if outcome, err = words(outcome, "outcome", true); err != nil {
		return err
	}
	stored, err := tx.Keys().Seal(outcome, outcomeAt(id))
	if err != nil {
		return err
	}
	if err := moved(tx.Exec(ctx, moveFinding, string(to), by.User, db.Micros(tx.Now()), stored, caseID, string(id))); err != nil {
		return err
	}
	return audit.Record(ctx, tx, by, audit.Entry{
		Act: "privacy.finding_" + string(to), Subjects: []string{string(f.ID), string(f.Vendor), caseID}, Clauses: []string{"UA 6.3"},
	})
}

// AuditOf returns an audit.
func AuditOf(ctx context.Context, r db.Reader, id AuditID) (Audit, error) {
	return found(db.One(ctx, r, scanAudit(r), selectAudit, string(id)))
}

// Plan are the audits that are planned, the next first.
func Plan(ctx context.Context, r db.Reader) ([]Audit, error) {
	return db.All(ctx, r, scanAudit(r), selectPlan)
}

// AuditsOf are the audits of a vendor, newest first.
func AuditsOf(ctx context.Context, r db.Reader, v vendor.ID) ([]Audit, error) {
	return db.All(ctx, r, scanAudit(r), selectAudits, string(v))
}

// OpenFindings are the findings that are not closed, the most urgent first.
func OpenFindings(ctx context.Context, r db.Reader) ([]Finding, error) {
	return db.All(ctx, r, scanFinding(r), selectOpen)
}

// FindingsOf are the findings against a vendor, newest first.
func FindingsOf(ctx context.Context, r db.Reader, v vendor.ID) ([]Finding, error) {
	return db.All(ctx, r, scanFinding(r), selectFound, string(v))
}

// Score is a vendor's score of data protection: that of its last audit, less the
// rulebook's points for each open finding and each request it has let pass; false
// before the first audit.
func Score(ctx context.Context, r db.Reader, v vendor.ID) (score int64, known bool, err error) {
	audits, err1 := AuditsOf(ctx, r, v)
	findings, err2 := FindingsOf(ctx, r, v)
	due, err3 := DueTo(ctx, r, v)
	rule, err4 := agreement.Setting[auditRule](ctx, r, "vendor_audit")
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		return 0, false, err
	}
	for _, a := range audits {
		if a.State == AuditDone {
			score, known = a.Score, true
			break
		}
	}
	for _, f := range findings {
		if f.State == FindingOpen {
			score -= rule.FindingPoints
		}
	}
	for _, q := range due {
		if q.State == Overdue {
			score -= rule.OverduePoints
		}
	}
	return max(score, 0), known, nil
}
