-- Orders with what was agreed, frozen; one line each in this edition.
-- +goose Up
CREATE TABLE order_order (
  id TEXT NOT NULL PRIMARY KEY,
  account TEXT NOT NULL REFERENCES account_account (id),
  buyer TEXT NOT NULL REFERENCES account_user (id),
  vendor TEXT NOT NULL REFERENCES vendor_vendor (id),
  state TEXT NOT NULL CHECK (state IN ('awaiting_payment', 'provisioning', 'delivered', 'completed', 'cancelled', 'expired', 'refunding', 'refunded')),
  reason TEXT NOT NULL,
  gateway TEXT NOT NULL,
  attempt TEXT NOT NULL,
  currency TEXT NOT NULL,
  list BIGINT NOT NULL CHECK (list >= 0),
  discount BIGINT NOT NULL CHECK (discount >= 0),
  voucher BIGINT NOT NULL CHECK (voucher >= 0),
  paid BIGINT NOT NULL CHECK (paid >= 0),
  net BIGINT NOT NULL CHECK (net >= 0),
  tax BIGINT NOT NULL CHECK (tax >= 0),
  snapshot TEXT NOT NULL,
  snapshot_sha256 TEXT NOT NULL,
  business BOOLEAN NOT NULL,
  placed_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  paid_at BIGINT NOT NULL,
  delivered_at BIGINT NOT NULL,
  ended_at BIGINT NOT NULL,
  -- The parts of a fee add up to what is paid, and the paid fee is net and tax.
  CHECK (list - discount - voucher = paid),
  CHECK (net + tax = paid)
);
CREATE INDEX order_order_account ON order_order (account, id);
CREATE INDEX order_order_vendor ON order_order (vendor, id);

CREATE TABLE order_line (
  id TEXT NOT NULL PRIMARY KEY,
  order_id TEXT NOT NULL UNIQUE REFERENCES order_order (id),
  product TEXT NOT NULL REFERENCES catalog_product (id),
  version TEXT NOT NULL,
  plan TEXT NOT NULL,
  quantity BIGINT NOT NULL CHECK (quantity > 0)
);
CREATE INDEX order_line_product ON order_line (product);
