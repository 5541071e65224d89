package page

import "time"

// Conversation is a conversation of two sides as one of them sees it.
type Conversation struct {
	Said    []Saying
	Path    string // of the conversation; forms and files are below it
	Key     string
	Text    Field
	Files   Field
	Confirm bool   // the warning of clause 4.6 was shown: ask whether to send all the same
	Closed  string // why nothing can be said here; "" where it can
}

// Saying is one message with what stands beside it.
type Saying struct {
	Who        string
	Mine       bool
	At         time.Time
	Text       string
	Held       bool // its author waits for a person of the operator
	Removed    bool
	Clause     string // of the removal
	Reason     string // of the removal
	Sensitive  bool
	Outside    bool
	Files      []Link
	Report     string // address that takes a report; "" for one's own
	ReportedBy string // key of the form
}

// Voice is a review as a page shows it.
type Voice struct {
	ID      string
	Who     string // nobody's name: that it is a verified purchase
	Stars   int64
	Text    string
	At      time.Time
	Changed bool
	Removed bool
	Clause  string
	Reason  string
	Reply   *Voice
	Report  string // address that takes a report; "" for none
	Key     string
}

// RatingOf is the choice of stars in a form.
func RatingOf(f Field, label func(n int) string, chosen int64) Field {
	for n := 5; n >= 1; n-- {
		f.Options = append(f.Options, Option{Value: string(rune('0' + n)), Label: label(n), Chosen: int64(n) == chosen})
	}
	return f
}
