package consent

import "math/bits"

// Places is a set of jurisdictions, by their numbers.
type Places uint64

// With returns the set with one more; one that does not exist is unknown.
func (s Places) With(j Jurisdiction) Places {
	if int(j) >= jurisdictions {
		j = JurisdictionUnknown
	}
	return s | 1<<j
}

func (s Places) has(j Jurisdiction) bool { return int(j) < jurisdictions && s&(1<<j) != 0 }

// each calls yield for every jurisdiction, by rising number.
func (s Places) each(yield func(Jurisdiction)) {
	for ; s != 0; s &= s - 1 {
		yield(Jurisdiction(bits.TrailingZeros64(uint64(s))))
	}
}

// places returns where an event is decided: where the controller is established,
// and where the people of the request and the contacts linked to them are, as far
// as their records and the address tell.
func (p *Policy) places(s *Subject) Places {
	all := Places(0).With(p.Establishment).With(s.Address)
	if s.Contact != nil {
		all = all.With(s.Contact.Place) | s.Contact.Linked
	}
	if s.Second != nil {
		all = all.With(s.Second.Place) | s.Second.Linked
	}
	if s.Visitor != nil {
		all |= s.Visitor.Linked
		if s.Visitor.Place != JurisdictionUnknown {
			all = all.With(s.Visitor.Place)
		}
	}
	return all
}

// maxTables bounds the tables of a policy: there are not more jurisdictions.
const maxTables = 63

// ground is whose rules an event is decided under: which tables, and whether the
// purposes' own rules too.
type ground struct {
	tables uint64
	own    bool
	ownEU  bool // the purposes' own rules are those of the EU here
	broken bool // the policy has more tables than there are jurisdictions
}

// ground returns the ground of an event that concerns the places.
func (p *Policy) ground(at Places) ground {
	if len(p.Tables) > maxTables {
		return ground{broken: true}
	}
	eu := at.has(JurisdictionEU)
	if at.has(JurisdictionUnknown) {
		return ground{tables: 1<<len(p.Tables) - 1, own: true, ownEU: !p.hasTable(JurisdictionEU)}
	}
	if len(p.Tables) == 0 {
		return ground{own: true, ownEU: eu}
	}
	g := ground{ownEU: eu && !p.hasTable(JurisdictionEU)}
	for ; at != 0; at &= at - 1 {
		p.add(&g, Jurisdiction(bits.TrailingZeros64(uint64(at))))
	}
	return g
}

func (p *Policy) hasTable(j Jurisdiction) bool {
	for i := range p.Tables {
		if p.Tables[i].Jurisdiction == j {
			return true
		}
	}
	return false
}

// add adds the tables of one jurisdiction, or the purposes' own rules.
func (p *Policy) add(g *ground, j Jurisdiction) {
	exact, country := uint64(0), uint64(0)
	for i := range p.Tables {
		switch of := p.Tables[i].Jurisdiction; {
		case of == j:
			exact |= 1 << i
		case j == JurisdictionUS && of.American(): // in any of its states
			g.tables |= 1 << i
		case j.American() && of == JurisdictionUS:
			country |= 1 << i
		}
	}
	if exact == 0 {
		exact = country
	}
	g.tables |= exact
	g.own = g.own || exact == 0
}

// bases is a set of legal bases.
type bases uint8

func (s bases) has(b Basis) bool { return s&(1<<b) != 0 }

// hold says whether there are any, and all of them are bases.
func (s bases) hold() bool {
	const known = 1<<BasisConsent | 1<<BasisLegitimateInterest | 1<<BasisRelated | 1<<BasisContract
	return s != 0 && s&^known == 0
}

// merged is the strictest of the rules of several jurisdictions: every basis, and
// the strictest reach of each of the browser's signals.
type merged struct {
	bases               bases
	refuse, ask, ignore browser // each signal is in one of them
	// device is true when the purpose stores or reads on the device under the
	// rules of the EU with neither consent nor an exemption (ePrivacy Art. 5(3)).
	device bool
}

// contract says whether the purpose rests on a contract: then nobody is asked about
// it, and nobody refuses it (GDPR Art. 7(3), 21(1)).
func (m *merged) contract() bool { return m.bases == 1<<BasisContract }

// rule merges the rules of a purpose on the ground.
func (g *ground) rule(p *Policy, i int) merged {
	if g.broken {
		return merged{bases: 1 << BasisUnknown, refuse: ^browser(0)}
	}
	var m merged
	q := &p.Purposes[i]
	if g.own {
		m.add(q, Rule{Basis: q.Basis, GPC: q.GPC, DNT: q.DNT, ADPC: q.ADPC}, g.ownEU)
	}
	if g.tables == 0 {
		return m
	}
	for t := g.tables; t != 0; t &= t - 1 {
		table := &p.Tables[bits.TrailingZeros64(t)]
		var r Rule
		if i < len(table.Rules) {
			r = table.Rules[i]
		}
		m.add(q, r, table.Jurisdiction == JurisdictionEU)
	}
	m.ask &^= m.refuse
	m.ignore &^= m.refuse | m.ask
	return m
}

// add adds one rule, of the EU or of another place. In the EU a browser's signal
// is an objection to a legitimate interest (Art. 21(5)), which nobody may ignore.
func (m *merged) add(q *Purpose, r Rule, eu bool) {
	switch {
	case r.Basis > BasisContract, r.Basis == BasisUnknown:
		r.Basis = BasisUnknown
	case q.Basis == BasisContract: // what a contract needs it needs everywhere
		r.Basis = BasisContract
	case r.Basis == BasisContract:
		r.Basis = BasisUnknown
	}
	m.bases |= 1 << r.Basis
	objects := eu && r.Basis == BasisLegitimateInterest && q.Kind != KindMeasurement
	m.device = m.device || eu && r.Basis != BasisConsent && q.Terminal && q.Exemption == ""
	ask := asks[r.GPC]&browserGPC | asks[r.DNT]&browserDNT | asks[r.ADPC]&browserADPC
	ignore := ignores[r.GPC]&browserGPC | ignores[r.DNT]&browserDNT | ignores[r.ADPC]&browserADPC
	if objects {
		ignore = 0
	}
	m.ask |= ask
	m.ignore |= ignore
	m.refuse |= everyBrowser &^ (ask | ignore)
}

const everyBrowser = browserGPC | browserDNT | browserADPC

// asks and ignores are everyBrowser for the reach that they are named after, and
// nothing for any other.
var (
	asks    = [256]browser{ReachAsk: everyBrowser}
	ignores = [256]browser{ReachIgnore: everyBrowser}
)
