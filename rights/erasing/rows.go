package erasing

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"zgoda/activity/erase"
	"zgoda/control"
	"zgoda/event"
)

// tableEvents is the table that copies of anonymised rows belong to.
const tableEvents = "events"

// addAtOnce is how many people are named at once, and how many requests' tasks are
// written at once.
const addAtOnce = 1024

// errLeft says that rows were counted that are to be gone.
var errLeft = errors.New("rows are left")

// batchRows is the work on one batch's rows.
type batchRows struct {
	e     *Eraser
	batch *control.EraseBatch
	list  []control.Request // by the number of a person
	rows  Rows
	hide  []event.Handle // to be shown again: nothing of them is left
	found []int64        // pseudonyms looked for, by number
}

// rows takes the rows of a batch away and proves it. Whatever happened before, it
// begins with counting: that a mutation was done, nothing but the count proves.
func (e *Eraser) rows(ctx context.Context, b *control.EraseBatch, list []control.Request) (err error) {
	began := time.Now()
	if err := e.dropKept(ctx); err != nil {
		return err
	}
	rows, err := e.deps.Table.Begin(ctx)
	if err != nil {
		return err
	}
	w := &batchRows{e: e, batch: b, list: list, rows: rows}
	b.Of = make([]control.RequestID, len(list)) // who comes back from now on was not looked for
	for i := range list {
		b.Of[i] = list[i].ID
	}
	err = w.run(ctx)
	// What is left of it would stop a key's rotation.
	ended := rows.End(context.WithoutCancel(ctx))
	if err = errors.Join(err, ended); err != nil {
		return err
	}
	e.metrics.took(partRows, began)
	return w.proven(ctx)
}

// dropKept takes copies away that no batch names, this one or one that waits.
func (e *Eraser) dropKept(ctx context.Context) error {
	open, err := e.deps.Store.Batches(ctx)
	if err != nil {
		return err
	}
	copies := []string{}
	for i := range open {
		for j := range open[i].Tables {
			if name := open[i].Tables[j].Copy; name != "" {
				copies = append(copies, name)
			}
		}
	}
	return e.deps.Table.DropKept(ctx, copies...)
}

func (w *batchRows) run(ctx context.Context) error {
	if err := w.add(ctx); err != nil {
		return err
	}
	if err := w.count(ctx); err != nil {
		return err
	}
	w.e.step("counted")
	if err := w.copy(ctx); err != nil {
		return err
	}
	began := time.Now()
	if err := w.rows.Delete(ctx, func(table, mutation string) error {
		w.table(table).Mutations = append(w.table(table).Mutations, mutation)
		err := w.e.move(ctx, w.batch)
		w.e.step("issued")
		return err
	}); err != nil {
		return err
	}
	w.e.metrics.took("deleted", began)
	if err := w.reached(ctx, control.StepDeleted); err != nil {
		return err
	}
	began = time.Now()
	if err := w.rows.Settle(ctx); err != nil {
		return err
	}
	w.e.metrics.took("settled", began)
	if err := w.reached(ctx, control.StepSettled); err != nil {
		return err
	}
	left, err := w.rows.Prove(ctx)
	for table, n := range left {
		w.table(table).After = int64(n)
		if n > 0 && !errors.Is(err, errLeft) {
			err = errors.Join(errLeft, err)
		}
	}
	if err == nil {
		w.copies(w.rows.Proof())
	}
	return err
}

// copies notes what was counted on each server, where there are several. It is kept with
// the batch, from which the certificate is made.
func (w *batchRows) copies(proof []erase.Proof) {
	for i := range w.batch.Tables {
		t := &w.batch.Tables[i]
		t.Copies = nil
		for _, p := range proof {
			if left, counted := p.Left[t.Name]; counted && len(proof) > 1 {
				t.Copies = append(t.Copies, control.ErasedCopy{Server: p.Server, After: int64(left), At: p.At.Truncate(time.Second)})
			}
		}
	}
}

func (w *batchRows) reached(ctx context.Context, step control.EraseStep) error {
	w.batch.Step, w.batch.Error = step, ""
	if err := w.e.move(ctx, w.batch); err != nil {
		return err
	}
	w.e.step(string(step))
	return nil
}

// add names everybody of the batch.
func (w *batchRows) add(ctx context.Context) error {
	taken, err := w.e.handlesOf(ctx, w.batch)
	if err != nil {
		return err
	}
	w.found = make([]int64, len(w.list))
	number := 0
	for part := range slices.Chunk(w.list, addAtOnce) {
		pieces, err := w.e.pieces(ctx, part)
		if err != nil {
			return err
		}
		var people []erase.Person
		for i := range part {
			list, known := pieces[part[i].ID]
			if !known {
				return errors.Join(errCase, w.e.lost(ctx, part[i].ID))
			}
			who, err := w.e.whomOf(ctx, &part[i], list)
			if err != nil {
				return err
			}
			who.exclusively(taken[part[i].ID])
			p, err := w.e.person(ctx, &part[i], &who, number)
			if err != nil {
				return err
			}
			w.found[number] = int64(len(list))
			w.hide = append(w.hide, p.Whole...)
			people = append(people, p)
			number++
		}
		if err := w.rows.Add(ctx, people); err != nil {
			return err
		}
	}
	if w.e.deps.More == nil {
		return nil
	}
	more, err := w.e.deps.More.Take(ctx, w.batch.ID, w.e.cfg.Batch)
	if err != nil || len(more) == 0 {
		return err
	}
	for i := range more {
		more[i].Number = uint32(number + i)
	}
	return w.rows.Add(ctx, more)
}

