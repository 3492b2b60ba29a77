package access

import (
	"errors"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"zgoda/pseudonym/meter"
	"zgoda/pseudonym/role"
)

// Limits say how much one caller may ask for.
type Limits struct {
	UnknownBurst     int // unknown contacts at once
	UnknownPerMinute int
	MintsPerSecond   int // contacts made, and identifiers linked; twice as many at once. Aliases: as many again
	MintsPerDay      int // the same; as many at once. 0: any number
	RevealsPerHour   int // without a second person

	ErasuresPerHour int // contacts destroyed; as many at once. 0: any number

	SaidPerDay int64 // bytes of what events said of contacts; as many at once. 0: any number
}

// DefaultLimits are generous for a gateway, whose visitors' claims never reach
// the keyholder, and stop a guessing run soon.
func DefaultLimits() Limits {
	return Limits{UnknownBurst: 10_000, UnknownPerMinute: 600, MintsPerSecond: 20_000, MintsPerDay: 2_000_000, RevealsPerHour: 30, ErasuresPerHour: 100_000, SaidPerDay: 4 << 30}
}

// Quota counts what a caller asks about contacts that are not there: a stolen
// credential that tries guesses does little else. One that has its guesses made
// contacts, and compares the answers with rows that it has elsewhere, runs into
// the limit of a day.
type Quota struct {
	unknown, mints *buckets
	day            *buckets // of mints; nil: any number
	aliases        *buckets
	aliasDay       *buckets // nil: any number
	said           *buckets // bytes; nil: any number
	erasures       *buckets // nil: any number
	erasuresAtMost float64
	now            func() time.Time
	refused        *meter.Counter
}

// NewQuota makes a quota. What it refuses is counted in refused, by role and limit.
func NewQuota(l Limits, now func() time.Time, refused *meter.Counter) *Quota {
	q := &Quota{
		unknown: newBuckets(float64(l.UnknownBurst), float64(l.UnknownPerMinute)/60),
		mints:   newBuckets(2*float64(l.MintsPerSecond), float64(l.MintsPerSecond)),
		aliases: newBuckets(2*float64(l.MintsPerSecond), float64(l.MintsPerSecond)),
		now:     now, refused: refused,
	}
	if l.MintsPerDay > 0 {
		q.day = newBuckets(float64(l.MintsPerDay), float64(l.MintsPerDay)/(24*60*60))
		q.aliasDay = newBuckets(float64(l.MintsPerDay), float64(l.MintsPerDay)/(24*60*60))
	}
	if l.SaidPerDay > 0 {
		q.said = newBuckets(float64(l.SaidPerDay), float64(l.SaidPerDay)/(24*60*60))
	}
	if l.ErasuresPerHour > 0 {
		q.erasuresAtMost = float64(l.ErasuresPerHour)
		q.erasures = newBuckets(q.erasuresAtMost, q.erasuresAtMost/3600)
	}
	return q
}

// TakeErasures takes so many contacts that are to be destroyed: whoever has stolen the
// credential of the role rights must not be able to empty the vault. A call for more than
// an hour's share goes when nothing of that was used: else it would be refused for good.
func (q *Quota) TakeErasures(who role.Caller, n int) error {
	if q.erasures == nil || q.erasures.take(who, min(float64(n), q.erasuresAtMost), q.now()) {
		return nil
	}
	q.refused.Add(1, who.Role.String(), "erasures")
	return errErasures
}

// TakeSaid takes so many bytes of what events said of contacts: whoever has stolen a
// gateway's credential must not be able to fill the disk.
func (q *Quota) TakeSaid(who role.Caller, bytes int) error {
	if q.said == nil || q.said.take(who, float64(bytes), q.now()) {
		return nil
	}
	q.refused.Add(1, who.Role.String(), "said")
	return errSaid
}

// TakeAliases takes n identifiers under a new gate key that are to lead to
// contacts known by the one before. They have limits of their own, as high as
// those of contacts that are made: a rotation must not keep new ones out.
func (q *Quota) TakeAliases(who role.Caller, n int) error {
	if n == 0 {
		return nil
	}
	if !q.aliases.take(who, float64(n), q.now()) || q.aliasDay != nil && !q.aliasDay.take(who, float64(n), q.now()) {
		q.refused.Add(1, who.Role.String(), "aliases")
		return errAliases
	}
	return nil
}

var (
	errUnknown  = status.Error(codes.ResourceExhausted, "too many unknown identifiers: the quota is used up")
	errMints    = status.Error(codes.ResourceExhausted, "too many new contacts at one time")
	errAliases  = status.Error(codes.ResourceExhausted, "too many contacts carried over to a new gateway key")
	errSaid     = status.Error(codes.ResourceExhausted, "too much that events said of contacts in a day")
	errErasures = status.Error(codes.ResourceExhausted, "too many contacts destroyed in an hour")
	errDay      = status.Error(codes.ResourceExhausted, "too many new contacts in a day")
)

// Take takes what a batch asks for, before anything of it is answered or made.
// Over the quota the whole batch is refused, so that the refusal does not tell
// which of its rows are known.
func (q *Quota) Take(who role.Caller, unknown, minted int) error {
	if !q.unknown.take(who, float64(unknown), q.now()) { // also 0: it takes the same time
		q.refused.Add(1, who.Role.String(), "unknown")
		return errUnknown
	}
	if minted > 0 && !q.mints.take(who, float64(minted), q.now()) {
		q.refused.Add(1, who.Role.String(), "mints")
		return errMints
	}
	if minted > 0 && q.day != nil && !q.day.take(who, float64(minted), q.now()) {
		q.refused.Add(1, who.Role.String(), "mints_day")
		return errDay
	}
	return nil
}

// Validate says what is wrong with the limits.
func (l Limits) Validate() error {
	if l.UnknownBurst < 0 || l.UnknownPerMinute < 0 || l.MintsPerSecond <= 0 || l.MintsPerDay < 0 || l.RevealsPerHour < 0 || l.ErasuresPerHour < 0 || l.SaidPerDay < 0 {
		return errors.New("limits: negative, or no contact can be made")
	}
	return nil
}
