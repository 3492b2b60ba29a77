package consent

import "zgoda/event"

// denied applies what stands against the purpose, the most telling first.
func (c *verdictCase) denied(i int, rule *merged) (Source, bool) {
	p := &c.policy.Purposes[i]
	if p.Kind == KindUnknown || p.Kind > KindSharing || p.Bit >= event.MaxPurposes {
		return SourceDefault, true
	}
	if c.subject.Class.criminal() {
		return SourceCriminal, true
	}
	if c.standing.by != SourceDefault {
		return c.standing.by, true
	}
	if !rule.contract() {
		if by, denied := c.refused(i, rule); denied {
			return by, true
		}
	}
	if by, denied := c.deniedByClass(p); denied {
		return by, true
	}
	if c.said.unreadable && p.Kind != KindMeasurement {
		return SourceUnreadable, true
	}
	if c.subject.NoOrigin && p.Kind != KindMeasurement {
		return SourceNoOrigin, true
	}
	return SourceDefault, !rule.bases.hold() || rule.device || c.tooEarly(p, rule)
}

// refused applies what people and their browsers say against the purpose.
func (c *verdictCase) refused(i int, rule *merged) (Source, bool) {
	p := &c.policy.Purposes[i]
	if by, denied := c.refusedOnRecord(p); denied {
		return by, true
	}
	if by, denied := c.deniedByBrowser(i, rule); denied {
		return by, true
	}
	if c.said.refused>>i&1 != 0 {
		return c.signals.refusedByStatement(i), true
	}
	return SourceOptOut, c.optOut && optsOut(p)
}

// tooEarly says whether the event was made before anybody had chosen about a
// purpose that needs a grant, and no grant released it: one that was given since,
// wherever, does not reach back.
func (c *verdictCase) tooEarly(p *Purpose, rule *merged) bool {
	return c.subject.Unset && !c.subject.Released.Has(p.Bit) &&
		(rule.bases.has(BasisConsent) || c.subject.Class.Has(ClassSpecial))
}

// optsOut says whether an opt-out that Global Privacy Control left on record
// reaches the purpose.
func optsOut(p *Purpose) bool {
	return p.US&(USSale|USSharing|USTargeted) != 0 || p.Kind.Scope() == event.ScopePerson
}

// deniedByClass applies what stands against special data and minors whoever
// agreed.
func (c *verdictCase) deniedByClass(p *Purpose) (Source, bool) {
	switch {
	case c.minor && p.Kind == KindProfiling:
		return SourceMinor, true
	case c.subject.Class.Has(ClassSpecial) && !p.Special:
		return SourceSpecial, true
	default:
		return SourceDefault, false
	}
}

// standing is what stands against purposes whatever was chosen of each: the
// strictest of all records.
type standing struct {
	by           Source // SourceErased, SourceRestricted, or SourceDefault
	profilingOff bool
}

// add adds what one record says.
func (s *standing) add(r *Record) {
	switch {
	case r.State == StateErased:
		s.by = SourceErased
	case r.State != StateActive && s.by != SourceErased:
		s.by = SourceRestricted
	}
	s.profilingOff = s.profilingOff || r.ProfilingOff
}

// refusedOnRecord asks every record in play; the most restrictive wins.
func (c *verdictCase) refusedOnRecord(p *Purpose) (Source, bool) {
	if c.standing.profilingOff && p.Kind == KindProfiling {
		return SourceSwitch, true
	}
	for _, r := range c.records {
		if r != nil && r.Purposes[p.Bit].Choice.Refuses() {
			return SourceLedger, true
		}
	}
	return SourceDefault, false
}

// deniedByBrowser applies GPC, DNT and ADPC as far as the site lets them reach the
// purpose. Signals that ask are beaten only by one grant on record, given in our
// dialogue while they were present.
func (c *verdictCase) deniedByBrowser(i int, rule *merged) (Source, bool) {
	present := c.against(i)
	if present == 0 {
		return SourceDefault, false
	}
	p := &c.policy.Purposes[i]
	for _, s := range browsers {
		if present&s.bit != 0 && (rule.refuse&s.bit != 0 || rule.ask&s.bit != 0 && c.ledgerGrants(p, s.bit) == 0) {
			return s.source, true
		}
	}
	asks := present & rule.ask
	if asks == 0 || c.ledgerGrants(p, asks) != 0 {
		return SourceDefault, false
	}
	for _, s := range browsers { // each is beaten, but by nobody's one grant
		if asks&s.bit != 0 {
			return s.source, true
		}
	}
	return SourceDefault, false
}

// against returns the browser's signals that stand against a purpose.
func (c *verdictCase) against(i int) browser {
	if c.said.adpc>>i&1 != 0 {
		return c.present | browserADPC
	}
	return c.present
}

// refusedByStatement returns the source of the refusal that the request itself
// makes of the purpose; of several, the one first in the list of sources, so
// that their order does not matter. ADPC is a browser's signal, which the site's
// table limits, and is not among them.
func (s *Signals) refusedByStatement(i int) Source {
	by := sourceCount
	used := s.used()
	for j := range used {
		if st := &used[j]; st.Readings.At(i) == Refused && st.Source != SourceADPC {
			by = min(by, st.Source)
		}
	}
	return by
}
