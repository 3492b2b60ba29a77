package beacon

import (
	"zgoda/collector/segment"
	"zgoda/event"
	"zgoda/jsontape"
)

// Key returns the write key in a parsed body, or nil.
func Key(v jsontape.Value) ([]byte, error) {
	key := v.Get("key")
	switch key.Type() {
	case jsontape.Absent:
		return segment.WriteKey(v)
	case jsontape.String:
		return key.Text(), nil
	default:
		return nil, &segment.FieldError{Field: "key", Why: "must be a string"}
	}
}

// ReadBatch takes a parsed body apart. An error is a *segment.FieldError.
func ReadBatch(v jsontape.Value) (segment.Batch, error) {
	if !v.Get("events").Exists() {
		return segment.ReadBatch(v)
	}
	return segment.ReadBatchOf(v, "events")
}

// Read fills e from one event of the batch. An error is a *segment.FieldError.
func Read(e *segment.Event, v jsontape.Value) error {
	if err := e.ReadNamed(v, event.TypeUnknown, "name"); err != nil {
		return err
	}
	switch e.OwnPage.Type() {
	case jsontape.Absent:
		return nil
	case jsontape.Object:
		e.Page = e.OwnPage
		return nil
	default:
		return &segment.FieldError{Field: "page", Why: "must be an object"}
	}
}
