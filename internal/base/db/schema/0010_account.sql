-- +goose Up
CREATE TABLE account_account (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('customer', 'operator')),
    subject_type TEXT NOT NULL CHECK (subject_type IN ('individual', 'legal_person', 'other_org')),
    display_name_sealed BYTEA NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('registered', 'verified', 'restricted', 'suspended', 'terminated', 'closing', 'closed')),
    consumer BOOLEAN NOT NULL,
    locale TEXT NOT NULL CHECK (locale IN ('zh', 'en')),
    created_at BIGINT NOT NULL CHECK (created_at > 0)
);
CREATE UNIQUE INDEX account_account_one_operator ON account_account (kind) WHERE kind = 'operator';

CREATE TABLE account_user (
    id TEXT PRIMARY KEY,
    account TEXT NOT NULL REFERENCES account_account (id),
    name_sealed BYTEA NOT NULL,
    email_sealed BYTEA NOT NULL,
    email_index TEXT NOT NULL UNIQUE,
    mobile_sealed BYTEA NOT NULL,
    roles TEXT NOT NULL,
    locale TEXT NOT NULL CHECK (locale IN ('zh', 'en')),
    state TEXT NOT NULL CHECK (state IN ('active', 'disabled')),
    created_at BIGINT NOT NULL CHECK (created_at > 0),
    UNIQUE (account, id)
);

-- Further accounts a user may buy for; the user's own account needs no row.
CREATE TABLE account_member (
    account TEXT NOT NULL REFERENCES account_account (id),
    user_id TEXT NOT NULL REFERENCES account_user (id),
    created_at BIGINT NOT NULL CHECK (created_at > 0),
    PRIMARY KEY (user_id, account)
);

CREATE TABLE account_credential (
    user_id TEXT PRIMARY KEY REFERENCES account_user (id),
    password_hash TEXT NOT NULL CHECK (password_hash LIKE '$argon2id$%'),
    changed_at BIGINT NOT NULL CHECK (changed_at > 0)
);

CREATE TABLE account_device (
    id TEXT PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES account_user (id),
    token_hash BYTEA NOT NULL UNIQUE,
    created_at BIGINT NOT NULL CHECK (created_at > 0)
);
CREATE INDEX account_device_user ON account_device (user_id);

CREATE TABLE account_session (
    id TEXT PRIMARY KEY,
    token_hash BYTEA NOT NULL UNIQUE,
    account TEXT NOT NULL,
    user_id TEXT NOT NULL,
    device TEXT NOT NULL REFERENCES account_device (id),
    method TEXT NOT NULL CHECK (method <> ''),
    ip_sealed BYTEA NOT NULL,
    user_agent TEXT NOT NULL,
    created_at BIGINT NOT NULL CHECK (created_at > 0),
    expires_at BIGINT NOT NULL CHECK (expires_at > created_at),
    ended_at BIGINT NOT NULL CHECK (ended_at >= 0),
    FOREIGN KEY (account, user_id) REFERENCES account_user (account, id)
);
CREATE INDEX account_session_user ON account_session (user_id, created_at);

-- Every attempt to sign in. user_id is empty when nobody has that e-mail address.
CREATE TABLE account_login (
    id TEXT PRIMARY KEY,
    email_index TEXT NOT NULL,
    user_id TEXT NOT NULL,
    method TEXT NOT NULL,
    result TEXT NOT NULL CHECK (result IN ('ok', 'refused', 'limited')),
    ip_sealed BYTEA NOT NULL,
    user_agent TEXT NOT NULL,
    created_at BIGINT NOT NULL CHECK (created_at > 0)
);
CREATE INDEX account_login_email ON account_login (email_index, created_at);
CREATE INDEX account_login_user ON account_login (user_id, created_at);

CREATE TABLE account_api_key (
    id TEXT PRIMARY KEY,
    secret_hash BYTEA NOT NULL UNIQUE,
    account TEXT NOT NULL,
    user_id TEXT NOT NULL,
    name TEXT NOT NULL CHECK (name <> ''),
    scopes TEXT NOT NULL,
    created_at BIGINT NOT NULL CHECK (created_at > 0),
    revoked_at BIGINT NOT NULL CHECK (revoked_at >= 0),
    FOREIGN KEY (account, user_id) REFERENCES account_user (account, id)
);
CREATE INDEX account_api_key_account ON account_api_key (account, created_at);

-- A row takes one capability away; no row means the account has it. until_at 0 is without an end.
CREATE TABLE account_restriction (
    account TEXT NOT NULL REFERENCES account_account (id),
    capability TEXT NOT NULL CHECK (capability IN ('buy', 'renew', 'review', 'message', 'api', 'login_readonly')),
    case_ref TEXT NOT NULL CHECK (case_ref <> ''),
    until_at BIGINT NOT NULL CHECK (until_at >= 0),
    created_at BIGINT NOT NULL CHECK (created_at > 0),
    PRIMARY KEY (account, capability)
);

CREATE TABLE account_denial (
    id TEXT PRIMARY KEY,
    account TEXT NOT NULL REFERENCES account_account (id),
    user_id TEXT NOT NULL,
    session TEXT NOT NULL,
    object TEXT NOT NULL CHECK (object <> ''),
    created_at BIGINT NOT NULL CHECK (created_at > 0)
);
CREATE INDEX account_denial_account ON account_denial (account, session);
