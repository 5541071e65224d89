package operatordesk

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/base/text"
	"yunshi/internal/edge/page"
	"yunshi/internal/edge/serve"
	"yunshi/internal/market/account"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/catalog"
	"yunshi/internal/market/operation"
)

// operationRoutes are the pages about the market as a service. What is done about
// incidents and interruptions, and the end itself, goes on after the end.
func (d desk) operationRoutes(onCall, officers serve.Access) []serve.Route {
	return []serve.Route{
		{Pattern: "GET /operator/interruptions", Access: onCall, Handle: d.interruptions},
		{Pattern: "POST /operator/interruptions", Access: onCall, Handle: d.openInterruption, Archive: true},
		{Pattern: "GET /operator/interruptions/{id}", Access: onCall, Handle: d.interruption},
		{Pattern: "POST /operator/interruptions/{id}/say", Access: onCall, Handle: d.stepInterruption, Archive: true},
		{Pattern: "POST /operator/interruptions/{id}/cause", Access: onCall, Handle: d.stateCause, Archive: true},
		{Pattern: "POST /operator/interruptions/{id}/confirm", Access: onCall, Handle: d.confirmCause, Archive: true},
		{Pattern: "POST /operator/interruptions/{id}/close", Access: onCall, Handle: d.closeInterruption, Archive: true},
		{Pattern: "POST /operator/interruptions/{id}/contests/{contest}", Access: onCall, Handle: d.answerContest, Archive: true},
		{Pattern: "GET /operator/incidents", Access: onCall, Handle: d.incidents},
		{Pattern: "POST /operator/incidents", Access: onCall, Handle: d.openIncident, Archive: true},
		{Pattern: "GET /operator/incidents/{id}", Access: onCall, Handle: d.incident},
		{Pattern: "POST /operator/incidents/{id}/step", Access: onCall, Handle: d.stepIncident, Archive: true},
		{Pattern: "POST /operator/incidents/{id}/subjects", Access: onCall, Handle: d.addSubjects, Archive: true},
		{Pattern: "POST /operator/incidents/{id}/assess", Access: officers, Handle: d.assessIncident, Archive: true},
		{Pattern: "POST /operator/incidents/{id}/authority", Access: onCall, Handle: d.reportAuthority, Archive: true},
		{Pattern: "POST /operator/incidents/{id}/notice", Access: onCall, Handle: d.tellSubjects, Archive: true},
		{Pattern: "POST /operator/incidents/{id}/waive", Access: officers, Handle: d.waiveNotice, Archive: true},
		{Pattern: "POST /operator/incidents/{id}/close", Access: officers, Handle: d.closeIncident, Archive: true},
		{Pattern: "GET /operator/changes", Access: onCall, Handle: d.changes},
		{Pattern: "POST /operator/changes", Access: officers, Handle: d.publishChange},
		{Pattern: "GET /operator/categories", Access: onCall, Handle: d.categories},
		{Pattern: "POST /operator/categories", Access: officers, Handle: d.addCategory},
		{Pattern: "POST /operator/categories/{code}", Access: officers, Handle: d.changeCategory},
		{Pattern: "GET /operator/service", Access: onCall, Handle: d.service},
		{Pattern: "POST /operator/service", Access: officers, Handle: d.proposeEnd},
		{Pattern: "GET /operator/service/{id}", Access: onCall, Handle: d.windDown},
		{Pattern: "POST /operator/service/{id}/approve", Access: officers, Handle: d.approveEnd},
		{Pattern: "POST /operator/service/{id}/decline", Access: officers, Handle: d.declineEnd},
		{Pattern: "POST /operator/service/{id}/call-off", Access: officers, Handle: d.callOffEnd},
	}
}

// answers is a form that may have come back.
type answers struct {
	refusal error
	errors  map[string]string
	typed   func(string) string
	key     string
	officer bool // the reader decides
}

func answersOf(c *serve.Call, refusal error) answers {
	return answers{
		refusal: refusal, errors: page.FieldErrors(c.R.Context(), refusal), typed: c.R.PostFormValue, key: freshKey(),
		officer: c.Actor.Has(account.Compliance) || c.Actor.Has(account.Superadmin),
	}
}

// ask makes a field of the form. The label is the text "operation.field.<name>",
// without the language at its end.
func (a answers) ask(ctx context.Context, name string, f page.Field) page.Field {
	f.Name, f.Error = name, a.errors[name]
	if f.Label == "" {
		base, zh := strings.CutSuffix(name, "_zh")
		base, en := strings.CutSuffix(base, "_en")
		f.Label = text.T(ctx, "operation.field."+base)
		switch {
		case zh:
			f.Label = text.T(ctx, "operation.in_chinese", "Label", f.Label)
		case en:
			f.Label = text.T(ctx, "operation.in_english", "Label", f.Label)
		}
	}
	if typed := a.typed(name); typed != "" && f.Options == nil {
		f.Value = typed
	}
	return f
}

// choices are the options of a field with the words of an area.
func (a answers) choices(ctx context.Context, name, area string, values []string) (out []page.Option) {
	for _, v := range values {
		out = append(out, page.Option{Value: v, Label: text.T(ctx, area+v), Chosen: a.typed(name) == v})
	}
	return out
}

// again reports whether the person can correct the form, or must hear that another
// has to do it.
func shownAgain(err error) bool {
	f, ok := fault.Of(err)
	return ok && (correctable(err) || f.Code == "SECOND_APPROVER_REQUIRED")
}

func bothOf(c *serve.Call, name string) operation.Both {
	return operation.Both{ZH: strings.TrimSpace(c.R.PostFormValue(name + "_zh")), EN: strings.TrimSpace(c.R.PostFormValue(name + "_en"))}
}

func lines(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == '\n' || r == '\r' || r == ',' || r == ' ' || r == '，' })
}

// moment reads a time that a person typed in Shanghai; the zero time for nothing.
func moment(s, field string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	t, err := time.ParseInLocation("2006-01-02T15:04", s, calendar.Shanghai)
	if err != nil {
		return t, operation.ErrInvalid.In(field)
	}
	return t, nil
}

func seenOf(c *serve.Call) (int64, error) {
	seen, err := strconv.ParseInt(c.R.PostFormValue("version"), 10, 64)
	if err != nil {
		return 0, serve.ErrBadRequest
	}
	return seen, nil
}

