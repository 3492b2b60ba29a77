package console

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"zgoda/consent"
	"zgoda/control"
	"zgoda/event"
	"zgoda/rights"
	"zgoda/rights/effects"
	"zgoda/subjects"
)

// Effects lift what requests put in force; effects.Effects does.
type Effects interface {
	Unrestrict(ctx context.Context, site event.SiteID, handle event.Handle, actor, reason string) (event.Sequence, error)
	AllowAutomated(ctx context.Context, site event.SiteID, handle event.Handle, actor, reason string) (event.Sequence, error)
}

// EffectBody says why something is done about somebody.
type EffectBody struct {
	Reason string `json:"reason" minLength:"1" maxLength:"200" doc:"why, and where the papers are; nothing personal"`
}

// ObjectionBody says what somebody objects to.
type ObjectionBody struct {
	EffectBody
	Purposes  []string `json:"purposes,omitempty" maxItems:"32" doc:"that are objected to"`
	Marketing bool     `json:"marketing,omitempty" doc:"direct marketing (Art. 21(2)): all purposes of that kind"`
}

// AutomatedBody says whether decisions may be left to machines.
type AutomatedBody struct {
	EffectBody
	Enabled bool `json:"enabled" doc:"false: no decision about the person is left to a machine alone; true: takes that back"`
}

type effectInput[B any] struct {
	SitePath
	Body struct {
		SubjectBody
		Effect B `json:"effect" doc:"what is to be in force, and why"`
	}
}

func (s *Server) effectRoutes(api huma.API) {
	if s.deps.Requests == nil || s.deps.Effects == nil {
		return
	}
	const opens = " Opens a request on the operator's word of who asks, and performs it before it answers unless a reviewer is needed: no event is accepted by what was known before."
	add := func(id, verb, summary, description string, status int) huma.Operation {
		return s.operation(huma.Operation{
			OperationID: id, Method: http.MethodPost, Path: "/sites/{site}/contacts:" + verb, Tags: []string{"contacts", "requests"},
			Summary: summary, Description: description, DefaultStatus: status, Errors: []int{http.StatusNotFound, http.StatusConflict},
		}, operators)
	}
	huma.Register(api, add("restrict-contact", "restrict", "Restrict what is done with a contact's data",
		"GDPR Art. 18: what is stored is kept and shown to nobody, and nothing more is stored."+opens, http.StatusAccepted), s.restrict)
	huma.Register(api, add("unrestrict-contact", "unrestrict", "Lift a restriction",
		"GDPR Art. 18(3): the person was told before. Answered once it is in force.", http.StatusOK), s.unrestrict)
	huma.Register(api, add("object-contact", "object", "Record an objection",
		"GDPR Art. 21: to purposes, or to direct marketing. What a contract with the person needs is not objected to: 409 says so."+opens, http.StatusAccepted), s.object)
	huma.Register(api, add("automated-contact", "automated", "Record an objection to automated decisions, or its end",
		"GDPR Art. 22: the person is in no view that decisions are made from."+opens, http.StatusOK), s.automated)
}

// subject finds whom a body means, by the consent handle.
func (s *Server) subject(ctx context.Context, site string, b *SubjectBody) (event.Handle, error) {
	who, err := b.who()
	if err != nil {
		return event.Handle{}, err
	}
	if !who.Handle.IsZero() {
		return who.Handle, nil
	}
	kind, value, err := s.identifier(site, b.Identifier)
	if err != nil {
		return event.Handle{}, err
	}
	h, known, err := s.deps.Directory.Find(ctx, event.SiteID(site), kind, value)
	switch {
	case err != nil:
		return h, s.failed(ctx, "find the contact", err)
	case !known:
		return h, problem(http.StatusNotFound, "no contact has this identifier")
	}
	return h, nil
}

