package vendordesk

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/a-h/templ"

	"yunshi/internal/base/db"
	"yunshi/internal/base/text"
	"yunshi/internal/edge/page"
	"yunshi/internal/edge/serve"
	"yunshi/internal/market/account"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/order"
	"yunshi/internal/market/privacy"
	"yunshi/internal/market/vendor"
)

// contactView is how a vendor reaches the customer of an order: by the relay, or
// with a consent that it names by the plain contact, for one answer only.
type contactView struct {
	relay   string
	consent *privacy.Consent // that holds now
	plain   *privacy.Reach   // after it was revealed
	basis   string           // as it was typed
	words   string
	sent    bool
	refusal error
	errors  map[string]string
	key     string
}

func (v *contactView) read(ctx context.Context, r db.Reader, o order.Order) (err error) {
	v.relay, v.key, v.errors = privacy.Relay(o.Vendor, o.Account, r.Keys()), freshKey(), page.FieldErrors(ctx, v.refusal)
	c, err := privacy.GivenTo(ctx, r, o.Account, o.Vendor)
	if err == nil && c != nil && c.Holds(r.Now()) {
		v.consent = c
	}
	return err
}

// reach shows the customer's plain contact in this answer, on the basis that the
// form names. It carries no idempotency key: its answer would keep the contact.
func (d desk) reach(c *serve.Call) error {
	ctx, id, basis := c.R.Context(), c.R.PathValue("order"), c.R.PostFormValue("basis")
	var plain privacy.Reach
	err := serve.Act(c, serve.Intent{Name: "privacy.reveal", Subjects: []string{id, basis}, Clauses: []string{"UA 5.4"}}, func(tx *db.Tx) error {
		v, err := d.seller(c, tx)
		if err != nil {
			return err
		}
		plain, err = privacy.Reveal(ctx, tx, c.Actor, v.ID, order.ID(id), basis)
		return err
	})
	if err != nil && onForm(err) {
		return d.orderAgain(c, contactView{refusal: err, basis: basis})
	}
	if err != nil {
		return err
	}
	c.W.Header().Set("Cache-Control", "no-store")
	return d.orderAgain(c, contactView{plain: &plain})
}

// onForm reports whether a refusal belongs beside the form: also one that the
// vendor cannot correct, because the page says why.
func onForm(err error) bool {
	return correctable(err) || errors.Is(err, privacy.ErrNoBasis) || errors.Is(err, privacy.ErrAnnex) || errors.Is(err, privacy.ErrMisuse) || errors.Is(err, privacy.ErrLimited)
}

// relay passes words on to the customer.
func (d desk) relay(c *serve.Call) error {
	ctx, id, words := c.R.Context(), c.R.PathValue("order"), c.R.PostFormValue("text")
	_, err := command(c, "privacy.relay", []string{id}, func(tx *db.Tx) error {
		v, err := d.seller(c, tx)
		if err != nil {
			return err
		}
		return privacy.Message(ctx, tx, c.Actor, v, order.ID(id), words)
	})
	if err != nil && onForm(err) {
		return d.orderAgain(c, contactView{refusal: err, words: words})
	}
	if err != nil {
		return err
	}
	return d.orderAgain(c, contactView{sent: true})
}

type dataView struct {
	frame
	owner    bool
	now      time.Time
	annex    agreement.Clause
	number   int64
	accepted *privacy.Annex
	due      []page.QueueItem
	all      []privacy.Request
	findings []privacy.Finding
	audits   []privacy.Audit
	score    int64
	known    bool
	key      string
}

// dataItems are the requests about customers' data that the vendor has to answer.
func dataItems(ctx context.Context, r db.Reader, v vendor.ID) ([]page.QueueItem, error) {
	due, err := privacy.DueTo(ctx, r, v)
	if err != nil {
		return nil, err
	}
	items := make([]page.QueueItem, 0, len(due))
	for _, q := range due {
		items = append(items, page.QueueItem{
			Href: "/vendor/data/" + string(q.ID), Title: text.T(ctx, "privacy.desk.request", "Kind", text.T(ctx, "privacy.request.kind."+string(q.Kind))),
			Who: privacy.Subject(q, r), ID: string(q.ID), Due: q.DueAt, Chip: page.Chip(dataTone(q), text.T(ctx, "privacy.request.state."+string(q.State))),
		})
	}
	return items, nil
}

func dataTone(q privacy.Request) page.Tone {
	switch {
	case q.State == privacy.Overdue:
		return page.Danger
	case q.State == privacy.Answered:
		return page.Success
	}
	return page.Info
}

func (d desk) data(c *serve.Call) error {
	ctx := c.R.Context()
	view := dataView{now: c.Now(), owner: c.Actor.Has(account.Owner), key: freshKey()}
	if err := c.Read(func(r db.Reader) error {
		v, err := d.seller(c, r)
		if err != nil {
			return err
		}
		if view.annex, view.number, err = privacy.AnnexText(ctx, r); err != nil {
			return err
		}
		accepted, err := privacy.AnnexesOf(ctx, r, v.ID)
		if err != nil {
			return err
		}
		for _, a := range accepted {
			if a.Version == view.number {
				view.accepted = &a
			}
		}
		if view.due, err = dataItems(ctx, r, v.ID); err != nil {
			return err
		}
		if view.all, err = privacy.RequestsTo(ctx, r, v.ID); err != nil {
			return err
		}
		if view.findings, err = privacy.FindingsOf(ctx, r, v.ID); err != nil {
			return err
		}
		if view.audits, err = privacy.AuditsOf(ctx, r, v.ID); err != nil {
			return err
		}
		view.score, view.known, err = privacy.Score(ctx, r, v.ID)
		return err
	}); err != nil {
		return err
	}
	view.frame = d.frame(c, "/vendor/data", text.T(ctx, "vendordesk.nav.data"))
	return d.show(c, http.StatusOK, dataPage(view))
}

