package app

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"yunshi/internal/plug/wechatpay"
)

func wechatConfig() Config {
	return Config{
		BaseURL: "https://market.example", RealMoney: true, WechatMchID: "1900007291", WechatAppID: "wx8888888888888888", WechatSerial: "5157F09E",
		WechatKeyFile: "../plug/wechatpay/testdata/merchant_key.pem", WechatSecret: "0123456789abcdef0123456789ABCDEF",
	}.Filled()
}

func TestWeChatPayIsOfferedWhenItIsConfigured(t *testing.T) {
	cfg := wechatConfig()
	if err := cfg.check(); err != nil {
		t.Fatal(err)
	}
	all, offered, err := (&App{Config: cfg}).gateways(nil)
	if err != nil || !slices.Equal(offered, []string{wechatpay.Name}) || all[wechatpay.Name] == nil || all[wechatpay.Name].Capability().Test {
		t.Errorf("%v, %v", offered, err)
	}
	cfg.WechatMchID = ""
	if _, offered, err := (&App{Config: cfg}).gateways(nil); err != nil || len(offered) != 0 {
		t.Errorf("without a merchant number: %v, %v", offered, err)
	}
	var shown strings.Builder
	if err := wechatConfig().Print(&shown); err != nil || strings.Contains(shown.String(), "0123456789abcdef") || !strings.Contains(shown.String(), "1900007291") {
		t.Errorf("%v\n%s", err, shown.String())
	}
}

func TestWeChatPayHalfConfiguredIsRefused(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"no app":                    func(c *Config) { c.WechatAppID = "" },
		"no serial":                 func(c *Config) { c.WechatSerial = "" },
		"no key":                    func(c *Config) { c.WechatKeyFile = "" },
		"no secret":                 func(c *Config) { c.WechatSecret = "" },
		"an id without its key":     func(c *Config) { c.WechatPubID = "PUB_KEY_ID_1" },
		"a key without its id":      func(c *Config) { c.WechatPubFile = "pub_key.pem" },
		"no real money":             func(c *Config) { c.RealMoney = false },
		"together with the sandbox": func(c *Config) { c.SandboxURL, c.SandboxKey, c.SandboxSecret = "https://sandbox.example", "k", "s" },
		"no https":                  func(c *Config) { c.BaseURL = "http://market.example" },
	} {
		cfg := wechatConfig()
		change(&cfg)
		if err := cfg.check(); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Config){
		"no such key file":    func(c *Config) { c.WechatKeyFile = empty + ".not" },
		"an empty key file":   func(c *Config) { c.WechatKeyFile = empty },
		"no such public file": func(c *Config) { c.WechatPubID, c.WechatPubFile = "PUB_KEY_ID_1", empty+".not" },
		"an empty public key": func(c *Config) { c.WechatPubID, c.WechatPubFile = "PUB_KEY_ID_1", empty },
		"a short secret":      func(c *Config) { c.WechatSecret = "short" },
	} {
		cfg := wechatConfig()
		change(&cfg)
		if _, _, err := (&App{Config: cfg}).gateways(nil); err == nil || strings.Contains(err.Error(), cfg.WechatSecret) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
