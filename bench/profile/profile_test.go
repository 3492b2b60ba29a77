package profile

import (
	"bytes"
	"runtime/pprof"
	"strings"
	"testing"
	"time"
)

var samples = []Sample{
	{[]string{"internal/runtime/syscall/linux.Syscall6", "syscall.write", "net.(*conn).Write", "github.com/valyala/fasthttp.(*Server).serveConn"}, 5 * time.Second},
	{[]string{"runtime.mallocgc", "zgoda/collector/segment.Parse", "zgoda/collector.(*Collector).take", "zgoda/gateway.(*Gateway).handle", "github.com/valyala/fasthttp.(*Server).serveConn"}, 2 * time.Second},
	{[]string{"zgoda/collector.(*Collector).take", "zgoda/gateway.(*Gateway).handle"}, time.Second},
	{[]string{"runtime.scanobject", "runtime.gcBgMarkWorker"}, time.Second},
	{[]string{"github.com/ClickHouse/ch-go/proto.(*Buffer).PutInt", "zgoda/activity.(*Store).Insert"}, time.Second},
	{nil, time.Second},
}

func TestStages(t *testing.T) {
	want := map[string]Stage{
		"fasthttp":            {CPU: 5 * time.Second, Syscalls: 5 * time.Second},
		"collector/segment":   {CPU: 2 * time.Second, Runtime: 2 * time.Second},
		"collector":           {CPU: time.Second},
		"writer and activity": {CPU: time.Second},
		runtimeStage:          {CPU: 2 * time.Second, Runtime: time.Second},
	}
	got := Stages(samples)
	if got[0].Name != "fasthttp" {
		t.Errorf("the costliest is not first: %v", got)
	}
	var total time.Duration
	for _, s := range got {
		total += s.CPU
		name := s.Name
		s.Name = ""
		if want[name] != s {
			t.Errorf("%s: %+v, want %+v", name, s, want[name])
		}
		delete(want, name)
	}
	if total != 11*time.Second || len(want) > 0 {
		t.Errorf("the stages add up to %v, and these are missing: %v", total, want)
	}
}

func TestWatching(t *testing.T) {
	parts, all := Watching(append([]Sample{
		{[]string{"time.now", "time.Now", "zgoda/collector.(*lap).end", "zgoda/collector.(*Collector).promise"}, 3 * time.Second},
		{[]string{"sync/atomic.AddUint64", "github.com/prometheus/client_golang/prometheus.(*counter).Inc", "zgoda/collector.(*metrics).decision"}, 2 * time.Second},
		{[]string{"runtime.mallocgc", "github.com/prometheus/client_golang/prometheus.(*histogram).Write", "github.com/prometheus/client_golang/prometheus.(*Registry).Gather.func1"}, 5 * time.Second},
		{[]string{"github.com/prometheus/client_golang/prometheus.(*counter).Inc", "zgoda/notice.(*Sender).send"}, time.Second},
		{[]string{"time.now", "zgoda/gateway.(*Gateway).serve"}, 7 * time.Second}, // every request needs it
	}, samples...))
	want := map[string]time.Duration{"times of stages": 3 * time.Second, "decisions": 2 * time.Second, "scraping": 5 * time.Second, "other counters and histograms": time.Second}
	if all != 29*time.Second {
		t.Errorf("all of it is %v", all)
	}
	seen := map[string]bool{}
	for _, p := range parts {
		if p.CPU != want[p.Name] || seen[p.Name] {
			t.Errorf("%s: %v, want %v once", p.Name, p.CPU, want[p.Name])
		}
		seen[p.Name] = true
	}
	if len(parts) < 8 {
		t.Errorf("what took nothing is left out: %v", parts)
	}
}

// TestWatchingKeys: what perf prints of the keyholder is split as the gateway's profile is.
func TestWatchingKeys(t *testing.T) {
	const printed = `
	          47f0a0 sort.SearchFloat64s
	          8a11e0 zgoda/pseudonym/meter.(*Sizes).Observe
	          8b2fc0 zgoda/pseudonym/access.(*metrics).count
	          9b2fc0 zgoda/pseudonym/access.(*Policy).unary

	ffffffff81a2f0e0 entry_SYSCALL_64_after_hwframe ([kernel.kallsyms])
	          47f0a0 strconv.AppendFloat
	          8a11e0 zgoda/pseudonym/meter.(*Set).WriteOpenMetrics
	          6a11e0 net/http.(*conn).serve

	          8a11e0 zgoda/pseudonym/meter.(*Counter).Add
	          47f0a0 zgoda/pseudonym/keyholder.(*service).Resolve

	          47f0a0 google.golang.org/grpc.(*Server).handleStream
`
	samples := ReadPerf([]byte(printed), time.Second)
	parts, all := WatchingKeys(samples)
	want := map[string]time.Duration{"calls": time.Second, Scraping: time.Second, "other counters and histograms": time.Second}
	if all != 4*time.Second || len(parts) != len(want) {
		t.Errorf("%v of %v", parts, all)
	}
	for _, p := range parts {
		if p.CPU != want[p.Name] {
			t.Errorf("%s: %v", p.Name, p.CPU)
		}
	}
	if none := ReadPerf([]byte("\n\n"), time.Second); len(none) != 0 {
		t.Errorf("%v", none)
	}
}

func TestFunctionsCountRecursionOnce(t *testing.T) {
	got := Functions([]Sample{{[]string{"a", "b", "a", "c"}, time.Second}, {[]string{"b", "c"}, time.Second}})
	want := []Function{{"c", 0, 2 * time.Second}, {"b", time.Second, 2 * time.Second}, {"a", time.Second, time.Second}}
	for _, w := range want {
		found := false
		for _, g := range got {
			found = found || g == w
		}
		if !found {
			t.Errorf("%+v is missing in %+v", w, got)
		}
	}
	if got[2].Name != "a" {
		t.Errorf("the order is not by cum: %+v", got)
	}
}

// TestReadsWhatPprofWrites takes a profile of this process.
func TestReadsWhatPprofWrites(t *testing.T) {
	var content bytes.Buffer
	if err := pprof.StartCPUProfile(&content); err != nil {
		t.Fatal(err)
	}
	sum := 0
	for end := time.Now().Add(300 * time.Millisecond); time.Now().Before(end); {
		sum += busy(1 << 16)
	}
	pprof.StopCPUProfile()
	got, err := Read(content.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	var total time.Duration
	found := false
	for _, s := range got {
		total += s.CPU
		for _, f := range s.Stack {
			found = found || strings.HasSuffix(f, "profile.busy")
		}
	}
	if total <= 0 || !found || sum == 0 {
		t.Fatalf("%v in %d samples, the busy function among them: %t", total, len(got), found)
	}
	if text := StagesText(got, 1000); !strings.Contains(text, "us of CPU an event") || !strings.Contains(text, "100.0%") {
		t.Errorf("stages: %s", text)
	}
	if text := TopText(got, 1000, 2); strings.Count(text, "\n") != 4 || !strings.Contains(text, "tRunner") {
		t.Errorf("top 2: %s", text)
	}
}

//go:noinline
func busy(n int) (sum int) {
	for i := range n {
		sum ^= i * i
	}
	return sum | 1
}

func TestReadRefusesOtherThings(t *testing.T) {
	for name, content := range map[string][]byte{
		"no protocol buffer": []byte("not a profile at all"),
		"torn compression":   {0x1f, 0x8b, 8, 0},
		"sample of one value": {
			0x12, 0x02, 0x10, 0x01, // a sample with a single value
		},
	} {
		if _, err := Read(content); err == nil {
			t.Errorf("%s was read", name)
		}
	}
}
