package operatordesk_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"yunshi/internal/base/blob"
	"yunshi/internal/base/db"
	"yunshi/internal/base/money"
	"yunshi/internal/base/text"
	"yunshi/internal/edge/operatordesk"
	"yunshi/internal/edge/serve"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/delivery"
	"yunshi/internal/market/ledger"
	"yunshi/internal/market/payment"
	"yunshi/internal/market/reconciliation"
	"yunshi/internal/market/settlement"
	"yunshi/internal/testkit"
	"yunshi/internal/testkit/world"
)

// desk is the operator's desk over a world that trades.
type desk struct {
	*world.Trade
	t       *testing.T
	handler http.Handler
}

func cny(minor int64) money.Amount { return money.Amount{Minor: minor, Currency: money.CNY} }

func open(t *testing.T, d *db.DB, clock *testkit.Clock) *desk {
	t.Helper()
	w := world.NewTrade(t, d, clock)
	store, err := blob.Disk(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	gateways := map[string]payment.Gateway{world.Gateway: w.Provider}
	m := &serve.Market{
		DB: d, Blob: store, Gateways: gateways, Settling: settlement.Work{Gateways: gateways}, Books: w.Books, Log: slog.New(slog.DiscardHandler),
		Info: serve.Info{Market: "Yunshi", Operator: world.Operator, BaseURL: "http://market.example"},
	}
	handler, err := serve.New(m, serve.Surface{Routes: operatordesk.Routes(m, func(io.Reader) ([]payment.StatementLine, error) {
		return []payment.StatementLine{{BankRef: "B9", At: clock.Now(), Amount: cny(4200), Reference: "x"}}, nil
	}), MaxBody: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	w.Write(func(tx *db.Tx) error {
		if err := payment.Pull(t.Context(), tx, world.Gateway); err != nil {
			return err
		}
		return reconciliation.Start(t.Context(), tx)
	})
	return &desk{w, t, handler}
}

// browser is a person of the operator's in a session.
type browser struct {
	*desk
	token, lang string
}

func (d *desk) enter(by audit.Actor, lang string) *browser {
	d.t.Helper()
	b := &browser{desk: d, lang: lang}
	d.Write(func(tx *db.Tx) error {
		s, err := account.SignIn(d.t.Context(), tx, account.Credential{User: account.UserID(by.User), Account: account.ID(by.Account)}, account.Device{IP: "192.0.2.1", Method: "password"})
		b.token = s.Token
		return err
	})
	return b
}

func (b *browser) send(method, path string, form url.Values) (int, string, http.Header) {
	b.t.Helper()
	r := httptest.NewRequest(method, "http://market.example"+path, strings.NewReader(form.Encode()))
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", "http://market.example")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	r.AddCookie(&http.Cookie{Name: "yunshi_lang", Value: b.lang})
	r.AddCookie(&http.Cookie{Name: "yunshi_session", Value: b.token})
	w := httptest.NewRecorder()
	b.handler.ServeHTTP(w, r)
	return w.Code, w.Body.String(), w.Header()
}

// see gets a page that must be there.
func (b *browser) see(path string, words ...string) string {
	b.t.Helper()
	code, body, _ := b.send("GET", path, nil)
	if code != http.StatusOK {
		b.t.Fatalf("GET %s: %d", path, code)
	}
	for _, word := range words {
		if !strings.Contains(body, word) {
			b.t.Errorf("GET %s does not say %q", path, word)
		}
	}
	return body
}

func (b *browser) post(path string, want int, pairs ...string) string {
	b.t.Helper()
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	code, body, _ := b.send("POST", path, form)
	if code != want {
		b.t.Fatalf("POST %s: %d, want %d", path, code, want)
	}
	return body
}

var link = regexp.MustCompile(`href="(/operator/finance/[a-z]+/[a-z]{3}_[^"/]+)"`)

// first is the first link of a page to a thing of the kind.
func first(t *testing.T, body, kind string) string {
	t.Helper()
	for _, m := range link.FindAllStringSubmatch(body, -1) {
		if strings.HasPrefix(m[1], "/operator/finance/"+kind+"/") {
			return m[1]
		}
	}
	t.Fatalf("no link to one of %s", kind)
	return ""
}

// busy is a market with something of everything for finance.
func busy(d *desk) {
	buyer := d.Customer(account.LegalPerson)
	good := d.Listed(world.Content(delivery.LicenceKey, 200000))
	d.Bought(buyer, good)
	for range 7 {
		d.Clock.Advance(24 * time.Hour)
		d.Drain()
	}
	disputed := d.Bought(buyer, good)
	x := d.Provider.OpenDispute(disputed.Attempt, cny(200000), cny(1500))
	d.DisputeNotice(x.ProviderID)
	d.Provider.AddReportLine(payment.ReportLine{Kind: payment.ReportCapture, ProviderID: "cap-stray", Amount: cny(9900), At: d.Clock.Now()})
	d.Write(func(tx *db.Tx) error {
		_, err := payment.ImportStatement(d.t.Context(), tx, d.Finance, []payment.StatementLine{
			{BankRef: "B1", At: tx.Now(), Amount: cny(2500000), Reference: "deposit, I think", Counterparty: "Somebody Ltd", Account: "6222"},
			{BankRef: "B2", At: tx.Now(), Amount: cny(-800), Reference: "charges", Counterparty: "Bank", Account: "1"},
			{BankRef: "B3", At: tx.Now(), Amount: cny(5000), Reference: "for charges", Counterparty: "Operator", Account: "2"},
		})
		return err
	})
	d.Write(func(tx *db.Tx) error {
		if _, err := tx.Exec(d.t.Context(), `UPDATE vendor_merchant SET added_at = $1`, db.Micros(tx.Now())); err != nil {
			return err
		}
		_, err := settlement.Request(d.t.Context(), tx, d.Seller, d.Vendor, world.Gateway, cny(100000))
		return err
	})
	d.Drain()
	for range 2 {
		d.Clock.Advance(24 * time.Hour)
		d.Drain()
	}
}

func TestTheDeskOfFinance(t *testing.T) {
	testkit.EnginesAt(t, func(t *testing.T, dbase *db.DB, clock *testkit.Clock) {
		d := open(t, dbase, clock)
		busy(d)
		for _, lang := range []string{"zh", "en"} {
			one, boss := d.enter(d.Finance, lang), d.enter(d.Superadmin, lang)
			home := one.see("/operator/finance", "<svg", "¥")
			one.see("/operator/finance?span=year", "<svg")
			one.see("/operator")
			exception := first(t, one.see("/operator/finance/exceptions"), "exceptions")
			for _, path := range []string{
				"/operator/finance/exceptions?state=resolved", "/operator/finance/clearing", "/operator/finance/tax", "/operator/finance/months", "/operator/finance/splits",
				"/operator/finance/disputes", "/operator/finance/vendors/" + string(d.Vendor), first(t, home, "withdrawals"), exception, "/operator/book/trial", "/operator/book",
			} {
				one.see(path)
				if body := boss.see(path); strings.Contains(body, `action="/operator/finance`) {
					t.Errorf("a superadmin may act on %s", path)
				}
			}
		}
		if n := text.Missing(); n > 0 {
			t.Errorf("%d texts are missing", n)
		}
		for _, path := range []string{"/operator/finance", "/operator/finance/exceptions", "/operator/finance/tax"} {
			if code, _, _ := d.enter(d.Support, "en").send("GET", path, nil); code != http.StatusForbidden {
				t.Errorf("support sees %s: %d", path, code)
			}
		}
	})
}

func TestFinanceDecidesWithFourEyes(t *testing.T) {
	testkit.EnginesAt(t, func(t *testing.T, dbase *db.DB, clock *testkit.Clock) {
		d := open(t, dbase, clock)
		busy(d)
		one, two := d.enter(d.Finance, "en"), d.enter(d.Staff(account.Finance), "en")
		home := one.see("/operator/finance")

		withdrawal := first(t, home, "withdrawals")
		one.post(withdrawal, http.StatusUnprocessableEntity, "do", "reject", "idempotency_key", "w0")
		one.post(withdrawal, http.StatusSeeOther, "do", "approve", "idempotency_key", "w1")
		one.post(withdrawal, http.StatusForbidden, "do", "approve", "idempotency_key", "w2")
		two.post(withdrawal, http.StatusSeeOther, "do", "approve", "idempotency_key", "w3")
		d.Drain()
		if got := d.Balance(ledger.Payable, string(d.Vendor)); got != 80000 {
			t.Errorf("payable %d", got)
		}

		lines := map[string]string{}
		for _, m := range link.FindAllStringSubmatch(one.see("/operator/statements?state=unmatched"), -1) {
			for _, ref := range []string{"B1", "B2", "B3"} {
				if strings.Contains(m[1], "/lines/") && strings.Contains(one.see(m[1]), ">"+ref+"<") {
					lines[ref] = m[1]
				}
			}
		}
		one.post(lines["B2"], http.StatusUnprocessableEntity, "purpose", "deposit", "party", string(d.Vendor), "reason", "r", "evidence", "e")
		// Charges are not paid from money that is held for others.
		one.post(lines["B2"], http.StatusConflict, "purpose", "own", "reason", "bank charges of March", "evidence", "statement, page 2")
		one.post(lines["B3"], http.StatusSeeOther, "purpose", "own", "reason", "for bank charges", "evidence", "transfer of 3 March")
		one.post(lines["B2"], http.StatusSeeOther, "purpose", "own", "reason", "bank charges of March", "evidence", "statement, page 2")
		one.post(lines["B1"], http.StatusSeeOther, "purpose", "deposit", "party", string(d.Vendor), "reason", "the vendor's letter", "evidence", "letter of 3 March")
		decision := first(t, one.see("/operator/finance"), "decisions")
		one.post(decision, http.StatusForbidden, "do", "confirm")
		two.post(decision, http.StatusSeeOther, "do", "confirm")
		if got := d.Balance(ledger.Deposit, string(d.Vendor)); got != 2500000 {
			t.Errorf("deposit %d", got)
		}

		standing := "/operator/finance/vendors/" + string(d.Vendor)
		one.post(standing, http.StatusUnprocessableEntity, "do", "deduct", "amount", "100", "reason", "r")
		one.post(standing, http.StatusSeeOther, "do", "deduct", "amount", "100.00", "case", "case-1", "rule", "RB listing-3", "reason", "final decision")
		decision = first(t, one.see("/operator/finance"), "decisions")
		two.post(decision, http.StatusSeeOther, "do", "confirm")
		if got := d.Balance(ledger.Deposit, string(d.Vendor)); got != 2490000 {
			t.Errorf("deposit %d", got)
		}
		one.post(standing, http.StatusSeeOther, "do", "charge", "kind", "certification")

		exception := first(t, one.see("/operator/finance/exceptions"), "exceptions")
		one.post(exception, http.StatusUnprocessableEntity, "reason", " ")
		one.post(exception, http.StatusSeeOther, "reason", "asked the provider")
		one.post("/operator/finance/compare", http.StatusSeeOther)
		d.Drain()
		one.see(exception, "asked the provider")

		code, body, header := one.send("POST", "/operator/finance/tax", url.Values{"quarter": {"2026Q1"}, "as": {"csv"}})
		if code != http.StatusOK || !strings.Contains(body, string(d.Vendor)) || !strings.Contains(header.Get("Content-Disposition"), "2026Q1.csv") {
			t.Errorf("tax report: %d %v %s", code, header, body)
		}
	})
}
