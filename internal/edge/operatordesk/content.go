package operatordesk

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/db"
	"yunshi/internal/base/text"
	"yunshi/internal/edge/page"
	"yunshi/internal/edge/serve"
	"yunshi/internal/market/account"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/content"
	"yunshi/internal/market/message"
	"yunshi/internal/market/review"
)

// contentItems are the texts that wait for an officer, and the reports.
func contentItems(ctx context.Context, r db.Reader) ([]page.QueueItem, error) {
	held, err := content.Desk(ctx, r, 500)
	if err != nil {
		return nil, err
	}
	within, err := agreement.Setting[struct{ Hours int }](ctx, r, "content_review_within")
	if err != nil {
		return nil, err
	}
	patience := time.Duration(within.Hours) * time.Hour
	items := make([]page.QueueItem, 0, len(held))
	for _, i := range held {
		items = append(items, page.QueueItem{
			Href: "/operator/content/" + string(i.ID), Title: text.T(ctx, "content.desk.held", "What", kindWord(ctx, i.Kind)), Who: hitWords(ctx, i.Hits), ID: string(i.ID),
			Chip: contentChip(string(i.State)), Due: i.CreatedAt.Add(patience),
		})
	}
	reports, err := content.Reports(ctx, r, 500)
	if err != nil {
		return nil, err
	}
	for _, p := range reports {
		items = append(items, page.QueueItem{
			Href: "/operator/flags/" + string(p.ID), Title: text.T(ctx, "content.desk.reported", "What", kindWord(ctx, p.Kind)), Who: text.T(ctx, "content.reason."+string(p.Reason)), ID: string(p.ID),
			Chip: contentChip("open"), Due: p.CreatedAt.Add(patience),
		})
	}
	slices.SortStableFunc(items, func(a, b page.QueueItem) int { return a.Due.Compare(b.Due) })
	return items, nil
}

func kindWord(ctx context.Context, k content.Kind) string {
	return text.T(ctx, "content.kind."+string(k))
}

// hitWords is what was found, in words; terms of the lexicon as they are.
func hitWords(ctx context.Context, hits []content.Hit) string {
	words := make([]string, 0, len(hits))
	for _, h := range hits {
		if h.Term != "" {
			words = append(words, h.Term)
			continue
		}
		words = append(words, text.T(ctx, "content.hit."+string(h.Kind)))
	}
	return strings.Join(words, " · ")
}

type contentView struct {
	frame
	now        time.Time
	due        []page.QueueItem
	all        []content.Item
	files      []content.File
	next       string
	configured bool
}

func (d desk) contents(c *serve.Call) error {
	ctx := c.R.Context()
	view := contentView{now: c.Now(), configured: c.Market.Files.Configured()}
	if err := c.Read(func(r db.Reader) (err error) {
		if view.due, err = contentItems(ctx, r); err != nil {
			return err
		}
		if view.files, err = content.Infected(ctx, r, perPage); err != nil {
			return err
		}
		view.all, err = content.All(ctx, r, content.ID(c.R.URL.Query().Get("before")), perPage+1)
		return err
	}); err != nil {
		return err
	}
	if len(view.all) > perPage {
		view.all = view.all[:perPage]
		view.next = "/operator/content?before=" + string(view.all[perPage-1].ID)
	}
	view.frame = d.frame(c, "/operator/content", text.T(ctx, "content.desk.title"))
	return show(c, nil, contentsPage(view))
}

func contentRows(ctx context.Context, all []content.Item) (rows [][]templ.Component) {
	for _, i := range all {
		rows = append(rows, []templ.Component{
			linked("/operator/content/"+string(i.ID), kindWord(ctx, i.Kind), string(i.ID)), contentChip(string(i.State)), page.Str(hitWords(ctx, i.Hits)), page.Time(i.CreatedAt),
		})
	}
	return rows
}

