package signal

import (
	"zgoda/consent"
	"zgoda/consent/gpp"
)

// USPrivacy reads the IAB's us_privacy string: the parameter us_privacy, the
// cookie usprivacy, and context.consent.usp, a string or the object of the
// tool's interface (uspString). Its opt-out is the only one that it has, so it
// stands for sale, sharing and targeted advertising; it never grants.
type USPrivacy struct{}

// Source returns SourceUSPrivacy.
func (USPrivacy) Source() consent.Source { return consent.SourceUSPrivacy }

// Read implements Parser.
func (u USPrivacy) Read(in *Input, p *consent.Policy, out *consent.Signals) {
	for t := in.texts(queryUSPrivacy); u.next(&t, p, out); {
	}
	for t := in.texts(cookieUSPrivacy); u.next(&t, p, out); {
	}
	for t := in.tool(toolUSPrivacy); ; {
		v := t.next()
		if !v.Exists() {
			return
		}
		c := fromBody(v, "uspString")
		u.say(&c, p, out)
	}
}

func (u USPrivacy) next(t *texts, p *consent.Policy, out *consent.Signals) bool {
	c, ok := t.next()
	if ok {
		u.say(&c, p, out)
	}
	return ok
}

func (USPrivacy) say(c *carried, p *consent.Policy, out *consent.Signals) {
	st := c.statement(consent.SourceUSPrivacy)
	if len(c.text) > 0 {
		usPrivacy(c.text, p, &st)
	}
	out.Put(&st)
}

// usPrivacy reads a us_privacy string into a statement.
func usPrivacy(text []byte, p *consent.Policy, st *consent.Statement) {
	said, err := gpp.ParseUSPrivacy(text)
	switch {
	case err != nil:
		breakFor(st, consent.DetailSyntax)
	case said.OptedOut():
		optOut(consent.USSale|consent.USSharing|consent.USTargeted, p, st)
	case said.OptOutSale == '-':
		note(st, consent.DetailNotApplied)
	default:
		note(st, consent.DetailNoOptOut)
	}
}

// optOut refuses the purposes that one of the opt-outs reaches.
func optOut(of consent.USOptOuts, p *consent.Policy, st *consent.Statement) {
	for i := range p.Purposes {
		if p.Purposes[i].US&of != 0 {
			st.Say(i, consent.Refused)
		}
	}
	if !st.Broken {
		st.Detail = consent.DetailOptOut
	}
}

// note notes a detail unless there is one.
func note(st *consent.Statement, d consent.Detail) {
	if st.Detail == consent.DetailNone {
		st.Detail = d
	}
}
