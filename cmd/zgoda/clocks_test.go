package main

import (
	"context"
	"errors"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// TestClocks: how far a clock is from ours is told per peer, as the middle of the
// question has it, for a minute; not what a slow answer or one without a time says.
func TestClocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClocks()
		now := time.Now()
		c.heard("keyholder", now.Add(5200*time.Millisecond), now, now.Add(400*time.Millisecond))
		c.heard("control", now.Add(-3*time.Second), now, now)
		c.heard("clickhouse", now.Add(time.Hour), now, now.Add(1001*time.Millisecond))
		c.heard("replica_1", time.Time{}, now, now)
		got := gauges(t, c)
		if len(got) != 2 || math.Abs(got["zgoda_clock_skew_seconds keyholder"]-5) > 1e-9 || got["zgoda_clock_skew_seconds control"] != -3 {
			t.Errorf("%v", got)
		}
		time.Sleep(50 * time.Second)
		c.heard("control", time.Now(), time.Now(), time.Now())
		time.Sleep(11 * time.Second)
		if got := gauges(t, c); len(got) != 1 || got["zgoda_clock_skew_seconds control"] != 0 {
			t.Errorf("a minute later: %v", got)
		}
	})
}

// TestClockOfTheStore: it is asked again and again, also after it did not answer.
func TestClockOfTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, asked := newClocks(), 0
		ctx, stop := context.WithCancel(t.Context())
		go c.askStore(ctx, func(ctx context.Context) (time.Time, error) {
			if _, bounded := ctx.Deadline(); !bounded {
				t.Error("it is waited for without an end")
			}
			if asked++; asked == 1 {
				return time.Time{}, errors.New("away")
			}
			return time.Now().Add(7 * time.Second), nil
		})
		synctest.Wait()
		if got := gauges(t, c); len(got) != 0 {
			t.Errorf("it is away: %v", got)
		}
		time.Sleep(askControl)
		synctest.Wait()
		if got := gauges(t, c)["zgoda_clock_skew_seconds control"]; got != 7 {
			t.Errorf("off by %v", got)
		}
		stop()
	})
}

// TestClockOfTheKeyholder: each answer of the keyholder is compared.
func TestClockOfTheKeyholder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, off := newClocks(), -4*time.Second
		p := newPresence(func(context.Context) (time.Time, error) { return time.Now().Add(off), nil }, c, prometheus.NewRegistry())
		ctx, stop := context.WithCancel(t.Context())
		go p.run(ctx)
		synctest.Wait()
		if got := gauges(t, c)["zgoda_clock_skew_seconds keyholder"]; got != -4 {
			t.Errorf("off by %v", got)
		}
		off = 0
		time.Sleep(askKeyholder)
		synctest.Wait()
		if got := gauges(t, c)["zgoda_clock_skew_seconds keyholder"]; got != 0 {
			t.Errorf("mended, and off by %v", got)
		}
		stop()
	})
}
