package signal

import (
	"sync"
	"time"

	"zgoda/consent"
	"zgoda/consent/cookie"
	"zgoda/consent/decoded"
	"zgoda/jsontape"
)

// Each calls yield with each value of a name, until it returns false. A name
// that is not there has none.
type Each func(name string, yield func(value []byte) bool)

// Input is the part of a request that signals are read from. Zero fields
// are signals that are absent. Values are only read during ReadAll.
type Input struct {
	// Header has the values of the headers.
	Header Each
	// Cookie is the raw value of __Host-zgoda_consent.
	Cookie []byte
	// Cookies has the raw values of all cookies, as they stand in the header.
	Cookies Each
	// Query has the decoded values of the parameters of the address.
	Query Each
	// Context is the event's context object (Segment).
	Context jsontape.Value
	// Consent is our own consent object beside the event.
	Consent jsontape.Value
	// GPC is the member gpc of the event or its batch.
	GPC jsontape.Value
	// Now is the time of receipt: cookies expire by it.
	Now time.Time

	tools  toolsFound
	reader *values // held during ReadAll
}

// Parser reads one signal.
type Parser interface {
	Source() consent.Source
	Read(in *Input, p *consent.Policy, out *consent.Signals)
}

// Standard returns the parsers of all signals known. strings keeps TC and GPP
// strings decoded; with nil each is decoded anew.
func Standard(jar *cookie.Jar, strings *decoded.Cache) []Parser {
	return []Parser{
		GPC{},
		DNT{},
		Object{},
		Cookie{Jar: jar},
		Segment{},
		RudderStack{},
		ADPC{},
		TCF{Strings: strings},
		GPP{Strings: strings},
		USPrivacy{},
		Google{},
	}
}

// ReadAll resets out and reads every signal into it.
func ReadAll(parsers []Parser, in *Input, p *consent.Policy, out *consent.Signals) {
	out.Reset()
	in.reader, in.tools = pool.Get().(*values), toolsFound{} // the pool holds nothing else
	for _, parser := range parsers {
		parser.Read(in, p, out)
	}
	pool.Put(in.reader)
	in.reader = nil
}

// values are what a request says under one name. They are pooled, since their
// function would otherwise be made for every request.
type values struct {
	first   []byte
	found   bool
	differs bool // there are two values, and they are not the same
	one     bool // one of them is exactly "1"
	yield   func(value []byte) bool
}

var pool = sync.Pool{New: func() any {
	v := &values{}
	v.yield = func(value []byte) bool {
		v.one = v.one || string(value) == "1"
		v.differs = v.differs || (v.found && string(value) != string(v.first))
		if !v.found {
			v.first, v.found = value, true
		}
		return true
	}
	return v
}}

// said is what a request says under one name, read.
type said struct {
	value               []byte
	found, differs, one bool
}

// take returns what stands under the name.
func (in *Input) take(each Each, name string) (s said) {
	if each == nil {
		return s
	}
	v := in.reader
	if v == nil {
		v = pool.Get().(*values)
		defer pool.Put(v)
	}
	each(name, v.yield)
	if !v.found {
		return s
	}
	s = said{v.first, v.found, v.differs, v.one}
	v.first, v.found, v.differs, v.one = nil, false, false, false
	return s
}

// headerIsOne says whether any value of the header is exactly "1".
func (in *Input) headerIsOne(name string) bool { return in.take(in.Header, name).one }

// find returns the index of the purpose with the given id, or -1.
func find(p *consent.Policy, id []byte) int {
	for i := range p.Purposes {
		if string(p.Purposes[i].ID) == string(id) {
			return i
		}
	}
	return -1
}

// category returns the index of the purpose that a category of a consent tool
// maps to, or -1: by the site's table, else the purpose of the same id.
func category(p *consent.Policy, name []byte) int {
	if id, mapped := p.Categories[string(name)]; mapped {
		return p.Find(id)
	}
	return find(p, name)
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
