package beacon

import (
	"github.com/valyala/fastjson"

	"zgoda/collector/segment"
	"zgoda/event"
)

// Key returns the write key in a parsed body, or nil.
func Key(v *fastjson.Value) ([]byte, error) {
	if m := v.Get("key"); m != nil {
		s, err := m.StringBytes()
		if err != nil {
			return nil, &segment.FieldError{Field: "key", Why: "must be a string"}
		}
		return s, nil
	}
	return segment.WriteKey(v)
}

// ReadBatch takes a parsed body apart. An error is a *segment.FieldError.
func ReadBatch(v *fastjson.Value) (segment.Batch, error) {
	if v.Get("events") == nil {
		return segment.ReadBatch(v)
	}
	return segment.ReadBatchOf(v, "events")
}

// Read fills e from one event of the batch. An error is a *segment.FieldError.
func Read(e *segment.Event, v *fastjson.Value) error {
	if err := e.ReadNamed(v, event.TypeUnknown, "name"); err != nil {
		return err
	}
	if page := v.Get("page"); page != nil {
		if page.Type() != fastjson.TypeObject {
			return &segment.FieldError{Field: "page", Why: "must be an object"}
		}
		e.Page = page
	}
	return nil
}
