package invoice

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/cn"
	"yunshi/internal/base/fault"
	"yunshi/internal/base/money"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/vendor"
)

// vendorIssues refuses every issuer but the seller, by name also the operator:
// whoever asks the operator for an invoice is told where the vendor is.
//
// Clause: UA 4.4 (invoices, receipts and slips are asked of the vendor, who issues them).
func vendorIssues(from, seller, order string) error {
	if from == "" || from == "vendor" {
		return nil
	}
	return ErrFromVendorOnly.With("Vendor", seller, "Link", "/orders/"+order+"/invoice").In("from")
}

// mayIssue lets only the vendor's own people issue. That a role of the operator
// reaches far elsewhere does not help it here.
//
// Clause: UA 4.4 (the operator issues no invoice for a product and cannot mark one issued).
func mayIssue(by audit.Actor, seller vendor.Vendor) error {
	switch {
	case ofVendor(by, seller):
		return nil
	case staff(by):
		return ErrFromVendorOnly.With("Vendor", seller.RegisteredName)
	}
	return account.ErrForeign
}

// ofVendor reports whether the actor works for the vendor and may act for it.
func ofVendor(by audit.Actor, seller vendor.Vendor) bool {
	return by.Account != "" && by.Account == string(seller.Account) && (by.Has(account.Owner) || by.Has(account.VendorManager))
}

// staff reports whether the actor is one of the operator's people, who watch.
func staff(by audit.Actor) bool {
	return slices.ContainsFunc([]string{account.Compliance, account.Finance, account.Support, account.Superadmin}, by.Has)
}

// within refuses an amount above what was paid and neither given back nor
// invoiced or asked for already.
//
// Clause: UA 4.4 (an invoice is for what was paid: no more than paid less refunds and earlier invoices).
func within(amount, left money.Amount) error {
	if amount.Currency != left.Currency || amount.Minor <= 0 {
		return ErrInvalid.In("amount")
	}
	if amount.Minor > left.Minor {
		return ErrOverAmount.With("Max", money.Amount{Minor: max(left.Minor, 0), Currency: left.Currency}.Plain()).In("amount")
	}
	return nil
}

// longestField bounds what a title holds, in characters.
const longestField = 100

// titled judges a title and returns it in canonical form. A company's needs a
// unified social credit code, which is its taxpayer number, with the right check
// character; a person's needs a name and holds no number.
//
// Clause: UA 4.4 (a title names the buyer; a company's carries its valid taxpayer number).
func titled(b Buyer) (Buyer, error) {
	var faults fault.List
	b.Name, b.TaxID = strings.TrimSpace(b.Name), strings.TrimSpace(b.TaxID)
	b.Address, b.Phone = strings.TrimSpace(b.Address), strings.TrimSpace(b.Phone)
	b.Bank, b.BankAccount, b.Email = strings.TrimSpace(b.Bank), strings.TrimSpace(b.BankAccount), strings.TrimSpace(b.Email)
	if b.Name == "" {
		faults = append(faults, ErrRequired.In("name"))
	}
	for field, value := range map[string]string{"name": b.Name, "address": b.Address, "phone": b.Phone, "bank": b.Bank, "bank_account": b.BankAccount} {
		if utf8.RuneCountInString(value) > longestField || strings.ContainsFunc(value, func(r rune) bool { return r < ' ' }) {
			faults = append(faults, ErrTitle.In(field))
		}
	}
	switch b.Kind {
	case Company:
		if code, err := cn.ParseUSCC(b.TaxID); err != nil {
			faults = append(faults, ErrTitle.In("tax_id"))
		} else {
			b.TaxID = code.Canonical()
		}
	case Individual:
		if b.TaxID != "" {
			faults = append(faults, ErrTitle.In("tax_id"))
		}
		b.Address, b.Phone, b.Bank, b.BankAccount = "", "", "", ""
	default:
		faults = append(faults, ErrRequired.In("title_kind"))
	}
	if b.Email != "" {
		if address, err := cn.ParseEmail(b.Email); err != nil {
			faults = append(faults, ErrTitle.In("email"))
		} else {
			b.Email = address.Delivery()
		}
	}
	return b, faults.Err()
}

// suits refuses a special invoice to a person, who has no tax to deduct.
//
// Clause: UA 4.4 (a special invoice is for a taxpayer with a valid number).
func suits(kind Kind, b Buyer) error {
	switch {
	case kind != Ordinary && kind != Special:
		return ErrInvalid.In("kind")
	case kind == Special && b.Kind != Company:
		return ErrTitle.In("kind")
	}
	return nil
}

// issueRule is the rulebook's time to issue.
type issueRule struct {
	Days           int `json:"days"`             // working days
	NoCalendarDays int `json:"no_calendar_days"` // natural days instead, where a year has no calendar
}

// dueBy is the last moment to issue. Where the working days of a year on the way
// are not published, the rulebook's natural days count instead, and the answer
// says so.
func dueBy(days calendar.WorkingDays, at time.Time, rule issueRule) (time.Time, Clock) {
	if due, err := days.DueBy(at, rule.Days); err == nil {
		return due, WorkingDays
	}
	return calendar.On(at).AddDays(rule.NoCalendarDays).Last(), NaturalDays
}

// overdue reports whether a request has been waiting too long.
//
// Clause: RB settlement-6 (the vendor issues within ten working days of the request).
func overdue(r Request, now time.Time) bool {
	return r.State.Open() && r.OverdueAt.IsZero() && now.After(r.DueAt)
}

// parts is how far tax and lines may be off for rounding, in fen a line: unit
// prices are rounded before they are multiplied.
const parts = 6

