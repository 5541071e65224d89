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
	"yunshi/internal/base/money"
	"yunshi/internal/base/text"
	"yunshi/internal/edge/page"
	"yunshi/internal/edge/serve"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/enforcement"
	"yunshi/internal/market/entitlement"
	"yunshi/internal/market/vendor"
)

// caseItems are the cases on which something has to be done.
func caseItems(ctx context.Context, r db.Reader) ([]page.QueueItem, error) {
	all, err := enforcement.Desk(ctx, r, 500)
	if err != nil {
		return nil, err
	}
	items := make([]page.QueueItem, 0, len(all))
	for _, c := range all {
		what, due, err := enforcement.DueOf(ctx, r, c)
		if err != nil {
			return nil, err
		}
		of, err := account.Get(ctx, r, c.Subject)
		if err != nil {
			return nil, err
		}
		items = append(items, page.QueueItem{
			Href: casePath(c.ID), Title: text.T(ctx, "enforcement.case.title", "What", page.BreachWord(ctx, c.Violation)), Who: of.DisplayName, ID: string(c.ID), Chip: page.CaseChip(string(c.State)),
			Due: due, Note: text.T(ctx, "enforcement.due."+what) + " · " + text.T(ctx, "enforcement.source."+string(c.Source)) + " · " + since(ctx, c.OpenedAt),
		})
	}
	return items, nil
}

func casePath(id enforcement.ID) string { return "/operator/cases/" + string(id) }

type casesView struct {
	frame
	now   time.Time
	due   []page.QueueItem
	all   []enforcement.Case
	next  string
	names map[account.ID]string
}

func (d desk) cases(c *serve.Call) error {
	ctx := c.R.Context()
	view := casesView{now: c.Now()}
	if err := c.Read(func(r db.Reader) (err error) {
		if view.due, err = caseItems(ctx, r); err != nil {
			return err
		}
		query := c.R.URL.Query()
		if clause := strings.TrimSpace(query.Get("clause")); clause != "" {
			view.all, err = enforcement.Citing(ctx, r, clause, perPage)
		} else {
			view.all, err = enforcement.All(ctx, r, enforcement.ID(query.Get("before")), perPage+1)
		}
		if err != nil {
			return err
		}
		ids := make([]account.ID, len(view.all))
		for i, one := range view.all {
			ids[i] = one.Subject
		}
		view.names, err = accountNames(ctx, r, ids...)
		return err
	}); err != nil {
		return err
	}
	if len(view.all) > perPage {
		view.all = view.all[:perPage]
		view.next = "/operator/cases?before=" + string(view.all[perPage-1].ID)
	}
	view.frame = d.frame(c, "/operator/cases", text.T(ctx, "operatordesk.nav.cases"))
	return show(c, nil, casesPage(view))
}

func caseRows(ctx context.Context, names map[account.ID]string, all []enforcement.Case) (rows [][]templ.Component) {
	for _, c := range all {
		rows = append(rows, []templ.Component{
			linked(casePath(c.ID), text.T(ctx, "enforcement.case.title", "What", page.BreachWord(ctx, c.Violation)), string(c.ID)), page.CaseChip(string(c.State)),
			page.Str(text.T(ctx, "enforcement.source."+string(c.Source))), page.Anchor(homeOf(string(c.Subject)), names[c.Subject]), page.Time(c.OpenedAt),
		})
	}
	return rows
}

// newCaseView is the form by which an officer opens a case.
type newCaseView struct {
	frame
	form    map[string]string
	types   []page.Option
	errors  map[string]string
	refusal error
	key     string
}

func (d desk) newCase(c *serve.Call) error { return d.newCaseAgain(c, nil) }

func (d desk) newCaseAgain(c *serve.Call, refusal error) error {
	ctx := c.R.Context()
	view := newCaseView{form: map[string]string{}, errors: page.FieldErrors(ctx, refusal), refusal: refusal, key: freshKey()}
	for _, name := range []string{"subject", "source", "reference", "violation", "facts", "basis", "kind", "content", "title", "url", "evidence"} {
		view.form[name] = c.R.FormValue(name)
	}
	if err := c.Read(func(r db.Reader) (err error) {
		view.types, err = violations(ctx, r, view.form["violation"])
		return err
	}); err != nil {
		return err
	}
	view.frame = d.frame(c, "/operator/cases", text.T(ctx, "enforcement.desk.open"))
	return show(c, refusal, newCasePage(view))
}

