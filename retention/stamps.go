package retention

import (
	"context"
	"errors"
	"fmt"

	"zgoda/activity/erase"
	"zgoda/consent"
	"zgoda/control"
	"zgoda/event"
)

// written is a retention as it is kept, with the scope of the rows that it is for and
// the bit that names the purpose in them.
func written(p *Purpose) string {
	return fmt.Sprintf("%s of %s, bit %d", short(p.Retention), p.Scope, p.Bit)
}

// short writes a retention as settings do.
func short(r consent.Retention) string {
	switch {
	case r.Months == 0:
		return fmt.Sprintf("%dd", r.Days)
	case r.Days == 0:
		return fmt.Sprintf("%dmo", r.Months)
	}
	return fmt.Sprintf("%dmo%dd", r.Months, r.Days)
}

type named struct {
	site    event.SiteID
	purpose event.PurposeID
}

func (j *Job) stamped(ctx context.Context) (map[named]string, error) {
	list, err := j.deps.Store.Stamps(ctx)
	if err != nil {
		return nil, err
	}
	was := make(map[named]string, len(list))
	for i := range list {
		was[named{list[i].Site, list[i].Purpose}] = list[i].Retention
	}
	return was, nil
}

// changed are the sites of which some rows were stamped by other settings.
func (j *Job) changed(ctx context.Context) (sites []*Site, err error) {
	was, err := j.stamped(ctx)
	if err != nil {
		return nil, err
	}
	for i := range j.deps.Sites {
		s := &j.deps.Sites[i]
		for p := range s.Purposes {
			if was[named{s.ID, s.Purposes[p].ID}] != written(&s.Purposes[p]) {
				sites = append(sites, s)
				break
			}
		}
	}
	return sites, nil
}

// stamp gives the rows of sites whose settings have changed the end that these say.
// What the rows were stamped with is noted once that is done: a crash does it again.
func (j *Job) stamp(ctx context.Context, r *RunReport) error {
	was, err := j.stamped(ctx)
	if err != nil {
		return err
	}
	changed, err := j.changed(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, s := range changed {
		errs = append(errs, j.stampSite(ctx, r, s, was))
	}
	return errors.Join(errs...)
}

func rulesOf(purposes []Purpose) []erase.Stamp {
	rules := make([]erase.Stamp, len(purposes))
	for i := range purposes {
		p := &purposes[i]
		rules[i] = erase.Stamp{Bit: p.Bit, Scope: p.Scope, Months: p.Retention.Months, Days: p.Retention.Days}
	}
	return rules
}

// unmark takes purposes whose own time is over from rows that are kept for others.
func (j *Job) unmark(ctx context.Context, r *RunReport) error {
	var errs []error
	for i := range j.deps.Sites {
		s := &j.deps.Sites[i]
		_, rows, err := j.deps.Rows.Unmark(ctx, s.ID, rulesOf(s.Noted), r.At)
		if err != nil {
			errs = append(errs, fmt.Errorf("site %s: %w", s.ID, err))
			continue
		}
		if rows > 0 {
			r.Unmarked[s.ID] = rows
		}
	}
	return errors.Join(errs...)
}

func (j *Job) stampSite(ctx context.Context, r *RunReport, s *Site, was map[named]string) error {
	mutation, err := j.deps.Rows.Restamp(ctx, s.ID, rulesOf(s.Purposes))
	if err != nil {
		return fmt.Errorf("site %s: %w", s.ID, err)
	}
	var stamps []control.Stamp
	for i := range s.Purposes {
		p := &s.Purposes[i]
		from, to := was[named{s.ID, p.ID}], written(p)
		if from == to {
			continue
		}
		stamps = append(stamps, control.Stamp{Site: s.ID, Purpose: p.ID, Retention: to, State: "done", At: r.At})
		r.Stamps = append(r.Stamps, Stamped{Site: s.ID, Purpose: p.ID, From: from, To: to, Mutation: mutation})
	}
	return j.deps.Store.PutStamps(ctx, stamps)
}
