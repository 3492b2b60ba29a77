package bits

import (
	"encoding/base64"
	"math/rand/v2"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// written returns text and its bits as zeros and ones.
func written(t *rapid.T) (text []byte, ones string) {
	var all strings.Builder
	text = []byte(rapid.StringOfN(rapid.SampledFrom([]rune(alphabet)), 0, 60, -1).Draw(t, "text"))
	for _, sign := range text {
		v := strings.IndexByte(alphabet, sign)
		for i := Width - 1; i >= 0; i-- {
			all.WriteByte('0' + byte(v>>i&1))
		}
	}
	return text, all.String()
}

// number reads n bits of ones from at, zeros beyond its end.
func number(ones string, at, n int) uint64 {
	var v uint64
	for i := at; i < at+n; i++ {
		v <<= 1
		if i < len(ones) && ones[i] == '1' {
			v |= 1
		}
	}
	return v
}

// TestReader: whatever is read or passed over, in whatever widths, is what is
// written at that place; and the end is noticed exactly.
func TestReader(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text, ones := written(t)
		at := rapid.IntRange(0, len(ones)).Draw(t, "start")
		r := NewReader(text, at)
		for !r.Short() {
			if r.At() != at {
				t.Fatalf("at %d, not %d", r.At(), at)
			}
			n := rapid.IntRange(0, MaxTake).Draw(t, "width")
			skip := rapid.Bool().Draw(t, "skip")
			beyond := at+n > len(ones)
			if skip {
				r.Skip(n)
			} else if got := r.Take(n); !beyond && got != number(ones, at, n) || beyond && got != 0 {
				t.Fatalf("%d bits at %d of %q: %b", n, at, text, got)
			}
			if r.Short() != beyond {
				t.Fatalf("%d bits at %d of %d: short is %v", n, at, len(ones), r.Short())
			}
			at += n
			if n == 0 && at == len(ones) {
				return
			}
		}
		if r.Take(7) != 0 || r.Flag() || !r.Short() {
			t.Fatal("there is something beyond the end")
		}
	})
}

// TestPlaces: single bits and windows are those that are written there.
func TestPlaces(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text, ones := written(t)
		for range 20 {
			at := rapid.IntRange(0, len(ones)+100).Draw(t, "at")
			if Bit(text, at) != (number(ones, at, 1) == 1) {
				t.Fatalf("bit %d of %q", at, text)
			}
			if got := Window(text, at) >> (64 - WindowWidth); got != number(ones, at, WindowWidth) {
				t.Fatalf("window at %d of %q: %b", at, text, got)
			}
		}
	})
}

// TestValid: every octet that is not of the alphabet is noticed in every place.
func TestValid(t *testing.T) {
	good := []byte(alphabet + alphabet[:11])
	if !Valid(good) || !Valid(nil) {
		t.Fatal("the alphabet is refused")
	}
	for i := range good {
		for c := range 256 {
			was := good[i]
			good[i] = byte(c)
			if want := strings.IndexByte(alphabet, byte(c)) >= 0; Valid(good) != want {
				t.Fatalf("octet %d in place %d: %v", c, i, !want)
			}
			good[i] = was
		}
	}
}

// TestOctets: of whole octets it reads what base64 reads.
func TestOctets(t *testing.T) {
	raw := make([]byte, 999)
	for i := range raw {
		raw[i] = byte(rand.Uint32())
	}
	r := NewReader([]byte(base64.RawURLEncoding.EncodeToString(raw)), 0)
	for i, want := range raw {
		if got := r.Take(8); got != uint64(want) {
			t.Fatalf("octet %d is %d, not %d", i, got, want)
		}
	}
}
