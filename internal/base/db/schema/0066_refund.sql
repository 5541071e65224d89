-- Refunds that somebody asked for (track A), matters that the parties settle between themselves (track B).
-- +goose Up
CREATE TABLE refund_request (
  id TEXT NOT NULL PRIMARY KEY CHECK (id <> ''),
  order_id TEXT NOT NULL REFERENCES order_order (id),
  line TEXT NOT NULL REFERENCES order_line (id),
  entitlement TEXT NOT NULL,
  account TEXT NOT NULL REFERENCES account_account (id),
  vendor TEXT NOT NULL REFERENCES vendor_vendor (id),
  product TEXT NOT NULL,
  asked_by TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('full', 'pro_rata', 'vendor_decides')),
  self_service BOOLEAN NOT NULL,
  reason TEXT NOT NULL CHECK (reason <> ''),
  text_sealed BYTEA NOT NULL,
  currency TEXT NOT NULL,
  asked BIGINT NOT NULL CHECK (asked > 0),
  amount BIGINT NOT NULL CHECK (amount > 0 AND amount <= asked),
  ends BOOLEAN NOT NULL,
  offer_keep BOOLEAN NOT NULL,
  suspended BOOLEAN NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('requested', 'on_hold', 'vendor_review', 'agreed', 'countered', 'refused', 'timed_out', 'operator_review',
    'second_review', 'approved', 'waiting_red_letter', 'returning', 'refunding', 'refunded', 'failed', 'rejected', 'withdrawn', 'lapsed')),
  code TEXT NOT NULL,
  case_id TEXT NOT NULL,
  clause TEXT NOT NULL,
  rulebook TEXT NOT NULL,
  legal_review BOOLEAN NOT NULL,
  version BIGINT NOT NULL CHECK (version >= 1),
  answer_due BIGINT NOT NULL,
  answer_clock TEXT NOT NULL CHECK (answer_clock IN ('', 'working_days', 'natural_days')),
  escalate_by BIGINT NOT NULL,
  clock_from BIGINT NOT NULL,
  alerted_at BIGINT NOT NULL,
  breached_at BIGINT NOT NULL,
  proposed_by TEXT NOT NULL,
  payment_refund TEXT NOT NULL,
  requested_at BIGINT NOT NULL,
  ended_at BIGINT NOT NULL,
  -- Money moves only with a refund at the provider, and the other way round.
  CHECK ((payment_refund <> '') = (state IN ('returning', 'refunding', 'refunded', 'failed')))
);
CREATE INDEX refund_request_order ON refund_request (order_id, id);
CREATE INDEX refund_request_account ON refund_request (account, id);
CREATE INDEX refund_request_vendor ON refund_request (vendor, id);
CREATE UNIQUE INDEX refund_request_payment ON refund_request (payment_refund) WHERE payment_refund <> '';
-- A line has at most one request under way.
CREATE UNIQUE INDEX refund_request_open ON refund_request (line) WHERE state NOT IN ('refunded', 'failed', 'rejected', 'withdrawn', 'lapsed');

-- What happened to a request: its timeline, and the version that a form must name.
CREATE TABLE refund_step (
  request TEXT NOT NULL REFERENCES refund_request (id),
  seq BIGINT NOT NULL CHECK (seq >= 1),
  from_state TEXT NOT NULL,
  event TEXT NOT NULL,
  to_state TEXT NOT NULL,
  side TEXT NOT NULL,
  actor TEXT NOT NULL,
  amount BIGINT NOT NULL,
  currency TEXT NOT NULL,
  clause TEXT NOT NULL,
  note_sealed BYTEA NOT NULL,
  at BIGINT NOT NULL,
  PRIMARY KEY (request, seq)
);

-- Refusals under clause 8.4 to consumers: a lawyer looks at each.
CREATE TABLE refund_review (
  order_id TEXT NOT NULL REFERENCES order_order (id),
  case_id TEXT NOT NULL CHECK (case_id <> ''),
  account TEXT NOT NULL REFERENCES account_account (id),
  at BIGINT NOT NULL,
  PRIMARY KEY (order_id, case_id)
);

CREATE TABLE refund_matter (
  id TEXT NOT NULL PRIMARY KEY CHECK (id <> ''),
  order_id TEXT NOT NULL REFERENCES order_order (id),
  account TEXT NOT NULL REFERENCES account_account (id),
  vendor TEXT NOT NULL REFERENCES vendor_vendor (id),
  state TEXT NOT NULL CHECK (state IN ('offline_opened', 'user_stated', 'vendor_stated', 'both_stated', 'closed_agreed', 'closed_disagreed')),
  version BIGINT NOT NULL CHECK (version >= 1),
  opened_by TEXT NOT NULL,
  opened_at BIGINT NOT NULL,
  closed_at BIGINT NOT NULL,
  CHECK ((closed_at > 0) = (state IN ('closed_agreed', 'closed_disagreed')))
);
CREATE UNIQUE INDEX refund_matter_open ON refund_matter (order_id) WHERE closed_at = 0;
CREATE INDEX refund_matter_account ON refund_matter (account, id);
CREATE INDEX refund_matter_vendor ON refund_matter (vendor, id);

CREATE TABLE refund_statement (
  id TEXT NOT NULL PRIMARY KEY CHECK (id <> ''),
  matter TEXT NOT NULL REFERENCES refund_matter (id),
  side TEXT NOT NULL CHECK (side IN ('user', 'vendor')),
  outcome TEXT NOT NULL CHECK (outcome IN ('', 'agreed', 'disagreed')),
  currency TEXT NOT NULL,
  amount BIGINT NOT NULL CHECK (amount >= 0),
  text_sealed BYTEA NOT NULL,
  text_sha256 TEXT NOT NULL CHECK (length(text_sha256) = 64),
  by_user TEXT NOT NULL,
  at BIGINT NOT NULL
);
CREATE INDEX refund_statement_matter ON refund_statement (matter, id);

CREATE TABLE refund_proof (
  id TEXT NOT NULL PRIMARY KEY CHECK (id <> ''),
  matter TEXT NOT NULL REFERENCES refund_matter (id),
  side TEXT NOT NULL CHECK (side IN ('user', 'vendor')),
  name_sealed BYTEA NOT NULL,
  media_type TEXT NOT NULL,
  size BIGINT NOT NULL CHECK (size > 0),
  sha256 TEXT NOT NULL CHECK (length(sha256) = 64),
  blob TEXT NOT NULL CHECK (blob <> ''),
  by_user TEXT NOT NULL,
  at BIGINT NOT NULL
);
CREATE INDEX refund_proof_matter ON refund_proof (matter, id);