func fileRows(all []content.File) (rows [][]templ.Component) {
	for _, f := range all {
		rows = append(rows, []templ.Component{page.ID(f.SHA256), page.Str(f.Signature), page.Str(f.Scanner), page.Time(f.ScannedAt)})
	}
	return rows
}

// heldView is one original.
type heldView struct {
	frame
	content.Item
	opened  *string // what it says, after an officer gave a reason
	due     time.Time
	told    *content.Told
	cases   bool // cases can be opened
	trail   []page.AuditEntry
	refusal error
	errors  map[string]string
	form    map[string]string
	key     string
	may     bool
}

func (v heldView) path() string { return "/operator/content/" + string(v.ID) }

func (v heldView) version() []page.Hidden {
	return []page.Hidden{{Name: "version", Value: strconv.FormatInt(v.Version, 10)}}
}

func (d desk) content(c *serve.Call) error { return d.contentAgain(c, nil, nil) }

func (d desk) contentAgain(c *serve.Call, opened *string, refusal error) error {
	ctx, id := c.R.Context(), content.ID(c.R.PathValue("item"))
	view := heldView{
		opened: opened, cases: c.Market.Content.OpenCase != nil, refusal: refusal, errors: page.FieldErrors(ctx, refusal), key: freshKey(), form: map[string]string{},
		may: c.Actor.Has(account.Compliance),
	}
	if opened == nil { // the reason of a look is not that of a decision
		for _, name := range []string{"reason", "clause"} {
			view.form[name] = c.R.PostFormValue(name)
		}
	}
	if err := c.Read(func(r db.Reader) (err error) {
		if view.Item, err = content.Get(ctx, r, id); err != nil {
			return err
		}
		acts, err := audit.Of(ctx, r, string(id))
		if err != nil {
			return err
		}
		view.trail = trail(acts)
		if told, known, err := content.ToldOf(ctx, r, id); err != nil || known {
			view.told = &told
			return err
		}
		view.due, err = content.DueAt(ctx, r, view.Item)
		return err
	}); err != nil {
		return err
	}
	for _, name := range []string{"authority", "reference", "on"} {
		view.form[name] = c.R.PostFormValue(name)
	}
	view.frame = d.frame(c, "/operator/content", text.T(ctx, "content.desk.one", "What", kindWord(ctx, view.Kind)))
	return show(c, refusal, contentPage(view))
}

func contentTerms(ctx context.Context, i content.Item) []page.Term {
	out := []page.Term{
		{Label: text.T(ctx, "content.desk.found"), Text: hitWords(ctx, i.Hits)},
		{Label: text.T(ctx, "content.desk.author"), Value: page.Anchor(homeOf(string(i.Account)), string(i.Account))},
		{Label: text.T(ctx, "content.desk.sha256"), Value: page.ID(i.SHA256)},
		{Label: text.T(ctx, "base.time"), Value: page.Time(i.CreatedAt)},
	}
	if i.Ref != "" {
		out = append(out, page.Term{Label: text.T(ctx, "content.desk.ref"), Value: page.ID(i.Ref)})
	}
	if i.Clause != "" {
		out = append(out, page.Term{Label: text.T(ctx, "content.desk.clause"), Value: page.ClauseChip(i.Clause)})
	}
	if i.Reason != "" {
		out = append(out, page.Term{Label: text.T(ctx, "content.desk.reason"), Text: i.Reason})
	}
	if i.Case != "" {
		out = append(out, page.Term{Label: text.T(ctx, "content.desk.case"), Value: page.ID(i.Case)})
	}
	if !i.GoneAt.IsZero() {
		out = append(out, page.Term{Label: text.T(ctx, "content.desk.gone"), Value: page.Time(i.GoneAt)})
	}
	return out
}

