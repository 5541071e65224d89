-- What follows from a termination: the dissolved agreement, the day data may be erased, and claims for losses (clauses 8.2.4, 8.5).
-- +goose Up
CREATE TABLE enforcement_termination (
  measure TEXT NOT NULL PRIMARY KEY REFERENCES enforcement_measure (id),
  account TEXT NOT NULL REFERENCES account_account (id),
  dissolved_at BIGINT NOT NULL CHECK (dissolved_at > 0),
  purge_at BIGINT NOT NULL CHECK (purge_at >= dissolved_at),
  export_offered_at BIGINT NOT NULL,
  ordered TEXT NOT NULL,
  ordered_by TEXT NOT NULL,
  undone_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX enforcement_termination_account ON enforcement_termination (account) WHERE undone_at = 0;

CREATE TABLE enforcement_claim (
  id TEXT NOT NULL PRIMARY KEY CHECK (id <> ''),
  case_id TEXT NOT NULL REFERENCES enforcement_case (id),
  claimant TEXT NOT NULL CHECK (claimant IN ('operator', 'vendor', 'third_party')),
  vendor TEXT NOT NULL,
  name_sealed BYTEA NOT NULL,
  currency TEXT NOT NULL,
  amount BIGINT NOT NULL CHECK (amount > 0),
  grounds_sealed BYTEA NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('asserted', 'acknowledged', 'disputed', 'settled', 'awarded', 'rejected', 'withdrawn')),
  version BIGINT NOT NULL CHECK (version >= 1),
  settled BIGINT NOT NULL CHECK (settled >= 0 AND settled <= amount),
  note_sealed BYTEA NOT NULL,
  by_user TEXT NOT NULL,
  at BIGINT NOT NULL,
  moved_at BIGINT NOT NULL,
  CHECK (claimant <> 'vendor' OR vendor <> '')
);
CREATE INDEX enforcement_claim_case ON enforcement_claim (case_id, id);

-- The evidence that a claim names.
CREATE TABLE enforcement_claim_evidence (
  claim TEXT NOT NULL REFERENCES enforcement_claim (id),
  evidence TEXT NOT NULL REFERENCES enforcement_evidence (id),
  PRIMARY KEY (claim, evidence)
);
