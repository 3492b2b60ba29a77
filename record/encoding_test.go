package record

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"zgoda/event"
)

func testRecord(tb testing.TB, scope event.Scope) Record {
	tb.Helper()
	r, err := Make(testPermit(tb, scope), testRaw())
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

func TestRoundTrip(t *testing.T) {
	for scope := event.ScopeNone; scope <= event.ScopePerson; scope++ {
		want := testRecord(t, scope)
		got, err := Decode(Append(nil, &want))
		if err != nil || got != want {
			t.Fatalf("%v: %v\ngot  %+v\nwant %+v", scope, err, got, want)
		}
	}
	flagged := testRecord(t, event.ScopePerson)
	flagged.Flags = event.FlagReleased
	if got, err := Decode(Append(nil, &flagged)); err != nil || got != flagged {
		t.Fatalf("flagged: %v, %+v", err, got)
	}
	var zero Record
	if got, err := Decode(Append(nil, &zero)); err != nil || got != zero {
		t.Fatalf("the zero record: %v, %+v", err, got)
	}
}

func TestRoundTripProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringN(0, -1, 300)
		ms := rapid.Int64Range(minTime, maxTime)
		want := Record{
			Site: event.SiteID(text.Draw(t, "site")), Type: event.Type(rapid.IntRange(0, 6).Draw(t, "type")),
			Scope: event.Scope(rapid.IntRange(0, 2).Draw(t, "scope")), MessageID: text.Draw(t, "id"),
			Time: time.UnixMilli(ms.Draw(t, "time")).UTC(), ReceivedAt: time.UnixMilli(ms.Draw(t, "received")).UTC(),
			ExpiresAt: time.Unix(ms.Draw(t, "expires")/1000, 0).UTC(), Name: text.Draw(t, "name"),
			Properties: text.Draw(t, "properties"), DecidedBy: text.Draw(t, "by"), SourceTag: text.Draw(t, "tag"),
			Purposes: event.PurposeSet(rapid.Uint32().Draw(t, "purposes")), Sequence: event.Sequence(rapid.Uint64().Draw(t, "sequence")),
			PolicyVersion: rapid.Uint32().Draw(t, "policy"), KeyVersion: event.KeyVersion(rapid.Uint32().Draw(t, "key")),
			Flags: event.Flags(rapid.IntRange(0, int(event.FlagsKnown)).Draw(t, "flags")),
		}
		copy(want.Group[:], rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "group"))
		copy(want.Consent[2][:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "second"))
		got, err := Decode(Append([]byte("before"), &want)[len("before"):])
		if err != nil || got != want {
			t.Fatalf("%v: got %+v, want %+v", err, got, want)
		}
	})
}

// The offsets of docs/format/record.md.
func TestOffsets(t *testing.T) {
	r := testRecord(t, event.ScopePerson)
	b := Append(nil, &r)
	for what, c := range map[string]struct {
		at   int
		want []byte
	}{
		"version": {0, []byte{1}}, "type": {1, []byte{1}}, "scope": {2, []byte{2}}, "purposes": {27, []byte{0, 0, 0, 7}},
		"policy": {31, []byte{0, 0, 0, 77}}, "key": {35, []byte{0, 0, 0, 4}}, "sequence": {39, []byte{0, 0, 0, 0, 0, 0, 0, 6}},
		"subject": {47, []byte{2, 0}}, "visitor": {63, []byte{2, 0}}, "consent": {79, []byte{1, 0}}, "group": {127, []byte{9, 0}},
		"lengths": {159, []byte{4, 3, 6}}, "texts": {180, []byte("shopm-1Bought")},
	} {
		if !bytes.HasPrefix(b[c.at:], c.want) {
			t.Errorf("%s at %d: % x", what, c.at, b[c.at:c.at+len(c.want)])
		}
	}
}

