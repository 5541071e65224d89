package operatordesk

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"yunshi/internal/base/db"
	"yunshi/internal/base/text"
	"yunshi/internal/edge/page"
	"yunshi/internal/edge/serve"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/order"
	"yunshi/internal/market/privacy"
	"yunshi/internal/market/vendor"
)

// privacyItems are what compliance has to do about personal data: emergencies to
// review, disclosures to approve, requests to answer, findings to follow, audits
// that are due.
func privacyItems(ctx context.Context, r db.Reader) ([]page.QueueItem, error) {
	var items []page.QueueItem
	unreviewed, err := privacy.Unreviewed(ctx, r)
	if err != nil {
		return nil, err
	}
	for _, d := range unreviewed {
		items = append(items, page.QueueItem{
			Href: "/operator/privacy/disclosures/" + string(d.ID), Title: text.T(ctx, "privacy.desk.review.due"), Who: d.Recipient.Name, ID: string(d.ID), Due: d.ReviewDue,
			Chip: page.Chip(page.Danger, text.T(ctx, "privacy.basis.5_4_4")),
		})
	}
	proposed, err := privacy.ProposedNow(ctx, r)
	if err != nil {
		return nil, err
	}
	for _, d := range proposed {
		items = append(items, page.QueueItem{
			Href: "/operator/privacy/disclosures/" + string(d.ID), Title: text.T(ctx, "privacy.desk.approve.due"), Who: d.Recipient.Name, ID: string(d.ID),
			Chip: disclosureChip(ctx, d), Note: since(ctx, d.ProposedAt),
		})
	}
	asked, err := privacy.DueHere(ctx, r)
	if err != nil {
		return nil, err
	}
	for _, q := range asked {
		items = append(items, page.QueueItem{
			Href: "/operator/privacy/requests/" + string(q.ID), Title: text.T(ctx, "privacy.desk.request", "Kind", text.T(ctx, "privacy.request.kind."+string(q.Kind))),
			ID: string(q.ID), Due: q.DueAt, Chip: page.Chip(dataTone(q), text.T(ctx, "privacy.request.state."+string(q.State))),
		})
	}
	open, err := privacy.OpenFindings(ctx, r)
	if err != nil {
		return nil, err
	}
	names := map[vendor.ID]string{}
	nameOf := func(id vendor.ID) (string, error) {
		if names[id] == "" {
			v, err := vendor.Get(ctx, r, id)
			if err != nil {
				return "", err
			}
			names[id] = v.RegisteredName
		}
		return names[id], nil
	}
	for _, f := range open {
		who, err := nameOf(f.Vendor)
		if err != nil {
			return nil, err
		}
		items = append(items, page.QueueItem{
			Href: "/operator/privacy/vendors/" + string(f.Vendor), Title: text.T(ctx, "privacy.desk.finding.due"), Who: who, ID: string(f.ID), Due: f.RemedyDue,
			Chip: page.Chip(page.Warning, text.T(ctx, "privacy.severity."+f.Severity)),
		})
	}
	planned, err := privacy.Plan(ctx, r)
	if err != nil {
		return nil, err
	}
	for _, a := range planned {
		if a.DueAt.After(r.Now().AddDate(0, 0, 30)) {
			continue
		}
		who, err := nameOf(a.Vendor)
		if err != nil {
			return nil, err
		}
		items = append(items, page.QueueItem{
			Href: "/operator/privacy/vendors/" + string(a.Vendor), Title: text.T(ctx, "privacy.desk.audit.due"), Who: who, ID: string(a.ID), Due: a.DueAt,
			Chip: page.Chip(page.Info, text.T(ctx, "privacy.cause."+a.Cause)),
		})
	}
	return items, nil
}

func dataTone(q privacy.Request) page.Tone {
	switch q.State {
	case privacy.Overdue:
		return page.Danger
	case privacy.Answered:
		return page.Success
	}
	return page.Info
}

func disclosureChip(ctx context.Context, d privacy.Disclosure) templ.Component {
	tone := page.Warning
	switch d.State {
	case privacy.Made:
		tone = page.Success
	case privacy.Rejected:
		tone = page.Neutral
	}
	return page.Chip(tone, text.T(ctx, "privacy.disclosure.state."+string(d.State)))
}

