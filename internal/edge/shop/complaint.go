package shop

import (
	"context"
	"net/http"
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
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/complaint"
	"yunshi/internal/market/order"
	"yunshi/internal/market/refund"
)

// disputeRoutes are the pages about complaints, claims and reports. A measure takes
// none of them from an account: whoever is restricted may still complain.
func disputeRoutes() []serve.Route {
	return []serve.Route{
		{Pattern: "GET /complaints", Access: serve.SignedIn, Handle: complaints},
		{Pattern: "GET /complaints/new", Access: serve.SignedIn, Handle: newComplaint},
		{Pattern: "POST /complaints/new", Access: serve.SignedIn, Handle: submitComplaint},
		{Pattern: "GET /complaints/{id}", Access: serve.SignedIn, Handle: ofUser(showComplaint)},
		{Pattern: "POST /complaints/{id}/contact", Access: serve.SignedIn, Handle: ofUser(contactInComplaint)},
		{Pattern: "POST /complaints/{id}/escalate", Access: serve.SignedIn, Handle: ofUser(escalateComplaint)},
		{Pattern: "POST /complaints/{id}/close", Access: serve.SignedIn, Handle: ofUser(closeComplaint)},
		{Pattern: "POST /complaints/{id}/reopen", Access: serve.SignedIn, Handle: ofUser(reopenComplaint)},
		{Pattern: "POST /complaints/{id}/evidence", Access: serve.SignedIn, Handle: ofUser(attachToComplaint)},
		{Pattern: "GET /complaints/{id}/evidence/{file}", Access: serve.SignedIn, Handle: ofUser(openEvidence)},
		{Pattern: "POST /refunds/{id}/complain", Access: serve.SignedIn, Handle: complainOfMatter},

		{Pattern: "GET /orders/{id}/claim", Access: serve.SignedIn, Handle: newClaim},
		{Pattern: "POST /orders/{id}/claim", Access: serve.SignedIn, Handle: openClaim},
		{Pattern: "GET /claims/{id}", Access: serve.SignedIn, Handle: ofUser(showClaim)},
		{Pattern: "POST /claims/{id}/offer", Access: serve.SignedIn, Handle: ofUser(offerInClaim)},
		{Pattern: "POST /claims/{id}/agree", Access: serve.SignedIn, Handle: ofUser(agreeInClaim)},
		{Pattern: "POST /claims/{id}/court", Access: serve.SignedIn, Handle: ofUser(sueInClaim)},
		{Pattern: "POST /claims/{id}/end", Access: serve.SignedIn, Handle: ofUser(endClaim)},
		{Pattern: "POST /claims/{id}/contact", Access: serve.SignedIn, Handle: ofUser(contactInClaim)},
		{Pattern: "POST /claims/{id}/evidence", Access: serve.SignedIn, Handle: ofUser(attachToClaim)},
		{Pattern: "GET /claims/{id}/evidence/{file}", Access: serve.SignedIn, Handle: ofUser(openEvidence)},

		{Pattern: "GET /report", Access: serve.Public, Handle: reportForm},
		{Pattern: "POST /report", Access: serve.Public, Handle: sendReport},
		{Pattern: "GET /report/confirm", Access: serve.Public, Handle: confirmForm},
		{Pattern: "POST /report/confirm", Access: serve.Public, Handle: confirmReport},
		{Pattern: "GET /report/track", Access: serve.Public, Handle: trackForm},
		{Pattern: "POST /report/track", Access: serve.Public, Handle: trackReport},
		{Pattern: "GET /reports/{id}", Access: serve.SignedIn, Handle: myReport},
	}
}

// ofUser lets only the user's side of a complaint or claim into its pages here.
func ofUser(handle serve.Handler) serve.Handler {
	return func(c *serve.Call) error {
		if err := c.Read(func(r db.Reader) error { return complaint.MustBeUser(c.R.Context(), r, c.Actor, c.R.PathValue("id")) }); err != nil {
			return err
		}
		return handle(c)
	}
}

func complaintsCrumb(c *serve.Call) page.Link {
	return page.Link{Label: text.T(c.R.Context(), "complaint.title"), Href: "/complaints"}
}

// rulesComplaints explains complaints, claims and reports, and the ways beside them.
func rulesComplaints(c *serve.Call) error {
	var forum page.Forum
	var book agreement.Version
	if err := c.Read(func(r db.Reader) (err error) {
		if forum, err = c.Forum(r); err != nil {
			return err
		}
		book, err = agreement.ReadDocument(c.R.Context(), r, "complaint", 0)
		return err
	}); err != nil {
		return err
	}
	return show(c, http.StatusOK, complaintHelp(chrome(c, text.T(c.R.Context(), "complaint.title"), rulesCrumb(c)), book, forum, c.Lang))
}

