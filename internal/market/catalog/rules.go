package catalog

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/fault"
	"yunshi/internal/base/screen"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/content"
	"yunshi/internal/market/vendor"
)

// Checklist is every rule about a terms sheet that needs nothing but the sheet:
// what a vendor sees while writing it and what a reviewer goes through. [Check]
// adds the rules that depend on the day, the categories and the rulebook.
func Checklist(c Content) fault.List { return checklist(c, screen.Scan) }

func checklist(c Content, scan func(string) []screen.Finding) fault.List {
	var faults fault.List
	faults = append(faults, complete(c)...)
	faults = append(faults, wellFormed(c)...)
	faults = append(faults, entitled(c.RightsBasis)...)
	faults = append(faults, freeChoice(c.AddOns)...)
	faults = append(faults, private(c)...)
	faults = append(faults, honestBadges(c.Badges)...)
	return append(faults, cleanTexts(c, scan)...)
}

// complete names the parts of the sheet a buyer must know and that are empty.
//
// Clause: UA 4.2 (before buying, a user learns functions, requirements, charges and refund rules).
func complete(c Content) fault.List {
	var faults fault.List
	need := func(present bool, field string) {
		if !present {
			faults = append(faults, ErrIncomplete.In(field))
		}
	}
	need(!c.Name.Empty(), "name")
	need(!c.Summary.Empty(), "summary")
	need(!c.Description.Empty(), "description")
	need(c.Category != "", "category")
	need(filled(c.Functions), "functions")
	need(filled(c.Requirements), "requirements")
	need(c.RefundPolicy.Kind != "", "refund_policy")
	need(c.RefundPolicy.Kind == RefundPlatformRules || !c.RefundPolicy.Text.Empty(), "refund_policy.text")
	need(!c.Licence.Empty(), "licence")
	need(!c.Support.Hours.Empty(), "support.hours")
	need(strings.TrimSpace(c.Support.Contact) != "", "support.contact")
	need(c.Delivery.Dialect != "", "delivery.dialect")
	need(len(c.Plans) > 0, "plans")
	for i, p := range c.Plans {
		need(!p.Name.Empty(), fmt.Sprintf("plans.%d.name", i))
		need(filled(p.Included), fmt.Sprintf("plans.%d.included", i))
	}
	return faults
}

func filled(texts []Both) bool {
	return len(texts) > 0 && !slices.ContainsFunc(texts, Both.Empty)
}

// wellFormed names the parts whose value is none of those the market knows.
func wellFormed(c Content) fault.List {
	var faults fault.List
	valid := func(ok bool, field string) {
		if !ok {
			faults = append(faults, ErrInvalid.In(field))
		}
	}
	valid(slices.Contains(Kinds, c.Kind), "kind")
	valid(slices.Contains(DeliveryTypes, c.DeliveryType), "delivery_type")
	valid(c.Delivery.Dialect == "" || slices.Contains(Dialects, c.Delivery.Dialect), "delivery.dialect")
	valid(c.RefundPolicy.Kind == "" || slices.Contains([]string{RefundPlatformRules, RefundVendorOwn, RefundNone}, c.RefundPolicy.Kind), "refund_policy")
	codes := map[string]bool{}
	for i, p := range c.Plans {
		valid(codePattern.MatchString(p.Code) && !codes[p.Code], fmt.Sprintf("plans.%d.code", i))
		codes[p.Code] = true
		valid(p.Price.Currency.Known() && !p.Price.IsNegative() && p.Price.Currency == c.Plans[0].Price.Currency, fmt.Sprintf("plans.%d.price", i))
		valid(p.TaxPoints == nil || *p.TaxPoints >= 0 && *p.TaxPoints <= 10_000, fmt.Sprintf("plans.%d.tax_points", i))
		valid(p.Term.Unit == Once && p.Term.Count <= 1 || slices.Contains([]string{Day, Month, Year}, p.Term.Unit) && p.Term.Count >= 1, fmt.Sprintf("plans.%d.term", i))
	}
	return faults
}

var (
	codePattern = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,39}$`)
	slugPattern = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{1,79}$`)
)

// entitled says whether the vendor states why it may offer the product, with the
// document of a licence.
//
// Clause: UA 2.3 (a product is the vendor's own, or one it is licensed to offer).
func entitled(b RightsBasis) fault.List {
	switch {
	case b.Kind == SelfDeveloped:
		return nil
	case b.Kind == Licensed && strings.TrimSpace(b.Document) != "":
		return nil
	}
	return fault.List{ErrRights.In("rights_basis")}
}

