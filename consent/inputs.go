package consent

import "zgoda/event"

// inputs lists what was looked at about one purpose.
func (c *verdictCase) inputs(d *Decision, i int) []TraceInput {
	p, rule := &c.policy.Purposes[i], c.ground.rule(c.policy, i)
	all := []TraceInput{}
	for _, n := range c.subject.named() {
		all = append(all, c.recordInput(p, n))
		if n.record.OptOut && optsOut(p) {
			all = append(all, TraceInput{Source: SourceOptOut.String(), Whose: n.whose, Reading: Refused.String()})
		}
	}
	present := c.against(i)
	for _, s := range browsers {
		if present&s.bit != 0 {
			in := TraceInput{Source: s.source.String(), Reading: rule.reachOf(s.bit).String()}
			if rule.ask&s.bit != 0 && c.ledgerGrants(p, s.bit) != 0 {
				in.Note = "a grant on record, given in our dialogue while the signal was present, beats it"
			}
			all = append(all, in)
		}
	}
	used := c.signals.used()
	for j := range used {
		all = append(all, c.statementInput(&used[j], &rule, i))
	}
	if rule.bases.has(BasisRelated) {
		all = append(all, relatedInput(d, p))
	}
	return all
}

// reachOf returns what a signal of the browser does.
func (m *merged) reachOf(s browser) Reach {
	switch {
	case m.ask&s != 0:
		return ReachAsk
	case m.ignore&s != 0:
		return ReachIgnore
	default:
		return ReachRefuse
	}
}

// recordInput tells what is on record about the purpose for one identity.
func (c *verdictCase) recordInput(p *Purpose, n namedRecord) TraceInput {
	in := TraceInput{Source: SourceLedger.String(), Whose: n.whose, Reading: ChoiceUnset.String()}
	if p.Bit >= event.MaxPurposes {
		return in
	}
	h := &n.record.Purposes[p.Bit]
	in.Reading = h.Choice.String()
	if h.Choice == ChoiceGiven {
		in.Note = c.grantNote(p, n, h)
	}
	return in
}

// grantNote says why a grant on record does not count, or until when it does.
func (c *verdictCase) grantNote(p *Purpose, n namedRecord, h *Held) string {
	needed := c.needsGuardian(p)
	switch {
	case h.Version != p.Version:
		return "given for another version of the purpose, so it must be asked again"
	case h.Until.passed(c.subject.Today):
		return "ended on " + h.Until.String() + ", so it must be asked again"
	case needed && !h.Guardian:
		return "a minor's own grant does not count: a guardian must give it"
	case h.Guardian && (!needed || !n.record.wardOf(p, c.subject.Today)):
		return "a guardian's grant, which does not count from the age at which none is needed"
	case n.record == c.subject.Second:
		return "a second contact can refuse only"
	case n.record == c.subject.Visitor && !c.visitorCounts():
		return "a server's event about a contact never inherits a visitor's grant"
	case h.Until != 0:
		return "until " + h.Until.String()
	default:
		return ""
	}
}

// statementInput tells what one consent tool says about the purpose.
func (c *verdictCase) statementInput(st *Statement, rule *merged, i int) TraceInput {
	s := c.subject
	in := TraceInput{Source: st.Source.String(), Whose: s.Speaks.String(), Reading: st.Readings.At(i).String(), Note: st.Detail.String()}
	ignored := st.Source == SourceADPC && rule.ignore&browserADPC != 0
	if st.Broken {
		in.Reading, in.Note = Unreadable.String(), "it is there but cannot be read"
		return in
	}
	if ignored && st.Readings.At(i) != Unset {
		in.Note = "the site ignores it for this purpose"
		return in
	}
	if st.Readings.At(i) != Granted {
		return in
	}
	switch p := &c.policy.Purposes[i]; {
	case !st.Source.Grants():
		in.Note = "it can refuse only"
	case s.Speaks == SpeaksForNobody:
		in.Note = "the request may grant for nobody"
	case s.Speaks == SpeaksForVisitor && !c.visitorCounts():
		in.Note = "a server's event about a contact never inherits a visitor's grant"
	case s.Speaks == SpeaksForContact && (st.Browser || st.Source == SourceCookie):
		in.Note = "a browser's cookie never grants for a contact"
	case st.Source == SourceCookie && c.ended(s.Visitor, i):
		in.Note = "the grant that was given with it has ended"
	case c.needsGuardian(p):
		in.Note = "only a guardian's grant on record counts"
	case s.Class.Has(ClassSpecial):
		in.Note = "only a grant on record counts for special data"
	case c.against(i)&rule.ask != 0:
		in.Note = "nothing in a request beats a browser's signal that asks"
	}
	return in
}

// relatedInput tells how the other purpose stands.
func relatedInput(d *Decision, p *Purpose) TraceInput {
	in := TraceInput{Source: SourceBasis.String(), Whose: string(p.Related), Reading: Deny.String()}
	if j := d.policy.Find(p.Related); j >= 0 {
		in.Reading = d.Verdict(j).Outcome.String()
	}
	if !p.Compatible {
		in.Note = "no compatibility test and notice are recorded"
	}
	return in
}
