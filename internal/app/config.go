package app

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"

	"yunshi/internal/plug/alipay"
	"yunshi/internal/plug/stripe"
)

// Config is everything an operator can set. Its zero value runs a market on an
// embedded database in ./yunshi-data. Flags win over the environment
// (YUNSHI_…), the environment over the file. Fields marked secret are never
// printed.
type Config struct {
	Data     string `json:"data" default:"yunshi-data" help:"Folder for the embedded database, files and keys." env:"YUNSHI_DATA"`
	Database string `json:"database" help:"sqlite:/path/file.db or postgres://… (default: market.db in the data folder)." env:"YUNSHI_DATABASE" secret:"true"`
	Listen   string `json:"listen" default:"127.0.0.1:8080" help:"Address to serve on." env:"YUNSHI_LISTEN"`
	BaseURL  string `json:"base_url" help:"Public address of the market, such as https://market.example (default: the address it listens on)." env:"YUNSHI_BASE_URL"`

	Market         string `json:"market" default:"云市 Yunshi" help:"Name of the market." env:"YUNSHI_MARKET"`
	Operator       string `json:"operator" default:"Yunshi Operator" help:"Registered name of the operator." env:"YUNSHI_OPERATOR"`
	Licence        string `json:"licence" help:"Registration shown on every page, such as an ICP number." env:"YUNSHI_LICENCE"`
	Security       string `json:"security_contact" help:"Mail address or page to which weaknesses are reported (default: the sender address of mails)." env:"YUNSHI_SECURITY_CONTACT"`
	PlaceOfSigning string `json:"place_of_signing" help:"Place of signing of the agreement, zh|en (default: the agreement's own)." env:"YUNSHI_PLACE_OF_SIGNING"`
	GoverningLaw   string `json:"governing_law" help:"Law that governs the agreement, zh|en (default: the agreement's own)." env:"YUNSHI_GOVERNING_LAW"`

	RealMoney     bool   `json:"real_money" help:"Real payments: refuses to start with the sandbox provider." env:"YUNSHI_REAL_MONEY"`
	SandboxURL    string `json:"sandbox_url" help:"Address of a sandbox payment provider; empty: none." env:"YUNSHI_SANDBOX_URL"`
	SandboxKey    string `json:"sandbox_key" help:"API key at the sandbox provider." env:"YUNSHI_SANDBOX_KEY" secret:"true"`
	SandboxSecret string `json:"sandbox_secret" help:"Secret that signs the sandbox provider's notices." env:"YUNSHI_SANDBOX_SECRET" secret:"true"`
	StripeKey     string `json:"stripe_key" help:"Secret or restricted API key at Stripe; empty: no Stripe. A live key needs real_money." env:"YUNSHI_STRIPE_KEY" secret:"true"`
	StripeSecrets string `json:"stripe_secrets" help:"Secrets that sign Stripe's notices, separated by commas: one for each endpoint, two while one is changed." env:"YUNSHI_STRIPE_SECRETS" secret:"true"`
	StripeAccount string `json:"stripe_account" help:"The operator's own account at Stripe, acct_…" env:"YUNSHI_STRIPE_ACCOUNT"`
	WechatMchID   string `json:"wechat_mchid" help:"Platform merchant number (sp_mchid) at WeChat Pay; empty: no WeChat Pay." env:"YUNSHI_WECHAT_MCHID"`
	WechatAppID   string `json:"wechat_appid" help:"App id (sp_appid) bound to the merchant number." env:"YUNSHI_WECHAT_APPID"`
	WechatSerial  string `json:"wechat_serial" help:"Serial number of the merchant's API certificate." env:"YUNSHI_WECHAT_SERIAL"`
	WechatKeyFile string `json:"wechat_key_file" help:"File with the private key of the merchant's API certificate (apiclient_key.pem)." env:"YUNSHI_WECHAT_KEY_FILE"`
	WechatSecret  string `json:"wechat_secret" help:"APIv3 key, 32 characters." env:"YUNSHI_WECHAT_SECRET" secret:"true"`
	WechatPubID   string `json:"wechat_public_id" help:"Id of WeChat Pay's public key (PUB_KEY_ID_…); empty: platform certificates are downloaded." env:"YUNSHI_WECHAT_PUBLIC_ID"`
	WechatPubFile string `json:"wechat_public_file" help:"File with WeChat Pay's public key (pub_key.pem)." env:"YUNSHI_WECHAT_PUBLIC_FILE"`
	BankTransfer  string `json:"bank_transfer" help:"Bank or licensed provider that keeps the settlement accounts for bank transfers; empty: no transfers." env:"YUNSHI_BANK_TRANSFER"`
	BankOwn       string `json:"bank_own_account" help:"Number of the operator's own account for bank transfers, where no law wants a licensed provider; empty: transfers go to the vendor's account." env:"YUNSHI_BANK_OWN_ACCOUNT"`

	AlipayApp      string `json:"alipay_app" help:"Application id at Alipay with the product for marketplaces (互联网平台直付通); empty: no Alipay." env:"YUNSHI_ALIPAY_APP"`
	AlipayKey      string `json:"alipay_key" help:"Private key of the application, PEM or base64." env:"YUNSHI_ALIPAY_KEY" secret:"true"`
	AlipayPublic   string `json:"alipay_public" help:"Public keys or certificates of Alipay, PEM or base64, separated by commas: two while one is changed." env:"YUNSHI_ALIPAY_PUBLIC"`
	AlipayAccount  string `json:"alipay_account" help:"The operator's own account at Alipay, 2088…, that receives its shares." env:"YUNSHI_ALIPAY_ACCOUNT"`
	AlipaySeller   string `json:"alipay_seller" help:"Refuse notices of Alipay for another seller than this; empty: any." env:"YUNSHI_ALIPAY_SELLER"`
	AlipayToken    string `json:"alipay_token" help:"Token of the merchant that the application acts for; empty: for itself." env:"YUNSHI_ALIPAY_TOKEN" secret:"true"`
	AlipayAppCert  string `json:"alipay_app_cert" help:"Certificate of the application, PEM; empty: plain keys." env:"YUNSHI_ALIPAY_APP_CERT"`
	AlipayRootCert string `json:"alipay_root_cert" help:"Root certificates of Alipay, PEM." env:"YUNSHI_ALIPAY_ROOT_CERT"`
	AlipayQR       bool   `json:"alipay_qr" help:"Show a code to be scanned instead of Alipay's page." env:"YUNSHI_ALIPAY_QR"`
	AlipayURL      string `json:"alipay_url" help:"Address of Alipay, such as https://openapi-sandbox.dl.alipaydev.com/gateway.do to try it out (default: the real one, which needs real_money)." env:"YUNSHI_ALIPAY_URL"`

	MailHost     string `json:"mail_host" help:"SMTP server host:port; empty: mail is kept in memory and shown nowhere." env:"YUNSHI_MAIL_HOST"`
	MailUser     string `json:"mail_user" help:"SMTP user." env:"YUNSHI_MAIL_USER"`
	MailPassword string `json:"mail_password" help:"SMTP password." env:"YUNSHI_MAIL_PASSWORD" secret:"true"`
	MailFrom     string `json:"mail_from" help:"Sender address." env:"YUNSHI_MAIL_FROM"`

	S3Endpoint string `json:"s3_endpoint" help:"S3-compatible storage for files; empty: the data folder." env:"YUNSHI_S3_ENDPOINT"`
	S3Bucket   string `json:"s3_bucket" help:"Bucket." env:"YUNSHI_S3_BUCKET"`
	S3Key      string `json:"s3_key" help:"Access key." env:"YUNSHI_S3_KEY"`
	S3Secret   string `json:"s3_secret" help:"Secret key." env:"YUNSHI_S3_SECRET" secret:"true"`

	ClamAV string `json:"clamav" help:"ClamAV daemon that scans uploaded files, tcp://host:port or unix:///path; empty: a built-in check that knows the test file only." env:"YUNSHI_CLAMAV"`

	LocalHooks bool `json:"local_hooks" help:"Let vendors' delivery addresses be http and on this machine. For demonstrations only." env:"YUNSHI_LOCAL_HOOKS"`
	Demo       bool `json:"demo" help:"Show on every page that this is a demonstration." env:"YUNSHI_DEMO"`
	// UnsafeDurability accepts a server that may lose acknowledged commits. Only
	// tests set it; no flag, variable or file can.
	UnsafeDurability bool `json:"-" kong:"-"`
	// Unhurried lets statements take as long as they take: for commands beside the
	// market, which read or write all of it.
	Unhurried bool `json:"-" kong:"-"`

	Verbose bool `json:"verbose" help:"Log every request." env:"YUNSHI_VERBOSE"`
}

