package screen

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"yunshi/internal/base/cn"
)

// kinds returns what was found, once each, in the order of the text.
func kinds(found []Finding) []Kind {
	var out []Kind
	for _, f := range found {
		if !slices.Contains(out, f.Kind) {
			out = append(out, f.Kind)
		}
	}
	return out
}

func TestScanFinds(t *testing.T) {
	for _, c := range []struct {
		text string
		kind Kind
		at   string // what the finding covers
	}{
		{"卡号6225881234567898谢谢", BankCard, "6225881234567898"},
		{"6225 8812 3456 7898", BankCard, "6225 8812 3456 7898"},
		{"6225-8812-3456-7898。", BankCard, "6225-8812-3456-7898"},
		{"６２２５８８１２３４５６７８９８", BankCard, "６２２５８８１２３４５６７８９８"},
		{"6225\u200b88123456\u200b7898", BankCard, "6225\u200b88123456\u200b7898"},
		{"日期2026-11-22 6225881234567898", BankCard, "6225881234567898"},
		{"6 2 2 5 8 8 1 2 3 4 5 6 7 8 9 8", BankCard, "6 2 2 5 8 8 1 2 3 4 5 6 7 8 9 8"},
		{"62 25 88 12 34 56 78 98", BankCard, "62 25 88 12 34 56 78 98"},
		{"3714 496353 98431", BankCard, "3714 496353 98431"},
		{"6217 0000 0000 0000 012", BankCard, "6217 0000 0000 0000 012"},
		{"my card is 4532450000000006", BankCard, "4532450000000006"},
		{"银行卡：100000000008", BankCard, "100000000008"},
		{"身份证 110101190001010014", ResidentID, "110101190001010014"},
		{"11010119010101002x", ResidentID, "11010119010101002x"},
		{"110101 19010101 002X", ResidentID, "110101 19010101 002X"},
		{"编号123456 110101190001010014", ResidentID, "110101190001010014"},
		{"110101203012310012不会", ResidentID, "110101203012310012"},
		{"密码:abc123", Password, "abc123"},
		{"密码： 123456。", Password, "123456"},
		{"服务器密码是Passw0rd!", Password, "Passw0rd"},
		{"口令=hunter", Password, "hunter"},
		{"密码123456", Password, "123456"},
		{"root password is s3cr3t-99, thanks", Password, "s3cr3t-99"},
		{"PWD: Zx9", Password, "Zx9"},
		{`"api_key": "AKID9z8y7x"`, Password, "AKID9z8y7x"},
		{"加我QQ 12345678", Contact, "12345678"},
		{"ＱＱ号：12345678", Contact, "12345678"},
		{"qq:12345678@qq.com", Contact, "12345678"},
		{"微信号：zhang_san", Contact, "zhang_san"},
		{"我的微信 zs2026abc", Contact, "zs2026abc"},
		{"加V信13800138000", Contact, "13800138000"},
		{"WeChat: zhang-san-01", Contact, "zhang-san-01"},
		{"付款 https://qr.alipay.com/fkx01abc。", PaymentLink, "https://qr.alipay.com/fkx01abc"},
		{"打开 wxp://f2f0abcdef 即可", PaymentLink, "wxp://f2f0abcdef"},
		{"PayPal.me/someone", PaymentLink, "PayPal.me/someone"},
		{"buy at https://shop.example.org/checkout?id=1!", PaymentLink, "https://shop.example.org/checkout?id=1"},
		{"https://item.taobao.com/item.htm?id=5", PaymentLink, "https://item.taobao.com/item.htm?id=5"},
		{"链接:paypal.me/someone", PaymentLink, "paypal.me/someone"},
		{"url=https://user@checkout.stripe.com/c/1,谢谢", PaymentLink, "https://user@checkout.stripe.com/c/1"},
		{"http://example.org:8080/a/pay/", PaymentLink, "http://example.org:8080/a/pay/"},
		{"USDT 地址 0x00112233445566778899aabbccddeeff00112233", PaymentLink, "0x00112233445566778899aabbccddeeff00112233"},
		{"对公账户：4000 0222 0920 0123 456", BankAccount, "4000 0222 0920 0123 456"},
		{"银行账号 755912345610901", BankAccount, "755912345610901"},
		{"开户行：招商银行深圳分行\n账号：755912345610901", BankAccount, "755912345610901"},
		{"IBAN: DE89 3704 0044 0532 0130 00", BankAccount, "DE89 3704 0044 0532 0130 00"},
		{"bank account no. 755912345610901", BankAccount, "755912345610901"},
		{"加微信转账", OffPlatform, "加微信转账"},
		{"可以加我的微信，直接付款更优惠", OffPlatform, "加我的微信，直接付款"},
		{"请打款到个人账户", OffPlatform, "打款到个人"},
		{"我们线下签约吧", OffPlatform, "线下签约"},
		{"平台手续费高，不要走平台，线下交易", OffPlatform, "线下交易"},
		{"支付宝直接转账", OffPlatform, "支付宝直接转账"},
		{"You can pay us directly, outside the marketplace", OffPlatform, "outside the marketplace"},
		{"Wire the money to our account", OffPlatform, "Wire the money to our"},
		{"本活动最终解释权归本公司所有", VoidTerm, "最终解释权"},
		{"We keep the right of final interpretation.", VoidTerm, "right of final interpretation"},
		{"用户不得投诉", VoidTerm, "不得投诉"},
		{"国家级安全产品", Superlative, "国家级"},
		{"行业第一的数据库", Superlative, "行业第一"},
		{"最佳选择", Superlative, "最佳"},
		{"The World's Best backup", Superlative, "World's Best"},
	} {
		found := Scan(c.text)
		hit := slices.ContainsFunc(found, func(f Finding) bool { return f.Kind == c.kind && c.text[f.Start:f.End] == c.at })
		if !hit {
			t.Errorf("%q: no %s at %q in %v", c.text, c.kind, c.at, found)
		}
	}
}

