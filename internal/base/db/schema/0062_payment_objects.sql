-- What is at a provider beyond captures and refunds: splits and what is taken back of them, payouts, disputes, reports.
-- +goose Up
-- Of captures made before this there is no telling; the call finds out.
ALTER TABLE payment_attempt ADD COLUMN splits BOOLEAN NOT NULL DEFAULT TRUE;
ALTER TABLE payment_attempt ADD COLUMN split_minor BIGINT NOT NULL DEFAULT 0 CHECK (split_minor >= 0 AND split_minor <= captured_minor);
ALTER TABLE payment_attempt ADD COLUMN returned_minor BIGINT NOT NULL DEFAULT 0 CHECK (returned_minor >= 0 AND returned_minor <= split_minor);
ALTER TABLE payment_attempt ADD COLUMN split_finished BOOLEAN NOT NULL DEFAULT FALSE;
-- Nobody loses the same money twice: what was given back and what disputes hold or took stay within what came in.
ALTER TABLE payment_attempt ADD COLUMN disputed_minor BIGINT NOT NULL DEFAULT 0 CHECK (disputed_minor >= 0 AND refunded_minor + disputed_minor <= captured_minor);
ALTER TABLE payment_attempt ADD COLUMN disputes_open BIGINT NOT NULL DEFAULT 0 CHECK (disputes_open >= 0);

-- Two lists of allowed words grow. SQLite cannot change a CHECK, so it gets the table anew.
-- +sqlite
CREATE TABLE payment_event_new (
  id TEXT NOT NULL PRIMARY KEY,
  gateway TEXT NOT NULL,
  event_id TEXT NOT NULL,
  body_sha256 TEXT NOT NULL CHECK (length(body_sha256) = 64),
  kind TEXT NOT NULL CHECK (kind IN ('payment', 'refund', 'split', 'return', 'payout', 'dispute')),
  object_id TEXT NOT NULL,
  reference TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('waiting', 'done', 'rejected', 'abandoned')),
  received_at BIGINT NOT NULL,
  ended_at BIGINT NOT NULL,
  UNIQUE (gateway, event_id, body_sha256)
);
INSERT INTO payment_event_new SELECT * FROM payment_event;
DROP TABLE payment_event;
ALTER TABLE payment_event_new RENAME TO payment_event;
CREATE INDEX payment_event_open ON payment_event (received_at) WHERE state <> 'done';

CREATE TABLE payment_refund_new (
  id TEXT NOT NULL PRIMARY KEY,
  code TEXT NOT NULL UNIQUE,
  attempt_id TEXT NOT NULL REFERENCES payment_attempt (id),
  key TEXT NOT NULL CHECK (key <> ''),
  amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
  currency TEXT NOT NULL,
  cause TEXT NOT NULL CHECK (cause IN ('order', 'late', 'mismatch')),
  state TEXT NOT NULL CHECK (state IN ('returning', 'submitting', 'submitted', 'succeeded', 'failed', 'unknown')),
  provider_id TEXT NOT NULL,
  reason TEXT NOT NULL,
  bounced BOOLEAN NOT NULL,
  created_at BIGINT NOT NULL,
  ended_at BIGINT NOT NULL,
  return_minor BIGINT NOT NULL DEFAULT 0 CHECK (return_minor >= 0 AND return_minor <= amount_minor),
  sent_at BIGINT NOT NULL DEFAULT 0,
  UNIQUE (attempt_id, key)
);
INSERT INTO payment_refund_new SELECT id, code, attempt_id, key, amount_minor, currency, cause, state, provider_id, reason, bounced,
  created_at, ended_at, 0, created_at FROM payment_refund;
DROP TABLE payment_refund;
ALTER TABLE payment_refund_new RENAME TO payment_refund;
-- +postgres
ALTER TABLE payment_event DROP CONSTRAINT payment_event_kind_check;
ALTER TABLE payment_event ADD CONSTRAINT payment_event_kind_check CHECK (kind IN ('payment', 'refund', 'split', 'return', 'payout', 'dispute'));
ALTER TABLE payment_refund DROP CONSTRAINT payment_refund_state_check;
ALTER TABLE payment_refund ADD CONSTRAINT payment_refund_state_check
  CHECK (state IN ('returning', 'submitting', 'submitted', 'succeeded', 'failed', 'unknown'));
ALTER TABLE payment_refund ADD COLUMN return_minor BIGINT NOT NULL DEFAULT 0 CHECK (return_minor >= 0 AND return_minor <= amount_minor);
ALTER TABLE payment_refund ADD COLUMN sent_at BIGINT NOT NULL DEFAULT 0;
UPDATE payment_refund SET sent_at = created_at;
DROP INDEX payment_refund_open;
-- +all
CREATE INDEX payment_refund_open ON payment_refund (created_at) WHERE state IN ('returning', 'submitting', 'submitted', 'unknown');

