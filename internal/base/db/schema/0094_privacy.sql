-- Consents, disclosures, requests about personal data, the supervision of vendors' handling, relays, closings.
-- +goose Up
CREATE TABLE privacy_consent (
  id TEXT NOT NULL PRIMARY KEY CHECK (id <> ''),
  account TEXT NOT NULL REFERENCES account_account (id),
  vendor TEXT NOT NULL REFERENCES vendor_vendor (id),
  purpose TEXT NOT NULL CHECK (purpose <> ''),
  fields TEXT NOT NULL CHECK (fields <> ''),
  recipient_sealed BYTEA NOT NULL,
  method TEXT NOT NULL CHECK (method IN ('checkout', 'data_page')),
  notice_version BIGINT NOT NULL CHECK (notice_version >= 1),
  text_sha256 TEXT NOT NULL CHECK (length(text_sha256) = 64),
  order_id TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('given', 'withdrawn', 'expired')),
  given_by TEXT NOT NULL CHECK (given_by <> ''),
  given_at BIGINT NOT NULL CHECK (given_at > 0),
  expires_at BIGINT NOT NULL,
  ended_at BIGINT NOT NULL,
  CHECK ((ended_at > 0) = (state <> 'given'))
);
-- One recipient, one consent that holds: what is passed on never depends on which of two is read.
CREATE UNIQUE INDEX privacy_consent_given ON privacy_consent (account, vendor) WHERE state = 'given';
CREATE INDEX privacy_consent_account ON privacy_consent (account, id);
CREATE INDEX privacy_consent_vendor ON privacy_consent (vendor, id);

-- What left, for whom, on which basis. The packet is what was sent; fields and hash prove it.
CREATE TABLE privacy_disclosure (
  id TEXT NOT NULL PRIMARY KEY CHECK (id <> ''),
  account TEXT NOT NULL REFERENCES account_account (id),
  basis TEXT NOT NULL CHECK (basis IN ('5.4.1', '5.4.2', '5.4.3', '5.4.4')),
  recipient_kind TEXT NOT NULL CHECK (recipient_kind IN ('vendor', 'authority', 'court', 'victim', 'other')),
  vendor TEXT NOT NULL,
  recipient_sealed BYTEA NOT NULL,
  purpose_sealed BYTEA NOT NULL,
  consent TEXT NOT NULL,
  provision TEXT NOT NULL,
  provision_version BIGINT NOT NULL CHECK (provision_version >= 0),
  matter TEXT NOT NULL,
  order_id TEXT NOT NULL,
  source TEXT NOT NULL,
  fields TEXT NOT NULL CHECK (fields <> ''),
  packet_sealed BYTEA NOT NULL,
  packet_sha256 TEXT NOT NULL,
  channel TEXT NOT NULL CHECK (channel IN ('delivery_call', 'order_page', 'vendor_desk', 'paper', 'secure_mail', 'authority_portal')),
  state TEXT NOT NULL CHECK (state IN ('proposed', 'rejected', 'made')),
  emergency BOOLEAN NOT NULL,
  proposed_by TEXT NOT NULL CHECK (proposed_by <> ''),
  proposed_at BIGINT NOT NULL CHECK (proposed_at > 0),
  approved_by TEXT NOT NULL,
  made_at BIGINT NOT NULL,
  told BOOLEAN NOT NULL,
  untold_sealed BYTEA NOT NULL,
  review_due BIGINT NOT NULL,
  reviewed_by TEXT NOT NULL,
  reviewed_at BIGINT NOT NULL,
  review TEXT NOT NULL CHECK (review IN ('', 'justified', 'unjustified')),
  review_sealed BYTEA NOT NULL,
  CHECK ((made_at > 0) = (state = 'made')),
  CHECK (state <> 'made' OR length(packet_sha256) = 64),
  -- A basis without what it rests on is none.
  CHECK (basis <> '5.4.1' OR consent <> ''),
  CHECK (basis <> '5.4.2' OR provision <> ''),
  CHECK (basis <> '5.4.3' OR matter <> ''),
  CHECK (emergency = (basis = '5.4.4')),
  -- Two persons: nobody approves the own proposal, nobody reviews the own emergency.
  CHECK (basis = '5.4.1' OR emergency OR state <> 'made' OR (approved_by <> '' AND approved_by <> proposed_by)),
  CHECK (reviewed_by = '' OR reviewed_by <> proposed_by),
  CHECK ((reviewed_at > 0) = (review <> ''))
);
-- What a consent lets out in one go is written down once, however often the call is repeated.
CREATE UNIQUE INDEX privacy_disclosure_source ON privacy_disclosure (source, packet_sha256) WHERE source <> '';
CREATE INDEX privacy_disclosure_account ON privacy_disclosure (account, id);
CREATE INDEX privacy_disclosure_desk ON privacy_disclosure (state, id);
-- Who has an emergency that nobody has reviewed makes no second one, also not at the same moment.
CREATE UNIQUE INDEX privacy_disclosure_review ON privacy_disclosure (proposed_by) WHERE emergency = TRUE AND reviewed_at = 0;

