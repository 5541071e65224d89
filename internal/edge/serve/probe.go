package serve

import (
	"context"
	"strconv"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/market/account"
	"yunshi/internal/market/agreement"
)

// keptOut refuses who was caught probing, until the block ends. The block stands in
// the database, so every node knows it.
func (c *Call) keptOut() error {
	var until time.Time
	if err := c.Read(func(r db.Reader) (err error) {
		until, err = account.Blocked(c.R.Context(), r, account.Asker(r, c.Actor, c.IP()))
		return err
	}); err != nil || until.IsZero() {
		return err
	}
	seconds := max(1, int(until.Sub(c.Now()).Seconds()))
	c.W.Header().Set("Retry-After", strconv.Itoa(seconds))
	return ErrLimited.With("Seconds", seconds)
}

// missed counts an address that does not exist. A market without rules counts
// nothing.
func (c *Call) missed() {
	ctx := context.WithoutCancel(c.R.Context())
	err := c.Market.DB.Write(ctx, func(tx *db.Tx) error {
		rule, err := agreement.Setting[account.ProbeRule](ctx, tx, "probe_limit")
		if err != nil {
			return err
		}
		_, err = account.Missed(ctx, tx, c.Actor, account.Asker(tx, c.Actor, c.IP()), c.R.URL.Path, c.R.UserAgent(), c.Market.Info.SecurityContact, rule)
		return err
	})
	if err != nil {
		c.Market.Log.Debug("missed address not counted", "reference", c.reference, "error", err)
	}
}
