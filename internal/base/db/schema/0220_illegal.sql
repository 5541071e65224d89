-- Illegal content after its removal: reports to the authority, and originals whose time is over.
-- +goose Up
ALTER TABLE content_item ADD COLUMN gone_at BIGINT NOT NULL DEFAULT 0;

CREATE TABLE content_authority (
  id TEXT NOT NULL PRIMARY KEY CHECK (id <> ''),
  item TEXT NOT NULL REFERENCES content_item (id),
  authority TEXT NOT NULL CHECK (authority <> ''),
  reference TEXT NOT NULL CHECK (reference <> ''),
  reported_on TEXT NOT NULL CHECK (length(reported_on) = 10),
  sent_sealed BYTEA NOT NULL,
  sha256 TEXT NOT NULL CHECK (length(sha256) = 64),
  by_user TEXT NOT NULL,
  at BIGINT NOT NULL CHECK (at > 0),
  gone_at BIGINT NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX content_authority_item ON content_authority (item);
