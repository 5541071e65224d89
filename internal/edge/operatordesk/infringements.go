package operatordesk

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/a-h/templ"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/db"
	"yunshi/internal/base/text"
	"yunshi/internal/edge/page"
	"yunshi/internal/edge/serve"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/infringement"
)

// infringementItems are the notices that the operator has to do something about.
func infringementItems(ctx context.Context, r db.Reader) ([]page.QueueItem, error) {
	all, err := infringement.Desk(ctx, r, 500)
	items := make([]page.QueueItem, 0, len(all))
	for _, n := range all {
		due := n.ReviewDue
		if n.State == infringement.Waiting {
			due = n.LiftDue
		}
		items = append(items, page.QueueItem{
			Href: "/operator/infringements/" + string(n.ID), Title: n.Target.Title.In(text.From(ctx)), ID: string(n.ID), Who: text.T(ctx, "infringement.right."+string(n.Right)),
			Chip: page.NoticeChip(string(n.State)), Due: due,
		})
	}
	return items, err
}

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
		if view.due, err = infringementItems(ctx, r); err != nil {
			return err
		}
		view.all, err = infringement.All(ctx, r, infringement.ID(c.R.URL.Query().Get("before")), perPage+1)
		return err
	}); err != nil {
		return err
	}
	if len(view.all) > perPage {
		view.all = view.all[:perPage]
		view.next = "/operator/infringements?before=" + string(view.all[perPage-1].ID)
	}
	view.frame = d.frame(c, "/operator/infringements", text.T(ctx, "operatordesk.nav.infringements"))
	return show(c, nil, noticesPage(view))
}

func noticeRows(ctx context.Context, all []infringement.Notice) (rows [][]templ.Component) {
	for _, n := range all {
		rows = append(rows, []templ.Component{
			page.Anchor("/operator/infringements/"+string(n.ID), n.Target.Title.In(text.From(ctx))), page.NoticeChip(string(n.State)),
			page.Str(text.T(ctx, "infringement.right."+string(n.Right))), page.Time(n.ReceivedAt),
		})
	}
	return rows
}

type noticeView struct {
	frame
	infringement.Notice
	copy        page.NoticeCopy
	counter     *page.NoticeCopy
	events      []page.Event
	trail       []page.AuditEntry
	giver       string // name of the notifier's account
	undelivered bool
	decides     bool
	refusal     error
	errors      map[string]string
	form        map[string]string
	key         string
}

func (v noticeView) send(do string) page.Send {
	return page.Send{
		Post: "/operator/infringements/" + string(v.ID), Key: v.key + do,
		Hidden: []page.Hidden{{Name: "version", Value: strconv.FormatInt(v.Version, 10)}, {Name: "form", Value: do}},
	}
}

// why is the field of the reasons in one of several forms of the page.
func (v noticeView) why(ctx context.Context, of, label string) page.Field {
	f := page.Field{Name: "why", Of: of, Label: text.T(ctx, label), Hint: text.T(ctx, "infringement.desk.why.hint"), Required: true, MaxLength: 4000}
	if v.form["form"] == of {
		f.Value, f.Error = v.form["why"], v.errors["why"]
		if f.Error == "" {
			f.Error = v.errors["where"]
		}
	}
	return f
}

// shown is a plain field of one of the forms.
func (v noticeView) shown(ctx context.Context, of, name, label string) page.Field {
	f := page.Field{Name: name, Of: of, Label: text.T(ctx, label), Required: true, Width: "short"}
	if v.form["form"] == of {
		f.Value, f.Error = v.form[name], v.errors[name]
	}
	return f
}

func (v noticeView) missing(ctx context.Context) page.Field {
	f := page.Field{Name: "missing", Label: text.T(ctx, "infringement.missing"), Quiet: true, Error: v.errors["missing"]}
	for _, name := range infringement.Fields {
		f.Options = append(f.Options, page.Option{Value: name, Label: text.T(ctx, "infringement.field."+name)})
	}
	return f
}

func (d desk) infringement(c *serve.Call) error { return d.noticeAgain(c, nil) }

