package load

import (
	"math/bits"
	"time"
)

// subBits is how finely each power of two is divided: a bucket is at most
// 1/128 of its values wide.
const subBits = 7

// buckets hold values up to 2^40 ns, about 18 minutes; longer ones are counted
// in the last bucket, and their maximum is exact all the same.
const (
	maxBits = 40
	buckets = (maxBits - subBits + 1) << subBits
)

// Histogram counts durations in a fixed amount of memory (34 KiB) with a
// relative error below 1 %. The zero value is empty and ready for use.
type Histogram struct {
	counts [buckets]uint64
	count  uint64
	max    time.Duration
}

// Record counts d; a negative duration counts as zero.
func (h *Histogram) Record(d time.Duration) {
	d = max(d, 0)
	h.counts[bucket(uint64(d))]++
	h.count++
	h.max = max(h.max, d)
}

// bucket returns the bucket of v: its highest subBits+1 bits, and how far they
// stand to the left.
func bucket(v uint64) int {
	shift := max(bits.Len64(v)-subBits-1, 0)
	return min(shift<<subBits+int(v>>shift), buckets-1)
}

// upper returns the highest value of a bucket.
func upper(b int) uint64 {
	if b < 2<<subBits {
		return uint64(b)
	}
	shift := b>>subBits - 1
	mantissa := uint64(b - shift<<subBits)
	return (mantissa+1)<<shift - 1
}

// Count returns how many durations were recorded.
func (h *Histogram) Count() uint64 { return h.count }

// Max returns the longest duration exactly, 0 of none.
func (h *Histogram) Max() time.Duration { return h.max }

// Quantile returns a duration that a share q (0 to 1) of all does not exceed, at
// most 1 % too long; 0 of none.
func (h *Histogram) Quantile(q float64) time.Duration {
	rank := max(uint64(q*float64(h.count)+0.5), 1)
	var seen uint64
	for b, n := range h.counts {
		if seen += n; seen >= rank {
			return min(time.Duration(upper(b)), h.max)
		}
	}
	return h.max
}

// Merge adds what other recorded.
func (h *Histogram) Merge(other *Histogram) {
	for b, n := range other.counts {
		h.counts[b] += n
	}
	h.count += other.count
	h.max = max(h.max, other.max)
}

// Latency is a histogram's summary.
type Latency struct {
	P50, P99, P999, Max time.Duration
}

// Latency returns the summary.
func (h *Histogram) Latency() Latency {
	return Latency{P50: h.Quantile(0.5), P99: h.Quantile(0.99), P999: h.Quantile(0.999), Max: h.max}
}
