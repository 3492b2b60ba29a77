package gateway

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/valyala/fasthttp"

	"zgoda/collector"
	"zgoda/event"
)

// ConsentRequest is one thing that a site asks consent for, as browsers with
// Advanced Data Protection Control show it.
type ConsentRequest struct {
	// ID is what the browser's header names: PURPOSE.vVERSION, so that a change of
	// the text or the scope asks anew.
	ID string
	// Text is what is asked, by language.
	Text map[string]string
}

// RequestID returns the id of the request for a purpose in a version.
func RequestID(purpose event.PurposeID, version uint32) string {
	return fmt.Sprintf("%s.v%d", purpose, version)
}

// requestsPath is where the requests are, relative to any page of ours.
const requestsPath = "/consent-requests.json"

// offers are the requests of each site, made once, at start.
type offers map[event.SiteID]offer

// offer is one site's requests in each language, the first being the one for
// browsers that ask for none of them.
type offer struct {
	languages []string
	documents map[string]requestsDocument
	asked     []ConsentRequest
}

type requestsDocument struct {
	body []byte
	tag  string // quoted, as ETag has it
}

func newOffers(from map[event.SiteID][]ConsentRequest) (offers, error) {
	all := offers{}
	for site, requests := range from {
		o, err := newOffer(requests)
		if err != nil {
			return nil, fmt.Errorf("write the consent requests of site %s: %w", site, err)
		}
		all[site] = o
	}
	return all, nil
}

func newOffer(requests []ConsentRequest) (offer, error) {
	spoken := map[string]bool{}
	for _, r := range requests {
		for language := range r.Text {
			spoken[language] = true
		}
	}
	o := offer{languages: slices.Sorted(maps.Keys(spoken)), documents: map[string]requestsDocument{}, asked: requests}
	if i := slices.Index(o.languages, "en"); i > 0 {
		o.languages = slices.Insert(slices.Delete(o.languages, i, i+1), 0, "en")
	}
	if len(o.languages) == 0 {
		o.languages = []string{"en"}
	}
	for _, language := range o.languages {
		d, err := newDocument(requests, language, o.languages)
		if err != nil {
			return offer{}, err
		}
		o.documents[language] = d
	}
	return o, nil
}

// newDocument writes the requests in the list form of the specification, each in
// the language, else in the first one that it has.
func newDocument(requests []ConsentRequest, language string, otherwise []string) (requestsDocument, error) {
	type item struct {
		ID   string `json:"id"`
		Text string `json:"text"`
	}
	list := make([]item, 0, len(requests))
	for _, r := range requests {
		text, ok := r.Text[language]
		for i := 0; !ok && i < len(otherwise); i++ {
			text, ok = r.Text[otherwise[i]]
		}
		list = append(list, item{r.ID, text})
	}
	body, err := json.Marshal(map[string][]item{"consentRequests": list})
	sum := sha256.Sum256(append([]byte(language), body...))
	return requestsDocument{body: body, tag: `"` + hex.EncodeToString(sum[:8]) + `"`}, err
}

// requests serves GET /consent-requests.json: what the site asks consent for. It
// is public, as the texts are, and the same for everyone.
func (g *Gateway) requests(rc *fasthttp.RequestCtx) {
	site := g.siteOf(rc)
	g.anyOrigin(rc)
	if site == nil {
		problem(rc, fasthttp.StatusNotFound, collector.Problem{Title: "The site is not known", Detail: "Name its public key in the parameter key.", Field: "key"})
		return
	}
	o := g.offers[site.ID]
	if len(o.languages) == 0 { // a site without texts
		o, _ = newOffer(nil)
	}
	language := chooseLanguage(rc.Request.Header.Peek("Accept-Language"), o.languages)
	d, h := o.documents[language], &rc.Response.Header
	h.Add("Vary", "Accept-Language")
	h.Set("Content-Language", language)
	h.Set("Cache-Control", "public, max-age=300")
	h.Set("ETag", d.tag)
	if matches(rc.Request.Header.Peek("If-None-Match"), d.tag) {
		rc.SetStatusCode(fasthttp.StatusNotModified)
		return
	}
	rc.SetContentType("application/json")
	rc.SetBody(d.body)
}

// siteOf returns the site that a page of ours is about: that of the key, else
// the one of the page's or this listener's origin, else the only one there is.
func (g *Gateway) siteOf(rc *fasthttp.RequestCtx) *collector.Site {
	if key := rc.QueryArgs().Peek("key"); len(key) > 0 {
		return g.siteOfKey(rc, key)
	}
	origin, host := rc.Request.Header.Peek("Origin"), rc.Host()
	var found, last *collector.Site
	sites, matching := 0, 0
	g.deps.Sites.All(func(s *collector.Site) bool {
		sites, last = sites+1, s
		if len(origin) > 0 && s.OriginListed(origin) || len(origin) == 0 && serves(s, host) {
			matching, found = matching+1, s
		}
		return true
	})
	switch {
	case matching == 1:
		return found
	case sites == 1 && !last.Loopback:
		return last
	default:
		return nil
	}
}

func (g *Gateway) siteOfKey(rc *fasthttp.RequestCtx, key []byte) *collector.Site {
	site, class := g.deps.Sites.ByKey(key)
	if class == collector.KeyPublic || class == collector.KeyLoopback && g.client(rc, namedIn(&rc.Request.Header)).IsLoopback() {
		return site
	}
	return nil
}

// serves says whether one of the site's origins is on the host.
func serves(s *collector.Site, host []byte) bool {
	return len(host) > 0 && (s.OriginListed(append([]byte("https://"), host...)) || s.OriginListed(append([]byte("http://"), host...)))
}

var (
	linkName  = []byte("Link")
	offerLink = []byte("<" + requestsPath + `>; rel="consent-requests"`)
	emptyLink = []byte(`<about:blank>; rel="consent-requests"`)
)

// offerRequests tells browsers where the requests are; of a site that the key
// names and that asks nothing, that there are none.
func (g *Gateway) offerRequests(rc *fasthttp.RequestCtx) {
	link := offerLink
	if key := rc.QueryArgs().Peek("key"); len(key) > 0 {
		if site := g.siteOfKey(rc, key); site != nil && len(g.offers[site.ID].asked) == 0 {
			link = emptyLink
		}
	}
	rc.Response.Header.AddBytesKV(linkName, link)
}

// pageless says whether a status means that there is no page for whoever asks: a
// browser that looks for the offer needs neither a key nor a page.
func pageless(status int) bool {
	switch status {
	case fasthttp.StatusUnauthorized, fasthttp.StatusForbidden, fasthttp.StatusNotFound, fasthttp.StatusGone:
		return true
	default:
		return false
	}
}

// head answers a HEAD that carries a decision of Advanced Data Protection
// Control, or that is for an address without a page: browsers may deliver the
// header to any address. Nothing is stored: every later request carries it too.
func (g *Gateway) head(rc *fasthttp.RequestCtx) {
	g.anyOrigin(rc)
	rc.Response.Header.Set("Cache-Control", "no-store")
	rc.SetStatusCode(fasthttp.StatusNoContent)
}
