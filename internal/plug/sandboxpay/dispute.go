package sandboxpay

import (
	"net/http"
	"strconv"
	"time"
)

const (
	disputeFee   = 1500 // the provider's own, for each round that is opened, in minor units
	evidenceTime = 7 * 24 * time.Hour
)

// DisputeRequest lets the payer's bank take money of a payment back.
type DisputeRequest struct {
	Payment string `json:"payment"`
	Amount  int64  `json:"amount"` // zero for the whole
	Reason  string `json:"reason"`
}

// disputedNow reports whether a dispute of a payment is undecided. The caller
// holds the lock.
func (p *Provider) disputedNow(payment string) bool {
	for _, d := range p.disputes {
		if d.Payment == payment && (d.Status == DisputeOpen || d.Status == DisputeSubmitted) {
			return true
		}
	}
	return false
}

func (p *Provider) openDispute(r *http.Request) (int, any, error) {
	var ask DisputeRequest
	if err := readJSON(r, &ask); err != nil {
		return 0, nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	dispute, err := p.dispute(ask)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusCreated, dispute, nil
}

// dispute opens a dispute. A bank does not look at what was refunded already, so
// what it takes may be more than is left; a payment has one undecided dispute at
// a time here. The caller holds the lock.
func (p *Provider) dispute(ask DisputeRequest) (*Dispute, error) {
	of, known := p.payments[ask.Payment]
	if !known {
		return nil, notFound
	}
	if ask.Amount == 0 {
		ask.Amount = of.Captured
	}
	if ask.Reason == "" {
		ask.Reason = "not_received"
	}
	switch {
	case of.Status != PaymentCaptured:
		return nil, conflict("not_captured", "", of.ID)
	case ask.Amount < 0 || ask.Amount > of.Captured:
		return nil, invalid("amount")
	case p.disputedNow(of.ID):
		return nil, conflict("disputed", "", of.ID)
	}
	id, err := p.id("dsp_")
	if err != nil {
		return nil, err
	}
	now := p.now()
	d := Dispute{
		ID: id, Payment: of.ID, Reference: of.Reference, Status: DisputeOpen, Round: 1, Amount: ask.Amount, Fee: disputeFee, Currency: of.Currency,
		Reason: ask.Reason, EvidenceDue: now.Add(evidenceTime), CreatedAt: now, ChangedAt: now, Mode: sandboxMode,
	}
	if err := p.take(d, now); err != nil {
		return nil, err
	}
	return p.disputes[id], nil
}

// take commits a dispute that opens, in whatever round: the money leaves, with
// the fee.
func (p *Provider) take(d Dispute, now time.Time) error {
	payment := *p.payments[d.Payment]
	payment.Disputed += d.Amount
	return p.commit(&entry{
		Kind: "dispute.open", Payment: &payment, Dispute: &d, Notice: p.notice("dispute.open", now, 0),
		Moved: []Movement{
			{"dispute", roundOf(d, "open"), d.ID, -d.Amount, d.Currency, now},
			{"fee", roundOf(d, "open"), d.ID, -disputeFee, d.Currency, now},
		},
	})
}

// roundOf names a movement of a dispute, once for each round.
func roundOf(d Dispute, what string) string { return d.ID + "_" + what + "_" + strconv.Itoa(d.Round) }

// mostRounds is how often a dispute is opened here.
const mostRounds = 5

func (p *Provider) moveDispute(r *http.Request) (int, any, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	d, known := p.disputes[r.PathValue("id")]
	if !known {
		return 0, nil, notFound
	}
	if err := p.decideDispute(*d, r.PathValue("move")); err != nil {
		return 0, nil, err
	}
	return http.StatusOK, p.disputes[d.ID], nil
}

// decideDispute makes one move of a dispute: "submit", "win", "lose" or "reopen".
// The same again changes nothing. The caller holds the lock.
func (p *Provider) decideDispute(d Dispute, move string) error {
	now, undecided := p.now(), d.Status == DisputeOpen || d.Status == DisputeSubmitted
	to := map[string]DisputeStatus{"submit": DisputeSubmitted, "win": DisputeWon, "lose": DisputeLost, "reopen": DisputeOpen}[move]
	switch {
	case to == "":
		return notFound
	case d.Status == to:
		return nil
	case move == "reopen" && d.Status == DisputeWon && d.Round < mostRounds && !p.disputedNow(d.Payment):
		d.Status, d.ChangedAt, d.Round, d.EvidenceDue = to, now, d.Round+1, now.Add(evidenceTime)
		return p.take(d, now)
	case move == "reopen" || !undecided:
		return conflict("decided", "", d.ID)
	}
	d.Status, d.ChangedAt = to, now
	kind := "dispute." + string(to)
	e := &entry{Kind: kind, Dispute: &d, Notice: p.notice(kind, now, 0)}
	if to == DisputeWon {
		payment := *p.payments[d.Payment]
		payment.Disputed -= d.Amount
		e.Payment = &payment
		e.Moved = []Movement{{"dispute", roundOf(d, "won"), d.ID, d.Amount, d.Currency, now}}
	}
	return p.commit(e)
}

func (p *Provider) showDispute(r *http.Request) (int, any, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	d, known := p.disputes[r.PathValue("id")]
	if !known {
		return 0, nil, notFound
	}
	return http.StatusOK, *d, nil
}

// DisputePage is a part of the list of disputes in the order they last changed.
type DisputePage struct {
	Data []Dispute `json:"data"`
	Next string    `json:"next"`
	More bool      `json:"more"`
}

// listDisputes lists what changed after ?since=.
func (p *Provider) listDisputes(r *http.Request) (int, any, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	changes, next, more, err := p.changedSince(r.URL.Query(), func(c change) bool {
		return c.dispute != "" && p.disputes[c.dispute].Seq == c.seq
	})
	if err != nil {
		return 0, nil, err
	}
	page := DisputePage{Data: make([]Dispute, 0, len(changes)), Next: next, More: more}
	for _, c := range changes {
		page.Data = append(page.Data, *p.disputes[c.dispute])
	}
	return http.StatusOK, page, nil
}
