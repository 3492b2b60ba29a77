package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"zgoda/bench/load"
)

// watchStill is the process that watches for how long the machine itself stands still:
// for d it measures how late a thread wakes that goes before everything else.
func watchStill(ctx context.Context, d string, out io.Writer) error {
	length, err := time.ParseDuration(d)
	if err != nil {
		return fmt.Errorf("still: give how long to watch: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, length)
	defer cancel()
	late, err := still(ctx)
	if err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(late.Latency())
}

// standing watches in a process of its own while something is measured, for so long.
// The answer comes when it is over.
func standing(ctx context.Context, d time.Duration) <-chan string {
	told := make(chan string, 1)
	go func() {
		var l load.Latency
		cmd, err := self(ctx, "still", d.String())
		var out []byte
		if err == nil {
			out, err = cmd.Output()
		}
		if err == nil {
			err = json.Unmarshal(out, &l)
		}
		if err != nil {
			told <- fmt.Sprintf("How long the machine itself stood still meanwhile is not known: %v.", err)
			return
		}
		told <- fmt.Sprintf("The machine itself stood still meanwhile, for a thread that goes before everything else: %s at p99, %s at p99.9, %s at most.", millis(l.P99), millis(l.P999), millis(l.Max))
	}()
	return told
}
