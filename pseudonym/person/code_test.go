package person

import (
	"bytes"
	"testing"
	"time"

	"zgoda/event"
)

func FuzzDatum(f *testing.F) {
	for _, d := range []Datum{
		mail("a@example.org"), trait("name", "Jana\nNováková"),
		{Kind: event.KindPhone, Site: "shop", Value: "+421905123456", Source: "call", Basis: "contract", Seen: time.UnixMilli(1)},
	} {
		f.Add(d.encode())
	}
	f.Add([]byte{})
	f.Add(make([]byte, codePad))
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := decodeDatum(b)
		if err != nil {
			return
		}
		if !bytes.Equal(d.encode(), b) {
			t.Fatal("what was accepted is written otherwise")
		}
	})
}

func FuzzPast(f *testing.F) {
	f.Add(encodePast(nil))
	f.Add(encodePast([]Past{{Handle: event.Handle{1}, Purpose: PurposeAnalytics, Period: 202611, Version: 3, Visitor: true}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		list, err := decodePast(b)
		if err == nil && !bytes.Equal(encodePast(list), b) {
			t.Fatal("what was accepted is written otherwise")
		}
	})
}

func FuzzHead(f *testing.F) {
	d := agreement()
	d.Seen = began
	f.Add((&head{key: [32]byte{1}, begun: began, Document: d}).encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := decodeHead(b)
		if err == nil && !bytes.Equal(h.encode(), b) {
			t.Fatal("what was accepted is written otherwise")
		}
	})
}

// TestLengthsTellLittle: rows of values that differ by a few bytes are of one size.
func TestLengthsTellLittle(t *testing.T) {
	short, long := mail("a@b.sk"), mail("a.b.c.d@bc.example")
	if a, b := len(short.encode()), len(long.encode()); a != b || a%codePad != 0 {
		t.Errorf("%d and %d bytes", a, b)
	}
}
