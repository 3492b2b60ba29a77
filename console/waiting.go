package console

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"zgoda/event"
)

type waitingInput struct{ ContactPath }

type waitingOutput struct {
	Body struct {
		Contact string  `json:"contact"`
		Erased  int     `json:"erased" doc:"events taken off this node's disk"`
		Seconds float64 `json:"erased_after_seconds"`
	}
}

func (s *Server) waitingRoutes(api huma.API) {
	huma.Register(api, s.operation(huma.Operation{
		OperationID: "forget-waiting", Method: http.MethodDelete, Path: "/sites/{site}/contacts/{contact}/waiting",
		Tags: []string{"contacts"}, Summary: "Erase what waits of a contact",
		Description: "Erases the contact's events that this node accepted and ClickHouse does not have yet: spool, ranges in flight, quarantine. " +
			"It touches nothing that is stored and stops nothing that comes later; it is one step of an erasure.",
		Errors: []int{http.StatusNotFound},
	}, operators), s.forgetWaiting)
}

func (s *Server) forgetWaiting(ctx context.Context, in *waitingInput) (*waitingOutput, error) {
	start := time.Now()
	if _, err := s.policy(in.Site); err != nil {
		return nil, err
	}
	h, err := in.handle()
	if err != nil {
		return nil, err
	}
	// What is erased by then stays erased, and the answer can still be written.
	ctx, cancel := context.WithTimeout(ctx, s.cfg.WriteTimeout*4/5)
	defer cancel()
	n, err := s.deps.Waiting.Erase(ctx, []event.Handle{h})
	if err != nil {
		return nil, s.failed(ctx, "erase what waits of the contact", err)
	}
	// The handle is a pseudonym and stays out of the log; the ledger holds what is
	// decided about people, and nothing was decided here.
	s.log.Info("what waited of a contact was erased", "site", in.Site, "actor", actor(ctx), "events", n)
	out := &waitingOutput{}
	out.Body.Contact, out.Body.Erased, out.Body.Seconds = in.name(h), n, time.Since(start).Seconds()
	return out, nil
}
