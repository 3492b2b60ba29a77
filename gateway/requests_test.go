package gateway

import (
	"encoding/json"
	"io"
	"net/http"
	"testing"

	"zgoda/collector"
	"zgoda/event"
)

const offered = `</consent-requests.json>; rel="consent-requests"`

func requestsOf() map[event.SiteID][]ConsentRequest {
	return map[event.SiteID][]ConsentRequest{"shop": {
		{ID: RequestID("analytics", 2), Text: map[string]string{"en": "Count visits.", "sk": "Počítanie návštev.", "sr": "Brojanje."}},
		{ID: RequestID("profiling", 1), Text: map[string]string{"en": "Build a <profile>."}},
	}, "demo": {}}
}

func openOffer(t *testing.T) *house {
	t.Helper()
	return openWith(t, func(d *Deps) { d.Requests = requestsOf() })
}

type asked struct {
	status                              int
	language, tag, vary, caching, links string
	body                                string
}

func (h *house) ask(t *testing.T, method, path string, header ...string) asked {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, h.url+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		if header[i] == "Host" {
			req.Host = header[i+1]
			continue
		}
		req.Header.Add(header[i], header[i+1])
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	vary := ""
	for _, v := range resp.Header.Values("Vary") {
		vary += v + ";"
	}
	links := ""
	for _, v := range resp.Header.Values("Link") {
		links += v
	}
	return asked{
		resp.StatusCode, resp.Header.Get("Content-Language"), resp.Header.Get("Etag"), vary,
		resp.Header.Get("Cache-Control"), links, string(body),
	}
}

func TestConsentRequests(t *testing.T) {
	h := openOffer(t)
	const path = "/consent-requests.json?key=pk"
	a := h.ask(t, "GET", path)
	const want = `{"consentRequests":[{"id":"analytics.v2","text":"Count visits."},{"id":"profiling.v1","text":"Build a \u003cprofile\u003e."}]}`
	if a.status != 200 || a.body != want || a.language != "en" || a.tag == "" || a.caching != "public, max-age=300" || a.vary != "Origin;Accept-Language;" {
		t.Fatalf("%+v", a)
	}
	if again := h.ask(t, "GET", path, "If-None-Match", a.tag); again.status != 304 || again.body != "" || again.tag != a.tag {
		t.Errorf("%+v", again)
	}
	for header, language := range map[string]string{
		"sk": "sk", "sk-SK,en;q=0.5": "sk", "fr, sk;q=0.3, en;q=0.4": "en", "sr-Latn-RS": "sr", "de": "en", "": "en",
		"sk;q=0, en;q=0.1": "en", "SK": "sk", "sk;q=x, sr;q=0.1": "sr", "*": "en", ";;,,": "en",
	} {
		if got := h.ask(t, "GET", path, "Accept-Language", header); got.language != language || got.tag == a.tag != (language == "en") {
			t.Errorf("%q gets %s", header, got.language)
		}
	}
	var list struct{ ConsentRequests []struct{ ID, Text string } }
	if err := json.Unmarshal([]byte(h.ask(t, "GET", path, "Accept-Language", "sk").body), &list); err != nil {
		t.Fatal(err)
	}
	if r := list.ConsentRequests; len(r) != 2 || r[0].Text != "Počítanie návštev." || r[1].Text != "Build a <profile>." {
		t.Errorf("a text without the language is not in English: %+v", r)
	}
}

func TestConsentRequestsOfWhichSite(t *testing.T) {
	h := openOffer(t)
	for name, c := range map[string]struct {
		path   string
		header []string
		status int
		links  bool
	}{
		"the key":                {"?key=pk", nil, 200, true},
		"a secret key":           {"?key=sk", nil, 404, false},
		"an unknown key":         {"?key=canary", nil, 404, false},
		"the page's origin":      {"", []string{"Origin", origin}, 200, true},
		"another page's":         {"", []string{"Origin", "https://evil.example"}, 404, false},
		"the listener's own":     {"", []string{"Host", "shop.example"}, 200, true},
		"the demo, on loopback":  {"?key=demo-key", nil, 200, false},
		"the demo, by its place": {"", nil, 200, false},
	} {
		a := h.ask(t, "GET", "/consent-requests.json"+c.path, c.header...)
		if a.status != c.status || (len(a.body) > 30 && a.status == 200) != c.links {
			t.Errorf("%s: %+v", name, a)
		}
	}
}

// A HEAD may deliver ADPC to any address. It is answered without a body, offers
// the requests, and reaches nothing that stores.
func TestHead(t *testing.T) {
	h := openOffer(t)
	n := h.fake.count()
	for path, status := range map[string]int{
		"/": 204, "/nowhere": 204, "/v1/track": 204, "/e": 204, "/v1/explain": 204, "/p.gif?k=pk": 200, "/z.js": 200,
		"/consent?key=pk": 200, "/consent-requests.json?key=pk": 200, "/.well-known/gpc.json": 200, "/demo/": 200,
	} {
		a := h.ask(t, "HEAD", path)
		if a.status != status || a.body != "" || a.links != offered {
			t.Errorf("HEAD %s: %+v", path, a)
		}
		a = h.ask(t, "HEAD", path, "ADPC", "withdraw=*")
		if a.status != 204 || a.body != "" || a.links != offered {
			t.Errorf("HEAD %s with ADPC: %+v", path, a)
		}
	}
	if h.fake.count() != n || h.desk.got.Body != nil {
		t.Error("a HEAD reached what stores")
	}
}

func TestOffer(t *testing.T) {
	h := openOffer(t)
	for path, links := range map[string]string{
		"/consent?key=pk": offered, "/consent?key=demo-key": `<about:blank>; rel="consent-requests"`, "/demo/": offered, "/z.js": "",
	} {
		if a := h.ask(t, "GET", path); a.status != 200 || a.links != links {
			t.Errorf("GET %s: %+v", path, a)
		}
	}
}

// What signals are read from comes through whole: repeated parameters, cookies
// and headers, and cookies that are not well-formed.
func TestSignalsComeThrough(t *testing.T) {
	h := open(t, nil)
	got := map[string][]string{}
	h.fake.answer = func(r *collector.Request, a *collector.Answer) {
		note := func(name string, all func(func(key, value []byte) bool), key string) {
			all(func(k, v []byte) bool {
				if string(k) == key {
					got[name] = append(got[name], string(v))
				}
				return true
			})
		}
		r.Header("ADPC", func(v []byte) bool {
			got["adpc"] = append(got["adpc"], string(v))
			return true
		})
		note("gdpr_consent", r.Queries, "gdpr_consent")
		note("gpp", r.Queries, "gpp")
		note("none", r.Queries, "us_privacy")
		note("euconsent-v2", r.Cookies, "euconsent-v2")
		note("usprivacy", r.Cookies, "usprivacy")
		a.Status = 200
	}
	h.ask(t, "GET", "/p.gif?k=pk&gdpr_consent=A%2Db&gpp=&gdpr_consent=c", "ADPC", "consent=a", "ADPC", `withdraw="b c"`,
		"Cookie", `x=1; euconsent-v2="C P"; usprivacy=1YYN`, "Cookie", "euconsent-v2=two;usprivacy")
	want := map[string][]string{
		"adpc": {"consent=a", `withdraw="b c"`}, "gdpr_consent": {"A-b", "c"}, "gpp": {""},
		"euconsent-v2": {`"C P"`, "two"}, "usprivacy": {"1YYN", ""},
	}
	one, _ := json.Marshal(got)
	two, _ := json.Marshal(want)
	if string(one) != string(two) {
		t.Errorf("got %s\nwant %s", one, two)
	}
}
