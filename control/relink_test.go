package control

import (
	"reflect"
	"testing"
	"time"

	"zgoda/control/ledger"
	"zgoda/event"
)

// contractLinkedAnew: a visitor that was linked to another since is linked anew, in
// one transaction or in several, and its last link stands first.
func contractLinkedAnew(t *testing.T, cfg Config) {
	t.Helper()
	s, hour := open(t, cfg), func(n int) time.Time { return askedAt.Add(time.Duration(n) * time.Hour) }
	appendAll(t, s, linkedTo(1, 11, hour(0)))
	appendAll(t, s, linkedTo(1, 11, hour(1)))
	if s.Sequence() != 1 {
		t.Errorf("the same link was written twice: %d", s.Sequence())
	}
	appendAll(t, s, linkedTo(2, 11, hour(2)))
	appendAll(t, s, linkedTo(1, 11, hour(3)))
	if got := found(t, s, Lookup{policy, handle(11)}); !reflect.DeepEqual(got.Contacts, []event.Handle{handle(1), handle(2)}) {
		t.Errorf("the last link does not stand first: %v", got.Contacts)
	}
	appendAll(t, s, linkedTo(2, 11, hour(4)), linkedTo(1, 11, hour(5)), linkedTo(1, 11, hour(6)), linkedTo(2, 11, hour(7)))
	for contact, want := range map[int][][2]time.Time{
		1: {{hour(0), hour(2)}, {hour(3), hour(4)}, {hour(5), hour(7)}}, 2: {{hour(2), hour(3)}, {hour(4), hour(5)}, {hour(7), {}}},
	} {
		windows, err := s.Windows(t.Context(), site, []event.Handle{handle(byte(contact))})
		var got [][2]time.Time
		for _, w := range windows {
			got = append(got, [2]time.Time{w.From, w.To})
		}
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("contact %d: %v, %v", contact, got, err)
		}
	}
	if n := s.Sequence(); n != 6 {
		t.Errorf("%d entries", n)
	}
	if entries, err := s.History(t.Context(), site, handle(1), 10); err != nil || len(entries) != 3 || entries[0].State != ledger.StateLinked {
		t.Errorf("%v, %v", entries, err)
	}
}
