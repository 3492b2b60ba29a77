package signal

import (
	"testing"
	"time"

	"zgoda/consent"
)

func gdpr(text string) request { return request{query: headers{"gdpr_consent": {text}}} }

// yes allows all that toolPolicy maps.
var yes = tc{features: []int{1}, purposes: []int{1, 2, 3, 4, 8, 9}, interests: []int{7}}

func TestTCFWithoutVendor(t *testing.T) {
	part := yes
	part.purposes = []int{2, 3, 4, 8}
	noFeature := yes
	noFeature.features = nil
	objected := yes
	objected.interests = nil
	published := part
	published.publisher = []int{8, 9}
	old, global, undisclosed, older, future := yes, yes, yes, yes, yes
	old.updated = testNow.AddDate(-2, 0, 0)
	global.global = true
	undisclosed.hidden = true
	older.hidden, older.updated = true, time.Date(2026, 2, 27, 0, 0, 0, 0, time.UTC)
	future.updated = testNow.AddDate(0, 0, 3)
	expect(t, []expectation{
		{"all", gdpr(yes.String()), "tcf query core -111--"},
		{"one of two purposes", gdpr(part.String()), "tcf query core -011--"},
		{"no special feature", gdpr(noFeature.String()), "tcf query core -101--"},
		{"an objection", gdpr(objected.String()), "tcf query core -111-0"},
		{"nothing", gdpr(tc{}.String()), "tcf query core -000-0"},
		{"the publisher's own", gdpr(published.String()), "tcf query publisher -100-0"},
		{"too old", gdpr(old.String()), "tcf query too-old ------"},
		{"too old, and refused", gdpr(tc{updated: old.updated}.String()), "tcf query too-old -000-0"},
		{"global", gdpr(global.String()), "tcf query global-scope ------"},
		{"without disclosed vendors", gdpr(undisclosed.String()), "tcf query no-disclosed-vendors ------ broken"},
		{"without, before it had to", gdpr(older.String()), "tcf query core -111--"},
		{"from the future", gdpr(future.String()), "tcf query from-the-future ------ broken"},
		{"another place: the cookie", request{cookies: headers{"euconsent-v2": {yes.String()}}}, "tcf cookie core -111-- browser"},
		{"a quoted cookie", request{cookies: headers{"euconsent-v2": {`"` + yes.String() + `"`}}}, "tcf cookie core -111-- browser"},
		{"another place: the body", request{context: `{"consent":{"tcf":"` + yes.String() + `"}}`}, "tcf body core -111--"},
		{"the tool's object", request{context: `{"consent":{"tcf":{"tcString":"` + yes.String() + `","gdprApplies":true}}}`}, "tcf body core -111--"},
		{
			"places that differ",
			request{
				query: headers{"gdpr_consent": {yes.String()}}, cookies: headers{"euconsent-v2": {tc{}.String()}},
				context: `{"consent":{"tcf":"` + part.String() + `"}}`,
			},
			"tcf query core -111--; tcf cookie core -000-0 browser; tcf body core -011--",
		},
	})
}

func TestTCFUnreadable(t *testing.T) {
	text := yes.String()
	expect(t, []expectation{
		{"empty", gdpr(""), "tcf query empty ------ broken"},
		{"a macro", gdpr("${GDPR_CONSENT_123}"), "tcf query malformed ------ broken"},
		{"cut", gdpr(text[:40]), "tcf query malformed ------ broken"},
		{"of version 1", gdpr("B" + text[1:]), "tcf query malformed ------ broken"},
		{"too long", gdpr(text + "." + string(make([]byte, 9<<10))), "tcf query too-long ------ broken"},
		{"two values", request{query: headers{"gdpr_consent": {text, tc{}.String()}}}, "tcf query two-values -111-- broken; tcf query two-values -000-0 broken"},
		{"one value twice", request{query: headers{"gdpr_consent": {text, text}}}, "tcf query core -111--"},
		{"two cookies", request{cookies: headers{"euconsent-v2": {text, ""}}}, "tcf cookie two-values -111-- broken browser; tcf cookie two-values ------ broken browser"},
		{"not a text", request{context: `{"consent":{"tcf":7}}`}, "tcf body wrong-type ------ broken"},
		{"an object without", request{context: `{"consent":{"tcf":{}}}`}, "tcf body wrong-type ------ broken"},
		{"null", request{context: `{"consent":{"tcf":null}}`}, ""},
		{"gdpr=1 alone", request{query: headers{"gdpr": {"1"}}}, ""},
		{"gdpr=0 alone", request{query: headers{"gdpr": {"0"}}}, ""},
		{"gdpr=0 loosens nothing", request{query: headers{"gdpr": {"0"}, "gdpr_consent": {tc{}.String()}}}, "tcf query core -000-0"},
		{"gdpr unreadable", request{query: headers{"gdpr": {"${GDPR}"}}}, "tcf query malformed ------ broken"},
		{"gdpr unreadable beside a string", request{query: headers{"gdpr": {"0", "1"}, "gdpr_consent": {text}}}, "tcf query malformed -111-- broken"},
	})
}

func TestTCFForVendor(t *testing.T) {
	const vendor = 755
	all := yes
	all.vendors, all.vendorsLI, all.disclosed = []int{vendor}, []int{vendor}, []int{1, vendor}
	with := func(change func(*tc)) string {
		s := all
		change(&s)
		return s.String()
	}
	flexible := func(p *consent.Policy) { p.Purposes[analytics].TCF.Flexible = true }
	for _, c := range []struct {
		name, text string
		change     func(*consent.Policy)
		want       string
	}{
		{"all", all.String(), nil, "tcf query vendor -111--"},
		{"no bit of the vendor", with(func(s *tc) { s.vendors = []int{754} }), nil, "tcf query vendor -000--"},
		{"an objection", with(func(s *tc) { s.vendorsLI = nil }), nil, "tcf query vendor -111-0"},
		{"not disclosed", with(func(s *tc) { s.disclosed = []int{754} }), nil, "tcf query vendor-not-disclosed -000-0"},
		{"a purpose forbidden", with(func(s *tc) { s.restricted = [][3]int{{2, 0, vendor}} }), nil, "tcf query vendor -110--"},
		{"another vendor's restriction", with(func(s *tc) { s.restricted = [][3]int{{2, 0, 1}} }), nil, "tcf query vendor -111--"},
		{"on interest only, not flexible", with(func(s *tc) { s.restricted = [][3]int{{8, 2, vendor}} }), nil, "tcf query vendor -011--"},
		{
			"on interest only, flexible", with(func(s *tc) { s.restricted, s.interests = [][3]int{{8, 2, vendor}}, []int{7, 8} }), flexible,
			"tcf query vendor -111--",
		},
		{"the publisher's segment is not the vendor's", with(func(s *tc) { s.publisher = []int{} }), nil, "tcf query vendor -111--"},
	} {
		p := toolPolicy()
		p.Vendor = vendor
		if c.change != nil {
			c.change(p)
		}
		r := gdpr(c.text)
		var out consent.Signals
		TCF{}.Read(r.input(t), p, &out)
		if got := told(&out); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}
