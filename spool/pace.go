package spool

import "time"

// What the waiting of a group is made of.
const (
	// paceRatio is how many times as long as a commit takes a group may gather:
	// the disk and the processor are then spared all but one commit in so many.
	paceRatio = 16
	// paceEnough is how many records need not wait for more: a commit costs
	// each of them next to nothing already.
	paceEnough = 128
)

// pace decides how long a group gathers before it is written. It learns from the
// commits: how long they take, and how many callers have been seen at once.
//
// Waiting pays while others are on their way. When nearly everybody who was there
// lately has come, or nobody came for as long as a commit takes, it is pure loss.
type pace struct {
	most  time.Duration // never longer than this
	took  time.Duration // what a commit takes, smoothed
	seen  int           // how many were in the spool at once, lately
	ended time.Time     // of the last commit
	quiet bool          // the group under way came after a pause
}

// plan returns how many should be there before the group is written, and how
// long to wait for them at most. The first of those who are there came at first.
func (p *pace) plan(first time.Time, there int) (want int, wait time.Duration) {
	p.quiet = p.took == 0 || first.Sub(p.ended) > p.took
	if p.quiet {
		return there, 0
	}
	// All but one in sixteen: the last ones may be slow, and while they work
	// the processor is not idle during the commit.
	want = min(p.seen-p.seen/16, paceEnough)
	if there >= want {
		return there, 0
	}
	return want, min(p.most, paceRatio*p.took)
}

// learn takes note of a commit from start to end of a group of so many callers,
// during which others gathered.
func (p *pace) learn(start, end time.Time, group, gathered int) {
	took := end.Sub(start)
	if p.took == 0 {
		p.took = took
	}
	p.took += (took - p.took) / 8
	p.ended = end
	seen := group + gathered
	if p.quiet {
		seen = max(seen, p.seen/2) // a short pause is no reason to forget everybody
	}
	p.seen = seen
}
