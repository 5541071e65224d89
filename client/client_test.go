package client

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"
)

// market answers from a list of handlers, one a request, and remembers what came.
type market struct {
	mu      sync.Mutex
	answers []http.HandlerFunc
	keys    []string
	bodies  []string
}

func (m *market) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m.mu.Lock()
	defer m.mu.Unlock()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	m.keys, m.bodies = append(m.keys, r.Header.Get("Idempotency-Key")), append(m.bodies, string(body))
	answer := m.answers[min(len(m.keys), len(m.answers))-1]
	answer(w, r)
}

func start(t *testing.T, answers ...http.HandlerFunc) (*market, *Client) {
	t.Helper()
	m := &market{answers: answers}
	server := httptest.NewServer(m)
	t.Cleanup(server.Close)
	c := New(server.URL+"/", "ysk_test")
	c.Language = "en"
	return m, c
}

func refuse(status int, code string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(status)
		json.NewEncoder(w).Encode(Problem{Code: code, Clause: "UA 4.7.7", Fields: []FieldProblem{{Field: "total", Code: code}}}) //nolint:errcheck // a test server
	}
}

func accept(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Idempotency-Replayed", "true")
	io.WriteString(w, `{"id":"ord_1"}`) //nolint:errcheck // a test server
}

// dropped does the work and loses the answer.
func dropped(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

func TestALostAnswerIsAskedForUnderTheSameKey(t *testing.T) {
	for name, first := range map[string]http.HandlerFunc{
		"connection": dropped,
		"busy":       refuse(http.StatusServiceUnavailable, "UNAVAILABLE"),
		"limited":    refuse(http.StatusTooManyRequests, "RATE_LIMITED"),
		"defect":     refuse(http.StatusInternalServerError, "INTERNAL"),
	} {
		t.Run(name, func(t *testing.T) {
			m, c := start(t, first, accept)
			o, replayed, err := c.PlaceOrder(t.Context(), "", Purchase{Plan: "pln_1"})
			if err != nil || o.ID != "ord_1" || !replayed {
				t.Fatalf("PlaceOrder = %+v, %v, %v", o, replayed, err)
			}
			if len(m.keys) < 2 || m.keys[0] == "" || m.keys[0] != m.keys[1] || m.bodies[0] != m.bodies[1] {
				t.Errorf("keys %q, bodies %q", m.keys, m.bodies)
			}
		})
	}
}

func TestARefusalIsNotSentAgain(t *testing.T) {
	m, c := start(t, refuse(http.StatusConflict, "PRICE_INVARIANT"))
	_, _, err := c.PlaceOrder(t.Context(), "my-key", Purchase{})
	p, ok := errors.AsType[*Problem](err)
	if !ok || p.Code != "PRICE_INVARIANT" || p.Clause != "UA 4.7.7" || p.Status != http.StatusConflict || len(p.Fields) != 1 || p.Fields[0].Field != "total" {
		t.Errorf("err = %#v", err)
	}
	if Code(err) != "PRICE_INVARIANT" || Code(io.EOF) != "" {
		t.Errorf("Code = %q, %q", Code(err), Code(io.EOF))
	}
	if len(m.keys) != 1 || m.keys[0] != "my-key" {
		t.Errorf("keys %q", m.keys)
	}
}

func TestWhatShowsASecretIsSentOnce(t *testing.T) {
	m, c := start(t, refuse(http.StatusServiceUnavailable, "UNAVAILABLE"))
	if _, err := c.CreateKey(t.Context(), KeyRequest{}); Code(err) != "UNAVAILABLE" {
		t.Errorf("err = %v", err)
	}
	if _, err := c.Reveal(t.Context(), "dlv_1"); Code(err) != "UNAVAILABLE" {
		t.Errorf("err = %v", err)
	}
	if len(m.keys) != 2 || m.keys[0] != "" || m.keys[1] != "" {
		t.Errorf("%d requests, keys %q", len(m.keys), m.keys)
	}
}

func TestTriesEnd(t *testing.T) {
	m, c := start(t, refuse(http.StatusInternalServerError, "INTERNAL"))
	c.Tries = 2
	if _, err := c.Me(t.Context()); Code(err) != "INTERNAL" {
		t.Errorf("err = %v", err)
	}
	if len(m.keys) != 2 {
		t.Errorf("%d tries", len(m.keys))
	}
}

func TestAnEndedContextEndsTheTries(t *testing.T) {
	_, c := start(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Retry-After", "20")
		refuse(http.StatusTooManyRequests, "RATE_LIMITED")(w, r)
	})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := c.Me(ctx); !errors.Is(err, context.DeadlineExceeded) || Code(err) != "RATE_LIMITED" {
		t.Errorf("err = %v", err)
	}
}

func TestAnAnswerThatIsNoProblemDocumentIsStillAProblem(t *testing.T) {
	_, c := start(t, func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "<html>", http.StatusForbidden) })
	if _, err := c.Me(t.Context()); Code(err) != "HTTP_403" {
		t.Errorf("err = %v", err)
	}
}

func TestIdsStayInsideTheirPath(t *testing.T) {
	var got string
	_, c := start(t, func(w http.ResponseWriter, r *http.Request) {
		got = r.URL.EscapedPath()
		accept(w, r)
	})
	if _, err := c.Order(t.Context(), "../keys?x=1"); err != nil {
		t.Fatal(err)
	}
	if want := "/api/v1/orders/..%2Fkeys%3Fx=1"; got != want {
		t.Errorf("path %s, want %s", got, want)
	}
}
