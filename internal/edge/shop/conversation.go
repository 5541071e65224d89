package shop

import (
	"context"
	"net/http"
	"strconv"

	"github.com/a-h/templ"

	"yunshi/internal/base/db"
	"yunshi/internal/base/text"
	"yunshi/internal/edge/page"
	"yunshi/internal/edge/serve"
	"yunshi/internal/market/account"
	"yunshi/internal/market/catalog"
	"yunshi/internal/market/message"
)

// conversationsPath is where a customer finds what was said.
const conversationsPath = "/conversations"

// talk is a conversation in a list.
type talk struct {
	message.Talk
	title, with string
}

type conversationsView struct {
	Talks []talk
	Pages page.Pages
}

func conversations(c *serve.Call) error {
	ctx := c.R.Context()
	var v conversationsView
	before := message.ThreadID(c.R.FormValue("before"))
	if err := c.Read(func(r db.Reader) error {
		all, err := message.Conversations(ctx, r, c.Account(), before, ordersPerPage+1)
		if err != nil {
			return err
		}
		if len(all) > ordersPerPage {
			all = all[:ordersPerPage]
			v.Pages.Next = conversationsPath + "?before=" + escape(string(all[ordersPerPage-1].ID))
		}
		for _, one := range all {
			if one.Customer != c.Account() {
				continue // those of the own shop are in the vendor's desk
			}
			t := talk{Talk: one}
			if t.title, err = c.TalkTitle(ctx, r, one.About, one.Subject); err != nil {
				return err
			}
			if _, t.with, err = c.TalkSides(ctx, r, one.Thread, message.CustomerSide); err != nil {
				return err
			}
			v.Talks = append(v.Talks, t)
		}
		return nil
	}); err != nil {
		return err
	}
	return show(c, http.StatusOK, conversationsPage(chrome(c, text.T(ctx, "conversation.title"), accountCrumb(c)), v))
}

func conversationsTable(ctx context.Context, v conversationsView) page.Table {
	out := page.Table{
		Caption: text.T(ctx, "conversation.title"), Hidden: true,
		Columns: []page.Column{{Label: text.T(ctx, "conversation.about")}, {Label: text.T(ctx, "conversation.with")}, {Label: text.T(ctx, "base.state")}, {Label: text.T(ctx, "base.time")}},
		Empty: page.Empty{Title: text.T(ctx, "conversation.none"), Text: text.T(ctx, "conversation.none.text"),
			Action: page.Action{Label: text.T(ctx, "conversation.support"), Href: conversationsPath + "/new"}},
	}
	for _, t := range v.Talks {
		out.Rows = append(out.Rows, []templ.Component{talkCell(conversationsPath+"/"+string(t.ID), t.title, orderOf(t.Thread), t.Last), page.Str(t.with), unreadChip(t.Unread), page.Time(t.LastAt)})
	}
	return out
}

// orderOf is the order that a conversation is about, "" for none.
func orderOf(t message.Thread) string {
	if t.About.Topic != message.AboutOrder {
		return ""
	}
	return t.About.ID
}

// startView is the form that begins a conversation.
type startView struct {
	About    message.About
	What     string // name of the thing
	With     string
	Existing message.ThreadID
	Subject  page.Field
	Talk     page.Conversation
	Refusal  *page.Refusal
}

func aboutOf(c *serve.Call) message.About {
	switch form := c.R.FormValue; {
	case form("product") != "":
		return message.About{Topic: message.AboutProduct, ID: form("product")}
	case form("order") != "":
		return message.About{Topic: message.AboutOrder, ID: form("order")}
	}
	return message.About{Topic: message.AboutSupport}
}

func newConversation(c *serve.Call) error { return startAgain(c, nil) }

func startAgain(c *serve.Call, failed error) error {
	ctx := c.R.Context()
	v := startView{About: aboutOf(c)}
	if err := c.Read(func(r db.Reader) (err error) {
		if v.About.Topic == message.AboutSupport {
			v.With = c.Market.Info.Operator
			return nil
		}
		pair, err := c.Market.Talks.Parties(ctx, r, c.Actor, v.About)
		if err != nil {
			return err
		}
		if pair.Customer == pair.Other {
			return serve.ErrNotFound // nobody writes to the own shop
		}
		if known, err := message.Find(ctx, r, v.About, pair.Customer); err == nil {
			v.Existing = known.ID
			return nil
		}
		if v.What, err = c.TalkTitle(ctx, r, v.About, ""); err != nil {
			return err
		}
		_, v.With, err = c.TalkSides(ctx, r, message.Thread{About: v.About, Customer: pair.Customer, Other: pair.Other}, message.CustomerSide)
		return err
	}); err != nil {
		return err
	}
	if v.Existing != "" && failed == nil {
		return c.Redirect(conversationsPath + "/" + string(v.Existing))
	}
	errs := page.FieldErrors(ctx, failed)
	v.Subject = field(c, errs, page.Field{Name: "subject", Label: text.T(ctx, "conversation.subject"), Required: true, MaxLength: 120})
	v.Talk = c.Talk(conversationsPath, message.Thread{}, message.CustomerSide, nil, "", "", failed)
	v.Refusal = refusal(c, failed, v.Subject, v.Talk.Text, v.Talk.Files)
	frame := chrome(c, text.T(ctx, "conversation.new"), accountCrumb(c), page.Link{Label: text.T(ctx, "conversation.title"), Href: conversationsPath})
	if c.R.Method == http.MethodPost {
		frame.Path = conversationsPath + "/new"
	}
	return show(c, refusalStatus(failed), startPage(frame, v))
}