func versionOf(v int64) []page.Hidden {
	return []page.Hidden{{Name: "version", Value: strconv.FormatInt(v, 10)}}
}

// onThing does one act on the thing of the address that was seen at a version, and
// shows the form again when it can be corrected.
func onThing(c *serve.Call, name, home string, clauses []string, in any, again func(*serve.Call, error) error, do func(ctx context.Context, tx *db.Tx, id operation.ID, seen int64) error) error {
	id := c.R.PathValue("id")
	seen, err := seenOf(c)
	if err != nil {
		return err
	}
	err = command(c, name, clauses, []string{id}, []any{seen, in}, func(ctx context.Context, tx *db.Tx) error { return do(ctx, tx, operation.ID(id), seen) })
	switch {
	case err == nil:
		return c.Redirect(home + id)
	case shownAgain(err):
		return again(c, err)
	}
	return err
}

// operationItems are what waits about the market as a service.
func operationItems(ctx context.Context, r db.Reader) (items []page.QueueItem, err error) {
	open, err := operation.OpenContests(ctx, r)
	if err != nil {
		return nil, err
	}
	for _, one := range open {
		items = append(items, page.QueueItem{
			Href: "/operator/interruptions/" + string(one.Interruption), Title: text.T(ctx, "operation.queue.contest"), ID: string(one.ID), Due: one.DueAt,
		})
	}
	incidents, err := operation.OpenIncidents(ctx, r)
	if err != nil {
		return nil, err
	}
	for _, one := range incidents {
		item := page.QueueItem{
			Href: "/operator/incidents/" + string(one.ID), Title: text.T(ctx, "operation.incident."+one.Kind), ID: string(one.ID), Chip: stateChip(one.State), Note: since(ctx, one.DetectedAt),
		}
		switch authority, subjects := one.AuthorityOwed(), one.SubjectsOwed(); {
		case !authority.IsZero():
			item.Title, item.Due = text.T(ctx, "operation.queue.authority", "Kind", item.Title), authority
		case !subjects.IsZero():
			item.Due = subjects
		}
		items = append(items, item)
	}
	unclosed, err := operation.Unclosed(ctx, r)
	if err != nil {
		return nil, err
	}
	for _, one := range unclosed {
		items = append(items, page.QueueItem{
			Href: "/operator/interruptions/" + string(one.ID), Title: one.Title.In(text.From(ctx)), ID: string(one.ID), Chip: stateChip(one.State), Note: since(ctx, one.StartedAt),
		})
	}
	waiting, err := operation.WaitingWindDowns(ctx, r)
	for _, one := range waiting {
		items = append(items, page.QueueItem{Href: "/operator/service/" + string(one.ID), Title: text.T(ctx, "operation.queue.end"), ID: string(one.ID), Chip: stateChip(one.State), Note: since(ctx, one.ProposedAt)})
	}
	return items, err
}

func stateTone(s operation.State) page.Tone {
	return toneOf(s, map[operation.State]page.Tone{
		operation.Detected: page.Danger, operation.Acknowledged: page.Warning, operation.Contained: page.Warning, operation.Mitigated: page.Warning,
		operation.Resolved: page.Info, operation.Assessed: page.Info, operation.Closed: page.Success, operation.Proposed: page.Warning, operation.Announced: page.Warning,
		operation.Ended: page.Danger, operation.Open: page.Warning, operation.Upheld: page.Success,
	})
}

// Interruptions.

type interruptionsView struct {
	frame
	answers
	now     time.Time
	all     []operation.Interruption
	next    string
	parts   []page.Option
	impacts []page.Option
}

func (d desk) interruptions(c *serve.Call) error { return d.interruptionsAgain(c, nil) }

func (d desk) interruptionsAgain(c *serve.Call, refusal error) error {
	ctx := c.R.Context()
	v := interruptionsView{answers: answersOf(c, refusal), now: c.Now()}
	if err := c.Read(func(r db.Reader) (err error) {
		v.all, err = operation.Interruptions(ctx, r, operation.ID(c.R.URL.Query().Get("before")), perPage+1)
		return err
	}); err != nil {
		return err
	}
	if len(v.all) > perPage {
		v.all = v.all[:perPage]
		v.next = "/operator/interruptions?before=" + string(v.all[perPage-1].ID)
	}
	v.parts = v.choices(ctx, "component", "operation.component.", operation.Components)
	v.impacts = v.choices(ctx, "impact", "operation.impact.", []string{"outage", "degraded"})
	v.frame = d.frame(c, "/operator/interruptions", text.T(ctx, "operation.nav.interruptions"))
	return show(c, refusal, interruptionsPage(v))
}

func interruptionRows(ctx context.Context, all []operation.Interruption) (rows [][]templ.Component) {
	for _, n := range all {
		cause := text.T(ctx, "operation.cause.unknown")
		if n.Cause != "" {
			cause = text.T(ctx, "operation.cause."+string(n.Cause))
		}
		rows = append(rows, []templ.Component{
			linked("/operator/interruptions/"+string(n.ID), n.Title.In(text.From(ctx)), string(n.ID)), stateChip(n.State), page.Str(cause), page.Time(n.StartedAt), page.Time(n.ResolvedAt),
		})
	}
	return rows
}

func (d desk) openInterruption(c *serve.Call) error {
	form := c.R.PostFormValue
	in := operation.Outage{Component: form("component"), Impact: form("impact"), Title: bothOf(c, "title"), Everyone: form("everyone") != ""}
	for _, id := range lines(form("products")) {
		if strings.HasPrefix(id, "ord_") {
			in.Orders = append(in.Orders, id)
		} else {
			in.Products = append(in.Products, id)
		}
	}
	var err error
	if in.StartedAt, err = moment(form("started_at"), "started_at"); err != nil {
		return d.interruptionsAgain(c, err)
	}
	var made operation.Interruption
	err = command(c, "operation.open_interruption", []string{"UA 7.3"}, nil, in, func(ctx context.Context, tx *db.Tx) (err error) {
		for _, id := range in.Products {
			if _, err := catalog.Get(ctx, tx, catalog.ProductID(id)); err != nil {
				return operation.ErrInvalid.In("products")
			}
		}
		made, err = operation.OpenInterruption(ctx, tx, c.Actor, in)
		return err
	})
	switch {
	case err == nil && made.ID == "":
		return c.Redirect("/operator/interruptions")
	case err == nil:
		return c.Redirect("/operator/interruptions/" + string(made.ID))
	case shownAgain(err):
		return d.interruptionsAgain(c, err)
	}
	return err
}

