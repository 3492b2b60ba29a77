package signal

import (
	"zgoda/consent"
	"zgoda/jsontape"
)

// tool is a member of context.consent.
type tool uint8

const (
	toolSegment tool = iota
	toolTCF
	toolGPP
	toolUSPrivacy
	toolGoogle
	toolCount
)

// toolSet has the bit 1<<tool of each tool in it.
type toolSet uint8

// toolOf returns the tool of a name.
func toolOf(name []byte) (t tool, ok bool) {
	switch string(name) {
	case "categoryPreferences":
		return toolSegment, true
	case "tcf":
		return toolTCF, true
	case "gpp":
		return toolGPP, true
	case "usp":
		return toolUSPrivacy, true
	case "google":
		return toolGoogle, true
	default:
		return toolCount, false
	}
}

// toolsFound is what a context holds of consent tools. Most hold nothing, so that
// they are looked through once and not by each parser.
type toolsFound struct {
	looked     bool
	management bool // consentManagement is there
	odd        bool // consent is there, and is no object
	some, many toolSet
	last       [toolCount]jsontape.Value // the last value of each in some
}

func (in *Input) look() *toolsFound {
	if !in.tools.looked {
		in.tools.lookThrough(in.Context)
	}
	return &in.tools
}

func (f *toolsFound) lookThrough(context jsontape.Value) {
	f.looked = true
	for m := context.Members(); m.Next(); {
		switch m.Known() {
		case jsontape.Consent:
			f.consent(m.Value())
		case jsontape.ConsentManagement:
			f.management = true
		default:
		}
	}
}

// consent notes the tools of one context.consent; what is null is not there.
func (f *toolsFound) consent(v jsontape.Value) {
	f.odd = f.odd || v.Type() != jsontape.Object && !absent(v)
	for m := v.Members(); m.Next(); {
		if t, ok := toolOf(m.Name()); ok && m.Type() != jsontape.Null {
			f.many |= f.some & (1 << t)
			f.some |= 1 << t
			f.last[t] = m.Value()
		}
	}
}

// tools goes over the values of one tool. It finds each of several: a name that
// stands twice must not hide a refusal.
type tools struct {
	tool         tool
	one          jsontape.Value // where there are not several
	outer, inner jsontape.Walk
}

func (in *Input) tool(t tool) (w tools) {
	switch f := in.look(); {
	case f.some&(1<<t) == 0:
	case f.many&(1<<t) == 0:
		w.one = f.last[t]
	default:
		w.tool, w.outer = t, in.Context.Members()
	}
	return w
}

// next returns the next value that is not null, the zero Value at the end.
func (w *tools) next() jsontape.Value {
	if v := w.one; v.Exists() {
		w.one = jsontape.Value{}
		return v
	}
	for {
		for w.inner.Next() {
			if t, ok := toolOf(w.inner.Name()); ok && t == w.tool && w.inner.Type() != jsontape.Null {
				return w.inner.Value()
			}
		}
		if !w.outer.Next() {
			return jsontape.Value{}
		}
		if w.outer.Known() == jsontape.Consent {
			w.inner = w.outer.Value().Members()
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

// carried is a text of a consent tool, and where it stood. With a fault it is
// unreadable, but what can be read of it may still refuse.
type carried struct {
	text    []byte
	carrier consent.Carrier
	fault   consent.Detail
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

// statement begins the statement of what was carried, Broken where it has a fault.
func (c *carried) statement(source consent.Source) consent.Statement {
	st := consent.Statement{Source: source, Carrier: c.carrier, Browser: c.carrier == consent.CarrierCookie}
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
