package operatordesk

import (
	"context"
	"errors"
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
	"yunshi/internal/market/catalog"
	"yunshi/internal/market/complaint"
	"yunshi/internal/market/refund"
	"yunshi/internal/market/vendor"
)

// disputeRoutes are the staff's pages about complaints, claims, reports and what
// the operator has learnt.
func (d desk) disputeRoutes() []serve.Route {
	helpers := serve.Staff(account.Support, account.Compliance, account.Superadmin)
	officers := serve.Staff(account.Support, account.Compliance)
	return []serve.Route{
		{Pattern: "GET /operator/complaints", Access: helpers, Handle: d.complaints},
		{Pattern: "GET /operator/complaints/{id}", Access: helpers, Handle: d.complaint},
		{Pattern: "POST /operator/complaints/{id}/sort", Access: officers, Handle: d.sortComplaint},
		{Pattern: "POST /operator/complaints/{id}/answer", Access: officers, Handle: d.answerComplaint},
		{Pattern: "POST /operator/complaints/{id}/mediate", Access: officers, Handle: d.mediateComplaint},
		{Pattern: "POST /operator/complaints/{id}/decide", Access: officers, Handle: d.decideComplaint},
		{Pattern: "POST /operator/complaints/{id}/evidence", Access: officers, Handle: d.attachToComplaint},
		{Pattern: "GET /operator/complaints/{id}/evidence/{file}", Access: helpers, Handle: d.openEvidence},
		{Pattern: "POST /operator/matters/{id}/complain", Access: officers, Handle: d.complainOfMatter},
		{Pattern: "GET /operator/claims/{id}", Access: helpers, Handle: d.claim},
		{Pattern: "POST /operator/claims/{id}/offer", Access: officers, Handle: d.mediateClaim},
		{Pattern: "POST /operator/claims/{id}/evidence", Access: officers, Handle: d.attachToClaim},
		{Pattern: "GET /operator/claims/{id}/evidence/{file}", Access: helpers, Handle: d.openEvidence},
		{Pattern: "GET /operator/reports/{id}", Access: helpers, Handle: d.report},
		{Pattern: "POST /operator/reports/{id}/pass", Access: officers, Handle: d.passReport},
		{Pattern: "POST /operator/reports/{id}/settle", Access: officers, Handle: d.settleReport},
		{Pattern: "GET /operator/knowledge/{id}", Access: helpers, Handle: d.knowledge},
		{Pattern: "POST /operator/knowledge/{id}", Access: officers, Handle: d.actOnKnowledge},
	}
}

func topicText(ctx context.Context, topic string) string {
	return text.T(ctx, "complaint.topic."+topic)
}

// kindText names what a report or a knowledge task is about.
func kindText(ctx context.Context, kind string) string {
	if key := "complaint.topic." + kind; text.Has(text.From(ctx), key) {
		return text.T(ctx, key)
	}
	return page.BreachWord(ctx, kind)
}

func matterText(ctx context.Context, m complaint.Matter) string {
	if m == "" {
		return text.T(ctx, "complaint.matter.none")
	}
	return text.T(ctx, "complaint.matter."+string(m))
}

func complaintItem(ctx context.Context, r db.Reader, q complaint.Complaint, due time.Time) page.QueueItem {
	item := page.QueueItem{
		Href: "/operator/complaints/" + string(q.ID), Title: topicText(ctx, q.Topic), ID: string(q.ID), Chip: page.ComplaintChip(string(q.State)),
		Due: due, Note: matterText(ctx, q.Matter),
	}
	if q.Vendor != "" {
		if v, err := vendor.Get(ctx, r, q.Vendor); err == nil {
			item.Who = v.RegisteredName
		}
	}
	return item
}

