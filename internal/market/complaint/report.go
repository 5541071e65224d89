package complaint

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"yunshi/internal/base/cn"
	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/market/account"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/catalog"
	"yunshi/internal/market/job"
	"yunshi/internal/market/vendor"
)

// ReportID names a report, and is its tracking number: "rpt_…".
type ReportID string

// ReportState is where a report stands.
type ReportState string

// The states of a report.
const (
	Unconfirmed ReportState = "unconfirmed"
	Received    ReportState = "received"
	HandedOver  ReportState = "handed_over"
	Ended       ReportState = "closed"
)

// Results lists how a report may end.
var Results = []string{"acted", "no_breach", "not_enough"}

// Report is what somebody reports as a violation, with or without an account. Who
// reported is told to nobody but the staff.
type Report struct {
	ID          ReportID
	Account     account.ID // "" for somebody without an account
	Email       string     `json:"-"`
	Kind        string     // the rule that is said to be broken
	Product     catalog.ProductID
	Vendor      vendor.ID
	Place       string `json:"-"` // where it happened, in the reporter's words
	Text        string `json:"-"`
	SHA256      string // of the text
	Locale      string
	State       ReportState
	Case        string // of the enforcement
	Outcome     string
	Reply       string `json:"-"` // to the reporter
	ClosedBy    string
	Version     int64
	Due         time.Time
	CreatedAt   time.Time
	ConfirmedAt time.Time
	ClosedAt    time.Time

	emailIndex, sourceIndex string
}

// AuditSubject names the report in records.
func (p Report) AuditSubject() string { return string(p.ID) }

// Notice is what somebody reports. Product is the address name of a product, and
// may be empty; Source is where the request came from.
type Notice struct {
	Kind    string
	Product string
	Place   string
	Text    string
	Email   string // required without an account
	Locale  string
	Source  string
}

// Report takes a report of a violation. Of somebody without an account it counts
// only once the e-mail address is confirmed; with the secret, which is shown once,
// anybody can follow it.
func (u Rules) Report(ctx context.Context, tx *db.Tx, by audit.Actor, in Notice) (_ Report, secret string, err error) {
	defer fault.Wrap(&err, "complaint.Report(%s)", in.Kind)
	law, err := agreement.LawInForce(ctx, tx)
	if err != nil {
		return Report{}, "", err
	}
	p := Report{Kind: in.Kind, Locale: in.Locale, Version: 1, CreatedAt: tx.Now(), Account: account.ID(by.Account)}
	if err := takes(in.Kind, law); err != nil {
		return Report{}, "", err
	}
	if p, err = written(p, in); err != nil {
		return Report{}, "", err
	}
	if in.Product != "" {
		product, err := catalog.BySlug(ctx, tx, in.Product)
		if err != nil {
			return Report{}, "", ErrInvalid.In("product")
		}
		p.Product, p.Vendor = product.ID, product.Vendor
	}
	keys := tx.Keys()
	p.emailIndex, p.sourceIndex = keys.Index("complaint.report.email", strings.ToLower(p.Email)), keys.Index("complaint.report.source", in.Source)
	if err := limited(ctx, tx, p); err != nil {
		return Report{}, "", err
	}
	p.ID = ReportID(tx.ID("rpt"))
	p.State = Unconfirmed
	if p.Account != "" {
		p.State, p.ConfirmedAt = Received, tx.Now()
	}
	if p.Due, _, err = dueAfter(ctx, tx, "complaint_report"); err != nil {
		return Report{}, "", err
	}
	if err := keepReport(ctx, tx, p); err != nil {
		return Report{}, "", err
	}
	if err := recordReport(ctx, tx, by, p, "report.submitted"); err != nil {
		return Report{}, "", err
	}
	secret = trackingSecret(tx, p.ID)
	if p.State == Unconfirmed {
		return p, secret, job.Enqueue(ctx, tx, job.Spec{Kind: mailJob, Object: string(p.ID), Name: "confirm", Unique: true})
	}
	err = u.received(ctx, tx, by, &p)
	return p, secret, err
}

func written(p Report, in Notice) (_ Report, err error) {
	var faults fault.List
	if p.Text, err = words(in.Text, "text", true); err != nil {
		faults = append(faults, fault.All(err)...)
	}
	if p.Place, err = words(in.Place, "place", in.Product == ""); err != nil {
		faults = append(faults, fault.All(err)...)
	}
	if p.Account == "" {
		email, err := cn.ParseEmail(in.Email)
		if err != nil {
			faults = append(faults, ErrInvalid.In("email"))
		}
		p.Email = email.Delivery()
	}
	sum := sha256.Sum256([]byte(p.Text))
	p.SHA256 = hex.EncodeToString(sum[:])
	return p, faults.Err()
}

