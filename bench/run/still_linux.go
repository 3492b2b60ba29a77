package main

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"zgoda/bench/load"
)

// still returns when ctx ends how late a thread woke on each processor that goes before
// everything else there (SCHED_FIFO): what is late then no program of the machine has
// caused. It needs CAP_SYS_NICE.
func still(ctx context.Context) (late *load.Histogram, err error) {
	var here unix.CPUSet
	if err := unix.SchedGetaffinity(0, &here); err != nil {
		return nil, fmt.Errorf("ask for the processors: %w", err)
	}
	runtime.GOMAXPROCS(here.Count() + 2) // a thread that woke waits for none of Go's
	late = &load.Histogram{}
	var mu sync.Mutex
	var watching sync.WaitGroup
	for cpu := 0; here.Count() > 0; cpu++ {
		if !here.IsSet(cpu) {
			continue
		}
		here.Clear(cpu)
		watching.Go(func() {
			runtime.LockOSThread() // and never unlocked: the thread ends with its rank
			each, failed := stillOn(ctx, cpu)
			mu.Lock()
			defer mu.Unlock()
			late.Merge(each)
			if err == nil {
				err = failed
			}
		})
	}
	watching.Wait()
	return late, err
}

func stillOn(ctx context.Context, cpu int) (*load.Histogram, error) {
	late := &load.Histogram{}
	var only unix.CPUSet
	only.Set(cpu)
	if err := unix.SchedSetaffinity(0, &only); err != nil {
		return late, fmt.Errorf("stay on a processor: %w", err)
	}
	rank := unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_FIFO, Priority: 1}
	if err := unix.SchedSetAttr(0, &rank, 0); err != nil {
		return late, fmt.Errorf("go before everything else: %w", err)
	}
	nap := unix.NsecToTimespec(int64(time.Millisecond))
	for ctx.Err() == nil {
		began := time.Now()
		if err := unix.ClockNanosleep(unix.CLOCK_MONOTONIC, 0, &nap, nil); err == nil {
			late.Record(time.Since(began) - time.Millisecond)
		}
	}
	return late, nil
}
