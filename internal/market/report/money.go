package report

import (
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/db"
	"yunshi/internal/base/money"
	"yunshi/internal/market/ledger"
	"yunshi/internal/market/vendor"
)

// Flow is what money did in a day or a month, and what stood at its end.
type Flow struct {
	Day                       calendar.Date // the day, or the first of the month
	Collected, Refunded, Paid money.Amount
	Held                      money.Amount // in escrow for vendors
	Due                       money.Amount // payable to vendors
}

// Days are counted from the first of January 1970 in Shanghai, in which there is
// no summer time since 1991.
const (
	zone     = 8 * time.Hour
	sumMoney = `SELECT (j.recorded_at + 28800000000) / 86400000000, e.account, j.kind, CAST(SUM(e.amount) AS BIGINT)
		FROM ledger_journal j JOIN ledger_entry e ON e.journal = j.id
		WHERE j.recorded_at >= $1 AND e.currency = $2 AND e.account IN ('psp.clearing', 'escrow', 'vendor.payable', 'bank.client')
		GROUP BY 1, 2, 3`
	sumQuarter = `SELECT l.vendor, j.kind, e.account, COUNT(DISTINCT j.id), CAST(SUM(e.amount) AS BIGINT)
		FROM ledger_journal j JOIN ledger_entry e ON e.journal = j.id JOIN ledger_line l ON l.line = j.cause
		WHERE j.effective_at >= $1 AND j.effective_at < $2 AND e.currency = $3 AND e.account IN ('psp.clearing', 'refund.inflight', 'commission', 'chargeback.inflight')
		GROUP BY l.vendor, j.kind, e.account ORDER BY l.vendor`
)

type moneySum struct {
	day     int64
	account ledger.Account
	kind    ledger.Kind
	minor   int64
}

func scanMoney(s db.Scanner) (moneySum, error) {
	var v moneySum
	err := s.Scan(&v.day, &v.account, &v.kind, &v.minor)
	return v, err
}

// Flows is what money did on each day from a day to today, oldest first. What
// stood is worked out backwards from what stands now.
func Flows(ctx context.Context, r db.Reader, from calendar.Date, c money.Currency) ([]Flow, error) {
	sums, err := db.All(ctx, r, scanMoney, sumMoney, db.Micros(from.Start()), string(c))
	if err != nil {
		return nil, fmt.Errorf("report: flows: %w", err)
	}
	trial, err := ledger.Trial(ctx, r)
	if err != nil {
		return nil, err
	}
	var held, due int64
	for _, t := range trial {
		switch {
		case t.Amount.Currency != c:
		case t.Account == ledger.Escrow:
			held = -t.Amount.Minor
		case t.Account == ledger.Payable:
			due = -t.Amount.Minor
		}
	}
	of := map[int64][]moneySum{}
	for _, s := range sums {
		of[s.day] = append(of[s.day], s)
	}
	var all []Flow
	for day := calendar.On(r.Now()); !day.Before(from); day = day.AddDays(-1) {
		f := Flow{Day: day, Collected: money.Zero(c), Refunded: money.Zero(c), Paid: money.Zero(c), Held: money.Amount{Minor: held, Currency: c}, Due: money.Amount{Minor: due, Currency: c}}
		for _, s := range of[day.Start().Add(zone).Unix()/86400] {
			switch {
			case s.account == ledger.Escrow:
				held += s.minor
			case s.account == ledger.Payable:
				due += s.minor
			case s.account == ledger.Clearing && (s.kind == ledger.P1Capture || s.kind == ledger.P28Collected):
				f.Collected.Minor += s.minor
			case s.account == ledger.Clearing && s.kind == ledger.P10RefundDone:
				f.Refunded.Minor -= s.minor
			case s.account == ledger.Bank && (s.kind == ledger.P21PayoutPaid || s.kind == ledger.P23PayoutReturned):
				f.Paid.Minor -= s.minor
			}
		}
		all = append(all, f)
	}
	slices.Reverse(all)
	return all, nil
}

// Months adds days up to months, oldest first.
func Months(days []Flow) (all []Flow) {
	for _, d := range days {
		if n := len(all); n > 0 && all[n-1].Day.Year == d.Day.Year && all[n-1].Day.Month == d.Day.Month {
			m := &all[n-1]
			m.Collected.Minor += d.Collected.Minor
			m.Refunded.Minor += d.Refunded.Minor
			m.Paid.Minor += d.Paid.Minor
			m.Held, m.Due = d.Held, d.Due
			continue
		}
		d.Day.Day = 1
		all = append(all, d)
	}
	return all
}

// Quarter is the operator's report to the tax office for three months: who sold
// here, and how much.
type Quarter struct {
	Name     string      `json:"quarter"` // "2026Q4"
	Operator string      `json:"operator"`
	From     string      `json:"from"` // first day
	To       string      `json:"to"`   // last day
	Currency string      `json:"currency"`
	Vendors  []TaxVendor `json:"vendors"`
	SHA256   string      `json:"csv_sha256"` // of the same report as CSV
}

