package load

import "testing"

func TestParseAnswer(t *testing.T) {
	const whole = "HTTP/1.1 200 OK\r\nServer: x\r\ncontent-LENGTH: 16\r\n\r\n"
	for name, c := range map[string]struct {
		text string
		want answer
		ok   bool
		bad  bool
	}{
		"whole":         {whole + `{"success":true}`, answer{200, len(whole) + 16, false}, true, false},
		"body to come":  {whole, answer{200, len(whole) + 16, false}, true, false},
		"headers torn":  {whole[:30], answer{}, false, false},
		"no content":    {"HTTP/1.1 204 No Content\r\nDate: x\r\n\r\n", answer{204, 36, false}, true, false},
		"closes":        {"HTTP/1.1 503 Away\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", answer{503, 59, true}, true, false},
		"no length":     {"HTTP/1.1 200 OK\r\n\r\n", answer{}, false, true},
		"bad length":    {"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", answer{}, false, true},
		"another HTTP":  {"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", answer{}, false, true},
		"no status":     {"HTTP/1.1 OK\r\n\r\nx", answer{}, false, true},
		"not a header":  {"HTTP/1.1 200 OK\r\nX: content-length: 7\r\nContent-Length: 1\r\n\r\n", answer{200, 61, false}, true, false},
		"length within": {"HTTP/1.1 200 OK\r\nX-Content-Length: 7\r\nContent-Length: 2\r\n\r\n", answer{200, 61, false}, true, false},
	} {
		got, ok, err := parseAnswer([]byte(c.text))
		if got != c.want || ok != c.ok || (err != nil) != c.bad {
			t.Errorf("%s: %+v %t %v, want %+v %t, error %t", name, got, ok, err, c.want, c.ok, c.bad)
		}
	}
}
