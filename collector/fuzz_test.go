package collector

import (
	"fmt"
	"strings"
	"testing"
)

// FuzzCollect sends any body by any route, as a page and as a server: it never
// panics, always answers, gives every event one fate, and stores no claim.
func FuzzCollect(f *testing.F) {
	for _, body := range []string{
		`{"event":"e","anonymousId":"v"}`, `{"batch":[{"type":"identify","userId":"u","traits":{"email":"a@b.cz"}},{}]}`,
		`{"key":"pk_shop","events":[{"type":"page","page":{"url":"https://shop.example/"}}]}`, `{"events":[],"batch":[]}`, `[]`, ``,
		`{"type":"alias","userId":1,"previousId":"p","context":{"ip":"1.2.3.4","page":7,"consent":[]}}`, `{"batch":[null,1,"x",[],{}]}`,
	} {
		for route := range uint8(RouteAny) + 2 {
			f.Add(route, route%2 == 0, []byte(body))
		}
	}
	f.Fuzz(func(t *testing.T, route uint8, asServer bool, body []byte) {
		s := newStage(t)
		r := browser(Route(route), string(body))
		if asServer {
			r = server(Route(route), string(body))
		}
		r.Strict = true
		a := s.collect(t, r)
		switch a.Status {
		case 200, 400, 413:
		default:
			t.Fatalf("%d %+v", a.Status, a.Problem)
		}
		s.balance(t)
		if !asServer {
			for _, seen := range s.blind.seen {
				if !strings.HasPrefix(seen, "visitor:") {
					t.Fatal("a claim reached the blinder")
				}
			}
		}
		if _, b := s.Explain(t.Context(), r); b.Status != a.Status && a.Status == 200 {
			t.Fatalf("explain: %d, collect: %d", b.Status, a.Status)
		}
		if len(body) > 40 && strings.Contains(fmt.Sprintf("%+v%v", a.Problem, a.Refused), string(body)) {
			t.Fatal("the answer repeats the body")
		}
	})
}