// violations are the kinds of violation of the rulebook, by clause.
func violations(ctx context.Context, r db.Reader, chosen string) ([]page.Option, error) {
	types, err := enforcement.Types(ctx, r)
	out := make([]page.Option, 0, len(types))
	for clause, t := range types {
		out = append(out, page.Option{Value: clause, Label: page.BreachWord(ctx, clause) + " · " + text.Clause(text.From(ctx), clause) + " · " + text.T(ctx, "enforcement.severity."+t.Severity), Chosen: clause == chosen})
	}
	slices.SortFunc(out, func(a, b page.Option) int { return strings.Compare(a.Value, b.Value) })
	return append([]page.Option{page.Choose(ctx)}, out...), err
}

func (d desk) openCase(c *serve.Call) error {
	form := func(name string) string { return strings.TrimSpace(c.R.PostFormValue(name)) }
	in := enforcement.Opening{
		Subject: account.ID(form("subject")), Source: enforcement.Source(form("source")), Reference: form("reference"), Violation: form("violation"), Facts: form("facts"),
		Basis: form("basis"),
	}
	if form("content") != "" {
		in.Content = enforcement.Content{Kind: form("kind"), ID: form("content")}
	}
	if form("evidence") != "" {
		in.Evidence = []enforcement.Item{{Kind: enforcement.Capture, Title: form("title"), URL: form("url"), Content: []byte(form("evidence"))}}
	}
	opened, err := serve.Do(c, serve.Intent{Name: "enforcement.open", Input: []any{in, form("facts"), form("evidence")}, Subjects: []string{form("subject")}, Clauses: []string{"UA 8.2"}}, func(tx *db.Tx) (enforcement.ID, error) {
		k, err := enforcement.Open(c.R.Context(), tx, c.Actor, in)
		return k.ID, err
	})
	switch {
	case err == nil:
		return c.Redirect(casePath(opened))
	case correctable(err), errors.Is(err, account.ErrNotFound):
		return d.newCaseAgain(c, err)
	}
	return err
}

// caseView is a case on the desk.
type caseView struct {
	frame
	enforcement.Dossier
	of       account.Account
	people   staff // who decided
	proposal enforcement.Proposal
	rights   []page.Option // that a termination may end
	kinds    []page.Option // of content that can be blocked
	trail    []page.AuditEntry
	by       audit.Actor
	now      time.Time
	refusal  error
	errors   map[string]string
	form     func(name string) string
	posted   bool
	chosen   map[string][]string
	opened   string // content of an exhibit, after its reason was given
	exhibit  string
	key      string
}

func (v caseView) officer() bool { return v.by.Has(account.Compliance) }

func (v caseView) version() []page.Hidden {
	return []page.Hidden{{Name: "version", Value: strconv.FormatInt(v.Version, 10)}}
}

func (v caseView) path() string { return casePath(v.ID) }

// plan is what the rulebook suggests of a kind.
func (v caseView) plan(k enforcement.Kind) (enforcement.Plan, bool) {
	i := slices.IndexFunc(v.proposal.Measures, func(p enforcement.Plan) bool { return p.Kind == k })
	if i < 0 {
		return enforcement.Plan{}, false
	}
	return v.proposal.Measures[i], true
}

// ticked reports whether a measure is chosen: as it was sent, or as suggested.
func (v caseView) ticked(k enforcement.Kind) bool {
	if v.posted {
		return slices.Contains(v.chosen["measure"], string(k))
	}
	_, suggested := v.plan(k)
	return suggested
}

// value is what was typed, or what the rulebook suggests.
func (v caseView) value(name string, k enforcement.Kind) string {
	if v.posted {
		return v.form(name)
	}
	if p, ok := v.plan(k); ok && p.Days > 0 {
		return strconv.Itoa(p.Days)
	}
	return ""
}

