package rights

import "time"

// Deadline returns until when a request has to be answered: the last second, in the
// zone, of the day with the same number as that of the receipt, so many months
// later, or of the month's last day where it has none, and as many days later as
// the clock stood. Weekends and holidays do not extend it.
func Deadline(received time.Time, months, pausedDays int, zone *time.Location) time.Time {
	y, m, d := received.In(zone).Date()
	last := time.Date(y, m+time.Month(months)+1, 0, 0, 0, 0, 0, zone).Day()
	return time.Date(y, m+time.Month(months), min(d, last)+pausedDays, 23, 59, 59, 0, zone).UTC()
}

// The months of Art. 12(3).
const (
	term       = 1
	maxExtends = 2
)

// pausedDays are the whole days that the clock stood.
func pausedDays(since, until time.Time) int {
	return max(int(until.Sub(since)/(24*time.Hour)), 0)
}

// backoff is how long a step that failed waits after so many attempts.
func backoff(attempts int, first, most time.Duration) time.Duration {
	wait := first
	for range attempts - 1 {
		if wait *= 2; wait >= most {
			return most
		}
	}
	return min(wait, most)
}
