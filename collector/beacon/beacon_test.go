package beacon

import (
	"errors"
	"strings"
	"testing"

	"zgoda/collector/segment"
	"zgoda/event"
	"zgoda/jsontape"
)

func parse(t *testing.T, body string) jsontape.Value {
	t.Helper()
	v, err := jsontape.Parse([]byte(body), 32)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestBeacon(t *testing.T) {
	v := parse(t, `{"key":"pk","sentAt":"2026-11-21T09:30:00Z","gpc":true,"consent":{"analytics":false},
		"events":[{"type":"track","name":"Added","messageId":"m","page":{"url":"https://shop.example/"},"proof":"p","userId":"u"},{"type":"track","event":"Old"}]}`)
	key, err := Key(v)
	if err != nil || string(key) != "pk" {
		t.Fatalf("%v", err)
	}
	b, err := ReadBatch(v)
	if err != nil || b.Items.Len() != 2 || !b.GPC.Exists() || !b.Consent.Exists() || len(b.Sent) == 0 {
		t.Fatalf("%v", err)
	}
	var e segment.Event
	items := b.Items.Items()
	items.Next()
	if err := Read(&e, items.Value()); err != nil || e.Type != event.TypeTrack || string(e.Name) != "Added" || string(e.Page.Get("url").Text()) == "" || string(e.Proof) != "p" {
		t.Errorf("%v", err)
	}
	items.Next()
	if err := Read(&e, items.Value()); err != nil || string(e.Name) != "Old" {
		t.Errorf("%v", err)
	}
	if b, err := ReadBatch(parse(t, `{"batch":[{}]}`)); err != nil || b.Items.Len() != 1 {
		t.Errorf("a Segment batch is no beacon: %v", err)
	}
}

func TestBeaconRefuses(t *testing.T) {
	var e segment.Event
	for body, field := range map[string]string{
		`{"type":"track"}`:                       "name",
		`{"type":"track","name":1}`:              "name",
		`{"type":"page","page":"x"}`:             "page",
		`{"name":"x"}`:                           "type",
		`7`:                                      "batch",
		`{"type":"page","properties":["x"]}`:     "properties",
		`{"type":"identify","userId":["x"]}`:     "userId",
		`{"type":"page","messageId":{"a":"b"}}`:  "messageId",
		`{"type":"page","released":"analytics"}`: "released",
		`{"type":"page","released":["a",1]}`:     "released",
		`{"type":"page","released":{}}`:          "released",
		`{"type":"page","released":null}`:        "released",
		`{"type":"page","released":[` + strings.Repeat(`"a",`, 32) + `"a"]}`: "released",
	} {
		wrong, ok := errors.AsType[*segment.FieldError](Read(&e, parse(t, body)))
		if !ok || wrong.Field != field {
			t.Errorf("%s: %+v, want %s", body, wrong, field)
		}
	}
	if _, err := ReadBatch(parse(t, `{"events":{}}`)); err == nil {
		t.Error("events may be an object")
	}
	if _, err := Key(parse(t, `{"key":1}`)); err == nil {
		t.Error("a key may be a number")
	}
}
