package sealed

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"zgoda/event"
)

func said() *Said {
	return &Said{Site: "shop", Seen: time.UnixMilli(1_790_000_000_123).UTC(), Source: "identify", List: []Statement{
		{Kind: event.KindUserID, Value: "u-1"}, {Kind: event.KindEmail, Value: "jana@example.org"}, {Name: "name", Value: "Jana Nováková"},
	}}
}

func TestSaidRoundTrip(t *testing.T) {
	pub, o := public(t, 1), opener(t, 2, 1)
	rapid.Check(t, func(t *rapid.T) {
		want := said()
		for range rapid.IntRange(0, MaxStatements-len(want.List)).Draw(t, "n") {
			want.List = append(want.List, Statement{Name: rapid.StringN(1, 20, -1).Draw(t, "name"), Value: rapid.StringN(0, 40, -1).Draw(t, "value")})
		}
		blob, err := SealSaid([]byte("before"), pub, want)
		if err != nil {
			t.Fatal(err)
		}
		blob = blob[len("before"):]
		if got, err := o.OpenSaid(blob); err != nil || !reflect.DeepEqual(&got, want) || len(blob) > MaxSaidBlob || bytes.Contains(blob, []byte("jana")) {
			t.Fatalf("%v, %d bytes", err, len(blob))
		}
		if _, err := o.Open(blob); !errors.Is(err, ErrBlob) {
			t.Fatalf("opened as another thing: %v", err)
		}
		blob[rapid.IntRange(0, len(blob)-1).Draw(t, "at")] ^= 1
		if _, err := o.OpenSaid(blob); !errors.Is(err, ErrBlob) {
			t.Fatalf("a damaged blob: %v", err)
		}
	})
}

func TestSaidRefusals(t *testing.T) {
	pub := public(t, 1)
	many, large := said(), said()
	many.List = make([]Statement, MaxStatements+1)
	large.List = append(large.List, Statement{Name: "a", Value: strings.Repeat("x", MaxSaid)})
	for what, s := range map[string]*Said{"nothing": {Site: "shop"}, "too many": many, "too much": large} {
		if _, err := SealSaid(nil, pub, s); !errors.Is(err, ErrSaid) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := SealSaid(nil, []byte("short"), said()); !errors.Is(err, ErrKey) {
		t.Errorf("no key: %v", err)
	}
	if _, err := (&Sealer{}).SealSaid(nil, said()); !errors.Is(err, ErrNoKey) {
		t.Errorf("a sealer without a key: %v", err)
	}
	for what, s := range map[string]Statement{
		"a visitor": {Kind: event.KindVisitor, Value: "v"}, "an unknown kind": {Kind: event.KindCustomerID + 1, Value: "v"},
		"a trait without a name": {Value: "v"}, "an identifier with one": {Kind: event.KindEmail, Name: "email", Value: "v"}, "no UTF-8": {Name: "a", Value: "\xff"},
	} {
		blob, err := SealSaid(nil, pub, &Said{Site: "shop", List: []Statement{s}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := opener(t, 1).OpenSaid(blob); !errors.Is(err, ErrBlob) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := opener(t, 1).OpenSaid(make([]byte, MaxSaidBlob+1)); !errors.Is(err, ErrBlob) {
		t.Errorf("too long: %v", err)
	}
}

func TestSaidIsRedacted(t *testing.T) {
	for _, v := range []any{*said(), said().List[0]} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%q", "%d"} {
			if got := fmt.Sprintf(verb, v); got != redacted {
				t.Errorf("%s: %s", verb, got)
			}
		}
	}
}

// FuzzReadSaid: whatever is read is written again as the same bytes.
func FuzzReadSaid(f *testing.F) {
	f.Add(said().append(nil))
	f.Add(make([]byte, saidPad))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := readSaid(b)
		if err != nil {
			return
		}
		if again := s.append(nil); !bytes.Equal(again, b) {
			t.Fatalf("accepted % x, is written % x", b, again)
		}
	})
}

func BenchmarkSealSaid(b *testing.B) {
	pub, s := public(b, 1), said()
	for b.Loop() {
		if _, err := SealSaid(nil, pub, s); err != nil {
			b.Fatal(err)
		}
	}
}
