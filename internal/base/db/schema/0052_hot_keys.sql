-- On PostgreSQL a foreign key is checked by reading the newest page of the other
-- table's index, into which every other command writes: two SERIALIZABLE
-- transactions that left a record each were aborted without need. These three keys
-- only ever refer to a row that the same function inserts in the same transaction
-- and that nothing deletes, so they go.
-- +goose Up
-- +postgres
ALTER TABLE audit_subject DROP CONSTRAINT audit_subject_record_fkey;
ALTER TABLE audit_pending DROP CONSTRAINT audit_pending_record_fkey;
ALTER TABLE order_line DROP CONSTRAINT order_line_order_id_fkey;
-- +sqlite
CREATE TABLE audit_subject_new (
  subject TEXT NOT NULL,
  record TEXT NOT NULL,
  PRIMARY KEY (subject, record)
);
INSERT INTO audit_subject_new (subject, record) SELECT subject, record FROM audit_subject;
DROP TABLE audit_subject;
ALTER TABLE audit_subject_new RENAME TO audit_subject;

CREATE TABLE audit_pending_new (
  record TEXT NOT NULL PRIMARY KEY,
  at BIGINT NOT NULL
);
INSERT INTO audit_pending_new (record, at) SELECT record, at FROM audit_pending;
DROP TABLE audit_pending;
ALTER TABLE audit_pending_new RENAME TO audit_pending;

CREATE TABLE order_line_new (
  id TEXT NOT NULL PRIMARY KEY,
  order_id TEXT NOT NULL UNIQUE,
  product TEXT NOT NULL REFERENCES catalog_product (id),
  version TEXT NOT NULL,
  plan TEXT NOT NULL,
  quantity BIGINT NOT NULL CHECK (quantity > 0)
);
INSERT INTO order_line_new (id, order_id, product, version, plan, quantity) SELECT id, order_id, product, version, plan, quantity FROM order_line;
DROP TABLE order_line;
ALTER TABLE order_line_new RENAME TO order_line;
CREATE INDEX order_line_product ON order_line (product);
-- +all