func (v caseView) functions(ctx context.Context) (out []page.Option) {
	suggested, _ := v.plan(enforcement.Restrict)
	taken := suggested.Functions
	if v.posted {
		taken = v.chosen["functions"]
	}
	for _, f := range enforcement.Functions {
		if f == account.LoginReadonly || v.Dossier.Vendor == "" && slices.Contains([]string{enforcement.Publish, enforcement.Shop, enforcement.Sell}, f) {
			continue
		}
		all := slices.Contains(taken, "all") && !slices.Contains([]string{enforcement.Publish, enforcement.Shop, enforcement.Sell}, f)
		out = append(out, page.Option{Value: f, Label: text.T(ctx, "enforcement.function."+f), Chosen: all || slices.Contains(taken, f)})
	}
	return out
}

// running are the measures that an appeal may change.
func (v caseView) running() (out []enforcement.Measure) {
	for _, m := range v.Measures {
		if m.State.Running() || m.State == enforcement.MeasureDecided {
			out = append(out, m)
		}
	}
	return out
}

func (d desk) kase(c *serve.Call) error { return d.caseAgain(c, nil, "", "") }

func (d desk) caseAgain(c *serve.Call, refusal error, exhibit, opened string) error {
	ctx, id := c.R.Context(), enforcement.ID(c.R.PathValue("case"))
	view := caseView{
		by: c.Actor, now: c.Now(), refusal: refusal, errors: page.FieldErrors(ctx, refusal), key: freshKey(), form: c.R.PostFormValue, posted: refusal != nil, chosen: c.R.PostForm,
		exhibit: exhibit, opened: opened,
	}
	for kind := range c.Market.Enforcing.Content {
		view.kinds = append(view.kinds, page.Option{Value: kind, Label: text.T(ctx, "enforcement.content."+kind)})
	}
	slices.SortFunc(view.kinds, func(a, b page.Option) int { return strings.Compare(a.Value, b.Value) })
	if err := c.Read(func(r db.Reader) (err error) {
		if view.Dossier, err = enforcement.Get(ctx, r, c.Actor, id); err != nil {
			return err
		}
		if view.of, err = account.Get(ctx, r, view.Subject); err != nil {
			return err
		}
		view.people = staffOf(ctx, r, view.DecidedBy, view.SecondBy)
		if view.proposal, err = enforcement.Suggest(ctx, r, view.Case); err != nil {
			return err
		}
		if view.rights, err = rightOptions(ctx, r, view.Subject, view.Right); err != nil {
			return err
		}
		acts, err := audit.Of(ctx, r, string(id))
		view.trail = trail(acts)
		return err
	}); err != nil {
		return err
	}
	view.frame = d.frame(c, "/operator/cases", text.T(ctx, "enforcement.case.title", "What", page.BreachWord(ctx, view.Violation)))
	return show(c, refusal, casePage(view))
}

// rightOptions are the rights of an account that a termination may end.
func rightOptions(ctx context.Context, r db.Reader, of account.ID, about entitlement.ID) (out []page.Option, err error) {
	all, err := entitlement.Mine(ctx, r, of)
	for _, e := range all {
		switch e.State {
		case entitlement.Pending, entitlement.Active, entitlement.Suspended, entitlement.Expired:
			out = append(out, page.Option{Value: string(e.ID), Label: e.Name, Hint: string(e.ID) + " · " + text.T(ctx, "entitlement.state."+string(e.State)), Chosen: e.ID == about})
		}
	}
	return out, err
}

// rulebookVersion names a version of the rules of enforcement: "enforcement#1".
func rulebookVersion(ctx context.Context, rulebook string) string {
	_, number, _ := strings.Cut(rulebook, "#")
	return text.T(ctx, "enforcement.rulebook.n", "Number", number)
}

