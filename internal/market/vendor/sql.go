package vendor

import (
	"context"
	"errors"
	"fmt"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/db"
	"yunshi/internal/market/account"
	"yunshi/internal/market/job"
)

// A vendor is read with the name and subject type that hold for it: of the last
// verified profile, else of the newest one.
const (
	vendorCols = `v.id, v.account_id, v.state, p.registered_name, p.subject_type, v.merchant_ready, v.deposit_ok, v.dossier_ok, v.applied_at, v.exit_at`
	vendorFrom = ` FROM vendor_vendor v JOIN vendor_profile p ON p.vendor_id = v.id
		AND p.number = CASE WHEN v.verified_profile > 0 THEN v.verified_profile ELSE v.newest_profile END`

	selectVendor        = `SELECT ` + vendorCols + vendorFrom + ` WHERE v.id = $1`
	selectVendorOf      = `SELECT ` + vendorCols + vendorFrom + ` WHERE v.account_id = $1`
	selectVendors       = `SELECT ` + vendorCols + vendorFrom + ` WHERE v.id > $1 ORDER BY v.id LIMIT $2`
	selectVendorsQueued = `SELECT ` + vendorCols + ` FROM vendor_vendor v JOIN vendor_profile p ON p.vendor_id = v.id AND p.number = v.newest_profile
		WHERE p.state = 'submitted' ORDER BY p.submitted_at, v.id`

	insertVendor = `INSERT INTO vendor_vendor (id, account_id, state, newest_profile, verified_profile, merchant_ready, deposit_ok, dossier_ok, applied_at, exit_at)
		VALUES ($1, $2, $3, 1, 0, $4, $5, $6, $7, 0) ON CONFLICT (account_id) DO NOTHING`
	moveVendor        = `UPDATE vendor_vendor SET state = $1 WHERE id = $2 AND state = $3`
	insertMeasure     = `INSERT INTO vendor_measure (id, vendor_id, from_state, to_state, reason, clause, decided_by, decided_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`
	exitVendor        = `UPDATE vendor_vendor SET state = $1, exit_at = $2 WHERE id = $3 AND state = $4`
	newestProfile     = `UPDATE vendor_vendor SET newest_profile = $1, state = $2 WHERE id = $3 AND newest_profile = $4`
	verifyVendor      = `UPDATE vendor_vendor SET state = $1, verified_profile = $2, dossier_ok = $3 WHERE id = $4 AND newest_profile = $5`
	setMerchantReady  = `UPDATE vendor_vendor SET merchant_ready = $1 WHERE id = $2`
	setDepositOK      = `UPDATE vendor_vendor SET deposit_ok = $1 WHERE id = $2`
	setDossierOK      = `UPDATE vendor_vendor SET dossier_ok = $1 WHERE id = $2`
	selectNewest      = `SELECT newest_profile FROM vendor_vendor WHERE id = $1`
	selectVerified    = `SELECT verified_profile FROM vendor_vendor WHERE id = $1`
	selectExpiredDocs = `SELECT COUNT(*) FROM vendor_document d WHERE d.vendor_id = $1 AND d.valid_until <> '' AND d.valid_until < $2
		AND NOT EXISTS (SELECT 1 FROM vendor_document n WHERE n.vendor_id = d.vendor_id AND n.kind = d.kind AND (n.valid_until = '' OR n.valid_until > d.valid_until))`
)

func scanVendor(s db.Scanner) (Vendor, error) {
	var v Vendor
	var applied, exit int64
	err := s.Scan(&v.ID, &v.Account, &v.State, &v.RegisteredName, &v.SubjectType, &v.MerchantReady, &v.DepositOK, &v.DossierOK, &applied, &exit)
	v.AppliedAt, v.ExitAt = db.Time(applied), db.Time(exit)
	return v, err
}

// move is the only change of state that is not a decision on a profile.
func move(ctx context.Context, tx *db.Tx, v Vendor, to State) error {
	n, err := tx.Exec(ctx, moveVendor, string(to), string(v.ID), string(v.State))
	if err := guarded(n, err); err != nil {
		return err
	}
	return changed(ctx, tx, v.ID)
}

// changed tells the search index that the vendor's name or standing has changed.
func changed(ctx context.Context, tx *db.Tx, id ID) error {
	return job.Enqueue(ctx, tx, job.Spec{Kind: "search.vendor", Object: string(id), Name: "index", Unique: true})
}

func guarded(rows int64, err error) error {
	if err == nil && rows == 0 {
		return ErrState
	}
	return err
}

const (
	profileCols = `vendor_id, number, state, subject_type, registered_name, uscc, address, support_hours, persons, self_certified_at, submitted_at, decided_at, reason`

	selectProfile = `SELECT ` + profileCols + ` FROM vendor_profile WHERE vendor_id = $1 AND number = $2`
	insertProfile = `INSERT INTO vendor_profile (` + profileCols + `, decided_by)
		VALUES ($1, $2, 'submitted', $3, $4, $5, $6, $7, $8, $9, $10, 0, '', '')`
	replaceProfile = `UPDATE vendor_profile SET state = 'replaced' WHERE vendor_id = $1 AND number = $2 AND state = 'submitted'`
	decideProfile  = `UPDATE vendor_profile SET state = $1, decided_at = $2, decided_by = $3, reason = $4
		WHERE vendor_id = $5 AND number = $6 AND state = 'submitted'`
)

