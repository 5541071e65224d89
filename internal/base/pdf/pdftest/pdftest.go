// Package pdftest reads the text back out of the files that package pdf writes,
// for tests: what a person would get by copying it.
package pdftest

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"fmt"
	"io"
	"regexp"
	"strings"
	"unicode/utf16"
)

var stream = regexp.MustCompile(`(?s)/Length \d+>>\s*stream\r?\n(.*?)\r?\nendstream`)

// Text returns what the pages of a file say, each run of letters on its own line.
// A letter is stored as its UTF-16 number, which is what the file's table for
// copying says too.
func Text(file []byte) (string, error) {
	if !bytes.HasPrefix(file, []byte("%PDF-1.")) || !bytes.Contains(file, []byte("/ToUnicode")) {
		return "", fmt.Errorf("pdftest: no file with text to copy")
	}
	var b strings.Builder
	for _, m := range stream.FindAllSubmatch(file, -1) {
		r, err := zlib.NewReader(bytes.NewReader(m[1]))
		if err != nil {
			continue // not compressed: no page
		}
		content, err := io.ReadAll(r)
		if err != nil {
			return "", fmt.Errorf("pdftest: %w", err)
		}
		runs(&b, content)
	}
	return b.String(), nil
}

// runs writes the strings before each Tj of a page.
func runs(b *strings.Builder, content []byte) {
	for i := 0; i < len(content); i++ {
		if content[i] != '(' {
			continue
		}
		var raw []byte
		for i++; i < len(content) && content[i] != ')'; i++ {
			c := content[i]
			if c == '\\' && i+1 < len(content) {
				i++
				if c = content[i]; c == 'r' {
					c = '\r'
				}
			}
			raw = append(raw, c)
		}
		if after := content[min(i+1, len(content)):]; !bytes.HasPrefix(bytes.TrimLeft(after, " "), []byte("Tj")) || len(raw)%2 != 0 {
			continue
		}
		units := make([]uint16, len(raw)/2)
		for n := range units {
			units[n] = binary.BigEndian.Uint16(raw[2*n:])
		}
		b.WriteString(string(utf16.Decode(units)))
		b.WriteByte('\n')
	}
}