type privacyView struct {
	frame
	officer  bool
	now      time.Time
	due      []page.QueueItem
	register []privacy.Disclosure
	closings []privacy.Closing
	erasures []privacy.Erasure
	holds    []privacy.Hold
	next     string
}

func (d desk) privacy(c *serve.Call) error {
	ctx := c.R.Context()
	view := privacyView{now: c.Now(), officer: c.Actor.Has(account.Compliance)}
	if err := c.Read(func(r db.Reader) (err error) {
		if view.due, err = privacyItems(ctx, r); err != nil {
			return err
		}
		if view.closings, err = privacy.Closings(ctx, r); err != nil {
			return err
		}
		if view.erasures, err = privacy.Erasures(ctx, r, 20); err != nil {
			return err
		}
		if view.holds, err = c.Market.Keep.Holds(ctx, r); err != nil {
			return err
		}
		view.register, err = privacy.Register(ctx, r, privacy.DisclosureID(c.R.URL.Query().Get("before")), perPage+1)
		return err
	}); err != nil {
		return err
	}
	if len(view.register) > perPage {
		view.register = view.register[:perPage]
		view.next = "/operator/privacy?before=" + string(view.register[perPage-1].ID)
	}
	view.frame = d.frame(c, "/operator/privacy", text.T(ctx, "operatordesk.nav.privacy"))
	return show(c, nil, privacyPage(view))
}

func registerRows(ctx context.Context, v privacyView) (rows [][]templ.Component) {
	for _, one := range v.register {
		at := one.ProposedAt
		if !one.MadeAt.IsZero() {
			at = one.MadeAt
		}
		rows = append(rows, []templ.Component{
			linked("/operator/privacy/disclosures/"+string(one.ID), one.Recipient.Name, string(one.Account)), disclosureChip(ctx, one),
			page.ClauseChip("UA " + string(one.Basis)), page.Str(fieldNames(ctx, one.Fields)), page.Time(at),
		})
	}
	return rows
}

func closingRows(ctx context.Context, all []privacy.Closing) (rows [][]templ.Component) {
	for _, one := range all {
		rows = append(rows, []templ.Component{
			page.Anchor("/operator/privacy/closings/"+string(one.ID), string(one.Account)), page.Str(text.T(ctx, "privacy.end."+one.Cause)), page.Time(one.EndAt), page.Time(one.PurgeAt),
		})
	}
	return rows
}

func holdRows(all []privacy.Hold) (rows [][]templ.Component) {
	for _, one := range all {
		rows = append(rows, []templ.Component{
			page.Anchor("/operator/privacy/closings/"+string(one.ID), string(one.Account)), page.ID(one.Matter), page.Time(one.TradeDue), page.Time(one.InvoiceDue),
		})
	}
	return rows
}

func erasureRows(ctx context.Context, all []privacy.Erasure) (rows [][]templ.Component) {
	for _, one := range all {
		rows = append(rows, []templ.Component{
			page.Str(one.Package), page.Str(text.T(ctx, "privacy.class."+string(one.Class))), page.Str(strconv.FormatInt(one.Removed, 10)), page.Time(one.At),
		})
	}
	return rows
}

func fieldNames(ctx context.Context, fields []privacy.Field) string {
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = text.T(ctx, "privacy.field."+string(f))
	}
	return strings.Join(names, " · ")
}

// disclosureFormView is the form for a disclosure of an officer, with two persons
// or, in an emergency, one.
type disclosureFormView struct {
	frame
	refusal error
	errors  map[string]string
	form    map[string]string
	fields  []string
	key     string
}

func (d desk) disclosureForm(c *serve.Call) error { return d.disclosureFormAgain(c, nil) }

func (d desk) disclosureFormAgain(c *serve.Call, refusal error) error {
	ctx := c.R.Context()
	view := disclosureFormView{refusal: refusal, errors: page.FieldErrors(ctx, refusal), form: map[string]string{}, fields: c.R.PostForm["fields"], key: freshKey()}
	for _, name := range []string{"account", "basis", "provision", "version", "matter", "order", "recipient_kind", "recipient_name", "recipient_contact", "vendor", "purpose", "channel", "untold"} {
		view.form[name] = c.R.FormValue(name)
	}
	view.frame = d.frame(c, "/operator/privacy", text.T(ctx, "privacy.desk.new"))
	return show(c, refusal, disclosureFormPage(view))
}