// TestOlderRecordsAreRead: what a spool holds from before there were flags is a
// record without any, and a record without any is written as it was then.
func TestOlderRecordsAreRead(t *testing.T) {
	plain := testRecord(t, event.ScopePerson)
	flagged := plain
	flagged.Flags = event.FlagReleased
	old, b := Append(nil, &plain), Append(nil, &flagged)
	if old[0] != 1 || b[0] != 2 || b[159] != 1 {
		t.Fatalf("versions %d and %d, flags %d", old[0], b[0], b[159])
	}
	if joined := append(append([]byte{1}, b[1:159]...), b[160:]...); !bytes.Equal(joined, old) {
		t.Error("version 2 is not version 1 with the flags before the lengths")
	}
	for _, c := range []struct {
		b    []byte
		want event.Flags
	}{{old, 0}, {b, event.FlagReleased}} {
		var v View
		r, err := Decode(c.b)
		if err != nil || r.Flags != c.want || v.Read(c.b) != nil || v.Flags() != c.want {
			t.Errorf("version %d: %v, flags %d", c.b[0], err, r.Flags)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	r := testRecord(t, event.ScopePerson)
	good := Append(nil, &r)
	change := func(at int, v ...byte) []byte {
		b := bytes.Clone(good)
		copy(b[at:], v)
		return b
	}
	flagged := r
	flagged.Flags = event.FlagReleased
	withFlags := func(flags byte) []byte {
		b := Append(nil, &flagged)
		b[fixedSize] = flags
		return b
	}
	longForm := append(append(bytes.Clone(good[:fixedSize]), 0x84, 0), good[fixedSize+1:]...)
	for name, c := range map[string]struct {
		b    []byte
		want error
	}{
		"empty": {nil, ErrTruncated}, "version 0": {change(0, 0), ErrVersion}, "version 3": {change(0, 3), ErrVersion},
		"no flags": {withFlags(0), ErrValue}, "an unknown flag": {withFlags(0x81), ErrValue}, "the next flag": {withFlags(byte(event.FlagsKnown) + 1), ErrValue}, "torn before the flags": {withFlags(1)[:fixedSize], ErrTruncated},
		"torn head": {good[:fixedSize-1], ErrTruncated}, "torn lengths": {good[:fixedSize+3], ErrTruncated},
		"torn text": {good[:len(good)-1], ErrTruncated}, "trailing": {append(bytes.Clone(good), 0), ErrTrailing},
		"type": {change(1, 7), ErrValue}, "scope": {change(2, 3), ErrValue}, "time": {change(3, 0x7f), ErrValue},
		"receipt": {change(11, 0x80), ErrValue}, "expiry": {change(19, 0x7f), ErrValue}, "long form of a length": {longForm, ErrValue},
		"huge length":    {append(bytes.Clone(good[:fixedSize]), 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1), ErrValue},
		"endless length": {append(bytes.Clone(good[:fixedSize]), bytes.Repeat([]byte{0xff}, 40)...), ErrValue},
	} {
		if got, err := Decode(c.b); !errors.Is(err, c.want) || got != (Record{}) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

func TestDecodeKeepsNothing(t *testing.T) {
	want := testRecord(t, event.ScopePerson)
	b := Append(nil, &want)
	got, err := Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	clear(b)
	if got != want {
		t.Fatal("the record points into the buffer")
	}
}

func TestAllocs(t *testing.T) {
	r := testRecord(t, event.ScopePerson)
	r.Properties = strings.Repeat("x", 400)
	buf := Append(nil, &r)
	if n := testing.AllocsPerRun(100, func() { buf = Append(buf[:0], &r) }); n != 0 {
		t.Errorf("Append: %v allocations", n)
	}
	if n := testing.AllocsPerRun(100, func() {
		if _, err := Decode(buf); err != nil {
			t.Error(err)
		}
	}); n > 1 {
		t.Errorf("Decode: %v allocations", n)
	}
}

// Whatever Decode accepts encodes to the same bytes.
func FuzzDecode(f *testing.F) {
	for scope := event.ScopeNone; scope <= event.ScopePerson; scope++ {
		r := testRecord(f, scope)
		f.Add(Append(nil, &r))
		r.Flags = event.FlagReleased
		f.Add(Append(nil, &r))
	}
	f.Add([]byte{})
	f.Add([]byte{Version})
	f.Add(make([]byte, fixedSize+texts))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := Decode(b)
		if err != nil {
			return
		}
		if again := Append(nil, &r); !bytes.Equal(again, b) {
			t.Fatalf("accepted % x, encodes to % x", b, again)
		}
	})
}

func BenchmarkMake(b *testing.B) {
	permit, raw := testPermit(b, event.ScopePerson), testRaw()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Make(permit, raw); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppend(b *testing.B) {
	r := testRecord(b, event.ScopePerson)
	buf := Append(nil, &r)
	b.SetBytes(int64(len(buf)))
	b.ReportAllocs()
	for b.Loop() {
		buf = Append(buf[:0], &r)
	}
}

func BenchmarkDecode(b *testing.B) {
	r := testRecord(b, event.ScopePerson)
	buf := Append(nil, &r)
	b.SetBytes(int64(len(buf)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Decode(buf); err != nil {
			b.Fatal(err)
		}
	}
}
