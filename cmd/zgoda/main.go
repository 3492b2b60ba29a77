// Command zgoda is the gateway, the console's API and the operator's command
// line.
package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"syscall"

	"zgoda/cli"
	"zgoda/pseudonym/harden"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := cli.Run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr, cli.Actions{Up: up, Serve: serve, Check: check, Move: move, Restore: restoreBackup, Settings: doctorSettings})
	stop()
	os.Exit(code)
}

// hardened keeps the process's memory, which holds the gateway's keys, from
// reaching a disk or a debugger, and refuses secrets in the environment. Where
// locked memory is limited, errw is told.
func hardened(errw io.Writer) error {
	if err := errors.Join(harden.Environment(), harden.Process()); err != nil {
		return err
	}
	locked, err := harden.LockMemory()
	if err == nil && !locked {
		newLogger(errw).Info("memory is not locked: raise the limit of locked memory (LimitMEMLOCK=infinity), or encrypt swap")
	}
	return err
}
