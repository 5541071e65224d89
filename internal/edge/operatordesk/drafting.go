package operatordesk

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
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
)

// ruleItems are the changes of rules and the papers that wait for a person.
func ruleItems(ctx context.Context, r db.Reader) ([]page.QueueItem, error) {
	drafts, err := agreement.Drafts(ctx, r, perPage)
	if err != nil {
		return nil, err
	}
	var items []page.QueueItem
	for _, d := range drafts {
		heard := d.State == agreement.Consulting && !d.Commentable(r.Now())
		if d.State != agreement.Proposed && !heard {
			continue
		}
		items = append(items, page.QueueItem{
			Href: draftPath(d.ID), Title: draftTitle(ctx, d), ID: d.ID, Chip: page.Chip(page.Warning, text.T(ctx, "rule.draft."+string(d.State))),
		})
	}
	papers, err := agreement.Papers(ctx, r, perPage)
	if err != nil {
		return nil, err
	}
	for _, p := range papers {
		if p.State == agreement.Uploaded {
			items = append(items, page.QueueItem{Href: "/operator/rules/acceptances", Title: text.T(ctx, "rule.paper.waits"), ID: string(p.Account), Chip: paperChip(ctx, p.State)})
		}
	}
	return items, nil
}

func draftPath(id string) string { return "/operator/rules/drafts/" + id }

func draftTitle(ctx context.Context, d agreement.Draft) string {
	v, err := d.Text()
	if err != nil {
		return d.Code
	}
	return text.T(ctx, "rule.version.title", "Title", v.Title.In(text.From(ctx)), "Number", d.Number)
}

func draftRows(ctx context.Context, all []agreement.Draft) (out rows) {
	for _, d := range all {
		out = append(out, []templ.Component{
			linked(draftPath(d.ID), draftTitle(ctx, d), d.Why.In(text.From(ctx))), page.Chip(draftTone(d.State), text.T(ctx, "rule.draft."+string(d.State))), page.Time(d.DraftedAt),
		})
	}
	return out
}

func draftTone(s agreement.DraftState) page.Tone {
	switch s {
	case agreement.Published:
		return page.Success
	case agreement.Proposed:
		return page.Warning
	case agreement.Consulting:
		return page.Info
	}
	return page.Neutral
}

// drafts reports whether the reader works on changes of the rules.
func (v rulesView) drafts() bool { return v.by.Has(account.Compliance) }

// beginDraft starts a change of a document, or of a new one from its source.
func (d desk) beginDraft(c *serve.Call) error {
	form := c.R.PostFormValue
	why := agreement.Both{ZH: form("why_zh"), EN: form("why_en")}
	code, source := form("code"), strings.TrimSpace(form("source"))
	var draft agreement.Draft
	err := command(c, "agreement.draft", []string{"UA 1.1"}, []string{code}, []any{why, source}, func(ctx context.Context, tx *db.Tx) (err error) {
		draft, err = agreement.Begin(ctx, tx, c.Actor, code, []byte(source), why)
		return err
	})
	switch {
	case err == nil:
		return c.Redirect(draftPath(draft.ID))
	case correctable(err):
		return d.rulesAgain(c, err)
	}
	return err
}

type draftView struct {
	frame
	agreement.Draft
	text     agreement.Version
	before   agreement.Version
	changes  []page.Rewording
	comments []agreement.Comment
	people   staff
	said     int64
	settings string
	clause   agreement.Clause // being edited
	trail    []page.AuditEntry
	by       audit.Actor
	now      time.Time
	refusal  error
	errors   map[string]string
	form     func(string) string
	posted   bool
	key      string
}

func (v draftView) path() string { return draftPath(v.ID) }

func (v draftView) revision() []page.Hidden {
	return []page.Hidden{{Name: "revision", Value: strconv.FormatInt(v.Revision, 10)}}
}

// value is what was typed, or what a form begins with.
func (v draftView) value(name, first string) string {
	if typed := v.form(name); v.posted && typed != "" {
		return typed
	}
	return first
}

func (v draftView) works() bool { return v.by.Has(account.Compliance) }

func (v draftView) editable() bool { return v.works() && v.Editable(v.now) }

func (v draftView) mine() bool { return string(v.ProposedBy) == v.by.User }

func (d desk) draft(c *serve.Call) error { return d.draftAgain(c, nil) }