func (d desk) acceptAnnex(c *serve.Call) error {
	_, err := command(c, "privacy.accept_annex", []string{c.Actor.Account}, func(tx *db.Tx) error {
		v, err := d.seller(c, tx)
		if err != nil {
			return err
		}
		return privacy.AcceptAnnex(c.R.Context(), tx, c.Actor, v)
	})
	if err != nil {
		return err
	}
	return c.Redirect("/vendor/data")
}

type dataRequestView struct {
	frame
	privacy.Request
	subject string
	now     time.Time
	refusal error
	errors  map[string]string
	result  string
	answer  string
	key     string
}

func (d desk) dataRequest(c *serve.Call) error { return d.dataRequestAgain(c, nil) }

func (d desk) dataRequestAgain(c *serve.Call, refusal error) error {
	ctx, id := c.R.Context(), privacy.RequestID(c.R.PathValue("request"))
	view := dataRequestView{now: c.Now(), refusal: refusal, errors: page.FieldErrors(ctx, refusal), result: c.R.PostFormValue("result"), answer: c.R.PostFormValue("answer"), key: freshKey()}
	if err := c.Read(func(r db.Reader) error {
		v, err := d.seller(c, r)
		if err != nil {
			return err
		}
		if view.Request, err = privacy.RequestTo(ctx, r, v.ID, id); err != nil {
			return err
		}
		view.subject = privacy.Subject(view.Request, r)
		return nil
	}); err != nil {
		return err
	}
	view.frame = d.frame(c, "/vendor/data", text.T(ctx, "privacy.desk.request", "Kind", text.T(ctx, "privacy.request.kind."+string(view.Kind))))
	return d.shown(c, refusal, dataRequestPage(view))
}

func (d desk) answerDataRequest(c *serve.Call) error {
	id := c.R.PathValue("request")
	in := privacy.Answering{Result: privacy.Result(c.R.PostFormValue("result")), Text: c.R.PostFormValue("answer")}
	_, err := command(c, "privacy.answer", []string{id}, func(tx *db.Tx) error {
		_, err := privacy.Answer(c.R.Context(), tx, c.Actor, privacy.RequestID(id), in)
		return err
	})
	if err != nil && correctable(err) {
		return d.dataRequestAgain(c, err)
	}
	if err != nil {
		return err
	}
	return c.Redirect("/vendor/data/" + id)
}

func results(ctx context.Context) (out []page.Option) {
	for _, r := range privacy.Results {
		out = append(out, page.Option{Value: string(r), Label: text.T(ctx, "privacy.result."+string(r))})
	}
	return out
}

func dataRows(ctx context.Context, v dataView) (rows [][]templ.Component) {
	for _, q := range v.all {
		word := text.T(ctx, "privacy.request.state."+string(q.State))
		if q.State == privacy.Answered {
			word = text.T(ctx, "privacy.result."+string(q.Result))
		}
		rows = append(rows, []templ.Component{
			page.Anchor("/vendor/data/"+string(q.ID), text.T(ctx, "privacy.request.kind."+string(q.Kind))), page.Chip(dataTone(q), word), page.Time(q.AskedAt), page.Time(q.DueAt),
		})
	}
	return rows
}

func findingRows(ctx context.Context, all []privacy.Finding) (rows [][]templ.Component) {
	for _, f := range all {
		tone := page.Warning
		if f.State == privacy.Remedied {
			tone = page.Success
		} else if f.State == privacy.Escalated || f.Severity == privacy.Misuse {
			tone = page.Danger
		}
		rows = append(rows, []templ.Component{
			page.Str(f.Text), page.Chip(tone, text.T(ctx, "privacy.finding.state."+string(f.State))), page.Str(text.T(ctx, "privacy.severity."+f.Severity)), page.Date(f.RemedyDue),
		})
	}
	return rows
}

func auditRows(ctx context.Context, all []privacy.Audit) (rows [][]templ.Component) {
	for _, a := range all {
		state := page.Chip(page.Info, text.T(ctx, "privacy.desk.planned"))
		at := page.Date(a.DueAt)
		if a.State == privacy.AuditDone {
			state, at = page.Chip(page.Success, text.T(ctx, "privacy.desk.score", "Score", a.Score)), page.Date(a.DoneAt)
		}
		rows = append(rows, []templ.Component{page.Str(text.T(ctx, "privacy.cause."+a.Cause)), state, at})
	}
	return rows
}

// plainTerms are what a consent lets the vendor know.
func plainTerms(ctx context.Context, r privacy.Reach) (out []page.Term) {
	for _, one := range []struct{ field, value string }{{"name", r.Name}, {"email", r.Email}, {"mobile", r.Mobile}} {
		if one.value != "" {
			out = append(out, page.Term{Label: text.T(ctx, "privacy.field."+one.field), Text: one.value})
		}
	}
	return append(out, page.Term{Label: text.T(ctx, "privacy.page.basis"), Value: page.ID(r.Basis)})
}
