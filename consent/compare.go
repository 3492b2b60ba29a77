package consent

import "zgoda/event"

// Diff is how a decision by a candidate policy differs from that by the live one.
// It refers to both decisions and is valid while they are.
type Diff struct {
	live, candidate *Decision
}

// Change is the two verdicts on one purpose. A policy without the purpose denies
// it by default, and says so.
type Change struct {
	Purpose               event.PurposeID
	Live, Candidate       Verdict
	NotLive, NotCandidate bool // the policy has no such purpose
}

// Compare puts two decisions about one event side by side. It allocates nothing.
func Compare(live, candidate *Decision) Diff { return Diff{live, candidate} }

// Each calls yield for every purpose of either policy, those of the live one
// first, until it returns false.
func (d Diff) Each(yield func(Change) bool) {
	if d.live.policy == nil || d.candidate.policy == nil {
		return
	}
	for i := range d.live.policy.Purposes {
		id := d.live.policy.Purposes[i].ID
		j := d.candidate.policy.Find(id)
		if !yield(Change{Purpose: id, Live: d.live.Verdict(i), Candidate: d.candidate.Verdict(j), NotCandidate: j < 0}) {
			return
		}
	}
	for j := range d.candidate.policy.Purposes {
		id := d.candidate.policy.Purposes[j].ID
		if d.live.policy.Find(id) < 0 && !yield(Change{Purpose: id, Candidate: d.candidate.Verdict(j), NotLive: true}) {
			return
		}
	}
}

// Outcome says whether the two come to another outcome for the purpose.
func (c Change) Outcome() bool { return c.Live.Outcome != c.Candidate.Outcome }

// Source says whether another source decides.
func (c Change) Source() bool { return c.Live.By != c.Candidate.By }

// Outcomes says whether any purpose comes to another outcome.
func (d Diff) Outcomes() bool {
	other := false
	d.Each(func(c Change) bool {
		other = c.Outcome()
		return !other
	})
	return other
}
