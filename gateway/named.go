package gateway

import (
	"bytes"

	"github.com/valyala/fasthttp"
)

// named is a set of the headers that a request has, of those that the gateway
// or a signal asks for. Most requests have few of them, and each question to
// fasthttp walks through all headers again; so they are all walked through once.
type named uint16

const (
	namedAuthorization named = 1 << iota
	namedContentLength
	namedContentEncoding
	namedCookie
	namedDNT
	namedDoNotTrack
	namedForwarded
	namedForwardedFor
	namedRealIP
	namedFetchSite
	namedGPC
	namedOrigin
	namedTransferEncoding
	namedADPC
	namedSomeLength // Content-Length, and not zero
)

// A name is found by its length and its bytes in lower case.
var names = [...]struct {
	name string
	bit  named
}{
	{"authorization", namedAuthorization},
	{"content-length", namedContentLength},
	{"content-encoding", namedContentEncoding},
	{"cookie", namedCookie},
	{"dnt", namedDNT},
	{"x-do-not-track", namedDoNotTrack},
	{"forwarded", namedForwarded},
	{"x-forwarded-for", namedForwardedFor},
	{"x-real-ip", namedRealIP},
	{"sec-fetch-site", namedFetchSite},
	{"sec-gpc", namedGPC},
	{"origin", namedOrigin},
	{"transfer-encoding", namedTransferEncoding},
	{"adpc", namedADPC},
}

var colon = []byte(":")

// longestName is the length of the longest of the names.
const longestName = len("transfer-encoding")

// byLength are the names of each length.
var byLength = func() (t [longestName + 1][]int) {
	for i, n := range names {
		t[len(n.name)] = append(t[len(n.name)], i)
	}
	return t
}()

// namedIn returns the set of a request. A name that is not in it stands at the
// beginning of no line of the headers.
func namedIn(h *fasthttp.RequestHeader) (set named) {
	for rest := h.RawHeaders(); len(rest) > 0; {
		line := rest
		if end := bytes.IndexByte(rest, '\n'); end >= 0 {
			line, rest = rest[:end], rest[end+1:]
		} else {
			rest = nil
		}
		head := line[:min(len(line), longestName+1)]
		name, _, found := bytes.Cut(head, colon)
		if !found {
			continue
		}
		bit := nameOf(name)
		set |= bit
		if bit == namedContentLength && bytes.ContainsAny(line, "123456789") {
			set |= namedSomeLength
		}
	}
	return set
}

func nameOf(head []byte) named {
	for _, i := range byLength[len(head)] {
		if sameFold(head, names[i].name) {
			return names[i].bit
		}
	}
	return 0
}

// sameFold compares ASCII text with a name in lower case of the same length.
func sameFold(text []byte, name string) bool {
	for i, c := range text {
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		if c != name[i] {
			return false
		}
	}
	return true
}

// absent says whether the set rules out a header by a name as signals write it.
// What the set does not know is not ruled out.
func (set named) absent(name string) bool {
	var bit named
	switch name {
	case "Sec-GPC":
		bit = namedGPC
	case "DNT":
		bit = namedDNT
	case "X-Do-Not-Track":
		bit = namedDoNotTrack
	case "Sec-Fetch-Site":
		bit = namedFetchSite
	case "ADPC":
		bit = namedADPC
	default:
		return false
	}
	return set&bit == 0
}
