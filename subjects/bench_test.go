package subjects

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"zgoda/control/ledger"
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
	b.Run("bare ristretto", func(b *testing.B) { // for comparison
		key := cacheKey(&ids[0].H1)
		cache := bareRistretto(b, 1000)
		cache.Set(key, 1, 1)
		cache.Wait()
		for b.Loop() {
			if _, ok := cache.Get(key); !ok {
				b.Fatal("no hit")
			}
		}
	})
}

func BenchmarkLoadMiss(b *testing.B) {
	w := newWorld(b, func(c *Config) { c.Wait = 2 * time.Millisecond })
	b.RunParallel(func(pb *testing.PB) {
		out := make([]Entry, 1)
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

// BenchmarkSwitchOfManyVisitors: one contact with 100,000 linked visitors.
func BenchmarkSwitchOfManyVisitors(b *testing.B) {
	w := newWorld(b)
	contact := event.Handle{1}
	for i := 0; i < 100_000; {
		entries := make([]ledger.Entry, 250)
		for j := range entries {
			entries[j] = ledger.Entry{
				Site: site, Subject: contact, Linked: event.Handle{0: byte(i), 1: byte(i >> 8), 2: byte(i >> 16), 15: 7},
				State: ledger.StateLinked, Type: ledger.EventImplied, Channel: ledger.ChannelEvent, At: time.Now(),
			}
			i++
		}
		if _, err := w.store.Append(b.Context(), entries...); err != nil {
			b.Fatal(err)
		}
	}
	on := false
	for b.Loop() {
		w.profiling(contact, on)
		on = !on
	}
}
