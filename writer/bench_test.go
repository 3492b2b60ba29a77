package writer

import (
	"fmt"
	"math/rand/v2"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"

	"zgoda/engine/enginetest"
	"zgoda/event"
	"zgoda/record"
)

// typicalRows are events of one shop: many visitors, of whom some come often, and
// texts as long and as varied as those of real pages.
func typicalRows(random *rand.Rand, n int) []record.Record {
	visitors := rand.NewZipf(random, 1.1, 8, 1_000_000)
	now := time.Now().UTC().Truncate(time.Second)
	out := make([]record.Record, n)
	for i := range out {
		var who event.Handle
		copy(who[:], fmt.Sprintf("%016x", visitors.Uint64()*0x9e3779b97f4a7c15))
		product := random.IntN(2000)
		at := now.Add(time.Duration(random.IntN(1000)) * time.Millisecond)
		out[i] = record.Record{
			Site: "shop", Type: event.TypeTrack, Scope: event.ScopePerson, Name: []string{"Product Viewed", "Product Added", "Order Completed"}[product%3],
			MessageID: fmt.Sprintf("%08x-%04x-4%03x-a%03x-%012x", random.Uint32(), random.Uint32()&0xffff, random.Uint32()&0xfff, random.Uint32()&0xfff, random.Uint64()>>16),
			Time:      at.Add(-time.Duration(random.IntN(400)) * time.Millisecond), ReceivedAt: at, ExpiresAt: now.Add(400 * 24 * time.Hour),
			Subject: who, Visitor: who, PageHost: "www.shop.example", PagePath: fmt.Sprintf("/category-%d/products/:id", product%40),
			PageQuery: []string{"", "", "page=2", "sort=price"}[product%4], RefHost: []string{"", "search.example", "www.shop.example"}[product%3],
			Browser: []string{"Firefox", "Chrome", "Safari"}[i%3], OS: []string{"Linux", "Windows", "iOS"}[i%3], Device: "desktop",
			Country:    []string{"SK", "CZ", "AT", "DE"}[i%4],
			Properties: fmt.Sprintf(`{"currency":"EUR","price":%d.%02d,"sku":"SKU-%06d","quantity":%d}`, product, product%100, product*37, 1+product%5),
			Purposes:   6, DecidedBy: "cookie", PolicyVersion: 1, KeyVersion: 1, Consent: [3]event.Handle{who}, Sequence: 4,
		}
	}
	return out
}

func newRandom() *rand.Rand { return rand.New(rand.NewPCG(1, 2)) }

// cpu returns the seconds that a process has worked, and its resident memory.
func cpu(tb testing.TB, pid int) (seconds, megabytes float64) {
	tb.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		tb.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	fields := strings.Fields(rest)
	for _, i := range []int{11, 12} {
		ticks, _ := strconv.ParseFloat(fields[i], 64)
		seconds += ticks / 100
	}
	pages, _ := strconv.ParseFloat(fields[21], 64)
	return seconds, pages * 4096 / 1e6
}

// BenchmarkWriter ships what waits in the spool into a real engine, and says what
// that costs both processes, the engine's merges within ten seconds included.
func BenchmarkWriter(b *testing.B) {
	room := enginetest.StartRoom(b)
	store := openStore(b, room.Access, room.Access.Address)
	if err := store.Migrate(b.Context()); err != nil {
		b.Fatal(err)
	}
	const n = 1_000_000
	random := newRandom()
	var own, engine float64
	b.StopTimer()
	for range b.N {
		rows := typicalRows(random, n)
		rate := 0.0
		got := shippedBy(b, store, rows, func(run func()) {
			debug.FreeOSMemory()
			own0, ownBefore := cpu(b, os.Getpid())
			engine0, _ := cpu(b, room.PID())
			started := time.Now()
			b.StartTimer()
			run()
			b.StopTimer()
			rate = n / time.Since(started).Seconds()
			own1, ownMB := cpu(b, os.Getpid())
			at1, _ := cpu(b, room.PID())
			time.Sleep(10 * time.Second) // let it merge: this is a measurement
			engine1, engineMB := cpu(b, room.PID())
			own, engine = own+own1-own0, engine+engine1-engine0
			b.Logf("%.0f rows/s; us a row: own %.2f, engine %.2f and merging %.2f; MB: own %.0f before, %.0f after, engine %.0f", rate,
				1e6*(own1-own0)/n, 1e6*(at1-engine0)/n, 1e6*(engine1-at1)/n, ownBefore, ownMB, engineMB)
		})
		if got.stored != n {
			b.Fatalf("fates %+v", got)
		}
	}
	b.ReportMetric(1e6*own/n/float64(b.N), "own-us/row")
	b.ReportMetric(1e6*engine/n/float64(b.N), "engine-us/row")
	b.ReportMetric(n*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}
