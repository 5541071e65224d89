package vendordesk

import (
	"context"
	"slices"
	"time"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/db"
	"yunshi/internal/edge/serve"
	"yunshi/internal/market/catalog"
)

// command runs an act of the caller whose whole input is its name and subjects.
func command(c *serve.Call, name string, subjects []string, do func(tx *db.Tx) error) (bool, error) {
	return serve.Do(c, serve.Intent{Name: name, Input: subjects, Subjects: subjects}, func(tx *db.Tx) (bool, error) { return true, do(tx) })
}

// newest returns the newest version of a product; every product has one.
func newest(ctx context.Context, r db.Reader, p catalog.ProductID) (catalog.Version, error) {
	all, err := catalog.Versions(ctx, r, p)
	if err == nil && len(all) == 0 {
		err = serve.ErrNotFound
	}
	if err != nil {
		return catalog.Version{}, err
	}
	return all[len(all)-1], nil
}

func newestFirst(all []catalog.Version) { slices.Reverse(all) }

// lastReasons are the findings of the newest refusal of a product, for whoever
// writes the version after it; none when the newest decision was an approval.
func lastReasons(ctx context.Context, r db.Reader, p catalog.ProductID) ([]catalog.Item, error) {
	all, err := catalog.Versions(ctx, r, p)
	if err != nil {
		return nil, err
	}
	for _, v := range slices.Backward(all) {
		if v.Review == "" {
			continue
		}
		if v.State != catalog.VersionRejected {
			return nil, nil
		}
		decision, err := catalog.GetDecision(ctx, r, v.Review)
		return decision.Reasons, err
	}
	return nil, nil
}

// productName is the name of a version in the reader's language, or a stand-in
// while the vendor has not written one.
func productName(c *serve.Call, v catalog.Version) string {
	if v.Content.Name.Empty() {
		return string(v.Product)
	}
	return v.Content.Name.In(c.Lang)
}

// startOf is the first moment of a day that a date field holds.
func startOf(day string) (time.Time, error) {
	date, err := calendar.ParseDate(day)
	if err != nil {
		return time.Time{}, err
	}
	return date.Start(), nil
}
