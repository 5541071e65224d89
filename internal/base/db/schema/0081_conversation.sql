-- Conversations: a customer and a vendor about a product or an order, a customer and the operator's support.
-- +goose Up
CREATE TABLE message_thread (
  id TEXT NOT NULL PRIMARY KEY CHECK (id <> ''),
  about TEXT NOT NULL CHECK (about IN ('product', 'order', 'support')),
  about_id TEXT NOT NULL,
  customer TEXT NOT NULL REFERENCES account_account (id),
  other TEXT NOT NULL REFERENCES account_account (id),
  subject_sealed BYTEA NOT NULL,
  opened_by TEXT NOT NULL,
  opened_at BIGINT NOT NULL CHECK (opened_at > 0),
  posts BIGINT NOT NULL CHECK (posts >= 0),
  last_at BIGINT NOT NULL CHECK (last_at > 0),
  CHECK (customer <> other),
  CHECK ((about = 'support') = (about_id = ''))
);
-- Of one thing the same two have one conversation.
CREATE UNIQUE INDEX message_thread_about ON message_thread (about, about_id, customer) WHERE about <> 'support';
CREATE INDEX message_thread_customer ON message_thread (customer, last_at, id);
CREATE INDEX message_thread_other ON message_thread (other, last_at, id);

-- text_sealed holds nothing while a post is held or blocked: the original is in content_item.
CREATE TABLE message_post (
  id TEXT NOT NULL PRIMARY KEY CHECK (id <> ''),
  thread TEXT NOT NULL REFERENCES message_thread (id),
  seq BIGINT NOT NULL CHECK (seq >= 1),
  side TEXT NOT NULL CHECK (side IN ('customer', 'other')),
  author TEXT NOT NULL,
  by_user TEXT NOT NULL,
  reader TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('sent', 'held', 'blocked')),
  text_sealed BYTEA NOT NULL,
  text_sha256 TEXT NOT NULL CHECK (length(text_sha256) = 64),
  sensitive BOOLEAN NOT NULL,
  outside BOOLEAN NOT NULL,
  clause TEXT NOT NULL,
  reason TEXT NOT NULL,
  at BIGINT NOT NULL CHECK (at > 0),
  read_at BIGINT NOT NULL,
  UNIQUE (thread, seq),
  CHECK ((state = 'blocked') = (clause <> ''))
);
CREATE INDEX message_post_unread ON message_post (reader, read_at, state);

CREATE TABLE message_attachment (
  id TEXT NOT NULL PRIMARY KEY CHECK (id <> ''),
  post TEXT NOT NULL REFERENCES message_post (id),
  name_sealed BYTEA NOT NULL,
  media_type TEXT NOT NULL,
  size BIGINT NOT NULL CHECK (size > 0),
  sha256 TEXT NOT NULL CHECK (length(sha256) = 64),
  blob TEXT NOT NULL CHECK (blob <> '')
);
CREATE INDEX message_attachment_post ON message_attachment (post, id);
