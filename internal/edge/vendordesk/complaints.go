package vendordesk

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
	"yunshi/internal/market/complaint"
	"yunshi/internal/market/vendor"
)

// disputeRoutes are the vendor's pages about complaints and claims.
func (d desk) disputeRoutes() []serve.Route {
	return []serve.Route{
		{Pattern: "GET /vendor/complaints", Access: serve.Seller, Handle: d.complaints},
		{Pattern: "GET /vendor/complaints/{id}", Access: serve.Seller, Handle: d.complaint},
		{Pattern: "POST /vendor/complaints/{id}/answer", Access: serve.Seller, Handle: d.answerComplaint},
		{Pattern: "POST /vendor/complaints/{id}/forward", Access: serve.Seller, Handle: d.forwardComplaint},
		{Pattern: "POST /vendor/complaints/{id}/contact", Access: serve.Seller, Handle: d.contactInComplaint},
		{Pattern: "POST /vendor/complaints/{id}/evidence", Access: serve.Seller, Handle: d.attachToComplaint},
		{Pattern: "GET /vendor/complaints/{id}/evidence/{file}", Access: serve.Seller, Handle: d.openEvidence},
		{Pattern: "GET /vendor/claims/{id}", Access: serve.Seller, Handle: d.claim},
		{Pattern: "POST /vendor/claims/{id}/reply", Access: serve.Seller, Handle: d.replyToClaim},
		{Pattern: "POST /vendor/claims/{id}/offer", Access: serve.Seller, Handle: d.onClaim((*serve.Call).ClaimOffer)},
		{Pattern: "POST /vendor/claims/{id}/agree", Access: serve.Seller, Handle: d.onClaim((*serve.Call).ClaimAgree)},
		{Pattern: "POST /vendor/claims/{id}/court", Access: serve.Seller, Handle: d.onClaim((*serve.Call).ClaimSue)},
		{Pattern: "POST /vendor/claims/{id}/contact", Access: serve.Seller, Handle: d.onClaim((*serve.Call).ClaimContact)},
		{Pattern: "POST /vendor/claims/{id}/evidence", Access: serve.Seller, Handle: d.attachToClaim},
		{Pattern: "GET /vendor/claims/{id}/evidence/{file}", Access: serve.Seller, Handle: d.openEvidence},
	}
}

type complaintsView struct {
	frame
	now    time.Time
	due    []page.QueueItem
	all    []complaint.Complaint
	claims []complaint.Claim
	score  complaint.Score
	next   string
}

// complaintItems are the complaints and claims that wait for the vendor.
func complaintItems(ctx context.Context, r db.Reader, v vendor.ID) ([]page.QueueItem, error) {
	due, err := complaint.Due(ctx, r, v, perPage)
	if err != nil {
		return nil, err
	}
	var items []page.QueueItem
	for _, q := range due {
		items = append(items, page.QueueItem{
			Href: "/vendor/complaints/" + string(q.ID), Title: text.T(ctx, "complaint.vendor.due", "Topic", text.T(ctx, "complaint.topic."+q.Topic)),
			ID: string(q.ID), Chip: page.ComplaintChip(string(q.State)), Due: q.VendorDue,
		})
	}
	claims, err := complaint.ClaimsOfVendor(ctx, r, v, perPage)
	if err != nil {
		return nil, err
	}
	for _, q := range claims {
		if q.State != complaint.ClaimOpened {
			continue
		}
		asked, err := q.AskedRefund.Add(q.AskedDamages)
		if err != nil {
			return nil, err
		}
		items = append(items, page.QueueItem{
			Href: "/vendor/claims/" + string(q.ID), Title: text.T(ctx, "complaint.vendor.claim.due", "Amount", page.MoneyText(ctx, asked)),
			ID: string(q.Order), Chip: page.ClaimChip(string(q.State)), Due: q.ReplyDue,
		})
	}
	return items, nil
}

