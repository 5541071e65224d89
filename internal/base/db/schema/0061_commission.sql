-- What the operator earns on a sale, frozen on the line when it is placed.
-- +goose Up
CREATE TABLE commission_volume (
  vendor TEXT NOT NULL CHECK (vendor <> ''),
  year BIGINT NOT NULL CHECK (year > 2000),
  currency TEXT NOT NULL,
  sold BIGINT NOT NULL CHECK (sold >= 0),
  PRIMARY KEY (vendor, year, currency)
);

-- Orders that wait for payment while this is installed keep the rule they were
-- placed under: ten per cent of what is paid.
ALTER TABLE order_line ADD COLUMN commission BIGINT NOT NULL DEFAULT 0 CHECK (commission >= 0);
ALTER TABLE order_line ADD COLUMN commission_points BIGINT NOT NULL DEFAULT 0 CHECK (commission_points >= 0);
ALTER TABLE order_line ADD COLUMN commission_basis TEXT NOT NULL DEFAULT 'flat';
ALTER TABLE order_line ADD COLUMN commission_rule TEXT NOT NULL DEFAULT 'settlement#1';
-- Who owes the tax in the price to the tax office: the vendor, who invoices it, or the operator, who collects it.
ALTER TABLE order_line ADD COLUMN tax_by TEXT NOT NULL DEFAULT 'operator' CHECK (tax_by IN ('vendor', 'operator'));
UPDATE order_line SET commission_points = 1000,
  commission = (SELECT CASE WHEN o.paid * 1000 / 10000 < o.net THEN o.paid * 1000 / 10000 ELSE o.net END FROM order_order o WHERE o.id = order_line.order_id);
