package sandboxpay

import (
	"cmp"
	"crypto/hmac"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"yunshi/internal/base/money"
)

// ControlURL is where a person plays the payer's and the vendor's bank at the
// provider of that address and webhook secret. Who knows it may play.
func ControlURL(publicURL, secret string) string {
	return strings.TrimRight(publicURL, "/") + "/control/" + linkToken(secret, "control")
}

// controlView is what the template of the control page sees.
type controlView struct {
	Lang, OtherLang string
	Words           map[string]string
	Refused         string // the code of the refusal
	Sections        []controlSection
}

type controlSection struct {
	Name string
	Rows []controlRow
}

type controlRow struct {
	ID, Reference, Amount, State string
	Round                        int
	Moves                        []string
	at                           time.Time
}

// mostRows bounds each section of the control page.
const mostRows = 30

func (p *Provider) controlPage(w http.ResponseWriter, r *http.Request) {
	if !p.controls(r) {
		http.NotFound(w, r)
		return
	}
	p.showControl(w, r, "", http.StatusOK)
}

// controls reports whether the request knows the page's address.
func (p *Provider) controls(r *http.Request) bool {
	return hmac.Equal([]byte(r.PathValue("token")), []byte(p.linkToken("control")))
}

func (p *Provider) showControl(w http.ResponseWriter, r *http.Request, refused string, status int) {
	lang, other := pageLanguages(r, "")
	view := controlView{Lang: lang, OtherLang: other, Words: words[lang], Refused: refused, Sections: p.controlSections(lang)}
	p.show(w, controlTemplate, view, status, "")
}

// controlSections lists what a bank may do now, the newest first.
func (p *Provider) controlSections(lang string) []controlSection {
	p.mu.Lock()
	defer p.mu.Unlock()
	var payments, disputes, payouts []controlRow
	in := func(minor int64, currency string) string {
		return money.Amount{Minor: minor, Currency: money.Currency(currency)}.Format(lang)
	}
	for _, o := range p.payments {
		if o.Status == PaymentCaptured && !p.disputedNow(o.ID) {
			payments = append(payments, controlRow{ID: o.ID, Reference: o.Reference, Amount: in(o.Captured, o.Currency), State: "payment_captured",
				Moves: []string{"dispute"}, at: o.CapturedAt})
		}
	}
	for _, o := range p.disputes {
		row := controlRow{ID: o.ID, Reference: o.Reference, Amount: in(o.Amount, o.Currency), State: "dispute_" + string(o.Status), Round: o.Round, at: o.ChangedAt}
		switch o.Status {
		case DisputeOpen:
			row.Moves = []string{"submit", "win", "lose"}
		case DisputeSubmitted:
			row.Moves = []string{"win", "lose"}
		case DisputeWon:
			row.Moves = []string{"reopen"}
		case DisputeLost:
		}
		disputes = append(disputes, row)
	}
	for _, o := range p.payouts {
		row := controlRow{ID: o.ID, Reference: o.Reference, Amount: in(o.Amount, o.Currency), State: "payout_" + string(o.Status), at: last(o.CreatedAt, o.EndedAt)}
		if o.Status == MoveProcessing || o.Status == MoveDone {
			row.Moves = []string{"return"}
		}
		payouts = append(payouts, row)
	}
	newest := func(rows []controlRow) []controlRow {
		slices.SortFunc(rows, func(a, b controlRow) int { return cmp.Or(b.at.Compare(a.at), cmp.Compare(a.ID, b.ID)) })
		return rows[:min(mostRows, len(rows))]
	}
	return []controlSection{{"control_disputes", newest(disputes)}, {"control_payouts", newest(payouts)}, {"control_payments", newest(payments)}}
}

// controlDecision does what a button asks for and shows the page again.
func (p *Provider) controlDecision(w http.ResponseWriter, r *http.Request) {
	if !p.controls(r) {
		http.NotFound(w, r)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxRequest)
	err := p.play(r.PostFormValue("id"), r.PostFormValue("move"))
	if refusal, ok := errors.AsType[*apiError](err); ok {
		p.showControl(w, r, refusal.Code, refusal.Status)
		return
	}
	if err != nil {
		p.cfg.Log.Error("sandboxpay: control", "error", err)
		http.Error(w, "", http.StatusServiceUnavailable)
		return
	}
	lang, _ := pageLanguages(r, "")
	http.Redirect(w, r, r.URL.Path+"?lang="+lang, http.StatusSeeOther)
}

// play makes one move of a bank.
func (p *Provider) play(id, move string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case move == "dispute":
		_, err := p.dispute(DisputeRequest{Payment: id})
		return err
	case move == "return" && p.payouts[id] != nil:
		return p.bouncePayout(*p.payouts[id])
	case p.disputes[id] != nil:
		return p.decideDispute(*p.disputes[id], move)
	}
	return notFound
}
