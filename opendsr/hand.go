package opendsr

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"zgoda/control"
	"zgoda/event"
	"zgoda/pseudonym"
	"zgoda/rights"
)

const (
	maxCallbacks  = 5
	maxIdentities = 10
	// oldest bounds how long ago a person can have asked the controller.
	oldest = 366 * 24 * time.Hour
)

// uuid4 is how the specification wants ids: version 4, in lower case (1.1).
var uuid4 = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)

// hand takes a request that a controller hands over (7).
func (s *Server) hand(ctx context.Context, c *call, r *http.Request) (int, any, error) {
	select {
	case s.slot <- struct{}{}:
		defer func() { <-s.slot }()
	default:
		return 0, nil, &fault{http.StatusServiceUnavailable, "busy", "too many requests are being taken; come back"}
	}
	body, err := readBody(r)
	if err != nil {
		return 0, nil, err
	}
	now := s.now()
	a, submitted, err := s.read(c, body, now)
	if err != nil {
		return 0, nil, err
	}
	hash := s.deps.Key.keyed("body", []byte(c.controller.ID), body)
	o, found, err := s.deps.Store.OpenDSR(ctx, c.controller.ID, a.ID)
	switch {
	case err != nil:
		return 0, nil, err
	case found && o.BodyHash != hash:
		return 0, nil, &fault{http.StatusConflict, "id_taken", "another request was handed over under this subject_request_id"}
	case !found:
		if o, err = s.take(ctx, c, a, control.OpenDSR{
			ID: a.ID, Controller: c.controller.ID, BodyHash: hash, Callbacks: a.Callbacks, Status: statusPending, Received: now, Submitted: submitted,
		}); err != nil {
			return 0, nil, err
		}
	}
	return http.StatusCreated, &taken{
		Controller: o.Controller, Expected: expected(&o), Received: o.Received, Encoded: base64.StdEncoding.EncodeToString(body),
		ID: o.ID, APIVersion: c.dialect.version, Extensions: s.extension(nil),
	}, nil
}

// expected is when a request is done at the latest. What nothing is to be done about
// is done at once.
func expected(o *control.OpenDSR) time.Time {
	if o.Deadline.IsZero() {
		return o.Received
	}
	return o.Deadline
}

// take opens a request about whom the identities name, or notes that they name
// nobody.
func (s *Server) take(ctx context.Context, c *call, a *asked, o control.OpenDSR) (control.OpenDSR, error) {
	who, known, err := s.whom(ctx, c.controller.Site, a)
	if err != nil {
		return o, err
	}
	var tell []control.Notice
	if known {
		actor := "opendsr:" + o.Controller
		r, err := s.deps.Requests.Open(pseudonym.WithAct(ctx, pseudonym.Act{Actor: actor, Reason: "handed over by OpenDSR"}), rights.Opening{
			Site: c.controller.Site, Right: a.ourRight, Scope: purposes(a.ourPurposes), Who: who, Origin: "opendsr", Proof: "operator", ProofBy: actor,
			Actor: actor, Reason: "handed over by OpenDSR", Received: o.Submitted, Known: true,
		})
		switch {
		case errors.Is(err, rights.ErrNobody):
			known = false
		case errors.Is(err, rights.ErrMerging):
			return o, &fault{http.StatusServiceUnavailable, "busy", "two contacts are being made one; come back"}
		case err != nil:
			return o, err
		}
		o.Request, o.Deadline = r.ID, r.Deadline
	}
	if !known {
		o.Status = statusCompleted
		if tell, err = s.notices(&o, statusCompleted); err != nil {
			return o, err
		}
	}
	err = s.deps.Store.AddOpenDSR(ctx, o, tell)
	if errors.Is(err, control.ErrTaken) {
		return o, &fault{http.StatusConflict, "id_taken", "another request was handed over under this subject_request_id"}
	}
	if err != nil {
		return o, err
	}
	if s.deps.Wake != nil {
		s.deps.Wake()
	}
	s.log.Info("a request was handed over by OpenDSR", "controller", o.Controller, "right", string(a.ourRight), "known", known)
	return o, nil
}

func purposes(names []string) []event.PurposeID {
	out := make([]event.PurposeID, len(names))
	for i, n := range names {
		out[i] = event.PurposeID(n)
	}
	return out
}

