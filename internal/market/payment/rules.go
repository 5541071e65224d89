package payment

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"yunshi/internal/base/money"
	"yunshi/internal/market/agreement"
)

// due refuses money that is not exactly what was asked for.
//
// Clause: UA 2.5 (the fee of an order, in all its parts, is what the provider confirms, to the fen).
func due(asked, got money.Amount) error {
	if asked != got {
		return ErrMismatch.With("Due", asked.String(), "Paid", got.String())
	}
	return nil
}

// onBehalf refuses a payment that would not go to a vendor's own account.
//
// Clause: UA 3.1 (the operator only collects: every payment names the vendor as its payee).
func onBehalf(s Start) error {
	if strings.TrimSpace(s.PayeeAccount) == "" || strings.TrimSpace(s.PayeeName) == "" {
		return ErrNoPayee
	}
	return nil
}

// MayCollect refuses a gateway that has the money on an account of the operator
// where law wants a licence for that. The bare agreement knows no such limit.
//
// Clause: UA 3.1 (collecting on behalf is left to licensed providers, and never ends on the operator's own account, where the law says so).
// Clause: UA 5.5 (who collects for others without taking part in the sale does so through a licensed provider, where the law says so).
func MayCollect(law agreement.Law, c Capability) error {
	if law.LicensedOnly && c.OwnAccount {
		return ErrUnlicensed
	}
	return nil
}

// errForeign means that the provider's answer is not about the thing asked for.
var errForeign = errors.New("payment: the object is not what it should be")

// believable refuses an object that is not this attempt's, is of the other mode,
// or says that money came without saying which.
func believable(a Attempt, c Capability, o Object) error {
	switch {
	case o.Reference != string(a.ID):
		return fmt.Errorf("%w: reference", errForeign)
	case o.ProviderID == "", a.ProviderID != "" && a.ProviderID != o.ProviderID:
		return fmt.Errorf("%w: provider id", errForeign)
	case o.Test != c.Test:
		return fmt.Errorf("%w: test mode", errForeign)
	case o.State == ObjectCaptured && (o.CaptureID == "" || o.Captured.Minor <= 0 || !o.Captured.Currency.Known()):
		return fmt.Errorf("%w: capture", errForeign)
	}
	return nil
}

// raised is the state of an attempt after a fact from the provider. A fact of a
// lower rank changes nothing; a capture is not decided here.
func raised(s State, o ObjectState, overdue bool) State {
	open := []State{Created, RequiresAction, Processing, Unknown}
	switch {
	case o == ObjectCreated && (s == Created || s == Unknown):
		return RequiresAction
	case o == ObjectProcessing && slices.Contains(open, s):
		return Processing
	case o == ObjectFailed && slices.Contains(open, s):
		return Failed
	case o == ObjectClosed && slices.Contains(open, s):
		if overdue {
			return Expired
		}
		return Cancelled
	}
	return s
}

// voidable refuses to give an attempt up that may not be: a paid one, and one
// whose outcome nobody knows, unless its time is over. changed is false when
// there is nothing left to give up.
func voidable(from, to State) (changed bool, err error) {
	if to != Cancelled && to != Expired {
		return false, ErrInvalid.In("state")
	}
	switch from {
	case Captured, Settled:
		return false, ErrPaid
	case Failed, Cancelled, Expired:
		return false, nil
	case Unknown:
		if to == Cancelled {
			return false, ErrPending
		}
	case Created, RequiresAction, Processing:
	}
	return true, nil
}

// Codes are what people write on a bank transfer: a letter that says what for,
// nine characters of the id, and a check character.
const (
	attemptLetter = 'P'
	refundLetter  = 'R'
	depositLetter = 'D'
	payoutLetter  = 'W'
	codeLetters   = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
	codeLength    = 11
)

// codeOf makes the code of an id.
func codeOf(letter byte, id string) string {
	body := strings.ToUpper(id[max(0, len(id)-9):])
	return string(letter) + body + string(checkLetter(body))
}

func checkLetter(body string) byte {
	sum := 0
	for i := range len(body) {
		sum += (i + 1) * strings.IndexByte(codeLetters, body[i])
	}
	return codeLetters[sum%31]
}

// codesIn finds every code in what a payer wrote, with spaces, hyphens, small
// letters and the usual confusions (O for 0, I and L for 1).
func codesIn(text string) (codes []string) {
	clean := strings.NewReplacer(" ", "", "-", "", "O", "0", "I", "1", "L", "1").Replace(strings.ToUpper(text))
	for i := 0; i+codeLength <= len(clean); i++ {
		candidate := clean[i : i+codeLength]
		body := candidate[1 : codeLength-1]
		foreign := strings.ContainsFunc(body, func(r rune) bool { return !strings.ContainsRune(codeLetters, r) })
		if strings.IndexByte("PRDW", candidate[0]) >= 0 && !foreign && checkLetter(body) == candidate[codeLength-1] {
			codes = append(codes, candidate)
		}
	}
	return codes
}

// parkedFor is the wait before a notice about an unknown object is looked at
// again: short at first, an hour at most. give up is true after a day.
func parkedFor(age time.Duration) (wait time.Duration, giveUp bool) {
	if age >= 24*time.Hour {
		return 0, true
	}
	return min(max(age, 5*time.Second), time.Hour), false
}

// polledAfter is the wait before a refund that the provider is still working on
// is asked for again.
func polledAfter(age time.Duration) time.Duration {
	return min(max(age/2, time.Minute), 6*time.Hour)
}

// disputeStep is one move of a dispute.
type disputeStep struct {
	round int
	state DisputeState
}

// mostRounds bounds what is believed of a dispute: no scheme opens one so often.
const mostRounds = 20

// disputeRank orders the states of one round; won and lost exclude each other.
func disputeRank(s DisputeState) int {
	switch s {
	case DisputeInquiry:
		return 1
	case DisputeOpen:
		return 2
	case DisputeSubmitted:
		return 3
	case DisputeWon, DisputeLost:
		return 4
	}
	return 0
}

// disputeSteps are the moves that lead from what is known of a dispute (round 0:
// nothing) to what the provider says, in order. Who hears only of the end learns
// first that it opened; a later round means that each earlier one was won. A fact
// that is older than what is known is no move. One that contradicts it is
// errForeign.
func disputeSteps(round int, known DisputeState, to int, says DisputeState) (steps []disputeStep, err error) {
	if to < 1 || to > mostRounds || disputeRank(says) == 0 {
		return nil, fmt.Errorf("%w: dispute of round %d, %q", errForeign, to, says)
	}
	r := max(round, 1)
	for ; r < to; r++ {
		if known == DisputeLost {
			return nil, fmt.Errorf("%w: a lost dispute was opened again", errForeign)
		}
		if disputeRank(known) < disputeRank(DisputeOpen) {
			steps = append(steps, disputeStep{r, DisputeOpen})
		}
		if known != DisputeWon {
			steps = append(steps, disputeStep{r, DisputeWon})
		}
		known = ""
	}
	if r > to {
		return nil, nil
	}
	is, will, opened := disputeRank(known), disputeRank(says), disputeRank(DisputeOpen)
	switch {
	case is == will && known != says:
		return nil, fmt.Errorf("%w: a dispute both won and lost", errForeign)
	case is >= will:
		return steps, nil
	case is < opened && will > opened:
		steps = append(steps, disputeStep{r, DisputeOpen})
	}
	return append(steps, disputeStep{r, says}), nil
}
