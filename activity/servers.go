package activity

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"
)

// Servers are all servers that hold a copy of the rows: the one that is written to and
// read, and its replicas. Whatever takes rows away is done and watched on each of them,
// by a connection of its own. It is safe for concurrent use but for Erasing.
type Servers struct {
	all []*Store // the one that is written to first
	log *slog.Logger

	preparing sync.Mutex // one at a time

	mu    sync.Mutex
	state []serverState // as all
}

// serverState is what is known of a server.
type serverState struct {
	ready  bool      // the schema was brought up to date; of the first somebody else does
	missed bool      // somebody was hidden or shown while it was away
	away   time.Time // until then it is not asked for what is quick
	held   time.Time // until then it is not shown, since it lacks erasures
	said   string    // the last trouble that was logged
}

// NewServers makes them of stores that stay the caller's. The first is the one that is
// written to and read.
func NewServers(first *Store, log *slog.Logger, replicas ...*Store) *Servers {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	s := &Servers{all: append([]*Store{first}, replicas...), log: log}
	s.state = make([]serverState, len(s.all))
	s.state[0].ready = true
	return s
}

// Names are the servers' addresses, host:port, the one that is written to first.
func (s *Servers) Names() []string {
	names := make([]string, len(s.all))
	for i := range s.all {
		names[i] = s.all[i].Address()
	}
	return names
}

// Address is the server's, host:port.
func (s *Store) Address() string { return s.options.Addr[0] }

// ReplicaError is what went wrong with one of several servers.
type ReplicaError struct {
	Replica string // host:port
	Err     error
}

// Error says where and what.
func (e *ReplicaError) Error() string { return "replica " + e.Replica + ": " + e.Err.Error() }

// Unwrap returns what went wrong.
func (e *ReplicaError) Unwrap() error { return e.Err }

// Where is the replica's address.
func (e *ReplicaError) Where() string { return e.Replica }

// Class is that of what went wrong. A replica that has no schema yet gets it once it is
// reached: it counts as one that is not.
func (e *ReplicaError) Class() string {
	var inner interface{ Class() string }
	switch {
	case errors.As(e.Err, &inner):
		return inner.Class()
	case errors.Is(e.Err, errUnready):
		return classUnreachable
	}
	return classRefused
}

var errUnready = errors.New("it was not reached yet since the start, or has no schema")

// each does something on all servers at once and returns when all are through. What
// cannot be reached is told only where nothing else is wrong: that passes by itself.
func (s *Servers) each(ctx context.Context, do func(ctx context.Context, i int, one *Store) error) error {
	errs := make([]error, len(s.all))
	var group sync.WaitGroup
	for i, one := range s.all {
		group.Go(func() { errs[i] = s.named(i, do(ctx, i, one)) })
	}
	group.Wait()
	return worst(errs)
}

func (s *Servers) named(i int, err error) error {
	if err == nil || i == 0 {
		return err
	}
	return &ReplicaError{Replica: s.all[i].Address(), Err: err}
}

// worst joins the errors that do not pass by themselves, or all if there is none.
func worst(errs []error) error {
	var lasting []error
	for _, err := range errs {
		if err != nil && !away(err) {
			lasting = append(lasting, err)
		}
	}
	if len(lasting) > 0 {
		return errors.Join(lasting...)
	}
	return errors.Join(errs...)
}

// away says whether an error is that a server was not reached.
func away(err error) bool {
	var of interface{ Class() string }
	return errors.As(err, &of) && of.Class() == classUnreachable
}

// usable returns an error while the schema of a replica is not known to be up to date.
func (s *Servers) usable(i int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state[i].ready {
		return nil
	}
	return errUnready
}

// with changes what is known of a server.
func (s *Servers) with(i int, change func(*serverState)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.state[i])
}

// known is what is known of a server.
func (s *Servers) known(i int) serverState {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state[i]
}

// replicaEvery is how often a replica without a schema is tried.
const replicaEvery = 2 * time.Second

// Keep brings the schema of each replica up to date once, as soon as it is reached,
// and returns when all have it or ctx ends.
func (s *Servers) Keep(ctx context.Context) {
	for s.Prepare(ctx) != nil {
		if pause(ctx, replicaEvery) != nil {
			return
		}
	}
}

// Prepare brings the schema of the replicas up to date that were not reached before.
func (s *Servers) Prepare(ctx context.Context) error {
	s.preparing.Lock()
	defer s.preparing.Unlock()
	return s.each(ctx, func(ctx context.Context, i int, one *Store) error {
		if s.usable(i) == nil {
			return nil
		}
		err := one.Migrate(ctx)
		said := ""
		if err != nil {
			said = err.Error()
		}
		if was := s.known(i).said; err != nil && ctx.Err() == nil && was != said {
			s.log.Warn("a replica of ClickHouse cannot be used yet; erasures wait for it", "replica", one.Address(), "err", err)
		}
		s.with(i, func(state *serverState) { state.ready, state.said = err == nil, said })
		return err
	})
}

// MarkErased notes on each server which requests for erasure were carried out there.
func (s *Servers) MarkErased(ctx context.Context, ids [][16]byte, until time.Time) error {
	return s.each(ctx, func(ctx context.Context, i int, one *Store) error {
		return errors.Join(s.usable(i), one.MarkErased(ctx, ids, until))
	})
}

// ErasedMarks returns the requests that were carried out on every server that can be
// reached: a copy that was restored from a backup of its own lacks some. A replica that
// is away is compared when it is back, and shows nothing before that knows too little
// (Fill).
func (s *Servers) ErasedMarks(ctx context.Context) ([][16]byte, error) {
	marks := make([][][16]byte, len(s.all))
	within, stop := context.WithTimeout(ctx, hideWithin)
	_ = s.Prepare(within) // Keep tells of what is wrong
	stop()
	err := s.each(ctx, func(ctx context.Context, i int, one *Store) (err error) {
		if !s.known(i).ready {
			return nil
		}
		if i > 0 {
			var stop context.CancelFunc
			ctx, stop = context.WithTimeout(ctx, hideWithin)
			defer stop()
		}
		list, err := one.ErasedMarks(ctx)
		switch {
		case err == nil:
			marks[i] = append([][16]byte{}, list...)
		case i > 0 && away(err):
			err = nil
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	known := marks[0]
	for _, list := range marks[1:] {
		if list != nil {
			known = both(known, list)
		}
	}
	return known, nil
}

// both are those that are in two lists.
func both(a, b [][16]byte) (out [][16]byte) {
	in := make(map[[16]byte]bool, len(b))
	for _, id := range b {
		in[id] = true
	}
	for _, id := range a {
		if in[id] {
			out = append(out, id)
		}
	}
	return out
}

// CallOff takes away on each server what an Erasing has left whose process is gone.
func (s *Servers) CallOff(ctx context.Context) error {
	return s.each(ctx, func(ctx context.Context, i int, one *Store) error {
		if err := s.usable(i); err != nil {
			return err
		}
		return one.CallOff(ctx)
	})
}

// MoveIn is that of the server that is written to: the others get the rows from it.
func (s *Servers) MoveIn(ctx context.Context, name string) (uint64, error) {
	return s.all[0].MoveIn(ctx, name)
}

// DropKept is that of the server that is written to.
func (s *Servers) DropKept(ctx context.Context, but ...string) error {
	return s.all[0].DropKept(ctx, but...)
}
