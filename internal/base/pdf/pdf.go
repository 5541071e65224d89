// Package pdf writes documents of text as PDF files: statements, receipts,
// evidence. One font with Chinese and Western letters is part of the program, so
// that a file looks the same on every machine and its text can be copied out.
//
// Owns: page layout and the font (assets/ says how it is cut out of Noto Sans SC,
// whose licence is OFL.txt). Does not own: what a document says, and in which
// language.
//
// Always true:
//   - The same content makes the same bytes: the only time in a file is the one
//     it is given.
//   - No letter is lost: what the font lacks is written as its code point.
//   - A table repeats its head on each page, and no row is cut in two.
package pdf

import (
	_ "embed"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"

	"codeberg.org/go-pdf/fpdf"
)

//go:embed NotoSansSC.ttf
var font []byte

// Sheet says what a document is and how it lies.
type Sheet struct {
	Title  string // on top of the first page and below each page
	Author string // who answers for it
	Lang   string // "zh-CN"
	Wide   bool   // A4 across, for tables of many columns
	At     time.Time
}

// Document is what a file will say, in order.
type Document struct {
	sheet Sheet
	parts []func(p *press)
}

// New begins a document with its title.
func New(s Sheet) *Document {
	d := &Document{sheet: s}
	d.add(func(p *press) { p.lines(s.Title, 17, 9); p.skip(1) })
	return d
}

func (d *Document) add(part func(p *press)) { d.parts = append(d.parts, part) }

// Heading begins a part.
func (d *Document) Heading(text string) {
	d.add(func(p *press) { p.room(24); p.skip(4); p.lines(text, 12, 7); p.skip(1) })
}

// Text is a paragraph.
func (d *Document) Text(text string) {
	d.add(func(p *press) { p.lines(text, 9, 5); p.skip(1.5) })
}

// Term is a label with its value.
type Term struct{ Label, Value string }

// Terms are labels with values beside them.
func (d *Document) Terms(terms []Term) {
	d.add(func(p *press) {
		columns := []Column{{Share: 1}, {Share: 4}}
		for _, t := range terms {
			p.row(columns, []string{t.Label, t.Value}, false)
		}
		p.skip(2)
	})
}

// Column is a column of a table. Num aligns right.
type Column struct {
	Label string
	Share float64 // of the width, against the other columns
	Num   bool
}

// Table is rows under labelled columns, with a last line that may be nil.
func (d *Document) Table(columns []Column, rows [][]string, foot []string) {
	d.add(func(p *press) {
		head := make([]string, len(columns))
		for i, c := range columns {
			head[i] = c.Label
		}
		p.row(columns, head, true)
		for _, r := range rows {
			if p.room(p.height(columns, r)) {
				p.row(columns, head, true)
			}
			p.row(columns, r, false)
		}
		if foot != nil {
			if p.room(p.height(columns, foot)) {
				p.row(columns, head, true)
			}
			p.row(columns, foot, true)
		}
		p.skip(2)
	})
}

// Write makes the file. The document is set twice, because each page says how
// many there are.
func (d *Document) Write(w io.Writer) error {
	first, err := d.set(0)
	if err != nil {
		return err
	}
	second, err := d.set(first.PageCount())
	if err != nil {
		return err
	}
	if err := second.Output(w); err != nil {
		return fmt.Errorf("pdf: %s: %w", d.sheet.Title, err)
	}
	return nil
}

// Millimetres.
const (
	margin  = 16.0
	leading = 4.6
	gap     = 1.3 // above and below the text of a row
	family  = "noto"
)

