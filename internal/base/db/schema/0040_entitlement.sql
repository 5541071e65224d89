-- Rights of use. A binding says for ever which account an order line is for; the
-- grant refers to line and account together, so neither can be changed alone,
-- and the binding itself can neither change nor go.
-- +goose Up
CREATE TABLE entitlement_binding (
    line TEXT NOT NULL UNIQUE CHECK (line <> ''),
    account TEXT NOT NULL REFERENCES account_account (id),
    bound_at BIGINT NOT NULL CHECK (bound_at > 0),
    PRIMARY KEY (line, account)
);

CREATE TABLE entitlement_grant (
    id TEXT NOT NULL PRIMARY KEY CHECK (id <> ''),
    order_id TEXT NOT NULL CHECK (order_id <> ''),
    line TEXT NOT NULL UNIQUE,
    account TEXT NOT NULL,
    vendor TEXT NOT NULL REFERENCES vendor_vendor (id),
    product TEXT NOT NULL REFERENCES catalog_product (id),
    version TEXT NOT NULL,
    plan TEXT NOT NULL,
    name TEXT NOT NULL,
    quantity BIGINT NOT NULL CHECK (quantity >= 1),
    term_unit TEXT NOT NULL CHECK (term_unit IN ('once', 'day', 'month', 'year')),
    term_count BIGINT NOT NULL CHECK (term_count >= 1),
    state TEXT NOT NULL CHECK (state IN ('pending', 'active', 'suspended', 'expired', 'destroyed', 'refunded', 'prohibited')),
    granted_at BIGINT NOT NULL CHECK (granted_at > 0),
    starts_at BIGINT NOT NULL,
    ends_at BIGINT NOT NULL CHECK (ends_at = 0 OR ends_at > starts_at),
    ended_at BIGINT NOT NULL,
    CHECK (state <> 'pending' OR starts_at = 0),
    CHECK (state NOT IN ('active', 'suspended') OR starts_at > 0),
    CHECK ((state IN ('pending', 'active', 'suspended')) = (ended_at = 0)),
    FOREIGN KEY (line, account) REFERENCES entitlement_binding (line, account)
);
CREATE INDEX entitlement_grant_account ON entitlement_grant (account, id);
CREATE INDEX entitlement_grant_product ON entitlement_grant (product, account);
CREATE INDEX entitlement_grant_order ON entitlement_grant (order_id);

-- +sqlite
-- +goose StatementBegin
CREATE TRIGGER entitlement_binding_no_update BEFORE UPDATE ON entitlement_binding BEGIN SELECT RAISE(ABORT, 'bindings are append-only'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER entitlement_binding_no_delete BEFORE DELETE ON entitlement_binding BEGIN SELECT RAISE(ABORT, 'bindings are append-only'); END;
-- +goose StatementEnd
-- +postgres
CREATE TRIGGER entitlement_binding_no_change BEFORE UPDATE OR DELETE ON entitlement_binding FOR EACH ROW EXECUTE FUNCTION append_only();
-- +all
