package page

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"strings"
)

// Cell is a cell of a CSV file.
type Cell struct{ text string }

// TextCell is words or an id. A spreadsheet takes what begins like a formula for
// one, and a formula can send the sheet's content away; so such a text is written
// with an apostrophe before it.
func TextCell(s string) Cell {
	if strings.ContainsAny(firstLetter(s), "=+-@\t\r\n|%＝＋－＠") {
		s = "'" + s
	}
	return Cell{s}
}

func firstLetter(s string) string {
	for _, r := range s {
		return string(r)
	}
	return ""
}

// NumberCell is an amount or a count, as money.Amount.Plain writes it. What is no
// number becomes a text.
func NumberCell(plain string) Cell {
	digits := strings.TrimPrefix(plain, "-")
	if digits == "" || strings.Trim(digits, "0123456789.") != "" {
		return TextCell(plain)
	}
	return Cell{plain}
}

// CSV writes rows as a file of RFC 4180 in UTF-8, with the mark by which
// spreadsheets recognise it.
func CSV(rows [][]Cell) ([]byte, error) {
	var out bytes.Buffer
	out.WriteString("\ufeff")
	w := csv.NewWriter(&out)
	w.UseCRLF = true
	for _, row := range rows {
		record := make([]string, len(row))
		for i, c := range row {
			record[i] = c.text
		}
		if err := w.Write(record); err != nil {
			return nil, fmt.Errorf("page: csv: %w", err)
		}
	}
	w.Flush()
	return out.Bytes(), nil
}