// Filled returns the configuration with its defaults, for callers that did not
// come through the command line.
func (c Config) Filled() Config {
	v := reflect.ValueOf(&c).Elem()
	for i := range v.NumField() {
		if field := v.Field(i); field.Kind() == reflect.String && field.String() == "" {
			field.SetString(v.Type().Field(i).Tag.Get("default"))
		}
	}
	return c
}

// DatabaseURL is where the market's database is.
func (c Config) DatabaseURL() string {
	if c.Database != "" {
		return c.Database
	}
	return "sqlite:" + filepath.Join(c.Data, "market.db")
}

// ReadFile reads a JSON configuration file. An unknown key is an error.
func ReadFile(path string) (Config, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return Config{}, fmt.Errorf("config: %w", err)
	}
	var c Config
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&c); err != nil {
		return Config{}, fmt.Errorf("config: %s: %w", path, err)
	}
	return c, nil
}

// Print writes the configuration in force, one setting a line, with its secrets
// hidden.
func (c Config) Print(w io.Writer) error {
	v := reflect.ValueOf(c)
	for i := range v.NumField() {
		field := v.Type().Field(i)
		if field.Tag.Get("json") == "-" {
			continue
		}
		value := fmt.Sprint(v.Field(i).Interface())
		if field.Tag.Get("secret") == "true" && value != "" {
			value = "(hidden)"
		}
		if _, err := fmt.Fprintf(w, "%-18s %s\n", field.Tag.Get("json"), value); err != nil {
			return err
		}
	}
	return nil
}

