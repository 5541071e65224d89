package complaint

import (
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/fault"
	"yunshi/internal/base/money"
	"yunshi/internal/base/screen"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/order"
)

// intake is the rulebook's word on whose matter each topic is, and on the words
// that say so where the topic does not.
type intake struct {
	Platform []string            `json:"platform"`
	Product  []string            `json:"product"`
	Words    map[Matter][]string `json:"words"`
}

// classify says whose matter a complaint is, and how that was found: by its topic,
// by its words, or both when they speak of both sides. Empty: a person decides.
//
// Clause: UA 5.1 (the operator handles what concerns the market itself, the vendor all that concerns its product).
func classify(topic, words string, rule intake) (Matter, string) {
	speaks := map[Matter]bool{}
	folded := strings.ToLower(words)
	for m, list := range rule.Words {
		speaks[m] = slices.ContainsFunc(list, func(w string) bool { return strings.Contains(folded, strings.ToLower(w)) })
	}
	of := Matter("")
	switch {
	case slices.Contains(rule.Platform, topic):
		of = Platform
	case slices.Contains(rule.Product, topic):
		of = Product
	}
	switch {
	case of == Platform && speaks[Product], of == Product && speaks[Platform], of == "" && speaks[Platform] && speaks[Product]:
		return Mixed, "both"
	case of != "":
		return of, "topic"
	case speaks[Platform]:
		return Platform, "words"
	case speaks[Product]:
		return Product, "words"
	}
	return "", ""
}

// handOn is whose matter a complaint becomes when a desk says that it is not, or
// not only, its own. It must say why; a vendor can hand on to the operator only,
// and nobody can hand anything back to the complainant.
//
// Clause: UA 5.1 (what came to the wrong desk is forwarded with a reason, never sent back).
func handOn(from Side, to Matter, vendorKnown bool, why string) error {
	switch {
	case strings.TrimSpace(why) == "":
		return ErrReason.In("note")
	case !slices.Contains(Matters, to), from == Vendor && to != Platform, from != Vendor && from != Operator:
		return ErrInvalid.In("matter")
	case to.asksVendor() && !vendorKnown:
		return ErrTarget.In("product")
	}
	return nil
}

// vendorFirst refuses to bring a matter of a product to the operator while the
// vendor's time to answer runs.
//
// Clause: UA 4.2 (disputes over a purchase are first taken up with the vendor).
func vendorFirst(c Complaint, now time.Time) error {
	if c.Matter.asksVendor() && c.VendorOwes && !now.After(c.VendorDue) {
		return ErrVendorFirst.With("Due", c.VendorDue.In(calendar.Shanghai).Format("2006-01-02 15:04"))
	}
	return nil
}

// helps reports an error where the operator is not obliged to follow a matter of a
// product alone: under the bare agreement such a matter stays with the vendor.
//
// Clause: ECL 61 (the operator of a platform actively helps consumers to protect their rights).
func helps(m Matter, law agreement.Law) error {
	if m == Product && !law.OperatorHelps {
		return ErrVendorOnly
	}
	return nil
}

// inPacket is all that a vendor is given: who complains, how to reach them, about
// what, and what they want. What looks like the number of an identity document, a
// card or an account, or like a password, is taken out of the words.
//
// Clause: UA 5.4.3 (identity, contact and demand go to the vendor where a complaint needs it, and nothing else).
func inPacket(name, contact string, c Complaint) (Forwarded, []string) {
	f := Forwarded{
		Name: name, Contact: contact, Order: string(c.Order), Product: string(c.Product), Topic: c.Topic,
		Text: withoutNumbers(c.Text), Demand: withoutNumbers(c.Demand),
	}
	fields := []string{"name", "contact", "product", "topic", "text", "demand"}
	if c.Order != "" {
		fields = append(fields, "order")
	}
	slices.Sort(fields)
	return f, fields
}

func withoutNumbers(s string) string {
	return screen.Mask(s, screen.Only(screen.Scan(s), screen.ResidentID, screen.BankCard, screen.BankAccount, screen.Password))
}

// another refuses the second decision of whoever made the first.
func another(first, second string) error {
	if first != "" && first == second {
		return ErrAnother
	}
	return nil
}

