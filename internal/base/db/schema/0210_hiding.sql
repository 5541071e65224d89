-- Why a product is out of sight, each cause on its own: it comes back when the last one is gone. A delisting that
-- came with the end of its vendor's agreement can be undone with it.
-- +goose Up
CREATE TABLE catalog_hiding (
  product_id TEXT NOT NULL REFERENCES catalog_product (id),
  cause TEXT NOT NULL CHECK (cause IN ('case', 'notice', 'operator', 'rights', 'vendor')),
  ref TEXT NOT NULL,
  reason TEXT NOT NULL,
  hidden_by TEXT NOT NULL,
  hidden_at BIGINT NOT NULL,
  PRIMARY KEY (product_id, cause, ref),
  CHECK ((cause IN ('case', 'notice')) = (ref <> ''))
);

INSERT INTO catalog_hiding (product_id, cause, ref, reason, hidden_by, hidden_at)
  SELECT id, CASE substr(hidden_reason, 1, 4) WHEN 'enf_' THEN 'case' WHEN 'ifn_' THEN 'notice' ELSE hidden_cause END,
    CASE WHEN substr(hidden_reason, 1, 4) IN ('enf_', 'ifn_') THEN hidden_reason ELSE '' END, hidden_reason, '', 0
  FROM catalog_product WHERE state = 'hidden';
-- What stood under a measure, and what the product would have gone back to.
INSERT INTO catalog_hiding (product_id, cause, ref, reason, hidden_by, hidden_at)
  SELECT content_id, 'case', case_id, case_id, '', effective_at FROM enforcement_measure
  WHERE kind = '8.2.2' AND state = 'in_force' AND content_kind = 'product' ON CONFLICT DO NOTHING;
INSERT INTO catalog_hiding (product_id, cause, ref, reason, hidden_by, hidden_at)
  SELECT content_id, CASE WHEN substr(prior, 1, 7) = 'vendor ' THEN 'vendor' WHEN substr(prior, 1, 7) = 'rights ' THEN 'rights' ELSE 'operator' END, '',
    substr(prior, CASE WHEN substr(prior, 1, 9) = 'operator ' THEN 10 ELSE 8 END), '', effective_at FROM enforcement_measure
  WHERE kind = '8.2.2' AND state = 'in_force' AND content_kind = 'product' AND prior NOT IN ('', 'listed') AND substr(prior, 1, 13) <> 'operator ifn_'
  ON CONFLICT DO NOTHING;
INSERT INTO catalog_hiding (product_id, cause, ref, reason, hidden_by, hidden_at)
  SELECT target_id, 'notice', id, id, '', measured_at FROM infringement_notice
  WHERE target_kind = 'product' AND measure_was <> '' ON CONFLICT DO NOTHING;
INSERT INTO catalog_hiding (product_id, cause, ref, reason, hidden_by, hidden_at)
  SELECT target_id, 'vendor', '', id, '', measured_at FROM infringement_notice
  WHERE target_kind = 'product' AND measure_was = 'hidden_by_vendor' ON CONFLICT DO NOTHING;
UPDATE catalog_product SET state = 'hidden', hidden_cause = 'operator', hidden_reason = ''
  WHERE state = 'listed' AND id IN (SELECT product_id FROM catalog_hiding);

ALTER TABLE catalog_delisting ADD COLUMN case_id TEXT NOT NULL DEFAULT '';
ALTER TABLE catalog_delisting ADD COLUMN undone_at BIGINT NOT NULL DEFAULT 0 CHECK (undone_at = 0 OR case_id <> '');

-- Several cases may block one thing, each once; it comes back with the last.
DROP INDEX enforcement_measure_blocked;
CREATE UNIQUE INDEX enforcement_measure_blocked ON enforcement_measure (content_kind, content_id, case_id) WHERE kind = '8.2.2' AND state = 'in_force';