type interruptionView struct {
	frame
	answers
	operation.Interruption
	now       time.Time
	actor     audit.Actor
	events    []page.Event
	people    staff
	contests  []operation.Contest
	names     map[account.ID]string // who contests
	rounds    []operation.Round
	trail     []page.AuditEntry
	exemption string
	incident  operation.Incident
}

func (v interruptionView) path() string { return "/operator/interruptions/" + string(v.ID) }

// steps are where the interruption may go by a word.
func (v interruptionView) steps() []operation.State {
	switch v.State {
	case operation.Detected:
		return []operation.State{operation.Acknowledged}
	case operation.Acknowledged:
		return []operation.State{operation.Mitigated, operation.Resolved}
	case operation.Mitigated:
		return []operation.State{operation.Resolved}
	}
	return nil
}

func (d desk) interruption(c *serve.Call) error { return d.interruptionAgain(c, nil) }

func (d desk) interruptionAgain(c *serve.Call, refusal error) error {
	ctx, id := c.R.Context(), operation.ID(c.R.PathValue("id"))
	v := interruptionView{answers: answersOf(c, refusal), now: c.Now(), actor: c.Actor}
	if err := c.Read(func(r db.Reader) (err error) {
		if v.Interruption, err = operation.InterruptionOf(ctx, r, id); err != nil {
			return err
		}
		entries, err := operation.Entries(ctx, r, id)
		if err != nil {
			return err
		}
		v.events, v.people = events(ctx, r, entries), staffOf(ctx, r, v.CauseBy)
		if v.contests, err = operation.Contests(ctx, r, id); err != nil {
			return err
		}
		ids := make([]account.ID, len(v.contests))
		for i, one := range v.contests {
			ids[i] = one.Account
		}
		if v.names, err = accountNames(ctx, r, ids...); err != nil {
			return err
		}
		if v.rounds, err = operation.Rounds(ctx, r, id); err != nil {
			return err
		}
		if v.exemption, err = operation.Exemption(ctx, r, v.Interruption); err != nil {
			return err
		}
		if v.Incident != "" {
			if v.incident, err = operation.IncidentOf(ctx, r, v.Incident); err != nil {
				return err
			}
		}
		acts, err := audit.Of(ctx, r, string(id))
		v.trail = trail(acts)
		return err
	}); err != nil {
		return err
	}
	v.frame = d.frame(c, "/operator/interruptions", v.Interruption.Title.In(c.Lang))
	return show(c, refusal, interruptionPage(v))
}

// events are the steps of a file, oldest first.
func events(ctx context.Context, r db.Reader, all []operation.Entry) (out []page.Event) {
	for _, e := range all {
		note := e.Note
		if words := e.Text.In(text.From(ctx)); words != "" {
			note = words
		}
		out = append(out, page.Event{What: text.T(ctx, "operation.event."+e.Event), Who: personNamed(ctx, r, e.Actor), At: e.At, Note: note, Tone: page.Info})
	}
	return out
}

func proofKinds(ctx context.Context) (out []page.Option) {
	out = append(out, page.Option{Value: "", Label: text.T(ctx, "operation.proof.none")})
	for _, c := range operation.Causes {
		for _, k := range operation.ProofKinds[c] {
			out = append(out, page.Option{Value: k, Label: string(c) + " · " + text.T(ctx, "operation.proof."+k)})
		}
	}
	return out
}

func causeOptions(ctx context.Context, causes []operation.Cause, chosen string) (out []page.Option) {
	for _, c := range causes {
		label := text.T(ctx, "operation.cause."+string(c))
		if c != operation.OperatorsFault {
			label = string(c) + " · " + label
		}
		out = append(out, page.Option{Value: string(c), Label: label, Chosen: string(c) == chosen})
	}
	return out
}

func causeTerms(ctx context.Context, v interruptionView) []page.Term {
	out := []page.Term{
		{Label: text.T(ctx, "operation.what"), Text: text.T(ctx, "operation.component."+v.Component) + " · " + text.T(ctx, "operation.impact."+v.Impact)},
		{Label: text.T(ctx, "operation.scope"), Text: scopeText(ctx, v.Interruption)},
		{Label: text.T(ctx, "operation.started"), Value: page.Time(v.StartedAt)},
		{Label: text.T(ctx, "operation.event.acknowledged"), Value: page.Time(v.AcknowledgedAt)},
		{Label: text.T(ctx, "operation.ended"), Value: page.Time(v.ResolvedAt)},
	}
	if v.Cause == "" {
		return append(out, page.Term{Label: text.T(ctx, "operation.cause"), Text: text.T(ctx, "operation.cause.unknown")})
	}
	out = append(out,
		page.Term{Label: text.T(ctx, "operation.cause"), Text: text.T(ctx, "operation.cause."+string(v.Cause))},
		page.Term{Label: text.T(ctx, "operation.cause.by"), Text: v.people.who(v.CauseBy)},
	)
	add := func(key string, value templ.Component, shown bool) {
		if shown {
			out = append(out, page.Term{Label: text.T(ctx, key), Value: value})
		}
	}
	add("operation.field.kind", page.Str(text.T(ctx, "operation.proof."+v.Proof.Kind)), v.Proof.Kind != "")
	add("operation.field.reference", page.Str(v.Proof.Reference), v.Proof.Reference != "")
	add("operation.field.proof", page.Paragraphs(v.Proof.Text), v.Proof.Text != "")
	add("operation.proof.sha256", page.ID(v.ProofSHA256), v.Proof.Text != "")
	add("operation.field.incident", page.Anchor("/operator/incidents/"+string(v.Incident), string(v.Incident)), v.Incident != "")
	add("operation.confirmed_by", page.ID(v.ConfirmedBy), v.ConfirmedBy != "")
	add("operation.extended", page.Str(text.Number(ctx, v.Extended)), v.Extended > 0)
	return out
}

