package calendar

import "time"

// RefundLastMoment returns the last moment of a refund window of so many days in which the Shanghai day of payment is
// day 1: paid at any time on 1 July with 5 days, it is the end of 5 July. A window of no days is closed before it opens.
func RefundLastMoment(paid time.Time, days int) time.Time {
	return On(paid).AddDays(days - 1).Last()
}

// NoticeEarliest returns the first moment at which something announced with so many natural days of notice may happen.
// The day of the announcement does not count: announced on 22 November with 60 days, it is 22 January 00:00.
func NoticeEarliest(published time.Time, days int) time.Time {
	return On(published).AddDays(days + 1).Start()
}

// AddMonths returns the same day n natural months later, or the last day of that month when it has no such day:
// 31 January plus 1 is 28 or 29 February. n may be negative. Terms that repeat are counted from their first day each
// time (n = 1, 2, 3 …), because a day once cut short does not grow back.
func AddMonths(d Date, n int) Date {
	first := normal(d.Year, d.Month+time.Month(n), 1)
	last := normal(first.Year, first.Month+1, 0).Day
	return Date{first.Year, first.Month, min(d.Day, last)}
}

// MonthsLater is AddMonths for a moment: the Shanghai day moves, the Shanghai time of day stays.
func MonthsLater(t time.Time, n int) time.Time {
	local := t.In(Shanghai)
	d := AddMonths(On(t), n)
	return time.Date(d.Year, d.Month, d.Day, local.Hour(), local.Minute(), local.Second(), local.Nanosecond(), Shanghai)
}

// UsedDays returns how many natural days a use from start to now has touched; a begun day counts as a whole one, and a
// use that has not begun has touched none.
func UsedDays(start, now time.Time) int {
	if now.Before(start) {
		return 0
	}
	return On(start).Until(On(now)) + 1
}
