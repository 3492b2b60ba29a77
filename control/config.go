package control

import (
	"errors"
	"fmt"
	"time"

	"zgoda/control/ledger"
)

// Config says where the store is and how long it may take.
type Config struct {
	// Address of a PostgreSQL database, "postgres://...", that several nodes may
	// share; empty: the SQLite file. It may hold a password, and is not printed.
	Address string
	// Node is the name under which this node writes its chain. It must stay the
	// same, and be no other node's.
	Node ledger.Writer
	// Path of the SQLite file. Its folder is made when missing (0700); the file is
	// 0600, and refused when others may read it.
	Path string
	// Busy is how long a statement waits for a lock that another program holds.
	Busy time.Duration
	// Timeout bounds each read and each write as a whole.
	Timeout time.Duration
	// LockWait is how long Open waits for a process that is dying.
	LockWait time.Duration
	// MaxQueue is how many Appends may wait for the writer.
	MaxQueue int
}

// DefaultConfig returns the settings for a store at path.
func DefaultConfig(path string) Config {
	return Config{
		Path: path, Node: "node", Busy: time.Second, Timeout: 2 * time.Second,
		LockWait: 15 * time.Second, MaxQueue: 4096,
	}
}

// Validate says what is wrong, by key.
func (c Config) Validate() error {
	var errs []error
	if c.Path == "" && c.Address == "" {
		errs = append(errs, errors.New("control.path: is empty"))
	}
	if !c.Node.Valid() {
		errs = append(errs, errors.New("control.node: must be 1 to 32 of a-z, 0-9 and -"))
	}
	for _, d := range []struct {
		key string
		d   time.Duration
	}{{"busy", c.Busy}, {"timeout", c.Timeout}} {
		if d.d <= 0 {
			errs = append(errs, fmt.Errorf("control.%s: must be above zero", d.key))
		}
	}
	if c.LockWait < 0 {
		errs = append(errs, errors.New("control.lock_wait: is negative"))
	}
	if c.MaxQueue <= 0 {
		errs = append(errs, errors.New("control.max_queue: must be above zero"))
	}
	return errors.Join(errs...)
}
