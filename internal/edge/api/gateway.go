package api

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"

	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/edge/serve"
	"yunshi/internal/market/payment"
)

// longestNotice bounds what a stranger can make us read: 256 KiB.
const longestNotice = 256 << 10

// notices are the addresses where payment providers say that something changed.
// They are public: the signature over the raw bytes proves the sender.
func notices(*serve.Market) []serve.Route {
	return []serve.Route{{Pattern: "POST /gateway/{name}", Access: serve.Public, Handle: notice, Proves: true}}
}

// notice keeps a verified notice and asks for the object to be read; what the
// notice says itself moves nothing. A notice that proves nothing is answered with
// as little as possible, and logged without its body.
func notice(c *serve.Call) error {
	body, err := io.ReadAll(http.MaxBytesReader(c.W, c.R.Body, longestNotice))
	if err != nil {
		if _, large := errors.AsType[*http.MaxBytesError](err); large {
			return unproved(c, "too large")
		}
		return serve.ErrBadRequest
	}
	g, ok := c.Market.Gateways[c.R.PathValue("name")]
	if !ok {
		return serve.ErrNotFound
	}
	event, err := g.Event(c.R.Header, body, c.Now())
	if err != nil {
		if _, known := fault.Of(err); !known {
			return err
		}
		return unproved(c, "not proved")
	}
	ctx := c.R.Context()
	if err := c.Market.DB.Write(ctx, func(tx *db.Tx) error { return payment.Notify(ctx, tx, g.Name(), event, body) }, db.Guarded); err != nil {
		return err
	}
	answer := g.Capability().Acknowledge
	if answer != "" {
		c.W.Header().Set("Content-Type", "text/plain; charset=utf-8")
	}
	c.W.WriteHeader(http.StatusOK)
	_, _ = io.WriteString(c.W, answer) // a provider that does not get it sends the notice again
	return nil
}

func unproved(c *serve.Call, why string) error {
	reference := rand.Text()[:12]
	c.Market.Log.Warn("payment notice refused", slog.String("gateway", c.R.PathValue("name")), slog.String("why", why),
		slog.String("from", c.IP()), slog.String("reference", reference))
	c.W.Header().Set("Content-Type", "application/problem+json")
	c.W.WriteHeader(http.StatusBadRequest)
	return json.NewEncoder(c.W).Encode(serve.Problem{
		Type: "about:blank", Title: http.StatusText(http.StatusBadRequest), Status: http.StatusBadRequest,
		Code: payment.ErrNotice.Code, Reference: reference,
	})
}
