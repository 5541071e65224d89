package page

import (
	"strings"

	"github.com/a-h/templ"
)

// Addresses that frames and parts point to.
const (
	HomePath     = "/"
	SearchPath   = "/search"
	MessagesPath = "/messages"
	AccountPath  = "/account"
	OrdersPath   = "/orders"
	SignInPath   = "/signin"
	RegisterPath = "/register"
	SignOutPath  = "/signout" // POST
	RulesPath    = "/rules"
)

// Link is a word and where it leads. Current marks the page or choice that is
// shown now.
type Link struct {
	Label   string
	Href    string
	Current bool
}

// NavItem is one job in the left navigation of a desk. A Section starts a new
// group above the item. Count is what waits there; 0 shows nothing. Hot marks
// work that is overdue or due today.
type NavItem struct {
	Label   string
	Href    string
	Icon    string
	Section string
	Count   int
	Hot     bool
	Current bool
}

// Chrome is what a frame shows around the content of a page.
type Chrome struct {
	Title       string // of the page, without the market's name
	Description string // for search engines and link previews; may be ""
	Path        string // path and query of this page: the language switch and the theme come back to it
	Theme       Theme

	Market     string // name of the market
	Operator   string // registered name of the operator
	Licences   []Link // ICP number, business licence …; Href may be ""
	Banner     string // "Demonstration: no real money moves"; "" for none
	Notices    []Link // what everybody should know now; shown above every page
	Changed    string // hash of rules that bind the reader since a change it has not answered yet; "" for none
	Categories []Link // of the shop; shown below the search

	Person  string // name of the signed-in person; "" when nobody is signed in
	Account string // account the person acts for
	Unread  int    // messages not read yet
	Menu    []Link // further entries of the account menu (vendor desk, …)

	Search string // address of the search; "" means SearchPath
	Query  string // what was searched for
	Crumbs []Link // from the desk or shop down to this page; the last one is this page

	// Refresh reloads the page every so many seconds for browsers that run no
	// scripts; 0 never. Use it with Poll.
	Refresh int
}

func (c Chrome) searchPath() string {
	if c.Search == "" {
		return SearchPath
	}
	return c.Search
}

func (c Chrome) signedIn() bool { return c.Person != "" }

// Heading is the top of a page's content. It holds the page's only h1.
type Heading struct {
	Title string
	Lead  string          // one sentence: what this page is for
	Chip  templ.Component // state of the thing shown; may be nil
	ID    string          // id of the thing shown, with copy; may be ""
}

// ClauseURL is where the text of a clause stands: "UA 4.3" is clause 4.3 of the
// user agreement, "ECL 58" an article of the law, "RB refund-2" an item of a
// rulebook.
func ClauseURL(clause string) string {
	source, number, found := strings.Cut(clause, " ")
	if !found {
		return RulesPath
	}
	anchor := strings.ToLower(strings.ReplaceAll(number, " ", "-"))
	switch source {
	case "UA":
		return RulesPath + "/agreement#c" + anchor
	case "RB":
		return RulesPath + "/rulebook#" + anchor
	default:
		return RulesPath + "/law#" + strings.ToLower(source) + "-" + anchor
	}
}
