package shop

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
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/command"
	"yunshi/internal/market/infringement"
)

const (
	registerPath  = "/infringement"
	noticesOnPage = 20
)

// noticeList is one page of notices, newest first.
type noticeList struct {
	Notices []infringement.Notice
	Pages   page.Pages
	Path    string // of one, before its id
}

// listNotices cuts a list that was read with one more than a page.
func listNotices(all []infringement.Notice, path, here string) noticeList {
	v := noticeList{Notices: all, Path: path}
	if len(all) > noticesOnPage {
		v.Notices = all[:noticesOnPage]
		v.Pages.Next = here + "?before=" + escape(string(v.Notices[noticesOnPage-1].ID))
	}
	return v
}

func infringementRegister(c *serve.Call) error {
	ctx := c.R.Context()
	var all []infringement.Notice
	if err := c.Read(func(r db.Reader) (err error) {
		all, err = infringement.Register(ctx, r, infringement.ID(c.R.FormValue("before")), noticesOnPage+1)
		return err
	}); err != nil {
		return err
	}
	frame := chrome(c, text.T(ctx, "infringement.register"), rulesCrumb(c))
	return show(c, http.StatusOK, registerOfNotices(frame, listNotices(all, registerPath+"/", registerPath), c.SignedIn()))
}

func noticesTable(ctx context.Context, v noticeList, title, empty, more string) page.Table {
	out := page.Table{
		Caption: title, Hidden: true,
		Columns: []page.Column{{Label: text.T(ctx, "infringement.content")}, {Label: text.T(ctx, "base.state")}, {Label: text.T(ctx, "infringement.kind")}, {Label: text.T(ctx, "base.time")}},
		Empty:   page.Empty{Title: empty, Text: more, Action: page.Action{Label: text.T(ctx, "infringement.give"), Href: registerPath + "/new"}},
	}
	for _, n := range v.Notices {
		at := n.AcceptedAt
		if at.IsZero() {
			at = n.CreatedAt
		}
		out.Rows = append(out.Rows, []templ.Component{
			page.Anchor(v.Path+string(n.ID), n.Target.Title.In(text.From(ctx))), page.NoticeChip(string(n.State)), page.Str(text.T(ctx, "infringement.right."+string(n.Right))), page.Time(at),
		})
	}
	return out
}

// entryView is one entry of the register.
type entryView struct {
	infringement.Notice
	Events  []page.Event
	Answer  string // what the other side wrote for the register
	Counted bool   // there is a statement
}

func infringementEntry(c *serve.Call) error {
	ctx, id := c.R.Context(), infringement.ID(c.R.PathValue("id"))
	var v entryView
	if err := c.Read(func(r db.Reader) (err error) {
		if v.Notice, err = infringement.Published(ctx, r, id); err != nil {
			return err
		}
		said, ok, err := infringement.CounterOf(ctx, r, id)
		if err != nil {
			return err
		}
		v.Answer, v.Counted = said.Summary, ok
		v.Events, err = noticeEvents(ctx, r, id)
		return err
	}); err != nil {
		return err
	}
	frame := chrome(c, text.T(ctx, "infringement.of", "Title", v.Target.Title.In(c.Lang)), page.Link{Label: text.T(ctx, "infringement.register"), Href: registerPath})
	return show(c, http.StatusOK, registerEntry(frame, v))
}

// noticeEvents is the story of a notice without what the operator noted.
func noticeEvents(ctx context.Context, r db.Reader, id infringement.ID) ([]page.Event, error) {
	steps, err := infringement.Steps(ctx, r, id)
	out := make([]page.Event, len(steps))
	for i, s := range steps {
		out[i] = page.NoticeEvent(ctx, string(s.Event), string(s.Side), string(s.To), s.Clause, "", s.At)
	}
	return out, err
}

