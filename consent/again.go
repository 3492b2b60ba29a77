package consent

import "zgoda/event"

// Denies says whether anything on record stands against the purpose today, whoever
// agreed: the standing, a refusal, the switch, an opt-out by signal or a minority.
// The writer asks it once more, after the decision.
func (r *Record) Denies(p *Purpose, today Day) bool {
	switch {
	case p.Bit >= event.MaxPurposes, r.State != StateActive:
		return true
	case p.Basis == BasisContract:
		return false
	case r.Purposes[p.Bit].Choice.Refuses(), r.OptOut && optsOut(p):
		return true
	default:
		return p.Kind == KindProfiling && (r.ProfilingOff || r.Minority.minor(today) || r.Minority.ward(today))
	}
}

// Guardianship returns, of the purposes, those that today need a guardian's grant
// since the record is a minor's, and those that the record has one of. A purpose
// that rests on consent nowhere needs none.
func (p *Policy) Guardianship(r *Record, of event.PurposeSet, today Day) (needed, given event.PurposeSet) {
	for i := range p.Purposes {
		q := &p.Purposes[i]
		if q.Bit >= event.MaxPurposes || !of.Has(q.Bit) || !p.asksConsent(i) || !r.wardOf(q, today) {
			continue
		}
		needed = needed.With(q.Bit)
		if h := &r.Purposes[q.Bit]; h.Guardian && h.Choice == ChoiceGiven && h.Version == q.Version && !h.Until.passed(today) {
			given = given.With(q.Bit)
		}
	}
	return needed, given
}

// asksConsent says whether the purpose rests on consent in any place.
func (p *Policy) asksConsent(i int) bool {
	if p.Purposes[i].Basis == BasisConsent {
		return true
	}
	for t := range p.Tables {
		if rules := p.Tables[t].Rules; i < len(rules) && rules[i].Basis == BasisConsent {
			return true
		}
	}
	return false
}
