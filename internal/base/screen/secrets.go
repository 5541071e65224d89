package screen

import (
	"regexp"
	"strings"
)

var (
	secretAssigned = regexp.MustCompile(`(?:密码|口令|密钥|私钥|passwd|password|passcode|passphrase|pwd|(?:api|access|secret)[ _-]?(?:key|token)|token)` +
		`["'”」]?((?:\s{0,4}(?:是|为|is |=>|->|=|:)){1,2})\s{0,4}["'“「]?([!-~]{3,64})`)
	secretBeside = regexp.MustCompile(`(?:(?:密码|口令)\s{0,4}|(?:password|passwd|pwd)\s{1,4})([a-z0-9@#$!&][!-~]{3,63})`)

	// notSecret is what stands after such a word in a form, a manual or a masked text.
	notSecret = regexp.MustCompile(`^(?:[*•x#._-]+|\d{1,2}[-~]\d{1,3}|[<{$%[].*|https?:.*|(?:required|optional|string|must|should|your|please|none|null|true|false|see|forgot|any|same|not|the)\b.*)$`)

	qqNumber = regexp.MustCompile(`(?:qq|扣扣|企鹅)(?:号码|号|群|联系|:|是|为|=|\s){0,6}([1-9]\d{4,})`)
	wechatID = regexp.MustCompile(`(微信|薇信|威信|v信|wechat|weixin|whatsapp|telegram|vx|wx)((?:号码|号|账号|帐号|id|是|为|:|=|\s){0,6})([a-z][a-z0-9_-]{5,19}|1[3-9]\d{9})`)
)

func passwords(f folded) []Finding {
	if !f.hasAny("密码", "口令", "密钥", "私钥", "passw", "passc", "passp", "pwd", "token") && (!f.hasAny("key") || !f.hasAny("api", "access", "secret")) {
		return nil
	}
	var found []Finding
	add := func(start, end int, needsDigit bool) {
		value := strings.TrimRight(f.s[start:end], `.,;!?)"'`)
		if len(value) < 3 || notSecret.MatchString(value) || needsDigit && !strings.ContainsAny(value, "0123456789") {
			return
		}
		found = append(found, f.found(Password, start, start+len(value), ""))
	}
	for _, m := range secretAssigned.FindAllStringSubmatchIndex(f.s, -1) {
		add(m[4], m[5], !strings.ContainsAny(f.s[m[2]:m[3]], ":=>"))
	}
	for _, m := range secretBeside.FindAllStringSubmatchIndex(f.s, -1) {
		add(m[2], m[3], true)
	}
	return found
}

func contacts(f folded) []Finding {
	if !f.hasAny("qq", "扣扣", "企鹅", "微信", "薇信", "威信", "v信", "wechat", "weixin", "whatsapp", "telegram", "vx", "wx") {
		return nil
	}
	var found []Finding
	for _, m := range qqNumber.FindAllStringSubmatchIndex(f.s, -1) {
		if m[3]-m[2] <= 11 && !letterBefore(f.s, m[0]) {
			found = append(found, f.found(Contact, m[2], m[3], ""))
		}
	}
	for _, m := range wechatID.FindAllStringSubmatchIndex(f.s, -1) {
		key, link, value := f.s[m[2]:m[3]], f.s[m[4]:m[5]], f.s[m[6]:m[7]]
		isWord := key[0] < 0x80 && !strings.HasSuffix(key, "信")
		switch {
		case isWord && (letterBefore(f.s, m[0]) || link == ""):
			continue // the letters are part of a longer word
		case !strings.ContainsAny(value, "0123456789_-") && (isWord || strings.TrimSpace(link) == ""):
			continue // an ordinary word after the name of the service
		}
		found = append(found, f.found(Contact, m[6], m[7], ""))
	}
	return found
}
