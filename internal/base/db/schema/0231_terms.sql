-- When the persons were taken out of a matter whose years are over; 0: they are in it.
-- +goose Up
ALTER TABLE enforcement_case ADD COLUMN erased_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE enforcement_link ADD COLUMN erased_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE infringement_notice ADD COLUMN erased_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE operation_incident ADD COLUMN erased_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE operation_interruption ADD COLUMN erased_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE complaint_task ADD COLUMN erased_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE privacy_audit ADD COLUMN erased_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE privacy_finding ADD COLUMN erased_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE payment_statement_line ADD COLUMN erased_at BIGINT NOT NULL DEFAULT 0;

CREATE TABLE privacy_erasure_new (
  id TEXT NOT NULL PRIMARY KEY CHECK (id <> ''),
  closing TEXT NOT NULL,
  class TEXT NOT NULL CHECK (class IN ('account', 'log', 'trade', 'invoice', 'sharing', 'case')),
  package TEXT NOT NULL CHECK (package <> ''),
  removed BIGINT NOT NULL CHECK (removed >= 0),
  before_at BIGINT NOT NULL,
  at BIGINT NOT NULL CHECK (at > 0)
);
INSERT INTO privacy_erasure_new (id, closing, class, package, removed, before_at, at) SELECT id, closing, class, package, removed, before_at, at FROM privacy_erasure;
DROP TABLE privacy_erasure;
ALTER TABLE privacy_erasure_new RENAME TO privacy_erasure;
CREATE INDEX privacy_erasure_at ON privacy_erasure (at, id);
