package vendordesk

import (
	"context"
	"net/http"
	"strconv"

	"github.com/a-h/templ"

	"yunshi/internal/base/db"
	"yunshi/internal/base/text"
	"yunshi/internal/edge/page"
	"yunshi/internal/edge/serve"
	"yunshi/internal/market/message"
	"yunshi/internal/market/vendor"
)

const conversationsPath = "/vendor/conversations"

type talk struct {
	message.Talk
	title, with string
}

type conversationsView struct {
	frame
	talks []talk
	next  string
}

func (d desk) conversations(c *serve.Call) error {
	ctx := c.R.Context()
	var view conversationsView
	if err := c.Read(func(r db.Reader) error {
		v, err := d.seller(c, r)
		if err != nil {
			return err
		}
		all, err := message.Conversations(ctx, r, v.Account, message.ThreadID(c.R.URL.Query().Get("before")), perPage+1)
		if err != nil {
			return err
		}
		if len(all) > perPage {
			all = all[:perPage]
			view.next = conversationsPath + "?before=" + string(all[perPage-1].ID)
		}
		for _, one := range all {
			if one.Other != v.Account {
				continue // where the account is the customer
			}
			t := talk{Talk: one, with: vendor.OpenID(v.ID, one.Customer, r.Keys())}
			if t.title, err = c.TalkTitle(ctx, r, one.About, one.Subject); err != nil {
				return err
			}
			view.talks = append(view.talks, t)
		}
		return nil
	}); err != nil {
		return err
	}
	view.frame = d.frame(c, conversationsPath, text.T(ctx, "conversation.title"))
	return d.show(c, http.StatusOK, conversationsPage(view))
}

func talkRows(ctx context.Context, all []talk) [][]templ.Component {
	rows := make([][]templ.Component, 0, len(all))
	for _, t := range all {
		state := page.Muted(text.T(ctx, "conversation.read"))
		if t.Unread > 0 {
			state = page.Chip(page.Info, text.T(ctx, "conversation.unread", "Count", strconv.FormatInt(t.Unread, 10)))
		}
		rows = append(rows, []templ.Component{talkCell(conversationsPath+"/"+string(t.ID), t.title, orderOf(t.Thread), t.Last), pseudonym(t.with), state, page.Time(t.LastAt)})
	}
	return rows
}

// orderOf is the order that a conversation is about, "" for none.
func orderOf(t message.Thread) string {
	if t.About.Topic != message.AboutOrder {
		return ""
	}
	return t.About.ID
}

type conversationView struct {
	frame
	with    string
	order   string
	talk    page.Conversation
	start   []page.Hidden // of a conversation that begins
	refusal error
	told    bool
}

func (d desk) conversation(c *serve.Call) error { return d.conversationAgain(c, nil) }

func (d desk) conversationAgain(c *serve.Call, failed error) error {
	ctx, id := c.R.Context(), message.ThreadID(c.R.PathValue("id"))
	view := conversationView{refusal: failed, told: c.R.URL.Query().Has("reported")}
	if failed == nil {
		if err := c.SeenTalk(id); err != nil {
			return err
		}
	}
	title := ""
	if err := c.Read(func(r db.Reader) error {
		th, side, err := message.ThreadFor(ctx, r, c.Actor, id)
		if err != nil {
			return err
		}
		if side != message.OtherSide || th.About.Topic == message.AboutSupport {
			return serve.ErrNotFound
		}
		posts, err := message.Posts(ctx, r, c.Actor, id)
		if err != nil {
			return err
		}
		mine := ""
		if view.with, mine, err = c.TalkSides(ctx, r, th, side); err != nil {
			return err
		}
		if title, err = c.TalkTitle(ctx, r, th.About, th.Subject); err != nil {
			return err
		}
		if th.About.Topic == message.AboutOrder {
			view.order = th.About.ID
		}
		view.talk = c.Talk(conversationsPath+"/"+string(id), th, side, posts, view.with, mine, failed)
		return nil
	}); err != nil {
		return err
	}
	view.frame = d.frame(c, conversationsPath, title)
	return d.shown(c, failed, conversationPage(view))
}

func (d desk) say(c *serve.Call) error {
	id := message.ThreadID(c.R.PathValue("id"))
	switch err := c.Say(id); {
	case err == nil:
		return c.Redirect(conversationsPath + "/" + string(id))
	case serve.Correctable(err):
		return d.conversationAgain(c, err)
	default:
		return err
	}
}

// newConversation writes to the buyer of an order.
func (d desk) newConversation(c *serve.Call) error { return d.startAgain(c, nil) }

func (d desk) startAgain(c *serve.Call, failed error) error {
	ctx, about := c.R.Context(), message.About{Topic: message.AboutOrder, ID: c.R.FormValue("order")}
	view := conversationView{refusal: failed, order: about.ID, start: []page.Hidden{{Name: "order", Value: about.ID}}}
	known, title := message.ThreadID(""), ""
	if err := c.Read(func(r db.Reader) error {
		v, err := d.seller(c, r)
		if err != nil {
			return err
		}
		pair, err := c.Market.Talks.Parties(ctx, r, c.Actor, about)
		if err != nil {
			return err
		}
		if pair.Other != v.Account {
			return serve.ErrNotFound
		}
		if th, err := message.Find(ctx, r, about, pair.Customer); err == nil {
			known = th.ID
		}
		view.with = vendor.OpenID(v.ID, pair.Customer, r.Keys())
		title, err = c.TalkTitle(ctx, r, about, "")
		return err
	}); err != nil {
		return err
	}
	if known != "" && failed == nil {
		return c.Redirect(conversationsPath + "/" + string(known))
	}
	view.talk = c.Talk(conversationsPath, message.Thread{}, message.OtherSide, nil, "", "", failed)
	view.frame = d.frame(c, conversationsPath, title)
	return d.shown(c, failed, conversationPage(view))
}

func (d desk) startConversation(c *serve.Call) error {
	id, err := c.Start(message.About{Topic: message.AboutOrder, ID: c.R.FormValue("order")}, "")
	switch {
	case err == nil:
		return c.Redirect(conversationsPath + "/" + string(id))
	case serve.Correctable(err):
		return d.startAgain(c, err)
	}
	return err
}

func (d desk) conversationFile(c *serve.Call) error {
	return c.SendTalkFile(message.ThreadID(c.R.PathValue("id")), c.R.PathValue("file"))
}

func (d desk) reportPost(c *serve.Call) error {
	id := message.ThreadID(c.R.PathValue("id"))
	switch err := c.ReportPost(id, message.PostID(c.R.PathValue("post"))); {
	case err == nil:
		return c.Redirect(conversationsPath + "/" + string(id) + "?reported")
	case serve.Correctable(err):
		return d.conversationAgain(c, err)
	default:
		return err
	}
}