func toldTerms(ctx context.Context, t content.Told) []page.Term {
	return []page.Term{
		{Label: text.T(ctx, "content.told.authority"), Text: t.Authority},
		{Label: text.T(ctx, "content.told.reference"), Text: t.Reference},
		{Label: text.T(ctx, "content.told.on"), Text: t.On.String()},
		{Label: text.T(ctx, "content.told.sha256"), Value: page.ID(t.SHA256)},
		{Label: text.T(ctx, "base.time"), Value: page.Time(t.At)},
	}
}

// sendContent hands out what is sent to the authority.
func (d desk) sendContent(c *serve.Call) error {
	id := content.ID(c.R.PathValue("item"))
	var sent []byte
	err := command(c, "content.sending", []string{"UA 4.7.1", "CSL 47"}, []string{string(id)}, nil, func(ctx context.Context, tx *db.Tx) (err error) {
		sent, _, err = content.Sending(ctx, tx, c.Actor, id, c.R.PostFormValue("why"))
		return err
	})
	if err == nil {
		return handOut(c, "application/json", string(id)+".json", sent)
	}
	return d.contentDone(c, id, err)
}

// handOut answers with bytes that no cache keeps and no browser runs.
func handOut(c *serve.Call, mediaType, name string, content []byte) error {
	h := c.W.Header()
	h.Set("Content-Type", mediaType)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	if name != "" {
		h.Set("Content-Disposition", `attachment; filename="`+name+`"`)
	}
	_, err := c.W.Write(content)
	return err
}

// tellAuthority records the report of a removed original.
func (d desk) tellAuthority(c *serve.Call) error {
	id, form := content.ID(c.R.PathValue("item")), c.R.PostFormValue
	in := content.Told{Authority: form("authority"), Reference: form("reference")}
	in.On, _ = calendar.ParseDate(form("on")) // no date is refused by its field
	err := command(c, "content.told", []string{"UA 4.7.1", "CSL 47"}, []string{string(id)}, in, func(ctx context.Context, tx *db.Tx) error {
		_, err := content.TellAuthority(ctx, tx, c.Actor, id, in)
		return err
	})
	return d.contentDone(c, id, err)
}

// contentDone goes back to an original after an act, with what refused it.
func (d desk) contentDone(c *serve.Call, id content.ID, err error) error {
	switch {
	case err == nil:
		return c.Redirect("/operator/content/" + string(id))
	case correctable(err):
		return d.contentAgain(c, nil, err)
	}
	return err
}

// openContent shows the original to an officer who says why.
func (d desk) openContent(c *serve.Call) error {
	id := content.ID(c.R.PathValue("item"))
	var opened string
	err := command(c, "content.open", []string{"UA 4.7.1"}, []string{string(id)}, nil, func(ctx context.Context, tx *db.Tx) (err error) {
		opened, err = content.Open(ctx, tx, c.Actor, id, c.R.PostFormValue("reason"))
		return err
	})
	if err == nil {
		if kind := http.DetectContentType([]byte(opened)); strings.HasPrefix(kind, "image/") {
			return handOut(c, kind, "", []byte(opened))
		}
		c.W.Header().Set("Cache-Control", "no-store")
		return d.contentAgain(c, &opened, nil)
	}
	return d.contentDone(c, id, err)
}

func (d desk) decideContent(c *serve.Call) error {
	id, form := content.ID(c.R.PathValue("item")), c.R.PostFormValue
	seen, err := strconv.ParseInt(form("version"), 10, 64)
	if err != nil {
		return serve.ErrBadRequest
	}
	do, why := form("do"), content.Why{Clause: form("clause"), Reason: form("reason")}
	err = command(c, "content.decide", []string{"UA 4.7.1"}, []string{string(id)}, []any{seen, do, why}, func(ctx context.Context, tx *db.Tx) (err error) {
		switch do {
		case "release":
			_, err = c.Market.Content.Release(ctx, tx, c.Actor, id, seen, why.Reason)
		case "block":
			_, err = c.Market.Content.BlockHeld(ctx, tx, c.Actor, id, seen, why)
		case "case":
			_, err = c.Market.Content.Accuse(ctx, tx, c.Actor, id, seen, why.Clause, why.Reason)
		default:
			err = serve.ErrBadRequest
		}
		return err
	})
	return d.contentDone(c, id, err)
}

