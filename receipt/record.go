package receipt

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"zgoda/control/ledger"
)

type object = map[string]any

// context maps the prefixes; it stands in each document.
func context() object {
	return object{
		"dpv": "https://w3id.org/dpv#", "pd": "https://w3id.org/dpv/pd#", "loc": "https://w3id.org/dpv/loc#",
		"tech": "https://w3id.org/dpv/tech#", "eu-gdpr": "https://w3id.org/dpv/legal/eu/gdpr#",
		"dct": "http://purl.org/dc/terms/", "skos": "http://www.w3.org/2004/02/skos/core#",
		"xsd": "http://www.w3.org/2001/XMLSchema#",
	}
}

const (
	conformsRecord  = "https://w3id.org/dpv/schema/dpv-27560#record-eu-gdpr"
	conformsReceipt = "https://w3id.org/dpv/schema/dpv-27560#receipt-eu-gdpr"
)

func ref(iri string) object { return object{"@id": iri} }

func instant(t time.Time) object {
	return object{"@type": "xsd:dateTime", "@value": t.UTC().Format("2006-01-02T15:04:05.000000Z")}
}

// Record returns the consent records of a person at a site, one for each purpose
// of which something was said.
func Record(s *Site, who Subject, entries []ledger.Entry) ([]byte, error) {
	records, err := s.records(who, entries)
	if err != nil {
		return nil, err
	}
	return json.MarshalIndent(object{"@context": context(), "@graph": records}, "", "  ")
}

// Receipt returns the records of a person as a receipt that is given to them.
func Receipt(s *Site, who Subject, entries []ledger.Entry, now time.Time) ([]byte, error) {
	records, err := s.records(who, entries)
	if err != nil {
		return nil, err
	}
	id := uuid("receipt", string(s.ID), who.Name, now.UTC().Format(time.RFC3339Nano))
	return json.MarshalIndent(object{
		"@context": context(), "@id": "urn:uuid:" + id, "@type": "dpv:ConsentReceipt",
		"dct:conformsTo": ref(conformsReceipt), "dct:identifier": id, "dct:created": instant(now),
		"dct:publisher": s.party(), "dpv:hasRecordOfActivity": records,
	}, "", "  ")
}

func (s *Site) records(who Subject, entries []ledger.Entry) ([]object, error) {
	all, asked := s.histories(entries)
	if err := s.missing(asked); err != nil {
		return nil, err
	}
	records := []object{}
	for i := range all {
		records = append(records, s.record(who, &all[i]))
	}
	return records, nil
}

func (s *Site) record(who Subject, h *history) object {
	p := h.purpose
	id := uuid("record", string(s.ID), who.Name, string(p.ID))
	last := h.entries[len(h.entries)-1]
	statuses, rights := []object{}, []object{ref("eu-gdpr:A7-3")}
	was := ledger.StateUnknown
	for _, e := range h.entries {
		if e.State == ledger.StateObjected {
			rights = append(rights, object{
				"@id": "eu-gdpr:A21", "dct:date": instant(e.At),
			})
		} else {
			statuses = append(statuses, status(who, e, was))
		}
		was = e.State
	}
	r := object{
		"@id": "urn:uuid:" + id, "@type": "dpv:ConsentRecord",
		"dct:conformsTo": ref(conformsRecord), "dct:identifier": id,
		"dpv:hasDataSubject":    object{"@id": "urn:zgoda:subject:" + who.Name, "@type": "dpv:DataSubject", "dct:identifier": who.Name},
		"dpv:hasNotice":         s.notice(p, last),
		"dpv:hasProcess":        []object{s.process(p)},
		"dpv:hasDataController": s.party(),
		"dpv:hasJurisdiction":   ref("loc:" + s.Controller.Establishment),
		"dpv:hasApplicableLaw":  ref("eu-gdpr:GDPR"),
		"dpv:hasRight":          rights,
		"dpv:hasConsentControl": object{
			"@type": []string{"dpv:ProvideConsent", "dpv:WithdrawConsent"}, "dpv:isExercisedAt": s.Controller.PolicyURL,
		},
		"dpv:hasConsentStatus": statuses,
	}
	return r
}