func TestScanLeavesHarmlessTextAlone(t *testing.T) {
	for _, text := range []string{
		"", "普通的一句话。", "a plain sentence.",
		"6225881234567899",               // fails Luhn
		"订单 20261122211438123",           // a timestamp
		"1795334400000000",               // microseconds
		"24442000000123456789",           // an e-invoice number has 20 digits
		"0000000000000000",               //
		"电话 0755-86013388 或 13800138000", //
		"110101190001010015",             // wrong check character
		"1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16",
		"192.168.100.100 10.0.0.1:8080",
		"密码长度为8-20位", "密码：8-20位字符", "请重置密码", "忘记密码？", "password: required", "Password: ********", "密码：<您的密码>", "密码：{{password}}",
		"重置密码：https://example.com/reset", "the password is case sensitive", "token bucket",
		"QQ浏览器", "qq 1234", "兼容微信小程序", "WeChat payments", "supports vxlan1000", "wechat: official account",
		"https://docs.example.com/payment/start", "https://example.com/docs/checkout", "https://example.com/features", "https://developer.paypal.com/api", "mail a@paypal.com",
		"展示 example.com 和 v1.2.3", "and/or pay", "v1.2/pay", "support/v1.2/pay", "a.b@paypal.com", "时间 10:30/pay", "https://example.com/?next=/pay", "支付宝支付接口SDK", "支持微信支付和支付宝",
		"请勿线下交易", "谨防私下转账", "禁止在线下交易", "Do not pay outside. Never pay us directly", "平台内付款后发货",
		"按合同付款给付金额", "账户余额 100", "云账号 100012345678",
		"数据库最佳实践", "最高级别权限", "顶级域名解析", "最优化算法", "最新版本", "第一步", "唯一标识",
		"本协议的解释", "您可以投诉或起诉", "best practice",
	} {
		if found := Scan(text); len(found) > 0 {
			t.Errorf("%q: %v", text, found)
		}
	}
}

