-- Reviews by those who bought, with the vendor's replies. Nothing here is ever deleted.
-- +goose Up
CREATE TABLE review_review (
  id TEXT NOT NULL PRIMARY KEY CHECK (id <> ''),
  product TEXT NOT NULL REFERENCES catalog_product (id),
  vendor TEXT NOT NULL REFERENCES vendor_vendor (id),
  account TEXT NOT NULL REFERENCES account_account (id),
  by_user TEXT NOT NULL,
  order_id TEXT NOT NULL REFERENCES order_order (id),
  stars BIGINT NOT NULL CHECK (stars BETWEEN 1 AND 5),
  words TEXT NOT NULL,
  words_sha256 TEXT NOT NULL CHECK (length(words_sha256) = 64),
  state TEXT NOT NULL CHECK (state IN ('published', 'held', 'withdrawn', 'blocked')),
  clause TEXT NOT NULL,
  reason TEXT NOT NULL,
  version BIGINT NOT NULL CHECK (version >= 1),
  written_at BIGINT NOT NULL CHECK (written_at > 0),
  changed_at BIGINT NOT NULL CHECK (changed_at > 0),
  -- What is not published says nothing here: an original that was held or blocked is in content_item.
  CHECK (state = 'published' OR words = ''),
  CHECK ((state = 'blocked') = (clause <> ''))
);
CREATE UNIQUE INDEX review_review_once ON review_review (product, account);
CREATE INDEX review_review_product ON review_review (product, state, id);
CREATE INDEX review_review_vendor ON review_review (vendor, id);

-- Every version that its author wrote, sealed.
CREATE TABLE review_edit (
  review TEXT NOT NULL REFERENCES review_review (id),
  version BIGINT NOT NULL CHECK (version >= 1),
  act TEXT NOT NULL CHECK (act IN ('written', 'edited', 'withdrawn')),
  stars BIGINT NOT NULL,
  words_sealed BYTEA NOT NULL,
  words_sha256 TEXT NOT NULL,
  by_user TEXT NOT NULL,
  at BIGINT NOT NULL,
  PRIMARY KEY (review, version)
);

CREATE TABLE review_reply (
  id TEXT NOT NULL PRIMARY KEY CHECK (id <> ''),
  review TEXT NOT NULL UNIQUE REFERENCES review_review (id),
  vendor TEXT NOT NULL REFERENCES vendor_vendor (id),
  account TEXT NOT NULL,
  by_user TEXT NOT NULL,
  words TEXT NOT NULL,
  words_sha256 TEXT NOT NULL CHECK (length(words_sha256) = 64),
  state TEXT NOT NULL CHECK (state IN ('published', 'held', 'blocked')),
  clause TEXT NOT NULL,
  reason TEXT NOT NULL,
  version BIGINT NOT NULL CHECK (version >= 1),
  written_at BIGINT NOT NULL,
  CHECK (state = 'published' OR words = ''),
  CHECK ((state = 'blocked') = (clause <> ''))
);
