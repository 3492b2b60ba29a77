package retention

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"zgoda/control"
	"zgoda/event"
	"zgoda/pseudonym"
	"zgoda/rights"
)

// reason stands in the requests, and in the keyholder's log.
const reason = "not seen for longer than retention.contact_after_last_seen"

const day = 24 * time.Hour

// idle has contacts erased that were not seen for too long.
func (j *Job) idle(ctx context.Context, r *RunReport) error {
	ctx = pseudonym.WithAct(ctx, pseudonym.Act{Actor: "retention", Reason: reason})
	before := r.At.AddDate(0, -j.cfg.Idle.Months, -j.cfg.Idle.Days).Unix() / int64(day/time.Second)
	if before < 1 {
		return nil
	}
	var names []pseudonym.IdleName
	err := j.deps.Keys.Idle(ctx, uint32(before), uint32(j.cfg.Most), func(n pseudonym.IdleName) error {
		names = append(names, n)
		return nil
	})
	if err != nil {
		return fmt.Errorf("ask who was not seen: %w", err)
	}
	r.More = len(names) == j.cfg.Most
	for len(names) > 0 {
		n := min(len(names), rights.MaxOpenings)
		if err := j.idlePart(ctx, r, names[:n]); err != nil {
			return err
		}
		names = names[n:]
	}
	return nil
}

// idlePart opens requests for erasure of those whom nothing keeps.
func (j *Job) idlePart(ctx context.Context, r *RunReport, names []pseudonym.IdleName) error {
	kept, err := j.kept(ctx, names, r.At)
	if err != nil {
		return err
	}
	var openings []rights.Opening
	for i, name := range names {
		why, known := kept[i]
		switch {
		case !known:
			continue // gone meanwhile
		case why != "":
			if r.Kept == nil {
				r.Kept = map[string]int{}
			}
			r.Kept[why]++
			r.Idle++
		default:
			r.Idle++
			openings = append(openings, rights.Opening{
				Right: control.RightErasure, Mode: control.EraseAll, Who: pseudonym.Who{Idle: name}, Origin: "retention", Proof: "operator", ProofBy: "retention",
				Actor: "retention", Reason: reason, Received: r.At, Known: true, Once: true,
			})
		}
	}
	opened, err := j.deps.Requests.OpenMany(ctx, openings)
	if err != nil {
		return fmt.Errorf("have contacts erased: %w", err)
	}
	failed := 0
	for i := range opened {
		switch err := opened[i].Err; {
		case err == nil:
			r.Opened++
		case errors.Is(err, control.ErrOpen):
			r.Idle-- // somebody else asked for it meanwhile
		case errors.Is(err, rights.ErrNobody):
			r.Idle--
		default:
			failed++
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d requests were refused", failed)
	}
	return nil
}

// kept says by place why contacts are kept, "" for those that are not; who is not
// there any more is left out. It asks under cases that are closed at once.
func (j *Job) kept(ctx context.Context, names []pseudonym.IdleName, at time.Time) (map[int]string, error) {
	list := make([]pseudonym.CaseOf, len(names))
	ids := make([][16]byte, len(names))
	for i := range names {
		_, _ = rand.Read(ids[i][:]) // it never fails
		list[i] = pseudonym.CaseOf{ID: ids[i], Who: pseudonym.Who{Idle: names[i]}}
	}
	opened, err := j.deps.Keys.OpenCases(ctx, list)
	err = errors.Join(err, j.deps.Keys.CloseCases(context.WithoutCancel(ctx), ids))
	if err != nil {
		return nil, fmt.Errorf("ask who idle contacts are: %w", err)
	}
	if len(opened) != len(names) {
		return nil, errors.New("the keyholder answered for others")
	}
	var handles []event.Handle
	of := map[int][]event.Handle{}
	for i := range opened {
		for _, p := range opened[i].Pseudonyms {
			if p.Visitor == 0 && p.Purpose == "consent" {
				of[i] = append(of[i], p.Handle)
				handles = append(handles, p.Handle)
			}
		}
	}
	sites := make([]event.SiteID, len(j.deps.Sites))
	for i := range j.deps.Sites {
		sites[i] = j.deps.Sites[i].ID
	}
	why, err := j.deps.Store.WhyKept(ctx, sites, handles, at)
	if err != nil {
		return nil, err
	}
	out := make(map[int]string, len(names))
	for i, own := range of {
		out[i] = ""
		for _, h := range own {
			if because := why[h]; because != "" {
				out[i] = because
			}
		}
	}
	return out, nil
}
