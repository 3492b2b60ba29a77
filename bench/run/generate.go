package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"time"

	"golang.org/x/sys/unix"

	"zgoda/bench/load"
	"zgoda/bench/mix"
	"zgoda/bench/procfs"
)

// order is what a generator is told on its standard input.
type order struct {
	Load load.Config
	Mix  mix.Config
}

// said is a line of a generator. Measuring is said when counting begins, the
// rest at the end.
type said struct {
	Measuring  bool
	Result     *load.Result
	CPU        procfs.CPU // while counting
	EventBytes int
}

// generate is the generator's process: a load and its result.
func generate(ctx context.Context, in io.Reader, out io.Writer) error {
	var o order
	if err := json.NewDecoder(in).Decode(&o); err != nil {
		return fmt.Errorf("read what to send: %w", err)
	}
	pool, err := mix.NewPool(o.Mix, 2*o.Load.Connections)
	if err != nil {
		return err
	}
	debug.SetGCPercent(-1) // nothing is allocated from here on
	lines := json.NewEncoder(out)
	var before procfs.CPU
	result, err := load.Run(ctx, o.Load, pool, func() {
		before = usage()
		_ = lines.Encode(said{Measuring: true})
	})
	if err != nil {
		return err
	}
	return lines.Encode(said{Result: &result, CPU: usage().Sub(before), EventBytes: pool.EventBytes()})
}

func usage() procfs.CPU {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		return procfs.CPU{}
	}
	return procfs.CPU{User: time.Duration(u.Utime.Nano()), System: time.Duration(u.Stime.Nano())}
}

// send runs a generator in a process of its own. measuring is called when it
// begins to count.
func send(ctx context.Context, o order, measuring func()) (said, error) {
	cmd, err := self(ctx, "generate")
	if err != nil {
		return said{}, err
	}
	text, err := json.Marshal(o)
	if err != nil {
		return said{}, err
	}
	c, lines, err := start(cmd)
	if err != nil {
		return said{}, err
	}
	var last said
	_, writeErr := c.stdin.Write(text)
	_ = c.stdin.Close()
	readErr := listen(lines, &last, measuring)
	waitErr := cmd.Wait()
	if err := errors.Join(writeErr, readErr, waitErr); err != nil {
		return said{}, fmt.Errorf("generate load: %w", err)
	}
	if last.Result == nil {
		return said{}, errors.New("generate load: it ended without a result")
	}
	return last, nil
}

func listen(lines *bufio.Scanner, last *said, measuring func()) error {
	for lines.Scan() {
		if err := json.Unmarshal(lines.Bytes(), last); err != nil {
			return fmt.Errorf("read the generator's result: %w", err)
		}
		if last.Result == nil && last.Measuring && measuring != nil {
			measuring()
		}
	}
	return lines.Err()
}
