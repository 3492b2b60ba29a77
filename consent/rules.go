package consent

import "zgoda/event"

// verdictCase is what the rules look at: one policy, one request, everyone in it.
type verdictCase struct {
	policy     *Policy
	signals    *Signals
	subject    *Subject
	records    [3]*Record
	unreadable bool
}

// unread stands for signals that nobody read.
var unread = Signals{Count: -1}

func newCase(policy *Policy, signals *Signals, subject *Subject) verdictCase {
	if signals == nil {
		signals = &unread
	}
	return verdictCase{
		policy:     policy,
		signals:    signals,
		subject:    subject,
		records:    [3]*Record{subject.Visitor, subject.Contact, subject.Second},
		unreadable: signals.unreadable(),
	}
}

// used returns the statements in use, whatever Count says.
func (s *Signals) used() []Statement {
	return s.Statements[:max(0, min(s.Count, MaxStatements))]
}

// unreadable says whether any signal is there but cannot be read.
func (s *Signals) unreadable() bool {
	if s.Count < 0 || s.Count > MaxStatements {
		return true
	}
	used := s.used()
	for i := range used {
		if used[i].Broken {
			return true
		}
		for _, r := range used[i].Readings {
			if strictness(r) >= strictness(Unreadable) {
				return true
			}
		}
	}
	return false
}

// verdict applies the rules, in order, to a purpose that stands on its own.
func (c *verdictCase) verdict(i int) Verdict {
	if by, denied := c.denied(i); denied {
		return Verdict{By: by}
	}
	p := &c.policy.Purposes[i]
	switch p.Basis {
	case BasisConsent:
		return c.granted(i)
	case BasisLegitimateInterest:
		// Never for these kinds, whatever a policy says.
		if p.Kind != KindMeasurement && p.Kind != KindAnalytics {
			return Verdict{}
		}
		return allow(SourceBasis, c.everyone())
	default:
		return Verdict{}
	}
}

// denied applies what stands against the purpose, the most telling first.
func (c *verdictCase) denied(i int) (Source, bool) {
	p := &c.policy.Purposes[i]
	if p.Kind == KindUnknown || p.Kind > KindSharing || p.Bit >= event.MaxPurposes {
		return SourceDefault, true
	}
	if by, denied := c.deniedByRecord(p); denied {
		return by, true
	}
	if by, denied := c.deniedByBrowser(p); denied {
		return by, true
	}
	if by, denied := c.signals.refusedByStatement(i); denied {
		return by, true
	}
	if c.unreadable && p.Kind != KindMeasurement {
		return SourceUnreadable, true
	}
	if c.subject.NoOrigin && p.Kind != KindMeasurement {
		return SourceNoOrigin, true
	}
	return SourceDefault, false
}

// deniedByRecord asks every record in play; the most restrictive wins.
func (c *verdictCase) deniedByRecord(p *Purpose) (Source, bool) {
	found := SourceDefault
	for _, r := range c.records {
		if r == nil {
			continue
		}
		if by := r.against(p); recordRank(by) > recordRank(found) {
			found = by
		}
	}
	return found, found != SourceDefault
}

// against returns what of the record stands against the purpose, or SourceDefault.
func (r *Record) against(p *Purpose) Source {
	switch {
	case r.State == StateErased:
		return SourceErased
	case r.State != StateActive:
		return SourceRestricted
	case r.ProfilingOff && p.Kind == KindProfiling:
		return SourceSwitch
	case r.Purposes[p.Bit].Choice.Refuses():
		return SourceLedger
	default:
		return SourceDefault
	}
}

func recordRank(s Source) int {
	switch s {
	case SourceErased:
		return 4
	case SourceRestricted:
		return 3
	case SourceSwitch:
		return 2
	case SourceLedger:
		return 1
	default:
		return 0
	}
}

// deniedByBrowser applies GPC and DNT as far as the site lets them reach the
// purpose. A signal that asks is beaten only by a grant on record, given in our
// dialogue while the same signal was present.
func (c *verdictCase) deniedByBrowser(p *Purpose) (Source, bool) {
	gpc, dnt := c.signals.GPC != Absent, c.signals.DNT != Absent
	if gpc && p.GPC != ReachIgnore && (p.GPC != ReachAsk || c.ledgerGrants(p, true, false) == 0) {
		return SourceGPC, true
	}
	if dnt && p.DNT != ReachIgnore && (p.DNT != ReachAsk || c.ledgerGrants(p, false, true) == 0) {
		return SourceDNT, true
	}
	askGPC, askDNT := gpc && p.GPC == ReachAsk, dnt && p.DNT == ReachAsk
	if askGPC && askDNT && c.ledgerGrants(p, true, true) == 0 {
		return SourceGPC, true // each is beaten, but by nobody's one grant
	}
	return SourceDefault, false
}

