package said

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"go.uber.org/goleak"

	"zgoda/event"
	"zgoda/later"
	"zgoda/pseudonym"
	"zgoda/record"
	"zgoda/spool"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func one(n byte) *Record {
	return &Record{Sequence: 7, Purposes: 4, Consent: [3]event.Handle{{1}, {2, n}, {}}, Site: "shop", Basis: "profiling", Blob: []byte{'b', n}}
}

func TestRoundTrip(t *testing.T) {
	want := one(1)
	b := Append([]byte("before"), want)[len("before"):]
	got, err := Read(b)
	clear(b[len(b)-2:])
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("%v, or it points into the record", err)
	}
}

func TestReadRefuses(t *testing.T) {
	good := Append(nil, one(1))
	for n := range len(good) {
		if _, err := Read(good[:n]); err == nil {
			t.Errorf("the first %d bytes were read", n)
		}
	}
	nobody, nothing := one(1), one(1)
	nobody.Consent[1], nothing.Purposes = event.Handle{}, 0
	for what, b := range map[string][]byte{
		"more": append(bytes.Clone(good), 0), "of nobody": Append(nil, nobody), "for nothing": Append(nil, nothing),
		"a long length": slices.Concat(good[:fixedSize], []byte{0x84, 0}, good[fixedSize+1:]),
	} {
		if _, err := Read(b); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: %v", what, err)
		}
	}
	good[0] = 2
	if _, err := Read(good); !errors.Is(err, ErrVersion) {
		t.Error(err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x"} {
		if got := fmt.Sprintf(verb, *one(1)); got != redacted {
			t.Errorf("%s: %s", verb, got)
		}
	}
}

// FuzzRead: whatever is read is written again as the same bytes.
func FuzzRead(f *testing.F) {
	f.Add(Append(nil, one(1)))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := Read(b)
		if err == nil && !bytes.Equal(Append(nil, r), b) {
			t.Fatal("what was accepted is written otherwise")
		}
	})
}

// vault is a keyholder and what is on record.
type vault struct {
	mu         sync.Mutex
	kept       []pseudonym.Said
	away       error
	reasons    map[event.Handle]event.Reason
	unreadable byte // blobs that end with it
}

func (v *vault) Keep(_ context.Context, said []pseudonym.Said) ([]bool, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.away != nil {
		return nil, v.away
	}
	out := make([]bool, len(said))
	for i := range said {
		if out[i] = said[i].Blob[1] == v.unreadable; !out[i] {
			v.kept = append(v.kept, said[i])
		}
	}
	return out, nil
}

func (v *vault) Recheck(_ context.Context, rows []record.Record, out []event.Reason) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	for i := range rows {
		if rows[i].Scope != event.ScopePerson || rows[i].Sequence != 7 || rows[i].Site != "shop" || rows[i].Purposes != 4 {
			return errors.New("asked about another record")
		}
		out[i] = v.reasons[rows[i].Consent[1]]
	}
	return nil
}

func (v *vault) be(away error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.away = away
}

func (v *vault) has() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.kept)
}

// kept is a quarantine.
type kept struct{ records [][]byte }

func (k *kept) Append(records [][]byte) error { k.records = append(k.records, records...); return nil }
func (k *kept) Size() (int64, error)          { return 0, nil }

// TestCarrier: what was said reaches the keyholder in its order, once that is there;
// what was withdrawn since does not, and what nobody can read is set aside.
func TestCarrier(t *testing.T) {
	dir := t.TempDir()
	cfg := later.QueueConfig(dir, later.MinLimit)
	key := bytes.Repeat([]byte{1}, 32)
	v := &vault{reasons: map[event.Handle]event.Reason{{2, 3}: event.ReasonWithdrawn, {2, 4}: event.ReasonErased}, unreadable: 5, away: errors.New("away")}
	aside := &kept{}
	run := func(within func(q *spool.Spool, c *Carrier)) {
		q, err := spool.Open(cfg, key)
		if err != nil {
			t.Fatal(err)
		}
		c, err := New(Config{Rows: 4, MaxKept: 1, RetryMin: time.Millisecond, RetryMax: 10 * time.Millisecond},
			Deps{Queue: q, Keyholder: v, Rechecker: v, Kept: aside, Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry()})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var all sync.WaitGroup
		all.Go(func() { _ = q.Run(ctx) })
		all.Go(func() { _ = c.Run(ctx) })
		within(q, c)
		cancel()
		all.Wait()
		if err := q.Close(); err != nil {
			t.Error(err)
		}
	}
	run(func(q *spool.Spool, _ *Carrier) {
		for n := range byte(9) {
			b := Append(nil, one(n))
			if n == 6 {
				b = []byte("no record")
			}
			ticket, err := q.Put(b)
			if err == nil {
				err = q.Wait(t.Context(), ticket)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	})
	if v.has() != 0 {
		t.Fatal("kept while the keyholder is away")
	}
	run(func(q *spool.Spool, c *Carrier) {
		v.be(nil)
		for deadline := time.Now().Add(10 * time.Second); q.Stats().Records > 0 || v.has() < 5; <-time.After(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%d wait, %d are kept", q.Stats().Records, v.has())
			}
		}
		m := c.metrics
		if a, b, d := count(t, m.handed), count(t, m.withdrawn), count(t, m.quarantined); a != 5 || b != 2 || d != 2 {
			t.Errorf("%v handed, %v withdrawn, %v quarantined", a, b, d)
		}
	})
	for i, n := range []byte{0, 1, 2, 7, 8} {
		if s := v.kept[i]; s.Contact != (event.Handle{2, n}) || s.Basis != "profiling" || s.Blob[1] != n {
			t.Errorf("%d: another contact's", i)
		}
	}
	if len(aside.records) != 2 {
		t.Errorf("%d are set aside", len(aside.records))
	}
}

func count(t *testing.T, c prometheus.Counter) float64 {
	t.Helper()
	var m dto.Metric
	if err := c.Write(&m); err != nil {
		t.Fatal(err)
	}
	return m.GetCounter().GetValue()
}

func TestNewRefuses(t *testing.T) {
	if _, err := New(Config{}, Deps{}); err == nil {
		t.Error("a carrier of nothing")
	}
	a, err1 := QueueKey(bytes.Repeat([]byte{1}, 32))
	b, err2 := QueueKey(bytes.Repeat([]byte{2}, 32))
	if errors.Join(err1, err2) != nil || bytes.Equal(a, b) || len(a) != 32 {
		t.Error("the queue's key does not come of the spool's")
	}
}
