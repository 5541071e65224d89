package delivery

import (
	"context"
	"fmt"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/vendor"
)

// Probe is a call that asks a vendor's address to prove that it works. Nothing is
// made by it.
type Probe struct {
	Dialect string
	call    Call
}

// NewProbe prepares the check of an address that a person of the vendor has set.
// The caller makes the call with [Work.Try], with no transaction open.
func (w Work) NewProbe(ctx context.Context, tx *db.Tx, by audit.Actor, v vendor.ID, dialect string) (_ Probe, err error) {
	defer fault.Wrap(&err, "delivery.NewProbe(%s, %s)", v, dialect)
	seller, err := vendor.Get(ctx, tx, v)
	if err != nil {
		return Probe{}, err
	}
	if !ofVendor(by, seller) {
		return Probe{}, ErrForbidden
	}
	endpoint, err := w.endpoint(ctx, tx, v, dialect)
	if err != nil {
		return Probe{}, err
	}
	nonce, err := draw(tx.Rand(), 1<<31-1)
	if err != nil {
		return Probe{}, err
	}
	return Probe{Dialect: dialect, call: Call{ID: ID(tx.ID("prb")), Action: Verify, Endpoint: endpoint, At: tx.Now(), Nonce: nonce, Test: true}}, nil
}

// Try makes the call and returns it as a line of a log, masked. The address works
// when Outcome is "delivered"; an error means that no call could be made at all.
func (w Work) Try(ctx context.Context, p Probe) (Attempt, error) {
	adapter, known := w.Provisioners[p.Dialect]
	if !known {
		return Attempt{}, fmt.Errorf("delivery: no adapter for %s", p.Dialect)
	}
	result, cause := adapter.Provision(ctx, p.call)
	x := result.Exchange
	a := Attempt{
		ID: string(p.call.ID), Number: 1, Dialect: p.Dialect, Action: Verify, At: p.call.At, Duration: x.Duration.Round(time.Microsecond),
		Status: int64(x.Status), RequestID: string(p.call.ID), Request: masked(cut(x.Request)), Response: masked(cut(x.Response)),
	}
	a.Outcome, a.Error = outcome(result, cause)
	return a, nil
}
