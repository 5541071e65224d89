package ledger

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"

	"yunshi/internal/base/money"
)

// allowed refuses a journal that is unbalanced or moves money its kind may not
// move.
//
// Clause: UA 3.1 (what is collected is held for the vendor; it becomes anybody else's only by an agreed rule).
func allowed(kind Kind, entries []Entry) error {
	s, known := shapes[kind]
	if !known {
		return ErrNoBasis.With("Kind", kind)
	}
	if len(entries) < 2 {
		return ErrNoBasis.With("Kind", kind, "Entries", len(entries))
	}
	sums := map[money.Currency]int64{}
	for _, e := range entries {
		side := s.debits
		if e.Amount.IsNegative() {
			side = s.credits
		}
		if e.Amount.IsZero() || !slices.Contains(side, e.Account) {
			return ErrNoBasis.With("Kind", kind, "Account", e.Account)
		}
		before := sums[e.Amount.Currency]
		sum, err := money.Amount{Minor: before, Currency: e.Amount.Currency}.Add(e.Amount)
		if err != nil {
			return err
		}
		sums[e.Amount.Currency] = sum.Minor
	}
	for currency, sum := range sums {
		if sum != 0 {
			return ErrNoBasis.With("Kind", kind, "Currency", currency, "Sum", sum)
		}
	}
	return nil
}

// facts are a line's numbers in minor units: what was frozen (net N, tax T,
// commission C on the whole net) and what has happened (gross returned r, net
// released a, net taken back out of the released part b).
type facts struct{ net, tax, fee, returned, released, taken int64 }

func (f facts) gross() int64 { return f.net + f.tax }

// valid reports numbers that could be a line's.
func (f facts) valid() bool {
	return f.net >= 0 && f.tax >= 0 && f.fee >= 0 && f.fee <= f.net && f.gross() > 0 && f.gross() >= f.net &&
		f.returned >= 0 && f.returned <= f.gross() && f.taken >= 0 && f.taken <= f.released && f.escrow() >= 0
}

// taxKept is Alloc(T, G−r, G): the tax on what the buyer has not got back.
func (f facts) taxKept() int64 { return share(f.tax, f.gross()-f.returned, f.gross()) }

// keptNet is the net of what the buyer has not got back.
func (f facts) keptNet() int64 { return f.gross() - f.returned - f.taxKept() }

// escrow is the kept net that has not been released.
func (f facts) escrow() int64 { return f.keptNet() - (f.released - f.taken) }

// earned is Alloc(C, a−b, N): the commission on what the vendor keeps.
func (f facts) earned() int64 {
	if f.net == 0 {
		return 0
	}
	return share(f.fee, f.released-f.taken, f.net)
}

// share is [money.Alloc] of numbers that are known to be in range.
func share(total, part, whole int64) int64 {
	v, err := money.Alloc(total, part, whole)
	if err != nil {
		panic(fmt.Sprintf("ledger: share of a line that is not valid: %v", err))
	}
	return v
}

// release lets part/whole of what the line can keep go to the vendor. x leaves
// escrow, c of it is commission; both are the difference between what should
// have gone and what has. A share that has gone already releases nothing.
func (f facts) release(part, whole int64) (next facts, x, c int64) {
	next = f
	next.released = max(f.released, f.taken+share(f.keptNet(), part, whole))
	x = next.released - f.released
	return next, x, next.earned() - f.earned()
}

// giveBack returns x of the gross to the buyer: tax of it, then what escrow
// holds, then what was released (back), of which the operator gives its
// commission up. It refuses more than is left.
func (f facts) giveBack(x int64) (next facts, g given, err error) {
	if x <= 0 || x > f.gross()-f.returned {
		return f, given{}, ErrOverReturn
	}
	next = f
	next.returned += x
	g.tax = f.taxKept() - next.taxKept()
	net := x - g.tax
	g.escrow = min(net, f.escrow())
	g.back = net - g.escrow
	next.taken += g.back
	g.fee = f.earned() - next.earned()
	g.vendor = g.back - g.fee
	return next, g, nil
}

// takeBack undoes a return of x: the inverse of giveBack, first for the part that
// was released. It leads to the facts that would be had x never been given back.
func (f facts) takeBack(x int64) (next facts, g given, err error) {
	if x <= 0 || x > f.returned {
		return f, given{}, ErrOverReturn
	}
	next = f
	next.returned -= x
	g.tax = next.taxKept() - f.taxKept()
	net := x - g.tax
	g.back = min(net, f.taken)
	g.escrow = net - g.back
	next.taken -= g.back
	g.fee = next.earned() - f.earned()
	g.vendor = g.back - g.fee
	return next, g, nil
}

