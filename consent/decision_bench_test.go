package consent

import "testing"

func BenchmarkDecide(b *testing.B) {
	p := testPolicy()
	signals := stating(p, SourceRequest, Granted)
	subject := Subject{Visitor: holding(p, given()), Contact: &Record{}, Speaks: SpeaksForVisitor}
	ids := testIdentities()
	b.ReportAllocs()
	for b.Loop() {
		d := Decide(p, signals, subject)
		if _, ok := d.Permit(ids); !ok {
			b.Fatal("not permitted")
		}
	}
}

// sixSignals are those of a busy page: GPC and DNT that the site leaves open, and
// six statements that agree.
func sixSignals(p *Policy) *Signals {
	s := &Signals{}
	for _, source := range []Source{SourceCookie, SourceSegment, SourceTCF, SourceGPP, SourceGoogle, SourceADPC} {
		st := s.Add(source)
		if source != SourceGPP {
			*st = stating(p, source, Granted).Statements[0]
		}
	}
	s.GPC, s.DNT = Present, Present
	for i := range p.Purposes {
		p.Purposes[i].GPC, p.Purposes[i].DNT = ReachIgnore, ReachIgnore
	}
	return s
}

// Six statements, two browser signals and rules of three jurisdictions.
func BenchmarkDecideSix(b *testing.B) {
	for _, c := range []struct {
		name    string
		policy  *Policy
		address Jurisdiction
	}{{"one jurisdiction", testPolicy(), JurisdictionEU}, {"three jurisdictions", placedPolicies()[6], firstState + 4}} {
		b.Run(c.name, func(b *testing.B) {
			p := c.policy
			p.Establishment = JurisdictionEU
			signals := sixSignals(p)
			subject := Subject{
				Visitor: holding(p, Held{}), Contact: holding(p, given()), Speaks: SpeaksForVisitor, Today: today, Address: c.address,
			}
			subject.Contact.Place = JurisdictionOther
			if c.name == "one jurisdiction" {
				subject.Contact.Place = JurisdictionEU
			}
			ids := testIdentities()
			b.ReportAllocs()
			for b.Loop() {
				d := Decide(p, signals, subject)
				if _, ok := d.Permit(ids); !ok {
					b.Fatal("not permitted")
				}
			}
		})
	}
}