func (d desk) draftAgain(c *serve.Call, refusal error) error {
	ctx, id := c.R.Context(), c.R.PathValue("draft")
	view := draftView{by: c.Actor, now: c.Now(), refusal: refusal, errors: page.FieldErrors(ctx, refusal), form: c.R.FormValue, posted: c.R.Method == http.MethodPost, key: freshKey()}
	if err := c.Read(func(r db.Reader) (err error) {
		if view.Draft, err = agreement.ReadDraft(ctx, r, id); err != nil {
			return err
		}
		if view.text, err = view.Text(); err != nil {
			return err
		}
		if view.Number > 1 {
			if view.before, err = agreement.ReadDocument(ctx, r, view.Code, view.Number-1); err != nil {
				return err
			}
			changes, err := agreement.Compare(view.before, view.text)
			if err != nil {
				return err
			}
			view.changes = serve.Rewordings(ctx, changes)
		}
		if view.comments, err = agreement.Comments(ctx, r, id, 4*perPage); err != nil {
			return err
		}
		if view.said, err = agreement.CountComments(ctx, r, id); err != nil {
			return err
		}
		view.people = staffOf(ctx, r, string(view.ProposedBy))
		acts, err := audit.Of(ctx, r, id)
		view.trail = trail(acts)
		return err
	}); err != nil {
		return err
	}
	settings, err := settingsText(view.text)
	if err != nil {
		return err
	}
	view.settings = settings
	if wanted := c.R.FormValue("clause"); wanted != "" {
		view.clause.ID = wanted
		for _, one := range view.text.Clauses {
			if one.ID == wanted {
				view.clause = one
			}
		}
	}
	view.frame = d.frame(c, "/operator/rules", draftTitle(ctx, view.Draft))
	if view.posted {
		view.Path = view.path()
	}
	return show(c, refusal, draftPage(view))
}

// settingsText is the settings of a document as people edit them.
func settingsText(v agreement.Version) (string, error) {
	var d struct {
		Settings map[string]json.RawMessage `json:"settings"`
	}
	if err := json.Unmarshal(v.Source, &d); err != nil || len(d.Settings) == 0 {
		return "", err
	}
	out, err := json.MarshalIndent(d.Settings, "", "  ")
	return string(out), err
}

// dayStart reads the start of a day in Shanghai, "" for none.
func dayStart(s, field string) (time.Time, error) {
	if s = strings.TrimSpace(s); s == "" {
		return time.Time{}, nil
	}
	day, err := calendar.ParseDate(s)
	if err != nil {
		return time.Time{}, agreement.ErrInvalid.In(field)
	}
	return day.Start(), nil
}

// onDraft does one thing to a draft that was seen at a revision.
func (d desk) onDraft(c *serve.Call) error {
	id, act, form := c.R.PathValue("draft"), c.R.PathValue("act"), c.R.PostFormValue
	seen, err := strconv.ParseInt(form("revision"), 10, 64)
	if err != nil {
		return serve.ErrBadRequest
	}
	both := func(name string) agreement.Both {
		return agreement.Both{ZH: form(name + "_zh"), EN: form(name + "_en")}
	}
	do := map[string]func(ctx context.Context, tx *db.Tx) error{
		"terms": func(ctx context.Context, tx *db.Tx) error {
			_, err := agreement.EditTerms(ctx, tx, c.Actor, id, seen, agreement.Edit{
				Title: both("title"), Jurisdiction: form("jurisdiction"), PlaceOfSigning: both("place"), GoverningLaw: both("law"),
				Settings: form("settings"), Major: form("major") != "", Why: both("why"),
			})
			return err
		},
		"clause": func(ctx context.Context, tx *db.Tx) error {
			_, err := agreement.EditClause(ctx, tx, c.Actor, id, seen, agreement.Clause{
				ID: strings.TrimSpace(form("clause")), Chapter: strings.TrimSpace(form("chapter")), Title: both("clause_title"), Text: both("clause_text"),
				Emphasis: agreement.Emphasis(form("emphasis")), Kind: agreement.ClauseKind(form("kind")),
			}, form("do") == "remove")
			return err
		},
		"replace": func(ctx context.Context, tx *db.Tx) error {
			_, err := agreement.Replace(ctx, tx, c.Actor, id, seen, []byte(form("source")))
			return err
		},
		"consult": func(ctx context.Context, tx *db.Tx) error {
			closes, err := dayStart(form("closes"), "closes")
			if err != nil {
				return err
			}
			_, err = agreement.Consult(ctx, tx, c.Actor, id, seen, closes)
			return err
		},
		"propose": func(ctx context.Context, tx *db.Tx) error {
			from, err := dayStart(form("effective_at"), "effective_at")
			if err != nil {
				return err
			}
			_, err = agreement.Propose(ctx, tx, c.Actor, id, seen, from, both("outcome"))
			return err
		},
		"decide": func(ctx context.Context, tx *db.Tx) error {
			if form("do") == "approve" {
				_, err := agreement.Approve(ctx, tx, c.Actor, id, seen)
				return err
			}
			_, err := agreement.SendBack(ctx, tx, c.Actor, id, seen, form("reason"))
			return err
		},
		"withdraw": func(ctx context.Context, tx *db.Tx) error {
			_, err := agreement.Withdraw(ctx, tx, c.Actor, id, seen, both("outcome"))
			return err
		},
		"answer": func(ctx context.Context, tx *db.Tx) error {
			return agreement.AnswerComment(ctx, tx, c.Actor, form("comment"), form("answer"))
		},
	}[act]
	if do == nil {
		return serve.ErrNotFound
	}
	err = command(c, "agreement."+act, []string{"UA 1.1", "UA 5.3"}, []string{id}, []any{seen, c.R.PostForm}, do)
	switch {
	case err == nil:
		return c.Redirect(draftPath(id))
	case correctable(err) || errors.Is(err, agreement.ErrSecond):
		return d.draftAgain(c, err)
	}
	return err
}

