// Package serve is the way in: it turns HTTP requests into calls of handlers
// that know who asks, in which language, and what they may do, and it turns
// every error into one kind of answer.
//
// Owns: the route table's access column, sessions in cookies and keys in
// headers, language, limits, security headers, and the one mapping from faults
// to pages and to problem+json. Does not own: pages, the API's shapes, rules.
//
// Always true:
//   - A route without an access entry does not start: [New] refuses it.
//   - Browser routes refuse cross-origin writes and carry a content security
//     policy without exceptions; API routes accept no cookies, so they need
//     neither.
//   - An error without a fault inside becomes "internal" with a reference
//     number: it is logged, never shown.
package serve

import (
	"log/slog"
	"net/http"
	"time"

	"yunshi/internal/base/blob"
	"yunshi/internal/base/db"
	"yunshi/internal/base/text"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/complaint"
	"yunshi/internal/market/content"
	"yunshi/internal/market/delivery"
	"yunshi/internal/market/enforcement"
	"yunshi/internal/market/infringement"
	"yunshi/internal/market/message"
	"yunshi/internal/market/operation"
	"yunshi/internal/market/payment"
	"yunshi/internal/market/privacy"
	"yunshi/internal/market/reconciliation"
	"yunshi/internal/market/refund"
	"yunshi/internal/market/settlement"
)

// Info is what pages say about the market and who runs it.
type Info struct {
	Market   string // name of the market, the same in all languages
	Operator string // registered name of the operator
	Licences []Licence
	Demo     bool   // shows that no real money moves
	BaseURL  string // "https://market.example"; no slash at the end
	PayHosts []string
	Version  string
	LogKey   string // verifying key of the transparency log

	// SecurityContact is where weaknesses are reported: a mail address or the
	// address of a page. "": the operator's own contact.
	SecurityContact string
}

// Licence is a registration the law wants on every page.
type Licence struct{ Label, Href string }

// Market is everything handlers may use.
type Market struct {
	DB       *db.DB
	Blob     blob.Store
	Gateways map[string]payment.Gateway
	Methods  []string // gateways offered at checkout, in order
	Delivery delivery.Work
	Refund   refund.Rules
	Settling settlement.Work
	Books    reconciliation.Work

	Operation operation.Rules
	Complaint complaint.Rules
	Notices   infringement.Rules
	Enforcing enforcement.Rules
	Files     content.Work  // lets files in and out
	Content   content.Rules // decides on what people wrote
	Talks     message.Talks

	Keep privacy.Keep

	Info Info
	Log  *slog.Logger
}

// Handler answers a request or returns why not.
type Handler func(c *Call) error

// Route is one row of a route table.
type Route struct {
	Pattern string // "GET /orders/{id}"
	Access  Access
	Handle  Handler
	// Proves says that the handler verifies its caller by a signature over the
	// request, as payment notices do. Such a caller sends for many customers from
	// one address and is not limited by it.
	Proves bool
	// Archive says that the route stays open after the end of the service although it
	// changes something: a session, a look at what is owed, money that is settled.
	Archive bool
}

// Call is one request with what serve found out about it.
type Call struct {
	W      http.ResponseWriter
	R      *http.Request // its context carries the language
	Market *Market
	Actor  audit.Actor // zero when nobody is signed in
	User   account.User
	Lang   text.Lang

	access    Access
	api       bool
	reference string
	device    string // token of a known browser
}

// SignedIn reports whether a person or program is behind the request.
func (c *Call) SignedIn() bool { return c.Actor.User != "" }

// Account is the account of the actor.
func (c *Call) Account() account.ID { return account.ID(c.Actor.Account) }

// Now is the market's clock.
func (c *Call) Now() time.Time { return c.Market.DB.Now() }

// Read runs fn on a snapshot.
func (c *Call) Read(fn func(r db.Reader) error) error { return c.Market.DB.Read(c.R.Context(), fn) }