func caseTerms(ctx context.Context, v caseView) []page.Term {
	out := []page.Term{
		{Label: text.T(ctx, "enforcement.subject"), Value: page.Anchor(homeOf(string(v.Subject)), v.of.DisplayName)},
		{Label: text.T(ctx, "enforcement.source"), Text: text.T(ctx, "enforcement.source."+string(v.Source))},
		{Label: text.T(ctx, "enforcement.rule"), Value: clauseRow(v.Clauses)},
		{Label: text.T(ctx, "enforcement.facts"), Text: v.Facts},
		{Label: text.T(ctx, "enforcement.opened"), Value: page.Time(v.OpenedAt)},
		{Label: text.T(ctx, "enforcement.rulebook"), Text: rulebookVersion(ctx, v.Rulebook)},
		{Label: text.T(ctx, "enforcement.points"), Text: text.T(ctx, "enforcement.points.text", "Points", v.proposal.Points, "Own", v.proposal.Type.Points)},
	}
	add := func(key string, value templ.Component, shown bool) {
		if shown {
			out = append(out, page.Term{Label: text.T(ctx, key), Value: value})
		}
	}
	add("enforcement.reference", page.Str(v.Reference), v.Reference != "")
	add("enforcement.basis", page.Str(v.Basis), v.Basis != "")
	add("enforcement.content", page.Anchor(homeOf(v.Content.ID), v.Content.ID), v.Content.ID != "")
	add("enforcement.right", page.ID(string(v.Right)), v.Right != "")
	add("enforcement.reasons", page.Str(v.Reasons), v.Reasons != "")
	add("enforcement.decided.by", page.Str(v.people.who(v.DecidedBy)), v.DecidedBy != "")
	add("enforcement.second.by", page.Str(v.people.who(v.SecondBy)), v.SecondBy != "")
	add("enforcement.served", page.Time(v.ServedAt), !v.ServedAt.IsZero())
	add("enforcement.notice", page.ID(v.Notice), v.Notice != "")
	add("enforcement.appeal.until", page.Time(v.AppealUntil), !v.AppealUntil.IsZero())
	add("enforcement.final", page.Time(v.FinalAt), !v.FinalAt.IsZero())
	if v.Ended != nil {
		add("enforcement.dissolved", page.Time(v.Ended.DissolvedAt), true)
		add("enforcement.purge", page.Time(v.Ended.PurgeAt), true)
	}
	return out
}

// number reads a whole number of days; what is empty is none.
func number(s, field string) (int, error) {
	if s = strings.TrimSpace(s); s == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 {
		return 0, enforcement.ErrInvalid.In(field)
	}
	return n, nil
}

// decision reads the form of a decision.
func decision(form func(string) string, many map[string][]string) (in enforcement.Decision, err error) {
	in.Reasons, in.Points = form("reasons"), -1
	for clause := range strings.FieldsFuncSeq(form("clauses"), func(r rune) bool { return r == ',' || r == '，' || r == '\n' || r == '；' || r == ';' }) {
		if clause = strings.TrimSpace(clause); clause != "" {
			in.Clauses = append(in.Clauses, clause)
		}
	}
	content := enforcement.Content{Kind: form("kind"), ID: strings.TrimSpace(form("content"))}
	for _, k := range many["measure"] {
		p := enforcement.Plan{Kind: enforcement.Kind(k)}
		var bad error
		switch p.Kind {
		case enforcement.Rectify:
			p.Content, p.Demand = content, form("demand")
			p.Days, bad = number(form("rectify_days"), "rectify_days")
		case enforcement.Block:
			p.Content = content
			p.Days, bad = number(form("block_days"), "block_days")
		case enforcement.Restrict:
			p.Functions = many["functions"]
			p.Days, bad = number(form("restrict_days"), "restrict_days")
		case enforcement.Terminate:
			for _, id := range many["rights"] {
				p.Rights = append(p.Rights, entitlement.ID(id))
			}
		case enforcement.Other:
			p.Demand, p.Necessity = form("other"), form("necessity")
			if p.Days, bad = number(form("other_days"), "other_days"); bad == nil {
				p.ReviewDays, bad = number(form("review_days"), "review_days")
			}
		}
		if bad != nil {
			return in, bad
		}
		in.Measures = append(in.Measures, p)
	}
	return in, nil
}

// verdict reads the form of an appeal's decision.
func verdict(form func(string) string, many map[string][]string) (in enforcement.Verdict, err error) {
	in = enforcement.Verdict{Outcome: enforcement.State(form("outcome")), Reasons: form("reasons")}
	if in.Outcome != enforcement.Revised {
		return in, nil
	}
	for _, id := range many["lift"] {
		in.Lift = append(in.Lift, enforcement.MeasureID(id))
	}
	for name, values := range many {
		id, ok := strings.CutPrefix(name, "days_")
		if !ok || strings.TrimSpace(values[0]) == "" {
			continue
		}
		n, err := number(values[0], "days")
		if err != nil {
			return in, err
		}
		if in.Days == nil {
			in.Days = map[enforcement.MeasureID]int{}
		}
		in.Days[enforcement.MeasureID(id)] = n
	}
	return in, nil
}