func TestAnIdentityNumberIsNotAlsoACard(t *testing.T) {
	const number = "440305190402290208" // passes the Luhn check too
	if !cn.Luhn(number) {
		t.Fatal("the example no longer shows anything")
	}
	if got := kinds(Scan("卡号 " + number)); !slices.Equal(got, []Kind{ResidentID}) {
		t.Error(got)
	}
}

func TestOwnPagesAreNotForeignCheckouts(t *testing.T) {
	s := Scanner{OwnHosts: []string{"Market.example.com"}}
	for text, want := range map[string]int{
		"https://market.example.com/checkout/1": 0, "https://cn.market.example.com/cart": 0,
		"https://evilmarket.example.com/checkout/1": 1, "https://market.example.com.evil.org/checkout": 1,
	} {
		if found := s.Scan(text); len(found) != want {
			t.Errorf("%s: %v", text, found)
		}
	}
}

func TestClause_4_6_SecretsAreWarnedOfStoppedOrRefused(t *testing.T) {
	for _, c := range []struct {
		name, text      string
		private, public Verdict
	}{
		{"allowed_plain", "请问怎么安装", Pass, Pass},
		{"allowed_contact_with_warning", "QQ 12345678", Warn, Warn},
		{"refused_public_card", "6225881234567898", Warn, Refuse},
		{"refused_public_identity_number", "110101190001010014", Warn, Refuse},
		{"refused_public_password", "密码：abc123", Warn, Refuse},
		{"stopped_card_with_password", "卡6225881234567898 密码：123456", Confirm, Refuse},
		{"stopped_identity_number_with_password", "110101190001010014 pwd=abc123", Confirm, Refuse},
	} {
		t.Run(c.name, func(t *testing.T) {
			found := Scan(c.text)
			if private, public := Sensitive(Private, found), Sensitive(Public, found); private != c.private || public != c.public {
				t.Errorf("private %d, public %d; found %v", private, public, found)
			}
		})
	}
}

func TestClause_4_11_OutsidePaymentIsWarnedOfOrRefused(t *testing.T) {
	for _, c := range []struct {
		name, text      string
		private, public Verdict
	}{
		{"allowed_in_market", "请在云市场下单", Pass, Pass},
		{"allowed_warning_of_it", "请勿线下交易", Pass, Pass},
		{"refused_bank_account_in_terms", "请付款，对公账户 755912345610901", Warn, Refuse},
		{"refused_link", "https://qr.alipay.com/abc", Warn, Refuse},
		{"refused_invitation", "加微信转账，给您优惠", Warn, Refuse},
	} {
		t.Run(c.name, func(t *testing.T) {
			found := Scan(c.text)
			if private, public := Outside(Private, found), Outside(Public, found); private != c.private || public != c.public {
				t.Errorf("private %d, public %d; found %v", private, public, found)
			}
		})
	}
}

func TestClause_4_7_1_ListedTermsAreHeldForAPerson(t *testing.T) {
	lexicon := NewLexicon([]string{"违禁甲", "违禁甲乙", "badword", "", " "})
	for _, c := range []struct {
		name, text, term string
		want             Verdict
	}{
		{"allowed", "一条正常的评价", "", Pass},
		{"allowed_latin_inside_a_word", "badwordsmith notbadword", "", Pass},
		{"refused_plain", "这里有违禁甲。", "违禁甲", Hold},
		{"refused_longest", "违禁甲乙", "违禁甲乙", Hold},
		{"refused_hidden_by_signs", "违 禁*甲", "违禁甲", Hold},
		{"refused_hidden_by_invisible_characters", "违\u200b禁\u2060甲", "违禁甲", Hold},
		{"refused_full_width_capitals", "ＢＡＤＷＯＲＤ!", "badword", Hold},
		{"refused_latin_after_chinese", "这是badword吗", "badword", Hold},
	} {
		t.Run(c.name, func(t *testing.T) {
			found := Scanner{Lexicon: lexicon}.Scan(c.text)
			if got := Illegal(found); got != c.want {
				t.Errorf("verdict %d, found %v", got, found)
			}
			if c.want == Hold && (len(found) != 1 || found[0].Term != c.term) {
				t.Errorf("found %v, want %q", found, c.term)
			}
		})
	}
	if found := (Lexicon{}).Scan("违禁甲"); found != nil {
		t.Error("an empty lexicon found", found)
	}
}

