package signal

import (
	"errors"
	"time"

	"zgoda/consent"
	"zgoda/consent/decoded"
	"zgoda/consent/gpp"
	"zgoda/jsontape"
)

// GPP reads strings of the IAB's Global Privacy Platform: the parameters gpp and
// gpp_sid, and context.consent.gpp, a string or the object of the tool's
// interface (gppString, applicableSections).
//
// Its section 2 is a TC string and read as one. The American sections can only
// refuse: an opt-out refuses the purposes that the site maps to it, and their
// subsection for Global Privacy Control counts as GPC. A known child without a
// consent, no consent to uses beyond those disclosed, and a service provider's mode
// count as every opt-out; a known child
// is not profiled with one either. gpp_sid
// selects what may grant; what a section refuses counts whether or not it is
// named there.
type GPP struct {
	Strings *decoded.Cache // nil: each string is decoded anew
}

// Source returns SourceGPP.
func (GPP) Source() consent.Source { return consent.SourceGPP }

// Read implements Parser.
func (g GPP) Read(in *Input, p *consent.Policy, out *consent.Signals) {
	sid := &in.hold().said[queryGPPSID]
	ids, err := gpp.ParseSIDs(sid.value)
	odd := sid.found && (err != nil || sid.differs)
	applies := !sid.found || ids.Has(gpp.TCFEU)
	w := in.texts(queryGPP)
	for c, ok := w.next(); ok; c, ok = w.next() {
		if odd && c.fault == consent.DetailNone {
			c.fault = consent.DetailSyntax
		}
		odd = false
		g.say(&c, applies, in.Now, p, out)
	}
	if odd {
		c := carried{carrier: consent.CarrierQuery, fault: consent.DetailSyntax}
		g.say(&c, applies, in.Now, p, out)
	}
	for t := in.tool(toolGPP); ; {
		v := t.next()
		if !v.Exists() {
			return
		}
		c := fromBody(v, "gppString")
		applies, ok := sections(v)
		if !ok && c.fault == consent.DetailNone {
			c.fault = consent.DetailType
		}
		g.say(&c, applies, in.Now, p, out)
	}
}

// sections says whether an object's applicableSections, if it has them, name the
// TC string's, and whether they can be read.
func sections(v jsontape.Value) (applies, ok bool) {
	list := v.Get("applicableSections")
	if absent(list) {
		return true, true
	}
	if list.Type() != jsontape.Array {
		return false, false
	}
	for item := list.Items(); item.Next(); {
		if item.Type() != jsontape.Number {
			return false, false
		}
		applies = applies || string(item.Value().Digits()) == "2"
	}
	return applies, true
}

// say appends the statements of one string: its own, and that of its TC string.
func (g GPP) say(c *carried, applies bool, now time.Time, p *consent.Policy, out *consent.Signals) {
	st := c.statement(consent.SourceGPP)
	if len(c.text) > 0 {
		if s, err := g.Strings.GPP(c.text); err != nil {
			breakFor(&st, gppFault(err))
		} else {
			readGPP(s, applies, now, p, &st, out)
		}
	}
	out.Put(&st)
}

// readGPP reads a GPP string into a statement, and its TC string into another.
func readGPP(s *decoded.GPP, applies bool, now time.Time, p *consent.Policy, st *consent.Statement, out *consent.Signals) {
	if len(s.Sections) == 0 {
		note(st, consent.DetailUnknown)
	}
	for i := range s.Sections {
		switch section := &s.Sections[i]; section.ID {
		case gpp.TCFEU:
			tc := consent.Statement{Source: consent.SourceTCF, Carrier: consent.CarrierGPP}
			readTC(s.TC, now, p, &tc)
			if !applies {
				tc.Readings.DropGrants()
			}
			out.Put(&tc)
		case gpp.USPV1:
			usPrivacy(section.Text, p, st)
		default:
			if american(section, p, st) {
				out.SeeGPC(consent.CarrierGPP)
			}
		}
	}
}

// american reads a section of the US and says whether it carries GPC.
func american(s *gpp.Section, p *consent.Policy, st *consent.Statement) (gpc bool) {
	const all = consent.USSale | consent.USSharing | consent.USTargeted
	var of consent.USOptOuts
	if s.SaleOptedOut() {
		of |= consent.USSale
	}
	if s.SharingOptedOut() {
		of |= consent.USSharing
	}
	if s.AdvertisingOptedOut() {
		of |= consent.USTargeted
	}
	if s.SensitiveRefused() != 0 {
		of |= consent.USSensitive
	}
	if s.ChildRefused() != 0 || s.FurtherUseRefused() {
		of |= all | consent.USSensitive
	}
	if s.GPC == gpp.On || s.ServiceProvider() {
		of |= all
	}
	if of != 0 {
		optOut(of, p, st)
	} else {
		note(st, consent.DetailNoOptOut)
	}
	if s.KnownChild() {
		unprofiled(p, st)
	}
	return s.GPC == gpp.On
}

// unprofiled refuses what profiles: a known child is not profiled, whoever agreed
// (GDPR Art. 8).
func unprofiled(p *consent.Policy, st *consent.Statement) {
	for i := range p.Purposes {
		if p.Purposes[i].Kind == consent.KindProfiling {
			st.Say(i, consent.Refused)
		}
	}
}

func gppFault(err error) consent.Detail {
	e, ok := errors.AsType[gpp.Error](err)
	if !ok { // of its TC string
		return tcfFault(err)
	}
	switch e {
	case gpp.ErrEmpty:
		return consent.DetailEmpty
	case gpp.ErrLong:
		return consent.DetailTooLong
	default:
		return consent.DetailSyntax
	}
}
