package content

import (
	"context"
	"encoding/json"
	"errors"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/db"
)

const (
	listCols   = `id, kind, ref, field, account, by_user, state, sha256, hits, clause, case_id, reason, decided_by, version, created_at, decided_at, gone_at`
	itemCols   = listCols + `, original_sealed`
	insertItem = `INSERT INTO content_item (` + itemCols + `) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 1, $14, $15, 0, $16)`
	moveItem   = `UPDATE content_item SET state = $1, clause = $2, case_id = $3, reason = $4, decided_by = $5, decided_at = $6, version = version + 1
		WHERE id = $7 AND version = $8 AND state = $9`
	caseItem   = `UPDATE content_item SET case_id = $1, version = version + 1 WHERE id = $2 AND version = $3 AND case_id = ''`
	selectItem = `SELECT ` + itemCols + ` FROM content_item WHERE id = $1`
	selectKept = `SELECT ` + itemCols + ` FROM content_item WHERE kind = $1 AND ref = $2 AND state IN ('held', 'blocked')`
	selectDesk = `SELECT ` + listCols + ` FROM content_item WHERE state = 'held' ORDER BY id LIMIT $1`
	selectAll  = `SELECT ` + listCols + ` FROM content_item WHERE id < $1 ORDER BY id DESC LIMIT $2`

	selectPicture      = `SELECT ` + listCols + ` FROM content_item WHERE kind = 'picture' AND ref = $1 ORDER BY id DESC LIMIT 1`
	selectPictureWhole = `SELECT ` + itemCols + ` FROM content_item WHERE kind = 'picture' AND ref = $1 ORDER BY id DESC LIMIT 1`

	selectSpent = `SELECT ` + listCols + ` FROM content_item WHERE state <> 'held' AND gone_at = 0 AND created_at < $1 AND decided_at < $1 ORDER BY id`
	goneItem    = `UPDATE content_item SET original_sealed = $1, gone_at = $2 WHERE id = $3 AND gone_at = 0`

	toldCols   = `id, item, authority, reference, reported_on, sha256, by_user, at`
	insertTold = `INSERT INTO content_authority (id, item, authority, reference, reported_on, sent_sealed, sha256, by_user, at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
		ON CONFLICT DO NOTHING`
	selectOldTold = `SELECT id FROM content_authority WHERE at < $1 AND gone_at = 0 ORDER BY id`
	goneSent      = `UPDATE content_authority SET sent_sealed = $1 WHERE id = $2 AND gone_at = 0`
	goneTold      = `UPDATE content_authority SET gone_at = $1 WHERE id = $2`
	selectTold    = `SELECT ` + toldCols + ` FROM content_authority WHERE item = $1`

	insertTerm = `INSERT INTO content_term (id, term, act, reason, added_by, added_at, retired_by, retired_at) VALUES ($1, $2, $3, $4, $5, $6, '', 0)
		ON CONFLICT DO NOTHING`
	retireTerm  = `UPDATE content_term SET retired_by = $1, retired_at = $2 WHERE id = $3 AND retired_at = 0`
	selectTerms = `SELECT id, term, act, reason, added_by, added_at FROM content_term WHERE retired_at = 0 ORDER BY id`

	insertWarning = `INSERT INTO content_warning (id, kind, ref, account, by_user, mark, found, shown_at, overridden_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0)
		ON CONFLICT DO NOTHING`
	overrideWarning = `UPDATE content_warning SET overridden_at = $1 WHERE by_user = $2 AND mark = $3 AND overridden_at = 0`

	reportCols    = `id, reason, kind, ref, sha256, hits, account, by_user, text_sealed, state, case_id, answer, decided_by, created_at, decided_at`
	insertReport  = `INSERT INTO content_report (` + reportCols + `) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'open', '', '', '', $10, 0) ON CONFLICT DO NOTHING`
	decideReport  = `UPDATE content_report SET state = $1, case_id = $2, answer = $3, decided_by = $4, decided_at = $5 WHERE id = $6 AND state = 'open'`
	selectReport  = `SELECT ` + reportCols + ` FROM content_report WHERE id = $1`
	selectReports = `SELECT ` + reportCols + ` FROM content_report WHERE state = 'open' ORDER BY id LIMIT $1`

	fileCols   = `sha256, size, infected, signature, scanner, quarantine, scanned_at`
	upsertFile = `INSERT INTO content_file (` + fileCols + `) VALUES ($1, $2, $3, $4, $5, '', $6)
		ON CONFLICT (sha256) DO UPDATE SET infected = excluded.infected, signature = excluded.signature, scanner = excluded.scanner, scanned_at = excluded.scanned_at
		WHERE content_file.infected = FALSE`
	markQuarantine = `UPDATE content_file SET quarantine = $1 WHERE sha256 = $2`
	selectFile     = `SELECT ` + fileCols + ` FROM content_file WHERE sha256 = $1`
	selectInfected = `SELECT ` + fileCols + ` FROM content_file WHERE infected = TRUE ORDER BY scanned_at DESC, sha256 LIMIT $1`
	insertUpload   = `INSERT INTO content_upload (id, sha256, name_sealed, account, by_user, at) VALUES ($1, $2, $3, $4, $5, $6)`
)

