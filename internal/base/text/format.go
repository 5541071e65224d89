package text

import (
	"context"
	"strconv"
	"time"
)

// shanghai is the zone of the agreement. China has kept one offset without
// summer time since 1991, so no zone file is needed.
var shanghai = time.FixedZone("Asia/Shanghai", 8*60*60)

type zoneKey struct{}

// WithZone returns a context whose times are written in the zone.
func WithZone(ctx context.Context, zone *time.Location) context.Context {
	return context.WithValue(ctx, zoneKey{}, zone)
}

// Zone returns the time zone of the context, Shanghai when none was set.
func Zone(ctx context.Context) *time.Location {
	if z, ok := ctx.Value(zoneKey{}).(*time.Location); ok && z != nil {
		return z
	}
	return shanghai
}

// Time writes a moment to the minute; "" for the zero time.
func Time(ctx context.Context, t time.Time) string {
	return format(ctx, t, T(ctx, "base.format.time"))
}

// Date writes the day of a moment in the context's zone; "" for the zero time.
func Date(ctx context.Context, t time.Time) string {
	return format(ctx, t, T(ctx, "base.format.date"))
}

func format(ctx context.Context, t time.Time, layout string) string {
	if t.IsZero() {
		return ""
	}
	return t.In(Zone(ctx)).Format(layout)
}

// Number writes n with a comma before each group of three digits, which both
// languages read.
func Number(_ context.Context, n int64) string {
	digits := strconv.FormatInt(n, 10)
	first := 0
	if n < 0 {
		first = 1
	}
	out := []byte(digits[:first])
	for i := first; i < len(digits); i++ {
		if i > first && (len(digits)-i)%3 == 0 {
			out = append(out, ',')
		}
		out = append(out, digits[i])
	}
	return string(out)
}

// Until says how much time is left from now to t in its largest whole unit,
// rounded down so that nobody is promised time that is not there.
func Until(ctx context.Context, now, t time.Time) string {
	const day = 24 * time.Hour
	left := t.Sub(now)
	switch {
	case left <= 0:
		return T(ctx, "base.until.past")
	case left < time.Minute:
		return T(ctx, "base.until.moment")
	case left < time.Hour:
		return T(ctx, "base.until.minutes", "Count", int64(left/time.Minute))
	case left < day:
		return T(ctx, "base.until.hours", "Count", int64(left/time.Hour))
	default:
		return T(ctx, "base.until.days", "Count", int64(left/day))
	}
}