// inForce says whether a licence with this last day covers the day; the zero date
// is a licence without end.
//
// Clause: UA 2.3 (a licence that has ended is no basis).
func inForce(until, today calendar.Date) error {
	if !until.IsZero() && until.Before(today) {
		return ErrRights.With("Until", until.String()).In("rights_basis")
	}
	return nil
}

// freeChoice refuses add-ons that are chosen for the buyer.
//
// Clause: ECL 19 (what is sold along with a product is never chosen in advance).
func freeChoice(addOns []AddOn) fault.List {
	var faults fault.List
	for i, a := range addOns {
		if a.DefaultSelected {
			faults = append(faults, ErrPreselected.In(fmt.Sprintf("add_ons.%d", i)))
		}
	}
	return faults
}

// private asks a product that needs data of its users for a whole privacy sheet.
//
// Clause: UA 6.2 (the vendor collects data itself; a user sees before buying who, what and why).
func private(c Content) fault.List {
	if c.Privacy == nil {
		if c.NeedsUserData {
			return fault.List{ErrNoPrivacy.In("privacy")}
		}
		return nil
	}
	var faults fault.List
	p := c.Privacy
	for _, part := range []struct {
		present bool
		field   string
	}{
		{p.Controller != "", "privacy.controller"},
		{p.Contact != "", "privacy.contact"},
		{filled(p.Kinds), "privacy.kinds"},
		{filled(p.Purposes), "privacy.purposes"},
		{!p.Retention.Empty(), "privacy.retention"},
		{p.RightsChannel != "", "privacy.rights_channel"},
	} {
		if !part.present {
			faults = append(faults, ErrNoPrivacy.In(part.field))
		}
	}
	return faults
}

// endorsements are the words by which a badge borrows the operator's name.
var endorsements = []string{"官方", "推荐", "自营", "认证", "甄选", "平台保证", "official", "recommended", "endorsed", "certified", "guaranteed", "self-operated"}

// honestBadges refuses badges that make the operator look like a party.
//
// Clause: UA 5.5 (collecting money or giving a page does not vouch for a product, and no badge may say so).
func honestBadges(badges []Both) fault.List {
	var faults fault.List
	for i, b := range badges {
		words := strings.ToLower(b.ZH + " " + b.EN)
		if slices.ContainsFunc(endorsements, func(e string) bool { return strings.Contains(words, e) }) {
			faults = append(faults, ErrBadge.In(fmt.Sprintf("badges.%d", i)))
		}
	}
	return faults
}

// cleanTexts puts every text of the sheet through the screen for public places:
// terms of the lexicon, ways to pay outside the market, secrets, void terms, banned
// advertising words.
func cleanTexts(c Content, scan func(string) []screen.Finding) fault.List {
	var faults fault.List
	for _, t := range texts(c) {
		found := scan(t.text)
		if len(found) == 0 {
			continue
		}
		if screen.Illegal(found) != screen.Pass {
			faults = append(faults, content.ErrBlocked.In(t.field))
		}
		for _, judged := range []struct {
			verdict screen.Verdict
			refusal *fault.Fault
		}{
			{screen.Outside(screen.Public, found), ErrOffPlatform},
			{screen.Sensitive(screen.Public, found), ErrSecretInText},
			{screen.Void(found), ErrVoidTerm},
			{screen.Boastful(found), ErrBoast},
		} {
			if judged.verdict == screen.Refuse {
				faults = append(faults, judged.refusal.In(t.field))
			}
		}
	}
	return faults
}

type fieldText struct{ field, text string }

// texts is everything in a sheet that people read, by field.
func texts(c Content) []fieldText {
	all := make([]fieldText, 0, 32)
	add := func(field string, bs ...Both) {
		for _, b := range bs {
			if joined := b.ZH + "\n" + b.EN; joined != "\n" {
				all = append(all, fieldText{field, joined})
			}
		}
	}
	add("name", c.Name)
	add("summary", c.Summary)
	add("description", c.Description)
	add("functions", c.Functions...)
	add("requirements", c.Requirements...)
	add("refund_policy.text", c.RefundPolicy.Text)
	add("licence", c.Licence)
	add("support.hours", c.Support.Hours)
	add("support.contact", Both{ZH: c.Support.Contact})
	add("delivery.instructions", c.Delivery.Instructions)
	add("badges", c.Badges...)
	for i, p := range c.Plans {
		add(fmt.Sprintf("plans.%d", i), p.Name)
		add(fmt.Sprintf("plans.%d", i), p.Included...)
	}
	return all
}

