package content

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/base/screen"
	"yunshi/internal/market/account"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/audit"
)

// ReportID names a report: "flg_…".
type ReportID string

// Reason is what somebody reports.
type Reason string

// The reasons.
const (
	OffPlatform Reason = "off_platform" // leads to payment outside the market
	Unlawful    Reason = "unlawful"
	Other       Reason = "other"
)

// Reasons lists them in the order of the form.
var Reasons = []Reason{OffPlatform, Unlawful, Other}

// ReportState is where a report stands.
type ReportState string

// The states of a report.
const (
	OpenReport ReportState = "open"
	Dismissed  ReportState = "dismissed"
	Upheld     ReportState = "upheld"
)

// Report says that somebody found a text that should not be there.
type Report struct {
	ID        ReportID
	Reason    Reason
	Kind      Kind
	Ref       string
	SHA256    string // of the reported text as it was
	Hits      []Hit  // what the screen finds in it
	Account   account.ID
	User      account.UserID
	Text      string `json:"-"` // in the reporter's words
	State     ReportState
	Case      string
	Answer    string
	DecidedBy string
	CreatedAt time.Time
	DecidedAt time.Time
}

// AuditSubject names the report in records.
func (r Report) AuditSubject() string { return string(r.ID) }

// File takes a report of a text that the actor can see; the caller has read it
// for the actor. An account has one open report of a thing.
//
// Clause: UA 4.11 (who is led outside can report it, and the hash, the finding and the reporter are kept).
func (r Rules) File(ctx context.Context, tx *db.Tx, by audit.Actor, in Report) (_ Report, err error) {
	defer fault.Wrap(&err, "content.File(%s %s)", in.Kind, in.Ref)
	in.Text = strings.TrimSpace(in.Text)
	law, err := agreement.LawInForce(ctx, tx)
	if err != nil {
		return Report{}, err
	}
	if err := taken(law, in.Reason); err != nil {
		return Report{}, err
	}
	owner, ok := r.Owners[in.Kind]
	switch {
	case !ok:
		return Report{}, ErrInvalid.In("kind")
	case in.Reason != OffPlatform && in.Reason != Unlawful && in.Reason != Other:
		return Report{}, ErrInvalid.In("reason")
	case in.Text == "" && in.Reason != OffPlatform:
		return Report{}, ErrRequired.In("text")
	case len(in.Text) > longest:
		return Report{}, ErrInvalid.In("text")
	}
	o, err := owner.Read(ctx, tx, in.Ref)
	if err != nil {
		return Report{}, err
	}
	words, err := LexiconOf(ctx, tx)
	if err != nil {
		return Report{}, err
	}
	in.ID, in.State, in.SHA256, in.Hits = ReportID(tx.ID("flg")), OpenReport, hashOf(o.Text), hitsOf(words.Scan(o.Text))
	in.Account, in.User, in.CreatedAt = account.ID(by.Account), account.UserID(by.User), tx.Now()
	sealed, err := tx.Keys().Seal(in.Text, reportAt(in.ID))
	if err != nil {
		return Report{}, err
	}
	hits, err := json.Marshal(in.Hits)
	if err != nil {
		return Report{}, err
	}
	n, err := tx.Exec(ctx, insertReport, string(in.ID), string(in.Reason), string(in.Kind), in.Ref, in.SHA256, string(hits), string(in.Account), string(in.User),
		sealed, db.Micros(in.CreatedAt))
	if err != nil {
		return Report{}, err
	}
	if n == 0 {
		return Report{}, ErrReported
	}
	return in, audit.Record(ctx, tx, by, audit.Entry{
		Act: "content.reported", Subjects: []string{string(in.ID), in.Ref}, Clauses: []string{clauseOf(in.Reason)},
		Data: map[string]any{"reason": in.Reason, "kind": in.Kind, "text_sha256": in.SHA256, "found": in.Hits},
	})
}

// clauseOf is the clause that a report rests on.
func clauseOf(why Reason) string {
	if why == OffPlatform {
		return "UA 4.11"
	}
	return "UA 4.7.1"
}

