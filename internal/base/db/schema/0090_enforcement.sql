-- Cases against accounts: what was found, what was decided, the measures, their service and their appeals (clause 8.2).
-- +goose Up
CREATE TABLE enforcement_case (
  id TEXT NOT NULL PRIMARY KEY CHECK (id <> ''),
  subject TEXT NOT NULL REFERENCES account_account (id),
  vendor TEXT NOT NULL,
  source TEXT NOT NULL CHECK (source IN ('self_found', 'authority', 'rights_holder', 'vendor', 'other_report')),
  reference TEXT NOT NULL,
  reporter TEXT NOT NULL,
  violation TEXT NOT NULL CHECK (violation <> ''),
  facts_sealed BYTEA NOT NULL,
  legal_basis TEXT NOT NULL,
  content_kind TEXT NOT NULL,
  content_id TEXT NOT NULL,
  entitlement TEXT NOT NULL,
  human_only BOOLEAN NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('opened', 'evidence', 'heard', 'second_review', 'decided', 'served', 'in_force', 'appealed', 'upheld', 'revised',
    'revoked', 'dismissed', 'ended')),
  version BIGINT NOT NULL CHECK (version >= 1),
  needs_second BOOLEAN NOT NULL,
  automated BOOLEAN NOT NULL,
  reasons_sealed BYTEA NOT NULL,
  rulebook TEXT NOT NULL,
  opened_by TEXT NOT NULL,
  opened_at BIGINT NOT NULL,
  decided_by TEXT NOT NULL,
  decided_at BIGINT NOT NULL,
  second_by TEXT NOT NULL,
  human_asked_at BIGINT NOT NULL,
  served_at BIGINT NOT NULL,
  notice TEXT NOT NULL,
  appeal_until BIGINT NOT NULL,
  final_at BIGINT NOT NULL,
  ended_at BIGINT NOT NULL,
  -- Nothing is in force that was not served.
  CHECK (served_at > 0 OR state NOT IN ('served', 'in_force', 'appealed', 'upheld', 'revised', 'revoked', 'ended')),
  CHECK ((decided_at > 0) = (decided_by <> '')),
  -- Two persons are two.
  CHECK (second_by = '' OR second_by <> decided_by),
  CHECK (NOT needs_second OR second_by <> '' OR state NOT IN ('decided', 'served', 'in_force', 'appealed', 'upheld', 'revised', 'revoked', 'ended'))
);
CREATE INDEX enforcement_case_subject ON enforcement_case (subject, id);
CREATE INDEX enforcement_case_state ON enforcement_case (state, opened_at);
CREATE INDEX enforcement_case_reporter ON enforcement_case (reporter, id);
-- What another part of the market reported twice is one case.
CREATE UNIQUE INDEX enforcement_case_reference ON enforcement_case (subject, source, reference, violation) WHERE reference <> '';

-- The clauses of the agreement, and the sections of rulebooks, that a case rests on.
CREATE TABLE enforcement_clause (
  case_id TEXT NOT NULL REFERENCES enforcement_case (id),
  clause TEXT NOT NULL CHECK (clause <> ''),
  PRIMARY KEY (case_id, clause)
);
CREATE INDEX enforcement_clause_clause ON enforcement_clause (clause, case_id);

CREATE TABLE enforcement_evidence (
  id TEXT NOT NULL PRIMARY KEY CHECK (id <> ''),
  case_id TEXT NOT NULL REFERENCES enforcement_case (id),
  kind TEXT NOT NULL CHECK (kind IN ('report', 'capture', 'file', 'record', 'statement', 'hearing')),
  title_sealed BYTEA NOT NULL,
  url_sealed BYTEA NOT NULL,
  media_type TEXT NOT NULL,
  content_sealed BYTEA NOT NULL,
  size BIGINT NOT NULL CHECK (size > 0),
  sha256 TEXT NOT NULL CHECK (length(sha256) = 64),
  captured_at BIGINT NOT NULL,
  by_user TEXT NOT NULL,
  at BIGINT NOT NULL
);
CREATE INDEX enforcement_evidence_case ON enforcement_evidence (case_id, id);

