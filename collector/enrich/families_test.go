package enrich

import (
	"fmt"
	"regexp/syntax"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

const (
	webkit  = " AppleWebKit/537.36 (KHTML, like Gecko) "
	iphone  = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
	windows = "Mozilla/5.0 (Windows NT 10.0; Win64; x64)" + webkit
	android = "Mozilla/5.0 (Linux; Android 13; "
)

// wellKnown are agents that people use, and what is to be kept of them.
var wellKnown = []struct {
	agent string
	want  Families
}{
	{windows + "Chrome/120.0.0.0 Safari/537.36", Families{"Chrome", "Windows", "Other"}},
	{windows + "Chrome/120.0.0.0 Safari/537.36 Edg/120.0.2210.91", Families{"Edge", "Windows", "Other"}},
	{windows + "Chrome/119.0.0.0 Safari/537.36 OPR/105.0.0.0", Families{"Opera", "Windows", "Other"}},
	{"Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:120.0) Gecko/20100101 Firefox/120.0", Families{"Firefox", "Windows", "Other"}},
	{"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.1 Safari/605.1.15", Families{"Safari", "Mac OS X", "Mac"}},
	{"Mozilla/5.0 (X11; Linux x86_64; rv:120.0) Gecko/20100101 Firefox/120.0", Families{"Firefox", "Linux", "Other"}},
	{"Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:120.0) Gecko/20100101 Firefox/120.0", Families{"Firefox", "Ubuntu", "Other"}},
	{"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0)" + webkit + "Chrome/119.0.0.0 Safari/537.36", Families{"Chrome", "Chrome OS", "Other"}},
	{iphone + "Version/17.1 Mobile/15E148 Safari/604.1", Families{"Mobile Safari", "iOS", "iPhone"}},
	{iphone + "CriOS/120.0.6099.50 Mobile/15E148 Safari/604.1", Families{"Chrome Mobile iOS", "iOS", "iPhone"}},
	{iphone + "FxiOS/120.0 Mobile/15E148 Safari/605.1.15", Families{"Firefox iOS", "iOS", "iPhone"}},
	{iphone + "Version/17.0 EdgiOS/119.0.2151.105 Mobile/15E148 Safari/604.1", Families{"Edge Mobile", "iOS", "iPhone"}},
	{"Mozilla/5.0 (iPad; CPU OS 17_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.1 Mobile/15E148 Safari/604.1", Families{"Mobile Safari", "iOS", "iPad"}},
	{"Mozilla/5.0 (Android 13; Mobile; rv:120.0) Gecko/120.0 Firefox/120.0", Families{"Firefox Mobile", "Android", "Generic Smartphone"}},
	{android + "K)" + webkit + "Chrome/120.0.0.0 Mobile Safari/537.36", Families{"Chrome Mobile", "Android", "Generic_Android"}},
	{android + "SM-G991B)" + webkit + "Chrome/120.0.0.0 Mobile Safari/537.36", Families{"Chrome Mobile", "Android", "Samsung"}},
	{android + "SM-G991B)" + webkit + "SamsungBrowser/23.0 Chrome/115.0.0.0 Mobile Safari/537.36", Families{"Samsung Internet", "Android", "Samsung"}},
	{android + "Pixel 7)" + webkit + "Chrome/120.0.0.0 Mobile Safari/537.36 EdgA/119.0.2151.92", Families{"Edge Mobile", "Android", "Google"}},
	{android + "VOG-L29)" + webkit + "Chrome/119.0.0.0 Mobile Safari/537.36 OPR/76.2.4027.73374", Families{"Opera Mobile", "Android", "HUAWEI"}},
	{android + "Redmi Note 9 Pro)" + webkit + "Chrome/120.0.0.0 Mobile Safari/537.36", Families{"Chrome Mobile", "Android", "XiaoMi"}},
	{android + "moto g power (2021))" + webkit + "Chrome/120.0.0.0 Mobile Safari/537.36", Families{"Chrome Mobile", "Android", "Motorola"}},
	{android + "ONEPLUS A6013)" + webkit + "Chrome/120.0.0.0 Mobile Safari/537.36", Families{"Chrome Mobile", "Android", "OnePlus"}},
	{"Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", Families{"Googlebot", "Other", "Spider"}},
}

func fresh(tb testing.TB) *Enricher {
	tb.Helper()
	cfg := DefaultConfig()
	cfg.Reads = 100_000
	return open(tb, cfg)
}

// open returns an enricher that is closed with the test.
func open(tb testing.TB, cfg Config) *Enricher {
	tb.Helper()
	e, err := New(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := e.Close(); err != nil {
			tb.Error(err)
		}
	})
	return e
}

