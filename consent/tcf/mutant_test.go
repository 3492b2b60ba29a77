package tcf

import (
	"bytes"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
)

const signs = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

// mutants calls each with the string cut at every length and with every single
// bit of every sign turned.
func mutants(s string, each func(mutant string)) {
	for n := range len(s) {
		each(s[:n])
	}
	for i := range len(s) {
		at := strings.IndexByte(signs, s[i])
		if at < 0 {
			continue // the dot between segments
		}
		for bit := range 6 {
			each(s[:i] + signs[at^1<<bit:][:1] + s[i+1:])
		}
	}
}

// slow says whether the reference would take seconds for the string: it puts
// the vendors of restrictions one by one into a tree that nothing balances.
func slow(s *String) bool {
	n := 0
	s.Restrictions(func(_ int, _ Restriction, first, last int) bool {
		n += last - first + 1
		return n < 3000
	})
	return n >= 3000
}

// TestMutants damages strings of the reference in every place. Whatever ours
// still reads, the reference must read too, and alike.
func TestMutants(t *testing.T) {
	seed := rand.Uint32()
	var originals []string
	reference(t, nil, func(v *verdict) {
		if len(v.String) < 400 && len(originals) < 12 {
			originals = append(originals, v.String)
		}
	}, "make", "60", strconv.FormatUint(uint64(seed), 10))

	made, refused, passed := 0, map[error]int{}, 0
	var accepted bytes.Buffer
	for _, original := range originals {
		mutants(original, func(mutant string) {
			made++
			s, err := Parse([]byte(mutant))
			switch {
			case err != nil:
				refused[err]++
			case slow(&s):
				passed++
			default:
				accepted.WriteString(mutant + "\n")
			}
		})
	}
	var c tally
	stricter := 0
	reference(t, accepted.Bytes(), func(v *verdict) {
		if v.Error {
			stricter++
			t.Errorf("%s: read here, but not by the reference", v.String)
			return
		}
		s, err := Parse([]byte(v.String))
		if err != nil {
			t.Fatal(err)
		}
		c.compare(t, v, fieldsOf(&s))
	}, "read")
	t.Logf("seed %d: %d mutants of %d strings; %d refused (%v); of %d read here the reference refused %d; %d fields compared, %d mismatches; %d left out as too slow for it",
		seed, made, len(originals), total(refused), refused, c.strings, stricter, c.fields, c.mismatches, passed)
	if len(originals) == 0 || c.strings == 0 || c.strings != bytes.Count(accepted.Bytes(), []byte("\n"))-stricter {
		t.Errorf("%d originals, %d mutants compared", len(originals), c.strings)
	}
}

func total(m map[error]int) int {
	n := 0
	for _, k := range m {
		n += k
	}
	return n
}
