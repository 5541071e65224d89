// Package id makes the identifiers of everything stored: a short prefix that
// names the kind of thing, "_", and 26 characters that sort by time of making.
//
//	ord_01jd8x3m5vq8k2n7r4t6w9y0ab
//
// The 26 characters are 128 bits in lower-case Crockford base32: 48 bits of Unix
// milliseconds, then 80 random bits.
//
// Owns: the form of an id. Does not own: which prefixes exist.
// Always true: ids of one prefix sort as strings by their millisecond; within one
// millisecond their order says nothing.
package id

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

const (
	alphabet = "0123456789abcdefghjkmnpqrstvwxyz"
	bodyLen  = 26
)

// Source makes ids from a clock and a source of randomness; both are required.
// It is safe for concurrent use, also when Rand is not.
type Source struct {
	Now  func() time.Time
	Rand io.Reader

	mu sync.Mutex
}

// New returns a fresh id of the prefix, such as "ord". It panics when Rand fails:
// without randomness nothing may be stored.
func (s *Source) New(prefix string) string {
	var raw [16]byte
	ms := uint64(s.Now().UnixMilli())
	for i := range 6 {
		raw[i] = byte(ms >> (40 - 8*i))
	}
	s.mu.Lock()
	_, err := io.ReadFull(s.Rand, raw[6:])
	s.mu.Unlock()
	if err != nil {
		panic(fmt.Sprintf("id: no randomness: %v", err))
	}

	// 128 bits in 26 groups of five: the first group has only three bits.
	var body [bodyLen]byte
	acc, bits, next := uint64(0), 2, 0
	for _, b := range raw {
		acc = acc<<8 | uint64(b)
		bits += 8
		for bits >= 5 {
			bits -= 5
			body[next] = alphabet[acc>>bits&31]
			next++
		}
	}
	return prefix + "_" + string(body[:])
}

// Valid reports whether s is a well-formed id of the prefix. It says nothing
// about whether such a thing exists.
func Valid(prefix, s string) bool {
	return prefix != "" && Prefix(s) == prefix
}

// Prefix returns the prefix of a well-formed id, or "" when s is none.
func Prefix(s string) string {
	cut := len(s) - bodyLen - 1
	if cut < 1 || s[cut] != '_' || s[cut+1] > '7' {
		return ""
	}
	for _, c := range []byte(s[cut+1:]) {
		if strings.IndexByte(alphabet, c) < 0 {
			return ""
		}
	}
	prefix := s[:cut]
	for i, c := range []byte(prefix) {
		letter := 'a' <= c && c <= 'z'
		if !letter && (i == 0 || (c != '_' && (c < '0' || c > '9'))) {
			return ""
		}
	}
	return prefix
}

// Time is the moment, to the millisecond, at which a well-formed id was made; ok
// is false when s is none. It is for looking things up, never for deciding.
func Time(s string) (at time.Time, ok bool) {
	prefix := Prefix(s)
	if prefix == "" {
		return time.Time{}, false
	}
	ms := int64(0)
	for _, c := range []byte(s[len(prefix)+1:][:10]) { // 48 bits, behind two that are always zero
		ms = ms<<5 | int64(strings.IndexByte(alphabet, c))
	}
	return time.UnixMilli(ms), true
}