func scopeText(ctx context.Context, n operation.Interruption) string {
	if n.Everyone {
		return text.T(ctx, "operation.scope.everyone")
	}
	return strings.Join(slices.Concat(n.Products, n.Orders), " ")
}

func roundRows(ctx context.Context, all []operation.Round) (rows [][]templ.Component) {
	for _, v := range all {
		state := page.Chip(page.Success, text.T(ctx, "operation.round.done"))
		if v.EndAt.IsZero() {
			state = page.Chip(page.Info, text.T(ctx, "operation.round.running"))
		}
		rows = append(rows, []templ.Component{page.Str(roundName(ctx, v.Name)), state, page.Str(text.Number(ctx, v.Told)), page.Time(v.BegunAt)})
	}
	return rows
}

// roundName says what a round of notices was about: "started-1" is the start.
func roundName(ctx context.Context, name string) string {
	what, _, _ := strings.Cut(name, "-")
	if key := "operation.round.n." + what; text.Has(text.From(ctx), key) {
		return text.T(ctx, key)
	}
	return name
}

func (d desk) stepInterruption(c *serve.Call) error {
	to, words := c.R.PostFormValue("do"), bothOf(c, "words")
	return onThing(c, "operation.step_interruption", "/operator/interruptions/", []string{"UA 7.3"}, []any{to, words}, d.interruptionAgain,
		func(ctx context.Context, tx *db.Tx, id operation.ID, seen int64) (err error) {
			if to == "say" || to == "tell" {
				_, err = operation.Say(ctx, tx, c.Actor, id, seen, words, to == "tell")
			} else {
				_, err = operation.Step(ctx, tx, c.Actor, id, seen, operation.State(to), words)
			}
			return err
		})
}

func (d desk) stateCause(c *serve.Call) error {
	form := c.R.PostFormValue
	cause, incident := operation.Cause(form("cause")), operation.ID(strings.TrimSpace(form("incident")))
	proof := operation.Proof{Kind: form("kind"), Reference: form("reference"), Text: form("proof")}
	return onThing(c, "operation.state_cause", "/operator/interruptions/", []string{"UA 7.3"}, []any{cause, proof, form("proof"), incident}, d.interruptionAgain,
		func(ctx context.Context, tx *db.Tx, id operation.ID, seen int64) error {
			_, err := operation.StateCause(ctx, tx, c.Actor, id, seen, cause, proof, incident)
			return err
		})
}

func (d desk) confirmCause(c *serve.Call) error {
	return onThing(c, "operation.confirm_cause", "/operator/interruptions/", []string{"UA 7.3.6"}, nil, d.interruptionAgain,
		func(ctx context.Context, tx *db.Tx, id operation.ID, seen int64) error {
			_, err := operation.Confirm(ctx, tx, c.Actor, id, seen)
			return err
		})
}

func (d desk) closeInterruption(c *serve.Call) error {
	lesson := bothOf(c, "lesson")
	return onThing(c, "operation.close_interruption", "/operator/interruptions/", []string{"UA 7.3"}, lesson, d.interruptionAgain,
		func(ctx context.Context, tx *db.Tx, id operation.ID, seen int64) error {
			_, err := operation.Close(ctx, tx, c.Actor, id, seen, lesson)
			return err
		})
}

func (d desk) answerContest(c *serve.Call) error {
	form := c.R.PostFormValue
	in := operation.Answer{
		Uphold: form("do") == "uphold", Words: form("words"), Cause: operation.Cause(form("cause")), Proof: operation.Proof{Kind: form("kind"), Reference: form("reference")},
	}
	id, contest := c.R.PathValue("id"), c.R.PathValue("contest")
	err := command(c, "operation.answer_contest", []string{"UA 7.3.4"}, []string{id, contest}, in, func(ctx context.Context, tx *db.Tx) error {
		_, err := operation.AnswerContest(ctx, tx, c.Actor, operation.ID(contest), in)
		return err
	})
	switch {
	case err == nil:
		return c.Redirect("/operator/interruptions/" + id)
	case shownAgain(err):
		return d.interruptionAgain(c, err)
	}
	return err
}

// Incidents.

type incidentsView struct {
	frame
	answers
	now  time.Time
	all  []operation.Incident
	next string
}

func (d desk) incidents(c *serve.Call) error { return d.incidentsAgain(c, nil) }

func (d desk) incidentsAgain(c *serve.Call, refusal error) error {
	ctx := c.R.Context()
	v := incidentsView{answers: answersOf(c, refusal), now: c.Now()}
	if err := c.Read(func(r db.Reader) (err error) {
		v.all, err = operation.Incidents(ctx, r, operation.ID(c.R.URL.Query().Get("before")), perPage+1)
		return err
	}); err != nil {
		return err
	}
	if len(v.all) > perPage {
		v.all = v.all[:perPage]
		v.next = "/operator/incidents?before=" + string(v.all[perPage-1].ID)
	}
	v.frame = d.frame(c, "/operator/incidents", text.T(ctx, "operation.nav.incidents"))
	return show(c, refusal, incidentsPage(v))
}

func incidentRows(ctx context.Context, now time.Time, all []operation.Incident) (rows [][]templ.Component) {
	for _, i := range all {
		rows = append(rows, []templ.Component{
			linked("/operator/incidents/"+string(i.ID), text.T(ctx, "operation.incident."+i.Kind), string(i.ID)), stateChip(i.State), page.Time(i.DetectedAt), page.Clock(now, i.AuthorityOwed()), page.Clock(now, i.SubjectsOwed()),
		})
	}
	return rows
}

func (d desk) openIncident(c *serve.Call) error {
	form := c.R.PostFormValue
	in := operation.Finding{
		Kind: form("kind"), Cause: form("cause"), Personal: form("personal") != "", DataKinds: c.R.PostForm["data_kinds"], Everyone: form("everyone") != "", Summary: form("summary"),
	}
	for _, id := range lines(form("subjects")) {
		in.Subjects = append(in.Subjects, account.ID(id))
	}
	var err error
	if in.DetectedAt, err = moment(form("detected_at"), "detected_at"); err != nil {
		return d.incidentsAgain(c, err)
	}
	var made operation.Incident
	err = command(c, "operation.open_incident", []string{"UA 7.2"}, nil, in, func(ctx context.Context, tx *db.Tx) (err error) {
		made, err = operation.OpenIncident(ctx, tx, c.Actor, in)
		return err
	})
	switch {
	case err == nil && made.ID == "":
		return c.Redirect("/operator/incidents")
	case err == nil:
		return c.Redirect("/operator/incidents/" + string(made.ID))
	case shownAgain(err):
		return d.incidentsAgain(c, err)
	}
	return err
}

