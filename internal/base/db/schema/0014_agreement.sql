-- +goose Up
-- A published text never changes: source is the exact document whose SHA-256 is sha256.
CREATE TABLE agreement_version (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('agreement', 'rulebook', 'privacy')),
    code TEXT NOT NULL CHECK (code <> ''),
    number BIGINT NOT NULL CHECK (number > 0),
    title_zh TEXT NOT NULL,
    title_en TEXT NOT NULL,
    place_of_signing_zh TEXT NOT NULL,
    place_of_signing_en TEXT NOT NULL,
    governing_law_zh TEXT NOT NULL,
    governing_law_en TEXT NOT NULL,
    jurisdiction TEXT NOT NULL CHECK (jurisdiction IN ('CN', 'EU', 'OTHER')),
    sha256 TEXT NOT NULL,
    published_at BIGINT NOT NULL CHECK (published_at > 0),
    effective_at BIGINT NOT NULL CHECK (effective_at >= published_at),
    source TEXT NOT NULL, -- long, and so behind what is read without it
    UNIQUE (code, number)
);
CREATE INDEX agreement_version_in_force ON agreement_version (code, effective_at, number);

CREATE TABLE agreement_clause (
    version TEXT NOT NULL REFERENCES agreement_version (id),
    position BIGINT NOT NULL CHECK (position >= 0),
    clause TEXT NOT NULL CHECK (clause <> ''),
    emphasis TEXT NOT NULL CHECK (emphasis IN ('none', 'bold')),
    kind TEXT NOT NULL CHECK (kind IN ('none', 'liability_limit', 'exclusion')),
    PRIMARY KEY (version, clause),
    UNIQUE (version, position),
    CHECK (kind = 'none' OR emphasis = 'bold')
);

-- Settings of a rulebook version; value is JSON.
CREATE TABLE agreement_rulebook (
    version TEXT NOT NULL REFERENCES agreement_version (id),
    setting TEXT NOT NULL CHECK (setting <> ''),
    value TEXT NOT NULL,
    PRIMARY KEY (version, setting)
);
CREATE INDEX agreement_rulebook_setting ON agreement_rulebook (setting);

-- What a bundle hash stands for: the versions in force together, in order.
CREATE TABLE agreement_bundle (
    hash TEXT NOT NULL,
    position BIGINT NOT NULL CHECK (position >= 0),
    version TEXT NOT NULL REFERENCES agreement_version (id),
    PRIMARY KEY (hash, position),
    UNIQUE (hash, version)
);

CREATE TABLE agreement_display (
    id TEXT PRIMARY KEY,
    account TEXT NOT NULL REFERENCES account_account (id),
    user_id TEXT NOT NULL REFERENCES account_user (id),
    session TEXT NOT NULL,
    bundle TEXT NOT NULL CHECK (bundle <> ''),
    locale TEXT NOT NULL CHECK (locale IN ('zh', 'en')),
    emphasised TEXT NOT NULL,
    displayed_at BIGINT NOT NULL CHECK (displayed_at > 0)
);
CREATE INDEX agreement_display_user ON agreement_display (account, bundle, user_id);

CREATE TABLE agreement_acceptance (
    id TEXT PRIMARY KEY,
    account TEXT NOT NULL REFERENCES account_account (id),
    bundle TEXT NOT NULL CHECK (bundle <> ''),
    method TEXT NOT NULL CHECK (method IN ('click', 'email', 'written', 'other', 'use')),
    document TEXT NOT NULL,
    user_id TEXT NOT NULL REFERENCES account_user (id),
    session TEXT NOT NULL,
    ip_sealed BYTEA NOT NULL,
    user_agent TEXT NOT NULL,
    locale TEXT NOT NULL CHECK (locale IN ('zh', 'en')),
    text_sha256 TEXT NOT NULL,
    accepted_at BIGINT NOT NULL CHECK (accepted_at > 0),
    UNIQUE (account, bundle, method)
);
