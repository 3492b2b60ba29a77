package minimise

import (
	"strings"
	"testing"
)

func TestPath(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"/", "/"},
		{"", ""},
		{"/shoes/trail-42", "/shoes/trail-42"},
		{"/orders/123456/items/7", "/orders/:id/items/:id"},
		{"/u/550e8400-e29b-41d4-a716-446655440000/edit", "/u/:id/edit"},
		{"/u/deadbeef01", "/u/:id"},
		{"/u/jana@example.org", "/u/:id"},
		{"/u/jana%40example.org/x", "/u/:id/x"},
		{"/reset/dGhpc0lzQVRva2VuMTIzNDU2Nzg5", "/reset/:id"},
		{"/blog/how-to-choose-running-shoes-in-2026", "/blog/how-to-choose-running-shoes-in-2026"},
		{"/cart;jsessionid=8A7F", "/cart"},
		{"/a/%2B420%20777%20123%20456", "/a/[phone]"},
		{"/%C5%BElut%C3%BD-k%C5%AF%C5%88", "/%C5%BElut%C3%BD-k%C5%AF%C5%88"},
		{"/ip/10.1.2.3", "/ip/[ip]"},
	} {
		var b Buffer
		if got := b.Path([]byte(c.in), 1024); got != c.want {
			t.Errorf("%q: %q, want %q", c.in, got, c.want)
		}
	}
}

func TestQuery(t *testing.T) {
	keep := map[string]struct{}{"utm_source": {}, "q": {}, "gclid": {}}
	for _, c := range []struct{ in, want string }{
		{"", ""},
		{"?utm_source=news&x=1", "utm_source=news"},
		{"q=jana%40example.org", "q=[mail]"},
		{"q=red+shoes", "q=red+shoes"},
		{"q=%E2%82%AC", "q=%E2%82%AC"},
		{"gclid=abc&q=a&fbclid=b", "q=a"},
		{"email=x@y.cz", ""},
		{"q", "q="},
		{"q=a%26utm_source%3Db", "q=a%26utm_source%3Db"},
	} {
		var b Buffer
		if got := b.Query([]byte(c.in), keep, 1024); got != c.want {
			t.Errorf("%q: %q, want %q", c.in, got, c.want)
		}
	}
}

func TestSplit(t *testing.T) {
	for _, c := range []struct{ in, host, path, query string }{
		{"https://user:pw@Shop.example:8443/a/b?x=1#f", "Shop.example", "/a/b", "x=1"},
		{"https://shop.example", "shop.example", "", ""},
		{"//shop.example/a", "shop.example", "/a", ""},
		{"/a?b=://c", "", "/a", "b=://c"},
		{"http://[2001:db8::1]:80/x", "[2001:db8::1]", "/x", ""},
		{"", "", "", ""},
	} {
		u := Split([]byte(c.in))
		if string(u.Host) != c.host || string(u.Path) != c.path || string(u.Query) != c.query {
			t.Errorf("%q: %q %q %q", c.in, u.Host, u.Path, u.Query)
		}
	}
}

func TestHost(t *testing.T) {
	for in, want := range map[string]string{
		"Shop.Example": "shop.example", "10.0.0.7": "[ip]", "[::1]": "[ip]", "a b": "", strings.Repeat("a", 300): "", "": "",
	} {
		var b Buffer
		if got := b.Host([]byte(in)); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestParameter(t *testing.T) {
	var b Buffer
	q := []byte("?utm_source=spring+sale&utm_term=jana%40example.org&utm_x=%00%ff%C5%BE")
	if got := b.ParameterText(Parameter(q, "utm_source"), 99); got != "spring sale" {
		t.Errorf("%q", got)
	}
	if got := b.ParameterText(Parameter(q, "utm_term"), 99); got != "[mail]" {
		t.Errorf("%q", got)
	}
	if got := b.ParameterText(Parameter(q, "utm_x"), 99); got != "ž" {
		t.Errorf("%q", got)
	}
	if Parameter(q, "none") != nil {
		t.Error("found what is not there")
	}
}

func FuzzAddress(f *testing.F) {
	f.Add("https://shop.example/u/jana%40example.org?q=4111+1111+1111+1111")
	f.Fuzz(func(t *testing.T, s string) {
		var b Buffer
		u := Split([]byte(s))
		keep := map[string]struct{}{"q": {}}
		for _, part := range []string{b.Path(u.Path, 4096), b.Host(u.Host)} {
			if _, found := mask(nil, []byte(part)); found {
				t.Fatalf("%q left %q", s, part)
			}
		}
		query := b.Query(u.Query, keep, 1<<20)
		if _, found := mask(nil, unescape([]byte(query))); found {
			t.Fatalf("%q left %q", s, query)
		}
	})
}
