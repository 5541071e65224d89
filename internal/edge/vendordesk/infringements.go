package vendordesk

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/a-h/templ"

	"yunshi/internal/base/db"
	"yunshi/internal/base/text"
	"yunshi/internal/edge/page"
	"yunshi/internal/edge/serve"
	"yunshi/internal/market/infringement"
)

type noticesView struct {
	frame
	now  time.Time
	due  []page.QueueItem
	all  []infringement.Notice
	next string
}

func (d desk) infringements(c *serve.Call) error {
	ctx := c.R.Context()
	view := noticesView{now: c.Now()}
	if err := c.Read(func(r db.Reader) (err error) {
		view.all, err = infringement.AboutOwner(ctx, r, c.Account(), infringement.ID(c.R.URL.Query().Get("before")), perPage+1)
		return err
	}); err != nil {
		return err
	}
	if len(view.all) > perPage {
		view.all = view.all[:perPage]
		view.next = "/vendor/infringements?before=" + string(view.all[perPage-1].ID)
	}
	for _, n := range view.all {
		if n.Answerable() {
			view.due = append(view.due, page.QueueItem{
				Href: "/vendor/infringements/" + string(n.ID), Title: n.Target.Title.In(text.From(ctx)), ID: string(n.ID), Chip: page.NoticeChip(string(n.State)),
				Note: text.T(ctx, "infringement.right."+string(n.Right)),
			})
		}
	}
	view.frame = d.frame(c, "/vendor/infringements", text.T(ctx, "vendordesk.nav.infringements"))
	return d.show(c, http.StatusOK, noticesPage(view))
}

func noticeRows(ctx context.Context, all []infringement.Notice) (rows [][]templ.Component) {
	for _, n := range all {
		rows = append(rows, []templ.Component{
			page.Anchor("/vendor/infringements/"+string(n.ID), n.Target.Title.In(text.From(ctx))), page.NoticeChip(string(n.State)),
			page.Str(text.T(ctx, "infringement.right."+string(n.Right))), page.Time(n.AcceptedAt),
		})
	}
	return rows
}

type noticeView struct {
	frame
	infringement.Notice
	copy    page.NoticeCopy
	own     *page.NoticeCopy
	form    page.Answer
	events  []page.Event
	refusal error
}

func (d desk) infringement(c *serve.Call) error { return d.noticeAgain(c, nil) }

func (d desk) noticeAgain(c *serve.Call, refusal error) error {
	ctx, id := c.R.Context(), infringement.ID(c.R.PathValue("notice"))
	path := "/vendor/infringements/" + string(id)
	view := noticeView{refusal: refusal}
	if err := c.Read(func(r db.Reader) (err error) {
		if view.Notice, err = infringement.OfOwner(ctx, r, c.Actor, id); err != nil {
			return err
		}
		steps, err := infringement.Steps(ctx, r, id)
		if err != nil {
			return err
		}
		for _, s := range steps {
			view.events = append(view.events, page.NoticeEvent(ctx, string(s.Event), string(s.Side), string(s.To), s.Clause, "", s.At))
		}
		files, err := infringement.Files(ctx, r, id)
		if err != nil {
			return err
		}
		w := view.Words
		view.copy = page.NoticeCopyOf(ctx, page.NoticeWords{
			Right: string(view.Right), Location: view.Location, Holder: w.Holder, RightName: w.Right, Name: w.Name, Phone: w.Phone, Address: w.Address,
			Email: w.Email, Statement: w.Statement, Proof: w.Proof, At: view.ReceivedAt,
		}, noticeProofs(ctx, files, infringement.Notifier, path))
		said, ok, err := infringement.CounterOf(ctx, r, id)
		if ok {
			view.own = &page.NoticeCopy{
				Title: text.T(ctx, "infringement.answered"), Files: noticeProofs(ctx, files, infringement.Other, path),
				Terms: []page.Term{{Label: text.T(ctx, "infringement.answer.name"), Text: said.Name}, {Label: text.T(ctx, "base.time"), Value: page.Time(said.At)}},
				Texts: []page.NoticeText{{Label: text.T(ctx, "infringement.answer.statement"), Text: said.Statement}, {Label: text.T(ctx, "infringement.answer.proof"), Text: said.Proof}},
			}
		}
		return err
	}); err != nil {
		return err
	}
	view.form = page.Answer{
		Path: path, Key: freshKey(), Version: strconv.FormatInt(view.Version, 10), Right: view.Asserted(), Open: view.Answerable(), Attach: !view.State.Ended(),
		Typed: map[string]string{}, Errors: page.FieldErrors(ctx, refusal),
	}
	for _, name := range []string{"name", "contact", "statement", "proof", "summary"} {
		view.form.Typed[name] = c.R.PostFormValue(name)
	}
	view.frame = d.frame(c, "/vendor/infringements", text.T(ctx, "infringement.of", "Title", view.Target.Title.In(c.Lang)))
	return d.shown(c, refusal, noticePage(view))
}

