package shop

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"yunshi/internal/base/db"
	"yunshi/internal/base/pdf"
	"yunshi/internal/base/text"
	"yunshi/internal/edge/page"
	"yunshi/internal/edge/serve"
	"yunshi/internal/market/account"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/content"
	"yunshi/internal/market/order"
)

// The rule centre: every document and version, what changed, what is being asked,
// and the ways to accept and to refuse.

func documentPath(code string, number int64) string {
	return fmt.Sprintf("%s/documents/%s/%d", page.RulesPath, code, number)
}

func clausePath(code, clause string) string {
	return page.RulesPath + "/clauses/" + code + "/" + clause
}

func consultationPath(draft string) string { return page.RulesPath + "/consultations/" + draft }

// news is what the home page and the rule centre announce: drafts that are open for
// comments, and what takes effect soon.
type news struct {
	Open []agreement.Draft
	Soon []agreement.Version
}

func loadNews(ctx context.Context, r db.Reader) (n news, err error) {
	drafts, err := agreement.Consultations(ctx, r)
	if err != nil {
		return n, err
	}
	for _, d := range drafts {
		if d.Commentable(r.Now()) {
			n.Open = append(n.Open, d)
		}
	}
	n.Soon, err = agreement.Upcoming(ctx, r)
	return n, err
}

func (n news) any() bool { return len(n.Open)+len(n.Soon) > 0 }

// titleOf is the title of a draft's document.
func titleOf(d agreement.Draft, l text.Lang) string {
	v, err := d.Text()
	if err != nil {
		return d.Code
	}
	return v.Title.In(l)
}

type searchView struct {
	Field page.Field
	Query string
	Hits  []agreement.Hit
}

func rulesSearch(c *serve.Call) error {
	ctx := c.R.Context()
	v := searchView{Query: strings.TrimSpace(c.R.FormValue("q"))}
	if len(v.Query) > 200 {
		v.Query = v.Query[:200]
	}
	if err := c.Read(func(r db.Reader) (err error) {
		v.Hits, err = agreement.Search(ctx, r, v.Query, c.Lang)
		return err
	}); err != nil {
		return err
	}
	v.Field = searchField(ctx, v.Query)
	return show(c, http.StatusOK, rulesSearchPage(chrome(c, text.T(ctx, "rule.search.title"), rulesCrumb(c)), v, c.Lang))
}

func searchField(ctx context.Context, query string) page.Field {
	return page.Field{Name: "q", Of: "rules", Label: text.T(ctx, "rule.search.label"), Hint: text.T(ctx, "rule.search.hint"), Kind: "search", Value: query, Quiet: true, MaxLength: 100}
}

type archiveView struct {
	Code     string
	Versions []agreement.Version
	Now      time.Time
	Kept     map[int64]time.Time
}

