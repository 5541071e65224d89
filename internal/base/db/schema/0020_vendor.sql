-- +goose Up
CREATE TABLE vendor_vendor (
    id TEXT NOT NULL PRIMARY KEY CHECK (id <> ''),
    account_id TEXT NOT NULL UNIQUE REFERENCES account_account (id),
    state TEXT NOT NULL CHECK (state IN ('applied', 'reviewing', 'rejected', 'onboarded', 'publish_limited', 'shop_hidden', 'suspended', 'exiting', 'exited', 'expelled')),
    newest_profile BIGINT NOT NULL CHECK (newest_profile >= 1),
    verified_profile BIGINT NOT NULL CHECK (verified_profile >= 0 AND verified_profile <= newest_profile),
    merchant_ready BOOLEAN NOT NULL,
    deposit_ok BOOLEAN NOT NULL,
    dossier_ok BOOLEAN NOT NULL,
    applied_at BIGINT NOT NULL,
    exit_at BIGINT NOT NULL
);
CREATE INDEX vendor_vendor_state ON vendor_vendor (state, id);

CREATE TABLE vendor_profile (
    vendor_id TEXT NOT NULL REFERENCES vendor_vendor (id),
    number BIGINT NOT NULL CHECK (number >= 1),
    state TEXT NOT NULL CHECK (state IN ('submitted', 'verified', 'rejected', 'replaced')),
    subject_type TEXT NOT NULL CHECK (subject_type IN ('individual', 'legal_person', 'other_org')),
    registered_name TEXT NOT NULL CHECK (registered_name <> ''),
    uscc TEXT NOT NULL,
    address TEXT NOT NULL,
    support_hours TEXT NOT NULL,
    persons BYTEA NOT NULL,
    self_certified_at BIGINT NOT NULL,
    submitted_at BIGINT NOT NULL,
    decided_at BIGINT NOT NULL,
    decided_by TEXT NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (vendor_id, number)
);
CREATE INDEX vendor_profile_state ON vendor_profile (state, submitted_at);

CREATE TABLE vendor_merchant (
    id TEXT NOT NULL PRIMARY KEY,
    vendor_id TEXT NOT NULL REFERENCES vendor_vendor (id),
    provider TEXT NOT NULL CHECK (provider <> ''),
    number TEXT NOT NULL CHECK (number <> ''),
    added_at BIGINT NOT NULL,
    added_by TEXT NOT NULL,
    UNIQUE (provider, number),
    UNIQUE (vendor_id, provider)
);

CREATE TABLE vendor_deposit (
    id TEXT NOT NULL PRIMARY KEY,
    vendor_id TEXT NOT NULL REFERENCES vendor_vendor (id),
    amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
    currency TEXT NOT NULL,
    source TEXT NOT NULL UNIQUE CHECK (source <> ''),
    received_at BIGINT NOT NULL
);
CREATE INDEX vendor_deposit_vendor ON vendor_deposit (vendor_id, id);

CREATE TABLE vendor_document (
    id TEXT NOT NULL PRIMARY KEY,
    vendor_id TEXT NOT NULL REFERENCES vendor_vendor (id),
    kind TEXT NOT NULL CHECK (kind IN ('business_licence', 'authorisation', 'qualification', 'other')),
    name TEXT NOT NULL CHECK (name <> ''),
    blob TEXT NOT NULL,
    sha256 TEXT NOT NULL CHECK (length(sha256) = 64),
    valid_until TEXT NOT NULL,
    added_at BIGINT NOT NULL
);
CREATE INDEX vendor_document_vendor ON vendor_document (vendor_id, id);

CREATE TABLE vendor_hook (
    vendor_id TEXT NOT NULL REFERENCES vendor_vendor (id),
    dialect TEXT NOT NULL CHECK (dialect <> ''),
    url TEXT NOT NULL CHECK (url <> ''),
    secret BYTEA NOT NULL,
    previous_secret BYTEA NOT NULL,
    previous_until BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    PRIMARY KEY (vendor_id, dialect)
);

CREATE TABLE vendor_measure (
    id TEXT NOT NULL PRIMARY KEY,
    vendor_id TEXT NOT NULL REFERENCES vendor_vendor (id),
    from_state TEXT NOT NULL,
    to_state TEXT NOT NULL,
    reason TEXT NOT NULL CHECK (reason <> ''),
    decided_by TEXT NOT NULL,
    decided_at BIGINT NOT NULL
);
CREATE INDEX vendor_measure_vendor ON vendor_measure (vendor_id, id);
