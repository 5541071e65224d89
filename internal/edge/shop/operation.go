package shop

import (
	"context"
	"encoding/xml"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/a-h/templ"

	"yunshi/internal/base/db"
	"yunshi/internal/base/text"
	"yunshi/internal/edge/page"
	"yunshi/internal/edge/serve"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/operation"
)

// statusView is how the market works now and has worked.
type statusView struct {
	Now     time.Time
	Running []operation.Interruption
	Past    []operation.Interruption
	Parts   []partStatus
	Days    int
	Service operation.Service
}

// partStatus is one part of the service.
type partStatus struct {
	Code   string
	State  string // "up", "degraded" or "outage"
	Uptime int64  // in ten-thousandths
}

func loadStatus(ctx context.Context, r db.Reader) (v statusView, err error) {
	v.Now = r.Now()
	history, err := agreement.Setting[struct{ Days int }](ctx, r, "status_history")
	if err != nil {
		return v, err
	}
	v.Days = history.Days
	from := v.Now.AddDate(0, 0, -v.Days)
	all, err := operation.Since(ctx, r, from)
	if err != nil {
		return v, err
	}
	states := map[string]string{}
	for _, n := range all {
		if !n.ResolvedAt.IsZero() {
			v.Past = append(v.Past, n)
			continue
		}
		v.Running = append(v.Running, n)
		if states[n.Component] != "outage" {
			states[n.Component] = n.Impact
		}
	}
	up := operation.Uptimes(all, from, v.Now)
	for _, c := range operation.Components {
		state := states[c]
		if state == "" {
			state = "up"
		}
		v.Parts = append(v.Parts, partStatus{c, state, up[c]})
	}
	v.Service, err = operation.ServiceOf(ctx, r)
	return v, err
}

// percent writes ten-thousandths as "99.95%".
func percent(points int64) string { return fmt.Sprintf("%d.%02d%%", points/100, points%100) }

func showStatus(c *serve.Call) error {
	ctx := c.R.Context()
	var v statusView
	if err := c.Read(func(r db.Reader) (err error) { v, err = loadStatus(ctx, r); return err }); err != nil {
		return err
	}
	frame := chrome(c, text.T(ctx, "operation.status"))
	frame.Description = text.T(ctx, "operation.status.lead")
	return show(c, http.StatusOK, statusPage(frame, v, c.Lang))
}

// interruptionView is one interruption as everybody may see it.
type interruptionView struct {
	operation.Interruption
	Now       time.Time
	Entries   []operation.Entry
	Exemption string
	SignedIn  bool
	Concerned bool
	Until     time.Time // last moment to contest
	Mine      []operation.Contest
	Contested bool // somebody's objection waits
	Refusal   *page.Refusal
	Text      page.Field
	Key       string
}

// contestable reports whether the reader may object to the cause.
func (v interruptionView) contestable() bool {
	return v.Concerned && v.Cause != "" && v.Cause != operation.OperatorsFault && v.Now.Before(v.Until) &&
		!slices.ContainsFunc(v.Mine, func(c operation.Contest) bool { return c.Cause == v.Cause })
}

func showInterruption(c *serve.Call) error { return renderInterruption(c, nil) }

