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
	unreadable := signals.unreadable()
	for i := range min(len(d.policy.Purposes), len(d.verdicts)) {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		p := &d.policy.Purposes[i]
		dst = append(dst, p.ID...)
		v := d.verdicts[i]
		if public {
			var said bool
			if v, said = signals.alone(p, i, unreadable); !said {
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

// alone returns what the request's own signals say about a purpose, knowing no
// record. said is false where they leave it open: a signal that asks may be
// beaten by a grant on record, so it is private too.
func (s *Signals) alone(p *Purpose, i int, unreadable bool) (v Verdict, said bool) {
	gpc, dnt := s.GPC != Absent, s.DNT != Absent
	if gpc && p.GPC != ReachIgnore && p.GPC != ReachAsk {
		return Verdict{By: SourceGPC}, true
	}
	if dnt && p.DNT != ReachIgnore && p.DNT != ReachAsk {
		return Verdict{By: SourceDNT}, true
	}
	if by, refused := s.refusedByStatement(i); refused {
		return Verdict{By: by}, true
	}
	if unreadable && p.Kind != KindMeasurement {
		return Verdict{By: SourceUnreadable}, true
	}
	if (gpc && p.GPC == ReachAsk) || (dnt && p.DNT == ReachAsk) {
		return Verdict{}, false
	}
	if by, granted := s.grantedByStatement(i, true); granted {
		return Verdict{Outcome: Allow, By: by}, true
	}
	return Verdict{}, false
}
