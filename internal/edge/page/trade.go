package page

import (
	"hash/fnv"
	"strconv"
	"strings"
	"time"
	"unicode"

	"yunshi/internal/base/money"
)

// Seller is who the counterparty is: the vendor as registered.
type Seller struct {
	Name          string // registered name
	Shop          string // address of the vendor's page; "" for none
	Verified      time.Time
	VerifiedHow   string // "business licence and corporate transfer"
	Code          string // unified social credit code
	RegisteredAt  string // registered address
	Phone         string
	Email         string
	Hours         string // when support answers
	LicenceFile   string // address of the published licence; "" for none
	SelfOperated  bool   // sold by the operator itself, which must be said
	ContactThread string // address to write to the vendor; "" for none
}

// RefundKind is how money comes back.
type RefundKind string

// The kinds of refund rule a product can state.
const (
	RefundFull    RefundKind = "full"    // in full until the last day
	RefundProRata RefundKind = "prorata" // the unused part until the last day
	RefundVendor  RefundKind = "vendor"  // the vendor's own rule, settled between the parties
	RefundNone    RefundKind = "none"
)

// Refund is the refund rule of an offer or an order. Until is the last moment.
type Refund struct {
	Kind   RefundKind
	Until  time.Time
	Days   int    // length of the window before purchase, when Until is not known yet
	Clause string // "UA 4.5"
}

// Price is what something costs. Unit is the word after the slash ("month"), ""
// for a single payment. From says that other plans cost more.
type Price struct {
	Amount money.Amount
	Unit   string
	From   bool
	Was    money.Amount // list price, struck; zero for none
}

// Stars is a rating from paid orders: tenths of a star (46 is 4.6) and how many
// reviews it rests on.
type Stars struct {
	Tenths int
	Count  int
}

// ProductCard is a product in a list.
type ProductCard struct {
	Href      string
	Name      string
	Vendor    string
	Summary   string
	Category  string // name; also decides the drawn picture
	Kind      string // "Image", "SaaS" …
	Stars     Stars
	Price     Price
	Image     string // address of the vendor's picture, 16:9; "" draws one
	Sponsored bool   // paid placement is always marked
	Flags     []string
}

// Plan is one plan of a product.
type Plan struct {
	ID       string
	Name     string
	Summary  string
	Price    Price
	Includes []string
	Chosen   bool
	Action   Action // zero for none
	Note     string // "delisted: no new sales"
}

// Sum is one line of a price calculation; Total marks the last one.
type Sum struct {
	Label  string
	Amount money.Amount
	Total  bool
}

// initial is the first letter or Han character of a name.
func initial(name string) string {
	for _, r := range strings.TrimSpace(name) {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return string(unicode.ToUpper(r))
		}
	}
	return "·"
}

// shade picks one of n by the text, always the same one.
func shade(s string, n uint32) uint32 {
	h := fnv.New32a()
	h.Write([]byte(s))
	return h.Sum32() % n
}

// Percent writes basis points as people read them: "12.5".
func Percent(points int64) string {
	whole := strconv.FormatInt(points/100, 10)
	if rest := points % 100; rest != 0 {
		return whole + "." + strings.TrimRight(strconv.FormatInt(100+rest, 10)[1:], "0")
	}
	return whole
}
