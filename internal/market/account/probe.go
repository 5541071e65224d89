package account

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/market/audit"
)

// ProbeRule is what counts as probing, and for how long who does it is kept out.
type ProbeRule struct {
	Misses       int64 `json:"misses"`
	Seconds      int64 `json:"seconds"`
	BlockMinutes int64 `json:"block_minutes"`
}

// forgotten is when an address that was missed counts for nobody any more.
const forgotten = 10 * time.Minute

// probing reports whether somebody asked for so many different addresses that do
// not exist, in so short a time, that it looks for weaknesses.
//
// Clause: UA 4.7.5 (no probing, scanning or testing of weaknesses).
func probing(rule ProbeRule, distinct int64) error {
	if rule.Misses > 0 && distinct >= rule.Misses {
		return ErrProbing
	}
	return nil
}

// Asker names who asks: the session or key, or the network address of somebody who
// has none, as a keyed hash.
func Asker(r db.Reader, by audit.Actor, place string) string {
	if by.Session != "" {
		return by.Session
	}
	return r.Keys().Index("asker", place)
}

// Missed counts an address that does not exist. With the one that makes it probing,
// who asks is kept out for a while, on every node, and the account is told. It
// returns until when; zero while it is not probing.
func Missed(ctx context.Context, tx *db.Tx, by audit.Actor, asker, path, agent, contact string, rule ProbeRule) (until time.Time, err error) {
	sum := sha256.Sum256([]byte(path))
	now := tx.Now()
	if _, err := tx.Exec(ctx, sqlInsertMiss, asker, hex.EncodeToString(sum[:]), db.Micros(now)); err != nil {
		return time.Time{}, err
	}
	distinct, err := db.Value[int64](ctx, tx, sqlMisses, asker, db.Micros(now.Add(-time.Duration(rule.Seconds)*time.Second)))
	if err != nil || probing(rule, distinct) == nil {
		return time.Time{}, err
	}
	until = now.Add(time.Duration(rule.BlockMinutes) * time.Minute)
	n, err := tx.Exec(ctx, sqlBlockAsker, asker, by.Account, db.Micros(now), db.Micros(until))
	if err != nil || n == 0 {
		return until, err // another node was first
	}
	tx.Queue(sqlForgetMisses, db.Micros(now.Add(-forgotten)))
	fingerprint := sha256.Sum256([]byte(agent))
	if err := audit.Record(ctx, tx, by, audit.Entry{
		Act: "account.probing_blocked", Subjects: []string{by.Account, asker}, Clauses: []string{"UA 4.7.5"}, Refusal: ErrProbing.Code,
		Data: map[string]any{
			"distinct": distinct, "seconds": rule.Seconds, "until": db.Micros(until), "agent_sha256": hex.EncodeToString(fingerprint[:]), "last_path_sha256": hex.EncodeToString(sum[:]),
		},
	}); err != nil || by.Account == "" {
		return until, err
	}
	return until, Notify(ctx, tx, Notice{
		Code: "N-51", To: ID(by.Account), Link: "/security", Params: map[string]string{"UntilAt": until.Format(time.RFC3339), "Contact": contact},
	})
}

// Blocked is until when who asks is kept out; zero when it is not.
func Blocked(ctx context.Context, r db.Reader, asker string) (time.Time, error) {
	until, err := db.Value[int64](ctx, r, sqlBlockOf, asker, db.Micros(r.Now()))
	if errors.Is(err, db.ErrNoRow) {
		return time.Time{}, nil
	}
	return db.Time(until), err
}

const (
	sqlInsertMiss   = `INSERT INTO account_miss (asker, object, at) VALUES ($1, $2, $3) ON CONFLICT (asker, object) DO UPDATE SET at = excluded.at`
	sqlMisses       = `SELECT COUNT(*) FROM account_miss WHERE asker = $1 AND at > $2`
	sqlForgetMisses = `DELETE FROM account_miss WHERE at < $1`
	sqlBlockAsker   = `INSERT INTO account_block (asker, account, since, until) VALUES ($1, $2, $3, $4)
		ON CONFLICT (asker) DO UPDATE SET account = excluded.account, since = excluded.since, until = excluded.until WHERE account_block.until <= excluded.since`
	sqlBlockOf = `SELECT until FROM account_block WHERE asker = $1 AND until > $2`
)
