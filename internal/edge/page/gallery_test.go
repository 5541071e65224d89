package page

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/a-h/templ"
	"golang.org/x/net/html"

	"yunshi/internal/base/fault"
	"yunshi/internal/base/money"
	"yunshi/internal/base/text"
)

// The gallery is every part of the design system on pages like the real ones, in
// both languages. Set YUNSHI_GALLERY to a folder to keep the files and look at
// them.

var now = time.Date(2026, 11, 22, 9, 30, 0, 0, time.UTC)

func yuan(minor int64) money.Amount { return money.Amount{Minor: minor, Currency: money.CNY} }

// words picks the sample text of the language.
func words(l text.Lang) func(zh, en string) string {
	return func(zh, en string) string {
		if l == text.ZH {
			return zh
		}
		return en
	}
}

// all renders components one after another.
func all(cs ...templ.Component) templ.Component { return templ.Join(cs...) }

// around renders a frame or box with children in it.
func around(outer templ.Component, inner ...templ.Component) templ.Component {
	return templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
		return outer.Render(templ.WithChildren(ctx, templ.Join(inner...)), w)
	})
}

func galleryChrome(l text.Lang, title string) Chrome {
	w := words(l)
	return Chrome{
		Title: title, Path: "/gallery?x=1",
		Market: w("云市", "Yunshi"), Operator: w("云市网络科技（深圳）有限公司", "Yunshi Network Technology (Shenzhen) Co., Ltd."),
		Licences: []Link{
			{Label: w("粤ICP备2026000001号", "ICP filing 2026000001 (Guangdong)"), Href: "https://beian.miit.gov.cn/"},
			{Label: w("营业执照 91440300MA5EXAMP1E", "Business licence 91440300MA5EXAMP1E"), Href: "/rules/licences"},
		},
		Banner: w("演示环境：不发生真实付款", "Demonstration: no real money moves"),
		Categories: []Link{
			{Label: w("全部产品", "All products"), Href: "/search", Current: true},
			{Label: w("数据库", "Databases"), Href: "/search?category=db"},
			{Label: w("安全", "Security"), Href: "/search?category=sec"},
			{Label: w("企业应用", "Business apps"), Href: "/search?category=apps"},
			{Label: w("开发工具", "Developer tools"), Href: "/search?category=dev"},
			{Label: w("镜像", "Images"), Href: "/search?category=img"},
			{Label: w("运维服务", "Operations services"), Href: "/search?category=ops"},
		},
		Person: w("陈晓", "Chen Xiao"), Account: w("杭州青石软件有限公司", "Hangzhou Bluestone Software"), Unread: 3,
		Menu: []Link{{Label: w("服务商后台", "Vendor desk"), Href: "/vendor"}},
	}
}

func galleryCards(l text.Lang) []ProductCard {
	w := words(l)
	return []ProductCard{
		{Href: "/p/1", Name: w("磐石 PostgreSQL 高可用版", "Bedrock PostgreSQL HA"), Vendor: w("杭州磐石数据有限公司", "Hangzhou Bedrock Data"), Summary: w("三节点同步复制，自动切换，按天备份，附带迁移工具与七乘二十四小时支持。", "Three synchronous nodes, automatic failover, daily backups and a migration tool."), Category: w("数据库", "Databases"), Kind: "SaaS", Stars: Stars{46, 128}, Price: Price{Amount: yuan(198000), Unit: w("月", "month"), From: true}},
		{Href: "/p/2", Name: w("堡垒机审计镜像", "Bastion audit image"), Vendor: w("北京守夜人科技", "Nightwatch Technology"), Summary: w("会话录像、命令审计、双人复核，满足等保要求。", "Session recording, command audit and four-eyes approval."), Category: w("安全", "Security"), Kind: w("镜像", "Image"), Stars: Stars{41, 7}, Price: Price{Amount: yuan(9900), Unit: w("年", "year")}, Sponsored: true},
		{Href: "/p/3", Name: w("快单进销存", "QuickOrder inventory"), Vendor: w("广州快单软件有限公司", "Guangzhou QuickOrder"), Summary: w("小微企业的采购、库存与开票，一个账号全部搞定。", "Purchasing, stock and invoicing for small companies."), Category: w("企业应用", "Business apps"), Kind: "SaaS", Price: Price{Amount: yuan(0)}},
		{Href: "/p/4", Name: w("网站备案代办", "Site filing service"), Vendor: w("深圳诚办信息", "Shenzhen Chengban"), Summary: w("材料准备、初审沟通、进度跟踪，未通过全额退款。", "Documents prepared, review followed up; refunded when refused."), Category: w("运维服务", "Operations services"), Kind: w("服务", "Service"), Stars: Stars{50, 1}, Price: Price{Amount: yuan(68000)}},
	}
}

