package console

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"zgoda/control"
	"zgoda/control/ledger"
	"zgoda/event"
	"zgoda/rights"
)

type actInput struct {
	RequestPath
	Body struct {
		SubjectBody
		Note   string     `json:"note,omitempty" maxLength:"200" doc:"why; nothing personal"`
		Ground string     `json:"ground,omitempty" maxLength:"32" doc:"of :deny: manifestly_unfounded, excessive, legal_obligation, legal_claims, public_interest, identity, not_the_controller"`
		Months int        `json:"months,omitempty" doc:"of :extend: 1 or 2"`
		Told   *time.Time `json:"told,omitempty" doc:"of :deny and :extend: when the person was told, and why"`
		Task   string     `json:"task,omitempty" maxLength:"80" doc:"of :sign-off"`
		Proof  string     `json:"proof,omitempty" maxLength:"16" doc:"of :prove: operator (also when left out), cookie, link or key"`
		Scope  []string   `json:"scope,omitempty" maxItems:"32" doc:"of :supply: purposes"`
	}
}

// requestActs are the acts that the API has, by the verb of their route.
var requestActs = []struct {
	verb, act, summary, more string
	roles                    []Role
}{
	{"approve", "approve", "Agree to a request", "With reviewers asked for, as many others as the settings say have to, and whoever opened it is none of them.", auditors},
	{"deny", "deny", "Refuse a request", "On a ground of the list, with when the person was told and why.", auditors},
	{"extend", "extend", "Extend the deadline", "Once, by one or two months, before it is over and after the person was told (GDPR Art. 12(3)).", operators},
	{"pause", "pause", "Hold a request", "The clock goes on. Of an erasure only before its rows are deleted.", operators},
	{"resume", "resume", "Go on with a request that is held", "", operators},
	{"cancel", "cancel", "End a request that nobody wants any more", "Of an erasure only before its fence, which nothing lifts.", operators},
	{"undo", "undo", "Take an erasure back", "While its undo window is open.", operators},
	{"retry", "retry", "Try again what has failed", "", operators},
	{"prove", "prove", "Say how it is known who asks", "The clock goes on; the deadline is later by the days that it stood.", operators},
	{"doubt", "doubt", "Say that it is not known who asks after all", "The clock stands until it is proven (GDPR Art. 12(6)).", operators},
	{"supply", "supply", "Say whom a request is about, or its scope", "", operators},
	{"sign-off", "sign_off", "Say that a task by hand is done", "A request is complete with the last of them.", operators},
}

func (s *Server) requestActRoutes(api huma.API) {
	for _, a := range requestActs {
		huma.Register(api, s.operation(huma.Operation{
			OperationID: a.verb + "-request", Method: http.MethodPost, Path: "/requests/{request}:" + a.verb,
			Tags: []string{"requests"}, Summary: a.summary, Description: a.more,
			Errors: []int{http.StatusNotFound, http.StatusConflict},
		}, a.roles), func(ctx context.Context, in *actInput) (*requestOutput, error) { return s.actOn(ctx, in, a.act) })
	}
	huma.Register(api, s.operation(huma.Operation{
		OperationID: "node-gone", Method: http.MethodPost, Path: "/nodes/{node}:gone",
		Tags: []string{"requests"}, Summary: "Declare a gateway gone for good",
		Description:   "Erasures do not wait for it any more. What is on its disk must not be used again.",
		DefaultStatus: http.StatusNoContent, Errors: []int{http.StatusNotFound},
	}, auditors), s.nodeGone)
}

func (s *Server) actOn(ctx context.Context, in *actInput, name string) (*requestOutput, error) {
	id, err := in.id()
	if err != nil {
		return nil, err
	}
	a := rights.Act{
		Name: name, Actor: actor(ctx), Note: in.Body.Note, Ground: in.Body.Ground, Months: in.Body.Months, Task: in.Body.Task, Proof: in.Body.Proof,
	}
	if in.Body.Told != nil {
		a.Told = *in.Body.Told
	}
	switch a.Proof {
	case "":
		a.Proof = "operator"
	case rights.ProofMail:
		return nil, wrong("body.proof", "expected what you know: mail is proven by the link alone (:mail sends it)")
	}
	if a.Who, err = in.Body.who(); err != nil {
		return nil, err
	}
	if a.Scope, err = s.scopeOf(ctx, id, in.Body.Scope); err != nil {
		return nil, err
	}
	r, err := s.deps.Requests.Act(ctx, id, a)
	if err != nil {
		return nil, s.requestFailed(ctx, "do that with the request", err)
	}
	return &requestOutput{NewRequestBody(&r)}, nil
}

// scopeOf reads purposes of the site of a request.
func (s *Server) scopeOf(ctx context.Context, id control.RequestID, list []string) ([]event.PurposeID, error) {
	if len(list) == 0 {
		return nil, nil
	}
	r, found, err := s.deps.RequestStore.Request(ctx, id)
	switch {
	case err != nil:
		return nil, s.failed(ctx, "read the request", err)
	case !found:
		return nil, problem(http.StatusNotFound, rights.ErrRequest.Error())
	}
	return s.scope(r.Site, list)
}

type nodePath struct {
	Node string `path:"node" maxLength:"64" doc:"the gateway's name"`
}

func (s *Server) nodeGone(ctx context.Context, in *nodePath) (*struct{}, error) {
	err := s.deps.RequestStore.SetGone(ctx, ledger.Writer(in.Node), true)
	switch {
	case errors.Is(err, control.ErrNoNode):
		return nil, problem(http.StatusNotFound, "no gateway of this name is known")
	case err != nil:
		return nil, s.failed(ctx, "declare the gateway gone", err)
	}
	s.log.Warn("a gateway was declared gone", "node", in.Node, "actor", actor(ctx))
	return nil, nil
}
