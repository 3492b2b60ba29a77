package consent

import (
	"time"

	"zgoda/event"
)

// Trace explains a decision: every input, how it was read, and which rule
// decided about each purpose. It is made on demand only, holds no identifier
// and no pseudonym, and marshals to JSON.
type Trace struct {
	Site          event.SiteID   `json:"site"`
	PolicyVersion uint32         `json:"policy_version"`
	SpeaksFor     string         `json:"speaks_for"`
	Server        bool           `json:"server"`
	NoOrigin      bool           `json:"no_origin"`
	Day           string         `json:"day"`     // of the decision, YYYY-MM-DD; unknown otherwise
	Classes       []string       `json:"classes"` // special, criminal, child
	Unset         bool           `json:"unset"`   // made before anybody had chosen
	Places        []TracePlace   `json:"places"`
	Signals       []TraceSignal  `json:"signals"`
	Records       []TraceRecord  `json:"records"`
	Purposes      []TracePurpose `json:"purposes"`
}

// TracePlace is one place whose rules were looked at.
type TracePlace struct {
	Whose        string `json:"whose"`        // establishment, contact, second contact, visitor or address
	Jurisdiction string `json:"jurisdiction"` // unknown: the strictest of all
}

// TraceSignal is one signal of the request as a whole.
type TraceSignal struct {
	Source  string `json:"source"`
	Reading string `json:"reading"`           // absent, present, read or unreadable
	Carrier string `json:"carrier,omitempty"` // where in the request it stood
	Detail  string `json:"detail,omitempty"`  // how it was read, or why it could not be
}

// TraceRecord is what is on record about one identity as a whole.
type TraceRecord struct {
	Whose        string         `json:"whose"` // visitor, contact or second contact
	State        string         `json:"state"`
	ProfilingOff bool           `json:"profiling_off"`
	AutomatedOff bool           `json:"automated_off,omitempty"`
	OptOut       bool           `json:"opt_out"` // Global Privacy Control was recorded as an opt-out
	Minor        bool           `json:"minor"`
	Ward         bool           `json:"ward"` // a minor who needs a guardian
	Sequence     event.Sequence `json:"sequence"`
}

// TracePurpose is the decision about one purpose.
type TracePurpose struct {
	ID      event.PurposeID `json:"id"`
	Kind    string          `json:"kind"`
	Basis   string          `json:"basis"`
	Version uint32          `json:"version"`
	Outcome string          `json:"outcome"`
	By      string          `json:"by"`
	Holder  string          `json:"holder"`
	Rule    string          `json:"rule"` // class, state, refusal, grant, interest, related or default
	Why     string          `json:"why"`
	// Jurisdictions tells what each would have said alone; Strictest is the one
	// that denies what another allows, empty where all agree.
	Jurisdictions []TraceVerdict `json:"jurisdictions"`
	Strictest     string         `json:"strictest,omitempty"`
	Inputs        []TraceInput   `json:"inputs"`
}

// TraceVerdict is what the rules of one jurisdiction alone come to.
type TraceVerdict struct {
	Jurisdiction string `json:"jurisdiction"`
	Outcome      string `json:"outcome"`
	By           string `json:"by"`
}

// TraceInput is one input to the decision about one purpose.
type TraceInput struct {
	Source  string `json:"source"`
	Whose   string `json:"whose,omitempty"`
	Reading string `json:"reading"`
	Note    string `json:"note,omitempty"`
}

// Explain decides like Decide and writes down why.
func Explain(policy *Policy, signals *Signals, subject Subject) Trace {
	t := Trace{
		SpeaksFor: subject.Speaks.String(), Server: subject.Server, NoOrigin: subject.NoOrigin, Day: subject.Today.String(),
		Classes: subject.Class.Names(), Unset: subject.Unset, Places: []TracePlace{}, Signals: []TraceSignal{}, Records: []TraceRecord{}, Purposes: []TracePurpose{},
	}
	if policy == nil {
		return t
	}
	if signals == nil {
		signals = &unread
	}
	d := Decide(policy, signals, subject)
	c := newCase(policy, signals, &subject)
	t.Site, t.PolicyVersion = policy.Site, policy.Revision
	t.Places, t.Signals = c.tracePlaces(), signals.trace()
	for _, named := range subject.named() {
		t.Records = append(t.Records, named.trace(subject.Today))
	}
	apart := c.apart()
	for i := range min(len(policy.Purposes), len(d.verdicts)) {
		t.Purposes = append(t.Purposes, c.tracePurpose(&d, apart, i))
	}
	return t
}