// onCase does one thing to a case that was seen at a version.
func (d desk) onCase(c *serve.Call) error {
	id, do := enforcement.ID(c.R.PathValue("case")), c.R.PathValue("do")
	item := enforcement.Item{Kind: enforcement.File}
	if do == "file" {
		u, content, err := c.Held("file", enforcement.Largest)
		if err != nil {
			return err
		}
		item.Title, item.MediaType, item.Content = u.Name, u.MediaType, content
	} else if err := c.R.ParseForm(); err != nil {
		return serve.ErrBadRequest
	}
	form, many, rules := c.R.PostFormValue, c.R.PostForm, c.Market.Enforcing
	var seen int64
	if do == "file" {
		// A form with a file carries nothing else: the case is as it is now.
		if err := c.Read(func(r db.Reader) error {
			k, err := enforcement.Get(c.R.Context(), r, c.Actor, id)
			seen = k.Version
			return err
		}); err != nil {
			return err
		}
	} else {
		var err error
		if seen, err = strconv.ParseInt(form("version"), 10, 64); err != nil {
			return serve.ErrBadRequest
		}
	}
	var err error
	var act func(ctx context.Context, tx *db.Tx) error
	switch do {
	case "file":
		act = func(ctx context.Context, tx *db.Tx) error {
			_, err := enforcement.Add(ctx, tx, c.Actor, id, seen, item)
			return err
		}
	case "evidence":
		item := enforcement.Item{Kind: enforcement.Capture, Title: form("title"), URL: form("url"), Content: []byte(form("evidence"))}
		act = func(ctx context.Context, tx *db.Tx) error {
			_, err := enforcement.Add(ctx, tx, c.Actor, id, seen, item)
			return err
		}
	case "hear":
		act = func(ctx context.Context, tx *db.Tx) error {
			_, err := enforcement.Hear(ctx, tx, c.Actor, id, seen, form("hearing"))
			return err
		}
	case "dismiss":
		act = func(ctx context.Context, tx *db.Tx) error {
			_, err := enforcement.Dismiss(ctx, tx, c.Actor, id, seen, form("why"))
			return err
		}
	case "decide":
		var in enforcement.Decision
		if in, err = decision(form, many); err != nil {
			return d.caseAgain(c, err, "", "")
		}
		act = func(ctx context.Context, tx *db.Tx) error {
			_, err := rules.Decide(ctx, tx, c.Actor, id, seen, in)
			return err
		}
	case "confirm":
		act = func(ctx context.Context, tx *db.Tx) error {
			_, err := rules.Confirm(ctx, tx, c.Actor, id, seen, form("do") == "confirm", form("why"))
			return err
		}
	case "appeal":
		var in enforcement.Verdict
		if in, err = verdict(form, many); err != nil {
			return d.caseAgain(c, err, "", "")
		}
		act = func(ctx context.Context, tx *db.Tx) error {
			_, err := rules.DecideAppeal(ctx, tx, c.Actor, id, seen, in)
			return err
		}
	case "claim":
		var amount money.Amount
		if amount, err = money.Parse(strings.TrimSpace(form("amount")), money.CNY); err != nil {
			return d.caseAgain(c, enforcement.ErrInvalid.In("amount"), "", "")
		}
		in := enforcement.Claim{
			Claimant: enforcement.Claimant(form("claimant")), Vendor: vendor.ID(strings.TrimSpace(form("vendor"))), Name: form("name"), Amount: amount, Grounds: form("grounds"), Evidence: many["exhibits"],
		}
		act = func(ctx context.Context, tx *db.Tx) error {
			_, err := enforcement.FileClaim(ctx, tx, c.Actor, id, in)
			return err
		}
	default:
		return serve.ErrNotFound
	}
	return d.caseDone(c, command(c, "enforcement."+do, []string{"UA 8.2"}, []string{string(id)}, []any{seen, many}, act))
}

func (d desk) caseDone(c *serve.Call, err error) error {
	switch {
	case err == nil:
		return c.Redirect("/operator/cases/" + c.R.PathValue("case"))
	case correctable(err), errors.Is(err, enforcement.ErrSecond), errors.Is(err, vendor.ErrNotFound):
		return d.caseAgain(c, err, "", "")
	}
	return err
}

