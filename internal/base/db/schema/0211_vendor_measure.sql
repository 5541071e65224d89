-- A measure against a vendor rests on a clause; what onboarding pauses is no measure and stands by itself.
-- +goose Up
ALTER TABLE vendor_measure ADD COLUMN clause TEXT NOT NULL DEFAULT 'UA 8.2' CHECK (clause <> '');

CREATE TABLE vendor_pause (
  id TEXT NOT NULL PRIMARY KEY CHECK (id <> ''),
  vendor_id TEXT NOT NULL REFERENCES vendor_vendor (id),
  ground TEXT NOT NULL CHECK (ground IN ('dossier', 'merchant')),
  reason TEXT NOT NULL CHECK (reason <> ''),
  paused_by TEXT NOT NULL CHECK (paused_by <> ''),
  paused_at BIGINT NOT NULL CHECK (paused_at > 0),
  resumed_by TEXT NOT NULL,
  resumed_at BIGINT NOT NULL,
  CHECK ((resumed_at > 0) = (resumed_by <> ''))
);
CREATE UNIQUE INDEX vendor_pause_open ON vendor_pause (vendor_id, ground) WHERE resumed_at = 0;
CREATE INDEX vendor_pause_vendor ON vendor_pause (vendor_id, id);
