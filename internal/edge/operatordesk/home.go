package operatordesk

import (
	"context"
	"slices"
	"strconv"
	"time"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/db"
	"yunshi/internal/base/text"
	"yunshi/internal/edge/page"
	"yunshi/internal/edge/serve"
	"yunshi/internal/market/account"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/catalog"
	"yunshi/internal/market/identity"
	"yunshi/internal/market/job"
	"yunshi/internal/market/payment"
	"yunshi/internal/market/vendor"
)

// perPage is how many rows a list shows at once.
const perPage = 50

// queue is one kind of waiting work.
type queue struct {
	title, href string
	items       []page.QueueItem
}

type homeView struct {
	frame
	now     time.Time
	queues  []queue
	scanned bool // a real scanner looks at uploaded files
}

// clear are the queues in which nothing waits.
func (v homeView) clear() (out []queue) {
	for _, q := range v.queues {
		if len(q.items) == 0 {
			out = append(out, q)
		}
	}
	return out
}

// home is what is due for the roles of the caller.
func (d desk) home(c *serve.Call) error {
	ctx := c.R.Context()
	view := homeView{now: c.Now(), scanned: c.Market.Files.Configured()}
	var all []queue
	if err := c.Read(func(r db.Reader) error {
		for _, one := range []struct {
			roles []string
			title string
			href  string
			read  func(context.Context, db.Reader) ([]page.QueueItem, error)
		}{
			{[]string{account.Compliance}, "operatordesk.nav.listings", "/operator/listings", listingItems},
			{[]string{account.Compliance}, "operatordesk.nav.vendors", "/operator/vendors", vendorItems},
			{[]string{account.Compliance}, "operatordesk.nav.identities", "/operator/identities", identityItems},
			{[]string{account.Compliance}, "operatordesk.nav.bans", "/operator/bans", d.linkItems(c.Actor)},
			{[]string{account.Compliance}, "operatordesk.nav.infringements", "/operator/infringements", infringementItems},
			{[]string{account.Compliance}, "operatordesk.nav.rules", "/operator/rules", ruleItems},
			{[]string{account.Compliance}, "operatordesk.nav.cases", "/operator/cases", caseItems},
			{[]string{account.Compliance}, "operatordesk.nav.privacy", "/operator/privacy", privacyItems},
			{[]string{account.Support, account.Compliance, account.Finance}, "operatordesk.nav.refunds", "/operator/refunds", refundItems},
			{[]string{account.Compliance}, "content.desk.title", "/operator/content", contentItems},
			{[]string{account.Support, account.Compliance}, "conversation.desk.title", "/operator/conversations", talkItems},
			{[]string{account.Support, account.Compliance}, "operatordesk.nav.complaints", "/operator/complaints", complaintItems},
			{[]string{account.Finance}, "operatordesk.nav.finance", "/operator/finance", d.financeItems},
			{[]string{account.Finance}, "operatordesk.nav.payments", "/operator/payments", paymentItems},
			{[]string{account.Support, account.Finance, account.Compliance}, "operatordesk.nav.invoices", "/operator/invoices", invoiceItems},
			{[]string{account.Compliance, account.Support}, "operation.nav", "/operator/interruptions", operationItems},
			{[]string{account.Compliance, account.Finance, account.Support}, "operatordesk.nav.jobs", "/operator/jobs", jobItems},
		} {
			if !has(c.Actor, one.roles...) {
				continue
			}
			items, err := one.read(ctx, r)
			if err != nil {
				return err
			}
			all = append(all, queue{text.T(ctx, one.title), one.href, items})
		}
		return nil
	}); err != nil {
		return err
	}
	view.queues = all
	view.frame = d.frame(c, "/operator", text.T(ctx, "operatordesk.home.title"))
	for i, item := range view.nav {
		for _, q := range all {
			if q.href == item.Href {
				view.nav[i].Count = len(q.items)
				view.nav[i].Hot = slices.ContainsFunc(q.items, func(q page.QueueItem) bool { return !q.Due.IsZero() && q.Due.Before(view.now.AddDate(0, 0, 1)) })
			}
		}
	}
	return show(c, nil, homePage(view))
}

// since says how long something waits that has no clock of its own.
func since(ctx context.Context, at time.Time) string {
	return text.T(ctx, "operatordesk.since", "When", text.Time(ctx, at))
}

