package sandboxpay

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	maxRequest = 64 << 10
	maxPage    = 200
)

// apiError is the body of every refusal: a stable code, and what it is about.
type apiError struct {
	Status int    `json:"-"`
	Code   string `json:"code"`
	Field  string `json:"field,omitempty"`
	Object string `json:"object,omitempty"`
}

func (e *apiError) Error() string { return fmt.Sprintf("%d %s %s", e.Status, e.Code, e.Field) }

func invalid(field string) *apiError {
	return &apiError{Status: http.StatusUnprocessableEntity, Code: "invalid", Field: field}
}

var (
	notFound     = &apiError{Status: http.StatusNotFound, Code: "not_found"}
	unauthorised = &apiError{Status: http.StatusUnauthorized, Code: "unauthorised"}
	injected     = &apiError{Status: http.StatusInternalServerError, Code: "internal"}
)

// apiHandler answers with a status and a value, or with an error.
type apiHandler func(*http.Request) (status int, value any, err error)

// Handler serves the API under /v1, the payment page under /pay and its assets.
func (p *Provider) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("POST /v1/merchants", p.api(p.openMerchant))
	mux.Handle("POST /v1/payments", p.api(p.createPayment))
	mux.Handle("GET /v1/payments", p.api(p.listPayments))
	mux.Handle("GET /v1/payments/{id}", p.api(p.showPayment))
	mux.Handle("POST /v1/payments/{id}/close", p.api(p.closePayment))
	mux.Handle("POST /v1/refunds", p.api(p.createRefund))
	mux.Handle("GET /v1/refunds", p.api(p.listRefunds))
	mux.Handle("GET /v1/refunds/{id}", p.api(p.showRefund))
	mux.Handle("POST /v1/splits", p.api(p.createSplit))
	mux.Handle("GET /v1/splits", p.api(p.findSplit))
	mux.Handle("POST /v1/returns", p.api(p.createReturn))
	mux.Handle("GET /v1/returns", p.api(p.findReturn))
	mux.Handle("POST /v1/payouts", p.api(p.createPayout))
	mux.Handle("GET /v1/payouts", p.api(p.findPayout))
	mux.Handle("GET /v1/balances/{payee}", p.api(p.showBalance))
	mux.Handle("GET /v1/disputes", p.api(p.listDisputes))
	mux.Handle("GET /v1/disputes/{id}", p.api(p.showDispute))
	mux.Handle("GET /v1/reports/daily", p.api(p.dailyReport))

	mux.Handle("GET /v1/test/faults", p.control(p.showFaults))
	mux.Handle("POST /v1/test/faults", p.control(p.setFaults))
	mux.Handle("POST /v1/test/notify", p.control(p.resend))
	mux.Handle("POST /v1/test/payments/{id}/capture", p.control(p.forceCapture))
	mux.Handle("POST /v1/test/refunds/{id}/fail", p.control(p.bounceRefund))

	mux.Handle("POST /v1/test/payouts/{id}/return", p.control(p.returnPayout))
	mux.Handle("POST /v1/test/disputes", p.control(p.openDispute))
	mux.Handle("POST /v1/test/disputes/{id}/{move}", p.control(p.moveDispute))

	mux.HandleFunc("GET /control/{token}", p.controlPage)
	mux.HandleFunc("POST /control/{token}", p.controlDecision)
	mux.HandleFunc("GET /pay/{id}/{token}", p.payPage)
	mux.HandleFunc("POST /pay/{id}/{token}", p.payDecision)
	mux.HandleFunc("GET /assets/pay.css", serveCSS)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok\n") })
	return mux
}

// api is control plus the faults that a caller of the real API would meet.
func (p *Provider) api(handle apiHandler) http.Handler {
	return p.control(func(r *http.Request) (int, any, error) {
		if p.spend(func(f *Faults) *int { return &f.ErrorNext }) {
			return 0, nil, injected
		}
		status, value, err := handle(r)
		if err == nil && r.Method == http.MethodPost && p.spend(func(f *Faults) *int { return &f.TimeoutNextAfterEffect }) {
			select {
			case <-r.Context().Done():
			case <-time.After(hangFor):
			}
			panic(http.ErrAbortHandler) // closes the connection without an answer
		}
		return status, value, err
	})
}

