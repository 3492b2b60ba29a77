package load

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestHistogramAgainstSorting: a quantile is never too short, and at most 1 %
// too long.
func TestHistogramAgainstSorting(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := rapid.SliceOfN(rapid.Int64Range(0, int64(10*time.Minute)), 1, 500).Draw(t, "durations")
		var h, left, right Histogram
		for i, v := range all {
			h.Record(time.Duration(v))
			half := &left
			if i%2 == 0 {
				half = &right
			}
			half.Record(time.Duration(v))
		}
		left.Merge(&right)
		if left != h {
			t.Fatal("two halves merged are not the whole")
		}
		slices.Sort(all)
		if h.Max() != time.Duration(all[len(all)-1]) || h.Count() != uint64(len(all)) {
			t.Fatalf("max %v, count %d", h.Max(), h.Count())
		}
		q := rapid.Float64Range(0.001, 1).Draw(t, "q")
		rank := max(int(q*float64(len(all))+0.5), 1)
		exact := all[rank-1]
		got := int64(h.Quantile(q))
		if got < exact || float64(got) > float64(exact)*1.01+1 {
			t.Fatalf("quantile %v of %d: %d, exactly %d", q, len(all), got, exact)
		}
	})
}

func TestHistogramBeyondItsRange(t *testing.T) {
	var h Histogram
	if h.Quantile(0.5) != 0 {
		t.Errorf("the median of nothing is %v", h.Quantile(0.5))
	}
	h.Record(-time.Second)
	h.Record(time.Hour)
	if h.Max() != time.Hour || h.Quantile(0.25) != 0 || h.Count() != 2 {
		t.Errorf("max %v, first quarter %v, count %d", h.Max(), h.Quantile(0.25), h.Count())
	}
}

func TestQueueKeepsOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var q queue[int]
		var model []int
		for n := range rapid.IntRange(1, 400).Draw(t, "steps") {
			if len(model) > 0 && rapid.IntRange(0, 2).Draw(t, "pop") == 0 {
				if q.front() != model[0] || q.pop() != model[0] {
					t.Fatal("another order")
				}
				model = model[1:]
			} else {
				q.push(n)
				model = append(model, n)
			}
			if q.len() != len(model) {
				t.Fatalf("%d in the queue, %d in the model", q.len(), len(model))
			}
		}
	})
}
