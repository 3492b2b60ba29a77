package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

type keysBackupCmd struct {
	keyholderFlags
	To  []string `help:"age recipient, age1..., who alone can open it; may repeat" required:"" placeholder:"RECIPIENT"`
	Out string   `help:"file for the backup, which is not there yet" required:"" type:"path" placeholder:"FILE"`
}

// Run has the keyholder make a backup and keeps it, whole or not at all.
func (c *keysBackupCmd) Run(ctx context.Context, s streams) (err error) {
	if _, err := os.Lstat(c.Out); err == nil {
		return usageError{"keys backup: " + c.Out + " is there already"}
	}
	client, err := c.administrator()
	if err != nil {
		return err
	}
	defer client.Close() //nolint:errcheck // it has answered or it has not
	part := c.Out + ".part"
	f, err := os.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("keys backup: %w", err)
	}
	err = client.Backup(ctx, c.To, f)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(part))
	}
	if err := os.Rename(part, c.Out); err != nil {
		return fmt.Errorf("keys backup: %w", err)
	}
	_, err = fmt.Fprintf(s.out, "%s: sealed to %d; try it with zgoda keys restore-test\n", c.Out, len(c.To))
	return err
}

type keysRestoreTestCmd struct {
	In       string `help:"the backup" required:"" type:"path" placeholder:"FILE"`
	Identity string `help:"file with the age identity that it is sealed to, for its owner alone" required:"" type:"path" placeholder:"FILE"`
}

// Run has zgoda-keyholder restore the backup into a folder that is removed again:
// this program cannot open keys.
func (c *keysRestoreTestCmd) Run(ctx context.Context, s streams) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find zgoda-keyholder: %w", err)
	}
	cmd := exec.CommandContext(ctx, filepath.Join(filepath.Dir(self), "zgoda-keyholder"), "restore", "--test", "--in", c.In, "--identity", c.Identity)
	cmd.Stdout, cmd.Stderr = s.out, s.errw
	if err := cmd.Run(); err != nil {
		return errors.New("keys restore-test: the backup was not restored")
	}
	return nil
}
