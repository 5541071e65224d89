package enforcement

import (
	"context"
	"slices"
	"strings"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/base/text"
	"yunshi/internal/market/account"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/job"
	"yunshi/internal/market/message"
)

// serve puts the decision into the subject's inbox and brings its measures into
// force in the same moment. It also serves what was adopted later.
func (u Rules) serve(ctx context.Context, tx *db.Tx, c Case) error {
	all, err := measuresOf(ctx, tx, c.ID)
	if err != nil {
		return err
	}
	due := slices.DeleteFunc(all, func(m Measure) bool { return m.State != MeasureDecided })
	if len(due) == 0 {
		return nil // revoked meanwhile, or served already
	}
	law, err := agreement.LawInForce(ctx, tx)
	if err != nil {
		return err
	}
	by := officer(serveJob)
	now := tx.Now()
	first := c.State == Decided
	if first {
		window, err := agreement.Setting[struct{ Days int }](ctx, tx, "enforcement_appeal_window")
		if err != nil {
			return err
		}
		c.ServedAt, c.AppealUntil = now, appealUntil(now, window.Days, law)
	}
	notice, err := message.Deliver(ctx, tx, told(c, due, now, law))
	if err != nil {
		return err
	}
	if first {
		c.Notice = string(notice)
		if err := step(ctx, tx, by, &c, evServe, System, said{note: c.Notice}); err != nil {
			return err
		}
		points := int64(0)
		for _, m := range due {
			points += m.Points
		}
		if points > 0 {
			if _, err := tx.Exec(ctx, insertPoints, string(c.ID), string(c.Subject), points, db.Micros(now)); err != nil {
				return err
			}
		}
		if err := job.Enqueue(ctx, tx, job.Spec{Kind: finalJob, Object: string(c.ID), At: c.AppealUntil.Add(time.Microsecond), Unique: true}); err != nil {
			return err
		}
	} else if err := step(ctx, tx, by, &c, evFurther, System, said{note: string(notice)}); err != nil {
		return err
	}
	for _, m := range due {
		if m.Kind == Terminate {
			if from := endsFrom(now, c.Vendor != "", law); from.After(now) {
				if err := u.hold(ctx, tx, by, c, m); err != nil {
					return err
				}
				if err := job.Enqueue(ctx, tx, job.Spec{Kind: effectJob, Object: string(m.ID), At: from, Unique: true}); err != nil {
					return err
				}
				continue
			}
		}
		if err := u.inForce(ctx, tx, &c, m); err != nil {
			return err
		}
	}
	return tellReporterOnce(ctx, tx, c, first)
}

// inForce brings one measure into force, and its case with it.
func (u Rules) inForce(ctx context.Context, tx *db.Tx, c *Case, m Measure) error {
	by := officer(serveJob)
	if err := u.force(ctx, tx, by, c, &m); err != nil {
		return err
	}
	if c.State == Served {
		return step(ctx, tx, by, c, evForce, System, said{measure: m.ID})
	}
	return nil
}

// told is the notice of a decision: facts, rule, measures, how long, whether a
// program decided, and how to appeal.
func told(c Case, due []Measure, now time.Time, law agreement.Law) message.Notice {
	automated := "no"
	if c.Automated {
		automated = "yes"
	}
	params := map[string]string{
		"Case": string(c.ID), "Facts": c.Facts, "Reasons": c.Reasons, "Rule": strings.Join(c.Clauses, ", "), "ServedAt": now.Format(time.RFC3339), "Automated": automated,
		"AppealAt": c.AppealUntil.Format(time.RFC3339),
	}
	for _, l := range []text.Lang{text.ZH, text.EN} {
		var each []string
		for _, m := range due {
			each = append(each, Describe(l, m, planned(m, c, now, law)))
		}
		params["Measures"+strings.ToUpper(string(l))] = strings.Join(each, text.In(l, "enforcement.list"))
	}
	return message.Notice{Code: "N-53", To: c.Subject, Link: PathOf(c), Params: params}
}

// planned is a measure with the times it has once it is in force.
func planned(m Measure, c Case, now time.Time, law agreement.Law) Measure {
	if m.EffectiveAt.IsZero() {
		m.EffectiveAt = now
		if m.Kind == Terminate {
			m.EffectiveAt = endsFrom(now, c.Vendor != "", law)
		}
		if m.Kind == Rectify {
			m.DueAt = lasts(now, m.Days)
		} else {
			m.UntilAt = lasts(now, m.Days)
		}
		if m.ReviewDays > 0 {
			m.ReviewAt = lasts(now, m.ReviewDays)
		}
	}
	return m
}

// Describe says in one sentence what a measure does and how long.
func Describe(l text.Lang, m, times Measure) string {
	functions := make([]string, 0, len(m.Functions))
	for _, f := range m.Functions {
		functions = append(functions, text.In(l, "enforcement.function."+f))
	}
	kv := []any{"Functions", strings.Join(functions, text.In(l, "enforcement.comma")), "Demand", strings.TrimRight(m.Demand, "。."), "Content", m.Content.ID}
	for name, at := range map[string]time.Time{"Due": times.DueAt, "Until": times.UntilAt, "Review": times.ReviewAt, "From": times.EffectiveAt} {
		if !at.IsZero() {
			kv = append(kv, name, text.Time(text.With(context.Background(), l), at))
		}
	}
	return text.In(l, "enforcement.says."+string(m.Kind), kv...)
}

// PathOf is the page on which a subject sees its case: a vendor at its desk, else
// the account.
func PathOf(c Case) string { return "/account/measures/" + string(c.ID) }

// tellMeasure tells the subject what became of one measure.
func tellMeasure(ctx context.Context, tx *db.Tx, c Case, m Measure, outcome, why string) error {
	params := map[string]string{"Case": string(c.ID), "Outcome": outcome, "Why": why}
	for _, l := range []text.Lang{text.ZH, text.EN} {
		params["Measure"+strings.ToUpper(string(l))] = text.In(l, "enforcement.kind."+string(m.Kind))
	}
	return message.Send(ctx, tx, message.Notice{Code: "M-01", To: c.Subject, Link: PathOf(c), Params: params})
}

// tellReporter tells who reported a violation what came of it, without what is the
// subject's.
func tellReporter(ctx context.Context, tx *db.Tx, c Case, result string) error {
	if c.Reporter == "" {
		return nil
	}
	if _, err := account.Get(ctx, tx, c.Reporter); err != nil {
		return err
	}
	return message.Send(ctx, tx, message.Notice{Code: "M-03", To: c.Reporter, Params: map[string]string{"Case": string(c.ID), "Clause": c.Violation, "Result": result}})
}

func tellReporterOnce(ctx context.Context, tx *db.Tx, c Case, first bool) error {
	if !first {
		return nil
	}
	return tellReporter(ctx, tx, c, "acted")
}