// choice is a question with a few answers.
func (v disclosureFormView) choice(ctx context.Context, name, label, words string, values ...string) page.Field {
	f := page.Field{Name: name, Label: text.T(ctx, label), Required: true, Value: v.form[name], Error: v.errors[name]}
	for _, one := range values {
		key := words + strings.ReplaceAll(one, ".", "_")
		o := page.Option{Value: one, Label: text.T(ctx, key)}
		if text.Has(text.From(ctx), key+".hint") {
			o.Hint = text.T(ctx, key+".hint")
		}
		f.Options = append(f.Options, o)
	}
	return f
}

func (v disclosureFormView) line(ctx context.Context, name, label string, must bool) page.Field {
	f := page.Field{Name: name, Label: text.T(ctx, label), Required: must, Value: v.form[name], Error: v.errors[name], Autocomplete: "off"}
	if hint := label + ".hint"; text.Has(text.From(ctx), hint) {
		f.Hint = text.T(ctx, hint)
	}
	return f
}

func (v disclosureFormView) ticks(ctx context.Context) page.Field {
	f := page.Field{Name: "fields", Label: text.T(ctx, "privacy.page.fields"), Hint: text.T(ctx, "privacy.desk.fields.hint"), Required: true, Error: v.errors["fields"]}
	for _, one := range privacy.Disclosable {
		f.Options = append(f.Options, page.Option{Value: string(one), Label: text.T(ctx, "privacy.field."+string(one)), Chosen: slices.Contains(v.fields, string(one))})
	}
	return f
}

func recipientKinds() (out []string) {
	for _, k := range privacy.RecipientKinds {
		out = append(out, string(k))
	}
	return out
}

func (d desk) proposeDisclosure(c *serve.Call) error {
	form := c.R.PostFormValue
	in := privacy.Proposal{
		Account: account.ID(strings.TrimSpace(form("account"))), Basis: privacy.DisclosureBasis(form("basis")), Provision: form("provision"), Matter: form("matter"),
		Order: order.ID(strings.TrimSpace(form("order"))), Purpose: form("purpose"), Channel: form("channel"), Untold: form("untold"),
		Recipient: privacy.Recipient{
			Kind: privacy.RecipientKind(form("recipient_kind")), Vendor: vendor.ID(strings.TrimSpace(form("vendor"))), Name: form("recipient_name"), Contact: form("recipient_contact"),
		},
	}
	for _, f := range c.R.PostForm["fields"] {
		in.Fields = append(in.Fields, privacy.Field(f))
	}
	if text := strings.TrimSpace(form("version")); text != "" {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return d.disclosureFormAgain(c, privacy.ErrInvalid.In("version"))
		}
		in.Version = n
	}
	act, do := "privacy.propose", privacy.Propose
	if in.Basis == privacy.ByEmergency {
		act, do = "privacy.emergency", privacy.Emergency
	}
	made, err := serve.Do(c, serve.Intent{Name: act, Input: []any{in, in.Recipient.Name, in.Purpose}, Subjects: []string{string(in.Account)}, Clauses: []string{"UA " + string(in.Basis)}}, func(tx *db.Tx) (privacy.DisclosureID, error) {
		one, err := do(c.R.Context(), tx, c.Actor, in)
		return one.ID, err
	})
	if err != nil && (correctable(err) || errors.Is(err, privacy.ErrNoBasis)) {
		return d.disclosureFormAgain(c, err)
	}
	if err != nil {
		return err
	}
	return c.Redirect("/operator/privacy/disclosures/" + string(made))
}

type disclosureView struct {
	frame
	privacy.Disclosure
	people  staff
	by      audit.Actor
	now     time.Time
	packet  map[privacy.Field]string // after it was opened, for this answer only
	refusal error
	errors  map[string]string
	form    map[string]string
	trail   []page.AuditEntry
	key     string
}

// officer reports whether the reader acts for compliance.
func (v disclosureView) officer() bool { return v.by.Has(account.Compliance) }

func (d desk) disclosure(c *serve.Call) error { return d.disclosureAgain(c, disclosureView{}) }

