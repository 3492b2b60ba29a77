package console

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"zgoda/control/ledger"
	"zgoda/event"
)

type consentInput struct {
	ContactPath
	Purpose string `path:"purpose" maxLength:"64" doc:"the purpose's id"`
	Body    struct {
		Granted bool   `json:"granted"`
		Reason  string `json:"reason,omitempty" maxLength:"500" doc:"kept with the ledger entry"`
		Channel string `json:"channel,omitempty" pattern:"^[a-z][a-z0-9_-]{0,31}$" default:"operator" doc:"how the person said so, for example phone, paper, mail"`
	}
}

type consentOutput struct {
	Body struct {
		EnforcedBody
		Purpose string `json:"purpose"`
		Granted bool   `json:"granted"`
	}
}

type historyInput struct {
	ContactPath
	Format string `query:"format" enum:"entries,receipt,record,kantara" default:"entries" doc:"entries of the ledger; a receipt or a record after ISO/IEC TS 27560 (JSON-LD); a Kantara v1.1 receipt"`
}

// historyOutput has a historyBody, or a document.
type historyOutput struct{ Body any }

type historyBody struct {
	Contact string        `json:"contact"`
	Entries []ledgerEntry `json:"entries"` // oldest first
}

type ledgerEntry struct {
	Sequence event.Sequence `json:"sequence"`
	Purpose  string         `json:"purpose,omitempty" doc:"left out where the entry is about none, as the profiling switch"`
	Version  uint32         `json:"version,omitempty"`
	State    string         `json:"state"`
	Channel  string         `json:"channel,omitempty"`
	Surface  string         `json:"surface,omitempty"`
	Actor    string         `json:"actor,omitempty"`
	Reason   string         `json:"reason,omitempty"`
	Guardian bool           `json:"guardian,omitempty" doc:"a guardian spoke for the person"`
	Verified string         `json:"verified,omitempty" doc:"how the guardian was verified"`
	Until    string         `json:"until,omitempty" format:"date" doc:"the first day on which the grant does not count any more; left out where it has no end of its own"`
	Expires  *time.Time     `json:"expires,omitempty" doc:"of a request: until when its link works"`
	Time     time.Time      `json:"time"`
}

func (s *Server) consentRoutes(api huma.API) {
	huma.Register(api, s.operation(huma.Operation{
		OperationID: "set-consent", Method: http.MethodPut, Path: "/sites/{site}/contacts/{contact}/consents/{purpose}",
		Tags: []string{"consents"}, Summary: "Grant or withdraw on the person's behalf",
		Description: "Written to the ledger with the channel; answered once it is durable and enforced.",
		Errors:      []int{http.StatusNotFound},
	}, operators), s.setConsent)
	huma.Register(api, s.operation(huma.Operation{
		OperationID: "list-consents", Method: http.MethodGet, Path: "/sites/{site}/contacts/{contact}/consents",
		Tags: []string{"consents"}, Summary: "A contact's history of consents",
		Description: "The ledger's entries about the contact, oldest first; or a record or receipt of the consents, which is refused (409) with the key that the configuration lacks.",
		Errors:      []int{http.StatusNotFound, http.StatusConflict},
	}, operators), s.listConsents)
}

func (s *Server) setConsent(ctx context.Context, in *consentInput) (*consentOutput, error) {
	start := time.Now()
	policy, err := s.policy(in.Site)
	if err != nil {
		return nil, err
	}
	h, err := in.handle()
	if err != nil {
		return nil, err
	}
	if policy.Find(event.PurposeID(in.Purpose)) < 0 {
		return nil, problem(http.StatusNotFound, "the site has no such purpose")
	}
	seq, err := s.deps.Directory.SetConsent(ctx, event.SiteID(in.Site), h,
		event.PurposeID(in.Purpose), in.Body.Granted, actor(ctx), in.Body.Channel, masked(in.Body.Reason))
	if err != nil {
		return nil, s.failed(ctx, "record the choice", err)
	}
	out := &consentOutput{}
	out.Body.Purpose, out.Body.Granted = in.Purpose, in.Body.Granted
	out.Body.EnforcedBody = EnforcedBody{in.name(h), seq, time.Since(start).Seconds()}
	return out, nil
}

func (s *Server) listConsents(ctx context.Context, in *historyInput) (*historyOutput, error) {
	if _, err := s.policy(in.Site); err != nil {
		return nil, err
	}
	h, err := in.handle()
	if err != nil {
		return nil, err
	}
	entries, err := s.deps.Directory.History(ctx, event.SiteID(in.Site), h)
	if err != nil {
		return nil, s.failed(ctx, "read the history", err)
	}
	if in.Format != "" && in.Format != "entries" {
		return s.document(ctx, in, h, entries)
	}
	body := historyBody{Contact: in.name(h), Entries: make([]ledgerEntry, 0, len(entries))}
	for i := range entries {
		body.Entries = append(body.Entries, shownEntry(&entries[i]))
	}
	return &historyOutput{Body: body}, nil
}

func shownEntry(e *ledger.Entry) ledgerEntry {
	shown := ledgerEntry{
		Sequence: e.Sequence, Purpose: string(e.Purpose), Version: e.PurposeVersion, State: e.State.String(),
		Channel: e.Channel, Surface: e.Surface, Actor: e.Actor, Reason: e.Reason,
		Guardian: e.Guardian, Verified: e.GuardianRef, Time: e.At.UTC(),
	}
	switch {
	case e.Purpose == "" || e.Until.IsZero():
	case e.State == ledger.StateRequested:
		at := e.Until.UTC()
		shown.Expires = &at
	default:
		shown.Until = e.Until.UTC().Format(time.DateOnly)
	}
	return shown
}
