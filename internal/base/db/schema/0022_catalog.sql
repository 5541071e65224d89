-- +goose Up
CREATE TABLE catalog_category (
    code TEXT NOT NULL PRIMARY KEY CHECK (code <> ''),
    parent TEXT NOT NULL,
    name_zh TEXT NOT NULL CHECK (name_zh <> ''),
    name_en TEXT NOT NULL CHECK (name_en <> ''),
    refund_class TEXT NOT NULL CHECK (refund_class IN ('none', 'five_day', 'until_acceptance')),
    position BIGINT NOT NULL
);
CREATE INDEX catalog_category_parent ON catalog_category (parent, position);

CREATE TABLE catalog_product (
    id TEXT NOT NULL PRIMARY KEY CHECK (id <> ''),
    vendor_id TEXT NOT NULL REFERENCES vendor_vendor (id),
    slug TEXT NOT NULL UNIQUE CHECK (slug <> ''),
    state TEXT NOT NULL CHECK (state IN ('draft', 'submitted', 'listed', 'hidden', 'delisted', 'use_prohibited')),
    scope TEXT NOT NULL CHECK (scope IN ('', 'no_new_sales', 'no_renewal', 'use_prohibited')),
    hidden_cause TEXT NOT NULL CHECK (hidden_cause IN ('', 'operator', 'vendor', 'rights')),
    hidden_reason TEXT NOT NULL,
    listed_version TEXT NOT NULL,
    category TEXT NOT NULL,
    rights_until TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    listed_at BIGINT NOT NULL,
    CHECK (state <> 'listed' OR listed_version <> ''),
    CHECK ((state = 'hidden') = (hidden_cause <> '')),
    CHECK ((state IN ('delisted', 'use_prohibited')) = (scope <> ''))
);
CREATE INDEX catalog_product_vendor ON catalog_product (vendor_id, id);
CREATE INDEX catalog_product_category ON catalog_product (category, id);
CREATE INDEX catalog_product_state ON catalog_product (state, id);

CREATE TABLE catalog_review (
    id TEXT NOT NULL PRIMARY KEY,
    method TEXT NOT NULL CHECK (method IN ('review', 'import')),
    vendor_id TEXT NOT NULL REFERENCES vendor_vendor (id),
    approved BOOLEAN NOT NULL,
    reasons TEXT NOT NULL CHECK (reasons <> ''),
    reviewer TEXT NOT NULL CHECK (reviewer <> ''),
    items BIGINT NOT NULL CHECK (items >= 1),
    sha256 TEXT NOT NULL CHECK (length(sha256) = 64),
    decided_at BIGINT NOT NULL
);
CREATE INDEX catalog_review_vendor ON catalog_review (vendor_id, id);

-- What was submitted is what was approved and what is shown: the three hashes of
-- a version are equal as soon as they exist.
CREATE TABLE catalog_version (
    id TEXT NOT NULL PRIMARY KEY CHECK (id <> ''),
    product_id TEXT NOT NULL REFERENCES catalog_product (id),
    number BIGINT NOT NULL CHECK (number >= 1),
    state TEXT NOT NULL CHECK (state IN ('draft', 'submitted', 'first_review', 'approved', 'listed', 'superseded', 'rejected')),
    content TEXT NOT NULL CHECK (content <> ''),
    content_sha256 TEXT NOT NULL CHECK (length(content_sha256) = 64),
    submitted_sha256 TEXT NOT NULL,
    published_sha256 TEXT NOT NULL,
    author TEXT NOT NULL CHECK (author <> ''),
    review_id TEXT REFERENCES catalog_review (id),
    created_at BIGINT NOT NULL,
    submitted_at BIGINT NOT NULL,
    listed_at BIGINT NOT NULL,
    UNIQUE (product_id, number),
    CHECK (submitted_sha256 = '' OR submitted_sha256 = content_sha256),
    CHECK (published_sha256 = '' OR published_sha256 = submitted_sha256),
    CHECK (state <> 'listed' OR (published_sha256 <> '' AND review_id IS NOT NULL)),
    CHECK (state NOT IN ('submitted', 'first_review', 'approved', 'listed', 'superseded', 'rejected') OR submitted_sha256 <> '')
);
CREATE INDEX catalog_version_state ON catalog_version (state, submitted_at, id);
CREATE INDEX catalog_version_review ON catalog_version (review_id);

CREATE TABLE catalog_plan (
    id TEXT NOT NULL PRIMARY KEY CHECK (id <> ''),
    product_id TEXT NOT NULL REFERENCES catalog_product (id),
    code TEXT NOT NULL CHECK (code <> ''),
    position BIGINT NOT NULL,
    offered BOOLEAN NOT NULL,
    price_minor BIGINT NOT NULL CHECK (price_minor >= 0),
    currency TEXT NOT NULL,
    UNIQUE (product_id, code)
);

CREATE TABLE catalog_delisting (
    id TEXT NOT NULL PRIMARY KEY,
    product_id TEXT NOT NULL REFERENCES catalog_product (id),
    cause TEXT NOT NULL CHECK (cause IN ('vendor_planning', 'vendor_breach', 'ip_ban', 'safety', 'authority', 'other')),
    scope TEXT NOT NULL CHECK (scope IN ('no_new_sales', 'no_renewal', 'use_prohibited')),
    reason TEXT NOT NULL CHECK (reason <> ''),
    announced_at BIGINT NOT NULL,
    effective_at BIGINT NOT NULL,
    applied_at BIGINT NOT NULL,
    decided_by TEXT NOT NULL,
    affected BIGINT NOT NULL CHECK (affected >= 0)
);
CREATE INDEX catalog_delisting_product ON catalog_delisting (product_id, id);

CREATE TABLE catalog_delisting_holder (
    delisting_id TEXT NOT NULL REFERENCES catalog_delisting (id),
    account_id TEXT NOT NULL REFERENCES account_account (id),
    PRIMARY KEY (delisting_id, account_id)
);
CREATE INDEX catalog_delisting_holder_account ON catalog_delisting_holder (account_id);

CREATE TABLE catalog_file (
    id TEXT NOT NULL PRIMARY KEY,
    vendor_id TEXT NOT NULL REFERENCES vendor_vendor (id),
    name TEXT NOT NULL CHECK (name <> ''),
    media_type TEXT NOT NULL,
    size BIGINT NOT NULL CHECK (size >= 0),
    sha256 TEXT NOT NULL CHECK (length(sha256) = 64),
    blob TEXT NOT NULL CHECK (blob <> ''),
    added_at BIGINT NOT NULL
);
CREATE INDEX catalog_file_vendor ON catalog_file (vendor_id, id);
