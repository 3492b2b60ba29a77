package subjects

import (
	"context"
	"database/sql"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"zgoda/control"
	"zgoda/event"
	"zgoda/pseudonym"
	realkeys "zgoda/pseudonym/keyholder" //nolint:depguard // this binary serves as one in a process of its own
)

// keyholderFolder makes this binary serve as a keyholder from that folder until
// its standard input ends, so that a benchmark's own CPU time is a gateway's.
const keyholderFolder = "ZGODA_TEST_KEYHOLDER"

func serveAsKeyholder(folder string) error {
	cfg := realkeys.DefaultConfig()
	cfg.Data, cfg.Socket = filepath.Join(folder, "data"), filepath.Join(folder, "s")
	server, err := realkeys.New(cfg, realkeys.Deps{})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	return server.Run(ctx)
}

// realKeyholder starts a keyholder in a process of its own and dials it.
func realKeyholder(b *testing.B) *pseudonym.Client {
	b.Helper()
	folder, err := os.MkdirTemp("", "kh") //nolint:usetesting // the path of a socket must be short
	if err != nil {
		b.Fatal(err)
	}
	cmd := exec.CommandContext(b.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), keyholderFolder+"="+folder)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	client, err := pseudonym.Dial(pseudonym.ClientConfig{Socket: filepath.Join(folder, "s")})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_, _, _ = client.Close(), stdin.Close(), cmd.Wait()
		_ = os.RemoveAll(folder)
	})
	ctx, cancel := context.WithTimeout(b.Context(), 10*time.Second)
	defer cancel()
	until(ctx, func() bool { return client.Ready(ctx) == nil })
	return client
}

// realSet is a set over a real keyholder and a store with so many links and as
// many choices of others in it.
func realSet(b *testing.B, rows int) *Set {
	b.Helper()
	path := filepath.Join(b.TempDir(), "control.db")
	store, err := control.Open(b.Context(), control.DefaultConfig(path))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = store.Close() })
	db, err := sql.Open("sqlite", path)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	for _, insert := range []string{
		`INSERT INTO link SELECT $1, randomblob(16), randomblob(16), n`,
		`INSERT INTO choice SELECT $1, randomblob(16), 'analytics', 1, 1, TRUE, FALSE, FALSE, n, FALSE, 0, 0, FALSE`,
	} {
		if _, err := db.ExecContext(b.Context(), `WITH RECURSIVE many(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM many WHERE n < $2) `+insert+` FROM many WHERE n <= $2`, string(site), rows); err != nil {
			b.Fatal(err)
		}
	}
	if _, err := db.ExecContext(b.Context(), `PRAGMA wal_checkpoint(TRUNCATE)`); err != nil {
		b.Fatal(err)
	}
	cfg := DefaultConfig()
	cfg.Entries = 1_000_000
	set, err := New(cfg, Deps{Resolver: realKeyholder(b), Store: store, Policies: policies})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = set.Close() })
	return set
}

// numbered is a visitor that no other number has.
func numbered(n uint64) Identity {
	id := Identity{Kind: event.KindVisitor}
	binary.LittleEndian.PutUint64(id.H1[:], n*0x9e3779b97f4a7c15)
	binary.LittleEndian.PutUint64(id.H1[8:], n*0xbf58476d1ce4e5b9)
	return id
}

// cpu is what this process has used.
func cpu(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkMissBatch loads people that nobody has asked for, so many at a time:
// the gateway's CPU time of each.
func BenchmarkMissBatch(b *testing.B) {
	for _, rows := range []int{0, 250_000} {
		b.Run(fmt.Sprint("rows=", rows), func(b *testing.B) { missBatches(b, realSet(b, rows)) })
	}
}

func missBatches(b *testing.B, set *Set) {
	b.Helper()
	next := uint64(0)
	for _, size := range []int{1, 16, 256, 2048} {
		b.Run(fmt.Sprint("batch=", size), func(b *testing.B) {
			ids, out := make([]Identity, size), make([]Entry, size)
			before, n := cpu(b), 0
			for b.Loop() {
				for i := range ids {
					next++
					ids[i] = numbered(next)
				}
				if err := set.Load(b.Context(), site, time.Now(), ids, out); err != nil {
					b.Fatal(err)
				}
				n += size
			}
			b.ReportMetric(float64((cpu(b)-before).Nanoseconds())/float64(n), "cpu-ns/id")
		})
	}
}

// BenchmarkMissRate loads people one by one at a steady rate, each in a goroutine
// of its own as requests are: the gateway's CPU time of each miss, and how long
// it took.
func BenchmarkMissRate(b *testing.B) {
	set := realSet(b, 250_000)
	next := uint64(1 << 40)
	for _, rate := range []int{200, 1000, 5000, 20000} {
		b.Run(fmt.Sprint(rate), func(b *testing.B) {
			work := make(chan uint64, 4096)
			var wg sync.WaitGroup
			var mu sync.Mutex
			var waited time.Duration
			for range 256 {
				wg.Go(func() {
					var sum time.Duration
					ids, out := make([]Identity, 1), make([]Entry, 1)
					for n := range work {
						ids[0] = numbered(n)
						began := time.Now()
						if err := set.Load(context.Background(), site, began, ids, out); err != nil {
							b.Error(err)
						}
						sum += time.Since(began)
					}
					mu.Lock()
					waited += sum
					mu.Unlock()
				})
			}
			before, n, began := cpu(b), 0, time.Now()
			for b.Loop() {
				next++
				n++
				if due := began.Add(time.Duration(n) * time.Second / time.Duration(rate)); time.Until(due) > 500*time.Microsecond {
					time.Sleep(time.Until(due))
				}
				work <- next
			}
			close(work)
			wg.Wait()
			b.ReportMetric(float64((cpu(b)-before).Nanoseconds())/float64(n), "cpu-ns/id")
			b.ReportMetric(float64(waited.Microseconds())/float64(n), "wait-us")
			b.ReportMetric(float64(n)/time.Since(began).Seconds(), "ids/s")
		})
	}
}
