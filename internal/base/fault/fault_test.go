package fault_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"yunshi/internal/base/fault"
)

var (
	errBound   = fault.New(fault.Forbidden, "ENTITLEMENT_ACCOUNT_BOUND", "UA 4.3")
	errMissing = fault.New(fault.Invalid, "FIELD_REQUIRED", "")
)

func TestWithAndInLeaveTheDeclaredFaultUnchanged(t *testing.T) {
	base := errBound.With("Account", "acc_1")
	a := base.With("Product", "p1").In("account")
	b := base.With("Product", "p2")
	if len(errBound.Args) != 0 || errBound.Field != "" {
		t.Fatalf("declared fault changed: %+v", errBound)
	}
	if !slices.Equal(a.Args, []any{"Account", "acc_1", "Product", "p1"}) || a.Field != "account" {
		t.Errorf("a = %+v", a)
	}
	if !slices.Equal(b.Args, []any{"Account", "acc_1", "Product", "p2"}) || b.Field != "" {
		t.Errorf("copies share their args: b = %+v", b)
	}
}

func TestErrorNamesCodeClauseFieldAndArgs(t *testing.T) {
	for _, tt := range []struct {
		f    *fault.Fault
		want string
	}{
		{errBound, "ENTITLEMENT_ACCOUNT_BOUND (UA 4.3)"},
		{errBound.With("Account", "acc_1").In("account"), "ENTITLEMENT_ACCOUNT_BOUND (UA 4.3) in account Account=acc_1"},
		{errMissing, "FIELD_REQUIRED"},
		{errMissing.With("odd"), "FIELD_REQUIRED odd"},
	} {
		if got := tt.f.Error(); got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
}

func TestAFaultIsFoundThroughWrapsAndLists(t *testing.T) {
	wrap := func(err error) error { return fmt.Errorf("outer: %w", err) }
	list := fault.List{errMissing.In("name"), errBound}
	for name, err := range map[string]error{
		"itself":       errBound,
		"copy":         errBound.With("k", "v").In("f"),
		"wrapped":      wrap(wrap(errBound)),
		"joined":       errors.Join(errors.New("x"), errBound),
		"list":         list,
		"wrapped list": wrap(list),
	} {
		if !errors.Is(err, errBound) {
			t.Errorf("%s: errors.Is does not see the code", name)
		}
		if _, ok := fault.Of(err); !ok {
			t.Errorf("%s: Of finds nothing", name)
		}
	}
	if first, _ := fault.Of(wrap(list)); first.Field != "name" {
		t.Errorf("Of a list gives %v, want its first", first)
	}
	if got := fault.All(errors.Join(wrap(list), errBound)); len(got) != 3 {
		t.Errorf("All found %d faults, want 3", len(got))
	}
}

func TestWordsAreTrimmedAndCountedInCharacters(t *testing.T) {
	required, invalid := fault.New(fault.Invalid, "REQUIRED", ""), fault.New(fault.Invalid, "INVALID", "")
	for _, c := range []struct {
		in     string
		needed bool
		want   string
		wrong  *fault.Fault
	}{
		{" 四个汉字\n", true, "四个汉字", nil},
		{" \t", false, "", nil},
		{" \t", true, "", required},
		{"五个汉字了", false, "", invalid},
	} {
		got, err := fault.Words(c.in, "note", c.needed, 4, required, invalid)
		f, is := fault.Of(err)
		if got != c.want || is != (c.wrong != nil) || is && (f.Code != c.wrong.Code || f.Field != "note") {
			t.Errorf("%q: %q, %v", c.in, got, err)
		}
	}
}

func TestOtherErrorsAreNotFaults(t *testing.T) {
	for _, err := range []error{nil, errors.New("disk"), fault.List{}, (*fault.Fault)(nil)} {
		if f, ok := fault.Of(err); ok {
			t.Errorf("Of(%#v) = %v", err, f)
		}
		if all := fault.All(err); len(all) != 0 {
			t.Errorf("All(%#v) = %v", err, all)
		}
	}
	if errors.Is(errBound, errMissing) {
		t.Error("different codes are taken for the same fault")
	}
}

func TestAnEmptyListIsNoError(t *testing.T) {
	if err := (fault.List{}).Err(); err != nil {
		t.Errorf("empty list: %v", err)
	}
	if err := (fault.List{errBound}).Err(); !errors.Is(err, errBound) {
		t.Errorf("full list: %v", err)
	}
}

func TestWrapNamesTheOperationOnlyOnError(t *testing.T) {
	run := func(in error) (err error) {
		defer fault.Wrap(&err, "grant(%s)", "ent_1")
		return in
	}
	if err := run(nil); err != nil {
		t.Errorf("wrapped nil: %v", err)
	}
	err := run(errBound)
	if err.Error() != "grant(ent_1): ENTITLEMENT_ACCOUNT_BOUND (UA 4.3)" || !errors.Is(err, errBound) {
		t.Errorf("got %v", err)
	}
}

func TestEveryKindHasItsOwnName(t *testing.T) {
	seen := map[string]bool{}
	for k := fault.Internal; k <= fault.Unavailable; k++ {
		if s := k.String(); s == "" || seen[s] {
			t.Errorf("kind %d is called %q", k, s)
		} else {
			seen[s] = true
		}
	}
	if got := fault.Kind(200).String(); got != "kind(200)" {
		t.Errorf("unknown kind is called %q", got)
	}
	var zero fault.Kind
	if zero != fault.Internal {
		t.Error("a fault without a kind must be internal")
	}
}
