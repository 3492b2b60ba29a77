package segment

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"zgoda/event"
)

func TestParseRefusesWhatIsNotStrict(t *testing.T) {
	deep := strings.Repeat(`{"a":`, 33) + "1" + strings.Repeat("}", 33)
	for _, c := range []struct {
		name, body string
		want       error
	}{
		{"empty", "", ErrEmpty},
		{"space", " \n", ErrEmpty},
		{"text", "hello", ErrSyntax},
		{"cut", `{"a":`, ErrSyntax},
		{"tail", `{} {}`, ErrSyntax},
		{"comma", `{"a":1,}`, ErrSyntax},
		{"single quotes", `{'a':1}`, ErrSyntax},
		{"no colon", `{"a" 1}`, ErrSyntax},
		{"array", `[]`, ErrNotObject},
		{"number", `1`, ErrNotObject},
		{"deep", deep, ErrDepth},
		{"utf8", "{\"a\":\"\xff\"}", ErrUTF8},
		{"utf8 key", "{\"\xc0\xaf\":1}", ErrUTF8},
		{"surrogate bytes", "{\"a\":\"\xed\xa0\x80\"}", ErrUTF8},
		{"nul", "{\"a\":\"\x00\"}", ErrNUL},
		{"nul escaped", `{"a":"\u0000"}`, ErrNUL},
		{"control", "{\"a\":\"\x01\"}", ErrSyntax},
		{"bad escape", `{"a":"\x"}`, ErrSyntax},
		{"short escape", `{"a":"\u12"}`, ErrSyntax},
		{"leading zero", `{"a":01}`, ErrSyntax},
		{"plus", `{"a":+1}`, ErrSyntax},
		{"NaN", `{"a":NaN}`, ErrSyntax},
		{"infinity", `{"a":-inf}`, ErrSyntax},
		{"big exponent", `{"a":1e999}`, ErrNumber},
		{"huge", `{"a":` + strings.Repeat("9", 400) + `}`, ErrNumber},
		{"duplicate", `{"a":1,"a":2}`, ErrDuplicate},
		{"duplicate escaped", `{"consent":1,"c\u006fnsent":2}`, ErrDuplicate},
		{"duplicate nested", `{"x":[{"a":1,"b":{},"a":2}]}`, ErrDuplicate},
		{"duplicate of many", `{` + members(40) + `,"k7":0}`, ErrDuplicate},
		{"fine", `{"a":[1,-2.5e3,"\ud83d\ude00\ud800",null,true,false,{}]}`, nil},
		{"many", `{` + members(40) + `}`, nil},
	} {
		p := Get()
		_, err := p.Parse([]byte(c.body), 32)
		Put(p)
		if !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
}

func members(n int) string {
	var list []string
	for i := range n {
		list = append(list, `"k`+string(rune('0' + i/10))[:1]+string(rune('0'+i%10))+`":1`)
	}
	list[7] = `"k7":1`
	return strings.Join(list, ",")
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{`{}`, `{"a":[1,2,{"b":"\u00e9"}]}`, `{"a":1e5,"b":-0.0}`, `{"a":"\ud800"}`, "{\"\xff\":1}"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		p := Get()
		defer Put(p)
		v, err := p.Parse(body, 32)
		if err != nil {
			return
		}
		if !json.Valid(body) {
			t.Fatalf("accepted what is not JSON: %q", body)
		}
		var e Event
		for _, route := range []event.Type{event.TypeUnknown, event.TypeTrack, event.TypeIdentify} {
			if err := e.Read(v, route); err != nil {
				if _, ok := errors.AsType[*FieldError](err); !ok {
					t.Fatalf("not a field error: %v", err)
				}
			}
		}
		if _, err := ReadBatch(v); err != nil && !json.Valid(body) {
			t.Fatal(err)
		}
	})
}

func TestRead(t *testing.T) {
	for _, c := range []struct {
		name, body, field string
		route             event.Type
	}{
		{"no type", `{"userId":"u"}`, "type", event.TypeUnknown},
		{"bad type", `{"type":"delete"}`, "type", event.TypeUnknown},
		{"no event", `{"userId":"u"}`, "event", event.TypeTrack},
		{"event is a number", `{"event":1}`, "event", event.TypeTrack},
		{"context is a list", `{"event":"e","context":[]}`, "context", event.TypeTrack},
		{"properties are text", `{"event":"e","properties":"x"}`, "properties", event.TypeTrack},
		{"traits are text", `{"traits":"x"}`, "traits", event.TypeIdentify},
		{"userId is an object", `{"userId":{}}`, "userId", event.TypeIdentify},
		{"proof is a number", `{"context":{"proof":1}}`, "context.proof", event.TypeIdentify},
		{"group without id", `{"userId":"u"}`, "groupId", event.TypeGroup},
		{"sentAt is a number", `{"event":"e","sentAt":5}`, "sentAt", event.TypeTrack},
		{"fine", `{"event":"e","userId":7,"anonymousId":null}`, "", event.TypeTrack},
		{"the route decides", `{"type":"delete","name":"n"}`, "", event.TypePage},
	} {
		p := Get()
		v, err := p.Parse([]byte(c.body), 32)
		if err != nil {
			t.Fatal(err)
		}
		var e Event
		err = e.Read(v, c.route)
		var field *FieldError
		if got := ""; errors.As(err, &field) {
			got = field.Field
			if got != c.field {
				t.Errorf("%s: %s", c.name, got)
			}
		} else if c.field != got || err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if c.name == "fine" && string(e.UserID) != "7" {
			t.Errorf("a number as id: %q", e.UserID)
		}
		Put(p)
	}
}

func BenchmarkParse(b *testing.B) {
	body := []byte(`{"type":"track","event":"Order Completed","anonymousId":"a","messageId":"m-1","context":{"page":{"url":"https://shop.example/"}},"properties":{"sku":"x","price":12.5}}`)
	b.ReportAllocs()
	for b.Loop() {
		p := Get()
		if _, err := p.Parse(body, 32); err != nil {
			b.Fatal(err)
		}
		Put(p)
	}
}
