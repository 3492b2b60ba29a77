package jsontape

import (
	"strings"
	"testing"
)

func TestKnownNames(t *testing.T) {
	seen := map[string]bool{}
	for k := Unknown + 1; k < names; k++ {
		name := knownNames[k]
		if name == "" || seen[name] {
			t.Errorf("%d has no name of its own: %q", k, name)
		}
		seen[name] = true
		for written, want := range map[string]Known{
			name:                               k,
			`\u00` + hexOf(name[0]) + name[1:]: k, // with an escape
			name + "x":                         Unknown,
			name[:1] + "\u00e1" + name[1:]:     Unknown,
			strings.ToUpper(name):              Unknown,
		} {
			v, err := Parse([]byte(`{"`+written+`":1}`), 4)
			if err != nil {
				t.Fatal(err)
			}
			m := v.Members()
			if !m.Next() || m.Known() != want {
				t.Errorf("%s: %d, want %d", written, m.Known(), want)
			}
		}
	}
	for _, other := range []string{"", "a", "sku", "typo", "messageid"} {
		v, err := Parse([]byte(`{"`+other+`":1}`), 4)
		if err != nil {
			t.Fatal(err)
		}
		if m := v.Members(); !m.Next() || m.Known() != Unknown {
			t.Errorf("%q is known", other)
		}
	}
}

func hexOf(c byte) string { return string("0123456789abcdef"[c>>4]) + string("0123456789abcdef"[c&15]) }
