package erasing

import (
	"context"
	"fmt"
	"slices"
	"time"

	"zgoda/activity/erase"
	"zgoda/event"
)

// Begin implements table.
func (w *world) Begin(context.Context) (Rows, error) {
	if err := w.fail("begin"); err != nil {
		return nil, err
	}
	return &worldRows{w: w}, nil
}

// MoveIn implements table.
func (w *world) MoveIn(_ context.Context, name string) (uint64, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	rows := w.copies[name]
	w.rows = append(w.rows, rows...)
	delete(w.copies, name)
	return uint64(len(rows)), w.fail("move in")
}

// DropKept implements table.
func (w *world) DropKept(_ context.Context, but ...string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for name := range w.copies {
		if !slices.Contains(but, name) {
			delete(w.copies, name)
		}
	}
	return nil
}

// CallOff implements table.
func (w *world) CallOff(context.Context) error { return w.fail("call off") }

// MarkErased implements table.
func (w *world) MarkErased(_ context.Context, ids [][16]byte, _ time.Time) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, id := range ids {
		w.marks[id] = true
	}
	return w.fail("mark")
}

// worldRows is an erasing of the world's rows.
type worldRows struct {
	w      *world
	people []erase.Person
}

func (r *worldRows) Add(_ context.Context, people []erase.Person) error {
	r.people = append(r.people, people...)
	return r.w.fail("add")
}

func of(p *erase.Person, x *row) bool {
	if slices.Contains(p.Whole, x.subject) {
		return true
	}
	return slices.ContainsFunc(p.Windows, func(in erase.Window) bool {
		return in.Subject == x.subject && !x.at.Before(in.From) && (in.To.IsZero() || x.at.Before(in.To))
	})
}

func (r *worldRows) each(do func(p *erase.Person, x *row)) {
	r.w.mu.Lock()
	defer r.w.mu.Unlock()
	for i := range r.people {
		for j := range r.w.rows {
			if of(&r.people[i], &r.w.rows[j]) {
				do(&r.people[i], &r.w.rows[j])
			}
		}
	}
}

func (r *worldRows) Count(context.Context) ([]erase.Counts, error) {
	by := map[uint32]uint64{}
	r.each(func(p *erase.Person, _ *row) { by[p.Number]++ })
	var out []erase.Counts
	for n, rows := range by {
		out = append(out, erase.Counts{Number: n, Rows: map[string]uint64{"events": rows}})
	}
	return out, r.w.fail("count")
}

func (r *worldRows) Copy(context.Context) (string, uint64, error) {
	var kept []row
	r.each(func(p *erase.Person, x *row) {
		if p.Mode == erase.ModeAnonymise {
			kept = append(kept, row{at: x.at.Truncate(time.Hour), nobody: true})
		}
	})
	if len(kept) == 0 {
		return "", 0, nil
	}
	r.w.mu.Lock()
	defer r.w.mu.Unlock()
	name := fmt.Sprintf("events_kept_%d", time.Now().UnixNano())
	r.w.copies[name] = kept
	return name, uint64(len(kept)), nil
}

func (r *worldRows) Delete(_ context.Context, issued func(table, mutation string) error) error {
	if err := r.w.fail("issue"); err != nil {
		return err
	}
	if err := issued("events", "mutation_1.txt"); err != nil {
		return err
	}
	if err := r.w.fail("delete"); err != nil {
		return err
	}
	r.w.mu.Lock()
	defer r.w.mu.Unlock()
	for i := range r.people {
		p := &r.people[i]
		r.w.rows = slices.DeleteFunc(r.w.rows, func(x row) bool { return of(p, &x) })
		for j := range r.w.rows {
			if slices.Contains(p.Visitors, r.w.rows[j].visitor) {
				r.w.rows[j].visitor = event.Handle{}
			}
		}
	}
	return nil
}

func (r *worldRows) Settle(context.Context) error { return r.w.fail("settle") }

func (r *worldRows) Prove(context.Context) (map[string]uint64, error) {
	left := map[string]uint64{"events": 0}
	r.each(func(*erase.Person, *row) { left["events"]++ })
	return left, r.w.fail("prove")
}

func (r *worldRows) Proof() []erase.Proof {
	return []erase.Proof{
		{Server: "one:9000", Left: map[string]uint64{"events": 0, "links": 0}, At: r.w.now()},
		{Server: "two:9000", Left: map[string]uint64{"events": 0, "links": 0}, At: r.w.now()},
	}
}

func (r *worldRows) End(context.Context) error { return nil }
