// Package fault is the one vocabulary for refusals a person or a program may see.
//
// A Fault has a kind (what sort of refusal), a stable code (the contract of the
// API, of the texts and of the tests), the clause it enforces and, where a form
// field is to blame, the field. Its texts are the catalogue keys "fault.<CODE>"
// (what is wrong) and "fault.<CODE>.next" (what to do), filled from its args.
//
// Owns: the shape of a refusal and finding one inside a wrapped error.
// Does not own: the texts (package text) and the HTTP status (package serve).
//
// Always true: an error without a Fault inside is internal: it is logged, never
// shown. Declared faults are never changed; With and In return copies. Args are
// shown to people and written to logs, so they hold neither secrets nor personal
// data.
package fault

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Kind says what sort of refusal a fault is. The zero value is Internal, so a
// fault made without a kind errs on the silent side.
type Kind uint8

// The kinds.
const (
	Internal        Kind = iota // a defect or a broken part of ours
	Invalid                     // the input, or what it asks for, breaks a rule
	Unauthenticated             // nobody is signed in
	Forbidden                   // signed in, but not allowed
	NotFound                    // no such thing, or not for this actor
	Conflict                    // the state of the thing does not permit it now
	Limited                     // too many requests
	Unavailable                 // an outside system or a switched-off part
)

var kindNames = [...]string{
	Internal:        "internal",
	Invalid:         "invalid",
	Unauthenticated: "unauthenticated",
	Forbidden:       "forbidden",
	NotFound:        "not_found",
	Conflict:        "conflict",
	Limited:         "limited",
	Unavailable:     "unavailable",
}

// String returns the kind as one lower-case word for logs and metrics.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return fmt.Sprintf("kind(%d)", uint8(k))
}

// Fault is one refusal.
type Fault struct {
	Kind   Kind
	Code   string // stable, upper case: "LINK_EXPIRED"
	Clause string // what it enforces: "UA 4.3"; empty when no clause does
	Field  string // the input field to blame; empty when none
	Args   []any  // key, value, key, value … for the text template
}

// New declares a fault. Call it once per code, in the faults.go of the package
// that refuses.
func New(kind Kind, code, clause string) *Fault {
	return &Fault{Kind: kind, Code: code, Clause: clause}
}

// With returns a copy of f with the key/value pairs added to its args.
func (f *Fault) With(kv ...any) *Fault {
	g := *f
	g.Args = slices.Concat(f.Args, kv)
	return &g
}

// In returns a copy of f that blames the input field.
func (f *Fault) In(field string) *Fault {
	g := *f
	g.Field = field
	return &g
}

// Error describes the fault for logs, in no human language.
func (f *Fault) Error() string {
	var b strings.Builder
	b.WriteString(f.Code)
	if f.Clause != "" {
		fmt.Fprintf(&b, " (%s)", f.Clause)
	}
	if f.Field != "" {
		fmt.Fprintf(&b, " in %s", f.Field)
	}
	for i := 0; i < len(f.Args); i += 2 {
		if i+1 < len(f.Args) {
			fmt.Fprintf(&b, " %v=%v", f.Args[i], f.Args[i+1])
		} else {
			fmt.Fprintf(&b, " %v", f.Args[i])
		}
	}
	return b.String()
}

// Is reports whether target is a fault with the same code, whatever its field
// and args, so errors.Is(err, ErrX) works for every copy of ErrX.
func (f *Fault) Is(target error) bool {
	t, ok := target.(*Fault)
	return ok && f != nil && t != nil && t.Code == f.Code
}

// Words trims what somebody wrote. It refuses none where some is needed, and more
// than most characters, as what the package says that asks.
func Words(s, field string, needed bool, most int, required, invalid *Fault) (string, error) {
	s = strings.TrimSpace(s)
	switch {
	case s == "" && needed:
		return "", required.In(field)
	case utf8.RuneCountInString(s) > most:
		return "", invalid.In(field)
	}
	return s, nil
}

// Of returns the first fault inside err, through any wrapping and out of a List.
func Of(err error) (*Fault, bool) {
	var f *Fault
	if errors.As(err, &f) && f != nil {
		return f, true
	}
	return nil, false
}

// List is several faults of one input, at most a few per field.
type List []*Fault

// Error describes all faults for logs.
func (l List) Error() string {
	parts := make([]string, len(l))
	for i, f := range l {
		parts[i] = f.Error()
	}
	return strings.Join(parts, "; ")
}

// Unwrap lets errors.Is and errors.As see every fault of the list.
func (l List) Unwrap() []error {
	errs := make([]error, len(l))
	for i, f := range l {
		errs[i] = f
	}
	return errs
}

// Err returns the list as an error, or nil when it is empty. Return this, not
// the list: an empty List in an error variable is not nil.
func (l List) Err() error {
	if len(l) == 0 {
		return nil
	}
	return l
}

// All returns every fault inside err, in order; nil when there is none.
func All(err error) []*Fault {
	switch e := err.(type) {
	case nil:
		return nil
	case *Fault:
		if e == nil {
			return nil
		}
		return []*Fault{e}
	case interface{ Unwrap() []error }:
		var all []*Fault
		for _, inner := range e.Unwrap() {
			all = append(all, All(inner)...)
		}
		return all
	default:
		return All(errors.Unwrap(err))
	}
}

// Wrap names the operation in front of a non-nil *err and keeps the fault inside:
//
//	defer fault.Wrap(&err, "order.Place(%s)", plan)
func Wrap(err *error, format string, args ...any) {
	if *err != nil {
		*err = fmt.Errorf("%s: %w", fmt.Sprintf(format, args...), *err)
	}
}
