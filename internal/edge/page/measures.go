package page

import (
	"context"
	"strings"
	"time"

	"yunshi/internal/base/text"
)

// Case is a case of clause 8.2 as its subject sees it.
type Case struct {
	ID        string
	State     string
	Violation string // clause
	Clauses   []string
	Facts     string
	Basis     string
	Reasons   string
	Automated bool
	ServedAt  time.Time
	Until     time.Time // to appeal
	Final     bool
	Measures  []Measure
	Exhibits  []Exhibit
	Events    []Event
	Claims    []Term
	PurgeAt   time.Time // zero: the agreement stands
	Export    string    // address of the export

	// What the reader may do; "" is nothing.
	Appeal  string
	Human   string
	Answer  string // one address, the measure's id is added
	Key     string
	Version string
	Words   Field
	Reply   Field
}

// Measure is one measure of a case.
type Measure struct {
	ID     string
	Name   string
	Says   string // what it does and how long
	State  string
	From   time.Time
	Due    time.Time
	Until  time.Time
	Answer string // the subject's word on an order
	Open   bool   // an order that can be answered
}

// Exhibit is a piece of evidence by its hash.
type Exhibit struct {
	Kind, SHA256 string
	At           time.Time
}

// CaseTone is how the state of a case or a measure looks.
func CaseTone(state string) Tone {
	switch state {
	case "in_force", "upheld", "overdue":
		return Danger
	case "appealed", "revised", "second_review", "answered", "proposed", "planned":
		return Warning
	case "revoked", "lifted", "complied":
		return Success
	case "ended", "dismissed", "expired", "dropped":
		return Neutral
	}
	return Info
}

// BreachWord says in a few words what breaks a clause. What has no words of its own
// is called by its clause.
func BreachWord(ctx context.Context, clause string) string {
	key := "complaint.kind." + strings.NewReplacer(" ", "_", ".", "_").Replace(clause)
	if text.Has(text.From(ctx), key) {
		return text.T(ctx, key)
	}
	return text.Clause(text.From(ctx), clause)
}
