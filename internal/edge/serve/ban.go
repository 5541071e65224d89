package serve

import (
	"context"
	"errors"
	"strings"

	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/market/account"
	"yunshi/internal/market/enforcement"
)

// Caught keeps what a refusal under clause 8.3 was made of: the refused act left
// nothing. Any other error, and none, is left alone.
func (c *Call) Caught(refused error) error {
	f, ok := fault.Of(refused)
	if !ok || !errors.Is(refused, enforcement.ErrBanned) {
		return nil
	}
	arg := func(name string) string {
		for i := 0; i+1 < len(f.Args); i += 2 {
			if f.Args[i] == name {
				s, _ := f.Args[i+1].(string)
				return s
			}
		}
		return ""
	}
	ctx := context.WithoutCancel(c.R.Context())
	return c.Market.DB.Write(ctx, func(tx *db.Tx) error {
		return c.Market.Enforcing.Caught(ctx, tx, c.Account(), arg("Ban"), account.MarkKind(arg("Link")), account.AtRealName)
	})
}

// ShowsBank screens a vendor's account at a provider that it is paid to.
func (c *Call) ShowsBank(tx *db.Tx, of account.ID, provider, number string) error {
	mark := account.MarkOf(tx.Keys(), account.ByBankAccount, strings.TrimSpace(provider)+":"+strings.TrimSpace(number))
	return c.Market.Enforcing.Screen(c.R.Context(), tx, of, account.AtBankAccount, []account.Mark{mark})
}
