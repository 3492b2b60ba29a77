package rights

import (
	"testing"
	"time"

	"zgoda/control"
)

// TestWaits: that something is away is shown, and is no attempt.
func TestWaits(t *testing.T) {
	r := newRoom(t, func(c *Config) { c.Attempts = 3 })
	r.Use(control.RightErasure, &worker{service: r.Service})
	one := r.open(t, opening(control.RightErasure, "jana"))
	until := day.Add(5 * time.Minute)
	for range 5 {
		if err := r.Waits(t.Context(), one.ID, "ClickHouse is away", until); err != nil {
			t.Fatal(err)
		}
	}
	got, err := r.Request(t.Context(), one.ID)
	if err != nil || got.State != control.RequestRunning || got.Attempts != 0 || got.Error != "ClickHouse is away" || !got.Next.Equal(until) {
		t.Errorf("it is %+v, %v", got, err)
	}
	if err := r.Fail(t.Context(), one.ID, "case", false); err != nil {
		t.Fatal(err)
	}
	if err := r.Waits(t.Context(), one.ID, "ClickHouse is away", until); err != nil {
		t.Fatal(err)
	}
	if got, err = r.Request(t.Context(), one.ID); err != nil || got.State != control.RequestFailed || got.Error != "case" {
		t.Errorf("one that has failed: %+v, %v", got, err)
	}
}
