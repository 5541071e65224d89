package sandboxpay

import (
	"bytes"
	"crypto/hmac"
	"embed"
	"encoding/json"
	"html/template"
	"net/http"
	"net/url"
	"strings"
	"time"

	"yunshi/internal/base/money"
)

//go:embed page
var pageFiles embed.FS

// payTemplate and words are read once at start; a damaged embed is a defect of
// the build and must not start.
var (
	payTemplate     = template.Must(template.ParseFS(pageFiles, "page/pay.html"))
	controlTemplate = template.Must(template.ParseFS(pageFiles, "page/control.html"))
	words           = map[string]map[string]string{"zh": readWords("zh"), "en": readWords("en")}
)

func readWords(lang string) map[string]string {
	raw, err := pageFiles.ReadFile("page/" + lang + ".json")
	if err != nil {
		panic(err)
	}
	var out map[string]string
	if err := json.Unmarshal(raw, &out); err != nil {
		panic(err)
	}
	return out
}

// delayedNotice is how late the notification comes when the payer asks for it.
const delayedNotice = time.Minute

// payView is what the template sees.
type payView struct {
	Lang, OtherLang string
	Words           map[string]string
	Payment         Payment
	Amount          string
	Expires         string
	ReturnHost      string
}

func (p *Provider) payPage(w http.ResponseWriter, r *http.Request) {
	payment, known := p.linked(r)
	if !known {
		http.NotFound(w, r)
		return
	}
	p.showPay(w, r, payment, http.StatusOK)
}

func (p *Provider) showPay(w http.ResponseWriter, r *http.Request, payment Payment, status int) {
	lang, other := pageLanguages(r, payment.Locale)
	view := payView{Lang: lang, OtherLang: other, Words: words[lang], Payment: payment,
		Amount: money.Amount{Minor: payment.Amount, Currency: money.Currency(payment.Currency)}.Format(lang)}
	if !payment.ExpiresAt.IsZero() {
		view.Expires = payment.ExpiresAt.In(chinaTime).Format("2006-01-02 15:04") + " (UTC+8)"
	}
	returnTo, err := url.Parse(payment.ReturnURL)
	if err != nil {
		http.Error(w, "", http.StatusInternalServerError)
		return
	}
	view.ReturnHost = returnTo.Host
	// Browsers apply form-action to the redirect that follows a form as well.
	p.show(w, payTemplate, view, status, returnTo.Scheme+"://"+returnTo.Host)
}

// show writes a page. Its forms go to this server or are sent on to the address.
func (p *Provider) show(w http.ResponseWriter, page *template.Template, view any, status int, sentOn string) {
	var body bytes.Buffer
	if err := page.Execute(&body, view); err != nil {
		p.cfg.Log.Error("sandboxpay: page", "error", err)
		http.Error(w, "", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", strings.TrimSpace("default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self' "+sentOn))
	w.WriteHeader(status)
	w.Write(body.Bytes())
}

// payDecision takes the payer's choice and sends the browser back to the shop.
// A second click, or a payment that ended meanwhile, shows the page as it is.
func (p *Provider) payDecision(w http.ResponseWriter, r *http.Request) {
	payment, known := p.linked(r)
	if !known {
		http.NotFound(w, r)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxRequest)
	decided, err := p.decide(payment.ID, r.PostFormValue("choice"))
	if err != nil {
		p.cfg.Log.Error("sandboxpay: decide", "error", err)
		http.Error(w, "", http.StatusServiceUnavailable)
		return
	}
	if !decided {
		p.mu.Lock()
		payment = *p.payments[payment.ID]
		p.mu.Unlock()
		p.showPay(w, r, payment, http.StatusConflict)
		return
	}
	http.Redirect(w, r, payment.ReturnURL, http.StatusSeeOther)
}

// decide reports whether the choice was taken; only an open payment takes one.
func (p *Provider) decide(id, choice string) (bool, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	payment, now := *p.payments[id], p.now()
	if payment.Status != PaymentCreated || (!payment.ExpiresAt.IsZero() && !now.Before(payment.ExpiresAt)) {
		return false, nil
	}
	switch choice {
	case "pay":
		return true, p.pay(payment, now, 0)
	case "pay_late":
		return true, p.pay(payment, now, delayedNotice)
	case "decline":
		return true, p.end(payment, PaymentFailed, "declined", now)
	}
	return false, nil
}

// linked finds the payment of a payment link.
func (p *Provider) linked(r *http.Request) (Payment, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	payment, known := p.payments[r.PathValue("id")]
	if !known || !hmac.Equal([]byte(r.PathValue("token")), []byte(p.linkToken(payment.ID))) {
		return Payment{}, false
	}
	return *payment, true
}

// pageLanguage is what the link asks for, else what the shop asked for, else
// what the browser prefers; Chinese when nothing says English.
func pageLanguage(r *http.Request, locale string) string {
	for _, wish := range []string{r.URL.Query().Get("lang"), locale, r.Header.Get("Accept-Language")} {
		switch {
		case strings.HasPrefix(wish, "zh"):
			return "zh"
		case strings.HasPrefix(wish, "en"):
			return "en"
		}
	}
	return "zh"
}

// pageLanguages are the language of a page and the other one.
func pageLanguages(r *http.Request, locale string) (lang, other string) {
	if pageLanguage(r, locale) == "en" {
		return "en", "zh"
	}
	return "zh", "en"
}

func serveCSS(w http.ResponseWriter, _ *http.Request) {
	css, err := pageFiles.ReadFile("page/pay.css")
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	w.Header().Set("Cache-Control", "public, max-age=300")
	w.Write(css)
}
