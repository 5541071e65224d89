package client

import (
	"encoding/json"
	"time"
)

// Amount is a number of minor units of a currency: {198000, "CNY"} is 1,980.00
// yuan.
type Amount struct {
	Minor    int64  `json:"minor"`
	Currency string `json:"currency" minLength:"3" maxLength:"3" example:"CNY"`
}

// Both is a text in both languages.
type Both struct {
	ZH string `json:"zh,omitempty"`
	EN string `json:"en,omitempty"`
}

// Page is one page of a list, newest first. Next is the cursor of the page after
// it and empty on the last.
type Page[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next,omitempty"`
}

// Registration opens an account with its first user, who owns it.
type Registration struct {
	Name        string `json:"name" maxLength:"200" doc:"Name of the person or organisation."`
	UserName    string `json:"user_name,omitempty" maxLength:"200" doc:"Name of the first user; the account's name when absent."`
	Email       string `json:"email" maxLength:"254"`
	Mobile      string `json:"mobile,omitempty" maxLength:"32"`
	Password    string `json:"password" maxLength:"256" doc:"At least 12 characters."`
	SubjectType string `json:"subject_type" enum:"individual,legal_person,other_org"`
	Locale      string `json:"locale,omitempty" enum:"zh,en"`
}

// Registered names the account and user that a registration made.
type Registered struct {
	Account string `json:"account"`
	User    string `json:"user"`
}

// The scopes of API keys that cover everything. Narrower ones name a part of the
// API before them: "orders:read", "products:write".
const (
	ScopeRead  = "read"  // look
	ScopeWrite = "write" // act
)

// KeyRequest asks for an API key with e-mail and password.
type KeyRequest struct {
	Email    string   `json:"email" maxLength:"254"`
	Password string   `json:"password" maxLength:"256"`
	Name     string   `json:"name" maxLength:"100" doc:"To recognise the key by."`
	Scopes   []string `json:"scopes" minItems:"1" maxItems:"16" enum:"read,write,account:read,account:write,catalog:read,orders:read,orders:write,products:read,products:write,vendor:read,vendor:write,operator:read,operator:write"`
}

// Key is an API key. Secret is shown once and stored nowhere.
type Key struct {
	ID      string   `json:"id"`
	Account string   `json:"account"`
	Name    string   `json:"name"`
	Scopes  []string `json:"scopes"`
	Secret  string   `json:"secret"`
}

// Me is who a key acts as, and what stands between the account and a purchase.
type Me struct {
	User      string     `json:"user"`
	Account   string     `json:"account"`
	Roles     []string   `json:"roles"`
	State     string     `json:"state" doc:"registered, verified, restricted, suspended, terminated, closing or closed."`
	Agreement string     `json:"agreement" doc:"none, implied or accepted."`
	BoundFrom *time.Time `json:"bound_from,omitempty" doc:"Since when the agreement binds the account."`
	Identity  string     `json:"identity,omitempty" doc:"State of the latest verification."`
	Vendor    string     `json:"vendor,omitempty" doc:"The vendor that the account is."`
}

// Agreement is the bundle of documents in force. Its hash is what is displayed
// and accepted.
type Agreement struct {
	Bundle    string     `json:"bundle" doc:"Hash over all documents."`
	Number    string     `json:"number"`
	Documents []Document `json:"documents"`
}

// Document is one published text.
type Document struct {
	Code        string    `json:"code"`
	Number      int64     `json:"number"`
	Title       Both      `json:"title"`
	SHA256      string    `json:"sha256"`
	EffectiveAt time.Time `json:"effective_at"`
	Clauses     []Clause  `json:"clauses"`
}

// Clause is one clause. Bold ones limit something and must be shown in bold.
type Clause struct {
	ID    string `json:"id"`
	Title Both   `json:"title"`
	Text  Both   `json:"text"`
	Bold  bool   `json:"bold"`
}

// Displayed says that the bundle was shown to the person behind the key.
type Displayed struct {
	Bundle string `json:"bundle" maxLength:"128"`
	Locale string `json:"locale,omitempty" enum:"zh,en"`
}

