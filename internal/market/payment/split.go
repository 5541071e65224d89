package payment

import (
	"context"
	"errors"
	"fmt"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/base/money"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/job"
)

// ShareState is the state of a split or of a return.
type ShareState string

// The states of a split and of a return.
const (
	ShareSubmitting ShareState = "submitting" // to be sent to the provider
	ShareSubmitted  ShareState = "submitted"  // the provider has it
	ShareDone       ShareState = "done"
	ShareFailed     ShareState = "failed"
	ShareUnknown    ShareState = "unknown" // sent without an answer; it is asked for
)

// Split is the operator's share of a captured attempt.
type Split struct {
	ID          SplitID
	Attempt     AttemptID
	Order       string
	Gateway     string
	Key         string // of the caller: one split per attempt and key
	Share       money.Amount
	Finish      bool // the rest is the payee's; nothing is split after it
	Description string
	Returned    money.Amount // of Share, taken back for refunds and not failed
	State       ShareState
	ProviderID  string
	Reason      string // why it failed, as a code of the provider
	CreatedAt   time.Time
	EndedAt     time.Time
}

// SplitStart asks for a split.
type SplitStart struct {
	Attempt     AttemptID
	Share       money.Amount // in the currency received; zero only with Finish
	Finish      bool
	Key         string // of the caller's own; the same key again is the same split
	Description string // the payee may see it at the provider
}

// StartSplit reserves a share on the attempt and asks for it to be given to the
// operator. It refuses a payment whose provider does not split (ErrNoSplit), more
// than came in, and anything after the split that finished (ErrOverSplit). Whether
// the provider's cap allows the share is its own answer, by the hook. Booking is
// the caller's.
func StartSplit(ctx context.Context, tx *db.Tx, _ audit.Actor, s SplitStart) (_ Split, err error) {
	defer fault.Wrap(&err, "payment.StartSplit(%s, %s)", s.Attempt, s.Key)
	switch {
	case s.Key == "":
		return Split{}, ErrRequired.In("key")
	case s.Share.Minor < 0 || s.Share.IsZero() && !s.Finish:
		return Split{}, ErrInvalid.In("share")
	}
	known, err := db.One(ctx, tx, scanSplit, selectSplitKey, string(s.Attempt), s.Key)
	if err == nil {
		if known.Share.Minor != s.Share.Minor || known.Finish != s.Finish {
			return Split{}, ErrStale
		}
		return known, nil
	}
	if !errors.Is(err, db.ErrNoRow) {
		return Split{}, err
	}
	a, err := Get(ctx, tx, s.Attempt)
	switch {
	case err != nil:
		return Split{}, err
	case !s.Share.IsZero() && s.Share.Currency != a.Captured.Currency:
		return Split{}, ErrInvalid.In("share")
	case !a.Splits && !a.Captured.IsZero():
		return Split{}, ErrNoSplit
	}
	reserved, err := tx.Exec(ctx, reserveSplit, s.Share.Minor, s.Finish, db.Micros(tx.Now()), string(s.Attempt))
	if err != nil {
		return Split{}, err
	}
	if reserved == 0 {
		return Split{}, ErrOverSplit
	}
	id := SplitID(tx.ID("spl"))
	if _, err := tx.Exec(ctx, insertSplit, string(id), string(s.Attempt), s.Key, s.Share.Minor, string(a.Captured.Currency), s.Finish,
		s.Description, db.Micros(tx.Now())); err != nil {
		return Split{}, err
	}
	if err := job.Enqueue(ctx, tx, job.Spec{Kind: SplitJob, Object: string(id), Unique: true}); err != nil {
		return Split{}, err
	}
	return GetSplit(ctx, tx, id)
}

// shareMoves is what a fact from the provider makes of a split or a return.
// Repeats and facts of a lower rank change nothing; both ends are final.
func shareMoves(from ShareState, m MoveState) (to ShareState, changed bool) {
	out := from == ShareSubmitting || from == ShareUnknown
	switch {
	case m == MoveProcessing && out:
		return ShareSubmitted, true
	case m == MoveDone && (out || from == ShareSubmitted):
		return ShareDone, true
	case m == MoveFailed && (out || from == ShareSubmitted):
		return ShareFailed, true
	}
	return from, false
}

