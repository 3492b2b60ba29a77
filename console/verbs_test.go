package console

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestSplitVerb(t *testing.T) {
	for _, c := range []struct {
		path, want string
		ok         bool
	}{
		{"/a/b:find", "/a/b/:find", true},
		{"/a/{b}:find", "/a/{b}/:find", true},
		{"/a/b", "/a/b", true},
		{"/a:b/c", "/a:b/c", true},
		{"/a/b:", "/a/b:", true},
		{"/a/b:c:d", "/a/b:c/:d", true},
		{"/a/:find", "/a/:find", false},
		{"/:a/b", "/:a/b", false},
		{"", "", true},
	} {
		if got, ok := splitVerb(c.path); got != c.want || ok != c.ok {
			t.Errorf("splitVerb(%q) = %q, %v", c.path, got, ok)
		}
	}
}

// TestSplitVerbIsOneToOne: two paths never lead to one route.
func TestSplitVerbIsOneToOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		path := rapid.StringMatching(`(/[a-c:]{0,4}){1,3}`).Draw(t, "path")
		split, ok := splitVerb(path)
		if !ok {
			return
		}
		if back := strings.Replace(split, "/:", ":", 1); back != path {
			t.Fatalf("%q became %q, and back %q", path, split, back)
		}
	})
}

func TestOneLine(t *testing.T) {
	if got := oneLine("a\r\nb\x00c\xff"); got != "a b c" {
		t.Errorf("%q", got)
	}
	if got := oneLine(strings.Repeat("ä", 3000)); len(got) > 2010 || !strings.HasSuffix(got, " ...") {
		t.Errorf("%d bytes", len(got))
	}
}