// selectOwed takes the clauses of what is illegal.
var selectOwed = `SELECT COUNT(*), COALESCE(MIN(i.decided_at), 0), COALESCE((SELECT MAX(at) FROM content_authority), 0) FROM content_item i
	WHERE i.state = 'blocked' AND i.clause IN ` + db.In(1, len(illegal)) + ` AND NOT EXISTS (SELECT 1 FROM content_authority a WHERE a.item = i.id)`

func originalAt(id ID) string     { return "content_item.original/" + string(id) }
func reportAt(id ReportID) string { return "content_report.text/" + string(id) }
func sentAt(id string) string     { return "content_authority.sent/" + id }
func uploadAt(id string) string   { return "content_upload.name/" + id }

func scanItem(s db.Scanner) (i Item, err error) {
	var sealed []byte
	i, err = scanItemWith(s, &sealed)
	i.sealed = sealed
	return i, err
}

// scanListed leaves the original where it is: it can be a picture.
func scanListed(s db.Scanner) (Item, error) { return scanItemWith(s) }

func scanItemWith(s db.Scanner, more ...any) (Item, error) {
	var i Item
	var hits string
	var created, decided, gone int64
	if err := s.Scan(append([]any{
		&i.ID, &i.Kind, &i.Ref, &i.Field, &i.Account, &i.User, &i.State, &i.SHA256, &hits, &i.Clause, &i.Case, &i.Reason, &i.DecidedBy, &i.Version, &created, &decided, &gone,
	}, more...)...); err != nil {
		return Item{}, err
	}
	i.CreatedAt, i.DecidedAt, i.GoneAt = db.Time(created), db.Time(decided), db.Time(gone)
	return i, json.Unmarshal([]byte(hits), &i.Hits)
}

func scanTold(s db.Scanner) (t Told, err error) {
	var on string
	var at int64
	if err := s.Scan(&t.ID, &t.Item, &t.Authority, &t.Reference, &on, &t.SHA256, &t.By, &at); err != nil {
		return t, err
	}
	t.At = db.Time(at)
	t.On, err = calendar.ParseDate(on)
	return t, err
}

func scanTerm(s db.Scanner) (t Term, err error) {
	var at int64
	err = s.Scan(&t.ID, &t.Term, &t.Act, &t.Reason, &t.AddedBy, &at)
	t.AddedAt = db.Time(at)
	return t, err
}

func scanReport(r db.Reader) func(db.Scanner) (Report, error) {
	return func(s db.Scanner) (p Report, err error) {
		var sealed []byte
		var hits string
		var created, decided int64
		if err := s.Scan(&p.ID, &p.Reason, &p.Kind, &p.Ref, &p.SHA256, &hits, &p.Account, &p.User, &sealed, &p.State, &p.Case, &p.Answer, &p.DecidedBy,
			&created, &decided); err != nil {
			return p, err
		}
		p.CreatedAt, p.DecidedAt = db.Time(created), db.Time(decided)
		if err := json.Unmarshal([]byte(hits), &p.Hits); err != nil {
			return p, err
		}
		p.Text, err = r.Keys().Open(sealed, reportAt(p.ID))
		return p, err
	}
}

func scanFile(s db.Scanner) (f File, err error) {
	var at int64
	err = s.Scan(&f.SHA256, &f.Size, &f.Infected, &f.Signature, &f.Scanner, &f.Quarantine, &at)
	f.ScannedAt = db.Time(at)
	return f, err
}

func found[T any](v T, err error) (T, error) {
	if errors.Is(err, db.ErrNoRow) {
		return v, ErrNotFound
	}
	return v, err
}

func read(ctx context.Context, r db.Reader, id ID) (Item, error) {
	return found(db.One(ctx, r, scanItem, selectItem, string(id)))
}

func kept(ctx context.Context, r db.Reader, kind Kind, ref string) (Item, error) {
	return found(db.One(ctx, r, scanItem, selectKept, string(kind), ref))
}
