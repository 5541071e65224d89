-- Records of acts, the transparency log over them, idempotency, and jobs.
-- +goose Up
CREATE TABLE audit_record (
  id TEXT NOT NULL PRIMARY KEY,
  at BIGINT NOT NULL,
  actor_kind TEXT NOT NULL CHECK (actor_kind IN ('person', 'job', 'provider', 'cli')),
  actor TEXT NOT NULL,
  account TEXT NOT NULL,
  session TEXT NOT NULL,
  method TEXT NOT NULL,
  act TEXT NOT NULL,
  subjects TEXT NOT NULL,
  clauses TEXT NOT NULL,
  refusal TEXT NOT NULL,
  data TEXT NOT NULL,
  data_sha256 TEXT NOT NULL
);
CREATE INDEX audit_record_at ON audit_record (at, id);
CREATE INDEX audit_record_account ON audit_record (account, at);

CREATE TABLE audit_subject (
  subject TEXT NOT NULL,
  record TEXT NOT NULL REFERENCES audit_record (id),
  PRIMARY KEY (subject, record)
);

-- Records that wait for their place in the log; a worker empties it.
CREATE TABLE audit_pending (
  record TEXT NOT NULL PRIMARY KEY REFERENCES audit_record (id),
  at BIGINT NOT NULL
);

CREATE TABLE audit_leaf (
  position BIGINT NOT NULL PRIMARY KEY CHECK (position >= 0),
  record TEXT NOT NULL UNIQUE REFERENCES audit_record (id)
);

CREATE TABLE audit_hash (
  position BIGINT NOT NULL PRIMARY KEY CHECK (position >= 0),
  hash BYTEA NOT NULL
);

CREATE TABLE audit_checkpoint (
  size BIGINT NOT NULL PRIMARY KEY CHECK (size > 0),
  at BIGINT NOT NULL,
  note TEXT NOT NULL
);

-- +sqlite
-- +goose StatementBegin
CREATE TRIGGER audit_record_no_update BEFORE UPDATE ON audit_record BEGIN SELECT RAISE(ABORT, 'audit records are append-only'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER audit_record_no_delete BEFORE DELETE ON audit_record BEGIN SELECT RAISE(ABORT, 'audit records are append-only'); END;
-- +goose StatementEnd
-- +postgres
-- +goose StatementBegin
CREATE FUNCTION append_only() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$;
-- +goose StatementEnd
CREATE TRIGGER audit_record_no_change BEFORE UPDATE OR DELETE ON audit_record FOR EACH ROW EXECUTE FUNCTION append_only();
-- +all

CREATE TABLE command_done (
  principal TEXT NOT NULL,
  key TEXT NOT NULL,
  name TEXT NOT NULL,
  input_sha256 TEXT NOT NULL,
  answer TEXT NOT NULL,
  at BIGINT NOT NULL,
  PRIMARY KEY (principal, key)
);
CREATE INDEX command_done_at ON command_done (at);

CREATE TABLE job_job (
  id TEXT NOT NULL PRIMARY KEY,
  kind TEXT NOT NULL,
  object TEXT NOT NULL,
  name TEXT NOT NULL,
  payload TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('waiting', 'running', 'done', 'failed', 'cancelled')),
  due_at BIGINT NOT NULL,
  lease_until BIGINT NOT NULL,
  token BIGINT NOT NULL CHECK (token >= 0),
  attempt BIGINT NOT NULL CHECK (attempt >= 0),
  enqueued_at BIGINT NOT NULL,
  ended_at BIGINT NOT NULL,
  error TEXT NOT NULL
);
CREATE INDEX job_job_due ON job_job (due_at, id) WHERE state = 'waiting';
CREATE INDEX job_job_lease ON job_job (lease_until) WHERE state = 'running';
CREATE INDEX job_job_object ON job_job (object, kind);
CREATE UNIQUE INDEX job_job_open ON job_job (kind, object, name) WHERE state = 'waiting' AND name <> '';
