package signal

import "testing"

func google(gcs, gcd string) request {
	q := headers{}
	if gcs != "" {
		q["gcs"] = []string{gcs}
	}
	if gcd != "" {
		q["gcd"] = []string{gcd}
	}
	return request{query: q}
}

// The mapping of toolPolicy: analytics by analytics_storage, profiling by
// ad_personalization and personalization_storage, marketing by ad_storage and
// ad_user_data, sharing by ad_user_data.
func TestGoogleParameters(t *testing.T) {
	expect(t, []expectation{
		{"all denied", google("G100", ""), "google query  -0-0--"},
		{"1 alone grants nothing", google("G111", ""), "google query defaults-only ------"},
		{"mixed", google("G101", ""), "google query defaults-only ---0--"},
		{"not set", google("G1--", ""), "google query  ------"},
		{"another version", google("G211", ""), "google query malformed ------ broken"},
		{"short", google("G11", ""), "google query malformed ------ broken"},
		{"another sign", google("G10x", ""), "google query malformed ---0-- broken"},
		{"all granted by the person", google("", "13r3r3r3r5"), "google query  -1-11-"},
		{"all granted, v", google("", "11v1v1v1v5"), "google query  -1-11-"},
		{"all denied by the person", google("", "11q1q1q1q5"), "google query  -0000-"},
		{"defaults denied", google("", "11p1p1p1p5"), "google query defaults-only ------"},
		{"defaults granted", google("", "11t1t1t1t5"), "google query defaults-only ------"},
		{"nothing", google("", "11l1l1l1l5"), "google query  ------"},
		{"the example", google("", "11l1p1t1v5"), "google query defaults-only ------"},
		{"updates after nothing", google("", "11n1n1m1m5"), "google query  -1000-"},
		{"granted default, denied", google("", "11u1v1v1v5"), "google query  -1-01-"},
		{"longer", google("", "13r3r3r3r1l1l1l1"), "google query  -1-11-"},
		{"implied: not a grant", google("", "13D3D3D3D5"), "google query  ------"},
		{"an undefined default", google("", "13h3r3r3r5"), "google query malformed ------ broken"},
		{"an undefined answer", google("", "13r3s3r3r5"), "google query malformed ------ broken"},
		{"odd", google("", "13r3r3r3r"), "google query malformed ------ broken"},
		{"a letter for a digit", google("", "1r3r3r3r35"), "google query malformed ------ broken"},
		{"a sign", google("", "13r3r3r3r%5"), "google query malformed ------ broken"},
		{"only a default", google("G100", "13p3p3p3p5"), "google query defaults-only ------"},
		{"a denial that is no default", google("G100", "13l3l3l3l5"), "google query  -0-0--"},
		{"granted and denied", google("G100", "13r3r3r3r5"), "google query  -0-01-"},
		{"both granted", google("G111", "13r3r3r3r5"), "google query  -1-11-"},
		{"one unreadable", google("G111", "x"), "google query malformed ------ broken"},
		{"empty", request{query: headers{"gcs": {""}}}, "google query empty ------ broken"},
		{"two values", request{query: headers{"gcs": {"G111", "G100"}}}, "google query two-values -0-0-- broken"},
		{"one value twice", request{query: headers{"gcs": {"G100", "G100"}}}, "google query  -0-0--"},
	})
}

func TestGoogleObject(t *testing.T) {
	object := func(text string) request { return request{context: `{"consent":{"google":` + text + `}}`} }
	expect(t, []expectation{
		{"null", object(`null`), ""},
		{"empty", object(`{}`), "google body  ------"},
		{"granted", object(`{"analytics_storage":"granted"}`), "google body  -1----"},
		{"denied", object(`{"analytics_storage":"denied","ad_user_data":"denied"}`), "google body  -0-00-"},
		{"one of two keys", object(`{"ad_personalization":"granted"}`), "google body  ------"},
		{"both of two keys", object(`{"ad_personalization":"granted","personalization_storage":"granted"}`), "google body  --1---"},
		{"one of them denied", object(`{"ad_personalization":"granted","personalization_storage":"denied"}`), "google body  --0---"},
		{"all seven", object(`{"ad_storage":"granted","ad_user_data":"granted","ad_personalization":"granted","analytics_storage":"granted",
			"functionality_storage":"granted","personalization_storage":"granted","security_storage":"granted"}`), "google body  -1111-"},
		{"a default is not a grant", object(`{"default":{"analytics_storage":"granted"}}`), "google body defaults-only ------"},
		{"an update is", object(`{"default":{"analytics_storage":"denied"},"update":{"analytics_storage":"granted"}}`), "google body defaults-only -1----"},
		{"another key", object(`{"wait_for_update":500,"ads_data_redaction":true}`), "google body  ------"},
		{"another text", object(`{"analytics_storage":"yes"}`), "google body malformed -?---- broken"},
		{"a boolean", object(`{"ad_user_data":true}`), "google body malformed ---??- broken"},
		{"null keys", object(`{"ad_user_data":null,"update":null}`), "google body  ------"},
		{"a text", object(`"granted"`), "google body wrong-type ------ broken"},
		{"a wrong update", object(`{"update":[]}`), "google body wrong-type ------ broken"},
		{"a wrong default", object(`{"default":1}`), "google body wrong-type ------ broken"},
		{
			"twice",
			request{context: `{"consent":{"google":{"analytics_storage":"granted"},"google":{"analytics_storage":"denied"}}}`},
			"google body  -1----; google body  -0----",
		},
	})
}
