package cli

import "testing"

// What is not known is said in words.
func TestRowsText(t *testing.T) {
	three, none := int64(3), int64(0)
	for want, of := range map[string][2]*int64{
		"":                                {nil, nil},
		"3 rows, then 0":                  {&three, &none},
		"0 rows left, not counted before": {nil, &none},
		"3 rows, not counted since":       {&three, nil},
	} {
		if got := rowsText("events", of[0], of[1]); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if got := rowsText("export", nil, &three); got != "3 items" {
		t.Errorf("%q", got)
	}
}
