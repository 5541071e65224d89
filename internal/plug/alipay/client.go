package alipay

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/money"
	"yunshi/internal/market/payment"
)

// ErrNoAnswer reports that nobody knows whether Alipay acted: a timeout, a
// broken connection, an answer that is not proved or cannot be read.
var ErrNoAnswer = errors.New("alipay: no usable answer")

// Error is a proved answer of Alipay other than success. It holds no text of
// Alipay's: that may name people.
type Error struct {
	Method  string
	Code    string // 40004, 20000, …
	SubCode string // ACQ.TRADE_NOT_EXIST, …
}

func (e *Error) Error() string {
	return fmt.Sprintf("alipay: %s answered %s %s", e.Method, e.Code, e.SubCode)
}

// is reports whether the answer has one of the business codes. Some methods
// write them with a prefix and some without.
func (e *Error) is(codes ...string) bool {
	for _, code := range codes {
		if e.SubCode == code || strings.HasSuffix(e.SubCode, "."+code) {
			return true
		}
	}
	return false
}

// The codes that decide what a failure means.
const (
	codeSuccess = "10000"
	codeFailed  = "40004" // the only one that speaks of the thing asked for; all others are of settings, rights and load
)

// missing says that there is no such thing.
var missing = []string{"TRADE_NOT_EXIST", "RESOURCE_NOT_EXISTS", "RESOURCE_NOT_EXIST"}

// undecided says that the thing may have been done, or that it can be done
// later although it could not be now.
var undecided = []string{
	"SYSTEM_ERROR", "unknow-error", "UNKNOWN_ERROR", "TRADE_SETTLE_ERROR", "REFUND_CHARGE_ERROR", // may have been done
	"DISCORDANT_REPEAT_REQUEST", "CONTEXT_INCONSISTENT", "TRADE_HAS_SUCCESS", // something was done under this number, perhaps this
	"FREQUENCY_LIMIT", "SYSTEM_RATE_LIMIT", "USER_RATE_LIMIT", // too fast
	"SELLER_BALANCE_NOT_ENOUGH", "TXN_RESULT_ACCOUNT_BALANCE_NOT_ENOUGH", // until the account is filled up
	"ILLEGAL_SETTLE_STATE",                                  // a settlement takes half a minute until it can be split
	"REASON_TRADE_BEEN_FREEZEN", "REFUNDALLOC_UNAUTH_LIMIT", // until somebody allows it
}

// answered tells apart what Alipay has said for certain from what nobody knows.
func answered(err error) error {
	e, ok := errors.AsType[*Error](err)
	switch {
	case !ok || e.Code != codeFailed || e.SubCode == "" || e.is(undecided...):
		return err
	case e.is(missing...):
		return fmt.Errorf("%w: %w", payment.ErrUnknown, err)
	}
	return fmt.Errorf("%w: %w", payment.ErrRefused, err)
}

// asked is answered for questions: that a question was not answered refuses
// nothing.
func asked(err error) error {
	if after := answered(err); errors.Is(after, payment.ErrUnknown) {
		return after
	}
	return err
}

// maxAnswer bounds an answer of Alipay.
const maxAnswer = 4 << 20

// stamp is how Alipay writes a moment, on the clock of Shanghai.
const stamp = "2006-01-02 15:04:05"

// request is one call, signed.
type request struct {
	public  url.Values // in the address
	private url.Values // in the body
}

// prepare signs a call. Everything is signed together; what is business or
// secret goes into the body.
func (g *Gateway) prepare(method string, biz any, extra map[string]string) (request, error) {
	raw, err := json.Marshal(biz)
	if err != nil {
		return request{}, fmt.Errorf("alipay: write %s: %w", method, err)
	}
	params := map[string]string{
		"app_id": g.cfg.AppID, "method": method, "format": "JSON", "charset": "utf-8", "sign_type": signType, "version": "1.0",
		"timestamp": g.now().In(calendar.Shanghai).Format(stamp), "biz_content": string(raw), "app_auth_token": g.cfg.AppAuthToken,
		"app_cert_sn": g.appSN, "alipay_root_cert_sn": g.rootSN,
	}
	for name, value := range extra {
		params[name] = value
	}
	if params["sign"], err = sign(g.private, content(params)); err != nil {
		return request{}, err
	}
	r := request{public: url.Values{}, private: url.Values{}}
	for name, value := range params {
		switch {
		case value == "":
		case name == "biz_content" || name == "app_auth_token":
			r.private.Set(name, value)
		default:
			r.public.Set(name, value)
		}
	}
	return r, nil
}

// address is the whole call as an address, for a page the customer is sent to.
func (g *Gateway) address(r request) string {
	all := url.Values{}
	for _, part := range []url.Values{r.public, r.private} {
		for name, values := range part {
			all[name] = values
		}
	}
	return g.cfg.BaseURL + "?" + all.Encode()
}

