package control

import (
	"crypto/rand"
	"errors"
	"testing"
)

// TestRequestID: an id is written in one way, and nothing else is read as one.
func TestRequestID(t *testing.T) {
	for range 100 {
		var id RequestID
		_, _ = rand.Read(id[:])
		if got, err := ParseRequestID(id.String()); err != nil || got != id {
			t.Fatalf("%s: %v", id, err)
		}
	}
	for _, text := range []string{
		"", "r_", "r_0000000000000000000000000", "r_000000000000000000000000000", "c_00000000000000000000000000",
		"r_0000000000000000000000000i", "r_0000000000000000000000000A", "r_00000000000000000000000001", // the last letter has two bits only
		"r_0000000000000000000000000\n",
	} {
		if _, err := ParseRequestID(text); !errors.Is(err, ErrRequestID) {
			t.Errorf("%q: %v", text, err)
		}
	}
	if _, err := ParseRequestID("r_00000000000000000000000000"); err != nil {
		t.Error(err)
	}
}
