package consent

import "time"

// Day counts days since 1970-01-01, in UTC. Zero is no day: where a deadline
// is zero there is none, and a zero today is unknown, so everything that has a
// deadline has passed it and every minor is still one.
type Day uint16

const secondsOfDay = 24 * 60 * 60

// lastDay is in 2149.
const lastDay = ^Day(0)

// DayOf returns the day of t; before 1970 the first day, after 2149 the last.
func DayOf(t time.Time) Day {
	switch days := t.Unix() / secondsOfDay; {
	case days < 1:
		return 1
	case days > int64(lastDay):
		return lastDay
	default:
		return Day(days)
	}
}

// Time returns the first instant of the day.
func (d Day) Time() time.Time { return time.Unix(int64(d)*secondsOfDay, 0).UTC() }

// passed says whether a deadline has passed today; a zero deadline never does.
func (d Day) passed(today Day) bool { return d != 0 && (today == 0 || today >= d) }

// ahead says whether a day is still to come, or may be.
func (d Day) ahead(today Day) bool { return d != 0 && (today == 0 || today < d) }

// first returns the earlier of two deadlines.
func first(a, b Day) Day {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

// Until returns the first day on which a grant of the purpose, given on the day
// given, does not count any more, or zero for a grant without an end. said is an
// end that the grant itself has, or zero; minority is that of the data subject.
// Every grant given below the national age ends with it, a guardian's too.
func (p *Purpose) Until(given, said Day, minority Minority) Day {
	end := said
	if p.Renew != (Retention{}) {
		end = first(end, max(1, DayOf(p.Renew.After(given.Time()))))
	}
	if of := minority.ofAge(); of != 0 && given < of {
		end = first(end, of)
	}
	// Those are the purposes that full age matters to.
	if (p.Guardian || p.Kind == KindProfiling) && minority.Minor != 0 && given < minority.Minor {
		end = first(end, minority.Minor)
	}
	return end
}

// Minority says until when a data subject is a minor. The zero value is of
// somebody not known to be one.
type Minority struct {
	Minor Day // the first day of full age; zero: not known to be a minor
	// Ward is the first day of the national age from which a guardian is not
	// needed; zero with a Minor that is not: as Minor.
	Ward Day
}

// MinorityOf returns the minority of who was born at the time in the country,
// by its ISO 3166-1 alpha-2 code, "" where it is not known. Who is of full age on
// the day today has none.
func MinorityOf(born time.Time, country string, today Day) Minority {
	m := Minority{
		Minor: DayOf(born.AddDate(FullAge, 0, 0)),
		Ward:  DayOf(born.AddDate(DigitalAge(country), 0, 0)),
	}
	if m.Minor.passed(today) {
		return Minority{}
	}
	return m
}

// Younger returns the minority of the younger of two, so that both are bound by
// it.
func (m Minority) Younger(other Minority) Minority {
	young := Minority{Minor: max(m.Minor, other.Minor), Ward: max(m.ofAge(), other.ofAge())}
	if young.Minor == 0 {
		young.Minor = young.Ward
	}
	return young
}

// ofAge returns the first day without a guardian, or zero.
func (m Minority) ofAge() Day {
	if m.Ward != 0 {
		return m.Ward
	}
	return m.Minor
}

// minor says whether the data subject is a minor today.
func (m Minority) minor(today Day) bool { return m.Minor.ahead(today) || m.Ward.ahead(today) }

// ward says whether the data subject needs a guardian today.
func (m Minority) ward(today Day) bool { return m.ofAge().ahead(today) }