func TestWellKnownAgents(t *testing.T) {
	e := fresh(t)
	for _, c := range wellKnown {
		if got := e.Families([]byte(c.agent)); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.agent, got, c.want)
		}
	}
}

// TestNothingOfTheAgentIsKept: what a client can choose freely does not come
// through, wherever the expressions would copy it from (I1).
func TestNothingOfTheAgentIsKept(t *testing.T) {
	e := fresh(t)
	for _, agent := range []string{
		"Mozilla/5.0 (Linux; Android 10; Jana Novakova Bratislava Build/QP1A.190711.020)" + webkit + "Chrome/120.0.0.0 Mobile Safari/537.36",
		"JanaNovakovaBot/1.0", "jana-novakova-crawler/2", "Mozilla/5.0 (compatible; JanaNovakova Spider/1.0)", "JanaNovakova/1.0 CFNetwork/1474 Darwin/23.0.0",
		"Mozilla/5.0 (Linux; U; Android 4; Samsung JanaNovakova Build/X)", "Mozilla/5.0 (Linux; Android 9; SM-JanaNovakova)" + webkit + "Chrome/1.0",
		"Mozilla/5.0 (Linux; Android 9; HUAWEI JanaNovakova Build/X)", "Mozilla/5.0 (Linux; Android 9; Pixel JanaNovakova)", "Nokia JanaNovakova/1.0 Novakova",
		"Mozilla/5.0 (X11; JanaNovakova Linux x86_64)", "Mozilla/5.0 (JanaNovakova; CPU JanaNovakova OS 17_1 like Mac OS X)", "Roku/DVP-JanaNovakova", "Dalvik/2.1.0 (Linux; U; Android 9; JanaNovakova)",
		"Mozilla/5.0 (Linux; Android 9) [FBAN/JanaNovakova;FBDV/JanaNovakova;FBSN/JanaNovakova]", "Instagram 1.0 (iPhone JanaNovakova; iOS)", "Mozilla/5.0 (SMART-TV; JanaNovakova)", "jana@novakova.example",
	} {
		got := e.Families([]byte(agent))
		if text := strings.ToLower(fmt.Sprint(got)); strings.Contains(text, "novak") || strings.Contains(text, "jana") || strings.Contains(text, "bratislava") {
			t.Errorf("%q: %+v", agent, got)
		}
	}
	// The case of letters is a client's choice too.
	for _, agent := range []string{"Mozilla/5.0 (X11; LiNuX x86_64)", "GoOgLeBoT/2.1", "Mozilla/5.0 (Linux; Android 9; hUaWeI)"} {
		got := e.Families([]byte(agent))
		for i, name := range []string{got.Browser, got.OS, got.Device} {
			if name != other && e.agents.lists[i].names[strings.ToLower(name)] != name {
				t.Errorf("%q: %q", agent, name)
			}
		}
	}
}

func FuzzFamilies(f *testing.F) {
	e := fresh(f)
	for _, c := range wellKnown {
		f.Add(c.agent)
	}
	f.Add("Mozilla/5.0 (Linux; Android 10; Jana Build/Q)\xff")
	f.Fuzz(func(t *testing.T, agent string) {
		got := e.agents.read(plain([]byte(agent)[:min(len(agent), maxAgent)]))
		for i, name := range []string{got.Browser, got.OS, got.Device} {
			if name != other && e.agents.lists[i].names[strings.ToLower(name)] != name {
				t.Fatalf("%q: %q is not of the closed set", agent, name)
			}
		}
	})
}

