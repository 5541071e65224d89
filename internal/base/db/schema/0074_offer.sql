-- What vendors take off their own prices, for a while or by a code. Terms are never
-- changed; only the end may come earlier than announced.
-- +goose Up
CREATE TABLE promotion_discount (
  id TEXT NOT NULL PRIMARY KEY,
  vendor TEXT NOT NULL REFERENCES vendor_vendor (id),
  product TEXT NOT NULL REFERENCES catalog_product (id),
  plan TEXT NOT NULL REFERENCES catalog_plan (id),
  number BIGINT NOT NULL CHECK (number > 0),
  points BIGINT NOT NULL CHECK (points >= 0 AND points <= 10000),
  currency TEXT NOT NULL CHECK (currency <> ''),
  price BIGINT NOT NULL CHECK (price >= 0),
  starts_at BIGINT NOT NULL,
  until_at BIGINT NOT NULL CHECK (until_at > starts_at),
  ends_at BIGINT NOT NULL CHECK (ends_at <= until_at),
  sha256 TEXT NOT NULL CHECK (length(sha256) = 64),
  made_at BIGINT NOT NULL,
  UNIQUE (plan, number),
  CHECK (points = 0 OR price = 0)
);
CREATE INDEX promotion_discount_product ON promotion_discount (product, id);

CREATE TABLE promotion_floor (
  plan TEXT NOT NULL PRIMARY KEY REFERENCES catalog_plan (id),
  product TEXT NOT NULL REFERENCES catalog_product (id),
  currency TEXT NOT NULL CHECK (currency <> ''),
  price BIGINT NOT NULL CHECK (price >= 0),
  stated_at BIGINT NOT NULL
);
CREATE INDEX promotion_floor_product ON promotion_floor (product);

CREATE TABLE promotion_batch (
  id TEXT NOT NULL PRIMARY KEY,
  vendor TEXT NOT NULL REFERENCES vendor_vendor (id),
  product TEXT NOT NULL REFERENCES catalog_product (id),
  plan TEXT NOT NULL,
  points BIGINT NOT NULL CHECK (points >= 0 AND points <= 10000),
  currency TEXT NOT NULL CHECK (currency <> ''),
  amount BIGINT NOT NULL CHECK (amount >= 0),
  minimum BIGINT NOT NULL CHECK (minimum >= 0),
  until_at BIGINT NOT NULL,
  uses BIGINT NOT NULL CHECK (uses > 0),
  only_for TEXT NOT NULL,
  codes BIGINT NOT NULL CHECK (codes > 0),
  ends_at BIGINT NOT NULL CHECK (ends_at <= until_at),
  sha256 TEXT NOT NULL CHECK (length(sha256) = 64),
  made_at BIGINT NOT NULL,
  CHECK ((points = 0) <> (amount = 0))
);
CREATE INDEX promotion_batch_product ON promotion_batch (product, id);

-- A code is kept as its keyed hash; the tail is for its vendor to tell codes apart.
CREATE TABLE promotion_voucher (
  hash TEXT NOT NULL PRIMARY KEY CHECK (length(hash) = 64),
  batch TEXT NOT NULL REFERENCES promotion_batch (id),
  tail TEXT NOT NULL CHECK (length(tail) = 4),
  uses BIGINT NOT NULL CHECK (uses > 0),
  used BIGINT NOT NULL CHECK (used >= 0),
  CHECK (used <= uses)
);
CREATE INDEX promotion_voucher_batch ON promotion_voucher (batch);

CREATE TABLE promotion_use (
  voucher TEXT NOT NULL REFERENCES promotion_voucher (hash),
  account TEXT NOT NULL REFERENCES account_account (id),
  order_id TEXT NOT NULL UNIQUE CHECK (order_id <> ''),
  currency TEXT NOT NULL,
  amount BIGINT NOT NULL CHECK (amount > 0),
  used_at BIGINT NOT NULL,
  PRIMARY KEY (voucher, account)
);
