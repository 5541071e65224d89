package sim

import (
	"fmt"
	"slices"

	"yunshi/internal/market/ledger"
)

// kinds are the kinds of posting, the mirror among them.
func kinds() (all []string) {
	for _, k := range ledger.Kinds() {
		all = append(all, string(k))
	}
	return append(all, string(ledger.P34Reverse))
}

// transitions are the changes of state that a market knows and that runs should
// meet often, by the names under which the oracle counts them.
var transitions = []string{
	"order new → awaiting_payment", "order awaiting_payment → provisioning", "order awaiting_payment → expired", "order awaiting_payment → cancelled",
	"order provisioning → delivered", "order delivered → completed", "order provisioning → refunding", "order delivered → refunding",
	"order completed → refunding", "order refunding → refunded",

	"attempt new → created", "attempt created → requires_action", "attempt created → unknown", "attempt created → failed", "attempt created → cancelled",
	"attempt created → expired", "attempt requires_action → processing", "attempt requires_action → captured", "attempt requires_action → failed",
	"attempt requires_action → cancelled", "attempt requires_action → expired", "attempt processing → captured", "attempt processing → expired",
	"attempt processing → cancelled", "attempt unknown → processing",
	"attempt unknown → requires_action", "attempt unknown → captured", "attempt unknown → failed", "attempt unknown → expired",
	"attempt failed → captured", "attempt cancelled → captured", "attempt expired → captured",

	"refund new → submitting", "refund new → returning", "refund returning → submitting", "refund returning → failed", "refund submitting → submitted",
	"refund submitting → succeeded", "refund submitting → failed", "refund submitting → unknown", "refund submitted → succeeded",
	"refund submitted → failed", "refund unknown → submitted", "refund unknown → succeeded", "refund unknown → failed", "refund succeeded → failed",

	"split new → submitting", "split submitting → submitted", "split submitting → done", "split submitting → failed", "split submitting → unknown",
	"split submitted → done", "split submitted → failed", "split unknown → submitted", "split unknown → done", "split unknown → failed",

	"return new → submitting", "return submitting → submitted", "return submitting → done", "return submitting → failed", "return submitting → unknown",
	"return submitted → done", "return submitted → failed", "return unknown → submitted", "return unknown → done", "return unknown → failed",

	"payout new → created", "payout created → submitting", "payout submitting → in_transit", "payout submitting → paid", "payout submitting → failed",
	"payout submitting → unknown", "payout in_transit → paid", "payout in_transit → failed", "payout unknown → in_transit", "payout unknown → paid",
	"payout unknown → failed", "payout paid → returned",

	"dispute new → inquiry", "dispute new → open", "dispute new → submitted", "dispute new → won", "dispute new → lost", "dispute inquiry → open",
	"dispute inquiry → won", "dispute inquiry → lost", "dispute open → submitted", "dispute open → won", "dispute open → lost",
	"dispute submitted → won", "dispute submitted → lost", "dispute won → open",

	"collection new → held", "collection held → released", "collection held → splitting", "collection held → failed", "collection held → ended", "collection released → splitting",
	"collection splitting → finished", "collection splitting → failed", "collection failed → splitting", "collection failed → released",
	"collection released → ended", "collection released → failed",

	"withdrawal new → requested", "withdrawal new → paying", "withdrawal requested → paying", "withdrawal requested → rejected",
	"withdrawal requested → cancelled", "withdrawal paying → paid", "withdrawal paying → failed", "withdrawal paid → returned",
}

// leaps are changes of state that runs meet seldom and that nothing has to meet:
// several moves of an object at the provider that the market reads at once because
// it heard of the first ones late. Each move of which they are made is in
// transitions.
var leaps = []string{
	"attempt created → captured", "attempt created → processing", // paid before the answer to the first call was there

	"dispute inquiry → submitted", "dispute submitted → open", "dispute won → submitted", "dispute won → lost",

	"payout submitting → returned", "payout in_transit → returned", "payout unknown → returned", "withdrawal paying → returned",

	"order provisioning → refunded", // its delivery failed when the payer's bank had taken all of it back
	"order refunded → refunding",    // one more refund, of money that had come back

	"collection failed → finished", // the last split ended well after an earlier one had failed
}

// Strange are the changes of state that were met and that no list knows.
func (r Report) Strange() (all []string) {
	for _, move := range Sorted(r.Transitions) {
		if !slices.Contains(transitions, move) && !slices.Contains(leaps, move) {
			all = append(all, fmt.Sprintf("%s %d", move, r.Transitions[move]))
		}
	}
	return all
}
