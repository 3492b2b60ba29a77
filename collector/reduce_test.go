package collector

import (
	"path/filepath"
	"strings"
	"testing"

	"zgoda/collector/enrich"
	"zgoda/event"
)

// TestWhereAndWithWhat: a server may tell the person's address and user agent,
// a page may not.
func TestWhereAndWithWhat(t *testing.T) {
	base, err := filepath.Abs("../node_modules/@ip-location-db/geo-whois-asn-country-mmdb/geo-whois-asn-country.mmdb")
	if err != nil {
		t.Fatal(err)
	}
	cfg := enrich.DefaultConfig()
	cfg.Countries = base
	e, err := enrich.New(cfg)
	if err != nil || !e.HasCountries() {
		t.Fatalf("no base of countries (npm ci --ignore-scripts): %v", err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	body := `{"event":"e","userId":"u1","anonymousId":"v1","context":{"ip":"8.8.8.8","userAgent":"Mozilla/5.0 (X11; Linux x86_64; rv:120.0) Gecko/20100101 Firefox/120.0"}}`
	for _, c := range []struct {
		name             string
		r                *Request
		country, browser string
	}{
		{"server", server(RouteTrack, body), "US", "Firefox"},
		{"server, bad address", server(RouteTrack, strings.Replace(body, "8.8.8.8", "nowhere", 1)), "", "Firefox"},
		{"page", func() *Request { r := browser(RouteTrack, body); r.UserAgent = nil; return r }(), "", ""},
	} {
		s := newStage(t)
		s.deps.Enricher = e
		s.grant(event.KindUserID, "u1", 1, 2)
		s.grant(event.KindVisitor, "v1", 1, 2)
		s.collect(t, c.r)
		if r := s.log.records[0]; r.Country != c.country || r.Browser != c.browser {
			t.Errorf("%s: %q %q", c.name, r.Country, r.Browser)
		}
	}
}

// TestTraitsGoNowhere: what identify, group and alias say of a person is in no
// column, under whatever name.
func TestTraitsGoNowhere(t *testing.T) {
	for route, body := range map[Route]string{
		RouteIdentify: `{"userId":"u1","traits":{"plan":"` + canary + `"},"properties":{"a":"` + canary + `"},"context":{"traits":{"b":"` + canary + `"},"device":{"id":"` + canary + `"}}}`,
		RouteGroup:    `{"userId":"u1","groupId":"` + canary + `","traits":{"name":"` + canary + `"}}`,
		RouteAlias:    `{"userId":"u1","previousId":"` + canary + `"}`,
		RouteTrack:    `{"event":"e","userId":"u1","context":{"traits":{"b":"` + canary + `"},"page":{"title":"` + canary + `"},"device":{"advertisingId":"` + canary + `"}},"integrations":{"x":"` + canary + `"},"properties":{"device_id":"` + canary + `","user":{"email":"` + canary + `","userId":"` + canary + `"}}}`,
	} {
		s := newStage(t)
		s.grant(event.KindUserID, "u1", 1, 2)
		s.collect(t, server(route, body))
		if len(s.log.records) != 1 || s.log.records[0].Scope != event.ScopePerson {
			t.Fatalf("%v: %+v", route, s.log.records)
		}
		r := s.log.records[0]
		for _, text := range []string{r.Name, r.PageTitle, r.Properties, r.MessageID, r.PagePath, r.Campaign.Name, r.SourceTag, r.Device} {
			if strings.Contains(text, canary) {
				t.Errorf("%v: stored %q", route, text)
			}
		}
	}
}

func TestRefererOfOwnHostKeepsItsPath(t *testing.T) {
	s := newStage(t)
	s.grant(event.KindVisitor, "v1", 2)
	s.collect(t, browser(RoutePage, `{"anonymousId":"v1","properties":{"url":"https://shop.example/a","referrer":"https://SHOP.example/orders/12345","title":"x","kind":"k"}}`))
	if r := s.log.records[0]; r.RefHost != "shop.example" || r.RefPath != "/orders/:id" || r.PagePath != "/a" || r.Properties != `{"kind":"k"}` {
		t.Fatalf("%+v", r)
	}
}

func TestReleasedWorkHoldsNothing(t *testing.T) {
	s := newStage(t)
	s.collect(t, browser(RouteTrack, `{"event":"`+canary+` %40","anonymousId":"`+canary+`"}`))
	w := s.works.Get().(*work)
	if w.r != nil || w.body.Exists() || w.site != nil || w.batch.Items.Exists() {
		t.Error("a work keeps its request")
	}
	if strings.Contains(string(w.encoded[:cap(w.encoded)]), canary) {
		t.Error("a work keeps a record")
	}
	for _, it := range w.items[:cap(w.items)] {
		if len(it.ev.AnonymousID) != 0 {
			t.Error("a work keeps an identifier")
		}
	}
}
