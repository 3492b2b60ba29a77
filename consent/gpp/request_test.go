package gpp

import (
	"errors"
	"strings"
	"testing"
)

func TestUSPrivacy(t *testing.T) {
	for text, want := range map[string]USPrivacy{
		"1YYN": {'Y', 'Y', 'N'}, "1---": {'-', '-', '-'}, "1YN-": {'Y', 'N', '-'}, "1yyn": {'Y', 'Y', 'N'},
	} {
		got, err := ParseUSPrivacy([]byte(text))
		if err != nil || got != want || got.OptedOut() != (want.OptOutSale == 'Y') {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "1", "1YY", "1YYNN", "2YYN", "YYYN", "1YXN", "1Y N", "0---"} {
		if got, err := ParseUSPrivacy([]byte(text)); !errors.Is(err, ErrUSPrivacy) || got != (USPrivacy{}) {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
}

func TestSIDs(t *testing.T) {
	tests := []struct {
		text string
		has  []ID
		none bool
		zero bool
	}{
		{text: "7", has: []ID{7}},
		{text: "2,7,8", has: []ID{2, 7, 8}},
		{text: "8,7,8", has: []ID{7, 8}},
		{text: "63,64,9999", has: []ID{63}},
		{text: "007", has: []ID{7}},
		{text: "-1", none: true},
		{text: "0", zero: true},
	}
	for _, test := range tests {
		got, err := ParseSIDs([]byte(test.text))
		if err != nil || got.None != test.none || got.Unknown != test.zero {
			t.Errorf("%s: %+v, %v", test.text, got, err)
		}
		for id := range ID(100) {
			want := false
			for _, k := range test.has {
				want = want || k == id
			}
			if got.Has(id) != want {
				t.Errorf("%s: %d is %v", test.text, id, got.Has(id))
			}
		}
	}
	long := strings.Repeat("7,", 64)
	if _, err := ParseSIDs([]byte(long[:len(long)-1])); err != nil {
		t.Errorf("64 ids: %v", err)
	}
	for _, text := range []string{"", ",", "7,", ",7", "7,,8", "7;8", "7, 8", "a", "-2", "7,-1", "0,7", "7,0", "10000", long + "7", "${GPP_SID}"} {
		if got, err := ParseSIDs([]byte(text)); !errors.Is(err, ErrSIDs) || got != (SIDs{}) {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
}
