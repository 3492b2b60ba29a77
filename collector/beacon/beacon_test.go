package beacon

import (
	"errors"
	"testing"

	"github.com/valyala/fastjson"

	"zgoda/collector/segment"
	"zgoda/event"
)

func TestBeacon(t *testing.T) {
	v := fastjson.MustParse(`{"key":"pk","sentAt":"2026-11-21T09:30:00Z","gpc":true,"consent":{"analytics":false},
		"events":[{"type":"track","name":"Added","messageId":"m","page":{"url":"https://shop.example/"},"proof":"p","userId":"u"},{"type":"track","event":"Old"}]}`)
	key, err := Key(v)
	if err != nil || string(key) != "pk" {
		t.Fatalf("%v", err)
	}
	b, err := ReadBatch(v)
	if err != nil || len(b.Items) != 2 || b.GPC == nil || b.Consent == nil || len(b.Sent) == 0 {
		t.Fatalf("%v", err)
	}
	var e segment.Event
	if err := Read(&e, b.Items[0]); err != nil || e.Type != event.TypeTrack || string(e.Name) != "Added" || string(e.Page.GetStringBytes("url")) == "" || string(e.Proof) != "p" {
		t.Errorf("%v", err)
	}
	if err := Read(&e, b.Items[1]); err != nil || string(e.Name) != "Old" {
		t.Errorf("%v", err)
	}
	if b, err := ReadBatch(fastjson.MustParse(`{"batch":[{}]}`)); err != nil || len(b.Items) != 1 {
		t.Errorf("a Segment batch is no beacon: %v", err)
	}
}

func TestBeaconRefuses(t *testing.T) {
	var e segment.Event
	for body, field := range map[string]string{
		`{"type":"track"}`:                      "name",
		`{"type":"track","name":1}`:             "name",
		`{"type":"page","page":"x"}`:            "page",
		`{"name":"x"}`:                          "type",
		`7`:                                     "batch",
		`{"type":"page","properties":["x"]}`:    "properties",
		`{"type":"identify","userId":["x"]}`:    "userId",
		`{"type":"page","messageId":{"a":"b"}}`: "messageId",
	} {
		wrong, ok := errors.AsType[*segment.FieldError](Read(&e, fastjson.MustParse(body)))
		if !ok || wrong.Field != field {
			t.Errorf("%s: %+v, want %s", body, wrong, field)
		}
	}
	if _, err := ReadBatch(fastjson.MustParse(`{"events":{}}`)); err == nil {
		t.Error("events may be an object")
	}
	if _, err := Key(fastjson.MustParse(`{"key":1}`)); err == nil {
		t.Error("a key may be a number")
	}
}
