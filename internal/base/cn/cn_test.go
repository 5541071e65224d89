package cn

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"yunshi/internal/base/calendar"
)

var today = calendar.Date{Year: 2026, Month: 11, Day: 22}

type vector struct {
	In, Out, Err                  string
	Birth                         string
	Warn                          bool
	Delivery, Unique, Risk        string
	Year, Region, Channel, Serial string
}

// vectors reads testdata and insists on the number of cases, so that a lost file is not a passed test.
func vectors(t *testing.T, name string, want int) []vector {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	var all []vector
	if err := json.Unmarshal(data, &all); err != nil {
		t.Fatal(err)
	}
	if len(all) != want {
		t.Fatalf("%s: %d vectors, want %d", name, len(all), want)
	}
	return all
}

// agrees reports whether the parser accepted or refused as the vector says, and whether what it accepted may be compared.
func agrees(t *testing.T, field string, v vector, err error) bool {
	t.Helper()
	reason := ""
	var refusal *Refusal
	if errors.As(err, &refusal) {
		reason = string(refusal.Reason)
		if refusal.Field != field {
			t.Errorf("%q: refused as a %s", v.In, refusal.Field)
		}
	}
	if reason != v.Err {
		t.Errorf("%s %q: reason %q (%v), want %q", field, v.In, reason, err, v.Err)
	}
	return err == nil && v.Err == ""
}

func same(t *testing.T, input, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%q: got %q, want %q", input, got, want)
	}
}

func TestResidentIDVectors(t *testing.T) {
	for _, v := range vectors(t, "resident_id", 17) {
		got, err := ParseResidentID(v.In, today)
		if agrees(t, "resident_id", v, err) {
			same(t, v.In, got.Canonical(), v.Out)
			same(t, v.In, got.Birth().String(), v.Birth)
		}
	}
}

func TestUSCCVectors(t *testing.T) {
	for _, v := range vectors(t, "uscc", 14) {
		got, err := ParseUSCC(v.In)
		if agrees(t, "uscc", v, err) {
			same(t, v.In, got.Canonical(), v.Out)
			if got.Suspicious() != v.Warn {
				t.Errorf("%q: suspicious %t", v.In, got.Suspicious())
			}
		}
	}
}

func TestMobileVectors(t *testing.T) {
	for _, v := range vectors(t, "mobile", 15) {
		got, err := ParseMobile(v.In)
		if agrees(t, "mobile", v, err) {
			same(t, v.In, got.Canonical(), v.Out)
		}
	}
	for _, v := range []vector{
		{In: "(138) 0013\u00a08000", Out: "+8613800138000"}, {In: "+13800138000", Err: "region"}, {In: "", Err: "length"},
		{In: "+86", Err: "length"}, {In: "+86+8613800138000", Err: "length"},
	} {
		got, err := ParseMobile(v.In)
		if agrees(t, "mobile", v, err) {
			same(t, v.In, got.Canonical(), v.Out)
		}
	}
}

func TestVirtualOperatorsRaiseTheRiskAndRefuseNothing(t *testing.T) {
	for number, want := range map[string]bool{"17012345678": true, "14712345678": true, "13800138000": false, "19212345678": false} {
		m, err := ParseMobile(number)
		if err != nil || m.Raised(RaisedSegments) != want {
			t.Errorf("%s: %v", number, err)
		}
	}
}

func TestBankCardVectors(t *testing.T) {
	for _, v := range vectors(t, "bank_card", 13) {
		got, err := ParseBankCard(v.In)
		if agrees(t, "bank_card", v, err) {
			same(t, v.In, got.Canonical(), v.Out)
		}
	}
}

func TestACorporateAccountNeedsNoLuhn(t *testing.T) {
	for _, v := range []vector{
		{In: "6225881234567899", Out: "6225881234567899"}, {In: "4000 0222 0920 0123 456", Out: "4000022209200123456"},
		{In: "44-0101-0104-0001234", Out: "44-0101-0104-0001234"}, {In: "1234567", Err: "length"}, {In: strings.Repeat("1", 33), Err: "length"},
		{In: "-12345678", Err: "charset"}, {In: "1234--5678", Err: "charset"}, {In: "12345678-", Err: "charset"}, {In: "1234567A", Err: "charset"},
	} {
		got, err := ParseCorporateAccount(v.In)
		if agrees(t, "corporate_account", v, err) {
			same(t, v.In, got.Canonical(), v.Out)
		}
	}
	for _, v := range []vector{{In: "102584002987", Out: "102584002987"}, {In: "10258400298", Err: "length"}, {In: "10258400298A", Err: "charset"}} {
		got, err := ParseBankCode(v.In)
		if agrees(t, "bank_code", v, err) {
			same(t, v.In, got.Canonical(), v.Out)
		}
	}
}

