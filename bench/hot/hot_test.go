package main

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/pprof/profile"
)

// The committed calls come out of the profile made of them as they went in.
func TestTheCommittedCallsSurvive(t *testing.T) {
	text, err := os.ReadFile("zgoda.txt")
	if err != nil {
		t.Fatal(err)
	}
	var pprof, again bytes.Buffer
	if err := run([]string{"pprof"}, bytes.NewReader(text), &pprof); err != nil {
		t.Fatal(err)
	}
	calls, err := fromProfile(bytes.NewReader(pprof.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	if err := writeText(&again, calls); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(text), "\n"), strings.Split(again.String(), "\n")); diff != "" {
		t.Error(diff)
	}
}

func TestInlinedFramesAndRecursionCountOnce(t *testing.T) {
	f := func(id uint64, name string, start int64) *profile.Function {
		return &profile.Function{ID: id, Name: name, SystemName: name, StartLine: start}
	}
	a, b, c := f(1, "a", 10), f(2, "b", 20), f(3, "c", 30)
	p := &profile.Profile{
		SampleType: []*profile.ValueType{{Type: "samples", Unit: "count"}},
		Function:   []*profile.Function{a, b, c},
		Location: []*profile.Location{
			{ID: 1, Line: []profile.Line{{Function: c, Line: 33}, {Function: b, Line: 25}}}, // c inlined into b
			{ID: 2, Line: []profile.Line{{Function: a, Line: 11}}},
		},
	}
	p.Sample = []*profile.Sample{
		{Location: []*profile.Location{p.Location[0], p.Location[1]}, Value: []int64{5}},
		{Location: []*profile.Location{p.Location[1], p.Location[1], p.Location[1]}, Value: []int64{2}},
	}
	var content bytes.Buffer
	if err := p.Write(&content); err != nil {
		t.Fatal(err)
	}
	got, err := fromProfile(&content)
	if err != nil {
		t.Fatal(err)
	}
	want := weights{{"b", 5, "c"}: 5, {"a", 1, "b"}: 5, {"a", 1, "a"}: 2}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(call{})); diff != "" {
		t.Error(diff)
	}
}

func TestHeaviestDropsTheRest(t *testing.T) {
	all := weights{{"a", 1, "b"}: 996, {"a", 2, "c"}: 3, {"a", 3, "d"}: 1}
	if got := heaviest(all); len(got) != 1 || got[call{"a", 1, "b"}] != 996 {
		t.Errorf("kept %v", got)
	}
}

func TestBadText(t *testing.T) {
	for name, text := range map[string]string{
		"empty": "", "fields": "1\ta\t2", "weight": "x\ta\t2\tb", "no weight": "0\ta\t2\tb", "line": "1\ta\tx\tb",
	} {
		if _, err := readText(strings.NewReader(text)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if err := run(nil, nil, nil); err == nil {
		t.Error("no word: no error")
	}
}
