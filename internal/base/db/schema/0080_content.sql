-- What people wrote and must not, or not yet, be read by others; warnings that were shown; reports; what the malware scanner said.
-- +goose Up
CREATE TABLE content_item (
  id TEXT NOT NULL PRIMARY KEY CHECK (id <> ''),
  kind TEXT NOT NULL CHECK (kind <> ''),
  ref TEXT NOT NULL,
  field TEXT NOT NULL,
  account TEXT NOT NULL,
  by_user TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('refused', 'held', 'blocked', 'released')),
  original_sealed BYTEA NOT NULL,
  sha256 TEXT NOT NULL CHECK (length(sha256) = 64),
  hits TEXT NOT NULL,
  clause TEXT NOT NULL,
  case_id TEXT NOT NULL,
  reason TEXT NOT NULL,
  decided_by TEXT NOT NULL,
  version BIGINT NOT NULL CHECK (version >= 1),
  created_at BIGINT NOT NULL,
  decided_at BIGINT NOT NULL,
  -- Nothing is blocked without a clause and a reason.
  CHECK (state <> 'blocked' OR clause <> '' AND reason <> ''),
  CHECK (state = 'refused' OR ref <> '')
);
-- A thing has at most one original that is kept from its readers.
CREATE UNIQUE INDEX content_item_kept ON content_item (kind, ref) WHERE state IN ('held', 'blocked');
CREATE INDEX content_item_state ON content_item (state, id);

-- The operator's own lexicon beside that of the rulebook.
CREATE TABLE content_term (
  id TEXT NOT NULL PRIMARY KEY CHECK (id <> ''),
  term TEXT NOT NULL CHECK (term <> ''),
  act TEXT NOT NULL CHECK (act IN ('hold', 'refuse')),
  reason TEXT NOT NULL CHECK (reason <> ''),
  added_by TEXT NOT NULL,
  added_at BIGINT NOT NULL,
  retired_by TEXT NOT NULL,
  retired_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX content_term_used ON content_term (term) WHERE retired_at = 0;

-- The mark is a keyed hash of the text: it tells that the same text was sent, never what it says.
CREATE TABLE content_warning (
  id TEXT NOT NULL PRIMARY KEY CHECK (id <> ''),
  kind TEXT NOT NULL,
  ref TEXT NOT NULL,
  account TEXT NOT NULL,
  by_user TEXT NOT NULL,
  mark TEXT NOT NULL CHECK (mark <> ''),
  found TEXT NOT NULL,
  shown_at BIGINT NOT NULL CHECK (shown_at > 0),
  overridden_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX content_warning_open ON content_warning (by_user, mark) WHERE overridden_at = 0;

CREATE TABLE content_report (
  id TEXT NOT NULL PRIMARY KEY CHECK (id <> ''),
  reason TEXT NOT NULL CHECK (reason IN ('off_platform', 'unlawful', 'other')),
  kind TEXT NOT NULL CHECK (kind <> ''),
  ref TEXT NOT NULL CHECK (ref <> ''),
  sha256 TEXT NOT NULL CHECK (length(sha256) = 64),
  hits TEXT NOT NULL,
  account TEXT NOT NULL,
  by_user TEXT NOT NULL,
  text_sealed BYTEA NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('open', 'dismissed', 'upheld')),
  case_id TEXT NOT NULL,
  answer TEXT NOT NULL,
  decided_by TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  decided_at BIGINT NOT NULL,
  CHECK ((state = 'open') = (decided_at = 0))
);
CREATE UNIQUE INDEX content_report_once ON content_report (kind, ref, account) WHERE state = 'open';
CREATE INDEX content_report_state ON content_report (state, id);

-- What the scanner said of a file, by its content.
CREATE TABLE content_file (
  sha256 TEXT NOT NULL PRIMARY KEY CHECK (length(sha256) = 64),
  size BIGINT NOT NULL CHECK (size >= 0),
  infected BOOLEAN NOT NULL,
  signature TEXT NOT NULL,
  scanner TEXT NOT NULL CHECK (scanner <> ''),
  quarantine TEXT NOT NULL,
  scanned_at BIGINT NOT NULL CHECK (scanned_at > 0),
  CHECK (infected = (signature <> ''))
);
CREATE TABLE content_upload (
  id TEXT NOT NULL PRIMARY KEY CHECK (id <> ''),
  sha256 TEXT NOT NULL REFERENCES content_file (sha256),
  name_sealed BYTEA NOT NULL,
  account TEXT NOT NULL,
  by_user TEXT NOT NULL,
  at BIGINT NOT NULL
);
CREATE INDEX content_upload_file ON content_upload (sha256, id);