// String returns the day as YYYY-MM-DD, or "unknown".
func (d Day) String() string {
	if d == 0 {
		return "unknown"
	}
	return d.Time().Format(time.DateOnly)
}

type namedRecord struct {
	whose  string
	record *Record
}

// named lists the records present with their owners.
func (s *Subject) named() []namedRecord {
	var all []namedRecord
	for _, n := range []namedRecord{{"visitor", s.Visitor}, {"contact", s.Contact}, {"second contact", s.Second}} {
		if n.record != nil {
			all = append(all, n)
		}
	}
	return all
}

func (n namedRecord) trace(today Day) TraceRecord {
	r := n.record
	return TraceRecord{
		Whose: n.whose, State: r.State.String(), ProfilingOff: r.ProfilingOff, AutomatedOff: r.AutomatedOff, OptOut: r.OptOut,
		Minor: r.Minority.minor(today), Ward: r.Minority.ward(today), Sequence: r.Sequence,
	}
}

func (s *Signals) trace() []TraceSignal {
	all := []TraceSignal{
		{Source: SourceGPC.String(), Reading: s.GPC.String()},
		{Source: SourceDNT.String(), Reading: s.DNT.String()},
	}
	if s.Count < 0 || s.Count > MaxStatements {
		return append(all, TraceSignal{Source: SourceUnreadable.String(), Reading: Unreadable.String()})
	}
	used := s.used()
	for i := range used {
		st := &used[i]
		reading := "read"
		if st.Broken {
			reading = Unreadable.String()
		}
		all = append(all, TraceSignal{Source: st.Source.String(), Reading: reading, Carrier: st.Carrier.String(), Detail: st.Detail.String()})
	}
	return all
}

// tracePlaces lists whose places were looked at.
func (c *verdictCase) tracePlaces() []TracePlace {
	all := []TracePlace{{"establishment", c.policy.Establishment.String()}}
	for _, n := range c.subject.named() {
		if n.record != c.subject.Visitor || n.record.Place != JurisdictionUnknown {
			all = append(all, TracePlace{n.whose, n.record.Place.String()})
		}
		n.record.Linked.each(func(j Jurisdiction) {
			all = append(all, TracePlace{n.whose + "'s contact", j.String()})
		})
	}
	return append(all, TracePlace{"address", c.subject.Address.String()})
}

// decided is what one jurisdiction alone decides.
type decided struct {
	jurisdiction Jurisdiction
	decision     Decision
}

// apart decides under each jurisdiction alone.
func (c *verdictCase) apart() []decided {
	var all []decided
	c.policy.places(c.subject).each(func(j Jurisdiction) {
		one := *c
		one.ground = c.policy.ground(Places(0).With(j))
		d := Decision{policy: c.policy}
		one.decide(&d)
		all = append(all, decided{j, d})
	})
	return all
}

func (c *verdictCase) tracePurpose(d *Decision, apart []decided, i int) TracePurpose {
	p, v := &d.policy.Purposes[i], d.verdicts[i]
	t := TracePurpose{
		ID: p.ID, Kind: p.Kind.String(), Basis: c.basisName(i), Version: p.Version,
		Outcome: v.Outcome.String(), By: v.By.String(), Holder: v.Holder.String(),
		Rule: c.ruleName(i, v), Why: c.why(i, v), Jurisdictions: []TraceVerdict{},
	}
	denying, allowing := "", false
	for _, one := range apart {
		alone := one.decision.verdicts[i]
		t.Jurisdictions = append(t.Jurisdictions, TraceVerdict{one.jurisdiction.String(), alone.Outcome.String(), alone.By.String()})
		if alone.Outcome == Allow {
			allowing = true
		} else if denying == "" {
			denying = one.jurisdiction.String()
		}
	}
	if allowing {
		t.Strictest = denying
	}
	t.Inputs = c.inputs(d, i)
	return t
}
