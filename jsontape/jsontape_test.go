package jsontape

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

func members(n int) string {
	var list []string
	for i := range n {
		list = append(list, fmt.Sprintf(`"k%02d":%d`, i, i))
	}
	return strings.Join(list, ",")
}

func TestParseRefusesWhatIsNotStrict(t *testing.T) {
	deep := func(n int) string { return strings.Repeat(`{"a":`, n) + "1" + strings.Repeat("}", n) }
	for _, c := range []struct {
		name, body string
		want       error
	}{
		{"empty", "", ErrEmpty},
		{"space", " \n", ErrEmpty},
		{"text", "hello", ErrSyntax},
		{"cut", `{"a":`, ErrSyntax},
		{"cut name", `{"a`, ErrSyntax},
		{"cut member", `{"a":1`, ErrSyntax},
		{"cut list", `[1`, ErrSyntax},
		{"tail", `{} {}`, ErrSyntax},
		{"comma", `{"a":1,}`, ErrSyntax},
		{"comma in list", `[1,]`, ErrSyntax},
		{"single quotes", `{'a':1}`, ErrSyntax},
		{"no colon", `{"a" 1}`, ErrSyntax},
		{"wrong end", `{"a":1]`, ErrSyntax},
		{"word", `[trUe]`, ErrSyntax},
		{"as deep as may be", deep(32), nil},
		{"deep", deep(33), ErrDepth},
		{"deep lists", strings.Repeat("[", 33) + strings.Repeat("]", 33), ErrDepth},
		{"utf8", "{\"a\":\"\xff\"}", ErrUTF8},
		{"utf8 far in", "{\"a\":\"0123456789abcdef\xff\"}", ErrUTF8},
		{"utf8 key", "{\"\xc0\xaf\":1}", ErrUTF8},
		{"surrogate bytes", "{\"a\":\"\xed\xa0\x80\"}", ErrUTF8},
		{"nul", "{\"a\":\"\x00\"}", ErrNUL},
		{"nul escaped", `{"a":"\u0000"}`, ErrNUL},
		{"control", "{\"a\":\"\x01\"}", ErrSyntax},
		{"control far in", "{\"a\":\"0123456789abcdef\x1f\"}", ErrSyntax},
		{"bad escape", `{"a":"\x"}`, ErrSyntax},
		{"short escape", `{"a":"\u12"}`, ErrSyntax},
		{"cut escape", `"\`, ErrSyntax},
		{"leading zero", `{"a":01}`, ErrSyntax},
		{"plus", `{"a":+1}`, ErrSyntax},
		{"minus", `[-]`, ErrSyntax},
		{"point", `[1.]`, ErrSyntax},
		{"exponent", `[1e]`, ErrSyntax},
		{"NaN", `{"a":NaN}`, ErrSyntax},
		{"infinity", `{"a":-inf}`, ErrSyntax},
		{"big exponent", `{"a":1e999}`, ErrNumber},
		{"huge", `{"a":` + strings.Repeat("9", 400) + `}`, ErrNumber},
		{"duplicate", `{"a":1,"a":2}`, ErrDuplicate},
		{"duplicate of an empty name", `{"":1,"":2}`, ErrDuplicate},
		{"duplicate escaped", `{"consent":1,"c\u006fnsent":2}`, ErrDuplicate},
		{"duplicate nested", `{"x":[{"a":1,"b":{},"a":2}]}`, ErrDuplicate},
		{"duplicate behind a container", `{"a":{"b":[1,{"c":2}]},"d":{},"a":3}`, ErrDuplicate},
		{"duplicate of few", `{` + members(15) + `,"k03":0}`, ErrDuplicate},
		{"duplicate at the border", `{` + members(16) + `,"k03":0}`, ErrDuplicate},
		{"duplicate of many", `{` + members(40) + `,"k07":0}`, ErrDuplicate},
		{"duplicate before many", `{"k07":0,` + members(40) + `}`, ErrDuplicate},
		{"syntax behind a duplicate", `{"a":1,"a":2`, ErrSyntax},
		{"as wide as may be", `{` + members(MaxMembers) + `}`, nil},
		{"wide", `{` + members(MaxMembers+1) + `}`, ErrMembers},
		{"fine", `{"a":[1,-2.5e3,"\ud83d\ude00\ud800",null,true,false,{}]}`, nil},
		{"same name at two levels", `{"a":{"a":{"a":1}},"b":[{"a":1},{"a":2}]}`, nil},
		{"spaced", " {\n\t\"a\" : [ 1 , { } , [ ] ] ,\r\"b\":{ \"c\" : 2 } } ", nil},
		{"a value alone", `"x"`, nil},
	} {
		v, err := Parse([]byte(c.body), 32)
		if !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
		if there := err == nil || errors.Is(err, ErrDuplicate) || errors.Is(err, ErrMembers); v.Exists() != there {
			t.Errorf("%s: a value is there: %v", c.name, v.Exists())
		}
	}
}

func TestValues(t *testing.T) {
	v, err := Parse([]byte(`{"n\u0061me":"J\u00e1na\n","o":{"in":{"x":"y"}},"l":[1,"two",null,true,false,[3]],"e":"","z":-1.50e2}`), 8)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ got, want any }{
		{string(v.Get("name").Text()), "Jána\n"},
		{string(v.TextAt("o", "in", "x")), "y"},
		{v.TextAt("o", "none", "x") == nil, true},
		{v.Get("e").Text() != nil, true},
		{string(v.Get("z").Digits()), "-1.50e2"},
		{v.Get("z").Text() == nil, true},
		{v.Get("e").Digits() == nil, true},
		{v.Len(), 5},
		{v.Get("l").Len(), 6},
		{v.Get("none").Exists(), false},
		{v.Get("none").Type(), Absent},
		{v.Get("none").Len(), 0},
		{v.Get("none").Get("x").Exists(), false},
		{v.Get("l").Get("x").Exists(), false},
		{v.Repeats(), false},
	} {
		if c.got != c.want {
			t.Errorf("%v, want %v", c.got, c.want)
		}
	}
	var types []Type
	for w := v.Get("l").Items(); w.Next(); {
		types = append(types, w.Value().Type())
		if w.Type() != w.Value().Type() {
			t.Error("two types")
		}
	}
	if !slices.Equal(types, []Type{Number, String, Null, True, False, Array}) {
		t.Errorf("%v", types)
	}
	for w := v.Get("l").Members(); w.Next(); {
		t.Error("a list has members")
	}
	for w := (Value{}).Items(); w.Next(); {
		t.Error("nothing has items")
	}
}

func TestRepeats(t *testing.T) {
	for body, want := range map[string]bool{
		`{"a":1,"b":{"c":1,"c":2}}`:      false, // its own members alone
		`{"a":1,"b":2,"a":3}`:            true,
		`{` + members(30) + `,"k07":1}`:  true,
		`{"x":{` + members(20) + `}}`:    false,
		`[1,1]`:                          false,
		`{` + members(600) + `,"k07":1}`: false, // too many to say
	} {
		v, _ := Parse([]byte(body), 8)
		if got := v.Repeats(); got != want {
			t.Errorf("%.40s: %v", body, got)
		}
	}
}

func TestSize(t *testing.T) {
	for body, want := range map[string]int{
		`[ {"a b" : "c \" d" , "e":1 } ]`: len(`[{"a b":"c \" d","e":1}]`),
		` "x y" `:                         5,
		` 12 `:                            2,
		`[]`:                              2,
	} {
		v, err := Parse([]byte(body), 8)
		if err != nil || v.Size() != want {
			t.Errorf("%s: %d, want %d (%v)", body, v.Size(), want, err)
		}
	}
	if (Value{}).Size() != 0 {
		t.Error("nothing has a size")
	}
}

// TestSpecial holds the look at eight bytes against one at each.
func TestSpecial(t *testing.T) {
	for c := range 256 {
		for at := range 8 {
			word := []byte("abcdefgh!")
			word[at] = byte(c)
			var x uint64
			for i, b := range word[:8] {
				x |= uint64(b) << (8 * i)
			}
			want := c < 0x20 || c >= 0x80 || c == '"' || c == '\\'
			if got := special(x); (got != 0) != want || (want && got&-got != 0x80<<(8*at)) {
				t.Fatalf("%#x at %d: %#x", c, at, got)
			}
		}
	}
}

func TestResetWipes(t *testing.T) {
	var d Document
	if _, err := d.Parse([]byte(`{"a":"j\u0061na"}`), 8); err != nil {
		t.Fatal(err)
	}
	plain := d.plain[:cap(d.plain)]
	d.Reset()
	if strings.Contains(string(plain), "jana") || d.body != nil {
		t.Error("a text survived Reset")
	}
}

func TestParseAllocatesNothing(t *testing.T) {
	var d Document
	body := []byte(`{` + members(100) + `,"x":{"a":"\u00e9","b":[1,2,3]}}`)
	if n := testing.AllocsPerRun(100, func() {
		if _, err := d.Parse(body, 8); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
