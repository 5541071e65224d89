package api

import (
	"encoding/json"
	"fmt"

	"yunshi/client"
	"yunshi/internal/base/db"
	"yunshi/internal/edge/serve"
	"yunshi/internal/market/account"
	"yunshi/internal/market/catalog"
	"yunshi/internal/market/enforcement"
	"yunshi/internal/market/entitlement"
)

// contentOf reads a terms sheet. Its shape in the API is the form in which the
// market hashes it, with every part optional.
func contentOf(in client.Content) (catalog.Content, error) {
	text, err := json.Marshal(in)
	if err != nil {
		return catalog.Content{}, fmt.Errorf("api: terms sheet: %w", err)
	}
	var c catalog.Content
	if err := json.Unmarshal(text, &c); err != nil {
		return catalog.Content{}, errInvalid.In("content") // a day that does not exist
	}
	return c, nil
}

func productShape(p catalog.Product) client.Product {
	return client.Product{
		ID: string(p.ID), Vendor: string(p.Vendor), Slug: p.Slug, State: string(p.State), Category: p.Category,
		ListedVersion: string(p.ListedVersion), HiddenReason: p.HiddenReason, CreatedAt: p.CreatedAt,
	}
}

func versionShape(v catalog.Version) client.Version {
	return client.Version{
		ID: string(v.ID), Product: string(v.Product), Number: v.Number, State: string(v.State), TermsSHA256: v.SHA256, Terms: v.Sheet(),
		Review: v.Review, CreatedAt: v.CreatedAt, SubmittedAt: optional(v.SubmittedAt),
	}
}

func draftProduct(c *serve.Call, in *bodyOf[client.ProductDraft]) (client.ProductVersions, error) {
	content, err := contentOf(in.Body.Content)
	if err != nil {
		return client.ProductVersions{}, err
	}
	return act(c, serve.Intent{Name: "catalog.draft", Input: in.Body, Clauses: []string{"UA 2.3", "UA 3.2"}}, func(tx *db.Tx) (string, client.ProductVersions, error) {
		seller, err := own(c, tx)
		if err != nil {
			return "", client.ProductVersions{}, err
		}
		p, v, err := catalog.Draft(c.R.Context(), tx, c.Actor, seller.ID, in.Body.Slug, content)
		return string(p.ID), client.ProductVersions{Product: productShape(p), Versions: []client.Version{versionShape(v)}}, err
	})
}

func reviseProduct(c *serve.Call, in *onID[client.Content]) (client.Version, error) {
	content, err := contentOf(in.Body)
	if err != nil {
		return client.Version{}, err
	}
	return act(c, serve.Intent{Name: "catalog.revise", Input: in, Subjects: []string{in.ID}, Clauses: []string{"UA 3.2"}}, func(tx *db.Tx) (string, client.Version, error) {
		v, err := catalog.Revise(c.R.Context(), tx, c.Actor, catalog.ProductID(in.ID), content)
		return string(v.ID), versionShape(v), err
	})
}

func saveVersion(c *serve.Call, in *onID[client.Content]) (client.Version, error) {
	content, err := contentOf(in.Body)
	if err != nil {
		return client.Version{}, err
	}
	return act(c, serve.Intent{Name: "catalog.save", Input: in, Subjects: []string{in.ID}, Clauses: []string{"UA 3.2"}}, func(tx *db.Tx) (string, client.Version, error) {
		v, err := catalog.Save(c.R.Context(), tx, c.Actor, catalog.VersionID(in.ID), content)
		return in.ID, versionShape(v), err
	})
}

func submitVersion(c *serve.Call, in *byID) (client.Version, error) {
	return act(c, serve.Intent{Name: "catalog.submit", Input: in, Subjects: []string{in.ID}, Clauses: []string{"UA 4.2"}}, func(tx *db.Tx) (string, client.Version, error) {
		v, err := catalog.Submit(c.R.Context(), tx, c.Actor, catalog.VersionID(in.ID))
		return in.ID, versionShape(v), err
	})
}

func readVersion(c *serve.Call, in *byID) (client.Version, error) {
	return read(c, func(r db.Reader) (client.Version, error) {
		v, _, err := catalog.VersionFor(c.R.Context(), r, c.Actor, catalog.VersionID(in.ID))
		return versionShape(v), err
	})
}

type after struct {
	After string `query:"after" maxLength:"128" doc:"Next of the page before."`
	Limit int    `query:"limit" minimum:"1" maximum:"100" default:"50"`
}

