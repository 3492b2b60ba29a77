package gpp

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// segment writes bits, given as 0 and 1 with blanks between, as base64url.
func segment(ones string) string {
	ones = strings.ReplaceAll(ones, " ", "")
	ones += strings.Repeat("0", (6-len(ones)%6)%6)
	var out strings.Builder
	for i := 0; i < len(ones); i += 6 {
		v, _ := strconv.ParseUint(ones[i:i+6], 2, 8)
		out.WriteByte(signs[v])
	}
	return out.String()
}

const (
	headOf  = "000011 000001 " // type 3, version 1
	usva    = "BAAAABA"        // covered is 1, all else 0
	version = "000001 "
)

// fibonacciOf writes a Fibonacci integer.
func fibonacciOf(n int) string {
	fib := []int{1, 2}
	for fib[len(fib)-1] <= n {
		fib = append(fib, fib[len(fib)-1]+fib[len(fib)-2])
	}
	out := "1"
	begun := false
	for _, f := range slices.Backward(fib) {
		switch {
		case f <= n:
			n -= f
			out = "1" + out
			begun = true
		case begun:
			out = "0" + out
		}
	}
	return out
}

// headerOf writes a header with the ids, which rise, one by one or in ranges.
func headerOf(ranges bool, ids ...int) string {
	out, entries, last := "", 0, 0
	for i := 0; i < len(ids); entries++ {
		end := i
		for ranges && end+1 < len(ids) && ids[end+1] == ids[end]+1 {
			end++
		}
		if end == i {
			out += "0" + fibonacciOf(ids[i]-last)
		} else {
			out += "1" + fibonacciOf(ids[i]-last) + fibonacciOf(ids[end]-ids[i])
		}
		last = ids[end]
		i = end + 1
	}
	count := strconv.FormatInt(int64(entries), 2)
	return segment(headOf + strings.Repeat("0", 12-len(count)) + count + out)
}

// TestHeader: any set of ids is read as it was written, by single ids or ranges.
func TestHeader(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var ids []int
		var want uint64
		for id := 1; id <= maxID; id++ {
			if rapid.IntRange(0, 2).Draw(t, "in") > 0 {
				ids = append(ids, id)
				want |= 1 << id
			}
		}
		text := headerOf(rapid.Bool().Draw(t, "ranges"), ids...)
		if got, e := header([]byte(text)); e != 0 || got != want {
			t.Fatalf("%s: %b, %v", text, got, e)
		}
	})
	for text, want := range map[string]uint64{
		"DBAA": 0, "DBABMA": 1 << 2, "DBACNYA": 1<<2 | 1<<6, "DBABLA": 1 << 7,
		"DBAFThtY1g": 1<<6 | 1<<14 | 1<<15 | 1<<16 | 1<<20 | 1<<23 | 1<<27,
	} {
		if got, e := header([]byte(text)); e != 0 || got != want {
			t.Errorf("%s: %b, %v", text, got, e)
		}
	}
}

