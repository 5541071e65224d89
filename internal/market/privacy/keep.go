package privacy

import (
	"context"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/market/account"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/complaint"
	"yunshi/internal/market/content"
	"yunshi/internal/market/delivery"
	"yunshi/internal/market/enforcement"
	"yunshi/internal/market/identity"
	"yunshi/internal/market/infringement"
	"yunshi/internal/market/invoice"
	"yunshi/internal/market/message"
	"yunshi/internal/market/operation"
	"yunshi/internal/market/payment"
	"yunshi/internal/market/refund"
	"yunshi/internal/market/review"
	"yunshi/internal/market/settlement"
	"yunshi/internal/market/vendor"
)

// Keeper is what one package does with the persons in its tables. Each may be
// missing.
type Keeper struct {
	Package string
	// Erase takes the persons out of what it keeps of an account that has ended, by
	// class: [ClassAccount] on the day of the purge, [ClassTrade] and [ClassInvoice]
	// when the years of trades and invoices are over.
	Erase map[Class]func(ctx context.Context, tx *db.Tx, c Closing) (int64, error)
	// Expire deletes what is older than a moment, whosever it is.
	Expire map[Class]func(ctx context.Context, tx *db.Tx, before time.Time) (int64, error)
	// Open names a matter of an account that is under way, for which what is kept of
	// the account stays; empty when there is none.
	Open func(ctx context.Context, r db.Reader, id account.ID) (string, error)
}

// Keep are the keepers of a market.
type Keep []Keeper

func of(erase func(context.Context, *db.Tx, account.ID) (int64, error)) func(context.Context, *db.Tx, Closing) (int64, error) {
	return func(ctx context.Context, tx *db.Tx, c Closing) (int64, error) { return erase(ctx, tx, c.Account) }
}

type (
	erasers  = map[Class]func(context.Context, *db.Tx, Closing) (int64, error)
	expirers = map[Class]func(context.Context, *db.Tx, time.Time) (int64, error)
)

// Keepers are those of the packages before this one. App adds the later ones.
func Keepers() Keep {
	return Keep{
		{Package: "account", Erase: erasers{ClassAccount: of(account.Erase)}, Expire: expirers{ClassLog: account.Expire}},
		{Package: "identity", Erase: erasers{ClassAccount: eraseIdentity, ClassTrade: of(identity.Forget)}},
		{Package: "agreement", Erase: erasers{ClassTrade: of(agreement.Erase)}, Expire: expirers{ClassCase: agreement.Expire}},
		{Package: "content", Erase: erasers{ClassTrade: of(content.Erase)}, Expire: expirers{ClassLog: content.Expire, ClassCase: content.ExpireTold}},
		{Package: "message", Erase: erasers{ClassTrade: of(message.Erase)}},
		{Package: "operation", Erase: erasers{ClassTrade: of(operation.Erase)}, Expire: expirers{ClassCase: operation.Expire}},
		{Package: "vendor", Erase: erasers{ClassTrade: of(vendor.Erase)}},
		{Package: "payment", Expire: expirers{ClassInvoice: payment.Expire}},
		{Package: "delivery", Erase: erasers{ClassAccount: of(delivery.Erase)}},
		{Package: "invoice", Erase: erasers{ClassAccount: of(invoice.EraseTitles), ClassInvoice: of(invoice.EraseBuyers)}},
		{Package: "review", Erase: erasers{ClassTrade: of(review.Erase)}},
		{Package: "refund", Erase: erasers{ClassTrade: of(refund.Erase)}, Open: refund.UnderWay},
		{Package: "settlement", Erase: erasers{ClassInvoice: of(settlement.Erase)}},
		{Package: "complaint", Erase: erasers{ClassTrade: of(complaint.Erase)}, Expire: expirers{ClassSharing: complaint.Expire, ClassCase: complaint.ExpireTasks}, Open: complaint.UnderWay},
		{Package: "infringement", Expire: expirers{ClassCase: infringement.Expire}, Open: infringement.UnderWay},
		{Package: "enforcement", Erase: erasers{ClassTrade: of(enforcement.Erase)}, Expire: expirers{ClassCase: enforcement.Expire}, Open: enforcement.UnderWay},
		{Package: "privacy", Expire: expirers{ClassSharing: expireSharing, ClassTrade: expireRelay, ClassCase: expireAudits}},
	}
}

// eraseIdentity keeps the keyed hash of the number of somebody whose agreement was
// dissolved for a breach: who was banned is recognised again (clause 8.3).
func eraseIdentity(ctx context.Context, tx *db.Tx, c Closing) (int64, error) {
	return identity.Erase(ctx, tx, c.Account, c.Cause == ByTermination)
}

// erase runs the erasers of a class for one ended account.
func (k Keep) erase(ctx context.Context, tx *db.Tx, c Closing, class Class) (map[string]int64, error) {
	all := map[string]int64{}
	for _, one := range k {
		do := one.Erase[class]
		if do == nil {
			continue
		}
		n, err := do(ctx, tx, c)
		if err != nil {
			return nil, err
		}
		all[one.Package] = n
		tx.Queue(insertErasure, tx.ID("ers"), string(c.ID), string(class), one.Package, n, 0, db.Micros(tx.Now()))
	}
	return all, nil
}

