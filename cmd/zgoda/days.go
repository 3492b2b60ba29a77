package main

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"

	"zgoda/pseudonym/daily"
)

// openDays makes what holds the key of the day, where any site counts without
// cookies. Elsewhere no such key is ever made.
func (n *node) openDays() (err error) {
	for _, site := range n.sites.texts {
		if !site.Cookieless {
			continue
		}
		if n.days, err = daily.New(daily.DefaultConfig(), n.keyholder, n.log); err != nil {
			return err
		}
		return n.registry.Register(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "zgoda_daily_key_held",
			Help: "1 while there is a key of this day; without it nobody gets a pseudonym of the day.",
		}, func() float64 {
			if n.days.Holds() {
				return 1
			}
			return 0
		}))
	}
	return nil
}

// keepDays keeps the key of the day.
func (n *node) keepDays(ctx context.Context) {
	if n.days != nil {
		n.days.Run(ctx)
	}
}
