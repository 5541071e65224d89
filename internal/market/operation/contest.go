package operation

import (
	"context"
	"slices"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/market/account"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/message"
)

// Concerned tells whether an account is one of those an interruption concerns.
func (q Rules) Concerned(ctx context.Context, r db.Reader, n Interruption, who account.ID) (bool, error) {
	switch {
	case who == "":
		return false, nil
	case n.Everyone:
		return true, nil
	case q.Concerns == nil:
		return false, nil
	}
	return q.Concerns(ctx, r, n.Audience(), who)
}

// Contest objects to the cause that was stated, in the words of a user or vendor
// whom the interruption concerns. It is answered by somebody else than who stated
// the cause; until then nothing claims that loss is exempt.
func (q Rules) Contest(ctx context.Context, tx *db.Tx, by audit.Actor, id ID, words string) (_ Contest, err error) {
	defer fault.Wrap(&err, "operation.Contest(%s)", id)
	n, err := readInterruption(ctx, tx, id)
	if err != nil {
		return Contest{}, err
	}
	concerned, err := q.Concerned(ctx, tx, n, account.ID(by.Account))
	if err != nil {
		return Contest{}, err
	}
	window, err := agreement.Setting[struct{ Days int }](ctx, tx, "interruption_contest")
	if err != nil {
		return Contest{}, err
	}
	if err := contestable(n, concerned, tx.Now(), window.Days); err != nil {
		return Contest{}, err
	}
	answer, err := agreement.Setting[struct{ Days int }](ctx, tx, "interruption_contest_answer")
	if err != nil {
		return Contest{}, err
	}
	c := Contest{ID: ID(tx.ID("cts")), Interruption: id, Cause: n.Cause, Account: account.ID(by.Account), By: account.UserID(by.User), State: Open, MadeAt: tx.Now()}
	if c.Text, err = note("text", words); err != nil {
		return Contest{}, err
	}
	c.DueAt, _ = calendar.Official().Expected(tx.Now(), answer.Days)
	sealed, err := tx.Keys().Seal(c.Text, contestAt(c.ID))
	if err != nil {
		return Contest{}, err
	}
	rows, err := tx.Exec(ctx, insertContest, hashOf(c.Text), string(c.ID), string(id), string(c.Cause), string(c.Account), string(c.By), sealed, []byte{},
		db.Micros(c.DueAt), db.Micros(c.MadeAt))
	if err == nil && rows == 0 {
		err = ErrContestTwo
	}
	if err != nil {
		return Contest{}, err
	}
	return c, audit.Record(ctx, tx, by, audit.Entry{
		Act: "operation.cause_contested", Subjects: []string{string(c.ID), string(id)}, Clauses: []string{"UA 7.3.4"},
		Data: map[string]any{"cause": c.Cause, "text_sha256": hashOf(c.Text), "due_at": db.Micros(c.DueAt)},
	})
}

// Answer is the reply to a contest. Upheld, Cause and Reference take the place of
// what was stated.
type Answer struct {
	Uphold bool
	Words  string
	Cause  Cause // the operator's fault, force majeure or a carrier's fault
	Proof  Proof
}

// Replacements are the causes that an upheld contest may put in place of the one
// that was stated; a mistake about the user is not mended by another about users.
var Replacements = []Cause{OperatorsFault, ForceMajeure, Carrier}

// AnswerContest answers an objection; who stated the cause may not.
func AnswerContest(ctx context.Context, tx *db.Tx, by audit.Actor, id ID, in Answer) (_ Contest, err error) {
	defer fault.Wrap(&err, "operation.AnswerContest(%s)", id)
	if !onCall(by) {
		return Contest{}, ErrForbidden
	}
	c, err := found(db.One(ctx, tx, scanContest(tx), selectContest, string(id)))
	if err != nil {
		return c, err
	}
	n, err := readInterruption(ctx, tx, c.Interruption)
	if err != nil {
		return c, err
	}
	if c.State != Open {
		return c, ErrStale
	}
	if err := answers(n, by); err != nil {
		return c, err
	}
	after := c
	after.State, after.AnsweredBy, after.AnsweredAt = Rejected, by.User, tx.Now()
	if in.Uphold {
		after.State = Upheld
	}
	if after.Answer, err = note("words", in.Words); err != nil {
		return c, err
	}
	sealed, err := tx.Keys().Seal(after.Answer, answerAt(id))
	if err != nil {
		return c, err
	}
	rows, err := tx.Exec(ctx, answerContest, string(after.State), sealed, by.User, db.Micros(tx.Now()), string(id))
	if err := guarded(rows, err); err != nil {
		return c, err
	}
	if in.Uphold && n.Cause == c.Cause {
		if !slices.Contains(Replacements, in.Cause) || in.Cause == n.Cause {
			return c, ErrInvalid.In("cause")
		}
		if n, err = changeInterruption(ctx, tx, by, n.ID, n.Version, Entry{Event: "cause", Public: true}, func(n *Interruption) error {
			return n.state(ctx, tx, by, in.Cause, in.Proof, "")
		}); err != nil {
			return c, err
		}
		if err := n.tell(ctx, tx, "updated"); err != nil {
			return c, err
		}
	}
	if err := message.Send(ctx, tx, message.Notice{
		Code: "OP-01", To: c.Account, Link: "/status/" + string(n.ID),
		Params: map[string]string{"TitleZH": n.Title.ZH, "TitleEN": n.Title.EN, "Contested": string(after.State), "Words": after.Answer},
	}); err != nil {
		return c, err
	}
	return after, audit.Record(ctx, tx, by, audit.Entry{
		Act: "operation.contest_answered", Subjects: []string{string(id), string(n.ID)}, Clauses: []string{"UA 7.3.4"},
		Data: map[string]any{"outcome": after.State, "cause": n.Cause, "answer_sha256": hashOf(after.Answer)},
	})
}

// Contests lists the contests of an interruption, oldest first.
func Contests(ctx context.Context, r db.Reader, id ID) ([]Contest, error) {
	return db.All(ctx, r, scanContest(r), selectContests, string(id))
}

// MyContests are those that an account made itself.
func MyContests(ctx context.Context, r db.Reader, id ID, who account.ID) ([]Contest, error) {
	all, err := Contests(ctx, r, id)
	return slices.DeleteFunc(all, func(c Contest) bool { return who == "" || c.Account != who }), err
}

// OpenContests lists those that wait for an answer, the most urgent first.
func OpenContests(ctx context.Context, r db.Reader) ([]Contest, error) {
	return db.All(ctx, r, scanContest(r), selectOpenOnes)
}

// ClosesContests is the last day on which the cause of an interruption may be
// contested.
func ClosesContests(ctx context.Context, r db.Reader, n Interruption) (calendar.Date, error) {
	window, err := agreement.Setting[struct{ Days int }](ctx, r, "interruption_contest")
	return calendar.On(n.CauseAt).AddDays(window.Days), err
}
