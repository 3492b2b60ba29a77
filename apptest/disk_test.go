package apptest

import (
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"zgoda/apptest/disk"
)

// TestDiskFull: the disk under the spool has no space left, under load. No 2xx
// is given for what is not on disk, readiness and metrics say so, and once there
// is space everything goes on without a restart.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	onEachDisk(t, disk.Disk.Fill)
}

// TestDiskReadOnly: as TestDiskFull, with a disk that refuses every change.
func TestDiskReadOnly(t *testing.T) {
	t.Parallel()
	onEachDisk(t, disk.Disk.Forbid)
}

func onEachDisk(t *testing.T, spoil func(disk.Disk, testing.TB)) {
	t.Helper()
	for _, kind := range disk.Kinds(t) {
		t.Run(kind.Name, func(t *testing.T) {
			s := &stack{data: filepath.Join(t.TempDir(), "data"), log: &logFile{}, args: spoolLimit(t, "256MiB")}
			s.disk = kind.New(t, filepath.Join(s.data, "spool"))
			s.run(t)
			diskFails(t, s, spoil)
		})
	}
}

// spoolLimit is how zgoda up is told the spool's limit.
func spoolLimit(t *testing.T, limit string) []string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "zgoda.yaml")
	if err := os.WriteFile(path, []byte("spool_limit: "+limit+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return []string{"--config", path}
}

// diskFails takes the disk away twice under load and gives it back.
func diskFails(t *testing.T, s *stack, spoil func(disk.Disk, testing.TB)) {
	t.Helper()
	gateway := s.cmd.Process.Pid
	l := startLoad(t, host(t, s.public), mix{clients: 8, pad: 2000})
	p := stepping(s, l)
	p.more(t, 500)
	p.becomes(t, http.StatusOK, "")
	p.done(t, "load runs on a sound disk")
	for range 2 {
		before := s.metrics(t)
		spoil(s.disk, t)
		p.becomes(t, http.StatusServiceUnavailable, "disk")
		p.refused(t, 50)
		p.done(t, "the disk fails")
		after := s.metrics(t)
		for _, name := range []string{"zgoda_spool_failures_total", `zgoda_events_refused_total{reason="spool_failed"}`} {
			if after[name] <= before[name] {
				t.Errorf("%s does not tell: %v before, %v after", name, before[name], after[name])
			}
		}
		s.disk.Mend(t)
		p.becomes(t, http.StatusOK, "")
		p.more(t, 500)
		p.done(t, "the disk is sound again")
	}
	l.stop()
	s.exactlyOnce(t, l, time.Minute)
	p.done(t, "everything is shipped")
	if s.cmd.Process.Pid != gateway {
		t.Error("the gateway was restarted")
	}
}

// TestSpoolFillsItsDisk: with ClickHouse away, the spool takes the space of its
// disk before it is at its limit, to the last block. Once ClickHouse is back,
// what is shipped makes room, and nobody has to help. It needs a disk of its own.
func TestSpoolFillsItsDisk(t *testing.T) {
	t.Parallel()
	for _, kind := range disk.Kinds(t) {
		if !kind.Real {
			continue
		}
		e := startEngine(t)
		s := &stack{data: filepath.Join(t.TempDir(), "data"), log: &logFile{}, args: []string{"--clickhouse", e.dsn()}}
		s.disk = kind.New(t, filepath.Join(s.data, "spool"))
		s.run(t)
		l := startLoad(t, host(t, s.public), mix{clients: 8, pad: 6000})
		p := stepping(s, l)
		p.more(t, 500)
		e.end(syscall.SIGKILL)
		p.done(t, "ClickHouse is away, the spool grows")
		eventually(t, time.Minute, "a full disk", func() bool { return l.busy.Load() > 50 })
		s.disk.(*disk.Loop).TopUp(t)
		p.done(t, "the disk is full, mostly of the spool")
		e.start(t)
		p.becomes(t, http.StatusOK, "")
		p.more(t, 500)
		p.done(t, "ClickHouse is back")
		l.stop()
		s.exactlyOnce(t, l, time.Minute)
		p.done(t, "everything is shipped")
	}
}

// memoryLimit is what the gateway may hold in its memory whatever its disk does.
const memoryLimit = 600 << 20 // bytes

// TestDiskSlow: each wait for the disk takes a third of a second, and then the
// disk hangs. Answers are late or 503, nothing is promised that is not on disk,
// memory stays bounded, and everything goes on without a restart.
func TestDiskSlow(t *testing.T) {
	const wait = 300 * time.Millisecond
	d := disk.NewCalls(t)
	s := &stack{data: filepath.Join(t.TempDir(), "data"), log: &logFile{}, disk: d}
	s.run(t)
	l := startLoad(t, host(t, s.public), mix{clients: 64, pad: 200, patience: 2 * time.Second})
	p := stepping(s, l)
	p.more(t, 500)
	p.done(t, "load runs on a sound disk")

	before := s.metrics(t)
	d.Slow(wait)
	p.more(t, 1) // the last quick one
	l.worst.Store(0)
	p.more(t, 1000)
	p.done(t, "each wait for the disk takes "+wait.String())
	after := s.metrics(t)
	if commits := after["zgoda_spool_commit_seconds_count"] - before["zgoda_spool_commit_seconds_count"]; commits < 1 {
		t.Error("no commit was counted")
	}
	t.Logf("slowest answer %v", time.Duration(l.worst.Load()))
	if time.Duration(l.worst.Load()) < wait {
		t.Errorf("the slowest 2xx took %v though the disk takes %v", time.Duration(l.worst.Load()), wait)
	}

	d.Hang()
	eventually(t, time.Minute, "clients that give up waiting", func() bool { return l.silent.Load() >= 128 })
	hung := l.acked.Load()
	if waited := s.metrics(t)["zgoda_spool_disk_wait_seconds"]; waited < 1 {
		t.Errorf("zgoda_spool_disk_wait_seconds tells %v", waited)
	}
	eventually(t, time.Minute, "more clients that give up waiting", func() bool { return l.silent.Load() >= 192 })
	if now := l.acked.Load(); now != hung {
		t.Errorf("%d events were answered 2xx while no data could reach the disk", now-hung)
	}
	p.becomes(t, http.StatusServiceUnavailable, "does not answer")
	p.done(t, "the disk hangs")
	if held := s.metrics(t)["process_resident_memory_bytes"]; held > memoryLimit {
		t.Errorf("the gateway holds %.0f MiB", held/(1<<20))
	} else {
		t.Logf("the gateway holds %.0f MiB", held/(1<<20))
	}

	d.Mend(t)
	p.becomes(t, http.StatusOK, "")
	p.more(t, 1000)
	p.done(t, "the disk is sound again")
	l.stop()
	s.exactlyOnce(t, l, time.Minute)
	p.done(t, "everything is shipped")
}