func entryTerms(ctx context.Context, v entryView) []page.Term {
	n := v.Notice
	out := []page.Term{
		{Label: text.T(ctx, "infringement.kind"), Text: text.T(ctx, "infringement.right."+string(n.Right))},
		{Label: text.T(ctx, "infringement.content"), Text: n.Target.Title.In(text.From(ctx))},
	}
	if n.Asserted() {
		holder := n.Holder()
		if holder == "" {
			holder = text.T(ctx, "infringement.person")
		}
		out = append(out, page.Term{Label: text.T(ctx, "infringement.field.holder"), Text: holder})
	}
	out = append(out, page.Term{Label: text.T(ctx, "infringement.accepted_at"), Value: page.Time(n.AcceptedAt)})
	if n.State == infringement.Waiting {
		out = append(out, page.Term{Label: text.T(ctx, "infringement.lift_due"), Value: page.Time(n.LiftDue)})
	}
	return out
}

// noticeForm is the form of a notice, new or to be completed.
type noticeForm struct {
	Post, Key, Label string
	Hidden           []page.Hidden
	Refusal          *page.Refusal
	Fields           map[string]page.Field
	GoodFaith        bool // the law asks for it
	New              bool
	Target           string // title of the content, when it was chosen by a link
	SignedIn         bool
}

// has reports whether the form asks for a field.
func (f noticeForm) has(name string) bool { _, ok := f.Fields[name]; return ok }

func newNotice(c *serve.Call) error { return newNoticeAgain(c, nil) }

func newNoticeAgain(c *serve.Call, failed error) error {
	ctx, errs := c.R.Context(), page.FieldErrors(c.R.Context(), failed)
	v := noticeForm{Post: registerPath + "/new", Key: keptKey(c), New: true, Label: text.T(ctx, "infringement.submit"), SignedIn: c.SignedIn(), Fields: map[string]page.Field{}}
	if err := c.Read(func(r db.Reader) error {
		law, err := agreement.LawInForce(ctx, r)
		v.GoodFaith = law.NoticeGoodFaith
		if err != nil {
			return err
		}
		kind, object := c.R.FormValue("kind"), c.R.FormValue("object")
		if b, ok := c.Market.Notices.Blockers[kind]; ok && object != "" {
			target, err := b.Look(ctx, r, object)
			if err != nil {
				return err
			}
			v.Target = target.Title.In(c.Lang)
			v.Hidden = []page.Hidden{{Name: "kind", Value: kind}, {Name: "object", Value: object}}
		}
		return nil
	}); err != nil {
		return err
	}
	right := field(c, errs, page.Field{Name: "right", Label: text.T(ctx, "infringement.kind.ask"), Required: true})
	for _, r := range infringement.Rights {
		o := page.Option{Value: string(r), Label: text.T(ctx, "infringement.right."+string(r))}
		if r == infringement.Illegal {
			o.Hint = text.T(ctx, "infringement.right.illegal.hint")
		}
		right.Options = append(right.Options, o)
	}
	v.Fields["right"] = right
	v.Fields["holder_kind"] = field(c, errs, page.Field{Name: "holder_kind", Label: text.T(ctx, "infringement.holder_kind"), Required: true, Options: []page.Option{
		{Value: string(infringement.AnOrganisation), Label: text.T(ctx, "infringement.holder_kind.organisation")},
		{Value: string(infringement.APerson), Label: text.T(ctx, "infringement.holder_kind.person")},
	}})
	v.ask(c, errs, []string{"location", "holder", "right_name", "name", "contact", "statement", "proof", "summary", "truthful", "good_faith"})
	if v.Target != "" {
		delete(v.Fields, "location")
	}
	v.Fields["email"] = field(c, errs, page.Field{Name: "email", Label: text.T(ctx, "base.email"), Hint: text.T(ctx, "infringement.email.hint"), Kind: "email", Autocomplete: "email", Required: true})
	if c.SignedIn() {
		delete(v.Fields, "email")
	}
	all := make([]page.Field, 0, len(v.Fields))
	for _, name := range []string{"right", "location", "holder_kind", "holder", "right_name", "name", "email", "phone", "address", "statement", "proof", "summary", "truthful", "good_faith"} {
		all = append(all, v.Fields[name])
	}
	v.Refusal = refusal(c, failed, all...)
	frame := chrome(c, text.T(ctx, "infringement.give"), page.Link{Label: text.T(ctx, "infringement.register"), Href: registerPath})
	return show(c, refusalStatus(failed), newNoticePage(frame, v))
}

