-- Invoices: buyers' titles, requests to vendors, e-invoices and red letters; the operator's own invoices to vendors.
-- +goose Up
CREATE TABLE invoice_title (
  id TEXT NOT NULL PRIMARY KEY,
  account TEXT NOT NULL REFERENCES account_account (id),
  kind TEXT NOT NULL CHECK (kind IN ('individual', 'company')),
  buyer_sealed BYTEA NOT NULL,
  created_at BIGINT NOT NULL,
  removed_at BIGINT NOT NULL
);
CREATE INDEX invoice_title_account ON invoice_title (account, id);

-- What may still be invoiced of an order. Requests, invoices and refunds meet in this row, so whatever order they come
-- in, invoices never exceed what was paid and kept. A red letter that both sides confirmed is released before its red
-- invoice exists: a refund may go on, a new invoice may not.
CREATE TABLE invoice_budget (
  order_id TEXT NOT NULL PRIMARY KEY CHECK (order_id <> ''),
  currency TEXT NOT NULL,
  paid BIGINT NOT NULL CHECK (paid >= 0),
  refunded BIGINT NOT NULL CHECK (refunded >= 0),
  claimed BIGINT NOT NULL CHECK (claimed >= 0),
  released BIGINT NOT NULL CHECK (released >= 0),
  awaited BIGINT NOT NULL CHECK (awaited >= 0), -- what a refund that waits for red letters wants given back in all
  CHECK (released <= claimed),
  CHECK (claimed - released + refunded <= paid)
);

CREATE TABLE invoice_request (
  id TEXT NOT NULL PRIMARY KEY,
  order_id TEXT NOT NULL REFERENCES invoice_budget (order_id),
  line TEXT NOT NULL,
  account TEXT NOT NULL REFERENCES account_account (id),
  vendor TEXT NOT NULL REFERENCES vendor_vendor (id),
  kind TEXT NOT NULL CHECK (kind IN ('ordinary', 'special')),
  title_kind TEXT NOT NULL CHECK (title_kind IN ('individual', 'company')),
  buyer_sealed BYTEA NOT NULL,
  amount BIGINT NOT NULL CHECK (amount > 0),
  currency TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('requested', 'vendor_confirmed', 'issuing', 'issued', 'delivered', 'withdrawn', 'rejected', 'red_pending', 'red_issued')),
  reason_sealed BYTEA NOT NULL,
  clock TEXT NOT NULL CHECK (clock IN ('working_days', 'natural_days')),
  due_at BIGINT NOT NULL,
  overdue_at BIGINT NOT NULL,
  requested_at BIGINT NOT NULL,
  confirmed_at BIGINT NOT NULL,
  issued_at BIGINT NOT NULL,
  delivered_at BIGINT NOT NULL,
  ended_at BIGINT NOT NULL,
  CHECK (kind = 'ordinary' OR title_kind = 'company'),
  CHECK ((state IN ('issued', 'delivered', 'red_pending', 'red_issued')) = (issued_at > 0)),
  CHECK ((state IN ('withdrawn', 'rejected', 'red_issued')) = (ended_at > 0))
);
CREATE INDEX invoice_request_order ON invoice_request (order_id, id);
CREATE INDEX invoice_request_account ON invoice_request (account, id);
CREATE INDEX invoice_request_vendor ON invoice_request (vendor, state, due_at, id);
CREATE INDEX invoice_request_overdue ON invoice_request (overdue_at, id) WHERE overdue_at > 0;

-- An e-invoice as its file says. Red ones have negative amounts and name the blue one they take back.
CREATE TABLE invoice_invoice (
  id TEXT NOT NULL PRIMARY KEY,
  request TEXT NOT NULL REFERENCES invoice_request (id),
  colour TEXT NOT NULL CHECK (colour IN ('blue', 'red')),
  number TEXT NOT NULL UNIQUE CHECK (length(number) = 20),
  kind TEXT NOT NULL CHECK (kind IN ('ordinary', 'special')),
  net BIGINT NOT NULL,
  tax BIGINT NOT NULL,
  total BIGINT NOT NULL,
  reddened BIGINT NOT NULL CHECK (reddened >= 0),
  currency TEXT NOT NULL,
  document_sealed BYTEA NOT NULL,
  issued_at BIGINT NOT NULL,
  recorded_at BIGINT NOT NULL,
  recorded_by TEXT NOT NULL,
  retain_until BIGINT NOT NULL,
  CHECK (net + tax = total),
  CHECK ((colour = 'blue' AND total > 0 AND reddened <= total) OR (colour = 'red' AND total < 0 AND reddened = 0))
);
CREATE UNIQUE INDEX invoice_invoice_blue ON invoice_invoice (request) WHERE colour = 'blue';
CREATE INDEX invoice_invoice_request ON invoice_invoice (request, id);