func renderInterruption(c *serve.Call, failed error) error {
	ctx, id := c.R.Context(), operation.ID(c.R.PathValue("id"))
	v := interruptionView{Now: c.Now(), SignedIn: c.SignedIn(), Key: keptKey(c)}
	if err := c.Read(func(r db.Reader) (err error) {
		if v.Interruption, err = operation.InterruptionOf(ctx, r, id); err != nil {
			return err
		}
		if v.Entries, err = operation.Entries(ctx, r, id); err != nil {
			return err
		}
		v.Entries = slices.DeleteFunc(v.Entries, func(e operation.Entry) bool { return !e.Public })
		if v.Exemption, err = operation.Exemption(ctx, r, v.Interruption); err != nil {
			return err
		}
		if v.Concerned, err = c.Market.Operation.Concerned(ctx, r, v.Interruption, c.Account()); err != nil {
			return err
		}
		if v.Mine, err = operation.MyContests(ctx, r, id, c.Account()); err != nil {
			return err
		}
		all, err := operation.Contests(ctx, r, id)
		if err != nil {
			return err
		}
		v.Contested = slices.ContainsFunc(all, func(one operation.Contest) bool { return one.State == operation.Open })
		if v.Cause != "" {
			day, err := operation.ClosesContests(ctx, r, v.Interruption)
			if err != nil {
				return err
			}
			v.Until = day.Last()
		}
		return nil
	}); err != nil {
		return err
	}
	v.Refusal = refusal(c, failed)
	v.Text = field(c, page.FieldErrors(ctx, failed), page.Field{
		Name: "text", Label: text.T(ctx, "operation.contest.text"), Hint: text.T(ctx, "operation.contest.hint"), Required: true, MaxLength: 4000,
	})
	title := v.Title.In(c.Lang)
	return show(c, refusalStatus(failed), interruptionPage(chrome(c, title, page.Link{Label: text.T(ctx, "operation.status"), Href: "/status"}), v, c.Lang))
}

func contestCause(c *serve.Call) error {
	id, words := operation.ID(c.R.PathValue("id")), c.R.PostFormValue("text")
	_, err := serve.Do(c, serve.Intent{Name: "operation.contest", Input: []any{id, words}, Subjects: []string{string(id)}, Clauses: []string{"UA 7.3.4"}},
		func(tx *db.Tx) (operation.Contest, error) {
			return c.Market.Operation.Contest(c.R.Context(), tx, c.Actor, id, words)
		})
	switch {
	case err == nil:
		return c.Redirect("/status/" + string(id))
	case correctable(err):
		return renderInterruption(c, err)
	}
	return err
}

const changesPerPage = 30

// changeLogView is a page of the public log.
type changeLogView struct {
	All  []operation.Change
	Kind operation.ChangeKind
	Next string
}

var logged = []operation.ChangeKind{operation.CategoryChange, operation.InterfaceChange, operation.FeatureChange, operation.ScopeChange, operation.ServiceChange}

func showChanges(c *serve.Call) error {
	ctx := c.R.Context()
	v := changeLogView{Kind: operation.ChangeKind(c.R.URL.Query().Get("kind"))}
	if !slices.Contains(logged, v.Kind) {
		v.Kind = ""
	}
	if err := c.Read(func(r db.Reader) (err error) {
		v.All, err = operation.Changes(ctx, r, v.Kind, operation.ID(c.R.URL.Query().Get("before")), changesPerPage+1)
		return err
	}); err != nil {
		return err
	}
	if len(v.All) > changesPerPage {
		v.All = v.All[:changesPerPage]
		v.Next = "/changes?kind=" + string(v.Kind) + "&before=" + string(v.All[changesPerPage-1].ID)
	}
	frame := chrome(c, text.T(ctx, "operation.changes"))
	frame.Description = text.T(ctx, "operation.changes.lead")
	return show(c, http.StatusOK, changeLogPage(frame, v, c.Lang))
}

func kindTabs(ctx context.Context, v changeLogView) []page.Tab {
	tabs := []page.Tab{{Label: text.T(ctx, "operation.changes.all"), Href: "/changes", Current: v.Kind == ""}}
	for _, k := range logged {
		tabs = append(tabs, page.Tab{Label: text.T(ctx, "operation.change."+string(k)), Href: "/changes?kind=" + string(k), Current: v.Kind == k})
	}
	return tabs
}

func showChange(c *serve.Call) error {
	ctx := c.R.Context()
	var one operation.Change
	if err := c.Read(func(r db.Reader) (err error) {
		one, err = operation.ChangeOf(ctx, r, operation.ID(c.R.PathValue("id")))
		return err
	}); err != nil {
		return err
	}
	return show(c, http.StatusOK, changePage(chrome(c, one.Title.In(c.Lang), page.Link{Label: text.T(ctx, "operation.changes"), Href: "/changes"}), one, c.Lang))
}

