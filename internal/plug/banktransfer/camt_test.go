package banktransfer

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"yunshi/internal/base/fault"
	"yunshi/internal/market/payment"
)

func camt(version string, entries ...string) string {
	return `<?xml version="1.0" encoding="UTF-8"?><Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.` + version + `"><BkToCstmrStmt>
		<GrpHdr><MsgId>M1</MsgId></GrpHdr><Stmt><Id>S1</Id>` + strings.Join(entries, "") + `</Stmt></BkToCstmrStmt></Document>`
}

// entry is an ordinary entry in the form of a version.
func entry(version, ref, direction, amount string) string {
	status, name := "<Sts>BOOK</Sts>", "<Nm>Zhang San</Nm>"
	if version == "08" {
		status, name = "<Sts><Cd>BOOK</Cd></Sts>", "<Pty><Nm>Zhang San</Nm></Pty>"
	}
	return fmt.Sprintf(`<Ntry><Amt Ccy="CNY">%s</Amt><CdtDbtInd>%s</CdtDbtInd>%s<BookgDt><Dt>2026-03-02</Dt></BookgDt><AcctSvcrRef>%s</AcctSvcrRef>
		<NtryDtls><TxDtls><Refs><EndToEndId>NOTPROVIDED</EndToEndId></Refs><RltdPties><Dbtr>%s</Dbtr><DbtrAcct><Id><Othr><Id>6225</Id></Othr></Id></DbtrAcct>
		<Cdtr>%s</Cdtr><CdtrAcct><Id><IBAN>DE1</IBAN></Id></CdtrAcct></RltdPties>
		<RmtInf><Ustrd>P0123
			456789</Ustrd><Ustrd>thanks</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>`, amount, direction, status, ref, name, name)
}

func TestStatementsOfBothVersionsReadAlike(t *testing.T) {
	at := time.Date(2026, 3, 1, 16, 0, 0, 0, time.UTC)
	want := []payment.StatementLine{
		{BankRef: "B1", At: at, Amount: cny(198050), Reference: "P0123 456789 thanks", Counterparty: "Zhang San", Account: "6225"},
		{BankRef: "B2", At: at, Amount: cny(-1), Reference: "P0123 456789 thanks", Counterparty: "Zhang San", Account: "DE1"},
	}
	for _, version := range []string{"02", "08"} {
		lines, err := ParseStatement(strings.NewReader(camt(version,
			entry(version, "B1", "CRDT", "1980.50000"), entry(version, "B2", "DBIT", "0.01"), entry(version, "B2", "DBIT", "0.01"),
			`<Ntry><Amt Ccy="CNY">5</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>PDNG</Sts></Ntry>`)))
		if err != nil || !slices.Equal(lines, want) {
			t.Fatalf("%s: %v\n got %+v\nwant %+v", version, err, lines, want)
		}
	}
}

func TestABatchIsReadByItsParts(t *testing.T) {
	part := func(ref, amount, words string) string {
		return `<TxDtls><Refs><AcctSvcrRef>` + ref + `</AcctSvcrRef></Refs><Amt Ccy="CNY">` + amount + `</Amt><RmtInf><Ustrd>` + words + `</Ustrd></RmtInf></TxDtls>`
	}
	batch := func(amount string, parts ...string) string {
		return camt("08", `<Ntry><NtryRef>N7</NtryRef><Amt Ccy="CNY">`+amount+`</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>
			<BookgDt><DtTm>2026-03-02T10:30:00</DtTm></BookgDt><NtryDtls>`+strings.Join(parts, "")+`</NtryDtls></Ntry>`)
	}
	lines, err := ParseStatement(strings.NewReader(batch("30.00", part("A", "10.00", "one"), part("", "20.00", "two"))))
	if err != nil || len(lines) != 2 || lines[0].BankRef != "A" || lines[1].BankRef != "N7/2" || lines[1].Amount != cny(2000) || lines[1].Reference != "two" {
		t.Fatalf("%v %+v", err, lines)
	}
	if lines[0].At != time.Date(2026, 3, 2, 2, 30, 0, 0, time.UTC) {
		t.Errorf("at %s", lines[0].At)
	}
	if lines, err = ParseStatement(strings.NewReader(batch("30.01", part("A", "10.00", "one"), part("B", "20.00", "two")))); err == nil {
		t.Fatalf("parts that do not add up: %+v", lines)
	}
}

