package apptest

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"zgoda/apptest/disk"
)

// faultScenes are faults of the program itself, of which none is known. The binaries
// have points at which they fail when the test says so; those that are shipped have
// none (killpoint).
func faultScenes() []scene {
	return []scene{{"faults", faultyScene, []trouble{
		{
			alert: "ZgodaPanics", begin: bothPanic, lasts: fifteen, shows: []string{
				"zgoda_gateway_panics_total 1\n", `zgoda_events_refused_total{reason="internal"} 1`, "zgoda_keyholder_panics_total 1\n",
				"a request could not be handled", "collector.(*work).take", "a handler panicked in", "keyholder.(*service).Resolve",
				"1 requests failed by a fault of the program",
			}, over: nothingSentIsTold,
		},
		{
			alert: "ZgodaEventsUnaccounted", begin: eventLost, shows: []string{"zgoda_events_in_flight 1\n", "unaccounted 1\n", "rows that are not counted: 0\n", "1 events were taken, have no fate and are nowhere"},
			over: func(t *testing.T, o *operated) {
				t.Helper()
				if m := o.settled(t, 30*time.Second); m["zgoda_events_recovered_total"] != 0 {
					t.Errorf("the event that is lost was on disk: %v recovered", m["zgoda_events_recovered_total"])
				}
			},
		},
	}}}
}

// faultyScene is a gateway and a keyholder that can be told to fail.
func faultyScene(t *testing.T) *operated {
	t.Helper()
	points := t.TempDir()
	b := build{programs: withPoints(t), variables: []string{killpoints + "=" + points}}
	o := operateOf(t, b, func(string) disk.Disk { return nil }, "")
	o.points = points
	return o
}

// fails has the next process that comes to a point fail there, by the text that
// killpoint knows.
func (o *operated) fails(t *testing.T, point, how string) {
	t.Helper()
	// Whole at once: a process may come there at any moment.
	path := filepath.Join(o.points, point)
	if err := os.WriteFile(path+".new", []byte(how), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

// secretOfFaults is in what is sent when something fails.
const secretOfFaults = "nobody-may-read-this-in-a-log"

// sends sends an event of somebody new and returns the answer's status.
func (o *operated) sends(t *testing.T, who string) int {
	t.Helper()
	body := fmt.Sprintf(`{"userId":%q,"event":%q,%s}`, who+"-"+secretOfFaults, secretOfFaults, grantAll)
	resp, _ := post(t, o.public+"/v1/track", body, map[string]string{"Authorization": "Bearer " + operatedSecret})
	return resp.StatusCode
}

// bothPanic: the gateway and the keyholder each meet a fault amid a request.
func bothPanic(t *testing.T, o *operated) {
	t.Helper()
	o.fails(t, "collector take", "panic")
	if status := o.sends(t, "first"); status != http.StatusInternalServerError {
		t.Errorf("a request that failed by a fault was answered with %d", status)
	}
	o.fails(t, "keyholder resolve", "panic")
	if status := o.sends(t, "second"); status != http.StatusOK {
		t.Errorf("a request whose call to the keyholder failed once was answered with %d", status)
	}
	m := o.settled(t, 30*time.Second) // each event has its fate nevertheless
	if n := m["zgoda_events_stored_total"]; n != 1 {
		t.Errorf("%v events are stored", n)
	}
	if status := o.sends(t, "third"); status != http.StatusOK {
		t.Errorf("after the faults: %d", status)
	}
}

// nothingSentIsTold: no log holds anything of a request that failed.
func nothingSentIsTold(t *testing.T, o *operated) {
	t.Helper()
	for name, u := range o.units {
		if strings.Contains(u.log(), secretOfFaults) {
			t.Errorf("the log of %s holds what was sent", name)
		}
	}
}

// eventLost: an event is answered as taken, and is nowhere.
func eventLost(t *testing.T, o *operated) {
	t.Helper()
	someLoad(t, o)
	o.fails(t, "collector put", "")
	if status := o.sends(t, "lost"); status != http.StatusOK {
		t.Errorf("%d", status)
	}
}
