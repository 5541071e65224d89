package shop

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/base/text"
	"yunshi/internal/edge/page"
	"yunshi/internal/edge/serve"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/enforcement"
)

// safetyRoutes are the lawful door for those who find weaknesses, and what an
// account reads that a ban was linked to.
func safetyRoutes() []serve.Route {
	return []serve.Route{
		{Pattern: "GET /security", Access: serve.Public, Handle: security},
		{Pattern: "GET /.well-known/security.txt", Access: serve.Public, Handle: securityTxt},
		{Pattern: "GET /account/links/{id}", Access: serve.SignedIn, Handle: showLink},
		{Pattern: "POST /account/links/{id}/appeal", Access: serve.SignedIn, Handle: appealLink},
	}
}

// securityView is what finders are told.
type securityView struct {
	Contact string // to be shown
	Href    string
	Harbour bool // who keeps the rules is not pursued
}

// securityRules are the rules of the safe harbour, by the key of their words.
var securityRules = []string{"own", "gentle", "private", "lawful"}

func (v securityView) rules(lang text.Lang) []string {
	out := make([]string, len(securityRules))
	for i, one := range securityRules {
		out[i] = text.In(lang, "security.rule."+one)
	}
	return out
}

// harboured reports whether the law under the agreement wants reports to be taken
// and honest finders left alone.
func harboured(c *serve.Call) (harbour bool, err error) {
	err = c.Read(func(r db.Reader) error {
		law, err := agreement.LawInForce(c.R.Context(), r)
		harbour = honestFinders(law)
		return err
	})
	return harbour, err
}

// honestFinders says whether the prohibition of clause 4.7.5 yields to those who
// report what they find.
//
// Clause: UA 4.7.5 (finders who report in good faith have a lawful door).
func honestFinders(law agreement.Law) bool { return law.HonestFinders }

// contactLink is the contact as an address: a mailbox becomes one.
func contactLink(contact string) string {
	switch {
	case contact == "" || strings.Contains(contact, "://") || strings.HasPrefix(contact, "mailto:"):
		return contact
	}
	if start := strings.IndexByte(contact, '<'); start >= 0 { // "Name <a@b.example>"
		contact = strings.TrimSuffix(contact[start+1:], ">")
	}
	return "mailto:" + contact
}

func security(c *serve.Call) error {
	v := securityView{Href: contactLink(c.Market.Info.SecurityContact)}
	v.Contact = strings.TrimPrefix(v.Href, "mailto:")
	var err error
	if v.Harbour, err = harboured(c); err != nil {
		return err
	}
	return show(c, http.StatusOK, securityPage(chrome(c, text.T(c.R.Context(), "security.title"), rulesCrumb(c)), v, c.Lang))
}

// securityTxt is the same for programs (RFC 9116).
func securityTxt(c *serve.Call) error {
	harbour, err := harboured(c)
	if err != nil {
		return err
	}
	base := strings.TrimSuffix(c.Market.Info.BaseURL, "/")
	contact := contactLink(c.Market.Info.SecurityContact)
	if contact == "" {
		contact = base + "/security"
	}
	c.W.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, err = fmt.Fprintf(c.W, "Contact: %s\nExpires: %s\nPreferred-Languages: zh, en\nCanonical: %s/.well-known/security.txt\n",
		contact, c.Now().AddDate(0, 6, 0).UTC().Format(time.RFC3339), base)
	if err == nil && harbour {
		_, err = fmt.Fprintf(c.W, "Policy: %s/security\n", base)
	}
	return err
}

// linkView is a link as its account reads it.
type linkView struct {
	enforcement.Link
	Text    page.Field
	Refusal *page.Refusal
	Key     string
}

func showLink(c *serve.Call) error { return linkAgain(c, nil) }

func linkAgain(c *serve.Call, failed error) error {
	ctx := c.R.Context()
	v := linkView{Key: keptKey(c)}
	if err := c.Read(func(r db.Reader) (err error) {
		v.Link, err = enforcement.MyLink(ctx, r, c.Actor, enforcement.LinkID(c.R.PathValue("id")))
		return err
	}); err != nil {
		return err
	}
	v.Text = field(c, page.FieldErrors(ctx, failed), page.Field{Name: "text", Label: text.T(ctx, "ban.appeal.text"), Required: true, MaxLength: 4000})
	v.Refusal = refusal(c, failed, v.Text)
	frame := chrome(c, text.T(ctx, "ban.mine"), accountCrumb(c))
	frame.Path = enforcement.LinkPath(v.ID)
	return show(c, refusalStatus(failed), linkPage(frame, v))
}

func appealLink(c *serve.Call) error {
	id, words := enforcement.LinkID(c.R.PathValue("id")), c.R.PostFormValue("text")
	err := serve.Act(c, serve.Intent{Name: "enforcement.link_appeal", Input: []string{string(id), words}, Subjects: []string{string(id)}, Clauses: []string{"UA 8.3"}}, func(tx *db.Tx) error {
		_, err := enforcement.AppealLink(c.R.Context(), tx, c.Actor, id, words)
		return err
	})
	switch {
	case err == nil:
		return c.Redirect(enforcement.LinkPath(id))
	case correctable(err):
		return linkAgain(c, err)
	}
	return err
}
