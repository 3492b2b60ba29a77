package signal

import (
	"zgoda/consent"
	"zgoda/jsontape"
)

// Segment reads context.consent.categoryPreferences, an object of categories
// and booleans. Categories map to purposes by the site's table, else to the
// purpose of the same id. Where several categories map to a purpose all must be
// true, as with RudderStack; a category that is the purpose's own id speaks for it
// alone, and one false refuses. An empty object refuses everything. A category that is
// not a boolean makes its purpose unreadable; an object of a wrong type is Broken.
type Segment struct{}

// Source returns SourceSegment.
func (Segment) Source() consent.Source { return consent.SourceSegment }

// Read implements Parser. All that a context says of categories is one statement.
func (Segment) Read(in *Input, p *consent.Policy, out *consent.Signals) {
	f := in.look()
	if f.some&(1<<toolSegment) == 0 && !f.odd {
		return
	}
	st := out.Add(consent.SourceSegment)
	st.Carrier = consent.CarrierBody
	for t := in.tool(toolSegment); ; {
		v := t.next()
		if !v.Exists() {
			break
		}
		if v.Type() != jsontape.Object {
			breakFor(st, consent.DetailType)
			continue
		}
		categories(v, p, st)
	}
	if f.odd {
		breakFor(st, consent.DetailType)
	}
}

func categories(v jsontape.Value, p *consent.Policy, st *consent.Statement) {
	if v.Len() == 0 {
		st.Detail = consent.DetailNothing
		for i := range p.Purposes {
			st.Say(i, consent.Refused)
		}
		return
	}
	var yes yeses
	for m := v.Members(); m.Next(); {
		switch said := reading(m.Value()); said {
		case consent.Granted:
			yes.add(p, m.Name(), st)
		case consent.Unset:
		default:
			if said == consent.Unreadable {
				breakFor(st, consent.DetailType)
			}
			purpose, _ := category(p, m.Name())
			st.Say(purpose, said)
		}
	}
	yes.grant(p, false, st)
}
