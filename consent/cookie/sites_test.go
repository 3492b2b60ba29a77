package cookie

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"zgoda/event"
)

func chosen(granted bool) Choices {
	return Choices{Version: 1, By: map[event.PurposeID]bool{"profiling": granted}}
}

// choose makes a choice for a site in a browser that holds a value.
func choose(j *Jar, site event.SiteID, granted bool, old string, at time.Time) string {
	return j.WithChoice(site, j.SealChoice(site, chosen(granted), at), []byte(old), at)
}

func read(tb testing.TB, j *Jar, site event.SiteID, value string, at time.Time) (granted bool) {
	tb.Helper()
	c, err := j.OpenChoice(site, []byte(value), at)
	if err != nil {
		tb.Fatalf("%s: %v", site, err)
	}
	return c.By["profiling"]
}

func TestOneSiteLeavesTheOthersChoice(t *testing.T) {
	j := NewJar(testKey)
	value := choose(j, "shop", false, "", testNow)
	value = choose(j, "blog", true, value, testNow.Add(time.Hour))
	if read(t, j, "shop", value, testNow.Add(time.Hour)) || !read(t, j, "blog", value, testNow.Add(time.Hour)) {
		t.Error("a choice changed")
	}
	if _, err := j.OpenChoice("news", []byte(value), testNow.Add(time.Hour)); !errors.Is(err, ErrOtherSite) {
		t.Errorf("a third site: %v", err)
	}
	value = choose(j, "shop", true, value, testNow.Add(2*time.Hour))
	if !read(t, j, "shop", value, testNow.Add(2*time.Hour)) || strings.Count(value, ".") != 1 {
		t.Error("the site's own choice is not replaced")
	}
	// Renewing one does not renew the others.
	late := testNow.Add(time.Hour).AddDate(0, MaxAgeMonths, 0)
	if _, err := j.OpenChoice("blog", []byte(value), late); !errors.Is(err, ErrExpired) {
		t.Errorf("an old choice: %v", err)
	}
	value = choose(j, "shop", true, value, late)
	if _, err := j.OpenChoice("blog", []byte(value), late); !errors.Is(err, ErrOtherSite) || strings.Contains(value, ".") {
		t.Errorf("an old choice is kept: %v", err)
	}
}

func TestVisitorsOfTwoSites(t *testing.T) {
	j := NewJar(testKey)
	shop, blog := [16]byte{1}, [16]byte{2}
	value := j.WithVisitor("shop", j.SealVisitor("shop", shop, testNow), nil, testNow)
	value = j.WithVisitor("blog", j.SealVisitor("blog", blog, testNow), []byte(value), testNow)
	for site, want := range map[event.SiteID][16]byte{"shop": shop, "blog": blog} {
		if got, ok := j.OpenVisitor(site, []byte(value), testNow); !ok || got != want {
			t.Errorf("%s: %v %v", site, got, ok)
		}
	}
	value = j.WithoutVisitor("shop", []byte(value), testNow)
	if _, ok := j.OpenVisitor("shop", []byte(value), testNow); ok {
		t.Error("the visitor is still there")
	}
	if got, ok := j.OpenVisitor("blog", []byte(value), testNow); !ok || got != blog {
		t.Error("another site's visitor is gone")
	}
	if value = j.WithoutVisitor("blog", []byte(value+".rubbish"), testNow); value != "" {
		t.Errorf("left: %q", value)
	}
}

func TestChangedListsDoNotOpen(t *testing.T) {
	j := NewJar(testKey)
	shop := j.SealChoice("shop", chosen(false), testNow)
	blog := j.SealChoice("blog", chosen(true), testNow)
	for name, c := range map[string]struct {
		value string
		site  event.SiteID
		want  error
	}{
		"found beside rubbish":    {shop + ".x", "shop", nil},
		"missing beside rubbish":  {blog + ".x", "shop", ErrUnreadable},
		"twice":                   {shop + "." + blog + "." + shop, "shop", ErrUnreadable},
		"another's sum":           {blog[:len(blog)-43] + shop[len(shop)-43:], "blog", ErrUnreadable},
		"renamed to another site": {flip(shop, 8), "shop", ErrUnreadable},
		"an empty part":           {blog + ".", "shop", ErrUnreadable},
		"too many":                {strings.Repeat(blog+".", MaxSites) + shop, "shop", ErrUnreadable},
	} {
		if _, err := j.OpenChoice(c.site, []byte(c.value), testNow); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func flip(s string, at int) string {
	b := []byte(s)
	b[at] ^= 1
	return string(b)
}

// A refusal that could not be kept or verified never turns into silence.
func TestNoRefusalIsForgotten(t *testing.T) {
	j := NewJar(testKey)
	value := choose(j, "shop", true, flip(choose(j, "blog", false, "", testNow), 12), testNow)
	if _, err := j.OpenChoice("blog", []byte(value), testNow); !errors.Is(err, ErrUnreadable) || !read(t, j, "shop", value, testNow) {
		t.Errorf("a changed refusal: %v", err)
	}
	if again := choose(j, "shop", false, value, testNow); strings.Count(again, ".") != 1 || read(t, j, "shop", again, testNow) {
		t.Errorf("it grows: %q", again)
	}
	if read(t, j, "blog", choose(j, "blog", false, value, testNow), testNow) {
		t.Error("a new choice does not count")
	}
	rapid.Check(t, func(rt *rapid.T) {
		held, value := map[event.SiteID]bool{}, ""
		for i := range rapid.IntRange(1, 40).Draw(rt, "count") {
			length := rapid.SampledFrom([]int{1, 200}).Draw(rt, "length")
			site := event.SiteID(strings.Repeat(fmt.Sprint(rapid.IntRange(0, 12).Draw(rt, "site")), length)[:length])
			held[site] = rapid.Bool().Draw(rt, "granted")
			value = choose(j, site, held[site], value, testNow.Add(time.Duration(i)*time.Second))
			if len(value) > maxText || strings.Count(value, ".") >= MaxSites {
				rt.Fatalf("%d bytes, %d sites", len(value), strings.Count(value, "."))
			}
			if _, err := j.OpenChoice(site, []byte(value), testNow); err != nil {
				rt.Fatal(err)
			}
			for other, granted := range held {
				c, err := j.OpenChoice(other, []byte(value), testNow)
				if errors.Is(err, ErrUnreadable) { // refuses
					continue
				}
				if err != nil || c.By["profiling"] != granted {
					rt.Fatalf("%.5s: %v %v, chose %v", other, c.By, err, granted)
				}
			}
		}
	})
}

func TestNothingIsSealedWithoutAKey(t *testing.T) {
	j := NewJar(nil)
	if v := choose(j, "shop", true, "old", testNow); v != "" {
		t.Errorf("%q", v)
	}
	if v := j.WithVisitor("shop", "", []byte("old"), testNow); v != "" {
		t.Errorf("%q", v)
	}
}
