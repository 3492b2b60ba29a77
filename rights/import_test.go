package rights

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"zgoda/control"
	"zgoda/event"
	"zgoda/importer"
)

const pastHeader = "right,received,completed,state,channel,identifier,ground,note\n"

// TestImport: past requests are kept once, each with its contact where that is
// known; bad rows are told by line and field and left out.
func TestImport(t *testing.T) {
	r := newRoom(t, nil)
	file := pastHeader +
		"erasure,2025-01-31,2025-02-14,complete,letter,user_id:jana,,folder 3\n" +
		"access,2025-03-01T10:00:00Z,2025-03-02T10:00:00Z,denied,mail,,excessive,\n" +
		"flying,2025-01-31,2025-02-14,complete,letter,,,\n" +
		"access,2025-01-31,2025-01-14,complete,letter,,,\n" +
		"access,2025-01-31,2025-02-14,pending,letter,,,\n" +
		"access,2025-01-31,2025-02-14,complete,pigeon,,,\n" +
		"access,2025-01-31,2025-02-14,denied,letter,,,\n" +
		"access,2025-01-31,2025-02-14,complete,letter,somebody,,\n" +
		"access,2025-01-31,2025-02-14,complete,letter,,,jana@example.org\n" +
		"access,yesterday,2025-02-14,complete,letter,,,\n" +
		"access,2025-01-31\n" +
		"acc\"ess,2025-01-31,2025-02-14,complete,letter,,,\n" +
		"access,2025-01-31,2025-02-14,complete,letter,user_id:gone,,\n"
	want := []string{"4 right", "5 completed", "6 state", "7 channel", "8 ground", "9 identifier", "10 note", "11 received", "12 row", "13 row"}
	for range 2 {
		var bad []string
		last := importer.Report{}
		report, err := r.Import(t.Context(), strings.NewReader(file), Import{
			Site: "shop", Actor: "ana", Progress: func(now importer.Report) { last = now },
			Bad: func(b importer.Bad) error {
				bad = append(bad, fmt.Sprint(b.Line, " ", b.Field))
				if strings.Contains(b.Reason, "jana") || strings.Contains(b.Reason, "pigeon") {
					t.Errorf("it repeats what was there: %s", b.Reason)
				}
				return nil
			},
		})
		if err != nil || report != (importer.Report{Rows: 13, Accepted: 3, Bad: 10}) || last != report || !slices.Equal(bad, want) {
			t.Errorf("%+v, %v: %v", report, bad, err)
		}
	}
	list, err := r.store.Requests(t.Context(), control.RequestQuery{})
	if err != nil || len(list) != 3 || r.vault.cases() != 0 {
		t.Fatalf("%d are kept, %d cases: %v", len(list), r.vault.cases(), err)
	}
	if one := list[0]; !one.Imported || one.State != control.RequestComplete || one.Step != "" {
		t.Errorf("%+v", one)
	}
	about := 0
	for _, one := range list {
		if one.Handle == (event.Handle{1}) {
			about++
		}
	}
	if about != 1 {
		t.Errorf("%d are about a contact", about)
	}
	for _, head := range []string{"", "right,received\n", strings.Replace(pastHeader, "note", "right", 1)} {
		if _, err := r.Import(t.Context(), strings.NewReader(head), Import{Site: "shop", Actor: "ana"}); !errors.Is(err, importer.ErrHeader) {
			t.Errorf("the first line %q: %v", head, err)
		}
	}
}

// TestMetrics: every right has its numbers, those of open requests whose clock runs.
func TestMetrics(t *testing.T) {
	r := newRoom(t, nil)
	r.open(t, opening(control.RightErasure, "jana"))
	o := opening(control.RightErasure, "petr")
	o.Received = day.AddDate(0, -2, 0)
	r.open(t, o)
	o = opening(control.RightAccess, "jana")
	o.Proof, o.Received = "", day.AddDate(0, -2, 0)
	r.open(t, o)
	registry := prometheus.NewRegistry()
	if err := r.metrics.register(registry); err != nil {
		t.Fatal(err)
	}
	r.metrics.count(t.Context(), r.Service)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got, open := map[string]float64{}, 0
	for _, f := range families {
		for _, m := range f.GetMetric() {
			name := f.GetName()
			for _, l := range m.GetLabel() {
				name += " " + l.GetValue()
			}
			got[name] = m.GetGauge().GetValue()
			if f.GetName() == "zgoda_requests_open" {
				open++
			}
		}
	}
	for name, want := range map[string]float64{
		"zgoda_requests_open week erasure": 1, "zgoda_requests_open older erasure": 1, "zgoda_requests_open older access": 1, "zgoda_requests_open week objection": 0,
		"zgoda_requests_overdue erasure": 1, "zgoda_requests_overdue access": 0, "zgoda_requests erasure in_progress": 2,
		"zgoda_erasure_queue": 2, "zgoda_erasure_oldest_seconds": day.Sub(day.AddDate(0, -2, 0)).Seconds(),
	} {
		if value, there := got[name]; !there || value != want {
			t.Errorf("%s is %v, want %v", name, value, want)
		}
	}
	if open != len(Rights)*len(ages) {
		t.Errorf("%d gauges of open requests", open)
	}
	if _, there := got["zgoda_requests_deadline_days access"]; there || got["zgoda_requests_deadline_days erasure"] > -25 {
		t.Errorf("%v days to the deadline of erasure; the clock of access stands: %v", got["zgoda_requests_deadline_days erasure"], there)
	}
}