-- What the operator's share of a payment is, and that the rest is the payee's.
CREATE TABLE payment_split (
  id TEXT NOT NULL PRIMARY KEY,
  attempt_id TEXT NOT NULL REFERENCES payment_attempt (id),
  key TEXT NOT NULL CHECK (key <> ''),
  share_minor BIGINT NOT NULL CHECK (share_minor >= 0),
  currency TEXT NOT NULL,
  finish BOOLEAN NOT NULL,
  description TEXT NOT NULL,
  returned_minor BIGINT NOT NULL CHECK (returned_minor >= 0 AND returned_minor <= share_minor),
  state TEXT NOT NULL CHECK (state IN ('submitting', 'submitted', 'done', 'failed', 'unknown')),
  provider_id TEXT NOT NULL,
  reason TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  ended_at BIGINT NOT NULL,
  UNIQUE (attempt_id, key),
  CHECK (share_minor > 0 OR finish)
);
CREATE INDEX payment_split_open ON payment_split (created_at) WHERE state IN ('submitting', 'submitted', 'unknown');

-- A part of a share on its way back, so that a refund can be paid.
CREATE TABLE payment_return (
  id TEXT NOT NULL PRIMARY KEY,
  refund_id TEXT NOT NULL REFERENCES payment_refund (id),
  split_id TEXT NOT NULL REFERENCES payment_split (id),
  amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
  currency TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('submitting', 'submitted', 'done', 'failed', 'unknown')),
  provider_id TEXT NOT NULL,
  reason TEXT NOT NULL,
  sent_at BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  ended_at BIGINT NOT NULL,
  UNIQUE (refund_id, split_id)
);
CREATE INDEX payment_return_open ON payment_return (created_at) WHERE state IN ('submitting', 'submitted', 'unknown');
CREATE INDEX payment_return_split ON payment_return (split_id);

-- A vendor's free money on its way to the vendor's bank. Paid is not the end: a bank may send it back.
CREATE TABLE payment_payout (
  id TEXT NOT NULL PRIMARY KEY,
  code TEXT NOT NULL UNIQUE,
  vendor_id TEXT NOT NULL CHECK (vendor_id <> ''),
  gateway TEXT NOT NULL CHECK (gateway <> ''),
  payee TEXT NOT NULL CHECK (payee <> ''),
  payee_name TEXT NOT NULL CHECK (payee_name <> ''),
  key TEXT NOT NULL CHECK (key <> ''),
  amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
  currency TEXT NOT NULL,
  description TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('created', 'submitting', 'in_transit', 'paid', 'returned', 'failed', 'cancelled', 'unknown')),
  provider_id TEXT NOT NULL,
  reason TEXT NOT NULL,
  fee_minor BIGINT NOT NULL CHECK (fee_minor >= 0 AND fee_minor <= amount_minor),
  created_at BIGINT NOT NULL,
  paid_at BIGINT NOT NULL,
  ended_at BIGINT NOT NULL,
  UNIQUE (vendor_id, key)
);
CREATE INDEX payment_payout_open ON payment_payout (created_at) WHERE state IN ('created', 'submitting', 'in_transit', 'unknown');

-- A dispute as far as it is known: everything before its round and state has happened and was told once.
CREATE TABLE payment_dispute (
  id TEXT NOT NULL PRIMARY KEY,
  gateway TEXT NOT NULL,
  provider_id TEXT NOT NULL CHECK (provider_id <> ''),
  attempt_id TEXT NOT NULL REFERENCES payment_attempt (id),
  state TEXT NOT NULL CHECK (state IN ('inquiry', 'open', 'submitted', 'won', 'lost')),
  round BIGINT NOT NULL CHECK (round >= 1),
  amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
  currency TEXT NOT NULL,
  covered_minor BIGINT NOT NULL CHECK (covered_minor >= 0 AND covered_minor <= amount_minor),
  fee_minor BIGINT NOT NULL CHECK (fee_minor >= 0),
  reason TEXT NOT NULL,
  evidence_due BIGINT NOT NULL,
  opened_at BIGINT NOT NULL,
  changed_at BIGINT NOT NULL,
  UNIQUE (gateway, provider_id)
);
CREATE INDEX payment_dispute_attempt ON payment_dispute (attempt_id);
CREATE INDEX payment_dispute_open ON payment_dispute (gateway, opened_at) WHERE state IN ('inquiry', 'open', 'submitted');

-- The providers' own accounts, line by line.
CREATE TABLE payment_report_line (
  gateway TEXT NOT NULL,
  provider_id TEXT NOT NULL CHECK (provider_id <> ''),
  kind TEXT NOT NULL CHECK (kind IN ('capture', 'refund', 'fee', 'split', 'return', 'payout', 'dispute', 'adjustment')),
  day TEXT NOT NULL,
  reference TEXT NOT NULL,
  amount_minor BIGINT NOT NULL,
  currency TEXT NOT NULL,
  at BIGINT NOT NULL,
  imported_at BIGINT NOT NULL,
  PRIMARY KEY (gateway, provider_id, kind)
);
CREATE INDEX payment_report_line_day ON payment_report_line (gateway, day, kind, provider_id);
