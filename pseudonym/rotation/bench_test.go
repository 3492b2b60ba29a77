package rotation

import (
	"fmt"
	"testing"

	"zgoda/event"
)

// BenchmarkSlot seals every contact under a new slot key, with all that belongs
// to it: the keysets too.
func BenchmarkSlot(b *testing.B) {
	for _, people := range []int{1000, 100_000} {
		b.Run(fmt.Sprint(people), func(b *testing.B) {
			h := filled(b, people)
			for b.Loop() {
				h.must(h.rotator.Start(b.Context(), Slot, Options{}))
				h.must(h.rotator.Work(b.Context()))
			}
			b.ReportMetric(float64(people)*float64(b.N)/b.Elapsed().Seconds(), "contacts/s")
		})
	}
}

// BenchmarkLink gives every identifier a new index.
func BenchmarkLink(b *testing.B) {
	const people = 100_000
	h := filled(b, people)
	for b.Loop() {
		h.must(h.rotator.Start(b.Context(), Link, Options{}))
		h.must(h.rotator.Work(b.Context()))
	}
	b.ReportMetric(people*float64(b.N)/b.Elapsed().Seconds(), "identifiers/s")
}

// BenchmarkPurposeMap derives every contact's old and new pseudonym.
func BenchmarkPurposeMap(b *testing.B) {
	const people = 100_000
	h := filled(b, people)
	h.must(h.rotator.Start(b.Context(), Profiling, Options{}))
	h.must(h.rotator.Work(b.Context()))
	for b.Loop() {
		n := 0
		h.must(h.rotator.PurposeMap(b.Context(), func(_, _ uint32, old, _ []event.Handle) bool {
			n += len(old)
			return true
		}))
		if n != people {
			b.Fatalf("%d pairs", n)
		}
	}
	b.ReportMetric(people*float64(b.N)/b.Elapsed().Seconds(), "pairs/s")
}

// filled is a keyholder with contacts.
func filled(b *testing.B, people int) *holder {
	b.Helper()
	h := newHolder(b)
	h.batch = DefaultConfig().Batch
	h.must(h.open())
	for n := 0; n < people; n += 10_000 {
		h.mint(n, min(people, n+10_000))
	}
	return h
}
