package app

import (
	"cmp"
	"context"
	"crypto/rsa"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"

	"yunshi/internal/base/db"
	"yunshi/internal/base/mail"
	"yunshi/internal/edge/api"
	"yunshi/internal/edge/operatordesk"
	"yunshi/internal/edge/serve"
	"yunshi/internal/edge/shop"
	"yunshi/internal/edge/vendordesk"
	"yunshi/internal/market/account"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/catalog"
	"yunshi/internal/market/complaint"
	"yunshi/internal/market/content"
	"yunshi/internal/market/delivery"
	"yunshi/internal/market/enforcement"
	"yunshi/internal/market/entitlement"
	"yunshi/internal/market/identity"
	"yunshi/internal/market/infringement"
	"yunshi/internal/market/invoice"
	"yunshi/internal/market/job"
	"yunshi/internal/market/ledger"
	"yunshi/internal/market/message"
	"yunshi/internal/market/operation"
	"yunshi/internal/market/order"
	"yunshi/internal/market/payment"
	"yunshi/internal/market/privacy"
	"yunshi/internal/market/reconciliation"
	"yunshi/internal/market/refund"
	"yunshi/internal/market/report"
	"yunshi/internal/market/search"
	"yunshi/internal/market/settlement"
	"yunshi/internal/market/vendor"
	"yunshi/internal/plug/alipay"
	"yunshi/internal/plug/banktransfer"
	"yunshi/internal/plug/clamav"
	"yunshi/internal/plug/idreview"
	"yunshi/internal/plug/nativehook"
	"yunshi/internal/plug/outbound"
	"yunshi/internal/plug/sandboxpay"
	"yunshi/internal/plug/stripe"
	"yunshi/internal/plug/tencentspi"
	"yunshi/internal/plug/wechatpay"
)

// wire connects interfaces to adapters and hooks to packages, once, in the order
// of a purchase.
func (a *App) wire(further []payment.Gateway) (http.Handler, error) {
	gateways, methods, err := a.gateways(further)
	if err != nil {
		return nil, err
	}
	sender, err := a.sender()
	if err != nil {
		return nil, err
	}
	operations := operation.Rules{
		Affected: report.Affected, Concerns: report.Concerns, Left: report.RunOff, Lengthen: lengthen, Page: a.homePage,
	}
	intake := content.Work{Files: a.Blob} // without a screener of pictures a person looks at each
	if a.Config.ClamAV != "" {
		if intake.Scanner, err = clamav.New(a.Config.ClamAV); err != nil {
			return nil, fmt.Errorf("config: clamav: %w", err)
		}
	}
	refunds := refund.Rules{Breach: enforcement.BreachOf, Invoiced: refund.Invoiced, RedLetter: refund.RedLetter}
	complaints, texts := complaints(), contents()
	notices, measures := notices(texts), measures(texts, refunds)
	egress := outbound.New(outbound.Config{AllowLocal: a.Config.LocalHooks})
	deliveries := delivery.Work{
		Provisioners: map[string]delivery.Provisioner{},
		Hooks:        delivery.VendorHooks,
		Fields:       privacy.Pass,
		Delivered:    db.Chain(order.DeliveredTo, settlement.Delivered, refund.Delivered),
		Failed:       deliveryFailed,
	}
	for _, p := range []delivery.Provisioner{nativehook.New(egress), tencentspi.New(egress)} {
		deliveries.Provisioners[p.Dialect()] = p
	}
	settlements := settlement.Work{Gateways: gateways, Held: refund.Held}
	books := reconciliation.Work{Gateways: gateways, Bank: banktransfer.Name, Promises: report.Broken}
	payments := payment.Work{
		Gateways:     gateways,
		Bank:         banktransfer.Name,
		Collector:    a.Config.Operator,
		ReturnURL:    func(id string) string { return a.Config.BaseURL + "/orders/" + id },
		Captured:     db.Chain(order.Captured, settlements.Captured),
		RefundEnded:  db.Chain(order.RefundEnded, settlement.RefundEnded, refund.Ended),
		Deposit:      deposit,
		SplitEnded:   settlements.SplitEnded,
		ReturnEnded:  db.Chain(settlement.ReturnEnded, refund.Returned),
		PayoutMoved:  settlement.PayoutMoved,
		DisputeMoved: settlement.DisputeMoved,
	}
	handlers, err := handlersOf(
		identity.Work{Checker: idreview.Checker{}}.Handlers(),
		agreement.Work{Sender: sender, BaseURL: a.Config.BaseURL}.Handlers(),
		message.Work{Sender: sender, BaseURL: a.Config.BaseURL}.Handlers(),
		operation.Work{Rules: operations}.Handlers(),
		vendor.Work{Left: left}.Handlers(),
		catalog.Work{}.Handlers(),
		search.Work{}.Handlers(),
		payments.Handlers(),
		entitlement.Work{Expired: delivery.Expired}.Handlers(),
		deliveries.Handlers(),
		invoice.Work{RedConfirmed: refunds.InvoiceCleared}.Handlers(),
		order.Work{}.Handlers(),
		settlements.Handlers(),
		refund.Work{Rules: refunds}.Handlers(),
		enforcement.Work{Rules: measures}.Handlers(),
		books.Handlers(),
		complaint.Work{Rules: complaints, Sender: sender, BaseURL: a.Config.BaseURL}.Handlers(),
		infringement.Work{Rules: notices, Sender: sender, BaseURL: a.Config.BaseURL}.Handlers(),
		EvidenceWork(a.DB, a.Blob, a.signing).Handlers(),
		privacy.Work{Keep: privacy.Keepers(), Files: a.Blob, Used: report.FileUsed}.Handlers(),
	)
	if err != nil {
		return nil, err
	}
	a.Worker = job.NewWorker(a.DB, handlers, a.Log)
	a.Market = &serve.Market{
		DB: a.DB, Blob: a.Blob, Gateways: gateways, Methods: methods, Delivery: deliveries, Refund: refunds, Settling: settlements, Books: books,
		Operation: operations, Complaint: complaints, Notices: notices, Enforcing: measures, Files: intake, Talks: message.Talks{Parties: order.Parties},
		Content: texts, Keep: privacy.Keepers(), Log: a.Log,
		Info: serve.Info{
			Market: a.Config.Market, Operator: a.Config.Operator, Licences: licences(a.Config.Licence), Demo: a.Config.Demo,
			BaseURL: a.Config.BaseURL, PayHosts: payHosts(a.Config), Version: Version(), LogKey: a.Verifying,
			SecurityContact: cmp.Or(a.Config.Security, a.Config.MailFrom),
		},
	}
	programs, err := api.Routes(a.Market)
	if err != nil {
		return nil, err
	}
	pages := shop.Routes(a.Market)
	pages = append(pages, vendordesk.Routes(a.Market)...)
	pages = append(pages, operatordesk.Routes(a.Market, banktransfer.ParseStatement)...)
	a.pages, err = serve.New(a.Market, serve.Surface{Routes: pages, MaxBody: 64 << 20}, serve.Surface{Routes: programs, API: true, Prefix: api.Prefix, PerSecond: 500})
	return a.pages, err
}

