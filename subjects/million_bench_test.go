package subjects

import (
	"context"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"zgoda/control"
	"zgoda/control/ledger"
	"zgoda/event"
	"zgoda/pseudonym"
)

const million = 1_000_000

// nobody is a keyholder and a store of people about whom nothing is on record.
type nobody struct{}

func (nobody) Resolve(_ context.Context, queries []pseudonym.Query) ([]event.Handles, error) {
	out := make([]event.Handles, len(queries))
	for i := range queries {
		h := event.Handle(queries[i].H1[:16])
		h[0] ^= 0xff
		out[i] = event.Handles{Consent: h, Profiling: h, Analytics: h, Period: queries[i].Period, Version: 1}
	}
	return out, nil
}

func (nobody) Link(context.Context, pseudonym.LinkRequest) (pseudonym.LinkAnswer, error) {
	return pseudonym.LinkAnswer{}, errAway
}

func (nobody) Records(_ context.Context, lookups []control.Lookup, out []control.Found) (event.Sequence, error) {
	for i := range lookups {
		out[i] = control.Found{}
		out[i].Record.Sequence = 1
	}
	return 1, nil
}

func (nobody) Append(context.Context, ...ledger.Entry) (control.Change, error) {
	return control.Change{}, errAway
}
func (nobody) Sequence() event.Sequence { return 1 }

// fullSet is a set with a million people in it.
func fullSet(b *testing.B) *Set {
	b.Helper()
	cfg := DefaultConfig()
	cfg.Entries, cfg.Batch, cfg.TTL = million, 1024, time.Hour
	set, err := New(cfg, Deps{Resolver: nobody{}, Store: nobody{}, Policies: policies})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = set.Close() })
	ids, out := make([]Identity, 1000), make([]Entry, 1000)
	for n := uint64(1); n <= million; {
		for i := range ids {
			ids[i] = numbered(n)
			n++
		}
		if err := set.Load(b.Context(), site, time.Now(), ids, out); err != nil {
			b.Fatal(err)
		}
	}
	return set
}

// BenchmarkMillion fills a set with a million people, says what they take, and
// asks for them: one at a time and for a batch of 100 events by 60 visitors, as
// often as Zipf has it.
func BenchmarkMillion(b *testing.B) {
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	set := fullSet(b)
	held := resident(b)
	runtime.GC()
	runtime.ReadMemStats(&after)
	b.Logf("%.0f bytes an entry after a collection, resident %d MB as filled (GOGC=100)",
		float64(after.HeapAlloc-before.HeapAlloc)/million, held>>20)

	zipf := rand.NewZipf(rand.New(rand.NewPCG(1, 2)), 1.07, 10, million-1)
	asked := make([]uint64, 1<<20)
	for i := range asked {
		asked[i] = zipf.Uint64()
	}
	for _, size := range []int{1, 100} {
		b.Run(strconv.Itoa(size), func(b *testing.B) {
			ids, out := make([]Identity, size), make([]Entry, size)
			now, at, missed := time.Now(), 0, 0
			put := func() error { return nil }
			b.ReportAllocs()
			used, n := cpu(b), 0
			for b.Loop() {
				for i := range ids {
					if i < 60 {
						ids[i] = numbered(asked[at] + 1)
						at = (at + 1) % len(asked)
					} else {
						ids[i] = ids[i-60]
					}
				}
				if err := set.Load(b.Context(), site, now, ids, out); err != nil {
					b.Fatal(err)
				}
				for i := range out {
					if set.Accept(out[i:i+1], put) != nil {
						missed++
					}
				}
				n += size
			}
			b.ReportMetric(float64((cpu(b)-used).Nanoseconds())/float64(n), "cpu-ns/id")
			if missed > 0 {
				b.Errorf("%d stale", missed)
			}
		})
	}
}

// resident is how much of this process is in memory, in bytes.
func resident(b *testing.B) int64 {
	b.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		b.Skip("no /proc")
	}
	_, line, _ := strings.Cut(string(status), "VmRSS:")
	kb, err := strconv.ParseInt(strings.Fields(line)[0], 10, 64)
	if err != nil {
		b.Fatal(err)
	}
	return kb << 10
}
