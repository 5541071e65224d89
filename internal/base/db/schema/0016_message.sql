-- +goose Up
-- content_sealed holds title and body in both languages as they were rendered; content_sha256 is taken before sealing.
CREATE TABLE message_notice (
    id TEXT PRIMARY KEY,
    account TEXT NOT NULL REFERENCES account_account (id),
    code TEXT NOT NULL CHECK (code <> ''),
    content_sealed BYTEA NOT NULL,
    content_sha256 TEXT NOT NULL,
    link TEXT NOT NULL,
    created_at BIGINT NOT NULL CHECK (created_at > 0),
    read_at BIGINT NOT NULL CHECK (read_at >= 0)
);
CREATE INDEX message_notice_inbox ON message_notice (account, created_at, id);
CREATE INDEX message_notice_unread ON message_notice (account, read_at);

CREATE TABLE message_delivery (
    id TEXT PRIMARY KEY,
    notice TEXT NOT NULL REFERENCES message_notice (id),
    user_id TEXT NOT NULL REFERENCES account_user (id),
    channel TEXT NOT NULL CHECK (channel IN ('mail')),
    state TEXT NOT NULL CHECK (state IN ('queued', 'sent', 'failed')),
    receipt TEXT NOT NULL,
    created_at BIGINT NOT NULL CHECK (created_at > 0),
    sent_at BIGINT NOT NULL CHECK (sent_at >= 0),
    UNIQUE (notice, user_id, channel),
    CHECK (state <> 'sent' OR sent_at > 0)
);
CREATE INDEX message_delivery_state ON message_delivery (state, created_at);
