package report_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/base/money"
	"yunshi/internal/base/text"
	"yunshi/internal/base/tlog"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/catalog"
	"yunshi/internal/market/delivery"
	"yunshi/internal/market/order"
	"yunshi/internal/market/promotion"
	"yunshi/internal/market/report"
	"yunshi/internal/testkit"
	"yunshi/internal/testkit/world"
)

const origin = "yunshi.test/log"

// market is a small market with an order in each state that money can have.
type market struct {
	*world.Trade
	key                                         string // verifies the transparency log
	delivered, refunded, refunding, open, later order.Order
	stranger                                    string // an account without orders
}

func open(t testing.TB, d *db.DB, clock *testkit.Clock) market {
	t.Helper()
	m := market{Trade: world.NewTrade(t, d, clock)}
	buyer := m.Customer(account.Individual)
	good, bad := m.Listed(world.Content(delivery.LicenceKey, 19900)), m.Listed(world.Content(delivery.HookNative, 3000))
	m.System.Fail(delivery.ErrRefused)
	m.delivered, m.refunded = m.Bought(buyer, good), m.Bought(buyer, bad)
	m.later = m.Placed(buyer, good)
	clock.Set(m.later.ExpiresAt)
	m.Drain()
	m.Pay(m.later.Attempt, m.later.Fee.Paid)
	m.Drain()
	m.Provider.HoldRefunds()
	m.refunding = m.Bought(buyer, bad)
	signing, verifying, err := tlog.GenerateKey(testkit.Rand("log"), origin)
	if err != nil {
		t.Fatal(err)
	}
	for placed := 1; placed > 0; {
		if placed, err = audit.Integrate(t.Context(), d, origin, signing); err != nil {
			t.Fatal(err)
		}
	}
	m.open = m.Placed(buyer, good) // its records still wait for the log
	m.vouchered(buyer, good)
	m.key, m.stranger = verifying, m.Registered(account.Individual).Account
	return m
}

// vouchered places an order that holds a voucher.
func (m market) vouchered(buyer audit.Actor, offer catalog.Offer) {
	var codes []string
	m.Write(func(tx *db.Tx) (err error) {
		_, codes, err = promotion.Issue(context.Background(), tx, m.Seller, promotion.NewBatch{Codes: 2, BatchTerms: promotion.BatchTerms{
			Product: offer.Product.ID, Amount: money.Amount{Minor: 900, Currency: money.CNY}, Uses: 2, Until: tx.Now().Add(time.Hour),
		}})
		return err
	})
	p := m.Purchase(buyer, offer)
	p.Voucher, p.ExpectedTotal.Minor = codes[0], p.ExpectedTotal.Minor-900
	m.Write(func(tx *db.Tx) error {
		_, err := order.Place(context.Background(), tx, buyer, p)
		return err
	})
}

