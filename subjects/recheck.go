package subjects

import (
	"context"
	"fmt"
	"time"

	"zgoda/consent"
	"zgoda/control"
	"zgoda/event"
	"zgoda/record"
)

// Recheck looks at spooled records once more before they are shipped, and fills
// in a reason for each: the fence first, the control store only for those about
// whom something may have changed since their record was decided, all of them at
// once. event.ReasonNone ships a record; any other reason drops it; an error means
// that it is not known, and that all of them must wait.
func (s *Set) Recheck(ctx context.Context, rows []record.Record, out []event.Reason) error {
	var q questions
	trusted := s.hearing.trusted()
	for i := range rows {
		out[i] = event.ReasonNone
		if !trusted && rows[i].Scope != event.ScopeNone || s.suspect(&rows[i]) {
			s.metrics.rechecks.Inc()
			q.add(s.deps.Policies(rows[i].Site), &rows[i], i)
		}
	}
	found := make([]control.Found, len(q.lookups))
	for at := 0; at < len(q.lookups); at += control.MaxLookups {
		end := min(at+control.MaxLookups, len(q.lookups))
		if _, err := s.deps.Store.Records(ctx, q.lookups[at:end], found[at:end]); err != nil {
			return fmt.Errorf("%w: %w", ErrControlAway, err)
		}
	}
	q.answer(found, rows, out, consent.DayOf(time.Now()))
	return nil
}

// answer puts together what was found about everyone of each record. All of one
// record's people stand side by side.
func (q *questions) answer(found []control.Found, rows []record.Record, out []event.Reason, today consent.Day) {
	var needed, given event.PurposeSet // guardians' grants, of one record
	for i, a := range q.answers {
		if i == 0 || q.answers[i-1].row != a.row {
			needed, given = 0, 0
		}
		row, policy, record := &rows[a.row], q.lookups[a.lookup].Policy, &found[a.lookup].Record
		out[a.row] = worse(out[a.row], verdict(&found[a.lookup], row, policy, a.known, today))
		n, g := policy.Guardianship(record, row.Purposes, today)
		needed, given = needed|n, given|g
		if last := i+1 == len(q.answers) || q.answers[i+1].row != a.row; last && needed&^given != 0 {
			out[a.row] = worse(out[a.row], event.ReasonWithdrawn)
		}
	}
}

// suspect says whether something may have changed about anyone of a record since
// it was decided.
func (s *Set) suspect(r *record.Record) bool {
	if r.Scope == event.ScopeNone {
		return false
	}
	for i := range r.Consent {
		if !r.Consent[i].IsZero() && s.fence.suspect(&r.Consent[i], r.Sequence) {
			return true
		}
	}
	return false
}

// questions are what the store is asked, each person of a site once.
type questions struct {
	lookups []control.Lookup
	answers []question
	places  map[asked]int
}

type asked struct {
	site   event.SiteID
	handle event.Handle
}

// question is one person of one record.
type question struct {
	row, lookup int
	known       bool // the site is in the settings
}

// add asks about everyone of a record. Without a policy its site is gone from the
// settings.
func (q *questions) add(policy *consent.Policy, r *record.Record, row int) {
	if q.places == nil {
		q.places = map[asked]int{}
	}
	known := policy != nil
	if !known {
		policy = &consent.Policy{Site: r.Site}
	}
	for _, h := range r.Consent {
		if h.IsZero() {
			continue
		}
		who := asked{r.Site, h}
		at, there := q.places[who]
		if !there {
			at = len(q.lookups)
			q.places[who] = at
			q.lookups = append(q.lookups, control.Lookup{Policy: policy, Handle: h})
		}
		q.answers = append(q.answers, question{row: row, lookup: at, known: known})
	}
}

// verdict says what one person's record does to a spooled one.
func verdict(f *control.Found, r *record.Record, policy *consent.Policy, known bool, today consent.Day) event.Reason {
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
		if f.Refuses || f.Record.ProfilingOff || f.Record.OptOut || f.Record.Minority != (consent.Minority{}) {
			return event.ReasonWithdrawn
		}
		return event.ReasonNone
	}
	for i := range policy.Purposes {
		p := &policy.Purposes[i]
		if p.Bit < event.MaxPurposes && r.Purposes.Has(p.Bit) && f.Record.Denies(p, today) {
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
