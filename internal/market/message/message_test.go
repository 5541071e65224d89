package message

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"yunshi/internal/base/db"
	"yunshi/internal/base/mail"
	"yunshi/internal/base/text"
	"yunshi/internal/market/account"
	"yunshi/internal/market/audit"
	"yunshi/internal/market/job"
	"yunshi/internal/testkit"
)

const hash = account.PasswordHash("$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func owner(t testing.TB, d *db.DB, email, locale string) audit.Actor {
	t.Helper()
	var u account.User
	must(t, d.Write(t.Context(), func(tx *db.Tx) (err error) {
		u, err = account.Register(t.Context(), tx, audit.Actor{Kind: audit.Person}, account.Registration{
			SubjectType: account.Individual, DisplayName: "某用户", UserName: "某人", Email: email, Password: hash, Locale: locale,
		})
		return err
	}))
	return audit.Actor{Kind: audit.Person, User: string(u.ID), Account: string(u.Account), Roles: u.Roles}
}

func deliver(t testing.TB, d *db.DB, n Notice) error {
	t.Helper()
	return d.Write(t.Context(), func(tx *db.Tx) error { return Send(t.Context(), tx, n) })
}

func inbox(t testing.TB, d *db.DB, of audit.Actor, before ID) (items []Item) {
	t.Helper()
	must(t, d.Read(t.Context(), func(r db.Reader) (err error) {
		items, err = Inbox(t.Context(), r, account.ID(of.Account), before)
		return err
	}))
	return items
}

func unread(t testing.TB, d *db.DB, of audit.Actor) (n int64) {
	t.Helper()
	must(t, d.Read(t.Context(), func(r db.Reader) (err error) {
		n, err = Unread(t.Context(), r, account.ID(of.Account))
		return err
	}))
	return n
}