func (d desk) noticeAgain(c *serve.Call, refusal error) error {
	ctx, id := c.R.Context(), infringement.ID(c.R.PathValue("notice"))
	path := "/operator/infringements/" + string(id)
	view := noticeView{refusal: refusal, errors: page.FieldErrors(ctx, refusal), key: freshKey(), form: map[string]string{}, decides: c.Actor.Has(account.Compliance)}
	for _, name := range []string{"form", "why", "day", "days"} {
		view.form[name] = c.R.PostFormValue(name)
	}
	if err := c.Read(func(r db.Reader) (err error) {
		if view.Notice, err = infringement.Get(ctx, r, c.Actor, id); err != nil {
			return err
		}
		steps, err := infringement.Steps(ctx, r, id)
		if err != nil {
			return err
		}
		for _, s := range steps {
			view.events = append(view.events, page.NoticeEvent(ctx, string(s.Event), string(s.Side), string(s.To), s.Clause, s.Note, s.At))
		}
		files, err := infringement.Files(ctx, r, id)
		if err != nil {
			return err
		}
		w := view.Words
		view.copy = page.NoticeCopyOf(ctx, page.NoticeWords{
			Right: string(view.Right), Location: view.Location, Holder: w.Holder, RightName: w.Right, Name: w.Name, Phone: w.Phone, Address: w.Address,
			Email: w.Email, Statement: w.Statement, Proof: w.Proof, At: view.CreatedAt,
		}, noticeProofs(ctx, files, infringement.Notifier, path))
		view.copy.Texts = append(view.copy.Texts, page.NoticeText{Label: text.T(ctx, "infringement.field.summary"), Text: view.Summary})
		said, ok, err := infringement.CounterOf(ctx, r, id)
		if err != nil {
			return err
		}
		if ok {
			view.counter = &page.NoticeCopy{
				Title: text.T(ctx, "infringement.counter"), Files: noticeProofs(ctx, files, infringement.Other, path),
				Terms: []page.Term{
					{Label: text.T(ctx, "infringement.answer.name"), Text: said.Name}, {Label: text.T(ctx, "infringement.answer.contact"), Text: said.Contact},
					{Label: text.T(ctx, "base.time"), Value: page.Time(said.At)},
				},
				Texts: []page.NoticeText{
					{Label: text.T(ctx, "infringement.answer.statement"), Text: said.Statement}, {Label: text.T(ctx, "infringement.answer.proof"), Text: said.Proof},
					{Label: text.T(ctx, "infringement.field.summary"), Text: said.Summary},
				},
			}
		}
		if view.undelivered, err = infringement.Undelivered(ctx, r, id); err != nil {
			return err
		}
		if view.Account != "" {
			of, err := account.Get(ctx, r, view.Account)
			if err != nil {
				return err
			}
			view.giver = of.DisplayName
		}
		acts, err := audit.Of(ctx, r, string(id))
		view.trail = trail(acts)
		return err
	}); err != nil {
		return err
	}
	view.frame = d.frame(c, "/operator/infringements", text.T(ctx, "infringement.of", "Title", view.Target.Title.In(c.Lang)))
	return show(c, refusal, noticePage(view))
}

func noticeProofs(ctx context.Context, files []infringement.File, of infringement.Side, path string) (out []page.Proof) {
	for _, f := range files {
		if f.Side == of {
			out = append(out, page.Proof{Name: f.Name, Href: path + "/files/" + f.ID, Side: text.T(ctx, "infringement.side."+string(f.Side)), SHA256: f.SHA256})
		}
	}
	return out
}

func noticeTerms(ctx context.Context, v noticeView) []page.Term {
	n := v.Notice
	out := []page.Term{{Label: text.T(ctx, "infringement.content"), Value: page.Anchor(homeOf(n.Target.ID), n.Target.Title.In(text.From(ctx)))}}
	giver := page.Str(text.T(ctx, "infringement.desk.no_account"))
	if n.Account != "" {
		giver = linked(homeOf(string(n.Account)), v.giver, string(n.Account))
	}
	out = append(out, page.Term{Label: text.T(ctx, "infringement.desk.notifier"), Value: giver})
	if n.State == infringement.Received {
		out = append(out, page.Term{Label: text.T(ctx, "infringement.review_due"), Value: page.Time(n.ReviewDue)})
	}
	if !n.ArrivedAt.IsZero() {
		out = append(out,
			page.Term{Label: text.T(ctx, "infringement.arrived"), Text: text.Time(ctx, n.ArrivedAt) + " · " + text.T(ctx, "infringement.arrived."+n.ArrivedHow)},
			page.Term{Label: text.T(ctx, "infringement.lift_due"), Value: page.Time(n.LiftDue)})
	}
	return out
}

