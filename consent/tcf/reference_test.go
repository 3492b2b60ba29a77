package tcf

import (
	"bufio"
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"os/exec"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// run is a run of vendors, the first and the last.
type run [2]int

// restricted is a publisher restriction: type 0 is not allowed.
type restricted struct {
	Purpose, Type int
	Vendors       []run
}

type publisherFields struct {
	Consents, LegInt             []int
	CustomCount                  int
	CustomConsents, CustomLegInt []int
}

// fields are all fields of a TC string, as testdata/reference.mjs prints them.
// What a string does not have is nil.
type fields struct {
	Created, LastUpdated                            int64
	CmpID, CmpVersion, ConsentScreen                int
	ConsentLanguage, PublisherCountry               string
	VendorListVersion, PolicyVersion                int
	ServiceSpecific, OwnTexts, PurposeOneHidden     bool
	SpecialFeatures, PurposeConsents, PurposeLegInt []int
	VendorConsents, VendorLegInt                    []run
	Restrictions                                    []restricted
	Disclosed, Allowed                              *[]run
	Publisher                                       *publisherFields
}

// verdict is what the reference says about a string.
type verdict struct {
	String string
	Error  bool
	fields
}

// reference runs the IAB's library and calls each with every line it prints.
func reference(t *testing.T, stdin []byte, each func(v *verdict), args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "node", append([]string{"testdata/reference.mjs"}, args...)...)
	cmd.Stdin = bytes.NewReader(stdin)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("node is needed for the IAB's library (make test installs it by npm ci): %v", err)
	}
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 4<<20)
	for lines.Scan() {
		var v verdict
		if err := json.Unmarshal(lines.Bytes(), &v); err != nil {
			t.Fatal(err)
		}
		each(&v)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
}

// runsOf returns the runs of a set, joined and in order.
func runsOf(all func(yield func(first, last int) bool)) []run {
	list := []run{}
	for first, last := range all {
		list = append(list, run{first, last})
	}
	return joined(list)
}

func joined(list []run) []run {
	slices.SortFunc(list, func(a, b run) int { return a[0] - b[0] })
	out := []run{}
	for _, r := range list {
		if n := len(out); n > 0 && r[0] <= out[n-1][1]+1 {
			out[n-1][1] = max(out[n-1][1], r[1])
			continue
		}
		out = append(out, r)
	}
	return out
}

func bitsOf(mask uint64) []int {
	out := []int{}
	for i := range 64 {
		if mask>>i&1 == 1 {
			out = append(out, i+1)
		}
	}
	return out
}

// fieldsOf returns all that a String says, by its public methods.
func fieldsOf(s *String) fields {
	id, version := s.CMP()
	language, country := s.ConsentLanguage(), s.PublisherCountry()
	f := fields{
		Created: s.Created().UnixMilli() / 100, LastUpdated: s.LastUpdated().UnixMilli() / 100,
		CmpID: id, CmpVersion: version, ConsentScreen: s.ConsentScreen(),
		ConsentLanguage: string(language[:]), PublisherCountry: string(country[:]),
		VendorListVersion: s.VendorListVersion(), PolicyVersion: s.PolicyVersion(),
		ServiceSpecific: s.ServiceSpecific(), OwnTexts: s.OwnTexts(), PurposeOneHidden: s.PurposeOneHidden(),
		SpecialFeatures: bitsOf(uint64(s.SpecialFeatures())),
		PurposeConsents: bitsOf(uint64(s.PurposeConsents())), PurposeLegInt: bitsOf(uint64(s.PurposeLegInt())),
		VendorConsents: runsOf(s.VendorConsents().All()), VendorLegInt: runsOf(s.VendorLegInt().All()),
		Restrictions: restrictionsOf(s),
	}
	if set, ok := s.Disclosed(); ok {
		f.Disclosed = new(runsOf(set.All()))
	}
	if set, ok := s.OutOfBand(); ok {
		f.Allowed = new(runsOf(set.All()))
	}
	if p, ok := s.Publisher(); ok {
		f.Publisher = &publisherFields{
			Consents: bitsOf(uint64(p.Consents)), LegInt: bitsOf(uint64(p.LegInt)), CustomCount: p.CustomCount,
			CustomConsents: bitsOf(p.CustomConsents), CustomLegInt: bitsOf(p.CustomLegInt),
		}
	}
	return f
}

