package cases

import (
	"fmt"
	"testing"

	"zgoda/event"
)

// BenchmarkLook is what an identifier costs beside its resolution, by how many days there
// are tombstones of.
func BenchmarkLook(b *testing.B) {
	for _, days := range []int{1, 30} {
		b.Run(fmt.Sprintf("days=%d", days), func(b *testing.B) {
			h := newHolder(b, b.TempDir(), "")
			for day := range days {
				h.mint([]string{user(day)})
				h.ask(byUser(day, user(day)))
				h.destroy(h.order(day))
				h.at = h.at.AddDate(0, 0, 1)
			}
			d := h.deriver()
			defer d.Release()
			h1 := h.blinded(event.KindUserID, user(0))
			index := d.Index(h1)
			look := h.Look(d)
			defer look.Release()
			b.ReportAllocs()
			for b.Loop() {
				if look.Cutoff(h1, &index) == 0 {
					b.Fatal("no tombstone")
				}
			}
		})
	}
}

// BenchmarkDestroy destroys contacts of three identifiers and a visitor, in one call of
// 1,024.
func BenchmarkDestroy(b *testing.B) {
	h := newHolder(b, b.TempDir(), "")
	const people = 1024
	n := 0
	for b.Loop() {
		b.StopTimer()
		var asked []Asked
		var orders []Order
		for range people {
			h.mint([]string{user(3 * n), user(3*n + 1), user(3*n + 2)}, user(n))
			asked, orders, n = append(asked, byUser(n, user(3*n))), append(orders, h.order(n)), n+1
		}
		h.ask(asked...)
		b.StartTimer()
		h.destroy(orders...)
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "contacts/s")
}
