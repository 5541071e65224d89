package settlement

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/base/money"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/ledger"
	"yunshi/internal/market/vendor"
)

// Row is one line of a statement: an order, or something else that happened to the
// vendor's accounts.
type Row struct {
	At         time.Time        `json:"at"`
	Cause      string           `json:"cause"` // order line, or the vendor itself
	Order      string           `json:"order,omitempty"`
	Kind       ledger.Kind      `json:"kind"`
	Released   money.Amount     `json:"released"`   // out of escrow
	Commission money.Amount     `json:"commission"` // negative: given back
	Refunded   money.Amount     `json:"refunded"`   // the vendor's part of it
	Paid       money.Amount     `json:"paid"`       // to the vendor's bank
	Other      money.Amount     `json:"other"`      // fees, damages, deposit
	Vendor     money.Amount     `json:"vendor"`     // the sum for the vendor's account
	Journal    ledger.JournalID `json:"journal"`
}

// Statement is what stands between the market and a vendor for one month: a query
// over the book with a check of its own.
type Statement struct {
	Vendor   vendor.ID      `json:"vendor"`
	Month    ledger.Month   `json:"month"`
	Currency money.Currency `json:"currency"`
	Opening  money.Amount   `json:"opening"` // payable, held and deposit less debt
	Closing  money.Amount   `json:"closing"`
	Rows     []Row          `json:"rows"`
	Digest   string         `json:"sha256"`    // of the rows
	Stated   time.Time      `json:"stated_at"` // zero while the month runs
	Agreed   time.Time      `json:"agreed_at"` // by the vendor or by time
	AgreedBy string         `json:"agreed_by"` // "time" when nobody objected
	Objected string         `json:"objection"`
}

// StatementOf reads a vendor's month. It fails when the rows do not lead from the
// opening to the closing balance: such a statement is shown to nobody.
func StatementOf(ctx context.Context, r db.Reader, v vendor.ID, m ledger.Month, c money.Currency) (_ Statement, err error) {
	defer fault.Wrap(&err, "settlement.StatementOf(%s, %s)", v, m)
	from, to, err := m.Bounds()
	if err != nil {
		return Statement{}, err
	}
	s := Statement{Vendor: v, Month: m, Currency: c}
	if s.Opening, err = ledger.VendorAt(ctx, r, string(v), c, from); err != nil {
		return Statement{}, err
	}
	if s.Closing, err = ledger.VendorAt(ctx, r, string(v), c, to); err != nil {
		return Statement{}, err
	}
	journals, err := ledger.OfVendor(ctx, r, string(v), from, to)
	if err != nil {
		return Statement{}, err
	}
	sum := s.Opening
	for _, j := range journals {
		row, touched := rowOf(j, string(v), c)
		if !touched {
			continue
		}
		if sum, err = sum.Add(row.Vendor); err != nil {
			return Statement{}, err
		}
		s.Rows = append(s.Rows, row)
	}
	if sum != s.Closing {
		return Statement{}, errStatement
	}
	if err := s.orders(ctx, r); err != nil {
		return Statement{}, err
	}
	text, err := json.Marshal(s.Rows)
	if err != nil {
		return Statement{}, err
	}
	digest := sha256.Sum256(text)
	s.Digest = hex.EncodeToString(digest[:])
	kept, err := db.All(ctx, r, scanStated, selectStated, string(v), string(m), string(c))
	if err != nil || len(kept) == 0 {
		return s, err
	}
	s.Stated, s.Agreed, s.AgreedBy, s.Objected = db.Time(kept[0].stated), db.Time(kept[0].agreed), kept[0].by, kept[0].objection
	if kept[0].digest != s.Digest {
		return Statement{}, errStatement
	}
	return s, nil
}

// orders names the order of each line.
func (s *Statement) orders(ctx context.Context, r db.Reader) error {
	known := map[string]string{}
	for i, row := range s.Rows {
		if !strings.HasPrefix(row.Cause, "lin_") {
			continue
		}
		if _, seen := known[row.Cause]; !seen {
			found, err := db.All(ctx, r, db.Column[string], selectOrderOf, row.Cause)
			if err != nil {
				return err
			}
			known[row.Cause] = strings.Join(found, "")
		}
		s.Rows[i].Order = known[row.Cause]
	}
	return nil
}

