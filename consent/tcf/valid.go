package tcf

import "time"

// Rules are what a string must meet at the time it is used.
type Rules struct {
	// DisclosedSince is the time from which a string must have been made with
	// Disclosed Vendors; an older one is read as TCF 2.2.
	DisclosedSince time.Time
	// MaxAge is how long after its last update a string grants anything.
	MaxAge time.Duration
	// Skew is how far ahead of our clock the last update may be.
	Skew time.Duration
}

// DefaultRules returns the rules of TCF 2.3: Disclosed Vendors in every string
// made since 28 February 2026; people are asked again after thirteen months,
// counted as 393 days, the fewest that they can have; one day of skew, since
// strings hold the date of some time zone.
func DefaultRules() Rules {
	return Rules{
		DisclosedSince: time.Date(2026, time.February, 28, 0, 0, 0, 0, time.UTC),
		MaxAge:         393 * 24 * time.Hour,
		Skew:           24 * time.Hour,
	}
}

// Check says whether the string is valid at the given time. The error is an
// Error: with Stale its grants do not count, any other makes it unreadable.
func (s *String) Check(now time.Time, rules Rules) error {
	at := now.UnixMilli() / 100
	switch {
	case s.updated > at+tenths(rules.Skew):
		return ErrFuture
	case !s.disclosed.present && s.updated >= rules.DisclosedSince.UnixMilli()/100:
		return ErrUndisclosed
	case s.purposeOneHidden && !s.serviceSpecific:
		return ErrPurposeOne
	case !s.serviceSpecific && s.policyVersion >= firstWithoutGlobal:
		return ErrGlobal
	case s.updated < at-tenths(rules.MaxAge):
		return ErrOld
	default:
		return nil
	}
}

// firstWithoutGlobal is the policy version of TCF 2.2, which took global scope
// away.
const firstWithoutGlobal = 4

func tenths(d time.Duration) int64 { return int64(d / (100 * time.Millisecond)) }
