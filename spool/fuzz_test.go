package spool

import (
	"bytes"
	"os"
	"slices"
	"testing"
	"time"
)

// seedSegment returns a header, and the header with a group of two records.
func seedSegment(tb testing.TB) (bare, whole []byte) {
	tb.Helper()
	h := header{number: 1, created: time.Now().UnixMilli()}
	b, aead, err := h.encode(testKey)
	if err != nil {
		tb.Fatal(err)
	}
	group := appendRecord(appendRecord(nil, []byte("one")), []byte("two"))
	return b, sealFrame(slices.Clone(b), aead, frame{records: 2}, group)
}

// erasedSegment returns a rewritten segment of a group with an erased record.
func erasedSegment(tb testing.TB) []byte {
	tb.Helper()
	h := header{version: erasedVersion, number: 1, created: time.Now().UnixMilli()}
	b, aead, err := h.encode(testKey)
	if err != nil {
		tb.Fatal(err)
	}
	group := appendRecord(appendTombstone(appendRecord(nil, []byte("one")), 9), []byte("two"))
	return sealFrame(b, aead, frame{records: 3}, group)
}

func seeds(f *testing.F) (whole []byte) {
	f.Helper()
	bare, whole := seedSegment(f)
	erased := erasedSegment(f)
	for _, seed := range [][]byte{erased, erased[:len(erased)-1], bare, whole, whole[:len(whole)-1], append(slices.Clone(whole), whole[headerSize:]...), make([]byte, 200), {}} {
		f.Add(seed)
	}
	return whole
}

// FuzzSegment: whatever a segment holds, reading it comes to an end, and no record
// is read that was not sealed under its key.
func FuzzSegment(f *testing.F) {
	whole := seeds(f)
	want := []string{"one", "two"}
	f.Fuzz(func(t *testing.T, data []byte) {
		// Either as a whole segment, or as what follows a sound one.
		for _, content := range [][]byte{data, append(slices.Clone(whole), data...)} {
			r, _, d, err := openFrames(bytes.NewReader(content), int64(len(content)), testKey)
			if err != nil {
				t.Fatal(err)
			}
			if d != DamageNone {
				continue
			}
			var got []string
			for err == nil {
				var plain []byte
				_, plain, err = r.next(nil)
				for len(plain) > 0 {
					var rec []byte
					if rec, plain, _ = cutRecord(plain); len(rec) > 0 { // else erased
						got = append(got, string(rec))
					}
				}
			}
			if len(got) != 0 && !slices.Equal(got, want) {
				t.Fatalf("read %d records", len(got))
			}
		}
	})
}

// FuzzFolder: the same through Open, which repairs and sets aside on a real disk.
func FuzzFolder(f *testing.F) {
	whole := seeds(f)
	want := []string{"one", "two"}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, content := range [][]byte{data, append(slices.Clone(whole), data...)} {
			dir := t.TempDir()
			if err := os.WriteFile(segmentPath(dir, 1), content, 0o600); err != nil {
				t.Fatal(err)
			}
			for range 2 { // what Open repaired it can open again
				s, err := Open(smallConfig(dir), testKey)
				if err != nil {
					t.Fatal(err)
				}
				got, damage := s.drain(t)
				got = slices.DeleteFunc(got, func(rec string) bool { return rec == "" })
				if len(damage) != 0 || len(got) != 0 && !slices.Equal(got, want) {
					t.Fatalf("got %d records", len(got))
				}
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}
