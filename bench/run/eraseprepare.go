package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"zgoda/bench/rows"
	"zgoda/event"
)

const (
	probesFile = "probes" // their pseudonyms
	// eraseProbes are the contacts that are erased one by one.
	eraseProbes = 100
	// busyRows are the rows of the contact that is exported.
	busyRows = 10_000
	// rowsPerVisitor is how many rows there are for each visitor, in the middle.
	rowsPerVisitor = 20
)

// eraseShape is what is measured on: a year of activity.
func (o options) eraseShape() rows.Shape {
	return rows.Shape{
		Rows: o.rows, Visitors: o.rows / rowsPerVisitor, Days: 365, Batch: 500_000,
		End: time.Now().UTC().Truncate(24 * time.Hour).Unix(),
	}
}

// prepareErasure mints the contacts and stores all rows.
func prepareErasure(ctx context.Context, o options, dir string) error {
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("clear the scratch folder: %w", err)
	}
	all := o
	all.contacts += eraseProbes + 1
	people, err := mintContacts(ctx, all, dir)
	if err != nil {
		return err
	}
	var probes strings.Builder
	for _, h := range people[o.contacts : o.contacts+eraseProbes] {
		fmt.Fprintf(&probes, "%x\n", h.Profiling[:])
	}
	if err := os.WriteFile(filepath.Join(dir, probesFile), []byte(probes.String()), 0o600); err != nil {
		return fmt.Errorf("write whom to erase one by one: %w", err)
	}
	dsn, stop, err := startEngine(ctx, o.bin, dir)
	if err != nil {
		return err
	}
	if err := errors.Join(storeRows(ctx, o, dsn, rows.People{Subjects: profilingOf(people[:all.contacts-1]), Busy: people[all.contacts-1].Profiling, BusyRows: busyRows}), stop()); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "prepared"), nil, 0o600)
}

func storeRows(ctx context.Context, o options, dsn string, p rows.People) error {
	store, err := openActivity(ctx, dsn)
	if err != nil {
		return err
	}
	defer store.Close() //nolint:errcheck // what was inserted is on disk
	begin := time.Now()
	return rows.Fill(ctx, dsn, o.eraseShape(), p, func(n uint64) {
		fmt.Printf("\r%s of %s rows, %v", thousands(float64(n)), thousands(float64(o.rows)), time.Since(begin).Round(time.Second))
	})
}

func profilingOf(people []event.Handles) []event.Handle {
	out := make([]event.Handle, len(people))
	for i := range people {
		out[i] = people[i].Profiling
	}
	return out
}
