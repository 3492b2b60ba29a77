package rights

import (
	"errors"
	"testing"
	"time"

	"zgoda/control"
)

// TestProofByMail: a request that waits for a link goes on with it, its deadline later
// by the days that its clock stood; nobody opens one that is proven so.
func TestProofByMail(t *testing.T) {
	r := newRoom(t, nil)
	r.Use(control.RightRestriction, &worker{service: r.Service})
	o := opening(control.RightRestriction, "jana")
	o.Proof = ProofMail
	var refused *FieldError
	if _, err := r.Open(t.Context(), o); !errors.As(err, &refused) || refused.Field != "proof" {
		t.Fatalf("opened as proven: %v", err)
	}
	o.Proof, o.Actor, o.Origin = "", ByMail, "self"
	one := r.open(t, o)
	if one.State != control.RequestUnverified || one.Paused.IsZero() {
		t.Fatalf("it is %s, its clock stands since %s", one.State, one.Paused)
	}
	r.later(72 * time.Hour)
	got := r.act(t, one.ID, Act{Name: "prove", Proof: ProofMail, Note: "the link was followed"})
	if got.State != control.RequestComplete || got.Proof != ProofMail || got.Proven.IsZero() || got.PausedDays != 3 || !got.Deadline.Equal(one.Deadline.AddDate(0, 0, 3)) {
		t.Errorf("it is %s by %q, due %s after %d days", got.State, got.Proof, got.Deadline, got.PausedDays)
	}
}

// TestUnprovenEnds: what somebody made with a mail address and nobody said was theirs
// ends after a week; what somebody looks after, or came another way, does not.
func TestUnprovenEnds(t *testing.T) {
	r := newRoom(t, func(c *Config) { c.Reviewers = 1 })
	byMail := opening(control.RightErasure, "jana")
	byMail.Proof, byMail.Actor, byMail.Origin = "", ByMail, "self"
	lapsed := r.open(t, byMail)
	byMail.Right = control.RightAccess
	doubted := r.open(t, byMail)
	letter := opening(control.RightErasure, "petr")
	letter.Proof = ""
	kept := r.open(t, letter)
	r.later(time.Hour)
	r.act(t, doubted.ID, Act{Name: "prove", Proof: ProofMail, Note: "followed"})
	r.act(t, doubted.ID, Act{Name: "doubt", Note: "she says it was not her"})
	states := func() [3]control.RequestState {
		t.Helper()
		r.sweep(t.Context())
		var all [3]control.RequestState
		for i, id := range []control.RequestID{lapsed.ID, doubted.ID, kept.ID} {
			got, err := r.Request(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			all[i] = got.State
		}
		return all
	}
	const waits = control.RequestUnverified
	r.later(unprovenFor - 2*time.Hour)
	if got := states(); got != [3]control.RequestState{waits, waits, waits} {
		t.Errorf("before a week: %v", got)
	}
	r.later(2 * time.Hour)
	if got := states(); got != [3]control.RequestState{control.RequestCancelled, waits, waits} {
		t.Errorf("after it: %v", got)
	}
}