// ask adds the fields of what a notice says.
func (f *noticeForm) ask(c *serve.Call, errs map[string]string, names []string) {
	ctx := c.R.Context()
	for _, name := range names {
		one := page.Field{Name: name, Label: text.T(ctx, "infringement.field."+name), Required: true, MaxLength: 300}
		switch name {
		case "location":
			one.Hint = text.T(ctx, "infringement.place.hint")
		case "contact":
			for _, part := range []string{"phone", "address"} {
				f.Fields[part] = field(c, errs, page.Field{Name: part, Label: text.T(ctx, "infringement."+part), Quiet: true, MaxLength: 300})
			}
			reach := f.Fields["phone"]
			reach.Hint, reach.Kind, reach.Width = text.T(ctx, "infringement.contact.hint"), "tel", "medium"
			f.Fields["phone"] = reach
			continue
		case "statement":
			one.Hint, one.MaxLength = text.T(ctx, "infringement.statement.hint"), 4000
		case "proof":
			one.Hint, one.MaxLength = text.T(ctx, "infringement.proof.hint"), 4000
		case "summary":
			one.Hint, one.MaxLength = text.T(ctx, "infringement.summary.hint"), 400
		case "truthful", "good_faith":
			one.Label, one.MaxLength = text.T(ctx, "infringement."+name), 0
			if name == "good_faith" && !f.GoodFaith {
				one.Required, one.Quiet = false, true
			}
		}
		f.Fields[name] = field(c, errs, one)
		if name == "truthful" || name == "good_faith" {
			box := f.Fields[name]
			box.Checked, box.Value = c.R.PostFormValue(name) != "", ""
			f.Fields[name] = box
		}
	}
}

// draftOf is what a form of a notice says.
func draftOf(c *serve.Call) infringement.Draft {
	form := c.R.PostFormValue
	return infringement.Draft{
		Right: infringement.Right(form("right")), Kind: form("kind"), Object: form("object"), Location: form("location"),
		HolderKind: infringement.HolderKind(form("holder_kind")), Summary: form("summary"), Truthful: form("truthful") != "", GoodFaith: form("good_faith") != "",
		Language: string(c.Lang), Place: c.IP(),
		Words: infringement.Words{
			Holder: form("holder"), Name: form("name"), Email: form("email"), Phone: form("phone"), Address: form("address"), Right: form("right_name"),
			Statement: form("statement"), Proof: form("proof"),
		},
	}
}

// giver is who acts on a notice: the actor, or somebody without an account.
func giver(c *serve.Call) audit.Actor {
	if c.SignedIn() {
		return c.Actor
	}
	return audit.Actor{Kind: audit.Person, User: "notifier", Locale: string(c.Lang)}
}

// onNotice runs one intent of who gives or follows a notice.
func onNotice(c *serve.Call, name string, input any, do func(ctx context.Context, tx *db.Tx, by audit.Actor) (infringement.Notice, error)) (n infringement.Notice, err error) {
	ctx, by := c.R.Context(), giver(c)
	answer, err := command.Run(ctx, c.Market.DB, command.Intent{By: by, Name: name, Key: c.Key(), Input: input, Clauses: []string{"UA 4.7.2", "ECL 42"}},
		func(tx *db.Tx) (infringement.ID, error) {
			n, err = do(ctx, tx, by)
			return n.ID, err
		})
	n.ID = answer.Value
	return n, err
}

func giveNotice(c *serve.Call) error {
	in := draftOf(c)
	n, err := onNotice(c, "infringement.submit", in.Key(), func(ctx context.Context, tx *db.Tx, by audit.Actor) (infringement.Notice, error) {
		return c.Market.Notices.Submit(ctx, tx, by, in)
	})
	switch {
	case err == nil && c.SignedIn():
		return c.Redirect(progressPath(string(n.ID)))
	case err == nil:
		return c.Redirect(registerPath + "/sent")
	case correctable(err):
		return newNoticeAgain(c, err)
	}
	return err
}

