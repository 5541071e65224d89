package infringement

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"strings"

	"yunshi/internal/base/db"
	"yunshi/internal/base/seal"
)

const (
	noticeCols = `id, account, asked_by, language, right_kind, target_kind, target_id, target_owner, title_zh, title_en, location, holder_kind,
		content_sealed, summary, truthful, good_faith, missing, state, version, rulebook, measure_was, malicious, created_at, received_at, review_due,
		accepted_at, measured_at, forwarded_at, counter_at, counter_forwarded_at, arrived_at, arrived_how, paused_days, lift_due, filed_at, ended_at`
	insertNotice = `INSERT INTO infringement_notice (` + noticeCols + `, email_index, place_index)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, 1, $19, '', FALSE, $20, $21, $22,
			0, 0, 0, 0, 0, 0, '', 0, 0, 0, 0, $23, $24)`
	moveNotice = `UPDATE infringement_notice SET location = $1, content_sealed = $2, summary = $3, truthful = $4, good_faith = $5, missing = $6,
			state = $7, version = version + 1, measure_was = $8, malicious = $9, received_at = $10, review_due = $11, accepted_at = $12, measured_at = $13,
			forwarded_at = $14, counter_at = $15, counter_forwarded_at = $16, arrived_at = $17, arrived_how = $18, paused_days = $19, lift_due = $20,
			filed_at = $21, ended_at = $22
		WHERE id = $23 AND version = $24 AND state = $25`
	selectNotice   = `SELECT ` + noticeCols + ` FROM infringement_notice WHERE id = $1`
	selectRegister = `SELECT ` + noticeCols + ` FROM infringement_notice WHERE accepted_at > 0 AND id < $1 ORDER BY id DESC LIMIT $2`
	selectOfOwner  = `SELECT ` + noticeCols + ` FROM infringement_notice WHERE target_owner = $1 AND accepted_at > 0 AND id < $2 ORDER BY id DESC LIMIT $3`
	selectMine     = `SELECT ` + noticeCols + ` FROM infringement_notice WHERE account = $1 AND id < $2 ORDER BY id DESC LIMIT $3`
	selectAll      = `SELECT ` + noticeCols + ` FROM infringement_notice WHERE state <> 'unconfirmed' AND state <> 'expired' AND id < $1 ORDER BY id DESC LIMIT $2`
	selectDesk     = `SELECT ` + noticeCols + ` FROM infringement_notice
		WHERE state IN ('received', 'counter_received', 'counter_forwarded') OR state = 'waiting_15d' AND lift_due <= $1
		ORDER BY review_due, id LIMIT $2`
	setReview     = `UPDATE infringement_notice SET review_due = $1 WHERE id = $2`
	countMeasures = `SELECT COUNT(*) FROM infringement_notice WHERE target_kind = $1 AND target_id = $2 AND measure_was <> '' AND id <> $3`
	selectWas     = `SELECT measure_was FROM infringement_notice WHERE target_kind = $1 AND target_id = $2 AND measure_was <> '' AND id <> $3 ORDER BY id LIMIT 1`
	countEmail    = `SELECT COUNT(*) FROM infringement_notice WHERE email_index = $1 AND created_at >= $2`
	countPlace    = `SELECT COUNT(*) FROM infringement_notice WHERE place_index = $1 AND created_at >= $2`

	counterCols   = `account, by_user, content_sealed, summary, at`
	insertCounter = `INSERT INTO infringement_counter (notice, ` + counterCols + `) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING`
	selectCounter = `SELECT ` + counterCols + ` FROM infringement_counter WHERE notice = $1`

	stepCols    = `seq, from_state, event, to_state, side, actor, clause, note_sealed, at`
	insertStep  = `INSERT INTO infringement_step (notice, ` + stepCols + `) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`
	selectSteps = `SELECT ` + stepCols + ` FROM infringement_step WHERE notice = $1 ORDER BY seq`

	fileCols    = `id, side, name_sealed, media_type, size, sha256, blob, at`
	insertFile  = `INSERT INTO infringement_file (notice, ` + fileCols + `) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`
	selectFiles = `SELECT ` + fileCols + ` FROM infringement_file WHERE notice = $1 ORDER BY id`
	countFiles  = `SELECT COUNT(*) FROM infringement_file WHERE notice = $1 AND side = $2`

	insertMail  = `INSERT INTO infringement_mail (id, notice, about, state, receipt, text_sha256, queued_at, sent_at) VALUES ($1, $2, $3, 'queued', '', '', $4, 0)`
	selectMail  = `SELECT notice, about, state FROM infringement_mail WHERE id = $1`
	moveMail    = `UPDATE infringement_mail SET state = $1, receipt = $2, text_sha256 = $3, sent_at = $4 WHERE id = $5 AND state = 'queued'`
	countFailed = `SELECT COUNT(*) FROM infringement_mail WHERE notice = $1 AND state = 'failed'`
)

