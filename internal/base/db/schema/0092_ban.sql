-- Bans that follow the person (clause 8.3), and sessions that probe (clause 4.7.5).
-- +goose Up
-- By what an account can be known again: keyed hashes, never the values.
CREATE TABLE enforcement_mark (
  account TEXT NOT NULL REFERENCES account_account (id),
  kind TEXT NOT NULL CHECK (kind IN ('id_number', 'uscc', 'bank_account', 'phone', 'email', 'device', 'representative')),
  hash TEXT NOT NULL CHECK (length(hash) = 64),
  seen_at BIGINT NOT NULL,
  PRIMARY KEY (account, kind, hash)
);
CREATE INDEX enforcement_mark_hash ON enforcement_mark (kind, hash);

CREATE TABLE enforcement_ban (
  id TEXT NOT NULL PRIMARY KEY CHECK (id <> ''),
  account TEXT NOT NULL REFERENCES account_account (id),
  case_id TEXT NOT NULL REFERENCES enforcement_case (id),
  scope TEXT NOT NULL CHECK (scope IN ('market')),
  clause TEXT NOT NULL,
  since BIGINT NOT NULL,
  until BIGINT NOT NULL,          -- 0: permanent
  lifted_at BIGINT NOT NULL,
  lifted_by TEXT NOT NULL
);
CREATE UNIQUE INDEX enforcement_ban_case ON enforcement_ban (case_id) WHERE lifted_at = 0;
CREATE INDEX enforcement_ban_account ON enforcement_ban (account);

CREATE TABLE enforcement_ban_mark (
  ban TEXT NOT NULL REFERENCES enforcement_ban (id),
  kind TEXT NOT NULL,
  hash TEXT NOT NULL CHECK (length(hash) = 64),
  PRIMARY KEY (ban, kind, hash)
);
CREATE INDEX enforcement_ban_mark_hash ON enforcement_ban_mark (kind, hash);

-- An account that a mark links to a ban.
CREATE TABLE enforcement_link (
  id TEXT NOT NULL PRIMARY KEY CHECK (id <> ''),
  ban TEXT NOT NULL REFERENCES enforcement_ban (id),
  account TEXT NOT NULL REFERENCES account_account (id),
  strength TEXT NOT NULL CHECK (strength IN ('weak', 'strong')),
  state TEXT NOT NULL CHECK (state IN ('review', 'suspended', 'confirmed', 'cleared')),
  version BIGINT NOT NULL CHECK (version >= 1),
  prior TEXT NOT NULL,            -- state of the account before it was suspended
  found_at BIGINT NOT NULL,
  appeal_sealed BYTEA NOT NULL,
  appealed_at BIGINT NOT NULL,
  reason_sealed BYTEA NOT NULL,
  decided_by TEXT NOT NULL,
  decided_at BIGINT NOT NULL,
  CHECK (state <> 'suspended' OR strength = 'strong'),
  CHECK ((decided_by <> '') = (state IN ('confirmed', 'cleared')))
);
CREATE UNIQUE INDEX enforcement_link_pair ON enforcement_link (ban, account);
CREATE INDEX enforcement_link_account ON enforcement_link (account);

-- Which marks matched, and where that was noticed. The values stand nowhere.
CREATE TABLE enforcement_link_evidence (
  link TEXT NOT NULL REFERENCES enforcement_link (id),
  kind TEXT NOT NULL,
  place TEXT NOT NULL CHECK (place IN ('registration', 'real_name', 'bank_account', 'phone', 'sign_in', 'nightly')),
  strength TEXT NOT NULL CHECK (strength IN ('weak', 'strong')),
  at BIGINT NOT NULL,
  PRIMARY KEY (link, kind)
);

-- Addresses that were asked for and do not exist, by who asked, for a few minutes.
CREATE TABLE account_miss (
  asker TEXT NOT NULL,            -- a session, a key, or the keyed hash of a network address
  object TEXT NOT NULL CHECK (length(object) = 64),
  at BIGINT NOT NULL,
  PRIMARY KEY (asker, object)
);
CREATE INDEX account_miss_at ON account_miss (at);

CREATE TABLE account_block (
  asker TEXT NOT NULL PRIMARY KEY,
  account TEXT NOT NULL,
  since BIGINT NOT NULL,
  until BIGINT NOT NULL CHECK (until > since)
);
