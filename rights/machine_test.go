package rights

import (
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"

	"zgoda/control"
)

// TestTransitions goes through every state and act: what the table of docs/rights.md
// does not have is refused.
func TestTransitions(t *testing.T) {
	states := append([]control.RequestState{"", "unknown"}, openStates...)
	states = append(states, control.Ends...)
	acts := []string{
		"", "open", "approve", "deny", "extend", "pause", "resume", "cancel", "retry", "prove", "supply", "sign_off", "doubt", "undo", "begin", "done", "fail",
	}
	want := map[string]string{
		"identity_unverified": "prove=pending cancel=cancelled deny=denied", "requires_input": "supply=pending cancel=cancelled deny=denied",
		"pending":  "approve=approved deny=denied cancel=cancelled doubt=identity_unverified",
		"approved": "begin=in_progress cancel=cancelled undo=cancelled", "in_progress": "done=complete fail=failed pause=paused",
		"paused": "resume=in_progress cancel=cancelled", "failed": "retry=in_progress cancel=cancelled",
	}
	allowed := 0
	for _, from := range states {
		for _, act := range acts {
			to, err := Next(from, act)
			text := string(to)
			switch {
			case err != nil && (!errors.Is(err, ErrTransition) || to != ""):
				t.Errorf("%s %s: %q, %v", from, act, to, err)
			case err != nil:
				if has(want[string(from)], act+"=") {
					t.Errorf("%s %s is refused", from, act)
				}
			case act == "extend" || act == "sign_off":
				if to != from || from == "" || !from.Open() {
					t.Errorf("%s %s leads to %q", from, act, to)
				}
			default:
				allowed++
				if !has(want[string(from)], act+"="+text) {
					t.Errorf("%s %s leads to %s", from, act, to)
				}
			}
		}
	}
	if allowed != len(transitions) || allowed != 20 {
		t.Errorf("%d transitions of %d", allowed, len(transitions))
	}
}

func has(list, what string) bool {
	for len(list) > 0 {
		if len(list) >= len(what) && list[:len(what)] == what {
			return true
		}
		i := 0
		for i < len(list) && list[i] != ' ' {
			i++
		}
		if i == len(list) {
			return false
		}
		list = list[i+1:]
	}
	return false
}

// TestDeadline: the same day of a later month, its last day where there is none,
// counted in the controller's zone.
func TestDeadline(t *testing.T) {
	bratislava, err := time.LoadLocation("Europe/Bratislava")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		received       string
		months, paused int
		zone           *time.Location
		want           string
	}{
		"a month":            {"2026-03-03T10:00:00Z", 1, 0, time.UTC, "2026-04-03T23:59:59Z"},
		"no such day":        {"2026-01-31T10:00:00Z", 1, 0, time.UTC, "2026-02-28T23:59:59Z"},
		"a leap year":        {"2028-01-31T10:00:00Z", 1, 0, time.UTC, "2028-02-29T23:59:59Z"},
		"over the year":      {"2026-12-31T10:00:00Z", 2, 0, time.UTC, "2027-02-28T23:59:59Z"},
		"extended by two":    {"2026-11-30T10:00:00Z", 3, 0, time.UTC, "2027-02-28T23:59:59Z"},
		"after a pause":      {"2026-01-31T10:00:00Z", 1, 3, time.UTC, "2026-03-03T23:59:59Z"},
		"a weekend":          {"2026-01-28T10:00:00Z", 1, 0, time.UTC, "2026-02-28T23:59:59Z"}, // a Saturday
		"evening there":      {"2026-03-31T22:30:00Z", 1, 0, bratislava, "2026-05-01T21:59:59Z"},
		"evening, elsewhere": {"2026-03-31T22:30:00Z", 1, 0, time.UTC, "2026-04-30T23:59:59Z"},
		"winter time begins": {"2026-09-25T10:00:00Z", 1, 0, bratislava, "2026-10-25T22:59:59Z"},
	} {
		received, err := time.Parse(time.RFC3339, c.received)
		if err != nil {
			t.Fatal(err)
		}
		if got := Deadline(received, c.months, c.paused, c.zone).Format(time.RFC3339); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// TestDeadlineIsMonotone: whoever asks later, waits longer or is extended is never
// answered earlier, and nobody before they asked.
func TestDeadlineIsMonotone(t *testing.T) {
	zones := []*time.Location{time.UTC}
	for _, name := range []string{"Europe/Bratislava", "America/New_York", "Asia/Kolkata", "Pacific/Apia"} {
		zone, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		zones = append(zones, zone)
	}
	rapid.Check(t, func(t *rapid.T) {
		at := time.Unix(rapid.Int64Range(1_500_000_000, 2_500_000_000).Draw(t, "at"), 0).UTC()
		more := time.Duration(rapid.Int64Range(0, 400*86400).Draw(t, "more")) * time.Second
		months, days := rapid.IntRange(1, 3).Draw(t, "months"), rapid.IntRange(0, 90).Draw(t, "days")
		zone := rapid.SampledFrom(zones).Draw(t, "zone")
		d := Deadline(at, months, days, zone)
		if d.Before(at.AddDate(0, 0, 27)) {
			t.Errorf("%s for %s", d, at)
		}
		if later := Deadline(at.Add(more), months, days, zone); later.Before(d) {
			t.Errorf("received %s later: %s before %s", more, later, d)
		}
		if longer := Deadline(at, months, days+1, zone); !longer.After(d) {
			t.Errorf("a day more: %s, %s", longer, d)
		}
		if longer := Deadline(at, months+1, days, zone); !longer.After(d) {
			t.Errorf("a month more: %s, %s", longer, d)
		}
	})
}

// TestBackoff doubles up to the most.
func TestBackoff(t *testing.T) {
	for attempts, want := range map[int]time.Duration{1: time.Second, 2: 2 * time.Second, 5: 16 * time.Second, 9: 256 * time.Second, 10: 5 * time.Minute, 500: 5 * time.Minute} {
		if got := backoff(attempts, time.Second, 5*time.Minute); got != want {
			t.Errorf("after %d: %s, want %s", attempts, got, want)
		}
	}
}