// refusedByStatement returns the source of the refusal that the request itself
// makes of the purpose; of several, the one first in the list of sources, so
// that their order does not matter.
func (s *Signals) refusedByStatement(i int) (by Source, ok bool) {
	used := s.used()
	for j := range used {
		if used[j].Readings[i] == Refused && (!ok || used[j].Source < by) {
			by, ok = used[j].Source, true
		}
	}
	return by, ok
}

// grantedByStatement does the same for grants, of tools that may grant and can
// be read. A cookie is a browser's: without cookies it does not count.
func (s *Signals) grantedByStatement(i int, cookies bool) (by Source, ok bool) {
	used := s.used()
	for j := range used {
		st := &used[j]
		if st.Readings[i] != Granted || st.Broken || !st.Source.Grants() || ((st.Browser || st.Source == SourceCookie) && !cookies) {
			continue
		}
		if !ok || st.Source < by {
			by, ok = st.Source, true
		}
	}
	return by, ok
}

// ledgerGrants returns who holds a grant on record that counts here: given for
// the version in force and, where asked for, in our dialogue while GPC or DNT
// was present. A server's event about a contact never counts the visitor's.
func (c *verdictCase) ledgerGrants(p *Purpose, gpc, dnt bool) holders {
	var all holders
	if c.subject.Contact.grants(p, gpc, dnt) {
		all |= HolderContact.set()
	}
	if c.visitorCounts() && c.subject.Visitor.grants(p, gpc, dnt) {
		all |= HolderVisitor.set()
	}
	return all
}

func (r *Record) grants(p *Purpose, gpc, dnt bool) bool {
	if r == nil {
		return false
	}
	h := &r.Purposes[p.Bit]
	if h.Choice != ChoiceGiven || h.Version != p.Version {
		return false
	}
	return (!gpc || h.Dialogue && h.GPC) && (!dnt || h.Dialogue && h.DNT)
}

// visitorCounts says whether the visitor's own grants can carry this event.
func (c *verdictCase) visitorCounts() bool {
	return c.subject.Visitor != nil && (!c.subject.Server || c.subject.Contact == nil)
}

// granted looks for the explicit grant that a purpose on consent needs, once
// nothing stands against it.
func (c *verdictCase) granted(i int) Verdict {
	p := &c.policy.Purposes[i]
	askGPC := c.signals.GPC != Absent && p.GPC == ReachAsk
	askDNT := c.signals.DNT != Absent && p.DNT == ReachAsk
	ledger := c.ledgerGrants(p, askGPC, askDNT)
	var request holders
	by := SourceDefault
	if !askGPC && !askDNT { // nothing in a request beats a signal that asks
		by, request = c.requestGrants(i)
	}
	all := ledger | request
	switch {
	case all == 0:
		return Verdict{}
	case ledger.has(all.first()):
		return allow(SourceLedger, all)
	default:
		return allow(by, all)
	}
}

// requestGrants returns for whom the request's own statements grant the purpose.
func (c *verdictCase) requestGrants(i int) (Source, holders) {
	switch {
	case c.subject.Speaks == SpeaksForVisitor && c.visitorCounts():
		if by, ok := c.signals.grantedByStatement(i, true); ok {
			return by, HolderVisitor.set()
		}
	case c.subject.Speaks == SpeaksForContact && c.subject.Contact != nil:
		if by, ok := c.signals.grantedByStatement(i, false); ok {
			return by, HolderContact.set()
		}
	}
	return SourceDefault, 0
}

// everyone returns all under whose pseudonym an event may be stored that needs
// no grant.
func (c *verdictCase) everyone() holders {
	all := HolderNobody.set()
	if c.subject.Contact != nil {
		all |= HolderContact.set()
	}
	if c.visitorCounts() {
		all |= HolderVisitor.set()
	}
	return all
}

// related allows a purpose that is compatible with another (Art. 6(4)) when
// nothing stands against either, and never with more identity than the other
// needs: a consent is not stretched. Profiling, marketing and sharing can lean
// on a consent only.
func (c *verdictCase) related(i int, d *Decision) Verdict {
	if by, denied := c.denied(i); denied {
		return Verdict{By: by}
	}
	p := &c.policy.Purposes[i]
	j := c.policy.Find(p.Related)
	if !p.Compatible || j < 0 || j >= len(d.verdicts) {
		return Verdict{}
	}
	other := &c.policy.Purposes[j]
	leans := other.Basis == BasisConsent || other.Basis == BasisLegitimateInterest
	if !leans || p.Kind.Scope() > other.Kind.Scope() {
		return Verdict{}
	}
	base := d.verdicts[j]
	if base.Outcome != Allow {
		return Verdict{By: base.By}
	}
	if p.Kind.Scope() == event.ScopePerson && other.Basis != BasisConsent {
		return Verdict{}
	}
	return allow(SourceBasis, base.all)
}

func allow(by Source, all holders) Verdict {
	return Verdict{Outcome: Allow, By: by, Holder: all.first(), all: all}
}
