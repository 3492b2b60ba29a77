package spool

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// badDisk fails the calls that a test names: with why, or with what is usual.
type badDisk struct {
	disk
	create, write, sync, truncate, reserve, rename atomic.Bool
	why                                            error
}

type badFile struct {
	file
	d *badDisk
}

// fault returns the error of a call that fails.
func (d *badDisk) fault(broken *atomic.Bool, usual error) error {
	switch {
	case !broken.Load():
		return nil
	case d.why != nil:
		return d.why
	}
	return usual
}

func (d *badDisk) Create(path string) (file, error) {
	if err := d.fault(&d.create, syscall.ENOSPC); err != nil {
		return nil, err
	}
	f, err := d.disk.Create(path)
	return badFile{f, d}, err
}

func (d *badDisk) Rename(from, to string) error {
	if err := d.fault(&d.rename, syscall.EROFS); err != nil {
		return err
	}
	return d.disk.Rename(from, to)
}

func (f badFile) Write(p []byte) (int, error) {
	if err := f.d.fault(&f.d.write, syscall.ENOSPC); err != nil {
		n, _ := f.file.Write(p[:len(p)/2])
		return n, err
	}
	return f.file.Write(p)
}

func (f badFile) Sync() error {
	if err := f.d.fault(&f.d.sync, syscall.EIO); err != nil {
		return err
	}
	return f.file.Sync()
}

func (f badFile) Truncate(n int64) error {
	if err := f.d.fault(&f.d.truncate, syscall.EIO); err != nil {
		return err
	}
	return f.file.Truncate(n)
}

func (f badFile) Reserve(n int64) error {
	if err := f.d.fault(&f.d.reserve, syscall.ENOSPC); err != nil {
		return err
	}
	return f.file.Reserve(n)
}

// breakage is a way for a disk to fail.
type breakage struct {
	why   error
	calls func(d *badDisk) []*atomic.Bool
}

func (b breakage) set(d *badDisk, now bool) {
	for _, call := range b.calls(d) {
		call.Store(now)
	}
}

var breakages = map[string]breakage{
	"disk_full":        {nil, func(d *badDisk) []*atomic.Bool { return []*atomic.Bool{&d.write, &d.create, &d.reserve} }},
	"full_at_write":    {syscall.ENOSPC, func(d *badDisk) []*atomic.Bool { return []*atomic.Bool{&d.write} }},
	"full_at_sync":     {syscall.ENOSPC, func(d *badDisk) []*atomic.Bool { return []*atomic.Bool{&d.sync} }},
	"quota":            {syscall.EDQUOT, func(d *badDisk) []*atomic.Bool { return []*atomic.Bool{&d.write, &d.reserve} }},
	"sync_fails":       {nil, func(d *badDisk) []*atomic.Bool { return []*atomic.Bool{&d.sync} }},
	"read_only":        {syscall.EROFS, func(d *badDisk) []*atomic.Bool { return []*atomic.Bool{&d.write, &d.create, &d.rename, &d.truncate} }},
	"input_and_output": {syscall.EIO, func(d *badDisk) []*atomic.Bool { return []*atomic.Bool{&d.write, &d.sync, &d.create} }},
	"nothing_works":    {nil, func(d *badDisk) []*atomic.Bool { return []*atomic.Bool{&d.sync, &d.write, &d.truncate, &d.rename} }},
	"no_cut_no_sync":   {nil, func(d *badDisk) []*atomic.Bool { return []*atomic.Bool{&d.sync, &d.truncate} }},
}

// TestDiskFails: no false promise, an error that says so, nothing of the group is
// handed out now or after a restart, and the spool goes on when the disk does.
func TestDiskFails(t *testing.T) {
	for name, b := range breakages {
		t.Run(name, func(t *testing.T) {
			d, dir := &badDisk{why: b.why}, t.TempDir()
			s := start(t, smallConfig(dir), d)
			s.put(t, "before")
			b.set(d, true)
			ticket, err := s.Put([]byte("given up"))
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Wait(t.Context(), ticket); !errors.Is(err, ErrFailed) {
				t.Fatalf("promised on a failed disk: %v", err)
			}
			// A disk on which a new segment can be begun counts as mended.
			if _, err := s.Put([]byte("x")); err != nil && !errors.Is(err, ErrFailed) {
				t.Fatalf("Put while the disk fails: %v", err)
			}
			b.set(d, false)
			eventually(t, "healthy again", func() bool { return s.Healthy() == nil })
			if s.value(t, "failures_total") < 1 || s.value(t, "failing") != 0 {
				t.Error("the metrics do not say so")
			}
			s.put(t, "after")
			want := []string{"before", "after"}
			if got, _ := s.drain(t); !slices.Equal(slices.DeleteFunc(got, func(rec string) bool { return rec == "x" }), want) {
				t.Fatalf("got %v", got)
			}
			s.stop()
			s = start(t, smallConfig(dir), disk{})
			got, _ := s.drain(t)
			if !slices.Equal(slices.DeleteFunc(got, func(rec string) bool { return rec == "x" }), want) || len(s.Damage()) != 0 {
				t.Fatalf("after a restart: %v, damage %v", got, s.Damage())
			}
		})
	}
}