type incidentView struct {
	frame
	answers
	operation.Incident
	law      agreement.Law
	now      time.Time
	events   []page.Event
	subjects []account.ID
	rounds   []operation.Round
	trail    []page.AuditEntry
}

func (v incidentView) path() string { return "/operator/incidents/" + string(v.ID) }

func (v incidentView) steps() []operation.State {
	switch v.State {
	case operation.Detected:
		return []operation.State{operation.Acknowledged}
	case operation.Acknowledged:
		return []operation.State{operation.Contained}
	case operation.Contained:
		return []operation.State{operation.Resolved}
	}
	return nil
}

func (d desk) incident(c *serve.Call) error { return d.incidentAgain(c, nil) }

func (d desk) incidentAgain(c *serve.Call, refusal error) error {
	ctx, id := c.R.Context(), operation.ID(c.R.PathValue("id"))
	v := incidentView{answers: answersOf(c, refusal), now: c.Now()}
	if err := c.Read(func(r db.Reader) (err error) {
		if v.Incident, err = operation.IncidentOf(ctx, r, id); err != nil {
			return err
		}
		if v.law, err = agreement.LawInForce(ctx, r); err != nil {
			return err
		}
		entries, err := operation.Entries(ctx, r, id)
		if err != nil {
			return err
		}
		v.events = events(ctx, r, entries)
		if v.subjects, err = operation.Subjects(ctx, r, id, "", perPage); err != nil {
			return err
		}
		if v.rounds, err = operation.Rounds(ctx, r, id); err != nil {
			return err
		}
		acts, err := audit.Of(ctx, r, string(id))
		v.trail = trail(acts)
		return err
	}); err != nil {
		return err
	}
	v.frame = d.frame(c, "/operator/incidents", text.T(ctx, "operation.incident."+v.Kind))
	return show(c, refusal, incidentPage(v))
}

func incidentTerms(ctx context.Context, v incidentView) []page.Term {
	yes := func(b bool) string {
		if b {
			return text.T(ctx, "operation.yes")
		}
		return text.T(ctx, "operation.no")
	}
	var kinds []string
	for _, k := range v.DataKinds {
		kinds = append(kinds, text.T(ctx, "operation.data."+k))
	}
	scope := text.T(ctx, "operation.scope.everyone")
	if !v.Everyone {
		scope = strings.Join(each(v.subjects), " ")
	}
	out := []page.Term{
		{Label: text.T(ctx, "operation.field.summary"), Value: page.Paragraphs(v.Summary)},
		{Label: text.T(ctx, "operation.field.detected_at"), Value: page.Time(v.DetectedAt)},
		{Label: text.T(ctx, "operation.field.incident_cause"), Text: text.T(ctx, "operation.class."+v.Incident.Cause)},
		{Label: text.T(ctx, "operation.field.personal"), Text: yes(v.Personal)},
	}
	add := func(key string, value templ.Component, shown bool) {
		if shown {
			out = append(out, page.Term{Label: text.T(ctx, key), Value: value})
		}
	}
	add("operation.field.data_kinds", page.Str(strings.Join(kinds, text.T(ctx, "operation.comma"))), len(kinds) > 0)
	add("operation.field.subjects", page.Str(scope), scope != "")
	add("operation.due.authority", page.Time(v.AuthorityDue), !v.AuthorityDue.IsZero())
	add("operation.due.authority", page.Str(text.T(ctx, "operation.due.none")), v.Personal && v.AuthorityDue.IsZero())
	add("operation.due.subjects", page.Time(v.DueAt), !v.DueAt.IsZero())
	if v.Fault != "" {
		add("operation.fault", page.Str(text.T(ctx, "operation.fault."+string(v.Fault))), true)
	}
	add("operation.field.reasons", page.Paragraphs(v.Assessment), v.Assessment != "")
	add("operation.authority", page.Str(v.Authority+" · "+v.AuthorityRef), !v.AuthorityAt.IsZero())
	add("operation.authority_at", page.Time(v.AuthorityAt), !v.AuthorityAt.IsZero())
	add("operation.authority_waived", page.Paragraphs(v.AuthorityWaive), v.AuthorityWaive != "")
	add("operation.subjects_at", page.Time(v.SubjectsAt), !v.SubjectsAt.IsZero())
	add("operation.subjects_waived", page.Paragraphs(v.SubjectsWaive), v.SubjectsWaive != "")
	return out
}

func each[T ~string](all []T) (out []string) {
	for _, one := range all {
		out = append(out, string(one))
	}
	return out
}

func (d desk) onIncident(c *serve.Call, name string, in any, do func(ctx context.Context, tx *db.Tx, id operation.ID, seen int64) (operation.Incident, error)) error {
	return onThing(c, name, "/operator/incidents/", []string{"UA 7.2"}, in, d.incidentAgain, func(ctx context.Context, tx *db.Tx, id operation.ID, seen int64) error {
		_, err := do(ctx, tx, id, seen)
		return err
	})
}

func (d desk) stepIncident(c *serve.Call) error {
	to, words := operation.State(c.R.PostFormValue("do")), c.R.PostFormValue("note")
	return d.onIncident(c, "operation.step_incident", []any{to, words}, func(ctx context.Context, tx *db.Tx, id operation.ID, seen int64) (operation.Incident, error) {
		return operation.StepIncident(ctx, tx, c.Actor, id, seen, to, words)
	})
}

func (d desk) addSubjects(c *serve.Call) error {
	var who []account.ID
	for _, id := range lines(c.R.PostFormValue("subjects")) {
		who = append(who, account.ID(id))
	}
	if len(who) == 0 {
		return d.incidentAgain(c, operation.ErrRequired.In("subjects"))
	}
	return d.onIncident(c, "operation.add_subjects", who, func(ctx context.Context, tx *db.Tx, id operation.ID, seen int64) (operation.Incident, error) {
		return operation.AddSubjects(ctx, tx, c.Actor, id, seen, who)
	})
}