func limited(ctx context.Context, tx *db.Tx, p Report) error {
	rule, err := agreement.Setting[struct {
		PerDay int64 `json:"per_day"`
	}](ctx, tx, "complaint_report_limit")
	if err != nil {
		return err
	}
	since := db.Micros(tx.Now().Add(-24 * time.Hour))
	sent, err := db.Value[int64](ctx, tx, countSource, p.sourceIndex, since)
	if err != nil {
		return err
	}
	if p.Email != "" {
		of, err := db.Value[int64](ctx, tx, countEmail, p.emailIndex, since)
		if err != nil {
			return err
		}
		sent = max(sent, of)
	}
	return within(sent, rule.PerDay)
}

func keepReport(ctx context.Context, tx *db.Tx, p Report) error {
	sealed := map[string][]byte{}
	for column, plain := range map[string]string{"report.email": p.Email, "report.place": p.Place, "report.text": p.Text, "report.reply": ""} {
		var err error
		if sealed[column], err = tx.Keys().Seal(plain, sealedAt(column, string(p.ID))); err != nil {
			return err
		}
	}
	_, err := tx.Exec(ctx, insertReport, string(p.ID), string(p.Account), sealed["report.email"], p.emailIndex, p.sourceIndex, p.Kind, string(p.Product),
		string(p.Vendor), sealed["report.place"], sealed["report.text"], p.SHA256, p.Locale, string(p.State), sealed["report.reply"], db.Micros(p.Due),
		db.Micros(p.CreatedAt), db.Micros(p.ConfirmedAt))
	return err
}

func recordReport(ctx context.Context, tx *db.Tx, by audit.Actor, p Report, act string) error {
	clause := p.Kind
	if clause == "other" {
		clause = "ECL 59"
	}
	return audit.Record(ctx, tx, by, audit.Entry{
		Act: act, Subjects: []string{string(p.ID), string(p.Product), string(p.Vendor), p.Case}, Clauses: []string{clause},
		Data: map[string]any{"state": p.State, "kind": p.Kind, "text_sha256": p.SHA256, "outcome": p.Outcome, "account": p.Account != ""},
	})
}

// trackingSecret lets whoever reported follow the report; it can always be made
// again and is stored nowhere.
func trackingSecret(r db.Reader, id ReportID) string {
	return r.Keys().Index("complaint.report.track", string(id))[:24]
}

// Code is the tracking code of a report, for the page that shows it once to whoever
// has just made the report.
func Code(r db.Reader, id ReportID) string { return trackingSecret(r, id) }

