-- How a change of the rules comes about: drafted by one, open for comments, proposed by one and approved by another.
-- source is the document as it stands, consulted the one that people were asked about.
-- +goose Up
CREATE TABLE agreement_draft (
  id TEXT NOT NULL PRIMARY KEY CHECK (id <> ''),
  code TEXT NOT NULL CHECK (code <> ''),
  number BIGINT NOT NULL CHECK (number > 0),
  state TEXT NOT NULL CHECK (state IN ('draft', 'consultation', 'proposed', 'published', 'withdrawn')),
  source TEXT NOT NULL,
  consulted TEXT NOT NULL,
  why_zh TEXT NOT NULL,
  why_en TEXT NOT NULL,
  outcome_zh TEXT NOT NULL,
  outcome_en TEXT NOT NULL,
  major BOOLEAN NOT NULL,
  revision BIGINT NOT NULL CHECK (revision >= 1),
  drafted_by TEXT NOT NULL CHECK (drafted_by <> ''),
  proposed_by TEXT NOT NULL,
  approved_by TEXT NOT NULL,
  drafted_at BIGINT NOT NULL CHECK (drafted_at > 0),
  opened_at BIGINT NOT NULL,
  closes_at BIGINT NOT NULL CHECK (closes_at >= opened_at),
  effective_at BIGINT NOT NULL,
  ended_at BIGINT NOT NULL,
  version TEXT NOT NULL,
  CHECK ((consulted <> '') = (opened_at > 0)),
  CHECK ((ended_at > 0) = (state IN ('published', 'withdrawn'))),
  -- Nothing is published by one person alone.
  CHECK ((state = 'published') = (version <> '')),
  CHECK (state <> 'published' OR (approved_by <> '' AND approved_by <> proposed_by))
);
-- A document has at most one change under way.
CREATE UNIQUE INDEX agreement_draft_open ON agreement_draft (code) WHERE ended_at = 0;
CREATE INDEX agreement_draft_version ON agreement_draft (version);

-- What people said about a draft while it was open, without their names, and what the operator answered.
CREATE TABLE agreement_comment (
  id TEXT NOT NULL PRIMARY KEY CHECK (id <> ''),
  draft TEXT NOT NULL REFERENCES agreement_draft (id),
  account TEXT NOT NULL REFERENCES account_account (id),
  user_id TEXT NOT NULL REFERENCES account_user (id),
  clause TEXT NOT NULL,
  body TEXT NOT NULL CHECK (body <> ''),
  at BIGINT NOT NULL CHECK (at > 0),
  answer TEXT NOT NULL,
  answered_by TEXT NOT NULL,
  answered_at BIGINT NOT NULL,
  CHECK ((answer <> '') = (answered_at > 0))
);
CREATE INDEX agreement_comment_draft ON agreement_comment (draft, id);
