-- The market as a service: its public changes, its incidents, its interruptions and its end.
-- +goose Up
-- At most one end of service is announced or has come: the row that every purchase asks for.
CREATE TABLE operation_wind_down (
  id TEXT NOT NULL PRIMARY KEY CHECK (id <> ''),
  state TEXT NOT NULL CHECK (state IN ('proposed', 'announced', 'ended', 'declined', 'called_off')),
  live BIGINT NOT NULL CHECK (live IN (0, 1)),
  end_at BIGINT NOT NULL CHECK (end_at > 0),
  document TEXT NOT NULL CHECK (document <> ''),
  sha256 TEXT NOT NULL CHECK (length(sha256) = 64),
  proposed_by TEXT NOT NULL CHECK (proposed_by <> ''),
  proposed_at BIGINT NOT NULL,
  approved_by TEXT NOT NULL,
  announced_at BIGINT NOT NULL,
  ended_at BIGINT NOT NULL,
  open_at_end TEXT NOT NULL,
  stop_by TEXT NOT NULL,
  stop_reason TEXT NOT NULL,
  stopped_by TEXT NOT NULL,
  stopped_at BIGINT NOT NULL,
  -- Two officers announce, and two call it off.
  CHECK (approved_by = '' OR approved_by <> proposed_by),
  CHECK (state NOT IN ('announced', 'ended', 'called_off') OR (approved_by <> '' AND announced_at > 0)),
  CHECK (stopped_by = '' OR (stop_by <> '' AND stopped_by <> stop_by)),
  CHECK ((live = 1) = (state IN ('announced', 'ended')))
);
CREATE UNIQUE INDEX operation_wind_down_live ON operation_wind_down (live) WHERE live = 1;
CREATE UNIQUE INDEX operation_wind_down_proposed ON operation_wind_down (state) WHERE state = 'proposed';

-- What the home page showed on each day of the notice.
CREATE TABLE operation_snapshot (
  wind_down TEXT NOT NULL REFERENCES operation_wind_down (id),
  day TEXT NOT NULL CHECK (length(day) = 10),
  lang TEXT NOT NULL CHECK (lang IN ('zh', 'en')),
  shown BOOLEAN NOT NULL,
  sha256 TEXT NOT NULL CHECK (length(sha256) = 64),
  page TEXT NOT NULL CHECK (page <> ''),
  taken_at BIGINT NOT NULL,
  PRIMARY KEY (wind_down, day, lang)
);

-- One round of notices about a thing, and who was told in it: each account once.
CREATE TABLE operation_round (
  object TEXT NOT NULL CHECK (object <> ''),
  round TEXT NOT NULL CHECK (round <> ''),
  code TEXT NOT NULL CHECK (code <> ''),
  link TEXT NOT NULL,
  params TEXT NOT NULL,
  audience TEXT NOT NULL,
  begun_at BIGINT NOT NULL,
  done_at BIGINT NOT NULL,
  PRIMARY KEY (object, round)
);
CREATE TABLE operation_told (
  object TEXT NOT NULL,
  round TEXT NOT NULL,
  account TEXT NOT NULL REFERENCES account_account (id),
  notice TEXT NOT NULL CHECK (notice <> ''),
  at BIGINT NOT NULL,
  PRIMARY KEY (object, round, account),
  FOREIGN KEY (object, round) REFERENCES operation_round (object, round)
);

-- The public log of changes. An entry is never changed.
CREATE TABLE operation_change (
  id TEXT NOT NULL PRIMARY KEY CHECK (id <> ''),
  kind TEXT NOT NULL CHECK (kind IN ('category', 'interface', 'feature', 'scope', 'service')),
  subject TEXT NOT NULL,
  document TEXT NOT NULL CHECK (document <> ''),
  sha256 TEXT NOT NULL CHECK (length(sha256) = 64),
  effective_at BIGINT NOT NULL,
  published_by TEXT NOT NULL CHECK (published_by <> ''),
  published_at BIGINT NOT NULL
);
CREATE INDEX operation_change_kind ON operation_change (kind, id);
CREATE INDEX operation_change_subject ON operation_change (subject, id);

CREATE TABLE operation_incident (
  id TEXT NOT NULL PRIMARY KEY CHECK (id <> ''),
  state TEXT NOT NULL CHECK (state IN ('detected', 'acknowledged', 'contained', 'resolved', 'assessed', 'closed')),
  version BIGINT NOT NULL CHECK (version >= 1),
  kind TEXT NOT NULL CHECK (kind IN ('leak', 'tampering', 'loss', 'intrusion', 'malware', 'vulnerability', 'other')),
  cause TEXT NOT NULL CHECK (cause IN ('', 'force_majeure', 'attack', 'third_party', 'operator', 'unknown')),
  personal BOOLEAN NOT NULL,
  data_kinds TEXT NOT NULL,
  everyone BOOLEAN NOT NULL,
  summary_sealed BYTEA NOT NULL,
  detected_at BIGINT NOT NULL CHECK (detected_at > 0),
  opened_by TEXT NOT NULL CHECK (opened_by <> ''),
  opened_at BIGINT NOT NULL,
  acknowledged_at BIGINT NOT NULL,
  contained_at BIGINT NOT NULL,
  resolved_at BIGINT NOT NULL,
  closed_at BIGINT NOT NULL,
  fault TEXT NOT NULL CHECK (fault IN ('', 'none', 'partial', 'operator')),
  assessment_sealed BYTEA NOT NULL,
  assessed_by TEXT NOT NULL,
  assessed_at BIGINT NOT NULL,
  due_at BIGINT NOT NULL,
  authority TEXT NOT NULL,
  authority_reference TEXT NOT NULL,
  authority_at BIGINT NOT NULL,
  authority_waiver_sealed BYTEA NOT NULL,
  subjects_at BIGINT NOT NULL,
  subjects_notice TEXT NOT NULL,
  subjects_waiver_sealed BYTEA NOT NULL,
  authority_waived_at BIGINT NOT NULL,
  subjects_waived_at BIGINT NOT NULL,
  CHECK ((fault <> '') = (assessed_at > 0)),
  CHECK ((state = 'closed') = (closed_at > 0))
);
CREATE INDEX operation_incident_open ON operation_incident (closed_at, id);
CREATE TABLE operation_incident_subject (
  incident TEXT NOT NULL REFERENCES operation_incident (id),
  account TEXT NOT NULL REFERENCES account_account (id),
  PRIMARY KEY (incident, account)
);