-- The bytes are sealed in the file store; sha256 is that of the file itself.
CREATE TABLE invoice_file (
  request TEXT NOT NULL REFERENCES invoice_request (id),
  kind TEXT NOT NULL CHECK (kind IN ('xml', 'ofd', 'pdf', 'red_xml', 'red_ofd', 'red_pdf')),
  number BIGINT NOT NULL CHECK (number >= 1),
  sha256 TEXT NOT NULL CHECK (length(sha256) = 64),
  size BIGINT NOT NULL CHECK (size > 0),
  blob TEXT NOT NULL CHECK (blob <> ''),
  added_at BIGINT NOT NULL,
  added_by TEXT NOT NULL,
  PRIMARY KEY (request, kind, number)
);

-- State is the tax administration's code, or 'asked' until somebody has entered a confirmation form there.
CREATE TABLE invoice_red (
  id TEXT NOT NULL PRIMARY KEY,
  request TEXT NOT NULL REFERENCES invoice_request (id),
  blue TEXT NOT NULL REFERENCES invoice_invoice (id),
  order_id TEXT NOT NULL REFERENCES invoice_budget (order_id),
  reason TEXT NOT NULL CHECK (reason IN ('01', '02', '03', '04')),
  amount BIGINT NOT NULL CHECK (amount > 0),
  state TEXT NOT NULL CHECK (state IN ('asked', '01', '02', '03', '04', '05', '06', '07', '08', '09', '10', '11', '12', '13')),
  entered_by TEXT NOT NULL CHECK (entered_by IN ('', 'seller', 'buyer')),
  confirmation TEXT NOT NULL CHECK (confirmation = '' OR length(confirmation) = 20),
  expires_at BIGINT NOT NULL,
  asked_at BIGINT NOT NULL,
  entered_at BIGINT NOT NULL,
  ended_at BIGINT NOT NULL,
  invoice TEXT NOT NULL,
  CHECK ((state = 'asked') = (confirmation = '' AND entered_by = '' AND ended_at = 0)),
  CHECK (invoice = '' OR state IN ('01', '04')),
  CHECK ((ended_at > 0) = (invoice <> '' OR state IN ('05', '06', '07', '08', '09', '10', '11', '12', '13')))
);
-- One red letter of an invoice at a time, and a form's number counts once.
CREATE UNIQUE INDEX invoice_red_open ON invoice_red (blue) WHERE ended_at = 0;
CREATE UNIQUE INDEX invoice_red_confirmation ON invoice_red (confirmation) WHERE confirmation <> '';
CREATE INDEX invoice_red_request ON invoice_red (request, id);
CREATE INDEX invoice_red_order ON invoice_red (order_id, id);

-- What the operator bills its vendors. The number is given afterwards by one worker, so that there is no gap.
CREATE TABLE invoice_operator (
  id TEXT NOT NULL PRIMARY KEY,
  vendor TEXT NOT NULL REFERENCES vendor_vendor (id),
  period TEXT NOT NULL CHECK (length(period) = 7),
  year BIGINT NOT NULL CHECK (year >= 2020),
  number BIGINT NOT NULL CHECK (number >= 0),
  currency TEXT NOT NULL,
  net BIGINT NOT NULL,
  tax BIGINT NOT NULL,
  total BIGINT NOT NULL CHECK (total > 0),
  lines TEXT NOT NULL,
  source TEXT NOT NULL CHECK (source <> ''),
  seller TEXT NOT NULL CHECK (seller <> ''),
  issued_at BIGINT NOT NULL,
  numbered_at BIGINT NOT NULL,
  CHECK (net + tax = total),
  CHECK ((number > 0) = (numbered_at > 0)),
  UNIQUE (vendor, source)
);
CREATE UNIQUE INDEX invoice_operator_number ON invoice_operator (year, number) WHERE number > 0;
CREATE INDEX invoice_operator_waiting ON invoice_operator (year, id) WHERE number = 0;

CREATE TABLE invoice_sequence (
  year BIGINT NOT NULL PRIMARY KEY,
  last BIGINT NOT NULL CHECK (last >= 0)
);