func gallerySeller(l text.Lang) Seller {
	w := words(l)
	return Seller{Name: w("杭州磐石数据有限公司", "Hangzhou Bedrock Data Co., Ltd."), Shop: "/v/1", Verified: now.AddDate(0, -2, 0), VerifiedHow: w("营业执照与对公打款", "Business licence and corporate transfer"), Code: "91330106MA2EXAMP1E", Phone: "0571-0000 0000", Email: "support@example.com", Hours: w("工作日 9:00–18:00", "Working days 9:00–18:00"), ContactThread: "/messages/new?vendor=1", LicenceFile: "/v/1/licence"}
}

func galleryRefund() Refund {
	return Refund{Kind: RefundFull, Until: time.Date(2026, 11, 26, 15, 59, 0, 0, time.UTC), Clause: "UA 4.5"}
}

func galleryPages(ctx context.Context, l text.Lang) map[string]templ.Component {
	w := words(l)
	c := func(title string) Chrome { return galleryChrome(l, title) }

	var cards []templ.Component
	for _, p := range galleryCards(l) {
		cards = append(cards, Card(p))
	}
	facets := []Facet{
		{Title: w("交付方式", "Delivery"), Options: []FacetOption{{Label: "SaaS", Href: "?d=saas", Count: 120}, {Label: w("镜像", "Image"), Href: "?d=image", Count: 48, Current: true}, {Label: w("服务", "Service"), Href: "?d=service", Count: 9}}},
		{Title: w("价格", "Price"), Options: []FacetOption{{Label: w("免费", "Free"), Href: "?free=1", Count: 31}, {Label: w("付费", "Paid"), Href: "?free=0", Count: 146}}},
	}
	list := around(Shop(c(w("产品", "Products"))),
		around(Head(Heading{Title: w("企业软件与服务，一处选购", "Software and services for companies"), Lead: w("每个产品都标明销售方、退款规则和数据去向。", "Every product names its vendor, its refund rule and where your data goes.")})),
		around(Sidebar(Facets(facets)), around(Cards(), cards...), Pagination(Pages{Previous: "?before=1", Next: "?after=9", Note: w("第 21–24 项，共约 177 项", "21–24 of about 177")})))

	plans := []Plan{
		{ID: "1", Name: w("标准版", "Standard"), Price: Price{Amount: yuan(198000), Unit: w("月", "month")}, Includes: []string{w("三节点", "Three nodes"), w("每日备份，保留 7 天", "Daily backups kept 7 days")}, Chosen: true, Action: Action{Label: w("已选此规格", "Chosen"), Off: true, Wide: true}},
		{ID: "2", Name: w("企业版", "Enterprise"), Price: Price{Amount: yuan(598000), Unit: w("月", "month")}, Includes: []string{w("五节点，跨可用区", "Five nodes in two zones"), w("备份保留 30 天", "Backups kept 30 days"), w("专属支持", "Named support")}, Action: Action{Label: w("选择", "Choose"), Href: "?plan=2", Wide: true}},
	}
	buy := all(
		around(Panel(w("购买", "Buy")),
			around(Form(Send{Post: "/checkout", Key: "key_1", Inline: true}),
				SelectField(Field{Name: "term", Label: w("购买时长", "Term"), Required: true, Options: []Option{{Value: "1", Label: w("1 个月", "1 month")}, {Value: "12", Label: w("12 个月", "12 months")}}}),
				Sums([]Sum{{Label: w("标准版 × 1 个月", "Standard × 1 month"), Amount: yuan(198000)}, {Label: w("优惠", "Discount"), Amount: yuan(-10000)}, {Label: w("合计（含税）", "Total incl. tax"), Amount: yuan(188000), Total: true}}),
				RefundLine(galleryRefund()),
				Button(Action{Label: w("去结算 ", "Check out ") + MoneyText(ctx, yuan(188000)), Weight: Primary, Wide: true}))),
		SellerCard(gallerySeller(l), c("").Operator))
	pc := c(w("磐石 PostgreSQL 高可用版", "Bedrock PostgreSQL HA"))
	pc.Crumbs = []Link{{Label: w("首页", "Home"), Href: "/"}, {Label: w("数据库", "Databases"), Href: "/search?category=db"}, {Label: pc.Title}}
	product := around(Shop(pc),
		around(Head(Heading{Title: pc.Title, Lead: w("三节点同步复制的数据库，自动切换，按天备份。", "A database on three synchronous nodes, with automatic failover and daily backups."), Chip: Badge("SaaS")}), Rating(Stars{46, 128})),
		around(Columns(buy),
			around(Tabs(w("产品信息", "About the product"), []Tab{{Label: w("概览", "Overview"), Href: "#", Current: true}, {Label: w("评价", "Reviews"), Href: "#", Count: 128}, {Label: w("版本", "Versions"), Href: "#"}})),
			around(Section(w("规格", "Plans")), PlanTable(plans)),
			around(Section(w("如何交付", "How it is delivered")), around(Prose(), Str(w("付款后由服务商自动开通，通常在五分钟内完成；登录信息只对所选账号显示。", "Opened automatically after payment, usually within five minutes; sign-in data is shown only to the account chosen.")))),
			around(Panel(w("条款", "Terms")), Terms([]Term{{Label: w("使用账号", "Account"), Text: w("仅限付款时选择的账号", "Only the account chosen at payment")}, {Label: w("向服务商提供的数据", "Data the vendor receives"), Text: w("匿名用户编号、联系邮箱", "Pseudonymous user number, contact e-mail")}, {Label: w("条款文件", "Terms sheet"), Value: ID("sha256:9f86d081884c7d65")}, {Label: w("依据", "Basis"), Value: ClauseChip("UA 4.3")}}, false)),
			around(Fold(w("系统要求", "Requirements"), false), Str(w("任何支持 TLS 的客户端。", "Any client with TLS.")))))

	invalid := fault.New(fault.Invalid, "FIELD_INVALID", "")
	err := fault.List{fault.New(fault.Invalid, "PROFILE_INVALID", "UA 4.1"), invalid.In("email"), fault.New(fault.Invalid, "FIELD_REQUIRED", "").In("accept")}
	errs := FieldErrors(ctx, err)
	checkout := around(Shop(c(w("确认订单", "Check out"))),
		around(Head(Heading{Title: w("确认订单", "Check out")})),
		around(Stack(true),
			Stepper([]string{w("为谁购买", "For whom"), w("您同意什么", "What you agree to"), w("如何付款", "How you pay")}, 1),
			FaultBox(RefusalOf(ctx, err).For(Field{Name: "email", Label: w("联系邮箱", "Contact e-mail")}, Field{Name: "accept", Label: w("条款文件", "Terms sheet")})),
			around(Form(Send{Post: "/checkout", Key: "key_2", Files: true}),
				RadioField(Field{Name: "account", Label: w("由哪个账号使用", "Which account will use it"), Hint: w("付款后不能转给其他账号。", "It cannot be moved to another account after payment."), Required: true, Value: "a", Options: []Option{{Value: "a", Label: w("杭州青石软件有限公司", "Hangzhou Bluestone Software"), Hint: w("已实名认证", "Verified"), Aside: MoneyText(ctx, yuan(188000))}, {Value: "b", Label: w("陈晓（个人）", "Chen Xiao (individual)"), Hint: w("尚未实名认证", "Not verified"), Off: true}}}),
				TextField(Field{Name: "email", Label: w("联系邮箱", "Contact e-mail"), Hint: w("服务商会看到这个地址。", "The vendor will see this address."), Kind: "email", Autocomplete: "email", Value: "chen.xiao", Required: true, Error: errs["email"]}),
				PasswordField(Field{Name: "password", Label: w("密码", "Password"), Autocomplete: "current-password", Required: true, Width: "medium"}),
				MoneyField(Field{Name: "budget", Label: w("预算上限", "Budget limit"), Currency: "CNY", Value: "2000.00"}),
				TextareaField(Field{Name: "note", Label: w("给服务商的说明", "Note to the vendor"), MaxLength: 500}),
				FileField(Field{Name: "slip", Label: w("汇款凭证", "Transfer slip"), Accept: ".pdf"}),
				CheckboxGroup(Field{Name: "notices", Label: w("通知方式", "Notices"), Options: []Option{{Value: "mail", Label: w("邮件", "E-mail"), Chosen: true}, {Value: "sms", Label: w("短信", "SMS")}}}),
				around(CheckboxField(Field{Name: "accept", Label: w("我已阅读并同意条款文件", "I have read and accept the terms sheet"), Required: true, Error: errs["accept"]}), Anchor("/terms/1", w("查看条款（sha256:9f86…）", "Read the terms (sha256:9f86…)"))),
				RefundLine(galleryRefund()), SoldBy(gallerySeller(l).Name, c("").Operator),
				around(Buttons(), Submit(w("支付 ", "Pay ")+MoneyText(ctx, yuan(188000))), Button(Action{Label: w("返回修改", "Change"), Href: "/p/1"})))))

	order := around(Shop(c(w("订单", "Order"))),
		around(Head(Heading{Title: w("磐石 PostgreSQL 高可用版 · 标准版", "Bedrock PostgreSQL HA · Standard"), ID: "ord_01JD3Z8Q4W9N7T2K5M", Chip: Chip(Success, w("已支付", "Paid"))}), Button(Action{Label: w("申请退款", "Ask for refund"), Href: "/orders/1/refund", Icon: "refund"}), Button(Action{Label: w("开具发票", "Ask for invoice"), Href: "/orders/1/invoice", Icon: "file"})),
		around(Stack(true),
			around(Alert(Warning, w("付款尚待银行确认", "The bank has not confirmed the payment yet")), Muted(w("通常在一个工作日内完成。", "This usually takes one working day."))),
			around(Alert(Success, w("已保存", "Saved"))),
			around(Alert(Info, w("规则将于 12 月 1 日更新", "The rules change on 1 December"))),
			around(Columns(SellerCard(gallerySeller(l), c("").Operator)),
				around(Panel(w("进度", "Progress")), around(Poll("/orders/1/progress", 3), Timeline([]Event{
					{What: w("已下单", "Placed"), Who: w("陈晓", "Chen Xiao"), At: now.Add(-time.Hour), Tone: Success},
					{What: w("已付款", "Paid"), Who: w("微信支付", "WeChat Pay"), At: now.Add(-50 * time.Minute), Tone: Success, Note: MoneyText(ctx, yuan(188000))},
					{What: w("开通失败，正在重试", "Provisioning failed, trying again"), Who: gallerySeller(l).Name, At: now.Add(-40 * time.Minute), Tone: Warning},
					{What: w("退款期结束", "Refund window ends"), At: galleryRefund().Until, Ahead: true}}), Progress(w("5 步中的第 3 步", "Step 3 of 5"), 3, 5))),
				around(Fold(w("登录信息", "Sign-in data"), true), Terms([]Term{{Label: w("地址", "Address"), Text: "db-1.example.com:5432"}, {Label: w("密钥", "Key"), Value: ID("key-4f7a9c")}}, true)),
				Thread([]Post{{Who: gallerySeller(l).Name, Role: w("服务商", "Vendor"), At: now, Text: w("我们正在排查，今天内答复。", "We are looking into it and will answer today.")}, {Who: w("陈晓", "Chen Xiao"), At: now, Text: w("好的，谢谢。", "Thank you."), Mine: true}}),
				AuditTrail([]AuditEntry{{At: now, Who: w("陈晓", "Chen Xiao"), What: "order.placed", Clause: "UA 4.2", ID: "aud_01", Proof: "/log/1"}}),
				Skeleton(3))))

	nav := []NavItem{
		{Label: w("待办", "Due now"), Href: "/desk", Icon: "clock", Count: 7, Hot: true, Current: true, Section: w("工作", "Work")},
		{Label: w("订单", "Orders"), Href: "/desk/orders", Icon: "cart", Count: 2}, {Label: w("退款", "Refunds"), Href: "/desk/refunds", Icon: "refund", Count: 1}, {Label: w("发票", "Invoices"), Href: "/desk/invoices", Icon: "file"}, {Label: w("投诉", "Complaints"), Href: "/desk/complaints", Icon: "flag"},
		{Label: w("产品", "Products"), Href: "/desk/products", Icon: "box", Section: w("店铺", "Shop")}, {Label: w("收入", "Income"), Href: "/desk/income", Icon: "money"}, {Label: w("资料", "Dossier"), Href: "/desk/dossier", Icon: "shield"},
	}
	trend := []Point{{Value: 3}, {Value: 5}, {Value: 4}, {Value: 8}, {Value: 7}, {Value: 11}}
	var points []Point
	for i, v := range []int64{1200, 1850, 1400, 2600, 3100, 2900} {
		points = append(points, Point{Label: []string{"6", "7", "8", "9", "10", "11"}[i] + w(" 月", ""), Value: v, Text: text.Number(ctx, v)})
	}
	dc := c(w("待办", "Due now"))
	dc.Crumbs = []Link{{Label: w("服务商后台", "Vendor desk"), Href: "/desk"}, {Label: dc.Title}}
	columns := []Column{{Label: w("订单", "Order")}, {Label: w("客户", "Customer")}, {Label: w("状态", "State")}, {Label: w("金额", "Amount"), Num: true}, {Label: w("时间", "Time")}}
	row := func(id, who string, chip templ.Component, minor int64) []templ.Component {
		return []templ.Component{Anchor("/desk/orders/"+id, id), Str(who), chip, Money(yuan(minor)), Time(now)}
	}
	desk := around(Desk(dc, nav),
		around(Head(Heading{Title: w("今天要处理的事", "What is due"), Lead: w("按到期时间排序。", "Sorted by when it is due.")}), Button(Action{Label: w("导出", "Export"), Icon: "download", Href: "/desk/export"}), Button(Action{Label: w("发布产品", "List a product"), Weight: Primary, Icon: "plus", Href: "/desk/products/new"})),
		around(Stack(true),
			around(Tiles(), StatTile(Stat{Label: w("本月代收", "Collected this month"), Value: "¥128,400.00", Note: w("较上月增加 12%", "12% more than last month"), Tone: Success, Trend: trend, Href: "/desk/income"}), StatTile(Stat{Label: w("待开通", "To deliver"), Value: "2", Note: w("1 项已逾期", "1 overdue"), Tone: Danger, Trend: trend}), StatTile(Stat{Label: w("退款申请", "Refund requests"), Value: "1", Note: w("今天到期", "Due today"), Tone: Warning}), StatTile(Stat{Label: w("在售产品", "Listed products"), Value: "14"})),
			Queue(now, []QueueItem{
				{Href: "/1", Title: w("开通失败：磐石 PostgreSQL 标准版", "Delivery failed: Bedrock PostgreSQL Standard"), Who: w("杭州青石软件有限公司", "Hangzhou Bluestone Software"), ID: "ord_01JD3Z8Q4W", Chip: Chip(Danger, w("失败", "Failed")), Due: now.Add(-time.Hour)},
				{Href: "/2", Title: w("退款申请待答复", "Refund request to answer"), Who: w("成都山海科技", "Chengdu Shanhai"), ID: "rfd_01JD4", Chip: Chip(Warning, w("待答复", "To answer")), Due: now.Add(26 * time.Hour)},
				{Href: "/3", Title: w("开具增值税专用发票", "Issue a special VAT invoice"), Who: w("苏州云帆", "Suzhou Yunfan"), ID: "inv_77", Chip: Chip(Neutral, w("新", "New")), Due: now.Add(9 * 24 * time.Hour)}}, Empty{}),
			around(Columns(around(Panel(w("收入", "Income")), BarChart(Series{Finding: w("十月代收额最高", "October collected the most"), Axis: w("代收额（元）", "Collected (yuan)"), Points: points}))),
				DataTable(Table{Caption: w("最近订单", "Latest orders"), Columns: columns, Rows: [][]templ.Component{
					row("ord_01JD3Z8Q4W", w("杭州青石软件有限公司", "Hangzhou Bluestone Software"), Chip(Danger, w("开通失败", "Failed")), 188000),
					row("ord_01JD3Z8Q5A", w("成都山海科技", "Chengdu Shanhai"), Chip(Success, w("已交付", "Delivered")), 9900),
					row("ord_01JD3Z8Q6B", w("苏州云帆", "Suzhou Yunfan"), Chip(Info, w("开通中", "Delivering")), 1230000)},
					Foot: []templ.Component{Str(w("合计", "Total")), nil, nil, Money(yuan(1427900)), nil}}),
				DataTable(Table{Caption: w("投诉", "Complaints"), Columns: columns, Empty: Empty{Title: w("没有投诉", "No complaints"), Text: w("客户投诉后会出现在这里，并带有答复期限。", "Complaints appear here with the time to answer them."), Action: Action{Label: w("查看规则", "Read the rules"), Href: "/rules/complaints"}}}),
				FaultBox(Refusal{Text: text.T(ctx, "fault.DEPOSIT_SHORT", "Amount", "¥5,000.00"), Code: "DEPOSIT_SHORT", Clause: "ECL 58", Next: text.T(ctx, "fault.DEPOSIT_SHORT.next"), Action: Action{Label: w("缴纳保证金", "Pay the deposit"), Href: "/desk/deposit"}, Request: "req_9f86d081"}))))

	signin := around(Plain(Chrome{Title: text.T(ctx, "base.sign_in"), Path: "/signin", Market: c("").Market, Operator: c("").Operator, Licences: c("").Licences}),
		around(Head(Heading{Title: text.T(ctx, "base.sign_in"), Lead: w("使用注册邮箱登录。", "Use the e-mail you registered with.")})),
		around(Form(Send{Post: "/signin"}),
			TextField(Field{Name: "email", Label: text.T(ctx, "base.email"), Kind: "email", Autocomplete: "username", Required: true}),
			PasswordField(Field{Name: "password", Label: text.T(ctx, "base.password"), Autocomplete: "current-password", Required: true}),
			around(Buttons(), Submit(text.T(ctx, "base.sign_in")), Button(Action{Label: text.T(ctx, "base.register"), Href: "/register"}))))

	confirm := around(Shop(c(w("取消订单", "Cancel the order"))),
		Confirm(Confirmation{Title: w("取消这个订单？", "Cancel this order?"), Consequences: []string{w("服务商停止开通。", "The vendor stops delivery."), w("已付 ¥1,880.00 原路退回，一至五个工作日到账。", "The ¥1,880.00 you paid go back the way they came within five working days.")}, Undo: w("取消后不能恢复，可以重新下单。", "This cannot be undone; you can order again."), Clause: "UA 4.5", Post: "/orders/1/cancel", Key: "key_3", Label: w("取消订单", "Cancel the order"), Danger: true, Cancel: "/orders/1"}))

	return map[string]templ.Component{"list": list, "product": product, "checkout": checkout, "order": order, "desk": desk, "signin": signin, "confirm": confirm}
}

