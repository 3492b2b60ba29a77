package signal

import (
	"strings"
	"testing"

	"zgoda/consent"
)

func adpc(lines ...string) request { return request{header: headers{"ADPC": lines}} }

func TestADPC(t *testing.T) {
	many := strings.Repeat("x ", maxADPCIDs)
	expect(t, []expectation{
		{"absent", request{}, ""},
		{"a grant", adpc(`consent="analytics.v2"`), "adpc header  -1---- browser"},
		{"without quotes", adpc(`consent=analytics.v2`), "adpc header  -1---- browser"},
		{"several", adpc(`consent="analytics.v2 marketing.v2"`), "adpc header  -1-1-- browser"},
		{"of an older version", adpc(`consent="analytics.v1"`), "adpc header  ------ browser"},
		{"of a newer version", adpc(`consent="analytics.v3 marketing.v02 profiling.v4294967298"`), "adpc header  ------ browser"},
		{"without a version", adpc(`consent=analytics`), "adpc header  ------ browser"},
		{"withdrawn, any version", adpc(`withdraw="analytics.v1 marketing"`), "adpc header  -0-0-- browser"},
		{"withdraw all", adpc(`withdraw=*`), "adpc header withdraws-all -00000 browser"},
		{"withdraw all, in quotes", adpc(`withdraw="*"`), "adpc header withdraws-all -00000 browser"},
		{"specific beats general", adpc(`withdraw=*, consent="analytics.v2"`), "adpc header withdraws-all -10000 browser"},
		{"in any order", adpc(`consent=analytics.v2,withdraw=*`), "adpc header withdraws-all -10000 browser"},
		{"on several lines", adpc(`consent=analytics.v2`, `withdraw=*`), "adpc header withdraws-all -10000 browser"},
		{"an old grant beside all", adpc(`withdraw=*, consent=analytics.v1`), "adpc header withdraws-all -00000 browser"},
		{"both ways", adpc(`consent=analytics.v2, withdraw=analytics.v2`), "adpc header  -0---- browser"},
		{"both ways, several lines", adpc(`withdraw=analytics`, `consent=analytics.v2`), "adpc header  -0---- browser"},
		{"measurement by name", adpc(`withdraw=measurement`), "adpc header  0----- browser"},
		{"objection", adpc(`object=direct-marketing`), "adpc header objects-to-direct-marketing --00-- browser"},
		{"objection beats a grant", adpc(`object=direct-marketing, consent="marketing.v2"`), "adpc header objects-to-direct-marketing --00-- browser"},
		{"names in capitals", adpc("Consent=analytics.v2 ,\tWITHDRAW=marketing"), "adpc header  -1-0-- browser"},
		{"ids exactly", adpc(`withdraw=Analytics`), "adpc header  ------ browser"},
		{"nothing consented to", adpc(`consent=""`), "adpc header  ------ browser"},
		{"nothing at all", adpc(`consent=`), "adpc header  ------ browser"},
		{"a standard request", adpc(`consent="https://example.com/a,b analytics.v2"`), "adpc header  -1---- browser"},
		{"an unknown directive", adpc(`future="x y", withdraw=analytics`), "adpc header  -0---- browser"},
		{"an unknown directive of all", adpc(`future=*`), "adpc header  ------ browser"},
		{"unknown ids", adpc(`withdraw="x.v1 y"`), "adpc header  ------ browser"},

		{"empty", adpc(``), "adpc header malformed ------ broken browser"},
		{"no value", adpc(`consent`), "adpc header malformed ------ broken browser"},
		{"consent to all", adpc(`consent=*`), "adpc header malformed ------ broken browser"},
		{"object to all", adpc(`object=*`), "adpc header malformed ------ broken browser"},
		{"another objection", adpc(`object=science`), "adpc header malformed ------ broken browser"},
		{"semicolons", adpc(`consent=analytics.v2; withdraw=marketing`), "adpc header malformed -1---- broken browser"},
		{"open quotes", adpc(`withdraw=marketing, consent="analytics.v2`), "adpc header malformed ---0-- broken browser"},
		{"two ids without quotes", adpc(`withdraw=analytics marketing`), "adpc header malformed -0---- broken browser"},
		{"a comma at the end", adpc(`withdraw=analytics,`), "adpc header malformed -0---- broken browser"},
		{"one bad line of two", adpc(`consent=analytics.v2`, `=`), "adpc header malformed -1---- broken browser"},
		{"a backslash", adpc(`consent="a\b"`), "adpc header malformed ------ broken browser"},
		{"not ASCII", adpc("consent=\"a\xff\""), "adpc header malformed ------ broken browser"},
		{"as many ids as may be", adpc(`consent="` + many + `"`), "adpc header  ------ browser"},
		{"too many ids", adpc(`withdraw="` + many + `analytics"`), "adpc header too-long ------ broken browser"},
		{"too many ids on lines", adpc(`consent="`+many+`"`, `withdraw=a`), "adpc header too-long ------ broken browser"},
		{"too long", adpc(`consent="` + strings.Repeat(" ", maxADPCBytes) + `"`), "adpc header too-long ------ broken browser"},
	})
}

// FuzzADPC: whatever the header, a broken one grants nothing, a line more never
// takes a refusal back, and pooled state does not pass from one to the next.
func FuzzADPC(f *testing.F) {
	for _, s := range []string{`consent="analytics.v2"`, `withdraw=*`, `object=direct-marketing`, `a=b,c="d e"`, `=`, `consent="`} {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, one, two string) {
		p := toolPolicy()
		read := func(lines ...string) (out consent.Signals) {
			ADPC{}.Read(&Input{Header: headers{"ADPC": lines}.each}, p, &out)
			return out
		}
		a, b, both := read(one), read(two), read(one, two)
		if again := read(one, two); both != again || both != read(two, one) && !both.Statements[0].Broken {
			t.Fatal("readings differ")
		}
		if both.Count != 1 || (a.Statements[0].Broken || b.Statements[0].Broken) && !both.Statements[0].Broken {
			t.Fatal("a fault was lost")
		}
		for i := range p.Purposes {
			said := both.Statements[0].Readings.At(i)
			if said == consent.Granted && a.Statements[0].Readings.At(i) != said && b.Statements[0].Readings.At(i) != said {
				t.Fatal("granted by neither line")
			}
		}
		allowsNothingBroken(t, p, &both)
	})
}
