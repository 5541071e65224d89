-- By when the authority must know of a breach of personal data. What was open before has the time of its subjects.
-- +goose Up
ALTER TABLE operation_incident ADD COLUMN authority_due BIGINT NOT NULL DEFAULT 0;
UPDATE operation_incident SET authority_due = due_at;