type clausesView struct {
	frame
	all     []agreement.Disabled
	codes   []page.Option
	by      audit.Actor
	refusal error
	errors  map[string]string
	form    func(string) string
	key     string
}

func (d desk) clauses(c *serve.Call) error { return d.clausesAgain(c, nil) }

func (d desk) clausesAgain(c *serve.Call, refusal error) error {
	ctx := c.R.Context()
	view := clausesView{by: c.Actor, refusal: refusal, errors: page.FieldErrors(ctx, refusal), form: c.R.PostFormValue, key: freshKey()}
	if err := c.Read(func(r db.Reader) (err error) {
		if view.all, err = agreement.AllDisabled(ctx, r); err != nil {
			return err
		}
		view.codes, err = documentOptions(ctx, r)
		return err
	}); err != nil {
		return err
	}
	view.frame = d.frame(c, "/operator/rules", text.T(ctx, "rule.desk.clauses"))
	if c.R.Method == http.MethodPost {
		view.Path = "/operator/rules/clauses"
	}
	return show(c, refusal, disabledPage(view))
}

func documentOptions(ctx context.Context, r db.Reader) (out []page.Option, err error) {
	codes, err := agreement.Codes(ctx, r)
	if err != nil {
		return nil, err
	}
	for _, code := range codes {
		versions, err := agreement.Versions(ctx, r, code)
		if err != nil {
			return nil, err
		}
		out = append(out, page.Option{Value: code, Label: versions[0].Title.In(text.From(ctx))})
	}
	return out, nil
}

func (d desk) disableClause(c *serve.Call) error {
	form := c.R.PostFormValue
	in := agreement.Disabled{
		Code: form("code"), Clause: strings.TrimSpace(form("clause")), Jurisdiction: form("jurisdiction"), Audience: agreement.Audience(form("audience")),
		Reason: agreement.Both{ZH: form("reason_zh"), EN: form("reason_en")},
	}
	err := command(c, "agreement.disable", []string{"UA 9.6"}, []string{in.Code, in.Clause}, in, func(ctx context.Context, tx *db.Tx) error {
		_, err := agreement.Disable(ctx, tx, c.Actor, in)
		return err
	})
	return d.clausesDone(c, err)
}

func (d desk) enableClause(c *serve.Call) error {
	id, reason := c.R.PathValue("disabled"), c.R.PostFormValue("reason")
	err := command(c, "agreement.enable", []string{"UA 9.6"}, []string{id}, reason, func(ctx context.Context, tx *db.Tx) error {
		return agreement.Enable(ctx, tx, c.Actor, id, reason)
	})
	return d.clausesDone(c, err)
}

