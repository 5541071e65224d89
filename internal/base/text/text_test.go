package text_test

import (
	"context"
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