func (d *Document) set(pages int) (*press, error) {
	lie := "P"
	if d.sheet.Wide {
		lie = "L"
	}
	p := &press{fpdf.New(lie, "mm", "A4", "")}
	p.AddUTF8FontFromBytes(family, "", font)
	p.SetMargins(margin, margin, margin)
	p.SetAutoPageBreak(true, margin)
	p.SetCatalogSort(true)
	p.SetCreationDate(d.sheet.At.UTC())
	p.SetModificationDate(d.sheet.At.UTC())
	p.SetTitle(d.sheet.Title, true)
	p.SetAuthor(d.sheet.Author, true)
	p.SetProducer("Yunshi", true)
	p.SetLang(d.sheet.Lang)
	p.SetFooterFunc(func() {
		p.SetY(-margin + 4)
		p.SetFont(family, "", 7.5)
		p.SetTextColor(95, 100, 110)
		p.CellFormat(0, 4, legible(d.sheet.Title+" · "+d.sheet.Author+" · "+strconv.Itoa(p.PageNo())+" / "+strconv.Itoa(pages)), "", 0, "C", false, 0, "")
	})
	p.AddPage()
	for _, part := range d.parts {
		part(p)
	}
	if err := p.Error(); err != nil {
		return nil, fmt.Errorf("pdf: %s: %w", d.sheet.Title, err)
	}
	return p, nil
}

// press is a file that is being set.
type press struct{ *fpdf.Fpdf }

func (p *press) ink(size float64) {
	p.SetFont(family, "", size)
	p.SetTextColor(20, 24, 32)
}

func (p *press) skip(mm float64) { p.SetY(p.GetY() + mm) }

func (p *press) width() float64 {
	w, _ := p.GetPageSize()
	return w - 2*margin
}

// room begins a new page when less than so many millimetres are left.
func (p *press) room(mm float64) (turned bool) {
	_, h := p.GetPageSize()
	if p.GetY()+mm <= h-margin {
		return false
	}
	p.AddPage()
	return true
}

func (p *press) lines(text string, size, height float64) {
	p.ink(size)
	p.MultiCell(0, height, legible(text), "", "L", false)
}

// split breaks a text into the lines of a cell.
func (p *press) split(text string, width float64) (all []string) {
	for line := range strings.SplitSeq(legible(text), "\n") {
		if line != "" {
			all = append(all, p.SplitText(line, width)...)
		}
	}
	return all
}

func widths(columns []Column, whole float64) []float64 {
	sum := 0.0
	for _, c := range columns {
		sum += c.Share
	}
	out := make([]float64, len(columns))
	for i, c := range columns {
		out[i] = whole * c.Share / sum
	}
	return out
}

func (p *press) height(columns []Column, cells []string) float64 {
	p.ink(8)
	most := 1
	for i, w := range widths(columns, p.width()) {
		most = max(most, len(p.split(cells[i], w-1)))
	}
	return float64(most)*leading + 2*gap
}

// row sets one row with a line below it, on a grey ground when it is strong.
func (p *press) row(columns []Column, cells []string, strong bool) {
	h := p.height(columns, cells)
	p.room(h)
	x, y := margin, p.GetY()
	if strong {
		p.SetFillColor(238, 240, 244)
		p.Rect(x, y, p.width(), h, "F")
	}
	for i, w := range widths(columns, p.width()) {
		align := "L"
		if columns[i].Num {
			align = "R"
		}
		for n, line := range p.split(cells[i], w-1) {
			p.SetXY(x, y+gap+float64(n)*leading)
			p.CellFormat(w, leading, line, "", 0, align, false, 0, "")
		}
		x += w
	}
	p.SetDrawColor(205, 209, 217)
	p.Line(margin, y+h, margin+p.width(), y+h)
	p.SetXY(margin, y+h)
}

// legible writes what the font lacks as its code point: a rare character of a
// name is then ugly, and still there.
func legible(s string) string {
	known := letters()
	whole := true
	for _, r := range s {
		whole = whole && (known[r] || r == '\n')
	}
	if whole {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		switch {
		case known[r] || r == '\n':
			b.WriteRune(r)
		case r == '\t', r == '\r':
			b.WriteByte(' ')
		default:
			fmt.Fprintf(&b, "[U+%04X]", r)
		}
	}
	return b.String()
}

// letters are the characters that the font can write.
var letters = sync.OnceValue(func() map[rune]bool { return charactersOf(font) })
