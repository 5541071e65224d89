package shop

import (
	"context"
	"net/http"
	"strings"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/base/text"
	"yunshi/internal/edge/page"
	"yunshi/internal/edge/serve"
	"yunshi/internal/market/agreement"
)

// agreementView is the whole text that somebody is asked to accept.
type agreementView struct {
	Bundle   agreement.Bundle
	Text     agreement.Version
	Books    []agreement.Version
	News     news
	SignedIn bool
	Standing agreement.Standing
	Since    time.Time
	Next     string
	Refusal  *page.Refusal
}

func showAgreement(c *serve.Call) error { return renderAgreement(c, nil) }

func renderAgreement(c *serve.Call, failed error) error {
	v, err := loadAgreement(c)
	if err != nil {
		return err
	}
	if v.SignedIn && v.Standing != agreement.Accepted {
		// What was shown is evidence, and what makes an acceptance by use possible.
		if err := c.Market.DB.Write(c.R.Context(), func(tx *db.Tx) error {
			return agreement.Display(c.R.Context(), tx, c.Actor, string(c.Lang), v.Bundle.Hash)
		}); err != nil {
			return err
		}
	}
	v.Refusal = refusal(c, failed)
	return show(c, refusalStatus(failed), agreementPage(c.Chrome(v.Text.Title.In(c.Lang)), v, c.Lang))
}

func loadAgreement(c *serve.Call) (v agreementView, err error) {
	ctx := c.R.Context()
	v = agreementView{SignedIn: c.SignedIn(), Next: local(c.R.FormValue("next"), page.HomePath)}
	err = c.Read(func(r db.Reader) (err error) {
		if v.Bundle, err = agreement.Current(ctx, r); err != nil {
			return err
		}
		if v.Text, err = agreement.Read(ctx, r, 0); err != nil {
			return err
		}
		v.Books = v.Bundle.Rulebooks
		if v.News, err = loadNews(ctx, r); err != nil {
			return err
		}
		if v.SignedIn {
			v.Standing, v.Since, err = agreement.Status(ctx, r, c.Account())
		}
		return err
	})
	return v, err
}

func acceptAgreement(c *serve.Call) error {
	ctx := c.R.Context()
	in := agreement.Acceptance{
		Method: agreement.Click, Bundle: c.R.PostFormValue("bundle"), Locale: string(c.Lang), IP: c.IP(), UserAgent: c.R.UserAgent(),
	}
	err := serve.Act(c, serve.Intent{Name: "agreement.accept", Clauses: []string{"UA 9.1"}}, func(tx *db.Tx) error {
		_, err := agreement.Accept(ctx, tx, c.Actor, in)
		return err
	})
	if err != nil {
		return again(c, err, renderAgreement)
	}
	return c.Redirect(local(c.R.PostFormValue("next"), page.HomePath))
}

// archives lists every document with the way to all its versions.
func archives(c *serve.Call) error {
	ctx := c.R.Context()
	var all []agreement.Version
	if err := c.Read(func(r db.Reader) error {
		codes, err := agreement.Codes(ctx, r)
		if err != nil {
			return err
		}
		for _, code := range codes {
			versions, err := agreement.Versions(ctx, r, code)
			if err != nil {
				return err
			}
			all = append(all, versions[0])
		}
		return nil
	}); err != nil {
		return err
	}
	return show(c, http.StatusOK, archivesPage(chrome(c, text.T(ctx, "rule.archives"), rulesCrumb(c)), all, c.Lang))
}

// anchorOf is where a clause stands on the page of the agreement: the place that
// clause chips lead to.
func anchorOf(clause string) string { return "c" + strings.ToLower(clause) }

func rules(c *serve.Call) error {
	v, err := loadAgreement(c)
	if err != nil {
		return err
	}
	return show(c, http.StatusOK, rulesPage(c.Chrome(text.T(c.R.Context(), "page.rules")), v, c.Lang))
}

