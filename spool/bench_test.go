package spool

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// BenchmarkDurable compares, for writers who each wait for their record before
// they send the next, the spool with one that never lets a group gather and with
// the least that can be done for a record: append to a file under the same kind
// of group commit. Work is the processor's time that a writer spends between two
// records, as a request would.
func BenchmarkDurable(b *testing.B) {
	for _, work := range []time.Duration{0, 25 * time.Microsecond} {
		for _, writers := range []int{1, 2, 16, 64, 256, 1024} {
			for _, kind := range []string{"spool", "nowait", "bare"} {
				b.Run(fmt.Sprintf("work=%v/writers=%d/%s", work, writers, kind), func(b *testing.B) {
					durable, end := opened(b, kind)
					closedLoop(b, writers, work, durable)
					end(b)
				})
			}
		}
	}
}

// BenchmarkArrivals is the same for records that arrive at a rate whatever
// becomes of those before.
func BenchmarkArrivals(b *testing.B) {
	for _, rate := range []int{500, 2000, 5000, 10000, 20000} {
		for _, kind := range []string{"spool", "nowait", "bare"} {
			b.Run(fmt.Sprintf("rate=%d/%s", rate, kind), func(b *testing.B) {
				durable, end := opened(b, kind)
				openLoop(b, rate, durable)
				end(b)
			})
		}
	}
}

// opened returns what makes a record durable, and what ends it and reports.
func opened(b *testing.B, kind string) (durable func(rec []byte) error, end func(*testing.B)) {
	b.Helper()
	if kind == "bare" {
		bare := newBareLog(b)
		return bare.append, func(*testing.B) { bare.close() }
	}
	cfg := DefaultConfig()
	cfg.Dir = b.TempDir()
	if kind == "nowait" {
		cfg.MaxWait = 0
	}
	s := start(b, cfg, disk{})
	durable = func(rec []byte) error {
		ticket, err := s.Put(rec)
		if err != nil {
			return err
		}
		return s.Wait(b.Context(), ticket)
	}
	return durable, func(b *testing.B) {
		b.Helper()
		b.ReportMetric(gathered(b, s.metrics.size), "records/group")
		s.stop()
	}
}

func closedLoop(b *testing.B, writers int, work time.Duration, durable func([]byte) error) {
	b.Helper()
	var left atomic.Int64
	left.Store(int64(b.N))
	took := make([][]time.Duration, writers)
	rounds := spins(work)
	m := measure(b)
	var wg sync.WaitGroup
	for w := range writers {
		took[w] = make([]time.Duration, 0, 64)
		wg.Go(func() {
			rec := make([]byte, 300)
			for left.Add(-1) >= 0 {
				spin(rounds)
				began := time.Now()
				if err := durable(rec); err != nil {
					b.Error(err)
					return
				}
				took[w] = append(took[w], time.Since(began))
			}
		})
	}
	wg.Wait()
	m.report(b, slices.Concat(took...))
}

func openLoop(b *testing.B, rate int, durable func([]byte) error) {
	b.Helper()
	took := make([]time.Duration, b.N)
	m := measure(b)
	var wg sync.WaitGroup
	began := time.Now()
	for i := range b.N {
		due := began.Add(time.Duration(i) * time.Second / time.Duration(rate))
		time.Sleep(time.Until(due))
		wg.Go(func() {
			if err := durable(make([]byte, 300)); err != nil {
				b.Error(err)
			}
			took[i] = time.Since(due)
		})
	}
	wg.Wait()
	m.report(b, took)
}

// measurement is the processor's time since its beginning.
type measurement struct{ cpu time.Duration }

func measure(b *testing.B) measurement {
	b.Helper()
	b.ResetTimer()
	return measurement{processor(b)}
}

func (m measurement) report(b *testing.B, took []time.Duration) {
	b.Helper()
	b.StopTimer()
	slices.Sort(took)
	b.ReportMetric((processor(b)-m.cpu).Seconds()/float64(b.N)*1e6, "cpu-s/Mrec")
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "rec/s")
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-us")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-us")
}

// processor returns the time that the process has spent, the kernel's included.
func processor(b *testing.B) time.Duration {
	b.Helper()
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// spins returns how many rounds of spin take that long.
func spins(work time.Duration) int {
	const probe = 20000
	began := time.Now()
	spin(probe)
	return int(work * probe / max(1, time.Since(began)))
}

func spin(rounds int) {
	var sum [32]byte
	for range rounds {
		sum = sha256.Sum256(sum[:])
	}
}

// bareLog is a group-committed append without seal, checksum or reader.
type bareLog struct {
	mu    sync.Mutex
	buf   []byte
	group *bareGroup
	wake  chan struct{}
	ended chan struct{}
	file  diskFile
}

type bareGroup struct {
	done chan struct{}
	err  error
}

func newBareLog(b *testing.B) *bareLog {
	b.Helper()
	f, err := os.Create(filepath.Join(b.TempDir(), "bare"))
	if err != nil {
		b.Fatal(err)
	}
	l := &bareLog{
		file: diskFile{f}, wake: make(chan struct{}, 1), ended: make(chan struct{}),
		group: &bareGroup{done: make(chan struct{})},
	}
	go l.run()
	return l
}

func (l *bareLog) append(rec []byte) error {
	l.mu.Lock()
	l.buf = append(l.buf, rec...)
	g := l.group
	l.mu.Unlock()
	notify(l.wake)
	<-g.done
	return g.err
}

func (l *bareLog) run() {
	defer close(l.ended)
	var spare []byte
	for range l.wake {
		l.mu.Lock()
		buf, g := l.buf, l.group
		l.buf, l.group = spare[:0], &bareGroup{done: make(chan struct{})}
		l.mu.Unlock()
		if len(buf) > 0 {
			if _, g.err = l.file.Write(buf); g.err == nil {
				g.err = l.file.Sync()
			}
		}
		spare = buf
		close(g.done)
	}
}

func (l *bareLog) close() {
	close(l.wake)
	<-l.ended
	_ = l.file.Close()
}