// further are the texts that a buyer reads beside those of [texts]: they advertise
// nothing, so only the lexicon looks at them.
func further(c Content) (all []fieldText) {
	add := func(field string, words ...string) {
		if joined := strings.Join(words, "\n"); strings.TrimSpace(joined) != "" {
			all = append(all, fieldText{field, joined})
		}
	}
	both := func(field string, bs ...Both) {
		for _, b := range bs {
			add(field, b.ZH, b.EN)
		}
	}
	if p := c.Privacy; p != nil {
		add("privacy.controller", p.Controller, p.Contact, p.RightsChannel)
		both("privacy.kinds", p.Kinds...)
		both("privacy.purposes", p.Purposes...)
		both("privacy.retention", p.Retention)
		add("privacy.sub_processors", p.SubProcessors...)
	}
	add("rights_basis.document", c.RightsBasis.Document)
	for i, a := range c.AddOns {
		both(fmt.Sprintf("add_ons.%d", i), a.Name)
		add(fmt.Sprintf("add_ons.%d.plan", i), string(a.Plan))
	}
	return all
}

// limits are the rulebook's bounds of a sheet.
type limits struct{ nameZH, nameEN, years int }

// within names the parts of the sheet that are beyond the rulebook's bounds.
func within(c Content, l limits) fault.List {
	var faults fault.List
	if utf8.RuneCountInString(c.Name.ZH) > l.nameZH {
		faults = append(faults, ErrInvalid.With("Max", l.nameZH).In("name.zh"))
	}
	if utf8.RuneCountInString(c.Name.EN) > l.nameEN {
		faults = append(faults, ErrInvalid.With("Max", l.nameEN).In("name.en"))
	}
	most := map[string]int{Once: 1, Day: l.years * 365, Month: l.years * 12, Year: l.years}
	for i, p := range c.Plans {
		if p.Term.Count > most[p.Term.Unit] {
			faults = append(faults, ErrInvalid.With("Max", l.years).In(fmt.Sprintf("plans.%d.term", i)))
		}
	}
	return faults
}

// mayWrite says whether the actor may write content of the vendor's products: a
// person of the vendor, never anybody of the operator, whatever the role.
//
// Clause: UA 3.2 (vendors build and run their products; the operator does not change, edit or arrange them).
func mayWrite(by audit.Actor, v vendor.Vendor) error {
	if staff(by) || by.Kind != audit.Person {
		return ErrMayNotEdit
	}
	if by.Account != string(v.Account) {
		return account.ErrForeign
	}
	if !by.Has("owner") && !by.Has("vendor_manager") {
		return ErrForbidden
	}
	return nil
}

func staff(by audit.Actor) bool {
	return by.Has("compliance") || by.Has("finance") || by.Has("support") || by.Has("superadmin")
}

// officer says whether the actor may approve, refuse, hide and delist for the
// operator.
func officer(by audit.Actor) bool {
	return by.Has("compliance") || by.Has("superadmin") || by.Kind == audit.CLIKind || by.Kind == audit.JobKind
}

// placed is a product where its delisting and its causes of hiding put it: a
// delisting goes before them, and without either it is listed, if it ever was. Of
// several causes the first shows.
//
// Clause: UA 4.8 (a product that several causes keep out of sight comes back when the last one is gone).
func placed(p Product, all []Hiding) Product {
	p.HiddenCause, p.HiddenReason = "", ""
	switch {
	case p.Scope == UseProhibited:
		p.State = ProductUseProhibited
	case p.Scope != "":
		p.State = ProductDelisted
	case p.ListedVersion == "":
	case len(all) == 0:
		p.State = ProductListed
	default:
		p.State, p.HiddenCause, p.HiddenReason = ProductHidden, string(all[0].Cause), all[0].Reason
		if all[0].Ref != "" {
			p.HiddenCause = string(ByOperator)
		}
	}
	return p
}

// mayReveal refuses to take back what the actor's side has not hidden, and says
// what hides the product instead. What a case blocks, only the end of the measure
// gives back.
//
// Clause: UA 8.2.2 (what a measure keeps out of sight comes back with the end of the measure and by no other way).
func mayReveal(p Product, all []Hiding, of HidingCause) error {
	switch {
	case slices.ContainsFunc(all, func(h Hiding) bool { return h.Cause == of }):
		return nil
	case p.State != ProductHidden || len(all) == 0:
		return ErrStale
	}
	switch all[0].Cause {
	case ByCase:
		return ErrBlocked
	case ByNotice:
		return ErrNoticed
	case ByRights:
		return ErrRights.With("Until", p.RightsUntil.String())
	}
	return ErrForbidden
}