// expire runs the expirers of a class for everything before a moment.
func (k Keep) expire(ctx context.Context, tx *db.Tx, class Class, before time.Time) error {
	for _, one := range k {
		do := one.Expire[class]
		if do == nil {
			continue
		}
		n, err := do(ctx, tx, before)
		if err != nil {
			return err
		}
		if n > 0 {
			tx.Queue(insertErasure, tx.ID("ers"), "", string(class), one.Package, n, db.Micros(before), db.Micros(tx.Now()))
		}
	}
	return nil
}

// Sheet is a part of a copy: the rows of one table by column. Title and Labels are
// its words in the language of who reads it.
type Sheet struct {
	Table   string              `json:"table"`
	Title   string              `json:"title"`
	Columns []string            `json:"columns"`
	Labels  map[string]string   `json:"labels"`
	Rows    []map[string]string `json:"rows"`
}

// Copy is everything that the market keeps about an account, with what it did with
// it.
type Copy struct {
	Account account.ID `json:"account"`
	At      time.Time  `json:"made_at"`
	Sheets  []Sheet    `json:"tables"`
}

// Export makes the copy of the actor's account and records that it was taken. It
// is open as long as the data is there, whatever was taken from the account. Own
// reads what the inventory says is the account's.
//
// Clause: PIPL 45 (a person may look into the own data, copy it and take it elsewhere).
func Export(ctx context.Context, tx *db.Tx, by audit.Actor, own func(context.Context, db.Reader, account.ID) ([]Sheet, error)) (_ Copy, err error) {
	defer fault.Wrap(&err, "privacy.Export(%s)", by.Account)
	if !by.Has(account.Owner) {
		return Copy{}, ErrForbidden
	}
	out := Copy{Account: account.ID(by.Account), At: tx.Now()}
	if out.Sheets, err = own(ctx, tx, out.Account); err != nil {
		return Copy{}, err
	}
	c, err := Current(ctx, tx, out.Account)
	if err != nil {
		return Copy{}, err
	}
	if c != nil && c.State == Waiting {
		if _, err := tx.Exec(ctx, markExported, db.Micros(tx.Now()), string(c.ID)); err != nil {
			return Copy{}, err
		}
	}
	rows := map[string]int{}
	for _, s := range out.Sheets {
		rows[s.Table] = len(s.Rows)
	}
	return out, audit.Record(ctx, tx, by, audit.Entry{
		Act: "privacy.exported", Subjects: []string{by.Account}, Clauses: []string{"PIPL 45", "UA 8.5"}, Data: map[string]any{"rows": rows},
	})
}

// expireSharing deletes the register's rows that are older than the law on shared
// data wants.
func expireSharing(ctx context.Context, tx *db.Tx, before time.Time) (removed int64, err error) {
	for _, q := range []string{expireDisclosures, expireRequests, expireConsents} {
		n, err := tx.Exec(ctx, q, db.Micros(before))
		if err != nil {
			return removed, err
		}
		removed += n
	}
	return removed, nil
}

func expireRelay(ctx context.Context, tx *db.Tx, before time.Time) (int64, error) {
	return tx.Exec(ctx, expireRelayed, db.Micros(before))
}

// expireAudits empties what audits of vendors said, and what was found.
func expireAudits(ctx context.Context, tx *db.Tx, before time.Time) (removed int64, err error) {
	for _, one := range []struct {
		ids, done string
		columns   []db.Emptying
	}{
		{oldAudits, auditErased, []db.Emptying{{Update: eraseAudit, At: func(id string) string { return auditNoteAt(AuditID(id)) }}}},
		{oldFindings, findingErased, []db.Emptying{
			{Update: eraseFinding, At: func(id string) string { return findingAt(FindingID(id)) }}, {Update: eraseOutcome, At: func(id string) string { return outcomeAt(FindingID(id)) }},
		}},
	} {
		n, err := db.Retire(ctx, tx, one.ids, before, one.done, one.columns...)
		if removed += n; err != nil {
			return removed, err
		}
	}
	return removed, nil
}

// held names a matter for which an account's records stay although their years are
// over; empty when there is none.
//
// Clause: PIPL 47 (what a matter that is under way needs is kept, and used for nothing else).
func (k Keep) held(ctx context.Context, r db.Reader, id account.ID) (string, error) {
	for _, one := range k {
		if one.Open == nil {
			continue
		}
		if matter, err := one.Open(ctx, r, id); err != nil || matter != "" {
			return matter, err
		}
	}
	return "", nil
}

// Hold is an ended account whose records stay past their years, and for what.
type Hold struct {
	Closing
	Matter string
}

// Holds are the ended accounts whose years are over and whose records a matter
// holds.
func (k Keep) Holds(ctx context.Context, r db.Reader) ([]Hold, error) {
	due, err := db.All(ctx, r, scanClosing, selectOverdue, db.Micros(r.Now()))
	if err != nil {
		return nil, err
	}
	var all []Hold
	for _, c := range due {
		matter, err := k.held(ctx, r, c.Account)
		if err != nil {
			return nil, err
		}
		if matter != "" {
			all = append(all, Hold{c, matter})
		}
	}
	return all, nil
}

// Erasures are the last runs that removed something, newest first.
func Erasures(ctx context.Context, r db.Reader, n int) ([]Erasure, error) {
	return db.All(ctx, r, scanErasure, selectErasures, n)
}
