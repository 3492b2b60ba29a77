package scale_test

import (
	"math"
	"slices"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"zgoda/telemetry/scale"
)

func observed(t *testing.T, seconds ...float64) *dto.Histogram {
	t.Helper()
	h := prometheus.NewHistogram(scale.Seconds("zgoda_test_seconds", "A test."))
	for _, s := range seconds {
		h.Observe(s)
	}
	var m dto.Metric
	if err := h.Write(&m); err != nil {
		t.Fatal(err)
	}
	return m.GetHistogram()
}

func below(h *dto.Histogram, edge float64) (uint64, bool) {
	for _, b := range h.GetBucket() {
		if b.GetUpperBound() == edge {
			return b.GetCumulativeCount(), true
		}
	}
	return 0, false
}

// TestEdgesArePromises: what is counted as kept is counted by a bucket, and a
// bucket counts exactly only at its edge.
func TestEdgesArePromises(t *testing.T) {
	h := observed(t, 1, math.Nextafter(1, 2), 10, math.Nextafter(10, 11))
	for edge, want := range map[float64]uint64{1: 1, 10: 3} {
		if got, there := below(h, edge); !there || got != want {
			t.Errorf("up to %v: %d, there %v; want %d", edge, got, there, want)
		}
	}
	for name, edges := range map[string][]float64{"Answers": scale.Answers, "Stages": scale.Stages, "Delays": scale.Delays} {
		if !slices.IsSorted(edges) || len(slices.Compact(slices.Clone(edges))) != len(edges) {
			t.Errorf("%s do not grow: %v", name, edges)
		}
		if !slices.Contains(edges, 1) || !slices.Contains(edges, 10) {
			t.Errorf("%s have no edges where promises are counted: %v", name, edges)
		}
	}
}

// TestNativeFormIsThere: neighbours that share a classic bucket are told apart.
func TestNativeFormIsThere(t *testing.T) {
	h := observed(t, .11, .13, .16, .2)
	if n, _ := below(h, .1); n != 0 {
		t.Fatalf("%d up to 0.1", n)
	}
	if n, _ := below(h, .25); n != 4 {
		t.Fatalf("%d of 4 up to 0.25", n)
	}
	var spans uint32
	for _, s := range h.GetPositiveSpan() {
		spans += s.GetLength()
	}
	if h.GetSchema() < 3 || spans < 4 {
		t.Fatalf("schema %d with %d buckets: four times 20 %% apart are not told apart", h.GetSchema(), spans)
	}
}

// TestObservingAllocatesNothing once the buckets of usual times are there: from a
// microsecond to half a minute none is given up for the number of them.
func TestObservingAllocatesNothing(t *testing.T) {
	h := prometheus.NewHistogram(scale.Seconds("zgoda_test_seconds", "A test."))
	const steps = 1000
	times := make([]float64, steps)
	for i := range times {
		times[i] = 1e-6 * math.Pow(3e7, float64(i)/(steps-1))
		h.Observe(times[i])
	}
	i := 0
	all := func() {
		for _, s := range times {
			h.Observe(s)
		}
		i++
	}
	if n := testing.AllocsPerRun(10, all); n != 0 {
		t.Fatalf("%v allocations in %d observations", n, steps)
	}
	var m dto.Metric
	if err := h.Write(&m); err != nil {
		t.Fatal(err)
	}
	if got := m.GetHistogram(); got.GetSchema() != 3 || got.GetSampleCount() != uint64(steps*(i+1)) {
		t.Fatalf("schema %d, %d times", got.GetSchema(), got.GetSampleCount())
	}
}

func BenchmarkObserve(b *testing.B) {
	h := prometheus.NewHistogram(scale.Seconds("zgoda_test_seconds", "A test."))
	for b.Loop() {
		h.Observe(.0042)
	}
}
