package consent

// AppendHeader appends the value of X-Consent-Decision, for example
// "profiling=deny; by=gpc, analytics=allow; by=request".
//
// For a public key the value is a function of the policy and the request's own
// signals only, never of any record, so that a stranger learns nothing: what
// the request refuses is "p=deny; by=SIGNAL", what its statements grant and
// nothing in it refuses is "p=allow; by=SIGNAL", and all else is
// "p; by=private", whether or not anything is on record.
func (d *Decision) AppendHeader(dst []byte, public bool, signals *Signals) []byte {
	if d.policy == nil {
		return dst
	}
	if signals == nil {
		signals = &unread
	}
	view := signals.alone(d.policy, d.class)
	for i := range min(len(d.policy.Purposes), len(d.verdicts)) {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		dst = append(dst, d.policy.Purposes[i].ID...)
		v := d.verdicts[i]
		if public {
			var said bool
			if v, said = view.of(i); !said {
				dst = append(dst, "; by=private"...)
				continue
			}
		}
		dst = append(dst, '=')
		dst = append(dst, v.Outcome.String()...)
		dst = append(dst, "; by="...)
		dst = append(dst, v.By.String()...)
	}
	return dst
}

// alone is a request without any record: what its own signals and its class say
// under the rules of the controller's establishment, which always hold.
type alone struct {
	policy  *Policy
	signals *Signals
	class   Class
	ground  ground
	present browser
	said    said
}

func (s *Signals) alone(policy *Policy, class Class) alone {
	return alone{
		policy: policy, signals: s, class: class, ground: policy.ground(Places(0).With(policy.Establishment)),
		present: s.browser(), said: s.said(len(policy.Purposes)),
	}
}

// of returns what they say about a purpose. said is false where they leave it
// open: a signal that asks may be beaten by a grant on record, so it is private
// too, and so is what only a record can grant.
func (a *alone) of(i int) (v Verdict, said bool) {
	p, rule := &a.policy.Purposes[i], a.ground.rule(a.policy, i)
	if a.class.criminal() {
		return Verdict{By: SourceCriminal}, true
	}
	if rule.contract() { // what is said against it counts for nothing
		by, denied := a.classDenies(p)
		return Verdict{By: by}, denied
	}
	present := a.present
	if a.said.adpc>>i&1 != 0 {
		present |= browserADPC
	}
	for _, s := range browsers {
		if present&rule.refuse&s.bit != 0 {
			return Verdict{By: s.source}, true
		}
	}
	if a.said.refused>>i&1 != 0 {
		return Verdict{By: a.signals.refusedByStatement(i)}, true
	}
	if by, denied := a.classDenies(p); denied {
		return Verdict{By: by}, true
	}
	if a.said.unreadable && p.Kind != KindMeasurement {
		return Verdict{By: SourceUnreadable}, true
	}
	if present&rule.ask != 0 || a.class != 0 {
		return Verdict{}, false
	}
	if a.said.granted>>i&1 == 0 {
		return Verdict{}, false
	}
	if by, granted := a.signals.grantedByStatement(i, granting{browser: true, choice: true, adpc: rule.ignore&browserADPC == 0}); granted {
		return Verdict{Outcome: Allow, By: by}, true
	}
	return Verdict{}, false
}

func (a *alone) classDenies(p *Purpose) (Source, bool) {
	switch {
	case a.class.Has(ClassChild) && p.Kind == KindProfiling:
		return SourceMinor, true
	case a.class.Has(ClassSpecial) && !p.Special:
		return SourceSpecial, true
	default:
		return SourceDefault, false
	}
}

// Public is what AppendHeader tells a public key, purpose by purpose.
type Public struct{ view alone }

// Public returns what AppendHeader tells a public key.
func (d *Decision) Public(signals *Signals) Public {
	if d.policy == nil {
		return Public{}
	}
	if signals == nil {
		signals = &unread
	}
	return Public{signals.alone(d.policy, d.class)}
}

// Of returns what is told about the i-th purpose; told is false for one that is
// private.
func (p *Public) Of(i int) (v Verdict, told bool) {
	if p.view.policy == nil || i < 0 || i >= len(p.view.policy.Purposes) {
		return Verdict{}, false
	}
	return p.view.of(i)
}
