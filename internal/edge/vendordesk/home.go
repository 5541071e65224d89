package vendordesk

import (
	"context"
	"net/http"
	"slices"
	"time"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/db"
	"yunshi/internal/base/money"
	"yunshi/internal/base/text"
	"yunshi/internal/edge/page"
	"yunshi/internal/edge/serve"
	"yunshi/internal/market/account"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/catalog"
	"yunshi/internal/market/delivery"
	"yunshi/internal/market/invoice"
	"yunshi/internal/market/message"
	"yunshi/internal/market/payment"
	"yunshi/internal/market/settlement"
	"yunshi/internal/market/vendor"
)

// standing is what a vendor still lacks before it can sell.
type standing struct {
	vendor   vendor.Vendor
	profile  vendor.Profile
	missing  money.Amount // of the deposit
	code     string       // to be written on the transfer of the deposit; "" when none is due
	operator string
}

type homeView struct {
	frame
	standing
	now   time.Time
	queue []page.QueueItem
	sold  []saleRow
}

// home is what is due. Whoever is no vendor yet is led to the application.
func (d desk) home(c *serve.Call) error {
	ctx := c.R.Context()
	if c.Actor.Has(account.Compliance) || c.Actor.Has(account.Finance) || c.Actor.Has(account.Support) || c.Actor.Has(account.Superadmin) {
		return serve.ErrForbidden
	}
	var view homeView
	var applied bool
	if err := c.Read(func(r db.Reader) (err error) {
		if view.vendor, applied, err = vendor.OfAccount(ctx, r, c.Account()); err != nil || !applied {
			return err
		}
		if view.profile, err = vendor.Newest(ctx, r, view.vendor.ID); err != nil {
			return err
		}
		if view.missing, err = vendor.DepositMissing(ctx, r, view.vendor.ID); err != nil {
			return err
		}
		if view.queue, err = due(ctx, r, c, view.vendor); err != nil {
			return err
		}
		view.sold, err = sales(ctx, r, view.vendor.ID, "", 5)
		return err
	}); err != nil {
		return err
	}
	switch {
	case !applied:
		return c.Redirect("/vendor/apply")
	case slices.Contains([]vendor.State{vendor.Applied, vendor.Reviewing, vendor.Rejected}, view.vendor.State):
		return c.Redirect("/vendor/apply")
	}
	var err error
	if view.code, err = d.depositCode(c, view.standing); err != nil {
		return err
	}
	view.operator = c.Market.Info.Operator
	view.now, view.frame = c.Now(), d.frame(c, "/vendor", text.T(ctx, "vendordesk.home.title"))
	view.nav[0].Count, view.nav[0].Hot = len(view.queue), len(view.queue) > 0
	return d.show(c, http.StatusOK, homePage(view))
}

// depositCode is what the vendor writes on the transfer of a deposit that is
// due. The market remembers it, so that the bank statement finds the vendor.
func (d desk) depositCode(c *serve.Call, s standing) (code string, err error) {
	if s.missing.IsZero() {
		return "", nil
	}
	err = c.Market.DB.Write(c.R.Context(), func(tx *db.Tx) (err error) {
		code, err = payment.DepositCode(c.R.Context(), tx, string(s.vendor.ID))
		return err
	})
	return code, err
}