// TestNextSegmentCannotBeBegun: for want of room, of a file or of a name, records
// are refused with a reason, and taken again when there is some.
func TestNextSegmentCannotBeBegun(t *testing.T) {
	for name, b := range map[string]breakage{
		"no_room":   {nil, func(d *badDisk) []*atomic.Bool { return []*atomic.Bool{&d.reserve} }},
		"no_file":   {nil, func(d *badDisk) []*atomic.Bool { return []*atomic.Bool{&d.create} }},
		"read_only": {syscall.EROFS, func(d *badDisk) []*atomic.Bool { return []*atomic.Bool{&d.create} }},
	} {
		t.Run(name, func(t *testing.T) {
			d := &badDisk{why: b.why}
			s := start(t, smallConfig(t.TempDir()), d)
			b.set(d, true)
			var want []string
			for _, rec := range names(0, 1000) {
				ticket, err := s.Put([]byte(rec))
				if err == nil {
					err = s.Wait(t.Context(), ticket)
				}
				if err != nil {
					if !errors.Is(err, ErrFailed) {
						t.Fatal(err)
					}
					break
				}
				want = append(want, rec)
			}
			if !errors.Is(s.Healthy(), ErrFailed) || s.value(t, "failing") != 1 {
				t.Fatalf("healthy: %v", s.Healthy())
			}
			if _, err := s.Put([]byte("x")); !errors.Is(err, ErrFailed) {
				t.Fatalf("Put: %v", err)
			}
			b.set(d, false)
			eventually(t, "healthy again", func() bool { return s.Healthy() == nil })
			s.put(t, "after")
			if got, _ := s.drain(t); !slices.Equal(got, append(want, "after")) {
				t.Fatalf("got %d records of %d", len(got), len(want)+1)
			}
		})
	}
}

// TestSlowDiskIsBounded: while an fdatasync takes its time no more than a group
// gathers, the rest is refused as full, and all that was taken is kept.
func TestSlowDiskIsBounded(t *testing.T) {
	gate := make(chan struct{}, 1000)
	gate <- struct{}{}
	gate <- struct{}{}
	s := start(t, smallConfig(t.TempDir()), slowDisk{gate: gate})
	var tickets []Ticket
	var err error
	for n := 0; err == nil && n < 100; n++ {
		var ticket Ticket
		if ticket, err = s.Put([]byte(strings.Repeat("x", 300))); err == nil {
			tickets = append(tickets, ticket)
		}
	}
	if !errors.Is(err, ErrFull) || len(tickets) > 2*1024/300 {
		t.Fatalf("%d records taken, then %v", len(tickets), err)
	}
	if s.Healthy() != nil || s.Stats().Records != 0 {
		t.Fatalf("%v, %d records promised", s.Healthy(), s.Stats().Records)
	}
	close(gate)
	for _, ticket := range tickets {
		if err := s.Wait(t.Context(), ticket); err != nil {
			t.Fatal(err)
		}
	}
	s.put(t, "after")
	if got := s.Stats().Records; got != len(tickets)+1 {
		t.Fatalf("%d records of %d", got, len(tickets)+1)
	}
}

// deafDisk does not give back what lies at or behind an offset of one file.
type deafDisk struct {
	disk
	path  string // ends so
	from  int64
	times atomic.Int64 // how often it refuses
}

type deafSource struct {
	source
	d *deafDisk
}

func (d *deafDisk) Open(path string) (source, error) {
	f, err := d.disk.Open(path)
	if err != nil || d.path == "" || !strings.HasSuffix(path, d.path) {
		return f, err
	}
	return deafSource{f, d}, nil
}

func (f deafSource) ReadAt(p []byte, at int64) (int, error) {
	if at+int64(len(p)) > f.d.from && f.d.times.Add(-1) >= 0 {
		return 0, &os.PathError{Op: "read", Path: f.d.path, Err: syscall.EIO}
	}
	return f.source.ReadAt(p, at)
}

const forEver = 1 << 40

