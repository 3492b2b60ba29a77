package keyholder

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"time"

	"zgoda/pseudonym"
	"zgoda/pseudonym/access"
	"zgoda/pseudonym/calls"
)

// TestGuessingRunIsStopped: a stolen credential of a gateway tries guesses until
// the quota is used up; the metric that the alarm is on rises.
func TestGuessingRunIsStopped(t *testing.T) {
	dir, socket := folders(t)
	at := time.Now()
	k := start(t, dir, socket, served, func(c *Config) { c.Now = func() time.Time { return at } })
	resolve(t, k.Client, contact(0, true))
	guessed := 0
	var stopped error
	for stopped == nil && guessed < 1_000_000 {
		guesses := make([]pseudonym.Query, pseudonym.MaxBatch)
		for i := range guesses {
			guesses[i] = contact(1+guessed+i, false)
		}
		if _, stopped = k.Resolve(t.Context(), guesses); stopped == nil {
			guessed += len(guesses)
		}
	}
	limit := access.DefaultLimits().UnknownBurst
	if stopped == nil || guessed > limit || guessed < limit-pseudonym.MaxBatch {
		t.Errorf("%d guesses before %v", guessed, stopped)
	}
	if got := k.metric(t, `zgoda_keyholder_quota_refused_total{role="pseudonymise",limit="unknown"}`); got != 1 {
		t.Errorf("the alarm's metric is %v", got)
	}
	k.drafted(t, "guesses", "pseudonymise")
	t.Logf("a guessing run: %d guesses of a million, then refused", guessed)
	if got := k.metric(t, `zgoda_keyholder_unknown_total{role="pseudonymise"}`); int(got) < guessed {
		t.Errorf("%v unknown ones are counted", got)
	}
	// A batch with one known contact is refused with its guesses, whole: the
	// refusal must not tell which row was known.
	mixed := make([]pseudonym.Query, 0, pseudonym.MaxBatch)
	for i := range pseudonym.MaxBatch {
		mixed = append(mixed, contact(i, false))
	}
	if answer, err := k.Resolve(t.Context(), mixed); err == nil || answer != nil {
		t.Error("over the quota, and yet answered")
	}
	resolve(t, k.Client, contact(0, false)) // known ones go on
	within(t, "the log", func() error {
		for _, e := range k.entriesOf(t) {
			if e.Act == "resolve" && e.Outcome == "refused" && e.Why == "quota" && e.Unknown > 0 {
				return nil
			}
		}
		return errors.New("the refusal is not in the log")
	})
	at = at.Add(time.Minute)
	if _, err := k.Resolve(t.Context(), mixed[1:2]); err != nil {
		t.Errorf("a minute later a few may ask again: %v", err)
	}
}

// TestRevealsWantASecondPerson goes through the limit of reveals.
func TestRevealsWantASecondPerson(t *testing.T) {
	dir, socket := folders(t)
	k := start(t, dir, socket, served, func(c *Config) { c.Limits.RevealsPerHour = 0 })
	first := pseudonym.WithAct(t.Context(), pseudonym.Act{Actor: "op-1", Reason: "access request 7"})
	second := pseudonym.WithAct(t.Context(), pseudonym.Act{Actor: "op-2"})
	_, err := k.rights.Reveal(first, pseudonym.Ref{1}, nil)
	id, ok := pseudonym.IsApprovalNeeded(err)
	if !ok {
		t.Fatalf("error %v", err)
	}
	if got := k.metric(t, "zgoda_keyholder_reveal_limit_total"); got != 1 {
		t.Errorf("the metric is %v", got)
	}
	k.drafted(t, "reveals", "rights")
	waiting, err := k.rights.Waiting(second)
	if err != nil || len(waiting) != 1 || waiting[0].Actor != "op-1" || waiting[0].Reason != "access request 7" || waiting[0].Approved {
		t.Errorf("waiting: %+v, %v", waiting, err)
	}
	if err := k.rights.Approve(first, id); !errors.Is(err, pseudonym.ErrNotAllowed) {
		t.Errorf("approved by the same person: %v", err)
	}
	if _, err := k.rights.Reveal(first, pseudonym.Ref{1}, id); !errors.Is(err, pseudonym.ErrNotAllowed) {
		t.Errorf("not approved, and yet revealed: %v", err)
	}
	if err := k.rights.Approve(second, id); err != nil {
		t.Fatal(err)
	}
	if _, err := k.rights.Reveal(first, pseudonym.Ref{1}, id); errors.Is(err, pseudonym.ErrNotAllowed) {
		t.Errorf("approved, and yet refused: %v", err)
	}
	if _, err := k.rights.Reveal(first, pseudonym.Ref{1}, id); !errors.Is(err, pseudonym.ErrNotAllowed) {
		t.Errorf("an approval is good for one reveal: %v", err)
	}
	k.drafted(t, "reveals", "rights") // the same one
	// A document has no answer to wait for: it is refused above the limit.
	if _, err := k.rights.Attachment(first, pseudonym.Ref{1}, [16]byte{1}, nil, io.Discard); err == nil {
		t.Error("a document above the limit")
	}
	want := map[string]bool{"reveal waiting op-1": true, "approve refused op-1": true, "approve done op-2": true, "reveal refused op-1": true}
	for _, e := range k.entriesOf(t) {
		delete(want, e.Act+" "+e.Outcome+" "+e.Actor)
	}
	if len(want) > 0 {
		t.Errorf("not in the log: %v", want)
	}
}

// drafted checks that one draft of an incident is open.
func (r *running) drafted(t *testing.T, kind, role string) {
	t.Helper()
	var text bytes.Buffer
	if err := r.admin.Calls(t.Context(), 0, &text); err != nil {
		t.Fatal(err)
	}
	drafts, err := calls.Drafts(&text)
	if err != nil || len(drafts) != 1 || drafts[0].Kind != kind || drafts[0].Role != role || drafts[0].Caller == "" {
		t.Errorf("drafts %+v, %v", drafts, err)
	}
	if got := r.metric(t, `zgoda_keyholder_incident_drafts_total{kind="`+kind+`"}`); got != 1 {
		t.Errorf("the metric of drafts is %v", got)
	}
}
