package telemetry

import (
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"zgoda/event"
)

// TestI5OneFate moves events through their lives from many goroutines and looks
// at every scrape in between: both sides are equal at each.
func TestI5OneFate(t *testing.T) {
	var f Fates
	reg := prometheus.NewRegistry()
	reg.MustRegister(&f)

	var lives sync.WaitGroup
	for seed := range uint64(8) {
		lives.Go(func() {
			r := rand.New(rand.NewPCG(seed, 1))
			for range 2000 {
				n := 1 + r.IntN(3)
				if r.IntN(10) == 0 {
					f.Recover(n)
				} else {
					f.Receive(n)
				}
				endAtRandom(&f, r, n)
			}
		})
	}
	done := make(chan struct{})
	go func() { lives.Wait(); close(done) }()
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
		}
		begun, fated := gathered(t, reg)
		if begun != fated {
			t.Fatalf("I5 broken at a scrape: begun %v, fated %v", begun, fated)
		}
	}
	if s := f.Snapshot(); s.InFlight != 0 || s.Received == 0 || s.Recovered == 0 {
		t.Fatalf("after all lives: %+v", s)
	}
}

// TestI5SeesALoss shows that the balance can fail: an event that ends twice
// breaks it only together with a wrong in-flight count, so an end without a
// begin leaves in-flight negative.
func TestI5SeesALoss(t *testing.T) {
	var f Fates
	f.Receive(1)
	f.Store(1)
	f.Store(1)
	if s := f.Snapshot(); s.InFlight != -1 {
		t.Fatalf("in flight %d, want -1", s.InFlight)
	}
}

func endAtRandom(f *Fates, r *rand.Rand, n int) {
	switch r.IntN(6) {
	case 0:
		f.Store(n)
	case 1:
		f.Duplicate(n)
	case 2:
		f.Quarantine(n)
	case 3:
		f.Drop(event.ReasonConsent, n)
	case 4:
		f.DropLater(event.ReasonWithdrawn, n)
	case 5:
		f.Refuse(event.ReasonMalformed, n)
	}
}

func gathered(t *testing.T, g prometheus.Gatherer) (begun, fated float64) {
	t.Helper()
	families, err := g.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, fam := range families {
		sum := sumOf(fam)
		switch strings.TrimPrefix(fam.GetName(), "zgoda_events_") {
		case "received_total", "recovered_total":
			begun += sum
		case "in_hand": // is of those in flight
		default:
			fated += sum
		}
	}
	return begun, fated
}

func sumOf(fam *dto.MetricFamily) (sum float64) {
	for _, m := range fam.GetMetric() {
		sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
	}
	return sum
}

func TestFatesAllocateNothing(t *testing.T) {
	var f Fates
	if n := testing.AllocsPerRun(100, func() { f.Receive(1); f.Drop(event.ReasonConsent, 1) }); n != 0 {
		t.Fatalf("%v allocations", n)
	}
}

func BenchmarkFates(b *testing.B) {
	var f Fates
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			f.Receive(1)
			f.Store(1)
		}
	})
}

// TestInHand: what requests have in hand is told beside what is in flight, and is no
// fate.
func TestInHand(t *testing.T) {
	var f Fates
	f.Hold(3)
	f.Receive(3)
	f.Store(2)
	if s := f.Snapshot(); s.InHand != 3 || s.InFlight != 1 {
		t.Fatalf("%+v", s)
	}
	f.Hold(-3)
	if s := f.Snapshot(); s.InHand != 0 || s.InFlight != 1 {
		t.Fatalf("%+v", s)
	}
}