// rowOf reads a journal from the vendor's side.
func rowOf(j ledger.Journal, v string, c money.Currency) (Row, bool) {
	zero := money.Zero(c)
	row := Row{At: j.Recorded, Cause: j.Cause, Kind: j.Kind, Released: zero, Commission: zero, Refunded: zero, Paid: zero, Other: zero, Vendor: zero, Journal: j.ID}
	touched := false
	for _, e := range j.Entries {
		if e.Amount.Currency != c {
			continue
		}
		own := e.Party == v || strings.HasPrefix(e.Party, v+"/")
		switch e.Account {
		case ledger.Payable, ledger.Hold, ledger.Deposit, ledger.Receivable:
			if own {
				touched = true
				row.Vendor.Minor -= e.Amount.Minor
			}
		case ledger.Escrow:
			if j.Kind == ledger.P6Release {
				row.Released.Minor += e.Amount.Minor
			}
		case ledger.Commission:
			row.Commission.Minor -= e.Amount.Minor
		}
	}
	switch j.Kind {
	case ledger.P6Release, ledger.P6Reserve:
	case ledger.P8Refund, ledger.P9Refund, ledger.P18DisputeLost:
		row.Refunded = row.Vendor
	case ledger.P20Payout, ledger.P22PayoutFailed, ledger.P23PayoutReturned, ledger.P25DepositOut, ledger.P25DepositBack:
		row.Paid.Minor = -row.Vendor.Minor
	default:
		row.Other = row.Vendor
	}
	return row, touched
}

// State closes a vendor's month: the statement is sent, and counts as agreed
// unless the vendor objects in time.
func state(ctx context.Context, tx *db.Tx, v vendor.ID, m ledger.Month, c money.Currency) error {
	s, err := StatementOf(ctx, tx, v, m, c)
	if err != nil || len(s.Rows) == 0 && s.Closing.IsZero() {
		return err
	}
	n, err := tx.Exec(ctx, insertStated, string(v), string(m), string(c), s.Closing.Minor, s.Digest, db.Micros(tx.Now()))
	if err != nil || n == 0 {
		return err
	}
	return tell(ctx, tx, v, "S-05", map[string]string{"Month": string(m), "Amount": s.Closing.Format("zh")}, "/vendor/income/statements/"+string(m))
}

// Object records that a vendor does not agree to a statement, and why.
func Object(ctx context.Context, tx *db.Tx, by audit.Actor, v vendor.ID, m ledger.Month, c money.Currency, why string) (err error) {
	defer fault.Wrap(&err, "settlement.Object(%s, %s)", v, m)
	if err := owned(ctx, tx, by, v); err != nil {
		return err
	}
	if strings.TrimSpace(why) == "" {
		return ErrRequired.In("reason")
	}
	return answer(ctx, tx, by, v, m, c, objectStated, why)
}

// Agree records that a vendor agrees to a statement.
func Agree(ctx context.Context, tx *db.Tx, by audit.Actor, v vendor.ID, m ledger.Month, c money.Currency) (err error) {
	defer fault.Wrap(&err, "settlement.Agree(%s, %s)", v, m)
	if err := owned(ctx, tx, by, v); err != nil {
		return err
	}
	return answer(ctx, tx, by, v, m, c, agreeStated, by.User)
}

func answer(ctx context.Context, tx *db.Tx, by audit.Actor, v vendor.ID, m ledger.Month, c money.Currency, query, word string) error {
	n, err := tx.Exec(ctx, query, db.Micros(tx.Now()), word, string(v), string(m), string(c))
	if err == nil && n == 0 {
		err = ErrState
	}
	if err != nil {
		return err
	}
	return audit.Record(ctx, tx, by, audit.Entry{Act: "settlement.statement.answered", Subjects: []string{string(v)}, Clauses: []string{"UA 3.1"}, Data: map[string]string{"month": string(m)}})
}

// Months lists the months with something in a vendor's book, newest first.
func Months(ctx context.Context, r db.Reader, v vendor.ID) ([]ledger.Month, error) {
	first, err := db.Value[int64](ctx, r, selectFirst, string(v))
	if err != nil || first == 0 {
		return nil, err
	}
	var all []ledger.Month
	for at := db.Time(first); ; {
		m := ledger.MonthOf(at)
		all = append(all, m)
		_, next, err := m.Bounds()
		if err != nil {
			return nil, err
		}
		if next.After(r.Now()) {
			slices.Reverse(all)
			return all, nil
		}
		at = next
	}
}