// samples are the parameters of each template, as its sender gives them.
var samples = map[string]map[string]string{
	"N-01": {"TitleZH": "用户协议", "TitleEN": "User Agreement", "EffectiveAt": "2026-03-10T16:00:00Z"},
	"N-02": {"TitleZH": "退款规则", "TitleEN": "Refund Rules", "EffectiveAt": "2026-03-10T16:00:00Z"},
	"N-03": {"TitleZH": "类目停用", "TitleEN": "A category is retired", "WhatZH": "说明", "WhatEN": "What", "MigrationZH": "无", "MigrationEN": "Nothing", "EffectiveAt": "2026-03-10T16:00:00Z"},
	"N-81": {"KindsZH": "订单", "KindsEN": "orders", "WhyZH": "攻击", "WhyEN": "an attack", "HarmZH": "诈骗", "HarmEN": "fraud", "RemediesZH": "已修复", "RemediesEN": "mended",
		"HelpZH": "修改密码", "HelpEN": "change the password", "Contact": "dpo@example.com", "DetectedAt": "2026-03-10T16:00:00Z"},
	"N-82":  {"TitleZH": "无法下单", "TitleEN": "No orders", "ScopeZH": "下单", "ScopeEN": "ordering", "WhyZH": "正在查明", "WhyEN": "looked into", "StartedAt": "2026-03-10T16:00:00Z", "EndedAt": "", "ExemptZH": "", "ExemptEN": "", "Phase": "started"},
	"N-91":  {"EndAt": "2026-12-31T16:00:00Z", "TextZH": "终止", "TextEN": "The end", "PlanZH": "订单：完成", "PlanEN": "Orders: done", "Days": "30"},
	"OP-01": {"TitleZH": "无法下单", "TitleEN": "No orders", "Contested": "upheld", "Words": "x"},
	"OP-02": {"Incident": "inc_1", "Over": "", "DueAt": "2026-03-10T16:00:00Z", "DetectedAt": "2026-03-10T12:00:00Z"},
	"N-11":  {"TimeAt": "2026-03-02T02:00:00Z", "Place": "203.0.*.*"},
	"N-12":  {"ChangedAt": "2026-03-02T02:00:00Z", "Items": "e-mail"},
	"N-13":  {"DecidedAt": "2026-03-02T02:00:00Z"},
	"N-21":  {"Item": "ICP", "Date": "2026-04-01"},
	"N-22":  {"Item": "Shanhai", "Decision": "approved"},
	"N-31":  {"Order": "ord_1", "Amount": "¥12.00", "DueAt": "2026-03-16T15:59:59Z"},
	"N-32":  {"Order": "ord_1", "Amount": "¥12.00", "DueAt": "2026-03-16T15:59:59Z"},
	"N-33":  {"Order": "ord_1", "Amount": "¥12.00", "DueAt": "2026-03-16T15:59:59Z", "Number": "26440000000000000001"},
	"N-41":  {"Order": "ord_1", "Amount": "¥12.00", "Reason": "late", "DueAt": "2026-03-05T02:00:00Z"},
	"N-42":  {"Order": "ord_1", "Amount": "¥12.00", "Answer": "refused", "EscalateAt": "2026-03-05T02:00:00Z"},
	"N-43":  {"Order": "ord_1", "Amount": "¥12.00", "Decision": "rejected", "Clause": "RB refund-5"},
	"N-44":  {"Order": "ord_1", "Amount": "¥12.00"},
	"N-45":  {"Order": "ord_1", "Contact": "Shanhai"},
	"N-61":  {"Product": "Shanhai DB", "Date": "2026-04-01", "Scope": "no_renewal", "Cause": "x"},
	"I-01":  {"Order": "ord_1", "Amount": "¥12.00", "ExpiresAt": "2026-03-05T02:00:00Z"},
	"I-02":  {"Order": "ord_1", "Amount": "¥12.00", "Red": "04"},
	"I-03":  {"Order": "ord_1", "Amount": "¥12.00", "DueAt": "2026-03-16T15:59:59Z"},
	"O-01":  {"Order": "ord_1", "Product": "Shanhai DB", "Amount": "¥12.00", "Vendor": "Shanhai"},
	"O-02":  {"Order": "ord_1", "Product": "Shanhai DB"},
	"O-03":  {"Order": "ord_1", "Product": "Shanhai DB"},
	"O-04":  {"Order": "ord_1", "Product": "Shanhai DB", "Amount": "¥12.00"},
	"O-05":  {"Order": "ord_1", "Product": "Shanhai DB", "Amount": "¥12.00"},
	"S-01":  {"Order": "ord_1", "Amount": "¥12.00"},
	"S-02":  {"Amount": "¥12.00", "Returned": "yes", "Reason": "account_closed"},
	"S-03":  {"Amount": "¥12.00", "Case": "cas_1", "Rule": "RB settlement-5", "Due": "2026-12-04"},
	"S-04":  {"Order": "ord_1", "Amount": "¥12.00", "Lost": "yes"},
	"S-05":  {"Month": "2026-11", "Amount": "¥12.00"},
	"V-02":  {"Ground": "dossier", "Outcome": "paused", "Reason": "x", "Paused": "yes"},
	"V-01":  {"Item": "Shanhai", "Decision": "rejected", "Reasons": "x"},
	"N-53":  {"Case": "enf_1", "Facts": "Probing.", "Reasons": "It was logged.", "Rule": "UA 4.7.5", "MeasuresZH": "限制功能", "MeasuresEN": "Restricted", "ServedAt": "2026-03-02T02:00:00Z", "Automated": "no", "AppealAt": "2026-03-17T15:59:59Z"},
	"N-55":  {"Case": "enf_1", "Date": "2026-04-02"},
	"M-01":  {"Case": "enf_1", "MeasureZH": "限制功能", "MeasureEN": "Restriction", "Outcome": "lifted", "Why": "done"},
	"M-02":  {"Case": "enf_1", "Outcome": "upheld", "Reasons": "as before"},
	"M-03":  {"Case": "enf_1", "Clause": "UA 4.9.3", "Result": "acted"},
	"M-04":  {"Case": "enf_1", "Amount": "¥12.00", "Grounds": "Cleaning up."},
	"N-46":  {"Order": "ord_1", "Happened": "settled", "Refund": "¥12.00", "Damages": "¥12.00", "Cap": "¥12.00", "Exception": "law", "Basis": "消法55"},
	"N-47":  {"Complaint": "cmp_1", "Matter": "product", "Handler": "vendor", "DueAt": "2026-03-05T02:00:00Z"},
	"N-72":  {"Complaint": "cmp_1", "Vendor": "Shanhai", "SHA256": "0f"},
	"C-01":  {"Complaint": "cmp_1", "Happened": "answered"},
	"C-02":  {"Report": "rpt_1", "Result": "acted"},
	"N-56":  {"Notice": "ifn_1", "ItemZH": "山海数据库", "ItemEN": "Shanhai DB", "Rights": "counter", "LiftAt": "2026-03-16T16:00:00Z"},
	"N-71":  {"Recipient": "Shanhai", "Basis": "UA 5.4.1", "MadeAt": "2026-03-05T02:00:00Z"},
	"N-73":  {"Vendor": "Shanhai", "DataAsk": "erase", "DueAt": "2026-03-05T02:00:00Z"},
	"P-01":  {"Vendor": "Shanhai", "Order": "ord_1", "Text": "x"},
	"P-02":  {"DataAsk": "erase", "DataResult": "done", "Vendor": "Shanhai"},
	"P-04":  {"PurgeAt": "2026-03-05T02:00:00Z"},
	"P-03":  {"FindingWeight": "minor", "Text": "x", "DueAt": "2026-03-05T02:00:00Z"},
	"N-52":  {},
	"T-01":  {"About": "order", "Object": "ord_1"},
	"K-01":  {"Content": "review", "Clause": "UA 4.7.1", "Reason": "x"},
	"K-02":  {"Content": "message"},
	"K-03":  {"Finding": "upheld", "Answer": "x"},
	"R-01":  {"Product": "prd_1", "Order": "ord_1"},
	"R-02":  {"Order": "ord_1"},
	"N-51":  {"UntilAt": "2026-03-02T02:30:00Z", "Contact": "security@example.com"},
	"N-54":  {"Case": "enf_1"},
}

