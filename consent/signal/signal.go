package signal

import (
	"time"

	"zgoda/consent"
	"zgoda/consent/cookie"
	"zgoda/consent/decoded"
	"zgoda/jsontape"
)

// Named calls yield with each value of a name, until it returns false. A name
// that is not there has none.
type Named func(name string, yield func(value []byte) bool)

// Each calls yield with each name and its value, until it returns false. A name
// that stands several times is met as often.
type Each func(yield func(name, value []byte) bool)

// Input is the part of a request that signals are read from. Zero fields
// are signals that are absent. Values are only read during ReadAll.
type Input struct {
	// Header has the values of the headers.
	Header Named
	// Cookie is the raw value of __Host-zgoda_consent.
	Cookie []byte
	// Cookies has all cookies with their raw values, as they stand in the header.
	Cookies Each
	// Query has the parameters of the address, decoded.
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
	fields *fields // held during ReadAll
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
	f := pool.Get().(*fields) // the pool holds nothing else
	f.read(in)
	in.fields, in.tools = f, toolsFound{}
	for _, parser := range parsers {
		parser.Read(in, p, out)
	}
	in.fields = nil
	f.release()
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
