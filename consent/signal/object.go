package signal

import (
	"strconv"

	"zgoda/consent"
	"zgoda/jsontape"
)

// Object reads our own consent object, beside the event or its batch. Two
// shapes are the same:
//
//	{"analytics": true, "profiling": false, "version": "3735928559"}
//	{"choices": {"analytics": true, "profiling": false}, "version": "3735928559"}
//
// The version is the policy's, a string or a number, as GET /consent gives it.
// Left out, the choices are taken for the policy in force; a version that is not
// in force keeps the refusals and drops the grants. null says nothing. A choice
// about a purpose that the site does not have is ignored. Anything of a wrong
// type makes the whole object Broken. The members locale, surface and key may
// stand beside, as POST /consent has them.
type Object struct{}

// Source returns SourceRequest.
func (Object) Source() consent.Source { return consent.SourceRequest }

// Read implements Parser.
func (Object) Read(in *Input, p *consent.Policy, out *consent.Signals) {
	if absent(in.Consent) {
		return
	}
	st := consent.Statement{Source: consent.SourceRequest, Carrier: consent.CarrierBody}
	r := objectReader{policy: p, out: &st, inForce: true}
	r.object(in.Consent)
	if !r.inForce {
		otherVersion(&st)
	}
	out.Put(&st)
}

type objectReader struct {
	policy  *consent.Policy
	out     *consent.Statement
	inForce bool
	nested  bool // choices was seen
	flat    bool // a choice beside it was seen
}

func (r *objectReader) object(v jsontape.Value) {
	if v.Type() != jsontape.Object {
		breakFor(r.out, consent.DetailType)
		return
	}
	for m := v.Members(); m.Next(); {
		switch string(m.Name()) {
		case "choices":
			r.nested = true
			r.choices(m.Value())
		case "version":
			r.version(m.Value())
		case "locale", "surface", "key":
			if m.Type() != jsontape.String && m.Type() != jsontape.Null {
				breakFor(r.out, consent.DetailType)
			}
		default:
			r.flat = true
			r.choice(m.Name(), m.Value())
		}
	}
	if r.nested && r.flat {
		breakFor(r.out, consent.DetailType)
	}
}

func (r *objectReader) choices(v jsontape.Value) {
	if absent(v) {
		return
	}
	if v.Type() != jsontape.Object {
		breakFor(r.out, consent.DetailType)
		return
	}
	for m := v.Members(); m.Next(); {
		r.choice(m.Name(), m.Value())
	}
}

func (r *objectReader) choice(id []byte, v jsontape.Value) {
	said := reading(v)
	if said == consent.Unreadable {
		breakFor(r.out, consent.DetailType)
	}
	r.out.Say(find(r.policy, id), said)
}

// version notes whether the choices were made about the policy in force.
func (r *objectReader) version(v jsontape.Value) {
	switch v.Type() {
	case jsontape.Null:
	case jsontape.Number:
		n, err := strconv.ParseUint(string(v.Digits()), 10, 64)
		r.inForce = r.inForce && err == nil && n == uint64(r.policy.Version)
	case jsontape.String:
		n, err := strconv.ParseUint(string(v.Text()), 10, 32)
		r.inForce = r.inForce && err == nil && n == uint64(r.policy.Version)
	default:
		breakFor(r.out, consent.DetailType)
	}
}
