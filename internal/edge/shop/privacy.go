package shop

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/db"
	"yunshi/internal/base/fault"
	"yunshi/internal/base/text"
	"yunshi/internal/edge/page"
	"yunshi/internal/edge/serve"
	"yunshi/internal/market/account"
	"yunshi/internal/market/agreement"
	"yunshi/internal/market/catalog"
	"yunshi/internal/market/content"
	"yunshi/internal/market/privacy"
	"yunshi/internal/market/report"
	"yunshi/internal/market/vendor"
)

// PrivacyPath is where people see and steer what happens to their data.
const PrivacyPath = page.AccountPath + "/privacy"

// dataView is everything a person can see and do about the own data.
type dataView struct {
	Owner       bool
	Consents    []privacy.Consent
	Disclosures []privacy.Disclosure
	Requests    []privacy.Request
	Names       map[vendor.ID]string
	Closing     *privacy.Closing
	Now         time.Time
	Refusal     *page.Refusal
	Keys        [4]string

	Kind, To, Text, Form, Secret, Name, Mobile, Sure, Share, ShareWith page.Field
}

func myData(c *serve.Call) error { return showData(c, nil) }

func showData(c *serve.Call, failed error) error {
	ctx := c.R.Context()
	errs := page.FieldErrors(ctx, failed)
	v := dataView{Owner: c.Actor.Has(account.Owner), Names: map[vendor.ID]string{}, Now: c.Now()}
	for i := range v.Keys {
		v.Keys[i] = freshKey()
	}
	var receivers, partners []vendor.ID
	err := c.Read(func(r db.Reader) (err error) {
		if !v.Owner {
			return nil
		}
		if v.Consents, err = privacy.Consents(ctx, r, c.Account()); err != nil {
			return err
		}
		if v.Disclosures, err = privacy.Disclosures(ctx, r, c.Account()); err != nil {
			return err
		}
		if v.Requests, err = privacy.Requests(ctx, r, c.Account()); err != nil {
			return err
		}
		if v.Closing, err = privacy.Current(ctx, r, c.Account()); err != nil {
			return err
		}
		if partners, err = privacy.Partners(ctx, r, c.Account()); err != nil {
			return err
		}
		for _, id := range partners {
			one, err := vendor.Get(ctx, r, id)
			if err != nil {
				return err
			}
			v.Names[id] = one.RegisteredName
			if may, err := mayReceive(ctx, r, id); err != nil {
				return err
			} else if may {
				receivers = append(receivers, id)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	v.fields(c, errs, partners, receivers)
	v.Refusal = refusal(c, failed, v.Share, v.ShareWith, v.Kind, v.To, v.Text, v.Secret, v.Name, v.Mobile, v.Sure)
	frame := chrome(c, text.T(ctx, "privacy.page.title"), accountCrumb(c))
	frame.Path = PrivacyPath
	return show(c, refusalStatus(failed), dataPage(frame, v))
}

func (v *dataView) fields(c *serve.Call, errs map[string]string, partners, receivers []vendor.ID) {
	ctx := c.R.Context()
	v.Kind = field(c, errs, page.Field{Name: "kind", Label: text.T(ctx, "privacy.page.kind"), Required: true})
	for _, k := range privacy.Asked {
		v.Kind.Options = append(v.Kind.Options, page.Option{Value: string(k), Label: text.T(ctx, "privacy.request.kind."+string(k))})
	}
	v.To = field(c, errs, page.Field{Name: "vendor", Label: text.T(ctx, "privacy.page.to"), Hint: text.T(ctx, "privacy.page.to.hint"), Required: true})
	v.To.Options = []page.Option{{Value: "operator", Label: text.T(ctx, "privacy.page.operator", "Operator", c.Market.Info.Operator)}}
	for _, id := range partners {
		v.To.Options = append(v.To.Options, page.Option{Value: string(id), Label: v.Names[id]})
	}
	v.Text = field(c, errs, page.Field{Name: "text", Label: text.T(ctx, "privacy.page.text"), Hint: text.T(ctx, "privacy.page.text.hint"), MaxLength: 2000})
	v.Form = page.Field{Name: "form", Label: text.T(ctx, "privacy.page.form"), Required: true, Value: "html", Options: []page.Option{
		{Value: "html", Label: text.T(ctx, "privacy.page.form.html")}, {Value: "json", Label: text.T(ctx, "privacy.page.form.json")},
	}}
	v.Secret = page.Field{Name: "password", Label: text.T(ctx, "base.password"), Hint: text.T(ctx, "privacy.page.password.hint"), Required: true, Autocomplete: "current-password", Error: errs["password"]}
	v.Name = field(c, errs, page.Field{Name: "name", Label: text.T(ctx, "base.name"), Required: true, MaxLength: 100, Autocomplete: "name"})
	if v.Name.Value == "" {
		v.Name.Value = c.User.Name
	}
	v.Mobile = field(c, errs, page.Field{Name: "mobile", Label: text.T(ctx, "base.mobile"), Hint: text.T(ctx, "privacy.page.mobile.hint"), Kind: "tel", Autocomplete: "tel", Width: "medium"})
	v.Sure = page.Field{Name: "sure", Label: text.T(ctx, "privacy.page.close.sure"), Required: true, Error: errs["sure"]}
	v.Share = shareField(ctx, errs)
	v.ShareWith = field(c, errs, page.Field{Name: "share_with", Label: text.T(ctx, "privacy.recipient.vendor"), Required: true})
	for _, id := range receivers {
		v.ShareWith.Options = append(v.ShareWith.Options, page.Option{Value: string(id), Label: v.Names[id]})
	}
}

// shareField asks which fields a vendor may have; nothing is ticked beforehand.
func shareField(ctx context.Context, errs map[string]string) page.Field {
	f := page.Field{Name: "share", Label: text.T(ctx, "privacy.share"), Quiet: true, Error: errs["fields"]}
	for _, one := range privacy.Offered {
		f.Options = append(f.Options, page.Option{Value: string(one), Label: text.T(ctx, "privacy.field."+string(one))})
	}
	return f
}

// mayReceive reports whether a vendor may get data of customers at all.
func mayReceive(ctx context.Context, r db.Reader, id vendor.ID) (bool, error) {
	err := privacy.MayReceive(ctx, r, id)
	if f, refused := fault.Of(err); refused && f.Kind == fault.Forbidden {
		return false, nil
	}
	return err == nil, err
}

// ticked are the fields that a form lets a vendor have.
func ticked(c *serve.Call) []privacy.Field {
	if c.R.PostForm == nil {
		_ = c.R.ParseForm() // PostFormValue has read it already, or it cannot be read and nothing is ticked
	}
	var out []privacy.Field
	for _, one := range privacy.Offered {
		if slices.Contains(c.R.PostForm["share"], string(one)) {
			out = append(out, one)
		}
	}
	return out
}

func giveConsent(c *serve.Call) error {
	in := privacy.Giving{Account: c.Account(), Vendor: vendor.ID(c.R.PostFormValue("share_with")), Fields: ticked(c), Method: privacy.OnDataPage, Lang: c.Lang}
	return onData(c, "privacy.give", []string{"UA 5.4.1"}, in, func(ctx context.Context, tx *db.Tx) error {
		_, err := privacy.Give(ctx, tx, c.Actor, in)
		return err
	})
}

func withdrawConsent(c *serve.Call) error {
	id := privacy.ConsentID(c.R.PathValue("id"))
	return onData(c, "privacy.withdraw", []string{"UA 5.4.1"}, id, func(ctx context.Context, tx *db.Tx) error {
		_, err := privacy.Withdraw(ctx, tx, c.Actor, id)
		return err
	})
}

func askAboutData(c *serve.Call) error {
	in := privacy.Asking{Kind: privacy.RequestKind(c.R.PostFormValue("kind")), Vendor: vendor.ID(c.R.PostFormValue("vendor")), Text: c.R.PostFormValue("text")}
	if in.Vendor == "operator" {
		in.Vendor = ""
	}
	return onData(c, "privacy.ask", []string{"UA 6.2"}, in, func(ctx context.Context, tx *db.Tx) error {
		_, err := privacy.Ask(ctx, tx, c.Actor, in)
		return err
	})
}

func correctData(c *serve.Call) error {
	name, mobile := c.R.PostFormValue("name"), c.R.PostFormValue("mobile")
	return onData(c, "account.correct", []string{"PIPL 46"}, nil, func(ctx context.Context, tx *db.Tx) error {
		return account.Correct(ctx, tx, c.Actor, name, mobile, content.Words(content.Person))
	})
}

func closeAccount(c *serve.Call) error {
	if c.R.PostFormValue("sure") == "" {
		return showData(c, privacy.ErrRequired.In("sure"))
	}
	if err := proven(c); err != nil {
		return again(c, err, showData)
	}
	return onData(c, "privacy.close", []string{"UA 8.5"}, nil, func(ctx context.Context, tx *db.Tx) error {
		_, err := privacy.Close(ctx, tx, c.Actor)
		return err
	})
}

func reopenAccount(c *serve.Call) error {
	return onData(c, "privacy.call_off", []string{"UA 8.5"}, nil, func(ctx context.Context, tx *db.Tx) error { return privacy.CallOff(ctx, tx, c.Actor) })
}

// onData does one thing on the page and comes back to it.
func onData(c *serve.Call, name string, clauses []string, in any, do func(ctx context.Context, tx *db.Tx) error) error {
	err := serve.Act(c, serve.Intent{Name: name, Input: in, Subjects: []string{c.Actor.Account}, Clauses: clauses}, func(tx *db.Tx) error { return do(c.R.Context(), tx) })
	if err != nil {
		return again(c, err, showData)
	}
	return c.Redirect(PrivacyPath)
}

// proven asks for the own password before what a session alone should not do.
func proven(c *serve.Call) error {
	ctx := c.R.Context()
	var own account.Credential
	if err := c.Read(func(r db.Reader) (err error) {
		own, err = account.PasswordOf(ctx, r, c.Actor)
		return err
	}); err != nil {
		return err
	}
	ok, err := own.Hash.Matches(ctx, c.R.PostFormValue("password"))
	if err != nil || ok {
		return err
	}
	if err := c.Market.DB.Write(ctx, func(tx *db.Tx) error {
		return account.SignInFailed(ctx, tx, own, account.Device{IP: c.IP(), UserAgent: c.R.UserAgent(), Method: "password"})
	}); err != nil {
		return err
	}
	return privacy.ErrInvalid.In("password")
}

// exportData sends the copy. It is no stored answer, so the form has no
// idempotency key.
func exportData(c *serve.Call) error {
	ctx := c.R.Context()
	if err := proven(c); err != nil {
		return again(c, err, showData)
	}
	var copied privacy.Copy
	err := serve.Act(c, serve.Intent{Name: "privacy.export", Subjects: []string{c.Actor.Account}, Clauses: []string{"PIPL 45"}}, func(tx *db.Tx) (err error) {
		copied, err = privacy.Export(ctx, tx, c.Actor, report.Own)
		return err
	})
	if err != nil {
		return again(c, err, showData)
	}
	worded(ctx, copied.Sheets)
	h, name := c.W.Header(), "yunshi-"+calendar.On(copied.At).String()
	h.Set("Cache-Control", "no-store")
	if c.R.PostFormValue("form") == "json" {
		h.Set("Content-Type", "application/json; charset=utf-8")
		h.Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", name+".json"))
		out := json.NewEncoder(c.W)
		out.SetIndent("", "  ")
		return out.Encode(copied)
	}
	h.Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", name+".html"))
	return show(c, http.StatusOK, copyPage(copied, string(c.Lang)))
}

func oneDisclosure(c *serve.Call) error {
	ctx := c.R.Context()
	var d privacy.Disclosure
	if err := c.Read(func(r db.Reader) (err error) {
		d, err = privacy.DisclosureOf(ctx, r, c.Account(), privacy.DisclosureID(c.R.PathValue("id")))
		return err
	}); err != nil {
		return err
	}
	return show(c, http.StatusOK, disclosurePage(chrome(c, text.T(ctx, "privacy.page.disclosure"), accountCrumb(c), dataCrumb(ctx)), d))
}

type requestView struct {
	privacy.Request
	Vendor string
	Now    time.Time
}

func oneRequest(c *serve.Call) error {
	ctx := c.R.Context()
	v := requestView{Now: c.Now()}
	if err := c.Read(func(r db.Reader) (err error) {
		if v.Request, err = privacy.RequestFor(ctx, r, c.Account(), privacy.RequestID(c.R.PathValue("id"))); err != nil {
			return err
		}
		if v.Request.Vendor == "" {
			v.Vendor = c.Market.Info.Operator
			return nil
		}
		one, err := vendor.Get(ctx, r, v.Request.Vendor)
		v.Vendor = one.RegisteredName
		return err
	}); err != nil {
		return err
	}
	return show(c, http.StatusOK, requestPage(chrome(c, text.T(ctx, "privacy.page.request", "Kind", text.T(ctx, "privacy.request.kind."+string(v.Kind))), accountCrumb(c), dataCrumb(ctx)), v))
}

func dataCrumb(ctx context.Context) page.Link {
	return page.Link{Label: text.T(ctx, "privacy.page.title"), Href: PrivacyPath}
}

func fieldNames(ctx context.Context, fields []privacy.Field) string {
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = text.T(ctx, "privacy.field."+string(f))
	}
	return strings.Join(names, " · ")
}

func consentTone(s privacy.ConsentState) page.Tone {
	if s == privacy.Given {
		return page.Success
	}
	return page.Neutral
}

func requestTone(q privacy.Request) page.Tone {
	switch {
	case q.State == privacy.Overdue || q.Result == privacy.Refused:
		return page.Danger
	case q.Result == privacy.Partly:
		return page.Warning
	case q.State == privacy.Answered:
		return page.Success
	}
	return page.Info
}

func consentRows(ctx context.Context, v dataView) (rows [][]templ.Component) {
	for _, one := range v.Consents {
		rows = append(rows, []templ.Component{
			page.Str(one.Recipient.Name), page.Chip(consentTone(one.State), text.T(ctx, "privacy.consent.state."+string(one.State))), page.Str(fieldNames(ctx, one.Fields)),
			page.Date(one.GivenAt), page.Date(one.ExpiresAt), withdrawAction(one),
		})
	}
	return rows
}

func disclosureRows(ctx context.Context, v dataView) (rows [][]templ.Component) {
	for _, one := range v.Disclosures {
		rows = append(rows, []templ.Component{
			page.Anchor(PrivacyPath+"/disclosures/"+string(one.ID), one.Recipient.Name), page.ClauseChip("UA " + string(one.Basis)), page.Str(fieldNames(ctx, one.Fields)), page.Time(one.MadeAt),
		})
	}
	return rows
}

func requestRows(ctx context.Context, v dataView) (rows [][]templ.Component) {
	for _, one := range v.Requests {
		who := v.Names[one.Vendor]
		if one.Vendor == "" {
			who = text.T(ctx, "privacy.page.the_operator")
		}
		due := page.Str("")
		if !one.DueAt.IsZero() {
			due = page.Date(one.DueAt)
		}
		rows = append(rows, []templ.Component{
			page.Anchor(PrivacyPath+"/requests/"+string(one.ID), text.T(ctx, "privacy.request.kind."+string(one.Kind))),
			page.Chip(requestTone(one), requestWord(ctx, one)), page.Str(who), due,
		})
	}
	return rows
}

// requestWord is where a request stands and what became of it.
func requestWord(ctx context.Context, q privacy.Request) string {
	if q.State == privacy.Answered {
		return text.T(ctx, "privacy.result."+string(q.Result))
	}
	return text.T(ctx, "privacy.request.state."+string(q.State))
}

// worded gives the sheets of a copy their words.
func worded(ctx context.Context, sheets []privacy.Sheet) {
	for i := range sheets {
		s := &sheets[i]
		s.Title, s.Labels = text.T(ctx, "own.table."+s.Table), map[string]string{}
		for _, column := range s.Columns {
			s.Labels[column] = columnLabel(ctx, column)
		}
	}
}

// columnLabel is the word for a column, and for the part of one that has parts.
func columnLabel(ctx context.Context, column string) string {
	words := strings.Split(column, ".")
	for i, part := range words {
		if key := "own.column." + part; text.Has(text.From(ctx), key) {
			words[i] = text.T(ctx, key)
		}
	}
	return strings.Join(words, " · ")
}

// cellText is a value of a copy for a reader: times and yes or no in words.
func cellText(ctx context.Context, value string) string {
	switch value {
	case "true":
		return text.T(ctx, "own.yes")
	case "false":
		return text.T(ctx, "own.no")
	}
	if at, err := time.Parse(time.RFC3339, value); err == nil {
		return text.Time(ctx, at)
	}
	return value
}

// inventoryView is the part of the privacy notice that is made from the data
// inventory and from the consents that hold.
type inventoryView struct {
	Activities []privacy.Activity
	Receivers  []privacy.Receiver
	days       map[string]string
}

func readInventory(ctx context.Context, r db.Reader) (v inventoryView, err error) {
	v.Activities, v.days = privacy.Activities(), map[string]string{}
	for name, setting := range map[string]string{"Account": "purge_after_termination", "Log": "retention_logs", "Trade": "retention_trade", "Invoice": "retention_invoice", "Sharing": "retention_sharing_log"} {
		rule, err := agreement.Setting[struct {
			Days, Months, Years int
		}](ctx, r, setting)
		if err != nil {
			return v, err
		}
		v.days[name] = strconv.Itoa(max(rule.Days, rule.Months, rule.Years))
	}
	v.Receivers, err = privacy.Receivers(ctx, r)
	return v, err
}

// keptFor is how long a class is kept, in the words and numbers of the rulebook.
func (v inventoryView) keptFor(ctx context.Context, class privacy.Class) string {
	var kv []any
	for name, value := range v.days {
		kv = append(kv, name, value)
	}
	return text.T(ctx, "privacy.retention."+string(class), kv...)
}

func activityRows(ctx context.Context, v inventoryView) (rows [][]templ.Component) {
	for _, a := range v.Activities {
		var names []string
		for _, k := range a.Kinds {
			names = append(names, text.T(ctx, "privacy.kind."+string(k)))
		}
		rows = append(rows, []templ.Component{
			page.Str(text.T(ctx, "privacy.purpose."+a.Purpose)), sensitiveKinds(a, strings.Join(names, " · ")), page.Str(text.T(ctx, "privacy.lawful."+string(a.Basis))), page.Str(v.keptFor(ctx, a.Retention)),
		})
	}
	return rows
}

func receiverRows(ctx context.Context, v inventoryView) (rows [][]templ.Component) {
	for _, one := range v.Receivers {
		rows = append(rows, []templ.Component{page.Str(one.Name), page.Str(fieldNames(ctx, one.Fields)), page.Str(text.T(ctx, "privacy.purpose.contact"))})
	}
	return rows
}

// privacyTerms is what a product's vendor says it does with data: before buying, on
// the product's page and at checkout.
func privacyTerms(ctx context.Context, content catalog.Content, lang text.Lang) []page.Term {
	p := content.Privacy
	return []page.Term{
		{Label: text.T(ctx, "shop.privacy.controller"), Text: p.Controller},
		{Label: text.T(ctx, "shop.privacy.kinds"), Value: bullets(texts(p.Kinds, lang))},
		{Label: text.T(ctx, "shop.privacy.purposes"), Value: bullets(texts(p.Purposes, lang))},
		{Label: text.T(ctx, "shop.privacy.retention"), Text: p.Retention.In(lang)},
		{Label: text.T(ctx, "shop.privacy.abroad"), Text: yesNo(lang, p.ExportAbroad)},
		{Label: text.T(ctx, "shop.privacy.processors"), Value: processors(p.SubProcessors)},
		{Label: text.T(ctx, "shop.privacy.rights"), Text: p.RightsChannel},
		{Label: text.T(ctx, "shop.product.contact"), Text: p.Contact},
	}
}
