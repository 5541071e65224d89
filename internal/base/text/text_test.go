package text_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"yunshi/internal/base/text"
)

func TestTheLanguageOfARequestIsMatched(t *testing.T) {
	for _, tt := range []struct {
		header string
		want   text.Lang
	}{
		{"", text.ZH},
		{"en-GB,en;q=0.8", text.EN},
		{"zh-CN,zh;q=0.9,en;q=0.8", text.ZH},
		{"zh-TW", text.ZH},
		{"fr-FR,en;q=0.5", text.EN},
		{"fr-FR", text.ZH},
		{"not;;a header", text.ZH},
	} {
		if got := text.Match(tt.header); got != tt.want {
			t.Errorf("Match(%q) = %s", tt.header, got)
		}
	}
	for _, tt := range []struct {
		s    string
		want text.Lang
		ok   bool
	}{{"zh", text.ZH, true}, {"EN", text.EN, true}, {"en-US", text.EN, true}, {"", "", false}, {"fr", "", false}, {"english", "", false}} {
		if got, ok := text.ParseLang(tt.s); got != tt.want || ok != tt.ok {
			t.Errorf("ParseLang(%q) = %q, %v", tt.s, got, ok)
		}
	}
}

func TestTextsFollowTheContext(t *testing.T) {
	zh := context.Background()
	en := text.With(zh, text.EN)
	if text.From(zh) != text.ZH || text.From(en) != text.EN {
		t.Fatal("language of the context is lost")
	}
	for _, tt := range []struct {
		ctx  context.Context
		key  string
		kv   []any
		want string
	}{
		{zh, "base.save", nil, "保存"},
		{en, "base.save", nil, "Save"},
		{en, "base.unit.days", []any{"Count", 1}, "1 day"},
		{en, "base.unit.days", []any{"Count", int64(2)}, "2 days"},
		{en, "base.unit.days", []any{"Count", "1,200"}, "1,200 days"},
		{zh, "base.unit.days", []any{"Count", 1}, "1 天"},
		{en, "fault.RATE_LIMITED.next", nil, "Try again later."},
		{en, "fault.RATE_LIMITED.next", []any{"Seconds", 30}, "Try again in 30 seconds."},
	} {
		if got := text.T(tt.ctx, tt.key, tt.kv...); got != tt.want {
			t.Errorf("%s %v = %q, want %q", tt.key, tt.kv, got, tt.want)
		}
	}
}

func TestTimesAreWrittenInShanghaiUnlessAskedOtherwise(t *testing.T) {
	zh := context.Background()
	en := text.With(zh, text.EN)
	at := time.Date(2026, 11, 22, 20, 5, 59, 0, time.UTC) // the 23rd in Shanghai
	utc := text.WithZone(en, time.UTC)
	for _, tt := range []struct{ got, want string }{
		{text.Date(zh, at), "2026年11月23日"},
		{text.Time(zh, at), "2026年11月23日 04:05"},
		{text.Date(en, at), "23 Nov 2026"},
		{text.Time(en, at), "23 Nov 2026, 04:05"},
		{text.Date(utc, at), "22 Nov 2026"},
		{text.Time(zh, time.Time{}), ""},
		{text.Date(zh, time.Time{}), ""},
	} {
		if tt.got != tt.want {
			t.Errorf("got %q, want %q", tt.got, tt.want)
		}
	}
}

func TestNumbersAreGroupedByThree(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0", 7: "7", 999: "999", 1000: "1,000", -1000: "-1,000", -100: "-100", 1234567: "1,234,567",
		-9223372036854775808: "-9,223,372,036,854,775,808",
	} {
		if got := text.Number(context.Background(), n); got != want {
			t.Errorf("Number(%d) = %s", n, got)
		}
	}
}

