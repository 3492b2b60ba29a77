package main

import (
	"context"
	"time"
)

// poll tries until nothing fails, and returns the last error when the time is over.
func poll(ctx context.Context, within time.Duration, try func() error) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	late := time.After(within)
	for {
		err := try()
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-late:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
