package cases

import (
	"bytes"
	"reflect"
	"testing"
	"time"

	"zgoda/event"
	"zgoda/pseudonym/keyring"
)

func exampleEntry() entry {
	at := time.Date(2026, 11, 22, 10, 0, 0, 5e6, time.UTC)
	return entry{
		at: at, cutoff: at.Add(-time.Hour), until: at.AddDate(0, 2, 0), site: "shop", visitor: event.Blinded{1, 2},
		pseudonyms: []Pseudonym{
			{Named: keyring.Named{Handle: event.Handle{1}, Purpose: "consent"}},
			{Named: keyring.Named{Handle: event.Handle{2}, Purpose: "profiling", Version: 3}, Visitor: 1, shared: true},
			{Named: keyring.Named{Handle: event.Handle{3}, Purpose: "analytics", Period: 202611, Version: 1}, Visitor: 2},
		},
		windows: []Window{{Handle: event.Handle{4}, From: at}, {Handle: event.Handle{5}, From: at, To: at.Add(time.Second)}},
	}
}

func TestEntry(t *testing.T) {
	for _, want := range []entry{exampleEntry(), {}} {
		plain := want.encode()
		got, err := decodeEntry(plain)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%+v, %v", got, err)
		}
		for n := range plain {
			if _, err := decodeEntry(plain[:n]); err == nil {
				t.Fatalf("%d bytes of an entry are one", n)
			}
		}
	}
}

// FuzzEntry: whatever is taken for an entry is written again as the same bytes.
func FuzzEntry(f *testing.F) {
	e := exampleEntry()
	f.Add(e.encode())
	f.Add((&entry{}).encode())
	f.Fuzz(func(t *testing.T, plain []byte) {
		e, err := decodeEntry(plain)
		if err == nil && !bytes.Equal(e.encode(), plain) {
			t.Error("it is written as other bytes")
		}
	})
}
