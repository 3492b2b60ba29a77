package apptest

import (
	"net/http"
	"syscall"
	"testing"
	"time"
)

// drainWithin is how long a stop may take: ten seconds for handlers, ten for the
// writer, and what processes need to end.
const drainWithin = 25 * time.Second

// TestDrainUnderLoad: SIGTERM under load. No acknowledged event is lost, clients
// are told to close their connections, zgoda ends with 0 in its time, and the
// next start ships what stayed.
func TestDrainUnderLoad(t *testing.T) {
	e := startEngine(t)
	s := upWith(t, e)
	public := host(t, s.public)
	l := startLoad(t, public, mix{clients: 8, pause: time.Millisecond})
	p := stepping(s, l)
	p.more(t, 1000)
	p.done(t, "load runs")

	took := s.terminate(t)
	t.Logf("%6.1fs SIGTERM with ClickHouse there: ended after %v with %d; %s, told to close %d",
		time.Since(p.begun).Seconds(), took.Round(time.Millisecond), s.cmd.ProcessState.ExitCode(), l.told(), l.closed.Load())
	s.start(t, public)
	if left := s.metrics(t)["zgoda_events_recovered_total"]; left != 0 {
		t.Errorf("%v events were left in the spool though ClickHouse was there", left)
	}
	p.more(t, 1000)
	p.done(t, "started again")

	e.end(syscall.SIGKILL)
	p.more(t, 1000)
	took = s.terminate(t)
	t.Logf("%6.1fs SIGTERM with ClickHouse away: ended after %v with %d; %s, told to close %d",
		time.Since(p.begun).Seconds(), took.Round(time.Millisecond), s.cmd.ProcessState.ExitCode(), l.told(), l.closed.Load())
	e.start(t)
	s.start(t, public)
	left := s.metrics(t)["zgoda_events_recovered_total"]
	t.Logf("%v events were left in the spool", left)
	if left < 1000 {
		t.Errorf("%v events were left in the spool though ClickHouse was away", left)
	}
	p.becomes(t, http.StatusOK, "")
	p.more(t, 1000)
	l.stop()
	s.exactlyOnce(t, l, time.Minute)
	p.done(t, "everything is shipped")
	if l.closed.Load() == 0 {
		t.Error("no client was told to close its connection")
	}
}

// terminate sends SIGTERM, expects exit code 0 in time and says how long it took.
func (s *stack) terminate(t *testing.T) time.Duration {
	t.Helper()
	begun := time.Now()
	s.stop(t)
	took := time.Since(begun)
	if took > drainWithin {
		t.Errorf("the drain took %v", took)
	}
	return took
}
