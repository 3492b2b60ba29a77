package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"zgoda/cli"
	"zgoda/config"
	"zgoda/control"
)

// move copies the control store from its file into the PostgreSQL database that
// the configuration names.
func move(ctx context.Context, flags cli.MoveFlags, out, errw io.Writer) error {
	if err := hardened(errw); err != nil {
		return err
	}
	c, err := config.Resolve(config.Settings{Data: flags.Data}, flags.Config, os.LookupEnv)
	if err != nil {
		return err
	}
	if c.Control == "" {
		return errors.New("control: is empty: give the PostgreSQL database to move to, as the gateway will have it (ZGODA_CONTROL)")
	}
	if c.Data, err = filepath.Abs(c.Data); err != nil {
		return fmt.Errorf("find the data folder: %w", err)
	}
	if err := c.Validate(); err != nil {
		return err
	}
	places := foldersOf(c.Data)
	if _, err := os.Stat(places.control); err != nil {
		return fmt.Errorf("%s: %w", places.control, control.ErrNothingToMove)
	}
	unlock, err := places.open()
	if err != nil {
		return err
	}
	defer unlock() //nolint:errcheck // the process is about to end, and the lock with it
	cfg, err := controlConfig(&c, places.control)
	if err != nil {
		return err
	}
	moved, err := control.Move(ctx, cfg)
	if err != nil {
		return err
	}
	return printMoved(out, &moved, cfg.Path)
}

func printMoved(out io.Writer, m *control.Moved, path string) error {
	w := bufio.NewWriter(out)
	p := func(format string, args ...any) { _, _ = fmt.Fprintf(w, format+"\n", args...) } // Flush returns the error
	for _, name := range slices.Sorted(maps.Keys(m.Rows)) {
		p("%s: %d rows", name, m.Rows[name])
	}
	for _, h := range m.Heads {
		p("writer %s: number %d, sequence %d, hash %x", h.Writer, h.Number, h.Sequence, h.Hash)
	}
	p("the copy verifies; the file stays as it was, and nothing may run on it any more: %s", path)
	return w.Flush()
}
