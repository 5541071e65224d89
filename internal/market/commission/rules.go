package commission

import (
	"yunshi/internal/base/calendar"
	"yunshi/internal/base/money"
)

// terms applies the rule: the lowest promotion that fits, else the rate of
// renewals, else of the delivery type, else the tiers of the year, else the flat
// rate. sold is what the vendor has sold this year before, in minor units.
func terms(rule Rule, s Sale, today calendar.Date, sold int64) (Terms, error) {
	t := Terms{Amount: money.Zero(s.Paid.Currency), Points: rule.Points, Basis: Flat}
	kind, special := rule.Kinds[s.Kind]
	switch {
	case s.Renewal && rule.RenewalBP != nil:
		t.Points, t.Basis = *rule.RenewalBP, Renewal
	case special:
		t.Points, t.Basis = kind, Kind
	case len(rule.Tiers) > 0:
		t.Basis = Ladder
	}
	for _, o := range rule.Promotions {
		fits := (o.Vendor == "" || o.Vendor == string(s.Vendor)) && (o.Kind == "" || o.Kind == s.Kind) && !today.Before(o.From) && !today.After(o.Until)
		if fits && (t.Basis != Promotion || o.Points < t.Points) {
			t.Points, t.Basis = o.Points, Promotion
		}
	}
	if t.Basis == Ladder {
		return ladder(rule.Tiers, s, sold, t)
	}
	minor, err := money.Commission(s.Paid.Minor, t.Points)
	t.Amount.Minor = min(minor, s.Net.Minor)
	return t, err
}

// ladder is the commission of the year with this sale less the one without it, so
// that the year's orders sum to the year's commission exactly.
func ladder(tiers []money.Tier, s Sale, sold int64, t Terms) (Terms, error) {
	total, err := money.Amount{Minor: sold, Currency: s.Paid.Currency}.Add(s.Paid)
	if err != nil {
		return Terms{}, err
	}
	with, err := money.TieredCommission(total.Minor, tiers)
	if err != nil {
		return Terms{}, err
	}
	without, err := money.TieredCommission(sold, tiers)
	if err != nil {
		return Terms{}, err
	}
	t.Amount.Minor = min(with-without, s.Net.Minor)
	for _, tier := range tiers {
		t.Points = tier.BasisPoints
		if tier.UpTo == 0 || total.Minor <= tier.UpTo {
			break
		}
	}
	return t, nil
}
