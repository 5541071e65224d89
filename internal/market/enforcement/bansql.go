package enforcement

import (
	"yunshi/internal/base/db"
	"yunshi/internal/market/account"
)

const (
	insertMark  = `INSERT INTO enforcement_mark (account, kind, hash, seen_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`
	selectMarks = `SELECT kind, hash FROM enforcement_mark WHERE account = $1 ORDER BY kind, hash`

	banCols        = `id, account, case_id, clause, since, until, lifted_at`
	insertBan      = `INSERT INTO enforcement_ban (id, account, case_id, scope, clause, since, until, lifted_at, lifted_by) VALUES ($1, $2, $3, 'market', $4, $5, 0, 0, '') ON CONFLICT DO NOTHING`
	liftBans       = `UPDATE enforcement_ban SET lifted_at = $1, lifted_by = $2 WHERE account = $3 AND lifted_at = 0`
	selectBans     = `SELECT ` + banCols + ` FROM enforcement_ban WHERE lifted_at = 0 AND id < $1 ORDER BY id DESC LIMIT $2`
	countBans      = `SELECT COUNT(*) FROM enforcement_ban WHERE lifted_at = 0 AND (until = 0 OR until > $1)`
	insertBanMark  = `INSERT INTO enforcement_ban_mark (ban, kind, hash) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`
	selectBanKinds = `SELECT DISTINCT kind FROM enforcement_ban_mark WHERE ban = $1 ORDER BY kind`
	selectMatches  = `SELECT m.ban FROM enforcement_ban_mark m JOIN enforcement_ban b ON b.id = m.ban
		WHERE m.kind = $1 AND m.hash = $2 AND b.account <> $3 AND b.lifted_at = 0 AND (b.until = 0 OR b.until > $4) ORDER BY m.ban`

	linkCols   = `l.id, l.ban, b.case_id, l.account, l.strength, l.state, l.version, l.prior, l.found_at, l.appeal_sealed, l.appealed_at, l.reason_sealed, l.decided_by, l.decided_at`
	linkFrom   = ` FROM enforcement_link l JOIN enforcement_ban b ON b.id = l.ban`
	insertLink = `INSERT INTO enforcement_link (id, ban, account, strength, state, version, prior, found_at, appeal_sealed, appealed_at, reason_sealed, decided_by, decided_at)
		VALUES ($1, $2, $3, $4, 'review', 1, '', $5, $6, 0, $7, '', 0) ON CONFLICT DO NOTHING`
	updateLink = `UPDATE enforcement_link SET strength = $1, state = $2, prior = $3, reason_sealed = $4, decided_by = $5, decided_at = $6, version = version + 1
		WHERE id = $7 AND version = $8 AND state = $9`
	appealLink          = `UPDATE enforcement_link SET appeal_sealed = $1, appealed_at = $2, version = version + 1 WHERE id = $3 AND version = $4 AND appealed_at = 0`
	selectLink          = `SELECT ` + linkCols + linkFrom + ` WHERE l.id = $1`
	selectLinkOf        = `SELECT ` + linkCols + linkFrom + ` WHERE l.ban = $1 AND l.account = $2`
	selectLinks         = `SELECT ` + linkCols + linkFrom + ` ORDER BY l.id DESC LIMIT $1`
	selectLinksOfBanned = `SELECT ` + linkCols + linkFrom + ` WHERE b.account = $1 AND l.state <> 'cleared' ORDER BY l.id`
	countCleared        = `SELECT COUNT(*) FROM enforcement_link WHERE ban = $1 AND account = $2 AND state = 'cleared'`
	countStopping       = `SELECT COUNT(*) FROM enforcement_link WHERE account = $1 AND id <> $2 AND state IN ('suspended', 'confirmed')`

	insertLinkEvidence = `INSERT INTO enforcement_link_evidence (link, kind, place, strength, at) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`
	selectLinkEvidence = `SELECT kind, place, strength, at FROM enforcement_link_evidence WHERE link = $1 ORDER BY at, kind`
)

func scanMark(s db.Scanner) (m account.Mark, err error) { return m, s.Scan(&m.Kind, &m.Hash) }

func scanBan(s db.Scanner) (Ban, error) {
	var b Ban
	var since, until, lifted int64
	err := s.Scan(&b.ID, &b.Account, &b.Case, &b.Clause, &since, &until, &lifted)
	b.Since, b.Until, b.LiftedAt = db.Time(since), db.Time(until), db.Time(lifted)
	return b, err
}

func scanLink(r db.Reader) func(db.Scanner) (Link, error) {
	return func(s db.Scanner) (Link, error) {
		var l Link
		var appeal, reason []byte
		var found, appealed, decided int64
		if err := s.Scan(&l.ID, &l.Ban, &l.BanCase, &l.Account, &l.Strength, &l.State, &l.Version, &l.Prior, &found, &appeal, &appealed, &reason, &l.DecidedBy, &decided); err != nil {
			return Link{}, err
		}
		l.FoundAt, l.AppealedAt, l.DecidedAt = db.Time(found), db.Time(appealed), db.Time(decided)
		var err error
		if l.Appeal, err = r.Keys().Open(appeal, linkAt("appeal", l.ID)); err != nil {
			return Link{}, err
		}
		l.Reason, err = r.Keys().Open(reason, linkAt("reason", l.ID))
		return l, err
	}
}

func scanLinkEvidence(s db.Scanner) (LinkEvidence, error) {
	var e LinkEvidence
	var at int64
	err := s.Scan(&e.Kind, &e.Place, &e.Strength, &at)
	e.At = db.Time(at)
	return e, err
}