// isAskedFor compares the file of a blue invoice with the request and the seller
// as last verified, and names every field that differs. A difference of one fen
// in the total is a difference.
func isAskedFor(d Document, r Request, seller vendor.SellerCard, rates []int64) error {
	faults := sides(d, r, seller)
	if d.Colour != Blue {
		faults = append(faults, ErrMismatch.In("colour"))
	}
	if d.Total != r.Amount {
		faults = append(faults, ErrMismatch.In("total"))
	}
	return addsUp(faults, d, rates)
}

// takesBack compares the file of a red invoice with the blue one and its red
// letter: amounts below zero, in sum what both sides agreed on, and a remark that
// names both numbers.
func takesBack(d Document, r Request, l RedLetter, blue Invoice, seller vendor.SellerCard, rates []int64) error {
	faults := sides(d, r, seller)
	if d.Colour != Red {
		faults = append(faults, ErrMismatch.In("colour"))
	}
	if d.Net.Minor >= 0 || d.Tax.Minor > 0 || d.Total.Minor != -l.Amount.Minor {
		faults = append(faults, ErrMismatch.In("total"))
	}
	if !strings.Contains(d.Remark, blue.Number) || !strings.Contains(d.Remark, l.Confirmation) {
		faults = append(faults, ErrMismatch.In("remark"))
	}
	if d.Number == blue.Number || d.Number == l.Confirmation {
		faults = append(faults, ErrMismatch.In("number"))
	}
	return addsUp(faults, d, rates)
}

// sides compares kind, seller and buyer.
func sides(d Document, r Request, seller vendor.SellerCard) (faults fault.List) {
	if d.Kind != r.Kind {
		faults = append(faults, ErrMismatch.In("kind"))
	}
	if !strings.EqualFold(d.Seller.TaxID, seller.USCC) || !sameName(d.Seller.Name, seller.RegisteredName) {
		faults = append(faults, ErrMismatch.In("seller"))
	}
	if !sameName(d.Buyer.Name, r.Buyer.Name) || r.Buyer.Kind == Company && !strings.EqualFold(d.Buyer.TaxID, r.Buyer.TaxID) {
		faults = append(faults, ErrMismatch.In("buyer"))
	}
	return faults
}

// addsUp checks the sums of a file and its rates.
func addsUp(faults fault.List, d Document, rates []int64) error {
	net, tax := money.Zero(money.CNY), money.Zero(money.CNY)
	var overflow bool
	add := func(sum *money.Amount, a money.Amount) {
		s, err := sum.Add(a)
		*sum, overflow = s, overflow || err != nil
	}
	for _, item := range d.Items {
		add(&net, item.Net)
		add(&tax, item.Tax)
		due, err := money.Alloc(abs(item.Net.Minor), item.Rate, 10_000)
		if err != nil || abs(abs(item.Tax.Minor)-due) > parts || !slices.Contains(rates, item.Rate) || item.Tax.Minor != 0 && (item.Net.Minor < 0) != (item.Tax.Minor < 0) {
			overflow = overflow || err != nil
			faults = appendOnce(faults, ErrMismatch.In("tax"))
		}
	}
	total := d.Net
	add(&total, d.Tax)
	if overflow || net != d.Net || tax != d.Tax || total != d.Total {
		faults = appendOnce(faults, ErrMismatch.In("amount"))
	}
	return faults.Err()
}

func appendOnce(faults fault.List, f *fault.Fault) fault.List {
	if slices.ContainsFunc(faults, func(known *fault.Fault) bool { return known.Field == f.Field }) {
		return faults
	}
	return append(faults, f)
}

func abs(n int64) int64 {
	if n < 0 {
		return -n
	}
	return n
}

// confirmation reads the number of a confirmation form: 20 digits. Nothing in
// them tells it from an invoice's number, so it is only ever compared with others
// of its kind.
func confirmation(s string) (string, error) {
	s = strings.TrimSpace(s)
	if len(s) != 20 || strings.Trim(s, "0123456789") != "" {
		return "", ErrInvalid.In("confirmation")
	}
	return s, nil
}

// redMoves are the steps of a form, by who makes them. A lapse is the clock's.
func redMove(from RedState, seller bool, to RedState) bool {
	switch to {
	case BothConfirmed:
		return from == AwaitsBuyer && !seller || from == AwaitsSeller && seller
	case RefusedByBuyer:
		return from == AwaitsBuyer && !seller
	case RefusedBySeller:
		return from == AwaitsSeller && seller
	case TakenBack:
		return from == AwaitsBuyer && seller || from == AwaitsSeller && !seller || from == Asked && !seller
	case TakenBackLate:
		return from.Agreed() && seller
	case Void10, Void11, Void12, Void13:
		// The administration made it void; the seller sees that on its platform.
		return (from.Waiting() || from.Agreed()) && seller
	}
	return false
}

// lapsed reports whether a form was not confirmed in time.
//
// Clause: RB settlement-6 (a red-letter form that is not confirmed within 72 hours is void).
func lapsed(l RedLetter, now time.Time) bool { return l.State.Waiting() && !now.Before(l.ExpiresAt) }

// enters decides the first state of a form by who enters it.
func enters(seller, needsNone bool) RedState {
	switch {
	case seller && needsNone:
		return NoneNeeded
	case seller:
		return AwaitsBuyer
	}
	return AwaitsSeller
}

var reasons = []Reason{IssuedWrongly, GoodsReturned, ServiceStopped, Allowance}

// period reads a month, "2026-11".
func period(s string) (int64, error) {
	t, err := time.Parse("2006-01", s)
	if err != nil || t.Year() < 2020 {
		return 0, ErrInvalid.In("period")
	}
	return int64(t.Year()), nil
}
