package daily

import "time"

// Number counts the days (UTC) since 1 January 1970.
type Number uint32

const day = 24 * time.Hour

// NumberOf returns the day that a time is in; of one before 1970 it is the first.
func NumberOf(t time.Time) Number {
	return Number(max(0, t.Unix()) / int64(day/time.Second))
}

// End returns when the day is over.
func (n Number) End() time.Time {
	return time.Unix((int64(n)+1)*int64(day/time.Second), 0).UTC()
}

// within returns how long to sleep: until the day that now is in is over, and no
// longer than most. Clocks are set and machines sleep, so nobody sleeps the whole day.
func within(now time.Time, most time.Duration) time.Duration {
	return min(most, max(NumberOf(now).End().Sub(now), time.Millisecond))
}