// notice is the text that was shown when the person spoke last, in its words.
func (s *Site) notice(p *Purpose, e *ledger.Entry) object {
	language := e.Locale
	if language == "" {
		language = "und"
	}
	n := object{
		"@id": s.Controller.PolicyURL, "@type": "dpv:ConsentNotice",
		"dct:date": instant(e.At), "dct:language": language,
		"dct:identifier": "sha-256:" + hex.EncodeToString(e.TextHash[:]), "dct:hasVersion": fmt.Sprint(e.PurposeVersion),
	}
	words := s.words(p, e)
	if text, ok := words[language]; ok {
		n["dct:description"] = text
	} else if text, ok := words[strings.SplitN(language, "-", 2)[0]]; ok {
		n["dct:description"] = text
	}
	return n
}

// broader are terms of the vocabulary for our kinds.
var broader = map[string]string{
	"measurement": "dpv:ServiceUsageAnalytics", "analytics": "dpv:ServiceUsageAnalytics",
	"profiling": "dpv:Personalisation", "marketing": "dpv:Marketing", "sharing": "dpv:Marketing",
}

func (s *Site) process(p *Purpose) object {
	purpose := object{"@id": "urn:zgoda:purpose:" + string(s.ID) + ":" + string(p.ID), "@type": "dpv:Purpose", "dct:title": string(p.ID)}
	if term := broader[p.Kind]; term != "" {
		purpose["skos:broader"] = ref(term)
	}
	if p.DPV != "" {
		purpose["skos:broader"] = ref(p.DPV)
	}
	basis := "eu-gdpr:A6-1-a"
	switch {
	case p.Basis == "legitimate_interest":
		basis = "eu-gdpr:A6-1-f"
	case p.Basis == "contract":
		basis = "eu-gdpr:A6-1-b"
	case p.Special:
		basis = "eu-gdpr:A9-2-a"
	}
	storage := []object{{"@type": "dpv:StorageDuration", "dpv:hasDuration": p.Retention}}
	for _, l := range p.Locations {
		storage = append(storage, object{"@type": "dpv:StorageLocation", "dpv:hasLocation": l})
	}
	recipients := []object{{"@type": "dpv:DataController", "dpv:hasName": s.Controller.Name}}
	for _, r := range p.Recipients {
		recipients = append(recipients, object{"@type": "dpv:Recipient", "dpv:hasName": r})
	}
	data := []object{}
	for _, d := range p.Data {
		data = append(data, object{"@type": "dpv:PersonalData", "dct:title": d})
	}
	return object{
		"@type": "dpv:Process", "dpv:hasPurpose": purpose, "dpv:hasLegalBasis": ref(basis),
		"dpv:hasPersonalData": data, "dpv:hasStorageCondition": storage, "dpv:hasRecipient": recipients,
	}
}

func (s *Site) party() object {
	c := &s.Controller
	return object{
		"@id": "urn:zgoda:controller:" + string(s.ID), "@type": "dpv:DataController", "dct:identifier": string(s.ID),
		"dpv:hasName": c.Name, "dpv:hasAddress": c.Address, "dpv:hasContact": []string{"mailto:" + c.Email, "tel:" + c.Phone},
	}
}

// statuses of the vocabulary by our states.
var statuses = map[ledger.State]string{
	ledger.StateGiven: "dpv:ConsentGiven", ledger.StateRenewed: "dpv:RenewedConsentGiven", ledger.StateRefused: "dpv:ConsentRefused",
	ledger.StateWithdrawn: "dpv:ConsentWithdrawn", ledger.StateRequested: "dpv:ConsentRequested", ledger.StateExpired: "dpv:ConsentExpired",
}

var kinds = map[ledger.EventType]string{
	ledger.EventImplied: "dpv:ImpliedConsent", ledger.EventExpressed: "dpv:ExpressedConsent", ledger.EventExplicit: "dpv:ExplicitlyExpressedConsent",
}

// status is one event of a record. was is the state before it.
func status(who Subject, e *ledger.Entry, was ledger.State) object {
	state := statuses[e.State]
	if e.State == ledger.StateGiven && (was.Grants() || was == ledger.StateExpired) {
		state = "dpv:RenewedConsentGiven"
	}
	by := object{"@id": "urn:zgoda:subject:" + who.Name}
	if e.Guardian {
		by = object{"@type": "dpv:GuardianOfDataSubject"}
	}
	o := object{
		"@id":                     "urn:zgoda:entry:" + hex.EncodeToString(e.Hash[:]),
		"@type":                   []string{state, kinds[e.Type]},
		"dpv:isIndicatedBy":       by,
		"dpv:hasIndicationMethod": e.Channel,
		"dpv:isIndicatedAtTime":   instant(e.At),
	}
	if !e.Until.IsZero() {
		o["dct:valid"] = instant(e.Until)
	}
	return o
}
