package promotion

import (
	"strings"
	"time"

	"yunshi/internal/base/fault"
	"yunshi/internal/base/money"
	"yunshi/internal/market/catalog"
)

// whole is everything, in basis points.
const whole = 10_000

// Bounds that keep a slip of the finger from becoming a promise.
const (
	maxCodes = 1000
	maxUses  = 100_000
)

// off is what the discount takes off the price of one: rounded down, so that the
// lower price is a whole fen and never too low, and nothing when the list price
// has meanwhile become lower than the discount's.
func (d DiscountTerms) off(price money.Amount) (money.Amount, error) {
	if d.Points > 0 {
		return share(price, d.Points)
	}
	if d.Price.Currency != price.Currency || d.Price.Minor >= price.Minor {
		return money.Zero(price.Currency), nil
	}
	return price.Sub(d.Price)
}

// For is the price of one with the discount.
func (d DiscountTerms) For(price money.Amount) (money.Amount, error) {
	off, err := d.off(price)
	if err != nil {
		return money.Amount{}, err
	}
	return price.Sub(off)
}

// off is what a voucher takes off what is to be paid without it: never more than
// that, and rounded down.
func (b BatchTerms) off(rest money.Amount) (money.Amount, error) {
	if b.Points > 0 {
		return share(rest, b.Points)
	}
	if b.Amount.Currency != rest.Currency {
		return money.Zero(rest.Currency), nil
	}
	return money.Amount{Minor: min(b.Amount.Minor, rest.Minor), Currency: rest.Currency}, nil
}

func share(a money.Amount, points int64) (money.Amount, error) {
	minor, err := money.Alloc(a.Minor, points, whole)
	return money.Amount{Minor: minor, Currency: a.Currency}, err
}

// From is what is taken off so many at a list price: first the discount of each
// one, then the voucher of the rest.
func (o Off) From(price money.Amount, quantity int64) (discount, voucher money.Amount, err error) {
	discount, voucher = money.Zero(price.Currency), money.Zero(price.Currency)
	if o.Discount != nil {
		if discount, err = o.Discount.off(price); err != nil {
			return discount, voucher, err
		}
		if discount, err = discount.Mul(quantity); err != nil {
			return discount, voucher, err
		}
	}
	if o.Voucher == nil {
		return discount, voucher, nil
	}
	rest, err := o.rest(price, quantity, discount)
	if err != nil {
		return discount, voucher, err
	}
	voucher, err = o.Voucher.off(rest)
	return discount, voucher, err
}

// rest is what is to be paid after the discount.
func (o Off) rest(price money.Amount, quantity int64, discount money.Amount) (money.Amount, error) {
	list, err := price.Mul(quantity)
	if err != nil {
		return money.Amount{}, err
	}
	return list.Sub(discount)
}

// KeepsFloor refuses a total below the lowest price of so many. A list price that
// is itself lower than the floor is what the vendor asks for, so it is the floor.
//
// Clause: UA 4.7.7 (discounts and vouchers together never go below the lowest price that the vendor stated).
func (o Off) KeepsFloor(paid, price money.Amount, quantity int64) error {
	if o.Floor.Currency != price.Currency {
		return nil
	}
	lowest, err := money.Amount{Minor: min(o.Floor.Minor, price.Minor), Currency: price.Currency}.Mul(quantity)
	if err != nil {
		return err
	}
	if paid.Minor < lowest.Minor {
		return ErrFloor.With("Lowest", lowest.String())
	}
	return nil
}

// fits refuses a voucher that cannot be used for the plan by the customer now. How
// often it was used is not asked here: that is decided when it is reserved.
func (v Voucher) fits(o catalog.Offer, openID string, now time.Time) error {
	switch {
	case v.Product != o.Product.ID, v.Plan != "" && v.Plan != o.PlanID:
		return ErrOtherPlan
	case v.OnlyFor != "" && v.OnlyFor != openID:
		return ErrOther
	case v.Over(now):
		return ErrExpired
	}
	return nil
}

// reaches refuses a voucher whose minimum the purchase does not reach, and one
// that would be used up for nothing.
func (v Voucher) reaches(rest money.Amount) error {
	off, err := v.off(rest)
	if err != nil {
		return err
	}
	if off.IsZero() || rest.Currency != v.Minimum.Currency || rest.Minor < v.Minimum.Minor {
		return ErrMinimum.With("Minimum", v.Minimum.String())
	}
	return nil
}

// valid names what is wrong with a new discount on a plan of the price.
func (n NewDiscount) valid(price money.Amount, now time.Time) error {
	return fault.List(append(
		reduction(n.Points, n.Price, price, "price", n.Price.Minor < price.Minor),
		term(n.From, n.Until, now)...,
	)).Err()
}

// valid names what is wrong with new vouchers for plans in the currency.
func (n NewBatch) valid(currency money.Currency, now time.Time) error {
	faults := reduction(n.Points, n.Amount, money.Zero(currency), "amount", n.Amount.Minor > 0)
	if n.Minimum.Currency != currency || n.Minimum.IsNegative() {
		faults = append(faults, ErrInvalid.In("minimum"))
	}
	if n.Uses < 1 || n.Uses > maxUses {
		faults = append(faults, ErrInvalid.In("uses"))
	}
	if n.Codes < 1 || n.Codes > maxCodes {
		faults = append(faults, ErrInvalid.In("codes"))
	}
	if n.OnlyFor != "" && !strings.HasPrefix(n.OnlyFor, "ou_") {
		faults = append(faults, ErrInvalid.In("only_for"))
	}
	return append(faults, term(now, n.Until, now)...).Err()
}

// reduction wants either a share or an amount that makes sense, not both.
func reduction(points int64, amount, price money.Amount, field string, sensible bool) fault.List {
	switch given := amount != (money.Amount{}); {
	case points == 0 && !given:
		return fault.List{ErrRequired.In("percent")}
	case points != 0 && given, points < 0, points > whole:
		return fault.List{ErrInvalid.In("percent")}
	case given && (amount.Currency != price.Currency || amount.IsNegative() || !sensible):
		return fault.List{ErrInvalid.In(field)}
	}
	return nil
}

// term wants a time that has not passed and is not longer than a year: what is
// never charged is not a price that anything is taken off.
func term(from, until, now time.Time) fault.List {
	switch {
	case until.IsZero():
		return fault.List{ErrRequired.In("until")}
	case !until.After(now), !until.After(from), until.After(from.AddDate(1, 0, 0)):
		return fault.List{ErrInvalid.In("until")}
	}
	return nil
}

// alphabet is for people who read and type: no I, L, O or U.
const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// Codes have so many characters of five bits each, shown in groups of four, and
// are known to their vendor by the last group.
const (
	codeLength = 16
	group      = 4
)

// spell writes random bytes as a code: "7Q2M-0X4T-…".
func spell(random [codeLength]byte) string {
	var b strings.Builder
	for i, r := range random {
		if i > 0 && i%group == 0 {
			b.WriteByte('-')
		}
		b.WriteByte(alphabet[int(r)%len(alphabet)])
	}
	return b.String()
}

// canonical is a code as it is hashed, however it was typed: letters are not told
// apart by case, and O, I and L count as the digits they look like.
func canonical(code string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == 'O':
			return '0'
		case r == 'I', r == 'L':
			return '1'
		case strings.ContainsRune(alphabet, r):
			return r
		}
		return -1
	}, strings.ToUpper(code))
}
