-- The newest original of a picture is asked for whenever a file leaves.
-- +goose Up
CREATE INDEX content_item_ref ON content_item (kind, ref, id);