// Acceptance is the record of an accepted bundle.
type Acceptance struct {
	ID          string    `json:"id"`
	Bundle      string    `json:"bundle"`
	Method      string    `json:"method"`
	AcceptedAt  time.Time `json:"accepted_at"`
	EffectiveAt time.Time `json:"effective_at"`
}

// IdentityApplication is what an account states about who it is. The fields are
// sensitive personal data; Consent is the separate consent to their handling.
type IdentityApplication struct {
	SubjectType         string `json:"subject_type" enum:"individual,legal_person,other_org"`
	Name                string `json:"name" maxLength:"200"`
	IDKind              string `json:"id_kind" enum:"resident_id,uscc"`
	Number              string `json:"number" maxLength:"64"`
	Mobile              string `json:"mobile" maxLength:"32"`
	Email               string `json:"email" maxLength:"254"`
	BankAccount         string `json:"bank_account,omitempty" maxLength:"64"`
	LegalRepresentative string `json:"legal_representative,omitempty" maxLength:"200"`
	Consent             bool   `json:"consent"`
}

// IdentityCase is one verification. Personal fields are masked.
type IdentityCase struct {
	ID          string     `json:"id"`
	Account     string     `json:"account"`
	SubjectType string     `json:"subject_type"`
	Name        string     `json:"name"`
	IDKind      string     `json:"id_kind"`
	Number      string     `json:"number"`
	State       string     `json:"state" doc:"pending, verified, failed or expired."`
	Reason      string     `json:"reason,omitempty"`
	SubmittedAt time.Time  `json:"submitted_at"`
	DecidedAt   *time.Time `json:"decided_at,omitempty"`
}

// Decision is an officer's answer. A refusal needs a reason.
type Decision struct {
	Approve bool   `json:"approve"`
	Reason  string `json:"reason,omitempty" maxLength:"2000"`
}

// Contact is who answers for a vendor.
type Contact struct {
	Name  string `json:"name" maxLength:"200"`
	Phone string `json:"phone" maxLength:"32"`
	Email string `json:"email" maxLength:"254"`
}

// VendorApplication is what a vendor states about itself.
type VendorApplication struct {
	RegisteredName      string  `json:"registered_name" maxLength:"200"`
	SubjectType         string  `json:"subject_type" enum:"individual,legal_person,other_org"`
	USCC                string  `json:"uscc,omitempty" maxLength:"32" doc:"Unified social credit code."`
	LegalRepresentative string  `json:"legal_representative,omitempty" maxLength:"200"`
	Address             string  `json:"address" maxLength:"500"`
	Contact             Contact `json:"contact"`
	SupportHours        string  `json:"support_hours" maxLength:"200"`
	SelfCertified       bool    `json:"self_certified" doc:"The promise to offer only what law and rules allow."`
}

// Vendor is a seller and what still stands between it and selling.
type Vendor struct {
	ID             string    `json:"id"`
	Account        string    `json:"account"`
	State          string    `json:"state"`
	RegisteredName string    `json:"registered_name"`
	MerchantReady  bool      `json:"merchant_ready"`
	DepositOK      bool      `json:"deposit_ok"`
	DossierOK      bool      `json:"dossier_ok"`
	AppliedAt      time.Time `json:"applied_at"`
}

// Seller is the verified identity of the counterparty of a purchase.
type Seller struct {
	Vendor         string    `json:"vendor"`
	RegisteredName string    `json:"registered_name"`
	SubjectType    string    `json:"subject_type"`
	USCC           string    `json:"uscc"`
	Address        string    `json:"address"`
	Contact        Contact   `json:"contact"`
	SupportHours   string    `json:"support_hours"`
	VerifiedAt     time.Time `json:"verified_at"`
}

// Merchant is a vendor's own account at a licensed payment provider.
type Merchant struct {
	Provider string `json:"provider" maxLength:"64"`
	Number   string `json:"number" maxLength:"128"`
}

// HookRequest sets where a vendor is called to deliver.
type HookRequest struct {
	Dialect string `json:"dialect" maxLength:"64"`
	URL     string `json:"url" maxLength:"1000"`
}