// read reads a request and says what is wrong with it.
func (s *Server) read(c *call, body []byte, now time.Time) (*asked, time.Time, error) {
	var a asked
	dec := json.NewDecoder(bytes.NewReader(body))
	if dec.Decode(&a) != nil || dec.More() {
		return nil, time.Time{}, wrong("malformed", "the body is no JSON object of the specification's shape")
	}
	submitted, err := time.Parse(time.RFC3339, a.Submitted)
	old := c.dialect.version == "1.0"
	switch {
	case a.Regulation != "gdpr" && a.Regulation != "ccpa" && (a.Regulation != "" || !old):
		return nil, submitted, wrong("regulation", "regulation must be gdpr or ccpa")
	case !uuid4.MatchString(a.ID):
		return nil, submitted, wrong("subject_request_id", "subject_request_id must be a UUID of version 4 in lower case")
	case err != nil:
		return nil, submitted, wrong("submitted_time", "submitted_time must be a time of RFC 3339")
	case submitted.After(now.Add(5*time.Minute)) || submitted.Before(now.Add(-oldest)):
		return nil, submitted, wrong("submitted_time", "submitted_time must be within the last year")
	case a.APIVersion != "" && a.APIVersion != c.dialect.version && a.APIVersion != strings.TrimSuffix(c.dialect.version, ".0"):
		return nil, submitted, wrong("api_version", "api_version must be "+c.dialect.version+" here, or left out")
	case len(a.Callbacks) > maxCallbacks:
		return nil, submitted, wrong("status_callback_urls", fmt.Sprintf("at most %d status_callback_urls", maxCallbacks))
	}
	for _, u := range a.Callbacks {
		if strings.Contains(u, "@") || strings.Contains(u, "%40") { // it is kept for as long as the request is
			return nil, submitted, wrong("callback_not_allowed", "a status_callback_url must not name anybody: it looks as if it held a mail address")
		}
		if len(u) > 1024 || s.deps.Callable(u) != nil {
			return nil, submitted, wrong("callback_not_allowed", "a status_callback_url is not of a host that the processor has agreed to call")
		}
	}
	if submitted.After(now) {
		submitted = now
	}
	return &a, submitted.UTC().Truncate(time.Microsecond), s.readRight(&a)
}

// readRight finds the right: that of the type, or the one that our extension names,
// since the specification has no word for it.
func (s *Server) readRight(a *asked) error {
	a.ourRight = types[a.Type]
	if a.ourRight == "" {
		return wrong("subject_request_type", "subject_request_type must be erasure, access or portability")
	}
	if raw, ok := a.Extensions[s.cfg.Domain]; ok {
		var e ours
		if json.Unmarshal(raw, &e) != nil {
			return wrong("extensions", "the extension of this processor cannot be read")
		}
		if e.Right != "" {
			a.ourRight = control.Right(e.Right)
		}
		a.ourPurposes = e.Purposes
		for _, text := range e.Identifiers {
			kind, value, err := event.ParseIdentifier(text)
			if err != nil || kind == event.KindVisitor {
				return wrong("unsupported_identity", "an identifier of the extension must be KIND:VALUE with KIND one of email, user_id, customer_id, phone")
			}
			a.Identities = append(a.Identities, identity{Type: "\x00" + kind.String(), Value: value, Format: "raw"})
		}
	}
	switch {
	case !s.offers(a.ourRight):
		return wrong("unsupported_right", "this kind of request is not taken; see /opendsr/v2/discovery")
	case len(a.ourPurposes) > 0 && !rights.Scoped(a.ourRight):
		return wrong("extensions", "purposes are for an objection and a withdrawal; every other right is about everything")
	case len(a.Identities) == 0 || len(a.Identities) > maxIdentities:
		return wrong("subject_identities", fmt.Sprintf("1 to %d identities are needed", maxIdentities))
	}
	return nil
}

// kinds are the identity types that are taken. A controller's id of its customer is
// the user id that its pages identify people by.
var kinds = map[string]event.IdentifierKind{
	"email": event.KindEmail, "controller_customer_id": event.KindUserID,
	"\x00email": event.KindEmail, "\x00user_id": event.KindUserID, "\x00customer_id": event.KindCustomerID, "\x00phone": event.KindPhone,
}

// whom finds the one contact that the identities name. Hashes name nobody here: an
// unsalted hash of an address is the address to whoever has a list of addresses, and
// the vault has no place to look one up.
func (s *Server) whom(ctx context.Context, site event.SiteID, a *asked) (who rights.Who, known bool, err error) {
	var contacts []event.Handle
	for i := range a.Identities {
		id := &a.Identities[i]
		kind, ok := kinds[id.Type]
		if !ok || id.Format != "raw" {
			return who, false, wrong("unsupported_identity", "an identity is of a type or format that is not supported; see /opendsr/v2/discovery")
		}
		handle, found, err := s.deps.People.Find(ctx, site, kind, id.Value)
		if errors.Is(err, event.ErrIdentifier) || s.deps.BadIdentifier != nil && errors.Is(err, s.deps.BadIdentifier) {
			return who, false, wrong("identity_value", "an identity_value cannot be read as its type")
		}
		if err != nil {
			return who, false, fmt.Errorf("look for whom a request is about: %w", err)
		}
		if found && !slices.Contains(contacts, handle) {
			contacts = append(contacts, handle)
			who = rights.Who{Kind: kind, Value: id.Value}
		}
	}
	if len(contacts) > 1 {
		return who, false, wrong("several_people", "the identities name several people; hand over one request for each")
	}
	return who, len(contacts) == 1, nil
}