// errCase says that the keyholder does not know whom an erasure is about.
var errCase = errors.New("the keyholder does not know whom it is about")

// count counts what there is before, once: after a crash most of it may be gone.
func (w *batchRows) count(ctx context.Context) error {
	counts, err := w.rows.Count(ctx)
	if err != nil {
		return err
	}
	total := map[string]int64{}
	for _, name := range []string{tableEvents, "links"} {
		total[name] = 0
	}
	by := make([]map[string]uint64, len(w.list))
	for i := range counts {
		for table, n := range counts[i].Rows {
			total[table] += int64(n)
		}
		if int(counts[i].Number) < len(by) {
			by[counts[i].Number] = counts[i].Rows
		}
	}
	first := len(w.batch.Tables) == 0
	for table, n := range total {
		if t := w.table(table); first {
			t.Before, t.After = n, -1
		}
	}
	slices.SortFunc(w.batch.Tables, func(a, b control.ErasedTable) int { return strings.Compare(a.Name, b.Name) })
	if err := w.tasks(ctx, by, total); err != nil {
		return err
	}
	return w.e.move(ctx, w.batch)
}

// tasks notes for each erasure what there is of it.
func (w *batchRows) tasks(ctx context.Context, by []map[string]uint64, tables map[string]int64) error {
	for first := 0; first < len(w.list); first += addAtOnce / 4 {
		var tasks []control.Task
		for i := first; i < min(len(w.list), first+addAtOnce/4); i++ {
			for table := range tables {
				tasks = append(tasks, control.Task{Request: w.list[i].ID, Name: table, State: control.TaskWaiting, Before: int64(by[i][table]), After: -1})
			}
			tasks = append(tasks,
				control.Task{Request: w.list[i].ID, Name: taskKeyholder, State: control.TaskWaiting, Before: w.found[i], After: -1},
				control.Task{Request: w.list[i].ID, Name: taskControl, State: control.TaskWaiting, Before: -1, After: -1})
		}
		if err := w.e.deps.Store.BeginTasks(ctx, tasks); err != nil {
			return err
		}
	}
	return nil
}

func (w *batchRows) table(name string) *control.ErasedTable {
	for i := range w.batch.Tables {
		if w.batch.Tables[i].Name == name {
			return &w.batch.Tables[i]
		}
	}
	w.batch.Tables = append(w.batch.Tables, control.ErasedTable{Name: name, Before: -1, After: -1, Mutations: []string{}})
	return &w.batch.Tables[len(w.batch.Tables)-1]
}

// copy keeps what is left of anonymised rows, once a batch: the second time rows may
// be gone already.
func (w *batchRows) copy(ctx context.Context) error {
	if w.table(tableEvents).Copy != "" {
		return nil
	}
	name, rows, err := w.rows.Copy(ctx)
	if err != nil || name == "" {
		return err
	}
	w.e.step("copied")
	w.table(tableEvents).Copy, w.table(tableEvents).Kept = name, int64(rows)
	if err := w.e.move(ctx, w.batch); err != nil {
		return err
	}
	w.e.step("copy noted")
	return nil
}

// proven notes that nothing is left.
func (w *batchRows) proven(ctx context.Context) error {
	e := w.e
	now := e.now()
	ids := make([][16]byte, len(w.list))
	for i := range w.list {
		ids[i] = w.list[i].ID
	}
	if err := e.deps.Table.MarkErased(ctx, ids, e.deps.Horizons.Journal(now)); err != nil {
		return fmt.Errorf("mark the erasures as done: %w", err)
	}
	e.step("marked")
	if name := w.table(tableEvents).Copy; name != "" {
		if _, err := e.deps.Table.MoveIn(ctx, name); err != nil {
			return err
		}
		e.step("moved in")
	}
	if err := w.done(ctx, now); err != nil {
		return err
	}
	if e.deps.More != nil {
		if err := e.deps.More.Gone(ctx, w.batch.ID); err != nil {
			return err
		}
	}
	for part := range slices.Chunk(w.hide, 16*addAtOnce) {
		if err := e.deps.Hider.Show(ctx, part); err != nil { // of nobody with rows: the list stays short
			return err
		}
	}
	if err := w.reached(ctx, control.StepProven); err != nil {
		return err
	}
	gone := int64(0)
	for i := range w.batch.Tables {
		gone += max(0, w.batch.Tables[i].Before)
	}
	e.metrics.rows.Add(float64(gone))
	e.log.Info("rows of erasures are gone", "erasures", len(w.list), "rows", gone)
	e.hurry()
	return nil
}

// done notes for each erasure that nothing is left of it.
func (w *batchRows) done(ctx context.Context, now time.Time) error {
	acks, err := w.e.deps.Store.Acks(ctx, w.batch.ID)
	if err != nil {
		return err
	}
	waited := int64(0)
	for i := range acks {
		waited += acks[i].Rows
	}
	for first := 0; first < len(w.list); first += addAtOnce / 4 {
		var tasks []control.Task
		for i := first; i < min(len(w.list), first+addAtOnce/4); i++ {
			for t := range w.batch.Tables {
				tasks = append(tasks, control.Task{Request: w.list[i].ID, Name: w.batch.Tables[t].Name, State: control.TaskDone, Before: 0, After: 0, Attempts: w.batch.Attempts + 1, Verified: now})
			}
			tasks = append(tasks, control.Task{Request: w.list[i].ID, Name: taskSpool, State: control.TaskDone, Before: waited, After: 0, Attempts: 1, Verified: now, Note: "of the whole batch"})
		}
		if err := w.e.deps.Store.PutTasks(ctx, tasks); err != nil {
			return err
		}
	}
	return nil
}
