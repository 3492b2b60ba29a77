package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"zgoda/activity"
	"zgoda/console"
	"zgoda/restore"
)

// openErasures opens what is written down of erasures on this machine.
func (n *node) openErasures() (err error) {
	if n.erasures, err = restore.OpenJournal(n.places.erasures); err != nil {
		return err
	}
	damage := n.erasures.Damage()
	var damaged error
	if n.accepted, damaged, err = restore.OpenAccepted(n.places.erasures); err != nil {
		return err
	}
	if damaged != nil {
		damage = append(damage, damaged)
	}
	for _, damage := range damage {
		n.log.Error("a file of erasures is damaged and was set aside", "err", damage)
	}
	return nil
}

// makeGate makes what holds everything back until no erasure is undone.
func (n *node) makeGate() (err error) {
	n.tables = make(chan struct{})
	pending, err := restore.ReadPending(n.places.run)
	if err != nil {
		return err
	}
	cfg := restore.DefaultConfig()
	cfg.Restored = pending != nil
	n.gate, err = restore.New(cfg, restore.Deps{
		Keys: n.rights, Store: n.control, Subjects: n.subjects, Table: erasedTable{n.servers}, Files: n.erasures, Tables: n.tables,
		Sites: n.siteIDs, Alone: !n.control.Shared(), Reopen: &restore.Reopening{Notes: n.accepted, Cases: n.rights, Store: n.control}, Logger: n.log, Registerer: n.registry,
		Done: func() error { return restore.EndPending(n.places.run) },
	})
	return err
}

// afterGate runs what serves people, or acts on what is on record about them, once no
// erasure is undone.
func (n *node) afterGate(ctx context.Context, run func(context.Context) error) func() error {
	return func() error {
		select {
		case <-n.gate.Open():
			return run(ctx)
		case <-ctx.Done():
			return nil
		}
	}
}

// restoreTables brings back what zgoda restore has left for ClickHouse.
func (n *node) restoreTables(ctx context.Context) error {
	pending, err := restore.ReadPending(n.places.run)
	if err != nil || pending == nil || pending.Tables == "" {
		return err
	}
	began := time.Now()
	if err := n.admin.RestoreTables(ctx, pending.Tables); err != nil {
		return err
	}
	n.log.Info("ClickHouse has its tables back from the backup", "took", time.Since(began).Round(time.Millisecond))
	pending.Tables = ""
	return errors.Join(pending.Write(n.places.run), n.sweepBackups())
}

// erasedTable is ClickHouse as the gate sees it.
type erasedTable struct{ *activity.Servers }

// Begin begins to take rows away.
func (t erasedTable) Begin(ctx context.Context) (restore.Rows, error) {
	rows, err := t.Erasing(ctx)
	if err != nil {
		return nil, fmt.Errorf("begin to take rows away: %w", err)
	}
	return rows, nil
}

// shownSQL are queries, once what is in ClickHouse may be shown.
type shownSQL struct {
	console.SQL
	gate *restore.Gate
}

var errNotShown = errors.New("restoring: what is in ClickHouse is not shown before it was compared with the journal of erasures")

// Query runs a query.
func (s shownSQL) Query(ctx context.Context, q console.Query, w io.Writer) error {
	if !s.gate.Showing() {
		return errNotShown
	}
	return s.SQL.Query(ctx, q, w)
}
