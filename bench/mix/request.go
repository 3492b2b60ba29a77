package mix

import (
	"encoding/base64"
	"math/rand/v2"
	"net/url"
	"strings"
)

// browserRequest is a whole request of a page: the host of the gateway is the
// page's own, as behind a proxy that hands a path on.
func browserRequest(r *rand.Rand, c Config) draft {
	p, k := newPage(r), newKind(r)
	var body draft
	body.begin(false)
	path, cookie := "/v1/"+k.call[:1], ""
	if len(c.Cookies) > 0 && r.IntN(5) == 0 {
		path, cookie = "/e", pick(r, c.Cookies)
		body.snippetEvent(r, k, p, c)
	} else {
		body.browserEvent(r, k, p, c)
	}
	var d draft
	d.begin(false)
	d.add("POST ", path, " HTTP/1.1\r\nHost: ", hostOf(c.Origin), "\r\nContent-Length: ").number(len(body.text))
	d.add("\r\nUser-Agent: ", p.agent, "\r\n")
	d.clientHints(p.agent)
	d.add("Content-Type: text/plain\r\nAccept: */*\r\nOrigin: ", c.Origin, "\r\nSec-Fetch-Site: same-origin\r\nSec-Fetch-Mode: cors\r\nSec-Fetch-Dest: empty\r\n")
	d.add("Referer: ", p.url(c.Origin), "\r\nAccept-Encoding: gzip, deflate, br, zstd\r\nAccept-Language: ", languages[p.language].accept, "\r\n")
	if cookie == "" { // analytics.js keeps the visitor's id in a cookie of its own
		d.add("Cookie: shop_session=").add(hexText(r, 32)).add("; ajs_anonymous_id=").put(visitorID).add("; cookie_notice=shown\r\n")
	} else {
		d.add("Cookie: shop_session=").add(hexText(r, 32)).add("; ", cookie, "\r\n")
	}
	d.add("X-Forwarded-For: ", p.address, "\r\nX-Forwarded-Proto: https\r\n\r\n")
	d.join(body)
	return d
}

// clientHints are sent by browsers of Chromium's family alone.
func (d *draft) clientHints(agent string) {
	_, after, ok := strings.Cut(agent, "Chrome/")
	if !ok {
		return
	}
	version, _, _ := strings.Cut(after, ".")
	mobile, platform := "?0", `"Windows"`
	if strings.Contains(agent, "Mobile") {
		mobile, platform = "?1", `"Android"`
	} else if strings.Contains(agent, "Macintosh") {
		platform = `"macOS"`
	}
	d.add("sec-ch-ua-platform: ", platform, "\r\nsec-ch-ua: \"Chromium\";v=\"", version, "\", \"Not?A_Brand\";v=\"8\"\r\nsec-ch-ua-mobile: ", mobile, "\r\n")
}

// serverRequest is a whole request of a server of the site: one identify call,
// or a batch.
func serverRequest(r *rand.Rand, c Config) draft {
	var body draft
	path := "/v1/identify"
	if c.Batch == 1 {
		body.begin(true).serverEvent(r, kind{call: "identify"}, newPage(r), c, pick(r, consents[:]))
	} else {
		path = "/v1/batch"
		body.batch(r, c)
	}
	var d draft
	d.begin(false)
	d.add("POST ", path, " HTTP/1.1\r\nHost: ", hostOf(c.Origin), "\r\nContent-Length: ").number(len(body.text))
	d.add("\r\nUser-Agent: analytics-node-next/2.3.0\r\nContent-Type: application/json\r\nAccept: */*\r\nAccept-Language: *\r\nAccept-Encoding: gzip, deflate\r\nSec-Fetch-Mode: cors\r\n")
	d.add("Authorization: Basic ", base64.StdEncoding.EncodeToString([]byte(c.Secret+":")), "\r\n\r\n")
	d.join(body)
	return d
}

// batch is a body of c.Batch events of as many visitors.
func (d *draft) batch(r *rand.Rand, c Config) {
	d.add(`{"batch":[`)
	for i := range c.Batch {
		if i > 0 {
			d.add(`,`)
		}
		k, consent := newKind(r), pick(r, consents[:])
		user := r.IntN(20) == 0 // logged in
		if r.Float64() < c.Identify {
			k, user = kind{call: "identify"}, true
		}
		if c.Fill {
			consent = consents[0]
		}
		d.begin(user).serverEvent(r, k, newPage(r), c, consent)
	}
	d.add(`],"sentAt":"`).put(timestamp).add(`"}`)
}

func hostOf(origin string) string {
	u, err := url.Parse(origin)
	if err != nil {
		return "bench"
	}
	return u.Host
}

func hexText(r *rand.Rand, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = hexDigits[r.IntN(16)]
	}
	return string(b)
}
