package gateway

import "testing"

// What GET would refuse for want of a key, or has no page for, offers the requests
// to HEAD as any other path does.
func TestHeadNeedsNoKey(t *testing.T) {
	h := openOffer(t)
	n := h.fake.count()
	for _, path := range []string{
		"/consent", "/consent?key=canary", "/consent?key=sk", "/consent-requests.json?key=canary",
		"/v1/projects/canary/settings", "/demo/nowhere",
	} {
		if a := h.ask(t, "GET", path); a.status < 400 || a.status >= 500 {
			t.Errorf("GET %s: %+v", path, a)
		}
		for _, header := range [][]string{nil, {"ADPC", "withdraw=*"}, {"Origin", "https://evil.example"}} {
			a := h.ask(t, "HEAD", path, header...)
			if a != h.ask(t, "HEAD", "/", header...) || a.status != 204 || a.links != offered {
				t.Errorf("HEAD %s %v: %+v", path, header, a)
			}
		}
	}
	if h.fake.count() != n || h.desk.got.Body != nil {
		t.Error("a HEAD reached what stores")
	}
}
