package subjects

import (
	"context"
	"fmt"

	"zgoda/consent"
	"zgoda/control"
	"zgoda/event"
	"zgoda/record"
)

// Recheck looks at a spooled record once more before it is shipped: the fence
// first, the control store only when something may have changed since the
// record was decided. event.ReasonNone ships it; any other reason drops it; an
// error means that it is not known, and the record must wait.
func (s *Set) Recheck(ctx context.Context, r *record.Record) (event.Reason, error) {
	if r.Scope == event.ScopeNone {
		return event.ReasonNone, nil
	}
	suspect := false
	for i := range r.Consent {
		suspect = suspect || (!r.Consent[i].IsZero() && s.fence.suspect(&r.Consent[i], r.Sequence))
	}
	if !suspect {
		return event.ReasonNone, nil
	}
	s.metrics.rechecks.Inc()
	policy := s.deps.Policies(r.Site)
	known := policy != nil
	if !known {
		policy = &consent.Policy{Site: r.Site}
	}
	lookups := make([]control.Lookup, 0, len(r.Consent))
	for _, h := range r.Consent {
		if !h.IsZero() {
			lookups = append(lookups, control.Lookup{Policy: policy, Handle: h})
		}
	}
	found := make([]control.Found, len(lookups))
	if _, err := s.deps.Store.Records(ctx, lookups, found); err != nil {
		return event.ReasonControlAway, fmt.Errorf("%w: %w", ErrControlAway, err)
	}
	reason := event.ReasonNone
	for i := range found {
		reason = worse(reason, verdict(&found[i], r, policy, known))
	}
	return reason, nil
}

// verdict says what one person's record does to a spooled one.
func verdict(f *control.Found, r *record.Record, policy *consent.Policy, known bool) event.Reason {
	switch f.Record.State {
	case consent.StateErased:
		return event.ReasonErased
	case consent.StateRestricted:
		return event.ReasonRestricted
	case consent.StateActive:
	default:
		return event.ReasonRestricted
	}
	if !known {
		// The site is gone from the settings, so that its purposes cannot be told
		// apart: any refusal counts.
		if f.Refuses || f.Record.ProfilingOff {
			return event.ReasonWithdrawn
		}
		return event.ReasonNone
	}
	for i := range policy.Purposes {
		p := &policy.Purposes[i]
		if p.Bit >= event.MaxPurposes || !r.Purposes.Has(p.Bit) {
			continue
		}
		switch f.Record.Purposes[p.Bit].Choice {
		case consent.ChoiceUnset, consent.ChoiceGiven:
		case consent.ChoiceRefused, consent.ChoiceWithdrawn, consent.ChoiceObjected:
			return event.ReasonWithdrawn
		default:
			return event.ReasonWithdrawn
		}
		if p.Kind == consent.KindProfiling && f.Record.ProfilingOff {
			return event.ReasonWithdrawn
		}
	}
	return event.ReasonNone
}

// worse returns the weightier of two reasons: erased, restricted, withdrawn.
func worse(a, b event.Reason) event.Reason {
	for _, r := range [...]event.Reason{event.ReasonErased, event.ReasonRestricted, event.ReasonWithdrawn} {
		if a == r || b == r {
			return r
		}
	}
	return event.ReasonNone
}