// windDownView is the announcement, or that there is none.
type windDownView struct {
	Service operation.Service
	operation.WindDown
	Now      time.Time
	SignedIn bool
}

func showWindDown(c *serve.Call) error {
	ctx := c.R.Context()
	v := windDownView{Now: c.Now(), SignedIn: c.SignedIn()}
	if err := c.Read(func(r db.Reader) (err error) {
		if v.Service, err = operation.ServiceOf(ctx, r); err != nil || v.Service.State == operation.Operating {
			return err
		}
		v.WindDown, err = operation.WindDownOf(ctx, r, v.Service.WindDown)
		return err
	}); err != nil {
		return err
	}
	return show(c, http.StatusOK, windDownPage(chrome(c, text.T(ctx, "operation.end")), v, c.Lang))
}

// feed is an Atom feed (RFC 4287).
type feed struct {
	XMLName xml.Name    `xml:"http://www.w3.org/2005/Atom feed"`
	Lang    string      `xml:"xml:lang,attr"`
	ID      string      `xml:"id"`
	Title   string      `xml:"title"`
	Updated string      `xml:"updated"`
	Author  string      `xml:"author>name"`
	Links   []feedLink  `xml:"link"`
	Entries []feedEntry `xml:"entry"`
}

type feedLink struct {
	Rel  string `xml:"rel,attr,omitempty"`
	Href string `xml:"href,attr"`
}

type feedEntry struct {
	ID        string   `xml:"id"`
	Title     string   `xml:"title"`
	Published string   `xml:"published"`
	Updated   string   `xml:"updated"`
	Link      feedLink `xml:"link"`
	Content   string   `xml:"content"`
}

