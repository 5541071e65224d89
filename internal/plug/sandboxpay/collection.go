package sandboxpay

import (
	"net/http"
	"time"

	"yunshi/internal/base/money"
)

// What the provider allows with the money it keeps.
const (
	splitCap   = 3000 // most of a payment that may go to the collector, in basis points
	freezeDays = 180  // after so many days a payment is free without a finishing split
	returnFee  = 1000 // kept by a bank that sends a payout back, in minor units, at most a hundredth
)

// held is what of the payment is on the payee's side, frozen or free.
func (payment Payment) held() int64 {
	return payment.Captured - payment.Refunded - payment.Disputed - payment.Shared + payment.Returned
}

// free reports whether the payee may draw what is held.
func (payment Payment) free(now time.Time) bool {
	return payment.Status == PaymentCaptured && (payment.Finished || !now.Before(payment.CapturedAt.AddDate(0, 0, freezeDays)))
}

// Balance is what a payee has at the provider.
type Balance struct {
	Payee    string `json:"payee"`
	Currency string `json:"currency"`
	Free     int64  `json:"free"`   // may be paid out; below zero after a late refund or dispute
	Frozen   int64  `json:"frozen"` // of payments whose split is not finished
}

// balance sums a payee's payments and payouts. The caller holds the lock.
func (p *Provider) balance(payee string) Balance {
	b, now := Balance{Payee: payee, Currency: p.cfg.Currency}, p.now()
	for _, payment := range p.payments {
		switch {
		case payment.Payee != payee || payment.Status != PaymentCaptured:
		case payment.free(now):
			b.Free += payment.held()
		default:
			b.Frozen += payment.held()
		}
	}
	for _, payout := range p.payouts {
		if payout.Payee != payee {
			continue
		}
		switch payout.Status {
		case MoveProcessing, MoveDone:
			b.Free -= payout.Amount
		case MoveReturned:
			b.Free -= payout.Fee
		case MoveFailed:
		}
	}
	return b
}

func (p *Provider) showBalance(r *http.Request) (int, any, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return http.StatusOK, p.balance(r.PathValue("payee")), nil
}

// SplitRequest asks for the collector's share of a payment.
type SplitRequest struct {
	Reference   string `json:"reference"`
	Payment     string `json:"payment"`
	Share       int64  `json:"share"`
	Finish      bool   `json:"finish"`
	Description string `json:"description"`
}

func conflict(code, field, object string) *apiError {
	return &apiError{Status: http.StatusConflict, Code: code, Field: field, Object: object}
}

// fresh reads a request for a new object of a kind. It returns the id of the
// object that the key or the reference stands for already, or a fresh id with the
// key to store. The caller holds the lock.
func (p *Provider) fresh(r *http.Request, kind, prefix, reference string, ask any) (known, id string, key *onceKey, err error) {
	known, key, err = p.once(r, kind+"s", ask)
	if err != nil || known != "" {
		return known, "", nil, err
	}
	if !fits(reference, 64) {
		return "", "", nil, invalid("reference")
	}
	if taken, ok := p.byRef[kind+":"+reference]; ok {
		return "", "", nil, conflict("reference_used", "", taken)
	}
	if id, err = p.id(prefix); err == nil {
		key.Object = id
	}
	return "", id, key, err
}

