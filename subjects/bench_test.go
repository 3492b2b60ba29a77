package subjects

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"zgoda/event"
)

func BenchmarkLoadHit(b *testing.B) {
	w := newWorld(b)
	ids := []Identity{visitor("v")}
	out := w.load(ids...)
	now := time.Now()
	b.Run("load", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if w.set.Load(b.Context(), site, now, ids, out) != nil {
				b.Fatal("no hit")
			}
		}
	})
	b.Run("accept", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if w.set.Accept(out, func() error { return nil }) != nil {
				b.Fatal("stale")
			}
		}
	})
	b.Run("bare get", func(b *testing.B) {
		key := cacheKey(&ids[0].H1)
		for b.Loop() {
			if _, ok := w.set.cache.Get(key); !ok {
				b.Fatal("no hit")
			}
		}
	})
}

func BenchmarkLoadMiss(b *testing.B) {
	w := newWorld(b, func(c *Config) { c.Wait = 2 * time.Millisecond })
	b.RunParallel(func(pb *testing.PB) {
		out := make([]*Entry, 1)
		id := Identity{Kind: event.KindVisitor}
		for pb.Next() {
			for i := range id.H1 {
				id.H1[i] = byte(rand.Uint32())
			}
			if err := w.set.Load(context.Background(), site, time.Now(), []Identity{id}, out); err != nil {
				b.Error(err)
			}
		}
	})
}

func BenchmarkSwitch(b *testing.B) {
	w := newWorld(b)
	for b.Loop() {
		w.profiling(event.Handle{1}, false)
	}
}
