package invoice

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/fault"
	"yunshi/internal/base/money"
	"yunshi/internal/market/vendor"
)

const code = "91440300MA5DEMQ188"

func yuan(minor int64) money.Amount { return money.Amount{Minor: minor, Currency: money.CNY} }

func TestClause_4_4_ATitleNamesABuyerThatCanBeInvoiced(t *testing.T) {
	for name, tt := range map[string]struct {
		kind  Kind
		buyer Buyer
		field string // to blame; empty when allowed
	}{
		"allowed_company":                  {Ordinary, Buyer{Kind: Company, Name: "山海科技有限公司", TaxID: code}, ""},
		"allowed_company_special":          {Special, Buyer{Kind: Company, Name: "山海科技有限公司", TaxID: " 91440300ma5demq188 "}, ""},
		"allowed_person":                   {Ordinary, Buyer{Kind: Individual, Name: "张三"}, ""},
		"allowed_address_of_e-mail":        {Ordinary, Buyer{Kind: Individual, Name: "张三", Email: "a@example.com"}, ""},
		"refused_company_without_number":   {Ordinary, Buyer{Kind: Company, Name: "山海科技有限公司"}, "tax_id"},
		"refused_wrong_check_character":    {Ordinary, Buyer{Kind: Company, Name: "山海科技有限公司", TaxID: "91440300MA5DEMQ189"}, "tax_id"},
		"refused_number_of_a_person":       {Ordinary, Buyer{Kind: Individual, Name: "张三", TaxID: "110101190001010014"}, "tax_id"},
		"refused_special_for_a_person":     {Special, Buyer{Kind: Individual, Name: "张三"}, "kind"},
		"refused_without_name":             {Ordinary, Buyer{Kind: Individual}, "name"},
		"refused_without_kind_of_title":    {Ordinary, Buyer{Name: "张三"}, "title_kind"},
		"refused_unknown_kind":             {"export", Buyer{Kind: Individual, Name: "张三"}, "kind"},
		"refused_name_with_a_line_break":   {Ordinary, Buyer{Kind: Individual, Name: "张\n三"}, "name"},
		"refused_name_that_does_not_end":   {Ordinary, Buyer{Kind: Individual, Name: strings.Repeat("张", 101)}, "name"},
		"refused_address_of_e-mail_in_two": {Ordinary, Buyer{Kind: Individual, Name: "张三", Email: "a@b@c"}, "email"},
	} {
		t.Run(name, func(t *testing.T) {
			b, err := titled(tt.buyer)
			if err == nil {
				err = suits(tt.kind, b)
			}
			if tt.field == "" {
				if err != nil || b.Kind == Company && b.TaxID != code {
					t.Errorf("%v %q", err, b.TaxID)
				}
				return
			}
			f, ok := fault.Of(err)
			if !ok || f.Field != tt.field {
				t.Fatalf("got %v, want a fault in %s", err, tt.field)
			}
			if tt.buyer.TaxID != "" && strings.Contains(err.Error(), tt.buyer.TaxID) {
				t.Error("the fault repeats the number")
			}
		})
	}
}

func TestABuyerIsNeverPrinted(t *testing.T) {
	q := Request{Buyer: Buyer{Kind: Individual, Name: "张三", Email: "a@example.com"}}
	text, err := json.Marshal(q)
	if s := fmt.Sprintf("%v %+v %#v %s", q, q, q.Buyer, text) + fmt.Sprint(err); strings.Contains(s, "张三") || strings.Contains(s, "a@example") {
		t.Errorf("printed: %s", s)
	}
}

