package signal

import (
	"strings"
	"testing"
)

// The categories of toolPolicy: C0002 and C0003 are analytics, C0004 marketing.
func TestRudderStack(t *testing.T) {
	of := func(text string) request { return request{context: `{"consentManagement":` + text + `}`} }
	expect(t, []expectation{
		{"null", of(`null`), ""},
		{"nothing said", of(`{}`), "rudderstack body  ------"},
		{"the purpose's own id", of(`{"allowedConsentIds":["analytics"],"deniedConsentIds":["marketing"]}`), "rudderstack body  -1-0--"},
		{"one of two", of(`{"allowedConsentIds":["C0002"]}`), "rudderstack body  ------"},
		{"both of two", of(`{"allowedConsentIds":["C0002","C0003"],"resolutionStrategy":"and"}`), "rudderstack body  -1----"},
		{"one of two suffices", of(`{"allowedConsentIds":["C0002"],"resolutionStrategy":"or"}`), "rudderstack body  -1----"},
		{"a denied one refuses always", of(`{"allowedConsentIds":["C0002"],"deniedConsentIds":["C0003"],"resolutionStrategy":"or"}`), "rudderstack body  -0----"},
		{"a denied one of all", of(`{"allowedConsentIds":["analytics"],"deniedConsentIds":["C0002"]}`), "rudderstack body  -0----"},
		{"in both lists", of(`{"allowedConsentIds":["C0004"],"deniedConsentIds":["C0004"]}`), "rudderstack body  ---0--"},
		{"nothing allowed", of(`{"allowedConsentIds":[],"provider":"oneTrust"}`), "rudderstack body nothing-allowed 000000"},
		{"nothing allowed, something denied", of(`{"allowedConsentIds":[],"deniedConsentIds":["C0004"]}`), "rudderstack body  ---0--"},
		{"nothing denied", of(`{"deniedConsentIds":[]}`), "rudderstack body  ------"},
		{"unknown ids", of(`{"allowedConsentIds":["C0099","C0009"]}`), "rudderstack body  ------"},
		{"case counts", of(`{"allowedConsentIds":["c0004"]}`), "rudderstack body  ------"},
		{"null lists", of(`{"allowedConsentIds":null,"deniedConsentIds":null,"resolutionStrategy":null}`), "rudderstack body  ------"},

		{"not an object", of(`[]`), "rudderstack body wrong-type ------ broken"},
		{"not a list", of(`{"allowedConsentIds":"analytics"}`), "rudderstack body wrong-type ------ broken"},
		{"not texts", of(`{"allowedConsentIds":["analytics",2]}`), "rudderstack body wrong-type ------ broken"},
		{"a wrong strategy", of(`{"allowedConsentIds":["analytics"],"resolutionStrategy":1}`), "rudderstack body wrong-type ------ broken"},
		{"too many", of(`{"allowedConsentIds":["` + strings.Repeat(`a","`, maxRudderIDs) + `"]}`), "rudderstack body too-long ------ broken"},
		{"a list twice", of(`{"allowedConsentIds":["analytics"],"allowedConsentIds":["marketing"]}`), "rudderstack body two-values ------ broken"},
		{
			"twice",
			request{context: `{"consentManagement":{"allowedConsentIds":["analytics"]},"consentManagement":{"deniedConsentIds":["analytics"]}}`},
			"rudderstack body  -1----; rudderstack body  -0----",
		},
	})
}

func FuzzRudderStack(f *testing.F) {
	fuzzJSON(f, RudderStack{}, inContext,
		`{"consentManagement":{"allowedConsentIds":["analytics"]}}`, `{"consentManagement":{"deniedConsentIds":["x",1]}}`, `{"consentManagement":7}`)
}
