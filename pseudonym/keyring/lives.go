package keyring

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tink-crypto/tink-go/v2/keyset"
)

// Acts that are recorded of a key, each before it happens. A crash in between
// lets one be recorded again; none is left out.
const (
	ActMade      = "made"
	ActCurrent   = "current"
	ActKept      = "kept"
	ActDropped   = "dropped"   // taken out of the keyholder's files
	ActLeft      = "left"      // of a key-encryption key: nothing is wrapped under it any more
	ActDestroyed = "destroyed" // no copy of any file opens to it any more
)

// ErrCurrent is returned for a version that cannot go because it is in use.
var ErrCurrent = errors.New("the version is in use")

func isMissing(err error) bool { return errors.Is(err, ErrNoKeyset) }

func (r *Ring) record(ctx context.Context, act, name string, number uint32, why string) error {
	if r.cfg.Evidence == nil {
		return nil
	}
	err := r.cfg.Evidence.Record(ctx, Event{Act: act, Key: name, Version: number, At: r.now(), Why: why})
	if err != nil {
		return fmt.Errorf("record that a key is %s: %w", act, err)
	}
	return nil
}

// fetch returns a keyset that exists. The caller holds changing.
func (r *Ring) fetch(ctx context.Context, name string) (*set, error) {
	if s, ok := r.sets[name]; ok {
		return s, nil
	}
	return r.wraps.read(ctx, name)
}

// replace writes a changed keyset and takes it over.
func (r *Ring) replace(ctx context.Context, s *set) error {
	if err := r.wraps.put(ctx, s); err != nil {
		return err
	}
	if _, held := r.sets[s.name]; held {
		r.sets[s.name] = s
	}
	return nil
}

// Make makes a further version of a key, durable and not in use yet. If there is
// one that is not in use yet, that is it.
func (r *Ring) Make(ctx context.Context, key Key) (uint32, error) {
	r.changing.Lock()
	defer r.changing.Unlock()
	s, err := r.fetch(ctx, string(key))
	if err != nil {
		return 0, err
	}
	if made := s.having(StateMade); len(made) > 0 {
		return made[0], nil
	}
	manager := keyset.NewManagerFromHandle(s.handle)
	id, err := manager.Add(template(s.name))
	if err != nil {
		return 0, fmt.Errorf("make a version of %s: %w", key, err)
	}
	next := s.with(nil)
	if next.handle, err = manager.Handle(); err != nil {
		return 0, fmt.Errorf("make a version of %s: %w", key, err)
	}
	number := s.number(id)
	next.head.Versions = append(next.head.Versions, meta{Number: number, ID: id, State: StateMade, Made: r.now()})
	if err := r.record(ctx, ActMade, s.name, number, ""); err != nil {
		return 0, err
	}
	if err := r.replace(ctx, next); err != nil {
		return 0, err
	}
	return number, r.publish()
}

// Promote puts a version in use; the one before is old then. When it returns,
// nobody computes under the keys as they were. Doing it again changes nothing.
func (r *Ring) Promote(ctx context.Context, key Key, number uint32) error {
	r.changing.Lock()
	defer r.changing.Unlock()
	s, err := r.fetch(ctx, string(key))
	if err != nil {
		return err
	}
	m, ok := s.meta(number)
	switch {
	case !ok:
		return fmt.Errorf("%s %d: %w", key, number, errNoVersion)
	case m.State == StateCurrent:
		return r.catchUp(ctx)
	}
	manager := keyset.NewManagerFromHandle(s.handle)
	if err := manager.SetPrimary(m.ID); err != nil {
		return fmt.Errorf("put %s %d in use: %w", key, number, err)
	}
	states := map[uint32]string{number: StateCurrent}
	for _, before := range s.having(StateCurrent) {
		states[before] = StateOld
	}
	next := s.with(states)
	if next.handle, err = manager.Handle(); err != nil {
		return fmt.Errorf("put %s %d in use: %w", key, number, err)
	}
	if err := r.record(ctx, ActCurrent, s.name, number, ""); err != nil {
		return err
	}
	if err := r.replace(ctx, next); err != nil {
		return err
	}
	return r.takeOver(ctx, s.name)
}

// takeOver brings what is in memory up to a changed keyset. Only what epochs are
// made of has to wait for those who compute under one.
func (r *Ring) takeOver(ctx context.Context, name string) error {
	if _, held := r.sets[name]; !held {
		return nil
	}
	if slices.Contains([]string{nameSlot, nameGate, nameSealing}, name) {
		return r.publish()
	}
	return r.rebuild(ctx)
}

// Keep says that everything an old version made has been carried over, and that
// the version itself stays: as a link of the chain, or for visitors of its year.
func (r *Ring) Keep(ctx context.Context, key Key, number uint32) error {
	r.changing.Lock()
	defer r.changing.Unlock()
	s, err := r.fetch(ctx, string(key))
	if err != nil {
		return err
	}
	if m, ok := s.meta(number); !ok || m.State != StateOld {
		return r.catchUp(ctx)
	}
	if err := r.record(ctx, ActKept, s.name, number, ""); err != nil {
		return err
	}
	if err := r.replace(ctx, s.with(map[uint32]string{number: StateKept})); err != nil {
		return err
	}
	return r.takeOver(ctx, s.name)
}

