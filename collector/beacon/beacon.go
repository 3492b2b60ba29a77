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

// checkReleased refuses a mark that cannot be read: it tells for what an event may
// be stored, and half of it would tell something else.
func checkReleased(v jsontape.Value) error {
	wrong := &segment.FieldError{Field: "released", Why: "must be an array of purposes"}
	switch {
	case !v.Exists():
		return nil
	case v.Type() != jsontape.Array, v.Len() > event.MaxPurposes:
		return wrong
	}
	for items := v.Items(); items.Next(); {
		if items.Value().Type() != jsontape.String {
			return wrong
		}
	}
	return nil
}

// Read fills e from one event of the batch. An error is a *segment.FieldError.
func Read(e *segment.Event, v jsontape.Value) error {
	if err := e.ReadNamed(v, event.TypeUnknown, "name"); err != nil {
		return err
	}
	if err := checkReleased(e.Released); err != nil {
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
