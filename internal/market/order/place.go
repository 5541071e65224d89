package order

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/market/account"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/catalog"
	"yunshi/internal/market/entitlement"
	"yunshi/internal/market/job"
	"yunshi/internal/market/operation"
	"yunshi/internal/market/payment"
	"yunshi/internal/market/promotion"
	"yunshi/internal/market/vendor"
)

// Place makes a purchase: an order with its frozen terms, and a payment attempt
// for exactly its total. It refuses in the order of the agreement: 8.2.3, P-3,
// 6.1, 4.8, 2.1, 3.1, 4.2, 4.7.7, 8.1; but 4.3 comes before them all, so that nobody
// learns how an account stands that is not theirs. A free plan needs no payment
// and is delivered at once.
func Place(ctx context.Context, tx *db.Tx, by audit.Actor, p Purchase) (Order, error) {
	offer, err := catalog.OfferOf(ctx, tx, p.Plan)
	if err != nil {
		return Order{}, err
	}
	mine, err := account.Choosable(ctx, tx, by)
	if err != nil {
		return Order{}, err
	}
	if err := chosen(p.For, mine); err != nil {
		return Order{}, err
	}
	if err := admit(ctx, tx, by, p.For, offer); err != nil {
		return Order{}, err
	}
	if err := agreed(p, offer); err != nil {
		return Order{}, err
	}
	q, err := quote(ctx, tx, offer, p.Quantity, p.Voucher, p.For)
	if err == nil {
		err = q.Declined // a code that was typed is never left out in silence
	}
	if err != nil {
		return Order{}, err
	}
	if err := honestPrice(p.ExpectedTotal, q.Fee.Paid); err != nil {
		return Order{}, err
	}
	if err := q.Off.KeepsFloor(q.Fee.Paid, offer.Plan.Price, p.Quantity); err != nil {
		return Order{}, err
	}
	if err := operation.MustOutlast(ctx, tx, entitlement.EndOf(tx.Now(), offer.Plan.Term)); err != nil { // 8.1
		return Order{}, err
	}
	bundle, err := agreement.Current(ctx, tx)
	if err != nil {
		return Order{}, err
	}
	o := Order{
		ID: ID(tx.ID("ord")), Line: LineID(tx.ID("lin")), Account: p.For, Buyer: account.UserID(by.User),
		Vendor: offer.Product.Vendor, Product: offer.Product.ID, Version: offer.Version.ID, Plan: offer.PlanID,
		Quantity: p.Quantity, State: AwaitingPayment, Gateway: p.Gateway, Fee: q.Fee, Business: p.Business, PlacedAt: tx.Now(),
		Snapshot: Snapshot{
			Sheet: offer.TermsSheet, SheetSHA256: offer.SHA256, Product: offer.Product.ID, Slug: offer.Product.Slug,
			Version: offer.Version.ID, Plan: offer.PlanID, PlanCode: offer.Plan.Code, Quantity: p.Quantity, Fee: q.Fee, Off: q.Off,
			Refund: q.Refund, Seller: offer.Vendor, Collector: p.Collector, AgreementBundle: bundle.Hash, Account: p.For, ShownAt: tx.Now(),
			Licence: licenceOf(bundle.Agreement),
		},
	}
	if err := protects(o.Snapshot.Licence); err != nil {
		return Order{}, err
	}
	if o.Commission, err = commissionOf(ctx, tx, &o, o.Vendor, offer.Version.Content.DeliveryType); err != nil {
		return Order{}, err
	}
	life, err := payWithin(ctx, tx, p.Gateway)
	if err != nil {
		return Order{}, err
	}
	o.ExpiresAt = tx.Now().Add(life)
	if o.Fee.Paid.IsZero() {
		o.Gateway, o.ExpiresAt = free, time.Time{}
	} else if o.Attempt, err = begin(ctx, tx, by, o, true); err != nil {
		return Order{}, err
	}
	if o.SHA256, err = insert(tx, o); err != nil {
		return Order{}, err
	}
	if v := q.Off.Voucher; v != nil {
		if err := promotion.Reserve(ctx, tx, *v, o.Account, string(o.ID), o.Fee.Voucher); err != nil {
			return Order{}, err
		}
	}
	if err := audit.Record(ctx, tx, by, audit.Entry{
		Act: "order.terms_shown", Subjects: []string{string(o.ID)}, Clauses: []string{"UA 4.2"},
		Data: map[string]any{"terms_sha256": offer.SHA256, "snapshot_sha256": o.SHA256, "agreement_bundle": bundle.Hash},
	}); err != nil {
		return Order{}, err
	}
	if o.Gateway == free {
		return settle(ctx, tx, by, o)
	}
	err = job.Enqueue(ctx, tx, job.Spec{Kind: expireJob, Object: string(o.ID), Name: "expire", At: o.ExpiresAt, Unique: true})
	return o, err
}

// free stands for the provider of an order that costs nothing.
const free = "none"

// payWithin is how long an order waits for its money.
func payWithin(ctx context.Context, r db.Reader, gateway string) (time.Duration, error) {
	if gateway == transfer {
		wait, err := agreement.Setting[struct{ Hours int }](ctx, r, "pay_timer_transfer")
		return time.Duration(wait.Hours) * time.Hour, err
	}
	wait, err := agreement.Setting[struct{ Minutes int }](ctx, r, "pay_timer_card")
	return time.Duration(wait.Minutes) * time.Minute, err
}

// transfer is the gateway whose money takes days.
const transfer = "banktransfer"