// Hook is where a vendor is called. Secret is shown once, when it is set.
type Hook struct {
	Dialect string `json:"dialect"`
	URL     string `json:"url"`
	Secret  string `json:"secret,omitempty"`
}

// Content is the terms sheet of a product: everything a buyer must be able to
// know. A draft may be incomplete; a submission may not.
type Content struct {
	Name          Both          `json:"name,omitzero"`
	Summary       Both          `json:"summary,omitzero"`
	Description   Both          `json:"description,omitzero"`
	Kind          string        `json:"kind,omitempty"`
	DeliveryType  string        `json:"delivery_type,omitempty"`
	Category      string        `json:"category,omitempty"`
	Functions     []Both        `json:"functions,omitempty"`
	Requirements  []Both        `json:"requirements,omitempty"`
	RightsBasis   RightsBasis   `json:"rights_basis,omitzero"`
	RefundPolicy  RefundPolicy  `json:"refund_policy,omitzero"`
	Licence       Both          `json:"licence,omitzero"`
	Support       Support       `json:"support,omitzero"`
	Privacy       *PrivacySheet `json:"privacy,omitempty"`
	NeedsUserData bool          `json:"needs_user_data,omitempty"`
	Delivery      Handover      `json:"delivery,omitzero"`
	Badges        []Both        `json:"badges,omitempty"`
	AddOns        []AddOn       `json:"add_ons,omitempty"`
	Plans         []Plan        `json:"plans,omitempty"`
}

// RightsBasis is why the vendor may offer the product.
type RightsBasis struct {
	Kind     string `json:"kind,omitempty" doc:"self_developed or licensed."`
	Document string `json:"document,omitempty"`
	Expires  string `json:"expires,omitempty" doc:"Last day of the licence, 2026-12-31."`
}

// RefundPolicy is how a buyer gets money back.
type RefundPolicy struct {
	Kind string `json:"kind,omitempty" doc:"platform_rules, vendor_own or none."`
	Text Both   `json:"text,omitzero"`
}

// Support is how the vendor can be reached after the sale.
type Support struct {
	Hours   Both   `json:"hours,omitzero"`
	Contact string `json:"contact,omitempty"`
}

// PrivacySheet is what the vendor does with data of the product's users.
type PrivacySheet struct {
	Controller    string   `json:"controller,omitempty"`
	Contact       string   `json:"contact,omitempty"`
	Kinds         []Both   `json:"kinds,omitempty"`
	Purposes      []Both   `json:"purposes,omitempty"`
	Retention     Both     `json:"retention,omitzero"`
	ExportAbroad  bool     `json:"export_abroad,omitempty"`
	SubProcessors []string `json:"sub_processors,omitempty"`
	RightsChannel string   `json:"rights_channel,omitempty"`
}

// Handover is how a product reaches its buyer.
type Handover struct {
	Dialect      string `json:"dialect,omitempty"`
	File         string `json:"file,omitempty"`
	Instructions Both   `json:"instructions,omitzero"`
}

// AddOn is something that may be bought together with the product.
type AddOn struct {
	Plan            string `json:"plan,omitempty"`
	Name            Both   `json:"name,omitzero"`
	DefaultSelected bool   `json:"default_selected,omitempty"`
}

// Plan is one way to buy a product. The price includes tax.
type Plan struct {
	Code      string `json:"code"`
	Name      Both   `json:"name,omitzero"`
	Price     Amount `json:"price"`
	TaxPoints *int64 `json:"tax_points,omitempty" doc:"Basis points; absent: the rulebook's rate."`
	Term      Term   `json:"term"`
	Included  []Both `json:"included,omitempty"`
}

// Term is how long a plan runs: Count units of once, day, month or year.
type Term struct {
	Unit  string `json:"unit" enum:"once,day,month,year"`
	Count int    `json:"count" minimum:"0"`
}

// ProductDraft starts a product.
type ProductDraft struct {
	Slug    string  `json:"slug" maxLength:"100" doc:"Address of the product, unique and for ever."`
	Content Content `json:"content"`
}

