// Package client is the Go client of a Yunshi market: everything a customer, a
// vendor or the operator's staff can do over the JSON API, version 1.
//
// Owns: the shapes of the API (the server answers with these same types), the
// transport with its retries, and [Problem], the form of every refusal. Does not
// own: any rule; the market decides and says why.
//
// Always true:
//   - A request that is sent again carries the key of the first try, so an
//     intent has its effect once, however often the network fails.
//   - What shows a secret is never sent twice by this package.
//   - This package imports nothing but the standard library.
package client

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Client calls one market as one API key. Its fields may be changed until the
// first call; after that it is safe for use by several goroutines.
type Client struct {
	BaseURL  string       // "https://market.example", without a slash at the end
	Key      string       // secret of an API key; "" calls as nobody
	Language string       // "zh" or "en": the language of refusals; "" is the market's choice
	HTTP     *http.Client // nil: http.DefaultClient
	Tries    int          // how often a request is sent at most; 0 is 4
}

// New returns a client of the market at baseURL that acts with an API key; an
// empty key may still look at the catalogue and register.
func New(baseURL, key string) *Client {
	return &Client{BaseURL: strings.TrimSuffix(baseURL, "/"), Key: key}
}

// NewKey returns a fresh idempotency key, for one intent.
func NewKey() string { return rand.Text() }

// Problem is a refusal of the market. It is an error: use errors.As.
type Problem struct {
	Type      string         `json:"type" doc:"Address of the page about this refusal."`
	Title     string         `json:"title" doc:"What is wrong, in the language of the request."`
	Status    int            `json:"status"`
	Code      string         `json:"code" doc:"Stable name of the refusal."`
	Clause    string         `json:"clause,omitempty" doc:"The clause it rests on, such as UA 4.3."`
	Next      string         `json:"next,omitempty" doc:"What to do about it."`
	Reference string         `json:"reference" doc:"Number to give to the operator's support."`
	Fields    []FieldProblem `json:"errors,omitempty" doc:"What is wrong with single fields. Values are never repeated."`
}

// FieldProblem is what is wrong with one field.
type FieldProblem struct {
	Field  string `json:"field" doc:"Path of the field, such as content.plans[0].price."`
	Code   string `json:"code"`
	Title  string `json:"title"`
	Clause string `json:"clause,omitempty"`
}

// Error says what was refused, on which clause.
func (p *Problem) Error() string {
	text := fmt.Sprintf("market refused: %s", p.Code)
	if p.Clause != "" {
		text += " (" + p.Clause + ")"
	}
	for _, f := range p.Fields {
		text += "; " + f.Field + ": " + f.Code
	}
	return text
}

// Code returns the code of the refusal inside err, or "".
func Code(err error) string {
	if p, ok := errors.AsType[*Problem](err); ok {
		return p.Code
	}
	return ""
}

// call is one request of the API.
type call struct {
	method, path string
	query        url.Values
	in           any    // JSON body; nil for none
	key          string // idempotency key; a POST without one is sent once
	voucher      string // code that a quote is asked with
}

// root is where version 1 of the API lives.
const root = "/api/v1"

const (
	defaultTries  = 4
	longestAnswer = 32 << 20
	longestPause  = 30 * time.Second
)

// do sends a request, again when that is safe and promising, and decodes the
// answer. replayed says that the market had done it before under the same key.
func (c *Client) do(ctx context.Context, r call, out any) (replayed bool, err error) {
	var body []byte
	if r.in != nil {
		if body, err = json.Marshal(r.in); err != nil {
			return false, fmt.Errorf("market: %s %s: %w", r.method, r.path, err)
		}
	}
	tries := max(c.Tries, 1)
	if c.Tries == 0 {
		tries = defaultTries
	}
	if r.method != http.MethodGet && r.key == "" {
		tries = 1
	}
	for try := 1; ; try++ {
		answer, pause, err := c.send(ctx, r, body)
		if err == nil {
			if out != nil {
				err = json.Unmarshal(answer.body, out)
			}
			return answer.replayed, err
		}
		if pause < 0 || try == tries {
			return false, err
		}
		if pause == 0 {
			pause = 100 * time.Millisecond << try
		}
		select {
		case <-ctx.Done():
			return false, errors.Join(err, ctx.Err())
		case <-time.After(min(pause, longestPause)):
		}
	}
}