func (d desk) complaints(c *serve.Call) error {
	ctx := c.R.Context()
	view := complaintsView{now: c.Now()}
	if err := c.Read(func(r db.Reader) error {
		v, err := d.seller(c, r)
		if err != nil {
			return err
		}
		if view.due, err = complaintItems(ctx, r, v.ID); err != nil {
			return err
		}
		if view.all, err = complaint.OfVendor(ctx, r, v.ID, complaint.ID(c.R.URL.Query().Get("before")), perPage+1); err != nil {
			return err
		}
		if view.claims, err = complaint.ClaimsOfVendor(ctx, r, v.ID, perPage); err != nil {
			return err
		}
		view.score, err = complaint.ScoreOf(ctx, r, v.ID)
		return err
	}); err != nil {
		return err
	}
	if len(view.all) > perPage {
		view.all = view.all[:perPage]
		view.next = "/vendor/complaints?before=" + string(view.all[perPage-1].ID)
	}
	view.frame = d.frame(c, "/vendor/complaints", text.T(ctx, "vendordesk.nav.complaints"))
	return d.show(c, http.StatusOK, complaintsPage(view))
}

func scoreTerms(ctx context.Context, s complaint.Score) []page.Term {
	number := func(key string, n int64) page.Term {
		return page.Term{Label: text.T(ctx, "complaint.vendor.score."+key), Text: strconv.FormatInt(n, 10)}
	}
	overall := text.T(ctx, "complaint.vendor.score.none")
	if s.Points >= 0 {
		overall = text.T(ctx, "complaint.vendor.score.points.text", "N", s.Points)
	}
	stars := text.T(ctx, "complaint.vendor.score.none")
	if s.Complaints.Rated > 0 {
		tenths := 10 * s.Complaints.Stars / s.Complaints.Rated
		stars = text.T(ctx, "complaint.vendor.score.stars.text", "Stars", strconv.FormatInt(tenths/10, 10)+"."+strconv.FormatInt(tenths%10, 10), "N", s.Complaints.Rated)
	}
	return []page.Term{
		{Label: text.T(ctx, "complaint.vendor.score.points"), Text: overall},
		number("in_time", s.Complaints.AnsweredInTime), number("late", s.Complaints.AnsweredLate), number("overdue", s.Complaints.OverdueOpen),
		number("escalated", s.Complaints.Escalated), {Label: text.T(ctx, "complaint.vendor.score.stars"), Text: stars},
		number("invoices", s.Invoices.OverdueOpen),
	}
}

func complaintRows(ctx context.Context, all []complaint.Complaint) (rows [][]templ.Component) {
	for _, q := range all {
		rows = append(rows, []templ.Component{
			page.Anchor("/vendor/complaints/"+string(q.ID), text.T(ctx, "complaint.topic."+q.Topic)), page.ComplaintChip(string(q.State)),
			page.Str(text.T(ctx, "complaint.matter."+string(q.Matter))), page.Time(q.SubmittedAt),
		})
	}
	return rows
}

func claimRows(ctx context.Context, all []complaint.Claim) (rows [][]templ.Component) {
	for _, q := range all {
		rows = append(rows, []templ.Component{
			page.Anchor("/vendor/claims/"+string(q.ID), text.T(ctx, "claim.ground."+string(q.Ground))), page.ClaimChip(string(q.State)),
			page.Money(q.AskedRefund), page.Money(q.AskedDamages), page.Time(q.OpenedAt),
		})
	}
	return rows
}

type complaintView struct {
	frame
	complaint.Record
	dispute page.Dispute
	now     time.Time
	refusal error
	errors  map[string]string
	typed   func(string) string
	key     string
}

func (v complaintView) path() string { return "/vendor/complaints/" + string(v.Complaint.ID) }

func (v complaintView) version() []page.Hidden {
	return []page.Hidden{{Name: "version", Value: strconv.FormatInt(v.Complaint.Version, 10)}}
}

func (d desk) complaint(c *serve.Call) error { return d.complaintAgain(c, nil) }

