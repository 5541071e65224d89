package serve

import (
	"context"

	"yunshi/internal/base/text"
	"yunshi/internal/edge/page"
	"yunshi/internal/market/agreement"
)

// Reworded compares two texts word by word, to be shown.
func Reworded(before, after string) (out []page.Piece) {
	for _, p := range agreement.Words(before, after) {
		out = append(out, page.Piece{Gone: p.Op == agreement.Gone, New: p.Op == agreement.New, Text: p.Text})
	}
	return out
}

// Rewordings is what differs between two versions, in the reader's language.
func Rewordings(ctx context.Context, all []agreement.Change) (out []page.Rewording) {
	l := text.From(ctx)
	for _, c := range all {
		one := page.Rewording{}
		switch c.What {
		case agreement.ClauseAdded:
			one.Title, one.Pieces = text.Rule(l, c.ID)+" "+c.After.Title.In(l), Reworded("", c.After.Text.In(l))
			one.Badges = []string{text.T(ctx, "rule.change.added")}
		case agreement.ClauseRemoved:
			one.Title, one.Pieces = text.Rule(l, c.ID)+" "+c.Before.Title.In(l), Reworded(c.Before.Text.In(l), "")
			one.Badges = []string{text.T(ctx, "rule.change.removed")}
		case agreement.ClauseChanged:
			one.Title, one.Pieces = text.Rule(l, c.ID)+" "+c.After.Title.In(l), Reworded(c.Before.Text.In(l), c.After.Text.In(l))
			one.Badges = []string{text.T(ctx, "rule.change.changed")}
			if c.Before.Title != c.After.Title {
				one.Badges = append(one.Badges, text.T(ctx, "rule.change.title", "Was", c.Before.Title.In(l)))
			}
			if c.Before.Emphasis != c.After.Emphasis {
				one.Badges = append(one.Badges, text.T(ctx, "rule.change.emphasis."+string(c.After.Emphasis)))
			}
		case agreement.SettingChanged:
			one.Title, one.Code, one.Pieces = c.ID, true, Reworded(c.Was, c.Is)
			one.Badges = []string{text.T(ctx, "rule.change.setting")}
		default:
			one.Title, one.Pieces = text.T(ctx, "rule.change.term."+c.ID), Reworded(c.Was, c.Is)
		}
		out = append(out, one)
	}
	return out
}
