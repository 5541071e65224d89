package agreement

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"unicode"

	"yunshi/internal/base/text"
)

// Change is one difference between two versions: of a clause, a setting, or of
// what stands outside the clauses.
type Change struct {
	What   What
	ID     string // clause, key of a setting, or name of a field
	Before Clause // of a clause; the zero Clause when it is new
	After  Clause // the zero Clause when it is gone
	Was    string // of anything else
	Is     string
}

// What says what a change is of.
type What string

// What can change.
const (
	ClauseChanged  What = "clause"
	ClauseAdded    What = "added"
	ClauseRemoved  What = "removed"
	SettingChanged What = "setting"
	TermChanged    What = "term"
)

// Compare lists what differs from one version to the next, in the order of the
// text. Both must have been read with their source.
func Compare(before, after Version) ([]Change, error) {
	var out []Change
	old := map[string]Clause{}
	for _, c := range before.Clauses {
		old[c.ID] = c
	}
	kept := map[string]bool{}
	for _, c := range after.Clauses {
		was, known := old[c.ID]
		kept[c.ID] = true
		switch {
		case !known:
			out = append(out, Change{What: ClauseAdded, ID: c.ID, After: c})
		case was != c:
			out = append(out, Change{What: ClauseChanged, ID: c.ID, Before: was, After: c})
		}
	}
	for _, c := range before.Clauses {
		if !kept[c.ID] {
			out = append(out, Change{What: ClauseRemoved, ID: c.ID, Before: c})
		}
	}
	for _, f := range []struct {
		id, was, is string
	}{
		{"title", before.Title.ZH + " / " + before.Title.EN, after.Title.ZH + " / " + after.Title.EN},
		{"jurisdiction", before.Jurisdiction, after.Jurisdiction},
		{"place_of_signing", before.PlaceOfSigning.ZH + " / " + before.PlaceOfSigning.EN, after.PlaceOfSigning.ZH + " / " + after.PlaceOfSigning.EN},
		{"governing_law", before.GoverningLaw.ZH + " / " + before.GoverningLaw.EN, after.GoverningLaw.ZH + " / " + after.GoverningLaw.EN},
	} {
		if f.was != f.is {
			out = append(out, Change{What: TermChanged, ID: f.id, Was: f.was, Is: f.is})
		}
	}
	was, err := before.Settings()
	if err != nil {
		return nil, err
	}
	is, err := after.Settings()
	if err != nil {
		return nil, err
	}
	all := map[string]bool{}
	for key := range was {
		all[key] = true
	}
	for key := range is {
		all[key] = true
	}
	for _, key := range slices.Sorted(maps.Keys(all)) {
		if was[key] != is[key] {
			out = append(out, Change{What: SettingChanged, ID: key, Was: was[key], Is: is[key]})
		}
	}
	return out, nil
}

// Settings returns the settings of a version that was read with its source, each
// as compact JSON.
func (v Version) Settings() (map[string]string, error) {
	var d document
	if len(v.Source) == 0 {
		return nil, nil
	}
	if err := json.Unmarshal(v.Source, &d); err != nil {
		return nil, err
	}
	out := map[string]string{}
	for key, value := range d.Settings {
		var plain any
		reader := json.NewDecoder(bytes.NewReader(value))
		reader.UseNumber()
		if err := reader.Decode(&plain); err != nil {
			return nil, err
		}
		one, err := json.Marshal(plain) // with its keys in order, however they were written
		if err != nil {
			return nil, err
		}
		out[key] = string(one)
	}
	return out, nil
}

// Piece is a run of text that two texts share, or that only one has.
type Piece struct {
	Op   Op
	Text string
}

// Op says where a piece stands.
type Op int

// The places of a piece.
const (
	Same Op = iota
	Gone    // only in the text before
	New     // only in the text after
)

// most bounds the work of comparing two texts word by word; beyond it the whole
// text is shown as replaced.
const most = 4_000_000

