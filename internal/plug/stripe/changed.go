package stripe

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	sdk "github.com/stripe/stripe-go/v85"

	"yunshi/internal/base/id"
	"yunshi/internal/market/payment"
)

// settling is how old an event is before the cursor moves behind it: one that was
// made earlier may still appear in the list after it.
const settling = 5 * time.Minute

// What the lists of changes are read from. A page that is opened makes no event;
// the market asks about that one itself.
var (
	paymentEvents = []string{
		"checkout.session.completed", "checkout.session.async_payment_succeeded", "checkout.session.async_payment_failed", "checkout.session.expired",
	}
	disputeEvents = []string{
		"charge.dispute.created", "charge.dispute.updated", "charge.dispute.closed", "charge.dispute.funds_withdrawn", "charge.dispute.funds_reinstated",
	}
)

// Changed lists payments that changed. The cursor is the id of an event. Stripe
// keeps events for thirty days; a cursor that is older begins at the beginning.
func (g *Gateway) Changed(ctx context.Context, since string) ([]payment.Object, string, error) {
	return changes(ctx, g, since, paymentEvents, func(t thing) (payment.Object, bool, error) {
		if id.Prefix(t.Metadata[referenceKey]) != "pay" { // of another use of the account
			return payment.Object{}, false, nil
		}
		o, err := g.Find(ctx, payment.Ref{ProviderID: t.ID})
		return o, true, err
	})
}

// ChangedDisputes lists disputes that changed.
func (g *Gateway) ChangedDisputes(ctx context.Context, since string) ([]payment.DisputeObject, string, error) {
	return changes(ctx, g, since, disputeEvents, func(t thing) (payment.DisputeObject, bool, error) {
		o, err := g.FindDispute(ctx, t.ID)
		return o, true, err
	})
}

// changes reads what the next events are about, each thing once. It goes on over
// events that are about nothing of ours, because an empty list ends the pull.
func changes[T any](ctx context.Context, g *Gateway, since string, types []string, read func(thing) (T, bool, error)) (objects []T, next string, err error) {
	for {
		events, err := g.events(ctx, since, types)
		if err != nil {
			return nil, "", err
		}
		next = since
		seen := map[string]bool{}
		for _, e := range events {
			if time.Unix(e.Created, 0).Before(g.now().Add(-settling)) {
				next = e.ID
			}
			var about thing
			if e.Data == nil || json.Unmarshal(e.Data.Raw, &about) != nil || about.ID == "" {
				return nil, "", unreadable("changes", "an event about nothing")
			}
			if seen[about.ID] {
				continue
			}
			seen[about.ID] = true
			o, ours, err := read(about)
			if err != nil {
				return nil, "", err
			}
			if ours {
				objects = append(objects, o)
			}
		}
		if len(objects) > 0 || next == since {
			return objects, next, nil
		}
		since = next
	}
}

// events are up to a hundred events after a cursor, oldest first. Stripe lists
// the newest first, so the oldest of all are found at the end of the whole list.
func (g *Gateway) events(ctx context.Context, since string, types []string) ([]*sdk.Event, error) {
	params := &sdk.EventListParams{Types: sdk.StringSlice(types)}
	params.Limit = sdk.Int64(pageSize)
	if since != "" {
		params.EndingBefore = sdk.String(since)
		params.Single = true
		list := g.api.V1Events.List(ctx, params)
		if err := list.Err(); err != nil {
			if err = asked("changes", err); errors.Is(err, payment.ErrUnknown) {
				return g.events(ctx, "", types)
			}
			return nil, err
		}
		return list.Data(), nil
	}
	var oldest []*sdk.Event
	for e, err := range g.api.V1Events.List(ctx, params).All(ctx) {
		if err != nil {
			return nil, asked("changes", err)
		}
		if oldest = append(oldest, e); len(oldest) > pageSize {
			oldest = oldest[1:]
		}
	}
	slices.Reverse(oldest)
	return oldest, nil
}

// thing is what an event or a notice is about, as far as it is believed.
type thing struct {
	ID       string            `json:"id"`
	Object   string            `json:"object"`
	Metadata map[string]string `json:"metadata"`
}