func TestAStatementThatCannotBeTrustedIsRefused(t *testing.T) {
	good := entry("02", "B1", "CRDT", "1.00")
	for name, c := range map[string]struct {
		file  string
		field string
	}{
		"another message":      {strings.ReplaceAll(camt("02", good), "camt.053", "pain.001"), "lines.6"},
		"a document type":      {`<!DOCTYPE Document [<!ENTITY x SYSTEM "file:///etc/passwd">]>` + strings.TrimPrefix(camt("02", good), `<?xml version="1.0" encoding="UTF-8"?>`), "lines.1"},
		"an entity":            {camt("02", entry("02", "B1", "CRDT", "&x;")), "lines.2"},
		"too deep":             {strings.Repeat("<a>", 40), "lines.1"},
		"cut off":              {camt("02", good)[:300], "lines.2"},
		"another charset":      {strings.Replace(camt("02", good), "UTF-8", "GB18030", 1), "lines.1"},
		"no direction":         {camt("02", entry("02", "B1", "", "1.00")), "lines.1.amount"},
		"a sign in the amount": {camt("02", good, entry("02", "B2", "CRDT", "-1.00")), "lines.2.amount"},
		"a third decimal":      {camt("02", entry("02", "B1", "CRDT", "1.005")), "lines.1.amount"},
		"more than 64 bits":    {camt("02", entry("02", "B1", "CRDT", "99999999999999999999")), "lines.1.amount"},
		"nothing moved":        {camt("02", entry("02", "B1", "CRDT", "0.00")), "lines.1.amount"},
		"unknown currency":     {strings.Replace(camt("02", good), `"CNY"`, `"ZZZ"`, 1), "lines.1.amount"},
		"no reference":         {camt("02", entry("02", "", "CRDT", "1.00")), "lines.1.bank_ref"},
		"no such day":          {strings.Replace(camt("02", good), "2026-03-02", "2026-02-30", 1), "lines.1.date"},
		"unknown status":       {strings.Replace(camt("02", good), "BOOK", "MAYB", 1), "lines.1.status"},
		"same number, other":   {camt("02", good, entry("02", "B1", "DBIT", "1.00")), "lines.2.bank_ref"},
	} {
		t.Run(name, func(t *testing.T) {
			lines, err := ParseStatement(strings.NewReader(c.file))
			all := fault.All(err)
			if lines != nil || len(all) != 1 || all[0].Field != c.field {
				t.Fatalf("got %v, want %s (%+v)", err, c.field, lines)
			}
		})
	}
}

func FuzzParseCAMT(f *testing.F) {
	for _, version := range []string{"02", "08"} {
		f.Add(camt(version, entry(version, "B1", "CRDT", "1980.50"), entry(version, "B2", "DBIT", "0.01")))
	}
	f.Add(`<!DOCTYPE a [<!ENTITY b "c">]><Document>&b;</Document>`)
	f.Fuzz(func(t *testing.T, file string) {
		lines, err := parseCAMT([]byte(file))
		if err != nil && lines != nil {
			t.Fatal("lines beside an error")
		}
		seen := map[string]bool{}
		for _, l := range lines {
			if l.BankRef == "" || l.At.IsZero() || l.Amount.IsZero() || !l.Amount.Currency.Known() || seen[l.BankRef] || strings.ContainsAny(l.Reference+l.BankRef, "\n\r\t") {
				t.Fatalf("a bad line passed: %+v", l)
			}
			seen[l.BankRef] = true
		}
	})
}
