package confirm

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	mails *prometheus.CounterVec
	pages *prometheus.CounterVec

	sent, unsent, limited prometheus.Counter
	confirmed, gone       prometheus.Counter
}

func newMetrics() *metrics {
	m := &metrics{
		mails: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "zgoda_confirm_mails_total", Help: "Mails with a link to confirm a consent, by outcome.",
		}, []string{"outcome"}),
		pages: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "zgoda_confirm_answers_total", Help: "Confirmations written, and links that do not work, are used or are over.",
		}, []string{"outcome"}),
	}
	m.sent, m.unsent, m.limited = m.mails.WithLabelValues("sent"), m.mails.WithLabelValues("failed"), m.mails.WithLabelValues("limited")
	m.confirmed, m.gone = m.pages.WithLabelValues("confirmed"), m.pages.WithLabelValues("gone")
	return m
}

func (m *metrics) register(r prometheus.Registerer) error {
	if r == nil {
		return nil
	}
	return errors.Join(r.Register(m.mails), r.Register(m.pages))
}
