package activity

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"zgoda/activity/erase"
)

// ErasingAll is an Erasing on each server. Whom to erase stands in the memory of each,
// under one name, since a mutation of a replicated table runs on each as it is written.
// Where a table is replicated the mutation is given to the first server and reaches the
// others by itself; where it is not, each gets its own.
type ErasingAll struct {
	servers *Servers
	parts   []*Erasing // as Servers.all
	kinds   []copies
	proof   []erase.Proof
}

// ErrSame means that two addresses lead to one server: what is counted on the second is
// not another copy.
var ErrSame = errors.New("this address leads to a server that is listed already")

// Erasing begins to take rows away on each server.
func (s *Servers) Erasing(ctx context.Context) (*ErasingAll, error) {
	if err := s.CallOff(ctx); err != nil {
		return nil, err
	}
	kinds, err := s.kinds(ctx)
	if err != nil {
		return nil, err
	}
	e := &ErasingAll{servers: s, parts: make([]*Erasing, len(s.all)), kinds: kinds}
	name := erasingPrefix + fresh()
	err = s.each(ctx, func(ctx context.Context, i int, one *Store) (err error) {
		e.parts[i], err = one.erasing(ctx, name)
		if refused, ok := errors.AsType[*Error](err); ok && refused.Code == codeExists {
			return ErrSame
		}
		return err
	})
	if err != nil {
		return nil, errors.Join(err, s.CallOff(context.WithoutCancel(ctx)))
	}
	return e, nil
}

func (e *ErasingAll) each(ctx context.Context, do func(ctx context.Context, i int, part *Erasing) error) error {
	return e.servers.each(ctx, func(ctx context.Context, i int, _ *Store) error { return do(ctx, i, e.parts[i]) })
}

// Add names people, to each server.
func (e *ErasingAll) Add(ctx context.Context, people []erase.Person) error {
	return e.each(ctx, func(ctx context.Context, _ int, part *Erasing) error { return part.Add(ctx, people) })
}

// Count returns how many rows each person has on the server that is written to.
func (e *ErasingAll) Count(ctx context.Context) ([]erase.Counts, error) { return e.parts[0].Count(ctx) }

// Copy keeps what is left without a person, on the server that is written to.
func (e *ErasingAll) Copy(ctx context.Context) (name string, rows uint64, err error) {
	return e.parts[0].Copy(ctx)
}

// Delete takes the rows away on each server and watches it to the end there. issued is
// told of the mutations of the server that is written to.
func (e *ErasingAll) Delete(ctx context.Context, issued func(table, mutation string) error) error {
	if err := e.servers.syncReplicas(ctx, e.kinds); err != nil {
		return err
	}
	// A mutation that reaches a replica by itself needs what it reads there.
	if err := e.each(ctx, func(ctx context.Context, _ int, part *Erasing) error { return part.seal(ctx) }); err != nil {
		return err
	}
	running, err := e.parts[0].issue(ctx, issued, nil)
	if err != nil {
		return err
	}
	return e.each(ctx, func(ctx context.Context, i int, part *Erasing) error {
		if i == 0 {
			return part.watch(ctx, running)
		}
		own, err := part.issue(ctx, func(string, string) error { return nil }, e.kinds[i].replicated)
		if err != nil {
			return err
		}
		for _, m := range running {
			if e.kinds[i].replicated(m.table) {
				if err := part.store.reaches(ctx, m); err != nil {
					return err
				}
			}
		}
		return part.watch(ctx, own)
	})
}

// Settle waits on each server until no file has the rows any more.
func (e *ErasingAll) Settle(ctx context.Context) error {
	return e.each(ctx, func(ctx context.Context, _ int, part *Erasing) error { return part.Settle(ctx) })
}

// Prove counts on each server what is left, and returns the sums by table. All must be
// zero, and no copy may be where nobody has counted.
func (e *ErasingAll) Prove(ctx context.Context) (map[string]uint64, error) {
	kinds, err := e.servers.kinds(ctx)
	if err == nil {
		err = e.servers.syncReplicas(ctx, kinds)
	}
	if err != nil {
		return nil, err
	}
	proof := make([]erase.Proof, len(e.parts))
	sums := map[string]uint64{}
	var mu sync.Mutex
	err = e.each(ctx, func(ctx context.Context, i int, part *Erasing) error {
		left, err := part.Prove(ctx)
		proof[i] = erase.Proof{Server: part.store.Address(), Left: left, At: time.Now().UTC()}
		mu.Lock()
		defer mu.Unlock()
		for table, n := range left {
			sums[table] += n
		}
		return err
	})
	if err != nil {
		return sums, err
	}
	e.proof = proof
	return sums, nil
}

// Proof is what Prove has counted on each server, the one that is written to first;
// none before it has returned without an error.
func (e *ErasingAll) Proof() []erase.Proof { return slices.Clone(e.proof) }

// End takes the tables away on each server.
func (e *ErasingAll) End(ctx context.Context) error { return e.servers.CallOff(ctx) }
