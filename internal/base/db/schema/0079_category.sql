-- Categories that close and retire without being forgotten; each state of the tree; where products moved.
-- +goose Up
ALTER TABLE catalog_category ADD COLUMN state TEXT NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'closed_for_new', 'retired'));
ALTER TABLE catalog_category ADD COLUMN successor TEXT NOT NULL DEFAULT '';

CREATE TABLE catalog_tree (
  number BIGINT NOT NULL PRIMARY KEY CHECK (number >= 1),
  tree TEXT NOT NULL CHECK (tree <> ''),
  sha256 TEXT NOT NULL CHECK (length(sha256) = 64),
  change TEXT NOT NULL,
  made_by TEXT NOT NULL CHECK (made_by <> ''),
  made_at BIGINT NOT NULL
);

CREATE TABLE catalog_move (
  product TEXT NOT NULL REFERENCES catalog_product (id),
  from_category TEXT NOT NULL CHECK (from_category <> ''),
  to_category TEXT NOT NULL CHECK (to_category <> ''),
  moved_at BIGINT NOT NULL,
  PRIMARY KEY (product, from_category)
);
CREATE INDEX catalog_move_from ON catalog_move (from_category, product);