// TestEveryPartKeepsThePromisesOfThePage renders the gallery in both languages and
// checks it by meaning.
func TestEveryPartKeepsThePromisesOfThePage(t *testing.T) {
	folder := os.Getenv("YUNSHI_GALLERY")
	if folder == "" {
		folder = t.TempDir()
	}
	css := strings.TrimPrefix(Asset("app.css"), StaticPrefix)
	for _, l := range []text.Lang{text.ZH, text.EN} {
		ctx := text.With(context.Background(), l)
		for name, c := range galleryPages(ctx, l) {
			t.Run(string(l)+"/"+name, func(t *testing.T) {
				var b bytes.Buffer
				if err := c.Render(ctx, &b); err != nil {
					t.Fatal(err)
				}
				doc, err := html.Parse(bytes.NewReader(b.Bytes()))
				if err != nil {
					t.Fatal(err)
				}
				for _, fault := range Faults(doc) {
					t.Error(fault)
				}
				if !strings.Contains(b.String(), css) {
					t.Error("the page does not name the style sheet by its hash")
				}
				if l == text.EN && name != "list" && strings.ContainsRune(strings.ReplaceAll(b.String(), "中文", ""), '云') {
					t.Error("Chinese words on an English page")
				}
				if err := os.WriteFile(filepath.Join(folder, name+"-"+string(l)+".html"), b.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			})
		}
	}
}
