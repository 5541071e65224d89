package identity

import (
	"context"

	"yunshi/internal/base/db"
	"yunshi/internal/base/seal"
	"yunshi/internal/market/account"
)

// marks are those of the fields of a case.
func marks(keys *seal.Keys, idKind string, f Fields) []account.Mark {
	kind := account.ByIDNumber
	if idKind == USCC {
		kind = account.ByUSCC
	}
	var out []account.Mark
	for _, m := range []struct {
		kind  account.MarkKind
		value string
	}{
		{kind, f.Number}, {account.ByBankAccount, f.BankAccount}, {account.ByPhone, f.Mobile}, {account.ByEmail, f.Email}, {account.ByRepresentative, f.LegalRepresentative},
	} {
		if m.value != "" {
			out = append(out, account.MarkOf(keys, m.kind, m.value))
		}
	}
	return out
}

// MarksOf are the marks of all that an account has shown to be verified, whatever
// was decided, for whoever has to know the person again.
func MarksOf(ctx context.Context, r db.Reader, id account.ID) ([]account.Mark, error) {
	all, err := db.All(ctx, r, scan(r), sqlOfAccount, id)
	var out []account.Mark
	for _, v := range all {
		out = append(out, marks(r.Keys(), v.IDKind, v.plain)...)
	}
	return out, err
}
