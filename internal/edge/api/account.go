package api

import (
	"cmp"
	"errors"
	"strings"

	"yunshi/client"
	"yunshi/internal/base/db"
	"yunshi/internal/edge/serve"
	"yunshi/internal/market/account"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/content"
	"yunshi/internal/market/identity"
	"yunshi/internal/market/vendor"
)

func register(c *serve.Call, in *bodyOf[client.Registration]) (client.Registered, error) {
	ctx, b := c.R.Context(), in.Body
	hash, err := account.Hash(ctx, b.Password)
	if err != nil {
		return client.Registered{}, err
	}
	by := audit.Actor{Kind: audit.Person, Locale: string(c.Lang)}
	return secretly(c, by, serve.Intent{Name: "account.register", Clauses: []string{"UA 4.1"}}, func(tx *db.Tx) (client.Registered, error) {
		u, err := account.Register(ctx, tx, by, account.Registration{
			SubjectType: account.SubjectType(b.SubjectType), DisplayName: b.Name, UserName: cmp.Or(b.UserName, b.Name),
			Email: strings.TrimSpace(b.Email), Mobile: b.Mobile, Password: hash, Locale: cmp.Or(b.Locale, string(c.Lang)),
			Screen: c.Market.Enforcing.Screen, Words: content.Words(content.Person),
		})
		return client.Registered{Account: string(u.Account), User: string(u.ID)}, err
	})
}

// createKey signs the person in for as long as it takes to make the key, so that
// a script is limited, recorded and announced like any other sign-in.
func createKey(c *serve.Call, in *bodyOf[client.KeyRequest]) (client.Key, error) {
	ctx, b, device := c.R.Context(), in.Body, c.Device()
	found, err := read(c, func(r db.Reader) (account.Credential, error) {
		return account.Find(ctx, r, strings.TrimSpace(b.Email))
	})
	if err != nil {
		return client.Key{}, err
	}
	ok, err := found.Hash.Matches(ctx, b.Password)
	if err != nil {
		return client.Key{}, err
	}
	if !ok {
		err := c.Market.DB.Write(ctx, func(tx *db.Tx) error { return account.SignInFailed(ctx, tx, found, device) })
		if err == nil {
			err = account.ErrSignInFailed
		}
		return client.Key{}, err
	}
	by := audit.Actor{Kind: audit.Person, User: string(found.User), Account: string(found.Account), Method: device.Method}
	return secretly(c, by, serve.Intent{Name: "account.create_key", Subjects: []string{by.Account}}, func(tx *db.Tx) (client.Key, error) {
		session, err := account.SignIn(ctx, tx, found, device)
		if err != nil {
			return client.Key{}, err
		}
		who, _, err := account.Resolve(ctx, tx, session.Token)
		if err != nil {
			return client.Key{}, err
		}
		k, err := account.CreateKey(ctx, tx, who, b.Name, b.Scopes)
		if err != nil {
			return client.Key{}, err
		}
		return client.Key{ID: k.ID, Account: string(k.Account), Name: k.Name, Scopes: k.Scopes, Secret: k.Secret}, account.SignOut(ctx, tx, who, "")
	})
}

func me(c *serve.Call, _ *none) (client.Me, error) {
	ctx := c.R.Context()
	return read(c, func(r db.Reader) (client.Me, error) {
		own, err := account.Get(ctx, r, c.Account())
		if err != nil {
			return client.Me{}, err
		}
		standing, since, err := agreement.Status(ctx, r, own.ID)
		if err != nil {
			return client.Me{}, err
		}
		known, _, err := identity.Latest(ctx, r, own.ID)
		if err != nil {
			return client.Me{}, err
		}
		seller, _, err := vendor.OfAccount(ctx, r, own.ID)
		return client.Me{
			User: c.Actor.User, Account: string(own.ID), Roles: c.Actor.Roles, State: string(own.State),
			Agreement: string(standing), BoundFrom: optional(since), Identity: string(known.State), Vendor: string(seller.ID),
		}, err
	})
}

func readAgreement(c *serve.Call, _ *none) (client.Agreement, error) {
	ctx := c.R.Context()
	return read(c, func(r db.Reader) (client.Agreement, error) {
		bundle, err := agreement.Current(ctx, r)
		if err != nil {
			return client.Agreement{}, err
		}
		out := client.Agreement{Bundle: bundle.Hash, Number: bundle.Number()}
		for _, v := range bundle.Documents() {
			whole, err := agreement.ReadDocument(ctx, r, v.Code, v.Number)
			if err != nil {
				return client.Agreement{}, err
			}
			out.Documents = append(out.Documents, client.Document{
				Code: v.Code, Number: v.Number, Title: client.Both(v.Title), SHA256: v.SHA256, EffectiveAt: v.EffectiveAt,
				Clauses: each(whole.Clauses, func(k agreement.Clause) client.Clause {
					return client.Clause{ID: k.ID, Title: client.Both(k.Title), Text: client.Both(k.Text), Bold: k.Emphasis == agreement.Bold}
				}),
			})
		}
		return out, nil
	})
}