// Product is one thing for sale.
type Product struct {
	ID            string    `json:"id"`
	Vendor        string    `json:"vendor"`
	Slug          string    `json:"slug"`
	State         string    `json:"state"`
	Category      string    `json:"category,omitempty"`
	ListedVersion string    `json:"listed_version,omitempty"`
	HiddenReason  string    `json:"hidden_reason,omitempty"`
	CreatedAt     time.Time `json:"created_at"`
}

// Version is one state of a product's terms sheet.
type Version struct {
	ID          string          `json:"id"`
	Product     string          `json:"product"`
	Number      int64           `json:"number"`
	State       string          `json:"state"`
	TermsSHA256 string          `json:"terms_sha256"`
	Terms       json.RawMessage `json:"terms,omitempty" doc:"The exact terms sheet that the hash is of."`
	Review      string          `json:"review,omitempty"`
	CreatedAt   time.Time       `json:"created_at"`
	SubmittedAt *time.Time      `json:"submitted_at,omitempty"`
}

// ProductVersions is a product with its versions, oldest first.
type ProductVersions struct {
	Product  Product   `json:"product"`
	Versions []Version `json:"versions"`
}

// Verdict is a reviewer's answer about a version.
type Verdict struct {
	Approve bool      `json:"approve"`
	Reasons []Finding `json:"reasons,omitempty"`
}

// Finding is one finding of a review.
type Finding struct {
	Field  string `json:"field" maxLength:"200"`
	Reason string `json:"reason" maxLength:"2000"`
}

// Reason says why something is done to somebody else's thing.
type Reason struct {
	Reason string `json:"reason" maxLength:"2000"`
}

// Delisting takes a product off the market.
type Delisting struct {
	Cause  string    `json:"cause" enum:"vendor_planning,vendor_breach,ip_ban,safety,authority,other"`
	Scope  string    `json:"scope" enum:"no_new_sales,no_renewal,use_prohibited"`
	At     time.Time `json:"at,omitzero" doc:"Absent: at once."`
	Reason string    `json:"reason" maxLength:"2000"`
	Case   string    `json:"case,omitempty" maxLength:"40" doc:"The case in force on which staff delist for vendor_breach or ip_ban."`
}

// Category is a node of the catalogue's tree.
type Category struct {
	Code   string `json:"code"`
	Parent string `json:"parent,omitempty"`
	Name   Both   `json:"name"`
}

// Search is what is looked for in the catalogue. Empty fields do not filter.
type Search struct {
	Text         string
	Category     string
	Kind         string
	DeliveryType string
	Vendor       string
	Free         bool
	Sort         string // relevance, price, newest or name
	Lang         string // "zh" or "en"
	After        string // Next of the page before
	Limit        int
}

// Hits is one page of a search. Total counts at most 1,000; Capped says that
// there are more.
type Hits struct {
	Items  []Hit  `json:"items"`
	Next   string `json:"next,omitempty"`
	Total  int64  `json:"total"`
	Capped bool   `json:"capped"`
}

// Hit is a product as a list shows it.
type Hit struct {
	Product      string    `json:"product"`
	Slug         string    `json:"slug"`
	Name         Both      `json:"name"`
	Summary      Both      `json:"summary"`
	Category     string    `json:"category"`
	Kind         string    `json:"kind"`
	DeliveryType string    `json:"delivery_type"`
	Vendor       string    `json:"vendor"`
	VendorName   string    `json:"vendor_name"`
	PriceFrom    Amount    `json:"price_from"`
	ListedAt     time.Time `json:"listed_at"`
}

// Listing is a product with the plans it is sold in and who sells it.
type Listing struct {
	Product     Product         `json:"product"`
	Seller      Seller          `json:"seller" doc:"The counterparty of every purchase of this product."`
	TermsSHA256 string          `json:"terms_sha256"`
	Terms       json.RawMessage `json:"terms" doc:"The exact terms sheet that the hash is of."`
	Plans       []Offer         `json:"plans"`
}

// Offer is one plan as it is sold now.
type Offer struct {
	Plan     string `json:"plan"`
	Code     string `json:"code"`
	Name     Both   `json:"name"`
	Price    Amount `json:"price" doc:"List price of one."`
	Term     Term   `json:"term"`
	Included []Both `json:"included,omitempty"`

	Discount *Discount `json:"discount,omitempty" doc:"What the vendor takes off now."`
}

