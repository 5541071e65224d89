package payment

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"yunshi/internal/base/db"
)

// Get returns an attempt.
func Get(ctx context.Context, r db.Reader, id AttemptID) (Attempt, error) {
	return one(db.One(ctx, r, scanAttempt, selectAttempt, string(id)))
}

// OfOrder returns the attempts of an order, oldest first.
func OfOrder(ctx context.Context, r db.Reader, order string) ([]Attempt, error) {
	return db.All(ctx, r, scanAttempt, selectOfOrder, order)
}

// List returns attempts, newest first, before the cursor (empty: from the
// newest), at most n. next is the cursor of the following page, or empty.
func List(ctx context.Context, r db.Reader, before AttemptID, n int) (page []Attempt, next AttemptID, err error) {
	if before == "" {
		before = "~" // after every id
	}
	page, err = db.All(ctx, r, scanAttempt, selectAttempts, string(before), n+1)
	if err == nil && len(page) > n {
		page, next = page[:n], page[n-1].ID
	}
	return page, next, err
}

// GetRefund returns a refund.
func GetRefund(ctx context.Context, r db.Reader, id RefundID) (Refund, error) {
	return one(db.One(ctx, r, scanRefund, selectRefund, string(id)))
}

// RefundsOf returns the refunds of an attempt, oldest first.
func RefundsOf(ctx context.Context, r db.Reader, id AttemptID) ([]Refund, error) {
	return db.All(ctx, r, scanRefund, selectRefunds, string(id))
}

// RefundsOut returns the refunds a provider has not ended yet, oldest first.
func RefundsOut(ctx context.Context, r db.Reader, gateway string) ([]Refund, error) {
	return db.All(ctx, r, scanRefund, selectRefundOut, gateway)
}

// one turns the absence of a row into the refusal.
func one[T any](v T, err error) (T, error) {
	if errors.Is(err, db.ErrNoRow) {
		err = ErrNotFound
	}
	return v, err
}

// textOf is the stored form of instructions.
func textOf(instructions map[string]string) (string, error) {
	if instructions == nil {
		return "{}", nil
	}
	text, err := json.Marshal(instructions)
	if err != nil {
		return "", fmt.Errorf("payment: instructions: %w", err)
	}
	return string(text), nil
}
