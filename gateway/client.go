package gateway

import (
	"bytes"
	"net"
	"net/netip"
	"slices"

	"github.com/valyala/fasthttp"
)

// client returns the address of whoever sent the request. Behind configured
// proxies that is the right-most hop of X-Forwarded-For that is not one of them,
// since everything to the left of it is only claimed. A chain that cannot be
// read, or names nobody but proxies, gives the zero address, which is nobody's
// and never on loopback: what comes through a proxy never came from this machine.
//
// A forwarding header from a peer on loopback that is not a configured proxy
// means that somebody forwards the world to us: that is not a client on
// loopback either, so the demo's key opens nothing through a forgotten proxy.
func (g *Gateway) client(rc *fasthttp.RequestCtx, has named) netip.Addr {
	peer := peerOf(rc.RemoteAddr())
	if !g.trusted(peer) {
		if has&namedForwards != 0 && peer.IsLoopback() && forwarded(&rc.Request.Header) {
			return netip.Addr{}
		}
		return peer
	}
	return g.hop(&rc.Request.Header)
}

func peerOf(addr net.Addr) netip.Addr {
	if tcp, ok := addr.(*net.TCPAddr); ok {
		a, _ := netip.AddrFromSlice(tcp.IP)
		return a.Unmap()
	}
	return netip.Addr{}
}

func (g *Gateway) trusted(a netip.Addr) bool {
	for _, p := range g.config.Proxies {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// loopback stands for the machine that a pasted request came from.
var loopback = netip.AddrFrom4([4]byte{127, 0, 0, 1})

// namedForwards are the headers of which forwarded asks.
const namedForwards = namedForwardedFor | namedForwarded | namedRealIP

func forwarded(h *fasthttp.RequestHeader) bool {
	return len(h.Peek("X-Forwarded-For")) > 0 || len(h.Peek("Forwarded")) > 0 || len(h.Peek("X-Real-Ip")) > 0
}

func (g *Gateway) hop(h *fasthttp.RequestHeader) netip.Addr {
	lines := h.PeekAll("X-Forwarded-For")
	for _, rest := range slices.Backward(lines) {
		for len(rest) > 0 {
			comma := bytes.LastIndexByte(rest, ',')
			hop, ok := parseHop(bytes.TrimSpace(rest[comma+1:]))
			switch {
			case !ok || (hop.IsLoopback() && !g.trusted(hop)):
				return netip.Addr{}
			case !g.trusted(hop):
				return hop
			}
			rest = rest[:max(comma, 0)]
		}
	}
	return netip.Addr{}
}

// parseHop reads an address with or without a port.
func parseHop(text []byte) (netip.Addr, bool) {
	if len(text) == 0 || len(text) > 64 {
		return netip.Addr{}, false
	}
	s := string(text)
	if a, err := netip.ParseAddr(s); err == nil {
		return a.Unmap().WithZone(""), true
	}
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return ap.Addr().Unmap().WithZone(""), true
	}
	return netip.Addr{}, false
}

// secure says whether the browser reached us by https: as a configured proxy
// says, else as the page's own origin does.
func (g *Gateway) secure(rc *fasthttp.RequestCtx) bool {
	if rc.IsTLS() {
		return true
	}
	if g.trusted(peerOf(rc.RemoteAddr())) {
		if proto := rc.Request.Header.Peek("X-Forwarded-Proto"); len(proto) > 0 {
			return string(proto) == "https"
		}
	}
	return bytes.HasPrefix(rc.Request.Header.Peek("Origin"), []byte("https://"))
}
