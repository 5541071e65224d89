-- The book: journals and entries are written once, balances follow them.
-- +goose Up
CREATE TABLE ledger_journal (
  id TEXT NOT NULL PRIMARY KEY,
  effect_key TEXT NOT NULL UNIQUE,
  kind TEXT NOT NULL,
  cause TEXT NOT NULL,
  reverses TEXT UNIQUE REFERENCES ledger_journal (id),
  effective_at BIGINT NOT NULL,
  recorded_at BIGINT NOT NULL,
  digest TEXT NOT NULL
);
CREATE INDEX ledger_journal_recorded ON ledger_journal (recorded_at, id);
CREATE INDEX ledger_journal_cause ON ledger_journal (cause);

CREATE TABLE ledger_entry (
  journal TEXT NOT NULL REFERENCES ledger_journal (id),
  line BIGINT NOT NULL CHECK (line >= 1),
  account TEXT NOT NULL,
  party TEXT NOT NULL,
  currency TEXT NOT NULL,
  amount BIGINT NOT NULL CHECK (amount <> 0),
  PRIMARY KEY (journal, line)
);
CREATE INDEX ledger_entry_account ON ledger_entry (account, party, currency);

-- The last two lines are the floors: a liability is never negative, client
-- money never overdrawn. Striped accounts are checked as sums instead.
CREATE TABLE ledger_balance (
  account TEXT NOT NULL,
  party TEXT NOT NULL,
  currency TEXT NOT NULL,
  stripe BIGINT NOT NULL CHECK (stripe >= 0 AND stripe < 16),
  debit BIGINT NOT NULL CHECK (debit >= 0),
  credit BIGINT NOT NULL CHECK (credit >= 0),
  PRIMARY KEY (account, party, currency, stripe),
  CHECK (account NOT IN ('escrow', 'refund.inflight', 'vendor.deposit', 'buyer.owed') OR credit >= debit),
  CHECK (account <> 'bank.client' OR debit >= credit)
);

-- +sqlite
-- +goose StatementBegin
CREATE TRIGGER ledger_journal_no_update BEFORE UPDATE ON ledger_journal BEGIN SELECT RAISE(ABORT, 'journals are append-only'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER ledger_journal_no_delete BEFORE DELETE ON ledger_journal BEGIN SELECT RAISE(ABORT, 'journals are append-only'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER ledger_entry_no_update BEFORE UPDATE ON ledger_entry BEGIN SELECT RAISE(ABORT, 'entries are append-only'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER ledger_entry_no_delete BEFORE DELETE ON ledger_entry BEGIN SELECT RAISE(ABORT, 'entries are append-only'); END;
-- +goose StatementEnd
-- +postgres
CREATE TRIGGER ledger_journal_no_change BEFORE UPDATE OR DELETE ON ledger_journal FOR EACH ROW EXECUTE FUNCTION append_only();
CREATE TRIGGER ledger_entry_no_change BEFORE UPDATE OR DELETE ON ledger_entry FOR EACH ROW EXECUTE FUNCTION append_only();
-- +all
