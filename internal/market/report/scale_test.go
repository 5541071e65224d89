package report_test

import (
	"testing"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/testkit"
)

// copies make a large market from a small one: every paid order n times, with
// everything that belongs to it.
var copies = []string{
	`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1)
		INSERT INTO order_order (id, account, buyer, vendor, state, reason, gateway, attempt, currency, list, discount, voucher, paid, net, tax,
			snapshot, snapshot_sha256, business, placed_at, expires_at, paid_at, delivered_at, ended_at)
		SELECT o.id || '-' || n.i, o.account, o.buyer, o.vendor, o.state, o.reason, o.gateway, o.attempt || '-' || n.i, o.currency, o.list, o.discount,
			o.voucher, o.paid, o.net, o.tax, o.snapshot, o.snapshot_sha256, o.business, o.placed_at, o.expires_at, o.paid_at, o.delivered_at, o.ended_at
		FROM order_order o CROSS JOIN n WHERE o.id = $2`,
	`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1)
		INSERT INTO order_line (id, order_id, product, version, plan, quantity)
		SELECT l.id || '-' || n.i, l.order_id || '-' || n.i, l.product, l.version, l.plan, l.quantity FROM order_line l CROSS JOIN n WHERE l.order_id = $2`,
	`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1)
		INSERT INTO payment_attempt (id, code, order_id, gateway, amount_minor, currency, description, payee_account, payee_name, locale, state, mismatch,
			provider_id, pay_url, instructions, captured_minor, captured_currency, capture_id, captured_at, refunded_minor, fee_minor, expires_at, created_at, changed_at)
		SELECT a.id || '-' || n.i, a.code || '-' || n.i, a.order_id || '-' || n.i, a.gateway, a.amount_minor, a.currency, a.description, a.payee_account,
			a.payee_name, a.locale, a.state, a.mismatch, a.provider_id || '-' || n.i, a.pay_url, a.instructions, a.captured_minor, a.captured_currency,
			a.capture_id || '-' || n.i, a.captured_at, a.refunded_minor, a.fee_minor, a.expires_at, a.created_at, a.changed_at
		FROM payment_attempt a CROSS JOIN n WHERE a.order_id = $2`,
	`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1)
		INSERT INTO entitlement_binding (line, account, bound_at)
		SELECT g.line || '-' || n.i, g.account, g.granted_at FROM entitlement_grant g CROSS JOIN n WHERE g.order_id = $2`,
	`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1)
		INSERT INTO entitlement_grant (id, order_id, line, account, vendor, product, version, plan, name, quantity, term_unit, term_count, state,
			granted_at, starts_at, ends_at, ended_at)
		SELECT g.id || '-' || n.i, g.order_id || '-' || n.i, g.line || '-' || n.i, g.account, g.vendor, g.product, g.version, g.plan, g.name, g.quantity,
			g.term_unit, g.term_count, g.state, g.granted_at, g.starts_at, g.ends_at, g.ended_at
		FROM entitlement_grant g CROSS JOIN n WHERE g.order_id = $2`,
	`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1)
		INSERT INTO delivery_delivery (id, action, entitlement, order_id, line, account, vendor, product, plan, plan_code, slug, name, dialect, file, quantity,
			term_unit, term_count, test, fields_sealed, state, instance, website, admin_url, notes_sealed, reason, attempts, licence_seq, created_at, started_at,
			delivered_at, received_at)
		SELECT v.id || '-' || n.i, v.action, v.entitlement || '-' || n.i, v.order_id || '-' || n.i, v.line || '-' || n.i, v.account, v.vendor, v.product, v.plan,
			v.plan_code, v.slug, v.name, v.dialect, v.file, v.quantity, v.term_unit, v.term_count, v.test, v.fields_sealed, v.state, v.instance, v.website,
			v.admin_url, v.notes_sealed, v.reason, v.attempts, v.licence_seq, v.created_at, v.started_at, v.delivered_at, v.received_at
		FROM delivery_delivery v CROSS JOIN n WHERE v.order_id = $2`,
	`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1)
		INSERT INTO ledger_journal (id, effect_key, kind, cause, reverses, effective_at, recorded_at, digest)
		SELECT j.id || '-' || n.i, j.effect_key || '-' || n.i, j.kind, j.cause || '-' || n.i, j.reverses, j.effective_at, j.recorded_at, j.digest
		FROM ledger_journal j CROSS JOIN n WHERE j.cause = (SELECT l.id FROM order_line l WHERE l.order_id = $2)`,
	`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1)
		INSERT INTO ledger_entry (journal, line, account, party, currency, amount)
		SELECT e.journal || '-' || n.i, e.line, e.account, CASE WHEN e.account = 'escrow' THEN e.party || '-' || n.i ELSE e.party END, e.currency, e.amount
		FROM ledger_journal j JOIN ledger_entry e ON e.journal = j.id CROSS JOIN n WHERE j.cause = (SELECT l.id FROM order_line l WHERE l.order_id = $2)`,
	`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1)
		INSERT INTO ledger_balance (account, party, currency, stripe, debit, credit)
		SELECT b.account, b.party || '-' || n.i, b.currency, b.stripe, b.debit, b.credit FROM ledger_balance b CROSS JOIN n
		WHERE b.account = 'escrow' AND b.party = (SELECT l.id FROM order_line l WHERE l.order_id = $2)`,
}

// BenchmarkVerify reads a market of 50,000 paid orders again.
func BenchmarkVerify(b *testing.B) {
	for _, engine := range []db.Engine{db.SQLite, db.Postgres} {
		b.Run(string(engine), func(b *testing.B) {
			clock := testkit.NewClock()
			d := testkit.OpenAt(b, engine, clock)
			m := open(b, d, clock)
			for _, q := range copies {
				m.Write(func(tx *db.Tx) error {
					_, err := tx.Exec(b.Context(), q, 50_000, string(m.delivered.ID))
					return err
				})
			}
			for b.Loop() {
				begun := time.Now()
				m.Read(func(r db.Reader) error {
					found := verify(b, r, m.key)
					if found.Checks[0].Count < 50_000 {
						b.Fatalf("read %d journals", found.Checks[0].Count)
					}
					return nil
				})
				b.ReportMetric(time.Since(begun).Seconds(), "s/verify")
			}
		})
	}
}