func (d desk) assessIncident(c *serve.Call) error {
	form := c.R.PostFormValue
	return d.onIncident(c, "operation.assess", []any{form("fault"), form("cause"), form("reasons")}, func(ctx context.Context, tx *db.Tx, id operation.ID, seen int64) (operation.Incident, error) {
		return operation.Assess(ctx, tx, c.Actor, id, seen, operation.Fault(form("fault")), form("cause"), form("reasons"))
	})
}

func (d desk) reportAuthority(c *serve.Call) error {
	form := c.R.PostFormValue
	return d.onIncident(c, "operation.report_authority", []any{form("authority"), form("reference")}, func(ctx context.Context, tx *db.Tx, id operation.ID, seen int64) (operation.Incident, error) {
		return operation.ReportAuthority(ctx, tx, c.Actor, id, seen, form("authority"), form("reference"))
	})
}

func (d desk) tellSubjects(c *serve.Call) error {
	n := operation.SubjectNotice{
		Cause: bothOf(c, "notice_cause"), Harm: bothOf(c, "harm"), Remedies: bothOf(c, "remedies"), SelfHelp: bothOf(c, "self_help"), Contact: c.R.PostFormValue("contact"),
	}
	return d.onIncident(c, "operation.tell_subjects", n, func(ctx context.Context, tx *db.Tx, id operation.ID, seen int64) (operation.Incident, error) {
		return operation.TellSubjects(ctx, tx, c.Actor, id, seen, n)
	})
}

func (d desk) waiveNotice(c *serve.Call) error {
	who, why := c.R.PostFormValue("who"), c.R.PostFormValue("reason")
	return d.onIncident(c, "operation.waive_notice", []any{who, why}, func(ctx context.Context, tx *db.Tx, id operation.ID, seen int64) (operation.Incident, error) {
		return operation.Waive(ctx, tx, c.Actor, id, seen, who, why)
	})
}

func (d desk) closeIncident(c *serve.Call) error {
	return d.onIncident(c, "operation.close_incident", nil, func(ctx context.Context, tx *db.Tx, id operation.ID, seen int64) (operation.Incident, error) {
		return operation.CloseIncident(ctx, tx, c.Actor, id, seen)
	})
}

// Changes and categories.

type changesView struct {
	frame
	answers
	all  []operation.Change
	next string
}

func (d desk) changes(c *serve.Call) error { return d.changesAgain(c, nil) }

func (d desk) changesAgain(c *serve.Call, refusal error) error {
	ctx := c.R.Context()
	v := changesView{answers: answersOf(c, refusal)}
	if err := c.Read(func(r db.Reader) (err error) {
		v.all, err = operation.Changes(ctx, r, "", operation.ID(c.R.URL.Query().Get("before")), perPage+1)
		return err
	}); err != nil {
		return err
	}
	if len(v.all) > perPage {
		v.all = v.all[:perPage]
		v.next = "/operator/changes?before=" + string(v.all[perPage-1].ID)
	}
	v.frame = d.frame(c, "/operator/changes", text.T(ctx, "operation.nav.changes"))
	return show(c, refusal, deskChangesPage(v))
}

func changeRows(ctx context.Context, all []operation.Change) (rows [][]templ.Component) {
	for _, one := range all {
		rows = append(rows, []templ.Component{
			linked("/changes/"+string(one.ID), one.Title.In(text.From(ctx)), string(one.ID)), page.Badge(text.T(ctx, "operation.change."+string(one.Kind))),
			page.Time(one.PublishedAt), page.Time(one.EffectiveAt),
		})
	}
	return rows
}

func (d desk) publishChange(c *serve.Call) error {
	form := c.R.PostFormValue
	in := operation.Change{Kind: operation.ChangeKind(form("kind")), Title: bothOf(c, "title"), Text: bothOf(c, "text"), Migration: bothOf(c, "migration")}
	to := operation.Audience{Everyone: form("audience") != "vendors", Vendors: form("audience") == "vendors"}
	var err error
	if in.EffectiveAt, err = moment(form("effective_at"), "effective_at"); err != nil {
		return d.changesAgain(c, err)
	}
	if in.Kind == operation.CategoryChange {
		return d.changesAgain(c, operation.ErrInvalid.In("kind"))
	}
	err = command(c, "operation.publish_change", []string{"UA 5.2"}, nil, []any{in, to}, func(ctx context.Context, tx *db.Tx) error {
		_, err := operation.Publish(ctx, tx, c.Actor, in, to)
		return err
	})
	switch {
	case err == nil:
		return c.Redirect("/operator/changes")
	case shownAgain(err):
		return d.changesAgain(c, err)
	}
	return err
}

type categoriesView struct {
	frame
	answers
	all   []catalog.Category
	trees []catalog.Tree
	at    string // the category whose form came back
}

// successors are where the products of a category may go.
func (v categoriesView) successors(ctx context.Context, c catalog.Category) []page.Option {
	out := []page.Option{{Value: "", Label: text.T(ctx, "operation.category.no_successor")}}
	for _, one := range v.all {
		if one.State == catalog.CategoryOpen && one.Code != c.Code && (one.Parent == "") == (c.Parent == "") {
			out = append(out, page.Option{Value: one.Code, Label: one.Name.In(text.From(ctx))})
		}
	}
	return out
}

func (v categoriesView) parents(ctx context.Context) []page.Option {
	out := []page.Option{{Value: "", Label: text.T(ctx, "operation.category.top")}}
	for _, one := range v.all {
		if one.Parent == "" && one.State != catalog.CategoryRetired {
			out = append(out, page.Option{Value: one.Code, Label: one.Name.In(text.From(ctx))})
		}
	}
	return out
}

// chosen is the category that is being changed.
func (v categoriesView) chosen() (catalog.Category, bool) {
	i := slices.IndexFunc(v.all, func(c catalog.Category) bool { return c.Code == v.at && c.State != catalog.CategoryRetired })
	if i < 0 {
		return catalog.Category{}, false
	}
	return v.all[i], true
}

