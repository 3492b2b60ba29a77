package retention

import (
	"context"
	"fmt"
	"time"

	"zgoda/control"
)

// Finding is something that is past its time, in words that name nobody.
type Finding struct {
	What string `json:"what"` // rows, contacts, requests, run, replicas, files
	Text string `json:"text"`
}

// counts tell of requests; control.Store does.
type counts interface {
	CountRequests(ctx context.Context, now time.Time) ([]control.RequestCount, error)
}

// Look lists what is past its time now.
func (j *Job) Look(ctx context.Context) (list []Finding, err error) {
	add := func(what, text string, args ...any) { list = append(list, Finding{what, fmt.Sprintf(text, args...)}) }
	for i := range j.deps.Sites {
		site := j.deps.Sites[i].ID
		n, oldest, err := j.deps.Rows.PastRetention(ctx, site)
		if err != nil {
			return nil, err
		}
		if n > 0 {
			add("rows", "site %s: %d rows are past their end, the first since %s", site, n, oldest.UTC().Format(time.DateOnly))
		}
	}
	if err := j.lookAtRequests(ctx, add); err != nil {
		return nil, err
	}
	last, found, err := j.Last(ctx)
	if err != nil {
		return nil, err
	}
	switch {
	case !found:
		add("run", "no run of retention has been made yet")
	case j.now().Sub(last.At) > 2*j.cfg.Every:
		add("run", "the last run of retention was on %s", last.At.UTC().Format(time.DateOnly))
	}
	for _, f := range last.Failed {
		add("run", "failed in the last run: %s", f)
	}
	for _, why := range []string{"agreement", "request", "restricted"} {
		if n := last.Kept[why]; n > 0 {
			add("contacts", "%d contacts were not seen for %s and are kept: %s", n, short(j.cfg.Idle), whyText[why])
		}
	}
	if j.deps.Replicas != nil {
		for _, text := range j.deps.Replicas(ctx) {
			add("replicas", "%s", text)
		}
	}
	if j.deps.Aside != nil {
		for _, text := range j.deps.Aside() {
			add("files", "%s", text)
		}
	}
	return list, nil
}

var whyText = map[string]string{
	"agreement": "an agreement with them is in force", "request": "a request of theirs is open", "restricted": "they are restricted",
}

func (j *Job) lookAtRequests(ctx context.Context, add func(what, text string, args ...any)) error {
	list, err := j.deps.Counts.CountRequests(ctx, j.now())
	if err != nil {
		return err
	}
	overdue := map[control.Right]int64{}
	for i := range list {
		overdue[list[i].Right] += list[i].Overdue
	}
	for _, right := range []control.Right{
		control.RightAccess, control.RightRectification, control.RightErasure, control.RightRestriction, control.RightPortability, control.RightObjection,
		control.RightAutomated, control.RightWithdrawal,
	} {
		if n := overdue[right]; n > 0 {
			add("requests", "%d requests of %s are past their deadline", n, right)
		}
	}
	return nil
}

// Begin has a run made now. It does not wait for it: Last tells of it.
func (j *Job) Begin() {
	select {
	case j.wake <- struct{}{}:
	default: // one is about to begin
	}
}
