package main

import (
	"zgoda/config"
	"zgoda/consent"
	"zgoda/gateway"
)

// requestsOf returns what a site asks consent for: its purposes on consent, with
// their texts in all languages.
func requestsOf(site *config.Site) []gateway.ConsentRequest {
	all := []gateway.ConsentRequest{}
	for i := range site.Purposes {
		p := &site.Purposes[i]
		if p.Basis == consent.BasisConsent.String() {
			all = append(all, gateway.ConsentRequest{ID: gateway.RequestID(p.ID, p.Version), Text: p.Text})
		}
	}
	return all
}
