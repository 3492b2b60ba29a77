package signal

import (
	"zgoda/consent"
	"zgoda/jsontape"
)

// Google reads Google's consent mode: the parameters gcs and gcd of an address,
// and the object context.consent.google with the keys as Google names them, each
// "granted" or "denied".
//
// A default is not a grant: what the person answered ("update") grants or
// refuses, what a page assumed before anybody answered ("default") says nothing.
// gcs cannot tell the two apart, so its 1 grants nothing, and its 0 refuses
// unless gcd says that it was only a default. The site maps keys to purposes:
// all keys of a purpose must be granted, and any that is denied refuses.
type Google struct{}

// googleKeys is the number of keys, in the order of consent.GoogleKeys.
const googleKeys = 7

var googleNames = [googleKeys]string{
	"ad_storage", "analytics_storage", "ad_user_data", "ad_personalization",
	"functionality_storage", "personalization_storage", "security_storage",
}

// Source returns SourceGoogle.
func (Google) Source() consent.Source { return consent.SourceGoogle }

// Read implements Parser.
func (g Google) Read(in *Input, p *consent.Policy, out *consent.Signals) {
	g.query(in, p, out)
	for t := in.tool(toolGoogle); ; {
		v := t.next()
		if !v.Exists() {
			return
		}
		var r googleReader
		r.st = consent.Statement{Source: consent.SourceGoogle, Carrier: consent.CarrierBody}
		r.object(v)
		r.finish(p, out)
	}
}

// query reads gcs and gcd, which make one statement.
func (Google) query(in *Input, p *consent.Policy, out *consent.Signals) {
	r := googleReader{st: consent.Statement{Source: consent.SourceGoogle, Carrier: consent.CarrierQuery}}
	found := false
	t := in.texts(queryGCD)
	for c, ok := t.next(); ok; c, ok = t.next() {
		found = true
		r.parameter(&c, r.gcd(c.text))
	}
	t = in.texts(queryGCS)
	for c, ok := t.next(); ok; c, ok = t.next() {
		found = true
		r.parameter(&c, r.gcs(c.text))
	}
	if found {
		r.finish(p, out)
	}
}

// parameter marks the statement for what is wrong with a parameter.
func (r *googleReader) parameter(c *carried, good bool) {
	switch {
	case c.fault != consent.DetailNone:
		breakFor(&r.st, c.fault)
	case !good:
		breakFor(&r.st, consent.DetailSyntax)
	}
}

// googleReader collects what is said about each key, as sets of keys.
type googleReader struct {
	st                          consent.Statement
	granted, denied, unreadable consent.GoogleKeys
	asked                       consent.GoogleKeys // gcd says that the denial is only a default
	wait                        bool               // some key has a default alone
}

// gcs reads G1xy: ad_storage and analytics_storage.
func (r *googleReader) gcs(text []byte) bool {
	if len(text) != 4 || text[0] != 'G' || text[1] != '1' {
		return false
	}
	for key, c := range text[2:] {
		switch c {
		case '0':
			if r.asked&(1<<key) == 0 || r.st.Broken {
				r.denied |= 1 << key
			}
		case '1':
			r.wait = r.wait || (r.granted|r.denied)&(1<<key) == 0
		case '-':
		default:
			return false
		}
	}
	return true
}

// The shape of gcd: a sign, pairs of a digit and a letter, a sign. The first
// four pairs are the keys in their order; what follows is not for us.
const (
	gcdKeys  = 4
	gcdShort = 1 + 2*gcdKeys + 1
	gcdLong  = 64
)

func (r *googleReader) gcd(text []byte) bool {
	if len(text) < gcdShort || len(text) > gcdLong || len(text)%2 != 0 || text[0] != '1' {
		return false
	}
	for i := 1; i < len(text); i++ {
		if letters[text[i]] < 0 {
			return false
		}
	}
	for key := range gcdKeys {
		digit, letter := text[1+2*key], int(letters[text[2+2*key]])
		if digit < '0' || digit > '9' || !r.letter(key, letter) {
			return false
		}
	}
	return true
}

// letter reads one letter of gcd by its index: two bits each of the answer, of
// the default, and of what is 1 in all that Google documents.
func (r *googleReader) letter(key, index int) bool {
	const unset, denied, granted = 1, 2, 3
	update, standard, documented := index&3, index>>2&3, index>>4 == 1
	switch {
	case update == 0 || documented && standard == 0:
		return false
	case update == denied:
		r.denied |= 1 << key
	case update == granted && documented:
		r.granted |= 1 << key
	case update == unset && standard == denied && documented:
		r.asked, r.wait = r.asked|1<<key, true
	case update == unset && standard == granted:
		r.wait = true
	}
	return true
}

// letters are the places of the signs in Google's alphabet, -1 for what is not in it.
var letters = func() (of [256]int8) {
	for c := range of {
		of[c] = -1
	}
	for i, c := range []byte("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_") {
		of[c] = int8(i)
	}
	return of
}()

// object reads the object of a page: the keys, or those of its member update.
// The member default is passed over.
func (r *googleReader) object(v jsontape.Value) {
	if v.Type() != jsontape.Object {
		breakFor(&r.st, consent.DetailType)
		return
	}
	for m := v.Members(); m.Next(); {
		if m.Type() == jsontape.Null {
			continue
		}
		switch name := m.Name(); string(name) {
		case "default":
			r.wait = true
			if m.Type() != jsontape.Object {
				breakFor(&r.st, consent.DetailType)
			}
		case "update":
			if m.Type() != jsontape.Object {
				breakFor(&r.st, consent.DetailType)
				continue
			}
			for u := m.Value().Members(); u.Next(); {
				r.member(u.Name(), u.Value())
			}
		default:
			r.member(name, m.Value())
		}
	}
}

func (r *googleReader) member(name []byte, v jsontape.Value) {
	for key := range googleNames {
		if string(name) != googleNames[key] || v.Type() == jsontape.Null {
			continue
		}
		switch string(v.Text()) {
		case "granted":
			r.granted |= 1 << key
		case "denied":
			r.denied |= 1 << key
		default:
			r.unreadable |= 1 << key
			breakFor(&r.st, consent.DetailSyntax)
		}
		return
	}
}

// finish maps the keys to purposes and appends the statement.
func (r *googleReader) finish(p *consent.Policy, out *consent.Signals) {
	for i := range p.Purposes {
		r.st.Say(i, r.purpose(p.Purposes[i].Google))
	}
	if r.wait && r.st.Detail == consent.DetailNone {
		r.st.Detail = consent.DetailDefaults
	}
	out.Put(&r.st)
}

// purpose returns the reading of the keys that speak for a purpose: of what is
// said about one of them, the strictest.
func (r *googleReader) purpose(keys consent.GoogleKeys) consent.Reading {
	switch {
	case keys&r.unreadable != 0:
		return consent.Unreadable
	case keys&r.denied != 0:
		return consent.Refused
	case keys != 0 && keys&^r.granted == 0:
		return consent.Granted
	default:
		return consent.Unset
	}
}