// check refuses combinations that must not serve anybody.
func (c Config) check() error {
	var errs []error
	if c.RealMoney && c.SandboxURL != "" {
		errs = append(errs, errors.New("config: real_money is on and sandbox_url is set; the sandbox provider moves no money. Unset one of them"))
	}
	if c.RealMoney && (c.Demo || c.LocalHooks) {
		errs = append(errs, errors.New("config: real_money excludes demo and local_hooks"))
	}
	if c.RealMoney && !strings.HasPrefix(c.BaseURL, "https://") {
		errs = append(errs, errors.New("config: real_money needs an https base_url"))
	}
	if c.BankOwn != "" && c.BankTransfer == "" {
		errs = append(errs, errors.New("config: bank_own_account needs bank_transfer, the name of the bank"))
	}
	if c.SandboxURL != "" && (c.SandboxKey == "" || c.SandboxSecret == "") {
		errs = append(errs, errors.New("config: sandbox_url needs sandbox_key and sandbox_secret"))
	}
	if c.AlipayApp != "" && c.RealMoney != alipay.Live(c.AlipayURL) {
		errs = append(errs, errors.New("config: real_money and alipay_url contradict each other: the real Alipay needs real_money, any other address excludes it"))
	}
	if c.StripeKey != "" {
		if c.StripeSecrets == "" {
			errs = append(errs, errors.New("config: stripe_key needs stripe_secrets"))
		}
		if c.RealMoney != stripe.Live(c.StripeKey) {
			errs = append(errs, errors.New("config: real_money and stripe_key contradict each other: with real_money the key is a live one, without it a test key"))
		}
	}
	if c.WechatMchID != "" && (c.WechatAppID == "" || c.WechatSerial == "" || c.WechatKeyFile == "" || c.WechatSecret == "" || (c.WechatPubID == "") != (c.WechatPubFile == "")) {
		errs = append(errs, errors.New("config: wechat_mchid needs wechat_appid, wechat_serial, wechat_key_file and wechat_secret; wechat_public_id and wechat_public_file belong together"))
	}
	if c.WechatMchID != "" && !c.RealMoney {
		errs = append(errs, errors.New("config: wechat_mchid moves real money and needs real_money"))
	}
	return errors.Join(errs...)
}
