package report

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/db"
	"yunshi/internal/market/account"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/content"
	"yunshi/internal/market/ledger"
	"yunshi/internal/market/vendor"
)

// Duty is something that the operator owes by law or by its own rules, again and
// again or by a time.
type Duty struct {
	Code  string // key in the text area "duty."
	Law   string // "ECL 28"
	Owner string // role that answers for it
	Page  string // where it is done
	look  func(ctx context.Context, r db.Reader) (Sight, error)
}

// Sight is how a duty stands, by the market's own records.
type Sight struct {
	Last  time.Time // of the last proof; zero: never
	Proof string    // its record (rec_…), where there is one
	Due   time.Time // by when the next is owed; zero: nothing is owed now
	Open  int64     // things that wait for it
	Asks  string    // the law that asks for it, where it is not always the same
}

// Standing is a duty with how it stands at a moment.
type Standing struct {
	Duty
	Sight
	State string // "overdue", "due" within 14 days, "open", "done"
}

// Subjects under which the filings' records are found.
const (
	DutyIdentities = "duty:ecl28-identities"
	DutyTax        = "duty:ecl28-tax"
)

// duties are all that is kept watch over. A package with a duty of its own adds a
// line with the question to its tables.
var duties = []Duty{
	{"identities", "ECL 28", account.Compliance, "/operator/compliance/identities", filing(DutyIdentities, time.January, time.July)},
	{"tax", "ECL 28", account.Finance, "/operator/finance/tax", filing(DutyTax, time.January, time.April, time.July, time.October)},
	{"vendor_identity", "ECL 27", account.Compliance, "/operator/vendors", oldestOf(sqlProfiles, "vendor_reverify")},
	{"vendor_review", "UA 2.1", account.Compliance, "/operator/vendors", oldestOf(sqlVendorQueue, "")},
	{"real_name", "UA 6.1", account.Compliance, "/operator/identities", oldestOf(sqlIdentityQueue, "")},
	{"listing_review", "UA 4.2", account.Compliance, "/operator/listings", oldestOf(sqlListingQueue, "listing_review")},
	{"illegal", "CSL 47", account.Compliance, "/operator/content", illegal},
	{"refund", "UA 4.5", account.Support, "/operator/refunds", oldestOf(sqlRefundClock, "refund_hard_limit")},
	{"invoice", "UA 4.4", account.Support, "/operator/invoices", oldestOf(sqlInvoiceLate, ownTime)},
	{"month", "UA 3.1", account.Finance, "/operator/finance/months", monthClosed},
	{"book_day", "UA 3.1", account.Finance, "/operator/finance", daySealed},
	{"breach", "PIPL 57", account.Compliance, "/operator/incidents", breachTold},
	{"log", "UA 9.5", account.Superadmin, "/operator/log", logged},
}

// Duties says of each duty when it was last done, and by when it is owed again.
func Duties(ctx context.Context, r db.Reader) ([]Standing, error) {
	all := make([]Standing, len(duties))
	for i, d := range duties {
		s, err := d.look(ctx, r)
		if err != nil {
			return nil, fmt.Errorf("report: duty %s: %w", d.Code, err)
		}
		d.Law = cmp.Or(s.Asks, d.Law)
		all[i] = Standing{d, s, stands(s, r.Now())}
	}
	return all, nil
}

// stands puts a sight into a word.
func stands(s Sight, now time.Time) string {
	switch {
	case !s.Due.IsZero() && now.After(s.Due):
		return "overdue"
	case !s.Due.IsZero() && s.Due.Sub(now) < 14*24*time.Hour:
		return "due"
	case s.Open > 0:
		return "open"
	case s.Last.IsZero():
		return "never"
	}
	return "done"
}

// owed is the last moment of the first of the yearly months that is not served by
// the last filing; origin is since when there is anything to file.
//
// Clause: ECL 28 (vendors' identities go to the market regulator in January and July, tax data in the month after each quarter).
func owed(last, origin time.Time, months ...time.Month) time.Time {
	from := origin
	if !last.IsZero() {
		from = last
	}
	if from.IsZero() {
		return time.Time{}
	}
	for year := calendar.On(from).Year; ; year++ {
		for _, m := range months {
			start := calendar.Date{Year: year, Month: m, Day: 1}
			end := calendar.AddMonths(start, 1).Start()
			if !last.IsZero() && start.Start().After(last) || last.IsZero() && end.After(origin) && start.Start().After(origin) {
				return end.Add(-time.Microsecond)
			}
		}
	}
}

// filing is a report that leaves a record under its subject.
func filing(subject string, months ...time.Month) func(context.Context, db.Reader) (Sight, error) {
	return func(ctx context.Context, r db.Reader) (Sight, error) {
		acts, err := audit.About(ctx, r, subject)
		if err != nil {
			return Sight{}, err
		}
		var s Sight
		if len(acts) > 0 {
			last := acts[len(acts)-1]
			s.Last, s.Proof = last.Time(), last.ID
		}
		origin, err := db.Value[int64](ctx, r, sqlFirstVendor)
		s.Due = owed(s.Last, db.Time(origin), months...)
		return s, err
	}
}

