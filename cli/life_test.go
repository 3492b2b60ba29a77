package cli

import (
	"strings"
	"testing"
	"time"
)

func moment(hour int) time.Time { return time.Date(2026, 1, 2, hour, 0, 0, 0, time.UTC) }

// TestWhatCameOfIt: the newest request counts, and what was said after it.
func TestWhatCameOfIt(t *testing.T) {
	requested := shownEntry{Purpose: "ads", State: "requested", Channel: "api", Version: 2, Time: moment(1)}
	given := shownEntry{Purpose: "ads", State: "given", Channel: confirmed, Version: 2, Time: moment(2)}
	again := shownEntry{Purpose: "ads", State: "requested", Channel: "api", Version: 3, Time: moment(4)}
	for name, c := range map[string]struct {
		entries   []shownEntry
		state     string
		confirmed bool
		version   uint32
	}{
		"asked":                    {[]shownEntry{requested}, "requested", false, 2},
		"confirmed":                {[]shownEntry{requested, given}, "given", true, 2},
		"confirmed and withdrawn":  {[]shownEntry{requested, given, {Purpose: "ads", State: "withdrawn", Channel: "phone", Time: moment(3)}}, "withdrawn", true, 2},
		"asked again":              {[]shownEntry{requested, given, again}, "requested", false, 3},
		"granted another way":      {[]shownEntry{requested, {Purpose: "ads", State: "given", Channel: "phone", Time: moment(3)}}, "given", false, 2},
		"another purpose withdrew": {[]shownEntry{requested, {Purpose: "news", State: "withdrawn", Time: moment(3)}}, "requested", false, 2},
		"the switch has no purpose": {
			[]shownEntry{requested, {State: "profiling_off", Time: moment(3)}}, "requested", false, 2,
		},
	} {
		asked := whatCameOfIt(c.entries)
		if len(asked) != 1 || asked[0].State != c.state || (asked[0].Confirmed != nil) != c.confirmed || asked[0].Version != c.version {
			t.Errorf("%s: %+v", name, asked)
		}
	}
	if asked := whatCameOfIt([]shownEntry{given}); len(asked) != 0 {
		t.Errorf("never asked: %+v", asked)
	}
}

// TestGuardianGrants: one is in force until its day, or until something else is said.
func TestGuardianGrants(t *testing.T) {
	grant := shownEntry{Sequence: 3, Purpose: "news", State: "given", Guardian: true, Verified: "mother", Until: "2030-05-01", Time: moment(1)}
	for name, c := range map[string]struct {
		later []shownEntry
		today string
		state string
	}{
		"in force":            {nil, "2030-04-30", "in_force"},
		"over":                {nil, "2030-05-01", "lapsed"},
		"noted as over":       {[]shownEntry{{Purpose: "news", State: "expired"}}, "2030-05-01", "expired"},
		"withdrawn":           {[]shownEntry{{Purpose: "news", State: "withdrawn"}}, "2026-02-01", "withdrawn"},
		"asked once more":     {[]shownEntry{{Purpose: "news", State: "requested"}}, "2026-02-01", "in_force"},
		"another purpose":     {[]shownEntry{{Purpose: "ads", State: "withdrawn"}}, "2026-02-01", "in_force"},
		"withdrawn and given": {[]shownEntry{{Purpose: "news", State: "withdrawn"}, {Purpose: "news", State: "given"}}, "2026-02-01", "given"},
	} {
		grants := guardianGrants(append([]shownEntry{{State: "minor", Time: moment(1)}, grant}, c.later...), c.today)
		if len(grants) != 1 || grants[0].State != c.state || grants[0].Sequence != 3 || grants[0].Verified != "mother" {
			t.Errorf("%s: %+v", name, grants)
		}
	}
}

// TestAskedSaysWhetherItsLinkWorks: a request that nobody confirmed is open or over.
func TestAskedSaysWhetherItsLinkWorks(t *testing.T) {
	end := moment(2)
	request := shownEntry{Purpose: "ads", State: "requested", Time: moment(1), Expires: &end}
	given := shownEntry{Purpose: "ads", State: "given", Channel: "confirm", Time: moment(1)}
	old := request
	old.Expires = nil
	for name, c := range map[string]struct {
		entries []shownEntry
		now     time.Time
		want    string
	}{
		"open":                     {[]shownEntry{request}, end.Add(-time.Second), "not yet, the link works until " + end.Format(time.RFC3339)},
		"at its end":               {[]shownEntry{request}, end, "never, the link expired at " + end.Format(time.RFC3339)},
		"confirmed":                {[]shownEntry{request, given}, end.AddDate(1, 0, 0), moment(1).Format(time.RFC3339)},
		"of before ends were kept": {[]shownEntry{old}, end, "not yet"},
	} {
		var out strings.Builder
		if err := printAsked(&out, "c-1", whatCameOfIt(c.entries), c.now); err != nil || !strings.Contains(out.String(), "  "+c.want+"  ") {
			t.Errorf("%s: %v\n%s", name, err, out.String())
		}
	}
}

func TestCountOf(t *testing.T) {
	for n, want := range map[uint64]string{0: "0 events", 1: "1 event", 2: "2 events"} {
		if got := countOf(n, "event"); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
