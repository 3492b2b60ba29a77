package keyring

import (
	"bytes"
	"testing"
)

// The keyholder's own keys are made once, each another, also in a folder that
// was made before there were any.
func TestOwnKeysLast(t *testing.T) {
	dir := t.TempDir()
	open := func() *Ring {
		r, err := Open(t.Context(), Config{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	first, again := open(), open()
	seen := map[string]bool{}
	for _, name := range []string{OwnAuthority, OwnCalls, OwnRef} {
		one, err := first.Own(t.Context(), name)
		if err != nil || len(one.Reveal()) != 32 || seen[string(one.Reveal())] {
			t.Fatalf("%s: %v", name, err)
		}
		seen[string(one.Reveal())] = true
		two, err := again.Own(t.Context(), name)
		if err != nil || !bytes.Equal(one.Reveal(), two.Reveal()) {
			t.Errorf("%s: another one after a restart, %v", name, err)
		}
	}
	if _, err := first.Own(t.Context(), "link"); err == nil {
		t.Error("a key that pseudonyms come from was handed out")
	}
}
