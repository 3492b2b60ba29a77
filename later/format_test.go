package later

import (
	"bytes"
	"errors"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"zgoda/consent"
	"zgoda/event"
)

var received = time.Date(2026, 11, 21, 9, 30, 0, 0, time.UTC)

func waiting(id string) *Event {
	e := &Event{
		Raw: event.Raw{
			Site: "shop", Type: event.TypeTrack, MessageID: id, ReceivedAt: received, Time: received.Add(-time.Minute), Name: "Bought",
			PageHost: "shop.example", Campaign: event.Campaign{Content: "c"}, Country: "SK", Group: event.Blinded{9},
		},
		Person: `{"sku":"A","other":1}`, Period: `{"sku":"A"}`, Secret: true, Link: true, Told: true, Unset: true, Released: 4,
		Class: consent.ClassSpecial, AsOf: 77, Policy: 3, Purposes: []Purpose{{0, 1}, {5, 2}, {31, 9}},
		Sealed: []byte("sealed"), Visitors: 1,
	}
	e.Signals.SeeGPC(consent.CarrierHeader)
	st := e.Signals.Add(consent.SourceCookie)
	st.Say(0, consent.Granted)
	st.Say(2, consent.Refused)
	st.Browser = true
	e.Signals.Add(consent.SourceTCF).Broken = true
	return e
}

func TestRoundTrip(t *testing.T) {
	want := waiting("m-1")
	got, err := Read(Append(nil, want))
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("%v:\n%+v\n%+v", err, got, want)
	}
	rapid.Check(t, func(t *rapid.T) {
		flag := func(name string) bool { return rapid.Bool().Draw(t, name) }
		want := waiting(rapid.StringN(1, -1, 99).Draw(t, "id"))
		want.Secret, want.NoOrigin, want.Told, want.Link, want.Unset = flag("a"), flag("b"), flag("c"), flag("d"), flag("e")
		want.Person, want.Raw.PageTitle = rapid.String().Draw(t, "person"), rapid.String().Draw(t, "title")
		if flag("says") {
			want.Said = rapid.SliceOfN(rapid.Byte(), 1, 300).Draw(t, "said")
		}
		want.AsOf, want.Released = event.Sequence(rapid.Uint64().Draw(t, "at")), event.PurposeSet(rapid.Uint32().Draw(t, "released"))
		got, err := Read(Append([]byte("before"), want)[len("before"):])
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("%v:\n%+v\n%+v", err, got, want)
		}
	})
}

func TestReadRefuses(t *testing.T) {
	good := Append(nil, waiting("m-1"))
	for n := range len(good) {
		if _, err := Read(good[:n]); err == nil {
			t.Fatalf("the first %d bytes were read", n)
		}
	}
	change := func(at int, v byte) []byte {
		b := bytes.Clone(good)
		b[at] = v
		return b
	}
	for what, c := range map[string]struct {
		b    []byte
		want error
	}{
		"another version": {change(0, 2), ErrVersion}, "no type": {change(1, 0), ErrFormat}, "an unknown type": {change(1, 7), ErrFormat},
		"a flag of what is not there": {change(2, 0x80), ErrFormat}, "too many visitors": {change(5, 17), ErrFormat}, "a time": {change(6, 0x7f), ErrFormat},
		"a bit": {change(71, 32), ErrFormat}, "the same bit twice": {change(76, 0), ErrFormat}, "more": {append(bytes.Clone(good), 0), ErrFormat},
		"too many purposes": {change(70, 33), ErrFormat}, "too many statements": {change(86, 17), ErrFormat},
		"an unknown source": {change(87, 0xff), ErrFormat}, "an unknown reading": {change(89, 4), ErrFormat}, "a statement's flag": {change(88, 4), ErrFormat},
	} {
		if e, err := Read(c.b); !errors.Is(err, c.want) || e != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// TestReadKeepsNothing: the event has memory of its own.
func TestReadKeepsNothing(t *testing.T) {
	want := waiting("m-1")
	b := Append(nil, want)
	got, err := Read(b)
	clear(b)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Fatal(err, "the event points into the record")
	}
}

func FuzzRead(f *testing.F) {
	f.Add(Append(nil, waiting("m-1")))
	says := waiting("m-2")
	says.Said = []byte("said")
	f.Add(Append(nil, says))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := Read(b)
		if err != nil {
			return
		}
		if again := Append(nil, e); !bytes.Equal(again, b) {
			t.Fatalf("accepted % x, encodes to % x", b, again)
		}
	})
}

func policy(version uint32, purposes ...consent.Purpose) *consent.Policy {
	return &consent.Policy{Site: "shop", Version: version, Purposes: purposes}
}

// TestSignalsFor: a policy that changed while an event waited never lets more be
// stored than the one that it came under.
func TestSignalsFor(t *testing.T) {
	e := waiting("m-1") // bits 0, 5, 31 in versions 1, 2, 9: granted, unset, refused
	a, b, c := consent.Purpose{Bit: 0, Version: 1}, consent.Purpose{Bit: 5, Version: 2}, consent.Purpose{Bit: 31, Version: 9}
	newer, fresh := b, consent.Purpose{Bit: 7, Version: 1}
	newer.Version = 3
	for what, x := range map[string]struct {
		policy *consent.Policy
		want   []consent.Reading // of the cookie
		deny   []consent.Reading // of what the change refuses; nil: no such statement
	}{
		"the same":         {policy(3, a, b, c), []consent.Reading{consent.Granted, consent.Unset, consent.Refused}, nil},
		"in another order": {policy(3, c, b, a), []consent.Reading{consent.Refused, consent.Unset, consent.Granted}, nil},
		"another version":  {policy(4, a, b, c), []consent.Reading{consent.Unset, consent.Unset, consent.Refused}, nil},
		"a changed and a new purpose": {
			policy(4, fresh, newer, c),
			[]consent.Reading{consent.Unset, consent.Unset, consent.Refused},
			[]consent.Reading{consent.Refused, consent.Refused, consent.Unset},
		},
	} {
		got := e.SignalsFor(x.policy)
		if got.GPC != consent.Present || got.Statements[0].Source != consent.SourceCookie || !got.Statements[1].Broken {
			t.Errorf("%s: %+v", what, got)
		}
		if is := first(&got.Statements[0], len(x.want)); !slices.Equal(is, x.want) {
			t.Errorf("%s: read %v, want %v", what, is, x.want)
		}
		if x.deny == nil {
			if got.Count != 2 {
				t.Errorf("%s: %d statements", what, got.Count)
			}
			continue
		}
		if got.Count != 3 || !slices.Equal(first(&got.Statements[2], len(x.deny)), x.deny) || got.Statements[2].Source.Grants() {
			t.Errorf("%s: %d statements, %+v", what, got.Count, got.Statements[2])
		}
	}
	full := waiting("m-2")
	for full.Signals.Count < consent.MaxStatements {
		full.Signals.Add(consent.SourceSegment)
	}
	got := full.SignalsFor(policy(4, fresh))
	if got.Count != consent.MaxStatements || !got.Statements[consent.MaxStatements-1].Broken || got.Statements[consent.MaxStatements-1].Readings.At(0) != consent.Refused {
		t.Error("with all statements in use a purpose that is new is not refused")
	}
}

// first returns the first readings of a statement.
func first(s *consent.Statement, n int) (out []consent.Reading) {
	for i := range n {
		out = append(out, s.Readings.At(i))
	}
	return out
}