func (d desk) complaintAgain(c *serve.Call, refusal error) error {
	ctx := c.R.Context()
	view := complaintView{now: c.Now(), refusal: refusal, errors: page.FieldErrors(ctx, refusal), typed: c.R.PostFormValue, key: freshKey()}
	if err := c.Read(func(r db.Reader) (err error) {
		view.Record, err = complaint.RecordOf(ctx, r, c.Actor, complaint.ID(c.R.PathValue("id")))
		return err
	}); err != nil {
		return err
	}
	view.dispute = c.Complained(view.Record, view.path(), refusal)
	view.frame = d.frame(c, "/vendor/complaints", text.T(ctx, "complaint.vendor.due", "Topic", text.T(ctx, "complaint.topic."+view.Complaint.Topic)))
	return d.shown(c, refusal, complaintPage(view))
}

// complaintTerms is what the vendor was given: the packet, and nothing else.
func complaintTerms(ctx context.Context, v complaintView) (out []page.Term) {
	if len(v.Packets) == 0 {
		return nil
	}
	p := v.Packets[len(v.Packets)-1]
	if p.Content.Order != "" {
		out = append(out, page.Term{Label: text.T(ctx, "complaint.order"), Value: page.Anchor("/vendor/orders/"+p.Content.Order, p.Content.Order)})
	}
	return append(out,
		page.Term{Label: text.T(ctx, "complaint.packet.from"), Text: p.Content.Name},
		page.Term{Label: text.T(ctx, "complaint.packet.contact"), Text: p.Content.Contact},
		page.Term{Label: text.T(ctx, "complaint.text"), Text: p.Content.Text},
		page.Term{Label: text.T(ctx, "complaint.demand"), Text: p.Content.Demand},
		page.Term{Label: text.T(ctx, "complaint.submitted_at"), Value: page.Time(v.Complaint.SubmittedAt)},
		page.Term{Label: text.T(ctx, "complaint.sha"), Value: page.ID(p.SHA256)},
	)
}

// onComplaint does one thing to a complaint that was seen at a version.
func (d desk) onComplaint(c *serve.Call, name string, in any, do func(ctx context.Context, tx *db.Tx, id complaint.ID, seen int64) error) error {
	id := c.R.PathValue("id")
	seen, err := strconv.ParseInt(c.R.PostFormValue("version"), 10, 64)
	if err != nil {
		return serve.ErrBadRequest
	}
	err = serve.Act(c, serve.Intent{Name: name, Input: []any{id, seen, in}, Subjects: []string{id}, Clauses: []string{"UA 5.1"}}, func(tx *db.Tx) error {
		return do(c.R.Context(), tx, complaint.ID(id), seen)
	})
	return d.disputed(c, err, "/vendor/complaints/"+id, d.complaintAgain)
}

// disputed leads on after an act, or shows the page again with what went wrong.
func (d desk) disputed(c *serve.Call, err error, to string, again func(*serve.Call, error) error) error {
	switch {
	case err == nil:
		return c.Redirect(to)
	case correctable(err):
		return again(c, err)
	}
	return err
}

func (d desk) answerComplaint(c *serve.Call) error {
	said := c.R.PostFormValue("text")
	return d.onComplaint(c, "complaint.answer", said, func(ctx context.Context, tx *db.Tx, id complaint.ID, seen int64) error {
		_, err := c.Market.Complaint.AnswerAsVendor(ctx, tx, c.Actor, id, seen, said)
		return err
	})
}

func (d desk) forwardComplaint(c *serve.Call) error {
	why := c.R.PostFormValue("note")
	err := d.onComplaintGone(c, why)
	return d.disputed(c, err, "/vendor/complaints", d.complaintAgain)
}

