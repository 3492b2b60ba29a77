package control

import (
	"slices"
	"strings"
	"testing"
	"time"

	"zgoda/event"
)

// TestNoticesReadBack: a change is told in as many parts as it needs, each short
// enough, and every part reads back as what was told.
func TestNoticesReadBack(t *testing.T) {
	at := time.UnixMicro(1_700_000_000_000_000)
	for _, n := range []int{0, 1, noticeHandles, noticeHandles + 1, groupAffected} {
		c := Change{Sequence: 9}
		for i := range n {
			c.Affected = append(c.Affected, event.Handle{0: byte(i), 1: byte(i >> 8), 15: 7})
		}
		var got []event.Handle
		texts := changeNotices("ab", 4, &c, at)
		for i, text := range texts {
			if len(text) >= 8000 {
				t.Fatalf("a notice of %d bytes", len(text))
			}
			read, err := readNotice(text)
			if err != nil || read.beat || read.instance != "ab" || read.from != 4 || read.to != 9 || !read.at.Equal(at) ||
				read.part != i+1 || read.parts != len(texts) || read.everyone {
				t.Fatalf("%d: %v", n, err)
			}
			got = append(got, read.affected...)
		}
		if !slices.Equal(got, c.Affected) {
			t.Errorf("%d handles told, %d heard", n, len(got))
		}
	}
	read, err := readNotice(changeNotices("ab", 4, &Change{Sequence: 5, Everyone: true}, at)[0])
	if err != nil || !read.everyone || read.parts != 1 {
		t.Errorf("everyone: %v", err)
	}
	if read, err = readNotice(beatNotice("ab", 12)); err != nil || !read.beat || read.instance != "ab" || read.number != 12 {
		t.Errorf("a beat: %v", err)
	}
}

func TestUnreadableNotices(t *testing.T) {
	good := "1 change ab 4 9 1 1 1 " + strings.Repeat("A", 22)
	if _, err := readNotice(good); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{
		"", "1", "2 beat ab 1", "1 beat ab", "1 beat ab x", "1 beat ab -1", "1 other ab 1", good + "A", good + " x", good[:len(good)-1] + "!",
		"1 change ab 9 9 1 1 1 everyone", "1 change ab 9 4 1 1 1 everyone", "1 change ab 4 9 1 0 1 everyone", "1 change ab 4 9 1 2 1 everyone",
		"1 change ab 4 9 1 1 999999 everyone", "1 change ab -4 9 1 1 1 everyone", "1 change ab 4 9 1 1 1 nobody",
	} {
		if _, err := readNotice(text); err == nil {
			t.Errorf("%q was read", text)
		}
	}
}

// TestWhatIsHeardHasNoGaps: a change that does not begin where the last ended, and
// one of which a part is missing, affect everyone; what was heard is passed over.
func TestWhatIsHeardHasNoGaps(t *testing.T) {
	a, b := event.Handle{1}, event.Handle{2}
	change := func(from, to event.Sequence, part, parts int, h event.Handle) notice {
		return notice{instance: "other", from: from, to: to, part: part, parts: parts, affected: []event.Handle{h}, at: time.Now()}
	}
	for name, c := range map[string]struct {
		told    []notice
		through event.Sequence
		gaps    int
		named   int
	}{
		"in order":             {[]notice{change(5, 6, 1, 1, a), change(6, 8, 1, 1, b)}, 8, 0, 2},
		"parts":                {[]notice{change(5, 6, 1, 2, a), change(5, 6, 2, 2, b)}, 6, 0, 2},
		"the first of parts":   {[]notice{change(5, 6, 1, 2, a)}, 5, 0, 1},
		"a part is missing":    {[]notice{change(5, 6, 1, 3, a), change(5, 6, 3, 3, b)}, 6, 1, 1},
		"the rest is missing":  {[]notice{change(5, 6, 1, 2, a), change(6, 7, 1, 1, b)}, 7, 1, 1},
		"a change is missing":  {[]notice{change(6, 7, 1, 1, a), change(7, 8, 1, 1, b)}, 8, 1, 1},
		"old news":             {[]notice{change(3, 4, 1, 1, a), change(4, 5, 1, 1, b)}, 5, 0, 0},
		"known in part before": {[]notice{change(4, 7, 1, 1, a)}, 7, 1, 0},
	} {
		d := &postgres{instance: "own"}
		d.heard.through = 5
		var last event.Sequence
		gaps, named := 0, 0
		for i := range c.told {
			d.take(&c.told[i], func(h Heard) {
				last = h.Through
				named += len(h.Change.Affected)
				if h.Gap {
					gaps++
					if !h.Change.Everyone {
						t.Errorf("%s: a gap that does not affect everyone", name)
					}
				}
			})
		}
		if last = max(last, d.heard.through); last != c.through || gaps != c.gaps || named != c.named {
			t.Errorf("%s: through %d with %d gaps, %d named", name, last, gaps, named)
		}
	}
}