// gateways are the providers by name, and those offered at checkout in order.
func (a *App) gateways(further []payment.Gateway) (map[string]payment.Gateway, []string, error) {
	all, offered := map[string]payment.Gateway{}, []string{}
	add := func(g payment.Gateway) {
		all[g.Name()] = g
		offered = append(offered, g.Name())
	}
	if a.Config.SandboxURL != "" {
		add(sandboxpay.NewGateway(&sandboxpay.Client{URL: a.Config.SandboxURL, Key: a.Config.SandboxKey}, a.Config.SandboxSecret))
	}
	if a.Config.AlipayApp != "" {
		g, err := alipay.New(a.alipay())
		if err != nil {
			return nil, nil, err
		}
		add(g)
	}
	if a.Config.StripeKey != "" {
		add(stripe.New(stripe.Config{Key: a.Config.StripeKey, Secrets: strings.Split(a.Config.StripeSecrets, ","), Account: a.Config.StripeAccount}))
	}
	if a.Config.WechatMchID != "" {
		g, err := wechat(a.Config)
		if err != nil {
			return nil, nil, err
		}
		add(g)
	}
	if a.Config.BankTransfer != "" {
		add(banktransfer.Gateway{Bank: a.Config.BankTransfer, Own: a.Config.BankOwn, Lines: a.statementLines})
	}
	for _, g := range further {
		add(g)
	}
	return all, offered, nil
}

// licensed refuses to serve with a gateway that the law under the agreement does
// not let collect. A law that comes into force later stops each payment instead.
func (a *App) licensed(ctx context.Context) error {
	return a.DB.Read(ctx, func(r db.Reader) error {
		law, err := agreement.LawInForce(ctx, r)
		if err != nil {
			return err
		}
		for name, g := range a.Market.Gateways {
			if err := payment.MayCollect(law, g.Capability()); err != nil {
				return fmt.Errorf("config: %s collects on the operator's own account, and the law under the agreement (%s) wants a licensed provider; unset bank_own_account: %w",
					name, law.Jurisdiction, err)
			}
		}
		return nil
	})
}