// ask opens a request of an operator who knows who asks.
func (s *Server) ask(ctx context.Context, site string, b *SubjectBody, right control.Right, scope []event.PurposeID, reason string) (*requestOutput, error) {
	policy, err := s.policy(site)
	if err != nil {
		return nil, err
	}
	who, err := b.who()
	if err != nil {
		return nil, err
	}
	if who.Kind == event.KindUnknown && who.Handle.IsZero() {
		return nil, wrong("body.identifier", "names whom it is about; or contact does")
	}
	r, err := s.deps.Requests.Open(because(ctx, reason), rights.Opening{
		Site: policy.Site, Right: right, Scope: scope, Who: who, Origin: "operator", Proof: "operator", Actor: actor(ctx), Reason: reason, Known: true,
	})
	if err != nil {
		return nil, s.requestFailed(ctx, "open the request", err)
	}
	return &requestOutput{NewRequestBody(&r)}, nil
}

func (s *Server) restrict(ctx context.Context, in *effectInput[EffectBody]) (*requestOutput, error) {
	return s.ask(ctx, in.Site, &in.Body.SubjectBody, control.RightRestriction, nil, in.Body.Effect.Reason)
}

func (s *Server) object(ctx context.Context, in *effectInput[ObjectionBody]) (*requestOutput, error) {
	policy, err := s.policy(in.Site)
	if err != nil {
		return nil, err
	}
	of := &in.Body.Effect
	if of.Marketing == (len(of.Purposes) > 0) {
		return nil, wrong("body.effect", "names purposes, or marketing, and not both")
	}
	scope := effects.Marketing(policy)
	if of.Marketing && len(scope) == 0 {
		return nil, problem(http.StatusConflict, "no purpose of the site is marketing: there is nothing to end")
	}
	if !of.Marketing {
		scope = nil
	}
	for _, id := range of.Purposes {
		i := policy.Find(event.PurposeID(id))
		switch {
		case i < 0:
			return nil, wrong("body.effect.purposes", subjects.ErrPurpose.Error())
		case policy.Purposes[i].Basis == consent.BasisContract:
			return nil, problem(http.StatusConflict, subjects.ErrContract.Error())
		}
		scope = append(scope, policy.Purposes[i].ID)
	}
	slices.Sort(scope)
	return s.ask(ctx, in.Site, &in.Body.SubjectBody, control.RightObjection, slices.Compact(scope), of.Reason)
}

type liftedOutput struct{ Body EnforcedBody }

func (s *Server) unrestrict(ctx context.Context, in *effectInput[EffectBody]) (*liftedOutput, error) {
	return s.lift(ctx, in.Site, &in.Body.SubjectBody, in.Body.Effect.Reason, s.deps.Effects.Unrestrict)
}

type automatedOutput struct {
	Status int
	Body   struct {
		Request  *RequestBody  `json:"request,omitempty" doc:"that was opened for an objection"`
		Enforced *EnforcedBody `json:"enforced,omitempty" doc:"when the objection was taken back"`
	}
}

func (s *Server) automated(ctx context.Context, in *effectInput[AutomatedBody]) (*automatedOutput, error) {
	out := &automatedOutput{Status: http.StatusOK}
	if in.Body.Effect.Enabled {
		lifted, err := s.lift(ctx, in.Site, &in.Body.SubjectBody, in.Body.Effect.Reason, s.deps.Effects.AllowAutomated)
		if err == nil {
			out.Body.Enforced = &lifted.Body
		}
		return out, err
	}
	r, err := s.ask(ctx, in.Site, &in.Body.SubjectBody, control.RightAutomated, nil, in.Body.Effect.Reason)
	if err == nil {
		out.Status, out.Body.Request = http.StatusAccepted, &r.Body
	}
	return out, err
}

func (s *Server) lift(ctx context.Context, site string, b *SubjectBody, reason string,
	do func(ctx context.Context, site event.SiteID, handle event.Handle, actor, reason string) (event.Sequence, error),
) (*liftedOutput, error) {
	start := time.Now()
	policy, err := s.policy(site)
	if err != nil {
		return nil, err
	}
	h, err := s.subject(ctx, site, b)
	if err != nil {
		return nil, err
	}
	seq, err := do(because(ctx, reason), policy.Site, h, actor(ctx), masked(reason))
	switch {
	case errors.Is(err, effects.ErrNotSo):
		return nil, problem(http.StatusConflict, effects.ErrNotSo.Error())
	case err != nil:
		return nil, s.failed(ctx, "lift it", err)
	}
	return &liftedOutput{EnforcedBody{h.Text(event.KindUserID), seq, time.Since(start).Seconds()}}, nil
}
