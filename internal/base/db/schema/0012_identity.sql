-- +goose Up
-- Every *_sealed column is ciphertext bound to its row; number_index is a keyed hash that finds the same document again.
CREATE TABLE identity_case (
    id TEXT PRIMARY KEY,
    account TEXT NOT NULL REFERENCES account_account (id),
    subject_type TEXT NOT NULL CHECK (subject_type IN ('individual', 'legal_person', 'other_org')),
    id_kind TEXT NOT NULL CHECK (id_kind IN ('resident_id', 'uscc')),
    name_sealed BYTEA NOT NULL,
    number_sealed BYTEA NOT NULL,
    number_index TEXT NOT NULL,
    mobile_sealed BYTEA NOT NULL,
    email_sealed BYTEA NOT NULL,
    bank_account_sealed BYTEA NOT NULL,
    legal_representative_sealed BYTEA NOT NULL,
    consent_at BIGINT NOT NULL CHECK (consent_at > 0),
    state TEXT NOT NULL CHECK (state IN ('pending', 'verified', 'expired', 'failed')),
    checker TEXT NOT NULL,
    provider_hash TEXT NOT NULL,
    reason TEXT NOT NULL,
    submitted_by TEXT NOT NULL,
    submitted_at BIGINT NOT NULL CHECK (submitted_at > 0),
    decided_by TEXT NOT NULL,
    decided_at BIGINT NOT NULL CHECK (decided_at >= 0),
    valid_to BIGINT NOT NULL CHECK (valid_to >= 0),
    CHECK (state = 'pending' OR decided_at > 0)
);
-- One open case an account: a second one would let two officers decide differently.
CREATE UNIQUE INDEX identity_case_one_open ON identity_case (account) WHERE state = 'pending';
CREATE INDEX identity_case_account ON identity_case (account, submitted_at);
CREATE INDEX identity_case_queue ON identity_case (state, submitted_at);
CREATE INDEX identity_case_number ON identity_case (number_index, state);
