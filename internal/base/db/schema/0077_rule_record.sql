-- Acceptances by mail and on paper, refusals, and clauses that are out of force.
-- +goose Up
ALTER TABLE agreement_display ADD COLUMN channel TEXT NOT NULL DEFAULT 'page' CHECK (channel IN ('page', 'banner', 'header', 'mail'));
-- What an acceptance by mail or on paper rests on: the challenge, the paper.
ALTER TABLE agreement_acceptance ADD COLUMN proof TEXT NOT NULL DEFAULT '';
CREATE INDEX agreement_acceptance_latest ON agreement_acceptance (account, accepted_at);

CREATE TABLE agreement_refusal (
  id TEXT NOT NULL PRIMARY KEY CHECK (id <> ''),
  account TEXT NOT NULL REFERENCES account_account (id),
  version TEXT NOT NULL REFERENCES agreement_version (id),
  user_id TEXT NOT NULL REFERENCES account_user (id),
  at BIGINT NOT NULL CHECK (at > 0),
  ended_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX agreement_refusal_open ON agreement_refusal (account, version) WHERE ended_at = 0;

CREATE TABLE agreement_disabled (
  id TEXT NOT NULL PRIMARY KEY CHECK (id <> ''),
  code TEXT NOT NULL CHECK (code <> ''),
  clause TEXT NOT NULL CHECK (clause <> ''),
  jurisdiction TEXT NOT NULL CHECK (jurisdiction IN ('', 'CN', 'EU', 'OTHER')),
  audience TEXT NOT NULL CHECK (audience IN ('', 'consumer', 'business', 'vendor')),
  reason_zh TEXT NOT NULL CHECK (reason_zh <> ''),
  reason_en TEXT NOT NULL CHECK (reason_en <> ''),
  by_user TEXT NOT NULL CHECK (by_user <> ''),
  since BIGINT NOT NULL CHECK (since > 0),
  ended_by TEXT NOT NULL,
  end_reason TEXT NOT NULL,
  ended_at BIGINT NOT NULL,
  CHECK ((ended_at > 0) = (ended_by <> '' AND end_reason <> ''))
);
CREATE UNIQUE INDEX agreement_disabled_open ON agreement_disabled (code, clause, jurisdiction, audience) WHERE ended_at = 0;

-- The link in the mail is signed over the id; it stands nowhere.
CREATE TABLE agreement_challenge (
  id TEXT NOT NULL PRIMARY KEY CHECK (id <> ''),
  account TEXT NOT NULL REFERENCES account_account (id),
  user_id TEXT NOT NULL REFERENCES account_user (id),
  bundle TEXT NOT NULL CHECK (bundle <> ''),
  code TEXT NOT NULL UNIQUE CHECK (code <> ''),
  asked_by TEXT NOT NULL CHECK (asked_by <> ''),
  made_at BIGINT NOT NULL CHECK (made_at > 0),
  sent_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL CHECK (expires_at > made_at),
  receipt TEXT NOT NULL,
  used_at BIGINT NOT NULL,
  way TEXT NOT NULL CHECK (way IN ('', 'link', 'reply')),
  reply_sealed BYTEA NOT NULL,
  reply_sha256 TEXT NOT NULL,
  CHECK ((used_at > 0) = (way <> '')),
  CHECK ((way = 'reply') = (reply_sha256 <> ''))
);
CREATE INDEX agreement_challenge_account ON agreement_challenge (account, id);

CREATE TABLE agreement_paper (
  id TEXT NOT NULL PRIMARY KEY CHECK (id <> ''),
  account TEXT NOT NULL REFERENCES account_account (id),
  user_id TEXT NOT NULL REFERENCES account_user (id),
  bundle TEXT NOT NULL CHECK (bundle <> ''),
  state TEXT NOT NULL CHECK (state IN ('uploaded', 'confirmed', 'rejected')),
  signed_on TEXT NOT NULL,
  name_sealed BYTEA NOT NULL,
  media_type TEXT NOT NULL,
  size BIGINT NOT NULL CHECK (size > 0),
  sha256 TEXT NOT NULL CHECK (length(sha256) = 64),
  blob TEXT NOT NULL CHECK (blob <> ''),
  uploaded_by TEXT NOT NULL CHECK (uploaded_by <> ''),
  uploaded_at BIGINT NOT NULL CHECK (uploaded_at > 0),
  decided_by TEXT NOT NULL,
  decided_at BIGINT NOT NULL,
  note TEXT NOT NULL,
  CHECK ((state = 'uploaded') = (decided_at = 0)),
  CHECK (decided_by <> uploaded_by)
);
CREATE INDEX agreement_paper_state ON agreement_paper (state, id);