// given is where the money of a refund comes from.
type given struct {
	tax, escrow int64
	back        int64 // out of the released part: fee and vendor together
	fee, vendor int64
}

// purse is what a vendor has, in the order in which it pays.
type purse struct {
	holds      []held // of the cases in question only
	payable    int64
	deposit    int64 // zero unless a final decision lets it be used
	receivable int64 // what the vendor owes already
}

type held struct {
	party string
	minor int64
}

// pay draws x from a vendor: what is held for the case, what is payable, the
// deposit where a final decision says so, and the rest becomes the vendor's debt.
func (p purse) pay(vendor string, c money.Currency, x int64) (entries []Entry, short bool) {
	take := func(a Account, party string, has int64) {
		if part := min(x, has); part > 0 {
			entries = append(entries, Entry{a, party, money.Amount{Minor: part, Currency: c}})
			x -= part
		}
	}
	for _, h := range p.holds {
		take(Hold, h.party, h.minor)
	}
	take(Payable, vendor, p.payable)
	take(Deposit, vendor, p.deposit)
	short = x > 0
	take(Receivable, vendor, x)
	return entries, short
}

// get credits a vendor with x: its debt first.
func (p purse) get(vendor string, c money.Currency, x int64) (entries []Entry) {
	debt := min(x, p.receivable)
	for _, e := range []Entry{
		{Receivable, vendor, money.Amount{Minor: -debt, Currency: c}},
		{Payable, vendor, money.Amount{Minor: -(x - debt), Currency: c}},
	} {
		if !e.Amount.IsZero() {
			entries = append(entries, e)
		}
	}
	return entries
}

// undisputed refuses to move a line's money while its payer's bank has it: a
// refund and a dispute are never paid both.
func undisputed(l Line) error {
	if l.Disputes > 0 {
		return ErrDisputed
	}
	return nil
}

// withinCap refuses damages above what was paid for the product, unless law or an
// agreement allows more. Whether a returned price counts is the rulebook's
// (cap_includes_refund); by default it does not.
//
// Clause: UA 4.10 (the vendor's total compensation does not exceed the fees paid; unless law or the parties say otherwise).
func withinCap(l Line, x int64, includesRefund bool) error {
	used := l.Compensated.Minor
	if includesRefund {
		used += l.Returned.Minor
	}
	if x > l.Cap.Minor-used {
		return ErrOverCap.With("Max", l.amount(max(0, l.Cap.Minor-used)).String())
	}
	return nil
}

// mirror is the exact reverse of a journal's entries.
func mirror(entries []Entry) ([]Entry, error) {
	out := make([]Entry, len(entries))
	for i, e := range entries {
		negated, err := e.Amount.Neg()
		if err != nil {
			return nil, err
		}
		out[i] = Entry{e.Account, e.Party, negated}
	}
	return out, nil
}

// draws reports an entry that takes from an account with a floor. Its balance
// row must exist: the database checks the floor of a row to be inserted before
// it notices that the row is there.
func draws(e Entry) bool {
	switch chart[e.Account].floor {
	case debit:
		return !chart[e.Account].striped && e.Amount.IsNegative()
	case credit:
		return !chart[e.Account].striped && !e.Amount.IsNegative()
	}
	return false
}

// drop removes entries of zero, which a full tax exemption or a free part makes.
func drop(entries []Entry) []Entry {
	return slices.DeleteFunc(entries, func(e Entry) bool { return e.Amount.IsZero() })
}

// digest commits to what a journal says.
func digest(kind Kind, entries []Entry) string {
	var b strings.Builder
	b.WriteString(string(kind))
	for _, e := range entries {
		fmt.Fprintf(&b, "\n%s|%s|%d|%s", e.Account, e.Party, e.Amount.Minor, e.Amount.Currency)
	}
	sum := sha256.Sum256([]byte(b.String()))
	return hex.EncodeToString(sum[:])
}

// stripe spreads a shared account over its rows by the last part of the effect's
// key. Postings of one transaction about one thing, such as a capture and its fee,
// so touch the same row of an account: with two rows, two transactions could each
// wait for the other's.
func stripe(a Account, effect string) int64 {
	if !chart[a].striped {
		return 0
	}
	h := fnv.New32a()
	h.Write([]byte(effect[strings.LastIndexByte(effect, ':')+1:]))
	return int64(h.Sum32() % stripeMax)
}

func negative(a money.Amount) money.Amount {
	a.Minor = -a.Minor // amounts here come from captures and refunds, which are positive
	return a
}

// holdParty is the account of what a vendor's case freezes.
func holdParty(vendor, cause string) string { return vendor + "/" + cause }

// vendorOf is the vendor behind the party of a vendor account.
func vendorOf(party string) string {
	vendor, _, _ := strings.Cut(party, "/")
	return vendor
}
