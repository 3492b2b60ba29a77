package vault

import (
	"fmt"
	"testing"

	"zgoda/pseudonym/keyring"
)

func BenchmarkMint(b *testing.B) {
	for _, size := range []int{1, 256, 4096} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			v := open(b, vaultPath(b))
			next := 0
			for b.Loop() {
				batch := make([]keyring.Index, size)
				for i := range batch {
					batch[i] = index(next)
					next++
				}
				if err := v.Mint(b.Context(), batch); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(next)/b.Elapsed().Seconds(), "mints/s")
		})
	}
}

func BenchmarkLookup(b *testing.B) {
	v := open(b, vaultPath(b))
	mint(b, v, index(1))
	for b.Loop() {
		if _, known := v.Lookup(index(1)); !known {
			b.Fatal("unknown")
		}
	}
}
