package rights

import (
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"zgoda/control"
)

// told returns the gauges of a registry by name and labels.
func told(t *testing.T, registry *prometheus.Registry) map[string]float64 {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			name := f.GetName()
			for _, l := range m.GetLabel() {
				name += " " + l.GetValue()
			}
			all[name] = m.GetGauge().GetValue()
		}
	}
	return all
}

// TestRequestsAreToldWithTheirZeros: each right and state is there, a number that no
// longer holds goes, and no deadline is told where no clock runs.
func TestRequestsAreToldWithTheirZeros(t *testing.T) {
	m, now, registry := newMetrics(), time.Now(), prometheus.NewRegistry()
	if err := m.register(registry); err != nil {
		t.Fatal(err)
	}
	m.set([]control.RequestCount{
		{Right: control.RightErasure, State: control.RequestFailed, Count: 2, Open: true, Ages: [4]int64{2}, Nearest: now.Add(48 * time.Hour)},
		{Right: control.RightErasure, State: control.RequestComplete, Count: 5},
	}, now)
	got, kinds := told(t, registry), 0
	for name := range got {
		if strings.HasPrefix(name, "zgoda_requests ") {
			kinds++
		}
	}
	if all := len(Rights) * len(control.RequestStates); kinds != all {
		t.Errorf("%d series of %d", kinds, all)
	}
	const failed, deadline = "zgoda_requests erasure failed", "zgoda_requests_deadline_days erasure"
	if got[failed] != 2 || got["zgoda_requests erasure complete"] != 5 || got["zgoda_requests access failed"] != 0 {
		t.Errorf("%v", got)
	}
	if got[deadline] < 1.99 || got[deadline] > 2 {
		t.Errorf("days: %v", got[deadline])
	}
	m.set(nil, now)
	got = told(t, registry)
	if n, there := got[failed]; n != 0 || !there {
		t.Errorf("failed, once there is none: %v, %v", n, there)
	}
	if n, there := got[deadline]; there {
		t.Errorf("%v days to the deadline of no request", n)
	}
}