func (d desk) clausesDone(c *serve.Call, err error) error {
	switch {
	case err == nil:
		return c.Redirect("/operator/rules/clauses")
	case correctable(err):
		return d.clausesAgain(c, err)
	}
	return err
}

type acceptancesView struct {
	frame
	papers     []agreement.Paper
	challenges []agreement.Challenge
	by         audit.Actor
	now        time.Time
	refusal    error
	errors     map[string]string
	form       func(string) string
	key        string
}

func (d desk) acceptances(c *serve.Call) error { return d.acceptancesAgain(c, nil) }

func (d desk) acceptancesAgain(c *serve.Call, refusal error) error {
	ctx := c.R.Context()
	view := acceptancesView{by: c.Actor, now: c.Now(), refusal: refusal, errors: page.FieldErrors(ctx, refusal), form: c.R.PostFormValue, key: freshKey()}
	if err := c.Read(func(r db.Reader) (err error) {
		if view.papers, err = agreement.Papers(ctx, r, perPage); err != nil {
			return err
		}
		view.challenges, err = agreement.Challenges(ctx, r, perPage)
		return err
	}); err != nil {
		return err
	}
	view.frame = d.frame(c, "/operator/rules", text.T(ctx, "rule.desk.acceptances"))
	if c.R.Method == http.MethodPost {
		view.Path = "/operator/rules/acceptances"
	}
	return show(c, refusal, acceptancesPage(view))
}

func (d desk) acceptancesDone(c *serve.Call, err error) error {
	switch {
	case err == nil:
		return c.Redirect("/operator/rules/acceptances")
	case correctable(err) || errors.Is(err, agreement.ErrSecond):
		return d.acceptancesAgain(c, err)
	}
	return err
}

// largestScan bounds the scan of a signed paper.
const largestScan = 20 << 20

// uploadPaper keeps a scan of a signed paper with its account and day.
func (d desk) uploadPaper(c *serve.Call) error {
	c.R.Body = http.MaxBytesReader(c.W, c.R.Body, largestScan)
	files, err := c.Uploads("scan")
	if err != nil {
		return err
	}
	in := agreement.Scan{Account: account.ID(strings.TrimSpace(c.R.FormValue("account"))), SignedOn: c.R.FormValue("signed_on")}
	if len(files) == 0 {
		return d.acceptancesAgain(c, agreement.ErrRequired.In("scan"))
	}
	in.Name, in.MediaType, in.File = files[0].Name, files[0].MediaType, files[0].Stored
	err = command(c, "agreement.paper", []string{"UA 9.1"}, []string{string(in.Account)}, in, func(ctx context.Context, tx *db.Tx) error {
		_, err := agreement.Upload(ctx, tx, c.Actor, in)
		return err
	})
	return d.acceptancesDone(c, err)
}

func (d desk) decidePaper(c *serve.Call) error {
	id, form := c.R.PathValue("paper"), c.R.PostFormValue
	err := command(c, "agreement.paper_decide", []string{"UA 9.1"}, []string{id}, []any{form("do"), form("note")}, func(ctx context.Context, tx *db.Tx) error {
		_, err := agreement.DecidePaper(ctx, tx, c.Actor, id, form("do") == "confirm", form("note"))
		return err
	})
	return d.acceptancesDone(c, err)
}

// openPaper hands out a scan, with a reason that stays on record.
func (d desk) openPaper(c *serve.Call) error {
	id, reason := c.R.PathValue("paper"), c.R.PostFormValue("reason")
	var p agreement.Paper
	err := command(c, "agreement.paper_open", []string{"UA 9.1"}, []string{id}, reason, func(ctx context.Context, tx *db.Tx) (err error) {
		p, err = agreement.OpenPaper(ctx, tx, c.Actor, id, reason)
		return err
	})
	if err != nil {
		return d.acceptancesDone(c, err)
	}
	return c.SendFile(p.Blob, p.Name, p.MediaType, p.SHA256, p.Size)
}

func (d desk) askByMail(c *serve.Call) error {
	id := strings.TrimSpace(c.R.PostFormValue("account"))
	err := command(c, "agreement.ask_by_mail", []string{"UA 9.1"}, []string{id}, nil, func(ctx context.Context, tx *db.Tx) error {
		_, err := agreement.AskByMail(ctx, tx, c.Actor, account.ID(id))
		if errors.Is(err, agreement.ErrNotFound) || errors.Is(err, account.ErrNotFound) {
			err = agreement.ErrInvalid.In("mail_account")
		}
		return err
	})
	return d.acceptancesDone(c, err)
}