func ruleArchive(c *serve.Call) error {
	ctx, code := c.R.Context(), c.R.PathValue("code")
	v := archiveView{Code: code, Now: c.Now(), Kept: map[int64]time.Time{}}
	if err := c.Read(func(r db.Reader) (err error) {
		if v.Versions, err = agreement.Versions(ctx, r, code); err != nil {
			return err
		}
		for _, one := range v.Versions {
			if v.Kept[one.Number], err = agreement.KeptUntil(ctx, r, one); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		return err
	}
	if len(v.Versions) == 0 {
		return serve.ErrNotFound
	}
	return show(c, http.StatusOK, archivePage(chrome(c, text.T(ctx, "rule.archive.title", "Title", v.Versions[0].Title.In(c.Lang)), rulesCrumb(c)), v, c.Lang))
}

// versionOf reads the version that a path names.
func versionOf(c *serve.Call, r db.Reader) (agreement.Version, error) {
	number, err := strconv.ParseInt(c.R.PathValue("number"), 10, 64)
	if err != nil || number < 1 {
		return agreement.Version{}, serve.ErrNotFound
	}
	return agreement.ReadDocument(c.R.Context(), r, c.R.PathValue("code"), number)
}

type versionView struct {
	agreement.Version
	Now   time.Time
	Kept  time.Time
	Files []versionFile
}

// versionFile is a download with its hash.
type versionFile struct{ Label, Href, SHA256 string }

func archiveCrumb(c *serve.Call, v agreement.Version) page.Link {
	return page.Link{Label: v.Title.In(c.Lang), Href: page.RulesPath + "/documents/" + v.Code}
}

func ruleVersion(c *serve.Call) error {
	ctx := c.R.Context()
	v := versionView{Now: c.Now()}
	if err := c.Read(func(r db.Reader) (err error) {
		if v.Version, err = versionOf(c, r); err != nil {
			return err
		}
		v.Kept, err = agreement.KeptUntil(ctx, r, v.Version)
		return err
	}); err != nil {
		return err
	}
	for _, kind := range []string{"text", "pdf", "json"} {
		content, _, err := ruleFileOf(v.Version, kind, c.Lang)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(content)
		v.Files = append(v.Files, versionFile{
			Label: text.T(ctx, "rule.download."+kind), Href: documentPath(v.Code, v.Number) + "/" + ruleFileName(v.Version, kind, c.Lang), SHA256: hex.EncodeToString(sum[:]),
		})
	}
	title := text.T(ctx, "rule.version.title", "Title", v.Title.In(c.Lang), "Number", v.Number)
	return show(c, http.StatusOK, versionPage(chrome(c, title, rulesCrumb(c), archiveCrumb(c, v.Version)), v, c.Lang))
}

// ruleFileName is a download's name: "refund-2.zh.pdf", and "refund-2.json" for the
// document that is hashed, which is in both languages.
func ruleFileName(v agreement.Version, kind string, l text.Lang) string {
	name := v.Code + "-" + strconv.FormatInt(v.Number, 10)
	switch kind {
	case "pdf":
		return name + "." + string(l) + ".pdf"
	case "json":
		return name + ".json"
	}
	return name + "." + string(l) + ".txt"
}

// ruleFileOf is a version as a file, the same bytes each time.
func ruleFileOf(v agreement.Version, kind string, l text.Lang) (content []byte, mediaType string, err error) {
	switch kind {
	case "json":
		return v.Source, "application/json; charset=utf-8", nil
	case "pdf":
		var b bytes.Buffer
		err := ruleDocument(v, l).Write(&b)
		return b.Bytes(), "application/pdf", err
	}
	return []byte(v.Plain(l)), "text/plain; charset=utf-8", nil
}

func ruleDocument(v agreement.Version, l text.Lang) *pdf.Document {
	d := pdf.New(pdf.Sheet{Title: v.Title.In(l), Lang: string(l), At: v.PublishedAt})
	terms := []pdf.Term{
		{Label: text.In(l, "rule.version"), Value: v.Ref()},
		{Label: text.In(l, "rule.effective"), Value: v.EffectiveAt.UTC().Format(time.RFC3339)},
		{Label: "SHA-256", Value: v.SHA256},
	}
	if v.PlaceOfSigning.In(l) != "" {
		terms = append(terms, pdf.Term{Label: text.In(l, "shop.agreement.place"), Value: v.PlaceOfSigning.In(l)}, pdf.Term{Label: text.In(l, "shop.agreement.law"), Value: v.GoverningLaw.In(l)})
	}
	d.Terms(terms)
	for _, part := range v.Ordered() {
		if part.Chapter != "" {
			d.Heading(part.Title.In(l))
			continue
		}
		title := part.Number() + part.Clause.Title.In(l)
		if part.Clause.Emphasis == agreement.Bold {
			title += " " + text.In(l, "rule.pdf.bold") // the font has one weight: what is bold on the page is marked
		}
		d.Heading(title)
		d.Text(part.Clause.Text.In(l))
	}
	return d
}

func ruleFile(c *serve.Call) error {
	var v agreement.Version
	if err := c.Read(func(r db.Reader) (err error) {
		v, err = versionOf(c, r)
		return err
	}); err != nil {
		return err
	}
	name := c.R.PathValue("file")
	for _, l := range []text.Lang{text.ZH, text.EN} {
		for _, kind := range []string{"text", "pdf", "json"} {
			if name != ruleFileName(v, kind, l) {
				continue
			}
			content, mediaType, err := ruleFileOf(v, kind, l)
			if err != nil {
				return err
			}
			sum := sha256.Sum256(content)
			h := c.W.Header()
			h.Set("Content-Type", mediaType)
			h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": name}))
			h.Set("Content-Length", strconv.Itoa(len(content)))
			h.Set("X-Content-SHA256", hex.EncodeToString(sum[:]))
			h.Set("X-Document-SHA256", v.SHA256)
			_, err = c.W.Write(content)
			return err
		}
	}
	return serve.ErrNotFound
}

type changesView struct {
	agreement.Version
	Before   agreement.Version
	Changes  []agreement.Change
	Draft    *agreement.Draft // it was published from; nil for a first version
	Now      time.Time
	SignedIn bool
	Mine     agreement.Standing
	Refused  bool // the reader's account refuses this version
	Owner    bool
	Refusal  *page.Refusal
}

func ruleChanges(c *serve.Call) error { return changesAgain(c, nil) }

func changesAgain(c *serve.Call, failed error) error {
	ctx := c.R.Context()
	v := changesView{Now: c.Now(), SignedIn: c.SignedIn(), Owner: c.Actor.Has(account.Owner)}
	if err := c.Read(func(r db.Reader) (err error) {
		if v.Version, err = versionOf(c, r); err != nil {
			return err
		}
		if v.Number > 1 {
			if v.Before, err = agreement.ReadDocument(ctx, r, v.Code, v.Number-1); err != nil {
				return err
			}
			if v.Changes, err = agreement.Compare(v.Before, v.Version); err != nil {
				return err
			}
		}
		draft, known, err := agreement.DraftOf(ctx, r, v.ID)
		if err != nil {
			return err
		}
		if known {
			v.Draft = &draft
		}
		if !v.SignedIn {
			return nil
		}
		if v.Mine, _, err = agreement.Status(ctx, r, c.Account()); err != nil {
			return err
		}
		refusals, err := agreement.Refusals(ctx, r, c.Account())
		for _, f := range refusals {
			v.Refused = v.Refused || f.Version == v.ID && f.EndedAt.IsZero()
		}
		return err
	}); err != nil {
		return err
	}
	v.Refusal = refusal(c, failed)
	title := text.T(ctx, "rule.changes.title", "Title", v.Title.In(c.Lang), "Number", v.Number)
	frame := chrome(c, title, rulesCrumb(c), archiveCrumb(c, v.Version))
	if c.R.Method == http.MethodPost {
		frame.Path = documentPath(v.Code, v.Number) + "/changes"
	}
	return show(c, refusalStatus(failed), changesPage(frame, v, c.Lang))
}

// refusable reports whether the reader may say no to the version here.
func (v changesView) refusable() bool {
	return v.Owner && !v.Refused && v.Kind != agreement.KindPrivacy &&
		(v.State(v.Now) == agreement.Announced || v.State(v.Now) == agreement.Effective && v.Mine == agreement.Implied)
}

// answerChange records that the reader's account refuses a version, or does not
// any more.
func answerChange(c *serve.Call) error {
	ctx, code := c.R.Context(), c.R.PathValue("code")
	number, err := strconv.ParseInt(c.R.PathValue("number"), 10, 64)
	if err != nil {
		return serve.ErrNotFound
	}
	answer := c.R.PostFormValue("answer")
	err = serve.Act(c, serve.Intent{Name: "agreement." + answer, Input: []any{code, number, answer}, Clauses: []string{"UA 5.3"}}, func(tx *db.Tx) error {
		switch answer {
		case "refuse":
			return agreement.Refuse(ctx, tx, c.Actor, code, number)
		case "take_back":
			return agreement.TakeBack(ctx, tx, c.Actor)
		}
		return serve.ErrBadRequest
	})
	if err != nil {
		return again(c, err, changesAgain)
	}
	return c.Redirect(documentPath(code, number) + "/changes")
}

type clauseView struct {
	Code, ID string
	Document agreement.Version // in force
	Stages   []agreement.Stage
	Out      []agreement.Disabled // all there ever was, newest first
	Now      time.Time
}

func ruleClause(c *serve.Call) error {
	ctx := c.R.Context()
	v := clauseView{Code: c.R.PathValue("code"), ID: c.R.PathValue("clause"), Now: c.Now()}
	if err := c.Read(func(r db.Reader) (err error) {
		if v.Stages, err = agreement.History(ctx, r, v.Code, v.ID); err != nil {
			return err
		}
		if v.Document, err = agreement.ReadDocument(ctx, r, v.Code, 0); err != nil {
			return err
		}
		all, err := agreement.DisabledOf(ctx, r, v.Code)
		for _, d := range all {
			if d.Clause == v.ID {
				v.Out = append(v.Out, d)
			}
		}
		return err
	}); err != nil {
		return err
	}
	title := v.ID
	for _, s := range v.Stages {
		if s.Clause.ID != "" {
			title = s.Clause.Title.In(c.Lang)
			break
		}
	}
	if v.Code == agreement.UserAgreement {
		title = v.ID + " " + title
	}
	return show(c, http.StatusOK, clausePage(chrome(c, title, rulesCrumb(c), archiveCrumb(c, v.Document)), v, c.Lang))
}

// audienceOf says whom a clause is out of force for, in words.
func audienceOf(ctx context.Context, d agreement.Disabled) string {
	who := text.T(ctx, "rule.audience."+string(d.Audience))
	if d.Audience == agreement.Everybody {
		who = text.T(ctx, "rule.audience.all")
	}
	if d.Jurisdiction == "" {
		return who
	}
	return text.T(ctx, "rule.audience.under", "Who", who, "Law", text.T(ctx, "rule.law."+d.Jurisdiction))
}

type consultationsView struct {
	news
	Heard []agreement.Draft // comments are being looked at
}

func consultations(c *serve.Call) error {
	ctx := c.R.Context()
	var v consultationsView
	if err := c.Read(func(r db.Reader) (err error) {
		if v.news, err = loadNews(ctx, r); err != nil {
			return err
		}
		all, err := agreement.Consultations(ctx, r)
		for _, d := range all {
			if !d.Commentable(r.Now()) {
				v.Heard = append(v.Heard, d)
			}
		}
		return err
	}); err != nil {
		return err
	}
	return show(c, http.StatusOK, consultationsPage(chrome(c, text.T(ctx, "rule.consultations.title"), rulesCrumb(c)), v, c.Lang))
}

type consultationView struct {
	agreement.Draft
	Asked    agreement.Version
	Before   agreement.Version
	Changes  []agreement.Change
	Comments []agreement.Comment
	Said     int64
	Now      time.Time
	SignedIn bool
	Clause   page.Field
	Body     page.Field
	Refusal  *page.Refusal
	Key      string
}

func consultation(c *serve.Call) error { return consultationAgain(c, nil) }

// mostShown is how many comments a page shows.
const mostShown = 200

func consultationAgain(c *serve.Call, failed error) error {
	ctx := c.R.Context()
	v := consultationView{Now: c.Now(), SignedIn: c.SignedIn(), Key: keptKey(c)}
	if err := c.Read(func(r db.Reader) (err error) {
		if v.Draft, err = agreement.ReadDraft(ctx, r, c.R.PathValue("draft")); err != nil {
			return err
		}
		if v.OpenedAt.IsZero() {
			return serve.ErrNotFound // nobody was asked about it
		}
		if v.Asked, err = v.Draft.Asked(); err != nil {
			return err
		}
		if v.Number > 1 {
			if v.Before, err = agreement.ReadDocument(ctx, r, v.Code, v.Number-1); err != nil {
				return err
			}
			if v.Changes, err = agreement.Compare(v.Before, v.Asked); err != nil {
				return err
			}
		}
		if v.Comments, err = agreement.Comments(ctx, r, v.ID, mostShown); err != nil {
			return err
		}
		v.Said, err = agreement.CountComments(ctx, r, v.ID)
		return err
	}); err != nil {
		return err
	}
	errs := page.FieldErrors(ctx, failed)
	v.Clause = field(c, errs, page.Field{Name: "clause", Label: text.T(ctx, "rule.comment.clause"), Options: []page.Option{{Label: text.T(ctx, "rule.comment.whole")}}})
	for _, change := range v.Changes {
		if change.After.ID != "" {
			v.Clause.Options = append(v.Clause.Options, page.Option{Value: change.ID, Label: text.Rule(c.Lang, change.ID) + " " + change.After.Title.In(c.Lang)})
		}
	}
	v.Body = field(c, errs, page.Field{Name: "body", Label: text.T(ctx, "rule.comment.body"), Hint: text.T(ctx, "rule.comment.hint"), Required: true, MaxLength: 2000})
	v.Refusal = refusal(c, failed, v.Clause, v.Body)
	frame := chrome(c, text.T(ctx, "rule.consultation.title", "Title", v.Asked.Title.In(c.Lang)), rulesCrumb(c), page.Link{Label: text.T(ctx, "rule.consultations.title"), Href: page.RulesPath + "/consultations"})
	if c.R.Method == http.MethodPost {
		frame.Path = consultationPath(v.ID)
	}
	return show(c, refusalStatus(failed), consultationPage(frame, v, c.Lang))
}

func sayInConsultation(c *serve.Call) error {
	ctx, id := c.R.Context(), c.R.PathValue("draft")
	clause, body := c.R.PostFormValue("clause"), c.R.PostFormValue("body")
	err := serve.Act(c, serve.Intent{Name: "agreement.comment", Input: []any{id, clause, body}, Subjects: []string{id}, Clauses: []string{"UA 5.3"}}, func(tx *db.Tx) error {
		_, err := agreement.Say(ctx, tx, c.Actor, id, clause, body, content.Words(content.Comment))
		return err
	})
	if err != nil {
		return again(c, err, consultationAgain)
	}
	return c.Redirect(consultationPath(id) + "#comments")
}

type mailView struct {
	Link   string
	Bundle agreement.Bundle
	Text   agreement.Version
	Books  []agreement.Version
	Done   bool
	Closed *page.Refusal
}

func acceptMail(c *serve.Call) error { return acceptMailAgain(c, nil) }

// acceptMailAgain is the page behind the link in a mail. Looking at it accepts
// nothing, because mail programs look at links too; its button does.
func acceptMailAgain(c *serve.Call, failed error) error {
	ctx := c.R.Context()
	v := mailView{Link: c.R.PathValue("token")}
	if err := c.Read(func(r db.Reader) error {
		challenge, err := agreement.ByToken(ctx, r, v.Link)
		if err != nil {
			return err
		}
		v.Done = !challenge.UsedAt.IsZero()
		if failed == nil && !v.Done {
			failed = challenge.Open(ctx, r)
		}
		whole, err := agreement.Whole(ctx, r)
		if err != nil {
			return err
		}
		v.Text, v.Books = whole[0], whole[1:len(whole)-1]
		v.Bundle, err = agreement.Current(ctx, r)
		return err
	}); err != nil {
		return err
	}
	v.Closed = refusal(c, failed)
	c.W.Header().Set("Referrer-Policy", "no-referrer")
	c.W.Header().Set("Cache-Control", "no-store")
	frame := c.Chrome(text.T(ctx, "rule.mail.title"))
	frame.Path = page.RulesPath // the way back must not carry the link
	return show(c, refusalStatus(failed), mailPage(frame, v, c.Lang))
}

func confirmMail(c *serve.Call) error {
	ctx, link := c.R.Context(), c.R.PathValue("token")
	err := c.Market.DB.Write(ctx, func(tx *db.Tx) error {
		_, err := agreement.AcceptByLink(ctx, tx, link, agreement.Acceptance{Locale: string(c.Lang), IP: c.IP(), UserAgent: c.R.UserAgent()})
		return err
	})
	if err != nil {
		return again(c, err, acceptMailAgain)
	}
	return c.Redirect(c.R.URL.Path)
}

// archiveTerms is when a version was made public, binds and was replaced.
func archiveTerms(ctx context.Context, v agreement.Version, kept time.Time) []page.Term {
	out := []page.Term{
		{Label: text.T(ctx, "rule.published"), Value: page.Time(v.PublishedAt)},
		{Label: text.T(ctx, "rule.effective"), Value: page.Time(v.EffectiveAt)},
	}
	if !v.SupersededAt.IsZero() {
		out = append(out, page.Term{Label: text.T(ctx, "rule.superseded"), Value: page.Time(v.SupersededAt)})
	}
	if !kept.IsZero() && kept != v.SupersededAt {
		out = append(out, page.Term{Label: text.T(ctx, "rule.kept"), Value: page.Date(kept)})
	}
	return append(out, page.Term{Label: "SHA-256", Value: page.ID(v.SHA256)})
}

// downloads is the panel of files, as a component for the narrow column.
func downloads(_ context.Context, v versionView) templ.Component { return downloadsPanel(v) }

// settingsOf are the numbers of a rulebook, in the order of their names.
func settingsOf(v agreement.Version) (out [][2]string) {
	settings, err := v.Settings()
	if err != nil {
		return nil // it was read before it was published
	}
	for _, key := range slices.Sorted(maps.Keys(settings)) {
		out = append(out, [2]string{key, settings[key]})
	}
	return out
}

func settingsTable(ctx context.Context, all [][2]string) page.Table {
	t := page.Table{Caption: text.T(ctx, "rule.settings"), Hidden: true, Columns: []page.Column{{Label: text.T(ctx, "rule.setting")}, {Label: text.T(ctx, "rule.value")}}}
	for _, one := range all {
		t.Rows = append(t.Rows, []templ.Component{code(one[0]), code(one[1])})
	}
	return t
}

// inText is where a clause stands in the whole text in force.
func inText(document, clause string) string {
	switch document {
	case agreement.UserAgreement:
		return page.RulesPath + "/agreement#" + anchorOf(clause)
	case agreement.PrivacyNotice:
		return page.RulesPath + "/privacy#" + clause
	}
	return page.RulesPath + "/rulebook#" + clause
}

// orderSheet is the terms sheet as it was when the order was made: the exact text
// whose hash stands on the order.
func orderSheet(c *serve.Call) error {
	var o order.Order
	if err := c.Read(func(r db.Reader) (err error) {
		o, err = order.Get(c.R.Context(), r, c.Actor, order.ID(c.R.PathValue("id")))
		return err
	}); err != nil {
		return err
	}
	h := c.W.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("X-Content-SHA256", o.Snapshot.SheetSHA256)
	h.Set("Cache-Control", "no-store")
	_, err := c.W.Write(o.Snapshot.Sheet)
	return err
}