// SQL of duties: when the last was done, since when the oldest waits, how many wait.
const (
	sqlFirstVendor   = `SELECT COALESCE(MIN(applied_at), 0) FROM vendor_vendor`
	sqlProfiles      = `SELECT COALESCE(MAX(p.decided_at), 0), COALESCE(MIN(p.decided_at), 0), 0 FROM vendor_vendor v JOIN vendor_profile p ON p.vendor_id = v.id AND p.number = v.verified_profile WHERE v.state IN ('onboarded', 'publish_limited', 'shop_hidden', 'suspended', 'exiting')`
	sqlVendorQueue   = `SELECT COALESCE(MAX(decided_at), 0), COALESCE(MIN(CASE WHEN state = 'submitted' THEN submitted_at END), 0), CAST(COALESCE(SUM(CASE WHEN state = 'submitted' THEN 1 ELSE 0 END), 0) AS BIGINT) FROM vendor_profile`
	sqlIdentityQueue = `SELECT COALESCE(MAX(decided_at), 0), COALESCE(MIN(CASE WHEN state = 'pending' THEN submitted_at END), 0), CAST(COALESCE(SUM(CASE WHEN state = 'pending' THEN 1 ELSE 0 END), 0) AS BIGINT) FROM identity_case`
	sqlListingQueue  = `SELECT COALESCE((SELECT MAX(decided_at) FROM catalog_review), 0), COALESCE(MIN(submitted_at), 0), COUNT(*) FROM catalog_version WHERE state IN ('submitted', 'first_review')`
	sqlRefundClock   = `SELECT COALESCE(MAX(ended_at), 0), COALESCE(MIN(CASE WHEN ended_at = 0 AND clock_from > 0 THEN clock_from END), 0), CAST(COALESCE(SUM(CASE WHEN ended_at = 0 THEN 1 ELSE 0 END), 0) AS BIGINT) FROM refund_request`
	sqlBreaches      = `SELECT COALESCE(MAX(authority_at), 0), COALESCE(MIN(CASE WHEN closed_at = 0 AND authority_at = 0 AND authority_waived_at = 0 THEN authority_due END), 0), CAST(COALESCE(SUM(CASE WHEN closed_at = 0 AND authority_at = 0 AND authority_waived_at = 0 THEN 1 ELSE 0 END), 0) AS BIGINT) FROM operation_incident WHERE authority_due > 0`
	sqlInvoiceLate   = `SELECT COALESCE(MAX(issued_at), 0), COALESCE(MIN(CASE WHEN state IN ('requested', 'vendor_confirmed', 'issuing') THEN due_at END), 0), CAST(COALESCE(SUM(CASE WHEN state IN ('requested', 'vendor_confirmed', 'issuing') THEN 1 ELSE 0 END), 0) AS BIGINT) FROM invoice_request`
)

// ownTime says that what waits has its own time by which it is owed.
const ownTime = "own"

// oldestOf is a duty whose oldest open thing is owed some time after it began to
// wait, by a setting of the rulebooks; without one it only waits.
func oldestOf(query, setting string) func(context.Context, db.Reader) (Sight, error) {
	return func(ctx context.Context, r db.Reader) (Sight, error) {
		var oldest int64
		s, err := db.One(ctx, r, func(row db.Scanner) (s Sight, err error) {
			var last int64
			err = row.Scan(&last, &oldest, &s.Open)
			s.Last = db.Time(last)
			return s, err
		}, query)
		if err != nil || oldest == 0 || setting == "" {
			return s, err
		}
		if setting == ownTime {
			s.Due = db.Time(oldest)
			return s, nil
		}
		span, err := agreement.Setting[struct {
			Days   int    `json:"days"`
			Months int    `json:"months"`
			Count  string `json:"count"`
		}](ctx, r, setting)
		if err != nil {
			return s, err
		}
		began := calendar.On(db.Time(oldest))
		s.Due = calendar.AddMonths(began, span.Months).AddDays(span.Days + 1).Start().Add(-time.Microsecond)
		if span.Count == "working" {
			// Where the calendar of a year is not published, natural days stand.
			if due, err := calendar.Official().DueBy(db.Time(oldest), span.Days); err == nil {
				s.Due = due
			}
		}
		return s, nil
	}
}

// breachTold: the authority knows of each breach of personal data by its hour.
func breachTold(ctx context.Context, r db.Reader) (Sight, error) {
	law, err := agreement.LawInForce(ctx, r)
	if err != nil {
		return Sight{}, err
	}
	s, err := oldestOf(sqlBreaches, ownTime)(ctx, r)
	s.Asks = law.BreachArticle
	return s, err
}

// illegal: what was removed as illegal is reported to the authority within the
// rulebook's hours.
func illegal(ctx context.Context, r db.Reader) (s Sight, err error) {
	s.Open, s.Due, s.Last, err = content.Owed(ctx, r)
	return s, err
}