func rulesAgreement(c *serve.Call) error {
	v, err := loadAgreement(c)
	if err != nil {
		return err
	}
	return show(c, http.StatusOK, clausesPage(chrome(c, v.Text.Title.In(c.Lang), rulesCrumb(c)), v, c.Lang))
}

func rulesCrumb(c *serve.Call) page.Link {
	return page.Link{Label: text.T(c.R.Context(), "page.rules"), Href: page.RulesPath}
}

func rulesRulebook(c *serve.Call) error {
	ctx := c.R.Context()
	var books []agreement.Version
	err := c.Read(func(r db.Reader) error {
		bundle, err := agreement.Current(ctx, r)
		if err != nil {
			return err
		}
		for _, one := range bundle.Rulebooks {
			book, err := agreement.ReadDocument(ctx, r, one.Code, one.Number)
			if err != nil {
				return err
			}
			books = append(books, book)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return show(c, http.StatusOK, documentsPage(chrome(c, text.T(c.R.Context(), "shop.rules.books"), rulesCrumb(c)), books, c.Lang))
}

func rulesPrivacy(c *serve.Call) error {
	ctx := c.R.Context()
	var notice agreement.Version
	var made inventoryView
	err := c.Read(func(r db.Reader) (err error) {
		if notice, err = agreement.ReadDocument(ctx, r, agreement.PrivacyNotice, 0); err != nil {
			return err
		}
		made, err = readInventory(ctx, r)
		return err
	})
	if err != nil {
		return err
	}
	return show(c, http.StatusOK, noticePage(chrome(c, notice.Title.In(c.Lang), rulesCrumb(c)), notice, made, c.Lang))
}

// A page of the footer is a place in a longer text.
func rulesRefund(c *serve.Call) error { return c.Redirect("/rules/rulebook#refund-1") }

// lawArticle is an article of the law that a refusal of this market may cite.
type lawArticle struct{ Anchor, Name, Text string }

// laws are the articles cited, by the key of their words.
var laws = []string{
	"ecl-16", "ecl-17", "ecl-19", "ecl-20", "ecl-25", "ecl-27", "ecl-28", "ecl-31", "ecl-34", "ecl-36", "ecl-38", "ecl-39", "ecl-40", "ecl-42", "ecl-43", "ecl-44", "ecl-49",
	"ecl-58", "ecl-59", "ecl-61", "ecl-62", "al-9", "cpl-26", "csl-21", "csl-47", "pipl-13", "pipl-29", "pipl-45", "pipl-46", "pipl-47", "pipl-50", "pipl-57", "pipl-69",
}

func rulesLaw(c *serve.Call) error {
	out := make([]lawArticle, len(laws))
	for i, one := range laws {
		out[i] = lawArticle{Anchor: one, Name: text.In(c.Lang, "shop.law."+one), Text: text.In(c.Lang, "shop.law."+one+".text")}
	}
	return show(c, http.StatusOK, lawPage(chrome(c, text.T(c.R.Context(), "shop.rules.law"), rulesCrumb(c)), out))
}

// refusalText is a refusal as it is explained to programmers and people.
type refusalText struct{ Code, Text, Next string }

func rulesRefusals(c *serve.Call) error {
	var out []refusalText
	for _, key := range text.Keys(c.Lang) {
		code, isFault := strings.CutPrefix(key, "fault.")
		if !isFault || strings.HasSuffix(code, ".next") {
			continue
		}
		out = append(out, refusalText{Code: code, Text: text.In(c.Lang, key), Next: text.In(c.Lang, key+".next")})
	}
	return show(c, http.StatusOK, refusalsPage(chrome(c, text.T(c.R.Context(), "shop.rules.refusals"), rulesCrumb(c)), out))
}

func documentDate(ctx context.Context, v agreement.Version) string {
	return text.T(ctx, "shop.rules.version", "Number", v.Number, "Date", text.Date(ctx, v.EffectiveAt))
}