// TestNeedlesMissNothing: passing over expressions changes no answer.
func TestNeedlesMissNothing(t *testing.T) {
	e, all := fresh(t), fresh(t)
	for i := range all.agents.lists {
		clear(all.agents.lists[i].needles)
	}
	parts := []string{"Mozilla/5.0 ", "(Linux; ", "Android 10; ", "Windows NT 10.0", "; ", ") ", "Build/Q", webkit, "Chrome/1.2 ", "Mobile Safari/5", "Firefox/1.0", "Opera ", "bot/1", "SM-G9", "iPhone", "CPU OS 9_1", "Nokia", "Tablet", "K", "x", "0", "/"}
	for _, c := range wellKnown {
		if got, want := e.agents.read(c.agent), all.agents.read(c.agent); got != want {
			t.Errorf("%s: %+v, want %+v", c.agent, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		agent := strings.Join(rapid.SliceOfN(rapid.SampledFrom(parts), 1, 10).Draw(t, "parts"), "")
		if got, want := e.agents.read(agent), all.agents.read(agent); got != want {
			t.Fatalf("%q: %+v, want %+v", agent, got, want)
		}
	})
}

// TestNeedlesPassOverMost: of an agent that nothing matches hardly an expression
// is asked, which is what makes it cheap.
func TestNeedlesPassOverMost(t *testing.T) {
	e := fresh(t)
	asked, all := 0, 0
	lower := strings.ToLower(fmt.Sprintf("%0470d Qqqq Zzzz", 7))
	for _, l := range e.agents.lists {
		for _, n := range l.needles {
			if all++; n.in(lower) {
				asked++
			}
		}
	}
	if asked*50 > all {
		t.Errorf("%d of %d expressions are asked", asked, all)
	}
}

func TestClosed(t *testing.T) {
	for _, c := range []struct {
		expr, replacement string
		want              []string
	}{
		{`(Chrome|Chromium)/(\d+)`, "$1", []string{"chrome", "chromium"}},
		{`(Edge|)/x`, "$1 Mobile", []string{"edge mobile", "mobile"}},
		{`(?i)(samsung)-(.*)`, "$1", []string{"samsung"}},
		{`(Samsung)-(.*)`, "$1 $2", nil},
		{`([^;]+)`, "$1", nil},
		{`(a+)`, "$1", nil},
		{`(a)?`, "$1", []string{"a"}},
		{`x`, "Galaxy", []string{"galaxy"}},
		{`x`, "$1", nil},
		{`x`, "$name", nil},
		{`x`, "", nil},
		{`(\d\d\d)`, "$1", nil},
	} {
		tree, err := syntax.Parse(c.expr, syntax.Perl)
		if err != nil {
			t.Fatal(err)
		}
		set := closed{}
		set.addReplacement(tree, c.replacement)
		var got []string
		for key := range set {
			got = append(got, key)
		}
		slices.Sort(got)
		if !slices.Equal(got, c.want) {
			t.Errorf("%s %s: %q, want %q", c.expr, c.replacement, got, c.want)
		}
	}
}

// TestNewAgentsAreLimited: more new ones than the budget are "Other" at once, are
// counted, and are read another time.
func TestNewAgentsAreLimited(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Reads = 1
	e := open(t, cfg)
	firefox := []byte(wellKnown[5].agent)
	if got := e.Families(firefox); got != wellKnown[5].want {
		t.Fatalf("%+v", got)
	}
	e.agents.kept.Wait()
	e.agents.budget.left, e.agents.budget.at = 0, time.Now().Add(time.Hour)
	chrome := []byte(wellKnown[0].agent)
	if got := e.Families(chrome); got != (Families{other, other, other}) || e.Stats().Unread != 1 {
		t.Errorf("%+v, unread %d", got, e.Stats().Unread)
	}
	if got := e.Families(firefox); got != wellKnown[5].want || e.Stats().Unread != 1 {
		t.Errorf("a known one costs nothing: %+v", got)
	}
	e.agents.budget.at = time.Now().Add(-time.Minute)
	if got := e.Families(chrome); got != wellKnown[0].want {
		t.Errorf("after a rest: %+v", got)
	}
}

func TestBudget(t *testing.T) {
	b := newBudget(10)
	at := time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)
	taken := func(n int) (yes int) {
		for range n {
			if b.take(at) {
				yes++
			}
		}
		return yes
	}
	if got := taken(1000); got != 10*restful {
		t.Errorf("at start %d", got)
	}
	at = at.Add(time.Second)
	if got := taken(1000); got != 10 {
		t.Errorf("a second later %d", got)
	}
	at = at.Add(-time.Hour) // a clock set back gives nothing and takes nothing
	if got := taken(10); got != 0 {
		t.Errorf("back in time %d", got)
	}
}

func BenchmarkNewAgent(b *testing.B) {
	e := fresh(b)
	for _, c := range []struct{ name, format string }{
		{"nothing matches", "%0480d zzzz"},
		{"free text", android + "%0420d) ; /"},
		{"browser", windows + "Chrome/%d.0.0.0 Safari/537.36"},
	} {
		b.Run(c.name, func(b *testing.B) {
			n := 0
			for b.Loop() {
				n++
				e.agents.read(fmt.Sprintf(c.format, n))
			}
		})
	}
}
