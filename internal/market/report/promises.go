package report

// promises are the checks between packages, in the order in which a purchase
// makes them true. Entries are joined by their journal only: by account there are
// as many as captures, and an appended ” keeps an engine from trying.
var promises = []promise{
	{"records", `SELECT COUNT(*) FROM audit_record`, []flaw{
		{"neither in the transparency log nor waiting for it", `SELECT r.id FROM audit_record r LEFT JOIN audit_leaf l ON l.record = r.id
			LEFT JOIN audit_pending p ON p.record = r.id WHERE l.record IS NULL AND p.record IS NULL ORDER BY r.id`},
		{"in the transparency log and still waiting for it", `SELECT l.record FROM audit_leaf l JOIN audit_pending p ON p.record = l.record ORDER BY l.record`},
	}},

	{"identity", `SELECT COUNT(*) FROM order_order`, []flaw{
		{"placed by an account whose real name was not verified then", `SELECT o.id FROM order_order o WHERE NOT EXISTS (
			SELECT 1 FROM identity_case c WHERE c.account = o.account AND c.state IN ('verified', 'expired')
				AND c.decided_at <= o.placed_at AND (c.valid_to = 0 OR c.valid_to > o.placed_at)) ORDER BY o.id`},
	}},

	{"payment", `SELECT COUNT(*) FROM order_order WHERE paid_at > 0`, []flaw{
		{"its state and its moment of payment contradict each other", `SELECT id FROM order_order
			WHERE (state IN ('awaiting_payment', 'cancelled', 'expired')) = (paid_at > 0) ORDER BY id`},
		{"paid without a capture of exactly its total", `SELECT o.id FROM order_order o
			LEFT JOIN payment_attempt a ON a.id = o.attempt AND a.order_id = o.id AND a.state IN ('captured', 'settled') AND NOT a.mismatch
				AND a.captured_minor = o.paid AND a.captured_currency = o.currency
			WHERE o.paid_at > 0 AND o.paid > 0 AND a.id IS NULL ORDER BY o.id`},
		{"paid without exactly one journal P1", `SELECT o.id FROM order_order o JOIN order_line l ON l.order_id = o.id
			LEFT JOIN ledger_journal j ON j.cause = l.id AND j.kind = 'P1'
			WHERE o.paid_at > 0 GROUP BY o.id, o.paid HAVING COUNT(j.id) <> CASE WHEN o.paid = 0 THEN 0 ELSE 1 END ORDER BY o.id`},
		{"its net, tax and commission are not what the book froze", `SELECT o.id FROM order_order o JOIN order_line l ON l.order_id = o.id
			JOIN ledger_line b ON b.line = l.id
			WHERE b.vendor <> o.vendor OR b.account <> o.account OR b.currency <> o.currency OR b.fee <> l.commission OR b.net + b.tax <> o.paid
				OR b.tax <> CASE l.tax_by WHEN 'vendor' THEN 0 ELSE o.tax END ORDER BY o.id`},
		{"its net and tax are not what P1 booked", `SELECT b.line FROM ledger_line b
			JOIN ledger_journal j ON j.cause = b.line AND j.kind = 'P1' LEFT JOIN ledger_entry e ON e.journal = j.id AND e.currency = b.currency
			GROUP BY b.line, b.net, b.tax
			HAVING COALESCE(SUM(CASE WHEN e.account = 'escrow' AND e.party = b.line THEN -e.amount ELSE 0 END), 0) <> b.net
				OR COALESCE(SUM(CASE WHEN e.account = 'tax.payable' THEN -e.amount ELSE 0 END), 0) <> b.tax
			ORDER BY b.line`},
		{"a journal P1 of no paid order", `SELECT j.id FROM ledger_journal j LEFT JOIN order_line l ON l.id = j.cause
			LEFT JOIN order_order o ON o.id = l.order_id WHERE j.kind = 'P1' AND (o.id IS NULL OR o.paid_at = 0) ORDER BY j.id`},
	}},

	{"promotion", `SELECT COUNT(*) FROM promotion_use`, []flaw{
		{"a voucher counts other uses than it has", `SELECT v.batch || ' …' || v.tail FROM promotion_voucher v
			LEFT JOIN promotion_use u ON u.voucher = v.hash GROUP BY v.hash, v.batch, v.tail, v.used HAVING COUNT(u.order_id) <> v.used ORDER BY v.batch, v.tail`},
		{"holds a voucher although it ended unpaid, or of another account or amount", `SELECT u.order_id FROM promotion_use u LEFT JOIN order_order o ON o.id = u.order_id
			WHERE o.id IS NULL OR o.state IN ('cancelled', 'expired') OR o.account <> u.account OR o.voucher <> u.amount OR o.currency <> u.currency ORDER BY u.order_id`},
		{"a voucher was taken off that nobody used", `SELECT o.id FROM order_order o LEFT JOIN promotion_use u ON u.order_id = o.id
			WHERE o.voucher > 0 AND o.state NOT IN ('cancelled', 'expired') AND u.order_id IS NULL ORDER BY o.id`},
	}},

	{"entitlement", `SELECT COUNT(*) FROM entitlement_grant`, []flaw{
		{"paid without exactly one right", `SELECT o.id FROM order_order o LEFT JOIN entitlement_grant g ON g.order_id = o.id
			WHERE o.paid_at > 0 GROUP BY o.id HAVING COUNT(g.id) <> 1 ORDER BY o.id`},
		{"a right of no paid order", `SELECT g.id FROM entitlement_grant g LEFT JOIN order_order o ON o.id = g.order_id
			WHERE o.id IS NULL OR o.paid_at = 0 ORDER BY g.id`},
		{"a right of another account than its order", `SELECT g.id FROM entitlement_grant g JOIN order_order o ON o.id = g.order_id
			WHERE g.account <> o.account ORDER BY g.id`},
		{"a right to something else than its order", `SELECT g.id FROM entitlement_grant g JOIN order_order o ON o.id = g.order_id
			JOIN order_line l ON l.order_id = o.id
			WHERE g.line <> l.id OR g.product <> l.product OR g.plan <> l.plan OR g.quantity <> l.quantity OR g.vendor <> o.vendor ORDER BY g.id`},
	}},

	{"capture", `SELECT COUNT(*) FROM payment_attempt WHERE capture_id <> ''`, []flaw{
		{"captured and in no journal P1 or P5", `SELECT a.id FROM payment_attempt a
			LEFT JOIN ledger_journal j ON j.effect_key = 'capture:' || a.gateway || ':' || a.capture_id AND j.kind IN ('P1', 'P5')
			WHERE a.capture_id <> '' AND j.id IS NULL ORDER BY a.id`},
		{"booked for the order although not the order's, or the reverse", `SELECT a.id FROM payment_attempt a
			JOIN ledger_journal j ON j.effect_key = 'capture:' || a.gateway || ':' || a.capture_id
			LEFT JOIN order_order o ON o.id = a.order_id AND o.attempt = a.id AND o.paid_at > 0
			WHERE a.capture_id <> '' AND (j.kind = 'P1') <> (o.id IS NOT NULL AND NOT a.mismatch) ORDER BY a.id`},
		{"booked in another amount", `SELECT a.id FROM payment_attempt a
			JOIN ledger_journal j ON j.effect_key = 'capture:' || a.gateway || ':' || a.capture_id
			LEFT JOIN ledger_entry e ON e.journal = j.id WHERE a.capture_id <> '' GROUP BY a.id, a.captured_minor
			HAVING COALESCE(SUM(CASE WHEN e.account = 'psp.clearing' AND e.party = a.gateway AND e.currency = a.captured_currency THEN e.amount ELSE 0 END), 0)
				<> a.captured_minor ORDER BY a.id`},
	}},

	{"refund", `SELECT COUNT(*) FROM payment_refund`, []flaw{
		{"more given back than came in", `SELECT a.id FROM payment_attempt a JOIN payment_refund r ON r.attempt_id = a.id AND r.state <> 'failed'
			GROUP BY a.id, a.captured_minor HAVING SUM(r.amount_minor) > a.captured_minor ORDER BY a.id`},
		{"its refunds do not add up to what it says was given back", `SELECT a.id FROM payment_attempt a
			LEFT JOIN payment_refund r ON r.attempt_id = a.id AND r.state <> 'failed'
			GROUP BY a.id, a.refunded_minor HAVING COALESCE(SUM(r.amount_minor), 0) <> a.refunded_minor ORDER BY a.id`},
		{"a refund of an order that is not booked in its amount", `SELECT r.id FROM payment_refund r
			LEFT JOIN ledger_journal j ON j.effect_key = 'refund:' || r.id AND j.kind IN ('P7', 'P8', 'P9')
			LEFT JOIN ledger_entry e ON e.journal = j.id AND e.account || '' = 'refund.inflight' AND e.party = r.id AND e.currency = r.currency
			WHERE r.cause = 'order' AND COALESCE(-e.amount, 0) <> r.amount_minor ORDER BY r.id`},
		{"a booked refund of no refund", `SELECT j.id FROM ledger_journal j LEFT JOIN ledger_entry e ON e.journal = j.id AND e.account || '' = 'refund.inflight'
			LEFT JOIN payment_refund r ON r.id = e.party WHERE j.kind IN ('P7', 'P8', 'P9') AND r.id IS NULL ORDER BY j.id`},
		{"a refund that succeeded is not booked as paid", `SELECT r.id FROM payment_refund r
			LEFT JOIN ledger_journal j ON j.effect_key = CASE r.cause WHEN 'order' THEN 'refund:' || r.id || ':end' ELSE 'laterefund:' || r.id END
				AND j.kind IN ('P10', 'P5r')
			LEFT JOIN ledger_journal undone ON undone.reverses = j.id
			WHERE r.state = 'succeeded' AND (j.id IS NULL OR undone.id IS NOT NULL) ORDER BY r.id`},
		{"a refund of an order that failed is not owed", `SELECT r.id FROM payment_refund r
			LEFT JOIN ledger_journal j ON j.effect_key = 'refund:' || r.id || ':end'
			LEFT JOIN ledger_journal undone ON undone.reverses = j.id
			WHERE r.state = 'failed' AND r.cause = 'order' AND (j.id IS NULL OR (j.kind = 'P10' AND undone.id IS NULL)) ORDER BY r.id`},
		{"refunded without a refund", `SELECT o.id FROM order_order o
			LEFT JOIN payment_refund r ON r.attempt_id = o.attempt AND r.cause = 'order'
			WHERE o.state IN ('refunding', 'refunded') AND o.paid > 0 AND r.id IS NULL ORDER BY o.id`},
	}},

	// UA 3.1: what is held for vendors is what was collected less what went back.
	{"held", `SELECT COUNT(*) FROM ledger_balance WHERE account = 'escrow'`, []flaw{
		{"not held as it was collected", `SELECT o.id FROM order_order o JOIN order_line l ON l.order_id = o.id LEFT JOIN ledger_line b ON b.line = l.id
			WHERE (o.paid_at > 0 AND o.paid > 0) <> (b.line IS NOT NULL) ORDER BY o.id`},
		{"given back in another amount than its refunds and lost disputes make", `SELECT b.line FROM ledger_line b
			LEFT JOIN (SELECT j.cause, SUM(CASE
					WHEN j.kind = 'P18' AND e.account NOT IN ('chargeback.inflight', 'chargeback.loss') THEN e.amount
					WHEN j.kind <> 'P18' AND e.account = 'refund.inflight' THEN -e.amount ELSE 0 END) AS minor
				FROM ledger_journal j JOIN ledger_entry e ON e.journal = j.id
				WHERE j.kind IN ('P7', 'P7r', 'P8', 'P9', 'P18') GROUP BY j.cause) back ON back.cause = b.line
			WHERE b.returned <> COALESCE(back.minor, 0) ORDER BY b.line`},
		{"held for no order", `SELECT b.party FROM ledger_balance b LEFT JOIN order_line l ON l.id = b.party
			WHERE b.account = 'escrow' AND l.id IS NULL ORDER BY b.party`},
	}},

	{"delivery", `SELECT COUNT(*) FROM delivery_delivery`, []flaw{
		{"paid and never given to delivery", `SELECT o.id FROM order_order o
			LEFT JOIN delivery_delivery d ON d.order_id = o.id AND d.action = 'create' WHERE o.paid_at > 0 AND d.id IS NULL ORDER BY o.id`},
		{"called delivered without a delivery", `SELECT o.id FROM order_order o
			LEFT JOIN delivery_delivery d ON d.order_id = o.id AND d.action = 'create'
			WHERE o.state IN ('delivered', 'completed') AND (d.id IS NULL OR d.state <> 'delivered' OR o.delivered_at = 0) ORDER BY o.id`},
		{"delivered to another account than its order", `SELECT d.id FROM delivery_delivery d JOIN order_order o ON o.id = d.order_id
			WHERE d.account <> o.account ORDER BY d.id`},
	}},
}
