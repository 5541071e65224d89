package screen

import (
	"regexp"
	"slices"
	"strings"
)

var wallet = regexp.MustCompile(`(?:usdt|trc20|erc20|比特币|钱包地址|btc|eth)[^\n]{0,20}?\b(0x[0-9a-f]{40}|t[a-z0-9]{33}|bc1[a-z0-9]{20,60}|[13][a-z0-9]{25,34})\b`)

// payingSchemes open a payment app.
var payingSchemes = []string{"alipay", "alipays", "weixin", "wxp", "upwallet"}

// payees are hosts that exist to take money or to sell, each with everything below it.
var payees = []string{
	"qr.alipay.com", "render.alipay.com", "mobilecodec.alipay.com", "mapi.alipay.com", "excashier.alipay.com",
	"wx.tenpay.com", "payapp.weixin.qq.com", "qr.95516.com",
	"paypal.me", "paypal.com", "buy.stripe.com", "checkout.stripe.com", "invoice.stripe.com", "venmo.com", "cash.app",
	"gumroad.com", "lemonsqueezy.com", "buymeacoffee.com", "ko-fi.com", "patreon.com", "afdian.com", "afdian.net",
	"taobao.com", "tmall.com", "tb.cn", "jd.com", "yangkeduo.com", "pinduoduo.com", "goofish.com", "weidian.com", "youzan.com",
	"market.aliyun.com", "common-buy.aliyun.com", "market.cloud.tencent.com", "buy.cloud.tencent.com", "marketplace.huaweicloud.com",
}

// checkoutParts are path segments of pages where one pays; manuals about paying are told by docParts or docHosts.
var (
	checkoutParts = []string{"checkout", "cashier", "pay", "payment", "payments", "buy", "buynow", "buy-now", "cart", "order-pay"}
	docParts      = []string{"doc", "docs", "document", "documentation", "help", "guide", "manual", "api", "blog", "wiki", "reference", "support"}
	docHosts      = []string{"docs", "doc", "developer", "developers", "help", "support", "wiki", "opendocs"}
)

func paymentLinks(f folded, own []string) []Finding {
	var found []Finding
	if f.hasRun(23) && f.hasAny("usdt", "trc20", "erc20", "比特币", "钱包地址", "btc", "eth") {
		found = values(f, PaymentLink, wallet)
	}
	for start := 0; start < len(f.s); {
		if !inLink(f.s[start]) {
			start++
			continue
		}
		end := start
		for end < len(f.s) && inLink(f.s[end]) {
			end++
		}
		piece := strings.TrimRight(f.s[start:end], ".:!?]}")
		if from, ok := linkStart(piece); ok && takesMoney(piece[from:], own) {
			found = append(found, f.found(PaymentLink, start+from, start+len(piece), ""))
		}
		start = end
	}
	return found
}

// inLink reports whether a link may contain the byte in the middle of a sentence.
func inLink(b byte) bool { return b > ' ' && b < 0x7f && strings.IndexByte("\"'`<>(),;|", b) < 0 }

func inHost(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '.' || r == '-'
}

// linkStart returns where the link in a piece without spaces begins: at its scheme, or else at its host. A piece whose
// host part holds an @ and no scheme is an e-mail address.
func linkStart(piece string) (int, bool) {
	outside := func(r rune) bool { return !inHost(r) }
	if scheme := strings.Index(piece, "://"); scheme >= 0 {
		return strings.LastIndexFunc(piece[:scheme], outside) + 1, true
	}
	host := piece
	if end := strings.IndexAny(piece, "/?#"); end >= 0 {
		host = piece[:end]
	}
	dot := strings.IndexByte(host, '.')
	if dot < 0 || strings.Contains(host, "@") {
		return 0, false
	}
	return strings.LastIndexFunc(host[:dot], outside) + 1, true
}

// takesMoney judges a lower-case link, with or without its scheme.
func takesMoney(url string, own []string) bool {
	scheme, rest, hasScheme := strings.Cut(url, "://")
	if !hasScheme {
		scheme, rest = "", url
	}
	if slices.Contains(payingSchemes, scheme) {
		return rest != ""
	}
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	host := rest[strings.LastIndexByte(rest[:end], '@')+1 : end]
	host, _, _ = strings.Cut(host, ":")
	path, _, _ := strings.Cut(rest[end:], "?")
	parts := strings.FieldsFunc(path, func(r rune) bool { return r == '/' || r == '#' })
	first, _, _ := strings.Cut(host, ".")
	top := host[strings.LastIndexByte(host, '.')+1:]
	switch {
	case top == host, len(top) < 2, top[0] >= '0' && top[0] <= '9': // one word or a version number is no host
		return false
	case under(host, own), slices.Contains(docHosts, first), containsAny(parts, docParts):
		return false
	case under(host, payees):
		return true
	}
	return containsAny(parts, checkoutParts)
}

