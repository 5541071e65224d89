package invoice

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/base/money"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/job"
	"yunshi/internal/market/vendor"
)

// batch is how many numbers one run of the job gives.
const batch = 500

// Charges is what the operator bills a vendor for a month: facts of settlement,
// given by whoever owns them. Source names the facts, such as a statement; the
// same source is billed once.
type Charges struct {
	Vendor vendor.ID
	Period string // "2026-11"
	Source string
	Seller string // registered name of the operator
	Lines  []OperatorLine
}

// what the operator may charge a vendor for; nothing of a product is among it.
var chargeable = []string{"commission", "platform_fee"}

// IssueOperatorInvoice makes the operator's own invoice to a vendor. Net and tax
// of each line are worked out here, the tax out of the amount and rounded down.
// The number comes afterwards from one worker, without gap. A source that was
// billed before gives the invoice there is; with other charges it is refused.
func IssueOperatorInvoice(ctx context.Context, tx *db.Tx, by audit.Actor, in Charges) (_ OperatorInvoice, err error) {
	defer fault.Wrap(&err, "invoice.IssueOperatorInvoice(%s, %s)", in.Vendor, in.Source)
	if by.Kind != audit.JobKind && !by.Has(account.Finance) {
		return OperatorInvoice{}, ErrForbidden
	}
	if _, err := vendor.Get(ctx, tx, in.Vendor); err != nil {
		return OperatorInvoice{}, err
	}
	o, err := charged(in)
	if err != nil {
		return OperatorInvoice{}, err
	}
	o.ID, o.IssuedAt = OperatorID(tx.ID("opi")), tx.Now()
	lines, err := json.Marshal(o.Lines)
	if err != nil {
		return OperatorInvoice{}, err
	}
	n, err := tx.Exec(ctx, insertOperator, string(o.ID), string(o.Vendor), o.Period, o.Year, string(o.Total.Currency), o.Net.Minor, o.Tax.Minor, o.Total.Minor,
		string(lines), o.Source, o.Seller, db.Micros(o.IssuedAt))
	if err != nil {
		return OperatorInvoice{}, err
	}
	if n == 0 {
		known, err := found(db.One(ctx, tx, scanOperator, selectOperatorSource, string(in.Vendor), in.Source))
		if err == nil && (known.Total != o.Total || known.Period != o.Period || !slices.Equal(known.Lines, o.Lines)) {
			err = ErrState
		}
		return known, err
	}
	if err := numbersFor(ctx, tx, o.Year); err != nil {
		return OperatorInvoice{}, err
	}
	return o, audit.Record(ctx, tx, by, audit.Entry{
		Act: "invoice.operator_issued", Subjects: []string{string(o.ID), string(o.Vendor)}, Clauses: []string{"UA 4.4"},
		Data: map[string]any{"period": o.Period, "total": o.Total, "source": o.Source},
	})
}

// numbersFor asks for the numbers of a year's invoices.
func numbersFor(ctx context.Context, tx *db.Tx, year int64) error {
	return job.Enqueue(ctx, tx, job.Spec{Kind: numberJob, Object: strconv.FormatInt(year, 10), Unique: true})
}

// charged works out what a vendor is billed.
func charged(in Charges) (OperatorInvoice, error) {
	year, err := period(in.Period)
	if err != nil {
		return OperatorInvoice{}, err
	}
	switch {
	case in.Source == "":
		return OperatorInvoice{}, ErrRequired.In("source")
	case in.Seller == "":
		return OperatorInvoice{}, ErrRequired.In("seller")
	case len(in.Lines) == 0:
		return OperatorInvoice{}, ErrRequired.In("lines")
	}
	o := OperatorInvoice{Vendor: in.Vendor, Period: in.Period, Year: year, Source: in.Source, Seller: in.Seller}
	currency := in.Lines[0].Amount.Currency
	o.Net, o.Tax, o.Total = money.Zero(currency), money.Zero(currency), money.Zero(currency)
	for _, l := range in.Lines {
		if !slices.Contains(chargeable, l.What) || l.Amount.Minor <= 0 || l.Rate < 0 || l.Rate > 10_000 {
			return OperatorInvoice{}, ErrInvalid.In("lines")
		}
		tax, err := money.Alloc(l.Amount.Minor, l.Rate, 10_000+l.Rate)
		if err != nil {
			return OperatorInvoice{}, err
		}
		l.Tax = money.Amount{Minor: tax, Currency: currency}
		if l.Net, err = l.Amount.Sub(l.Tax); err != nil {
			return OperatorInvoice{}, err
		}
		for into, part := range map[*money.Amount]money.Amount{&o.Net: l.Net, &o.Tax: l.Tax, &o.Total: l.Amount} {
			if *into, err = into.Add(part); err != nil {
				return OperatorInvoice{}, err
			}
		}
		o.Lines = append(o.Lines, l)
	}
	return o, nil
}

// Code is the number as it is printed, "2026-000123"; empty until it was given.
func (o OperatorInvoice) Code() string {
	if o.Number == 0 {
		return ""
	}
	return fmt.Sprintf("%d-%06d", o.Year, o.Number)
}

// GetOperatorInvoice returns one to the vendor it bills and to the operator; for
// others it
// does not exist.
func GetOperatorInvoice(ctx context.Context, r db.Reader, by audit.Actor, id OperatorID) (OperatorInvoice, error) {
	o, err := found(db.One(ctx, r, scanOperator, selectOperator, string(id)))
	if err != nil {
		return OperatorInvoice{}, err
	}
	v, err := vendor.Get(ctx, r, o.Vendor)
	if err != nil {
		return OperatorInvoice{}, err
	}
	if !ofVendor(by, v) && !staff(by) {
		return OperatorInvoice{}, account.ErrForeign
	}
	return o, nil
}

// OperatorInvoicesOf lists what a vendor was billed, newest first, before the
// cursor.
func OperatorInvoicesOf(ctx context.Context, r db.Reader, v vendor.ID, before OperatorID, n int) ([]OperatorInvoice, error) {
	return db.All(ctx, r, scanOperator, selectOperatorOf, string(v), cursor(before), n)
}

// OperatorInvoices lists what all vendors were billed, newest first, before the
// cursor, for the operator's desk.
func OperatorInvoices(ctx context.Context, r db.Reader, before OperatorID, n int) ([]OperatorInvoice, error) {
	return db.All(ctx, r, scanOperator, selectOperatorAll, cursor(before), n)
}