// call makes one call and reads the proved answer. Its error wraps ErrNoAnswer
// or is an *Error.
func call[T any](ctx context.Context, g *Gateway, method string, biz any, extra map[string]string) (T, error) {
	var out, none T
	r, err := g.prepare(method, biz, extra)
	if err != nil {
		return none, err
	}
	post, err := http.NewRequestWithContext(ctx, http.MethodPost, g.cfg.BaseURL+"?"+r.public.Encode(), strings.NewReader(r.private.Encode()))
	if err != nil {
		return none, fmt.Errorf("alipay: request %s: %w", method, bare(err))
	}
	post.Header.Set("Content-Type", "application/x-www-form-urlencoded;charset=utf-8")
	raw, err := g.fetch(post, maxAnswer)
	if err != nil {
		return none, fmt.Errorf("%w to %s: %w", ErrNoAnswer, method, err)
	}
	node, signature, err := split(raw, strings.ReplaceAll(method, ".", "_")+"_response")
	if err != nil {
		return none, fmt.Errorf("%w to %s: %w", ErrNoAnswer, method, err)
	}
	if !proves(g.public, node, signature) {
		// What is wrong with our settings is answered without a signature, too. The
		// code helps to mend it and proves nothing.
		return none, fmt.Errorf("%w to %s: not proved, says %s", ErrNoAnswer, method, hinted(node))
	}
	var head struct {
		Code    string `json:"code"`
		SubCode string `json:"sub_code"`
	}
	if err := json.Unmarshal(node, &head); err != nil {
		return none, fmt.Errorf("%w to %s: %w", ErrNoAnswer, method, err)
	}
	if head.Code != codeSuccess {
		return none, &Error{Method: method, Code: plain(head.Code), SubCode: plain(head.SubCode)}
	}
	if err := json.Unmarshal(node, &out); err != nil {
		return none, fmt.Errorf("%w to %s: %w", ErrNoAnswer, method, err)
	}
	return out, nil
}

// fetch sends a request and reads a whole answer with status 200.
func (g *Gateway) fetch(r *http.Request, limit int64) ([]byte, error) {
	response, err := g.http.Do(r)
	if err != nil {
		return nil, bare(err)
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(response.Body, limit+1))
	switch {
	case err != nil:
		return nil, err
	case response.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("status %d", response.StatusCode)
	case int64(len(raw)) > limit:
		return nil, errors.New("the answer is too long")
	}
	return raw, nil
}

// bare takes the address out of a transport error: it carries a signature.
func bare(err error) error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		return wrapped.Err
	}
	return err
}

// The answers are read strictly: two readers must never see two answers in one.
var (
	errShape = errors.New("not an answer of Alipay")
	errTwice = errors.New("a member is there twice")
)

// split finds the exact bytes of the answer's node, which the signature covers,
// and the signature. Failures before the method is known come in error_response.
func split(raw []byte, name string) (node []byte, signature string, err error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, "", errShape
	}
	seen := map[string]bool{}
	for d.More() {
		t, err := d.Token()
		key, ok := t.(string)
		if err != nil || !ok {
			return nil, "", errShape
		}
		if seen[key] {
			return nil, "", errTwice
		}
		seen[key] = true
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, "", errShape
		}
		switch key {
		case name, "error_response":
			if node != nil {
				return nil, "", errTwice
			}
			node = value
		case "sign":
			if err := json.Unmarshal(value, &signature); err != nil {
				return nil, "", errShape
			}
		}
	}
	if t, err := d.Token(); err != nil || t != json.Delim('}') {
		return nil, "", errShape
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, "", errShape
	}
	if len(node) == 0 || node[0] != '{' {
		return nil, "", errShape
	}
	return node, signature, nil
}

// hinted is what an unproved node says, for the log.
func hinted(node []byte) string {
	var head struct {
		Code    string `json:"code"`
		SubCode string `json:"sub_code"`
	}
	if json.Unmarshal(node, &head) != nil {
		return "nothing"
	}
	return plain(head.Code) + " " + plain(head.SubCode)
}

// plain lets through what codes are made of.
func plain(code string) string {
	code = strings.Map(func(r rune) rune {
		if r < 0x80 && (r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' || strings.ContainsRune("._-", r)) {
			return r
		}
		return -1
	}, code)
	return code[:min(len(code), 64)]
}

// yuan reads an amount in yuan exactly.
func yuan(text string) (money.Amount, error) {
	amount, err := money.Parse(text, "CNY")
	if err != nil {
		return money.Amount{}, fmt.Errorf("%w: amount: %w", ErrNoAnswer, err)
	}
	return amount, nil
}

// moment reads a moment; an absent one is the zero time.
func moment(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	at, err := time.ParseInLocation(stamp, text, calendar.Shanghai)
	if err != nil {
		return time.Time{}, fmt.Errorf("%w: a moment cannot be read", ErrNoAnswer)
	}
	return at.UTC(), nil
}
