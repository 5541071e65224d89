-- What is still open, spelled out: for a list of more than two SQLite builds a table
-- of its own with each row that it looks at.
-- +goose Up
DROP INDEX payment_attempt_open;
CREATE UNIQUE INDEX payment_attempt_open ON payment_attempt (order_id) WHERE state = 'created' OR state = 'requires_action' OR state = 'processing' OR state = 'unknown';
DROP INDEX payment_refund_open;
CREATE INDEX payment_refund_open ON payment_refund (created_at) WHERE state = 'returning' OR state = 'submitting' OR state = 'submitted' OR state = 'unknown';
DROP INDEX payment_split_open;
CREATE INDEX payment_split_open ON payment_split (created_at) WHERE state = 'submitting' OR state = 'submitted' OR state = 'unknown';
DROP INDEX payment_return_open;
CREATE INDEX payment_return_open ON payment_return (created_at) WHERE state = 'submitting' OR state = 'submitted' OR state = 'unknown';
DROP INDEX payment_payout_open;
CREATE INDEX payment_payout_open ON payment_payout (created_at) WHERE state = 'created' OR state = 'submitting' OR state = 'in_transit' OR state = 'unknown';
DROP INDEX payment_dispute_open;
CREATE INDEX payment_dispute_open ON payment_dispute (gateway, opened_at) WHERE state = 'inquiry' OR state = 'open' OR state = 'submitted';
DROP INDEX refund_request_open;
CREATE UNIQUE INDEX refund_request_open ON refund_request (line) WHERE state <> 'refunded' AND state <> 'failed' AND state <> 'rejected' AND state <> 'withdrawn' AND state <> 'lapsed';