// Destroy takes a version of a key, or with number 0 the whole key, out of the
// keyholder's files. Copies of the files that were made before open to it until
// RenewWrapping. What is gone is gone: doing it again changes nothing.
func (r *Ring) Destroy(ctx context.Context, key Key, number uint32, why string) error {
	r.changing.Lock()
	defer r.changing.Unlock()
	if number == 0 {
		if slices.Contains(lasting, string(key)) {
			return fmt.Errorf("%s: %w", key, ErrCurrent)
		}
		return r.drop(ctx, string(key), 0, why)
	}
	if err := r.drop(ctx, string(key), number, why); err != nil {
		return err
	}
	return r.takeOver(ctx, string(key))
}

// drop takes a key out of the files. The caller holds changing.
func (r *Ring) drop(ctx context.Context, name string, number uint32, why string) error {
	s, err := r.wraps.read(ctx, name)
	if isMissing(err) {
		return nil
	}
	if err != nil {
		return err
	}
	m, ok := s.meta(number)
	switch {
	case number != 0 && !ok:
		return nil
	case m.State == StateCurrent:
		return fmt.Errorf("%s %d: %w", name, number, ErrCurrent)
	}
	if err := r.record(ctx, ActDropped, name, number, why); err != nil {
		return err
	}
	if err := r.addEnding(ctx, ending{Key: name, Version: number, Why: why}); err != nil {
		return err
	}
	return r.remove(ctx, s, number)
}

// remove is the act itself, which a start after a crash does again.
func (r *Ring) remove(ctx context.Context, s *set, number uint32) error {
	if number == 0 {
		delete(r.sets, s.name)
		if err := r.wraps.shelf.Destroy(ctx, s.name+suffix); err != nil {
			return fmt.Errorf("destroy keyset %s: %w", s.name, err)
		}
		return nil
	}
	m, ok := s.meta(number)
	if !ok {
		return nil
	}
	manager := keyset.NewManagerFromHandle(s.handle)
	if err := manager.Delete(m.ID); err != nil {
		return fmt.Errorf("destroy %s %d: %w", s.name, number, err)
	}
	next := s.with(map[uint32]string{number: StateDestroyed})
	next.forgetNotes()
	handle, err := manager.Handle()
	if err != nil {
		return fmt.Errorf("destroy %s %d: %w", s.name, number, err)
	}
	next.handle = handle
	return r.replace(ctx, next)
}

// notes is of how many destroyed versions a keyset still tells.
const notes = 8

func (s *set) forgetNotes() {
	gone := s.having(StateDestroyed)
	if len(gone) <= notes {
		return
	}
	drop := gone[:len(gone)-notes]
	s.head.Versions = slices.DeleteFunc(s.head.Versions, func(m meta) bool {
		return m.State == StateDestroyed && slices.Contains(drop, m.Number)
	})
}

// MoveVisitors puts the visitors of this year under the current version of
// purpose-profiling: their pseudonyms are cut, not carried over.
func (r *Ring) MoveVisitors(ctx context.Context) error {
	r.changing.Lock()
	defer r.changing.Unlock()
	current, err := r.sets[nameProfiling].current()
	if err != nil {
		return err
	}
	years, err := r.wraps.names(ctx, visitorPrefix)
	if err != nil {
		return err
	}
	for _, year := range years {
		s, err := r.fetch(ctx, visitorPrefix+year)
		if err != nil {
			return err
		}
		if s.head.With == current.id {
			continue
		}
		next := s.with(nil)
		next.head.With = current.id
		if err := r.replace(ctx, next); err != nil {
			return err
		}
	}
	return r.rebuild(ctx)
}

// ends returns when a key of a span ends; zero: it has no end.
func (r *Ring) ends(name string) time.Time {
	var year, month int
	if n, _ := fmt.Sscanf(name, visitorPrefix+"%4d", &year); n == 1 {
		return time.Date(year+1, 1, 1, 0, 0, 0, 0, time.UTC).Add(near)
	}
	if n, _ := fmt.Sscanf(name, analyticsPrefix+"%4d%2d", &year, &month); n == 2 {
		return time.Date(year, time.Month(month)+1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, r.cfg.AnalyticsMonths, 0)
	}
	if n, _ := fmt.Sscanf(name, journalPrefix+"%4d%2d", &year, &month); n == 2 {
		return time.Date(year, time.Month(month)+1, 1, 0, 0, 0, 0, time.UTC)
	}
	if day, err := time.Parse(tombPrefix+"20060102", name); err == nil {
		return day.AddDate(0, 0, 1+r.cfg.TombstoneDays)
	}
	return time.Time{}
}