// contradiction refuses an end that is not the one told before: it is never
// dropped, somebody has to look.
func contradiction(is ShareState, says MoveState) error {
	if is == ShareDone && says == MoveFailed || is == ShareFailed && says == MoveDone {
		return fmt.Errorf("%w: %s, and now %s", errForeign, is, says)
	}
	return nil
}

// splitErrand is a split as something to be sent.
func (w Work) splitErrand(s Split, a Attempt, g Gateway) errand {
	in := SplitIntent{
		Reference: s.ID, Payment: a.ref(), Captured: a.Captured, Share: s.Share, Finish: s.Finish, Description: s.Description,
	}
	e := errand{
		object: string(s.ID), gateway: g.Name(), born: s.CreatedAt,
		open: s.State == ShareSubmitting || s.State == ShareUnknown, sent: s.State != ShareSubmitting,
		refused: movement{ProviderID: s.ProviderID, Reference: string(s.ID), State: MoveFailed, Amount: s.Share},
		record:  func(ctx context.Context, tx *db.Tx, m movement) error { return w.recordSplit(ctx, tx, s.ID, m) },
		lost: func(ctx context.Context, tx *db.Tx) error {
			_, err := tx.Exec(ctx, moveSplit, string(ShareUnknown), s.ProviderID, "", 0, string(s.ID), string(ShareSubmitting))
			return err
		},
	}
	if at, ok := g.(Splitter); ok {
		e.send = func(ctx context.Context) (movement, error) { return moved(at.Split(ctx, in)) }
		e.find = func(ctx context.Context) (movement, error) { return moved(at.FindSplit(ctx, in)) }
	}
	return e
}

// recordSplit makes true here what the provider says of a split. One that failed
// frees what it held; what was to be taken back of it never left the payee.
func (w Work) recordSplit(ctx context.Context, tx *db.Tx, id SplitID, m movement) error {
	s, err := GetSplit(ctx, tx, id)
	if err != nil {
		return err
	}
	if m.Reference != string(s.ID) || m.Amount.Minor != s.Share.Minor || !m.Amount.IsZero() && m.Amount.Currency != s.Share.Currency {
		return fmt.Errorf("%w: split", errForeign)
	}
	from := s.State
	to, changed := shareMoves(from, m.State)
	if !changed {
		return contradiction(from, m.State)
	}
	s.State, s.ProviderID = to, m.id(s.ProviderID)
	if to == ShareDone || to == ShareFailed {
		s.EndedAt = tx.Now()
	}
	if to == ShareFailed {
		s.Reason = m.Reason
	}
	n, err := tx.Exec(ctx, moveSplit, string(s.State), s.ProviderID, s.Reason, db.Micros(s.EndedAt), string(s.ID), string(from))
	if err != nil {
		return err
	}
	if n == 0 {
		return ErrStale
	}
	if to == ShareFailed {
		if err := w.forgetReturns(ctx, tx, s); err != nil {
			return err
		}
		a, err := Get(ctx, tx, s.Attempt)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, releaseSplit, s.Share.Minor, a.Finished && !s.Finish, db.Micros(tx.Now()), string(s.Attempt)); err != nil {
			return err
		}
	}
	if (to == ShareDone || to == ShareFailed) && w.SplitEnded != nil {
		return w.SplitEnded(ctx, tx, s)
	}
	return nil
}

// GetSplit returns a split.
func GetSplit(ctx context.Context, r db.Reader, id SplitID) (Split, error) {
	return one(db.One(ctx, r, scanSplit, selectSplit, string(id)))
}

// SplitsOf returns the splits of an attempt, oldest first.
func SplitsOf(ctx context.Context, r db.Reader, id AttemptID) ([]Split, error) {
	return db.All(ctx, r, scanSplit, selectSplits, string(id))
}

// FindSplits returns the splits that a provider has not ended yet, oldest first,
// at most n.
func FindSplits(ctx context.Context, r db.Reader, gateway string, n int) ([]Split, error) {
	return db.All(ctx, r, scanSplit, selectSplitsOut, gateway, n)
}
