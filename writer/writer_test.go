package writer

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"go.uber.org/goleak"

	"zgoda/spool"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestJournalRoundTripAndDamage(t *testing.T) {
	want := []entry{newEntry(spool.Range{From: 1, To: 5}, 7), newEntry(spool.Range{From: 5, To: 9}, 1<<40)}
	b := encodeJournal(want)
	got, err := decodeJournal(b)
	if err != nil || len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
		t.Fatalf("got %v, %v", got, err)
	}
	for i := range b {
		bad := append([]byte(nil), b...)
		bad[i] ^= 1 << (i % 8)
		if _, err := decodeJournal(bad); !errors.Is(err, errJournal) {
			t.Fatalf("byte %d: %v", i, err)
		}
		if _, err := decodeJournal(b[:i]); !errors.Is(err, errJournal) {
			t.Fatalf("cut at %d: %v", i, err)
		}
	}
}

func TestSeenIsBounded(t *testing.T) {
	now := time.Now()
	s := newSeen(time.Hour, 100, now)
	for i := range 1000 {
		if _, fresh := s.add(s.idOf("s", fmt.Sprint(i)), 1, now); !fresh {
			t.Fatal("a new id was known")
		}
		if s.size() > 100 {
			t.Fatalf("%d ids are remembered", s.size())
		}
	}
	if s.find(s.idOf("s", "999")) == nil || s.find(s.idOf("s", "951")) == nil || s.find(s.idOf("t", "999")) != nil {
		t.Fatal("the latest are not remembered by site and id")
	}
	s.forget(s.idOf("s", "999"))
	if s.find(s.idOf("s", "999")) != nil {
		t.Fatal("not forgotten")
	}
	if first, fresh := s.add(s.idOf("s", "951"), 7, now); fresh || first != 1 {
		t.Fatalf("a known id: %v, %v", first, fresh)
	}
}
