package collector

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// coldBatches is how many different batches a benchmark goes round, so that
// neither memory nor branches are as warm as with one.
const coldBatches = 24

// called is a call of a server's library, as Segment's for Node sends it.
func called(k int) string {
	shoe := fmt.Sprintf(`"path":"/shoes/trail-%d","referrer":"https://search.example/","search":"","title":"Trail shoe %d","url":"https://shop.example/shoes/trail-%d"`, k%40, k%40, k%40)
	kind, properties := `"page"`, shoe
	if k%5 > 1 {
		kind = `"track"`
		properties = fmt.Sprintf(`"sku":"TR-%d","name":"Trail shoe %d","category":"Shoes","price":%d.90,"currency":"EUR","quantity":%d,"position":%d`, k%40, k%40, k%90+9, k%3+1, k%24)
	}
	return fmt.Sprintf(`{"anonymousId":"%08x-5a7e-4e0c-9c1f-%012x","properties":{%s},"event":"Product Viewed","context":{"page":{%s},`+
		`"userAgent":"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/1%02d.0.0.0 Safari/537.36","locale":"pl-PL","timezone":"Europe/Warsaw",`+
		`"library":{"name":"@segment/analytics-node","version":"2.3.0"},"consent":{"categoryPreferences":{"analytics":true,"profiling":%t,"marketing":false}},"ip":"81.2.69.%d"},"integrations":{},`+
		`"type":%s,"timestamp":"2026-11-21T09:29:%02d.%03dZ","messageId":"node-next-17637%08d-%08x-550e-4e0c-a3c1-%012x","_metadata":{"nodeVersion":"22.20.0","jsRuntime":"node"}}`,
		k*7919, k*104729, properties, shoe, k%20, k%3 > 0, k%250+1, kind, k%60, k%1000, k*37, k*31337, k*15485863)
}

// scrub takes the caches and the branch predictors away, as the rest of a
// machine does between two requests.
func scrub(memory []byte, k int) {
	x := uint32(k)*2654435761 + 1
	for i := 0; i < len(memory); i += 64 {
		x = x*1664525 + 1013904223
		switch x >> 30 {
		case 0:
			memory[i]++
		case 1:
			memory[i] ^= byte(i)
		}
	}
}

// BenchmarkColdBatch takes batches of 100 of a server's library, each of which
// finds the caches cold, and reports what an event of them takes.
func BenchmarkColdBatch(b *testing.B) {
	const events = 100
	c, r := hotPath(b)
	r.Route, r.AuthKey, r.Origin, r.Address = RouteBatch, []byte(secretKey), nil, netip.MustParseAddr("192.0.2.8")
	bodies := make([][]byte, coldBatches)
	for k := range bodies {
		list := make([]string, events)
		for i := range list {
			list[i] = called(k*events + i)
		}
		bodies[k] = []byte(`{"batch":[` + strings.Join(list, ",") + `],"sentAt":"2026-11-21T09:30:00.000Z"}`)
	}
	memory := make([]byte, 1<<20)
	var a Answer
	var took time.Duration
	n := 0
	b.ReportAllocs()
	for b.Loop() {
		scrub(memory, n)
		r.Body = bodies[n%coldBatches]
		begun := time.Now()
		a.Reset()
		c.Collect(b.Context(), r, &a)
		took += time.Since(begun)
		if n++; a.Accepted != events {
			b.Fatalf("%+v", a)
		}
	}
	b.ReportMetric(float64(took.Nanoseconds())/float64(n*events), "cold-ns/event")
}
