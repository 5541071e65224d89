-- When collected money becomes the vendor's, and how it reaches it.
-- +goose Up
CREATE TABLE settlement_collection (
  line TEXT NOT NULL PRIMARY KEY REFERENCES order_line (id),
  order_id TEXT NOT NULL REFERENCES order_order (id),
  vendor TEXT NOT NULL REFERENCES vendor_vendor (id),
  gateway TEXT NOT NULL CHECK (gateway <> ''),
  attempt TEXT NOT NULL UNIQUE REFERENCES payment_attempt (id),
  currency TEXT NOT NULL,
  gross BIGINT NOT NULL CHECK (gross > 0),
  state TEXT NOT NULL CHECK (state IN ('held', 'released', 'splitting', 'finished', 'failed', 'ended')),
  parts BIGINT NOT NULL CHECK (parts >= 1),
  part BIGINT NOT NULL CHECK (part >= 0 AND part <= parts),
  freed BIGINT NOT NULL CHECK (freed >= 0),
  shared BIGINT NOT NULL CHECK (shared >= 0),
  due_at BIGINT NOT NULL,
  act_by BIGINT NOT NULL CHECK (act_by > 0),
  reason TEXT NOT NULL,
  collected_at BIGINT NOT NULL CHECK (collected_at > 0),
  released_at BIGINT NOT NULL,
  finished_at BIGINT NOT NULL,
  version BIGINT NOT NULL CHECK (version >= 0),
  CHECK (freed <= gross),
  CHECK (shared <= gross),
  CHECK ((state = 'finished') = (finished_at > 0))
);
CREATE INDEX settlement_collection_vendor ON settlement_collection (vendor, line);
CREATE INDEX settlement_collection_state ON settlement_collection (state, act_by);

CREATE TABLE settlement_withdrawal (
  id TEXT NOT NULL PRIMARY KEY,
  vendor TEXT NOT NULL REFERENCES vendor_vendor (id),
  purpose TEXT NOT NULL CHECK (purpose IN ('sales', 'deposit')),
  gateway TEXT NOT NULL CHECK (gateway <> ''),
  payee TEXT NOT NULL CHECK (payee <> ''),
  currency TEXT NOT NULL,
  amount BIGINT NOT NULL CHECK (amount > 0),
  state TEXT NOT NULL CHECK (state IN ('requested', 'paying', 'paid', 'returned', 'failed', 'rejected', 'cancelled')),
  approvals BIGINT NOT NULL CHECK (approvals IN (0, 2)),
  requested_by TEXT NOT NULL CHECK (requested_by <> ''),
  first_by TEXT NOT NULL,
  second_by TEXT NOT NULL,
  reason TEXT NOT NULL,
  payout TEXT NOT NULL,
  requested_at BIGINT NOT NULL CHECK (requested_at > 0),
  ended_at BIGINT NOT NULL,
  -- Four eyes: nobody approves twice, nor what they asked for themselves.
  CHECK (first_by = '' OR first_by <> requested_by),
  CHECK (second_by = '' OR (second_by <> first_by AND second_by <> requested_by AND first_by <> '')),
  CHECK (state IN ('requested', 'rejected', 'cancelled') OR approvals = 0 OR second_by <> ''),
  CHECK ((state IN ('requested', 'rejected', 'cancelled')) = (payout = ''))
);
CREATE INDEX settlement_withdrawal_vendor ON settlement_withdrawal (vendor, id);
CREATE INDEX settlement_withdrawal_waiting ON settlement_withdrawal (requested_at, id) WHERE state = 'requested';
CREATE UNIQUE INDEX settlement_withdrawal_payout ON settlement_withdrawal (payout) WHERE payout <> '';
-- One return of a deposit at a time.
CREATE UNIQUE INDEX settlement_withdrawal_deposit ON settlement_withdrawal (vendor) WHERE purpose = 'deposit' AND state IN ('requested', 'paying');

CREATE TABLE settlement_fee (
  id TEXT NOT NULL PRIMARY KEY,
  vendor TEXT NOT NULL REFERENCES vendor_vendor (id),
  kind TEXT NOT NULL CHECK (kind <> ''),
  year BIGINT NOT NULL,
  amount BIGINT NOT NULL CHECK (amount > 0),
  currency TEXT NOT NULL,
  rulebook TEXT NOT NULL,
  charged_at BIGINT NOT NULL,
  charged_by TEXT NOT NULL CHECK (charged_by <> ''),
  UNIQUE (vendor, kind, year)
);

CREATE TABLE settlement_statement (
  vendor TEXT NOT NULL REFERENCES vendor_vendor (id),
  month TEXT NOT NULL CHECK (length(month) = 7),
  currency TEXT NOT NULL,
  closing BIGINT NOT NULL,
  digest TEXT NOT NULL CHECK (length(digest) = 64),
  stated_at BIGINT NOT NULL CHECK (stated_at > 0),
  agreed_at BIGINT NOT NULL,
  agreed_by TEXT NOT NULL,
  objected_at BIGINT NOT NULL,
  objection TEXT NOT NULL,
  PRIMARY KEY (vendor, month, currency),
  CHECK (agreed_at = 0 OR agreed_by <> '')
);

-- What was taken from a vendor's deposit, by the case that decided it.
CREATE TABLE vendor_deduction (
  id TEXT NOT NULL PRIMARY KEY,
  vendor_id TEXT NOT NULL REFERENCES vendor_vendor (id),
  amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
  currency TEXT NOT NULL,
  source TEXT NOT NULL CHECK (source <> ''),
  taken_at BIGINT NOT NULL,
  UNIQUE (vendor_id, source)
);
