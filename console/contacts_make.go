package console

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"zgoda/event"
	"zgoda/pseudonym"
)

type makeInput struct {
	SitePath
	Body struct {
		Identifier  string            `json:"identifier" minLength:"3" maxLength:"512" doc:"KIND:VALUE; kinds: user_id, email, phone, customer_id, visitor" example:"email:jana@example.org"`
		Identifiers []string          `json:"identifiers,omitempty" maxItems:"32" doc:"further ones of the contact, KIND:VALUE; they lead to it from then on"`
		Traits      map[string]string `json:"traits,omitempty" doc:"what else is kept of the contact, by name"`
		Source      string            `json:"source,omitempty" maxLength:"128" doc:"where it is from; without it nothing is kept but that the contact is there"`
		Basis       string            `json:"basis,omitempty" maxLength:"64" doc:"what it is kept for"`
		Seen        time.Time         `json:"seen,omitzero" doc:"when it was learnt; left out: now"`
	}
}

// maxTraits is how many traits one call takes.
const maxTraits = 256

// data are what is to be kept of the contact.
func (in *makeInput) data(kept bool) ([]pseudonym.Datum, error) {
	b := &in.Body
	switch {
	case b.Source == "" && len(b.Identifiers)+len(b.Traits) > 0:
		return nil, wrong("body.source", "is missing: where identifiers and traits are from")
	case b.Source == "":
		return nil, nil
	case !kept:
		return nil, wrong("body.source", "nothing is kept of contacts here")
	case len(b.Traits) > maxTraits:
		return nil, wrong("body.traits", fmt.Sprintf("has at most %d", maxTraits))
	}
	var data []pseudonym.Datum
	for i, text := range slices.Concat([]string{b.Identifier}, b.Identifiers) {
		kind, value, err := event.ParseIdentifier(text)
		if err != nil || kind == event.KindVisitor {
			field := "body.identifier"
			if i > 0 {
				field = fmt.Sprintf("body.identifiers[%d]", i-1)
			}
			return nil, wrong(field, "what is kept has the kind user_id, email, phone or customer_id")
		}
		data = append(data, pseudonym.Datum{Kind: kind, Value: value, Source: b.Source, Basis: b.Basis, Seen: b.Seen})
	}
	for _, name := range slices.Sorted(maps.Keys(b.Traits)) {
		data = append(data, pseudonym.Datum{Name: name, Value: b.Traits[name], Source: b.Source, Basis: b.Basis, Seen: b.Seen})
	}
	return data, nil
}

// keepWith keeps data with the contact of an identifier, which is there.
func (s *Server) keepWith(ctx context.Context, site string, kind event.IdentifierKind, value string, data []pseudonym.Datum) error {
	if len(data) == 0 {
		return nil
	}
	ctx = because(ctx, "")
	found, known, err := s.deps.People.Search(ctx, event.SiteID(site), kind, value, 0)
	switch {
	case err != nil:
		return s.peopleFailed(ctx, "find the contact", err)
	case !known: // forgotten in between
		return problem(http.StatusNotFound, "no contact has this identifier")
	}
	if _, _, err := s.deps.People.Put(ctx, found.Ref, event.SiteID(site), data, 0); err != nil {
		return s.peopleFailed(ctx, "put the data", err)
	}
	s.heed(ctx, event.SiteID(site), data)
	return nil
}
