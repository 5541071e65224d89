package api

import (
	"errors"
	"time"

	"yunshi/client"
	"yunshi/internal/base/db"
	"yunshi/internal/base/text"
	"yunshi/internal/base/tlog"
	"yunshi/internal/edge/serve"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/ledger"
	"yunshi/internal/market/message"
	"yunshi/internal/market/payment"
	"yunshi/internal/market/reconciliation"
)

func messageShape(i message.Item) client.Message {
	return client.Message{
		ID: string(i.ID), Code: i.Code, Link: i.Link, SHA256: i.SHA256, CreatedAt: i.CreatedAt, ReadAt: optional(i.ReadAt),
		Title: client.Both{ZH: i.Title(text.ZH), EN: i.Title(text.EN)},
		Body:  client.Both{ZH: i.Body(text.ZH), EN: i.Body(text.EN)},
	}
}

func readBook(c *serve.Call, in *paged) (client.Page[client.Journal], error) {
	return read(c, func(r db.Reader) (client.Page[client.Journal], error) {
		found, next, err := ledger.Book(c.R.Context(), r, ledger.JournalID(in.Before), in.Limit)
		p := whole(found, journalShape)
		p.Next = string(next)
		return p, err
	})
}

func journalShape(j ledger.Journal) client.Journal {
	return client.Journal{
		ID: string(j.ID), Effect: j.EffectKey, Kind: string(j.Kind), Cause: j.Cause, Reverses: string(j.Reverses), Effective: j.Effective,
		Recorded: j.Recorded, Digest: j.Digest,
		Entries: each(j.Entries, func(e ledger.Entry) client.JournalEntry {
			return client.JournalEntry{Account: string(e.Account), Party: e.Party, Amount: amountShape(e.Amount)}
		}),
	}
}

type exceptionsIn struct {
	State string `query:"state" enum:"open,explained,resolved" default:"open"`
	paged
}

func listExceptions(c *serve.Call, in *exceptionsIn) (client.Page[client.Exception], error) {
	return read(c, func(r db.Reader) (client.Page[client.Exception], error) {
		found, err := reconciliation.Exceptions(c.R.Context(), r, reconciliation.ExceptionState(in.State), reconciliation.ExceptionID(in.Before), in.Limit+1)
		return page(each(found, exceptionShape), in.Limit, func(e client.Exception) string { return e.ID }), err
	})
}

func exceptionShape(e reconciliation.Exception) client.Exception {
	return client.Exception{
		ID: string(e.ID), Source: string(e.Source), Kind: e.Kind, Object: e.Object, Day: e.Day.String(), Ours: amountShape(e.Ours), Theirs: amountShape(e.Theirs),
		Detail: e.Detail, State: string(e.State), Reason: e.Reason, FirstSeen: e.FirstSeen, LastSeen: e.LastSeen, EndedAt: optional(e.EndedAt),
	}
}

func importStatement(c *serve.Call, in *bodyOf[client.Statement]) (client.Imported, error) {
	lines := each(in.Body.Lines, func(l client.StatementLine) payment.StatementLine {
		return payment.StatementLine{
			BankRef: l.BankRef, At: l.At, Amount: amountOf(l.Amount), Reference: l.Reference, Counterparty: l.Counterparty, Account: l.Account,
		}
	})
	input, err := keyed(c, in.Body)
	if err != nil {
		return client.Imported{}, err
	}
	return act(c, serve.Intent{Name: "payment.import_statement", Input: input, Clauses: []string{"UA 2.5"}}, func(tx *db.Tx) (string, client.Imported, error) {
		did, err := payment.ImportStatement(c.R.Context(), tx, c.Actor, lines)
		return c.Actor.Account, client.Imported{New: did.New, Known: did.Known, Matched: did.Matched}, err
	})
}

type auditIn struct {
	Subject string `query:"subject" required:"true" maxLength:"128" doc:"Id of the order, account, product … that was touched."`
}

func readAudit(c *serve.Call, in *auditIn) (client.Page[client.Act], error) {
	return read(c, func(r db.Reader) (client.Page[client.Act], error) {
		found, err := audit.Of(c.R.Context(), r, in.Subject)
		return whole(found, actShape), err
	})
}

func actShape(a audit.Act) client.Act {
	return client.Act{
		ID: a.ID, At: a.Time(), Kind: string(a.Kind), Actor: a.Actor, Account: a.Account, Act: a.Act, Subjects: a.Subjects, Clauses: a.Clauses,
		Refusal: a.Refusal, Data: a.Data,
	}
}

func logKey(c *serve.Call, _ *none) (client.LogKey, error) {
	return client.LogKey{Key: c.Market.Info.LogKey}, nil
}

func checkpoint(c *serve.Call, _ *none) (client.Checkpoint, error) {
	return read(c, func(r db.Reader) (client.Checkpoint, error) {
		p, ok, err := audit.Latest(c.R.Context(), r)
		if err != nil || !ok {
			return client.Checkpoint{}, err
		}
		return client.Checkpoint{Size: p.Size, At: p.At.Truncate(time.Microsecond), Note: p.Note}, nil
	})
}

func proveRecord(c *serve.Call, in *byID) (client.Inclusion, error) {
	return read(c, func(r db.Reader) (client.Inclusion, error) {
		p, err := audit.Prove(c.R.Context(), r, in.ID)
		if errors.Is(err, audit.ErrNotYet) {
			err = errNotInLog
		}
		return client.Inclusion{
			Leaf: p.Leaf, Position: p.Position, Size: p.Size, Checkpoint: p.Checkpoint,
			Proof: each(p.Proof, func(h tlog.Hash) string { return h.String() }),
		}, err
	})
}