// Answer decides a report: upheld, with the case that was opened where there is
// one, or dismissed. The reporter learns it.
func (r Rules) Answer(ctx context.Context, tx *db.Tx, by audit.Actor, id ReportID, uphold, accuse bool, words string) (_ Report, err error) {
	defer fault.Wrap(&err, "content.Answer(%s)", id)
	if words, err = grounded(by, words); err != nil {
		return Report{}, err
	}
	p, err := ReportOf(ctx, tx, id)
	if err != nil {
		return Report{}, err
	}
	if p.State != OpenReport || accuse && r.OpenCase == nil {
		return p, ErrState
	}
	owner, ok := r.Owners[p.Kind]
	if !ok {
		return p, ErrInvalid.In("kind")
	}
	p.State, p.Answer, p.DecidedBy, p.DecidedAt = Dismissed, words, by.User, tx.Now()
	if uphold {
		p.State = Upheld
	}
	if uphold && accuse {
		o, err := owner.Read(ctx, tx, p.Ref)
		if err != nil {
			return p, err
		}
		if p.Case, err = r.OpenCase(ctx, tx, by, Accused{
			Kind: p.Kind, Ref: p.Ref, Account: o.Account, Clause: clauseOf(p.Reason), SHA256: p.SHA256, Hits: p.Hits, Note: words, Source: string(p.ID),
		}); err != nil {
			return p, err
		}
	}
	n, err := tx.Exec(ctx, decideReport, string(p.State), p.Case, p.Answer, p.DecidedBy, db.Micros(p.DecidedAt), string(id))
	if err != nil {
		return p, err
	}
	if n == 0 {
		return p, ErrState
	}
	if err := account.Notify(ctx, tx, account.Notice{
		Code: "K-03", To: p.Account, Params: map[string]string{"Answer": words, "Finding": string(p.State)},
	}); err != nil {
		return p, err
	}
	subjects := []string{string(id), p.Ref}
	if p.Case != "" {
		subjects = append(subjects, p.Case)
	}
	return p, audit.Record(ctx, tx, by, audit.Entry{
		Act: "content.report." + string(p.State), Subjects: subjects, Clauses: []string{clauseOf(p.Reason)}, Data: map[string]any{"text_sha256": p.SHA256, "answer": words},
	})
}

// Look shows an officer, who says why, the text that a report is about as it is
// now. The look is recorded.
func (r Rules) Look(ctx context.Context, tx *db.Tx, by audit.Actor, id ReportID, reason string) (text string, same bool, err error) {
	defer fault.Wrap(&err, "content.Look(%s)", id)
	if reason, err = grounded(by, reason); err != nil {
		return "", false, err
	}
	p, err := ReportOf(ctx, tx, id)
	if err != nil {
		return "", false, err
	}
	owner, ok := r.Owners[p.Kind]
	if !ok {
		return "", false, ErrInvalid.In("kind")
	}
	o, err := owner.Read(ctx, tx, p.Ref)
	if err != nil {
		return "", false, err
	}
	return o.Text, hashOf(o.Text) == p.SHA256, audit.Record(ctx, tx, by, audit.Entry{
		Act: "content.looked", Subjects: []string{string(id), p.Ref}, Clauses: []string{clauseOf(p.Reason)}, Data: map[string]any{"reason": reason, "sha256": p.SHA256},
	})
}

// ReportOf returns a report, for the operator's desk.
func ReportOf(ctx context.Context, r db.Reader, id ReportID) (Report, error) {
	return found(db.One(ctx, r, scanReport(r), selectReport, string(id)))
}

// Reports lists the open reports, oldest first.
func Reports(ctx context.Context, r db.Reader, n int) ([]Report, error) {
	return db.All(ctx, r, scanReport(r), selectReports, n)
}

// Masked is a text as those see it who need not know its secrets.
func Masked(text string) string {
	return screen.Mask(text, screen.Only(screen.Scan(text), screen.BankCard, screen.ResidentID, screen.Password, screen.BankAccount))
}