func noticeSent(c *serve.Call) error {
	frame := chrome(c, text.T(c.R.Context(), "infringement.sent"), page.Link{Label: text.T(c.R.Context(), "infringement.register"), Href: registerPath})
	return show(c, http.StatusOK, sentPage(frame))
}

func progressPath(key string) string { return registerPath + "/progress/" + key }

// confirmNotice asks before it confirms, because programs open the links of mails.
func confirmNotice(c *serve.Call) error {
	ctx, key := c.R.Context(), c.R.PathValue("key")
	var n infringement.Notice
	if err := c.Read(func(r db.Reader) (err error) {
		n, err = infringement.Follow(ctx, r, c.Actor, key)
		return err
	}); err != nil {
		return err
	}
	if n.State != infringement.Unconfirmed {
		return c.Redirect(progressPath(key))
	}
	frame := chrome(c, text.T(ctx, "infringement.confirm"), page.Link{Label: text.T(ctx, "infringement.register"), Href: registerPath})
	return show(c, http.StatusOK, noticeConfirmPage(frame, n, registerPath+"/confirm/"+key, freshKey()))
}

func confirmedNotice(c *serve.Call) error {
	key := c.R.PathValue("key")
	if _, err := onNotice(c, "infringement.confirm", key[:min(len(key), 30)], func(ctx context.Context, tx *db.Tx, by audit.Actor) (infringement.Notice, error) {
		return c.Market.Notices.Confirm(ctx, tx, by, key)
	}); err != nil {
		return err
	}
	return c.Redirect(progressPath(key))
}

// progressView is a notice as who gave it follows it.
type progressView struct {
	infringement.Notice
	Key     string // of the address
	Form    noticeForm
	Events  []page.Event
	Files   []page.Proof
	Counter *page.NoticeCopy
	Where   page.Field
	Refusal *page.Refusal
	Fresh   string
	Now     time.Time
}

func (v progressView) version() []page.Hidden {
	return []page.Hidden{{Name: "version", Value: strconv.FormatInt(v.Version, 10)}}
}

func followNotice(c *serve.Call) error { return followAgain(c, nil) }

func followAgain(c *serve.Call, failed error) error {
	ctx, errs := c.R.Context(), page.FieldErrors(c.R.Context(), failed)
	v := progressView{Key: c.R.PathValue("key"), Fresh: keptKey(c), Now: c.Now()}
	if err := c.Read(func(r db.Reader) (err error) {
		if v.Notice, err = infringement.Follow(ctx, r, c.Actor, v.Key); err != nil {
			return err
		}
		if v.Events, err = noticeEvents(ctx, r, v.ID); err != nil {
			return err
		}
		files, err := infringement.Files(ctx, r, v.ID)
		if err != nil {
			return err
		}
		v.Files = proofsOf(ctx, files, infringement.Notifier, progressPath(v.Key))
		said, ok, err := infringement.CounterOf(ctx, r, v.ID)
		if err == nil && ok {
			seen := counterCopy(ctx, said, proofsOf(ctx, files, infringement.Other, progressPath(v.Key)))
			v.Counter = &seen
		}
		law, lawErr := agreement.LawInForce(ctx, r)
		v.Form.GoodFaith = law.NoticeGoodFaith
		if err == nil {
			err = lawErr
		}
		return err
	}); err != nil {
		return err
	}
	if v.State == infringement.Unconfirmed {
		return c.Redirect(registerPath + "/confirm/" + v.Key)
	}
	v.Form.Post, v.Form.Key, v.Form.Hidden, v.Form.Label = progressPath(v.Key)+"/complete", v.Fresh, v.version(), text.T(ctx, "infringement.complete")
	v.Form.Fields = map[string]page.Field{}
	v.Form.ask(c, errs, v.Missing)
	v.Where = field(c, errs, page.Field{Name: "where", Label: text.T(ctx, "infringement.where"), Required: true, MaxLength: 4000})
	v.Refusal = refusal(c, failed, v.Where)
	frame := chrome(c, text.T(ctx, "infringement.progress"), page.Link{Label: text.T(ctx, "infringement.register"), Href: registerPath})
	frame.Path = progressPath(v.Key)
	return show(c, refusalStatus(failed), progressPage(frame, v))
}

