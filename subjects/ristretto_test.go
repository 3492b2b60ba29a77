package subjects

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/dgraph-io/ristretto/v2"

	"zgoda/control"
)

// bareRistretto is the cache that the table is compared with.
func bareRistretto(tb testing.TB, entries int64) *ristretto.Cache[uint64, uint64] {
	tb.Helper()
	cache, err := ristretto.NewCache(&ristretto.Config[uint64, uint64]{
		NumCounters: 10 * entries, MaxCost: entries, BufferItems: 64, IgnoreInternalCost: true,
	})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(cache.Close)
	return cache
}

// zipfHits returns the share of reads that were hits when people of a million are
// asked for as often as Zipf has it, after as many reads to warm up.
func zipfHits(exponent float64, reads int, hit func(n uint64) bool) float64 {
	zipf := rand.NewZipf(rand.New(rand.NewPCG(1, 2)), exponent, 1, million-1)
	hits := 0
	for i := range 2 * reads {
		if hit(zipf.Uint64()+1) && i >= reads {
			hits++
		}
	}
	return float64(hits) / float64(reads)
}

// tableHit returns a reader of a table, which puts whom it misses.
func tableHit(table *table) func(n uint64) bool {
	now, policyOf := time.Now(), policies(site)
	at := (&calendar{}).momentOf(now)
	p, _, _ := period(now)
	var e Entry
	return func(n uint64) bool {
		id := numbered(n)
		if table.get(1, at, &id, &e) {
			return true
		}
		k := missKey{h1: id.H1, kind: id.Kind, period: p, site: site, policy: policyOf}
		c := k.cell(1, now, time.Hour)
		c.held, _ = table.held.of(&control.Found{}, 0)
		table.put(&c, at)
		return false
	}
}

// BenchmarkHitRatio compares whom the table keeps with whom ristretto keeps, a
// tenth of a million each.
func BenchmarkHitRatio(b *testing.B) {
	const entries, reads = 100_000, 2_000_000
	for _, exponent := range []float64{1.01, 1.1} {
		b.Run(fmt.Sprint(exponent), func(b *testing.B) {
			for b.Loop() {
				var table table
				table.init(entries, newMetrics().evictions)
				b.ReportMetric(100*zipfHits(exponent, reads, tableHit(&table)), "table-%")
				cache := bareRistretto(b, entries)
				b.ReportMetric(100*zipfHits(exponent, reads, func(n uint64) bool {
					id := numbered(n)
					key := cacheKey(&id.H1)
					_, ok := cache.Get(key)
					if !ok {
						cache.Set(key, n, 1)
					}
					return ok
				}), "ristretto-%")
			}
		})
	}
}
