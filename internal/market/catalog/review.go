package catalog

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/base/text"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/job"
	"yunshi/internal/market/message"
	"yunshi/internal/market/operation"
	"yunshi/internal/market/vendor"
)

// Take marks a submitted version as being reviewed, so that the vendor sees it.
func Take(ctx context.Context, tx *db.Tx, by audit.Actor, id VersionID) error {
	if !officer(by) {
		return ErrForbidden
	}
	n, err := tx.Exec(ctx, takeVersion, string(id))
	return guarded(n, err)
}

// Review gives the reviewer's verdict on a submitted version. Approved, it is
// listed at once and takes the place of the version before; refused, it stays as
// it is with its reasons. The vendor is told. The reviewer is a compliance
// officer who does not belong to the vendor.
func Review(ctx context.Context, tx *db.Tx, by audit.Actor, id VersionID, verdict Verdict) (_ Version, err error) {
	defer fault.Wrap(&err, "catalog.Review(%s)", id)
	if !officer(by) {
		return Version{}, ErrForbidden
	}
	v, err := GetVersion(ctx, tx, id)
	if err != nil {
		return Version{}, err
	}
	p, err := Get(ctx, tx, v.Product)
	if err != nil {
		return Version{}, err
	}
	seller, err := vendor.Get(ctx, tx, p.Vendor)
	if err != nil {
		return Version{}, err
	}
	switch {
	case by.Account != "" && by.Account == string(seller.Account):
		return Version{}, ErrOwnCase
	case v.State != VersionSubmitted && v.State != VersionFirstReview:
		return Version{}, ErrStale
	case !verdict.Approve && !reasoned(verdict.Reasons):
		return Version{}, ErrRequired.In("reasons")
	}
	decided := Decision{
		ID: tx.ID("rev"), Method: "review", Vendor: seller.ID, Approved: verdict.Approve, Reasons: verdict.Reasons,
		Reviewer: by.User, Items: 1, SHA256: v.SubmittedSHA256, DecidedAt: tx.Now(),
	}
	if err := storeReview(ctx, tx, decided); err != nil {
		return Version{}, err
	}
	v.Review = decided.ID
	if verdict.Approve {
		v, err = list(ctx, tx, p, v)
	} else {
		v, err = refuse(ctx, tx, p, v)
	}
	if err != nil {
		return Version{}, err
	}
	if err := audit.Record(ctx, tx, by, audit.Entry{
		Act: "listing.decided", Subjects: []string{string(p.ID), string(id), decided.ID}, Clauses: []string{"UA 2.3", "UA 3.2", "UA 6.3"},
		Data: map[string]any{"approved": verdict.Approve, "submitted_sha256": v.SubmittedSHA256, "published_sha256": v.PublishedSHA256},
	}); err != nil {
		return Version{}, err
	}
	return v, tellDecision(ctx, tx, seller, v, verdict)
}

func reasoned(items []Item) bool {
	for _, item := range items {
		if strings.TrimSpace(item.Reason) != "" {
			return true
		}
	}
	return false
}

func refuse(ctx context.Context, tx *db.Tx, p Product, v Version) (Version, error) {
	n, err := tx.Exec(ctx, rejectVersion, v.Review, string(v.ID))
	if err := guarded(n, err); err != nil {
		return v, err
	}
	v.State = VersionRejected
	if p.State != ProductSubmitted {
		return v, nil
	}
	draft := p
	draft.State = ProductDraft
	return v, move(ctx, tx, p, draft)
}

// list puts an approved version on the market in place of the one before.
func list(ctx context.Context, tx *db.Tx, p Product, v Version) (Version, error) {
	if p.Scope != "" {
		return v, ErrDelisted.With("State", string(p.State))
	}
	if err := vendor.MustPublish(ctx, tx, p.Vendor); err != nil {
		return v, err
	}
	if p.ListedVersion == "" {
		if err := operation.MustTakeNew(ctx, tx); err != nil { // 8.1
			return v, err
		}
	}
	until := rightsUntil(v.Content)
	if err := inForce(until, calendar.On(tx.Now())); err != nil {
		return v, err
	}
	category, err := settledIn(ctx, tx, v.Content.Category)
	if err != nil {
		return v, err
	}
	if p.ListedVersion != "" {
		n, err := tx.Exec(ctx, supersedeVersion, string(p.ListedVersion))
		if err := guarded(n, err); err != nil {
			return v, err
		}
	}
	n, err := tx.Exec(ctx, publishVersion, v.Review, db.Micros(tx.Now()), string(v.ID), v.SHA256)
	if err := guarded(n, err); err != nil {
		return v, err
	}
	v.State, v.PublishedSHA256, v.ListedAt = VersionListed, v.SHA256, tx.Now()
	after := p
	after.ListedVersion, after.Category, after.RightsUntil = v.ID, category, until
	// A missing licence is cured by the new version; what anything else hides stays hidden.
	if _, err := tx.Exec(ctx, deleteHiding, string(p.ID), string(ByRights), ""); err != nil {
		return v, err
	}
	hidden, err := Hidings(ctx, tx, p.ID)
	if err != nil {
		return v, err
	}
	after = placed(after, hidden)
	if after.ListedAt.IsZero() {
		after.ListedAt = tx.Now()
	}
	n, err = tx.Exec(ctx, listProduct, string(after.State), after.HiddenCause, after.HiddenReason, string(v.ID), after.Category, day(until), db.Micros(after.ListedAt),
		string(p.ID), string(p.State), string(p.ListedVersion))
	if err := guarded(n, err); err != nil {
		return v, err
	}
	batch := tx.Batch()
	batch.Add(withdrawPlans, false, string(p.ID))
	addRows(batch, upsertPlans, onPlan, planWidth, planRows(tx, p.ID, v.Content))
	if _, err := batch.Send(ctx); err != nil {
		return v, err
	}
	if err := watchRights(ctx, tx, p.ID, p.RightsUntil, until); err != nil {
		return v, err
	}
	return v, changed(ctx, tx, p.ID)
}

