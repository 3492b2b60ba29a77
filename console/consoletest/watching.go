package consoletest

import (
	"time"

	"zgoda/collector/dryrun"
	"zgoda/collector/reasons"
	"zgoda/consent"
	"zgoda/event"
)

// When is the time of what is watched.
var When = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// DryRuns has a trial for the site demo: a candidate that lets GPC refuse
// analytics, and one event about which it differs.
type DryRuns struct{ Trial *dryrun.Trial }

// Report tells what the trial counted.
func (d *DryRuns) Report(site event.SiteID) (dryrun.Report, bool) {
	if site != Site || d.Trial == nil {
		return dryrun.Report{}, false
	}
	return d.Trial.Report(), true
}

func newDryRuns() (*DryRuns, error) {
	live, _ := Sites{}.Policy(Site)
	candidate, _ := Sites{}.Policy(Site)
	candidate.Revision = 2
	candidate.Purposes[1].GPC = consent.ReachRefuse
	trial, err := dryrun.New(live, candidate, When)
	if err != nil {
		return nil, err
	}
	var who consent.Record
	who.Purposes[1] = consent.Held{Choice: consent.ChoiceGiven, Version: 1}
	subject := consent.Subject{Visitor: &who, Speaks: consent.SpeaksForVisitor, Today: consent.DayOf(When)}
	ids := consent.Identities{Visitor: event.Handles{Consent: event.Handle{1}, Profiling: event.Handle{2}, Analytics: event.Handle{3}, Period: 202601, Version: 1}}
	for _, gpc := range []consent.Presence{consent.Present, consent.Absent, consent.Absent} {
		look := trial.Acquire()
		look.Signals.GPC = gpc
		decision := consent.Decide(live, &look.Signals, subject)
		trial.Compare(look, subject, ids, &decision)
		trial.Release(look)
	}
	return &DryRuns{trial}, nil
}

// newDrops makes a ring with one dropped event, m-dropped.
func newDrops() (*reasons.Ring, error) {
	ring, err := reasons.New(reasons.DefaultConfig())
	if err != nil {
		return nil, err
	}
	d := reasons.Decided{At: When, Reason: event.ReasonErased, Revision: 1, Purposes: 3}
	for i := range d.Purposes {
		d.Verdicts[i].By = consent.SourceErased
		d.Private[i] = true
	}
	d.Private[2], d.Public[2].By = false, consent.SourceGPC
	key, _ := ring.Wants(Site, []byte("m-dropped"), When)
	ring.Note(key, &d)
	d.Fate, d.Reason, d.Scope, d.Revision = reasons.Narrowed, event.ReasonNone, event.ScopePeriod, 77
	key, _ = ring.Wants(Site, []byte("m-old"), When)
	ring.Note(key, &d)
	return ring, nil
}
