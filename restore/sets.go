package restore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"zgoda/control"
)

type id = [16]byte

// sets are which erasures each part of the system knows to be carried out.
type sets struct {
	keys, control, files map[id]bool
	marks                map[id]bool // ClickHouse's; nil: it is away
}

// ErrLost is returned when ClickHouse knows of erasures that nobody else does: whom
// they were about cannot be told any more.
var ErrLost = errors.New("clickhouse knows of erasures that keyholder, control store and DATA/erasures have all lost: restore a newer backup of one of them")

// ErrEntryGone is returned when no entry of an erasure can be opened any more.
var ErrEntryGone = errors.New("the keyholder cannot open an entry of the journal of erasures: restore a newer backup of its keys")

func setOf[T ~[16]byte](ids []T) map[id]bool {
	out := make(map[id]bool, len(ids))
	for _, i := range ids {
		out[id(i)] = true
	}
	return out
}

// union are the erasures of which an entry is somewhere.
func (s *sets) union() map[id]bool {
	all := maps.Clone(s.keys)
	maps.Copy(all, s.control)
	maps.Copy(all, s.files)
	return all
}

func (g *Gate) sets(ctx context.Context) (s sets, err error) {
	fromKeys, err := g.deps.Keys.ErasureIDs(ctx)
	if err != nil {
		return s, fmt.Errorf("ask the keyholder which erasures it knows: %w", err)
	}
	fromControl, err := g.deps.Store.JournalIDs(ctx)
	if err != nil {
		return s, err
	}
	s = sets{keys: setOf(fromKeys), control: setOf(fromControl), files: setOf(g.deps.Files.IDs())}
	select {
	case <-g.deps.Tables:
		marks, err := g.deps.Table.ErasedMarks(ctx)
		if err == nil {
			s.marks = setOf(marks)
		}
	default:
	}
	return s, nil
}

// lacks are erasures that some part does not know of.
type lacks struct {
	again []id // by what is to be carried out again
	files []id // by the files alone: they are written down there
	lost  []id // by all but ClickHouse
}

func (l *lacks) any() bool { return len(l.again)+len(l.files)+len(l.lost) > 0 }

func (g *Gate) lacking(ctx context.Context, s *sets, first bool) (l lacks, err error) {
	for _, one := range sorted(s.union()) {
		switch {
		case !s.keys[one] || !s.control[one] || s.marks != nil && !s.marks[one]:
			l.again = append(l.again, one)
		case !s.files[one]:
			l.files = append(l.files, one)
		}
	}
	all := s.union()
	for _, one := range sorted(s.marks) {
		if !all[one] {
			l.lost = append(l.lost, one) // or its rows are gone and its keys are not yet
		}
	}
	// What is under way has its own turn: rows go before keys do.
	if l.lost, err = g.notOpen(ctx, s, l.lost); err != nil {
		return l, err
	}
	if !first || !g.deps.Alone {
		if l.again, err = g.notOpen(ctx, s, l.again); err != nil {
			return l, err
		}
	}
	if l.again, err = g.lasting(ctx, l.again); err != nil {
		return l, err
	}
	l.files, err = g.lasting(ctx, l.files)
	return l, err
}

// margin is how long before its end an erasure is not compared any more: the parts
// forget it one after the other, and no backup from before it is left by then.
const margin = 14 * 24 * time.Hour

// lasting leaves out the erasures that are near their end.
func (g *Gate) lasting(ctx context.Context, ids []id) (out []id, err error) {
	for part := range slices.Chunk(ids, chunk) {
		entries, err := g.entries(ctx, part)
		if err != nil {
			return nil, err
		}
		for i := range entries {
			if entries[i].Until.Sub(g.deps.Now()) > margin {
				out = append(out, entries[i].ID)
			}
		}
	}
	return out, nil
}

// lackingStill are those of what was missing that still are after a while.
func (g *Gate) lackingStill(ctx context.Context, was lacks) (l lacks, err error) {
	if err := pause(ctx, g.cfg.Again); err != nil {
		return l, err
	}
	s, err := g.sets(ctx)
	if err != nil {
		return l, err
	}
	now, err := g.lacking(ctx, &s, false)
	if err != nil {
		return l, err
	}
	return lacks{again: both(was.again, now.again), files: both(was.files, now.files), lost: both(was.lost, now.lost)}, nil
}

func both(a, b []id) []id {
	in := setOf(b)
	return slices.DeleteFunc(slices.Clone(a), func(i id) bool { return !in[i] })
}

// beforeKeys are the steps of an erasure at which its keys are there. When they are
// not, the control store is older than their destruction, and nothing is under way.
var beforeKeys = []control.EraseStep{
	control.StepAccepted, control.StepFenced, control.StepDrained, control.StepDeleted, control.StepSettled, control.StepProven,
}

// notOpen leaves out the erasures that are under way.
func (g *Gate) notOpen(ctx context.Context, s *sets, ids []id) ([]id, error) {
	var out []id
	written := s.union()
	for part := range slices.Chunk(ids, control.MaxRequests) {
		of := make([]control.RequestID, len(part))
		for i := range part {
			of[i] = control.RequestID(part[i])
		}
		requests, err := g.deps.Store.Requests(ctx, control.RequestQuery{IDs: of, Limit: control.MaxRequests})
		if err != nil {
			return nil, err
		}
		open := map[id]bool{}
		for i := range requests {
			r := &requests[i]
			open[id(r.ID)] = r.State.Open() && (!written[id(r.ID)] || !slices.Contains(beforeKeys, r.Step))
		}
		for _, one := range part {
			if !open[one] {
				out = append(out, one)
			}
		}
	}
	return out, nil
}

func sorted(set map[id]bool) []id {
	return slices.SortedFunc(maps.Keys(set), func(a, b id) int { return bytes.Compare(a[:], b[:]) })
}