// Words compares two texts word by word, and Han character by character.
func Words(before, after string) []Piece {
	a, b := words(before), words(after)
	head := 0
	for head < min(len(a), len(b)) && a[head] == b[head] {
		head++
	}
	tail := 0
	for tail < min(len(a), len(b))-head && a[len(a)-1-tail] == b[len(b)-1-tail] {
		tail++
	}
	var out []Piece
	add := func(op Op, s string) {
		switch {
		case s == "":
		case len(out) > 0 && out[len(out)-1].Op == op:
			out[len(out)-1].Text += s
		default:
			out = append(out, Piece{op, s})
		}
	}
	add(Same, strings.Join(a[:head], ""))
	middle(a[head:len(a)-tail], b[head:len(b)-tail], add)
	add(Same, strings.Join(a[len(a)-tail:], ""))
	return out
}

// middle walks the longest common subsequence of two lists that begin and end
// differently.
func middle(a, b []string, add func(Op, string)) {
	if len(a)*len(b) > most {
		add(Gone, strings.Join(a, ""))
		add(New, strings.Join(b, ""))
		return
	}
	width := len(b) + 1
	length := make([]int32, (len(a)+1)*width)
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] == b[j] {
				length[i*width+j] = length[(i+1)*width+j+1] + 1
			} else {
				length[i*width+j] = max(length[(i+1)*width+j], length[i*width+j+1])
			}
		}
	}
	i, j := 0, 0
	for i < len(a) && j < len(b) {
		switch {
		case a[i] == b[j]:
			add(Same, a[i])
			i++
			j++
		case length[(i+1)*width+j] >= length[i*width+j+1]:
			add(Gone, a[i])
			i++
		default:
			add(New, b[j])
			j++
		}
	}
	add(Gone, strings.Join(a[i:], ""))
	add(New, strings.Join(b[j:], ""))
}

// words cuts a text into words, Han characters and single marks; joined they are
// the text again.
func words(s string) (out []string) {
	start := -1
	for i, r := range s {
		letter := (unicode.IsLetter(r) || unicode.IsDigit(r)) && !unicode.Is(unicode.Han, r)
		switch {
		case letter && start < 0:
			start = i
		case !letter:
			if start >= 0 {
				out = append(out, s[start:i])
				start = -1
			}
			out = append(out, s[i:i+len(string(r))])
		}
	}
	if start >= 0 {
		out = append(out, s[start:])
	}
	return out
}

// Plain is a version as one text in a language, to be read without our pages. It
// ends with the hash of the published document, by which both are the same.
func (v Version) Plain(l text.Lang) string {
	var b strings.Builder
	line := func(parts ...string) { b.WriteString(strings.Join(parts, "") + "\n") }
	line(v.Title.In(l))
	line(v.Ref(), " · ", v.EffectiveAt.UTC().Format("2006-01-02T15:04:05Z"))
	for _, part := range v.Ordered() {
		line()
		if part.Chapter != "" {
			line(part.Title.In(l))
			continue
		}
		line(part.Number(), part.Clause.Title.In(l))
		line(part.Clause.Text.In(l))
	}
	line()
	settings, _ := v.Settings() //nolint:errcheck // a published document was read before
	for _, key := range slices.Sorted(maps.Keys(settings)) {
		line(key, ": ", settings[key])
	}
	if v.PlaceOfSigning.full() {
		line(text.In(l, "agreement.place_of_signing", "Place", v.PlaceOfSigning.In(l)))
		line(text.In(l, "agreement.governing_law", "Law", v.GoverningLaw.In(l)))
	}
	line("SHA-256 ", v.SHA256)
	return b.String()
}

// Part is a heading or a clause, in the order of the text.
type Part struct {
	Chapter string // id of a chapter whose heading this is; "": a clause
	Title   Both
	Clause  Clause
	Code    string
}

// Number is what stands before the title of a clause: its number in the agreement.
func (p Part) Number() string {
	if p.Code == UserAgreement {
		return p.Clause.ID + " "
	}
	return ""
}

// Ordered returns the chapters and clauses of a version as one list.
func (v Version) Ordered() (out []Part) {
	if len(v.Chapters) == 0 {
		for _, c := range v.Clauses {
			out = append(out, Part{Clause: c, Code: v.Code})
		}
		return out
	}
	for _, ch := range v.Chapters {
		out = append(out, Part{Chapter: ch.ID, Title: ch.Title})
		for _, c := range v.Clauses {
			if c.Chapter == ch.ID {
				out = append(out, Part{Clause: c, Code: v.Code})
			}
		}
	}
	return out
}
