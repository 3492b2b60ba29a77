package collector

import (
	"testing"

	"zgoda/event"
	"zgoda/spool"
)

// brokenLog is a spool that has a fault: it panics at its second record.
type brokenLog struct {
	*logFake
	puts int
}

func (l *brokenLog) Put(rec []byte) (spool.Ticket, error) {
	if l.puts++; l.puts == 2 {
		panic("a fault")
	}
	return l.logFake.Put(rec)
}

// TestI5AFaultRefuses: a panic amid a request leaves no event without a fate. What was
// put before it is the writer's to count, the others are refused.
func TestI5AFaultRefuses(t *testing.T) {
	s := newStage(t)
	deps := s.deps
	deps.Spool, deps.Registerer = &brokenLog{logFake: s.log}, nil
	c, err := New(DefaultConfig(), deps)
	if err != nil {
		t.Fatal(err)
	}
	func() {
		defer func() {
			if recover() == nil {
				t.Fatal("nothing failed")
			}
		}()
		var a Answer
		c.Collect(t.Context(), server(RouteBatch, `{"batch":[{"type":"track","event":"A","anonymousId":"a"},{"type":"nonsense"},{"type":"track","event":"B","anonymousId":"b"},{"type":"track","event":"C","anonymousId":"c"}]}`), &a)
	}()
	s.balance(t)
	if n := s.fates.refused[event.ReasonInternal]; n != 2 || len(s.log.records) != 1 {
		t.Errorf("%d refused for the fault, %d put", n, len(s.log.records))
	}
	var a Answer
	c.Collect(t.Context(), server(RouteTrack, `{"type":"track","event":"D","anonymousId":"d"}`), &a)
	s.balance(t)
	if a.Accepted != 1 {
		t.Errorf("after the fault: %+v", a)
	}
}
