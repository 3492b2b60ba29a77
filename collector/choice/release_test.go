package choice

import (
	"slices"
	"testing"

	"zgoda/collector"
	"zgoda/consent/cookie"
)

// releasing is a browser at a site that lets a grant release what its page held.
func releasing(tb testing.TB) (*person, *ledger) {
	tb.Helper()
	p, l := setUp(tb)
	p.desk.deps.Sites.All(func(s *collector.Site) bool {
		s.ReleaseUnset = s.ID == "shop"
		return true
	})
	return p, l
}

// released returns the purposes that the state marks.
func released(s *State) []string {
	marked := []string{}
	for id, p := range s.Purposes {
		if p.Release {
			marked = append(marked, string(id))
		}
	}
	slices.Sort(marked)
	return marked
}

func expectReleased(tb testing.TB, when string, s *State, want ...string) {
	tb.Helper()
	if got := released(s); !slices.Equal(got, want) {
		tb.Errorf("%s: %v, want %v", when, got, want)
	}
}

// TestReleaseIsOff: a site that does not turn it on marks nothing.
func TestReleaseIsOff(t *testing.T) {
	p, _ := setUp(t)
	expectReleased(t, "read", p.read())
	expectReleased(t, "granted", p.choose(`{"analytics":true,"profiling":true}`))
}

// TestReleaseByAFirstGrant: what nobody had chosen about is held, and released by
// the first grant in the browser alone.
func TestReleaseByAFirstGrant(t *testing.T) {
	p, _ := releasing(t)
	expectReleased(t, "before", p.read(), "analytics", "profiling")
	expectReleased(t, "granted one, refused the other", p.choose(`{"analytics":true,"profiling":false}`), "analytics")
	expectReleased(t, "after", p.read())
	expectReleased(t, "granted later", p.choose(`{"analytics":true,"profiling":true}`))
}

// TestNoReleaseAfterARefusal: what was refused, on whatever page of the browser, is
// never released by a grant that follows.
func TestNoReleaseAfterARefusal(t *testing.T) {
	p, _ := releasing(t)
	expectReleased(t, "refused one", p.choose(`{"profiling":false}`))
	expectReleased(t, "the other may still be held", p.read(), "analytics")
	expectReleased(t, "both granted", p.choose(`{"analytics":true,"profiling":true}`), "analytics")

	p, _ = releasing(t)
	p.choose(`{"analytics":false,"profiling":false}`)
	expectReleased(t, "refused all", p.read())
	expectReleased(t, "granted all", p.choose(`{"analytics":true,"profiling":true}`))
}

// TestNoReleaseUnderASignal: what a signal refuses is not held, and a grant that it
// overrules releases nothing.
func TestNoReleaseUnderASignal(t *testing.T) {
	p, _ := releasing(t)
	p.headers["Sec-GPC"] = "1"
	expectReleased(t, "read", p.read())
	expectReleased(t, "granted while the signal is there", p.choose(`{"analytics":true,"profiling":true}`))

	p, _ = releasing(t)
	p.cookies[cookie.Choice] = "not ours"
	expectReleased(t, "an unreadable choice", p.read())
	expectReleased(t, "granted after an unreadable choice", p.choose(`{"analytics":true,"profiling":true}`))
}

// TestNoReleaseForAKnownVisitor: with an identifier of ours a choice was made, and
// the record may hold refusals that the page is not told.
func TestNoReleaseForAKnownVisitor(t *testing.T) {
	p, l := releasing(t)
	p.choose(`{"analytics":true}`)
	delete(p.cookies, cookie.Choice)
	for _, l.linked = range []bool{false, true} {
		expectReleased(t, "read", p.read())
		expectReleased(t, "granted", p.choose(`{"profiling":true}`))
	}
}
