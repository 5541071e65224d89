package money

import (
	"fmt"
	"math"
	"math/bits"
	"sort"
)

// Whole is the number of basis points in one: a commission of 1,000 is 10 %.
const Whole = 10_000

// nano is the number of nano-units in one minor unit.
const nano = 1_000_000_000

// Alloc returns the floor of total*part/whole, multiplied in 128 bits. It is the one formula for "the share of total that
// belongs to part of whole"; the slices Alloc(n, k, w) - Alloc(n, k-1, w) for k = 1..w sum to n.
// It refuses negative arguments and a whole of zero (ErrShare), and a share outside 64 bits (ErrOverflow).
func Alloc(total, part, whole int64) (int64, error) {
	if total < 0 || part < 0 || whole <= 0 {
		return 0, fmt.Errorf("%w: %d * %d / %d", ErrShare, total, part, whole)
	}
	share, _, ok := mulDiv(uint64(total), uint64(part), uint64(whole))
	if !ok {
		return 0, ErrOverflow
	}
	return int64(share), nil
}

// Split divides total by weights so that the shares sum to total exactly: each gets the floor of its share, and the units
// left over go one each to the largest remainders, ties to the earlier weight. A negative total is split as its opposite.
// It refuses no weights, a negative weight and weights that are all zero (ErrShare).
func Split(total int64, weights []int64) ([]int64, error) {
	var sum int64
	for _, w := range weights {
		if w < 0 {
			return nil, fmt.Errorf("%w: weight %d", ErrShare, w)
		}
		if sum > math.MaxInt64-w {
			return nil, ErrOverflow
		}
		sum += w
	}
	if sum == 0 {
		return nil, fmt.Errorf("%w: nobody to give to", ErrShare)
	}
	size, sign := uint64(total), int64(1)
	if total < 0 {
		size, sign = -size, -1
	}
	shares := make([]int64, len(weights))
	remainders := make([]uint64, len(weights))
	order := make([]int, len(weights))
	left := size
	for i, w := range weights {
		// The quotient never exceeds size, so a size of 2⁶³ with one weight wraps to the right negative number below.
		hi, lo := bits.Mul64(size, uint64(w))
		share, remainder := bits.Div64(hi, lo, uint64(sum))
		shares[i], remainders[i], order[i] = int64(share), remainder, i
		left -= share
	}
	sort.SliceStable(order, func(a, b int) bool { return remainders[order[a]] > remainders[order[b]] })
	for _, i := range order[:left] {
		shares[i]++
	}
	for i := range shares {
		shares[i] *= sign
	}
	return shares, nil
}

// ProrateRefund returns what goes back of paid when used of total days are consumed. The consumed part is floored, so a
// fraction of a unit falls to the account. Days are whole: the caller counts a begun day as used. Used up or more than
// that gives nothing back.
func ProrateRefund(paid, used, total int64) (int64, error) {
	if used > total {
		used = total
	}
	consumed, err := Alloc(paid, used, total)
	if err != nil {
		return 0, err
	}
	return paid - consumed, nil
}

// Commission returns the floor of basisPoints of amount: Commission(200000, 1000) = 20000. The rate is 0 to Whole.
func Commission(amount, basisPoints int64) (int64, error) {
	if basisPoints > Whole {
		return 0, fmt.Errorf("%w: %d basis points", ErrShare, basisPoints)
	}
	return Alloc(amount, basisPoints, Whole)
}

// Tier is one step of a progressive rate: BasisPoints on the part of the yearly amount above the step before and up to
// UpTo minor units. The last tier has UpTo 0 and no upper end.
type Tier struct {
	UpTo        int64 `json:"up_to"`
	BasisPoints int64 `json:"basis_points"`
}

// TieredCommission returns the commission on a whole year's amount, floored once over all tiers. It never falls when the
// amount grows, so the commission of one more order is the difference of two calls.
// It refuses tiers that do not rise, that do not end open, or with a rate outside 0 to Whole (ErrShare).
func TieredCommission(yearly int64, tiers []Tier) (int64, error) {
	if yearly < 0 || len(tiers) == 0 {
		return 0, fmt.Errorf("%w: %d over %d tiers", ErrShare, yearly, len(tiers))
	}
	var hi, lo uint64
	var floor int64
	for i, tier := range tiers {
		last := i == len(tiers)-1
		if tier.BasisPoints < 0 || tier.BasisPoints > Whole || last != (tier.UpTo == 0) || !last && tier.UpTo <= floor {
			return 0, fmt.Errorf("%w: tier %d", ErrShare, i+1)
		}
		end := tier.UpTo
		if last {
			end = math.MaxInt64
		}
		if part := min(yearly, end) - floor; part > 0 {
			h, l := bits.Mul64(uint64(part), uint64(tier.BasisPoints))
			var carry uint64
			lo, carry = bits.Add64(lo, l, 0)
			hi, _ = bits.Add64(hi, h, carry)
		}
		floor = end
	}
	fee, _ := bits.Div64(hi, lo, Whole)
	return int64(fee), nil
}

// Metered returns quantity times a unit price in nano-units (10⁻⁹ of a minor unit), rounded half up once. It is called
// for one invoice line, never for parts of it.
func Metered(quantity, unitPriceNano int64) (int64, error) {
	if quantity < 0 || unitPriceNano < 0 {
		return 0, fmt.Errorf("%w: %d at %d nano-units", ErrShare, quantity, unitPriceNano)
	}
	charge, remainder, ok := mulDiv(uint64(quantity), uint64(unitPriceNano), nano)
	if !ok {
		return 0, ErrOverflow
	}
	if remainder >= nano/2 {
		if charge == math.MaxInt64 {
			return 0, ErrOverflow
		}
		charge++
	}
	return int64(charge), nil
}
