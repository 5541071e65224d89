package stripe

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	sdk "github.com/stripe/stripe-go/v85"

	"yunshi/internal/market/payment"
)

// ErrNoAnswer means that nobody knows what Stripe has done: a timeout, a broken
// connection, an answer that cannot be read, a fault or a limit of Stripe's, a key
// that it does not accept, or an earlier call with the same reference that is
// still running or asked for something else. Look before sending again.
var ErrNoAnswer = errors.New("stripe: no usable answer")

// Refusal is what Stripe answered, without the text that came with it: that may
// repeat what was sent.
type Refusal struct {
	Op        string // what was asked for
	Status    int    // of HTTP; 0 when this package refused by itself
	Type      string
	Code      string
	Decline   string // of the payer's bank
	Field     string // the parameter it is about
	RequestID string // finds the call in Stripe's own log
}

// Error implements error.
func (r *Refusal) Error() string {
	out := fmt.Sprintf("stripe: %s: status %d", r.Op, r.Status)
	for _, part := range [][2]string{{"type", r.Type}, {"code", r.Code}, {"decline", r.Decline}, {"field", r.Field}, {"request", r.RequestID}} {
		if part[1] != "" {
			out += " " + part[0] + " " + part[1]
		}
	}
	return out
}

// asked translates the error of a read: that there is no such object is certain,
// everything else is not.
func asked(op string, err error) error {
	r, err := read(op, err)
	if r != nil && missing(r) {
		return fmt.Errorf("%w: %w", payment.ErrUnknown, r)
	}
	return fmt.Errorf("%w: %w", ErrNoAnswer, err)
}

// sent translates the error of a call that was to have an effect. Only an answer
// that Stripe gives after it has understood the request, and that it will give
// again, is a refusal.
func sent(op string, err error) error {
	r, err := read(op, err)
	if r != nil && final(r) {
		return fmt.Errorf("%w: %w", payment.ErrRefused, r)
	}
	return fmt.Errorf("%w: %w", ErrNoAnswer, err)
}

// missing recognises the answer about an object that does not exist.
func missing(r *Refusal) bool {
	return r.Status/100 == 4 && r.Code == string(sdk.ErrorCodeResourceMissing) && r.Type == string(sdk.ErrorTypeInvalidRequest)
}

// final recognises an answer that stands. A wrong API key and a lack of rights say
// something about our settings, not about the payment; a limit and a conflict are
// over soon; a fault of Stripe's may have had its effect; a key that was used for
// another request shows that something exists, or may.
func final(r *Refusal) bool {
	switch {
	case r.Code == string(sdk.ErrorCodeAccountInvalid):
		return true // the vendor's account is not, or not any more, connected
	case r.Status == http.StatusUnauthorized, r.Status == http.StatusForbidden, r.Status == http.StatusConflict,
		r.Status == http.StatusTooManyRequests, r.Status/100 != 4:
		return false
	case r.Code == string(sdk.ErrorCodeLockTimeout), r.Code == string(sdk.ErrorCodeRateLimit), r.Code == string(sdk.ErrorCodeIdempotencyKeyInUse):
		return false
	}
	return r.Type == string(sdk.ErrorTypeCard) || r.Type == string(sdk.ErrorTypeInvalidRequest)
}

// read takes Stripe's answer out of an error of the SDK. Of any other error only
// what kind it is is kept: the SDK puts parts of answers into them.
func read(op string, err error) (*Refusal, error) {
	if said, ok := errors.AsType[*sdk.Error](err); ok {
		r := &Refusal{
			Op: op, Status: said.HTTPStatusCode, Type: string(said.Type), Code: string(said.Code),
			Decline: string(said.DeclineCode), Field: said.Param, RequestID: said.RequestID,
		}
		return r, r
	}
	if failed, ok := errors.AsType[*url.Error](err); ok { // without the address
		return nil, fmt.Errorf("stripe: %s: %w", op, failed.Err)
	}
	for _, known := range []error{context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, known) {
			return nil, fmt.Errorf("stripe: %s: %w", op, known)
		}
	}
	return nil, fmt.Errorf("stripe: %s: the answer cannot be read", op)
}

// refused is a refusal of our own: nothing has been sent.
func refused(why string) error {
	return fmt.Errorf("%w: stripe: %s", payment.ErrRefused, why)
}

// foreign means that something else stands under our reference.
func foreign(reference string) error {
	return fmt.Errorf("stripe: %s stands for something else", reference)
}

// unreadable means that Stripe says what this adapter does not know.
func unreadable(op, what string) error {
	return fmt.Errorf("%w: stripe: %s: %s", ErrNoAnswer, op, what)
}

// notSent is an error of the reading before a call. What is read for is not there,
// so the call would be refused.
func notSent(err error) error {
	if errors.Is(err, payment.ErrUnknown) {
		return fmt.Errorf("%w: %w", payment.ErrRefused, err)
	}
	return err
}

// notMade is an error of the reading behind a question: of a payment that was not
// paid nothing has been made.
func notMade(err error) error {
	if errors.Is(err, payment.ErrRefused) {
		return fmt.Errorf("%w: %w", payment.ErrUnknown, err)
	}
	return err
}