// Discount is a lower price of one plan for a while. Either BasisPoints or Price
// says how low. A vendor that announces one leaves Number, Pays, SHA256 and EndsAt
// to the market, and From when it starts now.
type Discount struct {
	ID          string     `json:"id,omitempty" maxLength:"64"`
	Plan        string     `json:"plan" maxLength:"64"`
	Number      int64      `json:"number,omitempty"`
	BasisPoints int64      `json:"bp,omitempty" minimum:"0" maximum:"10000" doc:"Hundredths of a per cent off the list price."`
	Price       *Amount    `json:"price,omitempty" doc:"A price of one instead."`
	Pays        *Amount    `json:"pays,omitempty" doc:"What one costs with it, at the list price of now."`
	From        *time.Time `json:"from,omitempty"`
	Until       time.Time  `json:"until"`
	EndsAt      *time.Time `json:"ends_at,omitempty" doc:"Until, or earlier when the vendor ended it."`
	SHA256      string     `json:"sha256,omitempty" maxLength:"64" doc:"Of its terms; frozen with every order that has it."`
}

// Vouchers are codes that were made together. Either BasisPoints or Amount says
// what one is worth. The codes themselves are in the answer that makes them, and
// never again.
type Vouchers struct {
	ID          string     `json:"id,omitempty" maxLength:"64"`
	Product     string     `json:"product,omitempty" maxLength:"64"`
	Plan        string     `json:"plan,omitempty" maxLength:"64" doc:"Empty: every plan of the product."`
	BasisPoints int64      `json:"bp,omitempty" minimum:"0" maximum:"10000" doc:"Hundredths of a per cent off what is to be paid without it."`
	Amount      *Amount    `json:"amount,omitempty" doc:"An amount off instead."`
	Minimum     *Amount    `json:"minimum,omitempty" doc:"Of what is to be paid without it."`
	Until       time.Time  `json:"until"`
	EndsAt      *time.Time `json:"ends_at,omitempty" doc:"Until, or earlier when the vendor ended them."`
	Uses        int64      `json:"uses" minimum:"1" maximum:"100000" doc:"Of each code; an account uses a code once."`
	Count       int64      `json:"count" minimum:"1" maximum:"1000" doc:"How many codes."`
	OnlyFor     string     `json:"only_for,omitempty" maxLength:"64" doc:"The pseudonym of one customer; empty: whoever has the code."`
	Used        int64      `json:"used,omitempty" doc:"By orders that were paid or wait for payment."`
	SHA256      string     `json:"sha256,omitempty" maxLength:"64" doc:"Of their terms; frozen with every order that uses one."`
	Codes       []string   `json:"codes,omitempty" maxItems:"1000"`
}

// Floor is the lowest price of one of a plan, as its vendor states it. Discount and
// voucher together never go below it.
type Floor struct {
	Plan  string `json:"plan" maxLength:"64"`
	Price Amount `json:"price"`
}

// Promotions are what a vendor takes off one product, the newest first.
type Promotions struct {
	Floors    []Floor    `json:"floors"`
	Discounts []Discount `json:"discounts"`
	Vouchers  []Vouchers `json:"vouchers"`
}

// Fee is what a purchase costs; list − discount − voucher = paid = net + tax.
type Fee struct {
	List     Amount `json:"list"`
	Discount Amount `json:"discount"`
	Voucher  Amount `json:"voucher"`
	Paid     Amount `json:"paid"`
	Net      Amount `json:"net"`
	Tax      Amount `json:"tax"`
}

// RefundRule is how money comes back. Until is the last moment of a full refund,
// where a window runs.
type RefundRule struct {
	Kind   string     `json:"kind"`
	Class  string     `json:"class,omitempty"`
	Days   int        `json:"days,omitempty"`
	Text   Both       `json:"text"`
	Clause string     `json:"clause"`
	Until  *time.Time `json:"until,omitempty"`
}

