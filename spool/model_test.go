package spool

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestAgainstModel: puts, waits, reads, releases and reopenings in any order, on
// a disk that fails now and then, against a list of what was promised.
func TestAgainstModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		m := newModel(rt)
		defer func() {
			m.close(rt)
			_ = os.RemoveAll(m.dir)
		}()
		rt.Repeat(map[string]func(*rapid.T){
			"put": m.put, "next": m.next, "release": m.release, "break": m.breakDisk, "erase": m.erase, "reopen": m.reopen, "": m.check,
		})
		m.mend(rt)
		m.reopen(rt)
		for len(m.waiting) > m.read {
			m.next(rt)
		}
	})
}

// model is what the spool promised and has not been relieved of.
type model struct {
	dir     string
	disk    *badDisk
	s       *Spool
	cancel  context.CancelFunc
	ended   chan error
	waiting []string // promised and not released, in order
	read    int      // of waiting: handed out by this process
	handed  []int    // sizes of the batches handed out, in order
	ranges  []Range
	n       int
}

// newModel begins with an empty folder, one for each run of rapid.
func newModel(t *rapid.T) *model {
	dir, err := os.MkdirTemp("", "spool")
	if err != nil {
		t.Fatalf("%v", err)
	}
	m := &model{dir: dir, disk: &badDisk{}}
	m.open(t)
	return m
}

func (m *model) open(t *rapid.T) {
	var err error
	if m.s, err = open(smallConfig(m.dir), testKey, m.disk, time.Now); err != nil {
		t.Fatalf("open: %v", err)
	}
	if len(m.s.Damage()) != 0 || m.s.Recovered() != len(m.waiting) {
		t.Fatalf("recovered %d of %d, damage %v", m.s.Recovered(), len(m.waiting), m.s.Damage())
	}
	var ctx context.Context
	ctx, m.cancel = context.WithCancel(context.Background())
	m.ended = make(chan error, 1)
	go func() { m.ended <- m.s.Run(ctx) }()
	m.read, m.handed, m.ranges = 0, nil, nil
}

func (m *model) close(t *rapid.T) {
	m.cancel()
	if err := errors.Join(<-m.ended, m.s.Close()); err != nil {
		t.Fatalf("close: %v", err)
	}
}

// put sends several records at once, and remembers those that were promised.
func (m *model) put(t *rapid.T) {
	var names []string
	var tickets []Ticket
	for range rapid.IntRange(1, 12).Draw(t, "records") {
		name := fmt.Sprintf("record-%d", m.n)
		m.n++
		ticket, err := m.s.Put([]byte(name))
		if err == nil {
			names, tickets = append(names, name), append(tickets, ticket)
		} else if !errors.Is(err, ErrFull) && !errors.Is(err, ErrFailed) {
			t.Fatalf("put: %v", err)
		}
	}
	for i, ticket := range tickets {
		switch err := m.s.Wait(context.Background(), ticket); {
		case err == nil:
			m.waiting = append(m.waiting, names[i])
		case !errors.Is(err, ErrFailed):
			t.Fatalf("wait: %v", err)
		}
	}
}

// next takes the next records, which are the ones promised first.
func (m *model) next(t *rapid.T) {
	if m.read == len(m.waiting) {
		return
	}
	b, err := m.s.Next(context.Background(), rapid.IntRange(1, 20).Draw(t, "at most"), 0)
	if err != nil || len(b.Records) == 0 {
		t.Fatalf("next: %d records, %v", len(b.Records), err)
	}
	for i, rec := range b.Records {
		if want := m.waiting[m.read+i]; string(rec) != want {
			t.Fatalf("got %s, want %s", rec, want)
		}
	}
	again, err := m.s.Read(b.Range)
	if err != nil || !slices.EqualFunc(again.Records, b.Records, slices.Equal) {
		t.Fatalf("read again: %d of %d records, %v", len(again.Records), len(b.Records), err)
	}
	m.read += len(b.Records)
	m.handed, m.ranges = append(m.handed, len(b.Records)), append(m.ranges, b.Range)
}

// release gives back the batch that was handed out first.
func (m *model) release(t *rapid.T) {
	if len(m.ranges) == 0 {
		return
	}
	if err := m.s.Release(m.ranges[0]); err != nil {
		if !m.disk.create.Load() && !m.disk.write.Load() && !m.disk.sync.Load() {
			t.Fatalf("release: %v", err)
		}
		return // on a disk that fails nothing is promised, and it is tried again
	}
	m.waiting, m.read = m.waiting[m.handed[0]:], m.read-m.handed[0]
	m.handed, m.ranges = m.handed[1:], m.ranges[1:]
}

