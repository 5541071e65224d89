// Package catalog is what is for sale: categories, products, their versions and
// plans, the review before a listing, delisting, and the files of products.
//
//	version: draft -> submitted -> first_review -> approved -> listed -> superseded
//	         submitted or first_review -> rejected (with reasons)
//	product: draft -> submitted -> listed <-> hidden
//	         listed or hidden -> delisted -> use_prohibited
//	         delisted -> listed or hidden (by the case that delisted it, undone)
//
// A version holds the whole terms sheet of a product as one JSON text, written by
// the vendor. It can be changed only while it is a draft. Its hash is taken when
// it is submitted; the reviewer approves that hash; that hash is what buyers are
// shown and what an order freezes. The operator approves, refuses, hides and
// delists; it never writes.
//
// A plan is one way to buy a product. Its id stays the same from version to
// version, so that a holder can renew; its price is that of the listed version.
//
// Owns: the rules of a terms sheet, who may write it, what is on sale. Does not
// own: who may sell (package vendor), the search index (package search, told by
// the job "search.index"), who holds a product (asked through [Holders]).
//
// Always true: a product has a vendor for ever; at most one version of a product
// is listed; submitted, published and served content have the same hash; every
// listed version names the review that approved it; a delisting keeps the list of
// those it affected; a product is listed only while no cause hides it.
package catalog

import (
	"context"
	"encoding/json"
	"time"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/db"
	"yunshi/internal/base/money"
	"yunshi/internal/base/text"
	"yunshi/internal/market/account"
	"yunshi/internal/market/vendor"
)

// ProductID names a product: "prd_…".
type ProductID string

// VersionID names a version of a product: "ver_…".
type VersionID string

// PlanID names a plan: "pln_…".
type PlanID string

// FileID names a file of a vendor: "fil_…".
type FileID string

// ProductState is where a product stands.
type ProductState string

// The states of a product.
const (
	ProductDraft         ProductState = "draft"
	ProductSubmitted     ProductState = "submitted"
	ProductListed        ProductState = "listed"
	ProductHidden        ProductState = "hidden"
	ProductDelisted      ProductState = "delisted"
	ProductUseProhibited ProductState = "use_prohibited"
)

// VersionState is where a version stands.
type VersionState string

// The states of a version.
const (
	VersionDraft       VersionState = "draft"
	VersionSubmitted   VersionState = "submitted"
	VersionFirstReview VersionState = "first_review"
	VersionApproved    VersionState = "approved"
	VersionListed      VersionState = "listed"
	VersionSuperseded  VersionState = "superseded"
	VersionRejected    VersionState = "rejected"
)

// Both is a text in both languages. One of them may be empty.
type Both struct {
	ZH string `json:"zh"`
	EN string `json:"en"`
}

// In returns the text in the language; when there is none, the other one with its
// language in front, so that a reader is not surprised.
func (b Both) In(lang text.Lang) string {
	own, other, mark := b.ZH, b.EN, "[EN] "
	if lang == text.EN {
		own, other, mark = b.EN, b.ZH, "[中文] "
	}
	if own != "" || other == "" {
		return own
	}
	return mark + other
}

// Empty reports whether there is no text in any language.
func (b Both) Empty() bool { return b.ZH == "" && b.EN == "" }

// Kinds are what a product may be.
var Kinds = []string{"cloud_app", "solution", "dev_tool", "image", "ops_service", "api", "data", "training", "corporate_service"}

// DeliveryTypes are how a product reaches its buyer.
var DeliveryTypes = []string{"image", "saas", "manual_service", "api", "license", "download", "container", "ai_asset", "data_asset"}

// Dialects are how a delivery is carried out.
var Dialects = []string{"download", "license_key", "hook_native", "hook_tencentspi", "hook_alibabaspi", "hook_huaweispi", "manual_service"}

// The bases on which a vendor may offer a product.
const (
	SelfDeveloped = "self_developed"
	Licensed      = "licensed"
)