func (d desk) disclosureAgain(c *serve.Call, view disclosureView) error {
	ctx, id := c.R.Context(), privacy.DisclosureID(c.R.PathValue("disclosure"))
	view.by, view.now, view.errors, view.key, view.form = c.Actor, c.Now(), page.FieldErrors(ctx, view.refusal), freshKey(), map[string]string{}
	for _, name := range []string{"reason", "note", "review"} {
		view.form[name] = c.R.PostFormValue(name)
	}
	if err := c.Read(func(r db.Reader) (err error) {
		if view.Disclosure, err = privacy.AnyDisclosure(ctx, r, id); err != nil {
			return err
		}
		view.people = staffOf(ctx, r, view.ProposedBy, view.ApprovedBy)
		acts, err := audit.Of(ctx, r, string(id))
		view.trail = trail(acts)
		return err
	}); err != nil {
		return err
	}
	view.frame = d.frame(c, "/operator/privacy", text.T(ctx, "privacy.desk.disclosure", "Recipient", view.Recipient.Name))
	return show(c, view.refusal, disclosurePage(view))
}

// onDisclosure does one act on a disclosure: approve, reject, review or open what was
// sent.
func (d desk) onDisclosure(c *serve.Call) error {
	id, act := privacy.DisclosureID(c.R.PathValue("disclosure")), c.R.PathValue("act")
	form := c.R.PostFormValue
	var packet map[privacy.Field]string
	var do func(ctx context.Context, tx *db.Tx) error
	switch act {
	case "approve":
		do = func(ctx context.Context, tx *db.Tx) error {
			_, err := privacy.Approve(ctx, tx, c.Actor, id)
			return err
		}
	case "reject":
		do = func(ctx context.Context, tx *db.Tx) error {
			return privacy.Reject(ctx, tx, c.Actor, id, form("reason"))
		}
	case "review":
		do = func(ctx context.Context, tx *db.Tx) error {
			return privacy.Review(ctx, tx, c.Actor, id, form("review"), form("note"))
		}
	case "packet":
		do = func(ctx context.Context, tx *db.Tx) (err error) {
			packet, err = privacy.PacketOf(ctx, tx, c.Actor, id, form("reason"))
			return err
		}
	default:
		return serve.ErrNotFound
	}
	err := command(c, "privacy."+act, []string{"UA 5.4"}, []string{string(id)}, []string{form("reason"), form("review"), form("note")}, do)
	switch {
	case err != nil && (correctable(err) || errors.Is(err, privacy.ErrSecond)):
		return d.disclosureAgain(c, disclosureView{refusal: err})
	case err != nil:
		return err
	case act == "packet":
		c.W.Header().Set("Cache-Control", "no-store")
		return d.disclosureAgain(c, disclosureView{packet: packet})
	}
	return c.Redirect("/operator/privacy/disclosures/" + string(id))
}

func disclosureTerms(ctx context.Context, d privacy.Disclosure, people staff) []page.Term {
	out := []page.Term{
		{Label: text.T(ctx, "privacy.desk.subject"), Value: page.Anchor(homeOf(string(d.Account)), string(d.Account))},
		{Label: text.T(ctx, "privacy.page.recipient"), Text: d.Recipient.Name + " · " + text.T(ctx, "privacy.recipient."+string(d.Recipient.Kind))},
		{Label: text.T(ctx, "privacy.page.recipient.contact"), Text: d.Recipient.Contact},
		{Label: text.T(ctx, "privacy.page.basis"), Value: page.ClauseChip("UA " + string(d.Basis))},
		{Label: text.T(ctx, "privacy.page.fields"), Text: fieldNames(ctx, d.Fields)},
		{Label: text.T(ctx, "privacy.desk.purpose"), Text: d.Purpose},
		{Label: text.T(ctx, "privacy.page.channel"), Text: text.T(ctx, "privacy.channel."+d.Channel)},
		{Label: text.T(ctx, "privacy.desk.proposed_by"), Text: people.who(d.ProposedBy)},
	}
	add := func(key string, value templ.Component, shown bool) {
		if shown {
			out = append(out, page.Term{Label: text.T(ctx, key), Value: value})
		}
	}
	provision := text.Clause(text.From(ctx), d.Provision)
	if d.Version > 0 {
		provision += " #" + strconv.FormatInt(d.Version, 10)
	}
	add("privacy.desk.provision", page.Str(provision), d.Provision != "")
	add("privacy.desk.matter", page.ID(d.Matter), d.Matter != "")
	add("privacy.desk.consent.id", page.ID(string(d.Consent)), d.Consent != "")
	add("privacy.desk.order", page.Anchor(homeOf(d.Order), d.Order), d.Order != "")
	add("privacy.desk.approved_by", page.Str(people.who(d.ApprovedBy)), d.ApprovedBy != "")
	add("privacy.desk.made_at", page.Time(d.MadeAt), !d.MadeAt.IsZero())
	add("privacy.page.hash", page.ID(d.SHA256), d.SHA256 != "")
	add("privacy.desk.told", page.Str(text.T(ctx, "privacy.desk.told.yes")), d.Told)
	add("privacy.desk.untold", page.Str(d.Untold), d.Untold != "")
	add("privacy.desk.review", page.Str(text.T(ctx, "privacy.review."+d.Review)+" · "+d.ReviewNote), d.Review != "")
	return out
}

