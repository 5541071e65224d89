package evidence

import (
	"encoding/json"
	"slices"
	"strings"

	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
)

// mayMake says who may have a pack made for whom. Each party may produce its own
// records, and the operator has to.
//
// Clause: ECL 62 (the operator provides the original contract and transaction records when a dispute is handled).
func mayMake(by audit.Actor, side, as Addressee, why Reason) error {
	allowed := ReasonsOfParties
	if side == Operator {
		allowed = Reasons
		if by.Kind == audit.Person && !by.Has(account.Compliance) && !by.Has(account.Superadmin) && !by.Has(account.Support) {
			return ErrForbidden
		}
	} else if side != as {
		return ErrForbidden
	}
	if !slices.Contains(Addressees, as) {
		return ErrInvalid.In("for")
	}
	if !slices.Contains(allowed, why) {
		return ErrInvalid.In("reason")
	}
	return nil
}

// shows says whether an addressee may read the text of a record. The operator
// reads all. A party reads what its own people and the market's own work did, as
// long as no account, person or session of somebody else is named there.
func shows(c Case, own account.ID, a audit.Act) bool {
	if c.For == Operator {
		return true
	}
	if a.Account != "" && a.Account != string(own) || a.Account == "" && a.Kind == audit.Person {
		return false
	}
	if c.For == Buyer && strings.Contains(string(a.Data), `"commission`) {
		return false // between the vendor and the operator
	}
	named := append([]string{string(a.Data)}, a.Subjects...)
	for _, other := range []string{string(c.Order.Account), string(c.Order.Buyer), string(c.Vendor.Account)} {
		if other == string(own) || other == string(c.Order.Buyer) && c.For == Buyer {
			continue
		}
		if slices.ContainsFunc(named, func(s string) bool { return strings.Contains(s, other) }) {
			return false
		}
	}
	// Whatever else is named as a person or session, unless it is the actor.
	for _, s := range a.Subjects {
		if (strings.HasPrefix(s, "usr_") || strings.HasPrefix(s, "ses_") || strings.HasPrefix(s, "acc_")) && s != a.Actor && s != string(own) {
			return false
		}
	}
	return json.Valid(a.Data)
}