func under(host string, domains []string) bool {
	return slices.ContainsFunc(domains, func(d string) bool {
		d = strings.ToLower(d)
		return host == d || strings.HasSuffix(host, "."+d)
	})
}

func containsAny(parts, wanted []string) bool {
	return slices.ContainsFunc(parts, func(p string) bool { return slices.Contains(wanted, p) })
}

var (
	// Each has the pieces of which it needs one, because the patterns are slow.
	invitations = []struct {
		needs []string
		shape *regexp.Regexp
	}{
		{[]string{"加", "联系", "扫"}, regexp.MustCompile(`(?:加|添加|联系|扫)[^\s,;。!?]{0,6}(?:微信|薇信|v信|vx|qq|扣扣|企鹅|支付宝|wechat|whatsapp|telegram)[^\n;。!?]{0,24}?(?:转账|付款|支付|打款|汇款|交易|下单|购买|优惠|便宜|返现|报价|折扣)`)},
		{[]string{"转账", "付款", "打款", "汇款"}, regexp.MustCompile(`(?:转账|付款|打款|汇款)(?:到|至|给|进)(?:我|个人|私人|以下|下面|对公|支付宝|微信|银行|本公司|公司账)`)},
		{[]string{"私下", "线下", "站外", "场外", "平台"}, regexp.MustCompile(`(?:私下|线下|平台外|站外|场外|绕过平台|绕开平台|避开平台|不走平台|不经过?平台|脱离平台|跳过平台)(?:进行|直接)?[^\s,;。!?]{0,4}?(?:交易|付款|转账|支付|成交|下单|签约|购买|结算|打款)`)},
		{[]string{"转账", "打款", "付给", "转给"}, regexp.MustCompile(`(?:微信|支付宝|wechat|alipay)(?:上|里)?(?:直接)?(?:转账|打款|付给|转给)`)},
		{[]string{"directly", "outside", "off"}, regexp.MustCompile(`\b(?:pay|paying) (?:us |me |the vendor )?(?:directly|outside|off)(?: of)?\b[^\n.]{0,20}?\b(?:us|me|marketplace|market|platform|vendor)\b`)},
		{[]string{"outside the ", "outside of the ", "off-platform", "off platform"}, regexp.MustCompile(`\boutside (?:of )?the (?:market|marketplace|platform)\b|\boff[- ]platform (?:payment|deal|order|trade)`)},
		{[]string{"to me", "to us", "to our", "to my"}, regexp.MustCompile(`\b(?:wire|transfer|send) (?:the |your )?(?:money|payment|fee|funds?|amount) (?:directly )?to (?:me|us|our|my)\b`)},
		{[]string{"paypal", "venmo", "zelle", "western union", "whatsapp"}, regexp.MustCompile(`\b(?:via|by|through|with|on) (?:paypal|venmo|zelle|western union|whatsapp) (?:for|to get|and get) (?:a )?(?:discount|lower|cheaper)`)},
	}
	// warned stands before an invitation that is really a warning against it.
	warned = regexp.MustCompile(`(?:请勿|切勿|不要|不得|禁止|严禁|谨防|避免|拒绝|勿)(?:进行|在|通过|随意|参与|任何|以任何方式|与[^\s,;。]{1,4}){0,2}$|(?:do not|don't|don’t|never|must not|not|avoid|no) (?:ever |make |any |to )?$`)
)

func offPlatform(f folded) []Finding {
	if !f.hasAny("转账", "付款", "支付", "打款", "汇款", "付给", "转给", "交易", "下单", "购买", "优惠", "便宜", "返现", "报价", "折扣",
		"签约", "成交", "结算", "pay", "outside", "platform", "wire", "transfer", "send", "western union", "whatsapp", "venmo", "zelle") {
		return nil
	}
	var found []Finding
	for _, invitation := range invitations {
		if !f.hasAny(invitation.needs...) {
			continue
		}
		for _, loc := range invitation.shape.FindAllStringIndex(f.s, -1) {
			if !warned.MatchString(before(f.s, loc[0], 48)) {
				found = append(found, f.found(OffPlatform, loc[0], loc[1], ""))
			}
		}
	}
	return found
}
