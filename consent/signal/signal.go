package signal

import (
	"sync"
	"time"

	"zgoda/consent"
	"zgoda/consent/cookie"
	"zgoda/jsontape"
)

// Input is the part of a request that signals are read from. Zero fields
// are signals that are absent. Values are only read during ReadAll.
type Input struct {
	// Header calls yield with each value of the header, until it returns false.
	Header func(name string, yield func(value []byte) bool)
	// Cookie is the raw value of __Host-zgoda_consent.
	Cookie []byte
	// Query returns the value of a query parameter, or nil.
	Query func(name string) []byte
	// Context is the event's context object (Segment).
	Context jsontape.Value
	// Consent is our own consent object beside the event.
	Consent jsontape.Value
	// GPC is the member gpc of the event or its batch.
	GPC jsontape.Value
	// Now is the time of receipt: cookies expire by it.
	Now time.Time
}

// Parser reads one signal.
type Parser interface {
	Source() consent.Source
	Read(in *Input, p *consent.Policy, out *consent.Signals)
}

// Standard returns the parsers of all signals known.
func Standard(jar *cookie.Jar) []Parser {
	return []Parser{GPC{}, DNT{}, Object{}, Cookie{Jar: jar}, Segment{}}
}

// ReadAll resets out and reads every signal into it.
func ReadAll(parsers []Parser, in *Input, p *consent.Policy, out *consent.Signals) {
	out.Reset()
	for _, parser := range parsers {
		parser.Read(in, p, out)
	}
}

// matcher finds an exact "1" among the values of a header. It is pooled since
// its function would otherwise be made for every request.
type matcher struct {
	hit   bool
	yield func(value []byte) bool
}

var matchers = sync.Pool{New: func() any {
	m := &matcher{}
	m.yield = func(value []byte) bool {
		m.hit = string(value) == "1"
		return !m.hit
	}
	return m
}}

// headerIsOne says whether any value of the header is exactly "1".
func (in *Input) headerIsOne(name string) bool {
	if in.Header == nil {
		return false
	}
	m := matchers.Get().(*matcher) // the pool holds nothing else
	m.hit = false
	in.Header(name, m.yield)
	hit := m.hit
	matchers.Put(m)
	return hit
}

// find returns the index of the purpose with the given id, or -1.
func find(p *consent.Policy, id []byte) int {
	for i := range p.Purposes {
		if string(p.Purposes[i].ID) == string(id) {
			return i
		}
	}
	return -1
}

// reading reads a member that must be true, false, or null for nothing said.
func reading(v jsontape.Value) consent.Reading {
	switch v.Type() {
	case jsontape.True:
		return consent.Granted
	case jsontape.False:
		return consent.Refused
	case jsontape.Null:
		return consent.Unset
	default:
		return consent.Unreadable
	}
}

// absent says whether a JSON value is missing or null.
func absent(v jsontape.Value) bool { return v.Type() <= jsontape.Null }