// complaintItems is the operator's own work: complaints to sort, answer or decide,
// reports, and knowledge tasks.
func complaintItems(ctx context.Context, r db.Reader) (items []page.QueueItem, err error) {
	mine, err := complaint.Desk(ctx, r, 500)
	if err != nil {
		return nil, err
	}
	for _, q := range mine {
		items = append(items, complaintItem(ctx, r, q, q.OperatorDue))
	}
	reports, err := reportItems(ctx, r)
	if err != nil {
		return nil, err
	}
	tasks, err := taskItems(ctx, r)
	return append(append(items, reports...), tasks...), err
}

func reportItems(ctx context.Context, r db.Reader) (items []page.QueueItem, err error) {
	all, err := complaint.OpenReports(ctx, r, 500)
	for _, p := range all {
		items = append(items, page.QueueItem{
			Href: "/operator/reports/" + string(p.ID), Title: kindText(ctx, p.Kind), ID: string(p.ID), Chip: page.ReportChip(string(p.State)), Due: p.Due,
			Note: text.T(ctx, "complaint.report.title"),
		})
	}
	return items, err
}

func taskItems(ctx context.Context, r db.Reader) (items []page.QueueItem, err error) {
	open, _, err := complaint.Tasks(ctx, r, 500)
	for _, t := range open {
		items = append(items, page.QueueItem{
			Href: "/operator/knowledge/" + string(t.ID), Title: text.T(ctx, "complaint.desk.task.title", "Product", productNamed(ctx, r, t.Product), "Kind", kindText(ctx, t.Kind)),
			ID: string(t.ID), Due: t.Due, Note: text.T(ctx, "complaint.desk.tasks"),
		})
	}
	return items, err
}

// productNamed is a product's name as listed, or its id.
func productNamed(ctx context.Context, r db.Reader, id catalog.ProductID) string {
	listed, err := catalog.Versions(ctx, r, id)
	if err != nil || len(listed) == 0 {
		return string(id)
	}
	return listed[0].Content.Name.In(text.From(ctx))
}

type complaintsView struct {
	frame
	now                                   time.Time
	mine, vendors, claims, reports, tasks []page.QueueItem
	late                                  []refund.Matter
	all                                   []complaint.Complaint
	done                                  []complaint.Task
	names                                 map[catalog.ProductID]string
	next, key                             string
	acts                                  bool
}

func (d desk) complaints(c *serve.Call) error {
	ctx := c.R.Context()
	view := complaintsView{now: c.Now(), names: map[catalog.ProductID]string{}, key: freshKey(), acts: c.Actor.Has(account.Support) || c.Actor.Has(account.Compliance)}
	if err := c.Read(func(r db.Reader) (err error) {
		mine, err := complaint.Desk(ctx, r, 500)
		if err != nil {
			return err
		}
		for _, q := range mine {
			view.mine = append(view.mine, complaintItem(ctx, r, q, q.OperatorDue))
		}
		awaited, err := complaint.Awaited(ctx, r, 500)
		if err != nil {
			return err
		}
		for _, q := range awaited {
			view.vendors = append(view.vendors, complaintItem(ctx, r, q, q.VendorDue))
		}
		claims, err := complaint.OpenClaims(ctx, r, 500)
		if err != nil {
			return err
		}
		for _, q := range claims {
			item := page.QueueItem{Href: "/operator/claims/" + string(q.ID), Title: page.MoneyText(ctx, q.AskedDamages) + " · " + text.T(ctx, "claim.ground."+string(q.Ground)), ID: string(q.Order), Chip: page.ClaimChip(string(q.State))}
			if q.State == complaint.ClaimOpened {
				item.Due = q.ReplyDue
			}
			view.claims = append(view.claims, item)
		}
		if view.reports, err = reportItems(ctx, r); err != nil {
			return err
		}
		if view.tasks, err = taskItems(ctx, r); err != nil {
			return err
		}
		if _, view.done, err = complaint.Tasks(ctx, r, 20); err != nil {
			return err
		}
		for _, t := range view.done {
			view.names[t.Product] = productNamed(ctx, r, t.Product)
		}
		if view.late, err = complaint.LateMatters(ctx, r, perPage); err != nil {
			return err
		}
		view.all, err = complaint.All(ctx, r, complaint.ID(c.R.URL.Query().Get("before")), perPage+1)
		return err
	}); err != nil {
		return err
	}
	if len(view.all) > perPage {
		view.all = view.all[:perPage]
		view.next = "/operator/complaints?before=" + string(view.all[perPage-1].ID)
	}
	view.frame = d.frame(c, "/operator/complaints", text.T(ctx, "operatordesk.nav.complaints"))
	return show(c, nil, complaintsPage(view))
}

