package screen

import "slices"

// Place is who can read a text.
type Place int

// The places.
const (
	Private Place = iota // a message, a requirement form: the two parties
	Public               // a review, a shop page, a product's terms: everyone
)

// Verdict is what a text leads to, from the mildest to the strictest.
type Verdict int

// The verdicts.
const (
	Pass    Verdict = iota
	Warn            // show the warning; sending goes on
	Confirm         // stop until the writer confirms having seen the warning
	Hold            // keep it unpublished until a person has looked
	Refuse          // do not take the text
)

// Sensitive judges secrets and numbers of accounts. Privately any of them warns, and a card or identity number together
// with a password stops until confirmed; publicly a card, an identity number or a password is refused.
//
// Clause: UA 4.6 (people should not give away accounts, bank cards, QQ numbers and passwords).
func Sensitive(place Place, found []Finding) Verdict {
	number := has(found, BankCard, ResidentID)
	password := has(found, Password)
	switch {
	case place == Public && (number || password):
		return Refuse
	case number && password:
		return Confirm
	case number || password || has(found, Contact):
		return Warn
	}
	return Pass
}

// Outside judges ways to pay elsewhere: a warning in a conversation, a refusal on a page or in product terms.
//
// Clause: UA 4.11 (trade is protected only when it is completed inside the market).
func Outside(place Place, found []Finding) Verdict {
	switch {
	case !has(found, PaymentLink, BankAccount, OffPlatform):
		return Pass
	case place == Public:
		return Refuse
	}
	return Warn
}

// Illegal judges the terms of the operator's lexicon: a person must look before anyone else does.
//
// Clause: UA 4.7.1 (no content against the state, and no obscene, violent, insulting or otherwise illegal content).
func Illegal(found []Finding) Verdict {
	if has(found, Listed) {
		return Hold
	}
	return Pass
}

// Void judges standard terms that have no effect, such as a right of final interpretation: product terms and rules that
// hold one are refused.
//
// Clause: SPC 1 (terms that take away statutory rights of consumers are void).
func Void(found []Finding) Verdict {
	if has(found, VoidTerm) {
		return Refuse
	}
	return Pass
}

// Boastful judges superlatives in what is advertised.
//
// Clause: AL 9 (advertisements may not use words such as national-level, highest-level or best).
func Boastful(found []Finding) Verdict {
	if has(found, Superlative) {
		return Refuse
	}
	return Pass
}

func has(found []Finding, kinds ...Kind) bool {
	return slices.ContainsFunc(found, func(f Finding) bool { return slices.Contains(kinds, f.Kind) })
}
