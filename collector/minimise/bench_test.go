package minimise

import (
	"fmt"
	"testing"
	"time"

	"zgoda/jsontape"
)

// kinds is how many different events a benchmark goes round, so that neither
// memory nor branches are as warm as with one.
const kinds = 512

// given is what one event has to be minimised.
type given struct {
	name, url, title, referrer, message []byte
	properties                          jsontape.Value
}

func event(b *testing.B, k int) given {
	b.Helper()
	properties, err := jsontape.Parse(fmt.Appendf(nil, `{"sku":"A-%d","name":"Trail shoe %d","category":"Shoes","price":%d.50,"currency":"EUR","quantity":%d,"coupon":"AUTUMN%d","position":%d,"new":true,"order_id":"o-%d"}`, k, k, k%90+9, k%3+1, k%30, k%12, k), 8)
	if err != nil {
		b.Fatal(err)
	}
	return given{
		name: []byte("Order Completed"), properties: properties,
		url:      fmt.Appendf(nil, "https://shop.example/shoes/trail-%d?utm_source=news&utm_medium=mail&utm_campaign=autumn&color=red%d", k, k),
		title:    fmt.Appendf(nil, "Trail shoe %d | Shop", k),
		referrer: []byte("https://search.example/?q=shoes"),
		message:  fmt.Appendf(nil, "ajs-next-17321%05d000-%08x-550e-4e0c-%012x", k, k*31337, k*104729),
	}
}

// scrub takes the caches and the branch predictors away, as the rest of a
// gateway does between two requests.
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

// cold runs f for each event in turn and reports what it takes alone when cold.
func cold(b *testing.B, f func(*Buffer, *given)) {
	b.Helper()
	events := make([]given, kinds)
	for k := range events {
		events[k] = event(b, k)
	}
	var text Buffer
	memory := make([]byte, 1<<20)
	for k := range events {
		text.Reset()
		f(&text, &events[k])
	}
	b.ReportAllocs()
	var took time.Duration
	n := 0
	for b.Loop() {
		scrub(memory, n)
		begun := time.Now()
		text.Reset()
		f(&text, &events[n%kinds])
		took += time.Since(begun)
		n++
	}
	b.ReportMetric(float64(took.Nanoseconds())/float64(n), "cold-ns/op")
}

func BenchmarkCold(b *testing.B) {
	keep := map[string]struct{}{"utm_source": {}, "utm_medium": {}, "utm_campaign": {}, "utm_term": {}, "utm_content": {}, "color": {}}
	address := func(text *Buffer, g *given) {
		u := Split(g.url)
		text.Host(u.Host)
		text.Path(u.Path, 1024)
		text.Query(u.Query, keep, 1024)
		for _, name := range []string{"utm_campaign", "utm_source", "utm_medium", "utm_term", "utm_content"} {
			if s := Parameter(u.Query, name); len(s) > 0 {
				text.ParameterText(s, 1024)
			}
		}
	}
	b.Run("nothing", func(b *testing.B) { cold(b, func(*Buffer, *given) {}) })
	b.Run("name", func(b *testing.B) { cold(b, func(text *Buffer, g *given) { text.Text(g.name, 1024) }) })
	b.Run("title", func(b *testing.B) { cold(b, func(text *Buffer, g *given) { text.Text(g.title, 1024) }) })
	b.Run("message id", func(b *testing.B) { cold(b, func(text *Buffer, g *given) { text.Personal(g.message) }) })
	b.Run("address", func(b *testing.B) { cold(b, address) })
	b.Run("properties", func(b *testing.B) {
		cold(b, func(text *Buffer, g *given) { text.Properties(g.properties, nil, keep, false) })
	})
	b.Run("all", func(b *testing.B) {
		cold(b, func(text *Buffer, g *given) {
			text.Personal(g.message)
			text.Text(g.name, 1024)
			address(text, g)
			text.Host(Split(g.referrer).Host)
			text.Properties(g.properties, nil, keep, false)
		})
	})
}