func complainedRows(ctx context.Context, all []complaint.Complaint) (rows [][]templ.Component) {
	for _, q := range all {
		rows = append(rows, []templ.Component{
			linked("/operator/complaints/"+string(q.ID), topicText(ctx, q.Topic), string(q.ID)), page.ComplaintChip(string(q.State)),
			page.Str(matterText(ctx, q.Matter)), page.Time(q.SubmittedAt),
		})
	}
	return rows
}

func doneRows(ctx context.Context, v complaintsView) (rows [][]templ.Component) {
	for _, t := range v.done {
		rows = append(rows, []templ.Component{
			page.Anchor("/operator/knowledge/"+string(t.ID), v.names[t.Product]), page.Str(kindText(ctx, t.Kind)),
			page.Str(text.T(ctx, "complaint.action."+string(t.Action))), page.Time(t.DoneAt),
		})
	}
	return rows
}

type complaintView struct {
	frame
	complaint.Record
	dispute page.Dispute
	vendor  string
	product string
	account string
	trail   []page.AuditEntry
	by      audit.Actor
	now     time.Time
	refusal error
	errors  map[string]string
	typed   func(string) string
	key     string
}

func (v complaintView) path() string { return "/operator/complaints/" + string(v.Complaint.ID) }

func (v complaintView) version() []page.Hidden {
	return []page.Hidden{{Name: "version", Value: strconv.FormatInt(v.Complaint.Version, 10)}}
}

// acts reports whether the reader may do more than look.
func (v complaintView) acts() bool { return v.by.Has(account.Support) || v.by.Has(account.Compliance) }

func (d desk) complaint(c *serve.Call) error { return d.complaintAgain(c, nil) }

func (d desk) complaintAgain(c *serve.Call, refusal error) error {
	ctx := c.R.Context()
	view := complaintView{by: c.Actor, now: c.Now(), refusal: refusal, errors: page.FieldErrors(ctx, refusal), typed: c.R.PostFormValue, key: freshKey()}
	if err := c.Read(func(r db.Reader) (err error) {
		if view.Record, err = complaint.RecordOf(ctx, r, c.Actor, complaint.ID(c.R.PathValue("id"))); err != nil {
			return err
		}
		if view.Complaint.Vendor != "" {
			v, err := vendor.Get(ctx, r, view.Complaint.Vendor)
			if err != nil {
				return err
			}
			view.vendor = v.RegisteredName
		}
		if view.Complaint.Product != "" {
			view.product = productNamed(ctx, r, view.Complaint.Product)
		}
		of, err := account.Get(ctx, r, view.Complaint.Account)
		if err != nil {
			return err
		}
		view.account = of.DisplayName
		acts, err := audit.Of(ctx, r, string(view.Complaint.ID))
		view.trail = trail(acts)
		return err
	}); err != nil {
		return err
	}
	view.dispute = c.Complained(view.Record, view.path(), refusal)
	view.dispute.Speaks = false
	view.dispute.Attaches = view.dispute.Attaches && view.acts()
	view.frame = d.frame(c, "/operator/complaints", text.T(ctx, "complaint.vendor.due", "Topic", topicText(ctx, view.Complaint.Topic)))
	return show(c, refusal, complaintPage(view))
}

