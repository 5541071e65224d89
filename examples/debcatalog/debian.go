package main

import (
	"bufio"
	"io"
	"strings"
)

// paragraph is one entry of an index: field name to value. Lines of a value that
// goes on are joined by line ends; a line that holds only a dot is an empty one.
type paragraph map[string]string

// paragraphs calls fn for each entry of an index.
func paragraphs(r io.Reader, fn func(paragraph) error) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 1<<16), 1<<24)
	p, last := paragraph{}, ""
	for lines.Scan() {
		line := lines.Text()
		switch {
		case line == "":
			if len(p) > 0 {
				if err := fn(p); err != nil {
					return err
				}
			}
			p, last = paragraph{}, ""
		case line[0] == ' ' || line[0] == '\t':
			text := line[1:]
			if text == "." {
				text = ""
			}
			p[last] += "\n" + text
		default:
			name, value, _ := strings.Cut(line, ":")
			last = name
			p[name] = strings.TrimSpace(value)
		}
	}
	if err := lines.Err(); err != nil {
		return err
	}
	if len(p) > 0 {
		return fn(p)
	}
	return nil
}

// description is a package's description in one language: one line, and the rest.
type description struct{ short, long string }

// described holds descriptions by the checksum of the English one, which is how
// translations name what they translate.
type described map[string]map[string]description

// add takes an entry of a translation file.
func (d described) add(p paragraph) error {
	sum := p["Description-md5"]
	for field, lang := range map[string]string{"Description-en": "en", "Description-zh_CN": "zh"} {
		if text, ok := p[field]; ok {
			if d[sum] == nil {
				d[sum] = map[string]description{}
			}
			d[sum][lang] = split(text)
		}
	}
	return nil
}

func split(text string) description {
	short, long, _ := strings.Cut(text, "\n")
	return description{strings.TrimSpace(short), strings.TrimSpace(long)}
}

// of returns the descriptions of a package. An index that holds whole descriptions
// itself needs no English translation file.
func (d described) of(p paragraph) (en, zh description) {
	found := d[p["Description-md5"]]
	en, zh = found["en"], found["zh"]
	if en.short == "" {
		en = split(p["Description"])
	}
	return en, zh
}
