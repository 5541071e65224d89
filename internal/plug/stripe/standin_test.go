package stripe

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// standin behaves as Stripe documents, as far as this adapter uses it: it keeps
// objects and balances, remembers idempotency keys for a day, lists the newest
// first and moves money only where there is some.
type standin struct {
	t    *testing.T
	url  string
	live bool

	mu      sync.Mutex
	clock   time.Time
	objects map[string]obj
	order   []string // ids in the order of their making
	keys    map[string]answerOf
	balance map[string]int64 // by account and currency; the operator's account is ""
	calls   []string         // method and path of every call
	next    int
	settle  string // currency that charges settle in, when not their own
	fault   func(r *http.Request, effect func() (int, obj)) (status int, body any, drop bool)
}

type obj = map[string]any

type answerOf struct {
	path, body string
	status     int
	answer     any
	at         time.Time
}

const (
	testKey    = "sk_test_standinSecretKey"
	testSecret = "whsec_one"
	feeOf      = 59 // of each charge
)

func newStandin(t *testing.T) *standin {
	s := &standin{
		t: t, clock: time.Unix(1_800_000_000, 0), objects: map[string]obj{}, keys: map[string]answerOf{}, balance: map[string]int64{},
	}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

func (s *standin) now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.clock
}

func (s *standin) advance(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clock = s.clock.Add(d)
}

type problem struct {
	status int
	body   obj
}

func say(status int, kind, code, param string) problem {
	return problem{status, obj{"error": obj{"type": kind, "code": code, "param": param, "message": "SECRET TEXT " + param}}}
}

func invalid(code, param string) problem { return say(400, "invalid_request_error", code, param) }

func (s *standin) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := r.ParseForm(); err != nil {
		s.t.Errorf("form of %s: %v", r.URL.Path, err)
	}
	s.calls = append(s.calls, r.Method+" "+r.URL.Path)
	status, answer, drop := 0, any(nil), false
	effect := func() (int, obj) {
		st, a := s.once(r)
		o, _ := a.(obj)
		return st, o
	}
	if s.fault != nil {
		status, answer, drop = s.fault(r, effect)
	}
	if status == 0 && !drop {
		status, answer = s.once(r)
	}
	if drop {
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Request-Id", "req_1")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(answer)
}

// once answers a repeated key with the first answer.
func (s *standin) once(r *http.Request) (int, any) {
	if r.Header.Get("Authorization") != "Bearer "+testKey {
		p := say(401, "invalid_request_error", "", "")
		return p.status, p.body
	}
	if r.Method == http.MethodGet {
		return s.route(r)
	}
	key := r.Header.Get("Stripe-Account") + "|" + r.Header.Get("Idempotency-Key")
	if !regexp.MustCompile(`^(pay|spl|ret|rfd|pyo)_[0-9a-z]{26}(:|$)|^cs_.*:expire$`).MatchString(r.Header.Get("Idempotency-Key")) {
		s.t.Errorf("%s %s with a key that is not ours: %q", r.Method, r.URL.Path, r.Header.Get("Idempotency-Key"))
	}
	if first, used := s.keys[key]; used && s.clock.Sub(first.at) < 24*time.Hour {
		if first.path != r.URL.Path || first.body != r.PostForm.Encode() {
			p := say(400, "idempotency_error", "", "")
			return p.status, p.body
		}
		return first.status, first.answer
	}
	status, answer := s.route(r)
	if status == 200 || status >= 402 { // what was refused at the door is not remembered
		s.keys[key] = answerOf{r.URL.Path, r.PostForm.Encode(), status, answer, s.clock}
	}
	return status, answer
}

func (s *standin) route(r *http.Request) (int, any) {
	o, err := s.handle(r, strings.Split(strings.TrimPrefix(r.URL.Path, "/v1/"), "/"))
	if err != nil {
		p, ok := err.(problem)
		if !ok {
			s.t.Errorf("%s %s: %v", r.Method, r.URL.Path, err)
			return 500, nil
		}
		return p.status, p.body
	}
	return 200, s.expanded(o, r.Form)
}