// hidden names what the conversation is about.
func (v startView) hidden() []page.Hidden {
	if v.About.Topic == message.AboutSupport {
		return nil
	}
	return []page.Hidden{{Name: string(v.About.Topic), Value: v.About.ID}}
}

func startConversation(c *serve.Call) error {
	id, err := c.Start(aboutOf(c), c.R.PostFormValue("subject"))
	switch {
	case err == nil:
		return c.Redirect(conversationsPath + "/" + string(id))
	case serve.Correctable(err):
		return startAgain(c, err)
	}
	return err
}

type conversationView struct {
	Title   string
	With    string
	Back    string // page of what it is about
	Order   string // that it is about
	Talk    page.Conversation
	Refusal *page.Refusal
	Told    bool // a report was taken
}

// asCustomer lets only the customer's side of a conversation into its pages here.
func asCustomer(handle serve.Handler) serve.Handler {
	return func(c *serve.Call) error {
		if err := c.Read(func(r db.Reader) error {
			_, side, err := message.ThreadFor(c.R.Context(), r, c.Actor, message.ThreadID(c.R.PathValue("id")))
			if err == nil && side != message.CustomerSide {
				err = account.ErrForeign // the vendor has a desk for it
			}
			return err
		}); err != nil {
			return err
		}
		return handle(c)
	}
}

func showConversation(c *serve.Call) error { return conversationAgain(c, nil) }

func conversationAgain(c *serve.Call, failed error) error {
	ctx, id := c.R.Context(), message.ThreadID(c.R.PathValue("id"))
	v := conversationView{Told: c.R.URL.Query().Has("reported")}
	if failed == nil {
		if err := c.SeenTalk(id); err != nil {
			return err
		}
	}
	if err := c.Read(func(r db.Reader) error {
		th, side, err := message.ThreadFor(ctx, r, c.Actor, id)
		if err != nil {
			return err
		}
		posts, err := message.Posts(ctx, r, c.Actor, id)
		if err != nil {
			return err
		}
		var mine string
		if mine, v.With, err = c.TalkSides(ctx, r, th, side); err != nil {
			return err
		}
		if v.Title, err = c.TalkTitle(ctx, r, th.About, th.Subject); err != nil {
			return err
		}
		switch th.About.Topic {
		case message.AboutOrder:
			v.Back, v.Order = "/orders/"+th.About.ID, th.About.ID
		case message.AboutProduct:
			p, err := catalog.Get(ctx, r, catalog.ProductID(th.About.ID))
			if err != nil {
				return err
			}
			v.Back = "/p/" + p.Slug
		}
		v.Talk = c.Talk(conversationsPath+"/"+string(id), th, side, posts, mine, v.With, failed)
		return nil
	}); err != nil {
		return err
	}
	v.Refusal = refusal(c, failed, v.Talk.Text, v.Talk.Files)
	frame := chrome(c, v.Title, accountCrumb(c), page.Link{Label: text.T(ctx, "conversation.title"), Href: conversationsPath})
	if c.R.Method == http.MethodPost {
		frame.Path = conversationsPath + "/" + string(id)
	}
	return show(c, refusalStatus(failed), conversationPage(frame, v))
}

func say(c *serve.Call) error {
	id := message.ThreadID(c.R.PathValue("id"))
	switch err := c.Say(id); {
	case err == nil:
		return c.Redirect(conversationsPath + "/" + string(id))
	case serve.Correctable(err):
		return conversationAgain(c, err)
	default:
		return err
	}
}

func conversationFile(c *serve.Call) error {
	return c.SendTalkFile(message.ThreadID(c.R.PathValue("id")), c.R.PathValue("file"))
}

func reportPost(c *serve.Call) error {
	id := message.ThreadID(c.R.PathValue("id"))
	switch err := c.ReportPost(id, message.PostID(c.R.PathValue("post"))); {
	case err == nil:
		return c.Redirect(conversationsPath + "/" + string(id) + "?reported")
	case serve.Correctable(err):
		return conversationAgain(c, err)
	default:
		return err
	}
}

// unreadPosts is how many messages of conversations wait, in words.
func unreadPosts(ctx context.Context, n int64) string {
	return text.T(ctx, "conversation.unread", "Count", strconv.FormatInt(n, 10))
}
