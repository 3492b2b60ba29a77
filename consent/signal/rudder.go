package signal

import (
	"zgoda/consent"
	"zgoda/jsontape"
)

// RudderStack reads context.consentManagement:
//
//	{"allowedConsentIds": ["C0002"], "deniedConsentIds": ["C0004"],
//	 "provider": "oneTrust", "resolutionStrategy": "and"}
//
// Ids map to purposes as Segment's categories do. A denied id refuses its
// purpose always. Where several ids map to a purpose all must be allowed, or,
// under the strategy "or", one of them; an id that is the purpose's own speaks
// for it alone. An empty list of allowed ids, with nothing denied, refuses
// everything. What is of a wrong type makes the whole object Broken.
type RudderStack struct{}

// maxRudderIDs bounds each list.
const maxRudderIDs = 256

// Source returns SourceRudderStack.
func (RudderStack) Source() consent.Source { return consent.SourceRudderStack }

// Read implements Parser.
func (RudderStack) Read(in *Input, p *consent.Policy, out *consent.Signals) {
	if !in.look().management {
		return
	}
	for m := in.Context.Members(); m.Next(); {
		if m.Known() != jsontape.ConsentManagement || m.Type() == jsontape.Null {
			continue
		}
		r := rudderReader{policy: p, st: consent.Statement{Source: consent.SourceRudderStack, Carrier: consent.CarrierBody}}
		r.object(m.Value())
		out.Put(&r.st)
	}
}

type rudderReader struct {
	policy          *consent.Policy
	st              consent.Statement
	allowed, denied jsontape.Value
	any             bool // one allowed id of several suffices
}

func (r *rudderReader) object(v jsontape.Value) {
	if v.Type() != jsontape.Object {
		breakFor(&r.st, consent.DetailType)
		return
	}
	for m := v.Members(); m.Next(); {
		switch string(m.Name()) {
		case "allowedConsentIds":
			r.list(&r.allowed, m.Value())
		case "deniedConsentIds":
			r.list(&r.denied, m.Value())
			r.refuse(m.Value())
		case "resolutionStrategy":
			if m.Type() != jsontape.String && m.Type() != jsontape.Null {
				breakFor(&r.st, consent.DetailType)
			}
			r.any = string(m.Value().Text()) == "or"
		}
	}
	if r.allowed.Exists() && r.allowed.Len() == 0 && r.denied.Len() == 0 {
		note(&r.st, consent.DetailNothing)
		for i := range r.policy.Purposes {
			r.st.Say(i, consent.Refused)
		}
		return
	}
	if !r.st.Broken {
		r.grant()
	}
}

// list notes one of the lists, which must be of texts and there once.
func (r *rudderReader) list(to *jsontape.Value, v jsontape.Value) {
	switch {
	case v.Type() == jsontape.Null:
		return
	case v.Type() != jsontape.Array:
		breakFor(&r.st, consent.DetailType)
		return
	case v.Len() > maxRudderIDs:
		breakFor(&r.st, consent.DetailTooLong)
	case to.Exists():
		breakFor(&r.st, consent.DetailDiffers)
	}
	*to = v
	n := 0
	for item := v.Items(); item.Next() && n < maxRudderIDs; n++ {
		if item.Type() != jsontape.String {
			breakFor(&r.st, consent.DetailType)
			return
		}
	}
}

// refuse reads a list of denied ids, also of one that has faults.
func (r *rudderReader) refuse(list jsontape.Value) {
	n := 0
	for item := list.Items(); item.Next() && n < maxRudderIDs; n++ {
		purpose, _ := category(r.policy, item.Value().Text())
		r.st.Say(purpose, consent.Refused)
	}
}

// grant says which purposes the allowed ids grant.
func (r *rudderReader) grant() {
	var yes yeses
	for item := r.allowed.Items(); item.Next(); {
		yes.add(r.policy, item.Value().Text(), &r.st)
	}
	yes.grant(r.policy, r.any, &r.st)
}
