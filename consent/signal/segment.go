package signal

import (
	"github.com/valyala/fastjson"

	"zgoda/consent"
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
	if absent(in.Context) || in.Context.Type() != fastjson.TypeObject {
		return
	}
	var st *consent.Statement
	eachMember(in.Context, "consent", func(v *fastjson.Value) {
		if absent(v) {
			return
		}
		if v.Type() != fastjson.TypeObject {
			broken(&st, out)
			return
		}
		eachMember(v, "categoryPreferences", func(v *fastjson.Value) {
			if absent(v) {
				return
			}
			if v.Type() != fastjson.TypeObject {
				broken(&st, out)
				return
			}
			categories(v, p, segment(&st, out))
		})
	})
}

// segment returns the one statement of this parser, made when first needed.
func segment(st **consent.Statement, out *consent.Signals) *consent.Statement {
	if *st == nil {
		*st = out.Add(consent.SourceSegment)
	}
	return *st
}

func broken(st **consent.Statement, out *consent.Signals) {
	segment(st, out).Broken = true
}

// eachMember calls f with every member of the name: a repeated key must not hide
// a refusal.
func eachMember(v *fastjson.Value, name string, f func(*fastjson.Value)) {
	o, err := v.Object()
	if err != nil {
		return
	}
	o.Visit(func(key []byte, v *fastjson.Value) {
		if string(key) == name {
			f(v)
		}
	})
}

func categories(v *fastjson.Value, p *consent.Policy, st *consent.Statement) {
	o, err := v.Object()
	if err != nil {
		st.Broken = true
		return
	}
	if o.Len() == 0 {
		for i := range p.Purposes {
			st.Say(i, consent.Refused)
		}
		return
	}
	o.Visit(func(category []byte, v *fastjson.Value) {
		said := reading(v)
		if said == consent.Unreadable {
			st.Broken = true
		}
		if id, mapped := p.Categories[string(category)]; mapped {
			st.Say(p.Find(id), said)
			return
		}
		st.Say(find(p, category), said)
	})
}
