package erasing

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"zgoda/control"
	"zgoda/telemetry/scale"
)

type metrics struct {
	steps    *prometheus.HistogramVec
	failures *prometheus.CounterVec
	batches  prometheus.Counter
	rows     prometheus.Counter
	done     prometheus.Counter
}

func newMetrics() *metrics {
	m := &metrics{
		steps: prometheus.NewHistogramVec(scale.Seconds(
			"zgoda_erasure_step_seconds", "How long the parts of erasures took, by part.", prometheus.ExponentialBuckets(0.01, 4, 9)...,
		), []string{"step"}),
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "zgoda_erasure_failures_total", Help: "Steps of erasures that failed and are tried again, by the step before.",
		}, []string{"step"}),
		batches: prometheus.NewCounter(prometheus.CounterOpts{Name: "zgoda_erasure_batches_total", Help: "Batches of erasures that were begun."}),
		rows:    prometheus.NewCounter(prometheus.CounterOpts{Name: "zgoda_erasure_rows_total", Help: "Rows that erasures took away, proven."}),
		done:    prometheus.NewCounter(prometheus.CounterOpts{Name: "zgoda_erasures_total", Help: "Erasures that are complete, with their certificates."}),
	}
	for _, step := range []string{partRows, "deleted", "settled", after(control.StepProven), after(control.StepTold), after(control.StepDestroyed)} {
		m.steps.WithLabelValues(step)
	}
	for _, step := range []control.EraseStep{
		failedCase, control.StepAccepted, control.StepFenced, control.StepDrained, control.StepDeleted, control.StepSettled,
		control.StepProven, control.StepTold, control.StepDestroyed, control.StepCertified,
	} {
		m.failures.WithLabelValues(string(step))
	}
	return m
}

// failedCase is what failed before a batch has a step: opening the keyholder's case.
const failedCase = "case"

// after names what follows a step.
func after(s control.EraseStep) string { return "after_" + string(s) }

func (m *metrics) register(r prometheus.Registerer) error {
	if r == nil {
		return nil
	}
	for _, c := range []prometheus.Collector{m.steps, m.failures, m.batches, m.rows, m.done} {
		if err := r.Register(c); err != nil {
			return err
		}
	}
	return nil
}

func (m *metrics) took(step string, since time.Time) {
	m.steps.WithLabelValues(step).Observe(time.Since(since).Seconds())
}