// proofsOf are the files of one side.
func proofsOf(ctx context.Context, files []infringement.File, of infringement.Side, path string) (out []page.Proof) {
	for _, f := range files {
		if f.Side == of {
			out = append(out, page.Proof{Name: f.Name, Href: path + "/files/" + f.ID, Side: text.T(ctx, "infringement.side."+string(f.Side)), SHA256: f.SHA256})
		}
	}
	return out
}

// counterCopy is a counter-statement as the giver of the notice reads it.
func counterCopy(ctx context.Context, c infringement.Counter, files []page.Proof) page.NoticeCopy {
	return page.NoticeCopy{
		Title: text.T(ctx, "infringement.counter"), Files: files,
		Terms: []page.Term{
			{Label: text.T(ctx, "infringement.answer.name"), Text: c.Name}, {Label: text.T(ctx, "infringement.answer.contact"), Text: c.Contact},
			{Label: text.T(ctx, "base.time"), Value: page.Time(c.At)},
		},
		Texts: []page.NoticeText{{Label: text.T(ctx, "infringement.answer.statement"), Text: c.Statement}, {Label: text.T(ctx, "infringement.answer.proof"), Text: c.Proof}},
	}
}

// onOwnNotice does one thing to a notice that the reader follows.
func onOwnNotice(c *serve.Call, name string, input any, do func(ctx context.Context, tx *db.Tx, by audit.Actor, key string, seen int64) (infringement.Notice, error)) error {
	key := c.R.PathValue("key")
	seen, err := strconv.ParseInt(c.R.PostFormValue("version"), 10, 64)
	if err != nil {
		return serve.ErrBadRequest
	}
	_, err = onNotice(c, name, []any{key[:min(len(key), 30)], seen, input}, func(ctx context.Context, tx *db.Tx, by audit.Actor) (infringement.Notice, error) {
		return do(ctx, tx, by, key, seen)
	})
	return followed(c, err)
}

// followed goes to the notice, or shows it with what went wrong.
func followed(c *serve.Call, err error) error {
	switch {
	case err == nil:
		return c.Redirect(progressPath(c.R.PathValue("key")))
	case correctable(err):
		return followAgain(c, err)
	}
	return err
}

func completeNotice(c *serve.Call) error {
	in := draftOf(c)
	return onOwnNotice(c, "infringement.complete", in.Key(), func(ctx context.Context, tx *db.Tx, by audit.Actor, key string, seen int64) (infringement.Notice, error) {
		return c.Market.Notices.Complete(ctx, tx, by, key, seen, in)
	})
}

func filedNotice(c *serve.Call) error {
	where := c.R.PostFormValue("where")
	return onOwnNotice(c, "infringement.filed", where, func(ctx context.Context, tx *db.Tx, by audit.Actor, key string, seen int64) (infringement.Notice, error) {
		return c.Market.Notices.Filed(ctx, tx, by, key, seen, where)
	})
}

func withdrawNotice(c *serve.Call) error {
	return onOwnNotice(c, "infringement.withdraw", nil, func(ctx context.Context, tx *db.Tx, by audit.Actor, key string, seen int64) (infringement.Notice, error) {
		return c.Market.Notices.Withdraw(ctx, tx, by, key, seen)
	})
}

// uploaded is a file that came with a form.
func uploaded(c *serve.Call) (infringement.File, error) {
	u, err := c.Upload("file")
	return infringement.File{Name: u.Name, MediaType: u.MediaType, Size: u.Stored.Size, SHA256: u.Stored.SHA256, Blob: u.Stored.Key}, err
}

