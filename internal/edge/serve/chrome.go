package serve

import (
	"context"
	"errors"

	"yunshi/internal/base/db"
	"yunshi/internal/base/text"
	"yunshi/internal/edge/page"
	"yunshi/internal/market/account"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/catalog"
	"yunshi/internal/market/message"
	"yunshi/internal/market/operation"
	"yunshi/internal/market/vendor"
)

// Chrome is the frame of a page for this caller: who is signed in, what waits
// for them, and which desks are theirs. A frame must not fail a page, so what
// cannot be read is left out and logged.
func (c *Call) Chrome(title string) page.Chrome {
	ctx, m := c.R.Context(), c.Market
	chrome := page.Chrome{
		Title: title, Path: c.R.URL.RequestURI(), Theme: page.ThemeOf(c.R),
		Market: m.Info.Market, Operator: m.Info.Operator,
	}
	for _, l := range m.Info.Licences {
		chrome.Licences = append(chrome.Licences, page.Link{Label: l.Label, Href: l.Href})
	}
	if m.Info.Demo {
		chrome.Banner = text.T(ctx, "serve.demo")
	}
	err := c.Read(func(r db.Reader) error {
		tops, err := catalog.Categories(ctx, r)
		if err != nil {
			return err
		}
		for _, top := range tops {
			if top.Parent == "" {
				chrome.Categories = append(chrome.Categories, page.Link{Label: top.Name.In(c.Lang), Href: "/c/" + top.Code})
			}
		}
		if err := c.announced(ctx, r, &chrome); err != nil {
			return err
		}
		if !c.SignedIn() {
			return nil
		}
		return c.person(ctx, r, &chrome)
	})
	if err != nil {
		m.Log.Warn("frame incomplete", "reference", c.reference, "error", err)
	}
	return chrome
}

// announced puts the end of the market and what does not work now on every page.
func (c *Call) announced(ctx context.Context, r db.Reader, chrome *page.Chrome) error {
	s, err := operation.ServiceOf(ctx, r)
	if err != nil {
		return err
	}
	if s.State != operation.Operating {
		chrome.Notices = append(chrome.Notices, page.Link{
			Label: text.T(ctx, "operation.banner."+string(s.State), "Date", text.Date(ctx, s.EndAt)), Href: "/wind-down",
		})
	}
	running, err := operation.Running(ctx, r)
	for _, n := range running {
		if n.Everyone && n.Impact == "outage" {
			chrome.Notices = append(chrome.Notices, page.Link{Label: text.T(ctx, "operation.banner.outage", "Title", n.Title.In(c.Lang)), Href: "/status/" + string(n.ID)})
		}
	}
	return err
}

func (c *Call) person(ctx context.Context, r db.Reader, chrome *page.Chrome) error {
	own, err := account.Get(ctx, r, c.Account())
	if err != nil {
		return err
	}
	chrome.Person, chrome.Account = c.User.Name, own.DisplayName
	unread, err := message.Unread(ctx, r, c.Account())
	if err != nil {
		return err
	}
	said, err := message.UnreadPosts(ctx, r, c.Account())
	if err != nil {
		return err
	}
	chrome.Unread = int(unread + said)
	if own.Kind == account.Operator {
		chrome.Menu = append(chrome.Menu, page.Link{Label: text.T(ctx, "serve.operator_desk"), Href: "/operator"})
		return nil
	}
	ended, dissolved, err := agreement.DissolutionOf(ctx, r, c.Account())
	if err != nil {
		return err
	}
	if dissolved {
		chrome.Notices = append(chrome.Notices, page.Link{Label: text.T(ctx, "serve.dissolved", "Date", text.Date(ctx, ended.At)), Href: page.AccountPath})
	}
	changed, _, offered, err := agreement.Offered(ctx, r, c.Account())
	if err != nil {
		return err
	}
	if offered {
		chrome.Changed = changed.Hash
	}
	_, sells, err := vendor.OfAccount(ctx, r, c.Account())
	if err != nil && !errors.Is(err, db.ErrNoRow) {
		return err
	}
	label := "serve.become_vendor"
	if sells {
		label = "serve.vendor_desk"
	}
	chrome.Menu = append(chrome.Menu, page.Link{Label: text.T(ctx, label), Href: "/vendor"})
	return nil
}