-- Requests of a person about the own data: to the operator (vendor empty) or through it to a vendor.
CREATE TABLE privacy_request (
  id TEXT NOT NULL PRIMARY KEY CHECK (id <> ''),
  account TEXT NOT NULL REFERENCES account_account (id),
  asked_by TEXT NOT NULL CHECK (asked_by <> ''),
  kind TEXT NOT NULL CHECK (kind IN ('access', 'correct', 'erase', 'restrict', 'explain', 'stop')),
  vendor TEXT NOT NULL,
  consent TEXT NOT NULL,
  text_sealed BYTEA NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('open', 'forwarded', 'overdue', 'answered')),
  due_at BIGINT NOT NULL,
  due_clock TEXT NOT NULL CHECK (due_clock IN ('', 'working_days', 'natural_days')),
  law TEXT NOT NULL,
  asked_at BIGINT NOT NULL CHECK (asked_at > 0),
  overdue_at BIGINT NOT NULL,
  result TEXT NOT NULL CHECK (result IN ('', 'done', 'partly', 'refused')),
  answer_sealed BYTEA NOT NULL,
  answered_by TEXT NOT NULL,
  answered_at BIGINT NOT NULL,
  CHECK ((state = 'answered') = (answered_at > 0)),
  CHECK ((result <> '') = (state = 'answered')),
  CHECK (vendor <> '' OR state <> 'forwarded')
);
CREATE INDEX privacy_request_account ON privacy_request (account, id);
CREATE INDEX privacy_request_vendor ON privacy_request (vendor, state, due_at);

-- The data-protection annex: which version of it a vendor has accepted.
CREATE TABLE privacy_annex (
  vendor TEXT NOT NULL REFERENCES vendor_vendor (id),
  version BIGINT NOT NULL CHECK (version >= 1),
  text_sha256 TEXT NOT NULL CHECK (length(text_sha256) = 64),
  accepted_by TEXT NOT NULL CHECK (accepted_by <> ''),
  accepted_at BIGINT NOT NULL CHECK (accepted_at > 0),
  PRIMARY KEY (vendor, version)
);

CREATE TABLE privacy_audit (
  id TEXT NOT NULL PRIMARY KEY CHECK (id <> ''),
  vendor TEXT NOT NULL REFERENCES vendor_vendor (id),
  cause TEXT NOT NULL CHECK (cause IN ('periodic', 'complaint', 'overdue')),
  about TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('planned', 'done')),
  due_at BIGINT NOT NULL CHECK (due_at > 0),
  score BIGINT NOT NULL CHECK (score >= 0 AND score <= 100),
  note_sealed BYTEA NOT NULL,
  done_by TEXT NOT NULL,
  done_at BIGINT NOT NULL,
  CHECK ((state = 'done') = (done_at > 0))
);
CREATE UNIQUE INDEX privacy_audit_planned ON privacy_audit (vendor, cause, about) WHERE state = 'planned';
CREATE INDEX privacy_audit_due ON privacy_audit (state, due_at);
CREATE INDEX privacy_audit_vendor ON privacy_audit (vendor, id);

CREATE TABLE privacy_finding (
  id TEXT NOT NULL PRIMARY KEY CHECK (id <> ''),
  vendor TEXT NOT NULL REFERENCES vendor_vendor (id),
  audit TEXT NOT NULL,
  about TEXT NOT NULL,
  severity TEXT NOT NULL CHECK (severity IN ('minor', 'major', 'misuse')),
  state TEXT NOT NULL CHECK (state IN ('open', 'remedied', 'escalated')),
  text_sealed BYTEA NOT NULL,
  remedy_due BIGINT NOT NULL CHECK (remedy_due > 0),
  opened_by TEXT NOT NULL CHECK (opened_by <> ''),
  opened_at BIGINT NOT NULL CHECK (opened_at > 0),
  closed_by TEXT NOT NULL,
  closed_at BIGINT NOT NULL,
  outcome_sealed BYTEA NOT NULL,
  case_id TEXT NOT NULL,
  CHECK ((closed_at > 0) = (state <> 'open')),
  CHECK (state <> 'escalated' OR case_id <> '')
);
CREATE INDEX privacy_finding_vendor ON privacy_finding (vendor, id);
CREATE INDEX privacy_finding_state ON privacy_finding (state, remedy_due);

-- What a vendor wrote to a customer through the relay. The number itself is made from the two and the market's keys.
CREATE TABLE privacy_relayed (
  id TEXT NOT NULL PRIMARY KEY CHECK (id <> ''),
  account TEXT NOT NULL REFERENCES account_account (id),
  vendor TEXT NOT NULL REFERENCES vendor_vendor (id),
  order_id TEXT NOT NULL CHECK (order_id <> ''),
  text_sealed BYTEA NOT NULL,
  text_sha256 TEXT NOT NULL CHECK (length(text_sha256) = 64),
  by_user TEXT NOT NULL CHECK (by_user <> ''),
  at BIGINT NOT NULL CHECK (at > 0)
);
CREATE INDEX privacy_relayed_order ON privacy_relayed (order_id, at);
CREATE INDEX privacy_relayed_pair ON privacy_relayed (account, vendor, at);
