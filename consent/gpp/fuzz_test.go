package gpp

import (
	"strings"
	"testing"
)

// FuzzParse: no text makes the reader panic, and what it reads hangs together.
func FuzzParse(f *testing.F) {
	for _, text := range []string{
		"", "~", "D", "DBAA", "DBABLA", "C", headerOf(true, 6, 8, 9, 25) + "~1YNN~" + segment(version+strings.Repeat("01", 20)) +
			".YA~" + usva + "~" + segment(version+strings.Repeat("01", 9)) + ".VVV",
		"DBADTz0Y~1NY-~BoWGBmkg.QA~BZmoGUaY~BJYUiEmA", "7,8", "-1", "1YNN",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		_, _ = ParseUSPrivacy(text)
		_, _ = ParseSIDs(text)
		sections, err := Parse(text, nil)
		if err != nil {
			if sections != nil {
				t.Error("a string that cannot be read has sections")
			}
			return
		}
		last := ID(0)
		for i := range sections {
			s := &sections[i]
			if s.ID <= last || s.ID > lastI || len(s.Text) == 0 {
				t.Fatalf("section %d after %d", s.ID, last)
			}
			last = s.ID
			for f := range Field(singleFields) {
				if v := s.Value(f); v >= undefined || v != NotApplicable && !s.Has(f) {
					t.Errorf("section %d: %s is %d", s.ID, f, v)
				}
			}
			for _, v := range append(s.Sensitive(), s.Child()...) {
				if v >= undefined {
					t.Errorf("section %d: a list has %d", s.ID, v)
				}
			}
			if int(s.SensitiveRefused())>>len(s.Sensitive()) != 0 || int(s.ChildRefused())>>len(s.Child()) != 0 {
				t.Errorf("section %d refuses more than it has", s.ID)
			}
		}
	})
}

func BenchmarkParse(b *testing.B) {
	text := []byte("DBAHTmxmdveA~1YNN~BFAZWCU~BoCAIJQ.QA~BUikZBmA~BiVqkCaY~BGJUpqkA~BREQQBoA~BmlQakio.YA~BWIYGQBiVA.YA~BQRKigoA.QA~BVJm.hlY~BgVW.VWI")
	one := []byte("DBABLA~" + segment("000010"+strings.Repeat("01", 32)) + ".YA")
	dst := make([]Section, 0, 32)
	for _, bench := range []struct {
		name string
		text []byte
	}{{"one section", one}, {"twelve sections", text}} {
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Parse(bench.text, dst); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