// TestUnreadableWhileRunning: a segment that the disk does not give back is tried a
// few times, then set aside with what was in it, and the rest is handed out.
func TestUnreadableWhileRunning(t *testing.T) {
	for name, c := range map[string]struct {
		from  int64
		times int64
		want  []string
		lost  int
	}{
		"for_a_while": {from: int64(third), times: 3, want: names(0, 20)},
		"a_group":     {from: int64(third), times: forEver, want: append(names(0, 3), names(10, 20)...), lost: 7},
		"all_of_it":   {from: 0, times: forEver, want: names(10, 20), lost: 10},
	} {
		t.Run(name, func(t *testing.T) {
			dir, d := t.TempDir(), &deafDisk{from: c.from}
			cfg := smallConfig(dir)
			for _, part := range [][]string{names(0, 10), names(10, 20)} {
				s := start(t, cfg, disk{})
				for _, rec := range part {
					s.put(t, rec)
				}
				s.stop()
			}
			s := start(t, cfg, d)
			d.path = segmentsIn(t, dir)[0][len(dir):]
			d.times.Store(c.times)
			var got []string
			refused, lost := 0, 0
			ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
			defer stop()
			for len(got) < len(c.want) {
				b, err := s.Next(ctx, 100, 0)
				var damage *CorruptError
				switch {
				case errors.As(err, &damage) && damage.Damage == DamageRead:
					lost += damage.Lost
				case errors.Is(err, syscall.EIO):
					refused++
				case err != nil:
					t.Fatalf("after %d records: %v", len(got), err)
				}
				for _, rec := range b.Records {
					got = append(got, string(rec))
				}
			}
			if !slices.Equal(got, c.want) || lost != c.lost || refused == 0 || refused >= cfg.ReadTries {
				t.Fatalf("%d records, %d lost, refused %d times", len(got), lost, refused)
			}
			_, err := os.Stat(dir + d.path + damagedSuffix)
			if (err == nil) != (c.lost > 0) || (s.Stats().Damaged > 0) != (c.lost > 0) {
				t.Errorf("set aside: %v, stats %+v", err, s.Stats())
			}
		})
	}
}

// TestUnreadableAtOpen: Open goes on without what the disk does not give back.
func TestUnreadableAtOpen(t *testing.T) {
	for name, c := range map[string]struct {
		path   string
		from   int64
		times  int64
		want   []string
		damage Damage
	}{
		"for_a_while":  {path: "2.seg", times: 3, want: names(0, 23)},
		"a_group":      {path: "2.seg", from: int64(third), times: forEver, want: append(names(0, 13), names(20, 23)...), damage: DamageRead},
		"a_header":     {path: "2.seg", times: forEver, want: append(names(0, 10), names(20, 23)...), damage: DamageRead},
		"the_last_one": {path: "3.seg", from: headerSize + 10, times: forEver, want: names(0, 20), damage: DamageRead},
	} {
		t.Run(name, func(t *testing.T) {
			dir := written(t)
			d := &deafDisk{path: c.path, from: c.from}
			d.times.Store(c.times)
			s := start(t, smallConfig(dir), d)
			got := DamageNone
			for _, damage := range s.Damage() {
				got = damage.Damage
			}
			if got != c.damage {
				t.Fatalf("damage %v, want %v", s.Damage(), c.damage)
			}
			if got, _ := s.drain(t); !slices.Equal(got, c.want) {
				t.Fatalf("got %v", got)
			}
			s.stop()
			_, err := os.Stat(dir + "/000000000000000" + c.path + damagedSuffix)
			if (err == nil) != (c.damage != DamageNone) {
				t.Errorf("set aside: %v", err)
			}
			s = start(t, smallConfig(dir), disk{})
			if got, _ := s.drain(t); !slices.Equal(got, c.want) || len(s.Damage()) != 0 {
				t.Errorf("after another restart: %v, damage %v", got, s.Damage())
			}
		})
	}
}

// TestUnreadableMark: everything is handed out again.
func TestUnreadableMark(t *testing.T) {
	dir := t.TempDir()
	s := start(t, smallConfig(dir), disk{})
	for _, rec := range names(0, 5) {
		s.put(t, rec)
	}
	b, err := s.Next(t.Context(), 2, 0)
	if err != nil || s.Release(b.Range) != nil {
		t.Fatal(err)
	}
	s.stop()
	d := &deafDisk{path: markName}
	d.times.Store(forEver)
	s = start(t, smallConfig(dir), d)
	if len(s.Damage()) != 1 || s.Damage()[0].Damage != DamageMark {
		t.Fatalf("damage %v", s.Damage())
	}
	if got, _ := s.drain(t); !slices.Equal(got, names(0, 5)) {
		t.Fatalf("got %v", got)
	}
}