func TestEmailVectors(t *testing.T) {
	for _, v := range vectors(t, "email", 18) {
		got, err := ParseEmail(v.In)
		if agrees(t, "email", v, err) {
			same(t, v.In, got.Delivery(), v.Delivery)
			same(t, v.In, got.Unique(), v.Unique)
			same(t, v.In, got.Risk(), v.Risk)
		}
	}
	long := strings.Repeat("a", 60) + "."
	for _, v := range []vector{
		{In: "", Err: "length"}, {In: "nobody", Err: "charset"}, {In: "@example.com", Err: "charset"}, {In: "a@", Err: "region"},
		{In: "a.@example.com", Err: "charset"}, {In: "a@example..com", Err: "region"}, {In: "a@[127.0.0.1]", Err: "region"},
		{In: "a@-x.com", Err: "region"}, {In: "a@" + strings.Repeat("b", 64) + ".com", Err: "region"},
		{In: "a@" + long + long + long + long + long + "com", Err: "length"}, {In: "a@exa mple.com", Err: "region"},
	} {
		_, err := ParseEmail(v.In)
		agrees(t, "email", v, err)
	}
}

func TestEInvoiceVectors(t *testing.T) {
	for _, v := range vectors(t, "einvoice_no", 9) {
		got, err := ParseEInvoiceNo(v.In, today)
		if agrees(t, "einvoice_no", v, err) {
			same(t, v.In, got.Canonical(), strings.TrimSpace(v.In))
			same(t, v.In, strconv.Itoa(got.Year()), "20"+v.Year)
			same(t, v.In, got.Area(), v.Region)
			same(t, v.In, got.Channel(), v.Channel)
			same(t, v.In, got.Serial(), v.Serial)
		}
	}
}

func TestAgeIsCompletedYears(t *testing.T) {
	id, err := ParseResidentID("440305190402291235", today) // born 29 February 1904
	if err != nil {
		t.Fatal(err)
	}
	for day, want := range map[string]int{"1922-02-28": 17, "1922-03-01": 18, "1924-02-28": 19, "1924-02-29": 20, "1904-02-29": 0} {
		on, err := calendar.ParseDate(day)
		if err != nil {
			t.Fatal(err)
		}
		if got := id.Age(on); got != want {
			t.Errorf("on %s: %d, want %d", day, got, want)
		}
	}
}

func TestEveryChangedDigitOfAResidentIDIsCaught(t *testing.T) {
	for _, v := range vectors(t, "resident_id", 17) {
		if v.Err != "" {
			continue
		}
		for i := range len(v.Out) {
			for _, c := range []byte("0123456789X") {
				changed := []byte(v.Out)
				changed[i] = c
				if c == v.Out[i] || i < 17 && c == 'X' {
					continue
				}
				if got, err := ParseResidentID(string(changed), today); err == nil {
					t.Errorf("%s passes beside %s", got.Canonical(), v.Out)
				}
			}
		}
	}
}

func TestEverySwapOfNeighboursInAResidentIDIsCaught(t *testing.T) {
	const number = "440305190402291235"
	swaps := 0
	for i := range 16 {
		if number[i] == number[i+1] {
			continue
		}
		swaps++
		swapped := []byte(number)
		swapped[i], swapped[i+1] = swapped[i+1], swapped[i]
		if _, err := ParseResidentID(string(swapped), today); err == nil {
			t.Errorf("%s passes", swapped)
		}
	}
	if swaps != 14 {
		t.Errorf("tried %d swaps, want 14", swaps)
	}
}

func TestEveryChangedCharacterOfAUSCCIsCaught(t *testing.T) {
	const code = "91440300MA5DEMQ188"
	for i := range len(code) {
		for _, c := range []byte(usccAlphabet) {
			changed := []byte(code)
			changed[i] = c
			if c == code[i] {
				continue
			}
			if _, err := ParseUSCC(string(changed)); err == nil {
				t.Errorf("%s passes", changed)
			}
		}
	}
}

func TestEveryChangedDigitOfACardIsCaught(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		body := rapid.StringOfN(rapid.RuneFrom([]rune("0123456789")), 11, 18, -1).Draw(t, "body")
		var card string
		for c := '0'; c <= '9'; c++ {
			if Luhn(body + string(c)) {
				card = body + string(c)
			}
		}
		if card == "" {
			return // zeros alone have no card
		}
		i := rapid.IntRange(0, len(card)-1).Draw(t, "place")
		step := byte(rapid.IntRange(1, 9).Draw(t, "step"))
		changed := []byte(card)
		changed[i] = '0' + (changed[i]-'0'+step)%10
		if Luhn(string(changed)) {
			t.Fatalf("%s passes beside %s", changed, card)
		}
	})
}

func TestMasksShowOnlyWhatTheyPromise(t *testing.T) {
	for _, c := range [][2]string{
		{MaskMobile("+8613800138000"), "138****8000"}, {MaskMobile("13800138000"), "138****8000"},
		{MaskResidentID("110101190001010014"), "110***********0014"},
		{MaskBankAccount("6225881234567898"), "************7898"}, {MaskBankAccount("44-0101-0104"), "********0104"},
		{MaskEmail("zhang.san@example.com"), "z***@example.com"}, {MaskEmail("a@example.com"), "***@example.com"}, {MaskEmail("nobody"), "******"},
		{MaskName("张三"), "张*"}, {MaskName("欧阳娜娜"), "欧***"}, {MaskName("张"), "*"}, {MaskName(""), ""},
		{MaskResidentID("12345678"), "********"}, {MaskBankAccount("12345"), "*****"}, {MaskMobile(""), ""},
	} {
		same(t, c[1], c[0], c[1])
	}
}

