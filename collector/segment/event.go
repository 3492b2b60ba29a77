package segment

import (
	"zgoda/event"
	"zgoda/jsontape"
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
	Context                            jsontape.Value // absent or an object, as those below
	Properties, Traits                 jsontape.Value
	Page                               jsontape.Value // context.page, or page of the snippet; of any type, as those below
	OwnPage                            jsontape.Value // page beside the context
	Campaign                           jsontape.Value // context.campaign
	IP, UserAgent, Group               jsontape.Value // of the context
	Consent, GPC                       jsontape.Value // their reader judges
	Released                           jsontape.Value // of the snippet: absent, or an array of texts
}

// Reset empties the event.
func (e *Event) Reset() { *e = Event{} }

// Read fills e from a parsed call. route is what the path says the call is;
// with TypeUnknown the call itself must say. An error is a *FieldError.
func (e *Event) Read(v jsontape.Value, route event.Type) error {
	return e.ReadNamed(v, route, "event")
}

// ReadNamed is Read where the name of a track may also be in another member.
func (e *Event) ReadNamed(v jsontape.Value, route event.Type, track string) (err error) {
	*e = Event{}
	if v.Type() != jsontape.Object {
		return &FieldError{"batch", "must hold objects"}
	}
	var c call
	c.read(v)
	if err := e.readType(c.kind, route); err != nil {
		return err
	}
	if err := e.readTexts(&c); err != nil {
		return err
	}
	if err := e.readObjects(&c); err != nil {
		return err
	}
	if e.GroupID == nil && e.Type == event.TypeGroup {
		return &FieldError{"groupId", "is required"}
	}
	e.Consent, e.GPC, e.OwnPage, e.Released = c.consent, c.gpc, c.page, c.released
	return e.readName(&c, track)
}

// call holds the members of a call that are read.
type call struct {
	kind, messageID, anonymousID, userID, previousID, groupID, proof jsontape.Value
	timestamp, original, sent                                        jsontape.Value
	context, properties, traits, page, consent, gpc                  jsontape.Value
	released                                                         jsontape.Value
	event, name                                                      jsontape.Value
}

// read finds the members in one walk.
func (c *call) read(v jsontape.Value) {
	for m := v.Members(); m.Next(); {
		switch m.Known() {
		case jsontape.Kind:
			c.kind = m.Value()
		case jsontape.MessageID:
			c.messageID = m.Value()
		case jsontape.AnonymousID:
			c.anonymousID = m.Value()
		case jsontape.UserID:
			c.userID = m.Value()
		case jsontape.PreviousID:
			c.previousID = m.Value()
		case jsontape.GroupID:
			c.groupID = m.Value()
		case jsontape.Proof:
			c.proof = m.Value()
		case jsontape.Timestamp:
			c.timestamp = m.Value()
		case jsontape.OriginalTimestamp:
			c.original = m.Value()
		case jsontape.SentAt:
			c.sent = m.Value()
		case jsontape.Context:
			c.context = m.Value()
		case jsontape.Properties:
			c.properties = m.Value()
		case jsontape.Traits:
			c.traits = m.Value()
		case jsontape.Page:
			c.page = m.Value()
		case jsontape.Consent:
			c.consent = m.Value()
		case jsontape.GPC:
			c.gpc = m.Value()
		case jsontape.Released:
			c.released = m.Value()
		case jsontape.Event:
			c.event = m.Value()
		case jsontape.Name:
			c.name = m.Value()
		default:
		}
	}
}

func (e *Event) readType(v jsontape.Value, route event.Type) error {
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

func (e *Event) readTexts(c *call) (err error) {
	if e.MessageID, err = text(c.messageID, "messageId"); err != nil {
		return err
	}
	if e.AnonymousID, err = text(c.anonymousID, "anonymousId"); err != nil {
		return err
	}
	if e.PreviousID, err = text(c.previousID, "previousId"); err != nil {
		return err
	}
	if e.Proof, err = text(c.proof, "proof"); err != nil {
		return err
	}
	if e.Timestamp, err = text(c.timestamp, "timestamp"); err != nil {
		return err
	}
	if e.OriginalTimestamp, err = text(c.original, "originalTimestamp"); err != nil {
		return err
	}
	if e.Sent, err = text(c.sent, "sentAt"); err != nil {
		return err
	}
	if e.UserID, err = identifier(c.userID, "userId"); err != nil {
		return err
	}
	e.GroupID, err = identifier(c.groupID, "groupId")
	return err
}

func (e *Event) readObjects(c *call) (err error) {
	if e.Context, err = object(c.context, "context"); err != nil {
		return err
	}
	if e.Properties, err = object(c.properties, "properties"); err != nil {
		return err
	}
	if e.Traits, err = object(c.traits, "traits"); err != nil {
		return err
	}
	return e.readContext()
}

// readContext finds what is looked for in the context in one walk.
func (e *Event) readContext() (err error) {
	var proof jsontape.Value
	for m := e.Context.Members(); m.Next(); {
		switch m.Known() {
		case jsontape.Page:
			e.Page = m.Value()
		case jsontape.Campaign:
			e.Campaign = m.Value()
		case jsontape.IP:
			e.IP = m.Value()
		case jsontape.UserAgent:
			e.UserAgent = m.Value()
		case jsontape.GroupID:
			e.Group = m.Value()
		case jsontape.Proof:
			proof = m.Value()
		default:
		}
	}
	if e.Proof == nil {
		e.Proof, err = text(proof, "context.proof")
	}
	return err
}

// readName reads what the event is called: a track by its own member, or by
// event, else name.
func (e *Event) readName(c *call, track string) (err error) {
	if e.Type != event.TypeTrack {
		e.Name, err = text(c.name, "name")
		return err
	}
	first := c.event
	if track == "name" {
		first = c.name
	}
	if e.Name, err = text(first, track); err != nil || len(e.Name) > 0 {
		return err
	}
	if e.Name, err = text(c.event, "event"); err != nil {
		return err
	}
	if len(e.Name) == 0 {
		return &FieldError{track, "is required"}
	}
	return nil
}

// identifier returns an id, which SDKs of loosely typed languages also send as
// a number; its digits are the id then.
func identifier(v jsontape.Value, name string) ([]byte, error) {
	if v.Type() == jsontape.Number {
		return v.Digits(), nil
	}
	return text(v, name)
}

// TraitText returns a text of the traits of the call, else of its context's.
func TraitText(e *Event, name string) []byte {
	if s := e.Traits.Get(name).Text(); len(s) > 0 {
		return s
	}
	return e.Context.TextAt("traits", name)
}