// decideInfringement is every decision on a notice: which one, the form says.
func (d desk) decideInfringement(c *serve.Call) error {
	ctx, form, id := c.R.Context(), c.R.PostFormValue, infringement.ID(c.R.PathValue("notice"))
	u, why := c.Market.Notices, form("why")
	seen, err := strconv.ParseInt(form("version"), 10, 64)
	if err != nil {
		return serve.ErrBadRequest
	}
	var act func(tx *db.Tx) (infringement.Notice, error)
	do := form("do")
	switch do {
	case "accept":
		act = func(tx *db.Tx) (infringement.Notice, error) { return u.Accept(ctx, tx, c.Actor, id, seen, why) }
	case "reject":
		act = func(tx *db.Tx) (infringement.Notice, error) { return u.Reject(ctx, tx, c.Actor, id, seen, why) }
	case "return":
		act = func(tx *db.Tx) (infringement.Notice, error) {
			return u.Return(ctx, tx, c.Actor, id, seen, c.R.PostForm["missing"], why)
		}
	case "served":
		day, _ := calendar.ParseDate(form("day")) // the zero day is refused by the rule
		act = func(tx *db.Tx) (infringement.Notice, error) { return u.Served(ctx, tx, c.Actor, id, seen, day, why) }
	case "pause":
		days, _ := strconv.Atoi(form("days"))
		act = func(tx *db.Tx) (infringement.Notice, error) { return u.Pause(ctx, tx, c.Actor, id, seen, days, why) }
	case "record":
		act = func(tx *db.Tx) (infringement.Notice, error) { return u.Record(ctx, tx, c.Actor, id, seen, why) }
	case "lift":
		act = func(tx *db.Tx) (infringement.Notice, error) { return u.Lift(ctx, tx, c.Actor, id, seen, why) }
	case "keep":
		act = func(tx *db.Tx) (infringement.Notice, error) { return u.Keep(ctx, tx, c.Actor, id, seen, why) }
	case "flag", "unflag":
		act = func(tx *db.Tx) (infringement.Notice, error) {
			return u.Flag(ctx, tx, c.Actor, id, seen, do == "flag", why)
		}
	default:
		return serve.ErrBadRequest
	}
	words := []any{seen, do, why, form("day"), form("days"), c.R.PostForm["missing"]}
	err = command(c, "infringement."+do, []string{"UA 4.7.2"}, []string{string(id)}, words, func(_ context.Context, tx *db.Tx) error {
		_, err := act(tx)
		return err
	})
	switch {
	case err == nil:
		return c.Redirect("/operator/infringements/" + string(id))
	case correctable(err) || errors.Is(err, infringement.ErrOwn):
		return d.noticeAgain(c, err)
	}
	return err
}

func (d desk) infringementFile(c *serve.Call) error {
	ctx, id := c.R.Context(), infringement.ID(c.R.PathValue("notice"))
	var f infringement.File
	if err := c.Read(func(r db.Reader) (err error) {
		if _, err = infringement.Get(ctx, r, c.Actor, id); err != nil {
			return err
		}
		f, err = infringement.FileOf(ctx, r, id, c.R.PathValue("file"))
		return err
	}); err != nil {
		return err
	}
	return c.SendFile(f.Blob, f.Name, f.MediaType, f.SHA256, f.Size)
}

func dated(f page.Field) page.Field {
	f.Kind = "date"
	return f
}

func counted(f page.Field, hint string) page.Field {
	f.Hint, f.InputMode = hint, "numeric"
	return f
}

func flagWord(malicious bool) string {
	if malicious {
		return "infringement.desk.unflag"
	}
	return "infringement.desk.flag"
}