// matchReply takes a mail that came back for an acceptance.
func (d desk) matchReply(c *serve.Call) error {
	raw := c.R.PostFormValue("reply")
	err := command(c, "agreement.reply", []string{"UA 9.1"}, nil, raw, func(ctx context.Context, tx *db.Tx) error {
		_, err := agreement.AcceptByReply(ctx, tx, c.Actor, []byte(raw))
		return err
	})
	return d.acceptancesDone(c, err)
}

func paperChip(ctx context.Context, s agreement.PaperState) templ.Component {
	tone := page.Neutral
	switch s {
	case agreement.Confirmed:
		tone = page.Success
	case agreement.Uploaded:
		tone = page.Warning
	}
	return page.Chip(tone, text.T(ctx, "rule.paper."+string(s)))
}

func challengeRows(ctx context.Context, v acceptancesView) (out rows) {
	for _, one := range v.challenges {
		state, tone := "open", page.Info
		switch {
		case !one.UsedAt.IsZero():
			state, tone = one.Way, page.Success
		case v.now.After(one.ExpiresAt):
			state, tone = "late", page.Neutral
		case one.SentAt.IsZero():
			state, tone = "queued", page.Warning
		}
		out = append(out, []templ.Component{
			page.Anchor(homeOf(string(one.Account)), string(one.Account)), page.ID(one.Code), page.Chip(tone, text.T(ctx, "rule.challenge.state."+state)), page.Time(one.MadeAt),
		})
	}
	return out
}

// officer reports whether the reader answers for the rules.
func officer(by audit.Actor) bool { return by.Has(account.Compliance) }

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

func clauseOptions(ctx context.Context, v draftView) []page.Option {
	out := []page.Option{{Value: "", Label: text.T(ctx, "rule.desk.clause.new")}}
	for _, one := range v.text.Clauses {
		out = append(out, page.Option{Value: one.ID, Label: one.ID + " " + one.Title.In(text.From(ctx))})
	}
	return out
}

func chapterOptions(ctx context.Context, v draftView) (out []page.Option) {
	for _, one := range v.text.Chapters {
		out = append(out, page.Option{Value: one.ID, Label: one.ID + " " + one.Title.In(text.From(ctx))})
	}
	return out
}

func lawOptions(ctx context.Context, any bool) (out []page.Option) {
	if any {
		out = append(out, page.Option{Label: text.T(ctx, "rule.law.any")})
	}
	for _, one := range agreement.Jurisdictions {
		out = append(out, page.Option{Value: one, Label: text.T(ctx, "rule.law."+one)})
	}
	return out
}

func audienceOptions(ctx context.Context) []page.Option {
	out := []page.Option{{Label: text.T(ctx, "rule.audience.all")}}
	for _, one := range []agreement.Audience{agreement.Consumers, agreement.Businesses, agreement.Vendors} {
		out = append(out, page.Option{Value: string(one), Label: text.T(ctx, "rule.audience."+string(one))})
	}
	return out
}

func disabledTerms(ctx context.Context, d agreement.Disabled) []page.Term {
	who, law := "all", "any"
	if d.Audience != agreement.Everybody {
		who = string(d.Audience)
	}
	if d.Jurisdiction != "" {
		law = d.Jurisdiction
	}
	out := []page.Term{
		{Label: text.T(ctx, "rule.desk.audience"), Text: text.T(ctx, "rule.audience."+who)},
		{Label: text.T(ctx, "rule.desk.jurisdiction"), Text: text.T(ctx, "rule.law."+law)},
		{Label: text.T(ctx, "rule.desk.reason"), Text: d.Reason.In(text.From(ctx))},
		{Label: text.T(ctx, "rule.desk.since"), Value: page.Time(d.Since)},
		{Label: text.T(ctx, "rule.desk.by"), Value: page.ID(string(d.By))},
	}
	if !d.EndedAt.IsZero() {
		out = append(out, page.Term{Label: text.T(ctx, "rule.desk.ended"), Value: page.Time(d.EndedAt)}, page.Term{Label: text.T(ctx, "rule.desk.enable.reason"), Text: d.EndReason})
	}
	return out
}
