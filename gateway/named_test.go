package gateway

import (
	"bufio"
	"strings"
	"testing"

	"github.com/valyala/fasthttp"
	"pgregory.net/rapid"
)

// A header that fasthttp finds is in the set, however it is written: what the
// set rules out is never asked for again, a refusal among it.
func TestNamedRulesOutNothingThatIsThere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var lines []string
		for range rapid.IntRange(0, 8).Draw(t, "lines") {
			name := rapid.OneOf(
				rapid.SampledFrom([]string{"Sec-GPC", "DNT", "X-Do-Not-Track", "Sec-Fetch-Site", "Origin", "Cookie", "Forwarded", "X-Forwarded-For", "X-Real-Ip", "Authorization", "Content-Encoding"}),
				rapid.StringMatching(`[A-Za-z-]{1,20}`),
			).Draw(t, "name")
			fold := rapid.SampledFrom([]func(string) string{strings.ToLower, strings.ToUpper, func(s string) string { return s }}).Draw(t, "fold")
			lines = append(lines, fold(name)+":"+rapid.SampledFrom([]string{"", " ", "\t"}).Draw(t, "space")+rapid.StringMatching(`[a-z0-9:]{0,6}`).Draw(t, "value"))
		}
		var h fasthttp.RequestHeader
		if err := h.Read(bufio.NewReader(strings.NewReader("POST /v1/track HTTP/1.1\r\nHost: a\r\n" + strings.Join(append(lines, "", ""), "\r\n")))); err != nil {
			return // fasthttp takes no such request
		}
		set := namedIn(&h)
		for _, n := range names {
			if len(h.PeekAll(n.name)) > 0 && set&n.bit == 0 && n.bit != namedContentLength {
				t.Fatalf("%q is there and not in the set", n.name)
			}
		}
		for _, asked := range []string{"Sec-GPC", "DNT", "X-Do-Not-Track", "Sec-Fetch-Site", "Anything-Else"} {
			if len(h.PeekAll(asked)) > 0 && set.absent(asked) {
				t.Fatalf("%q is there and ruled out", asked)
			}
		}
	})
}

func TestNamedDoesNotAllocate(t *testing.T) {
	var h fasthttp.RequestHeader
	if err := h.Read(bufio.NewReader(strings.NewReader("POST / HTTP/1.1\r\nHost: a\r\nSec-GPC: 1\r\nContent-Length: 5\r\n\r\n"))); err != nil {
		t.Fatal(err)
	}
	var set named
	if n := testing.AllocsPerRun(100, func() { set = namedIn(&h) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
	if want := namedGPC | namedContentLength | namedSomeLength; set != want {
		t.Errorf("%b, want %b", set, want)
	}
}
