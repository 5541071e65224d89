package pdf

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"yunshi/internal/base/pdf/pdftest"
)

func sample(rows int) *Document {
	d := New(Sheet{Title: "对账单 Statement 2026-10", Author: "示例云市场运营有限公司", Lang: "zh-CN", Wide: true, At: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)})
	d.Heading("结算 Settlement")
	d.Text("买方付款由运营方代收。The operator collects on the vendor’s behalf: ¥1,980.00 (6%).")
	d.Terms([]Term{{"服务商", "深圳麓鸣云计算有限公司"}, {"SHA-256", strings.Repeat("0123456789abcdef", 4)}})
	var all [][]string
	for i := range rows {
		all = append(all, []string{fmt.Sprintf("ord_%04d", i), "结算 released", "1,800.00"})
	}
	d.Table([]Column{{"订单", 2, false}, {"事项", 3, false}, {"金额", 1, true}}, all, []string{"合计", "", "1,800.00"})
	return d
}

func TestTheTextOfAFileCanBeReadOut(t *testing.T) {
	var out bytes.Buffer
	if err := sample(3).Write(&out); err != nil {
		t.Fatal(err)
	}
	text, err := pdftest.Text(out.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"对账单 Statement 2026-10", "深圳麓鸣云计算有限公司", "¥1,980.00 (6%)", "ord_0002", strings.Repeat("0123456789abcdef", 4), "1 / 1"} {
		if !strings.Contains(text, want) {
			t.Errorf("the file does not say %q:\n%s", want, text)
		}
	}
	if size := out.Len(); size > 120_000 {
		t.Errorf("a page takes %d bytes: the whole font is in it", size)
	}
}

func TestTheSameDocumentIsTheSameFile(t *testing.T) {
	var a, b bytes.Buffer
	if err := sample(3).Write(&a); err != nil {
		t.Fatal(err)
	}
	if err := sample(3).Write(&b); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(a.Bytes(), b.Bytes()) {
		t.Error("two files of one document differ")
	}
}

func TestATableGoesOnWithItsHead(t *testing.T) {
	var out bytes.Buffer
	if err := sample(100).Write(&out); err != nil {
		t.Fatal(err)
	}
	text, err := pdftest.Text(out.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	pages := strings.Count(text, " / 5")
	if pages < 4 || strings.Count(text, "事项") != pages {
		t.Errorf("%d pages, %d heads", pages, strings.Count(text, "事项"))
	}
	for i := range 100 {
		if !strings.Contains(text, fmt.Sprintf("ord_%04d", i)) {
			t.Errorf("row %d is lost", i)
		}
	}
}

func TestTheFontHasWhatIsWrittenAndTheRestIsNotLost(t *testing.T) {
	for _, r := range "AZaz09¥€$·–—“”‘’…，。；：？！（）《》、【】鑫淼麓鸣éü " {
		if !letters()[r] {
			t.Errorf("the font lacks %q", r)
		}
	}
	if n := len(letters()); n < 7000 {
		t.Errorf("the font has only %d characters", n)
	}
	if got := legible("𠮷a\t龘"); got != "[U+20BB7]a [U+9F98]" {
		t.Errorf("%q", got)
	}
}

func BenchmarkOnePage(b *testing.B) {
	for b.Loop() {
		if err := sample(10).Write(&bytes.Buffer{}); err != nil {
			b.Fatal(err)
		}
	}
}