// sendFeed writes a feed; updated is the newest of its entries, or the first moment
// of the calendar while there are none, so that it does not change by itself.
func sendFeed(c *serve.Call, path, title string, entries []feedEntry) error {
	base := c.Market.Info.BaseURL
	f := feed{
		Lang: map[text.Lang]string{text.ZH: "zh-CN", text.EN: "en"}[c.Lang], ID: base + path, Title: c.Market.Info.Market + " · " + title,
		Updated: time.Unix(0, 0).UTC().Format(time.RFC3339), Author: c.Market.Info.Operator,
		Links: []feedLink{{"self", base + path + ".atom?lang=" + string(c.Lang)}, {"", base + path}}, Entries: entries,
	}
	for _, e := range entries {
		f.Updated = max(f.Updated, e.Updated)
	}
	out, err := xml.MarshalIndent(f, "", "  ")
	if err != nil {
		return err
	}
	c.W.Header().Set("Content-Type", "application/atom+xml; charset=utf-8")
	c.W.Header().Set("Cache-Control", "public, max-age=60")
	_, err = c.W.Write(append([]byte(xml.Header), out...))
	return err
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func statusFeed(c *serve.Call) error {
	ctx := c.R.Context()
	var entries []feedEntry
	if err := c.Read(func(r db.Reader) error {
		v, err := loadStatus(ctx, r)
		if err != nil {
			return err
		}
		for _, n := range slices.Concat(v.Running, v.Past) {
			at := c.Market.Info.BaseURL + "/status/" + string(n.ID)
			e := feedEntry{ID: at, Title: n.Title.In(c.Lang), Published: stamp(n.StartedAt), Updated: stamp(n.StartedAt), Link: feedLink{"alternate", at}}
			story, err := operation.Entries(ctx, r, n.ID)
			if err != nil {
				return err
			}
			e.Content = scopeOf(ctx, n)
			for _, one := range story {
				if one.Public {
					e.Updated = stamp(one.At)
					e.Content += "\n" + text.Time(ctx, one.At) + " " + text.T(ctx, "operation.event."+one.Event) + " " + one.Text.In(c.Lang)
				}
			}
			entries = append(entries, e)
		}
		return nil
	}); err != nil {
		return err
	}
	return sendFeed(c, "/status", text.T(ctx, "operation.status"), entries)
}

func changesFeed(c *serve.Call) error {
	ctx := c.R.Context()
	var entries []feedEntry
	if err := c.Read(func(r db.Reader) error {
		all, err := operation.Changes(ctx, r, "", "", changesPerPage)
		for _, one := range all {
			at := c.Market.Info.BaseURL + "/changes/" + string(one.ID)
			entries = append(entries, feedEntry{
				ID: at, Title: one.Title.In(c.Lang), Published: stamp(one.PublishedAt), Updated: stamp(one.PublishedAt), Link: feedLink{"alternate", at},
				Content: one.Text.In(c.Lang) + "\n" + text.T(ctx, "operation.change.migration") + " " + one.Migration.In(c.Lang),
			})
		}
		return err
	}); err != nil {
		return err
	}
	return sendFeed(c, "/changes", text.T(ctx, "operation.changes"), entries)
}

func scopeOf(ctx context.Context, n operation.Interruption) string {
	return text.T(ctx, "operation.component."+n.Component) + " · " + text.T(ctx, "operation.impact."+n.Impact)
}

func causeOf(ctx context.Context, n operation.Interruption) string {
	if n.Cause == "" {
		return text.T(ctx, "operation.cause.unknown")
	}
	return text.T(ctx, "operation.cause."+string(n.Cause))
}

// storyOf is the public story of an interruption.
func storyOf(ctx context.Context, all []operation.Entry, lang text.Lang) []page.Event {
	events := make([]page.Event, 0, len(all))
	for _, e := range all {
		tone := page.Info
		switch operation.State(e.Event) {
		case operation.Detected:
			tone = page.Danger
		case operation.Resolved, operation.Closed:
			tone = page.Success
		}
		events = append(events, page.Event{What: text.T(ctx, "operation.event."+e.Event), At: e.At, Note: e.Text.In(lang), Tone: tone})
	}
	return events
}

func partRows(ctx context.Context, all []partStatus) (rows [][]templ.Component) {
	for _, p := range all {
		rows = append(rows, []templ.Component{page.Str(text.T(ctx, "operation.component."+p.Code)), partChip(p), page.Str(percent(p.Uptime))})
	}
	return rows
}

func pastRows(ctx context.Context, all []operation.Interruption, lang text.Lang) (rows [][]templ.Component) {
	for _, n := range all {
		rows = append(rows, []templ.Component{
			page.Anchor("/status/"+string(n.ID), n.Title.In(lang)), page.Str(causeOf(ctx, n)), page.Time(n.StartedAt), lasted(n.StartedAt, n.ResolvedAt),
		})
	}
	return rows
}

func interruptionTerms(ctx context.Context, v interruptionView) []page.Term {
	out := []page.Term{{Label: text.T(ctx, "operation.cause"), Text: causeOf(ctx, v.Interruption)}}
	if v.Cause == operation.ForceMajeure || v.Cause == operation.Carrier {
		out = append(out, page.Term{Label: text.T(ctx, "operation.proof.reference"), Text: v.Proof.Reference})
	}
	for _, one := range []struct {
		key string
		at  time.Time
	}{
		{"operation.started", v.StartedAt}, {"operation.event.detected", v.DetectedAt}, {"operation.event.acknowledged", v.AcknowledgedAt},
		{"operation.event.mitigated", v.MitigatedAt}, {"operation.event.resolved", v.ResolvedAt},
	} {
		if !one.at.IsZero() {
			out = append(out, page.Term{Label: text.T(ctx, one.key), Value: page.Time(one.at)})
		}
	}
	return append(out, page.Term{Label: text.T(ctx, "operation.basis"), Value: page.ClauseChip("UA 7.3")})
}

func planTerms(ctx context.Context, plan map[operation.Part]operation.Both, lang text.Lang) (out []page.Term) {
	for _, p := range operation.Parts {
		words := plan[p].In(lang)
		if words == "" {
			words = text.T(ctx, "operation.plan.silent")
		}
		out = append(out, page.Term{Label: text.T(ctx, "operation.part."+string(p)), Text: words})
	}
	return out
}
