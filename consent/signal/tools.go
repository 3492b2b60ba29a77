package signal

import (
	"zgoda/consent"
	"zgoda/jsontape"
)

// hasTools says whether the context holds anything of a consent tool. Most have
// nothing, so that they are looked through once and not by each parser.
func (in *Input) hasTools() bool {
	if !in.looked {
		in.looked = true
		for m := in.Context.Members(); m.Next(); {
			if k := m.Known(); k == jsontape.Consent || k == jsontape.ConsentManagement {
				in.tools = true
			}
		}
	}
	return in.tools
}

// tools goes over the members of one name of context.consent. It finds each of
// several: a name that stands twice must not hide a refusal.
type tools struct {
	name         string
	outer, inner jsontape.Walk
}

func (in *Input) tool(name string) (t tools) {
	if in.hasTools() {
		t.name, t.outer = name, in.Context.Members()
	}
	return t
}

// next returns the next value that is not null, the zero Value at the end.
func (t *tools) next() jsontape.Value {
	for {
		for t.inner.Next() {
			if t.inner.Type() != jsontape.Null && string(t.inner.Name()) == t.name {
				return t.inner.Value()
			}
		}
		if !t.outer.Next() {
			return jsontape.Value{}
		}
		if t.outer.Known() == jsontape.Consent {
			t.inner = t.outer.Value().Members() // none, unless it is an object
		}
	}
}

// stringIn returns the text of a consent tool: the value itself, or a member of
// it by the name that the tool's own interface uses. Null is not a text.
func stringIn(v jsontape.Value, name string) (text []byte, ok bool) {
	if v.Type() != jsontape.Object {
		return v.Text(), v.Type() == jsontape.String
	}
	found := false
	for m := v.Members(); m.Next(); {
		if string(m.Name()) != name {
			continue
		}
		if found || m.Type() != jsontape.String {
			return nil, false
		}
		text, found = m.Value().Text(), true
	}
	return text, found
}

// carried says where a text of a consent tool stood.
type carried struct {
	text    []byte
	carrier consent.Carrier
	browser bool
	fault   consent.Detail // why there is no text to read
}

// from returns what one place holds, and whether there is anything.
func (s said) from(carrier consent.Carrier) (carried, bool) {
	c := carried{text: s.value, carrier: carrier, browser: carrier == consent.CarrierCookie}
	switch {
	case !s.found:
	case s.differs:
		c.fault = consent.DetailDiffers
	case len(s.value) == 0:
		c.fault = consent.DetailEmpty
	case c.browser && len(s.value) > 1 && s.value[0] == '"' && s.value[len(s.value)-1] == '"':
		c.text = s.value[1 : len(s.value)-1]
	}
	return c, s.found
}

// fromBody returns what a member of context.consent holds.
func fromBody(v jsontape.Value, name string) carried {
	c := carried{carrier: consent.CarrierBody}
	var ok bool
	if c.text, ok = stringIn(v, name); !ok {
		c.fault = consent.DetailType
	} else if len(c.text) == 0 {
		c.fault = consent.DetailEmpty
	}
	return c
}

// statement begins the statement of what was carried. It is Broken where there is
// nothing to read.
func (c *carried) statement(source consent.Source) consent.Statement {
	st := consent.Statement{Source: source, Carrier: c.carrier, Browser: c.browser}
	if c.fault != consent.DetailNone {
		breakFor(&st, c.fault)
	}
	return st
}

// breakFor marks a statement that cannot be read, and why.
func breakFor(st *consent.Statement, why consent.Detail) {
	if !st.Broken {
		st.Broken, st.Detail = true, why
	}
}