func wordsAt(id ID) string   { return "infringement_notice.content/" + string(id) }
func counterAt(id ID) string { return "infringement_counter.content/" + string(id) }
func noteAt(id ID) string    { return "infringement_step.note/" + string(id) }
func fileAt(id string) string {
	return "infringement_file.name/" + id
}

func scanNotice(r db.Reader) func(db.Scanner) (Notice, error) {
	return func(s db.Scanner) (Notice, error) {
		var n Notice
		var sealed []byte
		var lacks string
		var created, received, due, accepted, measured, forwarded, counter, sent, arrived, lift, filed, ended int64
		if err := s.Scan(&n.ID, &n.Account, &n.AskedBy, &n.Language, &n.Right, &n.Target.Kind, &n.Target.ID, &n.Target.Owner, &n.Target.Title.ZH,
			&n.Target.Title.EN, &n.Location, &n.HolderKind, &sealed, &n.Summary, &n.Truthful, &n.GoodFaith, &lacks, &n.State, &n.Version, &n.Rulebook,
			&n.Was, &n.Malicious, &created, &received, &due, &accepted, &measured, &forwarded, &counter, &sent, &arrived, &n.ArrivedHow, &n.PausedDays,
			&lift, &filed, &ended); err != nil {
			return Notice{}, err
		}
		n.Missing = list(lacks)
		n.CreatedAt, n.ReceivedAt, n.ReviewDue, n.AcceptedAt = db.Time(created), db.Time(received), db.Time(due), db.Time(accepted)
		n.MeasuredAt, n.ForwardedAt, n.CounterAt, n.CounterForwardedAt = db.Time(measured), db.Time(forwarded), db.Time(counter), db.Time(sent)
		n.ArrivedAt, n.LiftDue, n.FiledAt, n.EndedAt = db.Time(arrived), db.Time(lift), db.Time(filed), db.Time(ended)
		plain, err := r.Keys().Open(sealed, wordsAt(n.ID))
		if err != nil {
			return Notice{}, err
		}
		n.Words, err = wordsFrom(plain)
		return n, err
	}
}

func scanStep(r db.Reader, id ID) func(db.Scanner) (Step, error) {
	return func(s db.Scanner) (Step, error) {
		var p Step
		var sealed []byte
		var at int64
		if err := s.Scan(&p.Seq, &p.From, &p.Event, &p.To, &p.Side, &p.Actor, &p.Clause, &sealed, &at); err != nil {
			return Step{}, err
		}
		p.At = db.Time(at)
		var err error
		p.Note, err = r.Keys().Open(sealed, noteAt(id))
		return p, err
	}
}

func scanFile(r db.Reader) func(db.Scanner) (File, error) {
	return func(s db.Scanner) (File, error) {
		var f File
		var sealed []byte
		var at int64
		if err := s.Scan(&f.ID, &f.Side, &sealed, &f.MediaType, &f.Size, &f.SHA256, &f.Blob, &at); err != nil {
			return File{}, err
		}
		f.At = db.Time(at)
		var err error
		f.Name, err = r.Keys().Open(sealed, fileAt(f.ID))
		return f, err
	}
}

func found[T any](v T, err error) (T, error) {
	if errors.Is(err, db.ErrNoRow) {
		return v, ErrNotFound
	}
	return v, err
}

func read(ctx context.Context, r db.Reader, id ID) (Notice, error) {
	return found(db.One(ctx, r, scanNotice(r), selectNotice, string(id)))
}

// token is the secret part of the address under which somebody without an account
// follows a notice. It is made from the installation's key, so it stands nowhere.
func token(keys *seal.Keys, id ID) string {
	mac := hmac.New(sha256.New, keys.Derive("infringement notice"))
	mac.Write([]byte(id))
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(mac.Sum(nil)))[:32]
}

// Link is the last part of the address under which a notice is followed without
// signing in.
func link(keys *seal.Keys, id ID) string { return string(id) + "." + token(keys, id) }