type dataRequestView struct {
	frame
	privacy.Request
	vendor  string
	officer bool
	now     time.Time
	refusal error
	errors  map[string]string
	form    map[string]string
	trail   []page.AuditEntry
	key     string
}

func (d desk) dataRequest(c *serve.Call) error { return d.dataRequestAgain(c, nil) }

func (d desk) dataRequestAgain(c *serve.Call, refusal error) error {
	ctx, id := c.R.Context(), privacy.RequestID(c.R.PathValue("request"))
	view := dataRequestView{officer: c.Actor.Has(account.Compliance), now: c.Now(), refusal: refusal, errors: page.FieldErrors(ctx, refusal), key: freshKey(), form: map[string]string{
		"result": c.R.PostFormValue("result"), "answer": c.R.PostFormValue("answer"),
	}}
	if err := c.Read(func(r db.Reader) (err error) {
		if view.Request, err = privacy.AnyRequest(ctx, r, id); err != nil {
			return err
		}
		if view.Request.Vendor != "" {
			v, err := vendor.Get(ctx, r, view.Request.Vendor)
			if err != nil {
				return err
			}
			view.vendor = v.RegisteredName
		}
		acts, err := audit.Of(ctx, r, string(id))
		view.trail = trail(acts)
		return err
	}); err != nil {
		return err
	}
	view.frame = d.frame(c, "/operator/privacy", text.T(ctx, "privacy.desk.request", "Kind", text.T(ctx, "privacy.request.kind."+string(view.Kind))))
	return show(c, refusal, dataRequestPage(view))
}

func (d desk) answerDataRequest(c *serve.Call) error {
	id := c.R.PathValue("request")
	in := privacy.Answering{Result: privacy.Result(c.R.PostFormValue("result")), Text: c.R.PostFormValue("answer")}
	err := command(c, "privacy.answer", []string{"PIPL 50"}, []string{id}, in, func(ctx context.Context, tx *db.Tx) error {
		_, err := privacy.Answer(ctx, tx, c.Actor, privacy.RequestID(id), in)
		return err
	})
	if err != nil && correctable(err) {
		return d.dataRequestAgain(c, err)
	}
	if err != nil {
		return err
	}
	return c.Redirect("/operator/privacy/requests/" + id)
}

func results(ctx context.Context) (out []page.Option) {
	for _, r := range privacy.Results {
		out = append(out, page.Option{Value: string(r), Label: text.T(ctx, "privacy.result."+string(r))})
	}
	return out
}

type supervisionView struct {
	frame
	vendor   vendor.Vendor
	officer  bool
	annexes  []privacy.Annex
	audits   []privacy.Audit
	findings []privacy.Finding
	requests []privacy.Request
	score    int64
	known    bool
	refusal  error
	errors   map[string]string
	form     map[string]string
	key      string
}

func (d desk) supervision(c *serve.Call) error { return d.supervisionAgain(c, nil) }

