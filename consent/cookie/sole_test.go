package cookie

import "testing"

func TestSole(t *testing.T) {
	const other = "other"
	for _, c := range []struct {
		name    string
		cookies [][2]string
		want    string
	}{
		{"none", [][2]string{{other, "a"}}, ""},
		{"one", [][2]string{{other, "b"}, {Choice, "a"}}, "a"},
		{"in quotes", [][2]string{{Choice, `"a"`}}, "a"},
		{"the same twice", [][2]string{{Choice, "a"}, {other, "b"}, {Choice, "a"}}, "a"},
		{"two", [][2]string{{Choice, "a"}, {Choice, "b"}}, "?"},
		{"two and the first once more", [][2]string{{Choice, "a"}, {Choice, "b"}, {Choice, "a"}}, "?"},
		{"empty", [][2]string{{Choice, ""}}, "?"},
		{"empty in quotes", [][2]string{{Choice, `""`}}, "?"},
		{"one quote", [][2]string{{Choice, `"`}}, `"`},
	} {
		var s Sole
		for _, pair := range c.cookies {
			if !s.See([]byte(pair[0]), []byte(pair[1])) {
				break
			}
		}
		if got := string(s.Value()); got != c.want || (s.Value() == nil) != (c.name == "none") {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}
