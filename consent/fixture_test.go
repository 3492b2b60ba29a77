package consent

import "zgoda/event"

// The places of the purposes in testPolicy.
const (
	measurement = iota
	analytics
	profiling
	marketing
	sharing
	interest // analytics on legitimate interest
	related  // analytics related to profiling
	contract
)

const version = 3

func testPolicy() *Policy {
	p := &Policy{Site: "shop", Version: 7, Revision: 77, Purposes: []Purpose{
		{ID: "measurement", Kind: KindMeasurement, Basis: BasisLegitimateInterest},
		{ID: "analytics", Kind: KindAnalytics, Basis: BasisConsent},
		{ID: "profiling", Kind: KindProfiling, Basis: BasisConsent},
		{ID: "marketing", Kind: KindMarketing, Basis: BasisConsent},
		{ID: "sharing", Kind: KindSharing, Basis: BasisConsent},
		{ID: "interest", Kind: KindAnalytics, Basis: BasisLegitimateInterest},
		{ID: "related", Kind: KindAnalytics, Basis: BasisRelated, Related: "profiling", Compatible: true, Named: true},
		{ID: "contract", Kind: KindMeasurement, Basis: BasisContract},
	}}
	for i := range p.Purposes {
		q := &p.Purposes[i]
		q.Bit, q.Version, q.Retention = uint8(31-i), version, Retention{Months: 10 + i}
		q.GPC, q.DNT = DefaultGPC(q.Kind, q.Basis), DefaultDNT(q.Kind)
	}
	return p
}

// holding makes a record with one held choice about every purpose.
func holding(p *Policy, h Held) *Record {
	r := &Record{Sequence: 5}
	for i := range p.Purposes {
		r.Purposes[p.Purposes[i].Bit] = h
	}
	return r
}

func given() Held { return Held{Choice: ChoiceGiven, Version: version} }

// stating makes signals with one statement that reads the same for every purpose.
func stating(p *Policy, source Source, r Reading) *Signals {
	s := &Signals{}
	st := s.Add(source)
	for i := range p.Purposes {
		st.Readings.Set(i, r)
	}
	return s
}

func handle(n byte) event.Handle { return event.Handle{n, 1} }

func testIdentities() Identities {
	of := func(n byte) event.Handles {
		return event.Handles{
			Consent: handle(n), Profiling: handle(n + 1), Analytics: handle(n + 2), Period: 202611,
			Version: event.KeyVersion(n),
		}
	}
	return Identities{Visitor: of(10), Contact: of(20), Second: of(30)}
}
