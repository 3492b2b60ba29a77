package collector

import (
	"context"
	"testing"
	"time"

	"zgoda/event"
	"zgoda/pseudonym"
	"zgoda/spool"
	"zgoda/subjects"
)

// The parts of the hot path that cost nothing themselves: everything is known.
type (
	knownPeople struct{ entry subjects.Entry }
	nullLog     struct{}
	nullFates   struct{}
	nullBlinder struct{}
)

func (k knownPeople) Load(_ context.Context, _ event.SiteID, _ time.Time, ids []subjects.Identity, out []subjects.Entry) error {
	for i := range ids {
		out[i] = k.entry
	}
	return nil
}
func (knownPeople) AsOf() event.Sequence                              { return 0 }
func (knownPeople) Accept(_ []subjects.Entry, put func() error) error { return put() }
func (knownPeople) Link(context.Context, event.SiteID, time.Time, []subjects.Identity, *subjects.Identity) (subjects.LinkResult, error) {
	return subjects.LinkResult{}, nil
}
func (nullLog) Put([]byte) (spool.Ticket, error)         { return spool.Ticket{}, nil }
func (nullLog) Wait(context.Context, spool.Ticket) error { return nil }
func (nullLog) Flush(context.Context) error              { return nil }
func (nullFates) Receive(int)                            {}
func (nullFates) Hold(int)                               {}
func (nullFates) Refuse(event.Reason, int)               {}
func (nullFates) Drop(event.Reason, int)                 {}
func (nullBlinder) BlindBoth(event.SiteID, event.IdentifierKind, []byte) (pseudonym.Both, error) {
	return pseudonym.Both{H1: event.Blinded{1}}, nil
}

func (nullBlinder) BlindOther(event.SiteID, string, []byte) event.Blinded { return event.Blinded{2} }

const hotBody = `{"type":"track","event":"Order Completed","anonymousId":"3f2c9a7e-visitor","messageId":"m-3f2c9a7e","timestamp":"2026-11-21T09:29:59.000Z","sentAt":"2026-11-21T09:30:00.000Z",
	"context":{"page":{"url":"https://shop.example/shoes/trail-42?utm_source=news","referrer":"https://shop.example/"},"locale":"pl"},"properties":{"sku":"A-1","price":1299.5,"currency":"EUR"}}`

func hotPath(tb testing.TB) (*Collector, *Request) {
	tb.Helper()
	s := newStage(tb)
	entry := s.grant(event.KindVisitor, "hot", 1, 2)
	entry.Record().Sequence = 7
	deps := s.deps
	deps.Blinder, deps.Subjects, deps.Spool, deps.Fates, deps.Registerer = nullBlinder{}, knownPeople{*entry}, nullLog{}, nullFates{}, nil
	c, err := New(DefaultConfig(), deps)
	if err != nil {
		tb.Fatal(err)
	}
	return c, browser(RouteTrack, hotBody)
}

// hotAllocs is what one track costs when everything about it is known: nothing.
const hotAllocs = 0

func TestHotPathAllocs(t *testing.T) {
	c, r := hotPath(t)
	var a Answer
	run := func() {
		a.Reset()
		c.Collect(t.Context(), r, &a)
		a.Written()
	}
	run()
	if a.Status != 200 || a.Accepted != 1 || string(a.Decision) == "" {
		t.Fatalf("%+v", a)
	}
	if n := testing.AllocsPerRun(500, run); n > hotAllocs && !raceEnabled {
		t.Errorf("%v allocations, at most %d", n, hotAllocs)
	} else {
		t.Logf("%v allocations", n)
	}
}

// TestTimingAllocs: a native histogram makes a bucket when a time comes that none is
// for, once in its life. With all of them there, timing costs nothing; the average
// over requests would not show what one in 64 does.
func TestTimingAllocs(t *testing.T) {
	watch, _ := newStopwatch()
	for s := 1e-6; s < 30; s *= 1.02 {
		for _, of := range watch.seconds {
			of.Observe(s)
		}
	}
	var turn uint32
	if n := testing.AllocsPerRun(10, func() {
		for i := range 10_000 {
			l := watch.start(time.Now().Add(-time.Duration(i%1000)*50*time.Microsecond), &turn)
			for p := range phaseCount {
				l.end(p)
			}
		}
	}); n != 0 {
		t.Errorf("%v allocations in 10,000 requests", n)
	}
}

func BenchmarkCollectTrack(b *testing.B) {
	c, r := hotPath(b)
	var a Answer
	b.ReportAllocs()
	for b.Loop() {
		a.Reset()
		c.Collect(b.Context(), r, &a)
		a.Written()
	}
}
