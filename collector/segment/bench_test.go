package segment

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"zgoda/event"
)

// kinds is how many different bodies a benchmark goes round, so that neither
// memory nor branches are as warm as with one.
const kinds = 512

// single is a track as analytics.js sends it, some 900 bytes.
func single(k int) []byte {
	return fmt.Appendf(nil, `{"timestamp":"2026-11-21T09:%02d:59.%03dZ","integrations":{},"anonymousId":"%08x-5a7e-4e0c-9c1f-%012x","event":"Order Completed","type":"track",`+
		`"properties":{"sku":"A-%d","name":"Trail shoe %d","category":"Shoes","price":%d.50,"currency":"EUR","quantity":%d,"coupon":"AUTUMN%d","position":%d},`+
		`"context":{"page":{"path":"/shoes/trail-%d","referrer":"https://search.example/?q=shoes","search":"?utm_source=news&utm_medium=mail&utm_campaign=autumn","title":"Trail shoe %d | Shop","url":"https://shop.example/shoes/trail-%d?utm_source=news&utm_medium=mail&utm_campaign=autumn"},`+
		`"userAgent":"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/1%02d.0.0.0 Safari/537.36","locale":"pl-PL","timezone":"Europe/Warsaw","library":{"name":"analytics.js","version":"npm:next-1.7%d.0"},"consent":{"categoryPreferences":{"analytics":true,"advertising":false}}},`+
		`"messageId":"ajs-next-17321%05d000-%08x-550e-4e0c","userId":null,"sentAt":"2026-11-21T09:30:00.%03dZ","_metadata":{"bundled":["Segment.io"],"unbundled":[],"bundledIds":[]}}`,
		k%60, k%1000, k*7919, k*104729, k, k, k%90+9, k%3+1, k%30, k%12, k, k, k, k%30, k%9, k, k*31337, k%1000)
}

// pages is a batch of the snippet.
func pages(k int) []byte {
	return fmt.Appendf(nil, `{"key":"pk_0123456789abcdef","sentAt":"2026-11-21T09:30:00.%03dZ","events":[{"type":"page","messageId":"%08x-7c1d-4f2e-8a55-%012x","timestamp":"2026-11-21T09:29:%02d.100Z","page":{"url":"https://shop.example/shoes/trail-%d","title":"Shoe %d","referrer":""},"properties":{"kind":"product"}}],"gpc":false}`,
		k%1000, k*7919, k*104729, k%60, k, k)
}

func hundred(k int) []byte {
	var list []string
	for i := range 100 {
		list = append(list, string(single(k*100+i)))
	}
	return []byte(`{"batch":[` + strings.Join(list, ",") + `],"sentAt":"2026-11-21T09:30:00.000Z"}`)
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

// cold runs f for each body in turn and reports what it takes alone when cold.
func cold(b *testing.B, body func(int) []byte, f func([]byte)) {
	b.Helper()
	bodies := make([][]byte, kinds)
	for k := range bodies {
		bodies[k] = body(k)
	}
	memory := make([]byte, 1<<20)
	for _, body := range bodies {
		f(body)
	}
	b.ReportAllocs()
	var took time.Duration
	n := 0
	for b.Loop() {
		scrub(memory, n)
		begun := time.Now()
		f(bodies[n%kinds])
		took += time.Since(begun)
		n++
	}
	b.ReportMetric(float64(took.Nanoseconds())/float64(n), "cold-ns/op")
}

func parse(b *testing.B) func([]byte) {
	b.Helper()
	return func(body []byte) {
		p := Get()
		if _, err := p.Parse(body, 32); err != nil {
			b.Fatal(err)
		}
		Put(p)
	}
}

func read(b *testing.B) func([]byte) {
	b.Helper()
	var e Event
	return func(body []byte) {
		p := Get()
		v, err := p.Parse(body, 32)
		if err == nil {
			err = e.Read(v, event.TypeUnknown)
		}
		if err != nil {
			b.Fatal(err)
		}
		Put(p)
	}
}

func BenchmarkCold(b *testing.B) {
	b.Run("nothing", func(b *testing.B) { cold(b, single, func([]byte) {}) })
	b.Run("parse single", func(b *testing.B) { cold(b, single, parse(b)) })
	b.Run("parse and read single", func(b *testing.B) { cold(b, single, read(b)) })
	b.Run("parse snippet", func(b *testing.B) { cold(b, pages, parse(b)) })
	b.Run("parse hundred", func(b *testing.B) { cold(b, hundred, parse(b)) })
}