// reopens refuses to take a complaint up again after the window.
func reopens(closed, now time.Time, days int) error {
	if now.After(calendar.On(closed).AddDays(days).Last()) {
		return ErrReopen.With("Days", days)
	}
	return nil
}

// offlineOver refuses a complaint about a refund that the parties settle between
// themselves, until they have said that they do not agree. Where the law counts
// days, a matter that is older is overdue, and the operator may take it up too.
//
// Clause: UA 4.5 (what the parties settle offline and do not agree on can be brought to the market as a complaint).
func offlineOver(disagreed bool, opened, now time.Time, days int, by Side) error {
	switch {
	case disagreed && by == User:
		return nil
	case offlineOverdue(opened, now, days):
		return nil
	}
	return ErrOffline
}

// offlineOverdue reports whether an unpaid promised refund counts as a breach.
func offlineOverdue(opened, now time.Time, days int) bool {
	return days > 0 && !now.Before(calendar.On(opened).AddDays(days+1).Start())
}

// chain is the ceiling of damages: what was actually paid for the product, with
// the first purchase and the renewals in dispute.
//
// Clause: UA 4.10 (the ceiling is the sum of the fees paid for that product on the purchases in dispute).
func chain(first order.Order, all []order.Order) (money.Amount, error) {
	sum := money.Zero(first.Fee.Paid.Currency)
	for _, o := range all {
		if o.Account != first.Account || o.Product != first.Product || !o.State.Paid() || o.Fee.Paid.Currency != sum.Currency {
			return sum, ErrChain.In("orders")
		}
		var err error
		if sum, err = sum.Add(o.Fee.Paid); err != nil {
			return sum, err
		}
	}
	return sum, nil
}

// Exception is what allows damages above the ceiling.
type Exception string

// The exceptions.
const (
	NoException Exception = "none"
	ByLaw       Exception = "law"       // with the article
	ByAgreement Exception = "agreement" // with the document
)

// Exceptions lists them in the order in which a form offers them.
var Exceptions = []Exception{NoException, ByLaw, ByAgreement}

// excepted checks an exception and returns what the book keeps of it: "" for none.
// An article of law lifts the ceiling only where law is applied at all; a document
// is one that stands in the claim.
//
// Clause: UA 4.10 (the ceiling yields to law, with its article, and to an agreement of the parties, with its document).
func excepted(e Exception, basis string, law agreement.Law, documents []string) (string, error) {
	basis = strings.TrimSpace(basis)
	switch {
	case e == NoException && basis == "":
		return "", nil
	case e == ByLaw && law.CapYields && basis != "" && utf8.RuneCountInString(basis) <= 60:
		return "law: " + basis, nil
	case e == ByAgreement && slices.Contains(documents, basis):
		return "agreement: " + basis, nil
	}
	return "", ErrException.In("basis")
}

// statutory is the least that law gives a consumer who was deceived: a multiple of
// the price, and no less than a fixed sum.
func statutory(paid money.Amount, consumer bool, g Ground, law agreement.Law, rule multipleRule) money.Amount {
	x := money.Zero(paid.Currency)
	if consumer && g == Fraud && law.CapYields {
		x.Minor = max(paid.Minor*rule.Multiple, rule.Minimum)
	}
	return x
}

type multipleRule struct {
	Multiple int64 `json:"multiple"`
	Minimum  int64 `json:"minimum"`
}

// inCourt notes that a dispute left negotiation: which court, under which number.
// Nothing has to come before it; nobody is kept from a court.
//
// Clause: UA 9.5 (disputes are negotiated first; failing that they go to the competent court).
func inCourt(court, number string) (string, string, error) {
	court, number = strings.TrimSpace(court), strings.TrimSpace(number)
	switch {
	case court == "" || utf8.RuneCountInString(court) > 120:
		return "", "", ErrCourt.In("court")
	case number == "" || utf8.RuneCountInString(number) > 60:
		return "", "", ErrCourt.In("number")
	}
	return court, number, nil
}

// knowledgeRule says from which complaint of one kind on the operator has to act.
type knowledgeRule struct {
	After int64    `json:"after"`
	Days  int      `json:"days"`
	Kinds []string `json:"kinds"`
}

