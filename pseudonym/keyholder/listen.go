package keyholder

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"zgoda/pseudonym/keyring"
)

// listen opens a socket for our own user, and a group if there is one. A socket
// that a dead keyholder left behind is replaced; one that still answers is not.
func listen(ctx context.Context, path string, group int) (net.Listener, error) {
	if err := socketDir(filepath.Dir(path), group); err != nil {
		return nil, fmt.Errorf("folder of the socket: %w", err)
	}
	if err := clearStale(ctx, path); err != nil {
		return nil, err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "unix", path)
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	mode := os.FileMode(0o600)
	if group >= 0 {
		mode = 0o660
		if err := os.Chown(path, -1, group); err != nil {
			return nil, errors.Join(fmt.Errorf("give the socket to its group: %w", err), listener.Close())
		}
	}
	if err := os.Chmod(path, mode); err != nil {
		return nil, errors.Join(fmt.Errorf("close the socket to others: %w", err), listener.Close())
	}
	return listener, nil
}

// socketDir makes the folder of a socket, or checks that only we can change it
// and only we and the group can enter it.
func socketDir(dir string, group int) error {
	if group < 0 {
		return keyring.MakePrivateDir(dir)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	var info unix.Stat_t
	if err := unix.Stat(dir, &info); err != nil {
		return err
	}
	if info.Mode&0o027 != 0 || int(info.Uid) != os.Geteuid() {
		return fmt.Errorf("%s: %w", dir, keyring.ErrOpenToOthers)
	}
	if info.Mode&0o050 == 0o050 && int(info.Gid) == group {
		return nil
	}
	if err := os.Chown(dir, -1, group); err != nil {
		return err
	}
	return os.Chmod(dir, 0o750) //nolint:gosec // the group is to enter it
}

func clearStale(ctx context.Context, path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look for a socket: %w", err)
	}
	if info.Mode().Type() != fs.ModeSocket {
		return fmt.Errorf("%s is there and is not a socket", path)
	}
	conn, err := (&net.Dialer{Timeout: time.Second}).DialContext(ctx, "unix", path)
	if err == nil {
		return errors.Join(fmt.Errorf("%s: %w", path, ErrServed), conn.Close())
	}
	if !errors.Is(err, unix.ECONNREFUSED) {
		return fmt.Errorf("%s is there and cannot be tried: %w", path, err)
	}
	if err := os.Remove(path); err != nil {
		return fmt.Errorf("remove a dead keyholder's socket: %w", err)
	}
	return nil
}
