package subjects

import (
	"context"
	"database/sql"
	"encoding/binary"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"

	"zgoda/control"
	"zgoda/control/ledger"
	"zgoda/control/pgtest"
	"zgoda/event"
	"zgoda/pseudonym"
)

// contactsVariable says how many contacts the store of a benchmark has.
const contactsVariable = "ZGODA_BENCH_CONTACTS"

func contacts(b *testing.B) int {
	b.Helper()
	text := os.Getenv(contactsVariable)
	if text == "" {
		return 20_000
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		b.Fatal(err)
	}
	return n
}

// place is the handle of a contact by its number, as fill has it in the database.
func place(n int) (h event.Handle) {
	binary.BigEndian.PutUint64(h[:], uint64(n)<<32)
	return h
}

// numberedKeyholder knows contacts by the number in their identifier.
type numberedKeyholder struct{ nobody }

func (numberedKeyholder) Resolve(_ context.Context, queries []pseudonym.Query) ([]event.Handles, error) {
	out := make([]event.Handles, len(queries))
	for i := range queries {
		h := place(int(binary.LittleEndian.Uint64(queries[i].H1[8:])))
		out[i] = event.Handles{Consent: h, Profiling: h, Analytics: h, Period: queries[i].Period, Version: 1}
	}
	return out, nil
}

func contactNumbered(n int) Identity {
	id := Identity{Kind: event.KindUserID, Mint: true}
	binary.LittleEndian.PutUint64(id.H1[:], uint64(n)*0x9e3779b97f4a7c15)
	binary.LittleEndian.PutUint64(id.H1[8:], uint64(n))
	return id
}

// fill puts contacts straight into the database of a store: a choice of each, a
// switch of every tenth, a visitor of every second.
func fill(b *testing.B, driver, dsn string, n int) {
	b.Helper()
	db, err := sql.Open(driver, dsn)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	handle := `CAST(unhex(printf('%08x%024d', n, 0)) AS BLOB)`
	visitor := `CAST(unhex(printf('%08x%024d', n, 1)) AS BLOB)`
	numbers := `WITH RECURSIVE all_of(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM all_of WHERE n < $2) `
	from := ` FROM all_of WHERE n <= $2`
	if driver == "pgx" {
		handle, visitor = `decode(lpad(to_hex(n), 8, '0') || repeat('0', 24), 'hex')`, `decode(lpad(to_hex(n), 8, '0') || repeat('0', 23) || '1', 'hex')`
		numbers, from = "", ` FROM generate_series(1, $2::bigint) AS n WHERE n <= $2::bigint`
	}
	for _, q := range []string{
		numbers + `INSERT INTO choice (site, handle, purpose, choice, version, dialogue, gpc, dnt, guardian, given_micros, until_micros, sequence)
			SELECT $1, ` + handle + `, 'analytics', 1 + n % 2, 2, TRUE, FALSE, FALSE, FALSE, 1700000000000000, 0, n` + from,
		numbers + `INSERT INTO subject (site, handle, standing, profiling_off, opted_out, country, minor_day, sequence)
			SELECT $1, ` + handle + `, 0, TRUE, FALSE, 'SK', 0, n` + from + ` AND n % 10 = 0`,
		numbers + `INSERT INTO link (site, contact, visitor, sequence) SELECT $1, ` + handle + `, ` + visitor + `, n` + from + ` AND n % 2 = 0`,
	} {
		if _, err := db.ExecContext(b.Context(), q, string(site), n); err != nil {
			b.Fatal(err)
		}
	}
	if driver == "sqlite" {
		_, err = db.ExecContext(b.Context(), `PRAGMA wal_checkpoint(TRUNCATE)`)
	} else {
		_, err = db.ExecContext(b.Context(), `CHECKPOINT`)
	}
	if err != nil {
		b.Fatal(err)
	}
}

// scaleStore is a store with that many contacts in it.
func scaleStore(b *testing.B, database string, n int) *control.Store {
	b.Helper()
	cfg := control.DefaultConfig(filepath.Join(b.TempDir(), "control.db"))
	if database == "postgres" {
		cfg.Address = pgtest.StartDurable(b).Database(b)
	}
	store, err := control.Open(b.Context(), cfg)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = store.Close() })
	if store.Shared() {
		fill(b, "pgx", cfg.Address, n)
	} else {
		fill(b, "sqlite", cfg.Path, n)
	}
	return store
}

// BenchmarkScale loads contacts that are not in memory, 256 at a time, from a
// store with many (ZGODA_BENCH_CONTACTS), into a set that keeps a hundredth of
// them at most; and withdraws consents of some.
func BenchmarkScale(b *testing.B) {
	n := contacts(b)
	for _, database := range []string{"sqlite", "postgres"} {
		b.Run(database, func(b *testing.B) {
			store := scaleStore(b, database, n)
			b.Run("miss", func(b *testing.B) { scaleMisses(b, store, n) })
			b.Run("withdrawal", func(b *testing.B) { scaleWithdrawals(b, store, n) })
		})
	}
}

func scaleSet(b *testing.B, store *control.Store, n int) *Set {
	b.Helper()
	cfg := DefaultConfig()
	cfg.Entries = max(1024, int64(n/100))
	set, err := New(cfg, Deps{Resolver: numberedKeyholder{}, Store: store, Policies: policies})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = set.Close() })
	return set
}

func scaleMisses(b *testing.B, store *control.Store, n int) {
	b.Helper()
	set := scaleSet(b, store, n)
	ids, out := make([]Identity, 256), make([]Entry, 256)
	at, loaded := 0, 0
	for b.Loop() {
		for i := range ids {
			at = (at + n/2 + 7919) % n
			ids[i] = contactNumbered(at + 1)
		}
		if err := set.Load(b.Context(), site, time.Now(), ids, out); err != nil {
			b.Fatal(err)
		}
		loaded += len(ids)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(loaded), "ns/contact")
	b.ReportMetric(float64(set.Len()), "kept")
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	b.ReportMetric(float64(m.HeapAlloc)/(1<<20), "heap-MiB")
	if out[0].Record().Purposes[bitAnalytics].Choice == 0 {
		b.Error("a contact of the store is not known")
	}
	if set.Len() > set.cfg.Entries {
		b.Errorf("%d kept of %d", set.Len(), set.cfg.Entries)
	}
}

// scaleWithdrawals measures from a withdrawal being asked for to its being
// enforced here, one after the other.
func scaleWithdrawals(b *testing.B, store *control.Store, n int) {
	b.Helper()
	set := scaleSet(b, store, n)
	var took []time.Duration
	at := 0
	for b.Loop() {
		at = (at + n/2 + 7919) % n
		began := time.Now()
		if _, err := set.SetConsent(context.Background(), site, place(at+1), "analytics", false, "ana", ledger.ChannelAPI, ""); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "median-us")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-us")
}
