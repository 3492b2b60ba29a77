package console_test

import (
	"slices"
	"testing"

	"zgoda/console/consoletest"
)

// TestEffects: each route opens a request of its right on the operator's word, and what
// is lifted is so without one.
func TestEffects(t *testing.T) {
	r := consoletest.StartRequests(t, nil, nil)
	handle := contact(t, r, "email:jana@example.org")
	const path = "/api/v1/sites/demo/contacts:"
	who := `{"identifier":"email:jana@example.org","effect":`
	for body, want := range map[string]struct {
		verb, right string
		scope       []string
	}{
		who + `{"reason":"letter 7"}}`: {"restrict", "restriction", nil},
		`{"contact":"` + handle + `","effect":{"reason":"letter 8","purposes":["measurement"]}}`: {"object", "objection", []string{"measurement"}},
	} {
		a := do(t, r, "POST", path+want.verb, body)
		var got struct {
			Request, Right, State, Contact string
			Scope                          []string
		}
		if a.status != 202 {
			t.Fatalf("%s: %d %s", want.verb, a.status, a.body)
		}
		a.json(t, &got)
		if got.Right != want.right || got.State != "in_progress" || got.Contact != handle || !slices.Equal(got.Scope, want.scope) {
			t.Errorf("%s: %+v", want.verb, got)
		}
	}
	a := do(t, r, "POST", path+"automated", who+`{"reason":"letter 9","enabled":false}}`)
	var answer struct {
		Request  *struct{ Right string }
		Enforced *struct {
			Contact  string
			Sequence uint64
		}
	}
	if a.json(t, &answer); a.status != 202 || answer.Request == nil || answer.Request.Right != "automated" || answer.Enforced != nil {
		t.Errorf("automated off: %d %s", a.status, a.body)
	}
	answer.Request = nil
	a = do(t, r, "POST", path+"automated", who+`{"reason":"letter 10","enabled":true}}`)
	if a.json(t, &answer); a.status != 200 || answer.Request != nil || answer.Enforced == nil || answer.Enforced.Sequence != 7 {
		t.Errorf("automated on: %d %s", a.status, a.body)
	}
	for _, c := range []struct {
		verb, body string
		status     int
	}{
		{"unrestrict", who + `{"reason":"told on Monday"}}`, 200},
		{"unrestrict", who + `{"reason":"` + consoletest.NotSo + `"}}`, 409},
		{"unrestrict", `{"identifier":"email:nobody@example.org","effect":{"reason":"x"}}`, 404},
		{"restrict", `{"identifier":"email:nobody@example.org","effect":{"reason":"x"}}`, 404},
		{"restrict", `{"effect":{"reason":"x"}}`, 422},
		{"restrict", who + `{}}`, 422},
		{"object", who + `{"reason":"x"}}`, 422},
		{"object", who + `{"reason":"x","marketing":true,"purposes":["measurement"]}}`, 422},
		{"object", who + `{"reason":"x","purposes":["nothing"]}}`, 422},
		{"object", who + `{"reason":"x","marketing":true}}`, 409}, // the site has none
	} {
		if a := do(t, r, "POST", path+c.verb, c.body); a.status != c.status {
			t.Errorf("%s %s: %d %s", c.verb, c.body, a.status, a.body)
		}
	}
}
