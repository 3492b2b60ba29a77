package signal

import (
	"errors"
	"time"

	"zgoda/consent"
	"zgoda/consent/decoded"
	"zgoda/consent/tcf"
)

// TCF reads TC strings of the IAB's Transparency and Consent Framework: the
// parameter gdpr_consent, the cookie euconsent-v2, and context.consent.tcf, a
// string or the object of the tool's interface (tcString).
//
// The site maps TCF purposes and special features to its own: all of them must
// be allowed, to the site's vendor if it has an id on the vendor list, else by
// the publisher's own segment, else by the purposes alone. What is not allowed
// is refused, since a bit that is not set cannot be told from one that was
// refused. On consent, all allowed is a grant; on legitimate interest it says
// that nobody objected, which grants nothing. A string that is too old, or of a
// scope that no longer exists, refuses as it did and grants nothing.
//
// The parameter gdpr must be 0 or 1 and loosens nothing: without a string it
// says nothing, and beside one the string counts.
type TCF struct {
	Strings *decoded.Cache // nil: each string is decoded anew
}

// Source returns SourceTCF.
func (TCF) Source() consent.Source { return consent.SourceTCF }

// Read implements Parser.
func (t TCF) Read(in *Input, p *consent.Policy, out *consent.Signals) {
	flag := &in.hold().said[queryGDPR]
	odd := flag.found && !isFlag(flag)
	w := in.texts(queryTC)
	for c, ok := w.next(); ok; c, ok = w.next() {
		if odd && c.fault == consent.DetailNone {
			c.fault = consent.DetailSyntax
		}
		odd = false
		t.say(&c, in.Now, p, out)
	}
	if odd {
		c := carried{carrier: consent.CarrierQuery, fault: consent.DetailSyntax}
		t.say(&c, in.Now, p, out)
	}
	w = in.texts(cookieTC)
	for c, ok := w.next(); ok; c, ok = w.next() {
		t.say(&c, in.Now, p, out)
	}
	for w := in.tool(toolTCF); ; {
		v := w.next()
		if !v.Exists() {
			return
		}
		c := fromBody(v, "tcString")
		t.say(&c, in.Now, p, out)
	}
}

// isFlag says whether a parameter is 0 or 1.
func isFlag(s *said) bool {
	return !s.differs && len(s.value) == 1 && (s.value[0] == '0' || s.value[0] == '1')
}

// say appends the statement of one text.
func (t TCF) say(c *carried, now time.Time, p *consent.Policy, out *consent.Signals) {
	st := c.statement(consent.SourceTCF)
	if len(c.text) > 0 {
		if s, err := t.Strings.TC(c.text); err != nil {
			breakFor(&st, tcfFault(err))
		} else {
			readTC(s, now, p, &st)
		}
	}
	out.Put(&st)
}

// readTC reads a TC string into a statement.
func readTC(s *decoded.TC, now time.Time, p *consent.Policy, st *consent.Statement) {
	valid := s.Check(now, tcfRules)
	if valid != nil && !isStale(valid) {
		breakFor(st, tcfFault(valid))
		return
	}
	v := s.Vendor(int(p.Vendor))
	shown := v.ID == 0 || v.Shown || !v.Listed
	for i := range p.Purposes {
		st.Say(i, tcfReading(&s.String, &v, shown, &p.Purposes[i].TCF))
	}
	if valid != nil {
		st.Readings.DropGrants()
		note(st, tcfFault(valid))
		return
	}
	_, publisher := s.Publisher()
	switch {
	case !shown:
		note(st, consent.DetailNotShown)
	case v.ID != 0:
		note(st, consent.DetailVendor)
	case publisher:
		note(st, consent.DetailPublisher)
	default:
		note(st, consent.DetailCore)
	}
}

// tcfRules are those of TCF 2.3.
var tcfRules = tcf.DefaultRules()

// tcfReading returns what a TC string says about a purpose that is mapped so.
func tcfReading(s *tcf.String, v *tcf.Vendor, shown bool, m *consent.TCFMapping) consent.Reading {
	if m.Purposes == 0 && m.Features == 0 {
		return consent.Unset
	}
	basis, flexible, said := tcf.Consent, tcf.Purposes(0), consent.Granted
	if m.Basis == consent.BasisLegitimateInterest {
		basis, said = tcf.LegInt, consent.Unset
	}
	if m.Flexible {
		flexible = tcf.Purposes(m.Purposes)
	}
	allowed := s.Allowed(v, basis, flexible)
	if !shown || tcf.Purposes(m.Purposes)&^allowed != 0 || m.Features&^uint16(s.SpecialFeatures()) != 0 {
		return consent.Refused
	}
	return said
}

func isStale(err error) bool {
	e, ok := errors.AsType[tcf.Error](err)
	return ok && e.Stale()
}

// tcfFault returns the word for why a string is not used.
func tcfFault(err error) consent.Detail {
	e, _ := errors.AsType[tcf.Error](err)
	switch e {
	case tcf.ErrEmpty:
		return consent.DetailEmpty
	case tcf.ErrLong:
		return consent.DetailTooLong
	case tcf.ErrFuture:
		return consent.DetailFuture
	case tcf.ErrUndisclosed:
		return consent.DetailUndisclosed
	case tcf.ErrOld:
		return consent.DetailStale
	case tcf.ErrGlobal:
		return consent.DetailGlobal
	default:
		return consent.DetailSyntax
	}
}
