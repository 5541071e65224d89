package vendordesk

import (
	"context"
	"errors"
	"net/http"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/db"
	"yunshi/internal/base/text"
	"yunshi/internal/edge/page"
	"yunshi/internal/edge/serve"
	"yunshi/internal/market/account"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/identity"
	"yunshi/internal/market/vendor"
)

// applyView is the application: the form, or what became of it.
type applyView struct {
	frame
	form    vendor.Application
	errors  map[string]string
	refusal error
	vendor  vendor.Vendor
	profile vendor.Profile
	applied bool
	lacks   []error // what must be there before an application
	key     string
}

// open reports whether the form is shown.
func (v applyView) open() bool { return !v.applied || v.vendor.State == vendor.Rejected }

func (d desk) applyForm(c *serve.Call) error {
	v := applyView{form: vendor.Application{SubjectType: account.LegalPerson}}
	return d.application(c, v)
}

func (d desk) application(c *serve.Call, v applyView) error {
	ctx := c.R.Context()
	if err := c.Read(func(r db.Reader) (err error) {
		if v.vendor, v.applied, err = vendor.OfAccount(ctx, r, c.Account()); err != nil {
			return err
		}
		if v.applied {
			if v.profile, err = vendor.Newest(ctx, r, v.vendor.ID); err == nil && v.vendor.State == vendor.Rejected && v.refusal == nil {
				v.form = v.profile.Application
				v.form.SelfCertified = false
			}
			return err
		}
		v.lacks, err = lacks(ctx, r, c)
		return err
	}); err != nil {
		return err
	}
	v.frame, v.errors, v.key = d.frame(c, "", text.T(ctx, "vendordesk.apply.title")), page.FieldErrors(ctx, v.refusal), freshKey()
	if !v.applied || v.vendor.State == vendor.Applied || v.vendor.State == vendor.Reviewing || v.vendor.State == vendor.Rejected {
		v.nav, v.Search = nil, ""
	}
	return d.shown(c, v.refusal, applyPage(v))
}

// lacks are the refusals an application would meet now, whatever is written in it.
func lacks(ctx context.Context, r db.Reader, c *serve.Call) ([]error, error) {
	var all []error
	for _, must := range []func(context.Context, db.Reader, account.ID) error{agreement.MustAccepted, identity.MustVerified} {
		err := must(ctx, r, c.Account())
		if err != nil && !correctable(err) && serve.Status(err) == http.StatusInternalServerError {
			return nil, err
		}
		if err != nil {
			all = append(all, err)
		}
	}
	return all, nil
}

// apply sends the application.
func (d desk) apply(c *serve.Call) error {
	in := statedBy(c)
	_, err := serve.Do(c, serve.Intent{Name: "vendor.apply", Input: in, Clauses: []string{"UA 2.2"}}, func(tx *db.Tx) (string, error) {
		v, err := vendor.Apply(c.R.Context(), tx, c.Actor, in)
		return string(v.ID), err
	})
	if err == nil {
		return c.Redirect("/vendor/apply")
	}
	if serve.Status(err) == http.StatusInternalServerError || errors.Is(err, vendor.ErrApplied) {
		return err
	}
	return d.application(c, applyView{form: in, refusal: err})
}

// statedBy reads a profile from the form.
func statedBy(c *serve.Call) vendor.Application {
	f := c.R.PostFormValue
	return vendor.Application{
		RegisteredName: f("registered_name"), SubjectType: account.SubjectType(f("subject_type")), USCC: f("uscc"),
		LegalRepresentative: f("legal_representative"), Address: f("address"), SupportHours: f("support_hours"),
		Contact: vendor.Contact{Name: f("contact_name"), Phone: f("contact_phone"), Email: f("contact_email")}, SelfCertified: f("self_certified") != "",
	}
}

type profileView struct {
	applyView
	card      vendor.SellerCard
	verified  bool
	documents []vendor.Document
	pauses    []vendor.Pause
	today     calendar.Date
	trail     []page.AuditEntry
}

// profile is the vendor's identity as buyers see it, and the form to change it.
func (d desk) profile(c *serve.Call) error { return d.profileAgain(c, vendor.Application{}, nil) }

func (d desk) profileAgain(c *serve.Call, form vendor.Application, refusal error) error {
	ctx := c.R.Context()
	v := profileView{applyView: applyView{form: form, refusal: refusal, key: freshKey()}, today: calendar.On(c.Now())}
	if err := c.Read(func(r db.Reader) (err error) {
		if v.vendor, err = d.seller(c, r); err != nil {
			return err
		}
		if v.profile, err = vendor.Newest(ctx, r, v.vendor.ID); err != nil {
			return err
		}
		if refusal == nil {
			v.form = v.profile.Application
			v.form.SelfCertified = false
		}
		v.card, err = vendor.Card(ctx, r, v.vendor.ID)
		if v.verified = err == nil; err != nil && !errors.Is(err, vendor.ErrNotFound) {
			return err
		}
		if v.documents, err = vendor.Documents(ctx, r, v.vendor.ID); err != nil {
			return err
		}
		if v.pauses, err = vendor.Pauses(ctx, r, v.vendor.ID); err != nil {
			return err
		}
		acts, err := audit.Of(ctx, r, string(v.vendor.ID))
		v.trail = trail(ctx, c, acts)
		return err
	}); err != nil {
		return err
	}
	v.frame, v.errors = d.frame(c, "/vendor/profile", text.T(ctx, "vendordesk.nav.profile")), page.FieldErrors(ctx, refusal)
	return d.shown(c, refusal, profilePage(v))
}

// changeProfile states a new identity; the old one stays the seller card until
// the new one is verified.
func (d desk) changeProfile(c *serve.Call) error {
	in := statedBy(c)
	_, err := serve.Do(c, serve.Intent{Name: "vendor.change_profile", Input: in, Clauses: []string{"UA 2.2"}}, func(tx *db.Tx) (bool, error) {
		v, err := d.seller(c, tx)
		if err != nil {
			return false, err
		}
		_, err = vendor.ChangeProfile(c.R.Context(), tx, c.Actor, v.ID, in)
		return true, err
	})
	if err == nil {
		return c.Redirect("/vendor/profile")
	}
	if serve.Status(err) == http.StatusInternalServerError {
		return err
	}
	return d.profileAgain(c, in, err)
}