func (p problem) Error() string { return fmt.Sprint(p.status, p.body) }

func (s *standin) handle(r *http.Request, at []string) (obj, error) {
	f := r.Form
	account := r.Header.Get("Stripe-Account")
	post := r.Method == http.MethodPost
	if at[0] == "checkout" {
		at = at[1:]
	}
	kind, name, sub := at[0], "", ""
	if len(at) > 1 {
		name = at[1]
	}
	if len(at) > 2 {
		sub = at[2]
	}
	if account != "" && !strings.HasPrefix(account, "acct_") {
		return nil, say(403, "invalid_request_error", "account_invalid", "")
	}
	if name != "" && (s.objects[name] == nil || s.objects[name]["_account"] != account) {
		return nil, say(404, "invalid_request_error", "resource_missing", "id")
	}
	switch {
	case kind == "sessions" && post && name == "":
		return s.makeSession(f)
	case kind == "sessions" && sub == "expire":
		page := s.objects[name]
		if page["status"] != "open" {
			return nil, invalid("", "session")
		}
		s.expire(name)
		return page, nil
	case kind == "payment_intents" && post:
		meta := s.objects[name]["metadata"].(map[string]string)
		for k, v := range metadata(f) {
			meta[k] = v
		}
		if len(meta) > 50 {
			return nil, invalid("", "metadata")
		}
		return s.objects[name], nil
	case kind == "refunds" && post:
		return s.makeRefund(f)
	case kind == "transfers" && sub == "reversals" && post:
		return s.makeReversal(name, f)
	case kind == "transfers" && sub == "reversals":
		return s.list(f, func(o obj) bool { return o["object"] == "transfer_reversal" && o["transfer"] == name })
	case kind == "transfers" && post:
		return s.makeTransfer(f)
	case kind == "payouts" && post:
		return s.makePayout(account, f)
	case name != "":
		return s.objects[name], nil
	}
	object := map[string]string{
		"sessions": "checkout.session", "refunds": "refund", "transfers": "transfer", "payouts": "payout", "events": "event", "balance_transactions": "balance_transaction",
	}[kind]
	return s.list(f, func(o obj) bool {
		if o["object"] != object || o["_account"] != account {
			return false
		}
		for _, key := range []string{"payment_intent", "transfer_group"} {
			if f.Has(key) && o[key] != f.Get(key) {
				return false
			}
		}
		made := o["created"].(int64)
		for bound, keeps := range map[string]func(n int64) bool{
			"gte": func(n int64) bool { return made >= n }, "lte": func(n int64) bool { return made <= n }, "lt": func(n int64) bool { return made < n },
		} {
			if n, err := strconv.ParseInt(f.Get("created["+bound+"]"), 10, 64); err == nil && !keeps(n) {
				return false
			}
		}
		types := multi(f, "types")
		return len(types) == 0 || slices.Contains(types, o["type"].(string))
	})
}

func multi(f url.Values, name string) (out []string) {
	for _, key := range slices.Sorted(maps.Keys(f)) {
		if strings.HasPrefix(key, name+"[") {
			out = append(out, f.Get(key))
		}
	}
	return out
}

func metadata(f url.Values, before ...string) map[string]string {
	prefix := "metadata["
	if len(before) > 0 {
		prefix = before[0] + "[metadata]["
	}
	out := map[string]string{}
	for key := range f {
		if rest, ok := strings.CutPrefix(key, prefix); ok {
			out[strings.TrimSuffix(rest, "]")] = f.Get(key)
		}
	}
	return out
}