CREATE TABLE operation_interruption (
  id TEXT NOT NULL PRIMARY KEY CHECK (id <> ''),
  state TEXT NOT NULL CHECK (state IN ('detected', 'acknowledged', 'mitigated', 'resolved', 'closed')),
  version BIGINT NOT NULL CHECK (version >= 1),
  component TEXT NOT NULL CHECK (component <> ''),
  impact TEXT NOT NULL CHECK (impact IN ('outage', 'degraded')),
  everyone BOOLEAN NOT NULL,
  title_zh TEXT NOT NULL CHECK (title_zh <> ''),
  title_en TEXT NOT NULL CHECK (title_en <> ''),
  started_at BIGINT NOT NULL CHECK (started_at > 0),
  detected_at BIGINT NOT NULL CHECK (detected_at >= started_at),
  acknowledged_at BIGINT NOT NULL,
  mitigated_at BIGINT NOT NULL,
  resolved_at BIGINT NOT NULL,
  closed_at BIGINT NOT NULL,
  opened_by TEXT NOT NULL CHECK (opened_by <> ''),
  cause TEXT NOT NULL CHECK (cause IN ('', '7.3.1', '7.3.2', '7.3.3', '7.3.4', '7.3.5', '7.3.6', 'operator_fault')),
  proof_kind TEXT NOT NULL,
  proof_reference TEXT NOT NULL,
  proof_sealed BYTEA NOT NULL,
  proof_sha256 TEXT NOT NULL,
  cause_by TEXT NOT NULL,
  cause_at BIGINT NOT NULL,
  confirmed_by TEXT NOT NULL,
  confirmed_at BIGINT NOT NULL,
  incident TEXT REFERENCES operation_incident (id),
  lesson_zh TEXT NOT NULL,
  lesson_en TEXT NOT NULL,
  extended BIGINT NOT NULL CHECK (extended >= 0),
  CHECK ((cause <> '') = (cause_by <> '')),
  CHECK (cause <> '7.3.3' OR incident IS NOT NULL),
  CHECK (confirmed_by = '' OR (confirmed_by <> cause_by AND cause <> '')),
  -- Nothing is closed without its times, its cause, and for 7.3.6 a second person.
  CHECK (state <> 'closed' OR (acknowledged_at > 0 AND resolved_at > 0 AND cause <> '' AND lesson_zh <> '' AND (cause <> '7.3.6' OR confirmed_by <> ''))),
  CHECK ((state = 'closed') = (closed_at > 0))
);
CREATE INDEX operation_interruption_open ON operation_interruption (resolved_at, id);
CREATE INDEX operation_interruption_started ON operation_interruption (started_at, id);
CREATE TABLE operation_affected (
  interruption TEXT NOT NULL REFERENCES operation_interruption (id),
  kind TEXT NOT NULL CHECK (kind IN ('product', 'order')),
  object TEXT NOT NULL CHECK (object <> ''),
  PRIMARY KEY (interruption, kind, object)
);

-- What was done about an incident or an interruption, and when.
CREATE TABLE operation_entry (
  object TEXT NOT NULL CHECK (object <> ''),
  seq BIGINT NOT NULL CHECK (seq >= 1),
  event TEXT NOT NULL CHECK (event <> ''),
  public BOOLEAN NOT NULL,
  text_zh TEXT NOT NULL,
  text_en TEXT NOT NULL,
  note_sealed BYTEA NOT NULL,
  actor TEXT NOT NULL,
  at BIGINT NOT NULL,
  PRIMARY KEY (object, seq)
);

CREATE TABLE operation_contest (
  id TEXT NOT NULL PRIMARY KEY CHECK (id <> ''),
  interruption TEXT NOT NULL REFERENCES operation_interruption (id),
  cause TEXT NOT NULL CHECK (cause <> ''),
  account TEXT NOT NULL REFERENCES account_account (id),
  by_user TEXT NOT NULL,
  text_sealed BYTEA NOT NULL,
  text_sha256 TEXT NOT NULL CHECK (length(text_sha256) = 64),
  state TEXT NOT NULL CHECK (state IN ('open', 'upheld', 'rejected')),
  answer_sealed BYTEA NOT NULL,
  answered_by TEXT NOT NULL,
  due_at BIGINT NOT NULL,
  made_at BIGINT NOT NULL,
  answered_at BIGINT NOT NULL,
  CHECK ((state = 'open') = (answered_at = 0))
);
-- An account contests a cause once.
CREATE UNIQUE INDEX operation_contest_once ON operation_contest (interruption, cause, account);
CREATE INDEX operation_contest_open ON operation_contest (state, due_at);

-- A right that was lengthened by an interruption, once.
CREATE TABLE entitlement_extension (
  entitlement TEXT NOT NULL REFERENCES entitlement_grant (id),
  cause TEXT NOT NULL CHECK (cause <> ''),
  micros BIGINT NOT NULL CHECK (micros > 0),
  at BIGINT NOT NULL,
  PRIMARY KEY (entitlement, cause)
);
