package collector

import (
	"net/netip"
	"testing"
)

// TestSecretKeyFromBrowser: a secret key that a page sends has leaked.
func TestSecretKeyFromBrowser(t *testing.T) {
	const body = `{"userId":"u","event":"e"}`
	loopback := netip.MustParseAddr("127.0.0.1")
	demo := func(r *Request) *Request {
		r.AuthKey, r.Address = []byte("demo-key"), loopback
		return r
	}
	origin := func(r *Request, origin string) *Request {
		r.Origin = []byte(origin)
		return r
	}
	query := func(values map[string]string) *Request {
		r := &Request{Route: RoutePixel, Address: netip.MustParseAddr("192.0.2.8"), AuthKey: []byte(values["writeKey"]), ReceivedAt: now}
		r.Query = func(name string) []byte { return []byte(values[name]) }
		return r
	}
	for name, c := range map[string]struct {
		r      *Request
		status int
		field  string
	}{
		"a server":                   {server(RouteTrack, body), 200, ""},
		"another origin":             {origin(server(RouteTrack, body), "https://evil.example"), 403, "Origin"},
		"no origin to speak of":      {origin(server(RouteTrack, body), "null"), 403, "Origin"},
		"cross-site":                 {server(RouteTrack, body).withHeader("Sec-Fetch-Site", "cross-site"), 403, "Sec-Fetch-Site"},
		"its own site":               {origin(server(RouteTrack, body), "https://shop.example").withHeader("Sec-Fetch-Site", "same-site"), 200, ""},
		"the demo's, of another":     {demo(server(RouteTrack, body)).withHeader("Sec-Fetch-Site", "cross-site"), 403, "Sec-Fetch-Site"},
		"the demo's, of this site":   {demo(server(RouteTrack, body)), 200, ""},
		"a pixel":                    {query(map[string]string{"k": "pk_shop", "e": "e"}), 200, ""},
		"secret in a pixel's k":      {query(map[string]string{"k": secretKey, "e": "e"}), 401, "writeKey"},
		"secret in a pixel's key":    {query(map[string]string{"key": secretKey, "e": "e"}), 401, "writeKey"},
		"secret in writeKey":         {query(map[string]string{"writeKey": secretKey, "e": "e"}), 401, "writeKey"},
		"a public key, cross-site":   {browser(RouteTrack, `{"anonymousId":"v","event":"e"}`).withHeader("Sec-Fetch-Site", "cross-site"), 200, ""},
		"secret, in the body":        {origin(&Request{Route: RouteTrack, Body: []byte(`{"writeKey":"` + secretKey + `","userId":"u","event":"e"}`), ReceivedAt: now}, "https://evil.example"), 403, "Origin"},
		"secret, cross-site in body": {(&Request{Route: RouteTrack, Body: []byte(`{"writeKey":"` + secretKey + `","userId":"u","event":"e"}`), ReceivedAt: now}).withHeader("Sec-Fetch-Site", "cross-site"), 403, "Sec-Fetch-Site"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			a := s.collect(t, c.r)
			if a.Status != c.status || a.Problem.Field != c.field {
				t.Errorf("status %d field %q, want %d %q", a.Status, a.Problem.Field, c.status, c.field)
			}
			if stored := len(s.log.records) != 0; stored != (c.status == 200) {
				t.Errorf("stored: %v", stored)
			}
		})
	}
}
