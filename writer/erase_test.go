package writer

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"zgoda/event"
	"zgoda/record"
)

// of encodes a record that stands under a consent handle.
func of(who event.Handle, messageID, name string) []byte {
	r, err := record.Decode(encoded(messageID, name))
	if err != nil {
		panic(err)
	}
	r.Consent[1] = who
	return record.Append(nil, &r)
}

// withoutSeed is for a store that is away at the start.
func withoutSeed(dir string) Config {
	c := testConfig(dir)
	c.SeedWithin = time.Millisecond
	return c
}

var jana, peter = event.Handle{1, 2, 3}, event.Handle{3, 2, 1}

// erase erases and fails the test when that does not end.
func (p *process) erase(handles ...event.Handle) int {
	ctx, stop := context.WithTimeout(p.ctx, 20*time.Second)
	defer stop()
	n, err := p.writer.Erase(ctx, handles)
	if err != nil {
		p.t.Fatalf("erase: %v", err)
	}
	return n
}

// TestEraseWaiting: what waits of a person is gone from the spool and from ranges
// in flight while the store is away, their neighbours arrive, each record has one
// fate, and what comes later is another matter.
func TestEraseWaiting(t *testing.T) {
	for name, flying := range map[string]bool{"in the spool": false, "in flight": true} {
		t.Run(name, func(t *testing.T) {
			dir, st := t.TempDir(), newStore(nil)
			st.setAway(true)
			p := begin(t, dir, st, withoutSeed(dir), quiet)
			if flying {
				p.run()
			}
			for i := range 100 {
				p.accept(of(jana, fmt.Sprint("jana", i), ""), of(peter, fmt.Sprint("peter", i), ""))
			}
			if flying {
				eventually(t, "ranges are in flight", func() bool { return p.metric("ranges_in_flight") >= 3 && p.metric("retries_total") > 0 })
			}
			if n := p.erase(jana); n != 100 {
				t.Fatalf("erased %d", n)
			}
			if n := p.erase(jana, event.Handle{}); n != 0 {
				t.Fatalf("erased %d again", n)
			}
			p.accept(of(jana, "back", ""))
			if !flying {
				p.run()
			}
			st.setAway(false)
			if p.drain() {
				t.Fatal("died")
			}
			p.end()
			if p.fates.stored != 101 || p.fates.dropped != 100 || len(st.rows) != 101 || st.rows["shop|back"] != 1 {
				t.Fatalf("fates %+v, %d rows", &p.fates, len(st.rows))
			}
		})
	}
}

// TestEraseCountsWhatWaits: what is stored lies in the spool's newest file still. It is
// taken off the disk, and does not count as an event that never was stored.
func TestEraseCountsWhatWaits(t *testing.T) {
	dir, st := t.TempDir(), newStore(nil)
	p := begin(t, dir, st, withoutSeed(dir), quiet)
	p.run()
	for i := range 20 {
		p.accept(of(jana, fmt.Sprint("jana", i), ""), of(peter, fmt.Sprint("peter", i), ""))
	}
	eventually(t, "all is stored and released", func() bool { return p.spool.Stats().Records == 0 })
	resume, err := p.writer.Hold(p.ctx) // else it may find a record of hers before the erasure does
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		p.accept(of(jana, fmt.Sprint("later", i), ""), of(peter, fmt.Sprint("other", i), ""))
	}
	waited, err := p.writer.EraseWaiting(p.ctx, []event.Handle{jana})
	if err != nil || waited != 3 {
		t.Errorf("%d waited, %v", waited, err)
	}
	resume()
	if p.drain() {
		t.Fatal("died")
	}
	p.end()
	if p.fates.stored != 43 || p.fates.dropped != 3 {
		t.Errorf("fates %+v", &p.fates)
	}
}

// TestEraseThenDie: the erasure holds over a restart, for what was journalled too.
func TestEraseThenDie(t *testing.T) {
	dir, st := t.TempDir(), newStore(nil)
	st.setAway(true)
	p := begin(t, dir, st, withoutSeed(dir), quiet)
	p.run()
	for i := range 60 {
		p.accept(of(jana, fmt.Sprint("jana", i), ""), of(peter, fmt.Sprint("peter", i), ""))
	}
	eventually(t, "ranges are in flight", func() bool { return p.metric("ranges_in_flight") >= 3 })
	p.erase(jana)
	p.end()
	st.setAway(false)
	got, _ := life(t, dir, st, nil)
	if got.stored != 60 || got.dropped != 60 || len(st.rows) != 60 {
		t.Fatalf("fates %+v, %d rows", got, len(st.rows))
	}
}

// TestEraseLetsCopiesLive: the id of an erased row goes to a copy of somebody else.
func TestEraseLetsCopiesLive(t *testing.T) {
	dir, st := t.TempDir(), newStore(nil)
	st.setAway(true)
	p := begin(t, dir, st, withoutSeed(dir), quiet)
	p.run()
	p.accept(of(jana, "same", ""))
	eventually(t, "it is in flight", func() bool { return p.metric("ranges_in_flight") == 1 })
	p.accept(of(peter, "same", ""))
	eventually(t, "both are", func() bool { return p.metric("ranges_in_flight") == 2 })
	p.erase(jana)
	st.setAway(false)
	if p.drain() {
		t.Fatal("died")
	}
	p.end()
	if p.fates.stored != 1 || p.fates.dropped != 1 || st.rows["shop|same"] != 1 {
		t.Fatalf("fates %+v", &p.fates)
	}
}

// TestEraseQuarantined: what never could be stored is erased as well, and a row
// that is refused after the erasure does not come there.
func TestEraseQuarantined(t *testing.T) {
	dir, st := t.TempDir(), newStore(nil)
	p := begin(t, dir, st, testConfig(dir), quiet)
	p.run()
	p.accept(of(jana, "bad1", "poison"), of(peter, "bad2", "poison"), of(jana, "good", ""))
	if p.drain() {
		t.Fatal("died")
	}
	if n := p.erase(jana); n < 1 || n > 3 { // what was released may be on disk still
		t.Fatalf("erased %d", n)
	}
	p.end()
	kept := keptIn(t, dir)
	if len(kept) != 1 || p.fates.quarantine != 2 || p.fates.stored != 1 {
		t.Fatalf("%d kept, fates %+v", len(kept), &p.fates)
	}
	for _, r := range kept {
		if r.MessageID != "bad2" {
			t.Fatalf("kept %s", r.MessageID)
		}
	}
}

// TestEraseWaitsForInserts: it does not return while an insert is at work that may
// have the person's rows, and not after its context.
func TestEraseWaitsForInserts(t *testing.T) {
	dir, st := t.TempDir(), newStore(nil)
	p := begin(t, dir, st, testConfig(dir), quiet)
	p.writer.sending <- struct{}{} // an insert at work
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer stop()
	if _, err := p.writer.Erase(ctx, []event.Handle{jana}); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
	<-p.writer.sending
	p.erase(jana)
	p.end()
}
