package gpp

import (
	"bufio"
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"os/exec"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"zgoda/consent/tcf"
)

// verdict is what the reference says about a string.
type verdict struct {
	String   string
	Error    bool
	Sections map[ID]struct {
		Name   string
		Fields map[string]any
	}
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

// numbers returns values as encoding/json would.
func numbers(values []Value) any {
	list := []any{}
	for _, v := range values {
		list = append(list, float64(v))
	}
	return list
}

// american returns the fields of an American section under the reference's names
// and in its forms.
func american(s *Section) map[string]any {
	f := map[string]any{}
	for i := range Field(singleFields) {
		if s.Has(i) {
			f[i.String()] = float64(s.Value(i))
		}
	}
	if s.Has(SensitiveDataProcessing) {
		f[SensitiveDataProcessing.String()] = numbers(s.Sensitive())
	}
	switch {
	case !s.Has(KnownChildSensitiveDataConsents):
	case len(s.Child()) == 1:
		f[KnownChildSensitiveDataConsents.String()] = float64(s.Child()[0])
	default:
		f[KnownChildSensitiveDataConsents.String()] = numbers(s.Child())
	}
	version := "Version"
	if s.Has(MspaMode) {
		version = "MspaVersion"
	}
	f[version] = float64(s.Version)
	if s.GPC != Unsaid {
		f["GpcSegmentType"] = float64(gpcType)
		f["Gpc"] = s.GPC == On
	}
	return f
}

// prepare drops from the reference's fields what it made up: a subsection that
// the string lacks is shown with its default values there.
func prepare(fields map[string]any, subsection, separate bool) {
	delete(fields, "GpcSegmentIncluded")
	delete(fields, "SensitiveDataConsentSegmentIncluded")
	if subsection {
		return
	}
	delete(fields, "GpcSegmentType")
	delete(fields, "Gpc")
	if separate {
		delete(fields, "SensitiveDataProcessing")
	}
}

// purposes returns a mask as the reference has it: one boolean a purpose.
func purposes(mask uint64, n int) any {
	list := []any{}
	for i := range n {
		list = append(list, mask>>i&1 == 1)
	}
	return list
}

func vendors(set tcf.Set) any {
	list := []any{}
	for id := 1; id <= set.Max(); id++ {
		if set.Has(id) {
			list = append(list, float64(id))
		}
	}
	return list
}

// european returns the fields of section 2, read by our own reader of TC strings.
func european(s *tcf.String) map[string]any {
	cmp, cmpVersion := s.CMP()
	language, country := s.ConsentLanguage(), s.PublisherCountry()
	f := map[string]any{
		"Created": float64(s.Created().UnixMilli() / 100), "LastUpdated": float64(s.LastUpdated().UnixMilli() / 100),
		"CmpId": float64(cmp), "CmpVersion": float64(cmpVersion), "ConsentScreen": float64(s.ConsentScreen()),
		"ConsentLanguage": string(language[:]), "PublisherCountryCode": string(country[:]),
		"VendorListVersion": float64(s.VendorListVersion()), "PolicyVersion": float64(s.PolicyVersion()),
		"IsServiceSpecific": s.ServiceSpecific(), "PurposeOneTreatment": s.PurposeOneHidden(),
		"SpecialFeatureOptins":       purposes(uint64(s.SpecialFeatures()), 12),
		"PurposeConsents":            purposes(uint64(s.PurposeConsents()), 24),
		"PurposeLegitimateInterests": purposes(uint64(s.PurposeLegInt()), 24),
		"VendorConsents":             vendors(s.VendorConsents()),
		"VendorLegitimateInterests":  vendors(s.VendorLegInt()),
	}
	if set, ok := s.Disclosed(); ok {
		f["VendorsDisclosed"] = vendors(set)
	}
	if p, ok := s.Publisher(); ok {
		f["PublisherConsents"] = purposes(uint64(p.Consents), 24)
		f["PublisherLegitimateInterests"] = purposes(uint64(p.LegInt), 24)
	}
	return f
}

func usPrivacy(u USPrivacy) map[string]any {
	return map[string]any{
		"Version": 1.0, "Notice": string(u.Notice), "OptOutSale": string(u.OptOutSale), "LspaCovered": string(u.LSPACovered),
	}
}

// tally counts what was compared.
type tally struct {
	strings, sections, fields, mismatches int
	byID                                  map[ID]int
}

// compare holds what ours read against what the reference did, field by field:
// in American sections all of them, in section 2 those that both have.
func (c *tally) compare(t *testing.T, v *verdict, sections []Section) {
	t.Helper()
	c.strings++
	if len(sections) != len(v.Sections) {
		c.mismatches++
		t.Errorf("%s: %d sections, the reference reads %d", v.String, len(sections), len(v.Sections))
	}
	for i := range sections {
		s := &sections[i]
		want := v.Sections[s.ID].Fields
		c.sections++
		c.byID[s.ID]++
		switch s.ID {
		case TCFEU:
			tc, err := tcf.Parse(s.Text)
			if err != nil {
				t.Errorf("%s: %v", v.String, err)
				continue
			}
			c.fieldsOf(t, v, s.ID, european(&tc), want)
		case USPV1:
			u, err := ParseUSPrivacy(s.Text)
			if err != nil {
				t.Errorf("%s: %v", v.String, err)
				continue
			}
			c.all(t, v, s.ID, usPrivacy(u), want)
		default:
			if s.ID.String() != v.Sections[s.ID].Name {
				t.Errorf("section %d is called %s, not %s", s.ID, v.Sections[s.ID].Name, s.ID)
			}
			prepare(want, bytes.IndexByte(s.Text, '.') >= 0, layouts[s.ID][0].sensitive > 0)
			c.all(t, v, s.ID, american(s), want)
		}
	}
}

// all compares the fields and that neither has more of them.
func (c *tally) all(t *testing.T, v *verdict, id ID, ours, want map[string]any) {
	t.Helper()
	c.fieldsOf(t, v, id, ours, want)
	for name := range want {
		if _, ok := ours[name]; !ok {
			c.mismatches++
			t.Errorf("%s: section %d: only the reference has %s", v.String, id, name)
		}
	}
}

func (c *tally) fieldsOf(t *testing.T, v *verdict, id ID, ours, want map[string]any) {
	t.Helper()
	for name, value := range ours {
		c.fields++
		if reflect.DeepEqual(value, want[name]) {
			continue
		}
		if c.mismatches++; c.mismatches <= 10 {
			t.Errorf("%s: section %d: %s is %v, the reference reads %v", v.String, id, name, value, want[name])
		}
	}
}

const vectors = 5000

// TestReference reads random strings that the IAB's library made and compares
// every field of every section with what that library reads in them.
func TestReference(t *testing.T) {
	seed := rand.Uint32()
	c := tally{byID: map[ID]int{}}
	versions := map[uint8]int{}
	var sections []Section
	reference(t, nil, func(v *verdict) {
		var err error
		if sections, err = Parse([]byte(v.String), sections[:0]); err != nil {
			t.Fatalf("%s: %v", v.String, err)
		}
		c.compare(t, v, sections)
		for i := range sections {
			if sections[i].ID == USNat {
				versions[sections[i].Version]++
			}
		}
	}, "make", strconv.Itoa(vectors), strconv.FormatUint(uint64(seed), 10))
	t.Logf("seed %d: %d strings, %d sections, %d fields compared, %d mismatches; by section %v; versions of usnat %v",
		seed, c.strings, c.sections, c.fields, c.mismatches, c.byID, versions)
	if c.strings != vectors || len(c.byID) != 23 || len(versions) != 2 {
		t.Errorf("%d strings, %d kinds of sections, %d versions of usnat", c.strings, len(c.byID), len(versions))
	}
}

const signs = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

// mutants calls each with the string cut at every length and with every single
// bit of every sign turned.
func mutants(s string, each func(mutant string)) {
	for n := range len(s) {
		each(s[:n])
	}
	for i := range len(s) {
		at := strings.IndexByte(signs, s[i])
		if at < 0 {
			continue // what stands between sections
		}
		for bit := range 6 {
			each(s[:i] + signs[at^1<<bit:][:1] + s[i+1:])
		}
	}
}

// readable says whether the whole string can be read, its TC string included.
func readable(text string) bool {
	sections, err := Parse([]byte(text), nil)
	for i := range sections {
		if sections[i].ID == TCFEU && err == nil {
			_, err = tcf.Parse(sections[i].Text)
		}
	}
	return err == nil
}

// canadian says whether the header names section 5, which the reference reads and
// ours passes over.
func canadian(text string) bool {
	head, _, _ := strings.Cut(text, "~")
	ids, _ := header([]byte(head))
	return ids>>5&1 == 1
}

// TestMutants damages strings of the reference in every place. Whatever ours
// still reads, the reference must read too, and alike.
func TestMutants(t *testing.T) {
	seed := rand.Uint32()
	var originals []string
	reference(t, nil, func(v *verdict) {
		if len(v.String) < 300 && len(originals) < 14 {
			originals = append(originals, v.String)
		}
	}, "make", "60", strconv.FormatUint(uint64(seed), 10))

	made, passed := 0, 0
	var accepted bytes.Buffer
	for _, original := range originals {
		mutants(original, func(mutant string) {
			made++
			switch {
			case !readable(mutant):
			case canadian(mutant):
				passed++
			default:
				accepted.WriteString(mutant + "\n")
			}
		})
	}
	c := tally{byID: map[ID]int{}}
	stricter := 0
	reference(t, accepted.Bytes(), func(v *verdict) {
		if v.Error {
			stricter++
			t.Errorf("%s: read here, but not by the reference", v.String)
			return
		}
		sections, err := Parse([]byte(v.String), nil)
		if err != nil {
			t.Fatal(err)
		}
		c.compare(t, v, sections)
	}, "read")
	t.Logf("seed %d: %d mutants of %d strings; %d read here, of which the reference refused %d; %d fields compared, %d mismatches; %d left out for section 5",
		seed, made, len(originals), c.strings+stricter, stricter, c.fields, c.mismatches, passed)
	if len(originals) == 0 || c.strings == 0 || c.strings+stricter != bytes.Count(accepted.Bytes(), []byte("\n")) {
		t.Errorf("%d originals, %d mutants compared", len(originals), c.strings)
	}
}