func complaintTerms(ctx context.Context, v complaintView) []page.Term {
	q := v.Complaint
	out := []page.Term{
		{Label: text.T(ctx, "complaint.matter"), Text: matterText(ctx, q.Matter)},
		{Label: text.T(ctx, "complaint.text"), Text: q.Text},
		{Label: text.T(ctx, "complaint.demand"), Text: q.Demand},
		{Label: text.T(ctx, "complaint.submitted_at"), Value: page.Time(q.SubmittedAt)},
	}
	add := func(key string, value templ.Component, shown bool) {
		if shown {
			out = append(out, page.Term{Label: text.T(ctx, key), Value: value})
		}
	}
	add("complaint.why", page.Str(text.T(ctx, "complaint.reason."+orTopic(q.Reason))), q.Reason != "")
	add("complaint.order", linked(homeOf(string(q.Order)), v.product, string(q.Order)), q.Order != "")
	add("complaint.report.product", linked(homeOf(string(q.Product)), v.product, string(q.Product)), q.Product != "")
	add("page.seller", page.Anchor(homeOf(string(q.Vendor)), v.vendor), q.Vendor != "")
	add("base.account", linked(homeOf(string(q.Account)), v.account, string(q.Account)), true)
	add("complaint.vendor_due", page.Clock(v.now, q.VendorDue), q.VendorOwes)
	add("complaint.operator_due", page.Clock(v.now, q.OperatorDue), q.OperatorOwes || q.State == complaint.Submitted)
	add("complaint.finding", page.Str(text.T(ctx, "complaint.finding."+string(q.Finding))), q.Finding != "")
	add("complaint.outcome", page.Str(text.T(ctx, "complaint.outcome."+string(q.Outcome))), q.Outcome != "")
	for _, p := range v.Packets {
		add("complaint.desk.packet", page.ID(p.SHA256), true)
	}
	return out
}

func orTopic(reason string) string {
	if reason == "" {
		return "topic"
	}
	return reason
}

func matterOptions(ctx context.Context) []page.Option {
	out := []page.Option{page.Choose(ctx)}
	for _, m := range complaint.Matters {
		out = append(out, page.Option{Value: string(m), Label: text.T(ctx, "complaint.matter."+string(m))})
	}
	return out
}

func options[T ~string](ctx context.Context, area string, all []T) []page.Option {
	out := []page.Option{page.Choose(ctx)}
	for _, one := range all {
		out = append(out, page.Option{Value: string(one), Label: text.T(ctx, area+string(one))})
	}
	return out
}

// onComplaint does one thing to a complaint that was seen at a version.
func (d desk) onComplaint(c *serve.Call, name string, in any, do func(ctx context.Context, tx *db.Tx, id complaint.ID, seen int64) error) error {
	id := c.R.PathValue("id")
	seen, err := strconv.ParseInt(c.R.PostFormValue("version"), 10, 64)
	if err != nil {
		return serve.ErrBadRequest
	}
	err = command(c, name, []string{"UA 5.1"}, []string{id}, []any{seen, in}, func(ctx context.Context, tx *db.Tx) error {
		return do(ctx, tx, complaint.ID(id), seen)
	})
	return d.answered(c, err, "/operator/complaints/"+id, d.complaintAgain)
}

// answered leads on after an act, or shows the page again with what went wrong.
func (d desk) answered(c *serve.Call, err error, to string, again func(*serve.Call, error) error) error {
	switch {
	case err == nil:
		return c.Redirect(to)
	case correctable(err) || errors.Is(err, complaint.ErrAnother):
		return again(c, err)
	}
	return err
}

func (d desk) sortComplaint(c *serve.Call) error {
	form := c.R.PostFormValue
	in := complaint.Sorting{Matter: complaint.Matter(form("matter")), Product: catalog.ProductID(strings.TrimSpace(form("product"))), Note: form("note")}
	return d.onComplaint(c, "complaint.sort", in, func(ctx context.Context, tx *db.Tx, id complaint.ID, seen int64) error {
		_, err := c.Market.Complaint.Classify(ctx, tx, c.Actor, id, seen, in)
		return err
	})
}

