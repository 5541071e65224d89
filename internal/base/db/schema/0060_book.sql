-- The whole book: floors for every account, the facts of lines and vendors that
-- amounts are worked out from, closed periods.
-- +goose Up

-- The last lines are the floors: a debt is never negative, client money never
-- overdrawn. Striped accounts are checked as sums instead.
CREATE TABLE ledger_floor (
  account TEXT NOT NULL,
  party TEXT NOT NULL,
  currency TEXT NOT NULL,
  stripe BIGINT NOT NULL CHECK (stripe >= 0 AND stripe < 16),
  debit BIGINT NOT NULL CHECK (debit >= 0),
  credit BIGINT NOT NULL CHECK (credit >= 0),
  PRIMARY KEY (account, party, currency, stripe),
  CHECK (account NOT IN ('escrow', 'uncollected', 'vendor.payable', 'vendor.hold', 'vendor.deposit', 'payout.inflight', 'refund.inflight',
    'comp.payable', 'buyer.owed', 'forfeiture') OR credit >= debit),
  CHECK (account NOT IN ('bank.client', 'chargeback.inflight', 'vendor.receivable', 'buyer.receivable', 'chargeback.fee', 'chargeback.loss',
    'bank.fee', 'bad.debt', 'goodwill') OR debit >= credit)
);
INSERT INTO ledger_floor (account, party, currency, stripe, debit, credit) SELECT account, party, currency, stripe, debit, credit FROM ledger_balance;
DROP TABLE ledger_balance;
ALTER TABLE ledger_floor RENAME TO ledger_balance;

-- One row an order line. What was frozen when it was paid never changes; the
-- sums only grow.
CREATE TABLE ledger_line (
  line TEXT NOT NULL PRIMARY KEY CHECK (line <> ''),
  vendor TEXT NOT NULL CHECK (vendor <> ''),
  account TEXT NOT NULL,
  provider TEXT NOT NULL,
  currency TEXT NOT NULL,
  net BIGINT NOT NULL CHECK (net >= 0),
  tax BIGINT NOT NULL CHECK (tax >= 0),
  fee BIGINT NOT NULL CHECK (fee >= 0 AND fee <= net),
  returned BIGINT NOT NULL CHECK (returned >= 0),
  released BIGINT NOT NULL CHECK (released >= 0),
  taken BIGINT NOT NULL CHECK (taken >= 0 AND taken <= released),
  compensated BIGINT NOT NULL CHECK (compensated >= 0),
  cap BIGINT NOT NULL CHECK (cap >= 0),
  cap_basis TEXT NOT NULL,
  disputes BIGINT NOT NULL CHECK (disputes >= 0),
  version BIGINT NOT NULL CHECK (version >= 0),
  CHECK (returned <= net + tax),
  CHECK (compensated <= cap)
);
CREATE INDEX ledger_line_vendor ON ledger_line (vendor, line);

-- Lines that were paid before this table was there, with the commission of the
-- rulebook then in force, ten per cent of what was paid.
INSERT INTO ledger_line (line, vendor, account, provider, currency, net, tax, fee, returned, released, taken, compensated, cap, cap_basis, disputes, version)
SELECT l.id, o.vendor, o.account, o.gateway, o.currency, o.net, o.tax,
  CASE WHEN o.paid * 1000 / 10000 < o.net THEN o.paid * 1000 / 10000 ELSE o.net END,
  CASE WHEN o.state IN ('refunding', 'refunded') THEN o.paid ELSE 0 END, 0, 0, 0, o.paid, '', 0, 0
FROM order_order o JOIN order_line l ON l.order_id = o.id
WHERE EXISTS (SELECT 1 FROM ledger_journal j WHERE j.cause = l.id AND j.kind = 'P1');

-- The lock of a vendor's side of the book, and what freezes its money.
CREATE TABLE ledger_vendor (
  vendor TEXT NOT NULL PRIMARY KEY CHECK (vendor <> ''),
  freezes BIGINT NOT NULL CHECK (freezes >= 0),
  version BIGINT NOT NULL CHECK (version >= 0)
);
CREATE TABLE ledger_freeze (
  vendor TEXT NOT NULL REFERENCES ledger_vendor (vendor),
  cause TEXT NOT NULL CHECK (cause <> ''),
  since BIGINT NOT NULL,
  PRIMARY KEY (vendor, cause)
);

-- Money that may be paid out, and what is on its way out: never more than is there.
CREATE TABLE ledger_liquidity (
  currency TEXT NOT NULL PRIMARY KEY,
  bank BIGINT NOT NULL CHECK (bank >= 0),
  inflight BIGINT NOT NULL CHECK (inflight >= 0),
  CHECK (inflight <= bank)
);
INSERT INTO ledger_liquidity (currency, bank, inflight)
SELECT currency, CAST(SUM(debit - credit) AS BIGINT), 0 FROM ledger_balance WHERE account = 'bank.client' GROUP BY currency;

-- Closed months. Nothing is booked into one: what comes late is booked on the day it is recorded.
CREATE TABLE ledger_period (
  month TEXT NOT NULL PRIMARY KEY CHECK (length(month) = 7),
  until_at BIGINT NOT NULL UNIQUE,
  closed_at BIGINT NOT NULL,
  closed_by TEXT NOT NULL CHECK (closed_by <> ''),
  journals BIGINT NOT NULL CHECK (journals >= 0),
  digest TEXT NOT NULL CHECK (length(digest) = 64)
);

-- What every account held at the end of a day, by the time of recording.
CREATE TABLE ledger_snapshot (
  at BIGINT NOT NULL,
  account TEXT NOT NULL,
  party TEXT NOT NULL,
  currency TEXT NOT NULL,
  amount BIGINT NOT NULL,
  PRIMARY KEY (at, account, party, currency)
);

-- The chain of daily batches: each commits to its journals and to the batch before.
CREATE TABLE ledger_batch (
  day TEXT NOT NULL PRIMARY KEY CHECK (length(day) = 10),
  until_at BIGINT NOT NULL UNIQUE,
  journals BIGINT NOT NULL CHECK (journals >= 0),
  digest TEXT NOT NULL CHECK (length(digest) = 64),
  chain TEXT NOT NULL CHECK (length(chain) = 64)
);

-- How far the incremental verification has read.
CREATE TABLE ledger_checked (
  name TEXT NOT NULL PRIMARY KEY,
  journal TEXT NOT NULL,
  at BIGINT NOT NULL,
  wrong BIGINT NOT NULL CHECK (wrong >= 0)
);