// begin asks payment for an attempt in the vendor's name.
func begin(ctx context.Context, tx *db.Tx, by audit.Actor, o Order, first bool) (payment.AttemptID, error) {
	payee, err := merchantOf(ctx, tx, o.Vendor, o.Gateway)
	if err != nil {
		return "", err
	}
	content, err := o.Content()
	if err != nil {
		return "", err
	}
	locale := by.Locale
	name := content.Name.ZH
	if locale == "en" && content.Name.EN != "" {
		name = content.Name.EN
	}
	attempt, err := payment.Begin(ctx, tx, by, payment.Start{
		Order: string(o.ID), Amount: o.Fee.Paid, Gateway: o.Gateway, Description: name,
		PayeeAccount: payee, PayeeName: o.Snapshot.Seller.RegisteredName, ExpiresAt: o.ExpiresAt, Locale: locale, First: first,
	})
	return attempt.ID, err
}

// merchantOf is the vendor's own account at the provider; money never goes
// anywhere else.
func merchantOf(ctx context.Context, r db.Reader, v vendor.ID, gateway string) (string, error) {
	all, err := vendor.Merchants(ctx, r, v)
	if err != nil {
		return "", err
	}
	for _, m := range all {
		if m.Provider == gateway {
			return m.Number, nil
		}
	}
	return "", ErrGateway.In("gateway")
}

// PayAgain makes another attempt for an order that still waits, with the same or
// another way to pay.
func PayAgain(ctx context.Context, tx *db.Tx, by audit.Actor, id ID, gateway string) (Order, error) {
	o, err := Get(ctx, tx, by, id)
	if err != nil {
		return Order{}, err
	}
	if o.State != AwaitingPayment {
		return Order{}, ErrNotPayable
	}
	term, err := o.Term()
	if err != nil {
		return Order{}, err
	}
	if err := operation.MustOutlast(ctx, tx, entitlement.EndOf(tx.Now(), term)); err != nil { // 8.1
		return Order{}, err
	}
	if _, err := payment.Void(ctx, tx, by, o.Attempt, payment.Cancelled); err != nil {
		return Order{}, err
	}
	life, err := payWithin(ctx, tx, gateway)
	if err != nil {
		return Order{}, err
	}
	o.Gateway, o.ExpiresAt = gateway, tx.Now().Add(life)
	if o.Attempt, err = begin(ctx, tx, by, o, false); err != nil {
		return Order{}, err
	}
	n, err := tx.Exec(ctx, updateAttempt, string(o.Attempt), o.Gateway, db.Micros(o.ExpiresAt), string(o.ID), string(AwaitingPayment))
	if err == nil && n == 0 {
		err = ErrNotPayable
	}
	if err != nil {
		return Order{}, err
	}
	if err := job.Cancel(ctx, tx, expireJob, string(o.ID), "expire"); err != nil {
		return Order{}, err
	}
	return o, job.Enqueue(ctx, tx, job.Spec{Kind: expireJob, Object: string(o.ID), Name: "expire", At: o.ExpiresAt, Unique: true})
}

// Cancel ends an order that nobody has paid.
func Cancel(ctx context.Context, tx *db.Tx, by audit.Actor, id ID) (Order, error) {
	o, err := Get(ctx, tx, by, id)
	if err != nil {
		return Order{}, err
	}
	return o, end(ctx, tx, by, &o, Cancelled)
}

// end closes an unpaid order and its attempt, and gives its voucher back.
func end(ctx context.Context, tx *db.Tx, by audit.Actor, o *Order, to State) error {
	ok, err := move(ctx, tx, o, AwaitingPayment, to, string(to))
	if err != nil {
		return err
	}
	if !ok {
		return ErrNotPayable
	}
	attempt := payment.Cancelled
	if to == Expired {
		attempt = payment.Expired
	}
	if _, err := payment.Void(ctx, tx, by, o.Attempt, attempt); err != nil {
		return err
	}
	if err := promotion.GiveBack(ctx, tx, string(o.ID)); err != nil {
		return err
	}
	return job.Cancel(ctx, tx, expireJob, string(o.ID), "expire")
}

// MarkPaid refuses everybody. It exists so that the attempt is an answer with
// its clause, and evidence, instead of a missing button.
func MarkPaid(ctx context.Context, tx *db.Tx, by audit.Actor, id ID) error {
	if _, err := get(ctx, tx, id); err != nil {
		return err
	}
	return ownMoneyOnly()
}

func insert(tx *db.Tx, o Order) (sha256 string, err error) {
	text, err := encode(o.Snapshot)
	if err != nil {
		return "", err
	}
	sha256 = sha(text)
	f := o.Fee
	tx.Queue(insertOrder, string(o.ID), string(o.Account), string(o.Buyer), string(o.Vendor), string(o.State), o.Gateway, string(o.Attempt),
		string(f.Paid.Currency), f.List.Minor, f.Discount.Minor, f.Voucher.Minor, f.Paid.Minor, f.Net.Minor, f.Tax.Minor,
		string(text), sha256, o.Business, db.Micros(o.PlacedAt), db.Micros(o.ExpiresAt))
	tx.Queue(insertLine, string(o.Line), string(o.ID), string(o.Product), string(o.Version), string(o.Plan), o.Quantity,
		o.Commission.Amount.Minor, o.Commission.Points, string(o.Commission.Basis), o.Commission.Rulebook, string(o.TaxBy))
	return sha256, nil
}

// encode writes a snapshot without escapes of its own, so that the terms sheet in
// it stays the text that was hashed when it was published.
func encode(s Snapshot) ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(s); err != nil {
		return nil, fmt.Errorf("order: snapshot: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
