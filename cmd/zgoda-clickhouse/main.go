// Command zgoda-clickhouse runs the embedded ClickHouse engine as a process of
// its own, for as long as its standard input stays open.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"zgoda/engine/launch"
)

func main() { os.Exit(run()) }

func run() int {
	words, err := launch.Words()
	if err != nil {
		fmt.Fprintln(os.Stderr, "zgoda-clickhouse:", err)
		return 1
	}
	c := launch.DefaultConfig()
	passwordFD := 0
	flags := flag.NewFlagSet("zgoda-clickhouse", flag.ContinueOnError)
	flags.StringVar(&c.Library, "library", "", "path of libchdb.so")
	flags.StringVar(&c.Dir, "data", "", "data folder")
	flags.StringVar(&c.ConfigFile, "config", "", "configuration of the engine")
	flags.IntVar(&c.Port, "port", 0, "loopback port of the native protocol")
	flags.IntVar(&passwordFD, "password-fd", 3, "inherited file that holds the password of user zgoda")
	flags.DurationVar(&c.LockWait, "lock-wait", c.LockWait, "how long to wait for a folder that a dying instance still locks")
	if err := flags.Parse(os.Args[1:]); err != nil {
		return 2
	}
	c.Unconfined = os.Getenv("ZGODA_ENGINE_UNCONFINED") == "1"
	if err := c.Validate(); err != nil {
		_, _ = fmt.Fprintln(words, "zgoda-clickhouse:", err)
		return 2
	}
	handed := os.NewFile(uintptr(passwordFD), "password")
	if c.Password, err = launch.ReadPassword(handed); err != nil {
		_, _ = fmt.Fprintln(words, "zgoda-clickhouse:", err)
		return 1
	}
	_ = handed.Close()
	_ = unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}) // a core dump would hold rows
	if err := launch.StandBehind(); err != nil {
		_, _ = fmt.Fprintln(words, "zgoda-clickhouse:", err) // slower answers under load, no more
	}
	if err := launch.Run(context.Background(), c, whenToStop()); err != nil {
		_, _ = fmt.Fprintln(words, "zgoda-clickhouse:", err)
		return 1
	}
	return 0
}

// whenToStop returns a channel that is closed at the end of standard input,
// which the parent holds open, and at SIGTERM or SIGINT.
func whenToStop() <-chan struct{} {
	stop := make(chan struct{})
	var once sync.Once
	end := func() { once.Do(func() { close(stop) }) }
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	go func() { <-signals; end() }()
	go func() { _, _ = io.Copy(io.Discard, os.Stdin); end() }()
	return stop
}