// spend uses up one of a counted fault.
func (p *Provider) spend(which func(*Faults) *int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	left := which(&p.faults)
	if *left == 0 {
		return false
	}
	*left--
	return true
}

// control checks the bearer key and writes the answer.
func (p *Provider) control(handle apiHandler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status, value, err := 0, any(nil), error(unauthorised)
		if p.authentic(r) {
			r.Body = http.MaxBytesReader(w, r.Body, maxRequest)
			status, value, err = handle(r)
		}
		if err != nil {
			refusal, ok := errors.AsType[*apiError](err)
			if !ok {
				p.cfg.Log.Error("sandboxpay: request", "path", r.URL.Path, "error", err)
				refusal = &apiError{Status: http.StatusServiceUnavailable, Code: "unavailable"}
			}
			status, value = refusal.Status, map[string]*apiError{"error": refusal}
		}
		body, err := json.Marshal(value)
		if err != nil {
			p.cfg.Log.Error("sandboxpay: write answer", "path", r.URL.Path, "error", err)
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(status)
		w.Write(body)
	})
}

func (p *Provider) authentic(r *http.Request) bool {
	given, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	// Hashing first makes the comparison independent of the key's length.
	got, want := sha256.Sum256([]byte(given)), sha256.Sum256([]byte(p.cfg.Key))
	return ok && subtle.ConstantTimeCompare(got[:], want[:]) == 1
}

// readJSON decodes a request body strictly; an empty one leaves into as it is.
func readJSON(r *http.Request, into any) error {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return &apiError{Status: http.StatusRequestEntityTooLarge, Code: "too_large"}
	}
	if len(body) == 0 {
		return nil
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil || decoder.More() {
		return &apiError{Status: http.StatusBadRequest, Code: "malformed"}
	}
	return nil
}

// once finds what an idempotency key was used for. It returns the object's id,
// or the key to store with the new object. The caller holds the lock.
func (p *Provider) once(r *http.Request, route string, ask any) (object string, key *onceKey, err error) {
	given := r.Header.Get("Idempotency-Key")
	if given == "" || len(given) > 255 {
		return "", nil, &apiError{Status: http.StatusBadRequest, Code: "idempotency_key_required"}
	}
	canonical, err := json.Marshal(ask)
	if err != nil {
		return "", nil, err
	}
	sum := sha256.Sum256(canonical)
	key = &onceKey{Key: route + ":" + given, Hash: hex.EncodeToString(sum[:])}
	used, known := p.keys[key.Key]
	if !known || p.now().Sub(used.at) >= keyLife {
		return "", key, nil
	}
	if used.Hash != key.Hash {
		return "", nil, &apiError{Status: http.StatusUnprocessableEntity, Code: "idempotency_key_reused", Object: used.Object}
	}
	return used.Object, nil, nil
}

type merchantRequest struct {
	Reference string `json:"reference"`
	Name      string `json:"name"`
}

