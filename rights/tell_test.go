package rights

import (
	"context"
	"errors"
	"testing"

	"zgoda/control"
)

// TestRecipientBlocks: a request whose work is done waits for the recipients that are
// told of it, and is complete with the last of them.
func TestRecipientBlocks(t *testing.T) {
	r := newRoom(t, nil)
	away := true
	r.deps.Tell = func(ctx context.Context, list []control.Request) error {
		if away {
			return errors.New("away")
		}
		return r.store.BeginTasks(ctx, []control.Task{{Request: list[0].ID, Name: "recipient:mailer", State: control.TaskWaiting, Before: -1, After: -1}})
	}
	r.Use(control.RightRestriction, &worker{service: r.Service})
	one := r.open(t, opening(control.RightRestriction, "jana"))
	if one.State != control.RequestRunning || one.Error == "" {
		t.Fatalf("it is %s, %q", one.State, one.Error)
	}
	away = false
	for range 2 { // again after a crash
		if err := r.Finish(t.Context(), one.ID, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Settle(t.Context(), one.ID); err != nil {
		t.Fatal(err)
	}
	if got, err := r.Request(t.Context(), one.ID); err != nil || got.State != control.RequestRunning {
		t.Errorf("before the recipient was told it is %s: %v", got.State, err)
	}
	told := control.Task{Request: one.ID, Name: "recipient:mailer", State: control.TaskDone, Before: -1, After: -1}
	if err := r.store.PutTasks(t.Context(), []control.Task{told}); err != nil {
		t.Fatal(err)
	}
	if err := r.Settle(t.Context(), one.ID); err != nil {
		t.Fatal(err)
	}
	if got, err := r.Request(t.Context(), one.ID); err != nil || got.State != control.RequestComplete {
		t.Errorf("then it is %s: %v", got.State, err)
	}
}
