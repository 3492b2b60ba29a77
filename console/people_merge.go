package console

import (
	"context"
	"encoding/hex"
	"errors"
	"net/http"

	"zgoda/event"
	"zgoda/subjects"
)

type mergeInput struct {
	SitePath
	Body struct {
		ReasonBody
		Keep    PersonBody `json:"keep" doc:"who stays"`
		Drop    PersonBody `json:"drop" doc:"who becomes the other"`
		Preview bool       `json:"preview,omitempty" doc:"only tell what it would be about"`
	}
}

type mergeOutput struct {
	Body struct {
		Contact    string          `json:"contact" doc:"the handle of the contact that stays"`
		Dropped    string          `json:"dropped" doc:"the handle that the other had"`
		Merged     bool            `json:"merged"`
		Sequence   event.Sequence  `json:"sequence,omitempty" doc:"the control store's position of the merge"`
		Grants     []string        `json:"grants_not_carried" doc:"purposes that the dropped contact had agreed to and this one has not: ask again"`
		Pseudonyms []PseudonymBody `json:"pseudonyms" doc:"of the dropped contact; what is stored under them is this contact's"`
	}
}

// mergeContacts first makes the two refuse for each other: whenever it is cut off,
// no refusal is lost. It can be called again then.
func (s *Server) mergeContacts(ctx context.Context, in *mergeInput) (*mergeOutput, error) {
	site, acting := event.SiteID(in.Site), because(ctx, in.Body.Reason)
	keep, err := s.find(acting, in.Site, in.Body.Keep)
	if err != nil {
		return nil, err
	}
	drop, err := s.find(acting, in.Site, in.Body.Drop)
	if err != nil {
		return nil, err
	}
	if keep.ref == drop.ref {
		return nil, problem(http.StatusConflict, "the two are one contact already")
	}
	_, dropped, err := s.deps.People.Merge(acting, keep.ref, drop.ref, true)
	if err != nil {
		return nil, s.peopleFailed(ctx, "merge the contacts", err)
	}
	out := &mergeOutput{}
	out.Body.Contact, out.Body.Dropped, out.Body.Grants = keep.name(), drop.name(), []string{}
	out.Body.Pseudonyms = pseudonymBodies(dropped)
	if in.Body.Preview {
		return out, nil
	}
	grants, err := s.deps.Merger.Tie(ctx, site, keep.handle, drop.handle, actor(ctx), masked(in.Body.Reason))
	switch {
	case errors.Is(err, subjects.ErrStanding):
		return nil, problem(http.StatusConflict, subjects.ErrStanding.Error())
	case err != nil:
		return nil, s.failed(ctx, "merge the contacts", err)
	}
	for _, purpose := range grants {
		out.Body.Grants = append(out.Body.Grants, string(purpose))
	}
	if _, _, err := s.deps.People.Merge(acting, keep.ref, drop.ref, false); err != nil {
		return nil, s.peopleFailed(ctx, "merge the contacts", err)
	}
	// They are one now, whoever called has gone or not.
	out.Body.Merged = true
	out.Body.Sequence, err = s.deps.Merger.Merged(context.WithoutCancel(ctx), site, keep.handle, drop.handle, actor(ctx), masked(in.Body.Reason))
	if err != nil {
		s.log.Warn("a merge is not in the ledger; gateways learn of it when their entries expire", "error", err)
	}
	if s.deps.Agreements != nil {
		if err := s.deps.Agreements.MoveAgreements(context.WithoutCancel(ctx), site, drop.handle, keep.handle); err != nil {
			s.log.Warn("agreements of a contact that was merged are on record under its former handle", "error", err)
		}
	}
	return out, nil
}

func (s *Server) listReveals(ctx context.Context, _ *struct{}) (*revealsOutput, error) {
	waiting, err := s.deps.People.Waiting(because(ctx, ""))
	if err != nil {
		return nil, s.peopleFailed(ctx, "list the reveals", err)
	}
	out := &revealsOutput{}
	out.Body.Reveals = make([]waitingReveal, len(waiting))
	for i, w := range waiting {
		out.Body.Reveals[i] = waitingReveal{
			ID: hex.EncodeToString(w.ID), Actor: w.Actor, Reason: w.Reason, Since: w.Since.UTC(), Until: w.Until.UTC(), Approved: w.Approved,
		}
	}
	return out, nil
}

type approveInput struct {
	Reveal string `path:"reveal" pattern:"^[0-9a-f]{32}$" doc:"the reveal's id"`
}

func (s *Server) approveReveal(ctx context.Context, in *approveInput) (*struct{}, error) {
	id, err := hex.DecodeString(in.Reveal)
	if err != nil {
		return nil, wrong("path.reveal", "expected 32 hexadecimal digits")
	}
	if err := s.deps.People.Approve(because(ctx, ""), id); err != nil {
		return nil, s.peopleFailed(ctx, "approve the reveal", err)
	}
	return nil, nil
}