// openMerchant opens the account of one vendor, or returns the one it has.
func (p *Provider) openMerchant(r *http.Request) (int, any, error) {
	var ask merchantRequest
	if err := readJSON(r, &ask); err != nil {
		return 0, nil, err
	}
	if !fits(ask.Reference, 64) {
		return 0, nil, invalid("reference")
	}
	if !fits(ask.Name, 200) {
		return 0, nil, invalid("name")
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if id, known := p.byRef["merchant:"+ask.Reference]; known {
		return http.StatusOK, p.merchants[id], nil
	}
	id, err := p.id("mch_")
	if err != nil {
		return 0, nil, err
	}
	merchant := &Merchant{ID: id, Reference: ask.Reference, Name: ask.Name, CreatedAt: p.now()}
	if err := p.commit(&entry{Kind: "merchant.opened", Merchant: merchant}); err != nil {
		return 0, nil, err
	}
	return http.StatusCreated, merchant, nil
}

// PaymentRequest asks for a payment; see Payment for the fields.
type PaymentRequest struct {
	Reference   string    `json:"reference"`
	Amount      int64     `json:"amount"`
	Currency    string    `json:"currency"`
	Description string    `json:"description"`
	Payee       string    `json:"payee"`
	PayeeName   string    `json:"payee_name"`
	Collector   string    `json:"collector"`
	ReturnURL   string    `json:"return_url"`
	Locale      string    `json:"locale,omitempty"`
	ExpiresAt   time.Time `json:"expires_at,omitzero"`
}

// check returns the refusal of a request that can never become a payment.
func (ask PaymentRequest) check(currency string, now time.Time) error {
	returnTo, err := url.Parse(ask.ReturnURL)
	switch {
	case !fits(ask.Reference, 64):
		return invalid("reference")
	case ask.Amount <= 0 || ask.Amount > maxAmount:
		return invalid("amount")
	case ask.Currency != currency:
		return invalid("currency")
	case !fits(ask.Description, 1000):
		return invalid("description")
	case ask.Payee == "":
		return invalid("payee")
	case !fits(ask.Collector, 200):
		return invalid("collector")
	case err != nil || returnTo.Host == "" || (returnTo.Scheme != "http" && returnTo.Scheme != "https"):
		return invalid("return_url")
	case !ask.ExpiresAt.IsZero() && !ask.ExpiresAt.After(now):
		return invalid("expires_at")
	}
	return nil
}

func fits(s string, limit int) bool { return s != "" && len(s) <= limit }

func (p *Provider) createPayment(r *http.Request) (int, any, error) {
	var ask PaymentRequest
	if err := readJSON(r, &ask); err != nil {
		return 0, nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	object, key, err := p.once(r, "payments", ask)
	if err != nil {
		return 0, nil, err
	}
	if object != "" {
		return http.StatusOK, p.payments[object], nil
	}
	now := p.now()
	if err := ask.check(p.cfg.Currency, now); err != nil {
		return 0, nil, err
	}
	if id, taken := p.byRef["payment:"+ask.Reference]; taken {
		return 0, nil, &apiError{Status: http.StatusConflict, Code: "reference_used", Object: id}
	}
	if merchant, known := p.merchants[ask.Payee]; known {
		ask.PayeeName = merchant.Name
	} else if !p.cfg.AnyPayee {
		return 0, nil, &apiError{Status: http.StatusUnprocessableEntity, Code: "unknown_payee", Field: "payee"}
	}
	id, err := p.id("pmt_")
	if err != nil {
		return 0, nil, err
	}
	key.Object = id
	payment := &Payment{
		ID: id, Reference: ask.Reference, Status: PaymentCreated,
		Amount: ask.Amount, Currency: ask.Currency, Description: ask.Description,
		Payee: ask.Payee, PayeeName: ask.PayeeName, Collector: ask.Collector,
		ReturnURL: ask.ReturnURL, Locale: ask.Locale, PayURL: p.cfg.PublicURL + "/pay/" + id + "/" + p.linkToken(id),
		CreatedAt: now, ExpiresAt: ask.ExpiresAt, Mode: sandboxMode,
	}
	if err := p.commit(&entry{Kind: "payment.created", Payment: payment, Key: key}); err != nil {
		return 0, nil, err
	}
	return http.StatusCreated, payment, nil
}

func (p *Provider) showPayment(r *http.Request) (int, any, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	payment, known := p.payments[r.PathValue("id")]
	if !known {
		return 0, nil, notFound
	}
	return http.StatusOK, *payment, nil
}

// PaymentPage is a part of the list of payments in the order they last changed.
type PaymentPage struct {
	Data []Payment `json:"data"`
	Next string    `json:"next"` // the next "since"
	More bool      `json:"more"`
}

// listPayments finds by ?reference=, or lists what changed after ?since=.
func (p *Provider) listPayments(r *http.Request) (int, any, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	query := r.URL.Query()
	if query.Has("reference") {
		page := PaymentPage{Data: []Payment{}}
		if id, known := p.byRef["payment:"+query.Get("reference")]; known {
			page.Data = append(page.Data, *p.payments[id])
		}
		return http.StatusOK, page, nil
	}
	changes, next, more, err := p.changedSince(query, func(c change) bool {
		return c.payment != "" && p.payments[c.payment].Seq == c.seq
	})
	if err != nil {
		return 0, nil, err
	}
	page := PaymentPage{Data: make([]Payment, 0, len(changes)), Next: next, More: more}
	for _, c := range changes {
		page.Data = append(page.Data, *p.payments[c.payment])
	}
	return http.StatusOK, page, nil
}

// changedSince returns the wanted changes after the cursor, at most a page of
// them, and the cursor behind the last one looked at.
func (p *Provider) changedSince(query url.Values, want func(change) bool) (found []change, next string, more bool, err error) {
	since := int64(0)
	if given := query.Get("since"); given != "" {
		since, err = strconv.ParseInt(given, 10, 64)
		if err != nil || since < 0 {
			return nil, "", false, invalid("since")
		}
	}
	start, _ := slices.BinarySearchFunc(p.changes, since+1, func(c change, seq int64) int {
		return int(min(max(c.seq-seq, -1), 1))
	})
	for _, c := range p.changes[start:] {
		if len(found) == maxPage {
			return found, strconv.FormatInt(since, 10), true, nil
		}
		since = c.seq
		if want(c) {
			found = append(found, c)
		}
	}
	return found, strconv.FormatInt(since, 10), false, nil
}

// closePayment ends a payment nobody has paid; a captured one is refused.
func (p *Provider) closePayment(r *http.Request) (int, any, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	payment, known := p.payments[r.PathValue("id")]
	if !known {
		return 0, nil, notFound
	}
	switch payment.Status {
	case PaymentClosed, PaymentFailed:
		return http.StatusOK, *payment, nil
	case PaymentCreated:
	default:
		return 0, nil, &apiError{Status: http.StatusConflict, Code: "already_paid", Object: payment.ID}
	}
	if err := p.end(*payment, PaymentClosed, "closed_by_merchant", p.now()); err != nil {
		return 0, nil, err
	}
	return http.StatusOK, *p.payments[payment.ID], nil
}

// RefundRequest asks for money of a captured payment to go back.
type RefundRequest struct {
	Reference string `json:"reference"`
	Payment   string `json:"payment"`
	Amount    int64  `json:"amount"`
	Reason    string `json:"reason"`
}

func (p *Provider) createRefund(r *http.Request) (int, any, error) {
	var ask RefundRequest
	if err := readJSON(r, &ask); err != nil {
		return 0, nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	object, key, err := p.once(r, "refunds", ask)
	if err != nil {
		return 0, nil, err
	}
	if object != "" {
		return http.StatusOK, p.refunds[object], nil
	}
	payment, err := p.refundable(ask)
	if err != nil {
		return 0, nil, err
	}
	id, err := p.id("rfn_")
	if err != nil {
		return 0, nil, err
	}
	key.Object = id
	payment.Refunded += ask.Amount
	refund := &Refund{
		ID: id, Reference: ask.Reference, Payment: payment.ID, Status: RefundSubmitted,
		Amount: ask.Amount, Currency: payment.Currency, Reason: ask.Reason, CreatedAt: p.now(), Mode: sandboxMode,
	}
	if err := p.commit(&entry{Kind: "refund.submitted", Payment: &payment, Refund: refund, Key: key}); err != nil {
		return 0, nil, err
	}
	return http.StatusCreated, refund, nil
}

// refundable returns a copy of the payment that the refund may draw on.
func (p *Provider) refundable(ask RefundRequest) (Payment, error) {
	if !fits(ask.Reference, 64) {
		return Payment{}, invalid("reference")
	}
	if id, taken := p.byRef["refund:"+ask.Reference]; taken {
		return Payment{}, &apiError{Status: http.StatusConflict, Code: "reference_used", Object: id}
	}
	payment, known := p.payments[ask.Payment]
	if !known {
		return Payment{}, &apiError{Status: http.StatusUnprocessableEntity, Code: "unknown_payment", Field: "payment"}
	}
	if ask.Amount <= 0 || ask.Amount > maxAmount {
		return Payment{}, invalid("amount")
	}
	if payment.Status != PaymentCaptured {
		return Payment{}, &apiError{Status: http.StatusConflict, Code: "not_captured", Object: payment.ID}
	}
	if p.disputedNow(payment.ID) {
		return Payment{}, &apiError{Status: http.StatusConflict, Code: "disputed", Object: payment.ID}
	}
	if ask.Amount > payment.Captured-payment.Refunded-payment.Disputed {
		return Payment{}, &apiError{Status: http.StatusConflict, Code: "over_refund", Field: "amount", Object: payment.ID}
	}
	if ask.Amount > payment.held() {
		return Payment{}, &apiError{Status: http.StatusConflict, Code: "share_not_returned", Field: "amount", Object: payment.ID}
	}
	return *payment, nil
}

func (p *Provider) showRefund(r *http.Request) (int, any, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	refund, known := p.refunds[r.PathValue("id")]
	if !known {
		return 0, nil, notFound
	}
	return http.StatusOK, *refund, nil
}

// RefundPage is a part of the list of refunds in the order they last changed.
type RefundPage struct {
	Data []Refund `json:"data"`
	Next string   `json:"next"`
	More bool     `json:"more"`
}

// listRefunds finds by ?reference=, or lists what changed after ?since=.
func (p *Provider) listRefunds(r *http.Request) (int, any, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	query := r.URL.Query()
	if query.Has("reference") {
		page := RefundPage{Data: []Refund{}}
		if id, known := p.byRef["refund:"+query.Get("reference")]; known {
			page.Data = append(page.Data, *p.refunds[id])
		}
		return http.StatusOK, page, nil
	}
	changes, next, more, err := p.changedSince(query, func(c change) bool {
		return c.refund != "" && p.refunds[c.refund].Seq == c.seq
	})
	if err != nil {
		return 0, nil, err
	}
	page := RefundPage{Data: make([]Refund, 0, len(changes)), Next: next, More: more}
	for _, c := range changes {
		page.Data = append(page.Data, *p.refunds[c.refund])
	}
	return http.StatusOK, page, nil
}

var chinaTime = time.FixedZone("UTC+8", 8*60*60)

// dailyReport lists the captures, the succeeded refunds and the other movements
// of ?date=, a day of China time; without it, of today.
func (p *Provider) dailyReport(r *http.Request) (int, any, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	date := r.URL.Query().Get("date")
	if date == "" {
		date = p.now().In(chinaTime).Format(time.DateOnly)
	}
	start, err := time.ParseInLocation(time.DateOnly, date, chinaTime)
	if err != nil {
		return 0, nil, invalid("date")
	}
	end := start.AddDate(0, 0, 1)
	on := func(at time.Time) bool { return !at.Before(start) && at.Before(end) }

	report := DailyReport{Date: date, Captured: []ReportLine{}, Refunded: []ReportLine{}, Moved: []Movement{}}
	for _, m := range p.moved {
		if on(m.At) {
			report.Moved = append(report.Moved, m)
		}
	}
	for _, payment := range p.payments {
		if payment.Status == PaymentCaptured && on(payment.CapturedAt) {
			report.Captured = append(report.Captured, ReportLine{ID: payment.CaptureID, Reference: payment.Reference, Payment: payment.ID,
				Payee: payment.Payee, Amount: payment.Captured, Fee: payment.Fee, Currency: payment.Currency, At: payment.CapturedAt})
		}
	}
	for _, refund := range p.refunds {
		if !refund.PaidAt.IsZero() && on(refund.PaidAt) {
			report.Refunded = append(report.Refunded, ReportLine{ID: refund.ID, Reference: refund.Reference, Payment: refund.Payment,
				Payee: p.payments[refund.Payment].Payee, Amount: refund.Amount, Currency: refund.Currency, At: refund.PaidAt})
		}
	}
	report.total()
	return http.StatusOK, report, nil
}

// total sorts the lines by time and sums them per payee and currency.
func (d *DailyReport) total() {
	byTime := func(a, b ReportLine) int {
		if c := a.At.Compare(b.At); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	}
	slices.SortFunc(d.Captured, byTime)
	slices.SortFunc(d.Refunded, byTime)
	d.Totals = []DailyTotal{}
	of := func(line ReportLine) *DailyTotal {
		for i := range d.Totals {
			if d.Totals[i].Payee == line.Payee && d.Totals[i].Currency == line.Currency {
				return &d.Totals[i]
			}
		}
		d.Totals = append(d.Totals, DailyTotal{Payee: line.Payee, Currency: line.Currency})
		return &d.Totals[len(d.Totals)-1]
	}
	for _, line := range d.Captured {
		sum := of(line)
		sum.Captured += line.Amount
		sum.Fee += line.Fee
	}
	for _, line := range d.Refunded {
		of(line).Refunded += line.Amount
	}
}
