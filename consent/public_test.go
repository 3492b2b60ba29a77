package consent

import (
	"strings"
	"testing"
)

// Public tells what the header tells, purpose by purpose.
func TestPublicIsTheHeader(t *testing.T) {
	p := testPolicy()
	for _, signals := range []*Signals{
		{},
		{GPC: Present},
		{DNT: Present},
		{Count: -1},
		nil,
		stating(p, SourceRequest, Granted), stating(p, SourceTCF, Refused),
	} {
		d := Decide(p, signals, Subject{Visitor: holding(p, given()), Speaks: SpeaksForVisitor})
		parts := strings.Split(string(d.AppendHeader(nil, true, signals)), ", ")
		view := d.Public(signals)
		for i := range p.Purposes {
			want := string(p.Purposes[i].ID) + "; by=private"
			if v, told := view.Of(i); told {
				want = string(p.Purposes[i].ID) + "=" + v.Outcome.String() + "; by=" + v.By.String()
			}
			if parts[i] != want {
				t.Errorf("the header says %q, Public %q", parts[i], want)
			}
		}
	}
	var none Decision
	view := none.Public(nil)
	for _, i := range []int{-1, 0, 99} {
		if _, told := view.Of(i); told {
			t.Errorf("purpose %d of no policy is told", i)
		}
	}
}
