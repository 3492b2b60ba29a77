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
	var some uint32 // purposes of which a mapped category is true
	for m := v.Members(); m.Next(); {
		said := reading(m.Value())
		if said == consent.Unreadable {
			breakFor(st, consent.DetailType)
		}
		i := category(p, m.Name())
		if said == consent.Granted && i >= 0 && i < consent.MaxStatementPurposes && string(p.Purposes[i].ID) != string(m.Name()) {
			some |= 1 << i
			continue
		}
		st.Say(i, said)
	}
	if some != 0 {
		grantAll(v, p, some, st)
	}
}

// grantAll grants, of some purposes, those of which every mapped category is true.
func grantAll(v jsontape.Value, p *consent.Policy, some uint32, st *consent.Statement) {
	for name, id := range p.Categories {
		if i := p.Find(id); i >= 0 && i < consent.MaxStatementPurposes && some&(1<<i) != 0 && !isTrue(v, name) {
			some &^= 1 << i
		}
	}
	for i := range min(len(p.Purposes), consent.MaxStatementPurposes) {
		if some&(1<<i) != 0 {
			st.Say(i, consent.Granted)
		}
	}
}

// isTrue says whether any member of the name is true.
func isTrue(v jsontape.Value, name string) bool {
	for m := v.Members(); m.Next(); {
		if m.Type() == jsontape.True && string(m.Name()) == name {
			return true
		}
	}
	return false
}
