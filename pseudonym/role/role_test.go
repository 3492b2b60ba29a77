package role

import (
	"strings"
	"testing"
)

func TestRolesByName(t *testing.T) {
	for r := Pseudonymise; r <= Administrator; r++ {
		if got, err := Parse(r.String()); err != nil || got != r {
			t.Errorf("%s reads as %s, %v", r, got, err)
		}
	}
	for _, bad := range []string{"", "none", "Rights", "admin"} {
		if got, err := Parse(bad); err == nil || got != None {
			t.Errorf("%q reads as %s", bad, got)
		}
	}
	if Role(9).String() != "none" {
		t.Error("an unknown role has a name")
	}
}

func TestNames(t *testing.T) {
	for name, good := range map[string]bool{
		"gate-1": true, "a": true, "7.eu-west": true, strings.Repeat("a", 64): true,
		"": false, "-a": false, ".a": false, "A": false, "a/b": false, "a b": false, "ä": false, strings.Repeat("a", 65): false,
	} {
		if (CheckName(name) == nil) != good {
			t.Errorf("%q: %v", name, CheckName(name))
		}
	}
}