CREATE TABLE enforcement_measure (
  id TEXT NOT NULL PRIMARY KEY CHECK (id <> ''),
  case_id TEXT NOT NULL,
  -- A measure rests on a clause of its case, or it cannot be stored.
  clause TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('8.2.1', '8.2.2', '8.2.3', '8.2.4', '8.2.5')),
  functions TEXT NOT NULL,
  content_kind TEXT NOT NULL,
  content_id TEXT NOT NULL,
  demand_sealed BYTEA NOT NULL,
  necessity_sealed BYTEA NOT NULL,
  points BIGINT NOT NULL CHECK (points >= 0),
  days BIGINT NOT NULL CHECK (days >= 0),
  review_days BIGINT NOT NULL CHECK (review_days >= 0),
  state TEXT NOT NULL CHECK (state IN ('planned', 'proposed', 'decided', 'in_force', 'answered', 'complied', 'overdue', 'lifted', 'revoked', 'expired',
    'dropped')),
  due_at BIGINT NOT NULL,
  until_at BIGINT NOT NULL,
  review_at BIGINT NOT NULL,
  effective_at BIGINT NOT NULL,
  ended_at BIGINT NOT NULL,
  ended_by TEXT NOT NULL,
  adopted_by TEXT NOT NULL,
  prior TEXT NOT NULL,
  sealed_copy BYTEA NOT NULL,
  copy_sha256 TEXT NOT NULL,
  answer_sealed BYTEA NOT NULL,
  published_at BIGINT NOT NULL,
  FOREIGN KEY (case_id, clause) REFERENCES enforcement_clause (case_id, clause),
  CHECK (kind <> '8.2.1' OR days > 0),
  CHECK (kind <> '8.2.3' OR functions <> ''),
  CHECK (kind NOT IN ('8.2.1', '8.2.2') OR content_id <> ''),
  -- A measure of its own kind has an end or a day on which it is looked at again.
  CHECK (kind <> '8.2.5' OR days > 0 OR review_days > 0),
  CHECK ((effective_at > 0) = (state NOT IN ('planned', 'proposed', 'decided', 'dropped')))
);
CREATE INDEX enforcement_measure_case ON enforcement_measure (case_id, id);
CREATE INDEX enforcement_measure_state ON enforcement_measure (state, id);
-- A thing is blocked once.
CREATE UNIQUE INDEX enforcement_measure_blocked ON enforcement_measure (content_kind, content_id) WHERE kind = '8.2.2' AND state = 'in_force';

-- The rights that a termination ends: held while it can be appealed, ended when it is final, released when it is not upheld.
CREATE TABLE enforcement_right (
  measure TEXT NOT NULL REFERENCES enforcement_measure (id),
  entitlement TEXT NOT NULL CHECK (entitlement <> ''),
  state TEXT NOT NULL CHECK (state IN ('planned', 'held', 'ended', 'released')),
  suspended BOOLEAN NOT NULL,
  PRIMARY KEY (measure, entitlement)
);
CREATE INDEX enforcement_right_entitlement ON enforcement_right (entitlement, measure);

CREATE TABLE enforcement_appeal (
  id TEXT NOT NULL PRIMARY KEY CHECK (id <> ''),
  case_id TEXT NOT NULL REFERENCES enforcement_case (id),
  kind TEXT NOT NULL CHECK (kind IN ('appeal', 'human')),
  text_sealed BYTEA NOT NULL,
  by_user TEXT NOT NULL,
  at BIGINT NOT NULL,
  due_at BIGINT NOT NULL,
  outcome TEXT NOT NULL CHECK (outcome IN ('', 'upheld', 'revised', 'revoked')),
  reasons_sealed BYTEA NOT NULL,
  decided_by TEXT NOT NULL,
  decided_at BIGINT NOT NULL,
  CHECK ((outcome <> '') = (decided_at > 0))
);
CREATE INDEX enforcement_appeal_case ON enforcement_appeal (case_id, id);
CREATE UNIQUE INDEX enforcement_appeal_open ON enforcement_appeal (case_id) WHERE outcome = '';

-- What happened to a case: its timeline, and the version that a form must name.
CREATE TABLE enforcement_step (
  case_id TEXT NOT NULL REFERENCES enforcement_case (id),
  seq BIGINT NOT NULL CHECK (seq >= 1),
  from_state TEXT NOT NULL,
  event TEXT NOT NULL,
  to_state TEXT NOT NULL,
  side TEXT NOT NULL,
  actor TEXT NOT NULL,
  measure TEXT NOT NULL,
  clause TEXT NOT NULL,
  note_sealed BYTEA NOT NULL,
  at BIGINT NOT NULL,
  PRIMARY KEY (case_id, seq)
);

-- Points for violations, by the day they count from.
CREATE TABLE enforcement_points (
  case_id TEXT NOT NULL PRIMARY KEY REFERENCES enforcement_case (id),
  subject TEXT NOT NULL REFERENCES account_account (id),
  points BIGINT NOT NULL CHECK (points > 0),
  at BIGINT NOT NULL,
  void BOOLEAN NOT NULL
);
CREATE INDEX enforcement_points_subject ON enforcement_points (subject, at);