func (d desk) supervisionAgain(c *serve.Call, refusal error) error {
	ctx, id := c.R.Context(), vendor.ID(c.R.PathValue("vendor"))
	view := supervisionView{officer: c.Actor.Has(account.Compliance), refusal: refusal, errors: page.FieldErrors(ctx, refusal), form: map[string]string{}, key: freshKey()}
	for _, name := range []string{"about", "score", "note", "severity", "text", "outcome", "case"} {
		view.form[name] = c.R.PostFormValue(name)
	}
	if err := c.Read(func(r db.Reader) (err error) {
		if view.vendor, err = vendor.Get(ctx, r, id); err != nil {
			return err
		}
		if view.annexes, err = privacy.AnnexesOf(ctx, r, id); err != nil {
			return err
		}
		if view.audits, err = privacy.AuditsOf(ctx, r, id); err != nil {
			return err
		}
		if view.findings, err = privacy.FindingsOf(ctx, r, id); err != nil {
			return err
		}
		if view.requests, err = privacy.DueTo(ctx, r, id); err != nil {
			return err
		}
		view.score, view.known, err = privacy.Score(ctx, r, id)
		return err
	}); err != nil {
		return err
	}
	view.frame = d.frame(c, "/operator/privacy", view.vendor.RegisteredName)
	return show(c, refusal, supervisionPage(view))
}

// supervise does one act on a vendor: plan or end an audit, open or close a finding.
func (d desk) supervise(c *serve.Call) error {
	id, act, form := vendor.ID(c.R.PathValue("vendor")), c.R.PathValue("act"), c.R.PostFormValue
	var do func(ctx context.Context, tx *db.Tx) error
	switch act {
	case "plan":
		do = func(ctx context.Context, tx *db.Tx) error {
			return privacy.PlanAudit(ctx, tx, c.Actor, id, form("about"))
		}
	case "audit":
		score, err := strconv.ParseInt(strings.TrimSpace(form("score")), 10, 64)
		if err != nil {
			return d.supervisionAgain(c, privacy.ErrInvalid.In("score"))
		}
		do = func(ctx context.Context, tx *db.Tx) error {
			return privacy.EndAudit(ctx, tx, c.Actor, privacy.AuditID(form("audit")), score, form("note"))
		}
	case "finding":
		do = func(ctx context.Context, tx *db.Tx) error {
			_, err := privacy.OpenFinding(ctx, tx, c.Actor, privacy.Found{Vendor: id, Severity: form("severity"), Text: form("text"), About: form("about")})
			return err
		}
	case "close":
		do = func(ctx context.Context, tx *db.Tx) error {
			return privacy.CloseFinding(ctx, tx, c.Actor, privacy.FindingID(form("finding")), privacy.FindingState(form("do")), form("outcome"), form("case"))
		}
	default:
		return serve.ErrNotFound
	}
	words := []string{form("about"), form("audit"), form("score"), form("note"), form("severity"), form("text"), form("finding"), form("do"), form("outcome"), form("case")}
	err := command(c, "privacy."+act, []string{"UA 6.3"}, []string{string(id)}, words, do)
	if err != nil && correctable(err) {
		return d.supervisionAgain(c, err)
	}
	if err != nil {
		return err
	}
	return c.Redirect("/operator/privacy/vendors/" + string(id))
}

func (v supervisionView) severities(ctx context.Context) page.Field {
	f := page.Field{Name: "severity", Label: text.T(ctx, "privacy.desk.severity"), Required: true, Value: v.form["severity"], Error: v.errors["severity"]}
	for _, one := range privacy.Severities {
		f.Options = append(f.Options, page.Option{Value: one, Label: text.T(ctx, "privacy.severity."+one)})
	}
	return f
}

func auditRows(ctx context.Context, all []privacy.Audit) (rows [][]templ.Component) {
	for _, a := range all {
		state, at := page.Chip(page.Info, text.T(ctx, "privacy.desk.planned")), page.Date(a.DueAt)
		if a.State == privacy.AuditDone {
			state, at = page.Chip(page.Success, text.T(ctx, "privacy.desk.score", "Score", a.Score)), page.Date(a.DoneAt)
		}
		about := page.Str(a.Note)
		if a.About != "" {
			about = page.Anchor(homeOf(a.About), a.About)
		}
		rows = append(rows, []templ.Component{page.Str(text.T(ctx, "privacy.cause."+a.Cause)), state, about, at})
	}
	return rows
}

