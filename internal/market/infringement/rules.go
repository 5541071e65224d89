package infringement

import (
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/cn"
	"yunshi/internal/base/screen"
	"yunshi/internal/market/account"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/audit"
)

// longest is the most that anybody may write in one field, in characters; a
// summary for the register is shorter.
const (
	longest        = 4000
	longestSummary = 400
	longestLine    = 300
)

// missing lists what a notice lacks, by field, in the order of the form. A notice
// of content that the law forbids asserts no right, so it needs no proof of one.
//
// Clause: ECL 42 (a notice carries preliminary evidence of the infringement: who gives it, the right, the exact place, and why).
func missing(n Notice, law agreement.Law) []string {
	w, out := n.Words, []string{}
	lacks := func(field string, absent bool) {
		if absent {
			out = append(out, field)
		}
	}
	lacks("location", blank(n.Location))
	if n.Asserted() {
		lacks("holder", blank(w.Holder))
		lacks("right_name", blank(w.Right))
	}
	lacks("name", blank(w.Name))
	lacks("contact", blank(w.Email) || n.Asserted() && blank(w.Phone) && blank(w.Address))
	lacks("statement", short(w.Statement))
	lacks("proof", n.Asserted() && short(w.Proof))
	lacks("summary", blank(n.Summary))
	lacks("truthful", !n.Truthful)
	lacks("good_faith", goodFaithOwed(law) && !n.GoodFaith)
	return out
}

// goodFaithOwed reports whether a notice must say that it is given in good faith,
// as Article 16 of the Digital Services Act asks.
func goodFaithOwed(law agreement.Law) bool { return law.NoticeGoodFaith }

func blank(s string) bool { return strings.TrimSpace(s) == "" }

// short reports whether a text is too short to explain or to prove anything.
func short(s string) bool { return utf8.RuneCountInString(strings.TrimSpace(s)) < 10 }

// complete refuses to act on a notice from which something is missing.
//
// Clause: UA 4.7.2 (nothing that infringes intellectual property, trade secrets, portrait, privacy or other rights; a complete notice is acted on, an incomplete one goes back with what is missing).
func complete(n Notice, law agreement.Law) error {
	if lacks := missing(n, law); len(lacks) > 0 {
		return ErrIncomplete.With("Missing", strings.Join(lacks, ", "))
	}
	return nil
}

// mayShow refuses to bring content back while a measure keeps it out of sight.
//
// Clause: UA 4.7.2 (what a measure keeps out of sight is shown by nobody).
func mayShow(measures int64) error {
	if measures > 0 {
		return ErrBlocked
	}
	return nil
}

// counterMissing lists what a counter-statement lacks, by field.
//
// Clause: ECL 43 (a statement of non-infringement carries preliminary evidence; it is forwarded, with word of where to complain or sue).
func counterMissing(c Counter) []string {
	out := []string{}
	for _, f := range []struct {
		field  string
		absent bool
	}{
		{"name", blank(c.Name)}, {"contact", blank(c.Contact)}, {"statement", short(c.Statement)}, {"proof", short(c.Proof)},
		{"summary", blank(c.Summary)}, {"truthful", !c.Truthful},
	} {
		if f.absent {
			out = append(out, f.field)
		}
	}
	return out
}

// liftDue is the first moment at which the measure is lifted when nothing was
// filed: arrived on 1 March with fifteen days it is 17 March 00:00.
//
// Clause: ECL 43 (where within fifteen days after the statement arrived no notice of a complaint or suit comes, the measures are lifted; the day of arrival does not count).
func liftDue(arrived time.Time, days int) time.Time { return calendar.NoticeEarliest(arrived, days) }

// pauseRule is the most that formalities excuse, and the natural days that stand
// for it where the working days of a year on the way are not published.
type pauseRule struct {
	WorkingDays    int `json:"working_days"`
	NoCalendarDays int `json:"no_calendar_days"`
}

// paused moves the day by working days that notarisation and the like took, which
// the notifier could not help. All pauses of a notice together are limited.
//
// Clause: ECL 43 (time for notarisation and like formalities does not count, up to twenty working days in all).
func paused(due time.Time, used, more int, rule pauseRule, table calendar.WorkingDays) (time.Time, error) {
	if more <= 0 || used+more > rule.WorkingDays {
		return due, ErrPause.With("Left", rule.WorkingDays-used)
	}
	last := calendar.On(due).AddDays(-1) // the last day on which a filing counts
	end, err := table.AddWorkingDays(last, more)
	if err != nil {
		end = last.AddDays((more*rule.NoCalendarDays + rule.WorkingDays - 1) / rule.WorkingDays)
	}
	return end.AddDays(1).Start(), nil
}

