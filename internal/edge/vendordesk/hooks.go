package vendordesk

import (
	"crypto/rand"
	"errors"
	"slices"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/base/text"
	"yunshi/internal/edge/page"
	"yunshi/internal/edge/serve"
	"yunshi/internal/market/delivery"
	"yunshi/internal/market/vendor"
)

// hookDialects are the interfaces a vendor's own system may speak.
var hookDialects = []string{delivery.HookNative, delivery.HookTencent}

type hooksView struct {
	frame
	hooks   []vendor.Hook
	dialect string
	url     string
	fresh   vendor.Hook // just set: its secret is shown this once
	check   *checked
	refusal error
	errors  map[string]string
}

// checked is what came of a call that checks a vendor's address.
type checked struct {
	dialect string
	ok      bool
	status  int
	took    time.Duration
	why     string
}

func (d desk) hooks(c *serve.Call) error { return d.hooksAgain(c, hooksView{}) }

func (d desk) hooksAgain(c *serve.Call, view hooksView) error {
	ctx := c.R.Context()
	if err := c.Read(func(r db.Reader) error {
		v, err := d.seller(c, r)
		if err != nil {
			return err
		}
		view.hooks, err = vendor.Hooks(ctx, r, v.ID)
		return err
	}); err != nil {
		return err
	}
	view.frame, view.errors = d.frame(c, "/vendor/hooks", text.T(ctx, "vendordesk.nav.hooks")), page.FieldErrors(ctx, view.refusal)
	return d.shown(c, view.refusal, hooksPage(view))
}

// setHook sets or moves an address and shows its new secret in the answer, once.
// The form carries no idempotency key: its answer would keep the secret.
func (d desk) setHook(c *serve.Call) error {
	view := hooksView{dialect: c.R.PostFormValue("dialect"), url: c.R.PostFormValue("url")}
	if !slices.Contains(hookDialects, view.dialect) {
		view.refusal = vendor.ErrRequired.In("dialect")
		return d.hooksAgain(c, view)
	}
	view.fresh, view.refusal = serve.Do(c, serve.Intent{Name: "vendor.set_hook", Input: []string{view.dialect, view.url}}, func(tx *db.Tx) (vendor.Hook, error) {
		v, err := d.seller(c, tx)
		if err != nil {
			return vendor.Hook{}, err
		}
		return vendor.SetHook(c.R.Context(), tx, c.Actor, v.ID, view.dialect, view.url)
	})
	if view.refusal != nil && !correctable(view.refusal) {
		return view.refusal
	}
	if view.refusal == nil {
		view.dialect, view.url = "", ""
	}
	return d.hooksAgain(c, view)
}

// verifyHook calls the vendor's address once, signed, without any order behind it.
func (d desk) verifyHook(c *serve.Call) error {
	ctx, dialect := c.R.Context(), c.R.PostFormValue("dialect")
	provisioner, ok := c.Market.Delivery.Provisioners[dialect]
	if !ok {
		return serve.ErrNotFound
	}
	var endpoint delivery.Endpoint
	if err := c.Read(func(r db.Reader) error {
		v, err := d.seller(c, r)
		if err != nil {
			return err
		}
		endpoint, err = delivery.VendorHooks(ctx, r, v.ID, dialect)
		return err
	}); err != nil {
		return err
	}
	result, err := provisioner.Provision(ctx, delivery.Call{
		ID: delivery.ID("dlv_check_" + rand.Text()), Action: delivery.Verify, Endpoint: endpoint, At: c.Now(), Test: true,
	})
	check := &checked{dialect: dialect, ok: err == nil || errors.Is(err, delivery.ErrPending), status: result.Exchange.Status, took: result.Exchange.Duration}
	if !check.ok {
		check.why = "unreachable"
		if check.status != 0 {
			check.why = "answer"
		}
	}
	return d.hooksAgain(c, hooksView{check: check})
}