// due lists what waits for the vendor, the nearest deadline first.
func due(ctx context.Context, r db.Reader, c *serve.Call, v vendor.Vendor) ([]page.QueueItem, error) {
	var items []page.QueueItem
	for _, s := range []delivery.State{delivery.Manual, delivery.Running, delivery.Pending, delivery.Failed} {
		all, err := delivery.OfVendor(ctx, r, v.ID, s, "", perPage)
		if err != nil {
			return nil, err
		}
		for _, one := range all {
			if s == delivery.Running && one.Attempts == 0 || s == delivery.Pending && one.Attempts == 0 || s == delivery.Failed && one.CreatedAt.Before(r.Now().AddDate(0, 0, -30)) {
				continue
			}
			item := page.QueueItem{
				Href: "/vendor/deliveries/" + string(one.ID), Title: text.T(ctx, "vendordesk.due."+string(s), "Product", one.Name),
				ID: one.Order, Chip: deliveryChip(s), Note: reasonText(ctx, one.Reason),
			}
			if s != delivery.Failed {
				if item.Due, err = deadline(ctx, r, one); err != nil {
					return nil, err
				}
			}
			items = append(items, item)
		}
	}
	talks, err := message.Waiting(ctx, r, v.Account, perPage)
	if err != nil {
		return nil, err
	}
	for _, t := range talks {
		if t.Other == v.Account {
			items = append(items, page.QueueItem{
				Href: conversationsPath + "/" + string(t.ID), Title: text.T(ctx, "conversation.due"), ID: string(t.ID),
				Chip: page.Chip(page.Info, text.T(ctx, "conversation.waiting")),
			})
		}
	}
	refunds, err := refundItems(ctx, r, v.ID)
	if err != nil {
		return nil, err
	}
	items = append(items, refunds...)
	complaints, err := complaintItems(ctx, r, v.ID)
	if err != nil {
		return nil, err
	}
	items = append(items, complaints...)
	rights, err := dataItems(ctx, r, v.ID)
	if err != nil {
		return nil, err
	}
	items = append(items, rights...)
	asked, err := invoice.Due(ctx, r, v.ID, perPage)
	if err != nil {
		return nil, err
	}
	letters, err := invoice.RedDue(ctx, r, v.ID, perPage)
	if err != nil {
		return nil, err
	}
	items = append(items, invoiceItems(ctx, asked, letters)...)
	sent, err := settlement.Statements(ctx, r, v.ID, currency)
	if err != nil {
		return nil, err
	}
	for _, s := range sent {
		if !s.Agreed.IsZero() || s.Objection != "" {
			continue
		}
		item := page.QueueItem{Href: "/vendor/income/statements/" + string(s.Month), Title: text.T(ctx, "vendordesk.due.statement", "Month", s.Month), Chip: stateChip("open"), Note: page.MoneyText(ctx, s.Closing)}
		if item.Due, err = settlement.AnswerBy(ctx, r, s.At); err != nil {
			return nil, err
		}
		items = append(items, item)
	}
	slices.SortStableFunc(items, func(a, b page.QueueItem) int { return a.Due.Compare(b.Due) })
	products, err := catalog.OfVendor(ctx, r, v.ID, "", 500)
	if err != nil {
		return nil, err
	}
	for _, p := range products {
		version, err := newest(ctx, r, p.ID)
		if err != nil {
			return nil, err
		}
		name := productName(c, version)
		switch {
		case version.State == catalog.VersionRejected:
			items = append(items, page.QueueItem{Href: "/vendor/versions/" + string(version.ID), Title: text.T(ctx, "vendordesk.due.rejected", "Product", name), ID: string(p.ID), Chip: versionChip(version.State)})
		case version.State == catalog.VersionDraft:
			items = append(items, page.QueueItem{Href: "/vendor/versions/" + string(version.ID), Title: text.T(ctx, "vendordesk.due.draft", "Product", name), ID: string(p.ID), Chip: versionChip(version.State)})
		}
		if p.State == catalog.ProductHidden {
			items = append(items, page.QueueItem{Href: "/vendor/products/" + string(p.ID), Title: text.T(ctx, "vendordesk.due.hidden", "Product", name), ID: string(p.ID), Chip: productChip(p.State), Note: p.HiddenReason})
		}
	}
	return items, nil
}

// deadline is when a delivery must have been made: the rulebook's working days
// for people, its hours for machines, from the order.
func deadline(ctx context.Context, r db.Reader, one delivery.Delivery) (time.Time, error) {
	if one.State == delivery.Manual {
		start, err := agreement.Setting[struct{ Days int }](ctx, r, "service_start")
		if err != nil {
			return time.Time{}, err
		}
		due, _ := calendar.Official().Expected(one.CreatedAt, start.Days)
		return due, nil
	}
	timer, err := agreement.Setting[struct{ Hours int }](ctx, r, "provision_timer")
	return one.CreatedAt.Add(time.Duration(timer.Hours) * time.Hour), err
}
