package signal

import (
	"zgoda/consent"
	"zgoda/jsontape"
)

// Segment reads context.consent.categoryPreferences, an object of categories
// and booleans. Categories map to purposes by the site's table, else to the
// purpose of the same id. An empty object refuses everything. A category that is
// not a boolean makes its purpose unreadable; an object of a wrong type is Broken.
type Segment struct{}

// Source returns SourceSegment.
func (Segment) Source() consent.Source { return consent.SourceSegment }

// Read implements Parser.
func (Segment) Read(in *Input, p *consent.Policy, out *consent.Signals) {
	if in.look().consents == 0 {
		return
	}
	var st *consent.Statement
	for m := in.Context.Members(); m.Next(); {
		if m.Known() == jsontape.Consent && m.Type() != jsontape.Null {
			preferences(m.Value(), p, &st, out)
		}
	}
}

// preferences reads every member of the name: a repeated key must not hide a
// refusal.
func preferences(v jsontape.Value, p *consent.Policy, st **consent.Statement, out *consent.Signals) {
	if v.Type() != jsontape.Object {
		broken(st, out)
		return
	}
	for m := v.Members(); m.Next(); {
		switch {
		case string(m.Name()) != "categoryPreferences" || m.Type() == jsontape.Null:
		case m.Type() != jsontape.Object:
			broken(st, out)
		default:
			categories(m.Value(), p, segment(st, out))
		}
	}
}

// segment returns the one statement of this parser, made when first needed.
func segment(st **consent.Statement, out *consent.Signals) *consent.Statement {
	if *st == nil {
		*st = out.Add(consent.SourceSegment)
		(*st).Carrier = consent.CarrierBody
	}
	return *st
}

func broken(st **consent.Statement, out *consent.Signals) {
	breakFor(segment(st, out), consent.DetailType)
}

func categories(v jsontape.Value, p *consent.Policy, st *consent.Statement) {
	if v.Len() == 0 {
		st.Detail = consent.DetailNothing
		for i := range p.Purposes {
			st.Say(i, consent.Refused)
		}
		return
	}
	for m := v.Members(); m.Next(); {
		said := reading(m.Value())
		if said == consent.Unreadable {
			breakFor(st, consent.DetailType)
		}
		st.Say(category(p, m.Name()), said)
	}
}
