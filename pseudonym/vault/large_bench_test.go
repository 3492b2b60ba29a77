package vault

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"zgoda/pseudonym/keyring"
)

// setting is a number from the environment, for measuring by hand.
func setting(name string, otherwise int) int {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil && n > 0 {
		return n
	}
	return otherwise
}

// largeIndex is an identifier of the large vault: contact n has two of them.
func largeIndex(n, which int) keyring.Index {
	return keyring.Index(sha256.Sum256(binary.BigEndian.AppendUint64(nil, uint64(n)*2+uint64(which))))
}

// BenchmarkLarge opens a vault of many contacts with two identifiers each, and
// tells how long that takes and how much memory the process has then; looks up and
// mints in it. The vault is made if it is not in the folder.
func BenchmarkLarge(b *testing.B) {
	n := setting("ZGODA_BENCH_CONTACTS", 20_000)
	folder := os.Getenv("ZGODA_BENCH_FOLDER")
	if folder == "" {
		folder = b.TempDir()
	}
	cfg := Config{Path: filepath.Join(folder, fmt.Sprintf("vault-%d", n), "vault.db")}
	slots := newSlots()
	if err := makeLarge(b.Context(), cfg, slots, n); err != nil {
		b.Fatal(err)
	}
	if os.Getenv("ZGODA_BENCH_MAKE") != "" {
		return
	}
	began := time.Now()
	v, err := OpenUnder(b.Context(), cfg, slots)
	if err != nil {
		b.Fatal(err)
	}
	opened := time.Since(began)
	outside, _ := v.Memory()
	b.Logf("%d contacts, %d identifiers: opened in %s, %s; outside the heap %d MiB", n, 2*n, opened.Round(time.Millisecond), resident(), outside>>20)
	b.Run("lookup", func(b *testing.B) { largeLookup(b, v, n) })
	for _, callers := range []int{1, 16} {
		b.Run(fmt.Sprintf("mint/callers=%d/batch=1", callers), func(b *testing.B) { largeMint(b, v, callers, 1) })
		b.Run(fmt.Sprintf("mint/callers=%d/batch=256", callers), func(b *testing.B) { largeMint(b, v, callers, 256) })
	}
	b.Logf("at the end: %s", resident())
	if err := v.Close(); err != nil {
		b.Fatal(err)
	}
}

// largeLookup looks random contacts up, and a tenth of them in vain.
func largeLookup(b *testing.B, v *Vault, n int) {
	b.Helper()
	const ahead = 1 << 20
	indexes := make([]keyring.Index, ahead)
	for i := range indexes {
		at := rand.IntN(n)
		if i%10 == 0 {
			at += n * 10
		}
		indexes[i] = largeIndex(at, i&1)
	}
	known, i := 0, 0
	for b.Loop() {
		if _, ok := v.Lookup(indexes[i&(ahead-1)]); ok {
			known++
		}
		i++
	}
	if b.N > 1000 && (known < b.N*8/10 || known > b.N*95/100) {
		b.Fatalf("%d of %d known", known, b.N)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "lookups/s")
}

var fresh = int(time.Now().UnixNano()) // whom the large vault's benchmarks mint next: nobody of an earlier run

// largeMint mints, durable, by several callers at once.
func largeMint(b *testing.B, v *Vault, callers, size int) {
	b.Helper()
	var next sync.Mutex
	took := make([]time.Duration, 0, b.N)
	b.ResetTimer()
	var work sync.WaitGroup
	left := b.N
	for range callers {
		work.Go(func() {
			for {
				next.Lock()
				if left == 0 {
					next.Unlock()
					return
				}
				left--
				at := fresh
				fresh += size
				next.Unlock()
				batch := make([]keyring.Index, size)
				for i := range batch {
					batch[i] = largeIndex(at+i, 0)
				}
				began := time.Now()
				if err := v.Mint(context.Background(), batch); err != nil {
					b.Error(err)
					return
				}
				next.Lock()
				took = append(took, time.Since(began))
				next.Unlock()
			}
		})
	}
	work.Wait()
	b.StopTimer()
	slices.Sort(took)
	b.ReportMetric(float64(b.N*size)/b.Elapsed().Seconds(), "mints/s")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
}

// makeLarge writes a vault as Mint and Link would have, in the order of its tables.
func makeLarge(ctx context.Context, cfg Config, slots Slots, n int) error {
	if _, err := os.Stat(cfg.Path); err == nil {
		return nil
	}
	making := cfg
	making.Path = filepath.Join(filepath.Dir(cfg.Path)+".new", "vault.db")
	v, err := OpenUnder(ctx, making, slots)
	if err != nil {
		return err
	}
	err = errors.Join(fillLarge(ctx, v, n), v.Close())
	if err != nil {
		return err
	}
	return os.Rename(filepath.Dir(making.Path), filepath.Dir(cfg.Path))
}

func fillLarge(ctx context.Context, v *Vault, n int) error {
	for _, pragma := range []string{"synchronous = OFF", "journal_mode = OFF", "cache_size = -500000", "foreign_keys = OFF"} {
		if _, err := v.db.ExecContext(ctx, "PRAGMA "+pragma); err != nil {
			return err
		}
	}
	tx, err := v.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // it does nothing after Commit
	if err := errors.Join(largeContacts(ctx, v, tx, n), largeIdentifiers(ctx, tx, n)); err != nil {
		return err
	}
	return tx.Commit()
}

func largeContacts(ctx context.Context, v *Vault, tx *sql.Tx, n int) error {
	for from := 0; from < n; from += 10_000 {
		rows := make([]row, min(10_000, n-from))
		for i := range rows {
			r, err := v.sealContact(ContactID(from+i+1), keyring.Salt(largeIndex(from+i, 0)), nil)
			if err != nil {
				return err
			}
			rows[i] = r
		}
		if err := v.db.contacts(ctx, tx, rows); err != nil {
			return err
		}
	}
	return nil
}

func largeIdentifiers(ctx context.Context, tx *sql.Tx, n int) error {
	rows := make([]identifier, 2*n)
	for i := range rows {
		rows[i] = identifier{largeIndex(i/2, i&1), ContactID(i/2 + 1), Made{Link: 1}}
	}
	return (sqlite{""}).identifiers(ctx, tx, rows)
}

// resident is what the system says of this process, after a collection.
func resident() string {
	runtime.GC()
	status, _ := os.ReadFile("/proc/self/status")
	var out []string
	for line := range strings.Lines(string(status)) {
		if strings.HasPrefix(line, "VmRSS") || strings.HasPrefix(line, "VmHWM") {
			out = append(out, strings.Join(strings.Fields(line), " "))
		}
	}
	return strings.Join(out, ", ")
}
