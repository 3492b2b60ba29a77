package main

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"

	"zgoda/consent/decoded"
)

// watchStrings adds the metrics of the cache of consent strings, which links no
// metrics itself.
func watchStrings(reg prometheus.Registerer, read func() decoded.Stats) error {
	counter := func(name, help string, value func(s decoded.Stats) float64) error {
		return reg.Register(prometheus.NewCounterFunc(
			prometheus.CounterOpts{Name: "zgoda_consent_strings_" + name, Help: help},
			func() float64 { return value(read()) },
		))
	}
	return errors.Join(
		counter("hits_total", "TC and GPP strings that were decoded already.",
			func(s decoded.Stats) float64 { return float64(s.Hits) }),
		counter("misses_total", "TC and GPP strings that were decoded, or could not be.",
			func(s decoded.Stats) float64 { return float64(s.Misses) }),
		reg.Register(prometheus.NewGaugeFunc(
			prometheus.GaugeOpts{Name: "zgoda_consent_strings_bytes", Help: "Memory of the decoded strings that are kept."},
			func() float64 { return float64(read().Bytes) },
		)),
	)
}
