package consent

import (
	"time"

	"zgoda/event"
)

// Permit is the right to store one event: one scope, at most one subject and
// one visitor, and the purposes it is stored under. Only this package mints one;
// the zero Permit is refused by record.Make.
type Permit struct {
	minted   bool
	scope    event.Scope
	by       Source
	site     event.SiteID
	subject  event.Handle
	visitor  event.Handle
	consent  [3]event.Handle
	sequence event.Sequence
	purposes event.PurposeSet
	policy   uint32
	key      event.KeyVersion
	period   event.Period
	keep     shortest
	released bool
	day      bool
}

// Identities are the handles of everyone a request is about, as the cached
// consent set answered them; zero where there is none.
type Identities struct {
	Visitor, Contact, Second event.Handles
	// More is true when the request is about others too. A row has no room for
	// their handles, and the writer could not look at them once more: it must be
	// nobody's.
	More bool
	// Day is true when the visitor is a browser that nobody knows, under a pseudonym
	// of one day: its analytics one, and no other.
	Day bool
}

// of returns the handles of the holder.
func (ids *Identities) of(h Holder) event.Handles {
	switch h {
	case HolderContact:
		return ids.Contact
	case HolderVisitor:
		return ids.Visitor
	default:
		return event.Handles{}
	}
}

// Permit mints the permit for the widest scope that the decision allows: person
// where profiling is allowed, else period where analytics is, else none where
// measurement is. ok is false when nothing may be stored. Of a
// request about more people than a row can name it is none at most.
//
// The row carries the bits of those purposes alone that are allowed under the
// pseudonym it is stored under: what a contact granted is not written on a
// visitor's row, nor the other way round.
func (d *Decision) Permit(ids Identities) (p Permit, ok bool) {
	if d.policy == nil {
		return Permit{}, false
	}
	p = Permit{
		site:     d.policy.Site,
		consent:  [3]event.Handle{ids.Visitor.Consent, ids.Contact.Consent, ids.Second.Consent},
		sequence: d.sequence,
		policy:   d.policy.Revision,
	}
	somebodys := !ids.More
	switch {
	case somebodys && (d.fill(&p, &ids, KindProfiling, HolderContact) || d.fill(&p, &ids, KindProfiling, HolderVisitor)):
		p.visitor = ids.Visitor.Profiling
	case somebodys && (d.fill(&p, &ids, KindAnalytics, HolderContact) || d.fill(&p, &ids, KindAnalytics, HolderVisitor)):
	case d.fill(&p, &ids, KindMeasurement, HolderNobody):
	default:
		return Permit{}, false
	}
	p.minted = true
	return p, true
}

// fill completes p for the scope of the kind under the holder's pseudonym, and
// says whether any purpose of the kind is allowed there.
func (d *Decision) fill(p *Permit, ids *Identities, kind Kind, holder Holder) bool {
	handles := ids.of(holder)
	p.scope = kind.Scope()
	switch p.scope {
	case event.ScopePerson:
		p.subject = handles.Profiling
	case event.ScopePeriod:
		p.subject, p.period = handles.Analytics, handles.Period
	default:
		p.subject, p.period = event.Handle{}, 0
	}
	p.key, p.purposes, p.keep, p.released = handles.Version, 0, shortest{}, false
	p.day = ids.Day && p.scope == event.ScopePeriod && holder == HolderVisitor
	if p.scope != event.ScopeNone && p.subject.IsZero() {
		return false
	}
	found := false
	for i := range min(len(d.policy.Purposes), len(d.verdicts)) {
		v, purpose := d.verdicts[i], &d.policy.Purposes[i]
		if v.Outcome != Allow || !fits(purpose.Kind, p.scope) || (p.scope != event.ScopeNone && !v.all.has(holder)) {
			continue
		}
		p.purposes = p.purposes.With(purpose.Bit)
		p.released = p.released || (v.By != SourceBasis && d.released.Has(purpose.Bit))
		if purpose.Kind != kind {
			continue
		}
		if !found {
			p.by = v.By
		}
		found = true
		p.keep.add(purpose.Retention)
	}
	return found
}

// fits says whether a purpose of the kind may be noted on a row of the scope:
// profiling and analytics need their identity there, the others only set a bit.
func fits(k Kind, scope event.Scope) bool {
	switch k {
	case KindProfiling, KindAnalytics:
		return k.Scope() <= scope
	default:
		return true
	}
}

// shortest keeps the shortest retention given in months and the shortest given
// in days, since which is shorter depends on the calendar.
type shortest struct {
	months, days       Retention
	hasMonths, hasDays bool
}

func (s *shortest) add(r Retention) {
	switch {
	case r.Months == 0:
		if !s.hasDays || r.Days < s.days.Days {
			s.days, s.hasDays = r, true
		}
	case !s.hasMonths || r.Months < s.months.Months || (r.Months == s.months.Months && r.Days < s.months.Days):
		s.months, s.hasMonths = r, true
	}
}

func (s *shortest) after(t time.Time) time.Time {
	if !s.hasMonths {
		return s.days.After(t)
	}
	end := s.months.After(t)
	if s.hasDays {
		if other := s.days.After(t); other.Before(end) {
			return other
		}
	}
	return end
}

// Minted says whether the permit came from a decision.
func (p *Permit) Minted() bool { return p.minted }

// Site returns the site whose policy was decided by.
func (p *Permit) Site() event.SiteID { return p.site }

// Scope returns how much identity may be stored.
func (p *Permit) Scope() event.Scope { return p.scope }

// Subject returns the pseudonym to store, zero in ScopeNone.
func (p *Permit) Subject() event.Handle { return p.subject }

// Visitor returns the visitor's pseudonym to store, zero but in ScopePerson.
func (p *Permit) Visitor() event.Handle { return p.visitor }

// Consent returns the consent handles of the visitor, the contact and the second
// contact, for the writer's second look; zero where there is none.
func (p *Permit) Consent() [3]event.Handle { return p.consent }

// Sequence returns the smallest control sequence of the records decided by.
func (p *Permit) Sequence() event.Sequence { return p.sequence }

// Purposes returns the purposes that the event is stored under.
func (p *Permit) Purposes() event.PurposeSet { return p.purposes }

// By returns who decided about the purpose that set the scope.
func (p *Permit) By() Source { return p.by }

// PolicyVersion returns the revision of the policy that was decided by.
func (p *Permit) PolicyVersion() uint32 { return p.policy }

// KeyVersion returns the version of the key of Subject, zero in ScopeNone.
func (p *Permit) KeyVersion() event.KeyVersion { return p.key }

// Period returns the month that Subject is the analytics pseudonym of, zero
// outside ScopePeriod. An event of another month must not be stored under it.
func (p *Permit) Period() event.Period { return p.period }

// Released says whether the event is stored for a purpose only because a grant on
// the page that it was made on released it.
func (p *Permit) Released() bool { return p.released }

// Day says whether Subject is the pseudonym of one day of a browser that nobody
// knows.
func (p *Permit) Day() bool { return p.day }

// Expires returns when a row received at t must be gone: the shortest retention
// of the allowed purposes that need the permit's scope.
func (p *Permit) Expires(t time.Time) time.Time { return p.keep.after(t) }
