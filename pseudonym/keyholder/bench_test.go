package keyholder

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"zgoda/event"
	"zgoda/pseudonym"
)

// BenchmarkResolve goes through the socket, both ends in this process.
func BenchmarkResolve(b *testing.B) {
	dir, socket := folders(b)
	k := start(b, dir, socket)
	for _, kind := range []event.IdentifierKind{event.KindVisitor, event.KindEmail} {
		for _, size := range []int{1, 256, 4096} {
			queries := make([]pseudonym.Query, size)
			for i := range queries {
				queries[i] = contact(i, true)
				queries[i].Kind = kind
			}
			b.Run(fmt.Sprintf("%s/%d", kind, size), func(b *testing.B) {
				resolve(b, k.Client, queries...)
				for b.Loop() {
					if _, err := k.Resolve(b.Context(), queries); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(size)*float64(b.N)/b.Elapsed().Seconds(), "ids/s")
			})
		}
	}
}

// BenchmarkMintOverSocket mints in batches of 256, durable before each answer.
func BenchmarkMintOverSocket(b *testing.B) {
	dir, socket := folders(b)
	k := start(b, dir, socket, func(c *Config) { c.Limits.MintsPerSecond, c.Limits.MintsPerDay = 1e9, 0 })
	const size = 256
	next := 0
	for b.Loop() {
		queries := make([]pseudonym.Query, size)
		for i := range queries {
			queries[i] = contact(next, true)
			next++
		}
		if _, err := k.Resolve(b.Context(), queries); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(next)/b.Elapsed().Seconds(), "mints/s")
}

// BenchmarkResolveMany asks for random ones of many known contacts, in batches of
// 256, with roles, quotas and the log of calls as always. With a folder the contacts
// stay there, and are made once.
func BenchmarkResolveMany(b *testing.B) {
	known := 20_000
	if n, err := strconv.Atoi(os.Getenv("ZGODA_BENCH_CONTACTS")); err == nil && n > 0 {
		known = n
	}
	dir, socket := folders(b)
	if folder := os.Getenv("ZGODA_BENCH_FOLDER"); folder != "" {
		dir = filepath.Join(folder, fmt.Sprintf("keyholder-%d", known))
	}
	began := time.Now()
	k := start(b, dir, socket, func(c *Config) { c.Limits.MintsPerSecond, c.Limits.MintsPerDay = 1e9, 0 })
	b.Logf("opened in %s", time.Since(began).Round(time.Millisecond))
	if _, there, err := k.rights.Find(b.Context(), contact(known-1, false)); err != nil || !there {
		makeContacts(b, k.Client, known)
	}
	if os.Getenv("ZGODA_BENCH_MAKE") != "" {
		return
	}
	const size, batches = 256, 1024
	asked := make([][]pseudonym.Query, batches)
	for i := range asked {
		for range size {
			asked[i] = append(asked[i], contact(rand.IntN(known), false))
		}
	}
	next := 0
	for b.Loop() {
		if _, err := k.Resolve(b.Context(), asked[next%batches]); err != nil {
			b.Fatal(err)
		}
		next++
	}
	b.ReportMetric(size*float64(next)/b.Elapsed().Seconds(), "ids/s")
}

func makeContacts(b *testing.B, c *pseudonym.Client, n int) {
	b.Helper()
	const most = 4096
	for from := 0; from < n; from += most {
		queries := make([]pseudonym.Query, min(most, n-from))
		for i := range queries {
			queries[i] = contact(from+i, true)
		}
		resolve(b, c, queries...)
	}
}

// BenchmarkKnownOrNot asks about known contacts and about unknown ones by turns,
// and tells how long each took: an answer must not tell by its time which it was.
func BenchmarkKnownOrNot(b *testing.B) {
	dir, socket := folders(b)
	k := start(b, dir, socket, func(c *Config) {
		c.Limits.MintsPerSecond, c.Limits.MintsPerDay, c.Limits.UnknownBurst = 1e9, 0, 1e9
	})
	for _, size := range []int{1, 256, 4096} {
		var batches [2][]pseudonym.Query
		for i := range size {
			batches[0] = append(batches[0], contact(i, true))
			batches[1] = append(batches[1], contact(1_000_000+i, false))
		}
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			resolve(b, k.Client, batches[0]...)
			var took [2][]time.Duration
			for b.Loop() {
				for which := range batches {
					began := time.Now()
					if _, err := k.Resolve(b.Context(), batches[which]); err != nil {
						b.Fatal(err)
					}
					took[which] = append(took[which], time.Since(began))
				}
			}
			for which, name := range []string{"known", "unknown"} {
				slices.Sort(took[which])
				b.ReportMetric(float64(took[which][len(took[which])/10].Nanoseconds()), name+"-p10-ns")
				b.ReportMetric(float64(took[which][len(took[which])/2].Nanoseconds()), name+"-p50-ns")
			}
		})
	}
}
