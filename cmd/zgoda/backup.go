package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"zgoda/cli"
	"zgoda/control"
	"zgoda/restore"
	personal "zgoda/stores"
	"zgoda/telemetry"
)

// backups make backups of what is this system's own, one at a time.
type backups struct {
	n       *node
	running sync.Mutex
}

var errNothing = errors.New("control store and ClickHouse are servers of your own: back them up by their own means")

// tablesDir is where the embedded engine keeps backups.
func (f folders) tablesDir() string { return filepath.Join(f.clickhouse, "backups") }

// Backup writes a backup. Nothing of it stays on this machine.
func (b *backups) Backup(ctx context.Context, w io.Writer) (err error) {
	if !b.running.TryLock() {
		return errors.New("a backup is being made")
	}
	defer b.running.Unlock()
	n := b.n
	if err := n.sweepBackups(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, n.sweepBackups()) }()
	horizons := personal.Horizons{Backups: n.config.Rights.BackupsKept()}
	m := restore.Manifest{Program: telemetry.Version(), Made: time.Now().UTC().Truncate(time.Second)}
	m.Restorable = horizons.Restorable(m.Made)
	ids, err := n.control.JournalIDs(ctx)
	if err != nil {
		return err
	}
	for _, id := range ids {
		m.Erasures = append(m.Erasures, id.String())
	}
	paths := map[string]string{}
	path := filepath.Join(n.places.backup, restore.ControlFile)
	switch err := n.control.Backup(ctx, path); {
	case err == nil:
		paths[restore.ControlFile] = path
	case errors.Is(err, control.ErrBackupShared):
		m.Left = append(m.Left, "control store: PostgreSQL")
	default:
		return err
	}
	if n.config.ClickHouse == "" {
		name := "backup_" + m.Made.Format("20060102_150405") + ".tar"
		if err := n.admin.Backup(ctx, name); err != nil {
			return err
		}
		paths[restore.TablesFile] = filepath.Join(n.places.tablesDir(), name)
	} else {
		m.Left = append(m.Left, "ClickHouse: a server of your own")
	}
	if len(paths) == 0 {
		return errNothing
	}
	m.Left = append(m.Left, "keys and vault: zgoda keys backup", "DATA/erasures: never in a backup")
	return restore.Archive(ctx, w, m, paths)
}

// sweepBackups removes what a backup has left on this machine, but for what a restore
// is still to bring in.
func (n *node) sweepBackups() error {
	pending, err := restore.ReadPending(n.places.run)
	if err != nil {
		return err
	}
	var errs []error
	for _, dir := range []string{n.places.backup, n.places.tablesDir()} {
		list, err := os.ReadDir(dir)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			errs = append(errs, err)
		}
		for _, f := range list {
			if pending == nil || f.Name() != pending.Tables {
				errs = append(errs, os.RemoveAll(filepath.Join(dir, f.Name())))
			}
		}
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("remove what a backup has left: %w", err)
	}
	return nil
}

// restoreBackup puts a backup in place of what is there.
func restoreBackup(ctx context.Context, f cli.RestoreFlags, out, _ io.Writer) error {
	data, err := filepath.Abs(f.Data)
	if err != nil {
		return fmt.Errorf("find the data folder: %w", err)
	}
	places := foldersOf(data)
	unlock, err := places.open()
	if err != nil {
		return err
	}
	defer unlock() //nolint:errcheck // the process is about to end, and the lock with it
	to := restore.Places{Run: places.run, Control: filepath.Join(places.control, "control.db"), Tables: places.tablesDir()}
	m, err := restore.Apply(ctx, f.In, to, f.Replace, time.Now())
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "restored the backup of %s (%d files); it knows of %d erasures. At the next start nothing is served until those since are carried out again.\n",
		m.Made.Format(time.RFC3339), len(m.Files), len(m.Erasures))
	return err
}
