package minimise

import (
	"encoding/json"
	"testing"
	"unicode/utf8"

	"zgoda/jsontape"
)

func properties(t *testing.T, in string, allow map[string]struct{}, page bool) string {
	t.Helper()
	v, err := jsontape.Parse([]byte(in), 32)
	if err != nil {
		t.Fatal(err)
	}
	var b Buffer
	out := string(b.Properties(v, allow, map[string]struct{}{"color": {}}, page))
	if out != "" && !json.Valid([]byte(out)) {
		t.Fatalf("%s gave what is not JSON: %s", in, out)
	}
	return out
}

func TestProperties(t *testing.T) {
	for _, c := range []struct {
		name, in, want string
		allow          map[string]struct{}
		page           bool
	}{
		{name: "plain", in: `{"sku":"A-1","price":12.50,"new":true,"tag":null}`, want: `{"sku":"A-1","price":12.50,"new":true,"tag":null}`},
		{name: "empty", in: `{}`},
		{name: "identifiers go", in: `{"id":1,"order_id":"x","productId":"y","userIDs":[1],"device_token":"z","paid":true,"grid":1}`, want: `{"paid":true,"grid":1}`},
		{name: "personal keys go", in: `{"email":"x","First Name":"Jana","address":{"street":"x"},"sku":"a"}`, want: `{"sku":"a"}`},
		{
			name: "digests, births, nicks and customers go", in: `{"email_hash":"x","hashed_email":"x","emailSHA256":"x","phone_md5":"x","birth":"1985","birth_year":1985,"birthDay":1,"nick":"j","nick_name":"j","customer":"u1","Customer Number":7,"customer-ref":1,"nickel":2,"customer_type":"new","hash":"h","mailing":true}`,
			want: `{"nickel":2,"customer_type":"new","hash":"h","mailing":true}`,
		},
		{
			name: "not even when listed", in: `{"email_hash":"x","birth":1,"nick":"j","customer":"u","sku":"a"}`,
			allow: map[string]struct{}{"email_hash": {}, "birth": {}, "nick": {}, "customer": {}, "sku": {}}, want: `{"sku":"a"}`,
		},
		{name: "nested", in: `{"products":[{"product_id":"p","sku":"s","note":"jana@example.org"}]}`, want: `{"products":[{"sku":"s","note":"[mail]"}]}`},
		{name: "keys are masked", in: `{"jana@example.org":1}`, want: `{"[mail]":1}`},
		{name: "phone key", in: `{"phone":"123","msisdn":777123456}`, want: `{"phone":"[phone]","msisdn":"[phone]"}`},
		{name: "numbers", in: `{"n":4111111111111111,"m":44051401359,"t":1732180000,"p":1299}`, want: `{"n":"[card]","m":"[nationalid]","t":1732180000,"p":1299}`},
		{name: "address", in: `{"link":"https://u:p@Shop.example/o/123456?color=red&email=a@b.cz"}`, want: `{"link":"shop.example/o/:id?color=red"}`},
		{name: "allow", in: `{"sku":"a","other":"b","products":[{"x":1}]}`, allow: map[string]struct{}{"sku": {}}, want: `{"sku":"a"}`},
		{name: "allowed identifier", in: `{"product_id":"p","email":"e"}`, allow: map[string]struct{}{"product_id": {}, "email": {}}, want: `{"product_id":"p"}`},
		{name: "nothing allowed", in: `{"sku":"a"}`, allow: map[string]struct{}{}},
		{name: "page", in: `{"url":"https://x/","title":"Jana","path":"/x","referrer":"","search":"?q=1","kind":"a"}`, page: true, want: `{"kind":"a"}`},
		{name: "escapes", in: `{"a\n\"\\":"b\u0001\u2028ž"}`, want: "{\"a\\u000A\\\"\\\\\":\"b\\u0001\u2028ž\"}"},
	} {
		if got := properties(t, c.in, c.allow, c.page); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func FuzzProperties(f *testing.F) {
	f.Add(`{"a":"jana@example.org","b":[{"c":"+420 777 123 456"}]}`)
	f.Add(`{"a":"https://x/%ff%00@b.cz"}`)
	f.Fuzz(func(t *testing.T, s string) {
		v, err := jsontape.Parse([]byte(s), 32)
		if err != nil || v.Type() != jsontape.Object || !json.Valid([]byte(s)) || !utf8.ValidString(s) {
			return
		}
		var b Buffer
		out := b.Properties(v, nil, nil, false)
		if len(out) == 0 {
			return
		}
		var decoded any
		if err := json.Unmarshal(out, &decoded); err != nil {
			t.Fatalf("not JSON: %q", out)
		}
		walk(decoded, func(text string) {
			if _, found := mask(nil, []byte(text)); found {
				t.Fatalf("%q left %q", s, text)
			}
		})
	})
}

func walk(v any, f func(string)) {
	switch v := v.(type) {
	case map[string]any:
		for k, x := range v {
			f(k)
			walk(x, f)
		}
	case []any:
		for _, x := range v {
			walk(x, f)
		}
	case string:
		f(v)
	}
}