// maySell refuses a new sale of a product that is not on the market today.
//
// Clause: UA 4.8 (products may be delisted or barred from use; nothing new is sold then).
func maySell(p Product, today calendar.Date) error {
	switch p.State {
	case ProductListed:
		return inForce(p.RightsUntil, today)
	case ProductUseProhibited:
		return ErrProhibited
	}
	return ErrDelisted.With("State", string(p.State))
}

// mayRenew refuses a renewal of a product that was taken off the market. A
// product that is only hidden, or delisted for new sales only, may be renewed by
// those who have it.
//
// Clause: UA 4.8 (a delisted product is not renewed).
func mayRenew(p Product) error {
	switch {
	case p.State == ProductListed, p.State == ProductHidden, p.State == ProductDelisted && p.Scope == NoNewSales:
		return nil
	case p.State == ProductUseProhibited:
		return ErrProhibited
	}
	return ErrDelisted.With("State", string(p.State))
}

// mayUse refuses the use of a product that was barred. Every other delisting
// leaves running rights as they are.
//
// Clause: UA 4.8 (what is delisted stays usable to the end of its term unless its use is barred).
func mayUse(p Product) error {
	if p.State == ProductUseProhibited {
		return ErrProhibited
	}
	return nil
}

// mayDelist says who may take a product off the market for which cause: the
// vendor for its own planning, the operator for everything else.
func mayDelist(by audit.Actor, v vendor.Vendor, cause Cause) error {
	if officer(by) {
		return nil
	}
	if by.Account != string(v.Account) {
		return account.ErrForeign
	}
	if cause != VendorPlanning || !by.Has("owner") && !by.Has("vendor_manager") {
		return ErrForbidden
	}
	return nil
}

// Grounded refuses to take a product off the market for what its vendor did on
// anything but a case: there are the evidence, the reasons and the appeal. Danger
// and an authority's order do not wait for one.
//
// Clause: UA P-4 (a product is hidden or delisted for a breach by a case, and from no page beside it).
func Grounded(d Delisting) error {
	if ForBreach(d.Cause) && !strings.HasPrefix(d.Case, "enf_") {
		return ErrNoCase.In("case")
	}
	return nil
}

// ForBreach reports whether a cause is something that the vendor did.
func ForBreach(c Cause) bool { return c == VendorBreach || c == IPBan }

// validDelisting names what a delisting lacks.
func validDelisting(d Delisting, now time.Time) error {
	var faults fault.List
	if !slices.Contains([]Cause{VendorPlanning, VendorBreach, IPBan, Safety, Authority, OtherCause}, d.Cause) {
		faults = append(faults, ErrInvalid.In("cause"))
	}
	if !slices.Contains([]Scope{NoNewSales, NoRenewal, UseProhibited}, d.Scope) {
		faults = append(faults, ErrInvalid.In("scope"))
	}
	if strings.TrimSpace(d.Reason) == "" {
		faults = append(faults, ErrRequired.In("reason"))
	}
	if d.At.After(now.AddDate(1, 0, 0)) {
		faults = append(faults, ErrInvalid.In("at"))
	}
	return faults.Err()
}

// mayChangeTo refuses a step in a category's life. Retired is for ever.
//
// Clause: UA 5.2 (the operator may change the market's contents; a category with products in it stays until they have moved).
func mayChangeTo(c Category, to CategoryState, successor Category, used, children int64) error {
	switch {
	case c.State == CategoryRetired || c.State == to:
		return ErrStale
	case to == CategoryOpen || to == CategoryClosed:
		return nil
	case to != CategoryRetired:
		return ErrInvalid.In("state")
	case children > 0 || used > 0 && successor.Code == "":
		return ErrCategoryInUse
	case successor.Code != "" && (successor.State != CategoryOpen || successor.Code == c.Code || (successor.Parent == "") != (c.Parent == "")):
		return ErrInvalid.In("successor")
	}
	return nil
}

// takesProduct refuses a category that is not there, is closed to new products, or
// retired. in is where the product stands already.
//
// Clause: UA 5.2 (a category may be closed to new products; those in it go on).
func takesProduct(state CategoryState, code, in string) error {
	switch state {
	case CategoryOpen:
		return nil
	case CategoryClosed:
		if code == in {
			return nil
		}
		return ErrCategoryClosed.In("category")
	case CategoryRetired:
		return ErrCategoryClosed.In("category")
	}
	return ErrInvalid.In("category")
}
