package operation

import (
	"context"
	"errors"
	"time"

	"yunshi/internal/base/db"
)

// ServiceOf tells how the market stands: one look at an index with at most one row.
func ServiceOf(ctx context.Context, r db.Reader) (Service, error) {
	s, err := db.One(ctx, r, scanService, selectService)
	if errors.Is(err, db.ErrNoRow) {
		return Service{State: Operating}, nil
	}
	return s, err
}

// MustOutlast refuses a purchase or renewal whose term ends after the service
// (TERM_PAST_SERVICE_END); a zero until is a term without an end.
func MustOutlast(ctx context.Context, r db.Reader, until time.Time) error {
	s, err := ServiceOf(ctx, r)
	if err != nil {
		return err
	}
	return outlasts(s, until)
}

// MustTakeNew refuses new vendors and new listings once the end was announced.
func MustTakeNew(ctx context.Context, r db.Reader) error {
	s, err := ServiceOf(ctx, r)
	if err != nil {
		return err
	}
	return takesNew(s)
}

// MustChange refuses every change after the end.
func MustChange(ctx context.Context, r db.Reader) error {
	s, err := ServiceOf(ctx, r)
	if err != nil {
		return err
	}
	return keepsReading(s)
}