// persons is the part of a profile that names people; it is stored sealed.
type persons struct {
	LegalRepresentative string  `json:"legal_representative"`
	Contact             Contact `json:"contact"`
}

func sealContext(v ID) string { return "vendor_profile.persons/" + string(v) }

func storeProfile(ctx context.Context, tx *db.Tx, v ID, number int64, a Application) error {
	sealed, err := tx.Keys().SealJSON(persons{a.LegalRepresentative, a.Contact}, sealContext(v))
	if err != nil {
		return err
	}
	now := db.Micros(tx.Now())
	_, err = tx.Exec(ctx, insertProfile, string(v), number, string(a.SubjectType), a.RegisteredName, a.USCC, a.Address, a.SupportHours, sealed, now, now)
	return err
}

func readProfile(ctx context.Context, r db.Reader, v ID, number int64) (Profile, error) {
	p, err := db.One(ctx, r, func(s db.Scanner) (Profile, error) {
		var p Profile
		var sealed []byte
		var certified, submitted, decided int64
		if err := s.Scan(&p.Vendor, &p.Number, &p.State, &p.SubjectType, &p.RegisteredName, &p.USCC, &p.Address, &p.SupportHours,
			&sealed, &certified, &submitted, &decided, &p.Reason); err != nil {
			return p, err
		}
		p.SelfCertified = certified != 0
		p.SelfCertifiedAt, p.SubmittedAt, p.DecidedAt = db.Time(certified), db.Time(submitted), db.Time(decided)
		var who persons
		if err := r.Keys().OpenJSON(sealed, sealContext(p.Vendor), &who); err != nil {
			return p, err
		}
		p.LegalRepresentative, p.Contact = who.LegalRepresentative, who.Contact
		return p, nil
	}, selectProfile, string(v), number)
	if errors.Is(err, db.ErrNoRow) {
		return p, ErrNotFound
	}
	return p, err
}

const (
	selectMerchants = `SELECT id, vendor_id, provider, number, added_at FROM vendor_merchant WHERE vendor_id = $1 ORDER BY provider`
	insertMerchant  = `INSERT INTO vendor_merchant (id, vendor_id, provider, number, added_at, added_by) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT DO NOTHING`

	selectDeposits  = `SELECT id, vendor_id, amount_minor, currency, source, received_at FROM vendor_deposit WHERE vendor_id = $1 ORDER BY id`
	depositReceived = `SELECT CAST(COALESCE(SUM(minor), 0) AS BIGINT) FROM (
		SELECT amount_minor AS minor FROM vendor_deposit WHERE vendor_id = $1 AND currency = $2
		UNION ALL SELECT -amount_minor FROM vendor_deduction WHERE vendor_id = $1 AND currency = $2) paid`
	insertDeduction = `INSERT INTO vendor_deduction (id, vendor_id, amount_minor, currency, source, taken_at) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (vendor_id, source) DO NOTHING`
	insertDeposit = `INSERT INTO vendor_deposit (id, vendor_id, amount_minor, currency, source, received_at) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (source) DO NOTHING`

	documentCols    = `id, vendor_id, kind, name, blob, sha256, valid_until, added_at`
	selectDocuments = `SELECT ` + documentCols + ` FROM vendor_document WHERE vendor_id = $1 ORDER BY id`
	selectDocument  = `SELECT ` + documentCols + ` FROM vendor_document WHERE id = $1`
	insertDocument  = `INSERT INTO vendor_document (` + documentCols + `) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`

	selectHook  = `SELECT vendor_id, dialect, url, secret, previous_secret, previous_until FROM vendor_hook WHERE vendor_id = $1 AND dialect = $2`
	selectHooks = `SELECT vendor_id, dialect, url, secret, previous_secret, previous_until FROM vendor_hook WHERE vendor_id = $1 ORDER BY dialect`
	upsertHook  = `INSERT INTO vendor_hook (vendor_id, dialect, url, secret, previous_secret, previous_until, changed_at) VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (vendor_id, dialect) DO UPDATE SET url = excluded.url, secret = excluded.secret, previous_secret = excluded.previous_secret,
		previous_until = excluded.previous_until, changed_at = excluded.changed_at`
)

const (
	pauseCols    = `id, vendor_id, ground, reason, paused_by, paused_at, resumed_by, resumed_at`
	insertPause  = `INSERT INTO vendor_pause (` + pauseCols + `) VALUES ($1, $2, $3, $4, $5, $6, '', 0) ON CONFLICT DO NOTHING`
	endPause     = `UPDATE vendor_pause SET resumed_by = $1, resumed_at = $2 WHERE vendor_id = $3 AND ground = $4 AND resumed_at = 0`
	selectPauses = `SELECT ` + pauseCols + ` FROM vendor_pause WHERE vendor_id = $1 ORDER BY id DESC`
)

