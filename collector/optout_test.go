package collector

import (
	"slices"
	"testing"

	"zgoda/consent"
	"zgoda/event"
)

// noted keeps what was handed over to be recorded.
type noted struct{ in []consent.Carrier }

func (n *noted) Note(_ event.SiteID, _ event.Handle, in consent.Carrier) { n.in = append(n.in, in) }

// TestOptOutNamesItsCarrier: what carried the signal is handed over, of several the
// header before the body.
func TestOptOutNamesItsCarrier(t *testing.T) {
	const gpp = "DBABBg~BVoAAABo.YA" // California's section, with GPC on
	header, body, inGPP := []consent.Carrier{consent.CarrierHeader}, []consent.Carrier{consent.CarrierBody}, []consent.Carrier{consent.CarrierGPP}
	for name, c := range map[string]struct {
		route  Route
		body   string
		header bool
		want   []consent.Carrier
	}{
		"nothing":              {RouteTrack, `{"userId":"u-1","event":"e"}`, false, nil},
		"false":                {RouteTrack, `{"userId":"u-1","event":"e","gpc":false}`, false, nil},
		"the header":           {RouteTrack, `{"userId":"u-1","event":"e"}`, true, header},
		"the body":             {RouteTrack, `{"userId":"u-1","event":"e","gpc":true}`, false, body},
		"both":                 {RouteTrack, `{"userId":"u-1","event":"e","gpc":true}`, true, header},
		"beside a batch":       {RouteBatch, `{"gpc":true,"batch":[{"type":"track","userId":"u-1","event":"e"}]}`, false, body},
		"beside a batch, both": {RouteBatch, `{"gpc":true,"batch":[{"type":"track","userId":"u-1","event":"e"},{"type":"track","userId":"u-1","event":"f"}]}`, true, append(header, header...)},
		"a GPP string":         {RouteTrack, `{"userId":"u-1","event":"e","context":{"consent":{"gpp":"` + gpp + `"}}}`, false, inGPP},
		"a GPP string and gpc": {RouteTrack, `{"userId":"u-1","event":"e","gpc":true,"context":{"consent":{"gpp":"` + gpp + `"}}}`, false, body},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			n := &noted{}
			s.deps.OptOuts = n
			s.grant(event.KindUserID, "u-1").Record().Place = consent.JurisdictionUS
			r := server(c.route, c.body)
			if c.header {
				r = r.withHeader("Sec-GPC", "1")
			}
			s.collect(t, r)
			if !slices.Equal(n.in, c.want) {
				t.Errorf("noted %v, want %v", n.in, c.want)
			}
		})
	}
}

// Any tie to the US will do. Where nothing is known of where somebody is, a site
// that has rules for the US has to take them for American as for anything else.
func TestAmerican(t *testing.T) {
	const eu, us, other, none = consent.JurisdictionEU, consent.JurisdictionUS, consent.JurisdictionOther, consent.JurisdictionUnknown
	california, _ := consent.ParseJurisdiction("us-ca")
	for _, c := range []struct {
		established, contact, address, table consent.Jurisdiction
		want                                 bool
	}{
		{eu, eu, eu, none, false},
		{eu, none, none, none, false},
		{eu, us, eu, none, true},
		{eu, eu, us, none, true},
		{eu, none, us, none, true},
		{us, eu, eu, none, true},
		{eu, none, none, us, true},
		{eu, none, none, california, true},
		{eu, none, none, eu, false},
		{eu, none, none, other, false},
		{none, none, none, us, true},
		{none, none, none, none, false},
		{eu, eu, none, us, false},
		{eu, none, eu, us, false},
		{eu, eu, eu, us, false},
		{eu, none, other, us, false},
	} {
		s := &consent.Subject{Contact: &consent.Record{Place: c.contact}, Address: c.address}
		p := &consent.Policy{Establishment: c.established}
		if c.table != none {
			p.Tables = []consent.Table{{Jurisdiction: c.table}}
		}
		if got := american(p, s); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}