func (d desk) answerComplaint(c *serve.Call) error {
	said := c.R.PostFormValue("text")
	return d.onComplaint(c, "complaint.answer", said, func(ctx context.Context, tx *db.Tx, id complaint.ID, seen int64) error {
		_, err := c.Market.Complaint.AnswerAsOperator(ctx, tx, c.Actor, id, seen, said)
		return err
	})
}

func (d desk) mediateComplaint(c *serve.Call) error {
	said := c.R.PostFormValue("text")
	return d.onComplaint(c, "complaint.mediate", said, func(ctx context.Context, tx *db.Tx, id complaint.ID, seen int64) error {
		_, err := c.Market.Complaint.Mediate(ctx, tx, c.Actor, id, seen, said)
		return err
	})
}

func (d desk) decideComplaint(c *serve.Call) error {
	form := c.R.PostFormValue
	in := complaint.Ruling{Finding: complaint.Finding(form("finding")), Clause: strings.TrimSpace(form("clause")), Note: form("note")}
	return d.onComplaint(c, "complaint.decide", in, func(ctx context.Context, tx *db.Tx, id complaint.ID, seen int64) error {
		_, err := c.Market.Complaint.Decide(ctx, tx, c.Actor, id, seen, in)
		return err
	})
}

func (d desk) attachToComplaint(c *serve.Call) error {
	return d.answered(c, c.AttachEvidence(c.R.PathValue("id")), "/operator/complaints/"+c.R.PathValue("id"), d.complaintAgain)
}

func (d desk) attachToClaim(c *serve.Call) error {
	return d.answered(c, c.AttachEvidence(c.R.PathValue("id")), "/operator/claims/"+c.R.PathValue("id"), d.claimAgain)
}

func (d desk) openEvidence(c *serve.Call) error {
	return c.SendEvidence(c.R.PathValue("id"), c.R.PathValue("file"))
}

// complainOfMatter takes an overdue offline refund up as a complaint.
func (d desk) complainOfMatter(c *serve.Call) error {
	ctx, id := c.R.Context(), c.R.PathValue("id")
	in := complaint.Ask{Text: text.T(ctx, "complaint.desk.offline.text"), Demand: text.T(ctx, "complaint.desk.offline")}
	made, err := serve.Do(c, serve.Intent{Name: "complaint.from_matter", Input: id, Subjects: []string{id}, Clauses: []string{"UA 4.5", "UA 5.1"}}, func(tx *db.Tx) (complaint.ID, error) {
		made, err := c.Market.Complaint.FromMatter(ctx, tx, c.Actor, refund.MatterID(id), in)
		return made.ID, err
	})
	if err != nil {
		return err
	}
	return c.Redirect("/operator/complaints/" + string(made))
}

type claimView struct {
	frame
	complaint.ClaimRecord
	dispute page.Dispute
	offer   page.OfferFields
	trail   []page.AuditEntry
	by      audit.Actor
	refusal error
}

func (v claimView) acts() bool { return v.by.Has(account.Support) || v.by.Has(account.Compliance) }

func (d desk) claim(c *serve.Call) error { return d.claimAgain(c, nil) }

func (d desk) claimAgain(c *serve.Call, refusal error) error {
	ctx := c.R.Context()
	view := claimView{by: c.Actor, refusal: refusal}
	if err := c.Read(func(r db.Reader) (err error) {
		if view.ClaimRecord, err = complaint.ClaimOf(ctx, r, c.Actor, complaint.ClaimID(c.R.PathValue("id"))); err != nil {
			return err
		}
		acts, err := audit.Of(ctx, r, string(view.Claim.ID))
		view.trail = trail(acts)
		return err
	}); err != nil {
		return err
	}
	path := "/operator/claims/" + string(view.Claim.ID)
	view.dispute = c.Claimed(view.ClaimRecord, path, refusal)
	view.dispute.Speaks = false
	view.dispute.Attaches = view.dispute.Attaches && view.acts()
	view.offer = page.OfferFields{Path: path, Key: freshKey(), Version: view.dispute.Version, Currency: string(view.Claim.Cap.Currency), Errors: page.FieldErrors(ctx, refusal), Typed: c.R.PostFormValue}
	view.frame = d.frame(c, "/operator/complaints", text.T(ctx, "complaint.claims")+" · "+text.T(ctx, "claim.ground."+string(view.Claim.Ground)))
	return show(c, refusal, claimPage(view))
}

