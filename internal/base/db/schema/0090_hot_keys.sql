-- On PostgreSQL a foreign key is checked by reading the newest page of the other
-- table's index, which every other command is writing to: two SERIALIZABLE
-- transactions that insert a record each were aborted without need. These three
-- keys only ever refer to a row that the same function inserts in the same
-- transaction and nobody may delete. SQLite keeps them, and the tests run there too.
-- +goose Up
-- +postgres
ALTER TABLE audit_subject DROP CONSTRAINT audit_subject_record_fkey;
ALTER TABLE audit_pending DROP CONSTRAINT audit_pending_record_fkey;
ALTER TABLE order_line DROP CONSTRAINT order_line_order_id_fkey;
-- +all
