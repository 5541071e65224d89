package shop

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"slices"
	"strings"

	"yunshi/internal/base/db"
	"yunshi/internal/base/text"
	"yunshi/internal/edge/page"
	"yunshi/internal/edge/serve"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/entitlement"
	"yunshi/internal/market/order"
)

// place is where a record stands in the log; nil while it waits for its place.
func place(ctx context.Context, r db.Reader, record string) (*audit.Inclusion, error) {
	found, err := audit.Prove(ctx, r, record)
	if errors.Is(err, audit.ErrNotYet) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &found, nil
}

// logView is the state of the transparency log, for everybody.
type logView struct {
	Checkpoint audit.Checkpoint
	Any        bool
	Key        string
}

func transparency(c *serve.Call) error {
	v := logView{Key: c.Market.Info.LogKey}
	err := c.Read(func(r db.Reader) (err error) {
		v.Checkpoint, v.Any, err = audit.Latest(c.R.Context(), r)
		return err
	})
	if err != nil {
		return err
	}
	return show(c, http.StatusOK, logPage(chrome(c, text.T(c.R.Context(), "shop.verify.title"), rulesCrumb(c)), v))
}

// proofView is one record with the proof that it is in the log.
type proofView struct {
	Act   audit.Act
	Place *audit.Inclusion
	Key   string
}

// Hashes are the hashes of the proof in base64, one a line.
func (v proofView) Hashes() string {
	lines := make([]string, len(v.Place.Proof))
	for i, h := range v.Place.Proof {
		lines[i] = base64.StdEncoding.EncodeToString(h[:])
	}
	return strings.Join(lines, "\n")
}

func proof(c *serve.Call) error {
	ctx := c.R.Context()
	v := proofView{Key: c.Market.Info.LogKey}
	err := c.Read(func(r db.Reader) (err error) {
		if v.Act, err = audit.Get(ctx, r, c.R.PathValue("record")); err != nil {
			return err
		}
		if err := concerns(ctx, r, c, v.Act); err != nil {
			return err
		}
		v.Place, err = place(ctx, r, v.Act.ID)
		return err
	})
	if err != nil {
		return err
	}
	return show(c, http.StatusOK, proofPage(chrome(c, text.T(c.R.Context(), "page.audit.proof"), page.Link{Label: text.T(c.R.Context(), "shop.verify.title"), Href: "/verify"}), v))
}

// names reports whether the text of a record names an account or a person.
func names(a audit.Act) bool {
	personal := func(s string) bool {
		return strings.HasPrefix(s, "acc_") || strings.HasPrefix(s, "usr_") || strings.HasPrefix(s, "ses_")
	}
	return a.Account != "" || slices.ContainsFunc(a.Subjects, personal) || strings.Contains(string(a.Data), `"acc_`) || strings.Contains(string(a.Data), `"usr_`)
}

// concerns refuses a record that is neither of the reader's account nor about
// one of its orders or products. The log's leaves name accounts and sessions by
// id, which is nobody else's business.
func concerns(ctx context.Context, r db.Reader, c *serve.Call, a audit.Act) error {
	if a.Account != "" && a.Account == c.Actor.Account || entitlement.Staff(c.Actor) {
		return nil
	}
	for _, subject := range a.Subjects {
		var err error
		switch {
		case strings.HasPrefix(subject, "ord_"):
			_, err = order.Get(ctx, r, c.Actor, order.ID(subject))
		case strings.HasPrefix(subject, "ent_"):
			var e entitlement.Entitlement
			// Its seller is not told the account; a record that names one is not for it.
			if e, err = entitlement.Get(ctx, r, c.Actor, entitlement.ID(subject)); err == nil && e.Account == "" && names(a) {
				continue
			}
		default:
			continue
		}
		if err == nil {
			return nil
		}
		if !errors.Is(err, account.ErrNotFound) {
			return err
		}
	}
	return account.ErrForeign
}