// alipay is the configuration of Alipay.
func (a *App) alipay() alipay.Config {
	c := a.Config
	return alipay.Config{
		AppID: c.AlipayApp, PrivateKey: c.AlipayKey, PublicKeys: strings.FieldsFunc(c.AlipayPublic, func(r rune) bool { return r == ',' }),
		UserID: c.AlipayAccount, SellerID: c.AlipaySeller, NotifyURL: c.BaseURL + "/gateway/" + alipay.Name, AppAuthToken: c.AlipayToken,
		AppCert: c.AlipayAppCert, RootCert: c.AlipayRootCert, QR: c.AlipayQR, Test: !c.RealMoney, BaseURL: c.AlipayURL,
	}
}

// wechat is WeChat Pay as the configuration has it.
func wechat(cfg Config) (payment.Gateway, error) {
	c := wechatpay.Config{
		MchID: cfg.WechatMchID, AppID: cfg.WechatAppID, Serial: cfg.WechatSerial, SecretKey: []byte(cfg.WechatSecret),
		NotifyURL: cfg.BaseURL + "/gateway/" + wechatpay.Name, Company: cfg.Operator,
	}
	text, err := os.ReadFile(cfg.WechatKeyFile)
	if err == nil {
		c.Key, err = wechatpay.ParsePrivateKey(text)
	}
	if err != nil {
		return nil, fmt.Errorf("config: wechat_key_file: %w", err)
	}
	if cfg.WechatPubID != "" {
		text, err := os.ReadFile(cfg.WechatPubFile)
		if err != nil {
			return nil, fmt.Errorf("config: wechat_public_file: %w", err)
		}
		key, err := wechatpay.ParsePublicKey(text)
		if err != nil {
			return nil, fmt.Errorf("config: wechat_public_file: %w", err)
		}
		c.PublicKeys = map[string]*rsa.PublicKey{cfg.WechatPubID: key}
	}
	return wechatpay.New(c)
}

// statementLines is what bank transfer reads: the lines that finance imported.
func (a *App) statementLines(ctx context.Context, code string) (lines []payment.StatementLine, err error) {
	err = a.DB.Read(ctx, func(r db.Reader) error {
		lines, err = payment.LinesOf(ctx, r, code)
		return err
	})
	return lines, err
}

func (a *App) sender() (mail.Sender, error) {
	if a.Config.MailHost == "" {
		a.Mail = &mail.Recorder{}
		return a.Mail, nil
	}
	host, port, _ := strings.Cut(a.Config.MailHost, ":")
	number := 0
	if port != "" {
		var err error
		if number, err = strconv.Atoi(port); err != nil {
			return nil, fmt.Errorf("config: mail_host: %w", err)
		}
	}
	return mail.SMTP(mail.SMTPConfig{Host: host, Port: number, Username: a.Config.MailUser, Password: a.Config.MailPassword, From: a.Config.MailFrom})
}

// deposit books a vendor's deposit that arrived with a statement line and tells
// the vendor's file.
func deposit(ctx context.Context, tx *db.Tx, line payment.StatementLine) error {
	id := vendor.ID(line.Vendor)
	if _, err := ledger.DepositIn(ctx, tx, string(line.ID), string(id), line.Amount, line.At); err != nil {
		return err
	}
	by := audit.Job("payment.line")
	by.Roles = []string{account.Finance} // finance imported the statement that the line stands on
	_, err := vendor.DepositReceived(ctx, tx, by, id, line.Amount, string(line.ID))
	return err
}

// deliveryFailed gives the money back, which ends an open request for it.
func deliveryFailed(ctx context.Context, tx *db.Tx, d delivery.Delivery, reason string) error {
	if err := order.DeliveryFailed(ctx, tx, d, reason); err != nil {
		return err
	}
	return refund.DeliveryFailed(ctx, tx, d, reason)
}

// left takes a vendor's products off the market when it has left.
func left(ctx context.Context, tx *db.Tx, id vendor.ID) error {
	return catalog.DelistAll(ctx, tx, audit.Job("vendor.exit"), id, catalog.Delisting{Cause: catalog.VendorPlanning, Scope: catalog.NoRenewal, Reason: "exit"}, entitlement.HoldersOf)
}

func licences(label string) []serve.Licence {
	if label == "" {
		return nil
	}
	return []serve.Licence{{Label: label}}
}

// payHosts are the origins that forms may lead to.
func payHosts(cfg Config) (hosts []string) {
	if u, err := url.Parse(cfg.SandboxURL); err == nil && u.Host != "" {
		hosts = append(hosts, u.Scheme+"://"+u.Host)
	}
	if cfg.AlipayApp != "" {
		hosts = append(hosts, alipay.PayHosts(cfg.AlipayURL)...)
	}
	if cfg.StripeKey != "" {
		hosts = append(hosts, stripe.PayHost)
	}
	return hosts
}
