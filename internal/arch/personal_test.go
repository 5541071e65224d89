package arch

import "testing"

// personalReaders are the functions that return who a customer is, or from where it came, in plain.
var personalReaders = []string{"PersonalOf", "SignIns"}

// personalDataLeavesAtOnePlace: only package privacy reads a customer's plain contact, because there a consent or a
// disclosure stands behind it.
func personalDataLeavesAtOnePlace(t *tree) []string {
	return onlyFrom(t, "privacy", map[string][]string{"account": personalReaders, "identity": personalReaders})
}

func TestPersonalDataLeavesAtOnePlace(t *testing.T) {
	rule{
		name: "personal_data_leaves_at_one_place", check: personalDataLeavesAtOnePlace,
		planted: []source{
			{"internal/edge/vendordesk/a.go": "package vendordesk\nvar p, _ = account.PersonalOf(ctx, r, id)"},
			{"internal/market/order/a.go": "package order\nvar p, _ = identity.PersonalOf(ctx, r, id)"},
		},
		allowed: []source{
			{"internal/market/privacy/a.go": "package privacy\nvar p, _ = account.PersonalOf(ctx, r, id)"},
			{"internal/edge/shop/a.go": "package shop\nvar p, _ = invoice.PersonalOf(ctx, r, id)"},
		},
	}.prove(t)
}