func restrictionsOf(s *String) []restricted {
	byKind := map[[2]int][]run{}
	s.Restrictions(func(purpose int, kind Restriction, first, last int) bool {
		key := [2]int{purpose, int(kind - NotAllowed)}
		byKind[key] = append(byKind[key], run{first, last})
		return true
	})
	list := []restricted{}
	for key, vendors := range byKind {
		list = append(list, restricted{Purpose: key[0], Type: key[1], Vendors: joined(vendors)})
	}
	slices.SortFunc(list, func(a, b restricted) int { return (a.Purpose-b.Purpose)*4 + a.Type - b.Type })
	return list
}

// tally counts the fields that were compared.
type tally struct{ strings, fields, mismatches int }

// compare holds what ours read against what the reference did, field by field.
func (c *tally) compare(t *testing.T, v *verdict, ours fields) {
	t.Helper()
	c.strings++
	a, b := reflect.ValueOf(ours), reflect.ValueOf(v.fields)
	for i := range a.NumField() {
		c.fields++
		if reflect.DeepEqual(a.Field(i).Interface(), b.Field(i).Interface()) {
			continue
		}
		if c.mismatches++; c.mismatches <= 10 {
			t.Errorf("%s: %s is %v, the reference reads %v", v.String, a.Type().Field(i).Name,
				a.Field(i).Interface(), b.Field(i).Interface())
		}
	}
}

const vectors = 3000

// TestReference reads random strings that the IAB's library made and compares
// every field with what that library reads in them.
func TestReference(t *testing.T) {
	seed := rand.Uint32()
	var c tally
	has, shapes := 0, map[string]int{}
	reference(t, nil, func(v *verdict) {
		s, err := Parse([]byte(v.String))
		if err != nil {
			t.Fatalf("%s: %v", v.String, err)
		}
		c.compare(t, v, fieldsOf(&s))
		has += checkHas(t, v, &s)
		for _, set := range []Set{s.VendorConsents(), s.VendorLegInt()} {
			shapes["ranges "+strconv.FormatBool(set.span.ranges)]++
		}
		shapes["with "+strconv.Itoa(strings.Count(v.String, "."))+" more segments"]++
	}, "make", strconv.Itoa(vectors), strconv.FormatUint(uint64(seed), 10))
	t.Logf("seed %d: %d strings, %d fields compared, %d mismatches; %d vendors looked up; %v",
		seed, c.strings, c.fields, c.mismatches, has, shapes)
	if c.strings != vectors || len(shapes) != 6 {
		t.Errorf("%d strings of the shapes %v", c.strings, shapes)
	}
}

// checkHas looks up vendors one by one, at the edges of all runs, and returns how
// many.
func checkHas(t *testing.T, v *verdict, s *String) int {
	t.Helper()
	n := 0
	check := func(set Set, runs []run) {
		in := func(id int) bool {
			return slices.ContainsFunc(runs, func(r run) bool { return r[0] <= id && id <= r[1] })
		}
		ids := []int{-1, 0, 1, set.Max(), set.Max() + 1, 1 << 16, 1<<16 + 1}
		for _, r := range runs[:min(len(runs), 12)] {
			ids = append(ids, r[0]-1, r[0], r[1], r[1]+1)
		}
		for _, id := range ids {
			n++
			if set.Has(id) != in(id) {
				t.Errorf("%s: vendor %d is %v", v.String, id, set.Has(id))
			}
		}
	}
	check(s.VendorConsents(), v.VendorConsents)
	check(s.VendorLegInt(), v.VendorLegInt)
	if v.Disclosed != nil {
		set, _ := s.Disclosed()
		check(set, *v.Disclosed)
	}
	return n
}
