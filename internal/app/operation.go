package app

import (
	"bytes"
	"context"
	"fmt"
	"net/http"

	"yunshi/internal/base/db"
	"yunshi/internal/base/text"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/entitlement"
	"yunshi/internal/market/operation"
)

// homePage asks the market's own handler for its home page, as a visitor would.
func (a *App) homePage(ctx context.Context, l text.Lang) (string, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "/", nil)
	if err != nil {
		return "", err
	}
	r.Header.Set("Accept-Language", string(l))
	w := &kept{header: http.Header{}}
	a.pages.ServeHTTP(w, r)
	if w.status != http.StatusOK {
		return "", fmt.Errorf("app: the home page answers %d", w.status)
	}
	return w.body.String(), nil
}

// kept is an answer that stays in memory.
type kept struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// Header is that of the answer.
func (w *kept) Header() http.Header { return w.header }

// WriteHeader keeps the first status.
func (w *kept) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
}

// Write keeps the body.
func (w *kept) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(b)
}

// lengthen gives rights the time back that an interruption took: of every product,
// or of each product and order that it names, one after another.
func lengthen(ctx context.Context, tx *db.Tx, by audit.Actor, n operation.Interruption, after string) (string, int64, error) {
	lost := entitlement.Lost{Cause: string(n.ID), From: n.StartedAt, To: n.ResolvedAt}
	var all []entitlement.Lost
	switch {
	case n.Everyone:
		all = append(all, lost)
	default:
		for _, p := range n.Products {
			one := lost
			one.Product = p
			all = append(all, one)
		}
		for _, o := range n.Orders {
			one := lost
			one.Order = o
			all = append(all, one)
		}
	}
	at, last := 0, ""
	if after != "" {
		if _, err := fmt.Sscanf(after, "%d/%s", &at, &last); err != nil {
			last = "" // the page before ended a thing exactly
		}
	}
	if at >= len(all) {
		return "", 0, nil
	}
	next, rights, err := entitlement.Lengthen(ctx, tx, by, all[at], entitlement.ID(last))
	switch {
	case err != nil:
		return "", 0, err
	case next != "":
		return fmt.Sprintf("%d/%s", at, next), rights, nil
	case at+1 < len(all):
		return fmt.Sprintf("%d/", at+1), rights, nil
	}
	return "", rights, nil
}