func attachToNotice(c *serve.Call) error {
	key := c.R.PathValue("key")
	if err := c.Read(func(r db.Reader) error { // nobody stores a file here who follows no notice
		_, err := infringement.Follow(c.R.Context(), r, c.Actor, key)
		return err
	}); err != nil {
		return err
	}
	f, err := uploaded(c)
	if err != nil {
		return err
	}
	_, err = onNotice(c, "infringement.attach", f, func(ctx context.Context, tx *db.Tx, by audit.Actor) (infringement.Notice, error) {
		return infringement.Notice{}, infringement.Attach(ctx, tx, by, key, f)
	})
	return followed(c, err)
}

func noticeFile(c *serve.Call) error {
	ctx := c.R.Context()
	var f infringement.File
	if err := c.Read(func(r db.Reader) error {
		n, err := infringement.Follow(ctx, r, c.Actor, c.R.PathValue("key"))
		if err != nil {
			return err
		}
		f, err = infringement.FileOf(ctx, r, n.ID, c.R.PathValue("file"))
		return err
	}); err != nil {
		return err
	}
	return c.SendFile(f.Blob, f.Name, f.MediaType, f.SHA256, f.Size)
}

func myNotices(c *serve.Call) error {
	ctx, before := c.R.Context(), infringement.ID(c.R.FormValue("before"))
	var given, about []infringement.Notice
	if err := c.Read(func(r db.Reader) (err error) {
		if given, err = infringement.Mine(ctx, r, c.Account(), before, noticesOnPage+1); err != nil || before != "" {
			return err
		}
		about, err = infringement.AboutOwner(ctx, r, c.Account(), "", noticesOnPage)
		return err
	}); err != nil {
		return err
	}
	frame := chrome(c, text.T(ctx, "infringement.mine"), accountCrumb(c))
	return show(c, http.StatusOK, myNoticesPage(frame, listNotices(given, registerPath+"/progress/", registerPath+"/mine"), noticeList{Notices: about, Path: registerPath + "/answer/"}))
}

// answerView is a notice as who answers for the content reads it.
type answerView struct {
	infringement.Notice
	Copy    page.NoticeCopy
	Own     *page.NoticeCopy
	Form    page.Answer
	Events  []page.Event
	Refusal *page.Refusal
}

func answerNotice(c *serve.Call) error { return answerAgain(c, nil) }

func answerAgain(c *serve.Call, failed error) error {
	ctx, id := c.R.Context(), infringement.ID(c.R.PathValue("id"))
	path := registerPath + "/answer/" + string(id)
	var v answerView
	if err := c.Read(func(r db.Reader) (err error) {
		if v.Notice, err = infringement.OfOwner(ctx, r, c.Actor, id); err != nil {
			return err
		}
		if v.Events, err = noticeEvents(ctx, r, id); err != nil {
			return err
		}
		files, err := infringement.Files(ctx, r, id)
		if err != nil {
			return err
		}
		v.Copy = page.NoticeCopyOf(ctx, noticeWords(v.Notice), proofsOf(ctx, files, infringement.Notifier, path))
		said, ok, err := infringement.CounterOf(ctx, r, id)
		if ok {
			own := counterCopy(ctx, said, proofsOf(ctx, files, infringement.Other, path))
			own.Title = text.T(ctx, "infringement.answered")
			v.Own = &own
		}
		return err
	}); err != nil {
		return err
	}
	v.Form = page.Answer{
		Path: path, Key: keptKey(c), Version: strconv.FormatInt(v.Version, 10), Right: v.Asserted(), Open: v.Answerable(), Attach: !v.State.Ended(),
		Typed: typed(c, "name", "contact", "statement", "proof", "summary"), Errors: page.FieldErrors(ctx, failed),
	}
	v.Refusal = refusal(c, failed)
	frame := chrome(c, text.T(ctx, "infringement.of", "Title", v.Target.Title.In(c.Lang)), page.Link{Label: text.T(ctx, "infringement.mine"), Href: registerPath + "/mine"})
	frame.Path = path
	return show(c, refusalStatus(failed), answerPage(frame, v))
}