// listingItems are the versions that wait for a review, with the rulebook's days.
func listingItems(ctx context.Context, r db.Reader) ([]page.QueueItem, error) {
	versions, err := catalog.Queue(ctx, r)
	if err != nil {
		return nil, err
	}
	within, err := agreement.Setting[struct{ Days int }](ctx, r, "listing_review")
	if err != nil {
		return nil, err
	}
	items := make([]page.QueueItem, 0, len(versions))
	for _, v := range versions {
		p, err := catalog.Get(ctx, r, v.Product)
		if err != nil {
			return nil, err
		}
		seller, err := vendor.Get(ctx, r, p.Vendor)
		if err != nil {
			return nil, err
		}
		due, _ := calendar.Official().Expected(v.SubmittedAt, within.Days)
		items = append(items, page.QueueItem{
			Href: "/operator/listings/" + string(v.ID), Title: v.Content.Name.In(text.From(ctx)), Who: seller.RegisteredName, ID: string(v.ID),
			Chip: versionChip(v.State), Due: due, Note: text.T(ctx, "desk.version.number", "Number", v.Number),
		})
	}
	return items, nil
}

func vendorItems(ctx context.Context, r db.Reader) ([]page.QueueItem, error) {
	all, err := vendor.Queue(ctx, r)
	if err != nil {
		return nil, err
	}
	items := make([]page.QueueItem, 0, len(all))
	for _, v := range all {
		p, err := vendor.Newest(ctx, r, v.ID)
		if err != nil {
			return nil, err
		}
		items = append(items, page.QueueItem{Href: "/operator/vendors/" + string(v.ID), Title: p.RegisteredName, ID: string(v.ID), Chip: vendorChip(v.State), Note: since(ctx, p.SubmittedAt)})
	}
	return items, nil
}

func identityItems(ctx context.Context, r db.Reader) ([]page.QueueItem, error) {
	all, err := identity.Queue(ctx, r)
	items := make([]page.QueueItem, 0, len(all))
	for _, k := range all {
		items = append(items, page.QueueItem{
			Href: "/operator/identities/" + string(k.ID), Title: k.Name, Who: text.T(ctx, "desk.subject."+string(k.SubjectType)), ID: string(k.ID), Chip: identityChip(k.State), Note: since(ctx, k.SubmittedAt),
		})
	}
	return items, err
}

// watched is how many of the newest attempts are looked through for trouble.
const watched = 500

// troubled are the payments whose outcome is not known, or whose money is not
// what was asked for and has not all gone back.
func troubled(ctx context.Context, r db.Reader) ([]payment.Attempt, error) {
	all, _, err := payment.List(ctx, r, "", watched)
	return slices.DeleteFunc(all, func(a payment.Attempt) bool {
		return a.State != payment.Unknown && (!a.Mismatch || a.Refunded == a.Captured)
	}), err
}

func paymentItems(ctx context.Context, r db.Reader) ([]page.QueueItem, error) {
	attempts, err := troubled(ctx, r)
	if err != nil {
		return nil, err
	}
	var items []page.QueueItem
	for _, a := range attempts {
		key := "operatordesk.payment.unknown"
		if a.Mismatch {
			key = "operatordesk.payment.mismatch"
		}
		items = append(items, page.QueueItem{
			Href: "/operator/orders/" + a.Order, Title: text.T(ctx, key, "Amount", page.MoneyText(ctx, a.Amount)), Who: a.Gateway, ID: string(a.ID),
			Chip: paymentChip(a.State), Due: a.ChangedAt.AddDate(0, 0, 1), // nothing stays unknown for more than a day
		})
	}
	for _, state := range []payment.LineState{payment.LineSuspense, payment.LineUnmatched} {
		lines, err := payment.Lines(ctx, r, state, perPage)
		if err != nil {
			return nil, err
		}
		for _, l := range lines {
			items = append(items, page.QueueItem{
				Href: "/operator/finance/lines/" + string(l.ID), Title: text.T(ctx, "operatordesk.payment.line", "Amount", page.MoneyText(ctx, l.Amount)), Who: l.BankRef,
				ID: string(l.ID), Chip: lineChip(l.State), Note: since(ctx, l.At),
			})
		}
	}
	return items, nil
}

func jobItems(ctx context.Context, r db.Reader) ([]page.QueueItem, error) {
	all, err := job.Failed(ctx, r, perPage)
	items := make([]page.QueueItem, 0, len(all))
	for _, j := range all {
		items = append(items, page.QueueItem{
			Href: "/operator/jobs", Title: j.Kind, Who: j.Object, ID: j.ID, Chip: page.Chip(page.Danger, text.T(ctx, "operatordesk.job.failed")),
			Note: text.T(ctx, "operatordesk.job.attempts", "Count", strconv.Itoa(j.Attempt)),
		})
	}
	return items, err
}
