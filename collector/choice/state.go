package choice

import (
	"zgoda/consent"
	"zgoda/event"
)

// State is what is in force for a visitor, as JSON tells the page.
type State struct {
	// Version of the texts: what POST /consent must name.
	Version uint32 `json:"version"`
	// Chosen is true when the person has been asked about these texts and answered.
	Chosen bool `json:"chosen"`
	// Visitor is true while the browser holds a visitor's identifier of ours.
	Visitor bool `json:"visitor"`
	// GPC and DNT are the signals that the browser sent with this request; ADPC is
	// true when its header withdraws or objects to a purpose.
	GPC      bool                        `json:"gpc"`
	DNT      bool                        `json:"dnt"`
	ADPC     bool                        `json:"adpc"`
	Purposes map[event.PurposeID]Purpose `json:"purposes"`
}

// Purpose is what is in force for one purpose.
type Purpose struct {
	Allowed bool   `json:"allowed"`
	By      string `json:"by"`               // who decided, as consent.Source writes it
	Choice  *bool  `json:"choice,omitempty"` // what the person said; absent: nothing
	// Release is about a site that lets a grant release what its page held. GET: the
	// page may hold events for this purpose. POST: this choice releases them.
	Release bool `json:"release,omitempty"`
}

// state decides as the collector would for an event of this visitor now. chosen
// is what was just said; nil: read it from the cookie and the ledger.
func (d *Desk) state(r *Request, v *visit, chosen map[event.PurposeID]bool) Answer {
	policy := v.site.Policy
	if chosen == nil {
		chosen = d.merge(r, v, &statement{})
	}
	subject := consent.Subject{
		Speaks: consent.SpeaksForVisitor, Today: consent.DayOf(r.ReceivedAt),
		Address: policy.Place(d.deps.Countries.Country(r.Address), ""),
	}
	if v.known {
		subject.Visitor = v.record
		if v.record == nil {
			subject.Visitor = chosenRecord(policy, chosen)
		}
	}
	decision := consent.Decide(policy, &v.signals, subject)
	s := &State{
		Version: policy.Version, Visitor: v.known, Chosen: true,
		GPC: v.signals.GPC == consent.Present, DNT: v.signals.DNT == consent.Present, ADPC: len(v.signals.ADPC(policy)) > 0,
		Purposes: make(map[event.PurposeID]Purpose, len(policy.Purposes)),
	}
	for i := range policy.Purposes {
		p := &policy.Purposes[i]
		verdict := decision.Verdict(i)
		out := Purpose{Allowed: verdict.Outcome == consent.Allow, By: verdict.By.String()}
		if said, ok := chosen[p.ID]; ok {
			out.Choice = &said
		} else if p.Basis == consent.BasisConsent {
			s.Chosen = false
		}
		s.Purposes[p.ID] = out
	}
	return Answer{Status: 200, State: s, OriginListed: len(r.Origin) > 0 && v.site.OriginListed(r.Origin)}
}

// chosenRecord stands for the record of a linked visitor: what was chosen in
// this browser and nothing else.
func chosenRecord(policy *consent.Policy, chosen map[event.PurposeID]bool) *consent.Record {
	var r consent.Record
	for i := range policy.Purposes {
		p := &policy.Purposes[i]
		granted, ok := chosen[p.ID]
		if !ok {
			continue
		}
		held := consent.Held{Choice: consent.ChoiceRefused, Version: p.Version, Dialogue: true}
		if granted {
			held.Choice = consent.ChoiceGiven
		}
		r.Purposes[p.Bit%event.MaxPurposes] = held
	}
	return &r
}
