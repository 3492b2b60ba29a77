package receipt

import (
	"crypto/sha256"
	"embed"
	"errors"
	"fmt"
	"slices"
	"strings"

	"zgoda/control/ledger"
	"zgoda/event"
)

// Schemas are JSON Schemas (draft 2020-12) of the three documents:
// schema/record.json, schema/receipt.json and schema/kantara.json.
//
//go:embed schema/*.json
var Schemas embed.FS

// Controller is who decides about purposes and means.
type Controller struct {
	Name, Address, Establishment, Email, Phone, PolicyURL string
}

// Purpose is what a site says about one purpose.
type Purpose struct {
	ID        event.PurposeID
	Kind      string // measurement, analytics, profiling, marketing or sharing
	Basis     string // consent, legitimate_interest, contract or related
	Version   uint32
	Text      map[string]string // by language
	TextHash  [32]byte          // of Text, as entries have it
	Retention string            // ISO 8601, for example P13M
	DPV       string            // its term in the vocabulary, for example dpv:Marketing; may be empty
	Data      []string          // categories of personal data
	Locations []string          // where it is stored
	// Recipients besides the controller.
	Recipients []string
	Special    bool // it may have special categories of data
}

// Site is what a site says.
type Site struct {
	ID         event.SiteID
	Controller Controller
	Purposes   []Purpose
	// Kept are the texts, by language, that people were ever shown, by the hash
	// that entries have.
	Kept map[[32]byte]map[string]string
}

// words returns the text that an entry is about, by language; nil when nobody
// has it.
func (s *Site) words(p *Purpose, e *ledger.Entry) map[string]string {
	if e.TextHash == p.TextHash {
		return p.Text
	}
	return s.Kept[e.TextHash]
}

// Subject is a person as a document names them.
type Subject struct {
	Handle event.Handle
	Name   string // the handle as text: c_ or v_ and 26 letters
}

// ErrMissing is wrapped by every error about a key that a document needs.
var ErrMissing = errors.New("the site's configuration lacks what a consent record must say")

// missing says which keys are not there.
func (s *Site) missing(purposes []*Purpose) error {
	var keys []string
	lack := func(key string, is bool) {
		if is {
			keys = append(keys, key)
		}
	}
	c := &s.Controller
	for _, f := range []struct{ key, value string }{
		{"name", c.Name},
		{"address", c.Address},
		{"establishment", c.Establishment},
		{"email", c.Email},
		{"phone", c.Phone},
		{"policy_url", c.PolicyURL},
	} {
		lack("controller."+f.key, strings.TrimSpace(f.value) == "")
	}
	for _, p := range purposes {
		lack("purposes "+string(p.ID)+".data", len(p.Data) == 0)
		lack("purposes "+string(p.ID)+".storage_locations", len(p.Locations) == 0)
	}
	if len(keys) == 0 {
		return nil
	}
	return fmt.Errorf("%w: site %s: %s", ErrMissing, s.ID, strings.Join(keys, ", "))
}

// history is what was said about one purpose, oldest first.
type history struct {
	purpose *Purpose
	entries []*ledger.Entry
}

// histories sorts entries by the site's purposes on consent. Entries about a
// purpose that the site has no more are left out.
func (s *Site) histories(entries []ledger.Entry) (all []history, asked []*Purpose) {
	for i := range s.Purposes {
		h := history{purpose: &s.Purposes[i]}
		for j := range entries {
			if entries[j].Purpose == h.purpose.ID && entries[j].State.OfPurpose() {
				h.entries = append(h.entries, &entries[j])
			}
		}
		if len(h.entries) > 0 {
			all, asked = append(all, h), append(asked, h.purpose)
		}
	}
	return all, asked
}

// given is the grant that is in force, nil if none is.
func (h *history) given() *ledger.Entry {
	for _, e := range slices.Backward(h.entries) {
		if e.State == ledger.StateRequested {
			continue
		}
		if e.State.Grants() {
			return e
		}
		return nil
	}
	return nil
}

// uuid returns the same version 4 UUID whenever it is asked about the same.
func uuid(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		_, _ = fmt.Fprintf(h, "%d:%s", len(p), p) // a hash never fails
	}
	b := h.Sum(nil)[:16]
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
