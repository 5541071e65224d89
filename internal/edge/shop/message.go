package shop

import (
	"context"
	"net/http"

	"github.com/a-h/templ"

	"yunshi/internal/base/db"
	"yunshi/internal/base/text"
	"yunshi/internal/edge/page"
	"yunshi/internal/edge/serve"
	"yunshi/internal/market/message"
)

// inboxPage is how many notices Inbox returns at once.
const inboxPage = 50

// inboxView is one page of the account's notices, newest first.
type inboxView struct {
	Items []message.Item
	Pages page.Pages

	Unread int64 // messages of conversations
}

// conversationsLabel leads from the notices to the conversations.
func conversationsLabel(ctx context.Context, unread int64) string {
	if unread == 0 {
		return text.T(ctx, "conversation.title")
	}
	return text.T(ctx, "conversation.title") + " · " + unreadPosts(ctx, unread)
}

func messages(c *serve.Call) error {
	var v inboxView
	err := c.Read(func(r db.Reader) (err error) {
		if v.Unread, err = message.UnreadPosts(c.R.Context(), r, c.Account()); err != nil {
			return err
		}
		v.Items, err = message.Inbox(c.R.Context(), r, c.Account(), message.ID(c.R.FormValue("before")))
		return err
	})
	if err != nil {
		return err
	}
	if len(v.Items) == inboxPage {
		v.Pages.Next = page.MessagesPath + "?before=" + escape(string(v.Items[inboxPage-1].ID))
	}
	return show(c, http.StatusOK, messagesPage(chrome(c, text.T(c.R.Context(), "page.messages"), accountCrumb(c)), v, c.Lang))
}

func readMessage(c *serve.Call) error {
	ctx := c.R.Context()
	id := message.ID(c.R.PathValue("id"))
	if err := c.Market.DB.Write(ctx, func(tx *db.Tx) error { return message.MarkRead(ctx, tx, c.Actor, id) }); err != nil {
		return err
	}
	var item message.Item
	err := c.Read(func(r db.Reader) error {
		// The cursor just after an id begins the list with it.
		items, err := message.Inbox(ctx, r, c.Account(), id+"~")
		if err != nil {
			return err
		}
		if len(items) == 0 || items[0].ID != id {
			return message.ErrNotFound
		}
		item = items[0]
		return nil
	})
	if err != nil {
		return err
	}
	frame := chrome(c, item.Title(c.Lang), page.Link{Label: text.T(c.R.Context(), "page.messages"), Href: page.MessagesPath})
	return show(c, http.StatusOK, messagePage(frame, item, c.Lang))
}

func inboxTable(ctx context.Context, items []message.Item, lang text.Lang) page.Table {
	out := page.Table{
		Caption: text.T(ctx, "page.messages"), Hidden: true,
		Columns: []page.Column{{Label: text.T(ctx, "shop.message.title")}, {Label: text.T(ctx, "base.state")}, {Label: text.T(ctx, "base.time")}},
		Empty:   page.Empty{Title: text.T(ctx, "shop.message.empty"), Text: text.T(ctx, "shop.message.empty.text")},
	}
	for _, one := range items {
		state := page.Chip(page.Info, text.T(ctx, "shop.message.unread"))
		if !one.ReadAt.IsZero() {
			state = page.Muted(text.T(ctx, "shop.message.read"))
		}
		out.Rows = append(out.Rows, []templ.Component{page.Anchor(page.MessagesPath+"/"+string(one.ID), one.Title(lang)), state, page.Time(one.CreatedAt)})
	}
	return out
}
