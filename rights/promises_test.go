package rights

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"zgoda/control"
	"zgoda/event"
)

// TestPromises deals at random with requests and looks after each act whether what
// docs/rights.md promises holds: states change as the table says, the clock stands
// while it is not known who asks and then alone, a request is complete only with
// everything by hand, its end is an end, of a person and right one is open, and cases
// are open for open requests alone.
func TestPromises(t *testing.T) {
	r := newRoom(t, func(c *Config) {
		c.Reviewers = 1
		c.Systems = []System{{"paper", []control.Right{control.RightRestriction}}}
	})
	r.Use(control.RightRestriction, &worker{service: r.Service})
	people := 0
	rapid.Check(t, func(rt *rapid.T) {
		people++
		who := fmt.Sprint("person-", people)
		r.vault.people[who] = event.Handle{0: 7, 1: byte(people), 2: byte(people >> 8)}
		var all []control.Request
		for range rapid.IntRange(1, 3).Draw(rt, "requests") {
			o := opening(rapid.SampledFrom([]control.Right{control.RightRestriction, control.RightAccess}).Draw(rt, "right"), who)
			o.Proof = rapid.SampledFrom([]string{"", "operator", "cookie"}).Draw(rt, "proof")
			one, err := r.Open(t.Context(), o)
			if err != nil {
				rt.Fatal(err)
			}
			all = append(all, one)
		}
		for range rapid.IntRange(1, 15).Draw(rt, "acts") {
			r.later(time.Duration(rapid.IntRange(0, 100).Draw(rt, "hours")) * time.Hour)
			i := rapid.IntRange(0, len(all)-1).Draw(rt, "which")
			before := all[i]
			a := Act{
				Name: rapid.SampledFrom([]string{
					"approve", "deny", "extend", "pause", "resume", "cancel", "retry", "prove", "supply", "sign_off", "doubt", "undo", "begin", "done",
				}).Draw(rt, "act"),
				Actor: rapid.SampledFrom([]string{"ana", "eva"}).Draw(rt, "actor"), Note: "see letter", Told: r.time(), Months: 2, Proof: "operator",
				Task: "manual:paper", Ground: rapid.SampledFrom([]string{"identity", "excessive"}).Draw(rt, "ground"), Who: Who{Kind: event.KindUserID, Value: who},
			}
			after, err := r.Act(t.Context(), before.ID, a)
			if err != nil {
				if after, err = r.Request(t.Context(), before.ID); err != nil || after.State != before.State || after.Deadline != before.Deadline {
					rt.Fatalf("%s was refused, and changed %+v: %v", a.Name, after, err)
				}
			} else if to, err := Next(before.State, a.Name); errors.Is(err, ErrTransition) {
				rt.Fatalf("%s of %s led to %s, not %s", a.Name, before.State, after.State, to)
			}
			all[i] = after
			promised(t, rt, r, &before, &after)
		}
		open := map[control.Right]int{}
		for i := range all {
			if all[i].State.Open() {
				open[all[i].Right]++
			}
			if _, there := r.vault.open[all[i].ID]; there != all[i].State.Open() {
				rt.Fatalf("%s: a case is open: %v", all[i].State, there)
			}
		}
		for right, n := range open {
			if n > 1 {
				rt.Fatalf("%d of %s are open", n, right)
			}
		}
	})
}

func promised(t *testing.T, rt *rapid.T, r *room, before, after *control.Request) {
	t.Helper()
	switch {
	case (after.State == control.RequestUnverified) == after.Paused.IsZero():
		rt.Fatalf("%s, and the clock stands: %v", after.State, !after.Paused.IsZero())
	case !before.State.Open() && after.State != before.State:
		rt.Fatalf("%s became %s", before.State, after.State)
	case after.State.Open() != after.Done.IsZero():
		rt.Fatalf("%s, done at %s", after.State, after.Done)
	case after.Deadline.Before(before.Deadline):
		rt.Fatalf("the deadline went from %s to %s", before.Deadline, after.Deadline)
	case after.State == control.RequestDenied && (after.Ground == "" || after.Told.IsZero()):
		rt.Fatalf("denied without a ground, or a word: %+v", after)
	}
	if after.State == control.RequestRunning || after.State == control.RequestComplete {
		reviews, err := r.store.Reviews(t.Context(), after.ID)
		if err != nil || len(reviews) != 1 || reviews[0].Reviewer == after.Actor || after.Proof == ProofNone {
			rt.Fatalf("%s with the reviews %v and the proof %s: %v", after.State, reviews, after.Proof, err)
		}
	}
	tasks, err := r.store.Tasks(t.Context(), after.ID)
	if err != nil {
		rt.Fatal(err)
	}
	waiting, paper := 0, false
	for i := range tasks {
		paper = paper || tasks[i].Name == "manual:paper"
		if !settled(&tasks[i]) {
			waiting++
		}
	}
	if after.State == control.RequestComplete && (waiting > 0 || !paper) {
		rt.Fatalf("complete with the tasks %+v", tasks)
	}
}
