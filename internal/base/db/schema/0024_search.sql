-- +goose Up
-- The place of every product that ever came to the market, in the order they
-- came. It is kept for ever: hiding and showing a product does not make it new.
CREATE TABLE search_place (
    product_id TEXT NOT NULL PRIMARY KEY REFERENCES catalog_product (id),
    doc BIGINT NOT NULL UNIQUE
);

-- One row a product on the market; doc is also the row number of the word index.
CREATE TABLE search_doc (
    doc BIGINT NOT NULL PRIMARY KEY REFERENCES search_place (doc),
    product_id TEXT NOT NULL UNIQUE REFERENCES catalog_product (id),
    version_id TEXT NOT NULL,
    slug TEXT NOT NULL,
    vendor_id TEXT NOT NULL,
    vendor_name TEXT NOT NULL,
    category TEXT NOT NULL,
    parent_category TEXT NOT NULL,
    kind TEXT NOT NULL,
    delivery_type TEXT NOT NULL,
    name_zh TEXT NOT NULL,
    name_en TEXT NOT NULL,
    summary_zh TEXT NOT NULL,
    summary_en TEXT NOT NULL,
    name_key_zh BYTEA NOT NULL,
    name_key_en BYTEA NOT NULL,
    price_minor BIGINT NOT NULL,
    currency TEXT NOT NULL,
    listed_at BIGINT NOT NULL
);
CREATE INDEX search_doc_price ON search_doc (price_minor, doc);
CREATE INDEX search_doc_name_zh ON search_doc (name_key_zh, doc);
CREATE INDEX search_doc_name_en ON search_doc (name_key_en, doc);

-- The words of each document, made by the one tokeniser of package search, so
-- both engines index exactly the same words.
-- +sqlite
CREATE VIRTUAL TABLE search_word USING fts5(words, content='', contentless_delete=1, detail=none, tokenize='ascii');
-- +all
-- +postgres
CREATE TABLE search_word (
    doc BIGINT NOT NULL PRIMARY KEY REFERENCES search_doc (doc) ON DELETE CASCADE,
    words tsvector NOT NULL
);
-- Words of new products wait in a short list, so that an import does not sort each into the index alone.
CREATE INDEX search_word_words ON search_word USING gin (words) WITH (fastupdate = on, gin_pending_list_limit = 1024);
-- +all