// Quote is what a purchase would be. Refusal is the first rule that stands in
// the caller's way, if any.
type Quote struct {
	Plan        string     `json:"plan"`
	Product     string     `json:"product"`
	Quantity    int64      `json:"quantity"`
	TermsSHA256 string     `json:"terms_sha256" doc:"Send it back with the order: it says what was seen."`
	Seller      Seller     `json:"seller"`
	Fee         Fee        `json:"fee"`
	Refund      RefundRule `json:"refund"`
	Gateways    []string   `json:"gateways" doc:"Ways to pay."`
	Refusal     *Problem   `json:"refusal,omitempty"`
	Discount    *Discount  `json:"discount,omitempty"`
	Declined    *Problem   `json:"declined,omitempty" doc:"Why the voucher that was asked about takes nothing off."`
}

// Purchase is an order to be placed. Total must be what the quote said, so a
// changed price is never paid by surprise.
type Purchase struct {
	Plan        string `json:"plan" maxLength:"64"`
	Quantity    int64  `json:"quantity" minimum:"1" maximum:"1000"`
	For         string `json:"for" maxLength:"64" doc:"The account that will own it; it can never be changed."`
	TermsSHA256 string `json:"terms_sha256" maxLength:"128"`
	Total       Amount `json:"total"`
	Voucher     string `json:"voucher,omitempty" maxLength:"64" doc:"A code; the order is refused when it cannot be used."`
	Gateway     string `json:"gateway,omitempty" maxLength:"64" doc:"Way to pay; not needed for what is free."`
	AcceptTerms bool   `json:"accept_terms" doc:"The product's terms sheet and licence are accepted."`
	Business    bool   `json:"business,omitempty" doc:"A purchase for business, not as a consumer."`
}

// Payment asks for another try to pay an order.
type Payment struct {
	Gateway string `json:"gateway" maxLength:"64"`
}

// Attempt is one try to get an order paid. PayURL is where to pay; it is there
// once the provider has answered.
type Attempt struct {
	ID           string            `json:"id"`
	Gateway      string            `json:"gateway"`
	State        string            `json:"state"`
	Amount       Amount            `json:"amount"`
	PayURL       string            `json:"pay_url,omitempty"`
	Instructions map[string]string `json:"instructions,omitempty"`
	ExpiresAt    *time.Time        `json:"expires_at,omitempty"`
}

// Order is one purchase with what was agreed. Vendors see it without its
// account.
type Order struct {
	ID             string          `json:"id"`
	Account        string          `json:"account,omitempty"`
	Vendor         string          `json:"vendor"`
	Product        string          `json:"product"`
	Version        string          `json:"version"`
	Plan           string          `json:"plan"`
	Quantity       int64           `json:"quantity"`
	State          string          `json:"state" doc:"awaiting_payment, provisioning, delivered, completed, cancelled, expired, refunding or refunded."`
	Reason         string          `json:"reason,omitempty" doc:"Why it ended."`
	Gateway        string          `json:"gateway"`
	Fee            Fee             `json:"fee"`
	Refund         RefundRule      `json:"refund"`
	Seller         Seller          `json:"seller"`
	TermsSHA256    string          `json:"terms_sha256"`
	Terms          json.RawMessage `json:"terms,omitempty" doc:"The frozen terms sheet; in answers about one order."`
	SnapshotSHA256 string          `json:"snapshot_sha256"`
	PlacedAt       time.Time       `json:"placed_at"`
	ExpiresAt      *time.Time      `json:"expires_at,omitempty"`
	PaidAt         *time.Time      `json:"paid_at,omitempty"`
	DeliveredAt    *time.Time      `json:"delivered_at,omitempty"`
	Attempt        *Attempt        `json:"attempt,omitempty" doc:"The current payment; in answers about one order."`
}

// Receipt is the proof of a payment: the vendor is the payee, the operator only
// collected.
type Receipt struct {
	Order       string    `json:"order"`
	Payee       Seller    `json:"payee"`
	Collector   string    `json:"collector"`
	Fee         Fee       `json:"fee"`
	Gateway     string    `json:"gateway"`
	CaptureID   string    `json:"capture_id,omitempty"`
	PaidAt      time.Time `json:"paid_at"`
	Account     string    `json:"account"`
	Entitlement string    `json:"entitlement"`
}