// RightsBasis is why the vendor may offer the product. Document names the proof
// of a licence; Expires is the last day of the licence, zero when it has no end.
type RightsBasis struct {
	Kind     string        `json:"kind"`
	Document string        `json:"document,omitempty"`
	Expires  calendar.Date `json:"expires,omitzero"`
}

// The kinds of refund policy.
const (
	RefundPlatformRules = "platform_rules"
	RefundVendorOwn     = "vendor_own"
	RefundNone          = "none"
)

// RefundPolicy is what a buyer is told about getting money back.
type RefundPolicy struct {
	Kind string `json:"kind"`
	Text Both   `json:"text"`
}

// Support is how the vendor can be reached after the sale.
type Support struct {
	Hours   Both   `json:"hours"`
	Contact string `json:"contact"`
}

// PrivacySheet is what the vendor does with data of the product's users.
type PrivacySheet struct {
	Controller    string   `json:"controller"`
	Contact       string   `json:"contact"`
	Kinds         []Both   `json:"kinds"`
	Purposes      []Both   `json:"purposes"`
	Retention     Both     `json:"retention"`
	ExportAbroad  bool     `json:"export_abroad"`
	SubProcessors []string `json:"sub_processors,omitempty"`
	RightsChannel string   `json:"rights_channel"`
}

// Delivery is how the product is handed over. File is what is downloaded; URL is
// where the account opens it.
type Delivery struct {
	Dialect      string `json:"dialect"`
	File         FileID `json:"file,omitempty"`
	Instructions Both   `json:"instructions"`
}

// The units of a term.
const (
	Once  = "once"
	Day   = "day"
	Month = "month"
	Year  = "year"
)

// Term is how long a plan runs: Count units, or once and for ever.
type Term struct {
	Unit  string `json:"unit"`
	Count int    `json:"count"`
}

// Plan is one way to buy a product. The price includes the tax of TaxPoints basis
// points; absent means the rulebook's rate.
type Plan struct {
	Code      string       `json:"code"`
	Name      Both         `json:"name"`
	Price     money.Amount `json:"price"`
	TaxPoints *int64       `json:"tax_points,omitempty"`
	Term      Term         `json:"term"`
	Included  []Both       `json:"included"`
}

// AddOn is something that may be bought together with the product. A buyer
// chooses it; it is never chosen for them.
type AddOn struct {
	Plan            PlanID `json:"plan"`
	Name            Both   `json:"name"`
	DefaultSelected bool   `json:"default_selected"`
}

// Content is the terms sheet of one version: everything a buyer must be able to
// know before buying. Its JSON form, as [Encode] writes it, is what is hashed.
type Content struct {
	Name          Both          `json:"name"`
	Summary       Both          `json:"summary"`
	Description   Both          `json:"description"`
	Kind          string        `json:"kind"`
	DeliveryType  string        `json:"delivery_type"`
	Category      string        `json:"category"`
	Functions     []Both        `json:"functions"`
	Requirements  []Both        `json:"requirements"`
	RightsBasis   RightsBasis   `json:"rights_basis"`
	RefundPolicy  RefundPolicy  `json:"refund_policy"`
	Licence       Both          `json:"licence"`
	Support       Support       `json:"support"`
	Privacy       *PrivacySheet `json:"privacy,omitempty"`
	NeedsUserData bool          `json:"needs_user_data"`
	Delivery      Delivery      `json:"delivery"`
	Badges        []Both        `json:"badges,omitempty"`
	AddOns        []AddOn       `json:"add_ons,omitempty"`
	Plans         []Plan        `json:"plans"`
}

// Product is one thing for sale. RightsUntil is the last day of the listed
// version's licence, zero when it has no end. Scope says how far a delisting goes.
type Product struct {
	ID            ProductID
	Vendor        vendor.ID
	Slug          string
	State         ProductState
	Scope         Scope
	Category      string // of the listed version
	HiddenCause   string // of the weightiest [Hiding]: operator, vendor or rights; empty unless hidden
	HiddenReason  string
	ListedVersion VersionID
	RightsUntil   calendar.Date
	CreatedAt     time.Time
	ListedAt      time.Time // of its first listing
}

