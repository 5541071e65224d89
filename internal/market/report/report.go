// Package report reads across the market: it re-reads the whole database for
// `yunshi verify`, and makes the lists for desks that need the tables of several
// packages at once.
//
// Owns: the checks that hold between packages, and the copy of an account's own data,
// which it reads as the inventory of package privacy says. Does not own: any table,
// any rule, any decision.
//
// Always true:
//   - It writes nothing; what it finds wrong stays as it is, for people to see.
//   - A check shares types with the packages it checks but not their code: it
//     reads the tables itself, so a mistake in the writer is not repeated here.
//     The book and the transparency log have such readers of their own, which are
//     asked first.
//   - All checks of one run see one snapshot of the database.
//
// Because it answers for all packages it may name any table in its SQL; no
// package of the market imports it.
package report

// Options say what else to check against.
type Options struct {
	// LogKey is the verifying key of the transparency log; empty skips only the
	// signature of its checkpoint.
	LogKey string
}

// Check is one promise of the market, counted over the whole database.
type Check struct {
	Name  string   // text key, "report.verify.<id>"
	Count int64    // things looked at
	Wrong []string // ids of things that break the promise, and how; at most 100, then how many more
}

// Report is the result of a verification.
type Report struct {
	Checks []Check
}

// Clean reports whether nothing is wrong.
func (r Report) Clean() bool {
	for _, c := range r.Checks {
		if len(c.Wrong) > 0 {
			return false
		}
	}
	return true
}
