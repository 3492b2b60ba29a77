package keyring

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

func TestProvidersAreNamed(t *testing.T) {
	dir := t.TempDir()
	if uris, err := Providers(dir); err != nil || uris != nil {
		t.Errorf("%v, %v", uris, err)
	}
	open(t, dir, date(2026, 11, 15, 12))
	if uris, err := Providers(dir); err != nil || !slices.Equal(uris, []string{FileURI}) {
		t.Errorf("%v, %v", uris, err)
	}
}

// TestStatusNamesEveryKeyAndNoSecret.
func TestStatusNamesEveryKeyAndNoSecret(t *testing.T) {
	r, _ := open(t, t.TempDir(), date(2026, 11, 15, 12))
	all, err := r.Status(t.Context())
	must(t, err)
	seen := map[Key]bool{}
	for _, s := range all {
		seen[s.Key] = true
		if s.Used == "" || s.State == "" {
			t.Errorf("%s says nothing of itself", s.Key)
		}
	}
	for _, name := range append(slices.Clone(lasting), "visitor-2026", "analytics-202611", "wrapping") {
		if !seen[Key(name)] {
			t.Errorf("%s is missing", name)
		}
	}
	text := fmt.Sprint(all)
	for _, s := range maps.All(r.sets) {
		v, err := s.current()
		must(t, err)
		if strings.Contains(text, string(v.key.Reveal())) || strings.Contains(text, fmt.Sprintf("%x", v.key.Reveal())) {
			t.Errorf("the status tells %s", s.name)
		}
	}
}