func TestPersonalNumbersPrintMasked(t *testing.T) {
	id, _ := ParseResidentID("110101190001010014", today)
	mobile, _ := ParseMobile("13800138000")
	card, _ := ParseBankCard("6225881234567898")
	account, _ := ParseCorporateAccount("400002220920012")
	mail, _ := ParseEmail("zhang.san@example.com")
	for verb, printed := range map[string]string{
		"%v":  fmt.Sprintf("%v", []any{id, mobile, card, account, mail}),
		"%+v": fmt.Sprintf("%+v", []any{id, mobile, card, account, mail}),
		"%#v": fmt.Sprintf("%#v", []any{id, mobile, card, account, mail}),
		"%s":  fmt.Sprintf("%s", []any{id, mobile, card, account, mail}),
	} {
		for _, secret := range []string{"19000101", "13800138", "62258812", "40000222", "zhang"} {
			if strings.Contains(printed, secret) {
				t.Errorf("%s shows %s: %s", verb, secret, printed)
			}
		}
	}
}

// accepts checks that what a parser accepts has one form, which it accepts again.
func accepts(t *testing.T, input, canonical string, err error, again func(string) (string, error)) {
	if err != nil {
		var refusal *Refusal
		if !errors.As(err, &refusal) || refusal.Reason == "" {
			t.Fatalf("%q: not a refusal: %v", input, err)
		}
		return
	}
	if twice, err := again(canonical); err != nil || twice != canonical {
		t.Fatalf("%q became %q, which becomes %q, %v", input, canonical, twice, err)
	}
}

func seed(f *testing.F, inputs ...string) {
	for _, input := range inputs {
		f.Add(input)
	}
}

func FuzzResidentID(f *testing.F) {
	seed(f, "110101190001010014", "11010119010101002X", " １１０１０１１９０１０１０１００２Ｘ ", "")
	parse := func(s string) (string, error) { id, err := ParseResidentID(s, today); return id.Canonical(), err }
	f.Fuzz(func(t *testing.T, s string) { c, err := parse(s); accepts(t, s, c, err, parse) })
}

func FuzzUSCC(f *testing.F) {
	seed(f, "91440300MA5DEMQ188", "52100000500000A19R", "９１440300ma5demq188")
	parse := func(s string) (string, error) { u, err := ParseUSCC(s); return u.Canonical(), err }
	f.Fuzz(func(t *testing.T, s string) { c, err := parse(s); accepts(t, s, c, err, parse) })
}

func FuzzMobile(f *testing.F) {
	seed(f, "13800138000", "+86 138-0013-8000", "0086(138)00138000", "+8521380013800")
	parse := func(s string) (string, error) { m, err := ParseMobile(s); return m.Canonical(), err }
	f.Fuzz(func(t *testing.T, s string) { c, err := parse(s); accepts(t, s, c, err, parse) })
}

func FuzzBankCard(f *testing.F) {
	seed(f, "6225881234567898", "6225 8812 3456 7898")
	parse := func(s string) (string, error) { b, err := ParseBankCard(s); return b.Canonical(), err }
	f.Fuzz(func(t *testing.T, s string) { c, err := parse(s); accepts(t, s, c, err, parse) })
}

func FuzzCorporateAccount(f *testing.F) {
	seed(f, "44-0101-0104-0001234", "4000 0222 0920 0123")
	parse := func(s string) (string, error) { a, err := ParseCorporateAccount(s); return a.Canonical(), err }
	f.Fuzz(func(t *testing.T, s string) { c, err := parse(s); accepts(t, s, c, err, parse) })
}

func FuzzEmail(f *testing.F) {
	seed(f, "Zhang.San@Example.COM", "li＠例子.公司", "a@example.com.", "zhang.san+cloud@gmail.com", "a@xn--fsqu00a.xn--55qx5d", "+a@gmail.com", "a@b。com")
	parse := func(s string) (string, error) { e, err := ParseEmail(s); return e.Canonical(), err }
	f.Fuzz(func(t *testing.T, s string) { c, err := parse(s); accepts(t, s, c, err, parse) })
}

func FuzzEInvoiceNo(f *testing.F) {
	seed(f, "24442000000123456789", " 26112000000000000042 ")
	parse := func(s string) (string, error) { n, err := ParseEInvoiceNo(s, today); return n.Canonical(), err }
	f.Fuzz(func(t *testing.T, s string) { c, err := parse(s); accepts(t, s, c, err, parse) })
}

func FuzzMask(f *testing.F) {
	seed(f, "13800138000", "张三", "", "a@b", "\xff\xfe")
	f.Fuzz(func(t *testing.T, s string) {
		for _, shown := range []string{MaskMobile(s), MaskResidentID(s), MaskBankAccount(s), MaskName(s)} {
			if len([]rune(shown)) > 2 && !strings.Contains(shown, "*") {
				t.Fatalf("%q is shown as %q", s, shown)
			}
		}
	})
}