func displayAgreement(c *serve.Call, in *bodyOf[client.Displayed]) (client.Done, error) {
	return done(c, serve.Intent{Name: "agreement.display", Input: in.Body, Clauses: []string{"UA P-2"}}, func(tx *db.Tx) error {
		return agreement.Display(c.R.Context(), tx, c.Actor, cmp.Or(in.Body.Locale, string(c.Lang)), in.Body.Bundle)
	})
}

func acceptAgreement(c *serve.Call, in *bodyOf[client.Displayed]) (client.Acceptance, error) {
	return act(c, serve.Intent{Name: "agreement.accept", Input: in.Body, Clauses: []string{"UA P-3", "UA 9.1"}}, func(tx *db.Tx) (string, client.Acceptance, error) {
		a, err := agreement.Accept(c.R.Context(), tx, c.Actor, agreement.Acceptance{
			Method: agreement.Click, Bundle: in.Body.Bundle, Locale: cmp.Or(in.Body.Locale, string(c.Lang)), IP: c.IP(), UserAgent: c.R.UserAgent(),
		})
		return a.ID, client.Acceptance{
			ID: a.ID, Bundle: a.Bundle, Method: string(a.Method), AcceptedAt: a.AcceptedAt, EffectiveAt: a.EffectiveAt,
		}, err
	})
}

func caseShape(k identity.Case) client.IdentityCase {
	return client.IdentityCase{
		ID: string(k.ID), Account: string(k.Account), SubjectType: string(k.SubjectType), Name: k.Name, IDKind: k.IDKind, Number: k.Number,
		State: string(k.State), Reason: k.Reason, SubmittedAt: k.SubmittedAt, DecidedAt: optional(k.DecidedAt),
	}
}

func applyIdentity(c *serve.Call, in *bodyOf[client.IdentityApplication]) (client.IdentityCase, error) {
	b := in.Body
	input, err := keyed(c, b)
	if err != nil {
		return client.IdentityCase{}, err
	}
	answer, err := act(c, serve.Intent{Name: "identity.submit", Input: input, Subjects: []string{c.Actor.Account}, Clauses: []string{"UA 6.1"}}, func(tx *db.Tx) (string, client.IdentityCase, error) {
		law, err := agreement.LawInForce(c.R.Context(), tx)
		if err != nil {
			return "", client.IdentityCase{}, err
		}
		k, err := identity.Submit(c.R.Context(), tx, c.Actor, identity.Application{
			BankOnNeed:  law.BankOnNeed,
			SubjectType: account.SubjectType(b.SubjectType), Name: b.Name, IDKind: b.IDKind, Number: b.Number, Mobile: b.Mobile, Email: b.Email,
			BankAccount: b.BankAccount, LegalRepresentative: b.LegalRepresentative, Consent: b.Consent, Screen: c.Market.Enforcing.Screen,
		})
		return string(k.ID), caseShape(k), err
	})
	return answer, errors.Join(err, c.Caught(err))
}

func readIdentity(c *serve.Call, _ *none) (client.IdentityCase, error) {
	return read(c, func(r db.Reader) (client.IdentityCase, error) {
		k, ok, err := identity.Latest(c.R.Context(), r, c.Account())
		if err == nil && !ok {
			err = serve.ErrNotFound
		}
		return caseShape(k), err
	})
}

func identityQueue(c *serve.Call, _ *none) (client.Page[client.IdentityCase], error) {
	return read(c, func(r db.Reader) (client.Page[client.IdentityCase], error) {
		cases, err := identity.Queue(c.R.Context(), r)
		return whole(cases, caseShape), err
	})
}

func decideIdentity(c *serve.Call, in *onID[client.Decision]) (client.IdentityCase, error) {
	return act(c, serve.Intent{Name: "identity.decide", Input: in, Subjects: []string{in.ID}, Clauses: []string{"UA 6.1"}}, func(tx *db.Tx) (string, client.IdentityCase, error) {
		k, err := identity.Decide(c.R.Context(), tx, c.Actor, identity.ID(in.ID), identity.Decision(in.Body))
		return in.ID, caseShape(k), err
	})
}
