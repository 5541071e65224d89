package refund

import (
	"fmt"
	"regexp"
	"time"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/money"
	"yunshi/internal/market/account"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/catalog"
	"yunshi/internal/market/order"
	"yunshi/internal/market/vendor"
)

// facts are what an assessment is made of.
type facts struct {
	rule     order.RefundRule // frozen, with its last moment
	paid     money.Amount
	left     money.Amount
	starts   time.Time // of the use; zero: not delivered
	ends     time.Time // zero: without end
	accepted bool      // service work: taken by the customer
	begun    bool      // service work: begun, or presumed to be
	stale    bool      // service work: nothing was submitted for too long
	now      time.Time
}

// The classes of products under the market's rules.
const (
	fiveDay         = "five_day"
	untilAcceptance = "until_acceptance"
)

// assess says what an order gives back for a reason. It is the one place that
// knows the refund rules: the window and its classes, what stays owed by law, and
// what is left to the vendor.
//
// Clause: UA 4.5 (a product that supports refunds follows the market's rules; what the parties agreed themselves they settle themselves).
func assess(f facts, reason Reason) Assessment {
	a := Assessment{Kind: None, Amount: money.Zero(f.left.Currency), Paid: f.paid, Left: f.left, Until: f.rule.Until, Clause: "UA 4.5"}
	refuse := func(because string, cause error) Assessment {
		a.Because, a.Refusal = because, cause
		return a
	}
	grant := func(k Kind, x money.Amount, because, section string) Assessment {
		a.Kind, a.Amount, a.Because, a.Section, a.Ends = k, x, because, section, true
		return a
	}
	platform := f.rule.Kind == catalog.RefundPlatformRules
	switch {
	case f.left.Minor <= 0:
		return refuse("nothing_left", ErrNothing)
	case f.rule.Kind == catalog.RefundVendorOwn:
		return refuse("vendor_own", ErrOffline)
	case platform && f.rule.Class == fiveDay && !f.now.After(f.rule.Until):
		return grant(Full, f.left, "in_window", "RB refund-2")
	case platform && f.rule.Class == untilAcceptance && !f.accepted && !f.begun && !f.stale:
		return grant(Full, f.left, "work_not_begun", "RB refund-3")
	case reason.AtFault():
		return grant(VendorDecides, f.left, "at_fault", "RB refund-5")
	case !platform:
		return refuse("product_none", ErrNotSupported)
	}
	switch f.rule.Class {
	case fiveDay:
		used, whole := usage(f)
		x := unused(f.left, used, whole)
		if x.IsZero() {
			return refuse("used_up", ErrWindow.With("Until", f.rule.Until.In(calendar.Shanghai).Format("2006-01-02 15:04")))
		}
		a.UsedDays, a.TermDays = used, whole
		return grant(ProRata, x, "unused_days", "RB refund-6")
	case untilAcceptance:
		switch {
		case f.accepted:
			return refuse("accepted", ErrWindow)
		case f.stale:
			return grant(VendorDecides, f.left, "stale_requirement", "RB refund-3")
		}
		return grant(VendorDecides, f.left, "work_begun", "RB refund-3")
	}
	a.Section = "RB refund-4"
	return refuse("class_none", ErrNotSupported)
}

// usage is how many days of how many were used; a begun day counts as a whole
// one. What has no end is used up by its delivery.
func usage(f facts) (used, whole int64) {
	switch {
	case f.starts.IsZero():
		return 0, 1
	case f.ends.IsZero():
		return 1, 1
	}
	whole = max(1, int64(calendar.On(f.starts).Until(calendar.On(f.ends))))
	return min(whole, int64(calendar.UsedDays(f.starts, f.now))), whole
}

// unused is the price of the days that were not used. What was consumed is
// rounded down, in the customer's favour.
//
// Clause: RB refund-6 (the fee for unused time, by days, the amount consumed rounded down to the fen).
func unused(price money.Amount, used, whole int64) money.Amount {
	consumed, err := money.Alloc(price.Minor, used, whole)
	if err != nil {
		panic(fmt.Sprintf("refund: %d of %d days of %s: %v", used, whole, price, err)) // usage keeps both in range
	}
	return money.Amount{Minor: price.Minor - consumed, Currency: price.Currency}
}

