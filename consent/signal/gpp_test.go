package signal

import (
	"testing"

	"zgoda/consent"
)

func gppOf(text string, sid ...string) request {
	q := headers{"gpp": {text}}
	if len(sid) > 0 {
		q["gpp_sid"] = sid
	}
	return request{query: q}
}

// The mapping of toolPolicy: profiling by targeted advertising and sensitive
// data; marketing and sharing by sale, sharing and targeted advertising.
func TestGPP(t *testing.T) {
	both := gppText(2, yes.String(), 9, virginia(1, 2, 0, 0, 2))
	expect(t, []expectation{
		{"opted out of nothing", gppOf(gppText(9, virginia(2, 2, 2, 0, 2))), "gpp query not-opted-out ------"},
		{"of sale", gppOf(gppText(9, virginia(1, 2, 0, 0, 2))), "gpp query opted-out ---00-"},
		{"of targeted advertising", gppOf(gppText(9, virginia(2, 1, 0, 0, 2))), "gpp query opted-out --000-"},
		{"of sensitive data", gppOf(gppText(9, virginia(2, 2, 1, 0, 2))), "gpp query opted-out --0---"},
		{"a known child", gppOf(gppText(9, virginia(2, 2, 0, 1, 2))), "gpp query opted-out --000-"},
		{"a known child that may", gppOf(gppText(9, virginia(2, 2, 0, 2, 2))), "gpp query not-opted-out --0---"},
		{"no further use in California", gppOf(gppText(8, further(1))), "gpp query opted-out --000-"},
		{"further use in California", gppOf(gppText(8, further(2))), "gpp query not-opted-out ------"},
		{"further use not asked in California", gppOf(gppText(8, further(0))), "gpp query not-opted-out ------"},
		{"no further use in Florida", gppOf(gppText(13, further(1))), "gpp query opted-out --000-"},
		{"further use in Florida", gppOf(gppText(13, further(2))), "gpp query not-opted-out ------"},
		{"a service provider", gppOf(gppText(9, virginia(2, 2, 0, 0, 1))), "gpp query opted-out --000-"},
		{"of sharing", gppOf(gppText(8, california(2, 1, -1))), "gpp query opted-out ---00-"},
		{"GPC within", gppOf(gppText(8, california(2, 2, 1))), "gpp query opted-out --000-"},
		{"no GPC within", gppOf(gppText(8, california(2, 2, 0))), "gpp query not-opted-out ------"},
		{"us_privacy within", gppOf(gppText(6, "1YYN")), "gpp query opted-out --000-"},
		{"two sections", gppOf(gppText(8, california(2, 2, 0), 9, virginia(1, 2, 0, 0, 2))), "gpp query opted-out ---00-"},
		{"a TC string within", gppOf(gppText(2, yes.String())), "tcf gpp core -111--; gpp query  ------"},
		{"a TC string alone", gppOf(yes.String()), "tcf gpp core -111--; gpp query  ------"},
		{"both laws", gppOf(both), "tcf gpp core -111--; gpp query opted-out ---00-"},
		{"gpp_sid names it", gppOf(both, "2,9"), "tcf gpp core -111--; gpp query opted-out ---00-"},
		{"gpp_sid names the other", gppOf(both, "9"), "tcf gpp core ------; gpp query opted-out ---00-"},
		{"gpp_sid names none", gppOf(both, "-1"), "tcf gpp core ------; gpp query opted-out ---00-"},
		{"no known section", gppOf(gppText(5, "CAAA")), "gpp query no-known-section ------"},
		{"the body", request{context: `{"consent":{"gpp":"` + gppText(9, virginia(1, 2, 0, 0, 2)) + `"}}`}, "gpp body opted-out ---00-"},
		{"the tool's object", request{context: `{"consent":{"gpp":{"gppString":"` + both + `","applicableSections":[9]}}}`}, "tcf gpp core ------; gpp body opted-out ---00-"},
		{"the tool's object, EU", request{context: `{"consent":{"gpp":{"gppString":"` + both + `","applicableSections":[2,9]}}}`}, "tcf gpp core -111--; gpp body opted-out ---00-"},

		{"empty", gppOf(""), "gpp query empty ------ broken"},
		{"rubbish", gppOf("xx"), "gpp query malformed ------ broken"},
		{"cut", gppOf(gppText(9, virginia(1, 2, 0, 0, 2))[:10]), "gpp query malformed ------ broken"},
		{"a section too few", gppOf(gppText(8, california(2, 2, 0), 9, "")), "gpp query empty ------ broken"},
		{"an undefined value", gppOf(gppText(9, virginia(3, 2, 0, 0, 2))), "gpp query malformed ------ broken"},
		{"a broken TC string", gppOf(gppText(2, "CAAA")), "gpp query malformed ------ broken"},
		{"a TC string that is not valid", gppOf(gppText(2, tc{hidden: true}.String())), "tcf gpp no-disclosed-vendors ------ broken; gpp query  ------"},
		{"gpp_sid unreadable", gppOf(both, "2;9"), "tcf gpp core ------; gpp query malformed ---00- broken"},
		{"gpp_sid differs", gppOf(both, "2", "9"), "tcf gpp core -111--; gpp query malformed ---00- broken"},
		{"gpp_sid alone", request{query: headers{"gpp_sid": {"7"}}}, ""},
		{"gpp_sid alone, unreadable", request{query: headers{"gpp_sid": {"x"}}}, "gpp query malformed ------ broken"},
		{"sections of a wrong type", request{context: `{"consent":{"gpp":{"gppString":"` + both + `","applicableSections":"2"}}}`}, "tcf gpp core ------; gpp body wrong-type ---00- broken"},
		{"not a text", request{context: `{"consent":{"gpp":[]}}`}, "gpp body wrong-type ------ broken"},
	})
}