func TestVoidTermsAndSuperlativesAreRefused(t *testing.T) {
	if got := Void(Scan("最终解释权归我司")); got != Refuse {
		t.Error(got)
	}
	if got := Void(Scan("争议由双方协商解决")); got != Pass {
		t.Error(got)
	}
	if got := Boastful(Scan("全网最低价")); got != Refuse {
		t.Error(got)
	}
	if got := Boastful(Scan("最佳实践文档")); got != Pass {
		t.Error(got)
	}
}

func TestMaskHidesWhatWasFoundAndNothingElse(t *testing.T) {
	for _, c := range [][2]string{
		{"卡6225881234567898，密码：abc123。", "卡****************，密码：******。"},
		{"ＱＱ：12345678 谢谢", "ＱＱ：******** 谢谢"},
		{"没有", "没有"},
		{"6225\u200b881234567898", "*****************"},
	} {
		if got := Mask(c[0], Scan(c[0])); got != c[1] {
			t.Errorf("%q became %q, want %q", c[0], got, c[1])
		}
	}
	if got := Mask("ab\xffcd", []Finding{{Start: 1, End: 2}, {Start: 90, End: 99}, {Start: -5, End: 0}}); got != "a*\xffcd" {
		t.Errorf("%q", got)
	}
	found := Scan("6225881234567898 密码：abc123")
	if got := Mask("6225881234567898 密码：abc123", Only(found, Password)); got != "6225881234567898 密码：******" {
		t.Error(got)
	}
}

func BenchmarkScan(b *testing.B) {
	text := strings.Repeat("本产品提供云端数据库备份，支持 MySQL 8.0 与 PostgreSQL 15。See https://example.com/features for more. ", 10)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		Scan(text)
	}
}

func BenchmarkScanHostile(b *testing.B) {
	text := strings.Repeat("qq密码:账户pay6225 ", 500)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		Scan(text)
	}
}

func FuzzScan(f *testing.F) {
	for _, text := range []string{"卡6225881234567898 密码：abc123", "加微信转账 https://qr.alipay.com/x", "\xff\xfe6225", "ﬃ㍿½６", "İ密码:ıabc", "违 禁*甲", "微信：zhang_san 最佳"} {
		f.Add(text)
	}
	s := Scanner{Lexicon: NewLexicon([]string{"违禁甲", "ab", "ﬃ"}), OwnHosts: []string{"example.com"}}
	f.Fuzz(func(t *testing.T, text string) {
		found := s.Scan(text)
		for _, x := range found {
			if x.Start < 0 || x.Start >= x.End || x.End > len(text) {
				t.Fatalf("%q: %v", text, x)
			}
			if utf8.ValidString(text) && !utf8.ValidString(text[x.Start:x.End]) {
				t.Fatalf("%q: %v cuts a character", text, x)
			}
		}
		if !slices.IsSortedFunc(found, func(a, b Finding) int { return a.Start - b.Start }) {
			t.Fatalf("%q: out of order", text)
		}
		if masked := Mask(text, found); utf8.RuneCountInString(masked) != utf8.RuneCountInString(text) {
			t.Fatalf("%q became %q", text, masked)
		}
	})
}