// onMeasure lifts one measure, judges an order, or adopts or drops a proposal.
func (d desk) onMeasure(c *serve.Call) error {
	id, form, rules := enforcement.MeasureID(c.R.PathValue("measure")), c.R.PostFormValue, c.Market.Enforcing
	seen, err := strconv.ParseInt(form("version"), 10, 64)
	if err != nil {
		return serve.ErrBadRequest
	}
	do, why := form("do"), form("why")
	err = command(c, "enforcement.measure", []string{"UA 8.2"}, []string{c.R.PathValue("case"), string(id)}, []any{seen, do, why}, func(ctx context.Context, tx *db.Tx) (err error) {
		switch do {
		case "lift":
			_, err = rules.Lift(ctx, tx, c.Actor, id, seen, why)
		case "complied", "overdue":
			_, err = rules.Judge(ctx, tx, c.Actor, id, seen, do == "complied", why)
		case "adopt":
			_, err = rules.Adopt(ctx, tx, c.Actor, id, seen, why)
		case "drop":
			_, err = rules.Drop(ctx, tx, c.Actor, id, seen, why)
		default:
			err = serve.ErrBadRequest
		}
		return err
	})
	return d.caseDone(c, err)
}

// openExhibit shows a piece of evidence in this answer, after a record of who
// looked and why. The form carries no key: its answer would keep the content.
func (d desk) openExhibit(c *serve.Call) error {
	id := c.R.PathValue("exhibit")
	var e enforcement.Exhibit
	var content []byte
	err := serve.Act(c, serve.Intent{Name: "enforcement.look", Subjects: []string{id}, Clauses: []string{"UA 8.2"}}, func(tx *db.Tx) (err error) {
		e, content, err = enforcement.Look(c.R.Context(), tx, c.Actor, id, c.R.PostFormValue("why"))
		return err
	})
	if err != nil {
		return d.caseDone(c, err)
	}
	if strings.HasPrefix(e.MediaType, "text/") {
		c.W.Header().Set("Cache-Control", "no-store")
		return d.caseAgain(c, nil, id, string(content))
	}
	return handOut(c, "application/octet-stream", id, content)
}

func (d desk) moveClaim(c *serve.Call) error {
	id, form := c.R.PathValue("claim"), c.R.PostFormValue
	seen, err := strconv.ParseInt(form("version"), 10, 64)
	if err != nil {
		return serve.ErrBadRequest
	}
	settled := money.Zero(money.CNY)
	if typed := strings.TrimSpace(form("settled")); typed != "" {
		if settled, err = money.Parse(typed, money.CNY); err != nil {
			return d.caseAgain(c, enforcement.ErrInvalid.In("amount"), "", "")
		}
	}
	to := enforcement.ClaimState(form("to"))
	return d.caseDone(c, command(c, "enforcement.claim.move", []string{"UA 8.5"}, []string{c.R.PathValue("case"), id}, []any{seen, to, settled, form("why")}, func(ctx context.Context, tx *db.Tx) error {
		_, err := enforcement.MoveClaim(ctx, tx, c.Actor, id, seen, to, settled, form("why"))
		return err
	}))
}

func sourceOptions(ctx context.Context) (out []page.Option) {
	for _, s := range enforcement.Sources {
		out = append(out, page.Option{Value: string(s), Label: text.T(ctx, "enforcement.source."+string(s))})
	}
	return out
}

func claimantOptions(ctx context.Context) (out []page.Option) {
	for _, c := range []enforcement.Claimant{enforcement.OfOperator, enforcement.OfVendor, enforcement.OfThirdParty} {
		out = append(out, page.Option{Value: string(c), Label: text.T(ctx, "enforcement.claimant."+string(c))})
	}
	return out
}

func claimOptions(ctx context.Context, from enforcement.ClaimState) (out []page.Option) {
	for _, s := range enforcement.ClaimMoves(from) {
		out = append(out, page.Option{Value: string(s), Label: text.T(ctx, "enforcement.claim."+string(s))})
	}
	return out
}

func exhibitOptions(ctx context.Context, all []enforcement.Exhibit) (out []page.Option) {
	for _, e := range all {
		out = append(out, page.Option{Value: e.ID, Label: text.T(ctx, "enforcement.item."+string(e.Kind)) + " " + e.Title, Hint: e.SHA256[:16]})
	}
	return out
}

func firstOf(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
