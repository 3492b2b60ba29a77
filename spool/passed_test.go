package spool

import "testing"

// TestWaitsBefore: what was durable at a moment is gone from the count as it is
// released, whatever came behind it and whichever segments that filled.
func TestWaitsBefore(t *testing.T) {
	s := start(t, smallConfig(t.TempDir()), disk{})
	if s.WaitsBefore(s.End()) != 0 {
		t.Fatal("an empty spool waits")
	}
	for _, name := range names(0, 100) {
		s.put(t, name)
	}
	end := s.End()
	for _, name := range names(100, 200) {
		s.put(t, name)
	}
	for want := 100; want > 0; want = max(0, want-7) {
		if got := s.WaitsBefore(end); got != want {
			t.Fatalf("%d wait, want %d", got, want)
		}
		b, err := s.Next(t.Context(), 7, 0)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Release(b.Range); err != nil {
			t.Fatal(err)
		}
	}
	if s.WaitsBefore(end) != 0 || s.Stats().Records == 0 {
		t.Fatal(s.WaitsBefore(end), s.Stats().Records)
	}
}