// TaxVendor is one vendor of the report. Amounts are in minor units.
type TaxVendor struct {
	Vendor      string `json:"vendor"`
	Name        string `json:"registered_name"`
	SubjectType string `json:"subject_type"`
	USCC        string `json:"uscc"`
	Address     string `json:"address"`
	Contact     string `json:"contact"`
	VerifiedAt  string `json:"verified_at"`
	Orders      int64  `json:"orders"`
	Gross       int64  `json:"gross_minor"`
	Refunded    int64  `json:"refunded_minor"`
	Commission  int64  `json:"commission_minor"`
}

// QuarterOf makes the report of a quarter that has begun, from the book: what was
// paid, given back and kept as commission, by when it took effect.
//
// Clause: ECL 28 (the operator tells the tax office who sells in the market, with what identity and for how much).
func QuarterOf(ctx context.Context, r db.Reader, operator string, year, quarter int) (Quarter, error) {
	if quarter < 1 || quarter > 4 || year < 2000 || year > 9999 {
		return Quarter{}, errQuarter
	}
	first := calendar.Date{Year: year, Month: time.Month(3*quarter - 2), Day: 1}
	end := calendar.AddMonths(first, 3)
	rows, err := db.All(ctx, r, scanQuarter, sumQuarter, db.Micros(first.Start()), db.Micros(end.Start()), string(money.CNY))
	if err != nil {
		return Quarter{}, fmt.Errorf("report: quarter: %w", err)
	}
	of := map[string]*TaxVendor{}
	for _, row := range rows {
		v, ok := of[row.vendor]
		if !ok {
			v = &TaxVendor{Vendor: row.vendor}
			of[row.vendor] = v
		}
		switch {
		case row.account == ledger.Clearing && row.kind == ledger.P1Capture:
			v.Orders, v.Gross = v.Orders+row.journals, v.Gross+row.minor
		case row.account == ledger.InFlight && (row.kind == ledger.P7Refund || row.kind == ledger.P8Refund || row.kind == ledger.P9Refund):
			v.Refunded -= row.minor
		case row.account == ledger.ChargebackInFlight && row.kind == ledger.P18DisputeLost:
			v.Refunded -= row.minor
		case row.account == ledger.Commission:
			v.Commission -= row.minor
		}
	}
	q := Quarter{
		Name: fmt.Sprintf("%dQ%d", year, quarter), Operator: operator, From: first.String(), To: end.AddDays(-1).String(), Currency: string(money.CNY),
		Vendors: []TaxVendor{},
	}
	for _, id := range slices.Sorted(maps.Keys(of)) {
		v := of[id]
		card, err := vendor.Card(ctx, r, vendor.ID(id))
		switch {
		case errors.Is(err, vendor.ErrNotFound): // never verified: named by its id, for the office to ask
		case err != nil:
			return Quarter{}, err
		default:
			v.Name, v.SubjectType, v.USCC, v.Address = card.RegisteredName, card.SubjectType, card.USCC, card.Address
			v.Contact = card.Contact.Name + " " + card.Contact.Phone
			v.VerifiedAt = calendar.On(card.VerifiedAt).String()
		}
		q.Vendors = append(q.Vendors, *v)
	}
	sum := sha256.Sum256([]byte(q.CSV()))
	q.SHA256 = hex.EncodeToString(sum[:])
	return q, nil
}

var errQuarter = errors.New("report: no such quarter")

type quarterSum struct {
	vendor          string
	kind            ledger.Kind
	account         ledger.Account
	journals, minor int64
}

func scanQuarter(s db.Scanner) (quarterSum, error) {
	var v quarterSum
	err := s.Scan(&v.vendor, &v.kind, &v.account, &v.journals, &v.minor)
	return v, err
}

// CSV is the report as a table with a byte order mark, its columns named as in its
// JSON form. A cell that a spreadsheet would run is made inert.
func (q Quarter) CSV() string {
	var b strings.Builder
	b.WriteString("\ufeff")
	w := csv.NewWriter(&b)
	write := func(cells ...string) { _ = w.Write(cells) } //nolint:errcheck // a builder takes everything
	write("quarter", "vendor", "registered_name", "subject_type", "uscc", "address", "contact", "verified_at", "orders", "gross", "refunded", "commission", "currency")
	for _, v := range q.Vendors {
		plain := func(minor int64) string {
			return money.Amount{Minor: minor, Currency: money.Currency(q.Currency)}.Plain()
		}
		write(q.Name, v.Vendor, inert(v.Name), v.SubjectType, inert(v.USCC), inert(v.Address), inert(v.Contact), v.VerifiedAt, strconv.FormatInt(v.Orders, 10), plain(v.Gross), plain(v.Refunded),
			plain(v.Commission), q.Currency)
	}
	w.Flush()
	return b.String()
}

// inert keeps a spreadsheet from running what a vendor chose as its name.
func inert(cell string) string {
	if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
		return "'" + cell
	}
	return cell
}
