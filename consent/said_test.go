package consent

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestReadings: whatever is set and said, in any order and of any purpose, the reading
// of each is the strictest, held against a table of them, and the sets hold each
// purpose once at most.
func TestReadings(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 50_000 {
		var st Statement
		var want [MaxStatementPurposes]Reading
		for range random.IntN(3 * MaxStatementPurposes) {
			i, r := random.IntN(MaxStatementPurposes+2)-1, Reading(random.IntN(6))
			set := random.IntN(4) == 0
			if set {
				st.Readings.Set(i, r)
			} else {
				st.Say(i, r)
			}
			if i >= 0 && i < len(want) {
				want[i] = strictest(want[i], min(r, Unreadable), set)
			}
		}
		for i, r := range want {
			if got := st.Readings.At(i); got != r {
				t.Fatalf("purpose %d: %v, want %v", i, got, r)
			}
		}
		if r := st.Readings; r.refused&r.granted|r.refused&r.unreadable|r.granted&r.unreadable != 0 {
			t.Fatalf("a purpose is in two sets: %+v", r)
		}
	}
}

func strictest(was, r Reading, set bool) Reading {
	order := []Reading{Unset, Granted, Refused, Unreadable}
	if set {
		return r
	}
	return order[max(slices.Index(order, was), slices.Index(order, r))]
}

// TestReadingsJoin: joining says what both say, as saying each would.
func TestReadingsJoin(t *testing.T) {
	all := []Reading{Unset, Granted, Refused, Unreadable}
	for _, one := range all {
		for _, other := range all {
			var a, b, said Statement
			a.Say(3, one)
			b.Say(3, other)
			said.Say(3, one)
			said.Say(3, other)
			if a.join(&b); a.Readings != said.Readings {
				t.Errorf("%v and %v: %+v, want %+v", one, other, a.Readings, said.Readings)
			}
		}
	}
}

// TestSaidOfPurposesThereAre: what is said of purposes that a policy does not have
// counts for nothing.
func TestSaidOfPurposesThereAre(t *testing.T) {
	for n := -1; n <= MaxStatementPurposes+1; n++ {
		s := &Signals{}
		st := s.Add(SourceTCF)
		for i := range MaxStatementPurposes {
			st.Say(i, []Reading{Refused, Granted, Unreadable}[i%3])
		}
		all := s.said(n)
		these := uint32(1<<max(0, min(n, MaxStatementPurposes)) - 1)
		if all.refused&^these != 0 || all.granted&^these != 0 || all.unreadable != (n > 2) {
			t.Errorf("%d purposes: %+v", n, all)
		}
	}
}

// TestSaidBySource: a refusal of ADPC is kept apart, and what cannot be counted
// is unreadable.
func TestSaidBySource(t *testing.T) {
	s := &Signals{}
	s.Add(SourceADPC).Say(2, Refused)
	s.Add(SourceTCF).Say(1, Refused)
	s.Add(SourceSegment).Say(31, Granted)
	if got, want := s.said(MaxStatementPurposes), (said{refused: 1 << 1, adpc: 1 << 2, granted: 1 << 31}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	s.Statements[0].Broken = true
	if !s.said(MaxStatementPurposes).unreadable {
		t.Error("a broken statement is readable")
	}
	for _, count := range []int{-1, MaxStatements + 1} {
		if of := (&Signals{Count: count}).said(1); !of.unreadable {
			t.Errorf("%d statements are readable", count)
		}
	}
}