func TestEveryTemplateRendersInBothLanguages(t *testing.T) {
	missing := text.Missing()
	seen := 0
	for _, key := range text.Keys(text.ZH) {
		code, isTitle := strings.CutSuffix(strings.TrimPrefix(key, "notice."), ".title")
		if !strings.HasPrefix(key, "notice.") || !isTitle {
			continue
		}
		seen++
		if samples[code] == nil {
			t.Errorf("%s: no sample", code)
		}
		c, err := render(t.Context(), Notice{Code: code, Params: samples[code]})
		if err != nil {
			t.Error(err)
		}
		for l, r := range c {
			if r.Title == "" || r.Body == "" || strings.ContainsAny(r.Title+r.Body, "⟦{") || strings.Contains(r.Body, "T16:00") {
				t.Errorf("%s/%s: %+v", code, l, r)
			}
		}
	}
	if seen != len(samples) {
		t.Errorf("%d templates, %d samples", seen, len(samples))
	}
	if text.Missing() != missing {
		t.Error("a placeholder was left open")
	}
	for _, code := range mailedCodes {
		if samples[code] == nil {
			t.Errorf("%s is mailed and has no template", code)
		}
	}
}

func TestParametersFollowTheLanguage(t *testing.T) {
	c, err := render(t.Context(), Notice{Code: "N-01", Params: samples["N-01"]})
	must(t, err)
	if !strings.Contains(c[text.ZH].Title, "用户协议") || strings.Contains(c[text.ZH].Body, "User Agreement") {
		t.Errorf("zh: %+v", c[text.ZH])
	}
	if !strings.Contains(c[text.EN].Title, "User Agreement") || strings.Contains(c[text.EN].Body, "用户协议") {
		t.Errorf("en: %+v", c[text.EN])
	}
	c, err = render(t.Context(), Notice{Code: "N-61", Params: samples["N-61"]})
	must(t, err)
	if !strings.Contains(c[text.ZH].Body, "停止销售和续费") || !strings.Contains(c[text.EN].Body, "no longer sold or renewed") {
		t.Errorf("scope: %+v", c)
	}
	for _, reason := range []string{"", "证件不清晰"} {
		c, err = render(t.Context(), Notice{Code: "N-13", Params: map[string]string{"DecidedAt": "2026-03-02T02:00:00Z", "Reason": reason}})
		must(t, err)
		if failed := strings.Contains(c[text.ZH].Title, "未通过"); failed != (reason != "") || failed != strings.Contains(c[text.EN].Title, "not passed") {
			t.Errorf("reason %q: %+v", reason, c)
		}
	}
}

