package serve

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"yunshi/internal/base/db"
	"yunshi/internal/base/text"
	"yunshi/internal/edge/page"
	"yunshi/internal/market/account"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/enforcement"
)

// CaseOf is a case of clause 8.2 for its subject, with what it may do under the
// address of the case.
func (c *Call) CaseOf(id enforcement.ID, at, key string, errs map[string]string) (page.Case, error) {
	ctx := c.R.Context()
	var f enforcement.Dossier
	var law agreement.Law
	if err := c.Read(func(r db.Reader) (err error) {
		if law, err = agreement.LawInForce(ctx, r); err != nil {
			return err
		}
		f, err = enforcement.Mine(ctx, r, c.Actor, id)
		return err
	}); err != nil {
		return page.Case{}, err
	}
	out := page.Case{
		ID: string(f.ID), State: string(f.State), Violation: f.Violation, Clauses: f.Clauses, Facts: f.Facts, Basis: f.Basis, Reasons: f.Reasons, Automated: f.Automated,
		ServedAt: f.ServedAt, Until: f.AppealUntil, Final: !f.FinalAt.IsZero(), Answer: at + "/answer/", Key: key, Version: strconv.FormatInt(f.Version, 10),
		Words: page.Field{Name: "text", Label: text.T(ctx, "enforcement.page.appeal.words"), Required: true, MaxLength: 4000, Value: c.R.PostFormValue("text"), Error: errs["text"]},
		Reply: page.Field{Name: "reply", Label: text.T(ctx, "enforcement.page.answer"), Required: true, MaxLength: 4000},
	}
	if f.Ended != nil {
		out.PurgeAt, out.Export = f.Ended.PurgeAt, enforcement.ExportPath
	}
	owner := c.Actor.Has(account.Owner)
	if owner && (f.State == enforcement.InForce || f.State == enforcement.Served) && f.FinalAt.IsZero() && !c.Now().After(f.AppealUntil) {
		out.Appeal = at + "/appeal"
	}
	if owner && enforcement.HumanMayBeAsked(f.Case, law) {
		out.Human = at + "/human"
	}
	for _, m := range f.Measures {
		out.Measures = append(out.Measures, MeasureShown(c.Lang, m, owner))
	}
	for _, e := range f.Exhibits {
		out.Exhibits = append(out.Exhibits, page.Exhibit{Kind: string(e.Kind), SHA256: e.SHA256, At: e.At})
	}
	out.Events = CaseEvents(ctx, f)
	for _, q := range f.Claims {
		out.Claims = append(out.Claims, page.Term{Label: text.T(ctx, "enforcement.claimant."+string(q.Claimant)) + " · " + text.T(ctx, "enforcement.claim."+string(q.State)), Text: page.MoneyText(ctx, q.Amount) + " · " + q.Grounds})
	}
	return out, nil
}

// MeasureShown is a measure as a page shows it.
func MeasureShown(l text.Lang, m enforcement.Measure, owner bool) page.Measure {
	return page.Measure{
		ID: string(m.ID), Name: text.In(l, "enforcement.kind."+string(m.Kind)), Says: enforcement.Describe(l, m, m), State: string(m.State), From: m.EffectiveAt, Due: m.DueAt,
		Until: m.UntilAt, Answer: m.Answer, Open: owner && m.Kind == enforcement.Rectify && (m.State == enforcement.Effective || m.State == enforcement.Overdue),
	}
}

// CaseEvents is the timeline of a case, with the word of an appeal where it was
// said.
func CaseEvents(ctx context.Context, f enforcement.Dossier) (out []page.Event) {
	kinds := map[enforcement.MeasureID]string{}
	for _, m := range f.Measures {
		kinds[m.ID] = text.T(ctx, "enforcement.kind."+string(m.Kind))
	}
	for _, s := range f.Steps {
		if strings.HasPrefix(s.Note, "msg_") { // the notice that served it, named above
			s.Note = ""
		}
		notes := slices.DeleteFunc([]string{kinds[s.Measure], text.Clause(text.From(ctx), s.Clause), s.Note}, func(s string) bool { return s == "" })
		out = append(out, page.Event{
			What: text.T(ctx, "enforcement.event."+string(s.Event)), Who: text.T(ctx, "enforcement.side."+string(s.Side)), At: s.At, Note: strings.Join(notes, " · "),
			Tone: page.CaseTone(string(s.To)),
		})
		for _, a := range f.Appeals {
			if a.Text != "" && a.At.Equal(s.At) && s.Event == "appealed" {
				out[len(out)-1].Note += " · " + a.Text
			}
		}
	}
	return out
}

// OnCase does what the subject of a case asks for: "appeal", "human" or "answer".
func (c *Call) OnCase(id enforcement.ID, do string) error {
	ctx := c.R.Context()
	seen, err := strconv.ParseInt(c.R.PostFormValue("version"), 10, 64)
	if err != nil {
		return ErrBadRequest
	}
	measure := enforcement.MeasureID(c.R.PathValue("measure"))
	words := c.R.PostFormValue("text")
	if do == "answer" {
		words = c.R.PostFormValue("reply")
	}
	in := Intent{Name: "enforcement." + do, Input: []any{id, measure, seen, words}, Subjects: []string{string(id), string(measure)}, Clauses: []string{"UA 8.2"}}
	return Act(c, in, func(tx *db.Tx) (err error) {
		switch do {
		case "appeal":
			_, err = enforcement.AppealAgainst(ctx, tx, c.Actor, id, seen, words)
		case "human":
			_, err = enforcement.AskHuman(ctx, tx, c.Actor, id, seen)
		case "answer":
			_, err = enforcement.Answer(ctx, tx, c.Actor, measure, seen, words)
		default:
			err = ErrNotFound
		}
		return err
	})
}