func (d desk) mediateClaim(c *serve.Call) error {
	return d.answered(c, c.ClaimOffer(), "/operator/claims/"+c.R.PathValue("id"), d.claimAgain)
}

type reportView struct {
	frame
	complaint.Report
	slug    string
	name    string // of the product
	trail   []page.AuditEntry
	by      audit.Actor
	refusal error
	errors  map[string]string
	typed   func(string) string
	key     string
}

func (v reportView) path() string { return "/operator/reports/" + string(v.ID) }

func (v reportView) version() []page.Hidden {
	return []page.Hidden{{Name: "version", Value: strconv.FormatInt(v.Version, 10)}}
}

func (v reportView) acts() bool { return v.by.Has(account.Support) || v.by.Has(account.Compliance) }

func (d desk) report(c *serve.Call) error { return d.reportAgain(c, nil) }

func (d desk) reportAgain(c *serve.Call, refusal error) error {
	ctx := c.R.Context()
	view := reportView{by: c.Actor, refusal: refusal, errors: page.FieldErrors(ctx, refusal), typed: c.R.PostFormValue, key: freshKey()}
	if err := c.Read(func(r db.Reader) (err error) {
		if view.Report, err = complaint.ReportOf(ctx, r, c.Actor, complaint.ReportID(c.R.PathValue("id"))); err != nil {
			return err
		}
		if view.Product != "" {
			p, err := catalog.Get(ctx, r, view.Product)
			if err != nil {
				return err
			}
			view.slug, view.name = p.Slug, productNamed(ctx, r, p.ID)
		}
		acts, err := audit.Of(ctx, r, string(view.ID))
		view.trail = trail(acts)
		return err
	}); err != nil {
		return err
	}
	view.frame = d.frame(c, "/operator/complaints", text.T(ctx, "complaint.desk.report", "Kind", kindText(ctx, view.Kind)))
	return show(c, refusal, reportPage(view))
}

func reportTerms(ctx context.Context, v reportView) []page.Term {
	p := v.Report
	reporter := text.T(ctx, "complaint.report.reporter.visitor")
	if p.Account != "" {
		reporter = text.T(ctx, "complaint.report.reporter.account")
	}
	out := []page.Term{
		{Label: text.T(ctx, "complaint.report.kind"), Text: kindText(ctx, p.Kind)},
		{Label: text.T(ctx, "complaint.report.text"), Text: p.Text},
		{Label: text.T(ctx, "complaint.report.reporter"), Text: reporter},
		{Label: text.T(ctx, "complaint.submitted_at"), Value: page.Time(p.CreatedAt)},
		{Label: text.T(ctx, "complaint.report.due"), Value: page.Time(p.Due)},
	}
	add := func(key string, value templ.Component, shown bool) {
		if shown {
			out = append(out, page.Term{Label: text.T(ctx, key), Value: value})
		}
	}
	add("complaint.report.place", page.Str(p.Place), p.Place != "")
	add("complaint.report.product", page.Anchor(homeOf(string(p.Product)), v.name), p.Product != "")
	add("complaint.report.case", page.ID(p.Case), p.Case != "")
	add("complaint.outcome", page.Str(text.T(ctx, "complaint.report.outcome."+orActed(p.Outcome))), p.Outcome != "")
	add("complaint.report.reply", page.Str(p.Reply), p.Reply != "")
	return out
}

func orActed(outcome string) string {
	if outcome == "" {
		return "acted"
	}
	return outcome
}

func kindOptions(ctx context.Context) (out []page.Option) {
	for _, k := range complaint.Kinds {
		if k != "other" {
			out = append(out, page.Option{Value: k, Label: kindText(ctx, k)})
		}
	}
	return out
}