func TestANoticeIsInTheInboxUntilRead(t *testing.T) {
	testkit.EnginesAt(t, func(t *testing.T, d *db.DB, clock *testkit.Clock) {
		a, b := owner(t, d, "a@example.com", "zh"), owner(t, d, "b@example.com", "en")
		for range 3 {
			clock.Advance(time.Second)
			must(t, deliver(t, d, Notice{Code: "O-01", To: account.ID(a.Account), Link: "/orders/ord_1", Params: samples["O-01"]}))
		}
		items := inbox(t, d, a, "")
		if len(items) != 3 || len(inbox(t, d, b, "")) != 0 || unread(t, d, a) != 3 {
			t.Fatalf("%d notices", len(items))
		}
		newest := items[0]
		if !newest.CreatedAt.After(items[1].CreatedAt) || newest.Link != "/orders/ord_1" || len(newest.SHA256) != 64 ||
			!strings.Contains(newest.Title(text.ZH), "已付款") || !strings.Contains(newest.Body(text.EN), "Shanhai DB") {
			t.Errorf("newest: %+v", newest)
		}
		if older := inbox(t, d, a, newest.ID); len(older) != 2 || older[0].ID != items[1].ID {
			t.Errorf("the page after the newest has %d", len(older))
		}
		read := func(by audit.Actor, id ID) error {
			return d.Write(t.Context(), func(tx *db.Tx) error { return MarkRead(t.Context(), tx, by, id) })
		}
		if err := read(b, newest.ID); !errors.Is(err, ErrNotFound) {
			t.Errorf("a foreign notice: %v", err)
		}
		must(t, read(a, newest.ID))
		first := inbox(t, d, a, "")[0].ReadAt
		clock.Advance(time.Hour)
		must(t, read(a, newest.ID))
		if got := inbox(t, d, a, "")[0].ReadAt; !got.Equal(first) || got.IsZero() || unread(t, d, a) != 2 {
			t.Errorf("read at %s, then %s", first, got)
		}
		raw, err := json.Marshal(newest)
		if err != nil || !strings.Contains(string(raw), `"read_at":null`) || !strings.Contains(string(raw), `"zh"`) {
			t.Errorf("%s %v", raw, err)
		}
	})
}

func TestTheTextIsStoredSealed(t *testing.T) {
	testkit.Engines(t, func(t *testing.T, d *db.DB) {
		a := owner(t, d, "a@example.com", "zh")
		must(t, deliver(t, d, Notice{Code: "O-01", To: account.ID(a.Account), Params: samples["O-01"]}))
		must(t, d.Read(t.Context(), func(r db.Reader) error {
			stored, err := db.Value[[]byte](t.Context(), r, `SELECT content_sealed FROM message_notice`)
			if len(stored) == 0 || bytes.Contains(stored, []byte("Shanhai")) {
				t.Errorf("stored %q", stored)
			}
			return err
		}))
	})
}