func planRows(tx *db.Tx, p ProductID, c Content) [][]any {
	rows := make([][]any, len(c.Plans))
	for i, plan := range c.Plans {
		rows[i] = []any{tx.ID("pln"), string(p), plan.Code, i, true, plan.Price.Minor, string(plan.Price.Currency)}
	}
	return rows
}

// rightsUntil is the last day of the licence of a sheet; none for what the vendor
// developed itself.
func rightsUntil(c Content) calendar.Date {
	if c.RightsBasis.Kind == Licensed {
		return c.RightsBasis.Expires
	}
	return calendar.Date{}
}

// watchRights sets the timers of a licence: the rulebook's reminders, and the
// moment after its last day. Timers of the licence before are taken back.
func watchRights(ctx context.Context, tx *db.Tx, p ProductID, before, until calendar.Date) error {
	if before == until {
		return nil
	}
	reminders, err := agreement.Setting[struct {
		Days []int `json:"days_before"`
	}](ctx, tx, "licence_expiry_reminders")
	if err != nil {
		return err
	}
	for _, days := range append(reminders.Days, -1) {
		name := fmt.Sprint(days)
		if !before.IsZero() {
			if err := job.Cancel(ctx, tx, "catalog.rights", string(p), name); err != nil {
				return err
			}
		}
		if until.IsZero() {
			continue
		}
		if at := until.AddDays(-days).Start(); at.After(tx.Now()) {
			if err := job.Enqueue(ctx, tx, job.Spec{Kind: "catalog.rights", Object: string(p), Name: name, At: at, Unique: true}); err != nil {
				return err
			}
		}
	}
	return nil
}

// changed tells the search index that what is on the market has changed.
func changed(ctx context.Context, tx *db.Tx, p ProductID) error {
	return job.Enqueue(ctx, tx, job.Spec{Kind: "search.index", Object: string(p), Name: "index", Unique: true})
}

func tellDecision(ctx context.Context, tx *db.Tx, seller vendor.Vendor, v Version, verdict Verdict) error {
	decision := "rejected"
	if verdict.Approve {
		decision = "approved"
	}
	reasons := make([]string, 0, len(verdict.Reasons))
	for _, item := range verdict.Reasons {
		reasons = append(reasons, strings.TrimPrefix(item.Field+": "+item.Reason, ": "))
	}
	return message.Send(ctx, tx, message.Notice{
		Code: "N-22", To: seller.Account, Link: "/vendor/products/" + string(v.Product),
		Params: map[string]string{"ItemZH": v.Content.Name.In(text.ZH), "ItemEN": v.Content.Name.In(text.EN), "Decision": decision, "Reasons": strings.Join(reasons, "; ")},
	})
}

// unlist hides a product whose licence has ended. It reports false when there is
// nothing to do: the licence was renewed, or the product is out of sight for it.
func unlist(ctx context.Context, tx *db.Tx, p Product) (bool, error) {
	if p.ListedVersion == "" || !errors.Is(inForce(p.RightsUntil, calendar.On(tx.Now())), ErrRights) {
		return false, nil
	}
	fresh, err := conceal(ctx, tx, p, Hiding{Cause: ByRights, Reason: p.RightsUntil.String()})
	if err != nil || !fresh {
		return false, err
	}
	return true, audit.Record(ctx, tx, audit.Job("catalog.rights"), audit.Entry{
		Act: "product.unlisted", Subjects: []string{string(p.ID)}, Clauses: []string{"UA 2.3"}, Data: map[string]any{"rights_until": p.RightsUntil.String()},
	})
}
