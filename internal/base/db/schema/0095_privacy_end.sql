-- The end of an account's data: closing or termination, its grace, what is erased when, and what each run of the job removed.
-- +goose Up
CREATE TABLE privacy_closing (
  id TEXT NOT NULL PRIMARY KEY CHECK (id <> ''),
  account TEXT NOT NULL REFERENCES account_account (id),
  cause TEXT NOT NULL CHECK (cause IN ('owner', 'terminated')),
  case_id TEXT NOT NULL,
  previous TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('waiting', 'called_off', 'purged')),
  end_at BIGINT NOT NULL CHECK (end_at > 0),
  purge_at BIGINT NOT NULL CHECK (purge_at >= end_at),
  law TEXT NOT NULL,
  offered_at BIGINT NOT NULL,
  exported_at BIGINT NOT NULL,
  opened_by TEXT NOT NULL CHECK (opened_by <> ''),
  ended_by TEXT NOT NULL,
  ended_at BIGINT NOT NULL,
  law_order TEXT NOT NULL,
  trade_due BIGINT NOT NULL,
  trade_at BIGINT NOT NULL,
  invoice_due BIGINT NOT NULL,
  invoice_at BIGINT NOT NULL,
  CHECK ((ended_at > 0) = (state <> 'waiting')),
  CHECK (cause <> 'terminated' OR case_id <> ''),
  -- Nothing is erased before its time without an order of law, whatever the program thinks.
  CHECK (state <> 'purged' OR ended_at >= purge_at OR law_order <> '')
);
CREATE UNIQUE INDEX privacy_closing_open ON privacy_closing (account) WHERE state <> 'called_off';
CREATE INDEX privacy_closing_due ON privacy_closing (state, purge_at);

CREATE TABLE privacy_erasure (
  id TEXT NOT NULL PRIMARY KEY CHECK (id <> ''),
  closing TEXT NOT NULL,
  class TEXT NOT NULL CHECK (class IN ('account', 'log', 'trade', 'invoice', 'sharing')),
  package TEXT NOT NULL CHECK (package <> ''),
  removed BIGINT NOT NULL CHECK (removed >= 0),
  before_at BIGINT NOT NULL,
  at BIGINT NOT NULL CHECK (at > 0)
);
CREATE INDEX privacy_erasure_at ON privacy_erasure (at, id);
