package consent

// granted looks for the explicit grant that a purpose on consent needs, once
// nothing stands against it.
func (c *verdictCase) granted(i int, rule *merged) Verdict {
	p := &c.policy.Purposes[i]
	asks := c.against(i) & rule.ask
	ledger := c.ledgerGrants(p, asks)
	var request holders
	by := SourceDefault
	// Nothing in a request beats a signal that asks, or is a grant of special data
	// or of a guardian.
	if c.said.granted>>i&1 != 0 && asks == 0 && !c.subject.Class.Has(ClassSpecial) && !c.needsGuardian(p) {
		by, request = c.requestGrants(i, rule)
	}
	all := ledger | request
	switch {
	case all == 0 && c.needsGuardian(p):
		return Verdict{By: SourceMinor}
	case all == 0 && c.subject.Class.Has(ClassSpecial):
		return Verdict{By: SourceSpecial}
	case all == 0:
		return Verdict{}
	case ledger.has(all.first()):
		return allow(SourceLedger, all)
	default:
		return allow(by, all)
	}
}

// requestGrants returns for whom the request's own statements grant the purpose.
func (c *verdictCase) requestGrants(i int, rule *merged) (Source, holders) {
	of := granting{browser: c.subject.Speaks == SpeaksForVisitor, choice: !c.ended(c.subject.Visitor, i), adpc: rule.ignore&browserADPC == 0}
	switch {
	case c.subject.Speaks == SpeaksForVisitor && c.visitorCounts():
		if by, ok := c.signals.grantedByStatement(i, of); ok {
			return by, HolderVisitor.set()
		}
	case c.subject.Speaks == SpeaksForContact && c.subject.Contact != nil:
		if by, ok := c.signals.grantedByStatement(i, of); ok {
			return by, HolderContact.set()
		}
	}
	return SourceDefault, 0
}

// grantedByStatement does the same for grants, of tools that may grant and can
// be read. A cookie is a browser's: without cookies it does not count. ADPC does
// not count where the site ignores it, since it would be ignored in part only.
func (s *Signals) grantedByStatement(i int, of granting) (by Source, ok bool) {
	used := s.used()
	for j := range used {
		st := &used[j]
		if st.Readings.At(i) != Granted || st.Broken || !st.Source.Grants() || (st.Browser && !of.browser) ||
			(st.Source == SourceCookie && (!of.browser || !of.choice)) || (st.Source == SourceADPC && !of.adpc) {
			continue
		}
		if !ok || st.Source < by {
			by, ok = st.Source, true
		}
	}
	return by, ok
}

// ledgerGrants returns who holds a grant on record that counts here: given for
// the version in force, not ended and, where asked for, in our dialogue while the
// browser's signals were present. A server's event about a contact never counts
// the visitor's.
func (c *verdictCase) ledgerGrants(p *Purpose, asks browser) holders {
	var all holders
	if c.grants(c.subject.Contact, p, asks) {
		all |= HolderContact.set()
	}
	if c.visitorCounts() && c.grants(c.subject.Visitor, p, asks) {
		all |= HolderVisitor.set()
	}
	return all
}

// grants says whether a record has a grant that counts here.
func (c *verdictCase) grants(r *Record, p *Purpose, asks browser) bool {
	if r == nil {
		return false
	}
	h := &r.Purposes[p.Bit]
	if h.Choice != ChoiceGiven || h.Version != p.Version || h.Until.passed(c.subject.Today) {
		return false
	}
	if h.Guardian != c.needsGuardian(p) || h.Guardian && !r.wardOf(p, c.subject.Today) {
		return false
	}
	return asks == 0 || h.Dialogue && h.signals()&asks == asks
}

// signals returns which of the browser's signals were present at the choice.
func (h *Held) signals() browser {
	var present browser
	if h.GPC {
		present |= browserGPC
	}
	if h.DNT {
		present |= browserDNT
	}
	if h.ADPC {
		present |= browserADPC
	}
	return present
}

// needsGuardian says whether only a guardian's grant counts.
func (c *verdictCase) needsGuardian(p *Purpose) bool { return c.ward || c.minor && p.Guardian }

// wardOf says whether a guardian's grant can count for the data subject today: who
// is not known to be a minor has none, and whoever comes of age has none any more.
func (r *Record) wardOf(p *Purpose, today Day) bool {
	return today != 0 && (r.Minority.ward(today) || p.Guardian && r.Minority.minor(today))
}

// visitorCounts says whether the visitor's own grants can carry this event.
func (c *verdictCase) visitorCounts() bool {
	return c.subject.Visitor != nil && (!c.subject.Server || c.subject.Contact == nil)
}

// ended says whether a record has a grant of the purpose that has ended: the choice
// in our cookie was made with it and ends with it.
func (c *verdictCase) ended(r *Record, i int) bool {
	if r == nil {
		return false
	}
	return r.Purposes[c.policy.Purposes[i].Bit].Ended(c.subject.Today)
}

// Ended says whether there was a grant that has ended: its end has come, or was
// noted already. Then nothing is chosen any more, and the version stays.
func (h *Held) Ended(today Day) bool {
	noted := h.Choice == ChoiceUnset && h.Version != 0
	return noted || h.Choice == ChoiceGiven && h.Until.passed(today)
}