// onComplaintGone hands a complaint on, after which it is the vendor's no more.
func (d desk) onComplaintGone(c *serve.Call, why string) error {
	id := c.R.PathValue("id")
	seen, err := strconv.ParseInt(c.R.PostFormValue("version"), 10, 64)
	if err != nil {
		return serve.ErrBadRequest
	}
	return serve.Act(c, serve.Intent{Name: "complaint.forward", Input: []any{id, seen, why}, Subjects: []string{id}, Clauses: []string{"UA 5.1"}}, func(tx *db.Tx) error {
		_, err := c.Market.Complaint.NotOurs(c.R.Context(), tx, c.Actor, complaint.ID(id), seen, why)
		return err
	})
}

func (d desk) contactInComplaint(c *serve.Call) error {
	form := c.R.PostFormValue
	in := complaint.Contact{Channel: complaint.Channel(form("channel")), HeldOn: form("held_on"), Text: form("text")}
	return d.onComplaint(c, "complaint.contact", in, func(ctx context.Context, tx *db.Tx, id complaint.ID, seen int64) error {
		_, err := c.Market.Complaint.Spoke(ctx, tx, c.Actor, id, seen, in)
		return err
	})
}

func (d desk) attachToComplaint(c *serve.Call) error {
	return d.disputed(c, c.AttachEvidence(c.R.PathValue("id")), "/vendor/complaints/"+c.R.PathValue("id"), d.complaintAgain)
}

func (d desk) attachToClaim(c *serve.Call) error {
	return d.disputed(c, c.AttachEvidence(c.R.PathValue("id")), "/vendor/claims/"+c.R.PathValue("id"), d.claimAgain)
}

func (d desk) openEvidence(c *serve.Call) error {
	return c.SendEvidence(c.R.PathValue("id"), c.R.PathValue("file"))
}

type claimView struct {
	frame
	complaint.ClaimRecord
	dispute page.Dispute
	offer   page.OfferFields
	now     time.Time
	refusal error
	errors  map[string]string
	typed   func(string) string
	key     string
}

func (v claimView) path() string { return "/vendor/claims/" + string(v.Claim.ID) }

func (v claimView) version() []page.Hidden {
	return []page.Hidden{{Name: "version", Value: strconv.FormatInt(v.Claim.Version, 10)}}
}

func (d desk) claim(c *serve.Call) error { return d.claimAgain(c, nil) }

func (d desk) claimAgain(c *serve.Call, refusal error) error {
	ctx := c.R.Context()
	view := claimView{now: c.Now(), refusal: refusal, errors: page.FieldErrors(ctx, refusal), typed: c.R.PostFormValue, key: freshKey()}
	title := ""
	if err := c.Read(func(r db.Reader) (err error) {
		if view.ClaimRecord, err = complaint.ClaimOf(ctx, r, c.Actor, complaint.ClaimID(c.R.PathValue("id"))); err != nil {
			return err
		}
		title, err = soldName(ctx, r, view.Claim.Order)
		return err
	}); err != nil {
		return err
	}
	view.dispute = c.Claimed(view.ClaimRecord, view.path(), refusal)
	view.offer = page.OfferFields{Path: view.path(), Key: view.key, Version: view.dispute.Version, Currency: string(view.Claim.Cap.Currency), Errors: view.errors, Typed: c.R.PostFormValue}
	view.frame = d.frame(c, "/vendor/complaints", text.T(ctx, "complaint.claims")+" · "+title)
	return d.shown(c, refusal, claimPage(view))
}

func (d desk) onClaim(do func(*serve.Call) error) serve.Handler {
	return func(c *serve.Call) error {
		return d.disputed(c, do(c), "/vendor/claims/"+c.R.PathValue("id"), d.claimAgain)
	}
}

func (d desk) replyToClaim(c *serve.Call) error {
	said := c.R.PostFormValue("text")
	return d.onClaim(func(c *serve.Call) error {
		return c.OnClaim("claim.reply", said, func(ctx context.Context, tx *db.Tx, id complaint.ClaimID, seen int64) error {
			_, err := c.Market.Complaint.Reply(ctx, tx, c.Actor, id, seen, said)
			return err
		})
	})(c)
}