func TestClause_4_4_AnAmountIsAtMostWhatIsLeft(t *testing.T) {
	for name, tt := range map[string]struct {
		amount, left money.Amount
		want         error
	}{
		"allowed_all":             {yuan(100), yuan(100), nil},
		"allowed_part":            {yuan(1), yuan(100), nil},
		"refused_one_fen_more":    {yuan(101), yuan(100), ErrOverAmount},
		"refused_nothing_left":    {yuan(1), yuan(0), ErrOverAmount},
		"refused_below_nothing":   {yuan(1), yuan(-5), ErrOverAmount},
		"refused_nothing":         {yuan(0), yuan(100), ErrInvalid},
		"refused_negative":        {yuan(-1), yuan(100), ErrInvalid},
		"refused_other_currency":  {money.Amount{Minor: 1, Currency: money.USD}, yuan(100), ErrInvalid},
		"refused_absurd":          {yuan(1<<63 - 1), yuan(100), ErrOverAmount},
		"refused_without_a_money": {money.Amount{}, yuan(100), ErrInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			if err := within(tt.amount, tt.left); !errors.Is(err, tt.want) {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestTenWorkingDaysOrWhatStandsForThem(t *testing.T) {
	rule := issueRule{Days: 10, NoCalendarDays: 30}
	at := func(s string) time.Time {
		d, err := calendar.ParseDate(s)
		if err != nil {
			t.Fatal(err)
		}
		return d.Start().Add(10 * time.Hour)
	}
	for name, tt := range map[string]struct {
		on, due string
		clock   Clock
	}{
		"plain":                         {"2026-03-02", "2026-03-16", WorkingDays},
		"over_the_spring_festival":      {"2026-02-12", "2026-03-04", WorkingDays}, // off 16 to 20 and 23 February, worked on Saturdays 14 and 28
		"asked_on_a_saturday":           {"2026-03-07", "2026-03-20", WorkingDays},
		"last_that_ends_in_the_year":    {"2026-12-17", "2026-12-31", WorkingDays},
		"reaches_a_year_without_table":  {"2026-12-18", "2027-01-17", NaturalDays},
		"begins_in_year_without_table":  {"2027-05-01", "2027-05-31", NaturalDays},
		"a_year_nobody_has_heard_of_is": {"2040-02-28", "2040-03-29", NaturalDays},
	} {
		t.Run(name, func(t *testing.T) {
			due, clock := dueBy(calendar.Official(), at(tt.on), rule)
			if calendar.On(due).String() != tt.due || clock != tt.clock || due != calendar.On(due).Last() {
				t.Errorf("due %s by %s", due.In(calendar.Shanghai), clock)
			}
		})
	}
}

// TestEveryStepOfARedLetter goes through every state, side and target: what the
// table below does not list is refused.
func TestEveryStepOfARedLetter(t *testing.T) {
	states := []RedState{Asked, NoneNeeded, AwaitsBuyer, AwaitsSeller, BothConfirmed, RefusedByBuyer, RefusedBySeller, Lapsed, TakenBack, TakenBackLate,
		Void10, Void11, Void12, Void13}
	buyer := map[RedState][]RedState{
		AwaitsBuyer:  {BothConfirmed, RefusedByBuyer},
		AwaitsSeller: {TakenBack},
		Asked:        {TakenBack},
	}
	seller := map[RedState][]RedState{
		AwaitsBuyer:   {TakenBack, Void10, Void11, Void12, Void13},
		AwaitsSeller:  {BothConfirmed, RefusedBySeller, Void10, Void11, Void12, Void13},
		NoneNeeded:    {TakenBackLate, Void10, Void11, Void12, Void13},
		BothConfirmed: {TakenBackLate, Void10, Void11, Void12, Void13},
	}
	for _, from := range states {
		for _, to := range states {
			if got, want := redMove(from, false, to), slices.Contains(buyer[from], to); got != want {
				t.Errorf("buyer %s → %s: %v", from, to, got)
			}
			if got, want := redMove(from, true, to), slices.Contains(seller[from], to); got != want {
				t.Errorf("seller %s → %s: %v", from, to, got)
			}
		}
	}
}

func TestAFormIsConfirmedWithinItsTime(t *testing.T) {
	end := time.Date(2026, 3, 5, 2, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		state RedState
		now   time.Time
		want  bool
	}{
		{AwaitsBuyer, end.Add(-time.Microsecond), false}, {AwaitsBuyer, end, true}, {AwaitsSeller, end, true},
		{BothConfirmed, end.Add(time.Hour), false}, {NoneNeeded, end.Add(time.Hour), false}, {Asked, end.Add(time.Hour), false},
	} {
		if got := lapsed(RedLetter{State: tt.state, ExpiresAt: end}, tt.now); got != tt.want {
			t.Errorf("%s at %s: %v", tt.state, tt.now, got)
		}
	}
}

var (
	rates  = []int64{0, 100, 300, 600, 900, 1300}
	noon   = time.Date(2026, 3, 3, 4, 0, 0, 0, time.UTC)
	shop   = vendor.SellerCard{RegisteredName: "山海软件（深圳）有限公司", USCC: "91440300MA5DEMQ19B"}
	asked  = Request{Kind: Special, Amount: yuan(106_00), Buyer: Buyer{Kind: Company, Name: "云起科技有限公司", TaxID: code}}
	answer = Document{
		Number: "26440000000000000001", Colour: Blue, Kind: Special, Seller: Party{"山海软件(深圳)有限公司", "91440300ma5demq19b"}, Buyer: Party{"云起科技有限公司", code},
		Items: []Item{{Name: "*信息技术服务*软件服务费", Net: yuan(100_00), Rate: 600, Tax: yuan(6_00)}},
		Net:   yuan(100_00), Tax: yuan(6_00), Total: yuan(106_00), IssuedAt: noon,
	}
	taken = Document{
		Number: "26440000000000000002", Colour: Red, Kind: Special, Seller: answer.Seller, Buyer: answer.Buyer,
		Items: []Item{{Name: "*信息技术服务*软件服务费", Net: yuan(-50_00), Rate: 600, Tax: yuan(-3_00)}},
		Net:   yuan(-50_00), Tax: yuan(-3_00), Total: yuan(-53_00), Remark: "蓝字26440000000000000001，确认单44030026031000000001", IssuedAt: noon,
	}
	letterOf = RedLetter{Amount: yuan(53_00), Confirmation: "44030026031000000001"}
)

func fieldsOf(err error) (fields []string) {
	for _, f := range fault.All(err) {
		fields = append(fields, f.Field)
	}
	slices.Sort(fields)
	return fields
}

func TestClause_4_4_AFileIsComparedWithWhatWasAsked(t *testing.T) {
	for name, tt := range map[string]struct {
		edit func(d *Document)
		want []string
	}{
		"allowed_as_asked": {func(*Document) {}, nil},
		"allowed_a_fen_of_rounding": {func(d *Document) {
			d.Items[0].Net, d.Items[0].Tax, d.Net, d.Tax = yuan(99_99), yuan(6_01), yuan(99_99), yuan(6_01)
		}, nil},
		"allowed_lines_and_discount": {func(d *Document) {
			d.Items = append(d.Items, Item{Name: "折扣", Net: yuan(-100), Rate: 600, Tax: yuan(-6)})
			d.Items[0].Net, d.Items[0].Tax = yuan(101_00), yuan(6_06)
		}, nil},
		"refused_other_seller":       {func(d *Document) { d.Seller.TaxID = code }, []string{"seller"}},
		"refused_other_name":         {func(d *Document) { d.Seller.Name = "别家软件有限公司" }, []string{"seller"}},
		"refused_other_buyer":        {func(d *Document) { d.Buyer.TaxID = "91440300MA5DEMQ19B" }, []string{"buyer"}},
		"refused_other_kind":         {func(d *Document) { d.Kind = Ordinary }, []string{"kind"}},
		"refused_red":                {func(d *Document) { d.Colour = Red }, []string{"colour"}},
		"refused_one_fen_less":       {func(d *Document) { d.Items[0].Net, d.Net, d.Total = yuan(99_99), yuan(99_99), yuan(105_99) }, []string{"total"}},
		"refused_lines_do_not_add":   {func(d *Document) { d.Items[0].Net = yuan(99_00) }, []string{"amount"}},
		"refused_total_does_not_add": {func(d *Document) { d.Net = yuan(99_00); d.Items[0].Net = yuan(99_00) }, []string{"amount"}},
		"refused_tax_is_not_rate":    {func(d *Document) { d.Items[0].Rate = 1300 }, []string{"tax"}},
		"refused_rate_unknown":       {func(d *Document) { d.Items[0].Rate = 601 }, []string{"tax"}},
		"refused_tax_against_amount": {func(d *Document) { d.Items[0].Tax = yuan(-6_00) }, []string{"amount", "tax"}},
		"refused_amounts_that_overflow": {func(d *Document) {
			d.Items = append(d.Items, Item{Name: "x", Net: yuan(1<<63 - 1)}, Item{Name: "x", Net: yuan(1<<63 - 1)})
		}, []string{"amount"}},
	} {
		t.Run(name, func(t *testing.T) {
			d := answer
			d.Items = slices.Clone(answer.Items)
			tt.edit(&d)
			if got := fieldsOf(isAskedFor(d, asked, shop, rates)); !slices.Equal(got, tt.want) {
				t.Errorf("differs in %v, want %v", got, tt.want)
			}
		})
	}
}

func TestClause_4_4_ARedInvoiceNamesWhatItTakesBack(t *testing.T) {
	blue := Invoice{Number: answer.Number, Total: answer.Total}
	for name, tt := range map[string]struct {
		edit func(d *Document)
		want []string
	}{
		"allowed_part": {func(*Document) {}, nil},
		"refused_blue": {func(d *Document) { d.Colour = Blue }, []string{"colour"}},
		"refused_positive": {func(d *Document) {
			d.Total, d.Net, d.Tax, d.Items = yuan(53_00), yuan(50_00), yuan(3_00), []Item{{Name: "x", Net: yuan(50_00), Rate: 600, Tax: yuan(3_00)}}
		}, []string{"total"}},
		"refused_other_amount":             {func(d *Document) { d.Total, d.Net, d.Items[0].Net = yuan(-53_01), yuan(-50_01), yuan(-50_01) }, []string{"total"}},
		"refused_without_blue_number":      {func(d *Document) { d.Remark = "确认单44030026031000000001" }, []string{"remark"}},
		"refused_without_form":             {func(d *Document) { d.Remark = "蓝字26440000000000000001" }, []string{"remark"}},
		"refused_with_number_of_the_blue":  {func(d *Document) { d.Number = answer.Number }, []string{"number"}},
		"refused_with_number_of_the_form":  {func(d *Document) { d.Number = letterOf.Confirmation }, []string{"number"}},
		"refused_to_another_buyer":         {func(d *Document) { d.Buyer.Name = "别家" }, []string{"buyer"}},
		"refused_lines_that_do_not_add_up": {func(d *Document) { d.Items[0].Net = yuan(-40_00) }, []string{"amount", "tax"}},
	} {
		t.Run(name, func(t *testing.T) {
			d := taken
			d.Items = slices.Clone(taken.Items)
			tt.edit(&d)
			if got := fieldsOf(takesBack(d, asked, letterOf, blue, shop, rates)); !slices.Equal(got, tt.want) {
				t.Errorf("differs in %v, want %v", got, tt.want)
			}
		})
	}
}

func TestAConfirmationIsTwentyDigits(t *testing.T) {
	for in, ok := range map[string]bool{
		"44030026031000000001": true, " 44030026031000000001\n": true, "4403002603100000000": false, "4403002603100000000A": false, "": false,
		"４４０３００２６０３１００００００００１": false,
	} {
		if got, err := confirmation(in); (err == nil) != ok || ok && got != "44030026031000000001" {
			t.Errorf("%q: %q %v", in, got, err)
		}
	}
}

// file is the smallest e-invoice, with a place to change it.
const file = `<?xml version="1.0" encoding="UTF-8"?>
<EInvoice><Header><EIid>26440000000000000001</EIid><InherentLabel><InIssuType><LabelCode>Y</LabelCode></InIssuType><GeneralOrSpecialVAT><LabelCode>01</LabelCode></GeneralOrSpecialVAT></InherentLabel></Header>
<EInvoiceData><SellerInformation><SellerIdNum>91440300MA5DEMQ19B</SellerIdNum><SellerName>山海软件（深圳）有限公司</SellerName></SellerInformation>
<BuyerInformation><BuyerIdNum>91440300MA5DEMQ188</BuyerIdNum><BuyerName>云起科技有限公司</BuyerName></BuyerInformation>
<BasicInformation><TotalAmWithoutTax>100</TotalAmWithoutTax><TotalTaxAm>6.0000</TotalTaxAm><TotalTax-includedAmount>106.00</TotalTax-includedAmount><Drawer>张三</Drawer></BasicInformation>
<IssuItemInformation><ItemName>*信息技术服务*软件服务费</ItemName><SpecMod/><MeaUnits>月</MeaUnits><Quantity>1</Quantity><Amount>100.00</Amount><TaxRate>0.060000</TaxRate><ComTaxAm>6.00</ComTaxAm></IssuItemInformation>
<AdditionalInformation><Remark>a &amp; b</Remark></AdditionalInformation></EInvoiceData>
<TaxSupervisionInfo><InvoiceNumber>26440000000000000001</InvoiceNumber><IssueTime>2026-03-03 12:00:00</IssueTime></TaxSupervisionInfo></EInvoice>`

func TestAFileIsReadAsItIsWritten(t *testing.T) {
	d, err := Parse([]byte("\ufeff"+file), noon)
	if err != nil {
		t.Fatal(err)
	}
	if d.Number != "26440000000000000001" || d.Colour != Blue || d.Kind != Special || d.Net != yuan(100_00) || d.Tax != yuan(6_00) || d.Total != yuan(106_00) ||
		d.Drawer != "张三" || d.Remark != "a & b" || !d.IssuedAt.Equal(noon) || len(d.Items) != 1 || d.Items[0].Rate != 600 || d.Items[0].Tax != yuan(6_00) {
		t.Errorf("%+v", d)
	}
	if err := isAskedFor(d, asked, shop, rates); err != nil {
		t.Error(err)
	}
	for in, want := range map[string]int64{"0.06": 600, "0.060000": 600, "6%": 600, "13%": 1300, "0": 0, "免税": 0, "": 0, "0.015": 150, "1.5%": 150} {
		if got, err := rate(in); got != want || err != nil {
			t.Errorf("rate %q is %d, %v", in, got, err)
		}
	}
	for _, in := range []string{"6", "-0.06", "0.06.1", "0.00001", "6 %", "abc", "1e3", "101%"} {
		if got, err := rate(in); err == nil {
			t.Errorf("rate %q is read as %d", in, got)
		}
	}
	for in, want := range map[string]int64{"1.5": 150, "-1.50": -150, "0": 0, "12.340000": 1234} {
		if got, err := signed(in); got.Minor != want || err != nil {
			t.Errorf("amount %q is %d, %v", in, got.Minor, err)
		}
	}
	for _, in := range []string{"", "--1", "1,000.00", "1.234", "+1", "1e5", "9223372036854775807"} {
		if got, err := signed(in); err == nil {
			t.Errorf("amount %q is read as %d", in, got.Minor)
		}
	}
}

func TestAHostileFileIsRefused(t *testing.T) {
	replace := func(old, with string) string {
		if !strings.Contains(file, old) {
			t.Fatalf("the file has no %q", old)
		}
		return strings.Replace(file, old, with, 1)
	}
	deep := strings.Repeat("<a>", 40) + strings.Repeat("</a>", 40)
	for name, tt := range map[string]struct{ in, reason string }{
		"external_entity":    {replace(`<EInvoice>`, `<!DOCTYPE EInvoice [<!ENTITY x SYSTEM "file:///etc/passwd">]><EInvoice>`), "doctype"},
		"entity_without":     {replace(`a &amp; b`, `&x;`), "xml"},
		"billion_laughs":     {replace(`<EInvoice>`, `<!DOCTYPE a [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><EInvoice>`), "doctype"},
		"deep":               {replace(`<EInvoiceData>`, `<EInvoiceData>`+deep), "shape"},
		"many_elements":      {replace(`<EInvoiceData>`, `<EInvoiceData>`+strings.Repeat("<a/>", 60_001)), "shape"},
		"many_lines":         {replace(`</EInvoiceData>`, strings.Repeat("<IssuItemInformation></IssuItemInformation>", 2_001)+`</EInvoiceData>`), "shape"},
		"large":              {file + strings.Repeat(" ", MaxXML), "size"},
		"empty":              {"", "size"},
		"two_roots":          {file + "<EInvoice></EInvoice>", "shape"},
		"two_numbers":        {replace(`<IssueTime>`, `<InvoiceNumber>26440000000000000009</InvoiceNumber><IssueTime>`), "twice"},
		"two_numbers_differ": {replace(`<EIid>26440000000000000001`, `<EIid>26440000000000000009`), "number"},
		"two_totals":         {replace(`<Drawer>`, `<TotalTaxAm>6.00</TotalTaxAm><Drawer>`), "twice"},
		"line_amount_twice":  {replace(`<TaxRate>`, `<Amount>1.00</Amount><TaxRate>`), "twice"},
		"not_utf_8":          {replace("张三", "\xc0\xaf"), "encoding"},
		"other_encoding":     {replace(`encoding="UTF-8"`, `encoding="GB18030"`), "xml"},
		"cut_off":            {file[:len(file)-20], "xml"},
		"crossed":            {replace(`</EInvoiceData>`, `</EInvoice>`), "xml"},
		"no_number":          {strings.ReplaceAll(file, "26440000000000000001", ""), "number"},
		"number_of_tomorrow": {strings.ReplaceAll(file, "26440000000000000001", "27440000000000000001"), "number"},
		"no_kind":            {replace(`<LabelCode>01</LabelCode>`, ``), "kind"},
		"no_colour":          {replace(`<LabelCode>Y</LabelCode>`, `<LabelCode>?</LabelCode>`), "colour"},
		"no_seller":          {replace(`<SellerIdNum>91440300MA5DEMQ19B</SellerIdNum>`, ``), "seller"},
		"no_time":            {replace(`2026-03-03 12:00:00`, `yesterday`), "issued_at"},
		"no_amount":          {replace(`106.00`, `1e2`), "amount"},
		"three_decimals":     {replace(`106.00`, `106.001`), "amount"},
		"no_lines":           {replace(`<ItemName>*信息技术服务*软件服务费</ItemName>`, ``), "items"},
		"a_page":             {"<html><body>x</body></html>", "number"},
		"no_xml":             {"%PDF-1.7", "xml"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse([]byte(tt.in), noon)
			f, ok := fault.Of(err)
			if !ok || f.Code != ErrUnreadable.Code || len(f.Args) < 2 || f.Args[1] != tt.reason {
				t.Errorf("got %v, want %s", err, tt.reason)
			}
		})
	}
}

// FuzzParse: whatever the bytes, reading ends soon and refuses or gives a document
// that is whole: what was read can be written as JSON and holds what it must.
func FuzzParse(f *testing.F) {
	f.Add([]byte(file))
	f.Add([]byte(strings.Replace(file, "<EInvoice>", `<!DOCTYPE a [<!ENTITY a "b">]><EInvoice>`, 1)))
	f.Add([]byte(strings.Replace(file, "100.00", "-100.00", 1)))
	f.Add([]byte("<a><![CDATA[x]]></a>"))
	f.Fuzz(func(t *testing.T, in []byte) {
		d, err := Parse(in, noon)
		if err != nil {
			if fl, ok := fault.Of(err); !ok || fl.Code != ErrUnreadable.Code {
				t.Fatalf("not a refusal: %v", err)
			}
			return
		}
		if len(d.Number) != 20 || d.Seller.Name == "" || len(d.Items) == 0 || bytes.Contains(bytes.ToUpper(in), []byte("<!DOCTYPE")) && !bytes.Contains(in, []byte("CDATA")) && !bytes.Contains(in, []byte("<!--")) {
			t.Fatalf("read %+v", d)
		}
		text, err := json.Marshal(d)
		var again Document
		if err == nil {
			err = json.Unmarshal(text, &again)
		}
		if err != nil || again.Number != d.Number || again.Total != d.Total {
			t.Fatalf("%v: %s", err, text)
		}
		addsUp(nil, d, rates) // must end, whatever the amounts
	})
}

func TestGOBLTotalsAreThoseOfTheInvoice(t *testing.T) {
	read := func(t *testing.T, i Invoice, before *Invoice) (m struct {
		Schema    string `json:"$schema"`
		Type      string
		Code      string
		IssueDate string `json:"issue_date"`
		Preceding []struct{ Code string }
		Supplier  struct {
			TaxID struct{ Country, Code string } `json:"tax_id"`
		}
		Lines []struct {
			Quantity, Sum, Total string
			Item                 struct{ Price string }
		}
		Totals struct {
			Sum, Total, Tax, Payable string
			TotalWithTax             string `json:"total_with_tax"`
			Taxes                    struct {
				Sum        string
				Categories []struct {
					Amount string
					Rates  []struct{ Base, Percent, Amount string }
				}
			}
		}
	}) {
		text, err := gobl(i, before)
		if err == nil {
			err = json.Unmarshal(text, &m)
		}
		if err != nil {
			t.Fatal(err)
		}
		// What GOBL would work out from the lines is what the totals say.
		sum, tax := yuan(0), yuan(0)
		for _, l := range m.Lines {
			a, err1 := money.Parse(l.Sum, money.CNY)
			s, err2 := sum.Add(a)
			if err := errors.Join(err1, err2); err != nil || l.Quantity != "1" || l.Item.Price != l.Sum || l.Total != l.Sum {
				t.Fatalf("line %+v %v", l, err)
			}
			sum = s
		}
		for _, r := range m.Totals.Taxes.Categories[0].Rates {
			a, err := money.Parse(r.Amount, money.CNY)
			if err != nil {
				t.Fatal(err)
			}
			tax, _ = tax.Add(a)
		}
		with, _ := sum.Add(tax)
		if m.Totals.Sum != sum.Plain() || m.Totals.Tax != tax.Plain() || m.Totals.Taxes.Sum != tax.Plain() || m.Totals.TotalWithTax != with.Plain() || m.Totals.Payable != with.Plain() {
			t.Errorf("totals %+v, lines %s and %s", m.Totals, sum, tax)
		}
		return m
	}
	d := answer
	d.Items = []Item{
		{Name: "a", Net: yuan(60_00), Rate: 600, Tax: yuan(3_60), Spec: "标准版", Quantity: "2", Unit: "套"},
		{Name: "b", Net: yuan(20_00), Rate: 1300, Tax: yuan(2_60)}, {Name: "c", Net: yuan(20_00), Rate: 600, Tax: yuan(1_20)},
	}
	d.Tax, d.Total = yuan(7_40), yuan(107_40)
	blue := Invoice{Number: d.Number, Kind: d.Kind, Net: d.Net, Tax: d.Tax, Total: d.Total, Document: d, IssuedAt: d.IssuedAt}
	m := read(t, blue, nil)
	rates := m.Totals.Taxes.Categories[0].Rates
	if m.Type != "standard" || m.Code != d.Number || m.IssueDate != "2026-03-03" || m.Supplier.TaxID.Country != "CN" || len(rates) != 2 ||
		rates[0].Percent != "6%" || rates[0].Base != "80.00" || rates[1].Percent != "13%" || m.Schema != "https://gobl.org/draft-0/bill/invoice" {
		t.Errorf("%+v", m)
	}
	red := Invoice{Number: taken.Number, Colour: Red, Kind: taken.Kind, Net: taken.Net, Tax: taken.Tax, Total: taken.Total, Document: taken, IssuedAt: taken.IssuedAt}
	if m := read(t, red, &blue); m.Type != "credit-note" || len(m.Preceding) != 1 || m.Preceding[0].Code != d.Number || m.Totals.Payable != "53.00" {
		t.Errorf("%+v", m)
	}
	for bp, want := range map[int64]string{0: "0%", 600: "6%", 1300: "13%", 150: "1.5%", 5: "0.05%"} {
		if got := percent(bp); got != want {
			t.Errorf("%d is %s", bp, got)
		}
	}
}