// TestUnreadable: each way to be damaged is named, and dst stays as it was.
func TestUnreadable(t *testing.T) {
	va := headerOf(false, 9) + "~"
	ca := headerOf(false, 8) + "~"
	in := headerOf(false, 25) + "~"
	coreCA := segment(version + strings.Repeat("01", 20))
	coreIN := segment(version + strings.Repeat("01", 9))
	tests := []struct {
		name, text string
		want       Error
	}{
		{"nothing", "", ErrEmpty},
		{"too long", "C" + strings.Repeat("A", MaxLength), ErrLong},
		{"a macro that was not replaced", "${GPP_STRING_12}", ErrAlphabet},
		{"neither header nor TC string", "ABCD", ErrHeader},
		{"version 2 of the header", "DCAA", ErrHeader},
		{"half a header", "DB", ErrShort},
		{"an id without an end", segment(headOf + "000000000001 0 00000000000"), ErrIDs},
		{"an id beyond 63", segment(headOf + "000000000001 0 " + fibonacciOf(64)), ErrIDs},
		{"a range beyond 63", segment(headOf + "000000000001 1 " + fibonacciOf(60) + fibonacciOf(4)), ErrIDs},
		{"too many ids", segment(headOf + "000001000001"), ErrIDs},
		{"an id without a section", headerOf(false, 9), ErrCount},
		{"a section without an id", "DBAA~" + usva, ErrCount},
		{"one section too many", va + usva + "~" + usva, ErrCount},
		{"an empty section", va, ErrEmpty},
		{"a sign of another alphabet", va + "BAAAAA=", ErrAlphabet},
		{"a section that is too short", va + usva[:5], ErrShort},
		{"version 0", va + "A" + usva[1:], ErrVersion},
		{"version 2", va + "C" + usva[1:], ErrVersion},
		{"a section with a header of its own", headerOf(false, 24) + "~" + segment("011000 000001 00"), ErrVersion},
		{"the value 3", va + segment(version+"11"+strings.Repeat("01", 16)), ErrValue},
		{"covered is not said", va + segment(version+strings.Repeat("00", 17)), ErrValue},
		{"usnat 1 as long as usnat 2", headerOf(false, 7) + "~" + segment(version+strings.Repeat("01", 33)), ErrVersion},
		{"usnat 2 as short as usnat 1", headerOf(false, 7) + "~" + segment("000010"+strings.Repeat("01", 27)), ErrVersion},
		{"a subsection where there is none", va + usva + ".YA", ErrSubsection},
		{"two subsections", ca + coreCA + ".YA.YA", ErrSubsection},
		{"an empty subsection", ca + coreCA + ".", ErrEmpty},
		{"a second core", ca + coreCA + ".AA", ErrSubsection},
		{"a subsection of type 2", ca + coreCA + "." + segment("10 1"), ErrSubsection},
		{"a bad sign in a subsection", ca + coreCA + ".Y=", ErrAlphabet},
		{"sensitive data cut", in + coreIN + ".VV", ErrShort},
		{"the value 3 in sensitive data", in + coreIN + ".___", ErrValue},
		{"us_privacy of three characters", headerOf(false, 6) + "~1YN", ErrUSPrivacy},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dst := make([]Section, 1, 8)
			dst[0].ID = USRI
			got, err := Parse([]byte(test.text), dst)
			if !errors.Is(err, test.want) {
				t.Fatalf("error %v, want %v", err, test.want)
			}
			if len(got) != 1 || got[0].ID != USRI {
				t.Errorf("sections %v", got)
			}
			if text := err.Error(); !strings.HasPrefix(text, "GPP string: ") || len(test.text) > 2 && strings.Contains(text, test.text) {
				t.Errorf("error text %q", text)
			}
		})
	}
}

// read reads a string that is valid.
func read(t *testing.T, text string) []Section {
	t.Helper()
	sections, err := Parse([]byte(text), nil)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return sections
}

// TestSections: what is not known is passed over, what is known keeps its text.
func TestSections(t *testing.T) {
	text := headerOf(true, 1, 2, 3, 4, 5, 6, 9, 28, 63) + "~x~Cabc.d~x~y~?~1YNN~" + usva + "~%~..."
	sections := read(t, text)
	if len(sections) != 3 || sections[0].ID != TCFEU || sections[1].ID != USPV1 || sections[2].ID != USVA {
		t.Fatalf("sections %v", sections)
	}
	if string(sections[0].Text) != "Cabc.d" || string(sections[1].Text) != "1YNN" || string(sections[2].Text) != usva {
		t.Error("texts are changed")
	}
	if len(read(t, "DBAA")) != 0 {
		t.Error("a string without sections has some")
	}
	if bare := read(t, "CPXxRfAPXxRfA.abc"); len(bare) != 1 || bare[0].ID != TCFEU || string(bare[0].Text) != "CPXxRfAPXxRfA.abc" {
		t.Errorf("a bare TC string is %v", bare)
	}
}

