package shop_test

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"yunshi/internal/base/db"
	"yunshi/internal/base/proof"
	"yunshi/internal/base/text"
	"yunshi/internal/base/tlog"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/delivery"
	"yunshi/internal/market/evidence"
	"yunshi/internal/testkit"
	"yunshi/internal/testkit/world"
)

var packLink = regexp.MustCompile(`href="(/orders/[^"]+/evidence/pck_[^"]+)"`)

// A buyer has the pack made and takes it; whoever holds the receipt sees what the
// log proves, and nothing about the buyer.
func TestTheBuyerTakesTheEvidenceAndAnybodyChecksTheReceipt(t *testing.T) {
	s := open(t)
	signing, key, err := tlog.GenerateKey(testkit.Rand("log"), "market.example/log")
	if err != nil {
		t.Fatal(err)
	}
	integrate := func(ctx context.Context) (int, error) {
		return audit.Integrate(ctx, s.DB, "market.example/log", signing)
	}
	s.With(evidence.Work{Parts: evidence.Parts(), Blob: s.files, Integrate: integrate}.Handlers())
	buyer := s.Customer(account.Individual)
	o := s.Bought(buyer, s.list(world.Content(delivery.HookNative, 19900)))
	mail := s.email(t, buyer)
	for _, lang := range []text.Lang{text.ZH, text.EN} {
		b := s.signedIn(t, lang, mail)
		path := "/orders/" + string(o.ID) + "/evidence"
		b.get("/orders/" + string(o.ID)).is(http.StatusOK)
		b.get(path).is(http.StatusOK)
		b.post(path, url.Values{"reason": {"review"}}).is(http.StatusUnprocessableEntity) // the operator's reason
		b.post(path, url.Values{"reason": {"mediation"}}).is(http.StatusOK)
		if a := b.get(path + "?part=packs"); !strings.Contains(a.body, "hx-get") {
			t.Errorf("nothing asks for news:\n%s", a.body)
		}
		s.Drain()
		ready := b.get(path)
		link := packLink.FindStringSubmatch(ready.body)
		if link == nil {
			t.Fatalf("no pack:\n%s", ready.body)
		}
		taken := b.get(link[1])
		taken.is(http.StatusOK)
		if _, err := proof.CheckPack([]byte(taken.body), key); err != nil || taken.header.Get("Cache-Control") != "no-store" {
			t.Errorf("the pack: %v", err)
		}
		receipt := b.get("/orders/" + string(o.ID) + "/receipt")
		at := strings.Index(receipt.body, "/verify/receipt/rec_")
		if at < 0 || !strings.Contains(receipt.body, "<svg role=\"img\"") {
			t.Fatalf("the receipt leads nowhere:\n%s", receipt.body)
		}
		public := receipt.body[at : at+strings.IndexByte(receipt.body[at:], '"')]
		anybody := s.browser(t, lang).get(public)
		anybody.is(http.StatusOK)
		if !strings.Contains(anybody.body, "Example Software") || !strings.Contains(anybody.body, "199.00") {
			t.Errorf("the receipt's proof says too little:\n%s", anybody.body)
		}
		for _, private := range []string{buyer.Account, buyer.User, mail, string(o.Line)} {
			if strings.Contains(anybody.body, private) {
				t.Errorf("the public page names %q", private)
			}
		}
		file := s.browser(t, lang).get(public + "/proof.json")
		bundle, err := proof.ParseBundle([]byte(file.body))
		if err == nil {
			_, err = bundle.Check(key)
		}
		if err != nil || strings.Contains(file.body, buyer.Account) || len(bundle.Records) != 1 || bundle.Records[0].Leaf != "" {
			t.Errorf("the proof of the receipt: %v\n%s", err, file.body)
		}
	}
	// Only payments have such a page.
	s.Read(func(r db.Reader) error {
		acts, err := audit.Of(t.Context(), r, string(o.ID))
		for _, a := range acts {
			want := http.StatusNotFound
			if a.Act == "order.paid" {
				want = http.StatusOK
			}
			s.browser(t, text.EN).get("/verify/receipt/" + a.ID).is(want)
		}
		return err
	})
}