type lexiconView struct {
	frame
	terms   []content.Term
	refusal error
	errors  map[string]string
	form    map[string]string
	key     string
	may     bool
}

func (d desk) lexicon(c *serve.Call) error { return d.lexiconAgain(c, nil) }

func (d desk) lexiconAgain(c *serve.Call, refusal error) error {
	ctx := c.R.Context()
	view := lexiconView{refusal: refusal, errors: page.FieldErrors(ctx, refusal), key: freshKey(), form: map[string]string{}, may: c.Actor.Has(account.Compliance)}
	for _, name := range []string{"term", "act", "reason"} {
		view.form[name] = c.R.PostFormValue(name)
	}
	if err := c.Read(func(r db.Reader) (err error) {
		view.terms, err = content.Terms(ctx, r)
		return err
	}); err != nil {
		return err
	}
	view.frame = d.frame(c, "/operator/content", text.T(ctx, "content.lexicon.title"))
	return show(c, refusal, lexiconPage(view))
}

func (d desk) addTerm(c *serve.Call) error {
	form := c.R.PostFormValue
	in := content.Term{Term: form("term"), Act: content.Act(form("act")), Reason: form("reason")}
	err := command(c, "content.term.add", []string{"UA 4.7.1"}, nil, in, func(ctx context.Context, tx *db.Tx) error {
		_, err := content.AddTerm(ctx, tx, c.Actor, in)
		return err
	})
	switch {
	case err == nil:
		return c.Redirect("/operator/content/lexicon")
	case correctable(err):
		return d.lexiconAgain(c, err)
	}
	return err
}

func (d desk) retireTerm(c *serve.Call) error {
	id := c.R.PathValue("term")
	err := command(c, "content.term.retire", []string{"UA 4.7.1"}, []string{id}, nil, func(ctx context.Context, tx *db.Tx) error {
		return content.RetireTerm(ctx, tx, c.Actor, id)
	})
	switch {
	case err == nil:
		return c.Redirect("/operator/content/lexicon")
	case correctable(err):
		return d.lexiconAgain(c, err)
	}
	return err
}

// flagView is one report of a text.
type flagView struct {
	frame
	content.Report
	looked  *string
	same    bool
	cases   bool
	trail   []page.AuditEntry
	refusal error
	errors  map[string]string
	form    map[string]string
	key     string
	may     bool
}

func (v flagView) path() string { return "/operator/flags/" + string(v.ID) }

func (d desk) flag(c *serve.Call) error { return d.flagAgain(c, nil, false, nil) }

func (d desk) flagAgain(c *serve.Call, looked *string, same bool, refusal error) error {
	ctx, id := c.R.Context(), content.ReportID(c.R.PathValue("flag"))
	view := flagView{
		looked: looked, same: same, cases: c.Market.Content.OpenCase != nil, refusal: refusal, errors: page.FieldErrors(ctx, refusal), key: freshKey(),
		form: map[string]string{}, may: c.Actor.Has(account.Compliance),
	}
	if looked == nil {
		view.form["reason"] = c.R.PostFormValue("reason")
	}
	if err := c.Read(func(r db.Reader) (err error) {
		if view.Report, err = content.ReportOf(ctx, r, id); err != nil {
			return err
		}
		acts, err := audit.Of(ctx, r, string(id))
		view.trail = trail(acts)
		return err
	}); err != nil {
		return err
	}
	view.frame = d.frame(c, "/operator/content", text.T(ctx, "content.desk.report", "Why", text.T(ctx, "content.reason."+string(view.Reason))))
	return show(c, refusal, flagPage(view))
}

