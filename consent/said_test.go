package consent

import (
	"math/rand/v2"
	"testing"
)

// TestSaid: the sets say of every purpose what its reading is, for every reading
// there is and every one there is not, wherever it stands.
func TestSaid(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for round := range 200_000 {
		var st Statement
		purposes := random.IntN(MaxStatementPurposes + 3)
		for i := range st.Readings {
			st.Readings[i] = Reading(random.IntN(4))
			if round%2 == 0 {
				st.Readings[i] = Reading(random.IntN(256))
			}
		}
		refused, granted, unreadable := st.sets(purposes)
		for i, r := range st.Readings {
			in := i < purposes
			for _, set := range []struct {
				bits uint32
				want bool
			}{{refused, r == Refused}, {granted, r == Granted}, {unreadable, r >= Unreadable}} {
				if got := set.bits>>i&1 != 0; got != (set.want && in) {
					t.Fatalf("reading %d of purpose %d of %d: %v", r, i, purposes, got)
				}
			}
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