// list is a page of a list: newest first, after or before a place in it.
func (s *standin) list(f url.Values, fits func(obj) bool) (obj, error) {
	var all []obj
	for _, name := range slices.Backward(s.order) {
		if o := s.objects[name]; fits(o) {
			all = append(all, o)
		}
	}
	limit, _ := strconv.Atoi(cmp.Or(f.Get("limit"), "10"))
	find := func(name string) (int, error) {
		i := slices.IndexFunc(all, func(o obj) bool { return o["id"] == name })
		if i < 0 {
			return 0, say(404, "invalid_request_error", "resource_missing", "ending_before")
		}
		return i, nil
	}
	more := false
	switch {
	case f.Has("starting_after"):
		i, err := find(f.Get("starting_after"))
		if err != nil {
			return nil, err
		}
		all = all[i+1:]
		more = len(all) > limit
		all = all[:min(limit, len(all))]
	case f.Has("ending_before"):
		i, err := find(f.Get("ending_before"))
		if err != nil {
			return nil, err
		}
		all = all[:i]
		more = len(all) > limit
		all = all[max(0, len(all)-limit):]
	default:
		more = len(all) > limit
		all = all[:min(limit, len(all))]
	}
	data := []any{}
	for _, o := range all {
		data = append(data, o)
	}
	return obj{"object": "list", "data": data, "has_more": more, "url": "/"}, nil
}

// expanded is an answer: a copy with the asked-for parts inside.
func (s *standin) expanded(o obj, f url.Values) obj {
	raw, err := json.Marshal(o)
	if err != nil {
		s.t.Fatal(err)
	}
	var copied obj
	if err := json.Unmarshal(raw, &copied); err != nil {
		s.t.Fatal(err)
	}
	paths := multi(f, "expand")
	slices.Sort(paths)
	for _, path := range paths {
		s.expand(copied, strings.Split(path, "."))
	}
	return copied
}

func (s *standin) expand(at any, path []string) {
	switch at := at.(type) {
	case []any:
		for _, o := range at {
			s.expand(o, path)
		}
	case obj:
		if len(path) == 0 {
			return
		}
		if name, ok := at[path[0]].(string); ok && s.objects[name] != nil {
			at[path[0]] = s.expanded(s.objects[name], nil)
		}
		s.expand(at[path[0]], path[1:])
	}
}

// add keeps an object.
func (s *standin) add(prefix, object, account string, o obj) obj {
	s.next++
	o["id"], o["object"], o["_account"], o["created"] = fmt.Sprintf("%s_%d", prefix, s.next), object, account, s.clock.Unix()
	if o["livemode"] == nil {
		o["livemode"] = s.live
	}
	s.objects[o["id"].(string)] = o
	s.order = append(s.order, o["id"].(string))
	return o
}

// line moves a balance.
func (s *standin) line(account, category, source, currency string, amount, fee int64) obj {
	s.balance[account+currency] += amount - fee
	return s.add("txn", "balance_transaction", account, obj{
		"amount": amount, "fee": fee, "net": amount - fee, "currency": currency, "reporting_category": category, "type": category, "source": source,
	})
}

func (s *standin) event(kind string, o obj) {
	s.add("evt", "event", "", obj{"type": kind, "data": obj{"object": s.expanded(o, nil)}})
}

func number(f url.Values, key string) int64 {
	n, _ := strconv.ParseInt(f.Get(key), 10, 64)
	return n
}

func (s *standin) makeSession(f url.Values) (obj, error) {
	life := number(f, "expires_at") - s.clock.Unix()
	currency := f.Get("line_items[0][price_data][currency]")
	amount := number(f, "line_items[0][price_data][unit_amount]")
	switch {
	case life < 30*60 || life > 24*3600:
		return nil, invalid("", "expires_at")
	case !strings.HasPrefix(f.Get("payment_intent_data[on_behalf_of]"), "acct_"):
		return nil, say(400, "invalid_request_error", "resource_missing", "payment_intent_data[on_behalf_of]")
	case currency == "kwd" && amount%10 != 0:
		return nil, invalid("", "line_items")
	}
	o := s.add("cs_test", "checkout.session", "", obj{
		"amount_total": amount, "currency": currency, "status": "open", "payment_status": "unpaid", "payment_intent": nil,
		"client_reference_id": f.Get("client_reference_id"), "metadata": metadata(f), "expires_at": number(f, "expires_at"),
		"_metadata": metadata(f, "payment_intent_data"), "_group": f.Get("payment_intent_data[transfer_group]"),
	})
	o["url"] = "https://checkout.stripe.com/c/pay/" + o["id"].(string)
	return o, nil
}