func flagTerms(ctx context.Context, p content.Report) []page.Term {
	out := []page.Term{
		{Label: text.T(ctx, "content.desk.what"), Text: kindWord(ctx, p.Kind)},
		{Label: text.T(ctx, "content.desk.ref"), Value: page.ID(p.Ref)},
		{Label: text.T(ctx, "content.desk.found"), Text: hitWords(ctx, p.Hits)},
		{Label: text.T(ctx, "content.desk.sha256"), Value: page.ID(p.SHA256)},
		{Label: text.T(ctx, "content.desk.reporter"), Value: page.Anchor(homeOf(string(p.Account)), string(p.Account))},
		{Label: text.T(ctx, "base.time"), Value: page.Time(p.CreatedAt)},
	}
	if p.Text != "" {
		out = append(out, page.Term{Label: text.T(ctx, "content.report.text"), Text: p.Text})
	}
	if p.Answer != "" {
		out = append(out, page.Term{Label: text.T(ctx, "content.desk.reason"), Text: p.Answer})
	}
	if p.Case != "" {
		out = append(out, page.Term{Label: text.T(ctx, "content.desk.case"), Value: page.ID(p.Case)})
	}
	return out
}

func (d desk) lookFlag(c *serve.Call) error {
	id := content.ReportID(c.R.PathValue("flag"))
	var looked string
	var same bool
	err := command(c, "content.look", []string{"UA 4.11"}, []string{string(id)}, nil, func(ctx context.Context, tx *db.Tx) (err error) {
		looked, same, err = c.Market.Content.Look(ctx, tx, c.Actor, id, c.R.PostFormValue("reason"))
		return err
	})
	switch {
	case err == nil:
		c.W.Header().Set("Cache-Control", "no-store")
		return d.flagAgain(c, &looked, same, nil)
	case correctable(err):
		return d.flagAgain(c, nil, false, err)
	}
	return err
}

func (d desk) answerFlag(c *serve.Call) error {
	id, form := content.ReportID(c.R.PathValue("flag")), c.R.PostFormValue
	do, words := form("do"), form("reason")
	err := command(c, "content.report.answer", []string{"UA 4.11"}, []string{string(id)}, []string{do, words}, func(ctx context.Context, tx *db.Tx) error {
		_, err := c.Market.Content.Answer(ctx, tx, c.Actor, id, do != "dismiss", do == "case", words)
		return err
	})
	switch {
	case err == nil:
		return c.Redirect("/operator/flags/" + string(id))
	case correctable(err):
		return d.flagAgain(c, nil, false, err)
	}
	return err
}

// talkItems are the conversations with support that wait for an answer.
func talkItems(ctx context.Context, r db.Reader) ([]page.QueueItem, error) {
	operator, err := account.OperatorID(ctx, r)
	if err != nil {
		return nil, err
	}
	all, err := message.Waiting(ctx, r, operator, 500)
	items := make([]page.QueueItem, 0, len(all))
	for _, t := range all {
		items = append(items, page.QueueItem{
			Href: "/operator/conversations/" + string(t.ID), Title: t.Subject, Who: string(t.Customer), ID: string(t.ID),
			Chip: page.Chip(page.Info, text.T(ctx, "conversation.waiting")), Note: since(ctx, t.LastAt),
		})
	}
	return items, err
}

type talksView struct {
	frame
	now  time.Time
	due  []page.QueueItem
	all  []message.Talk
	next string
}

func (d desk) conversations(c *serve.Call) error {
	ctx := c.R.Context()
	view := talksView{now: c.Now()}
	if err := c.Read(func(r db.Reader) (err error) {
		if view.due, err = talkItems(ctx, r); err != nil {
			return err
		}
		view.all, err = message.Conversations(ctx, r, c.Account(), message.ThreadID(c.R.URL.Query().Get("before")), perPage+1)
		return err
	}); err != nil {
		return err
	}
	if len(view.all) > perPage {
		view.all = view.all[:perPage]
		view.next = "/operator/conversations?before=" + string(view.all[perPage-1].ID)
	}
	view.frame = d.frame(c, "/operator/conversations", text.T(ctx, "conversation.desk.title"))
	return show(c, nil, talksPage(view))
}