// monthClosed: a month's books are closed by the end of the next.
func monthClosed(ctx context.Context, r db.Reader) (Sight, error) {
	closed, err := ledger.Closed(ctx, r)
	if err != nil {
		return Sight{}, err
	}
	var s Sight
	next := calendar.Date{}
	if len(closed) > 0 {
		s.Last, next = closed[0].ClosedAt, calendar.On(closed[0].Until)
	} else {
		first, err := db.Value[int64](ctx, r, `SELECT COALESCE(MIN(recorded_at), 0) FROM ledger_journal`)
		if err != nil || first == 0 {
			return s, err
		}
		next = calendar.On(db.Time(first))
	}
	month := calendar.Date{Year: next.Year, Month: next.Month, Day: 1}
	s.Due = calendar.AddMonths(month, 2).Start().Add(-time.Microsecond)
	return s, nil
}

// daySealed: the journals of a day are sealed in the next days.
func daySealed(ctx context.Context, r db.Reader) (Sight, error) {
	day, err := ledger.LastSealed(ctx, r)
	if err != nil || day == (calendar.Date{}) {
		return Sight{}, err
	}
	return Sight{Last: day.AddDays(1).Start(), Due: day.AddDays(4).Start()}, nil
}

// logged: every record is in the log within seconds of its act.
func logged(ctx context.Context, r db.Reader) (Sight, error) {
	c, ok, err := audit.Latest(ctx, r)
	if err != nil || !ok {
		return Sight{}, err
	}
	waiting, since, err := audit.Waiting(ctx, r)
	s := Sight{Last: c.At, Open: waiting}
	if waiting > 0 {
		s.Due = since.Add(time.Minute)
	}
	return s, err
}

// Identities is the operator's report to the market regulator: who sells here.
type Identities struct {
	Filing   string     `json:"filing"` // "2026-07"
	Operator string     `json:"operator"`
	Vendors  []Identity `json:"vendors"`
	SHA256   string     `json:"csv_sha256"` // of the same report as CSV
}

// Identity is one vendor of it. Unregistered says that no registration is needed
// by the vendor's own statement (ECL 10), for the regulator to look at.
type Identity struct {
	Vendor       string `json:"vendor"`
	Name         string `json:"registered_name"`
	SubjectType  string `json:"subject_type"`
	USCC         string `json:"uscc"`
	Address      string `json:"address"`
	Contact      string `json:"contact"`
	State        string `json:"state"`
	AppliedAt    string `json:"applied_at"`
	VerifiedAt   string `json:"verified_at"`
	Unregistered bool   `json:"unregistered"`
}

// IdentitiesOf lists every vendor that was let in, with the identity that was
// verified. Filing is the January or July it is for.
func IdentitiesOf(ctx context.Context, r db.Reader, operator string, filing calendar.Date) (Identities, error) {
	out := Identities{Filing: fmt.Sprintf("%04d-%02d", filing.Year, filing.Month), Operator: operator, Vendors: []Identity{}}
	for after := vendor.ID(""); ; {
		page, err := vendor.List(ctx, r, after, 200)
		if err != nil {
			return Identities{}, err
		}
		for _, v := range page {
			after = v.ID
			card, err := vendor.Card(ctx, r, v.ID)
			if errors.Is(err, vendor.ErrNotFound) {
				continue // never verified, so never let in
			}
			if err != nil {
				return Identities{}, err
			}
			out.Vendors = append(out.Vendors, Identity{
				Vendor: string(v.ID), Name: card.RegisteredName, SubjectType: card.SubjectType, USCC: card.USCC, Address: card.Address,
				Contact: card.Contact.Name + " " + card.Contact.Phone, State: string(v.State), AppliedAt: calendar.On(v.AppliedAt).String(),
				VerifiedAt: calendar.On(card.VerifiedAt).String(), Unregistered: card.USCC == "",
			})
		}
		if len(page) < 200 {
			break
		}
	}
	sum := sha256.Sum256([]byte(out.CSV()))
	out.SHA256 = hex.EncodeToString(sum[:])
	return out, nil
}

// FilingOf is the January or July that a report made at a moment is for: the one
// that has begun last.
func FilingOf(at time.Time) calendar.Date {
	d := calendar.On(at)
	if d.Month < time.July {
		return calendar.Date{Year: d.Year, Month: time.January, Day: 1}
	}
	return calendar.Date{Year: d.Year, Month: time.July, Day: 1}
}

// CSV is the report as a table, as [Quarter.CSV].
func (i Identities) CSV() string {
	var b bytes.Buffer
	b.WriteString("\ufeff")
	w := csv.NewWriter(&b)
	write := func(cells ...string) { _ = w.Write(cells) } //nolint:errcheck // a buffer takes everything
	write("filing", "vendor", "registered_name", "subject_type", "uscc", "address", "contact", "state", "applied_at", "verified_at", "unregistered")
	for _, v := range i.Vendors {
		write(i.Filing, v.Vendor, inert(v.Name), v.SubjectType, inert(v.USCC), inert(v.Address), inert(strings.TrimSpace(v.Contact)), v.State, v.AppliedAt, v.VerifiedAt, fmt.Sprint(v.Unregistered))
	}
	w.Flush()
	return b.String()
}
