package promotion

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"yunshi/internal/base/db"
	"yunshi/internal/base/money"
)

const (
	discountCols = `d.id, d.vendor, d.product, d.plan, d.number, d.points, d.currency, d.price, d.starts_at, d.until_at, d.ends_at, d.sha256, d.made_at`

	insertDiscount = `INSERT INTO promotion_discount (id, vendor, product, plan, number, points, currency, price, starts_at, until_at, ends_at, sha256, made_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`
	selectDiscount = `SELECT ` + discountCols + ` FROM promotion_discount d WHERE d.id = $1`
	selectRunning  = `SELECT ` + discountCols + ` FROM promotion_discount d WHERE d.plan = $1 AND d.starts_at <= $2 AND d.ends_at > $3
		ORDER BY d.number DESC LIMIT 1`
	selectDiscounts = `SELECT ` + discountCols + ` FROM promotion_discount d WHERE d.product = $1 ORDER BY d.id DESC`
	selectNumber    = `SELECT COALESCE(MAX(d.number), 0) FROM promotion_discount d WHERE d.plan = $1`
	selectOverlap   = `SELECT COUNT(*) FROM promotion_discount d WHERE d.plan = $1 AND d.starts_at < $2 AND d.ends_at > $3 AND d.ends_at > d.starts_at`
	endDiscount     = `UPDATE promotion_discount SET ends_at = $1 WHERE id = $2 AND ends_at > $1`
)

func scanDiscount(s db.Scanner) (Discount, error) {
	var d Discount
	var currency money.Currency
	var price, from, until, ends, made int64
	if err := s.Scan(&d.ID, &d.Vendor, &d.Product, &d.Plan, &d.Number, &d.Points, &currency, &price, &from, &until, &ends, &d.SHA256, &made); err != nil {
		return d, err
	}
	if d.Points == 0 {
		d.Price = money.Amount{Minor: price, Currency: currency}
	}
	d.From, d.Until, d.EndsAt, d.MadeAt = db.Time(from), db.Time(until), db.Time(ends), db.Time(made)
	return d, same(string(d.ID), d.DiscountTerms, d.SHA256)
}

const (
	batchCols = `b.id, b.vendor, b.product, b.plan, b.points, b.currency, b.amount, b.minimum, b.until_at, b.uses, b.only_for, b.codes, b.ends_at, b.sha256, b.made_at`
	usedOf    = `, (SELECT CAST(COALESCE(SUM(v.used), 0) AS BIGINT) FROM promotion_voucher v WHERE v.batch = b.id)`

	insertBatch = `INSERT INTO promotion_batch (id, vendor, product, plan, points, currency, amount, minimum, until_at, uses, only_for, codes, ends_at, sha256, made_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`
	selectBatch   = `SELECT ` + batchCols + usedOf + ` FROM promotion_batch b WHERE b.id = $1`
	selectBatches = `SELECT ` + batchCols + usedOf + ` FROM promotion_batch b WHERE b.product = $1 ORDER BY b.id DESC`
	endBatch      = `UPDATE promotion_batch SET ends_at = $1 WHERE id = $2 AND ends_at > $1`
)

func batchDest(b *Batch) (dest []any, done func() error) {
	var currency money.Currency
	var amount, until, ends, made int64
	dest = []any{&b.ID, &b.Vendor, &b.Product, &b.Plan, &b.Points, &currency, &amount, &b.Minimum.Minor, &until, &b.Uses, &b.OnlyFor, &b.Codes, &ends, &b.SHA256, &made}
	return dest, func() error {
		if b.Points == 0 {
			b.Amount = money.Amount{Minor: amount, Currency: currency}
		}
		b.Minimum.Currency = currency
		b.Until, b.EndsAt, b.MadeAt = db.Time(until), db.Time(ends), db.Time(made)
		return same(string(b.ID), b.BatchTerms, b.SHA256)
	}
}

func scanBatch(s db.Scanner) (Batch, error) {
	var b Batch
	dest, done := batchDest(&b)
	if err := s.Scan(append(dest, &b.Used)...); err != nil {
		return b, err
	}
	return b, done()
}

const (
	insertVoucher = `INSERT INTO promotion_voucher (hash, batch, tail, uses, used) VALUES ($1, $2, $3, $4, 0)`
	selectVoucher = `SELECT ` + batchCols + `, v.hash, v.tail, v.used FROM promotion_voucher v JOIN promotion_batch b ON b.id = v.batch WHERE v.hash = $1`

	// The guard of a voucher: of those who race for its last use one succeeds.
	takeVoucher   = `UPDATE promotion_voucher SET used = used + 1 WHERE hash = $1 AND used < uses`
	returnVoucher = `UPDATE promotion_voucher SET used = used - 1 WHERE hash = $1 AND used > 0`

	insertUse = `INSERT INTO promotion_use (voucher, account, order_id, currency, amount, used_at) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (voucher, account) DO NOTHING`
	selectUse   = `SELECT voucher FROM promotion_use WHERE order_id = $1`
	selectUsers = `SELECT COUNT(*) FROM promotion_use WHERE voucher = $1 AND account = $2`
	deleteUse   = `DELETE FROM promotion_use WHERE order_id = $1`
)

func scanVoucher(s db.Scanner) (Voucher, error) {
	var v Voucher
	dest, done := batchDest(&v.Batch)
	if err := s.Scan(append(dest, &v.hash, &v.Tail, &v.Used)...); err != nil {
		return v, err
	}
	return v, done()
}

const (
	putFloor = `INSERT INTO promotion_floor (plan, product, currency, price, stated_at) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (plan) DO UPDATE SET currency = excluded.currency, price = excluded.price, stated_at = excluded.stated_at`
	selectFloor  = `SELECT f.plan, f.currency, f.price, f.stated_at FROM promotion_floor f WHERE f.plan = $1`
	selectFloors = `SELECT f.plan, f.currency, f.price, f.stated_at FROM promotion_floor f WHERE f.product = $1 ORDER BY f.plan`
)

func scanFloor(s db.Scanner) (Floor, error) {
	var f Floor
	var at int64
	err := s.Scan(&f.Plan, &f.Price.Currency, &f.Price.Minor, &at)
	f.StatedAt = db.Time(at)
	return f, err
}

// hashOf is the hash of terms in the one form in which they are shown and frozen.
func hashOf(terms any) (string, error) {
	text, err := json.Marshal(terms)
	if err != nil {
		return "", fmt.Errorf("promotion: terms: %w", err)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), nil
}

// same compares terms that were read with the hash that was shown.
func same(id string, terms any, sha256 string) error {
	got, err := hashOf(terms)
	if err == nil && got != sha256 {
		err = fmt.Errorf("promotion: the terms of %s have hash %s, stored is %s", id, got, sha256)
	}
	return err
}
