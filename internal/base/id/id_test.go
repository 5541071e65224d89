package id_test

import (
	"bytes"
	"crypto/rand"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"yunshi/internal/base/id"
)

func at(ms int64) func() time.Time {
	return func() time.Time { return time.UnixMilli(ms) }
}

func TestTheFormIsPrefixTimeAndRandomness(t *testing.T) {
	for _, tt := range []struct {
		ms   int64
		fill byte
		want string
	}{
		{0, 0x00, "ord_00000000000000000000000000"},
		{1, 0x00, "ord_00000000010000000000000000"},
		{1<<48 - 1, 0xff, "ord_7zzzzzzzzzzzzzzzzzzzzzzzzz"},
		{1469922850259, 0x00, "ord_" + ulidTime(1469922850259) + "0000000000000000"},
	} {
		s := &id.Source{Now: at(tt.ms), Rand: bytes.NewReader(bytes.Repeat([]byte{tt.fill}, 10))}
		if got := s.New("ord"); got != tt.want {
			t.Errorf("%d: got %s, want %s", tt.ms, got, tt.want)
		}
	}
}

// ulidTime is a second way to write 48 bits in ten base32 digits.
func ulidTime(ms uint64) string {
	const digits = "0123456789abcdefghjkmnpqrstvwxyz"
	out := make([]byte, 10)
	for i := 9; i >= 0; i-- {
		out[i] = digits[ms%32]
		ms /= 32
	}
	return string(out)
}

func TestIdsSortByTheirMillisecond(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := rapid.Int64Range(0, 1<<48-2).Draw(t, "a")
		b := rapid.Int64Range(a+1, 1<<48-1).Draw(t, "b")
		first := (&id.Source{Now: at(a), Rand: rand.Reader}).New("x")
		second := (&id.Source{Now: at(b), Rand: rand.Reader}).New("x")
		if first >= second {
			t.Fatalf("%s at %d is not before %s at %d", first, a, second, b)
		}
		if !id.Valid("x", first) {
			t.Fatalf("%s is not valid", first)
		}
	})
}

func TestConcurrentIdsAreAllDifferent(t *testing.T) {
	s := &id.Source{Now: at(1), Rand: rand.Reader}
	made := make([]string, 2000)
	var wg sync.WaitGroup
	for part := range slices.Chunk(made, 250) {
		wg.Go(func() {
			for i := range part {
				part[i] = s.New("t")
			}
		})
	}
	wg.Wait()
	slices.Sort(made)
	if n := len(slices.Compact(made)); n != 2000 {
		t.Errorf("%d different ids of 2000", n)
	}
}

func TestOnlyWellFormedIdsAreValid(t *testing.T) {
	body := "01jd8x3m5vq8k2n7r4t6w9y0ab"
	for _, tt := range []struct {
		prefix, s string
		want      bool
	}{
		{"ord", "ord_" + body, true},
		{"sub_user", "sub_user_" + body, true},
		{"ord", "inv_" + body, false},
		{"", "_" + body, false},
		{"", body, false},
		{"ord", "ord-" + body, false},
		{"ord", "ord_" + body[1:], false},
		{"ord", "ord_" + body + "0", false},
		{"ord", "ord_" + strings.ToUpper(body), false},
		{"ord", "ord_8" + body[1:], false},
		{"ord", "ord_" + body[:25] + "u", false},
		{"ord", "", false},
		{"o'd", "o'd_" + body, false},
	} {
		if got := id.Valid(tt.prefix, tt.s); got != tt.want {
			t.Errorf("Valid(%q, %q) = %v", tt.prefix, tt.s, got)
		}
	}
	if got := id.Prefix("sub_user_" + body); got != "sub_user" {
		t.Errorf("Prefix = %q", got)
	}
}

func TestAnIdTellsWhenItWasMade(t *testing.T) {
	for _, ms := range []int64{0, 1, 1469922850259, 1<<48 - 1} {
		made := (&id.Source{Now: at(ms), Rand: rand.Reader}).New("ord")
		if got, ok := id.Time(made); !ok || got.UnixMilli() != ms {
			t.Errorf("Time(%s) = %v, %v, want %d", made, got, ok, ms)
		}
	}
	if _, ok := id.Time("ord_1"); ok {
		t.Error("a malformed id has a time")
	}
}

func TestWithoutRandomnessNothingIsMade(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("an id was made without randomness")
		}
	}()
	(&id.Source{Now: at(1), Rand: strings.NewReader("short")}).New("ord")
}
