// Command zgoda is the gateway, the console's API and the operator's command
// line.
package main

import (
	"context"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"golang.org/x/sys/unix"

	"zgoda/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := cli.Run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr, cli.Actions{Up: up, Serve: serve, Check: check, Move: move})
	stop()
	os.Exit(code)
}

// harden keeps the process's memory, which holds the gateway's keys, from
// reaching a disk or a debugger. Children inherit the limit.
func harden() {
	_ = unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{})
	_ = unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0)
	debug.SetTraceback("none") // a crash prints no stack: arguments may be content
}
