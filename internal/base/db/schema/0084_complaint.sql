-- Complaints: one door, two queues; what was forwarded to vendors, dated contacts, evidence.
-- +goose Up
CREATE TABLE complaint_complaint (
  id TEXT NOT NULL PRIMARY KEY CHECK (id <> ''),
  account TEXT NOT NULL REFERENCES account_account (id),
  asked_by TEXT NOT NULL,
  order_id TEXT NOT NULL,
  product TEXT NOT NULL,
  vendor TEXT NOT NULL,
  refund_matter TEXT NOT NULL,
  topic TEXT NOT NULL CHECK (topic <> ''),
  matter TEXT NOT NULL CHECK (matter IN ('', 'platform', 'product', 'mixed')),
  reason TEXT NOT NULL,
  text_sealed BYTEA NOT NULL,
  demand_sealed BYTEA NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('submitted', 'classified', 'assigned', 'answered', 'negotiated', 'escalated', 'decided', 'closed', 'reopened')),
  vendor_owes BOOLEAN NOT NULL,
  vendor_due BIGINT NOT NULL,
  vendor_answered_at BIGINT NOT NULL,
  operator_owes BOOLEAN NOT NULL,
  operator_due BIGINT NOT NULL,
  clock TEXT NOT NULL CHECK (clock IN ('', 'working_days', 'natural_days')),
  owner TEXT NOT NULL,
  decided_by TEXT NOT NULL,
  finding TEXT NOT NULL CHECK (finding IN ('', 'upheld', 'partly', 'not_upheld', 'referred')),
  outcome TEXT NOT NULL CHECK (outcome IN ('', 'satisfied', 'unsatisfied', 'withdrawn', 'lapsed')),
  stars BIGINT NOT NULL CHECK (stars BETWEEN 0 AND 5),
  version BIGINT NOT NULL CHECK (version >= 1),
  rulebook TEXT NOT NULL,
  submitted_at BIGINT NOT NULL,
  overdue_at BIGINT NOT NULL,
  escalated_at BIGINT NOT NULL,
  lapse_at BIGINT NOT NULL,
  closed_at BIGINT NOT NULL,
  CHECK ((closed_at > 0) = (state = 'closed')),
  CHECK ((outcome <> '') = (state = 'closed')),
  -- Whoever is asked has until a day, and only what has a matter is with somebody.
  CHECK (NOT vendor_owes OR vendor_due > 0 AND vendor <> ''),
  CHECK (NOT operator_owes OR operator_due > 0),
  CHECK ((matter <> '') OR state IN ('submitted', 'closed'))
);
CREATE INDEX complaint_complaint_account ON complaint_complaint (account, id);
CREATE INDEX complaint_complaint_vendor ON complaint_complaint (vendor, id);
CREATE INDEX complaint_complaint_order ON complaint_complaint (order_id, id);
CREATE INDEX complaint_complaint_due ON complaint_complaint (operator_owes, operator_due);
-- An offline refund matter becomes a complaint once.
CREATE UNIQUE INDEX complaint_complaint_matter ON complaint_complaint (refund_matter) WHERE refund_matter <> '';

CREATE TABLE complaint_step (
  complaint TEXT NOT NULL REFERENCES complaint_complaint (id),
  seq BIGINT NOT NULL CHECK (seq >= 1),
  from_state TEXT NOT NULL,
  event TEXT NOT NULL,
  to_state TEXT NOT NULL,
  side TEXT NOT NULL,
  actor TEXT NOT NULL,
  matter TEXT NOT NULL,
  due BIGINT NOT NULL,
  clause TEXT NOT NULL,
  note_sealed BYTEA NOT NULL,
  at BIGINT NOT NULL,
  PRIMARY KEY (complaint, seq)
);

-- What a vendor was given about a complainant, exactly.
CREATE TABLE complaint_packet (
  id TEXT NOT NULL PRIMARY KEY CHECK (id <> ''),
  complaint TEXT NOT NULL REFERENCES complaint_complaint (id),
  vendor TEXT NOT NULL REFERENCES vendor_vendor (id),
  fields TEXT NOT NULL,
  content_sealed BYTEA NOT NULL,
  sha256 TEXT NOT NULL CHECK (length(sha256) = 64),
  by_user TEXT NOT NULL,
  at BIGINT NOT NULL
);
CREATE INDEX complaint_packet_complaint ON complaint_packet (complaint, id);

-- Dated contacts between the parties of a complaint or a claim.
CREATE TABLE complaint_contact (
  id TEXT NOT NULL PRIMARY KEY CHECK (id <> ''),
  about TEXT NOT NULL CHECK (about <> ''),
  side TEXT NOT NULL CHECK (side IN ('user', 'vendor', 'operator')),
  channel TEXT NOT NULL CHECK (channel IN ('phone', 'email', 'meeting', 'message', 'letter')),
  held_on TEXT NOT NULL CHECK (length(held_on) = 10),
  text_sealed BYTEA NOT NULL,
  by_user TEXT NOT NULL,
  at BIGINT NOT NULL
);
CREATE INDEX complaint_contact_about ON complaint_contact (about, id);

CREATE TABLE complaint_evidence (
  id TEXT NOT NULL PRIMARY KEY CHECK (id <> ''),
  about TEXT NOT NULL CHECK (about <> ''),
  side TEXT NOT NULL CHECK (side IN ('user', 'vendor', 'operator')),
  name_sealed BYTEA NOT NULL,
  media_type TEXT NOT NULL,
  size BIGINT NOT NULL CHECK (size > 0),
  sha256 TEXT NOT NULL CHECK (length(sha256) = 64),
  blob TEXT NOT NULL CHECK (blob <> ''),
  by_user TEXT NOT NULL,
  at BIGINT NOT NULL
);
CREATE INDEX complaint_evidence_about ON complaint_evidence (about, id);
