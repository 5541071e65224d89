package wechatpay

import (
	"bytes"
	"context"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"yunshi/internal/market/payment"
)

// ErrNoAnswer means that nobody knows whether WeChat Pay acted: a timeout, a
// broken connection, an answer without a valid signature or that cannot be read.
var ErrNoAnswer = errors.New("wechatpay: no usable answer")

// APIError is an error that WeChat Pay has answered. Its message is left out: it
// repeats what was sent.
type APIError struct {
	Op        string // what was asked
	Status    int
	Code      string // "ORDER_NOT_EXIST", "NOT_ENOUGH", …
	RequestID string // WeChat Pay's own, for its support
}

func (e *APIError) Error() string {
	return fmt.Sprintf("wechatpay: %s: answered %d %s (request %s)", e.Op, e.Status, e.Code, e.RequestID)
}

const (
	maxAnswer = 4 << 20
	maxBill   = 256 << 20
)

// do makes one signed call and verifies its answer. ask and answer may be nil.
// An error is an *APIError or wraps ErrNoAnswer; either says what happened, not
// yet whether it is certain (see answered).
func (g *Gateway) do(ctx context.Context, op, method, target string, ask, answer any) error {
	if len(g.keys.given) == 0 && g.keys.age(g.cfg.Now()) >= renewEvery {
		if err := g.renew(ctx, renewEvery); err != nil {
			return err
		}
	}
	var body []byte
	if ask != nil {
		var err error
		if body, err = json.Marshal(ask); err != nil {
			return fmt.Errorf("wechatpay: %s: %w", op, err)
		}
	}
	got, err := g.send(ctx, op, method, target, body)
	if err != nil {
		return err
	}
	success := got.status == http.StatusOK || got.status == http.StatusNoContent
	// An answer of success must be signed; one of an error may be, and then the
	// signature must hold.
	if success || got.header.Get(headerSignature) != "" {
		if err := g.verified(ctx, got); err != nil {
			return fmt.Errorf("%w: %s: %w", ErrNoAnswer, op, err)
		}
	}
	if !success {
		return got.failure()
	}
	if answer == nil {
		return nil
	}
	if err := json.Unmarshal(got.body, answer); err != nil {
		return fmt.Errorf("%w: %s: %w", ErrNoAnswer, op, err)
	}
	return nil
}

// verified checks an answer's signature. A serial that is not known yet is a
// reason to look for new certificates once.
func (g *Gateway) verified(ctx context.Context, got reply) error {
	now := g.cfg.Now()
	keyOf := func(serial string) *rsa.PublicKey { return g.keys.of(serial, now) }
	err := verify(got.header, got.body, now, keyOf)
	if !errors.Is(err, errSerial) || strings.HasPrefix(got.header.Get(headerSerial), publicKeyPrefix) {
		return err
	}
	if err := g.renew(ctx, 0); err != nil {
		return err
	}
	return verify(got.header, got.body, now, keyOf)
}

// reply is an answer as it came.
type reply struct {
	op     string
	status int
	header http.Header
	body   []byte
}

// send makes one signed call and reads the whole answer.
func (g *Gateway) send(ctx context.Context, op, method, target string, body []byte) (reply, error) {
	return g.sendUpTo(ctx, op, method, target, body, maxAnswer)
}

func (g *Gateway) sendUpTo(ctx context.Context, op, method, target string, body []byte, most int64) (reply, error) {
	request, err := http.NewRequestWithContext(ctx, method, g.base.String()+target, bytes.NewReader(body))
	if err != nil {
		return reply{}, fmt.Errorf("wechatpay: %s: malformed address", op)
	}
	authorization, err := g.authorization(method, request.URL.RequestURI(), body)
	if err != nil {
		return reply{}, err
	}
	request.Header.Set("Authorization", authorization)
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", "yunshi")
	if method != http.MethodGet {
		request.Header.Set("Content-Type", "application/json")
	}
	if id := g.keys.id(); id != "" {
		request.Header.Set(headerSerial, id)
	}
	response, err := g.cfg.HTTP.Do(request)
	if err != nil {
		return reply{}, fmt.Errorf("%w: %s: %w", ErrNoAnswer, op, withoutAddress(err))
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(response.Body, most+1))
	if err != nil {
		return reply{}, fmt.Errorf("%w: %s: %w", ErrNoAnswer, op, err)
	}
	if int64(len(raw)) > most {
		return reply{}, fmt.Errorf("%w: %s: the answer is too long", ErrNoAnswer, op)
	}
	return reply{op: op, status: response.StatusCode, header: response.Header, body: raw}, nil
}

// withoutAddress leaves the address out of an error of the client: it may carry a
// download's token.
func withoutAddress(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}

// code is how an error code looks; anything else is not repeated in our errors.
var code = regexp.MustCompile(`^[A-Z][A-Z0-9_]{2,63}$`)

// failure is the error of an answer that is none of success.
func (r reply) failure() error {
	var said struct {
		Code string `json:"code"`
	}
	if r.status < 400 || json.Unmarshal(r.body, &said) != nil || !code.MatchString(said.Code) {
		return fmt.Errorf("%w: %s: status %d", ErrNoAnswer, r.op, r.status)
	}
	id := r.header.Get("Request-Id")
	if len(id) > 64 || strings.ContainsFunc(id, func(c rune) bool { return c <= ' ' || c > '~' }) {
		id = "?"
	}
	return &APIError{Op: r.op, Status: r.status, Code: said.Code, RequestID: id}
}

// answered tells apart what WeChat Pay has said for certain. Only the codes that
// its documents call a refusal of this very call are one. A limit on frequency, an
// error of its system, a wrong signature or permission of ours, and a code that is
// new leave open what happened: for withdrawals the documents say so themselves,
// and for refunds they say it of the limit.
func answered(err error, refusals ...string) error {
	e, ok := errors.AsType[*APIError](err)
	switch {
	case !ok, e.Status == http.StatusUnauthorized, e.Status == http.StatusTooManyRequests, e.Status >= 500:
		return err
	case e.Code == "ORDER_NOT_EXIST" || e.Code == "RESOURCE_NOT_EXISTS":
		return fmt.Errorf("%w: %w", payment.ErrUnknown, err)
	case slices.Contains(refusals, e.Code):
		return fmt.Errorf("%w: %w", payment.ErrRefused, err)
	}
	return err
}

// said reports whether WeChat Pay answered with one of the codes.
func said(err error, codes ...string) bool {
	e, ok := errors.AsType[*APIError](err)
	return ok && e.Status < 500 && slices.Contains(codes, e.Code)
}
