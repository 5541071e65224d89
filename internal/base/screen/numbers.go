package screen

import (
	"regexp"
	"strings"

	"yunshi/internal/base/calendar"
	"yunshi/internal/base/cn"
)

var (
	residentShape = regexp.MustCompile(`[1-8]\d{5}[ -]?\d{8}[ -]?\d{3}[\dx]`)
	digitRun      = regexp.MustCompile(`\d+(?:[ \-._·–—]{1,2}\d+)*`)
	digitGroup    = regexp.MustCompile(`\d+`)
	cardWord      = regexp.MustCompile(`(?:卡|card|visa|master)[^\d\n]{0,24}$`)
)

var noGaps = strings.NewReplacer(" ", "", "-", "")

// endOfTime lets an identity number with a birth in the future count: the screen has no clock and need not be exact there.
var endOfTime = calendar.Date{Year: 9999, Month: 12, Day: 31}

func residentIDs(f folded) []Finding {
	if !f.hasDigits(17) {
		return nil
	}
	var found []Finding
	for at := 0; at < len(f.s); {
		loc := residentShape.FindStringIndex(f.s[at:])
		if loc == nil {
			break
		}
		start, end := at+loc[0], at+loc[1]
		_, err := cn.ParseResidentID(noGaps.Replace(f.s[start:end]), endOfTime)
		if err != nil || digitBefore(f.s, start) || digitAt(f.s, end) {
			at = start + 1
			continue
		}
		found = append(found, f.found(ResidentID, start, end, ""))
		at = end
	}
	return found
}

// shortestCard is how many digits a card has at least.
const shortestCard = 12

// bankCards looks at every run of digit groups for a stretch that is a card as cards are written.
func bankCards(f folded, ids []Finding) []Finding {
	if !f.hasDigits(shortestCard) {
		return nil
	}
	var found []Finding
	for _, run := range digitRun.FindAllStringIndex(f.s, -1) {
		if run[1]-run[0] < shortestCard {
			continue
		}
		groups := digitGroup.FindAllStringIndex(f.s[run[0]:run[1]], -1)
		named := cardWord.MatchString(before(f.s, run[0], 40))
		for first := 0; first < len(groups); first++ {
			last := longestCard(f.s[run[0]:run[1]], groups, first, named)
			if last < 0 {
				continue
			}
			card := f.found(BankCard, run[0]+groups[first][0], run[0]+groups[last][1], "")
			if !overlaps(card, ids) {
				found = append(found, card)
			}
			first = last
		}
	}
	return found
}

// longestCard returns the last group of the longest card that begins with groups[first], or -1.
func longestCard(run string, groups [][]int, first int, named bool) int {
	best, digits := -1, ""
	for last := first; last < len(groups); last++ {
		digits += run[groups[last][0]:groups[last][1]]
		if len(digits) > 19 {
			break
		}
		if len(digits) >= shortestCard && writtenAsCard(groups, first, last) && (named || issued(digits)) && cn.Luhn(digits) {
			best = last
		}
	}
	return best
}

// writtenAsCard accepts one block, blocks of four and more with a shorter end, and a whole run cut into equal pieces.
func writtenAsCard(groups [][]int, first, last int) bool {
	size := func(i int) int { return groups[i][1] - groups[i][0] }
	long, equal := true, first == 0 && last == len(groups)-1
	for i := first; i < last; i++ {
		long = long && size(i) >= 4
		equal = equal && size(i) == size(first)
	}
	return long || equal && size(last) <= size(first)
}

// issued reports whether cards with this beginning and length are issued. Without it one number in ten, such as a
// timestamp, would be taken for a card.
func issued(digits string) bool {
	n := len(digits)
	switch digits[0] {
	case '3':
		return n == 15 && (digits[1] == '4' || digits[1] == '7') || n >= 14 && strings.IndexByte("05689", digits[1]) >= 0
	case '4':
		return n == 13 || n >= 16
	case '2':
		return n == 16 && digits[:4] >= "2221" && digits[:4] <= "2720"
	case '1':
		return n == 19 && digits[:3] == "103"
	case '5', '6', '8', '9':
		return n >= 16
	}
	return false
}

var bankAccountShapes = []*regexp.Regexp{
	regexp.MustCompile(`(?:(?:对公|银行|收款|汇款|开户|结算|打款)[账帐][户号]|bank account|account (?:no|number)|a/c no)[^\d\n]{0,40}((?:\d[ -]?){7,31}\d)`),
	regexp.MustCompile(`开户(?:银)?行[^\d]{0,80}[账帐][户号][^\d\n]{0,10}((?:\d[ -]?){7,31}\d)`),
	regexp.MustCompile(`\biban\b[ :]{0,3}([a-z]{2}\d{2}(?: ?[a-z0-9]){11,30})`),
}

func bankAccounts(f folded) []Finding {
	if !f.hasAny("账户", "帐户", "账号", "帐号", "account", "a/c", "iban") {
		return nil
	}
	return values(f, BankAccount, bankAccountShapes...)
}

// values returns the first group of every match.
func values(f folded, kind Kind, shapes ...*regexp.Regexp) []Finding {
	var found []Finding
	for _, shape := range shapes {
		for _, m := range shape.FindAllStringSubmatchIndex(f.s, -1) {
			found = append(found, f.found(kind, m[2], m[3], ""))
		}
	}
	return found
}

func digitAt(s string, i int) bool { return i < len(s) && s[i] >= '0' && s[i] <= '9' }

func digitBefore(s string, i int) bool { return i > 0 && digitAt(s, i-1) }

func letterBefore(s string, i int) bool { return i > 0 && s[i-1] >= 'a' && s[i-1] <= 'z' }

// before returns at most n bytes in front of i; a cut rune at its beginning matches nothing.
func before(s string, i, n int) string { return s[max(0, i-n):i] }

func overlaps(f Finding, others []Finding) bool {
	for _, o := range others {
		if f.Start < o.End && o.Start < f.End {
			return true
		}
	}
	return false
}
