package pixel

import (
	"errors"
	"testing"

	"zgoda/collector/segment"
	"zgoda/event"
)

func query(values map[string]string) func(string) []byte {
	return func(name string) []byte {
		if v, ok := values[name]; ok {
			return []byte(v)
		}
		return nil
	}
}

func TestPixel(t *testing.T) {
	var e segment.Event
	a, err := Read(&e, query(map[string]string{"t": "track", "n": "Opened", "m": "m1", "u": "https://x/", "r": "https://y/"}))
	if err != nil || e.Type != event.TypeTrack || string(e.Name) != "Opened" || string(e.MessageID) != "m1" || string(a.Page) != "https://x/" || string(a.Referrer) != "https://y/" {
		t.Errorf("%v", err)
	}
	if _, err := Read(&e, query(nil)); err != nil || e.Type != event.TypePage || len(e.Name) != 0 {
		t.Errorf("an empty query is a page view: %v", err)
	}
	if string(Key(query(map[string]string{"k": "a", "key": "b"}))) != "a" || string(Key(query(map[string]string{"key": "b"}))) != "b" {
		t.Error("key")
	}
	for field, values := range map[string]map[string]string{
		"t": {"t": "identify"}, "n": {"t": "track"}, "m": {"m": "\xff"}, "u": {"u": "a\x00"}, "r": {"r": "\xc0\xaf"},
	} {
		_, err := Read(&e, query(values))
		if wrong, ok := errors.AsType[*segment.FieldError](err); !ok || wrong.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
}