func talkRows(all []message.Talk) (rows [][]templ.Component) {
	for _, t := range all {
		rows = append(rows, []templ.Component{
			linked("/operator/conversations/"+string(t.ID), t.Subject, t.Last), page.Anchor(homeOf(string(t.Customer)), string(t.Customer)), page.Time(t.LastAt),
		})
	}
	return rows
}

type talkView struct {
	frame
	customer string
	talk     page.Conversation
	refusal  error
}

func (d desk) conversation(c *serve.Call) error { return d.conversationAgain(c, nil) }

func (d desk) conversationAgain(c *serve.Call, failed error) error {
	ctx, id := c.R.Context(), message.ThreadID(c.R.PathValue("id"))
	view := talkView{refusal: failed}
	if failed == nil && has(c.Actor, account.Support, account.Compliance) {
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
		if side != message.OtherSide {
			return serve.ErrNotFound
		}
		posts, err := message.Posts(ctx, r, c.Actor, id)
		if err != nil {
			return err
		}
		mine := ""
		if view.customer, mine, err = c.TalkSides(ctx, r, th, side); err != nil {
			return err
		}
		title = th.Subject
		view.talk = c.Talk("/operator/conversations/"+string(id), th, side, posts, view.customer, mine, failed)
		for i := range view.talk.Said {
			view.talk.Said[i].Report = "" // the operator needs no report to itself
		}
		return nil
	}); err != nil {
		return err
	}
	view.frame = d.frame(c, "/operator/conversations", title)
	return show(c, failed, talkPage(view))
}

func (d desk) say(c *serve.Call) error {
	id := message.ThreadID(c.R.PathValue("id"))
	switch err := c.Say(id); {
	case err == nil:
		return c.Redirect("/operator/conversations/" + string(id))
	case serve.Correctable(err):
		return d.conversationAgain(c, err)
	default:
		return err
	}
}

func (d desk) conversationFile(c *serve.Call) error {
	return c.SendTalkFile(message.ThreadID(c.R.PathValue("id")), c.R.PathValue("file"))
}

type reviewsView struct {
	frame
	all  []review.Review
	next string
}

func (d desk) reviews(c *serve.Call) error {
	ctx := c.R.Context()
	var view reviewsView
	if err := c.Read(func(r db.Reader) (err error) {
		view.all, err = review.Newest(ctx, r, review.ID(c.R.URL.Query().Get("before")), perPage+1)
		return err
	}); err != nil {
		return err
	}
	if len(view.all) > perPage {
		view.all = view.all[:perPage]
		view.next = "/operator/reviews?before=" + string(view.all[perPage-1].ID)
	}
	view.frame = d.frame(c, "/operator/reviews", text.T(ctx, "review.title"))
	return show(c, nil, reviewsPage(view))
}

func reviewRowsOf(ctx context.Context, all []review.Review) (rows [][]templ.Component) {
	for _, v := range all {
		words := v.Words
		if v.State != review.Published {
			words = text.T(ctx, "review.state."+string(v.State))
		}
		rows = append(rows, []templ.Component{
			reviewCell(v, words), page.Anchor(homeOf(string(v.Product)), string(v.Product)), page.Str(text.T(ctx, "review.state."+string(v.State))), page.Time(v.ChangedAt),
		})
	}
	return rows
}

// deleteReview is refused, whatever the role: the refusal names the law.
func (d desk) deleteReview(c *serve.Call) error {
	id := review.ID(c.R.PathValue("review"))
	if err := command(c, "review.delete", []string{"ECL 39"}, []string{string(id)}, nil, func(ctx context.Context, tx *db.Tx) error {
		return review.Delete(ctx, tx, c.Actor, id)
	}); err != nil {
		return err
	}
	return c.Redirect("/operator/reviews")
}
