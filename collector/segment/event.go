package segment

import (
	"github.com/valyala/fastjson"

	"zgoda/event"
)

// Event is one call as it came, fields by name, nothing minimised yet. Its
// texts are identifiers and content: it lives no longer than its parser and is
// never logged.
type Event struct {
	Type                               event.Type
	MessageID                          []byte
	AnonymousID, UserID                []byte
	PreviousID, GroupID                []byte
	Proof                              []byte
	Name                               []byte
	Timestamp, OriginalTimestamp, Sent []byte
	Context                            *fastjson.Value // nil or an object, as those below
	Page                               *fastjson.Value // context.page, or page of the snippet
	Properties, Traits                 *fastjson.Value
	Consent, GPC                       *fastjson.Value // of any type: their reader judges
}

// Reset empties the event.
func (e *Event) Reset() { *e = Event{} }

// Read fills e from a parsed call. route is what the path says the call is;
// with TypeUnknown the call itself must say. An error is a *FieldError.
func (e *Event) Read(v *fastjson.Value, route event.Type) error {
	return e.ReadNamed(v, route, "event")
}

// ReadNamed is Read where the name of a track may also be in another member.
func (e *Event) ReadNamed(v *fastjson.Value, route event.Type, track string) error {
	*e = Event{}
	if v.Type() != fastjson.TypeObject {
		return &FieldError{"batch", "must hold objects"}
	}
	if err := e.readType(v, route); err != nil {
		return err
	}
	for _, f := range [...]struct {
		name string
		to   *[]byte
	}{
		{"messageId", &e.MessageID},
		{"anonymousId", &e.AnonymousID},
		{"previousId", &e.PreviousID},
		{"proof", &e.Proof},
		{"timestamp", &e.Timestamp},
		{"originalTimestamp", &e.OriginalTimestamp},
		{"sentAt", &e.Sent},
	} {
		s, err := text(v, f.name)
		if err != nil {
			return err
		}
		*f.to = s
	}
	return e.readRest(v, track)
}

func (e *Event) readType(v *fastjson.Value, route event.Type) error {
	name, err := text(v, "type")
	if err != nil {
		return err
	}
	if route != event.TypeUnknown {
		e.Type = route
		return nil
	}
	var ok bool
	if e.Type, ok = event.ParseType(name); !ok {
		return &FieldError{"type", "must be track, page, screen, identify, group or alias"}
	}
	return nil
}

func (e *Event) readRest(v *fastjson.Value, track string) (err error) {
	if e.UserID, err = identifier(v, "userId"); err != nil {
		return err
	}
	if e.GroupID, err = identifier(v, "groupId"); err != nil {
		return err
	}
	if e.Context, err = object(v, "context"); err != nil {
		return err
	}
	if e.Properties, err = object(v, "properties"); err != nil {
		return err
	}
	if e.Traits, err = object(v, "traits"); err != nil {
		return err
	}
	if e.Proof == nil {
		if e.Proof, err = text(e.Context, "proof"); err != nil {
			return &FieldError{"context.proof", "must be a string"}
		}
	}
	if e.GroupID == nil && e.Type == event.TypeGroup {
		return &FieldError{"groupId", "is required"}
	}
	e.Page = e.Context.Get("page")
	e.Consent, e.GPC = v.Get("consent"), v.Get("gpc")
	return e.readName(v, track)
}

// readName reads what the event is called: a track by its own member, or by
// event, else name.
func (e *Event) readName(v *fastjson.Value, track string) (err error) {
	field := "name"
	if e.Type == event.TypeTrack {
		field = track
	}
	if e.Name, err = text(v, field); err != nil {
		return err
	}
	if e.Type != event.TypeTrack || len(e.Name) > 0 {
		return nil
	}
	if e.Name, err = text(v, "event"); err != nil {
		return err
	}
	if len(e.Name) == 0 {
		return &FieldError{field, "is required"}
	}
	return nil
}

// identifier returns an id, which SDKs of loosely typed languages also send as
// a number; its digits are the id then.
func identifier(v *fastjson.Value, name string) ([]byte, error) {
	m := v.Get(name)
	if m != nil && m.Type() == fastjson.TypeNumber {
		return m.MarshalTo(nil), nil
	}
	return text(v, name)
}

// TraitText returns a text of the traits of the call, else of its context's.
func TraitText(e *Event, name string) []byte {
	if s := e.Traits.GetStringBytes(name); len(s) > 0 {
		return s
	}
	return e.Context.GetStringBytes("traits", name)
}
