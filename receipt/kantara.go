package receipt

import (
	"encoding/json"
	"errors"
	"strings"

	"zgoda/control/ledger"
)

// ErrNothingGiven is returned for a receipt of consents when none is in force.
var ErrNothingGiven = errors.New("no consent is in force, so there is none to give a receipt for")

// categories of the specification by our kinds.
var categories = map[string]string{
	"measurement": "4 - Improve Performance", "analytics": "4 - Improve Performance", "profiling": "5 - Personalize Experience",
	"marketing": "6 - Marketing", "sharing": "8 - Sharing",
}

var consentTypes = map[ledger.EventType]string{
	ledger.EventImplied: "IMPLICIT", ledger.EventExpressed: "EXPLICIT", ledger.EventExplicit: "EXPLICIT",
}

// Kantara returns a receipt after Kantara's specification v1.1 for the consents
// of a person that are in force.
func Kantara(s *Site, who Subject, entries []ledger.Entry) ([]byte, error) {
	all, asked := s.histories(entries)
	if err := s.missing(asked); err != nil {
		return nil, err
	}
	purposes, special := []object{}, []string{}
	var last *ledger.Entry
	for i := range all {
		e := all[i].given()
		if e == nil {
			continue
		}
		p := all[i].purpose
		purposes = append(purposes, kantaraPurpose(p, e))
		if p.Special {
			special = append(special, p.Data...)
		}
		if last == nil || e.At.After(last.At) {
			last = e
		}
	}
	if last == nil {
		return nil, ErrNothingGiven
	}
	c := &s.Controller
	receipt := object{
		"version": "KI-CR-v1.1.0", "jurisdiction": c.Establishment, "consentTimestamp": last.At.Unix(),
		"collectionMethod": last.Channel, "consentReceiptID": uuid("kantara", string(s.ID), who.Name, string(last.Hash[:])),
		"piiPrincipalId": who.Name, "policyUrl": c.PolicyURL, "sensitive": len(special) > 0, "spiCat": special,
		"piiControllers": []object{{
			"piiController": c.Name, "onBehalf": false, "contact": c.Name,
			"address": object{"streetAddress": c.Address, "addressCountry": c.Establishment},
			"email":   c.Email, "phone": c.Phone, "piiControllerUrl": c.PolicyURL,
		}},
		"services": []object{{"service": string(s.ID), "purposes": purposes}},
	}
	if last.Locale != "" {
		receipt["language"] = last.Locale
	}
	return json.MarshalIndent(receipt, "", "  ")
}

func kantaraPurpose(p *Purpose, e *ledger.Entry) object {
	o := object{
		"purpose": string(p.ID), "purposeCategory": []string{categories[p.Kind]}, "consentType": consentTypes[e.Type],
		"piiCategory": p.Data, "primaryPurpose": false, "termination": p.Retention, "thirdPartyDisclosure": len(p.Recipients) > 0,
	}
	if len(p.Recipients) > 0 {
		o["thirdPartyName"] = strings.Join(p.Recipients, ", ")
	}
	return o
}
