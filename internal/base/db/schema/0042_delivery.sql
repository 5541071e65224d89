-- Deliveries, the log of calls to vendors, what was handed over, and who took it.
-- +goose Up
CREATE TABLE delivery_delivery (
    id TEXT NOT NULL PRIMARY KEY CHECK (id <> ''),
    action TEXT NOT NULL CHECK (action IN ('create', 'renew', 'expire', 'destroy')),
    entitlement TEXT NOT NULL REFERENCES entitlement_grant (id),
    order_id TEXT NOT NULL CHECK (order_id <> ''),
    line TEXT NOT NULL CHECK (line <> ''),
    account TEXT NOT NULL REFERENCES account_account (id),
    vendor TEXT NOT NULL REFERENCES vendor_vendor (id),
    product TEXT NOT NULL REFERENCES catalog_product (id),
    plan TEXT NOT NULL,
    plan_code TEXT NOT NULL,
    slug TEXT NOT NULL,
    name TEXT NOT NULL,
    dialect TEXT NOT NULL CHECK (dialect <> ''),
    file TEXT NOT NULL,
    quantity BIGINT NOT NULL CHECK (quantity >= 1),
    term_unit TEXT NOT NULL,
    term_count BIGINT NOT NULL CHECK (term_count >= 1),
    test BOOLEAN NOT NULL,
    fields_sealed BYTEA NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending', 'running', 'delivered', 'failed', 'manual')),
    instance TEXT NOT NULL,
    website TEXT NOT NULL,
    admin_url TEXT NOT NULL,
    notes_sealed BYTEA NOT NULL,
    reason TEXT NOT NULL,
    attempts BIGINT NOT NULL CHECK (attempts >= 0),
    licence_seq BIGINT NOT NULL CHECK (licence_seq >= 0),
    created_at BIGINT NOT NULL CHECK (created_at > 0),
    started_at BIGINT NOT NULL,
    delivered_at BIGINT NOT NULL,
    received_at BIGINT NOT NULL,
    UNIQUE (line, action),
    CHECK ((state = 'delivered') = (delivered_at > 0)),
    CHECK ((state = 'failed') = (reason <> ''))
);
CREATE INDEX delivery_delivery_entitlement ON delivery_delivery (entitlement, id);
CREATE INDEX delivery_delivery_order ON delivery_delivery (order_id, id);
CREATE INDEX delivery_delivery_vendor ON delivery_delivery (vendor, state, id);

CREATE TABLE delivery_attempt (
    id TEXT NOT NULL PRIMARY KEY,
    delivery TEXT NOT NULL REFERENCES delivery_delivery (id),
    number BIGINT NOT NULL CHECK (number >= 1),
    dialect TEXT NOT NULL,
    action TEXT NOT NULL,
    at BIGINT NOT NULL,
    duration BIGINT NOT NULL CHECK (duration >= 0),
    status BIGINT NOT NULL,
    request_id TEXT NOT NULL,
    outcome TEXT NOT NULL CHECK (outcome IN ('delivered', 'pending', 'refused', 'failed')),
    error TEXT NOT NULL,
    request_sealed BYTEA NOT NULL,
    response_sealed BYTEA NOT NULL,
    UNIQUE (delivery, number)
);

CREATE TABLE delivery_receipt (
    id TEXT NOT NULL PRIMARY KEY,
    delivery TEXT NOT NULL REFERENCES delivery_delivery (id),
    event TEXT NOT NULL CHECK (event IN ('provided', 'slip', 'downloaded', 'revealed', 'confirmed')),
    at BIGINT NOT NULL,
    actor TEXT NOT NULL,
    sha256 TEXT NOT NULL
);
CREATE INDEX delivery_receipt_delivery ON delivery_receipt (delivery, id);

CREATE TABLE delivery_credential (
    delivery TEXT NOT NULL REFERENCES delivery_delivery (id),
    position BIGINT NOT NULL CHECK (position >= 0),
    name TEXT NOT NULL,
    secret BOOLEAN NOT NULL,
    value_sealed BYTEA NOT NULL,
    PRIMARY KEY (delivery, position)
);

CREATE TABLE delivery_download (
    id TEXT NOT NULL PRIMARY KEY,
    delivery TEXT NOT NULL REFERENCES delivery_delivery (id),
    file TEXT NOT NULL REFERENCES catalog_file (id),
    sha256 TEXT NOT NULL CHECK (length(sha256) = 64),
    account TEXT NOT NULL,
    actor TEXT NOT NULL,
    session TEXT NOT NULL,
    at BIGINT NOT NULL
);
CREATE INDEX delivery_download_delivery ON delivery_download (delivery, id);

-- The key that signs licences. Its private half is sealed.
CREATE TABLE delivery_key (
    purpose TEXT NOT NULL PRIMARY KEY CHECK (purpose = 'licence'),
    kid TEXT NOT NULL UNIQUE,
    public BYTEA NOT NULL,
    private_sealed BYTEA NOT NULL,
    created_at BIGINT NOT NULL
);

-- Some dialects know a product by a number. It is given once and never changes.
CREATE TABLE delivery_number (
    product TEXT NOT NULL PRIMARY KEY REFERENCES catalog_product (id),
    number BIGINT NOT NULL UNIQUE CHECK (number >= 1)
);
