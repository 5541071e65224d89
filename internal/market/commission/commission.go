// Package commission works out what the operator earns on a sale, by the
// rulebook in force when the order is placed: a flat rate, a rate for a kind of
// product, yearly tiers, a rate for renewals, and promotions with an end.
//
// Owns: the rule, its arithmetic and the yearly volumes that tiers look at. Does
// not own: when commission is earned (ledger, at release) and how it is taken
// (settlement, as a share of the split).
//
// Always true:
//   - The terms of a sale are frozen on its order line and never looked up again.
//   - Commission is never more than the net of the sale.
//   - Every answer names the rule and the rulebook version that it follows.
package commission

import (
	"context"
	"errors"
	"time"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/base/money"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/vendor"
)

// Basis says which part of the rule decided.
type Basis string

// The parts of the rule, strongest first.
const (
	Promotion Basis = "promotion"
	Renewal   Basis = "renewal"
	Kind      Basis = "kind"
	Ladder    Basis = "ladder"
	Flat      Basis = "flat"
)

// Rule is the setting "commission" of the settlement rulebook. Rates are basis
// points of what the buyer pays.
type Rule struct {
	Points     int64            `json:"bp"`
	Kinds      map[string]int64 `json:"kinds"`      // by delivery type
	RenewalBP  *int64           `json:"renewal_bp"` // nil: as the first sale
	Tiers      []money.Tier     `json:"tiers"`      // on the vendor's calendar year; empty: flat
	Promotions []Offer          `json:"promotions"`
}

// Offer is a lower rate for a while. Until is the last day.
type Offer struct {
	Vendor string        `json:"vendor"` // empty: every vendor
	Kind   string        `json:"kind"`   // empty: every delivery type
	Points int64         `json:"bp"`
	From   calendar.Date `json:"from"`
	Until  calendar.Date `json:"until"`
}

// Sale is what commission is asked about.
type Sale struct {
	Vendor  vendor.ID
	Kind    string // delivery type
	Renewal bool
	Paid    money.Amount // gross, what the buyer pays
	Net     money.Amount // of it, what may become the vendor's
}

// Terms are the answer, as frozen on the order line.
type Terms struct {
	Amount   money.Amount `json:"amount"`
	Points   int64        `json:"bp"` // of the part that applied; the top tier's for a ladder
	Basis    Basis        `json:"basis"`
	Rulebook string       `json:"rulebook"` // "settlement#1"
}

// For works out the commission of a sale by the rule in force now. It is the
// same function for an order and for a vendor's preview.
func For(ctx context.Context, r db.Reader, s Sale) (_ Terms, err error) {
	defer fault.Wrap(&err, "commission.For(%s)", s.Vendor)
	seller, err := vendor.Get(ctx, r, s.Vendor)
	if err != nil {
		return Terms{}, err
	}
	rule, rulebook, err := agreement.CitedFor[Rule](ctx, r, seller.Account, "commission")
	if err != nil {
		return Terms{}, err
	}
	var sold int64
	if len(rule.Tiers) > 0 {
		if sold, err = volume(ctx, r, s.Vendor, s.Paid.Currency, r.Now()); err != nil {
			return Terms{}, err
		}
	}
	t, err := terms(rule, s, calendar.On(r.Now()), sold)
	t.Rulebook = rulebook
	return t, err
}

// Count adds a paid sale to the year of its vendor. Only terms of a ladder look
// at it, so only they are counted: no other sale waits for the vendor's row.
func Count(ctx context.Context, tx *db.Tx, v vendor.ID, t Terms, paid money.Amount) error {
	if t.Basis != Ladder {
		return nil
	}
	_, err := tx.Exec(ctx, addVolume, string(v), calendar.On(tx.Now()).Year, string(paid.Currency), paid.Minor)
	return err
}

func volume(ctx context.Context, r db.Reader, v vendor.ID, c money.Currency, at time.Time) (int64, error) {
	sold, err := db.Value[int64](ctx, r, selectVolume, string(v), calendar.On(at).Year, string(c))
	if errors.Is(err, db.ErrNoRow) {
		return 0, nil
	}
	return sold, err
}

const (
	addVolume = `INSERT INTO commission_volume (vendor, year, currency, sold) VALUES ($1, $2, $3, $4)
		ON CONFLICT (vendor, year, currency) DO UPDATE SET sold = commission_volume.sold + excluded.sold`
	selectVolume = `SELECT sold FROM commission_volume WHERE vendor = $1 AND year = $2 AND currency = $3`
)
