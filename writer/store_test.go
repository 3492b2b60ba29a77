package writer

import (
	"context"
	"errors"
	"hash/fnv"
	"maps"
	"sync"
	"time"

	"zgoda/event"
	"zgoda/record"
)

// fault is what goes wrong with one insert.
type fault int

const (
	faultNone      fault = iota
	faultRefused         // nothing landed, and the answer does not say so
	faultLost            // all landed, the answer was lost
	faultPartial         // one partition landed
	faultHole            // the deduplication log has every partition, the rows of one are missing
	faultLate            // it lands after the next read-back
	faultCrash           // the process dies before the call
	faultCrashed         // all landed and the process dies
	faultCrashHole       // a hole, and the process dies
	faultCount
)

const partitions = 3

// store behaves as ClickHouse does: one deduplication log over token and
// partition, written before the rows appear.
type store struct {
	mu     sync.Mutex
	log    map[string]bool
	rows   map[string]int
	faults []fault
	late   []func()
	crash  func()
	dead   bool
	away   bool // ClickHouse is down: neither answered nor done

	mishaps map[act][]mishap
}

func newStore(faults []fault) *store {
	return &store{log: map[string]bool{}, rows: map[string]int{}, faults: faults, crash: func() {}, mishaps: map[act][]mishap{}}
}

// act is a step of the writer on its own disk.
type act int

const (
	actJournal act = iota
	actQuarantine
	actRelease
	actCount
)

// mishap is what goes wrong with one such step.
type mishap int

const (
	mishapNone      mishap = iota
	mishapFails            // not done
	mishapUnheard          // done, but reported as failed
	mishapDies             // the process dies before it
	mishapDiesAfter        // the process dies after it
	mishapCount
)

// step does a step with whatever mishap comes next for it.
func (s *store) step(a act, do func() error) error {
	s.mu.Lock()
	m := mishapNone
	if queue := s.mishaps[a]; len(queue) > 0 {
		m, s.mishaps[a] = queue[0], queue[1:]
	}
	if s.dead {
		m = mishapFails // a dead process does nothing
	}
	s.mu.Unlock()
	if m != mishapFails && m != mishapDies {
		if err := do(); err != nil || m == mishapNone {
			return err
		}
	}
	if m == mishapDies || m == mishapDiesAfter {
		s.die()
	}
	return errAway
}

func (s *store) die() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dead = true
	s.crash()
}

// revive begins a process's life.
func (s *store) revive(crash func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dead, s.crash = false, crash
}

func (s *store) setAway(away bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.away = away
}

// stored returns how often each message is stored.
func (s *store) stored() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.rows)
}

type poison struct{}

func (poison) Error() string { return "poison" }
func (poison) Poison() bool  { return true }

var errAway = errors.New("away")

func partitionOf(r *record.Record) byte {
	h := fnv.New32a()
	_, _ = h.Write([]byte(r.MessageID))
	return byte(h.Sum32() % partitions)
}

func key(r *record.Record) string { return string(r.Site) + "|" + r.MessageID }

// land puts the rows of the partitions that the mask allows there; a hole's rows
// are logged and lost.
func (s *store) land(token string, rows []record.Record, allowed func(p byte) bool, hole int) {
	for p := range byte(partitions) {
		logged := token + "/" + string('0'+rune(p))
		if !allowed(p) || s.log[logged] {
			continue
		}
		for i := range rows {
			if partitionOf(&rows[i]) == p {
				s.log[logged] = true
				if int(p) != hole {
					s.rows[key(&rows[i])]++
				}
			}
		}
	}
}

func all(byte) bool { return true }

// decoded reads rows as the writer sends them.
func decoded(rows [][]byte) []record.Record {
	out := make([]record.Record, len(rows))
	for i := range rows {
		r, err := record.Decode(rows[i])
		if err != nil {
			panic(err)
		}
		out[i] = r
	}
	return out
}

func (s *store) Insert(_ context.Context, token string, encoded [][]byte) error {
	rows := decoded(encoded)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dead || s.away {
		return errAway
	}
	for i := range rows {
		if rows[i].Name == "poison" {
			return poison{}
		}
	}
	f := faultNone
	if len(s.faults) > 0 {
		f, s.faults = s.faults[0], s.faults[1:]
	}
	hole := int(partitionOf(&rows[0]))
	switch f { // what is not named lands nothing
	case faultNone:
		s.land(token, rows, all, -1)
		return nil
	case faultLost, faultCrashed:
		s.land(token, rows, all, -1)
	case faultPartial:
		s.land(token, rows, func(p byte) bool { return int(p) == hole }, -1)
	case faultHole, faultCrashHole:
		s.land(token, rows, all, hole)
	case faultRefused, faultCrash, faultCount:
	case faultLate:
		s.late = append(s.late, func() { s.land(token, rows, all, -1) })
	}
	if f >= faultCrash {
		s.dead = true
		s.crash()
	}
	return errAway
}

func (s *store) Present(_ context.Context, encoded [][]byte) ([]bool, error) {
	rows := decoded(encoded)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dead || s.away {
		return nil, errAway
	}
	out := make([]bool, len(rows))
	for i := range rows {
		out[i] = s.rows[key(&rows[i])] > 0
	}
	for _, land := range s.late {
		land()
	}
	s.late = nil
	return out, nil
}

func (s *store) Recent(_ context.Context, since time.Time, limit int, yield func(event.SiteID, string)) (time.Time, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dead || s.away {
		return time.Now(), errAway
	}
	for k := range s.rows {
		if limit--; limit < 0 {
			break
		}
		for i := range k {
			if k[i] == '|' {
				yield(event.SiteID(k[:i]), k[i+1:])
			}
		}
	}
	return since, nil
}

// tally counts fates.
type tally struct {
	mu                                   sync.Mutex
	stored, doubled, dropped, quarantine int
}

func (t *tally) add(field *int, n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	*field += n
}

func (t *tally) Store(n int)                     { t.add(&t.stored, n) }
func (t *tally) Duplicate(n int)                 { t.add(&t.doubled, n) }
func (t *tally) DropLater(_ event.Reason, n int) { t.add(&t.dropped, n) }
func (t *tally) Quarantine(n int)                { t.add(&t.quarantine, n) }
func (t *tally) sum() int                        { return t.stored + t.doubled + t.dropped + t.quarantine }

// withdrawnAt is the sequence of the records that were withdrawn.
const withdrawnAt event.Sequence = 99

// checker withdraws records by their sequence, and fails a few times at first.
type checker struct {
	mu sync.Mutex
	n  int
}

func (c *checker) Recheck(_ context.Context, rows []record.Record, out []event.Reason) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range rows {
		if c.n++; c.n%17 == 0 && c.n < 100 {
			return errAway
		}
		out[i] = event.ReasonNone
		if rows[i].Sequence == withdrawnAt && rows[i].Site == "shop" {
			out[i] = event.ReasonWithdrawn
		}
	}
	return nil
}
