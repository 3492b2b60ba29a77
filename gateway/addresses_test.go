package gateway

import (
	"net/netip"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestChoicesPerAddress(t *testing.T) {
	h := open(t, func(c *Config) {
		c.ChoicesPerMinute = 3
		c.Proxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	})
	choose := func(from string) reply {
		return h.send(t, "POST", "/consent", `{"key":"pk"}`, "Origin", origin, "X-Forwarded-For", from)
	}
	for range 3 {
		if r := choose("2001:db8::1"); r.status != 200 {
			t.Fatalf("%d", r.status)
		}
	}
	r := choose("2001:db8::2:1") // of the same network
	r.problem(t, 429, "")
	if wait, err := strconv.Atoi(r.header.Get("Retry-After")); err != nil || wait < 1 || wait > 20 || r.header.Get("Access-Control-Allow-Origin") != origin {
		t.Errorf("%v", r.header)
	}
	if n := h.metric(t, "zgoda_gateway_limited_total", "choices"); n != 1 {
		t.Errorf("%v counted", n)
	}
	if r := choose("2001:db8:0:1::1"); r.status != 200 {
		t.Errorf("another network: %d", r.status)
	}
	if r := h.send(t, "GET", "/consent?key=pk", "", "Origin", origin, "X-Forwarded-For", "2001:db8::1"); r.status != 200 {
		t.Errorf("reading is not limited: %d", r.status)
	}
}

func TestLimiter(t *testing.T) {
	start := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	a := netip.MustParseAddr("192.0.2.1")
	l := newLimiter(30, time.Minute)
	rapid.Check(t, func(rt *rapid.T) { // never more than a bucket and what flows in
		l, now, taken := newLimiter(30, time.Minute), start, 0
		for range 200 {
			now = now.Add(time.Duration(rapid.IntRange(0, 3000).Draw(rt, "ms")) * time.Millisecond)
			wait := l.take(a, now)
			if wait == 0 {
				taken++
			} else if l.take(a, now.Add(wait+time.Millisecond)) != 0 {
				rt.Fatal("told to come back too early")
			} else {
				now = now.Add(wait + time.Millisecond)
				taken++
			}
		}
		if most := 31 + int(now.Sub(start)/(2*time.Second)); taken > most {
			rt.Fatalf("%d taken, %d flowed", taken, most)
		}
	})
	for i := range 3 * maxBuckets {
		b := [4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}
		if l.take(netip.AddrFrom4(b), start) != 0 {
			t.Fatal("a stranger waits")
		}
	}
	if n := len(l.young) + len(l.old); n > 2*maxBuckets {
		t.Errorf("%d addresses are remembered", n)
	}
	nobody := 0
	for ; l.take(netip.Addr{}, start) == 0; nobody++ {
	}
	if nobody != 30*crowd {
		t.Errorf("those without an address together: %d", nobody)
	}
}

func TestNetwork(t *testing.T) {
	for from, want := range map[string]string{
		"192.0.2.7": "192.0.2.7", "::ffff:192.0.2.7": "192.0.2.7", "2001:db8:1:2:3::4": "2001:db8:1:2::", "fe80::1%eth0": "fe80::",
	} {
		if got := network(netip.MustParseAddr(from)).String(); got != want {
			t.Errorf("%s: %s, want %s", from, got, want)
		}
	}
	if network(netip.Addr{}).IsValid() {
		t.Error("nobody has a network")
	}
}

// The demo's key is no server's behind a proxy, whatever the proxy says or leaves out.
func TestNoLoopbackRightsThroughAProxy(t *testing.T) {
	h := open(t, func(c *Config) {
		c.Proxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32"), netip.MustParsePrefix("10.0.0.0/8")}
	})
	for name, headers := range map[string][]string{
		"nothing": nil, "X-Real-IP": {"X-Real-Ip", "192.0.2.1"}, "Forwarded": {"Forwarded", "for=192.0.2.1"},
		"proxies only": {"X-Forwarded-For", "127.0.0.1, 10.1.2.3"}, "loopback": {"X-Forwarded-For", "127.0.0.2"},
	} {
		h.send(t, "POST", "/v1/explain", `{}`, append(headers, "Authorization", "Bearer demo-key")...).problem(t, 401, "Authorization")
		h.send(t, "POST", "/v1/track", `{}`, headers...)
		if got := h.fake.last(t).address; got.IsValid() {
			t.Errorf("%s: %s", name, got)
		}
	}
}