func TestGPCWithinGPPCounts(t *testing.T) {
	for text, want := range map[string]consent.Presence{
		gppText(8, california(2, 2, 1)): consent.Present, gppText(8, california(2, 2, 0)): consent.Absent, gppText(8, california(1, 1, -1)): consent.Absent,
	} {
		r := gppOf(text)
		if out := readTools(t, &r); out.GPC != want {
			t.Errorf("GPC is %s", out.GPC)
		}
	}
}

func TestUSPrivacy(t *testing.T) {
	usp := func(text string) request { return request{query: headers{"us_privacy": {text}}} }
	expect(t, []expectation{
		{"opted out", usp("1YYN"), "us-privacy query opted-out --000-"},
		{"in small letters", usp("1yyn"), "us-privacy query opted-out --000-"},
		{"without a notice", usp("1NYN"), "us-privacy query opted-out --000-"},
		{"not opted out", usp("1YNN"), "us-privacy query not-opted-out ------"},
		{"does not apply", usp("1---"), "us-privacy query does-not-apply ------"},
		{"the cookie", request{cookies: headers{"usprivacy": {"1YYY"}}}, "us-privacy cookie opted-out --000- browser"},
		{"the body", request{context: `{"consent":{"usp":"1YYY"}}`}, "us-privacy body opted-out --000-"},
		{"the tool's object", request{context: `{"consent":{"usp":{"version":1,"uspString":"1YYY"}}}`}, "us-privacy body opted-out --000-"},
		{
			"all places",
			request{query: headers{"us_privacy": {"1YNN"}}, cookies: headers{"usprivacy": {"1YYN"}}, context: `{"consent":{"usp":"1---"}}`},
			"us-privacy query not-opted-out ------; us-privacy cookie opted-out --000- browser; us-privacy body does-not-apply ------",
		},
		{"empty", usp(""), "us-privacy query empty ------ broken"},
		{"a macro", usp("${US_PRIVACY}"), "us-privacy query malformed ------ broken"},
		{"version 2", usp("2YYN"), "us-privacy query malformed ------ broken"},
		{"too short", usp("1YY"), "us-privacy query malformed ------ broken"},
		{"not a text", request{context: `{"consent":{"usp":true}}`}, "us-privacy body wrong-type ------ broken"},
		{"two values", request{query: headers{"us_privacy": {"1YNN", "1YYN"}}}, "us-privacy query two-values ------ broken; us-privacy query two-values --000- broken"},
	})
}