type answer struct {
	body     []byte
	replayed bool
}

// request builds the HTTP request of a call.
func (c *Client) request(ctx context.Context, r call, body []byte) (*http.Request, error) {
	address := c.BaseURL + root + r.path
	if len(r.query) > 0 {
		address += "?" + r.query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, r.method, address, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("market: %w", err)
	}
	for name, value := range map[string]string{"Accept-Language": c.Language, "Idempotency-Key": r.key, "Voucher": r.voucher} {
		if value != "" {
			req.Header.Set(name, value)
		}
	}
	if c.Key != "" {
		req.Header.Set("Authorization", "Bearer "+c.Key)
	}
	if r.in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	return req, nil
}

func (c *Client) client() *http.Client {
	if c.HTTP == nil {
		return http.DefaultClient
	}
	return c.HTTP
}

// send makes one try. pause is how long to wait before the next: 0 leaves it to
// the caller, below 0 means that another try would change nothing.
func (c *Client) send(ctx context.Context, r call, body []byte) (_ answer, pause time.Duration, err error) {
	req, err := c.request(ctx, r, body)
	if err != nil {
		return answer{}, -1, err
	}
	res, err := c.client().Do(req)
	if err != nil {
		if ctx.Err() != nil {
			pause = -1
		}
		return answer{}, pause, fmt.Errorf("market: %w", err)
	}
	defer res.Body.Close()
	read, err := io.ReadAll(io.LimitReader(res.Body, longestAnswer))
	if err != nil {
		return answer{}, 0, fmt.Errorf("market: %s %s: %w", r.method, r.path, err)
	}
	if res.StatusCode < 300 {
		return answer{read, res.Header.Get("Idempotency-Replayed") == "true"}, 0, nil
	}
	return answer{}, pauseAfter(res), problem(res.StatusCode, read)
}

// pauseAfter says when a refused request is worth sending again.
func pauseAfter(res *http.Response) time.Duration {
	switch res.StatusCode {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		seconds, err := strconv.Atoi(res.Header.Get("Retry-After"))
		if err != nil || seconds < 0 {
			return 0
		}
		return time.Duration(seconds) * time.Second
	case http.StatusInternalServerError:
		return 0
	}
	return -1
}

// problem reads a refusal; what is no problem document becomes one that says
// only the status.
func problem(status int, body []byte) error {
	p := &Problem{}
	if err := json.Unmarshal(body, p); err != nil || p.Code == "" {
		p = &Problem{Code: "HTTP_" + strconv.Itoa(status), Title: http.StatusText(status)}
	}
	p.Status = status
	return p
}

func get[T any](ctx context.Context, c *Client, path string, query url.Values) (T, error) {
	var out T
	_, err := c.do(ctx, call{method: http.MethodGet, path: path, query: query}, &out)
	return out, err
}

// post sends an intent under a fresh key, so that a lost answer is asked for
// again and not done again.
func post[T any](ctx context.Context, c *Client, path string, in any) (T, error) {
	var out T
	_, err := c.do(ctx, call{method: http.MethodPost, path: path, in: in, key: NewKey()}, &out)
	return out, err
}

// once sends an intent whose answer holds a secret: such an answer is not kept
// by the market, so it cannot be asked for again.
func once[T any](ctx context.Context, c *Client, path string, in any) (T, error) {
	var out T
	_, err := c.do(ctx, call{method: http.MethodPost, path: path, in: in}, &out)
	return out, err
}

// keyed sends an intent under the caller's key; "" is a fresh one.
func keyed[T any](ctx context.Context, c *Client, path, key string, in any) (out T, replayed bool, err error) {
	if key == "" {
		key = NewKey()
	}
	replayed, err = c.do(ctx, call{method: http.MethodPost, path: path, in: in, key: key}, &out)
	return out, replayed, err
}

// of puts an id into a path.
func of(format string, ids ...string) string {
	escaped := make([]any, len(ids))
	for i, id := range ids {
		escaped[i] = url.PathEscape(id)
	}
	return fmt.Sprintf(format, escaped...)
}
