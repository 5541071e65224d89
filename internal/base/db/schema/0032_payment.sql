-- Payment attempts, refunds, the inbox of providers' notices, bank statements.
-- +goose Up
CREATE TABLE payment_attempt (
  id TEXT NOT NULL PRIMARY KEY,
  code TEXT NOT NULL UNIQUE,
  order_id TEXT NOT NULL CHECK (order_id <> ''),
  gateway TEXT NOT NULL CHECK (gateway <> ''),
  amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
  currency TEXT NOT NULL,
  description TEXT NOT NULL,
  payee_account TEXT NOT NULL CHECK (payee_account <> ''),
  payee_name TEXT NOT NULL CHECK (payee_name <> ''),
  locale TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('created', 'requires_action', 'processing', 'captured', 'settled', 'failed', 'cancelled', 'expired', 'unknown')),
  mismatch BOOLEAN NOT NULL,
  provider_id TEXT NOT NULL,
  pay_url TEXT NOT NULL,
  instructions TEXT NOT NULL,
  captured_minor BIGINT NOT NULL CHECK (captured_minor >= 0),
  captured_currency TEXT NOT NULL,
  capture_id TEXT NOT NULL,
  captured_at BIGINT NOT NULL,
  refunded_minor BIGINT NOT NULL CHECK (refunded_minor >= 0),
  fee_minor BIGINT NOT NULL CHECK (fee_minor >= 0),
  expires_at BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  changed_at BIGINT NOT NULL,
  CHECK (refunded_minor <= captured_minor),
  CHECK ((state IN ('captured', 'settled')) = (capture_id <> '')),
  CHECK ((captured_minor > 0) = (capture_id <> '')),
  CHECK (capture_id = '' OR mismatch OR (captured_minor = amount_minor AND captured_currency = currency))
);
CREATE INDEX payment_attempt_order ON payment_attempt (order_id, created_at);
CREATE INDEX payment_attempt_changed ON payment_attempt (created_at, id);
-- One way to pay at a time: none begins while another could still be paid.
CREATE UNIQUE INDEX payment_attempt_open ON payment_attempt (order_id) WHERE state IN ('created', 'requires_action', 'processing', 'unknown');
CREATE UNIQUE INDEX payment_attempt_provider ON payment_attempt (gateway, provider_id) WHERE provider_id <> '';
CREATE UNIQUE INDEX payment_attempt_capture ON payment_attempt (gateway, capture_id) WHERE capture_id <> '';

CREATE TABLE payment_event (
  id TEXT NOT NULL PRIMARY KEY,
  gateway TEXT NOT NULL,
  event_id TEXT NOT NULL,
  body_sha256 TEXT NOT NULL CHECK (length(body_sha256) = 64),
  kind TEXT NOT NULL CHECK (kind IN ('payment', 'refund')),
  object_id TEXT NOT NULL,
  reference TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('waiting', 'done', 'rejected', 'abandoned')),
  received_at BIGINT NOT NULL,
  ended_at BIGINT NOT NULL,
  UNIQUE (gateway, event_id, body_sha256)
);
CREATE INDEX payment_event_open ON payment_event (received_at) WHERE state <> 'done';

CREATE TABLE payment_refund (
  id TEXT NOT NULL PRIMARY KEY,
  code TEXT NOT NULL UNIQUE,
  attempt_id TEXT NOT NULL REFERENCES payment_attempt (id),
  key TEXT NOT NULL CHECK (key <> ''),
  amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
  currency TEXT NOT NULL,
  cause TEXT NOT NULL CHECK (cause IN ('order', 'late', 'mismatch')),
  state TEXT NOT NULL CHECK (state IN ('submitting', 'submitted', 'succeeded', 'failed', 'unknown')),
  provider_id TEXT NOT NULL,
  reason TEXT NOT NULL,
  bounced BOOLEAN NOT NULL,
  created_at BIGINT NOT NULL,
  ended_at BIGINT NOT NULL,
  UNIQUE (attempt_id, key)
);
CREATE INDEX payment_refund_open ON payment_refund (created_at) WHERE state IN ('submitting', 'submitted', 'unknown');

-- How far each provider's list of changes has been read.
CREATE TABLE payment_pull (
  gateway TEXT NOT NULL PRIMARY KEY,
  since TEXT NOT NULL,
  pulled_at BIGINT NOT NULL
);

-- The codes that vendors write on the transfer of their deposit.
CREATE TABLE payment_deposit_code (
  code TEXT NOT NULL PRIMARY KEY,
  vendor_id TEXT NOT NULL UNIQUE CHECK (vendor_id <> '')
);

-- The payer's words, name and account number are sealed; only a code of ours that they hold is readable.
CREATE TABLE payment_statement_line (
  id TEXT NOT NULL PRIMARY KEY,
  bank_ref TEXT NOT NULL UNIQUE CHECK (bank_ref <> ''),
  booked_at BIGINT NOT NULL,
  amount_minor BIGINT NOT NULL CHECK (amount_minor <> 0),
  currency TEXT NOT NULL,
  code TEXT NOT NULL,
  sealed BYTEA NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('unmatched', 'matching', 'matched', 'suspense')),
  imported_at BIGINT NOT NULL,
  imported_by TEXT NOT NULL
);
CREATE INDEX payment_statement_line_code ON payment_statement_line (code, booked_at, bank_ref) WHERE code <> '';
CREATE INDEX payment_statement_line_state ON payment_statement_line (state, booked_at);