func vendorProducts(c *serve.Call, in *after) (client.Page[client.Product], error) {
	return read(c, func(r db.Reader) (client.Page[client.Product], error) {
		seller, err := own(c, r)
		if err != nil {
			return client.Page[client.Product]{}, err
		}
		found, err := catalog.OfVendor(c.R.Context(), r, seller.ID, catalog.ProductID(in.After), in.Limit+1)
		return page(each(found, productShape), in.Limit, func(p client.Product) string { return p.ID }), err
	})
}

func vendorProduct(c *serve.Call, in *byID) (client.ProductVersions, error) {
	ctx := c.R.Context()
	return read(c, func(r db.Reader) (client.ProductVersions, error) {
		p, err := ownProduct(c, r, in.ID)
		if err != nil {
			return client.ProductVersions{}, err
		}
		versions, err := catalog.Versions(ctx, r, p.ID)
		return client.ProductVersions{Product: productShape(p), Versions: each(versions, versionShape)}, err
	})
}

// ownProduct is a product of the caller's vendor; others' do not exist.
func ownProduct(c *serve.Call, r db.Reader, id string) (catalog.Product, error) {
	seller, err := own(c, r)
	if err != nil {
		return catalog.Product{}, err
	}
	p, err := catalog.Get(c.R.Context(), r, catalog.ProductID(id))
	if err == nil && p.Vendor != seller.ID {
		err = account.ErrForeign
	}
	return p, err
}

func hideProduct(c *serve.Call, in *onID[client.Reason]) (client.Product, error) {
	return change(c, "catalog.hide", in.ID, in, func(tx *db.Tx, id catalog.ProductID) error {
		return catalog.Hide(c.R.Context(), tx, c.Actor, id, in.Body.Reason)
	})
}

func unhideProduct(c *serve.Call, in *onID[client.Reason]) (client.Product, error) {
	return change(c, "catalog.unhide", in.ID, in, func(tx *db.Tx, id catalog.ProductID) error {
		return catalog.Unhide(c.R.Context(), tx, c.Actor, id, in.Body.Reason)
	})
}

func delistProduct(c *serve.Call, in *onID[client.Delisting]) (client.Product, error) {
	return change(c, "catalog.delist", in.ID, in, func(tx *db.Tx, id catalog.ProductID) error {
		delist := catalog.Delist
		if entitlement.Staff(c.Actor) {
			delist = enforcement.Delist
		}
		return delist(c.R.Context(), tx, c.Actor, catalog.Delisting{
			Product: id, Cause: catalog.Cause(in.Body.Cause), Scope: catalog.Scope(in.Body.Scope), At: in.Body.At, Reason: in.Body.Reason, Case: in.Body.Case,
		}, entitlement.HoldersOf)
	})
}

// change does something to a product of the caller's vendor, or, for staff, of
// any, and answers with the product as it is then.
func change(c *serve.Call, name, id string, input any, do func(*db.Tx, catalog.ProductID) error) (client.Product, error) {
	return act(c, serve.Intent{Name: name, Input: input, Subjects: []string{id}, Clauses: []string{"UA 4.8"}}, func(tx *db.Tx) (string, client.Product, error) {
		if !entitlement.Staff(c.Actor) {
			if _, err := ownProduct(c, tx, id); err != nil {
				return "", client.Product{}, err
			}
		}
		if err := do(tx, catalog.ProductID(id)); err != nil {
			return "", client.Product{}, err
		}
		p, err := catalog.Get(c.R.Context(), tx, catalog.ProductID(id))
		return id, productShape(p), err
	})
}

func versionQueue(c *serve.Call, _ *none) (client.Page[client.Version], error) {
	return read(c, func(r db.Reader) (client.Page[client.Version], error) {
		waiting, err := catalog.Queue(c.R.Context(), r)
		return whole(waiting, versionShape), err
	})
}

func takeVersion(c *serve.Call, in *byID) (client.Done, error) {
	return done(c, serve.Intent{Name: "catalog.take", Input: in, Subjects: []string{in.ID}}, func(tx *db.Tx) error {
		return catalog.Take(c.R.Context(), tx, c.Actor, catalog.VersionID(in.ID))
	})
}

func decideVersion(c *serve.Call, in *onID[client.Verdict]) (client.Version, error) {
	verdict := catalog.Verdict{Approve: in.Body.Approve}
	for _, f := range in.Body.Reasons {
		verdict.Reasons = append(verdict.Reasons, catalog.Item(f))
	}
	return act(c, serve.Intent{Name: "catalog.review", Input: in, Subjects: []string{in.ID}, Clauses: []string{"UA 2.3"}}, func(tx *db.Tx) (string, client.Version, error) {
		v, err := catalog.Review(c.R.Context(), tx, c.Actor, catalog.VersionID(in.ID), verdict)
		return in.ID, versionShape(v), err
	})
}