// asked is the amount of a request: what the form showed, unless the customer may
// name one.
func asked(a Assessment, in Ask) (x money.Amount, ends bool, err error) {
	switch {
	case a.Kind == None:
		return x, false, a.Refusal
	case a.Kind != VendorDecides:
		if in.Amount != a.Amount {
			return x, false, ErrStale.In("amount") // another day of use has begun since the form was made
		}
		return a.Amount, true, nil
	case in.Amount.Currency != a.Amount.Currency || in.Amount.Minor <= 0 || in.Amount.Minor > a.Amount.Minor:
		return x, false, ErrInvalid.In("amount")
	}
	return in.Amount, in.Amount == a.Amount || !in.Keep, nil
}

// noBreach refuses money for what a breach has ended, once the decision is final;
// while it is not, the request is held. Other products of the user are not
// touched, and a decision that was revoked counts as none.
//
// Clause: UA 8.4 (when service ends for the user's breach neither operator nor vendor need give a fee back).
func noBreach(b Breach) (hold bool, err error) {
	switch b.State {
	case BreachFinal:
		return false, ErrBreach.With("Case", b.Case)
	case BreachPending:
		return true, nil
	}
	return false, nil
}

// forfeitLooked reports whether a lawyer looks at a refusal for a breach. The bare
// agreement lets the fee be kept and asks nobody.
//
// Clause: UA 8.4 (the refusal stands under the consumer's rights, so each one to a consumer is looked at).
func forfeitLooked(law agreement.Law, consumer bool) bool { return law.ForfeitReviewed && consumer }

// withinQuota refuses a further refund without reason above the number of a year.
//
// Clause: UA 4.5 (the market's rules may limit how often money comes back without a reason).
func withinQuota(enabled bool, used, limit int64) error {
	if enabled && used >= limit {
		return ErrQuota.With("Limit", limit)
	}
	return nil
}

// invoiceBack refuses a request while an invoice is out, where the rulebook wants
// it back before anything else.
//
// Clause: UA 4.5 (what was invoiced is taken back before the money is).
func invoiceBack(before string, invoiced bool) error {
	if before == "request" && invoiced {
		return ErrInvoice
	}
	return nil
}

// needsSecond reports whether one person of the staff is not enough.
func needsSecond(x money.Amount, above int64) bool { return x.Minor > above }

// another refuses the second signature of whoever gave the first.
func another(first string, by audit.Actor) error {
	if first == by.User {
		return ErrSecond
	}
	return nil
}

// answerBy is when the vendor must have answered. Where the working days of a
// year on the way are not published the rulebook's natural days count.
func answerBy(days calendar.WorkingDays, at time.Time, rule answerRule) (time.Time, Clock) {
	if due, err := days.DueBy(at, rule.Days); err == nil {
		return due, WorkingDays
	}
	return calendar.On(at).AddDays(rule.NoCalendarDays).Last(), NaturalDays
}

// limits are the moments of the warning and of the breach, counted from a
// request or an agreement whose own day does not count.
func limits(from time.Time, rule limitRule) (alert, breach time.Time) {
	day := calendar.On(from)
	return day.AddDays(rule.AlertDay).Start(), day.AddDays(rule.Days + 1).Start()
}

// ofVendor reports whether the actor answers for the vendor.
func ofVendor(by audit.Actor, seller vendor.Vendor) bool {
	return by.Account != "" && by.Account == string(seller.Account) && (by.Has(account.Owner) || by.Has(account.VendorManager))
}

// decides reports whether the actor decides for the operator.
func decides(by audit.Actor) bool {
	return by.Has(account.Support) || by.Has(account.Compliance) || by.Has(account.Finance) || by.Has(account.Superadmin)
}

type (
	answerRule struct {
		Days           int `json:"days"`
		NoCalendarDays int `json:"no_calendar_days"`
	}
	limitRule struct {
		Days     int `json:"days"`
		AlertDay int `json:"alert_day"`
	}
	// silenceRule says what follows when the vendor does not answer.
	silenceRule struct {
		ProRata       string `json:"pro_rata"`
		VendorDecides string `json:"vendor_decides"`
	}
)

// approves reports whether silence counts as agreement to a request.
func (s silenceRule) approves(k Kind) bool {
	switch k {
	case ProRata:
		return s.ProRata == "approve"
	case VendorDecides:
		return s.VendorDecides == "approve"
	}
	return false
}

// basis is what a decision may rest on: a clause of the agreement, an article of a
// law, or a section of a rulebook.
var basis = regexp.MustCompile(`^((UA|ECL|CPL|CC|SPC) \d+(\.\d+)*|RB [a-z]+-\d+)$`)

func cites(clause string) bool { return basis.MatchString(clause) }