func (d desk) onReport(c *serve.Call, name string, in any, do func(ctx context.Context, tx *db.Tx, id complaint.ReportID, seen int64) error) error {
	id := c.R.PathValue("id")
	seen, err := strconv.ParseInt(c.R.PostFormValue("version"), 10, 64)
	if err != nil {
		return serve.ErrBadRequest
	}
	err = command(c, name, []string{"ECL 59"}, []string{id}, []any{seen, in}, func(ctx context.Context, tx *db.Tx) error {
		return do(ctx, tx, complaint.ReportID(id), seen)
	})
	return d.answered(c, err, "/operator/reports/"+id, d.reportAgain)
}

func (d desk) passReport(c *serve.Call) error {
	kind, product := c.R.PostFormValue("kind"), strings.TrimSpace(c.R.PostFormValue("product"))
	return d.onReport(c, "report.pass", []string{kind, product}, func(ctx context.Context, tx *db.Tx, id complaint.ReportID, seen int64) error {
		_, err := c.Market.Complaint.Pass(ctx, tx, c.Actor, id, seen, kind, product)
		return err
	})
}

func (d desk) settleReport(c *serve.Call) error {
	outcome, reply := c.R.PostFormValue("outcome"), c.R.PostFormValue("reply")
	return d.onReport(c, "report.settle", []string{outcome, reply}, func(ctx context.Context, tx *db.Tx, id complaint.ReportID, seen int64) error {
		_, err := c.Market.Complaint.Settle(ctx, tx, c.Actor, id, seen, outcome, reply)
		return err
	})
}

type knowledgeView struct {
	frame
	complaint.Task
	name    string
	heard   []complaint.Heard
	trail   []page.AuditEntry
	by      audit.Actor
	now     time.Time
	refusal error
	errors  map[string]string
	typed   func(string) string
	key     string
}

func (v knowledgeView) acts() bool { return v.by.Has(account.Support) || v.by.Has(account.Compliance) }

func (d desk) knowledge(c *serve.Call) error { return d.knowledgeAgain(c, nil) }

func (d desk) knowledgeAgain(c *serve.Call, refusal error) error {
	ctx := c.R.Context()
	view := knowledgeView{by: c.Actor, now: c.Now(), refusal: refusal, errors: page.FieldErrors(ctx, refusal), typed: c.R.PostFormValue, key: freshKey()}
	if err := c.Read(func(r db.Reader) (err error) {
		if view.Task, view.heard, err = complaint.TaskOf(ctx, r, complaint.TaskID(c.R.PathValue("id"))); err != nil {
			return err
		}
		view.name = productNamed(ctx, r, view.Product)
		acts, err := audit.Of(ctx, r, string(view.ID))
		view.trail = trail(acts)
		return err
	}); err != nil {
		return err
	}
	view.frame = d.frame(c, "/operator/complaints", text.T(ctx, "complaint.desk.task.title", "Product", view.name, "Kind", kindText(ctx, view.Kind)))
	return show(c, refusal, knowledgePage(view))
}

func heardRows(all []complaint.Heard) (rows [][]templ.Component) {
	for _, h := range all {
		rows = append(rows, []templ.Component{page.Anchor(homeOf(h.Source), h.Source), page.Time(h.At)})
	}
	return rows
}

func (d desk) actOnKnowledge(c *serve.Call) error {
	id, a, why := c.R.PathValue("id"), complaint.Action(c.R.PostFormValue("action")), c.R.PostFormValue("note")
	err := command(c, "knowledge.act", []string{"UA 7.1"}, []string{id}, []any{a, why}, func(ctx context.Context, tx *db.Tx) error {
		_, err := complaint.Act(ctx, tx, c.Actor, complaint.TaskID(id), a, why)
		return err
	})
	return d.answered(c, err, "/operator/knowledge/"+id, d.knowledgeAgain)
}
