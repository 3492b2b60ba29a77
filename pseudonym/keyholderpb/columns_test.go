package keyholderpb

import (
	"errors"
	"testing"

	"pgregory.net/rapid"

	"zgoda/event"
)

func drawHandle(t *rapid.T, name string) (h event.Handle) {
	copy(h[:], rapid.SliceOfN(rapid.ByteRange(1, 255), len(h), len(h)).Draw(t, name))
	return h
}

func TestColumnsRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 20).Draw(t, "n")
		request, answer := &ResolveRequest{}, &ResolveAnswer{}
		request.Grow(n)
		answer.Grow(n)
		var hashes []event.Blinded
		var want []event.Handles
		for i := range n {
			h1 := event.Blinded(rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "h1"))
			hashes = append(hashes, h1)
			request.Add(h1, event.IdentifierKind(i%7), i%2 == 0, event.Period(202600+i))
			h := event.Handles{
				Consent: drawHandle(t, "c"), Profiling: drawHandle(t, "p"), Analytics: drawHandle(t, "a"),
				Period: event.Period(i), Version: event.KeyVersion(i * 3),
			}
			want = append(want, h)
			answer.Add(h)
		}
		if rows, err := request.Rows(); err != nil || rows != n {
			t.Fatalf("%d rows, %v", rows, err)
		}
		for i := range n {
			h1, kind, mint, period := request.Row(i)
			if h1 != hashes[i] || kind != event.IdentifierKind(i%7) || mint != (i%2 == 0) || period != event.Period(202600+i) {
				t.Fatalf("row %d differs", i)
			}
		}
		got, err := answer.AppendTo(nil, n)
		if err != nil || len(got) != n {
			t.Fatalf("%d handles, %v", len(got), err)
		}
		for i := range got {
			if got[i] != want[i] {
				t.Fatalf("handles %d differ", i)
			}
		}
	})
}

func TestBrokenColumns(t *testing.T) {
	whole := func() *ResolveRequest {
		m := &ResolveRequest{}
		m.Add(event.Blinded{1}, event.KindEmail, true, 202611)
		return m
	}
	requests := map[string]func(*ResolveRequest){
		"short hash":    func(m *ResolveRequest) { m.H1 = m.H1[:31] },
		"no hash":       func(m *ResolveRequest) { m.H1 = nil },
		"two kinds":     func(m *ResolveRequest) { m.Kind = append(m.Kind, 1) },
		"no mint":       func(m *ResolveRequest) { m.Mint = nil },
		"mint is maybe": func(m *ResolveRequest) { m.Mint[0] = 2 },
		"no period":     func(m *ResolveRequest) { m.Period = nil },
	}
	for name, spoil := range requests {
		m := whole()
		spoil(m)
		if _, err := m.Rows(); !errors.Is(err, ErrColumns) {
			t.Errorf("%s: %v", name, err)
		}
	}
	full := event.Handles{Consent: event.Handle{1}, Profiling: event.Handle{2}, Analytics: event.Handle{3}}
	answers := map[string]func(*ResolveAnswer){
		"short":        func(m *ResolveAnswer) { m.Handles = m.Handles[:47] },
		"no period":    func(m *ResolveAnswer) { m.Period = nil },
		"no version":   func(m *ResolveAnswer) { m.Version = nil },
		"one more":     func(m *ResolveAnswer) { m.Add(full) },
		"no consent":   func(m *ResolveAnswer) { m.Handles[0] = 0 },
		"no profiling": func(m *ResolveAnswer) { m.Handles[16] = 0 },
		"no analytics": func(m *ResolveAnswer) { m.Handles[32] = 0 },
	}
	for name, spoil := range answers {
		m := &ResolveAnswer{}
		m.Add(full)
		spoil(m)
		if _, err := m.AppendTo(nil, 1); !errors.Is(err, ErrColumns) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, column := range [][]byte{make([]byte, 31), make([]byte, 32), make([]byte, 33)} {
		if _, err := Blinded(column); !errors.Is(err, ErrColumns) {
			t.Errorf("%d zero bytes: %v", len(column), err)
		}
	}
}

func FuzzRows(f *testing.F) {
	f.Add(make([]byte, 64), []byte{1, 2}, []byte{0, 1}, 2)
	f.Add([]byte{}, []byte{}, []byte{}, 0)
	f.Add(make([]byte, 33), []byte{1}, []byte{7}, 1)
	f.Fuzz(func(t *testing.T, h1, kind, mint []byte, periods int) {
		m := &ResolveRequest{H1: h1, Kind: kind, Mint: mint, Period: make([]uint32, max(0, periods%9))}
		n, err := m.Rows()
		if err != nil {
			return
		}
		for i := range n {
			m.Row(i) // must not run off a column
		}
	})
}

func TestOldColumn(t *testing.T) {
	m := &ResolveRequest{}
	for i := range 4 {
		m.Add(event.Blinded{byte(i + 1)}, event.KindEmail, false, 0)
		if i == 1 || i == 2 {
			m.AddOld(event.Blinded{byte(i + 101)})
		}
	}
	m.Whole()
	if n, err := m.Rows(); err != nil || n != 4 {
		t.Fatal(n, err)
	}
	for i, want := range []event.Blinded{{}, {102}, {103}, {}} {
		if m.Old(i) != want {
			t.Errorf("row %d has another old hash", i)
		}
	}
	m.H1Old = m.H1Old[:len(m.H1Old)-1]
	if _, err := m.Rows(); err == nil {
		t.Error("a column that is not whole passed")
	}
	none := &ResolveRequest{}
	none.Add(event.Blinded{1}, event.KindEmail, false, 0)
	none.Whole()
	if n, err := none.Rows(); err != nil || n != 1 || !none.Old(0).IsZero() {
		t.Errorf("without the column: %d, %v", n, err)
	}
}