func scanPause(s db.Scanner) (Pause, error) {
	var p Pause
	var at, resumed int64
	err := s.Scan(&p.ID, &p.Vendor, &p.Ground, &p.Reason, &p.PausedBy, &at, &p.ResumedBy, &resumed)
	p.PausedAt, p.ResumedAt = db.Time(at), db.Time(resumed)
	return p, err
}

func scanMerchant(s db.Scanner) (Merchant, error) {
	var m Merchant
	var added int64
	err := s.Scan(&m.ID, &m.Vendor, &m.Provider, &m.Number, &added)
	m.AddedAt = db.Time(added)
	return m, err
}

func scanDeposit(s db.Scanner) (Deposit, error) {
	var d Deposit
	var received int64
	err := s.Scan(&d.ID, &d.Vendor, &d.Amount.Minor, &d.Amount.Currency, &d.Source, &received)
	d.ReceivedAt = db.Time(received)
	return d, err
}

func scanDocument(s db.Scanner) (Document, error) {
	var d Document
	var until string
	var added int64
	if err := s.Scan(&d.ID, &d.Vendor, &d.Kind, &d.Name, &d.Blob, &d.SHA256, &until, &added); err != nil {
		return d, err
	}
	d.AddedAt = db.Time(added)
	if until == "" {
		return d, nil
	}
	var err error
	if d.ValidUntil, err = calendar.ParseDate(until); err != nil {
		return d, fmt.Errorf("vendor_document %s: %w", d.ID, err)
	}
	return d, nil
}

// scanHook reads a hook and opens its secrets with the reader's keys.
func scanHook(r db.Reader) func(db.Scanner) (Hook, error) {
	return func(s db.Scanner) (Hook, error) {
		var h Hook
		var secret, previous []byte
		var until int64
		if err := s.Scan(&h.Vendor, &h.Dialect, &h.URL, &secret, &previous, &until); err != nil {
			return h, err
		}
		var err error
		if h.Secret, err = r.Keys().Open(secret, hookContext(h.Vendor, h.Dialect)); err != nil {
			return h, err
		}
		if len(previous) > 0 && db.Time(until).After(r.Now()) {
			h.PreviousUntil = db.Time(until)
			h.Previous, err = r.Keys().Open(previous, hookContext(h.Vendor, h.Dialect))
		}
		return h, err
	}
}

func hookContext(v ID, dialect string) string {
	return "vendor_hook.secret/" + string(v) + "/" + dialect
}

// Get returns a vendor, or NOT_FOUND.
func Get(ctx context.Context, r db.Reader, id ID) (Vendor, error) {
	v, err := db.One(ctx, r, scanVendor, selectVendor, string(id))
	if errors.Is(err, db.ErrNoRow) {
		return v, ErrNotFound
	}
	return v, err
}

// OfAccount returns the vendor that an account is, if it is one.
func OfAccount(ctx context.Context, r db.Reader, a account.ID) (Vendor, bool, error) {
	v, err := db.One(ctx, r, scanVendor, selectVendorOf, string(a))
	if errors.Is(err, db.ErrNoRow) {
		return v, false, nil
	}
	return v, err == nil, err
}

// List returns vendors after an id, in the order of their ids, at most limit.
func List(ctx context.Context, r db.Reader, after ID, limit int) ([]Vendor, error) {
	return db.All(ctx, r, scanVendor, selectVendors, string(after), limit)
}

// Queue returns the vendors whose newest profile waits for a decision, oldest
// first: new applications and changes of a verified identity.
func Queue(ctx context.Context, r db.Reader) ([]Vendor, error) {
	return db.All(ctx, r, scanVendor, selectVendorsQueued)
}

// Newest returns the newest profile of a vendor, whatever was decided about it.
func Newest(ctx context.Context, r db.Reader, id ID) (Profile, error) {
	number, err := db.Value[int64](ctx, r, selectNewest, string(id))
	if errors.Is(err, db.ErrNoRow) {
		return Profile{}, ErrNotFound
	}
	if err != nil {
		return Profile{}, err
	}
	return readProfile(ctx, r, id, number)
}

// Merchants returns the vendor's accounts at payment providers.
func Merchants(ctx context.Context, r db.Reader, id ID) ([]Merchant, error) {
	return db.All(ctx, r, scanMerchant, selectMerchants, string(id))
}

// Deposits returns what was received towards the deposit, oldest first.
func Deposits(ctx context.Context, r db.Reader, id ID) ([]Deposit, error) {
	return db.All(ctx, r, scanDeposit, selectDeposits, string(id))
}

// Documents returns the dossier, oldest first.
func Documents(ctx context.Context, r db.Reader, id ID) ([]Document, error) {
	return db.All(ctx, r, scanDocument, selectDocuments, string(id))
}
