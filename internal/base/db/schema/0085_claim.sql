-- Claims under clause 4.10 with their offers; reports by anybody; what the operator has learnt of products.
-- +goose Up
CREATE TABLE complaint_claim (
  id TEXT NOT NULL PRIMARY KEY CHECK (id <> ''),
  complaint TEXT NOT NULL,
  order_id TEXT NOT NULL REFERENCES order_order (id),
  line TEXT NOT NULL REFERENCES order_line (id),
  account TEXT NOT NULL REFERENCES account_account (id),
  vendor TEXT NOT NULL REFERENCES vendor_vendor (id),
  product TEXT NOT NULL,
  opened_by TEXT NOT NULL,
  item TEXT NOT NULL CHECK (item <> ''),
  ground TEXT NOT NULL CHECK (ground IN ('mismatch', 'fraud', 'gross_negligence', 'injury')),
  loss_sealed BYTEA NOT NULL,
  currency TEXT NOT NULL,
  asked_refund BIGINT NOT NULL CHECK (asked_refund >= 0),
  asked_damages BIGINT NOT NULL CHECK (asked_damages >= 0),
  cap BIGINT NOT NULL CHECK (cap >= 0),
  cap_includes_refund BOOLEAN NOT NULL,
  statutory BIGINT NOT NULL CHECK (statutory >= 0),
  rulebook TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('opened', 'vendor_reply', 'negotiated', 'mediated', 'settled', 'court', 'closed')),
  exception TEXT NOT NULL CHECK (exception IN ('none', 'law', 'agreement')),
  exception_basis TEXT NOT NULL,
  settled_refund BIGINT NOT NULL CHECK (settled_refund >= 0),
  settled_damages BIGINT NOT NULL CHECK (settled_damages >= 0),
  settled_at BIGINT NOT NULL,
  payment_refund TEXT NOT NULL,
  court TEXT NOT NULL,
  court_case TEXT NOT NULL,
  version BIGINT NOT NULL CHECK (version >= 1),
  reply_due BIGINT NOT NULL,
  opened_at BIGINT NOT NULL,
  closed_at BIGINT NOT NULL,
  CHECK ((closed_at > 0) = (state = 'closed')),
  CHECK (state <> 'court' OR court <> '' AND court_case <> ''),
  CHECK ((exception = 'none') = (exception_basis = '')),
  -- What was settled stays below the ceiling unless law or an agreement is named.
  CHECK (settled_damages <= cap OR exception <> 'none')
);
CREATE INDEX complaint_claim_account ON complaint_claim (account, id);
CREATE INDEX complaint_claim_vendor ON complaint_claim (vendor, id);
CREATE INDEX complaint_claim_of_order ON complaint_claim (order_id, id);
CREATE UNIQUE INDEX complaint_claim_open ON complaint_claim (line) WHERE state NOT IN ('settled', 'closed');

-- The purchases of one product that a claim is about: the first and the renewals in dispute.
CREATE TABLE complaint_claim_order (
  claim TEXT NOT NULL REFERENCES complaint_claim (id),
  order_id TEXT NOT NULL REFERENCES order_order (id),
  PRIMARY KEY (claim, order_id)
);

CREATE TABLE complaint_claim_step (
  claim TEXT NOT NULL REFERENCES complaint_claim (id),
  seq BIGINT NOT NULL CHECK (seq >= 1),
  from_state TEXT NOT NULL,
  event TEXT NOT NULL,
  to_state TEXT NOT NULL,
  side TEXT NOT NULL,
  actor TEXT NOT NULL,
  refund BIGINT NOT NULL,
  damages BIGINT NOT NULL,
  clause TEXT NOT NULL,
  note_sealed BYTEA NOT NULL,
  at BIGINT NOT NULL,
  PRIMARY KEY (claim, seq)
);

CREATE TABLE complaint_offer (
  id TEXT NOT NULL PRIMARY KEY CHECK (id <> ''),
  claim TEXT NOT NULL REFERENCES complaint_claim (id),
  side TEXT NOT NULL CHECK (side IN ('user', 'vendor', 'operator')),
  state TEXT NOT NULL CHECK (state IN ('open', 'replaced', 'accepted')),
  refund BIGINT NOT NULL CHECK (refund >= 0),
  damages BIGINT NOT NULL CHECK (damages >= 0),
  exception TEXT NOT NULL CHECK (exception IN ('none', 'law', 'agreement')),
  exception_basis TEXT NOT NULL,
  user_agrees BOOLEAN NOT NULL,
  vendor_agrees BOOLEAN NOT NULL,
  by_user TEXT NOT NULL,
  at BIGINT NOT NULL
);
CREATE INDEX complaint_offer_claim ON complaint_offer (claim, id);
CREATE UNIQUE INDEX complaint_offer_open ON complaint_offer (claim) WHERE state = 'open';

CREATE TABLE complaint_report (
  id TEXT NOT NULL PRIMARY KEY CHECK (id <> ''),
  account TEXT NOT NULL,
  email_sealed BYTEA NOT NULL,
  email_index TEXT NOT NULL,
  source_index TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind <> ''),
  product TEXT NOT NULL,
  vendor TEXT NOT NULL,
  place_sealed BYTEA NOT NULL,
  text_sealed BYTEA NOT NULL,
  text_sha256 TEXT NOT NULL CHECK (length(text_sha256) = 64),
  locale TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('unconfirmed', 'received', 'handed_over', 'closed')),
  case_id TEXT NOT NULL,
  outcome TEXT NOT NULL CHECK (outcome IN ('', 'acted', 'no_breach', 'not_enough')),
  reply_sealed BYTEA NOT NULL,
  closed_by TEXT NOT NULL,
  version BIGINT NOT NULL CHECK (version >= 1),
  due BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  confirmed_at BIGINT NOT NULL,
  closed_at BIGINT NOT NULL,
  CHECK ((confirmed_at = 0) = (state = 'unconfirmed')),
  CHECK ((closed_at > 0) = (state = 'closed')),
  CHECK ((outcome <> '') = (state = 'closed'))
);
CREATE INDEX complaint_report_queue ON complaint_report (state, due);
CREATE INDEX complaint_report_source ON complaint_report (source_index, created_at);
CREATE INDEX complaint_report_email ON complaint_report (email_index, created_at);
CREATE INDEX complaint_report_account ON complaint_report (account, id);

-- When the operator learnt of what is wrong with a product.
CREATE TABLE complaint_knowledge (
  product TEXT NOT NULL CHECK (product <> ''),
  kind TEXT NOT NULL CHECK (kind <> ''),
  source TEXT NOT NULL CHECK (source <> ''),
  account TEXT NOT NULL,
  at BIGINT NOT NULL,
  PRIMARY KEY (product, kind, source)
);

CREATE TABLE complaint_task (
  id TEXT NOT NULL PRIMARY KEY CHECK (id <> ''),
  product TEXT NOT NULL CHECK (product <> ''),
  vendor TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind <> ''),
  state TEXT NOT NULL CHECK (state IN ('open', 'done')),
  due BIGINT NOT NULL,
  action TEXT NOT NULL CHECK (action IN ('', 'vendor_asked', 'hidden', 'delisted', 'buyers_told', 'case_opened', 'none_needed')),
  note_sealed BYTEA NOT NULL,
  done_by TEXT NOT NULL,
  raised_at BIGINT NOT NULL,
  done_at BIGINT NOT NULL,
  CHECK ((state = 'done') = (action <> '')),
  CHECK ((state = 'done') = (done_at > 0))
);
CREATE UNIQUE INDEX complaint_task_open ON complaint_task (product, kind) WHERE state = 'open';
