-- What the market's own record, the book and the providers and bank say of each movement of money; what does not
-- agree; what finance decided about it.
-- +goose Up
CREATE TABLE reconciliation_item (
  gateway TEXT NOT NULL,
  kind TEXT NOT NULL,
  object TEXT NOT NULL CHECK (object <> ''),
  reference TEXT NOT NULL,
  currency TEXT NOT NULL,
  day TEXT NOT NULL CHECK (length(day) = 10),
  ours BIGINT NOT NULL,
  booked BIGINT NOT NULL,
  reported BIGINT NOT NULL,
  has_ours BOOLEAN NOT NULL,
  has_booked BOOLEAN NOT NULL,
  has_reported BOOLEAN NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('matched', 'waiting', 'missing_here', 'missing_there', 'amount_differs', 'duplicated', 'unbooked', 'misbooked')),
  matched_at BIGINT NOT NULL,
  PRIMARY KEY (gateway, kind, object),
  CHECK (state <> 'matched' OR (has_ours AND has_booked AND has_reported AND ours = reported AND booked = ours))
);
CREATE INDEX reconciliation_item_open ON reconciliation_item (gateway, day) WHERE state <> 'matched';
CREATE INDEX reconciliation_item_day ON reconciliation_item (gateway, day);

-- How far each provider has been compared.
CREATE TABLE reconciliation_match (
  gateway TEXT NOT NULL PRIMARY KEY,
  day TEXT NOT NULL CHECK (length(day) = 10),
  at BIGINT NOT NULL
);

-- Readings of the book: whole every night, what is new every hour.
CREATE TABLE reconciliation_check (
  id TEXT NOT NULL PRIMARY KEY,
  kind TEXT NOT NULL CHECK (kind IN ('whole', 'increment')),
  at BIGINT NOT NULL,
  journals BIGINT NOT NULL CHECK (journals >= 0),
  wrong BIGINT NOT NULL CHECK (wrong >= 0)
);
CREATE INDEX reconciliation_check_at ON reconciliation_check (kind, at);

CREATE TABLE reconciliation_exception (
  id TEXT NOT NULL PRIMARY KEY,
  source TEXT NOT NULL CHECK (source IN ('match', 'position', 'aged', 'check')),
  kind TEXT NOT NULL CHECK (kind <> ''),
  object TEXT NOT NULL CHECK (object <> ''),
  day TEXT NOT NULL CHECK (length(day) = 10),
  currency TEXT NOT NULL,
  ours BIGINT NOT NULL,
  theirs BIGINT NOT NULL,
  detail TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('open', 'explained', 'resolved')),
  reason TEXT NOT NULL,
  explained_by TEXT NOT NULL,
  first_seen BIGINT NOT NULL,
  last_seen BIGINT NOT NULL,
  ended_at BIGINT NOT NULL,
  CHECK (state <> 'explained' OR (reason <> '' AND explained_by <> '')),
  CHECK ((state = 'resolved') = (ended_at > 0))
);
-- Found again, it is the same one.
CREATE UNIQUE INDEX reconciliation_exception_live ON reconciliation_exception (source, object) WHERE state <> 'resolved';
CREATE INDEX reconciliation_exception_state ON reconciliation_exception (state, day, id);

-- Acts of finance that need a reason and, above a limit, a second person.
CREATE TABLE reconciliation_decision (
  id TEXT NOT NULL PRIMARY KEY,
  act TEXT NOT NULL CHECK (act IN ('attribute', 'close', 'deduct', 'write_off')),
  subject TEXT NOT NULL CHECK (subject <> ''),
  input TEXT NOT NULL,
  currency TEXT NOT NULL,
  amount BIGINT NOT NULL,
  reason TEXT NOT NULL CHECK (reason <> ''),
  evidence TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('proposed', 'done', 'refused')),
  approvals BIGINT NOT NULL CHECK (approvals IN (1, 2)),
  proposed_by TEXT NOT NULL CHECK (proposed_by <> ''),
  proposed_at BIGINT NOT NULL CHECK (proposed_at > 0),
  decided_by TEXT NOT NULL,
  decided_at BIGINT NOT NULL,
  refusal TEXT NOT NULL,
  -- Four eyes: what needs two people is done by the second.
  CHECK (state <> 'done' OR decided_by <> ''),
  CHECK (state <> 'done' OR approvals = 1 OR decided_by <> proposed_by),
  CHECK (state <> 'refused' OR refusal <> '')
);
CREATE UNIQUE INDEX reconciliation_decision_waiting ON reconciliation_decision (act, subject) WHERE state = 'proposed';
-- A statement line is one thing, for ever; a month is closed once.
CREATE UNIQUE INDEX reconciliation_decision_once ON reconciliation_decision (act, subject) WHERE state = 'done' AND act IN ('attribute', 'close');
CREATE INDEX reconciliation_decision_at ON reconciliation_decision (state, proposed_at);

-- The trial balance of a closed month, as it was closed.
CREATE TABLE reconciliation_trial (
  month TEXT NOT NULL CHECK (length(month) = 7),
  account TEXT NOT NULL,
  currency TEXT NOT NULL,
  amount BIGINT NOT NULL,
  PRIMARY KEY (month, account, currency)
);

-- What moved on a day, and what a provider calls it.
CREATE INDEX payment_attempt_captured ON payment_attempt (gateway, captured_at) WHERE capture_id <> '';
CREATE INDEX payment_refund_ended ON payment_refund (ended_at);
CREATE INDEX payment_refund_provider ON payment_refund (provider_id);
CREATE INDEX payment_split_ended ON payment_split (ended_at);
CREATE INDEX payment_split_provider ON payment_split (provider_id);
CREATE INDEX payment_return_ended ON payment_return (ended_at);
CREATE INDEX payment_return_provider ON payment_return (provider_id);
CREATE INDEX payment_payout_paid ON payment_payout (gateway, paid_at);
CREATE INDEX payment_payout_provider ON payment_payout (gateway, provider_id);
CREATE INDEX payment_dispute_changed ON payment_dispute (gateway, changed_at);
CREATE INDEX payment_report_line_reference ON payment_report_line (gateway, reference);
CREATE INDEX payment_statement_line_imported ON payment_statement_line (imported_at);