// Entitlement is a right to use what was bought, bound to one account.
type Entitlement struct {
	ID        string     `json:"id"`
	Order     string     `json:"order"`
	Account   string     `json:"account,omitempty"`
	Product   string     `json:"product"`
	Plan      string     `json:"plan"`
	Vendor    string     `json:"vendor"`
	Name      string     `json:"name"`
	Quantity  int64      `json:"quantity"`
	State     string     `json:"state"`
	GrantedAt time.Time  `json:"granted_at"`
	StartsAt  *time.Time `json:"starts_at,omitempty"`
	EndsAt    *time.Time `json:"ends_at,omitempty" doc:"Exclusive; absent: without end."`
}

// Move asks to bring a right to another account. It is always refused.
type Move struct {
	To string `json:"to" maxLength:"64"`
}

// Delivery is how a right reaches its account.
type Delivery struct {
	ID          string     `json:"id"`
	Order       string     `json:"order"`
	Entitlement string     `json:"entitlement"`
	Vendor      string     `json:"vendor"`
	Product     string     `json:"product"`
	Name        string     `json:"name"`
	Action      string     `json:"action"`
	Dialect     string     `json:"dialect"`
	State       string     `json:"state" doc:"pending, running, manual, delivered or failed."`
	Reason      string     `json:"reason,omitempty"`
	Attempts    int64      `json:"attempts"`
	Website     string     `json:"website,omitempty"`
	AdminURL    string     `json:"admin_url,omitempty"`
	Notes       string     `json:"notes,omitempty"`
	CreatedAt   time.Time  `json:"created_at"`
	DeliveredAt *time.Time `json:"delivered_at,omitempty"`
	ReceivedAt  *time.Time `json:"received_at,omitempty"`
}

// DeliveryAttempt is one line of the delivery log.
type DeliveryAttempt struct {
	Number   int64     `json:"number"`
	At       time.Time `json:"at"`
	Millis   int64     `json:"millis"`
	Status   int64     `json:"status,omitempty"`
	Outcome  string    `json:"outcome"`
	Error    string    `json:"error,omitempty"`
	Request  string    `json:"request,omitempty" doc:"Masked; for the vendor and the operator's staff."`
	Response string    `json:"response,omitempty"`
}

// DeliveryLog is a delivery with its attempts.
type DeliveryLog struct {
	Delivery Delivery          `json:"delivery"`
	Attempts []DeliveryAttempt `json:"attempts"`
}

// Credential is one named value that is needed to use a product.
type Credential struct {
	Name   string `json:"name"`
	Value  string `json:"value"`
	Secret bool   `json:"secret"`
}

// Link is a way to a file, for this account and key, until a moment.
type Link struct {
	Token     string    `json:"token"`
	ExpiresAt time.Time `json:"expires_at"`
}

// Slip says what people of the vendor have done.
type Slip struct {
	Text string `json:"text" maxLength:"8000"`
}

// Message is a notice of the market, in both languages.
type Message struct {
	ID        string     `json:"id"`
	Code      string     `json:"code"`
	Title     Both       `json:"title"`
	Body      Both       `json:"body"`
	Link      string     `json:"link,omitempty"`
	SHA256    string     `json:"sha256"`
	CreatedAt time.Time  `json:"created_at"`
	ReadAt    *time.Time `json:"read_at,omitempty"`
}

// Journal is one posting of the book.
type Journal struct {
	ID        string         `json:"id"`
	Effect    string         `json:"effect" doc:"Natural key of the effect; unique for ever."`
	Kind      string         `json:"kind"`
	Cause     string         `json:"cause"`
	Reverses  string         `json:"reverses,omitempty"`
	Effective time.Time      `json:"effective"`
	Recorded  time.Time      `json:"recorded"`
	Digest    string         `json:"digest"`
	Entries   []JournalEntry `json:"entries"`
}

// JournalEntry is one line of a journal: positive is debit, negative credit.
type JournalEntry struct {
	Account string `json:"account"`
	Party   string `json:"party"`
	Amount  Amount `json:"amount"`
}

