package consent

import "zgoda/event"

// verdictCase is what the rules look at: one policy, one request, everyone in it.
type verdictCase struct {
	policy   *Policy
	signals  *Signals
	subject  *Subject
	records  [3]*Record
	present  browser // GPC and DNT
	said     said
	minor    bool // somebody in it is a minor, or taken for one
	ward     bool // and needs a guardian
	optOut   bool // somebody in it has an opt-out on record
	standing standing
	ground   ground
	rules    [event.MaxPurposes]merged // of the purposes decided so far
}

// unread stands for signals that nobody read.
var unread = Signals{Count: -1}

// newCase fills in the result where it stands: it is large.
func newCase(policy *Policy, signals *Signals, subject *Subject) (c verdictCase) {
	if signals == nil {
		signals = &unread
	}
	c.policy, c.signals, c.subject = policy, signals, subject
	c.records = [...]*Record{subject.Visitor, subject.Contact, subject.Second}
	c.present = signals.browser()
	c.said = signals.said(len(policy.Purposes))
	c.ground = policy.ground(policy.places(subject))
	c.ward = subject.Class.Has(ClassChild)
	c.minor = c.ward
	for _, r := range c.records {
		if r != nil {
			c.minor = c.minor || r.Minority.minor(subject.Today)
			c.ward = c.ward || r.Minority.ward(subject.Today)
			c.optOut = c.optOut || r.OptOut
			c.standing.add(r)
		}
	}
	return c
}

// used returns the statements in use, whatever Count says.
func (s *Signals) used() []Statement {
	return s.Statements[:max(0, min(s.Count, MaxStatements))]
}

// verdict applies the rules, in order, to a purpose. Where jurisdictions differ
// in what it rests on, all of that must hold, for the same holder.
func (c *verdictCase) verdict(i int, d *Decision) Verdict {
	p := &c.policy.Purposes[i]
	rule := &c.rules[i]
	if by, denied := c.denied(i, rule); denied {
		return Verdict{By: by}
	}
	v := c.restsOnAll(i, rule, d)
	if v.Outcome != Allow {
		return v
	}
	if c.subject.Class.Has(ClassSpecial) {
		// Whatever it rests on: Art. 9(2)(a) asks for an explicit grant beside it. A
		// signal that refuses is left only where it cannot object, to what a contract
		// needs; the grant must have been given against it none the less.
		return c.explicit(p, c.against(i)&(rule.ask|rule.refuse), v)
	}
	return v
}

// restsOnAll says whether the purpose is allowed on every basis that it has.
func (c *verdictCase) restsOnAll(i int, rule *merged, d *Decision) Verdict {
	switch rule.bases { // mostly there is one
	case 1 << BasisConsent:
		return c.granted(i, rule)
	case 1 << BasisLegitimateInterest:
		return c.rests(BasisLegitimateInterest, i, rule, d)
	default:
	}
	v := Verdict{all: ^holders(0)}
	// What a person said tells more than a basis, so it is named last.
	for _, basis := range [...]Basis{BasisLegitimateInterest, BasisContract, BasisRelated, BasisConsent} {
		if !rule.bases.has(basis) {
			continue
		}
		one := c.rests(basis, i, rule, d)
		if one.Outcome != Allow {
			return one
		}
		v = allow(one.By, v.all&one.all)
	}
	if v.all == 0 {
		return Verdict{}
	}
	return v
}

// explicit narrows a verdict to those who have an explicit grant on record.
func (c *verdictCase) explicit(p *Purpose, asks browser, v Verdict) Verdict {
	all := v.all & c.ledgerGrants(p, asks)
	if all == 0 {
		return Verdict{By: SourceSpecial}
	}
	return allow(SourceLedger, all)
}

// rests says whether the purpose is allowed on the basis, once nothing stands
// against it.
func (c *verdictCase) rests(basis Basis, i int, rule *merged, d *Decision) Verdict {
	p := &c.policy.Purposes[i]
	switch basis {
	case BasisConsent:
		return c.granted(i, rule)
	case BasisLegitimateInterest:
		// Never for these kinds, whatever a policy says.
		if p.Kind != KindMeasurement && p.Kind != KindAnalytics {
			return Verdict{}
		}
		return allow(SourceBasis, c.everyone())
	case BasisContract: // what is measured for it needs nobody's pseudonym
		if p.Kind != KindMeasurement {
			return Verdict{}
		}
		return allow(SourceBasis, c.everyone())
	case BasisRelated:
		return c.related(p, d)
	default:
		return Verdict{}
	}
}

// granting says which statements may grant.
type granting struct {
	browser bool // what a browser's cookies carry
	choice  bool // of them, our own, which a grant on record stands behind
	adpc    bool
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
// needs, nor for a use that the text of a consent did not name: a consent is not
// stretched. Profiling, marketing and sharing can lean
// on a consent only.
func (c *verdictCase) related(p *Purpose, d *Decision) Verdict {
	j := c.policy.Find(p.Related)
	if !p.Compatible || j < 0 || j >= len(d.verdicts) {
		return Verdict{}
	}
	other := &c.policy.Purposes[j]
	on := c.rules[j].bases
	if !on.hold() || on.has(BasisRelated) || p.Kind.Scope() > other.Kind.Scope() {
		return Verdict{}
	}
	base := d.verdicts[j]
	if base.Outcome != Allow {
		return Verdict{By: base.By}
	}
	if p.Kind.Scope() == event.ScopePerson && !on.has(BasisConsent) {
		return Verdict{}
	}
	if on.has(BasisConsent) && !p.Named {
		return Verdict{}
	}
	return allow(SourceBasis, base.all)
}

func allow(by Source, all holders) Verdict {
	return Verdict{Outcome: Allow, By: by, Holder: all.first(), all: all}
}