// typed is what was typed into a form that comes back.
func typed(c *serve.Call, names ...string) map[string]string {
	out := map[string]string{}
	for _, name := range names {
		out[name] = c.R.PostFormValue(name)
	}
	return out
}

// noticeWords are what a notice says, as the other side reads it.
func noticeWords(n infringement.Notice) page.NoticeWords {
	return page.NoticeWords{
		Right: string(n.Right), Location: n.Location, Holder: n.Words.Holder, RightName: n.Words.Right, Name: n.Words.Name, Phone: n.Words.Phone,
		Address: n.Words.Address, Email: n.Words.Email, Statement: n.Words.Statement, Proof: n.Words.Proof, At: n.ReceivedAt,
	}
}

func answeredNotice(c *serve.Call) error {
	ctx, id, form := c.R.Context(), infringement.ID(c.R.PathValue("id")), c.R.PostFormValue
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
	return answered(c, err)
}

func answered(c *serve.Call, err error) error {
	switch {
	case err == nil:
		return c.Redirect(registerPath + "/answer/" + c.R.PathValue("id"))
	case correctable(err):
		return answerAgain(c, err)
	}
	return err
}

func attachAnswer(c *serve.Call) error {
	ctx, id := c.R.Context(), infringement.ID(c.R.PathValue("id"))
	f, err := uploaded(c)
	if err != nil {
		return err
	}
	err = serve.Act(c, serve.Intent{Name: "infringement.attach", Input: f, Subjects: []string{string(id)}, Clauses: []string{"UA 4.7.2", "ECL 43"}}, func(tx *db.Tx) error {
		return infringement.AttachAnswer(ctx, tx, c.Actor, id, f)
	})
	return answered(c, err)
}

func answerFile(c *serve.Call) error {
	ctx, id := c.R.Context(), infringement.ID(c.R.PathValue("id"))
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

// noticeRoutes are the public pages of notices, and those of who follows or answers
// one.
func noticeRoutes() []serve.Route {
	return []serve.Route{
		{Pattern: "GET /infringement", Access: serve.Public, Handle: infringementRegister},
		{Pattern: "GET /infringement/{id}", Access: serve.Public, Handle: infringementEntry},
		{Pattern: "GET /infringement/new", Access: serve.Public, Handle: newNotice},
		{Pattern: "POST /infringement/new", Access: serve.Public, Handle: giveNotice},
		{Pattern: "GET /infringement/sent", Access: serve.Public, Handle: noticeSent},
		{Pattern: "GET /infringement/confirm/{key}", Access: serve.Public, Handle: confirmNotice},
		{Pattern: "POST /infringement/confirm/{key}", Access: serve.Public, Handle: confirmedNotice},
		{Pattern: "GET /infringement/progress/{key}", Access: serve.Public, Handle: followNotice},
		{Pattern: "POST /infringement/progress/{key}/complete", Access: serve.Public, Handle: completeNotice},
		{Pattern: "POST /infringement/progress/{key}/file", Access: serve.Public, Handle: attachToNotice},
		{Pattern: "GET /infringement/progress/{key}/files/{file}", Access: serve.Public, Handle: noticeFile},
		{Pattern: "POST /infringement/progress/{key}/filed", Access: serve.Public, Handle: filedNotice},
		{Pattern: "POST /infringement/progress/{key}/withdraw", Access: serve.Public, Handle: withdrawNotice},
		{Pattern: "GET /infringement/mine", Access: serve.SignedIn, Handle: myNotices},
		{Pattern: "GET /infringement/answer/{id}", Access: serve.SignedIn, Handle: answerNotice},
		{Pattern: "POST /infringement/answer/{id}/answer", Access: serve.SignedIn, Handle: answeredNotice},
		{Pattern: "POST /infringement/answer/{id}/file", Access: serve.SignedIn, Handle: attachAnswer},
		{Pattern: "GET /infringement/answer/{id}/files/{file}", Access: serve.SignedIn, Handle: answerFile},
	}
}
