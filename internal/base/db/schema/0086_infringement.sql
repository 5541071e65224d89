-- Notices of infringement, the answers to them, what was done, and the clock of fifteen days.
-- +goose Up
CREATE TABLE infringement_notice (
  id TEXT NOT NULL PRIMARY KEY CHECK (id <> ''),
  account TEXT NOT NULL,           -- of who gives notice; '': nobody signed in
  asked_by TEXT NOT NULL,
  email_index TEXT NOT NULL CHECK (length(email_index) = 64),
  place_index TEXT NOT NULL CHECK (length(place_index) = 64),
  language TEXT NOT NULL CHECK (language IN ('zh', 'en')),
  right_kind TEXT NOT NULL CHECK (right_kind IN ('copyright', 'trademark', 'patent', 'trade_secret', 'portrait', 'privacy', 'other', 'illegal')),
  target_kind TEXT NOT NULL CHECK (target_kind <> ''),
  target_id TEXT NOT NULL CHECK (target_id <> ''),
  target_owner TEXT NOT NULL REFERENCES account_account (id),
  title_zh TEXT NOT NULL,
  title_en TEXT NOT NULL,
  location TEXT NOT NULL,
  holder_kind TEXT NOT NULL CHECK (holder_kind IN ('person', 'organisation')),
  content_sealed BYTEA NOT NULL,
  summary TEXT NOT NULL,
  truthful BOOLEAN NOT NULL,
  good_faith BOOLEAN NOT NULL,
  missing TEXT NOT NULL,           -- fields, separated by spaces
  state TEXT NOT NULL CHECK (state IN ('unconfirmed', 'received', 'incomplete', 'accepted', 'measure_taken', 'counter_received', 'counter_forwarded',
    'waiting_15d', 'lifted', 'kept', 'rejected', 'withdrawn', 'expired')),
  version BIGINT NOT NULL CHECK (version >= 1),
  rulebook TEXT NOT NULL,
  measure_was TEXT NOT NULL,       -- how the content stood before; '' while no measure stands
  malicious BOOLEAN NOT NULL,
  created_at BIGINT NOT NULL,
  received_at BIGINT NOT NULL,
  review_due BIGINT NOT NULL,
  accepted_at BIGINT NOT NULL,     -- from here on it stands in the public register
  measured_at BIGINT NOT NULL,
  forwarded_at BIGINT NOT NULL,
  counter_at BIGINT NOT NULL,
  counter_forwarded_at BIGINT NOT NULL,
  arrived_at BIGINT NOT NULL,
  arrived_how TEXT NOT NULL CHECK (arrived_how IN ('', 'inbox', 'mail', 'other')),
  paused_days BIGINT NOT NULL CHECK (paused_days BETWEEN 0 AND 20),
  lift_due BIGINT NOT NULL,
  filed_at BIGINT NOT NULL,
  ended_at BIGINT NOT NULL,
  -- The clock runs exactly from the arrival of the counter-statement.
  CHECK ((arrived_at > 0) = (lift_due > 0)),
  CHECK (state <> 'waiting_15d' OR arrived_at > 0),
  -- What is taken down stands in the register with its time.
  CHECK (measured_at = 0 OR accepted_at > 0)
);
CREATE INDEX infringement_notice_email ON infringement_notice (email_index, created_at);
CREATE INDEX infringement_notice_place ON infringement_notice (place_index, created_at);
CREATE INDEX infringement_notice_account ON infringement_notice (account, id);
CREATE INDEX infringement_notice_owner ON infringement_notice (target_owner, id);
CREATE INDEX infringement_notice_target ON infringement_notice (target_kind, target_id);
CREATE INDEX infringement_notice_register ON infringement_notice (accepted_at, id) WHERE accepted_at > 0;

-- The statement of who is said to infringe: one a notice.
CREATE TABLE infringement_counter (
  notice TEXT NOT NULL PRIMARY KEY REFERENCES infringement_notice (id),
  account TEXT NOT NULL REFERENCES account_account (id),
  by_user TEXT NOT NULL,
  content_sealed BYTEA NOT NULL,
  summary TEXT NOT NULL CHECK (summary <> ''),
  at BIGINT NOT NULL
);

CREATE TABLE infringement_step (
  notice TEXT NOT NULL REFERENCES infringement_notice (id),
  seq BIGINT NOT NULL CHECK (seq >= 1),
  from_state TEXT NOT NULL,
  event TEXT NOT NULL,
  to_state TEXT NOT NULL,
  side TEXT NOT NULL CHECK (side IN ('notifier', 'other', 'operator', 'timer', 'system')),
  actor TEXT NOT NULL,
  clause TEXT NOT NULL,
  note_sealed BYTEA NOT NULL,
  at BIGINT NOT NULL,
  PRIMARY KEY (notice, seq)
);

CREATE TABLE infringement_file (
  id TEXT NOT NULL PRIMARY KEY CHECK (id <> ''),
  notice TEXT NOT NULL REFERENCES infringement_notice (id),
  side TEXT NOT NULL CHECK (side IN ('notifier', 'other')),
  name_sealed BYTEA NOT NULL,
  media_type TEXT NOT NULL,
  size BIGINT NOT NULL CHECK (size > 0),
  sha256 TEXT NOT NULL CHECK (length(sha256) = 64),
  blob TEXT NOT NULL CHECK (blob <> ''),
  at BIGINT NOT NULL
);
CREATE INDEX infringement_file_notice ON infringement_file (notice, id);

-- Mail to those who gave notice without an account.
CREATE TABLE infringement_mail (
  id TEXT NOT NULL PRIMARY KEY CHECK (id <> ''),
  notice TEXT NOT NULL REFERENCES infringement_notice (id),
  about TEXT NOT NULL CHECK (about <> ''),
  state TEXT NOT NULL CHECK (state IN ('queued', 'sent', 'failed')),
  receipt TEXT NOT NULL,
  text_sha256 TEXT NOT NULL,
  queued_at BIGINT NOT NULL,
  sent_at BIGINT NOT NULL
);
CREATE INDEX infringement_mail_notice ON infringement_mail (notice, id);