// TestAccessors: who opted out of what, and what the section lacks.
func TestAccessors(t *testing.T) {
	// Montana: notices, sale opted out, advertising not, the first and the last
	// category refused, the second child's data consented to, service provider.
	core := segment(version + "01 01 10 01 10" + "01 00 10 00 00 00 00 01" + "00 10 01" + "10" + "01 00 01")
	s := &read(t, headerOf(false, 14)+"~"+core+".YA")[0]
	if !s.SaleOptedOut() || s.AdvertisingOptedOut() || s.SharingOptedOut() || !s.ServiceProvider() || s.GPC != On {
		t.Errorf("%+v", s)
	}
	if s.SensitiveRefused() != 1<<0|1<<7 || s.ChildRefused() != 1<<2 || !s.KnownChild() {
		t.Errorf("sensitive %b, children %b", s.SensitiveRefused(), s.ChildRefused())
	}
	if s.Value(TargetedAdvertisingOptOutNotice) != Two || s.Value(MspaCoveredTransaction) != One || s.Value(AdditionalDataProcessingConsent) != Two {
		t.Errorf("%+v", s)
	}
	if s.Has(SharingOptOut) || s.Has(PersonalDataConsents) || !s.Has(SharingNotice) || s.Has(ProcessingNotice) || s.Has(Field(40)) {
		t.Error("fields of other sections")
	}
	if s.Value(SensitiveDataProcessing) != NotApplicable || s.Value(Field(200)) != NotApplicable {
		t.Error("a list has one value")
	}

	off := &read(t, headerOf(false, 14)+"~"+core+".QA")[0]
	unsaid := &read(t, headerOf(false, 14)+"~"+core)[0]
	if off.GPC != Off || unsaid.GPC != Unsaid {
		t.Error("GPC")
	}

	indiana := segment(version + "01 10 00 00 00 00 01 00 00")
	s = &read(t, headerOf(false, 25)+"~"+indiana)[0]
	if !s.ServiceProvider() || s.SaleOptedOut() || !s.AdvertisingOptedOut() || s.KnownChild() || s.Has(SensitiveDataProcessing) || len(s.Sensitive()) != 0 {
		t.Errorf("%+v", s)
	}
	s = &read(t, headerOf(false, 25)+"~"+indiana+"."+segment("00 01 10 00 00 00 00 00"))[0]
	if !s.Has(SensitiveDataProcessing) || s.SensitiveRefused() != 1<<1 || len(s.Sensitive()) != 8 {
		t.Errorf("%+v", s)
	}
}

// TestNames: every id and field has a name of its own.
func TestNames(t *testing.T) {
	seen := map[string]bool{}
	for id := range lastI + 1 {
		if known := id == TCFEU || id == USPV1 || layouts[id] != nil; known == (id.String() == "unknown") || seen[id.String()] && known {
			t.Errorf("section %d is called %s", id, id)
		}
		seen[id.String()] = true
	}
	for f := range KnownChildSensitiveDataConsents + 1 {
		if f != singleFields && (f.String() == "" || f.String() == "unknown" || seen[f.String()]) {
			t.Errorf("field %d is called %s", f, f)
		}
		seen[f.String()] = true
	}
	for e := ErrEmpty; e <= ErrSIDs; e++ {
		if seen[e.Error()] {
			t.Errorf("error %d: %v", e, e)
		}
		seen[e.Error()] = true
	}
	if ID(99).String() != "unknown" || Field(99).String() != "unknown" || Error(99).Error() == "" || len(errorTexts) != int(ErrSIDs)+1 {
		t.Error("names")
	}
}

// TestAllocs: with room in the slice nothing is allocated.
func TestAllocs(t *testing.T) {
	text := []byte(headerOf(false, 6, 9, 14) + "~1YNN~" + usva + "~" + segment(version+strings.Repeat("01", 20)) + ".YA")
	dst := make([]Section, 0, 8)
	sids := []byte("6,9,14")
	n := testing.AllocsPerRun(100, func() {
		if got, err := Parse(text, dst); err != nil || len(got) != 3 {
			t.Error(err)
		}
		if got, err := ParseSIDs(sids); err != nil || !got.Has(9) {
			t.Error(err)
		}
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}
