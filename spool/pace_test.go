package spool

import (
	"testing"
	"time"
)

// TestPace: who waits, for how many and how long, after commits of 100 us.
func TestPace(t *testing.T) {
	const took = 100 * time.Microsecond
	start := time.Unix(1000, 0)
	for name, c := range map[string]struct {
		groups   [][2]int      // of each commit before: its callers, and who gathered meanwhile
		pause    time.Duration // from the last commit to the first of this group
		there    int
		want     int
		wait     time.Duration
		most     time.Duration
		slowness time.Duration // of the commits, when not 100 us
	}{
		"first_ever":         {there: 1, want: 1},
		"alone":              {groups: [][2]int{{1, 0}}, there: 1, want: 1},
		"alone_after_pause":  {groups: [][2]int{{60, 4}}, pause: time.Second, there: 1, want: 1},
		"two_in_turn":        {groups: [][2]int{{1, 1}}, there: 1, want: 2, wait: 16 * took},
		"both_came":          {groups: [][2]int{{2, 0}}, there: 2, want: 2},
		"all_but_a_few":      {groups: [][2]int{{60, 4}}, there: 20, want: 60, wait: 16 * took},
		"all_but_a_few_came": {groups: [][2]int{{60, 4}}, there: 60, want: 60},
		"crowd":              {groups: [][2]int{{900, 100}}, there: 100, want: paceEnough, wait: 16 * took},
		"crowd_is_there":     {groups: [][2]int{{900, 100}}, there: 128, want: 128},
		"some_stayed_away":   {groups: [][2]int{{64, 0}, {10, 0}}, there: 8, want: 10, wait: 16 * took},
		"slow_disk":          {groups: [][2]int{{50, 50}}, there: 50, want: 94, wait: 2 * time.Millisecond, slowness: time.Second},
		"never_wait":         {groups: [][2]int{{50, 50}}, there: 50, want: 94, most: -1},
	} {
		t.Run(name, func(t *testing.T) {
			p := pace{most: 2 * time.Millisecond}
			if c.most < 0 {
				p.most = 0
			}
			each := took
			if c.slowness > 0 {
				each = c.slowness
			}
			now := start
			for _, g := range c.groups {
				p.plan(now, g[0])
				p.learn(now, now.Add(each), g[0], g[1])
				now = now.Add(each)
			}
			want, wait := p.plan(now.Add(c.pause), c.there)
			if want != c.want || wait != c.wait {
				t.Errorf("want %d within %v, got %d within %v", c.want, c.wait, want, wait)
			}
		})
	}
}

// TestPaceRemembers: a random pause under load does not make it forget how many
// there are, a long one does.
func TestPaceRemembers(t *testing.T) {
	p := pace{most: time.Millisecond}
	now := time.Unix(1000, 0)
	commit := func(pause time.Duration, group, gathered int) {
		now = now.Add(pause)
		p.plan(now, group)
		end := now.Add(100 * time.Microsecond)
		p.learn(now, end, group, gathered)
		now = end
	}
	commit(0, 64, 0)
	commit(time.Millisecond, 1, 1)
	if want, _ := p.plan(now, 1); want != 30 { // all but one in sixteen of half
		t.Errorf("after a pause it waits for %d", want)
	}
	for range 10 {
		commit(time.Millisecond, 1, 0)
	}
	if want, wait := p.plan(now, 1); want != 1 || wait != 0 {
		t.Errorf("a lone record waits %v for %d", wait, want)
	}
}
