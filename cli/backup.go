package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"zgoda/restore"
)

type backupCmd struct {
	dataFlag
	Out string `help:"folder for the backup, which is not there yet" required:"" type:"path" placeholder:"DIR"`
}

// Run has the running system make a backup and keeps it, whole or not at all.
func (c *backupCmd) Run(ctx context.Context, s streams) (err error) {
	if _, err := os.Lstat(c.Out); err == nil {
		return usageError{"backup: " + c.Out + " is there already"}
	}
	client, err := c.connect()
	if err != nil {
		return err
	}
	resp, err := client.do(ctx, http.MethodPost, "/backup", "", nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close() //nolint:errcheck // read to its end below
	part := filepath.Clean(c.Out) + ".part"
	if err := os.RemoveAll(part); err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	m, err := restore.Unpack(ctx, resp.Body, part)
	if err == nil {
		_, err = io.Copy(io.Discard, resp.Body)
	}
	if err == nil {
		err = outcome(resp.Trailer)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("backup: %w", err), os.RemoveAll(part))
	}
	if err := os.Rename(part, c.Out); err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	for _, f := range m.Files {
		_, _ = fmt.Fprintf(s.out, "%s: %d bytes\n", f.Name, f.Size)
	}
	for _, left := range m.Left {
		_, _ = fmt.Fprintf(s.out, "not in it: %s\n", left)
	}
	_, err = fmt.Fprintf(s.out, "%s: made %s, may be restored until %s; delete it by then\n", c.Out, m.Made.Format(time.RFC3339), m.Restorable.Format(time.DateOnly))
	return err
}

// RestoreFlags are those of zgoda restore.
type RestoreFlags struct {
	dataFlag
	In      string `help:"folder of the backup" required:"" type:"path" placeholder:"DIR"`
	Replace bool   `help:"give up the control store that is there"`
}

type restoreCmd struct{ RestoreFlags }

// Run puts a backup in place, on a system that does not run.
func (c *restoreCmd) Run(ctx context.Context, a Actions, s streams) error {
	if a.Restore == nil {
		return errNoAction
	}
	return a.Restore(ctx, c.RestoreFlags, s.out, s.errw)
}