func noticeProofs(ctx context.Context, files []infringement.File, of infringement.Side, path string) (out []page.Proof) {
	for _, f := range files {
		if f.Side == of {
			out = append(out, page.Proof{Name: f.Name, Href: path + "/files/" + f.ID, Side: text.T(ctx, "infringement.side."+string(f.Side)), SHA256: f.SHA256})
		}
	}
	return out
}

func (d desk) answerInfringement(c *serve.Call) error {
	ctx, form := c.R.Context(), c.R.PostFormValue
	id := infringement.ID(c.R.PathValue("notice"))
	seen, err := strconv.ParseInt(form("version"), 10, 64)
	if err != nil {
		return serve.ErrBadRequest
	}
	in := infringement.Counter{
		Name: form("name"), Contact: form("contact"), Statement: form("statement"), Proof: form("proof"), Summary: form("summary"), Truthful: form("truthful") != "",
	}
	err = serve.Act(c, serve.Intent{Name: "infringement.counter", Input: []any{id, seen, in.Key()}, Subjects: []string{string(id)}, Clauses: []string{"UA 4.7.2", "ECL 43"}}, func(tx *db.Tx) error {
		_, err := c.Market.Notices.Counter(ctx, tx, c.Actor, id, seen, in)
		return err
	})
	return d.noticeDone(c, err)
}

func (d desk) noticeDone(c *serve.Call, err error) error {
	switch {
	case err == nil:
		return c.Redirect("/vendor/infringements/" + c.R.PathValue("notice"))
	case correctable(err):
		return d.noticeAgain(c, err)
	}
	return err
}

func (d desk) attachInfringement(c *serve.Call) error {
	id := infringement.ID(c.R.PathValue("notice"))
	u, err := c.Upload("file")
	if err != nil {
		return err
	}
	f := infringement.File{Name: u.Name, MediaType: u.MediaType, Size: u.Stored.Size, SHA256: u.Stored.SHA256, Blob: u.Stored.Key}
	err = serve.Act(c, serve.Intent{Name: "infringement.attach", Input: u.Stored, Subjects: []string{string(id)}, Clauses: []string{"UA 4.7.2", "ECL 43"}}, func(tx *db.Tx) error {
		return infringement.AttachAnswer(c.R.Context(), tx, c.Actor, id, f)
	})
	return d.noticeDone(c, err)
}

func (d desk) infringementFile(c *serve.Call) error {
	ctx, id := c.R.Context(), infringement.ID(c.R.PathValue("notice"))
	var f infringement.File
	if err := c.Read(func(r db.Reader) error {
		if _, err := infringement.OfOwner(ctx, r, c.Actor, id); err != nil {
			return err
		}
		var err error
		f, err = infringement.FileOf(ctx, r, id, c.R.PathValue("file"))
		return err
	}); err != nil {
		return err
	}
	return c.SendFile(f.Blob, f.Name, f.MediaType, f.SHA256, f.Size)
}
