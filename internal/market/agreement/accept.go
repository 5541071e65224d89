package agreement

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/base/text"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
)

// Display records that a user was shown the whole bundle in a language, with the
// clauses that were in bold. It refuses STALE for a bundle that is not in force
// any more.
func Display(ctx context.Context, tx *db.Tx, by audit.Actor, locale, bundle string) error {
	b, err := inForce(ctx, tx, bundle)
	if err != nil {
		return err
	}
	return displayed(ctx, tx, by, b, locale, WholePage)
}

// displayed records what somebody was shown, and in bold where the whole text was.
func displayed(ctx context.Context, tx *db.Tx, by audit.Actor, b Bundle, locale string, on Channel) error {
	ids := []string{}
	for _, v := range b.Documents() {
		if on == Banner || on == Header {
			break // the way to the text, not the text
		}
		bold, err := db.All(ctx, tx, db.Column[string], sqlBoldInForce, v.ID)
		if err != nil {
			return err
		}
		ids = append(ids, bold...)
	}
	list, err := json.Marshal(ids)
	if err != nil {
		return err
	}
	if err := keep(ctx, tx, b); err != nil {
		return err
	}
	l := language(locale)
	if _, err := tx.Exec(ctx, sqlInsertDisplay, tx.ID("shw"), by.Account, by.User, by.Session, b.Hash, l, string(list), db.Micros(tx.Now()), string(on)); err != nil {
		return err
	}
	return audit.Record(ctx, tx, by, audit.Entry{
		Act: "agreement.displayed", Subjects: []string{by.Account}, Clauses: []string{"UA P-2"},
		Data: map[string]any{"bundle": b.Hash, "locale": l, "emphasised": ids, "channel": string(on)},
	})
}

// Accept records a click on the bundle in force. A second click changes nothing
// and returns the first record. It refuses NOT_AUTHORISED_TO_ACCEPT for anybody
// but the owner and STALE for a bundle that is not in force any more.
func Accept(ctx context.Context, tx *db.Tx, by audit.Actor, in Acceptance) (Record, error) {
	if err := mayAccept(by); err != nil {
		return Record{}, err
	}
	if in.Method != Click {
		return Record{}, ErrInvalid.In("method")
	}
	b, err := inForce(ctx, tx, in.Bundle)
	if err != nil {
		return Record{}, err
	}
	if err := covers(b, in.Document); err != nil {
		return Record{}, err
	}
	if _, err := tx.Exec(ctx, sqlEndRefusals, db.Micros(tx.Now()), by.Account); err != nil {
		return Record{}, err // who accepts after all does not refuse any more
	}
	_, record, err := insert(ctx, tx, by, b, in, tx.Now())
	return record, err
}

// AcceptRule accepts the bundle in force through one of its rules, where a person
// does what that rule is about: asking for a refund, say. Who may not bind the
// account, and who has accepted explicitly before, changes nothing.
func AcceptRule(ctx context.Context, tx *db.Tx, by audit.Actor, rule string, in Acceptance) (recorded bool, err error) {
	if mayAccept(by) != nil {
		return false, nil //nolint:nilerr // who may not accept binds nobody here either
	}
	b, err := Current(ctx, tx)
	if err != nil {
		return false, err
	}
	if err := covers(b, rule); err != nil {
		return false, err
	}
	s, _, err := Status(ctx, tx, account.ID(by.Account))
	if err != nil || s == Accepted || s == Refused || s == Dissolved {
		return false, err
	}
	in.Method, in.Document = Click, rule
	recorded, _, err = insert(ctx, tx, by, b, in, tx.Now())
	return recorded, err
}