type closingView struct {
	frame
	privacy.Closing
	officer bool
	now     time.Time
	refusal error
	errors  map[string]string
	order   string
	trail   []page.AuditEntry
	key     string
}

func (d desk) closing(c *serve.Call) error { return d.closingAgain(c, nil) }

func (d desk) closingAgain(c *serve.Call, refusal error) error {
	ctx, id := c.R.Context(), privacy.ClosingID(c.R.PathValue("closing"))
	view := closingView{officer: c.Actor.Has(account.Compliance), now: c.Now(), refusal: refusal, errors: page.FieldErrors(ctx, refusal), order: c.R.PostFormValue("law_order"), key: freshKey()}
	if err := c.Read(func(r db.Reader) (err error) {
		if view.Closing, err = privacy.ClosingOf(ctx, r, id); err != nil {
			return err
		}
		acts, err := audit.Of(ctx, r, string(id))
		view.trail = trail(acts)
		return err
	}); err != nil {
		return err
	}
	view.frame = d.frame(c, "/operator/privacy", text.T(ctx, "privacy.desk.closing"))
	return show(c, refusal, closingPage(view))
}

// purge erases the data of an ended account before its day, by a law's order.
func (d desk) purge(c *serve.Call) error {
	id, order := c.R.PathValue("closing"), c.R.PostFormValue("law_order")
	err := command(c, "privacy.purge", []string{"UA 8.5"}, []string{id}, order, func(ctx context.Context, tx *db.Tx) error {
		return c.Market.Keep.PurgeNow(ctx, tx, c.Actor, privacy.ClosingID(id), order)
	})
	if err != nil && correctable(err) {
		return d.closingAgain(c, err)
	}
	if err != nil {
		return err
	}
	return c.Redirect("/operator/privacy/closings/" + id)
}

func packetTerms(ctx context.Context, packet map[privacy.Field]string) (out []page.Term) {
	for _, f := range privacy.Disclosable {
		if packet[f] != "" {
			out = append(out, page.Term{Label: text.T(ctx, "privacy.field."+string(f)), Text: packet[f]})
		}
	}
	return out
}

func requestTerms(ctx context.Context, v dataRequestView) []page.Term {
	who := v.vendor
	if who == "" {
		who = text.T(ctx, "privacy.page.the_operator")
	}
	out := []page.Term{
		{Label: text.T(ctx, "privacy.desk.subject"), Value: page.Anchor(homeOf(string(v.Request.Account)), string(v.Request.Account))},
		{Label: text.T(ctx, "privacy.page.to"), Text: who},
		{Label: text.T(ctx, "privacy.page.asked"), Value: page.Time(v.AskedAt)},
		{Label: text.T(ctx, "privacy.page.text"), Text: v.Text},
	}
	if !v.DueAt.IsZero() {
		out = append(out, page.Term{Label: text.T(ctx, "privacy.page.due"), Value: page.Time(v.DueAt)})
	}
	return out
}

func closingTerms(ctx context.Context, c privacy.Closing) []page.Term {
	out := []page.Term{
		{Label: text.T(ctx, "privacy.desk.subject"), Value: page.Anchor(homeOf(string(c.Account)), string(c.Account))},
		{Label: text.T(ctx, "privacy.desk.cause"), Text: text.T(ctx, "privacy.end."+c.Cause)},
		{Label: text.T(ctx, "base.state"), Text: text.T(ctx, "privacy.closing.state."+string(c.State))},
		{Label: text.T(ctx, "privacy.desk.end"), Value: page.Time(c.EndAt)},
		{Label: text.T(ctx, "privacy.desk.purge_at"), Value: page.Time(c.PurgeAt)},
	}
	add := func(key string, at time.Time) {
		if !at.IsZero() {
			out = append(out, page.Term{Label: text.T(ctx, key), Value: page.Time(at)})
		}
	}
	add("privacy.desk.exported", c.ExportedAt)
	add("privacy.desk.purged", c.EndedAt)
	add("privacy.desk.trade_due", c.TradeDue)
	add("privacy.desk.invoice_due", c.InvoiceDue)
	if c.LawOrder != "" {
		out = append(out, page.Term{Label: text.T(ctx, "privacy.desk.law_order"), Text: c.LawOrder})
	}
	return out
}
