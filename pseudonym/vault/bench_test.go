package vault

import (
	"fmt"
	"testing"

	"zgoda/control/pgtest"
	"zgoda/pseudonym/keyring"
)

// BenchmarkMint mints one batch after the other, each durable, in a file and in a
// database whose commits wait for the disk.
func BenchmarkMint(b *testing.B) {
	server := pgtest.StartDurable(b)
	for _, size := range []int{1, 256, 4096} {
		for kind, cfg := range map[string]Config{"SQLite": {Path: vaultPath(b)}, "PostgreSQL": {Address: server.Database(b)}} {
			b.Run(fmt.Sprintf("%s/%d", kind, size), func(b *testing.B) {
				v, err := OpenUnder(b.Context(), cfg, newSlots())
				if err != nil {
					b.Fatal(err)
				}
				defer v.Close()
				next := 0
				for b.Loop() {
					batch := make([]keyring.Index, size)
					for i := range batch {
						batch[i] = largeIndex(fresh, 0)
						fresh++
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
}

// BenchmarkRewrap seals contacts again, 1,000 in a transaction.
func BenchmarkRewrap(b *testing.B) {
	slots := newSlots()
	v, err := OpenUnder(b.Context(), Config{Path: vaultPath(b)}, slots)
	if err != nil {
		b.Fatal(err)
	}
	defer v.Close()
	const contacts = 20_000
	batch := make([]keyring.Index, contacts)
	for i := range batch {
		batch[i] = largeIndex(i, 0)
	}
	if err := v.Mint(b.Context(), batch); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		slots.next()
		for from, done := ContactID(0), false; !done; {
			if from, done, err = v.Rewrap(b.Context(), from, 1000); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(contacts*b.N)/b.Elapsed().Seconds(), "contacts/s")
}