// pay is a customer who pays on the page, with money that is there at once or,
// processing, is still on its way.
func (s *standin) pay(page string, status string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.objects[page]
	if o == nil || o["status"] != "open" {
		s.t.Fatalf("page %s cannot be paid", page)
	}
	paid := s.add("pi", "payment_intent", "", obj{
		"amount": o["amount_total"], "amount_received": int64(0), "currency": o["currency"], "status": status, "metadata": o["_metadata"],
		"transfer_group": o["_group"], "latest_charge": nil,
	})
	o["payment_intent"], o["status"], o["url"] = paid["id"], "complete", nil
	if status == "succeeded" {
		s.charge(paid)
		o["payment_status"] = "paid"
	}
	s.event("checkout.session.completed", o)
}

func (s *standin) charge(paid obj) {
	amount, currency := paid["amount"].(int64), paid["currency"].(string)
	c := s.add("ch", "charge", "", obj{
		"amount": amount, "amount_captured": amount, "amount_refunded": int64(0), "currency": currency, "metadata": maps.Clone(paid["metadata"].(map[string]string)),
		"payment_intent": paid["id"], "transfer_group": paid["transfer_group"],
	})
	c["balance_transaction"] = s.line("", "charge", c["id"].(string), cmp.Or(s.settle, currency), amount, feeOf)["id"]
	paid["status"], paid["amount_received"], paid["latest_charge"] = "succeeded", amount, c["id"]
}

// arrive ends a payment that was processing.
func (s *standin) arrive(page string, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.objects[page]
	paid := s.objects[o["payment_intent"].(string)]
	if ok {
		s.charge(paid)
		o["payment_status"] = "paid"
		s.event("checkout.session.async_payment_succeeded", o)
		return
	}
	paid["status"] = "requires_payment_method"
	s.event("checkout.session.async_payment_failed", o)
}

func (s *standin) expire(page string) {
	o := s.objects[page]
	o["status"], o["url"] = "expired", nil
	s.event("checkout.session.expired", o)
}

func (s *standin) makeRefund(f url.Values) (obj, error) {
	c := s.objects[f.Get("charge")]
	if c == nil {
		return nil, say(404, "invalid_request_error", "resource_missing", "charge")
	}
	amount := number(f, "amount")
	if c["amount_refunded"].(int64)+amount > c["amount"].(int64) {
		return nil, invalid("charge_already_refunded", "amount")
	}
	c["amount_refunded"] = c["amount_refunded"].(int64) + amount
	o := s.add("re", "refund", "", obj{
		"amount": amount, "currency": c["currency"], "status": "pending", "charge": c["id"], "payment_intent": c["payment_intent"], "metadata": metadata(f),
	})
	s.line("", "refund", o["id"].(string), c["currency"].(string), -amount, 0)
	return o, nil
}

// endRefund is what the payer's bank does with a refund.
func (s *standin) endRefund(reference, status string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.find("refund", reference)
	if status == "failed" {
		c := s.objects[o["charge"].(string)]
		c["amount_refunded"] = c["amount_refunded"].(int64) - o["amount"].(int64)
		o["failure_reason"] = "expired_or_canceled_card"
		s.line("", "refund_failure", o["id"].(string), o["currency"].(string), o["amount"].(int64), 0)
	}
	o["status"] = status
}

func (s *standin) find(object, reference string) obj {
	for _, o := range s.objects {
		if meta, ok := o["metadata"].(map[string]string); ok && o["object"] == object && meta["reference"] == reference {
			return o
		}
	}
	s.t.Fatalf("no %s of %s", object, reference)
	return nil
}

func (s *standin) count(object string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, o := range s.objects {
		if o["object"] == object {
			n++
		}
	}
	return n
}

func (s *standin) held(account, currency string) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.balance[account+currency]
}

