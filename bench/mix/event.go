package mix

import (
	"math/rand/v2"
	"strconv"
)

// page is what a visitor looks at while an event happens.
type page struct {
	product  int
	referrer string
	campaign int // -1: none
	language int
	agent    string
	address  string // of the client
}

func pick[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }

func newPage(r *rand.Rand) page {
	p := page{product: r.IntN(len(products)), referrer: pick(r, referrers[:]), campaign: -1, language: r.IntN(len(languages)), agent: pick(r, agents[:])}
	if r.IntN(10) == 0 {
		p.campaign = r.IntN(len(campaigns))
	}
	p.address = clientAddress(r)
	return p
}

// clientAddress is one of the documentation networks or of a few public ones of
// providers, whose countries a base of countries knows.
func clientAddress(r *rand.Rand) string {
	nets := [...]string{"203.0.113.", "198.51.100.", "81.2.69.", "89.160.20.", "2.125.160.", "175.16.199."}
	return pick(r, nets[:]) + strconv.Itoa(1+r.IntN(250))
}

func (p page) url(origin string) string {
	return origin + products[p.product].path + p.search()
}

func (p page) search() string {
	if p.campaign < 0 {
		return ""
	}
	c := campaigns[p.campaign]
	return "?utm_source=" + c.source + "&utm_medium=" + c.medium + "&utm_campaign=" + c.name + "&utm_content=" + c.content
}

// consents are what people chose, of ten: six everything, two without
// marketing, one analytics alone, one nothing.
var consents = [...]string{
	`{"analytics":true,"profiling":true,"marketing":true}`,
	`{"analytics":true,"profiling":true,"marketing":true}`,
	`{"analytics":true,"profiling":true,"marketing":true}`,
	`{"analytics":true,"profiling":true,"marketing":true}`,
	`{"analytics":true,"profiling":true,"marketing":true}`,
	`{"analytics":true,"profiling":true,"marketing":true}`,
	`{"analytics":true,"profiling":true,"marketing":false}`,
	`{"analytics":true,"profiling":true,"marketing":false}`,
	`{"analytics":true,"profiling":false,"marketing":false}`,
	`{"analytics":false,"profiling":false,"marketing":false}`,
}

// kind is a call and the name of its event.
type kind struct{ call, name string }

func newKind(r *rand.Rand) kind {
	if r.IntN(5) < 2 {
		return kind{call: "page"}
	}
	return kind{call: "track", name: pick(r, trackNames[:])}
}

// properties are those of the event, as a JSON object.
func (d *draft) properties(r *rand.Rand, k kind, p page, origin string) {
	product := products[p.product]
	if k.call == "page" {
		d.add(`{"path":"`, product.path, `","referrer":"`, p.referrer, `","search":"`, p.search(), `","title":"`, product.name, `","url":"`, p.url(origin), `"}`)
		return
	}
	d.add(`{"sku":"`, product.sku, `","name":"`, product.name, `","category":"`, product.category, `","price":`, product.price, `,"currency":"EUR","quantity":`).number(1 + r.IntN(3))
	switch k.name {
	case "Order Completed":
		d.add(`,"total":`, product.price, `,"coupon":"AUTUMN"`)
	case "Product List Viewed", "Product Clicked":
		d.add(`,"position":`).number(1 + r.IntN(24))
	}
	d.add(`}`)
}

// context is the context of both of Segment's SDKs that are imitated.
func (d *draft) context(p page, origin, library, consent string) *draft {
	product, language := products[p.product], languages[p.language]
	d.add(`{"page":{"path":"`, product.path, `","referrer":"`, p.referrer, `","search":"`, p.search(), `","title":"`, product.name, `","url":"`, p.url(origin), `"}`)
	d.add(`,"userAgent":"`, p.agent, `","locale":"`, language.locale, `","timezone":"`, language.zone, `","library":`, library)
	if p.campaign >= 0 {
		c := campaigns[p.campaign]
		d.add(`,"campaign":{"name":"`, c.name, `","source":"`, c.source, `","medium":"`, c.medium, `","content":"`, c.content, `"}`)
	}
	return d.add(`,"consent":{"categoryPreferences":`, consent, `}`)
}

// browserEvent is a call of analytics.js 2.
func (d *draft) browserEvent(r *rand.Rand, k kind, p page, c Config) *draft {
	d.add(`{"timestamp":"`).put(timestamp).add(`","integrations":{},"type":"`, k.call, `"`)
	if k.name != "" {
		d.add(`,"event":"`, k.name, `"`)
	}
	d.add(`,"properties":`).properties(r, k, p, c.Origin)
	d.add(`,"context":`).context(p, c.Origin, `{"name":"analytics.js","version":"npm:next-1.81.1"}`, pick(r, consents[:])).add(`}`)
	d.add(`,"messageId":"ajs-next-`).put(milliseconds).add(`-`).put(messageID).add(`","anonymousId":"`).put(visitorID).add(`"`)
	return d.add(`,"writeKey":"`, c.Key, `","userId":null,"sentAt":"`).put(timestamp).add(`","_metadata":{"bundled":["Segment.io"],"unbundled":[],"bundledIds":[]}}`)
}

// snippetEvent is a body of the gateway's own snippet with one event.
func (d *draft) snippetEvent(r *rand.Rand, k kind, p page, c Config) *draft {
	d.add(`{"key":"`, c.Key, `","sentAt":"`).put(timestamp).add(`","events":[{"type":"`, k.call, `","messageId":"`).put(messageID)
	d.add(`","timestamp":"`).put(timestamp).add(`","page":{"url":"`, p.url(c.Origin), `"`)
	if p.referrer != "" {
		d.add(`,"referrer":"`, p.referrer, `"`)
	}
	d.add(`}`)
	if k.name != "" {
		d.add(`,"name":"`, k.name, `","properties":`).properties(r, k, p, c.Origin)
	}
	return d.add(`}]}`)
}

// serverEvent is a call of Segment's library for servers: an item of a batch, or
// the body of a single call.
func (d *draft) serverEvent(r *rand.Rand, k kind, p page, c Config, consent string) {
	user := d.slots[len(d.slots)-1].user
	d.add(`{"anonymousId":"`).put(visitorID).add(`"`)
	if user {
		d.add(`,"userId":"user-`).put(userID).add(`"`)
	}
	switch k.call {
	case "identify":
		d.add(`,"traits":{"plan":"`, pick(r, []string{"free", "club", "business"}), `","email":"u`).put(userID).add(`@mail.example","newsletter":true}`)
	default:
		d.add(`,"properties":`).properties(r, k, p, c.Origin)
	}
	if k.name != "" {
		d.add(`,"event":"`, k.name, `"`)
	}
	d.add(`,"context":`).context(p, c.Origin, `{"name":"@segment/analytics-node","version":"2.3.0"}`, consent).add(`,"ip":"`, p.address, `"}`)
	d.add(`,"integrations":{},"type":"`, k.call, `","timestamp":"`).put(timestamp)
	d.add(`","messageId":"node-next-`).put(milliseconds).add(`-`).put(messageID).add(`","_metadata":{"nodeVersion":"22.20.0","jsRuntime":"node"}}`)
}
