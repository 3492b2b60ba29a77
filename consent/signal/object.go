package signal

import (
	"strconv"

	"github.com/valyala/fastjson"

	"zgoda/consent"
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
	st := consent.Statement{Source: consent.SourceRequest}
	r := objectReader{policy: p, out: &st, inForce: true}
	r.object(in.Consent)
	if !r.inForce {
		dropGrants(&st)
	}
	add(out, &st)
}

type objectReader struct {
	policy  *consent.Policy
	out     *consent.Statement
	inForce bool
	nested  bool // choices was seen
	flat    bool // a choice beside it was seen
}

func (r *objectReader) object(v *fastjson.Value) {
	o, err := v.Object()
	if err != nil {
		r.out.Broken = true
		return
	}
	o.Visit(func(key []byte, v *fastjson.Value) {
		switch string(key) {
		case "choices":
			r.nested = true
			r.choices(v)
		case "version":
			r.version(v)
		case "locale", "surface", "key":
			if v.Type() != fastjson.TypeString && v.Type() != fastjson.TypeNull {
				r.out.Broken = true
			}
		default:
			r.flat = true
			r.choice(key, v)
		}
	})
	if r.nested && r.flat {
		r.out.Broken = true
	}
}

func (r *objectReader) choices(v *fastjson.Value) {
	if absent(v) {
		return
	}
	o, err := v.Object()
	if err != nil {
		r.out.Broken = true
		return
	}
	o.Visit(r.choice)
}

func (r *objectReader) choice(id []byte, v *fastjson.Value) {
	said := reading(v)
	if said == consent.Unreadable {
		r.out.Broken = true
	}
	r.out.Say(find(r.policy, id), said)
}

// version notes whether the choices were made about the policy in force.
func (r *objectReader) version(v *fastjson.Value) {
	switch v.Type() {
	case fastjson.TypeNull:
	case fastjson.TypeNumber:
		n, err := v.Uint64()
		r.inForce = r.inForce && err == nil && n == uint64(r.policy.Version)
	case fastjson.TypeString:
		text, err := v.StringBytes()
		n, numErr := strconv.ParseUint(string(text), 10, 32)
		r.inForce = r.inForce && err == nil && numErr == nil && n == uint64(r.policy.Version)
	default:
		r.out.Broken = true
	}
}