func TestANoticeThatCannotBeWrittenIsNotSent(t *testing.T) {
	testkit.Engines(t, func(t *testing.T, d *db.DB) {
		a := owner(t, d, "a@example.com", "zh")
		for name, n := range map[string]Notice{
			"no template":   {Code: "X-99"},
			"foreign link":  {Code: "O-02", Link: "https://evil.example", Params: samples["O-02"]},
			"foreign host":  {Code: "O-02", Link: "//evil.example", Params: samples["O-02"]},
			"no account":    {Code: "O-02", To: "acc_none", Params: samples["O-02"]},
			"relative link": {Code: "O-02", Link: "orders", Params: samples["O-02"]},
		} {
			if n.To == "" {
				n.To = account.ID(a.Account)
			}
			if err := deliver(t, d, n); err == nil {
				t.Errorf("%s: sent", name)
			}
		}
		if n := len(inbox(t, d, a, "")); n != 0 {
			t.Errorf("%d notices were left", n)
		}
	})
}

// flaky refuses to work until told, then records.
type flaky struct {
	mail.Recorder
	err error
}

func (f *flaky) Send(ctx context.Context, m mail.Message) (string, error) {
	if f.err != nil {
		return "", f.err
	}
	return f.Recorder.Send(ctx, m)
}

func TestMailGoesToTheOwnersInTheirLanguageOnce(t *testing.T) {
	testkit.EnginesAt(t, func(t *testing.T, d *db.DB, clock *testkit.Clock) {
		a := owner(t, d, "owner@example.com", "en")
		must(t, d.Write(t.Context(), func(tx *db.Tx) error {
			_, err := account.AddUser(t.Context(), tx, a, account.NewUser{
				Account: account.ID(a.Account), Name: "李四", Email: "buyer@example.com", Password: hash, Roles: []string{account.Buyer},
			})
			return err
		}))
		sender := &flaky{err: errors.New("mail server is down")}
		worker := job.NewWorker(d, Work{Sender: sender, BaseURL: "https://market.example.com/"}.Handlers(), slog.New(slog.DiscardHandler))

		// The notice comes the way earlier packages leave one: as a job.
		must(t, d.Write(t.Context(), func(tx *db.Tx) error {
			return account.Notify(t.Context(), tx, account.Notice{Code: "N-11", To: account.ID(a.Account), Link: "/account/security", Params: samples["N-11"]})
		}))
		must(t, worker.Drain(t.Context()))
		if len(inbox(t, d, a, "")) != 1 || len(sender.Messages()) != 0 {
			t.Fatal("the inbox must not wait for the mail server")
		}
		sender.err = nil
		clock.Advance(time.Minute)
		must(t, worker.Drain(t.Context()))
		clock.Advance(24 * time.Hour)
		must(t, worker.Drain(t.Context()))
		got := sender.Messages()
		if len(got) != 1 || got[0].To != "owner@example.com" || got[0].Subject != "Sign-in from a new device" ||
			!strings.HasSuffix(got[0].Text, "\n\nhttps://market.example.com/account/security") {
			t.Errorf("mails: %+v", got)
		}
		if s := deliveries(t, d); !slices.Equal(s, []string{"sent"}) {
			t.Errorf("deliveries: %v", s)
		}

		// What the server refuses for good is not tried again.
		sender.err = mail.ErrRefused
		must(t, deliver(t, d, Notice{Code: "N-13", To: account.ID(a.Account), Params: samples["N-13"]}))
		must(t, worker.Drain(t.Context()))
		sender.err = nil
		clock.Advance(24 * time.Hour)
		must(t, worker.Drain(t.Context()))
		if s := deliveries(t, d); !slices.Equal(s, []string{"failed", "sent"}) || len(sender.Messages()) != 1 {
			t.Errorf("deliveries: %v", s)
		}
	})
}

func deliveries(t testing.TB, d *db.DB) (states []string) {
	t.Helper()
	must(t, d.Read(t.Context(), func(r db.Reader) (err error) {
		states, err = db.All(t.Context(), r, db.Column[string], `SELECT state FROM message_delivery ORDER BY state`)
		return err
	}))
	return states
}
