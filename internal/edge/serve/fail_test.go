package serve_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"yunshi/internal/base/db"
	"yunshi/internal/edge/serve"
	"yunshi/internal/testkit"
)

// While the database is away, programs and people are told to come back, and not
// what is wrong with it.
func TestAnOutageIsAnsweredWithComeBack(t *testing.T) {
	testkit.Engines(t, func(t *testing.T, d *db.DB) {
		var log strings.Builder
		m := &serve.Market{DB: d, Log: slog.New(slog.NewTextHandler(&log, nil))}
		away := serve.Route{Access: serve.Public, Handle: func(*serve.Call) error {
			return fmt.Errorf("%w: dial tcp 10.1.2.3: refused", db.ErrUnavailable)
		}}
		program, person := away, away
		program.Pattern, person.Pattern = "POST /api/v1/x", "GET /x"
		h, err := serve.New(m, serve.Surface{Routes: []serve.Route{program}, API: true}, serve.Surface{Routes: []serve.Route{person}})
		if err != nil {
			t.Fatal(err)
		}
		for _, req := range []*http.Request{httptest.NewRequest(http.MethodPost, "/api/v1/x", nil), httptest.NewRequest(http.MethodGet, "/x", nil)} {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, req)
			if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") != "1" {
				t.Errorf("%s: %d, Retry-After %q", req.URL, w.Code, w.Header().Get("Retry-After"))
			}
			if strings.Contains(w.Body.String(), "10.1.2.3") {
				t.Errorf("%s says what is wrong: %s", req.URL, w.Body)
			}
			if strings.HasPrefix(req.URL.Path, "/api") {
				var p serve.Problem
				if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || p.Code != "UNAVAILABLE" || p.Next == "" {
					t.Errorf("%+v, %v", p, err)
				}
			}
		}
		if strings.Count(log.String(), "10.1.2.3") != 2 {
			t.Errorf("the log does not say what is wrong: %s", log.String())
		}
	})
}
