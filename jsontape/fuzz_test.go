package jsontape

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"

	"github.com/valyala/fastjson"
)

// FuzzParse holds what is read against two other readers: what is accepted is
// JSON for both, and every text and number is the one that fastjson finds.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		`{}`, `{"a":[1,2,{"b":"\u00e9"}]}`, `{"a":1e5,"b":-0.0}`, `{"a":"\ud800"}`, "{\"\xff\":1}", `{"a":1,"\u0061":2}`,
		`{"a":"\ud83d\ude00 \ud800\u0041 \/\b\f\n\r\t\"\\"}`, `[[],{},"",0]`, `{"a":{"a":1},"b":"` + "žluťoučký kůň" + `"}`, ` [ 1 , 2 ] `,
	} {
		f.Add([]byte(s))
	}
	var d Document
	f.Fuzz(func(t *testing.T, body []byte) {
		given := bytes.Clone(body)
		v, err := d.Parse(body, 32)
		if !bytes.Equal(body, given) {
			t.Fatal("the body was changed")
		}
		if err != nil && !errors.Is(err, ErrDuplicate) {
			if errors.Is(err, ErrSyntax) && json.Valid(body) {
				t.Fatalf("refused JSON: %q", body)
			}
			return
		}
		if !json.Valid(body) {
			t.Fatalf("accepted what is not JSON: %q", body)
		}
		other, otherErr := fastjson.ParseBytes(body)
		if otherErr != nil {
			t.Fatalf("accepted what fastjson does not: %q", body)
		}
		if repeats := same(t, v, other); repeats != errors.Is(err, ErrDuplicate) {
			t.Fatalf("%q: %v, yet a member is named twice: %v", body, err, repeats)
		}
		var compact bytes.Buffer
		if err := json.Compact(&compact, body); err == nil && v.Type() >= Array && v.Size() != compact.Len() {
			t.Fatalf("%q: size %d, not %d", body, v.Size(), compact.Len())
		}
	})
}

// same compares a value with another reader's and says whether an object in it
// names a member twice.
func same(t *testing.T, v Value, other *fastjson.Value) (repeats bool) {
	t.Helper()
	switch other.Type() {
	case fastjson.TypeObject:
		names, m := map[string]bool{}, v.Members()
		o, _ := other.Object()
		if v.Len() != o.Len() {
			t.Fatalf("%d members, not %d", v.Len(), o.Len())
		}
		own := false
		o.Visit(func(name []byte, value *fastjson.Value) {
			if !m.Next() || string(m.Name()) != string(name) {
				t.Fatalf("name %q", name)
			}
			repeats = same(t, m.Value(), value) || repeats
			own = own || names[string(name)]
			names[string(name)] = true
		})
		if v.Repeats() != own {
			t.Fatal("Repeats is wrong")
		}
		return repeats || own
	case fastjson.TypeArray:
		list, _ := other.Array()
		m := v.Items()
		for _, item := range list {
			if !m.Next() {
				t.Fatal("an item is missing")
			}
			repeats = same(t, m.Value(), item) || repeats
		}
		if m.Next() || v.Len() != len(list) {
			t.Fatal("an item too many")
		}
	case fastjson.TypeString:
		if s, _ := other.StringBytes(); v.Type() != String || string(v.Text()) != string(s) {
			t.Fatalf("text %q, not %q", v.Text(), s)
		}
	case fastjson.TypeNumber:
		if s := other.MarshalTo(nil); string(v.Digits()) != string(s) {
			t.Fatalf("number %q, not %q", v.Digits(), s)
		}
	case fastjson.TypeTrue, fastjson.TypeFalse, fastjson.TypeNull:
		want := map[fastjson.Type]Type{fastjson.TypeTrue: True, fastjson.TypeFalse: False, fastjson.TypeNull: Null}[other.Type()]
		if v.Type() != want {
			t.Fatalf("type %d, not %d", v.Type(), want)
		}
	}
	return repeats
}
