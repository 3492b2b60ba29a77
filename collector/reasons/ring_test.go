package reasons

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"zgoda/consent"
	"zgoda/event"
)

var start = time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)

func ring(tb testing.TB, entries int) *Ring {
	tb.Helper()
	r, err := New(Config{Entries: entries, Horizon: 8 * time.Minute})
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

// note keeps an entry if the ring wants it, and says whether.
func note(r *Ring, site event.SiteID, id string, d *Decided) bool {
	key, ok := r.Wants(site, []byte(id), d.At)
	if ok {
		r.Note(key, d)
	}
	return ok
}

func decided(at time.Time) Decided {
	d := Decided{At: at, Fate: Narrowed, Scope: event.ScopePeriod, Revision: 4_000_000_000, Purposes: 3}
	d.Verdicts[0] = Verdict{consent.Allow, consent.SourceBasis}
	d.Verdicts[1] = Verdict{consent.Allow, consent.SourceLedger}
	d.Verdicts[2] = Verdict{consent.Deny, consent.Source(consent.SourceCount - 1)}
	d.Private[1] = true
	d.Public[2] = Verdict{consent.Deny, consent.SourceGPC}
	return d
}

func TestFindReturnsWhatWasNoted(t *testing.T) {
	r := ring(t, 64)
	want := decided(start)
	if !note(r, "shop", "m-1", &want) {
		t.Fatal("an empty ring does not want an entry")
	}
	got := r.Find("shop", []byte("m-1"))
	if diff := cmp.Diff(Answer{Found: []Decided{want}, Sampled: true, OneIn: 1, Since: start}, got); diff != "" {
		t.Error(diff)
	}
	for _, other := range [][2]string{{"shop", "m-2"}, {"shop2", "m-1"}, {"sho", "pm-1"}, {"shop", ""}} {
		if got := r.Find(event.SiteID(other[0]), []byte(other[1])); len(got.Found) != 0 {
			t.Errorf("%v was found", other)
		}
	}
}

// Every outcome and source of every purpose comes back as it was.
func TestCodes(t *testing.T) {
	for s := range consent.SourceCount {
		for _, o := range []consent.Outcome{consent.Deny, consent.Allow} {
			v := Verdict{o, consent.Source(s)}
			if got := verdictOf(v.code()); got != v || v.code() == codePrivate {
				t.Errorf("%v became %v", v, got)
			}
		}
	}
}

func TestNewestFirstAndBounded(t *testing.T) {
	r := ring(t, 64)
	for i := range 70 { // one level of the sample rises on the way: one id stays in or out
		d := decided(start.Add(time.Duration(i) * time.Second))
		key, _ := r.Wants("shop", []byte("again"), d.At)
		r.Note(key, &d)
	}
	a := r.Find("shop", []byte("again"))
	if len(a.Found) != maxFound || !a.Found[0].At.Equal(start.Add(69*time.Second)) || !a.Found[1].At.Equal(start.Add(68*time.Second)) {
		t.Errorf("%d found, the first of %v", len(a.Found), a.Found[0].At)
	}
	if !a.Since.Equal(start.Add(6 * time.Second)) {
		t.Errorf("the oldest is of %v", a.Since)
	}
}

// What was kept outlasts a flood about as long as the horizon, and the answer
// about anything else says whether it was in the sample.
func TestFloodIsSampled(t *testing.T) {
	const entries, perSecond = 1024, 1000
	r := ring(t, entries)
	now := start
	for i := range 16 * 60 * perSecond {
		now = start.Add(time.Duration(i) * time.Second / perSecond)
		if key, ok := r.Wants("shop", fmt.Appendf(nil, "m-%d", i), now); ok {
			d := decided(now)
			r.Note(key, &d)
		}
	}
	a := r.Find("shop", []byte("never"))
	if kept := now.Sub(a.Since); kept < 4*time.Minute || a.OneIn < 64 {
		t.Errorf("the oldest entry is %v old, one in %d is kept", kept, a.OneIn)
	}
	missed := 0
	back := min(3*60*perSecond, int(now.Sub(a.Since).Seconds())*perSecond)
	sampled := 0
	for range 20_000 {
		i := 16*60*perSecond - 1 - rand.IntN(back)
		a := r.Find("shop", fmt.Appendf(nil, "m-%d", i))
		if a.Sampled {
			sampled++
		}
		if a.Sampled && len(a.Found) != 1 {
			missed++
		}
	}
	if sampled == 0 {
		t.Error("nothing is of the sample")
	}
	if missed != 0 {
		t.Errorf("%d answers of 20000 about the last minutes were wrong", missed)
	}
	if len(r.entries) != entries || cap(r.entries) != entries {
		t.Errorf("%d entries, room for %d", len(r.entries), cap(r.entries))
	}
	for range 40 * turns { // and when it is quiet again, everything is kept again
		now = now.Add(time.Minute + time.Second)
		r.Wants("shop", []byte("quiet"), now)
	}
	if level := r.level.Load(); level != 0 {
		t.Errorf("level %d after the flood", level)
	}
}

func TestNothingIsKept(t *testing.T) {
	for name, r := range map[string]*Ring{"no ring": nil, "no entries": ring(t, 0)} {
		d := decided(start)
		if note(r, "shop", "m", &d) {
			t.Errorf("%s: wants an entry", name)
		}
		r.Note(Key{}, &d)
		if a := r.Find("shop", []byte("m")); len(a.Found) != 0 || a.Sampled {
			t.Errorf("%s: %+v", name, a)
		}
	}
	r := ring(t, 64)
	d := decided(start)
	if note(r, "shop", "", &d) {
		t.Error("an event without messageId is kept")
	}
}

func TestValidate(t *testing.T) {
	if err := DefaultConfig().Validate(); err != nil {
		t.Error(err)
	}
	for _, c := range []Config{{Entries: 63, Horizon: time.Hour}, {Entries: -1, Horizon: time.Hour}, {Entries: MaxEntries + 1, Horizon: time.Hour}, {Entries: 64}, {Entries: 64, Horizon: 25 * time.Hour}} {
		if _, err := New(c); err == nil {
			t.Errorf("%+v was accepted", c)
		}
	}
	if size := unsafe.Sizeof(entry{}); size > EntryBytes {
		t.Errorf("an entry takes %d bytes", size)
	}
}

// Two processes have unrelated keys.
func TestKeysAreOfTheProcess(t *testing.T) {
	a, b := ring(t, 64), ring(t, 64)
	first, again := a.key("shop", []byte("m")), a.key("shop", []byte("m"))
	if first == b.key("shop", []byte("m")) || first != again {
		t.Error("keys are not of the ring alone")
	}
}

func TestAllocations(t *testing.T) {
	r := ring(t, 64)
	id := []byte("3f2c9a7e-visitor-000000000000000000")
	d := decided(start)
	if n := testing.AllocsPerRun(1000, func() {
		key, _ := r.Wants("shop", id, d.At)
		r.Note(key, &d)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestConcurrentUse(t *testing.T) {
	r := ring(t, 256)
	reg := prometheus.NewPedanticRegistry()
	if err := r.Register(reg); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range 5000 {
				d := decided(start.Add(time.Duration(i) * time.Second))
				note(r, "shop", fmt.Sprint(g, i), &d)
				if a := r.Find("shop", fmt.Append(nil, g, i)); len(a.Found) > 1 {
					t.Errorf("%d found", len(a.Found))
				}
			}
		})
	}
	wg.Wait()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]float64{}
	for _, f := range families {
		m := f.GetMetric()[0]
		values[f.GetName()] = m.GetCounter().GetValue() + m.GetGauge().GetValue()
	}
	if values["zgoda_reasons_offered_total"] != 20000 || values["zgoda_reasons_kept_total"] == 0 || values["zgoda_reasons_entries_limit"] != 256 {
		t.Errorf("%v", values)
	}
}

func BenchmarkNote(b *testing.B) {
	r := ring(b, 16<<10)
	id := []byte("3f2c9a7e-visitor-000000000000000000")
	d := decided(start)
	b.ReportAllocs()
	for b.Loop() {
		key, _ := r.Wants("shop", id, d.At)
		r.Note(key, &d)
	}
}

func BenchmarkNotWanted(b *testing.B) {
	r := ring(b, 16<<10)
	id := []byte("3f2c9a7e-visitor-000000000000000000")
	r.level.Store(maxLevel)
	r.turnAt.Store(start.UnixNano())
	b.ReportAllocs()
	for b.Loop() {
		r.Wants("shop", id, start)
	}
}