// obliges reports whether what the operator has learnt of a product makes it act.
//
// Clause: UA 7.1 (who knows of harm and does nothing is liable; the second complaint of a kind raises a task).
func obliges(heard int64, kind string, rule knowledgeRule, law agreement.Law) bool {
	return law.KnowledgeActs && heard >= rule.After && slices.Contains(rule.Kinds, kind)
}

// acted refuses to end a knowledge task without an action and its reason.
//
// Clause: UA 7.1 (what the operator did about what it learnt is recorded).
func acted(a Action, why string) error {
	switch {
	case !slices.Contains(Actions, a):
		return ErrAction.In("action")
	case strings.TrimSpace(why) == "":
		return ErrAction.In("note")
	}
	return nil
}

// warrants are words that promise, in the operator's name, that a product is good.
var warrants = regexp.MustCompile(`(?i)(平台|运营方|官方|云市场|我们)(郑重)?(承诺|担保|保证|保障)(产品|质量|品质|效果|正版|可用|安全)` +
	`|(质量|品质|正品|效果)(由(平台|运营方|官方|云市场))(担保|保证)|(官方|平台)(认证|推荐)(优质|可靠|放心)|假一赔|100%(可靠|安全|有效)|绝对(安全|可靠)` +
	`|(we|platform|operator|marketplace)[ -](guarantees?|warrants?|vouch(es)? for|promises?)\b|\b(guaranteed|warranted|certified|vetted) by (us|the (platform|operator|marketplace))` +
	`|\b(platform|operator|marketplace)[- ](guaranteed|warranted)\b`)

// NoWarranty refuses a text that the operator writes to advertise the market when
// it reads as if the operator answered for a product.
//
// Clause: UA 7.1 (the operator's own words give no warranty for a product).
func NoWarranty(text string) error {
	if at := warrants.FindString(text); at != "" {
		return ErrWarranty.With("Words", at)
	}
	return nil
}

// Kinds are what a report may say was broken: the rule of the agreement, or of the
// law on reviews.
var Kinds = []string{
	"UA 4.11", "UA 4.7.1", "UA 4.7.2", "UA 4.7.3", "UA 4.7.4", "UA 4.7.5", "UA 4.7.6", "UA 4.7.7", "UA 4.7.8",
	"UA 4.9.1", "UA 4.9.2", "UA 4.9.3", "UA 4.9.4", "ECL 17", "other",
}

// outside is the kind of a report of payment outside the market.
const outside = "UA 4.11"

// takes refuses a report of what happened outside the market where no law obliges
// the operator to look into it.
//
// Clause: UA 4.11 (a deal outside has no protection here, but reports of vendors who lead there are taken).
func takes(kind string, law agreement.Law) error {
	switch {
	case !slices.Contains(Kinds, kind):
		return ErrInvalid.In("kind")
	case kind == outside && !law.OutsideReports:
		return ErrOutside
	}
	return nil
}

// within refuses what one source sends above the rulebook's number of a day.
//
// Clause: ECL 59 (reports and complaints are taken by a convenient and working channel).
func within(sent, limit int64) error {
	if sent >= limit {
		return ErrLimited
	}
	return nil
}

// dayRule is a time to act: working days, and the natural days that count where a
// year on the way has no published calendar.
type dayRule struct {
	Days           int `json:"days"`
	NoCalendarDays int `json:"no_calendar_days"`
}

// dueBy is when somebody must have acted.
func dueBy(days calendar.WorkingDays, at time.Time, rule dayRule) (time.Time, Clock) {
	if due, err := days.DueBy(at, rule.Days); err == nil {
		return due, WorkingDays
	}
	return calendar.On(at).AddDays(max(rule.NoCalendarDays, rule.Days)).Last(), NaturalDays
}

// basis is what a decision may rest on: a clause of the agreement, an article of a
// law, or a section of a rulebook.
var basis = regexp.MustCompile(`^((UA|ECL|CPL|CC|SPC) \d+(\.\d+)*|RB [a-z]+-\d+)$`)

// longest is the most that anybody may write in one field, in characters.
const longest = 2000

// words trims what somebody wrote and refuses too much of it, or none where some
// is needed.
func words(s, field string, needed bool) (string, error) {
	return fault.Words(s, field, needed, longest, ErrRequired, ErrInvalid)
}