// FirstUse records that an account was used after its owner was shown the bundle
// in force: an acceptance by use. It records at most once per account and bundle,
// nothing after an acceptance of any kind, and nothing for a user who may not
// accept or was not shown the text: use then proves nothing.
func FirstUse(ctx context.Context, tx *db.Tx, by audit.Actor) (recorded bool, err error) {
	if mayAccept(by) != nil {
		return false, nil //nolint:nilerr // who may not accept binds nobody by use either
	}
	b, err := Current(ctx, tx)
	if err != nil {
		return false, err
	}
	if s, _, err := Status(ctx, tx, account.ID(by.Account)); err != nil || s != None {
		return false, err
	}
	locale, err := db.Value[string](ctx, tx, sqlDisplayed, by.Account, b.Hash, by.User)
	if errors.Is(err, db.ErrNoRow) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	recorded, _, err = insert(ctx, tx, by, b, Acceptance{Method: Use, Locale: locale}, tx.Now())
	return recorded, err
}

// insert records an acceptance as of a moment, once per account, bundle and method.
// Every acceptance comes by here: of a dissolved agreement there is none.
func insert(ctx context.Context, tx *db.Tx, by audit.Actor, b Bundle, in Acceptance, at time.Time) (bool, Record, error) {
	_, dissolved, err := DissolutionOf(ctx, tx, account.ID(by.Account))
	if err == nil {
		err = binds(dissolved)
	}
	if err != nil {
		return false, Record{}, err
	}
	if err := keep(ctx, tx, b); err != nil {
		return false, Record{}, err
	}
	documents, err := db.All(ctx, tx, scanSource, sqlBundleSources, b.Hash)
	if err != nil {
		return false, Record{}, err
	}
	id, hash := tx.ID("acp"), textHash(documents)
	ip, err := tx.Keys().Seal(in.IP, ipAt(id))
	if err != nil {
		return false, Record{}, err
	}
	agent := strings.ToValidUTF8(in.UserAgent[:min(len(in.UserAgent), 256)], "")
	n, err := tx.Exec(ctx, sqlInsertRecord, id, by.Account, b.Hash, in.Method, in.Document, by.User, by.Session,
		language(in.Locale), hash, db.Micros(at), in.Proof, ip, agent)
	if err != nil {
		return false, Record{}, err
	}
	if n == 1 {
		act := "agreement.accepted"
		if in.Method == Use {
			act = "agreement.implied_acceptance"
		}
		if err := audit.Record(ctx, tx, by, audit.Entry{
			Act: act, Subjects: []string{by.Account, id}, Clauses: []string{"UA P-3", "UA 5.3", "UA 9.1", "UA 9.2"},
			Data: map[string]any{"bundle": b.Hash, "method": in.Method, "text_sha256": hash, "document": in.Document, "proof": in.Proof},
		}); err != nil {
			return false, Record{}, err
		}
	}
	records, err := recordsOf(ctx, tx, account.ID(by.Account), b.Hash)
	if err != nil {
		return false, Record{}, err
	}
	for _, r := range records {
		if r.Method == in.Method {
			return n == 1, r, nil
		}
	}
	return false, Record{}, errors.New("agreement: an acceptance vanished inside its transaction")
}

// inForce returns the bundle in force if it is the one with this hash.
func inForce(ctx context.Context, tx *db.Tx, hash string) (Bundle, error) {
	b, err := Current(ctx, tx)
	if err == nil && b.Hash != hash {
		err = ErrStale
	}
	return b, err
}

// keep writes down what a bundle's hash stands for.
func keep(ctx context.Context, tx *db.Tx, b Bundle) error {
	batch := tx.Batch()
	for i, v := range b.Documents() {
		batch.Add(sqlInsertBundle, b.Hash, i, v.ID)
	}
	_, err := batch.Send(ctx)
	return err
}

// recordsOf returns an account's records of a bundle with the moment from which
// they bind.
func recordsOf(ctx context.Context, r db.Reader, id account.ID, bundle string) ([]Record, error) {
	records, err := db.All(ctx, r, scanRecord, sqlRecords, id, bundle)
	bind(records)
	return records, err
}

func bind(records []Record) {
	acts := map[string][]time.Time{}
	for _, r := range records {
		acts[r.Bundle] = append(acts[r.Bundle], r.AcceptedAt)
	}
	for i := range records {
		records[i].EffectiveAt = effective(acts[records[i].Bundle])
	}
}

func language(locale string) string {
	if l, ok := text.ParseLang(locale); ok {
		return string(l)
	}
	return string(text.ZH)
}