func TestRemainingTimeIsNeverOverstated(t *testing.T) {
	zh := context.Background()
	en := text.With(zh, text.EN)
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	const day = 24 * time.Hour
	for _, tt := range []struct {
		left   time.Duration
		zh, en string
	}{
		{3 * day, "还剩 3 天", "3 days left"},
		{3*day - time.Second, "还剩 2 天", "2 days left"},
		{day, "还剩 1 天", "1 day left"},
		{day - 1, "还剩 23 小时", "23 hours left"},
		{time.Hour, "还剩 1 小时", "1 hour left"},
		{59*time.Minute + 59*time.Second, "还剩 59 分钟", "59 minutes left"},
		{time.Second, "不到 1 分钟", "less than a minute left"},
		{0, "已到期", "time is up"},
		{-day, "已到期", "time is up"},
	} {
		if got := text.Until(zh, now, now.Add(tt.left)); got != tt.zh {
			t.Errorf("%v in Chinese: %q", tt.left, got)
		}
		if got := text.Until(en, now, now.Add(tt.left)); got != tt.en {
			t.Errorf("%v in English: %q", tt.left, got)
		}
	}
}

func TestUnknownKeysAreCounted(t *testing.T) {
	before := text.Missing()
	text.T(context.Background(), "base.no.such.key")
	if got := text.Missing() - before; got != 1 {
		t.Errorf("counted %d for one unknown key", got)
	}
}

func BenchmarkTextWithAValue(b *testing.B) {
	ctx := text.With(context.Background(), text.EN)
	for b.Loop() {
		text.T(ctx, "base.unit.days", "Count", 3)
	}
}

// The refusals the agreement, the law and the rulebook can lead to.
func TestEveryRefusalSaysWhatIsWrongAndWhatToDo(t *testing.T) {
	for code := range strings.FieldsSeq(`
		AGREEMENT_NOT_ACCEPTED NOT_AUTHORISED_TO_ACCEPT EMPHASIS_MISSING RULE_NOT_IN_FORCE CLAUSE_DISABLED
		PUBLISH_TOO_EARLY NOTICE_TOO_SHORT TERM_PAST_SERVICE_END CATEGORY_IN_USE PROFILE_INVALID REALNAME_REQUIRED
		REALNAME_MISMATCH REREGISTRATION_BANNED ACCOUNT_RESTRICTED ACCOUNT_SUSPENDED ACCOUNT_TERMINATED
		VENDOR_NOT_ELIGIBLE VENDOR_NO_MERCHANT_ACCOUNT DEPOSIT_SHORT RIGHTS_BASIS_MISSING TERMS_SHEET_INCOMPLETE
		OPERATOR_MAY_NOT_EDIT BADGE_MISLEADING PRODUCT_DELISTED PRODUCT_USE_PROHIBITED PRICE_INVARIANT
		PAYMENT_AMOUNT_MISMATCH OFF_PLATFORM_PAYMENT LEDGER_NO_BASIS SPLIT_OVER_LIMIT WITHDRAW_NOT_DUE
		ENTITLEMENT_ACCOUNT_BOUND LINK_EXPIRED REFUND_NOT_SUPPORTED REFUND_WINDOW_CLOSED REFUND_OFFLINE_ONLY
		REFUND_INVOICE_OUTSTANDING REFUND_QUOTA_USED NO_REFUND_BREACH CLAIM_OVER_CAP INVOICE_FROM_VENDOR_ONLY
		INVOICE_OVER_AMOUNT INVOICE_TITLE_INVALID SENSITIVE_CONTENT_CONFIRM CONTENT_BLOCKED FILE_INFECTED RATE_LIMITED
		REVIEW_DELETE_FORBIDDEN SELF_PURCHASE ENFORCEMENT_NO_EVIDENCE ENFORCEMENT_NO_HUMAN SECOND_APPROVER_REQUIRED
		DISCLOSURE_NO_BASIS DISCLOSURE_REVIEW_DUE CONSENT_REQUIRED PURGE_TOO_EARLY
		INTERNAL NOT_FOUND NOT_SIGNED_IN FORBIDDEN BAD_REQUEST FIELD_REQUIRED FIELD_INVALID IDEMPOTENCY_CONFLICT
		IDEMPOTENCY_KEY_REQUIRED STALE METHOD_NOT_ALLOWED TOO_LARGE UNAVAILABLE`) {
		for _, l := range []text.Lang{text.ZH, text.EN} {
			// Values such as a date are welcome, but a refusal reads well without them.
			what, next := text.In(l, "fault."+code), text.In(l, "fault."+code+".next")
			if strings.Contains(what+next, "⟦") || what == next {
				t.Errorf("%s/%s: %q, %q", l, code, what, next)
			}
		}
	}
}