func (s *standin) makeTransfer(f url.Values) (obj, error) {
	c := s.objects[f.Get("source_transaction")]
	amount, currency, to := number(f, "amount"), f.Get("currency"), f.Get("destination")
	if c == nil || !strings.HasPrefix(to, "acct_") {
		return nil, say(400, "invalid_request_error", "resource_missing", "destination")
	}
	settled := s.objects[c["balance_transaction"].(string)]["currency"]
	out := amount
	for _, o := range s.objects {
		if o["object"] == "transfer" && o["source_transaction"] == c["id"] {
			out += o["amount"].(int64)
		}
	}
	if settled != currency || out > c["amount"].(int64) {
		return nil, invalid("", "amount")
	}
	o := s.add("tr", "transfer", "", obj{
		"amount": amount, "amount_reversed": int64(0), "currency": currency, "destination": to, "source_transaction": c["id"],
		"transfer_group": f.Get("transfer_group"), "metadata": metadata(f),
	})
	s.line("", "transfer", o["id"].(string), currency, -amount, 0)
	s.balance[to+currency] += amount
	return o, nil
}

func (s *standin) makeReversal(transfer string, f url.Values) (obj, error) {
	t := s.objects[transfer]
	amount, currency, from := number(f, "amount"), t["currency"].(string), t["destination"].(string)
	switch {
	case t["amount_reversed"].(int64)+amount > t["amount"].(int64):
		return nil, invalid("", "amount")
	case s.balance[from+currency] < amount:
		return nil, invalid("balance_insufficient", "")
	}
	t["amount_reversed"] = t["amount_reversed"].(int64) + amount
	s.balance[from+currency] -= amount
	o := s.add("trr", "transfer_reversal", "", obj{"amount": amount, "currency": currency, "transfer": transfer, "metadata": metadata(f)})
	s.line("", "transfer_reversal", o["id"].(string), currency, amount, 0)
	return o, nil
}

func (s *standin) makePayout(account string, f url.Values) (obj, error) {
	amount, currency := number(f, "amount"), f.Get("currency")
	if s.balance[account+currency] < amount {
		return nil, invalid("balance_insufficient", "amount")
	}
	o := s.add("po", "payout", account, obj{
		"amount": amount, "currency": currency, "status": "pending", "metadata": metadata(f), "arrival_date": s.clock.Add(48 * time.Hour).Unix(),
	})
	s.line(account, "payout", o["id"].(string), currency, -amount, 0)
	return o, nil
}

// endPayout is what the vendor's bank does with a payout.
func (s *standin) endPayout(reference, status string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.find("payout", reference)
	o["status"] = status
	if status == "failed" {
		o["failure_code"] = "account_closed"
		back := s.line(o["_account"].(string), "payout_reversal", o["id"].(string), o["currency"].(string), o["amount"].(int64), 0)
		o["failure_balance_transaction"] = back["id"]
	}
}

// dispute opens a dispute about a page's charge, or changes one.
func (s *standin) dispute(page, status string, takes int64) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	paid := s.objects[s.objects[page]["payment_intent"].(string)]
	var o obj
	for _, d := range s.objects {
		if d["object"] == "dispute" && d["payment_intent"] == paid["id"] {
			o = d
		}
	}
	kind := "charge.dispute.updated"
	if o == nil {
		kind = "charge.dispute.created"
		o = s.add("du", "dispute", "", obj{
			"amount": paid["amount"], "currency": paid["currency"], "payment_intent": paid["id"], "charge": paid["latest_charge"], "reason": "fraudulent",
			"balance_transactions": []any{}, "evidence_details": obj{"due_by": s.clock.Add(7 * 24 * time.Hour).Unix()},
		})
	}
	o["status"] = status
	if takes != 0 {
		category, fee := "dispute", int64(1500)
		if takes > 0 {
			category, fee = "dispute_reversal", -1500
		}
		line := s.line("", category, o["id"].(string), o["currency"].(string), takes, fee)
		o["balance_transactions"] = append(o["balance_transactions"].([]any), line)
	}
	s.event(kind, o)
	return o["id"].(string)
}