// Statement is a part of a bank statement.
type Statement struct {
	Lines []StatementLine `json:"lines" minItems:"1" maxItems:"1000"`
}

// StatementLine is one movement on the settlement account.
type StatementLine struct {
	BankRef      string    `json:"bank_ref" maxLength:"128" doc:"The bank's own number of the movement."`
	At           time.Time `json:"at"`
	Amount       Amount    `json:"amount"`
	Reference    string    `json:"reference,omitempty" maxLength:"500"`
	Counterparty string    `json:"counterparty,omitempty" maxLength:"200"`
	Account      string    `json:"account,omitempty" maxLength:"64"`
}

// Exception is something that the market's record, its book, a provider's report
// and the bank's statement do not agree on, that stands too long, or that breaks a
// rule of the book.
type Exception struct {
	ID        string     `json:"id"`
	Source    string     `json:"source" doc:"match, position, aged or check."`
	Kind      string     `json:"kind" doc:"missing_here, missing_there, amount_differs, duplicated, unbooked, misbooked; an account; an invariant."`
	Object    string     `json:"object"`
	Day       string     `json:"day"`
	Ours      Amount     `json:"ours"`
	Theirs    Amount     `json:"theirs"`
	Detail    string     `json:"detail,omitempty"`
	State     string     `json:"state"`
	Reason    string     `json:"reason,omitempty"`
	FirstSeen time.Time  `json:"first_seen"`
	LastSeen  time.Time  `json:"last_seen"`
	EndedAt   *time.Time `json:"ended_at,omitempty"`
}

// Imported says what an import of a statement did.
type Imported struct {
	New     int `json:"new"`
	Known   int `json:"known"`
	Matched int `json:"matched"`
}

// Act is a record of who did what, on which clause.
type Act struct {
	ID       string          `json:"id"`
	At       time.Time       `json:"at"`
	Kind     string          `json:"kind"`
	Actor    string          `json:"actor"`
	Account  string          `json:"account,omitempty"`
	Act      string          `json:"act"`
	Subjects []string        `json:"subjects,omitempty"`
	Clauses  []string        `json:"clauses,omitempty"`
	Refusal  string          `json:"refusal,omitempty"`
	Data     json.RawMessage `json:"data,omitempty"`
}

// LogKey is the key that verifies checkpoints of the transparency log.
type LogKey struct {
	Key string `json:"key"`
}

// Checkpoint is a signed statement of the log's size and root; the zero value is
// the empty log.
type Checkpoint struct {
	Size int64     `json:"size"`
	At   time.Time `json:"at,omitzero"`
	Note string    `json:"note"`
}

// Inclusion proves that a record is in the log of a checkpoint.
type Inclusion struct {
	Leaf       string   `json:"leaf" doc:"The exact text the log commits to."`
	Position   int64    `json:"position"`
	Size       int64    `json:"size"`
	Proof      []string `json:"proof" doc:"Hashes in base64."`
	Checkpoint string   `json:"checkpoint"`
}

// Customer is how a vendor reaches the customer of an order without knowing who it
// is. Consent names the consent to this vendor that holds now, with the kinds of
// data in Fields; empty: there is none.
type Customer struct {
	Order   string   `json:"order"`
	OpenID  string   `json:"open_id"`
	Relay   string   `json:"relay"`
	Consent string   `json:"consent,omitempty"`
	Fields  []string `json:"fields,omitempty"`
}

// Basis names the consent ("cns_…") or the disclosure ("dis_…") on which a vendor
// asks for a contact.
type Basis struct {
	Basis string `json:"basis"`
}

// CustomerContact is the plain contact of a customer: what its consent or the
// disclosure covers, and nothing else.
type CustomerContact struct {
	Relay  string `json:"relay"`
	Basis  string `json:"basis"`
	Name   string `json:"name,omitempty"`
	Email  string `json:"email,omitempty"`
	Mobile string `json:"mobile,omitempty"`
}

// Words are words for the customer.
type Words struct {
	Text string `json:"text"`
}

// Done is the answer to an act without a result.
type Done struct {
	Done bool `json:"done"`
}
