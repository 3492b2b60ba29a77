package activity

import (
	"context"
	"errors"
	"strings"
)

// Backup writes the lasting tables into a file of the server's folder of backups, as
// one archive. What the server keeps in memory alone is left out. A server that has no
// such folder refuses.
func (s *Store) Backup(ctx context.Context, name string) error {
	const act = "back the tables up"
	if !validName(strings.TrimSuffix(name, backupSuffix)) {
		return classify(act, errValue)
	}
	names := make([]string, len(Lasting))
	for i, table := range Lasting {
		names[i] = "TABLE {db}." + table
	}
	return s.exec(ctx, act, "BACKUP "+strings.Join(names, ", ")+" TO File('"+name+"')")
}

// backupSuffix makes the server write one archive instead of a folder.
const backupSuffix = ".tar"

// RestoreTables brings the lasting tables back as they were in a backup. What is in
// them now goes. It may be done again after a crash.
func (s *Store) RestoreTables(ctx context.Context, name string) error {
	const act = "bring the tables back"
	if !validName(strings.TrimSuffix(name, backupSuffix)) {
		return classify(act, errValue)
	}
	if err := s.exec(ctx, act, "CREATE DATABASE IF NOT EXISTS {db}"); err != nil {
		return err
	}
	if err := s.attached(ctx); err != nil {
		return err
	}
	// What an erasure or a rotation had begun is of the rows that were.
	if err := s.dropRekeys(ctx, eventsCopyPrefix, linksCopyPrefix, mapPrefix, erasingPrefix, keptPrefix, stampPrefix); err != nil {
		return err
	}
	var errs []error
	names := make([]string, len(Lasting))
	for i, table := range Lasting {
		errs = append(errs, s.exec(ctx, act, "DROP TABLE IF EXISTS {db}."+table+" SYNC"))
		names[i] = "TABLE {db}." + table
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	if err := s.exec(ctx, act, "RESTORE "+strings.Join(names, ", ")+" FROM File('"+name+"')"); err != nil {
		return err
	}
	return s.recount(ctx)
}

// recount lets tables that were restored count their parts and mutations on from what
// is in them. A part keeps the number of the mutation that it was last rewritten by,
// the table that RESTORE makes begins at none, and a mutation passes over every part of
// a higher number than its own: it would be called done without having looked at it. The
// count is taken anew from the parts when a table is attached.
func (s *Store) recount(ctx context.Context) error {
	const act = "attach the restored tables"
	for _, table := range Lasting {
		if err := s.exec(ctx, act, "DETACH TABLE {db}."+table+" SYNC"); err != nil {
			return err
		}
		if err := s.exec(ctx, act, "ATTACH TABLE {db}."+table); err != nil {
			return err
		}
	}
	return nil
}

// attached attaches what a recount left that was cut off, which could not be dropped.
func (s *Store) attached(ctx context.Context) error {
	const act = "attach the restored tables"
	var names []string
	if err := s.conn.QueryRow(ctx, "SELECT groupArray(table) FROM system.detached_tables WHERE database = ? AND has(?, table)", s.database, Lasting).Scan(&names); err != nil {
		return classify(act, err)
	}
	for _, table := range names {
		if err := s.exec(ctx, act, "ATTACH TABLE {db}."+table); err != nil {
			return err
		}
	}
	return nil
}
