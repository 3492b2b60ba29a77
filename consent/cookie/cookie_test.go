package cookie

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"zgoda/event"
)

var (
	testKey = bytes.Repeat([]byte{7}, 32)
	testNow = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
)

func TestVisitor(t *testing.T) {
	j := NewJar(testKey)
	id := [16]byte{1, 2, 3}
	value := []byte(j.SealVisitor("shop", id, testNow))
	if got, ok := j.OpenVisitor("shop", value, testNow); !ok || got != id {
		t.Fatal("does not open")
	}
	cases := map[string]struct {
		jar   *Jar
		site  event.SiteID
		value []byte
		now   time.Time
		ok    bool
	}{
		"a day before its end": {j, "shop", value, testNow.AddDate(0, MaxAgeMonths, -1), true},
		"at its end":           {j, "shop", value, testNow.AddDate(0, MaxAgeMonths, 0), false},
		"a clock a bit behind": {j, "shop", value, testNow.Add(-time.Hour), true},
		"from the future":      {j, "shop", value, testNow.Add(-48 * time.Hour), false},
		"another site":         {j, "shoq", value, testNow, false},
		"another key":          {NewJar(bytes.Repeat([]byte{8}, 32)), "shop", value, testNow, false},
		"no key":               {NewJar(nil), "shop", value, testNow, false},
		"the other cookie":     {j, "shop", []byte(j.SealChoice("shop", Choices{}, testNow)), testNow, false},
		"empty":                {j, "shop", nil, testNow, false},
		"cut":                  {j, "shop", value[:len(value)-1], testNow, false},
		"too long":             {j, "shop", bytes.Repeat([]byte("A"), 1<<16), testNow, false},
		"a line break":         {j, "shop", append([]byte("\n"), value...), testNow, false},
	}
	for name, c := range cases {
		if got, ok := c.jar.OpenVisitor(c.site, c.value, c.now); ok != c.ok || (!ok && got != [16]byte{}) {
			t.Errorf("%s: opens: %v", name, ok)
		}
	}
}

func TestChoiceErrors(t *testing.T) {
	j := NewJar(testKey)
	value := []byte(j.SealChoice("shop", Choices{Version: 7, By: map[event.PurposeID]bool{"a": true}}, testNow))
	if _, err := j.OpenChoice("shop", value, testNow.AddDate(2, 0, 0)); !errors.Is(err, ErrExpired) {
		t.Errorf("old: %v", err)
	}
	if _, err := j.OpenChoice("other", value, testNow); !errors.Is(err, ErrOtherSite) {
		t.Errorf("other site: %v", err)
	}
	for i := range value {
		forged := bytes.Clone(value)
		forged[i] ^= 1
		if c, err := j.OpenChoice("shop", forged, testNow); !errors.Is(err, ErrUnreadable) || c.By != nil {
			t.Fatalf("changed byte %d: %v", i, err)
		}
	}
}

func TestSealRefuses(t *testing.T) {
	j := NewJar(testKey)
	many := map[event.PurposeID]bool{}
	for i := range event.MaxPurposes + 1 {
		many[event.PurposeID(fmt.Sprint(i))] = true
	}
	for name, c := range map[string]Choices{
		"too many": {By: many}, "empty id": {By: map[event.PurposeID]bool{"": true}},
		"long id": {By: map[event.PurposeID]bool{event.PurposeID(bytes.Repeat([]byte("a"), 256)): true}},
	} {
		if got := j.SealChoice("shop", c, testNow); got != "" {
			t.Errorf("%s was sealed", name)
		}
	}
	if NewJar([]byte("short")).SealVisitor("shop", [16]byte{}, testNow) != "" {
		t.Error("sealed under a short key")
	}
}

func TestChoiceRoundTrip(t *testing.T) {
	j := NewJar(testKey)
	rapid.Check(t, func(t *rapid.T) {
		c := Choices{
			Version: rapid.Uint32().Draw(t, "version"),
			By: rapid.MapOfN(rapid.Map(rapid.StringMatching(`[a-z]{1,20}`), func(s string) event.PurposeID { return event.PurposeID(s) }),
				rapid.Bool(), 0, event.MaxPurposes).Draw(t, "choices"),
		}
		got, err := j.OpenChoice("shop", []byte(j.SealChoice("shop", c, testNow)), testNow)
		if err != nil || got.Version != c.Version || !maps.Equal(got.By, c.By) {
			t.Fatalf("%v: %v", err, got)
		}
	})
}

func TestJarIsRedacted(t *testing.T) {
	for _, verb := range []string{"%v", "%s", "%#v"} {
		if got := fmt.Sprintf(verb, NewJar(testKey)); got != "[redacted]" {
			t.Errorf("%s prints %q", verb, got)
		}
	}
}

func TestOpenDoesNotAllocate(t *testing.T) {
	j := NewJar(testKey)
	value := []byte(j.SealVisitor("shop", [16]byte{1}, testNow))
	if n := testing.AllocsPerRun(100, func() {
		if _, ok := j.OpenVisitor("shop", value, testNow); !ok {
			t.Error("does not open")
		}
	}); n > 1+poolAllocs {
		t.Fatalf("%v allocations", n)
	}
}

// Whatever opens seals to the same text.
func FuzzOpen(f *testing.F) {
	j := NewJar(testKey)
	f.Add([]byte(j.SealVisitor("shop", [16]byte{1}, testNow)))
	f.Add([]byte(j.SealChoice("shop", Choices{Version: 1, By: map[event.PurposeID]bool{"a": true, "b": false}}, testNow)))
	f.Add([]byte(j.WithVisitor("shop", j.SealVisitor("shop", [16]byte{1}, testNow), []byte(j.SealVisitor("blog", [16]byte{2}, testNow)), testNow)))
	f.Add([]byte(""))
	f.Add([]byte("."))
	f.Add([]byte("AQ"))
	f.Fuzz(func(t *testing.T, value []byte) {
		parts := strings.Split(string(value), ".")
		if id, ok := j.OpenVisitor("shop", value, testNow); ok && !slices.Contains(parts, j.SealVisitor("shop", id, testNow)) {
			t.Fatal("a visitor's cookie has two texts")
		}
		if c, err := j.OpenChoice("shop", value, testNow); err == nil && !slices.Contains(parts, j.SealChoice("shop", c, testNow)) {
			t.Fatal("a consent cookie has two texts")
		}
	})
}

// The payload under the MAC is read as strictly.
func FuzzChoices(f *testing.F) {
	seed, _ := appendChoices(nil, Choices{Version: 1, By: map[event.PurposeID]bool{"a": true, "bc": false}})
	f.Add(seed)
	f.Add([]byte{0, 0, 0, 1, 1, 0, 1})
	f.Add([]byte{0, 0, 0, 1, 2, 1, 'b', 1, 1, 'a', 1})
	f.Fuzz(func(t *testing.T, payload []byte) {
		j := NewJar(testKey)
		c, err := j.OpenChoice("s", []byte(j.seal(Choice, "s", payload, testNow)), testNow)
		if err != nil {
			return
		}
		if again, ok := appendChoices(nil, c); !ok || !bytes.Equal(again, payload) {
			t.Fatalf("%x reads as %x", payload, again)
		}
	})
}