// Version is one state of a product's terms sheet.
type Version struct {
	ID              VersionID
	Product         ProductID
	Number          int64
	State           VersionState
	Content         Content
	SHA256          string // of the encoded content
	SubmittedSHA256 string
	PublishedSHA256 string
	Author          string // user of the vendor who wrote it
	Review          string // "rev_…" once decided
	CreatedAt       time.Time
	SubmittedAt     time.Time
	ListedAt        time.Time
	encoded         []byte
}

// Sheet is the exact text that SHA256 is the hash of.
func (v Version) Sheet() json.RawMessage { return v.encoded }

// Cause says why a product is delisted.
type Cause string

// The causes of a delisting.
const (
	VendorPlanning Cause = "vendor_planning"
	VendorBreach   Cause = "vendor_breach"
	IPBan          Cause = "ip_ban"
	Safety         Cause = "safety"
	Authority      Cause = "authority"
	OtherCause     Cause = "other"
)

// Scope says what a delisting stops, each one more than the one before.
type Scope string

// The scopes of a delisting.
const (
	NoNewSales    Scope = "no_new_sales"
	NoRenewal     Scope = "no_renewal"
	UseProhibited Scope = "use_prohibited"
)

// Delisting takes a product off the market at At; the zero time means at once.
type Delisting struct {
	Product ProductID
	Cause   Cause
	Scope   Scope
	At      time.Time
	Reason  string
	Case    string // "enf_…": the one that it rests on, and that can undo it
}

// DelistingEvent is a delisting as it was announced.
type DelistingEvent struct {
	ID string
	Delisting
	AnnouncedAt time.Time
	AppliedAt   time.Time // zero until it took effect
	UndoneAt    time.Time // zero while it stands
	Affected    int64     // holders at the announcement
}

// Holders returns the accounts that hold a product with a right that still runs.
// Package entitlement knows them; app wires it.
type Holders func(ctx context.Context, r db.Reader, p ProductID) ([]account.ID, error)

// Verdict is a reviewer's answer. Every item says what it is about; a refusal
// needs at least one.
type Verdict struct {
	Approve bool
	Reasons []Item
}

// Item is one finding of a review.
type Item struct {
	Field  string `json:"field"`
	Reason string `json:"reason"`
}

// Decision is what was decided, about one version or about one import.
type Decision struct {
	ID        string
	Method    string // "review" or "import"
	Vendor    vendor.ID
	Approved  bool
	Reasons   []Item
	Reviewer  string
	Items     int64
	SHA256    string // of the content; of an import: of the hashes in order
	DecidedAt time.Time
}

// Offer is one plan as it is sold now: the listed version, its exact terms sheet
// and the seller. SHA256 is the hash of TermsSheet.
type Offer struct {
	Product    Product
	Version    Version
	PlanID     PlanID
	Plan       Plan
	Vendor     vendor.SellerCard
	TermsSheet json.RawMessage
	SHA256     string
}

// Category is one node of the tree, two levels deep. RefundClass is the default
// for products in it: none, five_day or until_acceptance. One that is retired is
// never forgotten: what was sold under it still says so.
type Category struct {
	Code        string        `json:"code"`
	Parent      string        `json:"parent"` // empty on the first level
	Name        Both          `json:"name"`
	RefundClass string        `json:"refund_class"`
	State       CategoryState `json:"state,omitempty"`
	Successor   string        `json:"successor,omitempty"` // of a retired one: where its products went
}

// CategoryState says what a category takes.
type CategoryState string

// The states of a category.
const (
	CategoryOpen    CategoryState = "open"
	CategoryClosed  CategoryState = "closed_for_new" // new versions of what is in it, but no new product
	CategoryRetired CategoryState = "retired"
)

// File is something a vendor uploaded for its products. SHA256 is taken at the
// upload and never changes.
type File struct {
	ID        FileID
	Vendor    vendor.ID
	Name      string
	MediaType string
	Size      int64
	SHA256    string
	Blob      string // key in the file store
	AddedAt   time.Time
}
