package operatordesk

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/a-h/templ"

	"yunshi/internal/base/db"
	"yunshi/internal/base/text"
	"yunshi/internal/edge/page"
	"yunshi/internal/edge/serve"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/enforcement"
)

// linkItems are the links that wait for a person.
func (d desk) linkItems(by audit.Actor) func(context.Context, db.Reader) ([]page.QueueItem, error) {
	return func(ctx context.Context, r db.Reader) ([]page.QueueItem, error) {
		all, err := enforcement.Links(ctx, r, by, perPage*4)
		var items []page.QueueItem
		for _, l := range all {
			if l.Decidable() {
				items = append(items, page.QueueItem{
					Href: "/operator/bans/" + string(l.ID), Title: text.T(ctx, "ban.link"), Who: string(l.Account), ID: string(l.ID), Chip: page.LinkChip(string(l.State)), Note: since(ctx, l.FoundAt),
				})
			}
		}
		return items, err
	}
}

type bansView struct {
	frame
	links []enforcement.Link
	bans  []enforcement.Ban
	names map[account.ID]string
}

func (d desk) bans(c *serve.Call) error {
	ctx := c.R.Context()
	var view bansView
	if err := c.Read(func(r db.Reader) (err error) {
		if view.links, err = enforcement.Links(ctx, r, c.Actor, perPage*4); err != nil {
			return err
		}
		if view.bans, err = enforcement.Bans(ctx, r, c.Actor, "", perPage); err != nil {
			return err
		}
		var ids []account.ID
		for _, one := range view.links {
			ids = append(ids, one.Account)
		}
		for _, one := range view.bans {
			ids = append(ids, one.Account)
		}
		view.names, err = accountNames(ctx, r, ids...)
		return err
	}); err != nil {
		return err
	}
	view.frame = d.frame(c, "/operator/bans", text.T(ctx, "operatordesk.nav.bans"))
	return show(c, nil, bansPage(view))
}

func linkRows(ctx context.Context, names map[account.ID]string, all []enforcement.Link) (rows [][]templ.Component) {
	for _, l := range all {
		rows = append(rows, []templ.Component{
			linked("/operator/bans/"+string(l.ID), names[l.Account], string(l.Account)), page.LinkChip(string(l.State)), page.Str(text.T(ctx, "ban.strength."+string(l.Strength))), page.Time(l.FoundAt),
		})
	}
	return rows
}

func banRows(ctx context.Context, names map[account.ID]string, all []enforcement.Ban) (rows [][]templ.Component) {
	for _, b := range all {
		kinds := make([]string, len(b.Marks))
		for i, k := range b.Marks {
			kinds[i] = text.T(ctx, "ban.kind."+string(k))
		}
		rows = append(rows, []templ.Component{
			linked(homeOf(string(b.Account)), names[b.Account], string(b.Account)), page.ClauseChip(b.Clause), page.ID(string(b.Case)), page.Str(strings.Join(kinds, " · ")), page.Time(b.Since),
		})
	}
	return rows
}

type linkView struct {
	frame
	enforcement.Link
	named   string // the account
	trail   []page.AuditEntry
	decides bool
	refusal error
	reason  page.Field
	key     string
}

func (d desk) link(c *serve.Call) error { return d.linkAgain(c, nil) }

func (d desk) linkAgain(c *serve.Call, refusal error) error {
	ctx, id := c.R.Context(), enforcement.LinkID(c.R.PathValue("link"))
	view := linkView{refusal: refusal, key: freshKey(), decides: c.Actor.Has(account.Compliance)}
	view.reason = page.Field{
		Name: "reason", Label: text.T(ctx, "ban.reason"), Required: true, MaxLength: 4000, Value: c.R.PostFormValue("reason"), Error: page.FieldErrors(ctx, refusal)["reason"],
	}
	if err := c.Read(func(r db.Reader) (err error) {
		if view.Link, err = enforcement.GetLink(ctx, r, c.Actor, id); err != nil {
			return err
		}
		of, err := account.Get(ctx, r, view.Account)
		if err != nil {
			return err
		}
		view.named = of.DisplayName
		acts, err := audit.Of(ctx, r, string(id))
		view.trail = trail(acts)
		return err
	}); err != nil {
		return err
	}
	view.frame = d.frame(c, "/operator/bans", text.T(ctx, "ban.link"))
	return show(c, refusal, linkPage(view))
}

func linkTerms(ctx context.Context, l linkView) []page.Term {
	out := []page.Term{
		{Label: text.T(ctx, "ban.account"), Value: page.Anchor(homeOf(string(l.Account)), l.named)},
		{Label: text.T(ctx, "ban.case"), Value: page.Anchor(homeOf(string(l.BanCase)), string(l.BanCase))},
		{Label: text.T(ctx, "ban.strength"), Text: text.T(ctx, "ban.strength."+string(l.Strength))},
		{Label: text.T(ctx, "ban.found"), Value: page.Time(l.FoundAt)},
	}
	if l.Reason != "" {
		out = append(out, page.Term{Label: text.T(ctx, "ban.reason"), Text: l.Reason})
	}
	return out
}

func linkEvents(ctx context.Context, l enforcement.Link) (out []page.Event) {
	for _, e := range l.Evidence {
		out = append(out, page.Event{
			What: text.T(ctx, "ban.kind."+string(e.Kind)), Who: text.T(ctx, "ban.strength."+string(e.Strength)), At: e.At, Note: text.T(ctx, "ban.place."+string(e.Place)), Tone: page.Info,
		})
	}
	return out
}

func (d desk) decideLink(c *serve.Call) error {
	id, reason := enforcement.LinkID(c.R.PathValue("link")), c.R.PostFormValue("reason")
	seen, err := strconv.ParseInt(c.R.PostFormValue("version"), 10, 64)
	do := c.R.PostFormValue("do")
	if err != nil || do != "same" && do != "other" {
		return serve.ErrBadRequest
	}
	err = command(c, "enforcement.link_decide", []string{"UA 8.3"}, []string{string(id)}, []any{seen, do, reason}, func(ctx context.Context, tx *db.Tx) error {
		_, err := c.Market.Enforcing.DecideLink(ctx, tx, c.Actor, id, seen, do == "same", reason)
		return err
	})
	switch {
	case err == nil:
		return c.Redirect("/operator/bans/" + string(id))
	case correctable(err) || errors.Is(err, enforcement.ErrSecond):
		return d.linkAgain(c, err)
	}
	return err
}
