package app

import (
	"os"
	"path/filepath"
	"testing"
)

func TestAlipay_NeedsRealMoneyExactlyWhereItMoves(t *testing.T) {
	const other = "https://openapi-sandbox.dl.alipaydev.com/gateway.do"
	for _, c := range []struct {
		name    string
		cfg     Config
		allowed bool
	}{
		{"allowed_none", Config{}, true},
		{"allowed_to_try_out", Config{AlipayApp: "2021", AlipayURL: other}, true},
		{"allowed_for_real", Config{AlipayApp: "2021", RealMoney: true, BaseURL: "https://market.example"}, true},
		{"refused_real_without_real_money", Config{AlipayApp: "2021"}, false},
		{"refused_trial_with_real_money", Config{AlipayApp: "2021", AlipayURL: other, RealMoney: true, BaseURL: "https://market.example"}, false},
	} {
		if err := c.cfg.check(); (err == nil) != c.allowed {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestAlipay_IsOfferedWhenItIsConfigured(t *testing.T) {
	key := func(name string) string {
		text, err := os.ReadFile(filepath.Join("..", "plug", "alipay", "testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	a := &App{Config: Config{
		BaseURL: "https://market.example", AlipayApp: "2021", AlipayKey: key("app.pem"), AlipayAccount: "2088",
		AlipayPublic: key("app.pub.pem") + "," + key("alipay.pub.pem"), AlipayURL: "https://openapi-sandbox.dl.alipaydev.com/gateway.do",
	}}
	all, offered, err := a.gateways(nil)
	if err != nil || len(offered) != 1 || all["alipay"] == nil || !all["alipay"].Capability().Test {
		t.Errorf("gateways = %v, %v, %v", all, offered, err)
	}
	a.Config.AlipayKey = "no key"
	if _, _, err := a.gateways(nil); err == nil {
		t.Error("a market opens without Alipay's keys")
	}
}