func (m *model) breakDisk(t *rapid.T) {
	switch rapid.SampledFrom([]string{"full", "write", "sync", "mend", "mend"}).Draw(t, "disk") {
	case "full":
		m.disk.create.Store(true)
		m.disk.write.Store(true)
	case "write":
		m.disk.write.Store(true)
	case "sync":
		m.disk.sync.Store(true)
	default:
		m.mend(t)
	}
}

// mend repairs the disk. The spool finds out by itself.
func (m *model) mend(t *rapid.T) {
	m.disk.create.Store(false)
	m.disk.write.Store(false)
	m.disk.sync.Store(false)
	for deadline := time.Now().Add(10 * time.Second); errors.Is(m.s.Healthy(), ErrFailed); {
		if time.Now().After(deadline) {
			t.Fatalf("never healthy again: %v", m.s.Healthy())
		}
		time.Sleep(time.Millisecond) // a poll with a deadline
	}
}

// reopen is a restart: what was handed out and not released comes again.
func (m *model) reopen(t *rapid.T) {
	m.mend(t)
	m.close(t)
	m.open(t)
}

// erase takes a tenth of the records away. On a disk that fails some of them may
// be left, which nobody could compare.
func (m *model) erase(t *rapid.T) {
	m.mend(t)
	suffix := rapid.StringMatching("[0-9]").Draw(t, "last digit")
	match := func(name string) bool { return strings.HasSuffix(name, suffix) }
	if _, err := m.s.Erase(context.Background(), func(rec []byte) bool { return match(string(rec)) }); err != nil {
		t.Fatalf("erase: %v", err)
	}
	for i, name := range m.waiting {
		if match(name) {
			m.waiting[i] = ""
		}
	}
}

// check compares the numbers.
func (m *model) check(t *rapid.T) {
	st := m.s.Stats()
	if st.Records != len(m.waiting) || st.Bytes > st.Limit+2048 || (m.read < len(m.waiting)) != (st.Records > m.read) {
		t.Fatalf("stats %+v, want %d records", st, len(m.waiting))
	}
}

// slowDisk holds every fdatasync until the gate lets one through.
type slowDisk struct {
	disk
	gate chan struct{}
}

type slowFile struct {
	file
	gate chan struct{}
}

func (d slowDisk) Create(path string) (file, error) {
	f, err := d.disk.Create(path)
	return slowFile{f, d.gate}, err
}

func (f slowFile) Sync() error {
	<-f.gate
	return f.file.Sync()
}

// TestSlowDisk: while one fdatasync takes its time the next group grows, nobody is
// told anything, nothing is refused, and then two fdatasyncs have done for all.
func TestSlowDisk(t *testing.T) {
	const n = 200
	gate := make(chan struct{}, 1000)
	gate <- struct{}{} // the first segment's header
	gate <- struct{}{} // the room that is put by
	cfg := smallConfig(t.TempDir())
	cfg.GroupBytes, cfg.SegmentBytes, cfg.MaxBytes = 64<<10, 64<<10, 1<<20
	s := start(t, cfg, slowDisk{gate: gate})
	first, err := s.Put([]byte("first"))
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the first group is being written", func() bool {
		s.gather.Lock()
		defer s.gather.Unlock()
		return s.gather.group == nil
	})
	var tickets []Ticket
	for _, rec := range names(0, n) {
		ticket, err := s.Put([]byte(rec))
		if err != nil {
			t.Fatalf("refused on a slow disk: %v", err)
		}
		tickets = append(tickets, ticket)
	}
	short, stop := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer stop()
	for _, ticket := range []Ticket{first, tickets[n-1]} {
		if err := s.Wait(short, ticket); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("before the disk answered: %v", err)
		}
	}
	if s.Healthy() != nil || s.Stats().Records != 0 {
		t.Fatalf("a slow disk: %v, %d records promised", s.Healthy(), s.Stats().Records)
	}
	for range 2 {
		gate <- struct{}{}
	}
	for _, ticket := range append(tickets, first) {
		if err := s.Wait(t.Context(), ticket); err != nil {
			t.Fatal(err)
		}
	}
	if got := s.Stats().Records; got != n+1 {
		t.Fatalf("%d records in two groups", got)
	}
	close(gate) // the disk is quick again
}
