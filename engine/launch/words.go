package launch

import (
	"errors"
	"fmt"
	"strings"
)

// errUnconfined is returned where the kernel cannot confine the engine.
var errUnconfined = errors.New("this system cannot confine the ClickHouse engine to its own folder (no Landlock): use a ClickHouse of your own (--clickhouse DSN), or set ZGODA_ENGINE_UNCONFINED=1 to run it anyway, when nobody else can log in to this machine")

var errSilent = errors.New("the ClickHouse engine ended before it listened: see that the data folder is whole and belongs to this user")

func errNoLibrary(path string) error {
	if path == "" {
		path = "libchdb.so"
	}
	return fmt.Errorf("the ClickHouse engine's library is missing (%s): run `make engine`, or name the file libchdb.so in ZGODA_ENGINE", path)
}

func errPort(port int) error {
	return fmt.Errorf("port %d on 127.0.0.1 is taken by another program: end that program, or give another port", port)
}

func errDisk(dir string) error {
	return fmt.Errorf("the disk that holds %s is full (less than %d MiB free): make room and start again", dir, minFree>>20)
}

func errLocked(dir, holder string) error {
	return fmt.Errorf("the folder %s is locked by another instance%s: stop that one first, or give another --data folder", dir, holder)
}

// classify turns what the engine said into words of ours. The engine's own
// text may repeat content, so it is never passed on.
func classify(text, dir string, port int) error {
	switch {
	case strings.Contains(text, "No space left on device"), strings.Contains(text, "NOT_ENOUGH_SPACE"), strings.Contains(text, "errno: 28"):
		return errDisk(dir)
	case strings.Contains(text, "Address already in use"), strings.Contains(text, "ADDRESS_ALREADY_IN_USE"):
		return errPort(port)
	case strings.Contains(text, "Cannot lock file"), strings.Contains(text, "Another server instance"):
		return errLocked(dir, "")
	case strings.Contains(text, "Permission denied"):
		return fmt.Errorf("the ClickHouse engine may not use the folder %s: see that it belongs to this user", dir)
	}
	return nil
}