// createSplit gives the collector a share: at most the cap of the payment over
// all its splits, of money that is still there, and nothing after the last one.
func (p *Provider) createSplit(r *http.Request) (int, any, error) {
	var ask SplitRequest
	if err := readJSON(r, &ask); err != nil {
		return 0, nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	known, id, key, err := p.fresh(r, "split", "spt_", ask.Reference, ask)
	if err != nil {
		return 0, nil, err
	}
	if known != "" {
		return http.StatusOK, p.splits[known], nil
	}
	of, ok := p.payments[ask.Payment]
	if !ok {
		return 0, nil, &apiError{Status: http.StatusUnprocessableEntity, Code: "unknown_payment", Field: "payment"}
	}
	payment := *of
	most, err := money.Alloc(payment.Captured, splitCap, money.Whole)
	switch {
	case err != nil:
		return 0, nil, err
	case ask.Share < 0 || ask.Share > maxAmount || ask.Share == 0 && !ask.Finish:
		return 0, nil, invalid("share")
	case payment.Status != PaymentCaptured:
		return 0, nil, conflict("not_captured", "", payment.ID)
	case payment.Finished:
		return 0, nil, conflict("finished", "", payment.ID)
	case payment.Shared-payment.Returned+ask.Share > most:
		return 0, nil, conflict("over_cap", "share", payment.ID)
	case ask.Share > payment.held():
		return 0, nil, conflict("insufficient", "share", payment.ID)
	}
	payment.Shared += ask.Share
	payment.Finished = ask.Finish
	split := &Split{
		ID: id, Reference: ask.Reference, Payment: payment.ID, Status: MoveProcessing, Share: ask.Share, Finish: ask.Finish,
		Currency: payment.Currency, Description: ask.Description, CreatedAt: p.now(), Mode: sandboxMode,
	}
	if err := p.commit(&entry{Kind: "split.processing", Payment: &payment, Split: split, Key: key}); err != nil {
		return 0, nil, err
	}
	return http.StatusCreated, split, nil
}

// ReturnRequest asks for a part of a share to go back.
type ReturnRequest struct {
	Reference string `json:"reference"`
	Split     string `json:"split"`
	Amount    int64  `json:"amount"`
}

func (p *Provider) createReturn(r *http.Request) (int, any, error) {
	var ask ReturnRequest
	if err := readJSON(r, &ask); err != nil {
		return 0, nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	known, id, key, err := p.fresh(r, "return", "rtn_", ask.Reference, ask)
	if err != nil {
		return 0, nil, err
	}
	if known != "" {
		return http.StatusOK, p.returns[known], nil
	}
	of, ok := p.splits[ask.Split]
	switch {
	case !ok:
		return 0, nil, &apiError{Status: http.StatusUnprocessableEntity, Code: "unknown_split", Field: "split"}
	case ask.Amount <= 0 || ask.Amount > maxAmount:
		return 0, nil, invalid("amount")
	case of.Status != MoveDone:
		return 0, nil, conflict("not_split", "", of.ID)
	case ask.Amount > of.Share-of.Returned:
		return 0, nil, conflict("over_return", "amount", of.ID)
	}
	split, payment := *of, *p.payments[of.Payment]
	split.Returned += ask.Amount
	payment.Returned += ask.Amount
	back := &Return{
		ID: id, Reference: ask.Reference, Split: split.ID, Payment: payment.ID, Status: MoveProcessing, Amount: ask.Amount,
		Currency: payment.Currency, CreatedAt: p.now(), Mode: sandboxMode,
	}
	if err := p.commit(&entry{Kind: "return.processing", Payment: &payment, Split: &split, Return: back, Key: key}); err != nil {
		return 0, nil, err
	}
	return http.StatusCreated, back, nil
}

// PayoutRequest asks for free money of a payee to go to its bank account.
type PayoutRequest struct {
	Reference   string `json:"reference"`
	Payee       string `json:"payee"`
	PayeeName   string `json:"payee_name"`
	Amount      int64  `json:"amount"`
	Currency    string `json:"currency"`
	Description string `json:"description"`
}

func (p *Provider) createPayout(r *http.Request) (int, any, error) {
	var ask PayoutRequest
	if err := readJSON(r, &ask); err != nil {
		return 0, nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	known, id, key, err := p.fresh(r, "payout", "pyt_", ask.Reference, ask)
	if err != nil {
		return 0, nil, err
	}
	if known != "" {
		return http.StatusOK, p.payouts[known], nil
	}
	merchant, opened := p.merchants[ask.Payee]
	switch {
	case ask.Payee == "":
		return 0, nil, invalid("payee")
	case !opened && !p.cfg.AnyPayee:
		return 0, nil, &apiError{Status: http.StatusUnprocessableEntity, Code: "unknown_payee", Field: "payee"}
	case ask.Amount <= 0 || ask.Amount > maxAmount:
		return 0, nil, invalid("amount")
	case ask.Currency != p.cfg.Currency:
		return 0, nil, invalid("currency")
	case ask.Amount > p.balance(ask.Payee).Free:
		return 0, nil, conflict("insufficient", "amount", ask.Payee)
	case opened:
		ask.PayeeName = merchant.Name
	}
	payout := &Payout{
		ID: id, Reference: ask.Reference, Payee: ask.Payee, PayeeName: ask.PayeeName, Status: MoveProcessing, Amount: ask.Amount,
		Currency: ask.Currency, CreatedAt: p.now(), Mode: sandboxMode,
	}
	if err := p.commit(&entry{Kind: "payout.processing", Payout: payout, Key: key}); err != nil {
		return 0, nil, err
	}
	return http.StatusCreated, payout, nil
}

// Found is the answer to a question by reference: one object or none.
type Found[T any] struct {
	Data []T `json:"data"`
}

// find answers ?reference= from one kind of object.
func find[T any](p *Provider, r *http.Request, kind string, all map[string]*T) (int, any, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	found := Found[T]{Data: []T{}}
	if id, known := p.byRef[kind+":"+r.URL.Query().Get("reference")]; known {
		found.Data = append(found.Data, *all[id])
	}
	return http.StatusOK, found, nil
}

func (p *Provider) findSplit(r *http.Request) (int, any, error) {
	return find(p, r, "split", p.splits)
}

func (p *Provider) findReturn(r *http.Request) (int, any, error) {
	return find(p, r, "return", p.returns)
}

func (p *Provider) findPayout(r *http.Request) (int, any, error) {
	return find(p, r, "payout", p.payouts)
}

// advanceMovement ends what has taken its time. The caller holds the lock.
func (p *Provider) advanceMovement(id string, now time.Time) error {
	over := func(at time.Time) bool { return !now.Before(at.Add(p.cfg.MoveDelay)) }
	if split, ok := p.splits[id]; ok && over(split.CreatedAt) {
		return p.endSplit(*split, now)
	}
	if back, ok := p.returns[id]; ok && over(back.CreatedAt) {
		return p.endReturn(*back, now)
	}
	if payout, ok := p.payouts[id]; ok && over(payout.CreatedAt) {
		return p.endPayout(*payout, now)
	}
	return nil
}

// fails uses up one of a counted fault. The caller holds the lock.
func fails(left *int) bool {
	if *left == 0 {
		return false
	}
	*left--
	return true
}

func (p *Provider) endSplit(split Split, now time.Time) error {
	e := &entry{Kind: "split.done", Split: &split}
	split.Status, split.EndedAt = MoveDone, now
	if fails(&p.faults.SplitFailNext) {
		payment := *p.payments[split.Payment]
		payment.Shared -= split.Share
		payment.Finished = payment.Finished && !split.Finish
		split.Status, split.Failure = MoveFailed, "receiver_closed"
		e.Kind, e.Payment = "split.failed", &payment
	} else if split.Share > 0 {
		e.Moved = []Movement{{"split", split.ID, split.Reference, -split.Share, split.Currency, now}}
	}
	e.Notice = p.notice(e.Kind, now, 0)
	return p.commit(e)
}

func (p *Provider) endReturn(back Return, now time.Time) error {
	e := &entry{Kind: "return.done", Return: &back}
	back.Status, back.EndedAt = MoveDone, now
	if fails(&p.faults.ReturnFailNext) {
		split, payment := *p.splits[back.Split], *p.payments[back.Payment]
		split.Returned -= back.Amount
		payment.Returned -= back.Amount
		back.Status, back.Failure = MoveFailed, "insufficient"
		e.Kind, e.Split, e.Payment = "return.failed", &split, &payment
	} else {
		e.Moved = []Movement{{"return", back.ID, back.Reference, back.Amount, back.Currency, now}}
	}
	e.Notice = p.notice(e.Kind, now, 0)
	return p.commit(e)
}

func (p *Provider) endPayout(payout Payout, now time.Time) error {
	e := &entry{Kind: "payout.done", Payout: &payout}
	payout.Status, payout.EndedAt, payout.PaidAt = MoveDone, now, now
	if fails(&p.faults.PayoutFailNext) {
		payout.Status, payout.Failure, payout.PaidAt = MoveFailed, "account_closed", time.Time{}
		e.Kind = "payout.failed"
	} else {
		e.Moved = []Movement{{"payout", payout.ID, payout.Reference, -payout.Amount, payout.Currency, now}}
	}
	e.Notice = p.notice(e.Kind, now, 0)
	return p.commit(e)
}

// bouncePayout sends a payout back, also one that was paid; the bank keeps a fee.
// The caller holds the lock.
func (p *Provider) bouncePayout(payout Payout) error {
	now := p.now()
	if payout.Status == MoveProcessing {
		if err := p.endPayout(payout, now); err != nil {
			return err
		}
		payout = *p.payouts[payout.ID]
	}
	if payout.Status != MoveDone {
		return nil
	}
	payout.Status, payout.Failure, payout.EndedAt = MoveReturned, "returned_by_bank", now
	payout.Fee = min(returnFee, payout.Amount/100)
	return p.commit(&entry{
		Kind: "payout.returned", Payout: &payout, Notice: p.notice("payout.returned", now, 0),
		Moved: []Movement{{"adjustment", payout.ID, payout.Reference, payout.Amount - payout.Fee, payout.Currency, now}},
	})
}

// returnPayout is bouncePayout for the control API.
func (p *Provider) returnPayout(r *http.Request) (int, any, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	payout, known := p.payouts[r.PathValue("id")]
	if !known {
		return 0, nil, notFound
	}
	if err := p.bouncePayout(*payout); err != nil {
		return 0, nil, err
	}
	return http.StatusOK, p.payouts[payout.ID], nil
}

// applyCollection is apply for everything beyond payments and refunds.
func (p *Provider) applyCollection(e entry) {
	if e.Split != nil {
		p.splits[e.Split.ID] = e.Split
		p.byRef["split:"+e.Split.Reference] = e.Split.ID
		p.keepOpen(e.Split.ID, e.Split.Status == MoveProcessing)
	}
	if e.Return != nil {
		p.returns[e.Return.ID] = e.Return
		p.byRef["return:"+e.Return.Reference] = e.Return.ID
		p.keepOpen(e.Return.ID, e.Return.Status == MoveProcessing)
	}
	if e.Payout != nil {
		p.payouts[e.Payout.ID] = e.Payout
		p.byRef["payout:"+e.Payout.Reference] = e.Payout.ID
		p.keepOpen(e.Payout.ID, e.Payout.Status == MoveProcessing)
	}
	if e.Dispute != nil {
		dispute := *e.Dispute
		dispute.Seq = e.Seq
		p.disputes[dispute.ID] = &dispute
		p.changes = append(p.changes, change{seq: e.Seq, dispute: dispute.ID})
	}
	p.moved = append(p.moved, e.Moved...)
}