func verify(t testing.TB, r db.Reader, key string) report.Report {
	t.Helper()
	found, err := report.Verify(t.Context(), r, report.Options{LogKey: key})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestAMarketThatWorkedIsClean(t *testing.T) {
	testkit.EnginesAt(t, func(t *testing.T, d *db.DB, clock *testkit.Clock) {
		m := open(t, d, clock)
		m.Read(func(r db.Reader) error {
			found := verify(t, r, m.key)
			if !found.Clean() {
				t.Errorf("found: %+v", found)
			}
			for _, c := range found.Checks {
				if c.Count == 0 {
					t.Errorf("%s has looked at nothing", c.Name)
				}
				if !text.Has(text.ZH, c.Name) || !text.Has(text.EN, c.Name) {
					t.Errorf("%s has no text", c.Name)
				}
			}
			return nil
		})
	})
}

func TestAnEmptyDatabaseIsClean(t *testing.T) {
	testkit.Engines(t, func(t *testing.T, d *db.DB) {
		err := d.Read(t.Context(), func(r db.Reader) error {
			if found := verify(t, r, ""); !found.Clean() {
				t.Errorf("found: %+v", found)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

// damage is something that no code of the market does.
type damage struct {
	check string // that must notice it
	what  string // what it must say
	plant func(ctx context.Context, tx *db.Tx, m market) error
}

// sql plants one statement, which must change something.
func sql(query string, args func(m market) []any) func(context.Context, *db.Tx, market) error {
	return func(ctx context.Context, tx *db.Tx, m market) error {
		var with []any
		if args != nil {
			with = args(m)
		}
		n, err := tx.Exec(ctx, query, with...)
		if err == nil && n == 0 {
			err = errors.New("nothing to damage")
		}
		return err
	}
}

func deliveredID(m market) []any { return []any{string(m.delivered.ID)} }
func openID(m market) []any      { return []any{string(m.open.ID)} }
func nothing(market) []any       { return nil }

// journal books without the ledger.
func journal(kind, key string, cause func(m market) string) func(context.Context, *db.Tx, market) error {
	return sql(`INSERT INTO ledger_journal (id, effect_key, kind, cause, effective_at, recorded_at, digest) VALUES ('jrn_planted', $1, $2, $3, 1, 1, 'none')`,
		func(m market) []any { return []any{key, kind, cause(m)} })
}

var damages = map[string]damage{
	"record out of the log": {"records", "neither in", sql(`DELETE FROM audit_pending WHERE record = (SELECT MIN(record) FROM audit_pending)`, nothing)},
	"record twice":          {"records", "still waiting", sql(`INSERT INTO audit_pending (record, at) SELECT MIN(record), 1 FROM audit_leaf`, nothing)},
	"log cut short":         {"log", "checkpoint", sql(`DELETE FROM audit_leaf WHERE position = (SELECT MAX(position) FROM audit_leaf)`, nothing)},
	"balance changed": {"ledger", "I3", sql(`UPDATE ledger_balance SET credit = credit + 1 WHERE account = 'escrow' AND party = $1`,
		func(m market) []any { return []any{string(m.delivered.Line)} })},
	"money taken out of escrow": {"ledger", "escrow", sql(`UPDATE ledger_balance SET debit = debit + 1 WHERE account = 'escrow' AND party = $1`,
		func(m market) []any { return []any{string(m.delivered.Line)} })},
	"money held for nobody": {"held", "for no order", sql(`INSERT INTO ledger_balance (account, party, currency, stripe, debit, credit)
		VALUES ('escrow', 'lin_none', 'CNY', 0, 0, 5)`, nothing)},
	"line forgotten": {"held", "not held as it was collected", sql(`DELETE FROM ledger_line WHERE line = $1`,
		func(m market) []any { return []any{string(m.delivered.Line)} })},
	"given back by nobody": {"held", "given back in another amount", sql(`UPDATE ledger_line SET returned = returned + 1 WHERE line = $1`,
		func(m market) []any { return []any{string(m.delivered.Line)} })},
	"commission raised": {"payment", "not what the book froze", sql(`UPDATE ledger_line SET fee = fee + 1 WHERE line = $1`,
		func(m market) []any { return []any{string(m.delivered.Line)} })},
	"real name withdrawn": {"identity", "real name", sql(`UPDATE identity_case SET state = 'failed' WHERE account = $1`,
		func(m market) []any { return []any{string(m.delivered.Account)} })},
	"real name only later": {"identity", "real name", sql(`UPDATE identity_case SET decided_at = decided_at + 86400000000 WHERE account = $1`,
		func(m market) []any { return []any{string(m.delivered.Account)} })},

	"paid by hand": {"payment", "without a capture", sql(`UPDATE order_order SET state = 'provisioning', paid_at = placed_at + 1 WHERE id = $1`, openID)},
	"paid by hand, without booking": {"payment", "exactly one journal P1", sql(`UPDATE order_order SET state = 'provisioning', paid_at = placed_at + 1
		WHERE id = $1`, openID)},
	"paid by hand, without right": {"entitlement", "without exactly one right", sql(`UPDATE order_order SET state = 'provisioning', paid_at = placed_at + 1
		WHERE id = $1`, openID)},
	"paid by hand, without delivery": {"delivery", "never given to delivery", sql(`UPDATE order_order SET state = 'provisioning', paid_at = placed_at + 1
		WHERE id = $1`, openID)},
	"paid moment without paid state": {"payment", "contradict", sql(`UPDATE order_order SET paid_at = placed_at + 1 WHERE id = $1`, openID)},
	"paid order opened again":        {"payment", "contradict", sql(`UPDATE order_order SET state = 'awaiting_payment' WHERE id = $1`, deliveredID)},
	"money of another order": {"payment", "without a capture", sql(`UPDATE payment_attempt SET order_id = 'ord_other' WHERE id = $1`,
		func(m market) []any { return []any{string(m.delivered.Attempt)} })},
	"net moved to tax": {"payment", "not what P1 booked", sql(`UPDATE ledger_line SET net = net - 1, tax = tax + 1 WHERE line = $1`,
		func(m market) []any { return []any{string(m.delivered.Line)} })},
	"booking without order": {"payment", "of no paid order", journal("P1", "capture:planted:1", func(market) string { return "lin_none" })},
	"booking of an open order": {"payment", "of no paid order", journal("P1", "capture:planted:1",
		func(m market) string { return string(m.open.Line) })},
	"booked twice": {"payment", "exactly one journal P1", journal("P1", "capture:planted:2", func(m market) string { return string(m.delivered.Line) })},

	"voucher counted twice":           {"promotion", "other uses", sql(`UPDATE promotion_voucher SET used = used + 1 WHERE used > 0`, nothing)},
	"voucher of nobody":               {"promotion", "nobody used", sql(`DELETE FROM promotion_use`, nothing)},
	"voucher of another amount":       {"promotion", "another account or amount", sql(`UPDATE promotion_use SET amount = amount + 1`, nothing)},
	"voucher kept by an unpaid order": {"promotion", "ended unpaid", sql(`UPDATE promotion_use SET order_id = 'ord_none'`, nothing)},
	"right without order":             {"entitlement", "of no paid order", sql(`UPDATE entitlement_grant SET order_id = 'ord_none' WHERE order_id = $1`, deliveredID)},
	"right of an unpaid order": {"entitlement", "of no paid order", sql(`UPDATE entitlement_grant SET order_id = $1 WHERE order_id = $2`,
		func(m market) []any { return []any{string(m.open.ID), string(m.delivered.ID)} })},
	"order given away": {"entitlement", "another account", sql(`UPDATE order_order SET account = $1 WHERE id = $2`,
		func(m market) []any { return []any{m.stranger, string(m.delivered.ID)} })},
	"right made larger": {"entitlement", "something else", sql(`UPDATE entitlement_grant SET quantity = quantity + 1 WHERE order_id = $1`, deliveredID)},

	"capture without booking": {"capture", "in no journal", sql(`UPDATE payment_attempt SET state = 'captured', capture_id = 'cap-planted',
		captured_minor = amount_minor, captured_currency = currency, captured_at = 1 WHERE order_id = $1`, openID)},
	"capture called wrong": {"capture", "not the order's", sql(`UPDATE payment_attempt SET mismatch = $1 WHERE order_id = $2`,
		func(m market) []any { return []any{true, string(m.delivered.ID)} })},
	"late money made the order's": {"capture", "or the reverse", sql(`UPDATE order_order SET state = 'delivered', paid_at = placed_at + 1 WHERE id = $1`,
		func(m market) []any { return []any{string(m.later.ID)} })},
	"capture made larger": {"capture", "another amount", sql(`UPDATE payment_attempt SET amount_minor = amount_minor + 1, captured_minor = captured_minor + 1
		WHERE order_id = $1`, deliveredID)},

	"refund forgotten": {"refund", "do not add up", sql(`UPDATE payment_attempt SET refunded_minor = 0 WHERE order_id = $1`,
		func(m market) []any { return []any{string(m.refunded.ID)} })},
	"refunded twice": {"refund", "more given back", sql(`INSERT INTO payment_refund
		(id, code, attempt_id, key, amount_minor, currency, cause, state, provider_id, reason, bounced, created_at, ended_at)
		VALUES ('rfd_planted', 'RPLANTED', $1, 'again', 1, 'CNY', 'order', 'succeeded', 'back-x', '', $2, 1, 1)`,
		func(m market) []any { return []any{string(m.refunded.Attempt), false} })},
	"refund made smaller": {"refund", "not booked in its amount", sql(`UPDATE payment_refund SET amount_minor = amount_minor - 1 WHERE attempt_id = $1`,
		func(m market) []any { return []any{string(m.refunded.Attempt)} })},
	"refund called done": {"refund", "not booked as paid", sql(`UPDATE payment_refund SET state = 'succeeded' WHERE attempt_id = $1`,
		func(m market) []any { return []any{string(m.refunding.Attempt)} })},
	"late refund called done twice": {"refund", "not booked as paid", sql(`UPDATE payment_refund SET cause = 'mismatch', id = 'rfd_planted' WHERE attempt_id = $1`,
		func(m market) []any { return []any{string(m.later.Attempt)} })},
	"refund called failed": {"refund", "not owed", sql(`UPDATE payment_refund SET state = 'failed' WHERE attempt_id = $1`,
		func(m market) []any { return []any{string(m.refunding.Attempt)} })},
	"booking without refund": {"refund", "of no refund", journal("P7", "refund:planted", func(m market) string { return string(m.delivered.Line) })},
	"called refunded":        {"refund", "refunded without a refund", sql(`UPDATE order_order SET state = 'refunded' WHERE id = $1`, deliveredID)},

	"delivery undone": {"delivery", "without a delivery", sql(`UPDATE delivery_delivery SET state = 'running', delivered_at = 0 WHERE order_id = $1`, deliveredID)},
	"delivery lost":   {"delivery", "never given to delivery", sql(`UPDATE delivery_delivery SET order_id = 'ord_none' WHERE order_id = $1`, deliveredID)},
	"delivery to a stranger": {"delivery", "another account", sql(`UPDATE delivery_delivery SET account = $1 WHERE order_id = $2`,
		func(m market) []any { return []any{m.stranger, string(m.delivered.ID)} })},

	"terms rewritten":          {"terms", "do not match their hash", sql(`UPDATE order_order SET snapshot = replace(snapshot, 'five_day', 'none') WHERE id = $1`, deliveredID)},
	"terms and hash rewritten": {"terms", "not the one that was shown", rewritten(`"functions"`, `"funktions"`)},
	"terms no text":            {"terms", "cannot be read", rewritten(`{`, `[`)},
	"price rewritten": {"terms", "not the one whose terms were frozen", sql(`UPDATE order_order SET list = list - 1, paid = paid - 1, net = net - 1 WHERE id = $1`,
		openID)},
	"quantity rewritten": {"terms", "not the one whose terms were frozen", sql(`UPDATE order_line SET quantity = 7 WHERE order_id = $1`, openID)},
	"acceptance only later": {"terms", "before its account accepted", sql(`UPDATE agreement_acceptance SET accepted_at = accepted_at + 86400000000
		WHERE account = $1`, func(m market) []any { return []any{string(m.delivered.Account)} })},
	"acceptance of other words": {"terms", "before its account accepted", sql(`UPDATE agreement_acceptance SET bundle = 'other' WHERE account = $1`,
		func(m market) []any { return []any{string(m.delivered.Account)} })},
}

// rewritten changes the frozen terms of an order and makes their hash fit.
func rewritten(old, changed string) func(context.Context, *db.Tx, market) error {
	return func(ctx context.Context, tx *db.Tx, m market) error {
		snapshot, err := db.Value[string](ctx, tx, `SELECT snapshot FROM order_order WHERE id = $1`, string(m.delivered.ID))
		if err != nil {
			return err
		}
		snapshot = strings.Replace(snapshot, old, changed, 1)
		sum := sha256.Sum256([]byte(snapshot))
		_, err = tx.Exec(ctx, `UPDATE order_order SET snapshot = $1, snapshot_sha256 = $2 WHERE id = $3`, snapshot, hex.EncodeToString(sum[:]), string(m.delivered.ID))
		return err
	}
}

var errUndo = errors.New("undo")

func TestEveryDamageIsFound(t *testing.T) {
	testkit.EnginesAt(t, func(t *testing.T, d *db.DB, clock *testkit.Clock) {
		m := open(t, d, clock)
		for name, planted := range damages {
			t.Run(name, func(t *testing.T) {
				var found report.Report
				err := d.Write(t.Context(), func(tx *db.Tx) (err error) {
					if err := planted.plant(t.Context(), tx, m); err != nil {
						return err
					}
					if found, err = report.Verify(t.Context(), tx, report.Options{LogKey: m.key}); err != nil {
						return err
					}
					return errUndo
				})
				if !errors.Is(err, errUndo) {
					t.Fatal(err)
				}
				if found.Clean() {
					t.Fatal("the database is called clean")
				}
				i := slices.IndexFunc(found.Checks, func(c report.Check) bool { return c.Name == "report.verify."+planted.check })
				if i < 0 || !slices.ContainsFunc(found.Checks[i].Wrong, func(w string) bool { return strings.Contains(w, planted.what) }) {
					t.Errorf("%s does not say %q: %+v", planted.check, planted.what, found)
				}
			})
		}
		m.Read(func(r db.Reader) error {
			if found := verify(t, r, m.key); !found.Clean() {
				t.Errorf("after all was undone: %+v", found)
			}
			return nil
		})
	})
}

func TestARecordThatWasChangedIsFoundByTheLog(t *testing.T) {
	testkit.EnginesAt(t, func(t *testing.T, d *db.DB, clock *testkit.Clock) {
		m := open(t, d, clock)
		other, _, err := tlog.GenerateKey(testkit.Rand("other"), origin)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := audit.Integrate(t.Context(), d, origin, other); err != nil {
			t.Fatal(err)
		}
		m.Read(func(r db.Reader) error {
			if verify(t, r, m.key).Clean() {
				t.Error("a log signed by somebody else is called clean")
			}
			if found := verify(t, r, ""); !found.Clean() {
				t.Errorf("without a key: %+v", found)
			}
			return nil
		})
	})
}

func TestALongListOfWrongThingsIsCut(t *testing.T) {
	testkit.EnginesAt(t, func(t *testing.T, d *db.DB, clock *testkit.Clock) {
		m := open(t, d, clock)
		err := d.Write(t.Context(), func(tx *db.Tx) error {
			for i := range 150 {
				_, err := tx.Exec(t.Context(), `INSERT INTO ledger_balance (account, party, currency, stripe, debit, credit) VALUES ('escrow', $1, 'CNY', 0, 0, 1)`,
					"lin_planted"+string(rune('a'+i%26))+strings.Repeat("x", i))
				if err != nil {
					return err
				}
			}
			for _, c := range verify(t, tx, m.key).Checks {
				if c.Name == "report.verify.held" && (len(c.Wrong) != 101 || c.Wrong[100] != "and 50 more") {
					t.Errorf("%d lines, the last %q", len(c.Wrong), c.Wrong[len(c.Wrong)-1])
				}
			}
			return errUndo
		})
		if !errors.Is(err, errUndo) {
			t.Fatal(err)
		}
	})
}
