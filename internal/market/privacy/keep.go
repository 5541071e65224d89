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
	"yunshi/internal/market/entitlement"
	"yunshi/internal/market/identity"
	"yunshi/internal/market/invoice"
	"yunshi/internal/market/message"
	"yunshi/internal/market/operation"
	"yunshi/internal/market/refund"
)

// Keeper is what one package does with the persons in its tables. Each may be
// missing.
type Keeper struct {
	Package string
	// Copy returns what it keeps about an account, in plain.
	Copy func(ctx context.Context, r db.Reader, id account.ID) ([]account.Sheet, error)
	// Erase takes the persons out of what it keeps of an account that has ended, by
	// class: [ClassAccount] on the day of the purge, [ClassTrade] and [ClassInvoice]
	// when the years of trades and invoices are over.
	Erase map[Class]func(ctx context.Context, tx *db.Tx, c Closing) (int64, error)
	// Expire deletes what is older than a moment, whosever it is.
	Expire map[Class]func(ctx context.Context, tx *db.Tx, before time.Time) (int64, error)
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
		{Package: "account", Copy: account.Copy, Erase: erasers{ClassAccount: of(account.Erase)}, Expire: expirers{ClassLog: account.Expire}},
		{Package: "identity", Copy: identity.Copy, Erase: erasers{ClassAccount: eraseIdentity}},
		{Package: "agreement", Copy: agreement.Copy, Erase: erasers{ClassTrade: of(agreement.Erase)}},
		{Package: "content", Erase: erasers{ClassTrade: of(content.Erase)}, Expire: expirers{ClassLog: content.Expire}},
		{Package: "message", Copy: message.Copy, Erase: erasers{ClassTrade: of(message.Erase)}},
		{Package: "operation", Erase: erasers{ClassTrade: of(operation.Erase)}},
		{Package: "order", Copy: copyOrders},
		{Package: "entitlement", Copy: copyRights},
		{Package: "delivery", Erase: erasers{ClassAccount: of(delivery.Erase)}},
		{Package: "invoice", Copy: invoice.Copy, Erase: erasers{ClassAccount: of(invoice.EraseTitles), ClassInvoice: of(invoice.EraseBuyers)}},
		{Package: "refund", Copy: refund.Copy, Erase: erasers{ClassTrade: of(refund.Erase)}},
		{Package: "complaint", Erase: erasers{ClassTrade: of(complaint.Erase)}, Expire: expirers{ClassSharing: complaint.Expire}},
		{Package: "privacy", Copy: copyPrivacy, Expire: expirers{ClassSharing: expireSharing, ClassTrade: expireRelay}},
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

// Copy is everything that the market keeps about an account, with what it did with
// it.
type Copy struct {
	Account account.ID      `json:"account"`
	At      time.Time       `json:"made_at"`
	Sheets  []account.Sheet `json:"tables"`
}

// Export makes the copy of the actor's account and records that it was taken. It
// is open as long as the data is there, whatever was taken from the account.
//
// Clause: PIPL 45 (a person may look into the own data, copy it and take it elsewhere).
func (k Keep) Export(ctx context.Context, tx *db.Tx, by audit.Actor) (_ Copy, err error) {
	defer fault.Wrap(&err, "privacy.Export(%s)", by.Account)
	if !by.Has(account.Owner) {
		return Copy{}, ErrForbidden
	}
	out := Copy{Account: account.ID(by.Account), At: tx.Now()}
	for _, one := range k {
		if one.Copy == nil {
			continue
		}
		sheets, err := one.Copy(ctx, tx, out.Account)
		if err != nil {
			return Copy{}, err
		}
		for _, s := range sheets {
			if len(s.Rows) > 0 {
				out.Sheets = append(out.Sheets, s)
			}
		}
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

func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

func copyOrders(ctx context.Context, r db.Reader, id account.ID) ([]account.Sheet, error) {
	all, err := ordersOf(ctx, r, id)
	s := account.Sheet{Table: "order_order"}
	for _, o := range all {
		s.Rows = append(s.Rows, map[string]string{
			"id": string(o.ID), "product": string(o.Product), "vendor": o.Snapshot.Seller.RegisteredName, "plan": o.Snapshot.PlanCode, "state": string(o.State),
			"paid": o.Fee.Paid.Plain(), "currency": string(o.Fee.Paid.Currency), "terms_sha256": o.Snapshot.SheetSHA256,
			"placed_at": moment(o.PlacedAt), "paid_at": moment(o.PaidAt), "delivered_at": moment(o.DeliveredAt), "ended_at": moment(o.EndedAt),
		})
	}
	return []account.Sheet{s}, err
}

func copyRights(ctx context.Context, r db.Reader, id account.ID) ([]account.Sheet, error) {
	all, err := entitlement.Mine(ctx, r, id)
	s := account.Sheet{Table: "entitlement_grant"}
	for _, e := range all {
		s.Rows = append(s.Rows, map[string]string{
			"id": string(e.ID), "name": e.Name, "order_id": e.Order, "state": string(e.State), "starts_at": moment(e.StartsAt), "ends_at": moment(e.EndsAt),
		})
	}
	return []account.Sheet{s}, err
}

// copyPrivacy is what was done with the data: consents, the disclosures that the
// person may see, requests.
func copyPrivacy(ctx context.Context, r db.Reader, id account.ID) ([]account.Sheet, error) {
	consents, err := Consents(ctx, r, id)
	if err != nil {
		return nil, err
	}
	cs, ds, qs := account.Sheet{Table: "privacy_consent"}, account.Sheet{Table: "privacy_disclosure"}, account.Sheet{Table: "privacy_request"}
	for _, c := range consents {
		cs.Rows = append(cs.Rows, map[string]string{
			"id": string(c.ID), "recipient": c.Recipient.Name, "recipient_contact": c.Recipient.Contact, "purpose": c.Purpose, "fields": joined(c.Fields),
			"state": string(c.State), "given_at": moment(c.GivenAt), "expires_at": moment(c.ExpiresAt), "ended_at": moment(c.EndedAt),
		})
	}
	disclosures, err := Disclosures(ctx, r, id)
	if err != nil {
		return nil, err
	}
	for _, d := range disclosures {
		ds.Rows = append(ds.Rows, map[string]string{
			"id": string(d.ID), "recipient": d.Recipient.Name, "basis": "UA " + string(d.Basis), "provision": d.Provision, "matter": d.Matter, "fields": joined(d.Fields),
			"packet_sha256": d.SHA256, "channel": d.Channel, "made_at": moment(d.MadeAt),
		})
	}
	requests, err := Requests(ctx, r, id)
	for _, q := range requests {
		qs.Rows = append(qs.Rows, map[string]string{
			"id": string(q.ID), "kind": string(q.Kind), "vendor": string(q.Vendor), "text": q.Text, "state": string(q.State), "due_at": moment(q.DueAt),
			"result": string(q.Result), "answer": q.Answer, "asked_at": moment(q.AskedAt), "answered_at": moment(q.AnsweredAt),
		})
	}
	return []account.Sheet{cs, ds, qs}, err
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

// Erasures are the last runs that removed something, newest first.
func Erasures(ctx context.Context, r db.Reader, n int) ([]Erasure, error) {
	return db.All(ctx, r, scanErasure, selectErasures, n)
}