// complaintsView is the one list of both tracks.
type complaintsView struct {
	Complaints []complaint.Complaint
	Claims     []complaint.Claim
	Reports    []complaint.Report
	Names      map[order.ID]string
	Pages      page.Pages
}

func complaints(c *serve.Call) error {
	ctx := c.R.Context()
	v := complaintsView{Names: map[order.ID]string{}}
	before := complaint.ID(c.R.FormValue("before"))
	if err := c.Read(func(r db.Reader) (err error) {
		if v.Complaints, err = complaint.Mine(ctx, r, c.Actor, before, ordersPerPage+1); err != nil {
			return err
		}
		if before == "" {
			if v.Claims, err = complaint.MyClaims(ctx, r, c.Actor, ordersPerPage); err != nil {
				return err
			}
			if v.Reports, err = complaint.MyReports(ctx, r, c.Actor, ordersPerPage); err != nil {
				return err
			}
		}
		name := func(id order.ID) error {
			if id == "" {
				return nil
			}
			o, err := order.Any(ctx, r, id)
			v.Names[id] = nameOf(o, c.Lang)
			return err
		}
		for _, q := range v.Complaints {
			if err := name(q.Order); err != nil {
				return err
			}
		}
		for _, q := range v.Claims {
			if err := name(q.Order); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		return err
	}
	if len(v.Complaints) > ordersPerPage {
		v.Complaints = v.Complaints[:ordersPerPage]
		v.Pages.Next = "/complaints?before=" + escape(string(v.Complaints[ordersPerPage-1].ID))
	}
	return show(c, http.StatusOK, complaintsPage(chrome(c, text.T(ctx, "complaint.title"), accountCrumb(c)), v))
}

func complaintsTable(ctx context.Context, v complaintsView) page.Table {
	out := page.Table{
		Caption: text.T(ctx, "complaint.title"), Hidden: true,
		Columns: []page.Column{{Label: text.T(ctx, "complaint.topic")}, {Label: text.T(ctx, "complaint.state")}, {Label: text.T(ctx, "complaint.handler")}, {Label: text.T(ctx, "complaint.due")}, {Label: text.T(ctx, "shop.column.product")}},
		Empty: page.Empty{Title: text.T(ctx, "complaint.list.empty"), Text: text.T(ctx, "complaint.list.empty.text"),
			Action: page.Action{Label: text.T(ctx, "complaint.new"), Href: "/complaints/new"}},
	}
	for _, q := range v.Complaints {
		out.Rows = append(out.Rows, []templ.Component{
			page.Anchor("/complaints/"+string(q.ID), text.T(ctx, "complaint.topic."+q.Topic)), page.ComplaintChip(string(q.State)),
			page.Str(handlerText(ctx, q)), dueOf(q), page.Str(orNone(ctx, v.Names[q.Order])),
		})
	}
	for _, q := range v.Claims {
		due := page.Str("—")
		if q.State == complaint.ClaimOpened {
			due = page.Time(q.ReplyDue)
		}
		out.Rows = append(out.Rows, []templ.Component{
			page.Anchor("/claims/"+string(q.ID), text.T(ctx, "complaint.claims")), page.ClaimChip(string(q.State)),
			page.Str(text.T(ctx, "complaint.handler.product")), due, page.Str(orNone(ctx, v.Names[q.Order])),
		})
	}
	return out
}

func reportsTable(ctx context.Context, all []complaint.Report) page.Table {
	out := page.Table{
		Caption: text.T(ctx, "complaint.reports"), Hidden: true,
		Columns: []page.Column{{Label: text.T(ctx, "complaint.report.kind")}, {Label: text.T(ctx, "complaint.state")}, {Label: text.T(ctx, "complaint.submitted_at")}},
	}
	for _, p := range all {
		out.Rows = append(out.Rows, []templ.Component{page.Anchor("/reports/"+string(p.ID), page.BreachWord(ctx, p.Kind)), page.ReportChip(string(p.State)), page.Time(p.CreatedAt)})
	}
	return out
}

// handlerText says who has a complaint now.
func handlerText(ctx context.Context, q complaint.Complaint) string {
	m := q.Matter
	switch {
	case m == "":
		return text.T(ctx, "complaint.matter.none")
	case q.State == complaint.Escalated, q.State == complaint.Decided:
		m = complaint.Platform
	}
	return text.T(ctx, "complaint.handler."+string(m))
}

// dueOf is when the next answer is due.
func dueOf(q complaint.Complaint) templ.Component {
	switch {
	case q.VendorOwes && q.Open():
		return page.Time(q.VendorDue)
	case q.OperatorOwes && q.Open(), q.State == complaint.Submitted:
		return page.Time(q.OperatorDue)
	}
	return page.Str("—")
}

// complainView is the form of a new complaint.
type complainView struct {
	Topic, Order, Text, Demand page.Field
	Refusal                    *page.Refusal
	Key                        string
	Forum                      page.Forum
}

func newComplaint(c *serve.Call) error { return complainAgain(c, nil) }

func complainAgain(c *serve.Call, failed error) error {
	ctx := c.R.Context()
	errs := page.FieldErrors(ctx, failed)
	v := complainView{Key: keptKey(c)}
	v.Topic = page.Field{Name: "topic", Label: text.T(ctx, "complaint.topic"), Required: true, Value: c.R.FormValue("topic"), Error: errs["topic"]}
	v.Topic.Options = []page.Option{page.Choose(ctx)}
	for _, one := range complaint.Topics {
		v.Topic.Options = append(v.Topic.Options, page.Option{Value: one, Label: text.T(ctx, "complaint.topic."+one)})
	}
	v.Order = page.Field{Name: "order", Label: text.T(ctx, "complaint.order"), Value: c.R.FormValue("order"), Error: errs["order"], Quiet: true,
		Options: []page.Option{{Value: "", Label: text.T(ctx, "complaint.order.none")}}}
	if err := c.Read(func(r db.Reader) (err error) {
		mine, err := order.Mine(ctx, r, c.Actor, "", 50)
		if err != nil {
			return err
		}
		for _, o := range mine {
			v.Order.Options = append(v.Order.Options, page.Option{Value: string(o.ID), Label: nameOf(o, c.Lang) + " · " + text.Date(ctx, o.PlacedAt)})
		}
		if id := order.ID(v.Order.Value); id != "" && !slices.ContainsFunc(mine, func(o order.Order) bool { return o.ID == id }) {
			o, err := order.Get(ctx, r, c.Actor, id)
			if err != nil {
				return err
			}
			v.Order.Options = append(v.Order.Options, page.Option{Value: string(o.ID), Label: nameOf(o, c.Lang)})
		}
		v.Forum, err = c.Forum(r)
		return err
	}); err != nil {
		return err
	}
	v.Text = field(c, errs, page.Field{Name: "text", Label: text.T(ctx, "complaint.text"), Hint: text.T(ctx, "complaint.text.hint"), Required: true, MaxLength: 2000, Rows: 6})
	v.Demand = field(c, errs, page.Field{Name: "demand", Label: text.T(ctx, "complaint.demand"), Hint: text.T(ctx, "complaint.demand.hint"), Required: true, MaxLength: 2000, Rows: 2})
	v.Refusal = refusal(c, failed, v.Topic, v.Order, v.Text, v.Demand)
	return show(c, refusalStatus(failed), complainPage(chrome(c, text.T(ctx, "complaint.new"), complaintsCrumb(c)), v))
}

func submitComplaint(c *serve.Call) error {
	ctx, form := c.R.Context(), c.R.PostFormValue
	in := complaint.Ask{Topic: form("topic"), Order: order.ID(form("order")), Text: form("text"), Demand: form("demand")}
	made, err := serve.Do(c, serve.Intent{Name: "complaint.submit", Input: in, Subjects: []string{string(in.Order)}, Clauses: []string{"UA 5.1"}}, func(tx *db.Tx) (complaint.ID, error) {
		made, err := c.Market.Complaint.Submit(ctx, tx, c.Actor, in)
		return made.ID, err
	})
	return settled(c, err, "/complaints/"+string(made), complainAgain)
}

// complainOfMatter makes a refund that the parties did not agree on a complaint.
func complainOfMatter(c *serve.Call) error {
	ctx, form := c.R.Context(), c.R.PostFormValue
	id := refund.MatterID(c.R.PathValue("id"))
	in := complaint.Ask{Text: form("text"), Demand: form("text")}
	m, err := matterOf(c)
	if err != nil {
		return err
	}
	made, err := serve.Do(c, serve.Intent{Name: "complaint.from_matter", Input: []any{id, in}, Subjects: []string{string(id)}, Clauses: []string{"UA 4.5", "UA 5.1"}}, func(tx *db.Tx) (complaint.ID, error) {
		made, err := c.Market.Complaint.FromMatter(ctx, tx, c.Actor, id, in)
		return made.ID, err
	})
	if err != nil {
		return refundDone(c, m.Order, err)
	}
	return c.Redirect("/complaints/" + string(made))
}

// complaintView is one complaint for its complainant.
type complaintView struct {
	Record  complaint.Record
	Title   string
	Product string
	Seller  string
	Dispute page.Dispute
	Forum   page.Forum
	Refusal *page.Refusal
	Errors  map[string]string
	Key     string
	Now     time.Time
}

func showComplaint(c *serve.Call) error { return complaintAgain(c, nil) }

func complaintAgain(c *serve.Call, failed error) error {
	ctx, id := c.R.Context(), complaint.ID(c.R.PathValue("id"))
	v := complaintView{Key: keptKey(c), Now: c.Now(), Errors: page.FieldErrors(ctx, failed)}
	if err := c.Read(func(r db.Reader) (err error) {
		if v.Record, err = complaint.RecordOf(ctx, r, c.Actor, id); err != nil {
			return err
		}
		if v.Record.Complaint.Order != "" {
			o, err := order.Any(ctx, r, v.Record.Complaint.Order)
			if err != nil {
				return err
			}
			v.Product, v.Seller = nameOf(o, c.Lang), o.Snapshot.Seller.RegisteredName
		}
		v.Forum, err = c.Forum(r)
		return err
	}); err != nil {
		return err
	}
	v.Title = text.T(ctx, "complaint.topic."+v.Record.Complaint.Topic)
	v.Dispute = c.Complained(v.Record, "/complaints/"+string(id), failed)
	v.Refusal = refusal(c, failed)
	frame := chrome(c, text.T(ctx, "complaint.vendor.due", "Topic", v.Title), complaintsCrumb(c))
	if c.R.Method == http.MethodPost {
		frame.Path = "/complaints/" + string(id)
	}
	return show(c, refusalStatus(failed), complaintPage(frame, v))
}

func (v complaintView) path() string { return "/complaints/" + string(v.Record.Complaint.ID) }

func (v complaintView) version() []page.Hidden {
	return []page.Hidden{{Name: "version", Value: strconv.FormatInt(v.Record.Complaint.Version, 10)}}
}

func complaintTerms(ctx context.Context, v complaintView) []page.Term {
	q := v.Record.Complaint
	out := []page.Term{
		{Label: text.T(ctx, "complaint.matter"), Text: matterText(ctx, q.Matter)},
		{Label: text.T(ctx, "complaint.handler"), Text: handlerText(ctx, q)},
	}
	if q.Reason != "" {
		out = append(out, page.Term{Label: text.T(ctx, "complaint.why"), Text: text.T(ctx, "complaint.reason."+q.Reason)})
	}
	if q.Order != "" {
		out = append(out, page.Term{Label: text.T(ctx, "complaint.order"), Value: page.Anchor(orderPath(q.Order), v.Product)})
	}
	if v.Seller != "" {
		out = append(out, page.Term{Label: text.T(ctx, "page.seller"), Text: v.Seller})
	}
	out = append(out, page.Term{Label: text.T(ctx, "complaint.text"), Text: q.Text}, page.Term{Label: text.T(ctx, "complaint.demand"), Text: q.Demand},
		page.Term{Label: text.T(ctx, "complaint.submitted_at"), Value: page.Time(q.SubmittedAt)})
	if q.Finding != "" {
		out = append(out, page.Term{Label: text.T(ctx, "complaint.finding"), Text: text.T(ctx, "complaint.finding."+string(q.Finding))})
	}
	if q.Outcome != "" {
		out = append(out, page.Term{Label: text.T(ctx, "complaint.outcome"), Text: text.T(ctx, "complaint.outcome."+string(q.Outcome))})
	}
	if q.Stars > 0 {
		out = append(out, page.Term{Label: text.T(ctx, "complaint.stars"), Text: text.T(ctx, "complaint.stars.n", "N", q.Stars)})
	}
	return out
}

func matterText(ctx context.Context, m complaint.Matter) string {
	if m == "" {
		return text.T(ctx, "complaint.matter.none")
	}
	return text.T(ctx, "complaint.matter."+string(m))
}

func fieldsText(ctx context.Context, fields []string) string {
	out := make([]string, len(fields))
	for i, f := range fields {
		out[i] = text.T(ctx, "complaint.field."+f)
	}
	if text.From(ctx) == text.ZH {
		return strings.Join(out, "、")
	}
	return strings.Join(out, ", ")
}

// starOptions are one to five stars, or none.
func starOptions(ctx context.Context) []page.Option {
	out := []page.Option{{Value: "0", Label: text.T(ctx, "complaint.stars.none")}}
	for n := int64(5); n >= 1; n-- {
		out = append(out, page.Option{Value: strconv.FormatInt(n, 10), Label: text.T(ctx, "complaint.stars.n", "N", n)})
	}
	return out
}

// onComplaint does one thing to a complaint that was seen at a version.
func onComplaint(c *serve.Call, name string, in any, do func(ctx context.Context, tx *db.Tx, id complaint.ID, seen int64) error) error {
	ctx, id := c.R.Context(), complaint.ID(c.R.PathValue("id"))
	seen, err := strconv.ParseInt(c.R.PostFormValue("version"), 10, 64)
	if err != nil {
		return serve.ErrBadRequest
	}
	err = serve.Act(c, serve.Intent{Name: name, Input: []any{id, seen, in}, Subjects: []string{string(id)}, Clauses: []string{"UA 5.1"}}, func(tx *db.Tx) error {
		return do(ctx, tx, id, seen)
	})
	return settled(c, err, "/complaints/"+string(id), complaintAgain)
}

// settled leads on after an act, or shows the form again with what went wrong.
func settled(c *serve.Call, err error, to string, shown func(*serve.Call, error) error) error {
	switch {
	case err == nil:
		return c.Redirect(to)
	case correctable(err):
		return shown(c, err)
	}
	return err
}

func contactOf(c *serve.Call) complaint.Contact {
	form := c.R.PostFormValue
	return complaint.Contact{Channel: complaint.Channel(form("channel")), HeldOn: form("held_on"), Text: form("text")}
}

func contactInComplaint(c *serve.Call) error {
	in := contactOf(c)
	return onComplaint(c, "complaint.contact", in, func(ctx context.Context, tx *db.Tx, id complaint.ID, seen int64) error {
		_, err := c.Market.Complaint.Spoke(ctx, tx, c.Actor, id, seen, in)
		return err
	})
}

func escalateComplaint(c *serve.Call) error {
	said := c.R.PostFormValue("text")
	return onComplaint(c, "complaint.escalate", said, func(ctx context.Context, tx *db.Tx, id complaint.ID, seen int64) error {
		_, err := c.Market.Complaint.Escalate(ctx, tx, c.Actor, id, seen, said)
		return err
	})
}

func closeComplaint(c *serve.Call) error {
	form := c.R.PostFormValue
	stars, err := strconv.ParseInt(form("stars"), 10, 64)
	if err != nil {
		stars = 0
	}
	in := complaint.Ending{Satisfied: form("how") == "yes", Stars: stars, Note: form("text")}
	return onComplaint(c, "complaint.close", in, func(ctx context.Context, tx *db.Tx, id complaint.ID, seen int64) error {
		_, err := c.Market.Complaint.Close(ctx, tx, c.Actor, id, seen, in)
		return err
	})
}

func reopenComplaint(c *serve.Call) error {
	said := c.R.PostFormValue("text")
	return onComplaint(c, "complaint.reopen", said, func(ctx context.Context, tx *db.Tx, id complaint.ID, seen int64) error {
		_, err := c.Market.Complaint.Reopen(ctx, tx, c.Actor, id, seen, said)
		return err
	})
}

func attachToComplaint(c *serve.Call) error {
	return attachTo(c, "/complaints/"+c.R.PathValue("id"), complaintAgain)
}

func attachToClaim(c *serve.Call) error {
	return attachTo(c, "/claims/"+c.R.PathValue("id"), claimAgain)
}

// attachTo adds the file of a form to a complaint or claim.
func attachTo(c *serve.Call, path string, shown func(*serve.Call, error) error) error {
	err := c.AttachEvidence(c.R.PathValue("id"))
	return settled(c, err, path, shown)
}

func openEvidence(c *serve.Call) error {
	return c.SendEvidence(c.R.PathValue("id"), c.R.PathValue("file"))
}

// claimForm is the form of a new claim.
type claimForm struct {
	Order                                          order.Order
	Title                                          string
	May                                            complaint.MayClaim
	Item, Ground, Loss, Refund, Damages, Purchases page.Field
	Refusal                                        *page.Refusal
	Key                                            string
	Forum                                          page.Forum
}

func newClaim(c *serve.Call) error { return claimFormAgain(c, nil) }

func claimFormAgain(c *serve.Call, failed error) error {
	ctx, id := c.R.Context(), order.ID(c.R.PathValue("id"))
	errs := page.FieldErrors(ctx, failed)
	v := claimForm{Key: keptKey(c)}
	if err := c.Read(func(r db.Reader) (err error) {
		if v.Order, err = order.Get(ctx, r, c.Actor, id); err != nil {
			return err
		}
		if !v.Order.State.Paid() || v.Order.Fee.Paid.Minor <= 0 {
			return serve.ErrNotFound
		}
		if v.May, err = complaint.MayClaimOf(ctx, r, v.Order); err != nil {
			return err
		}
		v.Forum, err = c.Forum(r)
		return err
	}); err != nil {
		return err
	}
	v.Title = nameOf(v.Order, c.Lang)
	v.Item = page.Field{Name: "item", Label: text.T(ctx, "claim.item"), Required: true, Value: c.R.PostFormValue("item"), Error: errs["item"]}
	for _, one := range v.May.Items {
		name, _, _ := strings.Cut(one.Key, ".")
		label := text.T(ctx, "claim.item."+name)
		if !one.Text.Empty() {
			label += " · " + short(one.Text.In(c.Lang))
		}
		v.Item.Options = append(v.Item.Options, page.Option{Value: one.Key, Label: label})
	}
	v.Ground = page.Field{Name: "ground", Label: text.T(ctx, "claim.ground"), Required: true, Value: c.R.PostFormValue("ground"), Error: errs["ground"]}
	for _, one := range complaint.Grounds {
		v.Ground.Options = append(v.Ground.Options, page.Option{Value: string(one), Label: text.T(ctx, "claim.ground."+string(one))})
	}
	if v.Ground.Value == "" {
		v.Ground.Value = string(complaint.Mismatch)
	}
	currency := string(v.Order.Fee.Paid.Currency)
	v.Loss = field(c, errs, page.Field{Name: "loss", Label: text.T(ctx, "claim.loss"), Hint: text.T(ctx, "claim.loss.hint"), Required: true, MaxLength: 2000, Rows: 5})
	v.Refund = field(c, errs, page.Field{Name: "refund", Label: text.T(ctx, "claim.refund"), Quiet: true, Currency: currency, Hint: text.T(ctx, "claim.refund.hint", "Max", page.MoneyText(ctx, v.May.Refund))})
	v.Damages = field(c, errs, page.Field{Name: "damages", Label: text.T(ctx, "claim.damages"), Quiet: true, Currency: currency, Hint: text.T(ctx, "claim.damages.hint")})
	v.Purchases = page.Field{Name: "orders", Label: text.T(ctx, "claim.renewals"), Hint: text.T(ctx, "claim.renewals.hint"), Quiet: true, Error: errs["orders"]}
	for _, o := range v.May.Chain {
		if o.ID != v.Order.ID {
			v.Purchases.Options = append(v.Purchases.Options, page.Option{
				Value: string(o.ID), Label: text.Date(ctx, o.PaidAt) + " · " + page.MoneyText(ctx, o.Fee.Paid), Chosen: slices.Contains(c.R.PostForm["orders"], string(o.ID)),
			})
		}
	}
	v.Refusal = refusal(c, failed, v.Item, v.Ground, v.Loss, v.Refund, v.Damages)
	frame := chrome(c, text.T(ctx, "claim.new"), page.Link{Label: text.T(ctx, "shop.orders.title"), Href: page.OrdersPath}, page.Link{Label: v.Title, Href: orderPath(id)})
	return show(c, refusalStatus(failed), claimFormPage(frame, v, c.Lang))
}

// short is the beginning of a promise, enough to know it by.
func short(s string) string {
	if runes := []rune(s); len(runes) > 40 {
		return string(runes[:40]) + "…"
	}
	return s
}

func openClaim(c *serve.Call) error {
	ctx, form := c.R.Context(), c.R.PostFormValue
	id := order.ID(c.R.PathValue("id"))
	in := complaint.Plea{Order: id, Item: form("item"), Ground: complaint.Ground(form("ground")), Loss: form("loss"), Complaint: complaint.ID(form("complaint"))}
	for _, one := range c.R.PostForm["orders"] {
		in.Renewals = append(in.Renewals, order.ID(one))
	}
	terms, err := c.OfferOf(money.CNY)
	if err != nil {
		return claimFormAgain(c, err)
	}
	in.Refund, in.Damages = terms.Refund, terms.Damages
	made, err := serve.Do(c, serve.Intent{Name: "claim.open", Input: in, Subjects: []string{string(id)}, Clauses: []string{"UA 4.10"}}, func(tx *db.Tx) (complaint.ClaimID, error) {
		made, err := c.Market.Complaint.Open(ctx, tx, c.Actor, in)
		return made.ID, err
	})
	return settled(c, err, "/claims/"+string(made), claimFormAgain)
}

// claimView is one claim for its claimant.
type claimView struct {
	Record  complaint.ClaimRecord
	Title   string
	Dispute page.Dispute
	Offer   page.OfferFields
	Forum   page.Forum
	Refusal *page.Refusal
	Errors  map[string]string
	Key     string
	Typed   func(string) string
}

func showClaim(c *serve.Call) error { return claimAgain(c, nil) }

func claimAgain(c *serve.Call, failed error) error {
	ctx, id := c.R.Context(), complaint.ClaimID(c.R.PathValue("id"))
	v := claimView{Key: keptKey(c), Errors: page.FieldErrors(ctx, failed), Typed: c.R.PostFormValue}
	if err := c.Read(func(r db.Reader) (err error) {
		if v.Record, err = complaint.ClaimOf(ctx, r, c.Actor, id); err != nil {
			return err
		}
		o, err := order.Any(ctx, r, v.Record.Claim.Order)
		if err != nil {
			return err
		}
		v.Title = nameOf(o, c.Lang)
		v.Forum, err = c.Forum(r)
		return err
	}); err != nil {
		return err
	}
	path := "/claims/" + string(id)
	v.Dispute = c.Claimed(v.Record, path, failed)
	v.Offer = page.OfferFields{Path: path, Key: v.Key, Version: v.Dispute.Version, Currency: string(v.Record.Claim.Cap.Currency), Errors: v.Errors, Typed: c.R.PostFormValue}
	v.Refusal = refusal(c, failed)
	frame := chrome(c, text.T(ctx, "complaint.claims")+" · "+v.Title, complaintsCrumb(c))
	if c.R.Method == http.MethodPost {
		frame.Path = path
	}
	return show(c, refusalStatus(failed), claimPage(frame, v))
}

func (v claimView) path() string { return "/claims/" + string(v.Record.Claim.ID) }

func (v claimView) version() []page.Hidden {
	return []page.Hidden{{Name: "version", Value: strconv.FormatInt(v.Record.Claim.Version, 10)}}
}

func offerInClaim(c *serve.Call) error { return settled(c, c.ClaimOffer(), here(c), claimAgain) }
func agreeInClaim(c *serve.Call) error { return settled(c, c.ClaimAgree(), here(c), claimAgain) }
func sueInClaim(c *serve.Call) error   { return settled(c, c.ClaimSue(), here(c), claimAgain) }
func contactInClaim(c *serve.Call) error {
	return settled(c, c.ClaimContact(), here(c), claimAgain)
}

func here(c *serve.Call) string { return "/claims/" + c.R.PathValue("id") }

func endClaim(c *serve.Call) error {
	said := c.R.PostFormValue("text")
	err := c.OnClaim("claim.end", said, func(ctx context.Context, tx *db.Tx, id complaint.ClaimID, seen int64) error {
		_, err := c.Market.Complaint.End(ctx, tx, c.Actor, id, seen, said)
		return err
	})
	return settled(c, err, here(c), claimAgain)
}

// reportView is a report: the form, the receipt, or how it stands.
type reportView struct {
	Kind, Product, Place, Text, Email page.Field
	Number, Secret                    page.Field
	Report                            *complaint.Report
	Code                              string // the tracking code, shown once
	Token                             string
	Done                              bool
	Refusal                           *page.Refusal
	Key                               string
}

func reportCrumb(c *serve.Call) page.Link {
	return page.Link{Label: text.T(c.R.Context(), "complaint.title"), Href: "/rules/complaints"}
}

func reportForm(c *serve.Call) error { return reportAgain(c, nil) }

func reportAgain(c *serve.Call, failed error) error {
	ctx := c.R.Context()
	errs := page.FieldErrors(ctx, failed)
	v := reportView{Key: keptKey(c)}
	v.Kind = page.Field{Name: "kind", Label: text.T(ctx, "complaint.report.kind"), Required: true, Value: c.R.FormValue("kind"), Error: errs["kind"]}
	v.Kind.Options = []page.Option{page.Choose(ctx)}
	for _, one := range complaint.Kinds {
		v.Kind.Options = append(v.Kind.Options, page.Option{Value: one, Label: page.BreachWord(ctx, one)})
	}
	v.Product = field(c, errs, page.Field{Name: "product", Label: text.T(ctx, "complaint.report.product"), Hint: text.T(ctx, "complaint.report.product.hint"), Value: c.R.FormValue("product")})
	v.Place = field(c, errs, page.Field{Name: "place", Label: text.T(ctx, "complaint.report.place"), Hint: text.T(ctx, "complaint.report.place.hint"), Quiet: true})
	v.Text = field(c, errs, page.Field{Name: "text", Label: text.T(ctx, "complaint.report.text"), Required: true, MaxLength: 2000, Rows: 6})
	if !c.SignedIn() {
		v.Email = field(c, errs, page.Field{Name: "email", Label: text.T(ctx, "complaint.report.email"), Hint: text.T(ctx, "complaint.report.email.hint"), Kind: "email", Autocomplete: "email", Required: true})
	}
	v.Refusal = refusal(c, failed, v.Kind, v.Product, v.Place, v.Text, v.Email)
	return show(c, refusalStatus(failed), reportPage(chrome(c, text.T(ctx, "complaint.report.title"), reportCrumb(c)), v))
}

func sendReport(c *serve.Call) error {
	ctx, form := c.R.Context(), c.R.PostFormValue
	in := complaint.Notice{
		Kind: form("kind"), Product: strings.TrimSpace(form("product")), Place: form("place"), Text: form("text"), Email: form("email"), Locale: string(c.Lang), Source: c.IP(),
	}
	type receipt struct {
		Report complaint.ReportID
		State  complaint.ReportState
	}
	by := c.Visitor()
	made, err := serve.DoAs(c, by, serve.Intent{Name: "report.submit", Input: in, Clauses: []string{"ECL 59"}}, func(tx *db.Tx) (receipt, error) {
		p, _, err := c.Market.Complaint.Report(ctx, tx, by, in)
		return receipt{p.ID, p.State}, err
	})
	if err != nil {
		return settled(c, err, "", reportAgain)
	}
	code := ""
	if err := c.Read(func(r db.Reader) error {
		code = complaint.Code(r, made.Report)
		return nil
	}); err != nil {
		return err
	}
	v := reportView{Report: &complaint.Report{ID: made.Report, State: made.State}, Code: code}
	frame := chrome(c, text.T(ctx, "complaint.report.thanks"), reportCrumb(c))
	frame.Path = "/report"
	return show(c, http.StatusOK, reportReceipt(frame, v))
}

func confirmForm(c *serve.Call) error {
	v := reportView{Report: &complaint.Report{ID: complaint.ReportID(c.R.FormValue("number"))}, Token: c.R.FormValue("token")}
	return show(c, http.StatusOK, confirmPage(chrome(c, text.T(c.R.Context(), "complaint.report.confirm"), reportCrumb(c)), v))
}

func confirmReport(c *serve.Call) error {
	ctx, form := c.R.Context(), c.R.PostFormValue
	id := complaint.ReportID(form("number"))
	v := reportView{Report: &complaint.Report{ID: id}, Token: form("token")}
	by := c.Visitor()
	_, err := serve.DoAs(c, by, serve.Intent{Name: "report.confirm", Subjects: []string{string(id)}, Clauses: []string{"ECL 59"}}, func(tx *db.Tx) (bool, error) {
		_, err := c.Market.Complaint.Confirm(ctx, tx, id, form("token"))
		return true, err
	})
	if err != nil && !correctable(err) {
		return err
	}
	v.Done, v.Refusal = err == nil, refusal(c, err)
	frame := chrome(c, text.T(ctx, "complaint.report.confirm"), reportCrumb(c))
	frame.Path = "/report/track"
	return show(c, refusalStatus(err), confirmPage(frame, v))
}

func trackForm(c *serve.Call) error { return tracked(c, nil, nil) }

func trackReport(c *serve.Call) error {
	var p complaint.Report
	err := c.Read(func(r db.Reader) (err error) {
		p, err = complaint.Track(c.R.Context(), r, complaint.ReportID(strings.TrimSpace(c.R.PostFormValue("number"))), c.R.PostFormValue("secret"))
		return err
	})
	if err != nil {
		return tracked(c, nil, err)
	}
	return tracked(c, &p, nil)
}

func tracked(c *serve.Call, p *complaint.Report, failed error) error {
	ctx := c.R.Context()
	v := reportView{Report: p}
	v.Number = field(c, nil, page.Field{Name: "number", Label: text.T(ctx, "complaint.report.number"), Required: true})
	v.Secret = page.Field{Name: "secret", Label: text.T(ctx, "complaint.report.secret"), Required: true, Autocomplete: "off"}
	v.Refusal = refusal(c, failed)
	frame := chrome(c, text.T(ctx, "complaint.report.track"), reportCrumb(c))
	frame.Path = "/report/track"
	return show(c, refusalStatus(failed), trackPage(frame, v))
}

func myReport(c *serve.Call) error {
	var v reportView
	if err := c.Read(func(r db.Reader) error {
		p, err := complaint.MyReport(c.R.Context(), r, c.Actor, complaint.ReportID(c.R.PathValue("id")))
		v.Report = &p
		return err
	}); err != nil {
		return err
	}
	return show(c, http.StatusOK, myReportPage(chrome(c, page.BreachWord(c.R.Context(), v.Report.Kind), complaintsCrumb(c)), v))
}

func reportTerms(ctx context.Context, p complaint.Report) []page.Term {
	out := []page.Term{
		{Label: text.T(ctx, "complaint.report.number"), Value: page.ID(string(p.ID))},
		{Label: text.T(ctx, "complaint.state"), Value: page.ReportChip(string(p.State))},
		{Label: text.T(ctx, "complaint.report.kind"), Text: page.BreachWord(ctx, p.Kind)},
		{Label: text.T(ctx, "complaint.report.text"), Text: p.Text},
		{Label: text.T(ctx, "complaint.submitted_at"), Value: page.Time(p.CreatedAt)},
	}
	if p.State == complaint.Received || p.State == complaint.HandedOver {
		out = append(out, page.Term{Label: text.T(ctx, "complaint.report.due"), Value: page.Time(p.Due)})
	}
	if p.Outcome != "" {
		out = append(out, page.Term{Label: text.T(ctx, "complaint.outcome"), Text: text.T(ctx, "complaint.report.outcome."+p.Outcome)}, page.Term{Label: text.T(ctx, "complaint.report.reply"), Text: p.Reply})
	}
	return out
}

// complainedOf counts the complaints and claims of an order.
func complainedOf(ctx context.Context, r db.Reader, id order.ID) (int, error) {
	all, err := complaint.OfOrder(ctx, r, id)
	if err != nil {
		return 0, err
	}
	claims, err := complaint.ClaimsOf(ctx, r, id)
	return len(all) + len(claims), err
}