// lapses reports whether a waiting notice's time is over.
func lapses(n Notice, now time.Time) bool { return n.State == Waiting && !now.Before(n.LiftDue) }

// published reports whether a notice stands in the register: from its acceptance
// on, for ever, with every later step and its time.
//
// Clause: ECL 44 (notices, statements and results are published in time).
func published(n Notice) bool { return !n.AcceptedAt.IsZero() }

// personal are patterns of what identifies or reaches a person, beside those that
// screen knows.
var personal = regexp.MustCompile(`[\w.+-]+@[\w-]+\.\w+|(?:\+?86[- ]?)?1[3-9]\d[- ]?\d{4}[- ]?\d{4}|\d{3,4}-\d{7,8}`)

// publishable refuses what is written for the register when it holds numbers or
// addresses of persons.
//
// Clause: ECL 44 (what is published holds no personal data).
func publishable(summary string) error {
	if utf8.RuneCountInString(summary) > longestSummary {
		return ErrInvalid.In("summary")
	}
	found := screen.Only(screen.Scan(summary), screen.BankCard, screen.ResidentID, screen.Password, screen.Contact, screen.BankAccount)
	if len(found) > 0 || personal.MatchString(summary) {
		return ErrSummary.In("summary")
	}
	return nil
}

// flaggable is who pays double for a notice given in bad faith: whoever gave one
// on which no measure stands any more.
//
// Clause: ECL 42 (a notice in error that does harm makes liable, one in bad faith for twice the loss).
func flaggable(n Notice) error {
	if !n.Flaggable() {
		return ErrState.With("State", string(n.State))
	}
	return nil
}

// limitRule is how many notices an address may give in a day.
type limitRule struct {
	PerEmail int64 `json:"per_email"`
	PerPlace int64 `json:"per_place"`
}

// withinLimit refuses further notices of one address in a day. It counts in the
// database, so it holds whichever node is asked.
//
// Clause: UA 4.7.5 (a public form is not for trying out how much the market bears).
func withinLimit(rule limitRule, ofEmail, ofPlace int64) error {
	if ofEmail >= rule.PerEmail || ofPlace >= rule.PerPlace {
		return ErrLimited
	}
	return nil
}

// wellFormed refuses what cannot be stored as a notice at all. What is only
// missing is not refused: the notice is taken and goes back with a list.
func wellFormed(d Draft, blockers map[string]Blocker, signedIn bool) error {
	switch {
	case !slices.Contains(Rights, d.Right):
		return ErrRequired.In("right")
	case d.HolderKind != APerson && d.HolderKind != AnOrganisation:
		return ErrRequired.In("holder_kind")
	case blank(d.Object) && blank(d.Location):
		return ErrRequired.In("location")
	}
	if _, ok := blockers[d.Kind]; !ok && d.Kind != "" {
		return ErrInvalid.In("location")
	}
	if !signedIn && blank(d.Words.Email) {
		return ErrRequired.In("email")
	}
	if _, err := cn.ParseEmail(d.Words.Email); err != nil && !blank(d.Words.Email) {
		return ErrInvalid.In("email")
	}
	w := d.Words
	for field, s := range map[string]string{"statement": w.Statement, "proof": w.Proof} {
		if utf8.RuneCountInString(s) > longest {
			return ErrInvalid.In(field)
		}
	}
	for field, s := range map[string]string{
		"holder": w.Holder, "name": w.Name, "phone": w.Phone, "address": w.Address, "right_name": w.Right, "location": d.Location,
	} {
		if utf8.RuneCountInString(s) > longestLine {
			return ErrInvalid.In(field)
		}
	}
	return publishable(d.Summary)
}

// decides reports whether the actor decides on notices for the operator.
func decides(by audit.Actor) bool { return by.Has(account.Compliance) || by.Has(account.Superadmin) }

// speaksFor reports whether the actor may answer for an account.
func speaksFor(by audit.Actor, of account.ID) bool {
	return by.Account != "" && by.Account == string(of) && (by.Has(account.Owner) || by.Has(account.VendorManager))
}
