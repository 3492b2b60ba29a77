package version

import "testing"

// TestVersion: a test's binary has no version of its own, and says so in a word.
func TestVersion(t *testing.T) {
	if v := Version(); v == "" || v == "(devel)" {
		t.Errorf("%q", v)
	}
}