func (d desk) categories(c *serve.Call) error {
	return d.categoriesAgain(c, c.R.URL.Query().Get("change"), nil)
}

func (d desk) categoriesAgain(c *serve.Call, at string, refusal error) error {
	ctx := c.R.Context()
	v := categoriesView{answers: answersOf(c, refusal), at: at}
	if err := c.Read(func(r db.Reader) (err error) {
		if v.all, err = catalog.WholeTree(ctx, r); err != nil {
			return err
		}
		v.trees, err = catalog.Trees(ctx, r)
		return err
	}); err != nil {
		return err
	}
	v.frame = d.frame(c, "/operator/categories", text.T(ctx, "operation.nav.categories"))
	return show(c, refusal, categoriesPage(v))
}

func categoryTone(s catalog.CategoryState) page.Tone {
	return toneOf(s, map[catalog.CategoryState]page.Tone{catalog.CategoryOpen: page.Success, catalog.CategoryClosed: page.Warning})
}

func (v categoriesView) rows(ctx context.Context) (rows [][]templ.Component) {
	l := text.From(ctx)
	for _, one := range v.all {
		name := one.Name.In(l)
		if one.Parent != "" {
			name = "　" + name
		}
		var more templ.Component = page.Str("")
		switch {
		case one.State == catalog.CategoryRetired && one.Successor != "":
			more = page.ID(one.Successor)
		case one.State != catalog.CategoryRetired && v.officer:
			more = page.Anchor("/operator/categories?change="+one.Code+"#f-state", text.T(ctx, "operation.category.change"))
		}
		rows = append(rows, []templ.Component{page.Str(name), page.ID(one.Code), wordChip(categoryTone(one.State), "operation.category."+string(one.State)), more})
	}
	return rows
}

func (v categoriesView) treeRows(ctx context.Context) (rows [][]templ.Component) {
	for _, t := range v.trees {
		change := page.Str(text.T(ctx, "operation.category.first_tree"))
		if t.Change != "" {
			change = page.Anchor("/changes/"+t.Change, t.Change)
		}
		rows = append(rows, []templ.Component{page.Str(text.Number(ctx, t.Number)), page.ID(t.SHA256), change, page.Time(t.MadeAt)})
	}
	return rows
}

func catalogBoth(b operation.Both) catalog.Both { return catalog.Both(b) }

func (d desk) changeCategory(c *serve.Call) error {
	form, code := c.R.PostFormValue, c.R.PathValue("code")
	in := catalog.CategoryMove{
		Code: code, To: catalog.CategoryState(form("state")), Why: catalogBoth(bothOf(c, "text")), Migration: catalogBoth(bothOf(c, "migration")),
	}
	if in.To == catalog.CategoryRetired {
		in.Successor = form("successor")
	}
	err := command(c, "catalog.change_category", []string{"UA 5.2"}, nil, in, func(ctx context.Context, tx *db.Tx) error {
		_, err := catalog.ChangeCategory(ctx, tx, c.Actor, in)
		return err
	})
	switch {
	case err == nil:
		return c.Redirect("/operator/categories")
	case shownAgain(err):
		return d.categoriesAgain(c, code, err)
	}
	return err
}

func (d desk) addCategory(c *serve.Call) error {
	in := catalog.Category{
		Code: strings.TrimSpace(c.R.PostFormValue("code")), Parent: c.R.PostFormValue("parent"), Name: catalogBoth(bothOf(c, "name")), RefundClass: "none",
	}
	why := catalogBoth(bothOf(c, "text"))
	err := command(c, "catalog.add_category", []string{"UA 5.2"}, nil, []any{in, why}, func(ctx context.Context, tx *db.Tx) error {
		_, err := catalog.AddCategory(ctx, tx, c.Actor, in, why)
		return err
	})
	switch {
	case err == nil:
		return c.Redirect("/operator/categories")
	case shownAgain(err):
		return d.categoriesAgain(c, "", err)
	}
	return err
}

// The end of the market.

type serviceView struct {
	frame
	answers
	service  operation.Service
	all      []operation.WindDown
	earliest calendar.Date
	left     []operation.Left
}

func (d desk) service(c *serve.Call) error { return d.serviceAgain(c, nil) }

func (d desk) serviceAgain(c *serve.Call, refusal error) error {
	ctx := c.R.Context()
	v := serviceView{answers: answersOf(c, refusal)}
	if err := c.Read(func(r db.Reader) (err error) {
		if v.service, err = operation.ServiceOf(ctx, r); err != nil {
			return err
		}
		if v.all, err = operation.WindDowns(ctx, r); err != nil {
			return err
		}
		if v.earliest, err = operation.Earliest(ctx, r); err != nil || c.Market.Operation.Left == nil {
			return err
		}
		v.left, err = c.Market.Operation.Left(ctx, r)
		return err
	}); err != nil {
		return err
	}
	v.frame = d.frame(c, "/operator/service", text.T(ctx, "operation.nav.end"))
	return show(c, refusal, servicePage(v))
}

func leftTerms(ctx context.Context, all []operation.Left) (out []page.Term) {
	for _, one := range all {
		out = append(out, page.Term{Label: text.T(ctx, "operation.part."+string(one.Part)), Text: text.Number(ctx, one.Count)})
	}
	return out
}

func windDownRows(ctx context.Context, all []operation.WindDown) (rows [][]templ.Component) {
	for _, w := range all {
		rows = append(rows, []templ.Component{page.Anchor("/operator/service/"+string(w.ID), text.Date(ctx, w.EndAt)), stateChip(w.State), page.Time(w.ProposedAt), page.Time(w.AnnouncedAt)})
	}
	return rows
}

func (d desk) proposeEnd(c *serve.Call) error {
	in := operation.Proposal{Text: bothOf(c, "text"), Plan: map[operation.Part]operation.Both{}}
	if typed := c.R.PostFormValue("end"); typed != "" {
		var err error
		if in.Day, err = calendar.ParseDate(typed); err != nil {
			return d.serviceAgain(c, operation.ErrInvalid.In("end"))
		}
	}
	for _, p := range operation.Parts {
		in.Plan[p] = bothOf(c, "plan."+string(p))
	}
	var made operation.WindDown
	err := command(c, "operation.propose_end", []string{"UA 8.1"}, nil, in, func(ctx context.Context, tx *db.Tx) (err error) {
		made, err = operation.Propose(ctx, tx, c.Actor, in)
		return err
	})
	switch {
	case err == nil:
		return c.Redirect(strings.TrimSuffix("/operator/service/"+string(made.ID), "/"))
	case shownAgain(err):
		return d.serviceAgain(c, planErrors(err))
	}
	return err
}

