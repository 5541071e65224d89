-- That the agreement with an account is dissolved, since when and by which case (clause 8.2.4). It is never deleted:
-- what was undone says when.
-- +goose Up
CREATE TABLE agreement_dissolution (
  account TEXT NOT NULL REFERENCES account_account (id),
  case_id TEXT NOT NULL CHECK (case_id <> ''),
  dissolved_at BIGINT NOT NULL CHECK (dissolved_at > 0),
  restored_at BIGINT NOT NULL,
  PRIMARY KEY (account, case_id, restored_at)
);
CREATE UNIQUE INDEX agreement_dissolution_open ON agreement_dissolution (account) WHERE restored_at = 0;
INSERT INTO agreement_dissolution (account, case_id, dissolved_at, restored_at)
  SELECT t.account, m.case_id, t.dissolved_at, 0 FROM enforcement_termination t JOIN enforcement_measure m ON m.id = t.measure WHERE t.undone_at = 0;
