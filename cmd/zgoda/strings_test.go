package main

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"zgoda/consent/decoded"
)

// TestWatchStrings: each number of the cache is under its own name.
func TestWatchStrings(t *testing.T) {
	reg := prometheus.NewPedanticRegistry()
	if err := watchStrings(reg, func() decoded.Stats { return decoded.Stats{Hits: 3, Misses: 2, Bytes: 700} }); err != nil {
		t.Fatal(err)
	}
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		m := f.GetMetric()[0]
		got[f.GetName()] = m.GetCounter().GetValue() + m.GetGauge().GetValue()
	}
	want := map[string]float64{
		"zgoda_consent_strings_hits_total": 3, "zgoda_consent_strings_misses_total": 2, "zgoda_consent_strings_bytes": 700,
	}
	for name, value := range want {
		if got[name] != value {
			t.Errorf("%s is %v, not %v", name, got[name], value)
		}
	}
	if len(got) != len(want) {
		t.Errorf("metrics %v", got)
	}
	if watchStrings(reg, nil) == nil {
		t.Error("the same metrics are taken twice")
	}
}
