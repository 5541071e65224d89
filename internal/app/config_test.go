package app

import (
	"bytes"
	"strings"
	"testing"
)

func TestStripesKeyAndTheKindOfMoneyAgree(t *testing.T) {
	whole := Config{StripeKey: "sk_test_1", StripeSecrets: "whsec_1"}
	real := Config{StripeKey: "rk_live_1", StripeSecrets: "whsec_1,whsec_2", RealMoney: true, BaseURL: "https://market.example"}
	for name, tt := range map[string]struct {
		config Config
		want   string
	}{
		"a test key":                    {whole, ""},
		"a live key and real money":     {real, ""},
		"a live key without real money": {Config{StripeKey: "sk_live_1", StripeSecrets: "whsec_1"}, "contradict"},
		"a test key with real money":    {Config{StripeKey: "sk_test_1", StripeSecrets: "whsec_1", RealMoney: true, BaseURL: "https://market.example"}, "contradict"},
		"no secret to prove notices by": {Config{StripeKey: "sk_test_1"}, "stripe_secrets"},
		"no Stripe":                     {Config{}, ""},
	} {
		err := tt.config.check()
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
		if err != nil && (strings.Contains(err.Error(), "live_1") || strings.Contains(err.Error(), "whsec_")) {
			t.Errorf("%s: the error tells a secret: %v", name, err)
		}
	}
	var out bytes.Buffer
	if err := real.Print(&out); err != nil || strings.Contains(out.String(), "live_1") || strings.Contains(out.String(), "whsec_") {
		t.Errorf("Print = %v:\n%s", err, out.String())
	}
}

func TestStripeIsOfferedWhenItHasAKey(t *testing.T) {
	a := &App{Config: Config{StripeKey: "sk_test_1", StripeSecrets: "whsec_1"}}
	all, offered, err := a.gateways(nil)
	if err != nil || len(offered) != 1 || offered[0] != "stripe" || all["stripe"] == nil || !all["stripe"].Capability().Test {
		t.Errorf("gateways = %v, %v", all, offered)
	}
	if hosts := payHosts(a.Config); len(hosts) != 1 || hosts[0] != "https://checkout.stripe.com" {
		t.Errorf("payHosts = %v", hosts)
	}
	if all, _, err := (&App{}).gateways(nil); err != nil || len(all) != 0 {
		t.Errorf("without a key: %v", all)
	}
}
