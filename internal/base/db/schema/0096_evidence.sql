-- Evidence packs of orders: who asked for one, for whom, why, and where it is kept.
-- +goose Up
CREATE TABLE evidence_pack (
  id TEXT NOT NULL PRIMARY KEY CHECK (id <> ''),
  order_id TEXT NOT NULL REFERENCES order_order (id),
  addressee TEXT NOT NULL CHECK (addressee IN ('buyer', 'vendor', 'operator')),
  -- Whose people may take it besides the operator's staff; empty: nobody's.
  account TEXT NOT NULL,
  asked_kind TEXT NOT NULL,
  asked_by TEXT NOT NULL,
  reason TEXT NOT NULL CHECK (reason <> ''),
  state TEXT NOT NULL CHECK (state IN ('building', 'ready', 'failed', 'expired')),
  step TEXT NOT NULL,
  done BIGINT NOT NULL CHECK (done >= 0),
  total BIGINT NOT NULL CHECK (total >= done),
  manifest_sha256 TEXT NOT NULL,
  record TEXT NOT NULL,
  blob TEXT NOT NULL,
  sha256 TEXT NOT NULL,
  size BIGINT NOT NULL CHECK (size >= 0),
  asked_at BIGINT NOT NULL,
  ended_at BIGINT NOT NULL,
  CHECK ((blob <> '') = (state = 'ready'))
);
CREATE INDEX evidence_pack_order ON evidence_pack (order_id, id);
-- Who asks twice for the same waits for the same.
CREATE UNIQUE INDEX evidence_pack_building ON evidence_pack (order_id, addressee, account) WHERE state = 'building';