func confirmToken(r db.Reader, id ReportID) string {
	return r.Keys().Index("complaint.report.confirm", string(id))
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// Confirm makes a report count whose reporter has opened the link of the mail.
func (u Rules) Confirm(ctx context.Context, tx *db.Tx, id ReportID, token string) (_ Report, err error) {
	defer fault.Wrap(&err, "complaint.Confirm(%s)", id)
	p, err := found(db.One(ctx, tx, scanReport(tx), selectReport, string(id)))
	if err != nil {
		return Report{}, err
	}
	if !same(token, confirmToken(tx, id)) {
		return Report{}, ErrNotFound
	}
	if p.State != Unconfirmed {
		return p, nil
	}
	rule, err := agreement.Setting[struct {
		Hours int `json:"hours"`
	}](ctx, tx, "complaint_report_confirm")
	if err != nil {
		return Report{}, err
	}
	if tx.Now().After(p.CreatedAt.Add(time.Duration(rule.Hours) * time.Hour)) {
		return Report{}, ErrExpired
	}
	by := audit.Actor{Kind: audit.Person} // somebody without an account
	if p.Due, _, err = dueAfter(ctx, tx, "complaint_report"); err != nil {
		return Report{}, err
	}
	from := p.State
	p.State, p.ConfirmedAt = Received, tx.Now()
	if err := moveTo(ctx, tx, by, &p, from, "report.confirmed"); err != nil {
		return Report{}, err
	}
	err = u.received(ctx, tx, by, &p)
	return p, err
}

// received notes what the operator has learnt, and hands a violation whose subject
// is known to enforcement.
func (u Rules) received(ctx context.Context, tx *db.Tx, by audit.Actor, p *Report) error {
	if err := u.learn(ctx, tx, by, string(p.ID), p.Account, p.Product, p.Vendor, p.Kind); err != nil {
		return err
	}
	if p.Vendor == "" || p.Kind == "other" {
		return nil
	}
	return u.handOver(ctx, tx, by, p)
}

// handOver opens a case, where there is somebody who opens cases.
//
// Clause: ECL 59 (a report of a violation reaches whoever decides on measures).
func (u Rules) handOver(ctx context.Context, tx *db.Tx, by audit.Actor, p *Report) (err error) {
	if u.Enforce == nil {
		return nil
	}
	if p.Case, err = u.Enforce(ctx, tx, by, Violation{Report: p.ID, Kind: p.Kind, Vendor: p.Vendor, Product: p.Product, SHA256: p.SHA256}); err != nil {
		return err
	}
	from := p.State
	p.State = HandedOver
	return moveTo(ctx, tx, by, p, from, "report.handed_over")
}

func moveTo(ctx context.Context, tx *db.Tx, by audit.Actor, p *Report, from ReportState, act string) error {
	reply, err := tx.Keys().Seal(p.Reply, sealedAt("report.reply", string(p.ID)))
	if err != nil {
		return err
	}
	n, err := tx.Exec(ctx, moveReport, p.Kind, string(p.Product), string(p.Vendor), string(p.State), p.Case, p.Outcome, reply, p.ClosedBy,
		db.Micros(p.Due), db.Micros(p.ConfirmedAt), db.Micros(p.ClosedAt), string(p.ID), p.Version, string(from))
	if err != nil {
		return err
	}
	if n == 0 {
		return ErrStale
	}
	p.Version++
	return recordReport(ctx, tx, by, *p, act)
}

// Pass corrects what a report is about and hands it to enforcement.
func (u Rules) Pass(ctx context.Context, tx *db.Tx, by audit.Actor, id ReportID, seen int64, kind, product string) (_ Report, err error) {
	defer fault.Wrap(&err, "complaint.Pass(%s)", id)
	p, err := atDesk(ctx, tx, by, id, seen)
	if err != nil {
		return Report{}, err
	}
	if p.State != Received || !slices.Contains(Kinds, kind) || kind == "other" {
		return Report{}, ErrInvalid.In("kind")
	}
	p.Kind = kind
	if product != "" {
		one, err := catalog.BySlug(ctx, tx, product)
		if err != nil {
			return Report{}, ErrInvalid.In("product")
		}
		p.Product, p.Vendor = one.ID, one.Vendor
	}
	if p.Vendor == "" {
		return Report{}, ErrRequired.In("product")
	}
	if err := moveTo(ctx, tx, by, &p, Received, "report.tagged"); err != nil {
		return Report{}, err
	}
	err = u.received(ctx, tx, by, &p)
	return p, err
}

// Settle ends a report with what came of it, which the reporter is told.
func (u Rules) Settle(ctx context.Context, tx *db.Tx, by audit.Actor, id ReportID, seen int64, outcome, reply string) (_ Report, err error) {
	defer fault.Wrap(&err, "complaint.Settle(%s)", id)
	p, err := atDesk(ctx, tx, by, id, seen)
	if err != nil {
		return Report{}, err
	}
	if !slices.Contains(Results, outcome) {
		return Report{}, ErrInvalid.In("outcome")
	}
	if p.Reply, err = words(reply, "reply", true); err != nil {
		return Report{}, err
	}
	from := p.State
	if from != Received && from != HandedOver {
		return Report{}, ErrState.With("State", from)
	}
	p.State, p.Outcome, p.ClosedBy, p.ClosedAt = Ended, outcome, by.User, tx.Now()
	if err := moveTo(ctx, tx, by, &p, from, "report.closed"); err != nil {
		return Report{}, err
	}
	if p.Account != "" {
		return p, tell(ctx, tx, "C-02", p.Account, "/reports/"+string(p.ID), map[string]string{"Report": string(p.ID), "Result": outcome})
	}
	return p, job.Enqueue(ctx, tx, job.Spec{Kind: mailJob, Object: string(p.ID), Name: "closed", Unique: true})
}

func atDesk(ctx context.Context, r db.Reader, by audit.Actor, id ReportID, seen int64) (Report, error) {
	if !decides(by) {
		return Report{}, ErrForbidden
	}
	p, err := found(db.One(ctx, r, scanReport(r), selectReport, string(id)))
	if err != nil {
		return Report{}, err
	}
	return p, current(p.Version, seen)
}

// Track is a report to whoever knows its number and secret.
func Track(ctx context.Context, r db.Reader, id ReportID, secret string) (Report, error) {
	if !same(strings.TrimSpace(secret), trackingSecret(r, id)) {
		return Report{}, ErrNotFound
	}
	return found(db.One(ctx, r, scanReport(r), selectReport, string(id)))
}

// ReportOf is a report to the staff who answer it.
func ReportOf(ctx context.Context, r db.Reader, by audit.Actor, id ReportID) (Report, error) {
	if !decides(by) {
		return Report{}, ErrForbidden
	}
	return found(db.One(ctx, r, scanReport(r), selectReport, string(id)))
}

// MyReport is a report of the actor's account; another's does not exist.
func MyReport(ctx context.Context, r db.Reader, by audit.Actor, id ReportID) (Report, error) {
	p, err := found(db.One(ctx, r, scanReport(r), selectReport, string(id)))
	if err != nil {
		return Report{}, err
	}
	if p.Account == "" || by.Account != string(p.Account) {
		return Report{}, account.ErrForeign
	}
	return p, nil
}

// MyReports lists the newest reports of the actor's account.
func MyReports(ctx context.Context, r db.Reader, by audit.Actor, n int) ([]Report, error) {
	if by.Account == "" {
		return nil, nil
	}
	return db.All(ctx, r, scanReport(r), selectMyReports, by.Account, n)
}

// OpenReports lists the reports that wait for the operator, the most urgent first.
func OpenReports(ctx context.Context, r db.Reader, n int) ([]Report, error) {
	return db.All(ctx, r, scanReport(r), selectReports, n)
}