// planErrors puts what a run-off plan lacks at its Chinese field, which the form
// shows first.
func planErrors(err error) error {
	var out fault.List
	for _, f := range fault.All(err) {
		if errors.Is(f, operation.ErrNoPlan) {
			f = f.In(f.Field + "_zh")
		}
		out = append(out, f)
	}
	return out.Err()
}

type windDownView struct {
	frame
	answers
	operation.WindDown
	people    staff
	now       time.Time
	left      []operation.Left
	rounds    []operation.Round
	receipts  []operation.Told
	snapshots []operation.Snapshot
	trail     []page.AuditEntry
	next      string
}

func (v windDownView) path() string { return "/operator/service/" + string(v.ID) }

func (d desk) windDown(c *serve.Call) error { return d.windDownAgain(c, nil) }

func (d desk) windDownAgain(c *serve.Call, refusal error) error {
	ctx, id := c.R.Context(), operation.ID(c.R.PathValue("id"))
	v := windDownView{answers: answersOf(c, refusal), now: c.Now()}
	if err := c.Read(func(r db.Reader) (err error) {
		if v.WindDown, err = operation.WindDownOf(ctx, r, id); err != nil {
			return err
		}
		v.people = staffOf(ctx, r, v.ProposedBy, v.ApprovedBy)
		if c.Market.Operation.Left != nil {
			if v.left, err = c.Market.Operation.Left(ctx, r); err != nil {
				return err
			}
		}
		if v.rounds, err = operation.Rounds(ctx, r, id); err != nil {
			return err
		}
		if v.receipts, err = operation.Receipts(ctx, r, id, account.ID(c.R.URL.Query().Get("after")), perPage+1); err != nil {
			return err
		}
		if v.snapshots, err = operation.Snapshots(ctx, r, id); err != nil {
			return err
		}
		acts, err := audit.Of(ctx, r, string(id))
		v.trail = trail(acts)
		return err
	}); err != nil {
		return err
	}
	if len(v.receipts) > perPage {
		v.receipts = v.receipts[:perPage]
		v.next = v.path() + "?after=" + string(v.receipts[perPage-1].Account)
	}
	v.frame = d.frame(c, "/operator/service", text.T(ctx, "operation.end.on", "Date", text.Date(ctx, v.EndAt)))
	return show(c, refusal, deskWindDownPage(v))
}

func (v windDownView) planTerms(ctx context.Context) (out []page.Term) {
	counts := map[operation.Part]string{}
	for _, one := range v.left {
		counts[one.Part] = text.T(ctx, "operation.left", "Count", one.Count)
	}
	for _, p := range operation.Parts {
		words := v.Plan[p].In(text.From(ctx))
		if words == "" {
			words = text.T(ctx, "operation.plan.silent")
		}
		out = append(out, page.Term{Label: text.T(ctx, "operation.part."+string(p)), Text: strings.TrimSpace(words + " " + counts[p])})
	}
	return out
}

// ended is who answered a proposal and why it was stopped, when somebody did.
func (v windDownView) ended(ctx context.Context) (out []page.Term) {
	if v.ApprovedBy != "" {
		out = append(out, page.Term{Label: text.T(ctx, "operation.end.approved_by"), Text: v.people.who(v.ApprovedBy)})
	}
	if v.StopReason != "" {
		out = append(out, page.Term{Label: text.T(ctx, "operation.field.reason"), Text: v.StopReason})
	}
	return out
}

func (v windDownView) receiptRows(ctx context.Context) (rows [][]templ.Component) {
	for _, one := range v.receipts {
		rows = append(rows, []templ.Component{page.Anchor(homeOf(string(one.Account)), string(one.Account)), page.Str(roundName(ctx, one.Round)), page.ID(one.Notice), page.Time(one.At)})
	}
	return rows
}

func (v windDownView) snapshotRows(ctx context.Context) (rows [][]templ.Component) {
	for _, s := range slices.Backward(v.snapshots) {
		shown := page.Chip(page.Success, text.T(ctx, "operation.snapshot.shown"))
		if !s.Shown {
			shown = page.Chip(page.Danger, text.T(ctx, "operation.snapshot.missing"))
		}
		rows = append(rows, []templ.Component{page.Str(s.Day + " · " + text.T(ctx, "operation.round.lang."+string(s.Lang))), shown, page.ID(s.SHA256), page.Time(s.TakenAt)})
	}
	return rows
}

func (d desk) onEnd(c *serve.Call, name string, in any, do func(ctx context.Context, tx *db.Tx, id operation.ID) error) error {
	id := c.R.PathValue("id")
	err := command(c, name, []string{"UA 8.1"}, []string{id}, in, func(ctx context.Context, tx *db.Tx) error { return do(ctx, tx, operation.ID(id)) })
	switch {
	case err == nil:
		return c.Redirect("/operator/service/" + id)
	case shownAgain(err):
		return d.windDownAgain(c, err)
	}
	return err
}

func (d desk) approveEnd(c *serve.Call) error {
	return d.onEnd(c, "operation.approve_end", nil, func(ctx context.Context, tx *db.Tx, id operation.ID) error {
		_, err := operation.Approve(ctx, tx, c.Actor, id)
		return err
	})
}

func (d desk) declineEnd(c *serve.Call) error {
	why := c.R.PostFormValue("reason")
	return d.onEnd(c, "operation.decline_end", why, func(ctx context.Context, tx *db.Tx, id operation.ID) error {
		_, err := operation.Decline(ctx, tx, c.Actor, id, why)
		return err
	})
}

func (d desk) callOffEnd(c *serve.Call) error {
	why := c.R.PostFormValue("reason")
	return d.onEnd(c, "operation.call_off_end", why, func(ctx context.Context, tx *db.Tx, id operation.ID) error {
		_, err := operation.CallOff(ctx, tx, c.Actor, id, why)
		return err
	})
}
